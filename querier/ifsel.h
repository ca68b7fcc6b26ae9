/*
 * ifsel - which of the store's interfaces `-i` means.
 */
#ifndef IFSEL_H
#define IFSEL_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the list has no element at all: "", ",", "!". */
bool ifsel_is_empty(const char *spec);

/*
 * Comma list of names, globs and `any`; `!` before one takes out.  Only such
 * ones: of all.  The name of a site may have blanks and commas.  have is
 * NULL-terminated and sorted; *out gets pointers into it in that order,
 * NULL-terminated (free the array only).  Returns the count, -ENOMEM, or
 * -ENOENT with one line in error.
 */
int ifsel_choose(const char *spec, char **have, const char ***out,
    char error[512]);

#endif
