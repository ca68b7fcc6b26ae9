#include "tests/lib/attack_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct attack_store attack_store = {"", -1};

static const char *const names[] = {"file", "empty", "gone"};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

void
attack_store_make(mode_t folder, mode_t files)
{
	(void)snprintf(attack_store.path, sizeof(attack_store.path),
	    "/tmp/attack_store.XXXXXX");
	if (mkdtemp(attack_store.path) == NULL ||
	    chmod(attack_store.path, folder) < 0)
		exit(1);
	attack_store.dir =
	    open(attack_store.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < N_NAMES; i++) {
		int fd = openat(attack_store.dir, names[i],
		    O_WRONLY | O_CREAT, files);

		if (fd < 0 || write(fd, "x", 1) != 1 ||
		    fchmod(fd, files) < 0 || close(fd) < 0)
			exit(1);
	}
	if (symlinkat("/etc/passwd", attack_store.dir, "link") < 0)
		exit(1);
}

void
attack_store_remove(void)
{
	for (size_t i = 0; i < N_NAMES; i++)
		(void)unlinkat(attack_store.dir, names[i], 0);
	(void)unlinkat(attack_store.dir, "link", 0);
	(void)rmdir(attack_store.path);
}

int
attack_store_read(void)
{
	char c;
	int fd = openat(attack_store.dir, "file", O_RDONLY | O_CLOEXEC);

	return fd < 0 || pread(fd, &c, 1, 0) != 1;
}

int
attack_store_open_to_write(void)
{
	return openat(attack_store.dir, "file", O_WRONLY) < 0;
}

int
attack_store_truncate(void)
{
	return openat(attack_store.dir, "empty", O_RDONLY | O_TRUNC) < 0;
}

int
attack_store_remove_file(void)
{
	return unlinkat(attack_store.dir, "gone", 0) < 0 ||
	    openat(attack_store.dir, "gone", O_WRONLY | O_CREAT, 0644) < 0;
}

/* A mode that no filter minds, so that the folder is what is forbidden. */
int
attack_store_make_folder(void)
{
	return mkdirat(attack_store.dir, "day", 0700) < 0 ||
	    unlinkat(attack_store.dir, "day", AT_REMOVEDIR) < 0;
}

int
attack_store_climb(void)
{
	return openat(attack_store.dir, "..", O_RDONLY | O_DIRECTORY) < 0;
}

int
attack_store_follow_link(void)
{
	return openat(attack_store.dir, "link", O_RDONLY) < 0;
}

int
attack_set_uid_at_birth(int dir)
{
	return openat(dir, "evil", O_WRONLY | O_CREAT, 04755) < 0 ||
	    unlinkat(dir, "evil", 0) < 0;
}

int
attack_folder_for_all(int dir)
{
	return mkdirat(dir, "open", 0777) < 0 ||
	    unlinkat(dir, "open", AT_REMOVEDIR) < 0;
}
