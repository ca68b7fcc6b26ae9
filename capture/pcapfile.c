/* Layout: https://www.tcpdump.org/manpages/pcap-savefile.5.html */
#include "capture/pcapfile.h"

#include <stdio.h>
#include <string.h>

#include "capture/decode_internal.h"

enum { RECORD_HEAD = 16 };

static uint32_t
load32(const uint8_t *p, bool swapped)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return swapped ? __builtin_bswap32(v) : v;
}

/* Either kind of fraction, in this host's byte order or the other. */
static bool
magic(const uint8_t *p, bool *swapped, bool *nano)
{
	enum { MICRO = (int)0xa1b2c3d4, NANO = (int)0xa1b23c4d };

	for (int i = 0; i < 2; i++) {
		int v = (int)load32(p, i == 1);

		if (v != MICRO && v != NANO)
			continue;
		*swapped = i == 1;
		*nano = v == NANO;
		return true;
	}
	return false;
}

bool
pcapfile_knows(const uint8_t head[PCAPFILE_HEAD], int dlt)
{
	bool swapped, nano;
	uint32_t version;

	if (!magic(head, &swapped, &nano))
		return false;
	version = load32(head + 4, swapped);
	/* the two halves, each in its own byte order */
	if (version != (swapped ? 0x00020004u : 0x00040002u))
		return false;
	return dlt == LINK_EN10MB || dlt == LINK_RAW || dlt == LINK_IPV4 ||
	    dlt == LINK_IPV6;
}

void
pcapfile_init(struct pcapfile *f, const uint8_t head[PCAPFILE_HEAD],
    int snapshot, uint8_t *buf, size_t size,
    ssize_t (*read)(void *ctx, char *to, size_t size), void *ctx)
{
	*f = (struct pcapfile){.in = {.buf = buf, .size = size, .read = read,
	    .ctx = ctx}, .snapshot = (uint32_t)snapshot};
	(void)magic(head, &f->swapped, &f->nano);
}

/* The line that libpcap has for it. */
static int
cut(const struct pcapfile *f, const char *what, size_t wanted, size_t got,
    char *error, size_t size)
{
	if (f->in.error != 0)
		(void)snprintf(error, size, "error reading dump file: %s",
		    strerror(-f->in.error));
	else
		(void)snprintf(error, size, "truncated dump file; tried to"
		    " read %zu %s bytes, only got %zu", wanted, what, got);
	return -1;
}

int
pcapfile_next(struct pcapfile *f, struct pcapfile_record *r, char *error,
    size_t error_size)
{
	struct filebuf *in = &f->in;
	const uint8_t *p;
	uint32_t kept, stored;

	if (__builtin_expect(filebuf_have(in) < RECORD_HEAD, 0)) {
		filebuf_fill(in, RECORD_HEAD);
		if (filebuf_have(in) == 0 && in->error == 0)
			return 0;
		if (filebuf_have(in) < RECORD_HEAD)
			return cut(f, "header", RECORD_HEAD, filebuf_have(in),
			    error, error_size);
	}
	p = in->buf + in->at;
	stored = load32(p + 8, f->swapped);
	if (__builtin_expect(stored > PCAPFILE_MOST, 0)) {
		(void)snprintf(error, error_size, "invalid packet capture"
		    " length %u, bigger than %s of %u", stored,
		    stored > f->snapshot ? "snaplen" : "maximum",
		    stored > f->snapshot ? f->snapshot : PCAPFILE_MOST);
		return -1;
	}
	if (__builtin_expect(filebuf_have(in) < RECORD_HEAD + stored, 0)) {
		filebuf_fill(in, RECORD_HEAD + (size_t)stored);
		p = in->buf + in->at;
	}
	/* some wrote more than they had said */
	kept = stored < f->snapshot ? stored : f->snapshot;
	if (__builtin_expect(filebuf_have(in) < RECORD_HEAD + stored, 0)) {
		size_t got = filebuf_have(in) - RECORD_HEAD;

		return cut(f, "captured", got < kept ? kept : stored, got,
		    error, error_size);
	}
	r->time_s = load32(p, f->swapped);
	r->time_ns = load32(p + 4, f->swapped) * (f->nano ? 1u : 1000u);
	r->caplen = kept;
	r->wire_len = load32(p + 12, f->swapped);
	r->data = p + RECORD_HEAD;
	in->at += RECORD_HEAD + (size_t)stored;
	return 1;
}
