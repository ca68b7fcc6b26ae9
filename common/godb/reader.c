/*
 * reader - a store's folder, opened for reading; its interfaces and days.
 */
#include "common/godb/scan_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/layout.h"

int
godb_reader_openat(int dirfd, struct godb_reader **out)
{
	struct godb_reader *r = calloc(1, sizeof(*r));
	int rc = r ? gdi_marker_check(dirfd) : -ENOMEM;

	if (rc < 0 || r == NULL) {
		free(r);
		gp_fd_close(&dirfd);
		return rc;
	}
	r->store_fd = dirfd;
	*out = r;
	return 0;
}

int
godb_reader_open(const char *path, struct godb_reader **out)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : godb_reader_openat(fd, out);
}

int
gdi_reader_fd(const struct godb_reader *r)
{
	return r->store_fd;
}

void
godb_reader_close(struct godb_reader *r)
{
	if (r == NULL)
		return;
	gp_fd_close(&r->store_fd);
	free(r);
}

bool
gdi_reader_has(const struct godb_reader *r, const char *iface)
{
	struct stat st;

	return godb_iface_valid(iface) &&
	    fstatat(r->store_fd, iface, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode); /* files are none */
}

int
godb_reader_ifaces(const struct godb_reader *r, char ***out)
{
	char **list;
	int n = gdi_folder_list(r->store_fd, gdi_is_iface, &list);
	int kept = 0;

	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		if (gdi_reader_has(r, list[i]))
			list[kept++] = list[i];
		else
			free(list[i]);
	}
	list[kept] = NULL;
	*out = list;
	return kept;
}

int
godb_reader_days(const struct godb_reader *r, const char *iface,
    struct godb_day **out)
{
	int fd = godb_iface_valid(iface) ?
	    gdi_open_below(r->store_fd, iface, NULL) : -ENOENT;
	struct godb_day *days;
	char **names;
	int n, kept = 0;

	if (fd < 0)
		return fd;
	n = gdi_folder_list(fd, gdi_is_day, &names);
	days = n < 0 ? NULL : calloc((size_t)n + 1, sizeof(*days));
	for (int i = 0; days && i < n; i++) {
		char path[32];
		struct stat st;

		(void)snprintf(path, sizeof(path), "%s/" GDI_INDEX, names[i]);
		if (fstatat(fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue; /* its first block is not there yet */
		(void)gp_clock_day_parse(names[i], &days[kept].day_s);
		days[kept].index_ns = gp_clock_ns_of(&st.st_mtim);
		days[kept++].index_bytes = (uint64_t)st.st_size;
	}
	if (n >= 0)
		godb_ifaces_free(names);
	gp_fd_close(&fd);
	if (n < 0)
		return n;
	if (days == NULL)
		return -ENOMEM;
	*out = days;
	return kept;
}
