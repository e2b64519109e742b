/* SPDX-License-Identifier: MIT
 *
 * For the hand-written servers with one conversation a process at a time (loop_serial.c,
 * loop_fork.c, loop_prefork.c): a signal handler knows which one to end.
 */
#ifndef LOOP_ALONE_H
#define LOOP_ALONE_H

#include "loop.h"

static volatile sig_atomic_t conversation = -1;

static inline void stop(int signal_number)
{
	int saved = errno;

	(void)signal_number;
	stopping = true;
	hurry(listener);
	if (conversation >= 0)
		hurry(conversation);
	errno = saved;
}

/* Whether the signal came before or after, one of the two sees to it. */
static inline void serve_alone(const struct client *client)
{
	conversation = client->fd;
	if (stopping)
		hurry(client->fd);
	serve(client);
	conversation = -1;
}

#endif /* LOOP_ALONE_H */
