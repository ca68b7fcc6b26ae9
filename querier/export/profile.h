/*
 * profile - what goprobe-export keeps: read the store, write its state, talk
 * to one TCP port.
 */
#ifndef EXPORT_PROFILE_H
#define EXPORT_PROFILE_H

int profile_seccomp(void);

#endif
