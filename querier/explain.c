#include "querier/explain.h"

#include "common/base/clock.h"
#include "common/base/words.h"
#include "querier/units.h"

#include <stdio.h>

static void
explain_iface(const struct godb_scan *s, uint32_t iface,
    void (*say)(const char *line))
{
	size_t days = 0, blocks = 0, live = 0;
	uint64_t rows = 0, stored = 0;
	int64_t day = -1;
	char line[256], bytes[UNITS_TEXT_MAX];
	struct godb_spared spared;
	struct godb_rolled rolled;

	for (size_t i = 0; i < godb_scan_n_parts(s); i++) {
		const struct godb_part *p = godb_scan_part(s, i);

		if (p->iface_index != iface)
			continue;
		days += gp_clock_day(p->slot_s) != day;
		day = gp_clock_day(p->slot_s);
		if (p->flags & GODB_PART_LIVE)
			live++;
		else
			blocks++;
		rows += (uint64_t)p->n4 + p->n6;
		stored += p->stored_bytes;
	}
	godb_scan_rolled(s, iface, &rolled);
	days += rolled.days;
	blocks += rolled.blocks;
	rows += rolled.rows;
	stored += rolled.bytes;
	godb_scan_spared(s, iface, &spared);
	units_bytes(stored, bytes);
	(void)snprintf(line, sizeof(line), "%s: %zu day%s, %zu block%s and "
	    "%zu live, %llu row%s, %s stored", godb_scan_iface(s, iface), days,
	    gp_words_s(days), blocks, gp_words_s(blocks), live,
	    (unsigned long long)rows, gp_words_s(rows), bytes);
	say(line);
	if (spared.days + spared.blocks == 0)
		return;
	units_bytes(spared.bytes, bytes);
	(void)snprintf(line, sizeof(line), "%s: address indexes spare %llu "
	    "whole day%s and, with those, %llu block%s, %llu row%s, %s",
	    godb_scan_iface(s, iface), (unsigned long long)spared.days,
	    gp_words_s(spared.days), (unsigned long long)spared.blocks,
	    gp_words_s(spared.blocks), (unsigned long long)spared.rows,
	    gp_words_s(spared.rows), bytes);
	say(line);
}

void
explain_scan(const struct godb_scan *s, void (*say)(const char *line))
{
	for (size_t i = 0; i < godb_scan_n_ifaces(s); i++)
		explain_iface(s, (uint32_t)i, say);
}

void
explain(const struct godb_scan *s, const struct godb_result *r,
    void (*say)(const char *line))
{
	char line[256], in[UNITS_TEXT_MAX], out[UNITS_TEXT_MAX],
	    memory[UNITS_TEXT_MAX];
	struct godb_result_stats stats;

	explain_scan(s, say);
	godb_result_stats(r, &stats);
	units_bytes(stats.bytes_read, in);
	units_bytes(stats.bytes_decoded, out);
	units_bytes(stats.mem_bytes + godb_scan_bytes(s), memory);
	(void)snprintf(line, sizeof(line), "read: %llu block%s (%llu "
	    "skipped), %s, %s decoded", (unsigned long long)(stats.parts -
		stats.parts_skipped), gp_words_s(stats.parts -
		stats.parts_skipped), (unsigned long long)stats.parts_skipped,
	    in, out);
	say(line);
	if (stats.rollups + stats.rollups_unreadable > 0) {
		(void)snprintf(line, sizeof(line), "roll-ups: %llu in place "
		    "of %llu block%s, %llu unreadable",
		    (unsigned long long)stats.rollups,
		    (unsigned long long)stats.parts_rolled,
		    gp_words_s(stats.parts_rolled),
		    (unsigned long long)stats.rollups_unreadable);
		say(line);
	}
	(void)snprintf(line, sizeof(line), "rows: %llu looked at, %llu met "
	    "the condition, %zu group%s, %zu after --having; %s of memory",
	    (unsigned long long)stats.rows,
	    (unsigned long long)stats.rows_matched, godb_result_n_groups(r),
	    gp_words_s(godb_result_n_groups(r)), godb_result_n_hits(r),
	    memory);
	say(line);
}
