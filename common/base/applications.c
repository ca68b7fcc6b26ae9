#include "common/base/applications.h"

#include <string.h>

#include "common/base/words.h"

enum { NAME_BYTES = 64 };

/* Name in another version of nDPI, and ours. */
static const struct {
	const char *other, *stable;
} alias[] = {
    {"collectd", "Collectd"},
    {"IPSec", "IPsec"},
    {"FacebookMessenger", "Messenger"},
    {"DCERPC", "DCE_RPC"},
    {"GoogleCall", "GoogleHangoutDuo"},
    {"SSL", "TLS"},
};

const char *
gp_application_stable(const char *name)
{
	for (size_t i = 0; i < sizeof(alias) / sizeof(alias[0]); i++)
		if (gp_words_casecmp(alias[i].other, name) == 0)
			return alias[i].stable;
	return name;
}

/* Takes the guess' mark off a copy; whether there was one. */
static bool
unmark(char out[NAME_BYTES], const char *name)
{
	size_t n = strlen(name);
	bool marked = n > 0 && name[n - 1] == '?';

	n -= marked;
	if (n >= NAME_BYTES)
		n = NAME_BYTES - 1;
	memcpy(out, name, n);
	out[n] = '\0';
	return marked;
}

static bool
same(const char *part, const char *asked)
{
	return gp_words_casecmp(gp_application_stable(part),
		   gp_application_stable(asked)) == 0;
}

bool
gp_application_matches(const char *label, const char *asked)
{
	char text[NAME_BYTES], want[NAME_BYTES];
	char *dot, *want_dot;
	bool guess;

	if (gp_words_casecmp(label, asked) == 0)
		return true;
	guess = unmark(text, label);
	if (unmark(want, asked) && !guess)
		return false;
	dot = strchr(text, '.');
	want_dot = strchr(want, '.');
	if (dot)
		*dot++ = '\0';
	if (want_dot)
		*want_dot++ = '\0';
	if (want_dot)
		return dot && same(text, want) && same(dot, want_dot);
	return same(text, want) || (dot && same(dot, want));
}
