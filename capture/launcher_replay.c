#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/launcher.h"
#include "common/base/clock.h"

static int
open_input(const char *name)
{
	struct stat st;
	int fd;

	if (strcmp(name, "-") == 0)
		return dup(STDIN_FILENO);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		launcher_die(1, "%s: %s", name, strerror(errno));
	if (fstat(fd, &st) < 0)
		launcher_die(1, "%s: %s", name, strerror(errno));
	if (S_ISDIR(st.st_mode))
		launcher_die(1, "%s: %s", name, strerror(EISDIR));
	return fd;
}

static struct child
replay_child(const struct launcher_options *o, struct launcher_ids ids,
    const struct stored_fd *given, size_t n_given)
{
	const char *args[LAUNCHER_ARGS] = {"goprobe-capture", "--offline", "-i",
	    o->iface};
	size_t n = 4;

	n = launcher_option(args, n, "-c", o->conf_path);
	if (o->append)
		args[n++] = "--append";
	n = launcher_option(args, n, "--l7", o->l7);
	n = launcher_option(args, n, "--sandbox", o->sandbox);
	args[n++] = "--";
	return (struct child){
	    .program = "goprobe-capture",
	    .label = o->iface,
	    .argv = launcher_make_argv(args, o->files, o->n_files),
	    .uid = geteuid() == 0 ? ids.uid : 0,
	    .gid = ids.gid,
	    .given = given,
	    .n_given = n_given,
	};
}

static int
run_offline(struct supervisor *s)
{
	struct child *writer = &s->children[0];
	struct child *capture = &s->children[1];
	int status;

	launcher_start(s, writer);
	if (!supervise_wait_ready(s, writer))
		return launcher_end_unready(s, writer, 1);
	launcher_start(s, capture);
	/* From now on only the children hold the socketpair and the files; a
	 * writer that is started again finds its end in the descriptor store. */
	for (size_t k = 0; k < capture->n_given; k++)
		(void)close(capture->given[k].fd);
	capture->n_given = 0;
	(void)close(writer->given[1].fd);
	writer->n_given = 1;
	while (!capture->gone && !s->stop)
		supervise_turn(s, 1000);
	if (s->stop)
		supervise_stop(s, capture, LAUNCHER_STOP_CAPTURE_MS);
	status = launcher_exit_status(capture);
	if (WIFSIGNALED(capture->status))
		fputs("goprobe: not everything is stored; replay into a new "
		      "store to have all\n",
		    stderr);
	if (status == 0 && s->stop)
		status = 1;
	/* it ends by itself when the session is over */
	for (int64_t until = gp_clock_mono_ns() + 5 * GP_NS_PER_S;
	     writer->pid != 0 && gp_clock_mono_ns() < until;)
		supervise_turn(s, 100);
	supervise_stop(s, writer, LAUNCHER_STOP_WRITER_MS);
	if (status == 0 && writer->status != 0)
		status = launcher_exit_status(writer);
	return status;
}

int
launcher_replay(const struct launcher_options *o, const struct gp_conf *conf)
{
	const char *path = o->store ? o->store : conf->store.path;
	struct stored_fd *inputs = calloc(o->n_files + 1, sizeof(*inputs));
	struct stored_fd given[2];
	struct child children[2];
	struct supervisor s;
	struct launcher_ids owner, reader;
	int pair[2];
	int rc;

	if (inputs == NULL)
		launcher_die(1, "out of memory");
	for (size_t i = 0; i < o->n_files; i++)
		inputs[i + 1] = launcher_named("input",
		    open_input(o->files[i]));
	given[0] = launcher_named("store",
	    launcher_open_store(path, launcher_writer_ids(), &owner));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		launcher_die(1, "socketpair: %s", strerror(errno));
	given[1] = launcher_named("offline", pair[0]);
	inputs[0] = launcher_named("writer", pair[1]);
	reader = owner;
	if (geteuid() == 0 &&
	    !launcher_lookup_user("goprobe-capture", NULL, &reader))
		reader = launcher_nobody();
	children[0] = launcher_writer_child(o, path, owner, given, 2);
	children[1] = replay_child(o, reader, inputs, o->n_files + 1);
	rc = supervise_init(&s, children, 2);
	if (rc < 0)
		launcher_die(1, "start: %s", strerror(-rc));
	rc = run_offline(&s);
	supervise_fini(&s);
	free(inputs);
	return rc;
}
