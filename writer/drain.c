#include "writer/drain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"

#define CLOCK_SLACK_NS GP_NS_PER_S
#define SLOT_NS        (GP_SLOT_S * GP_NS_PER_S)

int
drain_init(struct drain *d, struct peers *peers, struct ingest *ingest,
    struct stats *stats, const struct gp_conf *conf)
{
	d->stats = stats;
	d->peers = peers;
	d->ingest = ingest;
	d->conf = conf;
	d->buf = malloc(FRAME_MAX_BYTES);
	return d->buf ? 0 : -ENOMEM;
}

void
drain_fini(struct drain *d)
{
	free(d->buf);
	d->buf = NULL;
}

/* Whether the wall clock said this when the boot clock said that.  Moments
 * before our own start (a ring taken up again) may have seen clock steps that
 * we did not, so for them a day is allowed. */
static bool
clocks_agree(const struct peer *peer, int64_t real_ns, int64_t boot_ns)
{
	int64_t slack = boot_ns < peer->adopted_boot_ns ?
	    GP_DAY_S * GP_NS_PER_S : SLOT_NS;

	return real_ns - boot_ns >= peer->offset_min_ns - slack &&
	    real_ns - boot_ns <= peer->offset_max_ns + slack;
}

/* Whether the block began long before what was told already, by the boot
 * clock.  One that is being told of, in several frames, goes on. */
static bool
comes_back(const struct peer *peer, const struct frame_header *h)
{
	int64_t since_ns = h->last_real_ns - h->slot_s * GP_NS_PER_S;

	return peer->frames > 0 && h->slot_s != peer->newest_slot_s &&
	    h->last_boot_ns - since_ns < peer->newest_boot_ns - 3 * SLOT_NS;
}

/*
 * A live frame's block follows from its wall-clock interval, that interval
 * from the boot clock and the offsets between the two which this process has
 * seen itself: a capture cannot write into another time, nor come back to one
 * that it has left, however much time it says to cover.
 */
static const char *
check_times(const struct peer *peer, const struct frame_header *h)
{
	int64_t now = gp_clock_boot_ns();

	if (h->slot_s >= GP_TIME_MAX_S)
		return "block out of range";
	if (peer->offline)
		return NULL;
	if (h->first_boot_ns < peer->boot_min_ns ||
	    h->last_boot_ns > now + CLOCK_SLACK_NS)
		return "boot time";
	/* rows that waited for a label are the only ones that look back */
	if (h->last_boot_ns < peer->newest_boot_ns - 2 * SLOT_NS)
		return "boot time goes back";
	if (h->first_real_ns < 0 ||
	    h->last_real_ns > GP_TIME_MAX_S * GP_NS_PER_S)
		return "wall-clock time";
	if (!clocks_agree(peer, h->first_real_ns, h->first_boot_ns) ||
	    !clocks_agree(peer, h->last_real_ns, h->last_boot_ns))
		return "wall-clock time";
	if (h->slot_s * GP_NS_PER_S < h->first_real_ns - 2 * SLOT_NS ||
	    h->slot_s * GP_NS_PER_S > h->last_real_ns + SLOT_NS)
		return "block";
	if (comes_back(peer, h))
		return "block that was left";
	return NULL;
}

static const char *
check_flags(const struct peer *peer, const struct frame_header *h)
{
	if (peer->last_seen)
		return "frame after the last";
	if (!(h->flags & FRAME_OFFLINE) != !peer->offline)
		return "offline flag";
	return NULL;
}

/* Offline only blocks with packets are kept; live an empty one says that the
 * sensor was there. */
static bool
says_nothing(const struct peer *peer, const struct frame_header *h)
{
	static const struct frame_counters none;

	return peer->offline && h->n4 == 0 && h->n6 == 0 &&
	    memcmp(&h->counters, &none, sizeof(none)) == 0;
}

static bool
is_open(const struct drain *d, const char *iface, int64_t slot_s)
{
	struct godb_open_block block;

	for (size_t i = 0; godb_writer_open_block(d->ingest->store, i, &block);
	     i++)
		if (block.slot_s == slot_s && strcmp(block.iface, iface) == 0)
			return true;
	return false;
}

/*
 * A file's block is written when it has ended and a further one is open, the
 * last one with the last frame.  So a replay that ends before always leaves one
 * open, which a writer after us finds (drain_unfinished()), although all be
 * killed at once or the disk be full.
 */
static void
commit_ended(struct drain *d, struct peer *peer, const struct frame_header *h)
{
	if (h->kind != FRAME_END && !peer->commit_due)
		return;
	if (!is_open(d, peer->iface, h->slot_s))
		return;
	if (peer->commit_due && peer->due_slot_s != h->slot_s) {
		(void)ingest_commit(d->ingest, peer->iface, peer->due_slot_s);
		peer->commit_due = false;
	}
	if (h->kind == FRAME_END) {
		peer->commit_due = true;
		peer->due_slot_s = h->slot_s;
	}
}

/* 1 taken, 0 none or not now, -1 the peer is gone. */
static int
take_frame(struct drain *d, struct peer *peer)
{
	const struct frame_header *h = (const void *)d->buf;
	const char *why = NULL;
	uint64_t end;
	int rc = ring_peek(&peer->ring, d->buf, &end, &why);

	if (rc == 0)
		return 0;
	if (rc > 0 && why == NULL)
		why = check_flags(peer, h);
	if (rc > 0 && why == NULL)
		why = check_times(peer, h);
	if (why) {
		peers_quarantine(d->peers, peer, why);
		return -1;
	}
	/* a writer after us must find the last frame, which ends the session,
	 * although its rows are stored: it is the one that is taken twice */
	if (!says_nothing(peer, h))
		rc = ingest_frame(d->ingest, peer->iface, d->buf,
		    h->kind == FRAME_LAST ? peer->ring.pos : end);
	else
		rc = 0;
	if (rc == -EPROTO) {
		peers_quarantine(d->peers, peer, "rows");
		return -1;
	}
	if (rc < 0)
		return 0; /* it stays in the ring until the store takes it */
	stats_frame(d->stats, peer, d->buf, rc > 0);
	if (h->last_boot_ns > peer->newest_boot_ns) {
		peer->newest_boot_ns = h->last_boot_ns;
		peer->newest_slot_s = h->slot_s;
	}
	ring_next(&peer->ring, end);
	peer->ack_due = true;
	peer->told_ns = h->last_real_ns;
	peer->told_slot_s = h->slot_s;
	peer->labels = h->flags & FRAME_L7;
	peer->frames++;
	if (h->kind == FRAME_END)
		peer->ended_slot = h->slot_s;
	else if (h->slot_s <= peer->ended_slot) /* the clock was set back */
		peer->ended_slot = h->slot_s - GP_SLOT_S;
	if (h->kind == FRAME_LAST)
		peer->last_seen = true;
	if (peer->offline)
		commit_ended(d, peer, h);
	return 1;
}

static bool
drain_peer(struct drain *d, struct peer *peer)
{
	for (int i = 0; i < DRAIN_BUDGET; i++) {
		int rc = ingest_held(d->ingest, peer->iface) ? 0 :
							take_frame(d, peer);

		if (rc < 0)
			return false;
		if (rc == 0)
			break;
		if (i == DRAIN_BUDGET - 1) {
			peers_ack(peer);
			return true;
		}
	}
	peers_ack(peer);
	return false;
}

/* The block that a ring told of last.  One from which an earlier writer took
 * all the frames has it in the store, open or not. */
static bool
last_block(const struct drain *d, const struct peer *peer,
    struct ingest_cut *out)
{
	out->slot_s = peer->told_slot_s;
	out->last_ns = peer->told_ns;
	if (out->last_ns != 0 || peer->ring.next_seq == 1)
		return out->last_ns != 0;
	out->last_ns = ingest_newest(d->ingest, peer->iface);
	out->slot_s = (out->last_ns - 1) / SLOT_NS * GP_SLOT_S;
	return out->last_ns != 0 ||
	    godb_writer_ring_block(d->ingest->store, peer->iface,
		out->instance, &out->slot_s, &out->last_ns) == 0;
}

/* The capture that read files is gone before their end, which the block says
 * that it told of last. */
static int
mark_cut(struct drain *d, struct peer *peer)
{
	struct ingest_cut cut = {.instance = peer->ring.info.instance,
	    .seq = peer->ring.next_seq,
	    .ring_pos = peer->ring.pos};
	int rc;

	if (peer->cut_marked || !last_block(d, peer, &cut))
		return 0;
	rc = ingest_cut(d->ingest, peer->iface, &cut);
	peer->cut_marked = rc == 0;
	return rc;
}

/* After its last frame an offline ring's blocks are finished. */
static void
finish_offline(struct drain *d, struct peer *peer)
{
	bool ended = peer->last_seen || peer->state == PEER_ORPHAN;

	if (!peer->offline || !ended || peer->done_sent ||
	    ring_backlog(&peer->ring) > 0)
		return;
	if (!peer->last_seen && mark_cut(d, peer) < 0)
		return; /* again after the pause that ingest takes */
	if (ingest_commit_all(d->ingest, peer->iface) < 0)
		return; /* likewise */
	peer->done_sent = true;
	if (peer->conn >= 0)
		(void)hello_msg_send(peer->conn, MSG_DONE, HELLO_OK,
		    d->ingest->blocks, d->ingest->rows);
}

static size_t
count_orphans(const struct peers *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_list; i++)
		n += p->list[i].state == PEER_ORPHAN && !p->list[i].offline;
	return n;
}

/* Whether another ring of the same interface has lost its capture. */
static bool
comes_after_orphan(const struct drain *d, const struct peer *but)
{
	if (d->orphans == 0 || but->state != PEER_ACTIVE)
		return false;
	for (size_t i = 0; i < d->peers->n_list; i++) {
		const struct peer *peer = &d->peers->list[i];

		if (peer != but && peer->state == PEER_ORPHAN &&
		    strcmp(peer->iface, but->iface) == 0)
			return true;
	}
	return false;
}

/*
 * What comes just before a snapshot may not be in it: the kernel hands packets
 * over in blocks, and they wait for those of the other direction (source.h,
 * loop_internal.h: 20 and 40 ms).
 */
#define UNREAD_NS (100 * INT64_C(1000000))

static const struct gp_conf_capture *
settings(const struct drain *d, const char *iface)
{
	const struct gp_conf_capture *c = gp_conf_iface(d->conf, iface);

	return c ? c : &d->conf->capture;
}

/* How long flows of an interface may wait for their label, for all that the
 * configuration says. */
static int64_t
wait_ns(const struct drain *d, const char *iface)
{
	const struct gp_conf_capture *c = settings(d, iface);

	return c->l7 == GP_L7_OFF ? 0 : c->l7_wait * GP_NS_PER_S;
}

/*
 * How long that had waited which is lost with a capture that did not say its
 * last.  An earlier writer may have taken the frame before; then nothing is
 * known of it.
 */
static int64_t
held_back_ns(const struct drain *d, const struct peer *peer)
{
	if (peer->last_seen)
		return 0;
	if (peer->told_ns != 0 && peer->pending == 0)
		return UNREAD_NS;
	/* --l7, and an engine that failed, are not in the configuration */
	if (peer->told_ns != 0)
		return UNREAD_NS + (peer->labels ?
		    settings(d, peer->iface)->l7_wait * GP_NS_PER_S : 0);
	return UNREAD_NS + wait_ns(d, peer->iface);
}

static bool
has_ring(const struct peers *p, const char *iface)
{
	for (size_t i = 0; i < p->n_list; i++)
		if (p->list[i].state != PEER_FREE &&
		    strcmp(p->list[i].iface, iface) == 0)
			return true;
	return false;
}

/* With a ring that the store knows for nobody's. */
static int
mark_unfinished(struct drain *d, const struct godb_open_block *block)
{
	static const uint8_t ours[16] = "goprobe-writer";
	struct ingest_cut cut = {.instance = ours,
	    .seq = 1,
	    .slot_s = block->slot_s,
	    .last_ns = block->last_ns};
	int rc = godb_writer_ring(d->ingest->store, block->iface, ours,
	    &cut.seq, &cut.ring_pos);

	return rc < 0 && rc != -ENOENT ? rc :
	    ingest_cut(d->ingest, block->iface, &cut);
}

int
drain_unfinished(struct drain *d)
{
	struct godb_open_block block;
	int rc = 0;

	for (size_t i = 0; rc == 0 &&
	     godb_writer_open_block(d->ingest->store, i, &block); i++)
		if ((block.flags & GODB_PART_OFFLINE) &&
		    !(block.flags & GODB_PART_CUT) &&
		    !has_ring(d->peers, block.iface))
			rc = mark_unfinished(d, &block);
	return rc;
}

int
drain_cut(struct drain *d)
{
	int rc = drain_unfinished(d);

	for (size_t i = 0; rc == 0 && i < d->peers->n_list; i++) {
		struct peer *peer = &d->peers->list[i];

		if (peer->state == PEER_ORPHAN && peer->offline &&
		    !peer->last_seen)
			rc = mark_cut(d, peer);
	}
	return rc;
}

void
drain_forsaken(struct drain *d)
{
	struct godb_open_block block;
	char iface[16] = ""; /* whose blocks, and those before, were looked at */
	size_t i = 0;

	while (godb_writer_open_block(d->ingest->store, i, &block)) {
		if (strcmp(block.iface, iface) <= 0 ||
		    (block.flags & GODB_PART_OFFLINE) ||
		    has_ring(d->peers, block.iface)) {
			i++;
			continue;
		}
		(void)snprintf(iface, sizeof(iface), "%s", block.iface);
		if (ingest_break(d->ingest, iface,
			ingest_newest(d->ingest, iface),
			UNREAD_NS + wait_ns(d, iface)) == 0)
			i = 0; /* they left the list */
	}
}

/* Where the time of an orphan ends.  Of several rings of an interface the first
 * has taken off what was held back: that must not be done again. */
static int64_t
break_of(const struct drain *d, const struct peer *peer)
{
	if (peer->told_ns != 0)
		return peer->told_ns;
	for (size_t i = 0; i < d->peers->n_list; i++) {
		const struct peer *other = &d->peers->list[i];

		if (other->state == PEER_ORPHAN && other->break_ns != 0 &&
		    strcmp(other->iface, peer->iface) == 0)
			return other->break_ns;
	}
	return ingest_newest(d->ingest, peer->iface);
}

/* A live ring that is empty and without a capture: true when it can go. */
static bool
finish_orphan(struct drain *d, struct peer *peer)
{
	if (ring_backlog(&peer->ring) > 0)
		return false;
	if (peer->offline)
		return peer->done_sent;
	/* one that was refused, or ended before it said anything: no record
	 * claims its time, and those that others are at go on */
	if (peer->ring.next_seq == 1)
		return true;
	if (peer->break_ns == 0)
		peer->break_ns = break_of(d, peer);
	return ingest_break(d->ingest, peer->iface, peer->break_ns,
		   held_back_ns(d, peer)) == 0;
}

bool
drain_turn(struct drain *d)
{
	bool more = false;

	d->orphans = count_orphans(d->peers);
	for (size_t i = 0; i < d->peers->n_list; i++) {
		struct peer *peer = &d->peers->list[i];

		if (peer->state != PEER_ACTIVE && peer->state != PEER_ORPHAN)
			continue;
		if (comes_after_orphan(d, peer)) {
			more = more || !ingest_held_any(d->ingest, peer->iface);
			continue;
		}
		if (drain_peer(d, peer))
			more = true;
		if (peer->state == PEER_FREE)
			continue;
		finish_offline(d, peer);
		if (peer->state == PEER_ORPHAN && finish_orphan(d, peer))
			peers_drop(d->peers, peer);
	}
	return more;
}
