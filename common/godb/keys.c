/*
 * keys - the query as typed: shorthands and column names.
 */
#include "common/godb/godb.h"

#include "common/base/words.h"
#include "common/godb/grammar.h"

#include <string.h>

static const char *const names[GODB_N_KEYS] = {
	[GODB_KEY_TIME] = "time",
	[GODB_KEY_IFACE] = "iface",
	[GODB_KEY_SIP] = "sip",
	[GODB_KEY_DIP] = "dip",
	[GODB_KEY_DPORT] = "dport",
	[GODB_KEY_PROTO] = "proto",
	[GODB_KEY_L7PROTO] = "l7proto",
};

#define SHORTHAND_MAX GODB_N_KEYS
static const struct {
	const char *name;
	unsigned n;
	enum godb_key key[SHORTHAND_MAX];
	bool category;
} shorthands[] = {
	{"talk_conv", 2, {GODB_KEY_SIP, GODB_KEY_DIP}, false},
	{"talk_src", 1, {GODB_KEY_SIP}, false},
	{"talk_dst", 1, {GODB_KEY_DIP}, false},
	{"apps_port", 2, {GODB_KEY_DPORT, GODB_KEY_PROTO}, false},
	{"apps_l7", 1, {GODB_KEY_L7PROTO}, true},
	{"apps_dpi", 1, {GODB_KEY_L7PROTO}, true},
	{"agg_talk_port", 4,
	    {GODB_KEY_SIP, GODB_KEY_DIP, GODB_KEY_DPORT, GODB_KEY_PROTO}, false},
	{"raw", 7,
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

static void
add_key(struct godb_keys *keys, enum godb_key k)
{
	if (!godb_keys_has(keys, k))
		keys->key[keys->n++] = k;
}

static bool
add_word(struct godb_keys *keys, const char *word)
{
	for (unsigned k = 0; k < GODB_N_KEYS; k++) {
		if (gp_words_casecmp(names[k], word) == 0) {
			add_key(keys, (enum godb_key)k);
			return true;
		}
	}
	for (size_t i = 0; i < N_SHORTHANDS; i++) {
		if (gp_words_casecmp(shorthands[i].name, word) != 0)
			continue;
		for (unsigned k = 0; k < shorthands[i].n; k++)
			add_key(keys, shorthands[i].key[k]);
		keys->category |= shorthands[i].category;
		return true;
	}
	return false;
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

static int
refuse(struct godb_diag *diag, size_t offset, size_t len, const char *word)
{
	const char *best = nearest(word);

	if (strcmp(word, "sport") == 0)
		return gdi_diag(diag, offset, len, "the source port is not "
		    "stored, only dport (the destination port) is");
	if (best)
		return gdi_diag(diag, offset, len,
		    "unknown column '%s'; did you mean '%s'?", word, best);
	return gdi_diag(diag, offset, len, "unknown column '%s'", word);
}

int
godb_keys_parse(const char *text, struct godb_keys *out, struct godb_diag *diag)
{
	struct godb_keys keys = {0, {GODB_KEY_TIME}, false};
	size_t at = 0;

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
		if (!add_word(&keys, word))
			return refuse(diag, at, len, word);
		at += len;
		at += strspn(text + at, " \t\n");
		if (!text[at])
			break;
		if (text[at] != ',')
			return gdi_diag(diag, at, 0,
			    "columns are separated by commas");
		at++;
	}
	*out = keys;
	return 0;
}
