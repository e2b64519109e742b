/* SPDX-License-Identifier: MIT
 *
 * A crew of threads; see crew.h.  Floor 4.
 *
 * Whoever leads waits for a connection; then another leads, while it serves.  So no
 * connection changes threads, and none is accepted that nobody is free for.
 */
#include "server/crew.h"

#include "base/clock.h"
#include "base/error.h"
#include "server/watch.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

/* How long whoever leads may take to leave. */
enum { PATIENCE_MS = 1000 };

/* Once more under the lock: the one before may have ended it. */
static int lead(struct hark__worker *worker, struct hark__arrival *arrival)
{
	struct hark__crew *crew = &worker->crew;
	int got = 0;

	(void)pthread_mutex_lock(&crew->lead); /* ours alone */
	if (!crew->ended) {
		got = hark__worker_next(worker, arrival, &crew->err);
		if (got <= 0) {
			crew->code = got;
			crew->ended = true;
			(void)hark_wake(crew->ended_fd); /* an eventfd */
		}
	}
	(void)pthread_mutex_unlock(&crew->lead);
	return got;
}

static void *work(void *ctx)
{
	struct hark_conn *conn = ctx;
	struct hark__worker *worker = conn->worker;
	struct hark__arrival arrival;

	while (lead(worker, &arrival) > 0)
		hark__conn_serve(conn, worker, &arrival);
	hark__worker_thread_ended(worker);
	return NULL;
}

/* As many as can be had, at least one. */
static int start(struct hark__worker *worker, int threads, struct hark_error *err)
{
	size_t stack_bytes = worker->server->options.stack_bytes;
	int started = 0, done = 0;

	while (started < threads && done == 0) {
		struct hark_conn *conn = &worker->conn[started];

		conn->worker = worker;
		worker->threads++;
		done = sys_thread(stack_bytes, work, conn);
		if (done == 0)
			started++;
		else
			worker->threads--;
	}
	if (started > 0)
		return 0;
	return HARK__FAIL(err, .step = HARK_STEP_SERVE, .code = done);
}

/*
 * All of them may be in conversations when a stop comes, and then nobody leads; so this
 * thread waits for the cut as well, and attends to what is not for those who serve.
 */
static void await_end(struct hark__worker *worker)
{
	struct pollfd fds[6] = {{worker->crew.ended_fd, POLLIN, 0},
		{worker->server->cut_fd, POLLIN, 0},
		{worker->server->stop_fd, POLLIN, 0}, {worker->parent_fd, POLLIN, 0},
		{worker->retire_fd, POLLIN, 0},
		{hark__worker_is_alone(worker) ? worker->server->attending.fd : -1,
			POLLIN, 0}};

	while (hark__left_ms(hark__worker_cut_ms(worker)) != 0) {
		(void)sys_poll(fds, 6, hark__left_ms(hark__worker_cut_ms(worker)));
		if (fds[0].revents || fds[1].revents)
			return;
		if (fds[2].revents)
			fds[2].fd = -1; /* from now on there is a last moment */
		if (fds[3].revents) {
			fds[3].fd = -1;
			hark__orphaned(worker->server);
		}
		if (fds[4].revents) /* likewise a last moment */
			fds[4].fd = -1;
		if (fds[5].revents)
			hark__attend_look(&worker->server->attending);
	}
}

/*
 * Before the listeners are closed under it, whoever leads must be out of there; and nobody
 * leads any more, who would sleep on what this thread has read in the drain.  Not for ever:
 * the leader may be in a hook.
 */
static void end_lead(struct hark__worker *worker)
{
	struct hark__crew *crew = &worker->crew;

	worker->accepting.quit = true;
	for (int i = 0; i < PATIENCE_MS && !crew->ended; i++) {
		(void)hark_wake(worker->row->room_fd); /* who leads looks around */
		if (pthread_mutex_trylock(&crew->lead) == 0) {
			crew->ended = true;
			(void)pthread_mutex_unlock(&crew->lead); /* ours */
		} else {
			(void)sys_poll(NULL, 0, 1); /* a pause: early is fine */
		}
	}
}

static int serve(struct hark__worker *worker, int threads, struct hark_error *err)
{
	struct hark__crew *crew = &worker->crew;
	int done = start(worker, threads, err);

	if (done < 0)
		return done;
	await_end(worker);
	end_lead(worker);
	(void)hark__watch_attended(worker); /* from now on; else nobody attends */
	if (crew->ended && crew->code < 0 && err)
		*err = crew->err;
	return crew->ended ? crew->code : 0;
}

int hark__crew_serve(struct hark__worker *worker, int threads, struct hark_error *err)
{
	struct hark__crew *crew = &worker->crew;

	(void)pthread_mutex_init(&crew->lead, NULL); /* cannot fail on Linux */
	crew->ended_fd = hark_wake_create(err);
	return crew->ended_fd < 0 ? crew->ended_fd : serve(worker, threads, err);
}
