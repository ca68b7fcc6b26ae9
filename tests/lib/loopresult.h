/*
 * loopresult - what a loop under test put into its ring, summed by block;
 * result_note() is a reader's (reader.h).
 */
#ifndef TESTS_LOOPRESULT_H
#define TESTS_LOOPRESULT_H

#include "capture/loop.h"
#include "tests/lib/reader.h"
#include "tests/tap.h"

enum { SEEN_BLOCKS = 64 };

struct result {
	pthread_mutex_t lock;
	struct {
		int64_t slot_s;
		uint64_t packets, seen, non_ip, malformed, clamped, late;
		uint64_t non_ip_bytes, malformed_bytes;
		unsigned frames, ends;
		uint32_t flags;
		int64_t first_ns, last_ns;
	} block[SEEN_BLOCKS];
	size_t n_blocks;
	unsigned lasts;
	uint64_t packets, rcvd, sent, bytes_rcvd, bytes_sent, seen, drops;
	uint64_t seen_bytes, non_ip, malformed, other_bytes;
	uint64_t iface_drops, clamped;
	int64_t real_begin_ns, real_end_ns; /* of all intervals */
	unsigned gaps; /* intervals that do not meet */
	unsigned uneven; /* that are longer by one clock than by another */
	unsigned rows;
	unsigned named; /* rows that have an application's name */
	unsigned from_2; /* rows whose client is 0.0.0.2 */
	unsigned early; /* ENDs of a block that more rows followed */
	int64_t ended_s; /* the newest block with its END */
};

static size_t
block_at(struct result *r, int64_t slot_s)
{
	for (size_t i = 0; i < r->n_blocks; i++)
		if (r->block[i].slot_s == slot_s)
			return i;
	r->block[r->n_blocks].slot_s = slot_s;
	r->block[r->n_blocks].first_ns = INT64_MAX;
	r->n_blocks += r->n_blocks < SEEN_BLOCKS - 1;
	return r->n_blocks - 1;
}

static void
add_row(struct result *r, size_t i, const uint64_t c[4])
{
	r->block[i].packets += c[FRAME_PKTS_RCVD] + c[FRAME_PKTS_SENT];
	r->packets += c[FRAME_PKTS_RCVD] + c[FRAME_PKTS_SENT];
	r->rcvd += c[FRAME_PKTS_RCVD];
	r->sent += c[FRAME_PKTS_SENT];
	r->bytes_rcvd += c[FRAME_BYTES_RCVD];
	r->bytes_sent += c[FRAME_BYTES_SENT];
}

static bool
is_uneven(const struct frame_header *h)
{
	int64_t by_ns = h->last_real_ns - h->first_real_ns -
	    (h->last_boot_ns - h->first_boot_ns);

	return by_ns > INT64_C(1000000000) || by_ns < -INT64_C(1000000000);
}

static void
result_note(void *ctx, const struct frame_header *h)
{
	struct result *r = ctx;
	size_t i;

	pthread_mutex_lock(&r->lock);
	i = block_at(r, h->slot_s);
	r->block[i].frames++;
	r->block[i].flags |= h->flags;
	r->block[i].seen += h->counters.seen;
	r->block[i].non_ip += h->counters.non_ip;
	r->block[i].non_ip_bytes += h->counters.non_ip_bytes;
	r->block[i].malformed += h->counters.malformed;
	r->block[i].malformed_bytes += h->counters.malformed_bytes;
	r->block[i].clamped += h->counters.time_clamped;
	r->block[i].late += h->counters.late;
	if (h->first_real_ns < r->block[i].first_ns)
		r->block[i].first_ns = h->first_real_ns;
	if (h->last_real_ns > r->block[i].last_ns)
		r->block[i].last_ns = h->last_real_ns;
	r->early += (h->n4 || h->n6) && h->slot_s <= r->ended_s;
	r->block[i].ends += h->kind == FRAME_END;
	if (h->kind == FRAME_END)
		r->ended_s = h->slot_s;
	r->lasts += h->kind == FRAME_LAST;
	r->seen += h->counters.seen;
	r->seen_bytes += h->counters.seen_bytes;
	r->drops += h->counters.kernel_drops;
	r->iface_drops += h->counters.iface_drops;
	r->non_ip += h->counters.non_ip;
	r->malformed += h->counters.malformed;
	r->other_bytes += h->counters.non_ip_bytes +
	    h->counters.malformed_bytes;
	r->clamped += h->counters.time_clamped;
	if (r->real_begin_ns == 0)
		r->real_begin_ns = h->first_real_ns;
	if (r->real_end_ns != 0 && h->first_real_ns != r->real_end_ns &&
	    h->last_real_ns != r->real_end_ns)
		r->gaps++;
	r->real_end_ns = h->last_real_ns;
	r->uneven += is_uneven(h);
	r->rows += h->n4 + h->n6;
	for (uint32_t k = 0; k < h->n4; k++) {
		const struct frame_row4 *row = &frame_rows4(h)[k];

		add_row(r, i, row->counter);
		r->from_2 += memcmp(row->sip, "\0\0\0\2", 4) == 0;
		r->named += strcmp(frame_names(h)[row->l7].name, "Unknown") != 0;
	}
	for (uint32_t k = 0; k < h->n6; k++)
		add_row(r, i, frame_rows6(h)[k].counter);
	pthread_mutex_unlock(&r->lock);
}

static struct result *
result_new(void)
{
	struct result *r = calloc(1, sizeof(*r));

	pthread_mutex_init(&r->lock, NULL);
	return r;
}

/* Seen is rows, non-IP and malformed, in packets and in bytes; and what the
 * frames say is what the process says at its end. */
__attribute__((unused)) static bool
closes(const struct loop_totals *t, const struct result *r)
{
	return t->seen == r->packets + t->non_ip + t->malformed &&
	    t->seen == r->seen && t->published == t->seen && t->pending == 0 &&
	    t->seen_bytes == r->bytes_rcvd + r->bytes_sent + r->other_bytes &&
	    t->seen_bytes == r->seen_bytes && t->non_ip == r->non_ip &&
	    t->malformed == r->malformed &&
	    t->time_clamped == r->clamped && t->kernel_drops == r->drops &&
	    t->iface_drops == r->iface_drops;
}

#endif
