/*
 * The fault sweep: a server from create to destroy, as far as it has one thread.
 *
 * Not here: the calls of a handler (sweep_conn.c); threads, workers, and whatever happens
 * while a server runs (test_server_faults.c).
 */
#include "sweep_scenarios.h"

#include <errno.h>
#include <hark_server.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "manager.h"
#include "net.h"

static struct hark_server *server;
static struct hark_server_options options;
static struct hark_listener listener;
static int client;

static void handle(struct hark_conn *conn, void *ctx)
{
	(void)conn, (void)ctx;
}

/* ---------------------------------------------------------------------- create, destroy */

static void want_server(void)
{
	server = NULL;
	options = (struct hark_server_options){.model = HARK_MODEL_FORK,
		.max_per_address = 2,
		.quiesce = HARK_QUIESCE_UNTIL_EMPTY};
}

/* It returns no code of its own. */
static long long create(struct hark_error *err)
{
	struct hark_error why;

	server = CALLED(hark_server_create)(&options, handle, NULL, &why);
	if (server)
		return 0;
	if (err)
		*err = why;
	return why.code;
}

static void check_created(long long result)
{
	CHECK_INT(server == NULL, ==, result < 0);
}

static void destroy(void)
{
	CHECK_OK(hark_server_destroy(server));
}

const struct scenario sweep_server_create = {
	.prepare = want_server,
	.body = create,
	.check = check_created,
	.clean = destroy,
	.reaches = REACHES(EVENTFD) | REACHES(MAP) | REACHES(EPOLL),
};

const struct scenario sweep_server_create_on_stdin = {
	.prepare = want_server,
	.body = create,
	.check = check_created,
	.clean = destroy,
	.reaches = REACHES(EVENTFD) | REACHES(MAP) | REACHES(EPOLL) | REACHES(DUP) |
		   REACHES(CLOSE),
	.exceptions = {{HARK__CALL_CLOSE, ANY, 0, 0},
		{HARK__CALL_DUP, EINVAL, 0, -EMFILE}},
	.stdin_is_free = true,
};

static void have_server(void)
{
	want_server();
	server = hark_server_create(&options, handle, NULL, NULL);
	CHECK(server != NULL);
}

static long long destroy_it(struct hark_error *err)
{
	(void)err;
	return CALLED(hark_server_destroy)(server);
}

/* Whatever close(2) says, all is released. */
const struct scenario sweep_server_destroy = {
	.prepare = have_server,
	.body = destroy_it,
	.reaches = REACHES(CLOSE),
	.exceptions = {{HARK__CALL_CLOSE, ANY, 0, 0}},
	.without_error = true,
	.releases = true,
};

/* ---------------------------------------------------------------------------- listeners */

/* An abstract name asks the least of the kernel; the rest is swept with sets. */
static long long listen_it(struct hark_error *err)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "unix:@%s/server", temp_directory());
	return CALLED(hark_server_listen)(server, text, NULL, err);
}

static void check_listener(long long result)
{
	CHECK_INT(hark_server_listener(server, 0) == NULL, ==, result < 0);
}

const struct scenario sweep_server_listen = {
	.prepare = have_server,
	.body = listen_it,
	.check = check_listener,
	.clean = destroy,
	.reaches = REACHES(SOCKET) | REACHES(BIND) | REACHES(GETSOCKNAME) |
		   REACHES(GETSOCKOPT) | REACHES(GETFL) | REACHES(LISTEN) |
		   REACHES(OPEN) | REACHES(READ) | REACHES(CLOSE),
	.exceptions =
		{
			{HARK__CALL_GETSOCKOPT, ANY, 2, 0},
			{HARK__CALL_OPEN, ANY, 1, 0},
			{HARK__CALL_READ, ANY, 1, 0},
			{HARK__CALL_CLOSE, ANY, 1, 0},
		},
};

static void have_listener(void)
{
	struct hark_addr addr;

	have_server();
	CHECK_OK(hark_addr_parse(&addr, "127.0.0.1:0", NULL));
	CHECK_OK(hark_listener_open(&listener, &addr, NULL, NULL));
}

/* What makes no system call. */
static long long adopt(struct hark_error *err)
{
	int kept = CALLED(hark_server_hand_down)(server, &listener, "kept", err);
	int adopted = CALLED(hark_server_adopt)(server, &listener, err);

	CHECK_INT(kept, ==, 0);
	CHECK_INT(CALLED(hark_server_adopt_as)(server, &listener, "none", NULL), ==,
		-EINVAL);
	CHECK(!CALLED(hark_is_successor)());
	CHECK(CALLED(hark_server_listener)(server, 0) != NULL);
	CHECK_INT(CALLED(hark_server_state)(server), ==, HARK_SERVER_OPENING);
	CHECK_STR(CALLED(hark_model_name)(HARK_MODEL_FORK), "fork");
	CHECK_INT(CALLED(hark_model_parse)("fork"), ==, HARK_MODEL_FORK);
	return adopted;
}

const struct scenario sweep_server_adopt = {
	.prepare = have_listener,
	.body = adopt,
	.clean = destroy,
	.reaches = 0,
};

/* ------------------------------------------------------------------------------ control */

static long long stop(struct hark_error *err)
{
	(void)err;
	return CALLED(hark_server_stop)(server);
}

const struct scenario sweep_server_stop = {
	.prepare = have_server,
	.body = stop,
	.clean = destroy,
	.reaches = REACHES(WRITE),
	.exceptions = {{HARK__CALL_WRITE, EAGAIN, 1, 0},
		{HARK__CALL_WRITE, EINTR, 0, 0}},
	.without_error = true,
};

static long long snapshot(struct hark_error *err)
{
	struct hark_server_stats stats;

	(void)err;
	return CALLED(hark_server_snapshot)(server, &stats, sizeof(stats));
}

const struct scenario sweep_server_snapshot = {
	.prepare = have_server,
	.body = snapshot,
	.clean = destroy,
	.reaches = REACHES(GETRLIMIT),
	.exceptions = {{HARK__CALL_GETRLIMIT, ANY, 1, 0}},
	.without_error = true,
};

/* ------------------------------------------------------------------------------- attend */

static void unattended(int fd, void *ctx)
{
	(void)fd, (void)ctx;
}

static void have_server_and_wake(void)
{
	have_server();
	client = hark_wake_create(NULL);
	CHECK_INT(client, >=, 0);
}

static long long attend(struct hark_error *err)
{
	return CALLED(hark_server_attend)(server, client, unattended, NULL, err);
}

static void check_attended(long long result)
{
	CHECK_INT(CALLED(hark_server_attend_no_more)(server, client), ==,
		result < 0 ? -ENOENT : 0);
}

static void clean_attended(void)
{
	CHECK_OK(hark_close(client, NULL));
	destroy();
}

const struct scenario sweep_server_attend = {
	.prepare = have_server_and_wake,
	.body = attend,
	.check = check_attended,
	.clean = clean_attended,
	.reaches = REACHES(EPOLL_ADD),
};

/* ---------------------------------------------------------------------------------- run */

/* In its process: whoever serves at that moment looks around. */
static void control(const struct hark_server_event *event, void *ctx)
{
	(void)ctx;
	if (event->kind != HARK_EVENT_SERVING)
		return;
	(void)CALLED(hark_server_pause)(server);  /* 0, whatever the wake says */
	(void)CALLED(hark_server_resume)(server); /* likewise */
	(void)CALLED(hark_server_reload)(server); /* no rules: -EINVAL */
}

/* With one client in the queue, and told to stop: it serves that one, and ends. */
static void stopped_with(hark_handler *handler)
{
	options.on_event = control;
	server = hark_server_create(&options, handler, NULL, NULL);
	CHECK(server != NULL);
	CHECK_INT(hark_server_listen(server, "127.0.0.1:0", NULL, NULL), ==, 1);
	client = net_connect(net_local(hark_server_listener(server, 0)->fd));
	net_wait_queue(hark_server_listener(server, 0)->fd, 1);
	CHECK_SYS(shutdown(client, SHUT_WR));
	CHECK_OK(hark_server_stop(server));
}

static void stopped(void)
{
	want_server();
	stopped_with(handle);
}

static long long run(struct hark_error *err)
{
	return CALLED(hark_server_run)(server, err);
}

static void clean_run(void)
{
	net_close(client);
	destroy();
}

/* Whatever happened to the client, nobody is left, nor counted as being there. */
static void check_empty(long long result)
{
	struct hark_server_stats stats;

	(void)result;
	CHECK_OK(hark_server_snapshot(server, &stats, sizeof(stats)));
	CHECK_INT(stats.open, ==, 0);
	CHECK_INT(stats.lingering, ==, 0);
	CHECK_INT(stats.state, ==, HARK_SERVER_ENDED);
}

#define RUNS                                                                          \
	(REACHES(EPOLL) | REACHES(EPOLL_ADD) | REACHES(EPOLL_WAIT) | REACHES(TIMER) | \
		REACHES(TIMER_SET) | REACHES(MAP) | REACHES(POLL) | REACHES(ACCEPT) | \
		REACHES(CLOSE) | REACHES(WRITE) | REACHES(READ) | REACHES(PIDFD) |    \
		REACHES(WAIT) | REACHES(GETSOCKOPT))

/* A server goes on, or it ends with that errno. */
#define GOES_ON                                                                        \
	{HARK__CALL_ACCEPT, ANY, 0, 0}, {HARK__CALL_POLL, ANY, 0, 0},                  \
		{HARK__CALL_CLOSE, ANY, 0, 0}, {HARK__CALL_READ, ANY, 0, 0},           \
		{HARK__CALL_EPOLL_WAIT, ANY, 0, 0}, {HARK__CALL_TIMER_SET, ANY, 0, 0}, \
	{                                                                              \
		HARK__CALL_GETSOCKOPT, ANY, 0, 0                                       \
	}

/* So it does without being told of a child's end. */
#define GOES_ON_WITH_A_CHILD                                                   \
	GOES_ON, {HARK__CALL_WRITE, ANY, 0, 0}, {HARK__CALL_PIDFD, ANY, 0, 0}, \
		{HARK__CALL_WAIT, ANY, 0, 0},                                  \
	{                                                                      \
		HARK__CALL_EPOLL_ADD, ANY, 0, 0                                \
	}

const struct scenario sweep_server_run = {
	.prepare = stopped,
	.body = run,
	.check = check_empty,
	.clean = clean_run,
	.reaches = RUNS | REACHES(SOCKET) | REACHES(FORK),
	.exceptions = {GOES_ON_WITH_A_CHILD, {HARK__CALL_SOCKET, ANY, 0, 0},
		{HARK__CALL_FORK, ANY, 0, 0}},
	.releases = true,
};

static int manager;

static void stopped_and_told(void)
{
	want_server();
	options.notify = HARK_ON;
	manager = manager_open(manager_path());
	CHECK_SYS(setenv("WATCHDOG_USEC", "20000000", 1));
	CHECK_SYS(unsetenv("WATCHDOG_PID"));
	stopped_with(handle);
}

static void clean_told(void)
{
	net_close(manager);
	CHECK_SYS(unlink(manager_path()));
	clean_run();
}

/* A manager that cannot be told keeps nobody from serving. */
const struct scenario sweep_server_run_told = {
	.prepare = stopped_and_told,
	.body = run,
	.check = check_empty,
	.clean = clean_told,
	.reaches = RUNS | REACHES(FORK) | REACHES(SOCKET) | REACHES(CONNECT) |
		   REACHES(SEND) | REACHES(TIMER_SET),
	.exceptions = {{HARK__CALL_SOCKET, ANY, 0, 0}, {HARK__CALL_CONNECT, ANY, 0, 0},
		{HARK__CALL_SEND, ANY, 0, 0}, {HARK__CALL_TIMER, ANY, 3, 0},
		{HARK__CALL_TIMER_SET, ANY, 0, 0}, {HARK__CALL_EPOLL_ADD, ANY, 0, 0},
		{HARK__CALL_CLOSE, ANY, 0, 0}},
	.sweeps = REACHES(SOCKET) | REACHES(CONNECT) | REACHES(SEND) | REACHES(TIMER) |
		  REACHES(TIMER_SET) | REACHES(EPOLL_ADD) | REACHES(CLOSE),
	.releases = true,
};

/* It begins one as soon as it serves, and stops when that has failed. */
static void upgrade(const struct hark_server_event *event, void *ctx)
{
	(void)ctx;
	if (event->kind == HARK_EVENT_SERVING)
		CHECK_OK(CALLED(hark_server_upgrade)(server));
	else if (event->kind == HARK_EVENT_UPGRADE_FAILED)
		CHECK_OK(hark_server_stop(server));
}

static void asked_to_upgrade(void)
{
	static char name[] = "false", *argv[] = {name, NULL}, *envp[] = {NULL};
	static const struct hark_successor successor = {
		.path = "/bin/false", .argv = argv, .envp = envp};

	want_server();
	options.successor = &successor;
	options.on_event = upgrade;
	server = hark_server_create(&options, handle, NULL, NULL);
	CHECK(server != NULL);
	CHECK_INT(hark_server_listen(server, "127.0.0.1:0", NULL, NULL), ==, 1);
}

/* A successor that fails, at whatever, is as if there had been none. */
const struct scenario sweep_server_run_upgrade = {
	.prepare = asked_to_upgrade,
	.body = run,
	.check = check_empty,
	.clean = destroy,
	.reaches = (RUNS & ~REACHES(ACCEPT)) | REACHES(SOCKET) | REACHES(SOCKETPAIR) |
		   REACHES(SPAWN) | REACHES(RECV),
	.exceptions = {{HARK__CALL_SOCKETPAIR, ANY, 0, 0},
		{HARK__CALL_SPAWN, ANY, 0, 0}, {HARK__CALL_RECV, ANY, 0, 0},
		{HARK__CALL_TIMER, ANY, 0, 0}, {HARK__CALL_TIMER_SET, ANY, 0, 0},
		{HARK__CALL_EPOLL_ADD, ANY, 0, 0}, {HARK__CALL_PIDFD, ANY, 0, 0},
		{HARK__CALL_WAIT, ANY, 0, 0}, {HARK__CALL_CLOSE, ANY, 0, 0}},
	.sweeps = REACHES(SOCKETPAIR) | REACHES(SPAWN) | REACHES(RECV) |
		  REACHES(TIMER) | REACHES(TIMER_SET) | REACHES(EPOLL_ADD) |
		  REACHES(PIDFD) | REACHES(WAIT) | REACHES(CLOSE),
	.releases = true,
};

static int prepare(struct hark_environment *env, const struct hark_addr *peer,
	const struct hark_addr *local, void *ctx)
{
	(void)peer, (void)local, (void)ctx;
	return CALLED(hark_environment_set)(env, "NAME", "value");
}

static void stopped_program(void)
{
	static char name[] = "true", *argv[] = {name, NULL}, *envp[] = {NULL};
	static const struct hark_program program = {
		.path = "/bin/true", .argv = argv, .envp = envp, .prepare = prepare};

	want_server();
	options.model = HARK_MODEL_SPAWN;
	options.program = &program;
	stopped_with(NULL);
}

const struct scenario sweep_server_run_program = {
	.prepare = stopped_program,
	.body = run,
	.check = check_empty,
	.clean = clean_run,
	.reaches = RUNS | REACHES(SOCKET) | REACHES(SPAWN) | REACHES(GETSOCKNAME),
	.exceptions = {GOES_ON_WITH_A_CHILD, {HARK__CALL_SOCKET, ANY, 0, 0},
		{HARK__CALL_SPAWN, ANY, 0, 0}, {HARK__CALL_GETSOCKNAME, ANY, 0, 0}},
	.releases = true,
};

static void end_it(const struct hark_server_event *event, void *ctx)
{
	(void)ctx;
	if (event->kind == HARK_EVENT_SERVING)
		CHECK_INT(raise(SIGTERM), ==, 0);
}

static void want_all(void)
{
	want_server();
	options.mind_signals = HARK_ON;
	options.on_event = end_it;
}

static long long serve(struct hark_error *err)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "unix:@%s/serve", temp_directory());
	return CALLED(hark_serve)(text, handle, NULL, &options, err);
}

#define SERVES                                                                         \
	(REACHES(BIND) | REACHES(GETSOCKNAME) | REACHES(GETSOCKOPT) | REACHES(GETFL) | \
		REACHES(LISTEN) | REACHES(OPEN) | REACHES(READ) | REACHES(EVENTFD) |   \
		REACHES(MAP) | REACHES(EPOLL) | REACHES(SIGACTION) | REACHES(EPOLL) |  \
		REACHES(EPOLL_ADD) | REACHES(EPOLL_WAIT) | REACHES(TIMER) |            \
		REACHES(TIMER_SET) | REACHES(POLL) | REACHES(ACCEPT) |                 \
		REACHES(SHUTDOWN) | REACHES(CLOSE))

/* A signal whose write fails would be lost, and the server go on. */
const struct scenario sweep_serve = {
	.prepare = want_all,
	.body = serve,
	.reaches = SERVES | REACHES(WRITE) | REACHES(SOCKET),
	.sweeps = SERVES,
	.exceptions = {GOES_ON, {HARK__CALL_OPEN, ANY, 0, 0},
		{HARK__CALL_SIGACTION, ANY, 4, 0}, {HARK__CALL_SIGACTION, ANY, 5, 0},
		{HARK__CALL_SIGACTION, ANY, 6, 0}, {HARK__CALL_SHUTDOWN, ANY, 0, 0}},
};
