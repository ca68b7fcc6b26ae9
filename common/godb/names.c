#include "common/godb/names.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/fd.h"
#include "common/base/words.h"

#define LINE_MAX_BYTES 160 /* id, name, category, checksum, tabs */
#define LINE_MIN_BYTES 22

static const struct godb_l7_name unknown = {"Unknown", "Unspecified"};

bool
gdi_name_valid(const struct godb_l7_name *name)
{
	return gp_words_padded(name->name, sizeof(name->name), false) &&
	    gp_words_padded(name->category, sizeof(name->category), true);
}

/* ---- in memory ----------------------------------------------------------- */

/* A table of some hundred names: collisions cost, at worst, a walk over it. */
static size_t
slot_of(const struct gdi_names *x, const char *name)
{
	size_t at = gp_checksum(name, strlen(name), 0) & (x->n_slots - 1);

	while (x->slots[at] != 0 &&
	    strcmp(x->list[x->slots[at] - 1].name, name) != 0)
		at = (at + 1) & (x->n_slots - 1);
	return at;
}

static int
grow_slots(struct gdi_names *x)
{
	size_t n = x->n_slots ? x->n_slots * 2 : 256;
	uint32_t *slots = calloc(n, sizeof(*slots));

	if (slots == NULL)
		return -ENOMEM;
	free(x->slots);
	x->slots = slots;
	x->n_slots = n;
	for (size_t i = 0; i < x->n; i++) {
		size_t at;

		if (x->list[i].name[0] == '\0')
			continue;
		at = slot_of(x, x->list[i].name);
		if (x->slots[at] == 0) /* of two alike the first counts */
			x->slots[at] = (uint32_t)i + 1;
	}
	return 0;
}

/* Room for ids up to and including `id`. */
static int
reserve(struct gdi_names *x, size_t id)
{
	size_t cap = x->cap ? x->cap : 64;

	while (cap <= id)
		cap *= 2;
	if (cap > x->cap) {
		struct godb_l7_name *grown =
		    reallocarray(x->list, cap, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		x->list = grown;
		x->cap = cap;
	}
	return x->n_slots < 2 * (id + 1) ? grow_slots(x) : 0;
}

/* Ids between the last and this one stay without a name. */
static int
put(struct gdi_names *x, size_t id, const struct godb_l7_name *name)
{
	int rc = reserve(x, id);
	size_t at;

	if (rc < 0)
		return rc;
	if (id >= x->n) {
		memset(&x->list[x->n], 0,
		    (id + 1 - x->n) * sizeof(x->list[0]));
		x->n = id + 1;
	}
	if (x->list[id].name[0] != '\0')
		return (int)id; /* the first line counts */
	at = slot_of(x, name->name);
	x->list[id] = *name;
	if (x->slots[at] == 0)
		x->slots[at] = (uint32_t)id + 1;
	return (int)id;
}

const struct godb_l7_name *
gdi_names_get(const struct gdi_names *x, size_t id)
{
	return id < x->n && x->list[id].name[0] ? &x->list[id] : NULL;
}

int
gdi_names_find(const struct gdi_names *x, const char *name)
{
	return (int)x->slots[slot_of(x, name)] - 1;
}

int
gdi_names_add(struct gdi_names *x, const struct godb_l7_name *name)
{
	int id = gdi_names_find(x, name->name);

	if (id >= 0)
		return id;
	return x->n >= GDI_L7_MAX ? 0 : put(x, x->n, name);
}

void
gdi_names_free(struct gdi_names *x)
{
	free(x->list);
	free(x->slots);
	gp_fd_close(&x->fd);
	memset(x, 0, sizeof(*x));
	x->fd = -1;
}

/* ---- lines --------------------------------------------------------------- */

/* ID TAB NAME TAB CATEGORY TAB CHECKSUM NEWLINE; the checksum is of all that
 * stands before its tab. */
static size_t
line_format(char out[LINE_MAX_BYTES], size_t id,
    const struct godb_l7_name *name)
{
	int n = snprintf(out, LINE_MAX_BYTES, "%zu\t%s\t%s", id, name->name,
	    name->category);
	uint64_t sum = gp_checksum(out, (size_t)n, 0);

	n += snprintf(out + n, LINE_MAX_BYTES - (size_t)n, "\t%016" PRIx64 "\n",
	    sum);
	return (size_t)n;
}

/* Copies the field at *p up to its tab into a zeroed place. */
static bool
take_field(const char **p, const char *end, char *out, size_t size)
{
	const char *tab = memchr(*p, '\t', (size_t)(end - *p));

	if (tab == NULL || (size_t)(tab - *p) >= size)
		return false;
	memcpy(out, *p, (size_t)(tab - *p));
	*p = tab + 1;
	return true;
}

/* A line with its newline; true when it reads as this version writes it. */
static bool
line_parse(const char *line, size_t len, size_t *id, struct godb_l7_name *name)
{
	const char *p = line, *end = line + len;
	char number[8] = {0}, again[LINE_MAX_BYTES];

	memset(name, 0, sizeof(*name));
	if (!take_field(&p, end, number, sizeof(number)) ||
	    !take_field(&p, end, name->name, sizeof(name->name)) ||
	    !take_field(&p, end, name->category, sizeof(name->category)) ||
	    strspn(number, "0123456789") != strlen(number) ||
	    !gdi_name_valid(name))
		return false;
	*id = (size_t)strtoul(number, NULL, 10);
	return *id > 0 && *id < GDI_L7_MAX &&
	    line_format(again, *id, name) == len &&
	    memcmp(again, line, len) == 0;
}

/* Ids that bytes which do not hold may have had lines for. */
static size_t
ids_within(size_t len)
{
	return len < 2 * LINE_MIN_BYTES ? 1 : len / LINE_MIN_BYTES;
}

int
gdi_names_reserve(struct gdi_names *x, size_t n)
{
	size_t end = n < GDI_L7_MAX ? n : GDI_L7_MAX;
	int rc = end > x->n ? reserve(x, end) : 0;

	while (rc == 0 && x->n < end)
		memset(&x->list[x->n++], 0, sizeof(x->list[0]));
	return rc;
}

/* Ids below x->n are taken, those of damaged lines too: blocks may use them. */
static int
take_ids(struct gdi_names *x, size_t n)
{
	return gdi_names_reserve(x, x->n + n);
}

/*
 * What lies behind the last newline.  A line that lacks only that, or has
 * another byte in its place, was whole once and is believed.
 */
static int
read_tail(struct gdi_names *x, const char *p, size_t len)
{
	struct godb_l7_name name;
	char line[LINE_MAX_BYTES];
	size_t id;

	if (len == 0)
		return 0;
	for (size_t cut = 0; cut < 2 && len < sizeof(line); cut++) {
		size_t n = len - cut;

		memcpy(line, p, n);
		line[n] = '\n';
		if (line_parse(line, n + 1, &id, &name)) {
			x->n_damaged += cut;
			x->tail_id = id;
			return put(x, id, &name);
		}
	}
	x->n_torn = ids_within(len);
	return take_ids(x, x->n_torn);
}

static int
read_lines(struct gdi_names *x, const char *text, size_t len)
{
	const char *p = text, *nl;
	int rc = 0;

	for (; rc >= 0 && p < text + len; p = nl + 1) {
		struct godb_l7_name name;
		size_t id, n;

		nl = memchr(p, '\n', (size_t)(text + len - p));
		if (nl == NULL)
			break;
		n = (size_t)(nl - p);
		if (line_parse(p, n + 1, &id, &name)) {
			rc = put(x, id, &name);
			continue;
		}
		/* an empty line only holds an id's place */
		x->n_damaged += n > 0;
		rc = take_ids(x, n > 0 ? ids_within(n) : 1);
	}
	x->end = (uint64_t)(p - text);
	x->n_end = x->n;
	if (rc >= 0)
		rc = read_tail(x, text + x->end, len - x->end);
	return rc < 0 ? rc : 0;
}

int
gdi_names_init(struct gdi_names *out)
{
	struct gdi_names x = {.fd = -1};
	int rc = put(&x, 0, &unknown);

	x.n_end = x.n;
	if (rc < 0)
		gdi_names_free(&x);
	*out = x;
	return rc;
}

int
gdi_names_load(int store_fd, struct gdi_names *out)
{
	struct gdi_names x;
	char *text = NULL;
	size_t len = 0;
	int rc = gdi_names_init(&x);

	if (rc == 0)
		rc = gp_fd_read_file(store_fd, GDI_REGISTRY,
		    GDI_REGISTRY_BYTES, &text, &len);
	/* a writer that died may not have made its lines durable */
	x.dirty = rc == 0 && len > 0;
	if (rc == 0)
		rc = read_lines(&x, text, len);
	else if (rc == -ENOENT)
		rc = 0;
	else if (rc == -EFBIG || rc == -ELOOP || rc == -EISDIR || rc == -EINVAL)
		rc = GODB_EDAMAGED;
	free(text);
	if (rc < 0) {
		gdi_names_free(&x);
		return rc;
	}
	x.unsure = x.n == 1 || x.n_torn > 0 || x.n_damaged > 0;
	*out = x;
	return 0;
}

/* ---- writing ------------------------------------------------------------- */

/* Of ids from this one on; an empty line keeps an id taken. */
static void
put_lines(const struct gdi_names *x, size_t id, struct gdi_buf *out)
{
	for (; id < x->n; id++) {
		char line[LINE_MAX_BYTES];

		if (x->list[id].name[0] == '\0')
			gdi_buf_u8(out, '\n');
		else
			gdi_buf_bytes(out, line,
			    line_format(line, id, &x->list[id]));
	}
}

static int
open_registry(struct gdi_names *x, int store_fd, uint32_t mode)
{
	int fd = gp_fd_openat(store_fd, GDI_REGISTRY, O_RDWR | O_CREAT, mode);
	struct gdi_buf lines = {0};
	char tail[LINE_MAX_BYTES];
	int rc;

	if (fd < 0)
		return fd;
	/* a torn line goes; what may have been its ids, or is known to be some
	 * row's, keeps its place */
	if (x->tail_id > 0 && x->tail_id < x->n_end)
		gdi_buf_bytes(&lines, tail,
		    line_format(tail, x->tail_id, &x->list[x->tail_id]));
	put_lines(x, x->n_end, &lines);
	rc = lines.rc;
	if (rc == 0 &&
	    (fchmod(fd, mode) < 0 || ftruncate(fd, (off_t)x->end) < 0))
		rc = -errno;
	if (rc == 0)
		rc = gp_fd_pwrite_full(fd, lines.p, lines.len, x->end);
	if (rc == 0) {
		x->end += lines.len;
		x->n_end = x->n;
	}
	gdi_buf_free(&lines);
	if (rc < 0) {
		gp_fd_close(&fd);
		return rc;
	}
	x->n_torn = x->tail_id = 0;
	x->fd = fd;
	x->dirty = true;
	return 0;
}

int
gdi_names_register(struct gdi_names *x, int store_fd, uint32_t mode,
    const struct godb_l7_name *name)
{
	int id = gdi_names_find(x, name->name);
	char line[LINE_MAX_BYTES];
	size_t n;
	int rc;

	if (id >= 0)
		return id;
	if (x->n >= GDI_L7_MAX)
		return 0; /* full: the rows are worth more than the label */
	rc = x->fd < 0 ? open_registry(x, store_fd, mode) : 0;
	if (rc == 0)
		rc = reserve(x, x->n);
	if (rc < 0)
		return rc;
	n = line_format(line, x->n, name);
	rc = gp_fd_pwrite_full(x->fd, line, n, x->end);
	if (rc < 0) {
		(void)!ftruncate(x->fd, (off_t)x->end);
		return rc;
	}
	x->end += n;
	x->dirty = true;
	return put(x, x->n, name);
}

/*
 * The kernel drops the dirty mark of pages that it failed to write, so a
 * second fsync would succeed without them.  All lines go to a new file.
 */
static int
write_anew(struct gdi_names *x, int store_fd, uint32_t mode)
{
	struct gdi_buf text = {0};
	int fd;

	put_lines(x, 1, &text);
	fd = text.rc < 0 ? text.rc : gp_fd_replace(store_fd, GDI_REGISTRY, mode,
	    text.p, text.len);
	if (fd >= 0) {
		gp_fd_close(&x->fd);
		x->fd = fd;
		x->end = text.len;
		x->suspect = false;
	}
	gdi_buf_free(&text);
	return fd < 0 ? fd : 0;
}

/* What is there, as it is: that something is lost must be seen by the next
 * writer, too, unless it is known which ids are taken. */
static int
sync_unsure(int store_fd)
{
	int fd = gp_fd_openat(store_fd, GDI_REGISTRY, O_RDONLY | O_NONBLOCK, 0);
	int rc = fd < 0 ? fd : gp_fd_sync(fd);

	gp_fd_close(&fd);
	return rc == -ENOENT ? 0 : rc;
}

int
gdi_names_sync(struct gdi_names *x, int store_fd, uint32_t mode)
{
	bool as_it_is = x->fd < 0 && x->unsure;
	int rc = 0;

	if (!x->dirty)
		return 0;
	if (x->fd < 0 && !x->suspect && !as_it_is)
		rc = open_registry(x, store_fd, mode);
	if (rc < 0)
		return rc;
	rc = x->suspect ? write_anew(x, store_fd, mode) :
	    as_it_is	? sync_unsure(store_fd) : gp_fd_sync(x->fd);
	if (rc < 0) {
		x->suspect = true;
		rc = write_anew(x, store_fd, mode);
	}
	if (rc == 0)
		rc = gp_fd_sync(store_fd);
	if (rc == 0)
		x->dirty = false;
	return rc;
}

int
gdi_names_rewrite(struct gdi_names *x, int store_fd, uint32_t mode)
{
	for (size_t id = 1; id < x->n; id++)
		if (x->list[id].name[0] == '\0')
			(void)snprintf(x->list[id].name, GODB_NAME_MAX,
			    "[lost %zu]", id);
	x->dirty = x->suspect = true;
	return gdi_names_sync(x, store_fd, mode);
}
