#!/bin/sh
# goprobe-export beside a real ClickHouse: tests/system/export.py.
command -v python3 >/dev/null || { echo "1..0 # SKIP no python3"; exit 0; }
exec python3 tests/system/export.py -b "${BIN:-build/bin}" "$@"
