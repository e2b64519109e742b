/* SPDX-License-Identifier: MIT
 *
 * The server: made, run once, destroyed.  Not here: its listeners (listeners.c), what may be
 * asked of it meanwhile (control.c), how connections are served (worker.c, the models), who
 * replaces workers (supervisor.c).  Floor 4.
 *
 * Invariant: what is shared by its processes is made at create, so that stop, pause, reload
 * and snapshot may be called at any time between create and destroy.
 */
#include "server/server.h"

#include "base/error.h"
#include "server/model.h"
#include "server/options.h"
#include "server/overload.h"
#include "server/rules.h"
#include "server/stop.h"
#include "server/supervisor.h"
#include "server/worker.h"
#include "socket/signals.h"
#include "sys/sys.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------- create */

static unsigned rows_for(const struct hark_server_options *options)
{
	return options->workers ? HARK__ROWS_EACH * (unsigned)options->workers : 1;
}

static int open_fds(struct hark_server *server, struct hark_error *err)
{
	int *const fds[] = {&server->stop_fd, &server->lame_fd, &server->closing_fd,
		&server->cut_fd, &server->notice_fd, &server->handover.asked_fd,
		&server->overload_fd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		*fds[i] = hark_wake_create(err);
		if (*fds[i] < 0)
			return *fds[i];
	}
	return 0;
}

static void close_fds(const struct hark_server *server)
{
	const int fds[] = {server->stop_fd, server->lame_fd, server->closing_fd,
		server->cut_fd, server->notice_fd, server->handover.asked_fd,
		server->overload_fd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)sys_close(fds[i]); /* an eventfd */
}

static struct hark__hosts_limits limits_of(const struct hark_server_options *options)
{
	return (struct hark__hosts_limits){.per_address = options->max_per_address,
		.per_prefix = options->max_per_prefix,
		.prefix_v4 = options->prefix_v4,
		.prefix_v6 = options->prefix_v6,
		.rate = options->rate,
		.rate_ms = options->rate_ms,
		.rate_burst = options->rate_burst};
}

/* Programs are told how many connections their client has: there it is always counted. */
static int make_hosts(struct hark_server *server, struct hark_error *err)
{
	struct hark__hosts_limits limits = limits_of(&server->options);
	int most = server->options.max_connections + HARK_SET_MAX;
	int done;

	if (!hark__hosts_wanted(&limits) && server->options.model != HARK_MODEL_SPAWN)
		return 0;
	server->hosts_bytes = hark__hosts_bytes(most);
	done = sys_map_shared(server->hosts_bytes, &server->hosts_memory);
	if (done < 0)
		return HARK__FAIL(err, .step = HARK_STEP_SERVE, .code = done);
	server->hosts =
		hark__hosts_make(server->hosts_memory, &limits, most, sys_random());
	if (!server->hosts)
		return HARK__FAIL(err, .step = HARK_STEP_SERVE, .code = -ENOMEM);
	return 0;
}

/* Private to each process: it writes a connection's variables behind the rest. */
static int inherit(struct hark_server *server, struct hark_error *err)
{
	const struct hark_program *program = server->options.program;
	size_t bytes;

	if (!program)
		return 0;
	bytes = hark__inherited_bytes(program);
	server->inherited_memory = malloc(bytes);
	if (!server->inherited_memory)
		return HARK__FAIL(err, .step = HARK_STEP_SERVE, .code = -ENOMEM);
	hark__inherit(&server->inherited, program, server->inherited_memory, bytes);
	return 0;
}

static void free_names(struct hark_server *server)
{
	for (size_t i = 0; i < server->count; i++)
		free(server->name[i]);
	for (size_t i = 0; i < server->handover.kept_count; i++)
		free(server->handover.kept[i].name);
}

static void free_all(struct hark_server *server)
{
	free_names(server);
	hark__rules_free(server->rules);
	free(server->inherited_memory);
	if (server->hosts_memory)
		sys_unmap(server->hosts_memory, server->hosts_bytes);
	if (server->board)
		hark__board_unmake(server->board);
	hark__attend_unmake(&server->attending);
	if (server->handover.done)
		(void)sys_close(server->handover.link_fd); /* a socket of ours */
	close_fds(server);
	free(server);
}

static int make(struct hark_server *server, struct hark_error *err)
{
	int done = open_fds(server, err);

	if (done == 0)
		done = hark__attend_make(&server->attending, err);
	if (done == 0)
		done = hark__board_make(
			&server->board, rows_for(&server->options), err);
	if (done < 0)
		return done;
	server->board->overload_fd = server->options.overload == HARK_OVERLOAD_GATE
					     ? server->overload_fd
					     : -1;
	done = make_hosts(server, err);
	return done < 0 ? done : inherit(server, err);
}

struct hark_server *hark_server_create(const struct hark_server_options *options,
	hark_handler *handler, void *ctx, struct hark_error *err)
{
	struct hark_server_options filled;
	struct hark_server *server;

	if (hark__server_options(&filled, options, handler != NULL, err) < 0)
		return NULL;
	server = calloc(1, sizeof(*server));
	if (!server) {
		(void)HARK__FAIL(err, .step = HARK_STEP_SERVE, .code = -ENOMEM);
		return NULL;
	}
	server->options = filled;
	server->handler = handler;
	server->ctx = ctx;
	server->model = hark__model_of(filled.model);
	(void)pthread_rwlock_init(&server->rules_lock, NULL); /* cannot fail on Linux */
	server->stop_fd = server->lame_fd = server->closing_fd = -1;
	server->cut_fd = server->notice_fd = server->look_fd = -1;
	server->attending.fd = server->handover.asked_fd = server->overload_fd = -1;
	if (make(server, err) == 0)
		return server;
	free_all(server);
	return NULL;
}

/* --------------------------------------------------------------------------------- run */

void hark__tell(struct hark_server *server, const struct hark_server_event *event)
{
	struct hark_server_event told = *event;

	if (server->notifier.owner)
		hark__notify_event(server, event->kind);
	if (!server->options.on_event)
		return;
	if (told.pid == 0)
		told.pid = sys_getpid();
	server->options.on_event(&told, server->options.event_ctx);
}

void hark__set_state(struct hark_server *server, enum hark_server_state state)
{
	server->board->state = (int)state;
}

static void told(int number, void *ctx)
{
	struct hark_server *server = ctx;

	if (number == SIGHUP)
		(void)hark_server_reload(server); /* eventfds of ours, all */
	else if (number == SIGUSR2)
		(void)hark_server_upgrade(server);
	else
		(void)hark_server_stop(server);
}

static void tell_listeners(struct hark_server *server)
{
	for (size_t i = 0; i < server->count; i++)
		HARK__TELL(server, .kind = HARK_EVENT_LISTENING, .pid = sys_getpid(),
			.local = &server->listener[i].addr);
}

int hark__begin(struct hark_server *server, struct hark_error *err)
{
	int done = hark__succeed(server, err);

	if (done <= 0)
		return done;
	hark__notify_begin(server);
	tell_listeners(server);
	return done;
}

static int serve_alone(struct hark_server *server, struct hark_error *err)
{
	struct hark__row *row = hark__board_take_row(server->board);
	int done = hark__worker_make(&server->worker, server, row, -1, err);

	if (done < 0)
		return done;
	done = hark__begin(server, err);
	if (done > 0)
		done = hark__worker_run(server->worker, err);
	if (hark__worker_unmake(server->worker))
		server->worker = NULL;
	return done;
}

/* Before any process: a mistake in the file is told here, once. */
static int read_rules(struct hark_server *server, struct hark_error *err)
{
	server->reloads = server->board->reloads;
	if (!server->options.rules_file)
		return 0;
	return hark__rules_read(&server->rules, server->options.rules_file, err);
}

static int attend_and_serve(struct hark_server *server, struct hark_error *err)
{
	int done = hark__stop_attend(server, err);

	if (done < 0)
		return done;
	done = hark__handover_attend(server, err);
	server->patient = hark__are_patient(server, HARK__CONN_PATIENCE_MS);
	server->endless = hark__are_patient(server, 0);
	if (done == 0)
		done = hark__overload_attend(server, err);
	if (done == 0)
		done = server->options.workers ? hark__supervise(server, err)
					       : serve_alone(server, err);
	hark__handover_end(server);
	hark__overload_attend_no_more(server);
	hark__stop_attend_no_more(server);
	return done;
}

static int serve(struct hark_server *server, struct hark_error *err)
{
	bool minds = server->options.mind_signals == HARK_ON;
	int done = read_rules(server, err);

	if (done == 0 && minds)
		done = hark__signals_take_all(
			told, server, server->options.successor != NULL, err);
	if (done < 0)
		return done;
	done = attend_and_serve(server, err);
	if (minds)
		hark__signals_release();
	return done;
}

/* For one thread, once: the state is looked at when nobody else can be in between. */
static bool claim(struct hark_server *server)
{
	if (atomic_exchange(&server->running, true))
		return false;
	if (server->board->state == HARK_SERVER_OPENING)
		return true;
	server->running = false;
	return false;
}

int hark_server_run(struct hark_server *server, struct hark_error *err)
{
	int done;

	if (server->count == 0)
		return HARK__FAIL(err, .step = HARK_STEP_SERVE, .code = -EINVAL,
			.cause = HARK_CAUSE_NO_LISTENER);
	if (!claim(server))
		return hark__busy("run", err);
	done = serve(server, err);
	(void)hark__close_listeners(
		server); /* told by now, or it did not come so far */
	hark__notify_end(server);
	hark__set_state(server, HARK_SERVER_ENDED);
	server->running = false;
	return done;
}

int hark_server_destroy(struct hark_server *server)
{
	if (!server)
		return 0;
	if (server->running)
		return -EBUSY;
	if (server->worker && !hark__worker_unmake(server->worker))
		return -EBUSY;
	(void)hark__close_listeners(server); /* it never ran */
	free_all(server);
	return 0;
}
