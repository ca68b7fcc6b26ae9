/*
 * membw [THREADS] - what memory gives here, as limits for what queries do:
 * a line with the bytes a second that are read in order, and the cache lines
 * a second that are read in no order, 64 of them under way at a time; of all
 * threads together.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define BYTES   ((size_t)256 << 20) /* beyond any cache */
#define WORDS   (BYTES / sizeof(uint64_t))
#define TURNS   5
#define LINES   (UINT32_C(1) << 22) /* of a turn */
#define AT_ONCE 64
#define MOST    64

struct reader {
	const uint64_t *memory;
	uint64_t sum; /* so that reading cannot be left out */
	double in_order_s, no_order_s; /* best of the turns */
	pthread_t thread;
};

static double
now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t
read_in_order(const uint64_t *p)
{
	uint64_t a = 0, b = 0, c = 0, d = 0;

	for (size_t i = 0; i < WORDS; i += 4) {
		a += p[i];
		b += p[i + 1];
		c += p[i + 2];
		d += p[i + 3];
	}
	return a + b + c + d;
}

static uint64_t
read_in_no_order(const uint64_t *p, uint64_t state)
{
	size_t at[AT_ONCE];
	uint64_t sum = 0;

	for (uint32_t i = 0; i < LINES; i += AT_ONCE) {
		for (size_t k = 0; k < AT_ONCE; k++) {
			state = state * UINT64_C(6364136223846793005) + 1;
			at[k] = (size_t)(state >> 33) % WORDS;
			__builtin_prefetch(&p[at[k]]);
		}
		for (size_t k = 0; k < AT_ONCE; k++)
			sum += p[at[k]];
	}
	return sum;
}

static void *
work(void *arg)
{
	struct reader *r = arg;

	for (unsigned turn = 0; turn < TURNS; turn++) {
		double start = now_s(), middle, end;

		r->sum += read_in_order(r->memory);
		middle = now_s();
		r->sum += read_in_no_order(r->memory, turn + 1);
		end = now_s();
		if (turn == 0 || middle - start < r->in_order_s)
			r->in_order_s = middle - start;
		if (turn == 0 || end - middle < r->no_order_s)
			r->no_order_s = end - middle;
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	long threads = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
	struct reader r[MOST] = {{0}};
	double bytes = 0, lines = 0;
	void *memory;

	if (threads < 1 || threads > MOST || argc > 2) {
		fprintf(stderr, "usage: membw [THREADS]\n");
		return 2;
	}
	memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		perror("membw");
		return 1;
	}
	(void)madvise(memory, BYTES, MADV_HUGEPAGE);
	memset(memory, 1, BYTES);
	for (long i = 0; i < threads; i++) {
		r[i].memory = memory;
		if (pthread_create(&r[i].thread, NULL, work, &r[i]) != 0)
			return 1;
	}
	for (long i = 0; i < threads; i++) {
		(void)pthread_join(r[i].thread, NULL);
		bytes += (double)BYTES / r[i].in_order_s;
		lines += (double)LINES / r[i].no_order_s;
	}
	printf("%.0f %.0f\n", bytes, lines);
	return 0;
}
