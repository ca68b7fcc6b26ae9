#include "common/godb/internal.h"

const char *
godb_strerror(int rc)
{
	if (rc >= 0)
		return "no error";
	switch (rc) {
	case GODB_ENOTSTORE:
		return "not a goDB store";
	case GODB_ENEWER:
		return "the store was written by a newer version of goDB";
	case GODB_EDAMAGED:
		return "damaged";
	case GODB_EGONE:
		return "removed by retention meanwhile";
	case GODB_ELOCKED:
		return "another writer owns the store";
	case GODB_ESYNTAX:
		return "cannot be understood";
	case GODB_ECANCELLED:
		return "cancelled";
	case GODB_EMEMORY:
		return "more memory than allowed would be needed";
	case GODB_EIFACE:
		return "not an interface name";
	case GODB_EFULL:
		return "a limit of the store's format is reached";
	default:
		/* GNU extension of glibc 2.32: no locale, no static buffer */
		if (rc > -4096 && strerrordesc_np(-rc) != NULL)
			return strerrordesc_np(-rc);
		return "unknown error";
	}
}

/* ---- small things that several files need -------------------------------- */

void
gdi_sum_values(uint64_t *to, const uint64_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (__builtin_add_overflow(to[i], from[i], &to[i]))
			to[i] = UINT64_MAX;
}

void
gdi_sum_counters(struct godb_counters *to, const struct godb_counters *from)
{
	uint64_t t[GDI_N_COUNTERS], f[GDI_N_COUNTERS];

	memcpy(t, to, sizeof(t));
	memcpy(f, from, sizeof(f));
	gdi_sum_values(t, f, GDI_N_COUNTERS);
	memcpy(to, t, sizeof(t));
}

void
gdi_header_make(uint8_t out[GDI_HEADER_BYTES], const char magic[8],
    const char *iface, int64_t time_s, uint64_t salt)
{
	memset(out, 0, GDI_HEADER_BYTES);
	memcpy(out, magic, 8);
	gdi_put16(out + GDI_H_MAJOR, GODB_FORMAT_MAJOR);
	gdi_put16(out + GDI_H_MINOR, GODB_FORMAT_MINOR);
	gdi_put32(out + GDI_H_BYTES, GDI_HEADER_BYTES);
	gdi_put64(out + GDI_H_TIME, (uint64_t)time_s);
	memcpy(out + GDI_H_IFACE, iface, strnlen(iface, 15));
	gdi_put64(out + GDI_H_SALT, salt);
	gdi_header_seal(out);
}

void
gdi_header_seal(uint8_t h[GDI_HEADER_BYTES])
{
	gdi_put64(h + GDI_H_CHECKSUM, gp_checksum(h, GDI_H_CHECKSUM, 0));
}

int
gdi_header_check(const uint8_t h[GDI_HEADER_BYTES], const char magic[8],
    int64_t time_s)
{
	if (memcmp(h, magic, 8) != 0 ||
	    gdi_get64(h + GDI_H_CHECKSUM) !=
		gp_checksum(h, GDI_H_CHECKSUM, 0))
		return GODB_EDAMAGED;
	if (gdi_get16(h + GDI_H_MAJOR) > GODB_FORMAT_MAJOR)
		return GODB_ENEWER;
	if (gdi_get32(h + GDI_H_BYTES) != GDI_HEADER_BYTES ||
	    (int64_t)gdi_get64(h + GDI_H_TIME) != time_s)
		return GODB_EDAMAGED; /* a file of another time */
	return 0;
}
