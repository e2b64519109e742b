/* SPDX-License-Identifier: MIT
 *
 * Telling the service manager that we are ready, stopping, alive: datagrams of lines
 * NAME=VALUE to the socket that NOTIFY_SOCKET names; sd_notify(3) tells the protocol.  Who
 * sent them the kernel tells the manager by itself.
 * The environment is outside input: everything is checked, nothing is changed.
 * Not here: being passed sockets (activation.c), what the engine says (server/notify.c).
 * Floor 2.
 */
#include "socket/manager.h"

#include "base/clock.h"
#include "base/error.h"
#include "socket/create.h"
#include "socket/ip_text.h"
#include "socket/wait.h"
#include "sys/sys.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* How long a manager that does not read may keep us waiting. */
enum { PATIENCE_MS = 5000 };

/* Whatever failed, it is the place that was named which is of no use. */
static int fail(int code, enum hark_cause cause, struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_ENVIRONMENT, .code = code,
		.cause = cause, .option = "NOTIFY_SOCKET",
		.subject = getenv("NOTIFY_SOCKET"));
}

/*
 * A path from the root, or '@' and an abstract name, whose length counts and which no NUL
 * ends.  "vsock:" leads out of a virtual machine, for its own manager alone.
 */
int hark__notify_addr(struct hark_addr *addr, const char *value)
{
	size_t length = strnlen(value, sizeof(addr->u.un.sun_path));
	bool abstract = value[0] == '@';

	if (!strncmp(value, "vsock", 5))
		return -EAFNOSUPPORT;
	if (length < 2 || (value[0] != '/' && !abstract))
		return -EINVAL;
	if (length == sizeof(addr->u.un.sun_path))
		return -ENAMETOOLONG;
	memset(addr, 0, sizeof(*addr));
	addr->u.un.sun_family = AF_UNIX;
	memcpy(addr->u.un.sun_path, value, length);
	if (abstract)
		addr->u.un.sun_path[0] = '\0';
	addr->length =
		(uint32_t)(offsetof(struct sockaddr_un, sun_path) + length + !abstract);
	return 0;
}

int hark_notify_open(struct hark_error *err)
{
	const char *value = getenv("NOTIFY_SOCKET");
	struct hark_addr addr;
	int fd, done;

	if (!value)
		return 0;
	done = hark__notify_addr(&addr, value);
	if (done < 0)
		return fail(done, HARK_CAUSE_BAD_VARIABLE, err);
	fd = hark__socket_above(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK);
	if (fd < 0)
		return fail(fd, HARK_CAUSE_NONE, err);
	done = sys_connect(fd, &addr.u.any, addr.length);
	if (done == 0)
		return fd;
	(void)sys_close(fd); /* nothing was sent */
	return fail(done, HARK_CAUSE_NONE, err);
}

int hark__notify_send(int fd, const char *state)
{
	ssize_t sent;

	do {
		sent = sys_send(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent == -EINTR);
	return sent < 0 ? (int)sent : 0; /* a datagram goes whole or not at all */
}

int hark__notify_send_in_time(int fd, const char *state)
{
	int64_t deadline = hark__deadline(PATIENCE_MS);
	int done = hark__notify_send(fd, state);

	while (done == -EAGAIN) {
		int ready = hark__wait(fd, POLLOUT, 0, deadline);

		if (ready < 0)
			return ready;
		done = hark__notify_send(fd, state);
	}
	return done;
}

int hark_notify(const char *state, struct hark_error *err)
{
	int fd = hark_notify_open(err);
	int done;

	if (fd <= 0)
		return fd;
	done = hark__notify_send_in_time(fd, state);
	(void)sys_close(fd); /* the message has gone, or failed */
	return done < 0 ? fail(done, HARK_CAUSE_NONE, err) : 1;
}

/* ---------------------------------------------------------------------------- watchdog */

/* More than so many microseconds are no promise. */
static long long number_of(const char *text, long long max)
{
	return hark__to_number(text, 18, max);
}

int hark__watchdog_read(const char *usec, const char *pid, pid_t self, const char **bad)
{
	long long every, whose = pid ? number_of(pid, INT_MAX) : (long long)self;

	if (!usec)
		return 0;
	*bad = "WATCHDOG_PID";
	if (whose <= 0)
		return -EINVAL;
	*bad = "WATCHDOG_USEC";
	every = number_of(usec, LLONG_MAX);
	if (every <= 0)
		return -EINVAL;
	if (whose != self) /* meant for a parent of ours */
		return 0;
	every = (every + 999) / 1000;
	return every < INT_MAX ? (int)every : INT_MAX;
}

int hark_watchdog_ms(struct hark_error *err)
{
	const char *bad = NULL;
	int every = hark__watchdog_read(
		getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"), sys_getpid(), &bad);

	if (every >= 0)
		return every;
	return HARK__FAIL(err, .step = HARK_STEP_ENVIRONMENT, .code = every,
		.cause = HARK_CAUSE_BAD_VARIABLE, .option = bad,
		.subject = getenv(bad));
}
