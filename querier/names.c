#include "querier/names.h"

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HELPER      "goquery-resolve"
#define ANSWER_MAX  (64u << 20)
#define FIELDS      4

struct known {
	char addr[GP_ADDR_TEXT_MAX];
	const char *field[FIELDS]; /* of the answer */
};

struct names {
	int to, from;
	struct known *known; /* in the order they were wanted */
	size_t n, most;
	struct gp_hash_key hash;
	uint32_t *slot; /* number in known, and 1; 0: free */
	size_t n_slots; /* power of two */
	const int64_t *end_ns; /* NULL: whenever */
	bool asked;
	const char *lack; /* what names_lack() says */
	char *answer; /* of the last question; fields lie in it */
	size_t len;
	char *networks;
};

/* ---- start --------------------------------------------------------------- */

/* The helper lies beside goquery, or where `make install` puts it. */
static int
helper_path(char path[4096])
{
	ssize_t n = readlink("/proc/self/exe", path, 4000);
	char *slash;

	if (n <= 0)
		return -ENOENT;
	path[n] = '\0';
	slash = strrchr(path, '/');
	(void)strcpy(slash + 1, HELPER);
	return access(path, X_OK) < 0 ? -errno : 0;
}

static int
spawn(const char *path, char *const argv[], int in, int out)
{
	char *const env[] = {NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int rc;

	rc = posix_spawn_file_actions_init(&actions);
	if (rc != 0)
		return -rc;
	rc = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, out,
		    STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn(&pid, path, &actions, NULL, argv, env);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

static int
start(struct names *n, const struct names_opts *opts, const char *path)
{
	char program[] = HELPER, dns[] = "--dns", geoip[] = "--geoip",
	    asn[] = "--asn", system[] = "system";
	char *server = opts->server ? strdup(opts->server) : NULL;
	char *geoip_file = strdup(opts->geoip), *asn_file = strdup(opts->asn);
	int in[2] = {-1, -1}, out[2] = {-1, -1}, rc = 0;
	char *argv[8] = {program, NULL};
	size_t at = 1;

	if (opts->dns) {
		argv[at++] = dns;
		argv[at++] = server ? server : system;
	}
	if (opts->geoip[0]) {
		argv[at++] = geoip;
		argv[at++] = geoip_file;
	}
	if (opts->asn[0]) {
		argv[at++] = asn;
		argv[at++] = asn_file;
	}
	if ((opts->server && !server) || !geoip_file || !asn_file)
		rc = -ENOMEM;
	if (rc == 0 && (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0))
		rc = -errno;
	if (rc == 0)
		rc = spawn(path, argv, in[0], out[1]);
	gp_fd_close(&in[0]);
	gp_fd_close(&out[1]);
	n->to = in[1];
	n->from = out[0];
	free(server);
	free(geoip_file);
	free(asn_file);
	return rc;
}

static int ask(struct names *n, const char *question);

static int
make_table(struct names *n, size_t most)
{
	n->most = most;
	for (n->n_slots = 1024; n->n_slots < 2 * most; n->n_slots *= 2)
		;
	n->known = calloc(most, sizeof(*n->known));
	n->slot = calloc(n->n_slots, sizeof(*n->slot));
	return n->known && n->slot ? gp_hash_key_init(&n->hash) : -ENOMEM;
}

/* The helper would wait for whoever writes into a pipe. */
static int
check_file(const char *key, const char *path, char error[512])
{
	struct stat st;
	int rc = 0;

	if (!path[0])
		return 0;
	if (stat(path, &st) < 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode))
		rc = -EINVAL;
	if (rc < 0)
		(void)snprintf(error, 512, "[site] %s: %.400s: %s", key, path,
		    rc == -EINVAL ? "not a regular file" : godb_strerror(rc));
	return rc;
}

int
names_start(const struct names_opts *opts, struct names **out, char error[512])
{
	struct names *n;
	char path[4096] = HELPER;
	int rc = check_file("geoip", opts->geoip, error);

	if (rc == 0)
		rc = check_file("asn", opts->asn, error);
	if (rc < 0)
		return rc;
	n = calloc(1, sizeof(*n));
	rc = n ? 0 : -ENOMEM;
	if (n) {
		n->to = n->from = -1;
		rc = make_table(n, opts->dns ? NAMES_DNS_MAX : NAMES_GEO_MAX);
	}
	if (rc == 0)
		rc = helper_path(path);
	if (rc == 0)
		rc = start(n, opts, path);
	if (rc < 0) {
		(void)snprintf(error, 512, "%.400s: %s", path,
		    godb_strerror(rc));
		names_free(n);
		return rc;
	}
	/* it says what it lacks itself, once its own sandbox is closed */
	rc = ask(n, "?\n");
	if (rc < 0) {
		(void)snprintf(error, 512, "%s has ended", HELPER);
		names_free(n);
		return rc;
	}
	*out = n;
	return 0;
}

int
names_fd(const struct names *n)
{
	return n->to;
}

int
names_answers_fd(const struct names *n)
{
	return n->from;
}

void
names_free(struct names *n)
{
	if (!n)
		return;
	gp_fd_close(&n->to);
	gp_fd_close(&n->from);
	free(n->known);
	free(n->slot);
	free(n->answer);
	free(n->networks);
	free(n);
}

/* ---- questions ----------------------------------------------------------- */

/* Whether the answer is complete: its last line is a dot. */
static bool
has_ended(const char *s, size_t len)
{
	return (len == 2 || (len > 2 && s[len - 3] == '\n')) &&
	    s[len - 2] == '.' && s[len - 1] == '\n';
}

/* Reads up to the line of a dot, which is cut off. */
static int
read_answer(struct names *n)
{
	size_t room = 0;

	free(n->answer);
	n->answer = NULL;
	n->len = 0;
	for (;;) {
		ssize_t got;

		if (room - n->len < 2) {
			char *more;

			room = room ? room * 2 : 4096;
			if (room > ANSWER_MAX)
				return -EFBIG;
			more = realloc(n->answer, room);
			if (!more)
				return -ENOMEM;
			n->answer = more;
		}
		got = read(n->from, n->answer + n->len, room - n->len - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EPIPE;
		n->len += (size_t)got;
		if (has_ended(n->answer, n->len))
			break;
	}
	n->len -= 2;
	n->answer[n->len] = '\0';
	return 0;
}

static int
ask(struct names *n, const char *question)
{
	int rc = gp_fd_write_full(n->to, question, strlen(question));

	return rc < 0 ? rc : read_answer(n);
}

int
names_networks(struct names *n, const char *name, const char **text,
    size_t *len, char why[GODB_COND_WHY_MAX])
{
	char line[GODB_COND_NAME_MAX + 32];
	int rc;

	if (strchr(name, '\n')) /* it would be two questions */
		return -EINVAL;
	(void)snprintf(line, sizeof(line), "N %s\n", name);
	rc = ask(n, line);
	if (rc < 0) {
		(void)snprintf(why, GODB_COND_WHY_MAX, "%s: %s", HELPER,
		    godb_strerror(rc));
		return rc;
	}
	if (n->answer[0] == '!') {
		(void)snprintf(why, GODB_COND_WHY_MAX, "%.*s",
		    (int)strcspn(n->answer + 1, "\n"), n->answer + 1);
		return -ENOENT;
	}
	/* the caller keeps it for longer than the next question */
	free(n->networks);
	n->networks = n->answer;
	n->answer = NULL;
	*text = n->networks;
	*len = n->len;
	return 0;
}

/* The slot of an address: its own, or a free one. */
static uint32_t *
find_slot(const struct names *n, const struct known *k)
{
	uint64_t words[GP_ADDR_TEXT_MAX / 8];
	size_t at;

	memcpy(words, k->addr, sizeof(words));
	at = (size_t)gp_hash_words(&n->hash, words, sizeof(words) / 8) &
	    (n->n_slots - 1);
	while (n->slot[at] &&
	    strcmp(n->known[n->slot[at] - 1].addr, k->addr) != 0)
		at = (at + 1) & (n->n_slots - 1);
	return &n->slot[at];
}

/* Padded with NULs, as it is hashed whole. */
static void
set_addr(struct known *k, const char *addr)
{
	memset(k, 0, sizeof(*k));
	(void)snprintf(k->addr, sizeof(k->addr), "%s", addr);
}

void
names_forget(struct names *n)
{
	memset(n->slot, 0, n->n_slots * sizeof(*n->slot));
	n->n = 0;
	n->asked = false;
	n->lack = NULL;
}

bool
names_want(struct names *n, const char *addr)
{
	struct known k;
	uint32_t *slot;

	set_addr(&k, addr);
	slot = find_slot(n, &k);
	if (*slot)
		return true;
	if (n->n == n->most)
		return false;
	n->known[n->n++] = k;
	*slot = (uint32_t)n->n;
	return true;
}

/* Each line has the fields of one address, in the order of the question; then
 * "late" or "mute" when names are missing: resolve.c. */
static int
take_fields(struct names *n)
{
	char *s = n->answer;

	for (size_t i = 0; i < n->n; i++) {
		for (int k = 0; k < FIELDS; k++) {
			n->known[i].field[k] = s;
			s += strcspn(s, "\t\n");
			if (*s != (k + 1 < FIELDS ? '\t' : '\n'))
				return -EBADMSG;
			*s++ = '\0';
		}
	}
	n->lack = NULL;
	if (strcmp(s, "late\n") == 0)
		n->lack = "the time for names of addresses was over before "
		    "all had come";
	else if (strcmp(s, "mute\n") == 0)
		n->lack = "the DNS server gave no answer for some addresses";
	return *s && !n->lack ? -EBADMSG : 0;
}

static void
format_question(const struct names *n, char line[32])
{
	int64_t left_ns;

	if (!n->end_ns || !*n->end_ns) {
		(void)strcpy(line, "Q\n");
		return;
	}
	left_ns = *n->end_ns - gp_clock_mono_ns();
	(void)snprintf(line, 32, "Q %lld\n",
	    left_ns > 0 ? (long long)(left_ns / (GP_NS_PER_S / 1000)) : 0);
}

void
names_until(struct names *n, const int64_t *end_ns)
{
	if (n)
		n->end_ns = end_ns;
}

const char *
names_lack(const struct names *n)
{
	return n->lack;
}

int
names_ask(struct names *n)
{
	char question[32];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n->n; i++) {
		char line[GP_ADDR_TEXT_MAX + 4];

		(void)snprintf(line, sizeof(line), "A %s\n", n->known[i].addr);
		rc = gp_fd_write_full(n->to, line, strlen(line));
	}
	if (rc == 0) {
		format_question(n, question);
		rc = ask(n, question);
	}
	if (rc == 0)
		rc = take_fields(n);
	n->asked = rc == 0;
	return rc;
}

bool
names_find(const struct names *n, const char *addr, struct names_entry *out)
{
	const struct known *k;
	struct known key;
	uint32_t slot;

	set_addr(&key, addr);
	slot = n->asked ? *find_slot(n, &key) : 0;
	if (!slot)
		return false;
	k = &n->known[slot - 1];
	if (!k->field[0])
		return false;
	*out = (struct names_entry){k->field[0], k->field[1], k->field[2],
	    k->field[3]};
	return true;
}
