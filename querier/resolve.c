/*
 * goquery-resolve - goquery's helper: names of addresses from DNS, countries
 * and autonomous systems from MMDB files.
 *
 * Started by goquery, with pipes for standard input and output:
 *     ?                  an empty answer, once the sandbox is closed
 *     N country=CH       its networks, a line each, or one line "!why not"
 *     N asn=AS64500
 *     A 192.0.2.1        remembered, without an answer
 *     Q 500              for each of them a line: name, country, asn, org,
 *                        with tabs between; names are waited for so many
 *                        milliseconds, or for five seconds; then a line
 *                        "late" when some had not come by then, or "mute"
 *                        when the server let some go without an answer
 * Each answer ends with a line that is a dot.
 *
 * The server's socket and the MMDB files are open before the sandbox closes;
 * afterwards it can open nothing, and reach nobody but that server.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/base/sandbox.h"
#include "querier/geo.h"
#include "querier/out.h"
#include "querier/ptr.h"

#define ADDRS_MAX   100000
#define IN_FLIGHT   64
#define TRY_NS      (GP_NS_PER_S * 3 / 2)
#define TRIES       2
#define DEADLINE_NS (5 * GP_NS_PER_S)
#define NS_PER_MS   (GP_NS_PER_S / 1000)
#define DNS_PORT    53
#define NOFILE      16

struct question {
	struct gp_addr addr;
	char *name; /* NULL: none yet */
	uint8_t query[PTR_QUERY_MAX];
	size_t query_len;
	int64_t sent_ns; /* 0: not in flight */
	unsigned tries;
	bool done;
};

struct helper {
	int socket; /* -1: no DNS */
	struct geo *geoip, *asn;
	struct question *question;
	size_t n;
	bool mute; /* the server was, or would not tell, for one of them */
};

static struct out out;

static _Noreturn void
die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static _Noreturn void
die(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int len;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line) - 32, fmt, ap);
	va_end(ap);
	len = (int)strlen(line);
	(void)gp_fd_write_full(STDERR_FILENO, "goquery-resolve: ", 17);
	line[len++] = '\n';
	(void)gp_fd_write_full(STDERR_FILENO, line, (size_t)len);
	exit(1);
}

/* ---- before the sandbox -------------------------------------------------- */

static void
system_server(char server[64])
{
	FILE *f = fopen("/etc/resolv.conf", "re");
	char line[256];

	(void)strcpy(server, "127.0.0.1");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "nameserver %63s", server) == 1)
			break;
	}
	(void)fclose(f);
}

static bool
parse_port(const char *text, uint16_t *port)
{
	unsigned v = 0;

	for (; *text >= '0' && *text <= '9' && v <= UINT16_MAX; text++)
		v = v * 10 + (unsigned)(*text - '0');
	*port = (uint16_t)v;
	return *text == '\0' && v > 0 && v <= UINT16_MAX;
}

/* "192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]:5353", "2001:db8::53",
 * "fe80::53%eth0"; *zone gets the interface, "" when there is none. */
static bool
parse_server(char *text, struct gp_addr *addr, uint16_t *port,
    const char **zone)
{
	char *colon = strrchr(text, ':'), *percent;

	*port = DNS_PORT;
	*zone = "";
	if (text[0] == '[') {
		char *end = strchr(text, ']');

		if (!end || (end[1] != ':' && end[1] != '\0'))
			return false;
		*end = '\0';
		text++;
		colon = end[1] == ':' ? end + 1 : NULL;
	} else if (colon && strchr(text, ':') != colon) {
		colon = NULL; /* a bare IPv6 address */
	}
	if (colon) {
		*colon = '\0';
		if (!parse_port(colon + 1, port))
			return false;
	}
	percent = strchr(text, '%');
	if (percent) {
		*percent = '\0';
		*zone = percent + 1;
	}
	return gp_addr_parse(text, addr) == 0;
}

static int
open_server(const char *given)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct gp_addr addr;
	const char *zone;
	char server[64];
	uint16_t port;
	int fd, rc;

	if (strcmp(given, "system") == 0)
		system_server(server);
	else
		(void)snprintf(server, sizeof(server), "%s", given);
	if (!parse_server(server, &addr, &port, &zone))
		die("no DNS server: '%s' (an address, perhaps with a port)",
		    given);
	memcpy(&v4.sin_addr, addr.b, 4);
	memcpy(&v6.sin6_addr, addr.b, 16);
	v4.sin_port = v6.sin6_port = htons(port);
	v6.sin6_scope_id = *zone ? if_nametoindex(zone) : 0;
	if (*zone && v6.sin6_scope_id == 0)
		die("DNS server: %s: %s", zone, strerror(errno));
	fd = socket(addr.version == 4 ? AF_INET : AF_INET6,
	    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		die("socket: %s", strerror(errno));
	/* connected: what others send is dropped by the kernel */
	rc = addr.version == 4
	    ? connect(fd, (const struct sockaddr *)&v4, sizeof(v4))
	    : connect(fd, (const struct sockaddr *)&v6, sizeof(v6));
	if (rc < 0)
		die("DNS server %s: %s", server, strerror(errno));
	return fd;
}

#define N(call, why)  {SCMP_SYS(call), why, {{GP_ARG_ANY, 0, 0, 0}}}
#define EQ(i, v)      {GP_ARG_EQ, i, (uint64_t)(v), 0}
#define ZERO(i, m)    {GP_ARG_MASKED, i, (uint64_t)(m), 0}

static const struct gp_syscall profile[] = {
    {SCMP_SYS(read), "questions", {EQ(0, STDIN_FILENO)}},
    {SCMP_SYS(write), "answers", {EQ(0, STDOUT_FILENO)}},
    {SCMP_SYS(write), "messages", {EQ(0, STDERR_FILENO)}},
    {SCMP_SYS(sendto), "the server, connected; no other address",
	{EQ(4, 0)}},
    N(recvfrom, "the server's answers"),
    N(poll, "waiting for it"),
    N(ppoll, "as libc may spell it"),
    {SCMP_SYS(mmap), "memory of our own, never executable",
	{ZERO(2, PROT_EXEC), {GP_ARG_MASKED, 3, MAP_ANONYMOUS, MAP_ANONYMOUS}}},
    N(munmap, "memory"),
    N(mremap, "memory"),
    N(madvise, "memory"),
    N(brk, "memory"),
    N(clock_gettime, "where the vdso cannot"),
    N(getrandom, "ids of questions"),
    N(rt_sigreturn, "return from a handler"),
    N(restart_syscall, "after a stop and continue"),
    N(futex, "libc's locks"),
    N(exit_group, "the end"),
};

static void
close_sandbox(void)
{
	int rc = geteuid() == 0 ? gp_sandbox_drop(GP_NOBODY, GP_NOBODY, NULL, 0)
				: gp_sandbox_drop_caps();

	if (rc == 0)
		rc = gp_sandbox_limits(NOFILE);
	if (rc < 0)
		die("dropping privileges: %s", strerror(-rc));
	rc = gp_sandbox_landlock(NULL, 0);
	/* seccomp alone already opens nothing */
	if (rc < 0 && rc != -ENOSYS && rc != -EOPNOTSUPP)
		die("Landlock: %s", strerror(-rc));
	rc = gp_sandbox_seccomp(profile, sizeof(profile) / sizeof(profile[0]));
	if (rc < 0)
		die("seccomp: %s", strerror(-rc));
}

/* ---- DNS ----------------------------------------------------------------- */

static void
send_question(const struct helper *h, struct question *q, int64_t now_ns)
{
	uint16_t id;

	if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
		die("getrandom: %s", strerror(errno));
	q->query_len = ptr_query(id, &q->addr, q->query);
	q->sent_ns = now_ns;
	q->tries++;
	(void)send(h->socket, q->query, q->query_len, 0); /* or again later */
}

static void
take_answer(struct helper *h, const uint8_t *p, size_t len)
{
	char name[PTR_NAME_MAX];

	for (size_t i = 0; i < h->n; i++) {
		struct question *q = &h->question[i];
		int rc;

		if (q->done || !q->sent_ns)
			continue;
		rc = ptr_answer(q->query, q->query_len, p, len, name);
		if (rc < 0)
			continue;
		q->done = true;
		h->mute |= ptr_refuses(p);
		if (rc > 0)
			q->name = strdup(name);
		return;
	}
}

/* Sends what may be sent; false when nothing is left to wait for. */
static bool
keep_going(struct helper *h, int64_t now_ns)
{
	size_t flying = 0;
	bool open = false;

	for (size_t i = 0; i < h->n && flying < IN_FLIGHT; i++) {
		struct question *q = &h->question[i];

		if (q->done)
			continue;
		if (q->sent_ns && now_ns - q->sent_ns >= TRY_NS &&
		    q->tries == TRIES) {
			q->done = h->mute = true;
			continue;
		}
		open = true;
		flying++;
		if (!q->sent_ns || now_ns - q->sent_ns >= TRY_NS)
			send_question(h, q, now_ns);
	}
	return open;
}

static bool
is_open(const struct helper *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (!h->question[i].done)
			return true;
	return false;
}

/* Returns what is to be said of names that are missing. */
static const char *
resolve(struct helper *h, int64_t most_ns)
{
	int64_t end_ns = gp_clock_mono_ns() + most_ns;
	uint8_t answer[1500];

	h->mute = false;
	for (;;) {
		int64_t now_ns = gp_clock_mono_ns();
		struct pollfd p = {.fd = h->socket, .events = POLLIN};
		int64_t left_ms = (end_ns - now_ns) / NS_PER_MS + 1;
		ssize_t got;

		if (now_ns >= end_ns && is_open(h))
			return "late\n";
		if (now_ns >= end_ns || !keep_going(h, now_ns))
			return h->mute ? "mute\n" : "";
		(void)poll(&p, 1, left_ms < 50 ? (int)left_ms : 50);
		/* whoever sends faster than is read here is left, too */
		while ((got = recv(h->socket, answer, sizeof(answer), 0)) > 0 &&
		    gp_clock_mono_ns() < end_ns)
			take_answer(h, answer, (size_t)got);
		if (got < 0 && errno == ECONNREFUSED)
			return is_open(h) ? "mute\n" : ""; /* nobody is there */
	}
}

/* ---- questions ----------------------------------------------------------- */

static void
print_network(void *arg, const struct gp_prefix *p)
{
	char text[GP_ADDR_TEXT_MAX];

	(void)arg;
	(void)gp_prefix_format(p, text);
	out_str(&out, text);
	out_char(&out, '\n');
}

/* "AS64500", "64500"; 0 when it is none: RFC 7607 keeps that one free. */
static uint32_t
parse_asn(const char *s)
{
	uint64_t v = 0;

	s += strncasecmp(s, "AS", 2) == 0 ? 2 : 0;
	for (; *s >= '0' && *s <= '9' && v <= UINT32_MAX; s++)
		v = v * 10 + (uint64_t)(*s - '0');
	return *s || v > UINT32_MAX ? 0 : (uint32_t)v;
}

static void
answer_networks(const struct helper *h, const char *name)
{
	const char *country = NULL;
	const struct geo *g;
	uint32_t asn = 0;
	int n;

	if (strncmp(name, "country=", 8) == 0) {
		country = name + 8;
		g = h->geoip;
	} else {
		asn = parse_asn(strncmp(name, "asn=", 4) == 0 ? name + 4 : "");
		g = h->asn;
		if (!asn) {
			out_str(&out, "!a system is one number such as "
			    "AS64500, at most 4294967295\n");
			return;
		}
	}
	if (!g) {
		out_fmt(&out, "!no MMDB file is set as %s under [site] in the "
		    "INI file\n", country ? "geoip" : "asn");
		return;
	}
	n = geo_networks(g, country, asn, print_network, NULL);
	if (n < 0)
		die("the MMDB file is damaged");
	if (n == 0)
		out_fmt(&out, "!the MMDB file has no network of %.40s\n",
		    strchr(name, '=') + 1);
}

static void
print_clean(const char *s)
{
	for (; *s; s++)
		out_char(&out, *s == '\t' || *s == '\n' ? ' ' : *s);
}

/* line is " 500" or nothing. */
static int64_t
parse_patience(const char *line)
{
	unsigned long long ms;

	if (!*line)
		return DEADLINE_NS;
	ms = strtoull(line, NULL, 10);
	return ms < DEADLINE_NS / NS_PER_MS ? (int64_t)ms * NS_PER_MS
					    : DEADLINE_NS;
}

static void
answer_addresses(struct helper *h, int64_t most_ns)
{
	const char *missing = h->socket >= 0 ? resolve(h, most_ns) : "";

	for (size_t i = 0; i < h->n; i++) {
		struct question *q = &h->question[i];
		char country[GEO_COUNTRY_MAX] = "", asn[GEO_ASN_MAX] = "",
		     org[GEO_ORG_MAX] = "";

		if (h->geoip)
			geo_country(h->geoip, &q->addr, country);
		if (h->asn)
			geo_asn(h->asn, &q->addr, asn, org);
		print_clean(q->name ? q->name : "");
		out_char(&out, '\t');
		print_clean(country);
		out_fmt(&out, "\t%s\t", asn);
		print_clean(org);
		out_char(&out, '\n');
		free(q->name);
	}
	out_str(&out, missing);
	h->n = 0;
}

static void
remember(struct helper *h, const char *text)
{
	struct question *more;

	if (h->n == ADDRS_MAX)
		die("more than %d addresses", ADDRS_MAX);
	if ((h->n & (h->n - 1)) == 0) {
		more = reallocarray(h->question, h->n ? h->n * 2 : 1,
		    sizeof(*more));
		if (!more)
			die("%s", strerror(ENOMEM));
		h->question = more;
	}
	memset(&h->question[h->n], 0, sizeof(h->question[0]));
	if (gp_addr_parse(text, &h->question[h->n].addr) < 0)
		die("no address");
	h->n++;
}

static void
take_line(struct helper *h, char *line)
{
	if (line[0] == 'A' && line[1] == ' ') {
		remember(h, line + 2);
		return;
	}
	if (line[0] == 'N' && line[1] == ' ')
		answer_networks(h, line + 2);
	else if (line[0] == 'Q')
		answer_addresses(h, parse_patience(line + 1));
	else if (line[0] != '?')
		die("no question of goquery's");
	out_str(&out, ".\n");
	if (out_flush(&out) < 0)
		exit(0); /* goquery has gone */
}

static void
serve(struct helper *h)
{
	char buf[4096];
	size_t have = 0;

	for (;;) {
		ssize_t got = read(STDIN_FILENO, buf + have,
		    sizeof(buf) - have);
		char *line = buf, *end;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return;
		have += (size_t)got;
		while ((end = memchr(line, '\n',
			    have - (size_t)(line - buf)))) {
			*end = '\0';
			take_line(h, line);
			line = end + 1;
		}
		have -= (size_t)(line - buf);
		memmove(buf, line, have);
		if (have == sizeof(buf))
			die("an overlong line");
	}
}

int
main(int argc, char **argv)
{
	struct helper h = {.socket = -1};
	char error[256];

	/* what goquery's caller left open is not ours */
	if (gp_fd_fill_std() < 0 || gp_fd_close_others(NULL, 0) < 0)
		return 1;
	out_init(&out, STDOUT_FILENO);
	for (int i = 1; i + 1 < argc; i += 2) {
		int rc = 0;

		if (strcmp(argv[i], "--dns") == 0)
			h.socket = open_server(argv[i + 1]);
		else if (strcmp(argv[i], "--geoip") == 0)
			rc = geo_open(argv[i + 1], &h.geoip, error);
		else if (strcmp(argv[i], "--asn") == 0)
			rc = geo_open(argv[i + 1], &h.asn, error);
		else
			die("goquery starts this program itself");
		if (rc < 0)
			die("%s", error);
	}
	if (argc < 3 || argc % 2 == 0)
		die("goquery starts this program itself");
	close_sandbox();
	serve(&h);
	return 0;
}
