/*
 * libpcap traps met here: a blocking pcap_dispatch() on TPACKET_V3 does not
 * return on a quiet interface, so handles are non-blocking and the caller
 * polls; pcap_stats() opens files, so drops come from PACKET_STATISTICS;
 * pcap_setfilter("inbound") filters the first kernel block in user space,
 * where the direction is not known, so filters go to the socket directly;
 * pcap_close() on a savefile closes the descriptor, so files are read through
 * a cookie stream that has no close, and that stops behind a file's first
 * header, so that pcapfile.c can go on from there.
 *
 * And one of the kernel: unless somebody asks for SO_TIMESTAMPNS each socket
 * stamps a packet when it gets it, and two captures that part at a moment
 * (loop.c) would not mean the same packets.
 */
#include "capture/source.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* pcap.h would bring its own, incompatible struct names otherwise */
#include <pcap/pcap.h>

#include "capture/decode.h"
#include "capture/pcapfile.h"
#include "common/base/clock.h"
#include "common/base/fd.h"

#ifndef SO_LOCK_FILTER
#define SO_LOCK_FILTER 44
#endif
#define FILE_BUFFER_BYTES (1u << 20)
#define INSNS_MAX         4096 /* BPF_MAXINSNS of the kernel */
#define LINK_TYPES        512  /* beyond the largest that decode knows */

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
	bool out;
	uint64_t drops, received, read;
	/* What the kernel took before the filter was there: of the first
	 * `early` packets those that are older than that moment.  Not more:
	 * the clock may be stepped back later. */
	int64_t since_ns;
	uint64_t early;
};

struct source {
	bool live;
	bool by_iface;
	char iface[64];
	struct handle handle[SOURCE_HANDLES];
	size_t n_handles;
	int counter_fd[2]; /* sysfs: missed, FIFO */
	uint64_t counter_start[2];
	/* files */
	struct file *file;
	size_t n_files, at;
	bool classic; /* 32-bit seconds, read as signed by libpcap */
	uint8_t head[PCAPFILE_HEAD]; /* of the current one, as far as read */
	size_t n_head;
	bool plain; /* its records are taken by pcapfile.c */
	struct pcapfile records;
	struct link_filter *filter; /* one a link type; NULL: everything */
	const struct bpf_program *filter_now;
	size_t n_filters;
	bool (*idle)(void *ctx, int fd);
	void *idle_ctx;
	char error[SOURCE_ERROR_MAX];
	/* for the callback of one source_read() */
	source_packet_fn *fn;
	void *ctx;
	size_t n;
	struct handle *now;
	char buffer[FILE_BUFFER_BYTES]; /* the stream's, or that of records */
};
static_assert(FILE_BUFFER_BYTES >= PCAPFILE_BUFFER, "room for a packet");

/* ---- live -------------------------------------------------------------- */

static int
cause(int status)
{
	switch (status) {
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return -ENODEV;
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		return -EPERM;
	case PCAP_ERROR_IFACE_NOT_UP:
		return -ENETDOWN;
	default:
		return -EIO;
	}
}

static int
say_pcap(char error[SOURCE_ERROR_MAX], const char *iface, pcap_t *p,
    int status)
{
	const char *text = pcap_geterr(p);

	if (status == PCAP_ERROR_IFACE_NOT_UP)
		snprintf(error, SOURCE_ERROR_MAX, "%s: the interface is down",
		    iface);
	else if (text[0] != '\0' && status == PCAP_ERROR)
		snprintf(error, SOURCE_ERROR_MAX, "%s: %s", iface, text);
	else if (text[0] != '\0')
		snprintf(error, SOURCE_ERROR_MAX, "%s: %s (%s)", iface,
		    pcap_statustostr(status), text);
	else
		snprintf(error, SOURCE_ERROR_MAX, "%s: %s", iface,
		    pcap_statustostr(status));
	return cause(status);
}

static pcap_t *
activate(const struct source_live *live, uint32_t snaplen,
    char error[SOURCE_ERROR_MAX], int *rc)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	uint32_t mb = live->buffer_mb ? live->buffer_mb : 16;
	pcap_t *p = pcap_create(live->iface, text);
	int status;

	if (!p) {
		snprintf(error, SOURCE_ERROR_MAX, "%s: %s", live->iface, text);
		*rc = -EIO;
		return NULL;
	}
	pcap_set_snaplen(p, (int)snaplen);
	pcap_set_promisc(p, live->promiscuous);
	pcap_set_timeout(p, SOURCE_BLOCK_MS);
	pcap_set_immediate_mode(p, 0);
	pcap_set_buffer_size(p, (int)((mb > 2047 ? 2047 : mb) << 20));
	pcap_set_tstamp_precision(p, PCAP_TSTAMP_PRECISION_NANO);
	status = pcap_activate(p);
	if (status < 0) {
		*rc = say_pcap(error, live->iface, p, status);
		pcap_close(p);
		return NULL;
	}
	if (pcap_setnonblock(p, 1, text) != 0) {
		snprintf(error, SOURCE_ERROR_MAX, "%s: %s", live->iface, text);
		*rc = -EIO;
		pcap_close(p);
		return NULL;
	}
	return p;
}

/*
 * A cooked socket's filter sees the packet without the header that libpcap
 * shows to us: offsets into that header become the kernel's ancillary loads,
 * offsets behind it move.  False: the program reads what the kernel cannot.
 */
static bool
adapt_cooked(struct sock_filter *f, size_t n)
{
	enum { HEADER = 16, PROTOCOL = 14 };

	for (size_t i = 0; i < n; i++) {
		uint16_t mode = BPF_MODE(f[i].code);
		bool load = BPF_CLASS(f[i].code) == BPF_LD ||
		    BPF_CLASS(f[i].code) == BPF_LDX;

		if (!load || (mode != BPF_ABS && mode != BPF_IND &&
				 mode != BPF_MSH))
			continue;
		if (f[i].k >= (uint32_t)SKF_AD_OFF)
			continue;
		if (f[i].k >= HEADER)
			f[i].k -= HEADER;
		else if (f[i].k == 0 && mode == BPF_ABS)
			f[i].k = (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE);
		else if (f[i].k == PROTOCOL && mode == BPF_ABS)
			f[i].k = (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL);
		else
			return false;
	}
	return true;
}

/* In front of the filter: only (or not) what the host itself sends. */
static size_t
direction_prefix(struct sock_filter *f, bool out)
{
	f[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE));
	f[1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
	    PACKET_OUTGOING, (uint8_t)(out ? 1 : 0), (uint8_t)(out ? 0 : 1));
	f[2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	return 3;
}

/* Returns the instructions of the expression, or -errno with a message. */
static int
compile(pcap_t *p, const char *name, const char *text, uint32_t snaplen,
    struct sock_filter *f, size_t room, char error[SOURCE_ERROR_MAX])
{
	struct bpf_program prog;
	int n;

	if (pcap_compile(p, &prog, text, 1, PCAP_NETMASK_UNKNOWN) != 0) {
		snprintf(error, SOURCE_ERROR_MAX, "%s: filter \"%s\": %s",
		    name, text, pcap_geterr(p));
		return -EINVAL;
	}
	if (prog.bf_len > room) {
		snprintf(error, SOURCE_ERROR_MAX, "%s: filter \"%.200s\": %u"
		    " instructions, the kernel takes %zu", name, text,
		    prog.bf_len, room);
		pcap_freecode(&prog);
		return -EINVAL;
	}
	n = (int)prog.bf_len;
	for (int i = 0; i < n; i++) {
		const struct bpf_insn *in = &prog.bf_insns[i];

		f[i] = (struct sock_filter){in->code, in->jt, in->jf, in->k};
		if (in->code == (BPF_RET | BPF_K) && in->k != 0)
			f[i].k = snaplen;
	}
	pcap_freecode(&prog);
	return n;
}

/* Reading resets them; packets include the dropped ones. */
static void
add_statistics(struct handle *h)
{
	struct tpacket_stats_v3 now;
	socklen_t len = sizeof(now);

	memset(&now, 0, sizeof(now));
	if (getsockopt(pcap_fileno(h->pcap), SOL_PACKET, PACKET_STATISTICS,
		&now, &len) != 0)
		return;
	h->drops += now.tp_drops;
	h->received += now.tp_packets - now.tp_drops;
}

static void
begin(struct handle *h, int64_t real_ns)
{
	h->since_ns = real_ns;
	add_statistics(h);
	h->early = h->received;
}

void
source_begin(struct source *s, int64_t real_ns)
{
	for (size_t i = 0; i < s->n_handles; i++)
		begin(&s->handle[i], real_ns);
}

/* The kernel copies no more than the filter's verdict, so a program is there
 * even when everything is wanted. */
static int
attach(struct handle *h, const struct source_live *live, uint32_t snaplen,
    bool by_iface, char error[SOURCE_ERROR_MAX])
{
	static struct sock_filter f[INSNS_MAX];
	struct sock_fprog prog = {.filter = f};
	bool filtered = live->filter && live->filter[0] != '\0';
	size_t n = by_iface ? direction_prefix(f, h->out) : 0;
	int fd = pcap_fileno(h->pcap), one = 1, rc = 1;

	if (filtered)
		rc = compile(h->pcap, live->iface, live->filter, snaplen,
		    f + n, INSNS_MAX - n, error);
	else
		f[n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, snaplen);
	if (rc < 0)
		return rc;
	if (filtered && h->dlt == DLT_LINUX_SLL &&
	    !adapt_cooked(f + n, (size_t)rc)) {
		snprintf(error, SOURCE_ERROR_MAX, "%s: filter \"%s\": needs a"
		    " link header, which this kind of interface has not",
		    live->iface, live->filter);
		return -EINVAL;
	}
	prog.len = (unsigned short)(n + (size_t)rc);
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
		sizeof(prog)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &one,
		sizeof(one)) != 0) {
		rc = -errno;
		snprintf(error, SOURCE_ERROR_MAX, "%s: attaching the filter:"
		    " %s", live->iface, strerror(-rc));
		return rc;
	}
	if (filtered)
		begin(h, gp_clock_real_ns());
	return 0;
}

/* One of several: the group's program is set before the filter is locked. */
static int
share(struct handle *h, const struct source_live *live,
    char error[SOURCE_ERROR_MAX])
{
	int rc = fanout_join(&live->share->group[h->out],
	    pcap_fileno(h->pcap), h->dlt == DLT_EN10MB, live->share->key);

	if (rc < 0)
		snprintf(error, SOURCE_ERROR_MAX, "%s: sharing between workers:"
		    " %s", live->iface, strerror(-rc));
	return rc;
}

static int
open_handle(struct source *s, const struct source_live *live, bool out,
    char error[SOURCE_ERROR_MAX])
{
	struct handle *h = &s->handle[s->n_handles];
	uint32_t snaplen = live->snaplen ? live->snaplen
	                                 : SOURCE_SNAPLEN_DEFAULT;
	int one = 1, rc = 0;

	h->pcap = activate(live, snaplen, error, &rc);
	if (!h->pcap)
		return rc;
	s->n_handles++;
	h->out = out;
	h->dlt = pcap_datalink(h->pcap);
	if (setsockopt(pcap_fileno(h->pcap), SOL_SOCKET, SO_TIMESTAMPNS, &one,
		sizeof(one)) != 0) {
		rc = -errno;
		snprintf(error, SOURCE_ERROR_MAX, "%s: time stamps: %s",
		    live->iface, strerror(-rc));
		return rc;
	}
	if (s->by_iface &&
	    pcap_setdirection(h->pcap, out ? PCAP_D_OUT : PCAP_D_IN) != 0)
		return say_pcap(error, live->iface, h->pcap, PCAP_ERROR);
	if (live->share)
		rc = share(h, live, error);
	return rc < 0 ? rc : attach(h, live, snaplen, s->by_iface, error);
}

static int
is_loopback(const char *iface, bool *yes, char error[SOURCE_ERROR_MAX])
{
	struct ifreq ifr;
	int fd, rc = 0;

	memset(&ifr, 0, sizeof(ifr));
	if (strlen(iface) >= sizeof(ifr.ifr_name)) {
		snprintf(error, SOURCE_ERROR_MAX, "%.64s: interface name too"
		    " long", iface);
		return -EINVAL;
	}
	memcpy(ifr.ifr_name, iface, strlen(iface));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr) != 0) {
		rc = -errno;
		snprintf(error, SOURCE_ERROR_MAX, "%s: %s", iface,
		    rc == -ENODEV ? "no such interface" : strerror(-rc));
	}
	*yes = ifr.ifr_flags & IFF_LOOPBACK;
	gp_fd_close(&fd);
	return rc;
}

static uint64_t
read_counter(int fd)
{
	char text[32];
	ssize_t n;

	if (fd < 0 || lseek(fd, 0, SEEK_SET) != 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0; /* the interface is gone */
	text[n] = '\0';
	return strtoull(text, NULL, 10);
}

/* The same two that libpcap adds up; kept open since nothing can be opened
 * later. */
static void
open_counters(struct source *s)
{
	static const char *const name[2] = {"rx_missed_errors",
		"rx_fifo_errors"};
	char path[256];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s",
		    s->iface, name[i]);
		s->counter_fd[i] = open(path, O_RDONLY | O_CLOEXEC);
		s->counter_start[i] = read_counter(s->counter_fd[i]);
	}
}

static struct source *
source_new(void)
{
	struct source *s = calloc(1, sizeof(*s));

	if (s)
		s->counter_fd[0] = s->counter_fd[1] = -1;
	return s;
}

int
source_open_live(struct source **out, const struct source_live *live,
    char error[SOURCE_ERROR_MAX])
{
	struct source *s;
	bool loopback;
	int rc = is_loopback(live->iface, &loopback, error);

	if (rc != 0)
		return rc;
	s = source_new();
	if (!s) {
		snprintf(error, SOURCE_ERROR_MAX, "%s: out of memory",
		    live->iface);
		return -ENOMEM;
	}
	s->live = true;
	/* on loopback each packet goes out and comes in again */
	s->by_iface = live->by_iface || loopback;
	snprintf(s->iface, sizeof(s->iface), "%s", live->iface);
	/* of several one tells the interface's drops */
	if (!live->share || live->share->group[0].n == 0)
		open_counters(s);
	rc = open_handle(s, live, false, error);
	if (rc == 0 && s->by_iface && !loopback)
		rc = open_handle(s, live, true, error);
	if (loopback)
		s->by_iface = false;
	if (rc != 0) {
		source_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

int
source_check_filter(const char *name, const char *filter,
    char error[SOURCE_ERROR_MAX])
{
	static struct sock_filter f[INSNS_MAX];
	pcap_t *p = pcap_open_dead(DLT_EN10MB, 65535);
	int rc;

	if (!p) {
		snprintf(error, SOURCE_ERROR_MAX, "filter: out of memory");
		return -ENOMEM;
	}
	rc = compile(p, name, filter, 65535, f, INSNS_MAX - 3, error);
	pcap_close(p);
	return rc < 0 ? rc : 0;
}

bool
source_by_iface(const struct source *s)
{
	return s->live && s->by_iface;
}

size_t
source_handles(const struct source *s)
{
	return s->n_handles;
}

int
source_fd(const struct source *s, size_t handle)
{
	assert(s->live && handle < s->n_handles);
	return pcap_fileno(s->handle[handle].pcap);
}

void
source_stats(struct source *s, struct source_stats *st)
{
	memset(st, 0, sizeof(*st));
	for (size_t i = 0; s->live && i < s->n_handles; i++) {
		struct handle *h = &s->handle[i];

		add_statistics(h);
		st->kernel_drops += h->drops;
		st->received += h->received;
		st->read += h->read;
	}
	for (int i = 0; i < 2; i++) {
		uint64_t now = read_counter(s->counter_fd[i]);

		if (now > s->counter_start[i])
			st->iface_drops += now - s->counter_start[i];
	}
}

/* ---- files ------------------------------------------------------------- */

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

		f->fd = files[i].fd;
		f->name = strdup(files[i].name);
		if (!f->name)
			goto out_of_memory;
		s->n_files++;
		if (fstat(f->fd, &st) != 0 || S_ISDIR(st.st_mode)) {
			snprintf(error, SOURCE_ERROR_MAX, "%s: %s", f->name,
			    S_ISDIR(st.st_mode) ? strerror(EISDIR)
			                        : strerror(errno));
			source_close(s);
			return -EINVAL;
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

static bool
compile_for_link(struct source *s, int dlt, const char *text, char *why,
    size_t size)
{
	struct link_filter *f = &s->filter[s->n_filters];
	pcap_t *p = pcap_open_dead(dlt, 65535);
	bool fine = p && pcap_compile(p, &f->prog, text, 1,
				 PCAP_NETMASK_UNKNOWN) == 0;

	if (fine) {
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
			snprintf(error, SOURCE_ERROR_MAX, "%s: filter \"%s\":"
			    " %s", name, filter, why);
			return -EINVAL;
		}
	return 0;
}

/* For the file whose header was just read. */
static bool
set_filter(struct source *s)
{
	struct handle *h = &s->handle[0];

	s->filter_now = NULL;
	if (!s->filter)
		return true;
	for (size_t i = 0; i < s->n_filters; i++)
		if (s->filter[i].dlt == h->dlt) {
			s->filter_now = &s->filter[i].prog;
			return pcap_setfilter(h->pcap, &s->filter[i].prog) ==
			    0;
		}
	return false;
}

bool
source_seekable(const struct source *s)
{
	for (size_t i = 0; i < s->n_files; i++)
		if (s->file[i].start < 0)
			return false;
	return true;
}

static ssize_t
cookie_read(void *cookie, char *buf, size_t size)
{
	struct source *s = cookie;
	struct file *f = &s->file[s->at];
	ssize_t n;

	if (s->n_head < sizeof(s->head) && size > sizeof(s->head) - s->n_head)
		size = sizeof(s->head) - s->n_head;
	do {
		if (f->start < 0 && s->idle && !s->idle(s->idle_ctx, f->fd))
			return 0;
		n = read(f->fd, buf, size);
	} while (n < 0 && (errno == EINTR || (errno == EAGAIN && s->idle)));
	if (n <= 0)
		return n;
	f->done += (uint64_t)n;
	if (s->n_head < sizeof(s->head)) {
		memcpy(s->head + s->n_head, buf, (size_t)n);
		s->n_head += (size_t)n;
	}
	return n;
}

static void
say_file(struct source *s, const char *text)
{
	snprintf(s->error, sizeof(s->error), "%s: %s", s->file[s->at].name,
	    text);
}

/* Opens the current file; its first bytes are parsed here. */
static bool
file_start(struct source *s)
{
	static const cookie_io_functions_t io = {.read = cookie_read};
	char text[PCAP_ERRBUF_SIZE] = "";
	struct handle *h = &s->handle[0];
	FILE *fp;

	s->n_head = 0;
	s->plain = false;
	fp = fopencookie(s, "r", io);
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
		say_file(s, text);
		fclose(fp);
		return false;
	}
	h->dlt = pcap_datalink(h->pcap);
	s->classic = pcap_major_version(h->pcap) == PCAP_VERSION_MAJOR;
	if (!set_filter(s)) {
		say_file(s, "the filter means nothing for its link type");
		return false;
	}
	/* what libpcap has read by now is the header, to the byte */
	s->plain = s->n_head == sizeof(s->head) &&
	    pcapfile_knows(s->head, h->dlt);
	if (s->plain)
		pcapfile_init(&s->records, s->head, pcap_snapshot(h->pcap),
		    (uint8_t *)s->buffer, sizeof(s->buffer), cookie_read, s);
	return true;
}

static enum source_result
file_finish(struct source *s, enum source_result unhappy)
{
	struct handle *h = &s->handle[0];

	if (h->pcap)
		pcap_close(h->pcap);
	h->pcap = NULL;
	h->dlt = -1;
	s->at++;
	if (unhappy != SOURCE_OK)
		return unhappy;
	return s->at < s->n_files ? SOURCE_NEXT : SOURCE_END;
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
    bool *any)
{
	struct span span = {0, 0, false};
	size_t n;

	if (s->live || !source_seekable(s))
		return -ESPIPE;
	while (!source_at_end(s))
		source_read(s, 0, 1 << 16, span_packet, &span, &n);
	for (size_t i = 0; i < s->n_files; i++) {
		if (lseek(s->file[i].fd, s->file[i].start, SEEK_SET) < 0)
			return -errno;
		s->file[i].done = 0;
	}
	s->at = 0;
	s->error[0] = '\0';
	*first_s = span.first;
	*last_s = span.last;
	*any = span.any;
	return 0;
}

/* ---- both -------------------------------------------------------------- */

static void
packet(u_char *user, const struct pcap_pkthdr *hdr, const u_char *data)
{
	struct source *s = (void *)user;
	struct source_packet p = {
		.time_s = hdr->ts.tv_sec,
		.time_ns = (uint32_t)hdr->ts.tv_usec,
		.caplen = hdr->caplen,
		.wire_len = hdr->len,
		.data = data,
		.dlt = s->now->dlt,
		.out = s->now->out,
	};

	s->now->read++;
	/* the file holds unsigned seconds; libpcap reads them as signed */
	if (s->classic)
		p.time_s = (uint32_t)hdr->ts.tv_sec;
	if (__builtin_expect(p.time_ns >= GP_NS_PER_S, 0))
		p.time_ns = 0; /* a lying fraction */
	if (__builtin_expect(s->now->early != 0, 0)) {
		s->now->early--;
		if (p.time_s * GP_NS_PER_S + p.time_ns < s->now->since_ns)
			return;
	}
	s->n++;
	s->fn(s->ctx, &p);
}

/* As pcap_dispatch(), but that `max` counts what is filtered away, too, and 0
 * is the end of the file. */
static int
read_records(struct source *s, unsigned max)
{
	struct handle *h = &s->handle[0];
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
			.dlt = h->dlt,
		};

		if (rc < 0)
			say_file(s, text);
		if (rc <= 0)
			return rc;
		if (s->filter_now && bpf_filter(s->filter_now->bf_insns,
			r.data, r.wire_len, r.caplen) == 0)
			continue;
		h->read++;
		s->n++;
		s->fn(s->ctx, &p);
	}
	return 1;
}

static enum source_result
read_file(struct source *s, unsigned max)
{
	struct handle *h = &s->handle[0];
	int got;

	if (source_at_end(s))
		return SOURCE_END;
	if (!h->pcap && !file_start(s))
		return file_finish(s, SOURCE_UNREADABLE);
	got = s->plain ? read_records(s, max)
	               : pcap_dispatch(h->pcap, (int)max, packet, (u_char *)s);
	if (got > 0)
		return SOURCE_OK;
	if (got == 0)
		return file_finish(s, SOURCE_OK);
	if (!s->plain)
		say_file(s, pcap_geterr(h->pcap));
	return file_finish(s, SOURCE_CUT);
}

enum source_result
source_read(struct source *s, size_t handle, unsigned max,
    source_packet_fn *fn, void *ctx, size_t *n)
{
	enum source_result result = SOURCE_OK;

	assert(handle < s->n_handles && max > 0 && max <= INT32_MAX);
	s->fn = fn;
	s->ctx = ctx;
	s->n = 0;
	s->now = &s->handle[handle];
	if (!s->live) {
		result = read_file(s, max);
	} else if (pcap_dispatch(s->now->pcap, (int)max, packet,
		       (u_char *)s) < 0) {
		snprintf(s->error, sizeof(s->error), "%s: %s", s->iface,
		    pcap_geterr(s->now->pcap));
		result = SOURCE_GONE;
	}
	*n = s->n;
	return result;
}

bool
source_present(struct source *s)
{
	for (size_t i = 0; s->live && i < s->n_handles; i++) {
		struct sockaddr_ll at = {0};
		socklen_t len = sizeof(at);

		/* -1 once the interface was removed, whatever has its name */
		if (getsockname(source_fd(s, i), (struct sockaddr *)&at,
			&len) < 0 || at.sll_ifindex >= 0)
			continue;
		(void)snprintf(s->error, sizeof(s->error),
		    "%s: The interface disappeared", s->iface);
		return false;
	}
	return true;
}

const char *
source_error(const struct source *s)
{
	return s->error;
}

void
source_close(struct source *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < SOURCE_HANDLES; i++)
		if (s->handle[i].pcap)
			pcap_close(s->handle[i].pcap);
	gp_fd_close(&s->counter_fd[0]);
	gp_fd_close(&s->counter_fd[1]);
	for (size_t i = 0; i < s->n_files; i++)
		free(s->file[i].name);
	free(s->file);
	for (size_t i = 0; i < s->n_filters; i++)
		pcap_freecode(&s->filter[i].prog);
	free(s->filter);
	free(s);
}
