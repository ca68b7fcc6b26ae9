/* The loop over capture files: blocks by packet time, waiting for room. */
#include "capture/loop_internal.h"

#include "common/base/clock.h"

enum {
	READ_MAX = 4096, /* packets between two looks at the connection */
	ROOM_MIN = 32,   /* rows; a frame with less is full */
	SWEEP_S = 60,    /* of now_s */
	/* Longest jump of now_s: flows of before are idle, and no limit of time
	 * is so long that one as far back could be meant. */
	JUMP_S = FLOWTAB_IDLE_S + 300,
	CARRIED_MANY = 32768, /* rows */
	/* A block of so many rows is ended so long behind its end: the writer
	 * has work with it, and holds all of it in memory. */
	LARGE_ROWS = 1 << 16,
	LATE_S = 10,     /* of packet time; longer where names are waited for */
};

static bool
push(struct loop *l, struct loop_block *b, enum frame_kind kind)
{
	struct snapshot_meta meta = {
		.kind = kind,
		.first_real_ns = b->first_ns,
		.last_real_ns = b->last_ns,
		.flows = flowtab_flows(l->table),
	};

	b->rows += snapshot_rows(&b->b);
	while (!loop_push(l, b, &meta))
		if (!loop_wait_peer(l))
			return false;
	return true;
}

/* Every change of the table into the block that is current. */
static bool
publish(struct loop *l, enum flowtab_how how)
{
	struct loop_block *b = l->cur;

	loop_flush(l);
	flowtab_publish_begin(l->table, how, b->b.slot_s);
	while (!flowtab_publish_some(l->table, snapshot_room(&b->b),
	    snapshot_row, &b->b))
		if (snapshot_room(&b->b) < ROOM_MIN &&
		    !push(l, b, FRAME_ROWS))
			return false;
	return true;
}

/* What waited for names of flows, of one open block. */
static bool
publish_carried(struct loop *l, struct loop_block *b, bool all)
{
	while (!flowtab_carried_some(l->table, b->b.slot_s, all,
	    snapshot_room(&b->b), snapshot_row, &b->b))
		if (snapshot_room(&b->b) < ROOM_MIN &&
		    !push(l, b, FRAME_ROWS))
			return false;
	return true;
}

/* Makes room among the carried. */
static bool
relieve_carried(struct loop *l)
{
	for (size_t i = 0; i < l->n_blocks; i++)
		if (!publish_carried(l, l->block[i], false))
			return false;
	return true;
}

/* ---- blocks ------------------------------------------------------------ */

static size_t
oldest(const struct loop *l)
{
	size_t at = 0;

	for (size_t i = 1; i < l->n_blocks; i++)
		if (l->block[i]->b.slot_s < l->block[at]->b.slot_s)
			at = i;
	return at;
}

/* Closes open block i; its memory goes behind the open ones. */
static bool
end_block(struct loop *l, size_t i, enum frame_kind kind)
{
	struct loop_block *b = l->block[i];

	if (!publish_carried(l, b, true) || !push(l, b, kind))
		return false;
	l->block[i] = l->block[--l->n_blocks];
	l->block[l->n_blocks] = b;
	return true;
}

static struct loop_block *
open_block(struct loop *l, int64_t slot_s)
{
	struct loop_block *b;

	if (l->n_blocks == LOOP_BLOCKS_MAX &&
	    !end_block(l, oldest(l), FRAME_END))
		return NULL;
	b = l->block[l->n_blocks++];
	snapshot_start(&b->b, slot_s);
	b->first_ns = INT64_MAX;
	b->last_ns = INT64_MIN;
	b->rows = 0;
	return b;
}

/* When a block may be ended, for what comes that late is rare. */
static int64_t
ripe_s(const struct loop *l, const struct loop_block *b)
{
	int64_t late_s = l->dpi && l->cfg.l7_wait_s > LATE_S ?
	    l->cfg.l7_wait_s : LATE_S;

	return b->rows + snapshot_rows(&b->b) < LARGE_ROWS ? INT64_MAX :
	    b->b.slot_s + GP_SLOT_S + late_s;
}

/* Not the current one, whose time is not over. */
static void
end_ripe(struct loop *l, int64_t time_s)
{
	l->ripe_s = INT64_MAX;
	for (size_t i = l->n_blocks; i-- > 0;) {
		int64_t at_s = ripe_s(l, l->block[i]);

		if (at_s <= time_s && !end_block(l, i, FRAME_END))
			return;
		if (at_s > time_s && at_s < l->ripe_s)
			l->ripe_s = at_s;
	}
}

static struct loop_block *
find_block(const struct loop *l, int64_t slot_s)
{
	for (size_t i = 0; i < l->n_blocks; i++)
		if (l->block[i]->b.slot_s == slot_s)
			return l->block[i];
	return NULL;
}

/* Makes the block of this time the current one; false: no way on. */
static bool
enter(struct loop *l, int64_t time_s)
{
	int64_t slot_s = gp_clock_slot(time_s);
	struct loop_block *b;

	if (l->cur && l->cur->b.slot_s == slot_s)
		return true;
	if (l->cur && !publish(l, FLOWTAB_CARRY))
		return false;
	if (flowtab_n_carried(l->table) > CARRIED_MANY && !relieve_carried(l))
		return false;
	b = find_block(l, slot_s);
	l->cur = b ? b : open_block(l, slot_s);
	l->ripe_s = time_s; /* the one that was left may be large */
	return l->cur != NULL;
}

/*
 * What idleness goes by: packet time, but that a gap, or a file of another
 * day, either way, moves it by JUMP_S only.  The flow table keeps so few bits
 * of it that those of before a gap of days would seem to be of a time to come.
 */
static void
note_now(struct loop *l, int64_t time_s)
{
	int64_t by_s = time_s - l->packet_s;

	if (l->totals.seen == 0) /* the first */
		l->now_s = l->swept_s = (uint32_t)time_s;
	else if (by_s > JUMP_S)
		l->now_s += JUMP_S;
	else if (by_s < -JUMP_S)
		l->now_s -= JUMP_S;
	else
		l->now_s += (uint32_t)by_s;
	l->packet_s = time_s;
}

static void
note_time(struct loop *l, int64_t time_s, uint32_t time_ns)
{
	struct loop_block *b = l->cur;
	int64_t ns;

	if (time_s < 0 || time_s >= GP_TIME_MAX_S) {
		l->totals.time_clamped++;
		b->b.counters.time_clamped++;
		time_s = b->b.slot_s;
		time_ns = 0;
	}
	ns = time_s * GP_NS_PER_S + time_ns;
	if (ns < b->first_ns)
		b->first_ns = ns;
	if (ns > b->last_ns)
		b->last_ns = ns;
	if (l->totals.first_s > l->totals.last_s)
		l->totals.first_s = l->totals.last_s = time_s;
	if (time_s < l->totals.first_s)
		l->totals.first_s = time_s;
	if (time_s > l->totals.last_s)
		l->totals.last_s = time_s;
	note_now(l, time_s);
}

/* Idle flows leave; with the table nearly full, more of them. */
static void
relieve(struct loop *l)
{
	if (l->packet_s >= l->ripe_s)
		end_ripe(l, l->packet_s);
	if (flowtab_pressed(l->table)) {
		if (l->since_pressed < l->cfg.flows_max / 8 ||
		    !publish(l, FLOWTAB_WAIT))
			return;
		l->since_pressed = 0;
	} else if ((int32_t)(l->now_s - l->swept_s) < SWEEP_S) {
		return;
	}
	l->swept_s = l->now_s;
	flowtab_sweep(l->table, flowtab_entries(l->table) + 2, l->now_s);
}

static void
take_packet(void *ctx, const struct source_packet *p)
{
	struct loop *l = ctx;
	enum decode_class class;

	/* the writer is gone or the wait was given up: nothing is counted
	 * that cannot be published */
	if (l->peer_gone || l->gave_up)
		return;
	if (!l->cur || (uint64_t)p->time_s - (uint64_t)l->cur->b.slot_s >=
	    (uint64_t)GP_SLOT_S) {
		if (!enter(l, p->time_s))
			return;
	}
	note_time(l, p->time_s, p->time_ns);
	class = decode_frame(p->dlt, p->data, p->caplen, p->wire_len,
	    &l->batch[l->n_batch]);
	loop_classify(l, &l->cur->b, class, p->wire_len);
	if (class != DECODE_IP)
		return;
	if (l->dpi) {
		struct loop_queue *q = &l->live.queue[0];

		loop_stage(l, &q->stage, &l->batch[l->n_batch], p);
		q->stage_done = q->stage.head;
	}
	loop_take(l);
	if (l->n_batch == 0)
		relieve(l);
}

/* ---- files ------------------------------------------------------------- */

/* False when nothing more comes. */
static bool
after_read(struct loop *l, enum source_result r)
{
	struct source *s = l->cfg.source;
	const char *remark = source_remark(s);

	if (remark && l->cfg.problem)
		l->cfg.problem(l->cfg.ctx, r, remark);
	loop_note_drops(l, l->cur ? &l->cur->b : NULL);
	if (r == SOURCE_CUT || r == SOURCE_UNREADABLE) {
		/* our own stop ends a pipe in the middle of a packet */
		if (l->stop)
			return false;
		if (r == SOURCE_CUT) {
			l->totals.cut++;
			l->cut = true;
			if (l->cur)
				l->cur->b.flags |= FRAME_CUT;
		} else {
			l->totals.unreadable++;
		}
		if (l->cfg.problem)
			l->cfg.problem(l->cfg.ctx, r, source_error(s));
		return !source_at_end(s);
	}
	return r != SOURCE_END;
}

/* The newest block goes out as the ring's last frame. */
static void
finish(struct loop *l)
{
	if (l->cur && !publish(l, FLOWTAB_SETTLE))
		return;
	while (l->n_blocks > 1)
		if (!end_block(l, oldest(l), FRAME_END))
			return;
	if (l->n_blocks == 0) {
		struct loop_block *b = open_block(l, 0);

		b->first_ns = b->last_ns = 0;
	}
	if (l->cut)
		l->block[0]->b.flags |= FRAME_CUT;
	(void)end_block(l, 0, FRAME_LAST);
}

enum loop_result
loop_run_files(struct loop *l)
{
	bool more = true;
	size_t n;

	while (more && !l->stop && !l->peer_gone && !l->hopeless &&
	    !l->gave_up) {
		more = after_read(l, source_read(l->cfg.source, 0, READ_MAX,
		    take_packet, l, &n));
		loop_wait(l, 0, NULL, 0);
	}
	/* for answers a file that nobody read to its end is a short one */
	more |= l->left;
	l->cut |= more;
	finish(l);
	if (l->peer_gone)
		return LOOP_PEER_GONE;
	return more ? LOOP_STOPPED : LOOP_FINISHED;
}
