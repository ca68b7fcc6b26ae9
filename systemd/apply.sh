#!/bin/sh
# goprobe-apply start|reload - makes the running captures those of the site's
# INI; goprobe-apply.service runs it when goprobe.target is started and
# reloaded.  goprobe-apply upgrade|downgrade - what runs goes on with other
# programs.  See goprobe.target(7).
#
# What was applied last is kept, so that only those interfaces are interrupted
# whose settings have changed.
set -euf

generator=@GENERATORDIR@/goprobe-generator
ini=/etc/goprobe/goprobe.ini
applied=/run/goprobe/applied.ini
wants=/run/systemd/generator/goprobe.target.wants

verb=${1:-}
case $verb in
start | reload | upgrade | downgrade) ;;
*)
	echo "usage: goprobe-apply start|reload|upgrade|downgrade" >&2
	exit 2
	;;
esac

# Units that are up, being started or waiting for their next start.
running() {
	systemctl list-units --plain --no-legend --full \
	    --state=active,activating,reloading 'goprobe-capture@*.service' \
	    goprobe-export.service |
	    cut -d ' ' -f 1
}

capturing() {
	[ "$(systemctl show -P StatusText "$1")" = capturing ]
}

# Starts a capture again without a moment in which nobody watches: a stand-in
# takes the interface over, the capture leaves, and its unit's next process
# takes over from the stand-in.  Where that cannot be (it waits for its
# interface, has several workers, or is of a version that does not leave) it is
# restarted, and answers tell of the gap.
renew() {
	case $1 in
	goprobe-capture@*)
		standin=goprobe-standin@${1#goprobe-capture@}
		handed=yes
		hand_over "$1" "$standin" || handed=
		systemctl -q stop "$standin" || true
		systemctl -q reset-failed "$standin" 2>/dev/null || true
		[ -z "$handed" ] || return 0
		;;
	esac
	systemctl try-restart "$1"
}

hand_over() { # UNIT STAND-IN
	capturing "$1" || return 1
	systemctl -q start "$2" 2>/dev/null || return 1
	capturing "$2" || return 1
	tries=300
	while systemctl -q is-active "$2"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

failed=0
missed() { # UNIT
	failed=1
	echo "goprobe-apply: $1 does not start again" >&2
}

# One after the other; who does not come back holds up nobody else.
renew_all() {
	for unit in $(running); do
		renew "$unit" || missed "$unit"
	done
}

renew_writer() {
	systemctl try-restart goprobe-writer.service ||
	    missed goprobe-writer.service
}

# A writer reads the frames of earlier captures, never those of later ones; a
# capture whose writer is away goes on counting.  Where it does not come back
# they are left to do so: started again they would lose what they hold.
case $verb in
upgrade)
	renew_writer
	[ $failed -ne 0 ] || renew_all
	exit $failed
	;;
downgrade)
	renew_all
	renew_writer
	exit $failed
	;;
esac

# As it is before anybody reads it: what is written meanwhile is newer, and so
# the next reload's.
keep() {
	rm -f "$applied.new"
	: >"$applied.new"
	# what cannot be read is the generator's to tell
	[ ! -e "$ini" ] || cat "$ini" >"$applied.new" 2>/dev/null || :
}
keep

# A configuration that cannot be used changes nothing.
wanted=$($generator --units)

known=$(ls "$wants" 2>/dev/null || true)
if [ "$verb" = reload ] ||
    [ "$(printf '%s\n' $wanted | sort)" != "$(printf '%s\n' $known | sort)" ]; then
	systemctl daemon-reload
fi

running=$(running)
# Where it cannot be told what was applied, as when another version wrote it,
# all of it may have changed.
changed=
if [ "$verb" = reload ]; then
	[ -e "$applied" ] && changed=$($generator --changes "$applied") ||
	    changed=$(printf '%s\n' goprobe-writer.service $wanted)
fi

has() {
	case "
$1
" in
	*"
$2
"*) return 0 ;;
	esac
	return 1
}

# On the target's own start its jobs are under way; waiting for them here would
# be waiting for ourselves.
act() {
	action=$1
	shift
	printf '<6>goprobe-apply: %s %s\n' "$action" "$*"
	if [ "$verb" = start ]; then
		systemctl --no-block "$action" "$@" || failed=1
	else
		systemctl "$action" "$@" || failed=1
	fi
}

# The target has just asked for what was generated last, which may still be
# waiting for the writer.
there=$running
[ "$verb" = reload ] || there=$(printf '%s\n' $running $known | sort -u)
for unit in $there; do
	has "$wanted" "$unit" || act stop "$unit"
done
# The writer first: nothing is lost while it is away.
if has "$changed" goprobe-writer.service; then
	act restart goprobe-writer.service
fi
for unit in $wanted; do
	if ! has "$running" "$unit"; then
		act start "$unit"
	elif has "$changed" "$unit"; then
		printf '<6>goprobe-apply: renew %s\n' "$unit"
		renew "$unit" || failed=1
	fi
done

mv -f "$applied.new" "$applied"
exit $failed
