/* SPDX-License-Identifier: MIT
 *
 * Promises: what is counted, and what the hook is told.
 *
 * That each counter agrees with its event in the end is judged in every case
 * (contract_server.c).
 */
#include "contract.h"

#include <stdlib.h>
#include <sys/wait.h>

static const struct record *event(struct server *server, int kind)
{
	return hear(server, EVENT(kind));
}

static void check_same_host(const struct hark_addr *told, int client)
{
	struct net_addr own = net_local(client);

	CHECK_INT(told->length, ==, own.length);
	CHECK(memcmp(&told->u, &own.sa, own.length) == 0);
}

static void check_same_peer(const struct hark_addr *told, const struct net_addr *at)
{
	CHECK_INT(told->length, ==, at->length);
	CHECK(memcmp(&told->u, &at->sa, at->length) == 0);
}

/* S7 */
PROMISE(accepted_event, "the hook is told who comes", .models = ALL_MODELS)
{
	struct server *server = serve(&(struct setup){.handler = echo,
		.options.max_connections = 7,
		.options.max_per_address = 7});
	int client = dial(server);
	const struct record *told;

	ask(client, "ohai", "ohai");
	told = event(server, HARK_EVENT_ACCEPTED);
	check_same_host(&told->peer, client);
	check_same_peer(&told->local, &server->at[0]);
	CHECK_INT(told->event.number, >=, 1);
	CHECK_INT(told->event.open, ==, 1);
	CHECK_INT(told->event.from_address, ==, 1);
	CHECK_INT(told->event.pid, >, 0);
	CHECK_INT(told->error, ==, 0);
	net_close(client);
	end(server);
}

/* S7: the process that serves it, as it says of itself */
PROMISE(pid_of_event, "the hook is told which process serves", .models = ALL_HANDLERS)
{
	struct server *server = serve(&(struct setup){.handler = obey});
	int client = dial(server);
	long long pid = ask_number(client, "process\n");

	CHECK_INT(event(server, HARK_EVENT_ACCEPTED)->event.pid, ==, pid);
	net_close(client);
	CHECK_INT(event(server, HARK_EVENT_CLOSED)->event.pid, ==, pid);
	end(server);
}

enum { STAYS_MS = 30 };

/* S7 */
PROMISE(closed_event, "the hook is told who goes, and how", .models = ALL_MODELS)
{
	struct server *server =
		serve(&(struct setup){.handler = echo, .options.max_per_address = 7});
	int client = dial(server);
	const struct record *came, *went;

	ask(client, "ohai", "ohai");
	came = event(server, HARK_EVENT_ACCEPTED);
	(void)usleep(STAYS_MS * 1000); /* at least; what is told is compared with it */
	net_close(client);
	went = event(server, HARK_EVENT_CLOSED);
	CHECK_INT(went->event.number, ==, came->event.number);
	CHECK_INT(hark_addr_compare(&went->peer, &came->peer), ==, 0);
	CHECK_INT(hark_addr_compare(&went->local, &came->local), ==, 0);
	CHECK_INT(went->event.reason, ==, HARK_ENDED_RETURNED);
	CHECK_INT(went->event.duration_ms, >=, STAYS_MS - 1);
	CHECK_INT(went->event.duration_ms, <, scaled_ms(10000));
	CHECK_INT(went->event.status, ==, 0);
	end(server);
}

/* S7: in the order of a server's life */
PROMISE(life, "the hook is told the stages of the server's life", .models = ALL_MODELS)
{
	struct server *server = serve(&(struct setup){
		.handler = echo, .listen = {"127.0.0.1:0", "127.0.0.1:0"}});
	static const int stages[] = {HARK_EVENT_SERVING, HARK_EVENT_QUIESCING,
		HARK_EVENT_DRAINING, HARK_EVENT_DRAINED};
	size_t last = 0;

	for (int i = 0; i < 2; i++)
		check_same_peer(
			&event(server, HARK_EVENT_LISTENING)->local, &server->at[i]);
	(void)event(server, HARK_EVENT_SERVING);
	command(server, STOP);
	wait_run(server);
	for (size_t i = 0; i < COUNT(stages); i++) {
		const struct record *told = told_nth(server, EVENT(stages[i]), 0);

		CHECK(told != NULL);
		CHECK_INT(told->nth, >, last);
		CHECK_INT(told->event.open, ==, 0);
		last = told->nth;
	}
	CHECK_INT(told_nth(server, RETURNED, 0)->nth, >, last);
	end(server);
}

/* S7 S1 */
PROMISE(worker_events, "the hook is told of each worker that starts and ends",
	.least_workers = 1)
{
	struct server *server = serve(&(struct setup){.handler = obey});
	int workers = combination().workers;
	const struct record *started, *ended;

	check_serves(server);
	command(server, STOP);
	wait_run(server);
	CHECK_INT(told_times(server, EVENT(HARK_EVENT_WORKER_STARTED)), ==, workers);
	CHECK_INT(told_times(server, EVENT(HARK_EVENT_WORKER_ENDED)), ==, workers);
	for (int i = 0; i < workers; i++) {
		started = event(server, HARK_EVENT_WORKER_STARTED);
		ended = event(server, HARK_EVENT_WORKER_ENDED);
		CHECK_INT(started->event.pid, >, 0);
		CHECK_INT(started->event.pid, !=, server->pid);
		CHECK_INT(ended->event.status, ==, 0);
		CHECK_INT(ended->by, ==, server->pid);
	}
	CHECK_INT(stats(server)->restarts, ==, 0);
	end(server);
}

/* Q2: what went over the wire is what was counted, over all workers */
PROMISE(bytes, "bytes are counted, over all workers")
{
	enum { CLIENTS = 12 };
	struct server *server = serve(&(struct setup){.handler = echo});
	size_t bytes = 0;

	for (int i = 0; i < CLIENTS; i++) {
		int client = dial(server);
		size_t size = (size_t)(1000 * i + 1);

		exchange(client, size);
		bytes += size;
		net_close(client);
	}
	hear_times(server, EVENT(HARK_EVENT_CLOSED), CLIENTS);
	command(server, STOP);
	wait_run(server);
	CHECK_INT(stats(server)->accepted, ==, CLIENTS);
	CHECK_INT(stats(server)->ended[HARK_ENDED_RETURNED], ==, CLIENTS);
	CHECK_INT(stats(server)->bytes_in, ==, bytes);
	CHECK_INT(stats(server)->bytes_out, ==, bytes);
	end(server);
}

/* Q2 */
PROMISE(while_it_runs, "a snapshot of the moment adds up, from any process")
{
	struct server *server = serve(&(struct setup){.handler = obey});
	const struct hark_server_stats *now = stats(server);
	int client;

	wait_for_all(server);
	check_serves(server);
	(void)event(server, HARK_EVENT_CLOSED);
	client = dial(server);
	/* Who has left may be counted for a moment yet. */
	WAIT_UNTIL(ask_number(client, "stats\n") == 0 && now->open == 1);
	CHECK_INT(now->state, ==, HARK_SERVER_SERVING);
	CHECK_INT(now->workers, ==, combination().workers);
	CHECK_INT(now->accepted, ==, 2);
	CHECK_INT(now->ended[HARK_ENDED_RETURNED], ==, 1);
	CHECK_INT(now->lingering, ==, 0);
	CHECK_INT(now->restarts, ==, 0);
	CHECK(now->descriptors < 0 || now->descriptors > 3);
	CHECK(now->descriptor_limit < 0 || now->descriptor_limit >= now->descriptors);
	net_close(client);
	end(server);
}

static uint64_t sum(const struct hark_histogram *histogram)
{
	uint64_t total = 0;

	for (size_t i = 0; i < COUNT(histogram->bucket); i++)
		total += histogram->bucket[i];
	return total;
}

static void nap(struct hark_conn *conn, void *ctx)
{
	(void)hark_conn_sleep(conn, 20);
	greet(conn, ctx);
}

/* Q2: 20 ms are 20,000 us, which is in the 15th bucket or a later one */
PROMISE(histograms, "how long clients waited and handlers took is measured")
{
	struct server *server =
		serve(&(struct setup){.handler = nap, .options.histograms = HARK_ON});
	const struct hark_histogram *took = &stats(server)->handler_us;
	uint64_t short_ones = 0;

	for (int i = 0; i < 3; i++) {
		int client = dial(server);

		expect(client, "hi\n");
		expect_end(client);
	}
	hear_times(server, EVENT(HARK_EVENT_CLOSED), 3);
	command(server, STOP);
	wait_run(server);
	CHECK_INT(sum(took), ==, 3);
	for (size_t i = 0; i < 15; i++)
		short_ones += took->bucket[i];
	CHECK_INT(short_ones, ==, 0);
	if (!getenv("HARK_EMULATED"))
		CHECK_INT(sum(&stats(server)->queue_wait_ms), ==, 3);
	end(server);
}
