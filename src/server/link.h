/* SPDX-License-Identifier: MIT
 *
 * What predecessor and successor say to each other at a hot restart, over a socket that
 * keeps messages apart:
 *
 *	successor	"ready " and a '1' or '0' for each listener that it was left, in
 *			the order of HARK_HANDED: whether it has taken it
 *	predecessor	"go": it accepts no more, and what it has made is yours
 *	either		ends: it has ended, or wants no more of this
 *
 * The successor accepts nobody before it hears "go", or that nobody is there to say it: so
 * a predecessor may kill it at any moment before, and nobody is lost.  After that its end of
 * the socket tells those who follow that it still lives.  Floor 4.
 */
#ifndef HARK_SERVER_LINK_H
#define HARK_SERVER_LINK_H

#include "socket/handed.h"

enum { HARK__LINK_TEXT_MAX = 6 + HARK__HANDED_MAX + 1 };

/* Two ends, non-blocking and close-on-exec.  0 or a negative errno: none is open. */
int hark__link_make(int ends[2]);

int hark__link_say_ready(int fd, const struct hark__handed *handed);
int hark__link_say_go(int fd);

/* 1: it said so, and taken[i] for `count` listeners; 0: nothing yet; negative: it has
 * ended, or speaks another language. */
int hark__link_hear_ready(int fd, bool *taken, size_t count);
int hark__link_hear_go(int fd);

/* The other end is closed. */
bool hark__link_has_ended(int fd);

#endif
