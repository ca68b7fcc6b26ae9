/*
 * applications - stable names of application protocols.
 *
 * nDPI renames protocols between versions; the store keeps the name that it
 * first had here (nDPI 4.2's), and whoever asks may use either.
 */
#ifndef GP_APPLICATIONS_H
#define GP_APPLICATIONS_H

#include <stdbool.h>

/* The stable name of one protocol (no dot in it); `name` itself when it is not
 * known under another one.  Case counts for nothing but in the result. */
const char *gp_application_stable(const char *name);

/*
 * Whether a stored label is what somebody asked for: the same name, or one of
 * its parts (`TLS` and `Google` are in `TLS.Google`), in any case of letters
 * and under its stable or another name.  A guess, marked by `?` behind the
 * label, is asked for without or with the mark; with it only guesses match.
 */
bool gp_application_matches(const char *label, const char *asked);

#endif
