/* SPDX-License-Identifier: MIT
 *
 * Promises: a program in place of a handler.
 *
 * Not here: what echo promises for every model, kept by cat (contract_bytes.c and others).
 */
#include "contract.h"
#include "ipv6.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

/* A program that is a few words of shell. */
static struct hark_program *shell(const char *text)
{
	static char copy[512];
	static char name[] = "sh", option[] = "-c";
	static char *const words[] = {name, option, copy, NULL};
	static struct hark_program program;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	program = (struct hark_program){.path = "/bin/sh", .argv = words};
	return &program;
}

static struct server *serve_program(const struct hark_program *program)
{
	return serve(&(struct setup){.options.program = program});
}

/* K1 S1 */
PROMISE(variables, "a program finds the addresses in its environment",
	.models = MODEL(SPAWN))
{
	struct server *server = serve_program(
		shell("echo $PROTO $TCPLOCALIP $TCPLOCALPORT $TCPREMOTEIP "
		      "$TCPREMOTEPORT"));
	int client = dial_from(server, "127.0.0.9");
	char text[128];

	(void)snprintf(text, sizeof(text), "TCP 127.0.0.1 %u 127.0.0.9 %u\n",
		ntohs(server->at[0].sa.ipv4.sin_port), net_port(client));
	expect(client, text);
	expect_end(client);
	end(server);
}

/* K1 */
PROMISE(unix_variables, "a program of a Unix listener finds its path",
	.models = MODEL(SPAWN))
{
	char listener[128], text[256];
	struct server *server;
	int client;

	(void)snprintf(listener, sizeof(listener), "unix:%s/socket", temp_directory());
	server = serve(&(struct setup){.listen = {listener},
		.options.program = shell("echo $PROTO $UNIXLOCALPATH")});
	client = dial(server);
	(void)snprintf(text, sizeof(text), "UNIX %s/socket\n", temp_directory());
	expect(client, text);
	expect_end(client);
	end(server);
}

/* K1: an environment of its own, and a name */
PROMISE(environment, "a program inherits what it was given, and no more",
	.models = MODEL(SPAWN))
{
	static char first[] = "OHAI=hello", second[] = "TCPREMOTEHOST=forged";
	static char *const given[] = {first, second, NULL};
	struct hark_program *program = shell(
		"echo $OHAI $TCPLOCALHOST \"[$TCPREMOTEHOST]\" \"[$HARK_FOREIGN]\"");
	struct server *server;
	int client;

	CHECK_SYS(setenv("HARK_FOREIGN", "foreign", 1));
	program->envp = given;
	program->local_name = "here";
	server = serve_program(program);
	client = dial(server);
	expect(client, "hello here [] []\n");
	expect_end(client);
	end(server);
}

static int set_variable(struct hark_environment *env, const struct hark_addr *peer,
	const struct hark_addr *local, void *ctx)
{
	if (hark_environment_set(env, "NO=NAME", "x") != -EINVAL)
		return -1;
	if (hark_addr_port(local) <= 0 || !hark_addr_is_loopback(peer))
		return -1;
	if (hark_environment_set(env, "OHAI", NULL) < 0)
		return -1;
	return hark_environment_set(env, "PREPARED", ctx);
}

/* K2 */
PROMISE(prepared, "a program's environment is prepared in its own process",
	.models = MODEL(SPAWN))
{
	static char first[] = "OHAI=hello";
	static char *const given[] = {first, NULL};
	static char text[] = "so it is";
	struct hark_program *program = shell("echo \"$PREPARED [$OHAI]\"");
	struct server *server;
	int client;

	program->envp = given;
	program->prepare = set_variable;
	program->prepare_ctx = text;
	server = serve_program(program);
	client = dial(server);
	expect(client, "so it is []\n");
	expect_end(client);
	end(server);
}

/* K2 */
PROMISE(banner, "a banner is sent before the program starts", .models = MODEL(SPAWN))
{
	struct hark_program *program = shell("cat");
	struct server *server;
	int client;

	program->banner = "welcome\r\n";
	server = serve_program(program);
	client = dial(server);
	expect(client, "welcome\r\n");
	ask(client, "ohai", "ohai");
	net_close(client);
	end(server);
}

/* K1 C1: ls opens one more for the listing */
PROMISE(descriptors, "a program has its client, the error stream and nothing else",
	.models = MODEL(SPAWN))
{
	static char name[] = "ls", directory[] = "/proc/self/fd";
	static char *const words[] = {name, directory, NULL};
	const struct hark_program list = {.path = "/bin/ls", .argv = words};
	struct server *server = serve_program(&list);
	int client = dial(server);

	expect(client, "0\n1\n2\n3\n");
	expect_end(client);
	end(server);
}

/* K1 */
PROMISE(both_ways, "a program has one connection for both directions",
	.models = MODEL(SPAWN))
{
	struct server *server = serve_program(
		shell("[ /proc/$$/fd/0 -ef /proc/$$/fd/1 ] && echo same"));
	int client = dial(server);

	expect(client, "same\n");
	expect_end(client);
	end(server);
}

static const struct hark_server_event *closed(struct server *server)
{
	return &hear(server, EVENT(HARK_EVENT_CLOSED))->event;
}

/* S7 K2 */
PROMISE(exit_status, "the hook is told how a program ended", .models = MODEL(SPAWN))
{
	struct server *server = serve_program(shell(
		"read word; case $word in exit) exit 3 ;; kill) kill -9 $$ ;; esac"));
	const struct hark_server_event *event;
	int client = dial(server);

	net_send(client, "exit\n");
	expect_end(client);
	event = closed(server);
	CHECK_INT(event->reason, ==, HARK_ENDED_CRASHED);
	CHECK_INT(WEXITSTATUS(event->status), ==, 3);
	client = dial(server);
	net_send(client, "kill\n");
	expect_end(client);
	event = closed(server);
	CHECK_INT(event->reason, ==, HARK_ENDED_CRASHED);
	CHECK_INT(WTERMSIG(event->status), ==, SIGKILL);
	client = dial(server);
	net_send(client, "well\n");
	expect_end(client);
	event = closed(server);
	CHECK_INT(event->reason, ==, HARK_ENDED_RETURNED);
	CHECK_INT(event->status, ==, 0);
	end(server);
}

/* S4: its place is held until the program has been waited for */
PROMISE(places, "programs at once are no more than places", .models = MODEL(SPAWN))
{
	struct server *server =
		serve(&(struct setup){.handler = echo, .options.max_connections = 1});
	int first = dial(server), second;

	ask(first, "ohai", "ohai");
	second = dial(server);
	net_send(second, "ohai");
	(void)usleep(10000); /* time to do wrong */
	CHECK_INT(told_times(server, EVENT(HARK_EVENT_ACCEPTED)), ==, 1);
	net_close(first);
	expect(second, "ohai");
	net_close(second);
	end(server);
}

static void wait_for_programs(void)
{
	take_stats();
	while (waitpid(-1, NULL, 0) > 0)
		; /* in process they are this one's children */
}

/* S5: it has its connection, and needs no server any longer */
PROMISE(left_alone, "a program that goes on after the time to drain is left alone",
	.models = MODEL(SPAWN))
{
	struct server *server = serve(&(struct setup){.handler = echo,
		.options.drain_ms = 50,
		.after_run = wait_for_programs});
	int client = dial(server);
	pid_t pid;

	ask(client, "ohai", "ohai");
	pid = hear(server, EVENT(HARK_EVENT_ACCEPTED))->event.pid;
	command(server, STOP);
	CHECK_INT(hear(server, EVENT(HARK_EVENT_DRAINED))->event.open, ==, 1);
	wait_run(server);
	ask(client, "still", "still");
	net_close(client);
	WAIT_UNTIL(kill(pid, 0) < 0 || waitpid(pid, NULL, WNOHANG) == pid);
	end(server);
}

/* S5 */
PROMISE(drained, "programs end in peace while there is time", .models = MODEL(SPAWN))
{
	struct server *server = serve(&(struct setup){.handler = echo});
	int client = dial(server);

	ask(client, "ohai", "ohai");
	command(server, STOP);
	CHECK_INT(hear(server, EVENT(HARK_EVENT_DRAINING))->event.open, ==, 1);
	ask(client, "still", "still");
	net_close(client);
	wait_run(server);
	CHECK_INT(stats(server)->ended[HARK_ENDED_RETURNED], ==, 1);
	end(server);
}

/* E4: a program that is not there is told when it is tried, and the server goes on */
PROMISE(no_program, "a client of a program that cannot be run is let go",
	.models = MODEL(SPAWN))
{
	static char name[] = "nothing";
	static char *const words[] = {name, NULL};
	static const struct hark_program nothing = {
		.path = "/nowhere/nothing", .argv = words};
	struct server *server = serve_program(&nothing);

	for (int i = 0; i < 2; i++) {
		expect_gone(dial(server));
		(void)hear(server, EVENT(HARK_EVENT_REFUSED));
	}
	command(server, STOP);
	wait_run(server);
	CHECK_INT(stats(server)->refused[HARK_REFUSED_RESOURCES], ==, 2);
	end(server);
}
