/*
 * keys - the query as typed: shorthands and column names.
 */
#include "common/godb/godb.h"

#include "common/base/words.h"
#include "common/godb/grammar.h"

#include <errno.h>
#include <string.h>

static const char *const names[GODB_N_KEYS] = {
	[GODB_KEY_TIME] = "time",
	[GODB_KEY_IFACE] = "iface",
	[GODB_KEY_SIP] = "sip",
	[GODB_KEY_DIP] = "dip",
	[GODB_KEY_DPORT] = "dport",
	[GODB_KEY_PROTO] = "proto",
	[GODB_KEY_L7PROTO] = "l7proto",
	[GODB_KEY_HOST] = "host",
	[GODB_KEY_SITE] = "site",
};
static const char *const helps[GODB_N_KEYS] = {
	[GODB_KEY_TIME] = "start of the five-minute block, or of --bin",
	[GODB_KEY_IFACE] = "interface",
	[GODB_KEY_SIP] = "source address; sip/24 or sip/24/48: its network",
	[GODB_KEY_DIP] = "destination address; dip/24 or dip/24/48: its network",
	[GODB_KEY_DPORT] = "destination port",
	[GODB_KEY_PROTO] = "IP protocol",
	[GODB_KEY_L7PROTO] = "application",
	[GODB_KEY_HOST] = "either address: each row counts under both",
	[GODB_KEY_SITE] = "the sensor's [site] name (--remote)",
};

/* What conditions, and goProbe's own goQuery, call columns as well. */
static const struct {
	const char *name;
	enum godb_key key;
} aliases[] = {
	{"src", GODB_KEY_SIP},
	{"dst", GODB_KEY_DIP},
	{"port", GODB_KEY_DPORT},
	{"protocol", GODB_KEY_PROTO},
	{"ipproto", GODB_KEY_PROTO},
	{"l7", GODB_KEY_L7PROTO},
	{"app", GODB_KEY_L7PROTO},
};

#define SHORTHAND_MAX GODB_N_KEYS
static const struct {
	const char *name, *help;
	unsigned n;
	enum godb_key key[SHORTHAND_MAX];
	bool category;
} shorthands[] = {
	{"talk_conv", "sip,dip: who talks to whom", 2,
	    {GODB_KEY_SIP, GODB_KEY_DIP}, false},
	{"talk_src", "sip", 1, {GODB_KEY_SIP}, false},
	{"talk_dst", "dip", 1, {GODB_KEY_DIP}, false},
	{"apps_port", "dport,proto", 2, {GODB_KEY_DPORT, GODB_KEY_PROTO},
	    false},
	{"apps_l7", "l7proto and its category", 1, {GODB_KEY_L7PROTO}, true},
	{"apps_dpi", "apps_l7", 1, {GODB_KEY_L7PROTO}, true},
	{"agg_talk_port", "sip,dip,dport,proto", 4,
	    {GODB_KEY_SIP, GODB_KEY_DIP, GODB_KEY_DPORT, GODB_KEY_PROTO}, false},
	{"raw", "time,iface,sip,dip,dport,proto,l7proto", 7,
	    {GODB_KEY_TIME, GODB_KEY_IFACE, GODB_KEY_SIP, GODB_KEY_DIP,
		GODB_KEY_DPORT, GODB_KEY_PROTO, GODB_KEY_L7PROTO}, false},
};
#define N_SHORTHANDS (sizeof(shorthands) / sizeof(shorthands[0]))

const char *
godb_key_name(enum godb_key k)
{
	return (unsigned)k < GODB_N_KEYS ? names[k] : NULL;
}

bool
godb_keys_has(const struct godb_keys *keys, enum godb_key k)
{
	for (unsigned i = 0; i < keys->n; i++) {
		if (keys->key[i] == k)
			return true;
	}
	return false;
}

bool
godb_keys_has_address(const struct godb_keys *keys)
{
	return godb_keys_has(keys, GODB_KEY_SIP) ||
	    godb_keys_has(keys, GODB_KEY_DIP) ||
	    godb_keys_has(keys, GODB_KEY_HOST);
}

const char *
godb_keys_word(size_t i, const char **help)
{
	if (i < N_SHORTHANDS) {
		*help = shorthands[i].help;
		return shorthands[i].name;
	}
	i -= N_SHORTHANDS;
	if (i >= GODB_N_KEYS)
		return NULL;
	*help = helps[i];
	return names[i];
}

static bool
is_address(unsigned k)
{
	return k == GODB_KEY_SIP || k == GODB_KEY_DIP || k == GODB_KEY_HOST;
}

static void
add_key(struct godb_keys *keys, enum godb_key k)
{
	if (!godb_keys_has(keys, k))
		keys->key[keys->n++] = k;
}

/* Digits up to '/' or the end, at most `max`; -1 when it is none. */
static int
take_length(const char **s, int max)
{
	const char *start = *s;
	int v = 0;

	for (; **s >= '0' && **s <= '9' && *s - start < 3; (*s)++)
		v = v * 10 + (**s - '0');
	return *s > start && v <= max && (**s == '/' || !**s) ? v : -1;
}

/* "24", "48" (of IPv6, as it is above 32), "24/48", "/48". */
static bool
parse_lengths(const char *s, int *len4, int *len6)
{
	*len4 = 32;
	*len6 = 128;
	if (*s != '/') {
		int v = take_length(&s, 128);

		if (v < 0)
			return false;
		if (v > 32) {
			*len6 = v;
			return !*s;
		}
		*len4 = v;
		if (!*s)
			return true;
	}
	s++;
	*len6 = take_length(&s, 128);
	return *len6 >= 0 && !*s;
}

static int
refuse_twice(struct godb_diag *diag, size_t at, const char *word, unsigned k)
{
	return gdi_diag(diag, at, strlen(word), "%s is there twice; %s/24/48 "
	    "has lengths for IPv4 and IPv6", names[k], names[k]);
}

/* The column, GODB_N_KEYS when there is none. */
static unsigned
find_key(const char *word, size_t len)
{
	for (unsigned k = 0; k < GODB_N_KEYS; k++) {
		if (strlen(names[k]) == len &&
		    gp_words_ncasecmp(names[k], word, len) == 0)
			return k;
	}
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (strlen(aliases[i].name) == len &&
		    gp_words_ncasecmp(aliases[i].name, word, len) == 0)
			return aliases[i].key;
	}
	return GODB_N_KEYS;
}

int
godb_key_parse(const char *text)
{
	unsigned k = find_key(text, strlen(text));

	return k < GODB_N_KEYS ? (int)k : -EINVAL;
}

/* sip/24 and the like.  1: added, 0: no such word. */
static int
add_prefix(struct godb_keys *keys, const char *word, size_t at,
    struct godb_diag *diag)
{
	const char *slash = strchr(word, '/');
	unsigned k = find_key(word, (size_t)(slash - word));
	int len4, len6;

	if (k == GODB_N_KEYS)
		return 0;
	if (!is_address(k))
		return gdi_diag(diag, at, strlen(word),
		    "only sip, dip and host have prefixes, not %s", names[k]);
	if (!parse_lengths(slash + 1, &len4, &len6))
		return gdi_diag(diag, at, strlen(word), "no prefix length in "
		    "'%s': %s/24 for IPv4, %s/48 for IPv6, %s/24/48 for both",
		    word, names[k], names[k], names[k]);
	if (godb_keys_has(keys, (enum godb_key)k))
		return refuse_twice(diag, at, word, k);
	add_key(keys, (enum godb_key)k);
	keys->drop4[k] = (uint8_t)(32 - len4);
	keys->drop6[k] = (uint8_t)(128 - len6);
	return 1;
}

/* A column as it is, which must not be there with a prefix. */
static int
add_whole(struct godb_keys *keys, unsigned k, const char *word, size_t at,
    struct godb_diag *diag)
{
	if (keys->drop4[k] > 0 || keys->drop6[k] > 0)
		return refuse_twice(diag, at, word, k);
	add_key(keys, (enum godb_key)k);
	return 1;
}

/* A column or a shorthand.  1: added, 0: no such word. */
static int
add_word(struct godb_keys *keys, const char *word, size_t at,
    struct godb_diag *diag)
{
	int column = godb_key_parse(word);

	if (column >= 0)
		return add_whole(keys, (unsigned)column, word, at, diag);
	for (size_t i = 0; i < N_SHORTHANDS; i++) {
		int rc = 1;

		if (gp_words_casecmp(shorthands[i].name, word) != 0)
			continue;
		for (unsigned k = 0; rc == 1 && k < shorthands[i].n; k++)
			rc = add_whole(keys, shorthands[i].key[k], word, at,
			    diag);
		keys->category |= shorthands[i].category;
		return rc;
	}
	return 0;
}

static const char *
nearest(const char *word)
{
	struct gp_words_guess g;

	gp_words_guess_init(&g, word);
	for (size_t i = 0; i < N_SHORTHANDS; i++)
		gp_words_guess_offer(&g, shorthands[i].name);
	for (unsigned k = 0; k < GODB_N_KEYS; k++)
		gp_words_guess_offer(&g, names[k]);
	return g.best;
}

static const struct gdi_word *
word_of_conditions(const char *word)
{
	const struct gdi_word *w;

	for (size_t i = 0; (w = gdi_grammar_word(i)); i++) {
		if (gp_words_casecmp(w->text, word) == 0)
			return w;
	}
	return NULL;
}

static int
refuse(struct godb_diag *diag, size_t offset, size_t len, const char *word)
{
	const char *best = nearest(word);
	const struct gdi_word *w = word_of_conditions(word);

	if (strcmp(word, "sport") == 0)
		return gdi_diag(diag, offset, len, "the source port is not "
		    "stored, only dport (the destination port) is");
	if (strcmp(word, "category") == 0)
		return gdi_diag(diag, offset, len, "category is a column of "
		    "apps_l7 alone");
	if (w && w->kind == GDI_WORD_METRIC)
		return gdi_diag(diag, offset, len, "'%s' is no column but "
		    "what --show counts", word);
	if (w || godb_proto_parse(word) >= 0)
		return gdi_diag(diag, offset, len, "'%s' is no column; "
		    "conditions stand behind -c", word);
	if (best)
		return gdi_diag(diag, offset, len,
		    "unknown column '%s'; did you mean '%s'?", word, best);
	return gdi_diag(diag, offset, len, "unknown column '%s'", word);
}

int
godb_keys_parse(const char *text, struct godb_keys *out, struct godb_diag *diag)
{
	struct godb_keys keys = GODB_KEYS_INIT;
	size_t at = 0;
	int rc;

	for (;;) {
		char word[48];
		size_t len;

		at += strspn(text + at, " \t\n");
		len = strcspn(text + at, ", \t\n");
		if (len == 0)
			return gdi_diag(diag, at, 0, "a column is missing");
		if (len >= sizeof(word))
			return gdi_diag(diag, at, len, "unknown column");
		memcpy(word, text + at, len);
		word[len] = '\0';
		rc = strchr(word, '/') ? add_prefix(&keys, word, at, diag)
				       : add_word(&keys, word, at, diag);
		if (rc < 0)
			return rc;
		if (rc == 0)
			return refuse(diag, at, len, word);
		if (godb_keys_has(&keys, GODB_KEY_HOST) &&
		    (godb_keys_has(&keys, GODB_KEY_SIP) ||
			godb_keys_has(&keys, GODB_KEY_DIP)))
			return gdi_diag(diag, at, len, "host already stands "
			    "for sip and for dip: ask for it or for them");
		at += len;
		at += strspn(text + at, " \t\n");
		if (!text[at])
			break;
		if (text[at] != ',')
			return gdi_diag(diag, at, 0,
			    "columns are separated by commas, and conditions "
			    "stand behind -c");
		at++;
	}
	*out = keys;
	return 0;
}
