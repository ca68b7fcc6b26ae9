/*
 * geo - MMDB files: what they say of an address, and which networks they have
 * of a country or an autonomous system.  The only place that knows
 * libmaxminddb.
 */
#ifndef GEO_H
#define GEO_H

#include <stddef.h>

#include "common/base/addr.h"

#define GEO_COUNTRY_MAX 8
#define GEO_ASN_MAX     16
#define GEO_ORG_MAX     128

struct geo; /* one file */

/* For as long as the process lives.  0; -EINVAL, -ENOMEM with one line in
 * error. */
int geo_open(const char *path, struct geo **out, char error[256]);

/* "CH"; "AS64500" and its holder; "" where the file has nothing. */
void geo_country(const struct geo *g, const struct gp_addr *a,
    char out[GEO_COUNTRY_MAX]);
void geo_asn(const struct geo *g, const struct gp_addr *a,
    char asn[GEO_ASN_MAX], char org[GEO_ORG_MAX]);

/* Calls for each network whose country (asn 0) or system it is; returns how
 * many, -EBADMSG when the file is damaged. */
int geo_networks(const struct geo *g, const char *country, unsigned asn,
    void (*each)(void *arg, const struct gp_prefix *p), void *arg);

#endif
