/*
 * goprobe-generator - makes the units of the site's INI.
 *
 *   goprobe-generator NORMAL EARLY LATE     as systemd calls it at boot and at
 *                                           daemon-reload (systemd.generator(7))
 *   goprobe-generator --units               what goprobe.target is to want
 *   goprobe-generator --changes OLD         what the INI asks for beyond OLD
 *
 * It only ever writes below NORMAL.  A configuration that cannot be read means
 * one line in the journal and no capture: nothing here can hold up the boot.
 */
#include <arpa/inet.h>
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
#define EXPORT       "goprobe-export.service"
/* every byte may become \xNN */
#define UNIT_MAX (sizeof(TEMPLATE) + 4 * GP_CONF_IFACE_MAX)

enum { EXIT_USAGE = 2 };

static void __attribute__((format(printf, 1, 2)))
complain(const char *fmt, ...)
{
	va_list ap;

	/* at boot this goes to the kernel's log and from there to the journal,
	 * which knows these marks (sd-daemon(3)); of goprobe-apply straight */
	fputs(getenv("SYSTEMD_SCOPE") || getenv("JOURNAL_STREAM")
	    ? "<3>goprobe: " : "goprobe: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* ---- text ---------------------------------------------------------------- */

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

/* ---- units --------------------------------------------------------------- */

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

/* Units lie beside the folder that we are in: PREFIX/lib/systemd/system and
 * PREFIX/lib/systemd/system-generators. */
static int
find_unit(const char *name, char out[PATH_MAX])
{
	static const char from[] = "-generators/";
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - UNIT_MAX);
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
	(void)snprintf(end, UNIT_MAX, "/%s", name);
	return 0;
}

/* It has a package of its own, which may not be there. */
static bool
exports(const struct gp_conf *conf)
{
	char path[PATH_MAX];

	return conf->export.url[0] != '\0' && find_unit(EXPORT, path) == 0 &&
	    access(path, F_OK) == 0;
}

static int
want(int folder, const char *file, const char *unit)
{
	char path[PATH_MAX];
	int rc = find_unit(file, path);

	if (rc == 0 && symlinkat(path, folder, unit) < 0 && errno != EEXIST)
		rc = -errno;
	return rc;
}

/* goprobe.target wants an instance for each interface. */
static int
want_units(int normal, const struct gp_conf *conf)
{
	char unit[UNIT_MAX];
	int folder;
	int rc = 0;

	if (conf->n_ifaces == 0 && !exports(conf))
		return 0;
	folder = make_folder(normal, TARGET_WANTS);
	if (folder < 0)
		return folder;
	for (size_t i = 0; rc == 0 && i < conf->n_ifaces; i++) {
		unit_name(conf->ifaces[i].name, unit);
		rc = want(folder, TEMPLATE, unit);
	}
	if (rc == 0 && exports(conf))
		rc = want(folder, EXPORT, EXPORT);
	(void)close(folder);
	return rc;
}

/* A drop-in of UNIT's; NULL and *rc when there can be none. */
static FILE *
open_dropin(int normal, const char *unit, const char *file, int *rc)
{
	char name[64];
	FILE *out;
	int dir, fd;

	(void)snprintf(name, sizeof(name), "%s.d", unit);
	dir = make_folder(normal, name);
	if (dir < 0) {
		*rc = dir;
		return NULL;
	}
	fd = openat(dir, file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW |
	    O_CLOEXEC, 0644);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	*rc = out ? 0 : -errno;
	(void)close(dir);
	if (out)
		fputs("# made by goprobe-generator\n[Service]\n", out);
	else if (fd >= 0)
		(void)close(fd);
	return out;
}

static void
writable(const char *path, FILE *out)
{
	fputs("ReadWritePaths=", out);
	print_path(path, out);
	fputc('\n', out);
}

/* Lets UNIT write to a folder of its own, NULL where that is the usual one, and
 * where the file `metrics` is to be, "" for none. */
static int
open_paths(int normal, const char *unit, const char *own, const char *metrics)
{
	char folder[PATH_MAX];
	char *slash;
	FILE *out;
	int rc;

	(void)snprintf(folder, sizeof(folder), "%s", metrics);
	slash = strrchr(folder, '/');
	if (own == NULL && slash == NULL)
		return 0;
	out = open_dropin(normal, unit, "50-paths.conf", &rc);
	if (out == NULL)
		return rc;
	if (own)
		writable(own, out);
	if (slash) {
		slash[slash == folder] = '\0';
		writable(folder, out);
	}
	return fclose(out) == 0 ? 0 : -errno;
}

/* Services see a read-only system but for their own folders; the site may have
 * named others. */
static int
open_folders(int normal, const struct gp_conf *conf)
{
	const char *store = conf->store.path, *state = conf->export.state;
	int rc = open_paths(normal, "goprobe-writer.service",
	    strcmp(store, GP_CONF_STORE) == 0 ? NULL : store,
	    conf->writer.metrics);

	if (rc == 0)
		rc = open_paths(normal, EXPORT,
		    strcmp(state, GP_CONF_EXPORT_STATE) == 0 ? NULL : state,
		    conf->export.metrics);
	return rc;
}

/* KEY:PATH up to the end of the line, without quotes. */
static void
hand_over(const char *key, const char *path, FILE *out)
{
	if (path[0] == '\0')
		return;
	fprintf(out, "LoadCredential=%s:", key);
	for (; *path; path++)
		fputs(*path == '%' ? "%%" : (char[2]){*path, '\0'}, out);
	fputc('\n', out);
}

/* Secrets that root alone may read reach the exporter, which is not root, as
 * systemd's credentials. */
static int
hand_over_secrets(int normal, const struct gp_conf *conf)
{
	FILE *out;
	int rc = 0;

	if (!conf->export.password_file[0] && !conf->export.key_file[0])
		return 0;
	out = open_dropin(normal, EXPORT, "50-secrets.conf", &rc);
	if (out == NULL)
		return rc;
	hand_over("password_file", conf->export.password_file, out);
	hand_over("key_file", conf->export.key_file, out);
	return fclose(out) == 0 ? 0 : -errno;
}

/* Of http[s]://HOST[:PORT]/...; "" when HOST is a name. */
static void
address_of(const char *url, char out[INET6_ADDRSTRLEN])
{
	const char *host = strstr(url, "://");
	unsigned char bin[sizeof(struct in6_addr)];
	size_t len;

	out[0] = '\0';
	if (host == NULL)
		return;
	host += 3;
	host += *host == '[';
	len = strcspn(host, host[-1] == '[' ? "]" : ":/");
	if (len >= INET6_ADDRSTRLEN)
		return;
	memcpy(out, host, len);
	out[len] = '\0';
	if (inet_pton(AF_INET, out, bin) != 1 &&
	    inet_pton(AF_INET6, out, bin) != 1)
		out[0] = '\0';
}

/* The server and nobody else, where the site names it by its address; a name
 * has first to be asked for. */
static int
shut_network(int normal, const struct gp_conf *conf)
{
	char address[INET6_ADDRSTRLEN];
	FILE *out;
	int rc = 0;

	address_of(conf->export.url, address);
	if (address[0] == '\0')
		return 0;
	out = open_dropin(normal, EXPORT, "50-address.conf", &rc);
	if (out == NULL)
		return rc;
	fprintf(out, "IPAddressDeny=any\nIPAddressAllow=%s\n", address);
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
	rc = want_units(normal, conf);
	if (rc == 0)
		rc = open_folders(normal, conf);
	if (rc == 0)
		rc = hand_over_secrets(normal, conf);
	if (rc == 0)
		rc = shut_network(normal, conf);
	if (rc < 0)
		complain("%s: units cannot be made: %s", path, strerror(-rc));
	(void)close(normal);
	return rc < 0;
}

/* ---- for goprobe-apply --------------------------------------------------- */

static int
list_units(const struct gp_conf *conf)
{
	char unit[UNIT_MAX];

	for (size_t i = 0; i < conf->n_ifaces; i++) {
		unit_name(conf->ifaces[i].name, unit);
		puts(unit);
	}
	if (exports(conf))
		puts(EXPORT);
	return fflush(stdout) == 0 ? 0 : 1;
}

/* A file may say something else although its name is the same. */
static bool
newer(const char *path, const char *old_path)
{
	struct stat now, old;

	return path[0] != '\0' && stat(path, &now) == 0 &&
	    stat(old_path, &old) == 0 &&
	    (now.st_mtim.tv_sec > old.st_mtim.tv_sec ||
		(now.st_mtim.tv_sec == old.st_mtim.tv_sec &&
		    now.st_mtim.tv_nsec > old.st_mtim.tv_nsec));
}

/* What is read once, at its start. */
static bool
export_newer(const struct gp_conf *conf, const char *old_path)
{
	return newer(conf->export.password_file, old_path) ||
	    newer(conf->export.ca_file, old_path) ||
	    newer(conf->export.cert_file, old_path) ||
	    newer(conf->export.key_file, old_path);
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
	/* it tells how often every interface of the file should be heard */
	writer = old->n_ifaces != conf->n_ifaces;
	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++)
		writer |= !gp_conf_same_section(old, conf, writers[i]);
	for (size_t i = 0; i < conf->n_ifaces; i++) {
		const struct gp_conf_capture *now = &conf->ifaces[i];
		const struct gp_conf_capture *was =
		    gp_conf_iface(old, now->name);

		changed[i] = was != NULL &&
		    (!gp_conf_same_iface(old, was, conf, now) ||
			newer(now->filter_file, old_path));
		writer |= was == NULL || changed[i];
	}
	if (writer)
		puts("goprobe-writer.service");
	for (size_t i = 0; i < conf->n_ifaces; i++) {
		unit_name(conf->ifaces[i].name, unit);
		if (changed[i])
			puts(unit);
	}
	if (exports(old) && exports(conf) &&
	    (!gp_conf_same_section(old, conf, "export") ||
		!gp_conf_same_section(old, conf, "store") ||
		!gp_conf_same_section(old, conf, "site") ||
		export_newer(conf, old_path)))
		puts(EXPORT);
	gp_conf_free(old);
	free(changed);
	return fflush(stdout) == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	bool units = argc == 2 && strcmp(argv[1], "--units") == 0;
	bool changes = argc == 3 && strcmp(argv[1], "--changes") == 0;
	char error[512];
	struct gp_conf *conf;
	int rc;

	if (!units && !changes && argc != 4) {
		fputs("usage: goprobe-generator NORMAL EARLY LATE\n"
		      "       goprobe-generator --units | --changes OLD\n",
		    stderr);
		return EXIT_USAGE;
	}
	conf = gp_conf_load(GP_CONF_PATH, true, true, error);
	if (conf == NULL) {
		complain("%s%s", error, units || changes ? "" :
			": no interface is captured");
		return EXIT_USAGE;
	}
	if (units)
		rc = list_units(conf);
	else if (changes)
		rc = list_changes(conf, argv[2]);
	else
		rc = generate(argv[1], conf);
	gp_conf_free(conf);
	return rc;
}
