/* SPDX-License-Identifier: MIT
 *
 * Passing a listener to another process over a Unix socket (SCM_RIGHTS, unix(7)): one a
 * message, whose bytes are its name and a NUL.
 * Whoever sends is not trusted: all that came is looked at, and what is not the one listener
 * that was to come is closed.
 * Not here: what is checked of it (adopt.c).  Floor 2.
 *
 * Invariant: every descriptor of a message is the listener's or closed when a call returns.
 */
#include "socket/pass.h"

#include "base/clock.h"
#include "base/error.h"
#include "socket/adopt.h"
#include "socket/inspect.h"
#include "socket/option.h"
#include "socket/wait.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

#ifndef SCM_PIDFD
#define SCM_PIDFD 4 /* Linux 6.5 */
#endif

/* As long as a name in LISTEN_FDNAMES. */
enum { NAME_MAX_BYTES = 255 };

static int fail(enum hark_step step, int code, enum hark_cause cause, long long limit,
	struct hark_error *err)
{
	return HARK__FAIL(err, .step = step, .code = code, .cause = cause,
		.option = "SCM_RIGHTS", .limit = limit);
}

/* Over TCP the kernel would drop the descriptor in silence, and send the name. */
static int check_way(int unix_fd, enum hark_step step, struct hark_error *err)
{
	struct hark_addr addr;
	int asked = hark__local_addr(unix_fd, &addr);

	if (asked == 0 && hark_addr_family(&addr) != AF_UNIX)
		asked = -EOPNOTSUPP;
	return asked < 0 ? fail(step, asked, HARK_CAUSE_NONE, 0, err) : 0;
}

/* ------------------------------------------------------------------------------- send */

static bool is_printable(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			return false;
	return true;
}

static ssize_t send_one(int unix_fd, const char *name, size_t length, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec data = {(char *)(uintptr_t)name, length + 1};
	struct msghdr message = {.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.room)};

	memset(&control, 0, sizeof(control)); /* what pads it goes to the kernel */
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	/* so short a message goes whole or not at all */
	return sys_sendmsg(unix_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int hark_listener_send(int unix_fd, const struct hark_listener *listener,
	const char *name, int timeout_ms, struct hark_error *err)
{
	size_t length = strnlen(name, NAME_MAX_BYTES + 1);
	int64_t deadline = hark__deadline(timeout_ms);
	int ready = check_way(unix_fd, HARK_STEP_WRITE, err);
	ssize_t sent;

	if (ready < 0)
		return ready;
	if (length > NAME_MAX_BYTES)
		return fail(HARK_STEP_WRITE, -ENAMETOOLONG, HARK_CAUSE_TOO_LONG,
			NAME_MAX_BYTES, err);
	if (!is_printable(name, length))
		return fail(HARK_STEP_WRITE, -EINVAL, HARK_CAUSE_CONTROL_BYTE, 0, err);
	for (;;) {
		sent = send_one(unix_fd, name, length, listener->fd);
		if (sent >= 0)
			return 0;
		if (sent != -EAGAIN && sent != -EINTR)
			return fail(
				HARK_STEP_WRITE, (int)sent, HARK_CAUSE_NONE, 0, err);
		ready = sent == -EINTR ? 0 : hark__wait(unix_fd, POLLOUT, 0, deadline);
		if (ready == -ETIMEDOUT)
			return ready;
		if (ready < 0)
			return fail(HARK_STEP_WAIT, ready, HARK_CAUSE_NONE, 0, err);
	}
}

/* ---------------------------------------------------------------------------- receive */

static size_t add_all(struct hark__passed *passed, const struct cmsghdr *header,
	const struct msghdr *message)
{
	const unsigned char *at = CMSG_DATA(header);
	const unsigned char *end =
		(const unsigned char *)message->msg_control + message->msg_controllen;
	size_t bytes = header->cmsg_len - CMSG_LEN(0), added = 0;

	if (bytes > (size_t)(end - at)) /* the kernel never says so */
		bytes = (size_t)(end - at);
	for (; bytes >= sizeof(int) && passed->count < HARK__PASSED_MAX; added++) {
		memcpy(&passed->fd[passed->count++], at, sizeof(int));
		at += sizeof(int);
		bytes -= sizeof(int);
	}
	return added;
}

/* The caller may have asked for a pidfd with each message: it is a descriptor, too. */
void hark__passed_read(struct hark__passed *passed, const struct msghdr *message)
{
	const struct cmsghdr *header;
	static const int kinds[] = {SCM_RIGHTS, SCM_PIDFD};

	passed->count = passed->sockets = 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		header = CMSG_FIRSTHDR(message);
		for (; header && header->cmsg_len >= CMSG_LEN(0);
			header = CMSG_NXTHDR((struct msghdr *)(uintptr_t)message,
				(struct cmsghdr *)(uintptr_t)header)) {
			if (header->cmsg_level != SOL_SOCKET ||
				header->cmsg_type != kinds[i])
				continue;
			if (kinds[i] == SCM_RIGHTS)
				passed->sockets += add_all(passed, header, message);
			else
				(void)add_all(
					passed, header, message); /* to be closed */
		}
	}
}

int hark__passed_name(const char *data, size_t length, char *name, size_t size)
{
	size_t used = strnlen(data, length);

	if (!is_printable(data, used))
		return -EBADMSG;
	if (used >= size)
		return -ENAMETOOLONG;
	memcpy(name, data, used);
	name[used] = '\0';
	return 0;
}

static void close_from(const struct hark__passed *passed, size_t first)
{
	for (size_t i = first; i < passed->count; i++)
		(void)sys_close(passed->fd[i]); /* of somebody else's */
}

struct arrival {
	struct hark__passed passed;
	char data[NAME_MAX_BYTES + 1];
	size_t length;
	int flags;
};

/* > 0: a message; 0: the other end has closed; or a negative errno. */
static ssize_t receive_one(int unix_fd, struct arrival *arrival)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(HARK__PASSED_MAX * sizeof(int)) + 512];
	} control;
	struct iovec data = {arrival->data, sizeof(arrival->data)};
	struct msghdr message = {.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t got;

	do {
		got = sys_recvmsg(unix_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (got == -EINTR);
	if (got < 0)
		return got;
	hark__passed_read(&arrival->passed, &message);
	arrival->length = (size_t)got;
	arrival->flags = message.msg_flags;
	return got + (ssize_t)arrival->passed.count;
}

static int wait_for_one(
	int unix_fd, struct arrival *arrival, int timeout_ms, struct hark_error *err)
{
	int64_t deadline = hark__deadline(timeout_ms);

	for (;;) {
		ssize_t got = receive_one(unix_fd, arrival);
		int ready;

		if (got >= 0)
			return got > 0;
		if (got != -EAGAIN)
			return fail(HARK_STEP_READ, (int)got, HARK_CAUSE_NONE, 0, err);
		ready = hark__wait(unix_fd, POLLIN, 0, deadline);
		if (ready == -ETIMEDOUT)
			return ready;
		if (ready < 0)
			return fail(HARK_STEP_WAIT, ready, HARK_CAUSE_NONE, 0, err);
	}
}

/* Cut: the rest was lost in the kernel, for want of descriptors as a rule. */
static int check(
	const struct arrival *arrival, char *name, size_t size, struct hark_error *err)
{
	int named;

	if (arrival->flags & (MSG_CTRUNC | MSG_TRUNC))
		return fail(HARK_STEP_ADOPT, -EMSGSIZE, HARK_CAUSE_CUT, 0, err);
	if (arrival->passed.sockets != 1)
		return fail(HARK_STEP_ADOPT, -EBADMSG, HARK_CAUSE_NOT_ONE_SOCKET,
			(long long)arrival->passed.sockets, err);
	named = hark__passed_name(arrival->data, arrival->length, name, size);
	if (named == -EBADMSG)
		return fail(HARK_STEP_ADOPT, named, HARK_CAUSE_CONTROL_BYTE, 0, err);
	if (named < 0)
		return fail(HARK_STEP_ADOPT, named, HARK_CAUSE_TOO_LONG,
			(long long)size - 1, err);
	return 0;
}

int hark_listener_receive(int unix_fd, struct hark_listener *listener, char *name,
	size_t size, int timeout_ms, struct hark_error *err)
{
	char unasked[NAME_MAX_BYTES + 1];
	struct arrival arrival;
	int done;

	memset(listener, 0, sizeof(*listener));
	done = check_way(unix_fd, HARK_STEP_READ, err);
	if (done == 0)
		done = wait_for_one(unix_fd, &arrival, timeout_ms, err);
	if (done <= 0)
		return done;
	done = check(
		&arrival, name ? name : unasked, name ? size : sizeof(unasked), err);
	if (done == 0)
		done = hark__adopt(listener, arrival.passed.fd[0], HARK_ORIGIN_ADOPTED,
			hark__options(NULL), err);
	close_from(&arrival.passed, done == 0);
	return done < 0 ? done : 1;
}
