#include "common/godb/grammar.h"

#include "common/base/words.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Three vocabularies in one: the seed's, goProbe 4's and tcpdump's (with some
 * of nfdump's).  The first row of a meaning is the one that messages use.
 */
static const struct gdi_word words[] = {
	{"and", GDI_WORD_AND, 0, GDI_ROLE_NONE, "both; binds tighter than or"},
	{"&&", GDI_WORD_AND, 0, GDI_ROLE_NONE, "and"},
	{"&", GDI_WORD_AND, 0, GDI_ROLE_NONE, "and"},
	{"*", GDI_WORD_AND, 0, GDI_ROLE_NONE, "and"},
	{"or", GDI_WORD_OR, 0, GDI_ROLE_NONE, "either"},
	{"||", GDI_WORD_OR, 0, GDI_ROLE_NONE, "or"},
	{"|", GDI_WORD_OR, 0, GDI_ROLE_NONE, "or"},
	{"+", GDI_WORD_OR, 0, GDI_ROLE_NONE, "or"},
	{"not", GDI_WORD_NOT, 0, GDI_ROLE_NONE, "the opposite"},
	{"!", GDI_WORD_NOT, 0, GDI_ROLE_NONE, "not"},
	{"=", GDI_WORD_CMP, GDI_EQ, GDI_ROLE_NONE, "equal, or in the prefix"},
	{"===", GDI_WORD_CMP, GDI_EQ, GDI_ROLE_NONE, "="},
	{"==", GDI_WORD_CMP, GDI_EQ, GDI_ROLE_NONE, "="},
	{"eq", GDI_WORD_CMP, GDI_EQ, GDI_ROLE_NONE, "="},
	{"equals", GDI_WORD_CMP, GDI_EQ, GDI_ROLE_NONE, "="},
	{"!=", GDI_WORD_CMP, GDI_NE, GDI_ROLE_NONE, "not ="},
	{"<>", GDI_WORD_CMP, GDI_NE, GDI_ROLE_NONE, "!="},
	{"ne", GDI_WORD_CMP, GDI_NE, GDI_ROLE_NONE, "!="},
	{"neq", GDI_WORD_CMP, GDI_NE, GDI_ROLE_NONE, "!="},
	{"<=", GDI_WORD_CMP, GDI_LE, GDI_ROLE_NONE, "at most"},
	{"le", GDI_WORD_CMP, GDI_LE, GDI_ROLE_NONE, "<="},
	{"leq", GDI_WORD_CMP, GDI_LE, GDI_ROLE_NONE, "<="},
	{">=", GDI_WORD_CMP, GDI_GE, GDI_ROLE_NONE, "at least"},
	{"ge", GDI_WORD_CMP, GDI_GE, GDI_ROLE_NONE, ">="},
	{"geq", GDI_WORD_CMP, GDI_GE, GDI_ROLE_NONE, ">="},
	{"<", GDI_WORD_CMP, GDI_LT, GDI_ROLE_NONE, "below"},
	{"lt", GDI_WORD_CMP, GDI_LT, GDI_ROLE_NONE, "<"},
	{"l", GDI_WORD_CMP, GDI_LT, GDI_ROLE_NONE, "<"},
	{"less", GDI_WORD_CMP, GDI_LT, GDI_ROLE_NONE, "<"},
	{">", GDI_WORD_CMP, GDI_GT, GDI_ROLE_NONE, "above"},
	{"gt", GDI_WORD_CMP, GDI_GT, GDI_ROLE_NONE, ">"},
	{"g", GDI_WORD_CMP, GDI_GT, GDI_ROLE_NONE, ">"},
	{"greater", GDI_WORD_CMP, GDI_GT, GDI_ROLE_NONE, ">"},
	{"in", GDI_WORD_IN, 0, GDI_ROLE_NONE,
	    "one of a list: in (a, b), or of a file of addresses: in @file"},
	{"sip", GDI_WORD_ATTR, GDI_ATTR_SIP, GDI_ROLE_NONE,
	    "source address or prefix"},
	{"src", GDI_WORD_ATTR, GDI_ATTR_SIP, GDI_ROLE_END, "sip"},
	{"snet", GDI_WORD_ATTR, GDI_ATTR_SIP, GDI_ROLE_NONE, "sip"},
	{"srcip", GDI_WORD_ATTR, GDI_ATTR_SIP, GDI_ROLE_NONE, "sip"},
	{"dip", GDI_WORD_ATTR, GDI_ATTR_DIP, GDI_ROLE_NONE,
	    "destination address or prefix"},
	{"dst", GDI_WORD_ATTR, GDI_ATTR_DIP, GDI_ROLE_END, "dip"},
	{"dnet", GDI_WORD_ATTR, GDI_ATTR_DIP, GDI_ROLE_NONE, "dip"},
	{"dstip", GDI_WORD_ATTR, GDI_ATTR_DIP, GDI_ROLE_NONE, "dip"},
	{"host", GDI_WORD_ATTR, GDI_ATTR_HOST, GDI_ROLE_ADDR,
	    "source or destination address or prefix"},
	{"net", GDI_WORD_ATTR, GDI_ATTR_HOST, GDI_ROLE_ADDR, "host"},
	{"addr", GDI_WORD_ATTR, GDI_ATTR_HOST, GDI_ROLE_ADDR, "host"},
	{"ip", GDI_WORD_ATTR, GDI_ATTR_HOST, GDI_ROLE_ADDR,
	    "host; alone: IPv4"},
	{"dport", GDI_WORD_ATTR, GDI_ATTR_DPORT, GDI_ROLE_NONE,
	    "destination port: number, service name or range"},
	{"port", GDI_WORD_ATTR, GDI_ATTR_DPORT, GDI_ROLE_PORT, "dport"},
	{"portrange", GDI_WORD_ATTR, GDI_ATTR_DPORT, GDI_ROLE_PORT, "dport"},
	{"dstport", GDI_WORD_ATTR, GDI_ATTR_DPORT, GDI_ROLE_NONE, "dport"},
	{"proto", GDI_WORD_ATTR, GDI_ATTR_PROTO, GDI_ROLE_NONE,
	    "IP protocol: name, number or range; a bare name will do"},
	{"protocol", GDI_WORD_ATTR, GDI_ATTR_PROTO, GDI_ROLE_NONE, "proto"},
	{"ipproto", GDI_WORD_ATTR, GDI_ATTR_PROTO, GDI_ROLE_NONE, "proto"},
	{"l7proto", GDI_WORD_ATTR, GDI_ATTR_L7, GDI_ROLE_NONE,
	    "application: its name, or a part of it as in TLS.Google"},
	{"l7", GDI_WORD_ATTR, GDI_ATTR_L7, GDI_ROLE_NONE, "l7proto"},
	{"app", GDI_WORD_ATTR, GDI_ATTR_L7, GDI_ROLE_NONE, "l7proto"},
	{"category", GDI_WORD_ATTR, GDI_ATTR_CATEGORY, GDI_ROLE_NONE,
	    "what kind of application: Web, Network, Streaming"},
	{"bytes", GDI_WORD_METRIC, GODB_METRIC_BYTES, GDI_ROLE_NONE,
	    "received and sent, as in 10M (k M G T are powers of 1024)"},
	{"packets", GDI_WORD_METRIC, GODB_METRIC_PACKETS, GDI_ROLE_NONE,
	    "received and sent, as in 10k (k M G T are powers of 1000)"},
	{"pkts", GDI_WORD_METRIC, GODB_METRIC_PACKETS, GDI_ROLE_NONE,
	    "packets"},
	{"bytes_rcvd", GDI_WORD_METRIC, GODB_METRIC_BYTES_RCVD, GDI_ROLE_NONE,
	    "bytes received"},
	{"bytes_sent", GDI_WORD_METRIC, GODB_METRIC_BYTES_SENT, GDI_ROLE_NONE,
	    "bytes sent"},
	{"packets_rcvd", GDI_WORD_METRIC, GODB_METRIC_PACKETS_RCVD,
	    GDI_ROLE_NONE, "packets received"},
	{"pkts_rcvd", GDI_WORD_METRIC, GODB_METRIC_PACKETS_RCVD, GDI_ROLE_NONE,
	    "packets_rcvd"},
	{"packets_sent", GDI_WORD_METRIC, GODB_METRIC_PACKETS_SENT,
	    GDI_ROLE_NONE, "packets sent"},
	{"pkts_sent", GDI_WORD_METRIC, GODB_METRIC_PACKETS_SENT, GDI_ROLE_NONE,
	    "packets_sent"},
	{"rows", GDI_WORD_METRIC, GODB_METRIC_ROWS, GDI_ROLE_NONE,
	    "stored rows of a group (--having)"},
	{"sips", GDI_WORD_METRIC, GODB_METRIC_SIPS, GDI_ROLE_NONE,
	    "different sources of a group (--having)"},
	{"dips", GDI_WORD_METRIC, GODB_METRIC_DIPS, GDI_ROLE_NONE,
	    "different destinations of a group (--having)"},
	{"dports", GDI_WORD_METRIC, GODB_METRIC_DPORTS, GDI_ROLE_NONE,
	    "different ports of a group (--having)"},
	{"dir", GDI_WORD_DIR, 0, GDI_ROLE_NONE,
	    "in, out (packets one way only), uni (either), bi (both)"},
	{"direction", GDI_WORD_DIR, 0, GDI_ROLE_NONE, "dir"},
	{"sport", GDI_WORD_ATTR, GDI_ATTR_SPORT, GDI_ROLE_NONE,
	    "is not stored"},
	{"srcport", GDI_WORD_ATTR, GDI_ATTR_SPORT, GDI_ROLE_NONE, "sport"},
	{"ip4", GDI_WORD_VERSION, 4, GDI_ROLE_NONE, "IPv4 rows"},
	{"ipv4", GDI_WORD_VERSION, 4, GDI_ROLE_NONE, "ip4"},
	{"ip6", GDI_WORD_VERSION, 6, GDI_ROLE_NONE, "IPv6 rows"},
	{"ipv6", GDI_WORD_VERSION, 6, GDI_ROLE_NONE, "ip6"},
	{"site", GDI_WORD_SITE, 0, GDI_ROLE_NONE,
	    "networks of the INI's [site]; --remote: site = NAME"},
	{"country", GDI_WORD_GEO, 0, GDI_ROLE_NONE,
	    "of either address: two letters; src country: of the source"},
	{"asn", GDI_WORD_GEO, 0, GDI_ROLE_NONE,
	    "autonomous system of either address: AS64500 or 64500"},
};
#define N_WORDS (sizeof(words) / sizeof(words[0]))

const struct gdi_word *
gdi_grammar_word(size_t i)
{
	return i < N_WORDS ? &words[i] : NULL;
}

const char *
godb_cond_word(size_t i, const char **help)
{
	if (i >= N_WORDS)
		return NULL;
	*help = words[i].help;
	return words[i].text;
}

int
gdi_diag(struct godb_diag *diag, size_t offset, size_t length, const char *fmt,
    ...)
{
	va_list ap;

	if (!diag)
		return GODB_ESYNTAX;
	diag->offset = offset;
	diag->length = length;
	va_start(ap, fmt);
	(void)vsnprintf(diag->text, sizeof(diag->text), fmt, ap);
	va_end(ap);
	return GODB_ESYNTAX;
}

/* Bytes of values and names.  Those beyond ASCII belong to no word of ours,
 * but a message should show them whole. */
static bool
is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || (c != '\0' && strchr(".:/-_@+*%?", c)) ||
	    (unsigned char)c >= 0x80;
}

static const struct gdi_word *
find_word(const char *text, size_t len)
{
	char copy[16];

	if (len >= sizeof(copy))
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	for (size_t i = 0; i < N_WORDS; i++) {
		if (gp_words_casecmp(words[i].text, copy) == 0)
			return &words[i];
		/* goProbe's -ge */
		if (words[i].kind == GDI_WORD_CMP && copy[0] == '-' &&
		    gp_words_casecmp(words[i].text, copy + 1) == 0)
			return &words[i];
	}
	return NULL;
}

/* Longest symbol that the text begins with. */
static const struct gdi_word *
find_symbol(const char *text)
{
	const struct gdi_word *best = NULL;

	for (size_t i = 0; i < N_WORDS; i++) {
		size_t len = strlen(words[i].text);

		if (!is_word_byte(words[i].text[0]) &&
		    strncmp(words[i].text, text, len) == 0 &&
		    (!best || len > strlen(best->text)))
			best = &words[i];
	}
	return best;
}

static int
next_token(const char *text, size_t at, struct gdi_token *t,
    struct godb_diag *diag)
{
	const char *s = text + at;
	size_t len = 1;

	t->word = NULL;
	t->offset = (uint32_t)at;
	if (is_word_byte(*s)) {
		while (is_word_byte(s[len]))
			len++;
		t->kind = GDI_TOKEN_WORD;
		t->word = find_word(s, len);
	} else if (*s == '"' || *s == '\'') {
		const char *end = strchr(s + 1, *s);

		if (!end)
			return gdi_diag(diag, at, strlen(s),
			    "the quotation mark is not closed");
		t->kind = GDI_TOKEN_STRING;
		t->offset++;
		len = (size_t)(end - s - 1);
	} else if (strchr("([{", *s)) {
		t->kind = GDI_TOKEN_OPEN;
	} else if (strchr(")]}", *s)) {
		t->kind = GDI_TOKEN_CLOSE;
	} else if (*s == ',') {
		t->kind = GDI_TOKEN_COMMA;
	} else {
		t->kind = GDI_TOKEN_SYMBOL;
		t->word = find_symbol(s);
		if (!t->word)
			return gdi_diag(diag, at, 1,
			    "this character has no meaning here");
		len = strlen(t->word->text);
	}
	t->length = (uint32_t)len;
	return 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

int
gdi_grammar_split(const char *text, struct gdi_token **out,
    struct godb_diag *diag)
{
	size_t len = strlen(text), at = 0, n = 0;
	struct gdi_token *tokens;
	int rc;

	if (len > GODB_COND_TEXT_MAX)
		return gdi_diag(diag, GODB_COND_TEXT_MAX, 0,
		    "the condition is longer than %u bytes",
		    GODB_COND_TEXT_MAX);
	tokens = calloc(len + 1, sizeof(*tokens));
	if (!tokens)
		return -ENOMEM;
	for (;;) {
		while (is_blank(text[at]))
			at++;
		if (!text[at])
			break;
		rc = next_token(text, at, &tokens[n], diag);
		if (rc < 0) {
			free(tokens);
			return rc;
		}
		at = tokens[n].offset + tokens[n].length +
		    (tokens[n].kind == GDI_TOKEN_STRING);
		n++;
	}
	tokens[n].kind = GDI_TOKEN_END;
	tokens[n].offset = (uint32_t)len;
	*out = tokens;
	return 0;
}
