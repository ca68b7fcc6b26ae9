#include "querier/export/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/conf.h"
#include "common/base/usage.h"
#include "common/godb/godb.h"
#include "querier/export/schema.h"

static _Noreturn void
usage(void)
{
	fputs("usage: goprobe-export [-c FILE] [-d STORE] [-s STATE] "
	      "[--once | --clean]\n"
	      "       goprobe-export --schema KIND [--cluster NAME]\n"
	      "       goprobe-export --init KIND [--cluster NAME]\n"
	      "       goprobe-export --status\n"
	      "       goprobe-export -t | -T | -V | -h\n"
	      "  -c FILE   configuration, default " GP_CONF_PATH "\n"
	      "  -d STORE  folder of the store, default from the configuration\n"
	      "  -s STATE  folder of what was shipped, likewise\n"
	      "  --once    ship what there is and exit\n"
	      "  --clean   the same; then have the server remove rows of "
	      "attempts that\n"
	      "            were given up, which a daemon does after an hour\n"
	      "  --schema  print the statements that make the tables\n"
	      "  --init    have the server make them\n"
	      "  KIND      single, sharded, replicated or modern\n"
	      "  --status  tell how the service does; 0 well, 3 something asks "
	      "for\n"
	      "            attention, 1 there is none\n"
	      "  -t        check the configuration and exit\n"
	      "  -T        print the effective configuration and exit\n",
	    stdout);
	exit(gp_end_output("goprobe-export", 0));
}

static _Noreturn void
usage_error(const char *what, const char *arg)
{
	gp_usage_error("goprobe-export", what, arg);
}

static int
parse_kind(const char *option, const char *text)
{
	char what[80];

	for (int i = 0; i < SCHEMA_N_KINDS; i++)
		if (strcmp(text, schema_kind_name((enum schema_kind)i)) == 0)
			return i;
	(void)snprintf(what, sizeof(what),
	    "--%s needs single, sharded, replicated or modern, not", option);
	usage_error(what, text);
}

enum { OPT_ONCE = 256, OPT_CLEAN, OPT_SCHEMA, OPT_INIT, OPT_CLUSTER,
	OPT_STATUS };

static const struct option long_options[] = {
    {"once", no_argument, NULL, OPT_ONCE},
    {"clean", no_argument, NULL, OPT_CLEAN},
    {"schema", required_argument, NULL, OPT_SCHEMA},
    {"init", required_argument, NULL, OPT_INIT},
    {"cluster", required_argument, NULL, OPT_CLUSTER},
    {"status", no_argument, NULL, OPT_STATUS},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

void
options_parse(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options){.schema = -1, .init = -1, .cluster = "goprobe"};
	while ((c = getopt_long(argc, argv, "c:d:s:tTVh", long_options,
		    NULL)) != -1) {
		if (optarg && !*optarg && c < 256)
			usage_error("an empty value for",
			    (char[]){'-', (char)c, '\0'});
		switch (c) {
		case 'c':
			o->conf_path = optarg;
			break;
		case 'd':
			o->store = optarg;
			break;
		case 's':
			o->state = optarg;
			break;
		case 't':
			o->check = true;
			break;
		case 'T':
			o->print = true;
			break;
		case OPT_ONCE:
			o->once = true;
			break;
		case OPT_CLEAN:
			o->clean = o->once = true;
			break;
		case OPT_STATUS:
			o->status = true;
			break;
		case OPT_SCHEMA:
			o->schema = parse_kind("schema", optarg);
			break;
		case OPT_INIT:
			o->init = parse_kind("init", optarg);
			break;
		case OPT_CLUSTER:
			if (!schema_name_valid(optarg))
				usage_error("--cluster needs a name of "
				    "letters, digits and _, not", optarg);
			o->cluster = optarg;
			break;
		case 'V':
			puts("goprobe-export " GODB_VERSION_STRING);
			exit(gp_end_output("goprobe-export", 0));
		case 'h':
			usage();
		default: /* getopt has named it */
			fputs("goprobe-export -h shows how\n", stderr);
			exit(2);
		}
	}
	if (optind != argc)
		usage_error("unexpected", argv[optind]);
	if (o->once + o->status + (o->schema >= 0) + (o->init >= 0) +
	    (o->check || o->print) > 1)
		usage_error("one of --once or --clean, --schema, --init, "
		    "--status, -t and -T at a time", NULL);
}
