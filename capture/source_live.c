/*
 * One interface.
 *
 * libpcap traps met here: a blocking pcap_dispatch() on TPACKET_V3 does not
 * return on a quiet interface, so handles are non-blocking and the caller
 * polls; pcap_stats() opens files, so drops come from PACKET_STATISTICS;
 * pcap_setfilter("inbound") filters the first kernel block in user space,
 * where the direction is not known, so filters go to the socket directly.
 *
 * And one of the kernel: unless somebody asks for SO_TIMESTAMPNS each socket
 * stamps a packet when it gets it, and two captures that part at a moment
 * (loop.c) would not mean the same packets.
 */
#include "capture/source_internal.h"
#include "capture/decode.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/fd.h"

#ifndef SO_LOCK_FILTER
#define SO_LOCK_FILTER 44
#endif
#define INSNS_MAX 4096 /* BPF_MAXINSNS of the kernel */

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
	pcap_set_buffer_size(p, (int)(mb << 20));
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
	char why[80];
	int n;

	if (pcap_compile(p, &prog, text, 1, PCAP_NETMASK_UNKNOWN) != 0) {
		source_say_filter(error, name, pcap_geterr(p), text);
		return -EINVAL;
	}
	if (prog.bf_len > room) {
		snprintf(why, sizeof(why), "%u instructions, the kernel"
		    " takes %zu", prog.bf_len, room);
		source_say_filter(error, name, why, text);
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
	h->drops -= h->drops_marked;
	h->drops_marked = 0;
}

void
source_begin(struct source *s, int64_t real_ns)
{
	for (size_t i = 0; i < s->n_handles; i++)
		begin(&s->handle[i], real_ns);
	s->iface_drops -= s->iface_drops_marked;
	s->iface_drops_marked = 0;
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
	char name[256];

	snprintf(name, sizeof(name), "%s: %s", live->iface,
	    live->filter_from ? live->filter_from : "filter");
	if (filtered)
		rc = compile(h->pcap, name, live->filter, snaplen, f + n,
		    INSNS_MAX - n, error);
	else
		f[n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, snaplen);
	if (rc < 0)
		return -EBADMSG;
	if (filtered && h->dlt == DLT_LINUX_SLL &&
	    !adapt_cooked(f + n, (size_t)rc)) {
		source_say_filter(error, name, "needs a link header, which"
		    " this kind of interface has not", live->filter);
		return -EBADMSG;
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
	if (by_iface) {
		add_statistics(h);
		h->unsure = h->received;
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

/* Where the handle's socket is bound, and what kind of interface that is;
 * false when nothing tells. */
static bool
bound(const struct handle *h, struct sockaddr_ll *at)
{
	socklen_t len = sizeof(*at);

	memset(at, 0, sizeof(*at));
	return getsockname(pcap_fileno(h->pcap), (struct sockaddr *)at,
	    &len) == 0;
}

static int
open_handle(struct source *s, const struct source_live *live, bool out,
    char error[SOURCE_ERROR_MAX])
{
	struct handle *h = &s->handle[s->n_handles];
	uint32_t snaplen = live->snaplen ? live->snaplen
	                                 : SOURCE_SNAPLEN_DEFAULT;
	struct sockaddr_ll at;
	int one = 1, rc = 0;

	if (snaplen < SOURCE_SNAPLEN_MIN)
		snaplen = SOURCE_SNAPLEN_MIN;
	h->pcap = activate(live, snaplen, error, &rc);
	if (!h->pcap)
		return rc;
	s->n_handles++;
	h->out = out;
	h->dlt = pcap_datalink(h->pcap);
	h->hardware = bound(h, &at) ? at.sll_hatype : 0;
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

bool
source_reserved(const char *iface)
{
	static const char *const begins[] = {"nflog", "nfqueue", "usbmon",
		"bluetooth", "dbus-"};

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (strncmp(iface, begins[i], strlen(begins[i])) == 0)
			return true;
	return strcmp(iface, "any") == 0;
}

/* By its driver: the kernel hands packets of a VRF to captures as sent, those
 * that came in, too (vrf_ip_rcv()), and all that is led into an IFB. */
static bool
is_one_way(int fd, struct ifreq *ifr)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};

	ifr->ifr_data = (void *)&info;
	return ioctl(fd, SIOCETHTOOL, ifr) == 0 &&
	    (strcmp(info.driver, "vrf") == 0 ||
		strcmp(info.driver, "ifb") == 0);
}

/* What of an interface matters for the directions. */
static int
look(const char *iface, bool *loopback, bool *one_way,
    char error[SOURCE_ERROR_MAX])
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
	*loopback = ifr.ifr_flags & IFF_LOOPBACK;
	*one_way = rc == 0 && is_one_way(fd, &ifr);
	gp_fd_close(&fd);
	return rc;
}

/* False: there is none, or the interface is gone. */
static bool
read_counter(int fd, uint64_t *out)
{
	char text[32];
	ssize_t n;

	if (fd < 0 || lseek(fd, 0, SEEK_SET) != 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	*out = strtoull(text, NULL, 10);
	return true;
}

/* A driver that resets its device begins at 0 again. */
static void
add_counters(struct source *s)
{
	for (int i = 0; i < 2; i++) {
		uint64_t last = s->counter_last[i], now;

		if (!read_counter(s->counter_fd[i], &now))
			continue;
		s->iface_drops += now >= last ? now - last : now;
		s->counter_last[i] = now;
	}
}

/* The same two that libpcap adds up; kept open since nothing can be opened
 * later.  An alternative name has no folder there. */
static void
open_counters(struct source *s)
{
	static const char *const name[2] = {"rx_missed_errors",
		"rx_fifo_errors"};
	char path[256], first[IF_NAMESIZE];
	const char *folder = if_indextoname(if_nametoindex(s->iface), first);

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s",
		    folder ? folder : s->iface, name[i]);
		s->counter_fd[i] = open(path, O_RDONLY | O_CLOEXEC);
		(void)read_counter(s->counter_fd[i], &s->counter_last[i]);
	}
}

void
source_mark(struct source *s)
{
	for (size_t i = 0; i < s->n_handles; i++) {
		add_statistics(&s->handle[i]);
		s->handle[i].drops_marked = s->handle[i].drops;
	}
	add_counters(s);
	s->iface_drops_marked = s->iface_drops;
}

int
source_open_live(struct source **out, const struct source_live *live,
    char error[SOURCE_ERROR_MAX])
{
	struct source *s;
	bool loopback, one_way;
	int rc;

	if (source_reserved(live->iface)) {
		snprintf(error, SOURCE_ERROR_MAX, "%s: libpcap takes this name"
		    " for something else", live->iface);
		return -EINVAL;
	}
	rc = look(live->iface, &loopback, &one_way, error);
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
	s->by_iface = (live->by_iface && !one_way) || loopback;
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
	s->remarked[0] = s->handle[0].dlt;
	s->n_remarked = 1;
	s->foreign = !decode_knows(s->remarked[0]);
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
	for (size_t i = 0; i < s->n_handles; i++) {
		struct handle *h = &s->handle[i];

		if (s->live)
			add_statistics(h);
		st->kernel_drops += h->drops;
		st->received += h->received;
		st->read += h->read;
	}
	add_counters(s);
	st->iface_drops = s->iface_drops;
}

void
source_lost(struct source *s, uint64_t received)
{
	uint64_t known = 0;

	for (size_t i = 0; i < s->n_handles; i++)
		known += s->handle[i].read + s->handle[i].unsure;
	if (received > known)
		s->handle[0].drops += received - known;
}

enum source_result
source_live_read(struct source *s, unsigned max)
{
	pcap_t *p = s->now->pcap;

	if (pcap_dispatch(p, (int)max, source_take, (u_char *)s) >= 0)
		return SOURCE_OK;
	snprintf(s->error, sizeof(s->error), "%s: %s", s->iface,
	    pcap_geterr(p));
	return SOURCE_GONE;
}

/* Whether the name is that of another interface, or of none. */
static bool
renamed(int fd, const char *iface, int index)
{
	struct ifreq ifr;

	memset(&ifr, 0, sizeof(ifr));
	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%.15s", iface);
	if (ioctl(fd, SIOCGIFINDEX, &ifr) != 0)
		return errno == ENODEV;
	return ifr.ifr_ifindex != index;
}

/* What has become of the interface, in words; NULL: nothing. */
static const char *
departed(const struct source *s, const struct handle *h)
{
	struct sockaddr_ll at;

	if (!bound(h, &at))
		return NULL;
	/* -1 once the interface was removed, whatever has its name */
	if (at.sll_ifindex < 0)
		return "disappeared";
	if (renamed(pcap_fileno(h->pcap), s->iface, at.sll_ifindex))
		return "was renamed";
	/* of one that is just being removed the kernel says 0 */
	if (at.sll_hatype != h->hardware && at.sll_hatype != 0)
		return "is of another kind now";
	return NULL;
}

bool
source_present(struct source *s)
{
	for (size_t i = 0; s->live && i < s->n_handles; i++) {
		const char *what = departed(s, &s->handle[i]);

		if (!what)
			continue;
		(void)snprintf(s->error, sizeof(s->error),
		    "%s: The interface %s", s->iface, what);
		return false;
	}
	return true;
}
