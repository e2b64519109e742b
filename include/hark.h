/* SPDX-License-Identifier: MIT
 *
 * hark.h: the listening half of TCP, done right, for C: the life of a server socket
 * (create, bind, listen, accept, close), one honest function a step, and the short
 * wrappers that make a server of a few lines.  Errors explain themselves, the listen
 * queue can be seen, and what a function does to each descriptor is written here.
 *
 * A complete server:
 *
 *	#include <hark.h>
 *
 *	static void greet(int fd, const struct hark_addr *peer, void *ctx)
 *	{
 *		(void)peer, (void)ctx;
 *		(void)hark_write(fd, "ohai\n", 5, 1000, NULL);
 *		(void)hark_close(fd, NULL);
 *	}
 *
 *	int main(void)
 *	{
 *		struct hark_error err;
 *		struct hark_loop_options loop = { .mind_signals = HARK_ON };
 *
 *		if (hark_tcp_server_loop("4481", greet, NULL, NULL, &loop, &err) < 0)
 *			return hark_error_print(stderr, &err), 1;
 *		return 0;
 *	}
 *
 * CONVENTIONS, once for the whole library
 *
 * Results	int or ssize_t: >= 0, or a negative errno (-EADDRINUSE).  errno itself is
 *		unspecified afterwards.  Functions that return bool or void cannot fail.
 * Errors	struct hark_error * is always the last parameter and may be NULL.  It is
 *		untouched on success; a call that fails overwrites it with the first thing
 *		that went wrong.  It holds facts; hark_error_text() makes the sentence.
 *		Results that are no failure (would block, timed out, woken) leave it alone.
 * Descriptors	Everything that the library opens is close-on-exec from birth and never 0, 1
 *		or 2 (but see hark_accept).  A call that fails leaves the caller's descriptor
 *		open and the caller's.  A connection is a plain blocking descriptor: poll it, dup it,
 *		give it to stdio.  A listening socket is non-blocking, always (why: accept).
 * Memory	No function of this header allocates (the resolver may, and frees it).
 *		Structs are the caller's; text that is passed in is only read during the call,
 *		but for pointers in options, which are read during the calls they go to.
 * Threads	No global state, but for the slot of .mind_signals.  Two threads may use
 *		different objects freely, and may accept from one listener.  After fork(2)
 *		both processes hold each socket; see hark_close and hark_shutdown.
 * Options	Structs for designated initialisers, all zero = sensible.  `reserved` must be
 *		zero: a library that does not know an option refuses it (-EINVAL).
 *		An enum hark_toggle has three states: leave it to hark, on, off.
 * NULL		Where an options pointer is NULL, all defaults.
 * Units	In the names: _ms milliseconds, _s seconds, _bytes.  A timeout of -1 waits for
 *		ever, 0 not at all.
 * Versions	Everything here is since 0.1 unless it says otherwise.
 *
 * THE MAP, in life-cycle order
 *
 *	errors		hark_error_text  _print  _exit_code, hark_errno_name
 *	addresses	hark_endpoint_parse  _resolve, hark_addr_…, hark_cidr_…
 *	create		hark_socket
 *	bind		hark_bind
 *	listen		hark_listen
 *	listeners	hark_listener_open  _adopt  _send  _receive  _close_now,
 *			hark_listener_set_add  _close_now
 *	accept		hark_accept  _try  _wait  _classify, hark_wake_…
 *	connections	hark_local_addr, hark_queue_wait_ms, hark_read, hark_write
 *	close		hark_close_read  _write, hark_shutdown, hark_close  _reset  _lingering
 *	quiesce		hark_quiesce_begin  _accept  _check  _undo  _report  _close
 *	queue		hark_queue_read
 *	limits		hark_nofile_read  _raise
 *	manager		hark_notify  hark_notify_open, hark_watchdog_ms
 *	wrappers	hark_tcp_server, hark_tcp_server_sockets, hark_unix_server,
 *			hark_accept_loop, hark_tcp_server_loop
 *
 * Linux only.  Manual: hark(3), hark(7), hark_errors(7).
 */
#ifndef HARK_H
#define HARK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HARK_VERSION_MAJOR 0
#define HARK_VERSION_MINOR 1
#define HARK_VERSION_PATCH 0

#if defined(__GNUC__)
#define HARK_API __attribute__((visibility("default")))
#else
#define HARK_API
#endif

/* The version of the library that runs, "0.1.0"; the macros tell the header's. */
HARK_API const char *hark_version(void);

/* Leave it to hark (each option says what that is), or say it. */
enum hark_toggle { HARK_DEFAULT = 0, HARK_ON = 1, HARK_OFF = 2 };

/* ======================================================================== addresses */

/*
 * The address of one socket: IPv4, IPv6 (with scope) or Unix, by value.  `length` is the
 * length that bind(2) and accept(2) speak of; 0 means "no address".
 */
struct hark_addr {
	uint32_t length;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} u;
};

/* Enough for any address as text, its terminating NUL included. */
#define HARK_ADDR_TEXT_MAX 456

/* ========================================================================== errors */

/* The step of a socket's life that failed. */
enum hark_step {
	HARK_STEP_NONE = 0,
	HARK_STEP_PARSE,   /* reading the text of an address */
	HARK_STEP_RESOLVE, /* host name or service name to addresses */
	HARK_STEP_SOCKET,  /* create */
	HARK_STEP_OPTION,  /* a socket option, or a field of an options struct */
	HARK_STEP_BIND,
	HARK_STEP_LISTEN,
	HARK_STEP_ADOPT, /* taking over a descriptor that somebody else opened */
	HARK_STEP_ACCEPT,
	HARK_STEP_WAIT, /* for readiness */
	HARK_STEP_READ,
	HARK_STEP_WRITE,
	HARK_STEP_SHUTDOWN,
	HARK_STEP_CLOSE,
	HARK_STEP_INSPECT,     /* asking a socket about itself */
	HARK_STEP_LIMIT,       /* descriptor limits */
	HARK_STEP_SIGNAL,      /* taking the signals of .mind_signals */
	HARK_STEP_ENVIRONMENT, /* an environment variable */
	HARK_STEP_RULES,       /* reading the rules of who may come in */
	HARK_STEP_SERVE,       /* the server engine: what it needs to run */
	HARK_STEP_CONNECT,     /* onward, from a handler */
	HARK_STEP_SPAWN,       /* starting the program of a connection */
	HARK_STEP_QUIESCE,     /* having a listener take no new clients */
	HARK_STEP_UPGRADE,     /* handing over to a successor */
	HARK_STEP_COUNT
};

/* What hark itself found, where an errno alone would not say it. */
enum hark_cause {
	HARK_CAUSE_NONE = 0,
	/* parse */
	HARK_CAUSE_EMPTY,
	HARK_CAUSE_TOO_LONG, /* limit: the longest allowed, in bytes */
	HARK_CAUSE_CONTROL_BYTE,
	HARK_CAUSE_NO_PORT,
	HARK_CAUSE_PORT_NOT_DECIMAL,
	HARK_CAUSE_PORT_RANGE,
	HARK_CAUSE_NOT_DOTTED_QUAD,
	HARK_CAUSE_BAD_IPV6,
	HARK_CAUSE_NEEDS_BRACKETS,
	HARK_CAUSE_BAD_SCOPE,
	HARK_CAUSE_BAD_HOST,
	HARK_CAUSE_BAD_DESCRIPTOR,
	HARK_CAUSE_BAD_PREFIX,
	HARK_CAUSE_HOST_BITS,
	HARK_CAUSE_NOT_ONE_ADDRESS, /* one numeric address is wanted here */
	HARK_CAUSE_NOT_TCP,         /* a TCP address is wanted here */
	HARK_CAUSE_NOT_UNIX,        /* a unix: address is wanted here */
	HARK_CAUSE_TOO_MANY,        /* limit: how many fit */
	/* bind and listen */
	HARK_CAUSE_MULTICAST,
	HARK_CAUSE_BROADCAST,
	HARK_CAUSE_LIVE_SERVER,    /* a server answers at the Unix path */
	HARK_CAUSE_NOT_A_SOCKET,   /* the path, or the descriptor, is something else */
	HARK_CAUSE_PATH_LOCKED,    /* another starter holds the directory */
	HARK_CAUSE_NOT_BOUND,      /* the kernel would choose a random port */
	HARK_CAUSE_NEGATIVE,       /* backlog */
	HARK_CAUSE_PORT_TAKEN,     /* a port lost by shutdown is held by another now */
	HARK_CAUSE_NO_COMMON_PORT, /* limit: how many ports were tried */
	HARK_CAUSE_ALL_FAILED,     /* no address of a lenient set could be opened */
	HARK_CAUSE_FAMILY_OFF,     /* this host has no IPv6 (or no IPv4) */
	HARK_CAUSE_NOT_OURS,       /* stale, but this user may not remove it */
	/* accept and the rest */
	HARK_CAUSE_SHUT_DOWN,     /* the listener was shut down, or never listened */
	HARK_CAUSE_NOT_STREAM,    /* adopting a datagram socket, say */
	HARK_CAUSE_NOT_LISTENING, /* adopting a socket that does not listen */
	HARK_CAUSE_BAD_VALUE,     /* option: limit holds the value that was given */
	HARK_CAUSE_RESERVED,      /* a reserved field is not zero: a newer program */
	HARK_CAUSE_UNSUPPORTED,   /* option: this kernel lacks it */
	HARK_CAUSE_SIGNALS_TAKEN, /* somebody else in this process minds the signals */
	HARK_CAUSE_BAD_VARIABLE,  /* option names the environment variable */
	HARK_CAUSE_NOT_ACTIVATED, /* nobody passed us a listener */
	HARK_CAUSE_NO_SUCH_NAME,  /* none of the passed listeners has that name */
	HARK_CAUSE_PEER_SILENT,   /* it stopped answering: keep-alive, user timeout */
	HARK_CAUSE_HOOK,          /* the caller's own before_bind said no */
	HARK_CAUSE_NOT_TO_US,     /* a Unix path that we may not connect to */
	HARK_CAUSE_OVERLAP,       /* subject: the address of ours that is in the way */
	/* rules; subject: FILE:LINE: and the line, or the file */
	HARK_CAUSE_BAD_RULE,
	HARK_CAUSE_BEHIND_RULE,   /* something stands behind it */
	HARK_CAUSE_RULE_TWICE,    /* limit: the line that has it already */
	HARK_CAUSE_LINE_TOO_LONG, /* limit: the longest allowed, in bytes */
	HARK_CAUSE_FILE_TOO_LONG, /* limit: the longest allowed, in bytes */
	HARK_CAUSE_NOT_A_FILE,    /* a directory, a FIFO, a device */
	/* the server */
	HARK_CAUSE_NO_MODEL,     /* this library has not that model */
	HARK_CAUSE_MISFIT,       /* an option that makes no sense beside the others */
	HARK_CAUSE_RUNS_ALREADY, /* or has run: a server runs once */
	HARK_CAUSE_NO_LISTENER,
	HARK_CAUSE_WORKERS_DIED, /* limit: how often each died at birth */
	/* quiesce */
	HARK_CAUSE_DEFERS_ACCEPT, /* silent clients look like handshakes in progress */
	HARK_CAUSE_NOT_IN_GROUP,  /* no SO_REUSEPORT group that the successor is in */
	HARK_CAUSE_OTHER_MEMBERS, /* of its group; they are not among these listeners */
	HARK_CAUSE_FOR_GOOD,      /* a Unix listener that was shut down */
	/* adopting */
	HARK_CAUSE_NO_DEVICE, /* bound to an interface that is no more */
	HARK_CAUSE_FILTERED,  /* told: limit instructions of a filter are attached */
	HARK_CAUSE_NOT_ONE_SOCKET, /* limit: how many descriptors came */
	HARK_CAUSE_CUT,            /* not all of a message arrived */
	/* upgrade */
	HARK_CAUSE_UPGRADES,     /* another one goes on */
	HARK_CAUSE_STOPS,        /* the server was told to stop */
	HARK_CAUSE_GENERATIONS,  /* limit: so many live already */
	HARK_CAUSE_ENDED_EARLY,  /* the successor, before it was ready */
	HARK_CAUSE_NOT_READY,    /* limit: milliseconds that it had */
	HARK_CAUSE_NO_MIGRATION, /* of a quiesce: net.ipv4.tcp_migrate_req is off */
	/* overload */
	HARK_CAUSE_NO_GATE,    /* it could not be opened again */
	HARK_CAUSE_NOT_MADE,   /* a listener that others have made */
	HARK_CAUSE_HAS_DEVICE, /* a listener that is bound to an interface */
	HARK_CAUSE_COUNT
};

/*
 * The facts of a failure.  Caller-owned, no heap, no pointers: copy it, keep it, send it.
 * Nothing in it needs freeing.
 */
struct hark_error {
	int code;          /* negative errno: what the call returned */
	int step;          /* enum hark_step */
	int cause;         /* enum hark_cause */
	int resolver_code; /* EAI_… of getaddrinfo(3), 0 when it was not the resolver */
	long long limit;   /* the limit met, or the value refused; else 0 */
	struct hark_addr addr; /* .length 0: none was known yet */
	char option[32];   /* the option's or environment variable's name, else "" */
	char subject[264]; /* the text as it was given, cut; unescaped; else "" */
	uint64_t reserved[4];
};

/*
 * One line without a newline, e.g.
 *   cannot bind '0.0.0.0:80': permission denied (EACCES); ports below 1024 need
 *   CAP_NET_BIND_SERVICE or a lower net.ipv4.ip_unprivileged_port_start
 * Bytes from outside are escaped.  Returns the length of the whole text, as snprintf(3);
 * what does not fit is cut.  Asks neither kernel nor resolver.
 */
HARK_API size_t hark_error_text(
	const struct hark_error *error, char *text, size_t size);

/* The line and a newline on `stream`, in one write. */
HARK_API void hark_error_print(FILE *stream, const struct hark_error *error);

/* What a command should exit with: 100, do not retry; 111, may work later. */
HARK_API int hark_error_exit_code(const struct hark_error *error);

/* "EADDRINUSE" for EADDRINUSE or -EADDRINUSE; "E?" for a number that Linux has not. */
HARK_API const char *hark_errno_name(int code);

/* Longest line of hark_error_text, its NUL included. */
#define HARK_ERROR_TEXT_MAX 2048

/* =========================================================== addresses: the functions */

/* What the text of an address may mean. */
enum hark_endpoint_kind {
	HARK_ENDPOINT_EVERY = 1, /* "4481", ":4481", "*:4481": all of both families */
	HARK_ENDPOINT_ADDRESS, /* "127.0.0.1:4481", "[::1]:4481", "[fe80::1%eth0]:4481" */
	HARK_ENDPOINT_NAME,    /* "localhost:4481", "host:service": needs resolving */
	HARK_ENDPOINT_UNIX,    /* "unix:/path", "unix:@abstract" */
	HARK_ENDPOINT_DESCRIPTOR, /* "fd:3": a listening socket that we inherited */
	HARK_ENDPOINT_ACTIVATION /* "activation", "activation:NAME": systemd's protocol */
};

struct hark_endpoint {
	int kind; /* enum hark_endpoint_kind */
	int port; /* EVERY, ADDRESS, NAME: 0–65535; -1: .service is a name */
	int fd;   /* DESCRIPTOR; else -1 */
	struct hark_addr addr; /* ADDRESS and UNIX */
	char host[256]; /* NAME: the host ("" = every address); ACTIVATION: the name */
	char service[64]; /* a service by name, else "" */
	uint64_t reserved[2];
};

/*
 * Reads text.  Numbers are strict: a port is decimal digits up to 65535 (some C libraries
 * wrap 70000 round to 4464), an IPv4 host a dotted quad without leading zeros (octal, to
 * the resolver), IPv6 stands in brackets.  No resolver is asked; the scope of a link-local
 * address must be an interface of this host.  -EINVAL, -ERANGE (port), -ENAMETOOLONG,
 * -ENODEV (scope).  The second form takes `length` bytes, which may include NULs (refused).
 */
HARK_API int hark_endpoint_parse(
	struct hark_endpoint *endpoint, const char *text, struct hark_error *err);
HARK_API int hark_endpoint_parse_n(struct hark_endpoint *endpoint, const char *text,
	size_t length, struct hark_error *err);

/*
 * Fills addrs[] (duplicates removed) and returns how many, >= 1.  EVERY is 0.0.0.0 and ::.
 * "localhost" is 127.0.0.1 and ::1 and asks nobody (RFC 6761 section 6.3); other names
 * block in getaddrinfo(3).  More than `max`: -E2BIG.  Resolver failures: -ENOENT (no such
 * host or service), -EAGAIN (may work later) or -EIO, with .resolver_code set.
 */
HARK_API int hark_endpoint_resolve(const struct hark_endpoint *endpoint,
	struct hark_addr *addrs, size_t max, struct hark_error *err);

/* One numeric or Unix address: "127.0.0.1:80", "[::1]:80", "unix:/run/x", "unix:@x". */
HARK_API int hark_addr_parse(
	struct hark_addr *addr, const char *text, struct hark_error *err);

/* From a numeric host, link-local with its scope ("127.0.0.1", "::1", "fe80::1%eth0") and a port, 0–65535. */
HARK_API int hark_addr_from_ip(
	struct hark_addr *addr, const char *host, int port, struct hark_error *err);

/* From what a system call gave; -EINVAL when length and family do not fit,
 * -EAFNOSUPPORT for another family. */
HARK_API int hark_addr_from_sockaddr(struct hark_addr *addr, const struct sockaddr *sa,
	socklen_t length, struct hark_error *err);

/*
 * As text: "127.0.0.1:80", "[::1]:80" (RFC 5952), "[fe80::1%eth0]:80", "unix:/run/x",
 * "unix:@abstract", "unix:" (unnamed), "-" (no address).  Unprintable bytes
 * and the backslash as \xNN.  Returns the whole length, as snprintf(3).  Never resolves.
 * hark_addr_host_text leaves out port and brackets.
 */
HARK_API size_t hark_addr_text(const struct hark_addr *addr, char *text, size_t size);
HARK_API size_t hark_addr_host_text(
	const struct hark_addr *addr, char *text, size_t size);

/* AF_INET, AF_INET6, AF_UNIX; AF_UNSPEC for no address. */
HARK_API int hark_addr_family(const struct hark_addr *addr);

/* 0–65535, or -EAFNOSUPPORT where the family has none; -ERANGE for another port. */
HARK_API int hark_addr_port(const struct hark_addr *addr);
HARK_API int hark_addr_set_port(struct hark_addr *addr, int port);

/* < 0, 0, > 0: by family, host, scope, port (or Unix name).  An order, for sorting. */
HARK_API int hark_addr_compare(const struct hark_addr *a, const struct hark_addr *b);
/* The same host, whatever the port; through ::ffff:a.b.c.d.  Unix is one host. */
HARK_API bool hark_addr_same_host(const struct hark_addr *a, const struct hark_addr *b);

/* All of them look through ::ffff:a.b.c.d, but for _is_v4_mapped itself. */
HARK_API bool hark_addr_is_loopback(const struct hark_addr *addr);
HARK_API bool hark_addr_is_private(
	const struct hark_addr *addr); /* RFC 1918, RFC 4193 */
HARK_API bool hark_addr_is_link_local(const struct hark_addr *addr);
HARK_API bool hark_addr_is_unspecified(const struct hark_addr *addr);
HARK_API bool hark_addr_is_multicast(const struct hark_addr *addr);
HARK_API bool hark_addr_is_v4_mapped(const struct hark_addr *addr);

/* ::ffff:a.b.c.d becomes a.b.c.d, the port kept; anything else stays as it is. */
HARK_API void hark_addr_unmap(struct hark_addr *addr);

/* Where a client on this host reaches that listener: 0.0.0.0 → 127.0.0.1, :: → ::1. */
HARK_API void hark_addr_to_dial(
	struct hark_addr *dial, const struct hark_addr *listening);

/* A block of addresses: "10.0.0.0/8", "fc00::/7", "192.0.2.1" (/32), "::1" (/128). */
struct hark_cidr {
	int family;
	int prefix; /* leading bits that count */
	unsigned char base[16];
};

/* -EINVAL with the reason; bits set behind the prefix are refused, not ignored. */
HARK_API int hark_cidr_parse(
	struct hark_cidr *cidr, const char *text, struct hark_error *err);
/* IPv4 in its mapped form matches IPv4 blocks.  Unix addresses match none. */
HARK_API bool hark_cidr_match(
	const struct hark_cidr *cidr, const struct hark_addr *addr);

/* =================================================================== create, options */

/* What to do about an option that this kernel lacks: never silently drop it. */
enum hark_missing {
	HARK_MISSING_FAILS = 0, /* the call fails and names the option */
	HARK_MISSING_NOTICE     /* .on_notice is told, and the call goes on */
};

/*
 * How to make a listener.  Set once on the listening socket wherever the kernel lets
 * connections inherit it, so an accepted connection costs no setsockopt(2).  Numbers:
 * 0 = leave it to the kernel.  See hark_socket(3) for since which kernel.
 */
struct hark_listen_options {
	/* the queue: connections that may wait; 0 = the most this system allows now */
	int backlog;

	/* before bind */
	enum hark_toggle reuse_address; /* default on: bind over TIME_WAIT */
	enum hark_toggle reuse_port; /* default off: share the port within one user */
	enum hark_toggle ipv6_only;  /* always set; default off alone, on in sets */
	enum hark_toggle free_bind;  /* bind an address this host has not (yet) */
	enum hark_toggle mptcp;      /* multipath TCP; Linux 5.6 */
	const char *device;          /* bind to this interface: "eth0" */
	uint32_t mark;               /* SO_MARK, needs CAP_NET_ADMIN */

	/* inherited by every accepted connection */
	enum hark_toggle no_delay;   /* default on: TCP_NODELAY */
	enum hark_toggle keep_alive; /* default the kernel's (off) */
	int keep_alive_idle_s;       /* 1–32767; any of these three turns it on */
	int keep_alive_interval_s;   /* 1–32767 */
	int keep_alive_count;        /* 1–127 */
	int user_timeout_ms;     /* RFC 5482; dead peers while data is unacknowledged */
	enum hark_toggle linger; /* SO_LINGER with linger_s; rarely what is wanted */
	int linger_s;
	int receive_buffer_bytes; /* of TCP; Unix connections keep the system's */
	int send_buffer_bytes;
	const char *congestion; /* "cubic", "bbr": TCP_CONGESTION */

	/* handshake */
	int defer_accept_s; /* accept only once data came; hides clients from the queue */
	int fast_open_queue; /* TCP Fast Open: how many may wait with data in their SYN */

	/* Unix paths */
	mode_t unix_mode;            /* e.g. 0660; 0 = by umask; may need /proc */
	enum hark_toggle unix_chown; /* on: give the path to unix_uid, unix_gid */
	uid_t unix_uid;              /* (uid_t)-1 = leave */
	gid_t unix_gid;              /* (gid_t)-1 = leave */

	/* several addresses */
	enum hark_toggle lenient; /* off: all or nothing; on: what could be opened */

	/* an option this kernel lacks */
	enum hark_missing missing;
	void (*on_notice)(const struct hark_error *notice, void *ctx);
	void *notice_ctx;

	/* between create and bind, for the option that we forgot: 0 or negative errno */
	int (*before_bind)(int fd, const struct hark_addr *addr, void *ctx);
	void *before_bind_ctx;

	uint64_t reserved[4];
};

/*
 * Creates a stream socket (AF_INET, AF_INET6, AF_UNIX) with the options that come before
 * bind, close-on-exec and non-blocking, and returns its descriptor, never 0, 1 or 2.
 * `before_bind` is hark_bind's; it is not called here.
 */
HARK_API int hark_socket(
	int family, const struct hark_listen_options *options, struct hark_error *err);

/* ============================================================================ bind */

/*
 * Names the socket.  -EADDRINUSE (may also come from hark_listen), -EADDRNOTAVAIL (not an
 * address of this host), -EACCES (low port), and what the kernel lets pass: multicast and
 * broadcast are refused (-EINVAL).  Unix paths are bound as they are; replacing a stale
 * one is hark_listener_open's, since only there bind and listen are one step.
 */
HARK_API int hark_bind(int fd, const struct hark_addr *addr, struct hark_error *err);

/* ========================================================================== listen */

/* listen(2) truncates in silence; here is what became of a request. */
struct hark_backlog {
	int requested; /* 0: the most */
	int ceiling; /* net.core.somaxconn of this network namespace now; -1: unreadable */
	int effective; /* what the kernel took.  effective + 1 connections may wait */
};

/*
 * Lets clients in.  `backlog` as in the options; negative: -EINVAL.  May be called again
 * to resize the queue live: nothing that waits is lost.  A socket that is not bound is
 * refused (-EINVAL: the kernel would choose a port), and a TCP one that was shut down comes
 * back on its own port or fails (-EADDRINUSE), never on another; a Unix one that was shut
 * down refuses clients for good: open a new one.  `result` may be NULL.
 * Sets O_NONBLOCK (which all holders of the socket share).
 */
HARK_API int hark_listen(
	int fd, int backlog, struct hark_backlog *result, struct hark_error *err);

/* ======================================================================= listeners */

/* Where a listener came from; decides what may be done to the socket itself. */
enum hark_origin {
	HARK_ORIGIN_NONE = 0,
	HARK_ORIGIN_MADE,      /* we created it */
	HARK_ORIGIN_ADOPTED,   /* a descriptor that the caller gave us */
	HARK_ORIGIN_INHERITED, /* by socket activation */
	/*
	 * At a hot restart, hark_server_upgrade(3): made by us and now our successor's, or made
	 * by our predecessor and not ours yet.
	 */
	HARK_ORIGIN_HANDED_OVER
};

/*
 * A listening socket, and what a bare number cannot carry.  All zero = none, and that is
 * what a call that should fill one leaves when it fails.  Copies of the struct are the
 * same listener: close one only.
 */
struct hark_listener {
	int origin; /* enum hark_origin; NONE (0): not open, and nothing else counts */
	int fd;
	pid_t owner; /* the process that opened it: a forked child removes no path */
	uint64_t unix_device; /* of the path's file, to remove it only if still ours */
	uint64_t unix_inode;
	struct hark_addr addr;       /* as bound: the port is the real one */
	struct hark_backlog backlog; /* adopted ones: requested -1 */
	uint64_t reserved[2];
};

/*
 * Socket, options, bind, listen: one listener for one address.  For Unix paths, a stale
 * socket file (connecting to it is refused) is replaced; a live server's never
 * (-EADDRINUSE), nor anything that is no socket (-EEXIST).  Starters that use this call
 * exclude each other with a lock on the directory (flock(2)), waiting up to one second;
 * whoever may read the directory can hold it, so give sockets a directory of their own.
 * On failure nothing stays open and no file stays behind.
 */
HARK_API int hark_listener_open(struct hark_listener *listener,
	const struct hark_addr *addr, const struct hark_listen_options *options,
	struct hark_error *err);

/*
 * Takes a listening stream socket that somebody else made; on success it is the
 * listener's, on failure still the caller's.  Checked: a socket (-ENOTSOCK), a stream
 * (-EPROTOTYPE), listening (-EINVAL), not bound to an interface that is no more (-ENODEV).
 * Sets close-on-exec, and O_NONBLOCK, which every
 * holder of the socket gets with it: another process that blocks in accept(2) on it will
 * see EAGAIN instead.  What connections would inherit from whoever had it before is set
 * straight: timeouts and low-water mark of recv(2), SO_LINGER, TCP_CORK, TCP_NODELAY; see
 * hark_listen(3).  0, 1 and 2 are moved above, and free then: .fd tells where to.
 */
HARK_API int hark_listener_adopt(
	struct hark_listener *listener, int fd, struct hark_error *err);

/*
 * Passes a listener to whoever is at the other end of a Unix socket (SCM_RIGHTS), with a
 * name of at most 255 printable bytes, as it is configured by, say.  0, or -ETIMEDOUT, a
 * result.  The listener stays the caller's as well: from now on both hold the socket.
 */
HARK_API int hark_listener_send(int unix_fd, const struct hark_listener *listener,
	const char *name, int timeout_ms, struct hark_error *err);

/*
 * 1: one came, was taken over as by hark_listener_adopt, and is the caller's; name (may be
 * NULL) has its name, "" for none.  0: the other end has closed; -ETIMEDOUT, a result.  What
 * else came is closed: -EBADMSG for no or several descriptors, -EMSGSIZE for a message that
 * was cut (out of descriptors, as a rule), -ENAMETOOLONG, and hark_listener_adopt's.
 */
HARK_API int hark_listener_receive(int unix_fd, struct hark_listener *listener,
	char *name, size_t size, int timeout_ms, struct hark_error *err);

/*
 * Closes our copy and forgets it; removes the Unix path if this process made it and it is
 * still the same file.  NOW: when no other process holds the socket, clients that the
 * kernel has connected but nobody accepted are reset.  For a Unix path it waits for the
 * lock on the directory, up to a second.  Closing twice is fine.
 */
HARK_API int hark_listener_close_now(
	struct hark_listener *listener, struct hark_error *err);

/* What became of one address of a set. */
enum hark_outcome {
	HARK_OUTCOME_OPEN = 1, /* or, when a strict set failed, would have been */
	HARK_OUTCOME_IN_USE,
	HARK_OUTCOME_NOT_LOCAL,
	HARK_OUTCOME_FAMILY_OFF, /* no such family here, and it was not asked for by name */
	HARK_OUTCOME_DUPLICATE, /* was already in the set */
	HARK_OUTCOME_FAILED,    /* something else: see step and code */
	HARK_OUTCOME_UNTRIED    /* another address of the set could not have the port */
};

struct hark_verdict {
	int outcome; /* enum hark_outcome */
	int step;    /* where it failed; HARK_STEP_NONE when open */
	int code;    /* negative errno, or 0 */
	int reserved;
	struct hark_addr addr; /* with the real port when open */
};

#define HARK_SET_MAX 32

/* Several listeners, and a verdict for every address that was asked for.  Start it zero. */
struct hark_listener_set {
	size_t count;
	size_t verdict_count; /* the verdicts of the last hark_listener_set_add */
	struct hark_listener listener[HARK_SET_MAX];
	struct hark_verdict verdict[HARK_SET_MAX];
};

/*
 * Opens all that `text` means and adds it to the set; returns how many were added.  Any
 * form of address: "4481" is two listeners, one a family, IPV6_V6ONLY on the latter; with
 * port 0 all share one port of the kernel's choice.  A host without IPv6 is no error
 * unless an IPv6 address was given as such.  Duplicates count once.  Strict (default): all
 * or nothing, the set stays as it was.  Lenient: what could be opened, at least one; but a
 * port of the kernel's choice is drawn again until all have it.  Either way .verdict tells
 * what became of each.
 */
HARK_API int hark_listener_set_add(struct hark_listener_set *set, const char *text,
	const struct hark_listen_options *options, struct hark_error *err);

/* hark_listener_close_now for each; the set is empty afterwards.  The first error. */
HARK_API int hark_listener_set_close_now(
	struct hark_listener_set *set, struct hark_error *err);

/* ========================================================================== accept */

/*
 * Accepts in order of arrival.  The connection is a blocking, close-on-exec descriptor,
 * the caller's to close; `peer` (may be NULL) comes from the same system call, since a
 * client may be gone before it could be asked again.  What the client sent before, even
 * its end, is there to be read.  Errors that concern one connection only are passed over
 * (hark_accept_classify), fifteen in a row; the sixteenth is returned.
 *
 * The listening socket must be non-blocking, as hark makes them: one that another process
 * empties between poll(2) and accept(2) would block, and closing a descriptor does not
 * wake a thread that blocks in accept(2).
 *
 * hark_accept waits as long as it takes.  hark_accept_try never waits: -EAGAIN is a result.
 * hark_accept_wait: up to timeout_ms, -ETIMEDOUT is a result; when wake_fd (0 = none)
 * turns readable, -ECANCELED is a result.  Real errors: -EMFILE, -ENFILE, -ENOBUFS,
 * -ENOMEM (the client still waits in the queue), -EINVAL (shut down), -EBADF, -ENOTSOCK.
 * When 0, 1 or 2 is closed and no number above them is free, the connection gets that one
 * rather than be lost.
 */
HARK_API int hark_accept(int fd, struct hark_addr *peer, struct hark_error *err);
HARK_API int hark_accept_try(int fd, struct hark_addr *peer, struct hark_error *err);
HARK_API int hark_accept_wait(int fd, struct hark_addr *peer, int timeout_ms,
	int wake_fd, struct hark_error *err);

/* What an error of accept(2) asks for. */
enum hark_accept_class {
	HARK_ACCEPT_EMPTY =
		1,         /* nobody there (or another took it): wait for readiness */
	HARK_ACCEPT_NEXT,  /* this connection only: count it, go on */
	HARK_ACCEPT_AGAIN, /* interrupted */
	HARK_ACCEPT_EXHAUSTED, /* out of descriptors or memory: pause, the client waits */
	HARK_ACCEPT_BROKEN,    /* the listener is no more: end */
	HARK_ACCEPT_UNKNOWN    /* back off and count */
};

/* `code`: negative errno from accept(2) on a listening stream socket. */
HARK_API enum hark_accept_class hark_accept_classify(int code);

/* Something that wakes whoever waits: an eventfd(2).  Close it with hark_close. */
HARK_API int hark_wake_create(struct hark_error *err);
/* From any thread, any signal handler, any number of times. */
HARK_API int hark_wake(int wake_fd);
/* So that it can be waited for again. */
HARK_API int hark_wake_clear(int wake_fd);

/* ===================================================================== connections */

/* The address on this side: which of our addresses the client called. */
HARK_API int hark_local_addr(int fd, struct hark_addr *addr, struct hark_error *err);

/*
 * How long this connection waited in the accept queue, in milliseconds, good to a timer
 * tick: time since the handshake, so ask right after accept and before the first write,
 * which resets it.  TCP only; -EOPNOTSUPP (unknown) for Unix sockets.
 */
HARK_API int hark_queue_wait_ms(int fd, struct hark_error *err);

/*
 * > 0 bytes; 0 the end of the stream; -ETIMEDOUT, a result, when nothing came in
 * timeout_ms; others as recv(2), but for the kernel's own ETIMEDOUT (the peer stopped
 * answering), which is -ECONNRESET with HARK_CAUSE_PEER_SILENT.  Blocking and non-blocking
 * descriptors alike; goes on after signals.
 */
HARK_API ssize_t hark_read(
	int fd, void *data, size_t size, int timeout_ms, struct hark_error *err);

/*
 * All of it or an error; 0 on success.  timeout_ms is for the whole; -ETIMEDOUT is a
 * result.  A peer that is gone
 * is -EPIPE or -ECONNRESET, never SIGPIPE.  How much went out before an error is unknown,
 * as always in TCP.
 */
HARK_API int hark_write(
	int fd, const void *data, size_t size, int timeout_ms, struct hark_error *err);

/* =========================================================================== close */

/*
 * shutdown(2): for all copies of the descriptor, in every process (dup, fork), and
 * releases none of them.  Twice is fine, and so is a peer that has gone.
 * _write: the client reads the end of the stream and may still send.
 * _read: over TCP, tells the client nothing (over Unix sockets its writes fail); reads find
 * the end of the stream once, though what arrives later can still be read.
 * Never for a TCP listener: it resets every client in the queue.
 */
HARK_API int hark_close_read(int fd, struct hark_error *err);
HARK_API int hark_close_write(int fd, struct hark_error *err);
HARK_API int hark_shutdown(int fd, struct hark_error *err);

/*
 * Releases this copy of the descriptor, whatever it returns; the connection ends with the
 * last copy.  Unread input turns the end into a reset that may destroy the tail of what
 * was written: then hark_close_lingering.
 */
HARK_API int hark_close(int fd, struct hark_error *err);

/*
 * Releases it with a reset: nothing more is delivered.  (The last copy's close resets.)
 * Unix sockets have no reset: there it is hark_close.
 */
HARK_API int hark_close_reset(int fd, struct hark_error *err);

/* Bounds of a lingering close; 0 = the default. */
struct hark_linger_options {
	int timeout_ms;   /* for the whole; default 30,000 */
	int idle_ms;      /* without a byte from the client; default 5,000 */
	size_t max_bytes; /* to read and discard; default 1 GiB */
	uint64_t reserved[2];
};

/*
 * Sends the end of the stream, reads and discards what the client still sends until its
 * end or a bound, then closes.  So the tail of an answer arrives though the request was
 * not read to its end.  Blocks.  The descriptor is released in any case.  0: the client
 * ended too; -ETIMEDOUT, -EMSGSIZE: a bound came first; -ECONNRESET.  These leave err
 * alone.  After hark_close_read it cannot see the client's end, and closes at once.
 */
HARK_API int hark_close_lingering(
	int fd, const struct hark_linger_options *options, struct hark_error *err);

/* ========================================================================= quiesce */

/*
 * The end of a listener that loses nobody: new handshakes stop, those in progress and those
 * who wait in the queue are served, and when nobody can come any more it is closed.
 *
 *	hark_quiesce_begin(&quiesce, set.listener, set.count, NULL, &err);
 *	while ((fd = hark_quiesce_accept(&quiesce, &peer, 0, &err)) >= 0)
 *		serve(fd);
 *	hark_quiesce_close(&quiesce, &report, sizeof(report), &err);
 *
 * How, is chosen for each listener, the best that can be had, and named in the report.
 * hark_quiesce(3) has the conditions of each, and what other ways lose.
 */
enum hark_quiesce_method {
	HARK_QUIESCE_BEST = 0,

	/* Others hold the listener and go on: not touched, our copy is closed.  Always for
	 * listeners that this process did not make: a gate acts on all holders. */
	HARK_QUIESCE_SHARED,
	/* New clients go to another member of the SO_REUSEPORT group. */
	HARK_QUIESCE_STEERED,
	/* Bound to an interface that does not exist: new clients are refused at once. */
	HARK_QUIESCE_GHOST,
	/* What begins a handshake is dropped: new clients try again after a second. */
	HARK_QUIESCE_FILTER,
	/* Unix listeners: shutdown(2), which refuses new clients and keeps the queue. */
	HARK_QUIESCE_SHUTDOWN,
	/* No gate: until the queue was seen empty.  Who is half-way then is reset. */
	HARK_QUIESCE_UNTIL_EMPTY,
	/* One of a SO_REUSEPORT group, and net.ipv4.tcp_migrate_req is on (Linux 5.14): when
	 * its queue was seen empty it is closed, and whoever comes yet goes to the others. */
	HARK_QUIESCE_MIGRATED,
	HARK_QUIESCE_COUNT
};

/* "ghost" for HARK_QUIESCE_GHOST; NULL for no method. */
HARK_API const char *hark_quiesce_method_name(enum hark_quiesce_method method);

struct hark_quiesce_options {
	/* BEST, or one for all TCP listeners: an error where it cannot be had. */
	enum hark_quiesce_method method;
	int deadline_ms; /* when what is left is given up; 0 = 10,000; -1: never */
	enum hark_toggle shared; /* on: others go on with all of them; default off */
	/* STEERED: a listener of the same SO_REUSEPORT group, its youngest (the last that
	 * began to listen); stays the caller's.  0: none */
	int successor_fd;
	uint64_t reserved[4];
};

/* Counted over all listeners; Unix ones tell nothing of who is on his way. */
struct hark_quiesce_report {
	int method; /* enum hark_quiesce_method: of several the one furthest down the list,
		       MIGRATED behind SHARED */
	int fallback_code;  /* why no better one: a negative errno, or 0 */
	unsigned queued;    /* served: clients who were in the queues, … */
	unsigned half_open; /* … and those who were half-way through their handshake */
	unsigned expired;   /* half-way, and never heard of again */
	unsigned held_off;  /* FILTER: handshakes that were not begun */
	unsigned lost;      /* in the queues when these were closed: reset */
	unsigned now_queued;    /* while it goes on */
	unsigned now_half_open; /* likewise */
	int timed_out;          /* 1: the deadline came first */
	int duration_ms;
	int reserved_word;
	uint64_t reserved[4];
};

#define HARK_QUIESCE_PEERS 256

/* The library's, from begin until close or undo; the caller gives it room. */
struct hark_quiesce {
	struct hark_listener *listeners;
	size_t count;
	int64_t began_ms, deadline_ms, ended_ms;
	int diag_fd, successor_fd, fallback_code, done, timed_out;
	unsigned accepted, accepted_unix, queued, half_open, now_queued, now_half_open;
	unsigned lost, held_off, next, peer_count;
	struct hark_quiesce_gate {
		int method, retries;
		uint32_t drops;
		int over;
	} gate[HARK_SET_MAX];
	uint32_t peer[HARK_QUIESCE_PEERS]; /* of STEERED: who was half-way */
	unsigned
		cookies; /* SYN cookies were sent: some who are half-way are not seen */
	unsigned reserved_word;
	uint64_t reserved[7];
};

/*
 * From here on nobody new comes in.  The listeners (up to HARK_SET_MAX) stay the caller's, are
 * kept by pointer, and are closed by hark_quiesce_close alone.  On failure all is as before.
 * Listeners with defer_accept_s have no end that could be known: BEST is UNTIL_EMPTY there, and
 * other methods are refused (-EINVAL, HARK_CAUSE_DEFERS_ACCEPT).  -EPERM: FILTER without
 * CAP_NET_ADMIN; -ENOPROTOOPT: GHOST before Linux 5.1.
 */
HARK_API int hark_quiesce_begin(struct hark_quiesce *quiesce,
	struct hark_listener *listeners, size_t count,
	const struct hark_quiesce_options *options, struct hark_error *err);

/*
 * The next who comes, as hark_accept_wait; -ESHUTDOWN, a result: nobody can come any more, or
 * the deadline has passed.  -ECANCELED, a result: wake_fd (0 = none) is readable.
 */
HARK_API int hark_quiesce_accept(struct hark_quiesce *quiesce, struct hark_addr *peer,
	int wake_fd, struct hark_error *err);

/*
 * Never waits; for who lets others accept, or has a loop of his own (every few milliseconds
 * will do).  1: nobody is half-way, and the queues are empty, or the deadline has passed.  0:
 * not yet.
 */
HARK_API int hark_quiesce_check(struct hark_quiesce *quiesce, struct hark_error *err);

/*
 * Instead of close: new clients are let in again, and the quiesce is over.  GHOST needs
 * CAP_NET_RAW (-EPERM), SHUTDOWN is for good (-EOPNOTSUPP): then the others are undone, it
 * goes on for these, and may be tried again or closed.
 */
HARK_API int hark_quiesce_undo(struct hark_quiesce *quiesce, struct hark_error *err);

/* How far it is; size is sizeof(struct hark_quiesce_report). */
HARK_API int hark_quiesce_report(const struct hark_quiesce *quiesce,
	struct hark_quiesce_report *report, size_t size);

/* hark_listener_close_now for each listener, and the last report (NULL: nobody asks). */
HARK_API int hark_quiesce_close(struct hark_quiesce *quiesce,
	struct hark_quiesce_report *report, size_t size, struct hark_error *err);

/* =========================================================================== queue */

/* The accept queue of a listening TCP socket, from the socket itself: some 200 ns. */
struct hark_queue {
	uint32_t length;  /* connections that wait to be accepted */
	uint32_t backlog; /* effective; backlog + 1 may wait */
	uint32_t
		drops; /* since creation: every SYN dropped for a full queue, and two for
			     each last step of a handshake ignored for it (Linux counts so) */
};

/* `size` is sizeof(struct hark_queue).  -EOPNOTSUPP for Unix, -EINVAL not listening. */
HARK_API int hark_queue_read(
	int fd, struct hark_queue *queue, size_t size, struct hark_error *err);

/* ========================================================================== limits */

/* Open descriptors that this process may have (RLIMIT_NOFILE).  -1: no limit. */
struct hark_nofile {
	long long soft;
	long long hard;
};

HARK_API int hark_nofile_read(struct hark_nofile *now, struct hark_error *err);
/* Raises the soft limit to the hard one, which stays.  Either report may be NULL. */
HARK_API int hark_nofile_raise(
	struct hark_nofile *before, struct hark_nofile *after, struct hark_error *err);

/* ================================================================ the service manager */

/*
 * systemd's protocol, sd_notify(3), without its library: `state` is lines NAME=VALUE
 * ("READY=1", "STATUS=…", "STOPPING=1", "WATCHDOG=1") to the socket that the variable
 * NOTIFY_SOCKET names.  1: told; 0: nobody asked to be told.  -EINVAL, -ENAMETOOLONG: the
 * variable makes no sense; -EAFNOSUPPORT: "vsock:"; -ETIMEDOUT: the manager does not read;
 * else as connect(2) and send(2).  The environment stays as it is.
 */
HARK_API int hark_notify(const char *state, struct hark_error *err);

/*
 * That socket, connected, the caller's: a non-blocking descriptor to send(2) such messages
 * to after the root directory was changed, say.  0: nobody asked.
 */
HARK_API int hark_notify_open(struct hark_error *err);

/*
 * How often the manager wants to hear WATCHDOG=1 from this process, at the latest: send it
 * twice as often.  0: it does not.  -EINVAL: WATCHDOG_USEC or WATCHDOG_PID makes no sense.
 */
HARK_API int hark_watchdog_ms(struct hark_error *err);

/* ======================================================================== wrappers */

/*
 * Called for each connection, in order, in the thread of the loop.  The handler owns fd
 * and closes it, now or later, here or elsewhere: nobody closes it for it.  (The server
 * engine has another handler, with a connection object, that is closed for it.)
 */
typedef void hark_accept_handler(int fd, const struct hark_addr *peer, void *ctx);

/*
 * One TCP listener: "4481" and "*:4481" are one dual-stack socket (0.0.0.0 on a host
 * without IPv6), a name is the first of its addresses that can be opened.
 */
HARK_API int hark_tcp_server(struct hark_listener *listener, const char *text,
	const struct hark_listen_options *options, struct hark_error *err);

/*
 * Whether this process was started by a predecessor at a hot restart, and left what that one
 * had: hark_server_upgrade(3).  hark_listener_set_add takes what was left under the same text.
 */
HARK_API bool hark_is_successor(void);

/* All TCP addresses that text means: hark_listener_set_add on an empty set. */
HARK_API int hark_tcp_server_sockets(struct hark_listener_set *set, const char *text,
	const struct hark_listen_options *options, struct hark_error *err);

/* One Unix listener: "unix:/path", "unix:@abstract". */
HARK_API int hark_unix_server(struct hark_listener *listener, const char *text,
	const struct hark_listen_options *options, struct hark_error *err);

/* Out of descriptors or memory: what becomes of the clients that wait. */
enum hark_pressure {
	HARK_PRESSURE_PAUSE =
		0,         /* they wait in the queue and are served when it is over */
	HARK_PRESSURE_SHED /* a reserve descriptor accepts and resets them */
};

/* What a loop does when it is told to stop. */
enum hark_stop {
	HARK_STOP_WHEN_EMPTY = 0, /* accepts until the queues are empty, then returns */
	HARK_STOP_AT_ONCE,        /* leaves them: the listeners live on */
	HARK_STOP_CLOSING /* when empty, and the listeners are closed next: Unix ones
				     that we made refuse new clients from now on */
};

/* Written by the loop alone, read by anybody (each a word; on 32 bits they wrap). */
struct hark_loop_counters {
	unsigned long accepted;  /* handler calls */
	unsigned long failed;    /* connections that accept(2) reported as failed */
	unsigned long stolen;    /* woken, but somebody else had taken it */
	unsigned long exhausted; /* accept(2) said: out of descriptors or memory */
	unsigned long unknown;   /* errors of accept(2) that nobody documented */
	unsigned long shed;      /* reset for want of a descriptor */
	unsigned long pauses;    /* times that the loop stopped accepting for a while */
};

enum hark_loop_event_kind {
	HARK_LOOP_STARTED = 1, /* accepts from now on; signals are minded from now on */
	HARK_LOOP_PAUSED,      /* error says what ran out */
	HARK_LOOP_RESUMED,     /* paused_ms says for how long */
	HARK_LOOP_STOPPING,
	HARK_LOOP_READABLE /* event_fd is; to be read until it is not */
};

struct hark_loop_event {
	int kind; /* enum hark_loop_event_kind */
	int paused_ms;
	const struct hark_error *error; /* PAUSED; else NULL */
};

struct hark_loop_options {
	enum hark_pressure pressure;
	enum hark_stop stop;
	int stop_ms; /* how long WHEN_EMPTY may go on; 0 = 5,000 */
	int wake_fd; /* when it turns readable the loop stops; 0 = none */

	/* SIGINT and SIGTERM stop the loop; one taker a process, else -EBUSY; default off */
	enum hark_toggle mind_signals;

	/*
	 * A limit of the caller's, asked before each accept(2), in the loop's thread: false
	 * leaves the clients in the queue until event_fd turns readable.
	 */
	bool (*may_accept)(void *ctx);
	void *may_accept_ctx;

	/*
	 * Something else to wait for, a conversation that ended, say: when it turns
	 * readable on_event is told READABLE, and a pause is over; 0 = none
	 */
	int event_fd;

	/* in the loop's thread; PAUSED and RESUMED come at most once a second together */
	void (*on_event)(const struct hark_loop_event *event, void *ctx);
	void *event_ctx;

	/* may be NULL; counters_size is its sizeof */
	struct hark_loop_counters *counters;
	size_t counters_size;

	uint64_t reserved[4];
};

#define HARK_LOOP_MAX 256

/*
 * Accepts from all the listeners (1–HARK_LOOP_MAX, mixed kinds), fair among them, and
 * calls the handler for each connection.  Out of descriptors it neither spins nor floods:
 * it waits, 5 ms doubling to 100 ms between tries, and nobody in the queue is lost.
 * Returns 0 when it was stopped; an error when the options are bad, the signals taken
 * (-EBUSY), a listener broken (shut down, closed), or poll(2) failed.  The listeners stay
 * open and the caller's.
 */
HARK_API int hark_accept_loop(const struct hark_listener *listeners, size_t count,
	hark_accept_handler *handler, void *ctx,
	const struct hark_loop_options *options, struct hark_error *err);

/*
 * hark_tcp_server_sockets, hark_accept_loop (stop: CLOSING), and the listeners closed.
 * HARK_STOP_AT_ONCE is refused: closing would reset whoever waits.
 */
HARK_API int hark_tcp_server_loop(const char *text, hark_accept_handler *handler,
	void *ctx, const struct hark_listen_options *listen,
	const struct hark_loop_options *options, struct hark_error *err);

#ifdef __cplusplus
}
#endif

#endif /* HARK_H */
