/* SPDX-License-Identifier: MIT
 *
 * A floor for the benchmark: accept, fork, exec, and nothing else.  It keeps what every
 * server of this kind promises the program: the connection on 0 and 1, no other
 * descriptor of ours, no zombies.  It has no limit, no log, no environment, no timeout
 * and no care when descriptors run out, and is not meant to serve anybody.
 *
 *	accept_fork PORT PROGRAM [ARG...]
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void become(char **program, int fd)
{
	/* dup2 makes copies that stay open across exec; the original closes there. */
	if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0)
		_exit(111);
	execv(program[0], program);
	_exit(111);
}

int main(int argc, char **argv)
{
	struct sigaction action = {
		.sa_handler = reap, .sa_flags = SA_RESTART | SA_NOCLDSTOP};
	int listener;
	pid_t pid;

	if (argc < 3) {
		fputs("usage: accept_fork PORT PROGRAM [ARG...]\n", stderr);
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
		pid = fork();
		if (pid < 0)
			die("fork");
		if (pid == 0)
			become(argv + 2, fd);
		(void)close(fd); /* the child's copy is the one that counts */
	}
}
