/*
 * goprobe-generator - makes the units of the site's INI.
 *
 *   goprobe-generator NORMAL EARLY LATE     as systemd calls it at boot and at
 *                                           daemon-reload (systemd.generator(7))
 *   goprobe-generator --interfaces          units of captures, one a line
 *   goprobe-generator --changes OLD         what the INI asks for beyond OLD
 *
 * It only ever writes below NORMAL.  A configuration that cannot be read means
 * one line in the journal and no capture: nothing here can hold up the boot.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/conf.h"

#define TARGET_WANTS "goprobe.target.wants"
#define TEMPLATE     "goprobe-capture@.service"
/* every byte may become \xNN */
#define UNIT_MAX (sizeof(TEMPLATE) + 4 * GP_CONF_IFACE_MAX)

enum { EXIT_USAGE = 2 };

static void __attribute__((format(printf, 1, 2)))
complain(const char *fmt, ...)
{
	va_list ap;

	/* at boot this goes to the kernel's log and from there to the journal,
	 * which knows these marks (sd-daemon(3)) */
	fputs(getenv("SYSTEMD_SCOPE") ? "<3>goprobe: " : "goprobe: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* ---- text ------------------------------------------------------------------ */

/* goprobe-capture@NAME.service with NAME as systemd-escape(1) spells it. */
static void
unit_name(const char *iface, char out[UNIT_MAX])
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.";
	size_t n = (size_t)snprintf(out, UNIT_MAX, "goprobe-capture@");

	for (const char *p = iface; *p; p++)
		if (strchr(plain, *p) != NULL && (p > iface || *p != '.'))
			out[n++] = *p;
		else
			n += (size_t)snprintf(out + n, UNIT_MAX - n, "\\x%02x",
			    (unsigned char)*p);
	(void)snprintf(out + n, UNIT_MAX - n, ".service");
}

/* A path as a quoted word of a unit file. */
static void
print_path(const char *path, FILE *out)
{
	fputs("\"-", out); /* a path that is missing is the program's to tell */
	for (; *path; path++) {
		if (*path == '%')
			fputc('%', out);
		if (*path == '"' || *path == '\\')
			fputc('\\', out);
		fputc(*path, out);
	}
	fputc('"', out);
}

/* ---- units ----------------------------------------------------------------- */

static int
make_folder(int normal, const char *name)
{
	int fd;

	if (mkdirat(normal, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(normal, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The template lies beside the folder that we are in: PREFIX/lib/systemd/system
 * and PREFIX/lib/systemd/system-generators. */
static int
find_template(char out[PATH_MAX])
{
	static const char from[] = "-generators/", to[] = "/" TEMPLATE;
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - sizeof(to));
	char *end;

	if (n < 0)
		return -errno;
	out[n] = '\0';
	end = strrchr(out, '/');
	if (end == NULL || (size_t)(end - out) < sizeof(from) - 2)
		return -EINVAL;
	end -= sizeof(from) - 2;
	if (strncmp(end, from, sizeof(from) - 1) != 0)
		return -EINVAL;
	memcpy(end, to, sizeof(to));
	return 0;
}

/* goprobe.target wants an instance for each interface. */
static int
want_captures(int normal, const struct gp_conf *conf)
{
	char unit[UNIT_MAX], template[PATH_MAX];
	int folder, rc;

	if (conf->n_ifaces == 0)
		return 0;
	rc = find_template(template);
	if (rc < 0)
		return rc;
	folder = make_folder(normal, TARGET_WANTS);
	if (folder < 0)
		return folder;
	for (size_t i = 0; rc == 0 && i < conf->n_ifaces; i++) {
		unit_name(conf->ifaces[i].name, unit);
		if (symlinkat(template, folder, unit) < 0 &&
		    errno != EEXIST)
			rc = -errno;
	}
	(void)close(folder);
	return rc;
}

static void
writable(const char *path, FILE *out)
{
	fputs("ReadWritePaths=", out);
	print_path(path, out);
	fputc('\n', out);
}

/* The writer sees a read-only system but for its own folders; the site may
 * have named others. */
static int
open_paths(int normal, const struct gp_conf *conf)
{
	char folder[PATH_MAX];
	char *slash;
	FILE *out;
	int dir, fd;

	(void)snprintf(folder, sizeof(folder), "%s", conf->writer.metrics);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	if (!slash && strcmp(conf->store.path, GP_CONF_STORE) == 0)
		return 0;
	dir = make_folder(normal, "goprobe-writer.service.d");
	if (dir < 0)
		return dir;
	fd = openat(dir, "50-paths.conf",
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	(void)close(dir);
	if (out == NULL)
		return -errno;
	fputs("# made by goprobe-generator\n[Service]\n", out);
	if (strcmp(conf->store.path, GP_CONF_STORE) != 0)
		writable(conf->store.path, out);
	if (slash)
		writable(folder, out);
	return fclose(out) == 0 ? 0 : -errno;
}

static int
generate(const char *path, const struct gp_conf *conf)
{
	int normal = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (normal < 0) {
		complain("%s: %s", path, strerror(errno));
		return 1;
	}
	rc = want_captures(normal, conf);
	if (rc == 0)
		rc = open_paths(normal, conf);
	if (rc < 0)
		complain("%s: units cannot be made: %s", path, strerror(-rc));
	(void)close(normal);
	return rc < 0;
}

/* ---- for goprobe-apply ------------------------------------------------------ */

static int
list_interfaces(const struct gp_conf *conf)
{
	char unit[UNIT_MAX];

	for (size_t i = 0; i < conf->n_ifaces; i++) {
		unit_name(conf->ifaces[i].name, unit);
		puts(unit);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

/* The filter's file may say something else although its name is the same. */
static bool
filter_newer(const struct gp_conf_capture *c, const char *old_path)
{
	struct stat filter, old;

	return c->filter_file[0] != '\0' && stat(c->filter_file, &filter) == 0 &&
	    stat(old_path, &old) == 0 &&
	    (filter.st_mtim.tv_sec > old.st_mtim.tv_sec ||
		(filter.st_mtim.tv_sec == old.st_mtim.tv_sec &&
		    filter.st_mtim.tv_nsec > old.st_mtim.tv_nsec));
}

/* The writer is first: it can be started again without a loss. */
static int
list_changes(const struct gp_conf *conf, const char *old_path)
{
	static const char *const writers[] = {"store", "writer"};
	char unit[UNIT_MAX], error[512];
	bool *changed = calloc(conf->n_ifaces + 1, sizeof(*changed));
	struct gp_conf *old = gp_conf_load(old_path, false, true, error);
	bool writer;

	if (old == NULL || changed == NULL) {
		complain("%s", old == NULL ? error : "out of memory");
		gp_conf_free(old);
		free(changed);
		return EXIT_USAGE;
	}
	/* it tells of every interface in the file how often it should be heard */
	writer = old->n_ifaces != conf->n_ifaces;
	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++)
		writer |= !gp_conf_same_section(old, conf, writers[i]);
	for (size_t i = 0; i < conf->n_ifaces; i++) {
		const struct gp_conf_capture *now = &conf->ifaces[i];
		const struct gp_conf_capture *was =
		    gp_conf_iface(old, now->name);

		changed[i] = was != NULL &&
		    (!gp_conf_same_iface(old, was, conf, now) ||
			filter_newer(now, old_path));
		writer |= was == NULL || changed[i];
	}
	if (writer)
		puts("goprobe-writer.service");
	for (size_t i = 0; i < conf->n_ifaces; i++) {
		unit_name(conf->ifaces[i].name, unit);
		if (changed[i])
			puts(unit);
	}
	gp_conf_free(old);
	free(changed);
	return fflush(stdout) == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	bool interfaces = argc == 2 && strcmp(argv[1], "--interfaces") == 0;
	bool changes = argc == 3 && strcmp(argv[1], "--changes") == 0;
	char error[512];
	struct gp_conf *conf;
	int rc;

	if (!interfaces && !changes && argc != 4) {
		fputs("usage: goprobe-generator NORMAL EARLY LATE\n"
		      "       goprobe-generator --interfaces | --changes OLD\n",
		    stderr);
		return EXIT_USAGE;
	}
	conf = gp_conf_load(GP_CONF_PATH, true, true, error);
	if (conf == NULL) {
		complain("%s%s", error, interfaces || changes ? "" :
			": no interface is captured");
		return EXIT_USAGE;
	}
	if (interfaces)
		rc = list_interfaces(conf);
	else if (changes)
		rc = list_changes(conf, argv[2]);
	else
		rc = generate(argv[1], conf);
	gp_conf_free(conf);
	return rc;
}
