/* SPDX-License-Identifier: MIT
 *
 * Promises: workers that crash, are killed, are recycled or never get going take with them
 * what is theirs and no more.
 *
 * Who serves a conversation is asked of the handler itself ("worker"), so that what was lost
 * can be held against what was killed.
 */
#include "contract.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

/* Kills for each worker: one that ends early again and again is replaced with delay. */
enum { PLACES = 8, CALLERS = 4, KILLS_EACH = 5, KILLS = 4 * KILLS_EACH };
enum { SHORT_MS = 80 };

static void kill_worker(struct server *server, pid_t pid)
{
	CHECK_SYS(kill(pid, SIGKILL));
	for (;;) {
		const struct record *ended =
			hear(server, EVENT(HARK_EVENT_WORKER_ENDED));

		if (ended->event.pid == pid) {
			CHECK_INT(WTERMSIG(ended->event.status), ==, SIGKILL);
			return;
		}
	}
}

/* Of the first workers, and of so many replacements. */
static void hear_starts(struct server *server, int replacements)
{
	hear_times(server, EVENT(HARK_EVENT_WORKER_STARTED),
		combination().workers + replacements);
}

/* As many clients at once as there are places: none has been lost with a worker. */
static void check_places(struct server *server, int places)
{
	int clients[PLACES];

	CHECK_INT(places, <=, PLACES);
	for (int i = 0; i < places; i++) {
		clients[i] = dial(server);
		ask(clients[i], "ping\n", "pong\n");
	}
	for (int i = 0; i < places; i++)
		net_close(clients[i]);
}

static int places(void)
{
	return slots() < PLACES ? slots() : PLACES;
}

/* ------------------------------------------------------------------ killed under load */

struct caller {
	struct server *server;
	atomic_bool *enough;
	atomic_int last;        /* the worker that served the last conversation */
	pid_t lost_with[KILLS]; /* the workers with which one was lost */
	int lost, unknown;      /* unknown: before it was told whose it is */
	int served;
	pthread_t thread;
};

/* False: the connection broke. */
static bool hear_line(int fd, char *line, size_t size)
{
	size_t used = 0;

	while (used == 0 || line[used - 1] != '\n') {
		CHECK_INT(used, <, size - 2);
		if (net_read(fd, line + used, size - used, 1) != 1)
			return false;
		used++;
	}
	return true;
}

static bool say(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) > 0;
}

static void converse(struct caller *caller, int fd)
{
	char line[32];
	pid_t worker;

	if (!say(fd, "worker\n") || !hear_line(fd, line, sizeof(line))) {
		caller->unknown++;
		return;
	}
	worker = atoi(line);
	atomic_store(&caller->last, worker);
	for (int i = 0; i < 3; i++)
		if (!say(fd, "ping\n") || !hear_line(fd, line, sizeof(line))) {
			CHECK_INT(caller->lost, <, KILLS);
			caller->lost_with[caller->lost++] = worker;
			return;
		}
	caller->served++;
}

static void *call(void *ctx)
{
	struct caller *caller = ctx;

	while (!atomic_load(caller->enough)) {
		int fd = net_connect(caller->server->at[0]); /* never fails */

		converse(caller, fd);
		net_close(fd);
	}
	return NULL;
}

static bool is_one_of(pid_t pid, const pid_t *pids, int count)
{
	for (int i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* One that has served somebody since it was started. */
static pid_t next_victim(struct caller *caller, const pid_t *killed, int count)
{
	pid_t pid;

	WAIT_UNTIL_MS(
		!is_one_of(pid = atomic_load(&caller->last), killed, count) && pid > 0,
		20000);
	return pid;
}

/* How many it has lost. */
static int check_lost(const struct caller *caller, const pid_t *killed, int kills)
{
	for (int i = 0; i < caller->lost; i++)
		CHECK(is_one_of(caller->lost_with[i], killed, kills));
	CHECK_INT(caller->served, >, 0);
	return caller->lost + caller->unknown;
}

/* S1 S8 S4 */
PROMISE(killed, "a worker killed under load takes only its own conversations with it",
	.least_workers = 1, .timeout_s = 60)
{
	struct server *server = serve(
		&(struct setup){.handler = obey, .options.max_connections = PLACES});
	int kills = KILLS_EACH * combination().workers, lost = 0;
	struct caller callers[CALLERS] = {0};
	atomic_bool enough = false;
	pid_t killed[KILLS];

	for (int i = 0; i < CALLERS; i++) {
		callers[i].server = server;
		callers[i].enough = &enough;
		CHECK_INT(pthread_create(&callers[i].thread, NULL, call, &callers[i]),
			==, 0);
	}
	for (int i = 0; i < kills; i++) {
		killed[i] = next_victim(&callers[i % CALLERS], killed, i);
		kill_worker(server, killed[i]);
	}
	atomic_store(&enough, true);
	for (int i = 0; i < CALLERS; i++) {
		CHECK_INT(pthread_join(callers[i].thread, NULL), ==, 0);
		lost += check_lost(&callers[i], killed, kills);
	}
	check_places(server, places());
	hear_starts(server, kills);
	command(server, STOP);
	wait_run(server);
	CHECK_INT(stats(server)->restarts, ==, kills);
	/* One may have been killed between accept(2) and counting it. */
	CHECK_INT(lost, <=, stats(server)->lost + (unsigned)kills);
	CHECK_INT(stats(server)->refused[HARK_REFUSED_FULL], ==, 0);
	end(server);
}

/* S4 S8: conversations are open in it when it is killed, and count no longer */
PROMISE(places_of_killed, "a killed worker leaves its places to others",
	.least_workers = 1)
{
	struct server *server = serve(&(struct setup){.handler = obey,
		.options.max_connections = PLACES,
		.options.max_per_address = PLACES});

	for (int round = 0; round < 3; round++) {
		int client = dial(server), other = places() > 1 ? dial(server) : -1;
		pid_t worker = (pid_t)ask_number(client, "worker\n");

		if (other >= 0)
			(void)ask_number(other, "worker\n");
		kill_worker(server, worker);
		expect_gone(client);
		if (other >= 0)
			net_close(other);
		check_places(server, places());
	}
	end(server);
}

/* S8: the processes of its handlers end with it, however they are occupied */
PROMISE(family_of_killed, "nothing that came of a killed worker lives on",
	.least_workers = 1)
{
	struct server *server = serve(&(struct setup){.handler = obey});
	int client = dial(server);
	pid_t worker = (pid_t)ask_number(client, "worker\n");
	pid_t process = (pid_t)ask_number(client, "process\n");

	kill_worker(server, worker);
	expect_gone(client);
	WAIT_UNTIL(waitpid(process, NULL, WNOHANG) == process || kill(process, 0) < 0);
	check_serves(server);
	end(server);
}

/* --------------------------------------------------------------------- crashes */

/* S8: its process is the handler's alone */
PROMISE(crash_alone, "a handler that crashes in a process of its own harms nobody",
	.models = MODEL(FORK))
{
	struct server *server = serve(&(struct setup){.handler = obey});
	int client = dial(server), other = dial(server);
	const struct record *told;

	ask(other, "ping\n", "pong\n");
	net_send(client, "crash\n");
	expect_gone(client);
	told = hear(server, EVENT(HARK_EVENT_CLOSED));
	CHECK_INT(told->event.reason, ==, HARK_ENDED_CRASHED);
	CHECK(WIFSIGNALED(told->event.status));
	CHECK_INT(WTERMSIG(told->event.status), ==, SIGABRT);
	ask(other, "ping\n", "pong\n");
	net_close(other);
	check_serves(server);
	command(server, STOP);
	wait_run(server);
	CHECK_INT(stats(server)->ended[HARK_ENDED_CRASHED], ==, 1);
	CHECK_INT(stats(server)->lost, ==, 0);
	CHECK_INT(stats(server)->restarts, ==, 0);
	end(server);
}

/* S8 S1 */
PROMISE(crash_in_worker, "a handler that crashes takes its worker, which is replaced",
	.models = MODEL(SERIAL) | MODELS_OF_MEMORY, .least_workers = 1)
{
	struct server *server = serve(&(struct setup){.handler = obey});
	int client = dial(server);
	const struct record *told;

	ask(client, "ping\n", "pong\n");
	net_send(client, "crash\n");
	expect_gone(client);
	told = hear(server, EVENT(HARK_EVENT_WORKER_ENDED));
	CHECK(WIFSIGNALED(told->event.status));
	CHECK_INT(WTERMSIG(told->event.status), ==, SIGABRT);
	hear_starts(server, 1);
	check_serves(server);
	command(server, STOP);
	wait_run(server);
	CHECK_INT(stats(server)->lost, ==, 1);
	CHECK_INT(stats(server)->restarts, ==, 1);
	end(server);
}

/* Many at once, so that one worker alone does not take them all; and again, if it has. */
static int dial_another(struct server *server, pid_t worker)
{
	enum { AT_ONCE = 16 };
	int clients[AT_ONCE], found = -1, times = AT_ONCE;

	if (times >= slots())
		times = slots() - 1;
	while (found < 0) {
		for (int i = 0; i < times; i++)
			clients[i] = dial(server);
		for (int i = 0; i < times; i++)
			if (found < 0 && ask_number(clients[i], "worker\n") != worker)
				found = clients[i];
			else
				net_close(clients[i]);
	}
	return found;
}

/* S8 S1 */
PROMISE(crash_beside, "a conversation in another worker does not notice a crash",
	.models = MODEL(SERIAL) | MODELS_OF_MEMORY, .least_workers = 2)
{
	struct server *server = serve(&(struct setup){.handler = obey});
	int client = dial(server), other;
	pid_t worker = (pid_t)ask_number(client, "worker\n");

	other = dial_another(server, worker);
	net_send(client, "crash\n");
	expect_gone(client);
	ask(other, "ping\n", "pong\n");
	net_close(other);
	end(server);
}

/* --------------------------------------------------------------- birth and recycling */

static _Noreturn void die_at_birth(void)
{
	_exit(9);
}

/* Run in the child of each fork(2) from now on, before anything else. */
static void have_workers_die(void)
{
	CHECK_INT(pthread_atfork(NULL, NULL, die_at_birth), ==, 0);
}

/* S1: with back-off, and not for ever */
PROMISE(given_up, "workers that die at birth are given up in the end, and run says so",
	.least_workers = 1, .timeout_s = 60)
{
	struct server *server =
		serve(&(struct setup){.handler = obey, .before_run = have_workers_die});
	int workers = combination().workers;
	const struct record *told;

	wait_run(server);
	CHECK_INT(run_error(server)->code, <, 0);
	CHECK_INT(told_times(server, EVENT(HARK_EVENT_WORKER_GIVEN_UP)), ==, workers);
	told = hear(server, EVENT(HARK_EVENT_WORKER_GIVEN_UP));
	CHECK(WIFEXITED(told->event.status));
	CHECK_INT(WEXITSTATUS(told->event.status), ==, 9);
	CHECK_INT(told_times(server, EVENT(HARK_EVENT_WORKER_ENDED)), <, 100 * workers);
	end_with(server, run_error(server)->code);
}

/* S1 S4: who talks all the time is not cut off by it */
PROMISE(recycled, "workers are replaced after so many conversations, and lose nobody",
	.least_workers = 1)
{
	enum { AFTER = 5, CLIENTS = 60 };
	struct server *server =
		serve(&(struct setup){.handler = obey, .options.recycle_after = AFTER});
	int long_one = slots() > 1 ? dial(server) : -1;

	if (long_one >= 0)
		ask(long_one, "ping\n", "pong\n");
	for (int i = 0; i < CLIENTS; i++)
		check_serves(server);
	if (long_one >= 0) {
		ask(long_one, "ping\n", "pong\n");
		net_close(long_one);
	}
	command(server, STOP);
	wait_run(server);
	CHECK_INT(stats(server)->accepted, ==, CLIENTS + (long_one >= 0));
	CHECK_INT(
		stats(server)->ended[HARK_ENDED_RETURNED], ==, stats(server)->accepted);
	CHECK_INT(stats(server)->lost, ==, 0);
	/* Where three retire already, slowly, who accepts goes on beyond so many. */
	CHECK_INT(stats(server)->restarts, >=, 3);
	CHECK_INT(stats(server)->restarts, <=, CLIENTS / AFTER);
	end(server);
}

/* ------------------------------------------------------------------ the supervisor */

/* S1 S8 S5: as at a stop; nothing is left that would hold the port */
PROMISE(supervisor_killed, "workers end when their supervisor is killed",
	.least_workers = 1)
{
	struct server *server;
	struct net_addr at;
	int idle, busy;

	REQUIRE(!getenv("HARK_VALGRIND"), "valgrind has no pidfd_open(2)");
	server = serve(&(struct setup){.handler = obey, .options.drain_ms = SHORT_MS});
	at = server->at[0];
	idle = dial(server);
	busy = slots() > 1 ? dial(server) : -1;
	ask(idle, "idle\n", "0\n");
	if (busy >= 0)
		ask(busy, "ping\n", "pong\n");
	CHECK_SYS(kill(server->pid, SIGKILL));
	end_killed(server);
	expect_gone(idle);
	if (busy >= 0)
		expect_gone(busy);
	CHECK_ERR(net_try_connect(at), -ECONNREFUSED);
}
