/*
 * status_folder - where the writer of a live run publishes its status.
 *
 * The site's folder, GP_STATUS_FOLDER, when the run is on the configured store
 * and no other sensor has that folder; it is kept over restarts.  Otherwise
 * one named by the store (gp_status_folder), removed at the end: a run beside
 * the site's sensor never speaks for it.
 */
#ifndef CAPTURE_STATUS_FOLDER_H
#define CAPTURE_STATUS_FOLDER_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/base/status.h"

struct status_folder {
	int fd;                        /* -1: there is none */
	char path[GP_STATUS_PATH_MAX];
	bool temporary;                /* removed at the end */
};

/*
 * Makes and opens the folder, 0750 of uid:gid, for the open store; `configured`
 * is the path of the configured one.  The folder stays ours as long as the
 * descriptor, or a child's copy of it, is open.  0; -errno with `path` saying
 * where; -EWOULDBLOCK: another sensor on the same store has it.
 */
int status_folder_open(struct status_folder *f, int store,
    const char *configured, uid_t uid, gid_t gid);
void status_folder_close(struct status_folder *f);

#endif
