#include "common/ipc/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/fd.h"
#include "common/ipc/frame.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define PAGE 4096u
#define READY_BYTES (64u << 10) /* divides every ring's size */

/* Page 0, written once by the producer before it hands the ring over. */
struct ring_header {
	uint32_t magic;
	uint16_t version;
	uint16_t frame_version;
	uint64_t data_bytes;
	uint8_t instance[16];
};

/* Page 1.  Stored with release by the producer, loaded with acquire by the
 * consumer: whoever sees a position sees the bytes before it. */
struct ring_shared {
	_Atomic uint64_t head;
};

static struct ring_shared *
shared_of(uint8_t *map)
{
	return (struct ring_shared *)(void *)(map + PAGE);
}

static size_t
aligned(size_t len)
{
	return (len + FRAME_ALIGN - 1) & ~(size_t)(FRAME_ALIGN - 1);
}

/* ---- producer ----------------------------------------------------------- */

static int
make_memfd(void)
{
	int fd = memfd_create("goprobe-ring",
	    MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL) /* before 6.3 */
		fd = memfd_create("goprobe-ring",
		    MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? -errno : fd;
}

/* A second, read-only description of the same memory, for the consumer. */
static int
reopen_read_only(int fd)
{
	char path[32];
	int ro;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	return ro < 0 ? -errno : ro;
}

int
ring_create(struct ring_producer *p, uint64_t data_bytes)
{
	struct ring_header *h;
	uint64_t size = RING_MIN_BYTES;
	void *map = MAP_FAILED;
	int fd = -1;
	int rc;

	while (size < data_bytes && size < RING_MAX_BYTES)
		size *= 2;
	memset(p, 0, sizeof(*p));
	p->fd_ro = -1;
	fd = make_memfd();
	if (fd < 0)
		return fd;
	/* mode: nobody else may open it for writing through /proc */
	if (ftruncate(fd, (off_t)(size + 2 * PAGE)) < 0 ||
	    fchmod(fd, 0400) < 0) {
		rc = -errno;
		goto out;
	}
	map = mmap(NULL, size + 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
	    fd, 0);
	if (map == MAP_FAILED || fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
		rc = -errno;
		goto out;
	}
	if (getrandom(p->info.instance, sizeof(p->info.instance), 0) !=
	    (ssize_t)sizeof(p->info.instance)) {
		rc = -EIO;
		goto out;
	}
	rc = reopen_read_only(fd);
	if (rc < 0)
		goto out;
	p->fd_ro = rc;
	p->map = map;
	p->info.data_bytes = size;
	h = map;
	h->magic = RING_MAGIC;
	h->version = RING_VERSION;
	h->frame_version = FRAME_VERSION;
	h->data_bytes = size;
	memcpy(h->instance, p->info.instance, sizeof(h->instance));
	map = MAP_FAILED;
	rc = 0;
out:
	if (map != MAP_FAILED)
		(void)munmap(map, size + 2 * PAGE);
	gp_fd_close(&fd); /* only the mapping can write now */
	return rc;
}

void
ring_destroy(struct ring_producer *p)
{
	if (p->map)
		(void)munmap(p->map, p->info.data_bytes + 2 * PAGE);
	p->map = NULL;
	gp_fd_close(&p->fd_ro);
}

/* Bytes from head to the end of the data, and what a frame needs with the
 * padding that may have to go before it. */
static uint64_t
need(const struct ring_producer *p, size_t len)
{
	uint64_t to_end = p->info.data_bytes -
	    (p->head & (p->info.data_bytes - 1));

	return aligned(len) <= to_end ? aligned(len) : to_end + aligned(len);
}

bool
ring_has_room(const struct ring_producer *p, size_t frame_len)
{
	return p->head - p->tail + need(p, frame_len) <= p->info.data_bytes;
}

/* The ring's first lap touches memory for the first time: many pages at once
 * cost half.  A kernel that does not know how makes them as they are touched. */
static void
make_pages(struct ring_producer *p, uint64_t end)
{
	while (p->ready < end && p->ready < p->info.data_bytes) {
		(void)madvise(p->map + 2 * PAGE + p->ready, READY_BYTES,
		    MADV_POPULATE_WRITE);
		p->ready += READY_BYTES;
	}
}

static void
put(struct ring_producer *p, struct frame_header *h)
{
	uint64_t at = p->head & (p->info.data_bytes - 1);

	h->magic = FRAME_MAGIC;
	h->version = FRAME_VERSION;
	memcpy(h->instance, p->info.instance, sizeof(h->instance));
	frame_seal(h);
	make_pages(p, at + h->bytes);
	memcpy(p->map + 2 * PAGE + at, h, h->bytes);
}

static void
put_padding(struct ring_producer *p, uint64_t to_end)
{
	struct frame_header pad;

	memset(&pad, 0, sizeof(pad));
	pad.kind = FRAME_PAD;
	pad.bytes = sizeof(pad);
	/* a gap too small for a header is skipped by both sides */
	if (to_end >= sizeof(pad))
		put(p, &pad);
	p->head += to_end;
}

int
ring_push(struct ring_producer *p, void *buf)
{
	struct frame_header *h = buf;
	uint64_t to_end =
	    p->info.data_bytes - (p->head & (p->info.data_bytes - 1));

	if (!ring_has_room(p, h->bytes))
		return -EAGAIN;
	if (aligned(h->bytes) > to_end)
		put_padding(p, to_end);
	h->seq = ++p->seq;
	put(p, h);
	p->head += aligned(h->bytes);
	/* release: pairs with the acquire in ring_peek */
	atomic_store_explicit(&shared_of(p->map)->head, p->head,
	    memory_order_release);
	return 0;
}

int
ring_acked(struct ring_producer *p, uint64_t pos)
{
	if (pos < p->tail || pos > p->head)
		return -EPROTO;
	p->tail = pos;
	return 0;
}

/* ---- consumer ----------------------------------------------------------- */

static int
check_descriptor(int fd, struct ring_header *h, size_t *map_bytes,
    const char **why)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	int flags = fcntl(fd, F_GETFL);

	if (seals < 0 || (seals & SEALS) != SEALS) {
		*why = "not a sealed memfd";
		return -EPROTO;
	}
	if (flags < 0 || (flags & O_ACCMODE) != O_RDONLY) {
		*why = "descriptor is writable";
		return -EPROTO;
	}
	if (fstat(fd, &st) < 0 ||
	    gp_fd_pread_full(fd, h, sizeof(*h), 0) != (ssize_t)sizeof(*h)) {
		*why = "header unreadable";
		return -EPROTO;
	}
	if (h->magic != RING_MAGIC || h->version != RING_VERSION ||
	    !frame_version_known(h->frame_version)) {
		*why = "layout of another version";
		return -EPROTO;
	}
	if (h->data_bytes < RING_MIN_BYTES || h->data_bytes > RING_MAX_BYTES ||
	    (h->data_bytes & (h->data_bytes - 1)) != 0 ||
	    (uint64_t)st.st_size != h->data_bytes + 2 * PAGE) {
		*why = "size";
		return -EPROTO;
	}
	*map_bytes = (size_t)st.st_size;
	return 0;
}

int
ring_attach(struct ring_consumer *c, int fd, const char **why)
{
	struct ring_header h;
	void *map;
	int rc;

	memset(c, 0, sizeof(*c));
	rc = check_descriptor(fd, &h, &c->map_bytes, why);
	if (rc < 0)
		return rc;
	map = mmap(NULL, c->map_bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		*why = "cannot be mapped";
		return -errno;
	}
	c->map = map;
	c->info.data_bytes = h.data_bytes; /* our copy from here on */
	memcpy(c->info.instance, h.instance, sizeof(h.instance));
	c->next_seq = 1;
	return 0;
}

void
ring_detach(struct ring_consumer *c)
{
	if (c->map)
		(void)munmap((void *)(uintptr_t)c->map, c->map_bytes);
	c->map = NULL;
}

static uint64_t
load_head(const struct ring_consumer *c)
{
	const struct ring_shared *s = (const void *)(c->map + PAGE);

	/* acquire: pairs with the release in ring_push */
	return atomic_load_explicit(&s->head, memory_order_acquire);
}

/* The compiler may not go back to the source for what the copy has. */
static void
fetched(void)
{
	__asm__ volatile("" ::: "memory");
}

/*
 * The frame's bytes are fetched exactly once, into buf: first the header for
 * its length, then the rest behind it.  What the producer changes after that
 * is not seen, and every check is on the copy.
 */
static int
copy_frame(const struct ring_consumer *c, void *buf, uint64_t avail)
{
	const uint64_t at = c->pos & (c->info.data_bytes - 1);
	const uint8_t *from = c->map + 2 * PAGE + at;
	uint64_t room = c->info.data_bytes - at;
	struct frame_header *h = buf;

	if (room > avail)
		room = avail;
	if (room < sizeof(*h))
		return -EPROTO;
	memcpy(buf, from, sizeof(*h));
	fetched();
	if (h->bytes < sizeof(*h) || h->bytes > FRAME_MAX_BYTES ||
	    h->bytes > room)
		return -EPROTO;
	memcpy(h + 1, from + sizeof(*h), h->bytes - sizeof(*h));
	fetched();
	return (int)h->bytes;
}

int
ring_peek(struct ring_consumer *c, void *buf, uint64_t *end_pos,
    const char **why)
{
	struct frame_header *h = buf;

	for (;;) {
		uint64_t head = load_head(c);
		uint64_t avail = head - c->pos;
		uint64_t to_end = c->info.data_bytes -
		    (c->pos & (c->info.data_bytes - 1));
		int len;

		if (head < c->pos || avail > c->info.data_bytes ||
		    head % FRAME_ALIGN != 0) {
			*why = "position";
			return -EPROTO;
		}
		if (avail == 0)
			return 0;
		if (to_end < sizeof(*h)) { /* too small even for padding */
			if (avail < to_end) {
				*why = "position";
				return -EPROTO;
			}
			c->pos += to_end;
			continue;
		}
		len = copy_frame(c, buf, avail);
		*why = len < 0 ? "length" : frame_check(buf, (size_t)len);
		if (*why)
			return -EPROTO;
		if (memcmp(h->instance, c->info.instance, 16) != 0) {
			*why = "instance";
			return -EPROTO;
		}
		if (h->kind == FRAME_PAD) {
			if (avail < to_end) {
				*why = "padding";
				return -EPROTO;
			}
			c->pos += to_end;
			continue;
		}
		if (h->seq != c->next_seq) {
			*why = "sequence";
			return -EPROTO;
		}
		*end_pos = c->pos + aligned((size_t)len);
		if (*end_pos > head) {
			*why = "length";
			return -EPROTO;
		}
		return len;
	}
}

void
ring_next(struct ring_consumer *c, uint64_t end_pos)
{
	c->pos = end_pos;
	c->next_seq++;
}

void
ring_again(struct ring_consumer *c)
{
	const uint64_t at = c->pos & (c->info.data_bytes - 1);
	struct frame_header h;

	if (ring_backlog(c) < sizeof(h) || c->info.data_bytes - at < sizeof(h))
		return;
	memcpy(&h, c->map + 2 * PAGE + at, sizeof(h));
	/* a lie is found when the frame is taken */
	if (h.seq == c->next_seq - 1)
		c->next_seq--;
}

uint64_t
ring_backlog(const struct ring_consumer *c)
{
	uint64_t head = load_head(c);

	return head > c->pos && head - c->pos <= c->info.data_bytes ?
	    head - c->pos : 0;
}
