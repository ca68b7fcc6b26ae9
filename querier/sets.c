#include "querier/sets.h"

#include "common/base/clock.h"
#include "common/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* What some systems put before UTF-8 (RFC 3629, 6). */
#define MARK       "\357\273\277"
#define MARK_BYTES 3

static int
find_file(const struct sets *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->file[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

/* A FIFO of the file system has whoever opens it wait; what a shell makes of
 * <(command) has its writer. */
static int
check_kind(int fd)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return 0;
	if (!S_ISFIFO(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	return fs.f_type == PIPEFS_MAGIC ? 0 : -EINVAL;
}

int
sets_open_file(struct sets *s, const char *name, char error[512])
{
	int fd, rc;

	if (find_file(s, name) >= 0)
		return 0;
	if (s->n == SETS_MAX || strlen(name) >= sizeof(s->file[0].name)) {
		(void)snprintf(error, 512, s->n == SETS_MAX ?
			"more than %d lists" : "a list's name is longer than "
			"%d bytes", s->n == SETS_MAX ? SETS_MAX :
			(int)sizeof(s->file[0].name) - 1);
		return -E2BIG;
	}
	fd = open(name + 1, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	rc = fd < 0 ? -errno : check_kind(fd);
	if (rc < 0) {
		(void)snprintf(error, 512, "%s: %s", name, rc == -EINVAL
			? "not a regular file" : godb_strerror(rc));
		gp_fd_close(&fd);
		return rc;
	}
	(void)snprintf(s->file[s->n].name, sizeof(s->file[0].name), "%s", name);
	s->file[s->n++].fd = fd;
	return 0;
}

int
sets_open(struct sets *s, const char *condition, bool *geo, char error[512])
{
	char name[GODB_COND_NAME_MAX];
	int rc = 0;

	for (size_t i = 0; rc == 0 && godb_cond_set(condition, i, name); i++) {
		if (name[0] == '@')
			rc = sets_open_file(s, name, error);
		else
			*geo = true;
	}
	return rc;
}

/* Until the pipe has more, or --timeout is over. */
static int
wait_more(const struct sets *s, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t left_ns = s->end_ns ? s->end_ns - gp_clock_mono_ns() : 0;

	if (s->end_ns && left_ns <= 0)
		return GODB_ECANCELLED;
	left_ns = left_ns < GP_NS_PER_S ? left_ns : GP_NS_PER_S;
	if (poll(&p, 1, s->end_ns ? (int)(left_ns / 1000000) + 1 : -1) < 0 &&
	    errno != EINTR)
		return -errno;
	return 0;
}

static int
read_all(const struct sets *s, int fd, char **text, size_t *len)
{
	size_t room = 0;
	ssize_t got;

	*text = NULL;
	*len = 0;
	do {
		if (*len > SETS_BYTES_MAX)
			return -EFBIG;
		if (*len == room) {
			char *more;

			room = room ? room * 2 : 64 << 10;
			/* one more tells that it is not too long */
			if (room > SETS_BYTES_MAX)
				room = SETS_BYTES_MAX + 1;
			more = realloc(*text, room);
			if (!more)
				return -ENOMEM;
			*text = more;
		}
		got = read(fd, *text + *len, room - *len);
		if (got < 0 && errno == EAGAIN) {
			int rc = wait_more(s, fd);

			if (rc < 0)
				return rc;
		} else if (got < 0 && errno != EINTR) {
			return -errno;
		}
		*len += got > 0 ? (size_t)got : 0;
	} while (got != 0);
	return 0;
}

int
sets_fetch(void *arg, const char *name, const char **text, size_t *len,
    char why[GODB_COND_WHY_MAX])
{
	struct sets *s = arg;
	int i, rc = 0;

	if (name[0] != '@') {
		if (s->names)
			return names_networks(s->names, name, text, len, why);
		(void)snprintf(why, GODB_COND_WHY_MAX, "no MMDB file is set "
		    "under [site] in the INI file");
		return -ENOENT;
	}
	i = find_file(s, name);
	if (i < 0)
		return -ENOENT;
	if (s->file[i].fd >= 0) {
		rc = read_all(s, s->file[i].fd, &s->file[i].text,
		    &s->file[i].len);
		gp_fd_close(&s->file[i].fd);
	}
	s->late |= rc == GODB_ECANCELLED;
	if (rc < 0) {
		(void)snprintf(why, GODB_COND_WHY_MAX, "%.60s: %s", name,
		    godb_strerror(rc));
		return rc;
	}
	*text = s->file[i].text;
	*len = s->file[i].len;
	if (*len >= MARK_BYTES && memcmp(*text, MARK, MARK_BYTES) == 0) {
		*text += MARK_BYTES;
		*len -= MARK_BYTES;
	}
	return 0;
}
