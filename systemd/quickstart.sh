#!/bin/sh
# The main job once, from packets to an answer: a capture file first, then, for
# root, the packets of a live interface.
set -eu
BIN=${BIN:-build/bin}
IFACE=${IFACE:-lo}
T=$(mktemp -d /tmp/goprobe-quickstart.XXXXXX)
chmod 755 "$T"
launcher=
cleanup() {
	[ -z "$launcher" ] || kill "$launcher" 2>/dev/null || true
	[ -n "${KEEP:-}" ] || rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

show() {
	printf '\n$ %s\n' "$*"
}

echo "--- a capture file: capture, ring, writer, store, answer"
show goprobe -d "$T/flows" -i eth0 -r tests/data/office.pcap
"$BIN/goprobe" -d "$T/flows" -i eth0 -r tests/data/office.pcap
show goquery -d "$T/flows" -i eth0 -f 2026-01-15 -n 10 -c proto=TCP talk_conv
"$BIN/goquery" -d "$T/flows" -i eth0 -f 2026-01-15 -n 10 -c proto=TCP talk_conv

if [ "$(id -u)" != 0 ]; then
	echo
	echo "Not root, so no live capture: run this again as root to see it."
else
	echo
	echo "--- live on $IFACE"
	sh systemd/users.sh
	show goprobe -d "$T/live" "$IFACE"
	: >"$T/log"
	"$BIN/goprobe" -d "$T/live" "$IFACE" 2>"$T/log" &
	launcher=$!
	tries=100
	until grep -q 'capturing on' "$T/log"; do
		tries=$((tries - 1))
		if [ $tries = 0 ] || ! kill -0 $launcher 2>/dev/null; then
			cat "$T/log" >&2
			exit 1
		fi
		sleep 0.1
	done
	if [ "$IFACE" = lo ]; then
		echo "(some traffic of our own over lo, for six seconds)"
		python3 - <<'PY'
import socket, time
question = b"GET / HTTP/1.1\r\nHost: quickstart.example\r\n\r\n"
answer = (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
          b"Content-Length: 14000\r\n\r\n" + b"answer " * 2000)
server = socket.create_server(("127.0.0.1", 0))
port = server.getsockname()[1]
end = time.monotonic() + 6
while time.monotonic() < end:
    client = socket.create_connection(("127.0.0.1", port))
    peer, _ = server.accept()
    client.sendall(question)
    peer.recv(65536)
    peer.sendall(answer)
    client.recv(65536)
    client.close(), peer.close()
    time.sleep(0.05)
PY
	else
		echo "(listening for eight seconds)"
		sleep 8
	fi
	# flows are published every snapshot_interval, those that nobody has a
	# name for yet after l7_wait: 15 seconds at most
	tries=15
	until "$BIN/goquery" -d "$T/live" -i "$IFACE" -f -1h --fail-empty \
	    -e csv -n 1 raw >/dev/null 2>&1 || [ $tries = 0 ]; do
		tries=$((tries - 1))
		sleep 1
	done
	show goquery -d "$T/live" -i "$IFACE" -f -1h -n 5 raw
	"$BIN/goquery" -d "$T/live" -i "$IFACE" -f -1h -n 5 raw
	kill -TERM $launcher
	wait $launcher || { cat "$T/log" >&2; exit 1; }
	launcher=
fi

SUDO=
[ "$(id -u)" = 0 ] || SUDO='sudo '
cat <<END

--- next
  ${SUDO}$BIN/goprobe -d /var/lib/goprobe $IFACE
  ${SUDO}$BIN/goquery -d /var/lib/goprobe -i $IFACE -f -1h talk_conv
  $BIN/goprobe -d ./flows -i eth0 -r YOUR.pcap && $BIN/goquery -d ./flows -i eth0 -f 0 apps_port
END
