#!/bin/sh
# The units without a running systemd: do they verify, how exposed are they,
# and what the generator makes of a configuration.
. tests/lib/tap.sh

command -v systemd-analyze >/dev/null || skip_all "needs systemd-analyze"
MAKE=${MAKE:-make}
D=$T/dest
# a prefix of its own, so that ExecStart= names programs that are there
ok "make install" $MAKE -s install DESTDIR= PREFIX="$D" SYSCONFDIR="$D/etc"
units=$D/lib/systemd/system

for unit in goprobe.target goprobe-apply.service goprobe-writer.socket \
    goprobe-writer.service goprobe-capture@eth0.service \
    goprobe-standin@eth0.service goprobe-export.service; do
	# the user may not be there, and the pages lie in our own prefix
	SYSTEMD_UNIT_PATH=$units: MANPATH=$D/share/man run 0 "$unit verifies" \
	    systemd-analyze verify --man=no --recursive-errors=no "$unit"
	is "$err" "" "$unit: without a word"
done
for page in $(sed -n 's/^Documentation=//p' "$units"/goprobe* | tr ' ' '\n' | sort -u); do
	name=${page#man:} name=${name%(*} section=${page##*(} section=${section%)}
	ok "$page is there" test -s "$D/share/man/man$section/$name.$section"
done

# gate UNIT-FILE TENTHS: exposure level
gate() {
	name=$(basename "$1" | sed 's/@/@eth0/')
	cp "$1" "$T/$name"
	ok "exposure of $name at most $2 tenths" systemd-analyze security \
	    --offline=yes --no-pager --threshold="$2" "$T/$name"
	echo "# $(systemd-analyze security --offline=yes --no-pager "$T/$name" |
	    tail -1 | tr -d '\200-\377')"
}
gate "$units/goprobe-writer.service" 5
gate "$units/goprobe-capture@.service" 23
gate "$units/goprobe-standin@.service" 23
gate "$units/goprobe-apply.service" 15
gate "$units/goprobe-export.service" 15

is "$(diff "$units/goprobe-capture@.service" "$units/goprobe-standin@.service" | grep '^[<>]' |
    grep -vE '^[<>] (Description=|Restart|StartLimit|# 2: )')" "" "a stand-in is a capture but for its restart"

# --- the generator, which reads /etc/goprobe: in a mount namespace of its own
[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || {
	pass "# SKIP generator: needs root and mount namespaces"
	done_testing
}
generator=$D/lib/systemd/system-generators/goprobe-generator
mkdir "$T/etc"
generate() { # INI-TEXT: into $T/out
	rm -rf "$T/out"
	mkdir -p "$T/out/n" "$T/out/e" "$T/out/l" "$T/etc/goprobe"
	printf '%b' "$1" >"$T/etc/goprobe/goprobe.ini"
	unshare -m --propagation private sh -c 'mkdir -p /etc/goprobe &&
	    mount --bind "$1" /etc/goprobe && shift && exec "$@"' sh \
	    "$T/etc/goprobe" "$generator" "$T/out/n" "$T/out/e" "$T/out/l"
}
made() { (cd "$T/out" && find . ! -type d | sort | tr '\n' ' '); }
had=$(ls -d /etc/goprobe 2>/dev/null)

run 0 "two interfaces" generate '[interface eth0]\n[interface br-lan.7]\nl7=off\n'
is "$(made)" "./n/goprobe.target.wants/goprobe-capture@br\\x2dlan.7.service ./n/goprobe.target.wants/goprobe-capture@eth0.service " \
    "two instances, names escaped"
is "$(readlink "$T/out/n/goprobe.target.wants/goprobe-capture@eth0.service")" \
    "$units/goprobe-capture@.service" "links to the template"
is "$(systemd-escape --unescape 'br\x2dlan.7')" br-lan.7 "as systemd reads them"
run 0 "no interface" generate '[store]\nretain_days = 7\n'
is "$(made)" "" "nothing is made"
run 0 "store and metrics elsewhere" generate \
    '[store]\npath = /srv/a b%c\n[writer]\nmetrics = /var/lib/prom/goprobe.prom\n'
is "$(cat "$T/out/n/goprobe-writer.service.d/50-paths.conf")" \
    "# made by goprobe-generator
[Service]
ReadWritePaths=\"-/srv/a b%%c\"
ReadWritePaths=\"-/var/lib/prom\"" "are opened to the writer"
run 0 "an export" generate '[export]\nurl = http://192.0.2.1:8123\nstate = /srv/e\n'
is "$(made)" "./n/goprobe-export.service.d/50-paths.conf ./n/goprobe.target.wants/goprobe-export.service " \
    "is wanted, and may write its state"
run 0 "an export with secrets" generate '[export]\nurl = https://192.0.2.1:8443\nuser = u\npassword_file = /etc/goprobe/pass word%\nkey_file = /etc/k.pem\nmetrics = /var/lib/prom/e.prom\n'
is "$(cat "$T"/out/n/goprobe-export.service.d/*.conf)" \
    '# made by goprobe-generator
[Service]
ReadWritePaths="-/var/lib/prom"
# made by goprobe-generator
[Service]
LoadCredential=password_file:/etc/goprobe/pass word%%
LoadCredential=key_file:/etc/k.pem' "has them handed over"
run 2 "an error in the file" generate '[interface eth0]\nsnaplen = many\n'
is "$(made)" "" "nothing is made"
one_line "an error in the file"
like "$err" '^goprobe: /etc/goprobe/goprobe.ini:2: snaplen = many: .*: no interface is captured$' \
    "it says where and what follows"
run 2 "bytes" generate '\0377\0000[[['
is "$(made)" "" "nothing is made"
chmod 666 "$T/etc/goprobe/goprobe.ini"
unshare -m --propagation private sh -c 'mount --bind "$1" /etc/goprobe &&
    exec "$2" "$3" "$3" "$3"' sh "$T/etc/goprobe" "$generator" "$T/out/n" 2>"$T/err"
is "$?" 2 "a file that others can write"
like "$(cat "$T/err")" 'writable by root alone' "is refused"
run 2 "wrong use" "$generator"
[ -n "$had" ] || rmdir /etc/goprobe 2>/dev/null
done_testing
