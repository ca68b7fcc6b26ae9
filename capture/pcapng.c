/* Layout: draft-ietf-opsawg-pcapng; the lines on errors are libpcap's. */
#include "capture/pcapng.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/decode_internal.h"
#include "common/base/clock.h"

enum block_type {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 2, /* obsolete */
	BLOCK_SIMPLE = 3,
	BLOCK_STATISTICS = 5,
	BLOCK_ENHANCED = 6,
	BLOCK_SECTION = 0x0a0d0d0a,
};

enum {
	OPTION_END = 0,
	OPTION_TSRESOL = 9,
	OPTION_TSOFFSET = 14,
	OPTION_PACKET_DROPS = 4, /* epb_dropcount */
	OPTION_IFACE_DROPS = 5,  /* isb_ifdrop */
	OPTION_OS_DROPS = 7,     /* isb_osdrop */
};

enum {
	BLOCK_HEAD = 8,    /* type, length of all */
	BLOCK_TRAILER = 4, /* length again */
	BLOCK_LEAST = BLOCK_HEAD + BLOCK_TRAILER,
	ORDER_AT = BLOCK_HEAD, /* in a section's header */
	VERSION_AT = 12,
	SECTION_FIXED = 16, /* both, length of the section */
	SECTION_LEAST = BLOCK_LEAST + SECTION_FIXED,
	SECTION_MOST = 1 << 20,
	INTERFACE_FIXED = 8,
	ENHANCED_FIXED = 20,
	SIMPLE_FIXED = 4,
	STATISTICS_FIXED = 12,
	OPTION_HEAD = 4,
	OLD_DROPS_UNKNOWN = UINT16_MAX,
	VERSION_MAJOR = 1,
	BITS_MOST = 63,   /* of a resolution of 2^-n */
	DIGITS_MOST = 19, /* of 10^-n */
};
static_assert((int)SECTION_MOST <= (int)PCAPNG_BUFFER, "whole in the buffer");

static const uint32_t ORDER_MAGIC = 0x1a2b3c4d;

/* More than that no interface lost: such a number is none, as all ones are for
 * "unknown", and sums cannot overflow. */
static const uint64_t LOST_MOST = UINT64_C(1) << 40;

/* What is left of a block's body.  Of packets more may be said to be left than
 * is in the buffer, which has all that is looked at. */
struct body {
	uint32_t type;
	const uint8_t *at;
	size_t left;
};

/* Where one line on an error goes. */
struct line {
	char *text;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static int
fail(const struct line *l, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(l->text, l->size, format, args);
	va_end(args);
	return -1;
}

static int
cut(const struct pcapng *f, size_t wanted, size_t got, const struct line *l)
{
	if (f->in.error != 0)
		return fail(l, "error reading dump file: %s",
		    strerror(-f->in.error));
	return fail(l, "truncated pcapng dump file; tried to read %zu bytes,"
	    " only got %zu", wanted, got);
}

static int
unequal_lengths(const struct line *l)
{
	return fail(l, "block total length in header and trailer don't match");
}

static uint16_t
load16(const struct pcapng *f, const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return f->swapped ? __builtin_bswap16(v) : v;
}

static uint32_t
load32(const struct pcapng *f, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return f->swapped ? __builtin_bswap32(v) : v;
}

static uint64_t
load64(const struct pcapng *f, const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return f->swapped ? __builtin_bswap64(v) : v;
}

/* The next n bytes of a body, NULL when there are less. */
static const uint8_t *
take(struct body *b, size_t n, const struct line *l)
{
	const uint8_t *p = b->at;

	if (b->left < n) {
		(void)fail(l, "block of type %u in pcapng dump file is too"
		    " short", b->type);
		return NULL;
	}
	b->at += n;
	b->left -= n;
	return p;
}

/* ---- blocks -------------------------------------------------------------- */

/* Some of the body beyond the buffer. */
static int
pass_body(struct pcapng *f, const struct line *l)
{
	struct filebuf *in = &f->in;
	size_t n = f->beyond - BLOCK_TRAILER;

	filebuf_fill(in, 1);
	if (filebuf_have(in) < n)
		n = filebuf_have(in);
	if (n == 0)
		return cut(f, f->length - BLOCK_HEAD,
		    f->length - BLOCK_HEAD - f->beyond, l);
	in->at += n;
	f->beyond -= (uint32_t)n;
	return 0;
}

/* Towards the end of the block that was looked at: f->beyond is 0 there. */
static int
pass_block(struct pcapng *f, const struct line *l)
{
	struct filebuf *in = &f->in;
	uint32_t trailer;

	in->at += f->used;
	f->used = 0;
	if (f->beyond == 0)
		return 0;
	if (f->beyond > BLOCK_TRAILER)
		return pass_body(f, l);
	filebuf_fill(in, BLOCK_TRAILER);
	if (filebuf_have(in) < BLOCK_TRAILER)
		return cut(f, f->length - BLOCK_HEAD,
		    f->length - BLOCK_LEAST + filebuf_have(in), l);
	trailer = load32(f, in->buf + in->at);
	in->at += BLOCK_TRAILER;
	f->beyond = 0;
	return trailer == f->length ? 0 : unequal_lengths(l);
}

/* That of the section whose header lies at in.at; false: neither. */
static bool
take_order(struct pcapng *f)
{
	uint32_t magic;

	filebuf_fill(&f->in, VERSION_AT);
	if (filebuf_have(&f->in) < VERSION_AT)
		return false;
	memcpy(&magic, f->in.buf + f->in.at + ORDER_AT, sizeof(magic));
	if (magic != ORDER_MAGIC && magic != __builtin_bswap32(ORDER_MAGIC))
		return false;
	f->swapped = magic != ORDER_MAGIC;
	return true;
}

/* 1 and the next block, or what is in the buffer of it; 0 at the end of the
 * file, -1. */
static int
next_block(struct pcapng *f, struct body *b, const struct line *l)
{
	struct filebuf *in = &f->in;
	const uint8_t *p;
	uint32_t total;

	if (filebuf_have(in) < BLOCK_HEAD)
		filebuf_fill(in, BLOCK_HEAD);
	if (filebuf_have(in) == 0 && in->error == 0)
		return 0;
	if (filebuf_have(in) < BLOCK_HEAD)
		return cut(f, BLOCK_HEAD, filebuf_have(in), l);
	b->type = load32(f, in->buf + in->at);
	if (b->type == BLOCK_SECTION)
		(void)take_order(f);
	total = load32(f, in->buf + in->at + 4);
	if (total < BLOCK_LEAST)
		return fail(l, "block in pcapng dump file has a length of %u <"
		    " %d", total, BLOCK_LEAST);
	if (total % 4 != 0)
		return fail(l, "block in pcapng dump file has a length of %u"
		    " that is not a multiple of 4", total);
	f->length = total;
	f->used = total <= in->size ? total : in->size - BLOCK_TRAILER;
	f->beyond = total - (uint32_t)f->used;
	if (filebuf_have(in) < f->used)
		filebuf_fill(in, f->used);
	p = in->buf + in->at;
	if (filebuf_have(in) < f->used)
		return cut(f, total - BLOCK_HEAD, filebuf_have(in) - BLOCK_HEAD,
		    l);
	if (f->beyond == 0 && load32(f, p + total - BLOCK_TRAILER) != total)
		return unequal_lengths(l);
	b->at = p + BLOCK_HEAD;
	b->left = total - BLOCK_LEAST;
	return 1;
}

/* Another section: with interfaces of its own. */
static int
begin_section(struct pcapng *f, struct body *b, const struct line *l)
{
	const uint8_t *p = take(b, SECTION_FIXED, l);

	if (p == NULL)
		return -1;
	if (load32(f, p) != ORDER_MAGIC)
		return fail(l, "the file has a section with a bad byte order"
		    " magic field");
	if (load16(f, p + 4) != VERSION_MAJOR)
		return fail(l, "unknown pcapng savefile major version number"
		    " %u", load16(f, p + 4));
	f->n_ifaces = 0;
	return PCAPNG_OTHER;
}

/* ---- interfaces ---------------------------------------------------------- */

/* Numbers in files (LINKTYPE_*) that libpcap has others for (DLT_*). */
static int
link_type(uint16_t in_file)
{
	enum { FILE_ATM_RFC1483 = 100, FILE_RAW = 101, FILE_SLIP_BSDOS = 102,
		FILE_PPP_BSDOS = 103, FILE_ATM_CLIP = 106 };
	enum { LINK_SLIP_BSDOS = 15, LINK_PPP_BSDOS = 16 };

	switch (in_file) {
	case FILE_ATM_RFC1483:
		return LINK_ATM_RFC1483;
	case FILE_RAW:
		return LINK_RAW;
	case FILE_SLIP_BSDOS:
		return LINK_SLIP_BSDOS;
	case FILE_PPP_BSDOS:
		return LINK_PPP_BSDOS;
	case FILE_ATM_CLIP:
		return LINK_ATM_CLIP;
	default:
		return in_file;
	}
}

static int
set_resolution(struct pcapng_iface *i, uint8_t v, const struct line *l)
{
	i->bits = 0;
	i->per_s = 1;
	if (v & 0x80) {
		v &= 0x7f;
		if (v > BITS_MOST)
			return fail(l, "Interface Description Block if_tsresol"
			    " option resolution 2^-%u is too high", v);
		i->bits = v;
		i->per_s <<= v;
		return 0;
	}
	if (v > DIGITS_MOST)
		return fail(l, "Interface Description Block if_tsresol option"
		    " resolution 10^-%u is too high", v);
	while (v-- > 0)
		i->per_s *= 10;
	return 0;
}

/* An option must have one length, and stand there once. */
static int
check_option(const char *name, uint16_t length, uint16_t wanted, bool *seen,
    const struct line *l)
{
	if (length != wanted)
		return fail(l, "Interface Description Block has %s option with"
		    " length %u != %u", name, length, wanted);
	if (*seen)
		return fail(l, "Interface Description Block has more than one"
		    " %s option", name);
	*seen = true;
	return 0;
}

static int
take_options(const struct pcapng *f, struct pcapng_iface *i, struct body *b,
    const struct line *l)
{
	bool tsresol = false, tsoffset = false;

	while (b->left > 0) {
		const uint8_t *head = take(b, 4, l), *value;
		uint16_t code, length;
		int rc = 0;

		if (head == NULL)
			return -1;
		code = load16(f, head);
		length = load16(f, head + 2);
		value = take(b, ((size_t)length + 3) & ~(size_t)3, l);
		if (value == NULL)
			return -1;
		if (code == OPTION_END && length != 0)
			return fail(l, "Interface Description Block has"
			    " opt_endofopt option with length %u != 0", length);
		if (code == OPTION_END)
			return 0;
		if (code == OPTION_TSRESOL) {
			rc = check_option("if_tsresol", length, 1, &tsresol, l);
			if (rc == 0)
				rc = set_resolution(i, *value, l);
		} else if (code == OPTION_TSOFFSET) {
			rc = check_option("if_tsoffset", length, 8, &tsoffset,
			    l);
			if (rc == 0)
				i->offset_s = (int64_t)load64(f, value);
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int
add_iface(struct pcapng *f, struct body *b, const struct line *l)
{
	struct pcapng_iface *list, i = {.per_s = 1000000};
	const uint8_t *p = take(b, INTERFACE_FIXED, l);

	if (p == NULL)
		return -1;
	if (f->beyond > 0)
		return fail(l, "pcapng block size %u > maximum %zu", f->length,
		    f->in.size);
	i.dlt = link_type(load16(f, p));
	i.snaplen = load32(f, p + 4);
	if (take_options(f, &i, b, l) < 0)
		return -1;
	if (f->n_ifaces == PCAPNG_IFACES_MOST)
		return fail(l, "more than %d interfaces in a section",
		    PCAPNG_IFACES_MOST);
	if (f->n_ifaces == f->cap_ifaces) {
		f->cap_ifaces = f->cap_ifaces ? 2 * f->cap_ifaces : 4;
		list = realloc(f->iface, f->cap_ifaces * sizeof(*list));
		if (list == NULL)
			return fail(l, "out of memory");
		f->iface = list;
	}
	f->iface[f->n_ifaces++] = i;
	f->described = true;
	return PCAPNG_OTHER;
}

/* ---- what was lost ------------------------------------------------------- */

/* The next option of a block where libpcap looks at none, so that nothing in
 * them can be an error; false: no more. */
static bool
next_option(const struct pcapng *f, struct body *b, uint16_t *code,
    uint64_t *number)
{
	size_t length;

	if (f->beyond > 0 || b->left < OPTION_HEAD)
		return false;
	*code = load16(f, b->at);
	length = load16(f, b->at + 2);
	if (*code == OPTION_END || length > b->left - OPTION_HEAD)
		return false;
	*number = length == 8 ? load64(f, b->at + OPTION_HEAD) : UINT64_MAX;
	length = (length + OPTION_HEAD + 3) & ~(size_t)3;
	b->at += length; /* blocks are multiples of four */
	b->left -= length;
	return true;
}

/* How much a count has grown; one that begins anew begins at 0. */
static uint64_t
growth(uint64_t told, uint64_t now)
{
	return now >= told ? now - told : now;
}

/* What statistics and packets both tell counts once. */
static uint64_t
without(uint64_t *between, uint64_t more)
{
	uint64_t known = *between < more ? *between : more;

	*between -= known;
	return more - known;
}

static int
take_statistics(struct pcapng *f, struct body *b)
{
	struct pcapng_iface *i;
	struct pcapng_lost now;
	uint64_t number;
	uint16_t code;

	if (b->left < STATISTICS_FIXED || load32(f, b->at) >= f->n_ifaces)
		return PCAPNG_OTHER;
	i = &f->iface[load32(f, b->at)];
	b->at += STATISTICS_FIXED;
	b->left -= STATISTICS_FIXED;
	now = i->told;
	while (next_option(f, b, &code, &number)) {
		if (code == OPTION_OS_DROPS && number <= LOST_MOST)
			now.kernel = number;
		else if (code == OPTION_IFACE_DROPS && number <= LOST_MOST)
			now.iface = number;
	}
	f->lost.kernel += without(&i->between,
	    growth(i->told.kernel, now.kernel));
	f->lost.iface += without(&i->between,
	    growth(i->told.iface, now.iface));
	i->told = now;
	return PCAPNG_OTHER;
}

static void
lost_between(struct pcapng *f, uint32_t iface, uint64_t n)
{
	if (n > LOST_MOST)
		return;
	f->iface[iface].between += n;
	f->lost.kernel += n;
}

/* Of a packet block the options, behind its padded data. */
static void
take_packet_options(struct pcapng *f, uint32_t iface, struct body *b,
    size_t padding)
{
	uint64_t number;
	uint16_t code;

	if (b->left <= padding)
		return;
	b->at += padding;
	b->left -= padding;
	while (next_option(f, b, &code, &number))
		if (code == OPTION_PACKET_DROPS)
			lost_between(f, iface, number);
}

/* ---- packets ------------------------------------------------------------- */

static void
set_time(struct pcapng_packet *p, const struct pcapng_iface *i, uint64_t units)
{
	enum { BITS = 34 }; /* times GP_NS_PER_S are 64 */
	uint64_t part = units % i->per_s;

	p->time_s = (int64_t)(units / i->per_s + (uint64_t)i->offset_s);
	if (i->bits > BITS)
		part = (part >> (i->bits - BITS)) * GP_NS_PER_S >> BITS;
	else if (i->bits > 0)
		part = part * GP_NS_PER_S >> i->bits;
	else if (i->per_s <= GP_NS_PER_S)
		part *= GP_NS_PER_S / i->per_s;
	else
		part /= i->per_s / GP_NS_PER_S;
	p->time_ns = (uint32_t)part;
}

/* Netfilter's attributes are in the byte order of the host that wrote them,
 * decode.h has them in that of this one, as libpcap makes them. */
static void
mend_nflog(uint8_t *data, size_t caplen, size_t wire_len)
{
	size_t n = caplen < wire_len ? caplen : wire_len, at = 4, size;

	if (n < at || data[1] != 0)
		return;
	for (; caplen - at >= 4; at += size) {
		uint16_t v[2];

		memcpy(v, data + at, sizeof(v));
		v[0] = __builtin_bswap16(v[0]);
		v[1] = __builtin_bswap16(v[1]);
		memcpy(data + at, v, sizeof(v));
		size = ((size_t)v[0] + 3) & ~(size_t)3;
		if (size < 4 || n - at < size)
			return;
	}
}

/* The packet of b, from the interface of that number. */
static int
finish_packet(struct pcapng *f, uint32_t number, uint64_t units,
    struct body *b, struct pcapng_packet *p, const struct line *l)
{
	const struct pcapng_iface *i;

	if (number >= f->n_ifaces)
		return fail(l, "a packet arrived on interface %u, but there's no"
		    " Interface Description Block for that interface", number);
	i = &f->iface[number];
	if (b->type == BLOCK_SIMPLE && i->snaplen > 0 && p->caplen > i->snaplen)
		p->caplen = i->snaplen;
	p->data = take(b, p->caplen, l);
	if (p->data == NULL)
		return -1;
	if (p->caplen > PCAPNG_PACKET_MOST)
		p->caplen = PCAPNG_PACKET_MOST;
	p->dlt = i->dlt;
	set_time(p, i, units);
	if (f->swapped && p->dlt == LINK_NFLOG)
		mend_nflog(f->in.buf + (p->data - f->in.buf), p->caplen,
		    p->wire_len);
	return PCAPNG_PACKET;
}

/* Without a time stamp, and from the first interface. */
static int
simple_packet(struct pcapng *f, struct body *b, struct pcapng_packet *p,
    const struct line *l)
{
	const uint8_t *head = take(b, SIMPLE_FIXED, l);

	if (head == NULL)
		return -1;
	p->caplen = p->wire_len = load32(f, head);
	return finish_packet(f, 0, 0, b, p, l);
}

static int
packet(struct pcapng *f, struct body *b, struct pcapng_packet *p,
    const struct line *l)
{
	const uint8_t *head = take(b, ENHANCED_FIXED, l);
	bool old = b->type == BLOCK_PACKET;
	uint32_t number, kept;
	int rc;

	if (head == NULL)
		return -1;
	/* the obsolete one has a count of drops behind a shorter number */
	number = old ? load16(f, head) : load32(f, head);
	p->caplen = kept = load32(f, head + 12);
	p->wire_len = load32(f, head + 16);
	rc = finish_packet(f, number, (uint64_t)load32(f, head + 4) << 32 |
	    load32(f, head + 8), b, p, l);
	if (rc < 0)
		return rc;
	if (!old)
		take_packet_options(f, number, b, -kept % 4);
	else if (load16(f, head + 2) != OLD_DROPS_UNKNOWN)
		lost_between(f, number, load16(f, head + 2));
	return rc;
}

/* ---- the file ------------------------------------------------------------ */

bool
pcapng_knows(const uint8_t head[PCAPNG_HEAD])
{
	uint32_t type;

	memcpy(&type, head, sizeof(type)); /* reads alike in either order */
	return type == BLOCK_SECTION;
}

void
pcapng_init(struct pcapng *f, uint8_t *buf, size_t size, size_t have,
    ssize_t (*read)(void *ctx, char *to, size_t size), void *ctx)
{
	*f = (struct pcapng){.in = {.buf = buf, .size = size, .end = have,
	    .read = read, .ctx = ctx}};
}

void
pcapng_fini(struct pcapng *f)
{
	free(f->iface);
	f->iface = NULL;
}

/* The trailer of this block nobody minds. */
int
pcapng_open(struct pcapng *f, char *error, size_t error_size)
{
	const struct line l = {error, error_size};
	struct filebuf *in = &f->in;
	uint16_t major, minor;
	uint32_t total;

	if (!take_order(f))
		return in->error != 0 ? cut(f, 0, 0, &l) :
		    fail(&l, "unknown file format");
	total = load32(f, in->buf + in->at + 4);
	if (total < SECTION_LEAST || total > SECTION_MOST)
		return fail(&l, "Section Header Block in pcapng dump file has"
		    " invalid length %d < _%u_ < %d (BT_SHB_INSANE_MAX)",
		    SECTION_LEAST, total, SECTION_MOST);
	filebuf_fill(in, total);
	if (filebuf_have(in) < total)
		return cut(f, total - VERSION_AT,
		    filebuf_have(in) - VERSION_AT, &l);
	major = load16(f, in->buf + in->at + VERSION_AT);
	minor = load16(f, in->buf + in->at + VERSION_AT + 2);
	if (major != VERSION_MAJOR || (minor != 0 && minor != 2))
		return fail(&l, "unsupported pcapng savefile version %u.%u",
		    major, minor);
	f->used = total;
	return 0;
}

int
pcapng_next(struct pcapng *f, struct pcapng_packet *p, char *error,
    size_t error_size)
{
	const struct line l = {error, error_size};
	struct body b;
	int rc = pass_block(f, &l);

	if (rc < 0)
		return -1;
	if (f->beyond > 0)
		return PCAPNG_OTHER;
	rc = next_block(f, &b, &l);
	if (rc == 0 && !f->described)
		return fail(&l, "the capture file has no Interface Description"
		    " Blocks");
	if (rc <= 0)
		return rc;
	switch (b.type) {
	case BLOCK_ENHANCED:
	case BLOCK_PACKET:
	case BLOCK_SIMPLE:
		if (!f->described)
			return fail(&l, "the capture file has a packet block"
			    " before any Interface Description Blocks");
		return b.type == BLOCK_SIMPLE ? simple_packet(f, &b, p, &l) :
		    packet(f, &b, p, &l);
	case BLOCK_INTERFACE:
		return add_iface(f, &b, &l);
	case BLOCK_STATISTICS:
		return take_statistics(f, &b);
	case BLOCK_SECTION:
		return begin_section(f, &b, &l);
	default:
		return PCAPNG_OTHER;
	}
}
