#!/bin/sh
# install puts everything below DESTDIR and PREFIX, and runs from there;
# uninstall takes every file back.
. tests/lib/tap.sh

MAKE=${MAKE:-make}
mkdir -p "$T/dest/opt/gp/share/doc" # somebody else's
ok "make install" $MAKE -s install DESTDIR="$T/dest" PREFIX=/opt/gp
is "$(cd "$T/dest/opt/gp" && find bin sbin -type f -o -type l | sort | tr '\n' ' ')" \
    "bin/goQuery bin/goquery bin/goquery-remote bin/goquery-resolve sbin/goProbe sbin/goprobe sbin/goprobe-capture sbin/goprobe-export sbin/goprobe-writer " \
    "programs and their old names"
for page in goquery.1 goquery-remote.1 goprobe.8 goprobe-capture.8 goprobe-writer.8 goprobe-export.8 goprobe.ini.5; do
	ok "man page $page" test -s "$T/dest/opt/gp/share/man/man${page##*.}/$page"
done
for file in etc/clickhouse/*.sql etc/grafana/*.json; do
	ok "${file#etc/}" cmp "$file" "$T/dest/opt/gp/share/doc/goprobe/${file#etc/}"
done
for path in /usr/local/bin /usr/bin; do
	for program in $(find "$T/dest/opt/gp/bin" -type f ! -name goquery-resolve); do
		ok "auditd watches $path/${program##*/}" grep -q -- \
		    "-F path=$path/${program##*/} -F perm=x" \
		    "$T/dest/opt/gp/share/doc/goprobe/goquery-audit.rules"
	done
done
run 0 "installed goProbe replays" "$T/dest/opt/gp/sbin/goProbe" -d "$T/s" -i a \
    -r tests/data/days.pcap
run 0 "installed goQuery answers" "$T/dest/opt/gp/bin/goQuery" -d "$T/s" -i a -f 0 -e csv raw
like "$out" '192\.0\.2\.1' "with what was replayed"
is "$(grep -c -- '-F exe.*-F exe' etc/goquery-audit.rules)" 0 \
    "of the programs a rule names one: Linux takes no more"
for blank in "DESTDIR=$T/a b" "DESTDIR=$T/a " "PREFIX=$T/a b"; do
	for target in install uninstall; do
		run 2 "make $target '${blank#*/tmp/}'" $MAKE -n $target DESTDIR="$T/c" "$blank"
		like "$err" 'cannot have blanks' "is refused"
	done
done
mkdir "$T/bin"
ln -s /nowhere/x "$T/bin/.goprobe-capture.new"
run 2 "a program that cannot be put into BIN" $MAKE -s all BIN="$T/bin"
ok "make uninstall" $MAKE -s uninstall DESTDIR="$T/dest" PREFIX=/opt/gp
is "$(find "$T/dest" -type f -o -type l)" "" "nothing is left"
is "$(find "$T/dest" -type d -name '*goprobe*')" "" "nor a folder of ours"
ok "a folder that was there before is there" test -d "$T/dest/opt/gp/share/doc"
run 2 "a sanitizer build is not installed" $MAKE -s install SANITIZE=address DESTDIR="$T/dest" -o all
done_testing
