#include "common/godb/summary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/evidence.h"
#include "common/godb/index.h"
#include "common/godb/layout.h"

static const char magic[8] = {'g', 'o', 'D', 'B', 's', 'u', 'm', '\n'};

#define SUMMARY_BYTES (16u << 20)

enum {
	E_DAY = 0,
	E_INDEX = 8,
	E_FILES = 16,
	E_RECORDS = 24,
	E_BLOCKS = 28,
	E_FIRST = 32,
	E_LAST = 40,
	E_ROWS = 48,
	E_SUMS = 56,
	E_FLAGS = 88,
	E_RESERVED = 92,
	E_COUNTERS = 96,
	E_CHECKSUM = E_COUNTERS + 8 * GDI_N_COUNTERS,
	E_BYTES = E_CHECKSUM + 8,
};

void
gdi_summary_free(struct gdi_summary *s)
{
	free(s->days);
	memset(s, 0, sizeof(*s));
}

int
gdi_summary_add(struct gdi_summary *s, const struct gdi_day_sum *d)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct gdi_day_sum *grown =
		    reallocarray(s->days, cap, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		s->days = grown;
		s->cap = cap;
	}
	s->days[s->n++] = *d;
	return 0;
}

const struct gdi_day_sum *
gdi_summary_find(const struct gdi_summary *s, int64_t day_s)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->days[mid].day_s == day_s)
			return &s->days[mid];
		if (s->days[mid].day_s < day_s)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* ---- file ---------------------------------------------------------------- */

static bool
entry_read(const uint8_t *e, size_t bytes, struct gdi_day_sum *d)
{
	uint64_t counters[GDI_N_COUNTERS];

	if (gdi_get64(e + bytes - 8) != gp_checksum(e, bytes - 8, 0))
		return false;
	*d = (struct gdi_day_sum){
	    .day_s = (int64_t)gdi_get64(e + E_DAY),
	    .index_bytes = gdi_get64(e + E_INDEX),
	    .file_bytes = gdi_get64(e + E_FILES),
	    .records = gdi_get32(e + E_RECORDS),
	    .blocks = gdi_get32(e + E_BLOCKS),
	    .first_s = (int64_t)gdi_get64(e + E_FIRST),
	    .last_s = (int64_t)gdi_get64(e + E_LAST),
	    .rows = gdi_get64(e + E_ROWS),
	    .flags = gdi_get32(e + E_FLAGS)};
	memcpy(d->sums, e + E_SUMS, sizeof(d->sums));
	memcpy(counters, e + E_COUNTERS, sizeof(counters));
	memcpy(&d->counters, counters, sizeof(counters));
	return d->day_s >= 0 && d->day_s % GP_DAY_S == 0 &&
	    d->day_s < GP_TIME_MAX_S &&
	    (d->records == 0 ||
		(d->first_s >= d->day_s && d->first_s <= d->last_s &&
		    d->last_s < d->day_s + GP_DAY_S));
}

static void
entry_make(const struct gdi_day_sum *d, uint8_t e[E_BYTES])
{
	memset(e, 0, E_BYTES);
	gdi_put64(e + E_DAY, (uint64_t)d->day_s);
	gdi_put64(e + E_INDEX, d->index_bytes);
	gdi_put64(e + E_FILES, d->file_bytes);
	gdi_put32(e + E_RECORDS, d->records);
	gdi_put32(e + E_BLOCKS, d->blocks);
	gdi_put64(e + E_FIRST, (uint64_t)d->first_s);
	gdi_put64(e + E_LAST, (uint64_t)d->last_s);
	gdi_put64(e + E_ROWS, d->rows);
	memcpy(e + E_SUMS, d->sums, sizeof(d->sums));
	gdi_put32(e + E_FLAGS, (uint32_t)d->flags);
	memcpy(e + E_COUNTERS, &d->counters, sizeof(d->counters));
	gdi_put64(e + E_CHECKSUM, gp_checksum(e, E_CHECKSUM, 0));
}

int
gdi_summary_read(int iface_fd, struct gdi_summary *out, size_t *n_damaged)
{
	struct gdi_day_sum d;
	char *data = NULL;
	size_t len = 0, bytes, bad = 0;
	int rc = gp_fd_read_file(iface_fd, GDI_SUMMARY, SUMMARY_BYTES, &data,
	    &len);
	const uint8_t *p = (const uint8_t *)data;

	memset(out, 0, sizeof(*out));
	if (n_damaged)
		*n_damaged = rc < 0 && rc != -ENOENT;
	if (rc < 0)
		return rc == -ENOMEM ? rc : 0;
	bytes = 0;
	rc = GODB_EDAMAGED;
	if (len >= GDI_HEADER_BYTES) {
		bytes = (size_t)gdi_get64(p + GDI_H_SALT);
		rc = gdi_header_check(p, magic, 0);
	}
	if (rc == 0 && (bytes < E_BYTES || bytes > 4096 || bytes % 8 != 0))
		rc = GODB_EDAMAGED;
	bad += rc == GODB_EDAMAGED;
	for (size_t at = GDI_HEADER_BYTES; rc == 0 && at < len; at += bytes) {
		if (len - at < bytes || !entry_read(p + at, bytes, &d) ||
		    (out->n > 0 && out->days[out->n - 1].day_s >= d.day_s)) {
			bad++;
			if (len - at < bytes)
				break;
			continue;
		}
		rc = gdi_summary_add(out, &d);
	}
	free(data);
	if (n_damaged)
		*n_damaged = bad;
	if (rc == -ENOMEM)
		gdi_summary_free(out);
	return rc == -ENOMEM ? rc : 0;
}

int
gdi_summary_write(int iface_fd, const char *iface, uint32_t mode,
    const struct gdi_summary *s)
{
	struct gdi_buf data = {0};
	uint8_t header[GDI_HEADER_BYTES], entry[E_BYTES];
	int fd, rc;

	gdi_header_make(header, magic, iface, 0, E_BYTES);
	gdi_buf_bytes(&data, header, sizeof(header));
	for (size_t i = 0; i < s->n; i++) {
		entry_make(&s->days[i], entry);
		gdi_buf_bytes(&data, entry, sizeof(entry));
	}
	/* zeroes after a power cut would only cost a rebuild, but be
	 * reported as damage */
	fd = data.rc < 0 ? data.rc : gp_fd_replace(iface_fd, GDI_SUMMARY, mode,
	    data.p, data.len);
	rc = fd < 0 ? fd : 0;
	gp_fd_close(&fd);
	gdi_buf_free(&data);
	return rc;
}

int
gdi_summary_drop(int iface_fd, const char *iface, uint32_t mode, int64_t day_s)
{
	struct gdi_summary old, kept = {0};
	int rc = gdi_summary_read(iface_fd, &old, NULL);

	if (rc < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < old.n; i++)
		if (old.days[i].day_s != day_s)
			rc = gdi_summary_add(&kept, &old.days[i]);
	if (rc == 0 && kept.n < old.n)
		rc = gdi_summary_write(iface_fd, iface, mode, &kept);
	gdi_summary_free(&old);
	gdi_summary_free(&kept);
	return rc;
}

/* ---- a day --------------------------------------------------------------- */

static int
entry_size(int dir, const char *name, uint64_t *out)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno; /* replaced just now */
	if (S_ISREG(st.st_mode) && st.st_size > 0)
		*out += (uint64_t)st.st_size;
	return 0;
}

int
gdi_folder_bytes(int dir, uint64_t *out)
{
	char **names;
	int n = gdi_folder_list(dir, NULL, &names), rc = 0;

	*out = 0;
	for (int i = 0; rc == 0 && i < n; i++)
		rc = entry_size(dir, names[i], out);
	if (n >= 0)
		godb_ifaces_free(names);
	return n < 0 ? n : rc;
}

uint64_t
gdi_day_index_bytes(int iface_fd, const char *day)
{
	char path[32];
	uint64_t bytes = 0;

	(void)snprintf(path, sizeof(path), "%s/" GDI_INDEX, day);
	(void)entry_size(iface_fd, path, &bytes);
	return bytes;
}

/* Distinct slots: records of one may lie apart. */
static uint32_t
count_blocks(const struct gdi_index *x)
{
	uint8_t seen[GP_DAY_S / GP_SLOT_S] = {0};
	uint32_t n = 0;

	for (size_t i = 0; i < x->n; i++) {
		size_t at = (size_t)(x->records[i].slot_s % GP_DAY_S /
		    GP_SLOT_S);

		n += !seen[at];
		seen[at] = 1;
	}
	return n;
}

static void
sum_records(const struct gdi_index *x, struct gdi_day_sum *out)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct gdi_record *r = &x->records[i];
		uint64_t sums[4];

		if (i == 0 || r->slot_s < out->first_s)
			out->first_s = r->slot_s;
		if (r->slot_s > out->last_s)
			out->last_s = r->slot_s;
		out->rows += (uint64_t)r->n4 + r->n6;
		out->flags |= r->flags;
		gdi_record_sums(r, sums);
		gdi_sum_values(out->sums, sums, 4);
		gdi_sum_counters(&out->counters, &r->counters);
	}
	out->records = (uint32_t)x->n;
	out->blocks = count_blocks(x);
}

static enum gdi_day_state
judge(const struct gdi_index *x, const struct gdi_once *once, int iface_fd,
    const char *day, int64_t day_s)
{
	/* no bytes are as good as a cut within the header */
	struct gdi_gap last = {.slot_s = -1, .tail = true, .short_tail = true};

	if (x->header_damaged || x->n_gaps > 1 || gdi_index_shrunk(once, x) ||
	    (x->n == 0 && gdi_day_bereft(iface_fd, day)))
		return GDI_DAY_DAMAGED;
	if (x->n_gaps > 0)
		last = x->gaps[0];
	else if (x->size > 0)
		return GDI_DAY_WHOLE;
	return gdi_gap_may_be_torn(&last) &&
	    gdi_journal_vouches(iface_fd, day_s, last.slot_s, last.offset) ?
	    GDI_DAY_OPEN : GDI_DAY_DAMAGED;
}

int
gdi_day_sum(int iface_fd, const char *day, struct gdi_day_sum *out,
    enum gdi_day_state *state)
{
	struct gdi_once once;
	struct gdi_index x;
	int64_t day_s = 0;
	int fd, rc;

	memset(out, 0, sizeof(*out));
	(void)gp_clock_day_parse(day, &day_s);
	out->day_s = day_s;
	fd = gp_fd_opendir_at(iface_fd, day);
	if (fd < 0)
		return fd;
	rc = gdi_folder_bytes(fd, &out->file_bytes);
	if (rc == 0)
		rc = gdi_once_read(fd, day_s, &once);
	*state = GDI_DAY_DAMAGED;
	/* a commit that ends between our looks at index and journal leaves a
	 * whole record: the next look tells */
	for (int tries = 0; rc == 0 && tries < 3 && *state == GDI_DAY_DAMAGED;
	     tries++) {
		rc = gdi_index_read(fd, day_s, &x);
		if (rc < 0)
			break;
		*state = judge(&x, &once, iface_fd, day, day_s);
		*out = (struct gdi_day_sum){.day_s = day_s,
		    .file_bytes = out->file_bytes, .index_bytes = x.size};
		sum_records(&x, out);
		gdi_index_free(&x);
	}
	gp_fd_close(&fd);
	return rc;
}
