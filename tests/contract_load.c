/* SPDX-License-Identifier: MIT
 *
 * Promises: many at once.
 */
#include "contract.h"

#include <stdlib.h>
#include <sys/resource.h>

enum { THOUSAND = 1000 };

/* One more descriptor than clients would not do: the server has its own. */
static void make_room(void)
{
	struct rlimit limit;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	REQUIRE(limit.rlim_max >= 2 * THOUSAND, "needs more descriptors");
	limit.rlim_cur = limit.rlim_max;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
}

/* S1 S4 */
PROMISE(thousand, "a thousand clients talk at once", .models = MODEL(THREAD),
	.timeout_s = 60)
{
	struct server *server;
	int clients[THOUSAND];

	REQUIRE(!getenv("HARK_VALGRIND"), "valgrind has room for 500 threads");
	make_room();
	server = serve(&(struct setup){.handler = obey});
	for (int i = 0; i < THOUSAND; i++)
		clients[i] = dial(server);
	for (int i = 0; i < THOUSAND; i++)
		net_send(clients[i], "ping\n");
	for (int i = 0; i < THOUSAND; i++)
		expect(clients[i], "pong\n");
	ask(clients[0], "stats\n", "0\n");
	CHECK_INT(stats(server)->open, ==, THOUSAND);
	for (int i = 0; i < THOUSAND; i++)
		net_close(clients[i]);
	end(server);
}

/* S1 S4: one after another, so that each finds the place of the one before */
PROMISE(one_after_another, "hundreds of short conversations leave nothing behind",
	.models = ALL_HANDLERS)
{
	struct server *server =
		serve(&(struct setup){.handler = greet, .options.max_connections = 4});

	for (int i = 0; i < 200; i++) {
		int client = dial(server);

		expect(client, "hi\n");
		expect_end(client);
	}
	command(server, STOP);
	wait_run(server);
	CHECK_INT(stats(server)->accepted, ==, 200);
	end(server);
}
