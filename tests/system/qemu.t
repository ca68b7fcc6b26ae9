#!/bin/sh
# The sensor on the kernel that Debian 12 has, 6.1, in QEMU without
# acceleration: the tests of the sandboxes and of power cuts pass there; it
# captures with its whole sandbox, and the power is cut while it does
# (POWER_CUTS, 2; with LONG=1 10).  What had been stored for longer than
# sync_interval is there after each cut, and the store has no damage.
MACHINE_CACHE=${MACHINE_CACHE:-build/machine-qemu}
MACHINE_MORE="python3 kmod e2fsprogs xfsprogs iputils-ping procps"
. tests/lib/tap.sh
. tests/lib/machine.sh

CUTS=${POWER_CUTS:-${LONG:+10}}
CUTS=${CUTS:-2}
SUITE=${QEMU_TESTS:-attack_capture attack_writer attack_querier hostile succession closed powercut holds tunnels}
TESTS_DIR=${TESTS_DIR:-build/gcc/tests}
for tool in qemu-system-x86_64 busybox cpio mke2fs depmod dpkg-deb; do
	command -v $tool >/dev/null || skip_all "needs $tool: make check-qemu installs it"
done
[ "$(uname -m)" = x86_64 ] || skip_all "only for x86_64"
machine_tree
machine_install

# --- the kernel's package, as the mirrors have it
kernel=$PWD/$MACHINE_CACHE/kernel
if [ ! -d "$kernel" ]; then
	mkdir -p "$kernel.new" && chmod 777 "$kernel.new"
	meta=linux-image-cloud-amd64
	image=$(apt-cache depends $meta | sed -n 's/.*Depends: \(linux-image-.*\)/\1/p' | head -1)
	(cd "$kernel.new" && apt-get download -qq "$image") >"$T/kernel.log" 2>&1
	dpkg-deb -x "$kernel.new"/*.deb "$kernel.new" 2>>"$T/kernel.log" ||
	    skip_all "no kernel: $(tail -1 "$T/kernel.log")"
	mv "$kernel.new" "$kernel"
fi
vmlinuz=$(ls "$kernel"/boot/vmlinuz-*)
release=${vmlinuz##*/vmlinuz-}
mkdir -p "$ROOT/lib/modules"
cp -r "$kernel/lib/modules/$release" "$ROOT/lib/modules/"
depmod -b "$ROOT" "$release"

# --- first programs: modules for the disk, then the tree's own init
mkdir -p "$T/initrd/bin" "$T/initrd/mod" "$T/initrd/new" "$T/initrd/proc" "$T/initrd/dev"
cp "$(command -v busybox)" "$T/initrd/bin/"
n=0
modprobe -d "$ROOT" -S "$release" -a --show-depends virtio_pci virtio_blk ext4 veth af_packet 2>"$T/modules.err" |
    sed -n 's/^insmod \([^ ]*\).*/\1/p' | while read -r module; do
	n=$((n + 1))
	cp "$module" "$T/initrd/mod/$(printf %02d $n).ko"
done
cat >"$T/initrd/init" <<'END'
#!/bin/busybox sh
B=/bin/busybox
$B mount -t devtmpfs none /dev
for m in /mod/*; do $B insmod $m 2>/dev/null; done
i=0
until $B mount -t ext4 /dev/vda /new || [ $i = 100 ]; do i=$((i + 1)); $B sleep 0.1; done
$B mount --move /dev /new/dev
exec $B switch_root /new /lib/systemd/systemd
END

chmod 755 "$T/initrd/init"
(cd "$T/initrd" && find . | cpio -o -H newc --quiet) >"$T/initrd.img"

# --- what runs in it: a sensor that starts with the machine, and a witness
chroot "$ROOT" systemd-sysusers >"$T/users" 2>&1
mkdir -p "$ROOT/etc/systemd/system/multi-user.target.wants" "$ROOT/srv/t"
ln -s /lib/systemd/system/goprobe.target "$ROOT/etc/systemd/system/multi-user.target.wants/"
ln -s ../witness.service "$ROOT/etc/systemd/system/multi-user.target.wants/"
printf '[writer]\nsync_interval = 1\n[capture]\nsnapshot_interval = 1\nl7 = off\nflows_max = 65536\nbuffer_mb = 2\n[interface wb]\n' \
    >"$ROOT/etc/goprobe/goprobe.ini"
printf '[Service]\nExecStart=/bin/bash /srv/witness\nStandardOutput=file:/dev/ttyS0\nStandardError=file:/dev/ttyS0\n' \
    >"$ROOT/etc/systemd/system/witness.service"
mkdir -p "$ROOT/srv/t/build"
cp -r tests "$ROOT/srv/t/"
cp -r "$BIN" "$ROOT/srv/t/build/bin"
for kind in component lib; do
	mkdir -p "$ROOT/srv/t/build/tests/$kind"
	find "$TESTS_DIR/$kind" -maxdepth 1 -type f -perm -u+x -exec cp {} "$ROOT/srv/t/build/tests/$kind/" \;
done
echo "$SUITE" >"$ROOT/srv/tests"
cat >"$ROOT/srv/suite" <<'END'
cd /srv/t && systemctl stop "goprobe*" || exit
export BIN=/srv/t/build/bin TESTS_DIR=/srv/t/build/tests POWER_CUTS=4 HOSTILE_S=10
run() { # NAME COMMAND...
	name=$1 begun=$SECONDS
	shift
	timeout 1800 "$@" >/tmp/t.out 2>&1
	status=$?
	[ $status = 0 ] || grep -v '^ok' /tmp/t.out | sed 's/^/SAID /' | head -60
	echo "TEST $name $status $(grep -c '^ok' /tmp/t.out) $(grep -c '^not ok' /tmp/t.out) $(grep -c '^ok .*# SKIP' /tmp/t.out) $((SECONDS - begun))"
}
for t in $*; do
	case $t in
	attack_* | hostile | succession) run $t $TESTS_DIR/component/$t ;;
	*) run $t sh tests/system/$t.t ;;
	esac
done
echo "SUITE done"
END
cat >"$ROOT/srv/witness" <<'END'
echo "KERNEL $(uname -r)"
# names that no test uses: sysfs shows them in every network
ip netns add a
ip link add wa netns a type veth peer name wb
ip link set wb up; ip addr add 10.9.0.2/24 dev wb
ip netns exec a ip link set wa up; ip netns exec a ip addr add 10.9.0.1/24 dev wa
until [ "$(systemctl show -P StatusText goprobe-capture@wb)" = capturing ]; do sleep 0.2; done
for p in goprobe-capture goprobe-writer; do
	f=/proc/$(pgrep -x $p)/status
	echo "PROCESS $p $(awk '/^(CapEff|CapPrm|CapBnd|Seccomp|NoNewPrivs):/ { printf "%s", $1 $2 " " }' $f)"
done
goquery --check >/tmp/check 2>&1; echo "CHECK $? $(tail -1 /tmp/check)"
goquery --status | sed -n 's/^Sandbox: /SANDBOX /p'
if [ -e /srv/suite ]; then
	bash /srv/suite $(cat /srv/tests)
	rm /srv/suite
	systemctl poweroff 2>/dev/null
fi
port=$((RANDOM % 20000 + 20000))
count() { goquery -i wb -f -1d -e csv -c 'net 10.9.0.0/24 and proto = UDP' proto 2>/dev/null | awk -F, 'NR > 1 { s += $4 } END { printf "%d", s }'; }
echo "FOUND $(count)"
while :; do
	ip netns exec a bash -c "for i in {1..50}; do echo x >/dev/udp/10.9.0.2/\$(($port + i)); done" 2>/dev/null
	sleep 0.5
	read -r up _ </proc/uptime
	echo "STORED $(count) $up"
done
END
truncate -s 3G "$T/disk.img"
mke2fs -q -F -t ext4 -d "$ROOT" "$T/disk.img" 2>"$T/mke2fs.err" || skip_all "mke2fs: $(cat "$T/mke2fs.err")"

# boot LOG: in $qemu
boot() {
	qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m 1536 -smp 2 \
	    -nographic -monitor none -no-reboot -kernel "$vmlinuz" \
	    -initrd "$T/initrd.img" -nic none \
	    -drive "file=$T/disk.img,format=raw,if=virtio" \
	    -append "console=ttyS0 no_timer_check panic=-1 quiet rw systemd.show_status=no" \
	    </dev/null >"$1" 2>&1 &
	qemu=$!
}
end_qemu() { [ -z "${qemu:-}" ] || kill -9 "$qemu" 2>/dev/null; }
at_exit end_qemu
field() { tr -d '\r' <"$1" | sed -n "s/.*\($2 .*\)/\1/p"; }
stored() { [ "$(field "$T/log.$k" STORED | wc -l)" -ge "$want" ]; }

off() { ! kill -0 $qemu 2>/dev/null; }

# --- the machine tests itself, and is shut down
log=$T/log.suite
boot "$log"
wait_for 7200 off
is "$(field "$log" SUITE)" "SUITE done" "the tests come to their end"
end_qemu
wait $qemu 2>/dev/null
qemu=
field "$log" TEST | while read -r _ name status passed failed skipped seconds; do
	echo "# $name: status $status, $passed passed, $failed failed, $skipped skipped, $seconds s"
done
for name in $SUITE; do
	is "$(field "$log" "TEST $name" | awk '{ print $3, ($4 > 0), $5, $6 }')" "0 1 0 0" \
	    "$name: passes there, nothing skipped"
done
like "$(field "$log" KERNEL)" '^KERNEL 6\.1\.' "kernel"
like "$(field "$log" SANDBOX)" '^SANDBOX full, Landlock ABI 2$' "the whole sandbox, with what Landlock this kernel has"
for p in capture writer; do
	like "$(field "$log" "PROCESS goprobe-$p")" \
	    'CapPrm:0000000000000000 CapEff:0000000000000000 CapBnd:0000000000000000 NoNewPrivs:1 Seccomp:2' \
	    "goprobe-$p holds nothing"
done
[ "$FAILED" = 0 ] || { field "$log" SAID && tail -30 "$log"; } | diag

# --- its power is cut
k=0 least=0
while [ $k -le "$CUTS" ]; do
	want=$((8 + $(od -An -N1 -tu1 /dev/urandom) % 8))
	boot "$T/log.$k"
	ok "boot $k: it captures and stores" wait_for 900 stored || break
	kill -9 $qemu
	wait $qemu 2>/dev/null
	qemu=
	is "$(field "$T/log.$k" CHECK | cut -d' ' -f2)" 0 "the store has no damage"
	found=$(field "$T/log.$k" FOUND | cut -d' ' -f2)
	ok "of $least packets that were safe $found are there" test "${found:-0}" -ge "$least"
	# what was seen stored four seconds before the end was synced
	least=$(field "$T/log.$k" STORED | awk '{ n[NR] = $2; t[NR] = $3 }
	    END { for (i = NR; i > 0 && t[NR] - t[i] < 4; i--); print n[i] + 0 }')
	k=$((k + 1))
done
[ "$FAILED" = 0 ] || tail -30 "$T/log.$((k - 1))" | diag
done_testing
