#include "capture/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/exits.h"
#include "common/base/addr.h"
#include "common/base/conf.h"
#include "common/base/usage.h"

#define WRITER_SOCKET "/run/goprobe/writer.sock"

static _Noreturn void
usage(void)
{
	fputs("usage: goprobe-capture [-c FILE] [-S SOCKET] [--l7 ndpi|off] "
	      "IFACE\n"
	      "       goprobe-capture [-c FILE] -t | -T | -V | -h\n"
	      "  -c FILE    configuration, default " GP_CONF_PATH "\n"
	      "  -S SOCKET  the writer's, default " WRITER_SOCKET "\n"
	      "  --l7 WHAT  layer 7, whatever the configuration says\n"
	      "  -t, -T     check the configuration; print its values\n"
	      "Started as root by systemd or by goprobe(8).\n",
	    stdout);
	exit(gp_end_output("goprobe-capture", 0));
}

static _Noreturn void
usage_error(const char *what, const char *arg)
{
	gp_usage_error("goprobe-capture", what, arg);
}

void
options_parse(int argc, char **argv, struct options *o)
{
	enum { OPT_OFFLINE = 256, OPT_APPEND, OPT_L7, OPT_SANDBOX };
	static const struct option longs[] = {
	    {"offline", no_argument, NULL, OPT_OFFLINE},
	    {"append", no_argument, NULL, OPT_APPEND},
	    {"l7", required_argument, NULL, OPT_L7},
	    {"sandbox", required_argument, NULL, OPT_SANDBOX},
	    {NULL, 0, NULL, 0},
	};
	int c;

	memset(o, 0, sizeof(*o));
	o->socket = WRITER_SOCKET;
	while ((c = getopt_long(argc, argv, "c:S:i:tTVh", longs, NULL)) != -1) {
		if (optarg && !*optarg && c < 256)
			usage_error("an empty value for",
			    (char[]){'-', (char)c, '\0'});
		switch (c) {
		case 'c':
			o->conf_path = optarg;
			break;
		case 'S':
			o->socket = optarg;
			break;
		case 'i':
			o->iface = optarg;
			break;
		case 't':
			o->check = true;
			break;
		case 'T':
			o->print = true;
			break;
		case OPT_OFFLINE: /* only goprobe says this */
			o->offline = true;
			break;
		case OPT_APPEND:
			o->append = true;
			break;
		case OPT_L7:
			o->l7 = optarg;
			break;
		case OPT_SANDBOX: /* nor this, which live is refused */
			o->sandbox = optarg;
			break;
		case 'V':
			puts("goprobe-capture " GP_VERSION);
			exit(gp_end_output("goprobe-capture", 0));
		case 'h':
			usage();
		default: /* getopt has named it */
			fputs("goprobe-capture -h shows how\n", stderr);
			exit(EXIT_USAGE);
		}
	}
	if (o->offline) {
		o->files = argv + optind;
		o->n_files = (size_t)(argc - optind);
	} else if (optind < argc) {
		o->iface = argv[optind++];
	}
	if (!o->offline && optind < argc)
		usage_error("one interface; unexpected", argv[optind]);
	if (o->check || o->print) {
		if (o->iface)
			usage_error("-t and -T take -c FILE alone; unexpected",
			    o->iface);
		return;
	}
	if (o->sandbox && !o->offline)
		usage_error("--sandbox goes with files; live capture obeys "
			    "root's configuration alone", NULL);
	if (o->iface == NULL)
		usage_error("no interface", NULL);
	if (!gp_addr_iface_valid(o->iface))
		usage_error("not an interface name", o->iface);
}
