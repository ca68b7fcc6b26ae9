#!/bin/sh
# goquery on a terminal and in a hurry: seen, lists, refusals, progress, charts,
# --watch, Ctrl-C; help and the words that completion is made of.
. tests/lib/tap.sh

S=$T/s
W='-f 2026-01-15 -l 2026-01-16'
ok "a store" goprobe -d "$S" -i eth0 -r tests/data/office.pcap
q() { goquery -d "$S" -i eth0 $W "$@"; }

# tty COLUMNS SECONDS COMMAND...: what it writes to a terminal; after SECONDS it
# gets Ctrl-C.  The exit status is the command's, 128 and the signal's number.
cat >"$T/terminal.py" <<'PY'
import fcntl, os, pty, select, struct, sys, termios, time
columns, seconds = int(sys.argv[1]), float(sys.argv[2])
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    os.environ.setdefault("TERM", "xterm")
    os.execvp(sys.argv[3], sys.argv[3:])
end, out = time.time() + seconds, b""
sent = None
while True:
    ready, _, _ = select.select([fd], [], [], 0.05)
    if ready:
        try:
            more = os.read(fd, 65536)
        except OSError:
            break
        if not more:
            break
        out += more
    if time.time() > end and sent is None:
        os.write(fd, b"\x03")
        sent = time.time()
_, status = os.waitpid(pid, 0)
if sent:
    print("# ended after %.2f s" % (time.time() - sent), file=sys.stderr)
sys.stdout.buffer.write(out.replace(b"\r\n", b"\n"))
sys.exit(os.waitstatus_to_exitcode(status) % 256 if status & 127 == 0
         else 128 + (status & 127))
PY
tty() { python3 "$T/terminal.py" "$@"; }
esc=$(printf '\033')

# --- seen answers like grep
run 0 "seen" goquery -d "$S" $W -c 'host 192.0.2.11' seen
like "$out" '^eth0: seen from 2026-01-15 09:00:00 .* to 2026-01-15 09:15:00 .*, in 3 blocks, 289 packets' "  when and how much"
run 1 "not seen" goquery -d "$S" -f 2026-01-15T09:00Z -l 2026-01-15T09:15Z -c 'host 192.0.2.99' seen
# of the time before the first block nobody knows
before='-f 2026-01-15T08:55Z -l 2026-01-15T09:15Z'
run 3 "not seen, but not all of the window was watched" goquery -d "$S" $before -c 'host 192.0.2.99' seen
like "$out" '^Coverage: 100\.00 %' "  though nothing is missing since"
like "$out" '^Note: nothing is known of the time before 2026-01-15 09:00:00' "  it is said"
run 0 "  what is there is seen" goquery -d "$S" $before -c 'host 192.0.2.11' seen
run 3 "  csv" goquery -d "$S" $before -e csv -c 'host 192.0.2.99' seen
like "$err" '^goquery: note: nothing is known of the time before' "  on the standard error"
run 3 "  json" goquery -d "$S" $before -e json -c 'host 192.0.2.99' seen
is "$(printf '%s' "$out" | jq -r .status)" incomplete "  its status"
run 1 "  -f 0 asks for what there is" goquery -d "$S" -f 0 -l 2026-01-15T09:15Z -c 'host 192.0.2.99' seen
run 1 "  within the first block" goquery -d "$S" -f 2026-01-15T09:04Z -l 2026-01-15T09:15Z -c 'host 192.0.2.99' seen
run 3 "not seen, where the file ends before the window" goquery -d "$S" -f 2026-01-15T09:00Z -l 2026-01-15T10:00Z -c 'host 192.0.2.99' seen
like "$out" '^Note: nothing is known of the time after 2026-01-15 09:15:00' "  it is said"
run 3 "  nor is nobody new" goquery -d "$S" -f 2026-01-15T09:00Z -l 2026-01-15T10:00Z seen --new 2026-01-15T09:10Z
like "$out" '^Note: nothing is known of the time after 2026-01-15 09:15:00' "  it is said"
run 1 "  up to its end nobody is" goquery -d "$S" -f 2026-01-15T09:00Z -l 2026-01-15T09:15Z seen --new 2026-01-15T09:10Z
# where a reader is gone nobody learns "not seen" from the status
run 2 "seen: its reader has gone" sh -c "trap '' PIPE
	{ sleep 0.3; goquery -d '$S' $W seen 192.0.2.11; echo \$? >'$T/gone'; } | :
	exit \$(cat '$T/gone')"
run 1 "  elsewhere that is an error like others" sh -c "trap '' PIPE
	{ sleep 0.3; goquery -d '$S' -i any $W sip; echo \$? >'$T/gone'; } | :
	exit \$(cat '$T/gone')"
run 2 "seen: a mistake" goquery -d "$S" -c 'hots 1.2.3.4' seen
run 2 "seen: a folder is no list" goquery -d "$S" seen "@$S"
is "$err" "goquery: @$S: Is a directory" "  is said once"
run 2 "seen: no store" goquery -d "$T/none" -c 'host 1.2.3.4' seen
run 0 "seen: 30 days" goquery -d "$S" -l 2026-02-01 -e csv seen
is "$out" "iface,first,last,blocks,packets_rcvd,packets_sent,packets,bytes_rcvd,bytes_sent,bytes
eth0,1768467600,1768468500,3,966,948,1914,907383,396443,1303826" "  csv"
is "$(goquery -d "$S" $W -e json seen | jq -r '.rows[0] | "\(.iface) \(.first) \(.last) \(.blocks)"')" \
    "eth0 2026-01-15T09:00:00Z 2026-01-15T09:15:00Z 3" "  json"
cp -a "$S" "$T/damaged"
python3 -c 'import glob, sys
path = glob.glob(sys.argv[1] + "/eth0/20*/sip.gpf")[0]
data = bytearray(open(path, "rb").read())
data[70] ^= 255
open(path, "r+b").write(data)' "$T/damaged"
run 3 "not seen, but something is unreadable" goquery -d "$T/damaged" $W -c 'src host 192.0.2.17' --no-index seen
run 1 "  where the index of addresses is whole it knows" goquery -d "$T/damaged" -f 2026-01-15T09:00Z -l 2026-01-15T09:15Z -c 'src host 192.0.2.17' seen

# --- lists of addresses
printf '# who\n192.0.2.11, 192.0.2.12\n2001:db8::/32 # and these\n198.51.100.10-198.51.100.20\n' >"$T/list"
is "$(q -e csv -c "host in @$T/list" sip)" \
    "$(q -e csv -c 'host in (192.0.2.11, 192.0.2.12, 2001:db8::/32, 198.51.100.10-198.51.100.20)' sip)" \
    "@file"
is "$(q -e csv -c "src @$T/list and not dst @$T/list" sip,dip)" \
    "$(q -e csv -c 'sip in (192.0.2.11 192.0.2.12 2001:db8::/32 198.51.100.10-198.51.100.20) and not dip in (192.0.2.11 192.0.2.12 2001:db8::/32 198.51.100.10-198.51.100.20)' sip,dip)" \
    "@file twice"
mv "$T/list" "$T/a list"
is "$(q -e csv -c "host = '@$T/a list'" sip | wc -l)" "$(q -e csv -c 'host in (192.0.2.11, 192.0.2.12, 2001:db8::/32, 198.51.100.10-198.51.100.20)' sip | wc -l)" "a quoted name"
run 1 "no such file" q -c "host @$T/none" sip
like "$err" 'No such file' "  says so"
# what would wait for whoever opens the other end
mkfifo "$T/fifo"
for path in "$T/fifo" /dev/null; do
	for asked in "-c host=@$path sip" "-c host=@$path seen" "seen @$path" \
	    "--having sip=@$path sip"; do
		run 2 "$asked" timeout 10 goquery -d "$S" $W -i any $asked
		is "$err" "goquery: @$path: not a regular file" "  is refused"
	done
done
echo 192.0.2.11 >"$T/one"
is "$(q -e csv -c 'host in @/dev/stdin' sip <"$T/one")" \
    "$(q -e csv -c 'host 192.0.2.11' sip)" "a list from standard input"
is "$({ sleep 0.3; cat "$T/one"; } | q -e csv -c 'host in @/dev/stdin' sip)" \
    "$(q -e csv -c 'host 192.0.2.11' sip)" "  through a pipe"
ok "  seen, in time" sh -c "{ echo 192.0.2.12; sleep 0.3; cat '$T/one'; } |
	goquery -d '$S' $W --timeout 10s -e csv seen @/dev/stdin |
	grep -c ',seen,' | grep -qx 2"
left() {
	run "$1" "nothing comes through a pipe: $2" sh -c \
	    "sleep 3 | goquery -d '$S' $W -i any --timeout 300ms $2"
	like "$err" '^goquery: the question takes longer than 300 ms' \
	    "  is left in time"
}
left 1 "-c host=@/dev/stdin sip"
left 2 "seen @/dev/stdin"
if command -v bash >/dev/null; then
	is "$(bash -c "goquery -d '$S' $W -e csv seen @<(cat '$T/one')")" \
	    "$(goquery -d "$S" $W -e csv seen 192.0.2.11)" "the shell's pipe"
fi
# as long as one may be, and a byte more
{ head -c 67108853 /dev/zero | tr '\0' '\n'; echo 192.0.2.11; } >"$T/long"
is "$(q -e csv -c "host in @$T/long" sip)" "$(q -e csv -c 'host 192.0.2.11' sip)" "a list of 64 MB"
echo >>"$T/long"
run 2 "  and a byte" q -c "host in @$T/long" sip
like "$err" 'File too large' "  is too much"
rm "$T/long"
many=
for i in $(seq 33); do
	cp "$T/one" "$T/one$i"
	[ "$i" -eq 33 ] || run_many="$many host in @$T/one$i"
	many="$many host in @$T/one$i or"
done
run 0 "32 lists" q -e csv -c "$run_many" sip
run 2 "33 lists" q -e csv -c "${many% or}" sip
is "$err" "goquery: more than 32 lists" "  are too many"
printf '192.0.2.1\n192.0.2.300\n' >"$T/bad"
run 2 "a file with a mistake" q -c "host @$T/bad" sip
like "$err" "line 2: .*'192\.0\.2\.300'" "  its line"
like "$err" '^ +\^' "  and a caret"
printf '192.0.2.99\000192.0.2.11\n' >"$T/bad"
run 2 "a NUL byte, which would hide an address" q -c "host @$T/bad" sip
like "$err" 'line 1: a NUL byte' "  its line"
run 2 "  seen" goquery -d "$S" $W seen "@$T/bad"
is "$err" "goquery: @$T/bad, line 1: a NUL byte" "  its line"
python3 -c '
import random
random.seed(4)
for i in range(50000):
    print("%d.%d.%d.%d" % tuple(random.randrange(256) for _ in range(4)))
    print("2a00:%x:%x::/48" % (random.randrange(65536), random.randrange(65536)))
print("192.0.2.11")' >"$T/big"
start=$(date +%s%N)
is "$(q -e csv -c "host @$T/big" sip | tail -n +2 | cut -d, -f1)" 192.0.2.11 "100,001 entries"
ms=$((($(date +%s%N) - start) / 1000000))
ok "  in less than a second: $ms ms" test $ms -lt 1000

# --- refusals name their option
run 1 "--mem" q --mem 10k raw
like "$err" '--mem' "  is named"
python3 - >"$T/lines" <<'PY'
for n in range(100):
    slot = 1767225600 + n * 300
    print("B", "eth0", slot, 4, 300, 0, 0, 0, 0)
    for i in range(3000):
        print("R", f"10.{n % 250}.{i // 250}.{i % 250}", f"10.0.0.{i % 7}", i, 6, i, n, 1, 1, "TLS")
    print("C", "eth0", slot)
PY
HELPERS=${TESTS_DIR:-build/$(basename "${CC:-gcc}")/tests}
if [ -x "$HELPERS/lib/rows2store" ] && "$HELPERS/lib/rows2store" "$T/large" <"$T/lines"; then
	rm "$T/lines"
	l() { goquery -d "$T/large" -i eth0 -f 2026-01-01 -l 2026-01-04 "$@"; }
	run 1 "--timeout" l --timeout 2ms sip,dip,dport
	like "$err" '--timeout' "  is named"
	one_line "--timeout"
	# nothing is there to be read, but thousands of days are looked at
	python3 - "$T/large/eth0" <<'PY'
import datetime, os, sys
for n in range(6000):
    day = datetime.date(2000, 1, 1) + datetime.timedelta(n)
    os.mkdir(os.path.join(sys.argv[1], str(day)))
PY
	run 1 "--timeout while stock is taken" l -f 2000-01-01 -l 2020-01-02 --timeout 2ms sip
	like "$err" '--timeout' "  is named"
	run 2 "--timeout of seen" l -f 2000-01-01 -l 2020-01-02 --timeout 2ms seen 192.0.2.1
	like "$err" '--timeout' "  is named"
	rmdir "$T"/large/eth0/20[01]?-*
	run 0 "--explain" l --explain -e csv -n 1 -c 'dport = 1' dport
	like "$err" 'explain: read: 0 blocks \(0 skipped\), .*B, .*B decoded' "  a day's ports"
	like "$err" 'explain: roll-ups: 1 in place of 100 blocks, 0 unreadable' "  stand for its blocks"
	like "$err" 'explain: rows: 2048 looked at, 1 met the condition, 1 group,' "  of which a chunk is read"
	run 0 "--explain --no-rollups" l --explain --no-rollups -e csv -n 1 -c 'dport = 1' dport
	like "$err" 'explain: eth0: 1 day, 100 blocks and 0 live, 300000 rows' "  days, blocks, rows"
	like "$err" 'explain: read: 100 blocks \(0 skipped\), .*B, .*B decoded' "  bytes"
	like "$err" 'explain: rows: 300000 looked at, 100 met the condition, 1 group,' "  rows"
	cat >"$T/bar.py" <<'PY'
import os, pty, re, signal, sys, time
for _ in range(20):
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[1], sys.argv[1:])
    # behind its sandbox it has begun to read
    while not re.search("Seccomp:\t2|State:\tZ",
                        open(f"/proc/{pid}/status").read()):
        time.sleep(0.0005)
    os.kill(pid, signal.SIGSTOP)
    if os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1]):
        break  # and has not ended before it could be stopped
    os.close(fd)
time.sleep(1.1)
os.kill(pid, signal.SIGCONT)
out = b""
while True:
    try:
        more = os.read(fd, 65536)
    except OSError:
        break
    if not more:
        break
    out += more
os.waitpid(pid, 0)
sys.stdout.buffer.write(out)
PY
	out=$(python3 "$T/bar.py" goquery -d "$T/large" -i eth0 -f 0 --threads 1 -n 1 time,sip,dip,dport)
	like "$out" '\[[#.]{40}\] +[0-9]+ %' "a progress bar after a second"
	like "$out" "$esc\[K" "  which goes away"
	out=$(python3 "$T/bar.py" goquery -x -d "$T/large" -i eth0 -f 0 --threads 1 -n 1 time,sip,dip,dport)
	is "$(printf '%s' "$out" | grep -c '#')" 0 "  not with -x"
	out=$(tty 80 1.5 sh -c "exec goquery -d '$T/large' -i eth0 -f 0 --watch 60 -n 3 sip" 2>"$T/ended")
	is $? 130 "Ctrl-C ends it as a signal does"
	like "$(cat "$T/ended")" 'after 0\.[01]' "  at once"
fi

# --- on a terminal
out=$(LC_ALL=C.UTF-8 tty 100 9 goquery -d "$S" -i eth0 $W time)
like "$out" '█' "time has bars"
like "$out" "$esc\[1m" "and colour"
out=$(NO_COLOR=1 LC_ALL=C.UTF-8 tty 100 9 goquery -d "$S" -i eth0 $W time)
is "$(printf '%s' "$out" | grep -c "$esc")" 0 "NO_COLOR"
out=$(TERM=dumb LC_ALL=C tty 100 9 goquery -d "$S" -i eth0 $W time)
is "$(printf '%s' "$out" | grep -c "$esc")" 0 "a dumb terminal"
like "$out" ' #+$' "bars without Unicode"
is "$(q time | grep -c "█\|#\|$esc")" 0 "none of it in a pipe"
out=$(LC_ALL=C.UTF-8 q --plot sip)
like "$out" '█' "--plot draws anywhere"
is "$(printf '%s\n' "$out" | awk 'length($0) > 0 && /\|/' | wc -l | tr -d ' ')" 10 "ten lines"
out=$(tty 100 2.5 goquery -d "$S" -i eth0 $W --watch 1 -n 2 sip 2>/dev/null)
is $? 130 "--watch goes on until Ctrl-C"
n=$(printf '%s\n' "$out" | grep -c 'Query produced')
ok "  and asks again: $n times" test "$n" -ge 2
run 2 "--watch without a terminal" q --watch 1 sip
like "$err" 'terminal' "  says so"

# --- what a bar of --plot is; a day of blocks with 1000 bytes of three sources,
# and four days around the night that is short in Zurich
blocks() {
	python3 - "$1" "$2" <<-'PY'
	import sys
	first, n = map(int, sys.argv[1:])
	for slot in range(first, first + n * 300, 300):
	    print("B eth0", slot, 4, 300, 0, 0, 0, 0)
	    for i in range(3):
	        print(f"R 10.0.0.{i} 10.0.0.9 443 6 1000 0 1 0 TLS")
	    print("C eth0", slot)
	PY
}
# the picture of a question alone
p() {
	d=$1
	shift
	goquery -d "$T/$d" -i eth0 --plot -n 1 "$@" | sed -n 's/^.*|//p; s/^ *bar:/bar:/p' |
		uniq -c | sed 's/^ *//'
}
bar() { printf "%$1s" "" | tr ' ' '#'; }
if [ -x "$HELPERS/lib/rows2store" ] &&
	blocks 1767225600 288 | "$HELPERS/lib/rows2store" "$T/even" &&
	blocks 1774566000 1140 | "$HELPERS/lib/rows2store" "$T/short"; then
	chmod -R a+rX "$T/even" "$T/short"
	day='-f 2026-01-01 -l 2026-01-02'
	is "$(p even $day --bin 15m time)" "10 $(bar 48)
1 bar: 30 min  2026-01-01 00:00:00 +0000 .. 2026-01-02 00:00:00 +0000" "96 bins of 15 minutes, two to a bar"
	like "$(goquery -d "$T/even" -i eth0 $day --plot --bin 15m time)" '^ *17\.58 kB \|' "  which is their sum"
	is "$(p even $day --bin 1h time | head -1)" "10 $(bar 48)" "24 bins, each two cells wide"
	like "$(p even $day --bin 1h time)" 'bar: 1 h ' "  are bars of an hour"
	is "$(p even $day --bin 5m time | head -1)" "10 $(bar 48)" "288 bins, six to a bar and none over"
	is "$(p even -f 2026-01-01T04:00 -l 2026-01-01T04:05 time | head -1)" "10 $(bar 66)" "one bin is as wide as it gets"
	# 23 hours of 24 are nine of ten rows and a half
	is "$(TZ=Europe/Zurich p short -f 2026-03-27 -l 2026-03-31 --bin 1d time | head -1)" "10 $(bar 64)" "days, one short"
	is "$(TZ=Europe/Zurich LC_ALL=C.UTF-8 p short -f 2026-03-27 -l 2026-03-31 --bin 1d time |
	    sed -n '1s/^1 //p' | LC_ALL=C.UTF-8 grep -o . | uniq -c | awk '{ printf "%s ", $1 $2 }')" \
	    "32█ 16▅ 16█ " "  has a bar of its own, a bit lower"
	# counters may be as large as a lying capture wants
	{
		blocks 1767225600 98
		printf '%s\n' 'B eth0 1767235200 4 300 0 0 0 0' \
		    'R 10.0.0.7 10.0.0.9 443 6 18446744073709551615 0 1 0 TLS' \
		    'C eth0 1767235200'
	} | "$HELPERS/lib/rows2store" "$T/most"
	is "$(p most -f 2026-01-01 -l 2026-01-01T08:10 --bin 5m time | head -1)" \
	    "9 $(printf '%16s#%32s' '' '')" "sums beyond 2^64 - 1 stay there"
	run 1 "--check --timeout" goquery -d "$T/short" --check --timeout 1ms
	like "$err" 'takes longer than 1 ms: .*--timeout' "  is named"
	# reading marks a file whose mark is older than a day, but for some mounts
	f=$T/even/eth0/2026-01-01/rollups.gpf
	unread() {
		touch -a -d '3 days ago' "$f"
		goquery -d "$T/even" -i eth0 $day -c 'src 10.0.0.1' --bin 1d --plot "$@" time >/dev/null
		test -z "$(find "$f" -amin -1440)"
	}
	if unread; then pass "--no-rollups and the chart # SKIP access times are not kept here"; else
		ok "--no-rollups holds for the chart, too" unread --no-rollups
	fi
fi

# --- help
ok "-h: 24 lines" test "$(goquery -h | wc -l)" -le 24
is "$(goquery -h | awk 'length($0) > 80')" "" "  of 80 columns"
is "$(goquery -h | grep -c '^  goquery ')" 5 "  five examples"
goquery -h | sed -n 's/^  goquery \(.*[^ ]\)  # .*/\1/p' | sed 's/> week.html//; s/-i eth0/-i any/' >"$T/examples"
while read -r line; do
	printf '[site]\nnetworks = 192.0.2.0/24\n' >"$T/ini"
	run 0 "  goquery $line" sh -c "goquery --config '$T/ini' -d '$S' $line"
done <"$T/examples"
for o in $(goquery --words options | cut -f1); do
	goquery --help-all | grep -q -- "$o[ ,]\|$o\$" || fail "--help-all lacks $o"
	grep -qE -- "Fl -?${o#--}( |\$)|Fl ${o#-}( |\$)" querier/goquery.1 ||
		fail "goquery.1 lacks $o"
done
goquery --words mdoc >"$T/mdoc"
is "$(sed -n '/^\.\\" words begin/,/^\.\\" words end/p' querier/goquery.1 | grep -v '^\.\\"')" "$(cat "$T/mdoc")" \
    "goquery.1 has the grammar's words (make man-words writes them)"
like "$(goquery -V)" '^goquery [0-9.]+$' "-V"
run 2 "a mistyped column" q talk_cnov
like "$err" "did you mean 'talk_conv'" "  the nearest word"
run 2 "a mistyped counter" q -s pakcets sip
like "$err" "did you mean 'packets'" "  the nearest word"
run 2 "a mistyped zone" q --tz Europe/Zurch sip
like "$err" 'Zurch' "  is named"

# --- completion
complete() { # LINE: what bash offers for its last word
	bash -c '. querier/goquery.bash
		COMP_LINE=$1; COMP_POINT=${#1}; read -ra COMP_WORDS <<<"${1//=/ = }"
		case $1 in *" ") COMP_WORDS+=("");; esac
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_goquery; printf "%s\n" "${COMPREPLY[@]}"' sh "$1" | sort | tr '\n' ' '
}
is "$(complete "goquery -d $S -i ")" "any eth0 " "bash: interfaces of the store"
for o in -d"$S" --store="$S" -store="$S" "-d $S -dns 192.0.2.1" "-dns=192.0.2.1 -d$S"; do
	is "$(complete "goquery $o -i ")" "any eth0 " "bash:   $o"
done
is "$(complete "goquery -d $S --iface=et")$(complete "goquery -d $S --iface=")" "eth0 any eth0 " "bash:   behind --iface="
# a store comes from elsewhere, and so do the names in it
goprobe -d "$T/odd" -i '$(echo)' -r tests/data/office.pcap >"$T/odd.out" 2>&1
goprobe -d "$T/odd" -i eth0 -r tests/data/office.pcap >>"$T/odd.out" 2>&1
is "$(complete "goquery -d $T/odd -i ")" '\$\(echo\) any eth0 ' "bash: what is in an interface's name is not done, it is quoted"
is "$(complete "goquery -d $T/odd -i any,\\\$")" 'any,\$\(echo\) ' "bash:   and known again"
is "$(complete "goquery -d $T/none -i ")" "any " "bash: without a store there is none to offer"
is "$(complete "goquery -e j")" "json jsonl " "bash: formats"
is "$(complete "goquery --fail-")" "--fail-empty --fail-incomplete " "bash: options"
is "$(complete "goquery sip,dp")" "sip,dport " "bash: columns after a comma"
is "$(complete "goquery -s dip")" "dip dips " "bash: columns and counters"
is "$(complete "goquery -s talk")$(complete "goquery -s se")" "  " "bash: no shorthand sorts"
is "$(complete "goquery si")" "sip " "bash: site is no column of a store"
is "$(complete "goquery --remote default -s si")" "sip sips site " "bash: but one of many"
is "$(complete "goquery seen --new yes")" "yesterday " "bash: a time behind --new"
# what takes a value is followed by no column, in either spelling
for o in $(goquery --words options | awk -F '\t' '$2 != "" { print $1 }'); do
	for o in "$o" "$(printf '%s' "$o" | sed 's/^--/-/')"; do
		complete "goquery $o " | grep -q talk_conv && echo "$o"
		grep -q "[(|]$o[|)].*" querier/goquery.zsh || echo "zsh $o"
	done
done >"$T/values"
is "$(cat "$T/values")" "" "bash, zsh: options that take a value are known"
is "$(complete "goquery -c prot")" "proto protocol " "bash: words of conditions"
if command -v zsh >/dev/null; then
	offers() { # WORD...: what zsh is told to offer for the last word
		zsh -fc '. querier/goquery.zsh
			_call_program() { shift; eval "$@"; }
			compset() { :; }
			compadd() { print -rl -- ${@[$@[(i)--] + 1,-1]}; }
			_values() { print -r -- not for names "$@"; }
			words=("$@") CURRENT=$#
			_goquery' zsh "$@" | sort | tr '\n' ' '
	}
	for o in "-d $T/odd" "-d$T/odd" --store="$T/odd" "-dns 192.0.2.1 -d$T/odd"; do
		is "$(offers goquery $o -i '')" '$(echo) any eth0 ' "zsh: names of interfaces as they are, $o"
	done
	is "$(offers goquery -d "$T/odd" --iface=e)" '$(echo) any eth0 ' "zsh:   behind --iface="
	ok "zsh: it loads" zsh -fc 'autoload -Uz compinit && compinit -u -d '"$T/zcompdump"' && . querier/goquery.zsh && whence _goquery'
else
	pass "zsh # SKIP no zsh"
fi
done_testing
