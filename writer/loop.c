#include "writer/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/base/log.h"
#include "writer/drain.h"
#include "writer/ingest.h"
#include "writer/peers.h"
#include "writer/prune.h"
#include "writer/stats.h"

/* between two steps of retention when there is nothing else to do */
#define PRUNE_PAUSE_MS 10
/* after a connection that could not be accepted */
#define ACCEPT_PAUSE_NS GP_NS_PER_S
/* how long captures may take to send their last after the launcher's death */
#define ORPHAN_NS (15 * GP_NS_PER_S)

struct loop {
	struct inherited *in;
	struct peers peers;
	struct ingest ingest;
	struct drain drain;
	struct prune prune;
	struct stats stats;
	struct pollfd *polls;
	size_t *poll_peer; /* index of the peer behind a pollfd */
	bool stop;
	bool offline;
	int64_t orphaned_ns; /* the launcher died then; 0: it lives */
	int64_t accept_ns; /* connections wait until then */
	struct gp_log_limit upkeep_limit, accept_limit;
	int64_t petted_ns;
	size_t told_captures; /* the supervisor, in its status line */
	int told_failing;
	int told_trouble; /* the capture that reads files; 0: all is well */
};

/* ---- a turn -------------------------------------------------------------- */

static void
read_signals(struct loop *l)
{
	struct signalfd_siginfo info;

	while (read(l->in->signals, &info, sizeof(info)) ==
	    (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGHUP)
			l->stop = true;
}

enum { POLL_SIGNALS, POLL_LISTEN, POLL_ALIVE, POLL_PEERS };

static size_t
fill_polls(struct loop *l)
{
	size_t n = POLL_PEERS;

	l->polls[POLL_SIGNALS] =
	    (struct pollfd){.fd = l->in->signals, .events = POLLIN};
	l->polls[POLL_LISTEN] = (struct pollfd){
	    .fd = gp_clock_mono_ns() < l->accept_ns ? -1 : l->in->listen,
	    .events = POLLIN};
	l->polls[POLL_ALIVE] = (struct pollfd){.fd = l->in->alive};
	for (size_t i = 0; i < l->peers.n_list; i++) {
		const struct peer *peer = &l->peers.list[i];

		if (peer->state == PEER_FREE || peer->conn < 0)
			continue;
		l->polls[n] =
		    (struct pollfd){.fd = peer->conn, .events = POLLIN};
		l->poll_peer[n++] = i;
	}
	return n;
}

/* One that cannot be accepted, for want of descriptors, stays there: poll(2)
 * would say so again and again. */
static void
accept_captures(struct loop *l)
{
	int rc = peers_accept(&l->peers);

	if (rc >= 0)
		return;
	l->accept_ns = gp_clock_mono_ns() + ACCEPT_PAUSE_NS;
	if (gp_log_allow(&l->accept_limit, 1))
		gp_log(GP_LOG_WARNING, "capture cannot be accepted "
		    "error=\"%s\": trying again", strerror(-rc));
}

static void
serve(struct loop *l, size_t n)
{
	if (l->polls[POLL_SIGNALS].revents)
		read_signals(l);
	if (l->polls[POLL_ALIVE].revents & (POLLHUP | POLLERR)) {
		/* the captures see it too and send what they have */
		gp_fd_close(&l->in->alive);
		l->orphaned_ns = gp_clock_mono_ns();
	}
	for (size_t i = POLL_PEERS; i < n; i++)
		if (l->polls[i].revents)
			peers_receive(&l->peers,
			    &l->peers.list[l->poll_peer[i]]);
	if (l->polls[POLL_LISTEN].revents)
		accept_captures(l);
}

static void
pet_watchdog(struct loop *l)
{
	int64_t now = gp_clock_mono_ns();

	if (l->in->watchdog_ms == 0 ||
	    now - l->petted_ns < (int64_t)l->in->watchdog_ms * 1000000)
		return;
	l->petted_ns = now;
	(void)gp_notify_send(l->in->notify, "WATCHDOG=1");
}

/* A step, where there is nothing else to do.  True: there is more of it. */
static bool
upkeep(struct loop *l)
{
	int rc = ingest_holding(&l->ingest) ? 0 :
	    godb_writer_upkeep(l->ingest.store,
		gp_clock_real_ns() / GP_NS_PER_S);

	if (rc < 0 && gp_log_allow(&l->upkeep_limit, 5))
		gp_log(GP_LOG_WARNING, "roll-ups or address indexes cannot be "
		    "written error=\"%s\": questions are answered without",
		    godb_strerror(rc));
	return rc != 0;
}

/* For `systemctl status`: a line when something else is true than before. */
static void
tell_state(struct loop *l)
{
	size_t n = peers_capturing(&l->peers);
	int failing = l->ingest.failing;
	char text[128];

	if (n == l->told_captures && failing == l->told_failing)
		return;
	l->told_captures = n;
	l->told_failing = failing;
	if (failing)
		(void)snprintf(text, sizeof(text),
		    "STATUS=the store cannot be written: %s; trying again",
		    godb_strerror(failing));
	else
		(void)snprintf(text, sizeof(text),
		    "STATUS=storing from %zu ring%s", n, n == 1 ? "" : "s");
	(void)gp_notify_send(l->in->notify, text);
}

/* Who reads files decides whether to wait; true: it did not, and it is over. */
static bool
tell_trouble(struct loop *l)
{
	int rc = l->ingest.failing;

	for (size_t i = 0; l->offline && i < l->peers.n_list; i++) {
		const struct peer *peer = &l->peers.list[i];

		if (peer->state == PEER_ACTIVE && rc != l->told_trouble &&
		    hello_msg_send(peer->conn, MSG_TROUBLE,
			rc ? HELLO_STORE : HELLO_OK, (uint64_t)-rc,
			trouble_stays(rc)) == 0)
			l->told_trouble = rc;
	}
	return l->told_trouble != 0 && peers_capturing(&l->peers) == 0;
}

/* Frames that came and that the store did not take; a capture that goes on has
 * others in its ring, which are the next writer's. */
static int
tell_left(struct loop *l)
{
	int first = 0;

	for (size_t i = 0; i < l->peers.n_list; i++) {
		const struct peer *peer = &l->peers.list[i];
		int rc = ingest_held(&l->ingest, peer->iface);

		if ((peer->state != PEER_ORPHAN &&
			(peer->state != PEER_ACTIVE || rc == 0)) ||
		    ring_backlog(&peer->ring) == 0)
			continue;
		rc = rc ? rc : ingest_held_any(&l->ingest, peer->iface);
		rc = rc ? rc : -ETIMEDOUT;
		first = first ? first : rc;
		gp_log(GP_LOG_ERR, "frames were not stored iface=%s bytes=%llu "
		    "error=\"%s\"", peer->iface,
		    (unsigned long long)ring_backlog(&peer->ring),
		    godb_strerror(rc));
	}
	return first;
}

static bool
captures_go_on(const struct loop *l)
{
	for (size_t i = 0; i < l->peers.n_list; i++)
		if (l->peers.list[i].state == PEER_ACTIVE &&
		    !l->peers.list[i].last_seen)
			return true;
	return false;
}

/* Captures stop before the writer; what they sent last may still be in the
 * rings.  Blocks are finished only when nobody is left to add to them. */
static int
finish(struct loop *l)
{
	int64_t until = gp_clock_mono_ns() + 10 * GP_NS_PER_S;
	bool more;
	int left, rc;

	(void)gp_notify_send(l->in->notify, "STOPPING=1");
	l->ingest.given_up = l->told_trouble != 0;
	ingest_hurry(&l->ingest);
	do {
		more = drain_turn(&l->drain);
		if (ingest_tick(&l->ingest, peers_closed, &l->peers))
			more = true;
	} while (more && gp_clock_mono_ns() < until);
	/* who was told of trouble has said what became of it */
	left = l->told_trouble ? 0 : tell_left(l);
	if (captures_go_on(l)) {
		rc = godb_writer_sync(l->ingest.store);
		return rc < 0 ? rc : left;
	}
	/* what cannot be marked stays open, for the next writer to mark; the
	 * rest of a sensor's blocks do not stay with it */
	ingest_hurry(&l->ingest);
	rc = drain_cut(&l->drain);
	if (rc == 0 || !l->offline)
		rc = ingest_commit_all(&l->ingest, NULL);
	if (l->told_trouble)
		rc = 0;
	/* a replay is over when nobody is in a hurry */
	while (l->offline && !l->stop && !l->told_trouble && upkeep(l))
		read_signals(l);
	return rc < 0 ? rc : left;
}

static int
turn_until_told(struct loop *l)
{
	bool more = false, pruning = false, keeping = false;

	while (!l->stop) {
		size_t n = fill_polls(l);
		int timeout = more || keeping ? 0 :
		    pruning		      ? PRUNE_PAUSE_MS : 500;

		if (poll(l->polls, n, timeout) < 0 && errno != EINTR)
			return -errno;
		serve(l, n);
		peers_tick(&l->peers);
		more = drain_turn(&l->drain);
		if (ingest_tick(&l->ingest, peers_closed, &l->peers))
			more = true;
		if (!l->offline)
			pruning = prune_tick(&l->prune);
		keeping = !more && upkeep(l);
		stats_tick(&l->stats, &l->peers, &l->ingest);
		tell_state(l);
		pet_watchdog(l);
		if ((l->offline || l->orphaned_ns) &&
		    peers_active(&l->peers) == 0)
			break;
		if (tell_trouble(l))
			break;
		if (l->orphaned_ns &&
		    gp_clock_mono_ns() - l->orphaned_ns > ORPHAN_NS)
			break;
	}
	return finish(l);
}

int
loop_run(struct loop *l)
{
	int rc = turn_until_told(l);

	stats_write(&l->stats, &l->peers, &l->ingest, false);
	return rc;
}

/* ---- life ---------------------------------------------------------------- */

static int
start_stats(struct loop *l, const struct gp_conf *conf, const char *store,
    int landlock_abi)
{
	struct stats_opts o = {
		.conf = conf,
		.store = store,
		.sandbox = conf->writer.sandbox,
		.all = l->in->service,
		.landlock_abi = landlock_abi,
		.status_dir = l->in->status,
		.metrics_dir = l->in->metrics,
		.metrics_name = l->in->metrics_name,
	};

	return stats_init(&l->stats, &o);
}

/* Everything but the figures, before there is a session. */
static int
make_loop(struct loop *l, struct inherited *in, struct godb_writer *store,
    const struct gp_conf *conf)
{
	struct stat folder;

	l->in = in;
	l->offline = in->listen < 0;
	l->polls = calloc(PEERS_MAX + POLL_PEERS, sizeof(*l->polls));
	l->poll_peer = calloc(PEERS_MAX + POLL_PEERS, sizeof(*l->poll_peer));
	ingest_init(&l->ingest, store, &l->stats, conf->writer.sync_interval);
	l->ingest.offline = l->offline;
	if (l->polls == NULL || l->poll_peer == NULL ||
	    peers_init(&l->peers, store, &l->stats, in->listen,
		in->notify) < 0 ||
	    drain_init(&l->drain, &l->peers, &l->ingest, &l->stats, conf) < 0)
		return -ENOMEM;
	if (fstat(in->store, &folder) == 0) {
		l->peers.store_dev = folder.st_dev;
		l->peers.store_ino = folder.st_ino;
	}
	prune_init(&l->prune, store, conf, &l->peers, in->store);
	return 0;
}

/* What the writer before us had, and what the launcher has for us. */
static int
take_up_sessions(struct loop *l)
{
	const struct inherited *in = l->in;

	peers_adopt(&l->peers, in->fds, (size_t)in->n);
	(void)drain_unfinished(&l->drain);
	if (!l->offline)
		drain_forsaken(&l->drain);
	if (in->offline >= 0 &&
	    peers_add_inherited(&l->peers, in->offline) < 0)
		return -ENOSPC;
	return 0;
}

int
loop_new(struct inherited *in, struct godb_writer *store,
    const struct gp_conf *conf, const char *store_path, int landlock_abi,
    struct loop **out)
{
	struct loop *l = calloc(1, sizeof(*l));
	int rc = l ? make_loop(l, in, store, conf) : -ENOMEM;

	if (rc == 0)
		rc = start_stats(l, conf, store_path, landlock_abi);
	if (rc == 0)
		rc = take_up_sessions(l);
	if (rc < 0) {
		loop_free(l);
		return rc;
	}
	stats_write(&l->stats, &l->peers, &l->ingest, true);
	*out = l;
	return 0;
}

void
loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	prune_fini(&l->prune);
	drain_fini(&l->drain);
	ingest_fini(&l->ingest);
	stats_fini(&l->stats);
	peers_fini(&l->peers);
	free(l->polls);
	free(l->poll_peer);
	free(l);
}
