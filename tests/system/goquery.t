#!/bin/sh
# goquery from the outside: every format, every exit status, every mistake one
# clear line.
. tests/lib/tap.sh

S=$T/s
W='-f 2026-01-15 -l 2026-01-16'
ok "a store" goprobe -d "$S" -i eth0 -r tests/data/office.pcap
ok "with two interfaces" goprobe -d "$S" -i eth1 -r tests/data/links.pcap
q() { goquery -d "$S" "$@"; }

# --- formats agree
for query in talk_conv talk_src talk_dst apps_port apps_l7 agg_talk_port raw \
    time,iface proto,dport,l7proto,sip,dip; do
	q -i eth0 $W -e csv $query >"$T/csv" 2>/dev/null
	q -i eth0 $W -e json $query >"$T/json"
	q -i eth0 $W -e jsonl $query >"$T/jsonl" 2>/dev/null
	ok "$query: json is JSON" jq -e '.status == "ok"' "$T/json"
	is "$(jq '.rows | length' "$T/json")" "$(($(wc -l <"$T/csv") - 1))" "$query: as many rows as csv"
	is "$(jq -c '.rows[]' "$T/json")" "$(jq -c . "$T/jsonl")" "$query: jsonl are json's rows"
	is "$(jq '[.rows[].bytes] | add' "$T/json")" "$(jq .summary.totals.bytes "$T/json")" "$query: rows make up the total"
	is "$(jq -r '.rows[] | [.packets_rcvd, .packets_sent, .packets, .bytes_rcvd, .bytes_sent, .bytes] | @csv' "$T/json")" \
	    "$(tail -n +2 "$T/csv" | awk -F, -v OFS=, '{ print $(NF-5), $(NF-4), $(NF-3), $(NF-2), $(NF-1), $NF }')" \
	    "$query: counters as in csv"
	run 0 "$query: text" q -i eth0 $W $query
	like "$out" '^Overall packets: .* , Overall data volume: ' "$query: has its totals"
done
is "$(q -i eth0 $W -e csv apps_dpi)" "$(q -i eth0 $W -e csv apps_l7)" "apps_dpi is apps_l7"

# --- a page has its condition whole
hosts=$(for i in $(seq 200); do printf '%shost 10.0.0.%d' "${sep-}" "$i"; sep=' or '; done)
like "$(q -i eth0 $W -e html -c "$hosts" sip)" '<dt>Conditions</dt><dd>host 10\.0\.0\.1 or .* or host 10\.0\.0\.200</dd>' \
    "html: a condition of 200 hosts"

# --- totals are those of all groups, wherever some are left out
said='[0-9]+ of [0-9]+ groups have packets > 100; totals and shares are those of all'
want=$(q -i eth0 $W --having 'packets > 100' sip | grep -E "^$said\$")
like "$want" "^$said\$" "txt: what --having left"
is "$(q -i eth0 $W -e html --having 'packets > 100' sip | sed -n 's/&gt;/>/; s|^<p>\(.* groups have .*\)</p>$|\1|p')" \
    "$want" "html: says it, too"

# --- flags in any order, one or two dashes
is "$(q talk_conv -i eth0 $W -e csv -n 3)" "$(q -n 3 -e csv $W -i eth0 talk_conv)" "flags before and after"
is "$(q -i eth0 $W -e csv --in talk_src)" "$(q -i eth0 $W -e csv -in talk_src)" "-in and --in"
is "$(q -i eth0 $W -e csv -n 2 talk_src | wc -l | tr -d ' ')" 3 "-n 2"
is "$(q -i any $W -e csv iface | tail -n +2 | cut -d, -f1 | sort | tr '\n' ' ')" "eth0 eth1 " "-i any"
is "$(q -i 'eth*,!eth0' $W -e csv iface | tail -n +2 | cut -d, -f1)" eth1 "a glob without one"
is "$(q -i eth0 -f 1768467600 -l 1768467900 -e csv time | tail -n +2 | cut -d, -f1)" 1768467600 "epoch"
is "$(q -i eth0 -f 2026-01-15T09:00:00Z -l 2026-01-15T10:05:00+01:00 -e csv time | tail -n +2 | cut -d, -f1)" 1768467600 "RFC 3339"
is "$(q -i eth0 $W -e csv -c 'dport=443 and proto=tcp' proto)" "$(q -i eth0 $W -e csv -c 'port https & tcp' proto)" "spellings"

# --- no rows
run 0 "nothing found" q -i eth0 $W -c 'dport=1' talk_conv
like "$out" 'Overall packets: 0\.00' "zero totals stay"
run 4 "nothing found with --fail-empty" q -i eth0 $W --fail-empty -c 'dport=1' talk_conv
run 4 "  nor left by --having" q -i eth0 $W --fail-empty --having 'packets > 1000000000' sip
run 0 "a window without data" q -i eth0 -f 2020-01-01 -l 2020-01-02 talk_conv
like "$err" '2026-01-15' "says where data lies"
run 0 "  asked by a program" q -x -i eth0 -f 2020-01-01 -l 2020-01-02 talk_conv
is "$err" "" "  says nothing of it"
is "$(q -i eth0 $W -e csv -c 'l7 = nosucha or l7 = nosuchb' sip 2>&1 >/dev/null | grep -c 'note: this store has never seen')" 2 \
    "csv: every note is told"

# --- mistakes
run 2 "no query" q -i eth0
one_line "no query"
run 2 "an unknown query" q -i eth0 talk_con
like "$err" 'talk_conv' "unknown query: a suggestion"
run 2 "an unknown column" q -i eth0 sip,dpi
run 2 "no interface" goquery -d "$S" talk_conv
run 1 "an unknown interface" q -i eth7 talk_conv
like "$err" 'eth7' "is named"
run 2 "an unknown option" q -i eth0 --frist 1 talk_conv
like "$err" 'first' "unknown option: a suggestion"
run 2 "an unknown format" q -i eth0 -e xml talk_conv
run 2 "a bad number" q -i eth0 -n many talk_conv
run 2 "a bad time" q -i eth0 -f yestreday talk_conv
run 2 "first after last" q -i eth0 -f now -l -1d talk_conv
run 2 "a bad condition" q -i eth0 -c 'proto=TPC and dport=443' talk_conv
like "$err" '^ *\^' "with a caret"
like "$err" "did you mean 'tcp'" "and a suggestion"
run 2 "  behind a letter of two bytes" q -i eth0 -c 'l7 = "é" and proto=TPC' talk_conv
like "$err" 'condition: column 20: ' "  columns are characters"
run 2 "a source port" q -i eth0 -c 'src port 53' talk_conv
like "$err" 'not stored' "which is not stored"
run 2 "-clean" q -i eth0 -clean 0
like "$err" 'goprobe-writer' "-clean: where it lives now"
run 1 "no store" goquery -d "$T/none" -i eth0 talk_conv
one_line "no store"
mkdir "$T/other" && touch "$T/other/x" && chmod 755 "$T/other"
run 1 "a folder that is none" goquery -d "$T/other" -i eth0 talk_conv
one_line "no store either"
run 1 "a file" goquery -d tests/data/days.pcap -i eth0 talk_conv
one_line "file"

# --- manners
q -i eth0 $W -n all raw 2>"$T/pipe.err" | head -1 >/dev/null
is "$(cat "$T/pipe.err")" "" "a broken pipe ends quietly"
if [ -w /dev/full ]; then
	q -i eth0 $W -e csv raw >/dev/full 2>"$T/full.err"
	is $? 1 "a full disk is an error"
	is "$(wc -l <"$T/full.err" | tr -d ' ')" 1 "of one line"
fi
is "$(q -h | wc -l | awk '{ print ($1 <= 40) }')" 1 "-h fits a screen of 40 lines"
is "$(q -i eth0 $W -e csv raw | md5sum)" "$(q -i eth0 $W -e csv raw | md5sum)" "the same answer twice"
done_testing
