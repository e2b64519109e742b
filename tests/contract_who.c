/* SPDX-License-Identifier: MIT
 *
 * Promises: whom a handler talks to, and at which of several listeners.
 */
#include "contract_stage.h"
#include "ipv6.h"

static void remember(struct hark_conn *conn, void *ctx)
{
	int mine;

	CHECK(ctx == stage);
	CHECK(hark_conn_user(conn) == NULL);
	hark_conn_set_user(conn, &mine);
	CHECK(hark_conn_user(conn) == &mine);
	CHECK_INT(hark_conn_error(conn)->code, ==, 0);
	CHECK(!hark_conn_draining(conn));
	greet(conn, ctx);
}

/* S2 */
PROMISE(user, "a handler has its context, and room for a pointer of its own")
{
	struct server *server = serve(&(struct setup){.handler = remember});

	for (int i = 0; i < 3; i++) {
		int client = dial(server);

		expect(client, "hi\n");
		expect_end(client);
	}
	end(server);
}

static bool is_among(long long number, const long long *numbers, int count)
{
	for (int i = 0; i < count; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

/* S2 S7 */
PROMISE(number, "each conversation has a number of its own, over all workers")
{
	enum { CLIENTS = 24 };
	struct server *server = serve(&(struct setup){.handler = obey});
	long long numbers[CLIENTS];

	for (int i = 0; i < CLIENTS; i++) {
		int client = dial(server);

		numbers[i] = ask_number(client, "number\n");
		CHECK_INT(numbers[i], >=, 1);
		CHECK(!is_among(numbers[i], numbers, i));
		net_close(client);
	}
	for (int i = 0; i < CLIENTS; i++) {
		const struct record *event = hear(server, EVENT(HARK_EVENT_CLOSED));

		CHECK(is_among((long long)event->event.number, numbers, CLIENTS));
	}
	end(server);
}

static void tell_addresses(struct hark_conn *conn, void *ctx)
{
	char peer[HARK_ADDR_TEXT_MAX], local[HARK_ADDR_TEXT_MAX];

	(void)ctx;
	(void)hark_addr_text(hark_conn_peer_addr(conn), peer, sizeof(peer));
	(void)hark_addr_text(hark_conn_local_addr(conn), local, sizeof(local));
	CHECK_INT(hark_conn_printf(conn, "%s to %s\n", peer, local), ==, 0);
}

enum { TEXT_MAX = 2 * HARK_ADDR_TEXT_MAX + 8 };

/* The text of a socket's own address, and of what it is connected to. */
static void text_of(int fd, char text[TEXT_MAX])
{
	struct net_addr own = net_local(fd), other = {.length = sizeof(other.sa)};
	char peer[HARK_ADDR_TEXT_MAX], local[HARK_ADDR_TEXT_MAX];
	struct hark_addr addr;

	CHECK_OK(hark_addr_from_sockaddr(&addr, &own.sa.any, own.length, NULL));
	(void)hark_addr_text(&addr, peer, sizeof(peer));
	CHECK_SYS(getpeername(fd, &other.sa.any, &other.length));
	CHECK_OK(hark_addr_from_sockaddr(&addr, &other.sa.any, other.length, NULL));
	(void)hark_addr_text(&addr, local, sizeof(local));
	(void)snprintf(text, TEXT_MAX, "%s to %s\n", peer, local);
}

static void check_addresses(int client)
{
	char text[TEXT_MAX];

	text_of(client, text);
	expect(client, text);
	expect_end(client);
}

static const char *unix_listener(void)
{
	static char text[128];

	(void)snprintf(text, sizeof(text), "unix:%s/socket", temp_directory());
	return text;
}

static const char *abstract_listener(void)
{
	static char text[64];

	(void)snprintf(text, sizeof(text), "unix:@hark-contract-%d", (int)getpid());
	return text;
}

/* S2 P6 A4 */
PROMISE(addresses, "a handler knows both addresses of its connection")
{
	struct server *server = serve(&(struct setup){.handler = tell_addresses,
		.listen = {"127.0.0.1:0", unix_listener(),
			has_ipv6() ? "[::1]:0" : NULL}});

	check_addresses(dial_from(server, "127.0.0.7"));
	check_addresses(dial_nth(server, 1));
	if (has_ipv6())
		check_addresses(dial_nth(server, 2));
	end(server);
}

/* S1 W3 B3 */
PROMISE(listeners,
	"listeners of several kinds are served at once, and end with the server")
{
	struct server *server = serve(&(struct setup){.handler = greet,
		.listen = {"127.0.0.1:0", "127.0.0.1:0", unix_listener(),
			abstract_listener(), has_ipv6() ? "[::1]:0" : NULL}});
	int count = has_ipv6() ? 5 : 4;

	for (int i = 0; i < 2 * count; i++) {
		int client = dial_nth(server, i % count);

		expect(client, "hi\n");
		expect_end(client);
	}
	end(server);
	CHECK(access(unix_listener() + strlen("unix:"), F_OK) < 0);
}

static void tell_wait(struct hark_conn *conn, void *ctx)
{
	(void)ctx;
	tell(RESULT, hark_conn_queue_wait_ms(conn));
	(void)hark_conn_printf(conn, "hi\n");
}

enum { WAITS_MS = 50 };

static void wait_in_front(void)
{
	wait_at_gate();
}

/* P6 Q2: the client's handshake is done before the server runs */
PROMISE(queue_wait, "a handler knows how long its client was in the queue")
{
	struct server *server = serve(
		&(struct setup){.handler = tell_wait, .before_run = wait_in_front});
	int client;

	require_tcp_info();
	client = dial(server);
	(void)usleep(WAITS_MS * 1000); /* at least; the kernel's clock says how long */
	open_gate(server, 1);
	CHECK_INT(hear_value(server, RESULT), >=, WAITS_MS - 15);
	expect(client, "hi\n");
	expect_end(client);
	end(server);
}

static void ask_the_socket(struct hark_conn *conn, void *ctx)
{
	struct net_addr local = net_local(hark_conn_fd(conn));

	(void)ctx;
	CHECK(memcmp(&local.sa, &hark_conn_local_addr(conn)->u, local.length) == 0);
	greet(conn, ctx);
}

/* S2 */
PROMISE(descriptor, "a handler may ask its socket")
{
	struct server *server = serve(&(struct setup){.handler = ask_the_socket});
	int client = dial(server);

	expect(client, "hi\n");
	expect_end(client);
	end(server);
}
