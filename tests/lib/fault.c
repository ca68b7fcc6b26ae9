#include "tests/lib/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *const fault_names[] = {"none", "EIO", "ENOSPC",
    "half a write, then ENOSPC", "half a write", "EINTR", "bad pages", "kill",
    "kill, then power cut after the next start",
    "kill, then power cut after the next but one's commits", "power cut"};

struct fault_plan fault_plan = {.reads = -1};
static bool tail_fails; /* the call after a short write */

/* Files with bytes that are not durable; shared, for they outlive a process
 * but not the machine. */
struct dirty {
	dev_t dev;
	ino_t ino;
	char path[128];
	off_t synced; /* size at the last sync */
	off_t first;  /* lowest byte written since */
	off_t bad_from, bad_to;
};
static struct shared {
	struct dirty dirty[64];
	size_t n_dirty;
} *shared;

static long
raw_pwrite(int fd, const void *buf, size_t len, off_t at)
{
	return syscall(SYS_pwrite64, fd, buf, len, at);
}

static struct dirty *
find_inode(const struct stat *st)
{
	for (size_t i = 0; i < shared->n_dirty; i++)
		if (shared->dirty[i].dev == st->st_dev &&
		    shared->dirty[i].ino == st->st_ino)
			return &shared->dirty[i];
	return NULL;
}

static struct dirty *
find_dirty(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? NULL : find_inode(&st);
}

static void
path_of(int fd, char *out, size_t size)
{
	char name[32];
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, out, size - 1);
	out[n < 0 ? 0 : n] = '\0';
}

/* The disk's content again: nothing of what was written since the sync. */
static void
forget_pages(struct dirty *d)
{
	static const char zero[4096];
	struct stat st;
	int fd;

	if (d == NULL)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, d->path, O_RDWR, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_ino != d->ino)
		st.st_size = 0; /* removed, or another by now */
	for (off_t at = d->first; at < d->synced && at < st.st_size;) {
		off_t n = (st.st_size < d->synced ? st.st_size : d->synced) -
		    at;

		n = n < 4096 ? n : 4096;
		(void)raw_pwrite(fd, zero, (size_t)n, at);
		at += n;
	}
	if (st.st_size > d->synced)
		(void)syscall(SYS_ftruncate, fd, d->synced);
	if (fd >= 0)
		syscall(SYS_close, fd);
	d->first = INT64_MAX; /* and nothing is dirty any more */
}

void
fault_power_cut(void)
{
	for (size_t i = 0; i < shared->n_dirty; i++)
		forget_pages(&shared->dirty[i]);
	shared->n_dirty = 0;
}

static void
note_write(int fd, off_t at)
{
	struct dirty *d = find_dirty(fd);
	struct stat st;

	if (d == NULL) {
		if (fstat(fd, &st) < 0 || shared->n_dirty == 64)
			abort();
		d = &shared->dirty[shared->n_dirty++];
		*d = (struct dirty){.dev = st.st_dev, .ino = st.st_ino,
		    .synced = st.st_size, .first = INT64_MAX};
		path_of(fd, d->path, sizeof(d->path));
	}
	d->first = at < d->first ? at : d->first;
}

static void
note_sync(int fd)
{
	struct dirty *d = find_dirty(fd);
	struct stat st;

	if (d == NULL || fstat(fd, &st) < 0)
		return;
	d->synced = st.st_size;
	d->first = INT64_MAX;
}

/* ---- names --------------------------------------------------------------- */

/* Not durable yet: the folder's inode and that of what is named there. */
static struct name {
	dev_t dev;
	ino_t dir, ino;
	bool moved; /* it has an earlier one */
} names[256];
static size_t n_names;

size_t
fault_names_pending(void)
{
	return n_names;
}

static void
forget_names(const struct stat *st, bool of_folder)
{
	size_t n = 0;

	for (size_t i = 0; i < n_names; i++)
		if (names[i].dev != st->st_dev || st->st_ino !=
		    (of_folder ? names[i].dir : names[i].ino))
			names[n++] = names[i];
	n_names = n;
}

/* A folder that may have its old name again after a power cut. */
static bool
is_moved(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	for (size_t i = 0; i < n_names; i++)
		if (names[i].moved && names[i].dev == st.st_dev &&
		    names[i].ino == st.st_ino)
			return true;
	return false;
}

static void
note_name(int dir, const char *name, bool moved)
{
	struct stat at, st;

	if (dir == AT_FDCWD)
		return;
	if (fstat(dir, &at) < 0 || n_names == 256 ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		abort();
	forget_names(&st, false);
	names[n_names++] = (struct name){at.st_dev, at.st_ino, st.st_ino,
	    moved};
}

/* Whether this is the call. */
static bool
reached(void)
{
	fault_plan.n_calls++;
	if (fault_plan.mode == FAULT_NONE || fault_plan.countdown-- != 0)
		return false;
	if (fault_plan.mode == FAULT_POWER_CUT)
		fault_power_cut();
	if (fault_plan.mode >= FAULT_KILL)
		syscall(SYS_exit_group, 7);
	return true;
}

static bool
due(void)
{
	return reached() && fault_plan.mode != FAULT_HALF;
}

static int
no_room(void)
{
	errno = ENOSPC;
	return -1;
}

/* Of a full disk. */
static void
note_unlink(int dir, const char *name)
{
	struct stat st;

	if (fault_plan.unlinks > 0 &&
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_size > 0 && --fault_plan.unlinks == 0)
		fault_plan.full = false;
}

static int
error(void)
{
	enum fault_mode mode = fault_plan.mode;

	errno = mode == FAULT_EIO || mode == FAULT_BAD_PAGES ? EIO
	    : mode == FAULT_INTERRUPT			     ? EINTR
							     : ENOSPC;
	return -1;
}

/* Of a call that is simply made again. */
static int
error_again(void)
{
	fault_plan.harmless = fault_plan.mode == FAULT_INTERRUPT;
	return error();
}

ssize_t pwrite(int fd, const void *buf, size_t len, off_t at);
ssize_t
pwrite(int fd, const void *buf, size_t len, off_t at)
{
	if (tail_fails) {
		tail_fails = false;
		return error();
	}
	if (reached()) {
		enum fault_mode mode = fault_plan.mode;

		if ((mode != FAULT_SHORT && mode != FAULT_HALF) || len < 2)
			return error_again();
		tail_fails = mode == FAULT_SHORT;
		fault_plan.harmless = mode == FAULT_HALF;
		len /= 2;
	}
	if (fault_plan.full)
		return no_room();
	note_write(fd, at);
	return raw_pwrite(fd, buf, len, at);
}

/* a name of its own, since libc's header may have it inline */
ssize_t our_pread(int fd, void *buf, size_t len, off_t at) __asm__("pread");
ssize_t
our_pread(int fd, void *buf, size_t len, off_t at)
{
	if (fault_plan.reads >= 0 && fault_plan.reads-- == 0) {
		errno = EIO;
		return -1;
	}
	return syscall(SYS_pread64, fd, buf, len, at);
}

static int
sync_call(int fd, long nr)
{
	struct dirty *d = find_dirty(fd);
	struct stat st;
	bool fails = due();

	if (d && fails && fault_plan.mode == FAULT_BAD_PAGES &&
	    fstat(fd, &st) == 0 && d->first < st.st_size) {
		d->bad_from = d->first / 4096 * 4096;
		d->bad_to = (st.st_size + 4095) / 4096 * 4096;
	}
	if (fails || (d && d->first < d->bad_to &&
			 fstat(fd, &st) == 0 && st.st_size > d->bad_from)) {
		if (fault_plan.mode != FAULT_INTERRUPT)
			forget_pages(d);
		return error_again();
	}
	note_sync(fd);
	if (fstat(fd, &st) == 0)
		forget_names(&st, true);
	return (int)syscall(nr, fd);
}

int fsync(int fd);
int
fsync(int fd)
{
	return sync_call(fd, SYS_fsync);
}

int fdatasync(int fd);
int
fdatasync(int fd)
{
	return sync_call(fd, SYS_fdatasync);
}

int ftruncate(int fd, off_t len);
int
ftruncate(int fd, off_t len)
{
	struct dirty *d;

	if (due())
		return error();
	d = find_dirty(fd);
	if (d && len < d->synced)
		d->synced = len;
	return (int)syscall(SYS_ftruncate, fd, len);
}

int fchmod(int fd, mode_t bits);
int
fchmod(int fd, mode_t bits)
{
	return due() ? error() : (int)syscall(SYS_fchmod, fd, bits);
}

int mkdirat(int dir, const char *name, mode_t bits);
int
mkdirat(int dir, const char *name, mode_t bits)
{
	int rc;

	if (due())
		return error();
	rc = (int)syscall(SYS_mkdirat, dir, name, bits);
	if (rc == 0)
		note_name(dir, name, false);
	return rc;
}

int unlinkat(int dir, const char *name, int flags);
int
unlinkat(int dir, const char *name, int flags)
{
	struct stat st;
	int rc;

	if (due())
		return error();
	if (fault_plan.full && flags == 0)
		note_unlink(dir, name);
	fault_plan.early += is_moved(dir);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		st.st_nlink = 0;
	rc = (int)syscall(SYS_unlinkat, dir, name, flags);
	if (rc == 0 && st.st_nlink > 0)
		forget_names(&st, false);
	return rc;
}

int renameat(int a, const char *from, int b, const char *to);
int
renameat(int a, const char *from, int b, const char *to)
{
	struct dirty *d;
	struct stat st;
	int rc;

	if (due())
		return error();
	if (fault_plan.full && fault_plan.no_names)
		return no_room();
	rc = (int)syscall(SYS_renameat, a, from, b, to);
	if (rc == 0)
		note_name(b, to, true);
	if (rc == 0 && fstatat(b, to, &st, 0) == 0 &&
	    (d = find_inode(&st)) != NULL) {
		char dir[96];

		fault_plan.early += d->first != INT64_MAX;
		path_of(b, dir, sizeof(dir));
		snprintf(d->path, sizeof(d->path), "%s/%s", dir, to);
	}
	return rc;
}

int openat(int dir, const char *name, int flags, ...);
int
openat(int dir, const char *name, int flags, ...)
{
	va_list ap;
	mode_t bits = 0;
	struct stat st;
	bool made;
	int fd;

	va_start(ap, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		bits = va_arg(ap, mode_t);
	va_end(ap);
	/* only those that make or change something */
	if ((flags & O_ACCMODE) != O_RDONLY && due())
		return error_again();
	made = flags & O_CREAT && fstatat(dir, name, &st,
				      AT_SYMLINK_NOFOLLOW) < 0;
	fd = (int)syscall(SYS_openat, dir, name, flags, bits);
	if (fd >= 0 && made)
		note_name(dir, name, false);
	return fd;
}

void
fault_begin(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

void
fault_reset(enum fault_mode mode, long at)
{
	memset(shared, 0, sizeof(*shared));
	fault_plan.mode = mode;
	fault_plan.countdown = at;
	fault_plan.n_calls = fault_plan.early = 0;
	n_names = 0;
	tail_fails = fault_plan.harmless = false;
	fault_plan.full = fault_plan.no_names = false;
}
