/* A store of two days and a half of two interfaces whose rows come again and
 * again, questions to it, and roll-ups that say something else. */
#ifndef TESTS_ROLLUPSTORE_H
#define TESTS_ROLLUPSTORE_H

#include "tests/lib/rolluptest.h"

#include "common/base/fd.h"
#include "common/godb/internal.h"
#include "common/godb/rollup.h"

#define HOUR 3600
#define DAY  86400
#define NOW  (T0 + 30 * DAY)

static char root[32], path[64];
static uint64_t seed;
static struct testbatch t;
static uint64_t seq;

__attribute__((unused)) static void
add_batch(struct godb_writer *w, const char *iface, int64_t slot_s)
{
	if (godb_writer_append(w, &t.b) != 0 ||
	    godb_writer_commit(w, iface, slot_s, NULL) != 0)
		abort();
}

static const char *const apps[] = {"DNS", "TLS", "SSH"};

/* A batch of few keys, so that most come again. */
__attribute__((unused)) static void
make_batch(const char *iface, int64_t slot_s, size_t n4, size_t n6)
{
	batch_make(&t, &seed, iface, slot_s, 1, ++seq, n4, n6);
	t.b.counters.overflow = 0; /* a day with any is not held */
	for (size_t i = 0; i < 3; i++)
		strncpy(t.names[i].name, apps[i], sizeof(t.names[i].name));
	for (size_t i = 0; i < n4; i++) {
		uint8_t k = (uint8_t)(tap_random(&seed) % 40);

		t.rows4[i].sip[3] = k % 7;
		t.rows4[i].dip[2] = k % 3;
		t.rows4[i].dip[3] = k % 8;
		t.rows4[i].dport = k % 2 ? 443 : k;
		t.rows4[i].proto = k % 3 ? 6 : 17;
		t.rows4[i].l7 = k % 3;
	}
	for (size_t i = 0; i < n6; i++) {
		uint8_t k = (uint8_t)(tap_random(&seed) % 20);

		t.rows6[i].sip[15] = k % 11;
		t.rows6[i].dip[3] = k;
		t.rows6[i].dip[9] = k;
		t.rows6[i].dport = k % 5;
		t.rows6[i].l7 = k % 2;
	}
}

__attribute__((unused)) static void
add(struct godb_writer *w, const char *iface, int64_t slot_s)
{
	make_batch(iface, slot_s, 30 + tap_random(&seed) % 60,
	    10 + tap_random(&seed) % 30);
	add_batch(w, iface, slot_s);
}

/* Those of a folder, by a pattern. */
static void
copy_files(const char *files, const char *from, const char *to)
{
	char cmd[640];

	snprintf(cmd, sizeof(cmd), "mkdir -p '%s' && cd '%s' && cp %s '%s/'",
	    to, from, files, to);
	if (system(cmd) != 0)
		abort();
}

/* A batch of eth0 that is stored, and whose journal is kept; and that journal
 * in its place, as if a writer had been killed between the two. */
__attribute__((unused)) static void
add_and_keep_journal(struct godb_writer *w, int64_t slot_s)
{
	char from[160], to[160];

	snprintf(from, sizeof(from), "%s/eth0/journal", path);
	snprintf(to, sizeof(to), "%s/left", root);
	make_batch("eth0", slot_s, 40, 40);
	if (godb_writer_append(w, &t.b) != 0)
		abort();
	copy_files("*", from, to);
	if (godb_writer_commit(w, "eth0", slot_s, NULL) != 0)
		abort();
}

__attribute__((unused)) static void
put_journal_back(void)
{
	char from[160], to[160];

	snprintf(from, sizeof(from), "%s/left", root);
	snprintf(to, sizeof(to), "%s/eth0/journal", path);
	copy_files("*", from, to);
}

__attribute__((unused)) static void
add_quiet(struct godb_writer *w, const char *iface, int64_t slot_s)
{
	batch_make(&t, &seed, iface, slot_s, 1, ++seq, 0, 0);
	t.b.counters.overflow = 0;
	add_batch(w, iface, slot_s);
}

/* Two days and a half of two interfaces, with holes, quiet blocks, and hours
 * of which some records came late; days are sorted. */
__attribute__((unused)) static void
make_store(int64_t now_s)
{
	struct godb_writer *w;

	folder_remove(path);
	if (store_open_as(path, true, &w) < 0)
		abort();
	for (int64_t slot_s = T0; slot_s < T0 + 5 * DAY / 2; slot_s += 300) {
		uint64_t what = tap_random(&seed) % 40;

		if (slot_s % DAY == 0 || slot_s % DAY == DAY - 300)
			what = 3;
		if (what == 0)
			add_quiet(w, "eth0", slot_s);
		else if (what > 1)
			add(w, "eth0", slot_s);
		if (what == 2)
			add(w, "eth0", slot_s);
		if (slot_s % 900 == 0)
			add(w, "eth1", slot_s);
	}
	if (now_s && upkeep(w, now_s) != 0)
		abort();
	godb_writer_close(w);
}

__attribute__((unused)) static size_t
size_of(const char *folder, const char *name)
{
	char file[160];
	struct stat st;

	snprintf(file, sizeof(file), "%s/%s/%s", path, folder, name);
	return stat(file, &st) < 0 ? 0 : (size_t)st.st_size;
}

/* ---- questions ----------------------------------------------------------- */

__attribute__((unused)) static int64_t
bin_of(void *arg, int64_t slot_s)
{
	int64_t bin_s = *(const int64_t *)arg;

	return slot_s - slot_s % bin_s;
}

__attribute__((unused)) static bool
ask(const char *what, const char *cond, int64_t first_s, int64_t last_s,
    int64_t bin_s, uint32_t metrics, struct godb_result_stats *stats)
{
	struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;

	opts.metrics = metrics;
	if (bin_s)
		opts.bin = bin_of;
	opts.bin_arg = &bin_s;
	return ask_both_ways(path, &opts, what, cond, first_s, last_s, stats);
}

static const char *const keys[] = {"sip,dip", "sip", "dip,dport", "proto",
    "iface,l7proto", "host", "sip/24,dip/16/48",
    "iface,sip,dip,dport,proto,l7proto",
    "time", "time,iface", "time,proto"};
#define KEYS (sizeof(keys) / sizeof(*keys))

static const char *const conditions[] = {"", "proto = TCP",
    "dport = 443 or host = 10.0.0.3", "not (l7proto = DNS)",
    "dip in 192.0.0.0/8 and proto = UDP", "sip = 2001:db8::4", "ipv6",
    "bytes > 5000", "dir = in", "packets < 4 or proto = UDP"};
#define CONDITIONS (sizeof(conditions) / sizeof(*conditions))

__attribute__((unused)) static void
test_random(const char *when, unsigned n, uint64_t at_least)
{
	struct godb_result_stats stats;
	uint64_t used = 0;
	unsigned wrong = 0;

	for (unsigned i = 0; i < n; i++) {
		static const int64_t bins[] = {0, 600, HOUR, 6 * HOUR, DAY,
		    7 * DAY};
		const char *what = keys[tap_random(&seed) % KEYS];
		const char *cond = conditions[tap_random(&seed) % CONDITIONS];
		int64_t first_s =
		    T0 + (int64_t)(tap_random(&seed) % (3 * DAY)) - DAY / 4;
		int64_t last_s = first_s +
		    (int64_t)(tap_random(&seed) % (3 * DAY));
		int64_t bin_s = bins[tap_random(&seed) % 6];
		uint32_t metrics = tap_random(&seed) % 4 == 0 ?
		    1u << (GODB_METRIC_EXTRA + tap_random(&seed) % 4) : 0;

		if (i % 3 == 0)
			first_s = 0;
		no_own_scan = i % 2;
		if (ask(what, cond, first_s, last_s, bin_s, metrics, &stats)) {
			used += stats.rollups > 0;
			continue;
		}
		diag("%s where %s, from %lld to %lld, bin %lld, metrics %x",
		    what, cond, (long long)first_s, (long long)last_s,
		    (long long)bin_s, metrics);
		wrong++;
	}
	no_own_scan = false;
	is_int(wrong, 0, "%s: %u questions have one answer", when, n);
	ok(used >= at_least, "%llu of them used roll-ups",
	    (unsigned long long)used);
}

/* ---- damage -------------------------------------------------------------- */

__attribute__((unused)) static void
flip(const char *name, size_t at)
{
	char file[64];

	snprintf(file, sizeof(file), "eth0/2025-11-25/%s", name);
	store_flip(path, file, (int64_t)at);
}

/* The ROLLUP section of a slot, and what it says behind its span of `skip`
 * bytes. */
__attribute__((unused)) static uint8_t *
find_section(char *data, size_t len, int64_t slot_s, size_t skip, uint8_t what,
    size_t *at)
{
	for (*at = 64; *at < len; *at += gdi_get32(data + *at + 4)) {
		uint8_t *section = (uint8_t *)data + *at + 80;

		if (gdi_get64(data + *at + 24) != (uint64_t)slot_s)
			continue;
		while (gdi_get16(section) != 5)
			section += 8 + gdi_get32(section + 4);
		if (section[8 + skip] == what)
			return section + 8;
	}
	abort();
}

/* Adds to a byte behind that, and the checksums hold. */
__attribute__((unused)) static void
lie(int64_t slot_s, size_t skip, uint8_t what, size_t behind, uint8_t more)
{
	char *data;
	size_t len, at;
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = gp_fd_openat(dir, "eth0/2025-11-25/rollups.idx", O_RDWR, 0);
	uint8_t *r;
	uint32_t bytes;

	if (fd < 0 || gp_fd_read_file(dir, "eth0/2025-11-25/rollups.idx",
			  1 << 20, &data, &len) < 0)
		abort();
	r = find_section(data, len, slot_s, skip, what, &at) + skip + behind;
	*r = (uint8_t)(*r + more);
	r = (uint8_t *)data + at;
	bytes = gdi_get32(r + 4);
	gdi_put64(r + bytes - 8, gp_checksum(r, bytes - 8, 0));
	if (pwrite(fd, r, bytes, (off_t)at) != (ssize_t)bytes)
		abort();
	free(data);
	close(fd);
	close(dir);
}

/* The temporary folder of a test, and its store's. */
__attribute__((unused)) static bool
begin(uint64_t first_seed)
{
	seed = tap_seed(first_seed);
	if (!folder_temporary(root, sizeof(root)))
		return false;
	snprintf(path, sizeof(path), "%s/store", root);
	return true;
}

#endif
