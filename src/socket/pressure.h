/* SPDX-License-Identifier: MIT
 *
 * What to do while accept(2) is out of descriptors or memory: how long to wait before the
 * next try, and when to tell somebody.  Pure bookkeeping on a clock that the caller reads;
 * no system calls.  Floor 2.
 *
 * A failed accept leaves its client in the queue, so the listener stays readable: without
 * a pause the loop spins, and with a line a failure it fills the disk (both measured in
 * other servers).  Shortage also flickers: each connection that ends lets one in.  So an
 * episode lasts until a whole second went by without trouble, and is told twice: when it
 * begins and when it is over, at most one of them a second.
 */
#ifndef HARK_SOCKET_PRESSURE_H
#define HARK_SOCKET_PRESSURE_H

#include <stdbool.h>
#include <stdint.h>

struct hark__pressure {
	int wait_ms;          /* how long the latest pause was; 0 = none */
	int64_t try_ms;       /* when it ends: do not accept before */
	bool open;            /* an episode goes on */
	bool told;            /* and has been told */
	int64_t began_ms;     /* the episode's first trouble */
	int64_t trouble_ms;   /* its latest */
	int64_t next_tell_ms; /* not before */
};

/* Trouble: a pause, each twice the one before, from 5 ms to 100 ms. */
void hark__pressure_hit(struct hark__pressure *pressure, int64_t now_ms);

bool hark__pressure_pauses(const struct hark__pressure *pressure, int64_t now_ms);

/* A connection came through, or the queue was empty: no pause, and the next is short. */
void hark__pressure_ease(struct hark__pressure *pressure);

enum hark__tell { HARK__TELL_NOTHING, HARK__TELL_PAUSED, HARK__TELL_RESUMED };

/* What is due now; *lasted_ms is the episode's length when it is over. */
enum hark__tell hark__pressure_tell(
	struct hark__pressure *pressure, int64_t now_ms, int *lasted_ms);

/* How long until there is something to try or to tell; -1: for ever. */
int hark__pressure_left_ms(const struct hark__pressure *pressure, int64_t now_ms);

#endif
