/* SPDX-License-Identifier: MIT
 *
 * Supervised workers; see supervisor.h.  Floor 4.
 *
 * A lane is the place of one worker: who is in it changes.  One that retires leaves its
 * lane to its replacement at once and goes on beside it until its conversations end.
 */
#include "server/supervisor.h"

#include "base/clock.h"
#include "base/error.h"
#include "server/stop.h"
#include "server/worker.h"
#include "socket/create.h"
#include "socket/signals.h"
#include "sys/sys.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

enum {
	SHORT_LIFE_MS = 1000, /* who lives less is started again later and later … */
	FIRST_DELAY_MS = 20,
	LONGEST_DELAY_MS = 5000,
	GIVE_UP_AFTER = 8, /* … and no more after so many that served nobody */
	GRACE_MS = 1500,   /* after the cut, until workers are killed */
	LOOK_MS = 100      /* between looks at a worker without a descriptor */
};

struct process {
	pid_t pid; /* 0: none */
	int pidfd; /* -1: it could not be had */
	int64_t started_ms;
	struct hark__row *row;
};

struct lane {
	struct process now;
	int64_t start_ms;        /* when the next may be started; while .now is none */
	int short_lives, births; /* in a row: that died early; that served nobody */
	bool given_up;
};

struct supervisor {
	struct hark_server *server;
	int count; /* of lanes */
	struct lane *lane;
	int retired_count;
	struct process *retired;
	struct pollfd *fds;
	bool cut, killed;
};

/* Those in lanes, then those who retire; some places are empty. */
static int process_count(const struct supervisor *supervisor)
{
	return supervisor->count + supervisor->retired_count;
}

static struct process *process_at(struct supervisor *supervisor, int i)
{
	return i < supervisor->count ? &supervisor->lane[i].now
				     : &supervisor->retired[i - supervisor->count];
}

/* ------------------------------------------------------------------------- in the worker */

/* Of one worker: it retires.  What the terminal sends to all, the supervisor minds. */
static void told(int number, void *ctx)
{
	if (number == SIGTERM)
		hark__worker_retire(ctx);
}

static void close_siblings(struct supervisor *supervisor)
{
	for (int i = 0; i < process_count(supervisor); i++) {
		const struct process *process = process_at(supervisor, i);

		if (process->pid && process->pidfd >= 0)
			(void)sys_close(process->pidfd); /* copies */
	}
}

static int serve(struct hark__worker *worker, int lane, struct hark_error *err)
{
	const struct hark_server_options *options = &worker->server->options;
	int done = worker->retire_fd = hark_wake_create(err);

	if (done >= 0 && options->mind_signals == HARK_ON)
		done = hark__signals_take_all(
			told, worker, options->successor != NULL, err);
	if (done >= 0 && options->pin_cpus == HARK_ON)
		(void)sys_pin((unsigned)lane); /* then it is not pinned */
	if (done >= 0)
		done = hark__worker_run(worker, err);
	return done;
}

/* The exit status says nothing but that. */
static _Noreturn void fail(struct hark_server *server, const struct hark_error *why)
{
	HARK__TELL(
		server, .kind = HARK_EVENT_FAILED, .pid = sys_getpid(), .error = why);
	sys_exit(1);
}

/* Never returns to what was before the fork. */
static _Noreturn void be_worker(
	struct supervisor *supervisor, int lane, struct hark__row *row, pid_t parent)
{
	struct hark_server *server = supervisor->server;
	struct hark__worker *worker;
	int parent_fd = hark__above_stdio(sys_pidfd_open(parent));
	struct hark_error why;
	int done;

	close_siblings(supervisor);
	hark__attend_let_go(&server->attending);
	hark__notify_let_go(server);
	hark__handover_let_go(server);
	if (sys_getppid() != parent)
		sys_exit(0);
	done = hark__worker_make(&worker, server, row, parent_fd, &why);
	if (done == 0)
		done = serve(worker, lane, &why);
	if (done < 0)
		fail(server, &why);
	sys_exit(0);
}

/* ---------------------------------------------------------------------------- starting */

static int delay_ms(int short_lives)
{
	int ms = FIRST_DELAY_MS;

	if (short_lives <= 1)
		return 0;
	while (--short_lives > 1 && ms < LONGEST_DELAY_MS)
		ms *= 2;
	return ms < LONGEST_DELAY_MS ? ms : LONGEST_DELAY_MS;
}

static void retry_later(struct lane *lane)
{
	lane->short_lives++;
	lane->start_ms = hark__deadline(delay_ms(lane->short_lives + 1));
}

static void tell_failed(struct hark_server *server, int code)
{
	struct hark_error why;

	(void)HARK__FAIL(&why, .step = HARK_STEP_SERVE, .code = code); /* told */
	HARK__TELL(server, .kind = HARK_EVENT_FAILED, .error = &why);
}

static void start(struct supervisor *supervisor, int i)
{
	struct hark_server *server = supervisor->server;
	struct lane *lane = &supervisor->lane[i];
	struct hark__row *row = hark__board_take_row(server->board);
	pid_t parent = sys_getpid();
	pid_t pid = row ? sys_fork() : -EAGAIN; /* rows are there for all who retire */

	if (pid == 0)
		be_worker(supervisor, i, row, parent);
	if (pid < 0) {
		if (row)
			row->pid = 0;
		tell_failed(server, pid);
		retry_later(lane);
		return;
	}
	row->pid = pid;
	lane->now = (struct process){.pid = pid,
		.pidfd = hark__above_stdio(sys_pidfd_open(pid)),
		.started_ms = hark__now_ms(),
		.row = row};
	server->board->workers++;
	HARK__TELL(server, .kind = HARK_EVENT_WORKER_STARTED, .pid = pid);
}

static void start_due(struct supervisor *supervisor)
{
	for (int i = 0; i < supervisor->count; i++) {
		struct lane *lane = &supervisor->lane[i];

		if (!lane->now.pid && !lane->given_up &&
			hark__left_ms(lane->start_ms) == 0)
			start(supervisor, i);
	}
}

/* -------------------------------------------------------------------------------- ends */

static bool has_ended(struct process *process, int *status)
{
	pid_t ended;

	*status = 0;
	if (!process->pid)
		return false;
	ended = sys_wait(process->pid, status, false);
	return ended > 0 || ended == -ECHILD; /* SIGCHLD may be ignored */
}

/*
 * What a worker had when it died is lost.  When it was killed at the end, or ended though
 * handlers did not, these were cut, and stuck; of the latter it has told itself.  The status
 * is not known where SIGCHLD is ignored: who dies does not drain before.
 */
static void count_lost(struct supervisor *supervisor, unsigned open, unsigned stuck,
	int status, bool drained)
{
	struct hark__board *board = supervisor->server->board;

	if (!supervisor->killed && (status != 0 || !drained)) {
		board->lost += open;
		return;
	}
	hark__count(&board->gone.ended[HARK_ENDED_CUT], open);
	board->stuck += stuck > 0 ? stuck : status != 0 ? open : 0;
}

static void bury(struct supervisor *supervisor, struct process *process, int status)
{
	struct hark_server *server = supervisor->server;
	int number = (int)(process->row - server->board->row);
	bool drained = process->row->drains;
	unsigned stuck = process->row->stuck, open;

	if (server->hosts)
		hark__hosts_forget(server->hosts, number);
	open = hark__board_take_back(server->board, process->row);
	count_lost(supervisor, open, stuck, status, drained);
	server->board->workers--;
	if (process->pidfd >= 0)
		(void)sys_close(process->pidfd); /* of a process */
	HARK__TELL(server, .kind = HARK_EVENT_WORKER_ENDED, .pid = process->pid,
		.status = status);
	process->pid = 0;
}

static void give_up(struct supervisor *supervisor, struct lane *lane, int status)
{
	lane->given_up = true;
	HARK__TELL(supervisor->server, .kind = HARK_EVENT_WORKER_GIVEN_UP,
		.status = status);
}

static void restart(struct supervisor *supervisor, struct lane *lane)
{
	supervisor->server->board->restarts++;
	lane->short_lives = lane->births = 0;
	lane->start_ms = 0;
}

static void restart_after_death(
	struct supervisor *supervisor, struct lane *lane, bool early, bool served)
{
	supervisor->server->board->restarts++;
	lane->short_lives = early ? lane->short_lives + 1 : 0;
	lane->births = early && !served ? lane->births + 1 : 0;
	lane->start_ms = hark__deadline(delay_ms(lane->short_lives));
}

static void lane_ended(struct supervisor *supervisor, struct lane *lane, int status)
{
	bool early = hark__now_ms() - lane->now.started_ms < SHORT_LIFE_MS;
	bool served = lane->now.row->tally.accepted > 0;
	bool retired = lane->now.row->retires && status == 0;

	bury(supervisor, &lane->now, status);
	if (hark__stops(supervisor->server))
		return;
	if (retired)
		restart(supervisor, lane);
	else
		restart_after_death(supervisor, lane, early, served);
	if (lane->births >= GIVE_UP_AFTER)
		give_up(supervisor, lane, status);
}

/* Where too many retire already it is replaced when it ends. */
static void move_aside(struct supervisor *supervisor, struct lane *lane)
{
	for (int i = 0; i < supervisor->retired_count; i++) {
		if (supervisor->retired[i].pid)
			continue;
		supervisor->retired[i] = lane->now;
		lane->now.pid = 0;
		restart(supervisor, lane);
		return;
	}
}

static void look(struct supervisor *supervisor)
{
	int status;

	for (int i = 0; i < supervisor->retired_count; i++)
		if (has_ended(&supervisor->retired[i], &status))
			bury(supervisor, &supervisor->retired[i], status);
	for (int i = 0; i < supervisor->count; i++) {
		struct lane *lane = &supervisor->lane[i];

		if (has_ended(&lane->now, &status))
			lane_ended(supervisor, lane, status);
		else if (lane->now.pid && lane->now.row->retires &&
			 !hark__stops(supervisor->server))
			move_aside(supervisor, lane);
	}
}

/* --------------------------------------------------------------------------------- stop */

static bool all_drain(const struct supervisor *supervisor)
{
	for (int i = 0; i < supervisor->count; i++)
		if (supervisor->lane[i].now.pid && !supervisor->lane[i].now.row->drains)
			return false;
	return true;
}

static void begin_drain(struct hark_server *server)
{
	struct hark_quiesce_report report;

	hark__quiesce_end(server, &report); /* the last copies are closed */
	hark__set_state(server, HARK_SERVER_DRAINING);
	HARK__TELL(server, .kind = HARK_EVENT_DRAINING, .pid = sys_getpid(),
		.open = hark__board_open(server->board, false), .queued = report.lost,
		.quiesce = &report);
}

static void kill_all(struct supervisor *supervisor)
{
	supervisor->killed = true;
	for (int i = 0; i < process_count(supervisor); i++)
		if (process_at(supervisor, i)->pid)
			sys_kill(process_at(supervisor, i)->pid, SIGKILL);
}

/* Workers cut by themselves at the same moment; who does not end then is stuck. */
static void mind_deadline(struct supervisor *supervisor)
{
	int64_t cut_ms = hark__cut_ms(supervisor->server);

	if (supervisor->killed || cut_ms == HARK__NEVER)
		return;
	if (hark__left_ms(cut_ms + GRACE_MS) == 0)
		kill_all(supervisor);
}

static void mind_stop(struct supervisor *supervisor)
{
	struct hark_server *server = supervisor->server;

	if (hark__stops(server))
		hark__quiesce_begin(server);
	if (server->stopping && server->board->state == HARK_SERVER_QUIESCING &&
		all_drain(supervisor))
		begin_drain(server);
	if (server->stopping)
		mind_deadline(supervisor);
}

/* ------------------------------------------------------------------------------- waiting */

static nfds_t gather(struct supervisor *supervisor, bool *blind)
{
	struct hark_server *server = supervisor->server;
	struct pollfd *fds = supervisor->fds;
	nfds_t count = 0;

	fds[count++] = (struct pollfd){server->notice_fd, POLLIN, 0};
	fds[count++] =
		(struct pollfd){supervisor->cut ? -1 : server->cut_fd, POLLIN, 0};
	fds[count++] = (struct pollfd){server->attending.fd, POLLIN, 0};
	for (int i = 0; i < process_count(supervisor); i++) {
		const struct process *process = process_at(supervisor, i);

		if (!process->pid)
			continue;
		*blind |= process->pidfd < 0;
		fds[count++] = (struct pollfd){process->pidfd, POLLIN, 0};
	}
	return count;
}

static int64_t next_moment(const struct supervisor *supervisor, bool blind)
{
	int64_t next = HARK__NEVER, cut_ms = hark__cut_ms(supervisor->server);

	for (int i = 0; i < supervisor->count && !supervisor->server->stopping; i++) {
		const struct lane *lane = &supervisor->lane[i];

		if (!lane->now.pid && !lane->given_up)
			next = hark__earlier(next, lane->start_ms);
	}
	if (supervisor->server->stopping && !supervisor->killed &&
		cut_ms != HARK__NEVER)
		next = hark__earlier(next, cut_ms + GRACE_MS);
	return blind ? hark__earlier(next, hark__deadline(LOOK_MS)) : next;
}

/* The rules are read here as well, for workers to come; those that run tell of it. */
static void notice(struct hark_server *server)
{
	struct hark_error unsaid;

	(void)hark_wake_clear(server->notice_fd); /* an eventfd */
	(void)hark__reload(server, &unsaid);
}

static void wait_for_something(struct supervisor *supervisor)
{
	bool blind = false;
	nfds_t count = gather(supervisor, &blind);
	int left_ms = hark__left_ms(next_moment(supervisor, blind));

	(void)sys_poll(supervisor->fds, count, left_ms); /* failed: look anyway */
	if (supervisor->fds[0].revents)
		notice(supervisor->server);
	if (supervisor->fds[1].revents)
		supervisor->cut =
			true; /* it stays readable; its time is on the board */
	if (supervisor->fds[2].revents)
		hark__attend_look(&supervisor->server->attending);
}

static bool is_over(struct supervisor *supervisor)
{
	for (int i = 0; i < process_count(supervisor); i++)
		if (process_at(supervisor, i)->pid)
			return false;
	for (int i = 0; i < supervisor->count && !supervisor->server->stopping; i++)
		if (!supervisor->lane[i].given_up)
			return false;
	return true;
}

/* -------------------------------------------------------------------------------- run */

static int supervise(struct supervisor *supervisor, struct hark_error *err)
{
	struct hark_server *server = supervisor->server;

	hark__set_state(server, HARK_SERVER_SERVING);
	HARK__TELL(server, .kind = HARK_EVENT_SERVING, .pid = sys_getpid());
	start_due(supervisor);
	while (!is_over(supervisor)) {
		wait_for_something(supervisor);
		look(supervisor);
		mind_stop(supervisor);
		if (!supervisor->server->stopping)
			start_due(supervisor);
	}
	HARK__TELL(server, .kind = HARK_EVENT_DRAINED, .pid = sys_getpid(),
		.open = hark__board_cut(server->board) - server->board->cut_before);
	if (supervisor->server->stopping)
		return 0;
	return HARK__FAIL(err, .step = HARK_STEP_SERVE, .code = -ECHILD,
		.cause = HARK_CAUSE_WORKERS_DIED, .limit = GIVE_UP_AFTER);
}

static bool make(struct supervisor *supervisor, int count)
{
	int all;

	supervisor->count = count;
	supervisor->retired_count = (HARK__ROWS_EACH - 1) * count;
	all = process_count(supervisor);
	supervisor->lane = calloc((size_t)count, sizeof(*supervisor->lane));
	supervisor->retired = calloc((size_t)all, sizeof(*supervisor->retired));
	supervisor->fds = calloc(3 + (size_t)all, sizeof(*supervisor->fds));
	return supervisor->lane && supervisor->retired && supervisor->fds;
}

int hark__supervise(struct hark_server *server, struct hark_error *err)
{
	struct supervisor supervisor = {.server = server};
	int done;

	if (make(&supervisor, server->options.workers))
		done = hark__begin(server, err);
	else
		done = HARK__FAIL(err, .step = HARK_STEP_SERVE, .code = -ENOMEM);
	if (done > 0)
		done = supervise(&supervisor, err);
	free(supervisor.fds);
	free(supervisor.retired);
	free(supervisor.lane);
	return done;
}
