/* SPDX-License-Identifier: MIT
 *
 * Listeners that a service manager opened for us.  Floor 2.
 */
#ifndef HARK_SOCKET_ACTIVATION_H
#define HARK_SOCKET_ACTIVATION_H

#include <hark.h>

/*
 * The descriptors that were passed under `name` ("": all of them), at most `max`; returns
 * how many.  They are not looked at yet.
 */
int hark__activation_find(
	int *fds, size_t max, const char *name, struct hark_error *err);

#endif
