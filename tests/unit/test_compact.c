/* Answers of a server: those that are some, and all others. */
#include "querier/remote/compact.h"
#include "tests/tap.h"

#include <errno.h>

static const char good[] =
    "{\n\t\"meta\":\n\t[\n\t\t{\"name\": \"a\", \"type\": \"String\"}\n\t],\n"
    "\n\t\"data\":\n\t[\n\t\t[\"6f6B\", 7, \"18446744073709551615\"],\n"
    "\t\t[\"\", -3, \"0\"]\n\t],\n\n\t\"totals\": [\"00\",\"9\",12],\n\n"
    "\t\"rows\": 2,\n\n\t\"rows_before_limit_at_least\": 17,\n\n"
    "\t\"statistics\":\n\t{\n\t\t\"elapsed\": 0.01e-3,\n"
    "\t\t\"rows_read\": 1000,\n\t\t\"bytes_read\": 31024\n\t}\n}\n";

static struct compact_row kept[4];
static size_t n_kept;
static int stop_at;

static int
keep(void *arg, const struct compact_row *row)
{
	(void)arg;
	if (n_kept < 4)
		kept[n_kept] = *row;
	n_kept++;
	return stop_at && n_kept == (size_t)stop_at ? -ENOMEM : 0;
}

/* Fed in pieces of so many bytes. */
static int
feed(struct compact *c, const char *text, size_t len, size_t piece)
{
	n_kept = 0;
	compact_begin(c, 3, keep, NULL);
	for (size_t at = 0; at < len; at += piece)
		(void)compact_feed(c, text + at,
		    len - at < piece ? len - at : piece);
	return compact_end(c);
}

static void
check_fields(const struct compact *c)
{
	char text[8];
	uint8_t bytes[2];
	uint64_t v;
	int64_t i;
	size_t len;
	bool fits;

	ok(compact_string(&kept[0], 0, text, sizeof(text)) &&
	    strcmp(text, "ok") == 0, "a string in hexadecimal digits");
	ok(compact_string(&kept[1], 0, text, sizeof(text)) && !text[0],
	    "an empty one");
	ok(compact_u64(&kept[0], 1, 7, &v) && v == 7, "a number");
	ok(!compact_u64(&kept[0], 1, 6, &v), "beyond its bound");
	ok(compact_u64(&kept[0], 2, UINT64_MAX, &v) && v == UINT64_MAX,
	    "the largest, quoted");
	ok(compact_i64(&kept[1], 1, &i) && i == -3, "a negative one");
	ok(!compact_u64(&kept[1], 1, UINT64_MAX, &v), "which is no u64");
	ok(!compact_u64(&kept[1], 3, UINT64_MAX, &v), "a column too many");
	ok(!compact_u64(&kept[1], 0, UINT64_MAX, &v), "nothing is no number");
	ok(!compact_bytes(&kept[0], 0, bytes, 1, &len), "more than there is "
	    "room for");
	ok(!compact_string(&c->totals, 0, text, sizeof(text)),
	    "NUL is in no string");
	ok(compact_cut(&kept[0], 0, text, 3, &fits) && fits &&
	    strcmp(text, "ok") == 0, "a string that fits");
	ok(compact_cut(&kept[0], 0, text, 2, &fits) && !fits &&
	    strcmp(text, "o") == 0, "one that is cut");
	ok(compact_cut(&c->totals, 0, text, sizeof(text), &fits) && !fits,
	    "one with a NUL");
	ok(compact_u64(&c->totals, 2, 99, &v) && v == 12, "totals");
}

static void
check_refused(void)
{
	static const char *const bad[] = {"", "{}", "[]", "null", "{\"data\":[]}",
	    "{\"data\":[],\"rows\":1}", "{\"data\":[],\"rows\":0}x",
	    "{\"data\":[],\"rows\":0}{", "{\"data\":{},\"rows\":0}",
	    "{\"data\":[1,2,3],\"rows\":1}", "{\"data\":[[1,2]],\"rows\":1}",
	    "{\"data\":[[1,2,3,4]],\"rows\":1}",
	    "{\"data\":[[1,2,[3]]],\"rows\":1}",
	    "{\"data\":[[1,2,{}]],\"rows\":1}", "{\"data\":[],\"rows\":-1}",
	    "{\"data\":[],\"rows\":[0]}", "{\"data\":[],\"rows\":0,}",
	    "{\"data\":[,],\"rows\":0}", "{\"data\":[]\"rows\":0}",
	    "{\"data\":[[1,2,3] [1,2,3]],\"rows\":2}",
	    "{\"data\":[[\"a\nb\",2,3]],\"rows\":1}",
	    "{\"data\":[[\"\\x\",2,3]],\"rows\":1}",
	    "{\"data\":[[1,2,3]],\"rows\":1,\"exception\":\"Code: 241\"}",
	    "{\"data\":[[\"\\u12g4\",2,3]],\"rows\":1}",
	    "{\"totals\":[[1,2,3]],\"data\":[],\"rows\":0}",
	    "{\"a\":[[[[[[[1]]]]]]],\"data\":[],\"rows\":0}",
	    "{\"data\":[],\"rows\":99999999999999999999}",
	    "Code: 241, e.displayText() = DB::Exception"};
	struct compact c;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(feed(&c, bad[i], strlen(bad[i]), 7), -EPROTO, "%s",
		    bad[i][0] ? bad[i] : "nothing");
}

int
main(void)
{
	static struct compact c;
	static char copy[sizeof(good)], wide[9000];
	size_t len = sizeof(good) - 1, taken = 0;

	for (size_t piece = 1; piece < 80; piece += 13)
		ok(feed(&c, good, len, piece) == 0 && n_kept == 2 &&
		    c.before_limit == 17 && c.rows_read == 1000 &&
		    c.bytes_read == 31024 && c.has_totals,
		    "an answer in pieces of %zu", piece);
	check_fields(&c);
	for (size_t cut = 0; cut < len - 1; cut++)
		taken += feed(&c, good, cut, 50) == 0;
	is_int(taken, 0, "none of its beginnings is one");
	/* whatever a byte becomes, it ends, and rows are never more than said */
	for (size_t i = 0; i < len; i++) {
		static const char other[] = "\"\\[]{},:0x\n";

		for (size_t k = 0; k < sizeof(other); k++) {
			memcpy(copy, good, sizeof(good));
			copy[i] = other[k];
			if (feed(&c, copy, len, 64) == 0 && n_kept != 2)
				taken++;
		}
	}
	is_int(taken, 0, "bytes changed: two rows or no answer");
	check_refused();
	(void)snprintf(wide, sizeof(wide), "{\"data\":[[\"%08500d\",2,3]],"
	    "\"rows\":1}", 1);
	is_int(feed(&c, wide, strlen(wide), 999), -EPROTO, "a row too wide");
	stop_at = 1;
	is_int(feed(&c, good, len, 64), -ENOMEM, "whoever takes rows may stop");
	is_int(n_kept, 1, "and gets no more");
	return tap_done();
}
