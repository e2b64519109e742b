/* SPDX-License-Identifier: MIT
 *
 * The drain of one process; see drain.h.  Floor 4.
 */
#include "server/drain.h"

#include "base/clock.h"
#include "server/model.h"
#include "server/stop.h"
#include "sys/sys.h"

/* After the cut: how long handlers that were told may take to return. */
enum { GRACE_MS = 1000 };

static bool is_empty(const struct hark__worker *worker)
{
	return hark__row_open(worker->row) == 0 && worker->row->lingering == 0 &&
	       worker->threads == 0 && worker->children.count == 0;
}

/* Until it is empty or the time has come, or until a second stop: then false. */
static bool drain_until(struct hark__worker *worker, int64_t deadline, bool cuttable)
{
	struct pollfd fds[2] = {{worker->watch_fd, POLLIN, 0},
		{cuttable ? worker->server->cut_fd : -1, POLLIN, 0}};

	worker->row->waits = worker->awaited = true; /* each that ends wakes us */
	hark__worker_look_around(worker); /* what ended before the deadline did */
	while (!is_empty(worker)) {
		int left_ms = hark__left_ms(deadline);

		if (left_ms == 0)
			return false;
		(void)sys_poll(fds, 2, left_ms); /* failed: the time still passes */
		hark__worker_look_around(worker);
		if (fds[1].revents)
			return false;
		deadline = cuttable ? hark__worker_cut_ms(worker) : deadline;
	}
	return true;
}

/* Handlers that are told may return; those that do not are stuck in their own code. */
static void cut_threads(struct hark__worker *worker)
{
	for (int i = 0; i < worker->conn_count; i++)
		(void)hark__conn_cut(&worker->conn[i]); /* counted as each ends */
	(void)drain_until(worker, hark__deadline(GRACE_MS), false);
	worker->row->stuck = (unsigned)worker->threads;
}

static void cut_children(struct hark__worker *worker)
{
	(void)hark__children_kill(worker, HARK__LEFT_LINGERING);
	(void)drain_until(worker, hark__deadline(GRACE_MS), false);
	(void)hark__children_kill(worker, HARK__LEFT_TOLD); /* the hook is stuck */
	worker->server->board->stuck += hark__children_kill(worker, HARK__LEFT_NOTHING);
}

/* Programs go on. */
static void leave_children(struct hark__worker *worker)
{
	hark__count(&worker->row->tally.ended[HARK_ENDED_LEFT],
		hark__row_open(worker->row));
	worker->row->held = 0;
}

/* Where handlers have processes of their own these are killed; programs go on. */
static void cut(struct hark__worker *worker)
{
	worker->cut = true;
	if (hark__stops(worker->server)) /* or it retires: others are not concerned */
		hark__cut(worker->server);
	hark__linger_end(worker);
	if (worker->server->model->has_threads)
		cut_threads(worker);
	else if (worker->server->model->kills)
		cut_children(worker);
	else
		leave_children(worker);
}

/* Copies, or the last ones: a stop may have been seen here before it was attended to. */
static void close_listeners(
	struct hark__worker *worker, struct hark_quiesce_report *report)
{
	struct hark_server *server = worker->server;

	if (!hark__worker_is_alone(worker)) {
		(void)hark__close_listeners(server); /* copies lose nobody */
		return;
	}
	if (hark__stops(server))
		hark__quiesce_begin(server);
	hark__quiesce_end(server, report);
}

void hark__drain(struct hark__worker *worker)
{
	struct hark_server *server = worker->server;
	struct hark_quiesce_report report = {0};

	close_listeners(worker, &report);
	worker->row->drains = true;
	(void)hark_wake(server->notice_fd); /* an eventfd: our supervisor looks */
	hark__worker_changes(worker, HARK_SERVER_DRAINING,
		&(struct hark_server_event){.kind = HARK_EVENT_DRAINING,
			.pid = sys_getpid(),
			.open = hark__row_open(worker->row),
			.queued = report.lost,
			.quiesce = &report});
	if (!drain_until(worker, hark__worker_cut_ms(worker), true))
		cut(worker);
	hark__worker_changes(worker, HARK_SERVER_DRAINING,
		&(struct hark_server_event){.kind = HARK_EVENT_DRAINED,
			.pid = sys_getpid(),
			.open = hark__board_cut(server->board) +
				hark__board_open(server->board, false)});
}
