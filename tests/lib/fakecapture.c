#include "tests/lib/fakecapture.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/notify.h"
#include "common/base/sandbox.h"
#include "tests/lib/notifylisten.h"

#define SOMEBODY   65534
#define PAGE       4096u /* ring.h: header, head, data */
#define RING_BYTES (1u << 20)
#define MS         INT64_C(1000000)

/* ---- the supervisor ------------------------------------------------------ */

/* Closing what came with a message answers BARRIER and forgets FDSTORE. */
static void *
supervise(void *arg)
{
	struct fake_writer *w = arg;
	struct gp_notification *n = calloc(1, sizeof(*n));
	struct pollfd p = {.fd = w->notify, .events = POLLIN};
	char value[8];

	while (n && !atomic_load(&w->over)) {
		if (poll(&p, 1, 50) <= 0 || gp_notify_recv(w->notify, n) < 0)
			continue;
		for (size_t i = 0; i < n->n_fds; i++)
			(void)close(n->fds[i]);
		if (gp_notify_value(n, "READY", value, sizeof(value)))
			w->ready = true;
		(void)gp_notify_value(n, "STATUS", w->status,
		    sizeof(w->status));
	}
	free(n);
	return NULL;
}

static int
listen_at(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, 1024) < 0)
		return -1;
	return fd;
}

static _Noreturn void
become_writer(const struct fake_writer *w, const char *program,
    const char *address, int store, int sock)
{
	char pid[32], ini[128];
	int log, null;

	/* above, whichever they are where 0 was closed; then down to 3 and 4 */
	store = fcntl(store, F_DUPFD, 20);
	sock = fcntl(sock, F_DUPFD, 20);
	log = open(w->log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	null = open("/dev/null", O_RDONLY);
	(void)dup2(null, 0);
	(void)dup2(log, 2);
	if (dup2(store, 3) < 0 || dup2(sock, 4) < 0 ||
	    close_range(5, ~0U, 0) < 0)
		_exit(126);
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	(void)snprintf(ini, sizeof(ini), "%s/ini", w->folder);
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("LISTEN_FDS", "2", 1);
	(void)setenv("LISTEN_FDNAMES", "store:listen", 1);
	(void)setenv("NOTIFY_SOCKET", address, 1);
	/* leaks are looked for with calls that the sandbox of a sanitizer
	 * build leaves open, but our drop does not */
	(void)setenv("ASAN_OPTIONS", "detect_leaks=0", 0);
	if (gp_sandbox_drop(SOMEBODY, SOMEBODY, NULL, 0) < 0)
		_exit(125);
	(void)execl(program, "goprobe-writer", "-c", ini, "-d", w->store,
	    (char *)NULL);
	_exit(127);
}

static bool
make_places(struct fake_writer *w, int *store, int *sock)
{
	char ini[128];
	int fd;

	(void)snprintf(w->folder, sizeof(w->folder), "/tmp/hostile.XXXXXX");
	if (mkdtemp(w->folder) == NULL || chmod(w->folder, 0755) < 0)
		return false;
	(void)snprintf(w->socket, sizeof(w->socket), "%s/sock", w->folder);
	(void)snprintf(w->store, sizeof(w->store), "%s/store", w->folder);
	(void)snprintf(w->log, sizeof(w->log), "%s/log", w->folder);
	(void)snprintf(ini, sizeof(ini), "%s/ini", w->folder);
	fd = open(ini, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return false;
	(void)close(fd);
	if (mkdir(w->store, 0750) < 0 ||
	    chown(w->store, SOMEBODY, SOMEBODY) < 0)
		return false;
	*store = open(w->store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*sock = listen_at(w->socket);
	return *store >= 0 && *sock >= 0;
}

bool
fake_writer_start(struct fake_writer *w, const char *program)
{
	char address[108];
	int store, sock;

	memset(w, 0, sizeof(*w));
	if (!make_places(w, &store, &sock))
		return false;
	w->notify = notify_listen(address);
	if (w->notify < 0 ||
	    pthread_create(&w->supervisor, NULL, supervise, w) != 0)
		return false;
	w->pid = fork();
	if (w->pid == 0)
		become_writer(w, program, address, store, sock);
	(void)close(store);
	(void)close(sock);
	for (int i = 0; i < 1000 && !w->ready && fake_writer_lives(w); i++)
		(void)poll(NULL, 0, 20);
	return w->ready;
}

bool
fake_writer_lives(const struct fake_writer *w)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)w->pid, &info,
		   WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid == 0;
}

int
fake_writer_stop(struct fake_writer *w)
{
	int status = 0;

	(void)kill(w->pid, SIGTERM);
	(void)waitpid(w->pid, &status, 0);
	return status;
}

static int
remove_entry(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
fake_writer_clean(struct fake_writer *w)
{
	atomic_store(&w->over, true);
	(void)pthread_join(w->supervisor, NULL);
	(void)close(w->notify);
	(void)nftw(w->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

size_t
fake_writer_said(const struct fake_writer *w, const char *text)
{
	FILE *f = fopen(w->log, "r");
	char line[2048];
	size_t n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, text) != NULL;
	if (f)
		(void)fclose(f);
	return n;
}

/* ---- a capture ----------------------------------------------------------- */

int
fake_connect(const struct fake_writer *w)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", w->socket);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

struct hello
fake_hello(const struct ring_producer *ring, const char *iface)
{
	struct hello h = {
	    .magic = HELLO_MAGIC,
	    .version = HELLO_VERSION,
	    .frame_version = FRAME_VERSION,
	    .workers = 1,
	    .ring_bytes = ring->info.data_bytes,
	    .boot_ns = gp_clock_boot_ns(),
	};

	(void)snprintf(h.iface, sizeof(h.iface), "%s", iface);
	memcpy(h.instance, ring->info.instance, sizeof(h.instance));
	return h;
}

static bool
readable(int sock, int64_t until_ns)
{
	struct pollfd p = {.fd = sock, .events = POLLIN};
	int64_t left = until_ns - gp_clock_mono_ns();

	return left > 0 && poll(&p, 1, (int)(left / MS) + 1) > 0;
}

int
fake_answer(int sock, int timeout_ms)
{
	int64_t until = gp_clock_mono_ns() + timeout_ms * MS;
	struct hello_msg m;

	while (readable(sock, until)) {
		int rc = hello_msg_recv(sock, &m);

		if (rc < 0 && rc != -EAGAIN)
			return rc;
		if (rc == 0 && m.type == MSG_WELCOME)
			return m.code;
	}
	return -ETIMEDOUT;
}

bool
fake_ended(int sock, int timeout_ms)
{
	int64_t until = gp_clock_mono_ns() + timeout_ms * MS;
	struct hello_msg m;

	while (readable(sock, until)) {
		int rc = hello_msg_recv(sock, &m);

		if (rc < 0 && rc != -EAGAIN)
			return true;
	}
	return false;
}

int
fake_capture_open(struct fake_capture *c, const struct fake_writer *w,
    const char *iface)
{
	struct hello h;
	int rc;

	memset(c, 0, sizeof(*c));
	c->sock = fake_connect(w);
	if (c->sock < 0)
		return -errno;
	rc = ring_create(&c->ring, RING_BYTES);
	if (rc < 0)
		return rc;
	h = fake_hello(&c->ring, iface);
	rc = hello_send(c->sock, &h, c->ring.fd_ro);
	if (rc == 0)
		rc = fake_answer(c->sock, 10000);
	return rc > 0 ? -ECONNREFUSED : rc;
}

void
fake_capture_close(struct fake_capture *c)
{
	if (c->sock >= 0)
		(void)close(c->sock);
	c->sock = -1;
	ring_destroy(&c->ring);
}

size_t
fake_frame(struct fake_capture *c, void *buf)
{
	struct frame_header *h = buf;
	struct frame_name *name = (void *)(h + 1);
	struct frame_row4 *row = (void *)(name + 1);
	size_t len = frame_bytes(1, 1, 0);

	memset(buf, 0, len);
	h->magic = FRAME_MAGIC;
	h->version = FRAME_VERSION;
	h->kind = FRAME_ROWS;
	h->bytes = (uint32_t)len;
	h->flags = FRAME_DIR_IFACE;
	h->seq = c->seq + 1;
	memcpy(h->instance, c->ring.info.instance, sizeof(h->instance));
	h->first_boot_ns = h->last_boot_ns = gp_clock_boot_ns();
	h->first_real_ns = h->last_real_ns = gp_clock_real_ns();
	h->slot_s = gp_clock_slot(h->last_real_ns / GP_NS_PER_S);
	h->n_names = 1;
	h->n4 = 1;
	h->counters.seen = 1;
	h->counters.seen_bytes = 100;
	(void)snprintf(name->name, sizeof(name->name), "Test");
	memcpy(row->sip, (uint8_t[]){10, 0, 0, 1}, 4);
	memcpy(row->dip, (uint8_t[]){10, 0, 0, 2}, 4);
	row->dport = 443;
	row->proto = 6;
	row->counter[FRAME_BYTES_RCVD] = 100;
	row->counter[FRAME_PKTS_RCVD] = 1;
	return len;
}

uint8_t *
fake_data(struct fake_capture *c)
{
	return c->ring.map + (size_t)2 * PAGE +
	    (c->head & (c->ring.info.data_bytes - 1));
}

void
fake_set_head(struct fake_capture *c, uint64_t head)
{
	_Atomic uint64_t *shared = (void *)(c->ring.map + PAGE);

	atomic_store_explicit(shared, head, memory_order_release);
	(void)hello_msg_send(c->sock, MSG_DOORBELL, HELLO_OK, head, 0);
}

void
fake_publish(struct fake_capture *c, const void *buf, size_t len)
{
	uint64_t to_end = c->ring.info.data_bytes -
	    (c->head & (c->ring.info.data_bytes - 1));

	/* as ring.c pads where a frame does not fit */
	if ((len + FRAME_ALIGN - 1) / FRAME_ALIGN * FRAME_ALIGN > to_end) {
		struct frame_header pad = {.magic = FRAME_MAGIC,
		    .version = FRAME_VERSION, .kind = FRAME_PAD,
		    .bytes = sizeof(pad)};

		memcpy(pad.instance, c->ring.info.instance, 16);
		frame_seal(&pad);
		if (to_end >= sizeof(pad))
			memcpy(fake_data(c), &pad, sizeof(pad));
		c->head += to_end;
	}
	memcpy(fake_data(c), buf, len);
	c->head += (len + FRAME_ALIGN - 1) / FRAME_ALIGN * FRAME_ALIGN;
	c->seq++;
	fake_set_head(c, c->head);
}

int
fake_acknowledged(struct fake_capture *c, int timeout_ms)
{
	int64_t until = gp_clock_mono_ns() + timeout_ms * MS;
	struct hello_msg m;

	while (readable(c->sock, until)) {
		int rc = hello_msg_recv(c->sock, &m);

		if (rc < 0 && rc != -EAGAIN)
			return rc;
		if (rc == 0 && m.type == MSG_ACK && m.a >= c->head)
			return 0;
	}
	return -ETIMEDOUT;
}

void
fake_say_last(struct fake_capture *c)
{
	_Alignas(8) uint8_t buf[512];
	struct frame_header *h = (void *)buf;

	(void)fake_frame(c, buf);
	h->kind = FRAME_LAST;
	h->n_names = h->n4 = 0;
	memset(&h->counters, 0, sizeof(h->counters));
	h->bytes = sizeof(*h);
	frame_seal(buf);
	fake_publish(c, buf, sizeof(*h));
}

int
fake_tell(struct fake_capture *c, int timeout_ms)
{
	_Alignas(8) uint8_t buf[512];
	size_t len = fake_frame(c, buf);
	int64_t start = gp_clock_mono_ns();
	int rc;

	frame_seal(buf);
	fake_publish(c, buf, len);
	rc = fake_acknowledged(c, timeout_ms);
	if (rc < 0)
		return rc;
	c->packets++;
	if (gp_clock_mono_ns() - start > c->longest_ns)
		c->longest_ns = gp_clock_mono_ns() - start;
	return 0;
}
