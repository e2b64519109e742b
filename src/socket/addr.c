/* SPDX-License-Identifier: MIT
 *
 * Addresses as values: taken from system calls, compared, asked what they are.
 * Not here: their text (endpoint.c reads it, base/addr_text.c writes it).
 * Floor 2.
 *
 * Invariants: nothing here makes a system call; an address that was taken over holds no
 * byte that has no meaning, so equal ones are equal byte for byte (but for IPv6's flow
 * label, which is no part of an address and dropped).
 */
#include "base/addr_text.h"
#include "base/error.h"
#include "socket/ip_text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define UNIX_PATH_OFFSET offsetof(struct sockaddr_un, sun_path)
#define UNIX_PATH_SIZE   sizeof(((struct sockaddr_un *)0)->sun_path)

/* ------------------------------------------------------------------ from a sockaddr */

static int take_ipv4(struct hark_addr *addr, const void *sa, size_t length)
{
	struct sockaddr_in in;

	if (length < sizeof(in))
		return -EINVAL;
	memcpy(&in, sa, sizeof(in));
	*addr = hark__addr_of_ipv4(in.sin_addr);
	addr->u.in.sin_port = in.sin_port;
	return 0;
}

static int take_ipv6(struct hark_addr *addr, const void *sa, size_t length)
{
	struct sockaddr_in6 in6;

	if (length < sizeof(in6))
		return -EINVAL;
	memcpy(&in6, sa, sizeof(in6));
	*addr = hark__addr_of_ipv6(in6.sin6_addr, in6.sin6_scope_id);
	addr->u.in6.sin6_port = in6.sin6_port;
	return 0;
}

/*
 * Linux lets a path fill all of sun_path and then reports one byte more than there is,
 * for the NUL that did not fit (unix(7), "Bugs").
 */
static int take_unix(struct hark_addr *addr, const void *sa, size_t length)
{
	struct hark_addr found = {0};
	struct sockaddr_un *un = &found.u.un;

	if (length > sizeof(*un) + 1)
		return -EINVAL;
	if (length > sizeof(*un))
		length = sizeof(*un);
	memcpy(un, sa, length);
	if (length > UNIX_PATH_OFFSET && un->sun_path[0] != '\0') {
		size_t path = strnlen(un->sun_path, length - UNIX_PATH_OFFSET);

		memset(un->sun_path + path, 0, UNIX_PATH_SIZE - path);
		length = UNIX_PATH_OFFSET + path + (path < UNIX_PATH_SIZE);
	}
	found.length = (uint32_t)length;
	*addr = found;
	return 0;
}

static int take(struct hark_addr *addr, const struct sockaddr *sa, size_t length)
{
	sa_family_t family;

	if (!sa || length < sizeof(family))
		return -EINVAL;
	memcpy(&family, sa, sizeof(family)); /* may be the start of unaligned bytes */
	switch (family) {
	case AF_INET:
		return take_ipv4(addr, sa, length);
	case AF_INET6:
		return take_ipv6(addr, sa, length);
	case AF_UNIX:
		return take_unix(addr, sa, length);
	default:
		return -EAFNOSUPPORT;
	}
}

int hark_addr_from_sockaddr(struct hark_addr *addr, const struct sockaddr *sa,
	socklen_t length, struct hark_error *err)
{
	int code = take(addr, sa, length);

	if (code < 0)
		return HARK__FAIL(err, .step = HARK_STEP_INSPECT, .code = code);
	return 0;
}

/* ------------------------------------------------------------------------ its parts */

int hark_addr_family(const struct hark_addr *addr)
{
	return hark__addr_family(addr);
}

int hark_addr_port(const struct hark_addr *addr)
{
	int port = hark__addr_port(addr);

	return port < 0 ? -EAFNOSUPPORT : port;
}

int hark_addr_set_port(struct hark_addr *addr, int port)
{
	if (port < 0 || port > HARK__PORT_MAX)
		return -ERANGE;
	switch (hark_addr_family(addr)) {
	case AF_INET:
		addr->u.in.sin_port = htons((uint16_t)port);
		return 0;
	case AF_INET6:
		addr->u.in6.sin6_port = htons((uint16_t)port);
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}

bool hark_addr_is_v4_mapped(const struct hark_addr *addr)
{
	return hark_addr_family(addr) == AF_INET6 &&
	       IN6_IS_ADDR_V4MAPPED(&addr->u.in6.sin6_addr);
}

void hark_addr_unmap(struct hark_addr *addr)
{
	struct in_addr ip;
	in_port_t port;

	if (!hark_addr_is_v4_mapped(addr))
		return;
	memcpy(&ip, addr->u.in6.sin6_addr.s6_addr + 12, sizeof(ip));
	port = addr->u.in6.sin6_port;
	*addr = hark__addr_of_ipv4(ip);
	addr->u.in.sin_port = port;
}

/* ----------------------------------------------------------------------- comparison */

static int compare_numbers(long long a, long long b)
{
	return (a > b) - (a < b);
}

static size_t unix_name_length(const struct hark_addr *addr)
{
	size_t length =
		addr->length < sizeof(addr->u.un) ? addr->length : sizeof(addr->u.un);

	return length > UNIX_PATH_OFFSET ? length - UNIX_PATH_OFFSET : 0;
}

/* Shorter names come first, then by their bytes. */
static int compare_unix(const struct hark_addr *a, const struct hark_addr *b)
{
	size_t length = unix_name_length(a), other = unix_name_length(b);

	if (length != other)
		return length < other ? -1 : 1;
	return memcmp(a->u.un.sun_path, b->u.un.sun_path, length);
}

/* Of one family. */
static int compare_hosts(const struct hark_addr *a, const struct hark_addr *b)
{
	const struct sockaddr_in6 *in6 = &a->u.in6;
	int order;

	switch (hark_addr_family(a)) {
	case AF_INET:
		return memcmp(
			&a->u.in.sin_addr, &b->u.in.sin_addr, sizeof(a->u.in.sin_addr));
	case AF_INET6:
		order = memcmp(
			&in6->sin6_addr, &b->u.in6.sin6_addr, sizeof(in6->sin6_addr));
		return order ? order
			     : compare_numbers(
				       in6->sin6_scope_id, b->u.in6.sin6_scope_id);
	case AF_UNIX:
		return compare_unix(a, b);
	default:
		return 0;
	}
}

int hark_addr_compare(const struct hark_addr *a, const struct hark_addr *b)
{
	int order = compare_numbers(hark_addr_family(a), hark_addr_family(b));

	if (order == 0)
		order = compare_hosts(a, b);
	if (order == 0)
		order = compare_numbers(hark_addr_port(a), hark_addr_port(b));
	return order;
}

/* A client of a dual-stack socket and one of an IPv4 socket may be the same. */
bool hark_addr_same_host(const struct hark_addr *a, const struct hark_addr *b)
{
	struct hark_addr first = *a, second = *b;

	hark_addr_unmap(&first);
	hark_addr_unmap(&second);
	if (hark_addr_family(&first) != hark_addr_family(&second))
		return false;
	if (hark_addr_family(&first) == AF_UNIX)
		return true; /* this one */
	return hark_addr_family(&first) != AF_UNSPEC &&
	       compare_hosts(&first, &second) == 0;
}

/* ------------------------------------------------------------------ what it is like */

static bool is_in(
	const struct hark_cidr *blocks, size_t count, const struct hark_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (hark_cidr_match(&blocks[i], addr))
			return true;
	return false;
}

bool hark_addr_is_loopback(const struct hark_addr *addr)
{
	static const struct hark_cidr blocks[] = {
		{AF_INET, 8, {127}},
		{AF_INET6, 128, {[15] = 1}},
	};

	return is_in(blocks, COUNT(blocks), addr);
}

bool hark_addr_is_private(const struct hark_addr *addr)
{
	static const struct hark_cidr blocks[] = {
		{AF_INET, 8, {10}},
		{AF_INET, 12, {172, 16}},
		{AF_INET, 16, {192, 168}},
		{AF_INET6, 7, {0xfc}},
	};

	return is_in(blocks, COUNT(blocks), addr);
}

bool hark_addr_is_link_local(const struct hark_addr *addr)
{
	static const struct hark_cidr blocks[] = {
		{AF_INET, 16, {169, 254}}, /* RFC 3927 */
		{AF_INET6, 10, {0xfe, 0x80}},
	};

	return is_in(blocks, COUNT(blocks), addr);
}

bool hark_addr_is_unspecified(const struct hark_addr *addr)
{
	static const struct hark_cidr blocks[] = {
		{AF_INET, 32, {0}},
		{AF_INET6, 128, {0}},
	};

	return is_in(blocks, COUNT(blocks), addr);
}

bool hark_addr_is_multicast(const struct hark_addr *addr)
{
	static const struct hark_cidr blocks[] = {
		{AF_INET, 4, {224}},
		{AF_INET6, 8, {0xff}},
	};

	return is_in(blocks, COUNT(blocks), addr);
}

/* ----------------------------------------------------------------------------- dial */

/*
 * Connecting to the unspecified address happens to work on Linux, but no standard says
 * so; a client that was told "::ffff:0.0.0.0" must stay with a socket of that family.
 */
void hark_addr_to_dial(struct hark_addr *dial, const struct hark_addr *listening)
{
	static const unsigned char loopback[4] = {127, 0, 0, 1};
	struct hark_addr addr = *listening;

	if (!hark_addr_is_unspecified(&addr)) {
		*dial = addr;
		return;
	}
	if (hark_addr_is_v4_mapped(&addr))
		memcpy(addr.u.in6.sin6_addr.s6_addr + 12, loopback, sizeof(loopback));
	else if (hark_addr_family(&addr) == AF_INET6)
		addr.u.in6.sin6_addr = in6addr_loopback;
	else
		memcpy(&addr.u.in.sin_addr, loopback, sizeof(loopback));
	*dial = addr;
}
