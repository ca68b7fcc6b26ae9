#include "capture/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "capture/loop_internal.h"
#include "common/base/clock.h"
#include "common/ipc/hello.h"

#define TICK_NS      GP_NS_PER_S
#define WAIT_PEER_MS 100
#define MESSAGES_MAX 64 /* in one go, so that a flood does not hold us up */

/* ---- intake ------------------------------------------------------------ */

void
loop_classify(struct loop *l, struct snapshot_block *b,
    enum decode_class class, uint32_t wire_len)
{
	l->totals.seen++;
	l->totals.seen_bytes += wire_len;
	if (class == DECODE_NON_IP) {
		l->totals.non_ip++;
		b->counters.non_ip++;
		b->counters.non_ip_bytes += wire_len;
	} else if (class == DECODE_MALFORMED) {
		l->totals.malformed++;
		b->counters.malformed++;
		b->counters.malformed_bytes += wire_len;
	}
}

void
loop_note_drops(struct loop *l, struct snapshot_block *b)
{
	struct source_stats now, *old = &l->stats;
	struct frame_counters *c;

	source_stats(l->cfg.source, &now);
	l->totals.kernel_drops = now.kernel_drops;
	l->totals.iface_drops = now.iface_drops;
	if (b == NULL)
		return;
	c = &b->counters;
	c->kernel_drops += now.kernel_drops - old->kernel_drops;
	if (now.iface_drops > old->iface_drops)
		c->iface_drops += now.iface_drops - old->iface_drops;
	*old = now;
}

void
loop_stage(struct loop *l, struct stage *s, struct decode_packet *p,
    const struct source_packet *from)
{
	bool cut = from->caplen < from->wire_len &&
	    p->flags & DECODE_HAS_PORTS && (p->proto == DECODE_PROTO_TCP ||
	    p->proto == DECODE_PROTO_UDP);
	uint32_t len = p->ip_len;

	if ((!(p->flags & DECODE_PAYLOAD) && !cut) ||
	    !flowtab_curious(l->table, p))
		return;
	/* of what is longer no more would be looked at */
	if (cut && len < DPI_PACKET_BYTES) {
		l->totals.l7_cut++;
		l->flags |= FRAME_L7_CUT;
	}
	if (!(p->flags & DECODE_PAYLOAD))
		return;
	if (len > DPI_PACKET_BYTES)
		len = DPI_PACKET_BYTES;
	p->ip = stage_copy(s, p->ip, len);
	p->ip_len = len;
	if (p->ip)
		p->flags |= DECODE_STAGED;
	else
		l->totals.l7_full++;
}

void
loop_flush(struct loop *l)
{
	flowtab_add(l->table, l->batch, l->n_batch, l->now_s);
	for (int i = 0; i < SOURCE_HANDLES; i++)
		stage_release(&l->live.queue[i].stage,
		    l->live.queue[i].stage_done);
	l->since_pressed += l->n_batch;
	l->n_batch = 0;
}

void
loop_take(struct loop *l)
{
	struct decode_packet *p = &l->batch[l->n_batch];

	if (p->flags & (DECODE_FRAG_FIRST | DECODE_FRAG_LATER))
		fragment_track(l->fragments, p, l->now_s);
	if (++l->n_batch == FLOWTAB_BATCH)
		loop_flush(l);
}

static void
note_dpi(struct loop *l)
{
	struct dpi_stats st;

	if (!l->dpi)
		return;
	dpi_stats(l->dpi, &st);
	l->totals.l7_looked = st.packets;
	l->totals.l7_starved = st.starved;
}

bool
loop_push(struct loop *l, struct loop_block *b,
    const struct snapshot_meta *meta)
{
	struct frame_counters c = b->b.counters;
	uint64_t packets;

	b->b.flags |= l->flags;
	note_dpi(l);
	b->b.l7_starved = l->totals.l7_starved - l->starved_told;
	if (snapshot_push(&b->b, l->cfg.ring, meta, &packets) != 0)
		return false;
	l->starved_told = l->totals.l7_starved;
	l->totals.published += packets;
	l->totals.overflow += c.overflow;
	l->totals.late += c.late;
	l->totals.frames++;
	l->bell = true;
	return true;
}

/* ---- succession -------------------------------------------------------- */

/*
 * Comes between two reads, so all that was counted is older than now.  The
 * kernel gives a packet one stamp for all sockets (source_live.c), so that what
 * we leave is just what the successor takes.
 */
static void
leave(struct loop *l)
{
	struct loop_live *v = &l->live;
	bool granted = l->cfg.may_leave && !l->stop;
	int64_t was_ns = v->left_ns;

	if (granted && was_ns == 0) {
		v->left_ns = gp_clock_real_ns();
		v->left_mono_ns = gp_clock_mono_ns();
	}
	/* unsaid, it has not happened */
	if (hello_msg_send(l->cfg.ctl_fd, MSG_LEFT,
		granted ? HELLO_OK : HELLO_REFUSED, (uint64_t)v->left_ns,
		0) < 0)
		v->left_ns = was_ns;
	l->totals.left = v->left_ns != 0;
}

void
loop_begin(struct loop *l, int64_t real_ns)
{
	l->live.begin_ns = real_ns;
}

/* ---- connection -------------------------------------------------------- */

static void
receive(struct loop *l)
{
	for (int i = 0; i < MESSAGES_MAX && !l->peer_gone; i++) {
		struct hello_msg m;
		int rc = hello_msg_recv(l->cfg.ctl_fd, &m);

		if (rc == -EAGAIN)
			return;
		if (rc == -EPROTO)
			continue; /* not ours to judge: what it says is lost */
		if (rc < 0) {
			l->peer_gone = true;
		} else if (m.type == MSG_ACK) {
			(void)ring_acked(l->cfg.ring, m.a);
		} else if (m.type == MSG_LEAVE) {
			leave(l);
		} else if (m.type == MSG_TROUBLE && l->cfg.offline) {
			l->totals.trouble = m.code == HELLO_STORE ? m.a : 0;
			l->hopeless = m.code == HELLO_STORE && m.b == 1;
		} else if (m.type == MSG_WELCOME) {
			l->totals.writers++;
		} else if (m.type == MSG_DONE) {
			l->totals.done = true;
			l->totals.done_blocks = m.a;
			l->totals.done_rows = m.b;
		}
	}
}

static void
ring_bell(struct loop *l)
{
	int rc;

	if (!l->bell || l->peer_gone)
		return;
	rc = hello_msg_send(l->cfg.ctl_fd, MSG_DOORBELL, HELLO_OK,
	    l->cfg.ring->head, 0);
	if (rc == 0)
		l->bell = false;
	else if (rc != -EAGAIN && rc != -ENOBUFS)
		receive(l); /* ACKs that came before the end count */
}

static void
tick(struct loop *l)
{
	int64_t now = gp_clock_mono_ns();

	if (now < l->tick_ns)
		return;
	l->tick_ns = now + TICK_NS;
	l->totals.pending = l->totals.seen - l->totals.published;
	l->totals.flows = flowtab_flows(l->table);
	note_dpi(l);
	if (l->cfg.tick)
		l->cfg.tick(l->cfg.ctx, &l->totals);
}

void
loop_stop(struct loop *l)
{
	if (!l->stop)
		l->stop_ns = gp_clock_mono_ns();
	l->stop = true;
}

void
loop_wait(struct loop *l, int timeout_ms, struct pollfd *more, size_t n)
{
	enum { CTL, SIGNAL, ALIVE, OWN };
	struct pollfd fds[OWN + SOURCE_HANDLES] = {
		[CTL] = {l->peer_gone ? -1 : l->cfg.ctl_fd, POLLIN, 0},
		/* these two stay so, once they are ready */
		[SIGNAL] = {l->stop ? -1 : l->cfg.signal_fd, POLLIN, 0},
		[ALIVE] = {l->stop ? -1 : l->cfg.alive_fd, POLLIN, 0},
	};

	for (size_t i = 0; i < n; i++)
		fds[OWN + i] = more[i];
	ring_bell(l);
	if (timeout_ms > 1000)
		timeout_ms = 1000; /* the tick */
	if (poll(fds, (nfds_t)(OWN + n), timeout_ms) > 0) {
		if (fds[CTL].revents)
			receive(l);
		/* nothing is ever written to the pipe */
		if (fds[SIGNAL].revents || fds[ALIVE].revents)
			loop_stop(l);
	}
	if (l->cfg.stop &&
	    atomic_load_explicit(l->cfg.stop, memory_order_relaxed))
		loop_stop(l);
	for (size_t i = 0; i < n; i++)
		more[i].revents = fds[OWN + i].revents;
	tick(l);
}

/* What is read from files waits for a full disk, but not when told to stop. */
static bool
in_vain(const struct loop *l)
{
	return l->hopeless || (l->stop && l->totals.trouble != 0);
}

bool
loop_wait_peer(struct loop *l)
{
	if (in_vain(l))
		l->gave_up = true;
	if (l->peer_gone || l->gave_up)
		return false;
	if (l->stop && l->cfg.stop_wait_ms >= 0 &&
	    gp_clock_mono_ns() - l->stop_ns >
		l->cfg.stop_wait_ms * INT64_C(1000000)) {
		l->gave_up = true;
		return false;
	}
	loop_wait(l, WAIT_PEER_MS, NULL, 0);
	return true;
}

bool
loop_idle(void *loop_pointer, int fd)
{
	struct loop *l = *(struct loop **)loop_pointer;

	for (;;) {
		struct pollfd in = {fd, POLLIN, 0};

		loop_wait(l, 1000, &in, 1);
		if (l->stop || l->peer_gone) {
			l->left = true;
			return false;
		}
		if (in.revents)
			return true;
	}
}

/* ---- life -------------------------------------------------------------- */

static int
make_blocks(struct loop *l)
{
	size_t n = l->cfg.offline ? LOOP_BLOCKS_MAX : l->dpi ? 2 : 1;

	for (size_t i = 0; i < n; i++) {
		l->block[i] = calloc(1, sizeof(*l->block[i]));
		if (!l->block[i])
			return -ENOMEM;
		l->block[i]->b.labels = &l->labels;
	}
	for (size_t i = 0; !l->cfg.offline && i < SOURCE_HANDLES; i++) {
		struct loop_queue *q = &l->live.queue[i];

		if (source_handles(l->cfg.source) < 2)
			break;
		q->held = calloc(LOOP_HOLD_MAX, sizeof(q->held[0]));
		if (!q->held)
			return -ENOMEM;
	}
	return 0;
}

static int
make_dpi(struct loop *l)
{
	int rc;

	labels_init(&l->labels);
	if (l->cfg.l7 == LOOP_L7_FAILED)
		l->flags |= FRAME_L7_FAILED;
	if (l->cfg.l7 != LOOP_L7_ON)
		return 0;
	rc = dpi_new(&l->dpi, &l->labels);
	if (rc == -ENOTSUP) {
		l->flags |= FRAME_L7_MISSING;
		return 0;
	}
	l->flags |= FRAME_L7;
	for (int i = 0; i < SOURCE_HANDLES && rc == 0; i++)
		rc = stage_init(&l->live.queue[i].stage, LOOP_STAGE_BYTES);
	if (rc == 0)
		rc = flowtab_use_dpi(l->table, l->dpi, l->cfg.l7_wait_s);
	return rc;
}

int
loop_new(struct loop **out, const struct loop_config *cfg)
{
	struct loop *l = calloc(1, sizeof(*l));
	struct gp_hash_key key;
	bool by_iface = source_by_iface(cfg->source);
	int rc;

	if (!l)
		return -ENOMEM;
	l->cfg = *cfg;
	if (l->cfg.snapshot_interval_s == 0)
		l->cfg.snapshot_interval_s = 1;
	l->flags = by_iface ? FRAME_DIR_IFACE : FRAME_DIR_FLOW;
	if (cfg->offline)
		l->flags |= FRAME_OFFLINE;
	l->totals.first_s = 1;
	l->fragments = calloc(1, sizeof(*l->fragments));
	rc = l->fragments ? gp_hash_key_init(&key) : -ENOMEM;
	if (rc == 0)
		fragment_init(l->fragments, &key);
	if (rc == 0)
		rc = gp_hash_key_init(&key);
	if (rc == 0)
		rc = flowtab_new(&l->table, cfg->flows_max, by_iface, &key);
	if (rc == 0)
		rc = make_dpi(l);
	if (rc == 0)
		rc = make_blocks(l);
	if (rc != 0) {
		loop_free(l);
		return rc;
	}
	*out = l;
	return 0;
}

void
loop_free(struct loop *l)
{
	if (!l)
		return;
	flowtab_free(l->table);
	dpi_free(l->dpi);
	free(l->fragments);
	for (size_t i = 0; i < LOOP_BLOCKS_MAX; i++)
		free(l->block[i]);
	for (size_t i = 0; i < SOURCE_HANDLES; i++) {
		free(l->live.queue[i].held);
		stage_fini(&l->live.queue[i].stage);
	}
	free(l);
}

static bool
all_taken(const struct loop *l)
{
	return l->cfg.ring->tail == l->cfg.ring->head;
}

enum loop_result
loop_run(struct loop *l, struct loop_totals *totals)
{
	enum loop_result result;

	result = l->cfg.offline ? loop_run_files(l) : loop_run_live(l);
	/* from here on the wait is bounded, or ends when we are told to stop */
	if (l->cfg.stop_wait_ms >= 0)
		loop_stop(l);
	while ((!all_taken(l) || (l->cfg.wait_done && !l->totals.done)) &&
	    loop_wait_peer(l))
		;
	l->totals.acked = all_taken(l);
	note_dpi(l);
	l->totals.pending = l->totals.seen - l->totals.published;
	l->totals.flows = flowtab_flows(l->table);
	*totals = l->totals;
	return result;
}
