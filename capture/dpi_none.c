/* WITH_NDPI=0: no engine; dpi_new() says so and nothing else is called. */
#include "capture/dpi.h"

#include <errno.h>

int
dpi_new(struct dpi **out, struct labels *labels)
{
	(void)out;
	(void)labels;
	return -ENOTSUP;
}

void
dpi_free(struct dpi *d)
{
	(void)d;
}

const char *
dpi_version(void)
{
	return NULL;
}

bool
dpi_full(const struct dpi *d)
{
	(void)d;
	return true;
}

void
dpi_silence_stdout(void)
{
}

uint32_t
dpi_take(struct dpi *d, uint64_t owner, uint32_t now_s)
{
	(void)d;
	(void)owner;
	(void)now_s;
	return 0;
}

void
dpi_ended(struct dpi *d, uint32_t state)
{
	(void)d;
	(void)state;
}

bool
dpi_stale(struct dpi *d, uint32_t now_s, uint32_t wait_s, uint64_t *owner)
{
	(void)d;
	(void)now_s;
	(void)wait_s;
	(void)owner;
	return false;
}

bool
dpi_feed(struct dpi *d, uint32_t state, const uint8_t *ip, size_t len,
    uint32_t now_s, uint16_t *label)
{
	(void)d;
	(void)state;
	(void)ip;
	(void)len;
	(void)now_s;
	*label = LABELS_UNKNOWN;
	return true;
}

uint16_t
dpi_giveup(struct dpi *d, uint32_t state)
{
	(void)d;
	(void)state;
	return LABELS_UNKNOWN;
}

uint16_t
dpi_guess(struct dpi *d, uint8_t proto, uint16_t dport)
{
	(void)d;
	(void)proto;
	(void)dport;
	return LABELS_UNKNOWN;
}

void
dpi_stats(const struct dpi *d, struct dpi_stats *out)
{
	(void)d;
	*out = (struct dpi_stats){0};
}
