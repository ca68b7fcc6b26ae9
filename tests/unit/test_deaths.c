/* deaths: three within ten minutes are many; leaving in order is none. */
#include "capture/deaths.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/notify.h"
#include "tests/lib/notifylisten.h"
#include "tests/tap.h"

#define NOEXEC_SEAL 0x0008U /* MFD_NOEXEC_SEAL and F_SEAL_EXEC: Linux 6.3 */
#define SEAL_EXEC   0x0020

static int supervisor, notify, page = -1;

/* Starts once more, as a supervisor would; what it stored is kept. */
static unsigned
start(int64_t boot_s, bool in_order)
{
	static struct gp_notification n;
	struct deaths_page *p;
	unsigned deaths = deaths_open(&p, page < 0 ? -1 : dup(page), notify,
	    boot_s * GP_NS_PER_S);
	char value[64];

	if (gp_notify_recv(supervisor, &n) == 0) {
		ok(page < 0 && n.n_fds == 1 &&
		    gp_notify_value(&n, "FDNAME", value, sizeof(value)) &&
		    strcmp(value, DEATHS_NAME) == 0, "the page is stored");
		page = n.fds[0];
	}
	ok(p != NULL, "there is a page");
	if (in_order)
		deaths_clean(p);
	return deaths;
}

int
main(void)
{
	struct deaths_page *p;
	char address[108];
	uint32_t junk[16];

	is_int(deaths_open(&p, -1, -1, 1), 0, "no supervisor, no deaths");
	ok(p == NULL, "no page");
	deaths_clean(p);
	supervisor = notify_listen(address);
	(void)setenv("NOTIFY_SOCKET", address, 1);
	notify = gp_notify_open(-1);
	if (supervisor < 0 || notify < 0)
		skip_all("no notification socket");
	is_int(start(1000, true), 0, "the first start");
	if (memfd_create("x", MFD_CLOEXEC | NOEXEC_SEAL) >= 0)
		ok(fcntl(page, F_GET_SEALS) & SEAL_EXEC,
		    "nobody makes a program of its page");
	is_int(start(1100, false), 0, "left in order");
	is_int(start(1200, false), 1, "one death");
	is_int(start(1300, false), 2, "two");
	is_int(start(1400, false), 3, "three are many");
	is_int(start(1500, true), 3, "four, of which three are kept");
	is_int(start(1550, true), 3, "still many");
	is_int(start(1950, true), 2, "the oldest is forgotten");
	is_int(start(2200, false), 0, "all are");
	memset(junk, 0xff, sizeof(junk));
	is_int(pwrite(page, junk, sizeof(junk), 8), (int)sizeof(junk),
	    "a page that a broken capture wrote");
	is_int(start(2300, true), 1, "is one death at most");
	is_int(pwrite(page, junk, sizeof(junk), 0), (int)sizeof(junk),
	    "one that is no page");
	is_int(start(2400, true), 0, "begins anew");
	is_int(ftruncate(page, 10), 0, "one of another size");
	is_int(deaths_open(&p, dup(page), notify, 1), 0, "is left alone");
	ok(p == NULL, "without a page");
	return tap_done();
}
