#!/bin/sh
# A test by its name: scripts by their interpreter, programs as they are.  A
# test that hangs is ended after ten minutes and so fails; a campaign has hours.
limit=600
[ -z "${LONG:-}" ] || limit=4h
case $1 in
*.py) exec timeout $limit python3 "$@" ;;
*.t) exec timeout $limit sh "$@" ;;
*) exec timeout $limit "$@" ;;
esac
