/*
 * question - what is asked, from the text of its conditions to the exit code.
 */
#ifndef QUESTION_H
#define QUESTION_H

#include "querier/session.h"

/* Behind the sandbox: conditions, then interfaces, then answers. */
void question_parse(struct session *s);
void question_choose_ifaces(struct session *s);

/* One answer; returns what to exit with. */
int question_answer(struct session *s);

/* ---- parts of it, for other kinds of questions --------------------------- */

/* question: what will be asked of it, or NULL. */
void question_open_scan(struct session *s,
    const struct godb_query_opts *question);
/* What of --mem the scan leaves to what is asked of it, at least 1. */
size_t question_mem(const struct session *s);
struct godb_seen;
void question_find_coverage(struct session *s, const struct godb_seen *seen);
/* What of the window nobody looked at, behind question_find_coverage(). */
struct answer_known question_known(const struct session *s);
/* The same as a note, where the format has no place for it. */
void question_say_unknown(const struct session *s,
    const struct answer_known *known);
/* A line of --explain. */
void question_say_explained(const char *line);
_Noreturn void question_die(const struct session *s, int rc);
/* Damage is told in every format, the rest where the format has no place. */
void question_say_incomplete(const struct session *s,
    const struct godb_coverage *c, bool *any, bool *unreadable);

#endif
