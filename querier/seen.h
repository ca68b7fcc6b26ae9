/*
 * seen - whether anything met the condition, and when: a line for each
 * interface, from an answer grouped by interface and time.
 */
#ifndef SEEN_H
#define SEEN_H

#include "querier/answer.h"

/* The keys that the question needs. */
extern const struct godb_keys seen_keys;
extern const struct godb_keys seen_remote_keys; /* site before them */

/* What the window cannot tell, without "Note: "; false: nothing. */
bool seen_note(const struct answer_known *known, char out[256]);

/* "known_from" and "known_until" of a summary, null when there is no block. */
void seen_json_known(struct out *o, const struct answer_known *known);
void seen_print_txt(struct out *o, const struct answer *a);
void seen_print_csv(struct out *o, const struct answer *a);
void seen_print_json(struct out *o, const struct answer *a);
void seen_print_jsonl(struct out *o, const struct answer *a);

#endif
