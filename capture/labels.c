#include "capture/labels.h"

#include <string.h>

enum { SLOTS = LABELS_MAX * 2 };

static void
clean_copy(char *to, size_t size, const char *from)
{
	size_t i;

	memset(to, 0, size);
	for (i = 0; i < size - 1 && from[i] != '\0'; i++)
		to[i] = from[i] > ' ' && from[i] < 0x7f ? from[i] : '_';
}

static uint32_t
slot_of(const struct labels *l, const char *name)
{
	uint32_t h = 2166136261u; /* FNV-1a; the names are the engine's */

	for (const char *p = name; *p; p++)
		h = (h ^ (uint8_t)*p) * 16777619u;
	for (h %= SLOTS; l->slot[h] != 0; h = (h + 1) % SLOTS)
		if (strcmp(l->name[l->slot[h] - 1].name, name) == 0)
			break;
	return h;
}

uint16_t
labels_add(struct labels *l, const char *name, const char *category)
{
	struct frame_name new;
	uint32_t at;

	clean_copy(new.name, sizeof(new.name), name);
	clean_copy(new.category, sizeof(new.category), category);
	at = slot_of(l, new.name);
	if (l->slot[at] != 0)
		return (uint16_t)(l->slot[at] - 1);
	if (l->n == LABELS_MAX || new.name[0] == '\0')
		return LABELS_UNKNOWN;
	l->name[l->n] = new;
	l->slot[at] = (uint16_t)++l->n;
	return (uint16_t)(l->n - 1);
}

void
labels_init(struct labels *l)
{
	memset(l, 0, sizeof(*l));
	(void)labels_add(l, "Unknown", "Unspecified");
	(void)labels_add(l, "[overflow]", "");
}
