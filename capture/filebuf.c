#include "capture/filebuf.h"

#include <errno.h>
#include <string.h>

enum { READ_BYTES = 256 << 10 }; /* stay in the second cache until used */

void
filebuf_fill(struct filebuf *f, size_t need)
{
	if (f->size - f->at < need) {
		memmove(f->buf, f->buf + f->at, f->end - f->at);
		f->end -= f->at;
		f->at = 0;
	}
	while (f->end - f->at < need && !f->ended) {
		size_t room = f->size - f->end;
		ssize_t n = f->read(f->ctx, (char *)f->buf + f->end,
		    room < READ_BYTES ? room : READ_BYTES);

		if (n < 0)
			f->error = -errno;
		if (n <= 0)
			f->ended = true;
		else
			f->end += (size_t)n;
	}
}
