#include "querier/export/ledger.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/addr.h"
#include "common/base/checksum.h"
#include "common/base/clock.h"
#include "common/base/fd.h"

#define TARGET     "target"
#define ATTEMPT    "attempt"
#define DEAD       "dead"
#define SHIPPED    "shipped"
#define MODE_FILE   0600
#define MODE_FOLDER 0700

#define DAY_FILE_MAX (64u << 20)
#define DEAD_MAX     (1u << 20)
#define DEAD_MOST    4096 /* the oldest are forgotten: they only cost room */

/* An entry: kind (u64), id or number, checksum of what precedes it.  The state
 * folder does not travel, so integers are the machine's. */
struct entry {
	uint64_t kind;
	uint8_t id[LEDGER_ID];
	uint64_t checksum;
};
enum { ENTRY_SHIPPED = 1, ENTRY_DONE = 2, ENTRY_HOURS_DONE = 3 };
_Static_assert(sizeof(struct entry) == 32, "entries have no holes");

struct dead_entry {
	struct ledger_dead dead;
	uint64_t checksum;
};
_Static_assert(sizeof(struct dead_entry) == 64, "entries have no holes");

struct ledger {
	int dir;
	int shipped; /* its folder of that name */
	int lock;
};

static uint64_t
checksum(const void *data, size_t len)
{
	return gp_checksum(data, len, 0);
}

bool
ledger_unusable(int rc)
{
	return rc < 0 && rc != -ENOMEM && rc != -EMFILE && rc != -ENFILE;
}

/* ---- whole files --------------------------------------------------------- */

static int
replace_file(int dir, const char *name, const void *data, size_t len)
{
	int fd = gp_fd_replace(dir, name, MODE_FILE, data, len);

	if (fd < 0)
		return fd;
	gp_fd_close(&fd);
	return gp_fd_sync(dir);
}

/* ---- open ---------------------------------------------------------------- */

static int
check_target(struct ledger *l, const char *target, char error[LEDGER_ERROR_MAX])
{
	char *have;
	size_t len;
	int rc = gp_fd_read_file(l->dir, TARGET, 4096, &have, &len);

	if (rc == -ENOENT)
		return replace_file(l->dir, TARGET, target, strlen(target));
	if (rc < 0)
		return rc;
	if (strcmp(have, target) != 0) {
		(void)snprintf(error, LEDGER_ERROR_MAX,
		    "the state folder is that of another target (%.100s): give "
		    "this one its own, [export] state", have);
		rc = -EINVAL;
	}
	free(have);
	return rc;
}

int
ledger_open(int dir, const char *target, struct ledger **out,
    char error[LEDGER_ERROR_MAX])
{
	struct ledger *l = calloc(1, sizeof(*l));
	int rc = 0;

	error[0] = '\0';
	if (l == NULL) {
		gp_fd_close(&dir);
		return -ENOMEM;
	}
	l->dir = dir;
	l->shipped = -1;
	l->lock = gp_fd_openat(dir, ".", O_RDONLY | O_DIRECTORY, 0);
	if (l->lock < 0)
		rc = l->lock;
	else if (flock(l->lock, LOCK_EX | LOCK_NB) < 0)
		rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (rc == -EBUSY)
		(void)snprintf(error, LEDGER_ERROR_MAX,
		    "another goprobe-export uses the state folder");
	if (rc == 0)
		rc = check_target(l, target, error);
	if (rc == 0 && mkdirat(dir, SHIPPED, MODE_FOLDER) < 0 &&
	    errno != EEXIST)
		rc = -errno;
	if (rc == 0) {
		l->shipped = gp_fd_opendir_at(dir, SHIPPED);
		rc = l->shipped < 0 ? l->shipped : gp_fd_sync(dir);
	}
	if (rc < 0) {
		if (error[0] == '\0')
			(void)snprintf(error, LEDGER_ERROR_MAX, "%s",
			    strerror(-rc));
		ledger_close(l);
		return rc;
	}
	*out = l;
	return 0;
}

void
ledger_close(struct ledger *l)
{
	if (l == NULL)
		return;
	gp_fd_close(&l->shipped);
	gp_fd_close(&l->lock);
	gp_fd_close(&l->dir);
	free(l);
}

/* ---- days ---------------------------------------------------------------- */

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, LEDGER_ID);
}

static int
reserve_ids(struct ledger_day *d, size_t more)
{
	size_t cap = d->cap ? d->cap : 512;
	void *grown;

	while (cap < d->n + more)
		cap *= 2;
	if (cap == d->cap)
		return 0;
	grown = reallocarray(d->ids, cap, LEDGER_ID);
	if (grown == NULL)
		return -ENOMEM;
	d->ids = grown;
	d->cap = cap;
	return 0;
}

static void
read_entries(struct ledger_day *d, const char *data, size_t len)
{
	struct entry e;

	for (; d->end + sizeof(e) <= len; d->end += sizeof(e)) {
		memcpy(&e, data + d->end, sizeof(e));
		if (e.checksum != checksum(&e, offsetof(struct entry, checksum)))
			return;
		if (e.kind == ENTRY_SHIPPED)
			memcpy(d->ids[d->n++], e.id, LEDGER_ID);
		else if (e.kind == ENTRY_DONE)
			memcpy(&d->done_mark, e.id, sizeof(d->done_mark));
		else if (e.kind == ENTRY_HOURS_DONE)
			memcpy(&d->hours_mark, e.id, sizeof(d->hours_mark));
	}
}

/* Both ways: what could be read and not be added to would hold up a commit. */
static int
read_day(struct ledger *l, struct ledger_day *d, const char *path)
{
	char *data;
	size_t len;
	int rc = gp_fd_read_file(l->shipped, path, DAY_FILE_MAX, &data, &len);
	int fd;

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	fd = gp_fd_openat(l->shipped, path, O_WRONLY, 0);
	rc = fd < 0 ? fd : reserve_ids(d, len / sizeof(struct entry));
	gp_fd_close(&fd);
	if (rc == 0) {
		read_entries(d, data, len);
		qsort(d->ids, d->n, LEDGER_ID, compare_ids);
	}
	free(data);
	return rc;
}

int
ledger_day_open(struct ledger *l, const char *iface, int64_t day_s,
    struct ledger_day *out)
{
	char path[64], day[11];
	int rc;

	memset(out, 0, sizeof(*out));
	out->day_s = day_s;
	(void)snprintf(out->iface, sizeof(out->iface), "%s", iface);
	gp_clock_day_format(day_s, day);
	(void)snprintf(path, sizeof(path), "%s/%s", iface, day);
	rc = read_day(l, out, path);
	out->memory = rc < 0;
	return rc;
}

int
ledger_day_restart(struct ledger *l, struct ledger_day *d)
{
	int rc = ledger_day_forget(l, d->iface, d->day_s);

	d->memory = rc < 0;
	return rc;
}

void
ledger_day_free(struct ledger_day *d)
{
	free(d->ids);
	memset(d, 0, sizeof(*d));
}

bool
ledger_day_has(const struct ledger_day *d, const uint8_t id[LEDGER_ID])
{
	return d->n > 0 &&
	    bsearch(id, d->ids, d->n, LEDGER_ID, compare_ids) != NULL;
}

static void
make_entry(struct entry *e, uint64_t kind, const void *value, size_t len)
{
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	memcpy(e->id, value, len);
	e->checksum = checksum(e, offsetof(struct entry, checksum));
}

/* Behind what holds, so that a torn end does not stay in the middle. */
static int
append(struct ledger *l, struct ledger_day *d, const struct entry *list,
    size_t n)
{
	char path[64], day[11];
	bool fresh = d->end == 0;
	int folder, fd, rc;

	if (d->memory)
		return 0;
	if (mkdirat(l->shipped, d->iface, MODE_FOLDER) == 0)
		rc = gp_fd_sync(l->shipped);
	else
		rc = errno == EEXIST ? 0 : -errno;
	gp_clock_day_format(d->day_s, day);
	(void)snprintf(path, sizeof(path), "%s/%s", d->iface, day);
	fd = rc < 0 ? rc : gp_fd_openat(l->shipped, path, O_WRONLY | O_CREAT,
	    MODE_FILE);
	if (fd < 0)
		return fd;
	rc = gp_fd_pwrite_full(fd, list, n * sizeof(*list), d->end);
	if (rc == 0)
		rc = gp_fd_datasync(fd);
	gp_fd_close(&fd);
	if (rc == 0 && fresh) {
		folder = gp_fd_opendir_at(l->shipped, d->iface);
		rc = folder < 0 ? folder : gp_fd_sync(folder);
		gp_fd_close(&folder);
	}
	if (rc == 0)
		d->end += n * sizeof(*list);
	return rc;
}

int
ledger_day_add(struct ledger *l, struct ledger_day *d,
    const uint8_t (*ids)[LEDGER_ID], size_t n)
{
	struct entry *list = calloc(n + 1, sizeof(*list));
	int rc = list ? reserve_ids(d, n) : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < n; i++)
		make_entry(&list[i], ENTRY_SHIPPED, ids[i], LEDGER_ID);
	if (rc == 0)
		rc = append(l, d, list, n);
	free(list);
	if (rc < 0)
		return rc;
	memcpy(d->ids + d->n, ids, n * LEDGER_ID);
	d->n += n;
	qsort(d->ids, d->n, LEDGER_ID, compare_ids);
	return 0;
}

static int
note(struct ledger *l, struct ledger_day *d, uint64_t kind, uint64_t *known,
    uint64_t index_mark)
{
	struct entry e;
	int rc;

	if (*known == index_mark)
		return 0;
	make_entry(&e, kind, &index_mark, sizeof(index_mark));
	rc = append(l, d, &e, 1);
	if (rc == 0)
		*known = index_mark;
	return rc;
}

int
ledger_day_done(struct ledger *l, struct ledger_day *d, uint64_t index_mark)
{
	return note(l, d, ENTRY_DONE, &d->done_mark, index_mark);
}

int
ledger_day_hours_done(struct ledger *l, struct ledger_day *d,
    uint64_t index_mark)
{
	return note(l, d, ENTRY_HOURS_DONE, &d->hours_mark, index_mark);
}

int
ledger_day_forget(struct ledger *l, const char *iface, int64_t day_s)
{
	char path[64], day[11];

	gp_clock_day_format(day_s, day);
	(void)snprintf(path, sizeof(path), "%s/%s", iface, day);
	return unlinkat(l->shipped, path, 0) < 0 && errno != ENOENT ? -errno :
	    0;
}

static DIR *
open_list(int at, const char *name)
{
	int fd = gp_fd_opendir_at(at, name);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL)
		gp_fd_close(&fd);
	return d;
}

void
ledger_sweep(struct ledger *l,
    bool (*wanted)(void *arg, const char *iface, int64_t day_s), void *arg)
{
	DIR *ifaces = open_list(l->shipped, "."), *days;
	const struct dirent *f, *e;
	int64_t day_s;

	while (ifaces && (f = readdir(ifaces)) != NULL) {
		if (!gp_addr_iface_valid(f->d_name))
			continue;
		days = open_list(l->shipped, f->d_name);
		while (days && (e = readdir(days)) != NULL)
			if (gp_clock_day_parse(e->d_name, &day_s) == 0 &&
			    !wanted(arg, f->d_name, day_s))
				(void)ledger_day_forget(l, f->d_name, day_s);
		if (days)
			(void)closedir(days);
		/* stays where something is in it */
		(void)unlinkat(l->shipped, f->d_name, AT_REMOVEDIR);
	}
	if (ifaces)
		(void)closedir(ifaces);
}

/* ---- the attempt --------------------------------------------------------- */

/* On disk: the struct up to its last id, a byte for each record that is 1 when
 * it is unreadable, and the checksum.  Older versions wrote no such bytes. */
static size_t
attempt_bytes(size_t n)
{
	return offsetof(struct ledger_attempt, ids) + n * LEDGER_ID;
}

int
ledger_attempt_write(struct ledger *l, const struct ledger_attempt *a)
{
	size_t ids = attempt_bytes(a->n), len = ids + a->n;
	char *data = calloc(1, len + sizeof(uint64_t));
	uint64_t sum;
	int rc;

	if (data == NULL)
		return -ENOMEM;
	memcpy(data, a, ids);
	for (size_t i = 0; i < a->n; i++)
		data[ids + i] = a->unreadable[i];
	sum = checksum(data, len);
	memcpy(data + len, &sum, sizeof(sum));
	rc = replace_file(l->dir, ATTEMPT, data, len + sizeof(sum));
	free(data);
	return rc;
}

/* Behind its checksum. */
static int
parse_attempt(struct ledger_attempt *out, const char *data, size_t len)
{
	size_t ids;

	memcpy(out, data, attempt_bytes(0));
	if (out->kind >= LEDGER_N_KINDS || out->n > LEDGER_ATTEMPT_RECORDS ||
	    !memchr(out->iface, '\0', sizeof(out->iface)) ||
	    !gp_addr_iface_valid(out->iface))
		return -EIO;
	ids = attempt_bytes(out->n);
	if (len != ids && len != ids + out->n)
		return -EIO;
	memcpy(out, data, ids);
	for (size_t i = 0; i < len - ids; i++)
		out->unreadable[i] = data[ids + i] != 0;
	return 1;
}

int
ledger_attempt_read(struct ledger *l, struct ledger_attempt *out)
{
	size_t len, most = attempt_bytes(LEDGER_ATTEMPT_RECORDS) +
	    LEDGER_ATTEMPT_RECORDS + sizeof(uint64_t);
	uint64_t sum;
	char *data;
	int rc = gp_fd_read_file(l->dir, ATTEMPT, most, &data, &len);

	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return rc;
	memset(out, 0, sizeof(*out));
	rc = -EIO;
	if (len >= attempt_bytes(0) + sizeof(sum)) {
		len -= sizeof(sum);
		memcpy(&sum, data + len, sizeof(sum));
		if (sum == checksum(data, len))
			rc = parse_attempt(out, data, len);
	}
	free(data);
	return rc;
}

int
ledger_attempt_clear(struct ledger *l)
{
	if (unlinkat(l->dir, ATTEMPT, 0) < 0 && errno != ENOENT)
		return -errno;
	return gp_fd_sync(l->dir);
}

/* ---- attempts given up --------------------------------------------------- */

int
ledger_dead_list(struct ledger *l, struct ledger_dead **out)
{
	struct ledger_dead *list;
	struct dead_entry e;
	size_t len, n = 0;
	char *data;
	int rc = gp_fd_read_file(l->dir, DEAD, DEAD_MAX, &data, &len);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (rc == -ENOENT) {
		data = NULL;
		len = 0;
	}
	list = calloc(len / sizeof(e) + 1, sizeof(*list));
	for (size_t at = 0; list && at + sizeof(e) <= len; at += sizeof(e)) {
		memcpy(&e, data + at, sizeof(e));
		if (e.checksum == checksum(&e.dead, sizeof(e.dead)) &&
		    e.dead.kind < LEDGER_N_KINDS &&
		    memchr(e.dead.iface, '\0', sizeof(e.dead.iface)) &&
		    gp_addr_iface_valid(e.dead.iface))
			list[n++] = e.dead;
	}
	free(data);
	if (list == NULL)
		return -ENOMEM;
	*out = list;
	return (int)n;
}

int
ledger_dead_write(struct ledger *l, const struct ledger_dead *list, size_t n)
{
	size_t skip = n > DEAD_MOST ? n - DEAD_MOST : 0;
	struct dead_entry *out = calloc(n - skip + 1, sizeof(*out));
	int rc;

	if (out == NULL)
		return -ENOMEM;
	for (size_t i = skip; i < n; i++) {
		out[i - skip].dead = list[i];
		out[i - skip].checksum = checksum(&list[i], sizeof(list[i]));
	}
	rc = replace_file(l->dir, DEAD, out, (n - skip) * sizeof(*out));
	free(out);
	return rc;
}

int
ledger_dead_add(struct ledger *l, const struct ledger_dead *d)
{
	struct ledger_dead *list = NULL, *grown;
	int n = ledger_dead_list(l, &list);
	int rc;

	if (n < 0 && !ledger_unusable(n))
		return n;
	n = n < 0 ? 0 : n; /* what it had only costs room */
	grown = reallocarray(list, (size_t)n + 1, sizeof(*list));
	if (grown == NULL) {
		free(list);
		return -ENOMEM;
	}
	grown[n] = *d;
	rc = ledger_dead_write(l, grown, (size_t)n + 1);
	free(grown);
	return rc;
}

int
ledger_attempt_bury(struct ledger *l, const struct ledger_attempt *a,
    int64_t since_s)
{
	struct ledger_dead dead = {.day_s = a->day_s, .since_s = since_s,
		.kind = a->kind};
	int rc;

	memcpy(dead.attempt, a->attempt, sizeof(dead.attempt));
	memcpy(dead.iface, a->iface, sizeof(dead.iface));
	rc = ledger_dead_add(l, &dead);
	return rc < 0 ? rc : ledger_attempt_clear(l);
}
