#!/bin/sh
# goprobe-apply start|reload - makes the running captures those of the site's
# INI; goprobe-apply.service runs it when goprobe.target is started and
# reloaded.  goprobe-apply upgrade - what runs goes on with new programs.  See
# goprobe.target(7).
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
start | reload | upgrade) ;;
*)
	echo "usage: goprobe-apply start|reload|upgrade" >&2
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

if [ "$verb" = upgrade ]; then
	# A capture whose writer is away goes on counting, so that goes first;
	# then one interface at a time is without its capture for a moment.
	systemctl try-restart goprobe-writer.service
	for unit in $(running); do
		systemctl try-restart "$unit"
	done
	exit 0
fi

# A configuration that cannot be used changes nothing.
wanted=$($generator --units)

known=$(ls "$wants" 2>/dev/null || true)
if [ "$verb" = reload ] ||
    [ "$(printf '%s\n' $wanted | sort)" != "$(printf '%s\n' $known | sort)" ]; then
	systemctl daemon-reload
fi

running=$(running)
changed=
if [ "$verb" = reload ] && [ -e "$applied" ]; then
	changed=$($generator --changes "$applied")
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

failed=0
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

for unit in $running; do
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
		act restart "$unit"
	fi
done

rm -f "$applied.new"
if [ -e "$ini" ]; then
	cat "$ini" >"$applied.new"
else
	: >"$applied.new"
fi
mv -f "$applied.new" "$applied"
exit $failed
