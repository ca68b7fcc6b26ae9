#!/bin/sh
# A test by its name: scripts by their interpreter, programs as they are.  A
# test that hangs is ended after ten minutes and so fails.
case $1 in
*.py) exec timeout 600 python3 "$@" ;;
*.t) exec timeout 600 sh "$@" ;;
*) exec timeout 600 "$@" ;;
esac
