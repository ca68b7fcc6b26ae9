#!/bin/sh
# The units without a running systemd: do they verify, how exposed are they,
# and what the generator makes of a configuration.
. tests/lib/tap.sh

command -v systemd-analyze >/dev/null || skip_all "needs systemd-analyze"
MAKE=${MAKE:-make}
D=$T/dest
# a prefix of its own, so that ExecStart= names programs that are there
ok "make install" $MAKE -s install DESTDIR= PREFIX="$D"
units=$D/lib/systemd/system

for unit in goprobe.target goprobe-apply.service goprobe-writer.socket \
    goprobe-writer.service goprobe-capture@eth0.service \
    goprobe-standin@eth0.service goprobe-export.service; do
	# the user may not be there, and the pages lie in our own prefix
	SYSTEMD_UNIT_PATH=$units: MANPATH=$D/share/man run 0 "$unit verifies" \
	    systemd-analyze verify --man=no --recursive-errors=no "$unit"
	is "$err" "" "$unit: without a word"
done
like "$(cat "$units/goprobe-apply.service")" '^TimeoutStartSec=infinity$' \
    "a reload takes as long as the units that it waits for may take together"
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

# --- an upgrade goes on behind a unit that does not come back: systemctl is one
# that knows three of them and fails for those in $T/broken
mkdir "$T/systemctl"
cat >"$T/systemctl/systemctl" <<'EOF'
#!/bin/sh
here=${0%/*}
case "$*" in
list-units*) printf '%s.service running\n' goprobe-capture@eth0 goprobe-capture@eth1 goprobe-export ;;
try-restart*)
	echo "$2" >>"$here/asked"
	[ ! -x "$here/meanwhile" ] || "$here/meanwhile"
	! grep -qxF "$2" "$here/../broken"
	;;
--no-block* | start* | stop* | restart*) echo "$*" >>"$here/asked" ;;
daemon-reload) ! grep -qxF "$*" "$here/../broken" ;;
esac
EOF
printf '#!/bin/sh\n' >"$T/systemctl/systemd-sysusers"
chmod 755 "$T/systemctl/systemctl" "$T/systemctl/systemd-sysusers"
apply() { # VERB BROKEN-UNIT
	rm -f "$T/systemctl/asked"
	echo "$2" >"$T/broken"
	PATH=$T/systemctl:$PATH "$D/libexec/goprobe/goprobe-apply" "$1"
}
asked() { tr '\n' ' ' <"$T/systemctl/asked" | sed 's/goprobe-//g; s/\.service//g'; }

for verb in upgrade downgrade; do
	all="writer capture@eth0 capture@eth1 export "
	[ $verb = upgrade ] || all="capture@eth0 capture@eth1 export writer "
	run 0 "$verb" apply $verb none
	is "$(asked)" "$all" "$verb: each is started again"
	for unit in goprobe-capture@eth0 goprobe-export; do
		run 1 "$verb without $unit" apply $verb $unit.service
		is "$(asked)" "$all" "$verb without $unit: the others go on"
		is "$err" "goprobe-apply: $unit.service does not start again" \
		    "$verb without $unit: and it is told"
	done
done
run 1 "upgrade without the writer" apply upgrade goprobe-writer.service
is "$(asked)" "writer " "upgrade without the writer: captures go on counting"
run 1 "downgrade without the writer" apply downgrade goprobe-writer.service

# --- the generator, which reads /etc/goprobe: in a mount namespace of its own
[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || {
	pass "# SKIP generator: needs root and mount namespaces"
	done_testing
}
configured() { # with a /run of systemd's: what dpkg runs
	unshare -m --propagation private sh -c 'mount -t tmpfs none /run &&
	    mkdir -p /run/systemd/system && PATH=$1:$PATH &&
	    exec sh systemd/debian/goprobe-export.postinst configure 0.1.0' sh "$T/systemctl"
}
echo goprobe-export.service >"$T/broken"
run 0 "an exporter that does not start again leaves its package configured" configured
is "$(tail -1 "$T/systemctl/asked")" goprobe-export.service "though it was asked to"
one_line "and that is told"

removed() { # PACKAGE
	unshare -m --propagation private sh -c 'mount -t tmpfs none /run &&
	    mkdir -p /run/systemd/system && PATH=$1:$PATH &&
	    exec sh systemd/debian/"$2".postrm remove' sh "$T/systemctl" "$1"
}
echo daemon-reload >"$T/broken"
for package in goprobe goprobe-export; do
	run 0 "$package goes, whatever systemd says" removed $package
done

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
is "$(made)" "./n/goprobe-export.service.d/50-address.conf ./n/goprobe-export.service.d/50-paths.conf ./n/goprobe.target.wants/goprobe-export.service " \
    "is wanted, and may write its state"
is "$(tail -2 "$T/out/n/goprobe-export.service.d/50-address.conf")" \
    'IPAddressDeny=any
IPAddressAllow=192.0.2.1' "and reach its server, and no other"
run 0 "over IPv6" generate '[export]\nurl = https://[2001:db8::1]:8443/x\n'
is "$(tail -1 "$T/out/n/goprobe-export.service.d/50-address.conf")" \
    'IPAddressAllow=2001:db8::1' "likewise"
for url in https://clickhouse.example/ http:/ 'http://[::1' http://1.2.3/; do
	run 0 "$url" generate "[export]\nurl = $url\n"
	case $url in
	*::1) ;;
	*) is "$(made)" "./n/goprobe.target.wants/goprobe-export.service " "has no address" ;;
	esac
done
run 0 "an export with secrets" generate '[export]\nurl = https://192.0.2.1:8443\nuser = u\npassword_file = /etc/goprobe/pass word%\nkey_file = /etc/k.pem\nmetrics = /var/lib/prom/e.prom\n'
is "$(cat "$T"/out/n/goprobe-export.service.d/50-[ps]*.conf)" \
    '# made by goprobe-generator
[Service]
ReadWritePaths="-/var/lib/prom"
# made by goprobe-generator
[Service]
LoadCredential=password_file:/etc/goprobe/pass word%%
LoadCredential=key_file:/etc/k.pem' "has them handed over"
# what is read at the start is read again when a reload finds it changed
changes() {
	unshare -m --propagation private sh -c 'mount --bind "$1" /etc/goprobe &&
	    exec "$2" --changes "$3"' sh "$T/etc/goprobe" "$generator" "$T/applied"
}
for key in password_file ca_file cert_file key_file filter_file; do
	section=export unit=goprobe-export.service
	[ $key != filter_file ] || section='interface eth0' unit='goprobe-writer.service
goprobe-capture@eth0.service'
	printf '[site]\nname = x\n[export]\nurl = https://192.0.2.1\n%s = %s\n' \
	    user u >"$T/etc/goprobe/goprobe.ini"
	[ "$section" = export ] || echo "[interface eth0]" >>"$T/etc/goprobe/goprobe.ini"
	echo "$key = $T/etc/file" >>"$T/etc/goprobe/goprobe.ini"
	echo old >"$T/etc/file"
	touch -d '1 hour ago' "$T/etc/file"
	cp "$T/etc/goprobe/goprobe.ini" "$T/applied"
	run 0 "$key as it was" changes
	is "$out" "" "$key as it was: nothing is started again"
	touch -d '1 hour' "$T/etc/file"
	run 0 "another $key" changes
	is "$out" "$unit" "another $key: its unit is started again"
done

# --- goprobe-apply, with a /run of its own: what it asked of systemctl
applying() { # VERB: /run/goprobe is $T/run, with what is made of it
	rm -f "$T/systemctl/asked"
	unshare -m --propagation private sh -c 'mount --bind "$1/etc/goprobe" /etc/goprobe &&
	    mount -t tmpfs none /run && cp -a "$1/run/." /run && PATH=$1/systemctl:$PATH &&
	    { "$2" "$3"; status=$?; cp -a /run/goprobe "$1/run/"; exit $status; }' sh \
	    "$T" "$D/libexec/goprobe/goprobe-apply" "$1"
}
echo none >"$T/broken"
wants=$T/run/systemd/generator/goprobe.target.wants
mkdir -p "$T/run/goprobe" "$wants"
printf '[interface eth0]\n[interface eth1]\n[export]\nurl = http://192.0.2.1\n[site]\nname = x\n' \
    >"$T/etc/goprobe/goprobe.ini"
for unit in goprobe-capture@eth0 goprobe-capture@eth1 goprobe-export; do
	: >"$wants/$unit.service"
done
cp "$T/etc/goprobe/goprobe.ini" "$T/run/goprobe/applied.ini"
run 0 "a reload without a change" applying reload
ok "asks for nothing" test ! -e "$T/systemctl/asked"
echo 'another = versions' >>"$T/run/goprobe/applied.ini"
run 0 "a reload of what another version had applied" applying reload
is "$(asked)" "restart writer capture@eth0 capture@eth1 export " "starts all of it again"
like "$err" 'applied.ini:7: unknown key' "and tells why"
ok "what is applied now is kept" cmp "$T/etc/goprobe/goprobe.ini" "$T/run/goprobe/applied.ini"
rm "$T/run/goprobe/applied.ini"
run 0 "a reload when nothing had been applied" applying reload
is "$(asked)" "restart writer capture@eth0 capture@eth1 export " "likewise"
is "$err" "" "without a word"

echo "filter_file = $T/etc/file" | cat - "$T/etc/goprobe/goprobe.ini" |
    sed '1{h;d};/eth0/G' >"$T/ini" && cp "$T/ini" "$T/etc/goprobe/goprobe.ini"
touch -d '1 hour ago' "$T/etc/file"
printf '#!/bin/sh\nsleep 0.1\necho "# later" >>"%s"\necho x >>"%s"\n' \
    "$T/etc/goprobe/goprobe.ini" "$T/etc/file" >"$T/systemctl/meanwhile"
chmod 755 "$T/systemctl/meanwhile"
run 0 "a reload while the files are written" applying reload
is "$(asked)" "restart writer capture@eth0 " "what had changed before is applied"
ok "and no more is taken for applied" cmp "$T/ini" "$T/run/goprobe/applied.ini"
rm "$T/systemctl/meanwhile"
run 0 "the next reload" applying reload
is "$(asked)" "restart writer capture@eth0 " "finds the filter that came meanwhile"

: >"$wants/goprobe-capture@gone.service"
run 0 "a start with an interface that has been taken out" applying start
is "$(asked)" "--no-block stop capture@gone " "it is stopped, though it waits to be started"
rm -r "${wants:?}" "$T/run"

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
