/* applications: one name for what nDPI's versions call differently, and what
 * somebody who asks means. */
#include "common/base/applications.h"

#include "tests/tap.h"

int
main(void)
{
	is_str(gp_application_stable("DCERPC"), "DCE_RPC", "a later name");
	is_str(gp_application_stable("ipsec"), "IPsec", "in any case");
	is_str(gp_application_stable("DNS"), "DNS", "most have one name");
	ok(gp_application_matches("TLS.Google", "tls"), "by its master");
	ok(gp_application_matches("TLS.Google", "GOOGLE"), "by its service");
	ok(gp_application_matches("TLS.Google", "TLS.Google"), "by both");
	ok(!gp_application_matches("TLS.Google", "TLS.Amazon"), "not by one");
	ok(!gp_application_matches("QUIC.Google", "TLS.Google"), "or the other");
	ok(!gp_application_matches("TLS", "TLS.Google"), "a part is no whole");
	ok(!gp_application_matches("TLSx", "TLS"), "a prefix is no name");
	ok(gp_application_matches("SSH?", "SSH"), "guesses count");
	ok(gp_application_matches("SSH?", "ssh?"), "and can be asked for");
	ok(!gp_application_matches("SSH", "SSH?"), "alone");
	ok(gp_application_matches("TLS.Messenger", "FacebookMessenger"),
	    "under another name");
	ok(gp_application_matches("[overflow]", "[overflow]"), "marks, too");
	return tap_done();
}
