/*
 * fakescan - godb.h's scan and cursor over rows in memory, for tests of what
 * works on top of them.  Link before libgodb.
 */
#ifndef TESTS_FAKESCAN_H
#define TESTS_FAKESCAN_H

#include "common/godb/godb.h"

struct fake_row {
	unsigned version; /* 4 or 6 */
	struct godb_addr6 sip, dip; /* IPv4: in lo */
	uint16_t dport;
	uint8_t proto;
	uint16_t l7;
	uint64_t counter[4];
};

struct godb_scan *fake_scan_new(void);
/* In order of name, before any part of it. */
uint32_t fake_add_iface(struct godb_scan *s, const char *name);
void fake_add_l7(struct godb_scan *s, const char *name, const char *category);
/*
 * Rows are copied, IPv4 ones first; parts in order of interface and slot.
 * Returned for changes of flags and counters, valid until the next one.
 */
struct godb_part *fake_add_part(struct godb_scan *s, uint32_t iface,
    int64_t slot_s, const struct fake_row *rows, size_t n);
/* Loading part i fails with rc. */
void fake_break_part(struct godb_scan *s, size_t i, int rc);
void fake_add_fault(struct godb_scan *s, const struct godb_fault *fault);
void fake_set_extent(struct godb_scan *s, uint32_t iface, int64_t first_s,
    int64_t last_s);
void fake_set_pruned(struct godb_scan *s, uint32_t iface, int64_t first_s,
    int64_t until_s);
/* A reader whose scans say that each of its blocks has these flags. */
struct godb_reader *fake_reader(uint32_t flags);
/* Columns asked for in the last load, and how many loads there were. */
extern _Atomic uint32_t fake_last_columns;
extern _Atomic unsigned fake_loads;
/* Rows of a piece of parts that are larger, 0: parts are whole; and whether
 * zones and sums are known. */
extern uint32_t fake_piece_rows;
extern bool fake_knows;
/* The piece of a part that fails to load when it has several, UINT32_MAX: all. */
extern uint32_t fake_broken_piece;
/* A broken part fails where one of these columns is loaded: any, at first. */
extern uint32_t fake_broken_columns;
/* An address that dictionaries hold though no row has it; 0: none. */
extern uint32_t fake_phantom4;

#endif
