/* SPDX-License-Identifier: MIT
 *
 * Accept, inside the library.  Floor 2.
 */
#ifndef HARK_SOCKET_ACCEPT_H
#define HARK_SOCKET_ACCEPT_H

#include <hark.h>

/* "This connection only" and "interrupted" in a row, until it is treated as pressure. */
enum { HARK__ACCEPT_TRIES = 16 };

/*
 * One accept4(2): a descriptor, above 2 if one is free, or the negative errno as the kernel gave it.  The
 * listener must be non-blocking.
 */
int hark__accept_once(int fd, struct hark_addr *peer);

/* Records why accepting from `fd` failed, with the facts that explain it. */
int hark__accept_fail(int fd, int code, struct hark_error *err);

/*
 * What poll(2) says of a Unix listener whose reading side was shut down: it stays readable
 * for ever although accept finds nobody.
 */
bool hark__was_shut_down(int poll_events);

#endif
