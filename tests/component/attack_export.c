/* The exporter's sandbox tried from inside; tests/lib/attack.h. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "querier/export/profile.h"
#include "tests/lib/attack.h"
#include "tests/lib/attack_net.h"
#include "tests/lib/attack_store.h"
#include "tests/tap.h"

static struct profile_fds fds = {-1, -1, -1, -1, 0};
static char state_path[] = "/tmp/attack_state.XXXXXX";
static int server, stranger; /* who listen */
static uint16_t stranger_port;

static int
enter(void)
{
	const char *step;

	return profile_enter(&fds, GP_SANDBOX_FULL, &step);
}

/* ---- what it is for ------------------------------------------------------ */

static int
reach_server(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);

	return attack_connect(fd, fds.port) ||
	    send(fd, "x", 1, MSG_NOSIGNAL) != 1;
}

static int
write_state(void)
{
	int fd = openat(fds.state, "new", O_WRONLY | O_CREAT, 0600);

	return fd < 0 || pwrite(fd, "x", 1, 0) != 1 || fsync(fd) < 0 ||
	    renameat(fds.state, "new", fds.state, "old") < 0 ||
	    unlinkat(fds.state, "old", 0) < 0 ||
	    mkdirat(fds.state, "day", 0700) < 0 ||
	    unlinkat(fds.state, "day", AT_REMOVEDIR) < 0;
}

static int
publish(void)
{
	int fd = openat(fds.state, "prom", O_WRONLY | O_CREAT | O_EXCL, 0600);

	return fd < 0 || fchmod(fd, 0644) < 0 || write(fd, "x", 1) != 1 ||
	    unlinkat(fds.state, "prom", 0) < 0;
}

/* ---- what it is not for -------------------------------------------------- */

static int
create(void)
{
	return openat(fds.store, "new", O_WRONLY | O_CREAT, 0640) < 0 ||
	    unlinkat(fds.store, "new", 0) < 0;
}

static int
rename_into_state(void)
{
	return renameat(fds.store, "file", fds.state, "file") < 0 ||
	    renameat(fds.state, "file", fds.store, "file") < 0;
}

static int
set_uid_at_birth(void)
{
	return attack_set_uid_at_birth(fds.state);
}

static int
file_for_all(void)
{
	int fd = openat(fds.state, "all", O_WRONLY | O_CREAT, 0600);

	(void)unlinkat(fds.state, "all", 0);
	return fd < 0 || fchmod(fd, 0666) < 0;
}

static int
folder_for_all(void)
{
	return attack_folder_for_all(fds.state);
}

static int
reach_stranger(void)
{
	return attack_connect(socket(AF_INET, SOCK_STREAM, 0), stranger_port);
}

static int
reach_stranger_by_v6(void)
{
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6,
		.sin6_port = htons(stranger_port)};
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	sa.sin6_addr = (struct in6_addr){{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
	    0xff, 127, 0, 0, 1}}};
	return fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0;
}

static int
fast_open(void)
{
	return attack_fast_open(stranger_port);
}

static int
fast_open_message(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
		.sin_port = htons(stranger_port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct iovec iov = {(char[]){'x'}, 1};
	struct msghdr msg = {.msg_name = &sa, .msg_namelen = sizeof(sa),
		.msg_iov = &iov, .msg_iovlen = 1};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 || sendmsg(fd, &msg, MSG_FASTOPEN | MSG_NOSIGNAL) != 1;
}

static int
delayed_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	return fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT,
	    &one, sizeof(one)) < 0;
}

/* Landlock's ports are those of TCP alone. */
static int
multipath(void)
{
	return attack_connect(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP),
	    stranger_port);
}

static int
other_stream(void)
{
	return socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP) < 0;
}

static int
listen_there(void)
{
	return listen(server, 1) < 0;
}

static int
take_in(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (attack_connect(fd, fds.port))
		return 1;
	return accept4(server, NULL, NULL, 0) < 0;
}

#define E ATTACK_EXPORT
static const struct attack list[] = {
    {"keep uid 0", attack_is_root, E, true},
    {"open the store to write", attack_store_open_to_write, E, false},
    {"create a file in the store", create, E, false},
    {"truncate a file", attack_store_truncate, E, false},
    {"remove a file", attack_store_remove_file, E, false},
    {"make a folder in the store", attack_store_make_folder, E, false},
    {"move a file out of the store", rename_into_state, E, false},
    {"open the folder above", attack_store_climb, E, false},
    {"follow a link out of the store", attack_store_follow_link, E, false},
    {"make a set-uid file in the state", set_uid_at_birth, E, false},
    {"make a folder for all", folder_for_all, E, false},
    {"let all write a file", file_for_all, E, false},
    {"fast open to another port", fast_open, E, true},
    {"fast open by sendmsg", fast_open_message, E, true},
    {"connect when sending", delayed_connect, E, true},
    {"MPTCP to another port", multipath, E, true},
    {"SCTP", other_stream, E, true},
    {"listen", listen_there, E, false},
    {"accept", take_in, E, false},
};
static const struct attack ports[] = {
    {"connect to another port", reach_stranger, E, false},
    {"connect to another port over IPv6", reach_stranger_by_v6, E, true},
};

/* Everybody may write the store, so that it is the sandbox that forbids. */
static void
prepare(void)
{
	struct profile_ids ids = profile_ids();

	attack_store_make(0777, 0666);
	fds.store = attack_store.dir;
	if (mkdtemp(state_path) == NULL)
		exit(1);
	fds.state = open(state_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (geteuid() == 0 && fchown(fds.state, ids.uid, ids.gid) < 0)
		exit(1);
	server = attack_listen(&fds.port);
	stranger = attack_listen(&stranger_port);
}

int
main(int argc, char **argv)
{
	static struct gp_rules rules;
	int status;

#ifdef GP_SANITIZED
	skip_all("sanitizers make calls of their own");
#endif
	profile_rules(&rules);
	if (argc > 1)
		return attack_main(argc, argv, E, &rules, enter, NULL, 0);
	attack_begin();
	prepare();
	attack_allowed("read the store", attack_store_read, enter);
	attack_allowed("write the state", write_state, enter);
	attack_allowed("publish for all", publish, enter);
	attack_allowed("connect to the server", reach_server, enter);
	if (gp_sandbox_landlock_abi() >= 4)
		for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
			attack_one(&ports[i], enter);
	else
		diag("this kernel's Landlock knows no ports");
	status = attack_main(argc, argv, E, &rules, enter, list,
	    sizeof(list) / sizeof(list[0]));
	attack_store_remove();
	(void)rmdir(state_path);
	return status;
}
