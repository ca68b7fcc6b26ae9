#include "capture/workers.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>

void
workers_init(struct workers *all, size_t n)
{
	memset(all, 0, sizeof(*all));
	all->n = n;
	pthread_mutex_init(&all->lock, NULL);
	pthread_cond_init(&all->changed, NULL);
	for (size_t i = 0; i < n; i++) {
		all->w[i].all = all;
		all->w[i].ctl = -1;
		all->w[i].ring.fd_ro = -1;
	}
}

static void
run_one(struct worker *w)
{
	w->result = loop_run(w->loop, &w->totals);
	atomic_store_explicit(&w->all->stop, true, memory_order_relaxed);
}

static void *
thread_main(void *arg)
{
	struct worker *w = arg;
	struct workers *all = w->all;

	pthread_mutex_lock(&all->lock);
	all->ready++;
	pthread_cond_broadcast(&all->changed);
	while (!all->go)
		pthread_cond_wait(&all->changed, &all->lock);
	pthread_mutex_unlock(&all->lock);
	run_one(w);
	pthread_mutex_lock(&all->lock);
	all->ended++;
	pthread_cond_broadcast(&all->changed);
	for (;;)
		pthread_cond_wait(&all->changed, &all->lock);
	return NULL;
}

int
workers_start(struct workers *all)
{
	/* a heap for each thread would need mprotect(2) to grow */
	if (all->n > 1 && mallopt(M_ARENA_MAX, 1) != 1)
		return -ENOMEM;
	for (size_t i = 1; i < all->n; i++) {
		int rc = pthread_create(&all->w[i].thread, NULL, thread_main,
		    &all->w[i]);

		if (rc != 0)
			return -rc;
	}
	/* a thread begins with system calls that the sandbox does not allow */
	pthread_mutex_lock(&all->lock);
	while (all->ready < all->n - 1)
		pthread_cond_wait(&all->changed, &all->lock);
	pthread_mutex_unlock(&all->lock);
	return 0;
}

static void
add_totals(struct loop_totals *sum, const struct loop_totals *t)
{
	sum->seen += t->seen;
	sum->seen_bytes += t->seen_bytes;
	sum->non_ip += t->non_ip;
	sum->malformed += t->malformed;
	sum->published += t->published;
	sum->frames += t->frames;
	sum->overflow += t->overflow;
	sum->late += t->late;
	sum->time_clamped += t->time_clamped;
	sum->kernel_drops += t->kernel_drops;
	sum->iface_drops += t->iface_drops;
	sum->kernel_at_stop += t->kernel_at_stop;
	sum->pending += t->pending;
	sum->l7_cut += t->l7_cut;
	sum->l7_full += t->l7_full;
	sum->l7_looked += t->l7_looked;
	sum->l7_starved += t->l7_starved;
	sum->flows += t->flows;
	sum->acked = sum->acked && t->acked;
	pause_add(&sum->turns, &t->turns);
	pause_add(&sum->turns_cpu, &t->turns_cpu);
}

/* A lost writer is worse than a lost interface: that is what counts most for
 * the flows that were not published. */
static enum loop_result
worst_of(const struct workers *all, const struct worker **culprit)
{
	*culprit = &all->w[0];
	for (size_t i = 1; i < all->n; i++)
		if (all->w[i].result > (*culprit)->result)
			*culprit = &all->w[i];
	return (*culprit)->result;
}

enum loop_result
workers_run(struct workers *all, struct loop_totals *sum,
    const struct worker **culprit)
{
	pthread_mutex_lock(&all->lock);
	all->go = true;
	pthread_cond_broadcast(&all->changed);
	pthread_mutex_unlock(&all->lock);
	run_one(&all->w[0]);
	pthread_mutex_lock(&all->lock);
	while (all->ended < all->n - 1)
		pthread_cond_wait(&all->changed, &all->lock);
	pthread_mutex_unlock(&all->lock);
	*sum = all->w[0].totals;
	for (size_t i = 1; i < all->n; i++)
		add_totals(sum, &all->w[i].totals);
	return worst_of(all, culprit);
}

bool
workers_alive(const struct workers *all, int64_t mono_ns)
{
	for (size_t i = 0; i < all->n; i++)
		if (atomic_load_explicit(&all->w[i].ticked_ns,
			memory_order_relaxed) < mono_ns)
			return false;
	return true;
}
