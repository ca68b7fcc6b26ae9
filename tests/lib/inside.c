/*
 * inside PID PATH...: what the threads of a running process may do with each
 * path, asked in their own name: "TID PATH rw" a line, `-` for what is denied.
 *
 * Each thread is stopped for a moment, its system call filter suspended (what
 * that forbids is another test's matter), and an openat(2) done in its place:
 * that is how Landlock shows, of which /proc says nothing.  `w` means that a
 * file can be made in a folder.  Exit 77: this machine cannot do it.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_CANNOT = 77 };

static _Noreturn void
cannot(const char *what)
{
	fprintf(stderr, "inside: %s: %s\n", what, strerror(errno));
	exit(EXIT_CANNOT);
}

#ifdef __x86_64__
#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif
#define RED_ZONE 128

struct thread {
	pid_t tid;
	int memory; /* of the process */
	struct user_regs_struct regs;
	unsigned long long insn; /* address of a `syscall` */
};

/* Any `syscall` instruction will do; libc is full of them. */
static unsigned long long
find_instruction(pid_t pid, int memory)
{
	static unsigned char code[1 << 20];
	char path[64], line[512];
	unsigned long long from, to, found = 0;
	FILE *maps;

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "r");
	if (maps == NULL)
		cannot(path);
	while (found == 0 && fgets(line, sizeof(line), maps)) {
		ssize_t got;

		if (sscanf(line, "%llx-%llx", &from, &to) != 2 ||
		    strstr(line, " r-xp ") == NULL ||
		    strstr(line, "/libc.so") == NULL)
			continue;
		got = pread(memory, code, sizeof(code), (off_t)from);
		for (ssize_t i = 0; i + 1 < got && found == 0; i++)
			if (code[i] == 0x0f && code[i + 1] == 0x05)
				found = from + (unsigned long long)i;
	}
	(void)fclose(maps);
	if (found == 0)
		cannot("no system call instruction");
	return found;
}

static long
call(const struct thread *t, long nr, long a, long b, long c, long d)
{
	struct user_regs_struct r = t->regs;
	int status;

	r.rip = t->insn;
	r.rax = (unsigned long long)nr;
	r.orig_rax = (unsigned long long)-1; /* no restart of what it was in */
	r.rdi = (unsigned long long)a;
	r.rsi = (unsigned long long)b;
	r.rdx = (unsigned long long)c;
	r.r10 = (unsigned long long)d;
	if (ptrace(PTRACE_SETREGS, t->tid, NULL, &r) < 0 ||
	    ptrace(PTRACE_SINGLESTEP, t->tid, NULL, NULL) < 0 ||
	    waitpid(t->tid, &status, __WALL) < 0 || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_GETREGS, t->tid, NULL, &r) < 0)
		cannot("call");
	return (long)r.rax;
}

static bool
opens(const struct thread *t, const char *path, int flags)
{
	char saved[4096];
	size_t len = strlen(path) + 1;
	off_t at = (off_t)(t->regs.rsp - RED_ZONE - sizeof(saved));
	long fd;

	if (len > sizeof(saved))
		return false;
	if (pread(t->memory, saved, len, at) != (ssize_t)len ||
	    pwrite(t->memory, path, len, at) != (ssize_t)len)
		cannot("memory");
	fd = call(t, SYS_openat, AT_FDCWD, (long)at, flags, 0600);
	if (fd >= 0)
		(void)call(t, SYS_close, fd, 0, 0, 0);
	if (pwrite(t->memory, saved, len, at) != (ssize_t)len)
		cannot("memory");
	return fd >= 0;
}

static void
ask_thread(pid_t pid, pid_t tid, char **paths)
{
	struct thread t = {.tid = tid};
	char name[64];
	int status;

	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0 ||
	    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0 ||
	    waitpid(tid, &status, __WALL) < 0)
		cannot("ptrace");
	if (ptrace(PTRACE_SETOPTIONS, tid, NULL,
		(void *)PTRACE_O_SUSPEND_SECCOMP) < 0)
		cannot("suspending the filter");
	(void)snprintf(name, sizeof(name), "/proc/%d/mem", pid);
	t.memory = open(name, O_RDWR | O_CLOEXEC);
	if (t.memory < 0 || ptrace(PTRACE_GETREGS, tid, NULL, &t.regs) < 0)
		cannot(name);
	t.insn = find_instruction(pid, t.memory);
	for (char **p = paths; *p; p++) {
		bool r = opens(&t, *p, O_RDONLY | O_CLOEXEC);
		bool w = opens(&t, *p, O_TMPFILE | O_WRONLY | O_CLOEXEC);

		printf("%d %s %c%c\n", tid, *p, r ? 'r' : '-', w ? 'w' : '-');
	}
	if (ptrace(PTRACE_SETREGS, tid, NULL, &t.regs) < 0 ||
	    ptrace(PTRACE_DETACH, tid, NULL, NULL) < 0)
		cannot("detach");
	(void)close(t.memory);
}

static void
ask_process(pid_t pid, char **paths)
{
	char name[64];
	const struct dirent *e;
	DIR *dir;

	(void)snprintf(name, sizeof(name), "/proc/%d/task", pid);
	dir = opendir(name);
	if (dir == NULL)
		cannot(name);
	while ((e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			ask_thread(pid, atoi(e->d_name), paths);
	(void)closedir(dir);
}
#else
static void
ask_process(pid_t pid, char **paths)
{
	(void)pid;
	(void)paths;
	errno = ENOSYS;
	cannot("this processor");
}
#endif

int
main(int argc, char **argv)
{
	if (argc < 3) {
		fputs("usage: inside PID PATH...\n", stderr);
		return 2;
	}
	ask_process(atoi(argv[1]), argv + 2);
	return fflush(stdout) == 0 ? 0 : 1;
}
