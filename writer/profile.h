/* profile - what the writer keeps: system calls with a reason each. */
#ifndef WRITER_PROFILE_H
#define WRITER_PROFILE_H

/* Installs the filter; 0 or -errno.  Paths are Landlock's (main.c). */
int profile_enter(void);

#endif
