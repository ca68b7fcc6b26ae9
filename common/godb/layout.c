#include "common/godb/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"

bool
godb_iface_valid(const char *name)
{
	size_t len = strnlen(name, 16);

	if (len == 0 || len > 15 || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0 || strcmp(name, GDI_LOST_FOUND) == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= 0x20 || name[i] > 0x7e || name[i] == '/')
			return false;
	return true;
}

/* ---- marker -------------------------------------------------------------- */

/* Text, so that a person who finds the folder knows what it is. */
#define MARKER_FIRST  "goDB store\n"
#define MARKER_FORMAT "format "

int
gdi_marker_check(int store_fd)
{
	char *text = NULL;
	const char *p;
	size_t len;
	unsigned major, minor;
	int rc = gp_fd_read_file(store_fd, GDI_MARKER, 4096, &text, &len);

	if (rc == -ENOENT || rc == -ELOOP || rc == -EFBIG || rc == -EISDIR ||
	    rc == -EINVAL)
		return GODB_ENOTSTORE;
	if (rc < 0)
		return rc;
	p = text;
	if (strncmp(p, MARKER_FIRST, strlen(MARKER_FIRST)) != 0)
		rc = GODB_ENOTSTORE;
	else if (sscanf(p + strlen(MARKER_FIRST), MARKER_FORMAT "%5u.%5u\n",
		     &major, &minor) != 2)
		rc = GODB_EDAMAGED;
	else if (major > GODB_FORMAT_MAJOR)
		rc = GODB_ENEWER;
	free(text);
	return rc;
}

int
gdi_marker_create(int store_fd, uint32_t mode)
{
	uint8_t id[16];
	char text[128];
	int n, fd;

	if (gdi_random(id, sizeof(id)) < 0)
		return -EIO;
	n = snprintf(text, sizeof(text),
	    MARKER_FIRST MARKER_FORMAT "%d.%d\nid ",
	    GODB_FORMAT_MAJOR, GODB_FORMAT_MINOR);
	for (size_t i = 0; i < sizeof(id); i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%02x",
		    id[i]);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "\n");
	fd = gp_fd_replace(store_fd, GDI_MARKER, mode, text, (size_t)n);
	if (fd < 0)
		return fd;
	gp_fd_close(&fd);
	return gp_fd_sync(store_fd);
}

/* ---- lock ---------------------------------------------------------------- */

/* linux/magic.h, and the file systems' own sources where it has none. */
static const struct {
	uint32_t type;
	const char *name;
} elsewhere[] = {
    {0x6969, "NFS"},
    {0xff534d42, "SMB"},
    {0xfe534d42, "SMB"},
    {0x517b, "SMB"},
    {0x01021997, "9P"},
    {0x00c36400, "Ceph"},
    {0x6b414653, "AFS"},
    {0x5346414f, "AFS"},
    {0x73757245, "Coda"},
    {0x0bd00bd0, "Lustre"},
    {0x47504653, "GPFS"},
    {0x01161970, "GFS2"},
    {0x7461636f, "OCFS2"},
};

/* Where other machines can write, the lock keeps nobody away for certain, and
 * a file that was synced may be on no disk. */
static int
must_be_local(int store_fd, struct godb_diag *diag)
{
	struct statfs st;

	if (fstatfs(store_fd, &st) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(*elsewhere); i++) {
		if ((uint32_t)st.f_type != elsewhere[i].type)
			continue;
		if (diag)
			(void)snprintf(diag->text, sizeof(diag->text),
			    "the store is on a network file system (%s): it "
			    "must be on a local one", elsewhere[i].name);
		return -EREMOTE;
	}
	return 0;
}

/* For whoever comes second.  Its block is kept, not freed and asked for again,
 * and a full disk keeps nobody from what makes room. */
static int
write_holder(int fd, const char *owner)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "%.64s (pid %d)\n",
	    owner ? owner : "a writer", (int)getpid());
	int rc = gp_fd_pwrite_full(fd, text, (size_t)n, 0);

	if (rc == -ENOSPC || rc == -EDQUOT)
		n = rc = 0;
	if (rc == 0 && ftruncate(fd, n) < 0)
		rc = -errno;
	return rc;
}

int
gdi_lock(int store_fd, const char *owner, int *lock_fd,
    struct godb_diag *diag)
{
	char text[128];
	/* whoever may open it could take the lock, and with it the writer */
	const uint32_t mode = 0600;
	int fd, rc = must_be_local(store_fd, diag);

	if (rc < 0)
		return rc;
	fd = gp_fd_openat(store_fd, GDI_LOCK, O_RDWR | O_CREAT, mode);
	if (fd < 0)
		return fd;
	(void)fchmod(fd, mode);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		ssize_t got;

		rc = errno == EWOULDBLOCK ? GODB_ELOCKED : -errno;
		got = gp_fd_pread_full(fd, text, sizeof(text) - 1, 0);
		text[got > 0 ? got : 0] = '\0';
		text[strcspn(text, "\n")] = '\0';
		for (char *p = text; *p; p++)
			if (*p < 0x20 || *p > 0x7e)
				*p = '?';
		if (diag && rc == GODB_ELOCKED)
			(void)snprintf(diag->text, sizeof(diag->text),
			    "store is locked by %s",
			    text[0] ? text : "another writer");
		if (diag && (rc == -ENOLCK || rc == -EOPNOTSUPP))
			(void)snprintf(diag->text, sizeof(diag->text),
			    "the store's file system has no locks: it must "
			    "be a local one");
		gp_fd_close(&fd);
		return rc;
	}
	rc = write_holder(fd, owner);
	if (rc < 0) {
		gp_fd_close(&fd);
		return rc;
	}
	*lock_fd = fd;
	return 0;
}

/* ---- folders ------------------------------------------------------------- */

int
gdi_folder_make(int parent, const char *name, uint32_t mode)
{
	bool made = mkdirat(parent, name, mode) == 0;
	int fd, rc = 0;

	if (!made && errno != EEXIST)
		return -errno;
	fd = gp_fd_opendir_at(parent, name);
	if (fd < 0 || !made)
		return fd;
	if (fchmod(fd, mode) < 0)
		rc = -errno;
	if (rc == 0)
		rc = gp_fd_sync(parent);
	if (rc < 0) { /* the next attempt is to sync it */
		gp_fd_close(&fd);
		(void)unlinkat(parent, name, AT_REMOVEDIR);
		return rc;
	}
	return fd;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
any_entry(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int
gdi_folder_list(int fd, bool (*keep)(const char *name), char ***out)
{
	/* a descriptor of its own: the position is shared otherwise */
	int copy = gp_fd_openat(fd, ".", O_RDONLY | O_DIRECTORY, 0);
	char **list = NULL, **grown;
	size_t n = 0, cap = 0;
	const struct dirent *e;
	DIR *dir;
	int rc = 0;

	if (copy < 0)
		return copy;
	dir = fdopendir(copy);
	if (dir == NULL) {
		rc = -errno;
		gp_fd_close(&copy);
		return rc;
	}
	while (rc == 0 && (errno = 0, e = readdir(dir)) != NULL) {
		if (!any_entry(e->d_name) || (keep && !keep(e->d_name)))
			continue;
		if (n + 1 >= cap) {
			cap = cap ? cap * 2 : 32;
			grown = reallocarray(list, cap, sizeof(*grown));
			if (grown == NULL) {
				rc = -ENOMEM;
				break;
			}
			list = grown;
		}
		list[n] = strdup(e->d_name);
		if (list[n] == NULL)
			rc = -ENOMEM;
		else
			list[++n] = NULL;
	}
	if (rc == 0 && errno != 0)
		rc = -errno;
	(void)closedir(dir);
	if (rc == 0 && list == NULL) {
		list = calloc(1, sizeof(*list));
		if (list == NULL)
			rc = -ENOMEM;
	}
	if (rc < 0) {
		godb_ifaces_free(list);
		return rc;
	}
	qsort(list, n, sizeof(*list), compare_names);
	*out = list;
	return (int)n;
}

static bool
not_blank(const char *name)
{
	return strncmp(name, GDI_OWN, strlen(GDI_OWN)) != 0 &&
	    strcmp(name, GDI_LOST_FOUND) != 0;
}

int
gdi_folder_blank(int fd)
{
	char **list;
	int n = gdi_folder_list(fd, not_blank, &list);

	if (n < 0)
		return n;
	godb_ifaces_free(list);
	return n == 0;
}

void
godb_ifaces_free(char **ifaces)
{
	for (size_t i = 0; ifaces && ifaces[i]; i++)
		free(ifaces[i]);
	free(ifaces);
}

bool
gdi_listed(const char *const *list, const char *name)
{
	if (list == NULL)
		return true;
	for (size_t i = 0; list[i]; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

bool
gdi_is_iface(const char *name)
{
	return godb_iface_valid(name);
}

int
gdi_cache_remove(int dir, const char *name)
{
	int rc = unlinkat(dir, name, 0) < 0 ? -errno : 0;

	if (rc == -EISDIR)
		rc = unlinkat(dir, name, AT_REMOVEDIR) < 0 ? -errno : 0;
	return rc;
}

bool
gdi_is_strangers(int store_fd, const char *name)
{
	struct stat st, store;

	return fstat(store_fd, &store) == 0 &&
	    fstatat(store_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_uid != store.st_uid;
}

bool
gdi_is_day(const char *name)
{
	int64_t day_s;

	return gp_clock_day_parse(name, &day_s) == 0;
}

int64_t
gdi_journal_slot(const char *name, const char *suffix)
{
	size_t digits = strspn(name, "0123456789");
	int64_t slot_s = 0;

	if (digits == 0 || digits > 10 || (digits > 1 && name[0] == '0') ||
	    strncmp(name + digits, ".gpj", 4) != 0 ||
	    strcmp(name + digits + 4, suffix) != 0)
		return -1;
	for (size_t i = 0; i < digits; i++)
		slot_s = slot_s * 10 + (name[i] - '0');
	if (slot_s >= GP_TIME_MAX_S || slot_s % GP_SLOT_S != 0)
		return -1;
	return slot_s;
}

void
gdi_journal_name(int64_t slot_s, const char *suffix, char out[32])
{
	(void)snprintf(out, 32, "%" PRId64 ".gpj%s", slot_s, suffix);
}

bool
gdi_is_journal(const char *name)
{
	return gdi_journal_slot(name, "") >= 0;
}

bool
gdi_is_damaged_journal(const char *name)
{
	return gdi_journal_slot(name, GDI_DAMAGED) >= 0;
}

bool
gdi_is_new_journal(const char *name)
{
	return gdi_journal_slot(name, GDI_NEW) >= 0;
}

bool
gdi_is_removed_day(const char *name)
{
	char day[11] = {0};

	if (strlen(name) != 10 + strlen(GDI_REMOVED) ||
	    strcmp(name + 10, GDI_REMOVED) != 0)
		return false;
	memcpy(day, name, 10);
	return gdi_is_day(day);
}

int
gdi_open_below(int store_fd, const char *iface, const char *name)
{
	int iface_fd = gp_fd_opendir_at(store_fd, iface);
	int fd;

	if (iface_fd < 0 || name == NULL)
		return iface_fd;
	fd = gp_fd_opendir_at(iface_fd, name);
	gp_fd_close(&iface_fd);
	return fd;
}
