/*
 * Jobs of a pool, thousands of them and most too small for all threads: each
 * thing is done once, by threads with a number each, and nobody is at it any
 * more when the call returns.  Who waits keeps off the caller's processor, if
 * the program may say so, but for threads that have not worked yet, which stay
 * on it.  What is not worth it is left to the caller.
 * Built with ThreadSanitizer too.
 */
#include "common/godb/pool.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/tap.h"

#define THREADS 4
#define ROUNDS  4000
#define THINGS  300

struct job {
	atomic_uint at[THREADS]; /* so many are at it, of each number */
	atomic_uint done[THINGS];
	atomic_size_t next;
	size_t n;
	atomic_bool over; /* the call has returned */
	atomic_uint wrong;
	uint64_t plain; /* what only the pool's lock makes visible */
	uint64_t sum[THREADS];
};

/* Who begins when the call has returned; told after the job is forgotten. */
static atomic_uint late;

static void
take_some(void *arg, unsigned thread)
{
	struct job *j = arg;
	size_t k;

	late += atomic_load(&j->over);
	if (thread >= THREADS || atomic_fetch_add(&j->at[thread], 1) != 0)
		j->wrong++;
	while ((k = atomic_fetch_add(&j->next, 1)) < j->n) {
		j->done[k]++;
		j->sum[thread] += j->plain;
		if (k % 16 == 0)
			(void)sched_yield();
	}
	atomic_fetch_sub(&j->at[thread], 1);
}

static void
take_one(void *arg, size_t k)
{
	struct job *j = arg;

	j->done[k]++;
}

static unsigned
undone(const struct job *j)
{
	unsigned wrong = 0;

	for (size_t k = 0; k < THINGS; k++)
		wrong += j->done[k] != (k < j->n);
	return wrong;
}

static void
test_jobs(struct godb_pool *pool)
{
	static struct job jobs[2]; /* who is late would find an old one */
	unsigned wrong = 0, unsummed = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct job *j = &jobs[round % 2];
		uint64_t sum = 0;

		memset(j, 0, sizeof(*j));
		j->n = round % 7 ? round % 9 : THINGS;
		j->plain = round;
		gdi_pool_run(pool, take_some, j);
		j->over = true;
		for (int i = 0; i < THREADS; i++) {
			wrong += j->at[i];
			sum += j->sum[i];
		}
		wrong += j->wrong + undone(j);
		unsummed += sum != round * j->n;
	}
	is_int(wrong, 0, "all is done once, by one of each number");
	is_int(unsummed, 0, "and what threads wrote is there");
	is_int(late, 0, "nobody begins when all is done");
}

static void
test_each(struct godb_pool *pool)
{
	static struct job j;
	unsigned wrong = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		memset(&j, 0, sizeof(j));
		j.n = round % 5;
		gdi_pool_each(pool, j.n, take_one, &j);
		wrong += undone(&j);
	}
	is_int(wrong, 0, "each of a few things is done once");
}

/* ---- processors --------------------------------------------------------- */

static cpu_set_t all; /* that we might be on in the beginning */

struct place {
	atomic_int tid; /* of the thread that is not the caller's */
	cpu_set_t at_work;
	int cpu;
};

/* The caller's thread goes on until the other one has been here. */
static void
tell_place(void *arg, unsigned thread)
{
	struct place *p = arg;

	if (thread == 1) {
		(void)sched_getaffinity(0, sizeof(p->at_work), &p->at_work);
		p->cpu = sched_getcpu();
		p->tid = gettid();
	}
	while (thread == 0 && p->tid == 0)
		(void)sched_yield();
}

/* Whether a thread, some time, may be where `set` says and nowhere else. */
static bool
comes_to(int tid, const cpu_set_t *set)
{
	cpu_set_t now;

	for (int i = 0; i < 20000; i++) {
		if (sched_getaffinity(tid, sizeof(now), &now) == 0 &&
		    CPU_EQUAL(&now, set))
			return true;
		(void)usleep(1000);
	}
	return false;
}

/* What processors the thread may be on that is not ours. */
static cpu_set_t
places_of_other(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	cpu_set_t set, other;

	CPU_ZERO(&other);
	while (d && (e = readdir(d)) != NULL) {
		int tid = atoi(e->d_name);

		if (tid > 0 && tid != getpid() &&
		    sched_getaffinity(tid, sizeof(set), &set) == 0)
			other = set;
	}
	if (d)
		(void)closedir(d);
	return other;
}

/* Made on one processor of all that we may be on. */
static struct godb_pool *
new_at(const cpu_set_t *one)
{
	cpu_set_t set;
	struct godb_pool *pool;

	/* who is led to one stays there for a while, free to go */
	(void)sched_setaffinity(0, sizeof(*one), one);
	(void)sched_setaffinity(0, sizeof(all), &all);
	if (godb_pool_new(2, &pool) < 0)
		abort();
	set = places_of_other();
	ok(CPU_COUNT(&set) == 1, "a thread that has not worked waits on one");
	(void)sched_getaffinity(0, sizeof(set), &set);
	ok(CPU_EQUAL(&set, &all), "  the caller may be where it might before");
	return pool;
}

static void
test_places(void)
{
	cpu_set_t one, others;
	struct godb_pool *pool = NULL;

	if (CPU_COUNT(&all) < 2) {
		ok(true, "one processor # SKIP there is no other");
		return;
	}
	for (unsigned cpu = 0, n = 0; n < 2 && cpu < CPU_SETSIZE; cpu++) {
		struct place p = {0};

		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		CPU_XOR(&others, &all, &one);
		if (n++ == 0)
			pool = new_at(&one);
		(void)sched_setaffinity(0, sizeof(one), &one);
		gdi_pool_run(pool, tell_place, &p);
		ok(CPU_EQUAL(&p.at_work, &all),
		    "caller on %u: a thread at work may be anywhere", cpu);
		ok(comes_to(p.tid, &others), "  one that waits elsewhere");
		if (n == 1)
			ok(p.cpu != (int)cpu, "  led there at first");
	}
	(void)sched_setaffinity(0, sizeof(all), &all);
	godb_pool_free(pool);
}

/* ---- what is worth it ---------------------------------------------------- */

static void
do_nothing(void *arg, unsigned thread)
{
	(void)arg;
	(void)thread;
}

static void
test_worth(void)
{
	struct godb_pool *pool;
	uint64_t alone = 0;

	if (godb_pool_new(2, &pool) < 0)
		abort();
	ok(gdi_pool_for(NULL, UINT64_MAX) == NULL, "no pool: the caller");
	ok(gdi_pool_for(pool, 0) == NULL, "nothing to do");
	while (gdi_pool_for(pool, 20000) == NULL && alone < 1000000)
		alone += 20000;
	ok(alone >= 100000 && alone < 200000, "threads that have not worked "
	    "let %" PRIu64 " rows go by", alone);
	gdi_pool_run(pool, do_nothing, NULL);
	ok(gdi_pool_for(pool, 20000) == pool, "those that have do not");
	ok(gdi_pool_for(pool, 1000) == NULL, "but what is small");
	for (int i = 0; i < 1000; i++)
		(void)gdi_pool_for(pool, 1000);
	ok(gdi_pool_for(pool, 1000) == NULL, "  whatever came before");
	godb_pool_eager(pool);
	ok(gdi_pool_for(pool, 0) == pool, "an eager one has everything");
	godb_pool_free(pool);
	if (godb_pool_new(2, &pool) < 0)
		abort();
	ok(gdi_pool_for(pool, 1u << 20) == pool, "a large one at once");
	godb_pool_free(pool);
	if (godb_pool_new(2, &pool) < 0)
		abort();
	godb_pool_eager(pool);
	ok(gdi_pool_for(pool, 0) == pool, "and one that is eager at once");
	godb_pool_free(pool);
}

/* From now on nobody here may choose a processor: the pool goes without. */
static void
test_denied(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_setaffinity, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {4, code};
	struct godb_pool *pool;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		abort();
	ok(sched_setaffinity(0, sizeof(all), &all) < 0, "denied");
	is_int(godb_pool_new(THREADS, &pool), 0, "  a pool is made");
	test_each(pool);
	godb_pool_free(pool);
}

int
main(void)
{
	struct godb_pool *pool;

	(void)sched_getaffinity(0, sizeof(all), &all);
	if (godb_pool_new(THREADS, &pool) < 0)
		return 1;
	is_int(gdi_pool_size(pool), THREADS, "so many threads");
	is_int(gdi_pool_size(NULL), 1, "the caller alone");
	test_jobs(pool);
	test_each(pool);
	godb_pool_free(pool);
	test_each(NULL);
	test_worth();
	test_places();
	test_denied();
	return tap_done();
}
