#include "capture/deaths.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/base/notify.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

enum { PAGE = 4096, MAGIC = 0x31445047 /* "GPD1" */ };

struct deaths_page {
	uint32_t magic;
	atomic_uint running; /* somebody who has not left in order */
	int64_t at_ns[DEATHS_MANY]; /* CLOCK_BOOTTIME, 0: none; oldest first */
};

static struct deaths_page *
map_page(int fd)
{
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size != PAGE)
		return NULL;
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

static int
make_page(int notify)
{
	int fd = memfd_create(DEATHS_NAME, MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL) /* before 6.3 */
		fd = memfd_create(DEATHS_NAME, MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	if (ftruncate(fd, PAGE) < 0 ||
	    gp_notify_send_fds(notify, "FDSTORE=1\nFDNAME=" DEATHS_NAME
				       "\nFDPOLL=0", &fd, 1) < 0)
		gp_fd_close(&fd);
	return fd;
}

static unsigned
recent(const struct deaths_page *p, int64_t boot_ns)
{
	unsigned n = 0;

	for (int i = 0; i < DEATHS_MANY; i++) {
		int64_t at = p->at_ns[i];

		n += at > 0 && at <= boot_ns &&
		    boot_ns - at < DEATHS_WITHIN_S * GP_NS_PER_S;
	}
	return n;
}

unsigned
deaths_open(struct deaths_page **out, int fd, int notify, int64_t boot_ns)
{
	struct deaths_page *p;

	*out = NULL;
	if (notify < 0) {
		gp_fd_close(&fd);
		return 0;
	}
	if (fd < 0)
		fd = make_page(notify);
	p = map_page(fd);
	gp_fd_close(&fd);
	if (!p)
		return 0;
	if (p->magic != MAGIC) {
		memset(p, 0, sizeof(*p));
		p->magic = MAGIC;
	} else if (p->running) {
		memmove(p->at_ns, p->at_ns + 1,
		    sizeof(p->at_ns) - sizeof(p->at_ns[0]));
		p->at_ns[DEATHS_MANY - 1] = boot_ns;
	}
	p->running = 1;
	*out = p;
	return recent(p, boot_ns);
}

void
deaths_clean(struct deaths_page *p)
{
	if (p)
		p->running = 0;
}
