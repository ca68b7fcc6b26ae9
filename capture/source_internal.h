/*
 * What the parts of a source share: source.c (reading, closing), source_live.c,
 * source_files.c.  Nobody else includes this, which is the door of libpcap.
 */
#ifndef CAPTURE_SOURCE_INTERNAL_H
#define CAPTURE_SOURCE_INTERNAL_H

#include <assert.h>
#include <sys/types.h>
#include <linux/filter.h>

/* pcap.h would bring its own, incompatible struct names otherwise */
#include <pcap/pcap.h>

#include "capture/pcapfile.h"
#include "capture/pcapng.h"
#include "capture/source.h"

#define FILE_BUFFER_BYTES (1u << 20)
#define SOURCE_REMARKS    8 /* a file */

struct file {
	int fd;
	char *name;
	off_t start;    /* -1: cannot seek */
	uint64_t bytes; /* from start to end, 0 unknown */
	uint64_t done;
};

struct link_filter {
	int dlt;
	struct bpf_program prog;
};

struct handle {
	pcap_t *pcap;
	int dlt;
	unsigned short hardware; /* ARPHRD_*, from which libpcap has the dlt */
	bool out;
	uint64_t drops, received, read;
	uint64_t drops_marked; /* at source_mark(): source_begin() forgets them */
	/* received before the filter was there: libpcap skips those of the
	 * wrong direction, so that they may never be read */
	uint64_t unsure;
	/* What the kernel took before the filter was there: of the first
	 * `early` packets those that are older than that moment.  Not more:
	 * the clock may be stepped back later. */
	int64_t since_ns;
	uint64_t early;
};

/* Who takes the packets out of a file. */
enum reader { READER_NONE, READER_LIBPCAP, READER_PCAPFILE, READER_PCAPNG };

struct source {
	bool live;
	bool by_iface;
	char iface[64];
	struct handle handle[SOURCE_HANDLES];
	size_t n_handles;
	/* link types unknown to decode.h, of the interface or the file; whether
	 * the last of them is still to be said */
	int remarked[SOURCE_REMARKS];
	size_t n_remarked;
	bool foreign;
	int counter_fd[2]; /* sysfs: missed, FIFO */
	uint64_t counter_last[2]; /* as read */
	uint64_t iface_drops, iface_drops_marked; /* as of a handle */
	/* files */
	struct file *file;
	size_t n_files, at;
	/* of the current one */
	uint8_t head[PCAPFILE_HEAD]; /* as far as read */
	size_t n_head, handed; /* those, and what libpcap has of them */
	enum reader reader;
	struct pcapfile records;
	struct pcapng ng;
	struct link_filter *filter; /* one a link type; NULL: everything */
	const struct bpf_program *filter_now; /* for filter_dlt */
	int filter_dlt;
	size_t n_filters;
	bool (*idle)(void *ctx, int fd);
	void *idle_ctx;
	char error[SOURCE_ERROR_MAX];
	/* for the callback of one source_read() */
	source_packet_fn *fn;
	void *ctx;
	size_t n;
	struct handle *now;
	char buffer[FILE_BUFFER_BYTES]; /* the stream's, or filebuf.h's */
};
static_assert(FILE_BUFFER_BYTES >= PCAPFILE_BUFFER &&
    FILE_BUFFER_BYTES >= PCAPNG_BUFFER, "room for a packet");

/* All zero but for what is closed; NULL: no memory. */
struct source *source_new(void);

/* A packet of s->now for s->fn; pcap_dispatch() takes this and the source. */
void source_take(u_char *source, const struct pcap_pkthdr *hdr,
    const u_char *data);

/* One line in `error`: where the filter stands, what is wrong with it, and the
 * expression as far as there is room. */
void source_say_filter(char error[SOURCE_ERROR_MAX], const char *name,
    const char *cause, const char *expression);

/* ---- source_live.c, source_files.c: source_read() of either kind */

enum source_result source_live_read(struct source *s, unsigned max);
enum source_result source_files_read(struct source *s, unsigned max);

#endif
