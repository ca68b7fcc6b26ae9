/*
 * The status file's format: what is printed is read back the same, and nothing
 * that anybody may have written instead does harm or is taken for it.
 */
#include "common/base/status.h"

#include "tests/tap.h"

#include <errno.h>

static struct gp_status_iface ifaces[3];
static struct gp_status sample = {.iface = ifaces};

static uint64_t
random_value(const struct gp_status_field *f, uint64_t *seed)
{
	uint64_t n = 0;

	switch (f->kind) {
	case GP_STATUS_FLAG:
	case GP_STATUS_WORD:
		while (f->words[n])
			n++;
		return tap_random(seed) % n;
	case GP_STATUS_NUMBER:
	case GP_STATUS_TIME:
		switch (tap_random(seed) % 4) {
		case 0:
			return 0;
		case 1:
			return f->max;
		default:
			return f->max == UINT64_MAX ? tap_random(seed) :
			    tap_random(seed) % (f->max + 1);
		}
	case GP_STATUS_TEXT:
		break;
	}
	return 0;
}

static void
randomize(const struct gp_status_field *f, size_t n, void *into,
    uint64_t *seed)
{
	for (; n > 0; n--, f++) {
		uint64_t v = random_value(f, seed);

		if (f->kind != GP_STATUS_TEXT)
			memcpy((char *)into + f->offset, &v, sizeof(v));
	}
}

static void
random_text(char out[GP_STATUS_TEXT_MAX], uint64_t *seed)
{
	size_t len = tap_random(seed) % 8 ? tap_random(seed) % 40 :
	    GP_STATUS_TEXT_MAX - 1;

	for (size_t i = 0; i < len; i++)
		out[i] = (char)(1 + tap_random(seed) % 255);
	out[len] = '\0';
}

static void
random_sample(uint64_t *seed)
{
	static const char *const names[] = {"br-12.7", "eth0", "wlp\"\\x"};
	const struct gp_status_field *f;
	size_t n;

	memset(&sample, 0, sizeof(sample));
	memset(ifaces, 0, sizeof(ifaces));
	sample.iface = ifaces;
	f = gp_status_fields(&n);
	randomize(f, n, &sample, seed);
	random_text(sample.store, seed);
	random_text(sample.store_error, seed);
	sample.interfaces = tap_random(seed) % 4;
	f = gp_status_iface_fields(&n);
	for (size_t i = 0; i < sample.interfaces; i++) {
		randomize(f, n, &ifaces[i], seed);
		strcpy(ifaces[i].name, names[i]);
	}
}

static char *
printed(const struct gp_status *s, size_t *len)
{
	static char *text; /* a local one confuses gcc 12's warnings */
	FILE *out = open_memstream(&text, len);

	gp_status_print(s, out);
	(void)fclose(out);
	return text;
}

static bool
same(const struct gp_status *a, const struct gp_status *b)
{
	struct gp_status x = *a, y = *b;

	x.iface = y.iface = NULL;
	return strcmp(x.store, y.store) == 0 &&
	    strcmp(x.store_error, y.store_error) == 0 &&
	    (memset(x.store, 0, sizeof(x.store)),
		memset(y.store, 0, sizeof(y.store)),
		memset(x.store_error, 0, sizeof(x.store_error)),
		memset(y.store_error, 0, sizeof(y.store_error)),
		memcmp(&x, &y, sizeof(x)) == 0) &&
	    memcmp(a->iface, b->iface,
		a->interfaces * sizeof(*a->iface)) == 0;
}

static void
round_trips(uint64_t seed)
{
	unsigned good = 0;

	for (int i = 0; i < 500; i++) {
		struct gp_status *back = NULL;
		char error[160] = "";
		size_t len;
		char *text;

		random_sample(&seed);
		text = printed(&sample, &len);
		if (gp_status_parse(text, len, &back, error) == 0 &&
		    same(&sample, back))
			good++;
		else
			diag("%d: %s", i, error);
		gp_status_free(back);
		free(text);
	}
	is_int(good, 500, "what is printed is read back the same");
}

/* Whether it is refused with a line that holds `want`. */
static bool
refused(const char *text, size_t len, const char *want)
{
	struct gp_status *s = NULL;
	char error[160] = "";
	char *copy = malloc(len ? len : 1); /* sanitizers see its end */
	int rc;

	memcpy(copy, text, len);
	rc = gp_status_parse(copy, len, &s, error);
	free(copy);
	gp_status_free(s);
	if (rc == -EINVAL && s == NULL && strstr(error, want) &&
	    strchr(error, '\n') == NULL)
		return true;
	diag("rc %d, error '%s', wanted '%s'", rc, error, want);
	return false;
}

static void
cut_everywhere(void)
{
	size_t len, bad = 0;
	char *text = printed(&sample, &len);

	for (size_t n = 0; n < len; n++)
		bad += !refused(text, n, "line");
	is_int(bad, 0, "refused when cut at any of %zu places", len);
	free(text);
}

/* Any byte changed: refused, or something that can be printed and read. */
static void
change_everywhere(uint64_t seed)
{
	size_t len, refusals = 0, others = 0, bad = 0;
	char *text = printed(&sample, &len);

	for (size_t n = 0; n < 8 * len; n++) {
		size_t at = n % len;
		char was = text[at];
		struct gp_status *s = NULL, *again = NULL;
		char error[160];

		text[at] = (char)tap_random(&seed);
		if (gp_status_parse(text, len, &s, error) < 0) {
			refusals++;
		} else {
			size_t len2;
			char *text2 = printed(s, &len2);

			others++;
			bad += gp_status_parse(text2, len2, &again, error) !=
				0 ||
			    !same(s, again);
			free(text2);
		}
		gp_status_free(again);
		gp_status_free(s);
		text[at] = was;
	}
	ok(refusals > others, "%zu changes refused, %zu harmless", refusals,
	    others);
	is_int(bad, 0, "what is accepted is sound");
	free(text);
}

/* The sample's text with the first `from` replaced by `to`. */
static char *
edited(const char *from, const char *to, size_t *len)
{
	size_t old;
	char *text = printed(&sample, &old);
	char *at = strstr(text, from);
	char *out = NULL;
	FILE *f = open_memstream(&out, len);

	if (at == NULL) {
		printf("Bail out! no '%s'\n", from);
		exit(1);
	}
	fwrite(text, 1, (size_t)(at - text), f);
	fputs(to, f);
	fputs(at + strlen(from), f);
	(void)fclose(f);
	free(text);
	return out;
}

static void
edits(void)
{
	static const struct {
		const char *from, *to, *want;
	} edit[] = {
		{"goprobe-status 1", "goprobe-status 2", "format 2"},
		{"goprobe-status 1", "goprobe-status", "not a status"},
		{"goprobe-status", "GOPROBE", "not a status"},
		{"\nlied 7", "\nlied 07", "lied"},
		{"\nlied 7", "\nlied -7", "lied"},
		{"\nlied 7", "\nlied ", "lied"},
		{"\nlied 7", "\nlied", "lied"},
		{"\nlied 7", "\nlied 18446744073709551616", "lied"},
		{"\nlied 7", "\nlied 99999999999999999999999", "lied"},
		{"\nlied 7", "\nlied 7\nlied 7", "twice"},
		{"\nlied 7", "", "missing"},
		{"\nlied 7", "\nlied 7\n", "no name"},
		{"\nlied 7", "\nlied 7\nUPPER 1", "not a name"},
		{"\nrunning yes", "\nrunning maybe", "running"},
		{"\nwritten 5", "\nwritten 9223372036854775808", "written"},
		{"\nlandlock_abi 7", "\nlandlock_abi 1001", "landlock_abi"},
		{"\nstore \"/s\"", "\nstore /s", "store"},
		{"\nstore \"/s\"", "\nstore \"", "store"},
		{"\nstore \"/s\"", "\nstore \"a\"b\"", "store"},
		{"\nstore \"/s\"", "\nstore \"\\x00\"", "store"},
		{"\nstore \"/s\"", "\nstore \"\\x41\"", "store"},
		{"\nstore \"/s\"", "\nstore \"\\x0\"", "store"},
		{"\nstore \"/s\"", "\nstore \"\t\"", "store"},
		{"\ninterfaces 2", "\ninterfaces 1", "more interfaces"},
		{"\ninterfaces 2", "\ninterfaces 3", "fewer interfaces"},
		{"\ninterfaces 2", "\ninterfaces 1101", "interfaces"},
		{"\ninterfaces 2", "\ninterfaces 18446744073709551615",
		    "interfaces"},
		{"\niface eth1", "\niface eth0", "order"},
		{"\niface eth1", "\niface a", "order"},
		{"\niface eth1", "\niface ..", "interface name"},
		{"\niface eth1", "\niface ", "interface name"},
		{"\niface eth1", "\niface e/1", "interface name"},
		{"\niface eth1", "\niface 0123456789abcdef", "interface name"},
		{"\nstate gone", "\nstate dead", "state"},
		{"\nend\n", "\nend 1\n", "more interfaces"},
		{"\nend\n", "\nend\n\n", "follows"},
		{"\nend\n", "\n", "cut short"},
	};

	for (size_t i = 0; i < sizeof(edit) / sizeof(edit[0]); i++) {
		size_t len;
		char *text = edited(edit[i].from, edit[i].to, &len);

		ok(refused(text, len, edit[i].want), "edit %zu: %s", i,
		    edit[i].want);
		free(text);
	}
}

static void
plain_sample(void)
{
	memset(&sample, 0, sizeof(sample));
	memset(ifaces, 0, sizeof(ifaces));
	sample.iface = ifaces;
	sample.interfaces = 2;
	sample.written = 5;
	sample.running = 1;
	sample.lied = 7;
	sample.landlock_abi = 7;
	strcpy(sample.store, "/s");
	strcpy(ifaces[0].name, "eth0");
	strcpy(ifaces[1].name, "eth1");
	ifaces[1].state = GP_STATUS_GONE;
}

static void
later_versions(void)
{
	struct gp_status *s = NULL;
	char error[160] = "";
	size_t len;
	char *text = edited("\nlied 7", "\nlied 7\nlayer7_state \"x\" y\nz", &len);

	is_int(gp_status_parse(text, len, &s, error), 0,
	    "names of a later writer are passed over");
	ok(s && s->lied == 7, "the others are read");
	gp_status_free(s);
	free(text);
}

static void
too_large(void)
{
	size_t len = GP_STATUS_MAX_BYTES + 1;
	char *text = malloc(len);
	char long_name[200];

	memset(text, 'a', len);
	ok(refused(text, len, "too large"), "too large");
	ok(refused(text, len - 1, "cut short"), "one endless line");
	memset(text, '\n', len);
	ok(refused(text, len - 1, "no name"), "empty lines");
	memset(text, 0, len);
	ok(refused(text, len - 1, "cut short"), "zeroes");
	free(text);
	memset(long_name, 'n', sizeof(long_name));
	memcpy(long_name + 198, "\n", 2);
	ok(refused(long_name, 199, "no name"), "an overlong name");
}

/* The largest that a writer can have to say is not too large to be read. */
static void
largest(void)
{
	struct gp_status *big = calloc(1, sizeof(*big)), *back = NULL;
	const struct gp_status_field *f;
	char error[160] = "";
	size_t len, n;
	char *text;

	big->interfaces = GP_STATUS_IFACES_MAX;
	big->iface = calloc(GP_STATUS_IFACES_MAX, sizeof(*big->iface));
	memset(big->store, 1, sizeof(big->store) - 1);
	memset(big->store_error, 1, sizeof(big->store_error) - 1);
	f = gp_status_iface_fields(&n);
	for (size_t i = 0; i < GP_STATUS_IFACES_MAX; i++) {
		(void)snprintf(big->iface[i].name, 16, "interface-%05zu", i);
		for (size_t k = 0; k < n; k++)
			if (f[k].kind == GP_STATUS_NUMBER ||
			    f[k].kind == GP_STATUS_TIME)
				memcpy((char *)&big->iface[i] + f[k].offset,
				    &f[k].max, sizeof(f[k].max));
	}
	text = printed(big, &len);
	is_int(gp_status_parse(text, len, &back, error), 0,
	    "1100 interfaces, the largest numbers: %zu bytes", len);
	gp_status_free(back);
	gp_status_free(big);
	free(text);
}

static void
meaning(void)
{
	struct gp_status_iface i = {.seen = 100, .in_rows = 60, .pending = 20,
	    .lost = 5, .non_ip = 10, .malformed = 5};
	char folder[GP_STATUS_PATH_MAX];

	ok(gp_status_closes(&i), "it closes");
	i.seen++;
	ok(!gp_status_closes(&i), "one packet is missing");
	i.in_rows = UINT64_MAX;
	i.seen = 39; /* what the sum would wrap to */
	ok(!gp_status_closes(&i), "sums that wrap do not close");
	i.interval_s = 5;
	is_int(gp_status_patience_ns(&i), 20000000000, "20 s at least");
	i.interval_s = 60;
	is_int(gp_status_patience_ns(&i), 180000000000, "three snapshots");
	gp_status_folder(UINT64_MAX, UINT64_MAX, folder);
	is_str(folder,
	    "/run/goprobe-writer.ffffffffffffffff-ffffffffffffffff", "folder");
}

/* A text has room for so many bytes and not one more. */
static void
long_text(void)
{
	size_t len;
	char *text;

	memset(sample.store, 'x', sizeof(sample.store) - 1);
	sample.store[sizeof(sample.store) - 1] = '\0';
	text = edited("\nstore \"", "\nstore \"x", &len);
	ok(refused(text, len, "store is not a text"), "a byte too many");
	free(text);
}

static void
folder_name(void)
{
	char name[GP_STATUS_PATH_MAX];

	gp_status_folder(0x1f, 0xabc, name);
	is_str(name, "/run/goprobe-writer.1f-abc", "a store's folder");
}

int
main(void)
{
	uint64_t seed = tap_seed(1);

	round_trips(seed);
	plain_sample();
	cut_everywhere();
	change_everywhere(seed);
	edits();
	later_versions();
	too_large();
	largest();
	meaning();
	long_text();
	folder_name();
	return tap_done();
}
