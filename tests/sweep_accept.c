/*
 * The fault sweep: accept, and what wakes it.
 */
#include "sweep_scenarios.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "net.h"

static int listener, client, accepted, wake_fd;
static struct hark_addr peer;

static void nobody_yet(void)
{
	listener = net_listen(net_ip("127.0.0.1", 0), 3);
	CHECK_SYS(fcntl(listener, F_SETFL, O_NONBLOCK));
	client = accepted = wake_fd = -1;
	memset(&peer, 0, sizeof(peer));
}

static void client_waits(void)
{
	nobody_yet();
	client = net_connect(net_local(listener));
	net_wait_queue(listener, 1);
}

static void close_all(void)
{
	const int all[] = {listener, client, accepted, wake_fd};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] >= 0)
			net_close(all[i]);
}

/* P1 P4: blocking, with the peer; and after a failure the client is in the queue still. */
static void check_client(long long result)
{
	int flags;

	CHECK_INT(net_queue(listener), ==, result >= 0 ? 0 : 1);
	if (result < 0)
		return;
	flags = fcntl(accepted, F_GETFL);
	CHECK_INT(flags & O_NONBLOCK, ==, 0);
	CHECK_INT(hark_addr_port(&peer), ==, (int)net_port(client));
}

/* P3: concerning one connection only: passed over, up to sixteen in a row. */
#define PASSES_OVER                                                                  \
	{HARK__CALL_ACCEPT, EINTR, 1, 0}, {HARK__CALL_ACCEPT, ECONNABORTED, 1, 0},   \
		{HARK__CALL_ACCEPT, EPROTO, 1, 0}, {HARK__CALL_ACCEPT, EPERM, 1, 0}, \
		{HARK__CALL_ACCEPT, ENETDOWN, 1, 0},                                 \
		{HARK__CALL_ACCEPT, ENETUNREACH, 1, 0},                              \
		{HARK__CALL_ACCEPT, EHOSTDOWN, 1, 0},                                \
		{HARK__CALL_ACCEPT, EHOSTUNREACH, 1, 0},                             \
		{HARK__CALL_ACCEPT, ENONET, 1, 0},                                   \
		{HARK__CALL_ACCEPT, ENOPROTOOPT, 1, 0},                              \
	{                                                                            \
		HARK__CALL_ACCEPT, EOPNOTSUPP, 1, 0                                  \
	}

/* Nobody there after all; and a signal while waiting. */
#define WAITS_AGAIN                          \
	{HARK__CALL_ACCEPT, EAGAIN, 1, 0},   \
	{                                    \
		HARK__CALL_POLL, EINTR, 1, 0 \
	}

static long long accept_it(struct hark_error *err)
{
	return accepted = CALLED(hark_accept)(listener, &peer, err);
}

const struct scenario sweep_accept = {
	.prepare = client_waits,
	.body = accept_it,
	.check = check_client,
	.clean = close_all,
	.reaches = REACHES(POLL) | REACHES(ACCEPT),
	.exceptions = {PASSES_OVER, WAITS_AGAIN},
};

static void check_moved(long long result)
{
	if (result >= 0 && sweep_injected() == 0)
		CHECK_INT(accepted, >, 2);
}

/* A client that cannot be moved stays where it is, rather than be lost. */
const struct scenario sweep_accept_on_stdin = {
	.prepare = client_waits,
	.body = accept_it,
	.check = check_moved,
	.clean = close_all,
	.reaches = REACHES(POLL) | REACHES(ACCEPT) | REACHES(DUP) | REACHES(CLOSE),
	.exceptions =
		{
			PASSES_OVER,
			WAITS_AGAIN,
			{HARK__CALL_DUP, ANY, 1, 0},
			{HARK__CALL_CLOSE, ANY, 1, 0},
		},
	.stdin_is_free = true,
	.may_stay_low = true,
};

/* The address and the limit are for the error's text, which does without them. */
const struct scenario sweep_accept_at_limit = {
	.prepare = client_waits,
	.body = accept_it,
	.check = check_client,
	.clean = close_all,
	.reaches = REACHES(POLL) | REACHES(ACCEPT) | REACHES(GETSOCKNAME) |
		   REACHES(GETRLIMIT),
	.given = {HARK__CALL_ACCEPT, EMFILE, 1, 0},
	.expects = -EMFILE,
};

static long long try_it(struct hark_error *err)
{
	return accepted = CALLED(hark_accept_try)(listener, &peer, err);
}

const struct scenario sweep_accept_try = {
	.prepare = client_waits,
	.body = try_it,
	.check = check_client,
	.clean = close_all,
	.reaches = REACHES(ACCEPT),
	.exceptions = {PASSES_OVER},
	.results = {-EAGAIN},
};

const struct scenario sweep_accept_try_empty = {
	.prepare = nobody_yet,
	.body = try_it,
	.clean = close_all,
	.reaches = REACHES(ACCEPT) | REACHES(POLL),
	.expects = -EAGAIN,
	.results = {-EAGAIN},
};

static void client_and_wake(void)
{
	client_waits();
	wake_fd = hark_wake_create(NULL);
	CHECK_OK(wake_fd);
}

static long long wait_for_it(struct hark_error *err)
{
	return accepted =
		       CALLED(hark_accept_wait)(listener, &peer, 60000, wake_fd, err);
}

const struct scenario sweep_accept_wait = {
	.prepare = client_and_wake,
	.body = wait_for_it,
	.check = check_client,
	.clean = close_all,
	.reaches = REACHES(POLL) | REACHES(ACCEPT),
	.exceptions = {PASSES_OVER, WAITS_AGAIN},
};

static long long wait_for_nobody(struct hark_error *err)
{
	return accepted = hark_accept_wait(listener, &peer, 0, 0, err);
}

/* P1: a result and no failure. */
const struct scenario sweep_accept_wait_late = {
	.prepare = nobody_yet,
	.body = wait_for_nobody,
	.clean = close_all,
	.reaches = REACHES(POLL),
	.expects = -ETIMEDOUT,
	.results = {-ETIMEDOUT},
};

static void woken(void)
{
	client_and_wake();
	CHECK_OK(hark_wake(wake_fd));
}

const struct scenario sweep_accept_wait_woken = {
	.prepare = woken,
	.body = wait_for_it,
	.check = check_client,
	.clean = close_all,
	.reaches = REACHES(POLL),
	.expects = -ECANCELED,
	.results = {-ECANCELED},
};

static void shut_down_unix(void)
{
	char name[128];

	(void)snprintf(name, sizeof(name), "@%s/accept", temp_directory());
	listener = net_listen(net_unix(name), 3);
	CHECK_SYS(fcntl(listener, F_SETFL, O_NONBLOCK));
	CHECK_SYS(shutdown(listener, SHUT_RD));
	client = accepted = wake_fd = -1;
}

/* L4: readable for ever, and nobody there: that is said, not waited for. */
const struct scenario sweep_accept_shut_down = {
	.prepare = shut_down_unix,
	.body = accept_it,
	.clean = close_all,
	.reaches = REACHES(POLL) | REACHES(ACCEPT) | REACHES(GETSOCKNAME),
	.expects = -EINVAL,
};

/* ----------------------------------------------------------------------------- waking */

static void no_wake(void)
{
	listener = client = accepted = wake_fd = -1;
}

static long long create_wake(struct hark_error *err)
{
	return wake_fd = CALLED(hark_wake_create)(err);
}

const struct scenario sweep_wake_create = {
	.prepare = no_wake,
	.body = create_wake,
	.clean = close_all,
	.reaches = REACHES(EVENTFD) | REACHES(DUP) | REACHES(CLOSE),
	.exceptions =
		{
			{HARK__CALL_DUP, EINVAL, 1, -EMFILE},
			{HARK__CALL_CLOSE, ANY, 1, 0},
		},
	.stdin_is_free = true,
};

static bool is_awake(void)
{
	struct pollfd fds = {.fd = wake_fd, .events = POLLIN};

	return poll(&fds, 1, 0) == 1;
}

static void asleep(void)
{
	no_wake();
	wake_fd = hark_wake_create(NULL);
	CHECK_OK(wake_fd);
}

static long long wake_it(struct hark_error *err)
{
	(void)err;
	return CALLED(hark_wake)(wake_fd);
}

static void check_awake(long long result)
{
	if (result >= 0 && sweep_injected() == 0)
		CHECK(is_awake());
}

/* EAGAIN: it is as awake as can be. */
const struct scenario sweep_wake = {
	.prepare = asleep,
	.body = wake_it,
	.check = check_awake,
	.clean = close_all,
	.reaches = REACHES(WRITE),
	.exceptions = {{HARK__CALL_WRITE, EAGAIN, 1, 0},
		{HARK__CALL_WRITE, EINTR, 0, 0}},
	.without_error = true,
};

static void awake(void)
{
	asleep();
	CHECK_OK(hark_wake(wake_fd));
}

static long long clear_it(struct hark_error *err)
{
	(void)err;
	return CALLED(hark_wake_clear)(wake_fd);
}

static void check_asleep(long long result)
{
	if (result >= 0 && sweep_injected() == 0)
		CHECK(!is_awake());
}

/* EAGAIN: nobody had woken it. */
const struct scenario sweep_wake_clear = {
	.prepare = awake,
	.body = clear_it,
	.check = check_asleep,
	.clean = close_all,
	.reaches = REACHES(READ),
	.exceptions = {{HARK__CALL_READ, EAGAIN, 1, 0}},
	.without_error = true,
};
