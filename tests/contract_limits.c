/* SPDX-License-Identifier: MIT
 *
 * Promises: limits on how many come in, of all, of one address, of a prefix, in a time.
 *
 * The limits are the server's, whatever the number of its workers. Clients come from
 * several addresses of the loopback network.
 *
 * Not here: rules (contract_rules.c); places of workers that died (contract_workers.c).
 */
#include "contract.h"

/* A client who is in, and holds his place. */
static int enter_from(struct server *server, const char *ip)
{
	int client = dial_from(server, ip);

	ask(client, "ping\n", "pong\n");
	return client;
}

/* One who has left may be counted for a moment yet. */
static int enter_again(struct server *server, const char *ip)
{
	long long deadline = deadline_ms(5000);
	char got[8] = "";
	int client;

	for (;;) {
		client = try_dial_from(server, ip);
		(void)send(client, "ping\n", 5, MSG_NOSIGNAL); /* or it is reset */
		if (client >= 0 && net_read(client, got, sizeof(got), 5) == 5)
			break;
		if (client >= 0)
			net_close(client);
		CHECK_INT(left_ms(deadline), >, 0);
	}
	CHECK_STR(got, "pong\n");
	return client;
}

static void leave(struct server *server, int client)
{
	net_close(client);
	(void)hear(server, EVENT(HARK_EVENT_CLOSED));
}

static void check_refused(struct server *server, int reason, const char *ip)
{
	const struct record *told = hear(server, EVENT(HARK_EVENT_REFUSED));
	char host[HARK_ADDR_TEXT_MAX];

	(void)hark_addr_host_text(&told->peer, host, sizeof(host));
	CHECK_STR(host, ip);
	CHECK_INT(told->event.reason, ==, reason);
}

/* For that reason alone, and at least so often. */
static void check_counted(struct server *server, int reason, unsigned times)
{
	command(server, STOP);
	wait_run(server);
	for (unsigned i = 0; i < HARK_REFUSED_COUNT; i++)
		if ((int)i == reason)
			CHECK_INT(stats(server)->refused[i], >=, times);
		else
			CHECK_INT(stats(server)->refused[i], ==, 0);
	end(server);
}

/* S4: the order of the log decides, not the time */
PROMISE(wait, "who comes while all places are taken waits in the queue",
	.models = ALL_HANDLERS)
{
	struct server *server =
		serve(&(struct setup){.handler = obey, .options.max_connections = 1});
	int first = dial(server), second;

	ask(first, "ping\n", "pong\n");
	(void)hear(server, ENTERED);
	second = dial(server);
	net_send(second, "ping\n");
	(void)usleep(10000); /* time to do wrong */
	ask(first, "ping\n", "pong\n");
	net_close(first);
	expect(second, "pong\n");
	CHECK_INT(hear(server, ENTERED)->nth, >, hear(server, LEFT)->nth);
	net_close(second);
	end(server);
}

/* S4 S7: a process that serves one after another looks at nothing else meanwhile */
PROMISE(full_event, "the hook is told when all places are taken",
	.models = MODEL(FORK) | MODELS_OF_MEMORY)
{
	struct server *server =
		serve(&(struct setup){.handler = obey, .options.max_connections = 2});
	int one = dial(server), two = dial(server);

	ask(one, "ping\n", "pong\n");
	ask(two, "ping\n", "pong\n");
	CHECK_INT(hear(server, EVENT(HARK_EVENT_FULL))->event.open, ==, 2);
	net_close(one);
	net_close(two);
	end(server);
}

/* S4 */
PROMISE(reset, "who comes while all places are taken is reset, by choice", .slots = 2)
{
	struct server *server = serve(&(struct setup){.handler = obey,
		.options.max_connections = 1,
		.options.overload = HARK_OVERLOAD_RESET});
	int first = enter_from(server, "127.0.0.1");

	expect_refused(server, "127.0.0.2");
	check_refused(server, HARK_REFUSED_FULL, "127.0.0.2");
	leave(server, first);
	leave(server, enter_again(server, "127.0.0.2"));
	check_counted(server, HARK_REFUSED_FULL, 1);
}

/* To open a gate again takes a privilege, and Linux 5.7. */
static void require_gates(void)
{
	int absent = 0x7ffffff0, any = 0, fd, done;

	CHECK_SYS(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	done = setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &absent, sizeof(absent));
	if (done == 0)
		done = setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &any, sizeof(any));
	CHECK_SYS(close(fd));
	if (done < 0)
		SKIP("no gate can be opened again here: it needs CAP_NET_RAW");
}

enum { EARLY_MAX = 1000 };

/* Until one is refused; those before it wait in the queue. */
static int fill_until_refused(const struct server *server, int early[EARLY_MAX])
{
	int count = 0, client;

	while ((client = try_dial_from(server, "127.0.0.1")) >= 0) {
		CHECK_INT(count, <, EARLY_MAX);
		early[count++] = client;
		(void)usleep(
			1000); /* not to fill the queue before the gate is closed */
	}
	CHECK_ERR(client, -ECONNREFUSED);
	return count;
}

static int dial_until_open(const struct server *server)
{
	int client, tries = 0;

	while ((client = try_dial_from(server, "127.0.0.1")) < 0) {
		CHECK_ERR(client, -ECONNREFUSED);
		CHECK_INT(tries++, <, 5000);
		(void)usleep(1000); /* the gate is about to be opened */
	}
	return client;
}

static void gate_twice(struct server *server)
{
	static int early[EARLY_MAX];

	for (int round = 0; round < 2; round++) {
		int first = dial_until_open(server), count, next;

		ask(first, "ping\n", "pong\n");
		count = fill_until_refused(server, early);
		net_close(first);
		for (int i = 0; i < count; i++) { /* they lose nothing by that */
			ask(early[i], "ping\n", "pong\n");
			net_close(early[i]);
		}
		next = dial_until_open(server);
		ask(next, "ping\n", "pong\n");
		net_close(next);
	}
	end(server);
}

/* P4 S4 */
PROMISE(gate, "by choice the kernel refuses who comes while all places are taken",
	.models = ALL_HANDLERS)
{
	require_gates(); /* with workers their supervisor alone closes it */
	gate_twice(serve(&(struct setup){.handler = obey,
		.options.max_connections = 1,
		.options.overload = HARK_OVERLOAD_GATE}));
}

/* P4 D0: at a stop it is open, and closed as at any stop */
PROMISE(gate_at_stop, "a stop while the gate is closed serves who waits",
	.models = ALL_HANDLERS)
{
	static int early[EARLY_MAX];
	struct server *server;
	int first, count;

	require_gates();
	server = serve(&(struct setup){.handler = obey,
		.options.max_connections = 1,
		.options.overload = HARK_OVERLOAD_GATE});
	first = dial(server);
	ask(first, "ping\n", "pong\n");
	count = fill_until_refused(server, early);
	for (int i = 0; i < count; i++)
		net_send(early[i], "ping\n");
	command(server, STOP);
	net_close(first);
	for (int i = 0; i < count; i++) {
		expect(early[i], "pong\n");
		net_close(early[i]);
	}
	wait_run(server);
	end(server);
}

/* S4 */
PROMISE(message, "who comes while all places are taken is told so, by choice",
	.slots = 2)
{
	struct server *server = serve(&(struct setup){.handler = obey,
		.options.max_connections = 1,
		.options.overload = HARK_OVERLOAD_MESSAGE,
		.options.refusal = "full\n"});
	int first = enter_from(server, "127.0.0.1"), second;

	second = dial(server);
	net_send(second, "who sends is told all the same");
	expect(second, "full\n");
	expect_end(second);
	check_refused(server, HARK_REFUSED_FULL, "127.0.0.1");
	leave(server, first);
	check_counted(server, HARK_REFUSED_FULL, 1);
}

/* S4 */
PROMISE(per_address, "one address has no more places than its own", .slots = 4)
{
	struct server *server =
		serve(&(struct setup){.handler = obey, .options.max_per_address = 2});
	int one = enter_from(server, "127.0.0.1");
	int two = enter_from(server, "127.0.0.1"), other;

	expect_refused(server, "127.0.0.1");
	check_refused(server, HARK_REFUSED_PER_ADDRESS, "127.0.0.1");
	other = enter_from(server, "127.0.0.2");
	leave(server, one);
	one = enter_again(server, "127.0.0.1");
	leave(server, one);
	leave(server, two);
	leave(server, other);
	check_counted(server, HARK_REFUSED_PER_ADDRESS, 1);
}

/* S4 */
PROMISE(per_address_unix, "clients of a Unix socket have no address to be counted by",
	.slots = 3)
{
	char listener[128];
	struct server *server;
	int clients[3];

	(void)snprintf(listener, sizeof(listener), "unix:%s/socket", temp_directory());
	server = serve(&(struct setup){.handler = obey,
		.listen = {listener},
		.options.max_per_address = 1,
		.options.max_per_prefix = 1,
		.options.rate = 1,
		.options.rate_ms = 3600000});
	for (int i = 0; i < 3; i++) {
		clients[i] = dial(server);
		ask(clients[i], "ping\n", "pong\n");
	}
	for (int i = 0; i < 3; i++)
		net_close(clients[i]);
	end(server);
}

/* S4 */
PROMISE(per_prefix, "one prefix of addresses has no more places than its own",
	.slots = 4)
{
	struct server *server = serve(&(struct setup){
		.handler = obey, .options.max_per_prefix = 2, .options.prefix_v4 = 24});
	int one = enter_from(server, "127.0.0.1");
	int two = enter_from(server, "127.0.0.2"), other;

	expect_refused(server, "127.0.0.3");
	check_refused(server, HARK_REFUSED_PER_PREFIX, "127.0.0.3");
	other = enter_from(server, "127.0.1.1");
	leave(server, two);
	two = enter_again(server, "127.0.0.3");
	leave(server, one);
	leave(server, two);
	leave(server, other);
	check_counted(server, HARK_REFUSED_PER_PREFIX, 1);
}

/* S4 */
PROMISE(refusal, "who is refused for his address is told so, where there is a text",
	.slots = 3)
{
	struct server *server = serve(&(struct setup){.handler = obey,
		.options.max_per_address = 1,
		.options.refusal = "one is enough\n"});
	int one = enter_from(server, "127.0.0.1"), second = dial(server);

	expect(second, "one is enough\n");
	expect_end(second);
	check_refused(server, HARK_REFUSED_PER_ADDRESS, "127.0.0.1");
	leave(server, one);
	check_counted(server, HARK_REFUSED_PER_ADDRESS, 1);
}

/* S4: in an hour there would be more */
PROMISE(rate, "one address comes in no more often than its rate")
{
	struct server *server = serve(&(struct setup){
		.handler = obey, .options.rate = 2, .options.rate_ms = 3600000});

	leave(server, enter_from(server, "127.0.0.1"));
	leave(server, enter_from(server, "127.0.0.1"));
	expect_refused(server, "127.0.0.1");
	check_refused(server, HARK_REFUSED_RATE, "127.0.0.1");
	leave(server, enter_from(server, "127.0.0.2"));
	check_counted(server, HARK_REFUSED_RATE, 1);
}

/* S4 */
PROMISE(rate_burst, "so many at once as the burst says, and more after a while")
{
	struct server *server = serve(&(struct setup){.handler = obey,
		.options.rate = 1,
		.options.rate_ms = 100,
		.options.rate_burst = 3});
	for (int i = 0; i < 3; i++)
		leave(server, enter_from(server, "127.0.0.1"));
	net_close(enter_again(server, "127.0.0.1"));
	end(server);
}

/* S4: the counts of addresses go down again, whatever the ending */
PROMISE(places_again, "places are free again after each kind of ending")
{
	struct server *server = serve(&(struct setup){.handler = obey,
		.options.max_connections = 1,
		.options.max_per_address = 1});

	for (int i = 0; i < 8; i++) {
		int client = enter_again(server, "127.0.0.1");

		if (i % 2)
			leave(server, client);
		else {
			net_reset(client);
			(void)hear(server, EVENT(HARK_EVENT_CLOSED));
		}
	}
	end(server);
}
