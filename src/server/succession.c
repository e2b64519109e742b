/* SPDX-License-Identifier: MIT
 *
 * Taking over from a predecessor: we say that we are ready, and serve when it lets us.
 *
 * Invariant: nobody is accepted before, and what was left to us is not ours: it may be that
 * the predecessor goes on with it.  Floor 4.
 */
#include "base/error.h"
#include "server/handover.h"
#include "server/link.h"
#include "server/server.h"
#include "sys/sys.h"

#include <errno.h>
#include <poll.h>

enum { STOPPED = 0, SERVES = 1 };

/* What the configuration names no more; the predecessor sees to who waits there. */
static void drop_untaken(struct hark__handed *handed)
{
	for (size_t i = 0; i < handed->count; i++)
		if (!atomic_exchange(&handed->listener[i].taken, true)) /* by nobody */
			(void)sys_close(handed->listener[i].fd);        /* a copy */
}

/* Ours alone: no program that we start is to hold them. */
static void take_links(struct hark__handover *handover, struct hark__handed *handed)
{
	for (size_t i = 0; i < handed->ancestor_count; i++)
		handover->ancestor[handover->ancestor_count++] = handed->ancestor[i];
	if (handover->ancestor_count == HARK__ANCESTORS_MAX) /* one is forgotten */
		(void)sys_close(handover->ancestor[--handover->ancestor_count]);
	handover->ancestor[handover->ancestor_count++] = handed->link_fd;
	for (size_t i = 0; i < handover->ancestor_count; i++)
		(void)sys_set_close_on_exec(
			handover->ancestor[i]); /* sys_spawn closes it as well */
}

static void own(struct hark_server *server)
{
	struct hark_listener *listener;
	const char *name;

	for (size_t i = 0; (listener = hark__heirloom(server, i, &name)); i++)
		if (listener->origin == HARK_ORIGIN_HANDED_OVER)
			listener->origin = HARK_ORIGIN_MADE;
}

/*
 * Told to stop while we wait.  Nothing is said to us from now on, so either we have heard
 * that the listeners are ours or the predecessor keeps them; unless it is gone.
 */
static int hear_last(int link_fd)
{
	bool gone = hark__link_has_ended(link_fd);

	(void)sys_shutdown(
		link_fd, SHUT_RD); /* it is connected, or the other has gone */
	return gone || hark__link_hear_go(link_fd) > 0 ? SERVES : STOPPED;
}

/* A predecessor that has died leaves us all; SERVES. */
static int await_go(const struct hark_server *server, int link_fd)
{
	struct pollfd fds[3] = {{link_fd, POLLIN, 0}, {server->stop_fd, POLLIN, 0},
		{server->lame_fd, POLLIN, 0}};

	for (;;) {
		int waited = sys_poll(fds, 3, -1);

		if (waited < 0 && waited != -EINTR)
			return waited;
		if (waited < 0)
			continue;
		if (fds[1].revents || fds[2].revents)
			return hear_last(link_fd);
		if (fds[0].revents && hark__link_hear_go(link_fd) != 0)
			return SERVES;
	}
}

static int fail(int code, struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_UPGRADE, .code = code);
}

static int take_over(
	struct hark_server *server, struct hark__handed *handed, struct hark_error *err)
{
	int link_fd = handed->link_fd, done;

	take_links(&server->handover, handed);
	(void)hark__link_say_ready(link_fd, handed); /* else it has gone: heard below */
	drop_untaken(handed);
	done = await_go(server, link_fd);
	if (done < 0)
		return fail(done, err);
	if (done == SERVES)
		own(server);
	return done;
}

int hark__succeed(struct hark_server *server, struct hark_error *err)
{
	struct hark__handed *handed;
	int left;

	if (!server->options.successor)
		return SERVES;
	left = hark__handed(&handed, err);
	if (left <= 0)
		return left < 0 ? left : SERVES;
	if (atomic_exchange(&handed->claimed, true)) /* by another server of ours */
		return SERVES;
	return take_over(server, handed, err);
}
