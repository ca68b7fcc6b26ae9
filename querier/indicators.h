/*
 * indicators - addresses and prefixes that `seen` checks one by one: from the
 * command line and from lists, and what was found about each.
 */
#ifndef INDICATORS_H
#define INDICATORS_H

#include "common/base/addr.h"
#include "querier/answer.h"

#define INDICATORS_MAX 4000000u

/* Zero-initialised is empty; for as long as the process lives. */
struct indicators {
	struct godb_prefix *prefix;
	size_t n, room;
};

/*
 * Adds the addresses and prefixes in `len` bytes of text, separated by blanks,
 * commas or lines; '#' begins a comment that ends with the line.  Bits beyond a
 * prefix's length are cleared; of what is IPv4-mapped the IPv4 address is added
 * before it.  `source` names the text for messages.  0;
 * -EINVAL, -E2BIG, -ENOMEM with one line in error.
 */
int indicators_add(struct indicators *x, const char *source, const char *text,
    size_t len, char error[512]);

/* "10.0.0.1", "10.0.0.0/8" */
void indicators_text(const struct godb_prefix *p, char out[GP_ADDR_TEXT_MAX]);

/* What there is to tell; of what is IPv4-mapped the IPv4 address, and itself
 * only where it was seen. */
struct sightings {
	const struct indicators *what;
	const struct godb_seen *seen;
	const struct godb_scan *scan;
	const struct godb_coverage *coverage;
	struct answer_known known;
};

size_t sightings_count(const struct sightings *s); /* seen */
void sightings_txt(struct out *o, const struct sightings *s);
void sightings_csv(struct out *o, const struct sightings *s);
void sightings_json(struct out *o, const struct sightings *s);
void sightings_jsonl(struct out *o, const struct sightings *s);

#endif
