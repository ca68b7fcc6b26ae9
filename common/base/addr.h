/*
 * addr - IP address and prefix: parse, format, compare.
 *
 * An address is 16 bytes in network order; IPv4 uses the first 4 and the rest
 * is zero.  The version is carried beside it, so `::` and `0.0.0.0` differ.
 */
#ifndef GP_ADDR_H
#define GP_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GP_ADDR_TEXT_MAX 48 /* longest text with its NUL, "/128" included */

struct gp_addr {
	uint8_t version; /* 4 or 6 */
	uint8_t b[16];
};

struct gp_prefix {
	struct gp_addr addr; /* bits beyond len are zero */
	uint8_t len;         /* 0-32 or 0-128 */
};

/* Dotted quad or RFC 4291 text, no zone; 0 or -EINVAL. */
int gp_addr_parse(const char *text, struct gp_addr *out);

/*
 * Address or address/length.  Host bits beyond the length are cleared and
 * *host_bits (may be NULL) tells whether there were any.  0 or -EINVAL.
 */
int gp_prefix_parse(const char *text, struct gp_prefix *out, bool *host_bits);

/* The same of what somebody typed: 10/8 is 10.0.0.0/8, as tcpdump has it.
 * Without a length 10.1 is none: it is 10.0.0.1 to some. */
int gp_prefix_typed(const char *text, struct gp_prefix *out);

/* RFC 5952 text (IPv4-mapped addresses too: "::ffff:192.0.2.1"); returns
 * its length without the NUL. */
size_t gp_addr_format(const struct gp_addr *a, char out[GP_ADDR_TEXT_MAX]);
size_t gp_prefix_format(const struct gp_prefix *p, char out[GP_ADDR_TEXT_MAX]);

/* IPv4 before IPv6, then by value: <0, 0, >0. */
int gp_addr_compare(const struct gp_addr *a, const struct gp_addr *b);

/*
 * Whether text can be a network interface's name: 1 to 15 bytes (IFNAMSIZ - 1)
 * of printable ASCII without blank, '/' and ':' (net/core/dev.c:
 * dev_valid_name), neither "." nor "..".
 */
bool gp_addr_iface_valid(const char *text);

/*
 * Whether a valid name can also be said where a list of names and patterns is
 * asked for, as by goquery's -i: the kernel has others.
 */
bool gp_addr_iface_listable(const char *text);

/* Half of an address, 8 bytes in network order, as a number. */
static inline uint64_t
gp_addr_half(const uint8_t *b)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | b[i];
	return v;
}
#endif
