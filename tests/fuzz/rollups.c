/*
 * rollups: an index of roll-ups whose checksums are right and whose ROLLUP
 * sections say anything.
 *
 * The input: of each record the hour (1 byte, the 25th is half an hour into
 * the day), the section's length (1 byte) and its bytes.
 */
#include "common/base/clock.h"
#include "common/godb/rollup.h"
#include "tests/fuzz/fuzz.h"

#define DAY_S       INT64_C(1768435200)
#define RECORDS_MAX 64

static void
put_record(uint8_t hour, const uint8_t *section, size_t len,
    struct gdi_buf *out)
{
	static const struct gdi_buf columns[GODB_N_COLUMNS];
	static const struct gdi_rings none;
	struct gdi_record r = {.slot_s = DAY_S + (hour % 25) * GDI_HOUR_S,
	    .rollup = {section, section + len, false}};

	if (hour % 25 == 24)
		r.slot_s = DAY_S + GDI_HOUR_S / 2;
	memset(r.id, hour, sizeof(r.id));
	gdi_record_write(&r, columns, &none, out);
}

/* What a reader goes by: all of it can be read, and none stands twice. */
static void
check_one(const struct gdi_rollups *r, const struct gdi_rollup *one)
{
	enum gdi_rollup_kind kind = one->stored ? one->kind :
						  GDI_ROLLUP_KINDS;
	size_t ids = one->stored ? (size_t)one->n : 1;
	volatile uint8_t sum = 0;

	FUZZ_CHECK(one->span_s == GDI_HOUR_S || one->span_s == GP_DAY_S);
	FUZZ_CHECK(one->record->slot_s >= DAY_S &&
	    one->record->slot_s + one->span_s <= DAY_S + GP_DAY_S &&
	    one->record->slot_s % one->span_s == 0);
	FUZZ_CHECK(one->stored ? one->kind < GDI_ROLLUP_KINDS : true);
	FUZZ_CHECK(gdi_rollups_find(r, one->record->slot_s, one->span_s,
		       kind) == one);
	FUZZ_CHECK(ids <= UINT8_MAX / 16);
	for (size_t i = 0; i < ids * 16; i++)
		sum = (uint8_t)(sum + one->ids[i]);
}

FUZZ_TARGET(rollups)
{
	uint8_t header[GDI_HEADER_BYTES];
	struct gdi_buf index = {0};
	struct gdi_rollups r;

	gdi_header_make(header, gdi_rollup_magic, "eth0", DAY_S, 0);
	gdi_buf_bytes(&index, header, sizeof(header));
	for (unsigned n = 0; n < RECORDS_MAX && len > 0; n++) {
		uint8_t hour = fuzz_byte(&data, &len), section[256];
		uint8_t bytes = fuzz_byte(&data, &len);

		fuzz_take(&data, &len, section, bytes);
		put_record(hour, section, bytes, &index);
	}
	FUZZ_CHECK(index.rc == 0);
	FUZZ_CHECK(gdi_rollups_parse(index.p, index.len, DAY_S, &r) == 0);
	for (size_t i = 0; i < r.n; i++)
		check_one(&r, &r.list[i]);
	gdi_rollups_free(&r);
	return 0;
}
