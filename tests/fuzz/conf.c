/* conf: bytes as the INI file.  What -T prints of an accepted one is accepted
 * and means the same. */
#include "common/base/conf.h"
#include "tests/fuzz/fuzz.h"

static char *
print(const struct gp_conf *c, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	FUZZ_CHECK(out);
	gp_conf_print(c, out);
	FUZZ_CHECK(fclose(out) == 0);
	return text;
}

FUZZ_TARGET(conf)
{
	char error[512] = "";
	char *text = fuzz_text(data, len), *once, *twice;
	struct gp_conf *c = gp_conf_parse(text, len, "input", error);
	size_t n;

	free(text);
	if (!c) {
		FUZZ_CHECK(strncmp(error, "input:", 6) == 0);
		FUZZ_CHECK(!strchr(error, '\n'));
		return 0;
	}
	once = print(c, &n);
	gp_conf_free(c);
	c = gp_conf_parse(once, n, "printed", error);
	if (!c)
		fprintf(stderr, "%s\n%s", error, once);
	FUZZ_CHECK(c);
	twice = print(c, &n);
	FUZZ_CHECK(strcmp(once, twice) == 0);
	gp_conf_free(c);
	free(once);
	free(twice);
	return 0;
}
