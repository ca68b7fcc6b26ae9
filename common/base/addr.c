#include "common/base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
gp_addr_parse(const char *text, struct gp_addr *out)
{
	struct gp_addr a;

	memset(&a, 0, sizeof(a));
	if (inet_pton(AF_INET, text, a.b) == 1)
		a.version = 4;
	else if (inet_pton(AF_INET6, text, a.b) == 1)
		a.version = 6;
	else
		return -EINVAL;
	*out = a;
	return 0;
}

/* Clears all bits beyond the first len. */
static void
mask(struct gp_addr *a, unsigned len)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = len > i * 8 ? len - i * 8 : 0;

		if (keep < 8)
			a->b[i] &= (uint8_t)(0xff00u >> keep);
	}
}

int
gp_prefix_parse(const char *text, struct gp_prefix *out, bool *host_bits)
{
	char buf[GP_ADDR_TEXT_MAX];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	struct gp_addr before;
	struct gp_prefix p;
	unsigned max, bits;

	if (len >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (gp_addr_parse(buf, &p.addr) < 0)
		return -EINVAL;
	max = p.addr.version == 4 ? 32 : 128;
	bits = max;
	if (slash) {
		size_t digits = strspn(slash + 1, "0123456789");

		if (digits == 0 || digits > 3 || slash[1 + digits] != '\0')
			return -EINVAL;
		bits = (unsigned)strtoul(slash + 1, NULL, 10);
		if (bits > max)
			return -EINVAL;
	}
	p.len = (uint8_t)bits;
	before = p.addr;
	mask(&p.addr, bits);
	if (host_bits)
		*host_bits = memcmp(before.b, p.addr.b, 16) != 0;
	*out = p;
	return 0;
}

int
gp_prefix_typed(const char *text, struct gp_prefix *out)
{
	size_t len = strcspn(text, "/"), dots = 0;
	char whole[GP_ADDR_TEXT_MAX];
	int n;

	for (size_t i = 0; i < len; i++)
		dots += text[i] == '.';
	if (!text[len] || dots > 2 || strspn(text, "0123456789.") != len)
		return gp_prefix_parse(text, out, NULL);
	n = snprintf(whole, sizeof(whole), "%.*s%s%s", (int)len, text,
	    &".0.0.0"[2 * dots], text + len);
	if (n < 0 || (size_t)n >= sizeof(whole))
		return -EINVAL;
	return gp_prefix_parse(whole, out, NULL);
}

/* inet_ntop takes 160 ns for it, most of the time to print an answer. */
static size_t
format_v4(const uint8_t b[4], char *out)
{
	char *at = out;

	for (unsigned i = 0; i < 4; i++) {
		if (b[i] >= 100)
			*at++ = (char)('0' + b[i] / 100);
		if (b[i] >= 10)
			*at++ = (char)('0' + b[i] / 10 % 10);
		*at++ = (char)('0' + b[i] % 10);
		*at++ = i < 3 ? '.' : '\0';
	}
	return (size_t)(at - out) - 1;
}

size_t
gp_addr_format(const struct gp_addr *a, char out[GP_ADDR_TEXT_MAX])
{
	if (a->version == 4)
		return format_v4(a->b, out);
	/* glibc writes the RFC 5952 form: lower case, the first longest run of
	 * two or more zero groups compressed */
	if (inet_ntop(AF_INET6, a->b, out, GP_ADDR_TEXT_MAX) == NULL)
		out[0] = '\0';
	return strlen(out);
}

size_t
gp_prefix_format(const struct gp_prefix *p, char out[GP_ADDR_TEXT_MAX])
{
	size_t n = gp_addr_format(&p->addr, out);
	int more = snprintf(out + n, GP_ADDR_TEXT_MAX - n, "/%u",
	    (unsigned)p->len);

	return n + (size_t)more;
}

int
gp_addr_compare(const struct gp_addr *a, const struct gp_addr *b)
{
	if (a->version != b->version)
		return a->version < b->version ? -1 : 1;
	return memcmp(a->b, b->b, 16);
}

bool
gp_addr_iface_valid(const char *text)
{
	size_t len = strnlen(text, 16);

	if (len == 0 || len > 15 || strcmp(text, ".") == 0 ||
	    strcmp(text, "..") == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] <= 0x20 || text[i] > 0x7e || text[i] == '/' ||
		    text[i] == ':')
			return false;
	return true;
}

bool
gp_addr_iface_listable(const char *text)
{
	return strpbrk(text, ",*") == NULL;
}
