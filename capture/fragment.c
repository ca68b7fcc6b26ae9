#include "capture/fragment.h"

#include <string.h>

void
fragment_init(struct fragment_cache *c, const struct gp_hash_key *key)
{
	memset(c, 0, sizeof(*c));
	c->key = *key;
}

static struct fragment_entry *
set_of(struct fragment_cache *c, const struct decode_packet *p)
{
	uint64_t w[6] = {0};
	size_t n = p->version == 6 ? 16 : 4;
	uint64_t h;

	memcpy(w, p->src, n);
	memcpy(w + 2, p->dst, n);
	w[4] = p->frag_id;
	w[5] = (uint64_t)p->frag_next << 8 | p->version;
	h = gp_hash_words(&c->key, w, 6) % (FRAGMENT_ENTRIES / FRAGMENT_WAYS);
	return &c->entry[h * FRAGMENT_WAYS];
}

static bool
same(const struct fragment_entry *e, const struct decode_packet *p)
{
	size_t n = p->version == 6 ? 16 : 4;

	return e->version == p->version && e->next == p->frag_next &&
	    e->id == p->frag_id && memcmp(e->src, p->src, n) == 0 &&
	    memcmp(e->dst, p->dst, n) == 0;
}

static uint32_t
age(const struct fragment_entry *e, uint32_t now_s)
{
	return now_s > e->seen_s ? now_s - e->seen_s : e->seen_s - now_s;
}

/* Its own older entry, a free one, else the one furthest from now. */
static struct fragment_entry *
victim(struct fragment_entry *set, const struct decode_packet *p,
    uint32_t now_s)
{
	struct fragment_entry *worst = set;

	for (unsigned i = 0; i < FRAGMENT_WAYS; i++) {
		if (same(&set[i], p))
			return &set[i];
		if (worst->version == 0)
			continue;
		if (set[i].version == 0 || age(&set[i], now_s) >
		    age(worst, now_s))
			worst = &set[i];
	}
	return worst;
}

static void
remember(struct fragment_entry *e, const struct decode_packet *p,
    uint32_t now_s)
{
	size_t n = p->version == 6 ? 16 : 4;

	memset(e, 0, sizeof(*e));
	memcpy(e->src, p->src, n);
	memcpy(e->dst, p->dst, n);
	e->id = p->frag_id;
	e->seen_s = now_s;
	e->sport = p->sport;
	e->dport = p->dport;
	e->next = p->frag_next;
	e->proto = p->proto;
	e->version = p->version;
	e->has_ports = p->flags & DECODE_HAS_PORTS;
}

static void
forget(struct fragment_entry *set, const struct decode_packet *p)
{
	for (unsigned i = 0; i < FRAGMENT_WAYS; i++)
		if (same(&set[i], p))
			set[i].version = 0;
}

static void
recall(const struct fragment_entry *set, struct decode_packet *p,
    uint32_t now_s)
{
	for (unsigned i = 0; i < FRAGMENT_WAYS; i++) {
		if (!same(&set[i], p))
			continue;
		if (age(&set[i], now_s) > FRAGMENT_TTL_S)
			return;
		p->proto = set[i].proto;
		if (!set[i].has_ports)
			return;
		p->sport = set[i].sport;
		p->dport = set[i].dport;
		p->flags |= DECODE_HAS_PORTS;
		return;
	}
}

void
fragment_track(struct fragment_cache *c, struct decode_packet *p,
    uint32_t now_s)
{
	struct fragment_entry *set;

	if (!(p->flags & (DECODE_FRAG_FIRST | DECODE_FRAG_LATER)))
		return;
	set = set_of(c, p);
	if (p->flags & DECODE_FRAG_LATER)
		recall(set, p, now_s);
	else if ((p->flags & DECODE_HAS_PORTS) || p->proto != p->frag_next)
		remember(victim(set, p, now_s), p, now_s);
	else
		forget(set, p); /* what is known is of an older datagram */
}
