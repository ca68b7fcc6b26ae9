/*
 * names_used - the ids of application names that indexes say rows have.
 */
#include "common/godb/names.h"

#include <errno.h>

#include "common/base/fd.h"
#include "common/godb/index.h"
#include "common/godb/layout.h"

size_t
gdi_names_used(const struct gdi_index *x)
{
	size_t end = 0;

	for (size_t i = 0; i < x->n; i++) {
		struct gdi_extent e;
		struct gdi_chunk chunk;

		if (gdi_extent_open(&x->records[i], GODB_L7PROTO, &e) < 0)
			continue;
		while (gdi_extent_next(&e, &chunk) == 1)
			if (chunk.rows > 0 && chunk.max >= end)
				end = (size_t)chunk.max + 1;
	}
	return end < GDI_L7_MAX ? end : GDI_L7_MAX;
}

/* Of an index with damage there is what holds; of one that is not there or is
 * none, nothing. */
static int
used_in_day(int iface_fd, const char *day, size_t *end)
{
	struct gdi_index x;
	int rc = gdi_index_read_named(iface_fd, day, &x);
	size_t n;

	if (rc != 1)
		return rc;
	n = gdi_names_used(&x);
	*end = n > *end ? n : *end;
	gdi_index_free(&x);
	return 0;
}

static int
used_in_iface(int store_fd, const char *iface, size_t *end)
{
	int fd = gp_fd_opendir_at(store_fd, iface);
	char **days;
	int n = fd < 0 ? fd : gdi_folder_list(fd, gdi_is_day, &days);
	/* what is not ours to read is no interface of this store */
	int rc = n < 0 && n != -EACCES && !gdi_index_is_none(n) ? n : 0;

	for (int i = 0; rc == 0 && i < n; i++)
		rc = used_in_day(fd, days[i], end);
	if (n >= 0)
		godb_ifaces_free(days);
	gp_fd_close(&fd);
	return rc;
}

int
gdi_names_settle(struct gdi_names *x, int store_fd)
{
	char **ifaces;
	size_t end = 0;
	int n, rc;

	if (!x->unsure)
		return 0;
	n = gdi_folder_list(store_fd, gdi_is_iface, &ifaces);
	rc = n < 0 ? n : 0;
	for (int i = 0; rc == 0 && i < n; i++)
		rc = used_in_iface(store_fd, ifaces[i], &end);
	if (n >= 0)
		godb_ifaces_free(ifaces);
	if (rc == 0)
		rc = gdi_names_reserve(x, end);
	if (rc == 0)
		x->unsure = false;
	return rc;
}
