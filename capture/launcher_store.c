#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/launcher.h"
#include "common/base/fd.h"

bool
launcher_lookup_user(const char *user, const char *group,
    struct launcher_ids *out)
{
	const struct passwd *pw = getpwnam(user);
	const struct group *gr;

	if (pw == NULL || pw->pw_uid == 0)
		return false;
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	if (group != NULL) {
		gr = getgrnam(group);
		if (gr == NULL)
			return false;
		out->gid = gr->gr_gid;
	}
	return out->gid != 0;
}

struct launcher_ids
launcher_nobody(void)
{
	struct launcher_ids ids;

	if (!launcher_lookup_user("nobody", "nogroup", &ids))
		ids = (struct launcher_ids){65534, 65534};
	return ids;
}

struct launcher_ids
launcher_writer_ids(void)
{
	struct launcher_ids ids;

	if (!launcher_lookup_user("goprobe", "goprobe-read", &ids))
		ids = launcher_nobody();
	return ids;
}

static bool
folder_is_empty(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *e;
	bool empty = true;

	if (dir == NULL) {
		gp_fd_close(&copy);
		return false;
	}
	while (empty && (e = readdir(dir)) != NULL)
		empty = strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0;
	(void)closedir(dir);
	return empty;
}

int
launcher_open_store(const char *path, struct launcher_ids fresh,
    struct launcher_ids *owner)
{
	bool made;
	struct stat st;
	int fd = launcher_open_folder(path, &made);

	if (fstat(fd, &st) < 0)
		launcher_die(1, "%s: %s", path, strerror(errno));
	if (geteuid() == 0 && st.st_uid == 0) {
		if (!made && !folder_is_empty(fd))
			launcher_die(1, "%s: belongs to root; a store belongs "
			    "to the user that writes it", path);
		if (fchown(fd, fresh.uid, fresh.gid) < 0 ||
		    fchmod(fd, 0750) < 0)
			launcher_die(1, "%s: %s", path, strerror(errno));
		st.st_uid = fresh.uid;
		st.st_gid = fresh.gid;
	}
	owner->uid = st.st_uid;
	owner->gid = st.st_gid ? st.st_gid : fresh.gid;
	return fd;
}
