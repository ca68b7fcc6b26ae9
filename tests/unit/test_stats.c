/*
 * The writer's counters: what frames say adds up, through sessions that come
 * and go, in the status file and in the metrics.
 */
#include "writer/stats.h"

#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/ipc/frame.h"
#include "common/ipc/ring.h"
#include "writer/ingest.h"
#include "writer/peers.h"
#include "writer/prune.h"

static char folder[] = "/tmp/test_stats.XXXXXX";
static int dir = -1, metrics_dir = -1;
static struct gp_conf *conf;
static struct stats stats;
static struct peers peers = {.stats = &stats};
static struct ingest ingest;
static struct ring_producer ring;
static uint64_t frame[FRAME_MAX_BYTES / 8];

/* A frame of n4 and n6 rows, each one packet of 100 bytes each way. */
static struct frame_header *
make_frame(uint32_t n4, uint32_t n6, uint64_t non_ip, uint64_t malformed)
{
	struct frame_header *h = (struct frame_header *)(void *)frame;
	struct frame_row4 *r4;
	struct frame_row6 *r6;

	memset(frame, 0, sizeof(frame));
	h->n_names = 1;
	h->n4 = n4;
	h->n6 = n6;
	h->flags = FRAME_DIR_IFACE;
	r4 = (struct frame_row4 *)(void *)((char *)frame +
	    frame_bytes(1, 0, 0));
	for (uint32_t i = 0; i < n4; i++)
		for (int k = 0; k < 4; k++)
			r4[i].counter[k] = k < 2 ? 100 : 1;
	r6 = (struct frame_row6 *)(void *)(r4 + n4);
	for (uint32_t i = 0; i < n6; i++)
		for (int k = 0; k < 4; k++)
			r6[i].counter[k] = k < 2 ? 100 : 1;
	h->counters.non_ip = non_ip;
	h->counters.malformed = malformed;
	h->counters.seen = 2 * ((uint64_t)n4 + n6) + non_ip + malformed;
	h->counters.seen_bytes = 200 * ((uint64_t)n4 + n6);
	return h;
}

static struct peer *
join(const char *iface)
{
	struct peer *p = &peers.list[0];
	const char *why;

	while (p->state != PEER_FREE)
		p++;
	memset(p, 0, sizeof(*p));
	p->state = PEER_ACTIVE;
	p->conn = -1;
	strcpy(p->iface, iface);
	if (ring_attach(&p->ring, ring.fd_ro, &why) < 0)
		printf("Bail out! ring: %s\n", why);
	if ((size_t)(p - peers.list) >= peers.n_list)
		peers.n_list = (size_t)(p - peers.list) + 1;
	stats_session(&stats, p);
	return p;
}

static void
leave(struct peer *p)
{
	stats_dropped(&stats, p);
	ring_detach(&p->ring);
	p->state = PEER_FREE;
}

static struct gp_status *
what_is_there(void)
{
	struct gp_status *s = NULL;
	char *text = NULL, error[160];
	size_t len;

	if (gp_fd_read_file(dir, GP_STATUS_NAME, GP_STATUS_MAX_BYTES, &text,
		&len) < 0 ||
	    gp_status_parse(text, len, &s, error) < 0) {
		printf("Bail out! no status\n");
		exit(1);
	}
	free(text);
	return s;
}

static struct gp_status *
published(void)
{
	stats_write(&stats, &peers, &ingest, true);
	return what_is_there();
}

static const struct gp_status_iface *
of(const struct gp_status *s, const char *name)
{
	static const struct gp_status_iface none;

	for (uint64_t i = 0; i < s->interfaces; i++)
		if (strcmp(s->iface[i].name, name) == 0)
			return &s->iface[i];
	return &none;
}

static void
start(int status_dir)
{
	struct stats_opts o = {
		.conf = conf,
		.store = "/var/lib/a store\n",
		.landlock_abi = 7,
		.status_dir = status_dir,
		.metrics_dir = metrics_dir,
		.metrics_name = "goprobe.prom",
	};

	is_int(stats_init(&stats, &o), 0, "start");
}

static void
adds_up(void)
{
	struct peer *p = join("eth1"), *q = join("eth0");
	struct gp_status *s;
	const struct gp_status_iface *i;
	struct frame_header *h;

	s = published();
	is_str(s->store, "/var/lib/a store\n", "the store's path");
	is_int(s->landlock_abi, 7, "Landlock");
	is_int(s->interfaces, 2, "two interfaces");
	is_str(s->iface[0].name, "eth0", "in order");
	is_int(of(s, "eth1")->direction, GP_STATUS_DIR_UNKNOWN, "no frame yet");
	is_int(of(s, "eth1")->last_frame, 0, "never heard");
	gp_status_free(s);

	h = make_frame(3, 2, 4, 1);
	h->flows = 6;
	h->pending = 9;
	h->counters.kernel_drops = 11;
	h->counters.iface_drops = 12;
	h->counters.overflow = 2;
	h->counters.late = 3;
	h->counters.time_clamped = 1;
	stats_frame(&stats, p, frame, false);
	h = make_frame(1, 0, 0, 0);
	h->flows = 5;
	h->pending = 7;
	stats_frame(&stats, p, frame, false);
	stats_frame(&stats, p, frame, true);
	stats_block(&stats, "eth1", 600);
	stats_block(&stats, "eth1", 300);
	stats_block(&stats, "other", 300);
	s = published();
	i = of(s, "eth1");
	is_int(i->in_rows, 12, "packets in rows");
	is_int(i->in_rows_bytes, 1200, "bytes in rows");
	is_int(i->pending, 7, "pending is of the last frame");
	is_int(i->seen, 12 + 4 + 1 + 7, "seen");
	is_int(i->seen_bytes, 1200, "bytes seen");
	ok(gp_status_closes(i), "it closes");
	is_int(i->flows, 5, "flows are of the last frame");
	is_int(i->frames, 3, "frames");
	is_int(i->duplicates, 1, "a duplicate counts nothing else");
	is_int(i->rows, 6, "rows");
	is_int(i->kernel_drops, 11, "kernel drops");
	is_int(i->drops_recent, 11, "of late");
	is_int(i->iface_drops, 12, "interface drops");
	is_int(i->overflow, 2, "overflow");
	is_int(i->late, 3, "late");
	is_int(i->time_clamped, 1, "clamped");
	is_int(i->blocks, 2, "blocks");
	is_int(i->last_block, INT64_C(600000000000), "the newest block");
	is_int(i->direction, GP_STATUS_DIR_INTERFACE, "direction");
	is_int(i->state, GP_STATUS_CAPTURING, "state");
	is_int(i->ring_bytes, (int64_t)ring.info.data_bytes, "size of ring");
	is_int(of(s, "eth0")->seen, 0, "the other one saw nothing");
	gp_status_free(s);

	h = make_frame(0, 0, 0, 0);
	h->flags = FRAME_DIR_FLOW;
	h->counters.seen = 1;
	stats_frame(&stats, q, frame, false);
	s = published();
	ok(!gp_status_closes(of(s, "eth0")), "a packet in no row is noticed");
	ok(gp_status_closes(of(s, "eth1")), "of that interface alone");
	is_int(of(s, "eth0")->direction, GP_STATUS_DIR_FLOW, "flow");
	gp_status_free(s);
	h->flags = FRAME_DIR_IFACE;
	stats_frame(&stats, q, frame, false);
	s = published();
	is_int(of(s, "eth0")->direction, GP_STATUS_DIR_MIXED, "mixed");
	gp_status_free(s);
	leave(q);
}

static void
sessions(void)
{
	struct peer *p = join("ses"), *q;
	struct gp_status *s;
	struct frame_header *h = make_frame(1, 0, 0, 0);

	h->pending = 30;
	h->flows = 3;
	stats_frame(&stats, p, frame, false);
	p->state = PEER_ORPHAN;
	stats_changed(&stats);
	s = published();
	is_int(of(s, "ses")->state, GP_STATUS_DRAINING, "draining");
	is_int(of(s, "ses")->pending, 30, "still pending");
	gp_status_free(s);
	leave(p);
	s = published();
	is_int(of(s, "ses")->state, GP_STATUS_GONE, "gone");
	is_int(of(s, "ses")->lost, 30, "killed: what was pending is lost");
	is_int(of(s, "ses")->pending, 0, "and no more pending");
	is_int(of(s, "ses")->seen, 32, "seen stays");
	is_int(of(s, "ses")->flows, 0, "no flows");
	ok(gp_status_closes(of(s, "ses")), "and it closes");
	gp_status_free(s);

	p = join("ses");
	q = join("ses");
	h = make_frame(2, 0, 0, 0);
	h->pending = 5;
	h->flows = 1;
	stats_frame(&stats, p, frame, false);
	stats_frame(&stats, q, frame, false);
	s = published();
	is_int(of(s, "ses")->state, GP_STATUS_CAPTURING, "captures again");
	is_int(of(s, "ses")->sessions, 3, "three sessions");
	is_int(of(s, "ses")->in_rows, 10, "totals go on");
	is_int(of(s, "ses")->pending, 10, "workers add up");
	is_int(of(s, "ses")->flows, 2, "in flows too");
	is_int(of(s, "ses")->seen, 50, "seen");
	gp_status_free(s);
	p->last_seen = q->last_seen = true;
	leave(p);
	leave(q);
	s = published();
	is_int(of(s, "ses")->lost, 30, "an orderly end loses nothing");
	gp_status_free(s);
}

static void
old_drops(void)
{
	struct peer *p = join("drops");
	struct gp_status *s;
	struct frame_header *h = make_frame(0, 0, 0, 0);

	h->counters.kernel_drops = 5;
	stats_frame(&stats, p, frame, false);
	p->stats->dropped_boot_ns -= 21 * GP_NS_PER_S;
	p->stats->heard_boot_ns -= 33 * GP_NS_PER_S;
	s = published();
	is_int(of(s, "drops")->drops_recent, 0, "drops long ago are not of late");
	is_int(of(s, "drops")->kernel_drops, 5, "but are counted");
	is_int(of(s, "drops")->quiet_ns / 1000000000, 33, "quiet since");
	gp_status_free(s);
	leave(p);
}

static void
l7(void)
{
	static const struct {
		uint32_t flags;
		enum gp_status_l7 is;
		bool cut;
	} cases[] = {
	    {0, GP_STATUS_L7_OFF, false},
	    {FRAME_L7 | FRAME_L7_CUT, GP_STATUS_L7_ON, true},
	    {FRAME_L7_FAILED, GP_STATUS_L7_FAILED, false},
	    {FRAME_L7_MISSING, GP_STATUS_L7_MISSING, false},
	    {FRAME_L7, GP_STATUS_L7_ON, false},
	};
	struct peer *p = join("l7");

	is_int((int64_t)p->stats->s.l7, GP_STATUS_L7_UNKNOWN, "no frame yet");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_frame(1, 0, 0, 0)->flags = cases[i].flags;
		stats_frame(&stats, p, frame, false);
		ok(p->stats->s.l7 == cases[i].is &&
			p->stats->s.l7_cut == cases[i].cut,
		    "labels: %d", (int)cases[i].is);
	}
	leave(p);
}

/* Each figure of all interfaces under its own name, rings together, and what
 * was dropped of late. */
static void
together(void)
{
	struct peer *p = join("two"), *q = join("two");
	struct frame_header *h = make_frame(1, 0, 0, 0);
	uint64_t before = ring_backlog(&p->ring), used;
	struct gp_status *s;

	h->kind = FRAME_ROWS;
	h->bytes = (uint32_t)frame_bytes(1, 1, 0);
	(void)ring_push(&ring, frame);
	used = ring_backlog(&p->ring);
	h->counters.kernel_drops = 5;
	stats_frame(&stats, p, frame, false);
	stats_frame(&stats, q, frame, false);
	ingest.blocks = 31;
	ingest.rows = 37;
	ingest.frames = 41;
	s = published();
	ok(used > before && of(s, "two")->ring_used == 2 * used,
	    "what waits in both rings");
	is_int(of(s, "two")->ring_bytes, 2 * (int64_t)ring.info.data_bytes,
	    "of so much");
	is_int(of(s, "two")->drops_recent, 10, "drops of late");
	is_int(s->blocks, 31, "blocks stored");
	is_int(s->rows, 37, "rows stored");
	is_int(s->frames, 41, "frames taken");
	is_int(s->running, 1, "it runs");
	gp_status_free(s);
	stats_write(&stats, &peers, &ingest, false);
	s = what_is_there();
	is_int(s->running, 0, "the last words are that it does not");
	gp_status_free(s);
	leave(p);
	leave(q);
}

/* How long an interface has been in its state. */
static void
since(void)
{
	struct peer *p = join("since");
	struct gp_status *s;

	p->stats->s.since = 1;
	s = published();
	is_int(of(s, "since")->since, 1, "a state that lasts");
	gp_status_free(s);
	p->state = PEER_ORPHAN;
	s = published();
	ok(of(s, "since")->since > 1, "and one that is new");
	gp_status_free(s);
	leave(p);
}

/* Every few seconds, and soon when something is another way. */
static void
due(void)
{
	int64_t now = gp_clock_mono_ns();

	stats_write(&stats, &peers, &ingest, true);
	ok(!stats.changed && stats.written_ns >= now, "it is written");
	stats.written_ns = now - 2 * GP_NS_PER_S;
	stats_tick(&stats, &peers, &ingest);
	ok(stats.written_ns < now, "nothing is new");
	stats_changed(&stats);
	stats_tick(&stats, &peers, &ingest);
	ok(stats.written_ns >= now, "something is");
	stats.written_ns = now - (GP_STATUS_EVERY_S + 1) * GP_NS_PER_S;
	stats_tick(&stats, &peers, &ingest);
	ok(stats.written_ns >= now, "it is time");
}

/* What is configured is said: sandboxes, and interfaces that do not come. */
static void
configured(void)
{
	static const char text[] = "[capture]\nsnapshot_interval = 9\n"
				   "[interface eth7]\nsnapshot_interval = 2\n"
				   "[interface eth8]\n";
	char error[512];
	struct gp_conf *c =
	    gp_conf_parse(text, sizeof(text) - 1, "x.ini", error);
	struct stats_opts o = {.conf = c, .store = "/s", .status_dir = dir,
	    .metrics_dir = metrics_dir, .metrics_name = "goprobe.prom",
	    .landlock_abi = 7, .all = true, .sandbox = GP_SANDBOX_SECCOMP};
	struct gp_status *s;
	char *prom = NULL;
	size_t len;

	if (!ok(c != NULL, "a configuration"))
		return;
	c->capture_sandbox = GP_SANDBOX_FULL;
	for (size_t i = 0; i < peers.n_list; i++) /* of the run before */
		peers.list[i].stats = NULL;
	is_int(stats_init(&stats, &o), 0, "start");
	s = published();
	is_int(s->sandbox, GP_STATUS_SANDBOX_SECCOMP, "a weak sandbox");
	is_int(s->landlock_abi, 0, "has no Landlock");
	is_int(s->capture_sandbox, GP_STATUS_SANDBOX_FULL,
	    "captures have a strong one");
	is_int(s->interfaces, 2, "what should come is there");
	is_int(of(s, "eth7")->state, GP_STATUS_ABSENT, "as absent");
	is_int(of(s, "eth7")->interval_s, 2, "with an interval of its own");
	is_int(of(s, "eth8")->interval_s, 9, "or that of all");
	gp_status_free(s);
	(void)gp_fd_read_file(metrics_dir, "goprobe.prom", 1 << 22, &prom,
	    &len);
	ok(prom && strstr(prom, "\ngoprobe_writer_sandbox_full 0\n") &&
		strstr(prom, "\ngoprobe_captures_sandbox_full 1\n") &&
		strstr(prom, "\ngoprobe_store_failing 0\n") &&
		strstr(prom, "\ngoprobe_capturing{iface=\"eth7\"} 0\n"),
	    "which metrics say, too");
	free(prom);
	stats_fini(&stats);
	gp_conf_free(c);
}

/* More names than places: those that left first go. */
static void
many(void)
{
	struct peer *stays = join("stays"), *p;
	struct gp_status *s;
	char name[16];

	for (int i = 0; i < GP_STATUS_IFACES_MAX + 20; i++) {
		(void)snprintf(name, sizeof(name), "if%d", i);
		p = join(name);
		leave(p);
	}
	s = published();
	is_int(s->interfaces, GP_STATUS_IFACES_MAX, "no more than there is room");
	is_str(of(s, name)->name, name, "the newest is among them");
	is_str(of(s, "if0")->name, "", "the oldest is not");
	is_str(of(s, "stays")->name, "stays", "but one that captures");
	gp_status_free(s);
	leave(stays);
}

static void
file(void)
{
	struct stat st;
	int other;

	is_int(fstatat(dir, GP_STATUS_NAME, &st, 0), 0, "there");
	is_int(st.st_mode, S_IFREG | 0640, "mode of the status");
	is_int(fstatat(metrics_dir, "goprobe.prom", &st, 0), 0, "metrics");
	is_int(st.st_mode, S_IFREG | 0644, "mode of the metrics");
	ok(fstatat(dir, ".status.new", &st, 0) < 0, "nothing half-written");

	/* what somebody put in the way is neither followed nor waited for */
	is_int(symlinkat("/dev/null", dir, ".status.new"), 0, "a link");
	gp_status_free(published());
	is_int(mkfifoat(dir, ".status.new", 0600), 0, "a pipe");
	gp_status_free(published());
	other = openat(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok(flock(other, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK,
	    "the folder is the writer's while it lives");
	(void)close(other);
}

static void
second_writer(void)
{
	int mine = openat(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stats second = {0};
	struct stats_opts o = {.conf = conf, .store = "/second",
	    .status_dir = mine, .metrics_dir = -1};
	struct gp_status *s;

	is_int(stats_init(&second, &o), 0, "a second writer");
	stats_write(&second, &peers, &ingest, true);
	s = published();
	ok(strcmp(s->store, "/second") != 0, "does not write over the first");
	gp_status_free(s);
	stats_fini(&second);
	(void)close(mine);
}

static void
cannot_write(void)
{
	char where[64];
	int other;

	(void)snprintf(where, sizeof(where), "%s/away", folder);
	(void)mkdir(where, 0700);
	other = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)rmdir(where);
	stats.metrics.dir = other;
	stats_write(&stats, &peers, &ingest, true);
	(void)close(other);
	stats.metrics.dir = -1;
	ok(true, "a folder that is gone is survived");
	(void)unlinkat(metrics_dir, "goprobe.prom", 0);
	(void)mkdirat(metrics_dir, "goprobe.prom", 0700);
	stats.metrics.dir = metrics_dir;
	stats_write(&stats, &peers, &ingest, true);
	ok(faccessat(metrics_dir, ".goprobe.prom.new", F_OK, 0) < 0,
	    "and what cannot take its place is not left");
	(void)unlinkat(metrics_dir, "goprobe.prom", AT_REMOVEDIR);
	stats.metrics.dir = -1;
}

/* ---- metrics ------------------------------------------------------------- */

static bool
name_char(char c)
{
	return (c >= 'a' && c <= 'z') || c == '_';
}

/* The exposition format's own rules, and those of naming. */
static unsigned
check_lines(char *text)
{
	unsigned bad = 0;
	char help[100] = "", type[100] = "", kind[20] = "", name[100];

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		size_t n = 0;

		if (sscanf(line, "# HELP %99s", help) == 1)
			continue;
		if (sscanf(line, "# TYPE %99s %19s", type, kind) == 2) {
			size_t len = strlen(type);
			bool total = len > 6 &&
			    strcmp(type + len - 6, "_total") == 0;

			bad += strcmp(type, help) != 0;
			bad += total != (strcmp(kind, "counter") == 0);
			continue;
		}
		while (name_char(line[n]))
			n++;
		(void)snprintf(name, sizeof(name), "%.*s", (int)n, line);
		bad += strcmp(name, type) != 0 ||
		    strncmp(name, "goprobe_", 8) != 0;
		if (line[n] == '{')
			n = (size_t)(strrchr(line, '}') - line) + 1;
		bad += line[n] != ' ' ||
		    strspn(line + n + 1, "0123456789.") !=
			strlen(line + n + 1);
		if (bad)
			diag("%s", line);
	}
	return bad;
}

static void
metrics(void)
{
	struct peer *p = join("m\"et\\r");
	char *text = NULL;
	size_t len;
	struct frame_header *h = make_frame(2, 1, 1, 0);

	h->pending = 4;
	stats_frame(&stats, p, frame, false);
	p->stats->s.last_frame = 1234567890;
	ingest.failing = -ENOSPC;
	gp_status_free(published());
	ingest.failing = 0;
	is_int(gp_fd_read_file(metrics_dir, "goprobe.prom", 1 << 22, &text,
		   &len),
	    0, "metrics are written");
	if (text == NULL)
		return;
	ok(strstr(text, "\ngoprobe_packets_seen_total{iface=\"m\\\"et\\\\r\"} "
			"7\n"),
	    "packets seen, without what is pending; label escaped");
	ok(strstr(text, "\ngoprobe_packets_pending{iface=\"m\\\"et\\\\r\"} 4\n"),
	    "pending");
	ok(strstr(text, "\ngoprobe_packets_seen_total{iface=\"ses\"} 10\n"),
	    "nor what is lost");
	ok(strstr(text, "\ngoprobe_last_frame_timestamp_seconds{iface="
			"\"m\\\"et\\\\r\"} 1.234\n"), "a moment");
	ok(strstr(text, "\ngoprobe_capturing{iface=\"m\\\"et\\\\r\"} 1\n"),
	    "it captures");
	ok(strstr(text, "\ngoprobe_accounting_closes{iface=\"eth0\"} 0\n") &&
		strstr(text, "\ngoprobe_accounting_closes{iface=\"ses\"} 1\n"),
	    "whose packets are accounted for");
	ok(strstr(text, "\ngoprobe_store_failing 1\n"), "the store fails");
	ok(strstr(text, "\ngoprobe_writer_sandbox_full 1\n"), "sandbox");
	ok(text[len - 1] == '\n', "ends with a newline");
	is_int(check_lines(text), 0, "each line is as the format wants it");
	free(text);
	leave(p);
}

/* What retention removed and the disk may not show yet. */
static void
credit(void)
{
	const int64_t minute = 60 * GP_NS_PER_S, start = 5 * minute;
	struct prune p = {0};
	int64_t now = start;

	is_int(prune_credit(&p, now), 0, "nothing removed, nothing counts");
	prune_note_freed(&p, 1000, now);
	prune_note_freed(&p, 0, now + minute);
	prune_note_freed(&p, 7, now + 4 * minute);
	is_int(prune_credit(&p, now + 4 * minute), 1007,
	    "a second round does not make the first forgotten");
	is_int(prune_credit(&p, now + 10 * minute), 7,
	    "each counts for ten minutes");
	is_int(prune_credit(&p, now + 14 * minute), 0, "and no longer");
	now += 60 * minute;
	for (int i = 0; i < 3 * PRUNE_FREED; i++)
		prune_note_freed(&p, 2, now + i);
	is_int(prune_credit(&p, now + minute), 6 * PRUNE_FREED,
	    "however many rounds there are");
	prune_note_freed(&p, UINT64_MAX, now + minute);
	ok(prune_credit(&p, now + minute) == UINT64_MAX,
	    "the sum stays at the largest number");
}

/* Rows and figures of which no two are alike: each comes to its own. */
static void
each_its_own(void)
{
	static const uint64_t v4[4] = {1000, 200, 3, 4};
	static const uint64_t v6[4] = {50000, 6000, 70, 80};
	struct peer *p = join("own0"), *q = join("own0");
	struct frame_header *h = make_frame(1, 1, 5, 6);
	struct frame_row4 *r4 = (struct frame_row4 *)(void *)((char *)frame +
	    frame_bytes(1, 0, 0));
	struct frame_row6 *r6 = (struct frame_row6 *)(void *)(r4 + 1);
	const struct gp_status_iface *i;
	struct gp_status *s;

	for (int k = 0; k < 4; k++) {
		r4->counter[k] = v4[k];
		r6->counter[k] = v6[k];
	}
	h->counters.non_ip_bytes = 7;
	h->counters.malformed_bytes = 9;
	h->l7_starved = 11;
	h->pending = 13;
	stats_frame(&stats, p, frame, false);
	stats_frame(&stats, q, frame, true);
	peers.refused = 17;
	peers.lied = 19;
	ingest.stored_bytes = 23;
	ingest.duplicates = 29;
	s = published();
	i = of(s, "own0");
	is_int(i->in_rows + i->in_rows_bytes, 157 + 57200, "all of both rows");
	is_int(i->in_rows, 157, "packets from bytes");
	is_int(i->non_ip_bytes, 7, "bytes of what is no IP");
	is_int(i->malformed_bytes, 9, "bytes of what is not whole");
	is_int(i->l7_starved, 11, "flows named for want of memory");
	is_int(i->pending, 26, "what both sessions hold");
	ok(i->last_frame != 0, "it was heard");
	is_int(s->refused, 17, "captures refused");
	is_int(s->lied, 19, "captures that lied");
	is_int(s->stored_bytes, 23, "bytes stored");
	is_int(s->duplicates, 29, "frames that came twice");
	gp_status_free(s);
	p->last_seen = q->last_seen = true;
	s = published();
	is_int(of(s, "own0")->pending, 0, "who said its last holds nothing");
	gp_status_free(s);
	leave(p);
	leave(q);
}

int
main(void)
{
	char where[64];

	if (mkdtemp(folder) == NULL || chmod(folder, 0700) < 0)
		skip_all("no temporary folder");
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(where, sizeof(where), "%s/metrics", folder);
	(void)mkdir(where, 0700);
	metrics_dir = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	conf = gp_conf_new();
	peers.list = calloc(PEERS_MAX, sizeof(*peers.list));
	if (ring_create(&ring, RING_MIN_BYTES) < 0)
		skip_all("no ring");

	credit();
	start(dir);
	adds_up();
	sessions();
	each_its_own();
	old_drops();
	l7();
	together();
	since();
	due();
	metrics();
	file();
	second_writer();
	many();
	cannot_write();
	stats_fini(&stats);

	configured();
	(void)unlinkat(metrics_dir, "goprobe.prom", 0);

	/* nothing to write: nothing is counted, nothing breaks */
	metrics_dir = -1;
	start(-1);
	stats_frame(&stats, join("none"), make_frame(1, 1, 1, 1), false);
	stats_tick(&stats, &peers, &ingest);
	stats_write(&stats, &peers, &ingest, false);
	is_int(stats.n, 0, "without a folder there are no statistics");
	stats_fini(&stats);

	(void)unlinkat(dir, GP_STATUS_NAME, 0);
	(void)snprintf(where, sizeof(where), "%s/metrics/goprobe.prom", folder);
	(void)unlink(where);
	(void)snprintf(where, sizeof(where), "%s/metrics", folder);
	(void)rmdir(where);
	(void)rmdir(folder);
	free(peers.list);
	gp_conf_free(conf);
	return tap_done();
}
