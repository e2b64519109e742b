/* SPDX-License-Identifier: MIT
 *
 * What whoever had a listener before left on it.  Floor 2.
 */
#ifndef HARK_SOCKET_LEFTOVER_H
#define HARK_SOCKET_LEFTOVER_H

#include <hark.h>

/* True: it is bound to an interface that is no more, so nobody can connect to it. */
bool hark__is_ghost(int fd, int family);

/*
 * The options that its connections would inherit: ours, and the caller's.  Told, and left:
 * a filter.  0 or a negative errno.
 */
int hark__leftovers_set(int fd, const struct hark_addr *addr,
	const struct hark_listen_options *options, struct hark_error *err);

#endif
