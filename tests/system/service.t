#!/bin/sh
# The sensor from its Debian package under a real systemd: installed, started,
# asked, reloaded, upgraded under traffic, rebooted, removed and purged.
. tests/lib/tap.sh
. tests/lib/machine.sh

MAKE=${MAKE:-make}
command -v dpkg-buildpackage >/dev/null || skip_all "needs dpkg-dev"
machine_tree

# --- the source archive and the packages
ok "make dist" $MAKE -s dist
cp build/dist/goprobe-*.tar.gz "$T/first.tar.gz"
touch README.md
ok "again" $MAKE -s dist
ok "the same bytes" cmp "$T/first.tar.gz" build/dist/goprobe-*.tar.gz
mkdir "$T/unpacked"
tar -xf "$T/first.tar.gz" -C "$T/unpacked" --strip-components=1
mkdir "$T/unpacked/.git" && : >"$T/unpacked/.git/x" # a clone where git is not there
ok "and from the archive itself" $MAKE -s -C "$T/unpacked" dist
ok "the same bytes" cmp "$T/first.tar.gz" "$T/unpacked"/build/dist/goprobe-*.tar.gz
ok "make deb" $MAKE -s deb
if command -v lintian >/dev/null; then
	ok "lintian finds no error" sh -c \
	    'lintian --allow-root --fail-on error build/deb/*.deb >"$1" 2>&1' sh "$T/lintian"
	diag <"$T/lintian"
else
	pass "# SKIP lintian is not there"
fi
deb() { ls build/deb/"$1"_[0-9]*.deb; }
is "$(dpkg-deb -f "$(deb goquery)" Depends | grep -c -E 'curl|pcap')" 0 \
    "goquery needs neither curl nor pcap"
is "$(dpkg-deb --ctrl-tarfile "$(deb goprobe)" | tar -t | grep -c conffiles)" 0 "no conffile, so never a question about one"
mkdir "$ROOT/srv/deb"
cp build/deb/*.deb "$ROOT/srv/deb/"
# the version before, whose programs know frames 1.0 alone
built=$(dirname "${TESTS_DIR:-build/gcc/tests}")
rm -rf build/before && mkdir build/before
cp -a "$built/capture" "$built/writer" "$built/common" "$built"/*.a build/before/
rm -f build/before/common/ipc/* build/before/capture/main.o build/before/libgpipc.a
before="build/before/bin/goprobe-capture build/before/bin/goprobe-writer"
ok "the version before" $MAKE -s $before O=build/before CPPFLAGS=-DFRAME_MINOR=0
dpkg-deb -R "$(deb goprobe)" "$T/before"
cp $before "$T/before/usr/sbin/"
rm -rf build/before
sed -i 's/^Version: .*/Version: 0.0-1/' "$T/before/DEBIAN/control"
dpkg-deb --root-owner-group -b "$T/before" "$ROOT/srv/goprobe_0.deb" >"$T/before.out"
this=/srv/deb/$(basename "$(deb goprobe)")

ok "boot" machine_boot || done_testing
machine_link vb va
machine_link vc vd
ini=$ROOT/etc/goprobe/goprobe.ini
unit() { machine systemctl show -P "$2" "$1"; }
active() { [ "$(unit "$1" ActiveState)" = active ]; }
capturing() { [ "$(unit "goprobe-capture@$1" StatusText)" = capturing ]; }
errors() {
	machine journalctl -b -q -p err -u 'goprobe*' --no-pager -o cat |
	    grep -v -e '^Reload failed' -e "goprobe.ini:[0-9]*: key 'snaplen'"
}

# --- installed
run 0 "dpkg -i" machine sh -c 'dpkg -i /srv/deb/goprobe_*.deb /srv/deb/goquery_*.deb'
is "$(machine pgrep -c goprobe)" 0 "nothing was started"
run 1 "nor will it be" machine systemctl is-enabled goprobe.target
ok "no configuration was made" test ! -e "$ini"
is "$(stat -c '%a %u %g' "$ROOT/etc/goprobe")" "755 0 0" "its folder was"
run 0 "users" machine id goprobe-capture
is "$(machine id -gn goprobe)" goprobe-read "goprobe is in group goprobe-read"

# --- started
printf '[capture]\nsnapshot_interval = 1\nl7_wait = 2\n[interface vb]\n' >"$ini"
run 0 "goprobe -t" machine goprobe -t
run 0 "enable --now" machine systemctl enable --now goprobe.target
ok "captures" wait_for 10 capturing vb
for program in goprobe-capture goprobe-writer; do
	pid=$(machine pgrep -x "$program")
	status() { machine awk -v k="$1:" '$1 == k { $1 = ""; print substr($0, 2) }' "/proc/$pid/status"; }
	user=goprobe
	[ $program = goprobe-capture ] && user=goprobe-capture
	u=$(machine id -u $user)
	is "$(status Uid)" "$u $u $u $u" "$program: user $user"
	like "$(status Groups)" "^($(machine id -g $user))?\$" "$program: no further group"
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		is "$(status $set)" 0000000000000000 "$program: $set empty"
	done
	is "$(status Seccomp) $(status NoNewPrivs)" "2 1" "$program: seccomp, no new privileges"
done
is "$(machine stat -c '%a %U %G' /var/lib/goprobe)" "750 goprobe goprobe-read" "the store"
is "$(machine stat -c '%a %U %G' /run/goprobe)" "755 root root" "the socket's folder"
is "$(machine stat -c '%a %U %G' /run/goprobe/writer.sock)" "600 root root" "the socket"
is "$(machine stat -c '%a %U %G' /run/goprobe-writer)" "750 goprobe goprobe-read" "the status"

# --- asked: analyst, stranger
in_peer python3 tests/lib/numbered.py va 10.99.1 3000 3000 >"$T/sent"
machine useradd -G goprobe-read analyst
machine useradd stranger
as() {
	who=$1
	shift
	machine setpriv --reuid="$who" --regid="$who" --init-groups -- "$@"
}
sum() { # USER IFACE NET: packets
	as "$1" goquery -i "$2" -f -1d -e csv -c "net $3" proto 2>"$T/sum.err" |
	    awk -F, 'NR > 1 { s += $4 } END { printf "%d", s }'
}
has() { [ "$(sum analyst "$@")" = "$want" ]; }
want=3000
ok "an analyst sees 3000 packets within 10 s" wait_for 10 has vb 10.99.1.0/24
run 0 "and the status" as analyst goquery --status
like "$out" '^ +vb +capturing ' "that says so"
run 1 "the analyst cannot write the store" as analyst touch /var/lib/goprobe/x
held=$(cd "$ROOT" && find var/lib/goprobe/vb -type f | head -1)
run 2 "nor what is in it" as analyst sh -c ": >>/$held"
like "$err" 'Permission denied' "which it may read"
run 1 "nor remove it" as analyst rm -rf /var/lib/goprobe/vb
run 1 "nor the status" as analyst touch /run/goprobe-writer/x
connect='import socket,sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
try:
    s.connect(sys.argv[1])
except PermissionError:
    sys.exit(77)'
machine_root=/proc/$leader/root # its files, for programs that it has not
for who in analyst stranger; do
	uid=$(machine id -u $who)
	run 77 "$who: cannot connect to the writer" setpriv --reuid="$uid" \
	    --regid="$uid" --clear-groups /usr/bin/python3 -c "$connect" \
	    "$machine_root/run/goprobe/writer.sock"
	run 77 "$who: cannot start a capture" as $who goprobe-capture vb
	run 77 "$who: nor the sensor" as $who goprobe vb
	run 1 "$who: cannot signal it" as $who sh -c 'kill -9 $(pgrep -x goprobe-writer)'
done
run 1 "a stranger is told nothing" as stranger goquery -i vb raw
like "$err" 'goprobe-read' "but whom to ask"
is "$out" "" "no row"
run 1 "nor the status" as stranger goquery --status
run 2 "the store cannot be listed" as stranger ls /var/lib/goprobe

# --- reload
pid() { unit "goprobe-$1" MainPID; }
vb0=$(pid capture@vb) writer0=$(pid writer)
nsenter --net="/run/netns/$PEER" python3 tests/lib/numbered.py va 10.99.2 100000 2000 \
    "$T/log" >"$T/sent" &
sender=$!
sleep 0.5
printf '[interface vc]\n[interface vz]\n[interface $PATH]\n' >>"$ini"
run 0 "reload with more interfaces" machine systemctl reload goprobe.target
ok "vc is captured" wait_for 5 capturing vc
ok "vz is not there" wait_for 5 sh -c "nsenter --target $leader --mount --pid --root -- systemctl show -P StatusText goprobe-capture@vz | grep -q '^waiting: interface vz is not there'"
is "$(unit 'goprobe-capture@\x24PATH' StatusText)" 'waiting: interface $PATH is not there' \
    "an interface by the name of a variable is not there either"
said() { machine journalctl -b -q --no-pager -o cat -u 'goprobe-capture@*' -p "$1"; }
like "$(said warning)" 'waiting: the interface is not there iface=vz' "the journal has it as a warning"
is "$(said warning | grep -c 'capturing iface')" 0 "which going about its business is not"
like "$(said info)" 'capturing iface=vb ' "but information"
absent() { as analyst goquery --status | grep -q '^Attention: vz: no capture has come'; }
ok "the status says so" wait_for 10 absent
vc0=$(pid capture@vc)
nsenter --net="/run/netns/$PEER" python3 tests/lib/numbered.py vd 10.99.5 100000 2000 \
    "$T/vc.log" >"$T/vc.sent" &
vc_sender=$!
sleep 0.5
sed -i 's/^\[interface vc\]/&\nsnaplen = 256/' "$ini"
run 0 "reload with other settings of vc" machine systemctl reload goprobe.target
ok "vc was started again" test "$(pid capture@vc)" != "$vc0"
sleep 0.5
kill "$vc_sender"
wait "$vc_sender"
ip link add vy netns "$PEER" type veth peer name vz netns "$leader"
in_peer ip link set vy up
ok "vz appears, down" wait_for 5 sh -c "nsenter --target $leader --mount --pid --root -- systemctl show -P StatusText goprobe-capture@vz | grep -q 'vz is down'"
machine ip link set vz up
ok "up: it is captured" wait_for 5 capturing vz
from() { [ "$(unit goprobe-writer StatusText)" = "storing from $1 rings" ]; }
ok "the writer says so, too" wait_for 5 from 3
vc0=$(pid capture@vc)
in_peer ip link del vy
gone() { unit goprobe-capture@vz StatusText | grep -q 'not there'; }
ok "it is deleted: waited for again" wait_for 10 gone
sed -i '/vz/d; /PATH/d' "$ini"
run 0 "reload without vz" machine systemctl reload goprobe.target
ok "it has ended" test "$(unit goprobe-capture@vz ActiveState)" = inactive
echo 'snaplen = 1' >>"$ini"
run 1 "reload of a broken file fails" machine systemctl reload goprobe-apply
like "$(machine journalctl -q -p err --no-pager -o cat -u goprobe-apply)" \
    "goprobe.ini:[0-9]+: key 'snaplen' stands here a second time$" "the journal says where"
is "$(pid capture@vc)" "$vc0" "and nothing has changed"
ok "daemon-reload with it" machine systemctl daemon-reload
is "$(pid capture@vc)" "$vc0" "changes nothing either"
sed -i '$d' "$ini"
run 0 "reload of the mended one" machine systemctl reload goprobe.target
is "$(pid capture@vb)" "$vb0" "vb was never touched"
kill "$sender"
wait "$sender"
want=$(cat "$T/sent")
ok "of its $want packets none is missing" wait_for 10 has vb 10.99.2.0/24

# --- the exporter: there when its package is and the configuration names a server
printf '[site]\nname = test\n[export]\nurl = http://127.0.0.1:1\nuser = u\npassword_file = /etc/goprobe/password\n' >>"$ini"
(umask 077; echo secret >"${ini%/*}/password") # root alone may read it
run 0 "reload with an export" machine systemctl reload goprobe-apply
is "$(unit goprobe-export LoadState)" not-found "has no effect without its package"
run 0 "dpkg -i goprobe-export" machine sh -c 'dpkg -i /srv/deb/goprobe-export_*.deb'
is "$(machine pgrep -c -x goprobe-export)" 0 "nothing was started"
run 0 "reload" machine systemctl reload goprobe-apply
ok "it runs" wait_for 10 active goprobe-export
is "$(machine stat -c %U "/proc/$(machine pgrep -x goprobe-export)")" goprobe-export "as its own user"
ok "and publishes its status" wait_for 10 machine test -s /run/goprobe-export/status
sed -i '/^\[site\]/,$d' "$ini"
run 0 "reload without" machine systemctl reload goprobe-apply
is "$(unit goprobe-export ActiveState)" inactive "it has ended"
rm "$ROOT/etc/goprobe/password" # the site's, so no purge would take it

# --- downgrade and upgrade under traffic
nsenter --net="/run/netns/$PEER" python3 tests/lib/numbered.py va 10.99.3 100000 2000 \
    "$T/log" >"$T/sent" &
sender=$!
sleep 1.5
vb0=$(pid capture@vb) writer0=$(pid writer)
run 0 "downgrade" machine dpkg -i /srv/goprobe_0.deb
like "$(machine dpkg-query -W goprobe)" '\s0\.0-1' "to the version before"
ok "the writer is another" test "$(pid writer)" != "$writer0"
ok "the capture is another" test "$(pid capture@vb)" != "$vb0"
sleep 1
vb0=$(pid capture@vb) writer0=$(pid writer)
run 0 "unpack the new version" machine dpkg --unpack "$this"
is "$(pid capture@vb) $(pid writer)" "$vb0 $writer0" "nothing is interrupted"
run 0 "the new writer" machine systemctl restart goprobe-writer
sleep 1
had=$(sum analyst vb 10.99.3.0/24)
more() { [ "$(sum analyst vb 10.99.3.0/24)" -gt $((had + 2000)) ]; }
ok "takes the frames of the capture before" wait_for 10 more
is "$(pid capture@vb)" "$vb0" "which runs on"
writer0=$(pid writer)
run 0 "configure: upgrade" machine dpkg --configure goprobe
ok "the writer is new" test "$(pid writer)" != "$writer0"
ok "the capture is new" test "$(pid capture@vb)" != "$vb0"
is "$(cat "$ini" | grep -c snapshot_interval)" 1 "the configuration is as it was"
sleep 1.5
kill "$sender"
wait "$sender"
sent=$(cat "$T/sent")
is "$(machine journalctl -b -q --no-pager -o cat -u 'goprobe*' | grep -cE 'refused|session ended')" 0 \
    "nobody was refused"

# --- stop: everything is stored
run 0 "stop" machine systemctl stop goprobe.target
stopped() { [ "$(machine pgrep -c goprobe)" = 0 ]; }
ok "nothing runs" wait_for 20 stopped
as analyst goquery -i vb -f -1d -e csv -n all -c 'net 10.99.3.0/24' dip,dport >"$T/answer.csv" 2>"$T/answer.err"
ok "a downgrade and an upgrade: no gap, each packet once" \
    python3 tests/lib/gaps.py "$ROOT/var/lib/goprobe" vb "$T/log" "$T/answer.csv" 0
diag <"$T/ok.out"
as analyst goquery -i vc -f -1d -e csv -n all -c 'net 10.99.5.0/24' dip,dport >"$T/answer.csv" 2>"$T/answer.err"
ok "nor had the reload, which had vc started again" \
    python3 tests/lib/gaps.py "$ROOT/var/lib/goprobe" vc "$T/vc.log" "$T/answer.csv" 0
diag <"$T/ok.out"
took=$(machine journalctl -b -q --no-pager -o cat -u goprobe-writer | grep -c 'capture takes over')
ok "$took times a capture took over from another" test "$took" -ge 10
is "$(machine systemctl list-units --plain --no-legend --all 'goprobe-standin@*' | wc -l | tr -d ' ')" 0 \
    "no stand-in is left"
is "$(find "$ROOT/var/lib/goprobe/vb/journal" -type f | wc -l | tr -d ' ')" 0 "no journal is left"
is "$(errors)" "" "the journal has no error"

# --- a machine that starts
machine_off
ok "boot" machine_boot
machine_link vb va
ok "it captures by itself" wait_for 10 capturing vb
in_peer python3 tests/lib/numbered.py va 10.99.4 1000 5000 >"$T/sent"
want=1000
ok "and stores" wait_for 10 has vb 10.99.4.0/24
run 0 "shut down" machine_off
printf '[interface vb]\nsnaplen = 1\n' >"$T/broken"
cp "$ini" "$T/good.ini" && cp "$T/broken" "$ini"
ok "boot with a broken configuration" machine_boot
is "$(machine systemctl list-units --plain --no-legend --all 'goprobe-capture@*' | wc -l | tr -d ' ')" 0 \
    "no capture"
ok "the machine is up nevertheless" active multi-user.target
like "$(machine journalctl -b -q -p warning --no-pager -o cat -u goprobe-writer)" \
    'goprobe.ini:2: snaplen' "the journal says why, as an error"
cp "$T/good.ini" "$ini"
machine_link vb va
run 0 "mended: reload" machine systemctl reload goprobe.target
ok "captures" wait_for 10 capturing vb
ok "vc is waited for" active goprobe-capture@vc
# slow ones, so that what is to wait for them does
for unit in socket service; do
	machine sh -c "mkdir -p /run/systemd/system/goprobe-writer.$unit.d &&
	    printf '[$(echo $unit | sed 's/^s/S/')]\nExecStartPre=/bin/sleep 1\n' >/run/systemd/system/goprobe-writer.$unit.d/slow.conf"
done
run 0 "a slow writer" machine systemctl daemon-reload
cp "$T/broken" "$ini"
machine sh -c 'kill -9 $(pgrep -x goprobe-capture)'
bad() { machine journalctl -b -q -p warning --no-pager -o cat -u 'goprobe-capture@*' | grep -q 'goprobe.ini:2: snaplen'; }
ok "a capture that it stops says why, too" wait_for 10 bad
sed '/^\[interface vc\]/,$d' "$T/good.ini" >"$ini"
run 0 "mended without vc: restart" machine systemctl restart goprobe.target
ok "captures" wait_for 10 capturing vb
is "$(pid capture@vc)" 0 "vc, which was generated before, is not"
run 0 "stop" machine systemctl stop goprobe.target
ok "nothing runs" wait_for 20 stopped
machine rm -r /run/goprobe
run 0 "start where there is no /run/goprobe yet" machine systemctl start goprobe.target
ok "captures" wait_for 10 capturing vb
ok "it is known what was applied" wait_for 5 machine test -s /run/goprobe/applied.ini
machine rm -r /run/systemd/system/goprobe-writer.socket.d /run/systemd/system/goprobe-writer.service.d

# --- a process that does not answer; the times are short here
for unit in capture@ writer; do
	machine sh -c "mkdir -p /run/systemd/system/goprobe-$unit.service.d &&
	    printf '[Service]\nWatchdogSec=2s\n' >/run/systemd/system/goprobe-$unit.service.d/short.conf"
done
run 0 "shorter watchdogs" machine systemctl daemon-reload
run 0 "restart" machine systemctl restart goprobe.target
ok "captures" wait_for 10 capturing vb
sleep 3
is "$(unit goprobe-writer NRestarts) $(unit goprobe-capture@vb NRestarts)" "0 0" "they are fed in time"
for unit in writer capture@vb; do
	hung=$(pid $unit)
	machine kill -STOP "$hung"
	anew() { now=$(pid $unit) && [ "$now" != 0 ] && [ "$now" != "$hung" ] && active goprobe-$unit; }
	ok "$unit hangs: it is ended and started again" wait_for 20 anew
	like "$(machine journalctl -b -q --no-pager -o cat -u goprobe-$unit | grep -i watchdog | head -1)" \
	    'Watchdog timeout' "by its watchdog"
done
ok "captures" wait_for 10 capturing vb
is "$(machine journalctl --no-pager | grep -ciE 'ignoring|unknown lvalue|failed to parse')" 0 \
    "nothing in any journal is ignored"

# --- removed, purged
run 0 "purge goprobe-export" machine dpkg -P goprobe-export
is "$(unit goprobe-export LoadState)" not-found "its unit is forgotten"
is "$(machine find /run /var/lib -maxdepth 1 -name 'goprobe-export*')" "" "its state has gone"
run 0 "remove" machine dpkg -r goprobe
is "$(machine pgrep -c goprobe)" 0 "it has stopped"
ok "the configuration is left" test -s "$ini"
ok "so is the store" test -d "$ROOT/var/lib/goprobe/vb"
is "$(find "$ROOT/etc/systemd" -name 'goprobe*')" "" "nothing is enabled"
want=1000
ok "which goquery still reads" has vb 10.99.4.0/24
run 0 "purge" machine dpkg -P goprobe
ok "the configuration is gone" test ! -e "$ROOT/etc/goprobe"
ok "the store is not" test -d "$ROOT/var/lib/goprobe/vb"
like "$out" 'store /var/lib/goprobe is left' "and that was said"
run 0 "install again" machine dpkg -i "$this"
is "$(machine pgrep -c goprobe)" 0 "nothing was started"
done_testing
