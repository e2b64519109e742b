/* SPDX-License-Identifier: MIT
 *
 * Hints on connections and on what surrounds them (hints.h): accept, wait, read, write,
 * shutdown, close, inspect, limits, signals, the environment; then what can happen at any
 * step.  Floor 1.
 */
#include "base/hints.h"

#include <errno.h>

#define ACCEPT      .step = HARK_STEP_ACCEPT
#define WAIT        .step = HARK_STEP_WAIT
#define READ        .step = HARK_STEP_READ
#define WRITE       .step = HARK_STEP_WRITE
#define SHUTDOWN    .step = HARK_STEP_SHUTDOWN
#define CLOSE       .step = HARK_STEP_CLOSE
#define INSPECT     .step = HARK_STEP_INSPECT
#define LIMIT       .step = HARK_STEP_LIMIT
#define SIGNAL      .step = HARK_STEP_SIGNAL
#define ENVIRONMENT .step = HARK_STEP_ENVIRONMENT

#define ONE_CONNECTION .remedy = "it concerned one connection only; accept again"

const struct hark__hint hark__hints_connection[] = {
	{ACCEPT, .remedy = "accept(2) names the errors; wait a little and try again",
		.more = "Nobody documented this one: back off, count it, go on."},
	{ACCEPT, .cause = HARK_CAUSE_SHUT_DOWN,
		.words = "the socket was shut down, or never listened",
		.remedy = "open a new listener; a TCP one can also listen again",
		.more = "shutdown(2) of a listening socket acts on all its copies in "
			"every process. TCP resets each client in the queue; a Unix "
			"socket keeps them, and refuses new ones for good."},
	{ACCEPT, .code = EINVAL, .words = "the socket does not listen",
		.remedy = "open a new listener; a TCP one can also listen again",
		.more = "As HARK_CAUSE_SHUT_DOWN."},
	{ACCEPT, .code = EMFILE, .when = HARK__WHEN_LIMIT,
		.remedy = "clients wait in the queue; the soft limit is {limit}: close "
			  "some, or raise it (ulimit -n, LimitNOFILE=, "
			  "hark_nofile_raise)",
		.more = "RLIMIT_NOFILE counts all descriptors of the process. The "
			"connection stays in the queue, so nobody is lost; whoever "
			"retries at once spins. The kernel looks for a descriptor "
			"first: an empty queue gives EMFILE too."},
	{ACCEPT, .code = EMFILE,
		.remedy = "clients wait in the queue; close some, or raise "
			  "RLIMIT_NOFILE (ulimit -n, LimitNOFILE=, hark_nofile_raise)",
		.more = "The limit is not known here."},
	{ACCEPT, .code = ENFILE,
		.remedy = "clients wait in the queue; fs.file-max is the limit, "
			  "/proc/sys/fs/file-nr counts",
		.more = "All processes together have too many files open."},
	{ACCEPT, .code = ENOBUFS,
		.remedy = "clients wait in the queue; /proc/net/sockstat shows socket "
			  "memory, net.ipv4.tcp_mem its limit",
		.more = "The limit may also be that of the memory cgroup."},
	{ACCEPT, .code = ENOMEM,
		.remedy = "clients wait in the queue; /proc/net/sockstat shows socket "
			  "memory, net.ipv4.tcp_mem its limit",
		.more = "The limit may also be that of the memory cgroup."},
	{ACCEPT, .code = EOPNOTSUPP, .words = "this connection cannot be accepted",
		ONE_CONNECTION, .more = "As ECONNABORTED."},
	{ACCEPT, .code = EPERM, .words = "a policy forbids this connection",
		ONE_CONNECTION, .more = "As ECONNABORTED."},
	{ACCEPT, .code = ECONNABORTED, .words = "the client gave up in the queue",
		ONE_CONNECTION,
		.more = "An error that was waiting on the new connection, not one of "
			"the listener. hark passes over fifteen in a row."},
	{ACCEPT, .code = EPROTO, ONE_CONNECTION, .more = "As ECONNABORTED."},
	{ACCEPT, .code = ENOPROTOOPT, ONE_CONNECTION, .more = "As ECONNABORTED."},
	{ACCEPT, .code = ENETDOWN, ONE_CONNECTION, .more = "As ECONNABORTED."},
	{ACCEPT, .code = ENETUNREACH, ONE_CONNECTION, .more = "As ECONNABORTED."},
	{ACCEPT, .code = EHOSTDOWN, ONE_CONNECTION, .more = "As ECONNABORTED."},
	{ACCEPT, .code = EHOSTUNREACH, ONE_CONNECTION, .more = "As ECONNABORTED."},
	{ACCEPT, .code = ENONET, ONE_CONNECTION, .more = "As ECONNABORTED."},

	{WAIT, .remedy = "poll(2) names the errors",
		.more = "Waiting fails when the descriptors are wrong or memory is "
			"out."},
	{WAIT, .code = EINVAL,
		.words = "more descriptors than this process may have open",
		.remedy = "wait for fewer, or raise RLIMIT_NOFILE (ulimit -n, "
			  "hark_nofile_raise)",
		.more = "poll(2) takes no more entries than RLIMIT_NOFILE."},

	{READ, .remedy = "the connection is over; close it",
		.more = "An error of a connection does not heal."},
	{READ, .cause = HARK_CAUSE_PEER_SILENT,
		.words = "the peer stopped answering, and the kernel gave it up",
		.remedy = "the connection is over; close it",
		.more = "By keep-alive or by the user timeout (the kernel's "
			"ETIMEDOUT). "
			"hark reports it as a reset, so that it is not taken for a "
			"timeout of the call, after which one may go on."},
	{READ, .code = ECONNRESET,
		.remedy = "the connection is over, and what was under way is lost; "
			  "close it",
		.more = "The peer died, closed with input unread, or chose to abort; "
			"so does a firewall that forgot the connection."},
	{READ, .code = ETIMEDOUT, .words = "the peer no longer answers",
		.remedy = "the connection is over; close it",
		.more = "Found by keep-alive probes or by the user timeout, or because "
			"nothing that was sent was ever acknowledged."},
	{READ, .code = ENOTCONN, .words = "the socket is not connected",
		.remedy = "read from what accept returned, not from the listener",
		.more = "Or the peer was gone before."},
	{READ, .code = EAGAIN, .words = "nothing to read yet",
		.remedy = "wait until it is readable",
		.more = "A result of non-blocking descriptors rather than an error."},
	{READ, .code = EFAULT, .words = "the buffer is not in this process's memory",
		.remedy = "check pointer and size", .more = "A fault of the program."},

	{WRITE, .remedy = "the connection is over; close it",
		.more = "How much went out before is unknown, as always in TCP."},
	{WRITE, .code = EPIPE, .words = "nobody reads it any more",
		.remedy = "stop writing and close it; the peer, or this side, has "
			  "ended the connection",
		.more = "The peer has reset the connection, or this side has shut down "
			"its sending half. There is no SIGPIPE with hark."},
	{WRITE, .cause = HARK_CAUSE_PEER_SILENT,
		.words = "the peer stopped answering, and the kernel gave it up",
		.remedy = "the connection is over; close it",
		.more = "By retransmissions or the user timeout, as when reading."},
	{WRITE, .code = ECONNRESET,
		.remedy = "the connection is over, and what was under way is lost; "
			  "close it",
		.more = "How much arrived before is unknown: what must arrive must be "
			"acknowledged by the protocol above TCP."},
	{WRITE, .code = ETIMEDOUT, .words = "it did not all go out in time",
		.remedy = "the peer reads too slowly or is gone; close it, or allow "
			  "more time",
		.more = "A part may have gone out: the stream cannot go on as if "
			"nothing had happened."},
	{WRITE, .code = ENOTCONN, .words = "the socket is not connected",
		.remedy = "write to what accept returned, not to the listener",
		.more = "A listening socket has nobody at its other end."},
	{WRITE, .code = EAGAIN, .words = "no room to write yet",
		.remedy = "wait until it is writable",
		.more = "A result of non-blocking descriptors rather than an error."},
	{WRITE, .code = EFAULT, .words = "the data is not in this process's memory",
		.remedy = "check pointer and size", .more = "A fault of the program."},

	{SHUTDOWN, .remedy = "check that the descriptor is a connection",
		.more = "Ending twice, or a connection whose peer has gone, is no "
			"error."},
	{SHUTDOWN, .code = ENOTCONN, .words = "the socket is not connected",
		.remedy = "there is nothing to end; close it",
		.more = "A socket that never was connected."},

	{CLOSE,
		.remedy = "the descriptor is released all the same; do not close it "
			  "again",
		.more = "Its number may be another file's at once: a second close "
			"would hit that one."},
	{CLOSE, .when = HARK__WHEN_UNIX,
		.remedy = "the socket is closed; remove its path by hand",
		.more = "The file could not be removed, mostly because privileges were "
			"dropped since it was made. hark replaces it at the next "
			"start, if that may write to the directory."},
	{CLOSE, .code = EBADF,
		.remedy = "check whether it was closed before: that may have hit "
			  "another thread's descriptor",
		.more = "Mostly a second close of the same number: a fault of the "
			"program that hurts elsewhere."},

	{INSPECT, .remedy = "check that the descriptor is a socket of the right kind",
		.more = "What can be asked depends on the family: Unix sockets know "
			"neither their queue nor how long a connection waited."},
	{INSPECT, .cause = HARK_CAUSE_NOT_LISTENING, .words = "it does not listen",
		.remedy = "ask the listening socket",
		.more = "Only a listener has an accept queue."},
	{INSPECT, .code = EOPNOTSUPP, .words = "sockets of this kind do not know it",
		.remedy = "only TCP sockets do",
		.more = "Unix sockets tell their queue to `ss -lx`, not to their "
			"owner."},
	{INSPECT, .code = ENOPROTOOPT, .words = "this kernel does not tell",
		.remedy = "a newer one does",
		.more = "Or a sandbox stands in its place."},
	{INSPECT, .code = EINVAL, .words = "the question does not fit",
		.remedy = "check that the socket is in the right state, and the sizes",
		.more = "A listener has a queue, a connection a peer."},
	{INSPECT, .code = ENOTCONN, .words = "the socket is not connected",
		.remedy = "the peer is gone; ask right after accept",
		.more = "A client may be gone before it is accepted: hark_accept tells "
			"its address from the same system call."},

	{LIMIT, .remedy = "`ulimit -Hn` tells the hard limit",
		.more = "The soft limit can be raised to the hard one by anybody."},
	{LIMIT, .code = EPERM, .words = "more than this system lets a process have",
		.remedy = "fs.nr_open is the most; above the hard limit "
			  "CAP_SYS_RESOURCE is needed",
		.more = "hark raises the soft limit to the hard one and leaves that "
			"alone; where it is unlimited, fs.nr_open still bounds it."},

	{SIGNAL, .remedy = "sigaction(2) names the errors",
		.more = "For .mind_signals, SIGINT and SIGTERM are taken over while "
			"the loop runs."},
	{SIGNAL, .cause = HARK_CAUSE_SIGNALS_TAKEN,
		.words = "something else in this process minds the signals",
		.remedy = "let one loop mind them and stop the others by .wake_fd",
		.more = "Signals belong to the process, so there is one taker at a "
			"time."},

	{ENVIRONMENT, .remedy = "hark(7) lists the variables that it reads",
		.more = "They come from whoever started the program."},
	{ENVIRONMENT, .cause = HARK_CAUSE_BAD_VARIABLE,
		.words = "its value '{subject}' makes no sense",
		.remedy = "check what starts this program (sd_listen_fds(3) has the "
			  "protocol)",
		.more = "A value that is broken is refused, not guessed at."},
	{ENVIRONMENT, .cause = HARK_CAUSE_BAD_VARIABLE, .option = "HARK_HANDED",
		.words = "its value '{subject}' is not what a server leaves to its "
			 "successor",
		.remedy = "unset HARK_HANDED_PID, unless a hot restart did this: then "
			  "it is a bug",
		.more = "hark_server_upgrade(3) tells what is handed over, and how."},
	{ENVIRONMENT, .cause = HARK_CAUSE_BAD_VARIABLE, .option = "HARK_HANDED_LINK",
		.words = "its value '{subject}' is not what a server leaves to its "
			 "successor",
		.remedy = "unset HARK_HANDED_PID, unless a hot restart did this: then "
			  "it is a bug",
		.more = "hark_server_upgrade(3) tells what is handed over, and how."},
	{ENVIRONMENT, .cause = HARK_CAUSE_BAD_VARIABLE,
		.option = "HARK_HANDED_ANCESTORS",
		.words = "its value '{subject}' is not what a server leaves to its "
			 "successor",
		.remedy = "unset HARK_HANDED_PID, unless a hot restart did this: then "
			  "it is a bug",
		.more = "hark_server_upgrade(3) tells what is handed over, and how."},
	{ENVIRONMENT, .cause = HARK_CAUSE_BAD_VARIABLE, .option = "NOTIFY_SOCKET",
		.words = "its value '{subject}' is neither a path from the root nor "
			 "'@' and a name",
		.remedy = "check what starts this program (sd_notify(3) has the "
			  "protocol), or unset it",
		.more = "At most 107 bytes."},
	{ENVIRONMENT, .cause = HARK_CAUSE_BAD_VARIABLE, .code = EAFNOSUPPORT,
		.option = "NOTIFY_SOCKET",
		.words = "'{subject}' is not on this machine, and hark tells only who "
			 "is",
		.remedy = "unset it, or let a Unix socket be named",
		.more = "With 'vsock:' the manager of a virtual machine tells its host "
			"about itself; a service is not asked to."},
	{ENVIRONMENT, .option = "NOTIFY_SOCKET",
		.remedy = "the service manager that was there at the start is not "
			  "reached any more; see connect(2), or unset it",
		.more = "Or the root directory was changed since: hark_notify_open "
			"before that."},
	{ENVIRONMENT, .option = "NOTIFY_SOCKET", .code = ETIMEDOUT,
		.words = "the service manager does not read",
		.remedy = "see what it is busy with",
		.more = "After five seconds in which its queue was full."},
	{ENVIRONMENT, .cause = HARK_CAUSE_NOT_ACTIVATED,
		.words = "nobody passed a listening socket to this process",
		.remedy = "start it by its socket unit (or systemd-socket-activate), "
			  "or name an address",
		.more = "LISTEN_PID or LISTEN_FDS is not set."},
	{ENVIRONMENT, .cause = HARK_CAUSE_NOT_ACTIVATED, .when = HARK__WHEN_SUBJECT,
		.words = "it is '{subject}', another process",
		.remedy = "let what is in between (a shell, a wrapper) exec this "
			  "program, or name an address",
		.more = "Sockets were passed, but to a process that started this one, "
			"or to one that is gone and left its environment."},
	{ENVIRONMENT, .cause = HARK_CAUSE_NO_SUCH_NAME,
		.words = "no socket named '{subject}' was passed to this process",
		.remedy = "LISTEN_FDNAMES lists those that were (FileDescriptorName= "
			  "of systemd)",
		.more = "Without FileDescriptorName= a socket has the name of its "
			"unit."},

	{.code = EMFILE,
		.when = HARK__WHEN_LIMIT,
		.remedy = "the soft limit is {limit}; close some, or raise it (ulimit "
			  "-n, LimitNOFILE=, hark_nofile_raise)",
		.more = "RLIMIT_NOFILE counts all descriptors of the process; "
			"/proc/self/fd lists them. The limit is that at the failure."},
	{.code = EMFILE,
		.remedy = "close some, or raise RLIMIT_NOFILE (ulimit -n, "
			  "LimitNOFILE=, hark_nofile_raise)",
		.more = "The limit is not known here."},
	{.code = ENFILE,
		.remedy = "fs.file-max is the limit, /proc/sys/fs/file-nr counts",
		.more = "All processes together have too many files open."},
	{.code = ENOBUFS,
		.remedy = "try again later; /proc/net/sockstat shows socket memory, "
			  "net.ipv4.tcp_mem its limit",
		.more = "The limit may also be that of the memory cgroup."},
	{.code = ENOMEM,
		.remedy = "try again when memory is free; the limit may be that of the "
			  "memory cgroup",
		.more = "MemoryMax= of systemd, the memory limit of a container."},
	{.code = EBADF,
		.remedy = "check its number, and whether it was closed before",
		.more = "A fault of the program: mostly a descriptor that another "
			"thread closed, or that was closed twice."},
	{.code = ENOTSOCK,
		.remedy =
			"the descriptor is a file or something else; check its number",
		.more = "Often the number was closed and given out again for a file."},
	{.code = EACCES,
		.remedy = "permissions, or a security module (SELinux, AppArmor, "
			  "Landlock), forbid it",
		.more = "The log of the security module tells."},
	{.code = EPERM,
		.remedy = "a capability is missing, or a sandbox (seccomp, a cgroup's "
			  "BPF program) forbids it",
		.more = "In a container a capability may be missing though the user is "
			"root."},
	{.code = ENOSYS,
		.remedy =
			"the kernel is too old, or a sandbox (seccomp) hides the call",
		.more = "hark needs what Linux has had for long; container runtimes "
			"with an old seccomp profile hide new calls like this."},
	{.code = EINTR,
		.remedy = "try again",
		.more = "hark goes on by itself after signals nearly everywhere."},
	{.code = EIO,
		.remedy = "look into the kernel's log (`dmesg`)",
		.more = "The device or file system below failed."},
	{.code = EFAULT,
		.remedy = "check the pointers that the program passed",
		.more = "A fault of the program."},
	{.remedy = NULL},
};
