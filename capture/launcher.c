/*
 * goprobe - the sensor from the command line: starts, watches and stops
 * goprobe-capture and goprobe-writer where systemd does not.
 *
 *   goprobe [-c FILE] [-d STORE] IFACE...              live, as root
 *   goprobe [-c FILE] [-d STORE] -i NAME -r FILE...    from files, as anyone
 *
 * The processes are the ones that systemd starts, with the same privileges
 * and protocols; nothing here reads a packet.  See goprobe(8).
 */
#include "capture/launcher.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/exits.h"
#include "common/base/fd.h"
#include "common/base/log.h"
#include "common/base/usage.h"

_Noreturn void
launcher_die(int status, const char *fmt, ...)
{
	va_list ap;

	fputs("goprobe: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(status);
}

/* ---- common to both modes ------------------------------------------------ */

char **
launcher_make_argv(const char *const *first, const char *const *more,
    size_t n_more)
{
	char **argv;
	size_t n = 0, k = 0;

	while (first[n])
		n++;
	argv = calloc(n + n_more + 1, sizeof(*argv));
	if (argv == NULL)
		launcher_die(1, "out of memory");
	for (size_t i = 0; i < n; i++)
		argv[k++] = strdup(first[i]);
	for (size_t i = 0; i < n_more; i++)
		argv[k++] = strdup(more[i]);
	for (size_t i = 0; i < k; i++)
		if (argv[i] == NULL)
			launcher_die(1, "out of memory");
	return argv;
}

size_t
launcher_option(const char **args, size_t n, const char *option,
    const char *value)
{
	if (value == NULL)
		return n;
	args[n++] = option;
	args[n++] = value;
	return n;
}

struct stored_fd
launcher_named(const char *name, int fd)
{
	struct stored_fd out = {.fd = fd};

	(void)snprintf(out.name, sizeof(out.name), "%s", name);
	return out;
}

void
launcher_start(struct supervisor *s, struct child *c)
{
	int rc = supervise_start(s, c);

	if (rc < 0)
		launcher_die(1, "%s: %s", c->program, strerror(-rc));
}

int
launcher_exit_status(const struct child *c)
{
	/* 75 tells a supervisor to try again: that is us */
	if (WIFEXITED(c->status))
		return WEXITSTATUS(c->status) == EXIT_AGAIN
		    ? 1 : WEXITSTATUS(c->status);
	fprintf(stderr, "goprobe: %s was killed by signal %d (%s)\n",
	    c->program, WTERMSIG(c->status), strsignal(WTERMSIG(c->status)));
	return 1;
}

int
launcher_end_unready(struct supervisor *s, struct child *writer, int told)
{
	int status = writer->gone ? launcher_exit_status(writer) : told;

	supervise_stop(s, writer, LAUNCHER_STOP_WRITER_MS);
	return status;
}

struct child
launcher_writer_child(const struct launcher_options *o, const char *store_path,
    struct launcher_ids ids, const struct stored_fd *given, size_t n_given)
{
	const char *args[LAUNCHER_ARGS] = {"goprobe-writer", "-d", store_path};
	size_t n = 3;

	n = launcher_option(args, n, "-c", o->conf_path);
	n = launcher_option(args, n, "--sandbox", o->sandbox);
	return (struct child){
	    .program = "goprobe-writer",
	    .argv = launcher_make_argv(args, NULL, 0),
	    .uid = geteuid() == 0 ? ids.uid : 0,
	    .gid = ids.gid,
	    .given = given,
	    .n_given = n_given,
	    .wanted = true,
	};
}

/* ---- the program --------------------------------------------------------- */

/* The filters' language is libpcap's, which only the capture process links.
 * Does not come back. */
static _Noreturn void
check_filters(const struct launcher_options *o)
{
	char path[600];
	const char *conf = o->conf_path ? o->conf_path : GP_CONF_PATH;
	const char *args[] = {"goprobe-capture", "-t", "-c", conf, NULL};
	int rc = supervise_program(path, sizeof(path), args[0]);

	if (o->conf_path == NULL)
		args[2] = NULL; /* which need not exist */
	if (gp_end_output("goprobe", 0) != 0)
		exit(1);
	if (rc == 0)
		execv(path, launcher_make_argv(args, NULL, 0));
	launcher_die(1, "goprobe-capture: %s", strerror(rc < 0 ? -rc : errno));
}

int
main(int argc, char **argv)
{
	struct launcher_options o;
	struct gp_conf *conf;
	const char *path;
	char error[512];
	int rc;

	if (gp_fd_fill_std() < 0)
		return 1;
	gp_log_open("goprobe", GP_LOG_INFO);
	supervise_raise_limit();
	launcher_parse(argc, argv, &o);
	path = o.conf_path ? o.conf_path : GP_CONF_PATH;
	conf = gp_conf_load(path, o.conf_path == NULL,
	    o.check ? gp_conf_check_owner(path) :
		o.n_ifaces > 0 && geteuid() == 0 && !o.print, error);
	if (conf == NULL ||
	    (o.check && gp_conf_check_metrics(conf, error) < 0)) {
		fprintf(stderr, "goprobe: %s\n", error);
		gp_conf_free(conf);
		return EXIT_USAGE;
	}
	if (o.print)
		gp_conf_print(conf, stdout);
	if (o.check)
		check_filters(&o);
	if (o.check || o.print)
		rc = gp_end_output("goprobe", 0);
	else if (o.n_files > 0 &&
	    gp_conf_own_sandbox(conf, o.sandbox, error) < 0)
		gp_usage_error("goprobe", error, NULL);
	else if (o.n_files > 0)
		rc = launcher_replay(&o, conf);
	else
		rc = launcher_live(&o, conf);
	gp_conf_free(conf);
	free(o.files);
	return rc;
}
