/*
 * addrindex - DAY/addresses.idx: which addresses a day's rows have, at either
 * end, and in which blocks (FORMAT.md, "Address index").
 *
 * A cache that is exact: it says which part of blocks.idx it is of, and an
 * address that is not in it is in no row of that part.  Whoever cannot use it
 * looks at the rows.
 */
#ifndef GODB_ADDRINDEX_H
#define GODB_ADDRINDEX_H

#include "common/godb/digest.h"

#define GDI_GROUP      512u /* addresses of a group, at most */
#define GDI_DENSE      96u  /* slots beyond which an address has a bit map */
#define GDI_CLASSES    8u   /* of how many slots an address has, see below */
#define GDI_CLASS_GAPS (GDI_GROUP * (GDI_DENSE - 1))

/* An IPv4 address has no high half. */
static inline int
gdi_addr_order(struct godb_addr6 a, struct godb_addr6 b)
{
	return a.hi != b.hi ? (a.hi > b.hi) - (a.hi < b.hi)
			    : (a.lo > b.lo) - (a.lo < b.lo);
}

/* Addresses with about as many slots have gaps of about one size: 1 slot, 2,
 * 3-4, 5-8 ... 65-96. */
static inline unsigned
gdi_addr_class(unsigned slots)
{
	return slots <= 1 ? 0 : 32 - (unsigned)__builtin_clz(slots - 1);
}

struct gdi_group_place {
	struct godb_addr6 first;
	uint64_t offset;
	uint32_t bytes;
	uint64_t checksum;
};

struct gdi_addrindex {
	struct gdi_digest digest;
	bool listed; /* false: too many addresses, any may be there */
	uint64_t n[2];                 /* addresses: IPv4, IPv6 */
	struct gdi_group_place *group[2];
	uint32_t n_groups[2];
	int fd;        /* -1: all of it is in ... */
	uint8_t *data; /* ... here */
	uint64_t size, read_bytes;
	char iface[16]; /* of the header */
};

/*
 * Opens the index of a day and reads its directory.  `brief`: only for the
 * digest, no groups.  0; -ENOENT; GODB_ENEWER; GODB_EDAMAGED; -ENOMEM; -errno.
 */
int gdi_addrindex_open(int day_fd, int64_t day_s, bool brief,
    struct gdi_addrindex *out);
/* The same of bytes in memory, taken. */
int gdi_addrindex_parse(uint8_t *data, size_t len, int64_t day_s,
    struct gdi_addrindex *out);
void gdi_addrindex_close(struct gdi_addrindex *x);

/* Goes through the addresses of a version, ascending. */
struct gdi_addrwalk;

int gdi_addrwalk_new(struct gdi_addrwalk **out);
void gdi_addrwalk_free(struct gdi_addrwalk *w); /* accepts NULL */
/* Before the first one. */
void gdi_addrwalk_begin(struct gdi_addrwalk *w, struct gdi_addrindex *x,
    bool v6);
/*
 * To the first address at or behind `to` that is not before the current one,
 * or to the next.  1 and the address; 0: there is none; GODB_EDAMAGED,
 * -ENOMEM, -errno.  Groups in between are not read.
 */
int gdi_addrwalk_seek(struct gdi_addrwalk *w, struct godb_addr6 to,
    struct godb_addr6 *out);
int gdi_addrwalk_next(struct gdi_addrwalk *w, struct godb_addr6 *out);
/* Slots of the current address: 0, GODB_EDAMAGED, -ENOMEM. */
int gdi_addrwalk_slots(struct gdi_addrwalk *w, struct gdi_slots *out);

/* ---- writing ------------------------------------------------------------- */

/* Appends a group; n of 1 to GDI_GROUP, ascending; n_slots: how many each
 * has. */
void gdi_group_write(const struct godb_addr6 *addr,
    const struct gdi_slots *slots, const uint16_t *n_slots, size_t n, bool v6,
    struct gdi_buf *out);

/* The head behind the groups, and the file's first bytes. */
void gdi_addrindex_head(const struct gdi_addrindex *x, struct gdi_buf *out);
void gdi_addrindex_header(const char *iface, int64_t day_s, uint64_t head_at,
    uint8_t out[GDI_HEADER_BYTES]);

#endif
