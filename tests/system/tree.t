#!/bin/sh
# The tree keeps its own rules: who may include whom, one door for each
# library, headers that stand alone, nothing of anybody's machine.
. tests/lib/tap.sh

# whoever's the clone is: root's make in a user's is no danger to root here
git() { command git -c safe.directory='*' "$@"; }
git ls-files >"$T/files" 2>"$T/git.err" || skip_all "no clone: $(head -1 "$T/git.err")"

is "$(git ls-files 2>/dev/null | cut -d/ -f1 | sort -u |
    grep -vxE 'GNUmakefile|capture|writer|querier|common|etc|systemd|tests|LICENSE|README\.md|CHANGELOG\.md|\..*')" \
    "" "nothing else at the top level"

is "$(git ls-files | grep -E '(^|/)__pycache__/|\.(pyc|o|a|so|gcda|gcno)$')" "" \
    "nothing that was built"

# includes FOLDER ALLOWED...: project headers a folder may name
includes() {
	folder=$1
	allowed=$2
	is "$(grep -hoE '^#include "[^"]+"' $folder/*.[ch] | cut -d'"' -f2 | sort -u |
	    grep -vE "^($allowed)")" "" "$folder includes only what it may"
}
includes capture 'capture/|common/ipc/|common/base/'
includes writer 'writer/|common/ipc/|common/godb/godb(_write)?\.h|common/base/'
includes querier 'querier/|common/godb/godb\.h|common/base/'
includes querier/export 'querier/export/|common/godb/godb\.h|common/base/'
includes querier/remote 'querier/|common/godb/(godb|cond|held)\.h|common/base/'
includes common/ipc 'common/ipc/|common/base/'
includes common/godb 'common/godb/|common/base/(fd|clock|addr|hash|words|applications|checksum|cpu)\.h'
includes common/base 'common/base/'
is "$(grep -lE '^#include "\.\./' $(git ls-files '*.c' '*.h'))" "" "no ../ includes"

# door HEADER FILE...: a library enters through one place
door() {
	header=$1
	shift
	is "$(grep -lE "^#include <$header>" $(git ls-files '*.c' '*.h' | grep -v '^tests/') | tr '\n' ' ')" \
	    "$* " "<$header> enters through $*"
}
door pcap/pcap.h capture/source_internal.h
door lz4.h common/godb/block.c
door xxhash.h common/base/checksum.c common/base/checksum_avx2.c \
    querier/export/hours.c
door ini.h common/base/conf_parse.c
door cap-ng.h common/base/sandbox.c
door seccomp.h capture/profile.c common/base/sandbox.c \
    querier/export/http_profile.c querier/export/profile.c querier/profile.c \
    querier/remote/profile.c querier/resolve.c writer/profile.c
door curl/curl.h querier/export/http.c
door maxminddb.h querier/geo.c

"${MAKE:-make}" -s NDPI=1 list-tests | sort -u >"$T/listed"
is "$(cd tests && git ls-files 'unit/*.c' 'component/*.c' 'system/*.t' |
    sed 's/\.[ct]$//' | sort | comm -23 - "$T/listed")" "" "every test is run"

is "$("${MAKE:-make}" -s NDPI=1 PKG_CONFIG=echo configure)" \
    "--exists --print-errors inih libcap-ng libcurl liblz4 libmaxminddb libndpi libpcap libseccomp libxxhash zlib" \
    "make looks for every library before it compiles"

built=$(dirname "${TESTS_DIR:-build/gcc/tests}")
built=build/${built##*/}
for file in $(git grep -l GP_VERSION -- '*.c'); do
	like "$("${MAKE:-make}" -n -W common/godb/godb.h O="$built" "$built/${file%.c}.o")" \
	    "-o $built/${file%.c}.o" "$file is compiled again for another version"
done

mkdir "$T/a b"
git ls-files GNUmakefile '*.mk' common/base common/godb/godb.h | tar -cf - -T - | tar -xf - -C "$T/a b"
ok "it is built in a folder with a blank in its name, too" "${MAKE:-make}" -s -C "$T/a b" O=o o/common/base/clock.o

bad=
for h in $(git ls-files '*.h' | grep -v '^tests/'); do
	${CC:-gcc} -std=c11 -D_GNU_SOURCE -I. -Wall -Wextra -Werror \
	    -fsyntax-only -x c "$h" 2>"$T/h.err" || bad="$bad $h"
done
is "$bad" "" "every header stands alone"
for h in common/godb/godb.h common/godb/godb_write.h; do
	ok "$h is C++ too" g++ -std=c++11 -I. -Wall -Wextra -Werror \
	    -fsyntax-only -x c++ "$h"
done
is "$(git grep -nIE '(^|[^a-z])/(work|farm|root)/|deb\.debian|npmjs\.org' -- . ':!tests/system/tree.t' | head -5)" "" \
    "no machine's paths, no registry's names"
is "$(grep -LE '' LICENSE; head -1 LICENSE)" "BSD 3-Clause License" "licence"
done_testing
