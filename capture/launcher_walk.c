#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/launcher.h"
#include "common/base/fd.h"

#define LINKS_MAX 40 /* as the kernel's own walk has it */

struct walk {
	const char *path; /* as it was asked for, in messages */
	int at;           /* the folder that was reached, or AT_FDCWD */
	char *rest;       /* what is to be walked from there */
	int links;        /* followed until now */
	bool made;        /* the last folder, here */
};

static _Noreturn void
die(const struct walk *w, int error)
{
	launcher_die(1, "%s: %s", w->path,
	    error == ENOTDIR ? "not a folder" : strerror(error));
}

/* A link whose text is another user's leads root wherever he likes; so does
 * one of root's that he can put elsewhere. */
static void
refuse_strangers(const struct walk *w, const struct stat *link)
{
	struct stat folder;

	if (geteuid() != 0)
		return;
	if (link->st_uid != 0)
		launcher_die(1, "%s: a symbolic link of user %u's", w->path,
		    (unsigned)link->st_uid);
	if (fstatat(w->at, "", &folder, AT_EMPTY_PATH) < 0)
		die(w, errno);
	if (folder.st_uid != 0 || (folder.st_mode & 022) != 0)
		launcher_die(1, "%s: a symbolic link in a folder that not "
		    "root alone can write", w->path);
}

/* Its text comes before what is left of the way. */
static void
follow(struct walk *w, int link)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(link, "", text, sizeof(text) - 1);
	char *rest;

	if (n < 0)
		die(w, errno);
	if (++w->links > LINKS_MAX)
		die(w, ELOOP);
	text[n] = '\0';
	if (asprintf(&rest, "%s/%s", text, w->rest) < 0)
		die(w, ENOMEM);
	free(w->rest);
	w->rest = rest;
}

/* What is called so, itself; the last folder is made where it is missing. */
static int
open_step(struct walk *w, const char *name, bool last)
{
	int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(w->at, name, flags);

	if (fd < 0 && errno == ENOENT && last) {
		if (mkdirat(w->at, name, 0750) < 0)
			launcher_die(1, "%s: cannot make the store's folder: "
			    "%s", w->path, strerror(errno));
		w->made = true;
		fd = openat(w->at, name, flags);
	}
	if (fd < 0)
		die(w, errno);
	return fd;
}

static void
step(struct walk *w)
{
	char *name = w->rest;
	size_t len = strcspn(name, "/");
	char *rest = name + len + strspn(name + len, "/");
	struct stat st;
	int fd;

	rest = strdup(rest);
	if (rest == NULL)
		die(w, ENOMEM);
	name[len] = '\0';
	fd = open_step(w, name, *rest == '\0');
	free(w->rest);
	w->rest = rest;
	if (fstat(fd, &st) < 0)
		die(w, errno);
	if (S_ISLNK(st.st_mode)) {
		refuse_strangers(w, &st);
		follow(w, fd);
		gp_fd_close(&fd);
	} else {
		gp_fd_close(&w->at);
		w->at = fd;
	}
}

static void
from_root(struct walk *w)
{
	size_t slashes = strspn(w->rest, "/");

	memmove(w->rest, w->rest + slashes, strlen(w->rest + slashes) + 1);
	gp_fd_close(&w->at);
	w->at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w->at < 0)
		die(w, errno);
}

int
launcher_open_folder(const char *path, bool *made)
{
	struct walk w = {.path = path, .at = AT_FDCWD, .rest = strdup(path)};
	int fd;

	if (w.rest == NULL)
		die(&w, ENOMEM);
	if (*path == '\0')
		die(&w, ENOENT);
	while (*w.rest)
		if (*w.rest == '/')
			from_root(&w);
		else
			step(&w);
	fd = openat(w.at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die(&w, errno);
	gp_fd_close(&w.at);
	free(w.rest);
	*made = w.made;
	return fd;
}
