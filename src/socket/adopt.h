/* SPDX-License-Identifier: MIT
 *
 * Taking over listeners that somebody else opened, inside the library.  Floor 2.
 */
#ifndef HARK_SOCKET_ADOPT_H
#define HARK_SOCKET_ADOPT_H

#include <hark.h>

/* Whether it could be adopted; changes nothing. */
int hark__adopt_check(int fd, struct hark_error *err);

/* hark_listener_adopt, for a descriptor that came by `origin`. */
int hark__adopt(struct hark_listener *listener, int fd, enum hark_origin origin,
	struct hark_error *err);

#endif
