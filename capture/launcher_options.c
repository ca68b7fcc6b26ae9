#include <getopt.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/exits.h"
#include "capture/launcher.h"
#include "common/base/addr.h"
#include "common/base/usage.h"

static const char help[] =
    "usage: goprobe [-c FILE] [-d STORE] IFACE...\n"
    "       goprobe [-c FILE] [-d STORE] -i NAME [--append] -r FILE...\n"
    "\n"
    "Live (as root): captures on every IFACE until SIGINT, SIGTERM or SIGHUP.\n"
    "Offline (as anyone): replays capture files into interface NAME.\n"
    "\n"
    "  -c FILE        configuration, default " GP_CONF_PATH "\n"
    "  -d STORE       folder of the store, default from the configuration\n"
    "  -i NAME        offline: interface that the files stand for\n"
    "  -r FILE        offline: pcap or pcapng file; again for more; - is stdin\n"
    "  --append       offline: add to blocks that exist already\n"
    "  --l7 ndpi|off  layer 7 for this run\n"
    "  --sandbox full|seccomp   offline: seccomp goes without Landlock\n"
    "  -t, -T         check the configuration; print its effective values\n"
    "  -V, -h         version; this text\n"
    "\n"
    "Examples:\n"
    "  goprobe eth0 eth1\n"
    "  goprobe -d /tmp/flows -i eth0 -r monday.pcap -r tuesday.pcapng\n"
    "  zcat huge.pcap.gz | goprobe -d /tmp/flows -i eth0 -r -\n"
    "Then: goquery -d /tmp/flows -i eth0 -f 0 talk_conv\n";

static _Noreturn void
usage_error(const char *what, const char *arg)
{
	gp_usage_error("goprobe", what, arg);
}

static void
add_file(struct launcher_options *o, const char *name)
{
	const char **grown = reallocarray(o->files, o->n_files + 1,
	    sizeof(*grown));

	if (grown == NULL)
		launcher_die(1, "out of memory");
	for (size_t i = 0; i < o->n_files; i++)
		if (strcmp(name, "-") == 0 && strcmp(grown[i], "-") == 0)
			usage_error("-r - stands twice", NULL);
	grown[o->n_files++] = name;
	o->files = grown;
}

static void
check_combination(const struct launcher_options *o)
{
	const char *more = o->n_ifaces > 0 ? o->ifaces[0] :
	    o->n_files > 0		   ? o->files[0] :
					     o->iface;

	if ((o->check || o->print) && more)
		usage_error("-t and -T take -c FILE alone; unexpected", more);
	if (o->check || o->print)
		return;
	if (o->n_files == 0 && o->n_ifaces == 0)
		usage_error("no interface and no file", NULL);
	if (o->n_files > 0 && o->n_ifaces > 0)
		usage_error("either interfaces or -r files; unexpected",
		    o->ifaces[0]);
	if (o->n_files > 0 && o->iface == NULL)
		usage_error("-r needs -i NAME to store under", NULL);
	if (o->n_files == 0 && (o->iface || o->append))
		usage_error(o->iface ? "-i goes with -r; for live capture just"
				       " name the interface"
				     : "--append goes with -r",
		    o->iface);
	if (o->iface && !gp_addr_iface_valid(o->iface))
		usage_error("not an interface name", o->iface);
	if (o->iface && (strcmp(o->iface, "any") == 0 ||
			    !gp_addr_iface_listable(o->iface)))
		usage_error("-i names one interface, as eth0 is, not",
		    o->iface);
	for (size_t i = 0; i < o->n_ifaces; i++) {
		const char *name = o->ifaces[i];

		if (if_nametoindex(name) == 0 && access(name, F_OK) == 0)
			usage_error("-r replays a file; no interface is called",
			    name);
		if (!gp_addr_iface_valid(name))
			usage_error("not an interface name", name);
		if (!gp_addr_iface_listable(name))
			usage_error("interfaces stand apart, as in eth0 eth1,"
			    " not", name);
		for (size_t k = 0; k < i; k++)
			if (strcmp(name, o->ifaces[k]) == 0)
				usage_error("interface stands twice", name);
	}
	if (o->sandbox && o->n_files == 0)
		usage_error("--sandbox goes with -r; live capture obeys root's "
			    "configuration alone", NULL);
	if (o->l7 && strcmp(o->l7, "off") != 0 && strcmp(o->l7, "ndpi") != 0)
		usage_error("--l7 is ndpi or off, not", o->l7);
}

void
launcher_parse(int argc, char **argv, struct launcher_options *o)
{
	enum { OPT_APPEND = 256, OPT_L7, OPT_SANDBOX };
	static const struct option longs[] = {
	    {"append", no_argument, NULL, OPT_APPEND},
	    {"l7", required_argument, NULL, OPT_L7},
	    {"sandbox", required_argument, NULL, OPT_SANDBOX},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	memset(o, 0, sizeof(*o));
	while ((c = getopt_long(argc, argv, "c:d:i:r:tTVh", longs, NULL)) !=
	    -1) {
		if (optarg && !*optarg && c < 256)
			usage_error("an empty value for",
			    (char[]){'-', (char)c, '\0'});
		switch (c) {
		case 'c':
			if (strcmp(optarg, "onfig") == 0)
				usage_error("the configuration goes by -c FILE,"
					    " not -config", NULL);
			o->conf_path = optarg;
			break;
		case 'd':
			o->store = optarg;
			break;
		case 'i':
			if (o->iface)
				usage_error("-i stands twice", optarg);
			if (optarg[0] == '-')
				usage_error("-i needs a name, not", optarg);
			o->iface = optarg;
			break;
		case 'r':
			add_file(o, optarg);
			break;
		case OPT_APPEND:
			o->append = true;
			break;
		case OPT_L7:
			o->l7 = optarg;
			break;
		case OPT_SANDBOX:
			o->sandbox = optarg;
			break;
		case 't':
			o->check = true;
			break;
		case 'T':
			o->print = true;
			break;
		case 'V':
			puts("goprobe " GP_VERSION);
			exit(gp_end_output("goprobe", 0));
		case 'h':
			fputs(help, stdout);
			exit(gp_end_output("goprobe", 0));
		default: /* getopt has named it */
			fputs("goprobe -h shows how\n", stderr);
			exit(EXIT_USAGE);
		}
	}
	o->ifaces = argv + optind;
	o->n_ifaces = (size_t)(argc - optind);
	check_combination(o);
}
