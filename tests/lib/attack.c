#include "tests/lib/attack.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

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

/* ---- what is tried everywhere --------------------------------------------- */

static int
did(long rc)
{
	return rc < 0 ? 1 : 0;
}

static int
socket_inet(void)
{
	return did(socket(AF_INET, SOCK_DGRAM, 0));
}

static int
socket_unix(void)
{
	return did(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int
socket_packet(void)
{
	return did(socket(AF_PACKET, SOCK_RAW, 0));
}

static int
socket_netlink(void)
{
	return did(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int
socket_pair(void)
{
	int pair[2];

	return did(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static struct sockaddr_un
receiver_name(socklen_t *len)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	(void)snprintf(sa.sun_path + 1, sizeof(sa.sun_path) - 1, "attack.%s",
	    attack_place.path + sizeof("/tmp/attack.") - 1);
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
	    strlen(sa.sun_path + 1));
	return sa;
}

static int
connect_elsewhere(void)
{
	socklen_t len;
	struct sockaddr_un sa = receiver_name(&len);

	return did(connect(attack_place.sock, (struct sockaddr *)&sa, len));
}

static int
bind_name(void)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	return did(bind(attack_place.sock, (struct sockaddr *)&sa,
	    sizeof(sa.sun_family)));
}

static int
set_option(void)
{
	int size = 4096;

	return did(setsockopt(attack_place.sock, SOL_SOCKET, SO_SNDBUF, &size,
	    sizeof(size)));
}

static int
send_named(void)
{
	socklen_t len;
	struct sockaddr_un sa = receiver_name(&len);

	return did(sendto(attack_place.sock, "x", 1, MSG_DONTWAIT,
	    (struct sockaddr *)&sa, len));
}

/* The descriptor of a file to somebody who waits for it. */
static int
send_descriptor(void)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	socklen_t len;
	struct sockaddr_un sa = receiver_name(&len);
	struct iovec iov = {(char[]){'x'}, 1};
	struct msghdr msg = {
	    .msg_name = &sa,
	    .msg_namelen = len,
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.buf,
	    .msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &attack_place.open, sizeof(int));
	return did(sendmsg(attack_place.sock, &msg, MSG_DONTWAIT));
}

static int
open_passwd(void)
{
	return did(open("/etc/passwd", O_RDONLY));
}

static int
open_root(void)
{
	return did(open("/", O_RDONLY | O_DIRECTORY));
}

static int
open_own_memory(void)
{
	return did(open("/proc/self/mem", O_RDWR));
}

static int
write_file(void)
{
	return did(open("/tmp/attack-new", O_WRONLY | O_CREAT, 0600)) ||
	    unlink("/tmp/attack-new");
}

static int
duplicate(void)
{
	return did(dup(0));
}

static int
duplicate_over(void)
{
	return did(dup2(0, 2));
}

static int
duplicate_fcntl(void)
{
	return did(fcntl(0, F_DUPFD, 5));
}

static int
fork_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return did(pid);
}

static int
execute(void)
{
	char *argv[] = {(char[]){"true"}, NULL};

	return execve("/bin/true", argv, argv + 1);
}

static int
execute_at(void)
{
	char *argv[] = {(char[]){"true"}, NULL};

	return (int)syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, argv + 1,
	    0);
}

static int
map_executable(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static int
map_writable_file(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
		   attack_place.open, 0) == MAP_FAILED;
}

static int
make_executable(void)
{
	static char page[8192];
	char *at = page + 4096 - ((uintptr_t)page & 4095);

	return did(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

static int
make_memfd(void)
{
	return did(memfd_create("x", 0));
}

static int
make_pipe(void)
{
	int ends[2];

	return did(pipe(ends));
}

static int
uring(void)
{
	struct io_uring_params p = {0};

	return did(syscall(SYS_io_uring_setup, 2, &p));
}

static int
load_bpf(void)
{
	union bpf_attr attr = {
	    .map_type = BPF_MAP_TYPE_ARRAY,
	    .key_size = 4,
	    .value_size = 4,
	    .max_entries = 1,
	};

	return did(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static int
perf_event(void)
{
	struct perf_event_attr attr = {
	    .type = PERF_TYPE_SOFTWARE,
	    .size = sizeof(attr),
	    .config = PERF_COUNT_SW_CPU_CLOCK,
	};

	return did(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static int
user_fault(void)
{
	return did(syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY));
}

static int
trace_me(void)
{
	return did(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int
read_other(void)
{
	char to[1];
	struct iovec mine = {to, 1}, theirs = {&attack_place, 1};

	return did(process_vm_readv(getppid(), &mine, 1, &theirs, 1, 0));
}

static int
signal_parent(void)
{
	return did(syscall(SYS_kill, syscall(SYS_getppid), 0));
}

static int
new_user_namespace(void)
{
	return did(unshare(CLONE_NEWUSER));
}

static int
new_net_namespace(void)
{
	return did(unshare(CLONE_NEWNET));
}

static int
become_root(void)
{
	return did(setresuid(0, 0, 0));
}

static int
change_group(void)
{
	return did(setgroups(0, NULL));
}

static int
change_root(void)
{
	return did(chroot("/tmp"));
}

static int
change_folder(void)
{
	return did(chdir("/"));
}

static int
own_dumpable(void)
{
	return did(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int
link_symbolic(void)
{
	return did(symlinkat("/etc/passwd", attack_place.dir, "planted"));
}

static int
link_hard(void)
{
	return did(linkat(attack_place.dir, "file", attack_place.dir, "twin",
	    0));
}

static int
make_node(void)
{
	return did(mknodat(attack_place.dir, "fifo", S_IFIFO | 0600, 0));
}

static int
change_owner(void)
{
	return did(fchown(attack_place.open, 1, 1));
}

static int
change_mode_by_path(void)
{
	return did(fchmodat(attack_place.dir, "file", 0777, 0));
}

static int
set_uid_bit(void)
{
	return did(fchmod(attack_place.open, 04755));
}

static int
open_to_all(void)
{
	return did(fchmod(attack_place.dir, 0777));
}

static int
set_attribute(void)
{
	return did(fsetxattr(attack_place.open, "user.x", "y", 1, 0));
}

static int
type_into_terminal(void)
{
	int on = 1;

	return did(ioctl(attack_place.receiver, FIONBIO, &on));
}

static int
raise_limit(void)
{
	const struct rlimit files = {64, 64};

	return did(setrlimit(RLIMIT_NOFILE, &files));
}

static int
set_priority(void)
{
	return did(setpriority(PRIO_PROCESS, 0, 5));
}

static int
set_name(void)
{
	return did(sethostname("x", 0) == 0 || errno == EINVAL ? 0 : -1);
}

static int
add_key(void)
{
	return did(syscall(SYS_add_key, "user", "attack", "x", 1, -2));
}

static int
write_elsewhere(void)
{
	return did(write(attack_place.open, "x", 1));
}

#define ALL ATTACK_EVERYWHERE
#define C   ATTACK_CAPTURE
#define W   ATTACK_WRITER
#define Q   ATTACK_QUERIER
#define R   ATTACK_REMOTE
static const struct attack everywhere[] = {
    {"socket(AF_INET)", socket_inet, ALL, false},
    {"socket(AF_UNIX)", socket_unix, ALL, false},
    {"socket(AF_PACKET)", socket_packet, ALL, true},
    {"socket(AF_NETLINK)", socket_netlink, ALL, false},
    {"socketpair", socket_pair, C | W | Q, false},
    {"connect", connect_elsewhere, C | W | Q | R, false},
    {"bind", bind_name, ALL, false},
    {"setsockopt", set_option, ALL, false},
    {"sendto a named receiver", send_named, ALL, false},
    {"sendmsg: a descriptor to a stranger", send_descriptor, ALL, false},
    {"open /etc/passwd", open_passwd, ALL, false},
    {"open /", open_root, ALL, false},
    {"open /proc/self/mem", open_own_memory, ALL, false},
    {"make a file elsewhere", write_file, ALL, false},
    {"dup", duplicate, ALL, false},
    {"dup2", duplicate_over, ALL, false},
    {"fcntl(F_DUPFD)", duplicate_fcntl, ALL, false},
    {"fork", fork_child, ALL, false},
    {"execve", execute, ALL, false},
    {"execveat", execute_at, ALL, false},
    {"mmap(PROT_EXEC)", map_executable, ALL, false},
    {"mmap of a file", map_writable_file, C | Q | R, false},
    {"mprotect(PROT_EXEC)", make_executable, ALL, false},
    {"memfd_create", make_memfd, ALL, false},
    {"pipe", make_pipe, ALL, false},
    {"io_uring_setup", uring, ALL, true},
    {"bpf", load_bpf, ALL, true},
    {"perf_event_open", perf_event, ALL, true},
    {"userfaultfd", user_fault, ALL, true},
    {"ptrace", trace_me, ALL, false},
    {"process_vm_readv", read_other, ALL, true},
    {"kill", signal_parent, ALL, false},
    {"unshare(CLONE_NEWUSER)", new_user_namespace, ALL, true},
    {"unshare(CLONE_NEWNET)", new_net_namespace, ALL, true},
    {"setresuid(0)", become_root, ALL, true},
    {"setgroups", change_group, ALL, true},
    {"chroot", change_root, ALL, true},
    {"chdir", change_folder, ALL, false},
    {"prctl(PR_SET_DUMPABLE)", own_dumpable, ALL, false},
    {"symlinkat", link_symbolic, ALL, false},
    {"linkat", link_hard, ALL, false},
    {"mknodat", make_node, ALL, false},
    {"fchown", change_owner, ALL, true},
    {"fchmodat", change_mode_by_path, ALL, false},
    {"fchmod: set-uid", set_uid_bit, ALL, false},
    {"fchmod: a folder open to all", open_to_all, ALL, false},
    {"fsetxattr", set_attribute, ALL, true},
    {"ioctl", type_into_terminal, ALL, false},
    {"setrlimit", raise_limit, ALL, false},
    {"setpriority", set_priority, ALL, false},
    {"sethostname", set_name, ALL, true},
    {"add_key", add_key, ALL, true},
    {"write to a file", write_elsewhere, C | Q | R, false},
};

/* What an attempt outside left behind. */
static void
tidy(void)
{
	(void)unlinkat(attack_place.dir, "planted", 0);
	(void)unlinkat(attack_place.dir, "twin", 0);
	(void)unlinkat(attack_place.dir, "fifo", 0);
	(void)fchmod(attack_place.open, 0644);
	(void)fchmod(attack_place.dir, 0755);
}

void
attack_one(const struct attack *a, attack_enter_fn *enter)
{
	enum verdict outside, inside;

	outside = attempt(a->run, NULL);
	tidy();
	inside = attempt(a->run, enter);
	tidy();
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
	run_list(everywhere, sizeof(everywhere) / sizeof(everywhere[0]), in,
	    enter);
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

/* ---- the rules, read as the kernel should ---------------------------------- */

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

/* ---- every condition broken ------------------------------------------------ */

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

/* ---- printing -------------------------------------------------------------- */

static void
print_condition(const struct gp_arg *a)
{
	if (a->op == GP_ARG_EQ)
		printf(" a%u = %#llx", a->index, (unsigned long long)a->a);
	else if (a->op == GP_ARG_MASKED)
		printf(" a%u & %#llx = %#llx", a->index,
		    (unsigned long long)a->a, (unsigned long long)a->b);
}

void
attack_print(const struct gp_rules *rules)
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

/* ---- place ----------------------------------------------------------------- */

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
	sa = receiver_name(&len);
	if (p->receiver < 0 ||
	    bind(p->receiver, (struct sockaddr *)&sa, len) < 0)
		exit(1);
}

void
attack_end(void)
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
		attack_print(rules);
		return 0;
	}
	if (attempt(nothing, enter) == NO_ENTRY) {
		attack_end();
		skip_all("no Landlock or seccomp here");
	}
	attack_allowed("doing nothing", nothing, enter);
	attack_run(list, n, in, enter);
	attack_sweep(rules, enter);
	attack_arguments(rules, enter);
	attack_end();
	return tap_done();
}
