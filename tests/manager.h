/* SPDX-License-Identifier: MIT
 *
 * The service manager, played by a test: the socket that is told.
 */
#ifndef TESTS_MANAGER_H
#define TESTS_MANAGER_H

#include "harness.h"
#include "net.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGE_MAX = 1024 };

/* A path, or '@' and an abstract name; named in the environment from now on. */
static inline int manager_open(const char *path)
{
	struct net_addr at = net_unix(path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK_SYS(fd);
	CHECK_SYS(bind(fd, &at.sa.any, at.length));
	CHECK_SYS(setenv("NOTIFY_SOCKET", path, 1));
	return fd;
}

static inline const char *manager_path(void)
{
	static char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

	(void)snprintf(path, sizeof(path), "%s/notify", temp_directory());
	return path;
}

/* Whether there is a message, now. */
static inline bool manager_has(int fd)
{
	struct pollfd pollfd = {fd, POLLIN, 0};

	return poll(&pollfd, 1, 0) > 0;
}

/* The next message; waits for it. */
static inline const char *manager_hear(int fd)
{
	static char text[MESSAGE_MAX];
	ssize_t length;

	WAIT_UNTIL_MS(manager_has(fd), 15000);
	length = recv(fd, text, sizeof(text) - 1, 0);
	CHECK_SYS(length);
	text[length] = '\0';
	return text;
}

/* Whether a message has exactly that line. */
static inline bool manager_has_line(const char *message, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = message; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!strncmp(at, line, length) &&
			(at[length] == '\n' || at[length] == '\0'))
			return true;
	}
	return false;
}

/* The next message that has the line; those before it are passed over. */
static inline const char *manager_hear_line(int fd, const char *line)
{
	const char *message;

	do {
		message = manager_hear(fd);
	} while (!manager_has_line(message, line));
	return message;
}

#endif
