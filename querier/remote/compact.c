#include "querier/remote/compact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum state {
	VALUE,        /* is to come */
	VALUE_OR_END, /* the first of an array */
	KEY,
	KEY_OR_END,
	COLON,
	COMMA_OR_END,
	STRING,
	ESCAPE,
	CODE,         /* \uXXXX */
	WORD,         /* a number, true, false, null */
	DONE,
};

enum section { OTHER, DATA, TOTALS, ROWS, BEFORE_LIMIT, STATISTICS };

void
compact_begin(struct compact *c, size_t n_columns,
    int (*row)(void *arg, const struct compact_row *row), void *arg)
{
	memset(c, 0, sizeof(*c));
	c->n_columns = n_columns;
	c->row = row;
	c->arg = arg;
	c->state = VALUE;
}

/* ---- meaning ------------------------------------------------------------- */

static bool
in_data_row(const struct compact *c)
{
	return (c->section == DATA && c->depth == 3) ||
	    (c->section == TOTALS && c->depth == 2);
}

static int
begin_field(struct compact *c)
{
	struct compact_row *r = &c->now;

	if (c->section == DATA && c->depth < 3)
		return -EPROTO; /* something that is no row */
	if (!in_data_row(c))
		return 0;
	if (r->n == c->n_columns || r->used >= COMPACT_ROW_MAX)
		return -EPROTO;
	r->at[r->n] = (uint16_t)r->used;
	return 0;
}

static int
put(struct compact *c, char byte)
{
	struct compact_row *r = &c->now;

	if (!c->in_key && in_data_row(c)) {
		if (r->used + 1 >= COMPACT_ROW_MAX)
			return -EPROTO;
		r->bytes[r->used++] = byte;
		return 0;
	}
	if (c->word_len + 1 < sizeof(c->word))
		c->word[c->word_len++] = byte;
	return 0;
}

static bool
parse_u64(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' ||
		    __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return false;
	}
	*out = v;
	return v <= max;
}

static int
end_scalar(struct compact *c)
{
	struct compact_row *r = &c->now;

	if (in_data_row(c)) {
		r->len[r->n] = (uint16_t)(r->used - r->at[r->n]);
		r->bytes[r->used++] = '\0';
		r->n++;
		return 0;
	}
	c->word[c->word_len] = '\0';
	if (c->section == ROWS && c->depth == 1) {
		c->has_rows = parse_u64(c->word, UINT64_MAX, &c->rows_said);
		return c->has_rows ? 0 : -EPROTO;
	}
	if (c->section == BEFORE_LIMIT && c->depth == 1)
		return parse_u64(c->word, UINT64_MAX, &c->before_limit)
		    ? 0 : -EPROTO;
	if (c->section == STATISTICS && c->depth == 2) {
		if (strcmp(c->key, "rows_read") == 0)
			(void)parse_u64(c->word, UINT64_MAX, &c->rows_read);
		if (strcmp(c->key, "bytes_read") == 0)
			(void)parse_u64(c->word, UINT64_MAX, &c->bytes_read);
	}
	return 0;
}

/* Many servers (from 23.8 on) that fail half-way end the answer as if it were
 * whole, with what went wrong under this name. */
static const char failure[] = "exception";

static int
end_key(struct compact *c)
{
	static const struct {
		const char *name;
		enum section section;
	} names[] = {{"data", DATA}, {"totals", TOTALS}, {"rows", ROWS},
		{"rows_before_limit_at_least", BEFORE_LIMIT},
		{"statistics", STATISTICS}};

	c->word[c->word_len] = '\0';
	memcpy(c->key, c->word, c->word_len + 1);
	if (c->depth != 1)
		return 0;
	if (strcmp(c->key, failure) == 0)
		return -EPROTO;
	c->section = OTHER;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, c->key) == 0)
			c->section = names[i].section;
	}
	c->has_data |= c->section == DATA;
	return 0;
}

static int
open_container(struct compact *c, char kind)
{
	const bool row = c->section == DATA && c->depth == 2;

	/* where only arrays may stand, or nothing that contains */
	if (c->depth == 0 ? kind != '{'
		: (c->section == DATA && (kind != '[' || c->depth > 2)) ||
		    (c->section == TOTALS && (kind != '[' || c->depth > 1)) ||
		    c->section == ROWS || c->section == BEFORE_LIMIT)
		return -EPROTO;
	if (c->depth == COMPACT_DEPTH_MAX)
		return -EPROTO;
	c->open[c->depth++] = kind;
	if (row || (c->section == TOTALS && c->depth == 2)) {
		c->now.n = 0;
		c->now.used = 0;
	}
	c->state = kind == '{' ? KEY_OR_END : VALUE_OR_END;
	return 0;
}

static int
close_container(struct compact *c, char kind)
{
	int rc = 0;

	if (c->open[c->depth - 1] != kind)
		return -EPROTO;
	if (in_data_row(c)) {
		if (c->now.n != c->n_columns)
			return -EPROTO;
		if (c->section == DATA) {
			c->rows++;
			rc = c->row ? c->row(c->arg, &c->now) : -EPROTO;
		} else {
			c->totals = c->now;
			c->has_totals = true;
		}
	}
	c->depth--;
	c->state = c->depth ? COMMA_OR_END : DONE;
	return rc;
}

/* ---- syntax -------------------------------------------------------------- */

static bool
is_blank(char b)
{
	return b == ' ' || b == '\n' || b == '\r' || b == '\t';
}

static bool
is_word(char b)
{
	return (b >= '0' && b <= '9') || (b >= 'a' && b <= 'z') ||
	    (b >= 'A' && b <= 'Z') || b == '-' || b == '+' || b == '.';
}

static int
begin_value(struct compact *c, char b)
{
	int rc;

	if (b == '{' || b == '[')
		return open_container(c, b);
	if (c->depth == 0 || (b != '"' && !is_word(b)))
		return -EPROTO;
	c->word_len = 0;
	rc = begin_field(c);
	if (rc < 0)
		return rc;
	c->state = b == '"' ? STRING : WORD;
	return b == '"' ? 0 : put(c, b);
}

static int
take_string(struct compact *c, char b)
{
	if (b == '\\') {
		c->state = ESCAPE;
		return 0;
	}
	if ((unsigned char)b < 0x20)
		return -EPROTO;
	if (b != '"')
		return put(c, b);
	if (c->in_key) {
		c->in_key = false;
		c->state = COLON;
		return end_key(c);
	}
	c->state = COMMA_OR_END;
	return end_scalar(c);
}

static int
take_escape(struct compact *c, char b)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = b ? strchr(from, b) : NULL;

	c->state = STRING;
	if (at)
		return put(c, to[at - from]);
	if (b != 'u')
		return -EPROTO;
	c->state = CODE;
	c->code = c->code_len = 0;
	return 0;
}

static int
digit(char b)
{
	if (b >= '0' && b <= '9')
		return b - '0';
	if (b >= 'A' && b <= 'F')
		return b - 'A' + 10;
	return b >= 'a' && b <= 'f' ? b - 'a' + 10 : -1;
}

static int
take_code(struct compact *c, char b)
{
	int v = digit(b);

	if (v < 0)
		return -EPROTO;
	c->code = c->code << 4 | (unsigned)v;
	if (++c->code_len < 4)
		return 0;
	c->state = STRING;
	/* nothing that is asked for has any: it will be no field's value */
	return put(c, c->code > 0 && c->code < 0x80 ? (char)c->code : '?');
}

/* Outside of strings and words. */
static int
take_sign(struct compact *c, char b)
{
	if (is_blank(b))
		return 0;
	switch (c->state) {
	case VALUE_OR_END:
		if (b == ']')
			return close_container(c, '[');
		return begin_value(c, b);
	case VALUE:
		return begin_value(c, b);
	case KEY_OR_END:
		if (b == '}')
			return close_container(c, '{');
		/* fall through */
	case KEY:
		if (b != '"')
			return -EPROTO;
		c->in_key = true;
		c->word_len = 0;
		c->state = STRING;
		return 0;
	case COLON:
		c->state = VALUE;
		return b == ':' ? 0 : -EPROTO;
	case COMMA_OR_END:
		if (b == ',') {
			c->state = c->open[c->depth - 1] == '{' ? KEY : VALUE;
			return 0;
		}
		if (b == ']' || b == '}')
			return close_container(c, b == ']' ? '[' : '{');
		return -EPROTO;
	default:
		return -EPROTO;
	}
}

static int
take(struct compact *c, char b)
{
	int rc;

	switch (c->state) {
	case STRING:
		return take_string(c, b);
	case ESCAPE:
		return take_escape(c, b);
	case CODE:
		return take_code(c, b);
	case WORD:
		if (is_word(b))
			return put(c, b);
		c->state = COMMA_OR_END;
		rc = end_scalar(c);
		if (rc < 0)
			return rc;
		break;
	default:
		break;
	}
	return take_sign(c, b);
}

int
compact_feed(struct compact *c, const char *data, size_t len)
{
	for (size_t i = 0; c->rc == 0 && i < len; i++)
		c->rc = take(c, data[i]);
	return c->rc;
}

int
compact_end(struct compact *c)
{
	if (c->rc == 0 && (c->state != DONE || !c->has_rows || !c->has_data ||
			      c->rows != c->rows_said))
		c->rc = -EPROTO;
	/* a server leaves it out where nothing was left out */
	if (c->before_limit < c->rows)
		c->before_limit = c->rows;
	return c->rc;
}

/* ---- fields -------------------------------------------------------------- */

bool
compact_u64(const struct compact_row *r, size_t i, uint64_t max, uint64_t *out)
{
	return i < r->n && strlen(r->bytes + r->at[i]) == r->len[i] &&
	    parse_u64(r->bytes + r->at[i], max, out);
}

bool
compact_i64(const struct compact_row *r, size_t i, int64_t *out)
{
	const char *s;
	uint64_t v;
	bool minus;

	if (i >= r->n)
		return false;
	s = r->bytes + r->at[i];
	minus = *s == '-';
	if (!parse_u64(s + minus, (uint64_t)INT64_MAX + minus, &v))
		return false;
	*out = minus ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

bool
compact_bytes(const struct compact_row *r, size_t i, uint8_t *out, size_t size,
    size_t *len)
{
	const char *s;

	if (i >= r->n || r->len[i] % 2 || r->len[i] / 2 > size)
		return false;
	s = r->bytes + r->at[i];
	*len = r->len[i] / 2;
	for (size_t k = 0; k < *len; k++) {
		int high = digit(s[2 * k]), low = digit(s[2 * k + 1]);

		if (high < 0 || low < 0)
			return false;
		out[k] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool
compact_string(const struct compact_row *r, size_t i, char *out, size_t size)
{
	size_t len;

	if (!compact_bytes(r, i, (uint8_t *)out, size - 1, &len))
		return false;
	out[len] = '\0';
	return strlen(out) == len;
}

bool
compact_cut(const struct compact_row *r, size_t i, char *out, size_t size,
    bool *fits)
{
	size_t len;

	if (!compact_bytes(r, i, (uint8_t *)out, size, &len))
		return false;
	*fits = len < size && !memchr(out, '\0', len);
	out[len < size ? len : size - 1] = '\0';
	return true;
}
