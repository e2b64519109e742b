/* SPDX-License-Identifier: MIT
 *
 * Promises: clients of all kinds at once leave nothing behind.
 *
 * What each client does is drawn from a fixed seed; what comes of it does not matter, but
 * for those who behave. In the end all places are free, and the counters add up.
 */
#include "contract.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

enum { CALLERS = 4, CALLS = 40, PLACES = 6 };

struct caller {
	struct server *server;
	unsigned seed;
	int behaved;
	pthread_t thread;
};

static int draw(struct caller *caller, int below)
{
	return rand_r(&caller->seed) % below;
}

static void behave(struct caller *caller, int client)
{
	exchange(client, (size_t)draw(caller, 40000));
	caller->behaved++;
}

static void say_and_go(struct caller *caller, int client)
{
	static const char text[30000];

	(void)send(client, text, (size_t)draw(caller, sizeof(text)),
		MSG_NOSIGNAL | MSG_DONTWAIT); /* whatever goes */
}

static void shut_something(struct caller *caller, int client)
{
	say_and_go(caller, client);
	(void)shutdown(client, draw(caller, 3)); /* it may be gone */
	(void)poll(NULL, 0, draw(caller, 3));
}

static void misbehave(struct caller *caller, int client)
{
	if (draw(caller, 2))
		say_and_go(caller, client);
	else
		shut_something(caller, client);
	if (draw(caller, 2))
		(void)poll(NULL, 0, draw(caller, 3)); /* before it goes */
}

static void *call(void *ctx)
{
	struct caller *caller = ctx;

	for (int i = 0; i < CALLS; i++) {
		int client = dial(caller->server);

		if (draw(caller, 3) == 0)
			behave(caller, client);
		else
			misbehave(caller, client);
		if (draw(caller, 2))
			net_close(client);
		else
			net_reset(client);
	}
	return NULL;
}

static void call_all(struct server *server)
{
	struct caller callers[CALLERS] = {0};
	int behaved = 0;

	for (unsigned i = 0; i < CALLERS; i++) {
		callers[i] = (struct caller){.server = server, .seed = i + 1};
		CHECK_INT(pthread_create(&callers[i].thread, NULL, call, &callers[i]),
			==, 0);
	}
	for (int i = 0; i < CALLERS; i++) {
		CHECK_INT(pthread_join(callers[i].thread, NULL), ==, 0);
		behaved += callers[i].behaved;
	}
	CHECK_INT(behaved, >, CALLS / 2);
}

/* S8 S4 Q2 */
PROMISE(chaos, "clients of all kinds leave nothing behind", .models = ALL_MODELS)
{
	struct server *server = serve(&(struct setup){.handler = echo,
		.options.max_connections = PLACES,
		.options.max_per_address = 2 * PLACES,
		.options.linger.idle_ms = 50});
	int places = slots() < PLACES ? slots() : PLACES, clients[PLACES];

	call_all(server);
	for (int i = 0; i < places; i++) {
		clients[i] = dial(server);
		ask(clients[i], "ohai", "ohai");
	}
	for (int i = 0; i < places; i++)
		net_close(clients[i]);
	command(server, STOP);
	wait_run(server);
	CHECK_INT(stats(server)->refused[HARK_REFUSED_RESOURCES], ==, 0);
	CHECK_INT(stats(server)->lost, ==, 0);
	end(server);
}
