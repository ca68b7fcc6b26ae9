/*
 * fd - full reads and writes, *at() opens, fsync of file and folder.
 *
 * Every function returns 0 or a count when fine and -errno when not; EINTR is
 * retried.  Descriptors are opened O_CLOEXEC|O_NOFOLLOW.
 */
#ifndef GP_FD_H
#define GP_FD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Closes *fd if it is open and sets it to -1; accepts -1. */
void gp_fd_close(int *fd);

/* Up to len bytes at off; fewer only at end of file.  Returns the count. */
ssize_t gp_fd_pread_full(int fd, void *buf, size_t len, uint64_t off);
ssize_t gp_fd_read_full(int fd, void *buf, size_t len);

/* All len bytes, or an error (then the file may hold some of them). */
int gp_fd_pwrite_full(int fd, const void *buf, size_t len, uint64_t off);
int gp_fd_write_full(int fd, const void *buf, size_t len);

/* Opens NAME below folder DIR; returns the descriptor or -errno. */
int gp_fd_openat(int dir, const char *name, int flags, mode_t mode);
int gp_fd_opendir_at(int dir, const char *name);

/*
 * Whole file below DIR into memory of at most max_bytes; *data is owned by
 * the caller (free) and NUL-terminated beyond *len.  -EFBIG when larger;
 * -EISDIR, -EINVAL for what is no regular file.
 */
int gp_fd_read_file(int dir, const char *name, size_t max_bytes, char **data,
    size_t *len);

/*
 * Puts a file with these bytes in the place of NAME below DIR, if there is one:
 * NAME.new is written, synced and renamed, or taken away again on an error, so
 * that nobody sees half of it and a full disk has its space back.  Returns its
 * descriptor, O_RDWR, or -errno.  The name lasts once DIR is synced.
 */
#define GP_FD_NEW ".new"
int gp_fd_replace(int dir, const char *name, mode_t mode, const void *data,
    size_t len);

/* Descriptors 0 to 2 are taken afterwards, those that were closed by a
 * /dev/null which cannot be written: what is opened next never is where log
 * lines go.  0 or -errno. */
int gp_fd_fill_std(void);

/* Closes every descriptor from 3 on but those in keep[n], in any order; -1 is
 * nothing to keep.  0 or -errno. */
int gp_fd_close_others(const int *keep, size_t n);

int gp_fd_sync(int fd);     /* fsync */
int gp_fd_datasync(int fd); /* fdatasync */

#endif
