/* SPDX-License-Identifier: MIT
 *
 * Clients of the server under test, by plain POSIX calls.
 */
#include "contract.h"

#include <poll.h>
#include <stdlib.h>

enum { NARROW_BYTES = 2048, EXCHANGE_MS = 15000, PIECE_BYTES = 16384 };

int dial(const struct server *server)
{
	return net_connect(server->at[0]);
}

int dial_nth(const struct server *server, int listener)
{
	return net_connect(server->at[listener]);
}

static int new_client(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_SYS(fd);
	return fd;
}

int try_dial_from(const struct server *server, const char *ip)
{
	struct net_addr from = net_ip(ip, 0);
	int fd = new_client(), code;

	CHECK_SYS(bind(fd, &from.sa.any, from.length));
	if (connect(fd, &server->at[0].sa.any, server->at[0].length) == 0)
		return fd;
	code = errno;
	net_close(fd);
	return -code;
}

int dial_from(const struct server *server, const char *ip)
{
	int fd = try_dial_from(server, ip);

	CHECK_OK(fd);
	return fd;
}

/* The window of the handshake is made of it, so it is set before. */
int dial_narrow(const struct server *server)
{
	int fd = new_client(), bytes = NARROW_BYTES;

	CHECK_SYS(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)));
	CHECK_SYS(connect(fd, &server->at[0].sa.any, server->at[0].length));
	return fd;
}

void expect(int client, const char *text)
{
	char got[4096];
	ssize_t n = net_read(client, got, sizeof(got), strlen(text));

	CHECK_OK(n);
	CHECK_STR(got, text);
}

static ssize_t read_on(int client)
{
	char got[64];
	ssize_t n = net_read(client, got, sizeof(got), 1);

	net_close(client);
	return n;
}

void expect_end(int client)
{
	CHECK_INT(read_on(client), ==, 0);
}

void expect_reset(int client)
{
	CHECK_ERR(read_on(client), -ECONNRESET);
}

void expect_refused(const struct server *server, const char *ip)
{
	int client = try_dial_from(server, ip);

	if (client < 0)
		CHECK_ERR(client, -ECONNRESET);
	else
		expect_reset(client);
}

void expect_gone(int client)
{
	ssize_t n = read_on(client);

	CHECK(n == 0 || n == -ECONNRESET);
}

void ask(int client, const char *question, const char *answer)
{
	net_send(client, question);
	expect(client, answer);
}

long long ask_number(int client, const char *question)
{
	char text[32] = "";
	size_t used = 0;

	net_send(client, question);
	while (!strchr(text, '\n')) {
		CHECK_INT(used, <, sizeof(text) - 1);
		CHECK_INT(net_read(client, text + used, sizeof(text) - used, 1), ==, 1);
		used++;
	}
	return atoll(text);
}

void check_serves(struct server *server)
{
	int client = dial(server);

	ask(client, "ping\n", "pong\n");
	net_close(client);
}

unsigned char pattern(size_t at)
{
	return (unsigned char)(at ^ at >> 8 ^ at >> 16);
}

static size_t send_more(int client, size_t sent, size_t size)
{
	unsigned char piece[PIECE_BYTES];
	size_t n = size - sent < sizeof(piece) ? size - sent : sizeof(piece);
	ssize_t result;

	for (size_t i = 0; i < n; i++)
		piece[i] = pattern(sent + i);
	result = send(client, piece, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	CHECK(result > 0 || errno == EAGAIN);
	return result > 0 ? (size_t)result : 0;
}

static size_t read_more(int client, size_t got)
{
	unsigned char piece[PIECE_BYTES];
	ssize_t n = recv(client, piece, sizeof(piece), MSG_DONTWAIT);

	CHECK(n > 0 || (n < 0 && errno == EAGAIN));
	for (ssize_t i = 0; i < n; i++)
		if (piece[i] != pattern(got + (size_t)i))
			harness_fail(__FILE__, __LINE__, "byte %zu came back wrong",
				got + (size_t)i);
	return n > 0 ? (size_t)n : 0;
}

void exchange(int client, size_t size)
{
	long long deadline = deadline_ms(EXCHANGE_MS);
	size_t sent = 0, got = 0;

	while (got < size) {
		struct pollfd ready = {.fd = client, .events = POLLIN};

		if (sent < size)
			ready.events |= POLLOUT;
		CHECK_INT(poll(&ready, 1, left_ms(deadline)), >, 0);
		if (ready.revents & POLLOUT)
			sent += send_more(client, sent, size);
		if (ready.revents & ~POLLOUT)
			got += read_more(client, got);
	}
}

size_t read_pattern(int client)
{
	struct pollfd ready = {.fd = client, .events = POLLIN};
	unsigned char piece[PIECE_BYTES];
	long long deadline = deadline_ms(EXCHANGE_MS);
	size_t got = 0;
	ssize_t n;

	for (;;) {
		CHECK_INT(poll(&ready, 1, left_ms(deadline)), >, 0);
		n = recv(client, piece, sizeof(piece), MSG_DONTWAIT);
		CHECK_SYS(n);
		if (n <= 0)
			return got;
		for (ssize_t i = 0; i < n; i++, got++)
			if (piece[i] != pattern(got))
				harness_fail(
					__FILE__, __LINE__, "byte %zu is wrong", got);
	}
}
