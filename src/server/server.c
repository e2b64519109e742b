/* SPDX-License-Identifier: MIT
 *
 * The server: made, given listeners, run once, stopped from anywhere, destroyed.  Not here:
 * how connections are served (worker.c, the models), who replaces workers (supervisor.c).
 * Floor 4.
 *
 * Invariant: what is shared by its processes is made at create, so that stop, pause, reload
 * and snapshot may be called at any time between create and destroy.
 */
#include "server/server.h"

#include "base/clock.h"
#include "base/error.h"
#include "server/model.h"
#include "server/options.h"
#include "server/rules.h"
#include "server/stop.h"
#include "server/supervisor.h"
#include "server/worker.h"
#include "socket/listener.h"
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
		&server->cut_fd, &server->notice_fd};

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
		server->cut_fd, server->notice_fd};

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

static void free_all(struct hark_server *server)
{
	hark__rules_free(server->rules);
	free(server->inherited_memory);
	if (server->hosts_memory)
		sys_unmap(server->hosts_memory, server->hosts_bytes);
	if (server->board)
		hark__board_unmake(server->board);
	hark__attend_unmake(&server->attending);
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
	if (done == 0)
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
	server->attending.fd = -1;
	if (make(server, err) == 0)
		return server;
	free_all(server);
	return NULL;
}

/* ---------------------------------------------------------------------------- listeners */

static int busy(const char *option, struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_SERVE, .code = -EBUSY,
		.cause = HARK_CAUSE_RUNS_ALREADY, .option = option);
}

static bool has_begun(const struct hark_server *server)
{
	return server->running || server->board->state != HARK_SERVER_OPENING;
}

static int be_patient(int fd, const struct hark_addr *addr, void *ctx)
{
	const struct hark_listen_options *given = ctx;

	if (hark_addr_family(addr) != AF_UNIX) /* failed: each connection does it */
		(void)hark__set_moment(fd, SO_RCVTIMEO, HARK__CONN_PATIENCE_MS);
	if (!given->before_bind)
		return 0;
	return given->before_bind(fd, addr, given->before_bind_ctx);
}

/*
 * How long recv(2) waits (conn_blocking.c) is inherited from a TCP listener, which spares
 * each connection a call; set before the first client can come.
 */
static int add_listeners(struct hark_server *server, struct hark_listener_set *set,
	const char *text, const struct hark_listen_options *options,
	struct hark_error *err)
{
	struct hark_listen_options given = {0}, ours;

	if (options)
		given = *options;
	ours = given;
	if (server->handler) {
		ours.before_bind = be_patient;
		ours.before_bind_ctx = &given;
	}
	return hark_listener_set_add(set, text, &ours, err);
}

/* Whether all of them have it, those that others made included. */
static bool are_patient(const struct hark_server *server)
{
	struct timeval moment = {0};
	socklen_t length = sizeof(moment);

	for (size_t i = 0; i < server->count; i++)
		if (sys_getsockopt(server->listener[i].fd, SOL_SOCKET, SO_RCVTIMEO,
			    &moment, &length) < 0 ||
			moment.tv_sec != 0 ||
			moment.tv_usec != HARK__CONN_PATIENCE_MS * 1000)
			return false;
	return true;
}

int hark_server_listen(struct hark_server *server, const char *text,
	const struct hark_listen_options *options, struct hark_error *err)
{
	struct hark_listener_set set;
	int added;

	if (has_begun(server))
		return busy("listen", err);
	memcpy(set.listener, server->listener, sizeof(set.listener));
	set.count = server->count;
	set.verdict_count = 0;
	added = add_listeners(server, &set, text, options, err);
	if (added < 0)
		return added;
	memcpy(server->listener, set.listener, sizeof(set.listener));
	server->count = set.count;
	return added;
}

int hark_server_adopt(struct hark_server *server, struct hark_listener *listener,
	struct hark_error *err)
{
	if (has_begun(server))
		return busy("adopt", err);
	if (listener->origin == HARK_ORIGIN_NONE)
		return HARK__FAIL(err, .step = HARK_STEP_ADOPT, .code = -EINVAL,
			.cause = HARK_CAUSE_NOT_LISTENING);
	if (server->count == HARK_SET_MAX)
		return HARK__FAIL(err, .step = HARK_STEP_ADOPT, .code = -E2BIG,
			.cause = HARK_CAUSE_TOO_MANY, .limit = HARK_SET_MAX);
	server->listener[server->count++] = *listener;
	*listener = (struct hark_listener){0};
	return 0;
}

const struct hark_listener *hark_server_listener(
	const struct hark_server *server, size_t i)
{
	return i < server->count ? &server->listener[i] : NULL;
}

static unsigned queue_of(const struct hark_listener *listener)
{
	struct hark_queue queue;

	if (!hark__is_ours(listener) ||
		hark_queue_read(listener->fd, &queue, sizeof(queue), NULL) < 0)
		return 0;
	return queue.length;
}

unsigned hark__close_listeners(struct hark_server *server)
{
	struct hark_error why;
	unsigned queued = 0;

	for (size_t i = 0; i < server->count && !server->closed; i++) {
		queued += queue_of(&server->listener[i]);
		if (hark_listener_close_now(&server->listener[i], &why) < 0)
			HARK__TELL(server, .kind = HARK_EVENT_FAILED,
				.pid = sys_getpid(), .error = &why);
	}
	server->closed = true;
	return queued;
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
		(void)hark_server_reload(server); /* eventfds of ours, both */
	else
		(void)hark_server_stop(server);
}

static void tell_listeners(struct hark_server *server)
{
	for (size_t i = 0; i < server->count; i++)
		HARK__TELL(server, .kind = HARK_EVENT_LISTENING, .pid = sys_getpid(),
			.local = &server->listener[i].addr);
}

static int serve_alone(struct hark_server *server, struct hark_error *err)
{
	struct hark__row *row = hark__board_take_row(server->board);
	int done = hark__worker_make(&server->worker, server, row, -1, err);

	if (done < 0)
		return done;
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

static int serve(struct hark_server *server, struct hark_error *err)
{
	bool minds = server->options.mind_signals == HARK_ON;
	int done = read_rules(server, err);

	if (done == 0 && minds)
		done = hark__signals_take_all(told, server, err);
	if (done < 0)
		return done;
	done = hark__stop_attend(server, err);
	if (done == 0) {
		server->patient = are_patient(server);
		hark__notify_begin(server);
		tell_listeners(server);
		done = server->options.workers ? hark__supervise(server, err)
					       : serve_alone(server, err);
		hark__stop_attend_no_more(server);
	}
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
		return busy("run", err);
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
