#!/bin/sh
# What is linked where, and what every program has to say for itself.
. tests/lib/tap.sh

libs() { readelf -d "$BIN/$1" | sed -n 's/.*NEEDED.*\[\(.*\)\.so.*/\1/p' | sort | tr '\n' ' '; }
is "$(libs goprobe-capture)" "libc libcap-ng libinih libndpi libpcap libseccomp " \
    "goprobe-capture: libpcap and libndpi, no lz4"
is "$(libs goprobe-writer)" "libc libcap-ng libinih liblz4 libseccomp " \
    "goprobe-writer: lz4, no libpcap"
is "$(libs goquery)" "libc libcap-ng libinih liblz4 libseccomp " \
    "goquery: lz4, no libpcap"
is "$(libs goprobe-export)" \
    "libc libcap-ng libcurl libinih liblz4 libseccomp libxxhash libz " \
    "goprobe-export: libcurl"
is "$(libs goquery-resolve)" "libc libcap-ng libmaxminddb libseccomp " \
    "goquery-resolve: libmaxminddb, no store"
is "$(libs goquery-remote)" \
    "libc libcap-ng libcurl libinih libseccomp libz " \
    "goquery-remote: libcurl, no lz4"
is "$(nm "$BIN/goquery-remote" | grep -cE ' [Tt] (godb_writer_|godb_cursor_|gdi_(index|journal|day|block)_)')" 0 \
    "goquery-remote reads no store"
is "$(libs goprobe)" "libc libcap-ng libinih libseccomp " "goprobe: neither"
is "$(nm -D "$BIN/goquery" | grep -cE ' U (socket|connect|bind|sendto|getaddrinfo|gethostby|res_)')" 0 \
    "goquery cannot use a network"
is "$(nm "$BIN/goquery" | grep -cE ' [TtDd] (godb_writer_|ring_(create|push|attach|peek)|hello_)')" 0 \
    "goquery has no writing side and no ring"
is "$(nm "$BIN/goprobe-capture" | grep -cE ' [Tt] (godb_|gdi_)')" 0 \
    "goprobe-capture has no store"

version=$(sed -n 's/^#define GODB_VERSION_STRING "\(.*\)"/\1/p' common/godb/godb.h)
install -m 644 etc/goprobe.ini "$T/example.ini"
for program in goprobe goprobe-capture goprobe-writer goprobe-export goquery; do
	run 0 "$program -h" $program -h
	like "$out" 'usage' "$program -h: usage on stdout"
	run 0 "$program -V" $program -V
	like "$out" "^$program $version" "$program -V: the version of godb.h"
	run 2 "$program --nonsense" $program --nonsense
	is "$out" "" "$program --nonsense: nothing on stdout"
	like "$err" "$program -h shows how|did you mean|-h lists" "  where help is"
	is "$(printf '%s\n' "$err" | wc -l)" $([ $program = goquery ] && echo 1 || echo 2) \
	    "  and not all of it"
	for option in -h -V -T; do
		run 1 "$program $option with nowhere to go" sh -c \
		    "$program $option >/dev/full"
		like "$err" "^$program: .*: No space left on device" "  is said"
	done
	run 2 "$program -t x.ini, which would not be checked" $program -t x.ini
	like "$err" "'x\.ini'" "  is named"
	one_line "$program -t x.ini"
	[ $program = goquery ] && continue
	run 0 "$program -t with the example" $program -c "$T/example.ini" -t
	run 0 "$program -T with the example" $program -c etc/goprobe.ini -T
	cp "$T/run.out" "$T/$program.T"
done
ok "every program reads the same values" cmp "$T/goprobe.T" "$T/goprobe-writer.T"
ok "export too" cmp "$T/goprobe.T" "$T/goprobe-export.T"
ok "capture too" cmp "$T/goprobe.T" "$T/goprobe-capture.T"
sed 's/^#\([a-z]\)/\1/; s/^networks = .*/networks =/; s/^\(geoip\|asn\) =.*/\1 =/; s/^#\[interface.*//; s/^filter = not.*//' \
    etc/goprobe.ini >"$T/all.ini"
run 0 "the example with every key set to its default" goprobe -c "$T/all.ini" -T
ok "is the default" cmp "$T/run.out" "$T/goprobe.T"
# as goprobe.ini(5) says that it may be spelt
printf '%s\n' '[site]' 'name : a=b:c' '[store]' 'max_bytes : 10GB' \
    'min_free: 5 GiB' '[export]' 'url = http://h:8123/' >"$T/colons.ini"
printf '%s\n' '[site]' 'name = a=b:c' '[store]' 'max_bytes = 10737418240' \
    'min_free = 5g' '[export]' 'url: http://h:8123/' >"$T/equals.ini"
run 0 "keys with a colon, sizes in GB" goprobe -c "$T/colons.ini" -T
is "$(printf '%s\n' "$out" | grep -E '^(name|max_bytes|min_free|url) = .')" \
    "name = a=b:c
max_bytes = 10737418240
min_free = 5368709120
url = http://h:8123/" "are read"
cp "$T/run.out" "$T/colons.T"
run 0 "with = and without B" goprobe -c "$T/equals.ini" -T
ok "they are the same" cmp "$T/run.out" "$T/colons.T"

run 1 "a schema with nowhere to go" sh -c "goprobe-export --schema single >/dev/full"
like "$err" '^goprobe-export: standard output: ' "is said"

# what is wrong, in one line
wrong() { # PATTERN COMMAND...
	pattern=$1
	shift
	run 2 "$*" "$@"
	like "$err" "$pattern" "  says what"
	one_line "$*"
}
wrong "unexpected 'x'" goprobe-writer x
wrong 'one command at a time' goprobe-writer --prune --wipe
wrong 'go with a command' goprobe-writer --yes
wrong '-t and -T go without a command' goprobe-writer -t --wipe
wrong '-t and -T go without a command' goprobe-writer --prune -T
wrong "take -c FILE alone; unexpected 'x.pcap'" goprobe -t -i eth0 -r x.pcap
wrong "take -c FILE alone; unexpected 'eth0'" goprobe -T -i eth0
wrong "unexpected 'x'" goprobe-export x
wrong "single, sharded, replicated or modern, not 'x'" goprobe-export --schema x
wrong "--init needs .* or modern, not ''" goprobe-export --init ''
wrong "letters, digits and _, not 'a b'" goprobe-export --schema single --cluster 'a b'
wrong 'at a time' goprobe-export -t --once
wrong 'at a time' goprobe-export --status -T
wrong 'at a time' goquery --list --check
wrong 'at a time' goprobe-export --init single --once
wrong 'at a time' goprobe-export --status --clean
wrong 'no interface' goprobe-capture
wrong "not an interface name 'a/b'" goprobe-capture a/b
wrong "unexpected 'b'" goprobe-capture a b
wrong "not 'x'" goprobe-capture --l7 x lo
wrong '.-sandbox goes with files' goprobe-capture --sandbox off lo
for name in any a,b 'eth*'; do
	wrong "not '$(printf '%s' "$name" | sed 's/[*]/[*]/')'" \
	    goprobe -d "$T/none" -i "$name" -r tests/data/office.pcap
done
wrong "-r replays a file.*'tests/data/office.pcap'" goprobe tests/data/office.pcap
wrong "not an interface name ''" goprobe ''
wrong "interfaces stand apart, as in eth0 eth1, not 'eth0,eth1'" goprobe eth0,eth1
wrong "-i needs a name, not '-x'" goprobe -d "$T/no" -i -x -r x
wrong "-i stands twice 'b'" goprobe -d "$T/no" -i a -i b -r x
wrong 'by -c FILE' goProbe -config /etc/goprobe/goprobe.ini
wrong "empty value for '-d'" goprobe -d '' -i eth0 -r tests/data/office.pcap
wrong "empty value for '-r'" goprobe -d "$T/none" -i eth0 -r ''
wrong "empty value for '-c'" goprobe-capture -c '' lo
wrong "empty value for '-c'" goprobe-writer -c '' -t
wrong "empty value for '-d'" goprobe-export -d '' --status
for option in -d --config --status-file; do
	wrong "^goquery: $option: empty" goquery "$option" '' -i eth0 sip
done
ok "nothing was made" test ! -e "$T/none"

run 1 "the writer refuses root" env -u LISTEN_FDS goprobe-writer -d "$T"
if [ "$(id -u)" = 0 ]; then
	run 77 "capture is started by root" setpriv --reuid=65534 --clear-groups \
	    --regid=65534 "$BIN/goprobe-capture" lo
fi
for page in */*.[13578] */*/*.[13578]; do
	[ -f "$page" ] || continue
	is "$(mandoc -T lint -W warning "$page" 2>&1)" "" "$page is clean"
	# goquery's -in and -out are such, -lgodb is the linker's
	is "$(mandoc -T ascii "$page" | col -b | grep -oE '(^|[ |[(])-[a-z]{3,}' | tr -d ' |[(' |
	    grep -vxE -e '-(in|out|lgodb)')" "" "$page: long options have two dashes"
done
done_testing
