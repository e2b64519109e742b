/* SPDX-License-Identifier: MIT
 *
 * A crowd of processes at the same listeners; see crowd.h.  Floor 2.
 */
#include "socket/crowd.h"

#include "socket/create.h"
#include "sys/sys.h"

/* Connections that one process accepts before it goes to the end of the line. */
enum { TURNS = 8 };

void hark__crowd_end(struct hark__accepting *accepting)
{
	if (accepting->epoll_fd >= 0)
		(void)sys_close(accepting->epoll_fd); /* an epoll instance */
	accepting->epoll_fd = -1;
}

/* Where it cannot be had, poll(2) does it, for more processor time. */
void hark__crowd_begin(struct hark__accepting *accepting)
{
	int done = 0;

	accepting->epoll_fd = -1;
	if (!accepting->crowd || accepting->count > HARK_SET_MAX)
		return;
	accepting->epoll_fd = hark__above_stdio(sys_epoll());
	for (size_t i = 0; i < HARK__WAKERS + accepting->count && done == 0; i++) {
		int fd = accepting->fds[i].fd;

		if (i >= HARK__WAKERS)
			done = sys_epoll_add_one_of_many(accepting->epoll_fd, fd, i);
		else if (fd >= 0)
			done = sys_epoll_add(accepting->epoll_fd, fd, i);
	}
	if (done < 0)
		hark__crowd_end(accepting);
}

/*
 * One of many is woken for a client, so that not all come for it.  Should that one end
 * instead of accepting, the others are told to look at each listener (.look_all): epoll
 * would not tell them of a client that it has told somebody of.
 */
int hark__crowd_wait(struct hark__accepting *accepting, int timeout_ms)
{
	struct sys_event events[HARK__WAKERS + HARK_SET_MAX];
	int ready = sys_epoll_wait(accepting->epoll_fd, events,
		(int)(sizeof(events) / sizeof(events[0])), timeout_ms);

	for (size_t i = 0; i < HARK__WAKERS + accepting->count; i++)
		accepting->fds[i].revents = 0;
	for (int i = 0; i < ready; i++)
		accepting->fds[events[i].data].revents = POLLIN;
	return ready;
}

/*
 * Of a crowd, the kernel wakes whoever came first to each listener, so that one process
 * would get nearly all.  It goes to the end of the line now and then.
 */
static void stand_back(struct hark__accepting *accepting)
{
	accepting->turns = 0;
	for (size_t i = HARK__WAKERS; i < HARK__WAKERS + accepting->count; i++) {
		int fd = accepting->fds[i].fd;

		if (fd < 0) /* dropped */
			continue;
		sys_epoll_remove(accepting->epoll_fd, fd);
		if (sys_epoll_add_one_of_many(accepting->epoll_fd, fd, i) == 0)
			continue;
		hark__crowd_end(accepting); /* poll(2) goes on */
		return;
	}
}

void hark__crowd_served(struct hark__accepting *accepting)
{
	if (accepting->epoll_fd >= 0 && ++accepting->turns >= TURNS)
		stand_back(accepting);
}

void hark__crowd_drop(struct hark__accepting *accepting, int fd)
{
	if (accepting->epoll_fd >= 0)
		sys_epoll_remove(accepting->epoll_fd, fd);
}
