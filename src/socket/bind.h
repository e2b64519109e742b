/* SPDX-License-Identifier: MIT
 *
 * Bind, inside the library.  Floor 2.
 */
#ifndef HARK_SOCKET_BIND_H
#define HARK_SOCKET_BIND_H

#include <hark.h>

/* Records why `addr` could not be bound, with the limit that explains it. */
int hark__bind_fail(const struct hark_addr *addr, int code, enum hark_cause cause,
	struct hark_error *err);

/* The length that the caller filled in is one that the union can hold. */
bool hark__addr_fits(const struct hark_addr *addr);

#endif
