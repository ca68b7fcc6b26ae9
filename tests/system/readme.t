#!/bin/sh
# Every command of the README does what is shown there: those of a user here,
# those of root in a machine with the packages.
. tests/lib/tap.sh
. tests/lib/machine.sh

MAKE=${MAKE:-make}
mkdir "$T/readme" "$T/w" "$T/w/tests"
set -- $(python3 tests/lib/readme.py README.md "$T/readme")
commands=$1
shift
for target; do
	ok "make $target is there" $MAKE -n "$target"
done
machine_tree
# service.t has made them, by the README's command
[ -n "$(ls build/deb/goprobe_*.deb 2>/dev/null)" ] || ok "make deb" $MAKE -s deb
mkdir -p "$ROOT/srv/build"
cp -r build/deb "$ROOT/srv/build/"
ok "boot" machine_boot || done_testing
machine_link eth0 va
machine_link eth1 vc
machine useradd analyst
cp -r tests/data "$T/w/tests/"
cp tests/data/office.pcap "$T/w/monday.pcap"
cp tests/data/links.pcapng "$T/w/tuesday.pcapng"
gzip -c tests/data/days.pcap >"$T/w/huge.pcap.gz"

as_user() { (cd "$T/w" && sh -c "$1") </dev/null; }
as_root() {
	case $1 in
	"make deb") return 0 ;; # see above
	esac
	machine sh -c "cd /srv && $1" </dev/null
}
# what is shown is in what came, but for how long it took and blanks at the end
same() { # COMMAND
	python3 - "$1" "$T/shown" "$T/came" <<'END'
import re, sys
def lines(path):
    text = re.sub(r"took \S+", "took T", open(path).read())
    return [line.rstrip() for line in text.strip("\n").split("\n")]
shown, came = lines(sys.argv[2]), lines(sys.argv[3])
found = any(came[i:i + len(shown)] == shown for i in range(len(came)))
if not found:
    print("shown:", *shown, "came:", *came, sep="\n")
sys.exit(not found)
END
}
n=0
while [ $n -lt "$commands" ]; do
	n=$((n + 1))
	cmd=$(cat "$T/readme/$n.cmd")
	cp "$T/readme/$n.out" "$T/shown"
	case $(cat "$T/readme/$n.who") in
	'$') does() { as_user "$cmd" >"$T/came" 2>"$T/came.err" || { cat "$T/came.err"; false; }; } ;;
	*) does() { as_root "$cmd" >"$T/came" 2>"$T/came.err" || { cat "$T/came.err"; false; }; } ;;
	esac
	what=$(printf %s "$cmd" | tr '\\' '|') # echo would make a line of \n
	# a sensor that was just started has not told anything yet
	case $cmd in
	*--status*) ok "$what" wait_for 15 does ;;
	*) ok "$what" does ;;
	esac
	if grep -q '[^ ]' "$T/shown"; then
		ok "answers as shown" same "$cmd"
	fi
done
is "$commands" "$(grep -cE '^    [$#] ' README.md)" "all $commands commands were run"
running() { machine systemctl -q is-active goprobe-capture@eth0 goprobe-capture@eth1; }
ok "and in the end both interfaces are captured" wait_for 10 running
done_testing
