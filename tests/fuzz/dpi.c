/*
 * dpi: packets of one or a few flows, decoded, and looked at by layer 7.
 * Input: link type (2 bytes, little endian), then for each packet its length
 * (2 bytes) and the frame.
 */
#include "capture/dpi.h"
#include "capture/decode.h"
#include "capture/flowtab.h"
#include "common/ipc/frame.h"
#include "tests/fuzz/fuzz.h"

static struct labels labels;
static struct dpi *dpi;

static void
count_row(void *ctx, const struct flowtab_row *r)
{
	uint64_t *packets = ctx;

	FUZZ_CHECK(r->label < labels.n);
	FUZZ_CHECK(labels.name[r->label].name[FRAME_NAME_MAX - 1] == '\0');
	*packets += r->counter[FRAME_PKTS_RCVD] + r->counter[FRAME_PKTS_SENT];
}

static uint64_t
add_all(struct flowtab *t, int dlt, const uint8_t *data, size_t len)
{
	uint64_t packets = 0;
	uint32_t now_s = 1000;

	while (len > 0) {
		struct decode_packet d;
		uint16_t want;
		size_t n;

		fuzz_take(&data, &len, &want, sizeof(want));
		n = want < len ? want : len;
		if (decode_frame(dlt, data, (uint32_t)n, (uint32_t)n, &d) ==
		    DECODE_IP) {
			if (d.flags & DECODE_PAYLOAD && flowtab_curious(t, &d))
				d.flags |= DECODE_STAGED;
			flowtab_add(t, &d, 1, now_s++);
			packets++;
		}
		data += n;
		len -= n;
	}
	return packets;
}

FUZZ_TARGET(dpi)
{
	const struct gp_hash_key key = {{1, 2, 3, 4}};
	struct flowtab *t;
	struct dpi_stats st;
	uint64_t in, out = 0;
	uint16_t dlt;

	if (!dpi) {
		labels_init(&labels);
		if (dpi_new(&dpi, &labels) != 0)
			return 0; /* built without */
	}
	FUZZ_CHECK(flowtab_new(&t, FLOWTAB_MIN_FLOWS, false, &key) == 0);
	FUZZ_CHECK(flowtab_use_dpi(t, dpi, 10) == 0);
	fuzz_take(&data, &len, &dlt, sizeof(dlt));
	in = add_all(t, dlt, data, len);
	flowtab_publish_begin(t, FLOWTAB_SETTLE, 0);
	while (!flowtab_publish_some(t, 64, count_row, &out))
		;
	FUZZ_CHECK(in == out && flowtab_held(t) == 0);
	dpi_stats(dpi, &st);
	FUZZ_CHECK(st.states == 0);
	flowtab_free(t);
	return 0;
}
