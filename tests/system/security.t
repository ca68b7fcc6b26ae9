#!/bin/sh
# common/SECURITY.md keeps its word: the tests that it names are there, hold
# what it quotes, and are run; the filters it shows are the programs' own.
. tests/lib/tap.sh

DOC=common/SECURITY.md
TESTS_DIR=${TESTS_DIR:-build/gcc/tests}
grep -o '`tests/[^`]*`' $DOC | tr -d '`' | sort -u >"$T/named"
ok "it names tests" test "$(wc -l <"$T/named")" -ge 15
while IFS= read -r line; do
	file=${line%%: *}
	ok "$file" test -f "$file"
	[ "$file" = "$line" ] || ok "  holds: ${line#*: }" grep -qF -- "${line#*: }" "$file"
	# a program by its build.mk, a script by the list or by who calls it
	name=$(basename "$file")
	name=${name%.*}
	case $file in
	tests/data/*) ;;
	*) ok "  and is run" grep -qE -- "\b(lib)?${name%%_*}" tests/build.mk ;;
	esac
done <"$T/named"
for c in capture writer querier export remote; do
	title=goprobe-$c
	[ $c = querier ] && title=goquery
	[ $c = remote ] && title=goquery-remote
	[ $c = capture ] && title='goprobe-capture, live, one worker'
	printf '### %s\n\n' "$title"
	"$TESTS_DIR/component/attack_$c" --rules
	[ $c = remote ] || echo
done >"$T/rules"
sed -n '/^### goprobe-capture, live/,$p' $DOC >"$T/shown"
ok "the filters are as shown" diff "$T/shown" "$T/rules"
done_testing
