/*
 * l7dump FILE - the label of every flow, source port and all, as csv:
 *
 *     PROTO,SIP,SPORT,DIP,DPORT,LABEL,PACKETS,BYTES
 *
 * Decoder, flow table and engine are the real ones; blocks, rings and frames
 * are left out, so that a flow is a line.  -s N: snapshot length.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/dpi.h"
#include "capture/flowtab.h"
#include "capture/fragment.h"
#include "capture/source.h"
#include "common/base/addr.h"
#include "common/ipc/frame.h"

static struct flowtab *table;
static struct labels labels;
static struct fragment_cache fragments;
static uint32_t snaplen = UINT32_MAX;

static void
packet(void *ctx, const struct source_packet *p)
{
	uint32_t caplen = p->caplen < snaplen ? p->caplen : snaplen;
	uint32_t now_s = (uint32_t)p->time_s;
	struct decode_packet d;

	(void)ctx;
	if (decode_frame(p->dlt, p->data, caplen, p->wire_len, &d) !=
	    DECODE_IP)
		return;
	if (d.flags & (DECODE_FRAG_FIRST | DECODE_FRAG_LATER))
		fragment_track(&fragments, &d, now_s);
	if (d.flags & DECODE_PAYLOAD && flowtab_curious(table, &d))
		d.flags |= DECODE_STAGED;
	flowtab_add(table, &d, 1, now_s);
}

static void
row(void *ctx, const struct flowtab_row *r)
{
	struct gp_addr s = {r->version, {0}}, d = {r->version, {0}};
	char st[GP_ADDR_TEXT_MAX], dt[GP_ADDR_TEXT_MAX];

	(void)ctx;
	memcpy(s.b, r->sip, r->version == 4 ? 4 : 16);
	memcpy(d.b, r->dip, r->version == 4 ? 4 : 16);
	gp_addr_format(&s, st);
	gp_addr_format(&d, dt);
	printf("%u,%s,%u,%s,%u,%s,%" PRIu64 ",%" PRIu64 "\n", r->proto, st,
	    r->sport, dt, r->dport, labels.name[r->label].name,
	    r->counter[FRAME_PKTS_RCVD] + r->counter[FRAME_PKTS_SENT],
	    r->counter[FRAME_BYTES_RCVD] + r->counter[FRAME_BYTES_SENT]);
}

static int
start(void)
{
	const struct gp_hash_key key = {{1, 2, 3, 4}};
	struct dpi *dpi;
	int rc;

	labels_init(&labels);
	fragment_init(&fragments, &key);
	rc = flowtab_new(&table, 1u << 20, false, &key);
	if (rc == 0)
		rc = dpi_new(&dpi, &labels);
	return rc == 0 ? flowtab_use_dpi(table, dpi, 10) : rc;
}

int
main(int argc, char **argv)
{
	char error[SOURCE_ERROR_MAX];
	struct source_file file;
	struct source *source;
	enum source_result r;
	size_t n;
	int opt, rc;

	while ((opt = getopt(argc, argv, "s:")) != -1)
		if (opt == 's')
			snaplen = (uint32_t)strtoul(optarg, NULL, 0);
	if (optind + 1 != argc)
		return 2;
	file.name = argv[optind];
	file.fd = open(file.name, O_RDONLY | O_CLOEXEC);
	rc = start();
	if (rc != 0) {
		fprintf(stderr, "l7dump: %s\n", strerror(-rc));
		return 99;
	}
	if (source_open_files(&source, &file, 1, NULL, NULL, error) != 0) {
		fprintf(stderr, "l7dump: %s\n", error);
		return 1;
	}
	do
		r = source_read(source, 0, 4096, packet, NULL, &n);
	while (r == SOURCE_OK);
	flowtab_publish_begin(table, FLOWTAB_SETTLE, 0);
	while (!flowtab_publish_some(table, 4096, row, NULL))
		;
	return r == SOURCE_END ? 0 : 3;
}
