#include "capture/source_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fd.h"

struct source *
source_new(void)
{
	struct source *s = calloc(1, sizeof(*s));

	if (s)
		s->counter_fd[0] = s->counter_fd[1] = -1;
	return s;
}

void
source_take(u_char *source, const struct pcap_pkthdr *hdr, const u_char *data)
{
	struct source *s = (void *)source;
	struct source_packet p = {
		.time_s = hdr->ts.tv_sec,
		.time_ns = (uint32_t)hdr->ts.tv_usec,
		.caplen = hdr->caplen,
		.wire_len = hdr->len,
		.data = data,
		.dlt = s->now->dlt,
		.out = s->now->out,
	};

	if (s->filter_now && bpf_filter(s->filter_now->bf_insns, data,
		hdr->len, hdr->caplen) == 0)
		return;
	s->now->read++;
	/* the file holds unsigned seconds; libpcap reads them as signed */
	if (s->reader == READER_LIBPCAP)
		p.time_s = (uint32_t)hdr->ts.tv_sec;
	if (__builtin_expect(p.time_ns >= GP_NS_PER_S, 0))
		p.time_ns = 0; /* a lying fraction */
	if (__builtin_expect(s->now->early != 0, 0)) {
		s->now->early--;
		if (p.time_s * GP_NS_PER_S + p.time_ns < s->now->since_ns)
			return;
	}
	s->n++;
	s->fn(s->ctx, &p);
}

void
source_say_filter(char error[SOURCE_ERROR_MAX], const char *name,
    const char *cause, const char *expression)
{
	enum { SHOWN = 200 };

	(void)snprintf(error, SOURCE_ERROR_MAX, "%.*s: %.*s: \"%.*s%s\"",
	    SHOWN, name, SHOWN / 2, cause, SHOWN, expression,
	    strlen(expression) > SHOWN ? "..." : "");
}

enum source_result
source_read(struct source *s, size_t handle, unsigned max,
    source_packet_fn *fn, void *ctx, size_t *n)
{
	enum source_result result;

	assert(handle < s->n_handles && max > 0 && max <= INT32_MAX);
	s->fn = fn;
	s->ctx = ctx;
	s->n = 0;
	s->now = &s->handle[handle];
	result = s->live ? source_live_read(s, max) : source_files_read(s, max);
	*n = s->n;
	return result;
}

const char *
source_remark(struct source *s)
{
	if (!s->foreign)
		return NULL;
	s->foreign = false;
	(void)snprintf(s->error, sizeof(s->error), "%.300s: link type %s is not "
	    "decoded: all its packets count as non-IP",
	    s->live ? s->iface : s->file[s->at].name,
	    pcap_datalink_val_to_description_or_dlt(
		s->remarked[s->n_remarked - 1]));
	return s->error;
}

const char *
source_error(const struct source *s)
{
	return s->error;
}

void
source_close(struct source *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < SOURCE_HANDLES; i++)
		if (s->handle[i].pcap)
			pcap_close(s->handle[i].pcap);
	pcapng_fini(&s->ng);
	gp_fd_close(&s->counter_fd[0]);
	gp_fd_close(&s->counter_fd[1]);
	for (size_t i = 0; i < s->n_files; i++)
		free(s->file[i].name);
	free(s->file);
	for (size_t i = 0; i < s->n_filters; i++)
		pcap_freecode(&s->filter[i].prog);
	free(s->filter);
	free(s);
}
