/* SPDX-License-Identifier: MIT
 *
 * A hand-written echo server: a process a connection.
 *
 *	loop_fork PORT
 */
#define _GNU_SOURCE
#include "loop_alone.h"

#include <sys/wait.h>

static void reap(int signal_number)
{
	int saved = errno;

	(void)signal_number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	errno = saved;
}

/* Without a process for it, the client is turned away: there is none to wait for. */
static void start(const struct client *client)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)close(listener); /* the parent's copy is the one that counts */
		serve_alone(client);
		_exit(0);
	}
	if (pid < 0)
		perror("fork");
	(void)close(client->fd); /* the child's is */
}

int main(int argc, char **argv)
{
	struct client client;

	if (argc != 2) {
		fputs("usage: loop_fork PORT\n", stderr);
		return 100;
	}
	open_listener(argv[1]);
	(void)setpgid(0, 0); /* for kill(2) below; a leader already is one */
	on_signal(SIGTERM, stop);
	on_signal(SIGCHLD, reap);
	while (next_client(&client))
		start(&client);
	(void)kill(0, SIGTERM); /* ourselves too, once more */
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	return 0;
}
