/* SPDX-License-Identifier: MIT
 *
 * Quiescing a server's listeners; see stop.h.  Floor 4.
 *
 * Invariant: one thread of one process does this, that of hark_server_run; workers, who
 * hold the same listeners, go on accepting until they are told, and never close a gate.
 */
#include "server/stop.h"

#include "base/clock.h"
#include "base/error.h"
#include "server/model.h"
#include "server/overload.h"
#include "socket/create.h"
#include "socket/quiesce.h"
#include "sys/sys.h"

#include <limits.h>

enum {
	LOOK_MS = 2,
	AGAIN_MS = 20,
	LONG_MS = 5000 /* how long whoever is in the queue gets a program, at least */
};

/* Programs are not cut: for them the queue is emptied though nobody waits for their ends. */
int hark__quiesce_ms(const struct hark_server *server)
{
	const struct hark__model *model = server->model;
	int drain_ms = server->options.drain_ms;

	if (drain_ms < 0)
		return INT_MAX;
	if (model->has_threads || model->kills)
		return drain_ms;
	return drain_ms > LONG_MS ? drain_ms : LONG_MS;
}

/* The counters hold those who were refused by a rule or limit, too: they came in. */
static uint64_t came_in(const struct hark_server *server)
{
	struct hark_server_stats stats = {0};

	hark__board_sum(server->board, &stats);
	return stats.accepted + hark__board_refused(&stats);
}

/* ------------------------------------------------------------------------------- quiesce */

/* Those who accept wake; and again, should it have failed, until the listeners are closed. */
static void wake_all(struct hark_server *server)
{
	if (hark_wake(server->closing_fd) == 0)
		(void)sys_timer_set(
			server->look_fd, AGAIN_MS); /* or it ticks as before */
}

/* Whoever accepts accepts who is left, unless time is up, and closes. */
static void let_close(struct hark_server *server, bool at_once)
{
	server->board->closes_at_once = at_once;
	server->closing = true;
	wake_all(server);
}

/* Who is in the queues is theirs. */
static bool is_left_to_others(const struct hark_server *server)
{
	return server->options.quiesce == HARK_QUIESCE_SHARED || server->handover.all;
}

static void look(struct hark_server *server)
{
	struct hark_quiesce_report report;

	if (hark_quiesce_check(&server->quiesce, NULL) == 0)
		return;
	(void)hark_quiesce_report(
		&server->quiesce, &report, sizeof(report)); /* the size is right */
	let_close(server, report.timed_out || is_left_to_others(server));
}

static bool filters(const struct hark_server *server)
{
	for (size_t i = 0; i < server->count; i++)
		if (server->quiesce.gate[i].method == HARK_QUIESCE_FILTER)
			return true;
	return false;
}

/* Without a gate it is as it would be without a quiesce: the queue is emptied. */
static void close_gates(struct hark_server *server)
{
	int quiesce_ms = hark__quiesce_ms(server);
	struct hark_quiesce_options options = {.method = server->options.quiesce,
		.deadline_ms = quiesce_ms == INT_MAX ? -1 : quiesce_ms};
	struct hark_error why;

	server->came_in = came_in(server);
	server->board->filters = true; /* it may be: others accept meanwhile */
	if (hark_quiesce_begin(&server->quiesce, server->listener, server->count,
		    &options, &why) < 0) {
		HARK__TELL(server, .kind = HARK_EVENT_FAILED, .error = &why);
		server->board->filters = false;
		let_close(server, false);
		return;
	}
	server->quiesces = true;
	server->board->filters = filters(server);
	if (sys_timer_set(server->look_fd, LOOK_MS) < 0) /* nobody would look again */
		let_close(server, false);
	else
		look(server);
}

void hark__quiesce_begin(struct hark_server *server)
{
	if (server->stopping)
		return;
	server->stopping = true;
	hark__overload_suspend(server);
	hark__handover_stop(server);
	(void)hark__attend_no_more(&server->attending, server->stop_fd); /* or never */
	hark__set_state(server, HARK_SERVER_QUIESCING);
	HARK__TELL(server, .kind = HARK_EVENT_QUIESCING);
	hark__board_wake_all(server->board); /* a stop ends a pause */
	close_gates(server);
}

void hark__quiesce_end(struct hark_server *server, struct hark_quiesce_report *report)
{
	struct hark_error why;

	hark__stop_attend_no_more(server);
	if (!server->quiesces) {
		*report = (struct hark_quiesce_report){
			.lost = hark__close_listeners(server)};
		return;
	}
	server->quiesces = false;
	hark__quiesce_accepted(
		&server->quiesce, (unsigned)(came_in(server) - server->came_in));
	if (hark_quiesce_close(&server->quiesce, report, sizeof(*report), &why) < 0)
		HARK__TELL(server, .kind = HARK_EVENT_FAILED, .error = &why);
	server->closed = true;
}

/* ----------------------------------------------------------------------------- attending */

static void on_stop(int fd, void *ctx)
{
	(void)fd;
	hark__quiesce_begin(ctx);
}

/* Not ready any more, but for a while as before: who sends clients has to hear of it. */
static void on_lame(int fd, void *ctx)
{
	struct hark_server *server = ctx;

	(void)hark__attend_no_more(&server->attending, fd);
	if (server->stopping)
		return;
	server->board->lame = true;
	hark__handover_stop(server);
	HARK__TELL(server, .kind = HARK_EVENT_LAME_DUCK);
	if (sys_timer_set(server->look_fd, server->options.lame_duck_ms) < 0)
		hark__stop_once(server); /* nobody would wake us */
}

static void on_time(int fd, void *ctx)
{
	struct hark_server *server = ctx;
	uint64_t times;

	(void)sys_read(fd, &times, sizeof(times)); /* or it was for nothing */
	if (server->closing)
		wake_all(server);
	else if (server->quiesces)
		look(server);
	else if (server->board->lame)
		hark__stop_once(server);
}

static int attend_all(struct hark_server *server, struct hark_error *err)
{
	const struct {
		int fd;
		hark_attendant *attend;
	} all[] = {{server->look_fd, on_time}, {server->stop_fd, on_stop},
		{server->lame_fd, on_lame}};
	int done = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && done == 0; i++)
		done = hark__attend(&server->attending, all[i].fd, all[i].attend,
			server, true, err);
	return done;
}

int hark__stop_attend(struct hark_server *server, struct hark_error *err)
{
	int done;

	server->look_fd = hark__above_stdio(sys_timer());
	if (server->look_fd < 0)
		return HARK__FAIL(err, .step = HARK_STEP_WAIT, .code = server->look_fd,
			.limit = hark__descriptor_limit(server->look_fd));
	done = attend_all(server, err);
	if (done < 0)
		hark__stop_attend_no_more(server);
	return done;
}

void hark__stop_attend_no_more(struct hark_server *server)
{
	const int fds[] = {server->look_fd, server->stop_fd, server->lame_fd};

	if (server->look_fd < 0)
		return;
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		(void)hark__attend_no_more(&server->attending, fds[i]); /* or never */
	(void)sys_close(server->look_fd);                               /* a timer */
	server->look_fd = -1;
}
