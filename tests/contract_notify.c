/* SPDX-License-Identifier: MIT
 *
 * Promises: a service manager that asked for it is told, by itself.  Not here: the messages
 * of who has a loop of his own (test_notify.c), managers
 * that come and go, hand-overs (test_notify_internal.c).
 */
#include "contract.h"
#include "manager.h"

/* Before the server is forked, which inherits it. */
static int asked(const char *watchdog_usec)
{
	CHECK_SYS(unsetenv("WATCHDOG_PID"));
	CHECK_SYS(watchdog_usec ? setenv("WATCHDOG_USEC", watchdog_usec, 1)
				: unsetenv("WATCHDOG_USEC"));
	return manager_open(manager_path());
}

static struct server *serve_and_tell(void)
{
	return serve(&(struct setup){.handler = obey, .options.notify = HARK_ON});
}

/* Of a server that has ended: how many messages there are with that line. */
static int heard_times(int manager, const char *line)
{
	int times = 0;

	while (manager_has(manager))
		times += manager_has_line(manager_hear(manager), line);
	return times;
}

/* D2 */
PROMISE(notify, "the manager is told READY once it serves, STOPPING at the stop, once",
	.models = ALL_MODELS)
{
	int manager = asked(NULL);
	struct server *server = serve_and_tell();
	const char *message = manager_hear(manager);

	CHECK(manager_has_line(message, "READY=1"));
	CHECK(manager_has_line(
		message, "STATUS=serving: 0 connected, 0 accepted, 0 refused"));
	(void)hear(server, EVENT(HARK_EVENT_SERVING));
	command(server, STOP);
	message = manager_hear_line(manager, "STOPPING=1");
	CHECK_CONTAINS(message, "STATUS=stopping: ");
	wait_run(server);
	CHECK_INT(heard_times(manager, "STOPPING=1"), ==, 0);
	end(server);
	net_close(manager);
}

/* D2: whoever has read READY connects at once */
PROMISE(notify_ready, "after READY the first try is served")
{
	int manager = asked(NULL);
	struct server *server = serve_and_tell();

	(void)manager_hear_line(manager, "READY=1");
	check_serves(server);
	end(server);
	net_close(manager);
}

/* D2 */
PROMISE(notify_default, "nobody is told who was not asked to be")
{
	int manager = asked("100000");
	struct server *server = serve(&(struct setup){.handler = obey});

	check_serves(server);
	end(server);
	CHECK(!manager_has(manager));
	net_close(manager);
}

/* D2 */
PROMISE(notify_nobody, "where there is no manager it serves all the same")
{
	struct server *server;

	CHECK_SYS(unsetenv("NOTIFY_SOCKET"));
	server = serve_and_tell();
	check_serves(server);
	CHECK_INT(told_times(server, EVENT(HARK_EVENT_FAILED)), ==, 0);
	end(server);
}

/* D2 */
PROMISE(notify_status, "the status tells how many there are")
{
	int manager = asked("200000"), client;
	struct server *server = serve_and_tell();

	client = dial(server);
	ask(client, "ping\n", "pong\n");
	(void)manager_hear_line(
		manager, "STATUS=serving: 1 connected, 1 accepted, 0 refused");
	net_close(client);
	(void)manager_hear_line(
		manager, "STATUS=serving: 0 connected, 1 accepted, 0 refused");
	end(server);
	net_close(manager);
}

/* D2: who waits in its own code does not keep the main loop from it */
PROMISE(notify_watchdog, "it is alive, idle or with every handler busy",
	.models = ALL_HANDLERS)
{
	int manager = asked("200000");
	struct server *server = serve_and_tell();
	int count = slots() < POOL_THREADS ? slots() : POOL_THREADS;
	int client[POOL_THREADS];

	for (int i = 0; i < 3; i++)
		(void)manager_hear_line(manager, "WATCHDOG=1");
	for (int i = 0; i < count; i++) {
		client[i] = dial(server);
		ask(client[i], "ping\n", "pong\n");
		net_send(client[i], "stick\n");
	}
	while (manager_has(manager))
		(void)manager_hear(manager);
	for (int i = 0; i < 3; i++)
		(void)manager_hear_line(manager, "WATCHDOG=1");
	open_gate(server, count);
	for (int i = 0; i < count; i++) {
		expect(client[i], "0\n");
		net_close(client[i]);
	}
	end(server);
	net_close(manager);
}

/* D2: meant for a parent of ours */
PROMISE(notify_watched_other, "whose life nobody asked about does not tell of it",
	.models = MODEL(THREAD))
{
	char other[16];
	int manager = asked("2000");
	struct server *server;

	(void)snprintf(other, sizeof(other), "%d", (int)getppid());
	CHECK_SYS(setenv("WATCHDOG_PID", other, 1));
	server = serve_and_tell();
	(void)manager_hear_line(manager, "READY=1");
	check_serves(server);
	end(server);
	CHECK_INT(heard_times(manager, "WATCHDOG=1"), ==, 0);
	net_close(manager);
}

static const char *rules_path(void)
{
	static char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/rules", temp_directory());
	file = fopen(path, "we");
	CHECK(file != NULL);
	CHECK(fputs("allow 0.0.0.0/0\n", file) >= 0);
	CHECK_INT(fclose(file), ==, 0);
	return path;
}

/* D2: the manager tells one wish from the next by the time, which is that of its clock */
PROMISE(notify_reload, "a reload is told when it begins, and when it is over")
{
	long long before = now_ms() * 1000, at;
	int manager = asked(NULL);
	struct server *server = serve(&(struct setup){.handler = obey,
		.options.notify = HARK_ON,
		.options.rules_file = rules_path()});
	const char *message, *time;

	(void)manager_hear_line(manager, "READY=1");
	command(server, RELOAD);
	message = manager_hear_line(manager, "RELOADING=1");
	CHECK(!manager_has_line(message, "READY=1"));
	time = strstr(message, "MONOTONIC_USEC=");
	CHECK(time != NULL);
	at = atoll(time + strlen("MONOTONIC_USEC="));
	CHECK_INT(at, >=, before);
	CHECK_INT(at, <=, (now_ms() + 1) * 1000);
	(void)manager_hear_line(manager, "READY=1");
	check_serves(server);
	end(server);
	net_close(manager);
}

/* D2 E1 */
PROMISE(notify_gone, "a manager that has gone is told of, and it serves")
{
	struct server *server;

	net_close(asked("200000"));
	server = serve_and_tell();
	CHECK_INT(hear(server, EVENT(HARK_EVENT_FAILED))->error, ==, -ECONNREFUSED);
	check_serves(server);
	CHECK_INT(told_times(server, EVENT(HARK_EVENT_FAILED)), ==, 1);
	end(server);
}

/* As full as it gets; how many that were. */
static int fill(void)
{
	struct net_addr at = net_unix(manager_path());
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), count = 0;

	CHECK_SYS(fd);
	while (sendto(fd, "X=1", 3, MSG_DONTWAIT, &at.sa.any, at.length) == 3)
		count++;
	CHECK_INT(errno, ==, EAGAIN);
	net_close(fd);
	return count;
}

/* D2 */
PROMISE(notify_behind, "for one that is behind nobody waits, and it is told later",
	.models = MODEL(THREAD) | MODEL(SERIAL))
{
	int manager = asked("200000"), before = fill();
	struct server *server = serve_and_tell();

	check_serves(server);
	for (int i = 0; i < before; i++)
		CHECK_STR(manager_hear(manager), "X=1");
	(void)manager_hear_line(manager, "READY=1");
	CHECK_INT(told_times(server, EVENT(HARK_EVENT_FAILED)), ==, 0);
	end(server);
	net_close(manager);
}
