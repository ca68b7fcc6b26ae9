/*
 * Retention while the writer runs: when a round comes, which bounds it keeps,
 * and what an administrator who asks is told.
 */
#include "tests/lib/turnsrun.h"

#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>

#include "writer/prune.h"

#define DAY    INT64_C(86400)
#define DAYS   6
#define DEV    0x15u /* what the store's folder is said to be */
#define INO    42u
#define MINUTE (60 * GP_NS_PER_S)

static int64_t wall_offset_ns;
static int statvfs_fails;

/* These are in front of libc's, for all of the program. */
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	long rc = syscall(SYS_clock_gettime, id, ts);

	if (rc == 0 && id == CLOCK_REALTIME)
		ts->tv_sec += wall_offset_ns / GP_NS_PER_S;
	return (int)rc;
}

/* A disk of 1000 bytes, all of them free. */
int
fstatvfs(int fd, struct statvfs *out)
{
	(void)fd;
	memset(out, 0, sizeof(*out));
	out->f_frsize = 10;
	out->f_bavail = 100;
	errno = statvfs_fails;
	return statvfs_fails ? -1 : 0;
}

static struct godb_writer *store;
static struct prune prune;
static int store_fd;
static int64_t today_s;

static void
open_store(void)
{
	uint64_t seed = 1;

	store = start(GODB_BLOCK_ROWS);
	store_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = DAYS; i > 0; i--)
		store_add_block(store, &seed, NULL, "eth0",
		    today_s - i * DAY + 3600, (uint64_t)(DAYS - i + 1), true);
	memset(&conf.store, 0, sizeof(conf.store));
	peers.store_dev = DEV;
	peers.store_ino = INO;
	prune_init(&prune, store, &conf, &peers, store_fd);
	prune.next_ns = INT64_MAX;
	prune.looked_ns = prune.ended_ns = -60 * MINUTE;
}

static void
close_store(void)
{
	prune_fini(&prune);
	godb_writer_close(store);
	gp_fd_close(&store_fd);
	folder_remove(folder);
}

/* Where the day so many days ago lies. */
static void
day_path(int ago, char out[160])
{
	char day[11];

	gp_clock_day_format(today_s - ago * DAY, day);
	(void)snprintf(out, 160, "%s/eth0/%s", folder, day);
}

/* Days that are left, a bit each: 2 for yesterday. */
static unsigned
left(void)
{
	unsigned bits = 0;
	char path[160];

	for (int i = 1; i <= DAYS; i++) {
		day_path(i, path);
		bits |= (unsigned)(access(path, F_OK) == 0) << i;
	}
	return bits;
}
#define NEWEST(n) ((2u << (n)) - 2)

/* A round, if one comes. */
static bool
round_comes(void)
{
	bool came = prune_tick(&prune) || prune.ended_ns > 0;

	while (prune_tick(&prune))
		;
	return came;
}

/* ---- an administrator ---------------------------------------------------- */

static void
send_command(struct capture *c, enum hello_type type, uint64_t a, uint64_t b)
{
	int pair[2] = {-1, -1};

	memset(c, 0, sizeof(*c));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    peers_add_inherited(&peers, pair[0]) < 0)
		printf("Bail out! no connection\n");
	for (size_t i = 0; i < peers.n_list; i++)
		if (peers.list[i].state == PEER_NEW)
			c->peer = &peers.list[i];
	c->peer->inherited = false; /* as one that was accepted */
	c->conn = pair[1];
	(void)hello_msg_send(c->conn, type, HELLO_OK, a, b);
	peers_receive(&peers, c->peer);
}

static void
asks(struct capture *c, int64_t clean_s)
{
	send_command(c, MSG_REMOVE, (uint64_t)DEV << 32 | (uint64_t)clean_s,
	    INO);
	is_int(c->peer->state, PEER_PRUNE, "somebody asks");
}

/* The next message; of type 0: there is none. */
static struct hello_msg
hear(const struct capture *c)
{
	struct hello_msg m = {0};

	if (hello_msg_recv(c->conn, &m) < 0)
		m.type = 0;
	return m;
}

static void
hears_rest(const struct capture *c, enum hello_rest kind, uint64_t least,
    uint64_t most)
{
	struct hello_msg m = hear(c);

	ok(m.type == MSG_REST && m.a == (uint64_t)kind && m.b >= least &&
		m.b <= most,
	    "what could not be done: %d %llu %llu", m.type,
	    (unsigned long long)m.a, (unsigned long long)m.b);
}

/* And that is all. */
static void
hears_pruned(struct capture *c, uint64_t days)
{
	struct hello_msg m = hear(c), end;

	ok(m.type == MSG_PRUNED && m.code == HELLO_OK && m.a == days &&
		(m.b > 100 * days || m.b == days),
	    "%llu days removed: %d %d %llu %llu", (unsigned long long)days,
	    m.type, m.code, (unsigned long long)m.a, (unsigned long long)m.b);
	is_int(hello_msg_recv(c->conn, &end), -ECONNRESET, "the end");
	gp_fd_close(&c->conn);
}

/* ---- tests --------------------------------------------------------------- */

/* Two are served by one round, which does all that either wants. */
static void
test_asked(void)
{
	struct capture a, b, c, live;

	open_store();
	join(&live, "eth1");
	ok(!round_comes(), "no round without a reason");
	leave(&live);
	asks(&a, today_s - 5 * DAY);
	asks(&b, today_s - 3 * DAY);
	asks(&c, 0);
	is_int((int64_t)peers_active(&peers), 0, "they bring nothing");
	ok(round_comes(), "a round for three");
	hears_pruned(&a, 3);
	hears_pruned(&b, 3);
	hears_pruned(&c, 3);
	is_int(left(), NEWEST(3), "the oldest days are gone");
	asks(&a, 0);
	ok(round_comes(), "without a time it is a round as any other");
	hears_pruned(&a, 0);
	is_int(left(), NEWEST(3), "and nothing is gone");
	close_store();
}

/* Only a round that began after it answers a command. */
static void
test_asked_meanwhile(void)
{
	struct godb_retain_opts opts = GODB_RETAIN_OPTS_INIT;
	struct capture a;

	open_store();
	if (godb_retain_new(store, &opts, &prune.round) < 0)
		printf("Bail out! no round\n");
	asks(&a, today_s - 3 * DAY);
	while (prune_tick(&prune))
		;
	is_int(hear(&a).type, 0, "a round that went on does not answer");
	is_int(left(), NEWEST(6), "and removed nothing");
	ok(round_comes(), "the next one");
	hears_pruned(&a, 3);
	is_int(left(), NEWEST(3), "does both");
	close_store();
}

/* A command that means another store, or that nobody knows. */
static void
test_refused(void)
{
	static const struct {
		const char *name;
		enum hello_type type;
		uint64_t dev, ino;
	} cases[] = {
	    {"the same inode of another disk", MSG_REMOVE, DEV + 1, INO},
	    {"another inode of the same disk", MSG_REMOVE, DEV, INO + 1},
	    {"neither", MSG_REMOVE, DEV + 1, INO + 1},
	    {"an older program's", MSG_PRUNE, DEV, INO},
	};
	struct capture a;

	open_store();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hello_msg m;

		send_command(&a, cases[i].type,
		    cases[i].dev << 32 | (uint64_t)today_s, cases[i].ino);
		m = hear(&a);
		ok(m.type == MSG_WELCOME && m.code == HELLO_REFUSED &&
			!round_comes(),
		    "%s: refused", cases[i].name);
		gp_fd_close(&a.conn);
	}
	is_int(left(), NEWEST(6), "nothing is gone");
	close_store();
}

/* What a round could not do is told as what it is, and logged. */
static void
test_rest(void)
{
	struct capture a;
	char path[160];

	open_store();
	day_path(5, path);
	strcat(path, "/folder");
	(void)mkdir(path, 0700);
	conf.store.max_bytes = 1;
	log_begin();
	asks(&a, today_s - 3 * DAY);
	ok(round_comes(), "a round");
	log_end();
	hears_rest(&a, HELLO_FAILED, 1, 1);
	hears_rest(&a, HELLO_SHORT, 100, UINT64_MAX);
	hears_pruned(&a, 4);
	is_int(left() & ~(1u << 5), NEWEST(1), "the newest day stays");
	is_int(lines_with(log_file, "day removed iface=eth0"), 4, "removed");
	is_int(lines_with(log_file, "day cannot be removed iface=eth0"), 1,
	    "not removed");
	is_int(lines_with(log_file, "bounds of the store cannot be kept: days "
				    "cannot be removed"), 1, "and why");
	(void)unlink(log_file);
	close_store();
}

static void
test_short(void)
{
	open_store();
	conf.store.max_bytes = 1;
	prune.next_ns = 0;
	log_begin();
	ok(round_comes(), "a round");
	log_end();
	is_int(left(), NEWEST(1), "the newest day stays");
	is_int(lines_with(log_file, "bounds of the store cannot be kept: nothing "
				    "older is left"), 1, "which is told");
	(void)unlink(log_file);
	close_store();
}

/* A clock that is far ahead is told of once. */
static void
test_doubts(void)
{
	int64_t before = wall_offset_ns;
	struct capture a;

	open_store();
	conf.store.retain_days = 4;
	wall_offset_ns += 1000 * DAY * GP_NS_PER_S;
	log_begin();
	for (int i = 0; i < 2; i++) {
		asks(&a, 0);
		ok(round_comes(), "a round");
		hears_rest(&a, HELLO_DOUBTED, DAYS, DAYS);
		hears_pruned(&a, 0);
	}
	log_end();
	is_int(lines_with(log_file, "by the clock all finished days are past"),
	    1, "one line says so");
	(void)unlink(log_file);
	wall_offset_ns = before;
	is_int(left(), NEWEST(6), "nothing is gone");
	close_store();
}

/* Rounds come by themselves, and keep each bound. */
static void
test_bounds(void)
{
	int64_t now = gp_clock_mono_ns();

	open_store();
	prune_init(&prune, store, &conf, &peers, store_fd);
	ok(prune.next_ns > now && prune.next_ns < now + MINUTE,
	    "the first one comes soon");
	prune.next_ns = 0;
	conf.store.retain_days = 3;
	ok(round_comes(), "by age");
	is_int(left(), NEWEST(3), "days go");
	now = gp_clock_mono_ns();
	ok(prune.next_ns > now + MINUTE && prune.next_ns < now + 6 * MINUTE,
	    "and the next one comes some minutes later");
	ok(prune_credit(&prune, now) > 300, "what it removed counts");
	close_store();
}

/* A disk that has too little free, of which some is about to be: rounds are not
 * repeated for what readers still hold. */
static void
test_disk(void)
{
	open_store();
	conf.store.min_free = 1000;
	ok(!round_comes(), "enough is free");
	prune.looked_ns = -60 * MINUTE;
	conf.store.min_free = 1001;
	prune_note_freed(&prune, 1, gp_clock_mono_ns());
	ok(!round_comes(), "or is about to be");
	prune.next_ns = 0;
	ok(round_comes(), "a round at its time");
	is_int(left(), NEWEST(6), "knows it, too");
	prune.next_ns = INT64_MAX;
	prune.looked_ns = -60 * MINUTE;
	conf.store.min_free = 1002;
	prune.ended_ns = gp_clock_mono_ns();
	(void)prune_tick(&prune);
	is_int(left(), NEWEST(6), "one after another at once would be no use");
	prune.looked_ns = prune.ended_ns = -60 * MINUTE;
	ok(round_comes(), "too little is free");
	is_int(left(), NEWEST(5), "the oldest day goes, which is enough");
	close_store();
}

/* A round that fails says so. */
static void
test_fails(void)
{
	struct hello_msg m;
	struct capture a;

	open_store();
	statvfs_fails = EIO;
	asks(&a, today_s - 3 * DAY);
	ok(round_comes(), "a round that fails");
	statvfs_fails = 0;
	m = hear(&a);
	ok(m.type == MSG_PRUNED && m.code == HELLO_STORE && m.a == EIO,
	    "is not said to be done: %d %d %llu", m.type, m.code,
	    (unsigned long long)m.a);
	gp_fd_close(&a.conn);
	is_int(left(), NEWEST(6), "nothing is gone");
	close_store();
}

/* Nor one that cannot even begin: it is tried again before long. */
static void
test_cannot_begin(void)
{
	struct rlimit before, none;
	int64_t now = gp_clock_mono_ns();
	struct hello_msg m;
	struct capture a;

	open_store();
	asks(&a, today_s - 3 * DAY);
	prune.next_ns = 0;
	(void)getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = 3;
	(void)setrlimit(RLIMIT_NOFILE, &none);
	ok(!prune_tick(&prune), "a round without a descriptor");
	(void)setrlimit(RLIMIT_NOFILE, &before);
	m = hear(&a);
	ok(m.type == MSG_PRUNED && m.code == HELLO_STORE && m.a == EMFILE,
	    "is not said to be done: %d %d %llu", m.type, m.code,
	    (unsigned long long)m.a);
	gp_fd_close(&a.conn);
	ok(prune.next_ns > now && prune.next_ns < now + 5 * MINUTE,
	    "and comes again");
	close_store();
}

int
main(void)
{
	int64_t real = gp_clock_real_ns();

	/* it is noon: a day is not over in between */
	today_s = real / GP_NS_PER_S / DAY * DAY;
	wall_offset_ns = (today_s + DAY / 2) * GP_NS_PER_S - real;
	if (!run_begin())
		return 1;
	test_asked();
	test_asked_meanwhile();
	test_refused();
	test_rest();
	test_short();
	test_doubts();
	test_bounds();
	test_disk();
	test_fails();
	test_cannot_begin();
	return run_end();
}
