/*
 * hash - keyed 64-bit hash of short keys that strangers choose.
 *
 * For tables whose keys come from the network: without the key nobody can
 * tell which inputs collide.  AES rounds where the CPU has AES-NI,
 * SipHash-1-3 elsewhere; the values differ between the two and from process
 * to process and are never stored.
 */
#ifndef GP_HASH_H
#define GP_HASH_H

#include <stddef.h>
#include <stdint.h>

struct gp_hash_key {
	uint64_t k[4];
};

/* Fresh key from getrandom(2); 0 or -errno. */
int gp_hash_key_init(struct gp_hash_key *key);

/* Hash of n 64-bit words (1 <= n <= 8), by what the CPU has. */
uint64_t gp_hash_words(const struct gp_hash_key *key, const uint64_t *w,
    size_t n);
/* The same of `count` keys, `step` words from one to the next; each hash goes
 * to the word before its key. */
void gp_hash_records(const struct gp_hash_key *key, uint64_t *records,
    size_t n, size_t step, size_t count);
/* What both are without AES-NI; public for a test. */
uint64_t gp_hash_words_siphash13(const struct gp_hash_key *key,
    const uint64_t *w, size_t n);

#endif
