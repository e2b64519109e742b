/* SPDX-License-Identifier: MIT
 *
 * A crowd: several processes wait for the same listeners, and one of them is enough for a
 * client.  Each has an epoll instance over its poll set, in which the kernel wakes one of
 * many; where it cannot be had poll(2) wakes all, for more processor time.  Floor 2.
 */
#ifndef HARK_SOCKET_CROWD_H
#define HARK_SOCKET_CROWD_H

#include "socket/accepting.h"

/* If .crowd says so, and it can be had. */
void hark__crowd_begin(struct hark__accepting *accepting);
void hark__crowd_end(struct hark__accepting *accepting);

/* As poll(2) on the poll set: what is ready is in its revents. */
int hark__crowd_wait(struct hark__accepting *accepting, int timeout_ms);

/* A client has come to this one. */
void hark__crowd_served(struct hark__accepting *accepting);

/* Nobody comes to that listener any more. */
void hark__crowd_drop(struct hark__accepting *accepting, int fd);

#endif
