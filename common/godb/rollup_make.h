/*
 * rollup_make - the writer's side of roll-ups: sums the hours and the day of
 * the day at hand (upkeep.h) that have none yet, or records which theirs do
 * not list; first its flows, then of each kind, from the flows where these are
 * stored; and puts the rows of a day of small blocks in order.
 *
 * Rows are held in memory: a span that comes to more than GDI_ROLLUP_ROWS of
 * an address version, or than the writer's block may have, is left to its
 * blocks, as is one that would save little.
 */
#ifndef GODB_ROLLUP_MAKE_H
#define GODB_ROLLUP_MAKE_H

#include "common/godb/upkeep.h"

/* 64 bytes each while they are sorted, 112 of IPv6. */
#define GDI_ROLLUP_ROWS (1u << 21)

/* Rows that a roll-up may have for 100 of its blocks' rows; those of fewer
 * columns are several, which have to pay beside the flows', and hours' beside
 * the day's. */
#define GDI_ROLLUP_SHARE          60
#define GDI_ROLLUP_SHARE_FEW_DAY  20
#define GDI_ROLLUP_SHARE_FEW_HOUR 12

extern const struct gdi_upkeep_job gdi_rollup_job;

#endif
