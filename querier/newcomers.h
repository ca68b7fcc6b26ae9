/*
 * newcomers - seen --new: addresses of a window that no earlier block has.
 */
#ifndef NEWCOMERS_H
#define NEWCOMERS_H

#include "querier/answer.h"

struct newcomer {
	struct godb_prefix addr;
	int64_t first_s, last_s; /* blocks of the window that have it */
	uint64_t counter[4];     /* of its rows there */
	size_t number;           /* of its bits in `on` */
};

/* For as long as the process lives. */
struct newcomers {
	struct newcomer *list;
	size_t n, room;
	uint8_t *on;    /* interfaces of each, `stride` bytes */
	size_t stride;
	size_t checked; /* addresses of the window */
	size_t shown;   /* of the list, from its beginning */
	const struct godb_scan *scan; /* of the window */
	int64_t since_s;
	struct answer_known known; /* of the window from since_s on */
	const struct godb_coverage *coverage, *earlier;
};

/*
 * Takes the addresses of a result that is grouped by host, interface and time,
 * and sorted by host.  0, -ENOMEM, GODB_EMEMORY beyond mem_bytes (0: any).
 */
int newcomers_take(struct newcomers *n, const struct godb_result *r,
    size_t mem_bytes);
/* Leaves those that were not seen; prefixes of `seen` are those of the list.
 * Most bytes first. */
void newcomers_keep(struct newcomers *n, const struct godb_seen *seen);

/* What nobody looked at: of the window, or only of what precedes it. */
struct answer_known newcomers_known(const struct newcomers *n);
/* Of the window alone. */
bool newcomers_lack(const struct newcomers *n);

void newcomers_txt(struct out *o, const struct newcomers *n);
void newcomers_csv(struct out *o, const struct newcomers *n);
void newcomers_json(struct out *o, const struct newcomers *n);
void newcomers_jsonl(struct out *o, const struct newcomers *n);

#endif
