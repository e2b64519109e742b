/* SPDX-License-Identifier: MIT
 *
 * Ending a connection: half-close, close, reset, and the lingering close that lets the
 * tail of an answer arrive.  Not here: closing a listener (listener.c).
 *
 * Floor 2.  Invariant: what is called close releases the descriptor whatever it returns;
 * what is called shutdown or close_read/_write releases none.
 */
#include "base/clock.h"
#include "base/error.h"
#include "socket/wait.h"
#include "sys/sys.h"

#include <errno.h>

enum {
	LINGER_TIMEOUT_MS = 30000,
	LINGER_IDLE_MS = 5000,
	LINGER_MAX_BYTES = 1 << 30,
	DISCARD_BYTES = 16384
};

static int end(int fd, int how, struct hark_error *err)
{
	int ended = sys_shutdown(fd, how);

	/* The peer has gone, or this side was ended before: it is ended. */
	if (ended == 0 || ended == -ENOTCONN)
		return 0;
	return HARK__FAIL(err, .step = HARK_STEP_SHUTDOWN, .code = ended);
}

int hark_close_read(int fd, struct hark_error *err)
{
	return end(fd, SHUT_RD, err);
}

int hark_close_write(int fd, struct hark_error *err)
{
	return end(fd, SHUT_WR, err);
}

int hark_shutdown(int fd, struct hark_error *err)
{
	return end(fd, SHUT_RDWR, err);
}

int hark_close(int fd, struct hark_error *err)
{
	int closed = sys_close(fd);

	/* Linux releases the descriptor before it can be interrupted. */
	if (closed == 0 || closed == -EINTR)
		return 0;
	return HARK__FAIL(err, .step = HARK_STEP_CLOSE, .code = closed);
}

int hark_close_reset(int fd, struct hark_error *err)
{
	struct linger none = {.l_onoff = 1, .l_linger = 0};
	int set = sys_setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));

	if (set < 0) {
		(void)HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = set,
			.option = "linger"); /* returned below */
		(void)sys_close(fd);         /* released all the same */
		return set;
	}
	return hark_close(fd, err);
}

/* ---------------------------------------------------------------------------- linger */

static const struct hark_linger_options *linger_options(
	const struct hark_linger_options *options)
{
	static const struct hark_linger_options defaults;

	return options ? options : &defaults;
}

static int check(const struct hark_linger_options *options, struct hark_error *err)
{
	if (options->timeout_ms < 0)
		return HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = -EINVAL,
			.cause = HARK_CAUSE_BAD_VALUE, .option = "timeout_ms",
			.limit = options->timeout_ms);
	if (options->idle_ms < 0)
		return HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = -EINVAL,
			.cause = HARK_CAUSE_BAD_VALUE, .option = "idle_ms",
			.limit = options->idle_ms);
	if (options->reserved[0] || options->reserved[1])
		return HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = -EINVAL,
			.cause = HARK_CAUSE_RESERVED, .option = "reserved");
	return 0;
}

/* Reads and forgets, until the client's end (0) or a bound. */
static int discard(int fd, const struct hark_linger_options *options)
{
	int timeout_ms = options->timeout_ms ? options->timeout_ms : LINGER_TIMEOUT_MS;
	int idle_ms = options->idle_ms ? options->idle_ms : LINGER_IDLE_MS;
	size_t left = options->max_bytes ? options->max_bytes : LINGER_MAX_BYTES;
	int64_t deadline = hark__deadline(timeout_ms);
	char nowhere[DISCARD_BYTES];
	ssize_t got;

	while (hark__left_ms(deadline) != 0) {
		got = hark__wait(fd, POLLIN, 0,
			hark__earlier(deadline, hark__deadline(idle_ms)));
		if (got < 0)
			return (int)got;
		got = sys_recv(fd, nowhere, sizeof(nowhere), MSG_DONTWAIT);
		if (got == -EAGAIN || got == -EINTR)
			continue;
		if (got == -ETIMEDOUT) /* the kernel's: it gave the client up */
			return -ECONNRESET;
		if (got <= 0)
			return (int)got;
		if ((size_t)got > left)
			return -EMSGSIZE;
		left -= (size_t)got;
	}
	return -ETIMEDOUT;
}

static bool is_bound_or_peer(int code)
{
	return code == -ETIMEDOUT || code == -EMSGSIZE || code == -ECONNRESET;
}

static int linger(
	int fd, const struct hark_linger_options *options, struct hark_error *err)
{
	int ended = check(options, err);

	if (ended < 0)
		return ended;
	ended = hark_close_write(fd, err);
	if (ended < 0)
		return ended;
	ended = discard(fd, options);
	if (ended == 0 || is_bound_or_peer(ended))
		return ended;
	return HARK__FAIL(err, .step = HARK_STEP_READ, .code = ended);
}

int hark_close_lingering(
	int fd, const struct hark_linger_options *options, struct hark_error *err)
{
	int lingered = linger(fd, linger_options(options), err);
	int closed = hark_close(fd, lingered < 0 ? NULL : err);

	return lingered < 0 ? lingered : closed;
}
