#!/bin/sh
# Runs the tests given, with the time of each suite and prove's summary.  Unit
# tests share nothing and run two at a time, but for those that watch the clock;
# all others have the machine to themselves.
set -u
[ "$(id -u)" = 0 ] && sh systemd/users.sh
together=
alone=
for t; do
	case $t in
	*/unit/test_loop | */unit/test_turns | */unit/test_dpi_sandbox) alone="$alone $t" ;;
	*/tests/unit/*) together="$together $t" ;;
	*) alone="$alone $t" ;;
	esac
done
status=0
if [ -n "$together" ]; then
	prove --timer --jobs 2 --exec 'sh tests/run-one.sh' $together || status=1
fi
if [ -n "$alone" ]; then
	prove --timer --exec 'sh tests/run-one.sh' $alone || status=1
fi
exit $status
