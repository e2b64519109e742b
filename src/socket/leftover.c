/* SPDX-License-Identifier: MIT
 *
 * Leftovers: a listener that somebody else opened may have been another's before, and what
 * that one set is inherited by every connection.  Three kinds:
 *
 *	set straight	what no service manager has a setting for, so that it is there by
 *			accident, and what would surprise a handler or program: recv(2) of a
 *			blocking descriptor that says EAGAIN, close(2) that waits or resets,
 *			bytes that are held back
 *	told, and left	a filter: whoever attached it may have had a reason
 *	left		what an administrator may have asked for (systemd.socket(5):
 *			KeepAlive=, DeferAcceptSec=, ReceiveBuffer=, TCPCongestion=, Mark= …),
 *			unless the caller says otherwise
 *
 * Unix sockets pass on none of this.  Not here: what is checked (adopt.c), the caller's
 * options (option.c).  Floor 2.
 */
#include "socket/leftover.h"

#include "base/error.h"
#include "socket/option.h"
#include "sys/sys.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/time.h>

#ifndef SO_GET_FILTER
#define SO_GET_FILTER SO_ATTACH_FILTER
#endif

/* It would be asked by index otherwise, and another network namespace has others. */
bool hark__is_ghost(int fd, int family)
{
	char name[IFNAMSIZ];
	socklen_t length = sizeof(name);

	return family != AF_UNIX && sys_getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE,
					    name, &length) == -ENODEV;
}

/* With no room for it, it says how many instructions there are. */
static void tell_filter(
	int fd, const struct hark_addr *addr, const struct hark_listen_options *options)
{
	struct hark_error notice;
	socklen_t count = 0;
	char unused;

	if (sys_getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, &unused, &count) < 0 ||
		count == 0 || !options->on_notice)
		return;
	(void)HARK__FAIL(&notice, .step = HARK_STEP_ADOPT, .code = -EPERM,
		.cause = HARK_CAUSE_FILTERED, .limit = count, .addr = addr); /* told */
	options->on_notice(&notice, options->notice_ctx);
}

static const struct timeval for_ever;
static const struct linger none;
static const int off = 0, one_byte = 1;

#define LEFTOVER(level, option, value)                          \
	{                                                       \
#option, level, option, &(value), sizeof(value) \
	}

/* In the order of the damage; linger and no_delay may be set once more by the caller. */
static const struct {
	const char *name;
	int level, number;
	const void *value;
	socklen_t size;
} leftovers[] = {
	LEFTOVER(SOL_SOCKET, SO_RCVTIMEO, for_ever),
	LEFTOVER(SOL_SOCKET, SO_SNDTIMEO, for_ever),
	LEFTOVER(SOL_SOCKET, SO_LINGER, none),
	LEFTOVER(SOL_SOCKET, SO_RCVLOWAT, one_byte),
	LEFTOVER(SOL_SOCKET, SO_OOBINLINE, off),
	LEFTOVER(IPPROTO_TCP, TCP_CORK, off),
};

int hark__leftovers_set(int fd, const struct hark_addr *addr,
	const struct hark_listen_options *options, struct hark_error *err)
{
	if (hark_addr_family(addr) == AF_UNIX)
		return 0;
	tell_filter(fd, addr, options);
	for (size_t i = 0; i < sizeof(leftovers) / sizeof(leftovers[0]); i++) {
		int set = sys_setsockopt(fd, leftovers[i].level, leftovers[i].number,
			leftovers[i].value, leftovers[i].size);

		/* a protocol that has it not (MPTCP) has nothing left over */
		if (set < 0 && !hark__option_is_lacking(set))
			return HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = set,
				.option = leftovers[i].name, .addr = addr);
	}
	return hark__options_inherited(fd, hark_addr_family(addr), options, err);
}
