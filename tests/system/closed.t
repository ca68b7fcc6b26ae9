#!/bin/sh
# Programs that cannot have their sandbox leave; closed.py.
exec python3 tests/system/closed.py
