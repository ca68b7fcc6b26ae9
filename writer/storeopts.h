/*
 * storeopts - how the store is opened for writing, as the configuration says:
 * by the writer that runs, and by an administrator's commands.
 */
#ifndef WRITER_STOREOPTS_H
#define WRITER_STOREOPTS_H

#include "common/base/conf.h"
#include "common/godb/godb_write.h"

static inline struct godb_writer_opts
store_opts(const struct gp_conf *conf, const char *owner)
{
	struct godb_writer_opts opts = GODB_WRITER_OPTS_INIT;

	opts.owner = owner;
	opts.compression = conf->store.compression == GP_COMPRESS_NONE ?
	    GODB_COMPRESS_NONE : GODB_COMPRESS_LZ4;
	opts.sorted_days = conf->store.sorted_days;
	return opts;
}

#endif
