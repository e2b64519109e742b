/* SPDX-License-Identifier: MIT
 *
 * A process a connection: a copy of the one that accepts, for one handler.  Floor 4.
 *
 * The copy gives back the conversation's places itself, so that nobody waits for them while
 * it lingers, and says so; for a copy that crashed its parent does.
 */
#include "base/error.h"
#include "server/model.h"
#include "server/watch.h"
#include "socket/signals.h"
#include "sys/sys.h"

#include <errno.h>

enum { USUAL = 256 };

/*
 * Nothing of the parent's is kept but what wakes us, and descriptors of our siblings, which
 * do no harm: closing them would cost each connection so many calls.  Nor is the reserve of
 * HARK_PRESSURE_SHED closed: the worker's memory is shared, and by now its number there may
 * be that of another descriptor here.
 */
static void let_go(struct hark__worker *worker)
{
	struct hark_server *server = worker->server;
	int crowd_fd = worker->accepting.epoll_fd; /* or -1, if the parent was faster */

	if (server->options.mind_signals == HARK_ON)
		hark__signals_leave_to_parent();
	for (size_t i = 0; i < server->count; i++)
		(void)sys_close(server->listener[i].fd); /* a copy */
	if (hark__worker_is_alone(worker)) {
		hark__attend_let_go(&server->attending);
		hark__notify_let_go(server);
		hark__handover_let_go(server);
	}
	hark__watch_unmake(worker);
	if (crowd_fd >= 0)
		(void)sys_close(crowd_fd); /* an epoll instance */
	if (worker->parent_fd >= 0)
		(void)sys_close(worker->parent_fd);  /* of a process */
	sys_make_read_only(worker, sizeof(*worker)); /* our parent's as well */
}

static _Noreturn void converse(
	struct hark__worker *worker, const struct hark__arrival *arrival, int place)
{
	struct hark_conn conn = {.left = &worker->children.left[place]};

	let_go(worker);
	hark__conn_serve(&conn, worker, arrival);
	sys_exit(0);
}

static void take(struct hark__worker *worker, const struct hark__arrival *arrival)
{
	int place = hark__children_take(worker, arrival);
	pid_t pid = place < 0 ? place : sys_fork_bound();
	struct hark_error why;

	if (pid == 0)
		converse(worker, arrival, place);
	if (pid > 0) {
		(void)hark_close(arrival->fd, NULL); /* our copy */
		hark__children_started(worker, place, pid);
		return;
	}
	if (place >= 0)
		hark__children_drop(worker, place);
	(void)HARK__FAIL(&why, .step = HARK_STEP_SERVE, .code = pid); /* told */
	hark__gate_turn_away(worker, arrival, &why);
}

static int serve(struct hark__worker *worker, struct hark_error *err)
{
	return hark__worker_each(worker, take, err);
}

const struct hark__model hark__model_fork = {.name = "fork",
	.has_children = true,
	.kills = true,
	.usual = USUAL,
	.serve = serve};
