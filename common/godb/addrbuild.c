#include "common/godb/addrbuild.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/index.h"
#include "common/godb/sort.h"

/* What one pass holds of (address, slot), and what is sorted at a time. */
#define PAIRS4_MAX (2u << 20) /* 8 bytes each */
#define PAIRS6_MAX (1u << 19) /* 32 bytes each */
#define STAGE4_MAX (1u << 20)
#define STAGE6_MAX (1u << 18)
#define PASSES_MAX 64u
#define SLOT_BITS  9
#define EMIT_STEP  64u /* groups a step */
#define RECENT     (1u << 13) /* pairs that need not be staged again */
#define WRITE_BYTES (64u << 10) /* of the file at a time */

enum phase { GATHER, EMIT, FINISH, PLACE, DONE };

struct gdi_addrbuild {
	struct gdi_addrbuild_opts opts;
	int day_fd;
	struct gdi_index index;
	struct gdi_addrindex x; /* what is being made */
	size_t room[2];         /* of x.group */
	enum phase phase;
	unsigned passes;
	/* where it goes */
	int fd;
	struct gdi_buf memory; /* all of it, or what waits for the file */
	uint64_t end;
	/* the chunk at hand */
	bool v6;
	size_t record;
	int column; /* sip, dip */
	struct gdi_extent extent;
	bool open;
	int column_fd[2];
	struct gdi_buf stored;
	struct gdi_chunk_memory chunk;
	uint8_t *rows; /* of a chunk */
	/* pairs of this pass: addresses in [from, until) */
	struct godb_addr6 from, until;
	bool bounded; /* there is an until, and so another pass */
	uint64_t *pair4, *stage4;
	/* an IPv6 address is as wide as an IPv4 row's key, so the sort of
	 * rows serves; the slot is counter[0] */
	struct gdi_row4 *pair6, *stage6, *part6;
	size_t n_pairs, n_stage, room_pairs;
	uint64_t recent4[RECENT]; /* some of what is staged */
	/* the group at hand */
	size_t emitted; /* pairs */
	struct godb_addr6 addr[GDI_GROUP];
	struct gdi_slots slots[GDI_GROUP];
	uint16_t n_slots[GDI_GROUP];
	size_t n_group;
};

static void
forget_recent(struct gdi_addrbuild *b)
{
	memset(b->recent4, 0xff, sizeof(b->recent4)); /* no pair */
}

/* ---- beginning and end --------------------------------------------------- */

/* Records beyond only_bytes are no matter. */
static int
cut_index(struct gdi_index *x, uint64_t bytes)
{
	size_t n = 0;

	while (n < x->n && x->records[n].offset < bytes)
		n++;
	if (n < x->n && x->records[n].offset != bytes)
		return GODB_EDAMAGED; /* it ends within a record */
	if (n == x->n && bytes != x->size)
		return GODB_EDAMAGED;
	x->n = n;
	x->size = bytes;
	return 0;
}

int
gdi_addrbuild_new(int day_fd, const struct gdi_addrbuild_opts *opts,
    struct gdi_addrbuild **out)
{
	struct gdi_addrbuild *b = calloc(1, sizeof(*b));
	int rc;

	if (b == NULL)
		return -ENOMEM;
	b->opts = *opts;
	b->day_fd = day_fd;
	b->fd = b->x.fd = b->column_fd[0] = b->column_fd[1] = -1;
	b->end = GDI_HEADER_BYTES;
	b->x.listed = true;
	forget_recent(b);
	rc = gdi_index_read(day_fd, opts->day_s, &b->index);
	if (rc == 0 && (b->index.n_gaps > 0 || b->index.header_damaged ||
			   b->index.size == 0))
		rc = GODB_EDAMAGED;
	if (rc == 0 && opts->only_bytes > 0)
		rc = cut_index(&b->index, opts->only_bytes);
	if (rc == 0)
		rc = gdi_digest_make(&b->index, &b->x.digest);
	if (rc == 0) {
		b->rows = malloc(GDI_CHUNK_ROWS * sizeof(struct godb_addr6));
		rc = b->rows ? 0 : -ENOMEM;
	}
	if (rc == 0 && opts->only_bytes > 0) {
		(void)gdi_buf_room(&b->memory, GDI_HEADER_BYTES);
		rc = b->memory.rc;
		b->memory.len = GDI_HEADER_BYTES;
	} else if (rc == 0) {
		b->fd = gp_fd_openat(day_fd, GDI_ADDRESSES GDI_NEW,
		    O_RDWR | O_CREAT | O_TRUNC, opts->mode_file);
		if (b->fd < 0)
			rc = b->fd;
		else if (fchmod(b->fd, opts->mode_file) < 0)
			rc = -errno;
	}
	if (rc < 0)
		gdi_addrbuild_free(b);
	else
		*out = b;
	return rc;
}

static void
drop_pairs(struct gdi_addrbuild *b)
{
	free(b->pair4);
	free(b->stage4);
	free(b->pair6);
	free(b->stage6);
	free(b->part6);
	b->pair4 = b->stage4 = NULL;
	b->pair6 = b->stage6 = b->part6 = NULL;
	b->n_pairs = b->n_stage = b->room_pairs = 0;
}

void
gdi_addrbuild_free(struct gdi_addrbuild *b)
{
	if (b == NULL)
		return;
	if (b->fd >= 0 && b->phase != DONE)
		(void)unlinkat(b->day_fd, GDI_ADDRESSES GDI_NEW, 0);
	gp_fd_close(&b->fd);
	gp_fd_close(&b->column_fd[0]);
	gp_fd_close(&b->column_fd[1]);
	gdi_index_free(&b->index);
	gdi_addrindex_close(&b->x);
	gdi_buf_free(&b->memory);
	gdi_buf_free(&b->stored);
	gdi_chunk_memory_free(&b->chunk);
	drop_pairs(b);
	free(b->rows);
	free(b);
}

/* ---- pairs --------------------------------------------------------------- */

static size_t
pairs_max(const struct gdi_addrbuild *b)
{
	if (b->opts.pairs_max)
		return b->opts.pairs_max;
	return b->v6 ? PAIRS6_MAX : PAIRS4_MAX;
}

static size_t
stage_max(const struct gdi_addrbuild *b)
{
	size_t most = b->v6 ? STAGE6_MAX : STAGE4_MAX;

	return pairs_max(b) < most ? pairs_max(b) : most;
}

/* Room for n pairs. */
static int
reserve(struct gdi_addrbuild *b, size_t n)
{
	size_t room = b->room_pairs ? b->room_pairs : 1024;
	void *grown;

	if (n <= b->room_pairs)
		return 0;
	while (room < n)
		room *= 2;
	grown = b->v6 ? reallocarray(b->pair6, room, sizeof(*b->pair6)) :
			reallocarray(b->pair4, room, sizeof(*b->pair4));
	if (grown == NULL)
		return -ENOMEM;
	if (b->v6)
		b->pair6 = grown;
	else
		b->pair4 = grown;
	b->room_pairs = room;
	return 0;
}

/* The sources of a block come in order. */
static int
sort4(uint64_t *v, size_t n)
{
	bool sorted = true;

	for (size_t i = 1; sorted && i < n; i++)
		sorted = v[i - 1] <= v[i];
	return sorted ? 0 : gdi_sort_u64(v, n);
}

/* Sorted pairs, each once. */
static size_t
once4(uint64_t *v, size_t n)
{
	size_t kept = 1;

	for (size_t i = 1; i < n; i++) {
		v[kept] = v[i];
		kept += v[i] != v[kept - 1];
	}
	return kept;
}

/*
 * Sorted pairs of b, each once, among those at the front of a, from the back,
 * so that no other memory is needed, and none is touched below the least of b.
 * Which of the two comes next nobody can foresee: no branches.
 */
static size_t
merge4(uint64_t *a, size_t n_a, const uint64_t *b, size_t n_b)
{
	size_t end = n_a + n_b, to = end;

	while (n_a > 0 && n_b > 0) {
		uint64_t x = a[n_a - 1], y = b[n_b - 1];

		a[--to] = x > y ? x : y;
		n_a -= x >= y;
		n_b -= y >= x;
	}
	to -= n_b;
	memcpy(a + to, b, n_b * sizeof(*a));
	/* equal ones have left a gap */
	if (to > n_a)
		memmove(a + n_a, a + to, (end - to) * sizeof(*a));
	return n_a + end - to;
}

/* By address, then slot. */
static inline bool
less6(const struct gdi_row4 *a, const struct gdi_row4 *b)
{
	return (a->k[0] < b->k[0]) | ((a->k[0] == b->k[0]) &
	    ((a->k[1] < b->k[1]) | ((a->k[1] == b->k[1]) &
	    (a->counter[0] < b->counter[0]))));
}

static int
order6(const void *a, const void *b)
{
	return less6(b, a) - less6(a, b);
}

/* Slots of each address, which the radix sort left in any order. */
static void
order_slots6(struct gdi_row4 *v, size_t n)
{
	for (size_t i = 0, end; i < n; i = end) {
		bool sorted = true;

		for (end = i + 1; end < n && v[end].k[0] == v[i].k[0] &&
		     v[end].k[1] == v[i].k[1]; end++)
			sorted &= v[end - 1].counter[0] <= v[end].counter[0];
		if (!sorted)
			qsort(v + i, end - i, sizeof(*v), order6);
	}
}

static void
sort6(struct gdi_row4 *v, struct gdi_row4 *part, size_t n)
{
	bool sorted = true;

	for (size_t i = 1; sorted && i < n; i++)
		sorted = !less6(&v[i], &v[i - 1]);
	if (sorted)
		return;
	gdi_sort_row4_in_place(v, part, n);
	order_slots6(v, n);
}

static size_t
once6(struct gdi_row4 *v, size_t n)
{
	size_t kept = 1;

	for (size_t i = 1; i < n; i++)
		if (less6(&v[kept - 1], &v[i]))
			v[kept++] = v[i];
	return kept;
}

static size_t
merge6(struct gdi_row4 *a, size_t n_a, const struct gdi_row4 *b, size_t n_b)
{
	size_t end = n_a + n_b, to = end;

	while (n_a > 0 && n_b > 0) {
		const struct gdi_row4 *x = &a[n_a - 1], *y = &b[n_b - 1];
		bool a_less = less6(x, y), b_less = less6(y, x);

		a[--to] = *(a_less ? y : x);
		n_a -= !a_less;
		n_b -= !b_less;
	}
	to -= n_b;
	memcpy(a + to, b, n_b * sizeof(*a));
	if (to > n_a)
		memmove(a + n_a, a + to, (end - to) * sizeof(*a));
	return n_a + end - to;
}

static struct godb_addr6
pair_addr(const struct gdi_addrbuild *b, size_t i)
{
	if (b->v6)
		return (struct godb_addr6){b->pair6[i].k[0],
		    b->pair6[i].k[1]};
	return (struct godb_addr6){0, b->pair4[i] >> SLOT_BITS};
}

static unsigned
pair_slot(const struct gdi_addrbuild *b, size_t i)
{
	return b->v6 ? b->pair6[i].counter[0] :
		       (unsigned)b->pair4[i] & ((1u << SLOT_BITS) - 1);
}

/* Too many: the highest addresses are left to the next pass. */
static void
cut_pairs(struct gdi_addrbuild *b)
{
	size_t n = pairs_max(b);

	if (b->n_pairs <= n)
		return;
	b->until = pair_addr(b, n);
	b->bounded = true;
	while (n > 0 && gdi_addr_order(pair_addr(b, n - 1), b->until) == 0)
		n--;
	b->n_pairs = n;
}

/* What is staged goes among the pairs. */
static int
settle(struct gdi_addrbuild *b)
{
	size_t n = b->n_stage;
	int rc = n ? reserve(b, b->n_pairs + n) : 0;

	if (rc < 0 || n == 0)
		return rc;
	if (b->v6) {
		sort6(b->stage6, b->part6, n);
		b->n_pairs = merge6(b->pair6, b->n_pairs, b->stage6,
		    once6(b->stage6, n));
	} else {
		rc = sort4(b->stage4, n);
		if (rc < 0)
			return rc;
		b->n_pairs = merge4(b->pair4, b->n_pairs, b->stage4,
		    once4(b->stage4, n));
	}
	b->n_stage = 0;
	forget_recent(b);
	cut_pairs(b);
	return 0;
}

static int
reserve_stage(struct gdi_addrbuild *b)
{
	if (b->v6 && b->stage6 == NULL) {
		b->stage6 = malloc(stage_max(b) * sizeof(*b->stage6));
		b->part6 = malloc(GDI_SORT_PART * sizeof(*b->part6));
		return b->stage6 && b->part6 ? 0 : -ENOMEM;
	}
	if (!b->v6 && b->stage4 == NULL) {
		b->stage4 = malloc(stage_max(b) * sizeof(*b->stage4));
		return b->stage4 ? 0 : -ENOMEM;
	}
	return 0;
}

static bool
is_wanted(const struct gdi_addrbuild *b, struct godb_addr6 a)
{
	return gdi_addr_order(a, b->from) >= 0 &&
	    (!b->bounded || gdi_addr_order(a, b->until) < 0);
}

/* Only a hint: a pair that is staged twice is merged. */
static uint64_t *
recent_of(struct gdi_addrbuild *b, uint64_t pair)
{
	uint64_t h = pair * UINT64_C(0x9e3779b97f4a7c15);

	return &b->recent4[h >> 40 & (RECENT - 1)];
}

static int
stage4(struct gdi_addrbuild *b, size_t n, unsigned slot)
{
	const uint32_t *v = (const uint32_t *)(const void *)b->rows;
	size_t most = stage_max(b);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		uint64_t pair = (uint64_t)v[i] << SLOT_BITS | slot;
		uint64_t *recent = recent_of(b, pair);

		if (*recent == pair ||
		    !is_wanted(b, (struct godb_addr6){0, v[i]}))
			continue;
		*recent = pair;
		b->stage4[b->n_stage++] = pair;
		if (b->n_stage == most)
			rc = settle(b);
	}
	return rc;
}

static int
stage6(struct gdi_addrbuild *b, size_t n, unsigned slot)
{
	const struct godb_addr6 *v =
	    (const struct godb_addr6 *)(const void *)b->rows;
	size_t most = stage_max(b);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		if ((i > 0 && gdi_addr_order(v[i], v[i - 1]) == 0) ||
		    !is_wanted(b, v[i]))
			continue;
		b->stage6[b->n_stage++] = (struct gdi_row4){{v[i].hi, v[i].lo},
		    {slot}};
		if (b->n_stage == most)
			rc = settle(b);
	}
	return rc;
}

/* ---- chunks -------------------------------------------------------------- */

/* Whether a chunk can have addresses of this pass. */
static bool
may_have(const struct gdi_addrbuild *b, const struct gdi_chunk *k)
{
	uint64_t from = b->v6 ? b->from.hi : b->from.lo;
	uint64_t until = b->v6 ? b->until.hi : b->until.lo;

	return k->v6 == b->v6 && k->max >= from &&
	    (!b->bounded || k->min <= until);
}

static int
open_column(struct gdi_addrbuild *b)
{
	int *fd = &b->column_fd[b->column];
	struct stat st;

	if (*fd >= 0)
		return 0;
	*fd = gp_fd_openat(b->day_fd, gdi_columns[b->column].file,
	    O_RDONLY | O_NONBLOCK, 0);
	if (*fd < 0) {
		int rc = *fd;

		*fd = -1;
		return rc == -ENOENT || rc == -ELOOP ? GODB_EDAMAGED : rc;
	}
	if (fstat(*fd, &st) < 0 || !S_ISREG(st.st_mode))
		return GODB_EDAMAGED;
	return 0;
}

static int
take_chunk(struct gdi_addrbuild *b, const struct gdi_chunk *k)
{
	int64_t slot_s = b->index.records[b->record].slot_s;
	unsigned slot = (unsigned)(slot_s % GP_DAY_S / GP_SLOT_S);
	int rc = open_column(b);
	ssize_t n;

	b->stored.len = 0;
	if (rc == 0 && gdi_buf_room(&b->stored, k->stored + GDI_SLACK) == NULL)
		rc = -ENOMEM;
	if (rc < 0)
		return rc;
	n = gp_fd_pread_full(b->column_fd[b->column], b->stored.p, k->stored,
	    k->offset);
	if (n < 0 || (size_t)n < k->stored)
		return n < 0 ? (int)n : GODB_EDAMAGED;
	memset(b->stored.p + n, 0, GDI_SLACK);
	/* a dictionary may have values that no row has: what counts are rows */
	rc = gdi_chunk_decode(&b->chunk,
	    &(struct gdi_stored){b->stored.p, k->stored, k->checksum,
		(enum godb_column)b->column, k->v6, k->rows},
	    b->rows);
	if (rc == 0)
		rc = reserve_stage(b);
	if (rc < 0)
		return rc;
	return b->v6 ? stage6(b, k->rows, slot) : stage4(b, k->rows, slot);
}

/* The next chunk of this pass; 0 when there is none. */
static int
gather_one(struct gdi_addrbuild *b)
{
	while (b->record < b->index.n) {
		const struct gdi_record *r = &b->index.records[b->record];
		struct gdi_chunk k = {0};
		int rc = 0;

		if (!b->open && (b->v6 ? r->n6 : r->n4) > 0)
			rc = gdi_extent_open(r, (enum godb_column)b->column,
			    &b->extent);
		else if (!b->open)
			b->extent = (struct gdi_extent){0};
		b->open = rc == 0;
		while (rc == 0 &&
		    (rc = gdi_extent_next(&b->extent, &k)) == 1) {
			if (may_have(b, &k)) {
				rc = take_chunk(b, &k);
				return rc < 0 ? rc : 1;
			}
			rc = 0;
		}
		if (rc < 0)
			return rc;
		b->open = false;
		b->record += b->column == GODB_DIP;
		b->column = b->column == GODB_SIP ? GODB_DIP : GODB_SIP;
	}
	return 0;
}

/* ---- groups -------------------------------------------------------------- */

/* To the file, when so many bytes wait for it. */
static int
flush(struct gdi_addrbuild *b, size_t least)
{
	size_t n = b->memory.len;

	if (b->memory.rc < 0 || b->fd < 0 || n < least)
		return b->memory.rc;
	b->memory.len = 0;
	return gp_fd_pwrite_full(b->fd, b->memory.p, n, b->end - n);
}

static int
put_group(struct gdi_addrbuild *b)
{
	struct gdi_addrindex *x = &b->x;
	int v = b->v6;
	struct gdi_group_place *grown = x->group[v];
	size_t start = b->memory.len, len;

	if (x->n_groups[v] == b->room[v]) {
		size_t room = b->room[v] ? b->room[v] * 2 : 32;

		grown = reallocarray(grown, room, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		x->group[v] = grown;
		b->room[v] = room;
	}
	gdi_group_write(b->addr, b->slots, b->n_slots, b->n_group, b->v6,
	    &b->memory);
	if (b->memory.rc < 0)
		return b->memory.rc;
	len = b->memory.len - start;
	grown[x->n_groups[v]++] = (struct gdi_group_place){
	    .first = b->addr[0],
	    .bytes = (uint32_t)len,
	    .checksum = gp_checksum(b->memory.p + start, len, 0)};
	x->n[v] += b->n_group;
	b->n_group = 0;
	b->end += len;
	return flush(b, WRITE_BYTES);
}

/* Some groups of the pass's pairs; 0 when all went. */
static int
emit_some(struct gdi_addrbuild *b)
{
	unsigned groups = 0;
	int rc = 0;

	while (rc == 0 && b->emitted < b->n_pairs && groups < EMIT_STEP) {
		size_t i = b->emitted;
		struct godb_addr6 a = pair_addr(b, i);
		bool same = b->n_group > 0 &&
		    gdi_addr_order(b->addr[b->n_group - 1], a) == 0;

		if (!same && b->n_group == GDI_GROUP) {
			rc = put_group(b);
			groups++;
			continue;
		}
		if (!same) {
			b->addr[b->n_group] = a;
			b->n_slots[b->n_group] = 0;
			b->slots[b->n_group++] = (struct gdi_slots){{0}};
		}
		gdi_slots_set(&b->slots[b->n_group - 1], pair_slot(b, i));
		b->n_slots[b->n_group - 1]++;
		b->emitted++;
	}
	return rc < 0 ? rc : b->emitted < b->n_pairs;
}

/* Too much for an index: that it is, is one, too. */
static int
give_up(struct gdi_addrbuild *b)
{
	b->x.listed = false;
	for (int v = 0; v < 2; v++)
		b->x.n[v] = b->x.n_groups[v] = 0;
	b->n_group = 0;
	b->memory.len = b->fd < 0 ? GDI_HEADER_BYTES : 0;
	b->end = GDI_HEADER_BYTES;
	if (b->fd >= 0 && ftruncate(b->fd, 0) < 0)
		return -errno;
	b->phase = FINISH;
	return 1;
}

/* After a pass: the next one, IPv6, or the end. */
static int
next_pass(struct gdi_addrbuild *b)
{
	unsigned most = b->opts.passes_max ? b->opts.passes_max : PASSES_MAX;
	bool more = b->bounded;
	int rc = 0;

	if (!more && b->n_group > 0)
		rc = put_group(b);
	if (rc < 0)
		return rc;
	b->from = more ? b->until : (struct godb_addr6){0, 0};
	b->bounded = false;
	b->n_pairs = b->emitted = b->record = 0;
	if (++b->passes >= most && more)
		return give_up(b);
	if (!more) {
		drop_pairs(b);
		b->phase = b->v6 ? FINISH : GATHER;
		b->v6 = true;
		return 1;
	}
	b->phase = GATHER;
	return 1;
}

/* ---- finishing ----------------------------------------------------------- */

static int
put_head(struct gdi_addrbuild *b)
{
	uint8_t header[GDI_HEADER_BYTES];
	size_t start = b->memory.len;
	int rc;

	gdi_addrindex_header(b->opts.iface, b->opts.day_s, b->end, header);
	gdi_addrindex_head(&b->x, &b->memory);
	b->end += b->memory.len - start;
	rc = flush(b, 0);
	if (rc == 0 && b->fd >= 0)
		rc = gp_fd_pwrite_full(b->fd, header, sizeof(header), 0);
	else if (rc == 0)
		memcpy(b->memory.p, header, sizeof(header));
	b->phase = PLACE;
	return rc < 0 ? rc : 1;
}

static int
put_in_place(struct gdi_addrbuild *b)
{
	int rc = 0;

	if (b->fd >= 0) {
		rc = gp_fd_sync(b->fd);
		if (rc == 0 && renameat(b->day_fd, GDI_ADDRESSES GDI_NEW,
				   b->day_fd, GDI_ADDRESSES) < 0)
			rc = -errno;
		if (rc == 0)
			rc = gp_fd_sync(b->day_fd);
	} else if (gdi_buf_room(&b->memory, GDI_SLACK) == NULL) {
		rc = -ENOMEM;
	} else {
		memset(b->memory.p + b->memory.len, 0, GDI_SLACK);
	}
	if (rc == 0)
		b->phase = DONE;
	return rc;
}

int
gdi_addrbuild_step(struct gdi_addrbuild *b)
{
	int rc = 0;

	switch (b->phase) {
	case GATHER:
		rc = gather_one(b);
		if (rc == 0) {
			rc = settle(b);
			b->phase = EMIT;
		}
		return rc < 0 ? rc : 1;
	case EMIT:
		rc = emit_some(b);
		return rc == 0 ? next_pass(b) : rc;
	case FINISH:
		return put_head(b);
	case PLACE:
		return put_in_place(b);
	case DONE:
		break;
	}
	return rc;
}

uint8_t *
gdi_addrbuild_take(struct gdi_addrbuild *b, size_t *len)
{
	uint8_t *p = b->memory.p;

	*len = b->memory.len;
	b->memory = (struct gdi_buf){0};
	return p;
}

int
gdi_addrbuild_run(int day_fd, const struct gdi_addrbuild_opts *opts)
{
	struct gdi_addrbuild *b;
	int rc = gdi_addrbuild_new(day_fd, opts, &b);

	if (rc < 0)
		return rc;
	do
		rc = gdi_addrbuild_step(b);
	while (rc == 1);
	gdi_addrbuild_free(b);
	return rc;
}
