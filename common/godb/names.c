#include "common/godb/names.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/fd.h"

static const struct godb_l7_name unknown = {"Unknown", "Unspecified"};

static bool
text_valid(const char *text, size_t size, bool may_be_empty)
{
	size_t len = strnlen(text, size);

	if (len == size || (len == 0 && !may_be_empty))
		return false;
	for (size_t i = 0; i < size; i++)
		if (i < len ? text[i] < 0x20 || text[i] > 0x7e : text[i] != 0)
			return false;
	return true;
}

bool
gdi_name_valid(const struct godb_l7_name *name)
{
	return text_valid(name->name, sizeof(name->name), false) &&
	    text_valid(name->category, sizeof(name->category), true);
}

int
gdi_names_find(const struct gdi_names *x, const char *name)
{
	for (size_t i = 0; i < x->n; i++)
		if (strcmp(x->list[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int
append(struct gdi_names *x, const struct godb_l7_name *name)
{
	if (x->n == GDI_L7_MAX)
		return GODB_EFULL;
	if (x->n == x->cap) {
		size_t cap = x->cap ? x->cap * 2 : 64;
		struct godb_l7_name *grown =
		    reallocarray(x->list, cap, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		x->list = grown;
		x->cap = cap;
	}
	x->list[x->n] = *name;
	return (int)x->n++;
}

int
gdi_names_add(struct gdi_names *x, const struct godb_l7_name *name)
{
	int id = gdi_names_find(x, name->name);

	return id >= 0 ? id : append(x, name);
}

/* ID TAB NAME TAB CATEGORY TAB CHECKSUM NEWLINE; the checksum is of what
 * stands before its tab. */
static int
line_format(char *out, size_t size, size_t id, const struct godb_l7_name *name)
{
	int n = snprintf(out, size, "%zu\t%s\t%s", id, name->name,
	    name->category);

	return n + snprintf(out + n, size - (size_t)n, "\t%016" PRIx64 "\n",
		       gdi_checksum(out, (size_t)n));
}

static bool
line_parse(const char *line, size_t len, size_t want_id,
    struct godb_l7_name *name)
{
	const char *tab[3];
	const char *p = line, *end = line + len;
	char again[256];
	size_t n;

	for (int i = 0; i < 3; i++) {
		tab[i] = memchr(p, '\t', (size_t)(end - p));
		if (tab[i] == NULL)
			return false;
		p = tab[i] + 1;
	}
	memset(name, 0, sizeof(*name));
	n = (size_t)(tab[1] - tab[0]) - 1;
	if (n >= sizeof(name->name))
		return false;
	memcpy(name->name, tab[0] + 1, n);
	n = (size_t)(tab[2] - tab[1]) - 1;
	if (n >= sizeof(name->category))
		return false;
	memcpy(name->category, tab[1] + 1, n);
	if (!gdi_name_valid(name))
		return false;
	n = (size_t)line_format(again, sizeof(again), want_id, name);
	return n == len && memcmp(again, line, n) == 0;
}

int
gdi_names_load(int store_fd, struct gdi_names *out)
{
	struct gdi_names x = {.fd = -1};
	char *text = NULL, *p, *nl;
	size_t len = 0;
	int rc = append(&x, &unknown);

	x.n_registered = 1;
	if (rc >= 0)
		rc = gp_fd_read_file(store_fd, GDI_REGISTRY,
		    GDI_REGISTRY_BYTES, &text, &len);
	if (rc == -ENOENT) {
		*out = x;
		return 0;
	}
	for (p = text; rc >= 0 && p < text + len; p = nl + 1) {
		struct godb_l7_name name;

		nl = memchr(p, '\n', (size_t)(text + len - p));
		if (nl == NULL)
			break; /* torn: its name is in no committed block */
		if (!line_parse(p, (size_t)(nl - p) + 1, x.n, &name)) {
			rc = GODB_EDAMAGED;
			break;
		}
		rc = append(&x, &name);
	}
	x.n_registered = x.n;
	x.end = text ? (uint64_t)(p - text) : 0;
	free(text);
	if (rc < 0) {
		gdi_names_free(&x);
		return rc == -EFBIG ? GODB_EDAMAGED : rc;
	}
	*out = x;
	return 0;
}

void
gdi_names_free(struct gdi_names *x)
{
	free(x->list);
	if (x->fd > 0)
		gp_fd_close(&x->fd);
	memset(x, 0, sizeof(*x));
	x->fd = -1;
}

static int
open_registry(struct gdi_names *x, int store_fd, uint32_t mode)
{
	int fd = gp_fd_openat(store_fd, GDI_REGISTRY, O_RDWR | O_CREAT, mode);

	if (fd < 0)
		return fd;
	/* cut a torn line before anything is put behind it */
	if (fchmod(fd, mode) < 0 || ftruncate(fd, (off_t)x->end) < 0) {
		int rc = -errno;

		gp_fd_close(&fd);
		return rc;
	}
	x->fd = fd;
	return 0;
}

int
gdi_names_register(struct gdi_names *x, int store_fd, uint32_t mode,
    const struct godb_l7_name *name)
{
	int id = gdi_names_find(x, name->name);
	char line[256];
	int n, rc = 0;

	if (id >= 0)
		return id;
	if (x->n == GDI_L7_MAX)
		return GODB_EFULL;
	if (x->fd < 0)
		rc = open_registry(x, store_fd, mode);
	if (rc < 0)
		return rc;
	n = line_format(line, sizeof(line), x->n, name);
	rc = gp_fd_pwrite_full(x->fd, line, (size_t)n, x->end);
	if (rc < 0) {
		(void)!ftruncate(x->fd, (off_t)x->end);
		return rc;
	}
	id = append(x, name);
	if (id < 0)
		return id;
	x->end += (uint64_t)n;
	x->n_registered = x->n;
	x->dirty = true;
	return id;
}

int
gdi_names_sync(struct gdi_names *x, int store_fd)
{
	int rc;

	if (!x->dirty)
		return 0;
	rc = gp_fd_sync(x->fd);
	if (rc == 0)
		rc = gp_fd_sync(store_fd);
	if (rc == 0)
		x->dirty = false;
	return rc;
}
