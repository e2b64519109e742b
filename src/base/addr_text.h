/* SPDX-License-Identifier: MIT
 *
 * An address as part of a line.  Not here: reading, comparing, judging addresses (floor 2).
 * Floor 1, because errors print addresses.
 */
#ifndef HARK_BASE_ADDR_TEXT_H
#define HARK_BASE_ADDR_TEXT_H

#include "base/line.h"

#include <hark.h>

enum hark__addr_how {
	HARK__ADDR_HOST_ONLY = 1, /* neither port nor brackets */
	HARK__ADDR_NUMERIC_SCOPE =
		2,             /* do not ask the kernel for the interface's name */
	HARK__ADDR_QUOTED = 4, /* stands in single quotes: escape those as well */
};

/* `how`: any of enum hark__addr_how together. */
void hark__addr_add(
	struct hark__line *line, const struct hark_addr *addr, unsigned how);

/* AF_INET, AF_INET6, AF_UNIX if the length fits the family; else AF_UNSPEC. */
static inline int hark__addr_family(const struct hark_addr *addr)
{
	size_t length = addr->length;
	sa_family_t family = addr->u.any.sa_family;

	if (length < sizeof(family))
		return AF_UNSPEC;
	if (family == AF_INET && length < sizeof(addr->u.in))
		return AF_UNSPEC;
	if (family == AF_INET6 && length < sizeof(addr->u.in6))
		return AF_UNSPEC;
	return family;
}

/* 0–65535, or -1 where the family has no ports. */
static inline int hark__addr_port(const struct hark_addr *addr)
{
	switch (hark__addr_family(addr)) {
	case AF_INET:
		return ntohs(addr->u.in.sin_port);
	case AF_INET6:
		return ntohs(addr->u.in6.sin6_port);
	default:
		return -1;
	}
}

#endif
