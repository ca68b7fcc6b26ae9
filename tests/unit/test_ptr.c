/*
 * Questions for names and what may come back for them.
 */
#include "querier/ptr.h"

#include "tests/tap.h"

#include <errno.h>

static uint8_t query[PTR_QUERY_MAX], packet[512];
static size_t query_len;
static char name[PTR_NAME_MAX];

/* An answer with one record of the given data. */
static size_t
make(const uint8_t *data, size_t len)
{
	static const uint8_t head[10] = {0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 60};
	size_t at = query_len;

	memset(packet, 0, sizeof(packet));
	memcpy(packet, query, query_len);
	packet[2] = 0x81;
	packet[7] = 1;
	memcpy(packet + at, head, sizeof(head));
	at += sizeof(head);
	packet[at++] = (uint8_t)(len >> 8);
	packet[at++] = (uint8_t)len;
	memcpy(packet + at, data, len);
	return at + len;
}

static int
answer(size_t len)
{
	uint8_t *exact = malloc(len ? len : 1); /* sanitizers see one too far */
	int rc;

	memcpy(exact, packet, len);
	name[0] = '\0';
	rc = ptr_answer(query, query_len, exact, len, name);
	free(exact);
	return rc;
}

int
main(void)
{
	static const uint8_t host[] = "\4host\7example", jump[] = {1, 'a', 0xc0, 12};
	static const uint8_t self[] = {0xc0, 255};
	static const uint8_t odd[] = {3, 'a', '\t', 0x1b, 0};
	struct gp_addr a;
	uint64_t state = tap_seed(53);
	bool sane = true;
	size_t len;

	(void)gp_addr_parse("192.0.2.1", &a);
	query_len = ptr_query(0x1234, &a, query);
	is_int(query_len, 12 + 28, "the question of IPv4");
	ok(memcmp(query, "\x12\x34\1\0\0\1\0\0\0\0\0\0\1" "1\1" "2\1" "0\3"
	    "192\7in-addr\4arpa\0\0\14\0\1", query_len) == 0,
	    "byte for byte");
	len = make(host, sizeof(host));
	is_int(answer(len), 1, "an answer");
	is_str(name, "host.example", "its name");
	for (size_t i = 0; i < len; i++)
		sane &= answer(i) <= 0;
	ok(sane, "cut anywhere: none");
	packet[3] = 3;
	is_int(answer(len), 0, "no such name");
	packet[3] = 0;
	packet[0] ^= 1;
	is_int(answer(len), -EBADMSG, "another id");
	packet[0] ^= 1;
	packet[13] ^= 1;
	is_int(answer(len), -EBADMSG, "another question");
	packet[13] ^= 1;
	packet[2] = 1;
	is_int(answer(len), -EBADMSG, "a question");
	len = make(jump, sizeof(jump));
	is_int(answer(len), 1, "a name that goes on elsewhere");
	is_str(name, "a.1.2.0.192.in-addr.arpa", "  all of it");
	len = make(self, sizeof(self));
	packet[len - 2] = 0xc0;
	packet[len - 1] = (uint8_t)(len - 2);
	is_int(answer(len), 0, "a name that points to itself");
	len = make(odd, sizeof(odd));
	is_int(answer(len), 1, "bytes that no host has");
	is_str(name, "a??", "  are replaced");

	(void)gp_addr_parse("2001:db8::1", &a);
	query_len = ptr_query(1, &a, query);
	is_int(query_len, 12 + 64 + 4 + 6 + 4, "the question of IPv6");
	len = make(host, sizeof(host));
	is_int(answer(len), 1, "its answer");
	sane = true;
	for (int i = 0; i < 200000; i++) {
		len = make(host, sizeof(host));
		for (int k = 0; k < 4; k++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			packet[(state >> 33) % len] = (uint8_t)(state >> 25);
		}
		sane &= answer(len) <= 1 && strlen(name) < PTR_NAME_MAX;
	}
	ok(sane, "changed at random: no harm");
	return tap_done();
}
