/*
 * Condition text to a tree: what each spelling means, written as one
 * canonical text, and where each mistake is.
 */
#include "common/godb/cond.h"

#include "common/base/addr.h"
#include "tests/tap.h"

static char dump_text[65536];
static size_t dump_len;

__attribute__((format(printf, 1, 2))) static void
put(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	dump_len += (size_t)vsnprintf(dump_text + dump_len,
	    sizeof(dump_text) - dump_len, fmt, ap);
	va_end(ap);
}

static void
put_addr6(struct godb_addr6 v)
{
	struct gp_addr a = {.version = 6};
	char text[GP_ADDR_TEXT_MAX];

	for (int i = 0; i < 8; i++) {
		a.b[i] = (uint8_t)(v.hi >> (56 - 8 * i));
		a.b[8 + i] = (uint8_t)(v.lo >> (56 - 8 * i));
	}
	(void)gp_addr_format(&a, text);
	put("%s", text);
}

static void
put_addr4(uint32_t v)
{
	put("%u.%u.%u.%u", v >> 24, v >> 16 & 255, v >> 8 & 255, v & 255);
}

static void
put_set(const struct gdi_node *n)
{
	for (size_t i = 0; i < n->n4; i++) {
		put(" ");
		put_addr4(n->v4[i].lo);
		if (n->v4[i].hi != n->v4[i].lo) {
			put("-");
			put_addr4(n->v4[i].hi);
		}
	}
	for (size_t i = 0; i < n->n6; i++) {
		put(" ");
		put_addr6(n->v6[i].lo);
		if (memcmp(&n->v6[i].lo, &n->v6[i].hi, sizeof(n->v6[i].lo))) {
			put("-");
			put_addr6(n->v6[i].hi);
		}
	}
	for (size_t i = 0; i < n->n_numbers; i++) {
		put(" %u", n->numbers[i].lo);
		if (n->numbers[i].hi != n->numbers[i].lo)
			put("-%u", n->numbers[i].hi);
	}
	for (size_t i = 0; i < n->n_amounts; i++) {
		put(" %" PRIu64, n->amounts[i].lo);
		if (n->amounts[i].hi == UINT64_MAX)
			put("-");
		else if (n->amounts[i].hi != n->amounts[i].lo)
			put("-%" PRIu64, n->amounts[i].hi);
	}
	for (size_t i = 0; i < n->n_names; i++)
		put(" %s", n->names[i]);
}

static void
put_node(const struct godb_cond *c, uint32_t i)
{
	static const char *const kinds[] = {"and", "or", "not"};
	static const char *const attrs[] = {
		[GDI_ATTR_SIP] = "sip",
		[GDI_ATTR_DIP] = "dip",
		[GDI_ATTR_HOST] = "host",
		[GDI_ATTR_DPORT] = "dport",
		[GDI_ATTR_PROTO] = "proto",
		[GDI_ATTR_L7] = "l7",
		[GDI_ATTR_VERSION] = "version",
	};
	const struct gdi_node *n = &c->node[i];

	if (n->kind == GDI_LEAF) {
		put("[%s", n->attr == GDI_ATTR_METRIC
			? godb_metric_name(n->metric) : attrs[n->attr]);
		put_set(n);
		put("]");
		return;
	}
	put("%s(", kinds[n->kind]);
	for (uint32_t k = n->child; k != GDI_NO_NODE; k = c->node[k].next)
		put_node(c, k);
	put(")");
}

/* @list, country=CH and asn=AS1 are there, everything else is not. */
static int
set_of(void *arg, const char *name, const char **text, size_t *len,
    char why[GODB_COND_WHY_MAX])
{
	static const char list[] = "# two\r10.0.0.1,10.0.0.2\r\n"
	    "2001:db8::/32#and\n10.0.0.4-10.0.0.9", bad[] = "\n\n 1.2.3 ";

	(void)arg;
	*text = strcmp(name, "@bad") == 0 ? bad : list;
	*len = strlen(*text);
	(void)snprintf(why, GODB_COND_WHY_MAX, "there is no %s", name);
	return strcmp(name, "@list") != 0 && strcmp(name, "@bad") != 0 &&
	    strcmp(name, "country=CH") != 0 && strcmp(name, "asn=AS1") != 0;
}

static const struct godb_cond_opts site = {sizeof(site),
    "10.0.0.0/8, 2001:db8::/32", NULL, set_of, NULL, false};

static const char *
dump(const char *text)
{
	struct godb_diag d = {0, 0, ""};
	struct godb_cond *c = NULL;
	int rc = godb_cond_parse(text, &site, &c, &d);

	dump_len = 0;
	dump_text[0] = '\0';
	if (rc < 0) {
		put("%d @%zu+%zu: %s", rc, d.offset, d.length, d.text);
		return dump_text;
	}
	if (c->root != GDI_NO_NODE)
		put_node(c, c->root);
	godb_cond_free(c);
	return dump_text;
}

static void
check_meanings(void)
{
	static const struct {
		const char *text, *means;
	} t[] = {
		{"", ""},
		{"  \t\n ", ""},
		/* the seed's */
		{"proto=TCP", "[proto 6]"},
		{"proto=TCP AND dport=443", "and([proto 6][dport 443])"},
		{"sip = 10.0.0.1", "[sip 10.0.0.1]"},
		{"l7proto=TLS", "[l7 TLS]"},
		/* goProbe 4's */
		{"dport=80|dport=443", "or([dport 80][dport 443])"},
		{"sip=10.0.0.1&&!dport=53", "and([sip 10.0.0.1]not([dport 53]))"},
		{"snet = 10.0.0.0/8 & dnet != 192.168.0.0/16",
		    "and([sip 10.0.0.0-10.255.255.255]"
		    "not([dip 192.168.0.0-192.168.255.255]))"},
		{"host=::1 || net=fe80::/10",
		    "or([host ::1]"
		    "[host fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff])"},
		{"protocol == udp", "[proto 17]"},
		{"ipproto ne 6", "not([proto 6])"},
		{"dport geq 80 and dport leq 1024",
		    "and([dport 80-65535][dport 0-1024])"},
		{"proto equals tcp & dport neq 22 & dport less 1024",
		    "and([proto 6]not([dport 22])[dport 0-1023])"},
		{"dport GREATER 1023", "[dport 1024-65535]"},
		{"dport -ge 80 & dport -LEQ 1024 & proto -ne 17",
		    "and([dport 80-65535][dport 0-1024]not([proto 17]))"},
		{"dport g 80 * dport l 90 + udp",
		    "or(and([dport 81-65535][dport 0-89])[proto 17])"},
		{"{[(dport = 1)]}", "[dport 1]"},
		/* tcpdump's and nfdump's */
		{"src host 10.0.0.1 and not net 10.0.0.0/8 and port 443",
		    "and([sip 10.0.0.1]not([host 10.0.0.0-10.255.255.255])"
		    "[dport 443])"},
		{"net 10/8 or 172.16/12", "or([host 10.0.0.0-10.255.255.255]"
		    "[host 172.16.0.0-172.31.255.255])"},
		{"192.0.2/24", "[host 192.0.2.0-192.0.2.255]"},
		{"proto tcp", "[proto 6]"},
		{"tcp", "[proto 6]"},
		{"tcp port 80", "and([proto 6][dport 80])"},
		{"udp dst port domain", "and([proto 17][dport 53])"},
		{"ip6 host ::1", "and([version 6][host ::1])"},
		{"ip", "[version 4]"},
		{"ip and tcp", "and([version 4][proto 6])"},
		{"ip host 10.0.0.1", "and([version 4][host 10.0.0.1])"},
		{"ip proto 6", "and([version 4][proto 6])"},
		{"ip 10.0.0.1", "[host 10.0.0.1]"},
		{"ip (10.0.0.1)", "[host 10.0.0.1]"},
		{"not ip [1.2.3.4 or ::1] and tcp",
		    "and(not([host 1.2.3.4 ::1])[proto 6])"},
		{"src ip 1.2.3.4", "[sip 1.2.3.4]"},
		{"src 1.2.3.4", "[sip 1.2.3.4]"},
		{"dst net 10.0.0.0/31", "[dip 10.0.0.0-10.0.0.1]"},
		{"src or dst 1.2.3.4", "[host 1.2.3.4]"},
		{"src or dst net 1.2.3.4", "[host 1.2.3.4]"},
		{"src and dst net 10.0.0.0/8",
		    "and([sip 10.0.0.0-10.255.255.255]"
		    "[dip 10.0.0.0-10.255.255.255])"},
		{"src and dst net != 10.0.0.0/8",
		    "not(and([sip 10.0.0.0-10.255.255.255]"
		    "[dip 10.0.0.0-10.255.255.255]))"},
		{"src and dst net not in (10.0.0.0/9, 10.128.0.0/9)",
		    "not(and([sip 10.0.0.0-10.255.255.255]"
		    "[dip 10.0.0.0-10.255.255.255]))"},
		{"src or dst net != 10.0.0.0/8",
		    "not([host 10.0.0.0-10.255.255.255])"},
		{"src=1.2.3.4 or dst=1.2.3.4", "or([sip 1.2.3.4][dip 1.2.3.4])"},
		{"portrange 1000-2000", "[dport 1000-2000]"},
		{"port 80 or 443", "or([dport 80][dport 443])"},
		{"port (80 or 443)", "[dport 80 443]"},
		/* a bare value is qualified as the one before it */
		{"tcp port 80 or 443", "or(and([proto 6][dport 80])"
		    "and([proto 6][dport 443]))"},
		{"tcp port 80 or 443 or 8080 or udp",
		    "or(and([proto 6][dport 80])and([proto 6][dport 443])"
		    "and([proto 6][dport 8080])[proto 17])"},
		{"tcp port 80 or port 443",
		    "or(and([proto 6][dport 80])[dport 443])"},
		{"udp dst port 53 and not 5353 or 54",
		    "or(and(and([proto 17][dport 53])"
		    "not(and([proto 17][dport 5353])))"
		    "and([proto 17][dport 54]))"},
		{"ip src host 1.2.3.4 or 1.2.3.5",
		    "or(and([version 4][sip 1.2.3.4])"
		    "and([version 4][sip 1.2.3.5]))"},
		{"tcp ip port 80 or 443",
		    "or(and([proto 6]and([version 4][dport 80]))"
		    "and([proto 6]and([version 4][dport 443])))"},
		{"tcp ip ip port 80 or 443",
		    "or(and([proto 6]and([version 4]"
		    "and([version 4][dport 80])))"
		    "and([proto 6]and([version 4][dport 443])))"},
		{"ip6 ip port 80 or 443",
		    "or(and([version 6]and([version 4][dport 80]))"
		    "and([version 6]and([version 4][dport 443])))"},
		{"src and dst host 1.2.3.4 or 1.2.3.5",
		    "or(and([sip 1.2.3.4][dip 1.2.3.4])"
		    "and([sip 1.2.3.5][dip 1.2.3.5]))"},
		{"tcp src and dst net 10.0.0.0/31 or 10.0.0.4/31",
		    "or(and([proto 6]and([sip 10.0.0.0-10.0.0.1]"
		    "[dip 10.0.0.0-10.0.0.1]))"
		    "and([proto 6]and([sip 10.0.0.4-10.0.0.5]"
		    "[dip 10.0.0.4-10.0.0.5])))"},
		{"tcp host 1.2.3.4 or (1.2.3.5 or 1.2.3.6)",
		    "or(and([proto 6][host 1.2.3.4])"
		    "or(and([proto 6][host 1.2.3.5])"
		    "and([proto 6][host 1.2.3.6])))"},
		{"(tcp host 1.2.3.4) or 1.2.3.5",
		    "or(and([proto 6][host 1.2.3.4])[host 1.2.3.5])"},
		{"host 1.2.3.4 or 1.2.3.5 and tcp",
		    "or([host 1.2.3.4]and([host 1.2.3.5][proto 6]))"},
		{"1.2.3.4", "[host 1.2.3.4]"},
		{"icmp6 or icmp", "or([proto 58][proto 1])"},
		{"port in [80 443]", "[dport 80 443]"},
		/* lists, ranges, order */
		{"dport in (443, 80, 80, 1000-2000)", "[dport 80 443 1000-2000]"},
		{"dport in {80,81,82}", "[dport 80-82]"},
		{"dport not in (80, https)", "not([dport 80 443])"},
		{"dport = 80, 443", "[dport 80 443]"},
		{"dport in 80,443", "[dport 80 443]"},
		{"dport != 1-1023", "not([dport 1-1023])"},
		{"dport < 1024", "[dport 0-1023]"},
		{"dport <= 1024 and dport>=80", "and([dport 0-1024][dport 80-65535])"},
		{"dport > 65535", "[dport]"},
		{"dport < 0", "[dport]"},
		{"proto ge 132", "[proto 132-255]"},
		{"sip < 10.0.0.0", "[sip 0.0.0.0-9.255.255.255]"},
		{"sip > 255.255.255.255", "[sip]"},
		{"sip >= 2001:db8::", "[sip 2001:db8::-"
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"},
		{"sip < 2001:db8:0:1::", "[sip ::-"
		    "2001:db8::ffff:ffff:ffff:ffff]"},
		{"sip > ::ffff:ffff:ffff:ffff",
		    "[sip 0:0:0:1::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"},
		{"sip = 10.0.0.1-10.0.0.9", "[sip 10.0.0.1-10.0.0.9]"},
		{"sip in (10.0.0.4/30, 10.0.0.0/30, ::/0)",
		    "[sip 10.0.0.0-10.0.0.7 "
		    "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"},
		{"dport in (1-100, 5-10, 200)", "[dport 1-100 200]"},
		{"net in (2001:db8::/62, 2001:db8:0:1::/64)",
		    "[host 2001:db8::-2001:db8:0:3:ffff:ffff:ffff:ffff]"},
		{"net 2001:db8:0:1::/64", "[host 2001:db8:0:1::-"
		    "2001:db8:0:1:ffff:ffff:ffff:ffff]"},
		{"sip = 0.0.0.0/0", "[sip 0.0.0.0-255.255.255.255]"},
		{"sip = ::ffff:192.0.2.1", "[sip 192.0.2.1 ::ffff:192.0.2.1]"},
		{"host != ::ffff:10.0.0.0/104", "not([host 10.0.0.0-"
		    "10.255.255.255 ::ffff:10.0.0.0-::ffff:10.255.255.255])"},
		{"::ffff:10.0.0.1-::ffff:10.0.0.9", "[host 10.0.0.1-10.0.0.9 "
		    "::ffff:10.0.0.1-::ffff:10.0.0.9]"},
		{"sip = ::fffe:0:0/95", "[sip ::fffe:0:0-"
		    "::ffff:255.255.255.255]"},
		{"dip <= ::ffff:10.0.0.1", "[dip ::-::ffff:10.0.0.1]"},
		{"sip = 10.1.2.3/8", "[sip 10.0.0.0-10.255.255.255]"},
		{"dport = http-alt", "[dport 8080]"},
		{"src net site and not dst net site",
		    "and([sip 10.0.0.0-10.255.255.255 2001:db8::-"
		    "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]"
		    "not([dip 10.0.0.0-10.255.255.255 2001:db8::-"
		    "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]))"},
		/* names */
		{"proto = IPv6-ICMP", "[proto 58]"},
		{"proto = esp or proto = IPSEC-ESP", "or([proto 50][proto 50])"},
		{"proto=ipv6", "[proto 41]"},
		{"l7 = 'Some Name' or app = \"[overflow]\"",
		    "or([l7 Some Name][l7 [overflow]])"},
		{"l7proto in (TLS, SSH)", "[l7 TLS SSH]"},
		{"l7proto = 'and'", "[l7 and]"},
		/* binding */
		{"tcp or udp and port 53", "or([proto 6]and([proto 17][dport 53]))"},
		{"(tcp or udp) and port 53",
		    "and(or([proto 6][proto 17])[dport 53])"},
		{"not tcp and udp", "and(not([proto 6])[proto 17])"},
		{"not (tcp or udp)", "not(or([proto 6][proto 17]))"},
		{"!!tcp", "not(not([proto 6]))"},
		{"NOT Tcp Or UDP", "or(not([proto 6])[proto 17])"},
		/* counters */
		{"bytes > 10M", "[bytes 10485761-]"},
		{"packets>=10k", "[packets 10000-]"},
		{"pkts < 1", "[packets 0]"},
		{"bytes < 0", "[bytes]"},
		{"bytes_sent != 1.5kB", "not([bytes_sent 1536])"},
		/* 1.1 kB are 1126.4 bytes */
		{"bytes < 1.1k", "[bytes 0-1126]"},
		{"bytes <= 1.1k", "[bytes 0-1126]"},
		{"bytes > 1.1k", "[bytes 1127-]"},
		{"bytes >= 1.1k", "[bytes 1127-]"},
		{"packets >= 0.5", "[packets 1-]"},
		{"packets < 1.50", "[packets 0-1]"},
		{"packets < 1.0", "[packets 0]"},
		{"packets >= 0.0005k", "[packets 1-]"},
		{"packets >= 0.3k", "[packets 300-]"},
		{"bytes = 4.50GiB", "[bytes 4831838208]"},
		{"bytes = 1.0625k", "[bytes 1088]"},
		{"bytes 15.99999999999999999999E",
		    "[bytes 18446744073709551615-]"},
		{"packets = 1.2345678901M-1.99999999999M",
		    "[packets 1234567-1999999]"},
		{"packets in (3, 1-2, 2k)", "[packets 1-3 2000]"},
		{"bytes 18446744073709551615", "[bytes 18446744073709551615-]"},
		{"bytes > 18446744073709551615", "[bytes]"},
		{"dir=in", "and([packets_rcvd 1-][packets_sent 0])"},
		{"direction outbound and tcp",
		    "and(and([packets_rcvd 0][packets_sent 1-])[proto 6])"},
		{"dir != bi", "not(and([packets_rcvd 1-][packets_sent 1-]))"},
		/* lists, countries, systems */
		{"host in @list", "[host 10.0.0.1-10.0.0.2 10.0.0.4-10.0.0.9 "
		    "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]"},
		{"tcp src net 1.2.3.4 or @list",
		    "or(and([proto 6][sip 1.2.3.4])and([proto 6]"
		    "[sip 10.0.0.1-10.0.0.2 10.0.0.4-10.0.0.9 2001:db8::-"
		    "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]))"},
		{"sip in (@list, 10.0.0.3) and ip4",
		    "and([sip 10.0.0.1-10.0.0.9 2001:db8::-2001:db8:ffff:ffff:"
		    "ffff:ffff:ffff:ffff][version 4])"},
		{"src country CH or 1.2.3.4", "or([sip 10.0.0.1-10.0.0.2 "
		    "10.0.0.4-10.0.0.9 2001:db8::-2001:db8:ffff:ffff:ffff:"
		    "ffff:ffff:ffff][host 1.2.3.4])"},
		{"dst asn AS1 or dst port 53", "or([dip 10.0.0.1-10.0.0.2 "
		    "10.0.0.4-10.0.0.9 2001:db8::-2001:db8:ffff:ffff:ffff:"
		    "ffff:ffff:ffff][dport 53])"},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
			is_str(dump(t[i].text), t[i].means, "%s", t[i].text);
	}
}

/* Where the caret goes and a part of the message. */
static void
check_mistakes(void)
{
	static const struct {
		const char *text;
		size_t offset;
		const char *says;
	} t[] = {
		{"dprot = 443", 0, "did you mean 'dport'"},
		{"tcp and byets > 1", 8, "did you mean 'bytes'"},
		{"bytes > lots", 8, "no amount of bytes"},
		{"bytes > 1z", 8, "no amount"},
		{"bytes > 99999999999999999999", 8, "no amount"},
		{"bytes > 16EiB", 8, "no amount"},
		{"bytes > 1-2", 8, "only be compared"},
		{"bytes = 2-1", 8, "ends before"},
		{"bytes", 5, "value for bytes"},
		{"tcp and dips > 3", 8, "--having"},
		{"dir = sideways", 6, "in, out, uni or bi"},
		{"dir > in", 4, "no order"},
		{"dir", 3, "in, out"},
		{"host @none", 5, "there is no @none"},
		{"host < @list", 7, "only be compared"},
		{"net @bad", 4, "line 3: no address, prefix or range: '1.2.3'"},
		{"country = XX", 10, "there is no country=XX"},
		{"country < CH", 10, "country can only"},
		{"port @list", 5, "unknown service"},
		{"sip=10.0.0.1 and dprot=443", 17, "unknown attribute 'dprot'"},
		{"port 80 or dprot = 443", 11, "unknown attribute 'dprot'"},
		{"tpc", 0, "did you mean 'tcp'"},
		{"proto = TPC", 8, "did you mean 'tcp'"},
		{"dport = httpss", 8, "did you mean 'https'"},
		{"dport = 65536", 8, "0 to 65535"},
		{"dport = 99999999999999999999", 8, "0 to 65535"},
		{"dport = -1", 8, "0 to 65535"},
		{"proto = 256", 8, "0 to 255"},
		{"dport = 2000-1000", 8, "ends before it begins"},
		{"dport < 1-2", 8, "only be compared"},
		{"sip < 10.0.0.0/8", 6, "only be compared"},
		{"sip < 10.0.0.1-10.0.0.2", 6, "only be compared"},
		{"sip = 10.0.0.2-10.0.0.1", 6, "ends before"},
		{"sip = 10.0.0.2-::1", 6, "mixes"},
		{"sip = 10.0.0.1/33", 6, "not an address"},
		{"sip = ::1/129", 6, "not an address"},
		{"sip = 10.0.0", 6, "not an address"},
		{"sip = 10.0.0.256", 6, "not an address"},
		{"net 192.168", 4, "prefix as 10.0.0.0/8"},
		{"net 10.0.0.0/255.0.0.0", 4, "prefix as 10.0.0.0/8"},
		{"port 80:443", 5, "a range is written as 80-443"},
		{"tcp and duration > 10", 8, "'duration': only the five"},
		{"iface = eth0", 0, "by -i"},
		{"Time > 1", 0, "by -f and -l"},
		{"ip.src == 10.0.0.1", 0, "here it is sip"},
		{"icmp or arp", 8, "only IP is kept"},
		{"10.0.0.1:443", 0, "not an address as"},
		{"tcp and 192.168", 8, "not an address as"},
		{"https", 0, "did you mean 'port https'"},
		{"udp and dns", 8, "here it is 'app dns'"},
		{"port -gee 80", 5, "unknown service"},
		{"sip = example.org", 6, "names are not resolved"},
		{"sip =", 5, "value for sip"},
		{"sip", 3, "value for sip"},
		{"sip = and", 6, "before 'and'"},
		{"dport in ()", 10, "value for dport"},
		{"dport in (80", 9, "not closed"},
		{"dport in (80]", 12, "another kind"},
		{"dport in (80,", 13, "value for dport"},
		{"(tcp", 0, "not closed"},
		{"(tcp]", 4, "another kind"},
		{"tcp)", 3, "no bracket is open"},
		{"()", 1, "missing here"},
		{"tcp and", 7, "too early"},
		{"tcp and and udp", 8, "before 'and'"},
		{"or tcp", 0, "before 'or'"},
		{"not", 3, "too early"},
		{"dport = 80 adn tcp", 11, "did you mean 'and'"},
		{"dport = 80 443", 11, "expected"},
		{"src port 80", 4, "source port is not stored"},
		{"sport = 80", 0, "source port is not stored"},
		{"tcp src port 80", 8, "source port is not stored"},
		{"src or dst port 80", 11, "source port is not stored"},
		{"src proto 6", 4, "after src or dst"},
		{"l7proto < TLS", 10, "no order"},
		{"l7proto = ''", 11, "empty"},
		{"l7proto = 'TLS", 10, "not closed"},
		{"dport = 80;", 10, "no meaning"},
		{"dport = 80 \xc3\xa9", 11, "expected"},
		{"= 80", 0, "before '='"},
		{"443", 0, "did you mean 'port 443'"},
		{"site < 1", 0, NULL},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct godb_diag d = {999, 0, ""};
		struct godb_cond *c = NULL;
		int rc = godb_cond_parse(t[i].text, &site, &c, &d);

		ok(rc == GODB_ESYNTAX && !c, "refused: %s", t[i].text);
		if (!t[i].says)
			continue;
		is_int(d.offset, t[i].offset, "  caret: %s", d.text);
		if (!ok(strstr(d.text, t[i].says) != NULL, "  says it"))
			diag("%s", d.text);
		ok(d.offset + d.length <= strlen(t[i].text),
		    "  inside the text");
		godb_cond_free(c);
	}
	ok(godb_cond_parse("net site", NULL, &(struct godb_cond *){NULL},
	       NULL) == GODB_ESYNTAX, "site without networks, no diag");
}

/* A text of n times a, then b, then n times c. */
static char *
repeat(size_t n, const char *a, const char *b, const char *c)
{
	size_t la = strlen(a), lb = strlen(b), lc = strlen(c);
	char *text = malloc(n * (la + lc) + lb + 1), *s = text;

	for (size_t i = 0; i < n; i++, s += la)
		memcpy(s, a, la);
	memcpy(s, b, lb);
	s += lb;
	for (size_t i = 0; i < n; i++, s += lc)
		memcpy(s, c, lc);
	*s = '\0';
	return text;
}

static void
check_bounds(void)
{
	static const struct {
		size_t n;
		const char *a, *b, *c;
		int rc;
	} t[] = {
		{100, "(", "tcp", ")", 0},
		{101, "(", "tcp", ")", GODB_ESYNTAX},
		{30000, "(", "tcp", ")", GODB_ESYNTAX},
		{100, "!", "tcp", "", 0},
		{101, "not ", "tcp", "", GODB_ESYNTAX},
		{60000, "!", "", "", GODB_ESYNTAX},
		{101, "not tcp and ", "tcp", "", 0},
		{1, "bytes > 1.", "", "", GODB_ESYNTAX},
		{1, "src or dst = 1.2.3.4", "", "", GODB_ESYNTAX},
		{1, "port 80 or dir=in or 443", "", "", GODB_ESYNTAX},
		{20000, "ip ", "tcp", "", GODB_ESYNTAX},
		{20000, "tcp ", "port 1", "", GODB_ESYNTAX},
		{5000, "", "tcp", " and tcp", 0},
		{5000, "", "tcp", " or udp", 0},
		{8000, "", "dport=1", ", 1", 0},
		{70000, " ", "tcp", "", GODB_ESYNTAX},
		{300, "x", "", "", GODB_ESYNTAX},
		{300, "", "sip=1", "1", GODB_ESYNTAX},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char *text = repeat(t[i].n, t[i].a, t[i].b, t[i].c);
		struct godb_cond *c = NULL;
		struct godb_diag d;

		is_int(godb_cond_parse(text, NULL, &c, &d), t[i].rc,
		    "%zu x '%s' '%s' '%s'", t[i].n, t[i].a, t[i].b, t[i].c);
		godb_cond_free(c);
		free(text);
	}
}

/* Random words and bytes: no crash, and a verdict inside the text. */
static void
check_noise(void)
{
	static const char *const words[] = {"and", "or", "not", "(", ")", "[",
	    "]", "in", "=", "!=", "<", ">=", "sip", "dst", "host", "port",
	    "proto", "l7", "tcp", "ip", "ip6", "site", "10.0.0.1", "::/3",
	    "80", "1-9", ",", "'", "x", "!", "src", "\xff", "-", "dport"};
	uint64_t state = tap_seed(7);
	unsigned parsed = 0;
	bool inside = true;

	for (int round = 0; round < 200000; round++) {
		char text[256] = "";
		struct godb_cond *c = NULL;
		struct godb_diag d = {0, 0, ""};
		size_t n = 1 + tap_random(&state) % 9;

		for (size_t i = 0; i < n; i++) {
			strcat(text, words[tap_random(&state) %
				(sizeof(words) / sizeof(words[0]))]);
			strcat(text, tap_random(&state) % 4 ? " " : "");
		}
		if (godb_cond_parse(text, &site, &c, &d) == 0)
			parsed++;
		else
			inside &= d.offset + d.length <= strlen(text) &&
			    d.text[0];
		godb_cond_free(c);
	}
	ok(inside, "every message points into its text");
	ok(parsed > 1000, "noise: %u parse", parsed);
}

/* IANA's registry of protocol numbers, from where it is newer than Debian's
 * file; and 0, which that calls ip, too. */
static void
check_assigned(void)
{
	static const struct {
		uint8_t number;
		const char *name, *also;
	} t[] = {{0, "HOPOPT", "ip"}, {73, "RSPF", "CPHB"},
		{138, "manet", "MANET"}, {139, "HIP", "hip"},
		{140, "Shim6", "shim6"}, {141, "WESP", "wesp"},
		{142, "ROHC", "rohc"}, {143, "Ethernet", "ethernet"},
		{144, "AGGFRAG", "aggfrag"}, {145, "NSH", "nsh"},
		{146, "Homa", "homa"}};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		is_str(godb_proto_name(t[i].number), t[i].name, "%u",
		    t[i].number);
		is_int(godb_proto_parse(t[i].name), t[i].number, "%s",
		    t[i].name);
		is_int(godb_proto_parse(t[i].also), t[i].number, "%s",
		    t[i].also);
	}
}

static void
check_names(void)
{
	const char *name;
	unsigned n = 0, wrong = 0;

	for (size_t i = 0; (name = gdi_service_word(i)); i++, n++)
		wrong += godb_port_parse(name) < 0;
	ok(n > 300 && wrong == 0, "%u service names, all found", n);
	is_int(godb_port_parse("HTTPS"), 443, "HTTPS");
	ok(godb_port_parse("") < 0 && godb_port_parse("x") < 0, "no service");
	n = wrong = 0;
	for (size_t i = 0; (name = gdi_proto_word(i)); i++, n++) {
		int number = godb_proto_parse(name);

		wrong += number < 0 || (godb_proto_name((uint8_t)number) &&
		    godb_proto_parse(godb_proto_name((uint8_t)number)) !=
			number);
	}
	ok(n > 50 && wrong == 0, "%u protocol names, there and back", n);
	is_str(godb_proto_name(6), "TCP", "6");
	is_str(godb_proto_name(58), "IPv6-ICMP", "58");
	is_str(godb_proto_name(50), "IPSEC-ESP", "50");
	is_str(godb_proto_name(136), "UDPLite", "136");
	ok(!godb_proto_name(255) && !godb_proto_name(147), "no name");
	check_assigned();
	ok(godb_proto_parse("") < 0 && godb_proto_parse("256") < 0, "none");
}

static void
check_keys(void)
{
	struct godb_keys k;
	struct godb_diag d;

	is_int(godb_keys_parse("talk_conv", &k, &d), 0, "talk_conv");
	ok(k.n == 2 && k.key[0] == GODB_KEY_SIP && k.key[1] == GODB_KEY_DIP,
	    "  sip dip");
	is_int(godb_keys_parse("raw", &k, &d), 0, "raw");
	ok(k.n == 7 && k.key[0] == GODB_KEY_TIME &&
	    k.key[6] == GODB_KEY_L7PROTO && !k.category, "  all seven");
	is_int(godb_keys_parse("apps_dpi", &k, &d), 0, "apps_dpi");
	ok(k.n == 1 && k.category, "  with category");
	is_int(godb_keys_parse("dip, SIP ,dip,talk_conv", &k, &d), 0, "a list");
	ok(k.n == 2 && k.key[0] == GODB_KEY_DIP && k.key[1] == GODB_KEY_SIP,
	    "  in the order given, once each");
	is_int(godb_keys_parse("sip,dipp", &k, &d), GODB_ESYNTAX, "sip,dipp");
	is_int(d.offset, 4, "  where");
	ok(strstr(d.text, "'dip'") != NULL, "  suggests: %s", d.text);
	is_int(godb_keys_parse("sip,,dip", &k, &d), GODB_ESYNTAX, "a gap");
	is_int(godb_keys_parse("sip,", &k, &d), GODB_ESYNTAX, "open end");
	is_int(godb_keys_parse("", &k, &d), GODB_ESYNTAX, "nothing");
	is_int(godb_keys_parse("sip dip", &k, &d), GODB_ESYNTAX, "blank");
	is_int(godb_keys_parse("sport", &k, &d), GODB_ESYNTAX, "sport");
	ok(strstr(d.text, "not stored") != NULL, "  says why");
}

/* Conditions on groups know the columns asked for, and no others. */
static void
check_having(void)
{
	static const struct {
		const char *query, *text, *says; /* NULL: fine */
	} t[] = {
		{"sip", "bytes > 1 and dips > 3 or rows = 1", NULL},
		{"sip", "sip = 10.0.0.0/8 and ip4", NULL},
		{"sip", "dip = 10.0.0.1", "no dip"},
		{"sip", "host 10.0.0.1", "no host"},
		{"sip,dip", "host 10.0.0.1", NULL},
		{"host", "host 10.0.0.1 or 10.0.0.2", NULL},
		{"host", "src host 10.0.0.1", "no sip"},
		{"proto", "tcp", NULL},
		{"proto", "ip6", "no address"},
		{"dport", "port 80 or 443", NULL},
		{"dport", "tcp port 80", "no proto"},
		{"apps_l7", "l7 = TLS", NULL},
		{"proto", "dir = in", NULL},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct godb_cond_opts opts = GODB_COND_OPTS_INIT;
		struct godb_cond *c = NULL;
		struct godb_diag d = {0, 0, ""};
		struct godb_keys keys;
		int rc;

		(void)godb_keys_parse(t[i].query, &keys, NULL);
		opts.having = &keys;
		rc = godb_cond_parse(t[i].text, &opts, &c, &d);
		ok(t[i].says ? rc == GODB_ESYNTAX && strstr(d.text, t[i].says)
			     : rc == 0, "%s having %s", t[i].query, t[i].text);
		if (i == 0)
			is_int(godb_cond_metrics(c), 1 << GODB_METRIC_DIPS |
			    1 << GODB_METRIC_ROWS, "  what it counts");
		godb_cond_free(c);
	}
}

static void
check_sets(void)
{
	const char *text = "host in (@a, \"@b c\") or src country CH and @a";
	char name[GODB_COND_NAME_MAX], longest[GODB_COND_NAME_MAX + 1] = "";

	ok(godb_cond_set(text, 0, name) && strcmp(name, "@a") == 0, "@a");
	ok(godb_cond_set(text, 1, name) && strcmp(name, "@b c") == 0,
	    "a quoted one");
	ok(godb_cond_set(text, 2, name) && strcmp(name, "country") == 0,
	    "country");
	ok(godb_cond_set(text, 3, name) && strcmp(name, "@a") == 0, "again");
	ok(!godb_cond_set(text, 4, name) && !godb_cond_set("'", 0, name),
	    "no more");
	memset(longest, 'a', sizeof(longest) - 1);
	longest[0] = '@';
	ok(!godb_cond_set(longest, 0, name), "a name too long by its end");
	longest[GODB_COND_NAME_MAX - 1] = '\0';
	ok(godb_cond_set(longest, 0, name) && strcmp(name, longest) == 0,
	    "the longest one");
}

/* What no row can meet; not everything is found, but nothing else is. */
static void
check_never(void)
{
	static const struct {
		const char *text;
		bool never;
	} t[] = {
		{"", false}, {"tcp", false}, {"dport < 0", true},
		{"tcp and dport < 0", true}, {"tcp or dport < 0", false},
		{"dport < 0 or bytes < 0", true}, {"not dport < 0", false},
		{"(tcp or bytes < 0) and dport < 0", true},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct godb_cond *c = NULL;

		(void)godb_cond_parse(t[i].text, NULL, &c, NULL);
		ok(godb_cond_never(c) == t[i].never, "%s: %s",
		    t[i].never ? "never" : "perhaps", t[i].text);
		godb_cond_free(c);
	}
}

/* A value that is said again nests no deeper. */
static void
check_carried(void)
{
	struct godb_cond *c = NULL;
	struct godb_diag d = {0};
	char text[2048] = "tcp port 1";
	size_t len = strlen(text);

	for (unsigned i = 2; i < 150; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    " or %u", i);
	is_int(godb_cond_parse(text, NULL, &c, &d), 0, "150 ports of TCP %s",
	    d.text);
	godb_cond_free(c);
}

int
main(void)
{
	check_never();
	check_carried();
	check_having();
	check_sets();
	check_meanings();
	check_mistakes();
	check_bounds();
	check_noise();
	check_names();
	check_keys();
	return tap_done();
}
