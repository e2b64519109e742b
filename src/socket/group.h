/* SPDX-License-Identifier: MIT
 *
 * Opening a group of addresses together, on one port if the kernel chooses it.  Floor 2.
 */
#ifndef HARK_SOCKET_GROUP_H
#define HARK_SOCKET_GROUP_H

#include <hark.h>

struct hark__group {
	size_t count;
	struct hark_verdict
		*verdict; /* count of them: .addr is asked for, the rest told */
	bool tolerant;    /* a family that this host has not is no failure */
	const struct hark_listen_options *options;
	const struct hark_listener *held; /* those that are open already */
	size_t held_count;
};

/*
 * Opens them all (strict) or what can be (lenient, at least one), and returns how many:
 * listeners[] has room for group->count.  Addresses that are marked
 * HARK_OUTCOME_DUPLICATE are left out.  On failure nothing is open.
 */
int hark__group_open(struct hark__group *group, struct hark_listener *listeners,
	struct hark_error *err);

#endif
