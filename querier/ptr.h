/*
 * ptr - DNS questions for the name of an address, and their answers
 * (RFC 1035, RFC 3596).  Pure functions over untrusted bytes.
 */
#ifndef PTR_H
#define PTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"

#define PTR_QUERY_MAX 128
#define PTR_NAME_MAX  254 /* with NUL */

/* Bytes of the question for a's name. */
size_t ptr_query(uint16_t id, const struct gp_addr *a,
    uint8_t out[PTR_QUERY_MAX]);

/*
 * What an answer to exactly that question says: 1 and a name without its last
 * dot; 0: there is none; -EBADMSG: it is no answer to it.
 */
int ptr_answer(const uint8_t *query, size_t query_len, const uint8_t *p,
    size_t len, char name[PTR_NAME_MAX]);

/* Whether an answer, of which ptr_answer() has said 0 or 1, does not tell if
 * there is a name: the server failed or would not. */
bool ptr_refuses(const uint8_t *p);

#endif
