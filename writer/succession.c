#include "writer/succession.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/log.h"

static pid_t
pid_of(const struct peer *peer)
{
	struct ucred cred = {0};
	socklen_t len = sizeof(cred);

	(void)getsockopt(peer->conn, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	return cred.pid;
}

/* Whether it counts, or might, what this one is going to; the other workers of
 * its own process do not. */
static bool
is_rival(const struct peer *peer, const struct peer *of)
{
	return peer != of && peer->state == PEER_ACTIVE && !peer->offline &&
	    peer->conn >= 0 && !peer->last_seen &&
	    strcmp(peer->iface, of->iface) == 0 && pid_of(peer) != pid_of(of);
}

static void
answer(struct peer *peer, enum hello_code code, uint64_t moment_ns)
{
	/* who is refused counts nothing, and stands in nobody's way */
	peer->succession = code == HELLO_OK ? PEER_SETTLED : PEER_LEFT;
	/* its socket has just been empty */
	(void)hello_msg_send(peer->conn, MSG_FROM, code, moment_ns, 0);
	if (code == HELLO_OK && moment_ns)
		gp_log(GP_LOG_INFO, "capture takes over iface=%s",
		    peer->iface);
}

/* Nobody is told twice; who is taking over itself does not leave. */
static void
tell_to_leave(struct peer *rival)
{
	int rc;

	if (rival->succession != PEER_SETTLED &&
	    rival->succession != PEER_STAYS)
		return;
	rc = hello_msg_send(rival->conn, MSG_LEAVE, HELLO_OK, 0, 0);
	/* one that is dead, though we have not read so yet, has left */
	rival->succession = rc == 0 ? PEER_LEAVING :
	    rc == -EAGAIN ? PEER_STAYS : PEER_LEFT;
	rival->left_ns = 0;
}

/* The answer when there is one now.  Who has come since is told, too. */
static void
review(struct peers *p, struct peer *peer)
{
	uint64_t moment_ns = peer->from_ns;
	bool waiting = false, stays = false;

	for (size_t i = 0; i < p->n_list; i++) {
		struct peer *rival = &p->list[i];

		if (!is_rival(rival, peer))
			continue;
		if (peer->tells && rival->succession == PEER_SETTLED)
			tell_to_leave(rival);
		if (rival->succession != PEER_LEFT)
			stays = stays || rival->succession != PEER_LEAVING;
		else if (rival->left_ns > moment_ns)
			moment_ns = rival->left_ns;
		waiting = waiting || rival->succession == PEER_LEAVING;
	}
	if (waiting &&
	    gp_clock_mono_ns() - peer->succession_ns > SUCCESSION_NS)
		stays = true;
	if (stays)
		answer(peer, HELLO_BUSY, 0);
	else if (!waiting)
		answer(peer, HELLO_OK, moment_ns);
}

static void
take(struct peers *p, struct peer *peer, bool able)
{
	peer->succession = PEER_TAKING;
	peer->succession_ns = gp_clock_mono_ns();
	peer->tells = able;
	for (size_t i = 0; able && i < p->n_list; i++)
		if (is_rival(&p->list[i], peer))
			tell_to_leave(&p->list[i]);
	review(p, peer);
}

/* It may be gone before whoever is there now takes over. */
static void
note_left(struct peers *p, struct peer *left, uint64_t moment_ns)
{
	left->succession = PEER_LEFT;
	left->left_ns = moment_ns;
	for (size_t i = 0; i < p->n_list; i++)
		if (is_rival(&p->list[i], left))
			p->list[i].from_ns = moment_ns;
}

void
succession_tick(struct peers *p)
{
	for (size_t i = 0; i < p->n_list; i++)
		if (p->list[i].state == PEER_ACTIVE &&
		    p->list[i].succession == PEER_TAKING)
			review(p, &p->list[i]);
}

/*
 * Before the first frame, and once; but who has asked an earlier writer asks
 * this one again, which finds both.
 */
static bool
on_take(struct peers *p, struct peer *peer, const struct hello_msg *m)
{
	if (peer->frames != 0 || peer->offline)
		return false;
	switch (peer->succession) {
	case PEER_SETTLED:
		take(p, peer, m->code == HELLO_OK);
		return true;
	case PEER_LEAVING:
		/* two at once: this one had not begun */
		answer(peer, HELLO_BUSY, 0);
		succession_tick(p);
		return true;
	case PEER_TAKING:
	case PEER_LEFT:
		return true;
	case PEER_STAYS:
		break;
	}
	return false;
}

/* Only who was told to leave, perhaps by the writer before us. */
static bool
on_left(struct peers *p, struct peer *peer, const struct hello_msg *m)
{
	if (peer->succession != PEER_LEAVING &&
	    (peer->adopted_boot_ns == 0 || peer->succession == PEER_TAKING))
		return false;
	if (m->code == HELLO_OK)
		note_left(p, peer, m->a);
	else
		peer->succession = PEER_STAYS;
	succession_tick(p);
	return true;
}

bool
succession_message(struct peers *p, struct peer *peer,
    const struct hello_msg *m)
{
	if (m->type == MSG_TAKE)
		return on_take(p, peer, m);
	return m->type == MSG_LEFT && on_left(p, peer, m);
}
