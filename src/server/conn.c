/* SPDX-License-Identifier: MIT
 *
 * The life of a connection in the engine: from its arrival to the close that its handler
 * asked for, and who it is.  Floor 4.
 *
 * Invariant: while .life is OPEN the descriptor is open and ours; whoever is about to close
 * it, or to give it away, ends that first.
 */
#include "server/conn.h"

#include "base/clock.h"
#include "base/error.h"
#include "server/worker.h"
#include "sys/sys.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <string.h>

/* ---------------------------------------------------------------------------- results */

int hark__conn_over(struct hark_conn *conn)
{
	return conn->over;
}

bool hark__conn_was_cut(const struct hark_conn *conn)
{
	const struct hark__worker *worker = conn->worker;

	return worker->cut || (hark__worker_drains(worker) &&
				      hark__left_ms(hark__worker_cut_ms(worker)) == 0);
}

static void note_ending(struct hark_conn *conn, ssize_t code)
{
	if (code == -ETIMEDOUT)
		conn->ending = HARK_ENDED_TIMED_OUT;
	else if (code == -ESHUTDOWN)
		conn->ending = conn->idle && !hark__conn_was_cut(conn)
				       ? HARK_ENDED_DRAINED
				       : HARK_ENDED_CUT;
	else if (code == -ECONNRESET || code == -EPIPE)
		conn->ending = HARK_ENDED_RESET;
}

/* A drain that ends an idle conversation may be asked again; these may not. */
static bool is_final(const struct hark_conn *conn, ssize_t code)
{
	return code == -ECONNRESET || code == -EPIPE ||
	       (code == -ESHUTDOWN && !conn->idle);
}

/* The kernel's own ETIMEDOUT: the peer stopped answering, and the connection is gone. */
ssize_t hark__conn_fail(struct hark_conn *conn, enum hark_step step, ssize_t code)
{
	bool silent = code == -ETIMEDOUT && step != HARK_STEP_WAIT;

	if (silent)
		code = -ECONNRESET;
	if (code != -ETIMEDOUT && hark__conn_was_cut(conn))
		code = -ESHUTDOWN;
	note_ending(conn, code);
	if (is_final(conn, code))
		conn->over = (int)code;
	if (code == -ETIMEDOUT || code == -ESHUTDOWN)
		return code;
	return HARK__FAIL(&conn->err, .step = step, .code = (int)code,
		.cause = silent ? HARK_CAUSE_PEER_SILENT : HARK_CAUSE_NONE,
		.addr = &conn->arrival.peer);
}

/* ------------------------------------------------------------------------- begin and end */

static void begin(struct hark_conn *conn, struct hark__worker *worker,
	const struct hark__arrival *arrival, char *buffer)
{
	const struct hark_server_options *options = &worker->server->options;

	conn->fd = arrival->fd;
	conn->worker = worker;
	conn->ops = &hark__blocking_ops;
	conn->arrival = *arrival;
	conn->local.length = 0;
	conn->buffer = buffer;
	conn->start = conn->end = 0;
	conn->read_timeout_ms = options->read_timeout_ms;
	conn->write_timeout_ms = options->write_timeout_ms;
	conn->deadline = options->deadline_ms ? hark__deadline(options->deadline_ms)
					      : HARK__NEVER;
	conn->over = 0;
	conn->at_end = conn->idle = false;
	conn->try_first = true;
	conn->patient = worker->server->patient;
	conn->close_way = HARK_CLOSE_LINGERING;
	conn->ending = HARK_ENDED_RETURNED;
	conn->queue_wait_ms = INT_MIN;
	conn->bytes_in = conn->bytes_out = 0;
	conn->user = NULL;
	conn->err.code = 0;
	atomic_store_explicit(&conn->life, HARK__CONN_OPEN, memory_order_release);
}

/* Nobody else touches the descriptor from here on. */
static bool take_descriptor(struct hark_conn *conn)
{
	int open = HARK__CONN_OPEN;

	while (!atomic_compare_exchange_weak(&conn->life, &open, HARK__CONN_NONE)) {
		if (open == HARK__CONN_NONE)
			return false; /* released or aborted */
		open = HARK__CONN_OPEN;
		(void)sched_yield(); /* somebody is in shutdown(2) */
	}
	return true;
}

bool hark__conn_cut(struct hark_conn *conn)
{
	int open = HARK__CONN_OPEN;

	if (!atomic_compare_exchange_strong(&conn->life, &open, HARK__CONN_CUTTING))
		return false;
	(void)sys_shutdown(conn->fd, SHUT_RDWR); /* or it has ended */
	atomic_store(&conn->life, HARK__CONN_OPEN);
	return true;
}

/*
 * A process of its own whose worker died: what it had was counted as lost, and the row on
 * the board is nobody's or the next worker's.  The kernel kills it with its worker, unless
 * it has changed its user since.
 */
static bool is_orphan(const struct hark_conn *conn)
{
	return conn->left && sys_getppid() != conn->worker->row->pid;
}

/* A process of its own waits itself: its places were given back.  Our parent counts its end. */
static void linger(const struct hark_conn *conn)
{
	struct hark__worker *worker = conn->worker;

	if (!conn->left) {
		hark__linger_add(worker, conn->fd);
		return;
	}
	if (!is_orphan(conn))
		worker->row->lingering++;
	*conn->left = HARK__LEFT_LINGERING;
	(void)hark_close_lingering(conn->fd, &worker->server->options.linger,
		NULL); /* released in any case */
}

/* After the client's end nothing can come that would make the close a reset. */
static void close_it(struct hark_conn *conn)
{
	bool gone = conn->over != 0 || conn->at_end;

	if (conn->close_way == HARK_CLOSE_RESET)
		(void)hark_close_reset(conn->fd, NULL); /* released in any case */
	else if (gone || conn->close_way == HARK_CLOSE_AT_ONCE)
		(void)hark_close(conn->fd, NULL); /* likewise */
	else
		linger(conn);
}

static void count(struct hark_conn *conn)
{
	struct hark__tally *tally = &conn->worker->row->tally;

	if (conn->bytes_in)
		hark__count(&tally->bytes_in, conn->bytes_in);
	if (conn->bytes_out)
		hark__count(&tally->bytes_out, conn->bytes_out);
}

static int lasted_ms(const struct hark__arrival *arrival)
{
	int64_t us = arrival->began_us ? sys_monotonic_us() - arrival->began_us : 0;

	return hark__clamp_ms(us / 1000);
}

static void measure(struct hark__worker *worker, const struct hark__arrival *arrival)
{
	if (worker->server->options.histograms == HARK_ON)
		hark__tally_histogram(worker->row, HARK__HANDLER_TIME,
			(uint64_t)(sys_monotonic_us() - arrival->began_us));
}

void hark__conn_ended(struct hark__worker *worker, const struct hark__arrival *arrival,
	const struct hark_server_event *how)
{
	struct hark_server_event event = *how;

	hark__count(&worker->row->tally.ended[how->reason], 1);
	measure(worker, arrival);
	if (worker->server->options.on_event) {
		event.kind = HARK_EVENT_CLOSED;
		event.number = arrival->number;
		event.peer = &arrival->peer;
		event.from_address = arrival->from_address;
		event.duration_ms = lasted_ms(arrival);
		event.open = hark__board_open(worker->server->board, false);
		event.limit = (unsigned)worker->server->options.max_connections;
		hark__tell(worker->server, &event);
	}
}

static void tell_accepted(struct hark_conn *conn)
{
	struct hark_server *server = conn->worker->server;

	if (server->options.on_event)
		HARK__TELL(server, .kind = HARK_EVENT_ACCEPTED,
			.number = conn->arrival.number, .pid = sys_getpid(),
			.open = hark__board_open(server->board, false),
			.limit = (unsigned)server->options.max_connections,
			.from_address = conn->arrival.from_address,
			.peer = &conn->arrival.peer,
			.local = hark_conn_local_addr(conn));
}

/* Said before it is done: if we die over it, our parent must not do it again. */
static void say_left(const struct hark_conn *conn, enum hark__left left)
{
	if (conn->left)
		*conn->left = (char)left;
}

static void leave(struct hark_conn *conn)
{
	bool told = conn->worker->server->options.on_event;
	bool was_cut = conn->worker->cut && conn->ending != HARK_ENDED_RELEASED;
	const struct hark_server_event how = {
		.reason = (int)(was_cut ? HARK_ENDED_CUT : conn->ending),
		.pid = told ? sys_getpid() : 0,
		.local = told ? hark_conn_local_addr(conn) : NULL};

	count(conn);
	say_left(conn, HARK__LEFT_TOLD);
	hark__conn_ended(conn->worker, &conn->arrival, &how);
	say_left(conn, HARK__LEFT_PLACES);
	hark__gate_leave(conn->worker, &conn->arrival);
}

static void end(struct hark_conn *conn)
{
	bool ours = take_descriptor(conn);

	if (!is_orphan(conn))
		leave(conn);
	if (ours)
		close_it(conn); /* which may linger, where a process is the handler's */
}

/* The buffer is on this stack: a conversation that does not use it costs no memory. */
void hark__conn_serve(struct hark_conn *conn, struct hark__worker *worker,
	const struct hark__arrival *arrival)
{
	char buffer[HARK_CONN_BUFFER_BYTES + 1];

	begin(conn, worker, arrival, buffer);
	tell_accepted(conn);
	worker->server->handler(conn, worker->server->ctx);
	end(conn);
}

/* -------------------------------------------------------------------- the handler's ways */

void hark_conn_close_with(struct hark_conn *conn, enum hark_close_way way)
{
	conn->close_way = way;
}

void hark_conn_abort(struct hark_conn *conn)
{
	(void)hark_conn_local_addr(conn); /* as long as it can be asked */
	if (take_descriptor(conn))
		(void)hark_close_reset(conn->fd, NULL); /* released in any case */
	conn->fd = -1;
	conn->over = -ECONNRESET;
	conn->start = conn->end = 0;
}

static int give_away(struct hark_conn *conn)
{
	int fd = conn->fd, released = conn->ops->release(conn);

	if (released < 0)
		return (int)hark__conn_fail(conn, HARK_STEP_OPTION, released);
	(void)hark_conn_local_addr(conn); /* as long as it is ours to ask */
	if (!take_descriptor(conn))
		return -EBADF;
	conn->fd = -1;
	conn->over = -EBADF;
	conn->ending = HARK_ENDED_RELEASED;
	return fd;
}

int hark_conn_release(struct hark_conn *conn, const void **ahead, size_t *ahead_size)
{
	size_t size = conn->end - conn->start;

	if (conn->over)
		return conn->over;
	if (size > 0 && (!ahead || !ahead_size))
		return -EBUSY;
	if (ahead)
		*ahead = conn->buffer + conn->start;
	if (ahead_size)
		*ahead_size = size;
	return give_away(conn);
}

void hark_conn_set_read_timeout(struct hark_conn *conn, int ms)
{
	conn->read_timeout_ms = ms;
}

void hark_conn_set_write_timeout(struct hark_conn *conn, int ms)
{
	conn->write_timeout_ms = ms;
}

void hark_conn_set_deadline(struct hark_conn *conn, int ms)
{
	conn->deadline = hark__deadline(ms);
}

/* --------------------------------------------------------------------------- who it is */

int hark_conn_fd(const struct hark_conn *conn)
{
	return conn->fd;
}

const struct hark_addr *hark_conn_peer_addr(const struct hark_conn *conn)
{
	return &conn->arrival.peer;
}

const struct hark_addr *hark_conn_local_addr(struct hark_conn *conn)
{
	if (conn->local.length == 0 &&
		hark_local_addr(conn->fd, &conn->local, NULL) < 0)
		conn->local.length = 0; /* "no address" */
	hark_addr_unmap(&conn->local);
	return &conn->local;
}

int hark_conn_queue_wait_ms(struct hark_conn *conn)
{
	if (conn->queue_wait_ms == INT_MIN)
		conn->queue_wait_ms = hark_queue_wait_ms(conn->fd, NULL);
	return conn->queue_wait_ms;
}

uint64_t hark_conn_number(const struct hark_conn *conn)
{
	return conn->arrival.number;
}

void *hark_conn_user(const struct hark_conn *conn)
{
	return conn->user;
}

void hark_conn_set_user(struct hark_conn *conn, void *user)
{
	conn->user = user;
}

const struct hark_error *hark_conn_error(const struct hark_conn *conn)
{
	return &conn->err;
}
