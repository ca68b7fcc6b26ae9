#include "common/base/conf.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/fd.h"

#define LINE_MAX_BYTES 8192
#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* some editors begin with it */
#define BLANKS " \t\r\n\v\f" /* what inih takes for blanks */

/* ---- the table of keys -------------------------------------------------- */

enum key_type {
	KEY_TEXT,   /* any text; may go on over indented lines */
	KEY_PATH,   /* absolute path, or empty where the default is */
	KEY_NUMBER, /* uint32_t, min to max */
	KEY_SIZE,   /* uint64_t bytes, K M G T suffixes of 1024 */
	KEY_BOOL,
	KEY_CHOICE, /* enum; `choices` in order of value */
};

struct key {
	const char *section;
	const char *name;
	enum key_type type;
	size_t offset;
	uint32_t min, max, fallback;
	const char *choices; /* blank-separated */
	const char *fallback_text;
};

#define AT(member)  offsetof(struct gp_conf, member)
#define CAP(member) offsetof(struct gp_conf_capture, member)

/* [capture] and [interface NAME] share the rows of section "capture", whose
 * offsets are relative to struct gp_conf_capture. */
static const struct key keys[] = {
    {"site", "name", KEY_TEXT, AT(site.name), 0, 0, 0, NULL, ""},
    {"site", "networks", KEY_TEXT, AT(site.networks), 0, 0, 0, NULL, ""},
    {"site", "geoip", KEY_PATH, AT(site.geoip), 0, 0, 0, NULL, ""},
    {"site", "asn", KEY_PATH, AT(site.asn), 0, 0, 0, NULL, ""},
    {"store", "path", KEY_PATH, AT(store.path), 0, 0, 0, NULL, GP_CONF_STORE},
    {"store", "retain_days", KEY_NUMBER, AT(store.retain_days), 0, 36500, 0,
	NULL, NULL},
    {"store", "max_bytes", KEY_SIZE, AT(store.max_bytes), 0, 0, 0, NULL, NULL},
    {"store", "min_free", KEY_SIZE, AT(store.min_free), 0, 0, 0, NULL, NULL},
    {"store", "compression", KEY_CHOICE, AT(store.compression), 0, 0,
	GP_COMPRESS_LZ4, "lz4 none", NULL},
    {"writer", "sync_interval", KEY_NUMBER, AT(writer.sync_interval), 1, 300, 5,
	NULL, NULL},
    {"writer", "metrics", KEY_PATH, AT(writer.metrics), 0, 0, 0, NULL, ""},
    {"writer", "sandbox", KEY_CHOICE, AT(writer.sandbox), 0, 0,
	GP_SANDBOX_FULL, "full seccomp off", NULL},
    {"capture", "filter", KEY_TEXT, CAP(filter), 0, 0, 0, NULL, ""},
    {"capture", "filter_file", KEY_PATH, CAP(filter_file), 0, 0, 0, NULL, ""},
    {"capture", "snaplen", KEY_NUMBER, CAP(snaplen), 128, 262144, 4200, NULL,
	NULL},
    {"capture", "buffer_mb", KEY_NUMBER, CAP(buffer_mb), 2, 2047, 16, NULL,
	NULL},
    {"capture", "promiscuous", KEY_BOOL, CAP(promiscuous), 0, 0, 1, NULL,
	NULL},
    {"capture", "snapshot_interval", KEY_NUMBER, CAP(snapshot_interval), 1,
	300, 5, NULL, NULL},
    {"capture", "flows_max", KEY_NUMBER, CAP(flows_max), 1024, 100000000,
	1048576, NULL, NULL},
    {"capture", "workers", KEY_NUMBER, CAP(workers), 1, 64, 1, NULL, NULL},
    {"capture", "l7", KEY_CHOICE, CAP(l7), 0, 0, GP_L7_NDPI, "ndpi off", NULL},
    {"capture", "l7_wait", KEY_NUMBER, CAP(l7_wait), 0, 300, 10, NULL, NULL},
    {"capture", "direction", KEY_CHOICE, CAP(direction), 0, 0, GP_DIR_AUTO,
	"auto interface flow", NULL},
    {"export", "url", KEY_TEXT, AT(export.url), 0, 0, 0, NULL, ""},
    {"export", "user", KEY_TEXT, AT(export.user), 0, 0, 0, NULL, ""},
    {"export", "password_file", KEY_PATH, AT(export.password_file), 0, 0, 0,
	NULL, ""},
    {"export", "database", KEY_TEXT, AT(export.database), 0, 0, 0, NULL,
	"goprobe"},
    {"export", "ca_file", KEY_PATH, AT(export.ca_file), 0, 0, 0, NULL, ""},
    {"export", "cert_file", KEY_PATH, AT(export.cert_file), 0, 0, 0, NULL, ""},
    {"export", "key_file", KEY_PATH, AT(export.key_file), 0, 0, 0, NULL, ""},
    {"export", "batch_rows", KEY_NUMBER, AT(export.batch_rows), 1000, 500000,
	250000, NULL, NULL},
    {"export", "interval", KEY_NUMBER, AT(export.interval), 1, 3600, 60, NULL,
	NULL},
    {"export", "timeout", KEY_NUMBER, AT(export.timeout), 1, 3600, 120, NULL,
	NULL},
    {"export", "state", KEY_PATH, AT(export.state), 0, 0, 0, NULL,
	GP_CONF_EXPORT_STATE},
    {"export", "hourly", KEY_BOOL, AT(export.hourly), 0, 0, 0, NULL, NULL},
    {"export", "metrics", KEY_PATH, AT(export.metrics), 0, 0, 0, NULL, ""},
    {"export", "sandbox", KEY_CHOICE, AT(export.sandbox), 0, 0,
	GP_SANDBOX_FULL, "full seccomp off", NULL},
    {"remote", "url", KEY_TEXT, AT(remote.url), 0, 0, 0, NULL, ""},
    {"remote", "user", KEY_TEXT, AT(remote.user), 0, 0, 0, NULL, ""},
    {"remote", "password_file", KEY_PATH, AT(remote.password_file), 0, 0, 0,
	NULL, ""},
    {"remote", "database", KEY_TEXT, AT(remote.database), 0, 0, 0, NULL,
	"goprobe"},
    {"remote", "ca_file", KEY_PATH, AT(remote.ca_file), 0, 0, 0, NULL, ""},
    {"remote", "cert_file", KEY_PATH, AT(remote.cert_file), 0, 0, 0, NULL, ""},
    {"remote", "key_file", KEY_PATH, AT(remote.key_file), 0, 0, 0, NULL, ""},
    {"remote", "timeout", KEY_NUMBER, AT(remote.timeout), 1, 86400, 600, NULL,
	NULL},
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

/* `sandbox` in [capture] is not an interface's setting: it applies to the
 * program, so it stands apart and [interface NAME] does not take it. */
static const struct key capture_sandbox = {"capture", "sandbox", KEY_CHOICE,
    AT(capture_sandbox), 0, 0, GP_SANDBOX_FULL, "full seccomp off", NULL};

/* ---- values ------------------------------------------------------------- */

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
parse_choice(const struct key *k, const char *text, uint32_t *out)
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

/* Digits and, if `suffix`, one of K M G T with an optional B or iB. */
static bool
parse_number(const char *text, bool suffix, uint64_t *out)
{
	static const char units[] = "KMGT";
	uint64_t value = 0;
	const char *p = text;
	const char *unit;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return false;
	while (*p == ' ')
		p++;
	if (suffix && *p != '\0') {
		unit = strchr(units, *p >= 'a' ? *p - 32 : *p);
		if (unit != NULL) {
			for (const char *u = units; u <= unit; u++)
				if (__builtin_mul_overflow(value,
					UINT64_C(1024), &value))
					return false;
			p++;
			if (*p == 'i')
				p++;
		}
		if (*p == 'B')
			p++;
	}
	if (*p != '\0')
		return false;
	*out = value;
	return true;
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

/* Sets one value; NULL when fine, else what is wrong with it. */
static const char *
set_value(const struct key *k, void *base, const char *text, bool append,
    char why[128])
{
	char *at = (char *)base + k->offset;
	uint64_t n;
	uint32_t choice;
	bool yes;

	switch (k->type) {
	case KEY_PATH:
		if (text[0] != '/' &&
		    (text[0] != '\0' || k->fallback_text[0] != '\0'))
			return "needs an absolute path";
		if (strlen(text) >= PATH_MAX)
			return "path too long";
		/* fallthrough */
	case KEY_TEXT:
		if (!set_text((char **)(void *)at, text, append))
			return "out of memory";
		return NULL;
	case KEY_NUMBER:
		if (!parse_number(text, false, &n) || n < k->min ||
		    n > k->max) {
			(void)snprintf(why, 128, "needs a number from %u to %u",
			    k->min, k->max);
			return why;
		}
		*(uint32_t *)(void *)at = (uint32_t)n;
		return NULL;
	case KEY_SIZE:
		if (!parse_number(text, true, &n))
			return "needs a size, as 500M or 2G";
		*(uint64_t *)(void *)at = n;
		return NULL;
	case KEY_BOOL:
		if (!parse_bool(text, &yes))
			return "needs yes or no";
		*(bool *)(void *)at = yes;
		return NULL;
	case KEY_CHOICE:
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

static bool
set_fallback(const struct key *k, void *base)
{
	char *at = (char *)base + k->offset;

	switch (k->type) {
	case KEY_TEXT:
	case KEY_PATH:
		return set_text((char **)(void *)at, k->fallback_text, false);
	case KEY_BOOL:
		*(bool *)(void *)at = k->fallback != 0;
		return true;
	case KEY_SIZE:
		*(uint64_t *)(void *)at = k->fallback;
		return true;
	case KEY_NUMBER:
	case KEY_CHOICE:
		*(uint32_t *)(void *)at = k->fallback;
		return true;
	}
	return false;
}

static bool
in_capture(const struct key *k)
{
	return strcmp(k->section, "capture") == 0;
}

/* ---- life --------------------------------------------------------------- */

struct gp_conf *
gp_conf_new(void)
{
	struct gp_conf *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	for (size_t i = 0; i < N_KEYS; i++) {
		void *base = in_capture(&keys[i]) ? (void *)&c->capture : c;

		if (!set_fallback(&keys[i], base)) {
			gp_conf_free(c);
			return NULL;
		}
	}
	return c;
}

static void
free_texts(void *base, bool capture)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (in_capture(&keys[i]) == capture &&
		    (keys[i].type == KEY_TEXT || keys[i].type == KEY_PATH))
			free(*(char **)(void *)((char *)base +
			    keys[i].offset));
}

void
gp_conf_free(struct gp_conf *c)
{
	if (c == NULL)
		return;
	free_texts(c, false);
	free_texts(&c->capture, true);
	for (size_t i = 0; i < c->n_ifaces; i++)
		free_texts(&c->ifaces[i], true);
	free(c->ifaces);
	free(c->site.prefixes);
	free(c);
}

/* ---- parsing ------------------------------------------------------------ */

/* Where in the text we are; inih does the line syntax, this the meaning.
 * Interfaces inherit from [capture] wherever that stands, so the text is read
 * twice: everything else first, then the interfaces. */
struct parse {
	struct gp_conf *conf;
	const char *text, *end, *file;
	char *error;
	int line;               /* of the line inih holds */
	bool failed;
	bool continued;         /* the line is indented: goes on */
	bool ifaces;            /* second pass */
	struct gp_conf_capture *iface;
	const char *section;    /* of the table, NULL before the first */
	uint64_t seen_once;     /* sections */
	uint64_t *seen;         /* keys of the current section */
	uint64_t seen_section[8];
	uint64_t seen_iface[GP_CONF_MAX_IFACES];
	const struct key *last;
};

static_assert(N_KEYS < 63, "seen keys are bits");

__attribute__((format(printf, 2, 3))) static void
fail(struct parse *p, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (p->failed) /* the first error is the one to mend */
		return;
	p->failed = true;
	n = snprintf(p->error, 512, "%s:%d: ", p->file, p->line);
	if (n < 0 || n >= 512)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(p->error + n, 512 - (size_t)n, fmt, ap);
	va_end(ap);
	for (char *c = p->error; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
}

static void
copy_defaults(struct parse *p, struct gp_conf_capture *to, const char *name)
{
	const struct gp_conf_capture *from = &p->conf->capture;

	*to = *from;
	(void)snprintf(to->name, sizeof(to->name), "%s", name);
	to->filter = strdup(from->filter);
	to->filter_file = strdup(from->filter_file);
	if (to->filter == NULL || to->filter_file == NULL)
		fail(p, "out of memory");
}

static void
begin_iface(struct parse *p, const char *name)
{
	struct gp_conf *c = p->conf;
	struct gp_conf_capture *grown;

	if (!gp_addr_iface_valid(name)) {
		fail(p, "'%s' cannot be an interface name", name);
		return;
	}
	/* the kernel has such names, goquery's -i has not */
	if (strpbrk(name, ",*") != NULL) {
		fail(p, "'%s': a section is of one interface, by its name",
		    name);
		return;
	}
	if (!p->ifaces)
		return;
	for (size_t i = 0; i < c->n_ifaces; i++)
		if (strcmp(c->ifaces[i].name, name) == 0) {
			fail(p, "interface %s stands here a second time", name);
			return;
		}
	if (c->n_ifaces == GP_CONF_MAX_IFACES) {
		fail(p, "more than %d interfaces", GP_CONF_MAX_IFACES);
		return;
	}
	grown = reallocarray(c->ifaces, c->n_ifaces + 1, sizeof(*grown));
	if (grown == NULL) {
		fail(p, "out of memory");
		return;
	}
	c->ifaces = grown;
	p->seen = &p->seen_iface[c->n_ifaces];
	p->iface = &grown[c->n_ifaces++];
	copy_defaults(p, p->iface, name);
}

/* Behind the "]": inih does not look at it. */
static bool
only_comment(const char *rest)
{
	rest += strspn(rest, BLANKS);
	return *rest == '\0' || *rest == ';' || *rest == '#';
}

/* A "[...]" line; inih only reports sections that have keys, but an interface
 * without keys is an interface. */
static void
begin_section(struct parse *p, const char *line, size_t len)
{
	static const char *const names[] = {"site", "store", "writer",
	    "capture", "export", "remote"};
	const char *close = memchr(line, ']', len);
	char name[64];
	size_t n;

	if (close == NULL)
		return; /* inih says so */
	n = (size_t)(close - line) - 1;
	if (n >= sizeof(name)) {
		fail(p, "unknown section");
		return;
	}
	memcpy(name, line + 1, n);
	name[n] = '\0';
	if (!only_comment(close + 1)) {
		fail(p, "section [%s] has a line of its own", name);
		return;
	}
	p->section = NULL;
	p->iface = NULL;
	p->last = NULL;
	if (strncmp(name, "interface ", 10) == 0) {
		p->section = "interface";
		begin_iface(p, name + 10 + strspn(name + 10, " \t"));
		return;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0) {
			if (!p->ifaces && (p->seen_once & (1u << i)))
				fail(p, "section [%s] stands here a second time",
				    name);
			p->seen_once |= 1u << i;
			p->section = names[i];
			p->seen = &p->seen_section[i];
			return;
		}
	fail(p, "unknown section [%s]", name);
}

/* ini_reader: one line at a time, so that we know its number. */
static char *
next_line(char *buf, int size, void *stream)
{
	struct parse *p = stream;
	const char *nl;
	size_t len;

	if (p->text >= p->end || p->failed)
		return NULL;
	p->line++;
	nl = memchr(p->text, '\n', (size_t)(p->end - p->text));
	len = nl ? (size_t)(nl - p->text) + 1 : (size_t)(p->end - p->text);
	if (memchr(p->text, '\0', len)) {
		fail(p, "NUL byte");
		return NULL;
	}
	if (len + 1 > (size_t)size) {
		fail(p, "line longer than %d bytes", size - 3);
		return NULL;
	}
	memcpy(buf, p->text, len);
	buf[len] = '\0';
	p->text += len;
	p->continued = buf[0] == ' ' || buf[0] == '\t';
	if (buf[0] == '[')
		begin_section(p, buf, len);
	else if (buf[strspn(buf, BLANKS)] == '[')
		/* inih would make it part of the value above */
		fail(p, "a section begins at the start of its line");
	return p->failed ? NULL : buf;
}

static const struct key *
find_key(const char *section, const char *name)
{
	const char *in = strcmp(section, "interface") == 0 ? "capture" : section;

	if (strcmp(section, "capture") == 0 &&
	    strcmp(name, capture_sandbox.name) == 0)
		return &capture_sandbox;
	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i].section, in) == 0 &&
		    strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static void *
key_base(struct parse *p, const struct key *k)
{
	if (strcmp(p->section, "interface") == 0)
		return p->iface;
	if (k != &capture_sandbox && in_capture(k))
		return &p->conf->capture;
	return p->conf;
}

/*
 * filter and filter_file are one setting.  What stands in this section takes
 * the place of the other one that was inherited; both make no sense.
 */
static void
other_filter(struct parse *p, const struct key *k, const char *text)
{
	bool file = strcmp(k->name, "filter_file") == 0;
	const struct key *other;
	char **slot;

	if (!in_capture(k) || (!file && strcmp(k->name, "filter") != 0))
		return;
	other = find_key("capture", file ? "filter" : "filter_file");
	slot = (char **)(void *)((char *)key_base(p, k) + other->offset);
	if (!(*p->seen & UINT64_C(1) << (other - keys)))
		(*slot)[0] = '\0';
	else if (text[0] != '\0' && (*slot)[0] != '\0')
		fail(p, "filter and filter_file exclude each other");
}

/* A copy of a value without the comment behind it.  inih does not take it off
 * further lines, nor where it stands right behind the `='. */
static char *
without_comment(const char *value)
{
	char *copy = strdup(value);
	size_t n = 0, end = 0;

	while (copy && copy[n] != '\0' &&
	    (copy[n] != ';' || (n > 0 && !isspace((unsigned char)copy[n - 1]))))
		if (!isspace((unsigned char)copy[n++]))
			end = n; /* what blanks follow goes, too */
	if (copy)
		copy[end] = '\0';
	return copy;
}

/* Of each line as it comes, which is then the line of a mistake. */
static void
add_networks(struct parse *p, const char *text)
{
	struct gp_conf *c = p->conf;
	char *copy = strdup(text);
	char *save = NULL;

	if (copy == NULL) {
		fail(p, "out of memory");
		return;
	}
	for (char *word = strtok_r(copy, " \t,", &save); word && !p->failed;
	     word = strtok_r(NULL, " \t,", &save)) {
		struct gp_prefix prefix, *grown;
		bool host_bits;

		if (gp_prefix_parse(word, &prefix, &host_bits) < 0) {
			fail(p, "networks: '%s' is no address or prefix", word);
			break;
		}
		if (host_bits) {
			fail(p, "networks: '%s' has bits beyond its length",
			    word);
			break;
		}
		grown = reallocarray(c->site.prefixes, c->site.n_prefixes + 1,
		    sizeof(*grown));
		if (grown == NULL) {
			fail(p, "out of memory");
			break;
		}
		c->site.prefixes = grown;
		grown[c->site.n_prefixes++] = prefix;
	}
	free(copy);
}

/* ini_handler: returns nonzero always; our own errors are kept in p. */
static int
one_value(void *user, const char *section, const char *name, const char *value)
{
	struct parse *p = user;
	char *text;
	const struct key *k;
	const char *wrong;
	char why[128];
	uint64_t bit;

	(void)section; /* cut at 50 bytes by inih; ours is exact */
	if (p->failed)
		return 1;
	if (p->section == NULL) {
		fail(p, "key '%s' before any section", name);
		return 1;
	}
	if ((strcmp(p->section, "interface") == 0) != p->ifaces)
		return 1; /* the other pass takes it */
	k = find_key(p->section, name);
	if (k == NULL) {
		fail(p, "unknown key '%s' in [%s]", name, p->section);
		return 1;
	}
	bit = k == &capture_sandbox ? UINT64_C(1) << 63 :
				      UINT64_C(1) << (k - keys);
	if (p->continued && (k->type != KEY_TEXT || k != p->last)) {
		fail(p, "'%s' cannot go on over a second line", name);
		return 1;
	}
	if (!p->continued && (*p->seen & bit)) {
		fail(p, "key '%s' stands here a second time", name);
		return 1;
	}
	*p->seen |= bit;
	p->last = k;
	text = without_comment(value);
	if (text == NULL) {
		fail(p, "out of memory");
		return 1;
	}
	wrong = set_value(k, key_base(p, k), text, p->continued, why);
	if (wrong)
		fail(p, "%s = %s: %s", name, text, wrong);
	else if (strcmp(k->name, "networks") == 0)
		add_networks(p, text);
	else
		other_filter(p, k, text);
	free(text);
	return 1;
}

static void
one_pass(struct parse *p, const char *text, size_t len)
{
	int rc;

	p->text = text;
	p->end = text + len;
	if (len >= strlen(BYTE_ORDER_MARK) &&
	    memcmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		p->text += strlen(BYTE_ORDER_MARK);
	p->line = 0;
	p->section = NULL;
	p->iface = NULL;
	p->last = NULL;
	rc = ini_parse_stream(next_line, p, one_value, p);
	if (rc != 0 && !p->failed) {
		p->line = rc > 0 ? rc : p->line;
		fail(p, rc > 0 ? "neither a section, a key = value nor a comment"
			       : "out of memory");
	}
}

struct gp_conf *
gp_conf_parse(const char *text, size_t len, const char *file, char error[512])
{
	struct parse *p = calloc(1, sizeof(*p));
	struct gp_conf *c = gp_conf_new();

	if (p == NULL || c == NULL) {
		(void)snprintf(error, 512, "%s: out of memory", file);
		free(p);
		gp_conf_free(c);
		return NULL;
	}
	p->conf = c;
	p->file = file;
	p->error = error;
	ini_use_stack = false;
	ini_initial_alloc = LINE_MAX_BYTES;
	ini_max_line = LINE_MAX_BYTES;
	one_pass(p, text, len);
	p->ifaces = true;
	if (!p->failed)
		one_pass(p, text, len);
	if (p->failed) {
		gp_conf_free(c);
		c = NULL;
	}
	free(p);
	return c;
}

/* Programs read the file anew, and so do those that they start: what is gone
 * once it was read, or is not there yet, would be taken for an empty one. */
static bool
can_be_read_again(int fd, const char *path, char error[512])
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		(void)snprintf(error, 512, "%s: %s", path, strerror(errno));
	else if (S_ISFIFO(st.st_mode))
		(void)snprintf(error, 512, "%s: a pipe; the configuration is a "
		    "file", path);
	else
		return true;
	return false;
}

static bool
owner_ok(int fd, const char *path, char error[512])
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		(void)snprintf(error, 512, "%s: %s", path, strerror(errno));
		return false;
	}
	if (st.st_uid != 0 || (st.st_mode & 022) != 0) {
		(void)snprintf(error, 512,
		    "%s: must belong to root and be writable by root alone",
		    path);
		return false;
	}
	return true;
}

struct gp_conf *
gp_conf_load(const char *path, bool optional, bool root_owned, char error[512])
{
	struct gp_conf *c = NULL;
	char *text = NULL, unused[512];
	ssize_t len;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT && optional) {
		c = gp_conf_new();
		if (c == NULL)
			(void)snprintf(error, 512, "out of memory");
		else
			c->roots_own = true;
		return c;
	}
	if (fd < 0) {
		(void)snprintf(error, 512, "%s: %s", path, strerror(errno));
		return NULL;
	}
	if (!can_be_read_again(fd, path, error) ||
	    (root_owned && !owner_ok(fd, path, error)))
		goto out;
	text = malloc(GP_CONF_MAX_BYTES + 1);
	if (text == NULL) {
		(void)snprintf(error, 512, "%s: out of memory", path);
		goto out;
	}
	len = gp_fd_read_full(fd, text, GP_CONF_MAX_BYTES + 1);
	if (len < 0)
		(void)snprintf(error, 512, "%s: %s", path,
		    strerror((int)-len));
	else if (len > (ssize_t)GP_CONF_MAX_BYTES)
		(void)snprintf(error, 512, "%s: larger than 1 MiB", path);
	else
		c = gp_conf_parse(text, (size_t)len, path, error);
	if (c)
		c->roots_own = owner_ok(fd, path, unused);
out:
	free(text);
	gp_fd_close(&fd);
	return c;
}

const struct gp_conf_capture *
gp_conf_iface(const struct gp_conf *c, const char *name)
{
	for (size_t i = 0; i < c->n_ifaces; i++)
		if (strcmp(c->ifaces[i].name, name) == 0)
			return &c->ifaces[i];
	return NULL;
}

static bool
weaker(const struct gp_conf *c)
{
	return c->writer.sandbox != GP_SANDBOX_FULL ||
	    c->capture_sandbox != GP_SANDBOX_FULL;
}

int
gp_conf_own_sandbox(struct gp_conf *c, const char *asked, char error[512])
{
	bool seccomp = asked && strcmp(asked, "seccomp") == 0;

	if (asked && !seccomp && strcmp(asked, "full") != 0) {
		(void)snprintf(error, 512, "--sandbox is full or seccomp, not "
		    "'%.40s'", asked);
		return -EINVAL;
	}
	if (weaker(c) && !c->roots_own) {
		(void)snprintf(error, 512, "sandbox: only a file that belongs "
		    "to root, and that nobody else can write, weakens it; "
		    "--sandbox=seccomp goes without Landlock");
		return -EINVAL;
	}
	if (seccomp && c->writer.sandbox == GP_SANDBOX_FULL)
		c->writer.sandbox = GP_SANDBOX_SECCOMP;
	if (seccomp && c->capture_sandbox == GP_SANDBOX_FULL)
		c->capture_sandbox = GP_SANDBOX_SECCOMP;
	return 0;
}

/* ---- comparing ---------------------------------------------------------- */

static bool
same_value(const struct key *k, const void *base_a, const void *base_b)
{
	const char *a = (const char *)base_a + k->offset;
	const char *b = (const char *)base_b + k->offset;

	switch (k->type) {
	case KEY_TEXT:
	case KEY_PATH:
		return strcmp(*(const char *const *)(const void *)a,
			   *(const char *const *)(const void *)b) == 0;
	case KEY_NUMBER:
	case KEY_CHOICE:
		return memcmp(a, b, sizeof(uint32_t)) == 0;
	case KEY_SIZE:
		return memcmp(a, b, sizeof(uint64_t)) == 0;
	case KEY_BOOL:
		return memcmp(a, b, sizeof(bool)) == 0;
	}
	return false;
}

static bool
same_values(const char *section, const void *a, const void *b)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i].section, section) == 0 &&
		    !same_value(&keys[i], a, b))
			return false;
	return true;
}

bool
gp_conf_same_section(const struct gp_conf *a, const struct gp_conf *b,
    const char *section)
{
	return same_values(section, a, b);
}

bool
gp_conf_same_iface(const struct gp_conf *a, const struct gp_conf_capture *of_a,
    const struct gp_conf *b, const struct gp_conf_capture *of_b)
{
	return same_values("capture", of_a, of_b) &&
	    same_value(&capture_sandbox, a, b);
}

/* ---- printing ----------------------------------------------------------- */

/* Nobody's password belongs into a URL, and is refused there; what is printed
 * to find the mistake should not have it. */
static void
print_url(const char *url, FILE *out)
{
	size_t scheme = strcspn(url, ":@?");
	int before = strncmp(url + scheme, "://", 3) == 0 ? (int)scheme + 3 : 0;
	const char *at = strrchr(url, '@');

	if (at && at >= url + before) {
		fprintf(out, "%.*s***", before, url);
		url = at;
	}
	fprintf(out, "%.*s%s", (int)strcspn(url, "?"), url,
	    strchr(url, '?') ? "?***" : "");
}

static void
print_key(const struct key *k, const void *base, FILE *out)
{
	const char *at = (const char *)base + k->offset;
	const char *word;
	size_t len = 0;

	switch (k->type) {
	case KEY_TEXT:
	case KEY_PATH:
		word = *(const char *const *)(const void *)at;
		fprintf(out, "%s = ", k->name);
		if (strcmp(k->name, "url") == 0)
			print_url(word, out);
		else
			fputs(word, out);
		fputc('\n', out);
		break;
	case KEY_NUMBER:
		fprintf(out, "%s = %u\n", k->name,
		    *(const uint32_t *)(const void *)at);
		break;
	case KEY_SIZE:
		fprintf(out, "%s = %llu\n", k->name,
		    (unsigned long long)*(const uint64_t *)(const void *)at);
		break;
	case KEY_BOOL:
		fprintf(out, "%s = %s\n", k->name,
		    *(const bool *)(const void *)at ? "yes" : "no");
		break;
	case KEY_CHOICE:
		word = choice_word(k->choices,
		    *(const uint32_t *)(const void *)at, &len);
		fprintf(out, "%s = %.*s\n", k->name, (int)len, word);
		break;
	}
}

void
gp_conf_print(const struct gp_conf *c, FILE *out)
{
	const char *section = "";

	for (size_t i = 0; i < N_KEYS; i++) {
		if (strcmp(section, keys[i].section) != 0) {
			section = keys[i].section;
			fprintf(out, "%s[%s]\n", i ? "\n" : "", section);
			if (in_capture(&keys[i]))
				print_key(&capture_sandbox, c, out);
		}
		print_key(&keys[i],
		    in_capture(&keys[i]) ? (const void *)&c->capture : c, out);
	}
	for (size_t n = 0; n < c->n_ifaces; n++) {
		fprintf(out, "\n[interface %s]\n", c->ifaces[n].name);
		for (size_t i = 0; i < N_KEYS; i++)
			if (in_capture(&keys[i]))
				print_key(&keys[i], &c->ifaces[n], out);
	}
}
