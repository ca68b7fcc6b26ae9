# tap.sh - TAP for system tests in sh.  Source it first:  . tests/lib/tap.sh
#
# Tests run from the top of the tree.  $T is a temporary folder, removed at the
# end; programs come from $BIN (default build/bin).  End with `done_testing`.

set -u
umask 022 # other users read what some tests make
BIN=${BIN:-$PWD/build/bin}
PATH=$BIN:$PATH
T=$(mktemp -d /tmp/goprobe-test.XXXXXX) || exit 1
chmod 755 "$T"
N=0
FAILED=0
CLEANUP=
export LC_ALL=C TZ=UTC

tap_end() {
	for c in $CLEANUP; do $c; done
	rm -rf "$T"
}
trap tap_end EXIT
trap 'exit 1' INT TERM

# at_exit FUNCTION: runs before $T is removed
at_exit() { CLEANUP="$1 $CLEANUP"; }

pass() {
	N=$((N + 1))
	echo "ok $N - $*"
}

fail() {
	N=$((N + 1))
	FAILED=$((FAILED + 1))
	echo "not ok $N - $*"
}

diag() { sed 's/^/# /'; }

# ok "what" COMMAND...: succeeds
ok() {
	what=$1
	shift
	if "$@" >"$T/ok.out" 2>&1; then pass "$what"; else
		fail "$what"
		diag <"$T/ok.out"
	fi
}

# is GOT EXPECTED "what"
is() {
	if [ "$1" = "$2" ]; then pass "$3"; else
		fail "$3"
		printf '#      got: %s\n# expected: %s\n' "$1" "$2"
	fi
}

# like GOT PATTERN "what": an extended regular expression
like() {
	if printf '%s\n' "$1" | grep -qE -- "$2"; then pass "$3"; else
		fail "$3"
		printf '#      got: %s\n# expected to match: %s\n' "$1" "$2"
	fi
}

# run STATUS "what" COMMAND...: exit status, output in $out, stderr in $err
run() {
	want=$1
	what=$2
	shift 2
	"$@" >"$T/run.out" 2>"$T/run.err" </dev/null
	status=$?
	out=$(cat "$T/run.out")
	err=$(cat "$T/run.err")
	if [ "$status" = "$want" ]; then pass "$what"; else
		fail "$what: status $status, expected $want"
		diag <"$T/run.err"
	fi
}

# one_line "what": the last run wrote exactly one line to stderr
one_line() {
	is "$(wc -l <"$T/run.err" | tr -d ' ')" 1 "$1: one line"
}

# sum_of COLUMN COMMAND...: what the column of its csv adds up to, or that the
# command failed: no row is a sum of 0, no answer is none
sum_of() {
	column=$1
	shift
	"$@" >"$T/sum.csv" 2>"$T/sum.err" || {
		echo "status $?: $(cat "$T/sum.err")"
		return
	}
	awk -F, -v c="$column" 'NR > 1 { s += $c } END { printf "%d", s }' "$T/sum.csv"
}

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
	left=$(($1 * 10))
	shift
	while ! "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ $left -le 0 ] && return 1
		sleep 0.1
	done
}

done_testing() {
	echo "1..$N"
	[ $FAILED = 0 ]
	exit
}

# skip_all REASON: the rest, where some tests have been run
skip_all() {
	if [ $N = 0 ]; then
		echo "1..0 # SKIP $*"
		exit 0
	fi
	pass "the rest # SKIP $*"
	done_testing
}
