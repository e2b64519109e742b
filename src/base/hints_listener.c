/* SPDX-License-Identifier: MIT
 *
 * Hints on making a listener (hints.h): create, options, bind, listen, adopt.  Floor 1.
 */
#include "base/hints.h"

#include <errno.h>

#define SOCKET .step = HARK_STEP_SOCKET
#define OPTION .step = HARK_STEP_OPTION
#define BIND   .step = HARK_STEP_BIND
#define LISTEN .step = HARK_STEP_LISTEN
#define ADOPT  .step = HARK_STEP_ADOPT

#define NO_SUCH_CONGESTION                                                 \
	.words = "no such congestion control algorithm",                   \
	.remedy = "net.ipv4.tcp_available_congestion_control lists those " \
		  "loaded; others are modules (`modprobe tcp_bbr`)"

const struct hark__hint hark__hints_listener[] = {
	{SOCKET, .remedy = "socket(2) says when; a sandbox may forbid it",
		.more = "Creating a socket rarely fails on a healthy system: look for "
			"limits and for a sandbox."},
	{SOCKET, .cause = HARK_CAUSE_FAMILY_OFF,
		.words = "this host has no such address family",
		.remedy = "use an address of another family, or turn this one on",
		.more = "See EAFNOSUPPORT."},
	{SOCKET, .cause = HARK_CAUSE_FAMILY_OFF, .when = HARK__WHEN_IPV6,
		.words = "this host has no IPv6",
		.remedy = "use an IPv4 address, or turn IPv6 on "
			  "(net.ipv6.conf.all.disable_ipv6, ipv6.disable at boot)",
		.more = "Where every address was asked for, a host without IPv6 is no "
			"error as long as another family is left."},
	{SOCKET, .code = EAFNOSUPPORT, .words = "this host has no such address family",
		.remedy = "the kernel lacks it, or a sandbox hides it "
			  "(RestrictAddressFamilies= of systemd)",
		.more = "hark makes sockets of AF_INET, AF_INET6 and AF_UNIX. IPv6 is "
			"missing altogether when the kernel was started with "
			"ipv6.disable=1 or has no module ipv6; with "
			"net.ipv6.conf.all.disable_ipv6=1 the socket can be made, and "
			"bind fails with EADDRNOTAVAIL."},
	{SOCKET, .code = EPROTONOSUPPORT, .words = "this kernel lacks the protocol",
		.remedy = "leave out what asks for it (mptcp)",
		.more = "Multipath TCP needs Linux 5.6 built with it."},
	{SOCKET, .code = ENOPROTOOPT, .words = "the protocol is switched off",
		.remedy = "set net.mptcp.enabled=1, or leave out mptcp",
		.more = "Of Multipath TCP, per network namespace."},
	{SOCKET, .code = EACCES, .words = "this process may not create such a socket",
		.remedy =
			"a security module (SELinux, AppArmor) forbids it; see its log",
		.more = "No privilege is needed for stream sockets otherwise."},
	{SOCKET, .code = EPERM, .words = "this process may not create such a socket",
		.remedy = "a sandbox (seccomp, a cgroup's BPF program) forbids it",
		.more = "No privilege is needed for stream sockets otherwise."},

	{OPTION, .remedy = "hark_socket(3) says what the option needs",
		.more = "The option is named as the field of struct "
			"hark_listen_options."},
	{OPTION, .cause = HARK_CAUSE_BAD_VALUE,
		.words = "its value {limit} is not allowed",
		.remedy = "hark_socket(3) and hark_server(3) list the values of each "
			  "option",
		.more = "Found before anything was opened. Zero, or nothing, always "
			"means the default."},
	{OPTION, .cause = HARK_CAUSE_BAD_VALUE, .option = "counters_size",
		.words = "it is {limit}, and no counter fits",
		.remedy = "set it to the sizeof of the counters",
		.more = "Of struct hark_loop_options; so that an older program's "
			"counters are not written beyond their end."},
	{OPTION, .cause = HARK_CAUSE_BAD_VALUE, .option = "stop",
		.words = "its value {limit} is not allowed here",
		.remedy = "hark_tcp_server(3) lists the values; hark_tcp_server_loop "
			  "closes its listeners, so it cannot leave the queue to "
			  "others",
		.more = "With HARK_STOP_AT_ONCE it would reset whoever waits."},
	{OPTION, .cause = HARK_CAUSE_BAD_VALUE, .option = "keep_alive_idle_s",
		.words = "its value {limit} is not allowed",
		.remedy = "1 to 32767 seconds, 0 for the kernel's (two hours)",
		.more = "The kernel keeps these bounds itself (tcp(7))."},
	{OPTION, .cause = HARK_CAUSE_BAD_VALUE, .option = "keep_alive_interval_s",
		.words = "its value {limit} is not allowed",
		.remedy = "1 to 32767 seconds, 0 for the kernel's (75)",
		.more = "The kernel keeps these bounds itself (tcp(7))."},
	{OPTION, .cause = HARK_CAUSE_BAD_VALUE, .option = "keep_alive_count",
		.words = "its value {limit} is not allowed",
		.remedy = "1 to 127 probes, 0 for the kernel's (9)",
		.more = "The kernel keeps these bounds itself (tcp(7))."},
	{OPTION, .cause = HARK_CAUSE_BAD_VALUE, .option = "device",
		.words = "an interface's name has 1 to 15 bytes",
		.remedy = "`ip link` lists the interfaces",
		.more = "The kernel would cut a longer name in silence, and bind to "
			"another interface or none."},
	{OPTION, .cause = HARK_CAUSE_BAD_VALUE, .option = "congestion",
		.words = "an algorithm's name has 1 to 15 bytes",
		.remedy = "net.ipv4.tcp_available_congestion_control lists them",
		.more = "Such as cubic, reno, bbr."},
	{OPTION, .cause = HARK_CAUSE_BAD_VALUE, .option = "unix_mode",
		.words = "it is not a file mode",
		.remedy =
			"use permission bits only, as in 0660 (octal: a leading zero)",
		.more = "A socket file has no set-user-ID, no set-group-ID and no "
			"sticky bit."},
	{OPTION, .cause = HARK_CAUSE_RESERVED, .words = "a reserved field is not zero",
		.remedy = "the program is newer than this library ({version}), or its "
			  "struct was never cleared",
		.more = "A library that does not know an option refuses it, so that no "
			"option is lost in silence. Use designated initialisers."},
	{OPTION, .cause = HARK_CAUSE_UNSUPPORTED, .words = "this kernel lacks it",
		.remedy = "leave it out, or ask for a notice instead "
			  "(HARK_MISSING_NOTICE)",
		.more = "An option that the kernel lacks is reported by name, as an "
			"error or as a notice, and never dropped in silence. See "
			"hark_socket(3) for since when each exists."},
	{OPTION, .cause = HARK_CAUSE_UNSUPPORTED, .option = "mptcp",
		.words = "this kernel has no Multipath TCP, or it is off",
		.remedy = "it needs Linux 5.6 and net.mptcp.enabled=1; leave it out, "
			  "or ask for a notice",
		.more = "net.mptcp.enabled is per network namespace."},
	{OPTION, .cause = HARK_CAUSE_HOOK,
		.words = "the program's own before_bind said no: {errno}",
		.remedy = "ask whoever wrote the program",
		.more = "Between create and bind the program may set what hark does "
			"not know. Its answer was a negative errno, which is this "
			"one."},
	{OPTION, .code = ENOPROTOOPT, .words = "this kernel lacks it",
		.remedy = "leave it out, or ask for a notice instead "
			  "(HARK_MISSING_NOTICE)",
		.more = "As HARK_CAUSE_UNSUPPORTED."},
	{OPTION, .code = EOPNOTSUPP,
		.words = "it does not apply to sockets of this kind",
		.remedy = "leave it out for this address",
		.more = "Most options are TCP's alone; Unix sockets have few."},
	{OPTION, .code = EINVAL, .words = "the kernel refuses its value",
		.remedy = "hark_socket(3) lists the values of each option",
		.more = "Or it comes too late: some can be set before bind only."},
	{OPTION, .code = EPERM, .words = "it needs a privilege",
		.remedy = "run with the capability that hark_socket(3) names for it, "
			  "or leave it out",
		.more = "In a container a capability may be missing though the user is "
			"root."},
	{OPTION, .code = EPERM, .option = "mark", .words = "a mark needs a privilege",
		.remedy = "give the program CAP_NET_ADMIN (or, since Linux 5.17, "
			  "CAP_NET_RAW), or leave it out",
		.more = "SO_MARK chooses routes and firewall rules (socket(7))."},
	{OPTION, .code = EPERM, .option = "device",
		.words = "binding to an interface needs a privilege here",
		.remedy = "give the program CAP_NET_RAW, or use an address of the "
			  "interface instead",
		.more = "Since Linux 5.7 only for a socket that is bound to an "
			"interface already; before, always."},
	{OPTION, .code = ENODEV, .option = "device", .words = "no such interface",
		.remedy = "`ip link` lists the interfaces",
		.more = "Of this network namespace: in a container they are others."},
	{OPTION, .cause = HARK_CAUSE_UNSUPPORTED, .code = ENOENT,
		.option = "congestion", NO_SUCH_CONGESTION, .more = "As ENOENT."},
	{OPTION, .code = ENOENT, .option = "congestion", NO_SUCH_CONGESTION,
		.more = "The kernel loads the module itself for a process that has "
			"CAP_NET_ADMIN."},
	{OPTION, .code = EPERM, .option = "congestion",
		.words = "this algorithm is not for everybody",
		.remedy = "add it to net.ipv4.tcp_allowed_congestion_control, or give "
			  "the program CAP_NET_ADMIN",
		.more = "Whoever has no privilege may choose from the allowed ones."},
	{OPTION, .code = EPERM, .option = "unix_chown",
		.words = "the socket file cannot be given away",
		.remedy = "give the program CAP_CHOWN; without it, only to a group of "
			  "one's own",
		.more = "The same rules as for chown(2) of any file. Nothing stays "
			"open."},
	{OPTION, .code = ENOENT, .option = "unix_mode",
		.words = "the mode cannot be set beyond the umask without /proc",
		.remedy = "mount /proc, or start with a umask that allows the mode",
		.more = "The file is given its mode by way of /proc/self/fd, so that "
			"nobody who may write to the directory can lead hark to "
			"another file."},
	{OPTION, .code = EPERM, .option = "unix_mode",
		.words = "the mode of the socket file cannot be changed",
		.remedy = "its owner alone, or CAP_FOWNER, may change it",
		.more = "Nothing stays open."},

	{BIND, .remedy = "check the address: bind(2) names the errors",
		.more = "Where an address cannot be taken though it looks right, a "
			"sandbox or a file system may have the say."},
	{BIND, .cause = HARK_CAUSE_MULTICAST, .words = "it is a multicast address",
		.remedy = "TCP connects two hosts: use an address of this one, or "
			  "0.0.0.0 or [::] for all",
		.more = "The kernel lets a stream socket be bound to 224.0.0.0/4, and "
			"then no client ever arrives."},
	{BIND, .cause = HARK_CAUSE_BROADCAST, .words = "it is a broadcast address",
		.remedy = "TCP connects two hosts: use an address of this one, or "
			  "0.0.0.0 for all",
		.more = "The kernel lets a stream socket be bound to it, and then no "
			"client ever arrives."},
	{BIND, .cause = HARK_CAUSE_LIVE_SERVER, .words = "a server holds that path",
		.remedy = "stop it or use another path; `ss -lxp` shows its process",
		.more = "hark replaces a socket file only when connecting to it is "
			"refused, since then nobody listens there. Any other answer, "
			"even a full queue, is taken for life."},
	{BIND, .cause = HARK_CAUSE_NOT_A_SOCKET,
		.words = "something other than a socket is at that path",
		.remedy = "move it away or use another path",
		.more = "A regular file, a directory or a symbolic link is never "
			"removed, whatever it points to."},
	{BIND, .cause = HARK_CAUSE_PATH_LOCKED,
		.words = "another starter holds the directory",
		.remedy = "try again in a moment",
		.more = "Programs that replace stale socket files with hark exclude "
			"each other by a lock on the directory (flock(2)), and wait "
			"one second for it. `lslocks` shows who holds it."},
	{BIND, .cause = HARK_CAUSE_NO_COMMON_PORT,
		.words = "no port was free for all of its addresses in {limit} tries",
		.remedy = "try again, or name a port",
		.more = "With port 0 the kernel chooses for the first address, and the "
			"others must follow. On a host whose ephemeral ports are "
			"nearly all taken (net.ipv4.ip_local_port_range) that may "
			"fail."},
	{BIND, .cause = HARK_CAUSE_ALL_FAILED,
		.words = "none of its addresses could be opened; the first: {errno}",
		.remedy = "the verdicts of the set say why, one an address",
		.more = "Lenient sets open what they can, but one at least. The errno "
			"is that of the first address."},
	{BIND, .cause = HARK_CAUSE_NOT_OURS,
		.words = "a dead server left it, and this user may not remove it",
		.remedy = "remove it as its owner, or use a directory of one's own",
		.more = "A socket file that refuses connections is replaced, but "
			"removing it takes write permission on the directory, and in a "
			"sticky one (/tmp) the ownership of the file."},
	{BIND, .cause = HARK_CAUSE_NOT_TO_US,
		.words = "a socket is there that this user may not connect to, so "
			 "whether a server holds it is unknown",
		.remedy = "remove it as its owner, or use another path",
		.more = "Mostly another user's. hark replaces a socket file only when "
			"connecting to it is refused; where that is forbidden, a "
			"server may be behind it. `ss -lxp`, as root, tells."},
	{BIND, .cause = HARK_CAUSE_OVERLAP,
		.words = "it overlaps '{subject}', which this program holds already",
		.remedy = "leave one of the two out",
		.more = "0.0.0.0 and [::] stand for all addresses of their family, and "
			"a dual-stack [::] for IPv4 as well, so no other socket can "
			"listen on that port beside them. Trying again is no use."},
	{BIND, .cause = HARK_CAUSE_TOO_MANY,
		.words = "there are more listeners than the {limit} that fit",
		.remedy = "name fewer addresses, or use another set",
		.more = "HARK_SET_MAX is the size of a set."},
	{BIND, .code = EADDRINUSE, .when = HARK__WHEN_PORT_ZERO,
		.words = "no port is free",
		.remedy =
			"widen net.ipv4.ip_local_port_range, or name a port outside it",
		.more = "Port 0 asks for any port of the ephemeral range, and all of "
			"them are held; `ss -s` counts the sockets."},
	{BIND, .code = EADDRINUSE, .when = HARK__WHEN_ABSTRACT,
		.remedy = "another socket has that name; `ss -axp` shows it",
		.more = "Abstract names vanish with the last copy of their socket: one "
			"that is in use has a process."},
	{BIND, .code = EADDRINUSE, .when = HARK__WHEN_UNIX,
		.remedy = "the path exists; `ss -lxp` shows whether a server has it: "
			  "if none has, remove it",
		.more = "bind(2) refuses any path that exists. A Unix socket's file "
			"outlives its process, so it may be stale. hark_listener_open "
			"replaces such a file under a lock on the directory; where "
			"that cannot be had, since this user may not read the "
			"directory, it leaves the file alone."},
	{BIND, .code = EADDRINUSE, .when = HARK__WHEN_IP,
		.remedy = "another socket holds it; `ss -tanp 'sport = :{port}'` shows "
			  "which, to root also whose",
		.more = "Mostly a listener on that address, or on 0.0.0.0 or [::], "
			"which overlap all others of the port. A dual-stack [::] also "
			"takes the port of IPv4. Connections that an earlier listener "
			"left in TIME_WAIT are in the way only if it, or this socket, "
			"had no SO_REUSEADDR (on by default here). A fixed port within "
			"net.ipv4.ip_local_port_range may be held by an outgoing "
			"connection. With SO_REUSEPORT, all sockets must have it, and "
			"be of one user."},
	{BIND, .code = EADDRNOTAVAIL, .when = HARK__WHEN_IPV6,
		.words = "it is not an address of this host",
		.remedy = "`ip -6 address` lists those that are (none with "
			  "net.ipv6.conf.all.disable_ipv6=1)",
		.more = "A new IPv6 address is tentative for a second or two, until "
			"nobody else on the link has claimed it, and cannot be bound "
			"before."},
	{BIND, .code = EADDRNOTAVAIL, .when = HARK__WHEN_IP,
		.words = "it is not an address of this host",
		.remedy =
			"`ip address` lists those that are; 0.0.0.0 or [::] means all",
		.more = "In a container or network namespace the addresses are others "
			"than the machine's. An address that comes later (a floating "
			"one) can be bound now with free_bind or "
			"net.ipv4.ip_nonlocal_bind=1."},
	{BIND, .code = EACCES, .when = HARK__WHEN_PORT_LOW,
		.remedy = "ports below {limit} need CAP_NET_BIND_SERVICE or a lower "
			  "net.ipv4.ip_unprivileged_port_start",
		.more = "The boundary is a sysctl of the network namespace, 1024 "
			"unless changed; it was read when bind failed. The capability "
			"can be given to a program (`setcap cap_net_bind_service=+ep "
			"FILE`), to a service (AmbientCapabilities= of systemd), or "
			"the socket can be bound by somebody else and inherited (fd:, "
			"activation)."},
	{BIND, .code = EACCES, .when = HARK__WHEN_PORT_HIGH,
		.remedy =
			"ports from {limit} on need no privilege, so a security module "
			"(SELinux, AppArmor, Landlock) forbids it; see its log",
		.more = "SELinux allows a service the ports of its type only: "
			"`semanage port -l` lists them."},
	{BIND, .code = EACCES, .when = HARK__WHEN_IP,
		.remedy = "ports below net.ipv4.ip_unprivileged_port_start (1024 by "
			  "default) need CAP_NET_BIND_SERVICE",
		.more = "The sysctl could not be read here."},
	{BIND, .code = EACCES, .when = HARK__WHEN_UNIX,
		.remedy = "this user must be able to write to the directory, and to "
			  "search all above it",
		.more = "`namei -l PATH` shows the permissions on the way."},
	{BIND, .code = EACCES,
		.remedy = "a port below net.ipv4.ip_unprivileged_port_start, or a "
			  "directory, needs a privilege",
		.more = "Which of them, the address tells."},
	{BIND, .code = EPERM,
		.remedy = "a sandbox (seccomp, a cgroup's BPF program) forbids it",
		.more = "Low ports are EACCES: this is a policy that somebody set up."},
	{BIND, .code = EPERM, .when = HARK__WHEN_UNIX,
		.remedy = "the directory is immutable, or its file system cannot hold "
			  "sockets; use one below /run",
		.more = "FAT and some network file systems have no sockets; `lsattr "
			"-d` shows the immutable flag."},
	{BIND, .code = EINVAL,
		.remedy = "the socket is bound already, or of another family",
		.more = "A socket is bound once in its life, and a socket of one "
			"family takes no address of another."},
	{BIND, .code = EINVAL, .when = HARK__WHEN_NO_SCOPE,
		.words = "a link-local address needs its interface",
		.remedy = "say which, as in [fe80::1%eth0]:4481",
		.more = "Addresses of fe80::/10 mean something on one link only."},
	{BIND, .code = EINVAL, .when = HARK__WHEN_MAPPED,
		.words = "the socket is for IPv6 alone, the address is IPv4",
		.remedy = "write it as IPv4, as in 127.0.0.1:4481, or leave out "
			  "ipv6_only",
		.more = "::ffff:a.b.c.d is the IPv4 address a.b.c.d in the form of "
			"IPv6, which a dual-stack socket takes. A set opens it as "
			"IPv4. Or the socket was bound before."},
	{BIND, .code = EAFNOSUPPORT, .words = "the socket is of another family",
		.remedy = "create it for the family of the address",
		.more = "An IPv6 socket takes IPv4 clients, but its address is IPv6: "
			"::ffff:a.b.c.d."},
	{BIND, .code = ENODEV, .words = "no such interface",
		.remedy = "`ip link` lists the interfaces",
		.more = "The scope of the address, its number after the percent sign, "
			"is no interface of this network namespace."},
	{BIND, .code = ENOENT, .words = "a directory of the path does not exist",
		.remedy = "create it first",
		.more = "For a service below /run, RuntimeDirectory= of systemd "
			"creates one at each start."},
	{BIND, .code = ENOTDIR, .words = "a part of the path is not a directory",
		.remedy = "check the path from its start",
		.more = "`namei -l PATH` shows which."},
	{BIND, .code = EROFS, .words = "the file system is read-only",
		.remedy = "put the socket on a writable one, such as /run",
		.more = "Under systemd, ProtectSystem=strict makes all but a few "
			"directories read-only."},
	{BIND, .code = ENAMETOOLONG, .words = "the path is too long",
		.remedy = "a Unix address has room for 107 bytes; use a shorter "
			  "directory",
		.more = "A limit of struct sockaddr_un, not of the file system."},
	{BIND, .code = EEXIST, .words = "something is at that path",
		.remedy = "move it away or use another path",
		.more = "As HARK_CAUSE_NOT_A_SOCKET."},
	{BIND, .code = ELOOP, .words = "too many symbolic links in the path",
		.remedy = "check the links for a circle, or use the real path",
		.more = "`namei -l PATH` follows them."},
	{BIND, .code = ENOSPC, .words = "the file system is full",
		.remedy = "free space or inodes (`df`, `df -i`), or use another path",
		.more = "A socket file needs an entry in the directory and an inode."},
	{BIND, .code = EDQUOT, .words = "the disk quota is used up",
		.remedy = "free some files of this user, or use another path",
		.more = "A socket file counts as a file."},
	{BIND, .code = EBUSY, .words = "another starter holds the directory",
		.remedy = "try again in a moment",
		.more = "As HARK_CAUSE_PATH_LOCKED."},

	{LISTEN, .remedy = "listen(2) names the errors",
		.more = "Nearly everything that can fail fails at bind."},
	{LISTEN, .cause = HARK_CAUSE_NOT_BOUND,
		.words = "it is not bound to an address",
		.remedy = "bind it first; the kernel would choose a random port",
		.more = "listen(2) on an unbound TCP socket succeeds on a port that "
			"nobody knows."},
	{LISTEN, .cause = HARK_CAUSE_NEGATIVE,
		.words = "a backlog of {limit} is negative",
		.remedy = "0 means the most that this system allows",
		.more = "The kernel would take it as a very large number."},
	{LISTEN, .cause = HARK_CAUSE_PORT_TAKEN,
		.words = "its port was lost by a shutdown and is another socket's now",
		.remedy =
			"`ss -tanp 'sport = :{port}'` shows whose; open a new listener",
		.more = "shutdown(2) of a listener gives up a port that the kernel "
			"chose. listen(2) would go on with another one in silence, and "
			"clients would look for it in vain."},
	{LISTEN, .code = EADDRINUSE, .words = "another socket listens on it already",
		.remedy =
			"`ss -tanp 'sport = :{port}'` shows which, to root also whose",
		.more = "Two sockets that both have SO_REUSEADDR may be bound to one "
			"address; only one of them may listen."},
	{LISTEN, .code = EOPNOTSUPP, .words = "sockets of this type do not listen",
		.remedy = "use a stream socket",
		.more = "Datagram sockets have no connections to accept."},
	{LISTEN, .code = EINVAL, .words = "the socket cannot listen now",
		.remedy = "it is connected, or not bound; use a new one",
		.more = "One socket either listens or talks, never both."},

	{ADOPT, .cause = HARK_CAUSE_NO_DEVICE,
		.words = "it is bound to an interface that is no more",
		.remedy = "open another: whoever had it closed it for new clients, or "
			  "the interface was removed",
		.more = "Nobody can connect to such a socket (ECONNREFUSED), and to "
			"unbind it needs CAP_NET_RAW."},
	{ADOPT, .cause = HARK_CAUSE_NOT_ONE_SOCKET,
		.words = "the message has another number of descriptors than one",
		.remedy = "look at what sends it: a listener a message",
		.more = "What came was closed; see hark_listener_send(3)."},
	{ADOPT, .cause = HARK_CAUSE_CUT, .words = "not all of the message arrived",
		.remedy = "raise the limit of descriptors ('ulimit -n'), or see what "
			  "sends it",
		.more = "The kernel drops the descriptors that it has no number for "
			"(recvmsg(2), MSG_CTRUNC), and the end of a long name."},
	{ADOPT, .cause = HARK_CAUSE_FILTERED,
		.words =
			"a filter of {limit} instructions is attached to it, and stays",
		.remedy = "if clients get no answer, look there (SO_DETACH_FILTER)",
		.more = "A notice, and no error. Connections inherit the filter."},
	{ADOPT, .remedy = "pass an open, listening stream socket",
		.more = "What was inherited is checked before it is used."},
	{ADOPT, .cause = HARK_CAUSE_TOO_MANY,
		.words = "there are more listeners than the {limit} that fit",
		.remedy = "pass fewer, or ask for some by name (activation:NAME)",
		.more = "HARK_SET_MAX is the size of a set."},
	{ADOPT, .code = EAFNOSUPPORT,
		.words = "it is neither IPv4 nor IPv6 nor a Unix socket",
		.remedy = "pass a socket of one of these",
		.more = "Listeners of AF_VSOCK and others are streams too, but their "
			"addresses are not hark's."},
	{ADOPT, .cause = HARK_CAUSE_NOT_A_SOCKET, .words = "it is not a socket",
		.remedy = "pass a listening stream socket; /proc/self/fd tells what "
			  "each descriptor is",
		.more = "Often the number is one off, or a shell has put a file or a "
			"terminal there."},
	{ADOPT, .cause = HARK_CAUSE_NOT_STREAM, .words = "it is not a stream socket",
		.remedy = "pass a listening stream socket (ListenStream= of systemd)",
		.more = "ListenDatagram= and ListenSequentialPacket= make others."},
	{ADOPT, .cause = HARK_CAUSE_NOT_LISTENING, .words = "it does not listen",
		.remedy = "pass the listening socket, not a connection (Accept=no of "
			  "systemd)",
		.more = "With Accept=yes systemd accepts by itself and passes a "
			"connection to each process, as inetd does. A socket that was "
			"shut down listens no more."},
	{ADOPT, .code = EBADF, .words = "no such descriptor is open",
		.remedy = "check its number, and that whoever passes it leaves it open "
			  "across exec",
		.more = "A descriptor with close-on-exec is closed in the new "
			"program."},
	{.remedy = NULL},
};
