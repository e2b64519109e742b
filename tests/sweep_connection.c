/*
 * The fault sweep: a connection, from its address to its end; and the queue it came from.
 */
#include "sweep_scenarios.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "harness.h"
#include "net.h"

static int listener, fd, client;

static void tcp_pair(void)
{
	listener = net_listen(net_ip("127.0.0.1", 0), 3);
	client = net_connect(net_local(listener));
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	CHECK_SYS(fd);
}

static void unix_pair(void)
{
	int pair[2];

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	listener = -1;
	fd = pair[0];
	client = pair[1];
}

static void close_peer(void)
{
	net_close(client);
	if (listener >= 0)
		net_close(listener);
}

static void close_all(void)
{
	net_close(fd);
	close_peer();
}

/* ------------------------------------------------------------------- what it tells */

static struct hark_addr address;

static long long ask_address(struct hark_error *err)
{
	return CALLED(hark_local_addr)(fd, &address, err);
}

static void check_address(long long result)
{
	if (result >= 0)
		CHECK_INT(hark_addr_port(&address), ==, (int)net_port(listener));
}

const struct scenario sweep_local_addr = {
	.prepare = tcp_pair,
	.body = ask_address,
	.check = check_address,
	.clean = close_all,
	.reaches = REACHES(GETSOCKNAME),
};

static long long ask_wait(struct hark_error *err)
{
	return CALLED(hark_queue_wait_ms)(fd, err);
}

/* P6 */
const struct scenario sweep_queue_wait = {
	.prepare = tcp_pair,
	.body = ask_wait,
	.clean = close_all,
	.reaches = REACHES(GETSOCKOPT),
};

static struct hark_queue queue;

static void one_waits(void)
{
	tcp_pair();
	net_close(client);
	client = net_connect(net_local(listener));
	net_wait_queue(listener, 1);
}

static long long ask_queue(struct hark_error *err)
{
	memset(&queue, 0xa5, sizeof(queue));
	return CALLED(hark_queue_read)(listener, &queue, sizeof(queue), err);
}

static void check_queue(long long result)
{
	if (result >= 0)
		CHECK_INT(queue.length, ==, 1);
}

/* Q1 */
const struct scenario sweep_queue_read = {
	.prepare = one_waits,
	.body = ask_queue,
	.check = check_queue,
	.clean = close_all,
	.reaches = REACHES(GETSOCKOPT),
};

/* ------------------------------------------------------------------- reading, writing */

enum { PATIENT_MS = 60000 }; /* a fault ends it, or data that is there */

static char data[64];

static void pair_with_data(void)
{
	unix_pair();
	net_send(client, "ohai\n");
}

static long long read_it(struct hark_error *err)
{
	return CALLED(hark_read)(fd, data, sizeof(data), PATIENT_MS, err);
}

static void check_read(long long result)
{
	if (result >= 0)
		CHECK(result == 5 && memcmp(data, "ohai\n", 5) == 0);
}

#define READS_ON                             \
	{HARK__CALL_RECV, EAGAIN, 0, 0},     \
	{                                    \
		HARK__CALL_RECV, EINTR, 0, 0 \
	}
/* Not to be taken for the caller's own timeout. */
#define PEER_IS_SILENT(call)                                 \
	{                                                    \
		HARK__CALL_##call, ETIMEDOUT, 0, -ECONNRESET \
	}
#define WAITS_ON                             \
	{                                    \
		HARK__CALL_POLL, EINTR, 0, 0 \
	}

const struct scenario sweep_read = {
	.prepare = pair_with_data,
	.body = read_it,
	.check = check_read,
	.clean = close_all,
	.reaches = REACHES(RECV),
	.exceptions = {READS_ON, PEER_IS_SILENT(RECV)},
};

const struct scenario sweep_read_waits = {
	.prepare = pair_with_data,
	.body = read_it,
	.check = check_read,
	.clean = close_all,
	.reaches = REACHES(RECV) | REACHES(POLL),
	.exceptions = {READS_ON, WAITS_ON, PEER_IS_SILENT(RECV)},
	.given = {HARK__CALL_RECV, EAGAIN, 1, 0},
};

static long long write_it(struct hark_error *err)
{
	return CALLED(hark_write)(fd, "ohai\n", 5, PATIENT_MS, err);
}

/* All of it, and once. */
static void check_written(long long result)
{
	if (result < 0)
		return;
	CHECK_SYS(shutdown(fd, SHUT_WR));
	CHECK_INT(net_read_all(client, data, sizeof(data)), ==, 5);
	CHECK_STR(data, "ohai\n");
}

#define WRITES_ON                            \
	{HARK__CALL_SEND, EAGAIN, 0, 0},     \
	{                                    \
		HARK__CALL_SEND, EINTR, 0, 0 \
	}

const struct scenario sweep_write = {
	.prepare = unix_pair,
	.body = write_it,
	.check = check_written,
	.clean = close_all,
	.reaches = REACHES(SEND),
	.exceptions = {WRITES_ON, PEER_IS_SILENT(SEND)},
};

const struct scenario sweep_write_waits = {
	.prepare = unix_pair,
	.body = write_it,
	.check = check_written,
	.clean = close_all,
	.reaches = REACHES(SEND) | REACHES(POLL),
	.exceptions = {WRITES_ON, WAITS_ON, PEER_IS_SILENT(SEND)},
	.given = {HARK__CALL_SEND, EAGAIN, 1, 0},
};

/* ----------------------------------------------------------------------------- endings */

static long long end_halves(struct hark_error *err)
{
	int done = CALLED(hark_close_read)(fd, err);

	if (done == 0)
		done = CALLED(hark_close_write)(fd, err);
	if (done == 0)
		done = CALLED(hark_shutdown)(fd, err);
	return done;
}

/* X1 X2: releases nothing, and a peer that has gone is no failure. */
const struct scenario sweep_half_close = {
	.prepare = tcp_pair,
	.body = end_halves,
	.clean = close_all,
	.reaches = REACHES(SHUTDOWN),
	.exceptions = {{HARK__CALL_SHUTDOWN, ENOTCONN, 0, 0}},
};

/* X2: gone in any case. */
static void check_released(long long result)
{
	(void)result;
	CHECK_INT(fcntl(fd, F_GETFD), ==, -1);
}

static long long close_it(struct hark_error *err)
{
	return CALLED(hark_close)(fd, err);
}

const struct scenario sweep_close = {
	.prepare = tcp_pair,
	.body = close_it,
	.check = check_released,
	.clean = close_peer,
	.reaches = REACHES(CLOSE),
	.exceptions = {{HARK__CALL_CLOSE, EINTR, 1, 0}},
	.releases = true,
};

static long long reset_it(struct hark_error *err)
{
	return CALLED(hark_close_reset)(fd, err);
}

static void check_reset(long long result)
{
	check_released(result);
	if (result >= 0)
		CHECK_ERR(net_read_all(client, data, sizeof(data)), -ECONNRESET);
}

const struct scenario sweep_close_reset = {
	.prepare = tcp_pair,
	.body = reset_it,
	.check = check_reset,
	.clean = close_peer,
	.reaches = REACHES(SETSOCKOPT) | REACHES(CLOSE),
	.exceptions = {{HARK__CALL_CLOSE, EINTR, 1, 0}},
	.releases = true,
};

static void client_has_ended(void)
{
	tcp_pair();
	net_send(client, "too late\n");
	CHECK_SYS(shutdown(client, SHUT_WR));
}

static long long linger(struct hark_error *err)
{
	const struct hark_linger_options options = {
		.timeout_ms = PATIENT_MS, .idle_ms = PATIENT_MS};

	return CALLED(hark_close_lingering)(fd, &options, err);
}

/* X1: what the network says of the client's end is a result, and err stays as it is. */
const struct scenario sweep_close_lingering = {
	.prepare = client_has_ended,
	.body = linger,
	.check = check_released,
	.clean = close_peer,
	.reaches = REACHES(SHUTDOWN) | REACHES(POLL) | REACHES(RECV) | REACHES(CLOSE),
	.exceptions =
		{
			{HARK__CALL_SHUTDOWN, ENOTCONN, 1, 0},
			{HARK__CALL_RECV, ETIMEDOUT, 0, -ECONNRESET},
			READS_ON,
			WAITS_ON,
			{HARK__CALL_CLOSE, EINTR, 1, 0},
		},
	.results = {-ECONNRESET, -ETIMEDOUT},
	.releases = true,
};
