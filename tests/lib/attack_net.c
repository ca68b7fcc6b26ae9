#include "tests/lib/attack_net.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

static struct sockaddr_in
loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

int
attack_listen(uint16_t *port)
{
	struct sockaddr_in sa = loopback(0);
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		exit(1);
	*port = ntohs(sa.sin_port);
	return fd;
}

int
attack_connect(int fd, uint16_t port)
{
	struct sockaddr_in sa = loopback(port);

	return fd < 0 ||
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0;
}

int
attack_fast_open(uint16_t port)
{
	struct sockaddr_in sa = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 || sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL,
	    (struct sockaddr *)&sa, sizeof(sa)) != 1;
}
