/*
 * rollup_kind - what readers of roll-ups and those who ask them share.
 */
#ifndef GODB_ROLLUP_KIND_H
#define GODB_ROLLUP_KIND_H

/* What tells its rows apart; a reader looks for the last that has all columns
 * of its question. */
enum gdi_rollup_kind {
	GDI_ROLLUP_FLOWS, /* all five attributes */
	GDI_ROLLUP_DIP,
	GDI_ROLLUP_SIP,
	GDI_ROLLUP_APPS, /* dport, proto, l7proto */
	GDI_ROLLUP_APART, /* nothing: the blocks' rows as they are, in order */
	GDI_ROLLUP_KINDS
};

/* Rows of a chunk.  Fewer than a block's: many days are read side by side, of
 * each what belongs to some addresses alone (sweep.c). */
#define GDI_ROLLED_ROWS 2048u
/* Rows apart are read as blocks are, by chunks that several threads share. */
#define GDI_APART_ROWS 16384u

#endif
