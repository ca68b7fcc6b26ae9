/*
 * store - a tiny store to put strange bytes into, behind the public API only.
 *
 * Interface eth0 with FUZZ_STORE_ROWS rows in a finished block, and as many in
 * a journal.  It lies in a folder below $FUZZ_TMP, or /dev/shm.
 */
#ifndef TESTS_FUZZ_STORE_H
#define TESTS_FUZZ_STORE_H

#include "common/godb/godb.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_STORE_ROWS 5u /* in each of the two */

/* Makes the store, or brings every file back to what it was. */
void fuzz_store_begin(void);

/*
 * Other bytes for the file whose path ends so.  The input's first byte: bit 0
 * clear: what follows is the file; set: changes of the good file, each an
 * offset (2 bytes, little endian, from the end when the byte's bit 1 is set)
 * and a byte to XOR; bit 2: cut off after the last of those offsets.
 */
void fuzz_store_replace(const char *suffix, const uint8_t *data, size_t len);

/* A scan of everything; NULL when the store cannot be opened. */
struct godb_scan *fuzz_store_scan(struct godb_reader **r);

/* Reads all that is readable. */
void fuzz_store_read(void);

/* Opens it for writing, commits what is open, closes. */
void fuzz_store_write(void);

#endif
