/* SPDX-License-Identifier: MIT
 *
 * How many connections each client address and each prefix of addresses has, and how fast
 * an address connects: one table in memory that all worker processes share.
 * Not here: who may come in at all (rules.h), what becomes of those who may not.
 * Floor 4.
 *
 * It has room for so many connections and no more, whatever clients do: it never grows, and
 * addresses that come by the million displace those that were idle longest, and nobody
 * else.  A process that is killed, with the table locked even, leaves it as if it had died
 * before or after the call (a client that it was about to count may have used up its
 * rate); what it had is given back by hark__hosts_forget.
 */
#ifndef HARK_SERVER_HOSTS_H
#define HARK_SERVER_HOSTS_H

#include <hark_server.h>

/* 0 = no limit, in the first two and .rate; the others have their defaults by now. */
struct hark__hosts_limits {
	int per_address;
	int per_prefix;
	int prefix_v4;  /* bits, 1–32 */
	int prefix_v6;  /* bits, 1–128 */
	int rate;       /* so many new connections of an address … */
	int rate_ms;    /* … in so long on average … */
	int rate_burst; /* … and so many at once; from 1 */
};

/* Connections beyond this are not kept: the rest is refused for want of places. */
#define HARK__HOSTS_MOST (1 << 24)

/* Holders are 0 to HARK__HOSTS_HOLDERS - 1: the worker processes. */
#define HARK__HOSTS_HOLDERS 1024

struct hark__hosts;

/* Is there anything to count? */
bool hark__hosts_wanted(const struct hark__hosts_limits *limits);

/* How much memory it takes for so many open connections at once. */
size_t hark__hosts_bytes(int connections);

/*
 * In memory that is zeroed, shared, and mapped at the same address in every process.  The
 * seed is random: clients that knew it could choose addresses that slow the table down.
 * NULL: this system has no locks that outlive their owner.
 */
struct hark__hosts *hark__hosts_make(void *memory,
	const struct hark__hosts_limits *limits, int connections, uint64_t seed);

/*
 * A client is about to be served: a place (> 0) to give back when that is over, or
 * -1 - enum hark_refusal (PER_ADDRESS, PER_PREFIX, RATE; RESOURCES: no place is left).
 * *from_address (may be NULL) is how many connections the address has now, this one
 * included; when it is refused, how many it has.  A client that is refused changes nothing:
 * it is not counted, and does not lengthen the time until its address may come again.
 * One without IP address takes a place and is not counted.
 */
int hark__hosts_enter(struct hark__hosts *hosts, int holder,
	const struct hark_addr *peer, int64_t now_ms, unsigned *from_address);
void hark__hosts_leave(struct hark__hosts *hosts, int place);

/* That process is gone: all its places are given back. */
void hark__hosts_forget(struct hark__hosts *hosts, int holder);

/* How often a process died with the table locked, and it was put in order. */
unsigned hark__hosts_repairs(const struct hark__hosts *hosts);

#endif
