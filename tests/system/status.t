#!/bin/sh
# goquery --status over a live sensor: what the writer publishes, whether it
# agrees with what was sent, who may see it, and what it says of a sensor that
# is not well.
. tests/lib/tap.sh

[ "$(id -u)" = 0 ] || skip_all "needs root"
getent passwd goprobe-capture >/dev/null || skip_all "users are missing: make users"
. tests/lib/veth.sh
veth_pair || skip_all "needs network namespaces"
cleanup() {
	[ -n "${capture:-}" ] && kill -CONT "$capture" 2>/dev/null
	[ -n "${launcher:-}" ] && kill "$launcher" 2>/dev/null && wait "$launcher"
	[ -n "${second:-}" ] && kill "$second" 2>/dev/null && wait "$second"
}
at_exit cleanup
veth_no_arp

cat >"$T/ini" <<END
[store]
path = $T/site
[writer]
metrics = $T/prom/goprobe.prom
[capture]
snapshot_interval = 1
l7_wait = 1
buffer_mb = 2
END
mkdir "$T/prom"
chown goprobe "$T/prom"

# start FILE ARGUMENT...: sensor in namespace $B, messages to FILE
start() {
	log=$1
	shift
	nsenter --net=/run/netns/$B "$BIN/goprobe" -c "$T/ini" "$@" 2>"$log" &
	launcher=$!
	wait_for 20 grep -q 'capturing on' "$log"
}
stop() {
	kill -TERM "$launcher"
	wait "$launcher"
	launcher=
}
child() { pgrep -P "$launcher" -f "^$1"; }
st() { goquery --config "$T/ini" -d "$STORE" --status "$@"; }
field() { st -e json | jq -r "$1"; }
iface() { field ".interfaces[] | select(.iface == \"vb\") | $1"; }

# --- no sensor
STORE=$T/s
mkdir "$STORE"
run 1 "no sensor: no status" st
one_line "no status"
like "$err" '^goquery: no status: there is no /run/.*is the sensor' "says so"
run 1 "json: no status" st -e json
is "$out" "" "json: nothing"
rmdir "$STORE"

# --- it agrees with what was sent
mkdir -m 750 /run/goprobe-writer.dead-$$
touch /run/goprobe-writer.dead-$$/status
ok "sensor on another store than the site's" start "$T/err" -d "$STORE" vb
folder=$(ls -d /run/goprobe-writer."$(printf %x "$(stat -c %d "$STORE")")"-"$(printf %x "$(stat -c %i "$STORE")")")
ok "what a killed run left is cleared away" test ! -e /run/goprobe-writer.dead-$$
is "$(stat -c '%a %U %G' "$folder")" "750 goprobe goprobe-read" "folder's mode"
is "$(stat -c '%a %U %G' "$folder/status")" "640 goprobe goprobe-read" "file's mode"
fresh() { st >/dev/null; }
ok "fresh within 5 s: exit 0" wait_for 5 fresh
seen0=$(iface .seen)
in_net $A python3 tests/lib/numbered.py va 10.99.1 20000 10000 >"$T/sent"
in_net $A ping -q -n -i 0.001 -c 300 10.99.0.2 >/dev/null
arrived() { [ "$(iface .in_rows)" = 20600 ]; }
ok "20000 packets and 300 pings with their answers: in rows" wait_for 15 arrived
run 0 "json" st -e json
printf '%s\n' "$out" >"$T/json"
ok "is JSON" jq -e '.status == "ok" and (.problems | length) == 0' "$T/json"
is "$(jq -r '.interfaces[0] | .seen == .in_rows + .pending + .lost + .non_ip + .malformed, .closes, .health, .state, .direction' "$T/json" | tr '\n' ' ')" \
    "true true fresh capturing interface " "the accounting closes"
is "$(jq -r '.interfaces[0] | .frames > 0, .rows > 20000, .sessions == 1, .ring_bytes > 0, .kernel_drops == 0, .flows > 0' "$T/json" | sort -u)" \
    true "the other figures"
is "$(jq -r '.writer | .sandbox, .running, .store, .store_error' "$T/json" | tr '\n' ' ')" \
    "full true $STORE  " "the writer"
run 0 "txt" st
like "$out" '^Sandbox: full, Landlock ABI [0-9]' "the sandbox"
like "$out" '^ +vb +capturing +[0-9-]+ [0-9:]+ \+0000 .* fresh$' "a line for the interface"
like "$out" '^ +vb +[0-9]+ +20600 +0 +[0-9]+ +0 +0 +yes ' "its accounting"
like "$out" '^1 interface: 1 fresh, 0 stale, 0 dropping; ' "the summary"
run 0 "-i" st -i vb
run 0 "-i with a pattern" st -i 'v*'
run 1 "-i of none" st -i eth7
like "$err" "'eth7'.*vb" "names what there is"
one_line "-i of none"
run 2 "csv" st -e csv
run 2 "a query beside it" st talk_conv
run 0 "the file by its name" goquery --status-file "$folder/status"
ok "no metrics: this is not the site's store" test ! -e "$T/prom/goprobe.prom"
sed 's/^kernel_drops .*/kernel_drops 18446744073709551615/; s/^iface_drops .*/iface_drops 1/' \
    "$folder/status" >"$T/most"
goquery --status-file "$T/most" >"$T/most.txt"
like "$(cat "$T/most.txt")" ' packets seen, 18446744073709551615 dropped$' \
    "drops of the kernel and the interface that are too many to add up are the most there are"
like "$(cat "$T/most.txt")" '^ +vb +capturing .* kB +18446744073709551615 ' "in the interface's line, too"

# --- who may see it
gid=$(getent group goprobe-read | cut -d: -f3)
chmod 755 "$T"
run 0 "an analyst sees it" setpriv --reuid=65534 --regid=65534 \
    --groups="$gid" "$BIN/goquery" --config "$T/ini" -d "$STORE" --status
run 1 "a stranger does not" setpriv --reuid=65534 --regid=65534 \
    --clear-groups "$BIN/goquery" --config "$T/ini" -d "$STORE" --status
like "$err" 'goprobe-read' "and is told which group to ask for"
one_line "stranger"
run 2 "the analyst cannot write it" setpriv --reuid=65534 --regid=65534 \
    --groups="$gid" sh -c ": >$folder/x"

# --- the site's own sensor beside it, and its metrics
if [ -e /run/goprobe-writer ]; then
	pass "# SKIP site's folder: /run/goprobe-writer is there already"
else
	first=$launcher
	ok "the site's sensor beside it" start "$T/err2" lo
	second=$launcher launcher=$first
	site() { goquery --config "$T/ini" --status "$@"; }
	ok "has the site's folder" test -e /run/goprobe-writer/status
	has_lo() { site -e json | jq -e '.interfaces[0].iface == "lo"'; }
	ok "and within 5 s its interface" wait_for 5 has_lo
	is "$(site -e json | jq -r '.writer.store, .interfaces[].iface' | tr '\n' ' ')" \
	    "$T/site lo " "and speaks for itself"
	is "$(field '.interfaces[].iface')" vb "as the other one does"
	by_path() { goquery -d "$1" --status -e json | jq -r '.interfaces[].iface'; }
	ln -s site "$T/way"
	is "$(by_path "$T/site")" lo "it is found by its store alone"
	is "$(by_path "$T/way")" lo "whatever leads there"
	mkdir "$T/else"
	run 1 "another store has none" goquery -d "$T/else" --status
	like "$err" 'there is no /run/goprobe-writer[.]' "said"
	in_net $B ping -q -n -c 10 -i 0.01 127.0.0.1 >/dev/null
	lo() { [ "$(site -e json | jq '.interfaces[].in_rows')" = 20 ]; }
	ok "counts" wait_for 15 lo
	is "$(stat -c '%a %U' "$T/prom/goprobe.prom")" "644 goprobe" "metrics"
	like "$(cat "$T/prom/goprobe.prom")" '^goprobe_packets_in_rows_total\{iface="lo"\} 20$' \
	    "have the same figures"
	ok "in the format that Prometheus reads" sh -c \
	    'python3 tests/lib/promcheck.py <"$1"' sh "$T/prom/goprobe.prom"
	for metric in $(sed -n '/^\.Sh METRICS/,/^\.Sh OPTIONS/p' writer/goprobe-writer.8 |
	    grep -o 'goprobe_[a-z_0-9]*' | sort -u); do
		grep -q "^$metric[{ ]" "$T/prom/goprobe.prom" || echo "$metric"
	done >"$T/no.metric"
	is "$(cat "$T/no.metric")" "" "those that the manual names are there"
	printf '# TYPE goprobe_x counter\ngoprobe_x -1\n' >"$T/bad.prom"
	run 1 "what is not is seen" sh -c \
	    'python3 tests/lib/promcheck.py <"$1"' sh "$T/bad.prom"
	run 0 "the dashboard asks for what is published" \
	    python3 tests/lib/dashboards.py etc/grafana/goprobe-prometheus.json \
	    -m "$T/prom/goprobe.prom" -s goprobe_export_ -r "$T/rules"
	like "$out" '^[0-9]+ expressions of [0-9]+ metrics$' "and for much of it"
	if command -v promtool >/dev/null; then
		ok "promtool" promtool check metrics <"$T/prom/goprobe.prom"
		ok "promtool of the dashboard" promtool check rules "$T/rules"
	fi
	kill "$second"
	wait "$second"
	second=
	run 3 "ended: exit 3" site
	like "$out" '^Attention: the writer has ended$' "ended: said"
	is "$(site -e json | jq -r '.interfaces[] | .state, .closes' | tr '\n' ' ')" \
	    "gone true " "its last words are kept"
	rm -r /run/goprobe-writer
fi
sed "s|$T/prom|$T/nowhere|" "$T/ini" >"$T/ini2"
run 1 "metrics to a folder that is not there" in_net $B "$BIN/goprobe" -c "$T/ini2" lo
like "$err" "metrics = $T/nowhere/goprobe.prom: folder $T/nowhere: No such file" "is said"
[ -e /run/goprobe-writer ] && [ ! -e /run/goprobe-writer/status ] && rmdir /run/goprobe-writer

# --- a dead writer, a dead capture
started=$(field .writer.started)
sleep 1
kill -9 "$(child goprobe-writer)"
back() { [ "$(field .writer.started)" != "$started" ] && st >/dev/null; }
ok "kill -9 of the writer: fresh again" wait_for 10 back
is "$(iface '.in_rows < 100')" true "new totals, and since when"
is "$(iface .closes)" true "which close"
kill -9 "$(child goprobe-capture)"
again() { [ "$(iface .sessions)" = 2 ] && st >/dev/null; }
ok "kill -9 of a capture: a second session" wait_for 10 again
is "$(iface .closes)" true "and it closes"

# --- drops, then silence
capture=$(child goprobe-capture)
kill -STOP "$capture"
in_net $A python3 tests/lib/numbered.py va 10.99.1 100000 0 >"$T/sent"
kill -CONT "$capture"
dropping() { st >"$T/drop"; [ $? = 3 ] && grep -q 'vb: the kernel is dropping' "$T/drop"; }
ok "drops within 10 s: exit 3" wait_for 10 dropping
like "$(cat "$T/drop")" '^ +vb .* dropping$' "the interface's line says so"
all() {
	[ "$(field '.interfaces[0] | .in_rows + .kernel_drops >= 100000')" = true ]
}
ok "what is not in rows was dropped" wait_for 10 all
is "$(iface .closes)" true "and it closes"
kill -STOP "$capture"
stale() { st >"$T/stale"; [ $? = 3 ] && grep -q 'vb: nothing heard for' "$T/stale"; }
ok "a capture that hangs is stale within 30 s: exit 3" wait_for 30 stale
like "$(cat "$T/stale")" '^ +vb .* stale$' "the interface's line says so"
run 3 "in json too" st -e json
is "$(printf '%s' "$out" | jq -r '.status, .interfaces[0].health' | tr '\n' ' ')" \
    "attention stale " "attention"
kill -CONT "$capture"
ok "and fresh again after that" wait_for 30 fresh

# --- what is no status
printf 'goprobe-status 1\nwritten 1\n' >"$T/cut"
printf 'goprobe-status 9\n' >"$T/later"
head -c 100000 /dev/urandom >"$T/noise"
mkfifo "$T/pipe"
for f in cut later noise pipe; do
	run 1 "$f" goquery --status-file "$T/$f"
	like "$err" "^goquery: no status: $T/$f: " "$f: said"
	one_line "$f"
done

# --- the end, in every sense
stop
ok "its own folder is removed" test ! -e "$folder"
run 1 "no sensor: no status" st
sed -i 's/^\[writer\]/&\nsandbox = seccomp/' "$T/ini"
ok "a weaker sandbox" start "$T/err" -d "$STORE" vb
weak() { st >"$T/weak"; [ $? = 3 ] && grep -q "the writer's sandbox is seccomp only" "$T/weak"; }
ok "exit 3" wait_for 5 weak
stop

# --- a store that cannot be written
mkdir "$T/small"
if mount -t tmpfs -o size=4m none "$T/small" 2>"$T/mount.err"; then
	STORE=$T/small/s
	sed -i '/^sandbox/d' "$T/ini"
	ok "a store on a small disk" start "$T/err" -d "$STORE" vb
	ok "fresh" wait_for 5 fresh
	dd if=/dev/zero of="$T/small/full" bs=4k 2>"$T/dd.err"
	in_net $A python3 tests/lib/numbered.py va 10.99.1 20000 0 >"$T/sent"
	failing() {
		st >"$T/failing"
		[ $? = 3 ] && grep -q 'the store cannot be written: No space' "$T/failing"
	}
	ok "disk full: exit 3, and said" wait_for 10 failing
	rm "$T/small/full"
	ok "room again: fresh again" wait_for 10 fresh
	full() { [ "$(iface .in_rows)" = 20000 ]; }
	ok "and nothing was lost" wait_for 10 full
	is "$(iface .closes)" true "it closes"
	stop
	umount "$T/small"
else
	pass "# SKIP a full disk: $(cat "$T/mount.err")"
fi

# --- as systemd starts it
mkdir -m 750 "$T/run" "$T/st"
chown goprobe:goprobe-read "$T/run" "$T/st"
cat >"$T/as-systemd.py" <<'END'
import grp, os, pwd, socket, sys
program, folder, *arguments = sys.argv[1:]
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind(folder + ".sock")
s.listen()
if s.fileno() != 3:
    os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.setgroups([])
os.setgid(grp.getgrnam("goprobe-read").gr_gid)
os.setuid(pwd.getpwnam("goprobe").pw_uid)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1",
                  LISTEN_FDNAMES="listen", RUNTIME_DIRECTORY=folder)
os.execv(program, [program, *arguments])
END
python3 "$T/as-systemd.py" "$BIN/goprobe-writer" "$T/run" -c "$T/ini" -d "$T/st" 2>"$T/err" &
writer=$!
ok "RUNTIME_DIRECTORY has the status" wait_for 10 test -e "$T/run/status"
run 3 "a sensor that captures nothing: exit 3" goquery --status-file "$T/run/status"
like "$out" '^Attention: no interface is captured$' "is said"
kill "$writer"
wait "$writer"
is $? 0 "SIGTERM ends it"
run 3 "its last words" goquery --status-file "$T/run/status"
like "$out" '^Attention: the writer has ended$' "say so"
is "$(ls -A "$T/run")" status "nothing else is left there"

# --- one that cannot begin is not started ten times a second
for store in "$T/none" "$T/other"; do
	mkdir -p -m 750 "$T/other/no-store" && chown goprobe "$T/other"
	rm -f "$T/run.sock"
	python3 "$T/as-systemd.py" "$BIN/goprobe-writer" "$T/run" -c "$T/ini" -d "$store" 2>"$T/err" &
	writer=$!
	ok "$store is no store" wait_for 5 grep -q "$store: " "$T/err"
	sleep 0.5
	ok "it waits before it ends" kill -0 "$writer"
	wait "$writer"
	is $? 1 "then it does"
	is "$(grep -c "$store: " "$T/err")" 1 "one line says why"
done
rm -f "$T/run.sock"
python3 "$T/as-systemd.py" "$BIN/goprobe-writer" "$T/run" -c "$T/ini" -d "$T/other" 2>"$T/err" &
writer=$!
ok "another one" wait_for 5 grep -q "$T/other: " "$T/err"
start=$(date +%s%N)
kill "$writer"
wait "$writer"
ok "is stopped at once" test $((($(date +%s%N) - start) / 1000000)) -lt 1000
done_testing
