#include "querier/remote/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
add(struct text *t, const char *s, size_t len)
{
	if (t->failed)
		return;
	if (t->room - t->len <= len) {
		size_t room = t->room ? t->room : 512;
		char *more;

		while (room - t->len <= len) {
			if (room > SIZE_MAX / 2) {
				t->failed = true;
				return;
			}
			room *= 2;
		}
		more = realloc(t->s, room);
		if (!more) {
			t->failed = true;
			return;
		}
		t->s = more;
		t->room = room;
	}
	memcpy(t->s + t->len, s, len);
	t->len += len;
	t->s[t->len] = '\0';
}

void
text_add(struct text *t, const char *s)
{
	add(t, s, strlen(s));
}

void
text_fmt(struct text *t, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line))
		t->failed = true; /* half a statement means something else */
	else
		add(t, line, (size_t)n);
}

void
text_free(struct text *t)
{
	free(t->s);
	memset(t, 0, sizeof(*t));
}

void
text_literal(struct text *t, const char *value)
{
	static const char digits[] = "0123456789abcdef";

	add(t, "'", 1);
	for (; *value; value++) {
		const unsigned char c = (unsigned char)*value;
		const char hex[4] = {'\\', 'x', digits[c >> 4],
		    digits[c & 15]};

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == ' ' || c == '.' ||
		    c == '-' || c == '_' || c == '/')
			add(t, value, 1);
		else
			add(t, hex, sizeof(hex));
	}
	add(t, "'", 1);
}

void
text_join(struct text *t, const char *joint, bool *more)
{
	if (*more)
		text_add(t, joint);
	*more = true;
}
