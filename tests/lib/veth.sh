# veth.sh - two network namespaces that a veth pair joins: va, 10.99.0.1, in $A
# and vb, 10.99.0.2, in $B.  Source it behind tap.sh.

A=gpa$$ B=gpb$$

# in_net NAMESPACE COMMAND...
# not `ip netns exec` nor `ip -n`: they remount /sys, which a chroot may not let it do
in_net() {
	net=$1
	shift
	nsenter --net="/run/netns/$net" "$@"
}

veth_gone() {
	ip netns del $A
	ip netns del $B
}

# veth_pair: makes them; fails where there are no namespaces.  They go at the
# end, behind what the test itself has to clean up.
veth_pair() {
	ip netns add $A 2>/dev/null || return 1
	ip netns add $B
	at_exit veth_gone
	ip link add va netns $A type veth peer name vb netns $B
	for side in "$A va 1" "$B vb 2"; do
		set -- $side
		in_net $1 sysctl -qw net.ipv6.conf.all.disable_ipv6=1
		in_net $1 ip addr add 10.99.0.$3/24 dev $2
		in_net $1 ip link set $2 up
		in_net $1 ip link set lo up
	done
}

# veth_no_arp: nothing goes on the side, so that counters agree to the packet
veth_no_arp() {
	mac() { in_net $1 ip -j link show $2 | jq -r '.[0].address'; }
	in_net $A ip neigh replace 10.99.0.2 lladdr "$(mac $B vb)" dev va nud permanent
	in_net $B ip neigh replace 10.99.0.1 lladdr "$(mac $A va)" dev vb nud permanent
}
