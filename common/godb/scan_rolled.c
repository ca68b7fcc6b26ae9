/*
 * scan_rolled - days that a roll-up answers for, or that have no rows: their
 * blocks become no parts, which of many interfaces, or a year, is most of what
 * a question costs.
 *
 * What is relied on is read: the bytes of the day's index are those that its
 * digest was made of when it was whole, and each record of theirs that has rows
 * is one that the roll-up sums.
 */
#include "common/godb/scan_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/godb/addrindex.h"
#include "common/godb/plan.h"
#include "common/godb/rollup.h"

/* The day's roll-up with the fewest rows: the list has it last. */
static const struct gdi_rollup *
find_rollup(const struct gdi_plan_opts *question, const struct gdi_rollups *r)
{
	for (size_t i = r->n; i > 0; i--) {
		const struct gdi_rollup *one = &r->list[i - 1];

		if (one->span_s == GP_DAY_S && gdi_plan_suits(question, one))
			return one;
	}
	return NULL;
}

struct heads {
	struct gdi_record_head *head;
	size_t n, cap;
};

static int
by_slot(const void *pa, const void *pb)
{
	const struct gdi_record_head *a = pa, *b = pb;

	if (a->slot_s != b->slot_s)
		return a->slot_s < b->slot_s ? -1 : 1;
	return (a->offset > b->offset) - (a->offset < b->offset);
}

/* All records, by slot, then as committed.  0, GODB_EDAMAGED, -ENOMEM. */
static int
read_heads(const uint8_t *data, size_t len, struct heads *out)
{
	struct gdi_record_head h;
	bool ascend = true;
	size_t at = 0;
	int rc;

	while ((rc = gdi_index_head(data, len, &at, &h)) == 1) {
		struct gdi_record_head *list = gdi_scan_grow(out->head, out->n,
		    &out->cap, sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		out->head = list;
		ascend = ascend && (out->n == 0 ||
		    list[out->n - 1].slot_s <= h.slot_s);
		list[out->n++] = h;
	}
	if (!ascend) /* late ones lie behind */
		qsort(out->head, out->n, sizeof(*out->head), by_slot);
	return rc;
}

/* Whether no record that has rows is missing in the roll-up, and none is too
 * many: 1 or 0, or -ENOMEM. */
static int
lists_all(const struct gdi_rollup *r, const uint8_t *data, size_t len)
{
	struct heads all = {NULL, 0, 0};
	int rc = read_heads(data, len, &all);
	size_t i = 0;
	uint64_t k = 0;

	for (; rc == 0 && i < all.n; i++) {
		const struct gdi_record_head *h = &all.head[i];

		if (k < r->n && memcmp(h->id, r->ids + k * 16, 16) == 0)
			k++;
		else if (h->has_rows)
			break;
	}
	if (rc == 0)
		rc = i == all.n && k == r->n;
	free(all.head);
	return rc;
}

/* Whether the index is the one that the digest was made of, and the roll-up is
 * of all that it has: 1 or 0, or an error. */
static int
is_of_index(int day_fd, const struct gdi_digest *d, const struct gdi_rollup *r,
    struct gdi_buf *bytes)
{
	int rc = gdi_scan_index_ends(day_fd, d);

	if (rc == 1)
		rc = gdi_scan_index_is(day_fd, d, bytes);
	return rc == 1 && r != NULL ?
	    lists_all(r, bytes->p, (size_t)d->index_bytes) : rc;
}

/* With the day's digest, which is taken: 1. */
static int
take(const struct gdi_stock *k, int64_t day_s, struct gdi_digest *digest,
    struct gdi_held *out)
{
	out->day = calloc(1, sizeof(*out->day));
	if (out->day == NULL)
		return -ENOMEM;
	out->day->day_s = out->day_s = day_s;
	out->iface = k->index;
	out->digest = *digest;
	memset(digest, 0, sizeof(*digest));
	return 1;
}

static int
hold(const struct gdi_stock *k, int day_fd, int64_t day_s,
    struct gdi_buf *bytes, struct gdi_digest *digest, struct gdi_held *out)
{
	const struct gdi_record *r;
	int rc;

	out->rollups = calloc(1, sizeof(*out->rollups));
	if (out->rollups == NULL)
		return -ENOMEM;
	rc = gdi_rollups_read(day_fd, day_s, out->rollups, NULL);
	if (rc < 0)
		return rc;
	out->rollup = find_rollup(k->s->question, out->rollups);
	if (out->rollup == NULL)
		return 0;
	r = out->rollup->record;
	/* where it has more rows than the blocks, these are read */
	if (digest->rows >= (uint64_t)r->n4 + r->n6)
		rc = is_of_index(day_fd, digest, out->rollup, bytes);
	if (rc != 1)
		return rc;
	out->n_summed = out->rollup->n;
	/* of many days the others are most of what a scan would hold */
	rc = gdi_rollups_keep(out->rollups, &out->rollup);
	return rc < 0 ? rc : take(k, day_s, digest, out);
}

/* A day of an interface on which nothing happened. */
static int
hold_empty(const struct gdi_stock *k, int day_fd, int64_t day_s,
    struct gdi_buf *bytes, struct gdi_digest *digest, struct gdi_held *out)
{
	int rc = is_of_index(day_fd, digest, NULL, bytes);

	out->empty = true;
	return rc == 1 ? take(k, day_s, digest, out) : rc;
}

/* Whether the day can have a roll-up that suits the question.  Without
 * attributes the index alone has the answer. */
static bool
may_suit(const struct gdi_plan_opts *question, const struct gdi_digest *d)
{
	return question->rollups && (question->columns & ~GDI_COL_COUNTERS) &&
	    (question->sums || gdi_rollup_keeps_rows(d->rows, d->row_records));
}

int
gdi_scan_roll_day(const struct gdi_stock *k, int day_fd, int64_t day_s,
    struct gdi_scan_scratch *t, struct gdi_held *out)
{
	const struct godb_scan *s = k->s;
	struct gdi_addrindex x;
	int rc;

	memset(out, 0, sizeof(*out));
	/* with a journal only the records tell what of it is stored */
	if (!s->question || !gdi_scan_in_window(s, day_s) ||
	    !gdi_scan_in_window(s, day_s + GP_DAY_S - GP_SLOT_S) ||
	    gdi_scan_has_journal(k, day_s))
		return 0;
	rc = gdi_addrindex_open(day_fd, day_s, true, &x);
	if (rc < 0)
		return rc == -ENOMEM ? rc : 0;
	gdi_once_of(&x, &t->once);
	t->has_once = true;
	if (!gdi_digest_covers(&x.digest))
		rc = 0;
	else if (x.digest.rows == 0)
		rc = hold_empty(k, day_fd, day_s, &t->bytes, &x.digest, out);
	else if (may_suit(s->question, &x.digest))
		rc = hold(k, day_fd, day_s, &t->bytes, &x.digest, out);
	gdi_addrindex_close(&x);
	if (rc != 1)
		gdi_held_free(out);
	return rc == 1 || rc == -ENOMEM ? rc : 0;
}
