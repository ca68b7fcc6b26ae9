#include "capture/fanout.h"

#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#ifndef PACKET_FANOUT_FLAG_UNIQUEID
#define PACKET_FANOUT_FLAG_UNIQUEID 0x2000
#endif

enum {
	TAGS_MAX = 3,
	LABELS_MAX = 6,
	PPP_IP4 = 0x0021,
	PPP_IP6 = 0x0057,
	LLC_MAX = 1500, /* as an EtherType: a length */
};

/* The program's own memory words. */
enum { M_SRC, M_DST, M_PART, M_SUM, M_AT };

enum label { IP4, IP6, MPLS, PPPOE, OTHER, LABELS };

struct program {
	struct sock_filter *f;
	size_t n;
	uint32_t base; /* what offsets are relative to */
	uint32_t at[LABELS];
};

static void
put(struct program *p, uint16_t code, uint32_t k)
{
	assert(p->n < FANOUT_INSNS_MAX);
	p->f[p->n++] = (struct sock_filter){code, 0, 0, k};
}

/* The label's number in place of the distance; see resolve(). */
static void
go(struct program *p, enum label label)
{
	put(p, BPF_JMP | BPF_JA, label);
}

/* if (A == k) goto label */
static void
go_if(struct program *p, uint32_t k, enum label label)
{
	put(p, BPF_JMP | BPF_JEQ | BPF_K, k);
	p->f[p->n - 1].jf = 1;
	go(p, label);
}

static void
here(struct program *p, enum label label)
{
	p->at[label] = (uint32_t)p->n;
}

static void
resolve(struct program *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (p->f[i].code == (BPF_JMP | BPF_JA))
			p->f[i].k = p->at[p->f[i].k] - i - 1;
}

/* A = the field `k` bytes from where X stands; k may be negative. */
static void
load(struct program *p, uint16_t size, int k)
{
	put(p, (uint16_t)(BPF_LD | BPF_IND | size), p->base + (uint32_t)k);
}

/* X += n */
static void
advance(struct program *p, uint32_t n)
{
	put(p, BPF_MISC | BPF_TXA, 0);
	put(p, BPF_ALU | BPF_ADD | BPF_K, n);
	put(p, BPF_MISC | BPF_TAX, 0);
}

/* A is the type of what X points at. */
static void
put_types(struct program *p)
{
	go_if(p, ETH_P_IP, IP4);
	go_if(p, ETH_P_IPV6, IP6);
	go_if(p, ETH_P_MPLS_UC, MPLS);
	go_if(p, ETH_P_MPLS_MC, MPLS);
	go_if(p, ETH_P_PPP_SES, PPPOE);
}

/* A type, then up to TAGS_MAX VLAN tags, each followed by another. */
static void
put_tags(struct program *p)
{
	for (int i = 0; i < TAGS_MAX; i++) {
		put_types(p);
		/* jumps over the three ways on: a tag, else no */
		put(p, BPF_JMP | BPF_JEQ | BPF_K, ETH_P_8021Q);
		p->f[p->n - 1].jt = 3;
		put(p, BPF_JMP | BPF_JEQ | BPF_K, ETH_P_8021AD);
		p->f[p->n - 1].jt = 2;
		put(p, BPF_JMP | BPF_JEQ | BPF_K, ETH_P_QINQ1);
		p->f[p->n - 1].jt = 1;
		go(p, OTHER);
		advance(p, 4);
		load(p, BPF_H, -2);
	}
	put_types(p);
	go(p, OTHER);
}

/* X stands behind an Ethernet header, A is its type: LLC/SNAP is a longer
 * header with another type at its end. */
static void
put_snap(struct program *p)
{
	put(p, BPF_JMP | BPF_JGT | BPF_K, LLC_MAX);
	p->f[p->n - 1].jt = 7;
	load(p, BPF_W, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 0xaaaa0300);
	p->f[p->n - 1].jt = 1;
	go(p, OTHER);
	advance(p, 8);
	load(p, BPF_H, -2);
}

static void
put_mpls(struct program *p)
{
	here(p, MPLS);
	for (int i = 0; i < LABELS_MAX; i++) {
		load(p, BPF_B, 2); /* its lowest bit: the last label */
		put(p, BPF_ALU | BPF_AND | BPF_K, 1);
		put(p, BPF_ST, M_PART);
		advance(p, 4);
		/* what follows says itself which IP it is */
		put(p, BPF_LD | BPF_MEM, M_PART);
		put(p, BPF_JMP | BPF_JEQ | BPF_K, 0);
		p->f[p->n - 1].jt = 7;
		load(p, BPF_B, 0);
		put(p, BPF_ALU | BPF_RSH | BPF_K, 4);
		go_if(p, 4, IP4);
		go_if(p, 6, IP6);
		go(p, OTHER);
	}
	go(p, OTHER);
}

static void
put_pppoe(struct program *p)
{
	here(p, PPPOE);
	advance(p, 8);
	load(p, BPF_H, -2);
	go_if(p, PPP_IP4, IP4);
	go_if(p, PPP_IP6, IP6);
	go(p, OTHER);
}

/* M_SUM += f(word of source, word of destination), f(a, b) = f(b, a) */
static void
put_pair(struct program *p, int src, int dst, uint32_t key)
{
	put(p, BPF_LDX | BPF_MEM, M_AT);
	load(p, BPF_W, src);
	put(p, BPF_ST, M_SRC);
	load(p, BPF_W, dst);
	put(p, BPF_ST, M_DST);
	put(p, BPF_LDX | BPF_MEM, M_SRC);
	put(p, BPF_ALU | BPF_XOR | BPF_X, 0);
	put(p, BPF_ALU | BPF_MUL | BPF_K, key | 1);
	put(p, BPF_ST, M_PART);
	put(p, BPF_LD | BPF_MEM, M_DST);
	put(p, BPF_ALU | BPF_ADD | BPF_X, 0);
	put(p, BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1);
	put(p, BPF_LDX | BPF_MEM, M_PART);
	put(p, BPF_ALU | BPF_XOR | BPF_X, 0);
	put(p, BPF_LDX | BPF_MEM, M_SUM);
	put(p, BPF_ALU | BPF_XOR | BPF_X, 0);
	put(p, BPF_ALU | BPF_MUL | BPF_K, 0x85ebca6b);
	put(p, BPF_ST, M_SUM);
}

/* A ^= A >> n */
static void
put_fold(struct program *p, uint32_t n)
{
	put(p, BPF_MISC | BPF_TAX, 0);
	put(p, BPF_ALU | BPF_RSH | BPF_K, n);
	put(p, BPF_ALU | BPF_XOR | BPF_X, 0);
}

/* The kernel takes the result modulo the number of sockets. */
static void
put_result(struct program *p)
{
	put(p, BPF_LD | BPF_MEM, M_SUM);
	put_fold(p, 16);
	put(p, BPF_ALU | BPF_MUL | BPF_K, 0xc2b2ae35);
	put_fold(p, 15);
	put(p, BPF_RET | BPF_A, 0);
}

size_t
fanout_program(struct sock_filter *f, bool ethernet, uint32_t key)
{
	struct program p = {.f = f,
		.base = (uint32_t)(ethernet ? SKF_LL_OFF : SKF_NET_OFF)};

	put(&p, BPF_LDX | BPF_IMM, ethernet ? ETH_HLEN : 0);
	if (ethernet) {
		load(&p, BPF_H, -2);
		put_snap(&p);
	} else {
		put(&p, BPF_LD | BPF_H | BPF_ABS,
		    (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL));
	}
	put_tags(&p);
	put_mpls(&p);
	put_pppoe(&p);
	here(&p, IP4);
	put(&p, BPF_STX, M_AT);
	load(&p, BPF_B, 9);
	put(&p, BPF_ST, M_SUM);
	put_pair(&p, 12, 16, key);
	put_result(&p);
	here(&p, IP6);
	put(&p, BPF_STX, M_AT);
	put(&p, BPF_LD | BPF_IMM, 0);
	put(&p, BPF_ST, M_SUM);
	for (int i = 0; i < 16; i += 4)
		put_pair(&p, 8 + i, 24 + i, key);
	put_result(&p);
	here(&p, OTHER);
	put(&p, BPF_RET | BPF_K, 0);
	resolve(&p);
	return p.n;
}

static int
first_member(struct fanout *g, int fd, bool ethernet, uint32_t key)
{
	struct sock_filter f[FANOUT_INSNS_MAX];
	struct sock_fprog prog = {.filter = f};
	uint32_t how = (uint32_t)(PACKET_FANOUT_CBPF |
			   PACKET_FANOUT_FLAG_UNIQUEID) << 16;
	socklen_t len = sizeof(how);

	prog.len = (unsigned short)fanout_program(f, ethernet, key);
	if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &how, sizeof(how)) < 0 ||
	    getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &how, &len) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_FANOUT_DATA, &prog,
		sizeof(prog)) < 0)
		return -errno;
	g->id = (uint16_t)how;
	return 0;
}

int
fanout_join(struct fanout *g, int fd, bool ethernet, uint32_t key)
{
	uint32_t how = (uint32_t)PACKET_FANOUT_CBPF << 16 | g->id;
	int rc = 0;

	if (g->n == 0)
		rc = first_member(g, fd, ethernet, key);
	else if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &how,
		     sizeof(how)) < 0)
		rc = -errno;
	if (rc == 0)
		g->n++;
	return rc;
}
