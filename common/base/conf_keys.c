/*
 * conf_keys - the table of the INI's keys, and their values: from text, to
 * their defaults, compared and printed.
 */
#include "common/base/conf_keys.h"

#include "common/base/words.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- the table ----------------------------------------------------------- */

#define AT(member)  offsetof(struct gp_conf, member)
#define CAP(member) offsetof(struct gp_conf_capture, member)

const struct gp_conf_key gp_conf_keys[] = {
    {"site", "name", GP_KEY_TEXT, AT(site.name), 0, 0, 0, NULL, ""},
    {"site", "networks", GP_KEY_TEXT, AT(site.networks), 0, 0, 0, NULL, ""},
    {"site", "geoip", GP_KEY_PATH, AT(site.geoip), 0, 0, 0, NULL, ""},
    {"site", "asn", GP_KEY_PATH, AT(site.asn), 0, 0, 0, NULL, ""},
    {"store", "path", GP_KEY_PATH, AT(store.path), 0, 0, 0, NULL,
	GP_CONF_STORE},
    {"store", "retain_days", GP_KEY_NUMBER, AT(store.retain_days), 0, 36500, 0,
	NULL, NULL},
    {"store", "max_bytes", GP_KEY_SIZE, AT(store.max_bytes), 0, 0, 0, NULL,
	NULL},
    {"store", "min_free", GP_KEY_SIZE, AT(store.min_free), 0, 0, 0, NULL, NULL},
    {"store", "compression", GP_KEY_CHOICE, AT(store.compression), 0, 0,
	GP_COMPRESS_LZ4, "lz4 none", NULL},
    {"store", "sorted_days", GP_KEY_BOOL, AT(store.sorted_days), 0, 0, 0, NULL,
	NULL},
    {"writer", "sync_interval", GP_KEY_NUMBER, AT(writer.sync_interval), 1,
	300, 5, NULL, NULL},
    {"writer", "metrics", GP_KEY_PATH, AT(writer.metrics), 0, 0, 0, NULL, ""},
    {"writer", "sandbox", GP_KEY_CHOICE, AT(writer.sandbox), 0, 0,
	GP_SANDBOX_FULL, "full seccomp off", NULL},
    {"capture", "filter", GP_KEY_TEXT, CAP(filter), 0, 0, 0, NULL, ""},
    {"capture", "filter_file", GP_KEY_PATH, CAP(filter_file), 0, 0, 0, NULL,
	""},
    {"capture", "snaplen", GP_KEY_NUMBER, CAP(snaplen), 128, 262144, 4200, NULL,
	NULL},
    {"capture", "buffer_mb", GP_KEY_NUMBER, CAP(buffer_mb), 2, 2047, 16, NULL,
	NULL},
    {"capture", "promiscuous", GP_KEY_BOOL, CAP(promiscuous), 0, 0, 1, NULL,
	NULL},
    {"capture", "snapshot_interval", GP_KEY_NUMBER, CAP(snapshot_interval), 1,
	300, 5, NULL, NULL},
    {"capture", "flows_max", GP_KEY_NUMBER, CAP(flows_max), 1024, 100000000,
	1048576, NULL, NULL},
    {"capture", "workers", GP_KEY_NUMBER, CAP(workers), 1, 64, 1, NULL, NULL},
    {"capture", "l7", GP_KEY_CHOICE, CAP(l7), 0, 0, GP_L7_NDPI, "ndpi off",
	NULL},
    {"capture", "l7_wait", GP_KEY_NUMBER, CAP(l7_wait), 0, 300, 10, NULL, NULL},
    {"capture", "direction", GP_KEY_CHOICE, CAP(direction), 0, 0, GP_DIR_AUTO,
	"auto interface flow", NULL},
    {"export", "url", GP_KEY_TEXT, AT(export.url), 0, 0, 0, NULL, ""},
    {"export", "user", GP_KEY_TEXT, AT(export.user), 0, 0, 0, NULL, ""},
    {"export", "password_file", GP_KEY_PATH, AT(export.password_file), 0, 0, 0,
	NULL, ""},
    {"export", "database", GP_KEY_TEXT, AT(export.database), 0, 0, 0, NULL,
	"goprobe"},
    {"export", "ca_file", GP_KEY_PATH, AT(export.ca_file), 0, 0, 0, NULL, ""},
    {"export", "cert_file", GP_KEY_PATH, AT(export.cert_file), 0, 0, 0, NULL,
	""},
    {"export", "key_file", GP_KEY_PATH, AT(export.key_file), 0, 0, 0, NULL, ""},
    {"export", "batch_rows", GP_KEY_NUMBER, AT(export.batch_rows), 1000, 500000,
	250000, NULL, NULL},
    {"export", "interval", GP_KEY_NUMBER, AT(export.interval), 1, 3600, 60,
	NULL, NULL},
    {"export", "timeout", GP_KEY_NUMBER, AT(export.timeout), 1, 3600, 120, NULL,
	NULL},
    {"export", "state", GP_KEY_PATH, AT(export.state), 0, 0, 0, NULL,
	GP_CONF_EXPORT_STATE},
    {"export", "hourly", GP_KEY_BOOL, AT(export.hourly), 0, 0, 0, NULL, NULL},
    {"export", "metrics", GP_KEY_PATH, AT(export.metrics), 0, 0, 0, NULL, ""},
    {"export", "sandbox", GP_KEY_CHOICE, AT(export.sandbox), 0, 0,
	GP_SANDBOX_FULL, "full seccomp off", NULL},
    {"remote", "url", GP_KEY_TEXT, AT(remote.url), 0, 0, 0, NULL, ""},
    {"remote", "user", GP_KEY_TEXT, AT(remote.user), 0, 0, 0, NULL, ""},
    {"remote", "password_file", GP_KEY_PATH, AT(remote.password_file), 0, 0, 0,
	NULL, ""},
    {"remote", "database", GP_KEY_TEXT, AT(remote.database), 0, 0, 0, NULL,
	"goprobe"},
    {"remote", "ca_file", GP_KEY_PATH, AT(remote.ca_file), 0, 0, 0, NULL, ""},
    {"remote", "cert_file", GP_KEY_PATH, AT(remote.cert_file), 0, 0, 0, NULL,
	""},
    {"remote", "key_file", GP_KEY_PATH, AT(remote.key_file), 0, 0, 0, NULL, ""},
    {"remote", "timeout", GP_KEY_NUMBER, AT(remote.timeout), 1, 86400, 600,
	NULL, NULL},
};
static_assert(sizeof(gp_conf_keys) / sizeof(*gp_conf_keys) == GP_CONF_KEYS,
    "all are counted");

const struct gp_conf_key gp_conf_capture_sandbox = {"capture", "sandbox",
    GP_KEY_CHOICE, AT(capture_sandbox), 0, 0, GP_SANDBOX_FULL,
    "full seccomp off", NULL};

const struct gp_conf_key *
gp_conf_key_find(const char *section, const char *name)
{
	const char *in = strcmp(section, "interface") == 0 ? "capture" : section;

	if (strcmp(section, "capture") == 0 &&
	    strcmp(name, gp_conf_capture_sandbox.name) == 0)
		return &gp_conf_capture_sandbox;
	for (size_t i = 0; i < GP_CONF_KEYS; i++)
		if (strcmp(gp_conf_keys[i].section, in) == 0 &&
		    strcmp(gp_conf_keys[i].name, name) == 0)
			return &gp_conf_keys[i];
	return NULL;
}

bool
gp_conf_in_capture(const struct gp_conf_key *k)
{
	return strcmp(k->section, "capture") == 0;
}

/* ---- values from text ---------------------------------------------------- */

/* i-th of the blank-separated words; NULL beyond the last */
static const char *
choice_word(const char *choices, uint32_t i, size_t *len)
{
	const char *p = choices;

	for (; i > 0; i--) {
		p += strcspn(p, " ");
		if (*p == '\0')
			return NULL;
		p++;
	}
	*len = strcspn(p, " ");
	return p;
}

static bool
parse_choice(const struct gp_conf_key *k, const char *text, uint32_t *out)
{
	size_t len = 0;
	const char *word;

	for (uint32_t i = 0; (word = choice_word(k->choices, i, &len)); i++)
		if (strlen(text) == len && strncasecmp(text, word, len) == 0) {
			*out = i;
			return true;
		}
	return false;
}

static bool
parse_bool(const char *text, bool *out)
{
	static const char *const words[] = {"no", "yes", "off", "on", "false",
	    "true", "0", "1"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(text, words[i]) == 0) {
			*out = i % 2;
			return true;
		}
	return false;
}

static bool
set_text(char **slot, const char *text, bool append)
{
	size_t old = append && *slot ? strlen(*slot) : 0;
	size_t more = strlen(text);
	char *joined = malloc(old + more + 2);

	if (joined == NULL)
		return false;
	if (old > 0) {
		memcpy(joined, *slot, old);
		joined[old++] = ' ';
	}
	memcpy(joined + old, text, more + 1);
	free(*slot);
	*slot = joined;
	return true;
}

const char *
gp_conf_key_set(const struct gp_conf_key *k, void *base, const char *text,
    bool append, char why[128])
{
	char *at = (char *)base + k->offset;
	uint64_t n;
	uint32_t choice;
	bool yes;

	switch (k->type) {
	case GP_KEY_PATH:
		if (text[0] != '/' &&
		    (text[0] != '\0' || k->fallback_text[0] != '\0'))
			return "needs an absolute path";
		if (strlen(text) >= PATH_MAX)
			return "path too long";
		/* fallthrough */
	case GP_KEY_TEXT:
		if (!set_text((char **)(void *)at, text, append))
			return "out of memory";
		return NULL;
	case GP_KEY_NUMBER:
		if (!gp_words_digits(&text, &n) || *text != '\0' ||
		    n < k->min || n > k->max) {
			(void)snprintf(why, 128, "needs a number from %u to %u",
			    k->min, k->max);
			return why;
		}
		*(uint32_t *)(void *)at = (uint32_t)n;
		return NULL;
	case GP_KEY_SIZE:
		if (!gp_words_size(text, &n))
			return "needs a size, as 500M or 2G";
		*(uint64_t *)(void *)at = n;
		return NULL;
	case GP_KEY_BOOL:
		if (!parse_bool(text, &yes))
			return "needs yes or no";
		*(bool *)(void *)at = yes;
		return NULL;
	case GP_KEY_CHOICE:
		if (!parse_choice(k, text, &choice)) {
			(void)snprintf(why, 128, "needs one of: %s",
			    k->choices);
			return why;
		}
		*(uint32_t *)(void *)at = choice; /* enums are 32 bits wide */
		return NULL;
	}
	return "unknown type";
}

static_assert(sizeof(enum gp_conf_direction) == sizeof(uint32_t) &&
	sizeof(enum gp_conf_l7) == sizeof(uint32_t) &&
	sizeof(enum gp_conf_sandbox) == sizeof(uint32_t) &&
	sizeof(enum gp_conf_compression) == sizeof(uint32_t),
    "choices are stored as uint32_t");

bool
gp_conf_key_reset(const struct gp_conf_key *k, void *base)
{
	char *at = (char *)base + k->offset;

	switch (k->type) {
	case GP_KEY_TEXT:
	case GP_KEY_PATH:
		return set_text((char **)(void *)at, k->fallback_text, false);
	case GP_KEY_BOOL:
		*(bool *)(void *)at = k->fallback != 0;
		return true;
	case GP_KEY_SIZE:
		*(uint64_t *)(void *)at = k->fallback;
		return true;
	case GP_KEY_NUMBER:
	case GP_KEY_CHOICE:
		*(uint32_t *)(void *)at = k->fallback;
		return true;
	}
	return false;
}

/* ---- values there are ---------------------------------------------------- */

bool
gp_conf_key_same(const struct gp_conf_key *k, const void *base_a,
    const void *base_b)
{
	const char *a = (const char *)base_a + k->offset;
	const char *b = (const char *)base_b + k->offset;

	switch (k->type) {
	case GP_KEY_TEXT:
	case GP_KEY_PATH:
		return strcmp(*(const char *const *)(const void *)a,
			   *(const char *const *)(const void *)b) == 0;
	case GP_KEY_NUMBER:
	case GP_KEY_CHOICE:
		return memcmp(a, b, sizeof(uint32_t)) == 0;
	case GP_KEY_SIZE:
		return memcmp(a, b, sizeof(uint64_t)) == 0;
	case GP_KEY_BOOL:
		return memcmp(a, b, sizeof(bool)) == 0;
	}
	return false;
}

/* A terminal is not to do what a file says. */
static void
print_text(const char *text, size_t len, FILE *out)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		fputc((c < 0x20 && c != '\t') || c == 0x7f ? '?' : c, out);
	}
}

/* Nobody's password belongs into a URL, and is refused there; what is printed
 * to find the mistake should not have it. */
static void
print_url(const char *url, FILE *out)
{
	size_t scheme = strcspn(url, ":@?");
	size_t before = strncmp(url + scheme, "://", 3) == 0 ? scheme + 3 : 0;
	const char *at = strrchr(url, '@');

	if (at && at >= url + before) {
		print_text(url, before, out);
		fputs("***", out);
		url = at;
	}
	print_text(url, strcspn(url, "?"), out);
	fputs(strchr(url, '?') ? "?***" : "", out);
}

void
gp_conf_key_print(const struct gp_conf_key *k, const void *base, FILE *out)
{
	const char *at = (const char *)base + k->offset;
	const char *word;
	size_t len = 0;

	switch (k->type) {
	case GP_KEY_TEXT:
	case GP_KEY_PATH:
		word = *(const char *const *)(const void *)at;
		fprintf(out, "%s = ", k->name);
		if (strcmp(k->name, "url") == 0)
			print_url(word, out);
		else
			print_text(word, strlen(word), out);
		fputc('\n', out);
		break;
	case GP_KEY_NUMBER:
		fprintf(out, "%s = %u\n", k->name,
		    *(const uint32_t *)(const void *)at);
		break;
	case GP_KEY_SIZE:
		fprintf(out, "%s = %llu\n", k->name,
		    (unsigned long long)*(const uint64_t *)(const void *)at);
		break;
	case GP_KEY_BOOL:
		fprintf(out, "%s = %s\n", k->name,
		    *(const bool *)(const void *)at ? "yes" : "no");
		break;
	case GP_KEY_CHOICE:
		word = choice_word(k->choices,
		    *(const uint32_t *)(const void *)at, &len);
		fprintf(out, "%s = %.*s\n", k->name, (int)len, word);
		break;
	}
}
