# machine.sh - a Debian machine with a real systemd in a container, for tests:
# . tests/lib/machine.sh behind tap.sh.
#
# The tree comes from the package mirrors this machine uses, is built once and
# kept in build/machine; every test writes to a layer of its own above it.
# systemd-nspawn gets a mount namespace and a cgroup folder of its own, since
# the machine around it may be a chroot or run another cgroup layout.
#
#   machine_tree             makes the tree, or skips the test
#   machine_install          puts the programs there as the package does
#   machine_boot             boots it, sets $leader: pid of its init
#   machine CMD...           runs CMD in it as root
#   machine_link IN OUT      veth pair: IN in the machine, OUT in namespace $PEER
#   machine_off              shuts it down
# $ROOT is its file system, seen from here while it runs or not.  A test that
# needs further packages names them in MACHINE_MORE and has a MACHINE_CACHE of
# its own.

MACHINE_CACHE=${MACHINE_CACHE:-build/machine}
MACHINE_MORE=${MACHINE_MORE:-}
PEER=gpm$$
leader=

# Packages behind the libraries that the programs need, and what a test uses.
machine_packages() {
	echo apt systemd systemd-sysv iproute2 procps netbase passwd $MACHINE_MORE
	find "$BIN" -type f -perm -u+x -name 'go*' -exec ldd {} + | awk '$2 == "=>" { print $3 }' | sort -u |
	    while read -r file; do
		# the path that dpkg knows may be the one without /usr
		dpkg-query -S "$file" 2>/dev/null ||
		    dpkg-query -S "$(realpath "$file")" 2>/dev/null ||
		    dpkg-query -S "${file#/usr}" 2>/dev/null
	    done | cut -d: -f1 | sort -u
}

# The machine's own Debian sources and download settings, so that the tree
# comes from where its packages come from.
machine_sources() {
	apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
	    'Created-By: Packages' 'Origin: Debian' | sort -u
}
machine_aptopts() {
	apt-config dump |
	    grep -E '^Acquire::(http|https|Check|Retries)[^ ]* "..*"'
}

machine_build() { # FOLDER PACKAGE...
	into=$1
	shift
	machine_sources >"$T/sources.list"
	if [ ! -s "$T/sources.list" ]; then
		apt-get update -qq >/dev/null 2>&1
		machine_sources >"$T/sources.list"
	fi
	machine_aptopts >"$T/apt.conf"
	release=$(. /etc/os-release && echo "$VERSION_CODENAME")
	mmdebstrap --quiet --mode=root --variant=essential \
	    --aptopt="$T/apt.conf" --dpkgopt=force-unsafe-io \
	    --dpkgopt='path-exclude=/usr/share/doc/*' \
	    --dpkgopt='path-exclude=/usr/share/locale/*' \
	    --include="$(echo "$*" | tr ' ' ,)" \
	    --customize-hook='rm -f "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap' \
	    --customize-hook='rm -f "$1"/etc/apt/sources.list "$1"/etc/resolv.conf' \
	    "$release" "$into" "$T/sources.list" >"$T/tree.log" 2>&1
}

machine_tree() {
	[ "$(id -u)" = 0 ] || skip_all "needs root"
	# which the units ask for, and the kernel denies to who is in a chroot
	unshare --user true 2>/dev/null || skip_all "no user namespaces here"
	for tool in systemd-nspawn mmdebstrap nsenter unshare ip; do
		command -v $tool >/dev/null || skip_all "needs $tool"
	done
	packages=$(machine_packages)
	key=$(echo "$packages" | cat - tests/lib/machine.sh | cksum | cut -d' ' -f1)
	BASE=$PWD/$MACHINE_CACHE/$key
	if [ ! -d "$BASE" ]; then
		rm -rf "$MACHINE_CACHE"
		mkdir -p "$MACHINE_CACHE"
		if ! machine_build "$BASE.new" $packages; then
			diag <"$T/tree.log"
			rm -rf "$BASE.new"
			skip_all "the tree cannot be built, see above"
		fi
		mv "$BASE.new" "$BASE"
	fi
	mkdir "$T/layer" "$T/root"
	# the layer lives in memory: a disk's sync is no part of these tests
	mount -t tmpfs -o mode=755 none "$T/layer" 2>"$T/mount.err" ||
	    skip_all "no mounts here: $(cat "$T/mount.err")"
	at_exit machine_end
	mkdir "$T/layer/up" "$T/layer/work"
	ROOT=$T/root
	mount -t overlay none "$ROOT" \
	    -o "lowerdir=$BASE,upperdir=$T/layer/up,workdir=$T/layer/work" \
	    2>"$T/mount.err" || skip_all "no overlay: $(cat "$T/mount.err")"
	ip netns add "$PEER" 2>/dev/null || skip_all "needs network namespaces"
}

machine_install() {
	${MAKE:-make} -s install DESTDIR="$ROOT" PREFIX=/usr SYSTEMDDIR=/lib/systemd \
	    >"$T/install.out" 2>&1 || diag <"$T/install.out"
	mkdir -p "$ROOT/etc/goprobe"
}

# In a mount namespace of its own; the cgroups it made are taken back.
machine_run() {
	unshare -m --propagation private sh -c '
	mount -t tmpfs none /run || exit 99
	[ -d /sys/fs/cgroup ] || mount -t sysfs none /sys || exit 99
	mount -t cgroup2 none /sys/fs/cgroup || exit 99
	group=/sys/fs/cgroup/goprobe-test.'$$'
	mkdir -p $group && echo $$ >$group/cgroup.procs || exit 99
	SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --boot \
	    --register=no --keep-unit --directory="$1" --private-network \
	    --console=pipe --link-journal=no --system-call-filter="seccomp \
	    landlock_create_ruleset landlock_add_rule landlock_restrict_self"
	status=$?
	echo $$ >/sys/fs/cgroup/cgroup.procs
	find $group -depth -type d -exec rmdir {} + 2>/dev/null
	exit $status' sh "$ROOT" </dev/null >"$T/machine.log" 2>&1
}

# The init is the child of systemd-nspawn which is the child of what we started.
machine_find() {
	for p in $(pgrep -P "$runner"); do
		for q in $(pgrep -P "$p" -f systemd-nspawn) $p; do
			leader=$(pgrep -P "$q" -x systemd) && return 0
		done
	done
	return 1
}

machine() {
	nsenter --target "$leader" --mount --uts --ipc --net --pid \
	    --root --wd -- "$@"
}

machine_up() {
	[ -n "$leader" ] || machine_find || return 1
	case $(machine systemctl is-system-running 2>/dev/null) in
	running | degraded) return 0 ;;
	esac
	return 1
}

machine_boot() {
	leader=
	machine_run &
	runner=$!
	wait_for 60 machine_up && return 0
	diag <"$T/machine.log"
	machine_off
	return 1
}

machine_link() {
	ip link add "$2" netns "$PEER" type veth peer name "$1" netns "$leader"
	for side in "--target $leader --net" "--net=/run/netns/$PEER"; do
		nsenter $side sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	done
	machine ip link set "$1" up
	in_peer ip link set "$2" up
}
in_peer() { nsenter --net="/run/netns/$PEER" "$@"; }

machine_off() {
	[ -n "${runner:-}" ] || return 0
	if [ -n "$leader" ]; then
		machine systemctl --no-block poweroff >/dev/null 2>&1
		gone() { ! kill -0 "$runner" 2>/dev/null; }
		wait_for 60 gone || kill -9 "$leader" 2>/dev/null
	else
		kill "$runner" 2>/dev/null
	fi
	wait "$runner" 2>/dev/null
	runner= leader=
}

machine_end() {
	machine_off
	ip netns del "$PEER" 2>/dev/null
	umount "$T/root" 2>/dev/null
	umount "$T/layer" 2>/dev/null
}
