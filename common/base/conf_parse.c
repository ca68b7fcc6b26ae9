/*
 * conf_parse - INI text to the struct; every mistake gets its line.
 */
#include <assert.h>
#include <ctype.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/conf_keys.h"

#define LINE_MAX_BYTES 8192
#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* some editors begin with it */
#define BLANKS " \t\r\n\v\f" /* what inih takes for blanks */

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
	const struct gp_conf_key *last;
};

static_assert(GP_CONF_KEYS < 63, "seen keys are bits");

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
	/* libpcap's and goquery's word for all of them */
	if (strcmp(name, "any") == 0) {
		fail(p, "'%s': no interface is captured by this name", name);
		return;
	}
	if (!gp_addr_iface_listable(name)) {
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
		fail(p, "line longer than %d bytes", size - 2);
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

static void *
key_base(struct parse *p, const struct gp_conf_key *k)
{
	if (strcmp(p->section, "interface") == 0)
		return p->iface;
	if (k != &gp_conf_capture_sandbox && gp_conf_in_capture(k))
		return &p->conf->capture;
	return p->conf;
}

/*
 * filter and filter_file are one setting.  What stands in this section takes
 * the place of the other one that was inherited; both make no sense.
 */
static void
other_filter(struct parse *p, const struct gp_conf_key *k, const char *text)
{
	bool file = strcmp(k->name, "filter_file") == 0;
	const struct gp_conf_key *other;
	char **slot;

	if (!gp_conf_in_capture(k) || (!file && strcmp(k->name, "filter") != 0))
		return;
	other = gp_conf_key_find("capture", file ? "filter" : "filter_file");
	slot = (char **)(void *)((char *)key_base(p, k) + other->offset);
	if (!(*p->seen & UINT64_C(1) << (other - gp_conf_keys)))
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

/* What libpcap says of a filter later has a place, too. */
static void
note_line(struct parse *p, const struct gp_conf_key *k)
{
	struct gp_conf_capture *c;

	if (p->continued || !gp_conf_in_capture(k) ||
	    strncmp(k->name, "filter", 6) != 0)
		return;
	c = key_base(p, k);
	c->filter_line = p->line;
}

/* ini_handler: returns nonzero always; our own errors are kept in p. */
static int
one_value(void *user, const char *section, const char *name, const char *value)
{
	struct parse *p = user;
	char *text;
	const struct gp_conf_key *k;
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
	k = gp_conf_key_find(p->section, name);
	if (k == NULL) {
		fail(p, "unknown key '%s' in [%s]", name, p->section);
		return 1;
	}
	bit = UINT64_C(1) << (k == &gp_conf_capture_sandbox ? 63 :
				  k - gp_conf_keys);
	if (p->continued && k != p->last) {
		fail(p, "'%s' is indented, but there is no value to go on with",
		    name);
		return 1;
	}
	if (p->continued && k->type != GP_KEY_TEXT) {
		fail(p, "'%s' cannot go on over a second line", name);
		return 1;
	}
	if (!p->continued && (*p->seen & bit)) {
		fail(p, "key '%s' stands here a second time", name);
		return 1;
	}
	*p->seen |= bit;
	p->last = k;
	note_line(p, k);
	text = without_comment(value);
	if (text == NULL) {
		fail(p, "out of memory");
		return 1;
	}
	wrong = gp_conf_key_set(k, key_base(p, k), text, p->continued, why);
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
