/* goquery's sandbox tried from inside; tests/lib/attack.h. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "querier/profile.h"
#include "tests/lib/attack.h"
#include "tests/lib/attack_store.h"
#include "tests/tap.h"

static struct profile_fds fds = {-1, -1, NULL, 0};

static int
enter(void)
{
	const char *step;

	return profile_enter(&fds, true, NULL, NULL, &step);
}

/* As --sandbox=seccomp asks for. */
static int
enter_without_landlock(void)
{
	const char *step;

	return profile_enter(&fds, false, NULL, NULL, &step);
}

/* As --status does: no store, one file that was opened before. */
static int
enter_without_store(void)
{
	const struct profile_fds only = {-1, -1, &attack_place.open, 1};
	const char *step;

	return profile_enter(&only, true, NULL, NULL, &step);
}

static int
only_that_file(void)
{
	char c;

	return pread(attack_place.open, &c, 1, 0) != 1 ||
	    open(attack_store.path, O_RDONLY | O_DIRECTORY) >= 0 ||
	    open("/etc/passwd", O_RDONLY) >= 0;
}

static int
open_both_ways(void)
{
	return openat(fds.store, "file", O_RDWR) < 0;
}

static int
create(void)
{
	return openat(fds.store, "new", O_RDONLY | O_CREAT, 0644) < 0 ||
	    unlinkat(fds.store, "new", 0) < 0;
}

static int
rename_file(void)
{
	return renameat(fds.store, "file", fds.store, "file") < 0;
}

/* What the shell had open is gone. */
static int
read_inherited(void)
{
	char c;

	return pread(attack_place.open, &c, 1, 0) != 1;
}

static int
lock_store(void)
{
	int fd = openat(fds.store, "file", O_RDONLY);
	struct flock all = {.l_type = F_RDLCK};

	return fd < 0 || fcntl(fd, F_SETLK, &all) < 0;
}

#define Q ATTACK_QUERIER
static const struct attack list[] = {
    {"keep uid 0", attack_is_root, Q, true},
    {"open the store to write", attack_store_open_to_write, Q, false},
    {"open the store to read and write", open_both_ways, Q, false},
    {"create a file", create, Q, false},
    {"truncate a file", attack_store_truncate, Q, false},
    {"remove a file", attack_store_remove_file, Q, false},
    {"make a folder", attack_store_make_folder, Q, false},
    {"rename a file", rename_file, Q, false},
    {"open the folder above", attack_store_climb, Q, false},
    {"follow a link out of the store", attack_store_follow_link, Q, false},
    {"read what was inherited", read_inherited, Q, false},
    {"lock a file", lock_store, Q, false},
};

int
main(int argc, char **argv)
{
	static struct gp_rules rules;
	int status;

#ifdef GP_SANITIZED
	skip_all("sanitizers make calls of their own");
#endif
	if (argc > 1)
		fds.helper = 0x1001; /* stands for it in the text */
	profile_rules(&fds, &rules);
	if (argc > 1)
		return attack_main(argc, argv, Q, &rules, enter, NULL, 0);
	attack_begin();
	attack_store_make(0755, 0644);
	fds.store = attack_store.dir;
	attack_allowed("read the store", attack_store_read, enter);
	attack_allowed("without Landlock, too", attack_store_read,
	    enter_without_landlock);
	attack_allowed("a status file and nothing else", only_that_file,
	    enter_without_store);
	status = attack_main(argc, argv, Q, &rules, enter, list,
	    sizeof(list) / sizeof(list[0]));
	attack_store_remove();
	return status;
}
