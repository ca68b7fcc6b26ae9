/* pcapfile: bytes as a capture file, read whole, as goprobe -r does; its time
 * span first.  Reading twice gives the same. */
#include "capture/source.h"

#include <sys/mman.h>
#include <unistd.h>

#include "capture/decode.h"
#include "common/base/fd.h"
#include "tests/fuzz/fuzz.h"

struct sum {
	uint64_t packets, bytes;
	int64_t first_s, last_s;
};

static void
packet(void *ctx, const struct source_packet *p)
{
	struct sum *s = ctx;
	struct decode_packet d;
	uint8_t *frame = malloc(p->caplen ? p->caplen : 1);

	FUZZ_CHECK(frame && p->time_ns < 1000000000 && !p->out);
	/* libpcap's buffer is larger than the packet */
	if (p->caplen > 0)
		memcpy(frame, p->data, p->caplen);
	(void)decode_frame(p->dlt, frame, p->caplen, p->wire_len, &d);
	free(frame);
	if (s->packets == 0 || p->time_s < s->first_s)
		s->first_s = p->time_s;
	if (s->packets == 0 || p->time_s > s->last_s)
		s->last_s = p->time_s;
	s->packets++;
	s->bytes += p->wire_len;
}

static void
read_all(struct source *s, struct sum *sum)
{
	enum source_result r = SOURCE_OK;
	size_t n;

	while (r == SOURCE_OK) {
		r = source_read(s, 0, 64, packet, sum, &n);
		FUZZ_CHECK(n <= 64);
		if (r == SOURCE_CUT || r == SOURCE_UNREADABLE)
			FUZZ_CHECK(source_error(s)[0] != '\0' &&
			    !strchr(source_error(s), '\n'));
	}
	FUZZ_CHECK(r != SOURCE_GONE && source_at_end(s));
}

FUZZ_TARGET(pcapfile)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct source_file file = {fd, "input"};
	char error[SOURCE_ERROR_MAX];
	struct source *s = NULL;
	struct sum sum = {0, 0, 0, 0};
	int64_t first_s, last_s;
	bool any;

	FUZZ_CHECK(fd >= 0 && gp_fd_pwrite_full(fd, data, len, 0) == 0);
	FUZZ_CHECK(source_open_files(&s, &file, 1, NULL, NULL, error) == 0);
	FUZZ_CHECK(source_time_span(s, &first_s, &last_s, &any, NULL,
			   NULL) == 0);
	read_all(s, &sum);
	FUZZ_CHECK(any == (sum.packets > 0));
	FUZZ_CHECK(!any || (first_s == sum.first_s && last_s == sum.last_s));
	source_close(s);
	(void)close(fd);
	return 0;
}
