/*
 * notifylisten - a supervisor that has an address, as systemd does.
 */
#ifndef TESTS_NOTIFYLISTEN_H
#define TESTS_NOTIFYLISTEN_H

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A socket for gp_notify_recv(), at an abstract name for NOTIFY_SOCKET, or
 * -1. */
static inline int
notify_listen(char address[108])
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(sa);
	int on = 1;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* only the family: the kernel picks a free abstract name (unix(7)) */
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&sa, sizeof(sa.sun_family)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return -1;
	len -= (socklen_t)offsetof(struct sockaddr_un, sun_path);
	memcpy(address, sa.sun_path, len);
	address[0] = '@';
	address[len] = '\0';
	return fd;
}

#endif
