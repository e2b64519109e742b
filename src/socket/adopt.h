/* SPDX-License-Identifier: MIT
 *
 * Taking over listeners that somebody else opened, inside the library.  Floor 2.
 */
#ifndef HARK_SOCKET_ADOPT_H
#define HARK_SOCKET_ADOPT_H

#include <hark.h>

/* Whether it could be adopted; changes nothing. */
int hark__adopt_check(int fd, struct hark_error *err);

/*
 * hark_listener_adopt, for a descriptor that came by `origin`.  options NULL: what others
 * left on it stays, since they serve with it yet.
 */
int hark__adopt(struct hark_listener *listener, int fd, enum hark_origin origin,
	const struct hark_listen_options *options, struct hark_error *err);

#endif
