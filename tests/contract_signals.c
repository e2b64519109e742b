/* SPDX-License-Identifier: MIT
 *
 * Promises: SIGTERM and SIGINT, where the server was asked to mind them.
 *
 * Not here: SIGHUP (contract_rules.c), signals that a process does not survive
 * (contract_workers.c).
 */
#include "contract.h"

#include <signal.h>

enum { NEVER_MS = 600000 };

static struct server *serve_minding(bool own_group)
{
	struct server *server = serve(&(struct setup){.handler = obey,
		.own_group = own_group,
		.options.mind_signals = HARK_ON,
		.options.drain_ms = NEVER_MS});

	(void)hear(server, EVENT(HARK_EVENT_SERVING));
	return server;
}

/* The one who talks finishes, after each signal there was. */
static void check_stops(struct server *server, pid_t whom, int number)
{
	int client = dial(server);

	ask(client, "ping\n", "pong\n");
	send_signal(whom, number);
	WAIT_UNTIL(ask_number(client, "draining\n") == true);
	ask(client, "ping\n", "pong\n");
	net_close(client);
	wait_run(server);
	CHECK_INT(stats(server)->ended[HARK_ENDED_CUT], ==, 0);
	CHECK_INT(stats(server)->lost, ==, 0);
}

/* S5 W4 */
PROMISE(sigterm, "SIGTERM stops with care")
{
	struct server *server = serve_minding(false);

	check_stops(server, server->pid, SIGTERM);
	end(server);
}

/* S5 W4 */
PROMISE(sigint, "SIGINT stops with care")
{
	struct server *server = serve_minding(false);

	check_stops(server, server->pid, SIGINT);
	end(server);
}

/* S5: as a terminal does it; each process of the server gets one, the handlers' too */
PROMISE(to_all, "SIGTERM to every process of the server stops it with care, once")
{
	struct server *server = serve_minding(true);

	check_stops(server, -server->pid, SIGTERM);
	end(server);
}

static void hold_on(struct hark_conn *conn, void *ctx)
{
	const void *data;

	(void)ctx;
	tell(ENTERED, 0);
	tell(RESULT, hark_conn_receive(conn, &data));
}

/* Of the thread that runs the server. */
static bool is_pending(const struct server *server, int number)
{
	unsigned long long pending = 0;
	char path[64], line[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)server->pid);
	file = fopen(path, "re");
	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "SigPnd: %llx", &pending) == 1)
			break;
	(void)fclose(file); /* only read from */
	return pending >> (number - 1) & 1;
}

/* S5 */
PROMISE(sigterm_twice, "a second SIGTERM ends the server at once")
{
	struct server *server = serve(&(struct setup){.handler = hold_on,
		.options.mind_signals = HARK_ON,
		.options.drain_ms = NEVER_MS});
	int client = dial(server);

	(void)hear(server, ENTERED);
	send_signal(server->pid, SIGTERM);
	WAIT_UNTIL(!is_pending(server, SIGTERM)); /* two that come as one are one */
	if (contract_model != HARK_MODEL_SERIAL)
		(void)hear(server, EVENT(HARK_EVENT_QUIESCING));
	send_signal(server->pid, SIGTERM);
	CHECK_ERR(hear_value(server, RESULT), -ESHUTDOWN);
	expect_gone(client);
	wait_run(server);
	end(server);
}

static struct sigaction before[2];

static void note_before(void)
{
	CHECK_SYS(sigaction(SIGTERM, NULL, &before[0]));
	CHECK_SYS(sigaction(SIGINT, NULL, &before[1]));
}

static void check_after(void)
{
	struct sigaction after[2];

	take_stats();
	CHECK_SYS(sigaction(SIGTERM, NULL, &after[0]));
	CHECK_SYS(sigaction(SIGINT, NULL, &after[1]));
	CHECK(after[0].sa_handler == before[0].sa_handler);
	CHECK(after[1].sa_handler == before[1].sa_handler);
}

/* S5 W4 */
PROMISE(given_back, "after run the signals are as they were before")
{
	struct server *server = serve(&(struct setup){.handler = obey,
		.before_run = note_before,
		.after_run = check_after,
		.options.mind_signals = HARK_ON});

	check_serves(server);
	end(server);
}
