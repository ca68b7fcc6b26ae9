#include "querier/export/secret.h"

#include "common/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
check(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (st.st_mode & 07) ||
	    (st.st_uid != 0 && st.st_uid != geteuid()))
		return SECRET_SHARED;
	return 0;
}

int
secret_read(const char *path, char **out)
{
	char *text = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int rc = fd < 0 ? -errno : check(fd);
	ssize_t n;

	if (rc != 0)
		goto out;
	text = calloc(1, SECRET_MAX + 1);
	if (!text) {
		rc = -ENOMEM;
		goto out;
	}
	n = gp_fd_read_full(fd, text, SECRET_MAX);
	if (n < 0) {
		rc = (int)n;
		goto out;
	}
	text[strcspn(text, "\r\n")] = '\0';
	*out = text;
	text = NULL;
out:
	free(text);
	gp_fd_close(&fd);
	return rc;
}
