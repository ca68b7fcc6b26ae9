/*
 * A query: one statement, whose rows come grouped, chosen, in order and cut to
 * the limit, with the totals of all and the count of groups.
 *
 * Sums stay at the largest number instead of wrapping, as libgodb's do.  That
 * costs a server twice the work, for volumes that nobody has: so a guard is
 * summed along, and only when it says that a sum might have wrapped the exact
 * statement is asked.
 */
#include "querier/remote/run.h"

#include "common/base/addr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Sums of groups' sums, exactly. */
__extension__ typedef unsigned __int128 u128;

#define SHARE_FIRST 10000 /* rows that are asked for at first, of a share */
#define GUARD_MAX   (UINT64_C(1) << 31)

/* ---- a row's cells ------------------------------------------------------- */

static int
get_addr(const struct compact_row *row, size_t i, unsigned version,
    struct godb_addr6 *out)
{
	uint8_t b[16];
	size_t len;

	if (!compact_bytes(row, i, b, sizeof(b), &len) || len != sizeof(b))
		return -EPROTO;
	*out = (struct godb_addr6){gp_addr_half(b), gp_addr_half(b + 8)};
	if (version == 6)
		return 0;
	if (out->hi != 0 || out->lo >> 32 != 0xffff)
		return RUN_STRANGE;
	out->lo &= UINT32_MAX;
	return 0;
}

/* A text of a key's column to its number among the texts. */
static int
get_text(struct run *run, const struct compact_row *row, size_t i,
    uint32_t *out)
{
	char text[SITE_MAX];

	if (!compact_string(row, i, text, sizeof(text)))
		return RUN_STRANGE;
	return result_intern(&run->result->strings, text, out);
}

static int
get_number(const struct compact_row *row, size_t i, uint64_t max,
    uint64_t *out)
{
	return compact_u64(row, i, max, out) ? 0 : -EPROTO;
}

static int
get_key(struct run *run, const struct compact_row *row, size_t *at,
    enum godb_key key, struct kept *k)
{
	uint64_t v = 0;
	int rc;

	switch (key) {
	case GODB_KEY_TIME:
		rc = get_number(row, (*at)++, UINT32_MAX, &v);
		k->time_s = (uint32_t)v;
		return rc;
	case GODB_KEY_IFACE:
		return get_text(run, row, (*at)++, &k->iface);
	case GODB_KEY_SITE:
		return get_text(run, row, (*at)++, &k->site);
	case GODB_KEY_SIP:
	case GODB_KEY_HOST:
		return get_addr(row, (*at)++, k->version, &k->sip);
	case GODB_KEY_DIP:
		return get_addr(row, (*at)++, k->version, &k->dip);
	case GODB_KEY_DPORT:
		rc = get_number(row, (*at)++, UINT16_MAX, &v);
		k->dport = (uint16_t)v;
		return rc;
	case GODB_KEY_PROTO:
		rc = get_number(row, (*at)++, UINT8_MAX, &v);
		k->proto = (uint8_t)v;
		return rc;
	case GODB_KEY_L7PROTO:
		rc = get_text(run, row, (*at)++, &k->l7);
		return rc < 0 ? rc
			      : get_text(run, row, (*at)++, &k->category);
	case GODB_N_KEYS:
		break;
	}
	return -EINVAL;
}

/* The counts behind the keys; *guard may be NULL. */
static int
get_counts(const struct run *run, const struct compact_row *row, size_t *at,
    struct kept *k, uint64_t *guard)
{
	uint64_t v;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < N_COUNTERS; i++)
		rc = get_number(row, (*at)++, UINT64_MAX, &k->counter[i]);
	if (rc == 0)
		rc = get_number(row, (*at)++, UINT64_MAX, guard ? guard : &v);
	for (unsigned i = 0; rc == 0 && i < GODB_N_EXTRAS; i++) {
		if (run->metrics & 1u << (GODB_METRIC_EXTRA + i))
			rc = get_number(row, (*at)++, UINT64_MAX,
			    &k->extra[i]);
	}
	return rc;
}

static int
take_row(void *arg, const struct compact_row *row)
{
	struct run *run = arg;
	const struct godb_keys *keys = &run->opts->keys;
	struct kept *k;
	size_t at = 0;
	uint64_t version = 0;
	int rc = result_new_row(run->result, &k);

	if (rc == 0 && godb_keys_has_address(keys)) {
		rc = get_number(row, at++, UINT8_MAX, &version);
		k->version = (uint8_t)version;
		if (rc == 0 && version != 4 && version != 6)
			rc = RUN_STRANGE;
	}
	for (unsigned i = 0; rc == 0 && i < keys->n; i++)
		rc = get_key(run, row, &at, keys->key[i], k);
	return rc < 0 ? rc : get_counts(run, row, &at, k, NULL);
}

static uint64_t
value_of(const struct run *run, const struct kept *k)
{
	enum godb_metric m =
	    (enum godb_metric)GODB_SORT_METRIC(run->opts->sort);

	if (m >= GODB_METRIC_EXTRA)
		return k->extra[m - GODB_METRIC_EXTRA];
	return godb_metric_counter(k->counter, m, run->opts->direction);
}

/* Behind the keys of the totals' row, whose texts mean nothing. */
static int
take_totals(struct run *run, const struct compact *c, size_t n_keys)
{
	struct godb_result *r = run->result;
	struct kept all;
	size_t at = n_keys;
	int rc;

	memset(&all, 0, sizeof(all));
	if (!c->has_totals)
		return -EPROTO;
	rc = get_counts(run, &c->totals, &at, &all, &run->guard);
	for (unsigned i = 0; rc == 0 && i < N_COUNTERS; i++) {
		r->totals[i] = all.counter[i];
		if (run->host)
			rc = get_number(&c->totals, at++, UINT64_MAX,
			    &r->totals[i]);
	}
	if (rc == 0 && run->opts->share)
		run->share_total = value_of(run, &all);
	return rc;
}

/* ---- questions ----------------------------------------------------------- */

/* Rows that make up the share; more of them than there are: false. */
static bool
cut_share(struct run *run)
{
	struct godb_result *r = run->result;
	u128 all = run->share_total, wanted, sum = 0;
	size_t n = 0;

	/* sums that stay at the most add up to more than their total */
	for (size_t i = 0; run->exact && i < r->n_rows; i++)
		sum += value_of(run, result_row_at(r, i));
	if (sum > all)
		all = sum;
	sum = 0;
	wanted = all * run->opts->share; /* in 1/10000, as the sum */

	for (; n < r->n_rows && sum < wanted; n++)
		sum += (u128)value_of(run, result_row_at(r, n)) * 10000;
	if (sum < wanted && r->n_rows < r->n_hits)
		return false;
	result_cut(r, n);
	return true;
}

static int
ask_rows(struct run *run)
{
	const char *before = "totals_mode=before_having";
	struct godb_result *r = run->result;
	struct text sql = {NULL, 0, 0, false};
	struct compact *c = malloc(sizeof(*c));
	size_t n, n_keys;
	int rc = -ENOMEM;

	result_drop_rows(r);
	n = statement_rows(&sql, run, &n_keys);
	if (c) {
		compact_begin(c, n, take_row, run);
		rc = remote_ask(run->scan->r, &sql,
		    run->opts->having ? before : NULL, c);
	}
	if (rc == 0)
		rc = take_totals(run, c, n_keys);
	if (rc == 0) {
		r->n_hits = (size_t)c->before_limit;
		r->stats.rows += c->rows_read;
		r->stats.bytes_read += c->bytes_read;
	}
	free(c);
	text_free(&sql);
	return rc;
}

static int
take_count(void *arg, const struct compact_row *row)
{
	uint64_t v;

	if (!compact_u64(row, 0, SIZE_MAX, &v))
		return -EPROTO;
	*(size_t *)arg = (size_t)v;
	return 0;
}

/* How many there are before --having chooses. */
static int
ask_groups(struct run *run)
{
	struct text sql = {NULL, 0, 0, false};
	struct compact c;
	int rc;

	run->result->n_groups = run->result->n_hits;
	if (!run->opts->having)
		return 0;
	statement_groups(&sql, run);
	compact_begin(&c, 1, take_count, &run->result->n_groups);
	rc = remote_ask(run->scan->r, &sql, NULL, &c);
	text_free(&sql);
	if (run->result->n_groups < run->result->n_hits)
		run->result->n_groups = run->result->n_hits;
	return rc;
}

static int
ask_all(struct run *run)
{
	const struct godb_query_opts *o = run->opts;
	int rc = labels_ask(run);

	run->asked_limit = o->share ? SHARE_FIRST : o->limit;
	if (rc == 0)
		rc = ask_rows(run);
	if (rc == 0 && run->guard >= GUARD_MAX) {
		run->exact = true;
		run->asked_limit = o->limit;
		rc = ask_rows(run);
	}
	if (rc == 0 && o->share && !cut_share(run)) {
		run->asked_limit = 0;
		rc = ask_rows(run);
		if (rc == 0)
			(void)cut_share(run);
	}
	return rc < 0 ? rc : ask_groups(run);
}

static int
run_query(const struct godb_scan *s, const struct godb_query_opts *opts,
    bool choosy, struct godb_result **out)
{
	struct run run = {.scan = s, .opts = opts, .metrics = opts->metrics,
	    .choosy = choosy};
	int rc;

	run.result = calloc(1, sizeof(*run.result));
	if (!run.result)
		return -ENOMEM;
	run.result->scan = s;
	run.host = run_has(&run, GODB_KEY_HOST);
	if (opts->sort < 0)
		run.metrics |= 1u << GODB_SORT_METRIC(opts->sort);
	if (opts->having)
		run.metrics |= godb_cond_metrics(opts->having);
	statement_bin(&run);
	rc = run.bin.failed ? -ENOMEM : 0;
	if (rc == 0 && choosy)
		rc = shipped_ask(&run);
	if (rc == 0)
		rc = ask_all(&run);
	labels_free(&run.labels);
	text_free(&run.bin);
	if (rc < 0)
		godb_result_free(run.result);
	else
		*out = run.result;
	return rc;
}

int
godb_query_run(const struct godb_scan *s, const struct godb_query_opts *opts,
    struct godb_result **out)
{
	int rc = run_query(s, opts, false, out);

	/* to choose costs the server time that rows as they are shipped do
	 * not need */
	if (rc == RUN_STRANGE)
		rc = run_query(s, opts, true, out);
	if (rc == -EPROTO || rc == RUN_STRANGE)
		remote_nonsense(s->r);
	return rc;
}
