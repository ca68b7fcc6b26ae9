#include "common/base/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/conf_keys.h"
#include "common/base/fd.h"

/* ---- life --------------------------------------------------------------- */

struct gp_conf *
gp_conf_new(void)
{
	struct gp_conf *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	for (size_t i = 0; i < GP_CONF_KEYS; i++) {
		const struct gp_conf_key *k = &gp_conf_keys[i];

		if (!gp_conf_key_reset(k, gp_conf_in_capture(k) ?
			(void *)&c->capture : c)) {
			gp_conf_free(c);
			return NULL;
		}
	}
	return c;
}

static void
free_texts(void *base, bool capture)
{
	for (size_t i = 0; i < GP_CONF_KEYS; i++) {
		const struct gp_conf_key *k = &gp_conf_keys[i];

		if (gp_conf_in_capture(k) == capture &&
		    (k->type == GP_KEY_TEXT || k->type == GP_KEY_PATH))
			free(*(char **)(void *)((char *)base + k->offset));
	}
}

void
gp_conf_free(struct gp_conf *c)
{
	if (c == NULL)
		return;
	free_texts(c, false);
	free_texts(&c->capture, true);
	for (size_t i = 0; i < c->n_ifaces; i++)
		free_texts(&c->ifaces[i], true);
	free(c->ifaces);
	free(c->site.prefixes);
	free(c);
}

/* ---- loading ------------------------------------------------------------- */

/* Programs read the file anew, and so do those that they start: what is gone
 * once it was read, or is not there yet, would be taken for an empty one. */
static bool
can_be_read_again(int fd, const char *path, char error[512])
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		(void)snprintf(error, 512, "%s: %s", path, strerror(errno));
	else if (S_ISFIFO(st.st_mode))
		(void)snprintf(error, 512, "%s: a pipe; the configuration is a "
		    "file", path);
	else
		return true;
	return false;
}

static bool
owner_ok(int fd, const char *path, char error[512])
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		(void)snprintf(error, 512, "%s: %s", path, strerror(errno));
		return false;
	}
	if (st.st_uid != 0 || (st.st_mode & 022) != 0) {
		(void)snprintf(error, 512,
		    "%s: must belong to root and be writable by root alone",
		    path);
		return false;
	}
	return true;
}

struct gp_conf *
gp_conf_load(const char *path, bool optional, bool root_owned, char error[512])
{
	struct gp_conf *c = NULL;
	char *text = NULL, unused[512];
	ssize_t len;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT && optional) {
		c = gp_conf_new();
		if (c == NULL)
			(void)snprintf(error, 512, "out of memory");
		else
			c->roots_own = true;
		return c;
	}
	if (fd < 0) {
		(void)snprintf(error, 512, "%s: %s", path, strerror(errno));
		return NULL;
	}
	if (!can_be_read_again(fd, path, error) ||
	    (root_owned && !owner_ok(fd, path, error)))
		goto out;
	text = malloc(GP_CONF_MAX_BYTES + 1);
	if (text == NULL) {
		(void)snprintf(error, 512, "%s: out of memory", path);
		goto out;
	}
	len = gp_fd_read_full(fd, text, GP_CONF_MAX_BYTES + 1);
	if (len < 0)
		(void)snprintf(error, 512, "%s: %s", path,
		    strerror((int)-len));
	else if (len > (ssize_t)GP_CONF_MAX_BYTES)
		(void)snprintf(error, 512, "%s: larger than 1 MiB", path);
	else
		c = gp_conf_parse(text, (size_t)len, path, error);
	if (c)
		c->roots_own = owner_ok(fd, path, unused);
out:
	free(text);
	gp_fd_close(&fd);
	return c;
}

/* ---- asking -------------------------------------------------------------- */

const struct gp_conf_capture *
gp_conf_iface(const struct gp_conf *c, const char *name)
{
	for (size_t i = 0; i < c->n_ifaces; i++)
		if (strcmp(c->ifaces[i].name, name) == 0)
			return &c->ifaces[i];
	return NULL;
}

uint32_t
gp_conf_interval_s(const struct gp_conf *c, const char *name)
{
	const struct gp_conf_capture *own = gp_conf_iface(c, name);

	return (own ? own : &c->capture)->snapshot_interval;
}

static bool
weaker(const struct gp_conf *c)
{
	return c->writer.sandbox != GP_SANDBOX_FULL ||
	    c->capture_sandbox != GP_SANDBOX_FULL;
}

int
gp_conf_own_sandbox(struct gp_conf *c, const char *asked, char error[512])
{
	bool seccomp = asked && strcmp(asked, "seccomp") == 0;

	if (asked && !seccomp && strcmp(asked, "full") != 0) {
		(void)snprintf(error, 512, "--sandbox is full or seccomp, not "
		    "'%.40s'", asked);
		return -EINVAL;
	}
	if (weaker(c) && !c->roots_own) {
		(void)snprintf(error, 512, "sandbox: only a file that belongs "
		    "to root, and that nobody else can write, weakens it; "
		    "--sandbox=seccomp goes without Landlock");
		return -EINVAL;
	}
	if (seccomp && c->writer.sandbox == GP_SANDBOX_FULL)
		c->writer.sandbox = GP_SANDBOX_SECCOMP;
	if (seccomp && c->capture_sandbox == GP_SANDBOX_FULL)
		c->capture_sandbox = GP_SANDBOX_SECCOMP;
	return 0;
}

/* ---- checking ------------------------------------------------------------ */

bool
gp_conf_check_owner(const char *path)
{
	return geteuid() == 0 || strcmp(path, GP_CONF_PATH) == 0;
}

int
gp_conf_metrics(const struct gp_conf *c, char folder[GP_CONF_PATH_MAX],
    char name[GP_CONF_METRICS_MAX])
{
	const char *path = c->writer.metrics;
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return 0;
	if (strlen(path) >= GP_CONF_PATH_MAX || slash[1] == '\0' ||
	    strlen(slash + 1) >= GP_CONF_METRICS_MAX)
		return -EINVAL;
	(void)snprintf(folder, GP_CONF_PATH_MAX, "%.*s",
	    (int)(slash == path ? 1 : slash - path), path);
	(void)snprintf(name, GP_CONF_METRICS_MAX, "%s", slash + 1);
	return 1;
}

int
gp_conf_check_metrics(const struct gp_conf *c, char error[512])
{
	char folder[GP_CONF_PATH_MAX], name[GP_CONF_METRICS_MAX];
	int rc = gp_conf_metrics(c, folder, name);
	struct stat st;

	if (rc == 0)
		return 0;
	if (rc < 0) {
		(void)snprintf(error, 512, "[writer] metrics = %.300s: this "
		    "cannot be a file's name", c->writer.metrics);
		return rc;
	}
	rc = stat(folder, &st) < 0 ? -errno :
	    !S_ISDIR(st.st_mode)   ? -ENOTDIR : 0;
	if (rc < 0)
		(void)snprintf(error, 512, "[writer] metrics = %.180s: folder "
		    "%.180s: %s", c->writer.metrics, folder, strerror(-rc));
	return rc;
}

/* ---- comparing ---------------------------------------------------------- */

static bool
same_values(const char *section, const void *a, const void *b)
{
	for (size_t i = 0; i < GP_CONF_KEYS; i++)
		if (strcmp(gp_conf_keys[i].section, section) == 0 &&
		    !gp_conf_key_same(&gp_conf_keys[i], a, b))
			return false;
	return true;
}

bool
gp_conf_same_section(const struct gp_conf *a, const struct gp_conf *b,
    const char *section)
{
	return same_values(section, a, b);
}

bool
gp_conf_same_iface(const struct gp_conf *a, const struct gp_conf_capture *of_a,
    const struct gp_conf *b, const struct gp_conf_capture *of_b)
{
	return same_values("capture", of_a, of_b) &&
	    gp_conf_key_same(&gp_conf_capture_sandbox, a, b);
}

/* ---- printing ----------------------------------------------------------- */

void
gp_conf_print(const struct gp_conf *c, FILE *out)
{
	const char *section = "";

	for (size_t i = 0; i < GP_CONF_KEYS; i++) {
		const struct gp_conf_key *k = &gp_conf_keys[i];
		bool capture = gp_conf_in_capture(k);

		if (strcmp(section, k->section) != 0) {
			section = k->section;
			fprintf(out, "%s[%s]\n", i ? "\n" : "", section);
			if (capture)
				gp_conf_key_print(&gp_conf_capture_sandbox, c,
				    out);
		}
		gp_conf_key_print(k,
		    capture ? (const void *)&c->capture : c, out);
	}
	for (size_t n = 0; n < c->n_ifaces; n++) {
		fprintf(out, "\n[interface %s]\n", c->ifaces[n].name);
		for (size_t i = 0; i < GP_CONF_KEYS; i++)
			if (gp_conf_in_capture(&gp_conf_keys[i]))
				gp_conf_key_print(&gp_conf_keys[i],
				    &c->ifaces[n], out);
	}
}
