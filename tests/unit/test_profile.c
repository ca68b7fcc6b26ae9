/*
 * goquery's sandbox, tried from inside: each attempt runs in a child of its
 * own behind profile_enter.
 */
#include "querier/profile.h"

#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/test_profile.XXXXXX";
static int store_fd;

/* Each returns what to exit with: 0 when it went as it should inside. */
static int
nothing(void)
{
	return 0;
}

static int
read_store(void)
{
	char c;
	int fd = openat(store_fd, "file", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && pread(fd, &c, 1, 0) == 1 ? 0 : 1;
}

static int
identity(void)
{
	return geteuid() == 0 || getegid() == 0 || getuid() == 0;
}

static int
read_elsewhere(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES ? 0 : 1;
}

static int
read_folder(void)
{
	return open(folder, O_RDONLY | O_DIRECTORY) < 0 && errno == EACCES ?
	    0 : 1;
}

static int
write_store(void)
{
	return openat(store_fd, "file", O_WRONLY);
}

static int
read_write_store(void)
{
	return openat(store_fd, "file", O_RDWR);
}

static int
create(void)
{
	return openat(store_fd, "new", O_RDONLY | O_CREAT, 0644);
}

static int
make_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}

static int
spawn(void)
{
	return fork();
}

static int
execute(void)
{
	char *argv[] = {NULL};

	return execve("/bin/true", argv, argv);
}

static int
remove_file(void)
{
	return unlinkat(store_fd, "file", 0);
}

static int
executable_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static int
signal_other(void)
{
	return kill(1, 0);
}

static int
write_elsewhere(void)
{
	return write(store_fd, "x", 1) < 0;
}

/* Status as waitpid gives it, -1 when the sandbox could not be entered. */
static int
inside(int (*attempt)(void), bool landlock)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		const char *step = "";

		if (profile_enter(store_fd, -1, landlock, NULL, NULL, &step) < 0)
			_exit(99);
		_exit(attempt());
	}
	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 99 ? -1 : status;
}

static void
check_allowed(int (*attempt)(void), const char *what)
{
	is_int(inside(attempt, true), 0, "%s", what);
}

static void
check_killed(int (*attempt)(void), const char *what)
{
	int status = inside(attempt, true);

	ok(status != -1 && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS,
	    "%s: killed", what);
}

int
main(void)
{
	int fd;

#ifdef GP_SANITIZED
	skip_all("sanitizers make calls of their own");
#endif
	if (!mkdtemp(folder))
		return 1;
	(void)chmod(folder, 0755);
	store_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(store_fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	(void)!write(fd, "x", 1);
	(void)close(fd);
	if (inside(nothing, true) == -1) {
		(void)unlinkat(store_fd, "file", 0);
		(void)rmdir(folder);
		skip_all("no Landlock or seccomp here");
	}
	check_allowed(nothing, "entered");
	check_allowed(read_store, "the store can be read");
	is_int(inside(read_store, false), 0, "without Landlock, too");
	check_allowed(read_elsewhere, "another file cannot");
	check_killed(write_store, "open to write");
	check_killed(read_write_store, "open to read and write");
	check_killed(create, "create");
	check_killed(make_socket, "socket");
	check_killed(spawn, "fork");
	check_killed(execute, "execve");
	check_killed(remove_file, "unlinkat");
	check_killed(executable_memory, "executable memory");
	check_killed(signal_other, "kill");
	check_killed(write_elsewhere, "write to another descriptor");
	check_killed(identity, "even asking for the uid");
	fd = store_fd; /* --status needs no store: nothing can be opened */
	store_fd = -1;
	check_allowed(read_elsewhere, "without a store nothing can be read");
	check_allowed(read_folder, "not even that folder");
	store_fd = fd;
	(void)unlinkat(store_fd, "file", 0);
	(void)rmdir(folder);
	return tap_done();
}
