/*
 * What the parser says of a condition that is none.
 */
#include "common/godb/cond_parse.h"

#include "common/base/words.h"

#include <string.h>

struct gdi_shown
gdi_cond_show(const struct gdi_parser *p, const struct gdi_token *t)
{
	struct gdi_shown s;
	size_t len = t->length;

	if (len >= sizeof(s.text))
		len = sizeof(s.text) - 1;
	memcpy(s.text, p->text + t->offset, len);
	s.text[len] = '\0';
	return s;
}

void
gdi_cond_suggest(struct gdi_parser *p, const struct gdi_token *t,
    const char *what, const char *best)
{
	struct gdi_shown s = gdi_cond_show(p, t);

	if (best)
		FAIL(p, t, "%s '%s'; did you mean '%s'?", what, s.text, best);
	else
		FAIL(p, t, "%s '%s'", what, s.text);
}

const char *
gdi_cond_nearest_word(const struct gdi_parser *p, const struct gdi_token *t,
    bool (*fits)(const struct gdi_word *), bool protocols)
{
	struct gdi_shown s = gdi_cond_show(p, t);
	struct gp_words_guess g;
	const struct gdi_word *w;
	const char *name;

	gp_words_guess_init(&g, s.text);
	for (size_t i = 0; (w = gdi_grammar_word(i)); i++) {
		if (fits(w))
			gp_words_guess_offer(&g, w->text);
	}
	for (size_t i = 0; protocols && (name = gdi_proto_word(i)); i++)
		gp_words_guess_offer(&g, name);
	return g.best;
}

/* What other programs have in their filters, and this one does not. */
static const struct {
	const char *word, *hint;
} elsewhere[] = {
	{"all", "every row is selected without a condition"},
	{"any", "every row is selected without a condition"},
	{"arp", "only IP is kept"},
	{"bpp", "only bytes and packets are kept"},
	{"bps", "only bytes and packets are kept"},
	{"broadcast", "here it is 'dst host 255.255.255.255'"},
	{"daddr", "here it is dip"},
	{"dns", "here it is 'app dns'"},
	{"duration", "only the five minutes of a row are kept"},
	{"ether", "addresses below IP are not kept"},
	{"flags", "TCP flags are not kept"},
	{"id.orig_h", "here it is sip"},
	{"id.resp_h", "here it is dip"},
	{"id.resp_p", "here it is dport"},
	{"iface", "interfaces are chosen by -i"},
	{"inbound", "here it is 'dir = in'"},
	{"interface", "interfaces are chosen by -i"},
	{"ip.addr", "here it is host"},
	{"ip.dst", "here it is dip"},
	{"ip.proto", "here it is proto"},
	{"ip.src", "here it is sip"},
	{"ipv6.addr", "here it is host"},
	{"ipv6.dst", "here it is dip"},
	{"ipv6.src", "here it is sip"},
	{"len", "only the bytes of a row are kept"},
	{"multicast", "here it is 'dst in (224.0.0.0/4, ff00::/8)'"},
	{"outbound", "here it is 'dir = out'"},
	{"pps", "only bytes and packets are kept"},
	{"saddr", "here it is sip"},
	{"service", "here it is l7proto"},
	{"tcp.dstport", "here it is 'tcp port'"},
	{"tcp.port", "here it is 'tcp port'"},
	{"time", "the window is chosen by -f and -l"},
	{"tls", "here it is 'app tls'"},
	{"udp.dstport", "here it is 'udp port'"},
	{"udp.port", "here it is 'udp port'"},
	{"vlan", "VLANs are not kept"},
};

const char *
gdi_cond_elsewhere(const char *word)
{
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		if (gp_words_casecmp(elsewhere[i].word, word) == 0)
			return elsewhere[i].hint;
	}
	return NULL;
}

const char *
gdi_cond_attr_text(const struct gdi_parser *p, enum gdi_attr attr)
{
	const struct gdi_word *w;

	if (attr == GDI_ATTR_METRIC)
		return godb_metric_name(p->metric);
	if (attr == GDI_ATTR_SITE)
		return "site";
	for (size_t i = 0; (w = gdi_grammar_word(i)); i++) {
		if (w->kind == GDI_WORD_ATTR && w->value == (int)attr)
			return w->text;
	}
	return "address";
}
