/*
 * A capture that lies to a real writer, beside one that does not: whatever the
 * first says, the writer lives, ends that session alone, says so once, and the
 * honest interface loses nothing.  Under ASan when built so.
 *
 * HOSTILE_S: seconds of the race, 3 by default, eight minutes with LONG=1.
 */
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/lib/fakecapture.h"
#include "tests/tap.h"

#define LIAR   "liar0"
#define HONEST "honest0"
#define RANDOM_LIES 1500
#define CONNECTS    1000

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

static struct fake_writer writer;
static struct fake_capture honest;
static uint64_t seed;

static size_t
ended_sessions(void)
{
	return fake_writer_said(&writer, "session ended");
}

/* Life goes on: the honest one is heard. */
static bool
others_unharmed(void)
{
	int rc = fake_tell(&honest, 20000);

	if (rc < 0)
		diag("the honest capture: %s", strerror(-rc));
	return rc == 0 && fake_writer_lives(&writer);
}

/* ---- one lie in a frame -------------------------------------------------- */

struct lie {
	const char *name;
	void (*tell)(struct frame_header *h);
	bool resealed; /* with a checksum that holds */
	const char *why; /* in the writer's one line */
};

#define LIE(what, statement)               \
	static void what(struct frame_header *h) \
	{                                      \
		statement;                     \
	}
LIE(magic, h->magic ^= 1)
LIE(version, h->version = 99)
LIE(kind_0, h->kind = 0)
LIE(kind_5, h->kind = 5)
LIE(bytes_0, h->bytes = 0)
LIE(bytes_header, h->bytes = 199)
LIE(bytes_more, h->bytes += 1 << 16)
LIE(bytes_most, h->bytes = UINT32_MAX)
LIE(flags, h->flags |= 0x80000000)
LIE(offline, h->flags |= FRAME_OFFLINE)
LIE(seq_same, h->seq--)
LIE(seq_skip, h->seq++)
LIE(seq_most, h->seq = UINT64_MAX)
LIE(names_most, h->n_names = UINT32_MAX)
LIE(names_none, h->n_names = 0)
LIE(n4_most, h->n4 = UINT32_MAX)
LIE(n4_wraps, h->n4 += UINT32_MAX / 48 + 1)
LIE(n4_more, h->n4 = 2)
LIE(n6_most, h->n6 = UINT32_MAX)
LIE(counts_swapped, (h->n4 = 0, h->n6 = 1))
LIE(checksum, h->checksum ^= 1)
LIE(slot_odd, h->slot_s += 1)
LIE(slot_negative, h->slot_s = -300)
LIE(slot_2099, h->slot_s = INT64_C(4070908800))
LIE(slot_yesterday, h->slot_s -= 86400)
LIE(slot_most, h->slot_s = INT64_MAX / 300 * 300)
LIE(real_2099, (h->slot_s = INT64_C(4070908800),
    h->first_real_ns = h->last_real_ns = INT64_C(4070908800000000000)))
LIE(real_yesterday, (h->slot_s -= 86400,
    h->first_real_ns = h->last_real_ns -= INT64_C(86400000000000)))
LIE(real_1970, (h->slot_s -= 86400, h->first_real_ns = 0))
LIE(real_hours, h->first_real_ns -= INT64_C(7200000000000))
LIE(real_least, h->first_real_ns = INT64_MIN)
LIE(real_both_least, h->first_real_ns = h->last_real_ns = INT64_MIN)
LIE(real_most, h->last_real_ns = INT64_MAX)
LIE(real_reversed, h->first_real_ns = h->last_real_ns + 1)
LIE(boot_future, h->last_boot_ns += INT64_C(60000000000))
LIE(boot_past, h->first_boot_ns = 0)
LIE(boot_least, h->first_boot_ns = h->last_boot_ns = INT64_MIN)
LIE(boot_reversed, h->first_boot_ns = h->last_boot_ns + 1)
LIE(other_ring, memcpy(h->instance, honest.ring.info.instance, 16))

static struct frame_row4 *
row_of(struct frame_header *h)
{
	return (void *)((uint8_t *)(h + 1) + sizeof(struct frame_name));
}
LIE(row_l7, row_of(h)->l7 = 1)
LIE(row_pad, row_of(h)->pad = 1)
LIE(name_open, memset(h + 1, 'x', FRAME_NAME_MAX))
LIE(name_empty, memset(h + 1, 0, FRAME_NAME_MAX))
LIE(name_bell, memset(h + 1, 7, 1))
LIE(name_tail, memset((uint8_t *)(h + 1) + 20, 'x', 1))

static const struct lie lies[] = {
    {"magic", magic, true, "magic"},
    {"version", version, true, "version"},
    {"no kind", kind_0, true, "kind"},
    {"an unknown kind", kind_5, true, "kind"},
    {"length 0", bytes_0, false, "length"},
    {"length within the header", bytes_header, false, "length"},
    {"length beyond head", bytes_more, false, "length"},
    {"length beyond everything", bytes_most, false, "length"},
    {"unknown flags", flags, true, "flags"},
    {"offline on a live session", offline, true, "offline flag"},
    {"sequence repeated", seq_same, true, "sequence"},
    {"sequence skipped", seq_skip, true, "sequence"},
    {"sequence at its end", seq_most, true, "sequence"},
    {"four thousand million names", names_most, true, "counts"},
    {"no name", names_none, true, "counts"},
    {"four thousand million rows", n4_most, true, "counts"},
    {"a row count that wraps", n4_wraps, true, "counts"},
    {"a row more than there is", n4_more, true, "counts"},
    {"four thousand million IPv6 rows", n6_most, true, "counts"},
    {"rows of the other size", counts_swapped, true, "counts"},
    {"checksum", checksum, false, "checksum"},
    {"a block between blocks", slot_odd, true, "block"},
    {"a block before 1970", slot_negative, true, "block"},
    {"a block of 2099", slot_2099, true, "block"},
    {"a block of yesterday", slot_yesterday, true, "block"},
    {"the last block of all", slot_most, true, "block"},
    {"a frame of 2099", real_2099, true, "wall-clock"},
    {"a frame of yesterday", real_yesterday, true, "wall-clock"},
    {"yesterday, as it covers all time since 1970", real_1970, true,
	"wall-clock"},
    {"more time than the boot clock says", real_hours, true, "wall-clock"},
    {"the first moment of all", real_least, true, "wall-clock"},
    {"nothing but the first moment", real_both_least, true, "wall-clock"},
    {"the last moment of all", real_most, true, "wall-clock"},
    {"an interval backwards", real_reversed, true, "interval"},
    {"a minute ahead", boot_future, true, "boot time"},
    {"from before the hello", boot_past, true, "boot time"},
    {"from before the boot", boot_least, true, "boot time"},
    {"a boot interval backwards", boot_reversed, true, "interval"},
    {"a frame of the other interface", other_ring, true, "instance"},
    {"a row's name that is not there", row_l7, true, "IPv4 row"},
    {"reserved bytes in use", row_pad, true, "IPv4 row"},
    {"a name without an end", name_open, true, "application name"},
    {"an empty name", name_empty, true, "application name"},
    {"a bell in a name", name_bell, true, "application name"},
    {"bytes behind a name", name_tail, true, "application name"},
};

static void
tell_lie(const struct lie *lie)
{
	_Alignas(8) uint8_t buf[512];
	struct frame_header *h = (void *)buf;
	struct fake_capture c;
	size_t said = ended_sessions(), why, len;
	char reason[64];

	(void)snprintf(reason, sizeof(reason), "why=\"%s", lie->why);
	why = fake_writer_said(&writer, reason);
	if (!ok(fake_capture_open(&c, &writer, LIAR) == 0, "%s: welcomed",
		lie->name))
		return;
	len = fake_frame(&c, buf);
	frame_seal(buf);
	lie->tell(h);
	if (lie->resealed && h->bytes <= len)
		frame_seal(buf);
	fake_publish(&c, buf, len);
	ok(fake_ended(c.sock, 20000) && ended_sessions() == said + 1 &&
		fake_writer_said(&writer, reason) == why + 1 &&
		others_unharmed(),
	    "%s: that session ends, said once", lie->name);
	fake_capture_close(&c);
}

/* ---- lies about positions ------------------------------------------------ */

static void
lie_head(const char *name, uint64_t (*where)(const struct fake_capture *c))
{
	struct fake_capture c;
	size_t said = ended_sessions();

	if (!ok(fake_capture_open(&c, &writer, LIAR) == 0 &&
		    fake_tell(&c, 20000) == 0,
		"%s: one frame is fine", name))
		return;
	fake_set_head(&c, where(&c));
	ok(fake_ended(c.sock, 20000) && ended_sessions() == said + 1 &&
		others_unharmed(),
	    "%s: that session ends, said once", name);
	fake_capture_close(&c);
}

static uint64_t
head_back(const struct fake_capture *c)
{
	return c->head - 64;
}

static uint64_t
head_zero(const struct fake_capture *c)
{
	(void)c;
	return 0;
}

static uint64_t
head_odd(const struct fake_capture *c)
{
	return c->head + 1;
}

static uint64_t
head_far(const struct fake_capture *c)
{
	return c->head + c->ring.info.data_bytes + 64;
}

static uint64_t
head_most(const struct fake_capture *c)
{
	(void)c;
	return UINT64_MAX - 63;
}

static uint64_t
head_into_nothing(const struct fake_capture *c)
{
	return c->head + 64; /* zeroes there */
}

/* ---- hellos -------------------------------------------------------------- */

/* Sends any bytes with any descriptors. */
static void
send_hello(int sock, const void *text, size_t len, const int *fds, size_t n)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * 253)];
		struct cmsghdr align;
	} control;
	uint8_t copy[256] = {0};
	struct iovec iov = {copy, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	memcpy(copy, text, len);
	memset(&control, 0, sizeof(control));
	if (n > 0) {
		struct cmsghdr *c;

		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
	}
	if (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
		diag("sendmsg: %s", strerror(errno));
}

static void
refused_as(int code, const char *name, const void *text, size_t len,
    const int *fds, size_t n)
{
	size_t said = fake_writer_said(&writer, "capture refused");
	int sock = fake_connect(&writer);
	int rc;

	send_hello(sock, text, len, fds, n);
	rc = fake_answer(sock, 20000);
	ok(rc == code && fake_ended(sock, 20000) &&
		fake_writer_said(&writer, "capture refused") == said + 1 &&
		others_unharmed(),
	    "hello: %s: refused, said once", name);
	(void)close(sock);
}

static void
refused(const char *name, const void *text, size_t len, const int *fds,
    size_t n)
{
	refused_as(HELLO_REFUSED, name, text, len, fds, n);
}

#define WRONG_HELLO(name, statement)                            \
	do {                                                    \
		h = fake_hello(&ring, LIAR);                    \
		statement;                                      \
		refused(name, &h, sizeof(h), &ring.fd_ro, 1);   \
	} while (0)

static void
wrong_hellos(void)
{
	struct ring_producer ring;
	struct hello h;
	uint8_t longer[128] = {0};
	int many[250];

	if (ring_create(&ring, 1u << 20) < 0)
		exit(1);
	h = fake_hello(&ring, LIAR);
	refused("no descriptor", &h, sizeof(h), NULL, 0);
	for (size_t i = 0; i < 250; i++)
		many[i] = ring.fd_ro;
	refused("two descriptors", &h, sizeof(h), many, 2);
	refused("250 descriptors", &h, sizeof(h), many, 250);
	refused("a byte short", &h, sizeof(h) - 1, &ring.fd_ro, 1);
	memcpy(longer, &h, sizeof(h));
	refused("a byte long", longer, sizeof(h) + 1, &ring.fd_ro, 1);
	refused("descriptors alone", &h, 1, many, 250);
	WRONG_HELLO("magic", h.magic++);
	h = fake_hello(&ring, LIAR);
	h.version++;
	refused_as(HELLO_VERSION_MISMATCH, "version", &h, sizeof(h),
	    &ring.fd_ro, 1);
	h = fake_hello(&ring, LIAR);
	h.frame_version += 0x100;
	refused_as(HELLO_VERSION_MISMATCH, "frames to come", &h, sizeof(h),
	    &ring.fd_ro, 1);
	WRONG_HELLO("flags", h.flags = 0x80);
	WRONG_HELLO("offline", h.flags = HELLO_OFFLINE);
	WRONG_HELLO("no workers", h.workers = 0);
	WRONG_HELLO("worker of none", h.worker = 1);
	WRONG_HELLO("too many workers", h.workers = 65);
	WRONG_HELLO("no interface", h.iface[0] = '\0');
	WRONG_HELLO("an interface above", memcpy(h.iface, "../x", 5));
	WRONG_HELLO("an interface that is a path", memcpy(h.iface, "a/b", 4));
	WRONG_HELLO("an interface that is a folder", memcpy(h.iface, "..", 3));
	WRONG_HELLO("an endless interface", memset(h.iface, 'x', 16));
	WRONG_HELLO("no instance", memset(h.instance, 0, 16));
	WRONG_HELLO("another instance", h.instance[0] ^= 1);
	WRONG_HELLO("another size", h.ring_bytes *= 2);
	ring_destroy(&ring);
}

static void
wrong_descriptor(const char *name, int fd)
{
	struct ring_producer none = {.info = {.data_bytes = 1u << 20}};
	struct hello h;

	memset(none.info.instance, 1, 16);
	h = fake_hello(&none, LIAR);
	refused(name, &h, sizeof(h), &fd, 1);
	if (fd >= 0)
		(void)close(fd);
}

/* A ring in all but one thing. */
static int
almost_ring(size_t bytes, int seals, bool read_only, uint64_t data_bytes)
{
	struct {
		uint32_t magic;
		uint16_t version, frame_version;
		uint64_t data_bytes;
		uint8_t instance[16];
	} header = {RING_MAGIC, RING_VERSION, FRAME_VERSION, data_bytes, {0}};
	int fd = memfd_create("ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char path[64];
	int ro;

	memset(header.instance, 1, sizeof(header.instance));
	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0 ||
	    pwrite(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    (seals && fcntl(fd, F_ADD_SEALS, seals) < 0))
		exit(1);
	if (!read_only)
		return fd;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	(void)close(fd);
	return ro;
}

static void
wrong_descriptors(void)
{
	const size_t data = 1u << 20, whole = data + 8192;
	int ends[2];

	if (pipe(ends) < 0)
		exit(1);
	(void)close(ends[1]);
	wrong_descriptor("a pipe", ends[0]);
	wrong_descriptor("/dev/zero", open("/dev/zero", O_RDONLY));
	wrong_descriptor("a file", open("/etc/passwd", O_RDONLY));
	wrong_descriptor("a folder", open("/", O_RDONLY | O_DIRECTORY));
	wrong_descriptor("O_PATH", open("/etc/passwd", O_PATH));
	wrong_descriptor("a socket", socket(AF_UNIX, SOCK_STREAM, 0));
	wrong_descriptor("unsealed", almost_ring(whole, 0, true, data));
	wrong_descriptor("it can shrink", almost_ring(whole,
	    SEALS & ~F_SEAL_SHRINK, true, data));
	wrong_descriptor("it can grow", almost_ring(whole,
	    SEALS & ~F_SEAL_GROW, true, data));
	wrong_descriptor("it can be written anew", almost_ring(whole,
	    SEALS & ~F_SEAL_FUTURE_WRITE, true, data));
	wrong_descriptor("seals can be added", almost_ring(whole,
	    SEALS & ~F_SEAL_SEAL, true, data));
	wrong_descriptor("writable", almost_ring(whole, SEALS, false, data));
	wrong_descriptor("cut", almost_ring(whole - 4096, SEALS, true, data));
	wrong_descriptor("empty behind the header", almost_ring(4096, SEALS,
	    true, data));
	wrong_descriptor("longer than it says", almost_ring(whole + 4096,
	    SEALS, true, data));
	wrong_descriptor("no power of two", almost_ring(whole + 4096, SEALS,
	    true, data + 4096));
	wrong_descriptor("tiny", almost_ring(8192 + 4096, SEALS, true, 4096));
	wrong_descriptor("size 0", almost_ring(whole, SEALS, true, 0));
	wrong_descriptor("size beyond all", almost_ring(whole, SEALS, true,
	    UINT64_C(1) << 63));
}

/* A ring cannot be resized or written through once it is handed over. */
static void
resize_later(void)
{
	struct fake_capture c;
	int fd;
	char path[64];

	if (!ok(fake_capture_open(&c, &writer, LIAR) == 0, "a ring"))
		return;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", c.ring.fd_ro);
	fd = open(path, O_RDWR | O_CLOEXEC); /* we are root */
	ok(ftruncate(fd, 4096) < 0 && ftruncate(fd, 1 << 24) < 0,
	    "its maker cannot resize it");
	ok(pwrite(fd, "x", 1, 0) < 0, "nor write it but through its mapping");
	ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
	       1 << 20) < 0, "nor take pages away");
	if (fd >= 0)
		(void)close(fd);
	ok(others_unharmed(), "and the writer goes on");
	fake_capture_close(&c);
}

static void
wrong_messages(void)
{
	static const struct {
		const char *name;
		struct hello_msg m;
		size_t len;
	} wrong[] = {
	    {"a doorbell's wrong magic", {1, MSG_DOORBELL, 0, 0, 0}, 24},
	    {"an acknowledgement from a capture",
		{HELLO_MAGIC, MSG_ACK, 0, 0, 0}, 24},
	    {"a welcome from a capture", {HELLO_MAGIC, MSG_WELCOME, 0, 0, 0},
		24},
	    {"a time span without a question",
		{HELLO_MAGIC, MSG_SPAN, 0, 0, 300}, 24},
	    {"type 0", {HELLO_MAGIC, 0, 0, 0, 0}, 24},
	    {"a short message", {HELLO_MAGIC, MSG_DOORBELL, 0, 0, 0}, 23},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct fake_capture c;
		size_t said = ended_sessions();

		if (fake_capture_open(&c, &writer, LIAR) < 0)
			exit(1);
		(void)send(c.sock, &wrong[i].m, wrong[i].len, MSG_NOSIGNAL);
		ok(fake_ended(c.sock, 20000) && ended_sessions() == said + 1 &&
			others_unharmed(),
		    "%s: that session ends, said once", wrong[i].name);
		fake_capture_close(&c);
	}
}

/* Doorbells without a pause cost their sender's turn only. */
static void
flood(void)
{
	struct fake_capture c;
	int64_t until = gp_clock_mono_ns() + GP_NS_PER_S / 2;
	unsigned long n = 0;

	if (fake_capture_open(&c, &writer, LIAR) < 0)
		exit(1);
	while (gp_clock_mono_ns() < until)
		n += hello_msg_send(c.sock, MSG_DOORBELL, HELLO_OK, 0, 0) == 0;
	ok(others_unharmed(), "%lu doorbells: the honest one is heard", n);
	fake_capture_close(&c);
}

/* ---- connections --------------------------------------------------------- */

static void
thousand_connects(void)
{
	static int sock[CONNECTS];
	size_t open = 0, busy = 0;
	struct fake_capture c;
	int64_t since = gp_clock_mono_ns();
	int rc = -EAGAIN;

	for (size_t i = 0; i < CONNECTS; i++) {
		sock[i] = fake_connect(&writer);
		open += sock[i] >= 0;
		if (i % 100 == 0 && !others_unharmed())
			break;
	}
	is_int(open, CONNECTS, "%d connections that say nothing", CONNECTS);
	ok(others_unharmed(), "the honest one is heard meanwhile");
	for (size_t i = 0; i < CONNECTS; i++)
		busy += fake_answer(sock[i], 5) == HELLO_BUSY;
	ok(busy > 0, "%zu were told that there are too many", busy);
	while (rc != 0 && gp_clock_mono_ns() - since < 30 * GP_NS_PER_S) {
		rc = fake_capture_open(&c, &writer, LIAR);
		if (rc != 0) {
			fake_capture_close(&c);
			(void)poll(NULL, 0, 100);
		}
	}
	is_int(rc, 0, "after %.1f s the next is welcome",
	    (double)(gp_clock_mono_ns() - since) / 1e9);
	ok(fake_writer_said(&writer, "no hello") > 0,
	    "who never said hello was let go");
	for (size_t i = 0; i < CONNECTS; i++)
		(void)close(sock[i]);
	ok(others_unharmed(), "and the honest one is heard still");
	fake_capture_close(&c);
}

static void
not_root(void)
{
	size_t said = fake_writer_said(&writer, "not root");
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		if (chmod(writer.socket, 0666) < 0 || setgid(65533) < 0 ||
		    setuid(65533) < 0)
			_exit(1);
		_exit(fake_ended(fake_connect(&writer), 20000) ? 0 : 2);
	}
	(void)waitpid(pid, &status, 0);
	ok(status == 0 && fake_writer_said(&writer, "not root") == said + 1,
	    "even where the socket is open to all, only root is heard");
	(void)chmod(writer.socket, 0600);
}

/* ---- at random ----------------------------------------------------------- */

static void
spoil(uint8_t *buf, size_t len)
{
	unsigned n = 1 + (unsigned)(tap_random(&seed) % 4);

	while (n-- > 0) {
		size_t at = tap_random(&seed) % (tap_random(&seed) % 2 ?
			sizeof(struct frame_header) : len);
		static const uint64_t odd[] = {0, 1, UINT64_MAX, INT64_MAX,
		    UINT64_C(1) << 63, 0xffffffff, 0x7fffffff, 300, 299};
		uint64_t value = odd[tap_random(&seed) % 9];
		size_t bytes = (size_t)1 << (tap_random(&seed) % 4);

		if (tap_random(&seed) % 2) {
			buf[at] ^= (uint8_t)(1u << (tap_random(&seed) % 8));
		} else {
			at &= ~(bytes - 1);
			memcpy(buf + at, &value,
			    at + bytes <= len ? bytes : 1);
		}
	}
}

static void
random_lies(void)
{
	_Alignas(8) uint8_t buf[512];
	size_t said = ended_sessions(), ended = 0, taken = 0;
	struct fake_capture c;
	bool connected = false, fine = true;

	for (unsigned i = 0; fine && i < RANDOM_LIES; i++) {
		struct frame_header *h = (void *)buf;
		size_t len;

		if (!connected &&
		    fake_capture_open(&c, &writer, LIAR) < 0) {
			fine = false;
			break;
		}
		connected = true;
		len = fake_frame(&c, buf);
		frame_seal(buf);
		spoil(buf, len);
		if (tap_random(&seed) % 4 && h->bytes <= sizeof(buf) &&
		    h->bytes >= sizeof(*h))
			frame_seal(buf);
		fake_publish(&c, buf, len);
		/* a truthful one behind it tells which way it went */
		if (fake_tell(&c, 20000) == 0) {
			taken++;
			continue;
		}
		ended++;
		fake_capture_close(&c);
		connected = false;
		if (i % 16 == 0)
			fine = others_unharmed();
	}
	if (connected)
		fake_capture_close(&c);
	ok(fine && others_unharmed(), "%d frames spoilt at random", RANDOM_LIES);
	is_int(ended_sessions() - said, ended,
	    "%zu sessions ended, each said once; %zu could be taken", ended,
	    taken);
}

/* ---- while it is read ---------------------------------------------------- */

struct racer {
	_Atomic(volatile uint8_t *) frame; /* the one that is read next */
	size_t at, bytes; /* field of its header, 0: any bit of it */
	uint64_t seed;
	atomic_bool stop;
};

static const struct {
	size_t at, bytes;
} fields[] = {
    {0, 0},
    {offsetof(struct frame_header, bytes), 4},
    {offsetof(struct frame_header, kind), 2},
    {offsetof(struct frame_header, seq), 8},
    {offsetof(struct frame_header, slot_s), 8},
    {offsetof(struct frame_header, n_names), 4},
    {offsetof(struct frame_header, n4), 4},
    {offsetof(struct frame_header, n6), 4},
    {offsetof(struct frame_header, checksum), 8},
};
#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

/* There and back, all the time: half of it the frame is true. */
static void *
race_on(void *arg)
{
	struct racer *r = arg;

	while (!atomic_load_explicit(&r->stop, memory_order_relaxed)) {
		volatile uint8_t *frame = atomic_load(&r->frame);
		uint64_t x = tap_random(&r->seed);
		size_t at = r->bytes ? r->at + x % r->bytes :
		    x % sizeof(struct frame_header);
		uint8_t bit = (uint8_t)(1u << (x >> 60 & 7));

		frame[at] ^= bit;
		frame[at] ^= bit;
	}
	return NULL;
}

static bool
race_one(size_t field, size_t *frames)
{
	_Alignas(8) uint8_t buf[512];
	struct racer r = {.at = fields[field].at, .bytes = fields[field].bytes,
	    .seed = tap_random(&seed)};
	struct fake_capture c;
	bool ended = false;
	pthread_t thread;

	if (fake_capture_open(&c, &writer, LIAR) < 0)
		exit(1);
	atomic_store(&r.frame, fake_data(&c));
	if (pthread_create(&thread, NULL, race_on, &r) != 0)
		exit(1);
	for (unsigned i = 0; i < 50 && !ended; i++, ++*frames) {
		size_t len = fake_frame(&c, buf);

		frame_seal(buf);
		atomic_store(&r.frame, fake_data(&c));
		fake_publish(&c, buf, len);
		ended = fake_ended(c.sock, 1);
	}
	atomic_store(&r.stop, true);
	(void)pthread_join(thread, NULL);
	ended = ended || fake_ended(c.sock, 300);
	fake_capture_close(&c);
	return ended;
}

static void
race_writer(unsigned seconds)
{
	int64_t until = gp_clock_mono_ns() + seconds * GP_NS_PER_S;
	size_t said = ended_sessions(), ended = 0, sessions = 0, frames = 0;
	bool fine = true;

	while (fine && (gp_clock_mono_ns() < until || sessions < N_FIELDS)) {
		ended += race_one(sessions++ % N_FIELDS, &frames);
		fine = others_unharmed();
	}
	(void)poll(NULL, 0, 600);
	ok(fine && ended > 0,
	    "%zu rings, %zu frames changed while they were read: %zu sessions "
	    "ended", sessions, frames, ended);
	is_int(ended_sessions() - said, ended, "each said once");
}

/* ---- names that are made up ---------------------------------------------- */

/* A row for each of as many names as a frame can have. */
static int
tell_names(struct fake_capture *c, unsigned first)
{
	static uint64_t buf[FRAME_MAX_BYTES / 8];
	struct frame_header *h = (void *)buf;
	struct frame_name *name = (void *)(h + 1);
	struct frame_row4 *row = (void *)(name + FRAME_MAX_NAMES), one;

	(void)fake_frame(c, buf);
	memcpy(&one, name + 1, sizeof(one));
	memset(name, 0, FRAME_MAX_NAMES * sizeof(*name));
	for (uint16_t i = 0; i < FRAME_MAX_NAMES; i++) {
		(void)snprintf(name[i].name, sizeof(name[i].name),
		    "made up %u", first + i);
		row[i] = one;
		row[i].l7 = i;
	}
	h->n_names = h->n4 = FRAME_MAX_NAMES;
	h->counters.seen = FRAME_MAX_NAMES;
	h->bytes = (uint32_t)frame_bytes(FRAME_MAX_NAMES, FRAME_MAX_NAMES, 0);
	frame_seal(buf);
	fake_publish(c, buf, h->bytes);
	return fake_acknowledged(c, 20000);
}

static size_t
registered(const char *text)
{
	char path[160], line[256];
	size_t n = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/goDB-l7proto.names",
	    writer.store);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, text) != NULL;
	if (f)
		(void)fclose(f);
	return n;
}

static void
made_up_names(void)
{
	struct fake_capture c;
	int bad = fake_capture_open(&c, &writer, LIAR);

	for (unsigned i = 0; bad == 0 && i < 20; i++)
		bad = tell_names(&c, i * FRAME_MAX_NAMES);
	is_int(bad, 0, "%u made-up names are taken", 20 * FRAME_MAX_NAMES);
	ok(registered("made up") <= 4096,
	    "but do not fill the registry: %zu are in it",
	    registered("made up"));
	is_int((int64_t)fake_writer_said(&writer,
		   "too many application names: further ones are Unknown "
		   "iface=" LIAR), 1, "one line says so");
	ok(others_unharmed(), "and the honest one goes on");
	fake_capture_close(&c);
}

/* ---- what was stored ----------------------------------------------------- */

static uint64_t
stored_packets(const char *goquery, const char *iface)
{
	char command[512], line[256];
	unsigned long long n = 0;
	FILE *p;

	(void)snprintf(command, sizeof(command),
	    "%s -d %s -i %s -f -1d -e csv iface 2>/dev/null", goquery,
	    writer.store, iface);
	p = popen(command, "r");
	while (p && fgets(line, sizeof(line), p))
		if (strncmp(line, iface, strlen(iface)) == 0)
			(void)sscanf(line, "%*[^,],%llu", &n);
	if (p)
		(void)pclose(p);
	return n;
}

/* Folders of the store: nothing but the two interfaces. */
static size_t
other_folders(void)
{
	DIR *dir = opendir(writer.store);
	const struct dirent *e;
	size_t n = 0;

	while (dir && (e = readdir(dir)) != NULL)
		n += e->d_type == DT_DIR && e->d_name[0] != '.' &&
		    strcmp(e->d_name, LIAR) != 0 &&
		    strcmp(e->d_name, HONEST) != 0;
	if (dir)
		(void)closedir(dir);
	return n;
}

static void
leave(struct fake_capture *c)
{
	fake_say_last(c);
	(void)poll(NULL, 0, 700);
	fake_capture_close(c);
}

static void
all_at_the_end(const char *goquery)
{
	int status;

	leave(&honest);
	status = fake_writer_stop(&writer);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "the writer ends in order (%#x)", (unsigned)status);
	is_int(fake_writer_said(&writer, "Sanitizer") +
		fake_writer_said(&writer, "runtime error"), 0,
	    "no sanitizer had anything to say");
	is_int(stored_packets(goquery, HONEST), honest.packets,
	    "the honest interface: %llu packets, all stored",
	    (unsigned long long)honest.packets);
	is_int(other_folders(), 0, "nothing was written elsewhere");
	diag("longest from a frame to its acknowledgement: %.1f ms",
	    (double)honest.longest_ns / 1e6);
}

int
main(int argc, char **argv)
{
	const char *more = getenv("HOSTILE_S");
	unsigned seconds = more ? (unsigned)atoi(more) :
	    getenv("LONG") ? 480 : 3;
	char program[512], goquery[512];
	char *end;

	(void)argc;
	if (geteuid() != 0)
		skip_all("only root may connect");
	seed = tap_seed((uint64_t)gp_clock_real_ns());
	(void)signal(SIGPIPE, SIG_IGN);
	/* programs lie beside the tests of their build */
	(void)snprintf(program, sizeof(program), "%s", argv[0]);
	for (int i = 0; i < 3; i++) {
		end = strrchr(program, '/');
		*(end ? end : program) = '\0';
	}
	(void)snprintf(goquery, sizeof(goquery), "%.400s/bin/goquery", program);
	strcat(program, "/bin/goprobe-writer");
	if (!ok(fake_writer_start(&writer, program), "%s starts", program) ||
	    !ok(fake_capture_open(&honest, &writer, HONEST) == 0,
		"an honest capture"))
		return 1;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		tell_lie(&lies[i]);
	lie_head("head goes back", head_back);
	lie_head("head at the start", head_zero);
	lie_head("head between frames", head_odd);
	lie_head("head beyond the ring", head_far);
	lie_head("head at its end", head_most);
	lie_head("head before nothing", head_into_nothing);
	wrong_hellos();
	wrong_descriptors();
	resize_later();
	wrong_messages();
	flood();
	not_root();
	random_lies();
	race_writer(seconds);
	thousand_connects();
	made_up_names();
	all_at_the_end(goquery);
	fake_writer_clean(&writer);
	return tap_done();
}
