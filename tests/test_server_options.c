/* SPDX-License-Identifier: MIT
 *
 * hark_server_create and what comes before run: options that are refused by name, names of
 * models, listeners, the life of a server that never runs; and hark_serve.
 *
 * Not here: what the options do (contract_*.c).
 */
#include "loopback.h"

#include <hark_server.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void greet(struct hark_conn *conn, void *ctx)
{
	(void)ctx;
	(void)hark_conn_write(conn, "hi\n", 3); /* who is gone is not greeted */
}

static struct hark_server *create(const struct hark_server_options *options)
{
	struct hark_error err = {0};
	struct hark_server *server = hark_server_create(options, greet, NULL, &err);

	if (!server)
		hark_error_print(stderr, &err);
	CHECK(server != NULL);
	return server;
}

/* ----------------------------------------------------------------------------- options */

#define REFUSED(field, value)                                      \
	{                                                          \
#field,                                            \
		{                                                  \
			.field = (value), .model = HARK_MODEL_POOL \
		}                                                  \
	}

struct refused {
	const char *name;
	struct hark_server_options options;
};

static void check_refused(const struct refused *refused)
{
	char text[HARK_ERROR_TEXT_MAX];
	struct hark_error err = {0};

	if (hark_server_create(&refused->options, greet, NULL, &err))
		harness_fail(__FILE__, __LINE__, "'%s' was accepted", refused->name);
	CHECK_STR(err.option, refused->name);
	CHECK_ERR(err.code, -EINVAL);
	CHECK_INT(err.step, ==, HARK_STEP_OPTION);
	(void)hark_error_text(&err, text, sizeof(text));
	CHECK_CONTAINS(text, refused->name);
}

/* E4 E1 N7 */
TEST(out_of_range, "options out of range are refused, and named")
{
	static const struct refused refused[] = {
		REFUSED(workers, -1),
		REFUSED(workers, 257),
		REFUSED(threads, -1),
		REFUSED(threads, 4097),
		REFUSED(max_connections, -1),
		REFUSED(overload, (enum hark_overload)4),
		REFUSED(max_per_address, -1),
		REFUSED(max_per_prefix, -1),
		REFUSED(prefix_v4, -1),
		REFUSED(prefix_v4, 33),
		REFUSED(prefix_v6, -1),
		REFUSED(prefix_v6, 129),
		REFUSED(rate, -1),
		REFUSED(rate_ms, -1),
		REFUSED(rate_burst, -1),
		REFUSED(read_timeout_ms, -2),
		REFUSED(write_timeout_ms, -2),
		REFUSED(deadline_ms, -2),
		REFUSED(drain_ms, -2),
		REFUSED(mind_signals, (enum hark_toggle)3),
		REFUSED(pressure, (enum hark_pressure)2),
		REFUSED(recycle_after, -1),
		REFUSED(pin_cpus, (enum hark_toggle)3),
		REFUSED(notify, (enum hark_toggle)3),
		REFUSED(notify_fd, -1),
		REFUSED(histograms, (enum hark_toggle)3),
		REFUSED(linger.timeout_ms, -2),
		REFUSED(linger.idle_ms, -2),
	};

	for (size_t i = 0; i < COUNT(refused); i++)
		check_refused(&refused[i]);
}

/* E1: of a newer program */
TEST(reserved, "what is reserved must be zero")
{
	struct hark_server_options options = {0};
	struct hark_error err = {0};

	options.reserved[COUNT(options.reserved) - 1] = 1;
	CHECK(hark_server_create(&options, greet, NULL, &err) == NULL);
	CHECK_ERR(err.code, -EINVAL);
	CHECK_INT(err.cause, ==, HARK_CAUSE_RESERVED);
}

/* E4 S1 */
TEST(no_model, "a model that there is not is refused, and named")
{
	struct hark_server_options options = {.model = (enum hark_model)99};
	struct hark_error err = {0};

	CHECK(hark_server_create(&options, greet, NULL, &err) == NULL);
	CHECK_STR(err.option, "model");
	CHECK_ERR(err.code, -EINVAL);
	options.model = HARK_MODEL_FIBER;
	CHECK(hark_server_create(&options, greet, NULL, &err) == NULL);
	CHECK_STR(err.option, "model");
	CHECK_ERR(err.code, -EOPNOTSUPP);
}

/* E4 S1 */
TEST(who_serves, "a handler or a program: the one that the model is for")
{
	static char name[] = "true";
	char *const words[] = {name, NULL};
	const struct hark_program program = {.path = "/bin/true", .argv = words};
	const struct hark_program unnamed = {.argv = words};
	struct hark_server_options options = {.model = HARK_MODEL_SPAWN};
	struct hark_error err = {0};

	CHECK(hark_server_create(NULL, NULL, NULL, &err) == NULL);
	CHECK_ERR(err.code, -EINVAL);
	CHECK(hark_server_create(&options, NULL, NULL, &err) == NULL);
	CHECK_ERR(err.code, -EINVAL);
	options.program = &unnamed;
	CHECK(hark_server_create(&options, NULL, NULL, &err) == NULL);
	CHECK_ERR(err.code, -EINVAL);
	options.program = &program;
	CHECK(hark_server_create(&options, greet, NULL, &err) == NULL);
	CHECK_ERR(err.code, -EINVAL);
	options.model = HARK_MODEL_DEFAULT; /* where there is a program: SPAWN */
	CHECK_OK(hark_server_destroy(hark_server_create(&options, NULL, NULL, &err)));
}

/* S1 */
TEST(names, "models have names, and are found by them")
{
	static const struct {
		enum hark_model model;
		const char *name;
	} models[] = {{HARK_MODEL_SERIAL, "serial"}, {HARK_MODEL_FORK, "fork"},
		{HARK_MODEL_THREAD, "thread"}, {HARK_MODEL_POOL, "pool"},
		{HARK_MODEL_SPAWN, "spawn"}, {HARK_MODEL_FIBER, "fiber"}};

	for (size_t i = 0; i < COUNT(models); i++) {
		CHECK_STR(hark_model_name(models[i].model), models[i].name);
		CHECK_INT(hark_model_parse(models[i].name), ==, models[i].model);
	}
	CHECK(hark_model_name((enum hark_model)99) == NULL);
	CHECK(hark_model_name((enum hark_model) - 1) == NULL);
	CHECK_ERR(hark_model_parse("threads"), -EINVAL);
	CHECK_ERR(hark_model_parse(""), -EINVAL);
}

/* --------------------------------------------------------------------------- listeners */

/* S1 E4 */
TEST(nothing_to_serve, "a server without listeners does not run")
{
	struct hark_server *server = create(NULL);
	struct hark_error err = {0};

	CHECK(hark_server_listener(server, 0) == NULL);
	CHECK_ERR(hark_server_run(server, &err), -EINVAL);
	CHECK_ERR(err.code, -EINVAL);
	CHECK_INT(hark_server_destroy(server), ==, 0);
}

/* S1 L1 */
TEST(listens, "a server listens before it runs: clients queue up")
{
	struct hark_server *server = create(NULL);
	const struct hark_listener *listener;
	int client;

	CHECK_INT(hark_server_state(server), ==, HARK_SERVER_OPENING);
	CHECK_INT(hark_server_listen(server, "127.0.0.1:0", NULL, NULL), ==, 1);
	CHECK_INT(hark_server_listen(server, "127.0.0.1:0", NULL, NULL), ==, 1);
	listener = hark_server_listener(server, 1);
	CHECK(listener != NULL);
	CHECK(hark_server_listener(server, 2) == NULL);
	client = dial(listener);
	CHECK_INT(hark_server_destroy(server), ==, 0);
	net_close(client);
}

/* E1 E4: what was open before stays so */
TEST(cannot_listen, "an address that cannot be opened is told, and changes nothing")
{
	struct hark_server *server = create(NULL);
	struct hark_error err = {0};

	CHECK_INT(hark_server_listen(server, "127.0.0.1:0", NULL, NULL), ==, 1);
	CHECK_ERR(hark_server_listen(server, "127.0.0.1:70000", NULL, &err), -ERANGE);
	CHECK_INT(err.step, ==, HARK_STEP_PARSE);
	CHECK(hark_server_listener(server, 0) != NULL);
	CHECK(hark_server_listener(server, 1) == NULL);
	CHECK_INT(hark_server_destroy(server), ==, 0);
}

/* N7 */
TEST(too_many, "no more listeners than there is room for")
{
	struct hark_server *server = create(NULL);
	struct hark_error err = {0};

	for (int i = 0; i < HARK_SET_MAX; i++)
		CHECK_INT(hark_server_listen(server, "127.0.0.1:0", NULL, NULL), ==, 1);
	CHECK(hark_server_listen(server, "127.0.0.1:0", NULL, &err) < 0);
	CHECK_INT(err.code, <, 0);
	CHECK(hark_server_listener(server, HARK_SET_MAX) == NULL);
	CHECK_INT(hark_server_destroy(server), ==, 0);
}

/* S1 D2 */
TEST(adopts, "a listener that was adopted is the server's")
{
	struct hark_listener listener = open_tcp();
	struct hark_server *server = create(NULL);
	int fd = listener.fd;

	CHECK_OK(hark_server_adopt(server, &listener, NULL));
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
	CHECK_INT(hark_server_listener(server, 0)->fd, ==, fd);
	CHECK_INT(hark_server_destroy(server), ==, 0);
	CHECK(!is_open(fd));
}

/* E1 */
TEST(adopts_nothing, "a listener that is not open is not adopted")
{
	struct hark_listener listener = {0};
	struct hark_server *server = create(NULL);
	struct hark_error err = {0};

	CHECK(hark_server_adopt(server, &listener, &err) < 0);
	CHECK_INT(err.code, <, 0);
	CHECK(hark_server_listener(server, 0) == NULL);
	CHECK_INT(hark_server_destroy(server), ==, 0);
}

/* B3 */
TEST(removes_path, "a server that never ran removes its socket's file")
{
	struct hark_server *server = create(NULL);
	char text[128];

	(void)snprintf(text, sizeof(text), "unix:%s/socket", temp_directory());
	CHECK_INT(hark_server_listen(server, text, NULL, NULL), ==, 1);
	CHECK_SYS(access(text + 5, F_OK));
	CHECK_INT(hark_server_destroy(server), ==, 0);
	CHECK(access(text + 5, F_OK) < 0);
}

/* S1 */
TEST(destroy_null, "no server at all can be destroyed")
{
	CHECK_INT(hark_server_destroy(NULL), ==, 0);
}

/* Q2 */
TEST(nothing_counted, "before it runs a server has counted nothing")
{
	struct hark_server *server = create(NULL);
	struct hark_server_stats stats;

	memset(&stats, 0x5a, sizeof(stats));
	CHECK_OK(hark_server_snapshot(server, &stats, sizeof(stats)));
	CHECK_INT(stats.state, ==, HARK_SERVER_OPENING);
	CHECK_INT(stats.accepted, ==, 0);
	CHECK_INT(stats.open, ==, 0);
	CHECK_INT(stats.refused[HARK_REFUSED_RATE], ==, 0);
	CHECK_INT(stats.reserved[6], ==, 0);
	CHECK_INT(hark_server_destroy(server), ==, 0);
}

/* ---------------------------------------------------------------------------- two of them */

static void tell_serving(const struct hark_server_event *event, void *ctx)
{
	if (event->kind == HARK_EVENT_SERVING)
		CHECK_INT(write(*(int *)ctx, "x", 1), ==, 1);
}

static void *run(void *ctx)
{
	CHECK_INT(hark_server_run(ctx, NULL), ==, 0);
	return NULL;
}

static struct hark_server *create_minding(int *told)
{
	struct hark_server *server = create(&(struct hark_server_options){
		.mind_signals = HARK_ON, .on_event = tell_serving, .event_ctx = told});

	CHECK_INT(hark_server_listen(server, "127.0.0.1:0", NULL, NULL), ==, 1);
	return server;
}

/* S5 W4: one taker in a process; and its listeners are closed in any case */
TEST(signals_taken, "a second server that is to mind signals does not run")
{
	struct hark_error err = {0};
	struct hark_server *first, *second;
	int told[2];
	pthread_t thread;
	char byte;

	CHECK_SYS(pipe2(told, O_CLOEXEC));
	first = create_minding(&told[1]);
	second = create_minding(&told[1]);
	thread = start(run, first);
	CHECK_INT(read(told[0], &byte, 1), ==, 1);
	CHECK_ERR(hark_server_run(second, &err), -EBUSY);
	CHECK_INT(err.cause, ==, HARK_CAUSE_SIGNALS_TAKEN);
	CHECK_OK(hark_server_stop(first));
	join(thread);
	CHECK_INT(hark_server_destroy(first), ==, 0);
	CHECK_INT(hark_server_destroy(second), ==, 0);
	net_close(told[0]);
	net_close(told[1]);
}

/* -------------------------------------------------------------------------- hark_serve */

/* One call in a process of its own. */
static pid_t serve_in_child(const char *text, const struct hark_server_options *options)
{
	struct hark_error err = {0};
	pid_t pid = fork();

	CHECK_SYS(pid);
	if (pid > 0)
		return pid;
	if (hark_serve(text, greet, NULL, options, &err) < 0) {
		hark_error_print(stderr, &err);
		_exit(1);
	}
	_exit(0);
}

static int status_of(pid_t pid)
{
	int status;

	CHECK_SYS(waitpid(pid, &status, 0));
	return status;
}

/* S1 S5 W4: nothing tells when it listens, but that it does */
TEST(one_call, "a server in one call serves, and ends on SIGTERM")
{
	unsigned port = net_free_port("127.0.0.1");
	int client = -1;
	char text[32];
	pid_t pid;

	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	pid = serve_in_child(text, NULL);
	WAIT_UNTIL((client = net_try_connect(net_ip("127.0.0.1", port))) >= 0);
	CHECK_INT(net_read_all(client, text, sizeof(text)), ==, 3);
	CHECK_STR(text, "hi\n");
	net_close(client);
	CHECK_SYS(kill(pid, SIGTERM));
	CHECK_INT(status_of(pid), ==, 0);
}

/* E4 */
static void unattended(int fd, void *ctx)
{
	(void)fd, (void)ctx;
}

/* E4 N7 */
TEST(attend_refused, "what cannot be attended to is refused with the reason")
{
	struct hark_server *server = create(NULL);
	struct hark_error err = {0};
	int fds[HARK_ATTEND_MAX + 1], file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	for (int i = 0; i <= HARK_ATTEND_MAX; i++)
		fds[i] = hark_wake_create(NULL);
	CHECK_ERR(hark_server_attend(server, fds[0], NULL, NULL, &err), -EINVAL);
	CHECK_ERR(hark_server_attend(server, file, unattended, NULL, &err), -EPERM);
	for (int i = 0; i < HARK_ATTEND_MAX; i++)
		CHECK_OK(hark_server_attend(server, fds[i], unattended, NULL, NULL));
	CHECK_ERR(hark_server_attend(
			  server, fds[HARK_ATTEND_MAX], unattended, NULL, &err),
		-E2BIG);
	CHECK_INT(err.cause, ==, HARK_CAUSE_TOO_MANY);
	CHECK_INT(err.limit, ==, HARK_ATTEND_MAX);
	CHECK_OK(hark_server_attend_no_more(server, fds[3]));
	CHECK_ERR(hark_server_attend_no_more(server, fds[3]), -ENOENT);
	CHECK_ERR(hark_server_attend(server, fds[2], unattended, NULL, &err), -EEXIST);
	CHECK_OK(hark_server_attend(server, fds[3], unattended, NULL, NULL));
	for (int i = 0; i <= HARK_ATTEND_MAX; i++)
		CHECK_SYS(close(fds[i]));
	CHECK_SYS(close(file));
	CHECK_OK(hark_server_destroy(server));
}

TEST(one_call_fails, "a server in one call that cannot listen says why")
{
	struct hark_error err = {0};

	CHECK_ERR(hark_serve("127.0.0.1:70000", greet, NULL, NULL, &err), -ERANGE);
	CHECK_ERR(err.code, -ERANGE);
	CHECK_ERR(hark_serve("127.0.0.1:0", NULL, NULL, NULL, &err), -EINVAL);
}

/* -------------------------------------------------------------------------------- gates */

static void unserved(struct hark_conn *conn, void *ctx)
{
	(void)conn, (void)ctx;
}

/* Why a server with that listener, and a gate, does not run. */
static int run_gated(struct hark_listener *listener, struct hark_error *err)
{
	const struct hark_server_options options = {.overload = HARK_OVERLOAD_GATE};
	struct hark_server *server = hark_server_create(&options, unserved, NULL, NULL);
	int done;

	CHECK(server != NULL);
	CHECK_OK(hark_server_adopt(server, listener, NULL));
	CHECK_OK(hark_server_stop(server)); /* should it run all the same */
	done = hark_server_run(server, err);
	CHECK_OK(hark_server_destroy(server));
	return done;
}

static void open_here(
	struct hark_listener *listener, const struct hark_listen_options *options)
{
	struct hark_addr addr;

	CHECK_OK(hark_addr_parse(&addr, "127.0.0.1:0", NULL));
	CHECK_OK(hark_listener_open(listener, &addr, options, NULL));
}

/* P4 D0 E1 */
TEST(gate_refused,
	"a gate is refused where it would harm others, or could not be opened")
{
	const struct hark_listen_options shares = {.reuse_port = HARK_ON};
	const struct hark_listen_options bound = {.device = "lo"};
	struct hark_listener listener;
	struct hark_error err;
	int done;

	open_here(&listener, NULL);
	done = run_gated(&listener, &err);
	if (done < 0 && err.cause == HARK_CAUSE_NO_GATE)
		SKIP("no gate can be opened again here: it needs CAP_NET_RAW, and "
		     "Linux 5.7");
	CHECK_OK(done);
	CHECK_OK(hark_listener_adopt(
		&listener, net_listen(net_ip("127.0.0.1", 0), 5), NULL));
	CHECK_ERR(run_gated(&listener, &err), -EPERM);
	CHECK_INT(err.cause, ==, HARK_CAUSE_NOT_MADE);
	open_here(&listener, &shares);
	CHECK_ERR(run_gated(&listener, &err), -EINVAL);
	CHECK_INT(err.cause, ==, HARK_CAUSE_OTHER_MEMBERS);
	open_here(&listener, &bound);
	CHECK_ERR(run_gated(&listener, &err), -EINVAL);
	CHECK_INT(err.cause, ==, HARK_CAUSE_HAS_DEVICE);
}
