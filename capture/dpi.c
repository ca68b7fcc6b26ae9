/*
 * nDPI 4.2, as in Debian 12.  What later versions changed stands in the part
 * "versions" below and nowhere else.
 */
#include "capture/dpi.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "capture/arena.h"
#include "common/base/applications.h"

#include <ndpi_api.h>

enum {
	PAIRS = 8192,           /* of protocols, remembered; power of two */
	EXTRA_PACKETS = 6,      /* for a TLS certificate and the like */
	CUT_WEIGHT = 6,         /* packets: who did not know the first ones of
	                           a flow, each cut, hardly knows a later one */
	ARENA_SPARE = 512 << 10, /* in one piece: more than a packet can take */
	STALE_LOOK = 16,
	NAME_BYTES = 64,
};

struct state {
	struct ndpi_flow_struct flow;
	uint64_t owner;
	uint32_t since_s;
	uint16_t packets, extra;
	uint16_t dport;
	uint8_t proto;
	bool taken, ended;
	uint32_t next; /* free ones; number, 0 ends */
};

struct pair {
	uint32_t key; /* master, application; 0: none */
	uint16_t label, guess;
};

struct dpi {
	struct ndpi_detection_module_struct *engine;
	void *memory; /* of the arena */
	struct arena arena;
	struct labels *labels;
	struct state *state; /* DPI_STATES + 1; 0 is none, and for guesses */
	uint32_t free1;      /* list of used ones */
	uint32_t high;       /* numbers ever used */
	uint32_t hand;       /* dpi_stale() */
	uint8_t cut[DPI_PACKET_BYTES]; /* a packet whose header says more */
	struct dpi_stats stats;
	struct pair pair[PAIRS];
	uint16_t by_proto[256]; /* label + 1 */
};

/* ---- versions ---------------------------------------------------------- */

#define VERSION (NDPI_MAJOR * 100 + NDPI_MINOR)
#if VERSION >= 500
#error "nDPI 5 has another interface; build with WITH_NDPI=0"
#endif

static struct ndpi_detection_module_struct *
engine_new(void)
{
#if VERSION >= 410
	return ndpi_init_detection_module(NULL);
#else
	return ndpi_init_detection_module(ndpi_no_prefs);
#endif
}

static void
engine_start(struct ndpi_detection_module_struct *engine)
{
	NDPI_PROTOCOL_BITMASK all;

	NDPI_BITMASK_SET_ALL(all);
	ndpi_set_protocol_detection_bitmask2(engine, &all);
	ndpi_finalize_initialization(engine);
}

static ndpi_protocol
engine_packet(struct ndpi_detection_module_struct *engine,
    struct ndpi_flow_struct *flow, const uint8_t *ip, size_t len,
    uint64_t time_ms)
{
#if VERSION >= 406
	return ndpi_detection_process_packet(engine, flow, ip,
	    (unsigned short)len, time_ms, NULL);
#else
	return ndpi_detection_process_packet(engine, flow, ip,
	    (unsigned short)len, time_ms);
#endif
}

static ndpi_protocol
engine_giveup(struct ndpi_detection_module_struct *engine,
    struct ndpi_flow_struct *flow)
{
	u_int8_t guessed = 0;

#if VERSION >= 410
	return ndpi_detection_giveup(engine, flow, &guessed);
#else
	return ndpi_detection_giveup(engine, flow, 1, &guessed);
#endif
}

/* ---- memory ------------------------------------------------------------ */

/* nDPI's hooks take no context. */
static _Thread_local struct arena *current;

static void *
hook_malloc(size_t bytes)
{
	return current ? arena_alloc(current, bytes) : NULL;
}

static void
hook_free(void *p)
{
	if (current)
		arena_free(current, p);
}

static void *
reserve(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static const size_t state_bytes = (DPI_STATES + 1) * sizeof(struct state);

/* ---- names ------------------------------------------------------------- */

/* "TLS.Google?": each part by its stable name. */
static uint16_t
make_label(struct dpi *d, uint16_t master, uint16_t app, bool guess)
{
	ndpi_protocol p = NDPI_PROTOCOL_NULL;
	char text[NAME_BYTES], name[NAME_BYTES + sizeof(LABELS_GUESS)];
	const char *category;
	char *dot;

	p.master_protocol = master;
	p.app_protocol = app;
	(void)ndpi_protocol2name(d->engine, p, text, sizeof(text));
	category = ndpi_category_get_name(d->engine,
	    ndpi_get_proto_category(d->engine, p));
	dot = strchr(text, '.');
	if (dot)
		*dot++ = '\0';
	(void)snprintf(name, sizeof(name), "%s%s%s%s",
	    gp_application_stable(text), dot ? "." : "",
	    dot ? gp_application_stable(dot) : "",
	    guess ? LABELS_GUESS : "");
	return labels_add(d->labels, name, category ? category : "");
}

static uint16_t
label_of(struct dpi *d, ndpi_protocol p, bool guess)
{
	uint16_t master = p.master_protocol, app = p.app_protocol;
	uint32_t key, at;

	if (app == NDPI_PROTOCOL_UNKNOWN) {
		app = master;
		master = NDPI_PROTOCOL_UNKNOWN;
	}
	if (app == NDPI_PROTOCOL_UNKNOWN)
		return LABELS_UNKNOWN;
	key = (uint32_t)master << 16 | app;
	at = key * 2654435761u % PAIRS;
	if (d->pair[at].key != key)
		d->pair[at] = (struct pair){key, 0, 0};
	if (guess) {
		if (d->pair[at].guess == 0)
			d->pair[at].guess = make_label(d, master, app, true);
		return d->pair[at].guess;
	}
	if (d->pair[at].label == 0)
		d->pair[at].label = make_label(d, master, app, false);
	return d->pair[at].label;
}

static bool
is_guess(const struct ndpi_flow_struct *flow)
{
	return flow->confidence == NDPI_CONFIDENCE_MATCH_BY_PORT ||
	    flow->confidence == NDPI_CONFIDENCE_MATCH_BY_IP;
}

/* ---- states ------------------------------------------------------------ */

/* Makes the engine in an empty arena; some 20 ms. */
static int
make_engine(struct dpi *d)
{
	struct arena fresh;
	int rc = arena_init(&fresh, d->memory, DPI_ARENA_BYTES);

	if (rc < 0)
		return rc;
	d->arena = fresh;
	current = &d->arena;
	d->engine = engine_new();
	if (!d->engine)
		return -ENOMEM;
	engine_start(d->engine);
	return 0;
}

bool
dpi_full(const struct dpi *d)
{
	return (d->free1 == 0 && d->high == DPI_STATES) ||
	    !arena_has(&d->arena, ARENA_SPARE);
}

/* Memory is short and no flow has it: the engine lost it, to a packet that was
 * made for that or not.  So it begins anew. */
static bool
renew(struct dpi *d)
{
	if (d->stats.states != 0 || arena_has(&d->arena, ARENA_SPARE))
		return false;
	d->stats.renewed++;
	return make_engine(d) == 0;
}

uint32_t
dpi_take(struct dpi *d, uint64_t owner, uint32_t now_s)
{
	uint32_t n = d->free1;
	struct state *s;

	if (dpi_full(d) && !renew(d)) {
		d->stats.starved++;
		return 0;
	}
	if (n != 0)
		d->free1 = d->state[n].next;
	else
		n = ++d->high;
	s = &d->state[n];
	memset(s, 0, sizeof(*s));
	s->owner = owner;
	s->since_s = now_s;
	s->taken = true;
	d->stats.states++;
	return n;
}

static void
release(struct dpi *d, uint32_t n)
{
	struct state *s = &d->state[n];

	assert(s->taken);
	current = &d->arena;
	ndpi_free_flow_data(&s->flow);
	s->taken = false;
	s->next = d->free1;
	d->free1 = n;
	d->stats.states--;
}

void
dpi_ended(struct dpi *d, uint32_t n)
{
	assert(d->state[n].taken);
	d->state[n].ended = true;
}

bool
dpi_stale(struct dpi *d, uint32_t now_s, uint32_t wait_s, uint64_t *owner)
{
	for (int i = 0; i < STALE_LOOK && d->high != 0; i++) {
		const struct state *s;

		d->hand = d->hand % d->high + 1;
		s = &d->state[d->hand];
		/* a clock that went back makes nothing stale */
		if (s->taken && (s->ended ||
			(int32_t)(now_s - s->since_s) >= (int32_t)wait_s)) {
			*owner = s->owner;
			return true;
		}
	}
	return false;
}

uint16_t
dpi_giveup(struct dpi *d, uint32_t n)
{
	struct state *s = &d->state[n];
	ndpi_protocol p;
	uint16_t label;

	current = &d->arena;
	p = engine_giveup(d->engine, &s->flow);
	label = label_of(d, p, is_guess(&s->flow));
	release(d, n);
	return label;
}

/* The packet's length as its header says it; 0: more than 64 KiB, or what the
 * card was to part. */
static size_t
length_said(const uint8_t *ip, size_t len)
{
	bool v6 = ip[0] >> 4 == 6;
	size_t head = v6 ? 40 : 0, said;

	if (len < (v6 ? 40 : 20))
		return len; /* the engine will see */
	said = (size_t)(v6 ? ip[4] << 8 | ip[5] : ip[2] << 8 | ip[3]);
	return said ? head + said : 0;
}

/*
 * The engine takes no packet that is shorter than its header says: that was cut
 * by the snapshot length, or put together of many by the card or the kernel and
 * is longer than what is looked at.  So it is told what there is.
 */
static const uint8_t *
shortened(struct dpi *d, const uint8_t *ip, size_t len)
{
	bool v6 = ip[0] >> 4 == 6;
	size_t at = v6 ? 4 : 2, said = len - (v6 ? 40 : 0);

	memcpy(d->cut, ip, len);
	d->cut[at] = (uint8_t)(said >> 8);
	d->cut[at + 1] = (uint8_t)said;
	return d->cut;
}

/*
 * The first answer is taken, but for protocols that say more in their next
 * packets (a certificate names the service).
 */
bool
dpi_feed(struct dpi *d, uint32_t n, const uint8_t *ip, size_t len,
    uint32_t now_s, uint16_t *label)
{
	struct state *s = &d->state[n];
	ndpi_protocol p;
	bool known, last;
	size_t said;

	assert(s->taken && len > 0);
	current = &d->arena;
	if (!arena_has(&d->arena, ARENA_SPARE)) {
		d->stats.starved++;
		*label = dpi_giveup(d, n);
		return true;
	}
	d->stats.packets++;
	if (len > DPI_PACKET_BYTES)
		len = DPI_PACKET_BYTES;
	said = length_said(ip, len);
	s->packets = (uint16_t)(s->packets +
	    (said > len && len < DPI_PACKET_BYTES ? CUT_WEIGHT : 1));
	if (said == 0 || said > len)
		ip = shortened(d, ip, len);
	p = engine_packet(d->engine, &s->flow, ip, len,
	    (uint64_t)now_s * 1000);
	known = p.app_protocol != NDPI_PROTOCOL_UNKNOWN;
	last = s->packets >= (s->flow.l4_proto == IPPROTO_TCP
		    ? DPI_PACKETS_TCP : DPI_PACKETS_UDP);
	if (known && ndpi_extra_dissection_possible(d->engine, &s->flow))
		known = s->extra++ >= EXTRA_PACKETS;
	if (!known && !last)
		return false;
	if (p.app_protocol == NDPI_PROTOCOL_UNKNOWN) {
		*label = dpi_giveup(d, n);
		return true;
	}
	*label = label_of(d, p, is_guess(&s->flow));
	release(d, n);
	return true;
}

/* ---- guesses ----------------------------------------------------------- */

/* nDPI knows few protocols that have no ports; IANA's keywords for others
 * that are seen. */
static const struct {
	uint8_t proto;
	const char *name;
} keyword[] = {
    {0, "HOPOPT"}, {33, "DCCP"}, {43, "IPv6-Route"}, {44, "IPv6-Frag"},
    {60, "IPv6-Opts"}, {41, "IPv6"}, {46, "RSVP"}, {55, "MOBILE"},
    {88, "EIGRP"}, {89, "OSPF"}, {94, "IPIP"}, {97, "ETHERIP"},
    {98, "ENCAP"}, {103, "PIM"}, {108, "IPComp"}, {112, "VRRP"},
    {115, "L2TP"}, {124, "IS-IS"}, {132, "SCTP"}, {133, "FC"},
    {135, "Mobility"}, {136, "UDPLite"}, {137, "MPLS"}, {138, "manet"},
    {139, "HIP"}, {140, "Shim6"}, {143, "Ethernet"},
};

static uint16_t
protocol_label(struct dpi *d, uint8_t proto)
{
	char text[16];
	ndpi_protocol p;

	current = &d->arena;
	memset(&d->state[0], 0, sizeof(d->state[0]));
	p = ndpi_guess_undetected_protocol(d->engine, &d->state[0].flow, proto,
	    0, 0, 0, 0);
	if (p.app_protocol != NDPI_PROTOCOL_UNKNOWN ||
	    p.master_protocol != NDPI_PROTOCOL_UNKNOWN)
		return label_of(d, p, false); /* the number is the protocol */
	for (size_t i = 0; i < sizeof(keyword) / sizeof(keyword[0]); i++)
		if (keyword[i].proto == proto)
			return labels_add(d->labels, keyword[i].name,
			    "Network");
	(void)snprintf(text, sizeof(text), "IP-%u", proto);
	return labels_add(d->labels, text, "Network");
}

uint16_t
dpi_guess(struct dpi *d, uint8_t proto, uint16_t dport)
{
	ndpi_protocol p;

	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP) {
		if (d->by_proto[proto] == 0)
			d->by_proto[proto] =
			    (uint16_t)(protocol_label(d, proto) + 1);
		return (uint16_t)(d->by_proto[proto] - 1);
	}
	current = &d->arena;
	memset(&d->state[0], 0, sizeof(d->state[0]));
	/* addresses of nobody: only the port speaks */
	p = ndpi_guess_undetected_protocol(d->engine, &d->state[0].flow, proto,
	    0, UINT16_MAX, 0, dport);
	ndpi_free_flow_data(&d->state[0].flow);
	return label_of(d, p, true);
}

/* ---- life -------------------------------------------------------------- */

/*
 * nDPI prints in places where it wonders about its input; in the sandbox,
 * where nothing but the log can be written, that would be the end.
 */
static ssize_t
swallow(void *cookie, const char *buf, size_t n)
{
	(void)cookie;
	(void)buf;
	return (ssize_t)n;
}

void
dpi_silence_stdout(void)
{
	static FILE *nowhere;

	if (!nowhere)
		nowhere = fopencookie(NULL, "w",
		    (cookie_io_functions_t){.write = swallow});
	if (nowhere)
		stdout = nowhere;
}

/*
 * A QUIC Initial (RFC 9000, 17.2.2) of 1200 bytes: its keys are derived, its
 * header and payload decrypted, and the tag does not hold.
 */
static void
warm_up(struct dpi *d)
{
	enum { IP = 20, UDP = 8, QUIC = 1200, ALL = IP + UDP + QUIC };
	static const uint8_t head[] = {0xc0, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6,
	    7, 8, 0, 0, 0x44, 0x9e};
	uint8_t p[ALL] = {0x45, 0, ALL >> 8, ALL & 255, 0, 1, 0, 0, 64,
	    IPPROTO_UDP, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0xc3, 0x50, 1, 0xbb,
	    (UDP + QUIC) >> 8, (UDP + QUIC) & 255};
	uint32_t n = dpi_take(d, 0, 0);
	uint16_t label;

	memcpy(p + IP + UDP, head, sizeof(head));
	if (n != 0 && !dpi_feed(d, n, p, sizeof(p), 1, &label))
		(void)dpi_giveup(d, n);
	d->stats = (struct dpi_stats){0};
}

int
dpi_new(struct dpi **out, struct labels *labels)
{
	struct dpi *d;
	int rc = -ENOMEM;

	if (ndpi_get_api_version() != NDPI_API_VERSION)
		return -EPROTO;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	set_ndpi_malloc(hook_malloc);
	set_ndpi_free(hook_free);
	set_ndpi_flow_malloc(hook_malloc);
	set_ndpi_flow_free(hook_free);
	d->labels = labels;
	d->state = reserve(state_bytes);
	d->memory = reserve(DPI_ARENA_BYTES);
	if (d->state && d->memory)
		rc = make_engine(d);
	if (rc < 0) {
		dpi_free(d);
		return rc;
	}
	warm_up(d);
	*out = d;
	return 0;
}

void
dpi_free(struct dpi *d)
{
	if (!d)
		return;
	/* whatever hangs on flows and engine lies in the arena */
	if (current == &d->arena)
		current = NULL;
	if (d->state)
		munmap(d->state, state_bytes);
	if (d->memory)
		munmap(d->memory, DPI_ARENA_BYTES);
	free(d);
}

const char *
dpi_version(void)
{
	static char text[48];

	if (text[0] == '\0')
		(void)snprintf(text, sizeof(text), "nDPI-%s",
		    ndpi_revision());
	return text;
}

void
dpi_stats(const struct dpi *d, struct dpi_stats *out)
{
	*out = d->stats;
	out->arena_used = d->arena.used;
	out->arena_most = d->arena.used_most;
}
