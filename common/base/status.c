#include "common/base/status.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/addr.h"
#include "common/base/clock.h"

#define MAGIC       "goprobe-status"
#define FIELD_NAME_MAX   64
#define TIME_NS_MAX ((uint64_t)INT64_MAX)

static const char *const yes_words[] = {"no", "yes", NULL};
static const char *const sandbox_words[] = {
	[GP_STATUS_SANDBOX_FULL] = "full",
	[GP_STATUS_SANDBOX_SECCOMP] = "seccomp",
	[GP_STATUS_SANDBOX_OFF] = "off",
	NULL,
};
static const char *const state_words[] = {
	[GP_STATUS_CAPTURING] = "capturing",
	[GP_STATUS_DRAINING] = "draining",
	[GP_STATUS_GONE] = "gone",
	[GP_STATUS_ABSENT] = "absent",
	NULL,
};
static const char *const l7_words[] = {
	[GP_STATUS_L7_UNKNOWN] = "unknown",
	[GP_STATUS_L7_OFF] = "off",
	[GP_STATUS_L7_ON] = "on",
	[GP_STATUS_L7_FAILED] = "failed",
	[GP_STATUS_L7_MISSING] = "missing",
	NULL,
};
static const char *const direction_words[] = {
	[GP_STATUS_DIR_UNKNOWN] = "unknown",
	[GP_STATUS_DIR_INTERFACE] = "interface",
	[GP_STATUS_DIR_FLOW] = "flow",
	[GP_STATUS_DIR_MIXED] = "mixed",
	NULL,
};

#define AT(field)   offsetof(struct gp_status, field)
#define NUMBER(f)   {#f, GP_STATUS_NUMBER, AT(f), UINT64_MAX, NULL}
#define UP_TO(f, m) {#f, GP_STATUS_NUMBER, AT(f), m, NULL}
#define TIME(f)     {#f, GP_STATUS_TIME, AT(f), TIME_NS_MAX, NULL}
#define WORD(f, w)  {#f, GP_STATUS_WORD, AT(f), 0, w}
#define TEXT(f)     {#f, GP_STATUS_TEXT, AT(f), 0, NULL}
static const struct gp_status_field fields[] = {
	TIME(written),
	UP_TO(written_boot, TIME_NS_MAX),
	TIME(started),
	{"running", GP_STATUS_FLAG, AT(running), 0, yes_words},
	WORD(sandbox, sandbox_words),
	UP_TO(landlock_abi, 1000),
	WORD(capture_sandbox, sandbox_words),
	TEXT(store),
	TEXT(store_error),
	NUMBER(blocks),
	NUMBER(rows),
	NUMBER(stored_bytes),
	NUMBER(frames),
	NUMBER(duplicates),
	NUMBER(refused),
	NUMBER(lied),
	UP_TO(interfaces, GP_STATUS_IFACES_MAX),
};

#undef AT
#define AT(field) offsetof(struct gp_status_iface, field)
static const struct gp_status_field iface_fields[] = {
	WORD(state, state_words),
	WORD(direction, direction_words),
	NUMBER(sessions),
	TIME(since),
	UP_TO(interval_s, 86400),
	NUMBER(seen),
	NUMBER(seen_bytes),
	NUMBER(in_rows),
	NUMBER(in_rows_bytes),
	NUMBER(pending),
	NUMBER(lost),
	NUMBER(non_ip),
	NUMBER(non_ip_bytes),
	NUMBER(malformed),
	NUMBER(malformed_bytes),
	NUMBER(kernel_drops),
	NUMBER(drops_recent),
	NUMBER(iface_drops),
	NUMBER(overflow),
	NUMBER(late),
	NUMBER(time_clamped),
	WORD(l7, l7_words),
	{"l7_cut", GP_STATUS_FLAG, AT(l7_cut), 0, yes_words},
	NUMBER(l7_starved),
	NUMBER(flows),
	NUMBER(frames),
	NUMBER(duplicates),
	NUMBER(rows),
	NUMBER(blocks),
	TIME(last_frame),
	UP_TO(quiet_ns, TIME_NS_MAX),
	TIME(last_block),
	NUMBER(ring_used),
	NUMBER(ring_bytes),
};

#define N_FIELDS       (sizeof(fields) / sizeof(fields[0]))
#define N_IFACE_FIELDS (sizeof(iface_fields) / sizeof(iface_fields[0]))
static_assert(N_FIELDS <= 64 && N_IFACE_FIELDS <= 64, "one bit a field");

const struct gp_status_field *
gp_status_fields(size_t *n)
{
	*n = N_FIELDS;
	return fields;
}

const struct gp_status_field *
gp_status_iface_fields(size_t *n)
{
	*n = N_IFACE_FIELDS;
	return iface_fields;
}

uint64_t
gp_status_get(const struct gp_status_field *f, const void *from)
{
	uint64_t value;

	memcpy(&value, (const char *)from + f->offset, sizeof(value));
	return value;
}

const char *
gp_status_word(const struct gp_status_field *f, const void *from)
{
	uint64_t value = gp_status_get(f, from);

	for (uint64_t i = 0; f->words[i]; i++)
		if (i == value)
			return f->words[i];
	return "?";
}

/* ---- printing ------------------------------------------------------------ */

static bool
needs_escape(unsigned char c)
{
	return c < 0x20 || c == 0x7f || c == '"' || c == '\\';
}

static void
print_text(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text; text++) {
		if (needs_escape((unsigned char)*text))
			fprintf(out, "\\x%02x", (unsigned char)*text);
		else
			fputc(*text, out);
	}
	fputs("\"\n", out);
}

static void
print_fields(const struct gp_status_field *f, size_t n, const void *from,
    FILE *out)
{
	for (; n > 0; n--, f++) {
		fprintf(out, "%s ", f->name);
		switch (f->kind) {
		case GP_STATUS_NUMBER:
		case GP_STATUS_TIME:
			fprintf(out, "%llu\n",
			    (unsigned long long)gp_status_get(f, from));
			break;
		case GP_STATUS_FLAG:
		case GP_STATUS_WORD:
			fprintf(out, "%s\n", gp_status_word(f, from));
			break;
		case GP_STATUS_TEXT:
			print_text((const char *)from + f->offset, out);
			break;
		}
	}
}

void
gp_status_print(const struct gp_status *s, FILE *out)
{
	fprintf(out, MAGIC " %d\n", GP_STATUS_VERSION);
	print_fields(fields, N_FIELDS, s, out);
	for (uint64_t i = 0; i < s->interfaces; i++) {
		fprintf(out, "iface %s\n", s->iface[i].name);
		print_fields(iface_fields, N_IFACE_FIELDS, &s->iface[i], out);
	}
	fputs("end\n", out);
}

/* ---- parsing ------------------------------------------------------------- */

/* One line of the input, split at its first blank; not NUL-terminated. */
struct line {
	const char *name, *value;
	size_t name_len, value_len;
};

struct parser {
	const char *at, *end;
	unsigned number; /* of the line, from 1 */
	char *error;
};

static int
fail(const struct parser *p, const char *what)
{
	(void)snprintf(p->error, 160, "line %u: %s", p->number, what);
	return -EINVAL;
}

static int
fail_field(const struct parser *p, const struct gp_status_field *f,
    const char *what)
{
	(void)snprintf(p->error, 160, "line %u: %s %s", p->number, f->name,
	    what);
	return -EINVAL;
}

static int
next_line(struct parser *p, struct line *l)
{
	const char *newline, *blank;

	p->number++;
	newline = memchr(p->at, '\n', (size_t)(p->end - p->at));
	if (newline == NULL)
		return fail(p, "the file is cut short");
	l->name = p->at;
	p->at = newline + 1;
	l->name_len = (size_t)(newline - l->name);
	blank = memchr(l->name, ' ', l->name_len);
	l->value = blank ? blank + 1 : newline;
	l->value_len = (size_t)(newline - l->value);
	if (blank)
		l->name_len = (size_t)(blank - l->name);
	if (l->name_len == 0 || l->name_len > FIELD_NAME_MAX)
		return fail(p, "no name");
	return 0;
}

static bool
equals(const char *bytes, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(bytes, word, len) == 0;
}

static bool
parse_number(const char *s, size_t len, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (len == 0 || len > 20 || (len > 1 && s[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++)
		if (s[i] < '0' || s[i] > '9' ||
		    __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v))
			return false;
	*out = v;
	return v <= max;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "\xNN" of a character that needs it; -1 for anything else. */
static int
escaped(const char *s, size_t len)
{
	int high, low;

	if (len < 4 || s[0] != '\\' || s[1] != 'x')
		return -1;
	high = hex_digit(s[2]);
	low = hex_digit(s[3]);
	if (high < 0 || low < 0 || (high == 0 && low == 0) ||
	    !needs_escape((unsigned char)(high << 4 | low)))
		return -1;
	return high << 4 | low;
}

static bool
parse_text(const char *s, size_t len, char out[GP_STATUS_TEXT_MAX])
{
	size_t n = 0;

	if (len < 2 || s[0] != '"' || s[len - 1] != '"')
		return false;
	s++;
	len -= 2;
	while (len > 0) {
		int c = (unsigned char)s[0];
		size_t took = 1;

		if (needs_escape((unsigned char)c)) {
			c = escaped(s, len);
			took = 4;
		}
		if (c < 0 || n + 1 >= GP_STATUS_TEXT_MAX)
			return false;
		out[n++] = (char)c;
		s += took;
		len -= took;
	}
	out[n] = '\0';
	return true;
}

static bool
parse_word(const struct gp_status_field *f, const char *s, size_t len,
    uint64_t *out)
{
	for (uint64_t i = 0; f->words[i]; i++)
		if (equals(s, len, f->words[i])) {
			*out = i;
			return true;
		}
	return false;
}

static int
parse_value(const struct parser *p, const struct gp_status_field *f,
    const struct line *l, void *into)
{
	char *at = (char *)into + f->offset;
	uint64_t v = 0;
	bool good = false;

	switch (f->kind) {
	case GP_STATUS_NUMBER:
	case GP_STATUS_TIME:
		good = parse_number(l->value, l->value_len, f->max, &v);
		break;
	case GP_STATUS_FLAG:
	case GP_STATUS_WORD:
		good = parse_word(f, l->value, l->value_len, &v);
		break;
	case GP_STATUS_TEXT:
		return parse_text(l->value, l->value_len, at) ? 0 :
		    fail_field(p, f, "is not a text");
	}
	if (!good)
		return fail_field(p, f, "has a value that cannot be");
	memcpy(at, &v, sizeof(v));
	return 0;
}

/* A name that a later version may have brought. */
static bool
plausible_name(const struct line *l)
{
	for (size_t i = 0; i < l->name_len; i++) {
		char c = l->name[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '_')
			return false;
	}
	return true;
}

/*
 * Lines up to the next `iface` or `end`, which is left in *l.  Every field of
 * the table once.
 */
static int
parse_section(struct parser *p, const struct gp_status_field *table, size_t n,
    void *into, struct line *l)
{
	uint64_t seen = 0;

	for (;;) {
		size_t i = 0;
		int rc = next_line(p, l);

		if (rc < 0)
			return rc;
		if (equals(l->name, l->name_len, "iface") ||
		    equals(l->name, l->name_len, "end"))
			break;
		while (i < n && !equals(l->name, l->name_len, table[i].name))
			i++;
		if (i == n) {
			if (!plausible_name(l))
				return fail(p, "not a name");
			continue;
		}
		if (seen >> i & 1)
			return fail_field(p, &table[i], "stands twice");
		seen |= UINT64_C(1) << i;
		rc = parse_value(p, &table[i], l, into);
		if (rc < 0)
			return rc;
	}
	for (size_t i = 0; i < n; i++)
		if (!(seen >> i & 1))
			return fail_field(p, &table[i], "is missing before");
	return 0;
}

static int
parse_iface_name(const struct parser *p, const struct line *l,
    const struct gp_status *s, uint64_t i)
{
	char *name = s->iface[i].name;

	if (l->value_len >= sizeof(s->iface[i].name) ||
	    memchr(l->value, '\0', l->value_len))
		return fail(p, "not an interface name");
	memcpy(name, l->value, l->value_len);
	name[l->value_len] = '\0';
	if (!gp_addr_iface_valid(name))
		return fail(p, "not an interface name");
	if (i > 0 && strcmp(s->iface[i - 1].name, name) >= 0)
		return fail(p, "interfaces are not in order");
	return 0;
}

static int
parse_ifaces(struct parser *p, struct gp_status *s, struct line *l)
{
	for (uint64_t i = 0; i < s->interfaces; i++) {
		int rc;

		if (!equals(l->name, l->name_len, "iface"))
			return fail(p, "fewer interfaces than announced");
		rc = parse_iface_name(p, l, s, i);
		if (rc == 0)
			rc = parse_section(p, iface_fields, N_IFACE_FIELDS,
			    &s->iface[i], l);
		if (rc < 0)
			return rc;
	}
	if (!equals(l->name, l->name_len, "end") || l->value_len != 0)
		return fail(p, "more interfaces than announced");
	if (p->at != p->end)
		return fail(p, "something follows the end");
	return 0;
}

static int
parse_version(struct parser *p)
{
	struct line l;
	uint64_t version;
	int rc = next_line(p, &l);

	if (rc < 0)
		return rc;
	if (!equals(l.name, l.name_len, MAGIC) ||
	    !parse_number(l.value, l.value_len, UINT64_MAX, &version))
		return fail(p, "this is not a status file");
	if (version == GP_STATUS_VERSION)
		return 0;
	(void)snprintf(p->error, 160,
	    "status of format %llu; this program reads format %d",
	    (unsigned long long)version, GP_STATUS_VERSION);
	return -EINVAL;
}

int
gp_status_parse(const char *text, size_t len, struct gp_status **out,
    char error[160])
{
	struct parser p = {text, text + len, 0, error};
	struct gp_status *s = NULL;
	struct line l;
	int rc;

	rc = len > GP_STATUS_MAX_BYTES ? fail(&p, "the file is too large") :
	    parse_version(&p);
	if (rc < 0)
		goto out;
	rc = -ENOMEM;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		goto out;
	rc = parse_section(&p, fields, N_FIELDS, s, &l);
	if (rc < 0)
		goto out;
	rc = -ENOMEM;
	s->iface = calloc(s->interfaces + 1, sizeof(*s->iface));
	if (s->iface == NULL)
		goto out;
	rc = parse_ifaces(&p, s, &l);
	if (rc < 0)
		goto out;
	*out = s;
	s = NULL;
out:
	gp_status_free(s);
	return rc;
}

void
gp_status_free(struct gp_status *s)
{
	if (s)
		free(s->iface);
	free(s);
}

/* ---- what it means ------------------------------------------------------- */

bool
gp_status_closes(const struct gp_status_iface *i)
{
	uint64_t sum;

	return !__builtin_add_overflow(i->in_rows, i->pending, &sum) &&
	    !__builtin_add_overflow(sum, i->lost, &sum) &&
	    !__builtin_add_overflow(sum, i->non_ip, &sum) &&
	    !__builtin_add_overflow(sum, i->malformed, &sum) &&
	    sum == i->seen;
}

uint64_t
gp_status_patience_ns(const struct gp_status_iface *i)
{
	uint64_t s = 3 * i->interval_s;

	return (s > GP_STATUS_QUIET_S ? s : GP_STATUS_QUIET_S) *
	    (uint64_t)GP_NS_PER_S;
}

void
gp_status_folder(uint64_t dev, uint64_t ino, char out[GP_STATUS_PATH_MAX])
{
	(void)snprintf(out, GP_STATUS_PATH_MAX, GP_STATUS_FOLDER ".%llx-%llx",
	    (unsigned long long)dev, (unsigned long long)ino);
}
