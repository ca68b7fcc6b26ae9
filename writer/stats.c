#include "writer/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/ipc/frame.h"
#include "writer/ingest.h"
#include "writer/metrics.h"
#include "writer/peers.h"

/* Many interfaces that come at once make few files. */
#define CHANGE_NS (GP_NS_PER_S / 5)

#define STATUS_MODE  0640u
#define METRICS_MODE 0644u /* for whoever runs the node exporter */

static_assert(PEERS_MAX <= GP_STATUS_IFACES_MAX, "a place for each session");

static void
file_init(struct stats_file *f, int dir, const char *name, unsigned mode,
    bool lock)
{
	f->dir = dir;
	f->mode = mode;
	f->lock = lock;
	(void)snprintf(f->name, sizeof(f->name), "%s", name ? name : "");
	(void)snprintf(f->temporary, sizeof(f->temporary), ".%s.new", f->name);
}

/* ---- interfaces ---------------------------------------------------------- */

static struct stats_iface *
find(struct stats *st, const char *name)
{
	for (size_t i = 0; i < st->n; i++)
		if (strcmp(st->list[i].s.name, name) == 0)
			return &st->list[i];
	return NULL;
}

/*
 * A place for an interface not seen before.  With names that come and go for
 * months all places may be taken; then the one that left first makes room.
 * There is one, since places are no fewer than sessions.
 */
static struct stats_iface *
place(struct stats *st)
{
	struct stats_iface *oldest = NULL;

	if (st->n < GP_STATUS_IFACES_MAX)
		return &st->list[st->n++];
	for (size_t i = 0; i < st->n; i++) {
		struct stats_iface *f = &st->list[i];

		if (f->n_sessions == 0 &&
		    (oldest == NULL || f->s.since < oldest->s.since))
			oldest = f;
	}
	return oldest;
}

static struct stats_iface *
add(struct stats *st, const char *name)
{
	struct stats_iface *f = place(st);

	if (f == NULL)
		return NULL;
	memset(f, 0, sizeof(*f));
	(void)snprintf(f->s.name, sizeof(f->s.name), "%s", name);
	f->s.interval_s = gp_conf_interval_s(st->conf, name);
	f->s.since = (uint64_t)gp_clock_real_ns();
	f->heard_boot_ns = gp_clock_boot_ns();
	return f;
}

/* ---- life ---------------------------------------------------------------- */

int
stats_init(struct stats *st, const struct stats_opts *o)
{
	static const enum gp_status_sandbox sandbox[] = {
		[GP_SANDBOX_FULL] = GP_STATUS_SANDBOX_FULL,
		[GP_SANDBOX_SECCOMP] = GP_STATUS_SANDBOX_SECCOMP,
		[GP_SANDBOX_OFF] = GP_STATUS_SANDBOX_OFF,
	};

	memset(st, 0, sizeof(*st));
	st->conf = o->conf;
	file_init(&st->status, o->status_dir, GP_STATUS_NAME, STATUS_MODE,
	    true);
	file_init(&st->metrics, o->metrics_dir, o->metrics_name, METRICS_MODE,
	    false);
	st->wanted = o->status_dir >= 0 || o->metrics_dir >= 0;
	if (!st->wanted)
		return 0;
	st->now.started = (uint64_t)gp_clock_real_ns();
	st->now.sandbox = sandbox[o->sandbox];
	st->now.capture_sandbox = sandbox[o->conf->capture_sandbox];
	if (o->sandbox == GP_SANDBOX_FULL)
		st->now.landlock_abi = (uint64_t)o->landlock_abi;
	(void)snprintf(st->now.store, sizeof(st->now.store), "%s", o->store);
	st->list = calloc(GP_STATUS_IFACES_MAX, sizeof(*st->list));
	st->now.iface = calloc(GP_STATUS_IFACES_MAX, sizeof(*st->now.iface));
	if (st->list == NULL || st->now.iface == NULL) {
		stats_fini(st);
		return -ENOMEM;
	}
	for (size_t i = 0; o->all && i < o->conf->n_ifaces; i++)
		add(st, o->conf->ifaces[i].name)->s.state = GP_STATUS_ABSENT;
	return 0;
}

void
stats_fini(struct stats *st)
{
	free(st->list);
	free(st->now.iface);
	st->list = NULL;
	st->now.iface = NULL;
	st->wanted = false;
}

void
stats_session(struct stats *st, struct peer *peer)
{
	struct stats_iface *f;

	if (!st->wanted)
		return;
	f = find(st, peer->iface);
	if (f == NULL)
		f = add(st, peer->iface);
	if (f == NULL)
		return;
	peer->stats = f;
	f->n_sessions++;
	f->s.state = GP_STATUS_CAPTURING;
	f->s.since = (uint64_t)gp_clock_real_ns();
	f->s.sessions++;
	f->heard_boot_ns = gp_clock_boot_ns();
	st->changed = true;
}

void
stats_changed(struct stats *st)
{
	st->changed = true;
}

void
stats_dropped(struct stats *st, struct peer *peer)
{
	st->changed = true;
	if (peer->stats == NULL)
		return;
	peer->stats->n_sessions--;
	if (!peer->last_seen)
		peer->stats->s.lost += peer->pending;
	peer->stats = NULL;
}

static uint64_t
merge_direction(uint64_t have, uint32_t flags)
{
	uint64_t is;

	if (flags & FRAME_DIR_IFACE)
		is = flags & FRAME_DIR_FLOW ? GP_STATUS_DIR_MIXED
					    : GP_STATUS_DIR_INTERFACE;
	else if (flags & FRAME_DIR_FLOW)
		is = GP_STATUS_DIR_FLOW;
	else
		return have;
	return have == GP_STATUS_DIR_UNKNOWN || have == is ?
	    is : GP_STATUS_DIR_MIXED;
}

static void
add_rows(struct gp_status_iface *s, const void *frame)
{
	const struct frame_header *h = frame;
	const struct frame_row4 *r4 = frame_rows4(frame);
	const struct frame_row6 *r6 = frame_rows6(frame);

	for (uint32_t i = 0; i < h->n4; i++) {
		s->in_rows += r4[i].counter[FRAME_PKTS_RCVD] +
		    r4[i].counter[FRAME_PKTS_SENT];
		s->in_rows_bytes += r4[i].counter[FRAME_BYTES_RCVD] +
		    r4[i].counter[FRAME_BYTES_SENT];
	}
	for (uint32_t i = 0; i < h->n6; i++) {
		s->in_rows += r6[i].counter[FRAME_PKTS_RCVD] +
		    r6[i].counter[FRAME_PKTS_SENT];
		s->in_rows_bytes += r6[i].counter[FRAME_BYTES_RCVD] +
		    r6[i].counter[FRAME_BYTES_SENT];
	}
	s->rows += (uint64_t)h->n4 + h->n6;
}

static void
note_l7(struct gp_status_iface *s, const struct frame_header *h)
{
	s->l7 = h->flags & FRAME_L7 ? GP_STATUS_L7_ON
	    : h->flags & FRAME_L7_FAILED ? GP_STATUS_L7_FAILED
	    : h->flags & FRAME_L7_MISSING ? GP_STATUS_L7_MISSING
	                                  : GP_STATUS_L7_OFF;
	s->l7_cut = (h->flags & FRAME_L7_CUT) != 0;
	s->l7_starved += h->l7_starved;
}

static void
add_counters(struct stats_iface *f, const struct frame_counters *c)
{
	struct gp_status_iface *s = &f->s;

	s->seen += c->seen;
	s->seen_bytes += c->seen_bytes;
	s->non_ip += c->non_ip;
	s->non_ip_bytes += c->non_ip_bytes;
	s->malformed += c->malformed;
	s->malformed_bytes += c->malformed_bytes;
	s->kernel_drops += c->kernel_drops;
	s->iface_drops += c->iface_drops;
	s->overflow += c->overflow;
	s->late += c->late;
	s->time_clamped += c->time_clamped;
	if (c->kernel_drops) {
		s->drops_recent += c->kernel_drops;
		f->dropped_boot_ns = f->heard_boot_ns;
	}
}

void
stats_frame(struct stats *st, struct peer *peer, const void *frame,
    bool duplicate)
{
	const struct frame_header *h = frame;
	struct stats_iface *f = peer->stats;

	peer->flows = h->flows;
	peer->pending = h->pending;
	if (!st->wanted || f == NULL)
		return;
	f->heard_boot_ns = gp_clock_boot_ns();
	f->s.last_frame = (uint64_t)gp_clock_real_ns();
	f->s.frames++;
	if (duplicate) {
		f->s.duplicates++;
		return;
	}
	f->s.direction = merge_direction(f->s.direction, h->flags);
	add_rows(&f->s, frame);
	add_counters(f, &h->counters);
	note_l7(&f->s, h);
}

void
stats_block(struct stats *st, const char *iface, int64_t slot_s)
{
	struct stats_iface *f = st->wanted ? find(st, iface) : NULL;
	uint64_t slot_ns = (uint64_t)slot_s * (uint64_t)GP_NS_PER_S;

	if (f == NULL)
		return;
	f->s.blocks++;
	if (slot_ns > f->s.last_block)
		f->s.last_block = slot_ns;
}

/* ---- what the sessions are like now -------------------------------------- */

static void
look_at_session(const struct peer *peer)
{
	struct stats_iface *f = peer->stats;
	struct gp_status_iface *s;

	if (f == NULL)
		return;
	s = &f->s;
	if (peer->state == PEER_ACTIVE)
		f->n_active++;
	else
		f->n_orphan++;
	if (!peer->last_seen) {
		s->flows += peer->flows;
		s->pending += peer->pending;
	}
	s->ring_used += ring_backlog(&peer->ring);
	s->ring_bytes += peer->ring.info.data_bytes;
}

static void
settle_state(struct stats_iface *f, uint64_t real_ns)
{
	uint64_t state = f->n_active ? GP_STATUS_CAPTURING :
	    f->n_orphan ? GP_STATUS_DRAINING :
	    f->s.sessions ? GP_STATUS_GONE : GP_STATUS_ABSENT;

	if (state != f->s.state)
		f->s.since = real_ns;
	f->s.state = state;
}

static void
look_at_sessions(struct stats *st, const struct peers *peers)
{
	int64_t boot_ns = gp_clock_boot_ns();
	uint64_t real_ns = (uint64_t)gp_clock_real_ns();

	for (size_t i = 0; i < st->n; i++) {
		struct stats_iface *f = &st->list[i];

		f->n_active = f->n_orphan = 0;
		f->s.flows = f->s.pending = 0;
		f->s.ring_used = f->s.ring_bytes = 0;
	}
	for (size_t i = 0; i < peers->n_list; i++)
		if (peers->list[i].state == PEER_ACTIVE ||
		    peers->list[i].state == PEER_ORPHAN)
			look_at_session(&peers->list[i]);
	for (size_t i = 0; i < st->n; i++) {
		struct stats_iface *f = &st->list[i];

		settle_state(f, real_ns);
		f->s.quiet_ns = (uint64_t)(boot_ns - f->heard_boot_ns);
		if ((uint64_t)(boot_ns - f->dropped_boot_ns) >
		    gp_status_patience_ns(&f->s))
			f->s.drops_recent = 0;
	}
	st->now.written = real_ns;
	st->now.written_boot = (uint64_t)boot_ns;
}

static int
by_name(const void *a, const void *b)
{
	const struct gp_status_iface *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void
compose(struct stats *st, const struct peers *peers,
    const struct ingest *ingest)
{
	struct gp_status *now = &st->now;

	look_at_sessions(st, peers);
	now->blocks = ingest->blocks;
	now->rows = ingest->rows;
	now->stored_bytes = ingest->stored_bytes;
	now->frames = ingest->frames;
	now->duplicates = ingest->duplicates;
	now->refused = peers->refused;
	now->lied = peers->lied;
	(void)snprintf(now->store_error, sizeof(now->store_error), "%s",
	    ingest->failing ? godb_strerror(ingest->failing) : "");
	now->interfaces = st->n;
	for (size_t i = 0; i < st->n; i++) {
		struct gp_status_iface *to = &now->iface[i];

		*to = st->list[i].s;
		/* the frames tell what was published */
		to->seen += to->pending + to->lost;
	}
	qsort(now->iface, st->n, sizeof(*now->iface), by_name);
}

/* ---- files --------------------------------------------------------------- */

static int
replace(const struct stats_file *f, const char *text, size_t len)
{
	int fd, rc;

	/* nothing that lies there may be followed or waited for */
	(void)unlinkat(f->dir, f->temporary, 0);
	fd = gp_fd_openat(f->dir, f->temporary, O_WRONLY | O_CREAT | O_EXCL,
	    f->mode);
	if (fd < 0)
		return fd;
	rc = fchmod(fd, f->mode) < 0 ? -errno : 0;
	if (rc == 0)
		rc = gp_fd_write_full(fd, text, len);
	gp_fd_close(&fd);
	if (rc == 0 && renameat(f->dir, f->temporary, f->dir, f->name) < 0)
		rc = -errno;
	if (rc < 0)
		(void)unlinkat(f->dir, f->temporary, 0);
	return rc;
}

/* The folder belongs to one writer, as long as its descriptor is open. */
static bool
may_write(struct stats_file *f)
{
	if (f->dir < 0)
		return false;
	if (!f->lock || f->locked)
		return true;
	f->locked = flock(f->dir, LOCK_EX | LOCK_NB) == 0;
	if (!f->locked && gp_log_allow(&f->limit, 1))
		gp_log(GP_LOG_WARNING,
		    "no %s is written: another writer has its folder", f->name);
	return f->locked;
}

static void
write_file(struct stats_file *f, const struct gp_status *now,
    void (*print)(const struct gp_status *, FILE *))
{
	char *text = NULL;
	size_t len = 0;
	FILE *out;
	int rc = 0;

	if (!may_write(f))
		return;
	out = open_memstream(&text, &len);
	if (out == NULL) {
		rc = -ENOMEM;
	} else {
		print(now, out);
		if (fclose(out) != 0)
			rc = -ENOMEM;
	}
	if (rc == 0)
		rc = replace(f, text, len);
	free(text);
	if (rc < 0 && gp_log_allow(&f->limit, 1))
		gp_log(GP_LOG_WARNING, "%s cannot be written error=\"%s\"",
		    f->name, godb_strerror(rc));
}

void
stats_write(struct stats *st, const struct peers *peers,
    const struct ingest *ingest, bool running)
{
	if (!st->wanted)
		return;
	st->changed = false;
	st->written_ns = gp_clock_mono_ns();
	st->now.running = running;
	compose(st, peers, ingest);
	write_file(&st->status, &st->now, gp_status_print);
	write_file(&st->metrics, &st->now, metrics_print);
}

void
stats_tick(struct stats *st, const struct peers *peers,
    const struct ingest *ingest)
{
	int64_t since = gp_clock_mono_ns() - st->written_ns;

	if (since >= GP_STATUS_EVERY_S * GP_NS_PER_S ||
	    (st->changed && since >= CHANGE_NS))
		stats_write(st, peers, ingest, true);
}
