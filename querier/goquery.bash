# bash completion for goquery(1).  The words come from goquery itself, so they
# are always those of the version installed; interfaces come from the store.

# Words of a kind, with any further options for goquery.
_goquery_words() {
	command "${COMP_WORDS[0]:-goquery}" "${@:2}" --words "$1" 2>/dev/null |
		cut -f1
}

# The store or INI file that the line names already.
_goquery_where() {
	local i word value
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-d | --store | -store | --config | -config)
			value=${COMP_WORDS[i + 1]}
			# bash breaks words at =
			[[ $value == = ]] && value=${COMP_WORDS[i + 2]}
			printf '%s\n%s\n' "$word" "$value"
			;;
		-dns | -dns=*) ;; # is --dns
		-d?*) printf '%s\n' "$word" ;;
		esac
	done
}

# Words of a kind of columns: site is one of --remote alone.
_goquery_columns() {
	local word
	for word in "${COMP_WORDS[@]}"; do
		case $word in
		--remote | -remote | --remote=* | -remote=*)
			_goquery_words "$1"
			return
			;;
		esac
	done
	_goquery_words "$1" | grep -vx site
}

# Offers words for the last element of a comma list, quoted as the line has to
# have them: an interface may be called '$(id)', which compgen -W would expand,
# and the line itself, too.
_goquery_list() {
	local words=$1 cur=$2 before= word
	case $cur in *,*) before=${cur%,*}, ;; esac
	while read -r word; do
		[[ $word ]] || continue
		printf -v word %q "$word"
		[[ $word == "${cur##*,}"* ]] && COMPREPLY+=("$before$word")
	done <<<"$words"
}

_goquery() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local where
	COMPREPLY=()
	[[ $cur == = ]] && cur=
	[[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
	case $prev in
	-i | --iface | -iface)
		mapfile -t where < <(_goquery_where)
		_goquery_list any$'\n'"$(_goquery_words ifaces "${where[@]}")" "$cur"
		;;
	-e | --format | -format)
		COMPREPLY=($(compgen -W "$(_goquery_words formats)" -- "$cur"))
		;;
	-s | --sort | -sort)
		COMPREPLY=($(compgen -W "$(_goquery_columns keys) $(_goquery_words metrics)" -- "$cur"))
		;;
	--show | -show)
		_goquery_list "$(_goquery_words metrics)" "$cur"
		;;
	-c | --condition | -condition | --having | -having)
		COMPREPLY=($(compgen -W "$(_goquery_words conditions | grep '^[a-z]')" -- "$cur"))
		;;
	--bin | -bin)
		COMPREPLY=($(compgen -W '5m 15m 1h 6h 1d 1w' -- "$cur"))
		;;
	-f | --first | -first | -l | --last | -last)
		COMPREPLY=($(compgen -W 'now today yesterday -1h -1d -7d -30d' -- "$cur"))
		;;
	--new | -new)
		COMPREPLY=($(compgen -W 'today yesterday -1h -1d -7d -30d' -- "$cur"))
		;;
	--tz | -tz)
		COMPREPLY=($(cd /usr/share/zoneinfo 2>/dev/null && compgen -f -- "$cur"))
		;;
	-d | --store | -store | --config | -config | --status-file | -status-file)
		COMPREPLY=($(compgen -f -- "$cur"))
		;;
	--remote | -remote)
		COMPREPLY=($(compgen -W 'default' -- "$cur"))
		;;
	-n | --limit | -limit | --mem | -mem | --threads | -threads | \
		--timeout | -timeout | --watch | -watch | --dns | -dns) ;;
	--sandbox | -sandbox)
		COMPREPLY=($(compgen -W 'full seccomp' -- "$cur"))
		;;
	*)
		case $cur in
		-*) COMPREPLY=($(compgen -W "$(_goquery_words options)" -- "$cur")) ;;
		*) _goquery_list "$(_goquery_columns columns)" "$cur" ;;
		esac
		;;
	esac
}
complete -o default -F _goquery goquery goQuery
