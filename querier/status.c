#include "querier/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "querier/ifsel.h"
#include "querier/when.h"

#define PATH_BYTES 4096

/* ---- the file ------------------------------------------------------------ */

static int
open_file(const char *path)
{
	/* a pipe must not hold us up */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

int
status_open(const char *file, const char *store, const char *site_store,
    char path[PATH_BYTES], bool *doubtful)
{
	static const char sites[] = GP_STATUS_FOLDER "/" GP_STATUS_NAME;
	char folder[GP_STATUS_PATH_MAX];
	struct stat is, site;
	int fd = -ENOENT;

	*doubtful = false;
	if (file) {
		(void)snprintf(path, PATH_BYTES, "%s", file);
		return open_file(file);
	}
	if (stat(store, &is) == 0) {
		gp_status_folder(is.st_dev, is.st_ino, folder);
		(void)snprintf(path, PATH_BYTES, "%s/" GP_STATUS_NAME, folder);
		fd = open_file(path);
		if (fd != -ENOENT)
			return fd;
		*doubtful = stat(site_store, &site) < 0 ||
		    site.st_dev != is.st_dev || site.st_ino != is.st_ino;
		if (*doubtful) {
			fd = open_file(sites);
			return fd < 0 ? -ENOENT : fd;
		}
	} else if (strcmp(store, site_store) != 0) {
		fd = -errno;
		(void)snprintf(path, PATH_BYTES, "%s", store);
		return fd;
	}
	(void)snprintf(path, PATH_BYTES, "%s", sites);
	return open_file(path);
}

int
status_read(int fd, struct gp_status **out, char error[160])
{
	struct stat st;
	char *text = NULL;
	ssize_t n;
	int rc = 0;

	if (fstat(fd, &st) < 0) {
		rc = -errno;
		goto out;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > GP_STATUS_MAX_BYTES) {
		(void)snprintf(error, 160, "this is not a status file");
		rc = -EINVAL;
		goto out;
	}
	text = malloc((size_t)st.st_size + 1);
	if (text == NULL) {
		rc = -ENOMEM;
		goto out;
	}
	n = gp_fd_read_full(fd, text, (size_t)st.st_size);
	rc = n < 0 ? (int)n : gp_status_parse(text, (size_t)n, out, error);
out:
	free(text);
	gp_fd_close(&fd);
	return rc;
}

/* ---- which interfaces ---------------------------------------------------- */

static void
name_all(const struct gp_status *s, char *out, size_t size)
{
	size_t len = 0;

	(void)snprintf(out, size, "none");
	for (uint64_t i = 0; i < s->interfaces && size - len > 32; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s",
		    i ? ", " : "", s->iface[i].name);
}

int
status_choose(const struct gp_status *s, const char *ifaces,
    struct status_view *out, char error[512])
{
	size_t n = (size_t)s->interfaces;
	char **have = calloc(n + 1, sizeof(*have));
	const char **chosen = NULL;
	char names[256];
	int rc;

	out->s = s;
	out->n = 0;
	out->iface = calloc(n + 1, sizeof(*out->iface));
	rc = have && out->iface ? 0 : -ENOMEM;
	for (size_t i = 0; rc == 0 && i < n; i++)
		have[i] = s->iface[i].name;
	if (rc == 0 && (n > 0 || ifaces))
		rc = ifsel_choose(ifaces ? ifaces : "any", have, &chosen,
		    error);
	if (rc == -ENOENT) {
		name_all(s, names, sizeof(names));
		(void)snprintf(error, 512,
		    "the sensor has no interface '%.64s'; it has: %s", ifaces,
		    names);
	}
	/* both lists are in the same order */
	for (size_t i = 0, k = 0; rc >= 0 && chosen && i < n; i++)
		if (chosen[k] == have[i]) {
			out->iface[out->n++] = &s->iface[i];
			k++;
		}
	free(chosen);
	free(have);
	if (rc < 0) {
		free(out->iface);
		out->iface = NULL;
	}
	return rc < 0 ? rc : 0;
}

/* ---- judgement ----------------------------------------------------------- */

void
status_set_age(struct status_view *v, int64_t real_ns, int64_t boot_ns)
{
	int64_t age = boot_ns - (int64_t)v->s->written_boot;

	/* before this boot: the wall clock is what is left */
	if (age < 0)
		age = real_ns - (int64_t)v->s->written;
	v->age_ns = age > 0 ? (uint64_t)age : 0;
}

uint64_t
status_quiet_ns(const struct status_view *v, const struct gp_status_iface *i)
{
	return i->quiet_ns + v->age_ns;
}

enum status_health
status_health(const struct status_view *v, const struct gp_status_iface *i)
{
	if (i->state != GP_STATUS_CAPTURING || !v->s->running ||
	    status_quiet_ns(v, i) > gp_status_patience_ns(i))
		return STATUS_STALE;
	return i->drops_recent ? STATUS_DROPPING : STATUS_FRESH;
}

const char *
status_health_name(enum status_health h)
{
	static const char *const name[] = {"fresh", "stale", "dropping"};

	return name[h];
}

struct problems {
	void (*each)(void *arg, const char *text);
	void *arg;
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void
problem(struct problems *p, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->n++;
	if (p->each)
		p->each(p->arg, text);
}

static void
iface_problems(struct problems *p, const struct status_view *v,
    const struct gp_status_iface *i)
{
	char quiet[WHEN_TEXT_MAX];

	when_format_rough(status_quiet_ns(v, i), quiet);
	if (i->state == GP_STATUS_GONE)
		problem(p, "%s: no capture is connected", i->name);
	else if (i->state == GP_STATUS_ABSENT)
		problem(p, "%s: no capture has come; is the interface up?",
		    i->name);
	else if (i->state == GP_STATUS_DRAINING)
		problem(p, "%s: its capture is gone", i->name);
	else if (v->s->running &&
	    status_health(v, i) == STATUS_STALE)
		problem(p, "%s: nothing heard for %s", i->name, quiet);
	if (i->drops_recent)
		problem(p, "%s: the kernel is dropping packets, %llu of late",
		    i->name, (unsigned long long)i->drops_recent);
	if (i->l7 == GP_STATUS_L7_FAILED)
		problem(p, "%s: layer 7 is off: capture died three times in "
			   "ten minutes", i->name);
	if (!gp_status_closes(i))
		problem(p, "%s: the accounting does not close", i->name);
}

size_t
status_problems(const struct status_view *v,
    void (*each)(void *arg, const char *text), void *arg)
{
	struct problems p = {each, arg, 0};
	const struct gp_status *s = v->s;
	char age[WHEN_TEXT_MAX];

	when_format_rough(v->age_ns, age);
	if (!s->running)
		problem(&p, "the writer has ended");
	else if (v->age_ns > GP_STATUS_QUIET_S * (uint64_t)GP_NS_PER_S)
		problem(&p, "the writer is dead or hangs: nothing written "
			    "for %s",
		    age);
	if (s->store_error[0])
		problem(&p, "the store cannot be written: %.160s",
		    s->store_error);
	if (s->sandbox != GP_STATUS_SANDBOX_FULL)
		problem(&p, "the writer's sandbox is %s",
		    s->sandbox == GP_STATUS_SANDBOX_OFF ? "off" :
							  "seccomp only");
	if (s->capture_sandbox != GP_STATUS_SANDBOX_FULL)
		problem(&p, "the captures' sandbox is %s",
		    s->capture_sandbox == GP_STATUS_SANDBOX_OFF ?
			"off" : "seccomp only");
	if (v->n == 0)
		problem(&p, "no interface is captured");
	for (size_t i = 0; i < v->n; i++)
		iface_problems(&p, v, v->iface[i]);
	return p.n;
}
