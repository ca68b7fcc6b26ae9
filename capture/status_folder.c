#include "capture/status_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/fd.h"

/*
 * /run is root's, so nobody else can have put anything there.  The folder
 * itself is the writer's user's: nothing in it is opened here.
 */
static int
try_locked(const char *path, uid_t uid, gid_t gid)
{
	struct stat is, there;
	int fd, rc = 0;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = gp_fd_opendir_at(AT_FDCWD, path);
	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fchown(fd, uid, gid) < 0 ||
	    fchmod(fd, 0750) < 0 || fstat(fd, &is) < 0 ||
	    lstat(path, &there) < 0)
		rc = -errno;
	else if (is.st_dev != there.st_dev || is.st_ino != there.st_ino)
		rc = -ENOENT;
	if (rc < 0)
		gp_fd_close(&fd);
	return rc < 0 ? rc : fd;
}

/* Another launcher may be tidying up just then (remove_leftovers). */
static int
open_locked(const char *path, uid_t uid, gid_t gid)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	int fd = try_locked(path, uid, gid);

	for (int i = 0; i < 3 && (fd == -EWOULDBLOCK || fd == -ENOENT); i++) {
		(void)nanosleep(&pause, NULL);
		fd = try_locked(path, uid, gid);
	}
	return fd;
}

static void
remove_files(int fd)
{
	(void)unlinkat(fd, GP_STATUS_NAME, 0);
	(void)unlinkat(fd, "." GP_STATUS_NAME ".new", 0);
}

static void
remove_leftover(int run, const char *name)
{
	int fd = gp_fd_opendir_at(run, name);

	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		remove_files(fd);
		(void)unlinkat(run, name, AT_REMOVEDIR);
	}
	gp_fd_close(&fd);
}

/* Folders of runs that were killed: nobody holds them. */
static void
remove_leftovers(void)
{
	static const char prefix[] = GP_STATUS_FOLDER ".";
	const char *name = strrchr(prefix, '/') + 1;
	DIR *run = opendir("/run");
	const struct dirent *e;

	if (run == NULL)
		return;
	while ((e = readdir(run)) != NULL)
		if (strncmp(e->d_name, name, strlen(name)) == 0)
			remove_leftover(dirfd(run), e->d_name);
	(void)closedir(run);
}

int
status_folder_open(struct status_folder *f, int store, const char *configured,
    uid_t uid, gid_t gid)
{
	char own[GP_STATUS_PATH_MAX];
	struct stat is, site;
	bool same;

	f->fd = -1;
	f->temporary = false;
	(void)snprintf(f->path, sizeof(f->path), "%s", GP_STATUS_FOLDER);
	if (fstat(store, &is) < 0)
		return -errno;
	remove_leftovers();
	gp_status_folder(is.st_dev, is.st_ino, own);
	same = stat(configured, &site) == 0 && site.st_dev == is.st_dev &&
	    site.st_ino == is.st_ino;
	if (same)
		f->fd = open_locked(f->path, uid, gid);
	if (f->fd >= 0)
		return 0;
	if (same && f->fd != -EWOULDBLOCK)
		return f->fd;
	(void)snprintf(f->path, sizeof(f->path), "%s", own);
	f->fd = open_locked(f->path, uid, gid);
	if (f->fd < 0)
		return f->fd;
	f->temporary = true;
	return 0;
}

void
status_folder_close(struct status_folder *f)
{
	if (f->fd >= 0 && f->temporary) {
		remove_files(f->fd);
		(void)rmdir(f->path);
	}
	gp_fd_close(&f->fd);
}
