#include "capture/orient.h"

#include <stddef.h>

/*
 * Ports that servers listen on, ascending: IANA's service names that are in
 * real use, and de facto ports above 1023.  Ports in 32768-60999, where Linux
 * takes its ephemeral ones, are listed only when nothing else explains them.
 */
static const uint16_t services[] = {
	7, 13, 17, 19, 20, 21, 22, 23, 25, 37, 43, 49, 53, 67, 69, 70, 79, 80,
	88, 102, 110, 111, 113, 119, 123, 135, 137, 138, 139, 143, 161, 162,
	177, 179, 194, 201, 264, 318, 319, 320, 389, 427, 443, 444, 445, 464,
	465, 500, 502, 512, 513, 514, 515, 520, 521, 523, 540, 543, 544, 546,
	547, 548, 554, 563, 587, 593, 623, 631, 636, 639, 646, 647, 674, 691,
	694, 700, 749, 750, 771, 783, 830, 843, 847, 853, 860, 861, 862, 873,
	902, 903, 989, 990, 991, 992, 993, 994, 995,
	1080, 1099, 1194, 1352, 1433, 1434, 1494, 1512, 1521, 1524, 1525, 1645,
	1646, 1701, 1719, 1720, 1723, 1755, 1812, 1813, 1883, 1900, 1935, 1967,
	1985, 2000, 2049, 2055, 2082, 2083, 2086, 2087, 2095, 2096, 2100, 2123,
	2152, 2181, 2222, 2302, 2375, 2376, 2377, 2379, 2380, 2404, 2427, 2483,
	2484, 2545, 2593, 2598, 2628, 2638, 2727, 2775, 2811, 2869, 2944, 2947,
	3000, 3001, 3050, 3074, 3128, 3222, 3260, 3268, 3269, 3283, 3299, 3306,
	3386, 3389, 3455, 3478, 3479, 3480, 3503, 3544, 3551, 3632, 3689, 3690,
	3702, 3724, 3784, 3785, 3868, 4000, 4070, 4118, 4172, 4189, 4369, 4433,
	4443, 4444, 4460, 4500, 4505, 4506, 4567, 4569, 4713, 4739, 4784, 4786,
	4789, 4790, 4840, 4843, 4899, 5000, 5001, 5004, 5005, 5009, 5038, 5044,
	5060, 5061, 5093, 5190, 5201, 5222, 5223, 5228, 5269, 5280, 5298, 5349,
	5351, 5353, 5355, 5357, 5358, 5405, 5432, 5433, 5500, 5555, 5556, 5601,
	5631, 5632, 5666, 5667, 5671, 5672, 5678, 5683, 5684, 5722, 5800, 5832,
	5900, 5901, 5938, 5984, 5985, 5986, 6000, 6001, 6080, 6081, 6112, 6129,
	6343, 6346, 6379, 6432, 6443, 6454, 6514, 6566, 6600, 6653, 6660, 6665,
	6666, 6667, 6668, 6669, 6679, 6696, 6697, 6881, 6969, 7000, 7001, 7070,
	7077, 7400, 7443, 7474, 7547, 7680, 7687, 7777, 7946, 8000, 8005, 8008,
	8009, 8010, 8020, 8080, 8081, 8083, 8086, 8087, 8088, 8089, 8090, 8118,
	8123, 8125, 8126, 8140, 8172, 8222, 8243, 8280, 8291, 8292, 8333, 8400,
	8403, 8443, 8444, 8472, 8500, 8530, 8531, 8600, 8649, 8728, 8805, 8834,
	8880, 8883, 8888, 8983, 9000, 9001, 9002, 9030, 9042, 9050, 9080, 9090,
	9091, 9092, 9093, 9094, 9100, 9119, 9150, 9160, 9200, 9300, 9389, 9418,
	9443, 9600, 9618, 9695, 9800, 9875, 9898, 9987, 9989, 9993, 9996, 9997,
	9999, 10000, 10001, 10050, 10051, 10080, 10110, 10250, 10255, 11112,
	11211, 11214, 11215, 11371, 12345, 13720, 13721, 13724, 14550, 15672,
	16379, 16384, 17500, 18080, 18091, 18092, 19132, 19302, 19999, 20000,
	20880, 22000, 22222, 23399, 24554, 24800, 25565, 25672, 26000, 27015,
	27017, 27018, 27019, 27036, 27374, 27960, 28015, 28017, 28960, 29418,
	30303, 31337, 32400, 32764, 34567, 34962, 34963, 34964, 34980, 44818,
	47808, 50000, 50051, 50070, 51413, 51820, 54321, 61613, 61616, 64738,
};

/*
 * Two bits a port, filled from the table above.  A scan asks for two ports a
 * packet that nobody can foresee: a search of the table is ten branches, half
 * of them guessed wrong; this is one load, mostly from the first cache.
 */
static uint8_t rank[(UINT16_MAX + 1) / 4];

void
orient_init(void)
{
	for (unsigned port = 0; port <= UINT16_MAX; port++)
		rank[port / 4] |= (uint8_t)(
		    orient_port_rank_plain((uint16_t)port) << port % 4 * 2);
}

unsigned
orient_port_rank(uint16_t port)
{
	return rank[port / 4] >> port % 4 * 2 & 3;
}

unsigned
orient_port_rank_plain(uint16_t port)
{
	size_t lo = 0, hi = sizeof(services) / sizeof(services[0]);

	if (port == 0)
		return 0;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (services[mid] == port)
			return 2;
		if (services[mid] < port)
			lo = mid + 1;
		else
			hi = mid;
	}
	return port < 1024 ? 1 : 0;
}

static bool
to_group(const struct decode_packet *p)
{
	static const uint8_t all[4] = {255, 255, 255, 255};

	if (p->version == 6)
		return p->dst[0] == 0xff;
	for (int i = 0; i < 4; i++)
		if (p->dst[i] != all[i])
			return (p->dst[0] & 0xf0) == 0xe0 ||
			    ((p->flags & DECODE_GROUP) != 0);
	return true;
}

struct orient_verdict
orient_hint(const struct decode_packet *p)
{
	enum orient_level level = p->proto == DECODE_PROTO_ICMP ||
		p->proto == DECODE_PROTO_ICMP6
	    ? ORIENT_REQUEST : ORIENT_HANDSHAKE;

	/* an answer to a group (router advertisement, listener report) was
	 * not asked for by the group */
	if (p->hint == DECODE_HINT_NONE ||
	    (p->hint == DECODE_HINT_ANSWERS && to_group(p)))
		return (struct orient_verdict){ORIENT_NONE, true};
	return (struct orient_verdict){level, p->hint == DECODE_HINT_OPENS};
}

static struct orient_verdict
by_ports(const struct decode_packet *p)
{
	unsigned s = orient_port_rank(p->sport);
	unsigned d = orient_port_rank(p->dport);

	if (s != d)
		return (struct orient_verdict){ORIENT_SERVICE, d > s};
	/* port 0 is nobody's service */
	if (p->sport != p->dport && p->sport && p->dport)
		return (struct orient_verdict){ORIENT_LOWER,
			p->dport < p->sport};
	return (struct orient_verdict){ORIENT_FIRST, true};
}

struct orient_verdict
orient_packet(const struct decode_packet *p)
{
	if (p->hint != DECODE_HINT_NONE) {
		struct orient_verdict v = orient_hint(p);

		if (v.level != ORIENT_NONE)
			return v;
	}
	if (to_group(p))
		return (struct orient_verdict){ORIENT_GROUP, true};
	if (p->flags & DECODE_HAS_PORTS)
		return by_ports(p);
	return (struct orient_verdict){ORIENT_FIRST, true};
}
