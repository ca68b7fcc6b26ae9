/*
 * attack - what somebody who runs code inside a process would try, tried from
 * inside its real sandbox: one attempt a child.
 *
 * A test gives `enter`, which does what the program does between its start and
 * its first foreign byte, and the rules that it says it keeps.
 */
#ifndef TESTS_ATTACK_H
#define TESTS_ATTACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/sandbox.h"

typedef int attack_enter_fn(void); /* 0 or -errno */

enum attack_in {
	ATTACK_CAPTURE = 1,
	ATTACK_WRITER = 2,
	ATTACK_QUERIER = 4,
	ATTACK_EXPORT = 8,
	ATTACK_REMOTE = 16, /* goquery-remote, which has a network */
	ATTACK_EVERYWHERE = 31,
};

struct attack {
	const char *name;
	int (*run)(void); /* 0: the forbidden thing was done */
	unsigned in;      /* enum attack_in: where it must fail */
	bool may_lack;    /* not every machine can do it even outside */
};

/* A folder that attempts may work in; file `file` lies in it, `open` is an
 * open descriptor for reading and writing of that file. */
struct attack_place {
	char path[64];
	int dir, open;
	int sock;     /* connected unix datagram socket ... */
	int receiver; /* ... and its other end */
};
extern struct attack_place attack_place;

/* Before everything else. */
void attack_begin(void);
/* A check of the caller's own. */
void attack_ok(bool good, const char *name);

/* Those of the list, and those that everybody must fail at: each is done
 * without the sandbox, and inside kills or fails. */
void attack_run(const struct attack *list, size_t n, enum attack_in in,
    attack_enter_fn *enter);

void attack_one(const struct attack *a, attack_enter_fn *enter);

/* Inside, this goes as it should (run gives 0). */
void attack_allowed(const char *name, int (*run)(void), attack_enter_fn *enter);

/* An attempt: to be uid 0 still.  Where asking kills, that is its failure. */
int attack_is_root(void);

/* Every system call number: alive are those that the rules let pass without a
 * condition, and no others; the other ABIs are shut. */
void attack_sweep(const struct gp_rules *rules, attack_enter_fn *enter);

/* Every condition of every rule: held it passes, broken it kills. */
void attack_arguments(const struct gp_rules *rules, attack_enter_fn *enter);

/* Common main(): `--rules` prints, else the tests.  Returns the exit status. */
int attack_main(int argc, char **argv, enum attack_in in,
    const struct gp_rules *rules, attack_enter_fn *enter,
    const struct attack *list, size_t n);

#endif
