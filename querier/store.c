#include "querier/store.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/words.h"
#include "querier/profile.h"
#include "querier/question.h"
#include "querier/status.h"
#include "querier/when.h"

/* Heap that stays with the process, and how much is added to it at a time. */
#define KEPT_BYTES (256 << 20)
#define TOP_BYTES  (1 << 20)

/* ---- opening ----------------------------------------------------------- */

const char *
store_path(const struct session *s)
{
	if (s->args.store)
		return s->args.store;
	return s->conf->store.path;
}

/* Which group would open the store: that of the folder, when it can be seen
 * at all. */
static _Noreturn void
die_no_access(const char *path)
{
	const struct group *group = NULL;
	struct stat st;

	if (fstatat(AT_FDCWD, path, &st, 0) == 0)
		group = getgrgid(st.st_gid);
	session_die(EXIT_ERROR,
	    "no permission to read the store %s: ask to be made a "
	    "member of group %s", path,
	    group ? group->gr_name : "goprobe-read");
}

void
store_open(struct session *s)
{
	const char *path = store_path(s);
	struct stat st;

	s->store_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->store_fd >= 0 && fstat(s->store_fd, &st) == 0) {
		s->store_gid = st.st_gid;
		return;
	}
	if (errno == EACCES)
		die_no_access(path);
	if (errno == ENOENT)
		session_die(EXIT_ERROR, "there is no store %s%s", path,
		    s->args.store ? "" : "; -d names another");
	if (errno == ENOTDIR)
		session_die(EXIT_ERROR,
		    "%s: not a goDB store (a store is a folder)",
		    path);
	session_die(EXIT_ERROR, "%s: %s", path, godb_strerror(-errno));
}

/* As many as there are processors that we may use. */
static unsigned
count_threads(const struct args *a)
{
	cpu_set_t set;

	if (a->threads)
		return a->threads;
	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

/* Where the user may have no more threads, one is enough. */
static int
start_threads(void *arg)
{
	struct session *s = arg;
	unsigned n = count_threads(&s->args);
	int rc = n > 1 ? godb_pool_new(n, &s->pool) : 0;

	if (rc == 0 && n > 1 && s->args.threads)
		godb_pool_eager(s->pool); /* so many were asked for */
	return rc == -EAGAIN && !s->args.threads ? 0 : rc;
}

/* With the status or nothing beside the store. */
static void
enter(struct session *s, int status_fd)
{
	bool asks = s->args.action == ARGS_QUERY;
	int keep[SETS_MAX + 3] = {status_fd};
	struct profile_fds fds = {s->store_fd, -1, keep, 1};
	const char *step;
	int rc;

	for (size_t i = 0; i < s->sets.n; i++)
		keep[fds.n_keep++] = s->sets.file[i].fd;
	if (s->names) {
		fds.helper = names_fd(s->names);
		keep[fds.n_keep++] = fds.helper;
		keep[fds.n_keep++] = names_answers_fd(s->names);
	}
	/* further arenas would want mprotect(2) */
	(void)mallopt(M_ARENA_MAX, 1);
	/* what is given back is soon asked for again */
	(void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
	(void)mallopt(M_TOP_PAD, TOP_BYTES);
	rc = profile_enter(&fds, s->args.landlock, asks ? start_threads : NULL,
	    s, &step);

	if (rc == -ENOSYS || rc == -EOPNOTSUPP)
		session_die(EXIT_ERROR,
		    "%s: this kernel has none; --sandbox=seccomp "
		    "goes without Landlock", step);
	if (rc < 0)
		session_die(EXIT_ERROR, "%s: %s", step, godb_strerror(rc));
}

void
store_enter(struct session *s)
{
	enter(s, -1);
}

void
store_read(struct session *s)
{
	const char *path = store_path(s);
	int rc = godb_reader_openat(s->store_fd, &s->reader);

	s->store_fd = -1; /* taken */
	if (rc == -EACCES && s->store_gid == 0)
		session_die(EXIT_ERROR,
		    "the store %s belongs to group root, which "
		    "goquery never keeps: give it to goprobe-read (chgrp -R)",
		    path);
	if (rc == -EACCES) /* /etc/group is out of reach by now */
		session_die(EXIT_ERROR,
		    "no permission to read the files of the store "
		    "%s: ask to be made a member of its group (number %u, "
		    "usually goprobe-read)", path, s->store_gid);
	if (rc < 0)
		session_die(EXIT_ERROR, "%s: %s", path, godb_strerror(rc));
}

/* ---- --check ----------------------------------------------------------- */

static void
say_fault(void *arg, const struct godb_fault *f, const char *why)
{
	char first[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX], time[128];
	struct session *s = arg;

	session_clear_bar(&s->progress);
	time[0] = '\0';
	if (f->first_s < f->last_s) {
		when_format_utc(f->first_s, first);
		when_format_utc(f->last_s, last);
		(void)snprintf(time, sizeof(time), " first=%s last=%s", first,
		    last);
	}
	session_say("goquery: damaged%s%s%s place=\"%s\" error=\"%s%s%s\"",
	    f->iface[0] ? " iface=" : "", f->iface, time, f->place,
	    godb_strerror(f->rc), why[0] ? ": " : "", why);
}

static int
draw_check_bar(void *arg, size_t done, size_t all)
{
	struct session *s = arg;

	return session_draw_bar(&s->progress, done, all);
}

_Noreturn void
store_check(struct session *s)
{
	struct godb_check_opts opts = GODB_CHECK_OPTS_INIT;
	struct godb_check_report r;
	int rc;

	opts.ifaces = s->ifaces;
	opts.fault = say_fault;
	opts.progress = draw_check_bar;
	opts.arg = s;
	rc = godb_check(s->reader, &opts, &r);
	session_clear_bar(&s->progress);
	if (rc == GODB_ECANCELLED || rc == GODB_EMEMORY)
		question_die(s, rc);
	if (rc < 0)
		session_die(EXIT_ERROR,
		    "%s: %s", store_path(s), godb_strerror(rc));
	out_fmt(&session_out,
	    "%llu interface%s, %llu day%s, %llu block%s, %llu row%s, "
	    "%llu open batch%s: ",
	    (unsigned long long)r.ifaces, gp_words_s(r.ifaces),
	    (unsigned long long)r.days, gp_words_s(r.days),
	    (unsigned long long)r.records, gp_words_s(r.records),
	    (unsigned long long)r.rows, gp_words_s(r.rows),
	    (unsigned long long)r.batches, r.batches == 1 ? "" : "es");
	if (r.faults == 0)
		out_str(&session_out, "no damage\n");
	else
		out_fmt(&session_out,
		    "%llu damaged place%s; goprobe-writer --repair "
		    "--dry-run tells what can be done\n",
		    (unsigned long long)r.faults, gp_words_s(r.faults));
	session_finish(r.faults ? EXIT_INCOMPLETE : EXIT_FINE);
}

/* ---- --status ---------------------------------------------------------- */

static _Noreturn void
die_no_status(int rc, const char *path)
{
	if (rc == -ENOENT)
		session_die(EXIT_ERROR,
		    "no status: there is no %s; is the sensor "
		    "running?", path);
	if (rc == -EACCES)
		session_die(EXIT_ERROR,
		    "no status: no permission to read %s: ask to "
		    "be made a member of group goprobe-read", path);
	session_die(EXIT_ERROR, "no status: %s: %s", path, godb_strerror(rc));
}

_Noreturn void
store_status(struct session *s)
{
	struct status_view view;
	struct gp_status *status;
	char path[4096], error[512], *store = NULL;
	bool doubtful;
	int fd, rc;

	session_load_conf(s);
	fd = status_open(s->args.status_file, store_path(s),
	    s->conf->store.path, path, &doubtful);
	if (fd < 0)
		die_no_status(fd, path);
	if (doubtful)
		store = realpath(store_path(s), NULL);
	s->store_fd = -1;
	enter(s, fd);

	rc = status_read(fd, &status, error);
	if (doubtful && (rc < 0 || !store || strcmp(status->store, store) != 0))
		die_no_status(-ENOENT, path);
	free(store);
	if (rc == -EINVAL)
		session_die(EXIT_ERROR, "no status: %s: %s", path, error);
	if (rc < 0)
		die_no_status(rc, path);
	rc = status_choose(status, s->args.ifaces, &view, error);
	if (rc == -ENOENT)
		session_die(EXIT_ERROR, "%s", error);
	if (rc < 0)
		session_die(EXIT_ERROR, "%s", godb_strerror(rc));
	status_set_age(&view, gp_clock_real_ns(), gp_clock_boot_ns());
	if (s->args.format == ARGS_JSON)
		status_print_json(&session_out, &view);
	else
		status_print_txt(&session_out, &view);
	rc = status_problems(&view, NULL, NULL) ? EXIT_INCOMPLETE : EXIT_FINE;
	session_finish(rc);
}

/* ---- completion -------------------------------------------------------- */

/* Words that a completion wants from the store. */
_Noreturn void
store_words(struct session *s)
{
	session_load_conf(s);
	store_open(s);
	store_enter(s);
	store_read(s);
	if (godb_reader_ifaces(s->reader, &s->have) < 0)
		exit(EXIT_ERROR);
	for (size_t i = 0; s->have[i]; i++) {
		out_clean(&session_out, s->have[i]);
		out_char(&session_out, '\n');
	}
	session_finish(EXIT_FINE);
}
