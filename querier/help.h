/*
 * help - texts about goquery itself: -h, --help-all, and the words that
 * completion and the manual are made from.  Options come from args.c's table,
 * columns and the words of conditions from libgodb's.
 */
#ifndef HELP_H
#define HELP_H

#include <stdbool.h>

#include "querier/out.h"

void help_screen(struct out *o); /* 24 lines */
void help_all(struct out *o);

/*
 * Words of a kind, one a line: options, columns, keys (columns without
 * shorthands), metrics, formats, conditions; or "mdoc", the part of goquery(1)
 * about words of conditions.  False when there is no such kind.
 */
bool help_words(struct out *o, const char *kind);

#endif
