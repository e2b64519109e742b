/* SPDX-License-Identifier: MIT
 *
 * A thread a connection.  Floor 4.
 *
 * The accepting thread alone takes places for connections; whoever ends gives its own back
 * on a stack that the accepting thread empties as a whole, which needs no lock.
 */
#include "base/error.h"
#include "server/model.h"
#include "sys/sys.h"

#include <errno.h>

enum { USUAL = 4000, NONE = -1, PATIENCE_MS = 1000 };

static void *converse(void *ctx)
{
	struct hark_conn *conn = ctx;
	struct hark__worker *worker = conn->worker;
	const struct hark__arrival arrival = conn->arrival;
	int place = (int)(conn - worker->conn);

	hark__conn_serve(conn, worker, &arrival);
	conn->next_free = worker->threaded.given_back;
	while (!atomic_compare_exchange_weak(
		&worker->threaded.given_back, &conn->next_free, place))
		continue;
	hark__worker_thread_ended(worker);
	return NULL;
}

static struct hark_conn *find_place(struct hark__worker *worker)
{
	struct hark__threaded *threaded = &worker->threaded;
	int place;

	if (threaded->free == NONE)
		threaded->free = atomic_exchange(&threaded->given_back, NONE);
	place = threaded->free;
	if (place != NONE)
		threaded->free = worker->conn[place].next_free;
	else if (threaded->touched < worker->conn_count)
		place = threaded->touched++;
	return place == NONE ? NULL : &worker->conn[place];
}

/*
 * Whoever ends gives back its room on the board a little earlier than its place here; so
 * where there is no place, there will be one.
 */
static struct hark_conn *take_place(struct hark__worker *worker)
{
	struct hark_conn *conn = find_place(worker);

	for (int i = 0; !conn && i < PATIENCE_MS; i++) {
		(void)sys_poll(NULL, 0, 1); /* a pause: early is fine */
		conn = find_place(worker);
	}
	return conn;
}

static void put_back(struct hark__worker *worker, struct hark_conn *conn)
{
	conn->next_free = worker->threaded.free;
	worker->threaded.free = (int)(conn - worker->conn);
}

static int start(struct hark__worker *worker, struct hark_conn *conn)
{
	int done;

	worker->threads++;
	done = sys_thread(worker->server->options.stack_bytes, converse, conn);
	if (done < 0)
		worker->threads--;
	return done;
}

static void take(struct hark__worker *worker, const struct hark__arrival *arrival)
{
	struct hark_conn *conn = take_place(worker);
	struct hark_error why;
	int done;

	if (conn) {
		conn->worker = worker;
		conn->arrival = *arrival;
		done = start(worker, conn);
		if (done == 0)
			return;
		put_back(worker, conn);
	} else {
		done = -EAGAIN;
	}
	(void)HARK__FAIL(&why, .step = HARK_STEP_SERVE, .code = done); /* told */
	hark__gate_turn_away(worker, arrival, &why);
}

static int most(const struct hark_server_options *options)
{
	return options->max_connections;
}

static int serve(struct hark__worker *worker, struct hark_error *err)
{
	worker->threaded = (struct hark__threaded){.given_back = NONE, .free = NONE};
	return hark__worker_each(worker, take, err);
}

const struct hark__model hark__model_thread = {.name = "thread",
	.has_threads = true,
	.usual = USUAL,
	.most = most,
	.serve = serve};
