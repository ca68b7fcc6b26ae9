#include "querier/out.h"

#include "common/base/fd.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void
out_init(struct out *o, int fd)
{
	o->fd = fd;
	o->error = 0;
	o->len = 0;
}

int
out_flush(struct out *o)
{
	int rc;

	if (o->error == 0 && o->len > 0) {
		rc = gp_fd_write_full(o->fd, o->buf, o->len);
		if (rc < 0)
			o->error = -rc;
	}
	o->len = 0;
	return -o->error;
}

void
out_bytes(struct out *o, const char *s, size_t len)
{
	while (len > 0) {
		size_t n = sizeof(o->buf) - o->len;

		if (n == 0) {
			(void)out_flush(o);
			continue;
		}
		if (n > len)
			n = len;
		memcpy(o->buf + o->len, s, n);
		o->len += n;
		s += n;
		len -= n;
	}
}

void
out_str(struct out *o, const char *s)
{
	out_bytes(o, s, strlen(s));
}

void
out_char(struct out *o, char c)
{
	out_bytes(o, &c, 1);
}

/* Numbers are most of an answer, and printf takes 100 ns for one. */
size_t
out_u64_string(char to[OUT_U64_MAX], uint64_t v)
{
	char digits[OUT_U64_MAX];
	size_t at = sizeof(digits) - 1, len;

	digits[at] = '\0';
	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	len = sizeof(digits) - 1 - at;
	memcpy(to, digits + at, len + 1);
	return len;
}

void
out_u64(struct out *o, uint64_t v)
{
	char digits[OUT_U64_MAX];

	out_bytes(o, digits, out_u64_string(digits, v));
}

void
out_fmt(struct out *o, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	out_str(o, line);
}

/* Length of the UTF-8 character at s (RFC 3629), 0 when it is none; *code
 * gets its value. */
static size_t
utf8_length(const char *s, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char c = (unsigned char)*s;
	size_t len = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2
	    : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
	uint32_t v = len < 2 ? c : c & (0x7fu >> len);

	for (size_t i = 1; i < len; i++) {
		c = (unsigned char)s[i];
		if ((c & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (c & 0x3f);
	}
	if (len > 1 && (v < least[len] || v > 0x10ffff ||
			(v >= 0xd800 && v < 0xe000)))
		return 0;
	*code = v;
	return len;
}

/* C0, DEL, C1, and what is not seen but changes the direction, or joins or
 * parts lines and words. */
static bool
is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) ||
	    (code >= 0x200b && code <= 0x200f) ||
	    (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2060 && code <= 0x206f) || code == 0x061c ||
	    code == 0xfeff;
}

/* Next character of s, clean, into piece; returns how much of s it took. */
static size_t
clean_piece(const char *s, char piece[5])
{
	uint32_t code = 0;
	size_t len = utf8_length(s, &code);

	if (len == 0 || is_control(code)) {
		(void)snprintf(piece, 5, "\\x%02x", (unsigned char)*s);
		return 1;
	}
	memcpy(piece, s, len);
	piece[len] = '\0';
	return len;
}

/* Bytes of s that are printable ASCII, which most texts are altogether. */
static size_t
plain_length(const char *s)
{
	size_t n = 0;

	while (s[n] >= ' ' && s[n] <= '~')
		n++;
	return n;
}

void
out_clean(struct out *o, const char *s)
{
	char piece[5];

	while (*s) {
		size_t plain = plain_length(s);

		out_bytes(o, s, plain);
		s += plain;
		if (*s == '\0')
			break;
		s += clean_piece(s, piece);
		out_str(o, piece);
	}
}

void
out_clean_string(char *to, size_t size, const char *s)
{
	size_t n = plain_length(s);
	char piece[5];

	if (n > size - 1)
		n = size - 1;
	memcpy(to, s, n);
	s += n;
	while (*s) {
		size_t len;

		s += clean_piece(s, piece);
		len = strlen(piece);
		if (n + len + 1 > size)
			break;
		memcpy(to + n, piece, len);
		n += len;
	}
	to[n] = '\0';
}

size_t
out_columns(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void
out_json(struct out *o, const char *s)
{
	out_char(o, '"');
	while (*s) {
		uint32_t code = 0;
		size_t len = utf8_length(s, &code);

		if (len == 0) {
			out_str(o, "\\ufffd");
			len = 1;
		} else if (code == '"' || code == '\\') {
			out_char(o, '\\');
			out_char(o, *s);
		} else if (is_control(code)) {
			out_fmt(o, "\\u%04x", (unsigned)code);
		} else {
			out_bytes(o, s, len);
		}
		s += len;
	}
	out_char(o, '"');
}

void
out_csv_quoted(struct out *o, const char *s)
{
	char piece[5];

	while (*s) {
		if (*s == '"')
			out_char(o, '"');
		s += clean_piece(s, piece);
		out_str(o, piece);
	}
}

void
out_csv(struct out *o, const char *s)
{
	if (!strpbrk(s, ",\"")) {
		out_clean(o, s);
		return;
	}
	out_char(o, '"');
	out_csv_quoted(o, s);
	out_char(o, '"');
}

static void
put_html(struct out *o, char c)
{
	if (c == '<')
		out_str(o, "&lt;");
	else if (c == '>')
		out_str(o, "&gt;");
	else if (c == '&')
		out_str(o, "&amp;");
	else if (c == '"')
		out_str(o, "&quot;");
	else
		out_char(o, c);
}

void
out_html(struct out *o, const char *s)
{
	char piece[5];

	while (*s) {
		s += clean_piece(s, piece);
		for (const char *c = piece; *c; c++)
			put_html(o, *c);
	}
}
