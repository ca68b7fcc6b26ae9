#include "common/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void
gp_fd_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

ssize_t
gp_fd_pread_full(int fd, void *buf, size_t len, uint64_t off)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = pread(fd, (char *)buf + have, len - have,
		    (off_t)(off + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

ssize_t
gp_fd_read_full(int fd, void *buf, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = read(fd, (char *)buf + have, len - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

int
gp_fd_pwrite_full(int fd, const void *buf, size_t len, uint64_t off)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pwrite(fd, (const char *)buf + done, len - done,
		    (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int
gp_fd_write_full(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, (const char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int
gp_fd_openat(int dir, const char *name, int flags, mode_t mode)
{
	int fd;

	do {
		fd = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW, mode);
	} while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

int
gp_fd_opendir_at(int dir, const char *name)
{
	return gp_fd_openat(dir, name, O_RDONLY | O_DIRECTORY, 0);
}

int
gp_fd_read_file(int dir, const char *name, size_t max_bytes, char **data,
    size_t *len)
{
	char *buf = NULL;
	struct stat st;
	ssize_t n;
	int fd;
	int rc = 0;

	fd = gp_fd_openat(dir, name, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0) {
		rc = -errno;
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		rc = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
		goto out;
	}
	if (st.st_size < 0 || (uint64_t)st.st_size > max_bytes) {
		rc = -EFBIG;
		goto out;
	}
	buf = malloc((size_t)st.st_size + 1);
	if (buf == NULL) {
		rc = -ENOMEM;
		goto out;
	}
	n = gp_fd_pread_full(fd, buf, (size_t)st.st_size, 0);
	if (n < 0) {
		rc = (int)n;
		goto out;
	}
	buf[n] = '\0';
	*data = buf;
	*len = (size_t)n;
	buf = NULL;
out:
	free(buf);
	gp_fd_close(&fd);
	return rc;
}

int
gp_fd_sync(int fd)
{
	int rc;

	do {
		rc = fsync(fd);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

int
gp_fd_datasync(int fd)
{
	int rc;

	do {
		rc = fdatasync(fd);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

int
gp_fd_replace(int dir, const char *name, mode_t mode, const void *data,
    size_t len)
{
	char fresh[NAME_MAX + 1];
	int fd, rc = 0;

	if (snprintf(fresh, sizeof(fresh), "%s" GP_FD_NEW, name) >=
	    (int)sizeof(fresh))
		return -ENAMETOOLONG;
	fd = gp_fd_openat(dir, fresh, O_RDWR | O_CREAT | O_TRUNC, mode);
	if (fd < 0)
		return fd;
	if (fchmod(fd, mode) < 0) /* whatever the umask */
		rc = -errno;
	if (rc == 0)
		rc = gp_fd_pwrite_full(fd, data, len, 0);
	if (rc == 0)
		rc = gp_fd_sync(fd);
	if (rc == 0 && renameat(dir, fresh, dir, name) < 0)
		rc = -errno;
	if (rc == 0)
		return fd;
	(void)unlinkat(dir, fresh, 0);
	gp_fd_close(&fd);
	return rc;
}

int
gp_fd_fill_std(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY); /* inherited: 0 to 2 are */
		if (fd < 0)
			return -errno;
	} while (fd <= STDERR_FILENO);
	(void)close(fd);
	return 0;
}

int
gp_fd_close_others(const int *keep, size_t n)
{
	unsigned from = STDERR_FILENO + 1;

	for (;;) {
		unsigned next = ~0U; /* the lowest to keep */

		for (size_t i = 0; i < n; i++)
			if (keep[i] >= (int)from && (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		if (next > from && close_range(from, next - 1, 0) < 0)
			return -errno;
		if (next == ~0U)
			return 0;
		from = next + 1;
	}
}
