/*
 * workers: what several loops were is added up, the worst of them counts, and
 * the end of one ends all.  The loops themselves are ours.
 */
#include "capture/workers.h"

#include <unistd.h>

#include "tests/tap.h"

enum { N = 3 };

/* Threads of a run sleep on until the process ends. */
static struct workers runs[4], *all = runs;
static enum loop_result results[N];
static int end_first = -1; /* the one that ends by itself */
static atomic_int running;
static atomic_bool told[N];

int __wrap_mallopt(int what, int value);

/* Sanitizers have an allocator of their own, that says no. */
int
__wrap_mallopt(int what, int value)
{
	(void)what;
	return value == 1;
}

enum loop_result __wrap_loop_run(struct loop *l, struct loop_totals *totals);

/* Each figure is a power of ten for each worker, so that none can be mistaken
 * for another one's. */
enum loop_result
__wrap_loop_run(struct loop *l, struct loop_totals *totals)
{
	size_t me = 0;
	uint64_t one = 1;

	while (&all->w[me].totals != totals)
		me++;
	for (size_t i = 0; i < me; i++)
		one *= 10;
	(void)l;
	running++;
	while (running < N)
		usleep(1000);
	for (int i = 0; (int)me != end_first && i < 5000 && !all->stop; i++)
		usleep(1000);
	told[me] = (int)me == end_first || all->stop;
	*totals = (struct loop_totals){.seen = one, .seen_bytes = 2 * one,
	    .non_ip = 3 * one, .malformed = 4 * one, .published = 5 * one,
	    .frames = 6 * one, .overflow = 7 * one, .late = 8 * one,
	    .time_clamped = 9 * one, .kernel_drops = 11 * one,
	    .iface_drops = 12 * one, .kernel_at_stop = 13 * one,
	    .pending = 14 * one, .l7_cut = 15 * one, .l7_full = 16 * one,
	    .l7_looked = 17 * one, .l7_starved = 18 * one,
	    .flows = 19 * (uint32_t)one, .acked = true};
	totals->acked = results[me] != LOOP_PEER_GONE;
	pause_note(&totals->turns, 1000000 * (int64_t)one);
	pause_note(&totals->turns_cpu, 2000000 * (int64_t)one);
	return results[me];
}

static void
are_sums(const struct loop_totals *t)
{
	const uint64_t figures[] = {t->seen, t->seen_bytes, t->non_ip,
	    t->malformed, t->published, t->frames, t->overflow, t->late,
	    t->time_clamped, t->kernel_drops, t->iface_drops,
	    t->kernel_at_stop, t->pending, t->l7_cut, t->l7_full, t->l7_looked,
	    t->l7_starved, t->flows};
	const size_t n = sizeof(figures) / sizeof(figures[0]);
	size_t wrong = 0;

	for (size_t i = 0; i < n; i++)
		wrong += figures[i] != 111 * (i + 1 + (i > 8));
	is_int((int64_t)wrong, 0, "all figures are sums");
	ok(t->turns.longest_ns == 100000000 &&
		t->turns_cpu.longest_ns == 200000000, "the longest turns");
}

static void
test_run(const char *what, const enum loop_result as[N], int first,
    size_t worst)
{
	const struct worker *culprit = NULL;
	struct loop_totals sum;
	unsigned heard = 0;

	all++;
	workers_init(all, N);
	memcpy(results, as, sizeof(results));
	end_first = first;
	running = 0;
	for (size_t i = 0; i < N; i++)
		told[i] = false;
	is_int(workers_start(all), 0, "%s", what);
	ok(running == 0 && all->ready == N - 1, "all wait");
	is_int(workers_run(all, &sum, &culprit), as[worst], "the worst end");
	ok(culprit == &all->w[worst], "is worker %zu's", worst);
	for (size_t i = 0; i < N; i++)
		heard += told[i];
	is_int(heard, N, "all end with worker %d", first);
	are_sums(&sum);
	is_int(sum.acked, as[worst] != LOOP_PEER_GONE,
	    "acknowledged is what all have had");
}

static void
test_alive(void)
{
	bool alive[4];

	workers_init(all, N);
	for (size_t i = 0; i < N; i++)
		all->w[i].ticked_ns = 1000;
	alive[0] = workers_alive(all, 1000);
	alive[1] = workers_alive(all, 1001);
	all->w[N - 1].ticked_ns = 999;
	alive[2] = workers_alive(all, 1000);
	all->w[N - 1].ticked_ns = 1000;
	all->w[0].ticked_ns = 999;
	alive[3] = workers_alive(all, 1000);
	ok(alive[0] && !alive[1], "all have ticked, or none");
	ok(!alive[2] && !alive[3], "one stands still");
}

int
main(void)
{
	static const enum loop_result stopped[N] = {LOOP_STOPPED, LOOP_STOPPED,
	    LOOP_STOPPED};
	static const enum loop_result gone[N] = {LOOP_STOPPED, LOOP_STOPPED,
	    LOOP_IFACE_GONE};
	static const enum loop_result lost[N] = {LOOP_IFACE_GONE,
	    LOOP_PEER_GONE, LOOP_STOPPED};

	test_alive();
	test_run("all are stopped", stopped, 0, 0);
	test_run("an interface is gone", gone, 2, 2);
	test_run("a writer is, too", lost, 1, 1);
	return tap_done();
}
