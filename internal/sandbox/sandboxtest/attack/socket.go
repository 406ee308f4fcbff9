package main

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// socketAttacks make sockets other than those of IP and unix, which all that a
// workload needs is made of. NETLINK_ROUTE is no attack: a namespace that has a
// loopback alone tells nothing by it, and changing it is one.
func socketAttacks() map[string]attack {
	m := map[string]attack{"netlink": netlink, "netlink-change": netlinkChange}
	for name, s := range map[string][3]int{
		"raw":       {unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP},
		"raw6":      {unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6},
		"packet":    {unix.AF_PACKET, unix.SOCK_RAW, 0},
		"xdp":       {unix.AF_XDP, unix.SOCK_RAW, 0},
		"alg":       {unix.AF_ALG, unix.SOCK_SEQPACKET, 0},
		"vsock":     {unix.AF_VSOCK, unix.SOCK_STREAM, 0},
		"bluetooth": {unix.AF_BLUETOOTH, unix.SOCK_RAW, 1},
		"can":       {unix.AF_CAN, unix.SOCK_RAW, 1},
		"key":       {unix.AF_KEY, unix.SOCK_RAW, 2},
		"tipc":      {unix.AF_TIPC, unix.SOCK_SEQPACKET, 0},
		"rds":       {unix.AF_RDS, unix.SOCK_SEQPACKET, 0},
		"smc":       {unix.AF_SMC, unix.SOCK_STREAM, 0},
		"kcm":       {unix.AF_KCM, unix.SOCK_DGRAM, 0},
		"nfc":       {unix.AF_NFC, unix.SOCK_SEQPACKET, 0},
		"x25":       {unix.AF_X25, unix.SOCK_SEQPACKET, 0},
		"qipcrtr":   {unix.AF_QIPCRTR, unix.SOCK_DGRAM, 0},
		"sctp":      {unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_SCTP},
	} {
		m["socket-"+name] = func(r report, _ []string) { r.socket("make a "+name+" socket", s[0], s[1], s[2]) }
	}
	return m
}

// socket reports whether such a socket can be had. A family or protocol that
// the kernel hasn't is a refusal.
func (r report) socket(try string, family, kind, protocol int) {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
	if err == nil {
		_ = unix.Close(fd) // nothing was done with it
	}
	r.call(try, err, unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT, unix.ESOCKTNOSUPPORT)
}

func netlink(r report, _ []string) {
	for _, p := range []struct {
		name   string
		number int
	}{
		{"usersock", 2}, {"sock_diag", 4}, {"nflog", 5}, {"xfrm", 6}, {"selinux", 7}, {"iscsi", 8}, {"audit", 9}, {"fib", 10},
		{"connector", 11}, {"netfilter", 12}, {"dnrt", 14}, {"kobject_uevent", 15}, {"generic", 16}, {"scsi", 18},
		{"rdma", 20}, {"crypto", 21},
	} {
		r.socket("make a netlink socket for "+p.name, unix.AF_NETLINK, unix.SOCK_RAW, p.number)
	}
}

// netlinkChange takes the loopback down, in this network namespace.
func netlinkChange(r report, _ []string) {
	const try = "take the loopback down"
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		r.call(try, err, unix.EAFNOSUPPORT)
		return
	}
	defer unix.Close(fd)
	msg := struct {
		unix.NlMsghdr
		unix.IfInfomsg
	}{
		unix.NlMsghdr{Type: unix.RTM_NEWLINK, Flags: unix.NLM_F_REQUEST | unix.NLM_F_ACK, Seq: 1},
		unix.IfInfomsg{Index: 1, Change: unix.IFF_UP},
	}
	msg.Len = uint32(unsafe.Sizeof(msg))
	b := unsafe.Slice((*byte)(unsafe.Pointer(&msg)), unsafe.Sizeof(msg))
	must(unix.Sendto(fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	var answer [4096]byte
	n, err := unix.Read(fd, answer[:])
	must(err)
	if n < unix.SizeofNlMsghdr+4 {
		r.refused(try, "short answer")
		return
	}
	code := *(*int32)(unsafe.Pointer(&answer[unix.SizeofNlMsghdr]))
	r.call(try, asError(unix.Errno(-code)))
}
