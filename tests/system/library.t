#!/bin/sh
# libgodb as another program meets it: installed, found by pkg-config, linked
# both ways; what it exports, calls and keeps.
. tests/lib/tap.sh

MAKE=${MAKE:-make}
CC=${CC:-gcc}
P=$T/usr
ok "make install-libgodb" $MAKE -s install-libgodb PREFIX="$P" LIBDIR="$P/lib" DESTDIR=
PKG_CONFIG_PATH=$P/lib/pkgconfig
export PKG_CONFIG_PATH
is "$(pkg-config --modversion godb)" \
    "$(sed -n 's/^#define GODB_VERSION_STRING "\(.*\)"/\1/p' common/godb/godb.h)" \
    "pkg-config knows the version"
SO=$P/lib/libgodb.so
is "$(readelf -d "$SO" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')" libgodb.so.0 \
    "the shared library's name"
like "$(readelf -d "$SO" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | sort | tr '\n' ' ')" \
    '^libc.so.6 liblz4.so.1 (libxxhash.so.0 )?$' "it needs no other library"

# --- what it exports: the headers' functions, all of them and no more
grep -oh 'godb_[a-z0-9_]* *(' "$P"/include/godb*.h | tr -d '( ' | sort -u >"$T/declared"
nm -D --defined-only "$SO" | awk '$2 != "A" {sub("@.*", "", $3); print $3}' |
    sort -u >"$T/exported"
nm -g --defined-only "$P/lib/libgodb.a" | awk 'NF == 3 {print $3}' |
    sort -u >"$T/archived"
is "$(comm -3 "$T/declared" "$T/exported")" "" "exports are the headers' functions"
is "$(comm -3 "$T/declared" "$T/archived")" "" "  the archive's, too"
is "$(grep -c . "$T/exported" | awk '{print ($1 > 60)}')" 1 "  which are many"

# --- what it does not do
used=$(nm -D --undefined-only "$SO" | awk '{sub("@.*", "", $2); print $2}' | sort)
bad=
for name in $used; do
	case $name in
	exit | _exit | abort | *printf | __*printf_chk | puts | fputs | perror | \
	    syslog | getenv | secure_getenv | signal | sigaction | sigprocmask | \
	    setlocale | umask | fork | exec* | popen | system | \
	    stdout | stderr | pthread_create | thrd_create | dlopen | atexit)
		case $name in
		snprintf | vsnprintf | __snprintf_chk | __vsnprintf_chk) ;;
		*) bad="$bad $name" ;;
		esac
		;;
	esac
done
# "no threads unasked": the caller's options may ask for some
is "$(echo $bad | sed 's/pthread_create//')" "" "no exit, print, environment, signal or locale"
is "$(size -A "$P/lib/libgodb.a" | awk '$1 ~ /^\.(data|bss)$/ {n += $2} END {print n + 0}')" 0 \
    "no global state"

# --- a program of somebody else
"$BIN/goprobe" -d "$T/s" -i eth0 -r tests/data/office.pcap >/dev/null 2>&1
cp tests/examples/talkers.c "$T/"
ok "talkers builds with what pkg-config says" sh -c "cd '$T' &&
    $CC -std=c11 -Wall -Wextra -Wpedantic -Werror talkers.c \
    \$(pkg-config --cflags --libs godb) -o talkers"
ok "  and statically" sh -c "cd '$T' && $CC -std=c11 talkers.c -I$P/include \
    $P/lib/libgodb.a \$(pkg-config --libs liblz4 libxxhash) -o talkers-static"
run 0 "it runs" env LD_LIBRARY_PATH="$P/lib" "$T/talkers" "$T/s" 5 0
shared=$out
is "$(printf '%s\n' "$shared" | grep -c .)" 5 "five rows"
run 0 "the static one" "$T/talkers-static" "$T/s" 5 0
is "$out" "$shared" "says the same"
want=$("$BIN/goquery" -d "$T/s" -i any -f 0 -n 5 -e csv talk_conv |
    awk -F, 'NR > 1 && $1 !~ /:/ {print $1, $2, $NF}')
is "$(printf '%s\n' "$shared" | grep -v :)" "$want" "as goquery does"
run 1 "a folder that is no store" env LD_LIBRARY_PATH="$P/lib" "$T/talkers" "$T"
one_line "that"

# --- system calls: those of godb.3, and no file of the store is mapped
if strace -o /dev/null true 2>/dev/null; then
	run 0 "under strace" env LD_LIBRARY_PATH="$P/lib" \
	    strace -y -o "$T/calls" "$T/talkers" "$T/s" 5 0
	is "$(grep -c "mmap(.*<$T/s" "$T/calls")" 0 "no file of the store is mapped"
	listed=$(sed -n '/^Reading and asking/,/^\.Ed/p' common/godb/godb.3 |
	    tr -cs 'a-z0-9' '\n')
	# from the moment that the store is opened; the program itself prints
	new=
	for call in $(sed -n '\|openat(.*'"$T"'/s"|,$p' "$T/calls" |
	    sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' | sort -u); do
		case $call in write | exit_group | ioctl) continue ;; esac
		printf '%s\n' $listed | grep -qx "$call" || new="$new $call"
	done
	is "$new" "" "system calls are those that godb.3 lists"
	like "$(sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$T/calls" | sort -u | tr '\n' ' ')" \
	    'pread64' "  which strace saw"
	# and of a program that writes one, all that name one of its files
	printf 'B eth0 1767225600 4 300 0 0 0 0\nR %s\nC eth0 1767225600\n' \
	    '192.0.2.1 192.0.2.2 443 6 1 2 3 4 TLS' >"$T/rows"
	run 0 "a store is made under strace" sh -c 'strace -y -o "$1/calls" \
	    "$2/lib/rows2store" "$1/made" <"$1/rows"' sh "$T" \
	    "${TESTS_DIR:-build/gcc/tests}"
	listed=$(sed -n '/^Reading and asking/,/^\.Sh EXAMPLES/p' common/godb/godb.3 |
	    tr -cs 'a-z0-9' '\n')
	new=
	for call in $(grep "$T/made" "$T/calls" |
	    sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' | sort -u); do
		case $call in execve | mkdir) continue ;; esac
		printf '%s\n' $listed | grep -qx "$call" || new="$new $call"
	done
	is "$new" "" "  calls upon it are those that godb.3 lists"
fi

# --- C++
printf '#include <godb.h>\n#include <godb_write.h>\nint main()\n{\n%s\n%s\n}\n' \
    'godb_reader *r = nullptr;' \
    'return godb_reader_open("/nowhere", &r) == -2 ? 0 : 1;' >"$T/plus.cc"
if command -v g++ >/dev/null; then
	ok "the headers are C++ too" sh -c "g++ -Wall -Wextra -Wpedantic -Werror '$T/plus.cc' \
	    \$(pkg-config --cflags --libs godb) -o '$T/plus'"
	run 0 "  and link" env LD_LIBRARY_PATH="$P/lib" "$T/plus"
fi
for header in "$P"/include/*.h; do
	printf '#include "%s"\nint main(void)\n{\nreturn 0;\n}\n' "$header" >"$T/alone.c"
	ok "$(basename "$header") alone" $CC -std=c11 -Wall -Wextra -Wpedantic \
	    -Werror -I"$P/include" -fsyntax-only "$T/alone.c"
done
ok "make uninstall-libgodb" $MAKE -s uninstall-libgodb PREFIX="$P" LIBDIR="$P/lib" DESTDIR=
is "$(find "$P" -type f -o -type l)" "" "nothing is left"
done_testing
