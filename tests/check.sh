#!/bin/sh
# Runs the tests given, with the time of each suite and prove's summary.
set -u
[ "$(id -u)" = 0 ] && sh systemd/users.sh
exec prove --timer --exec 'sh tests/run-one.sh' "$@"
