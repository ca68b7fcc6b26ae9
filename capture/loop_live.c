/*
 * The loop over an interface: two directions merged by time, publishing in
 * steps, blocks by the wall clock.
 */
#include "capture/loop_internal.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"

#define MS_NS        INT64_C(1000000)
#define STEP_NS      GP_NS_PER_S       /* a jump of the clock, not drift */
#define PAUSE_NS     (100 * MS_NS)     /* descriptors in error */
#define SWEEP_NS     (60 * GP_NS_PER_S)
#define QUIET_NS     (5 * SOURCE_BLOCK_MS * MS_NS)
#define NAMING_NS    GP_NS_PER_S       /* between looks at who has a name */
#define SETTLE_MS    50 /* until all that an interface brought is buffered */
#define SLOT_NS      (GP_SLOT_S * GP_NS_PER_S)
/* Publishing and sweeping between two reads, in pieces of a few 10 us */
#define WORK_NS      (100 * INT64_C(1000))

enum {
	READ_MAX = 256,   /* packets a handle and turn */
	MERGE_MAX = 2 * READ_MAX + FLOWTAB_BATCH, /* of both, and some more */
	ROWS_STEP = 128,  /* rows published at a time */
	ROWS_FRAME = 1024, /* a frame: copying it is one piece of work */
	SWEEP_STEP = 256, /* entries looked at, perhaps evicted, at a time */
	ROOM_MIN = 32,
};

/* A moment so long before or after another one, by all clocks alike. */
static void
move(struct loop_clock *c, int64_t by_ns)
{
	c->real_ns += by_ns;
	c->boot_ns += by_ns;
	c->mono_ns += by_ns;
}

/* Now; for one who has left, when that was. */
static struct loop_clock
clocks(const struct loop *l)
{
	int64_t left_ns = l->live.left_ns;
	struct loop_clock c = {gp_clock_real_ns(), gp_clock_boot_ns(),
		gp_clock_mono_ns()};

	if (left_ns != 0 && c.real_ns > left_ns)
		move(&c, left_ns - c.real_ns);
	return c;
}

static struct snapshot_block *
block(struct loop *l)
{
	return &l->cur->b;
}

/* ---- two directions ---------------------------------------------------- */

static struct loop_held *
at(struct loop_queue *q, uint32_t position)
{
	return &q->held[position & (LOOP_HOLD_MAX - 1)];
}

static uint32_t
length(const struct loop_queue *q)
{
	return q->head - q->tail;
}

static void
release(struct loop *l, struct loop_queue *q)
{
	const struct loop_held *h = at(q, q->tail++);

	l->batch[l->n_batch] = h->p;
	q->stage_done = h->stage_end;
	loop_take(l);
}

static void
release_older(struct loop *l)
{
	struct loop_queue *a = &l->live.queue[0], *b = &l->live.queue[1];

	if (length(b) == 0 || (length(a) != 0 &&
	    at(a, a->tail)->time_ns <= at(b, b->tail)->time_ns))
		release(l, a);
	else
		release(l, b);
}

/* What has waited for LOOP_HOLD_MS by the monotonic clock need not wait any
 * more, whatever its timestamp says. */
static void
let_due(struct loop_queue *q, int64_t mono_ns)
{
	if (mono_ns - q->mark_ns < LOOP_HOLD_MS * MS_NS)
		return;
	q->due = q->mark;
	q->mark = q->head;
	q->mark_ns = mono_ns;
}

static bool
is_due(const struct loop_queue *q)
{
	return length(q) != 0 && (int32_t)(q->due - q->tail) > 0;
}

static bool
crowded(const struct loop *l)
{
	return length(&l->live.queue[0]) > LOOP_HOLD_MAX - READ_MAX ||
	    length(&l->live.queue[1]) > LOOP_HOLD_MAX - READ_MAX;
}

/*
 * In order of time as far as both queues have something; beyond that only
 * what has waited long enough, or what room is needed for.
 */
static bool
must_release(const struct loop *l)
{
	const struct loop_queue *q = l->live.queue;

	return (length(&q[0]) && length(&q[1])) || is_due(&q[0]) ||
	    is_due(&q[1]) || crowded(l);
}

/* What waited comes in bursts: with one direction quiet, all of a hold time at
 * once.  So no more than a piece a turn, but more than is read, and as much as
 * the next reading needs room. */
static void
merge(struct loop *l, int64_t mono_ns)
{
	struct loop_queue *q = l->live.queue;

	if (!q[0].held)
		return;
	let_due(&q[0], mono_ns);
	let_due(&q[1], mono_ns);
	for (unsigned n = 0; (n < MERGE_MAX || crowded(l)) && must_release(l);
	     n++)
		release_older(l);
}

static void
merge_all(struct loop *l)
{
	struct loop_queue *q = l->live.queue;

	while (length(&q[0]) || length(&q[1]))
		release_older(l);
}

/* ---- intake ------------------------------------------------------------ */

static enum decode_class
decode(struct loop *l, const struct source_packet *p,
    struct decode_packet *out)
{
	enum decode_class class = decode_frame(p->dlt, p->data, p->caplen,
	    p->wire_len, out);

	if (p->out)
		out->flags |= DECODE_OUT;
	loop_classify(l, block(l), class, p->wire_len);
	return class;
}

static int64_t
stamp(const struct source_packet *p)
{
	return p->time_s * GP_NS_PER_S + p->time_ns;
}

static bool
is_successors(const struct loop *l, const struct source_packet *p)
{
	return __builtin_expect(l->live.left_ns != 0, 0) &&
	    stamp(p) >= l->live.left_ns;
}

static void
take_one(void *ctx, const struct source_packet *p)
{
	struct loop *l = ctx;
	struct loop_queue *q = &l->live.queue[0];

	if (is_successors(l, p))
		return;
	if (decode(l, p, &l->batch[l->n_batch]) != DECODE_IP)
		return;
	if (l->dpi) {
		loop_stage(l, &q->stage, &l->batch[l->n_batch], p);
		q->stage_done = q->stage.head;
	}
	loop_take(l);
}

static void
take_queued(void *ctx, const struct source_packet *p)
{
	struct loop *l = ctx;
	struct loop_queue *q = &l->live.queue[p->out];
	struct loop_held *h = at(q, q->head);

	if (is_successors(l, p))
		return;
	if (decode(l, p, &h->p) != DECODE_IP)
		return;
	h->time_ns = stamp(p);
	if (l->dpi)
		loop_stage(l, &q->stage, &h->p, p);
	h->stage_end = q->stage.head;
	q->head++;
}

/* Reads once all handles that may have something; false when one of them errs:
 * the interface is gone.  The others, and this one the next time, still have
 * what came before. */
static bool
read_packets(struct loop *l, size_t *got)
{
	struct source *s = l->cfg.source;
	bool queued = l->live.queue[0].held != NULL, fine = true;
	int64_t mono_ns;

	*got = 0;
	l->live.read = clocks(l);
	mono_ns = l->live.read.mono_ns;
	l->now_s = (uint32_t)(mono_ns / GP_NS_PER_S);
	for (size_t i = 0; i < source_handles(s); i++) {
		size_t n;

		/* libpcap would poll again */
		if (l->live.quiet[i])
			continue;
		if (source_read(s, i, READ_MAX, queued ? take_queued
			: take_one, l, &n) != SOURCE_OK)
			fine = false;
		*got += n;
	}
	merge(l, mono_ns);
	loop_flush(l);
	return fine;
}

/* ---- publishing -------------------------------------------------------- */

/* Whether the wall clock went on as the monotonic one did. */
static bool
stepped(const struct loop_clock *from, const struct loop_clock *now)
{
	int64_t off = now->real_ns - from->real_ns -
	    (now->mono_ns - from->mono_ns);

	return off > STEP_NS || off < -STEP_NS;
}

/*
 * The interval up to now, which ends where the monotonic clock says it does
 * when the wall clock was stepped (or the machine slept) in between: neither
 * is time that we watched.
 */
static void
close_interval(const struct loop_clock *from, const struct loop_clock *now,
    struct loop_clock *last)
{
	int64_t watched = now->mono_ns - from->mono_ns;

	*last = *now;
	if (stepped(from, now)) {
		last->real_ns = from->real_ns + watched;
		last->boot_ns = from->boot_ns + watched;
	}
	if (last->real_ns < from->real_ns)
		last->real_ns = from->real_ns;
	if (last->boot_ns < from->boot_ns)
		last->boot_ns = from->boot_ns;
}

/* Beyond the boundary behind a block's own its names are not waited for: also
 * not when we stood still, or had no room, until then. */
static bool
waits_for_names(const struct loop *l, const struct loop_clock *last)
{
	return last->real_ns < (l->cur->b.slot_s + 2 * GP_SLOT_S) * GP_NS_PER_S;
}

static void
begin_round(struct loop *l, bool end)
{
	struct loop_live *v = &l->live;
	struct loop_round *r = &v->round;

	loop_note_drops(l, block(l));
	r->active = true;
	r->end = end;
	r->pressed = flowtab_pressed(l->table);
	r->next = v->read;
	close_interval(&v->from, &r->next, &r->last);
	v->publish_ns = r->next.mono_ns +
	    l->cfg.snapshot_interval_s * GP_NS_PER_S;
	flowtab_publish_begin(l->table, v->leaving ||
	    (end && !waits_for_names(l, &r->last)) ? FLOWTAB_SETTLE
		: end ? FLOWTAB_CARRY : FLOWTAB_WAIT, block(l)->slot_s);
}

static struct snapshot_meta
meta_of(const struct loop *l, enum frame_kind kind,
    const struct loop_clock *last)
{
	uint64_t queued = 0;

	for (int i = 0; i < SOURCE_HANDLES; i++)
		queued += length(&l->live.queue[i]);
	return (struct snapshot_meta){
		.kind = kind,
		.first_real_ns = l->live.from.real_ns,
		.last_real_ns = last->real_ns,
		.first_boot_ns = l->live.from.boot_ns,
		.last_boot_ns = last->boot_ns,
		.flows = flowtab_flows(l->table),
		.pending = flowtab_held(l->table) + queued,
	};
}

static bool
has_room(const struct loop *l)
{
	return ring_has_room(l->cfg.ring, FRAME_MAX_BYTES);
}

static void
finish_round(struct loop *l)
{
	struct loop_live *v = &l->live;

	v->from = v->round.next;
	v->round.active = false;
	if (v->round.pressed)
		v->sweep_left = (uint64_t)flowtab_entries(l->table) + 2;
	if (v->round.end)
		snapshot_start(block(l),
		    gp_clock_slot(v->from.real_ns / GP_NS_PER_S));
}

/* ---- names that are waited for ------------------------------------------ */

/* The block is over, but for flows that have no name yet. */
static void
begin_naming(struct loop *l)
{
	struct loop_naming *n = &l->live.naming;

	*n = (struct loop_naming){.active = true, .last = l->live.round.last};
	n->next_ns = gp_clock_mono_ns() + NAMING_NS;
	snapshot_start(&l->block[1]->b, block(l)->slot_s);
}

static bool
push_naming(struct loop *l, enum frame_kind kind)
{
	const struct loop_clock *last = &l->live.naming.last;
	struct snapshot_meta meta = meta_of(l, kind, last);

	meta.first_real_ns = last->real_ns;
	meta.first_boot_ns = last->boot_ns;
	return loop_push(l, l->block[1], &meta);
}

static bool
naming_due(const struct loop *l)
{
	const struct loop_naming *n = &l->live.naming;

	return n->active && (n->all || n->running ||
	    gp_clock_mono_ns() >= n->next_ns);
}

/* Looks at some of those flows; the END when none is left.  False when there
 * was no room. */
static bool
step_naming(struct loop *l, size_t rows)
{
	struct loop_naming *n = &l->live.naming;
	struct snapshot_block *b = &l->block[1]->b;
	size_t room = snapshot_room(b);

	if (!has_room(l))
		return false;
	n->running = !flowtab_carried_some(l->table, b->slot_s, n->all,
	    room < rows ? room : rows, snapshot_row, b);
	if (n->running) {
		if (snapshot_room(b) < ROOM_MIN ||
		    snapshot_rows(b) >= ROWS_FRAME)
			return push_naming(l, FRAME_ROWS);
		return true;
	}
	n->next_ns = gp_clock_mono_ns() + NAMING_NS;
	if (flowtab_n_carried(l->table) > 0)
		return snapshot_empty(b) || push_naming(l, FRAME_ROWS);
	if (!push_naming(l, FRAME_END))
		return false;
	n->active = false;
	return true;
}

/* At the boundary the ring was full: the block's END is owed, and what is
 * still in the table will be late. */
static void
count_late(struct loop *l, int64_t slot_s)
{
	const struct frame_counters *c = &block(l)->counters;

	l->live.owed_slot_s = slot_s;
	l->live.late = flowtab_held(l->table) - flowtab_carried(l->table) +
	    c->non_ip + c->malformed;
}

static void
miss_end(struct loop *l)
{
	if (flowtab_n_carried(l->table) > 0 && !l->live.naming.active)
		begin_naming(l);
	l->live.owed = true;
	l->live.round.active = false;
	count_late(l, gp_clock_slot(l->live.read.real_ns / GP_NS_PER_S));
}

/*
 * Publishes up to `rows` rows.  A frame is begun only when the ring has room
 * for the largest, so that counters leave the table only into a frame that
 * will be seen.  False when there was no room.
 */
static bool
step_round(struct loop *l, size_t rows, enum frame_kind last_kind)
{
	struct loop_live *v = &l->live;
	struct snapshot_meta meta;

	while (v->round.active && rows > 0) {
		size_t room = snapshot_room(block(l));
		size_t n = room < rows ? room : rows;

		if (!has_room(l))
			return false;
		if (flowtab_publish_some(l->table, n, snapshot_row,
			block(l))) {
			bool names = last_kind == FRAME_END &&
			    flowtab_n_carried(l->table) > 0;

			meta = meta_of(l, names ? FRAME_ROWS : last_kind,
			    &v->round.last);
			if (!loop_push(l, l->cur, &meta))
				return false;
			if (names)
				begin_naming(l);
			finish_round(l);
			return true;
		}
		rows -= n;
		if (snapshot_room(block(l)) >= ROOM_MIN &&
		    snapshot_rows(block(l)) < ROWS_FRAME)
			continue;
		meta = meta_of(l, FRAME_ROWS, &v->round.last);
		if (!loop_push(l, l->cur, &meta))
			return false;
	}
	return true;
}

/* Moves the start of the unpublished interval. */
static void
advance(struct loop_clock *c, int64_t to_real_ns)
{
	if (to_real_ns > c->real_ns)
		move(c, to_real_ns - c->real_ns);
}

/*
 * There is room again after a missed END: first the ENDs of all blocks since,
 * without rows, then what was late goes to the block that is now.
 */
static bool
pay_owed(struct loop *l)
{
	struct loop_live *v = &l->live;
	int64_t slot_s = block(l)->slot_s;
	struct frame_counters kept = block(l)->counters;
	struct loop_clock now = v->read, last = v->from, next;
	int64_t now_s = gp_clock_slot(now.real_ns / GP_NS_PER_S);
	struct snapshot_meta meta;

	if (!has_room(l))
		return false;
	/* a clock that was stepped is followed, not walked after */
	if (now_s <= slot_s || stepped(&v->from, &now)) {
		close_interval(&v->from, &now, &last);
		next = now;
		slot_s = now_s;
	} else {
		advance(&last, (slot_s + GP_SLOT_S) * GP_NS_PER_S);
		next = last;
		slot_s += GP_SLOT_S;
	}
	meta = meta_of(l, FRAME_END, &last);
	memset(&block(l)->counters, 0, sizeof(kept));
	if (!loop_push(l, l->cur, &meta)) {
		block(l)->counters = kept;
		return false;
	}
	v->from = next;
	snapshot_start(block(l), slot_s);
	block(l)->counters = kept;
	if (slot_s == now_s) {
		v->owed = false;
		block(l)->counters.late += v->late;
		v->late = 0;
		begin_round(l, false);
	}
	return true;
}

/* ---- turns ------------------------------------------------------------- */

static bool
pressed(const struct loop *l)
{
	return flowtab_pressed(l->table) &&
	    l->since_pressed >= l->cfg.flows_max / 8;
}

/* Begins what is due.  A boundary overtakes a round that is under way. */
static void
begin_due(struct loop *l)
{
	struct loop_live *v = &l->live;
	int64_t slot_s = gp_clock_slot(v->read.real_ns / GP_NS_PER_S);
	int64_t mono_ns = v->read.mono_ns;

	if (v->owed) {
		/* another boundary passed with the ring full */
		if (slot_s != v->owed_slot_s) {
			count_late(l, slot_s);
			v->naming.all = v->naming.active;
		}
		return;
	}
	if (slot_s != block(l)->slot_s) {
		/* one block at a time waits for names */
		v->naming.all = v->naming.active;
		if (!v->naming.active && (!v->round.active || !v->round.end))
			begin_round(l, true);
	} else if (!v->round.active &&
	    (mono_ns >= v->publish_ns || pressed(l))) {
		if (flowtab_pressed(l->table))
			l->since_pressed = 0;
		begin_round(l, false);
	}
	if (mono_ns >= v->idle_sweep_ns) {
		v->idle_sweep_ns = mono_ns + SWEEP_NS;
		v->sweep_left = (uint64_t)flowtab_entries(l->table) + 2;
	}
}

static void
sweep(struct loop *l)
{
	struct loop_live *v = &l->live;
	size_t n = v->sweep_left < SWEEP_STEP ? v->sweep_left : SWEEP_STEP;

	flowtab_sweep(l->table, n, l->now_s);
	v->sweep_left -= n;
}

/* False when the ring has no room. */
static bool
work_step(struct loop *l)
{
	struct loop_live *v = &l->live;

	if (naming_due(l) && !step_naming(l, ROWS_STEP)) {
		if (v->naming.all && !v->owed)
			miss_end(l);
		return false;
	}
	/* what waited for names comes before the blocks behind its own */
	if (v->owed && v->naming.active && v->naming.all)
		return true;
	if (v->owed && !pay_owed(l))
		return false;
	if (v->round.active && !step_round(l, ROWS_STEP, v->round.end
		? FRAME_END : FRAME_ROWS)) {
		if (v->round.end)
			miss_end(l);
		return false;
	}
	if (v->sweep_left != 0)
		sweep(l);
	return true;
}

/* Work between two reads, as much as one pause may take; false when the ring
 * has no room for it. */
static bool
work(struct loop *l)
{
	const struct loop_live *v = &l->live;
	int64_t end_ns = gp_clock_mono_ns() + WORK_NS;

	begin_due(l);
	do {
		if (!work_step(l))
			return false;
	} while ((v->round.active || v->owed || v->sweep_left != 0 ||
	    naming_due(l)) && gp_clock_mono_ns() < end_ns);
	return true;
}

static int
until(int64_t ns, int64_t now_ns)
{
	int64_t ms = (ns - now_ns + MS_NS - 1) / MS_NS;

	return ms < 0 ? 0 : ms > 1000 ? 1000 : (int)ms;
}

/* How long nothing has to be done unless a packet comes. */
static int
pause_ms(const struct loop *l)
{
	const struct loop_live *v = &l->live;
	int64_t real_ns = gp_clock_real_ns();
	int publish = until(v->publish_ns, gp_clock_mono_ns());
	int slot = until(real_ns - real_ns % SLOT_NS + SLOT_NS, real_ns);

	if (v->round.active || v->owed)
		return SOURCE_BLOCK_MS; /* no room: for an ACK */
	if (v->left_ns != 0)
		return SOURCE_BLOCK_MS;
	if (length(&v->queue[0]) || length(&v->queue[1]))
		return SOURCE_BLOCK_MS;
	if (v->naming.active) {
		int naming = until(v->naming.next_ns, gp_clock_mono_ns());

		publish = naming < publish ? naming : publish;
	}
	return publish < slot ? publish : slot;
}

/* Waits for packets.  A descriptor in error (link down) is always "ready" and
 * is left out for a while when it brought nothing. */
static void
wait_packets(struct loop *l, int timeout_ms, size_t got)
{
	struct source *s = l->cfg.source;
	struct pollfd fds[SOURCE_HANDLES];
	size_t n = source_handles(s);
	int64_t now = gp_clock_mono_ns();
	bool paused = now < l->live.pause_ns;

	for (size_t i = 0; i < n; i++)
		fds[i] = (struct pollfd){paused ? -1 : source_fd(s, i), POLLIN,
			0};
	if (paused && timeout_ms > PAUSE_NS / MS_NS)
		timeout_ms = PAUSE_NS / MS_NS;
	loop_wait(l, timeout_ms, fds, n);
	for (size_t i = 0; i < n; i++) {
		l->live.quiet[i] = !paused && fds[i].revents == 0;
		if (!paused && got == 0 && (fds[i].revents & ~POLLIN))
			l->live.pause_ns = now + PAUSE_NS;
	}
}

/* Everything that was in the kernel's buffer when we were told to stop, or the
 * interface went; what stays there counts as dropped. */
static bool
drain(struct loop *l)
{
	int64_t start = gp_clock_mono_ns(), now = start, heard = start;
	bool there = true;
	uint64_t target;

	loop_note_drops(l, block(l));
	target = l->stats.received;
	l->totals.kernel_at_stop = target;
	do {
		struct source_stats st;
		size_t got;

		memset(l->live.quiet, 0, sizeof(l->live.quiet));
		if (!read_packets(l, &got))
			there = false;
		(void)work(l);
		now = gp_clock_mono_ns();
		if (got != 0)
			heard = now;
		source_stats(l->cfg.source, &st);
		if (st.read >= target)
			break;
		if (got == 0)
			wait_packets(l, SOURCE_BLOCK_MS, 0);
	} while (now - start < LOOP_STOP_MS * MS_NS && now - heard < QUIET_NS);
	source_lost(l->cfg.source, target);
	return there;
}

/* Its last packets are on their way through the kernel, and in blocks that are
 * not handed over yet. */
static void
let_settle(void)
{
	const struct timespec pause = {0, SETTLE_MS * MS_NS};

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

/* Publishes all there is and says goodbye, waiting for room. */
static void
finish(struct loop *l)
{
	struct loop_live *v = &l->live;
	/* a block's end that is under way is not the last frame: flows that
	 * wait for their names are handed out behind it */
	bool ending = v->round.active && v->round.end;

	merge_all(l);
	loop_flush(l);
	v->leaving = true;
	for (;;) {
		bool room = true;

		if (v->naming.active) {
			v->naming.all = true;
			room = step_naming(l, SIZE_MAX);
		} else if (v->owed) {
			room = pay_owed(l);
		} else if (ending) {
			room = step_round(l, SIZE_MAX, FRAME_END);
			ending = v->round.active;
		} else if (!v->round.active || !v->round.end) {
			begin_round(l, true);
		} else {
			room = step_round(l, SIZE_MAX, FRAME_LAST);
			if (!v->round.active)
				return;
		}
		if (!room && !loop_wait_peer(l))
			return;
	}
}

static void
begin_turn(struct loop *l)
{
	l->live.turn_ns = gp_clock_mono_ns();
	l->live.turn_cpu_ns = gp_clock_thread_ns();
}

/* The end of one is the beginning of the next. */
static void
note_turn(struct loop *l)
{
	int64_t wall_ns = l->live.turn_ns, cpu_ns = l->live.turn_cpu_ns;

	begin_turn(l);
	pause_note(&l->totals.turns, l->live.turn_ns - wall_ns);
	pause_note(&l->totals.turns_cpu, l->live.turn_cpu_ns - cpu_ns);
}

/* Asked once a second. */
static bool
is_present(struct loop *l)
{
	struct loop_live *v = &l->live;
	int64_t now = gp_clock_mono_ns();

	if (now - v->present_ns < GP_NS_PER_S)
		return true;
	v->present_ns = now;
	return source_present(l->cfg.source);
}

/* Reads, works, waits when there is nothing to do; false when the interface
 * is gone. */
static bool
turn(struct loop *l)
{
	const struct loop_live *v = &l->live;
	size_t got;
	bool there = read_packets(l, &got) && is_present(l);
	bool room = work(l);
	bool busy = got != 0 || v->sweep_left != 0 || must_release(l) ||
	    (room && (v->round.active || v->owed || naming_due(l)));

	if (busy) {
		wait_packets(l, 0, got);
		note_turn(l);
	} else {
		note_turn(l);
		wait_packets(l, pause_ms(l), got);
		begin_turn(l);
	}
	return there;
}

/* A packet's stamp comes a little before the packet does. */
static bool
has_left(const struct loop *l)
{
	return l->live.left_ns != 0 && gp_clock_mono_ns() -
	    l->live.left_mono_ns >= 2 * SOURCE_BLOCK_MS * MS_NS;
}

enum loop_result
loop_run_live(struct loop *l)
{
	struct loop_live *v = &l->live;
	bool there = true;

	l->cur = l->block[0];
	v->from = v->read = clocks(l);
	if (v->begin_ns != 0)
		move(&v->from, v->begin_ns - v->from.real_ns);
	v->publish_ns = v->from.mono_ns +
	    l->cfg.snapshot_interval_s * GP_NS_PER_S;
	v->idle_sweep_ns = v->from.mono_ns + SWEEP_NS;
	snapshot_start(block(l), gp_clock_slot(v->from.real_ns / GP_NS_PER_S));
	begin_turn(l);
	while (there && !l->stop && !l->peer_gone && !has_left(l))
		there = turn(l);
	if (!there)
		let_settle();
	if (!there || l->stop || has_left(l))
		there = drain(l) && there;
	loop_stop(l);
	loop_note_drops(l, block(l));
	finish(l);
	if (l->peer_gone)
		return LOOP_PEER_GONE;
	return there ? LOOP_STOPPED : LOOP_IFACE_GONE;
}
