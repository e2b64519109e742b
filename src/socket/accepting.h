/* SPDX-License-Identifier: MIT
 *
 * Accepting, one connection a call, from many listeners: what the accept loop and the
 * server engine have in common.  Several threads may take turns at it, one at a time.
 * Floor 2.
 */
#ifndef HARK_SOCKET_ACCEPTING_H
#define HARK_SOCKET_ACCEPTING_H

#include "socket/pressure.h"

#include <hark.h>
#include <poll.h>

/* The first places of the poll set wake whoever waits; the listeners follow. */
enum { HARK__WAKE_CALLER, HARK__WAKE_SIGNAL, HARK__WAKE_EVENT, HARK__WAKERS };

/* One look at all the listeners: who is ready is served one connection each. */
struct hark__round {
	bool on;
	bool busy;     /* something happened: look again */
	bool stopping; /* and the stop had begun before it */
	bool pause;    /* nobody may be accepted in it */
	size_t next;   /* how many listeners have had their turn */
};

/*
 * Where one came, another often comes at once: then accept(2) first, and ask who is there
 * only when nobody was, or after a few, so that the rest is seen.
 */
struct hark__haste {
	bool allowed; /* by the caller */
	int fd;       /* the listener, or -1 */
	int done;     /* so many in a row */
	int rest;     /* that many rounds without, after a vain try */
};

struct hark__accepting {
	/* the caller's, before begin */
	const struct hark_listener *listeners;
	size_t count;
	const struct hark_loop_options *options;

	/* other processes wait for the same listeners, and one of them is enough */
	bool crowd;

	/* the caller's: true while a Unix listener that was shut down is the beginning of a
	 * stop, and no accident; NULL: never */
	const _Atomic bool *quiesces;

	/* the caller's, while it goes on: true ends it at the next look, stop or not */
	_Atomic bool quit;

	struct pollfd fds[HARK__WAKERS + HARK_LOOP_MAX];
	struct hark__round round;
	struct hark__haste haste;
	size_t first;  /* whose turn it is to be served first */
	int signal_fd; /* ours, or 0 */
	int epoll_fd;  /* of a crowd: over .fds, or -1 */
	int turns;     /* of a crowd: connections since it stood back */
	bool look_all; /* of a crowd: at each listener, in the next round */
	int reserve;   /* SHED: the descriptor to give up, or -1 */
	int passed;    /* errors of single connections in a row */
	bool started, stopping;
	int64_t stop_deadline;
	struct hark__pressure pressure;
	struct hark_error trouble; /* of the latest hit */
};

/* The options were checked; the rest of it is zero.  On failure there is nothing to end. */
int hark__accepting_begin(struct hark__accepting *accepting, struct hark_error *err);

/* 1: a connection.  0: it was stopped, and that is over.  Negative: broken. */
int hark__accepting_next(struct hark__accepting *accepting, int *connection,
	struct hark_addr *peer, struct hark_error *err);

void hark__accepting_end(struct hark__accepting *accepting);

#endif
