/*
 * fanout: the program, run by a small interpreter, deals both directions of a
 * conversation, fragments, and every wrapping of a packet to the same place.
 */
#include "capture/fanout.h"

#include <linux/filter.h>
#include <linux/if_ether.h>

#include "tests/lib/packet.h"
#include "tests/tap.h"

enum { SEEDS = 200 };

/* A frame as the kernel has it; `net` is where the network header starts. */
struct skb {
	const uint8_t *b;
	size_t n, net;
	uint16_t protocol;
};

static bool
fetch(const struct skb *skb, uint32_t at, unsigned size, uint32_t *a)
{
	uint32_t base = (uint32_t)SKF_LL_OFF, off;
	size_t from = 0;

	if (at == (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)) {
		*a = skb->protocol;
		return true;
	}
	if (at >= (uint32_t)SKF_NET_OFF) {
		base = (uint32_t)SKF_NET_OFF;
		from = skb->net;
	}
	off = at - base;
	if (from + off + size > skb->n)
		return false;
	*a = 0;
	for (unsigned i = 0; i < size; i++)
		*a = *a << 8 | skb->b[from + off + i];
	return true;
}

static unsigned
size_of(uint16_t code)
{
	return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

static uint32_t
calculate(uint16_t code, uint32_t a, uint32_t b)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		return a + b;
	case BPF_MUL:
		return a * b;
	case BPF_XOR:
		return a ^ b;
	case BPF_AND:
		return a & b;
	case BPF_RSH:
		return a >> b;
	default:
		diag("no such operation %x", code);
		exit(99);
	}
}

static bool
jumps(uint16_t code, uint32_t a, uint32_t k)
{
	return BPF_OP(code) == BPF_JEQ ? a == k : a > k;
}

static uint32_t
run(const struct sock_filter *f, size_t n, const struct skb *skb)
{
	uint32_t a = 0, x = 0, m[BPF_MEMWORDS] = {0};

	for (size_t pc = 0; pc < n; pc++) {
		uint16_t code = f[pc].code;
		uint32_t k = f[pc].k;

		switch (BPF_CLASS(code)) {
		case BPF_LD:
			if (BPF_MODE(code) == BPF_IMM)
				a = k;
			else if (BPF_MODE(code) == BPF_MEM)
				a = m[k];
			else if (!fetch(skb, BPF_MODE(code) == BPF_IND ? x + k
				     : k, size_of(code), &a))
				return 0;
			break;
		case BPF_LDX:
			x = BPF_MODE(code) == BPF_MEM ? m[k] : k;
			break;
		case BPF_ST:
			m[k] = a;
			break;
		case BPF_STX:
			m[k] = x;
			break;
		case BPF_ALU:
			a = calculate(code, a, BPF_SRC(code) == BPF_X ? x : k);
			break;
		case BPF_JMP:
			if (BPF_OP(code) == BPF_JA)
				pc += k;
			else
				pc += jumps(code, a, k) ? f[pc].jt : f[pc].jf;
			break;
		case BPF_RET:
			return BPF_RVAL(code) == BPF_A ? a : k;
		default:
			if (BPF_MISCOP(code) == BPF_TAX)
				x = a;
			else
				a = x;
		}
	}
	diag("ran over the end");
	exit(99);
}

/* ---- frames -------------------------------------------------------------- */

enum wrap { PLAIN, VLAN, QINQ, TRIPLE, MPLS1, MPLS3, PPPOE, SNAP, VLAN_PPPOE,
	WRAPS };

static void
wrap(struct packet *p, enum wrap how, unsigned type)
{
	static const char *const head[WRAPS] = {
		[VLAN] = "\x81\0\0\5", [QINQ] = "\x88\xa8\0\6\x81\0\0\5",
		[TRIPLE] = "\x91\0\0\7\x88\xa8\0\6\x81\0\0\5",
		[MPLS1] = "\x88\x47\0\1\1\x40",
		[MPLS3] = "\x88\x48\0\1\0\x40\0\2\0\x40\0\3\1\x40",
		[PPPOE] = "\x88\x64\x11\0\0\1\0\x40",
		[VLAN_PPPOE] = "\x81\0\0\5\x88\x64\x11\0\0\1\0\x40",
		[SNAP] = "\0\x60\xaa\xaa\3\0\0\0"};
	static const size_t len[WRAPS] = {0, 4, 8, 12, 6, 14, 8, 8, 12};

	put_ether(p, 0);
	p->n -= 2;
	if (len[how])
		put(p, head[how], len[how]);
	if (how == PPPOE || how == VLAN_PPPOE)
		put16(p, type == ETH_P_IP ? 0x21 : 0x57);
	else if (how != MPLS1 && how != MPLS3)
		put16(p, type);
}

struct flow {
	unsigned version, proto;
	uint32_t src, dst;
	bool back, later; /* the other direction; a later fragment */
};

static struct packet *
frame(enum wrap how, struct flow f)
{
	struct packet *p = packet_new();
	uint32_t src = f.back ? f.dst : f.src, dst = f.back ? f.src : f.dst;

	wrap(p, how, f.version == 4 ? ETH_P_IP : ETH_P_IPV6);
	if (f.version == 4)
		put_ip4(p, (struct ip4){src, dst, f.proto, 7,
			       f.later ? 100 : 0, 0}, 8);
	else
		put_ip6(p, src, dst, f.later ? 44 : f.proto, 8);
	put_udp(p, f.back ? 2 : 1, f.back ? 1 : 2);
	return p;
}

static uint32_t
deal(const struct sock_filter *f, size_t n, const struct packet *p)
{
	struct skb skb = {p->b, p->n, 14, 0};

	return run(f, n, &skb);
}

static void
test_meet(const struct sock_filter *f, size_t n, unsigned version)
{
	uint64_t seed = tap_seed(version);
	unsigned apart = 0, fragments = 0, wrapped[WRAPS] = {0}, zero = 0;
	unsigned spread[4] = {0};

	for (int i = 0; i < SEEDS; i++) {
		uint32_t a = (uint32_t)tap_random(&seed),
			 b = (uint32_t)tap_random(&seed);
		struct flow flow = {version, 17, a, b, false, false},
			    back = {version, 17, a, b, true, false},
			    later = {version, 17, a, b, false, true};
		uint32_t at = deal(f, n, frame(PLAIN, flow));

		zero += at == 0;
		spread[at % 4]++;
		apart += at != deal(f, n, frame(PLAIN, back));
		fragments += at != deal(f, n, frame(PLAIN, later));
		for (enum wrap how = PLAIN; how < WRAPS; how++)
			wrapped[how] += at != deal(f, n, frame(how, flow)) ||
			    at != deal(f, n, frame(how, back));
	}
	is_int(apart, 0, "IPv%u: both directions meet", version);
	is_int(fragments, 0, "and fragments");
	is_int(zero, 0, "none is taken for something else");
	for (enum wrap how = PLAIN; how < WRAPS; how++)
		is_int(wrapped[how], 0, "wrapped %d: as without", how);
	for (int i = 0; i < 4; i++)
		ok(spread[i] > SEEDS / 8 && spread[i] < SEEDS / 2,
		    "%u of %d to worker %d", spread[i], SEEDS, i);
}

/* Neighbours in a network go apart, not hand in hand. */
static void
test_neighbours(const struct sock_filter *f, size_t n)
{
	unsigned spread[4] = {0};

	for (uint32_t i = 1; i <= 200; i++)
		spread[deal(f, n, frame(PLAIN, (struct flow){4, 6,
				      0x0a000000 + i, 0x0a010000 + i, false,
				      false})) % 4]++;
	for (int i = 0; i < 4; i++)
		ok(spread[i] > 25 && spread[i] < 100,
		    "%u of 200 parallel pairs to worker %d", spread[i], i);
}

static void
test_without_link(void)
{
	struct sock_filter f[FANOUT_INSNS_MAX];
	size_t n = fanout_program(f, false, 99);
	struct flow flow = {4, 17, 1, 2, false, false};
	struct packet *p = frame(PLAIN, flow);
	struct skb skb = {p->b + 14, p->n - 14, 0, ETH_P_IP};
	uint32_t at = run(f, n, &skb), back;

	flow.back = true;
	p = frame(PLAIN, flow);
	back = run(f, n, &skb);
	ok(at != 0 && at == back, "an interface without link header");
	skb.protocol = ETH_P_ARP;
	is_int(run(f, n, &skb), 0, "what is no IP goes to the first");
}

static void
test_short(const struct sock_filter *f, size_t n)
{
	unsigned bad = 0;

	for (enum wrap how = PLAIN; how < WRAPS; how++) {
		struct packet *p = frame(how, (struct flow){4, 17, 1, 2, false,
						  false});
		size_t whole = p->n - 8; /* without the UDP header */

		for (p->n = 0; p->n < whole; p->n++)
			bad += deal(f, n, p) != 0;
	}
	is_int(bad, 0, "a cut frame goes to the first");
}

int
main(void)
{
	struct sock_filter f[FANOUT_INSNS_MAX];
	size_t n = fanout_program(f, true, 12345);

	ok(n > 50 && n <= FANOUT_INSNS_MAX, "%zu instructions", n);
	test_meet(f, n, 4);
	test_meet(f, n, 6);
	test_neighbours(f, n);
	test_without_link();
	test_short(f, n);
	return tap_done();
}
