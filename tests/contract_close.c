/* SPDX-License-Identifier: MIT
 *
 * Promises: the ways in which a conversation ends, and what of it the client still gets.
 */
#include "contract.h"

#include <fcntl.h>
#include <pthread.h>

enum { TAIL_BYTES = 200000, UNREAD_BYTES = 1 << 20 };

static void answer_unread(struct hark_conn *conn, void *ctx)
{
	static unsigned char bytes[TAIL_BYTES];
	char one;

	(void)ctx;
	CHECK_INT(hark_conn_read(conn, &one, 1), ==, 1);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = pattern(i);
	CHECK_INT(hark_conn_write(conn, bytes, sizeof(bytes)), ==, 0);
}

/* X1 S2: a plain close would answer the unread megabyte with a reset */
PROMISE(tail, "the tail of an answer arrives though the request was not read")
{
	struct server *server = serve(&(struct setup){.handler = answer_unread});
	static char request[UNREAD_BYTES];
	int client = dial(server);

	CHECK_INT(send(client, request, sizeof(request), MSG_NOSIGNAL), ==,
		sizeof(request));
	CHECK_INT(read_pattern(client), ==, TAIL_BYTES);
	net_close(client);
	CHECK_INT(ending(server), ==, HARK_ENDED_RETURNED);
	end(server);
}

static void greet_unread(struct hark_conn *conn, void *ctx)
{
	if (next_turn() > 1) {
		obey(conn, ctx);
		return;
	}
	CHECK_INT(hark_conn_write(conn, "bye\n", 4), ==, 0);
	tell(LEFT, 0);
}

/* X1 S4: the first client has been answered, and has not ended */
PROMISE(linger_apart, "who lingers takes no place of another")
{
	struct server *server = serve(&(struct setup){.handler = greet_unread,
		.options.max_connections = 1,
		.options.linger.idle_ms = scaled_ms(15000)});
	int first = dial(server), second;

	net_send(first, "never read");
	expect(first, "bye\n");
	second = dial(server);
	/* Its place is free a moment before it is counted so. */
	WAIT_UNTIL(ask_number(second, "stats\n") == 0 && stats(server)->lingering == 1);
	CHECK_INT(stats(server)->open, ==, 1);
	net_close(second);
	expect_end(first);
	end(server);
}

/* X1 S4 N7: more of them than there are places, and then another client */
PROMISE(many_linger, "any number may linger, and others are served all the same")
{
	enum { CLIENTS = 12 };
	struct server *server = serve(&(struct setup){.handler = greet,
		.options.max_connections = 1,
		.options.linger.idle_ms = scaled_ms(15000)});
	int clients[CLIENTS];

	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = dial(server);
		net_send(clients[i], "never read");
		expect(clients[i], "hi\n");
	}
	for (int i = 0; i < CLIENTS; i++)
		net_close(clients[i]);
	end(server);
}

/* X1 S5: the first client never ends, nor does it send */
PROMISE(linger_bound, "a client that never ends is waited for no longer than said")
{
	struct server *server = serve(
		&(struct setup){.handler = greet_unread, .options.linger.idle_ms = 20});
	int client = dial(server);

	expect(client, "bye\n");
	do {
		int other = dial(server);

		ask(other, "stats\n", "0\n");
		net_close(other);
	} while (stats(server)->lingering > 0);
	end(server);
	expect_end(client);
}

static void close_at_once(struct hark_conn *conn, void *ctx)
{
	struct pollfd readable = {.fd = hark_conn_fd(conn), .events = POLLIN};

	(void)ctx;
	CHECK_INT(hark_conn_poll(conn, &readable, 1, -1), ==, 1);
	hark_conn_close_with(conn, HARK_CLOSE_AT_ONCE);
}

/* X1 X2 */
PROMISE(close_at_once, "closed at once, input that was not read makes it a reset")
{
	struct server *server = serve(&(struct setup){.handler = close_at_once});
	int client = dial(server);

	net_send(client, "not read");
	expect_reset(client);
	CHECK_INT(ending(server), ==, HARK_ENDED_RETURNED);
	end(server);
}

static void close_with_reset(struct hark_conn *conn, void *ctx)
{
	(void)ctx;
	hark_conn_close_with(conn, HARK_CLOSE_RESET);
}

/* X1 */
PROMISE(close_reset, "a handler can have its return reset the connection")
{
	struct server *server = serve(&(struct setup){.handler = close_with_reset});

	expect_refused(server, "127.0.0.1");
	CHECK_INT(ending(server), ==, HARK_ENDED_RETURNED);
	end(server);
}

static void abort_it(struct hark_conn *conn, void *ctx)
{
	const void *data;
	char *line;

	(void)ctx;
	CHECK_INT(hark_conn_receive(conn, &data), ==, 4);
	hark_conn_abort(conn);
	tell(RESULT, hark_conn_receive(conn, &data));
	tell(RESULT, hark_conn_read_line(conn, &line, NULL, 0));
	tell(RESULT, hark_conn_write(conn, "x", 1));
	wait_at_gate();
}

/* X1: now, and not when the handler returns */
PROMISE(abort, "aborted, it is reset now, and every call says so")
{
	struct server *server = serve(&(struct setup){.handler = abort_it});
	int client = dial(server);

	net_send(client, "ohai");
	for (int i = 0; i < 3; i++)
		CHECK_ERR(hear_value(server, RESULT), -ECONNRESET);
	expect_reset(client);
	open_gate(server, 1);
	end(server);
}

static void say_all_then_listen(struct hark_conn *conn, void *ctx)
{
	const void *data;
	ssize_t n;

	(void)ctx;
	CHECK_INT(hark_conn_write(conn, "that is all\n", 12), ==, 0);
	CHECK_INT(hark_conn_close_write(conn), ==, 0);
	CHECK_INT(hark_conn_close_write(conn), ==, 0);
	while ((n = hark_conn_receive(conn, &data)) > 0)
		tell(RESULT, n);
	tell(RESULT, n);
	tell(RESULT, hark_conn_write(conn, "x", 1));
}

/* X1 X2: twice is no error */
PROMISE(close_write, "a handler that has said all still reads")
{
	struct server *server = serve(&(struct setup){.handler = say_all_then_listen});
	char got[32];
	int client = dial(server);

	CHECK_INT(net_read_all(client, got, sizeof(got)), ==, 12);
	net_send(client, "ohai");
	CHECK_INT(hear_value(server, RESULT), ==, 4);
	net_close(client);
	CHECK_INT(hear_value(server, RESULT), ==, 0);
	CHECK_ERR(hear_value(server, RESULT), -EPIPE);
	end(server);
}

static void take_it(struct hark_conn *conn, void *ctx)
{
	const void *ahead = NULL, *data;
	size_t size = 0;
	char *line;
	int fd;

	(void)ctx;
	CHECK_INT(hark_conn_read_line(conn, &line, NULL, 0), ==, 5);
	CHECK_ERR(hark_conn_release(conn, NULL, NULL), -EBUSY);
	fd = hark_conn_release(conn, &ahead, &size);
	CHECK_OK(fd);
	CHECK_INT(fcntl(fd, F_GETFL) & O_NONBLOCK, ==, 0);
	CHECK_INT(size, ==, 4);
	CHECK(memcmp(ahead, "rest", 4) == 0);
	CHECK_ERR(hark_conn_receive(conn, &data), -EBADF);
	CHECK_ERR(hark_conn_write(conn, "x", 1), -EBADF);
	CHECK_ERR(hark_conn_release(conn, &ahead, &size), -EBADF);
	CHECK_INT(send(fd, "by hand\n", 8, MSG_NOSIGNAL), ==, 8);
	net_close(fd);
}

/* S2 */
PROMISE(release,
	"a released descriptor is plain, and what was read ahead is handed out")
{
	struct server *server = serve(&(struct setup){.handler = take_it});
	int client = dial(server);

	net_send(client, "ohai\nrest");
	expect(client, "by hand\n");
	expect_end(client);
	CHECK_INT(ending(server), ==, HARK_ENDED_RELEASED);
	end(server);
}

static void *use_later(void *ctx)
{
	int fd = (int)(intptr_t)ctx;

	wait_at_gate();
	CHECK_INT(send(fd, "later\n", 6, MSG_NOSIGNAL), ==, 6);
	net_close(fd);
	return NULL;
}

static void take_and_return(struct hark_conn *conn, void *ctx)
{
	pthread_t thread;
	int fd;

	if (next_turn() > 1) {
		obey(conn, ctx);
		return;
	}
	fd = hark_conn_release(conn, NULL, NULL);
	CHECK_OK(fd);
	CHECK_INT(
		pthread_create(&thread, NULL, use_later, (void *)(intptr_t)fd), ==, 0);
	CHECK_INT(pthread_detach(thread), ==, 0);
}

/* S2: where handlers share a process; in the fork model it ends with the handler */
PROMISE(release_later, "a released descriptor outlives its handler",
	.models = MODEL(SERIAL) | MODELS_OF_MEMORY)
{
	struct server *server = serve(&(struct setup){.handler = take_and_return});
	int client = dial(server);

	CHECK_INT(ending(server), ==, HARK_ENDED_RELEASED);
	check_serves(server);
	open_gate(server, 1);
	expect(client, "later\n");
	expect_end(client);
	end(server);
}
