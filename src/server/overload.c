/* SPDX-License-Identifier: MIT
 *
 * The gate of an overload; see overload.h.
 *
 * The board says whether all places are taken; whoever takes the last one, or frees one
 * while the gate is closed, wakes the thread that runs the server, which alone closes and
 * opens it: two that did would leave it closed.  Who came in before it was closed waits in
 * the queue.
 *
 * Invariant: the gate is open when anybody else looks at the sockets: a quiesce, a
 * successor.  Floor 4.
 */
#include "server/overload.h"

#include "base/error.h"
#include "socket/gates.h"
#include "socket/inspect.h"
#include "socket/listener.h"
#include "sys/sys.h"

#include <errno.h>

static bool is_wanted(const struct hark_server *server)
{
	return server->options.overload == HARK_OVERLOAD_GATE;
}

static bool is_tcp(const struct hark_listener *listener)
{
	return hark_addr_family(&listener->addr) != AF_UNIX;
}

/* ----------------------------------------------------------------------------- the gate */

static int set(const struct hark_listener *listener, bool closed)
{
	return closed ? hark__ghost(listener->fd) : hark__unghost(listener->fd);
}

static void tell_failed(
	struct hark_server *server, const struct hark_listener *listener, int code)
{
	struct hark_error why;

	(void)HARK__FAIL(&why, .step = HARK_STEP_QUIESCE, .code = code,
		.addr = &listener->addr); /* told */
	HARK__TELL(server, .kind = HARK_EVENT_FAILED, .error = &why);
}

/* One that cannot be closed is open: its clients wait. */
static void set_all(struct hark_server *server, bool closed)
{
	server->board->gated = closed;
	for (size_t i = 0; i < server->count; i++) {
		int done = is_tcp(&server->listener[i])
				   ? set(&server->listener[i], closed)
				   : 0;

		if (done < 0)
			tell_failed(server, &server->listener[i], done);
	}
}

static bool is_full(const struct hark_server *server)
{
	return hark__board_open(server->board, false) >=
	       (unsigned)server->options.max_connections;
}

static bool is_due(const struct hark_server *server)
{
	return server->overload_suspended == 0 && is_full(server);
}

/*
 * Set, then looked at again: who frees a place looks whether it is closed, so either it
 * sees that or we see the place.
 */
static void adjust(struct hark_server *server)
{
	bool due = is_due(server);

	while (due != server->board->gated) {
		set_all(server, due);
		due = is_due(server);
	}
}

static void on_change(int fd, void *ctx)
{
	(void)hark_wake_clear(fd); /* an eventfd */
	adjust(ctx);
}

void hark__overload_suspend(struct hark_server *server)
{
	server->overload_suspended++;
	if (is_wanted(server))
		adjust(server);
}

void hark__overload_resume(struct hark_server *server)
{
	server->overload_suspended--;
	if (is_wanted(server))
		adjust(server);
}

/* ----------------------------------------------------------------------- what forbids it */

static int refuse(const struct hark_listener *listener, int code, enum hark_cause cause,
	struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = code, .cause = cause,
		.option = "overload", .addr = listener ? &listener->addr : NULL);
}

/* To open the gate again would bind it to any device. */
static bool has_device(const struct hark_listener *listener)
{
	char name[32] = "";
	socklen_t length = sizeof(name);

	return sys_getsockopt(
		       listener->fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length) == 0 &&
	       length > 0 && name[0] != '\0';
}

static bool is_shared_port(const struct hark_listener *listener)
{
	int on = 0;

	return hark__get_int(listener->fd, SOL_SOCKET, SO_REUSEPORT, &on) == 0 && on;
}

static int check(const struct hark_listener *listener, struct hark_error *err)
{
	bool ours = listener->origin == HARK_ORIGIN_MADE ||
		    listener->origin == HARK_ORIGIN_HANDED_OVER;

	if (!is_tcp(listener))
		return 0;
	if (!ours)
		return refuse(listener, -EPERM, HARK_CAUSE_NOT_MADE, err);
	if (has_device(listener))
		return refuse(listener, -EINVAL, HARK_CAUSE_HAS_DEVICE, err);
	if (is_shared_port(listener))
		return refuse(listener, -EINVAL, HARK_CAUSE_OTHER_MEMBERS, err);
	return 0;
}

static int check_all(const struct hark_server *server, struct hark_error *err)
{
	int done = hark__may_unghost();

	if (done < 0)
		return refuse(NULL, done, HARK_CAUSE_NO_GATE, err);
	for (size_t i = 0; i < server->count && done == 0; i++)
		done = check(&server->listener[i], err);
	return done;
}

/* ------------------------------------------------------------------------------- attend */

int hark__overload_attend(struct hark_server *server, struct hark_error *err)
{
	int done;

	if (!is_wanted(server))
		return 0;
	done = check_all(server, err);
	if (done < 0)
		return done;
	return hark__attend(&server->attending, server->board->overload_fd, on_change,
		server, true, err);
}

void hark__overload_attend_no_more(struct hark_server *server)
{
	if (is_wanted(server))
		(void)hark__attend_no_more(
			&server->attending, server->board->overload_fd); /* or never */
}
