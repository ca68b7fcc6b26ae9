/*
 * wallclock.so - for LD_PRELOAD: a CLOCK_REALTIME that somebody else steps.
 * The file named by WALLCLOCK holds the offset in nanoseconds, 8 bytes; it is
 * mapped at the start, before a sandbox closes.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_ns;

__attribute__((constructor)) static void
map_offset(void)
{
	const char *path = getenv("WALLCLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(*offset_ns), PROT_READ, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		offset_ns = map;
	(void)close(fd);
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	long rc = syscall(SYS_clock_gettime, id, ts);

	if (rc == 0 && id == CLOCK_REALTIME && offset_ns) {
		int64_t ns = (int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec +
		    *offset_ns;

		ts->tv_sec = ns / 1000000000;
		ts->tv_nsec = ns % 1000000000;
	}
	return (int)rc;
}
