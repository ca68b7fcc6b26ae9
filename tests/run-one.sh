#!/bin/sh
# A test by its name: scripts by their interpreter, programs as they are.  A
# test that hangs is ended after ten minutes and so fails; a campaign has hours.
limit=600
# Of what was freed AddressSanitizer keeps 16 MB from use, not 256: memory that
# is always new costs more time than most of these tests.
export ASAN_OPTIONS="quarantine_size_mb=16${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
[ -z "${LONG:-}" ] || limit=4h
case $1 in
*.py) exec timeout $limit python3 "$@" ;;
*.t) exec timeout $limit sh "$@" ;;
*) exec timeout $limit "$@" ;;
esac
