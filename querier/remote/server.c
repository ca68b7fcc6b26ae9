/*
 * The connection, and what the server knows of sites and interfaces.
 */
#include "querier/remote/engine.h"

#include "common/base/words.h"
#include "querier/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IFACES_MAX 4000000u
#define NAMES_ROOM 40 /* of an interface's two texts, beside their bytes */

struct godb_reader *
remote_reader(struct http *http, const char *database, size_t mem_bytes,
    bool explain)
{
	struct godb_reader *r = calloc(1, sizeof(*r));

	if (!r || (explain && !(r->said = calloc(1, sizeof(*r->said)))))
		session_die(EXIT_ERROR, "%s", godb_strerror(-ENOMEM));
	r->http = http;
	r->database = database;
	r->mem_bytes = mem_bytes;
	return r;
}

/* ---- asking -------------------------------------------------------------- */

_Noreturn void
remote_nonsense(const struct godb_reader *r)
{
	session_die(EXIT_ERROR, "%s: the answer is not one of ClickHouse's to "
	    "this question", http_host(r->http));
}

struct sink {
	struct compact *c;
	char exception[300]; /* what a server wrote into its answer */
};

static bool
take(void *arg, const char *data, size_t len)
{
	struct sink *s = arg;
	const char *at;

	if (compact_feed(s->c, data, len) == 0)
		return true;
	at = memmem(data, len, "Code: ", 6);
	if (at && memmem(at, len - (size_t)(at - data), "DB::Exception", 13))
		(void)snprintf(s->exception, sizeof(s->exception), "%.*s",
		    (int)(len - (size_t)(at - data)), at);
	return false;
}

static void
note(struct godb_reader *r, const struct text *sql, const struct compact *c)
{
	r->rows_read += c->rows_read;
	r->bytes_read += c->bytes_read;
	if (!r->said)
		return;
	text_add(r->said, sql->s);
	text_fmt(r->said, " -- %llu row%s, of %llu read\n",
	    (unsigned long long)c->rows, gp_words_s(c->rows),
	    (unsigned long long)c->rows_read);
}

int
remote_ask(struct godb_reader *r, const struct text *sql, const char *settings,
    struct compact *c)
{
	struct text params = {NULL, 0, 0, false};
	char error[HTTP_ERROR_MAX];
	struct sink sink = {.c = c};
	struct http_ask ask = {.take = take, .take_arg = &sink};
	enum http_result result;

	if (sql->failed)
		return -ENOMEM;
	text_add(&params, r->settings ? r->settings : "");
	if (settings)
		text_fmt(&params, "%s%s", params.len ? "&" : "", settings);
	/* beyond what servers take unasked: a list of a file's addresses */
	if (sql->len > 200 * 1024)
		text_fmt(&params, "%smax_query_size=%zu",
		    params.len ? "&" : "", sql->len + 1024);
	if (params.failed)
		return -ENOMEM;
	ask.sql = sql->s;
	ask.params = params.s;
	result = http_ask(r->http, &ask, NULL, error);
	text_free(&params);
	if (result == HTTP_STOPPED)
		return GODB_ECANCELLED;
	if (result == HTTP_LOCAL && c->rc == 0)
		return -ENOMEM;
	if (result != HTTP_FINE && result != HTTP_LOCAL)
		session_die(EXIT_ERROR, "--remote: %s", error);
	if (sink.exception[0])
		session_die(EXIT_ERROR, "%s: %s", http_host(r->http),
		    sink.exception);
	if (compact_end(c) == -EPROTO)
		remote_nonsense(r);
	if (c->rc == 0)
		note(r, sql, c);
	return c->rc;
}

/* ---- sites and interfaces ------------------------------------------------ */

static int
take_iface(void *arg, const struct compact_row *row)
{
	struct godb_reader *r = arg;
	struct remote_iface *more, *f;
	char site[SITE_MAX], name[IFACE_MAX];
	uint64_t first, last, offline[2];
	bool fits[2];
	int len;

	if (!compact_cut(row, 0, site, sizeof(site), &fits[0]) ||
	    !compact_cut(row, 1, name, sizeof(name), &fits[1]) ||
	    !compact_u64(row, 2, UINT32_MAX, &first) ||
	    !compact_u64(row, 3, UINT32_MAX, &last) ||
	    !compact_u64(row, 4, 1, &offline[0]) ||
	    !compact_u64(row, 5, 1, &offline[1]) || first > last)
		return -EPROTO;
	/* what one sensor may write must not keep the others' from being
	 * asked */
	if (!fits[0] || !fits[1] || strchr(name, '/')) {
		if (r->left_out++ == 0)
			(void)snprintf(r->left_out_site,
			    sizeof(r->left_out_site), "%s", site);
		return 0;
	}
	r->iface_bytes += 2 * sizeof(*f) + 2 * strlen(site) + strlen(name) +
	    NAMES_ROOM;
	if (r->n == IFACES_MAX ||
	    (r->mem_bytes && r->iface_bytes > r->mem_bytes))
		return GODB_EMEMORY;
	if ((r->n & (r->n - 1)) == 0) {
		more = reallocarray(r->iface, r->n ? 2 * r->n : 1,
		    sizeof(*more));
		if (!more)
			return -ENOMEM;
		r->iface = more;
	}
	f = &r->iface[r->n];
	*f = (struct remote_iface){.first_s = (int64_t)first,
	    .last_s = (int64_t)last, .any_offline = offline[0] != 0,
	    .any_live = offline[1] == 0};
	f->site = strdup(site);
	len = asprintf(&f->full, "%s/%s", site, name);
	if (!f->site || len < 0)
		return -ENOMEM;
	f->name = f->full + strlen(site) + 1;
	r->n++;
	return 0;
}

static int
order_ifaces(const void *a, const void *b)
{
	return strcmp(((const struct remote_iface *)a)->full,
	    ((const struct remote_iface *)b)->full);
}

static int
ask_ifaces(struct godb_reader *r)
{
	struct text sql = {NULL, 0, 0, false};
	struct compact c;
	int rc;

	r->n = r->iface_bytes = 0;
	text_add(&sql, "SELECT ");
	remote_put_names(&sql);
	text_fmt(&sql, "toUInt32(min(time)), toUInt32(max(time)), "
	    "max(bitAnd(flags, %d) != 0), min(bitAnd(flags, %d) != 0) FROM "
	    "%s.blocks GROUP BY site, iface FORMAT JSONCompact",
	    GODB_PART_OFFLINE, GODB_PART_OFFLINE, r->database);
	compact_begin(&c, 6, take_iface, r);
	rc = remote_ask(r, &sql, NULL, &c);
	text_free(&sql);
	if (rc == 0 && r->n)
		qsort(r->iface, r->n, sizeof(*r->iface), order_ifaces);
	return rc;
}

int
godb_reader_ifaces(const struct godb_reader *reader, char ***out)
{
	struct godb_reader *r = (struct godb_reader *)(uintptr_t)reader;
	char **names;
	int rc = remote_choose_settings(r);

	if (rc == 0)
		rc = ask_ifaces(r);
	if (rc < 0)
		return rc;
	if (r->left_out)
		session_say("goquery: note: %s: %zu interface%s left out, "
		    "with a name that no sensor gives; site '%.60s' has one",
		    http_host(r->http), r->left_out,
		    r->left_out == 1 ? "" : "s", r->left_out_site);
	names = calloc(r->n + 1, sizeof(*names));
	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < r->n; i++)
		names[i] = r->iface[i].full;
	*out = names;
	return (int)r->n;
}

void
godb_reader_close(struct godb_reader *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++) {
		free(r->iface[i].full);
		free(r->iface[i].site);
	}
	free(r->iface);
	if (r->said)
		text_free(r->said);
	free(r->said);
	text_free(&r->settings_text);
	free(r);
}
