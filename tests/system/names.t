#!/bin/sh
# Names of addresses: --resolve with a DNS server of our own, countries and
# systems from MMDB files of our own; and that goquery itself opens no socket.
. tests/lib/tap.sh

HELPERS=${TESTS_DIR:-build/$(basename "${CC:-gcc}")/tests}
[ -x "$HELPERS/lib/rows2store" ] || skip_all "no tests/lib/rows2store; make tests"
S=$T/s
{
	echo "B eth0 1767225600 4 300 0 0 0 0"
	for n in 1 2 3 4 5 6 7 8 9; do
		echo "R 192.0.2.$n 198.51.100.7 443 6 ${n}00 $n 1 1 TLS"
	done
	echo "R 2001:db8::1 2001:db8:2::2 53 17 5000 50 5 5 DNS"
	echo "C eth0 1767225600"
} | "$HELPERS/lib/rows2store" "$S"
q() { goquery -d "$S" -i eth0 -f 2026-01-01 -l 2026-01-02 "$@"; }

python3 tests/lib/dnsd.py "$T/port" 192.0.2.1=one.example 192.0.2.2=@silent \
    192.0.2.3=@forge 192.0.2.4=@loop 192.0.2.5=@cut 192.0.2.6=@bytes \
    192.0.2.7=@slow 192.0.2.8=@refuse 198.51.100.7=server.example 2001:db8::1=six.example \
    2>"$T/asked" &
dnsd=$!
stop() { kill $dnsd 2>/dev/null; }
at_exit stop
wait_for 10 test -s "$T/port"
DNS=127.0.0.1:$(cat "$T/port")

# --- DNS
q -e csv sip >"$T/plain"
is "$(cat "$T/asked")" "" "nothing is asked without --resolve"
start=$(date +%s)
run 0 "--resolve" q --resolve --dns "$DNS" -e csv -s sip sip
took=$(($(date +%s) - start))
ok "silent and slow servers are not waited for: $took s" test $took -le 6
name() { printf '%s\n' "$out" | awk -F, -v a="$1" '$1 == a { print $2 }'; }
is "$(printf '%s\n' "$out" | head -1 | cut -d, -f1-2)" "sip,sip_name" "a column of its own"
is "$(name 192.0.2.1)" one.example "a name"
is "$(name 2001:db8::1)" six.example "of IPv6"
is "$(name 192.0.2.3)" true.example "forged answers are not believed"
is "$(name 192.0.2.2)$(name 192.0.2.4)$(name 192.0.2.5)$(name 192.0.2.9)" "" \
    "silent, looping, cut and unknown: no name"
is "$(name 192.0.2.6)" "a?b???31m.example" "control characters do not get through"
is "$(printf '%s\n' "$out" | cut -d, -f1,3-)" "$(q -e csv -s sip sip)" "and nothing else changes"
like "$err" '^goquery: note: the DNS server gave no answer for some addresses' \
    "  that a server was silent is told"
run 0 "in text" q --resolve --dns "$DNS" -c 'sip = 192.0.2.1' talk_conv
like "$out" '192\.0\.2\.1 +one\.example +198\.51\.100\.7 +server\.example' "both ends"
is "$(q --resolve --dns "$DNS" -e json -c 'sip = 192.0.2.1' sip | jq -r '.rows[0].sip_name')" \
    one.example "in json"
like "$(q --resolve --dns "$DNS" -e html -c 'sip = 192.0.2.1' sip)" '<td>one\.example</td>' "in html"
start=$(date +%s%3N)
run 0 "--timeout" q --timeout 1s --resolve --dns "$DNS" -e csv -s sip sip
took=$(($(date +%s%3N) - start))
ok "  is not waited beyond: $took ms" test $took -lt 2500
is "$(name 192.0.2.1),$(name 192.0.2.2),$(name 192.0.2.7)" one.example,, "  names that came are there"
like "$err" '^goquery: note: the time for names of addresses was over' "  and that some have not is told"
run 0 "all in time" q --timeout 20s --resolve --dns "$DNS" -c 'sip = 192.0.2.1' sip
like "$out" 'one\.example' "  all there"
is "$(printf '%s\n' "$out" | grep -c 'time for names\|DNS server')" 0 "  without a note"
run 0 "a server that refuses" q --resolve --dns "$DNS" -c 'sip = 192.0.2.8' sip
like "$out" '^Note: the DNS server gave no answer' "  is told"
run 0 "no such name" q --resolve --dns "$DNS" -c 'sip = 192.0.2.9' sip
is "$(printf '%s\n' "$out" | grep -c 'DNS server')" 0 "  is an answer"
run 0 "a network has no name" q --resolve --dns "$DNS" -e csv sip/24/127
is "$(printf '%s\n' "$out" | cut -d, -f1-2 | sort | tr '\n' ' ')" \
    "192.0.2.0/24, 2001:db8::/127, sip,sip_name " "  and its column stays empty"
is "$(q --resolve --dns "$DNS" -e csv -s sip sip/24 | tail -n +2 | cut -d, -f1-2 | tr '\n' ' ')" \
    "192.0.2.0/24, 2001:db8::1,six.example " "  the addresses beside it have theirs"
took=$(python3 - <<'PY'
import socket, subprocess, threading, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))

def flood():
    peer = s.recvfrom(512)[1]
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            s.sendto(b"x" * 40, peer)
        except OSError:
            pass

threading.Thread(target=flood, daemon=True).start()
p = subprocess.Popen(["goquery-resolve", "--dns",
                      "127.0.0.1:%d" % s.getsockname()[1]],
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
p.stdin.write(b"".join(b"A 2001:db8::%x:%x\n" % (i >> 16, i & 65535)
                      for i in range(100000)))
p.stdin.write(b"Q 500\n")
p.stdin.flush()
begun = time.monotonic()
p.stdout.readline()
print(round(1000 * (time.monotonic() - begun)))
p.kill()
p.wait()
PY
)
ok "a server that sends without end is not heard to it: $took ms" test "$took" -lt 5000
# an answer of --watch is about the interfaces and the addresses of its own time
block() {
	printf '%s\n' "B $1 1767225600 4 300 0 0 0 0" \
	    "R $2 198.51.100.7 443 6 $3 0 1 0 TLS" "C $1 1767225600"
}
block eth0 192.0.2.1 100 | "$HELPERS/lib/rows2store" "$T/watched"
block eth1 192.0.2.8 500 >"$T/later"
: >"$T/asked"
out=$(python3 - "$T" "$DNS" "$HELPERS/lib/rows2store" <<'PY'
import os, pty, select, subprocess, sys, time
folder, dns, rows2store = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp("goquery", ["goquery", "-d", folder + "/watched", "-i", "any",
                          "-f", "0", "--watch", "1", "-n", "1", "--resolve",
                          "--dns", dns, "sip"])
out, came, end = b"", False, time.monotonic() + 20
while out.count(b"192.0.2.8") < 3 and time.monotonic() < end:
    if select.select([fd], [], [], 0.1)[0]:
        out += os.read(fd, 65536)
    if not came and b"Coverage" in out:
        with open(folder + "/later") as rows:
            subprocess.run([rows2store, folder + "/watched"], stdin=rows)
        came = True
os.write(fd, b"\x03")
os.waitpid(pid, 0)
print(out.decode())
PY
)
like "$out" 'Interface:  eth0,eth1' "--watch: an interface that came meanwhile"
like "$out" ' 192\.0\.2\.8 .* 500\.00  B' "  with its rows"
is "$(sed -n '/^8\.2\.0\.192/,$p' "$T/asked" | grep -c '^1\.2\.0\.192')" 0 \
    "  names are those of the answer's addresses"
stop
wait $dnsd 2>/dev/null
run 0 "no server: an answer without names" q --resolve --dns "$DNS" -e csv -s sip sip
is "$(name 192.0.2.1)" "" "  none"
like "$err" '^goquery: note: the DNS server gave no answer' "  and why"
{
	echo "B eth0 1767225600 4 300 0 0 0 0"
	n=0
	while [ $n -lt 2500 ]; do
		n=$((n + 1))
		echo "R 10.0.$((n / 250)).$((n % 250)) 198.51.100.7 443 6 $n 1 1 1 TLS"
	done
	echo "C eth0 1767225600"
} | "$HELPERS/lib/rows2store" "$T/many"
is "$(goquery -d "$T/many" -i eth0 -f 0 --resolve --dns "$DNS" -e json sip | jq -r '.summary.notes[]' | grep -c 'only the first 2000 addresses')" \
    1 "too many addresses: that is noted"
# the server that an IPv6 router advertises is often of this link alone
cat >"$T/link.sh" <<'END'
ip link add gplink type veth peer name gppeer && ip link set lo up &&
    ip link set gplink up && ip link set gppeer up &&
    ip -6 addr add fe80::53/64 dev gplink nodad || exit 1
python3 tests/lib/dnsd.py --on fe80::53%gplink "$T/linkport" \
    192.0.2.1=link.example 2>/dev/null &
dnsd=$!
n=0
until [ -s "$T/linkport" ] || [ $((n += 1)) = 50 ]; do sleep 0.1; done
goquery -d "$S" -i eth0 -f 2026-01-01 -l 2026-01-02 -e csv --resolve \
    --dns "[fe80::53%$1]:$(cat "$T/linkport")" -c 'sip = 192.0.2.1' sip
kill $dnsd
END
link() { T=$T S=$S unshare -n sh "$T/link.sh" "$1" 2>&1; }
if unshare -n true 2>/dev/null; then
	like "$(link gplink)" '^192\.0\.2\.1,link\.example,' "a server of a link"
	like "$(link nolink)" 'DNS server: nolink: No such device' "  of none"
else
	pass "a server of a link # SKIP no namespaces here"
fi
run 1 "a server that is none" q --resolve --dns nonsense sip
like "$err" 'no DNS server' "  is named"
for server in 192.0.2.53:53x 192.0.2.53: 192.0.2.53:0 192.0.2.53:65536 \
    192.0.2.53:4294967349 '[2001:db8::53]53'; do
	run 1 "nor is $server one" q --resolve --dns "$server" sip
	like "$err" 'no DNS server' "  which is named"
done
run 2 "--dns alone" q --dns "$DNS" sip

# --- countries and systems
mmdb() { python3 tests/lib/mmdb.py "$@"; }
mmdb "$T/c.mmdb" country 192.0.2.0/30=CH 192.0.2.4/31=de 2001:db8::/48=CH \
    198.51.100.0/24=DE
mmdb "$T/a.mmdb" asn '192.0.2.0/29=64500 Example, Org' '198.51.100.0/25=64501 Other'
printf '[site]\ngeoip = %s\nasn = %s\n' "$T/c.mmdb" "$T/a.mmdb" >"$T/ini"
g() { q --config "$T/ini" "$@"; }
is "$(g --geo -e csv -s sip sip | cut -d, -f1-3 | tr '\n' ' ')" \
    "sip,sip_country,sip_asn 192.0.2.1,CH,AS64500 192.0.2.2,CH,AS64500 192.0.2.3,CH,AS64500 192.0.2.4,de,AS64500 192.0.2.5,de,AS64500 192.0.2.6,,AS64500 192.0.2.7,,AS64500 192.0.2.8,, 192.0.2.9,, 2001:db8::1,CH, " \
    "columns of country and system"
like "$(g --geo -e csv -c 'sip = 192.0.2.1' sip)" 'AS64500,"Example, Org"' "and its holder"
printf '%s\n' 'B eth0 1767225600 4 300 0 0 0 0' \
    'R 192.0.2.9 192.0.2.0 443 6 1 1 1 1 TLS' 'C eth0 1767225600' |
    "$HELPERS/lib/rows2store" "$T/base"
is "$(goquery --config "$T/ini" -d "$T/base" -i eth0 -f 0 --geo -e csv sip/24,dip/32 2>/dev/null | cut -d, -f1-6 | tr '\n' ' ')" \
    "sip,sip_country,sip_asn,sip_org,dip,dip_country 192.0.2.0/24,,,,192.0.2.0,CH " \
    "a network is not its first address"
selects() {
	is "$(g -e csv -s sip -c "$1" sip | tail -n +2 | cut -d, -f1 | tr '\n' ' ')" "$2" "$1"
}
selects 'src country CH' '192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1 '
selects 'src country = ch and ip4' '192.0.2.1 192.0.2.2 192.0.2.3 '
selects 'src country in (DE, CH) and not ip6' \
    '192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 '
selects 'not country = DE' '2001:db8::1 '
for kind in registered_country country_code; do
	mmdb "$T/$kind.mmdb" $kind 192.0.2.0/30=CH
	printf '[site]\ngeoip = %s\n' "$T/$kind.mmdb" >"$T/$kind"
	is "$(q --config "$T/$kind" --geo -e csv -c 'country = CH' sip | cut -d, -f2 | tr '\n' ' ')" \
	    "sip_country CH CH CH " "a file with $kind alone"
done
selects 'dst asn 64501 and src asn != AS64500' '192.0.2.8 192.0.2.9 '
selects 'asn=AS64500 or country=CH' \
    '192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 2001:db8::1 '
is "$(g -e csv --having 'sip != 192.0.2.0/24 or country CH' talk_conv 2>/dev/null | tail -n +2 | cut -d, -f1 | sort | tr '\n' ' ')" \
    "192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1 " "in --having"
run 2 "a country without networks" g -c 'country = XX' sip
like "$err" 'no network of XX' "  says so"
like "$err" '^ +\^' "  with a caret"
for x in 64500-64501 64500xyz 4295031796 18446744073709616116 0 AS AS-1 \
    '"64500 "' '"+64500"'; do
	run 2 "asn = $x" g -c "asn = $x" sip
	is "$out" "" "  selects nothing"
	like "$err" 'a system is one number such as AS64500' "  and says why not"
	like "$err" '^ +\^' "  with a caret"
done
run 2 "the greatest number" g -c 'asn AS4294967295' sip
like "$err" 'no network of AS4294967295' "  is one, of nobody"
selects 'dst asn as64501 and src asn 0064500 and ip4 and sip = 192.0.2.7' '192.0.2.7 '
run 2 "no file is set" q -c 'country = CH' sip
like "$err" 'no MMDB file' "  says so"
run 2 "--geo without one" q --geo sip
one_line "  --geo without one"
like "$err" 'needs an MMDB file' "  likewise"
head -c 60 "$T/c.mmdb" >"$T/cut.mmdb"
printf '[site]\ngeoip = %s\n' "$T/cut.mmdb" >"$T/bad"
run 1 "a damaged file" q --config "$T/bad" --geo sip
like "$err" 'cut\.mmdb' "  is named"

mkfifo "$T/fifo"
for key in geoip asn; do
	printf '[site]\n%s = %s\n' $key "$T/fifo" >"$T/bad"
	for asked in "--geo sip" "-c country=CH sip" "-c asn=1 sip"; do
		run 1 "$key is a pipe: $asked" timeout 10 \
		    goquery --config "$T/bad" -d "$S" -i eth0 $asked
		is "$err" "goquery: [site] $key: $T/fifo: not a regular file" \
		    "  is refused"
	done
done

# --- who does what
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
	strace -f -o "$T/trace" -e trace=socket,connect,execve \
	    goquery --config "$T/ini" -d "$S" -i eth0 -f 0 --geo --resolve --dns "$DNS" sip >/dev/null 2>&1
	main=$(head -1 "$T/trace" | cut -d' ' -f1)
	is "$(grep -c "^$main .*\(socket\|connect\)(" "$T/trace")" 0 "goquery opens no socket"
	is "$(grep -c 'socket(' "$T/trace")" 1 "goquery-resolve opens one"
fi
run 1 "the helper by itself" goquery-resolve
like "$err" 'goquery starts this' "  says what it is for"
status=$(python3 - "$T/ini" "$T/c.mmdb" <<'PY'
import subprocess, sys
p = subprocess.Popen(["goquery-resolve", "--geoip", sys.argv[2]],
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
p.stdin.write(b"?\n")
p.stdin.flush()
p.stdout.readline()
s = dict(l.rstrip("\n").split(":\t", 1)
         for l in open(f"/proc/{p.pid}/status") if ":\t" in l)
print(s["Uid"].split()[0] != "0", {s[c] for c in ("CapPrm", "CapEff", "CapInh")},
      s["NoNewPrivs"], s["Seccomp"])
p.stdin.close()
p.wait()
PY
)
[ "$(id -u)" = 0 ] && is "$status" "True {'0000000000000000'} 1 2" \
    "goquery-resolve keeps no right"
done_testing
