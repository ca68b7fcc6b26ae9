#include "tests/lib/attack_everywhere.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
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
#include <sys/xattr.h>
#include <unistd.h>

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

static int
connect_elsewhere(void)
{
	socklen_t len;
	struct sockaddr_un sa = attack_place_receiver(&len);

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
	struct sockaddr_un sa = attack_place_receiver(&len);

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
	struct sockaddr_un sa = attack_place_receiver(&len);
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
const struct attack attack_everywhere[] = {
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
const size_t attack_everywhere_n =
    sizeof(attack_everywhere) / sizeof(attack_everywhere[0]);

void
attack_everywhere_tidy(void)
{
	(void)unlinkat(attack_place.dir, "planted", 0);
	(void)unlinkat(attack_place.dir, "twin", 0);
	(void)unlinkat(attack_place.dir, "fifo", 0);
	(void)fchmod(attack_place.open, 0644);
	(void)fchmod(attack_place.dir, 0755);
}
