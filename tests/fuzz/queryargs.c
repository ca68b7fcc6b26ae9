/* queryargs: goquery's command line, a word a line. */
#include <time.h>

#include "querier/args.h"
#include "tests/fuzz/fuzz.h"

#define WORDS_MAX 64
#define NOW       INT64_C(1768435200)

FUZZ_TARGET(queryargs)
{
	char *text = fuzz_text(data, len);
	char *argv[WORDS_MAX + 2] = {NULL}, *rest = text;
	char program[] = "goquery", error[ARGS_ERROR_MAX] = "";
	struct args a;
	int argc = 1;

	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	argv[0] = program;
	while (rest && argc <= WORDS_MAX)
		argv[argc++] = strsep(&rest, "\n");
	if (args_parse(argc, argv, &a, error) == 0 &&
	    a.action == ARGS_QUERY && args_times(&a, NOW, error) == 0)
		FUZZ_CHECK(a.keys.n > 0 && a.first_s < a.last_s);
	FUZZ_CHECK(memchr(error, '\0', sizeof(error)));
	free(text);
	return 0;
}
