/*
 * scan_sieve - what address indexes spare: days that they hold, and blocks
 * that they rule out.
 */
#include "common/godb/scan_state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/addrindex.h"
#include "common/godb/needles.h"
#include "common/godb/rollup.h"

static bool
is_whole(const struct godb_scan *s, int64_t day_s)
{
	return gdi_scan_in_window(s, day_s) &&
	    gdi_scan_in_window(s, day_s + GP_DAY_S - GP_SLOT_S);
}

bool
gdi_scan_index_ends(int day_fd, const struct gdi_digest *d)
{
	struct stat st;

	return d->index_bytes <= GDI_INDEX_BYTES &&
	    fstatat(day_fd, GDI_INDEX, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && (uint64_t)st.st_size == d->index_bytes;
}

int
gdi_scan_index_is(int day_fd, const struct gdi_digest *d, struct gdi_buf *b)
{
	int fd = gp_fd_openat(day_fd, GDI_INDEX, O_RDONLY | O_NONBLOCK, 0);
	ssize_t n = fd;

	b->len = 0;
	if (fd >= 0 && gdi_buf_room(b, (size_t)d->index_bytes) == NULL)
		n = -ENOMEM;
	else if (fd >= 0)
		n = gp_fd_pread_full(fd, b->p, (size_t)d->index_bytes, 0);
	gp_fd_close(&fd);
	if (n < 0)
		return (int)n;
	return (uint64_t)n == d->index_bytes &&
	    gp_checksum(b->p, (size_t)n, 0) == d->index_sum;
}

/*
 * What the day's address index says, opened, against what is asked for.  1:
 * the day is held by it, or, when it is not wanted, known.
 */
static int
look_in_index(const struct gdi_stock *k, int day_fd, int64_t day_s, bool wanted,
    struct gdi_addrindex *x, struct gdi_scan_scratch *t,
    struct gdi_sieve *sieve)
{
	const struct godb_scan *s = k->s;
	struct gdi_digest *d = &x->digest;
	bool asked = true; /* for anything that it has */
	int rc = 0;

	if (wanted && s->cond && x->listed) {
		if (t->walk == NULL)
			rc = gdi_addrwalk_new(&t->walk);
		if (rc == 0)
			rc = gdi_needles_look(s->cond, x, t->walk, &sieve->may);
		if (rc < 0)
			return rc;
		sieve->index_bytes = d->index_bytes;
		sieve->index_sum = d->index_sum;
		asked = gdi_slots_any(&sieve->may);
	}
	if (wanted && (!x->listed || !gdi_digest_covers(d) ||
			  !is_whole(s, day_s) || (asked && !s->addresses)))
		return 0;
	/* what was added later has to be read */
	if (!gdi_scan_index_ends(day_fd, d) || d->records == 0)
		return 0;
	if (wanted && s->sure) {
		rc = gdi_scan_index_is(day_fd, d, &t->bytes);
		if (rc <= 0)
			return rc;
	}
	return 1;
}

/* With a journal a day must be read: which batches of it are stored only its
 * records tell. */
int
gdi_scan_hold_day(const struct gdi_stock *k, int day_fd, int64_t day_s,
    bool wanted, struct gdi_scan_scratch *t, struct gdi_sieve *sieve,
    struct gdi_held *out)
{
	struct gdi_addrindex x;
	int rc;

	if (k->s->no_index || gdi_scan_has_journal(k, day_s) ||
	    (wanted && !k->s->addresses && !k->s->cond))
		return 0;
	rc = gdi_addrindex_open(day_fd, day_s, !wanted || k->s->addresses, &x);
	if (rc == 0) {
		gdi_once_of(&x, &t->once);
		t->has_once = true;
		t->few = gdi_rollup_keeps_few(x.digest.rows,
		    x.digest.row_records);
		rc = look_in_index(k, day_fd, day_s, wanted, &x, t, sieve);
		if (rc == 1) {
			*out = (struct gdi_held){.iface = k->index,
			    .day_s = day_s, .digest = x.digest};
			memset(&x.digest, 0, sizeof(x.digest)); /* taken */
		}
		gdi_addrindex_close(&x);
	}
	if (rc < 0)
		memset(sieve, 0, sizeof(*sieve));
	/* without, or with a damaged one, it is read */
	return rc == -ENOMEM || rc == 1 ? rc : 0;
}

/* An index of other records is none. */
void
gdi_scan_check_sieve(struct gdi_sieve *s, const struct gdi_index *x)
{
	const struct gdi_digest is_of = {.index_bytes = s->index_bytes,
	    .index_sum = s->index_sum};

	if (s->index_bytes > 0 && !gdi_digest_is_of(&is_of, x))
		s->index_bytes = 0;
}

bool
gdi_scan_record_ruled_out(const struct gdi_scan_day *d,
    const struct gdi_record *r)
{
	unsigned slot = (unsigned)(r->slot_s % GP_DAY_S / GP_SLOT_S);

	return r->offset < d->sieve.index_bytes &&
	    !gdi_slots_has(&d->sieve.may, slot);
}
