/*
 * figures - what goprobe-export publishes about itself: for `goprobe-export
 * --status` and whoever else reads the file, and for Prometheus.
 *
 * The status file is `name value` lines between "goprobe-export-status 1" and
 * "end"; times are seconds since 1970, 0 means never or none; goprobe-export(8)
 * lists the names.  Who reads it must do without names that it does not know.
 */
#ifndef EXPORT_FIGURES_H
#define EXPORT_FIGURES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define FIGURES_TEXT_MAX 640
#define FIGURES_FILE_MAX (16u << 10)

struct figures {
	uint64_t written, due; /* now; at the latest when the next ones are */
	uint64_t running;      /* 0 or 1 */
	uint64_t sandbox_full; /* 0 or 1 */
	uint64_t interval;     /* seconds between looks at the store */
	uint64_t fine;         /* last look after which nothing was left */
	/* since it was started */
	uint64_t records, rows, bytes, attempts, given_up, unreadable, gone;
	/* not shipped yet */
	uint64_t left_days, left_records, left_rows;
	uint64_t left_since;   /* start of the oldest block */
	uint64_t left_going;   /* 1: retention will soon remove some of it */
	char server[FIGURES_TEXT_MAX];
	char error[FIGURES_TEXT_MAX]; /* of the last look; "" for none */
};

/* Streams keep their errors.  Texts are made one printable line. */
void figures_print(const struct figures *f, FILE *out);
void figures_print_metrics(const struct figures *f, FILE *out);

/* Text of a file that somebody else wrote.  0; -1 with one line in `why`. */
int figures_parse(const char *text, size_t len, struct figures *out,
    char why[80]);

#endif
