/*
 * loop: the real loop live over loopback and a veth pair in a network namespace
 * of its own: what it counts, when interfaces change hands, go and come.
 */
#include "common/base/clock.h"
#include "tests/lib/liverun.h"

#include <signal.h>
#include <arpa/inet.h>
#include <sys/mount.h>

static void
test_loopback(bool by_iface)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct live_run run;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (!ok(live_open(&run, (struct live_run_cfg){"lo", by_iface,
		    "udp", 0, 0, false, 0}),
		"loopback opens"))
		return;
	ok(!source_by_iface(run.source), "without direction of the interface");
	live_start(&run);
	for (int i = 0; i < 500; i++)
		sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
	live_stop(&run);
	is_int(run.out->packets, 500, "each packet of lo counts once");
	ok(closes(&run.totals, run.out), "accounts close");
	is_int(run.result, LOOP_STOPPED, "stopped by the launcher's end");
	close(fd);
	live_free(&run);
}

static void
test_directions(int va, int vb)
{
	struct live_run run;

	live_open(&run, (struct live_run_cfg){"va", true, "udp port 53",
			    0, 0, false, 0});
	/* before the loop runs: the kernel has them */
	send_frames(vb, 0, 3000);
	send_frames(va, 100000, 1000);
	live_start(&run);
	send_frames(vb, 0, 3000);
	send_frames(va, 100000, 1000);
	live_stop(&run);
	is_int(run.out->rcvd, 6000, "received is what came in");
	is_int(run.out->sent, 2000, "sent is what went out");
	is_int(run.out->bytes_rcvd, 6000 * 42, "in bytes");
	is_int(run.totals.kernel_drops, 0, "no drops");
	ok(run.out->block[0].flags == FRAME_DIR_IFACE, "and said so");
	ok(closes(&run.totals, run.out), "accounts close");
	ok(run.totals.acked, "taken");
	live_free(&run);
}

/* Question and answer leave and come by two handles; the one that was first is
 * taken for the question, whatever handle is read first. */
static void
test_order(int va, int vb)
{
	enum { FLOWS = 300 };
	struct live_run run;

	for (int out_first = 0; out_first < 2; out_first++) {
		live_open(&run, (struct live_run_cfg){"va", true, "udp", 0, 0,
				    false, 0});
		for (uint32_t i = 0; i < FLOWS; i++) {
			struct packet *p = udp4(1000 + i, 40000, 2, 40000);

			(void)send(out_first ? va : vb, p->b, p->n, 0);
			p = udp4(2, 40000, 1000 + i, 40000);
			(void)send(out_first ? vb : va, p->b, p->n, 0);
		}
		live_start(&run);
		usleep(100000);
		live_stop(&run);
		is_int(run.out->packets, 2 * FLOWS, "questions and answers");
		is_int(run.out->from_2, 0, "who answers is no client, %s",
		    out_first ? "answers come in" : "answers go out");
		live_free(&run);
	}
}

/* More of one direction than waits for the other one's: none is overwritten. */
static void
test_burst(int va, int vb)
{
	enum { SENT = 40000 };
	struct live_run run;

	for (int out = 0; out < 2; out++) {
		live_open(&run, (struct live_run_cfg){"va", true, "udp", 0, 0,
				    false, 32});
		send_frames(out ? va : vb, 0, SENT);
		live_start(&run);
		usleep(300000);
		live_stop(&run);
		is_int(run.out->packets + run.out->drops, SENT,
		    "a burst %s", out ? "goes out" : "comes in");
		is_int(run.out->rows, run.out->packets, "each of its own");
		ok(closes(&run.totals, run.out), "accounts close");
		live_free(&run);
	}
}

/* What the kernel's buffer had no room for is told: by the process, by the
 * frames, and with what came through it is all that was sent. */
static void
test_drops(int vb)
{
	enum { SENT = 60000, MORE = 100 };
	struct live_run run;
	struct live_run_cfg c = {.iface = "va", .filter = "udp port 53",
		.buffer_mb = 1};

	live_open(&run, c);
	/* before the loop runs: far more than the buffer holds */
	send_frames(vb, 0, SENT);
	live_start(&run);
	usleep(300000);
	send_frames(vb, 0, MORE);
	live_stop(&run);
	ok(run.totals.kernel_drops > SENT / 2, "%llu of %u dropped",
	    (unsigned long long)run.totals.kernel_drops, SENT);
	is_int(run.out->drops, run.totals.kernel_drops, "the frames say so");
	is_int(run.out->packets + run.out->drops, SENT + MORE,
	    "rows and drops are all that was sent");
	ok(closes(&run.totals, run.out), "accounts close");
	live_free(&run);
}

/* Told to stop with packets in the kernel's buffer, of which the last may be
 * alone in its reading. */
static void
test_stop_unread(int vb)
{
	enum { READ = 256 };
	unsigned lost = 0;

	for (uint32_t n = 2 * READ; n <= 2 * READ + 2; n++) {
		struct live_run run;

		live_open(&run, (struct live_run_cfg){"va", false, "udp port 53",
				    0, 0, false, 0});
		send_frames(vb, 0, n);
		usleep(3 * SOURCE_BLOCK_MS * 1000);
		close(run.stop[1]);
		live_start(&run);
		pthread_join(run.thread, NULL);
		reader_stop(run.reader);
		lost += run.out->packets != n;
		ok(closes(&run.totals, run.out), "accounts close");
		live_free(&run);
	}
	is_int(lost, 0, "what the kernel had at the stop is counted");
}

/* Told to stop while its ring is full, it waits for room. */
static void
test_stop_full(int vb)
{
	enum { SENT = 20000 };
	struct live_run run;

	live_open(&run, (struct live_run_cfg){"va", true, "udp",
			    RING_MIN_BYTES, 0, false, 0});
	run.reader->hold = true;
	live_start(&run);
	send_frames(vb, 0, SENT);
	usleep(1200000);
	close(run.stop[1]);
	usleep(400000);
	run.reader->hold = false;
	pthread_join(run.thread, NULL);
	reader_stop(run.reader);
	is_int(run.out->packets, SENT, "all is told before the end");
	ok(closes(&run.totals, run.out) && run.totals.acked,
	    "accounts close, and all is acknowledged");
	is_int(run.out->lasts, 1, "with one last frame");
	live_free(&run);
}

/* ---- one after the other ------------------------------------------------ */

/* A successor that waited until its buffer was full: what it dropped the one
 * before it has counted. */
static void
test_waited(int vb)
{
	enum { SENT = 60000, MORE = 100 };
	struct live_run run;
	struct live_run_cfg c = {.iface = "va", .filter = "udp port 53",
		.buffer_mb = 1};
	int64_t moment_ns;

	live_open(&run, c);
	send_frames(vb, 0, SENT);
	source_mark(run.source);
	moment_ns = gp_clock_real_ns();
	source_begin(run.source, moment_ns);
	loop_begin(run.loop, moment_ns);
	live_start(&run);
	usleep(300000);
	send_frames(vb, 0, MORE);
	live_stop(&run);
	is_int(run.out->packets, MORE, "a successor counts from its moment");
	is_int(run.totals.kernel_drops, 0, "what is dropped, too");
	is_int(run.out->drops, 0, "in frames");
	live_free(&run);
}

enum { HANDED = 100000 };

static void *
send_handed(void *fd)
{
	for (uint32_t n = 0; n < HANDED; n += 200) {
		send_frames(*(int *)fd, n, 200);
		usleep(1000);
	}
	return NULL;
}

static enum hello_code
ask_to_leave(struct live_run *run)
{
	hello_msg_send(run->reader->sock[1], MSG_LEAVE, HELLO_OK, 0, 0);
	for (int i = 0; i < 2000 && run->reader->left == 0; i++)
		usleep(1000);
	return run->reader->left - 1u;
}

/* What comes while an interface changes hands is counted by one of the two. */
static void
test_succession(int vb)
{
	const struct live_run_cfg c = {"va", true, "", 0, 0, true, 0};
	struct live_run run[2];
	struct live_run *before = &run[0], *after = &run[1];
	uint64_t packets = 0, drops = 0;
	int64_t began_ns, begin_ns = 0;
	pthread_t sender;
	int handovers = 0;

	live_open(before, c);
	live_start(before);
	began_ns = gp_clock_real_ns();
	pthread_create(&sender, NULL, send_handed, &vb);
	while (handovers < 8) {
		int64_t moment_ns;

		usleep(30000);
		live_open(after, c);
		if (ask_to_leave(before) != HELLO_OK)
			break;
		moment_ns = (int64_t)before->reader->left_ns;
		usleep(20000);
		source_begin(after->source, moment_ns);
		loop_begin(after->loop, moment_ns);
		live_start(after);
		pthread_join(before->thread, NULL);
		reader_stop(before->reader);
		handovers++;
		packets += before->out->packets;
		drops += before->totals.kernel_drops;
		if (before->result != LOOP_STOPPED || !before->totals.left ||
		    before->out->real_end_ns != moment_ns ||
		    before->out->real_begin_ns < began_ns - GP_NS_PER_S ||
		    (begin_ns && before->out->real_begin_ns != begin_ns) ||
		    !closes(&before->totals, before->out))
			ok(false, "hand-over %d", handovers);
		begin_ns = moment_ns;
		close(before->stop[1]);
		live_free(before);
		before = after;
		after = before == &run[0] ? &run[1] : &run[0];
	}
	pthread_join(sender, NULL);
	live_stop(before);
	packets += before->out->packets;
	is_int(handovers, 8, "handed over while packets come");
	drops += before->totals.kernel_drops;
	/* what a busy machine drops nobody counts; both have told of it */
	ok(packets == HANDED || (drops > 0 && packets < HANDED),
	    "each is counted by one of nine: %llu, %llu drops",
	    (unsigned long long)packets, (unsigned long long)drops);
	live_free(before);
}

struct stamps {
	size_t n;
	int64_t ns[1000];
};

static void
note_stamp(void *ctx, const struct source_packet *p)
{
	struct stamps *s = ctx;

	if (s->n < 1000)
		s->ns[s->n++] = p->time_s * GP_NS_PER_S + p->time_ns;
}

/* Two captures mean the same packets by a moment. */
static void
test_stamps(int vb)
{
	static struct stamps got[2];
	struct source_live live = {.iface = "va", .by_iface = true,
		.filter = "udp", .buffer_mb = 4};
	char error[SOURCE_ERROR_MAX];
	struct source *s[2];

	for (int i = 0; i < 2; i++)
		if (source_open_live(&s[i], &live, error) != 0)
			exit(99);
	usleep(50000); /* the kernel begins to stamp by and by */
	send_frames(vb, 1, 1000);
	for (int turn = 0; turn < 100; turn++) {
		size_t n;

		usleep(10000);
		for (int i = 0; i < 2; i++)
			source_read(s[i], 0, 1000, note_stamp, &got[i], &n);
	}
	ok(got[0].n == 1000 && got[1].n == 1000, "two see each packet");
	ok(memcmp(got[0].ns, got[1].ns, sizeof(got[0].ns)) == 0,
	    "at the same time");
	source_close(s[0]);
	source_close(s[1]);
}

static void
test_stays(int vb)
{
	struct live_run run;

	live_open(&run, (struct live_run_cfg){"va", true, "", 0, 0, false, 0});
	live_start(&run);
	is_int(ask_to_leave(&run), HELLO_REFUSED, "one of several stays");
	send_frames(vb, 0, 100);
	live_stop(&run);
	is_int(run.out->packets, 100, "and goes on");
	live_free(&run);
}

static void
test_mirror(int va, int vb)
{
	struct live_run run;

	live_open(&run, (struct live_run_cfg){"va", false, "", 0, 0, false, 0});
	live_start(&run);
	send_frames(vb, 0, 300);
	send_frames(va, 0, 200);
	live_stop(&run);
	ok(run.out->sent >= 500, "by flow: client to server is sent");
	ok(run.out->block[0].flags == FRAME_DIR_FLOW, "and said so");
	ok(closes(&run.totals, run.out), "accounts close");
	live_free(&run);
}

static void
test_filter(int vb)
{
	struct live_run run;
	char error[SOURCE_ERROR_MAX];

	live_open(&run, (struct live_run_cfg){"va", true,
			    "src net 0.0.0.0/25", 0, 0, false, 0});
	live_start(&run);
	send_frames(vb, 0, 256);
	live_stop(&run);
	is_int(run.out->rcvd, 128, "filter");
	is_int(setsockopt(source_fd(run.source, 0), SOL_SOCKET,
		   SO_DETACH_FILTER, &(int){0}, sizeof(int)) < 0 ? errno : 0,
	    EPERM, "which nobody takes away");
	live_free(&run);
	ok(!live_open(&run, (struct live_run_cfg){"va", true, "no such",
			    0, 0, false, 0}),
	    "a bad filter is an error");
	ok(!live_open(&run, (struct live_run_cfg){"vx", true, "",
			    0, 0, false, 0}),
	    "so is an interface that is not");
	is_int(source_check_filter("x", "tcp and port 80", error), 0, "check");
	is_int(source_check_filter("x", "tcp and prot 80", error), -EINVAL,
	    "check: %s", error);
}

static void *
send_until(void *stop)
{
	int fd = open_sender("vb");

	while (!atomic_load((atomic_bool *)stop))
		send_frames(fd, 0, 20);
	close(fd);
	return NULL;
}

static void
count_one(void *ctx, const struct source_packet *p)
{
	(void)p;
	++*(unsigned *)ctx;
}

/* What came between the opening and the filter is not handed out, nor is it
 * lost: nobody would have read it. */
static void
test_early(bool filtered)
{
	struct source_live live = {.iface = "va",
		.filter = filtered ? "udp port 99" : "", .buffer_mb = 4};
	char error[SOURCE_ERROR_MAX];
	atomic_bool stop = false;
	unsigned early = 0, opened = 0;
	uint64_t drops = 0;
	pthread_t sender;

	pthread_create(&sender, NULL, send_until, &stop);
	for (int i = 0; i < 20; i++) {
		struct source_stats st;
		struct source *s;
		size_t n;

		live.by_iface = !filtered || i % 2;
		if (source_open_live(&s, &live, error) != 0)
			continue;
		opened++;
		usleep(3 * SOURCE_BLOCK_MS * 1000);
		/* all of them come in */
		for (size_t h = !filtered; h < source_handles(s); h++)
			source_read(s, h, 10000, count_one, &early, &n);
		source_stats(s, &st);
		if (filtered)
			source_lost(s, st.received);
		source_stats(s, &st);
		drops += filtered ? st.kernel_drops : 0;
		source_close(s);
	}
	atomic_store(&stop, true);
	pthread_join(sender, NULL);
	is_int(opened, 20, "opened while packets come");
	is_int(early, 0, "none that the %s does not let through",
	    filtered ? "filter" : "direction");
	is_int((int64_t)drops, 0, "and none is told lost");
}

/* A network card's counter is a file of ours. */
static bool
fake_counter(const char *file)
{
	return unshare(CLONE_NEWNS) == 0 &&
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("none", "/sys", "sysfs", 0, NULL) == 0 &&
	    mount(file, "/sys/class/net/va/statistics/rx_missed_errors", NULL,
		MS_BIND, NULL) == 0;
}

static int64_t
missed(struct source *s, const char *file, const char *count)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct source_stats st = {0};

	(void)!write(fd, count, strlen(count));
	close(fd);
	if (s)
		source_stats(s, &st);
	return (int64_t)st.iface_drops;
}

/* Drops of the interface are those since the source was opened, and a
 * successor's those since its moment. */
static void
test_missed(void)
{
	struct source_live live = {.iface = "va", .buffer_mb = 1};
	char error[SOURCE_ERROR_MAX], file[] = "/tmp/missed.XXXXXX";
	struct source *s;

	close(mkstemp(file));
	(void)missed(NULL, file, "100\n");
	if (!fake_counter(file)) {
		ok(true, "counters of an interface # SKIP /sys is no one's");
	} else if (source_open_live(&s, &live, error) == 0) {
		is_int(missed(s, file, "100\n"), 0, "what was before");
		is_int(missed(s, file, "130\n"), 30, "what the card dropped");
		is_int(missed(s, file, "5\n"), 35, "after a reset");
		(void)missed(NULL, file, "15\n");
		source_mark(s);
		is_int(missed(s, file, "17\n"), 47, "until a successor");
		source_begin(s, gp_clock_real_ns());
		is_int(missed(s, file, "18\n"), 3, "begins with its own");
		source_close(s);
	}
	(void)umount("/sys/class/net/va/statistics/rx_missed_errors");
	(void)unlink(file);
}

static void
test_gone(int vb)
{
	struct source_live live = {.iface = "va", .buffer_mb = 1};
	char error[SOURCE_ERROR_MAX];
	struct source *watched;
	struct live_run run;

	live_open(&run, (struct live_run_cfg){"va", true, "udp", 0, 0, false,
			    0});
	if (source_open_live(&watched, &live, error) != 0)
		exit(99);
	live_start(&run);
	send_frames(vb, 0, 100);
	usleep(200000);
	if (system("ip link set va down; ip link set va up") != 0)
		diag("cannot set the link down");
	usleep(300000);
	ok(source_present(watched), "an interface that was down is there");
	send_frames(vb, 0, 100);
	usleep(200000);
	if (system("ip link del va") != 0)
		diag("cannot delete");
	pthread_join(run.thread, NULL);
	reader_stop(run.reader);
	is_int(run.result, LOOP_IFACE_GONE, "a deleted interface ends it: %s",
	    source_error(run.source));
	is_int(run.out->packets, 200, "link down and up goes on counting");
	is_int(run.out->lasts, 1, "flows published, last frame");
	/* no packet and no error of the handle tells this one */
	ok(!source_present(watched), "gone: %s", source_error(watched));
	source_close(watched);
	close(run.stop[1]);
	live_free(&run);
}

static void
make_again(const char *name)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "ip link add %s type veth "
	    "peer name vb && ip link set %s up && ip link set vb up", name,
	    name);
	if (system(command) != 0)
		diag("%s", command);
	usleep(500000); /* its own chatter */
}

/* The kernel's buffer outlives the interface: all that was in it is counted. */
static void
test_gone_full(void)
{
	enum { IN = 20000, OUT = 1000 };
	struct live_run run;
	int va, vb;

	make_again("va");
	va = open_sender("va");
	vb = open_sender("vb");
	live_open(&run, (struct live_run_cfg){"va", true, "udp port 53", 0, 0,
			    false, 0});
	/* before the loop runs: the kernel has them */
	send_frames(vb, 0, IN);
	send_frames(va, 100000, OUT);
	if (system("ip link del va") != 0)
		diag("cannot delete");
	live_start(&run);
	pthread_join(run.thread, NULL);
	reader_stop(run.reader);
	is_int(run.result, LOOP_IFACE_GONE, "deleted with a full buffer");
	is_int(run.out->rcvd + run.out->drops, IN, "what came in is counted");
	is_int(run.out->sent, OUT, "so is what the other handle has");
	ok(closes(&run.totals, run.out), "accounts close");
	close(run.stop[1]);
	close(va);
	close(vb);
	live_free(&run);
}

/* What nobody will read is no less lost than what found no room. */
static void
test_unread(void)
{
	enum { SENT = 30000 };
	struct source_live live = {.iface = "va", .by_iface = true,
		.filter = "udp port 53", .buffer_mb = 1};
	struct source_stats st;
	char error[SOURCE_ERROR_MAX];
	unsigned got = 0;
	struct source *s;
	size_t n;
	int vb;

	make_again("va");
	vb = open_sender("vb");
	if (source_open_live(&s, &live, error) != 0)
		exit(99);
	send_frames(vb, 0, SENT);
	usleep(3 * SOURCE_BLOCK_MS * 1000);
	source_read(s, 0, 300, count_one, &got, &n);
	source_stats(s, &st);
	ok(st.kernel_drops > 0 && st.read == got && got > 0 &&
		got < st.received, "%u of %u are read", got, SENT);
	source_lost(s, st.received);
	source_stats(s, &st);
	is_int(got + st.kernel_drops, SENT, "the others are dropped");
	source_close(s);
	close(vb);
}

/* Packets keep coming, under a name that is another's. */
static void
test_renamed(void)
{
	struct live_run run;
	atomic_bool stop = false;
	bool joined = false;
	pthread_t sender;

	live_open(&run, (struct live_run_cfg){"va", true, "udp", 0, 0, false,
			    0});
	live_start(&run);
	pthread_create(&sender, NULL, send_until, &stop);
	usleep(300000);
	/* up only where the kernel lets it */
	if (system("ip link set va name vx 2>/dev/null || { "
		   "ip link set va down && ip link set va name vx && "
		   "ip link set vx up; }") != 0)
		diag("cannot rename");
	for (int i = 0; i < 50 && !joined; i++) {
		usleep(100000);
		joined = pthread_tryjoin_np(run.thread, NULL) == 0;
	}
	atomic_store(&stop, true);
	pthread_join(sender, NULL);
	close(run.stop[1]);
	if (!joined)
		pthread_join(run.thread, NULL);
	is_int(run.result, LOOP_IFACE_GONE, "a renamed interface is gone: %s",
	    source_error(run.source));
	reader_stop(run.reader);
	ok(closes(&run.totals, run.out), "accounts close");
	live_free(&run);
}

/* The same name, and another interface. */
static void
test_replaced(void)
{
	struct source_live live = {.iface = "vc", .buffer_mb = 1};
	char error[SOURCE_ERROR_MAX];
	struct source *s;

	if (system("ip link add vc type veth peer name vd && "
		   "ip link set vc up") != 0 ||
	    source_open_live(&s, &live, error) != 0)
		exit(99);
	ok(source_present(s), "an interface that is there");
	if (system("ip link set vc down && ip link set vc name ve && "
		   "ip link add vc type veth peer name vf") != 0)
		diag("cannot rename");
	ok(!source_present(s), "gone: %s", source_error(s));
	source_close(s);
}

int
main(void)
{
	int va, vb;

	signal(SIGPIPE, SIG_IGN);
	if (!make_network())
		skip_all("needs root and network namespaces");
	usleep(500000); /* the link's own chatter */
	va = open_sender("va");
	vb = open_sender("vb");
	test_loopback(true);
	test_loopback(false);
	test_directions(va, vb);
	test_order(va, vb);
	test_burst(va, vb);
	test_drops(vb);
	test_stop_full(vb);
	test_stop_unread(vb);
	test_mirror(va, vb);
	test_stamps(vb);
	test_waited(vb);
	test_succession(vb);
	test_stays(vb);
	test_filter(vb);
	test_early(true);
	test_early(false);
	test_missed();
	test_gone(vb);
	test_gone_full();
	test_unread();
	test_renamed();
	test_replaced();
	close(va);
	close(vb);
	return tap_done();
}
