/* SPDX-License-Identifier: MIT
 *
 * hark_accept_loop: many listeners and one handler, fairness, the ways to stop.
 *
 * Not here: errors of accept(2) (test_accept_class.c), running out of descriptors
 * (test_exhausted.c), signals (test_signals.c), two loops (test_accept_shared.c).
 */
#include "ipv6.h"
#include "loopback.h"

#include "sys/sys.h"

#include <stdatomic.h>
#include <sys/wait.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { LISTENERS_MAX = 4, SERVED_MAX = 512 };

/* A loop that runs in this thread, and what its handler saw. */
struct run {
	struct hark_listener listener[LISTENERS_MAX];
	size_t count;
	struct hark_loop_options options;
	struct hark_loop_counters counters;
	int wake_at;           /* the handler's n-th call stops the loop; 0 = none */
	int served;            /* calls of the handler */
	int from[SERVED_MAX];  /* each time: which listener */
	int started, stopping; /* events that said so, by turns */
	void (*also)(struct run *); /* in the handler, at the end */
};

static struct run begin(int wake_at)
{
	struct run run = {.wake_at = wake_at};

	run.options.wake_fd = hark_wake_create(NULL);
	CHECK_OK(run.options.wake_fd);
	return run;
}

static void end(struct run *run)
{
	for (size_t i = 0; i < run->count; i++)
		close_listener(&run->listener[i]);
	net_close(run->options.wake_fd);
}

static int which(const struct run *run, int fd)
{
	struct hark_addr local;

	CHECK_OK(hark_local_addr(fd, &local, NULL));
	for (size_t i = 0; i < run->count; i++)
		if (hark_addr_compare(&local, &run->listener[i].addr) == 0)
			return (int)i;
	return -1;
}

static void serve(int fd, const struct hark_addr *peer, void *ctx)
{
	struct run *run = ctx;

	CHECK_INT(peer->length, >, 0);
	CHECK_INT(run->served, <, SERVED_MAX);
	run->from[run->served++] = which(run, fd);
	CHECK_OK(hark_write(fd, "x", 1, 5000, NULL));
	CHECK_OK(hark_close(fd, NULL));
	if (run->also)
		run->also(run);
	if (run->served == run->wake_at)
		CHECK_OK(hark_wake(run->options.wake_fd));
}

static void on_event(const struct hark_loop_event *event, void *ctx)
{
	struct run *run = ctx;

	CHECK(event->error == NULL);
	if (event->kind == HARK_LOOP_STARTED) {
		CHECK_INT(run->stopping, ==, run->started++);
		return;
	}
	CHECK_INT(event->kind, ==, HARK_LOOP_STOPPING);
	CHECK_INT(++run->stopping, ==, run->started);
}

static int loop(struct run *run)
{
	run->options.counters = &run->counters;
	run->options.counters_size = sizeof(run->counters);
	run->options.on_event = on_event;
	run->options.event_ctx = run;
	return hark_accept_loop(
		run->listener, run->count, serve, run, &run->options, NULL);
}

static void check_served_and_close(int client)
{
	char text[8];

	CHECK_INT(net_read_all(client, text, sizeof(text)), ==, 1);
	net_close(client);
}

/* --------------------------------------------------------------------------- fairness */

static void open_all_kinds(struct run *run)
{
	if (!has_ipv6())
		NOTE("no ::1 here: IPv4 twice");
	run->listener[0] = open_tcp();
	run->listener[1] = has_ipv6() ? open_listener("[::1]:0") : open_tcp();
	run->listener[2] = open_unix();
	run->count = 3;
}

/* W3 P4: a hundred wait at the first listener, three at each of the others */
TEST(fair, "a flood at one listener does not starve the others")
{
	enum { FLOOD = 100, FEW = 3, ALL = FLOOD + 2 * FEW };
	struct run run = begin(ALL);
	int client[ALL], n = 0, last = 0;

	open_all_kinds(&run);
	for (; n < FLOOD; n++)
		client[n] = dial(&run.listener[0]);
	for (; n < ALL; n++)
		client[n] = dial(&run.listener[1 + n % 2]);
	CHECK_ERR(loop(&run), 0);
	CHECK_INT(run.served, ==, ALL);
	for (int i = 0; i < ALL; i++) {
		CHECK_INT(run.from[i], >=, 0);
		if (run.from[i] > 0)
			last = i;
		check_served_and_close(client[i]);
	}
	CHECK_INT(last, <, 3 * FEW);
	end(&run);
}

/* Two for each that is served, until there are enough. */
static int flooding[SERVED_MAX], flood;

static void keep_flooding(struct run *run)
{
	while (flood < SERVED_MAX / 2 && flood < 10 + 2 * run->served)
		flooding[flood++] = dial(&run->listener[0]);
}

/* W3: served within one round each, while the flood goes on */
TEST(fair_while_flooded, "nor does a flood that goes on")
{
	struct run run = begin(200);
	int few[5], other = 0;

	open_all_kinds(&run);
	run.also = keep_flooding;
	for (size_t i = 0; i < COUNT(few); i++)
		few[i] = dial(&run.listener[2]);
	keep_flooding(&run);
	CHECK_ERR(loop(&run), 0);
	for (int i = 0; i < 10; i++)
		other += run.from[i] == 2;
	CHECK_INT(other, ==, 5);
	CHECK_INT(run.served, ==, flood + 5);
	for (int i = 0; i < flood; i++)
		check_served_and_close(flooding[i]);
	for (size_t i = 0; i < COUNT(few); i++)
		check_served_and_close(few[i]);
	end(&run);
}

/* ------------------------------------------------------------------------ the handler */

static struct {
	int fd[64];
	int port[64];
	int count;
} kept;

static void keep(int fd, const struct hark_addr *peer, void *ctx)
{
	struct run *run = ctx;

	kept.fd[kept.count] = fd;
	kept.port[kept.count] = hark_addr_port(peer);
	if (++kept.count == run->wake_at)
		CHECK_OK(hark_wake(run->options.wake_fd));
}

/* W3 P5 P6 P2 */
TEST(in_order, "one call a connection, in order; nobody closes it but the handler")
{
	struct run run = begin(40);
	int client[40];
	char text[8];

	run.listener[run.count++] = open_tcp();
	for (int i = 0; i < 40; i++)
		client[i] = dial(&run.listener[0]);
	CHECK_ERR(hark_accept_loop(run.listener, 1, keep, &run, &run.options, NULL), 0);
	CHECK_INT(kept.count, ==, 40);
	for (int i = 0; i < 40; i++) {
		CHECK_INT(kept.port[i], ==, net_port(client[i]));
		CHECK_INT(fcntl(kept.fd[i], F_GETFD), ==, FD_CLOEXEC);
		CHECK_INT(fcntl(kept.fd[i], F_GETFL) & O_NONBLOCK, ==, 0);
		CHECK_OK(hark_write(kept.fd[i], "x", 1, 5000, NULL));
		CHECK_INT(net_read(client[i], text, sizeof(text), 1), ==, 1);
		net_close(kept.fd[i]);
		net_close(client[i]);
	}
	end(&run);
}

/* W3 */
TEST(many_listeners, "a loop takes as many as HARK_LOOP_MAX listeners, each is served")
{
	static struct hark_listener all[HARK_LOOP_MAX + 1];
	static int client[HARK_LOOP_MAX];
	struct run run = begin(HARK_LOOP_MAX);
	struct hark_error err;
	char name[64];

	CHECK_OK(hark_nofile_raise(NULL, NULL, NULL));
	for (int i = 0; i < HARK_LOOP_MAX; i++) {
		(void)snprintf(name, sizeof(name), "unix:%s/%d", temp_directory(), i);
		all[i] = open_listener(name);
		client[i] = dial(&all[i]);
	}
	CHECK_ERR(hark_accept_loop(
			  all, HARK_LOOP_MAX + 1, serve, &run, &run.options, &err),
		-EINVAL);
	CHECK_STR(err.option, "count");
	CHECK_INT(err.limit, ==, HARK_LOOP_MAX + 1);
	CHECK_INT(run.served, ==, 0);
	CHECK_ERR(hark_accept_loop(all, HARK_LOOP_MAX, serve, &run, &run.options, &err),
		0);
	CHECK_INT(run.served, ==, HARK_LOOP_MAX);
	for (int i = 0; i < HARK_LOOP_MAX; i++) {
		check_served_and_close(client[i]);
		close_listener(&all[i]);
	}
	end(&run);
}

/* ------------------------------------------------------------------------------- stop */

static void *loop_in_thread(void *run)
{
	CHECK_ERR(loop(run), 0);
	return NULL;
}

/* W3 X4 */
TEST(stop_when_idle, "a loop that waits is stopped by its wake descriptor")
{
	struct run run = begin(0);
	pthread_t thread;

	open_all_kinds(&run);
	thread = start(loop_in_thread, &run);
	CHECK_OK(hark_wake(run.options.wake_fd));
	join(thread);
	CHECK_INT(run.stopping, ==, 1);
	CHECK_INT(run.served, ==, 0);
	end(&run);
}

static void queue(const struct run *run, int *client, int count)
{
	for (int i = 0; i < count; i++)
		client[i] = dial(&run->listener[i % (int)run->count]);
}

/* W3 */
TEST(stop_when_empty, "told to stop, it serves all that wait, and then returns")
{
	struct run run = begin(1);
	int client[30];

	open_all_kinds(&run);
	queue(&run, client, 30);
	CHECK_ERR(loop(&run), 0);
	CHECK_INT(run.served, ==, 30);
	CHECK_INT(run.stopping, ==, 1);
	for (int i = 0; i < 30; i++)
		check_served_and_close(client[i]);
	for (size_t i = 0; i < run.count; i++) /* the listeners are as before */
		net_close(dial(&run.listener[i]));
	end(&run);
}

/* W3: to stop is said before the loop begins */
TEST(stop_before, "a loop that is woken before it begins serves the queue once")
{
	struct run run = begin(0);
	int client[3];

	open_all_kinds(&run);
	queue(&run, client, 3);
	CHECK_OK(hark_wake(run.options.wake_fd));
	CHECK_ERR(loop(&run), 0);
	CHECK_INT(run.served, ==, 3);
	for (int i = 0; i < 3; i++)
		check_served_and_close(client[i]);
	end(&run);
}

/* W3 X4: the caller's descriptor is the caller's to clear */
TEST(stop_again, "the wake descriptor stays readable: the next loop stops, too")
{
	struct run run = begin(1);
	int client[2];

	run.listener[run.count++] = open_tcp();
	for (int i = 0; i < 2; i++) {
		client[i] = dial(&run.listener[0]);
		CHECK_ERR(loop(&run), 0);
		CHECK_INT(run.served, ==, i + 1);
		check_served_and_close(client[i]);
	}
	CHECK_INT(run.stopping, ==, 2);
	CHECK_OK(hark_wake_clear(run.options.wake_fd));
	CHECK_ERR(hark_accept_wait(
			  run.listener[0].fd, NULL, 0, run.options.wake_fd, NULL),
		-ETIMEDOUT);
	end(&run);
}

/* W3 */
TEST(stop_at_once, "stopped at once it leaves the queue, and another loop serves it")
{
	struct run run = begin(1);
	int client[5];

	run.listener[run.count++] = open_tcp();
	run.options.stop = HARK_STOP_AT_ONCE;
	queue(&run, client, 5);
	CHECK_ERR(loop(&run), 0);
	CHECK_INT(run.served, ==, 1);
	CHECK_INT(run.stopping, ==, 1);
	CHECK_INT(net_queue(run.listener[0].fd), ==, 4);
	CHECK_OK(hark_wake_clear(run.options.wake_fd));
	run.wake_at = 3;
	CHECK_ERR(loop(&run), 0);
	CHECK_INT(run.served, ==, 3);
	CHECK_OK(hark_wake_clear(run.options.wake_fd));
	run.options.stop = HARK_STOP_WHEN_EMPTY;
	run.wake_at = 5;
	CHECK_ERR(loop(&run), 0);
	for (int i = 0; i < 5; i++)
		check_served_and_close(client[i]);
	end(&run);
}

static int latest = -1;

static void serve_and_come_again(int fd, const struct hark_addr *peer, void *ctx)
{
	struct run *run = ctx;
	int client = dial(&run->listener[0]);

	(void)peer;
	CHECK_OK(hark_close(fd, NULL));
	if (latest >= 0)
		net_close(latest);
	latest = client;
	if (++run->served == run->wake_at)
		CHECK_OK(hark_wake(run->options.wake_fd));
}

/* W3 */
TEST(stop_bound, "clients that keep coming do not keep it from stopping")
{
	enum { STOP_MS = 100 };
	struct run run = begin(1);
	long long began = now_ms();

	run.listener[run.count++] = open_tcp();
	run.options.stop_ms = STOP_MS;
	latest = dial(&run.listener[0]);
	CHECK_ERR(hark_accept_loop(run.listener, 1, serve_and_come_again, &run,
			  &run.options, NULL),
		0);
	CHECK_INT(now_ms() - began, >=, STOP_MS);
	CHECK_INT(run.served, >, 1);
	net_close(latest);
	end(&run);
}

/* W3: a round of one accept a listener is left in the middle */
TEST(stop_at_once_many, "stopped at once in the midst of a round, it ends there")
{
	struct run run = begin(1);
	int client[3];

	open_all_kinds(&run);
	run.options.stop = HARK_STOP_AT_ONCE;
	queue(&run, client, 3);
	CHECK_ERR(loop(&run), 0);
	CHECK_INT(run.served, ==, 1);
	for (int i = 0; i < 3; i++)
		net_close(client[i]);
	end(&run);
}

/* ---------------------------------------------------------------------------- closing */

static int refusal;

/* The handler's second call is the first after the stop. */
static void come_late(struct run *run)
{
	if (run->served == 2)
		refusal = net_try_connect(where(&run->listener[0]));
}

/* X5 W3 */
TEST(closing_unix,
	"closing: new clients of a Unix socket are refused, the queue is served")
{
	struct run run = begin(1);
	int client[10];

	run.listener[run.count++] = open_unix();
	run.options.stop = HARK_STOP_CLOSING;
	run.also = come_late;
	queue(&run, client, 10);
	CHECK_ERR(loop(&run), 0);
	CHECK_ERR(refusal, -ECONNREFUSED);
	CHECK_INT(run.served, ==, 10);
	CHECK_INT(run.stopping, ==, 1);
	for (int i = 0; i < 10; i++)
		check_served_and_close(client[i]);
	end(&run);
}

/* X5 X3: shutdown(2) would reset the queue */
TEST(closing_tcp, "closing: a TCP listener is not shut down, whoever waits is served")
{
	struct run run = begin(1);
	int client[10];

	run.listener[run.count++] = open_tcp();
	run.options.stop = HARK_STOP_CLOSING;
	run.also = come_late;
	queue(&run, client, 10);
	CHECK_ERR(loop(&run), 0);
	CHECK_OK(refusal);
	CHECK_INT(run.served, ==, 11);
	for (int i = 0; i < 10; i++)
		check_served_and_close(client[i]);
	check_served_and_close(refusal);
	end(&run);
}

/* X5: somebody else may go on listening */
TEST(closing_adopted, "closing: a Unix listener that was adopted is not shut down")
{
	struct run run = begin(0);
	char path[128];
	int client;

	(void)snprintf(path, sizeof(path), "%s/socket", temp_directory());
	CHECK_OK(hark_listener_adopt(
		&run.listener[run.count++], net_listen(net_unix(path), 5), NULL));
	run.options.stop = HARK_STOP_CLOSING;
	CHECK_OK(hark_wake(run.options.wake_fd));
	CHECK_ERR(loop(&run), 0);
	client = dial(&run.listener[0]);
	CHECK_ERR(loop(&run), 0);
	check_served_and_close(client);
	end(&run);
}

/* X5 X2: shutdown(2) acts on the socket, in every process that holds it */
TEST(closing_in_child,
	"closing: a forked child does not shut its parent's listener down")
{
	struct run run = begin(0);
	int client, status;
	pid_t pid;

	run.listener[run.count++] = open_unix();
	run.options.stop = HARK_STOP_CLOSING;
	CHECK_OK(hark_wake(run.options.wake_fd));
	CHECK_SYS(pid = fork());
	if (pid == 0)
		_exit(loop(&run) == 0 ? 0 : 1);
	CHECK_SYS(waitpid(pid, &status, 0));
	CHECK_INT(status, ==, 0);
	client = dial(&run.listener[0]);
	CHECK_ERR(loop(&run), 0);
	check_served_and_close(client);
	end(&run);
}

/* ---------------------------------------------------------------- counters and options */

/* P4 W3 */
TEST(counters, "counters count, in as many as the caller knows of")
{
	struct run run = begin(3);
	struct {
		unsigned long accepted;
		unsigned long not_ours;
	} few = {5, 77};
	int client[3];

	run.listener[run.count++] = open_tcp();
	run.options.counters = (struct hark_loop_counters *)(void *)&few;
	run.options.counters_size = sizeof(few.accepted);
	queue(&run, client, 3);
	CHECK_ERR(
		hark_accept_loop(run.listener, 1, serve, &run, &run.options, NULL), 0);
	CHECK_INT(few.accepted, ==, 8);
	CHECK_INT(few.not_ours, ==, 77);
	for (int i = 0; i < 3; i++)
		check_served_and_close(client[i]);
	end(&run);
}

/* W3: asked before anything is done */
TEST(options, "an option that makes no sense is refused by its name")
{
	static const struct {
		const char *name;
		struct hark_loop_options options;
		long long limit;
		int cause;
	} table[] = {
		{"pressure", {.pressure = (enum hark_pressure)2}, 2,
			HARK_CAUSE_BAD_VALUE},
		{"stop", {.stop = (enum hark_stop)3}, 3, HARK_CAUSE_BAD_VALUE},
		{"stop_ms", {.stop_ms = -1}, -1, HARK_CAUSE_BAD_VALUE},
		{"wake_fd", {.wake_fd = -1}, -1, HARK_CAUSE_BAD_VALUE},
		{"mind_signals", {.mind_signals = (enum hark_toggle)3}, 3,
			HARK_CAUSE_BAD_VALUE},
		{"reserved", {.reserved = {1}}, 0, HARK_CAUSE_RESERVED},
		{"reserved", {.reserved = {0, 0, 0, 1}}, 0, HARK_CAUSE_RESERVED},
	};
	struct hark_listener listener = open_tcp();
	struct run run = {0};
	struct hark_error err;

	for (size_t i = 0; i < COUNT(table); i++) {
		CHECK_ERR(hark_accept_loop(
				  &listener, 1, serve, &run, &table[i].options, &err),
			-EINVAL);
		CHECK_INT(err.step, ==, HARK_STEP_OPTION);
		CHECK_INT(err.cause, ==, table[i].cause);
		CHECK_STR(err.option, table[i].name);
		CHECK_INT(err.limit, ==, table[i].limit);
	}
	close_listener(&listener);
}

/* W3 */
TEST(no_listeners, "no listener, or one that is not open, is refused")
{
	struct hark_listener listener[2] = {open_tcp()};
	struct run run = {0};
	struct hark_error err;

	CHECK_ERR(hark_accept_loop(listener, 0, serve, &run, NULL, &err), -EINVAL);
	CHECK_STR(err.option, "count");
	CHECK_ERR(hark_accept_loop(listener, 2, serve, &run, NULL, &err), -EINVAL);
	CHECK_STR(err.option, "listeners");
	CHECK_INT(err.cause, ==, HARK_CAUSE_NOT_LISTENING);
	CHECK_ERR(hark_accept_loop(listener, 2, serve, &run, NULL, NULL), -EINVAL);
	close_listener(&listener[0]);
}

static int no_poll(enum hark__call call)
{
	return call == HARK__CALL_POLL ? -ENOMEM : 0;
}

/* W3 */
TEST(no_poll, "when there is no waiting, that is an error, and the listeners live on")
{
	struct run run = begin(1);
	struct hark_error err;
	int client;

	run.listener[run.count++] = open_tcp();
	client = dial(&run.listener[0]);
	hark__fault = no_poll;
	CHECK_ERR(hark_accept_loop(run.listener, 1, serve, &run, &run.options, &err),
		-ENOMEM);
	hark__fault = NULL;
	CHECK_INT(err.step, ==, HARK_STEP_WAIT);
	CHECK_ERR(loop(&run), 0);
	check_served_and_close(client);
	end(&run);
}
