/* SPDX-License-Identifier: MIT
 *
 * Promises: every byte arrives, whatever the pace of the client.
 *
 * Not here: lines and the other ways to read (contract_lines.c), files (contract_file.c).
 */
#include "contract.h"

#include <hark.h>
#include <netinet/tcp.h>

enum { MEBIBYTE = 1 << 20 };

/* S2 S1 */
PROMISE(odd_sizes, "what is sent comes back, whatever its size", .models = ALL_MODELS)
{
	static const size_t sizes[] = {1, 2, 16383, 16384, 16385, 65537};
	struct server *server = serve(&(struct setup){.handler = echo});

	for (size_t i = 0; i < COUNT(sizes); i++) {
		int client = dial(server);

		exchange(client, sizes[i]);
		net_close(client);
	}
	end(server);
}

/* S2 S1 */
PROMISE(mebibyte, "a mebibyte comes back while it is being sent", .models = ALL_MODELS)
{
	struct server *server = serve(&(struct setup){.handler = echo});
	int client = dial(server);

	exchange(client, MEBIBYTE + 1);
	net_close(client);
	end(server);
}

/* S2: more at once than can run at once */
PROMISE(many, "many clients are served, each with its own bytes", .models = ALL_MODELS)
{
	enum { CLIENTS = 20 };
	struct server *server = serve(&(struct setup){.handler = echo});
	int clients[CLIENTS];

	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = dial(server);
		exchange(clients[i], i < slots() ? 300 : 0);
	}
	for (int i = 0; i < CLIENTS; i++) {
		exchange(clients[i], (size_t)i * 100);
		net_close(clients[i]);
	}
	end(server);
}

static void answer_at_the_end(struct hark_conn *conn, void *ctx)
{
	static unsigned char bytes[MEBIBYTE];
	const void *data;
	size_t got = 0;
	ssize_t n;

	(void)ctx;
	while ((n = hark_conn_receive(conn, &data)) > 0)
		got += (size_t)n;
	tell(RESULT, n);
	tell(RESULT, (long long)got);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = pattern(i);
	CHECK_OK(hark_conn_write(conn, bytes, sizeof(bytes)));
}

/* X1 S2 */
PROMISE(half_close, "a client that has said all still gets the whole answer")
{
	struct server *server = serve(&(struct setup){.handler = answer_at_the_end});
	int client = dial(server);

	net_send(client, "ohai\n");
	CHECK_SYS(shutdown(client, SHUT_WR));
	CHECK_INT(read_pattern(client), ==, MEBIBYTE);
	net_close(client);
	CHECK_INT(hear_value(server, RESULT), ==, 0);
	CHECK_INT(hear_value(server, RESULT), ==, 5);
	end(server);
}

/* X1 S1 */
PROMISE(half_close_echo, "a half-close comes back behind the last byte",
	.models = ALL_MODELS)
{
	struct server *server = serve(&(struct setup){.handler = echo});
	int client = dial(server);

	net_send(client, "ohai\n");
	CHECK_SYS(shutdown(client, SHUT_WR));
	expect(client, "ohai\n");
	expect_end(client);
	end(server);
}

enum { SLOWLY_BYTES = 48 * 1024, SIP_BYTES = 512, SIP_MS = 12 };

static void pour(struct hark_conn *conn, void *ctx)
{
	static unsigned char bytes[SLOWLY_BYTES];

	(void)ctx;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = pattern(i);
	tell(RESULT, hark_conn_write(conn, bytes, sizeof(bytes)));
}

static size_t sip(int client)
{
	unsigned char piece[SIP_BYTES];
	size_t got = 0;
	ssize_t n;

	while ((n = recv(client, piece, sizeof(piece), 0)) > 0) {
		for (ssize_t i = 0; i < n; i++, got++)
			CHECK_INT(piece[i], ==, pattern(got));
		(void)usleep(SIP_MS * 1000); /* a slow reader; what comes decides */
	}
	CHECK_INT(n, ==, 0);
	return got;
}

/* S2: it takes longer than the timeout, but never that long without a byte */
PROMISE(slow_reader, "a slow reader gets all, as long as bytes move")
{
	struct hark_listen_options narrow = {.send_buffer_bytes = 4096};
	struct server *server = serve(&(struct setup){.handler = pour,
		.listen_options = &narrow,
		.options.write_timeout_ms = scaled_ms(800)});
	int client = dial_narrow(server);
	long long start = now_ms();

	CHECK_INT(sip(client), ==, SLOWLY_BYTES);
	CHECK_INT(now_ms() - start, >, 800);
	CHECK_INT(hear_value(server, RESULT), ==, 0);
	net_close(client);
	end(server);
}

/* S2 */
PROMISE(slow_writer, "a byte at a time comes back a byte at a time",
	.models = ALL_MODELS)
{
	struct server *server = serve(&(struct setup){
		.handler = echo, .options.read_timeout_ms = scaled_ms(5000)});
	int client = dial(server), one = 1;

	CHECK_SYS(setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
	for (int i = 0; i < 100; i++) {
		char byte[2] = {(char)('a' + i % 26), '\0'};

		ask(client, byte, byte);
	}
	net_close(client);
	end(server);
}

static void read_into_ours(struct hark_conn *conn, void *ctx)
{
	char data[3];
	ssize_t n;

	(void)ctx;
	while ((n = hark_conn_read(conn, data, sizeof(data))) > 0) {
		CHECK_INT(n, <=, sizeof(data));
		if (hark_conn_write(conn, data, (size_t)n) < 0)
			return;
	}
}

/* S2 */
PROMISE(read, "reading into memory of one's own gets every byte")
{
	struct server *server = serve(&(struct setup){.handler = read_into_ours});
	int client = dial(server);

	exchange(client, 20000);
	net_close(client);
	end(server);
}

/* S2: the same way out as any other */
PROMISE(at_once, "a handler that returns at once ends the conversation")
{
	struct server *server = serve(&(struct setup){.handler = greet});
	int client = dial(server);

	expect(client, "hi\n");
	expect_end(client);
	end(server);
}
