#include "writer/metrics.h"

#include <string.h>

struct metric {
	const char *name;
	const char *type;
	const char *help;
	uint64_t (*value)(const void *of); /* NULL: the field at `offset` */
	size_t offset;
	enum { PLAIN, SECONDS } unit; /* SECONDS: the field has nanoseconds */
};

static uint64_t
published(const void *of)
{
	const struct gp_status_iface *i = of;

	/* unlike `seen` it never goes back */
	return i->seen - i->pending - i->lost;
}

static uint64_t
capturing(const void *of)
{
	const struct gp_status_iface *i = of;

	return i->state == GP_STATUS_CAPTURING;
}

static uint64_t
closes(const void *of)
{
	return gp_status_closes(of);
}

static uint64_t
store_failing(const void *of)
{
	const struct gp_status *s = of;

	return s->store_error[0] != '\0';
}

static uint64_t
sandboxed(const void *of)
{
	const struct gp_status *s = of;

	return s->sandbox == GP_STATUS_SANDBOX_FULL;
}

static uint64_t
captures_sandboxed(const void *of)
{
	const struct gp_status *s = of;

	return s->capture_sandbox == GP_STATUS_SANDBOX_FULL;
}

#define COUNTER(n, f, h) {n, "counter", h, NULL, AT(f), PLAIN}
#define GAUGE(n, f, h)   {n, "gauge", h, NULL, AT(f), PLAIN}
#define MOMENT(n, f, h)  {n, "gauge", h, NULL, AT(f), SECONDS}
#define FOUND(n, v, h)   {n, "gauge", h, v, 0, PLAIN}

#define AT(f) offsetof(struct gp_status, f)
static const struct metric writer_metrics[] = {
	MOMENT("goprobe_writer_start_time_seconds", started,
	    "When the writer started; its counters begin there."),
	MOMENT("goprobe_writer_written_timestamp_seconds", written,
	    "When these figures were written."),
	GAUGE("goprobe_writer_running", running,
	    "1, or 0 when the writer has ended."),
	FOUND("goprobe_writer_sandbox_full", sandboxed,
	    "1 when both Landlock and seccomp are in force."),
	FOUND("goprobe_captures_sandbox_full", captures_sandboxed,
	    "1 when the captures are configured to have both."),
	FOUND("goprobe_store_failing", store_failing,
	    "1 when the store cannot be written."),
	COUNTER("goprobe_store_blocks_total", blocks, "Blocks committed."),
	COUNTER("goprobe_store_rows_total", rows, "Rows in these blocks."),
	COUNTER("goprobe_store_bytes_total", stored_bytes,
	    "Bytes that their columns took."),
	COUNTER("goprobe_writer_frames_total", frames, "Frames journalled."),
	COUNTER("goprobe_writer_duplicate_frames_total", duplicates,
	    "Frames offered again that the store had already."),
	COUNTER("goprobe_writer_refused_captures_total", refused,
	    "Captures that were not let in."),
	COUNTER("goprobe_writer_protocol_violations_total", lied,
	    "Sessions ended because the capture broke the protocol."),
};

#undef AT
#define AT(f) offsetof(struct gp_status_iface, f)
static const struct metric iface_metrics[] = {
	FOUND("goprobe_capturing", capturing,
	    "1 while a capture is connected."),
	COUNTER("goprobe_sessions_total", sessions,
	    "Starts of captures, one a worker."),
	{"goprobe_packets_seen_total", "counter",
	    "Packets captured and published.", published, 0, PLAIN},
	COUNTER("goprobe_bytes_seen_total", seen_bytes,
	    "Bytes on the wire of these packets."),
	COUNTER("goprobe_packets_in_rows_total", in_rows,
	    "Packets in flow rows."),
	COUNTER("goprobe_bytes_in_rows_total", in_rows_bytes,
	    "Bytes in flow rows."),
	COUNTER("goprobe_packets_non_ip_total", non_ip,
	    "Packets that are not IP."),
	COUNTER("goprobe_packets_malformed_total", malformed,
	    "Packets that cannot be decoded."),
	COUNTER("goprobe_packets_kernel_dropped_total", kernel_drops,
	    "Packets dropped by the kernel for want of buffer."),
	COUNTER("goprobe_packets_interface_dropped_total", iface_drops,
	    "Packets dropped by the interface."),
	COUNTER("goprobe_packets_overflow_total", overflow,
	    "Packets in the row [overflow], the flow table being full."),
	COUNTER("goprobe_packets_late_total", late,
	    "Packets counted in a later block than theirs."),
	COUNTER("goprobe_packets_time_clamped_total", time_clamped,
	    "Packets outside the representable times."),
	COUNTER("goprobe_flows_named_by_port_total", l7_starved,
	    "Flows named by their port for want of memory."),
	COUNTER("goprobe_packets_lost_total", lost,
	    "Packets that were pending when their capture was killed."),
	GAUGE("goprobe_packets_pending", pending,
	    "Packets seen and not yet published."),
	GAUGE("goprobe_flows", flows, "Flows in the table."),
	COUNTER("goprobe_frames_total", frames, "Frames received."),
	COUNTER("goprobe_rows_total", rows, "Rows received."),
	COUNTER("goprobe_blocks_total", blocks, "Blocks committed."),
	GAUGE("goprobe_ring_used_bytes", ring_used,
	    "Bytes in the ring that the writer has not taken."),
	GAUGE("goprobe_ring_size_bytes", ring_bytes, "Size of the ring."),
	MOMENT("goprobe_last_frame_timestamp_seconds", last_frame,
	    "When the last frame came; 0: never."),
	MOMENT("goprobe_last_block_timestamp_seconds", last_block,
	    "Start of the newest block committed; 0: none."),
	FOUND("goprobe_accounting_closes", closes,
	    "1 when every packet seen is accounted for."),
};
#undef AT

static void
print_value(const struct metric *m, const void *of, FILE *out)
{
	uint64_t v;

	if (m->value)
		v = m->value(of);
	else
		memcpy(&v, (const char *)of + m->offset, sizeof(v));
	if (m->unit == SECONDS)
		fprintf(out, " %llu.%03llu\n",
		    (unsigned long long)(v / 1000000000),
		    (unsigned long long)(v / 1000000 % 1000));
	else
		fprintf(out, " %llu\n", (unsigned long long)v);
}

static void
print_head(const struct metric *m, FILE *out)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
	    m->type);
}

static void
print_label(const char *iface, FILE *out)
{
	fputs("{iface=\"", out);
	for (; *iface; iface++) { /* no newline: gp_addr_iface_valid() */
		if (*iface == '"' || *iface == '\\')
			fputc('\\', out);
		fputc(*iface, out);
	}
	fputs("\"}", out);
}

void
metrics_print(const struct gp_status *s, FILE *out)
{
	const struct metric *m = writer_metrics;
	const struct metric *end = m +
	    sizeof(writer_metrics) / sizeof(writer_metrics[0]);

	for (; m < end; m++) {
		print_head(m, out);
		fputs(m->name, out);
		print_value(m, s, out);
	}
	m = iface_metrics;
	end = m + sizeof(iface_metrics) / sizeof(iface_metrics[0]);
	for (; s->interfaces > 0 && m < end; m++) {
		print_head(m, out);
		for (uint64_t i = 0; i < s->interfaces; i++) {
			fputs(m->name, out);
			print_label(s->iface[i].name, out);
			print_value(m, &s->iface[i], out);
		}
	}
}
