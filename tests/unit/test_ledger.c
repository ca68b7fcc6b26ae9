/* What was shipped stays known, whatever is torn off the ledger. */
#include "querier/export/ledger.h"

#include "common/base/checksum.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/folder.h"
#include "tests/tap.h"

#define DAY INT64_C(1764028800)

static char folder[] = "/tmp/goprobe-test.XXXXXX";

static int
open_folder(void)
{
	return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static struct ledger *
open_ledger(const char *target)
{
	char error[LEDGER_ERROR_MAX];
	struct ledger *l = NULL;

	if (ledger_open(open_folder(), target, &l, error) < 0)
		diag("%s", error);
	return l;
}

static void
make_id(uint8_t id[LEDGER_ID], unsigned n)
{
	memset(id, 0, LEDGER_ID);
	id[0] = (uint8_t)(n * 37);
	id[15] = (uint8_t)n;
	id[14] = (uint8_t)(n >> 8);
}

static void
add(struct ledger *l, const char *iface, unsigned from, unsigned to)
{
	uint8_t ids[64][LEDGER_ID];
	struct ledger_day d;

	if (!ok(ledger_day_open(l, iface, DAY, &d) == 0, "day of %s", iface))
		return;
	for (unsigned i = from; i < to; i++)
		make_id(ids[i - from], i);
	is_int(ledger_day_add(l, &d, (const uint8_t(*)[LEDGER_ID])ids,
		   to - from), 0, "records %u to %u", from, to);
	ledger_day_free(&d);
}

/* How many of the first n are known. */
static unsigned
known(struct ledger *l, const char *iface, unsigned n)
{
	struct ledger_day d;
	unsigned have = 0;
	uint8_t id[LEDGER_ID];

	if (ledger_day_open(l, iface, DAY, &d) < 0)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		make_id(id, i);
		have += ledger_day_has(&d, id);
	}
	ledger_day_free(&d);
	return have;
}

static void
test_days(void)
{
	struct ledger *l = open_ledger("a server\n");
	char path[128], error[LEDGER_ERROR_MAX];
	struct ledger *other = NULL;
	struct ledger_day d;

	if (!ok(l != NULL, "a new ledger"))
		return;
	is_int(ledger_open(open_folder(), "a server\n", &other, error), -EBUSY,
	    "two at once");
	is_int(known(l, "eth0", 50), 0, "nothing is known at first");
	add(l, "eth0", 0, 30);
	add(l, "eth0", 30, 40);
	add(l, "shipped", 0, 10); /* names of our own files are none */
	is_int(known(l, "eth0", 50), 40, "all 40");
	is_int(known(l, "shipped", 50), 10, "and 10 of another interface");
	is_int(ledger_day_forget(l, "shipped", DAY), 0, "which is forgotten");
	is_int(known(l, "shipped", 50), 0, "and then unknown");
	is_int(ledger_day_forget(l, "shipped", DAY), 0, "twice");
	add(l, "shipped", 0, 10);
	(void)ledger_day_open(l, "eth0", DAY, &d);
	is_int(ledger_day_done(l, &d, 12345), 0, "done");
	is_int(ledger_day_hours_done(l, &d, 54321), 0, "its hours, too");
	ledger_day_free(&d);
	ledger_close(l);

	l = open_ledger("a server\n");
	is_int(known(l, "eth0", 50), 40, "still 40 after opening it again");
	(void)ledger_day_open(l, "eth0", DAY, &d);
	is_int((int64_t)d.done_mark, 12345, "and done so far");
	is_int((int64_t)d.hours_mark, 54321, "hours so far");
	ledger_day_free(&d);
	ledger_close(l);
	is_int(ledger_open(open_folder(), "another\n", &other, error), -EINVAL,
	    "another target is refused");
	ok(strstr(error, "a server") != NULL, "and the first is named");

	(void)snprintf(path, sizeof(path), "%s/shipped/eth0/2025-11-25",
	    folder);
	for (off_t cut = 32 * 42; cut >= 0; cut -= 13) {
		unsigned have;

		if (truncate(path, cut) < 0)
			diag("truncate: %s", strerror(errno));
		l = open_ledger("a server\n");
		have = known(l, "eth0", 50);
		if (have != (unsigned)(cut / 32 < 40 ? cut / 32 : 40))
			ok(false, "cut at %ld: %u known", (long)cut, have);
		ledger_close(l);
	}
	l = open_ledger("a server\n");
	add(l, "eth0", 0, 20);
	is_int(known(l, "eth0", 50), 20, "what is added to a torn one counts");
	ledger_close(l);
}

/* Without what is unreadable, as it was written once. */
static void
test_old_attempt(struct ledger *l, const char *path,
    const struct ledger_attempt *a)
{
	size_t len = offsetof(struct ledger_attempt, ids) + a->n * LEDGER_ID;
	struct ledger_attempt *b = calloc(1, sizeof(*b));
	uint64_t sum = gp_checksum(a, len, 0);
	FILE *f = fopen(path, "w");

	(void)fwrite(a, 1, len, f);
	(void)fwrite(&sum, 1, sizeof(sum), f);
	(void)fclose(f);
	is_int(ledger_attempt_read(l, b), 1, "an older version's is read");
	ok(b->n == a->n && memcmp(a->ids, b->ids, sizeof(a->ids)) == 0 &&
		!b->unreadable[1], "with its records");
	free(b);
}

static void
test_attempt(void)
{
	struct ledger *l = open_ledger("a server\n");
	struct ledger_attempt *a = calloc(1, sizeof(*a));
	struct ledger_attempt *b = calloc(1, sizeof(*b));
	char path[128];
	FILE *f;

	is_int(ledger_attempt_read(l, b), 0, "no attempt");
	a->phase = LEDGER_SENT;
	a->kind = LEDGER_HOURS;
	(void)snprintf(a->iface, sizeof(a->iface), "eth0");
	a->day_s = DAY;
	a->n = 3;
	for (unsigned i = 0; i < 3; i++)
		make_id(a->ids[i], i);
	a->unreadable[1] = true;
	is_int(ledger_attempt_write(l, a), 0, "written");
	is_int(ledger_attempt_read(l, b), 1, "read");
	ok(memcmp(a, b, sizeof(*a)) == 0, "the same");
	(void)snprintf(path, sizeof(path), "%s/attempt", folder);
	for (long at = 0; at < 88; at += 7) { /* no byte of it may be wrong */
		int c;

		f = fopen(path, "r+");
		(void)fseek(f, at, SEEK_SET);
		c = fgetc(f);
		(void)fseek(f, at, SEEK_SET);
		(void)fputc(c ^ 1, f);
		(void)fclose(f);
		is_int(ledger_attempt_read(l, b), -EIO, "byte %ld", at);
		is_int(ledger_attempt_write(l, a), 0, "mended");
	}
	test_old_attempt(l, path, a);
	is_int(ledger_attempt_clear(l), 0, "cleared");
	is_int(ledger_attempt_read(l, b), 0, "none again");
	free(a);
	free(b);
	ledger_close(l);
}

/* A day's file that is none. */
static void
test_restart(void)
{
	struct ledger *l = open_ledger("a server\n");
	struct ledger_day d;
	char path[128];
	uint8_t id[1][LEDGER_ID];

	make_id(id[0], 3);
	(void)snprintf(path, sizeof(path), "%s/shipped/eth0/2025-11-25",
	    folder);
	(void)unlink(path);
	is_int(symlink("/nowhere", path), 0, "for a file");
	is_int(ledger_day_open(l, "eth0", DAY, &d), -ELOOP, "a link");
	is_int(ledger_day_restart(l, &d), 0, "is removed");
	is_int(ledger_day_add(l, &d, (const uint8_t(*)[LEDGER_ID])id, 1), 0,
	    "and the day begun anew");
	ledger_day_free(&d);
	is_int(known(l, "eth0", 50), 1, "which stays");
	(void)unlink(path);
	(void)mkdir(path, 0700);
	is_int(ledger_day_open(l, "eth0", DAY, &d), -EISDIR, "a folder");
	ok(ledger_day_restart(l, &d) < 0, "cannot be removed");
	is_int(ledger_day_add(l, &d, (const uint8_t(*)[LEDGER_ID])id, 1), 0,
	    "and the day is kept");
	ok(ledger_day_has(&d, id[0]), "in memory");
	ledger_day_free(&d);
	(void)rmdir(path);
	ledger_close(l);
}

static bool
is_wanted(void *arg, const char *iface, int64_t day_s)
{
	(void)arg;
	return day_s == DAY && strcmp(iface, "eth0") == 0;
}

/* Days that nobody wants, and nothing else. */
static void
test_sweep(void)
{
	struct ledger *l = open_ledger("a server\n");
	struct ledger_day d;
	char other[128], gone[128];
	uint8_t id[1][LEDGER_ID];

	make_id(id[0], 1);
	add(l, "eth0", 10, 12);
	add(l, "eth9", 0, 5);
	if (ledger_day_open(l, "eth0", DAY + 86400, &d) < 0 ||
	    ledger_day_add(l, &d, (const uint8_t(*)[LEDGER_ID])id, 1) < 0)
		abort();
	ledger_day_free(&d);
	(void)snprintf(other, sizeof(other), "%s/shipped/eth0/notes", folder);
	(void)fclose(fopen(other, "w"));
	ledger_sweep(l, is_wanted, NULL);
	ok(known(l, "eth0", 50) >= 2, "a day that is wanted stays");
	(void)snprintf(gone, sizeof(gone), "%s/shipped/eth0/2025-11-26",
	    folder);
	is_int(access(gone, F_OK), -1, "another one of it does not");
	(void)snprintf(gone, sizeof(gone), "%s/shipped/eth9", folder);
	is_int(access(gone, F_OK), -1, "nor an interface without any");
	is_int(access(other, F_OK), 0, "what is no day is left alone");
	ledger_close(l);
}

static void
test_dead(void)
{
	struct ledger *l = open_ledger("a server\n");
	struct ledger_dead d = {.day_s = DAY, .since_s = 7}, *list;
	static struct ledger_attempt a = {.phase = LEDGER_SENDING,
		.kind = LEDGER_HOURS};

	(void)snprintf(d.iface, sizeof(d.iface), "eth0");
	is_int(ledger_dead_list(l, &list), 0, "nobody is dead");
	free(list);
	for (unsigned i = 0; i < 5; i++) {
		make_id(d.attempt, i);
		is_int(ledger_dead_add(l, &d), 0, "one more");
	}
	is_int(ledger_dead_list(l, &list), 5, "five");
	ok(list[4].attempt[15] == 4 && list[4].day_s == DAY &&
		strcmp(list[4].iface, "eth0") == 0, "as they were given");
	is_int(ledger_dead_write(l, list + 3, 2), 0, "two are left");
	free(list);
	is_int(ledger_dead_list(l, &list), 2, "and read");
	free(list);
	a.day_s = DAY;
	(void)snprintf(a.iface, sizeof(a.iface), "eth0");
	is_int(ledger_attempt_write(l, &a), 0, "an attempt");
	is_int(ledger_attempt_bury(l, &a, 9), 0, "is buried");
	is_int(ledger_attempt_read(l, &a), 0, "and no longer under way");
	is_int(ledger_dead_list(l, &list), 3, "a third");
	is_int((int64_t)list[2].kind, LEDGER_HOURS, "of its kind");
	free(list);
	ledger_close(l);
}

int
main(void)
{
	if (!mkdtemp(folder))
		return 1;
	test_days();
	test_attempt();
	test_restart();
	test_sweep();
	test_dead();
	folder_remove(folder);
	return tap_done();
}
