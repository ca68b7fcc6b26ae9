#include "common/godb/pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#define THREADS_MAX 256
#define SHARE_MAX   288 /* parts: a day of blocks */

/*
 * Rows from which on threads are woken, and from which on they are led away
 * from where they were started: that takes 0.3 ms of a process that lives for
 * 3, much of it at its end, when every processor that it was on has to forget
 * its addresses.
 */
#define SHARED_ROWS 16384u
#define FIRST_ROWS  131072u

struct worker {
	struct godb_pool *pool;
	pthread_t thread;
	unsigned number;
};

struct godb_pool {
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	void (*job)(void *arg, unsigned i);
	void *arg;
	unsigned long round; /* of jobs, so that each does each once */
	bool open;           /* who comes now still takes part in it */
	unsigned busy;       /* workers that do */
	bool over;
	bool rests;          /* nothing was shared yet */
	bool eager;          /* everything is */
	uint64_t asked_rows; /* all that it was asked for */
	cpu_set_t allowed;   /* processors of the program; none: not known */
	int caller;          /* the one that the caller was on, or -1 */
	unsigned n; /* workers, without the caller */
	struct worker worker[];
};

/*
 * A thread that waits may wake anywhere but where the caller is, and goes where
 * it likes while it works.  Left to itself the kernel often wakes it behind the
 * caller, on the same processor, and sees after milliseconds that another one
 * is idle; most questions are answered by then.
 */
static bool
elsewhere(const struct godb_pool *p, cpu_set_t *out)
{
	*out = p->allowed;
	if (p->caller >= 0)
		CPU_CLR((unsigned)p->caller, out);
	return CPU_COUNT(out) > 0;
}

static void
go_to(const cpu_set_t *set)
{
	(void)sched_setaffinity(0, sizeof(*set), set); /* or stay */
}

static void
tell_ready(struct godb_pool *p)
{
	if (--p->busy == 0)
		(void)pthread_cond_signal(&p->done);
}

/* Until something is shared for the first time; p's lock is held. */
static void
rest(struct godb_pool *p)
{
	cpu_set_t away;
	bool hinted;

	tell_ready(p);
	while (p->rests && !p->over)
		(void)pthread_cond_wait(&p->work, &p->lock);
	if (p->over)
		return;
	hinted = elsewhere(p, &away);
	tell_ready(p);
	(void)pthread_mutex_unlock(&p->lock);
	if (hinted)
		go_to(&away);
	(void)pthread_mutex_lock(&p->lock);
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct godb_pool *p = w->pool;
	unsigned long seen = 0;
	cpu_set_t away;
	bool hinted;

	(void)pthread_mutex_lock(&p->lock);
	rest(p);
	for (;;) {
		while ((p->round == seen || !p->open) && !p->over)
			(void)pthread_cond_wait(&p->work, &p->lock);
		if (p->over)
			break;
		seen = p->round;
		p->busy++;
		hinted = elsewhere(p, &away);
		(void)pthread_mutex_unlock(&p->lock);
		if (hinted)
			go_to(&p->allowed);
		p->job(p->arg, w->number);
		(void)pthread_mutex_lock(&p->lock);
		tell_ready(p);
		(void)pthread_mutex_unlock(&p->lock);
		if (hinted)
			go_to(&away);
		(void)pthread_mutex_lock(&p->lock);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void
wait_for_all(struct godb_pool *p)
{
	while (p->busy > 0)
		(void)pthread_cond_wait(&p->done, &p->lock);
}

/*
 * Threads are started where the caller is, and rest there.  On one processor
 * they and the caller take turns, without waiting for another one: so it must
 * not leave, either, while it waits for them.  False: it may be anywhere.
 */
static bool
stay_here(struct godb_pool *p, cpu_set_t *before)
{
	cpu_set_t here;

	p->caller = sched_getcpu();
	if (p->caller < 0 || CPU_COUNT(&p->allowed) == 0 ||
	    sched_getaffinity(0, sizeof(*before), before) < 0)
		return false;
	CPU_ZERO(&here);
	CPU_SET((unsigned)p->caller, &here);
	go_to(&here);
	return true;
}

/*
 * Signals are the program's matter: they go to its own threads.  Returns when
 * all wait for work, so that none is still in libc's start when the caller
 * closes a sandbox around them.
 */
static int
start(struct godb_pool *p, unsigned n)
{
	sigset_t all, before;
	cpu_set_t places;
	bool stays = stay_here(p, &places);
	int rc = 0;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	(void)pthread_mutex_lock(&p->lock);
	while (rc == 0 && p->n < n) {
		struct worker *w = &p->worker[p->n];

		*w = (struct worker){.pool = p, .number = p->n + 1};
		rc = -pthread_create(&w->thread, NULL, work, w);
		p->n += rc == 0;
	}
	p->busy += p->n; /* until they have begun; they wait for the lock */
	wait_for_all(p);
	(void)pthread_mutex_unlock(&p->lock);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (stays)
		go_to(&places);
	return rc;
}

/* The threads that rest, to other processors; the lock is held. */
static void
lead_away(struct godb_pool *p)
{
	cpu_set_t places;
	bool stays = stay_here(p, &places);

	p->rests = false;
	p->busy += p->n;
	(void)pthread_cond_broadcast(&p->work);
	wait_for_all(p);
	if (stays)
		go_to(&places);
}

int
godb_pool_new(unsigned threads, struct godb_pool **out)
{
	struct godb_pool *p;
	int rc;

	if (threads < 1 || threads > THREADS_MAX)
		return -EINVAL;
	p = calloc(1, sizeof(*p) + threads * sizeof(p->worker[0]));
	if (p == NULL)
		return -ENOMEM;
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->work, NULL);
	(void)pthread_cond_init(&p->done, NULL);
	p->rests = true;
	if (sched_getaffinity(0, sizeof(p->allowed), &p->allowed) < 0)
		CPU_ZERO(&p->allowed); /* more than a thousand of them */
	rc = start(p, threads - 1);
	if (rc < 0) {
		godb_pool_free(p);
		return rc;
	}
	*out = p;
	return 0;
}

void
godb_pool_free(struct godb_pool *p)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->lock);
	p->over = true;
	(void)pthread_cond_broadcast(&p->work);
	(void)pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->n; i++)
		(void)pthread_join(p->worker[i].thread, NULL);
	(void)pthread_cond_destroy(&p->done);
	(void)pthread_cond_destroy(&p->work);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

void
godb_pool_eager(struct godb_pool *p)
{
	p->eager = true;
}

struct godb_pool *
gdi_pool_for(struct godb_pool *p, uint64_t rows)
{
	if (p == NULL || p->eager)
		return p;
	p->asked_rows += rows;
	if (rows < SHARED_ROWS || (p->rests && p->asked_rows < FIRST_ROWS))
		return NULL;
	return p;
}

unsigned
gdi_pool_size(const struct godb_pool *p)
{
	return p ? p->n + 1 : 1;
}

void
gdi_pool_run(struct godb_pool *p, void (*job)(void *arg, unsigned i),
    void *arg)
{
	if (p == NULL || p->n == 0) {
		job(arg, 0);
		return;
	}
	(void)pthread_mutex_lock(&p->lock);
	if (p->rests)
		lead_away(p);
	p->job = job;
	p->arg = arg;
	p->open = true;
	p->round++;
	p->caller = sched_getcpu();
	(void)pthread_cond_broadcast(&p->work);
	(void)pthread_mutex_unlock(&p->lock);
	job(arg, 0);
	(void)pthread_mutex_lock(&p->lock);
	p->open = false;
	wait_for_all(p);
	(void)pthread_mutex_unlock(&p->lock);
}

struct each {
	void (*one)(void *arg, size_t k);
	void *arg;
	size_t n;
	atomic_size_t next;
};

static void
do_some(void *arg, unsigned thread)
{
	struct each *e = arg;
	size_t k;

	(void)thread;
	while ((k = atomic_fetch_add(&e->next, 1)) < e->n)
		e->one(e->arg, k);
}

void
gdi_pool_each(struct godb_pool *p, size_t n, void (*one)(void *arg, size_t k),
    void *arg)
{
	struct each e = {.one = one, .arg = arg, .n = n};

	gdi_pool_run(n > 1 ? p : NULL, do_some, &e);
}

unsigned
gdi_shares_init(struct gdi_shares *s, size_t n, unsigned threads)
{
	unsigned busy = n < threads ? (unsigned)n : threads;

	if (busy == 0)
		busy = 1;
	s->n = n;
	s->threads = busy;
	s->next = 0;
	return busy;
}

bool
gdi_shares_take(struct gdi_shares *s, size_t *first, size_t *end)
{
	size_t next = s->next, share;

	do {
		if (next >= s->n)
			return false;
		share = (s->n - next) / s->threads / 4 + 1;
		if (share > SHARE_MAX)
			share = SHARE_MAX;
	} while (!atomic_compare_exchange_weak(&s->next, &next, next + share));
	*first = next;
	*end = next + share;
	return true;
}
