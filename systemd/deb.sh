#!/bin/sh
# Builds the Debian packages in a copy of the tree: deb.sh TARBALL VERSION
# DEPENDENCY...  They end up beside the tarball.
set -eu
tarball=$1 version=$2
shift 2
folder=$(dirname "$tarball")
work=$folder/work
rm -rf "$work" "$folder"/*.deb
mkdir -p "$work"
tar -xf "$tarball" -C "$work" --strip-components=1
cd "$work"
mv systemd/debian debian

depends=$(echo "$*" | sed 's/  */, /g')
# lintian wants an address that could exist
maintainer="${DEBFULLNAME:-goProbe} <${DEBEMAIL:-goprobe@example.org}>"
sed -i "s/@DEPS_BUILD@/$depends/; s/@MAINTAINER@/$maintainer/" debian/control
sed -i "s/@VERSION@/$version/; s/@MAINTAINER@/$maintainer/" debian/changelog
sed -i "s/@COPYRIGHT@/$(sed -n 's/^Copyright (c) //p' LICENSE)/" \
    debian/copyright
sed -i -e '/^@LICENSE@$/{
	r /dev/stdin
	d
}' debian/copyright <<END
$(sed -n '/^Redistribution/,$p' LICENSE | sed -e 's/^$/./' -e 's/^/ /')
END
DEB_BUILD_OPTIONS="parallel=$(nproc)" \
    dpkg-buildpackage --build=binary --unsigned-changes --unsigned-buildinfo \
    >../build.log 2>&1 || {
	tail -30 ../build.log >&2
	echo "make deb: failed, see $folder/build.log" >&2
	exit 1
}
cd - >/dev/null
rm -rf "$work"
ls "$folder"/*.deb
