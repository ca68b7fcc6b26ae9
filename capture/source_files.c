/*
 * Capture files, one after the other: pcapng by pcapng.c, the plainest of the
 * others by pcapfile.c, the rest by libpcap.
 *
 * A libpcap trap met here: pcap_close() on a savefile closes the descriptor,
 * so files are read through a cookie stream that has no close, and that stops
 * behind a file's first header, so that pcapfile.c can go on from there.
 */
#include "capture/source_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "capture/decode.h"
#include "common/base/clock.h"

#define LINK_TYPES 512 /* beyond the largest that decode knows */
#define UNUSABLE   (-100) /* no error of libpcap's */

int
source_open_files(struct source **out, const struct source_file *files,
    size_t n, bool (*idle)(void *ctx, int fd), void *ctx,
    char error[SOURCE_ERROR_MAX])
{
	struct source *s = source_new();

	if (s)
		s->file = calloc(n ? n : 1, sizeof(s->file[0]));
	if (!s || !s->file)
		goto out_of_memory;
	s->idle = idle;
	s->idle_ctx = ctx;
	for (size_t i = 0; i < n; i++) {
		struct file *f = &s->file[i];
		struct stat st;
		int rc;

		f->fd = files[i].fd;
		f->name = strdup(files[i].name);
		if (!f->name)
			goto out_of_memory;
		s->n_files++;
		rc = fstat(f->fd, &st) != 0 ? -errno
		    : S_ISDIR(st.st_mode)   ? -EISDIR : 0;
		if (rc != 0) {
			snprintf(error, SOURCE_ERROR_MAX, "%s: %s", f->name,
			    strerror(-rc));
			source_close(s);
			return rc;
		}
		f->start = S_ISREG(st.st_mode) ? lseek(f->fd, 0, SEEK_CUR)
		                               : -1;
		if (f->start >= 0 && st.st_size > f->start)
			f->bytes = (uint64_t)(st.st_size - f->start);
	}
	s->handle[0].dlt = -1;
	s->n_handles = 1;
	*out = s;
	return 0;
out_of_memory:
	snprintf(error, SOURCE_ERROR_MAX, "capture files: out of memory");
	source_close(s);
	return -ENOMEM;
}

/* Some words (inbound, ifindex) are compiled into loads of what the kernel
 * knows of a packet that it hands out; a file has nothing there, and such a
 * load ends the program as if the packet did not match. */
static bool
asks_kernel(const struct bpf_program *prog)
{
	for (u_int i = 0; i < prog->bf_len; i++) {
		const struct bpf_insn *in = &prog->bf_insns[i];

		if (BPF_CLASS(in->code) == BPF_LD &&
		    BPF_MODE(in->code) == BPF_ABS &&
		    in->k >= (bpf_u_int32)SKF_AD_OFF)
			return true;
	}
	return false;
}

static bool
compile_for_link(struct source *s, int dlt, const char *text, char *why,
    size_t size)
{
	struct link_filter *f = &s->filter[s->n_filters];
	pcap_t *p = pcap_open_dead(dlt, 65535);
	bool fine = p && pcap_compile(p, &f->prog, text, 1,
				 PCAP_NETMASK_UNKNOWN) == 0;

	if (fine && asks_kernel(&f->prog)) {
		pcap_freecode(&f->prog);
	} else if (fine) {
		f->dlt = dlt;
		s->n_filters++;
	} else {
		snprintf(why, size, "%s", p ? pcap_geterr(p)
		                            : "out of memory");
	}
	if (p)
		pcap_close(p);
	return fine;
}

int
source_filter_files(struct source *s, const char *name, const char *filter,
    char error[SOURCE_ERROR_MAX])
{
	char why[PCAP_ERRBUF_SIZE];

	s->filter = calloc(LINK_TYPES, sizeof(s->filter[0]));
	if (!s->filter) {
		snprintf(error, SOURCE_ERROR_MAX, "%s: out of memory", name);
		return -ENOMEM;
	}
	for (int dlt = 0; dlt < LINK_TYPES; dlt++)
		if (decode_knows(dlt) &&
		    !compile_for_link(s, dlt, filter, why, sizeof(why)) &&
		    dlt == DLT_EN10MB) {
			source_say_filter(error, name, why, filter);
			return -EINVAL;
		}
	return 0;
}

/* For packets of this link type.  libpcap is not told: it would read on until
 * enough had passed, for as long as that takes. */
static bool
set_filter(struct source *s, int dlt)
{
	s->filter_now = NULL;
	for (size_t i = 0; i < s->n_filters; i++)
		if (s->filter[i].dlt == dlt)
			s->filter_now = &s->filter[i].prog;
	if (s->filter && !s->filter_now)
		return false;
	s->filter_dlt = dlt;
	return true;
}

bool
source_seekable(const struct source *s)
{
	for (size_t i = 0; i < s->n_files; i++)
		if (s->file[i].start < 0)
			return false;
	return true;
}

/* Bytes of the current file. */
static ssize_t
read_more(void *ctx, char *buf, size_t size)
{
	struct source *s = ctx;
	struct file *f = &s->file[s->at];
	ssize_t n;

	do {
		if (f->start < 0 && s->idle && !s->idle(s->idle_ctx, f->fd))
			return 0;
		n = read(f->fd, buf, size);
	} while (n < 0 && (errno == EINTR || (errno == EAGAIN && s->idle)));
	if (n > 0)
		f->done += (uint64_t)n;
	return n;
}

/* Until that many bytes of its head are there, or no more come: then what
 * read_more() said. */
static ssize_t
read_head(struct source *s, size_t need)
{
	ssize_t n = 1;

	while (n > 0 && s->n_head < need) {
		n = read_more(s, (char *)s->head + s->n_head,
		    need - s->n_head);
		s->n_head += n > 0 ? (size_t)n : 0;
	}
	return n;
}

/* For libpcap: the head, and what follows it. */
static ssize_t
cookie_read(void *cookie, char *buf, size_t size)
{
	struct source *s = cookie;
	ssize_t n;

	if (s->handed == sizeof(s->head))
		return read_more(s, buf, size);
	n = read_head(s, sizeof(s->head));
	if (s->handed == s->n_head)
		return n;
	if (size > s->n_head - s->handed)
		size = s->n_head - s->handed;
	memcpy(buf, s->head + s->handed, size);
	s->handed += size;
	return (ssize_t)size;
}

static void
say_file(struct source *s, const char *text)
{
	snprintf(s->error, sizeof(s->error), "%s: %s", s->file[s->at].name,
	    text);
}

/* gzip, zstd, LZ4, bzip2, xz */
static bool
is_compressed(const uint8_t *head, size_t n)
{
	static const struct {
		uint8_t n, bytes[4];
	} magic[] = {{2, {0x1f, 0x8b}}, {4, {0x28, 0xb5, 0x2f, 0xfd}},
		{4, {0x04, 0x22, 0x4d, 0x18}}, {3, "BZh"},
		{4, {0xfd, '7', 'z', 'X'}}};

	for (size_t i = 0; i < sizeof(magic) / sizeof(magic[0]); i++)
		if (n >= magic[i].n &&
		    memcmp(head, magic[i].bytes, magic[i].n) == 0)
			return true;
	return false;
}

/* Has libpcap open the current file. */
static bool
open_by_libpcap(struct source *s)
{
	static const cookie_io_functions_t io = {.read = cookie_read};
	char text[PCAP_ERRBUF_SIZE] = "";
	struct handle *h = &s->handle[0];
	FILE *fp = fopencookie(s, "r", io);

	if (!fp) {
		say_file(s, "out of memory");
		return false;
	}
	setvbuf(fp, s->buffer, _IOFBF, sizeof(s->buffer));
	/* two reads a packet, each of which would take the stream's lock */
	(void)__fsetlocking(fp, FSETLOCKING_BYCALLER);
	h->pcap = pcap_fopen_offline_with_tstamp_precision(fp,
	    PCAP_TSTAMP_PRECISION_NANO, text);
	if (!h->pcap) {
		say_file(s, is_compressed(s->head, s->n_head) ?
		    "compressed: give what it unpacks to, as zcat FILE | "
		    "goprobe -r - does" : text);
		fclose(fp);
		return false;
	}
	h->dlt = pcap_datalink(h->pcap);
	s->reader = READER_LIBPCAP;
	/* what libpcap has read by now is the header, to the byte */
	if (s->handed == sizeof(s->head) && pcapfile_knows(s->head, h->dlt)) {
		s->reader = READER_PCAPFILE;
		pcapfile_init(&s->records, s->head, pcap_snapshot(h->pcap),
		    (uint8_t *)s->buffer, sizeof(s->buffer), read_more, s);
	}
	return true;
}

static bool
open_pcapng(struct source *s)
{
	char text[PCAP_ERRBUF_SIZE];

	memcpy(s->buffer, s->head, s->n_head);
	pcapng_init(&s->ng, (uint8_t *)s->buffer, sizeof(s->buffer), s->n_head,
	    read_more, s);
	if (pcapng_open(&s->ng, text, sizeof(text)) < 0) {
		say_file(s, text);
		return false;
	}
	s->reader = READER_PCAPNG;
	return true;
}

/* A remark is due on a link type that is not decoded, once a file. */
static void
note_link(struct source *s, int dlt)
{
	if (decode_knows(dlt) || s->n_remarked == SOURCE_REMARKS)
		return;
	for (size_t i = 0; i < s->n_remarked; i++)
		if (s->remarked[i] == dlt)
			return;
	s->remarked[s->n_remarked++] = dlt;
	s->foreign = true;
}

/* The packets that follow are of this link type. */
static bool
change_link(struct source *s, int dlt)
{
	if (!set_filter(s, dlt)) {
		say_file(s, "the filter means nothing for its link type");
		return false;
	}
	note_link(s, dlt);
	return true;
}

/* Opens the current file; its first bytes are parsed here. */
static bool
file_start(struct source *s)
{
	s->n_head = s->handed = s->n_remarked = 0;
	s->filter_dlt = -1;
	(void)read_head(s, PCAPNG_HEAD);
	if (s->n_head == PCAPNG_HEAD && pcapng_knows(s->head))
		return open_pcapng(s);
	return open_by_libpcap(s) && change_link(s, s->handle[0].dlt);
}

static enum source_result
file_finish(struct source *s, enum source_result unhappy)
{
	struct handle *h = &s->handle[0];

	if (h->pcap)
		pcap_close(h->pcap);
	pcapng_fini(&s->ng);
	h->pcap = NULL;
	h->dlt = -1;
	s->reader = READER_NONE;
	s->foreign = false;
	s->at++;
	if (unhappy != SOURCE_OK)
		return unhappy;
	return s->at < s->n_files ? SOURCE_NEXT : SOURCE_END;
}

/* What a record or block holds. */
static void
hand_out(struct source *s, const struct source_packet *p)
{
	if (s->filter_now && bpf_filter(s->filter_now->bf_insns, p->data,
		p->wire_len, p->caplen) == 0)
		return;
	s->handle[0].read++;
	s->n++;
	s->fn(s->ctx, p);
}

/* As pcap_dispatch(), but that `max` counts what is filtered away, too, and 0
 * is the end of the file. */
static int
read_records(struct source *s, unsigned max)
{
	struct pcapfile_record r;
	char text[PCAP_ERRBUF_SIZE];

	for (unsigned i = 0; i < max; i++) {
		int rc = pcapfile_next(&s->records, &r, text, sizeof(text));
		struct source_packet p = {
			.time_s = r.time_s,
			.time_ns = r.time_ns < GP_NS_PER_S ? r.time_ns : 0,
			.caplen = r.caplen,
			.wire_len = r.wire_len,
			.data = r.data,
			.dlt = s->handle[0].dlt,
		};

		if (rc < 0)
			say_file(s, text);
		if (rc <= 0)
			return rc;
		hand_out(s, &p);
	}
	return 1;
}

/* What the file says was lost, and whether it does. */
static bool
note_lost(struct source *s)
{
	struct pcapng_lost *lost = &s->ng.lost;
	bool any = lost->kernel > 0 || lost->iface > 0;

	s->handle[0].drops += lost->kernel;
	s->iface_drops += lost->iface;
	*lost = (struct pcapng_lost){0, 0};
	return any;
}

/* The same, but that a turn also ends by the bytes, of which a block may have
 * any number, and behind what tells of losses, so that they can be put where
 * it stands.  UNUSABLE: no capture, or the filter means nothing for its first
 * packet. */
static int
read_blocks(struct source *s, unsigned max)
{
	enum { TURN_BYTES = 16 << 20 };
	const uint64_t enough = s->file[s->at].done + TURN_BYTES;
	const size_t remarked = s->n_remarked;
	struct pcapng_packet b;
	char text[PCAP_ERRBUF_SIZE];

	for (unsigned i = 0; i < max && s->file[s->at].done < enough; i++) {
		int rc = pcapng_next(&s->ng, &b, text, sizeof(text));

		if (rc < 0)
			say_file(s, text);
		if (rc == PCAPNG_OTHER && note_lost(s))
			return 1;
		if (rc == PCAPNG_OTHER)
			continue;
		if (rc != PCAPNG_PACKET)
			return rc < 0 && !s->ng.described ? UNUSABLE : rc;
		if (b.dlt != s->filter_dlt && !change_link(s, b.dlt))
			return s->filter_dlt < 0 ? UNUSABLE : -1;
		hand_out(s, &(struct source_packet){
			.time_s = b.time_s,
			.time_ns = b.time_ns,
			.caplen = b.caplen,
			.wire_len = b.wire_len,
			.data = b.data,
			.dlt = b.dlt,
		});
		if (note_lost(s) || s->n_remarked > remarked)
			return 1; /* back for that */
	}
	return 1;
}

static int
read_by_libpcap(struct source *s, unsigned max)
{
	pcap_t *p = s->handle[0].pcap;
	int got = pcap_dispatch(p, (int)max, source_take, (u_char *)s);

	if (got < 0)
		say_file(s, pcap_geterr(p));
	return got;
}

enum source_result
source_files_read(struct source *s, unsigned max)
{
	int got;

	if (source_at_end(s))
		return SOURCE_END;
	if (s->reader == READER_NONE) {
		if (!file_start(s))
			return file_finish(s, SOURCE_UNREADABLE);
		if (s->foreign) /* back for the remark, before its end */
			return SOURCE_OK;
	}
	got = s->reader == READER_PCAPNG   ? read_blocks(s, max)
	    : s->reader == READER_PCAPFILE ? read_records(s, max)
	                                   : read_by_libpcap(s, max);
	if (got > 0)
		return SOURCE_OK;
	return file_finish(s, got == 0 ? SOURCE_OK :
	    got == UNUSABLE ? SOURCE_UNREADABLE : SOURCE_CUT);
}

bool
source_at_end(const struct source *s)
{
	return s->at >= s->n_files;
}

void
source_progress(const struct source *s, uint64_t *done, uint64_t *total)
{
	*done = *total = 0;
	for (size_t i = 0; i < s->n_files; i++) {
		*done += s->file[i].done;
		*total += s->file[i].bytes;
	}
	if (!source_seekable(s))
		*total = 0;
}

struct span {
	int64_t first, last;
	bool any;
};

static void
span_packet(void *ctx, const struct source_packet *p)
{
	struct span *span = ctx;

	if (!span->any || p->time_s < span->first)
		span->first = p->time_s;
	if (!span->any || p->time_s > span->last)
		span->last = p->time_s;
	span->any = true;
}

int
source_time_span(struct source *s, int64_t *first_s, int64_t *last_s,
    bool *any, bool (*stopped)(void *ctx), void *ctx)
{
	enum { TURN = 1 << 14 }; /* some milliseconds */
	struct span span = {0, 0, false};
	size_t n;

	if (s->live || !source_seekable(s))
		return -ESPIPE;
	while (!source_at_end(s)) {
		if (stopped && stopped(ctx))
			return -EINTR;
		source_read(s, 0, TURN, span_packet, &span, &n);
	}
	for (size_t i = 0; i < s->n_files; i++) {
		if (lseek(s->file[i].fd, s->file[i].start, SEEK_SET) < 0)
			return -errno;
		s->file[i].done = 0;
	}
	s->at = 0;
	s->handle[0].drops = s->iface_drops = 0;
	s->error[0] = '\0';
	*first_s = span.first;
	*last_s = span.last;
	*any = span.any;
	return 0;
}
