/* SPDX-License-Identifier: MIT
 *
 * Promises: a file is sent, and no signal comes of a client that is gone.
 */
#include "contract.h"

#include <fcntl.h>
#include <signal.h>

enum { FILE_BYTES = 300000 };

static int file = -1; /* opened by the test, inherited by the server */

static void open_file(void)
{
	unsigned char piece[1000];
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/file", temp_directory());
	CHECK_SYS(file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	for (size_t at = 0; at < FILE_BYTES; at += sizeof(piece)) {
		for (size_t i = 0; i < sizeof(piece); i++)
			piece[i] = pattern(at + i);
		CHECK_INT(write(file, piece, sizeof(piece)), ==, sizeof(piece));
	}
	CHECK_SYS(lseek(file, 7, SEEK_SET));
}

static bool pipe_signal_is_pending(void)
{
	sigset_t pending;

	CHECK_SYS(sigpending(&pending));
	return sigismember(&pending, SIGPIPE) == 1;
}

static void send_it(struct hark_conn *conn, void *ctx)
{
	(void)ctx;
	tell(RESULT, hark_conn_send_file(conn, file, 0, FILE_BYTES));
	tell(RESULT, lseek(file, 0, SEEK_CUR));
}

/* S2 */
PROMISE(send_file, "a file is sent, and its own offset stays")
{
	struct server *server;
	int client;

	open_file();
	server = serve(&(struct setup){.handler = send_it});
	client = dial(server);
	CHECK_INT(read_pattern(client), ==, FILE_BYTES);
	net_close(client);
	CHECK_INT(hear_value(server, RESULT), ==, 0);
	CHECK_INT(hear_value(server, RESULT), ==, 7);
	net_close(file);
	end(server);
}

static void send_parts(struct hark_conn *conn, void *ctx)
{
	(void)ctx;
	CHECK_INT(hark_conn_send_file(conn, file, 0, 0), ==, 0);
	CHECK_INT(hark_conn_send_file(conn, file, 'a', 3), ==, 0);
	CHECK_ERR(hark_conn_send_file(conn, file, FILE_BYTES - 1, 2), -ENODATA);
}

/* S2 */
PROMISE(send_part, "a part of a file is sent; an end before its end is told")
{
	struct server *server;
	int client;

	open_file();
	server = serve(&(struct setup){.handler = send_parts});
	client = dial(server);
	expect(client, "abc");
	net_close(client);
	net_close(file);
	end(server);
}

/* Until the client's reset has come back: what was sent before is a success. */
static void send_to_nobody(struct hark_conn *conn, void *ctx)
{
	const void *data;
	int result = 0;

	(void)ctx;
	if (next_turn() > 1) {
		obey(conn, ctx);
		return;
	}
	CHECK_INT(hark_conn_receive(conn, &data), ==, 0);
	for (int i = 0; i < 1000 && result == 0; i++) {
		result = hark_conn_send_file(conn, file, 0, 1000);
		(void)hark_conn_sleep(conn, 1); /* or it is gone already */
	}
	CHECK(result == -EPIPE || result == -ECONNRESET);
	result = hark_conn_send_file(conn, file, 0, 1000);
	CHECK(result == -EPIPE || result == -ECONNRESET);
	result = hark_conn_write(conn, "x", 1);
	CHECK(result == -EPIPE || result == -ECONNRESET);
	CHECK(!pipe_signal_is_pending());
	tell(RESULT, result);
}

/* S2 X2 */
PROMISE(send_file_gone, "a file for a client that is gone raises no signal")
{
	struct server *server;

	open_file();
	server = serve(&(struct setup){.handler = send_to_nobody});
	net_close(dial(server));
	(void)hear(server, RESULT);
	check_serves(server);
	net_close(file);
	end(server);
}

static void write_to_nobody(struct hark_conn *conn, void *ctx)
{
	const void *data;
	int result = 0;

	(void)ctx;
	if (next_turn() > 1) {
		obey(conn, ctx);
		return;
	}
	CHECK_INT(hark_conn_receive(conn, &data), ==, 0);
	for (int i = 0; i < 1000 && result == 0; i++) {
		result = hark_conn_write(conn, "ohai", 4);
		(void)hark_conn_sleep(conn, 1); /* or it is gone already */
	}
	CHECK(result == -EPIPE || result == -ECONNRESET);
	result = hark_conn_printf(conn, "x");
	CHECK(result == -EPIPE || result == -ECONNRESET);
	tell(RESULT, hark_conn_error(conn)->code);
}

/* S2 X2 */
PROMISE(write_gone, "a write to a client that is gone raises no signal")
{
	struct server *server = serve(&(struct setup){.handler = write_to_nobody});

	net_close(dial(server));
	(void)hear_value(server, RESULT);
	check_serves(server);
	end(server);
}
