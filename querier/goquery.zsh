#compdef goquery goQuery
# zsh completion for goquery(1).  The words come from goquery itself, so they
# are always those of the version installed; interfaces come from the store.

_goquery_words() {
	local -a lines
	lines=(${(f)"$(_call_program $1 ${words[1]} ${@[2,-1]} --words $1 2>/dev/null)"})
	print -rl -- ${lines%%$'\t'*}
}

# Words of a kind of columns: site is one of --remote alone.
_goquery_columns() {
	local -a columns
	columns=($(_goquery_words $1))
	(( ${words[(I)(--remote|-remote)(|=*)]} )) || columns=(${columns:#site})
	print -rl -- $columns
}

_goquery() {
	local cur=${words[CURRENT]} prev=${words[CURRENT - 1]}
	local -a where
	local i
	for ((i = 2; i < CURRENT; i++)); do
		case ${words[i]} in
		(-d|--store|-store|--config|-config)
			where+=(${words[i]} ${words[i + 1]}) ;;
		(-dns|-dns=*) ;; # is --dns
		(-d?*|--store=*|-store=*|--config=*|-config=*)
			where+=(${words[i]}) ;;
		esac
	done
	if [[ $cur == -*=* ]]; then
		prev=${cur%%=*} cur=${cur#*=}
		compset -P '*='
	fi
	case $prev in
	(-i|--iface|-iface)
		# not _values: a name with a colon would be a description and
		# something to be done
		compset -P '*,'
		compadd -qS , -- any $(_goquery_words ifaces $where) ;;
	(-e|--format|-format)
		compadd -- $(_goquery_words formats) ;;
	(-s|--sort|-sort)
		compadd -- $(_goquery_columns keys) $(_goquery_words metrics) ;;
	(--show|-show)
		_values -s , counter $(_goquery_words metrics) ;;
	(-c|--condition|-condition|--having|-having)
		compadd -- ${(M)$(_goquery_words conditions):#[a-z]*} ;;
	(--bin|-bin)
		compadd -- 5m 15m 1h 6h 1d 1w ;;
	(-f|--first|-first|-l|--last|-last)
		compadd -- now today yesterday -1h -1d -7d -30d ;;
	(--new|-new)
		compadd -- today yesterday -1h -1d -7d -30d ;;
	(-d|--store|-store)
		_files -/ ;;
	(--config|-config|--status-file|-status-file)
		_files ;;
	(-n|--limit|-limit|--mem|-mem|--threads|-threads|--timeout|-timeout|--watch|-watch|--dns|-dns|--tz|-tz) ;;
	(--remote|-remote)
		compadd -- default ;;
	(--sandbox|-sandbox)
		compadd -- full seccomp ;;
	(*)
		if [[ $cur == -* ]]; then
			compadd -- $(_goquery_words options)
		else
			_values -s , column $(_goquery_columns columns)
		fi ;;
	esac
}
# as a file of $fpath it is the function's body; sourced, it defines it
[[ ${funcstack[1]} == _goquery ]] && _goquery "$@"
(( $+functions[compdef] )) && compdef _goquery goquery goQuery
:
