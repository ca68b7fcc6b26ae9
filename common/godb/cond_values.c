/*
 * The text of a value to elements of its leaf's sets.  Each take_*() reads a
 * token as what its attribute calls for: a number, an amount, a name, or an
 * address, a prefix or a set of such.
 */
#include "common/godb/cond_parse.h"

#include "common/base/addr.h"
#include "common/base/words.h"

#include <stdio.h>
#include <string.h>

/* The token's text as a string; false when too long for any value. */
bool
gdi_cond_copy(struct gdi_parser *p, const struct gdi_token *t,
    char out[GDI_VALUE_MAX + 1])
{
	if (t->length > GDI_VALUE_MAX) {
		FAIL(p, t, "a value has at most %d bytes", GDI_VALUE_MAX);
		return false;
	}
	memcpy(out, p->text + t->offset, t->length);
	out[t->length] = '\0';
	return true;
}

/* ---- ports and protocols ------------------------------------------------- */

/* Values lo to hi as "= them", "< lo", ...; false when cmp wants one value. */
static bool
cut_number(int *lo, int *hi, enum gdi_cmp cmp, int max)
{
	int value = *lo;

	if (cmp == GDI_EQ || cmp == GDI_NE)
		return true;
	if (*lo != *hi)
		return false;
	*lo = cmp == GDI_GT ? value + 1 : cmp == GDI_GE ? value : 0;
	*hi = cmp == GDI_LT ? value - 1 : cmp == GDI_LE ? value : max;
	return true;
}

static int
parse_number(enum gdi_attr attr, const char *text)
{
	return attr == GDI_ATTR_DPORT ? godb_port_parse(text)
				      : godb_proto_parse(text);
}

/* "http-alt" is a name, "1000-2000" a range. */
static bool
parse_number_range(enum gdi_attr attr, char *text, int *lo, int *hi)
{
	char *dash;

	*lo = *hi = parse_number(attr, text);
	if (*lo >= 0)
		return true;
	dash = strchr(text, '-');
	if (!dash)
		return false;
	*dash = '\0';
	*lo = parse_number(attr, text);
	*hi = parse_number(attr, dash + 1);
	*dash = '-';
	return *lo >= 0 && *hi >= 0;
}

static void
fail_number(struct gdi_parser *p, const struct gdi_token *t, enum gdi_attr attr,
    const char *text)
{
	struct gp_words_guess g;
	const char *name;
	bool port = attr == GDI_ATTR_DPORT;

	if (strspn(text, "0123456789-") == strlen(text)) {
		FAIL(p, t, port ? "a port is a number from 0 to 65535"
				: "a protocol is a number from 0 to 255");
		return;
	}
	if (strspn(text, "0123456789.:") == strlen(text)) {
		FAIL(p, t, "a range is written as 80-443");
		return;
	}
	gp_words_guess_init(&g, text);
	for (size_t i = 0;
	     (name = port ? gdi_service_word(i) : gdi_proto_word(i)); i++)
		gp_words_guess_offer(&g, name);
	gdi_cond_suggest(p, t, port ? "unknown service" : "unknown protocol",
	    g.best);
}

static void
take_number(struct gdi_parser *p, uint32_t leaf, const struct gdi_token *t,
    enum gdi_cmp cmp)
{
	enum gdi_attr attr = p->cond->node[leaf].attr;
	int max = attr == GDI_ATTR_DPORT ? UINT16_MAX : UINT8_MAX;
	char text[GDI_VALUE_MAX + 1];
	int lo, hi;

	if (!gdi_cond_copy(p, t, text))
		return;
	if (!parse_number_range(attr, text, &lo, &hi))
		fail_number(p, t, attr, text);
	else if (lo > hi)
		FAIL(p, t, "the range ends before it begins");
	else if (!cut_number(&lo, &hi, cmp, max))
		FAIL(p, t, "a range can only be compared with = or !=");
	else if (lo <= hi)
		gdi_cond_add_number(p, leaf, lo, hi);
}

/* ---- amounts ------------------------------------------------------------- */

/* k, M, ... at *s as a factor of `base` to some power; 0: overflow. */
static uint64_t
take_unit(const char **s, uint64_t base)
{
	static const char units[] = "kmgtpe";
	const char *unit = **s ? strchr(units, **s | 0x20) : NULL;
	uint64_t factor = 1;

	if (unit) {
		(*s)++;
		for (const char *u = units; u <= unit; u++) {
			if (__builtin_mul_overflow(factor, base, &factor))
				return 0;
		}
		if (base == 1024 && (**s | 0x20) == 'i')
			(*s)++;
	}
	if (base == 1024 && (**s | 0x20) == 'b')
		(*s)++;
	return factor;
}

/* "1500", "10M", "4.5GB" at *s, up to a '-' or the end.  *more: it is between
 * *out and the next number. */
static bool
take_amount_at(const char **s, uint64_t base, uint64_t *out, bool *more)
{
	uint64_t whole = 0, part = 0, factor;
	const char *start = *s, *point, *end;

	for (; **s >= '0' && **s <= '9'; (*s)++) {
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(**s - '0'),
			&whole))
			return false;
	}
	if (*s == start)
		return false;
	point = end = *s;
	if (**s == '.') {
		for ((*s)++; **s >= '0' && **s <= '9'; (*s)++)
			;
		end = *s;
		if (end - point == 1)
			return false;
	}
	factor = take_unit(s, base);
	/* the last digit first: a tenth of what is whole by then is exact */
	*more = false;
	for (; end - point > 1; end--) {
		part += (uint64_t)(end[-1] - '0') * factor;
		*more |= part % 10 != 0;
		part /= 10;
	}
	if (!factor || __builtin_mul_overflow(whole, factor, &whole) ||
	    __builtin_add_overflow(whole, part, out))
		return false;
	return **s == '-' || !**s;
}

/* Values lo to hi as "= them", "< lo", ...; false when nothing is left.  What
 * is less than a lo with a fraction behind it is at most lo, and the others
 * are above it. */
static bool
cut_amounts(uint64_t *lo, uint64_t *hi, enum gdi_cmp cmp, bool fraction)
{
	uint64_t v = *lo;

	if (fraction && cmp == GDI_LT)
		cmp = GDI_LE;
	if (fraction && cmp == GDI_GE)
		cmp = GDI_GT;
	switch (cmp) {
	case GDI_EQ:
	case GDI_NE:
		return true;
	case GDI_LT:
		*lo = 0;
		*hi = v - 1;
		return v > 0;
	case GDI_LE:
		*lo = 0;
		return true;
	case GDI_GT:
		*lo = v + 1;
		*hi = UINT64_MAX;
		return v < UINT64_MAX;
	case GDI_GE:
		*hi = UINT64_MAX;
		return true;
	}
	return false;
}

static void
take_amount(struct gdi_parser *p, uint32_t leaf, const struct gdi_token *t,
    enum gdi_cmp cmp)
{
	bool bytes = p->metric == GODB_METRIC_BYTES ||
	    p->metric == GODB_METRIC_BYTES_RCVD ||
	    p->metric == GODB_METRIC_BYTES_SENT;
	char text[GDI_VALUE_MAX + 1];
	const char *s = text;
	bool fine, more, more_hi;
	uint64_t lo, hi;

	if (!gdi_cond_copy(p, t, text))
		return;
	fine = take_amount_at(&s, bytes ? 1024 : 1000, &lo, &more);
	hi = lo;
	if (fine && *s == '-') {
		s++;
		fine = take_amount_at(&s, bytes ? 1024 : 1000, &hi, &more_hi) &&
		    !*s;
		if (fine && cmp != GDI_EQ && cmp != GDI_NE) {
			FAIL(p, t,
			    "a range can only be compared with = or !=");
			return;
		}
	}
	if (!fine)
		FAIL(p, t, "no amount of %s: a number such as 1500 or 10M",
		    godb_metric_name(p->metric));
	else if (lo > hi)
		FAIL(p, t, "the range ends before it begins");
	else if (cut_amounts(&lo, &hi, cmp, more))
		gdi_cond_add_amounts(p, leaf, lo, hi);
}

/* ---- addresses ----------------------------------------------------------- */

static struct godb_addr6
addr_value(const struct gp_addr *a)
{
	struct godb_addr6 v = {gp_addr_half(a->b), gp_addr_half(a->b + 8)};

	if (a->version == 4) {
		v.lo = v.hi >> 32;
		v.hi = 0;
	}
	return v;
}

static struct godb_addr6
prefix_last(const struct gp_prefix *x)
{
	struct godb_addr6 v = addr_value(&x->addr);
	unsigned host = (x->addr.version == 4 ? 32u : 128u) - x->len;

	if (host > 64) {
		v.hi |= host == 128 ? UINT64_MAX
				    : (UINT64_C(1) << (host - 64)) - 1;
		host = 64;
	}
	v.lo |= host == 64 ? UINT64_MAX : (UINT64_C(1) << host) - 1;
	return v;
}

/* Cuts [lo, hi] to what cmp asks for; false when nothing is left. */
static bool
cut_addr(struct godb_addr6 *lo, struct godb_addr6 *hi, enum gdi_cmp cmp,
    struct godb_addr6 last)
{
	struct godb_addr6 v = *lo;

	switch (cmp) {
	case GDI_EQ:
	case GDI_NE:
		return true;
	case GDI_LT:
		if (v.hi == 0 && v.lo == 0)
			return false;
		v.hi -= v.lo == 0;
		v.lo--;
		/* fall through */
	case GDI_LE:
		*lo = (struct godb_addr6){0, 0};
		*hi = v;
		return true;
	case GDI_GT:
		if (v.hi == last.hi && v.lo == last.lo)
			return false;
		v.lo++;
		v.hi += v.lo == 0;
		/* fall through */
	case GDI_GE:
		*lo = v;
		*hi = last;
		return true;
	}
	return false;
}

/* Of IPv4-mapped addresses alone (RFC 4291, 2.5.5.2). */
static bool
are_mapped(struct godb_addr6 lo, struct godb_addr6 hi)
{
	return lo.hi == 0 && hi.hi == 0 && lo.lo >> 32 == 0xffff &&
	    hi.lo >> 32 == 0xffff;
}

/* What is IPv4-mapped comes from programs for both versions, and is meant as
 * the IPv4 address, too; but nothing has an order across versions. */
static void
add_addrs(struct gdi_parser *p, uint32_t leaf, unsigned version,
    struct godb_addr6 lo, struct godb_addr6 hi, enum gdi_cmp cmp)
{
	struct godb_addr6 last = {UINT64_MAX, UINT64_MAX};

	if (version == 6 && cmp <= GDI_NE && are_mapped(lo, hi))
		gdi_cond_add_range4(p, leaf, (uint32_t)lo.lo, (uint32_t)hi.lo);
	if (version == 4)
		last = (struct godb_addr6){0, UINT32_MAX};
	if (!cut_addr(&lo, &hi, cmp, last))
		return;
	if (version == 4)
		gdi_cond_add_range4(p, leaf, (uint32_t)lo.lo, (uint32_t)hi.lo);
	else
		gdi_cond_add_range6(p, leaf, lo, hi);
}

/* "10.0.0.1-10.0.0.9": false when it is not of that form. */
bool
gdi_cond_addr_range(char *text, struct gp_addr *lo, struct gp_addr *hi)
{
	char *dash = strchr(text, '-');
	bool fine;

	if (!dash)
		return false;
	*dash = '\0';
	fine = gp_addr_parse(text, lo) == 0 && gp_addr_parse(dash + 1, hi) == 0;
	*dash = '-';
	return fine;
}

/* "10.1", "10.0.0.*", "10.0.0.1:80" */
bool
gdi_cond_is_like_address(const char *text)
{
	return strspn(text, "0123456789./*-:") == strlen(text);
}

void
gdi_cond_no_address(struct gdi_parser *p, const struct gdi_token *t,
    const char *text)
{
	gdi_cond_suggest(p, t, gdi_cond_is_like_address(text)
	    ? "not an address as 10.0.0.1 or prefix as 10.0.0.0/8:"
	    : "not an address or prefix (names are not resolved):", NULL);
}

static void
take_addr(struct gdi_parser *p, uint32_t leaf, const struct gdi_token *t,
    enum gdi_cmp cmp)
{
	char text[GDI_VALUE_MAX + 1];
	struct gp_prefix x;
	struct gp_addr lo, hi;
	bool single = cmp != GDI_EQ && cmp != GDI_NE;

	if (!gdi_cond_copy(p, t, text))
		return;
	if (gp_prefix_typed(text, &x) == 0) {
		if (single && x.len != (x.addr.version == 4 ? 32 : 128))
			FAIL(p, t,
			    "a prefix can only be compared with = or !=");
		else
			add_addrs(p, leaf, x.addr.version, addr_value(&x.addr),
			    prefix_last(&x), cmp);
	} else if (gdi_cond_addr_range(text, &lo, &hi)) {
		if (single)
			FAIL(p, t, "a range can only be compared with = or !=");
		else if (lo.version != hi.version)
			FAIL(p, t, "the range mixes IPv4 and IPv6");
		else if (gp_addr_compare(&lo, &hi) > 0)
			FAIL(p, t, "the range ends before it begins");
		else
			add_addrs(p, leaf, lo.version, addr_value(&lo),
			    addr_value(&hi), GDI_EQ);
	} else {
		gdi_cond_no_address(p, t, text);
	}
}

/* ---- sets of addresses --------------------------------------------------- */

static void
take_site(struct gdi_parser *p, uint32_t leaf, const struct gdi_token *t)
{
	const char *s = p->site ? p->site : "";
	bool any = false;

	for (;;) {
		char one[GP_ADDR_TEXT_MAX];
		struct gp_prefix x;
		size_t len;

		s += strspn(s, " \t,");
		len = strcspn(s, " \t,");
		if (len == 0)
			break;
		if (len >= sizeof(one)) {
			FAIL(p, t, "the site's networks do not parse");
			return;
		}
		memcpy(one, s, len);
		one[len] = '\0';
		if (gp_prefix_parse(one, &x, NULL) < 0) {
			FAIL(p, t, "the site's network '%s' is no prefix", one);
			return;
		}
		add_addrs(p, leaf, x.addr.version, addr_value(&x.addr),
		    prefix_last(&x), GDI_EQ);
		if (p->rc < 0)
			return;
		any = true;
		s += len;
	}
	if (!any)
		FAIL(p, t,
		    "no networks are set under [site] in the INI file");
}

/* One address, prefix or range of a set; false when it is none. */
static bool
add_member(struct gdi_parser *p, uint32_t leaf, char *text)
{
	struct gp_addr lo, hi;
	struct gp_prefix x;

	if (gp_prefix_typed(text, &x) == 0) {
		add_addrs(p, leaf, x.addr.version, addr_value(&x.addr),
		    prefix_last(&x), GDI_EQ);
		return true;
	}
	if (!gdi_cond_addr_range(text, &lo, &hi) || lo.version != hi.version ||
	    gp_addr_compare(&lo, &hi) > 0)
		return false;
	add_addrs(p, leaf, lo.version, addr_value(&lo), addr_value(&hi),
	    GDI_EQ);
	return true;
}

static bool
separates(char c)
{
	return c == ' ' || c == ',' || (c >= '\t' && c <= '\r');
}

/* The members of a set that somebody else fetched. */
static void
take_members(struct gdi_parser *p, uint32_t leaf, const struct gdi_token *t,
    const char *s, size_t len)
{
	size_t at = 0;
	unsigned line = 1;

	while (at < len && p->rc == 0) {
		char one[2 * GP_ADDR_TEXT_MAX];
		size_t n = 0;

		if (s[at] == '#') {
			while (at < len && s[at] != '\n' && s[at] != '\r')
				at++;
			continue;
		}
		if (separates(s[at])) {
			line += s[at++] == '\n';
			continue;
		}
		while (at + n < len && s[at + n] != '#' &&
		    !separates(s[at + n]))
			n++;
		/* what stands behind it would be left out */
		if (memchr(s + at, '\0', n)) {
			FAIL(p, t, "line %u: a NUL byte", line);
			return;
		}
		if (n < sizeof(one)) {
			memcpy(one, s + at, n);
			one[n] = '\0';
		}
		if (n >= sizeof(one) || !add_member(p, leaf, one))
			FAIL(p, t, "line %u: no address, prefix or range: "
			    "'%.*s'", line, n < 48 ? (int)n : 48, s + at);
		at += n;
	}
}

static void
take_set(struct gdi_parser *p, uint32_t leaf, const struct gdi_token *t,
    enum gdi_cmp cmp)
{
	char value[GDI_VALUE_MAX + 1], why[GODB_COND_WHY_MAX] = "";
	char name[GDI_VALUE_MAX + 16];
	const char *text;
	size_t len;

	if (cmp != GDI_EQ && cmp != GDI_NE) {
		FAIL(p, t, "%s can only be compared with = or !=",
		    p->geo ? p->geo->text : "a list");
		return;
	}
	if (!gdi_cond_copy(p, t, value))
		return;
	(void)snprintf(name, sizeof(name), "%s%s%s",
	    p->geo ? p->geo->text : "", p->geo ? "=" : "", value);
	if (!p->opts->set)
		FAIL(p, t, "%s cannot be looked up here",
		    p->geo ? p->geo->text : "lists");
	else if (p->opts->set(p->opts->set_arg, name, &text, &len, why) != 0)
		FAIL(p, t, "%s", why[0] ? why : "there is no such list");
	else
		take_members(p, leaf, t, text, len);
}

/* ---- any value ----------------------------------------------------------- */

static void
take_name(struct gdi_parser *p, uint32_t leaf, const struct gdi_token *t,
    enum gdi_cmp cmp)
{
	char text[GDI_VALUE_MAX + 1];

	if (cmp != GDI_EQ && cmp != GDI_NE)
		FAIL(p, t, "names have no order: use = or !=");
	else if (t->length == 0)
		FAIL(p, t, "the name is empty");
	else if (gdi_cond_copy(p, t, text))
		gdi_cond_add_name(p, leaf, text);
}

/* Takes the value at p->t into the leaf. */
void
gdi_cond_value(struct gdi_parser *p, uint32_t leaf, enum gdi_cmp cmp)
{
	enum gdi_attr attr = p->cond->node[leaf].attr;
	const struct gdi_token *t = p->t;
	bool addr = attr == GDI_ATTR_SIP || attr == GDI_ATTR_DIP ||
	    attr == GDI_ATTR_HOST;

	if (t->kind != GDI_TOKEN_WORD && t->kind != GDI_TOKEN_STRING) {
		FAIL(p, t, "a value for %s is missing here",
		    gdi_cond_attr_text(p, attr));
		return;
	}
	if (addr && p->geo) {
		take_set(p, leaf, t, cmp);
	} else if (addr && gdi_token_is(t, GDI_WORD_SITE)) {
		if (cmp != GDI_EQ && cmp != GDI_NE)
			FAIL(p, t, "site can only be compared with = or !=");
		else
			take_site(p, leaf, t);
	} else if (gdi_token_is(t, GDI_WORD_AND) ||
	    gdi_token_is(t, GDI_WORD_OR) || gdi_token_is(t, GDI_WORD_CMP)) {
		FAIL(p, t, "a value for %s is missing before '%s'",
		    gdi_cond_attr_text(p, attr), t->word->text);
	} else if (addr && gdi_token_is_set(p->text, t)) {
		take_set(p, leaf, t, cmp);
	} else if (addr) {
		take_addr(p, leaf, t, cmp);
	} else if (attr == GDI_ATTR_L7 || attr == GDI_ATTR_CATEGORY ||
	    attr == GDI_ATTR_SITE) {
		take_name(p, leaf, t, cmp);
	} else if (attr == GDI_ATTR_METRIC) {
		take_amount(p, leaf, t, cmp);
	} else {
		take_number(p, leaf, t, cmp);
	}
	if (p->rc == 0)
		p->t++;
}
