#include "capture/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/fd.h"

#define FILTER_MAX 65536 /* bytes of a filter_file */

void
filter_name(const struct gp_conf_capture *c, char *out, size_t size)
{
	(void)snprintf(out, size, "%s%s",
	    c->filter_file[0] ? "filter_file " : "filter", c->filter_file);
}

/* The file's text in one line.  What is wrong with it, or NULL. */
static const char *
read_file(const char *path, char *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return strerror(errno);
	/* nobody may ever write to it */
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode)) {
		gp_fd_close(&fd);
		return "a pipe; the filter is a file";
	}
	n = gp_fd_read_full(fd, text, FILTER_MAX + 1);
	gp_fd_close(&fd);
	if (n < 0)
		return strerror((int)-n);
	if (n > FILTER_MAX)
		return "larger than 64 KiB";
	if (memchr(text, '\0', (size_t)n))
		return "holds a NUL byte";
	for (char *p = text; *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	return NULL;
}

char *
filter_read(const struct gp_conf_capture *c, char error[SOURCE_ERROR_MAX])
{
	bool in_file = c->filter_file[0] != '\0';
	char *text = in_file ? calloc(1, FILTER_MAX + 2) : strdup(c->filter);
	const char *wrong = text == NULL ? "out of memory" :
	    in_file ? read_file(c->filter_file, text) : NULL;
	char name[256];

	if (wrong == NULL)
		return text;
	filter_name(c, name, sizeof(name));
	(void)snprintf(error, SOURCE_ERROR_MAX, "%s: %s", name, wrong);
	free(text);
	return NULL;
}

int
filter_check(const char *conf_path, const struct gp_conf_capture *c,
    char error[SOURCE_ERROR_MAX])
{
	char why[SOURCE_ERROR_MAX], name[256], *text = filter_read(c, why);
	int n, rc = 0;

	n = snprintf(name, sizeof(name), "%.120s:%d: ", conf_path,
	    c->filter_line);
	n += snprintf(name + n, sizeof(name) - (size_t)n,
	    c->name[0] ? "[interface %s]: " : "[capture]: %s", c->name);
	if (text == NULL) {
		(void)snprintf(error, SOURCE_ERROR_MAX, "%s%.250s", name, why);
		return -EINVAL;
	}
	filter_name(c, name + n, sizeof(name) - (size_t)n);
	if (text[0])
		rc = source_check_filter(name, text, error);
	free(text);
	return rc < 0 ? -EINVAL : 0;
}
