/*
 * source - pcap handles: open, filter, read, kernel drop counters.
 *
 * The only place that knows libpcap.  A source is either one interface (one
 * handle, or two: one for each direction) or a sequence of capture files.
 * Opening happens with privileges and touches nothing that a stranger wrote;
 * everything after source_open_*() works inside the sandbox: no file is
 * opened or closed, and of a capture file not even the header is read before.
 *
 * System calls after opening.  Live: poll (inside libpcap), on trouble
 * getsockopt(SO_ERROR), ioctl(SIOCGIFFLAGS); for the name getsockname and
 * ioctl(SIOCGIFINDEX); for statistics getsockopt(PACKET_STATISTICS), and lseek
 * and read on two files of sysfs.
 * Files: read, lseek, brk, anonymous mmap and mremap (stdio and libpcap
 * allocate a buffer per file, pcapng.c a list of interfaces).
 */
#ifndef CAPTURE_SOURCE_H
#define CAPTURE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/fanout.h"

#define SOURCE_ERROR_MAX 512
#define SOURCE_HANDLES   2
/* Reaches the ports behind two VLAN tags, PPPoE and some IPv6 extension
 * headers, or behind a full set of IPv4 options. */
#define SOURCE_SNAPLEN_DEFAULT 192
/* Less would cut the TCP flags of IPv6 behind such tags, and the ports. */
#define SOURCE_SNAPLEN_MIN     128
/* Kernel blocks are handed over at least this often. */
#define SOURCE_BLOCK_MS 20

struct source;

enum source_result {
	SOURCE_OK = 0,        /* came back; live also when nothing was there */
	SOURCE_END = 1,       /* files: the last one is finished */
	SOURCE_NEXT = 2,      /* files: one is finished, there is another */
	SOURCE_CUT = 3,       /* as NEXT or END (see source_at_end), but the
	                         file was damaged or cut short: source_error */
	SOURCE_UNREADABLE = 4, /* so is this one, but not a capture at all */
	SOURCE_GONE = 5,      /* live: the handle is dead: source_error */
};

struct source_packet {
	int64_t time_s;   /* since 1970; files may say anything */
	uint32_t time_ns; /* < 1e9 */
	uint32_t caplen, wire_len;
	const uint8_t *data; /* borrowed for the call */
	int dlt;
	bool out; /* from the handle for outgoing packets */
};
typedef void source_packet_fn(void *ctx, const struct source_packet *p);

/* ---- live -------------------------------------------------------------- */

struct source_live {
	const char *iface;
	const char *filter; /* BPF expression; "" or NULL: everything */
	const char *filter_from; /* for messages; NULL: "filter" */
	uint32_t snaplen;   /* 0: default */
	uint32_t buffer_mb; /* for each handle */
	bool promiscuous;
	bool by_iface; /* direction = interface: a handle per direction */
	/* several sources share the interface; NULL: this one has all */
	struct source_share *share;
};

/* All zero but for the key before the first; each source_open_live() makes
 * its own a further member. */
struct source_share {
	struct fanout group[SOURCE_HANDLES];
	uint32_t key;
};

/* Whether libpcap takes this name for something else than an interface: all of
 * them, the firewall's log, a bus.  Such a one cannot be opened. */
bool source_reserved(const char *iface);

/*
 * Opens and filters; packets are buffered by the kernel from here on.  On
 * the loopback interface, where each packet passes twice, by_iface means one
 * handle with the incoming half (source_by_iface() is false then, as it is on
 * a VRF or an IFB, of which the kernel does not tell what came in).  0, or
 * -errno with one line in `error`: what failed, the interface, the cause;
 * -EBADMSG when that is the filter, which another try would not mend.
 */
int source_open_live(struct source **out, const struct source_live *live,
    char error[SOURCE_ERROR_MAX]);

/* Compiles a filter as source_open_live() would for Ethernet, for -t; needs
 * no privilege.  `name`, where it stands, begins the message.  0, or -EINVAL
 * or -ENOMEM with one line in `error`. */
int source_check_filter(const char *name, const char *filter,
    char error[SOURCE_ERROR_MAX]);

/* What came before this moment (CLOCK_REALTIME, in the past) is left out.
 * For sources that share: while the group grew, some saw what others did; and
 * for a successor, whose predecessor counted that. */
void source_begin(struct source *s, int64_t real_ns);

/* What was dropped before this moment, source_begin() leaves out, too: for a
 * successor that is about to ask its predecessor, who counts on until then. */
void source_mark(struct source *s);

bool source_by_iface(const struct source *s);

/* Handles, and their descriptors to poll. */
size_t source_handles(const struct source *s);
int source_fd(const struct source *s, size_t handle);

/* Packets since opening; of files the last two are what pcapng says up to
 * where source_read() stopped. */
struct source_stats {
	uint64_t received;     /* put into the kernel's buffer for us */
	uint64_t read;         /* taken out of it by source_read() */
	uint64_t kernel_drops; /* found no room there, or were lost in it */
	uint64_t iface_drops;  /* missed and FIFO errors of the interface; 0
	                          where it does not say */
};
void source_stats(struct source *s, struct source_stats *st);

/* Of the first `received` packets, what was not read never will be: it counts
 * as kernel drops.  Once, behind the last source_read(). */
void source_lost(struct source *s, uint64_t received);

/*
 * Whether the interface is still there, by its name and of the same kind; else
 * source_error() says it.  To be asked now and then: a renamed one goes on
 * handing out packets, so does one that was given another kind of header (a
 * bond whose first slave is no Ethernet), and of a removal the kernel tells by
 * one error, before the interface is gone, which libpcap takes for a link that
 * is down when it looks too soon.
 */
bool source_present(struct source *s);

/* ---- files ------------------------------------------------------------- */

struct source_file {
	int fd;           /* borrowed until source_close(); not moved, only
	                     read from where it stands */
	const char *name; /* for messages; copied */
};

/* The files are read one after the other.  `idle` (may be NULL) is called
 * before each read from a pipe or terminal and waits until that can be read
 * without blocking; false ends the input there.  0, or -errno with one line in
 * `error`; -EISDIR for a folder. */
int source_open_files(struct source **out, const struct source_file *files,
    size_t n, bool (*idle)(void *ctx, int fd), void *ctx,
    char error[SOURCE_ERROR_MAX]);

/*
 * Only packets that the expression lets through are handed out.  It is
 * compiled here, for each link type there is, since names in it are looked
 * up; a file whose link type it has no meaning for is SOURCE_UNREADABLE, one
 * that comes to packets of such an interface later is SOURCE_CUT there.
 * Once.  0, or -EINVAL or -ENOMEM with one line in `error`.
 */
int source_filter_files(struct source *s, const char *name,
    const char *filter, char error[SOURCE_ERROR_MAX]);

/* Whether the files can be read twice (no pipe, no terminal). */
bool source_seekable(const struct source *s);

/*
 * First and last packet time over all files, in seconds as stored, then
 * everything back to the start.  `any` is false when there is no packet.
 * `stopped` (may be NULL) is asked now and then: true ends it.  0, -ESPIPE, or
 * -EINTR, behind which nothing is to be read.  Damage is not reported here;
 * reading comes upon it again.
 */
int source_time_span(struct source *s, int64_t *first_s, int64_t *last_s,
    bool *any, bool (*stopped)(void *ctx), void *ctx);

/* How far: bytes read of bytes in all, 0 when not known beforehand. */
void source_progress(const struct source *s, uint64_t *done, uint64_t *total);

/* ---- both -------------------------------------------------------------- */

/*
 * Hands packets of a handle to fn, looking at no more than max (those that a
 * file's filter leaves out, and blocks that are no packets, are among them).
 * Never blocks on an interface; returns an enum source_result.  *n is the
 * number handed out.
 */
enum source_result source_read(struct source *s, size_t handle, unsigned max,
    source_packet_fn *fn, void *ctx, size_t *n);

/* Behind source_open_live(), and behind each source_read() of files: what is to
 * be said of the interface, or of the file that was opened, one line, once;
 * NULL: nothing. */
const char *source_remark(struct source *s);

/* Files: true when nothing follows. */
bool source_at_end(const struct source *s);
/* What the last unhappy result was about: one line with name and cause. */
const char *source_error(const struct source *s);

/* Needs close(2) on interfaces; not for use inside the sandbox. */
void source_close(struct source *s); /* accepts NULL */

#endif
