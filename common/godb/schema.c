#include "common/godb/schema.h"

const struct gdi_column gdi_columns[GODB_N_COLUMNS] = {
    [GODB_SIP] = {"sip", 32, 128},
    [GODB_DIP] = {"dip", 32, 128},
    [GODB_DPORT] = {"dport", 16, 16},
    [GODB_PROTO] = {"proto", 8, 8},
    [GODB_L7PROTO] = {"l7proto", 16, 16},
    [GODB_BYTES_RCVD] = {"bytes_rcvd", 64, 64},
    [GODB_BYTES_SENT] = {"bytes_sent", 64, 64},
    [GODB_PKTS_RCVD] = {"pkts_rcvd", 64, 64},
    [GODB_PKTS_SENT] = {"pkts_sent", 64, 64},
};

const char *
godb_column_name(enum godb_column c)
{
	return (unsigned)c < GODB_N_COLUMNS ? gdi_columns[c].name : "?";
}

int
gdi_column_find(const char *name, size_t len)
{
	for (int c = 0; c < GODB_N_COLUMNS; c++)
		if (strlen(gdi_columns[c].name) == len &&
		    memcmp(gdi_columns[c].name, name, len) == 0)
			return c;
	return -1;
}
