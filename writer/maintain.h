/*
 * maintain - the commands of an administrator: --prune, --clean, --wipe,
 * --repair and --rebuild-rollups, some of which go-probe's query program had.
 *
 * --prune and --clean are asked of the running writer, over the socket that
 * only root can connect to, or done here when there is none.  The others need
 * the store's lock.  Root becomes the store's owner before it looks into it.
 */
#ifndef WRITER_MAINTAIN_H
#define WRITER_MAINTAIN_H

#include <stdbool.h>

#include "common/base/conf.h"

enum maintain_command {
	MAINTAIN_NONE,
	MAINTAIN_PRUNE,
	MAINTAIN_CLEAN,
	MAINTAIN_WIPE,
	MAINTAIN_REPAIR,
	MAINTAIN_REBUILD,
};

struct maintain {
	enum maintain_command command;
	const char *time; /* of --clean, as typed */
	bool dry_run, yes;
	const char *store;     /* folder */
	const char *sockets;   /* folder of the writers' sockets */
	const struct gp_conf *conf;
};

/* Does it, says so on stdout; the exit status. */
int maintain_run(const struct maintain *m);

#endif
