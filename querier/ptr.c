#include "querier/ptr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEADER   12
#define TYPE_PTR 12
#define CLASS_IN 1
#define NO_ERROR 0 /* RFC 1035, 4.1.1 */
#define NO_NAME  3
#define JUMPS    32 /* more compression pointers than any honest answer has */

static size_t
put_label(uint8_t *out, const char *label)
{
	size_t len = strlen(label);

	out[0] = (uint8_t)len;
	memcpy(out + 1, label, len);
	return len + 1;
}

static size_t
put_reverse(uint8_t *out, const struct gp_addr *a)
{
	char label[4];
	size_t at = 0;

	if (a->version == 4) {
		for (int i = 3; i >= 0; i--) {
			(void)snprintf(label, sizeof(label), "%u", a->b[i]);
			at += put_label(out + at, label);
		}
		at += put_label(out + at, "in-addr");
	} else {
		for (int i = 15; i >= 0; i--) {
			(void)snprintf(label, sizeof(label), "%x", a->b[i] & 15);
			at += put_label(out + at, label);
			(void)snprintf(label, sizeof(label), "%x", a->b[i] >> 4);
			at += put_label(out + at, label);
		}
		at += put_label(out + at, "ip6");
	}
	at += put_label(out + at, "arpa");
	out[at++] = 0;
	return at;
}

size_t
ptr_query(uint16_t id, const struct gp_addr *a, uint8_t out[PTR_QUERY_MAX])
{
	static const uint8_t tail[4] = {0, TYPE_PTR, 0, CLASS_IN};
	size_t at = HEADER;

	memset(out, 0, HEADER);
	out[0] = (uint8_t)(id >> 8);
	out[1] = (uint8_t)id;
	out[2] = 1; /* recursion desired */
	out[5] = 1; /* one question */
	at += put_reverse(out + at, a);
	memcpy(out + at, tail, sizeof(tail));
	return at + sizeof(tail);
}

/* Bytes that the name at `at` takes there; 0: it runs over the end. */
static size_t
skip_name(const uint8_t *p, size_t len, size_t at)
{
	size_t start = at;

	while (at < len) {
		if ((p[at] & 0xc0) == 0xc0)
			return at + 2 <= len ? at + 2 - start : 0;
		if (p[at] == 0)
			return at + 1 - start;
		at += p[at] + 1u;
	}
	return 0;
}

/* Letters, digits, '-' and '_' stay; anything else would be no host's name
 * but a trick. */
static bool
is_host_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool
read_name(const uint8_t *p, size_t len, size_t at, char name[PTR_NAME_MAX])
{
	size_t n = 0;

	for (int jumps = 0; at < len && jumps < JUMPS;) {
		uint8_t label = p[at++];

		if (label == 0) {
			name[n] = '\0';
			return n > 0;
		}
		if ((label & 0xc0) == 0xc0) {
			if (at >= len)
				return false;
			at = (size_t)(label & 0x3f) << 8 | p[at];
			jumps++;
			continue;
		}
		if (label > 63 || at + label > len ||
		    n + label + 2 > PTR_NAME_MAX)
			return false;
		if (n)
			name[n++] = '.';
		for (; label > 0; label--, at++)
			name[n++] = is_host_byte(p[at]) ? (char)p[at] : '?';
	}
	return false;
}

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

int
ptr_answer(const uint8_t *query, size_t query_len, const uint8_t *p, size_t len,
    char name[PTR_NAME_MAX])
{
	size_t at = query_len;
	unsigned records;

	/* the id, and the question word for word */
	if (len < query_len || memcmp(p, query, 2) != 0 || !(p[2] & 0x80) ||
	    get16(p + 4) != 1 ||
	    memcmp(p + HEADER, query + HEADER, query_len - HEADER) != 0)
		return -EBADMSG;
	if ((p[3] & 15) != NO_ERROR)
		return 0; /* no such name, or the server cannot tell */
	records = get16(p + 6);
	for (unsigned i = 0; i < records; i++) {
		size_t skip = skip_name(p, len, at), data;

		if (!skip || len - at - skip < 10)
			return 0; /* cut short: there is nothing to be had */
		at += skip;
		data = get16(p + at + 8);
		if (len - at - 10 < data)
			return 0;
		if (get16(p + at) == TYPE_PTR && get16(p + at + 2) == CLASS_IN)
			return read_name(p, at + 10 + data, at + 10, name);
		at += 10 + data;
	}
	return 0;
}

bool
ptr_refuses(const uint8_t *p)
{
	unsigned code = p[3] & 15;

	return code != NO_ERROR && code != NO_NAME;
}
