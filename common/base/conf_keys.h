/*
 * conf_keys - the INI's keys, shared by conf*.c: conf_parse.c takes a text by
 * them, conf.c makes defaults, compares and prints.
 */
#ifndef GP_CONF_KEYS_H
#define GP_CONF_KEYS_H

#include "common/base/conf.h"

enum gp_conf_type {
	GP_KEY_TEXT,   /* any text; may go on over indented lines */
	GP_KEY_PATH,   /* absolute path, or empty where the default is */
	GP_KEY_NUMBER, /* uint32_t, min to max */
	GP_KEY_SIZE,   /* uint64_t bytes, K M G T suffixes of 1024 */
	GP_KEY_BOOL,
	GP_KEY_CHOICE, /* enum; `choices` in order of value */
};

struct gp_conf_key {
	const char *section;
	const char *name;
	enum gp_conf_type type;
	size_t offset;
	uint32_t min, max, fallback;
	const char *choices; /* blank-separated */
	const char *fallback_text;
};

/* [capture] and [interface NAME] share the rows of section "capture", whose
 * offsets are relative to struct gp_conf_capture: those that are "in capture".
 * Of all others the base is struct gp_conf. */
#define GP_CONF_KEYS 46
extern const struct gp_conf_key gp_conf_keys[GP_CONF_KEYS];
/* `sandbox` in [capture] is not an interface's setting: it applies to the
 * program, so it stands apart and [interface NAME] does not take it. */
extern const struct gp_conf_key gp_conf_capture_sandbox;

/* In a section, which may be "interface"; NULL: there is no such key. */
const struct gp_conf_key *gp_conf_key_find(const char *section,
    const char *name);
bool gp_conf_in_capture(const struct gp_conf_key *k);

/* Sets one value, or adds to a text; NULL when fine, else what is wrong with
 * it, which may be in `why`. */
const char *gp_conf_key_set(const struct gp_conf_key *k, void *base,
    const char *text, bool append, char why[128]);
/* To its default; false: out of memory. */
bool gp_conf_key_reset(const struct gp_conf_key *k, void *base);
bool gp_conf_key_same(const struct gp_conf_key *k, const void *base_a,
    const void *base_b);
/* A line `key = value`. */
void gp_conf_key_print(const struct gp_conf_key *k, const void *base,
    FILE *out);

#endif
