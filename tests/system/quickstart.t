#!/bin/sh
# What a newcomer sees first: make quickstart, behind the build, shows rows of
# the capture file and of a live interface.
. tests/lib/tap.sh

name=HTTP
"${TESTS_DIR:-build/gcc/tests}/lib/l7dump" tests/data/office.pcap >/dev/null 2>&1
[ $? != 99 ] || name=Unknown # built without layer 7
here=
if [ "$(id -u)" = 0 ]; then
	getent passwd goprobe-capture >/dev/null || skip_all "users are missing: make users"
	# a lo of its own, on which nobody else talks
	here="unshare --net"
	$here true 2>/dev/null || skip_all "needs network namespaces"
fi

run 0 "quickstart" $here sh -c \
    '[ "$(id -u)" != 0 ] || ip link set lo up; exec sh systemd/quickstart.sh'
like "$err" '^goprobe: 1929 packets, 75 rows in 3 blocks, 15 non-IP, 0 malformed' "the file's packets"
is "$(printf '%s\n' "$err" | wc -l)" 1 "and nothing else on stderr"
file=$(printf '%s\n' "$out" | sed -n '/a capture file/,/Overall/p')
live=$(printf '%s\n' "$out" | sed -n '/--- live/,/Overall/p')
like "$file" '^ +192\.0\.2\.21 +192\.0\.2\.5 +259\.00 ' "who talked in them"
if [ -n "$here" ]; then
	like "$live" " lo +127\.0\.0\.1 +127\.0\.0\.1 +[0-9]+ +TCP +$name " \
	    "live: a conversation under its name"
	# ten packets a connection, twenty a second, four seconds at least, if
	# the machine has time; a block may end meanwhile
	ok "soon after its packets" test "$(printf '%s\n' "$live" |
	    awk -v name=$name '$9 == name { n += $10 * ($11 == "k" ? 1000 : 1) } END { print n + 0 }')" -ge 200

	# before anything is heard
	cat >"$T/silence" <<'END'
ip link set lo up
"$BIN/goprobe" -d "$T/s" lo 2>"$T/s.log" &
tries=15
until goquery -d "$T/s" -i lo -f -1h raw >"$T/s.out" 2>"$T/s.err" &&
    grep -q open "$T/s.err" || [ $tries = 0 ]; do
	tries=$((tries - 1))
	sleep 1
done
kill $!
wait $!
END
	T=$T BIN=$BIN $here sh "$T/silence"
	like "$(cat "$T/s.err")" \
	    '^goquery: no rows; lo has blocks from .* to .*, the last one open: flows come some seconds' \
	    "an empty answer tells of the open block"
fi
done_testing
