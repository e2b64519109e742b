/* SPDX-License-Identifier: MIT
 *
 * Reading and writing for a handler.  Not here: lines (conn_line.c), files (conn_file.c),
 * waiting for other things (conn_wait.c).  Floor 4.
 */
#include "base/clock.h"
#include "server/conn.h"
#include "server/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------------------ waiting */

static int64_t patience(const struct hark_conn *conn, int timeout_ms)
{
	return hark__earlier(hark__deadline(timeout_ms), conn->deadline);
}

int hark__conn_await(struct hark_conn *conn, short events, int timeout_ms)
{
	struct pollfd fd = {conn->fd, events, 0};
	int ready = conn->ops->wait(conn, &fd, 1, patience(conn, timeout_ms));

	return ready < 0 ? (int)hark__conn_fail(conn, HARK_STEP_WAIT, ready) : 0;
}

/* A conversation that never waits must see its deadline and the cut as well. */
static int check_time(struct hark_conn *conn)
{
	if (conn->deadline != HARK__NEVER && hark__left_ms(conn->deadline) == 0)
		return (int)hark__conn_fail(conn, HARK_STEP_WAIT, -ETIMEDOUT);
	if (hark__worker_drains(conn->worker) &&
		hark__left_ms(hark__worker_cut_ms(conn->worker)) == 0)
		return (int)hark__conn_fail(conn, HARK_STEP_WAIT, -ESHUTDOWN);
	return 0;
}

/* ------------------------------------------------------------------------------ reading */

static bool try_later(ssize_t code)
{
	return code == -EAGAIN || code == -EWOULDBLOCK || code == -EINTR;
}

static bool is_long(int64_t left_ms)
{
	return left_ms >= 2 * HARK__CONN_PATIENCE_MS;
}

/* Nothing asks to be seen sooner than a moment from now. */
static bool may_be_patient(const struct hark_conn *conn)
{
	if (hark__worker_drains(conn->worker))
		return false;
	if (conn->read_timeout_ms >= 0 && !is_long(conn->read_timeout_ms))
		return false;
	return conn->deadline == HARK__NEVER || is_long(hark__left_ms(conn->deadline));
}

/* What is there; or, after a moment, -EAGAIN. */
static ssize_t try_recv(struct hark_conn *conn, void *data, size_t size)
{
	ssize_t got = -EAGAIN;

	if (conn->patient && may_be_patient(conn))
		return conn->ops->recv(conn, data, size, true);
	if (conn->try_first)
		got = conn->ops->recv(conn, data, size, false);
	if (try_later(got) && may_be_patient(conn))
		got = conn->ops->recv(conn, data, size, true);
	return got;
}

static ssize_t take(struct hark_conn *conn, ssize_t got, size_t size)
{
	if (got == 0 &&
		hark__conn_was_cut(conn)) /* our own end, and not the client's */
		return hark__conn_fail(conn, HARK_STEP_READ, -ESHUTDOWN);
	conn->try_first = (size_t)got == size;
	conn->at_end = got == 0;
	conn->bytes_in += (size_t)got;
	if (got == 0)
		return 0;
	conn->idle = false;
	if (hark__worker_drains(conn->worker)) /* the next one's client can know */
		conn->grace = HARK__CONN_GRACE_USED;
	return got;
}

ssize_t hark__conn_recv(struct hark_conn *conn, void *data, size_t size)
{
	ssize_t got = hark__conn_over(conn);

	if (got == 0)
		got = check_time(conn);
	if (got < 0)
		return got;
	got = try_recv(conn, data, size);
	while (try_later(got)) {
		got = hark__conn_await(conn, POLLIN, conn->read_timeout_ms);
		if (got < 0)
			return got;
		got = conn->ops->recv(conn, data, size, false);
	}
	return got < 0 ? hark__conn_fail(conn, HARK_STEP_READ, got)
		       : take(conn, got, size);
}

/* What was read ahead comes first. */
static size_t take_ahead(struct hark_conn *conn, size_t most)
{
	size_t ahead = conn->end - conn->start;
	size_t taken = ahead < most ? ahead : most;

	conn->start += taken;
	conn->idle = false;
	return taken;
}

ssize_t hark_conn_receive(struct hark_conn *conn, const void **data)
{
	int over = hark__conn_over(conn);

	if (over < 0)
		return over;
	*data = conn->buffer + conn->start;
	if (conn->start < conn->end)
		return (ssize_t)take_ahead(conn, SIZE_MAX);
	*data = conn->buffer;
	conn->start = conn->end = 0;
	return hark__conn_recv(conn, conn->buffer, HARK_CONN_BUFFER_BYTES);
}

ssize_t hark_conn_read(struct hark_conn *conn, void *data, size_t size)
{
	const char *ahead = conn->buffer + conn->start;
	int over = hark__conn_over(conn);
	size_t taken;

	if (over < 0 || size == 0)
		return over;
	if (conn->start == conn->end)
		return hark__conn_recv(conn, data, size);
	taken = take_ahead(conn, size);
	memcpy(data, ahead, taken);
	return (ssize_t)taken;
}

/* ------------------------------------------------------------------------------ writing */

int hark_conn_write(struct hark_conn *conn, const void *data, size_t size)
{
	const char *next = data;
	int done = hark__conn_over(conn);
	ssize_t sent;

	if (done == 0)
		done = check_time(conn);
	while (done == 0 && size > 0) {
		sent = conn->ops->send(conn, next, size);
		if (sent >= 0) {
			next += sent;
			size -= (size_t)sent;
			conn->bytes_out += (size_t)sent;
		} else if (try_later(sent)) {
			done = hark__conn_await(conn, POLLOUT, conn->write_timeout_ms);
		} else {
			done = (int)hark__conn_fail(conn, HARK_STEP_WRITE, sent);
		}
	}
	return done;
}

int hark_conn_vprintf(struct hark_conn *conn, const char *format, va_list args)
{
	char text[HARK_CONN_BUFFER_BYTES + 1];
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it was started by the caller */
	int length = vsnprintf(text, sizeof(text), format, args);

	if (length < 0)
		return (int)hark__conn_fail(conn, HARK_STEP_WRITE, -EILSEQ);
	if ((size_t)length >= sizeof(text))
		return -EMSGSIZE;
	return hark_conn_write(conn, text, (size_t)length);
}

int hark_conn_printf(struct hark_conn *conn, const char *format, ...)
{
	va_list args;
	int done;

	va_start(args, format);
	done = hark_conn_vprintf(conn, format, args);
	va_end(args);
	return done;
}

int hark_conn_close_write(struct hark_conn *conn)
{
	int done = hark__conn_over(conn);

	return done < 0 ? done : hark_close_write(conn->fd, &conn->err);
}
