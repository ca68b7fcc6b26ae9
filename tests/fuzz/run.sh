#!/bin/sh
# run.sh BIN DIR SECONDS TARGET...: fuzzes each target for that long, from
# the committed corpus and hand-made seeds on.  What it adds is left in
# DIR/TARGET, crashing inputs are left in DIR/TARGET.crash/.
set -u
bin=$1 dir=$2 seconds=$3
shift 3
status=0
FUZZ_TMP=$(mktemp -d "${FUZZ_TMP:-/dev/shm}/fuzz.XXXXXX") || exit 1
export FUZZ_TMP
trap 'rm -rf "$FUZZ_TMP"' EXIT
trap 'exit 1' INT TERM
python3 tests/fuzz/seeds.py "$dir" || exit 1
for t; do
	mkdir -p "$dir/$t" "$dir/$t.crash" "$dir/$t.seeds" \
	    "tests/fuzz/corpus/$t"
	if nice "$bin/$t" -max_total_time="$seconds" -max_len=4096 -timeout=20 \
	    -rss_limit_mb=2048 -print_final_stats=1 -verbosity=1 \
	    -artifact_prefix="$dir/$t.crash/" \
	    "$dir/$t" "tests/fuzz/corpus/$t" "$dir/$t.seeds" >"$dir/$t.log" 2>&1; then
		result=fine
	else
		result="FAILED, see $dir/$t.log"
		status=1
	fi
	printf '%-10s %9s runs, coverage %6s, %5s new inputs: %s\n' "$t" \
	    "$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$t.log")" \
	    "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$dir/$t.log" | tail -1)" \
	    "$(ls "$dir/$t" | wc -l | tr -d ' ')" "$result"
done
exit $status
