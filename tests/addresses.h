/* SPDX-License-Identifier: MIT
 *
 * Addresses made by hand, for tests of what is told about them: no parser of hark's is
 * trusted.
 */
#ifndef TESTS_ADDRESSES_H
#define TESTS_ADDRESSES_H

#include <hark.h>

#include <arpa/inet.h>
#include <string.h>

static inline struct hark_addr ipv4(const char *host, int port)
{
	struct hark_addr addr = {.length = sizeof(addr.u.in)};

	addr.u.in.sin_family = AF_INET;
	addr.u.in.sin_port = htons((uint16_t)port);
	(void)inet_pton(AF_INET, host, &addr.u.in.sin_addr); /* else 0.0.0.0 */
	return addr;
}

static inline struct hark_addr ipv6(const char *host, int port)
{
	struct hark_addr addr = {.length = sizeof(addr.u.in6)};

	addr.u.in6.sin6_family = AF_INET6;
	addr.u.in6.sin6_port = htons((uint16_t)port);
	(void)inet_pton(AF_INET6, host, &addr.u.in6.sin6_addr); /* else :: */
	return addr;
}

static inline struct hark_addr local(const char *name, size_t length)
{
	struct hark_addr addr = {
		.length = (uint32_t)(offsetof(struct sockaddr_un, sun_path) + length)};

	addr.u.un.sun_family = AF_UNIX;
	memcpy(addr.u.un.sun_path, name, length);
	return addr;
}

#endif
