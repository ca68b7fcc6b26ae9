/*
 * Layer 7 of the flow table: who waits for a name, and how long.
 *
 * A waiting flow has never been handed out: its counters are in its entry
 * (which is dirty) or among the carried, so a round comes by it.  It takes a
 * state of the engine with its first payload; without payload there is nothing
 * to look at, and the port decides in the end.
 *
 * A connection that has ended says nothing more.  It is given ENDED_S seconds
 * all the same: what the other side still says may be under way, and a FIN or
 * RST can be forged to cut a look short.
 */
#include "capture/flowtab_internal.h"

#include <errno.h>

enum { PROTO_TCP = 6, PROTO_UDP = 17, ENDED_S = 2 };

int
flowtab_use_dpi(struct flowtab *t, struct dpi *dpi, uint32_t wait_s)
{
	for (int i = 0; i < 2; i++) {
		t->half[i].label = flowtab_reserve(t,
		    (size_t)t->flows_max * sizeof(struct flow_label));
		if (!t->half[i].label)
			return -ENOMEM;
	}
	t->settled = flowtab_reserve(t, SETTLED_SLOTS * sizeof(uint32_t));
	t->carried = flowtab_reserve(t, CARRIED_MAX * sizeof(struct carried));
	if (!t->settled || !t->carried)
		return -ENOMEM;
	t->wait_s = wait_s;
	t->dpi = dpi;
	t->heeds = DECODE_STAGED | DECODE_ENDS;
	return 0;
}

static void
settled(struct flowtab *t, uint64_t hash)
{
	t->settled[hash % SETTLED_SLOTS] = settled_mark(hash);
}

void
flowtab_label_start(struct flowtab *t, struct half *h, uint32_t entry,
    const struct decode_packet *p)
{
	struct meta *m = meta_of(h, h->v6, entry);
	struct flow_label *l = &h->label[entry];

	*l = (struct flow_label){0, (uint16_t)(t->now_s & SINCE_MASK)};
	if (m->proto != PROTO_TCP && m->proto != PROTO_UDP)
		l->label = dpi_guess(t->dpi, m->proto, 0);
	else if (p->flags & DECODE_HAS_PORTS)
		m->state |= WAITING;
	/* else fragments of nobody knows what */
}

static void
name(struct half *h, uint32_t entry, uint16_t label)
{
	h->label[entry].label = label;
	meta_of(h, h->v6, entry)->state &= (uint8_t)~WAITING;
}

/* The best name there is now. */
static void
settle(struct flowtab *t, struct half *h, uint32_t entry)
{
	const struct meta *m = meta_of(h, h->v6, entry);
	unsigned server = m->state & CLIENT_B ? 0 : 1;
	uint16_t state = h->label[entry].label;

	assert(m->state & WAITING);
	name(h, entry, state ? dpi_giveup(t->dpi, state)
	                     : dpi_guess(t->dpi, m->proto, m->port[server]));
}

/* Takes a state, if need be from a flow whose time is over. */
static uint16_t
take_state(struct flowtab *t, const struct half *h, uint32_t entry)
{
	uint64_t other;

	if (dpi_full(t->dpi) &&
	    dpi_stale(t->dpi, t->now_s, t->wait_s, &other))
		settle(t, half_of(t, (uint32_t)other), (uint32_t)(other / 2));
	return (uint16_t)dpi_take(t->dpi, (uint64_t)entry * 2 + h->v6,
	    t->now_s);
}

static uint32_t
age_of(const struct flowtab *t, const struct flow_label *l)
{
	return (t->now_s - l->since) & SINCE_MASK;
}

/* What waits is due ENDED_S from now, if not before. */
static void
ended(struct flowtab *t, struct flow_label *l)
{
	uint32_t due = t->wait_s > ENDED_S ? t->wait_s - ENDED_S : 0;
	uint32_t age = age_of(t, l);

	if (l->label != 0)
		dpi_ended(t->dpi, l->label);
	/* a clock that went back is put right on the way */
	if (age < due || age > SINCE_MASK / 2)
		l->since = (uint16_t)(l->since / CARRIED_ONE * CARRIED_ONE +
		    ((t->now_s - due) & SINCE_MASK));
}

/* True when that settled it. */
static bool
look(struct flowtab *t, struct half *h, uint32_t entry,
    const struct decode_packet *p)
{
	struct flow_label *l = &h->label[entry];
	uint16_t label;

	if (l->label == 0)
		l->label = take_state(t, h, entry);
	if (l->label == 0)
		settle(t, h, entry);
	else if (dpi_feed(t->dpi, l->label, p->ip, p->ip_len, t->now_s,
		     &label))
		name(h, entry, label);
	else
		return false;
	return true;
}

void
flowtab_label_packet(struct flowtab *t, struct half *h, uint32_t entry,
    const struct decode_packet *p, uint64_t hash)
{
	bool waits = meta_of(h, h->v6, entry)->state & WAITING;

	if (p->flags & DECODE_STAGED &&
	    (!waits || look(t, h, entry, p))) {
		settled(t, hash);
		return;
	}
	if (waits && p->flags & DECODE_ENDS)
		ended(t, &h->label[entry]);
}

/* A clock that went back makes nobody wait longer than it did forward. */
static bool
is_due(const struct flowtab *t, const struct flow_label *l)
{
	uint32_t age = age_of(t, l);

	return age >= t->wait_s && age <= SINCE_MASK / 2;
}

static bool
carry(struct flowtab *t, struct half *h, uint32_t entry)
{
	struct meta *m = meta_of(h, h->v6, entry);
	struct flow_label *l = &h->label[entry];
	struct carried *c;

	if (t->n_carried == CARRIED_MAX ||
	    l->since / CARRIED_ONE == CARRIED_MOST)
		return false;
	c = &t->carried[t->n_carried++];
	*c = (struct carried){
		.slot_s = t->slot_s,
		.bytes = {m->bytes[0], m->bytes[1]},
		.pkts = {m->pkts[0], m->pkts[1]},
		.entry = entry * 2 + h->v6,
	};
	l->since = (uint16_t)(l->since + CARRIED_ONE);
	t->carried_packets += (uint64_t)m->pkts[0] + m->pkts[1];
	m->bytes[0] = m->bytes[1] = 0;
	m->pkts[0] = m->pkts[1] = 0;
	h->dirty[entry / 64] &= ~(UINT64_C(1) << entry % 64);
	return true;
}

bool
flowtab_label_waits(struct flowtab *t, struct half *h, uint32_t entry)
{
	struct flow_label *l = &h->label[entry];

	/* a table that fills up has no room for flows that say nothing; those
	 * that are being looked at are few */
	if (t->how != FLOWTAB_SETTLE && !is_due(t, l) &&
	    (l->label != 0 || !flowtab_pressed(t))) {
		if (t->how == FLOWTAB_CARRY && carry(t, h, entry))
			return true;
		if (t->how == FLOWTAB_WAIT) {
			mark_dirty(t, h, entry);
			return true;
		}
	}
	settle(t, h, entry);
	return false;
}

bool
flowtab_label_free(const struct half *h, uint32_t entry)
{
	const struct meta *m = meta_of(h, h->v6, entry);

	return !h->label || (!(m->state & WAITING) &&
	    h->label[entry].since < CARRIED_ONE);
}

/* ---- the carried ------------------------------------------------------- */

static void
hand_out(struct flowtab *t, const struct carried *c, flowtab_row_fn *fn,
    void *ctx)
{
	struct half *h = half_of(t, c->entry);
	uint32_t entry = c->entry / 2;
	struct flowtab_row row = flowtab_row_of(t, h, entry, c->bytes, c->pkts);

	t->held -= (uint64_t)c->pkts[0] + c->pkts[1];
	t->carried_packets -= (uint64_t)c->pkts[0] + c->pkts[1];
	h->label[entry].since = (uint16_t)(h->label[entry].since -
	    CARRIED_ONE);
	meta_of(h, h->v6, entry)->state |= PUBLISHED;
	fn(ctx, &row);
}

bool
flowtab_carried_some(struct flowtab *t, int64_t slot_s, bool all, size_t max,
    flowtab_row_fn *fn, void *ctx)
{
	for (; max > 0 && t->carried_at < t->n_carried; max--) {
		struct carried *c = &t->carried[t->carried_at];
		struct half *h = half_of(t, c->entry);
		uint32_t entry = c->entry / 2;
		bool waits = meta_of(h, h->v6, entry)->state & WAITING;

		if (c->slot_s != slot_s ||
		    (waits && !all && !is_due(t, &h->label[entry]))) {
			t->carried_at++;
			continue;
		}
		if (waits)
			settle(t, h, entry);
		hand_out(t, c, fn, ctx);
		*c = t->carried[--t->n_carried];
	}
	if (t->carried_at < t->n_carried)
		return false;
	t->carried_at = 0;
	return true;
}

uint64_t
flowtab_carried(const struct flowtab *t)
{
	return t->carried_packets;
}

uint32_t
flowtab_n_carried(const struct flowtab *t)
{
	return t->n_carried;
}
