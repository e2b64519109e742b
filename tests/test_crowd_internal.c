/* SPDX-License-Identifier: MIT
 *
 * A crowd at several listeners, from the inside: whether the kernel still wakes one of many
 * cannot be seen from without, where poll(2) serves the same clients for more processor time.
 */
#include "socket/accepting.h"

#include "harness.h"
#include "net.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TCP, UNIX, MANY = 20 /* more than one process accepts before it stands back */ };

static void open_both(struct hark_listener_set *set)
{
	char text[64];

	memset(set, 0, sizeof(*set));
	CHECK_OK(hark_listener_set_add(set, "127.0.0.1:0", NULL, NULL));
	(void)snprintf(text, sizeof(text), "unix:@hark-crowd-%d", (int)getpid());
	CHECK_OK(hark_listener_set_add(set, text, NULL, NULL));
	CHECK_INT(set->count, ==, 2);
}

static void accept_many(
	struct hark__accepting *accepting, const struct hark_listener *tcp)
{
	struct hark_addr peer;
	struct hark_error err;
	int client[MANY], connection;

	for (int i = 0; i < MANY; i++)
		client[i] = net_connect(net_local(tcp->fd));
	for (int i = 0; i < MANY; i++) {
		CHECK_INT(hark__accepting_next(accepting, &connection, &peer, &err), ==,
			1);
		net_close(connection);
		net_close(client[i]);
	}
}

/* X5, X4: the place of a dropped listener is passed over when the process stands back */
TEST(crowd_dropped, "who accepts in a crowd stays in it after a listener was dropped")
{
	static const struct hark_loop_options defaults;
	static const _Atomic bool stops = true;
	struct hark_listener_set set;
	struct hark__accepting accepting = {.listeners = set.listener,
		.count = 2,
		.options = &defaults,
		.crowd = true,
		.quiesces = &stops};

	open_both(&set);
	CHECK_OK(hark__accepting_begin(&accepting, NULL));
	CHECK_INT(accepting.epoll_fd, >=, 0);
	CHECK_SYS(shutdown(set.listener[UNIX].fd, SHUT_RD));
	accept_many(&accepting, &set.listener[TCP]);
	CHECK_INT(accepting.fds[HARK__WAKERS + UNIX].fd, ==, -1);
	CHECK_INT(accepting.epoll_fd, >=, 0);
	hark__accepting_end(&accepting);
	CHECK_OK(hark_listener_set_close_now(&set, NULL));
}
