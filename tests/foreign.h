/* SPDX-License-Identifier: MIT
 *
 * Listeners that are not hark's and may become so, for tests of taking them over.
 */
#ifndef TESTS_FOREIGN_H
#define TESTS_FOREIGN_H

#include "harness.h"
#include "loopback.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct text {
	char at[128];
};

static inline struct text text_of(const char *before, int number)
{
	struct text text;

	(void)snprintf(text.at, sizeof(text.at), "%s%d", before, number);
	return text;
}

/* As a parent hands it down: blocking, and open across exec. */
static inline int foreign_listener(void)
{
	int fd = net_listen(net_ip("127.0.0.1", 0), 7);

	CHECK_SYS(fcntl(fd, F_SETFD, 0));
	CHECK_INT(fcntl(fd, F_GETFL) & O_NONBLOCK, ==, 0);
	return fd;
}

static inline bool is_non_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	CHECK_SYS(flags);
	return flags & O_NONBLOCK;
}

static inline bool is_close_on_exec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	CHECK_SYS(flags);
	return flags & FD_CLOEXEC;
}

static inline bool is_untouched(int fd)
{
	return !is_non_blocking(fd) && !is_close_on_exec(fd);
}

#endif
