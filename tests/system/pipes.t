#!/bin/sh
# Rows for other programs: each row of jsonl and csv is one by the formats' own
# readers, and the one-liners of goquery(1) do what they say, where the program
# that they feed is installed.
. tests/lib/tap.sh

S=$T/s
ok "a store" goprobe -d "$S" -i eth0 -r tests/data/office.pcap
ok "and more" goprobe -d "$S" -i 'e"\1' -r tests/data/days.pcap
q() { goquery -d "$S" -i any -f 0 -l 2106-01-01 "$@"; }
q -e csv raw >"$T/csv"
q -e jsonl raw >"$T/jsonl"
q -e json raw >"$T/json"
cat >"$T/same.py" <<'PY'
import csv, datetime, json, sys
numbers = ("dport", "packets_rcvd", "packets_sent", "packets", "bytes_rcvd",
           "bytes_sent", "bytes")
lines = [json.loads(line) for line in open(sys.argv[2])]
whole = json.load(open(sys.argv[3]))
table = []
for row in csv.DictReader(open(sys.argv[1], newline="")):
    for n in numbers:
        row[n] = int(row[n])
    row["time"] = datetime.datetime.utcfromtimestamp(
        int(row["time"])).strftime("%Y-%m-%dT%H:%M:%SZ")
    table.append(row)
print(len(table), table == lines == whole["rows"],
      sum(r["bytes"] for r in lines) == whole["summary"]["totals"]["bytes"],
      len({(r["time"], r["iface"], r["sip"], r["dip"], r["dport"], r["proto"],
            r["l7proto"]) for r in lines}) == len(lines))
PY
is "$(python3 "$T/same.py" "$T/csv" "$T/jsonl" "$T/json")" \
    "$(wc -l <"$T/jsonl") True True True" "csv, jsonl and json are the same rows"

# the manual's own lines, for this store and this time
sed -n '/^.Ss To other programs/,/^.Sh/p' querier/goquery.1 |
    sed -e ':a' -e '/\\$/{N;s/\\\n//;ba' -e '}' | sed -n 's/^\.Dl \$ //p' |
    sed -e 's/\\(dq/"/g' -e "s|goquery |goquery -d $S |" \
	-e 's/-f -1[hd]/-f 0 -l 2106-01-01/' >"$T/lines"
line() { grep -e "$1" "$T/lines"; }
is "$(grep -c . "$T/lines")" 5 "the manual has them"

run 0 "jq: the line" sh -c "$(line 'jq -c')"
is "$(echo "$out" | sort)" "$(grep '"sip":"192.0.2.11"' "$T/jsonl" | sort)" \
    "selects what is asked for"
if command -v kcat >/dev/null; then
	# librdkafka's own broker; -T shows what was sent
	run 0 "kcat: the line" sh -c \
	    "$(line kcat) -X test.mock.num.brokers=1 -T >'$T/sent'"
	is "$(tr -d '\n' <"$T/jsonl" | cksum)" "$(cksum <"$T/sent")" \
	    "sends each row"
else
	pass "# SKIP kcat is not installed"
fi
if python3 -c 'import pandas' 2>/dev/null; then
	cd "$T" || exit 1
	run 0 "pandas: a file" sh -c "$(line 'flows.csv$')"
	run 0 "pandas: the line" sh -c "$(line 'import pandas')"
	cd - >/dev/null || exit 1
	like "$out" '^l7proto$' "groups what it read"
else
	pass "# SKIP pandas is not installed"
fi
if command -v duckdb >/dev/null; then
	cd "$T" || exit 1
	run 0 "duckdb: the line" sh -c "$(line duckdb)"
	is "$(duckdb -csv -noheader flows.duckdb 'SELECT count(*) FROM flows')" \
	    "$(wc -l <"$T/jsonl")" "takes each row"
else
	pass "# SKIP duckdb is not installed"
fi
done_testing
