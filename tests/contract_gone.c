/* SPDX-License-Identifier: MIT
 *
 * Promises: a client that resets its connection, at whatever stage, is seen by its handler
 * and by nobody else.
 *
 * Each server has one handler to whom it happens, the first; those after it obey, which
 * shows that the server goes on.
 */
#include "contract.h"

/* S8 P3: whether accept(2) gives it or not is the kernel's affair */
PROMISE(reset_in_queue, "a client that resets in the queue harms nobody")
{
	struct server *server = serve(&(struct setup){.handler = obey});
	int client;

	check_serves(server);
	command(server, PAUSE);
	hear_times(server, EVENT(HARK_EVENT_PAUSED), 1);
	client = dial(server);
	net_send(client, "ping\n");
	net_reset(client);
	command(server, RESUME);
	check_serves(server);
	end(server);
}

static bool is_reset(long long result)
{
	return result == -ECONNRESET || result == -EPIPE;
}

static void read_after_gate(struct hark_conn *conn, void *ctx)
{
	const void *data;
	char *line;

	if (next_turn() > 1) {
		obey(conn, ctx);
		return;
	}
	tell(ENTERED, 0);
	wait_at_gate();
	tell(RESULT, hark_conn_receive(conn, &data));
	tell(RESULT, hark_conn_read_line(conn, &line, NULL, 0));
	tell(RESULT, hark_conn_write(conn, "x", 1));
}

/* S8 S2 */
PROMISE(reset_before_read, "a client that resets before the first read is seen there")
{
	struct server *server = serve(&(struct setup){.handler = read_after_gate});
	int client = dial(server);

	(void)hear(server, ENTERED);
	net_reset(client);
	open_gate(server, 1);
	CHECK_ERR(hear_value(server, RESULT), -ECONNRESET);
	CHECK_ERR(hear_value(server, RESULT), -ECONNRESET);
	CHECK(is_reset(hear_value(server, RESULT)));
	CHECK_INT(ending(server), ==, HARK_ENDED_RESET);
	check_serves(server);
	end(server);
}

static void read_between(struct hark_conn *conn, void *ctx)
{
	const void *data;

	if (next_turn() > 1) {
		obey(conn, ctx);
		return;
	}
	CHECK_INT(hark_conn_receive(conn, &data), ==, 4);
	CHECK_INT(hark_conn_write(conn, data, 4), ==, 0);
	tell(RESULT, hark_conn_receive(conn, &data));
}

/* S8 S2 */
PROMISE(reset_between_reads, "a client that resets between two reads wakes the second")
{
	struct server *server = serve(&(struct setup){.handler = read_between});
	int client = dial(server);

	ask(client, "ohai", "ohai");
	net_reset(client);
	CHECK_ERR(hear_value(server, RESULT), -ECONNRESET);
	CHECK_INT(ending(server), ==, HARK_ENDED_RESET);
	check_serves(server);
	end(server);
}

static void write_and_write(struct hark_conn *conn, void *ctx)
{
	static char bytes[1 << 16];
	int result = 0;

	if (next_turn() > 1) {
		obey(conn, ctx);
		return;
	}
	for (int i = 0; i < 1000 && result == 0; i++)
		result = hark_conn_write(conn, bytes, sizeof(bytes));
	tell(RESULT, result);
	tell(RESULT, hark_conn_write(conn, bytes, sizeof(bytes)));
}

/* S8 S2 */
PROMISE(reset_during_write, "a client that resets wakes a write that waits for it")
{
	struct server *server = serve(&(struct setup){.handler = write_and_write});
	int client = dial(server);
	char byte[2];

	CHECK_INT(net_read(client, byte, sizeof(byte), 1), ==, 1);
	net_reset(client);
	CHECK(is_reset(hear_value(server, RESULT)));
	CHECK(is_reset(hear_value(server, RESULT)));
	CHECK_INT(ending(server), ==, HARK_ENDED_RESET);
	check_serves(server);
	end(server);
}

static void rest(struct hark_conn *conn, void *ctx)
{
	const void *data;

	if (next_turn() > 1) {
		obey(conn, ctx);
		return;
	}
	hark_conn_idle(conn, true);
	tell(ENTERED, 0);
	tell(RESULT, hark_conn_receive(conn, &data));
}

/* S8 S5 */
PROMISE(reset_while_idle, "a client that resets wakes an idle handler")
{
	struct server *server = serve(&(struct setup){.handler = rest});
	int client = dial(server);

	(void)hear(server, ENTERED);
	net_reset(client);
	CHECK_ERR(hear_value(server, RESULT), -ECONNRESET);
	CHECK_INT(ending(server), ==, HARK_ENDED_RESET);
	check_serves(server);
	end(server);
}

/* S8: nothing is there to be sent to it, and no close waits for it */
PROMISE(close_without_a_word, "a client that says nothing and goes ends its handler")
{
	struct server *server = serve(&(struct setup){.handler = obey});

	net_close(dial(server));
	CHECK_INT(hear_value(server, LEFT), ==, 0);
	CHECK_INT(ending(server), ==, HARK_ENDED_RETURNED);
	check_serves(server);
	end(server);
}
