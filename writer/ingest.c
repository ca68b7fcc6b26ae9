#include "writer/ingest.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"

/* A frame's rows are handed to the store where they lie. */
static_assert(sizeof(struct frame_row4) == sizeof(struct godb_row4) &&
	offsetof(struct frame_row4, dport) ==
	    offsetof(struct godb_row4, dport) &&
	offsetof(struct frame_row4, proto) ==
	    offsetof(struct godb_row4, proto) &&
	offsetof(struct frame_row4, l7) == offsetof(struct godb_row4, l7) &&
	offsetof(struct frame_row4, counter) ==
	    offsetof(struct godb_row4, counter),
    "row layout");
static_assert(sizeof(struct frame_row6) == sizeof(struct godb_row6) &&
	offsetof(struct frame_row6, dport) ==
	    offsetof(struct godb_row6, dport) &&
	offsetof(struct frame_row6, proto) ==
	    offsetof(struct godb_row6, proto) &&
	offsetof(struct frame_row6, l7) == offsetof(struct godb_row6, l7) &&
	offsetof(struct frame_row6, counter) ==
	    offsetof(struct godb_row6, counter),
    "row layout");
static_assert(sizeof(struct frame_name) == sizeof(struct godb_l7_name) &&
	FRAME_NAME_MAX == GODB_NAME_MAX &&
	FRAME_CATEGORY_MAX == GODB_CATEGORY_MAX,
    "name layout");

void
ingest_init(struct ingest *in, struct godb_writer *store,
    struct stats *stats, uint32_t sync_interval_s)
{
	memset(in, 0, sizeof(*in));
	in->stats = stats;
	in->store = store;
	in->sync_ns = (int64_t)sync_interval_s * GP_NS_PER_S;
	in->synced_ns = gp_clock_mono_ns();
	in->turn_ns = INGEST_TURN_NS;
}

void
ingest_fini(struct ingest *in)
{
	troubles_fini(&in->troubles);
}

static void
store_failed(struct ingest *in, int rc, const char *doing, const char *iface,
    int64_t slot_s)
{
	in->failing = rc;
	in->retry_ns = gp_clock_mono_ns() + GP_NS_PER_S;
	/* who reads files is told, and ends */
	if (in->offline && (in->given_up || trouble_stays(rc))) {
		(void)troubles_note(&in->troubles, iface, slot_s, rc);
		return;
	}
	if (troubles_note(&in->troubles, iface, slot_s, rc) &&
	    gp_log_allow(&in->limit, 5))
		gp_log(GP_LOG_ERR,
		    "%s iface=%s error=\"%s\": nothing is lost, trying again",
		    doing, iface, godb_strerror(rc));
}

static void
store_works(struct ingest *in, const char *iface, int64_t slot_s)
{
	if (in->failing == 0)
		return;
	if (troubles_clear(&in->troubles, iface, slot_s) &&
	    gp_log_allow(&in->again_limit, 5))
		gp_log(GP_LOG_INFO, "the store can be written again");
	in->failing = troubles_last(&in->troubles);
}

bool
ingest_holding(const struct ingest *in)
{
	return in->failing != 0 && gp_clock_mono_ns() < in->retry_ns;
}

int
ingest_held(const struct ingest *in, const char *iface)
{
	return troubles_held(&in->troubles, iface, TROUBLE_JOURNALS);
}

int
ingest_held_any(const struct ingest *in, const char *iface)
{
	return troubles_held_any(&in->troubles, iface);
}

void
ingest_hurry(struct ingest *in)
{
	troubles_hurry(&in->troubles);
}

static uint32_t
part_flags(uint32_t flags)
{
	uint32_t out = 0;

	if (flags & FRAME_DIR_IFACE)
		out |= GODB_PART_DIR_IFACE;
	if (flags & FRAME_DIR_FLOW)
		out |= GODB_PART_DIR_FLOW;
	if (flags & FRAME_OFFLINE)
		out |= GODB_PART_OFFLINE;
	if (flags & FRAME_CUT)
		out |= GODB_PART_CUT;
	return out;
}

static void
batch_of(struct godb_batch *b, const char *iface, const void *frame,
    uint64_t ring_pos)
{
	const struct frame_header *h = frame;
	const struct frame_counters *c = &h->counters;

	memset(b, 0, sizeof(*b));
	b->iface = iface;
	b->slot_s = h->slot_s;
	memcpy(b->ring, h->instance, sizeof(b->ring));
	b->seq = h->seq;
	b->ring_pos = ring_pos;
	b->first_ns = h->first_real_ns;
	b->last_ns = h->last_real_ns;
	b->flags = part_flags(h->flags);
	b->counters = (struct godb_counters){
	    .seen = c->seen,
	    .seen_bytes = c->seen_bytes,
	    .non_ip = c->non_ip,
	    .non_ip_bytes = c->non_ip_bytes,
	    .malformed = c->malformed,
	    .malformed_bytes = c->malformed_bytes,
	    .kernel_drops = c->kernel_drops,
	    .iface_drops = c->iface_drops,
	    .overflow = c->overflow,
	    .late = c->late,
	    .time_clamped = c->time_clamped,
	};
	b->names = (const void *)frame_names(frame);
	b->n_names = h->n_names;
	b->rows4 = (const void *)frame_rows4(frame);
	b->n4 = h->n4;
	b->rows6 = (const void *)frame_rows6(frame);
	b->n6 = h->n6;
}

/* ---- blocks -------------------------------------------------------------- */

/* 1 more to do, 0 done or nothing of that block was sent, or an error. */
static int
commit_step(struct ingest *in, const char *iface, int64_t slot_s)
{
	struct godb_committed done = {0};
	int rc = godb_writer_commit_step(in->store, iface, slot_s, &done);

	if (rc == 1)
		return rc;
	if (rc < 0 && rc != -ENOENT) {
		store_failed(in, rc, "block cannot be written", iface, slot_s);
		return rc;
	}
	store_works(in, iface, slot_s);
	if (rc == -ENOENT)
		return 0;
	in->blocks++;
	in->rows += done.n_rows;
	in->stored_bytes += done.stored_bytes;
	stats_block(in->stats, iface, slot_s);
	return 0;
}

/* The block is written in the turns to come; one after another. */
static void
commit_start(struct ingest *in, const char *iface, int64_t slot_s)
{
	if (in->committing || troubles_held(&in->troubles, iface, slot_s))
		return;
	in->committing = true;
	(void)snprintf(in->block_iface, sizeof(in->block_iface), "%s", iface);
	in->block_slot_s = slot_s;
}

/* A turn's share of the block that is being written. */
static void
commit_go_on(struct ingest *in)
{
	int64_t until = gp_clock_mono_ns() + in->turn_ns;
	int rc;

	do
		rc = commit_step(in, in->block_iface, in->block_slot_s);
	while (rc == 1 && gp_clock_mono_ns() < until);
	in->committing = rc == 1;
}

/* ---- frames -------------------------------------------------------------- */

/* Somebody may be filling the registry, which all interfaces share. */
static void
tell_nameless(struct ingest *in, const char *iface)
{
	uint64_t refused = godb_writer_names_refused(in->store);

	if (refused == in->names_refused)
		return;
	in->names_refused = refused;
	if (gp_log_allow(&in->names_limit, 1))
		gp_log(GP_LOG_WARNING, "too many application names: further "
		    "ones are Unknown iface=%s", iface);
}

/* 0 stored, 1 was already; -EAGAIN, -EPROTO for what no store takes, or another
 * error, which is logged. */
static int
append(struct ingest *in, const struct godb_batch *batch)
{
	int rc = godb_writer_append(in->store, batch);

	/* the block has all the rows that one record takes: the rest goes to a
	 * further record of the same five minutes, once this one is written */
	if (rc == GODB_EFULL) {
		commit_start(in, batch->iface, batch->slot_s);
		rc = -EAGAIN;
	}
	if (rc == -EAGAIN)
		return rc;
	if (rc == -EINVAL || rc == GODB_EIFACE)
		return -EPROTO;
	if (rc < 0) {
		store_failed(in, rc, "journal cannot be written", batch->iface,
		    TROUBLE_JOURNALS);
		return rc;
	}
	store_works(in, batch->iface, TROUBLE_JOURNALS);
	in->dirty = true;
	return rc;
}

int
ingest_frame(struct ingest *in, const char *iface, const void *frame,
    uint64_t ring_pos)
{
	struct godb_batch batch;
	int rc;

	batch_of(&batch, iface, frame, ring_pos);
	rc = append(in, &batch);
	tell_nameless(in, iface);
	if (rc < 0)
		return rc;
	in->frames++;
	in->duplicates += rc == 1;
	return rc;
}

int
ingest_cut(struct ingest *in, const char *iface, const struct ingest_cut *cut)
{
	struct godb_batch batch = {.iface = iface,
	    .slot_s = cut->slot_s,
	    .seq = cut->seq,
	    .ring_pos = cut->ring_pos,
	    .first_ns = cut->last_ns,
	    .last_ns = cut->last_ns,
	    .flags = GODB_PART_OFFLINE | GODB_PART_CUT};
	int rc;

	memcpy(batch.ring, cut->instance, sizeof(batch.ring));
	if (ingest_held(in, iface))
		return -EAGAIN;
	rc = append(in, &batch);
	/* a time that no store takes came with no frame that it took */
	return rc == 1 || rc == -EPROTO ? 0 : rc;
}

/* What is being written, to its end: the store would do it for the next block
 * and not tell, and then nobody counts it. */
static void
commit_finish(struct ingest *in)
{
	while (in->committing)
		commit_go_on(in);
}

int
ingest_commit(struct ingest *in, const char *iface, int64_t slot_s)
{
	char name[16];
	int rc;

	/* the store's own name of the block goes with it */
	(void)snprintf(name, sizeof(name), "%s", iface);
	commit_finish(in);
	rc = troubles_held(&in->troubles, name, slot_s);
	if (rc < 0)
		return rc;
	do
		rc = commit_step(in, name, slot_s);
	while (rc == 1);
	return rc;
}

int
ingest_commit_all(struct ingest *in, const char *iface)
{
	struct godb_open_block block;
	size_t i = 0;
	int first = 0;

	commit_finish(in); /* it may leave the list */
	if (iface == NULL)
		ingest_hurry(in);
	while (godb_writer_open_block(in->store, i, &block)) {
		int rc;

		if (iface && strcmp(block.iface, iface) != 0) {
			i++;
			continue;
		}
		rc = ingest_commit(in, block.iface, block.slot_s);
		if (rc < 0) {
			first = first ? first : rc;
			i++; /* it stays; go on with the others */
		}
	}
	return first;
}

int64_t
ingest_newest(const struct ingest *in, const char *iface)
{
	struct godb_open_block block;
	int64_t last_ns = 0;

	for (size_t i = 0; godb_writer_open_block(in->store, i, &block); i++)
		if (strcmp(block.iface, iface) == 0 && block.last_ns > last_ns)
			last_ns = block.last_ns;
	return last_ns;
}

int
ingest_break(struct ingest *in, const char *iface, int64_t until_ns,
    int64_t held_ns)
{
	struct godb_open_block block;

	for (size_t i = 0; held_ns > 0 &&
	     godb_writer_open_block(in->store, i, &block); i++)
		if (strcmp(block.iface, iface) == 0)
			(void)godb_writer_cover_until(in->store, iface,
			    block.slot_s, until_ns - held_ns);
	return ingest_commit_all(in, iface);
}

static void
sync_journals(struct ingest *in)
{
	int64_t now = gp_clock_mono_ns();
	int rc;

	if (!in->dirty || in->sync_ns == 0 ||
	    now - in->synced_ns < in->sync_ns ||
	    troubles_held(&in->troubles, TROUBLE_ALL, TROUBLE_JOURNALS))
		return;
	rc = godb_writer_sync(in->store);
	if (rc < 0) {
		store_failed(in, rc, "journals cannot be synced", TROUBLE_ALL,
		    TROUBLE_JOURNALS);
		return;
	}
	store_works(in, TROUBLE_ALL, TROUBLE_JOURNALS);
	in->dirty = false;
	in->synced_ns = now;
}

/* Begins with one finished block of an interface, if there is one.  One that
 * could not be written a moment ago stands in nobody's way. */
static void
find_finished(struct ingest *in, ingest_closed_fn *closed, void *arg)
{
	int64_t now_s = gp_clock_real_ns() / GP_NS_PER_S;
	struct godb_open_block block;

	for (size_t i = 0; godb_writer_open_block(in->store, i, &block); i++) {
		int64_t over_s = block.slot_s + GP_SLOT_S;

		if (block.flags & GODB_PART_OFFLINE)
			continue; /* END or the end of the ring decides */
		if (now_s < over_s)
			continue;
		if (now_s < over_s + INGEST_GRACE_S &&
		    !closed(arg, block.iface, block.slot_s))
			continue;
		commit_start(in, block.iface, block.slot_s);
		if (in->committing)
			return;
	}
}

bool
ingest_tick(struct ingest *in, ingest_closed_fn *closed, void *arg)
{
	troubles_age(&in->troubles);
	in->failing = troubles_last(&in->troubles);
	sync_journals(in);
	/* one block at a time, so that rings are drained in between */
	if (!in->committing)
		find_finished(in, closed, arg);
	if (!in->committing)
		return false;
	commit_go_on(in);
	return true; /* frames may have waited for it */
}
