#include "querier/indicators.h"

#include "common/base/addr.h"
#include "common/base/clock.h"
#include "common/base/words.h"
#include "querier/seen.h"
#include "querier/when.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is asked ----------------------------------------------------- */

static struct godb_prefix
prefix_of(const struct gp_prefix *p)
{
	struct godb_prefix out = {p->addr.version, p->len,
	    {gp_addr_half(p->addr.b), gp_addr_half(p->addr.b + 8)}};

	if (out.version == 4)
		out.addr = (struct godb_addr6){0, out.addr.hi >> 32};
	return out;
}

void
indicators_text(const struct godb_prefix *p, char out[GP_ADDR_TEXT_MAX])
{
	unsigned bits = p->version == 4 ? 32 : 128;
	struct gp_prefix text = {{.version = p->version}, p->len};

	for (unsigned i = 0; i < 8; i++) {
		text.addr.b[i] = (uint8_t)(p->addr.hi >> (56 - 8 * i));
		text.addr.b[8 + i] = (uint8_t)(p->addr.lo >> (56 - 8 * i));
	}
	if (p->version == 4) {
		memmove(text.addr.b, text.addr.b + 12, 4);
		memset(text.addr.b + 4, 0, 12);
	}
	if (p->len == bits)
		(void)gp_addr_format(&text.addr, out);
	else
		(void)gp_prefix_format(&text, out);
}

static int
add(struct indicators *x, struct godb_prefix p)
{
	if (x->n == INDICATORS_MAX)
		return -E2BIG;
	if (x->n == x->room) {
		size_t room = x->room ? x->room * 2 : 64;
		struct godb_prefix *more =
		    reallocarray(x->prefix, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		x->prefix = more;
		x->room = room;
	}
	x->prefix[x->n++] = p;
	return 0;
}

/* An IPv4-mapped address (RFC 4291, 2.5.5.2), or a prefix of such. */
static bool
is_mapped(const struct godb_prefix *p)
{
	return p->version == 6 && p->len >= 96 && p->addr.hi == 0 &&
	    p->addr.lo >> 32 == 0xffff;
}

/* What is mapped is looked for as the IPv4 address that it stands for, and
 * behind it as it is written, lest a "never" is not of both. */
static int
add_both(struct indicators *x, struct godb_prefix p)
{
	struct godb_prefix four = {4, (uint8_t)(p.len - 96),
	    {0, p.addr.lo & UINT32_MAX}};
	int rc = is_mapped(&p) ? add(x, four) : 0;

	return rc < 0 ? rc : add(x, p);
}

static size_t
word_length(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && (text[n] == '\0' || !strchr(" \t\r\n,#", text[n])))
		n++;
	return n;
}

static int
add_word(struct indicators *x, const char *source, size_t line,
    const char *text, size_t len, char error[512])
{
	char word[GP_ADDR_TEXT_MAX] = "";
	struct gp_prefix p;
	int rc = -EINVAL;

	if (memchr(text, '\0', len)) {
		(void)snprintf(error, 512, "%.200s, line %zu: a NUL byte",
		    source, line);
		return -EINVAL;
	}
	if (len < sizeof(word)) {
		memcpy(word, text, len);
		rc = gp_prefix_typed(word, &p);
	}
	if (rc < 0) {
		(void)snprintf(error, 512, "%.200s%s%.0zu: '%.*s' is no address "
		    "and no prefix", source, line ? ", line " : "", line,
		    len < 60 ? (int)len : 60, text);
		return -EINVAL;
	}
	rc = add_both(x, prefix_of(&p));
	if (rc == -E2BIG)
		(void)snprintf(error, 512, "%.200s: more than %u addresses",
		    source, INDICATORS_MAX);
	else if (rc < 0)
		(void)snprintf(error, 512, "%s", godb_strerror(rc));
	return rc;
}

int
indicators_add(struct indicators *x, const char *source, const char *text,
    size_t len, char error[512])
{
	bool list = source[0] == '@';
	size_t at = 0, line = 1;
	int rc = 0;

	while (rc == 0 && at < len) {
		size_t n;

		if (text[at] == '#') {
			while (at < len && text[at] != '\n' && text[at] != '\r')
				at++;
			continue;
		}
		n = word_length(text + at, len - at);
		if (n > 0)
			rc = add_word(x, source, list ? line : 0, text + at, n,
			    error);
		else
			line += text[at++] == '\n';
		at += n;
	}
	return rc;
}

/* ---- what was found ---------------------------------------------------- */

size_t
sightings_count(const struct sightings *s)
{
	struct godb_sighting sight;
	size_t n = 0;

	for (size_t i = 0; i < s->what->n; i++)
		n += godb_seen_sighting(s->seen, i, &sight);
	return n;
}

/* Of what is mapped the IPv4 address has been told. */
static bool
is_told(const struct sightings *s, size_t i)
{
	struct godb_sighting sight;

	return !is_mapped(&s->what->prefix[i]) ||
	    godb_seen_sighting(s->seen, i, &sight);
}

static size_t
count_told(const struct sightings *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->what->n; i++)
		n += is_told(s, i);
	return n;
}

/* Names of the interfaces that the i-th was seen on. */
static void
put_ifaces(struct out *o, const struct sightings *s, size_t i,
    const char *between, void (*put)(struct out *, const char *))
{
	bool more = false;

	for (size_t f = 0; f < godb_scan_n_ifaces(s->scan); f++) {
		if (!godb_seen_on(s->seen, i, f))
			continue;
		if (more)
			out_str(o, between);
		put(o, godb_scan_iface(s->scan, f));
		more = true;
	}
}

static void
put_known(struct out *o, const struct sightings *s)
{
	char note[256];

	if (seen_note(&s->known, note))
		out_fmt(o, "Note: %s\n", note);
}

void
sightings_txt(struct out *o, const struct sightings *s)
{
	size_t n_seen = sightings_count(s), n_told = count_told(s);

	for (size_t i = 0; i < s->what->n && !o->error; i++) {
		char first[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX];
		char text[GP_ADDR_TEXT_MAX];
		struct godb_sighting sight;

		if (!is_told(s, i))
			continue;
		indicators_text(&s->what->prefix[i], text);
		if (!godb_seen_sighting(s->seen, i, &sight)) {
			out_fmt(o, "never  %s\n", text);
			continue;
		}
		when_format_local(sight.first_s, first);
		when_format_local(sight.last_s + GP_SLOT_S, last);
		out_fmt(o, "seen   %-18s from %s to %s, %u day%s, on ", text,
		    first, last, sight.days, gp_words_s(sight.days));
		put_ifaces(o, s, i, " ", out_clean);
		out_char(o, '\n');
	}
	out_fmt(o, "\nChecked %zu: %zu seen, %zu never\n", n_told, n_seen,
	    n_told - n_seen);
	answer_coverage(o, s->coverage, out_clean);
	out_char(o, '\n');
	put_known(o, s);
}

void
sightings_csv(struct out *o, const struct sightings *s)
{
	out_str(o, "indicator,verdict,first,last,days,ifaces\n");
	for (size_t i = 0; i < s->what->n && !o->error; i++) {
		char text[GP_ADDR_TEXT_MAX];
		struct godb_sighting sight;

		if (!is_told(s, i))
			continue;
		indicators_text(&s->what->prefix[i], text);
		if (!godb_seen_sighting(s->seen, i, &sight)) {
			out_fmt(o, "%s,never,,,0,\n", text);
			continue;
		}
		out_fmt(o, "%s,seen,%lld,%lld,%u,\"", text,
		    (long long)sight.first_s,
		    (long long)(sight.last_s + GP_SLOT_S), sight.days);
		put_ifaces(o, s, i, " ", out_csv_quoted);
		out_str(o, "\"\n");
	}
}

static void
put_object(struct out *o, const struct sightings *s, size_t i)
{
	char first[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX];
	char text[GP_ADDR_TEXT_MAX];
	struct godb_sighting sight;

	indicators_text(&s->what->prefix[i], text);
	if (!godb_seen_sighting(s->seen, i, &sight)) {
		out_fmt(o, "{\"indicator\":\"%s\",\"verdict\":\"never\"}", text);
		return;
	}
	when_format_utc(sight.first_s, first);
	when_format_utc(sight.last_s + GP_SLOT_S, last);
	out_fmt(o, "{\"indicator\":\"%s\",\"verdict\":\"seen\","
	    "\"first\":\"%s\",\"last\":\"%s\",\"days\":%u,\"ifaces\":[", text,
	    first, last, sight.days);
	put_ifaces(o, s, i, ",", out_json);
	out_str(o, "]}");
}

void
sightings_jsonl(struct out *o, const struct sightings *s)
{
	for (size_t i = 0; i < s->what->n && !o->error; i++) {
		if (!is_told(s, i))
			continue;
		put_object(o, s, i);
		out_char(o, '\n');
	}
}

void
sightings_json(struct out *o, const struct sightings *s)
{
	bool incomplete = s->known.unknown ||
	    godb_coverage_incomplete(s->coverage, 0) != NULL;
	size_t n_seen = sightings_count(s), n_told = count_told(s);
	bool more = false;

	out_fmt(o, "{\"status\":\"%s\",\n\"summary\":{\"checked\":%zu,"
	    "\"seen\":%zu,\"never\":%zu,",
	    incomplete ? "incomplete" : "ok", n_told, n_seen, n_told - n_seen);
	seen_json_known(o, &s->known);
	out_str(o, ",\"coverage\":");
	answer_json_coverage(o, s->coverage);
	out_str(o, "},\n\"indicators\":[");
	for (size_t i = 0; i < s->what->n && !o->error; i++) {
		if (!is_told(s, i))
			continue;
		out_str(o, more ? ",\n" : "\n");
		put_object(o, s, i);
		more = true;
	}
	out_str(o, "]}\n");
}
