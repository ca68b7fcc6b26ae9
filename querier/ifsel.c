#include "querier/ifsel.h"

#include "common/base/words.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATTERN_MAX 512 /* SITE/IFACE */
#define PATTERN_IFACE_MAX 64  /* IFACE */
#define BETWEEN " ,"

/* "eth0, eth1 and 3 more" */
static void
list_names(char **have, char *out, size_t size)
{
	size_t len = 0, i;

	out[0] = '\0';
	for (i = 0; have[i] && i < 12; i++) {
		int n = snprintf(out + len, size - len, "%s%s", i ? ", " : "",
		    have[i]);

		if (n < 0 || (size_t)n >= size - len)
			return;
		len += (size_t)n;
	}
	if (have[i])
		(void)snprintf(out + len, size - len, ", ...");
}

static bool
is_glob(const char *pattern)
{
	return strpbrk(pattern, "*?[") != NULL;
}

static bool
matches_part(const char *pattern, const char *name)
{
	if (gp_words_casecmp(pattern, "any") == 0)
		return true;
	/* a name with a bracket in it is still that name */
	return strcmp(pattern, name) == 0 ||
	    (is_glob(pattern) && fnmatch(pattern, name, 0) == 0);
}

/* Of SITE/IFACE a pattern without a slash means the interface; an interface's
 * name has no slash, a site's may. */
static bool
matches(const char *pattern, const char *name)
{
	const char *slash = strrchr(name, '/'), *cut = strrchr(pattern, '/');
	char site[PATTERN_MAX], wanted[PATTERN_MAX];

	if (!slash)
		return matches_part(pattern, name);
	if (!cut)
		return matches_part(pattern, slash + 1);
	(void)snprintf(site, sizeof(site), "%.*s", (int)(slash - name), name);
	(void)snprintf(wanted, sizeof(wanted), "%.*s", (int)(cut - pattern),
	    pattern);
	return matches_part(wanted, site) && matches_part(cut + 1, slash + 1);
}

static int
refuse(const char *pattern, char **have, char error[512])
{
	struct gp_words_guess g;
	char names[320];

	if (!have[0]) {
		(void)snprintf(error, 512, "the store holds no interface yet");
		return -ENOENT;
	}
	gp_words_guess_init(&g, pattern);
	for (size_t i = 0; have[i]; i++)
		gp_words_guess_offer(&g, have[i]);
	list_names(have, names, sizeof(names));
	(void)snprintf(error, 512,
	    "interface '%.80s' is not in the store%s%s%.60s%s, which has %s",
	    pattern,
	    pattern[0] == '/' ? " (a pattern is written as eth*)" : "",
	    g.best ? " (did you mean '" : "", g.best ? g.best : "",
	    g.best ? "'?)" : "", names);
	return -ENOENT;
}

/* One element of the list; taken[i] says whether have[i] is in. */
static int
apply(const char *pattern, bool wanted, char **have, bool *taken,
    char error[512])
{
	bool found = false;

	for (size_t i = 0; have[i]; i++) {
		if (matches(pattern, have[i])) {
			taken[i] = wanted;
			found = true;
		}
	}
	/* taking out what is not there is no mistake */
	return found || !wanted ? 0 : refuse(pattern, have, error);
}

/* The length of the list's first element: up to a blank or comma, but for those
 * in the name of a site that is there. */
static size_t
element_len(const char *spec, char **have)
{
	size_t len = strcspn(spec, BETWEEN);

	for (size_t i = 0; have[i]; i++) {
		const char *slash = strrchr(have[i], '/');
		size_t site = slash ? (size_t)(slash + 1 - have[i]) : 0;

		if (site <= len || strncmp(spec, have[i], site) != 0)
			continue;
		len = site + strcspn(spec + site, BETWEEN);
	}
	return len;
}

/* All elements that add (or all that take out); counts them. */
static int
apply_all(const char *spec, bool wanted, char **have, bool *taken, size_t *n,
    char error[512])
{
	char pattern[PATTERN_MAX];

	*n = 0;
	while (*spec) {
		size_t len;
		bool negated;
		int rc;

		spec += strspn(spec, BETWEEN);
		negated = *spec == '!';
		spec += negated;
		len = element_len(spec, have);
		if (len == 0)
			continue;
		if (len >= sizeof(pattern) ||
		    (len >= PATTERN_IFACE_MAX && !memchr(spec, '/', len))) {
			(void)snprintf(error, 512,
			    "no interface has so long a name: %.40s...", spec);
			return -ENOENT;
		}
		memcpy(pattern, spec, len);
		pattern[len] = '\0';
		spec += len;
		if (negated == wanted)
			continue;
		++*n;
		rc = apply(pattern, wanted, have, taken, error);
		if (rc < 0)
			return rc;
	}
	return 0;
}

bool
ifsel_is_empty(const char *spec)
{
	return spec[strspn(spec, BETWEEN "!")] == '\0';
}

int
ifsel_choose(const char *spec, char **have, const char ***out,
    char error[512])
{
	size_t n_have = 0, n_in, n_out, n = 0;
	const char **chosen;
	bool *taken;
	int rc;

	while (have[n_have])
		n_have++;
	taken = calloc(n_have + 1, sizeof(*taken));
	chosen = calloc(n_have + 1, sizeof(*chosen));
	rc = taken && chosen ? 0 : -ENOMEM;
	if (rc == 0)
		rc = apply_all(spec, true, have, taken, &n_in, error);
	if (rc == 0) {
		for (size_t i = 0; n_in == 0 && i < n_have; i++)
			taken[i] = true;
		rc = apply_all(spec, false, have, taken, &n_out, error);
	}
	for (size_t i = 0; rc == 0 && i < n_have; i++) {
		if (taken[i])
			chosen[n++] = have[i];
	}
	if (rc == 0 && n == 0) {
		(void)snprintf(error, 512, n_have
			? "-i leaves no interface over"
			: "the store holds no interface yet");
		rc = -ENOENT;
	}
	if (rc < 0) {
		free(chosen);
		free(taken);
		return rc;
	}
	free(taken);
	*out = chosen;
	return (int)n;
}
