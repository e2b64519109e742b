/* SPDX-License-Identifier: MIT
 *
 * Reading and writing a connection with a time limit, without SIGPIPE.  Floor 2.
 */
#include "base/clock.h"
#include "base/error.h"
#include "socket/wait.h"
#include "sys/sys.h"

#include <errno.h>

static bool try_later(ssize_t code)
{
	return code == -EAGAIN || code == -EWOULDBLOCK;
}

/*
 * The kernel's own ETIMEDOUT means that the peer stopped answering (keep-alive, user
 * timeout, retransmissions): the connection is gone, and trying again would read an end.
 */
static ssize_t fail(enum hark_step step, ssize_t code, struct hark_error *err)
{
	if (code == -ETIMEDOUT)
		return HARK__FAIL(err, .step = step, .code = -ECONNRESET,
			.cause = HARK_CAUSE_PEER_SILENT);
	return HARK__FAIL(err, .step = step, .code = (int)code);
}

ssize_t hark_read(
	int fd, void *data, size_t size, int timeout_ms, struct hark_error *err)
{
	int64_t deadline = hark__deadline(timeout_ms);
	ssize_t got;
	int ready;

	for (;;) {
		got = sys_recv(fd, data, size, MSG_DONTWAIT);
		if (got == -EINTR)
			continue;
		if (!try_later(got))
			return got < 0 ? fail(HARK_STEP_READ, got, err) : got;
		ready = hark__wait(fd, POLLIN, 0, deadline);
		if (ready == -ETIMEDOUT)
			return ready;
		if (ready < 0)
			return fail(HARK_STEP_WAIT, ready, err);
	}
}

/* Waits until there is room: 0, -ETIMEDOUT as a result, or a failure. */
static int wait_for_room(int fd, int64_t deadline, struct hark_error *err)
{
	int ready = hark__wait(fd, POLLOUT, 0, deadline);

	if (ready >= 0 || ready == -ETIMEDOUT)
		return ready < 0 ? ready : 0;
	return (int)fail(HARK_STEP_WAIT, ready, err);
}

int hark_write(
	int fd, const void *data, size_t size, int timeout_ms, struct hark_error *err)
{
	int64_t deadline = hark__deadline(timeout_ms);
	const char *next = data;
	ssize_t sent;
	int room;

	while (size > 0) {
		sent = sys_send(fd, next, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent >= 0) {
			next += sent;
			size -= (size_t)sent;
		} else if (try_later(sent)) {
			room = wait_for_room(fd, deadline, err);
			if (room < 0)
				return room;
		} else if (sent != -EINTR) {
			return (int)fail(HARK_STEP_WRITE, sent, err);
		}
	}
	return 0;
}
