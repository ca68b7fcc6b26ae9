#include "common/godb/addrindex.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/fd.h"
#include "common/godb/encode.h"

static_assert(GDI_CLASS_GAPS <= GDI_CHUNK_ROWS, "gaps fit an array");

static const char magic[8] = {'g', 'o', 'D', 'B', 'a', 'd', 'r', '\n'};

/* An index of a quiet network is read at once. */
#define SMALL        (16u << 10)
#define HEAD_MAX     (256u << 20)
#define PLACE4_BYTES 16u
#define PLACE6_BYTES 32u
#define GROUP_BYTES  (GDI_GROUP * 64u) /* of a group, at most */
#define FLAG_ABSENT  1u /* the addresses are not listed */

/* ---- writing ------------------------------------------------------------- */

/* An array of numbers; none take no byte. */
static void
put_array(const uint64_t *v, size_t n, struct gdi_buf *out)
{
	if (n > 0)
		gdi_encode(v, n, 0, out);
}

static void
put_addresses(const struct godb_addr6 *addr, size_t n, bool v6,
    struct gdi_buf *out)
{
	uint64_t v[GDI_GROUP] GDI_UNINITIALISED;

	if (v6) {
		gdi_encode_addr6(addr, n, 0, out);
		return;
	}
	for (size_t i = 0; i < n; i++)
		v[i] = addr[i].lo;
	gdi_encode(v, n, 0, out);
}

/* What is written of the slots of a group's addresses. */
struct lists {
	size_t n_first, n_gaps[GDI_CLASSES], end[GDI_CLASSES];
	struct gdi_buf maps;
	/* from here on what is not filled is not read, nor set to zero */
	uint64_t count[GDI_GROUP], first[GDI_GROUP];
	uint64_t gaps[GDI_CLASS_GAPS]; /* class by class */
};

/* How many there are, and where each class's gaps go. */
static void
count_slots(struct lists *l, const uint16_t *n_slots, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned have = n_slots[i];

		l->count[i] = have - 1;
		if (have <= GDI_DENSE)
			l->n_gaps[gdi_addr_class(have)] += have - 1;
	}
	for (unsigned c = 0; c < GDI_CLASSES; c++) {
		l->end[c] = at;
		at += l->n_gaps[c];
	}
}

static void
list_slots(struct lists *l, const struct gdi_slots *s, unsigned n)
{
	unsigned class = gdi_addr_class(n);
	unsigned last = gdi_slots_first(s);

	if (n > GDI_DENSE) {
		gdi_buf_bytes(&l->maps, s->w, GDI_SLOTS / 8);
		return;
	}
	l->first[l->n_first++] = last;
	if (n == 1) /* most have no other */
		return;
	for (unsigned i = 0; i < 5; i++)
		for (uint64_t w = s->w[i]; w != 0; w &= w - 1) {
			unsigned at = i * 64 + (unsigned)__builtin_ctzll(w);

			if (at == last)
				continue; /* the first */
			l->gaps[l->end[class]++] = at - last - 1;
			last = at;
		}
}

void
gdi_group_write(const struct godb_addr6 *addr, const struct gdi_slots *slots,
    const uint16_t *n_slots, size_t n, bool v6, struct gdi_buf *out)
{
	struct lists *l = malloc(sizeof(*l));

	if (l == NULL) {
		out->rc = -ENOMEM;
		return;
	}
	memset(l, 0, offsetof(struct lists, count));
	put_addresses(addr, n, v6, out);
	count_slots(l, n_slots, n);
	for (size_t i = 0; i < n; i++)
		list_slots(l, &slots[i], n_slots[i]);
	put_array(l->count, n, out);
	put_array(l->first, l->n_first, out);
	for (unsigned c = 1; c < GDI_CLASSES; c++)
		put_array(l->gaps + l->end[c] - l->n_gaps[c], l->n_gaps[c],
		    out);
	gdi_buf_bytes(out, l->maps.p, l->maps.len);
	if (l->maps.rc < 0)
		out->rc = l->maps.rc;
	gdi_buf_free(&l->maps);
	free(l);
}

void
gdi_addrindex_head(const struct gdi_addrindex *x, struct gdi_buf *out)
{
	size_t start = out->len;

	gdi_digest_write(&x->digest, out);
	gdi_buf_u64(out, x->listed ? 0 : FLAG_ABSENT);
	gdi_buf_u64(out, x->n[0]);
	gdi_buf_u64(out, x->n[1]);
	for (uint32_t i = 0; i < x->n_groups[0]; i++) {
		gdi_buf_u32(out, (uint32_t)x->group[0][i].first.lo);
		gdi_buf_u32(out, x->group[0][i].bytes);
		gdi_buf_u64(out, x->group[0][i].checksum);
	}
	for (uint32_t i = 0; i < x->n_groups[1]; i++) {
		gdi_buf_u64(out, x->group[1][i].first.hi);
		gdi_buf_u64(out, x->group[1][i].first.lo);
		gdi_buf_u32(out, x->group[1][i].bytes);
		gdi_buf_u32(out, 0);
		gdi_buf_u64(out, x->group[1][i].checksum);
	}
	if (out->rc == 0)
		gdi_buf_u64(out, gp_checksum(out->p + start,
		    out->len - start, 0));
}

void
gdi_addrindex_header(const char *iface, int64_t day_s, uint64_t head_at,
    uint8_t out[GDI_HEADER_BYTES])
{
	gdi_header_make(out, magic, iface, day_s, head_at);
}

/* ---- opening ------------------------------------------------------------- */

static int
read_place(struct gdi_in *in, bool v6, struct gdi_group_place *g)
{
	const uint8_t *p = gdi_in_bytes(in, v6 ? PLACE6_BYTES : PLACE4_BYTES);

	if (p == NULL)
		return GODB_EDAMAGED;
	g->first = v6 ? (struct godb_addr6){gdi_get64(p), gdi_get64(p + 8)} :
			(struct godb_addr6){0, gdi_get32(p)};
	g->bytes = gdi_get32(p + (v6 ? 16 : 4));
	g->checksum = gdi_get64(p + (v6 ? 24 : 8));
	return g->bytes == 0 || g->bytes > GROUP_BYTES ? GODB_EDAMAGED : 0;
}

/* Groups lie one behind another, and the head behind the last. */
static int
read_places(struct gdi_addrindex *x, struct gdi_in *in, uint64_t head_at)
{
	uint64_t at = GDI_HEADER_BYTES;
	int rc = 0;

	for (int v = 0; v < 2; v++) {
		uint64_t n = (x->n[v] + GDI_GROUP - 1) / GDI_GROUP;
		struct gdi_group_place *g;

		if (n > gdi_in_left(in) / PLACE4_BYTES)
			return GODB_EDAMAGED;
		x->n_groups[v] = (uint32_t)n;
		x->group[v] = g = calloc(n + 1, sizeof(*g));
		if (g == NULL)
			return -ENOMEM;
		for (uint64_t i = 0; rc == 0 && i < n; i++) {
			rc = read_place(in, v == 1, &g[i]);
			if (rc == 0 && i > 0 && gdi_addr_order(g[i - 1].first,
						    g[i].first) >= 0)
				rc = GODB_EDAMAGED;
			g[i].offset = at;
			at += g[i].bytes;
		}
	}
	return rc == 0 && at != head_at ? GODB_EDAMAGED : rc;
}

static int
read_head(struct gdi_addrindex *x, const uint8_t *head, size_t len,
    uint64_t head_at, int64_t day_s, bool brief)
{
	struct gdi_in in = {head, head + len - 8, false};
	uint64_t flags;
	int rc;

	if (gdi_get64(head + len - 8) != gp_checksum(head, len - 8, 0))
		return GODB_EDAMAGED;
	rc = gdi_digest_read(&in, day_s, &x->digest);
	flags = gdi_in_u64(&in);
	x->n[0] = gdi_in_u64(&in);
	x->n[1] = gdi_in_u64(&in);
	x->listed = !(flags & FLAG_ABSENT);
	if (rc == 0 && (in.bad || x->n[0] > UINT64_C(1) << 32 ||
		x->n[1] > UINT64_C(1) << 40))
		rc = GODB_EDAMAGED;
	/* the one without the other: a "never" of it would be none */
	if (rc == 0 && x->listed &&
	    (x->n[0] + x->n[1] > 0) != gdi_slots_any(&x->digest.used))
		rc = GODB_EDAMAGED;
	if (rc == 0 && !brief)
		rc = read_places(x, &in, head_at);
	return rc;
}

/* Where the head begins; the file's first bytes. */
static int
check_header(struct gdi_addrindex *x, const uint8_t *h, int64_t day_s,
    uint64_t *head_at)
{
	int rc = gdi_header_check(h, magic, day_s);
	uint64_t size = x->size;

	memcpy(x->iface, h + GDI_H_IFACE, sizeof(x->iface));
	*head_at = gdi_get64(h + GDI_H_SALT);
	if (rc == 0 && (*head_at < GDI_HEADER_BYTES || *head_at > size ||
			   size - *head_at < 8 || size - *head_at > HEAD_MAX))
		rc = GODB_EDAMAGED;
	return rc;
}

int
gdi_addrindex_parse(uint8_t *data, size_t len, int64_t day_s,
    struct gdi_addrindex *out)
{
	struct gdi_addrindex x = {.fd = -1, .data = data, .size = len};
	uint64_t head_at;
	int rc = GODB_EDAMAGED;

	if (len >= GDI_HEADER_BYTES)
		rc = check_header(&x, data, day_s, &head_at);
	if (rc == 0)
		rc = read_head(&x, data + head_at, len - head_at, head_at,
		    day_s, false);
	if (rc < 0)
		gdi_addrindex_close(&x);
	else
		*out = x;
	return rc;
}

/* Reads what is not in the first piece. */
static int
fetch_head(struct gdi_addrindex *x, uint64_t head_at, uint8_t **out)
{
	size_t len = (size_t)(x->size - head_at);
	ssize_t n;

	*out = malloc(len);
	if (*out == NULL)
		return -ENOMEM;
	n = gp_fd_pread_full(x->fd, *out, len, head_at);
	x->read_bytes += len;
	return n < 0 ? (int)n : (size_t)n < len ? GODB_EDAMAGED : 0;
}

static int
read_file(struct gdi_addrindex *x, int64_t day_s, bool brief)
{
	size_t len = x->size <= SMALL ? (size_t)x->size : GDI_HEADER_BYTES;
	uint8_t *rest = NULL;
	uint64_t head_at;
	ssize_t n;
	int rc;

	if (x->size < GDI_HEADER_BYTES)
		return GODB_EDAMAGED;
	x->data = malloc(len + GDI_SLACK);
	if (x->data == NULL)
		return -ENOMEM;
	n = gp_fd_pread_full(x->fd, x->data, len, 0);
	if (n < 0)
		return (int)n;
	if ((size_t)n < len)
		return GODB_EDAMAGED;
	x->read_bytes = len;
	memset(x->data + len, 0, GDI_SLACK);
	rc = check_header(x, x->data, day_s, &head_at);
	if (rc == 0 && x->size > len)
		rc = fetch_head(x, head_at, &rest);
	if (rc == 0)
		rc = read_head(x, rest ? rest : x->data + head_at,
		    (size_t)(x->size - head_at), head_at, day_s, brief);
	free(rest);
	if (x->size > len) {
		free(x->data);
		x->data = NULL;
	} else {
		gp_fd_close(&x->fd);
	}
	return rc;
}

int
gdi_addrindex_open(int day_fd, int64_t day_s, bool brief,
    struct gdi_addrindex *out)
{
	struct gdi_addrindex x = {.fd = -1};
	struct stat st;
	int rc;

	x.fd = gp_fd_openat(day_fd, GDI_ADDRESSES, O_RDONLY | O_NONBLOCK, 0);
	if (x.fd < 0)
		return x.fd == -ELOOP ? GODB_EDAMAGED : x.fd;
	rc = fstat(x.fd, &st) < 0 ? -errno : 0;
	if (rc == 0 && !S_ISREG(st.st_mode))
		rc = GODB_EDAMAGED;
	if (rc == 0) {
		x.size = (uint64_t)st.st_size;
		rc = read_file(&x, day_s, brief);
	}
	if (rc < 0)
		gdi_addrindex_close(&x);
	else
		*out = x;
	return rc;
}

void
gdi_addrindex_close(struct gdi_addrindex *x)
{
	gdi_digest_free(&x->digest);
	free(x->group[0]);
	free(x->group[1]);
	free(x->data);
	gp_fd_close(&x->fd);
	memset(x, 0, sizeof(*x));
	x->fd = -1;
}

/* ---- going through ------------------------------------------------------- */

struct gdi_addrwalk {
	struct gdi_addrindex *x;
	bool v6;
	uint32_t group;  /* number of the loaded one, and one */
	uint32_t n, at;  /* addresses in it; the current one, and one */
	struct gdi_in lists; /* behind the addresses */
	bool unpacked;
	struct gdi_scratch scratch;
	uint8_t *bytes; /* of a group that was read */
	uint32_t v4[GDI_GROUP];
	struct godb_addr6 addr[GDI_GROUP];
	/* unpacked, when an address of the group is asked for */
	uint16_t count[GDI_GROUP], first[GDI_GROUP];
	uint16_t first_at[GDI_GROUP]; /* of each address */
	uint32_t list_at[GDI_GROUP];  /* its gaps, or its bit map's number */
	uint16_t gaps[GDI_CLASS_GAPS];
	const uint8_t *maps;
};

int
gdi_addrwalk_new(struct gdi_addrwalk **out)
{
	struct gdi_addrwalk *w = malloc(sizeof(*w));

	if (w == NULL)
		return -ENOMEM;
	/* not all of it: what is large is filled before it is read */
	w->x = NULL;
	w->scratch = (struct gdi_scratch){0};
	w->bytes = NULL;
	*out = w;
	return 0;
}

void
gdi_addrwalk_free(struct gdi_addrwalk *w)
{
	if (w == NULL)
		return;
	gdi_scratch_free(&w->scratch);
	free(w->bytes);
	free(w);
}

void
gdi_addrwalk_begin(struct gdi_addrwalk *w, struct gdi_addrindex *x, bool v6)
{
	w->x = x;
	w->v6 = v6;
	w->group = w->n = w->at = 0;
	w->unpacked = false;
}

static int
fetch_group(struct gdi_addrwalk *w, const struct gdi_group_place *g,
    const uint8_t **out)
{
	struct gdi_addrindex *x = w->x;
	ssize_t n;

	if (x->data) {
		*out = x->data + g->offset;
	} else {
		if (w->bytes == NULL)
			w->bytes = malloc(GROUP_BYTES + GDI_SLACK);
		if (w->bytes == NULL)
			return -ENOMEM;
		n = gp_fd_pread_full(x->fd, w->bytes, g->bytes, g->offset);
		if (n < 0)
			return (int)n;
		if ((size_t)n < g->bytes)
			return GODB_EDAMAGED;
		x->read_bytes += g->bytes;
		memset(w->bytes + n, 0, GDI_SLACK);
		*out = w->bytes;
	}
	if (gp_checksum(*out, g->bytes, 0) != g->checksum)
		return GODB_EDAMAGED;
	return 0;
}

static int
load_group(struct gdi_addrwalk *w, uint32_t number)
{
	struct gdi_addrindex *x = w->x;
	const struct gdi_group_place *g = &x->group[w->v6][number];
	uint64_t before = (uint64_t)number * GDI_GROUP;
	uint64_t left = x->n[w->v6] - before;
	const uint8_t *p;
	int rc = fetch_group(w, g, &p);

	w->n = left < GDI_GROUP ? (uint32_t)left : GDI_GROUP;
	w->group = number + 1;
	w->at = 0;
	w->unpacked = false;
	if (rc < 0)
		return rc;
	w->lists = (struct gdi_in){p, p + g->bytes, false};
	rc = w->v6 ?
	    gdi_decode_addr6(&w->lists, w->n, w->addr, &w->scratch) :
	    gdi_decode32(&w->lists, w->n, w->v4, &w->scratch);
	for (uint32_t i = 0; rc == 0 && !w->v6 && i < w->n; i++)
		w->addr[i] = (struct godb_addr6){0, w->v4[i]};
	if (rc == 0 && gdi_addr_order(w->addr[0], g->first) != 0)
		rc = GODB_EDAMAGED;
	for (uint32_t i = 1; rc == 0 && i < w->n; i++)
		if (gdi_addr_order(w->addr[i - 1], w->addr[i]) >= 0)
			rc = GODB_EDAMAGED;
	return rc;
}

/* The last group that begins at or before `to`, from the current one on. */
static uint32_t
find_group(const struct gdi_addrwalk *w, struct godb_addr6 to)
{
	const struct gdi_group_place *g = w->x->group[w->v6];
	uint32_t lo = w->group ? w->group - 1 : 0, hi = w->x->n_groups[w->v6];

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (gdi_addr_order(g[mid].first, to) <= 0)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* First at or behind `to` among those from w->at on; w->n: none. */
static uint32_t
find_in_group(const struct gdi_addrwalk *w, struct godb_addr6 to)
{
	uint32_t lo = w->at ? w->at - 1 : 0, step = 1, hi;

	if (gdi_addr_order(w->addr[lo], to) >= 0)
		return lo;
	while (lo + step < w->n &&
	    gdi_addr_order(w->addr[lo + step], to) < 0) {
		lo += step;
		step *= 2;
	}
	hi = lo + step < w->n ? lo + step : w->n;
	while (hi - lo > 1) { /* lo is before, hi is not */
		uint32_t mid = lo + (hi - lo) / 2;

		if (gdi_addr_order(w->addr[mid], to) < 0)
			lo = mid;
		else
			hi = mid;
	}
	return hi;
}

static int
step_into(struct gdi_addrwalk *w, uint32_t at, struct godb_addr6 *out)
{
	int rc;

	if (at >= w->n) {
		if (w->group >= w->x->n_groups[w->v6]) {
			w->at = w->n + 1; /* behind the last */
			return 0;
		}
		rc = load_group(w, w->group);
		if (rc < 0)
			return rc;
		at = 0;
	}
	w->at = at + 1;
	*out = w->addr[at];
	return 1;
}

int
gdi_addrwalk_seek(struct gdi_addrwalk *w, struct godb_addr6 to,
    struct godb_addr6 *out)
{
	uint32_t number;
	int rc;

	if (w->x->n_groups[w->v6] == 0 || w->at > w->n)
		return 0;
	if (w->group == 0 || gdi_addr_order(w->addr[w->n - 1], to) < 0) {
		number = find_group(w, to);
		if (number + 1 != w->group) {
			rc = load_group(w, number);
			if (rc < 0)
				return rc;
		}
	}
	return step_into(w, find_in_group(w, to), out);
}

int
gdi_addrwalk_next(struct gdi_addrwalk *w, struct godb_addr6 *out)
{
	return w->at > w->n ? 0 : step_into(w, w->at, out);
}

/* ---- slots --------------------------------------------------------------- */

static bool
below(const uint16_t *v, size_t n, unsigned limit)
{
	uint16_t most = 0;

	for (size_t i = 0; i < n; i++)
		most = v[i] > most ? v[i] : most;
	return most < limit;
}

/* Where the lists of each address are; how many there are of each kind. */
static void
place_lists(struct gdi_addrwalk *w, uint32_t *n_first, uint32_t *n_maps,
    uint32_t n_gaps[GDI_CLASSES])
{
	uint32_t at[GDI_CLASSES], sum = 0;

	*n_first = *n_maps = 0;
	memset(n_gaps, 0, GDI_CLASSES * sizeof(*n_gaps));
	for (uint32_t i = 0; i < w->n; i++)
		if (w->count[i] + 1u <= GDI_DENSE)
			n_gaps[gdi_addr_class(w->count[i] + 1u)] +=
			    w->count[i];
	for (unsigned c = 0; c < GDI_CLASSES; c++) {
		at[c] = sum;
		sum += n_gaps[c];
	}
	for (uint32_t i = 0; i < w->n; i++) {
		unsigned class = gdi_addr_class(w->count[i] + 1u);

		if (w->count[i] + 1u > GDI_DENSE) {
			w->list_at[i] = (*n_maps)++;
			continue;
		}
		w->first_at[i] = (uint16_t)(*n_first)++;
		w->list_at[i] = at[class];
		at[class] += w->count[i];
	}
}

static int
unpack_lists(struct gdi_addrwalk *w)
{
	struct gdi_in *in = &w->lists;
	uint32_t n_first, n_maps, n_gaps[GDI_CLASSES];
	uint16_t *gap = w->gaps;
	int rc = gdi_decode16(in, w->n, w->count, &w->scratch);

	if (rc == 0 && !below(w->count, w->n, GDI_SLOTS))
		rc = GODB_EDAMAGED;
	if (rc < 0)
		return rc;
	place_lists(w, &n_first, &n_maps, n_gaps);
	if (n_first > 0)
		rc = gdi_decode16(in, n_first, w->first, &w->scratch);
	if (rc == 0 && !below(w->first, n_first, GDI_SLOTS))
		rc = GODB_EDAMAGED;
	for (unsigned c = 1; rc == 0 && c < GDI_CLASSES; c++) {
		if (n_gaps[c] > 0)
			rc = gdi_decode16(in, n_gaps[c], gap, &w->scratch);
		gap += n_gaps[c];
	}
	if (rc < 0)
		return rc;
	w->maps = gdi_in_bytes(in, (size_t)n_maps * (GDI_SLOTS / 8));
	w->unpacked = w->maps != NULL && in->p == in->end;
	return w->unpacked ? 0 : GODB_EDAMAGED;
}

static int
make_slots(const struct gdi_addrwalk *w, struct gdi_slots *out)
{
	uint32_t i = w->at - 1;
	unsigned count = w->count[i] + 1u, slot;
	const uint16_t *gap = w->gaps + w->list_at[i];

	memset(out, 0, sizeof(*out));
	if (count > GDI_DENSE) {
		memcpy(out->w, w->maps + (size_t)w->list_at[i] *
			(GDI_SLOTS / 8), GDI_SLOTS / 8);
		return gdi_slots_count(out) == count ? 0 : GODB_EDAMAGED;
	}
	slot = w->first[w->first_at[i]];
	gdi_slots_set(out, slot);
	for (unsigned k = 0; k + 1 < count; k++) {
		slot += gap[k] + 1u;
		if (slot >= GDI_SLOTS)
			return GODB_EDAMAGED;
		gdi_slots_set(out, slot);
	}
	return 0;
}

int
gdi_addrwalk_slots(struct gdi_addrwalk *w, struct gdi_slots *out)
{
	int rc = w->unpacked ? 0 : unpack_lists(w);

	return rc < 0 ? rc : make_slots(w, out);
}
