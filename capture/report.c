#include "capture/report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "capture/dpi.h"
#include "capture/exits.h"
#include "capture/flowtab.h"
#include "capture/pause.h"
#include "capture/source.h"
#include "common/base/clock.h"
#include "common/base/log.h"

static unsigned long long
ull(uint64_t v)
{
	return v;
}

/* ---- offline ------------------------------------------------------------- */

void
report_progress(struct report_bar *bar, const struct source *source,
    uint64_t packets)
{
	uint64_t done = 0, total = 0;
	int64_t now = gp_clock_mono_ns();
	unsigned percent;
	char text[41];

	if (!bar->terminal || now - bar->shown_ns < GP_NS_PER_S / 5)
		return;
	bar->shown_ns = now;
	source_progress(source, &done, &total);
	if (total == 0) {
		fprintf(stderr, "\r%llu packets", ull(packets));
	} else {
		percent = (unsigned)(done * 100 / total);
		for (unsigned i = 0; i < 40; i++)
			text[i] = i * 100 < percent * 40 ? '#' : '.';
		text[40] = '\0';
		fprintf(stderr, "\r[%s] %3u %%", text, percent);
	}
	bar->shown = true;
}

static void
clear(struct report_bar *bar)
{
	if (bar->shown)
		fprintf(stderr, "\r%60s\r", "");
	bar->shown = false;
}

void
report_problem(struct report_bar *bar, const char *text)
{
	clear(bar);
	fprintf(stderr, "goprobe: %s\n", text);
}

static void
time_text(int64_t t_s, char out[32])
{
	time_t t = (time_t)t_s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		(void)snprintf(out, 32, "%lld", (long long)t_s);
}

/* What the store did not take; errors of its own have no text here. */
static int
report_trouble(enum loop_result result, uint64_t error)
{
	const char *stopped = result == LOOP_STOPPED ? "stopped: " : "";

	if (error < 10000)
		fprintf(stderr, "goprobe: %sthe store cannot be written: %s: "
		    "not everything is stored\n", stopped,
		    strerror((int)error));
	else
		fprintf(stderr, "goprobe: %sthe store cannot be written: "
		    "not everything is stored\n", stopped);
	return 1;
}

int
report_offline(struct report_bar *bar, enum loop_result result,
    const struct loop_totals *t)
{
	char first[32], last[32];

	clear(bar);
	/* nothing was a capture: that has been said, there is no sum to add */
	if (t->unreadable > 0 && t->seen == 0)
		return 1;
	if (t->trouble != 0 && !t->done)
		return report_trouble(result, t->trouble);
	/* what a writer stored that is no more, nobody has counted */
	fprintf(stderr, "goprobe: %llu packets, %llu rows in %llu blocks%s, "
			"%llu non-IP, %llu malformed",
	    ull(t->seen), ull(t->done_rows), ull(t->done_blocks),
	    t->writers > 0 ? " since the writer was started again" : "",
	    ull(t->non_ip), ull(t->malformed));
	if (t->kernel_drops + t->iface_drops > 0)
		fprintf(stderr, ", %llu dropped when captured",
		    ull(t->kernel_drops + t->iface_drops));
	if (t->overflow > 0)
		fprintf(stderr, ", %llu in overflow rows", ull(t->overflow));
	if (t->time_clamped > 0)
		fprintf(stderr, ", %llu with times out of range",
		    ull(t->time_clamped));
	if (t->l7_starved > 0)
		fprintf(stderr, ", %llu flows named by port for want of "
				"memory", ull(t->l7_starved));
	if (t->first_s <= t->last_s) {
		time_text(t->first_s, first);
		time_text(t->last_s, last);
		fprintf(stderr, ", %s to %s UTC", first, last);
	}
	fputc('\n', stderr);
	if (result == LOOP_PEER_GONE || !t->done) {
		fprintf(stderr, "goprobe: the writer is gone: not everything "
				"is stored\n");
		return 1;
	}
	if (result == LOOP_STOPPED) {
		fprintf(stderr, "goprobe: stopped; what was read is stored\n");
		return 1;
	}
	if (t->unreadable > 0)
		return 1;
	return t->cut > 0 ? EXIT_CUT : 0;
}

/* ---- live ---------------------------------------------------------------- */

void
report_start(const char *iface, const struct workers *workers,
    const struct gp_conf_capture *settings, uint32_t snaplen,
    enum loop_l7 l7)
{
	const struct gp_conf_capture *s = settings;
	struct source *source = workers->w[0].source;
	const char *remark = source_remark(source);
	bool labels = l7 == LOOP_L7_ON && dpi_version();
	int label = labels ? FLOWTAB_BYTES_LABEL : 0;

	gp_log(GP_LOG_INFO,
	    "capturing iface=%s snaplen=%u buffer_mb=%u promiscuous=%s "
	    "direction=%s workers=%zu flows_max=%u bytes_per_flow=%d-%d "
	    "filter=%s l7=%s",
	    iface, snaplen, s->buffer_mb, s->promiscuous ? "yes" : "no",
	    source_by_iface(source) ? "interface" : "flow", workers->n,
	    s->flows_max, FLOWTAB_BYTES_V4 + label, FLOWTAB_BYTES_V6 + label,
	    s->filter[0] || s->filter_file[0] ? "yes" : "no",
	    labels ? dpi_version() : l7 == LOOP_L7_ON ? "missing" : "off");
	if (remark)
		gp_log(GP_LOG_WARNING, "%s", remark);
}

static void
report_pauses(const char *iface, const char *clock, const struct pause *p)
{
	char text[PAUSE_TEXT_MAX];

	pause_format(p, text);
	gp_log(GP_LOG_INFO, "turns iface=%s clock=%s longest_us=%lld %s", iface,
	    clock, (long long)(p->longest_ns / 1000), text);
}

/* How evenly the interface is dealt. */
static void
report_workers(const char *iface, const struct workers *workers)
{
	for (size_t i = 0; workers->n > 1 && i < workers->n; i++) {
		const struct loop_totals *t = &workers->w[i].totals;

		gp_log(GP_LOG_INFO,
		    "worker iface=%s worker=%zu packets=%llu flows=%u "
		    "kernel_drops=%llu",
		    iface, i, ull(t->seen), t->flows,
		    ull(t->kernel_drops));
	}
}

int
report_live(const char *iface, const struct workers *workers,
    enum loop_result result, const struct worker *culprit,
    const struct loop_totals *t)
{
	report_workers(iface, workers);
	gp_log(GP_LOG_INFO,
	    "ended iface=%s packets=%llu non-ip=%llu malformed=%llu "
	    "overflow=%llu late=%llu kernel_drops=%llu iface_drops=%llu "
	    "kernel_at_stop=%llu unpublished=%llu l7_packets=%llu "
	    "l7_cut=%llu l7_full=%llu l7_starved=%llu",
	    iface, ull(t->seen), ull(t->non_ip), ull(t->malformed),
	    ull(t->overflow), ull(t->late), ull(t->kernel_drops),
	    ull(t->iface_drops),
	    ull(t->kernel_at_stop), ull(t->seen - t->published),
	    ull(t->l7_looked), ull(t->l7_cut), ull(t->l7_full),
	    ull(t->l7_starved));
	report_pauses(iface, "wall", &t->turns);
	report_pauses(iface, "cpu", &t->turns_cpu);
	if (t->left)
		gp_log(GP_LOG_INFO, "left to another capture iface=%s",
		    iface);
	switch (result) {
	case LOOP_IFACE_GONE:
		gp_log(GP_LOG_WARNING, "%s",
		    source_error(culprit->source));
		return EXIT_AGAIN;
	case LOOP_PEER_GONE:
		gp_log(GP_LOG_WARNING, "the writer is gone iface=%s",
		    iface);
		return EXIT_AGAIN;
	case LOOP_STOPPED:
	case LOOP_FINISHED:
		break;
	}
	return t->seen == t->published && t->acked ? 0 : 1;
}
