/*
 * list - what the store holds, interface by interface: goquery --list.
 */
#ifndef LIST_H
#define LIST_H

#include "common/godb/godb.h"
#include "querier/args.h"
#include "querier/out.h"

/* disk_bytes of what --remote lists. */
#define LIST_SIZE_UNKNOWN UINT64_MAX

void list_print(struct out *o, const struct godb_list *l,
    enum args_format format);

#endif
