/* SPDX-License-Identifier: MIT
 *
 * Promises: descriptors of the application's are attended to beside serving.
 */
#include "contract.h"

#include <hark.h>

enum { ATTENDED = RESULT };

static void answer(int fd, void *ctx)
{
	const char *word = ctx;
	int client = hark_accept_try(fd, NULL, NULL);

	if (client < 0) /* called for nothing */
		return;
	(void)hark_write(client, word, strlen(word), 1000, NULL);
	(void)hark_close(client, NULL);
}

static struct hark_listener door;

static void attend_door(void)
{
	struct hark_error err;
	static char word[] = "attended\n";

	if (hark_tcp_server(&door, "127.0.0.1:0", NULL, &err) < 0 ||
		hark_server_attend(served(), door.fd, answer, word, &err) < 0)
		hark_error_print(stderr, &err);
	tell(ATTENDED, hark_addr_port(&door.addr));
}

static void close_door(void)
{
	struct hark_error err;

	if (hark_server_attend_no_more(served(), door.fd) < 0 ||
		hark_listener_close_now(&door, &err) < 0)
		hark_error_print(stderr, &err);
	take_stats();
}

static struct server *serve_with_door(int *port)
{
	struct server *server = serve(&(struct setup){
		.handler = obey, .before_run = attend_door, .after_run = close_door});

	*port = (int)hear_value(server, ATTENDED);
	return server;
}

static void check_attended(int port)
{
	int client = net_connect(net_ip("127.0.0.1", (unsigned)port));

	expect(client, "attended\n");
	expect_end(client);
}

/* S5: of serial and pool as well, while all are busy */
PROMISE(attend, "what is attended to has not to wait for handlers",
	.models = ALL_HANDLERS)
{
	int port;
	struct server *server = serve_with_door(&port);
	int count = slots() < POOL_THREADS ? slots() : POOL_THREADS;
	int client[POOL_THREADS];

	check_attended(port);
	for (int i = 0; i < count; i++) {
		client[i] = dial(server);
		ask(client[i], "ping\n", "pong\n");
	}
	check_attended(port);
	for (int i = 0; i < count; i++)
		net_close(client[i]);
	check_attended(port);
	end(server);
}

/* S5: a drain is the time to be asked how far it is */
PROMISE(attend_drain, "what is attended to is so in the drain, too",
	.models = ALL_HANDLERS)
{
	int port;
	struct server *server = serve_with_door(&port);
	int client = dial(server);

	ask(client, "ping\n", "pong\n");
	command(server, STOP);
	/* where the only one who accepts talks, it quiesces until it is cut */
	(void)hear(server,
		EVENT(contract_model == HARK_MODEL_SERIAL ? HARK_EVENT_QUIESCING
							  : HARK_EVENT_DRAINING));
	check_attended(port);
	net_close(client);
	end(server);
}
