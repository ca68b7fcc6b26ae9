#include "capture/pause.h"

#include "tests/tap.h"

int
main(void)
{
	struct pause a = {{0}, 0}, b = {{0}, 0};
	char text[PAUSE_TEXT_MAX];
	uint64_t n = 0;

	pause_note(&a, 0);
	pause_note(&a, 49999);
	pause_note(&a, 50000);
	pause_note(&a, 999999);
	pause_note(&a, 1000000);
	pause_format(&a, text);
	is_str(text, "50us:2,100us:1,250us:0,500us:0,1000us:1,2500us:1,"
		     "5000us:0,10000us:0,more:0", "bounds are exclusive");
	is_int(a.longest_ns, 1000000, "the longest");
	pause_note(&b, INT64_MAX);
	pause_add(&b, &a);
	for (size_t i = 0; i < PAUSE_BUCKETS; i++)
		n += b.n[i];
	is_int(n, 6, "a sum has all");
	is_int(b.longest_ns, INT64_MAX, "and the longest of both");
	is_int(b.n[PAUSE_BUCKETS - 1], 1, "the last bucket has no bound");
	for (size_t i = 0; i < PAUSE_BUCKETS; i++)
		b.n[i] = UINT64_MAX;
	pause_format(&b, text);
	ok(strlen(text) < PAUSE_TEXT_MAX - 1, "the largest numbers fit");
	ok(pause_bound_us(PAUSE_BUCKETS - 1) == 0, "no bound");
	return tap_done();
}
