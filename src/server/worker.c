/* SPDX-License-Identifier: MIT
 *
 * Serving in one process; see worker.h.  Floor 4.
 *
 * Invariant: one thread at a time accepts, and one looks around; conversations may run in
 * others, and touch the board, their connection and the lingering table alone.
 */
#include "server/worker.h"

#include "base/clock.h"
#include "base/error.h"
#include "server/drain.h"
#include "server/model.h"
#include "server/stop.h"
#include "server/watch.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdlib.h>

/* ------------------------------------------------------------------------------ drains */

bool hark__worker_drains(const struct hark__worker *worker)
{
	return hark__stops(worker->server) || worker->retire_ms != 0;
}

int64_t hark__worker_cut_ms(const struct hark__worker *worker)
{
	int64_t cut_ms = hark__cut_ms(worker->server);
	int drain_ms = worker->server->options.drain_ms;

	if (worker->retire_ms != 0 && drain_ms >= 0)
		cut_ms = hark__earlier(cut_ms, worker->retire_ms + drain_ms);
	return cut_ms;
}

void hark__worker_retire(struct hark__worker *worker)
{
	if (worker->retire_ms != 0)
		return;
	worker->retire_ms = hark__now_ms();
	worker->row->retires = true;
	(void)hark_wake(
		worker->server->notice_fd); /* an eventfd: our supervisor looks */
	worker->accepting.quit = true;
	(void)hark_wake(worker->row->room_fd); /* eventfds, both */
	if (worker->retire_fd >= 0)
		(void)hark_wake(worker->retire_fd);
}

void hark__worker_thread_ended(struct hark__worker *worker)
{
	(void)pthread_mutex_lock(&worker->tick_lock); /* see hark__worker_unmake */
	worker->threads--;
	if (worker->awaited)
		(void)hark_wake(worker->row->room_fd); /* an eventfd */
	(void)pthread_mutex_unlock(&worker->tick_lock);
}

/* -------------------------------------------------------------------------- looking around */

static void reload(struct hark__worker *worker)
{
	struct hark_error why;
	int done = hark__reload(worker->server, &why);

	if (done != 0)
		HARK__TELL(worker->server, .kind = HARK_EVENT_RELOADED,
			.pid = sys_getpid(), .error = done < 0 ? &why : NULL);
}

void hark__worker_look_around(struct hark__worker *worker)
{
	(void)pthread_mutex_lock(&worker->look_lock); /* ours alone */
	hark__watch_look(worker);
	reload(worker);
	(void)pthread_mutex_unlock(&worker->look_lock);
}

void hark__worker_changes(struct hark__worker *worker, enum hark_server_state state,
	const struct hark_server_event *event)
{
	if (!hark__worker_is_alone(worker))
		return;
	hark__set_state(worker->server, state);
	hark__tell(worker->server, event);
}

#define CHANGES(worker, state, ...)             \
	hark__worker_changes((worker), (state), \
		&(struct hark_server_event){.pid = sys_getpid(), __VA_ARGS__})

/* What the accept loop tells. */
static void on_event(const struct hark_loop_event *event, void *ctx)
{
	struct hark__worker *worker = ctx;
	struct hark_server *server = worker->server;

	switch (event->kind) {
	case HARK_LOOP_PAUSED:
		HARK__TELL(server, .kind = HARK_EVENT_PAUSED, .error = event->error);
		break;
	case HARK_LOOP_RESUMED:
		HARK__TELL(server, .kind = HARK_EVENT_RESUMED,
			.duration_ms = event->paused_ms);
		break;
	case HARK_LOOP_READABLE:
		hark__worker_look_around(worker);
		break;
	case HARK_LOOP_STOPPING:
		if (server->board->closes_at_once)
			worker->accepting.quit = true;
		break;
	default:
		break;
	}
}

static bool may_accept(void *ctx)
{
	return hark__gate_has_room(ctx);
}

/* ----------------------------------------------------------------------------- accepting */

/* Where too many retire already, nobody would be left who accepts: it goes on. */
static bool is_used_up(const struct hark__worker *worker)
{
	int most = worker->server->options.recycle_after;

	return most > 0 && worker->retire_fd >= 0 && worker->taken >= (uint64_t)most &&
	       hark__board_has_free_row(worker->server->board);
}

int hark__worker_next(struct hark__worker *worker, struct hark__arrival *arrival,
	struct hark_error *err)
{
	struct hark_addr peer;
	int fd, got;

	if (is_used_up(worker))
		hark__worker_retire(worker);
	do {
		got = hark__accepting_next(&worker->accepting, &fd, &peer, err);
	} while (got > 0 && !hark__gate_admit(worker, fd, &peer, arrival));
	if (got > 0) {
		worker->taken++;
		return got;
	}
	hark__gate_unreserve(worker);
	hark__board_wake_all(worker->server->board); /* see hark__crowd_wait() */
	return got;
}

int hark__worker_each(struct hark__worker *worker,
	void (*take)(struct hark__worker *worker, const struct hark__arrival *arrival),
	struct hark_error *err)
{
	struct hark__arrival arrival;
	int got;

	while ((got = hark__worker_next(worker, &arrival, err)) > 0)
		take(worker, &arrival);
	return got;
}

/* -------------------------------------------------------------------------------- run */

int hark__worker_run(struct hark__worker *worker, struct hark_error *err)
{
	int served;

	worker->row->pid = sys_getpid();
	/* Before a stop is seen, by any thread. */
	CHANGES(worker, HARK_SERVER_SERVING, .kind = HARK_EVENT_SERVING);
	hark__worker_look_around(worker); /* a reload that came before we had a row */
	served = worker->server->model->serve(worker, err);
	if (served < 0) /* what broke it for this one ends it for all of this process */
		hark__worker_retire(worker);
	hark__drain(worker);
	return served;
}

/* --------------------------------------------------------------------- make and unmake */

static int begin_accepting(struct hark__worker *worker, struct hark_error *err)
{
	const struct hark_server_options *options = &worker->server->options;
	int done;

	worker->loop = (struct hark_loop_options){.pressure = options->pressure,
		.stop = HARK_STOP_WHEN_EMPTY, /* the gates are closed by then */
		.stop_ms = hark__quiesce_ms(worker->server),
		.wake_fd = worker->server->closing_fd,
		.event_fd = worker->watch_fd,
		.may_accept = may_accept,
		.may_accept_ctx = worker,
		.on_event = on_event,
		.event_ctx = worker,
		.counters = &worker->row->loop,
		.counters_size = sizeof(worker->row->loop)};
	worker->accepting.listeners = worker->server->listener;
	worker->accepting.count = worker->server->count;
	worker->accepting.options = &worker->loop;
	worker->accepting.crowd = options->workers > 1;
	worker->accepting.haste.allowed = true;
	worker->accepting.quiesces = &worker->server->board->stops;
	done = hark__accepting_begin(&worker->accepting, err);
	if (done < 0)
		hark__watch_unmake(worker);
	return done;
}

/* One conversation may end while its process does not: they linger there. */
static int child_room(const struct hark_server *server)
{
	return server->model->has_children ? 2 * server->options.max_connections : 0;
}

static int make_parts(struct hark__worker *worker, struct hark_error *err)
{
	struct hark_server *server = worker->server;
	int done;

	if (server->model->has_threads) {
		worker->conn_count = hark__model_most(server->model, &server->options);
		worker->conn =
			calloc((size_t)worker->conn_count, sizeof(*worker->conn));
		if (!worker->conn)
			return HARK__FAIL(
				err, .step = HARK_STEP_SERVE, .code = -ENOMEM);
	}
	done = hark__children_make(&worker->children, child_room(server));
	if (done < 0)
		return HARK__FAIL(err, .step = HARK_STEP_SERVE, .code = done);
	return hark__watch_make(worker, err);
}

static void free_parts(struct hark__worker *worker)
{
	hark__children_forget(&worker->children);
	hark__children_unmake(&worker->children);
	free(worker->conn);
	sys_unmap(worker, sizeof(*worker));
}

/* Shared, so that after a fork (model_fork.c) nobody's writing copies a page of it. */
int hark__worker_make(struct hark__worker **worker, struct hark_server *server,
	struct hark__row *row, int parent_fd, struct hark_error *err)
{
	struct hark__worker *made;
	void *memory;
	int done = sys_map_shared(sizeof(*made), &memory);

	if (done < 0)
		return HARK__FAIL(err, .step = HARK_STEP_SERVE, .code = done);
	made = memory;
	made->server = server;
	made->row = row;
	made->number = (int)(row - server->board->row);
	made->parent_fd = parent_fd;
	made->retire_fd = -1;
	(void)pthread_mutex_init(&made->look_lock, NULL); /* cannot fail on Linux */
	made->crew.ended_fd = -1;
	hark__linger_make(&made->linger);
	done = make_parts(made, err);
	if (done == 0)
		done = begin_accepting(made, err);
	if (done < 0)
		free_parts(made);
	else
		*worker = made;
	return done;
}

bool hark__worker_unmake(struct hark__worker *worker)
{
	if (worker->threads > 0)
		return false;
	/* The last thread counted itself out under this lock, and may hold it yet. */
	(void)pthread_mutex_lock(&worker->tick_lock);
	(void)pthread_mutex_unlock(&worker->tick_lock);
	hark__linger_end(worker);
	hark__accepting_end(&worker->accepting);
	if (worker->crew.ended_fd >= 0)
		(void)sys_close(worker->crew.ended_fd); /* an eventfd */
	hark__watch_unmake(worker);
	free_parts(worker);
	return true;
}
