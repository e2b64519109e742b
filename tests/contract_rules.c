/* SPDX-License-Identifier: MIT
 *
 * Promises: rules say who may come in, and can be read again.
 */
#include "contract.h"

#include <fcntl.h>
#include <signal.h>

static const char *rules_path(void)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/rules", temp_directory());
	return path;
}

/* Replaced in one step, as an editor does. */
static void write_rules(const char *text)
{
	char fresh[160];
	int fd;

	(void)snprintf(fresh, sizeof(fresh), "%s.new", rules_path());
	CHECK_SYS(fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
	CHECK_INT(write(fd, text, strlen(text)), ==, (long long)strlen(text));
	net_close(fd);
	CHECK_SYS(rename(fresh, rules_path()));
}

static void check_comes_in(struct server *server, const char *ip)
{
	int client = dial_from(server, ip);

	ask(client, "ping\n", "pong\n");
	net_close(client);
}

static void check_denied(struct server *server, const char *ip)
{
	expect_refused(server, ip);
	CHECK_INT(hear(server, EVENT(HARK_EVENT_REFUSED))->event.reason, ==,
		HARK_REFUSED_RULE);
}

static struct server *serve_by_rules(const char *text)
{
	struct server *server;

	write_rules(text);
	server = serve(&(struct setup){.handler = obey,
		.options.rules_file = rules_path(),
		.options.refusal = "never told to them",
		.options.mind_signals = HARK_ON});
	wait_for_all(server);
	return server;
}

/* Each process that serves reads them, and tells. */
static void hear_reloaded(struct server *server, int error)
{
	for (int i = 0; i < serving_processes(); i++)
		CHECK_INT(hear(server, EVENT(HARK_EVENT_RELOADED))->error, ==, error);
}

/* S4 */
PROMISE(rules, "who is denied by a rule does not come in")
{
	struct server *server = serve_by_rules("deny 127.0.0.2\n"
					       "allow 127.0.1.0/24\n"
					       "deny 127.0.0.0/16\n"
					       "allow 0.0.0.0/0\n");

	check_denied(server, "127.0.0.2");
	check_comes_in(server, "127.0.1.9");
	check_denied(server, "127.0.2.1");
	check_comes_in(server, "127.1.0.1");
	command(server, STOP);
	wait_run(server);
	CHECK_INT(stats(server)->refused[HARK_REFUSED_RULE], ==, 2);
	end(server);
}

/* S4 */
PROMISE(reload, "rules that were read again are kept from then on")
{
	struct server *server = serve_by_rules("deny 127.0.0.2\n");

	check_denied(server, "127.0.0.2");
	check_comes_in(server, "127.0.0.3");
	write_rules("deny 127.0.0.3\n");
	command(server, RELOAD);
	hear_reloaded(server, 0);
	check_comes_in(server, "127.0.0.2");
	check_denied(server, "127.0.0.3");
	end(server);
}

/* S4 */
PROMISE(reload_by_signal, "SIGHUP has the rules read again, where signals are minded")
{
	struct server *server = serve_by_rules("deny 127.0.0.2\n");

	check_comes_in(server, "127.0.0.3");
	write_rules("deny 127.0.0.3\n");
	send_signal(server->pid, SIGHUP);
	hear_reloaded(server, 0);
	check_denied(server, "127.0.0.3");
	end(server);
}

/* S4 E4 */
PROMISE(reload_mistake, "a mistake in the new rules leaves the old ones in force")
{
	struct server *server = serve_by_rules("deny 127.0.0.2\n");

	write_rules("deny 127.0.0.3\nforbid everything\n");
	command(server, RELOAD);
	hear_reloaded(server, -EINVAL);
	check_denied(server, "127.0.0.2");
	check_comes_in(server, "127.0.0.3");
	write_rules("deny 127.0.0.3\n");
	command(server, RELOAD);
	hear_reloaded(server, 0);
	check_denied(server, "127.0.0.3");
	end(server);
}

/* S4 E4 */
PROMISE(no_rules, "a server whose rules cannot be read does not run")
{
	struct server *server = serve(&(struct setup){
		.handler = obey, .options.rules_file = "/nowhere/rules"});

	wait_run(server);
	CHECK_ERR(run_error(server)->code, -ENOENT);
	end_with(server, -ENOENT);
}

/* S4 S8: a worker that is started anew finds the mistake, and has never read better ones */
PROMISE(rules_outlive,
	"a mistake in the rules does not hinder a worker that is replaced",
	.least_workers = 1)
{
	struct server *server = serve_by_rules("deny 127.0.0.2\n");

	write_rules("forbid everything\n");
	for (int i = 0; i < combination().workers; i++)
		CHECK_SYS(
			kill(hear(server, EVENT(HARK_EVENT_WORKER_STARTED))->event.pid,
				SIGKILL));
	hear_times(server, EVENT(HARK_EVENT_WORKER_ENDED), combination().workers);
	check_comes_in(server, "127.0.0.3");
	check_denied(server, "127.0.0.2");
	end(server);
}
