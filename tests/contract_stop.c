/* SPDX-License-Identifier: MIT
 *
 * Promises: a server that is told to stop serves who has come, lets the busy finish, and
 * ends in time.
 *
 * Not here: signals that stop it (contract_signals.c).
 *
 * What a handler sees when the time is over is a cut; that the time is over is arranged by a
 * short drain_ms or a second stop, so nothing here waits for long.
 */
#include "contract.h"

#include <stdlib.h>

enum { NEVER_MS = 600000, SHORT_MS = 80, WAITING = 5 };

/*
 * A stop was told, and this conversation has seen it. Where handlers run beside the rest of
 * the server, it is closed for others by now; SERIAL accepts again when it is free.
 */
static void stop_around(struct server *server, int client)
{
	command(server, STOP);
	WAIT_UNTIL(ask_number(client, "draining\n") == true);
	if (contract_model != HARK_MODEL_SERIAL)
		(void)hear(server, EVENT(HARK_EVENT_DRAINING));
}

/* How long it took, from that record on, until run returned. */
static long long until_returned(const struct server *server, int word)
{
	return told_nth(server, RETURNED, 0)->at_ms - told_nth(server, word, 0)->at_ms;
}

/* S5 */
PROMISE(stop_unused, "a server that nobody has called stops at once")
{
	struct server *server = serve(&(struct setup){
		.handler = obey, .options.drain_ms = scaled_ms(NEVER_MS)});

	(void)hear(server, EVENT(HARK_EVENT_SERVING));
	end(server);
}

static void idle_till_told(struct hark_conn *conn, void *ctx)
{
	const void *data;

	(void)ctx;
	hark_conn_idle(conn, true);
	tell(ENTERED, 0);
	tell(RESULT, hark_conn_receive(conn, &data));
	tell(RESULT, hark_conn_draining(conn));
}

/* S5: the time to drain would be ten minutes */
PROMISE(stop_idle, "who is between requests ends soon when the server stops")
{
	struct server *server = serve(&(struct setup){
		.handler = idle_till_told, .options.drain_ms = NEVER_MS});
	int client = dial(server);

	(void)hear(server, ENTERED);
	command(server, STOP);
	CHECK_ERR(hear_value(server, RESULT), -ESHUTDOWN);
	CHECK_INT(hear_value(server, RESULT), ==, true);
	CHECK_INT(ending(server), ==, HARK_ENDED_DRAINED);
	expect_end(client);
	wait_run(server);
	CHECK_INT(stats(server)->ended[HARK_ENDED_CUT], ==, 0);
	end(server);
}

static void answer_each(struct hark_conn *conn, void *ctx)
{
	const void *data;
	ssize_t got;

	(void)ctx;
	tell(ENTERED, 0);
	for (;;) {
		hark_conn_idle(conn, true);
		got = hark_conn_receive(conn, &data);
		if (got <= 0)
			break;
		CHECK_OK(hark_conn_write(conn, data, (size_t)got));
	}
	tell(RESULT, got);
}

/* S5: a client cannot know of a stop that crosses its request; the grace would be ten minutes */
PROMISE(idle_grace,
	"a request that crosses the stop is answered, and no second waited for")
{
	struct server *server = serve(&(struct setup){.handler = answer_each,
		.options.drain_ms = NEVER_MS,
		.options.idle_grace_ms = NEVER_MS});
	int client = dial(server);

	(void)hear(server, ENTERED);
	ask(client, "ping\n", "ping\n");
	command(server, STOP);
	(void)hear(server, EVENT(HARK_EVENT_QUIESCING));
	(void)usleep(10000); /* time to do wrong */
	ask(client, "crossing\n", "crossing\n");
	CHECK_ERR(hear_value(server, RESULT), -ESHUTDOWN);
	CHECK_INT(ending(server), ==, HARK_ENDED_DRAINED);
	expect_end(client);
	wait_run(server);
	CHECK_INT(stats(server)->ended[HARK_ENDED_CUT], ==, 0);
	end(server);
}

static void idle_in_sleep_and_poll(struct hark_conn *conn, void *ctx)
{
	struct pollfd gate = {.fd = gate_fd(), .events = POLLIN};

	(void)ctx;
	hark_conn_idle(conn, true);
	tell(ENTERED, 0);
	tell(RESULT, hark_conn_sleep(conn, NEVER_MS));
	tell(RESULT, hark_conn_poll(conn, &gate, 1, -1));
}

/* S5 S6 */
PROMISE(stop_wakes, "a stop wakes who is idle in a sleep, or polls")
{
	struct server *server = serve(&(struct setup){
		.handler = idle_in_sleep_and_poll, .options.drain_ms = NEVER_MS});
	int client = dial(server);

	(void)hear(server, ENTERED);
	command(server, STOP);
	CHECK_ERR(hear_value(server, RESULT), -ESHUTDOWN);
	CHECK_ERR(hear_value(server, RESULT), -ESHUTDOWN);
	expect_end(client);
	end(server);
}

/* S5: what has begun is no longer between requests */
PROMISE(stop_after_idle, "a byte that was read ends being idle")
{
	struct server *server =
		serve(&(struct setup){.handler = obey, .options.drain_ms = NEVER_MS});
	int client = dial(server);

	ask(client, "idle\n", "0\n");
	(void)hear(server, IDLE);
	ask(client, "ping\n", "pong\n");
	stop_around(server, client);
	ask(client, "ping\n", "pong\n");
	net_close(client);
	end(server);
}

/* S5: and nobody else comes in */
PROMISE(stop_busy, "a busy conversation goes on after a stop, and may finish")
{
	struct server *server =
		serve(&(struct setup){.handler = obey, .options.drain_ms = NEVER_MS});
	int client = dial(server);

	CHECK_INT(ask_number(client, "draining\n"), ==, false);
	CHECK_INT(ask_number(client, "state\n"), ==, HARK_SERVER_SERVING);
	stop_around(server, client);
	ask(client, "ping\n", "pong\n");
	CHECK_INT(ask_number(client, "state\n"), >=, HARK_SERVER_QUIESCING);
	net_send(client, "quit\n");
	expect_end(client);
	end(server);
}

static int held(struct server *server)
{
	int client = dial(server);

	(void)hear(server, ENTERED);
	return client;
}

static void hold_on(struct hark_conn *conn, void *ctx)
{
	const void *data;
	ssize_t n;

	(void)ctx;
	tell(ENTERED, 0);
	while ((n = hark_conn_receive(conn, &data)) > 0)
		(void)hark_conn_write(conn, data, (size_t)n);
	tell(RESULT, n);
	tell(RESULT, hark_conn_receive(conn, &data));
	tell(RESULT, hark_conn_write(conn, "x", 1));
	if (hark_conn_draining(conn) && n != 0)
		tell(RESULT, hark_conn_sleep(conn, NEVER_MS));
	tell(LEFT, 0);
}

static void idle_and_not(struct hark_conn *conn, void *ctx)
{
	hark_conn_idle(conn, true);
	hark_conn_idle(conn, false);
	hold_on(conn, ctx);
}

/* S5 */
PROMISE(stop_not_idle, "a mark of being idle that was taken back does not count")
{
	struct server *server = serve(
		&(struct setup){.handler = idle_and_not, .options.drain_ms = NEVER_MS});
	int client = held(server);

	command(server, STOP);
	ask(client, "ohai", "ohai");
	net_close(client);
	CHECK_INT(hear_value(server, RESULT), ==, 0);
	wait_run(server);
	end(server);
}

/* S5: at once, so that a client goes elsewhere */
PROMISE(stop_refuses, "nobody new comes in while the busy finish",
	.models = MODEL(FORK) | MODELS_OF_MEMORY)
{
	struct server *server =
		serve(&(struct setup){.handler = obey, .options.drain_ms = NEVER_MS});
	int client = dial(server);

	ask(client, "ping\n", "pong\n");
	command(server, STOP);
	CHECK_INT(hear(server, EVENT(HARK_EVENT_DRAINING))->event.open, ==, 1);
	CHECK_ERR(net_try_connect(server->at[0]), -ECONNREFUSED);
	CHECK_INT(ask_number(client, "state\n"), ==, HARK_SERVER_DRAINING);
	net_close(client);
	end(server);
}

/* Who calls a moment before the gate is closed comes in, and is served. */
static bool is_refused(const struct server *server)
{
	int client = net_try_connect(server->at[0]);

	if (client >= 0)
		net_close(client);
	return client == -ECONNREFUSED;
}

/* X3 D0: whoever accepts, one process closes the gate, and says how it went */
PROMISE(stop_quiesces, "a stop refuses new clients at once, and reports who was served",
	.models = ALL_HANDLERS)
{
	struct server *server =
		serve(&(struct setup){.handler = obey, .options.drain_ms = NEVER_MS});
	const struct record *told;
	int client = dial(server);

	ask(client, "ping\n", "pong\n");
	command(server, STOP);
	(void)hear(server, EVENT(HARK_EVENT_QUIESCING));
	WAIT_UNTIL(is_refused(server));
	net_close(client);
	told = hear(server, EVENT(HARK_EVENT_DRAINING));
	while (told->quiesce.method == 0) /* a worker's own: it has only a copy */
		told = hear(server, EVENT(HARK_EVENT_DRAINING));
	if (!getenv("HARK_EMULATED"))
		CHECK_INT(told->quiesce.method, ==, HARK_QUIESCE_GHOST);
	CHECK_INT(told->quiesce.lost, ==, 0);
	CHECK_INT(told->event.queued, ==, 0);
	end(server);
}

/* X3: for who sends clients to hear of it */
PROMISE(lame_duck, "a lame duck serves as before for a while, and then stops",
	.models = ALL_HANDLERS)
{
	struct server *server = serve(&(struct setup){
		.handler = obey, .options.lame_duck_ms = scaled_ms(SHORT_MS)});
	const struct record *lame, *quiesces;

	(void)hear(server, EVENT(HARK_EVENT_SERVING));
	command(server, STOP);
	lame = hear(server, EVENT(HARK_EVENT_LAME_DUCK));
	quiesces = hear(server, EVENT(HARK_EVENT_QUIESCING));
	CHECK_INT(quiesces->at_ms - lame->at_ms, >=, SHORT_MS - 1);
	wait_run(server);
	end(server);
}

/* X3 */
PROMISE(lame_duck_serves, "clients of a lame duck are served, and it says what it is",
	.models = ALL_HANDLERS)
{
	struct server *server = serve(&(struct setup){.handler = obey,
		.options.lame_duck_ms = NEVER_MS,
		.options.drain_ms = NEVER_MS});
	int client;

	(void)hear(server, EVENT(HARK_EVENT_SERVING));
	command(server, STOP);
	(void)hear(server, EVENT(HARK_EVENT_LAME_DUCK));
	client = dial(server);
	CHECK_INT(ask_number(client, "state\n"), ==, HARK_SERVER_LAME_DUCK);
	CHECK_INT(ask_number(client, "draining\n"), ==, false);
	net_close(client);
	command(server, STOP); /* at once */
	wait_run(server);
	end(server);
}

/* S5 X3: the handshake of each was completed before the stop */
PROMISE(stop_queue, "who is in the queue when the server stops is served")
{
	struct server *server = serve(&(struct setup){.handler = obey,
		.options.max_connections = 1,
		.options.drain_ms = NEVER_MS});
	int busy = dial(server), clients[WAITING];

	ask(busy, "ping\n", "pong\n");
	for (int i = 0; i < WAITING; i++)
		clients[i] = dial(server);
	command(server, STOP);
	WAIT_UNTIL(ask_number(busy, "draining\n") == true);
	net_close(busy);
	for (int i = 0; i < WAITING; i++) {
		ask(clients[i], "ping\n", "pong\n");
		net_close(clients[i]);
	}
	end(server);
}

static void stop_before_run(void)
{
	wait_at_gate();
	CHECK_INT(hark_server_state(served()), ==, HARK_SERVER_OPENING);
	CHECK_OK(hark_server_stop(served()));
}

/* S5 X3 */
PROMISE(stop_before,
	"a server that was stopped before it ran serves the queue, and ends")
{
	struct server *server =
		serve(&(struct setup){.handler = greet, .before_run = stop_before_run});
	int clients[WAITING];

	for (int i = 0; i < WAITING; i++)
		clients[i] = dial(server);
	open_gate(server, 1);
	for (int i = 0; i < WAITING; i++) {
		expect(clients[i], "hi\n");
		expect_end(clients[i]);
	}
	wait_run(server);
	CHECK_INT(stats(server)->accepted, ==, WAITING);
	end(server);
}

static void check_cut(struct server *server, int client)
{
	CHECK_ERR(hear_value(server, RESULT), -ESHUTDOWN);
	CHECK_ERR(hear_value(server, RESULT), -ESHUTDOWN);
	CHECK_ERR(hear_value(server, RESULT), -ESHUTDOWN);
	CHECK_ERR(hear_value(server, RESULT), -ESHUTDOWN);
	expect_gone(client);
	CHECK_INT(ending(server), ==, HARK_ENDED_CUT);
	wait_run(server);
	CHECK_INT(stats(server)->ended[HARK_ENDED_CUT], ==, 1);
	CHECK_INT(stats(server)->stuck, ==, 0);
}

/* S5 */
PROMISE(stop_twice, "a second stop cuts what goes on")
{
	struct server *server = serve(
		&(struct setup){.handler = hold_on, .options.drain_ms = NEVER_MS});
	int client = held(server);

	command(server, STOP);
	ask(client, "ohai", "ohai");
	command(server, STOP);
	check_cut(server, client);
	end(server);
}

/* S5 Q2 */
PROMISE(drain_deadline, "conversations that go on for too long are cut, and counted")
{
	struct server *server = serve(
		&(struct setup){.handler = hold_on, .options.drain_ms = SHORT_MS});
	int client = dial(server);

	(void)hear(server, ENTERED);
	command(server, STOP);
	check_cut(server, client);
	CHECK_INT(hear(server, EVENT(HARK_EVENT_DRAINED))->event.open, ==, 1);
	CHECK_INT(until_returned(server, TOLD_TO), >=, SHORT_MS - 1);
	end(server);
}

static void sleep_through(struct hark_conn *conn, void *ctx)
{
	(void)ctx;
	tell(ENTERED, 0);
	tell(RESULT, hark_conn_sleep(conn, NEVER_MS));
}

/* S5 */
PROMISE(cut_sleep, "who sleeps when the time to drain is over is woken")
{
	struct server *server = serve(&(struct setup){
		.handler = sleep_through, .options.drain_ms = SHORT_MS});
	int client = dial(server);

	(void)hear(server, ENTERED);
	command(server, STOP);
	CHECK_ERR(hear_value(server, RESULT), -ESHUTDOWN);
	expect_gone(client);
	end(server);
}

static void pour_till_cut(struct hark_conn *conn, void *ctx)
{
	static char bytes[1 << 16];
	int result = 0;

	(void)ctx;
	tell(ENTERED, 0);
	for (int i = 0; i < 1000 && result == 0; i++)
		result = hark_conn_write(conn, bytes, sizeof(bytes));
	tell(RESULT, result);
}

/* S5: its client reads nothing, so the write waits */
PROMISE(cut_write, "who writes when the time to drain is over is woken")
{
	struct server *server = serve(&(struct setup){
		.handler = pour_till_cut, .options.drain_ms = SHORT_MS});
	int client = dial_narrow(server);

	(void)hear(server, ENTERED);
	command(server, STOP);
	CHECK_ERR(hear_value(server, RESULT), -ESHUTDOWN);
	net_close(client);
	end(server);
}

static void stuck(struct hark_conn *conn, void *ctx)
{
	(void)conn, (void)ctx;
	tell(ENTERED, 0);
	wait_at_gate();
	tell(LEFT, 0);
}

static void destroy_in_the_end(void)
{
	bool thread = combination().model != HARK_MODEL_FORK && !combination().workers;
	int result;

	take_stats();
	result = hark_server_destroy(served());
	CHECK_ERR(result, thread ? -EBUSY : 0);
	tell(RESULT, result);
	if (result < 0)
		WAIT_UNTIL(hark_server_destroy(served()) == 0);
	tell(RESULT, 0);
	destroyed_already();
}

/* S5 Q2 */
PROMISE(stuck, "run returns on time though a handler is stuck in its own code")
{
	struct server *server = serve(&(struct setup){.handler = stuck,
		.options.drain_ms = SHORT_MS,
		.after_run = destroy_in_the_end});
	int client = held(server);

	command(server, STOP);
	if (hear_value(server, RESULT) == -EBUSY)
		open_gate(server, 1);
	CHECK_INT(hear_value(server, RESULT), ==, 0);
	CHECK_INT(stats(server)->stuck, ==, 1);
	CHECK_INT(until_returned(server, TOLD_TO), <, scaled_ms(5000));
	expect_gone(client);
	end(server);
}

/* S5 */
PROMISE(stop_from_handler, "a handler stops the server, answers, and returns")
{
	struct server *server =
		serve(&(struct setup){.handler = obey, .options.drain_ms = NEVER_MS});
	int client = dial(server);

	ask(client, "stop\n", "0\n");
	ask(client, "ping\n", "pong\n");
	net_close(client);
	wait_run(server);
	end(server);
}

static void stop_when_accepted(const struct hark_server_event *event)
{
	if (event->kind == HARK_EVENT_ACCEPTED)
		CHECK_OK(hark_server_stop(served()));
}

/* S5 S7 */
PROMISE(stop_from_hook, "the hook stops the server")
{
	struct server *server = serve(&(struct setup){.handler = obey,
		.on_event = stop_when_accepted,
		.options.drain_ms = NEVER_MS});
	int client = dial(server);

	ask(client, "ping\n", "pong\n");
	net_close(client);
	wait_run(server);
	end(server);
}

/* S5 */
PROMISE(stop_for_ever, "with time without end, busy ones are never cut", .slots = 2)
{
	struct server *server =
		serve(&(struct setup){.handler = obey, .options.drain_ms = -1});
	int one = dial(server), two = dial(server);

	ask(one, "ping\n", "pong\n");
	ask(two, "ping\n", "pong\n");
	stop_around(server, one);
	net_close(one);
	(void)usleep(20000); /* a cut would come now; the answer decides */
	ask(two, "ping\n", "pong\n");
	net_close(two);
	wait_run(server);
	CHECK_INT(stats(server)->ended[HARK_ENDED_CUT], ==, 0);
	end(server);
}

static void check_ended(void)
{
	struct hark_error err;

	take_stats();
	CHECK_INT(hark_server_state(served()), ==, HARK_SERVER_ENDED);
	CHECK(hark_server_run(served(), &err) < 0);
	CHECK_INT(hark_server_state(served()), ==, HARK_SERVER_ENDED);
	(void)hark_server_stop(served()); /* any number of times */
	(void)hark_server_stop(served());
}

/* S5: E4 for the second run */
PROMISE(runs_once, "a server runs once, and may be told to stop after it")
{
	struct server *server =
		serve(&(struct setup){.handler = obey, .after_run = check_ended});

	check_serves(server);
	command(server, STOP);
	wait_run(server);
	end(server);
}
