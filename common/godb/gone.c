#include "common/godb/gone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"

/* A header and nothing else: its time is the end, its salt the beginning. */
static const char magic[8] = {'g', 'o', 'D', 'B', 'g', 'o', 'n', '\n'};

int
gdi_gone_read(int iface_fd, struct gdi_gone *out)
{
	struct gdi_gone gone;
	char *data;
	size_t len;
	int rc = gp_fd_read_file(iface_fd, GDI_GONE, GDI_HEADER_BYTES, &data,
	    &len);

	if (rc == -EFBIG)
		return GODB_EDAMAGED;
	if (rc < 0)
		return rc;
	rc = GODB_EDAMAGED;
	if (len == GDI_HEADER_BYTES) {
		const uint8_t *h = (const uint8_t *)data;

		gone.until_s = (int64_t)gdi_get64(h + GDI_H_TIME);
		gone.first_s = (int64_t)gdi_get64(h + GDI_H_SALT);
		rc = gdi_header_check(h, magic, gone.until_s);
		if (rc == 0 && (gone.first_s < 0 ||
			gone.until_s <= gone.first_s ||
			gone.until_s > GP_TIME_MAX_S + GP_DAY_S))
			rc = GODB_EDAMAGED;
	}
	free(data);
	if (rc == 0)
		*out = gone;
	return rc;
}

/* By rename, and durable: the day goes only when this is known. */
static int
replace(int iface_fd, const char *iface, uint32_t mode,
    const struct gdi_gone *gone)
{
	uint8_t header[GDI_HEADER_BYTES];
	int fd;

	gdi_header_make(header, magic, iface, gone->until_s,
	    (uint64_t)gone->first_s);
	fd = gp_fd_replace(iface_fd, GDI_GONE, mode, header, sizeof(header));
	if (fd < 0)
		return fd;
	gp_fd_close(&fd);
	return gp_fd_sync(iface_fd);
}

int
gdi_gone_add(int iface_fd, const char *iface, uint32_t mode, int64_t day_s)
{
	struct gdi_gone gone, known;

	gone.first_s = day_s;
	gone.until_s = day_s + GP_DAY_S;
	if (gdi_gone_read(iface_fd, &known) == 0) {
		if (known.first_s <= gone.first_s &&
		    known.until_s >= gone.until_s)
			return 0;
		if (known.first_s < gone.first_s)
			gone.first_s = known.first_s;
		if (known.until_s > gone.until_s)
			gone.until_s = known.until_s;
	}
	return replace(iface_fd, iface, mode, &gone);
}
