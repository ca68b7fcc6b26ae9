#include "writer/peers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/addr.h"
#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/base/log.h"
#include "writer/succession.h"

#define BARRIER_MS 5000

int
peers_init(struct peers *p, struct godb_writer *store, struct stats *stats,
    int listen_fd, int notify_fd)
{
	memset(p, 0, sizeof(*p));
	p->listen_fd = listen_fd;
	p->notify_fd = notify_fd;
	p->store = store;
	p->stats = stats;
	p->next_store_id = 1;
	p->list = calloc(PEERS_MAX, sizeof(*p->list));
	return p->list ? 0 : -ENOMEM;
}

static struct peer *
new_peer(struct peers *p, int conn)
{
	struct peer *peer = NULL;

	for (size_t i = 0; i < PEERS_MAX && peer == NULL; i++)
		if (p->list[i].state == PEER_FREE) {
			peer = &p->list[i];
			if (i >= p->n_list)
				p->n_list = i + 1;
		}
	if (peer == NULL)
		return NULL;
	memset(peer, 0, sizeof(*peer));
	peer->state = PEER_NEW;
	peer->conn = conn;
	peer->ring_fd = -1;
	peer->ended_slot = -1;
	peer->since_mono_ns = gp_clock_mono_ns();
	peer->offset_min_ns = gp_clock_real_ns() - gp_clock_boot_ns();
	peer->offset_max_ns = peer->offset_min_ns;
	return peer;
}

int
peers_add_inherited(struct peers *p, int conn)
{
	struct peer *peer = new_peer(p, conn);

	if (peer == NULL)
		return -EBUSY;
	peer->inherited = true;
	return 0;
}

/* ---- the supervisor's descriptor store ---------------------------------- */

static void
store_keep(struct peers *p, const struct peer *peer)
{
	char text[96];

	(void)snprintf(text, sizeof(text),
	    "FDSTORE=1\nFDNAME=r.%s.%u\nFDPOLL=0", peer->iface,
	    peer->store_id);
	(void)gp_notify_send_fds(p->notify_fd, text, &peer->ring_fd, 1);
	(void)snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=c.%s.%u",
	    peer->iface, peer->store_id);
	(void)gp_notify_send_fds(p->notify_fd, text, &peer->conn, 1);
}

static void
store_forget(struct peers *p, const struct peer *peer)
{
	char text[96];

	if (peer->store_id == 0)
		return;
	(void)snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=c.%s.%u",
	    peer->iface, peer->store_id);
	(void)gp_notify_send(p->notify_fd, text);
	(void)snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=r.%s.%u",
	    peer->iface, peer->store_id);
	(void)gp_notify_send(p->notify_fd, text);
}

static void
let_go(struct peer *peer)
{
	ring_detach(&peer->ring);
	gp_fd_close(&peer->conn);
	gp_fd_close(&peer->ring_fd);
	peer->state = PEER_FREE;
}

void
peers_fini(struct peers *p)
{
	for (size_t i = 0; i < p->n_list; i++)
		if (p->list[i].state != PEER_FREE)
			let_go(&p->list[i]);
	free(p->list);
	p->list = NULL;
	p->n_list = 0;
}

void
peers_drop(struct peers *p, struct peer *peer)
{
	store_forget(p, peer);
	stats_dropped(p->stats, peer);
	let_go(peer);
	while (p->n_list > 0 && p->list[p->n_list - 1].state == PEER_FREE)
		p->n_list--;
}

void
peers_quarantine(struct peers *p, struct peer *peer, const char *why)
{
	p->lied++;
	gp_log(GP_LOG_WARNING,
	    "session ended: capture broke the protocol iface=%s why=\"%s\"",
	    peer->iface[0] ? peer->iface : "?", why);
	peers_drop(p, peer);
}

static void
refuse(struct peers *p, struct peer *peer, enum hello_code code, uint64_t a,
    const char *why)
{
	p->refused++;
	gp_log(GP_LOG_WARNING, "capture refused iface=%s why=\"%s\"",
	    peer->iface[0] ? peer->iface : "?", why);
	(void)hello_msg_send(peer->conn, MSG_WELCOME, code, a, 0);
	peers_drop(p, peer);
}

/* ---- hello --------------------------------------------------------------- */

/* Where to go on reading a ring: known rings come again after a restart of
 * either side. */
static int
find_position(struct peers *p, struct peer *peer)
{
	uint64_t seq, pos;
	int rc = godb_writer_ring(p->store, peer->iface,
	    peer->ring.info.instance, &seq, &pos);

	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return rc;
	peer->ring.next_seq = seq;
	peer->ring.pos = pos;
	return 0;
}

static void
welcome(struct peers *p, struct peer *peer)
{
	peer->store_id = p->next_store_id++;
	store_keep(p, peer);
	/* only when the supervisor has both may the capture rely on us */
	if (gp_notify_barrier(p->notify_fd, BARRIER_MS) < 0)
		gp_log(GP_LOG_WARNING,
		    "supervisor does not answer: a restart of the writer will "
		    "restart capture too iface=%s",
		    peer->iface);
	peer->state = PEER_ACTIVE;
	stats_session(p->stats, peer);
	if (hello_msg_send(peer->conn, MSG_WELCOME, HELLO_OK, peer->ring.pos,
		peer->ring.next_seq) < 0)
		peer->ack_due = true;
	if (!peer->offline)
		gp_log(GP_LOG_INFO, "capture connected iface=%s",
		    peer->iface);
}

/* Offline without --append: the same packets must not be counted twice. */
static void
check_existing(struct peers *p, struct peer *peer, bool stream)
{
	int64_t any = 0;
	int rc = godb_writer_has_blocks(p->store, peer->iface, 0, GP_TIME_MAX_S,
	    &any);

	if (rc < 0) {
		refuse(p, peer, HELLO_STORE, (uint64_t)-rc, godb_strerror(rc));
	} else if (rc == 0) {
		welcome(p, peer);
	} else if (stream) {
		(void)hello_msg_send(peer->conn, MSG_WELCOME, HELLO_EXISTS,
		    (uint64_t)any, 0);
		peers_drop(p, peer);
	} else {
		peer->state = PEER_SPAN;
		(void)hello_msg_send(peer->conn, MSG_WELCOME, HELLO_NEED_SPAN,
		    0, 0);
	}
}

static void
on_hello(struct peers *p, struct peer *peer)
{
	struct hello h;
	const char *why = NULL;
	int rc = hello_recv(peer->conn, &h, &peer->ring_fd, &why);

	if (rc == -EAGAIN)
		return;
	if (rc == -EPROTO || rc == -EPROTONOSUPPORT) {
		refuse(p, peer, rc == -EPROTO ? HELLO_REFUSED :
			HELLO_VERSION_MISMATCH, 0, why);
		return;
	}
	if (rc < 0) {
		peers_drop(p, peer);
		return;
	}
	memcpy(peer->iface, h.iface, sizeof(peer->iface));
	peer->offline = h.flags & HELLO_OFFLINE;
	peer->boot_min_ns = gp_clock_boot_ns() - GP_NS_PER_S;
	if (peer->offline != peer->inherited) {
		refuse(p, peer, HELLO_REFUSED, 0,
		    "offline sessions come from the launcher alone");
		return;
	}
	if (ring_attach(&peer->ring, peer->ring_fd, &why) < 0) {
		refuse(p, peer, HELLO_REFUSED, 0, why);
		return;
	}
	if (memcmp(h.instance, peer->ring.info.instance, 16) != 0 ||
	    h.ring_bytes != peer->ring.info.data_bytes) {
		refuse(p, peer, HELLO_REFUSED, 0, "hello and ring disagree");
		return;
	}
	rc = find_position(p, peer);
	if (rc < 0)
		refuse(p, peer, HELLO_STORE, (uint64_t)-rc, godb_strerror(rc));
	else if (peer->offline && !(h.flags & HELLO_APPEND))
		check_existing(p, peer, h.flags & HELLO_STREAM);
	else
		welcome(p, peer);
}

/* prune.c answers it. */
static void
on_command(struct peers *p, struct peer *peer)
{
	struct hello_msg m;

	if (hello_msg_recv(peer->conn, &m) < 0 || m.type != MSG_REMOVE ||
	    peer->inherited) {
		refuse(p, peer, HELLO_REFUSED, 0, "command");
		return;
	}
	/* roots of file systems have the same inode number */
	if (m.a >> 32 != (uint32_t)p->store_dev || m.b != p->store_ino) {
		refuse(p, peer, HELLO_REFUSED, 0,
		    "a command for another store");
		return;
	}
	peer->state = PEER_PRUNE;
	peer->clean_s = (uint32_t)m.a;
}

static void
on_span(struct peers *p, struct peer *peer, const struct hello_msg *m)
{
	int64_t any = 0;
	int rc;

	if (m->type != MSG_SPAN || m->a > m->b ||
	    m->b >= (uint64_t)GP_TIME_MAX_S) {
		peers_quarantine(p, peer, "time span");
		return;
	}
	rc = godb_writer_has_blocks(p->store, peer->iface, (int64_t)m->a,
	    (int64_t)m->b + GP_SLOT_S, &any);
	if (rc < 0) {
		refuse(p, peer, HELLO_STORE, (uint64_t)-rc, godb_strerror(rc));
	} else if (rc > 0) {
		(void)hello_msg_send(peer->conn, MSG_WELCOME, HELLO_EXISTS,
		    (uint64_t)any, 0);
		peers_drop(p, peer);
	} else {
		welcome(p, peer);
	}
}

/* ---- life ---------------------------------------------------------------- */

/* The name is r.IFACE.N or c.IFACE.N; an interface's name may hold dots. */
static bool
parse_store_name(const char *name, char *kind, char iface[16], unsigned *id)
{
	const char *dot = strrchr(name, '.');
	char *end;
	size_t len;
	unsigned long n;

	if ((name[0] != 'r' && name[0] != 'c') || name[1] != '.' ||
	    dot == NULL || dot < name + 3 || dot[1] < '0' || dot[1] > '9')
		return false;
	len = (size_t)(dot - (name + 2));
	if (len > 15)
		return false;
	memcpy(iface, name + 2, len);
	iface[len] = '\0';
	n = strtoul(dot + 1, &end, 10);
	if (*end != '\0' || n == 0 || n > 1000000000 ||
	    !gp_addr_iface_valid(iface))
		return false;
	*kind = name[0];
	*id = (unsigned)n;
	return true;
}

static struct peer *
adopted(struct peers *p, const char *iface, unsigned id)
{
	struct peer *peer;

	for (size_t i = 0; i < p->n_list; i++)
		if (p->list[i].state != PEER_FREE &&
		    p->list[i].store_id == id &&
		    strcmp(p->list[i].iface, iface) == 0)
			return &p->list[i];
	peer = new_peer(p, -1);
	if (peer == NULL)
		return NULL;
	peer->state = PEER_ORPHAN;
	peer->store_id = id;
	(void)snprintf(peer->iface, sizeof(peer->iface), "%s", iface);
	peer->adopted_boot_ns = gp_clock_boot_ns();
	if (id >= p->next_store_id)
		p->next_store_id = id + 1;
	return peer;
}

static void
take_up(struct peers *p, struct peer *peer, bool offline)
{
	const char *why = NULL;
	int rc;

	if (peer->ring_fd < 0) { /* the connection alone is of no use */
		peers_drop(p, peer);
		return;
	}
	if (ring_attach(&peer->ring, peer->ring_fd, &why) < 0) {
		peers_quarantine(p, peer, why);
		return;
	}
	rc = find_position(p, peer);
	if (rc < 0) {
		gp_log(GP_LOG_ERR, "ring cannot be placed iface=%s "
		    "error=\"%s\"", peer->iface, godb_strerror(rc));
		peers_drop(p, peer);
		return;
	}
	ring_again(&peer->ring); /* its last frame ends the session */
	peer->offline = offline;
	peer->inherited = offline;
	peer->ack_due = peer->conn >= 0;
	/* the writer before us may have died before it could say so; a capture
	 * that knows passes over it */
	if (peer->conn >= 0)
		(void)hello_msg_send(peer->conn, MSG_WELCOME, HELLO_OK,
		    peer->ring.pos, peer->ring.next_seq);
	stats_session(p->stats, peer);
	gp_log(GP_LOG_INFO, "ring taken up again iface=%s next_seq=%llu%s",
	    peer->iface, (unsigned long long)peer->ring.next_seq,
	    peer->conn < 0 ? " without its capture" : "");
}

void
peers_adopt(struct peers *p, const struct gp_passed_fd *fds, size_t n)
{
	bool offline = p->listen_fd < 0;

	for (size_t i = 0; i < n; i++) {
		char kind, iface[16];
		unsigned id;
		struct peer *peer;

		if (!parse_store_name(fds[i].name, &kind, iface, &id))
			continue;
		peer = adopted(p, iface, id);
		if (peer == NULL)
			continue;
		if (kind == 'r' && peer->ring_fd < 0) {
			peer->ring_fd = fds[i].fd;
		} else if (kind == 'c' && peer->conn < 0) {
			peer->conn = fds[i].fd;
			peer->state = PEER_ACTIVE;
		} else {
			int extra = fds[i].fd;

			gp_fd_close(&extra);
		}
	}
	for (size_t i = 0; i < p->n_list; i++)
		if (p->list[i].adopted_boot_ns != 0 &&
		    p->list[i].ring.map == NULL &&
		    p->list[i].state != PEER_FREE)
			take_up(p, &p->list[i], offline);
}

static bool
peer_is_root(int conn)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	    cred.uid == 0;
}

int
peers_accept(struct peers *p)
{
	int n;

	for (n = 0; n < PEERS_MAX_NEW; n++) {
		size_t fresh = 0;
		int conn = accept4(p->listen_fd, NULL, NULL,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (conn < 0)
			return n > 0 ? n : -errno;
		for (size_t i = 0; i < p->n_list; i++)
			fresh += p->list[i].state == PEER_NEW;
		if (!peer_is_root(conn)) {
			gp_log(GP_LOG_WARNING, "connection refused: not root");
			p->refused++;
			gp_fd_close(&conn);
		} else if (fresh >= PEERS_MAX_NEW ||
		    new_peer(p, conn) == NULL) {
			(void)hello_msg_send(conn, MSG_WELCOME, HELLO_BUSY, 0,
			    0);
			p->refused++;
			gp_fd_close(&conn);
		}
	}
	return n;
}

/* The connection ended: what the ring still holds is drained first. */
static void
lost(struct peers *p, struct peer *peer)
{
	if (peer->state != PEER_ACTIVE) {
		peers_drop(p, peer);
		return;
	}
	gp_fd_close(&peer->conn);
	peer->state = PEER_ORPHAN;
	stats_changed(p->stats);
}

void
peers_receive(struct peers *p, struct peer *peer)
{
	struct hello_msg m;

	if (peer->state == PEER_NEW && hello_is_command(peer->conn)) {
		on_command(p, peer);
		return;
	}
	if (peer->state == PEER_NEW) {
		on_hello(p, peer);
		return;
	}
	/* a flood of doorbells costs its sender only its own turn */
	for (int i = 0; i < 64; i++) {
		int rc = hello_msg_recv(peer->conn, &m);

		if (rc == -EAGAIN)
			return;
		if (rc == -EPROTO) {
			peers_quarantine(p, peer, "message");
			return;
		}
		if (rc < 0) {
			lost(p, peer);
			return;
		}
		if (peer->state == PEER_SPAN) {
			on_span(p, peer, &m);
			return;
		}
		if (m.type != MSG_DOORBELL &&
		    !succession_message(p, peer, &m)) {
			peers_quarantine(p, peer, "message type");
			return;
		}
	}
}

void
peers_ack(struct peer *peer)
{
	if (!peer->ack_due || peer->conn < 0)
		return;
	/* a full socket means that it has enough to read: it is told the next
	 * time; one that is gone is noticed when it is read */
	if (hello_msg_send(peer->conn, MSG_ACK, HELLO_OK, peer->ring.pos,
		peer->ring.next_seq - 1) != -EAGAIN)
		peer->ack_due = false;
}

void
peers_tick(struct peers *p)
{
	int64_t now = gp_clock_mono_ns();
	int64_t offset = gp_clock_real_ns() - gp_clock_boot_ns();

	for (size_t i = 0; i < p->n_list; i++) {
		struct peer *peer = &p->list[i];

		if (peer->state == PEER_FREE)
			continue;
		if (offset < peer->offset_min_ns)
			peer->offset_min_ns = offset;
		if (offset > peer->offset_max_ns)
			peer->offset_max_ns = offset;
		if (peer->state == PEER_NEW && !peer->inherited &&
		    now - peer->since_mono_ns > PEERS_HELLO_NS)
			refuse(p, peer, HELLO_REFUSED, 0, "no hello");
	}
	succession_tick(p);
}

bool
peers_closed(void *arg, const char *iface, int64_t slot_s)
{
	const struct peers *p = arg;

	for (size_t i = 0; i < p->n_list; i++) {
		const struct peer *peer = &p->list[i];

		if (peer->state != PEER_ACTIVE && peer->state != PEER_ORPHAN)
			continue;
		if (strcmp(peer->iface, iface) == 0 && !peer->last_seen &&
		    peer->ended_slot < slot_s)
			return false;
	}
	return true;
}

size_t
peers_capturing(const struct peers *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_list; i++)
		n += p->list[i].state == PEER_ACTIVE;
	return n;
}

size_t
peers_active(const struct peers *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_list; i++)
		n += p->list[i].state != PEER_FREE &&
		    p->list[i].state != PEER_PRUNE;
	return n;
}
