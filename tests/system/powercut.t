#!/bin/sh
# The machine loses its power at random moments, and the disk runs full: what
# the store promised is there, once, and nothing is damaged (tests/lib/
# powercut.c).  POWER_CUTS for each file system, 20 by default, 200 with LONG=1.
. tests/lib/tap.sh

HELPER=${TESTS_DIR:-build/gcc/tests}/lib/powercut
CUTS=${POWER_CUTS:-${LONG:+200}}
[ "$(id -u)" = 0 ] || skip_all "mounting takes root"
[ -x "$HELPER" ] || skip_all "$HELPER is not built"

# in memory where there is room: it is about order, not about a disk's speed
D=$T
if [ "$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 800000 ] 2>/dev/null; then
	D=$(mktemp -d /dev/shm/goprobe-test.XXXXXX)
	remove_d() { rm -rf "$D"; }
	at_exit remove_d
fi

# part FS MODE: one run of the helper is one check here
part() {
	"$HELPER" "$2" "$1" "$D" "${CUTS:-20}" >"$T/out" 2>&1
	status=$?
	reason=$(sed -n 's/^1\.\.0 # SKIP //p' "$T/out")
	if [ $status = 77 ] && [ -n "$reason" ]; then
		pass "$1, $2 # SKIP $reason"
		return
	fi
	grep '^#' "$T/out"
	if [ $status = 0 ] && ! grep -q '^not ok' "$T/out"; then
		pass "$1, $2"
	else
		fail "$1, $2"
		diag <"$T/out"
	fi
}

for fs in ext4 xfs; do
	part $fs cuts
	part $fs full
done
done_testing
