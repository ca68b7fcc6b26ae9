#include "tests/lib/attack.h"

#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/attack_everywhere.h"
#include "tests/tap.h"

#define HIGHEST_CALL 600 /* the kernel's table ends well below */
#define X32_BIT      0x40000000

struct attack_place attack_place = {"", -1, -1, -1, -1};

/* ---- one child ----------------------------------------------------------- */

enum verdict { DID, FAILED, KILLED, DIED, NO_ENTRY };
static const char *const verdict_words[] = {
    [DID] = "it was done",
    [FAILED] = "failed",
    [KILLED] = "killed",
    [DIED] = "died of something else",
    [NO_ENTRY] = "the sandbox could not be entered",
};

static enum verdict
verdict_of(int status)
{
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? KILLED : DIED;
	switch (WEXITSTATUS(status)) {
	case 0:
		return DID;
	case 99:
		return NO_ENTRY;
	default:
		return FAILED;
	}
}

static void
quiet_child(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)alarm(3);
}

static enum verdict
attempt(int (*run)(void), attack_enter_fn *enter)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		quiet_child();
		if (enter && enter() < 0)
			_exit(99);
		_exit(run() == 0 ? 0 : 1);
	}
	(void)waitpid(pid, &status, 0);
	return verdict_of(status);
}

static bool
lives_after(attack_enter_fn *enter, long nr, const uint64_t arg[6])
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		quiet_child();
		if (enter() < 0)
			_exit(99);
		(void)syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4],
		    arg[5]);
		_exit(0);
	}
	(void)waitpid(pid, &status, 0);
	if (verdict_of(status) == NO_ENTRY)
		ok(false, "the sandbox could be entered");
	return verdict_of(status) != KILLED;
}

/* ---- attempts ------------------------------------------------------------ */

void
attack_one(const struct attack *a, attack_enter_fn *enter)
{
	enum verdict outside, inside;

	outside = attempt(a->run, NULL);
	attack_everywhere_tidy();
	inside = attempt(a->run, enter);
	attack_everywhere_tidy();
	if (!ok(inside == KILLED || inside == FAILED, "%s: %s", a->name,
		verdict_words[inside]))
		return;
	if (outside != DID && a->may_lack)
		diag("%s: not possible here outside either", a->name);
	else
		ok(outside == DID, "%s: outside %s", a->name,
		    verdict_words[outside]);
}

static void
run_list(const struct attack *list, size_t n, enum attack_in in,
    attack_enter_fn *enter)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].in & in)
			attack_one(&list[i], enter);
}

void
attack_run(const struct attack *list, size_t n, enum attack_in in,
    attack_enter_fn *enter)
{
	run_list(attack_everywhere, attack_everywhere_n, in, enter);
	run_list(list, n, in, enter);
}

int
attack_is_root(void)
{
	return geteuid() != 0;
}

void
attack_allowed(const char *name, int (*run)(void), attack_enter_fn *enter)
{
	enum verdict v = attempt(run, enter);

	ok(v == DID, "%s: %s", name, verdict_words[v]);
}

/* ---- the rules, read as the kernel should -------------------------------- */

static bool
holds(const struct gp_arg *a, const uint64_t arg[6])
{
	switch (a->op) {
	case GP_ARG_EQ:
		return arg[a->index] == a->a;
	case GP_ARG_MASKED:
		return (arg[a->index] & a->a) == a->b;
	case GP_ARG_ANY:
		break;
	}
	return true;
}

static bool
passes(const struct gp_rules *rules, long nr, const uint64_t arg[6])
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct gp_syscall *row = &rules->row[i];

		if (row->nr == nr && holds(&row->arg[0], arg) &&
		    holds(&row->arg[1], arg) && holds(&row->arg[2], arg))
			return true;
	}
	return false;
}

static bool
checked(const struct gp_syscall *row)
{
	return row->arg[0].op != GP_ARG_ANY || row->arg[1].op != GP_ARG_ANY ||
	    row->arg[2].op != GP_ARG_ANY;
}

/* One row without a condition would void those with. */
static void
check_rules(const struct gp_rules *rules)
{
	size_t voided = 0, mute = 0;

	for (size_t i = 0; i < rules->n; i++) {
		mute += rules->row[i].why == NULL || !rules->row[i].why[0];
		for (size_t k = 0; k < rules->n; k++)
			voided += rules->row[i].nr == rules->row[k].nr &&
			    checked(&rules->row[i]) && !checked(&rules->row[k]);
	}
	is_int(voided, 0, "no checked call passes unchecked as well");
	is_int(mute, 0, "every row says why");
}

static void
call_name(long nr, char out[40])
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE,
	    (int)nr);

	(void)snprintf(out, 40, "%s", name ? name : "?");
	free(name);
}

#ifdef __x86_64__
/* Numbers of the 32-bit table: 20 is getpid. */
static int
call_32bit(void)
{
	long rc;

	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20L) : "memory", "r8",
	    "r9", "r10", "r11");
	return rc > 0 ? 0 : 1;
}

/* The same calls by another name; the bit alone must be refused, whether the
 * kernel knows x32 or not. */
static int
call_x32(void)
{
	(void)syscall(X32_BIT | SYS_clock_gettime, 0, 0);
	return 0;
}
#endif

static void
other_abis(attack_enter_fn *enter)
{
#ifdef __x86_64__
	enum verdict outside = attempt(call_32bit, NULL);

	ok(attempt(call_x32, enter) == KILLED, "an x32 call: killed");
	ok(attempt(call_x32, NULL) == DID, "outside it is not");
	if (outside == DID)
		ok(attempt(call_32bit, enter) == KILLED,
		    "a 32-bit call: killed");
	else
		diag("no 32-bit calls in this kernel");
#else
	(void)enter;
	diag("one ABI only");
#endif
}

/*
 * Since 6.14 the kernel shows no filter its own two calls for probes, since
 * filters written before would kill what is probed.  They come from pages that
 * the kernel maps; from elsewhere they fail.
 */
static bool
kernels_own(long nr)
{
#ifdef __x86_64__
	const long uretprobe = 335, uprobe = 336;
	pid_t pid;
	int status;

	if (nr != uretprobe && nr != uprobe)
		return false;
	pid = fork();
	if (pid == 0) {
		quiet_child();
		_exit(syscall(nr) < 0 ? 1 : 0);
	}
	(void)waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGILL :
	    WEXITSTATUS(status) == 1;
#else
	(void)nr;
	return false;
#endif
}

void
attack_sweep(const struct gp_rules *rules, attack_enter_fn *enter)
{
	const uint64_t no = UINT64_MAX; /* no descriptor, address or length */
	const uint64_t arg[6] = {no, no, no, no, no, no};
	size_t declared = 0, alive = 0, wrong = 0;
	char name[40];

	check_rules(rules);
	for (long nr = 0; nr <= HIGHEST_CALL; nr++) {
		bool lives = lives_after(enter, nr, arg);
		bool should = passes(rules, nr, arg);

		if (lives && kernels_own(nr))
			continue;
		alive += lives;
		declared += should;
		if (lives == should)
			continue;
		wrong++;
		call_name(nr, name);
		diag("%s (%ld): %s, the rules say otherwise", name, nr,
		    lives ? "passes" : "killed");
	}
	is_int(wrong, 0, "of calls 0 to %d exactly the declared pass",
	    HIGHEST_CALL);
	is_int(alive, declared, "%zu calls", declared);
	other_abis(enter);
}

/* ---- every condition broken ---------------------------------------------- */

struct tally {
	const struct gp_rules *rules;
	attack_enter_fn *enter;
	size_t held, broken, wrong;
};

static void
one_vector(struct tally *t, long nr, const uint64_t arg[6])
{
	bool should = passes(t->rules, nr, arg);
	char name[40];

	t->held += should;
	t->broken += !should;
	if (lives_after(t->enter, nr, arg) == should)
		return;
	t->wrong++;
	call_name(nr, name);
	diag("%s(%#llx, %#llx, %#llx, %#llx, %#llx, %#llx): should %s", name,
	    (unsigned long long)arg[0], (unsigned long long)arg[1],
	    (unsigned long long)arg[2], (unsigned long long)arg[3],
	    (unsigned long long)arg[4], (unsigned long long)arg[5],
	    should ? "pass" : "kill");
}

static void
break_condition(struct tally *t, const struct gp_syscall *row,
    const struct gp_arg *a, const uint64_t base[6])
{
	uint64_t arg[6];
	uint64_t mask = a->op == GP_ARG_EQ ? UINT64_MAX : a->a;
	const uint64_t low = mask & (~mask + 1);
	uint64_t high = mask;

	while (high & (high - 1)) /* its highest bit alone */
		high &= high - 1;
	for (int k = 0; k < 4; k++) {
		static const uint64_t half = UINT64_C(1) << 32;
		const uint64_t flip[4] = {low, high, mask, half & mask};

		if (flip[k] == 0)
			continue;
		memcpy(arg, base, sizeof(arg));
		arg[a->index] ^= flip[k];
		one_vector(t, row->nr, arg);
	}
}

void
attack_arguments(const struct gp_rules *rules, attack_enter_fn *enter)
{
	struct tally t = {rules, enter, 0, 0, 0};

	for (size_t i = 0; i < rules->n; i++) {
		const struct gp_syscall *row = &rules->row[i];
		uint64_t arg[6];

		if (!checked(row))
			continue;
		memset(arg, 0xff, sizeof(arg));
		for (int k = 0; k < 3; k++)
			if (row->arg[k].op == GP_ARG_EQ)
				arg[row->arg[k].index] = row->arg[k].a;
			else if (row->arg[k].op == GP_ARG_MASKED)
				arg[row->arg[k].index] = row->arg[k].b;
		one_vector(&t, row->nr, arg);
		for (int k = 0; k < 3; k++)
			if (row->arg[k].op != GP_ARG_ANY)
				break_condition(&t, row, &row->arg[k], arg);
	}
	is_int(t.wrong, 0, "arguments: %zu held pass, %zu broken kill", t.held,
	    t.broken);
	ok(t.held > 0 && t.broken > 0, "there was something to check");
}

/* ---- printing ------------------------------------------------------------ */

static void
print_condition(const struct gp_arg *a)
{
	if (a->op == GP_ARG_EQ)
		printf(" a%u = %#llx", a->index, (unsigned long long)a->a);
	else if (a->op == GP_ARG_MASKED)
		printf(" a%u & %#llx = %#llx", a->index,
		    (unsigned long long)a->a, (unsigned long long)a->b);
}

/* The rules as SECURITY.md shows them. */
static void
print_rules(const struct gp_rules *rules)
{
	char name[40];

	for (size_t i = 0; i < rules->n; i++) {
		const struct gp_syscall *row = &rules->row[i];

		call_name(row->nr, name);
		printf("    %s", name);
		for (int k = 0; k < 3; k++)
			print_condition(&row->arg[k]);
		printf(": %s\n", row->why);
	}
}

/* ---- place --------------------------------------------------------------- */

struct sockaddr_un
attack_place_receiver(socklen_t *len)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	(void)snprintf(sa.sun_path + 1, sizeof(sa.sun_path) - 1, "attack.%s",
	    attack_place.path + sizeof("/tmp/attack.") - 1);
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
	    strlen(sa.sun_path + 1));
	return sa;
}

void
attack_ok(bool good, const char *name)
{
	ok(good, "%s", name);
}

void
attack_begin(void)
{
	struct attack_place *p = &attack_place;
	int pair[2];
	socklen_t len;
	struct sockaddr_un sa;

	(void)snprintf(p->path, sizeof(p->path), "/tmp/attack.XXXXXX");
	if (mkdtemp(p->path) == NULL || chmod(p->path, 0755) < 0)
		exit(1);
	p->dir = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	p->open = openat(p->dir, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (p->open < 0 || ftruncate(p->open, 4096) < 0 ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) < 0)
		exit(1);
	p->sock = pair[0];
	p->receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	sa = attack_place_receiver(&len);
	if (p->receiver < 0 ||
	    bind(p->receiver, (struct sockaddr *)&sa, len) < 0)
		exit(1);
}

static void
leave_nothing(void)
{
	(void)unlinkat(attack_place.dir, "file", 0);
	(void)rmdir(attack_place.path);
}

static int
nothing(void)
{
	return 0;
}

int
attack_main(int argc, char **argv, enum attack_in in,
    const struct gp_rules *rules, attack_enter_fn *enter,
    const struct attack *list, size_t n)
{
	if (argc > 1 && strcmp(argv[1], "--rules") == 0) {
		print_rules(rules);
		return 0;
	}
	if (attempt(nothing, enter) == NO_ENTRY) {
		leave_nothing();
		skip_all("no Landlock or seccomp here");
	}
	attack_allowed("doing nothing", nothing, enter);
	attack_run(list, n, in, enter);
	attack_sweep(rules, enter);
	attack_arguments(rules, enter);
	leave_nothing();
	return tap_done();
}
