/* SPDX-License-Identifier: MIT
 *
 * The same floor as accept_fork.c, with posix_spawn(3) in place of fork and exec: the
 * C library runs the child in the parent's memory, so that no page tables are copied.
 *
 *	accept_spawn PORT PROGRAM [ARG...]
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void die(const char *what)
{
	perror(what);
	exit(111);
}

static void reap(int signal_number)
{
	int saved = errno;

	(void)signal_number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	errno = saved;
}

static int listen_on(int port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		listen(fd, SOMAXCONN) < 0)
		die("listen");
	return fd;
}

static void spawn(char **program, int fd)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;

	if (posix_spawn_file_actions_init(&actions) != 0 ||
		posix_spawn_file_actions_adddup2(&actions, fd, 0) != 0 ||
		posix_spawn_file_actions_adddup2(&actions, fd, 1) != 0)
		die("posix_spawn_file_actions");
	errno = posix_spawn(&pid, program[0], &actions, NULL, program, environ);
	if (errno)
		die("posix_spawn");
	(void)posix_spawn_file_actions_destroy(&actions); /* it always returns 0 */
}

int main(int argc, char **argv)
{
	struct sigaction action = {
		.sa_handler = reap, .sa_flags = SA_RESTART | SA_NOCLDSTOP};
	int listener;

	if (argc < 3) {
		fputs("usage: accept_spawn PORT PROGRAM [ARG...]\n", stderr);
		return 100;
	}
	(void)sigaction(SIGCHLD, &action, NULL); /* a signal that there is */
	listener = listen_on(atoi(argv[1]));
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0)
			die("accept");
		spawn(argv + 2, fd);
		(void)close(fd); /* the child's copy is the one that counts */
	}
}
