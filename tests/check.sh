#!/bin/sh
# Runs the tests given, with the time of each suite and prove's summary, in
# four groups.  Unit tests and others that only compute share nothing and run
# five at a time, for the longest of those that wait are among them; the others
# that mostly wait, in machines, networks and folders of their own, six.  All
# others have the machine to themselves, since they watch the clock or need all
# of it.
set -u
# Many tests are those of other users, who may not go where only root may: to
# them this folder is shown at another place, for as long as the tests run.
other() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
if [ "$(id -u)" = 0 ] && [ -z "${SHOWN:-}" ] && ! other test -x "$PWD/tests"; then
	place=$(mktemp -d) && chmod 755 "$place" || exit
	corpus=${PCAP_CORPUS:-../shared/pcaps}
	[ "${corpus#/}" != "$corpus" ] || corpus=$PWD/$corpus
	SHOWN=$PWD PCAP_CORPUS=$corpus BIN=$place/${BIN#"$PWD/"} TESTS_DIR=$place/${TESTS_DIR#"$PWD/"} \
	    unshare --mount sh -c 'mount --bind . "$0" && cd "$0" && exec sh tests/check.sh "$@"' \
	    "$place" "$@"
	status=$?
	rmdir "$place"
	exit $status
fi
# where umask kept them from files, no place helps
if [ "$(id -u)" = 0 ] && ! { other test -r tests/data/office.pcap && other test -x "$BIN/goquery"; }; then
	echo "${SHOWN:-$PWD} cannot be read by other users, whose tests many are: chmod -R go+rX ." >&2
	exit 1
fi
[ "$(id -u)" = 0 ] && sh systemd/users.sh
first=
together=
waiting=
behind=
alone=
for t; do
	case $t in
	# minutes: begun first, so that none is left at the end
	*/service.t | */export.t | */unit/test_honest) first="$t $first" ;;
	*/remote.t | */other-compiler.t | */unit/test_loop_live | */unit/test_loop_clock)
		waiting="$t $waiting"
		;;
	# installs the packages that service.t makes, in the tree it makes
	*/readme.t) behind="$behind $t" ;;
	*/unit/test_turns | */unit/test_orphans | */unit/test_frames | */unit/test_dpi_sandbox)
		alone="$alone $t"
		;;
	*/tests/unit/* | */fuzz/replay | */component/attack_* | */component/flips | \
	*/component/double_fetch)
		together="$together $t"
		;;
	*/oracle.t | */l7.t | */format.t | */offline.t | */query.t | */goquery.t | */seen.t | \
	*/missing.t | */needle.t | */truth.t | */captures.t | */programs.t | \
	*/security.t | */closed.t)
		together="$together $t"
		;;
	*/storm.t | */status.t | */dpi.t | */interfaces.t | */clocksteps.t | */workers.t | \
	*/perms.t | */names.t | */powercut.t | */quickstart.t | */live.t | \
	*/manners.t | */maintain.t | */faults.t | \
	*/kills.t | */livekills.t | */holds.t | */component/hostile | */component/succession | \
	*/component/failing)
		waiting="$waiting $t"
		;;
	*) alone="$alone $t" ;;
	esac
done
status=0
FAILURES=$(mktemp /tmp/goprobe-failures.XXXXXX) || exit
export FAILURES
# suite JOBS TEST...
suite() {
	[ $# -gt 1 ] || return 0
	jobs=$1
	shift
	prove --timer --jobs "$jobs" --exec 'sh tests/run-one.sh' "$@" || status=1
}
suite 5 $first $together
suite 1 $alone
suite 6 $waiting
suite 1 $behind
# last, where whoever reads the end of a log finds it
[ $status = 0 ] || { echo "What failed:" && cat "$FAILURES"; } >&2
rm "$FAILURES"
exit $status
