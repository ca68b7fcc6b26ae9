/*
 * Output: foreign bytes made harmless in text, CSV and JSON; the first error
 * is kept; large answers arrive whole.
 */
#include "querier/out.h"

#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct out o;

/* What was written so far, without flushing. */
static const char *
text(void)
{
	static char copy[4096];

	memcpy(copy, o.buf, o.len);
	copy[o.len] = '\0';
	o.len = 0;
	return copy;
}

static void
check_text(void)
{
	static const struct {
		const char *raw, *clean, *json, *csv;
	} t[] = {
		{"plain", "plain", "\"plain\"", "plain"},
		{"", "", "\"\"", ""},
		{"a\033[31mb", "a\\x1b[31mb", "\"a\\u001b[31mb\"",
		    "a\\x1b[31mb"},
		{"a\nb\tc", "a\\x0ab\\x09c", "\"a\\u000ab\\u0009c\"",
		    "a\\x0ab\\x09c"},
		{"\x7f", "\\x7f", "\"\\u007f\"", "\\x7f"},
		{"a\"b\\c", "a\"b\\c", "\"a\\\"b\\\\c\"", "\"a\"\"b\\c\""},
		{"a,b", "a,b", "\"a,b\"", "\"a,b\""},
		{"gr\303\274n", "gr\303\274n", "\"gr\303\274n\"", "gr\303\274n"},
		{"\360\237\230\200", "\360\237\230\200", "\"\360\237\230\200\"",
		    "\360\237\230\200"},
		/* broken UTF-8: alone, cut, overlong, surrogate, too large */
		{"a\200b", "a\\x80b", "\"a\\ufffdb\"", "a\\x80b"},
		{"\303", "\\xc3", "\"\\ufffd\"", "\\xc3"},
		{"\300\257", "\\xc0\\xaf", "\"\\ufffd\\ufffd\"", "\\xc0\\xaf"},
		{"\355\240\200", "\\xed\\xa0\\x80",
		    "\"\\ufffd\\ufffd\\ufffd\"", "\\xed\\xa0\\x80"},
		{"\364\220\200\200", "\\xf4\\x90\\x80\\x80",
		    "\"\\ufffd\\ufffd\\ufffd\\ufffd\"",
		    "\\xf4\\x90\\x80\\x80"},
		{"\355\277\277", "\\xed\\xbf\\xbf",
		    "\"\\ufffd\\ufffd\\ufffd\"", "\\xed\\xbf\\xbf"},
		{"\340\237\277", "\\xe0\\x9f\\xbf",
		    "\"\\ufffd\\ufffd\\ufffd\"", "\\xe0\\x9f\\xbf"},
		/* C1 and what turns the direction of writing */
		{"\302\233", "\\xc2\\x9b", "\"\\u009b\"", "\\xc2\\x9b"},
		{"\302\237", "\\xc2\\x9f", "\"\\u009f\"", "\\xc2\\x9f"},
		{"\302\240", "\302\240", "\"\302\240\"", "\302\240"},
		{"\342\200\213", "\\xe2\\x80\\x8b", "\"\\u200b\"",
		    "\\xe2\\x80\\x8b"},
		{"\342\200\217", "\\xe2\\x80\\x8f", "\"\\u200f\"",
		    "\\xe2\\x80\\x8f"},
		{"\342\200\250", "\\xe2\\x80\\xa8", "\"\\u2028\"",
		    "\\xe2\\x80\\xa8"},
		{"\357\273\277", "\\xef\\xbb\\xbf", "\"\\ufeff\"",
		    "\\xef\\xbb\\xbf"},
		{"\342\200\256x", "\\xe2\\x80\\xaex", "\"\\u202ex\"",
		    "\\xe2\\x80\\xaex"},
		{"\330\234x", "\\xd8\\x9cx", "\"\\u061cx\"", "\\xd8\\x9cx"},
		{"a\342\201\240b", "a\\xe2\\x81\\xa0b", "\"a\\u2060b\"",
		    "a\\xe2\\x81\\xa0b"},
		{"\342\201\257", "\\xe2\\x81\\xaf", "\"\\u206f\"",
		    "\\xe2\\x81\\xaf"},
		{"\342\201\260", "\342\201\260", "\"\342\201\260\"",
		    "\342\201\260"},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char string[64];

		out_clean(&o, t[i].raw);
		is_str(text(), t[i].clean, "text %zu, clean", i);
		out_clean_string(string, sizeof(string), t[i].raw);
		is_str(string, t[i].clean, "  into a string");
		out_json(&o, t[i].raw);
		is_str(text(), t[i].json, "  json");
		out_csv(&o, t[i].raw);
		is_str(text(), t[i].csv, "  csv");
	}
	out_csv_quoted(&o, "a\"b,\033[31m\303\274");
	is_str(text(), "a\"\"b,\\x1b[31m\303\274", "a part of a quoted field");
}

static void
check_short(void)
{
	static char large[3100];
	char small[6];
	const char *s;

	out_clean_string(small, sizeof(small), "abc\303\274\303\274");
	is_str(small, "abc\303\274", "a character is not cut in two");
	out_clean_string(small, sizeof(small), "abc\033");
	is_str(small, "abc", "nor an escape");
	memset(small, '|', sizeof(small));
	out_clean_string(small, sizeof(small) - 1, "abcde");
	ok(memcmp(small, "abcd\0|", 6) == 0, "a text that is too long by one");
	memset(small, '|', sizeof(small));
	out_clean_string(small, sizeof(small) - 1, "ab\303\274c");
	ok(memcmp(small, "ab\303\274\0|", 6) == 0, "  of letters of more bytes");
	memset(large, 'a', 2998);
	strcpy(large + 2998, "<\303\274");
	out_html(&o, large);
	ok(strlen(s = text()) == 3004 && strcmp(s + 2997, "a&lt;\303\274") == 0,
	    "html of a long text is whole");
	out_u64(&o, UINT64_MAX);
	is_str(text(), "18446744073709551615", "largest number");
	out_u64(&o, 0);
	is_str(text(), "0", "zero");
}

static void
check_html(void)
{
	out_html(&o, "a<b>&\"c\"");
	is_str(text(), "a&lt;b&gt;&amp;&quot;c&quot;", "html");
	out_html(&o, "<\033\303>\303\274\342\200\256");
	is_str(text(), "&lt;\\x1b\\xc3&gt;\303\274\\xe2\\x80\\xae",
	    "  with controls");
	out_html(&o, "");
	is_str(text(), "", "  of nothing");
}

static void
check_writing(void)
{
	char name[] = "/tmp/test_out.XXXXXX";
	int fd = mkstemp(name), full;
	size_t n = 300000, i;
	static char back[300000];

	out_init(&o, fd);
	for (i = 0; i < n; i++)
		out_char(&o, (char)('a' + i % 26));
	is_int(out_flush(&o), 0, "300000 bytes");
	is_int(pread(fd, back, sizeof(back), 0), (int64_t)n, "  all there");
	for (i = 0; i < n && back[i] == (char)('a' + i % 26); i++)
		;
	is_int(i, n, "  in order");
	(void)close(fd);
	(void)unlink(name);

	full = open("/dev/full", O_WRONLY);
	out_init(&o, full);
	out_str(&o, "x");
	is_int(out_flush(&o), -ENOSPC, "a full disk");
	out_str(&o, "y");
	is_int(out_flush(&o), -ENOSPC, "  stays an error");
	(void)close(full);
	out_init(&o, -1);
	out_str(&o, "x");
	is_int(out_flush(&o), -EBADF, "a closed stdout");
}

int
main(void)
{
	out_init(&o, -1);
	check_text();
	check_short();
	check_html();
	check_writing();
	return tap_done();
}
