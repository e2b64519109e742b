/* SPDX-License-Identifier: MIT
 *
 * Promises: timeouts, deadlines, sleeping, polling, and a connection onward.
 *
 * Not here: what a stop does to those who wait (contract_stop.c).
 */
#include "contract.h"

#include <fcntl.h>

enum { SOON_MS = 60 };

static void wait_for_client(struct hark_conn *conn, void *ctx)
{
	long long start = now_ms();
	const void *data;

	(void)ctx;
	tell(RESULT, hark_conn_receive(conn, &data));
	tell(RESULT, now_ms() - start);
}

/* S2 */
PROMISE(read_timeout, "a client that says nothing is waited for as long as said")
{
	struct server *server = serve(&(struct setup){
		.handler = wait_for_client, .options.read_timeout_ms = SOON_MS});
	int client = dial(server);

	CHECK_ERR(hear_value(server, RESULT), -ETIMEDOUT);
	CHECK_INT(hear_value(server, RESULT), >=, SOON_MS);
	CHECK_INT(ending(server), ==, HARK_ENDED_TIMED_OUT);
	expect_end(client);
	end(server);
}

static void shorten(struct hark_conn *conn, void *ctx)
{
	const void *data;

	(void)ctx;
	hark_conn_set_read_timeout(conn, 1);
	tell(RESULT, hark_conn_receive(conn, &data));
	hark_conn_set_read_timeout(conn, -1);
	tell(RESULT, hark_conn_receive(conn, &data));
}

/* S2 */
PROMISE(set_read_timeout, "a handler sets how long it waits, and goes on after it")
{
	struct server *server = serve(&(struct setup){
		.handler = shorten, .options.read_timeout_ms = scaled_ms(60000)});
	int client = dial(server);

	CHECK_ERR(hear_value(server, RESULT), -ETIMEDOUT);
	net_send(client, "ohai");
	CHECK_INT(hear_value(server, RESULT), ==, 4);
	net_close(client);
	end(server);
}

static void pour_for_ever(struct hark_conn *conn, void *ctx)
{
	static char bytes[1 << 16];
	int result = 0;

	(void)ctx;
	for (int i = 0; i < 1000 && result == 0; i++)
		result = hark_conn_write(conn, bytes, sizeof(bytes));
	tell(RESULT, result);
}

/* S2: 64 MB are more than any buffers of one connection hold */
PROMISE(write_timeout, "a client that never reads is waited for as long as said")
{
	struct server *server = serve(&(struct setup){
		.handler = pour_for_ever, .options.write_timeout_ms = SOON_MS});
	int client = dial_narrow(server);

	CHECK_ERR(hear_value(server, RESULT), -ETIMEDOUT);
	CHECK_INT(ending(server), ==, HARK_ENDED_TIMED_OUT);
	net_close(client);
	end(server);
}

static void echo_till_told(struct hark_conn *conn, void *ctx)
{
	const void *data;
	ssize_t n;

	(void)ctx;
	do {
		n = hark_conn_receive(conn, &data);
		if (n > 0)
			n = hark_conn_write(conn, data, (size_t)n);
	} while (n >= 0);
	tell(RESULT, n);
	tell(RESULT, hark_conn_receive(conn, &data));
	tell(RESULT, hark_conn_write(conn, "x", 1));
}

/* S2: bytes come and go all the time, which no timeout minds */
PROMISE(deadline, "a conversation that goes on past its deadline is told")
{
	struct server *server = serve(&(struct setup){.handler = echo_till_told,
		.options.deadline_ms = SOON_MS,
		.options.read_timeout_ms = scaled_ms(60000)});
	int client = dial(server);
	long long start = now_ms();

	while (told_times(server, RESULT) == 0 && now_ms() - start < scaled_ms(10000)) {
		(void)send(client, "x", 1, MSG_NOSIGNAL); /* the end may come before */
		(void)usleep(2000); /* the pace of a client; decides nothing */
	}
	CHECK_INT(now_ms() - start, >=, SOON_MS - 5);
	for (int i = 0; i < 3; i++)
		CHECK_ERR(hear_value(server, RESULT), -ETIMEDOUT);
	CHECK_INT(ending(server), ==, HARK_ENDED_TIMED_OUT);
	net_close(client);
	end(server);
}

static void set_deadline(struct hark_conn *conn, void *ctx)
{
	const void *data;

	(void)ctx;
	hark_conn_set_deadline(conn, SOON_MS);
	tell(RESULT, hark_conn_sleep(conn, 1000000));
	hark_conn_set_deadline(conn, -1);
	tell(RESULT, hark_conn_receive(conn, &data));
}

/* S2 */
PROMISE(set_deadline, "a handler sets its deadline, and takes it off again")
{
	struct server *server = serve(&(struct setup){.handler = set_deadline});
	int client = dial(server);

	CHECK_ERR(hear_value(server, RESULT), -ETIMEDOUT);
	net_send(client, "ohai");
	CHECK_INT(hear_value(server, RESULT), ==, 4);
	net_close(client);
	end(server);
}

static void nap(struct hark_conn *conn, void *ctx)
{
	long long start = now_ms();

	(void)ctx;
	tell(RESULT, hark_conn_sleep(conn, 0));
	tell(RESULT, hark_conn_sleep(conn, 20));
	tell(RESULT, now_ms() - start);
}

/* S2 */
PROMISE(sleep, "a handler sleeps as long as it says")
{
	struct server *server = serve(&(struct setup){.handler = nap});
	int client = dial(server);

	CHECK_INT(hear_value(server, RESULT), ==, 0);
	CHECK_INT(hear_value(server, RESULT), ==, 0);
	CHECK_INT(hear_value(server, RESULT), >=, 20);
	expect_end(client);
	end(server);
}

static void poll_both(struct hark_conn *conn, void *ctx)
{
	struct pollfd fds[2] = {{.fd = gate_fd(), .events = POLLIN},
		{.fd = hark_conn_fd(conn), .events = POLLIN}};
	const void *data;
	char *line;

	(void)ctx;
	tell(RESULT, hark_conn_poll(conn, fds, 2, 1));
	tell(ENTERED, 0);
	CHECK_INT(hark_conn_poll(conn, fds, 2, -1), ==, 1);
	tell(RESULT, fds[0].revents == POLLIN && fds[1].revents == 0);
	wait_at_gate();
	tell(ENTERED, 0);
	CHECK_INT(hark_conn_poll(conn, fds, 2, -1), ==, 1);
	tell(RESULT, fds[0].revents == 0 && fds[1].revents == POLLIN);
	CHECK_INT(hark_conn_read_line(conn, &line, NULL, 0), ==, 5);
	/* The second line came with the first, and is in no socket any longer. */
	CHECK_INT(hark_conn_poll(conn, fds, 2, -1), ==, 1);
	CHECK_INT(hark_conn_poll(conn, &fds[1], 1, 0), ==, 1);
	tell(RESULT, fds[1].revents == POLLIN);
	CHECK_INT(hark_conn_receive(conn, &data), ==, 4);
	CHECK_ERR(hark_conn_poll(conn, fds, 2, 0), -ETIMEDOUT);
}

/* S6 S2 */
PROMISE(poll,
	"a handler polls foreign descriptors beside its own, and what was read ahead")
{
	struct server *server = serve(&(struct setup){.handler = poll_both});
	int client = dial(server);

	CHECK_ERR(hear_value(server, RESULT), -ETIMEDOUT);
	(void)hear(server, ENTERED);
	open_gate(server, 1);
	CHECK_INT(hear_value(server, RESULT), ==, 1);
	(void)hear(server, ENTERED);
	net_send(client, "ohai\nrest");
	CHECK_INT(hear_value(server, RESULT), ==, 1);
	CHECK_INT(hear_value(server, RESULT), ==, 1);
	expect_end(client);
	end(server);
}

static struct hark_addr onward;

static void relay_a_line(struct hark_conn *conn, void *ctx)
{
	int fd = hark_conn_connect(conn, &onward, 5000);
	char *line, back[8];
	ssize_t n;

	(void)ctx;
	CHECK_OK(fd);
	CHECK_INT(fcntl(fd, F_GETFL) & O_NONBLOCK, ==, 0);
	CHECK_INT(fcntl(fd, F_GETFD) & FD_CLOEXEC, !=, 0);
	n = hark_conn_read_line(conn, &line, NULL, 0);
	CHECK_INT(n, ==, 5);
	CHECK_INT(send(fd, line, 4, MSG_NOSIGNAL), ==, 4);
	n = net_read_all(fd, back, sizeof(back));
	CHECK_INT(hark_conn_write(conn, back, (size_t)n), ==, 0);
	net_close(fd);
}

static void set_onward(const struct net_addr *to)
{
	CHECK_OK(hark_addr_from_sockaddr(&onward, &to->sa.any, to->length, NULL));
}

/* S2 */
PROMISE(connect, "a handler connects onward")
{
	int listener = net_listen(net_ip("127.0.0.1", 0), 1), client, fd;
	struct net_addr at = net_local(listener);
	struct server *server;

	set_onward(&at);
	server = serve(&(struct setup){.handler = relay_a_line});
	client = dial(server);
	net_send(client, "ohai\n");
	CHECK_SYS(fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	expect(fd, "ohai");
	net_send(fd, "back");
	net_close(fd);
	expect(client, "back");
	expect_end(client);
	net_close(listener);
	end(server);
}

static void fail_to_connect(struct hark_conn *conn, void *ctx)
{
	(void)ctx;
	tell(RESULT, hark_conn_connect(conn, &onward, 5000));
	tell(RESULT, hark_conn_error(conn)->code);
	tell(RESULT, hark_conn_printf(conn, "still here\n"));
}

/* S2 */
PROMISE(connect_refused, "a handler is told that a connection onward was refused")
{
	struct net_addr nobody = net_ip("127.0.0.1", net_free_port("127.0.0.1"));
	struct server *server;
	int client;

	set_onward(&nobody);
	server = serve(&(struct setup){.handler = fail_to_connect});
	client = dial(server);
	CHECK_ERR(hear_value(server, RESULT), -ECONNREFUSED);
	CHECK_ERR(hear_value(server, RESULT), -ECONNREFUSED);
	CHECK_INT(hear_value(server, RESULT), ==, 0);
	expect(client, "still here\n");
	expect_end(client);
	end(server);
}

static void connect_to_the_deaf(struct hark_conn *conn, void *ctx)
{
	(void)ctx;
	tell(RESULT, hark_conn_connect(conn, &onward, SOON_MS));
}

/* S2: a listener whose queue is full answers no handshake */
PROMISE(connect_timeout, "a handler waits for a connection onward as long as it says")
{
	int listener = net_listen(net_ip("127.0.0.1", 0), 0), client;
	struct net_addr at = net_local(listener);
	int filler = net_connect(at);
	struct server *server;

	net_wait_queue(listener, 1);
	set_onward(&at);
	server = serve(&(struct setup){.handler = connect_to_the_deaf});
	client = dial(server);
	CHECK_ERR(hear_value(server, RESULT), -ETIMEDOUT);
	expect_end(client);
	net_close(filler);
	net_close(listener);
	end(server);
}
