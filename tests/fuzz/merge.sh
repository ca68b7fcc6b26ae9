#!/bin/sh
# merge.sh BIN DIR TARGET...: the committed corpora become the smallest that
# still reach what they and the inputs found in DIR reach, and the seeds.
set -eu
bin=$1 dir=$2
shift 2
python3 tests/fuzz/seeds.py "$dir"
for t; do
	corpus=tests/fuzz/corpus/$t
	rm -rf "$dir/$t.merged"
	mkdir -p "$dir/$t.merged" "$dir/$t" "$corpus"
	# how often an edge is passed says much only of the small ones
	case $t in
	index | journal | column) counters=1 ;;
	*) counters=0 ;;
	esac
	nice "$bin/$t" -merge=1 -use_counters=$counters -max_len=4096 "$dir/$t.merged" "$corpus" \
	    "$dir/$t" "$dir/$t.seeds" >"$dir/$t.merge.log" 2>&1
	rm -rf "$corpus"
	cp -r "$dir/$t.merged" "$corpus"
	# the hand-made ones stay, whatever they reach
	for f in "$dir/$t.seeds"/*; do
		cp "$f" "$corpus/$(sha1sum <"$f" | cut -d' ' -f1)"
	done
	printf '%-10s %4s inputs, %7s bytes\n' "$t" \
	    "$(ls "$corpus" | wc -l | tr -d ' ')" \
	    "$(cat "$corpus"/* | wc -c | tr -d ' ')"
done
