/* compact: bytes as a server's answer.  The same answer in one piece and byte
 * by byte gives the same rows and the same verdict; fields stay in bounds. */
#include "querier/remote/compact.h"
#include "tests/fuzz/fuzz.h"

struct seen {
	uint64_t rows, sum;
};

static int
take(void *arg, const struct compact_row *row)
{
	struct seen *s = arg;
	char text[64];
	uint8_t bytes[16];
	uint64_t v;
	int64_t i;
	size_t len;

	FUZZ_CHECK(row->n == 3);
	for (size_t k = 0; k <= row->n; k++) {
		if (compact_u64(row, k, UINT32_MAX, &v)) {
			FUZZ_CHECK(v <= UINT32_MAX);
			s->sum = s->sum * 31 + v;
		}
		if (compact_i64(row, k, &i))
			s->sum = s->sum * 31 + (uint64_t)i;
		if (compact_bytes(row, k, bytes, sizeof(bytes), &len))
			FUZZ_CHECK(len <= sizeof(bytes));
		if (compact_string(row, k, text, sizeof(text)))
			FUZZ_CHECK(strlen(text) < sizeof(text));
	}
	s->rows++;
	return 0;
}

FUZZ_TARGET(compact)
{
	static struct compact a, b;
	struct seen one = {0, 0}, two = {0, 0};
	int rc;

	compact_begin(&a, 3, take, &one);
	(void)compact_feed(&a, (const char *)data, len);
	rc = compact_end(&a);
	compact_begin(&b, 3, take, &two);
	for (size_t i = 0; i < len; i++)
		(void)compact_feed(&b, (const char *)data + i, 1);
	FUZZ_CHECK(compact_end(&b) == rc);
	FUZZ_CHECK(one.rows == two.rows && one.sum == two.sum);
	FUZZ_CHECK(rc < 0 || (a.rows == one.rows && a.before_limit >= a.rows));
	return 0;
}
