#include "querier/remote.h"

#include "querier/session.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "goquery-remote"

_Noreturn void
remote_exec(char **argv)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path,
	    sizeof(path) - sizeof(PROGRAM));
	char *slash;

	if (n <= 0)
		session_die(EXIT_ERROR, "--remote: %s", strerror(errno));
	path[n] = '\0';
	slash = strrchr(path, '/');
	(void)strcpy(slash + 1, PROGRAM);
	(void)execv(path, argv);
	session_die(EXIT_ERROR, "--remote: %s: %s%s", path, strerror(errno),
	    errno == ENOENT ? "; it comes with package goprobe-export" : "");
}
