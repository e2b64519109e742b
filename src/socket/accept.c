/* SPDX-License-Identifier: MIT
 *
 * Accept: one connection and its peer from one system call, and the one classification of
 * what else accept(2) can say.  Not here: the loop (loop.c), what to do while descriptors
 * are out (pressure.c).
 *
 * Floor 2.  Invariant: an error that leaves the client in the queue is returned with the
 * client still there.
 */
#include "socket/accept.h"

#include "base/clock.h"
#include "base/error.h"
#include "socket/create.h"
#include "socket/inspect.h"
#include "socket/wait.h"
#include "sys/sys.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/*
 * accept(2) hands out errors that were pending on the new connection as its own; the
 * manual asks to treat those of the network like EAGAIN.  EOPNOTSUPP on a stream socket is
 * one of them.  EPERM is a firewall's or a security module's word on this connection.
 */
static const struct {
	int code;
	enum hark_accept_class what;
} classes[] = {
	{EAGAIN, HARK_ACCEPT_EMPTY},
	{EWOULDBLOCK, HARK_ACCEPT_EMPTY},
	{EINTR, HARK_ACCEPT_AGAIN},
	{ECONNABORTED, HARK_ACCEPT_NEXT},
	{EPROTO, HARK_ACCEPT_NEXT},
	{EPERM, HARK_ACCEPT_NEXT},
	{ENETDOWN, HARK_ACCEPT_NEXT},
	{ENETUNREACH, HARK_ACCEPT_NEXT},
	{EHOSTDOWN, HARK_ACCEPT_NEXT},
	{EHOSTUNREACH, HARK_ACCEPT_NEXT},
	{ENONET, HARK_ACCEPT_NEXT},
	{ENOPROTOOPT, HARK_ACCEPT_NEXT},
	{EOPNOTSUPP, HARK_ACCEPT_NEXT},
	{EMFILE, HARK_ACCEPT_EXHAUSTED},
	{ENFILE, HARK_ACCEPT_EXHAUSTED},
	{ENOBUFS, HARK_ACCEPT_EXHAUSTED},
	{ENOMEM, HARK_ACCEPT_EXHAUSTED},
	{EBADF, HARK_ACCEPT_BROKEN},
	{EINVAL, HARK_ACCEPT_BROKEN},
	{ENOTSOCK, HARK_ACCEPT_BROKEN},
};

enum hark_accept_class hark_accept_classify(int code)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (classes[i].code == -code)
			return classes[i].what;
	return HARK_ACCEPT_UNKNOWN;
}

/* Without a free number above them it stays below: better there than lost. */
static int above_stdio(int connection)
{
	int above;

	if (connection > STDERR_FILENO)
		return connection;
	above = sys_dup_above(connection, STDERR_FILENO + 1);
	if (above < 0)
		return connection;
	(void)sys_close(connection); /* a copy of it is open */
	return above;
}

int hark__accept_once(int fd, struct hark_addr *peer)
{
	struct hark_addr from = {0};
	socklen_t length = sizeof(from.u);
	int connection = sys_accept4(fd, &from.u.any, &length, SOCK_CLOEXEC);

	if (connection < 0)
		return connection;
	from.length = hark__addr_length(length);
	if (peer)
		*peer = from;
	return above_stdio(connection);
}

int hark__accept_fail(int fd, int code, struct hark_error *err)
{
	struct hark_addr addr = {0};

	if (!err)
		return code;
	(void)hark__local_addr(fd, &addr); /* without it the line names no address */
	return HARK__FAIL(err, .step = HARK_STEP_ACCEPT, .code = code,
		.cause = code == -EINVAL ? HARK_CAUSE_SHUT_DOWN : HARK_CAUSE_NONE,
		.addr = &addr, .limit = hark__descriptor_limit(code));
}

static bool passes(int code)
{
	enum hark_accept_class what = hark_accept_classify(code);

	return what == HARK_ACCEPT_NEXT || what == HARK_ACCEPT_AGAIN;
}

bool hark__was_shut_down(int poll_events)
{
	return poll_events & POLLRDHUP;
}

/* accept4(2) says EAGAIN of a Unix listener that was shut down: only poll(2) tells. */
static bool is_shut_down(int fd)
{
	int seen = hark__wait(fd, POLLRDHUP, 0, hark__deadline(0));

	return seen > 0 && hark__was_shut_down(seen);
}

int hark_accept_try(int fd, struct hark_addr *peer, struct hark_error *err)
{
	int got = hark__accept_once(fd, peer);

	for (int tries = 1; tries < HARK__ACCEPT_TRIES && got < 0 && passes(got);
		tries++)
		got = hark__accept_once(fd, peer);
	if (got >= 0)
		return got;
	if (hark_accept_classify(got) != HARK_ACCEPT_EMPTY)
		return hark__accept_fail(fd, got, err);
	return is_shut_down(fd) ? hark__accept_fail(fd, -EINVAL, err) : got;
}

static int accept_before(int fd, struct hark_addr *peer, int64_t deadline, int wake_fd,
	struct hark_error *err)
{
	int ready, got = -EAGAIN;

	if (fd < 0) /* poll(2) would wait for ever */
		return hark__accept_fail(fd, -EBADF, err);
	if (wake_fd < 0)
		return HARK__FAIL(err, .step = HARK_STEP_WAIT, .code = -EBADF);
	while (got == -EAGAIN) {
		ready = hark__wait(fd, POLLIN, wake_fd, deadline);
		if (ready == -ETIMEDOUT || ready == -ECANCELED)
			return ready;
		if (ready < 0)
			return HARK__FAIL(err, .step = HARK_STEP_WAIT, .code = ready);
		got = hark_accept_try(fd, peer, err);
	}
	return got;
}

int hark_accept_wait(int fd, struct hark_addr *peer, int timeout_ms, int wake_fd,
	struct hark_error *err)
{
	return accept_before(fd, peer, hark__deadline(timeout_ms), wake_fd, err);
}

int hark_accept(int fd, struct hark_addr *peer, struct hark_error *err)
{
	return accept_before(fd, peer, HARK__NEVER, 0, err);
}
