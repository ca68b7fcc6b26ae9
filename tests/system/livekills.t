#!/bin/sh
# kill -9 and SIGTERM of the writer, the capture and the launcher under traffic,
# once each; with LONG=1 at 1,000 random instants, and with a full ring.
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
getent passwd goprobe-capture >/dev/null ||
	{ echo "1..0 # SKIP users are missing: make users"; exit 0; }
name=gplk$$
ip netns add $name 2>/dev/null && ip netns del $name ||
	{ echo "1..0 # SKIP needs network namespaces"; exit 0; }
if [ "${LONG:-}" ]; then
	set -- -n 1000 -f 20 -j 10
else
	set -- -n 12 -f 0 -j 6
fi
exec python3 tests/system/livekills.py -b "${BIN:-build/bin}" "$@"
