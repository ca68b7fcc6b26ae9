/*
 * exits - what goprobe-capture and goprobe end with, beside 0 and 1; see
 * goprobe-capture(8) and goprobe(8).
 */
#ifndef CAPTURE_EXITS_H
#define CAPTURE_EXITS_H

enum exits {
	EXIT_USAGE = 2,     /* the command line or the configuration */
	EXIT_CUT = 3,       /* files: one was damaged or cut short */
	EXIT_AGAIN = 75,    /* capture: whoever supervises it starts it again */
	EXIT_NOT_ROOT = 77,
};

#endif
