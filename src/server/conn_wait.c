/* SPDX-License-Identifier: MIT
 *
 * What else a handler may wait for: other descriptors, a connection onward, time.
 * Floor 4.
 */
#include "base/clock.h"
#include "base/error.h"
#include "server/conn.h"
#include "server/worker.h"
#include "socket/create.h"
#include "socket/option.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>

void hark_conn_idle(struct hark_conn *conn, bool idle)
{
	conn->idle = idle;
}

bool hark_conn_draining(const struct hark_conn *conn)
{
	return hark__worker_drains(conn->worker);
}

static int64_t until(const struct hark_conn *conn, int timeout_ms)
{
	return hark__earlier(hark__deadline(timeout_ms), conn->deadline);
}

/* ------------------------------------------------------------------------------- poll */

/* Bytes that were read ahead make our own descriptor readable, whatever the kernel says. */
static int mark_ahead(const struct hark_conn *conn, struct pollfd *fds, size_t count)
{
	int ready = 0;

	for (size_t i = 0; i < count; i++) {
		bool ahead = fds[i].fd == conn->fd && (fds[i].events & POLLIN) &&
			     conn->start < conn->end;

		fds[i].revents = ahead ? POLLIN : 0;
		ready += ahead;
	}
	return ready;
}

/* What poll(2) finds besides, without waiting. */
static int add_ready(const struct hark_conn *conn, struct pollfd *fds, size_t count)
{
	int ready = sys_poll(fds, count, 0);
	short ahead;

	if (ready < 0)
		return ready;
	for (size_t i = 0; i < count; i++) {
		ahead = fds[i].fd == conn->fd ? fds[i].events & POLLIN : 0;
		ready += ahead && !fds[i].revents;
		fds[i].revents = (short)(fds[i].revents | ahead);
	}
	return ready;
}

int hark_conn_poll(
	struct hark_conn *conn, struct pollfd *fds, size_t count, int timeout_ms)
{
	int done = hark__conn_over(conn);

	if (done < 0)
		return done;
	if (count > HARK__CONN_POLL_MAX)
		return -EINVAL;
	done = mark_ahead(conn, fds, count)
		       ? add_ready(conn, fds, count)
		       : conn->ops->wait(conn, fds, count, until(conn, timeout_ms));
	return done < 0 ? (int)hark__conn_fail(conn, HARK_STEP_WAIT, done) : done;
}

/* ------------------------------------------------------------------------------- sleep */

int hark_conn_sleep(struct hark_conn *conn, int ms)
{
	int64_t wake = hark__deadline(ms);
	int done = hark__conn_over(conn);

	if (done < 0)
		return done;
	done = conn->ops->wait(conn, NULL, 0, hark__earlier(wake, conn->deadline));
	if (done == -ETIMEDOUT && wake <= conn->deadline)
		return 0;
	return (int)hark__conn_fail(conn, HARK_STEP_WAIT, done);
}

/* ----------------------------------------------------------------------------- connect */

/* The connection onward is no fault of this one: its errors are not final here. */
static int fail(struct hark_conn *conn, const struct hark_addr *to, int code)
{
	return HARK__FAIL(&conn->err, .step = HARK_STEP_CONNECT, .code = code,
		.addr = to, .limit = hark__descriptor_limit(code));
}

static int how_it_went(int fd)
{
	int error = 0;
	socklen_t length = sizeof(error);
	int done = sys_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);

	return done < 0 ? done : -error;
}

static int await_connection(struct hark_conn *conn, int fd, int64_t deadline)
{
	struct pollfd ready = {fd, POLLOUT, 0};
	int done = conn->ops->wait(conn, &ready, 1, deadline);

	return done < 0 ? done : how_it_went(fd);
}

static int make_blocking(int fd)
{
	int flags = sys_get_flags(fd);

	return flags < 0 ? flags : sys_set_flags(fd, flags & ~O_NONBLOCK);
}

/* As accepted connections have it; a Unix socket has not. */
static void set_no_delay(int fd, const struct hark_addr *to)
{
	if (hark_addr_family(to) != AF_UNIX)
		(void)hark__option_int(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* it works */
}

static int connect_to(
	struct hark_conn *conn, int fd, const struct hark_addr *to, int64_t deadline)
{
	int done = sys_connect(fd, &to->u.any, to->length);

	if (done == -EINPROGRESS || done == -EINTR)
		done = await_connection(conn, fd, deadline);
	return done < 0 ? done : make_blocking(fd);
}

int hark_conn_connect(
	struct hark_conn *conn, const struct hark_addr *to, int timeout_ms)
{
	int64_t deadline = until(conn, timeout_ms);
	int done = hark__conn_over(conn);
	int fd;

	if (done < 0)
		return done;
	fd = hark__socket_above(hark_addr_family(to), SOCK_STREAM | SOCK_NONBLOCK);
	if (fd < 0)
		return fail(conn, to, fd);
	set_no_delay(fd, to);
	done = connect_to(conn, fd, to, deadline);
	if (done == 0)
		return fd;
	(void)sys_close(fd); /* it goes nowhere */
	if (done == -ETIMEDOUT || done == -ESHUTDOWN)
		return done;
	return fail(conn, to, done);
}
