/*
 * goquery - asks a goDB store who talked to whom.  See goquery(1).
 *
 * Before the sandbox closes only three things are read: the INI file, the
 * time zone, and the store's folder (or the sensor's status), which is opened
 * but not looked into.  Files that the condition names are opened, and the
 * helper for names of addresses is started, if one is asked for.  Conditions,
 * the status and everything in the store are parsed behind it.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/fd.h"
#include "querier/help.h"
#include "querier/look.h"
#include "querier/remote.h"
#include "querier/store.h"
#include "querier/question.h"

/* Memory that is freed is used for the next day's index or chunk instead of
 * mapped and made anew: some 7 % of a short question. */
#define KEEP_BYTES (32 << 20)

/* -h, -V, -t, -T */
static void
do_other_actions(struct session *s)
{
	switch (s->args.action) {
	case ARGS_QUERY:
	case ARGS_STATUS:
	case ARGS_LIST:
	case ARGS_CHECK:
		return;
	case ARGS_HELP:
		help_screen(&session_out);
		break;
	case ARGS_HELP_ALL:
		help_all(&session_out);
		break;
	case ARGS_WORDS:
		if (strcmp(s->args.words, "ifaces") == 0)
			return;
		if (!help_words(&session_out, s->args.words))
			session_die(EXIT_USAGE, "no such words: '%.40s'",
			    s->args.words);
		break;
	case ARGS_VERSION:
		out_str(&session_out, "goquery " GODB_VERSION_STRING "\n");
		break;
	case ARGS_CHECK_CONF:
		session_load_conf(s);
		break;
	case ARGS_PRINT_CONF:
		session_load_conf(s);
		gp_conf_print(s->conf, stdout);
		if (fflush(stdout) != 0)
			session_die(EXIT_ERROR, "cannot write: %s",
			    godb_strerror(-errno));
		break;
	}
	session_finish(EXIT_FINE);
}

/* --watch: again and again, of the interfaces that there are then. */
static _Noreturn void
watch(struct session *s)
{
	struct timespec pause = {.tv_sec = (time_t)s->args.watch_s};

	for (;;) {
		out_str(&session_out, "\033[H\033[2J");
		(void)question_answer(s);
		if (out_flush(&session_out) < 0)
			session_finish(EXIT_ERROR);
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		session_start_clock(s);
		session_find_window(s);
		godb_ifaces_free(s->have);
		free(s->ifaces);
		question_choose_ifaces(s);
	}
}

int
main(int argc, char **argv)
{
	static struct session s; /* too large for a stack frame */
	char error[ARGS_ERROR_MAX];

	if (gp_fd_fill_std() < 0)
		return EXIT_ERROR;
	(void)mallopt(M_MMAP_THRESHOLD, KEEP_BYTES);
	out_init(&session_out, STDOUT_FILENO);
	s.store_fd = -1;
	if (args_parse(argc, argv, &s.args, error) < 0)
		session_die(EXIT_USAGE, "%s", error);
	session_like_grep = s.args.seen;
	if (s.args.remote && (s.args.action == ARGS_QUERY ||
		s.args.action == ARGS_LIST))
		remote_exec(argv);
	session_start_clock(&s);
	do_other_actions(&s);
	session_set_zone(&s.args);
	if (s.args.action == ARGS_STATUS)
		store_status(&s);
	if (s.args.action == ARGS_WORDS)
		store_words(&s);
	if (s.args.action == ARGS_QUERY)
		session_find_window(&s);
	session_load_conf(&s);
	session_find_style(&s.style);
	if (s.args.watch_s && !s.style.terminal)
		session_die(EXIT_USAGE, "--watch needs a terminal");
	s.progress.wanted = !s.args.external && !s.args.watch_s &&
	    isatty(STDERR_FILENO);
	s.mem_bytes = session_memory_bound(&s.args);
	session_open_helpers(&s);
	names_until(s.names, &s.progress.end_ns);
	store_open(&s);
	store_enter(&s);

	question_parse(&s);
	store_read(&s);
	question_choose_ifaces(&s);
	if (s.args.action == ARGS_LIST)
		look_list(&s);
	if (s.args.action == ARGS_CHECK)
		store_check(&s);
	if (s.args.watch_s)
		watch(&s);
	if (s.args.new)
		session_finish(look_new(&s));
	if (s.args.n_indicators)
		session_finish(look_seen(&s));
	session_finish(question_answer(&s));
}
