/*
 * folder - folders with all that is in them, removed and copied; by the test's
 * own hand, since some do so thousands of times.
 */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

__attribute__((unused)) static void
folder_remove(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void copy_any(const char *from, const char *to);

static void
copy_file(const char *from, const char *to, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t n = 1;

	while (n > 0)
		n = sendfile(out, in, NULL, 1 << 30);
	if (n < 0 || fchmod(out, st->st_mode & 07777) < 0 ||
	    futimens(out, times) < 0 || close(in) < 0 || close(out) < 0)
		abort();
}

static void
copy_entries(const char *from, const char *to, const struct stat *st)
{
	DIR *d = opendir(from);

	if (d == NULL || mkdir(to, 0700) < 0)
		abort();
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		char a[512], b[512];

		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		if (snprintf(a, sizeof(a), "%s/%s", from, e->d_name) >= 512 ||
		    snprintf(b, sizeof(b), "%s/%s", to, e->d_name) >= 512)
			abort();
		copy_any(a, b);
	}
	(void)closedir(d);
	if (chmod(to, st->st_mode & 07777) < 0)
		abort();
}

static void
copy_any(const char *from, const char *to)
{
	struct stat st;

	if (lstat(from, &st) < 0)
		abort();
	if (S_ISDIR(st.st_mode))
		copy_entries(from, to, &st);
	else if (S_ISREG(st.st_mode))
		copy_file(from, to, &st);
	else
		abort(); /* no store has others */
}

/* What was at `to` goes. */
__attribute__((unused)) static void
folder_copy(const char *from, const char *to)
{
	folder_remove(to);
	copy_any(from, to);
}

#endif
