/* SPDX-License-Identifier: MIT
 *
 * A hand-written echo server: processes that accept from one listener, each serving one
 * connection after another.  The first process starts them, and anew if they die.
 *
 *	loop_prefork PORT PROCESSES
 */
#define _GNU_SOURCE
#include "loop_alone.h"

#include <sys/prctl.h>
#include <sys/wait.h>

enum { MOST_PROCESSES = 256 };

_Noreturn static void work(const sigset_t *signals)
{
	struct client client;

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);        /* arguments that there are */
	(void)sigprocmask(SIG_UNBLOCK, signals, NULL); /* likewise */
	while (next_client(&client))
		serve_alone(&client);
	_exit(0);
}

static void start(const sigset_t *signals)
{
	pid_t pid = fork();

	if (pid == 0)
		work(signals);
	if (pid < 0)
		perror("fork"); /* the others go on */
}

/* Until SIGTERM. */
static void supervise(const sigset_t *signals)
{
	int signal_number = 0;

	while (sigwait(signals, &signal_number) == 0 && signal_number != SIGTERM)
		while (waitpid(-1, NULL, WNOHANG) > 0)
			start(signals);
}

int main(int argc, char **argv)
{
	sigset_t signals;

	if (argc != 3) {
		fputs("usage: loop_prefork PORT PROCESSES\n", stderr);
		return 100;
	}
	open_listener(argv[1]);
	(void)setpgid(0, 0); /* for kill(2) below; a leader already is one */
	on_signal(SIGTERM, stop);
	(void)sigemptyset(&signals); /* these three cannot fail */
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	for (int i = number(argv[2], 1, MOST_PROCESSES); i > 0; i--)
		start(&signals);
	supervise(&signals);
	hurry(listener);
	(void)kill(0, SIGTERM); /* blocked here */
	while (waitpid(-1, NULL, 0) > 0)
		;
	return 0;
}
