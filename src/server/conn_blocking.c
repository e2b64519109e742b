/* SPDX-License-Identifier: MIT
 *
 * How a connection waits where a handler has a thread or process of its own: in poll(2),
 * beside the descriptors that a stop makes readable.  Floor 4.
 *
 * Those are never read, so they wake everybody, and everybody looks for itself what it
 * means: the end for an idle conversation, for others a last time limit.
 */
#include "base/clock.h"
#include "server/conn.h"
#include "server/worker.h"
#include "sys/sys.h"

#include <errno.h>

int hark__set_moment(int fd, int option, int ms)
{
	struct timeval moment = {.tv_usec = ms * 1000};

	return sys_setsockopt(fd, SOL_SOCKET, option, &moment, sizeof(moment));
}

/*
 * A poll(2) before each recv(2) costs a fifth of the processor time of a request on a kept
 * connection.  So a busy one waits in recv(2) itself, which ends after a moment; only then,
 * in poll(2), it can be woken.
 */
static ssize_t plain_recv(struct hark_conn *conn, void *data, size_t size, bool patient)
{
	if (patient && !conn->patient)
		conn->patient = hark__set_moment(conn->fd, SO_RCVTIMEO,
					HARK__CONN_PATIENCE_MS) == 0;
	return sys_recv(
		conn->fd, data, size, patient && conn->patient ? 0 : MSG_DONTWAIT);
}

/* Both were set, or were zero all the time. */
static int plain_release(struct hark_conn *conn)
{
	int set = hark__set_moment(conn->fd, SO_RCVTIMEO, 0);

	return set < 0 ? set : hark__set_moment(conn->fd, SO_SNDTIMEO, 0);
}

static ssize_t plain_send(struct hark_conn *conn, const void *data, size_t size)
{
	return sys_send(conn->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* What wakes whoever waits: two places behind the caller's. */
static void add_wakers(const struct hark_conn *conn, bool drains, struct pollfd *fds)
{
	const struct hark__worker *worker = conn->worker;

	fds[0] = (struct pollfd){
		drains ? worker->server->cut_fd : worker->server->stop_fd, POLLIN, 0};
	fds[1] = (struct pollfd){drains ? -1 : worker->retire_fd, POLLIN, 0};
}

static int64_t cut_ms(const struct hark_conn *conn, bool drains)
{
	return drains ? hark__worker_cut_ms(conn->worker) : HARK__NEVER;
}

/* Once a conversation: a request that was sent before its client could know is answered. */
static int64_t grace(struct hark_conn *conn)
{
	if (conn->grace == 0)
		conn->grace =
			hark__deadline(conn->worker->server->options.idle_grace_ms);
	return conn->grace;
}

/*
 * > 0: so many are ready.  0: woken, look again.  An idle conversation in a drain waits for
 * a moment if there is something to wait for.
 */
static int wait_once(
	struct hark_conn *conn, struct pollfd *fds, size_t count, int64_t deadline)
{
	bool drains = hark__worker_drains(conn->worker);
	bool ends = drains && conn->idle;
	int64_t cut = cut_ms(conn, drains);
	int left_ms, ready;

	if (ends)
		cut = count ? hark__earlier(cut, grace(conn)) : 0;
	left_ms = hark__left_ms(hark__earlier(deadline, cut));
	add_wakers(conn, drains, fds + count);
	ready = sys_poll(fds, count + 2, left_ms);
	if (ready == -EINTR)
		return 0;
	if (ready < 0)
		return ready;
	if (ready == 0) /* in time, or because one of them has come */
		return cut <= deadline ? -ESHUTDOWN : -ETIMEDOUT;
	ready -= (fds[count].revents != 0) + (fds[count + 1].revents != 0);
	return ready == 0 && drains ? -ESHUTDOWN : ready;
}

static int wait_for(
	struct hark_conn *conn, struct pollfd *fds, size_t count, int64_t deadline)
{
	int ready;

	do {
		ready = wait_once(conn, fds, count, deadline);
	} while (ready == 0);
	return ready;
}

/* Two places more than the caller has. */
static int blocking_wait(
	struct hark_conn *conn, struct pollfd *fds, size_t count, int64_t deadline)
{
	struct pollfd all[HARK__CONN_POLL_MAX + 2];
	int ready;

	if (count > HARK__CONN_POLL_MAX)
		return -EINVAL;
	for (size_t i = 0; i < count; i++)
		all[i] = fds[i];
	ready = wait_for(conn, all, count, deadline);
	for (size_t i = 0; i < count; i++)
		fds[i].revents = all[i].revents;
	return ready;
}

const struct hark__conn_ops hark__blocking_ops = {.recv = plain_recv,
	.send = plain_send,
	.release = plain_release,
	.wait = blocking_wait};
