/*
 * Which interfaces -i means.
 */
#include "querier/ifsel.h"

#include "tests/tap.h"

static char names[][8] = {"br0", "eth0", "eth0.7", "eth1", "eth10", "wg[0]"};
static char *have[] = {names[0], names[1], names[2], names[3], names[4],
    names[5], NULL};

/* Sites are called as people like. */
static char *sites[] = {(char[]){"Bern/eth0"}, (char[]){"HQ, 1/eth0"},
    (char[]){"HQ, 1/eth1"}, (char[]){"New York/eth0"},
    (char[]){"New York/eth1"}, (char[]){"York/eth1"}, NULL};

static const char *
chosen_of(char **list, const char *spec)
{
	static char text[512];
	const char **out = NULL;
	size_t len = 0;
	int n = ifsel_choose(spec, list, &out, text);

	if (n < 0)
		return text;
	text[0] = '\0';
	for (int i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
		    i ? " " : "", out[i]);
	if (out[n])
		strcat(text, " without an end");
	free(out);
	return text;
}

static const char *
chosen(const char *spec)
{
	return chosen_of(have, spec);
}

static void
test_sites(void)
{
	is_str(chosen_of(sites, "New York/eth0"), "New York/eth0",
	    "a site of two words");
	is_str(chosen_of(sites, "New York/*"), "New York/eth0 New York/eth1",
	    "a pattern on it");
	is_str(chosen_of(sites, "Bern/eth0,New York/eth1 HQ, 1/eth0"),
	    "Bern/eth0 HQ, 1/eth0 New York/eth1", "in a list");
	is_str(chosen_of(sites, "HQ, 1/any, York/eth1"),
	    "HQ, 1/eth0 HQ, 1/eth1 York/eth1", "one with a comma");
	is_str(chosen_of(sites, "any,!New York/any,!HQ, 1/eth1"),
	    "Bern/eth0 HQ, 1/eth0 York/eth1", "all but those");
	is_str(chosen_of(sites, "eth1"), "HQ, 1/eth1 New York/eth1 York/eth1",
	    "an interface of all");
	ok(strstr(chosen_of(sites, "New York/eth7"), "'New York/eth7' is not "
	    "in the store") != NULL, "none of a site's");
	ok(strstr(chosen_of(sites, "New Yorker/eth0"), "'New' is not in the "
	    "store") != NULL, "no such site");
}

int
main(void)
{
	static char *nothing[] = {NULL};
	const char **out = NULL;
	char error[512];

	is_str(chosen("eth0"), "eth0", "a name");
	is_str(chosen("eth1,eth0"), "eth0 eth1", "a list, sorted");
	is_str(chosen("eth0, eth0 ,,eth0"), "eth0", "once");
	is_str(chosen("any"), "br0 eth0 eth0.7 eth1 eth10 wg[0]", "any");
	is_str(chosen("ANY"), "br0 eth0 eth0.7 eth1 eth10 wg[0]", "ANY");
	is_str(chosen("eth*"), "eth0 eth0.7 eth1 eth10", "a glob");
	is_str(chosen("eth?"), "eth0 eth1", "another");
	is_str(chosen("eth[1-9]*"), "eth1 eth10", "a set");
	is_str(chosen("wg[0]"), "wg[0]", "a name with brackets");
	is_str(chosen("any,!eth*"), "br0 wg[0]", "all but");
	is_str(chosen("!eth*,any"), "br0 wg[0]", "in any order");
	is_str(chosen("!eth0"), "br0 eth0.7 eth1 eth10 wg[0]", "only one out");
	is_str(chosen("any,!nothere"), "br0 eth0 eth0.7 eth1 eth10 wg[0]",
	    "what is not there may be taken out");
	ok(strstr(chosen("eth2"), "'eth2' is not in the store") != NULL &&
	    strstr(chosen("eth2"), "br0, eth0") != NULL,
	    "unknown: says which exist");
	ok(strstr(chosen("eht0"), "did you mean 'eth0'") != NULL, "suggests");
	ok(strstr(chosen("/eth.*/"), "written as eth*") != NULL,
	    "not goProbe's regular expressions");
	ok(strstr(chosen("x*"), "not in the store") != NULL, "glob of none");
	ok(strstr(chosen("eth0,!eth*"), "leaves no interface") != NULL,
	    "nothing left");
	ok(strstr(chosen("0123456789012345678901234567890123456789"
			 "01234567890123456789012345678901"), "so long") != NULL,
	    "a name too long");
	ok(ifsel_is_empty("") && ifsel_is_empty(",") && ifsel_is_empty("!") &&
	    ifsel_is_empty(" , !,"), "lists of nothing");
	ok(!ifsel_is_empty("any") && !ifsel_is_empty(",eth0") &&
	    !ifsel_is_empty("!eth0"), "  and of something");
	ok(ifsel_choose("any", nothing, &out, error) < 0 &&
	    strstr(error, "no interface yet") != NULL, "an empty store");
	ok(ifsel_choose("eth0", nothing, &out, error) < 0 &&
	    strstr(error, "no interface yet") != NULL, "  and a name");
	test_sites();
	return tap_done();
}
