/* SPDX-License-Identifier: MIT
 *
 * Whether this host has IPv6, for tests that need it.
 */
#ifndef TESTS_IPV6_H
#define TESTS_IPV6_H

#include "net.h"

#include <stdbool.h>

/*
 * A socket of it can be made, and be bound to [::], on hosts that have no address of
 * it.
 */
static inline bool has_ipv6(void)
{
	struct net_addr addr = net_ip("::1", 0);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), bound;

	if (fd < 0)
		return false;
	bound = bind(fd, &addr.sa.any, addr.length);
	net_close(fd);
	return bound == 0;
}

#endif
