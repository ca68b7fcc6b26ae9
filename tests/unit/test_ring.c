/* ring: what goes in comes out, in order, through every wrap; a full ring
 * refuses; a lying producer is caught. */
#include "common/ipc/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/fd.h"
#include "common/ipc/frame.h"
#include "tests/tap.h"

static _Alignas(8) uint8_t frame[FRAME_MAX_BYTES];
static _Alignas(8) uint8_t copy[FRAME_MAX_BYTES + 4096]; /* and beyond */

static uint32_t
make_frame(uint64_t *seed)
{
	struct frame_header *h = (void *)frame;
	struct frame_name *names;
	uint32_t n4 = (uint32_t)(tap_random(seed) % 2000);
	uint32_t n6 = (uint32_t)(tap_random(seed) % 1000);

	memset(frame, 0, sizeof(*h));
	h->kind = FRAME_ROWS;
	h->n_names = 1;
	h->n4 = n4;
	h->n6 = n6;
	h->slot_s = 300;
	h->bytes = (uint32_t)frame_bytes(1, n4, n6);
	names = (void *)(frame + sizeof(*h));
	memset(names, 0, sizeof(*names));
	strcpy(names->name, "Unknown");
	memset(names + 1, 0, h->bytes - sizeof(*h) - sizeof(*names));
	for (uint32_t i = 0; i < n4; i++) {
		struct frame_row4 *r = (struct frame_row4 *)(void *)(names + 1);

		r[i].counter[0] = tap_random(seed);
	}
	return h->bytes;
}

static void
test_random_traffic(void)
{
	struct ring_producer p;
	struct ring_consumer c;
	const char *why = NULL;
	uint64_t seed = tap_seed(1), check = seed, pos = 0;
	uint64_t pushed = 0, taken = 0, full = 0, wrong = 0;

	is_int(ring_create(&p, 1), 0, "ring_create");
	is_int(p.info.data_bytes, RING_MIN_BYTES, "smallest size");
	is_int(ring_attach(&c, p.fd_ro, &why), 0, "ring_attach");
	while (taken < 3000) {
		uint64_t before = seed;

		make_frame(&seed);
		if (ring_push(&p, frame) == 0) {
			pushed++;
		} else {
			seed = before; /* the same one again later */
			full++;
		}
		if (tap_random(&pos) % 3 == 0 || full) {
			uint64_t end;
			int len;

			full = 0;
			while ((len = ring_peek(&c, copy, &end, &why)) > 0) {
				uint32_t want = make_frame(&check);
				struct frame_header *h = (void *)copy;

				if ((uint32_t)len != want ||
				    h->seq != taken + 1 ||
				    memcmp(copy + sizeof(*h),
					frame + sizeof(*h),
					want - sizeof(*h)) != 0)
					wrong++;
				ring_next(&c, end);
				taken++;
			}
			if (len < 0)
				break;
			(void)ring_acked(&p, c.pos);
		}
	}
	ok(taken >= 3000, "3000 frames went through (%s)", why ? why : "fine");
	is_int(wrong, 0, "each as it was pushed, in order");
	is_int(ring_acked(&p, p.head + 64), -EPROTO, "ack beyond head refused");
	is_int(ring_acked(&p, p.tail - 64), -EPROTO, "ack backwards refused");
	ring_detach(&c);
	ring_destroy(&p);
}

static void
test_full(void)
{
	struct ring_producer p;
	uint64_t seed = 7;
	int n = 0;

	is_int(ring_create(&p, RING_MIN_BYTES), 0, "ring_create");
	make_frame(&seed);
	while (ring_push(&p, frame) == 0)
		n++;
	ok(n > 2 && p.head - p.tail <= p.info.data_bytes,
	    "a full ring refuses and never overruns");
	ok(!ring_has_room(&p, ((struct frame_header *)(void *)frame)->bytes),
	    "ring_has_room agrees");
	ring_destroy(&p);
}

static int
open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* The consumer's descriptor gives no way to the producer's memory. */
static void
test_one_way(void)
{
	struct ring_producer p;
	struct stat st;
	char path[64];
	int before = open_fds();

	is_int(ring_create(&p, RING_MIN_BYTES), 0, "ring_create");
	is_int(open_fds() - before, 1, "one descriptor is left of it");
	ok(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, p.fd_ro, 0) == MAP_FAILED,
	    "no writable mapping");
	ok(pwrite(p.fd_ro, "x", 1, 0) < 0, "no write");
	ok(fstat(p.fd_ro, &st) == 0 && (st.st_mode & 0777) == 0400,
	    "nobody may open it to write");
	ok(ftruncate(p.fd_ro, 0) < 0, "no truncation");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p.fd_ro);
	int rw = open(path, O_RDWR);
	ok(rw < 0 || (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, rw,
			  0) == MAP_FAILED && pwrite(rw, "x", 1, 0) < 0),
	    "not even reopened by its owner");
	gp_fd_close(&rw);
	ring_destroy(&p);
	is_int(open_fds(), before, "and none in the end");
}

static void
test_not_a_ring(void)
{
	struct ring_consumer c;
	const char *why = NULL;
	int fd = memfd_create("plain", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int zero = open("/dev/zero", O_RDONLY);

	ok(ftruncate(fd, (off_t)(RING_MIN_BYTES + 8192)) == 0, "plain memfd");
	ok(ring_attach(&c, fd, &why) < 0 && why, "unsealed memfd: %s",
	    why ? why : "-");
	why = NULL;
	ok(ring_attach(&c, zero, &why) < 0 && why, "/dev/zero: %s",
	    why ? why : "-");
	close(fd);
	close(zero);
}

/* Made as ring_create() does, but for what its header says. */
static const char *
refused(uint64_t data_bytes, size_t flipped)
{
	struct ring_producer p;
	struct ring_consumer c;
	const char *why = NULL;
	char path[64];
	int rc, fd, ro;

	if (ring_create(&p, RING_MIN_BYTES) < 0)
		return NULL;
	memcpy(p.map + 8, &data_bytes, sizeof(data_bytes));
	p.map[flipped] ^= 1;
	fd = memfd_create("ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (ftruncate(fd, (off_t)(data_bytes + 8192)) < 0 ||
	    pwrite(fd, p.map, 32, 0) != 32 ||
	    fcntl(fd, F_ADD_SEALS, fcntl(p.fd_ro, F_GET_SEALS)) < 0)
		diag("%s", strerror(errno));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	rc = ring_attach(&c, ro, &why);
	if (rc == 0)
		ring_detach(&c);
	close(ro);
	close(fd);
	ring_destroy(&p);
	return rc == 0 ? "" : rc == -EPROTO && why ? why : "another error";
}

static void
test_headers(void)
{
	enum { MAGIC = 0, VERSION = 4, FRAMES = 6, INSTANCE = 16 };
	static const char *const other = "layout of another version";

	is_str(refused(RING_MIN_BYTES, INSTANCE), "", "another ring");
	is_str(refused(RING_MIN_BYTES, MAGIC), other, "no ring");
	is_str(refused(RING_MIN_BYTES, VERSION), other, "another layout");
	is_str(refused(RING_MIN_BYTES, FRAMES), other, "of other frames");
	is_str(refused(2 * RING_MIN_BYTES, INSTANCE), "", "a larger one");
	is_str(refused(RING_MIN_BYTES / 2, INSTANCE), "size", "too small");
	is_str(refused(3 * RING_MIN_BYTES, INSTANCE), "size", "an odd size");
	is_str(refused(2 * RING_MAX_BYTES, INSTANCE), "size", "too large");
}

/* Each lie is told through the producer's own mapping. */
static void
test_lies(void)
{
	static const struct {
		const char *name;
		size_t offset; /* in the frame's header */
		uint8_t flip;
		const char *why;
	} lies[] = {
	    {"magic", offsetof(struct frame_header, magic), 1, "magic"},
	    {"version", offsetof(struct frame_header, version), 1, "version"},
	    {"kind", offsetof(struct frame_header, kind), 0x80, "kind"},
	    {"length", offsetof(struct frame_header, bytes) + 1, 1, NULL},
	    {"huge length", offsetof(struct frame_header, bytes) + 3, 0x7f,
		"length"},
	    {"sequence", offsetof(struct frame_header, seq), 2, NULL},
	    {"rows", offsetof(struct frame_header, n4), 1, "counts"},
	    {"many rows", offsetof(struct frame_header, n6) + 3, 0xff,
		"counts"},
	    {"block", offsetof(struct frame_header, slot_s), 1, "checksum"},
	    {"checksum", offsetof(struct frame_header, checksum), 1,
		"checksum"},
	};

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct ring_producer p;
		struct ring_consumer c;
		const char *why = NULL;
		uint64_t seed = 3, end;
		int rc;

		if (ring_create(&p, RING_MIN_BYTES) < 0 ||
		    ring_attach(&c, p.fd_ro, &why) < 0)
			continue;
		make_frame(&seed);
		(void)ring_push(&p, frame);
		p.map[8192 + lies[i].offset] ^= lies[i].flip;
		rc = ring_peek(&c, copy, &end, &why);
		ok(rc == -EPROTO && why &&
			(!lies[i].why || strcmp(why, lies[i].why) == 0),
		    "lie about %s: %s", lies[i].name, why ? why : "believed");
		ring_detach(&c);
		ring_destroy(&p);
	}
}

static const char *
as_version(unsigned major, unsigned minor, uint32_t flags, uint64_t starved)
{
	struct frame_header *h = (void *)frame;
	uint64_t seed = 3;

	make_frame(&seed);
	h->magic = FRAME_MAGIC;
	h->version = (uint16_t)(major | minor << 8);
	h->flags = flags;
	h->l7_starved = starved;
	frame_seal(h);
	return frame_check(frame, h->bytes);
}

static void
test_versions(void)
{
	const uint32_t plain = FRAME_DIR_IFACE | FRAME_L7;

	ok(as_version(1, 0, plain, 0) == NULL, "a frame of 1.0");
	is_str(as_version(1, 0, plain | FRAME_L7_FAILED, 0), "flags",
	    "1.0 has no such flag");
	is_str(as_version(1, 0, plain, 1), "flags", "nor that counter");
	ok(as_version(1, 1, plain | FRAME_L7_FAILED, 1) == NULL,
	    "1.1 has both");
	is_str(as_version(1, 2, plain, 0), "version", "a minor to come");
	is_str(as_version(2, 0, plain, 0), "version", "a major to come");
	is_str(as_version(0, 1, plain, 0), "version", "a major that was");
}

static struct whole {
	_Alignas(8) struct frame_header h;
	struct frame_name name;
	struct frame_row4 row4;
	struct frame_row6 row6;
} whole;

static const char *
check_sealed(size_t have)
{
	frame_seal(&whole);
	return frame_check(&whole, have);
}

/* What is wrong with a frame but for this; then all is right again. */
#define CHECK(why, statement)                                             \
	do {                                                              \
		whole = good;                                             \
		statement;                                                \
		is_str(check_sealed(sizeof(whole)), why, #statement);     \
	} while (0)

/* Whatever holds together otherwise. */
static void
test_frames(void)
{
	struct whole good = {.h = {.magic = FRAME_MAGIC,
	    .version = FRAME_VERSION, .kind = FRAME_ROWS, .n_names = 1,
	    .n4 = 1, .n6 = 1, .slot_s = 300, .bytes = sizeof(whole)},
	    .name.name = "TLS"};

	whole = good;
	ok(check_sealed(sizeof(whole)) == NULL, "a good frame");
	is_str(check_sealed(sizeof(whole) - 1), "length", "of which is less");
	CHECK("magic", whole.h.magic++);
	CHECK("kind", whole.h.kind = FRAME_ROWS - 1);
	CHECK("kind", whole.h.kind = FRAME_LAST + 1);
	CHECK("padding with content", whole.h.kind = FRAME_PAD);
	CHECK("counts", whole.h.n4 = 2);
	CHECK("counts", whole.h.n6 = 0);
	CHECK("counts", whole.h.n_names = 0);
	CHECK("block", whole.h.slot_s = -300);
	CHECK("block", whole.h.slot_s = 301);
	CHECK("interval", whole.h.first_real_ns = 1);
	CHECK("interval", whole.h.first_boot_ns = 1);
	CHECK("application name", whole.name.name[0] = '\0');
	CHECK("application name", whole.name.name[5] = 'x');
	CHECK("application name", whole.name.category[0] = '\n');
	CHECK("IPv4 row", whole.row4.l7 = 1);
	CHECK("IPv4 row", whole.row4.pad = 1);
	CHECK("IPv4 row", whole.row4.pad2 = 1);
	CHECK("IPv6 row", whole.row6.l7 = 1);
	CHECK("IPv6 row", whole.row6.pad = 1);
	CHECK("IPv6 row", whole.row6.pad2 = 1);
}

/* More names than the consumer has places for, each as it must be. */
static void
test_many_names(void)
{
	struct frame_header *h = (void *)frame;
	struct frame_name *names = (void *)(h + 1);

	memset(frame, 0, sizeof(frame));
	*h = (struct frame_header){.magic = FRAME_MAGIC,
	    .version = FRAME_VERSION, .kind = FRAME_ROWS};
	for (uint32_t i = 0; i <= FRAME_MAX_NAMES; i++)
		names[i].name[0] = 'x';
	for (h->n_names = FRAME_MAX_NAMES; h->n_names <= FRAME_MAX_NAMES + 1;
	     h->n_names++) {
		const char *why;

		h->bytes = (uint32_t)frame_bytes(h->n_names, 0, 0);
		frame_seal(h);
		why = frame_check(frame, h->bytes);
		is_str(why ? why : "", h->n_names > FRAME_MAX_NAMES ? "counts"
		    : "", "%u names", h->n_names);
	}
}

/* A length that the ring has, but nobody's buffer. */
static void
test_long(void)
{
	const uint32_t bytes = FRAME_MAX_BYTES + 2048;
	struct ring_producer p;
	struct ring_consumer c;
	const char *why = NULL;
	uint64_t seed = 5, end;
	unsigned beyond = 0;

	if (ring_create(&p, RING_MIN_BYTES) < 0 ||
	    ring_attach(&c, p.fd_ro, &why) < 0)
		return;
	do {
		make_frame(&seed);
	} while (ring_push(&p, frame) == 0);
	memset(p.map + 8192, 0xff, FRAME_MAX_BYTES + 4096);
	memcpy(p.map + 8192 + offsetof(struct frame_header, bytes), &bytes,
	    sizeof(bytes));
	memset(copy, 0, sizeof(copy));
	is_int(ring_peek(&c, copy, &end, &why), -EPROTO, "a frame too long");
	for (size_t i = FRAME_MAX_BYTES; i < sizeof(copy); i++)
		beyond += copy[i] != 0;
	is_int(beyond, 0, "goes nowhere");
	ring_detach(&c);
	ring_destroy(&p);
}

static void
test_head_lies(void)
{
	static const uint64_t heads[] = {1, 63, UINT64_MAX, UINT64_MAX - 63,
	    (1u << 20) + 64, UINT64_C(1) << 63};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct ring_producer p;
		struct ring_consumer c;
		const char *why = NULL;
		uint64_t end;

		if (ring_create(&p, RING_MIN_BYTES) < 0 ||
		    ring_attach(&c, p.fd_ro, &why) < 0)
			continue;
		memcpy(p.map + 4096, &heads[i], 8);
		is_int(ring_peek(&c, copy, &end, &why), -EPROTO,
		    "head %" PRIx64 ": %s", heads[i], why ? why : "");
		ring_detach(&c);
		ring_destroy(&p);
	}
}

/* What a writer finds that takes up a ring at its last frame. */
static void
test_again(void)
{
	struct ring_producer p;
	struct ring_consumer c;
	const char *why = NULL;
	uint64_t end = 0, start;

	if (ring_create(&p, RING_MIN_BYTES) < 0 ||
	    ring_attach(&c, p.fd_ro, &why) < 0)
		return;
	ring_again(&c);
	is_int(c.next_seq, 1, "an empty ring");
	for (int i = 0; i < 2; i++) {
		memset(copy, 0, sizeof(struct frame_header));
		((struct frame_header *)(void *)copy)->kind = FRAME_ROWS;
		((struct frame_header *)(void *)copy)->bytes =
		    sizeof(struct frame_header);
		(void)ring_push(&p, copy);
	}
	ring_again(&c);
	is_int(c.next_seq, 1, "a frame that was never taken");
	(void)ring_peek(&c, copy, &end, &why);
	ring_next(&c, end);
	start = c.pos;
	ring_again(&c);
	is_int(c.next_seq, 2, "behind a frame");
	ok(ring_peek(&c, copy, &end, &why) > 0, "the second");
	ring_next(&c, end);
	c.pos = start;
	ring_again(&c);
	ok(c.next_seq == 2 && ring_peek(&c, copy, &end, &why) > 0,
	    "at its start it is taken again");
	/* with nothing but a gap behind */
	c.pos = p.info.data_bytes - FRAME_ALIGN;
	end = p.info.data_bytes + 4096;
	memcpy(p.map + 4096, &end, sizeof(end));
	ring_again(&c);
	is_int(c.next_seq, 2, "in the gap at the ring's end");
	ring_detach(&c);
	ring_destroy(&p);
}

int
main(void)
{
	test_again();
	test_random_traffic();
	test_full();
	test_one_way();
	test_not_a_ring();
	test_headers();
	test_lies();
	test_versions();
	test_frames();
	test_many_names();
	test_long();
	test_head_lies();
	return tap_done();
}
