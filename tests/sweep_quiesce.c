/*
 * The fault sweep: quiescing a listener.
 */
#include "sweep_scenarios.h"

#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "net.h"

static struct hark_listener listener;
static struct hark_quiesce quiesce;
static struct hark_quiesce_report report;
static int client, accepted;

static void have_listener(void)
{
	struct hark_addr addr;

	CHECK_OK(hark_addr_parse(&addr, "127.0.0.1:0", NULL));
	CHECK_OK(hark_listener_open(&listener, &addr, NULL, NULL));
	client = net_connect(net_local(listener.fd));
	net_wait_queue(listener.fd, 1);
}

static void close_all(void)
{
	net_close(client);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}

/* ------------------------------------------------------------------------------- begin */

static bool begun;

static long long begin_with(
	const struct hark_quiesce_options *options, struct hark_error *err)
{
	int done = CALLED(hark_quiesce_begin)(&quiesce, &listener, 1, options, err);

	begun = done == 0;
	return done;
}

static long long begin(struct hark_error *err)
{
	static const struct hark_quiesce_options ghost = {.method = HARK_QUIESCE_GHOST};

	return begin_with(&ghost, err);
}

/* A failure has changed nothing: clients come in. */
static void check_begun(long long result)
{
	if (result < 0)
		net_close(net_connect(net_local(listener.fd)));
}

static void close_begun(void)
{
	if (begun)
		CHECK_OK(hark_quiesce_close(&quiesce, &report, sizeof(report), NULL));
	close_all();
}

/* Who is half-way, how long the queue is and how often to try are asked in vain. */
#define ASKS(result)                                                              \
	{HARK__CALL_SEND, ANY, 0, (result)}, {HARK__CALL_RECV, ANY, 0, (result)}, \
	{                                                                         \
		HARK__CALL_GETSOCKOPT, ANY, 0, (result)                           \
	}

const struct scenario sweep_quiesce_begin = {
	.prepare = have_listener,
	.body = begin,
	.check = check_begun,
	.clean = close_begun,
	.reaches = REACHES(SOCKET) | REACHES(SEND) | REACHES(RECV) |
		   REACHES(GETSOCKOPT) | REACHES(SETSOCKOPT) | REACHES(INDEXTONAME),
	.exceptions = {ASKS(0), {HARK__CALL_SOCKET, ANY, 0, 0},
		{HARK__CALL_INDEXTONAME, ANY, 0, 0},
		{HARK__CALL_SETSOCKOPT, ANY, 2, 0}}, /* how often to try */
};

/* ------------------------------------------------------------------------ steer and undo */

static struct hark_listener successor;

static void have_group(void)
{
	static const struct hark_listen_options shares = {.reuse_port = HARK_ON};
	struct hark_addr addr;

	CHECK_OK(hark_addr_parse(&addr, "127.0.0.1:0", NULL));
	CHECK_OK(hark_listener_open(&listener, &addr, &shares, NULL));
	addr = listener.addr;
	CHECK_OK(hark_listener_open(&successor, &addr, &shares, NULL));
	client = net_connect(net_local(listener.fd));
}

static long long steer(struct hark_error *err)
{
	struct hark_quiesce_options options = {
		.method = HARK_QUIESCE_STEERED, .successor_fd = successor.fd};

	return begin_with(&options, err);
}

static void close_group(void)
{
	close_begun();
	CHECK_OK(hark_listener_close_now(&successor, NULL));
}

/* Who else is of the group is to be known. */
const struct scenario sweep_quiesce_steer = {
	.prepare = have_group,
	.body = steer,
	.clean = close_group,
	.reaches = REACHES(SOCKET) | REACHES(SEND) | REACHES(RECV) | REACHES(FSTAT) |
		   REACHES(GETSOCKOPT) | REACHES(SETSOCKOPT),
	.exceptions = {{HARK__CALL_RECV, EINTR, 0, 0}, {HARK__CALL_SEND, ANY, 2, 0},
		{HARK__CALL_RECV, ANY, 3, 0},
		/* whether they are of a group: if nobody says so, not */
		{HARK__CALL_GETSOCKOPT, ANY, 1, -EINVAL},
		{HARK__CALL_GETSOCKOPT, ANY, 2, -EINVAL},
		{HARK__CALL_GETSOCKOPT, ANY, 3, -EINVAL},
		{HARK__CALL_GETSOCKOPT, ANY, 0, 0}, {HARK__CALL_FSTAT, ANY, 0, 0},
		{HARK__CALL_SETSOCKOPT, ANY, 2, 0}},
};

static void have_steered(void)
{
	have_group();
	CHECK_OK((int)steer(NULL));
}

static long long undo(struct hark_error *err)
{
	return CALLED(hark_quiesce_undo)(&quiesce, err);
}

/* What was not undone can be yet. */
static void check_undone(long long result)
{
	if (result < 0)
		CHECK_OK(hark_quiesce_undo(&quiesce, NULL));
	begun = false;
}

const struct scenario sweep_quiesce_undo = {
	.prepare = have_steered,
	.body = undo,
	.check = check_undone,
	.clean = close_group,
	.reaches = REACHES(SETSOCKOPT) | REACHES(CLOSE),
	.exceptions = {{HARK__CALL_CLOSE, ANY, 0, 0},
		{HARK__CALL_SETSOCKOPT, ANY, 2, 0}},
	.releases = true,
};

/* -------------------------------------------------------------------------- to the end */

static void have_quiesce(void)
{
	have_listener();
	CHECK_OK(hark_quiesce_begin(&quiesce, &listener, 1, NULL, NULL));
}

static long long accept_all(struct hark_error *err)
{
	accepted = CALLED(hark_quiesce_accept)(&quiesce, NULL, 0, err);
	if (accepted < 0)
		return accepted;
	net_close(accepted);
	(void)CALLED(hark_quiesce_check)(&quiesce, NULL); /* 0 or 1 */
	return CALLED(hark_quiesce_accept)(&quiesce, NULL, 0, err);
}

static void close_quiesce(void)
{
	CHECK_OK(hark_quiesce_close(&quiesce, &report, sizeof(report), NULL));
	net_close(client);
}

const struct scenario sweep_quiesce_accept = {
	.prepare = have_quiesce,
	.body = accept_all,
	.clean = close_quiesce,
	.reaches = REACHES(ACCEPT) | REACHES(SEND) | REACHES(RECV) | REACHES(POLL) |
		   REACHES(GETSOCKOPT),
	.expects = -ESHUTDOWN,
	.results = {-ESHUTDOWN},
};

static long long close_it(struct hark_error *err)
{
	return CALLED(hark_quiesce_close)(&quiesce, &report, sizeof(report), err);
}

static void check_closed(long long result)
{
	(void)result;
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
	CHECK_OK(CALLED(hark_quiesce_report)(&quiesce, &report, sizeof(report)));
}

static void close_client(void)
{
	net_close(client);
}

const struct scenario sweep_quiesce_close = {
	.prepare = have_quiesce,
	.body = close_it,
	.check = check_closed,
	.clean = close_client,
	.reaches = REACHES(GETSOCKOPT) | REACHES(CLOSE),
	.exceptions = {{HARK__CALL_GETSOCKOPT, ANY, 0, 0},
		{HARK__CALL_CLOSE, EINTR, 0, 0}, {HARK__CALL_CLOSE, ANY, 2, 0}},
	.releases = true,
};
