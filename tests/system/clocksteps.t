#!/bin/sh
# The wall clock steps back and forward under the running sensor: no row is
# lost, each is in the block that the clock said.
. tests/lib/tap.sh

[ "$(id -u)" = 0 ] || skip_all "needs root"
getent passwd goprobe-capture >/dev/null || skip_all "users are missing: make users"
command -v gcc >/dev/null || skip_all "needs gcc"
NS=gpc$$
ip netns add $NS 2>/dev/null || skip_all "needs network namespaces"
cleanup() { ip netns del $NS; }
at_exit cleanup
in_net() { nsenter --net=/run/netns/$NS "$@"; }
in_net sysctl -qw net.ipv6.conf.all.disable_ipv6=1
in_net ip link add va type veth peer name vb
for dev in va vb; do in_net ip link set $dev arp off up; done
gcc -shared -fPIC -O2 -o "$T/wallclock.so" tests/lib/wallclock.c || skip_all "gcc fails"
mkdir "$T/s"
chown goprobe:goprobe-read "$T/s"
timeout 60 python3 tests/lib/stepped.py "$BIN" "$T/wallclock.so" "$T/s" $NS >"$T/out" 2>"$T/err"
diag <"$T/err"
is "$(grep -c '^status 0$' "$T/out")" 2 "capture and writer end with 0"
grep -v status "$T/out" | sort >"$T/blocks"
is "$(wc -l <"$T/blocks" | tr -d ' ')" 3 "three hundreds"
goquery -d "$T/s" -i vb -f 0 -l 4000000000 -e csv time 2>/dev/null | tail -n +2 >"$T/rows"
is "$(cut -d, -f1,2 "$T/rows" | sort)" "$(sed 's/$/,100/' "$T/blocks")" \
    "each in its block, none lost, none twice"
ok "nothing was refused" sh -c '! grep -q "session ended" "$1"' sh "$T/err"

# --- a day forward by mistake: blocks to come are finished when they are over
mv "$T/s" "$T/first"
mkdir "$T/s"
chown goprobe:goprobe-read "$T/s"
rm "$T/w.sock"
timeout 60 python3 tests/lib/stepped.py "$BIN" "$T/wallclock.so" "$T/s" $NS back >"$T/out" 2>"$T/err"
diag <"$T/err"
is "$(grep -c '^status 0$' "$T/out")" 2 "capture and writer end with 0"
is "$(goquery -d "$T/s" -i vb -f 0 -l 4000000000 -e csv proto 2>/dev/null | tail -1 | cut -d, -f1,2)" \
    "UDP,1100" "none lost, none twice"
# of the first one what came before the step, and between the steps, is apart
records=$(goquery -d "$T/s" -i vb --check | sed 's/.* days, \([0-9]*\) blocks.*/\1/')
ok "three blocks, $records records: not one for each look at names" test "$records" -le 6
done_testing
