#include "querier/geo.h"

#include <errno.h>
#include <limits.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct geo {
	MMDB_s db;
};

int
geo_open(const char *path, struct geo **out, char error[256])
{
	struct geo *g = calloc(1, sizeof(*g));
	int status;

	if (!g) {
		(void)snprintf(error, 256, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	status = MMDB_open(path, MMDB_MODE_MMAP, &g->db);
	if (status != MMDB_SUCCESS) {
		(void)snprintf(error, 256, "%.150s: %s", path,
		    MMDB_strerror(status));
		free(g);
		return -EINVAL;
	}
	*out = g;
	return 0;
}

/* ---- one address --------------------------------------------------------- */

static bool
find(const struct geo *g, const struct gp_addr *a, MMDB_entry_s *out)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	MMDB_lookup_result_s r;
	int error = 0;

	if (a->version == 6 && g->db.metadata.ip_version == 4)
		return false;
	memcpy(&v4.sin_addr, a->b, 4);
	memcpy(&v6.sin6_addr, a->b, 16);
	r = MMDB_lookup_sockaddr(&g->db, a->version == 4
		? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6,
	    &error);
	*out = r.entry;
	return error == MMDB_SUCCESS && r.found_entry;
}

/* Tabs and line ends would be taken for more fields. */
static void
copy_text(const MMDB_entry_data_s *d, char *out, size_t size)
{
	size_t n = d->data_size < size - 1 ? d->data_size : size - 1;

	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)d->utf8_string[i] < 0x20
		    ? ' ' : d->utf8_string[i];
	out[n] = '\0';
}

static void
country_of(MMDB_entry_s *e, char out[GEO_COUNTRY_MAX])
{
	static const char *const at[][3] = {{"country", "iso_code", NULL},
	    {"registered_country", "iso_code", NULL},
	    {"country_code", NULL, NULL}};
	MMDB_entry_data_s d;

	out[0] = '\0';
	for (size_t i = 0; i < 3 && !out[0]; i++) {
		if (MMDB_aget_value(e, &d, at[i]) == MMDB_SUCCESS &&
		    d.has_data && d.type == MMDB_DATA_TYPE_UTF8_STRING)
			copy_text(&d, out, GEO_COUNTRY_MAX);
	}
}

static unsigned
asn_of(MMDB_entry_s *e)
{
	MMDB_entry_data_s d;

	if (MMDB_get_value(e, &d, "autonomous_system_number", NULL) ==
		MMDB_SUCCESS && d.has_data && d.type == MMDB_DATA_TYPE_UINT32)
		return d.uint32;
	return 0;
}

void
geo_country(const struct geo *g, const struct gp_addr *a,
    char out[GEO_COUNTRY_MAX])
{
	MMDB_entry_s e;

	out[0] = '\0';
	if (find(g, a, &e))
		country_of(&e, out);
}

void
geo_asn(const struct geo *g, const struct gp_addr *a, char asn[GEO_ASN_MAX],
    char org[GEO_ORG_MAX])
{
	MMDB_entry_data_s d;
	MMDB_entry_s e;
	unsigned number;

	asn[0] = org[0] = '\0';
	if (!find(g, a, &e))
		return;
	number = asn_of(&e);
	if (number)
		(void)snprintf(asn, GEO_ASN_MAX, "AS%u", number);
	if (MMDB_get_value(&e, &d, "autonomous_system_organization", NULL) ==
		MMDB_SUCCESS && d.has_data &&
	    d.type == MMDB_DATA_TYPE_UTF8_STRING)
		copy_text(&d, org, GEO_ORG_MAX);
}

/* ---- all networks -------------------------------------------------------- */

struct walk {
	const struct geo *g;
	const char *country;
	unsigned asn;
	void (*each)(void *arg, const struct gp_prefix *p);
	void *arg;
	struct gp_prefix at; /* path so far, of the tree's version */
	uint32_t last;       /* offset of the entry looked at last ... */
	bool last_fits;      /* ... and whether it is one of those */
	int count;
	bool damaged;
};

static bool
fits(struct walk *w, MMDB_entry_s *e)
{
	char country[GEO_COUNTRY_MAX];

	if (e->offset == w->last)
		return w->last_fits;
	w->last = e->offset;
	if (w->asn) {
		w->last_fits = asn_of(e) == w->asn;
	} else {
		country_of(e, country);
		w->last_fits = strcasecmp(country, w->country) == 0;
	}
	return w->last_fits;
}

static bool
is_v4_part(const struct gp_prefix *p)
{
	static const uint8_t zero[12];

	return p->len >= 96 && memcmp(p->addr.b, zero, sizeof(zero)) == 0;
}

static void
report(struct walk *w)
{
	struct gp_prefix p = w->at;

	if (w->g->db.metadata.ip_version == 4) {
		p.addr.version = 4;
	} else if (is_v4_part(&p)) {
		memset(&p.addr, 0, sizeof(p.addr));
		p.addr.version = 4;
		memcpy(p.addr.b, w->at.addr.b + 12, 4);
		p.len = (uint8_t)(w->at.len - 96);
	}
	w->each(w->arg, &p);
	if (w->count < INT_MAX)
		w->count++;
}

static void step(struct walk *w, uint64_t record, uint8_t type,
    MMDB_entry_s *e);

static void
walk_node(struct walk *w, uint32_t number)
{
	unsigned most = w->g->db.metadata.ip_version == 4 ? 32 : 128;
	MMDB_search_node_s node;

	/* 2002::/16 and others lead to the IPv4 part once more */
	if (number == w->g->db.ipv4_start_node.node_value && most == 128 &&
	    w->at.len > 0 && !is_v4_part(&w->at))
		return;
	if (w->at.len >= most ||
	    MMDB_read_node(&w->g->db, number, &node) != MMDB_SUCCESS) {
		w->damaged = true;
		return;
	}
	w->at.len++;
	step(w, node.left_record, node.left_record_type,
	    &node.left_record_entry);
	w->at.addr.b[(w->at.len - 1) / 8] |=
	    (uint8_t)(0x80 >> (w->at.len - 1) % 8);
	step(w, node.right_record, node.right_record_type,
	    &node.right_record_entry);
	w->at.addr.b[(w->at.len - 1) / 8] &=
	    (uint8_t)~(0x80 >> (w->at.len - 1) % 8);
	w->at.len--;
}

static void
step(struct walk *w, uint64_t record, uint8_t type, MMDB_entry_s *e)
{
	if (w->damaged)
		return;
	if (type == MMDB_RECORD_TYPE_SEARCH_NODE)
		walk_node(w, (uint32_t)record);
	else if (type == MMDB_RECORD_TYPE_DATA && fits(w, e))
		report(w);
	else if (type == MMDB_RECORD_TYPE_INVALID)
		w->damaged = true;
}

int
geo_networks(const struct geo *g, const char *country, unsigned asn,
    void (*each)(void *arg, const struct gp_prefix *p), void *arg)
{
	struct walk w = {.g = g, .country = country, .asn = asn, .each = each,
	    .arg = arg, .last = UINT32_MAX};

	w.at.addr.version = 6;
	walk_node(&w, 0);
	return w.damaged ? -EBADMSG : w.count;
}
