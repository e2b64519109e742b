/* SPDX-License-Identifier: MIT
 *
 * The gate: whether there is room for one more, and whether it may come in.  Before the
 * handler, in the order of their cost.  Floor 4.
 */
#ifndef HARK_SERVER_GATE_H
#define HARK_SERVER_GATE_H

#include <hark_server.h>

struct hark__worker;

/* A connection that came in: to be served or given back. */
struct hark__arrival {
	int fd;
	int place;             /* in the table of hosts; -1: none */
	unsigned from_address; /* conversations of its address now; 0: not counted */
	uint64_t number;
	int64_t began_us;
	struct hark_addr peer;
};

/*
 * May the next be accepted?  Where clients are to wait in the queue, true reserves a place.
 * Asked before each accept(2), by the one who accepts.
 */
bool hark__gate_has_room(struct hark__worker *worker);

/* What was reserved and not used is given back: nobody will be accepted for now. */
void hark__gate_unreserve(struct hark__worker *worker);

/* Admits a connection: true.  Else it was refused, counted and closed. */
bool hark__gate_admit(struct hark__worker *worker, int fd, const struct hark_addr *peer,
	struct hark__arrival *arrival);

/* It was admitted and cannot be served for want of something: refused after all. */
void hark__gate_turn_away(struct hark__worker *worker,
	const struct hark__arrival *arrival, const struct hark_error *why);

/* Its places are free for others. */
void hark__gate_leave(struct hark__worker *worker, const struct hark__arrival *arrival);

#endif
