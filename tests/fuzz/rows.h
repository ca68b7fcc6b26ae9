/* What every user of a checked frame relies on. */
#ifndef TESTS_FUZZ_ROWS_H
#define TESTS_FUZZ_ROWS_H

#include "common/ipc/frame.h"
#include "tests/fuzz/fuzz.h"

static inline void
fuzz_rows(const struct frame_header *h, size_t len)
{
	const struct frame_name *names = frame_names(h);
	const struct frame_row4 *r4 = frame_rows4(h);
	const struct frame_row6 *r6 = frame_rows6(h);
	uint64_t sum = 0;

	FUZZ_CHECK(h->bytes <= len && h->bytes <= FRAME_MAX_BYTES);
	FUZZ_CHECK((const char *)(r6 + h->n6) <= (const char *)h + len);
	if (h->kind == FRAME_PAD)
		return;
	FUZZ_CHECK(h->slot_s >= 0 && h->slot_s % 300 == 0);
	for (uint32_t i = 0; i < h->n_names; i++)
		FUZZ_CHECK(names[i].name[0] &&
		    strnlen(names[i].name, FRAME_NAME_MAX) < FRAME_NAME_MAX &&
		    strnlen(names[i].category, FRAME_CATEGORY_MAX) <
			FRAME_CATEGORY_MAX);
	for (uint32_t i = 0; i < h->n4; i++) {
		FUZZ_CHECK(r4[i].l7 < h->n_names);
		sum += r4[i].counter[FRAME_PKTS_SENT] + r4[i].sip[3];
	}
	for (uint32_t i = 0; i < h->n6; i++) {
		FUZZ_CHECK(r6[i].l7 < h->n_names);
		sum += r6[i].counter[FRAME_PKTS_SENT] + r6[i].dip[15];
	}
	/* the last byte is read, too, and nothing of it optimised away */
	__asm__ volatile("" : : "r"(sum));
}

#endif
