/*
 * frame: a copy of what a capture may have put into its ring.  Input: a byte
 * of which bit 0 asks for a checksum that fits, then the frame.
 */
#include "common/ipc/frame.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/rows.h"

FUZZ_TARGET(frame)
{
	bool seal = fuzz_byte(&data, &len) & 1;
	struct frame_header *h = malloc(len ? len : 1);
	const char *why;

	FUZZ_CHECK(h);
	if (len > 0)
		memcpy(h, data, len);
	if (seal && len >= sizeof(*h) && h->bytes >= sizeof(*h) &&
	    h->bytes <= len)
		frame_seal(h);
	why = frame_check(h, len);
	if (!why)
		fuzz_rows(h, len);
	free(h);
	return 0;
}
