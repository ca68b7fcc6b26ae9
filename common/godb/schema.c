#include "common/godb/schema.h"

#define COLUMN(name, kind) {name, name ".gpf", kind}

const struct gdi_column gdi_columns[GODB_N_COLUMNS] = {
    [GODB_SIP] = COLUMN("sip", GDI_ADDR),
    [GODB_DIP] = COLUMN("dip", GDI_ADDR),
    [GODB_DPORT] = COLUMN("dport", GDI_U16),
    [GODB_PROTO] = COLUMN("proto", GDI_U8),
    [GODB_L7PROTO] = COLUMN("l7proto", GDI_U16),
    [GODB_BYTES_RCVD] = COLUMN("bytes_rcvd", GDI_U64),
    [GODB_BYTES_SENT] = COLUMN("bytes_sent", GDI_U64),
    [GODB_PKTS_RCVD] = COLUMN("pkts_rcvd", GDI_U64),
    [GODB_PKTS_SENT] = COLUMN("pkts_sent", GDI_U64),
};

const char *
godb_column_name(enum godb_column c)
{
	return (unsigned)c < GODB_N_COLUMNS ? gdi_columns[c].name : NULL;
}

size_t
gdi_value_bytes(enum godb_column c, bool v6)
{
	switch (gdi_columns[c].kind) {
	case GDI_ADDR:
		return v6 ? sizeof(struct godb_addr6) : sizeof(uint32_t);
	case GDI_U8:
		return sizeof(uint8_t);
	case GDI_U16:
		return sizeof(uint16_t);
	case GDI_U64:
		break;
	}
	return sizeof(uint64_t);
}
