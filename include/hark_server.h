/* SPDX-License-Identifier: MIT
 *
 * hark_server.h: a server written as one plain handler.  The handler reads and writes as
 * if it were alone; how it runs (one after another, a process or a thread each, a pool, a
 * program in its stead; in one process or in supervised workers) is one word of the
 * options.  Limits, rules, timeouts, stopping with care and counting come with it.
 *
 * A complete server:
 *
 *	#include <hark_server.h>
 *
 *	static void echo(struct hark_conn *conn, void *ctx)
 *	{
 *		const void *data;
 *		ssize_t n;
 *
 *		(void)ctx;
 *		while ((n = hark_conn_receive(conn, &data)) > 0)
 *			if (hark_conn_write(conn, data, (size_t)n) < 0)
 *				return;
 *	}
 *
 *	int main(void)
 *	{
 *		struct hark_error err;
 *
 *		if (hark_serve("4481", echo, NULL, NULL, &err) < 0)
 *			return hark_error_print(stderr, &err), 1;
 *		return 0;
 *	}
 *
 * The conventions are those of hark.h (results, errors, options, units), and besides:
 *
 * Handler	Runs once a connection; returning closes it, with care.  The connection is
 *		the handler's: no other thread may use it.  (The handler of hark.h's
 *		hark_accept_loop is another, and closes for itself.)
 * Time		0 in a field of the options is the default that it names; -1 is for ever.
 * Memory	hark_server_create allocates the server, hark_server_run what serving needs;
 *		nothing is allocated for a connection but its thread or process.
 * Processes	What the handler changes in memory is seen by others only in the models
 *		serial, thread and pool, and there only in its own worker.
 *		Nothing flushes stdio when a process of a handler or a worker ends.
 *
 * THE MAP
 *
 *	the server	hark_server_create  _listen  _adopt  _adopt_as  _hand_down
 *			hark_server_run  _destroy, hark_serve
 *	while it runs	hark_server_stop  _pause  _resume  _reload  _upgrade
 *			hark_server_state  _snapshot
 *			hark_server_attend  _attend_no_more
 *	the handler	hark_conn_receive  _read  _read_line  _read_until  _peek
 *			hark_conn_write  _printf  _send_file
 *			hark_conn_poll  _connect  _sleep  _idle  _draining
 *			hark_conn_close_write  _close_with  _abort  _release
 *			hark_conn_peer_addr  _local_addr  …: who it is
 *
 * Linux 5.3 or newer (pidfd_open(2)).  Manual: hark_server(3), hark_models(7).
 */
#ifndef HARK_SERVER_H
#define HARK_SERVER_H

#include <hark.h>
#include <poll.h>
#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HARK_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define HARK_PRINTF(text, first)
#endif

struct hark_server;
struct hark_conn;

/* Called once a connection, in the thread or process that the model says. */
typedef void hark_handler(struct hark_conn *conn, void *ctx);

/* ==================================================================== how it is served */

enum hark_model {
	HARK_MODEL_DEFAULT = 0, /* THREAD, or SPAWN where there is a program */
	HARK_MODEL_SERIAL,      /* one connection after another */
	HARK_MODEL_FORK,        /* a process a connection */
	HARK_MODEL_THREAD,      /* a thread a connection */
	HARK_MODEL_POOL,  /* a fixed number of threads, a connection each at a time */
	HARK_MODEL_SPAWN, /* a program a connection: .program instead of a handler */
	HARK_MODEL_FIBER  /* coroutines; this library has none: -EOPNOTSUPP */
};

/* "thread" for HARK_MODEL_THREAD; NULL for no model.  And back: -EINVAL for no name. */
HARK_API const char *hark_model_name(enum hark_model model);
HARK_API int hark_model_parse(const char *name);

/* What becomes of clients while .max_connections are served. */
enum hark_overload {
	HARK_OVERLOAD_WAIT = 0, /* they wait in the queue */
	HARK_OVERLOAD_RESET,    /* accepted and reset: they know at once */
	HARK_OVERLOAD_MESSAGE,  /* accepted, sent .refusal, closed */
	/*
	 * The kernel refuses them (ECONNREFUSED), as where nobody listens; who was faster
	 * waits, as clients of Unix sockets do.  Linux 5.7 and CAP_NET_RAW, throughout, and
	 * listeners that we made, without .reuse_port or .device: else run fails.
	 */
	HARK_OVERLOAD_GATE
};

/*
 * Why a connection was refused: it was accepted, and ended before any handler.  Asked in the
 * order RULE, FULL, PER_ADDRESS, PER_PREFIX, RATE; who is refused uses up nothing of the
 * rate.  Link-local addresses count by their link.
 */
enum hark_refusal {
	HARK_REFUSED_FULL = 0,    /* .max_connections, and .overload says not to wait */
	HARK_REFUSED_PER_ADDRESS, /* .max_per_address */
	HARK_REFUSED_PER_PREFIX,  /* .max_per_prefix */
	HARK_REFUSED_RATE,        /* .rate */
	HARK_REFUSED_RULE,        /* a line of .rules_file */
	HARK_REFUSED_RESOURCES,   /* no thread, process or memory for it */
	HARK_REFUSED_COUNT
};

/* How a connection ended, as far as the server knows. */
enum hark_ending {
	HARK_ENDED_RETURNED =
		0,            /* the handler returned, or its program exited with 0 */
	HARK_ENDED_TIMED_OUT, /* and a timeout or the deadline had come to it */
	HARK_ENDED_RESET,     /* and the client had reset it, or stopped answering */
	HARK_ENDED_DRAINED,   /* and it had been told that the server drains */
	HARK_ENDED_CUT,       /* the drain deadline cut it */
	HARK_ENDED_RELEASED,  /* the descriptor went to the handler */
	HARK_ENDED_CRASHED,   /* its process or program failed: .status */
	HARK_ENDED_LEFT,      /* SPAWN: the server has ended, its program goes on */
	HARK_ENDED_COUNT
};

/* PAUSED, RESUMED, FULL and RELOADED come from each process that serves; QUIESCING to
 * DRAINED from the one that hark_server_run was called in. */
enum hark_event_kind {
	HARK_EVENT_LISTENING = 1, /* .local; one a listener */
	HARK_EVENT_SERVING,       /* from now on clients are served, signals minded */
	HARK_EVENT_ACCEPTED,      /* .peer .local .number .pid .open .from_address */
	HARK_EVENT_REFUSED,   /* .peer .reason (enum hark_refusal) .from_address, and
				       .error where it was for resources */
	HARK_EVENT_CLOSED,    /* as ACCEPTED, and .reason (enum hark_ending)
				       .duration_ms .status */
	HARK_EVENT_FULL,      /* .max_connections are served; the next wait */
	HARK_EVENT_PAUSED,    /* .error: what ran out; NULL: hark_server_pause */
	HARK_EVENT_RESUMED,   /* .duration_ms */
	HARK_EVENT_RELOADED,  /* the rules were read; .error: they stay as they were */
	HARK_EVENT_QUIESCING, /* told to stop: who is in the queue is served */
	HARK_EVENT_DRAINING,  /* nobody is accepted any more; .open go on, .queued and
				       .quiesce: how the listeners ended */
	HARK_EVENT_DRAINED,   /* .open were cut, or left alone (SPAWN) */
	HARK_EVENT_WORKER_STARTED,  /* .pid */
	HARK_EVENT_WORKER_ENDED,    /* .pid .status */
	HARK_EVENT_WORKER_GIVEN_UP, /* .status: it kept dying at birth */
	HARK_EVENT_HELD,   /* SPAWN: .error; the client waits for its process */
	HARK_EVENT_FAILED, /* .error: something else went wrong, serving goes on; for a
				       program that could not be run after .prepare told in
				       its process, with .peer .local .number .pid */
	HARK_EVENT_LAME_DUCK,     /* told to stop, and for .lame_duck_ms as before */
	HARK_EVENT_UPGRADING,     /* .pid: the successor; it is being waited for */
	HARK_EVENT_UPGRADED,      /* .pid: it has the listeners; this server stops */
	HARK_EVENT_UPGRADE_FAILED /* .error, and .pid .status of one that had started:
				       this server goes on as before */
};

/* Valid during the call.  .pid is always the process that tells, or that is told of. */
struct hark_server_event {
	int kind;   /* enum hark_event_kind */
	int reason; /* enum hark_refusal or enum hark_ending */
	uint64_t number;
	pid_t pid;      /* the process that serves it, or the worker */
	int status;     /* as waitpid(2) gives it */
	unsigned open;  /* conversations now, this one included */
	unsigned limit; /* of them */
	unsigned
		from_address; /* of them with this client's address, where it is counted */
	int duration_ms;
	const struct hark_addr *peer;
	const struct hark_addr *local;
	const struct hark_error *error;
	unsigned
		queued; /* clients who were in the queues when they were closed: reset */
	unsigned reserved_word;
	const struct hark_quiesce_report *quiesce;
	uint64_t reserved[2];
};

/* The environment of a program that is about to start. */
struct hark_environment;

/* Sets (or with NULL unsets) a variable; -EINVAL for what is no name; -ENOMEM: there is room
 * for 32 besides the inherited ones, and 4,096 bytes, the server's own included. */
HARK_API int hark_environment_set(
	struct hark_environment *env, const char *name, const char *value);

/*
 * For HARK_MODEL_SPAWN: what is run for each client, with the connection as descriptors 0
 * and 1, our standard error as 2 and nothing else, default signal dispositions, and the
 * variables of UCSPI in its environment (PROTO, TCPLOCALIP, TCPREMOTEIP, …; the list is in
 * hark-serve(1)).  All that it points to must last until hark_server_destroy.
 */
struct hark_program {
	const char *path;       /* with a slash: PATH is not searched */
	char *const *argv;      /* ends with NULL; argv[0] is its name */
	char *const *envp;      /* what it inherits; NULL: our environment at create */
	const char *local_name; /* TCPLOCALHOST; NULL: unset */
	const char *banner;     /* sent before it starts; NULL: nothing */

	/*
	 * Called in the new process before the program, and may take its time: to look up
	 * names, say.  Then the process is a copy of the server's (fork instead of vfork),
	 * so only what is allowed after fork(2) is allowed here.  Negative: it ends.
	 */
	int (*prepare)(struct hark_environment *env, const struct hark_addr *peer,
		const struct hark_addr *local, void *ctx);
	void *prepare_ctx;
	uint64_t reserved[4];
};

/*
 * Who follows this server at hark_server_upgrade: a program, as a rule this one in a newer
 * version.  It is executed when it is asked for, by its path and not from the running
 * image, with our standard descriptors, in our process group; all that this points to must
 * last until hark_server_destroy.  Manual: hark_server_upgrade(3).
 */
struct hark_successor {
	const char *path;    /* with a slash: PATH is not searched */
	char *const *argv;   /* ends with NULL; argv[0] is its name */
	char *const *envp;   /* NULL: our environment when it is asked for */
	int ready_ms;        /* how long it may take to be ready; 0 = 30,000 */
	int max_generations; /* alive at once, this one and it included, 2–16; 0 = 4 */
	uint64_t reserved[4];
};

struct hark_server_options {
	enum hark_model model;

	/*
	 * 0: hark_server_run serves in its own process.  1–256: in so many processes of
	 * the model each, which it starts and replaces.
	 */
	int workers;
	int threads; /* POOL alone: in each process, 1–4,096; 0 = 16 */

	/*
	 * Connections at once, over all workers.  0 = THREAD 4,000, FORK and SPAWN 256;
	 * SERIAL and POOL never have more than processes or threads.
	 */
	int max_connections; /* up to 1,000,000 */
	enum hark_overload
		overload; /* SERIAL, POOL: while a thread is free to say so */
	const char *
		refusal; /* sent to those refused but by a rule or the rate; NULL: reset */

	/* Of these, from one client address, and from one prefix of addresses.  0 = any
	 * number.  IPv4 within IPv6 counts as IPv4; Unix sockets are not counted. */
	int max_per_address;
	int max_per_prefix;
	int prefix_v4; /* bits, 1–32; 0 = 24 */
	int prefix_v6; /* bits, 1–128; 0 = 48 */

	/* New connections of one address: .rate (up to 1,000,000) in .rate_ms (up to a day)
	 * on average, .rate_burst at once.  0 = any number; 1,000 ms; as many as .rate. */
	int rate;
	int rate_ms;
	int rate_burst;

	/* Who may come in, hark_rules(5); read at run and at hark_server_reload. */
	const char *rules_file;

	/* Defaults of each connection; see hark_conn_set_read_timeout and its like. */
	int read_timeout_ms;  /* 0 = for ever */
	int write_timeout_ms; /* 0 = 60,000 */
	int deadline_ms;      /* for the whole conversation; 0 = none */

	/* At a stop: how long conversations may go on.  0 = 30,000; -1: for ever */
	int drain_ms;
	struct hark_linger_options linger; /* bounds of the close after the handler */

	/*
	 * SIGINT and SIGTERM stop, a second one at once; SIGHUP reloads, and with
	 * .successor SIGUSR2 upgrades.  Sent to one worker, SIGTERM has it replaced; to
	 * workers and handlers' processes the others mean nothing, so a terminal may send
	 * them to all.  Default off.
	 */
	enum hark_toggle mind_signals;
	enum hark_pressure pressure; /* out of descriptors or memory */

	/* With .workers alone, both. */
	int recycle_after; /* a worker is replaced after so many connections, or more while
			      three a worker retire already; 0: never */
	enum hark_toggle
		pin_cpus;   /* worker i on the ith processor we may use; default off */
	size_t stack_bytes; /* of handlers' threads, 65,536 or more; 0 = 256 KiB */

	/* Measure how long clients waited in the queue and handlers took: two readings of
	 * the clock and a getsockopt(2) a connection; default off. */
	enum hark_toggle histograms;

	/*
	 * Told of each event, in the process and thread where it happens: two threads, or
	 * processes, may call it at once.  It may not block; it may call hark_server_stop.
	 */
	void (*on_event)(const struct hark_server_event *event, void *ctx);
	void *event_ctx;

	const struct hark_program *program; /* SPAWN */

	/* At a stop: how long clients are still accepted as before, so that whoever sends
	 * them sees that the server is not ready any more.  0: not at all. */
	int lame_duck_ms;
	/* And then, how new clients are kept out: BEST, SHARED, GHOST, FILTER, UNTIL_EMPTY;
	 * Unix listeners and those that others have made have their own.  SHARED: others go
	 * on with the listeners, and who is in the queues is left to them. */
	enum hark_quiesce_method quiesce;

	/*
	 * Tells the service manager that NOTIFY_SOCKET names, if it is set, that it serves,
	 * reads its rules, stops, how many it serves, and that it is alive (WATCHDOG_USEC):
	 * hark_notify(3).  Default off.  A manager that cannot be told is told of by
	 * HARK_EVENT_FAILED.  .notify_fd: as hark_notify_open gave it, the caller's; 0:
	 * opened at run.
	 */
	enum hark_toggle notify;
	int notify_fd;

	/*
	 * NULL: hark_server_upgrade is refused.  A server with one also takes what a
	 * predecessor has left to its process, and serves when that one lets it; so one
	 * server of a process has it.
	 */
	const struct hark_successor *successor;

	/* At a stop: how long an idle conversation waits, once, for a request that may have
	 * been sent already; it is answered, and the conversation ends.  0 = 100; -1: until
	 * the drain is over. */
	int idle_grace_ms;
	unsigned reserved_word;

	uint64_t reserved[4];
};

/* ========================================================================== the server */

/*
 * A server that serves nobody yet, or NULL.  options may be NULL: all defaults.  handler is
 * NULL for HARK_MODEL_SPAWN only.  What the options point to must last until destroy.
 */
HARK_API struct hark_server *hark_server_create(
	const struct hark_server_options *options, hark_handler *handler, void *ctx,
	struct hark_error *err);

/*
 * Opens all that text means, as hark_listener_set_add, and listens from now on: clients
 * queue up until hark_server_run.  Any number of times before run, HARK_SET_MAX listeners
 * in all.  Returns how many were added.  -EBUSY while it runs.
 */
HARK_API int hark_server_listen(struct hark_server *server, const char *text,
	const struct hark_listen_options *options, struct hark_error *err);

/* Takes over an open listener; on success *listener is empty, on failure untouched. */
HARK_API int hark_server_adopt(struct hark_server *server,
	struct hark_listener *listener, struct hark_error *err);

/* The same, and the name by which a successor takes it (with hark_server_adopt, the text of
 * its address): what hark_listener_set_add is given there.  Up to 512 bytes; copied. */
HARK_API int hark_server_adopt_as(struct hark_server *server,
	struct hark_listener *listener, const char *name, struct hark_error *err);

/*
 * A listener that is not served, to be handed to a successor under that name, which is
 * copied: that of a control socket, say.  It stays the caller's, and open until destroy.
 * Closed by its predecessor it loses neither clients nor its path.  Before run; up to
 * HARK_HAND_DOWN_MAX.
 */
#define HARK_HAND_DOWN_MAX 8
HARK_API int hark_server_hand_down(struct hark_server *server,
	struct hark_listener *listener, const char *name, struct hark_error *err);

/* The ith listener, from 0; NULL past the last.  The server's, until destroy. */
HARK_API const struct hark_listener *hark_server_listener(
	const struct hark_server *server, size_t i);

/*
 * Serves until it is stopped: then accepts until the queues are empty and closes the
 * listeners.  From the stop on conversations have .drain_ms to end: idle ones
 * (hark_conn_idle) end after .idle_grace_ms, the others are cut when the time is over.  0:
 * it was stopped, or has handed over.  Negative: nothing to serve (-EINVAL), signals taken
 * (-EBUSY), rules that cannot be read, out of something at the start, a broken listener, or
 * every worker given up.  The listeners are closed in any case.  A server runs once.
 */
HARK_API int hark_server_run(struct hark_server *server, struct hark_error *err);

/*
 * From any thread or process of the server, any signal handler, any number of times: the
 * first begins the stop, the second ends it at once (conversations are cut).
 */
HARK_API int hark_server_stop(struct hark_server *server);

/* No client is accepted between the two: they wait in the queue.  From any thread or
 * process of the server, and signal handlers. */
HARK_API int hark_server_pause(struct hark_server *server);
HARK_API int hark_server_resume(struct hark_server *server);

/*
 * Reads .rules_file again, soon, in each worker.  A file with a mistake changes nothing;
 * HARK_EVENT_RELOADED tells.  From any thread or process of the server, and signal
 * handlers.  -EINVAL without .rules_file.
 */
HARK_API int hark_server_reload(struct hark_server *server);

/*
 * Starts the successor, soon: it is left every listener that this server has, by its
 * number and by the text that it was opened by (so hark_server_listen takes it there, and
 * opens what is new).  When it is ready, it serves, and this server stops as at
 * hark_server_stop, but that who is in the queues is left to the successor.  If it ends,
 * hangs or cannot be run, this one goes on.  HARK_EVENT_UPGRADING, _UPGRADED and
 * _UPGRADE_FAILED tell.  From any thread or process of the server, and signal handlers.
 * -EINVAL without .successor.
 */
HARK_API int hark_server_upgrade(struct hark_server *server);

/*
 * Beside serving: whenever fd is readable (or has ended), `attend` is called, in the process
 * and thread that hark_server_run was called in, busy handlers or not; for a clock, a
 * timerfd(2).  It may call everything of the server's but run and destroy, and may not block.  fd must
 * not block either: now and then it is called for nothing.  fd stays the caller's: taken back
 * before it is closed.  Processes that the server forks close their copies.  Up to
 * HARK_ATTEND_MAX; before run from one thread at a time, then from within `attend` and
 * .on_event of that thread alone.  -E2BIG, -EEXIST, -EPERM: no descriptor to wait for.
 */
#define HARK_ATTEND_MAX 24
typedef void hark_attendant(int fd, void *ctx);
HARK_API int hark_server_attend(struct hark_server *server, int fd,
	hark_attendant *attend, void *ctx, struct hark_error *err);
/* -ENOENT: nobody does. */
HARK_API int hark_server_attend_no_more(struct hark_server *server, int fd);

enum hark_server_state {
	HARK_SERVER_OPENING = 0, /* not running yet */
	HARK_SERVER_SERVING,
	HARK_SERVER_PAUSED,
	HARK_SERVER_QUIESCING, /* told to stop; accepts who is in the queue */
	HARK_SERVER_DRAINING,  /* nobody comes in; conversations go on */
	HARK_SERVER_ENDED,
	HARK_SERVER_LAME_DUCK /* told to stop, and serving as before for a while */
};
HARK_API enum hark_server_state hark_server_state(const struct hark_server *server);

/* Powers of two: bucket[i] counts values v with 2^(i-1) <= v < 2^i; bucket[0] zeros, the
 * last all that is longer. */
struct hark_histogram {
	uint64_t bucket[32];
};

/* Counted since run, over all workers, those that are gone included. */
struct hark_server_stats {
	int state;            /* enum hark_server_state */
	int workers;          /* of .workers, alive */
	uint64_t accepted;    /* handlers called, programs started */
	uint64_t refused[16]; /* by enum hark_refusal, the rest zero */
	uint64_t ended[16];   /* by enum hark_ending, the rest zero */
	uint64_t failed;      /* connections that accept(2) reported as failed */
	uint64_t shed;        /* reset for want of a descriptor */
	uint64_t exhausted;   /* accept(2) said: out of descriptors or memory */
	uint64_t pauses;      /* for that */
	uint64_t bytes_in, bytes_out; /* by the hark_conn_ calls */
	uint64_t lost;      /* ended with a worker that crashed: in no other .ended */
	uint64_t restarts;  /* workers that were replaced */
	uint64_t open;      /* now */
	uint64_t lingering; /* now: handler done, the last bytes on their way */
	uint64_t stuck;     /* handlers that did not return when they were cut; where
				 they have processes these were killed */
	int64_t descriptors, descriptor_limit; /* of this process; -1: not known */
	struct hark_histogram queue_wait_ms, handler_us; /* with .histograms */
	uint64_t reserved[8];
};

/* size is sizeof(struct hark_server_stats).  Any thread, any process of the server. */
HARK_API int hark_server_snapshot(
	struct hark_server *server, struct hark_server_stats *stats, size_t size);

/*
 * Closes what is open and frees the server.  NULL is fine.  -EBUSY: it runs, or a handler
 * that was cut has not returned yet; then nothing is freed, and it may be tried again.
 */
HARK_API int hark_server_destroy(struct hark_server *server);

/*
 * All of it in one call: create, listen, run, destroy.  options NULL: .mind_signals is on
 * and the rest default.
 */
HARK_API int hark_serve(const char *text, hark_handler *handler, void *ctx,
	const struct hark_server_options *options, struct hark_error *err);

/* ======================================================================== the handler */

/*
 * Results of what reads and waits:
 *	> 0		bytes, or what the call says
 *	0		the end of the stream: the client will send no more
 *	-ETIMEDOUT	nothing moved for the timeout, or the deadline has come
 *	-ESHUTDOWN	the server drains: an idle conversation, or one that was cut
 *	-ECONNRESET	the client reset it, or stopped answering
 *	other		hark_conn_error says what, but for what the call itself found
 *			wrong (-EMSGSIZE, -EILSEQ, -EINVAL, -ENODATA, -EBUSY, -EBADF)
 * All but other are results and no failures.  A write to a client that is gone is -EPIPE or
 * -ECONNRESET, never SIGPIPE.  After -ECONNRESET, -EPIPE or a cut, every call says so again.
 */

/* The longest line, and what hark_conn_receive lends at once. */
#define HARK_CONN_BUFFER_BYTES 16384

/*
 * What there is, at least a byte, lent until the next call that reads: *data points into a
 * buffer of the engine's.
 */
HARK_API ssize_t hark_conn_receive(struct hark_conn *conn, const void **data);

/* The same into memory of the caller's. */
HARK_API ssize_t hark_conn_read(struct hark_conn *conn, void *data, size_t size);

/*
 * Up to and with the delimiter: > 0, its length, lent until the next call that reads.
 * Longer than max (at most HARK_CONN_BUFFER_BYTES; 0 = that): -EMSGSIZE; then, as after -ETIMEDOUT, what is there
 * can still be read otherwise.  The end before the delimiter: 0, and what came since can
 * be had by hark_conn_receive.  _line: the delimiter is a newline, which is cut off, and a
 * carriage return before it; *line ends with a NUL; *length (may be NULL) leaves it out.  A
 * line that holds a NUL is -EILSEQ, and stays to be read otherwise.  The result counts what was taken, so it is > 0 for an empty line.
 */
HARK_API ssize_t hark_conn_read_until(
	struct hark_conn *conn, int delimiter, const void **data, size_t max);
HARK_API ssize_t hark_conn_read_line(
	struct hark_conn *conn, char **line, size_t *length, size_t max);

/* At least `least` bytes (1–HARK_CONN_BUFFER_BYTES), which stay to be read; all there are.
 * 0: the stream ended before. */
HARK_API ssize_t hark_conn_peek(
	struct hark_conn *conn, const void **data, size_t least);

/* Takes what was peeked at, at most what is there.  And how much was read ahead. */
HARK_API void hark_conn_skip(struct hark_conn *conn, size_t size);
HARK_API size_t hark_conn_ahead(const struct hark_conn *conn);

/* All of it, 0; or an error, and then how much went out is unknown. */
HARK_API int hark_conn_write(struct hark_conn *conn, const void *data, size_t size);

/* As printf(3), at most HARK_CONN_BUFFER_BYTES (else -EMSGSIZE and nothing is sent). */
HARK_API int hark_conn_printf(struct hark_conn *conn, const char *format, ...)
	HARK_PRINTF(2, 3);
HARK_API int hark_conn_vprintf(struct hark_conn *conn, const char *format, va_list args)
	HARK_PRINTF(2, 0);

/*
 * `size` bytes of the file from `offset` on, without copying them through the process
 * (sendfile(2)); fd's own offset stays.  0, or as hark_conn_write; -ENODATA: the file ends
 * before.  SIGPIPE, which sendfile cannot be told not to raise, is held off in this thread
 * during the call, and taken back if it was ours.
 */
HARK_API int hark_conn_send_file(
	struct hark_conn *conn, int fd, int64_t offset, uint64_t size);

/*
 * poll(2) on at most 64 descriptors, hark_conn_fd among them (bytes that the engine has read
 * already count as readable); how many are ready.  0 is -ETIMEDOUT here.  timeout_ms -1:
 * the deadline alone.  A conversation marked idle is told of a drain.
 */
HARK_API int hark_conn_poll(
	struct hark_conn *conn, struct pollfd *fds, size_t count, int timeout_ms);

/* A connection onward, TCP without delay: a blocking descriptor of the caller's, which takes
 * part in this conversation's timeouts only through hark_conn_poll.  -ETIMEDOUT,
 * -ECONNREFUSED, … */
HARK_API int hark_conn_connect(
	struct hark_conn *conn, const struct hark_addr *to, int timeout_ms);

/* 0 after so long; -ESHUTDOWN, -ETIMEDOUT (the deadline) before. */
HARK_API int hark_conn_sleep(struct hark_conn *conn, int ms);

/*
 * "I am between requests": until the next byte is read, or the mark is taken back, a drain
 * may end this conversation, after .idle_grace_ms the first time and then at once: what waits
 * returns -ESHUTDOWN.
 */
HARK_API void hark_conn_idle(struct hark_conn *conn, bool idle);

/* The server wants to end: answer, and say goodbye. */
HARK_API bool hark_conn_draining(const struct hark_conn *conn);

/* Longest wait for the client without a byte moving, -1 for ever.  For the calls to come. */
HARK_API void hark_conn_set_read_timeout(struct hark_conn *conn, int ms);
HARK_API void hark_conn_set_write_timeout(struct hark_conn *conn, int ms);
/* From now on, for the whole, writes too; -1: none. */
HARK_API void hark_conn_set_deadline(struct hark_conn *conn, int ms);

/* The client reads the end of the stream, and may still send. */
HARK_API int hark_conn_close_write(struct hark_conn *conn);

/* What returning does. */
enum hark_close_way {
	HARK_CLOSE_LINGERING =
		0,          /* the tail of the answer arrives; nobody waits for it */
	HARK_CLOSE_AT_ONCE, /* close(2): input that was not read makes it a reset */
	HARK_CLOSE_RESET
};
HARK_API void hark_conn_close_with(struct hark_conn *conn, enum hark_close_way way);

/* Reset, now: every call after it is -ECONNRESET. */
HARK_API void hark_conn_abort(struct hark_conn *conn);

/*
 * The descriptor, blocking and the caller's from now on; the conversation counts as ended.
 * What the engine has read ahead is lent in *ahead, *ahead_size bytes, until the handler
 * returns (both may be NULL; then bytes read ahead make it -EBUSY).  Every other call is
 * -EBADF afterwards.  Once the handler has returned no limit of the server's counts it.
 */
HARK_API int hark_conn_release(
	struct hark_conn *conn, const void **ahead, size_t *ahead_size);

/* Still the engine's: for poll, options and the like; not to close, and not to read, since
 * the engine may have read ahead.  -1 once it was released or aborted. */
HARK_API int hark_conn_fd(const struct hark_conn *conn);

/* Both as plain IPv4 where they are IPv4 within IPv6. */
HARK_API const struct hark_addr *hark_conn_peer_addr(const struct hark_conn *conn);
/* Which of our addresses the client called; asked for at the first call. */
HARK_API const struct hark_addr *hark_conn_local_addr(struct hark_conn *conn);
/* How long it was in the queue, asked before the first write; -EOPNOTSUPP: not known. */
HARK_API int hark_conn_queue_wait_ms(struct hark_conn *conn);
/* From 1, over all workers. */
HARK_API uint64_t hark_conn_number(const struct hark_conn *conn);

/* The handler's own; NULL at first. */
HARK_API void *hark_conn_user(const struct hark_conn *conn);
HARK_API void hark_conn_set_user(struct hark_conn *conn, void *user);

/* What went wrong last; .code 0: nothing yet. */
HARK_API const struct hark_error *hark_conn_error(const struct hark_conn *conn);

#ifdef __cplusplus
}
#endif

#endif /* HARK_SERVER_H */
