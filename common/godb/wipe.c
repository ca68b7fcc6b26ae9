/*
 * wipe - all of a store's data, for good.
 */
#include "common/godb/godb_write.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/base/fd.h"
#include "common/godb/layout.h"
#include "common/godb/summary.h"

/* Files of a folder, then the folder; what is in it besides files stays. */
static int
wipe_folder(int parent, const char *name, bool dry_run, uint64_t *bytes)
{
	int fd = gp_fd_opendir_at(parent, name);
	char **files;
	uint64_t own = 0;
	int n = fd < 0 ? fd : gdi_folder_list(fd, NULL, &files);
	int rc = n < 0 ? n : gdi_folder_bytes(fd, &own);

	*bytes += own;
	for (int i = 0; i < n && !dry_run; i++)
		if (unlinkat(fd, files[i], 0) < 0 && rc == 0)
			rc = errno == EISDIR ? -ENOTEMPTY : -errno;
	if (n >= 0)
		godb_ifaces_free(files);
	gp_fd_close(&fd);
	if (rc == 0 && !dry_run && unlinkat(parent, name, AT_REMOVEDIR) < 0)
		rc = -errno;
	return rc;
}

static int
wipe_iface(int store_fd, const char *iface, bool dry_run, uint64_t *bytes)
{
	int fd = gp_fd_opendir_at(store_fd, iface);
	char **entries;
	int n = fd < 0 ? fd : gdi_folder_list(fd, NULL, &entries);
	int rc = n < 0 ? n : 0;

	for (int i = 0; i < n; i++) {
		const char *name = entries[i];
		int one = 0;

		if (gdi_is_day(name) || gdi_is_removed_day(name) ||
		    strcmp(name, GDI_JOURNALS) == 0)
			one = wipe_folder(fd, name, dry_run, bytes);
		rc = rc < 0 ? rc : one;
	}
	if (n >= 0)
		godb_ifaces_free(entries);
	gp_fd_close(&fd);
	if (n < 0)
		return n == -ENOTDIR || n == -ELOOP ? 0 : n;
	/* the summary and what else may lie there */
	return rc < 0 ? rc : wipe_folder(store_fd, iface, dry_run, bytes);
}

/* Rows without their names would be a wrong answer, so the names go last. */
static int
wipe_all(int store_fd, bool dry_run, uint64_t *n_ifaces, uint64_t *bytes)
{
	char **ifaces;
	int n = gdi_folder_list(store_fd, gdi_is_iface, &ifaces);
	int rc = n < 0 ? n : 0;

	*n_ifaces = *bytes = 0;
	for (int i = 0; i < n; i++) {
		int one = wipe_iface(store_fd, ifaces[i], dry_run, bytes);

		*n_ifaces += one == 0;
		rc = rc < 0 ? rc : one;
	}
	if (n >= 0)
		godb_ifaces_free(ifaces);
	if (rc == 0 && !dry_run && unlinkat(store_fd, GDI_REGISTRY, 0) < 0 &&
	    errno != ENOENT)
		rc = -errno;
	return rc < 0 || dry_run ? rc : gp_fd_sync(store_fd);
}

int
godb_wipe(int store_fd, const char *owner, bool dry_run, uint64_t *n_ifaces,
    uint64_t *bytes, struct godb_diag *diag)
{
	int lock_fd = -1, rc = gdi_marker_check(store_fd);

	if (rc == 0 && !dry_run)
		rc = gdi_lock(store_fd, owner, &lock_fd, diag);
	if (rc == 0)
		rc = wipe_all(store_fd, dry_run, n_ifaces, bytes);
	gp_fd_close(&lock_fd);
	return rc;
}
