/* SPDX-License-Identifier: MIT
 *
 * Promises: lines, delimiters, looking ahead, formatted writing, and their bounds.
 */
#include "contract.h"

#include <stdlib.h>

/* Each line is answered with the result, its length, and itself; a failure by its name. */
static void tell_lines(struct hark_conn *conn, void *ctx)
{
	const void *rest;
	size_t length = 0;
	ssize_t n;
	char *line;

	(void)ctx;
	while ((n = hark_conn_read_line(conn, &line, &length, 0)) > 0)
		CHECK_OK(hark_conn_printf(conn, "%zd %zu '%s'\n", n, length, line));
	CHECK_OK(hark_conn_printf(conn, "%s\n", n ? errno_name(n) : "end"));
	if (n == 0)
		CHECK_OK(hark_conn_printf(
			conn, "then %zd\n", hark_conn_receive(conn, &rest)));
}

static void send_bytes(int client, const void *bytes, size_t size)
{
	CHECK_INT(send(client, bytes, size, MSG_NOSIGNAL), ==, (long long)size);
}

/* S2 */
PROMISE(lines, "lines end with LF or CR LF, may be empty, and come one by one")
{
	struct server *server = serve(&(struct setup){.handler = tell_lines});
	int client = dial(server);

	net_send(client, "ohai\r\nhello\n\n\r\na\rb\n\r\r\n");
	expect(client, "6 4 'ohai'\n6 5 'hello'\n1 0 ''\n2 0 ''\n"
		       "4 3 'a\rb'\n3 1 '\r'\n");
	for (const char *at = "slow\r\n"; *at; at++)
		send_bytes(client, at, 1);
	expect(client, "6 4 'slow'\n");
	CHECK_SYS(shutdown(client, SHUT_WR));
	expect(client, "end\n");
	net_close(client);
	end(server);
}

/* S2 */
PROMISE(unfinished_line, "an end before the newline is an end, and the rest can be had")
{
	struct server *server = serve(&(struct setup){.handler = tell_lines});
	int client = dial(server);

	net_send(client, "ohai\nunfini");
	CHECK_SYS(shutdown(client, SHUT_WR));
	expect(client, "5 4 'ohai'\nend\nthen 6\n");
	expect_end(client);
	end(server);
}

/* S2 N7 */
PROMISE(nul_in_line, "a line that holds a NUL is refused")
{
	struct server *server = serve(&(struct setup){.handler = tell_lines});
	int client = dial(server);

	send_bytes(client, "good\nb\0d\n", 9);
	expect(client, "5 4 'good'\nEILSEQ\n");
	expect_end(client);
	end(server);
}

enum { SHORT = 6 };

static void refuse_long_lines(struct hark_conn *conn, void *ctx)
{
	const void *rest;
	ssize_t n;
	char *line;

	(void)ctx;
	while ((n = hark_conn_read_line(conn, &line, NULL, SHORT)) > 0)
		CHECK_OK(hark_conn_printf(conn, "%s\n", line));
	CHECK_ERR(n, -EMSGSIZE);
	CHECK_ERR(hark_conn_read_line(conn, &line, NULL, SHORT), -EMSGSIZE);
	n = hark_conn_read_line(conn, &line, NULL, 0);
	CHECK_OK(hark_conn_printf(conn, "after all: %s\n", line));
	CHECK_ERR(hark_conn_read_until(conn, '!', &rest, 2), -EMSGSIZE);
	n = hark_conn_receive(conn, &rest);
	CHECK_OK(hark_conn_write(conn, rest, (size_t)n));
}

/* S2 N7 */
PROMISE(long_line, "a line longer than the bound is refused, and can be read otherwise")
{
	struct server *server = serve(&(struct setup){.handler = refuse_long_lines});
	int client = dial(server);

	net_send(client, "short\n");
	expect(client, "short\n"); /* with its newline, just as long as may be */
	net_send(client, "longer\nrest");
	expect(client, "after all: longer\nrest");
	expect_end(client);
	end(server);
}

static void fill_buffer(struct hark_conn *conn, void *ctx)
{
	const void *data;
	size_t got = 0;
	ssize_t n;
	char *line;

	(void)ctx;
	n = hark_conn_read_line(conn, &line, NULL, 0);
	CHECK_INT(n, ==, HARK_CONN_BUFFER_BYTES);
	CHECK_INT(line[0], ==, 'x');
	CHECK_INT(strlen(line), ==, HARK_CONN_BUFFER_BYTES - 1);
	CHECK_ERR(hark_conn_read_line(conn, &line, NULL, 0), -EMSGSIZE);
	CHECK_ERR(hark_conn_read_line(conn, &line, NULL, SIZE_MAX), -EMSGSIZE);
	CHECK_INT(hark_conn_peek(conn, &data, HARK_CONN_BUFFER_BYTES), ==,
		HARK_CONN_BUFFER_BYTES);
	while ((n = hark_conn_receive(conn, &data)) > 0)
		got += (size_t)n;
	tell(RESULT, (long long)got);
}

/* S2 N7: with its newline a line may be as long as the buffer */
PROMISE(longest_line, "a line as long as the buffer is one, a longer one is refused")
{
	struct server *server = serve(&(struct setup){.handler = fill_buffer});
	char *line = malloc(HARK_CONN_BUFFER_BYTES + 1);
	int client = dial(server);

	CHECK(line != NULL);
	memset(line, 'x', HARK_CONN_BUFFER_BYTES + 1);
	line[HARK_CONN_BUFFER_BYTES - 1] = '\n';
	send_bytes(client, line, HARK_CONN_BUFFER_BYTES);
	line[HARK_CONN_BUFFER_BYTES - 1] = 'x';
	line[HARK_CONN_BUFFER_BYTES] = '\n';
	send_bytes(client, line, HARK_CONN_BUFFER_BYTES + 1);
	CHECK_SYS(shutdown(client, SHUT_WR));
	CHECK_INT(hear_value(server, RESULT), ==, HARK_CONN_BUFFER_BYTES + 1);
	expect_end(client);
	free(line);
	end(server);
}

static void split(struct hark_conn *conn, void *ctx)
{
	const void *data;
	ssize_t n;

	(void)ctx;
	while ((n = hark_conn_read_until(conn, ';', &data, 0)) > 0)
		CHECK_OK(hark_conn_printf(conn, "[%.*s]", (int)n, (const char *)data));
	CHECK_INT(n, ==, 0);
	n = hark_conn_receive(conn, &data);
	CHECK_OK(hark_conn_printf(conn, "(%.*s)", (int)n, (const char *)data));
	CHECK_INT(hark_conn_receive(conn, &data), ==, 0);
}

/* S2 */
PROMISE(read_until, "reading up to a delimiter gives it, too, and never more")
{
	struct server *server = serve(&(struct setup){.handler = split});
	int client = dial(server);

	net_send(client, "a;bc;;d");
	expect(client, "[a;][bc;][;]");
	net_send(client, "ef;rest");
	CHECK_SYS(shutdown(client, SHUT_WR));
	expect(client, "[def;](rest)");
	expect_end(client);
	end(server);
}

static void look_ahead(struct hark_conn *conn, void *ctx)
{
	const void *data;
	char *line;
	ssize_t n;

	(void)ctx;
	n = hark_conn_peek(conn, &data, 1);
	CHECK_OK(hark_conn_printf(conn, "%.1s", (const char *)data));
	n = hark_conn_peek(conn, &data, 4);
	CHECK_INT(n, >=, 4);
	CHECK(memcmp(data, "abcd", 4) == 0);
	n = hark_conn_read_line(conn, &line, NULL, 0);
	CHECK_OK(hark_conn_printf(conn, "%zd %s", n, line));
	CHECK_INT(hark_conn_peek(conn, &data, 3), ==, 0); /* but two, and the end */
	n = hark_conn_receive(conn, &data);
	CHECK_OK(hark_conn_printf(conn, "(%.*s)", (int)n, (const char *)data));
}

/* S2 */
PROMISE(peek, "what was looked at stays to be read")
{
	struct server *server = serve(&(struct setup){.handler = look_ahead});
	int client = dial(server);

	net_send(client, "a");
	expect(client, "a");
	net_send(client, "bcd\n");
	expect(client, "5 abcd");
	net_send(client, "ef");
	CHECK_SYS(shutdown(client, SHUT_WR));
	expect(client, "(ef)");
	expect_end(client);
	end(server);
}

static void print(struct hark_conn *conn, void *ctx)
{
	enum { MOST = HARK_CONN_BUFFER_BYTES };

	(void)ctx;
	CHECK_INT(hark_conn_printf(conn, "%s-%d|", "ohai", 42), ==, 0);
	CHECK_ERR(hark_conn_printf(conn, "%*d", MOST + 1, 1), -EMSGSIZE);
	CHECK_INT(hark_conn_printf(conn, "|"), ==, 0);
	CHECK_INT(hark_conn_printf(conn, "%s", ""), ==, 0);
	CHECK_INT(hark_conn_printf(conn, "%*d", MOST, 7), ==, 0);
}

/* S2 N7 */
PROMISE(printf, "what is too long to be printed is refused, and nothing of it sent")
{
	struct server *server = serve(&(struct setup){.handler = print});
	char got[HARK_CONN_BUFFER_BYTES + 64];
	int client = dial(server);

	CHECK_INT(
		net_read_all(client, got, sizeof(got)), ==, 9 + HARK_CONN_BUFFER_BYTES);
	got[11] = '\0';
	CHECK_STR(got, "ohai-42||  ");
	net_close(client);
	end(server);
}

static void line_then_rest(struct hark_conn *conn, void *ctx)
{
	const void *data;
	char *line, one;
	ssize_t n;

	(void)ctx;
	CHECK_INT(hark_conn_read_line(conn, &line, NULL, 0), ==, 5);
	CHECK_INT(hark_conn_read(conn, &one, 1), ==, 1);
	CHECK_INT(one, ==, 'r');
	n = hark_conn_receive(conn, &data);
	CHECK_OK(hark_conn_write(conn, data, (size_t)n));
}

/* S2 */
PROMISE(ways_to_read, "the ways to read take turns on one stream")
{
	struct server *server = serve(&(struct setup){.handler = line_then_rest});
	int client = dial(server);

	net_send(client, "ohai\nrest");
	expect(client, "est");
	expect_end(client);
	end(server);
}
