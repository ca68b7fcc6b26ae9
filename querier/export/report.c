#include "querier/export/report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"

#define NAME      "status"
#define NAME_NEW  "status.new"
#define MODE      0640
#define WARN_DAYS 2
#define WARN_EVERY_S 3600

void
report_init(struct report *r, int folder, const struct gp_conf *conf,
    const char *server)
{
	memset(r, 0, sizeof(*r));
	r->folder = folder;
	r->conf = conf;
	r->server = server;
}

/* Retention waits for nobody; somebody should know. */
static bool
about_to_go(struct report *r, const struct pass_left *left, int64_t now_s)
{
	int64_t keep = (int64_t)r->conf->store.retain_days;
	char day[11];

	if (keep == 0 || left->oldest_s == INT64_MAX ||
	    left->oldest_s >= now_s - (keep - WARN_DAYS) * GP_DAY_S)
		return false;
	if (now_s - r->warned_s >= WARN_EVERY_S) {
		r->warned_s = now_s;
		gp_clock_day_format(left->oldest_s, day);
		gp_log(GP_LOG_WARNING, "blocks of %s are not shipped and will "
		    "soon be removed ([store] retain_days = %" PRId64 ")", day,
		    keep);
	}
	return true;
}

static void
print(FILE *out, const struct report *r, const struct ship_counts *c,
    const struct pass_left *left, const char *error, bool running, bool going,
    int64_t now_s)
{
	fprintf(out,
	    "goprobe-export-status 1\n"
	    "written %" PRId64 "\n"
	    "server %s\n"
	    "running %d\n"
	    "interval %u\n"
	    "fine %" PRId64 "\n"
	    "records %" PRIu64 "\n"
	    "rows %" PRIu64 "\n"
	    "bytes %" PRIu64 "\n"
	    "attempts %" PRIu64 "\n"
	    "given_up %" PRIu64 "\n"
	    "unreadable %" PRIu64 "\n"
	    "gone %" PRIu64 "\n"
	    "left_records %" PRIu64 "\n"
	    "left_rows %" PRIu64 "\n"
	    "left_since %" PRId64 "\n"
	    "left_going %d\n"
	    "error \"%s\"\n"
	    "end\n",
	    now_s, r->server, running, r->conf->export.interval, r->fine_s,
	    c->records, c->rows, c->bytes, c->attempts, c->given_up,
	    c->unreadable, c->gone, left->records, left->rows,
	    left->oldest_s == INT64_MAX ? 0 : left->oldest_s, going, error);
}

void
report_write(struct report *r, struct pass *pass, const char *error,
    bool running)
{
	int64_t now_s = gp_clock_real_ns() / GP_NS_PER_S;
	struct pass_left left;
	char clean[SHIP_ERROR_MAX], *text = NULL;
	size_t len = 0;
	FILE *out;
	bool going;
	int fd, rc;

	if (error[0] == '\0' && running)
		r->fine_s = now_s;
	pass_count_left(pass, &left);
	going = about_to_go(r, &left, now_s);
	if (r->folder < 0)
		return;
	(void)snprintf(clean, sizeof(clean), "%s", error);
	for (char *c = clean; *c; c++)
		if (*c == '"' || *c == '\\')
			*c = '\'';
	out = open_memstream(&text, &len);
	if (out == NULL)
		return;
	print(out, r, &pass->ship->counts, &left, clean, running, going, now_s);
	rc = fclose(out) == 0 ? 0 : -ENOMEM;
	fd = rc < 0 ? rc : gp_fd_openat(r->folder, NAME_NEW,
	    O_WRONLY | O_CREAT | O_TRUNC, MODE);
	rc = fd < 0 ? fd : gp_fd_write_full(fd, text, len);
	gp_fd_close(&fd);
	if (rc == 0 && renameat(r->folder, NAME_NEW, r->folder, NAME) < 0)
		rc = -errno;
	free(text);
	if (rc < 0 && gp_log_allow(&r->limit, 1))
		gp_log(GP_LOG_WARNING, "status: %s", strerror(-rc));
}
