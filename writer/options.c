#include "writer/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/conf.h"
#include "common/base/usage.h"
#include "common/godb/godb.h"

#define SOCKETS "/run/goprobe"

static _Noreturn void
usage(void)
{
	fputs("usage: goprobe-writer [-c FILE] [-d STORE] [-t | -T | -V | -h]\n"
	      "       goprobe-writer [-c FILE] [-d STORE] [-S FOLDER] COMMAND "
	      "[--dry-run] [--yes]\n"
	      "  -c FILE   configuration, default " GP_CONF_PATH "\n"
	      "  -d STORE  folder of the store, default from the configuration\n"
	      "  -t        check the configuration and exit\n"
	      "  -T        print the effective configuration and exit\n"
	      "  -S FOLDER where the writers' sockets are, default " SOCKETS
	      "\n"
	      "Commands on a store:\n"
	      "  --prune       remove what is beyond retain_days, max_bytes "
	      "and min_free\n"
	      "  --clean TIME  remove days that end by then: 2026-11-24, -30d\n"
	      "  --wipe        remove everything\n"
	      "  --repair      take damage out of the indexes\n"
	      "  --rebuild-rollups, --rebuild-index\n"
	      "                make all hour and day roll-ups and address "
	      "indexes anew\n"
	      "  --dry-run     only say what would be done\n"
	      "  --yes         do not ask\n"
	      "Started by systemd or by goprobe(8), which pass the socket.\n",
	    stdout);
	exit(gp_end_output("goprobe-writer", 0));
}

static _Noreturn void
usage_error(const char *what, const char *arg)
{
	gp_usage_error("goprobe-writer", what, arg);
}

enum { OPT_PRUNE = 256, OPT_CLEAN, OPT_WIPE, OPT_REPAIR, OPT_REBUILD, OPT_DRY,
	OPT_YES, OPT_SANDBOX };

static const struct option long_options[] = {
    {"prune", no_argument, NULL, OPT_PRUNE},
    {"clean", required_argument, NULL, OPT_CLEAN},
    {"wipe", no_argument, NULL, OPT_WIPE},
    {"repair", no_argument, NULL, OPT_REPAIR},
    {"rebuild-rollups", no_argument, NULL, OPT_REBUILD},
    {"rebuild-index", no_argument, NULL, OPT_REBUILD},
    {"dry-run", no_argument, NULL, OPT_DRY},
    {"yes", no_argument, NULL, OPT_YES},
    {"sandbox", required_argument, NULL, OPT_SANDBOX}, {NULL, 0, NULL, 0}};

static void
set_command(struct maintain *m, enum maintain_command command)
{
	if (m->command != MAINTAIN_NONE && m->command != command)
		usage_error("one command at a time", NULL);
	m->command = command;
}

void
options_parse(int argc, char **argv, struct options *o)
{
	int c;

	memset(o, 0, sizeof(*o));
	o->maintain.sockets = SOCKETS;
	while ((c = getopt_long(argc, argv, "c:d:S:tTVh", long_options,
		    NULL)) != -1) {
		if (optarg && !*optarg && c < 256)
			usage_error("an empty value for",
			    (char[]){'-', (char)c, '\0'});
		switch (c) {
		case OPT_PRUNE:
			set_command(&o->maintain, MAINTAIN_PRUNE);
			break;
		case OPT_CLEAN:
			set_command(&o->maintain, MAINTAIN_CLEAN);
			o->maintain.time = optarg;
			break;
		case OPT_WIPE:
			set_command(&o->maintain, MAINTAIN_WIPE);
			break;
		case OPT_REPAIR:
			set_command(&o->maintain, MAINTAIN_REPAIR);
			break;
		case OPT_REBUILD:
			set_command(&o->maintain, MAINTAIN_REBUILD);
			break;
		case OPT_SANDBOX: /* only goprobe says this */
			o->sandbox = optarg;
			break;
		case OPT_DRY:
			o->maintain.dry_run = true;
			break;
		case OPT_YES:
			o->maintain.yes = true;
			break;
		case 'S':
			o->maintain.sockets = optarg;
			break;
		case 'c':
			o->conf_path = optarg;
			break;
		case 'd':
			o->store = optarg;
			break;
		case 't':
			o->check = true;
			break;
		case 'T':
			o->print = true;
			break;
		case 'V':
			puts("goprobe-writer " GODB_VERSION_STRING);
			exit(gp_end_output("goprobe-writer", 0));
		case 'h':
			usage();
		default: /* getopt has named it */
			fputs("goprobe-writer -h shows how\n", stderr);
			exit(2);
		}
	}
	if (optind != argc)
		usage_error("unexpected", argv[optind]);
	if (o->maintain.command == MAINTAIN_NONE &&
	    (o->maintain.dry_run || o->maintain.yes))
		usage_error("--dry-run and --yes go with a command", NULL);
	if (o->maintain.command != MAINTAIN_NONE && (o->check || o->print))
		usage_error("-t and -T go without a command", NULL);
}
