/*
 * replay [CORPUS [TARGET]] - every committed input through its fuzz target:
 * a line of TAP for each target.  A target runs in a process of its own; the
 * input at which it ended, or hung, is named.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/fd.h"
#include "tests/lib/folder.h"
#include "tests/tap.h"

#define INPUT_MAX (1u << 20)
#define INPUT_S   20 /* longest time of one input, under sanitizers */

typedef int target_fn(const uint8_t *data, size_t len);
#define TARGET(name) target_fn fuzz_##name
TARGET(decode);
TARGET(dpi);
TARGET(pcapfile);
TARGET(frame);
TARGET(ring);
TARGET(hello);
TARGET(conf);
TARGET(cond);
TARGET(queryargs);
TARGET(index);
TARGET(journal);
TARGET(column);
TARGET(addresses);
TARGET(rollups);
TARGET(compact);
TARGET(arrays);

static const struct {
	const char *name;
	target_fn *run;
} targets[] = {
    {"decode", fuzz_decode},
    {"dpi", fuzz_dpi},
    {"pcapfile", fuzz_pcapfile},
    {"frame", fuzz_frame},
    {"ring", fuzz_ring},
    {"hello", fuzz_hello},
    {"conf", fuzz_conf},
    {"cond", fuzz_cond},
    {"queryargs", fuzz_queryargs},
    {"index", fuzz_index},
    {"journal", fuzz_journal},
    {"column", fuzz_column},
    {"addresses", fuzz_addresses},
    {"rollups", fuzz_rollups},
    {"compact", fuzz_compact},
    {"arrays", fuzz_arrays},
};

/* Seen by both processes. */
static struct {
	unsigned done;
	char input[512]; /* in work */
} *shared;

static int
visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int
run_inputs(const char *folder, target_fn *run)
{
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **list = NULL;
	int n = dir < 0 ? -1 : scandir(folder, &list, visible, alphasort);

	for (int i = 0; i < n; i++) {
		char *data = NULL;
		size_t len = 0;

		(void)snprintf(shared->input, sizeof(shared->input), "%s/%s",
		    folder, list[i]->d_name);
		if (gp_fd_read_file(dir, list[i]->d_name, INPUT_MAX, &data,
			&len) != 0)
			return 2;
		alarm(INPUT_S);
		(void)run((const uint8_t *)data, len);
		alarm(0);
		shared->done++;
		free(data);
		free(list[i]);
	}
	free(list);
	if (dir >= 0)
		(void)close(dir);
	return 0;
}

static void
replay(const char *corpus, const char *name, target_fn *run)
{
	char folder[128];
	int status = -1;
	pid_t pid;

	(void)snprintf(folder, sizeof(folder), "%s/%s", corpus, name);
	memset(shared, 0, sizeof(*shared));
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		exit(run_inputs(folder, run));
	if (pid > 0)
		(void)waitpid(pid, &status, 0);
	if (ok(status == 0 && shared->done > 0, "%s: %u inputs", name,
		shared->done))
		return;
	if (WIFSIGNALED(status))
		diag("signal %d", WTERMSIG(status));
	diag("status %d at %s", status, shared->input);
}

int
main(int argc, char **argv)
{
	const char *corpus = argc > 1 ? argv[1] : "tests/fuzz/corpus";
	const char *only = argc > 2 ? argv[2] : NULL;
	char tmp[] = "/tmp/fuzz-replay.XXXXXX";

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || !mkdtemp(tmp) ||
	    setenv("FUZZ_TMP", tmp, 1) != 0)
		return 99;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (!only || strcmp(only, targets[i].name) == 0)
			replay(corpus, targets[i].name, targets[i].run);
	/* what a crash has left */
	folder_remove(tmp);
	return tap_done();
}
