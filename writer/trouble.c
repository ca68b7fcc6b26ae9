#include "writer/trouble.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"

#define PAUSE_NS       GP_NS_PER_S
#define LONG_PAUSE_NS  (16 * GP_NS_PER_S)
#define FORGOTTEN_NS   (60 * GP_NS_PER_S)

void
troubles_fini(struct troubles *t)
{
	free(t->list);
	memset(t, 0, sizeof(*t));
}

static int
order(const struct trouble *a, const char *iface, int64_t slot_s)
{
	int d = strcmp(a->iface, iface);

	return d ? d : (a->slot_s > slot_s) - (a->slot_s < slot_s);
}

/* The first that is not before it; the slot below all is an interface's. */
static size_t
lower_bound(const struct troubles *t, const char *iface, int64_t slot_s)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (order(&t->list[mid], iface, slot_s) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct trouble *
find(const struct troubles *t, const char *iface, int64_t slot_s)
{
	size_t at = lower_bound(t, iface, slot_s);

	if (at < t->n && order(&t->list[at], iface, slot_s) == 0)
		return &t->list[at];
	return NULL;
}

static struct trouble *
add(struct troubles *t, const char *iface, int64_t slot_s)
{
	size_t at = lower_bound(t, iface, slot_s);

	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 16;
		struct trouble *grown =
		    reallocarray(t->list, cap, sizeof(*grown));

		if (grown == NULL)
			return NULL;
		t->list = grown;
		t->cap = cap;
	}
	memmove(&t->list[at + 1], &t->list[at],
	    (t->n++ - at) * sizeof(t->list[0]));
	memset(&t->list[at], 0, sizeof(t->list[0]));
	(void)snprintf(t->list[at].iface, sizeof(t->list[at].iface), "%s",
	    iface);
	t->list[at].slot_s = slot_s;
	return &t->list[at];
}

bool
trouble_stays(int rc)
{
	return rc == -EACCES || rc == -EPERM || rc == -EROFS ||
	    rc == -EMFILE || rc == -ELOOP || rc == -ENOTDIR || rc == -EISDIR;
}

bool
troubles_note(struct troubles *t, const char *iface, int64_t slot_s, int rc)
{
	struct trouble *x = find(t, iface, slot_s);

	if (x == NULL)
		x = add(t, iface, slot_s);
	if (x == NULL)
		x = &t->all;
	if (x->rc != 0 && slot_s != TROUBLE_JOURNALS)
		x->pause_ns *= 2;
	else
		x->pause_ns = PAUSE_NS;
	if (x->pause_ns > LONG_PAUSE_NS)
		x->pause_ns = LONG_PAUSE_NS;
	x->rc = rc;
	x->retry_ns = gp_clock_mono_ns() + x->pause_ns;
	return gp_log_allow(&x->limit, 1);
}

static void
drop(struct troubles *t, size_t at)
{
	memmove(&t->list[at], &t->list[at + 1],
	    (--t->n - at) * sizeof(t->list[0]));
}

bool
troubles_clear(struct troubles *t, const char *iface, int64_t slot_s)
{
	const struct trouble *x = find(t, iface, slot_s);
	bool any = x != NULL || t->all.rc != 0;

	if (x)
		drop(t, (size_t)(x - t->list));
	t->all.rc = 0;
	return any && t->n == 0;
}

static int
held(const struct trouble *x, int64_t now)
{
	return now < x->retry_ns ? x->rc : 0;
}

int
troubles_held(const struct troubles *t, const char *iface, int64_t slot_s)
{
	const struct trouble *x;
	int64_t now;
	int rc = 0;

	if (t->n == 0 && t->all.rc == 0)
		return 0;
	now = gp_clock_mono_ns();
	x = find(t, iface, slot_s);
	if (x)
		rc = held(x, now);
	return rc ? rc : held(&t->all, now);
}

int
troubles_held_any(const struct troubles *t, const char *iface)
{
	int64_t now = gp_clock_mono_ns();
	int rc = held(&t->all, now);

	for (size_t i = lower_bound(t, iface, INT64_MIN); rc == 0 && i < t->n &&
	     strcmp(t->list[i].iface, iface) == 0; i++)
		rc = held(&t->list[i], now);
	return rc;
}

int
troubles_last(const struct troubles *t)
{
	return t->n > 0 ? t->list[t->n - 1].rc : t->all.rc;
}

void
troubles_hurry(struct troubles *t)
{
	int64_t now = gp_clock_mono_ns();

	for (size_t i = 0; i < t->n; i++)
		t->list[i].retry_ns = now;
	t->all.retry_ns = now;
}

void
troubles_age(struct troubles *t)
{
	int64_t now;

	if (t->n == 0)
		return;
	now = gp_clock_mono_ns();
	for (size_t i = t->n; i-- > 0;)
		if (now - t->list[i].retry_ns > FORGOTTEN_NS)
			drop(t, i);
}
