#!/bin/sh
# Files, sockets and configuration against those who may and who may not:
# an analyst reads and cannot write, a stranger gets nothing, planted links and
# other people's configuration are refused.
. tests/lib/tap.sh

PCAP=tests/data/office.pcap
chmod 755 "$T"

# --- anybody's own runs: what weakens a sandbox
printf '[writer]\nsandbox = off\n' >"$T/weak.ini"
chmod 644 "$T/weak.ini"
run 2 "live: --sandbox is refused" goprobe --sandbox=seccomp lo
like "$err" 'configuration alone' "and says why"
run 2 "--sandbox=off is refused" goprobe --sandbox=off -d "$T/o" -i x -r $PCAP
one_line "off"
run 2 "goquery --sandbox=off, too" goquery --sandbox=off -i x raw
run 0 "--sandbox=seccomp is its user's to choose" \
    goprobe --sandbox=seccomp -d "$T/seccomp" -i x -r $PCAP
like "$err" 'sandbox weakened: seccomp only' "and is said"
if [ "$(id -u)" != 0 ]; then
	run 2 "a configuration that is not root's weakens nothing" \
	    goprobe -c "$T/weak.ini" -d "$T/o" -i x -r $PCAP
	diag <<-EOT
	not root: the rest needs it
	EOT
	done_testing
fi
run 0 "root's configuration does" goprobe -c "$T/weak.ini" -d "$T/weak" -i x -r $PCAP
like "$err" 'sandbox weakened: off' "and is said"
for how in 'chown 65534' 'chmod 666' 'chmod 664'; do
	cp "$T/weak.ini" "$T/bad.ini"
	$how "$T/bad.ini"
	run 2 "weaker by a file after $how: refused" \
	    goprobe -c "$T/bad.ini" -d "$T/o" -i x -r $PCAP
	like "$err" 'belongs to root' "and says why"
	run 2 "live with such a file: refused" goprobe -c "$T/bad.ini" lo
	like "$err" 'must belong to root' "and says why"
	run 2 "capture itself: refused" goprobe-capture -c "$T/bad.ini" lo
	for program in goprobe goprobe-capture goprobe-writer; do
		run 2 "$program -t: refused" $program -c "$T/bad.ini" -t
		like "$err" 'must belong to root' "and says why"
	done
done
ln -s bad.ini "$T/link.ini"
run 2 "behind a link likewise" goprobe -c "$T/link.ini" lo
ok "nothing was stored" test ! -e "$T/o"

# --- links planted in a store
mkdir "$T/target"
chmod 777 "$T/target"
plant() { # WHAT PATH
	rm -rf "$T/p"
	goprobe -d "$T/p" -i x -r tests/data/office.pcap 2>/dev/null
	at=$(cd "$T/p" && ls -d $2 | head -1)
	rm -rf "$T/p/$at"
	ln -s "$T/target/prey" "$T/p/$at"
	# a store that cannot be written may become so again: the writer waits
	goprobe -d "$T/p" -i x --append -r $PCAP >/dev/null 2>"$T/run.err" &
	planted=$!
	heard() { [ -s "$T/run.err" ] || ! kill -0 $planted; }
	wait_for 20 heard
	sleep 1
	kill -KILL $planted 2>/dev/null
	wait $planted 2>/dev/null
	status=$?
	ok "$1: a link is not written through" test ! -e "$T/target/prey"
	ok "$1: and that is an error" test $status != 0 -a -s "$T/run.err"
}
plant "the interface's folder" x
plant "a day" 'x/2*'
plant "an index" 'x/2*/blocks.idx'
plant "a column" 'x/2*/sip.gpf'
plant "the lock" goDB-writer.lock
plant "the names" goDB-l7proto.names
rm -rf "$T/p"
goprobe -d "$T/p" -i x -r $PCAP 2>/dev/null
chmod -R a+rX "$T/p"
index=$(ls "$T"/p/x/2*/blocks.idx | head -1)
mv "$index" "$T/target/prey" && chmod 644 "$T/target/prey"
ln -s "$T/target/prey" "$index"
run 3 "goquery follows none" goquery -d "$T/p" -i x -f 2000-01-01 -e csv raw
rm -f "$T/target/prey"
mkdir "$T/sticky"
chmod 1777 "$T/sticky"
mkdir "$T/empty"
setpriv --reuid=65534 --regid=65534 --clear-groups ln -s "$T/empty" "$T/sticky/store"
run 1 "a store that is a stranger's link" goprobe -d "$T/sticky/store" -i x -r $PCAP
is "$(stat -c %u "$T/empty")" 0 "what it points to is still root's"
like "$err" "a symbolic link of user 65534's" "which is said"
run 1 "a store behind a stranger's link" goprobe -d "$T/sticky/store/new" -i x -r $PCAP
like "$err" "a symbolic link of user 65534's" "which is said"
is "$(ls "$T/empty")" "" "what it points to is still empty"
ln -s "$T/empty" "$T/sticky/of-root"
run 1 "behind one of root's that others can put there" \
    goprobe -d "$T/sticky/of-root/new" -i x -r $PCAP
like "$err" "not root alone can write" "which is said"
is "$(ls "$T/empty")" "" "and nothing is made there"
mkdir "$T/own" "$T/own/real"
ln -s real "$T/own/link"
ln -s "$T/own/link" "$T/absolute"
run 0 "behind root's own" goprobe -d "$T/absolute/.//new/" -i x -r $PCAP
ok "is made" test -d "$T/own/real/new/x"
ln -s loop "$T/loop"
run 1 "a loop of links" goprobe -d "$T/loop/new" -i x -r $PCAP
one_line "a loop"
mkdir "$T/roots"
: >"$T/roots/something"
run 1 "a folder of root's with something in it" goprobe -d "$T/roots" -i x -r $PCAP
like "$err" 'belongs to root; a store belongs to the user that writes it' "is none, and that is said"
is "$(stat -c %u "$T/roots")" 0 "and it stays root's"

# --- who reads a file is not who writes the store
if getent passwd goprobe-capture >/dev/null; then
	mkfifo "$T/fifo"
	"$BIN/goprobe" -d "$T/reads" -i x -r - <"$T/fifo" >/dev/null 2>&1 &
	reads=$!
	exec 8>"$T/fifo"
	reader() { pgrep -P $reads -f '^goprobe-capture' >"$T/reader"; }
	wait_for 20 reader
	is "$(awk '/^Uid:/ { print $2, $3, $4 }' "/proc/$(cat "$T/reader")/status")" \
	    "$(id -u goprobe-capture | sed 's/.*/& & &/')" "files are read by a user of its own"
	exec 8>&-
	wait $reads
else
	pass "who reads # SKIP users are missing: make users"
fi

# --- a writer that would hand its successor other things under good names
mkdir -p "$T/bin"
cp "$BIN/goprobe" "$BIN/goprobe-capture" "$T/bin/"
cat >"$T/bin/goprobe-writer" <<'EOT'
#!/usr/bin/env python3
import array, os, socket, sys
where = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
with open(where + "/target/names", "a") as f:
    f.write(os.environ["LISTEN_FDNAMES"] + "\n")
names = os.environ["LISTEN_FDNAMES"].split(":")
s = socket.socket(fileno=3 + names.index("notify"))
def store(name):
    s.sendmsg([b"FDSTORE=1\nFDPOLL=0\nFDNAME=" + name],
              [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])
if sum(1 for _ in open(where + "/target/names")) == 1:
    for name in (b"store", b"alive", b"notify", b"x:store", b"", b"r.x.1"):
        store(name)
    s.send(b"READY=1")
    os._exit(1)
os._exit(0)
EOT
chmod 755 "$T/bin/goprobe-writer"
timeout 20 "$T/bin/goprobe" -d "$T/names-store" -i x -r $PCAP >/dev/null 2>"$T/run.err"
like "$(tail -1 "$T/target/names")" '^store:(offline:)?alive:notify:r\.x\.1$' "names that the launcher refuses are not passed on"
is "$(grep -c 'impossible name' "$T/run.err")" 5 "and it says so"

# --- folders under /run that are not as they must be
in_run() { # COMMAND: with a /run of its own
	unshare -m sh -c 'mount -t tmpfs t /run && eval "$1"; exec timeout 20 goprobe -d "$2" lo' \
	    sh "$1" "$T/run-store"
}
if unshare -m true 2>/dev/null && getent passwd goprobe-capture >/dev/null; then
	run 1 "/run/goprobe is a link" in_run 'mkdir /run/x; ln -s x /run/goprobe'
	like "$err" '/run/goprobe: must be a folder of root' "and says why"
	run 1 "/run/goprobe is open to all" in_run 'mkdir -m 777 /run/goprobe; chmod 777 /run/goprobe'
	like "$err" 'nobody else can write' "and says why"
	run 1 "/run/goprobe is somebody's" in_run 'mkdir /run/goprobe; chown 65534 /run/goprobe'
else
	pass "/run # SKIP no mount namespaces or no users"
fi

# --- a sensor that runs
getent passwd goprobe-capture >/dev/null || {
	pass "a sensor # SKIP users are missing: make users"
	done_testing
}
NET=sec$$
ip netns add $NET 2>/dev/null || {
	pass "a sensor # SKIP needs network namespaces"
	done_testing
}
cleanup() {
	[ -n "${launcher:-}" ] && kill "$launcher" 2>/dev/null && wait "$launcher"
	ip netns del $NET
}
at_exit cleanup
nsenter --net=/run/netns/$NET ip link set lo up
printf '[capture]\nsnapshot_interval = 1\n' >"$T/live.ini"
nsenter --net=/run/netns/$NET "$BIN/goprobe" -c "$T/live.ini" -d "$T/s" lo 2>"$T/sensor.err" &
launcher=$!
ok "sensor starts" wait_for 20 grep -q 'capturing on' "$T/sensor.err"
like "$(cat "$T/sensor.err")" 'sandbox full, Landlock ABI [0-9]+ iface=lo' "capture says its sandbox"
like "$(cat "$T/sensor.err")" 'goprobe-writer: sandbox full, Landlock ABI' "the writer, too"
nsenter --net=/run/netns/$NET ping -q -c 3 -i 0.1 127.0.0.1 >/dev/null
sleep 2.5
group=$(getent group goprobe-read | cut -d: -f3)
analyst() { setpriv --reuid=65534 --regid=65534 --groups="$group" "$@"; }
stranger() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
socket=$(ls /run/goprobe/launcher.$launcher.sock)
writer=$(pgrep -P "$launcher" -f '^goprobe-writer')
capture=$(pgrep -P "$launcher" -f '^goprobe-capture')
journal=$(ls "$T"/s/lo/journal/*.gpj | head -1)
connect='import socket,sys; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(sys.argv[1])'

is "$(stat -c '%a %U:%G' "$T/s" "$T/s/lo" "$journal" | tr '\n' ' ')" \
    "750 goprobe:goprobe-read 750 goprobe:goprobe-read 640 goprobe:goprobe-read " "modes of the store"
is "$(stat -c '%a %U:%G' "$T/s/goDB-writer.lock")" "600 goprobe:goprobe-read" "mode of its lock"
is "$(stat -c '%a %U:%G' "$socket" /run/goprobe | tr '\n' ' ')" "600 root:root 755 root:root " "modes of the socket"
ok "an analyst asks" analyst goquery -d "$T/s" -i lo -f -1h -e csv raw
ok "and reads the files" analyst cat "$journal"
for what in "touch $T/s/new" "mkdir $T/s/new" "rm -f $journal" "mv $journal $journal.x" \
    "ln -s /etc $T/s/lo/link" "chmod 777 $T/s" "truncate -s 0 $journal" "sh -c '>>$journal'" \
    "flock -n $T/s/goDB-writer.lock true" "cat $T/s/goDB-writer.lock" \
    "kill -0 $writer" "kill -0 $capture" "cat /proc/$writer/environ" "cat /proc/$capture/maps" \
    "python3 -c '$connect' $socket" "rm -f $socket"; do
	eval "set -- $what"
	ok "an analyst cannot $1 ${2##*/}" sh -c '! "$@"' sh setpriv --reuid=65534 \
	    --regid=65534 --groups="$group" "$@"
done
for what in "ls $T/s" "cat $journal" "python3 -c '$connect' $socket" "kill -0 $writer"; do
	eval "set -- $what"
	ok "a stranger cannot $1 ${2##*/}" sh -c '! "$@"' sh setpriv --reuid=65534 \
	    --regid=65534 --clear-groups "$@"
done
# closing a descriptor that came with a message may take as long as its sender
# likes (SO_LINGER)
inodes=$(readlink /proc/$launcher/fd/* | sed -n 's/^socket:\[\(.*\)\]$/\1/p')
is "$(nsenter --net=/run/netns/$NET cat /proc/net/unix | awk -v inodes="$inodes" '
    BEGIN { n = split(inodes, list); for (i = 1; i <= n; i++) ours[list[i]] = 1 }
    $7 in ours && $8 != "" { print $8 }' | sort -u)" "$socket" "no socket of the launcher's is open to strangers"
run 77 "a stranger cannot start a capture" stranger goprobe-capture lo
run 77 "nor a sensor" stranger goprobe lo
run 1 "nor ask" stranger goquery -d "$T/s" -i lo raw
ok "the sensor runs on" kill -0 "$launcher"

# --- and one that is weaker than it should be, after one that was killed
kill -KILL "$launcher"
wait "$launcher" 2>/dev/null
writer_gone() { ! kill -0 "$writer" 2>/dev/null; }
ok "its writer ends" wait_for 30 writer_gone
printf '[capture]\nsnapshot_interval = 1\nsandbox = seccomp\n' >"$T/live.ini"
: >"$T/sensor.err"
# one of a launcher whose number is that of nobody here, but which listens
other=/run/goprobe/launcher.4194303.sock
python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind(sys.argv[1])
s.listen()
time.sleep(60)' $other &
listener=$!
ok "a socket of elsewhere" wait_for 10 test -S $other
nsenter --net=/run/netns/$NET "$BIN/goprobe" -c "$T/live.ini" -d "$T/s" lo 2>"$T/sensor.err" &
launcher=$!
ok "a weaker sensor" wait_for 20 grep -q 'capturing on' "$T/sensor.err"
ok "which takes away the other one's socket" test ! -e "$socket"
ok "but none that is listened to" test -S $other
kill "$listener"
rm -f $other
ok "is logged" grep -q 'goprobe-capture: sandbox weakened: seccomp only' "$T/sensor.err"
shown() { goquery --config "$T/live.ini" -d "$T/s" --status | grep -q 'captures seccomp only'; }
ok "and shown by --status" wait_for 10 shown
run 3 "which makes it a problem" goquery --config "$T/live.ini" -d "$T/s" --status
like "$out" "the captures' sandbox is seccomp only" "that is named"
done_testing
