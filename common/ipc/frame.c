#include "common/ipc/frame.h"

#include "common/base/checksum.h"
#include "common/base/clock.h"
#include "common/base/words.h"

enum {
	FLAGS_1_0 = FRAME_DIR_IFACE | FRAME_DIR_FLOW | FRAME_OFFLINE |
	    FRAME_CUT | FRAME_L7 | FRAME_L7_CUT,
	FLAGS_1_1 = FLAGS_1_0 | FRAME_L7_FAILED | FRAME_L7_MISSING,
};

static unsigned
minor_of(uint16_t version)
{
	return version >> 8;
}

bool
frame_version_known(uint16_t version)
{
	return (version & 0xff) == FRAME_MAJOR &&
	    minor_of(version) <= FRAME_MINOR;
}

size_t
frame_bytes(uint32_t n_names, uint32_t n4, uint32_t n6)
{
	return sizeof(struct frame_header) +
	    n_names * sizeof(struct frame_name) +
	    n4 * sizeof(struct frame_row4) + n6 * sizeof(struct frame_row6);
}

const struct frame_name *
frame_names(const void *buf)
{
	return (const void *)((const char *)buf + sizeof(struct frame_header));
}

const struct frame_row4 *
frame_rows4(const void *buf)
{
	const struct frame_header *h = buf;

	return (const void *)(frame_names(buf) + h->n_names);
}

const struct frame_row6 *
frame_rows6(const void *buf)
{
	const struct frame_header *h = buf;

	return (const void *)(frame_rows4(buf) + h->n4);
}

static uint64_t
checksum(void *buf, size_t len)
{
	struct frame_header *h = buf;
	uint64_t was = h->checksum, sum;

	h->checksum = 0;
	sum = gp_checksum(buf, len, 0);
	h->checksum = was;
	return sum;
}

void
frame_seal(void *buf)
{
	struct frame_header *h = buf;

	h->checksum = checksum(buf, h->bytes);
}

static const char *
check_rows(const void *buf, const struct frame_header *h)
{
	const struct frame_name *names = frame_names(buf);
	const struct frame_row4 *r4 = frame_rows4(buf);
	const struct frame_row6 *r6 = frame_rows6(buf);

	for (uint32_t i = 0; i < h->n_names; i++)
		if (!gp_words_padded(names[i].name, FRAME_NAME_MAX, false) ||
		    !gp_words_padded(names[i].category, FRAME_CATEGORY_MAX,
			true))
			return "application name";
	for (uint32_t i = 0; i < h->n4; i++)
		if (r4[i].l7 >= h->n_names || r4[i].pad || r4[i].pad2)
			return "IPv4 row";
	for (uint32_t i = 0; i < h->n6; i++)
		if (r6[i].l7 >= h->n_names || r6[i].pad || r6[i].pad2)
			return "IPv6 row";
	return NULL;
}

/* What a minor has not given a meaning yet is zero. */
static bool
reserved_ok(const struct frame_header *h)
{
	if (minor_of(h->version) == 0)
		return (h->flags & ~(uint32_t)FLAGS_1_0) == 0 &&
		    h->l7_starved == 0;
	return (h->flags & ~(uint32_t)FLAGS_1_1) == 0;
}

const char *
frame_check(void *buf, size_t have)
{
	const struct frame_header *h = buf;

	if (have < sizeof(*h))
		return "short header";
	if (h->magic != FRAME_MAGIC)
		return "magic";
	if (!frame_version_known(h->version))
		return "version";
	if (h->kind < FRAME_ROWS || h->kind > FRAME_LAST)
		return "kind";
	if (!reserved_ok(h))
		return "flags";
	if (h->bytes > FRAME_MAX_BYTES || h->bytes > have)
		return "length";
	if (h->n_names > FRAME_MAX_NAMES ||
	    h->n4 > FRAME_MAX_BYTES / sizeof(struct frame_row4) ||
	    h->n6 > FRAME_MAX_BYTES / sizeof(struct frame_row6) ||
	    frame_bytes(h->n_names, h->n4, h->n6) != h->bytes)
		return "counts";
	if (h->kind == FRAME_PAD && h->bytes != sizeof(*h))
		return "padding with content";
	if (h->checksum != checksum(buf, h->bytes))
		return "checksum";
	if (h->kind == FRAME_PAD)
		return NULL;
	if (h->slot_s < 0 || h->slot_s % GP_SLOT_S != 0)
		return "block";
	if (h->first_real_ns > h->last_real_ns ||
	    h->first_boot_ns > h->last_boot_ns)
		return "interval";
	return check_rows(buf, h);
}
