/*
 * protonames - names of IP protocols and of service ports.
 *
 * Compiled in, so that an answer does not depend on the machine that asks.
 * Protocols: the first and third field of Debian 12's /etc/protocols (netbase
 * 6.4), and what IANA has assigned since.  Ports: names and aliases of its
 * /etc/services, one port a name.
 */
#include "common/godb/cond.h"

#include "common/base/words.h"

#include <errno.h>

struct protocol {
	uint8_t number;
	const char *name;    /* as people type it */
	const char *printed; /* NULL: of an alias */
};

/* 0 is HOPOPT: what the number means on the wire; the file's "ip" is a
 * pseudo protocol of the socket interface. */
static const struct protocol protocols[] = {
	{0, "hopopt", "HOPOPT"},
	{1, "icmp", "ICMP"},
	{2, "igmp", "IGMP"},
	{3, "ggp", "GGP"},
	{4, "ipencap", "IP-ENCAP"},
	{5, "st", "ST"},
	{6, "tcp", "TCP"},
	{8, "egp", "EGP"},
	{9, "igp", "IGP"},
	{12, "pup", "PUP"},
	{17, "udp", "UDP"},
	{20, "hmp", "HMP"},
	{22, "xns-idp", "XNS-IDP"},
	{27, "rdp", "RDP"},
	{29, "iso-tp4", "ISO-TP4"},
	{33, "dccp", "DCCP"},
	{36, "xtp", "XTP"},
	{37, "ddp", "DDP"},
	{38, "idpr-cmtp", "IDPR-CMTP"},
	{41, "ipv6", "IPv6"},
	{43, "ipv6-route", "IPv6-Route"},
	{44, "ipv6-frag", "IPv6-Frag"},
	{45, "idrp", "IDRP"},
	{46, "rsvp", "RSVP"},
	{47, "gre", "GRE"},
	{50, "esp", "IPSEC-ESP"},
	{51, "ah", "IPSEC-AH"},
	{57, "skip", "SKIP"},
	{58, "ipv6-icmp", "IPv6-ICMP"},
	{59, "ipv6-nonxt", "IPv6-NoNxt"},
	{60, "ipv6-opts", "IPv6-Opts"},
	{73, "rspf", "RSPF"},
	{81, "vmtp", "VMTP"},
	{88, "eigrp", "EIGRP"},
	{89, "ospf", "OSPFIGP"},
	{93, "ax.25", "AX.25"},
	{94, "ipip", "IPIP"},
	{97, "etherip", "ETHERIP"},
	{98, "encap", "ENCAP"},
	{103, "pim", "PIM"},
	{108, "ipcomp", "IPCOMP"},
	{112, "vrrp", "VRRP"},
	{115, "l2tp", "L2TP"},
	{124, "isis", "ISIS"},
	{132, "sctp", "SCTP"},
	{133, "fc", "FC"},
	{135, "mobility-header", "Mobility-Header"},
	{136, "udplite", "UDPLite"},
	{137, "mpls-in-ip", "MPLS-in-IP"},
	{138, "manet", "manet"},
	{139, "hip", "HIP"},
	{140, "shim6", "Shim6"},
	{141, "wesp", "WESP"},
	{142, "rohc", "ROHC"},
	{143, "ethernet", "Ethernet"},
	{144, "aggfrag", "AGGFRAG"},
	{145, "nsh", "NSH"},
	{146, "homa", "Homa"},
};

/* Further spellings that are accepted. */
static const struct protocol aliases[] = {
	{0, "ip", NULL},
	{58, "icmp6", NULL},
	{58, "icmpv6", NULL},
	{89, "ospfigp", NULL},
	{73, "cphb", NULL},
	{4, "ip-in-ip", NULL},
	{136, "udp-lite", NULL},
};

struct service {
	const char *name;
	uint16_t port;
};

/* Sorted by name for the search. */
static const struct service services[] = {
	{"acr-nema", 104}, {"afpovertcp", 548}, {"afs3-bos", 7007},
	{"afs3-callback", 7001}, {"afs3-fileserver", 7000},
	{"afs3-kaserver", 7004}, {"afs3-prserver", 7002},
	{"afs3-rmtsys", 7009}, {"afs3-update", 7008}, {"afs3-vlserver", 7003},
	{"afs3-volser", 7005}, {"amanda", 10080}, {"amandaidx", 10082},
	{"amidxtape", 10083}, {"amqp", 5672}, {"amqps", 5671},
	{"asf-rmcp", 623}, {"asp", 27374}, {"auth", 113},
	{"authentication", 113}, {"babel", 6696}, {"bacula-dir", 9101},
	{"bacula-fd", 9102}, {"bacula-sd", 9103}, {"bbs", 7000}, {"bgp", 179},
	{"bgpd", 2605}, {"biff", 512}, {"binkp", 24554}, {"bootpc", 68},
	{"bootps", 67}, {"canna", 5680}, {"cfengine", 5308}, {"chargen", 19},
	{"cisco-sccp", 2000}, {"clc-build-daemon", 8990}, {"clearcase", 371},
	{"cmd", 514}, {"cmip-agent", 164}, {"cmip-man", 163}, {"coap", 5683},
	{"codaauth2", 370}, {"codasrv", 2432}, {"codasrv-se", 2433},
	{"comsat", 512}, {"csync2", 30865}, {"cvspserver", 2401},
	{"daap", 3689}, {"datametrics", 1645}, {"daytime", 13},
	{"db-lsp", 17500}, {"dcap", 22125}, {"dhcp", 67},
	{"dhcpv6-client", 546}, {"dhcpv6-server", 547}, {"dicom", 104},
	{"dict", 2628}, {"dircproxy", 57000}, {"discard", 9}, {"distcc", 3632},
	{"dns", 53}, {"domain", 53}, {"domain-s", 853}, {"echo", 7},
	{"elasticsearch", 9200}, {"epmap", 135}, {"epmd", 4369}, {"exec", 512},
	{"f5-globalsite", 2792}, {"f5-iquery", 4353}, {"fax", 4557},
	{"fido", 60179}, {"finger", 79}, {"font-service", 7100},
	{"freeciv", 5556}, {"fsp", 21}, {"fspd", 21}, {"ftp", 21},
	{"ftp-data", 20}, {"ftps", 990}, {"ftps-data", 989}, {"gdomap", 538},
	{"gds-db", 3050}, {"gds_db", 3050}, {"git", 9418}, {"gnunet", 2086},
	{"gnutella-rtr", 6347}, {"gnutella-svc", 6346}, {"gopher", 70},
	{"gpsd", 2947}, {"gris", 2135}, {"groupwise", 1677},
	{"gsidcap", 22128}, {"gsiftp", 2811}, {"gsigatekeeper", 2119},
	{"hkp", 11371}, {"hprop", 754}, {"http", 80}, {"http-alt", 8080},
	{"http-proxy", 8080}, {"https", 443}, {"https-alt", 8443},
	{"hylafax", 4559}, {"iax", 4569}, {"icp", 3130}, {"icpv2", 3130},
	{"ident", 113}, {"imap", 143}, {"imap2", 143}, {"imaps", 993},
	{"ingreslock", 1524}, {"ipfix", 4739}, {"ipp", 631}, {"iprop", 2121},
	{"ipsec-nat-t", 4500}, {"ipx", 213}, {"ircd", 6667}, {"ircs-u", 6697},
	{"isakmp", 500}, {"iscsi-target", 3260}, {"isisd", 2608},
	{"isns", 3205}, {"iso-tsap", 102}, {"jabber-client", 5222},
	{"jabber-server", 5269}, {"kafka", 9092}, {"kamanda", 10081},
	{"kdc", 750}, {"kerberos", 88}, {"kerberos-adm", 749},
	{"kerberos-iv", 750}, {"kerberos-master", 751}, {"kerberos-sec", 88},
	{"kerberos4", 750}, {"kerberos5", 88}, {"kerberos_master", 751},
	{"kermit", 1649}, {"klogin", 543}, {"kpasswd", 464}, {"krb-prop", 754},
	{"krb5", 88}, {"krb5_prop", 754}, {"krb_prop", 754}, {"krcmd", 544},
	{"kshell", 544}, {"l2f", 1701}, {"l2tp", 1701}, {"ldap", 389},
	{"ldaps", 636}, {"ldp", 646}, {"llmnr", 5355}, {"loc-srv", 135},
	{"login", 513}, {"lotusnote", 1352}, {"lotusnotes", 1352},
	{"lrrd", 4949}, {"mail", 25}, {"mailq", 174}, {"mdns", 5353},
	{"memcached", 11211}, {"microsoft-ds", 445}, {"moira-db", 775},
	{"moira-update", 777}, {"moira-ureg", 779}, {"moira_db", 775},
	{"moira_update", 777}, {"moira_ureg", 779}, {"mon", 2583},
	{"mongodb", 27017}, {"mqtt", 1883}, {"ms-sql-m", 1434},
	{"ms-sql-s", 1433}, {"ms-wbt-server", 3389}, {"mtn", 4691},
	{"munin", 4949}, {"mysql", 3306}, {"mysql-proxy", 6446},
	{"nbd", 10809}, {"nbp", 2}, {"netbios-dgm", 138}, {"netbios-ns", 137},
	{"netbios-ssn", 139}, {"netflow", 2055}, {"netstat", 15},
	{"nfs", 2049}, {"nicname", 43}, {"nntp", 119}, {"nntps", 563},
	{"nqs", 607}, {"nrpe", 5666}, {"nsca", 5667}, {"ntalk", 518},
	{"ntp", 123}, {"ntske", 4460}, {"null", 9}, {"nut", 3493},
	{"old-radacct", 1646}, {"old-radius", 1645}, {"omniorb", 8088},
	{"openvpn", 1194}, {"ospf6d", 2606}, {"ospfapi", 2607},
	{"ospfd", 2604}, {"passwd-server", 752}, {"passwd_server", 752},
	{"pawserv", 345}, {"pop-3", 110}, {"pop3", 110}, {"pop3s", 995},
	{"poppassd", 106}, {"portmapper", 111}, {"postgres", 5432},
	{"postgresql", 5432}, {"predict", 1210}, {"printer", 515},
	{"prometheus", 9090}, {"proofd", 1093}, {"ptp-event", 319},
	{"ptp-general", 320}, {"puppet", 8140}, {"qmqp", 628}, {"qmtp", 209},
	{"qotd", 17}, {"quic", 443}, {"quote", 17}, {"radacct", 1813},
	{"radius", 1812}, {"radius-acct", 1813}, {"radmin-port", 4899},
	{"rdp", 3389}, {"readnews", 119}, {"redis", 6379}, {"remctl", 4373},
	{"ripd", 2602}, {"ripngd", 2603}, {"rmiregistry", 1099},
	{"rmtcfg", 1236}, {"rootd", 1094}, {"route", 520}, {"routed", 520},
	{"router", 520}, {"rpc2portmap", 369}, {"rplay", 5555}, {"rptp", 5556},
	{"rsync", 873}, {"rtcm-sc104", 2101}, {"rtmp", 1}, {"rtsp", 554},
	{"sa-msg-port", 1646}, {"saft", 487}, {"sane", 6566},
	{"sane-port", 6566}, {"saned", 6566}, {"secure-mqtt", 8883},
	{"sflow", 6343}, {"sge-execd", 6445}, {"sge-qmaster", 6444},
	{"sge_execd", 6445}, {"sge_qmaster", 6444}, {"sgi-cad", 17004},
	{"sgi-cmsd", 17001}, {"sgi-crsd", 17002}, {"sgi-gcd", 17003},
	{"shell", 514}, {"sieve", 4190}, {"silc", 706}, {"sink", 9},
	{"sip", 5060}, {"sip-tls", 5061}, {"skkserv", 1178}, {"smb", 445},
	{"smtp", 25}, {"smtps", 465}, {"smux", 199}, {"snmp", 161},
	{"snmp-trap", 162}, {"snmptrap", 162}, {"snntp", 563}, {"snpp", 444},
	{"socks", 1080}, {"source", 19}, {"spamd", 783}, {"spooler", 515},
	{"ssdp", 1900}, {"ssh", 22}, {"ssmtp", 465}, {"stun", 3478},
	{"submission", 587}, {"submissions", 465}, {"subversion", 3690},
	{"sunrpc", 111}, {"supfiledbg", 1127}, {"supfilesrv", 871},
	{"suucp", 4031}, {"svn", 3690}, {"svrloc", 427}, {"syslog", 514},
	{"syslog-tls", 6514}, {"sysrqd", 4094}, {"systat", 11}, {"tacacs", 49},
	{"talk", 517}, {"tap", 113}, {"tcpmux", 1}, {"telnet", 23},
	{"telnets", 992}, {"tfido", 60177}, {"tftp", 69}, {"time", 37},
	{"timserver", 37}, {"tinc", 655}, {"tproxy", 8081}, {"tsap", 102},
	{"ttytst", 19}, {"turn", 3478}, {"untp", 119}, {"upnp", 1900},
	{"urd", 465}, {"users", 11}, {"uucp", 540}, {"uucpd", 540},
	{"venus", 2430}, {"venus-se", 2431}, {"vnc", 5900}, {"vxlan", 4789},
	{"wais", 210}, {"webcache", 8080}, {"webmin", 10000}, {"who", 513},
	{"whod", 513}, {"whois", 43}, {"winrm", 5985}, {"wireguard", 51820},
	{"wnn6", 22273}, {"www", 80}, {"x11", 6000}, {"x11-0", 6000},
	{"x11-1", 6001}, {"x11-2", 6002}, {"x11-3", 6003}, {"x11-4", 6004},
	{"x11-5", 6005}, {"x11-6", 6006}, {"x11-7", 6007}, {"xdmcp", 177},
	{"xfs", 7100}, {"xinetd", 9098}, {"xmms2", 9667},
	{"xmpp-client", 5222}, {"xmpp-server", 5269}, {"xtel", 1313},
	{"xtelw", 1314}, {"z3950", 210}, {"zabbix-agent", 10050},
	{"zabbix-trapper", 10051}, {"zebra", 2601}, {"zebrasrv", 2600},
	{"zephyr-clt", 2103}, {"zephyr-hm", 2104}, {"zephyr-srv", 2102},
	{"zip", 6}, {"zope", 9673}, {"zope-ftp", 8021}, {"zserv", 346},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const char *
godb_proto_name(uint8_t proto)
{
	for (size_t i = 0; i < COUNT(protocols); i++) {
		if (protocols[i].number == proto)
			return protocols[i].printed;
	}
	return NULL;
}

/* Decimal digits up to max; -EINVAL. */
static int
parse_number(const char *text, int max)
{
	int value = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (*text - '0');
		if (value > max)
			return -EINVAL;
	}
	return value;
}

static int
find_protocol(const struct protocol *table, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++) {
		if (gp_words_casecmp(table[i].name, text) == 0 ||
		    (table[i].printed &&
			gp_words_casecmp(table[i].printed, text) == 0))
			return table[i].number;
	}
	return -EINVAL;
}

int
godb_proto_parse(const char *text)
{
	int rc = find_protocol(protocols, COUNT(protocols), text);

	if (rc < 0)
		rc = find_protocol(aliases, COUNT(aliases), text);
	return rc < 0 ? parse_number(text, UINT8_MAX) : rc;
}

int
godb_port_parse(const char *text)
{
	size_t lo = 0, hi = COUNT(services);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = gp_words_casecmp(text, services[mid].name);

		if (order == 0)
			return services[mid].port;
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return parse_number(text, UINT16_MAX);
}

const char *
gdi_proto_word(size_t i)
{
	return i < COUNT(protocols) ? protocols[i].name : NULL;
}

const char *
gdi_service_word(size_t i)
{
	return i < COUNT(services) ? services[i].name : NULL;
}
