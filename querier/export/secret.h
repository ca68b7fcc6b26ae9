/*
 * secret - a password in a file.
 */
#ifndef EXPORT_SECRET_H
#define EXPORT_SECRET_H

#define SECRET_MAX 4096 /* bytes of it that are read */

#define SECRET_SHARED 1

/*
 * The file's first line, owned by the caller, who wipes it.  0; SECRET_SHARED
 * when it is no regular file of root's or of who asks, or one that others may
 * read or write; -errno.
 */
int secret_read(const char *path, char **out);

#endif
