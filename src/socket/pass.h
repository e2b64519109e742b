/* SPDX-License-Identifier: MIT
 *
 * Reading what came with a message, inside the library.  Floor 2.
 */
#ifndef HARK_SOCKET_PASS_H
#define HARK_SOCKET_PASS_H

#include <hark.h>

/* The most that the kernel lets one message carry (SCM_MAX_FD), and a pidfd. */
enum { HARK__PASSED_MAX = 254 };

struct hark__passed {
	size_t count;
	int fd[HARK__PASSED_MAX];
	size_t sockets; /* the first so many came by SCM_RIGHTS */
};

/* Every descriptor in the control data, so that none is lost. */
void hark__passed_read(struct hark__passed *passed, const struct msghdr *message);

/* The name in `data`, up to a NUL or the end: 0, or -EBADMSG, -ENAMETOOLONG. */
int hark__passed_name(const char *data, size_t length, char *name, size_t size);

#endif
