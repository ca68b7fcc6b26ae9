/* The writer's sandbox tried from inside; tests/lib/attack.h. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/attack.h"
#include "tests/lib/attack_store.h"
#include "tests/tap.h"
#include "writer/profile.h"

#define SOMEBODY 65534

static struct profile_fds fds = {-1, -1, -1, -1};
static int conn; /* a capture's connection */

/* As the launcher starts it: no longer root. */
static int
enter(void)
{
	const char *step;
	int rc = 0;

	if (geteuid() == 0)
		rc = gp_sandbox_drop(SOMEBODY, SOMEBODY, NULL, 0);
	return rc < 0 ? rc : profile_enter(&fds, GP_SANDBOX_FULL, &step);
}

static int
stays_root(void)
{
	const char *step;

	return profile_enter(&fds, GP_SANDBOX_FULL, &step) < 0;
}

static int
set_uid_at_birth(void)
{
	return attack_set_uid_at_birth(fds.store);
}

static int
folder_for_all(void)
{
	return attack_folder_for_all(fds.store);
}

static int
store_for_all(void)
{
	return fchmod(fds.store, 0755) < 0;
}

static int
path_descriptor(void)
{
	return openat(fds.store, ".", O_PATH) < 0;
}

static int
climb_and_write(void)
{
	return openat(fds.store, "../attack-climb", O_WRONLY | O_CREAT,
		   0640) < 0 ||
	    unlinkat(fds.store, "../attack-climb", 0) < 0;
}

static int
move_out(void)
{
	int fd = openat(fds.store, "out", O_WRONLY | O_CREAT, 0640);

	return fd < 0 ||
	    renameat(fds.store, "out", attack_place.dir, "in") < 0 ||
	    unlinkat(attack_place.dir, "in", 0) < 0;
}

static int
remove_elsewhere(void)
{
	int fd = openat(attack_place.dir, "victim", O_WRONLY | O_CREAT, 0640);

	return fd < 0 || unlinkat(attack_place.dir, "victim", 0) < 0;
}

static int
descriptor_to_capture(void)
{
	struct iovec iov = {(char[]){'x'}, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	return sendmsg(conn, &msg, MSG_DONTWAIT) < 0;
}

static int
no_delay(void)
{
	return fcntl(fds.store, F_SETFL, O_NONBLOCK) < 0;
}

/* All of the disk, without a byte written. */
static int
reserve_space(void)
{
	int fd = openat(fds.store, "large", O_WRONLY | O_CREAT, 0640);
	int rc = fd < 0 || fallocate(fd, 0, 0, 4096) < 0;

	(void)unlinkat(fds.store, "large", 0);
	return rc;
}

static int
map_store_executable(void)
{
	return open("/proc/self/exe", O_RDONLY) < 0;
}

/* ---- what must still work ------------------------------------------------ */

static int
write_store(void)
{
	int fd = openat(fds.store, "block", O_WRONLY | O_CREAT | O_TRUNC, 0640);

	return fd < 0 || fchmod(fd, 0640) < 0 || write(fd, "x", 1) != 1 ||
	    fsync(fd) < 0 ||
	    renameat(fds.store, "block", fds.store, "block2") < 0 ||
	    unlinkat(fds.store, "block2", 0) < 0;
}

static int
make_day(void)
{
	int fd;

	if (mkdirat(fds.store, "day", 0750) < 0)
		return 1;
	fd = openat(fds.store, "day", O_RDONLY | O_DIRECTORY);
	return fd < 0 || fchmod(fd, 0750) < 0 ||
	    unlinkat(fds.store, "day", AT_REMOVEDIR) < 0;
}

#define W ATTACK_WRITER
static const struct attack list[] = {
    {"make a set-uid file in the store", set_uid_at_birth, W, false},
    {"make a folder for all", folder_for_all, W, false},
    {"open the store to all", store_for_all, W, false},
    {"openat(O_PATH)", path_descriptor, W, false},
    {"open the folder above", attack_store_climb, W, false},
    {"make a file above the store", climb_and_write, W, false},
    {"rename out of the store", move_out, W, false},
    {"remove a file elsewhere", remove_elsewhere, W, false},
    {"follow a link out of the store", attack_store_follow_link, W, false},
    {"sendmsg to a capture", descriptor_to_capture, W, false},
    {"fcntl(F_SETFL)", no_delay, W, false},
    {"fallocate", reserve_space, W, true},
    {"open the program", map_store_executable, W, false},
};

static void
prepare(void)
{
	int pair[2];

	attack_store_make(0750, 0640);
	fds.store = attack_store.dir;
	if (geteuid() == 0 && fchown(fds.store, SOMEBODY, SOMEBODY) < 0)
		exit(1);
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) < 0)
		exit(1);
	fds.notify = pair[0];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		exit(1);
	conn = pair[0];
}

static void
take_away(void)
{
	(void)unlinkat(fds.store, "large", 0);
	(void)unlinkat(fds.store, "out", 0); /* what could not be moved */
	attack_store_remove();
}

int
main(int argc, char **argv)
{
	static struct gp_rules rules;
	int status;

#ifdef GP_SANITIZED
	skip_all("sanitizers make calls of their own");
#endif
	if (argc > 1) {
		fds.notify = 0x1002;
		profile_rules(&fds, &rules);
		return attack_main(argc, argv, W, &rules, enter, NULL, 0);
	}
	attack_begin();
	prepare();
	profile_rules(&fds, &rules);
	if (geteuid() == 0)
		attack_ok(stays_root() != 0, "uid 0 is refused");
	attack_allowed("a file of the store", write_store, enter);
	attack_allowed("a folder of the store", make_day, enter);
	status = attack_main(argc, argv, W, &rules, enter, list,
	    sizeof(list) / sizeof(list[0]));
	take_away();
	return status;
}
