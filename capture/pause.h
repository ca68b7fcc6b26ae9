/*
 * pause - how long the packet loop stayed away from the kernel's buffer.
 *
 * A turn is one reading of all handles with everything that is done before
 * the next one: publishing a few rows, moving a piece of the index, sweeping.
 * Its length is taken by two clocks: the wall's, in which the kernel's buffer
 * fills, and the thread's own CPU time, which other processes on the same
 * cores do not lengthen.
 */
#ifndef CAPTURE_PAUSE_H
#define CAPTURE_PAUSE_H

#include <stddef.h>
#include <stdint.h>

/* Upper bounds: pause_bound_us(), the last bucket has none. */
#define PAUSE_BUCKETS 9
#define PAUSE_TEXT_MAX 320

struct pause {
	uint64_t n[PAUSE_BUCKETS];
	int64_t longest_ns;
};

/* Upper bound of a bucket, exclusive; 0 for the last. */
unsigned pause_bound_us(size_t bucket);

void pause_note(struct pause *p, int64_t ns);

/* Adds one thread's to the sum of all. */
void pause_add(struct pause *sum, const struct pause *p);

/* "100us:12345,250us:67,...,more:0"; NUL-terminated. */
void pause_format(const struct pause *p, char out[PAUSE_TEXT_MAX]);

#endif
