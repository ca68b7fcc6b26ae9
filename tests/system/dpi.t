#!/bin/sh
# Layer 7 as it is used: names in the store, switches, conditions; live: what
# --status says of it, and what becomes of a capture that dies again and again.
. tests/lib/tap.sh

python3 tests/lib/apps.py "$T/apps.pcap"
goprobe -d "$T/s" -i eth0 -r "$T/apps.pcap" 2>"$T/err" || diag <"$T/err"
ask() { goquery -d "${STORE:-$T/s}" -i eth0 -f 0 -e csv "$@" 2>"$T/ask.err" | tail -n +2; }
names() { ask "$@" l7proto | cut -d, -f1 | sort | tr '\n' ' '; }
[ "$(names)" != "Unknown " ] || skip_all "built without layer 7"

# --- names
is "$(names)" "ICMP IPsec NTP SSH? TLS TLS.Google " "names of flows"
is "$(ask -c 'sip = 10.0.0.1' time,l7proto,dport | cut -d, -f1-5 | sort)" \
    "1768435200,TLS.Google,443,1,2
1768435500,TLS.Google,443,3,4" "a flow over the end of a block has one name, and its packets where they came"
is "$(ask -c 'sip = 10.0.0.5' time,l7proto | cut -d, -f1-5)" \
    "1768435200,NTP,0,1,1
1768438800,NTP,0,1,1" "an hour later it is what it was"
is "$(ask apps_l7 | cut -d, -f1,2 | sort | tr '\n' ' ')" \
    "ICMP,Network IPsec,VPN NTP,System SSH?,RemoteAccess TLS,Web TLS.Google,Web " "apps_l7 prints the category"
is "$(ask apps_dpi)" "$(ask apps_l7)" "apps_dpi is the same"
like "$(goquery -d "$T/s" -i eth0 -f 0 apps_l7)" '^ +l7proto +category +packets ' "in text, too"

# --- conditions
is "$(names -c 'l7proto = TLS')" "TLS TLS.Google " "a master protocol has its services"
is "$(names -c 'l7proto = google')" "TLS.Google " "a service, in any case"
is "$(names -c 'l7proto = tls.google')" "TLS.Google " "both"
is "$(names -c 'app = SSL and not app = Google')" "TLS " "by another name of it"
is "$(names -c 'l7proto = SSH')" "SSH? " "guesses, too"
is "$(names -c 'l7proto = SSH?')" "SSH? " "guesses alone"
is "$(names -c 'l7proto = TLS?')" "" "no guesses"
is "$(names -c 'category = web')" "TLS TLS.Google " "category"
is "$(names -c 'category != Web and category in (vpn, network)')" "ICMP IPsec " "categories"
ask -c 'l7proto = googel' l7proto >/dev/null
like "$(cat "$T/ask.err")" "googel.*Google" "a name that is none: what there is"
ask -c 'category = wep' l7proto >/dev/null
like "$(cat "$T/ask.err")" "wep.*Web" "a category that is none"

# --- switches
STORE=$T/off
goprobe -d "$T/off" -i eth0 --l7 off -r "$T/apps.pcap" 2>/dev/null
is "$(names)" "Unknown " "--l7 off"
is "$(ask sip,dip,dport | wc -l)" "$(STORE=$T/s ask sip,dip,dport | wc -l)" "the same rows"
printf '[capture]\nl7 = off\n' >"$T/off.ini"
STORE=$T/ini
goprobe -c "$T/off.ini" -d "$T/ini" -i eth0 -r "$T/apps.pcap" 2>/dev/null
is "$(names)" "Unknown " "l7 = off"
printf '[capture]\nl7 = off\n[interface eth0]\nl7 = ndpi\n' >"$T/on.ini"
STORE=$T/on
goprobe -c "$T/on.ini" -d "$T/on" -i eth0 -r "$T/apps.pcap" 2>/dev/null
is "$(names)" "ICMP IPsec NTP SSH? TLS TLS.Google " "l7 = ndpi for one interface"
STORE=$T/back
goprobe -c "$T/off.ini" -d "$T/back" -i eth0 --l7 ndpi -r "$T/apps.pcap" 2>/dev/null
is "$(names)" "ICMP IPsec NTP SSH? TLS TLS.Google " "--l7 ndpi for one run"
run 2 "--l7 of something else" goprobe -d "$T/x" -i eth0 --l7 snort -r "$T/apps.pcap"
unset STORE
is "$(cut -f2 "$T/s/goDB-l7proto.names" | sort | tr '\n' ' ')" \
    "ICMP IPsec NTP SSH? TLS TLS.Google " "the store keeps names"

# --- live
[ "$(id -u)" = 0 ] || { done_testing; }
getent passwd goprobe-capture >/dev/null || { done_testing; }
. tests/lib/veth.sh
veth_pair || done_testing
cleanup() {
	[ -n "${server:-}" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
	[ -n "${launcher:-}" ] && kill "$launcher" 2>/dev/null && wait "$launcher"
}
at_exit cleanup
printf '[capture]\nsnapshot_interval = 1\nbuffer_mb = 2\nl7_wait = 2\n' >"$T/live.ini"
start() { # INI
	: >"$T/sensor.err"
	nsenter --net=/run/netns/$B "$BIN/goprobe" -c "$1" -d "$T/live" vb 2>"$T/sensor.err" &
	launcher=$!
	wait_for 20 grep -q 'capturing on' "$T/sensor.err"
}
stop() {
	kill -TERM "$launcher"
	wait "$launcher"
	status=$?
	launcher=
}
st() { goquery -d "$T/live" --status "$@"; }
iface() { st -e json | jq -r ".interfaces[] | select(.iface == \"vb\") | $1"; }
mkdir "$T/www"
echo hello >"$T/www/x"
nsenter --net=/run/netns/$B python3 -m http.server -d "$T/www" -b 10.99.0.2 8088 >/dev/null 2>&1 &
server=$!
fetch() {
	in_net $A python3 -c 'import urllib.request as u; u.urlopen("http://10.99.0.2:8088/x").read()'
}
ok "sensor" start "$T/live.ini"
ok "a page" wait_for 10 fetch
live() { goquery -d "$T/live" -i vb -f -1h -e csv -c "dport = 8088" l7proto | cut -d, -f1 | tail -n +2; }
named() { [ "$(live | grep -c '^HTTP$')" = 1 ]; }
ok "is HTTP, on whatever port, in the live view" wait_for 15 named
on() { [ "$(iface .l7)" = on ]; }
ok "--status: layer 7 is on" wait_for 10 on
is "$(iface .l7_cut)" false "and sees all of the payload"
like "$(st)" ' layer 7 ' "a column of its own"

# --- three deaths in ten minutes
child() { pgrep -P "$launcher" -f "^goprobe-capture"; }
for n in 1 2 3; do
	before=$(child)
	kill -SEGV "$before"
	anew() { new=$(child) && [ "$new" != "$before" ] && [ "$(iface .sessions)" = $((n + 1)) ]; }
	ok "death $n: started again" wait_for 20 anew
done
failed() { [ "$(iface .l7)" = failed ]; }
ok "then without layer 7" wait_for 20 failed
like "$(cat "$T/sensor.err")" 'layer 7 is off: capture died 3 times in ten minutes iface=vb' "which is logged"
run 3 "--status asks for attention" st
like "$out" '^Attention: vb: layer 7 is off: capture died three times' "and says why"
before=$(iface .in_rows)
in_net $A ping -q -n -c 5 -i 0.01 10.99.0.2 >/dev/null
counts() { [ "$(iface .in_rows)" -gt "$before" ]; }
ok "it goes on counting" wait_for 10 counts
stop
is "$status" 0 "and stops in order"

# --- off, and payload that is cut
sed 's/l7_wait.*/l7 = off/' "$T/live.ini" >"$T/liveoff.ini"
ok "sensor with l7 = off" start "$T/liveoff.ini"
off() { in_net $A ping -q -n -c 1 10.99.0.2; [ "$(iface .l7)" = off ]; }
ok "--status: layer 7 is off" wait_for 10 off
run 0 "which is nothing to worry about" st
stop
echo 'snaplen = 128' >>"$T/live.ini"
ok "sensor with snaplen = 128" start "$T/live.ini"
cut() { fetch; [ "$(iface .l7_cut)" = true ]; }
ok "--status: payload is cut" wait_for 15 cut
like "$(st)" ' on, cut ' "in text, too"
stop
done_testing
