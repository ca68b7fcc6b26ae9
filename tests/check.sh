#!/bin/sh
# Every test, with the time per suite and prove's summary at the end.
#   check.sh PROGRAM... -- SCRIPT...
set -u
programs=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	programs="$programs $1"
	shift
done
[ $# -gt 0 ] && shift
[ "$(id -u)" = 0 ] && sh systemd/users.sh

exec prove --timer --exec 'sh tests/run-one.sh' $programs "$@"
