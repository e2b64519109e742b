/* SPDX-License-Identifier: MIT
 *
 * Promises: a pause keeps clients in the queue, one that was asked for or one for want of
 * descriptors.
 */
#include "contract.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>

static void hear_everywhere(struct server *server, int kind)
{
	hear_times(server, EVENT(kind), serving_processes());
}

/* S5: in the order of the log */
PROMISE(pause, "between pause and resume clients wait, and then are served",
	.models = ALL_MODELS)
{
	struct server *server = serve(&(struct setup){.handler = echo});
	const struct record *resumed, *accepted;
	int client;

	command(server, PAUSE);
	hear_everywhere(server, HARK_EVENT_PAUSED);
	client = dial(server);
	net_send(client, "ohai");
	(void)usleep(20000); /* time to do wrong */
	CHECK_INT(told_times(server, EVENT(HARK_EVENT_ACCEPTED)), ==, 0);
	command(server, RESUME);
	expect(client, "ohai");
	resumed = told_nth(server, TOLD_TO, 1);
	accepted = hear(server, EVENT(HARK_EVENT_ACCEPTED));
	CHECK_INT(accepted->nth, >, resumed->nth);
	hear_everywhere(server, HARK_EVENT_RESUMED);
	net_close(client);
	end(server);
}

/* S5: who talks goes on; and the state says so */
PROMISE(pause_talking, "a pause leaves those alone who are served")
{
	struct server *server = serve(&(struct setup){.handler = obey});
	int client = dial(server);

	ask(client, "ping\n", "pong\n");
	command(server, PAUSE);
	WAIT_UNTIL(ask_number(client, "state\n") == HARK_SERVER_PAUSED);
	command(server, RESUME);
	WAIT_UNTIL(ask_number(client, "state\n") == HARK_SERVER_SERVING);
	net_close(client);
	end(server);
}

/* S5 X3 */
PROMISE(stop_paused, "a stop ends a pause: who is in the queue is served")
{
	struct server *server = serve(&(struct setup){.handler = greet});
	int client;

	command(server, PAUSE);
	hear_everywhere(server, HARK_EVENT_PAUSED);
	client = dial(server);
	command(server, STOP);
	expect(client, "hi\n");
	expect_end(client);
	end(server);
}

/* As many as it has: the lowest number that is free is one too many. */
static rlim_t enough_for_now(pid_t pid)
{
	char path[64];
	int fd = 0;

	do
		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd++);
	while (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
	return (rlim_t)(fd - 1);
}

static void limit_one(pid_t pid, bool enough)
{
	struct rlimit limit;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	if (enough)
		limit.rlim_cur = enough_for_now(pid);
	CHECK_SYS(prlimit(pid, RLIMIT_NOFILE, &limit, NULL));
}

/* All processes that serve have enough, and cannot open another; or as many as we. */
static void limit_descriptors(struct server *server, bool enough)
{
	const struct record *worker;

	limit_one(server->pid, enough);
	for (int i = 0; i < combination().workers; i++) {
		worker = told_nth(server, EVENT(HARK_EVENT_WORKER_STARTED), i);
		CHECK(worker != NULL);
		limit_one(worker->event.pid, enough);
	}
}

/* P4 S4 */
PROMISE(out_of_descriptors, "out of descriptors, clients wait until there are some")
{
	const struct record *paused;
	struct server *server;
	int client;

	REQUIRE(!getenv("HARK_VALGRIND"), "valgrind needs descriptors of its own");
	server = serve(&(struct setup){.handler = obey});
	wait_for_all(server);
	limit_descriptors(server, true);
	client = dial(server);
	net_send(client, "ping\n");
	paused = hear(server, EVENT(HARK_EVENT_PAUSED));
	CHECK_INT(paused->error, ==, -EMFILE);
	limit_descriptors(server, false);
	expect(client, "pong\n");
	net_close(client);
	(void)hear(server, EVENT(HARK_EVENT_RESUMED));
	command(server, STOP);
	wait_run(server);
	CHECK_INT(stats(server)->exhausted, >=, 1);
	CHECK_INT(stats(server)->pauses, >=, 1);
	end(server);
}

/* P4 S4: in process, where a handler can leave no descriptor to the server */
PROMISE(shed, "out of descriptors, clients are reset by choice",
	.models = MODELS_OF_MEMORY, .in_process = true)
{
	struct server *server = serve(&(struct setup){
		.handler = obey, .options.pressure = HARK_PRESSURE_SHED});
	struct rlimit few;
	int client = dial(server);

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &few));
	few.rlim_cur = 100;
	ask(client, "ping\n", "pong\n");
	CHECK_SYS(prlimit(server->pid, RLIMIT_NOFILE, &few, NULL));
	CHECK_INT(ask_number(client, "fill\n"), >, 0);
	expect_refused(server, "127.0.0.1");
	ask(client, "unfill\n", "0\n");
	check_serves(server);
	net_close(client);
	command(server, STOP);
	wait_run(server);
	CHECK_INT(stats(server)->shed, >=, 1);
	end(server);
}
