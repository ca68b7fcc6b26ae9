/* goquery-remote's sandbox tried from inside; tests/lib/attack.h. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/fd.h"
#include "querier/remote/profile.h"
#include "tests/lib/attack.h"
#include "tests/lib/attack_net.h"
#include "tests/tap.h"

/* Two servers on loopback; one of them is the configured one. */
static uint16_t port, other_port;

/* As main() does it: what was inherited goes first. */
static int
enter(void)
{
	const char *step;
	int rc = gp_fd_close_others(NULL, 0);

	return rc < 0 ? rc : remote_profile_enter(port, true, &step);
}

static int
enter_without_landlock(void)
{
	const char *step;
	int rc = gp_fd_close_others(NULL, 0);

	return rc < 0 ? rc : remote_profile_enter(port, false, &step);
}

static int
connect_server(void)
{
	return attack_connect(socket(AF_INET, SOCK_STREAM, 0), port);
}

static int
connect_other(void)
{
	return attack_connect(socket(AF_INET, SOCK_STREAM, 0),
	    other_port);
}

static int
datagram_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0) < 0;
}

static int
raw_socket(void)
{
	return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) < 0;
}

/* Landlock does not look at it. */
static int
multipath_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 262 /* IPPROTO_MPTCP */) < 0;
}

static int
fast_open(void)
{
	return attack_fast_open(other_port);
}

static int
listen_there(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, 1) < 0;
}

static int
bind_to_device(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) < 0;
}

static int
read_inherited(void)
{
	char c;

	return read(attack_place.open, &c, 1) != 1;
}

static int
open_ca(void)
{
	return open("/etc/ssl/certs/ca-certificates.crt", O_RDONLY) < 0 &&
	    open("/etc/hosts", O_RDONLY) < 0;
}

#define R ATTACK_REMOTE
static const struct attack list[] = {
    {"keep uid 0", attack_is_root, R, true},
    {"make a datagram socket", datagram_socket, R, false},
    {"make a raw socket", raw_socket, R, true},
    {"make a multipath socket", multipath_socket, R, true},
    {"fast open to another port", fast_open, R, true},
    {"listen", listen_there, R, false},
    {"choose an interface", bind_to_device, R, true},
    {"read what was inherited", read_inherited, R, false},
    {"open a file that it read before", open_ca, R, false},
};

int
main(int argc, char **argv)
{
	static const struct attack another = {"connect to another port",
		connect_other, R, false};
	static struct gp_rules rules;
	int status, fd, other;

#ifdef GP_SANITIZED
	skip_all("sanitizers make calls of their own");
#endif
	remote_profile_rules(&rules);
	if (argc > 1)
		return attack_main(argc, argv, R, &rules, enter, NULL, 0);
	attack_begin();
	fd = attack_listen(&port);
	other = attack_listen(&other_port);
	attack_allowed("connect to the server", connect_server, enter);
	attack_allowed("without Landlock, too", connect_server,
	    enter_without_landlock);
	if (gp_sandbox_landlock_abi() >= 4)
		attack_one(&another, enter);
	else
		diag("this kernel's Landlock knows no ports");
	status = attack_main(argc, argv, R, &rules, enter, list,
	    sizeof(list) / sizeof(list[0]));
	(void)close(fd);
	(void)close(other);
	return status;
}
