/* SPDX-License-Identifier: MIT
 *
 * Bind: one address to one socket, and what the kernel lets pass but no listener wants.
 * Unix paths are bound as they are; replacing a stale one is unix_path.c's.  Floor 2.
 */
#include "socket/bind.h"
#include "base/error.h"
#include "socket/create.h"
#include "socket/limits.h"
#include "socket/option.h"
#include "sys/sys.h"

#include <arpa/inet.h>
#include <errno.h>

/*
 * An address has the number of its interface, people know the name: it is asked for now, as
 * the line asks nobody.  NULL without an interface.
 */
static const char *named_scope(const struct hark_addr *addr, char *text, size_t size)
{
	if (!addr || hark_addr_family(addr) != AF_INET6 || !addr->u.in6.sin6_scope_id)
		return NULL;
	(void)hark_addr_text(addr, text, size); /* fits */
	return text;
}

int hark__bind_fail(const struct hark_addr *addr, int code, enum hark_cause cause,
	struct hark_error *err)
{
	char text[HARK_ADDR_TEXT_MAX];
	long long limit = 0;

	if (code == -EACCES && hark_addr_family(addr) != AF_UNIX)
		limit = hark__unprivileged_port_start();
	return HARK__FAIL(err, .step = HARK_STEP_BIND, .code = code, .cause = cause,
		.addr = addr, .limit = limit,
		.subject = named_scope(addr, text, sizeof(text)));
}

/* The refusal goes away with SO_BROADCAST; that of a prohibiting route does not. */
static bool connects_for_broadcast(int fd, const struct hark_addr *addr)
{
	return sys_connect(fd, &addr->u.any, addr->length) == -EACCES &&
	       hark__option_int(fd, SOL_SOCKET, SO_BROADCAST, 1) == 0 &&
	       sys_connect(fd, &addr->u.any, addr->length) == 0;
}

/*
 * A broadcast address of one of our networks looks like any other.  The kernel tells: it
 * refuses to connect a datagram socket to one unless SO_BROADCAST was set (EACCES,
 * ip4_datagram_connect).  Nothing is sent.
 */
static bool is_broadcast(const struct hark_addr *addr)
{
	bool broadcast;
	int fd;

	if (addr->u.in.sin_addr.s_addr == htonl(INADDR_BROADCAST))
		return true;
	fd = hark__socket_above(AF_INET, SOCK_DGRAM);
	if (fd < 0)
		return false; /* cannot tell: bind decides */
	broadcast = connects_for_broadcast(fd, addr);
	(void)sys_close(fd); /* held nothing */
	return broadcast;
}

/*
 * Any IPv4 address could be: the administrator may choose one that does not end in ones.
 * The two that everybody binds are not asked about.
 */
static bool may_be_broadcast(const struct hark_addr *addr)
{
	return hark_addr_family(addr) == AF_INET && !hark_addr_is_unspecified(addr) &&
	       addr->u.in.sin_addr.s_addr != htonl(INADDR_LOOPBACK);
}

/* The kernel binds stream sockets to multicast and broadcast addresses without a word. */
static int refuse_group(const struct hark_addr *addr, struct hark_error *err)
{
	struct hark_addr plain = *addr;

	hark_addr_unmap(&plain);
	if (hark_addr_is_multicast(&plain))
		return hark__bind_fail(addr, -EINVAL, HARK_CAUSE_MULTICAST, err);
	if (may_be_broadcast(&plain) && is_broadcast(&plain))
		return hark__bind_fail(addr, -EINVAL, HARK_CAUSE_BROADCAST, err);
	return 0;
}

bool hark__addr_fits(const struct hark_addr *addr)
{
	return addr->length <= sizeof(addr->u);
}

int hark_bind(int fd, const struct hark_addr *addr, struct hark_error *err)
{
	int bound;

	if (!hark__addr_fits(addr))
		return hark__bind_fail(NULL, -EINVAL, HARK_CAUSE_NONE, err);
	bound = refuse_group(addr, err);
	if (bound < 0)
		return bound;
	bound = sys_bind(fd, &addr->u.any, addr->length);
	if (bound < 0)
		return hark__bind_fail(addr, bound, HARK_CAUSE_NONE, err);
	return 0;
}
