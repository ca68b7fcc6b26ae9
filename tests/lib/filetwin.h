/*
 * filetwin - a capture file read by a source and by libpcap: whether both see
 * the same packets, to the byte, and end with the same line.
 */
#ifndef TESTS_LIB_FILETWIN_H
#define TESTS_LIB_FILETWIN_H

#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/source.h"
#include "tests/tap.h"

struct seen {
	uint64_t sum; /* of all records, in order */
	unsigned n;
	char error[SOURCE_ERROR_MAX];
};

static inline void
note(struct seen *s, int64_t time_s, uint32_t time_ns, uint32_t caplen,
    uint32_t len, const uint8_t *data)
{
	const uint64_t head[4] = {(uint64_t)time_s, time_ns, caplen, len};

	s->n++;
	for (size_t i = 0; i < 4; i++)
		s->sum = (s->sum ^ head[i]) * UINT64_C(0x9e3779b97f4a7c15);
	for (size_t i = 0; i < caplen; i++)
		s->sum = (s->sum ^ data[i]) * UINT64_C(0x100000001b3);
}

static inline void
note_ours(void *ctx, const struct source_packet *p)
{
	note(ctx, p->time_s, p->time_ns, p->caplen, p->wire_len, p->data);
}

static inline void
by_source(int fd, const char *filter, struct seen *seen)
{
	struct source_file file = {fd, "f"};
	char error[SOURCE_ERROR_MAX] = "";
	struct source *s = NULL;
	enum source_result r;
	size_t n;

	*seen = (struct seen){0};
	lseek(fd, 0, SEEK_SET);
	if (source_open_files(&s, &file, 1, NULL, NULL, error) != 0 ||
	    (filter && source_filter_files(s, "t", filter, error) != 0)) {
		snprintf(seen->error, sizeof(seen->error), "open: %s", error);
		source_close(s);
		return;
	}
	do
		r = source_read(s, 0, 7, note_ours, seen, &n);
	while (r == SOURCE_OK);
	if (r != SOURCE_END) /* behind the file's name */
		snprintf(seen->error, sizeof(seen->error), "%s",
		    source_error(s) + 3);
	source_close(s);
}

static inline void
by_libpcap(int fd, const char *filter, struct seen *seen)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	struct bpf_program prog;
	struct pcap_pkthdr *h;
	const u_char *data;
	FILE *f = fdopen(dup(fd), "r");
	pcap_t *p;
	int rc;

	*seen = (struct seen){0};
	fseek(f, 0, SEEK_SET);
	p = pcap_fopen_offline_with_tstamp_precision(f,
	    PCAP_TSTAMP_PRECISION_NANO, error);
	if (!p) {
		snprintf(seen->error, sizeof(seen->error), "%s", error);
		fclose(f);
		return;
	}
	if (filter) {
		pcap_compile(p, &prog, filter, 1, PCAP_NETMASK_UNKNOWN);
		pcap_setfilter(p, &prog);
		pcap_freecode(&prog);
	}
	while ((rc = pcap_next_ex(p, &h, &data)) == 1) {
		uint32_t ns = (uint32_t)h->ts.tv_usec;
		int64_t s = h->ts.tv_sec;

		/* the file holds unsigned seconds, libpcap reads signed ones */
		if (pcap_major_version(p) == PCAP_VERSION_MAJOR)
			s = (uint32_t)s;
		note(seen, s, ns < 1000000000 ? ns : 0, h->caplen, h->len,
		    data);
	}
	if (rc == PCAP_ERROR)
		snprintf(seen->error, sizeof(seen->error), "%s",
		    pcap_geterr(p));
	pcap_close(p);
}

/* Whether both see the same. */
static inline bool
same(int fd, const char *filter, struct seen *ours)
{
	struct seen theirs;

	by_source(fd, filter, ours);
	by_libpcap(fd, filter, &theirs);
	if (ours->n == theirs.n && ours->sum == theirs.sum &&
	    strcmp(ours->error, theirs.error) == 0)
		return true;
	diag("%u packets \"%s\", libpcap %u \"%s\"", ours->n, ours->error,
	    theirs.n, theirs.error);
	return false;
}

/* n bytes as a file, the same one each time. */
static inline int
to_fd(const uint8_t *bytes, size_t n)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("capture", MFD_CLOEXEC);
	if (ftruncate(fd, 0) != 0 || pwrite(fd, bytes, n, 0) != (ssize_t)n)
		skip_all("no memory");
	return fd;
}

#endif
