/*
 * status - how the sensor is doing: the file that goprobe-writer publishes,
 * judged and printed.
 *
 * The file is opened before the sandbox closes and read behind it; whoever
 * wrote it is not trusted.
 */
#ifndef STATUS_H
#define STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/status.h"
#include "querier/out.h"

/*
 * Opens the status for reading: `file` when it is not NULL; else that of the
 * sensor that writes the store at `store`, of the site's (`site_store` being
 * the configured store) when that one has none of its own.  *doubtful: nobody
 * knows of which store it is, since a sensor with another configuration has
 * the site's place, too; its text says so.  The descriptor, or -errno; *path
 * is where it should be.
 */
int status_open(const char *file, const char *store, const char *site_store,
    char path[4096], bool *doubtful);

/* Reads and closes it.  0 with *out (gp_status_free); -EINVAL with one line in
 * error, or another -errno. */
int status_read(int fd, struct gp_status **out, char error[160]);

struct status_view {
	const struct gp_status *s;
	const struct gp_status_iface **iface; /* those asked for */
	size_t n;
	uint64_t age_ns; /* since it was written */
};

/* Chooses as -i says (NULL: all); the array is the caller's to free.  0,
 * -ENOMEM, or -ENOENT with one line in error. */
int status_choose(const struct gp_status *s, const char *ifaces,
    struct status_view *out, char error[512]);

/* Sets age_ns from CLOCK_REALTIME and CLOCK_BOOTTIME now. */
void status_set_age(struct status_view *v, int64_t real_ns, int64_t boot_ns);

enum status_health { STATUS_FRESH, STATUS_STALE, STATUS_DROPPING };
enum status_health status_health(const struct status_view *v,
    const struct gp_status_iface *i);
const char *status_health_name(enum status_health h);

/* Time since the last sign of life of an interface. */
uint64_t status_quiet_ns(const struct status_view *v,
    const struct gp_status_iface *i);

/* Everything that asks for somebody's attention, one line each; how many. */
size_t status_problems(const struct status_view *v,
    void (*each)(void *arg, const char *text), void *arg);

void status_print_txt(struct out *o, const struct status_view *v);
void status_print_json(struct out *o, const struct status_view *v);

#endif
