#!/bin/sh
# A test by its name: scripts by their interpreter, programs as they are.  A
# test that hangs is ended after ten minutes and so fails; a campaign has hours.
# What fails is told to $FAILURES, too, with what it said: prove names only the
# number of a check.
umask 022 # other users read what some tests make
limit=600
[ -z "${LONG:-}" ] || limit=4h
case $1 in
*.py) set -- python3 "$@" ;;
*.t) set -- sh "$@" ;;
esac
said=$(mktemp /tmp/goprobe-said.XXXXXX) || exit
trap 'rm -f "$said" "$said.status"' EXIT
{
	timeout $limit "$@"
	echo $? >"$said.status"
} | tee "$said"
status=$(cat "$said.status")
if [ "$status" != 0 ] || grep -q '^not ok' "$said"; then
	{
		echo "$* (exit status $status)"
		grep -A 12 '^not ok' "$said" | grep -E '^(not ok|#)'
		tail -n 1 "$said"
	} >>"${FAILURES:-/dev/null}"
fi
exit "$status"
