/* SPDX-License-Identifier: MIT
 *
 * Connections whose handler is done while their last bytes are on the way: the end of the
 * stream was sent, what the client still sends is read and discarded, until its own end or
 * a bound.  A small table beside the conversations, so that nobody waits for it.  Floor 4.
 *
 * Without it the close would be a reset, which destroys what the client has not read yet
 * (RFC 9112 section 9.6).
 */
#ifndef HARK_SERVER_LINGER_H
#define HARK_SERVER_LINGER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hark__worker;

enum { HARK__LINGER_MAX = 1024 };

struct hark__lingerer {
	int fd; /* -1: a free place */
	int64_t deadline, idle_deadline;
	size_t bytes_left;
};

struct hark__linger {
	pthread_mutex_t lock; /* handlers' threads add, whoever looks around removes */
	int count, touched;
	struct hark__lingerer place[HARK__LINGER_MAX];
};

void hark__linger_make(struct hark__linger *linger);

/* Takes the descriptor, and closes it in the end.  Where there is no room, one that has
 * lingered longest is closed for it. */
void hark__linger_add(struct hark__worker *worker, int fd);

/* One is readable. */
void hark__linger_read(struct hark__worker *worker, int place);

/* Closes those whose time is over. */
void hark__linger_tick(struct hark__worker *worker);

/* Closes all. */
void hark__linger_end(struct hark__worker *worker);

#endif
