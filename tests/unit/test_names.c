/* The registry: ids stay with their names whatever happens to the file. */
#include "common/godb/names.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/fd.h"
#include "tests/tap.h"

static int dir;

static struct godb_l7_name
name(const char *text)
{
	struct godb_l7_name n = {.category = "Web"};

	(void)snprintf(n.name, sizeof(n.name), "%s", text);
	return n;
}

static void
put_file(const char *text, size_t len)
{
	int fd = openat(dir, GDI_REGISTRY, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (write(fd, text, len) != (ssize_t)len)
		abort();
	close(fd);
}

static char *
get_file(size_t *len)
{
	char *text;

	if (gp_fd_read_file(dir, GDI_REGISTRY, 1 << 20, &text, len) < 0)
		abort();
	return text;
}

static int
add(struct gdi_names *x, const char *text)
{
	struct godb_l7_name n = name(text);

	return gdi_names_register(x, dir, 0640, &n);
}

static const char *
get(const struct gdi_names *x, size_t id)
{
	const struct godb_l7_name *n = gdi_names_get(x, id);

	return n ? n->name : "(none)";
}

static void
test_basic(void)
{
	struct gdi_names x;
	struct stat st;
	mode_t mask = umask(077);

	is_int(gdi_names_load(dir, &x), 0, "no file yet");
	is_str(get(&x, 0), "Unknown", "0 is Unknown");
	is_int(add(&x, "Unknown"), 0, "and found by name");
	is_int(add(&x, "DNS"), 1, "first");
	is_int(add(&x, "TLS with blank"), 2, "second");
	is_int(add(&x, "DNS"), 1, "again");
	is_int(gdi_names_sync(&x, dir, 0640), 0, "sync");
	gdi_names_free(&x);
	umask(mask);
	ok(fstatat(dir, GDI_REGISTRY, &st, 0) == 0 &&
		(st.st_mode & 0777) == 0640,
	    "mode whatever the umask");
	is_int(gdi_names_load(dir, &x), 0, "read back");
	is_str(get(&x, 2), "TLS with blank", "second");
	is_int(gdi_names_find(&x, "DNS"), 1, "found");
	is_int(gdi_names_find(&x, "dns"), -1, "not found");
	is_int((int64_t)x.n_damaged, 0, "nothing is damaged");
	gdi_names_free(&x);
}

/* Three names, then the file cut or hit, then one more: it must not get an id
 * that the first three ever had. */
static void
test_damage(void)
{
	struct gdi_names x;
	char *whole;
	size_t len, reused = 0, lied = 0, untold = 0, lost = 0;

	unlinkat(dir, GDI_REGISTRY, 0);
	(void)gdi_names_load(dir, &x);
	(void)add(&x, "one");
	(void)add(&x, "two");
	(void)add(&x, "three");
	gdi_names_free(&x);
	whole = get_file(&len);
	for (size_t i = 0; i < len; i++) {
		char *text = malloc(len);
		int id;

		memcpy(text, whole, len);
		text[i] = (char)(text[i] ^ 1 << (i % 7));
		put_file(text, len);
		(void)gdi_names_load(dir, &x);
		untold += x.n_damaged == 0 && x.n_torn == 0;
		for (size_t k = 1; k <= 3; k++) {
			static const char *const want[] = {"", "one", "two",
			    "three"};

			lied += gdi_names_get(&x, k) != NULL &&
			    strcmp(get(&x, k), want[k]) != 0;
			lost += gdi_names_get(&x, k) == NULL;
		}
		id = add(&x, "four");
		reused += id < 4;
		gdi_names_free(&x);
		(void)gdi_names_load(dir, &x);
		reused += id >= 0 && strcmp(get(&x, (size_t)id), "four") != 0;
		gdi_names_free(&x);
		free(text);
	}
	is_int(lied, 0, "no id ever has another name");
	is_int(reused, 0, "no id is given away twice");
	is_int(untold, 0, "damage is told");
	ok(lost <= len + 4, "a hit costs its name: %zu of %zu", lost, len * 3);
	for (size_t i = 0; i < len; i++) {
		put_file(whole, i);
		(void)gdi_names_load(dir, &x);
		lied += x.n_damaged;
		(void)add(&x, "four");
		gdi_names_free(&x);
		(void)gdi_names_load(dir, &x);
		lied += x.n_damaged || x.n_torn ||
		    gdi_names_find(&x, "four") < 1;
		gdi_names_free(&x);
	}
	is_int(lied, 0, "cut at every byte: a torn line is cut and no damage");
	free(whole);
}

static void
test_limits(void)
{
	struct gdi_names x;
	size_t bad = 0;
	char text[32];

	unlinkat(dir, GDI_REGISTRY, 0);
	(void)gdi_names_load(dir, &x);
	for (int i = 1; i < 70000; i++) {
		struct godb_l7_name n;

		(void)snprintf(text, sizeof(text), "made up %d", i);
		n = name(text);
		bad += gdi_names_add(&x, &n) != (i < 65536 ? i : 0);
	}
	is_int(bad, 0, "beyond 65536 names it is Unknown");
	gdi_names_free(&x);
	is_int(symlinkat("/etc/passwd", dir, GDI_REGISTRY), 0, "a link");
	is_int(gdi_names_load(dir, &x), GODB_EDAMAGED, "is not followed");
	unlinkat(dir, GDI_REGISTRY, 0);
}

int
main(void)
{
	char path[] = "/tmp/test_names.XXXXXX";

	if (mkdtemp(path) == NULL)
		return 1;
	dir = open(path, O_RDONLY | O_DIRECTORY);
	test_basic();
	test_damage();
	test_limits();
	unlinkat(dir, GDI_REGISTRY, 0);
	rmdir(path);
	return tap_done();
}
