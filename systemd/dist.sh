#!/bin/sh
# The source as one reproducible archive: dist.sh NAME-VERSION OUTPUT.
# Same content, same bytes: names sorted, one owner, one time, plain modes.
set -eu
name=$1 out=$2
epoch=${SOURCE_DATE_EPOCH:-$(date -u -d "$(sed -n 's/^ -- .*>  //p' \
    systemd/debian/changelog)" +%s)}
if git -c safe.directory='*' ls-files -z >/dev/null 2>&1 &&
    [ -e .git ]; then
	list() { git -c safe.directory='*' ls-files -z; }
else
	list() { find . \( -path ./build -o -path ./.git \) -prune -o -type f -printf '%P\0'; }
fi
mkdir -p "$(dirname "$out")"
list | sort -z | tar --create --file="$out.tar" --no-recursion --null \
    --owner=0 --group=0 --numeric-owner --mode=a+rX,u+w,go-w \
    --mtime="@$epoch" --format=gnu --transform="s|^|$name/|" --files-from=-
gzip -9nf "$out.tar"
mv "$out.tar.gz" "$out"
