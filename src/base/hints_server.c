/* SPDX-License-Identifier: MIT
 *
 * Hints on the server engine (hints.h): what it needs to run, connecting onward, and
 * starting programs.
 * Floor 1.
 */
#include "base/hints.h"

#include <errno.h>

#define SERVE   .step = HARK_STEP_SERVE
#define OPTION  .step = HARK_STEP_OPTION
#define CONNECT .step = HARK_STEP_CONNECT
#define SPAWN   .step = HARK_STEP_SPAWN

const struct hark__hint hark__hints_server[] = {
	{SERVE, .cause = HARK_CAUSE_RUNS_ALREADY,
		.words = "this server runs, or has run",
		.remedy = "a server runs once; create another",
		.more = "Listeners are added before hark_server_run."},
	{SERVE, .cause = HARK_CAUSE_NO_LISTENER, .words = "there is nothing to serve",
		.remedy = "call hark_server_listen or hark_server_adopt first",
		.more = "A server without a listener would wait for ever."},
	{SERVE, .cause = HARK_CAUSE_WORKERS_DIED,
		.words = "every worker died {limit} times before it had served anybody",
		.remedy = "HARK_EVENT_WORKER_ENDED tells how; run it with .workers = 0 "
			  "to see why",
		.more = "A worker that keeps dying at birth is started again ever "
			"later, then given up; when all are, so is the server."},
	{SERVE, .cause = HARK_CAUSE_TOO_MANY,
		.words = "at most {limit} descriptors are attended to",
		.remedy = "watch many of them by one epoll(7) instance",
		.more = "An epoll instance is a descriptor, and readable when one of "
			"its "
			"own is ready."},
	{SERVE, .code = EAGAIN,
		.remedy = "too many processes or threads: 'ulimit -u', pids.max of the "
			  "cgroup and kernel.threads-max limit them",
		.more = "fork(2) and pthread_create(3) say so; it may pass."},
	{SERVE, .code = ENOMEM,
		.remedy = "a lower .max_connections or .workers needs less memory",
		.more = "The server reserves what it needs before it serves."},
	{SERVE, .code = ENOSYS,
		.remedy = "the engine needs Linux 5.3 (pidfd_open), and a sandbox that "
			  "allows it",
		.more = "Processes are watched by descriptors of theirs."},
	{SERVE, .remedy = "errno(3) and hark_models(7) say more",
		.more = "Something that the engine needs could not be had."},
	{OPTION, .cause = HARK_CAUSE_NO_MODEL,
		.words = "this library has no such model",
		.remedy = "serial, fork, thread, pool and spawn are there; see "
			  "hark_models(7)",
		.more = "Models are built into a library, or are not."},
	{OPTION, .cause = HARK_CAUSE_MISFIT,
		.words = "it makes no sense beside the other options, or is missing",
		.remedy = "hark_server(3) says which options go together",
		.more = "A server without a handler or program, threads without a "
			"pool, recycling without workers: a mistake, and not ignored."},
	{CONNECT, .code = ECONNREFUSED, .remedy = "nobody listens there",
		.more = "Or a firewall says so."},
	{CONNECT, .code = ETIMEDOUT,
		.remedy = "no answer came: see whether the host is up, or a firewall "
			  "drops it",
		.more = "The kernel tries for about two minutes."},
	{CONNECT, .code = EHOSTUNREACH,
		.remedy = "no way to that host; see ip-route(8)",
		.more = "Or a router said so."},
	{CONNECT, .code = ENETUNREACH,
		.remedy = "no route to that network; see "
			  "ip-route(8)",
		.more = "For IPv6: has this host an address of it?"},
	{CONNECT, .code = EADDRNOTAVAIL,
		.remedy = "no local port is left for that address: "
			  "net.ipv4.ip_local_port_range, TIME_WAIT",
		.more = "Each connection to one address and port takes a port here."},
	{CONNECT, .remedy = "see connect(2)", .more = "As connect(2) says."},

	{OPTION, .cause = HARK_CAUSE_NO_GATE,
		.words = "the gate could not be opened again",
		.remedy = "it takes CAP_NET_RAW and Linux 5.7; or let clients wait",
		.more = "HARK_OVERLOAD_GATE, `--overload gate`: the privilege is "
			"needed "
			"as long as the server runs."},
	{OPTION, .cause = HARK_CAUSE_NOT_MADE,
		.words = "somebody else has made that listener, and may go on with it",
		.remedy = "let the server open it, or let clients wait",
		.more = "A gate acts on the socket, and so on every process that holds "
			"it."},
	{OPTION, .cause = HARK_CAUSE_HAS_DEVICE,
		.words = "that listener is bound to an interface, and would be to none "
			 "when the gate is opened",
		.remedy = "bind it to an address of the interface, or let clients wait",
		.more = "The gate binds it to an interface that does not exist."},
	{OPTION, .cause = HARK_CAUSE_OTHER_MEMBERS, .option = "overload",
		.words = "that listener shares its port (reuse_port)",
		.remedy = "open it without, or let clients wait",
		.more = "New clients of a closed one would hear nothing, not even that "
			"they are refused."},
	{OPTION, .cause = HARK_CAUSE_BAD_VALUE, .option = "program.path",
		.words = "it has no slash, or is missing",
		.remedy = "say where the program is: PATH is not searched",
		.more = "Looked up once, by who starts the server, and not for each "
			"client."},
	{OPTION, .cause = HARK_CAUSE_BAD_VALUE, .option = "program.argv",
		.words = "it is missing, or empty",
		.remedy = "argv[0] is the program's name, and NULL ends the list",
		.more = "Many a program crashes without a name."},
	{SPAWN, .remedy = "execve(2) names the errors",
		.more = "Its client is refused; the server goes on."},
	{SPAWN, .code = ENOENT,
		.words = "there is no such file, or its interpreter is missing",
		.remedy = "look whether it was moved, and at the first line of a "
			  "script",
		.more = "It may have been there when the server was started."},
	{SPAWN, .code = EACCES,
		.remedy = "`chmod +x` it, or look at the directories above it and at "
			  "the mount option noexec",
		.more = "It is run by the user that the server is now."},
	{SPAWN, .code = ENOEXEC,
		.words =
			"it is neither a binary of this machine nor a script with a #! "
			"line",
		.remedy = "begin a script with #! and its interpreter",
		.more = "A shell would guess; execve(2) does not."},
	{SPAWN, .code = ETXTBSY, .words = "somebody is writing to it",
		.remedy = "replace a program by renaming another to its name",
		.more = "The client waits up to 5 seconds for it."},
	{SPAWN, .code = E2BIG,
		.words = "arguments and environment are too long together",
		.remedy = "let programs inherit less (.envp)",
		.more = "A quarter of the stack limit (`ulimit -s`) bounds them."},
	{SPAWN, .code = EAGAIN, .words = "there are too many processes",
		.remedy = "`ulimit -u` and pids.max of the control group limit them",
		.more = "The client waits up to 5 seconds, and so do those behind it "
			"in the queue."},
	{0},
};
