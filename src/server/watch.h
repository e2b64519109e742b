/* SPDX-License-Identifier: MIT
 *
 * What a serving process waits for beside connections: its children's ends, lingering
 * connections, room on the board, its supervisor's end.  One epoll instance, which the
 * accept loop sees as one descriptor.  Floor 4.
 */
#ifndef HARK_SERVER_WATCH_H
#define HARK_SERVER_WATCH_H

#include "server/worker.h"

/* 0 or a negative errno; then nothing is open. */
int hark__watch_make(struct hark__worker *worker, struct hark_error *err);
void hark__watch_unmake(struct hark__worker *worker);

int hark__watch_linger(struct hark__worker *worker, int fd, int place);
int hark__watch_child(struct hark__worker *worker, int pidfd, int place);

/* What the application has attended to, from now on here; only where no supervisor does. */
int hark__watch_attended(struct hark__worker *worker);

/*
 * Before it is closed: a process that was forked, by a handler even, may have a copy, and
 * as long as it has, an epoll set goes on telling of what is closed here.
 */
void hark__watch_no_more(struct hark__worker *worker, int fd);

/* Somebody needs the timer, or no longer does: it runs while anybody does. */
void hark__watch_tick_more(struct hark__worker *worker);
void hark__watch_tick_less(struct hark__worker *worker);

/* Everything that has happened; never waits. */
void hark__watch_look(struct hark__worker *worker);

#endif
