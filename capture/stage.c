#include "capture/stage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int
stage_init(struct stage *s, uint32_t size)
{
	*s = (struct stage){.size = 4096};
	while (s->size < size)
		s->size *= 2;
	s->bytes = malloc(s->size);
	return s->bytes ? 0 : -ENOMEM;
}

void
stage_fini(struct stage *s)
{
	free(s->bytes);
	*s = (struct stage){0};
}

const uint8_t *
stage_copy(struct stage *s, const uint8_t *from, uint32_t len)
{
	uint32_t at = s->head & (s->size - 1);
	uint32_t skip = len > s->size - at ? s->size - at : 0;

	if (len > s->size || (uint64_t)(s->head - s->tail) + skip + len >
	    s->size)
		return NULL;
	s->head += skip;
	at = s->head & (s->size - 1);
	memcpy(s->bytes + at, from, len);
	s->head += len;
	return s->bytes + at;
}

void
stage_release(struct stage *s, uint32_t position)
{
	s->tail = position;
}
