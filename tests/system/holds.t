#!/bin/sh
# Who holds what while it runs, against tests/data/holds.golden; holds.py.
exec python3 tests/system/holds.py
