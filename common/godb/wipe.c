/*
 * wipe - all of a store's data, for good.
 */
#include "common/godb/godb_write.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/fd.h"
#include "common/godb/layout.h"
#include "common/godb/schema.h"

struct wipe {
	bool dry_run;
	uint64_t n_ifaces, bytes;
	uint64_t n_left;  /* not the store's */
	char first[80];   /* of these */
	bool unseen;      /* one cannot be looked into: rows may be there */
};

static void
leave(struct wipe *w, const char *a, const char *b, const char *c)
{
	if (w->n_left++ > 0)
		return;
	(void)snprintf(w->first, sizeof(w->first), "%s%s%s%s%s", a,
	    *b ? "/" : "", b, *c ? "/" : "", c);
	for (char *p = w->first; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
}

/* ---- what is the store's ------------------------------------------------- */

/* NAME itself, or as it is while it is written, or as repair kept it. */
static bool
is_form_of(const char *name, const char *own)
{
	const char *p = name + strlen(own);

	if (strncmp(name, own, strlen(own)) != 0)
		return false;
	if (*p == '\0' || strcmp(p, GDI_NEW) == 0)
		return true;
	if (strncmp(p, GDI_DAMAGED, strlen(GDI_DAMAGED)) != 0)
		return false;
	p += strlen(GDI_DAMAGED);
	return *p == '\0' || (*p == '.' && p[1] != '\0' &&
		p[1 + strspn(p + 1, "0123456789")] == '\0');
}

static bool
in_day(const char *name)
{
	for (size_t c = 0; c < GODB_N_COLUMNS; c++)
		if (is_form_of(name, gdi_columns[c].file))
			return true;
	return is_form_of(name, GDI_INDEX) || is_form_of(name, GDI_ROLLUPS) ||
	    is_form_of(name, GDI_ROLLED) || is_form_of(name, GDI_ADDRESSES);
}

static bool
in_journals(const char *name)
{
	return gdi_journal_slot(name, "") >= 0 ||
	    gdi_is_damaged_journal(name) || gdi_is_new_journal(name) ||
	    gdi_journal_slot(name, GDI_UNREADABLE) >= 0;
}

static bool
in_iface(const char *name)
{
	return is_form_of(name, GDI_SUMMARY) || is_form_of(name, GDI_GONE);
}

/* ---- one file, one folder ------------------------------------------------ */

/* 1 it is, or would be, gone; 0 it is no file; -errno. */
static int
wipe_file(struct wipe *w, int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	if (!w->dry_run && unlinkat(dir, name, 0) < 0)
		return -errno;
	w->bytes += (uint64_t)st.st_size;
	return 1;
}

/* One that holds something else stays, which was told. */
static int
remove_folder(const struct wipe *w, int parent, const char *name)
{
	if (w->dry_run || unlinkat(parent, name, AT_REMOVEDIR) == 0 ||
	    errno == ENOTEMPTY || errno == EEXIST)
		return 0;
	return -errno;
}

/* A day, or the journals: own files, then the folder. */
static int
wipe_folder(struct wipe *w, int iface_fd, const char *iface, const char *name,
    bool (*own)(const char *))
{
	int fd = gp_fd_opendir_at(iface_fd, name);
	char **files;
	int n = fd < 0 ? fd : gdi_folder_list(fd, NULL, &files);
	int rc = n < 0 ? n : 0;

	for (int i = 0; i < n; i++) {
		int one = own(files[i]) ? wipe_file(w, fd, files[i]) : 0;

		if (one == 0)
			leave(w, iface, name, files[i]);
		rc = rc < 0 || one > 0 ? rc : one;
	}
	if (n >= 0)
		godb_ifaces_free(files);
	gp_fd_close(&fd);
	return rc < 0 ? rc : remove_folder(w, iface_fd, name);
}

static bool
is_no_folder(int rc)
{
	return rc == -ENOTDIR || rc == -ELOOP;
}

/* 1 it was of the store, 0, -errno. */
static int
wipe_entry(struct wipe *w, int fd, const char *iface, const char *name)
{
	bool journals = strcmp(name, GDI_JOURNALS) == 0;
	int rc = 0;

	if (journals || gdi_is_day(name) || gdi_is_removed_day(name)) {
		rc = wipe_folder(w, fd, iface, name,
		    journals ? in_journals : in_day);
		if (!is_no_folder(rc))
			return rc < 0 ? rc : 1;
		rc = 0;
	} else if (in_iface(name)) {
		rc = wipe_file(w, fd, name);
	}
	if (rc == 0)
		leave(w, iface, name, "");
	return rc;
}

/* A folder in which nothing is the store's is no interface, and stays, unless
 * it is empty. */
static int
wipe_iface(struct wipe *w, int store_fd, const char *iface)
{
	int fd = gp_fd_opendir_at(store_fd, iface);
	char **entries;
	int n = fd < 0 ? fd : gdi_folder_list(fd, NULL, &entries);
	int rc = 0;
	bool own = false;

	w->unseen |= n == -EACCES;
	if (is_no_folder(n) || n == -EACCES) {
		leave(w, iface, "", "");
		return 0;
	}
	for (int i = 0; i < n; i++) {
		int one = wipe_entry(w, fd, iface, entries[i]);

		own |= one > 0;
		rc = rc < 0 || one > 0 ? rc : one;
	}
	if (n >= 0)
		godb_ifaces_free(entries);
	gp_fd_close(&fd);
	if (n < 0)
		return n;
	w->n_ifaces += own && rc == 0;
	return rc < 0 || (!own && n > 0) ? rc :
	    remove_folder(w, store_fd, iface);
}

/* ---- all of it ----------------------------------------------------------- */

/* The marker and the lock stay. */
static int
wipe_in_root(struct wipe *w, int store_fd, const char *name)
{
	if (is_form_of(name, GDI_MARKER) ||
	    strcmp(name, GDI_LOCK) == 0 || strcmp(name, GDI_LOST_FOUND) == 0 ||
	    is_form_of(name, GDI_REGISTRY))
		return 0;
	if (gdi_is_iface(name))
		return wipe_iface(w, store_fd, name);
	leave(w, name, "", "");
	return 0;
}

static int
wipe_names(struct wipe *w, int store_fd, char *const *entries, int n)
{
	uint64_t bytes = w->bytes; /* of interfaces alone */
	int rc = 0;

	for (int i = 0; rc >= 0 && i < n; i++)
		if (is_form_of(entries[i], GDI_REGISTRY))
			rc = wipe_file(w, store_fd, entries[i]);
	w->bytes = bytes;
	return rc < 0 ? rc : 0;
}

/* Rows without their names would be a wrong answer, so the names go last. */
static int
wipe_all(struct wipe *w, int store_fd)
{
	char **entries;
	int n = gdi_folder_list(store_fd, NULL, &entries);
	int rc = n < 0 ? n : 0;

	for (int i = 0; i < n; i++) {
		int one = wipe_in_root(w, store_fd, entries[i]);

		rc = rc < 0 ? rc : one;
	}
	if (rc == 0 && !w->unseen)
		rc = wipe_names(w, store_fd, entries, n);
	if (n >= 0)
		godb_ifaces_free(entries);
	if (rc == 0 && !w->dry_run)
		rc = gp_fd_sync(store_fd);
	return rc < 0 || w->n_left == 0 ? rc : -ENOTEMPTY;
}

static void
say_left(const struct wipe *w, struct godb_diag *diag)
{
	char more[40] = "";

	if (w->n_left > 1)
		(void)snprintf(more, sizeof(more), " and %" PRIu64 " more",
		    w->n_left - 1);
	(void)snprintf(diag->text, sizeof(diag->text), "%s%s %s left: not of "
	    "the store", w->first, more, w->dry_run ? "would be" :
	    w->n_left > 1 ? "are" : "is");
}

int
godb_wipe(int store_fd, const char *owner, bool dry_run, uint64_t *n_ifaces,
    uint64_t *bytes, struct godb_diag *diag)
{
	struct wipe w = {.dry_run = dry_run};
	int lock_fd = -1, rc = gdi_marker_check(store_fd);

	if (rc == 0 && !dry_run)
		rc = gdi_lock(store_fd, owner, &lock_fd, diag);
	if (rc == 0) {
		rc = wipe_all(&w, store_fd);
		*n_ifaces = w.n_ifaces;
		*bytes = w.bytes;
	}
	if (rc == -ENOTEMPTY && diag)
		say_left(&w, diag);
	gp_fd_close(&lock_fd);
	return rc;
}
