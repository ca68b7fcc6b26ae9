#include "capture/ifwait.h"

#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVERY_MS 250

/* What the interface is now; DOWN also when that cannot be told. */
static enum ifwait_state
look(const char *iface)
{
	struct ifreq r = {0};
	int fd, rc;

	if (if_nametoindex(iface) == 0)
		return IFWAIT_ABSENT;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return IFWAIT_DOWN;
	(void)snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", iface);
	rc = ioctl(fd, SIOCGIFFLAGS, &r);
	(void)close(fd);
	return rc == 0 && (r.ifr_flags & IFF_UP) ? IFWAIT_UP : IFWAIT_DOWN;
}

int
ifwait_up(const char *iface, int stop, int alive,
    void (*changed)(void *ctx, enum ifwait_state now), void (*tick)(void *ctx),
    void *ctx)
{
	enum ifwait_state told = IFWAIT_UP;

	for (;;) {
		struct pollfd p[2] = {{.fd = stop, .events = POLLIN},
		    {.fd = alive, .events = POLLIN}};
		enum ifwait_state now = look(iface);

		if (now != told)
			changed(ctx, now);
		told = now;
		if (now == IFWAIT_UP)
			return 0;
		tick(ctx);
		if (poll(p, 2, EVERY_MS) > 0)
			return 1;
	}
}
