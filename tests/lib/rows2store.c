/*
 * rows2store - makes a store of rows that a test wrote down.
 *
 * usage: rows2store STORE <LINES
 *     B IFACE SLOT FLAGS COVERED KERNEL_DROPS IFACE_DROPS LATE CLAMPED
 *             [OVERFLOW]
 *         begins a batch of the block at SLOT; FLAGS are godb_part_flags, it
 *         covers that many seconds from SLOT
 *     R SIP DIP DPORT PROTO BYTES_RCVD BYTES_SENT PKTS_RCVD PKTS_SENT L7PROTO
 *         a row of it
 *     C IFACE SLOT
 *         commits the block; one that is never committed stays live
 *     U NOW
 *         what is due at that time beside the blocks, roll-ups, and so does
 *         the end, at the time that it is
 *     K
 *         leaves it at that: the end does nothing of the kind
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/base/addr.h"
#include "common/godb/godb_write.h"
#include "tests/lib/nosync.h"

#define ROWS_MAX  100000
#define NAMES_MAX 64

static struct godb_row4 rows4[ROWS_MAX];
static struct godb_row6 rows6[ROWS_MAX];
static struct godb_l7_name names[NAMES_MAX];
static struct godb_batch batch;
static char iface[16];
static uint64_t seq;
static struct godb_writer *writer;

static _Noreturn void
die(const char *what, int rc)
{
	(void)fprintf(stderr, "rows2store: %s: %s\n", what, godb_strerror(rc));
	exit(1);
}

static void
flush(void)
{
	int rc;

	if (!batch.iface)
		return;
	batch.seq = ++seq;
	rc = godb_writer_append(writer, &batch);
	if (rc < 0)
		die("append", rc);
	batch.iface = NULL;
}

static void
begin(const char *line)
{
	unsigned covered;

	flush();
	memset(&batch, 0, sizeof(batch));
	if (sscanf(line, "B %15s %" SCNd64 " %" SCNu32 " %u %" SCNu64
		" %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, iface,
		&batch.slot_s, &batch.flags, &covered,
		&batch.counters.kernel_drops, &batch.counters.iface_drops,
		&batch.counters.late, &batch.counters.time_clamped,
		&batch.counters.overflow) < 8)
		die(line, -EINVAL);
	batch.iface = iface;
	batch.ring[0] = 7;
	batch.first_ns = batch.slot_s * 1000000000;
	batch.last_ns = batch.first_ns + covered * INT64_C(1000000000);
	batch.rows4 = rows4;
	batch.rows6 = rows6;
	batch.names = names;
	memset(names, 0, sizeof(names));
}

static uint16_t
name_index(const char *name)
{
	size_t i = 0;

	while (i < batch.n_names && strcmp(names[i].name, name) != 0)
		i++;
	if (i == NAMES_MAX)
		die(name, -ENOSPC);
	if (i == batch.n_names) {
		(void)snprintf(names[i].name, sizeof(names[i].name), "%s",
		    name);
		(void)strcpy(names[i].category, "Test");
		batch.n_names++;
	}
	return (uint16_t)i;
}

static void
add_row(const char *line)
{
	char sip[64], dip[64], l7[48];
	unsigned dport, proto;
	struct gp_addr a, b;
	uint64_t c[4];

	if (sscanf(line, "R %63s %63s %u %u %" SCNu64 " %" SCNu64 " %" SCNu64
		" %" SCNu64 " %47[^\n]", sip, dip, &dport, &proto, &c[0],
		&c[1], &c[2], &c[3], l7) != 9 ||
	    gp_addr_parse(sip, &a) < 0 || gp_addr_parse(dip, &b) < 0 ||
	    a.version != b.version || batch.n4 == ROWS_MAX ||
	    batch.n6 == ROWS_MAX)
		die(line, -EINVAL);
	if (a.version == 4) {
		struct godb_row4 *r = &rows4[batch.n4++];

		memset(r, 0, sizeof(*r));
		memcpy(r->sip, a.b, 4);
		memcpy(r->dip, b.b, 4);
		r->dport = (uint16_t)dport;
		r->proto = (uint8_t)proto;
		r->l7 = name_index(l7);
		memcpy(r->counter, c, sizeof(c));
	} else {
		struct godb_row6 *r = &rows6[batch.n6++];

		memset(r, 0, sizeof(*r));
		memcpy(r->sip, a.b, 16);
		memcpy(r->dip, b.b, 16);
		r->dport = (uint16_t)dport;
		r->proto = (uint8_t)proto;
		r->l7 = name_index(l7);
		memcpy(r->counter, c, sizeof(c));
	}
}

static void
commit(const char *line)
{
	char name[16];
	int64_t slot_s;
	int rc;

	flush();
	if (sscanf(line, "C %15s %" SCNd64, name, &slot_s) != 2)
		die(line, -EINVAL);
	rc = godb_writer_commit(writer, name, slot_s, NULL);
	if (rc < 0)
		die("commit", rc);
}

static void
upkeep(int64_t now_s)
{
	int rc;

	while ((rc = godb_writer_upkeep(writer, now_s)) > 0)
		;
	if (rc < 0)
		die("upkeep", rc);
}

int
main(int argc, char **argv)
{
	struct godb_writer_opts opts = GODB_WRITER_OPTS_INIT;
	struct godb_diag diag;
	char line[512];
	bool keep = false;
	int fd, rc;

	if (argc != 2)
		die("usage: rows2store STORE", -EINVAL);
	(void)mkdir(argv[1], 0755);
	fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die(argv[1], -errno);
	opts.owner = "rows2store";
	opts.mode_dir = 0755;
	opts.mode_file = 0644;
	rc = godb_writer_open(fd, &opts, &writer, &diag);
	if (rc < 0)
		die(argv[1], rc);
	while (fgets(line, sizeof(line), stdin)) {
		if (line[0] == 'B')
			begin(line);
		else if (line[0] == 'R')
			add_row(line);
		else if (line[0] == 'C')
			commit(line);
		else if (line[0] == 'U')
			upkeep(strtoll(line + 1, NULL, 10));
		else if (line[0] == 'K')
			keep = true;
		else if (line[0] != '\n')
			die(line, -EINVAL);
	}
	flush();
	if (!keep)
		upkeep(time(NULL));
	godb_writer_close(writer);
	return 0;
}
