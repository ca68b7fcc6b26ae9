#!/bin/sh
# A test by its name: scripts by their interpreter, programs as they are.  A
# test that hangs is ended after ten minutes and so fails; a campaign has hours.
limit=600
[ -z "${LONG:-}" ] || limit=4h
case $1 in
*.py) exec timeout $limit python3 "$@" ;;
*.t) exec timeout $limit sh "$@" ;;
# Of what was freed AddressSanitizer keeps 16 MB from use, not 256: memory that
# is always new costs more time than most of these tests.
*/unit/*) ASAN_OPTIONS=quarantine_size_mb=16 exec timeout $limit "$@" ;;
*) exec timeout $limit "$@" ;;
esac
