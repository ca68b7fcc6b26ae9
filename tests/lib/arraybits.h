/* Arrays of a column by the width of their values: 8 to 64 bits, 128 for IPv6
 * addresses. */
#ifndef TESTS_ARRAYBITS_H
#define TESTS_ARRAYBITS_H

#include "common/godb/encode.h"

static inline int
array_decode(struct gdi_in *in, unsigned bits, size_t n, void *out,
    struct gdi_scratch *s)
{
	switch (bits) {
	case 8:
		return gdi_decode8(in, n, out, s);
	case 16:
		return gdi_decode16(in, n, out, s);
	case 32:
		return gdi_decode32(in, n, out, s);
	case 64:
		return gdi_decode64(in, n, out, s);
	default:
		return gdi_decode_addr6(in, n, out, s);
	}
}

static inline int
array_decode_some(struct gdi_in *in, unsigned bits, size_t n,
    const struct gdi_sel *sel, void *out, struct gdi_scratch *s)
{
	switch (bits) {
	case 8:
		return gdi_decode_some8(in, n, sel, out, s);
	case 16:
		return gdi_decode_some16(in, n, sel, out, s);
	case 32:
		return gdi_decode_some32(in, n, sel, out, s);
	case 64:
		return gdi_decode_some64(in, n, sel, out, s);
	default:
		return gdi_decode_some_addr6(in, n, sel, out, s);
	}
}

#endif
