#!/bin/sh
# Creates what goprobe.sysusers describes where there is no systemd-sysusers,
# and says what it did.
set -eu
[ "$(id -u)" = 0 ] || { echo "users.sh: must be root" >&2; exit 1; }

said=
say() { said=yes; echo "created $*"; }

if ! getent group goprobe-read >/dev/null; then
	groupadd --system goprobe-read
	say "group goprobe-read: its members may read the store"
fi
if ! getent passwd goprobe >/dev/null; then
	useradd --system --gid goprobe-read --no-create-home \
	    --home-dir / --shell /usr/sbin/nologin \
	    --comment "goProbe writer" goprobe
	say "user goprobe: owns the store"
fi
if ! getent passwd goprobe-capture >/dev/null; then
	useradd --system --user-group --no-create-home \
	    --home-dir / --shell /usr/sbin/nologin \
	    --comment "goProbe capture" goprobe-capture
	say "user goprobe-capture: what captures become, owns nothing"
fi
if ! getent passwd goprobe-export >/dev/null; then
	useradd --system --gid goprobe-read --no-create-home \
	    --home-dir / --shell /usr/sbin/nologin \
	    --comment "goProbe export" goprobe-export
	say "user goprobe-export: ships what is stored, where a server is named"
fi
[ -n "$said" ] || echo "the users goprobe and goprobe-capture are there"
