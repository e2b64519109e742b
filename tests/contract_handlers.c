/* SPDX-License-Identifier: MIT
 *
 * Handlers that many promises share.
 */
#include "contract.h"

#include <signal.h>
#include <stdlib.h>

void echo(struct hark_conn *conn, void *ctx)
{
	const void *data;
	ssize_t n;

	(void)ctx;
	while ((n = hark_conn_receive(conn, &data)) > 0)
		if (hark_conn_write(conn, data, (size_t)n) < 0)
			return;
}

void greet(struct hark_conn *conn, void *ctx)
{
	(void)ctx;
	(void)hark_conn_write(conn, "hi\n", 3); /* who is gone is not greeted */
}

/* ------------------------------------------------------------------------ obedience */

struct order {
	const char *word;
	long long (*carry_out)(struct hark_conn *conn); /* what is answered */
};

static long long snapshot(struct hark_conn *conn)
{
	(void)conn;
	take_stats();
	return 0;
}

static long long process(struct hark_conn *conn)
{
	(void)conn;
	return getpid();
}

/* The worker, or with none the server: which in the fork model is the parent. */
static long long worker(struct hark_conn *conn)
{
	(void)conn;
	return combination().model == HARK_MODEL_FORK ? getppid() : getpid();
}

static long long number(struct hark_conn *conn)
{
	return (long long)hark_conn_number(conn);
}

static long long state(struct hark_conn *conn)
{
	(void)conn;
	return hark_server_state(served());
}

static long long draining(struct hark_conn *conn)
{
	return hark_conn_draining(conn);
}

static long long stop(struct hark_conn *conn)
{
	(void)conn;
	return hark_server_stop(served());
}

static long long idle(struct hark_conn *conn)
{
	(void)conn; /* after the answer: see obey */
	return 0;
}

static long long crash(struct hark_conn *conn)
{
	(void)conn;
	(void)signal(SIGABRT, SIG_DFL);
	(void)raise(SIGABRT);
	return -1;
}

static long long stick(struct hark_conn *conn)
{
	(void)conn;
	wait_at_gate();
	return 0;
}

enum { FILLERS = 256 };
static int fillers[FILLERS], filler_count; /* of the one who asks, in his process */

/* Opens all descriptors that can be had; limited before, by the test. */
static long long fill(struct hark_conn *conn)
{
	int fd = 0;

	while (filler_count < FILLERS && (fd = dup(hark_conn_fd(conn))) >= 0)
		fillers[filler_count++] = fd;
	CHECK_INT(fd, <, 0);
	return filler_count;
}

static long long unfill(struct hark_conn *conn)
{
	(void)conn;
	while (filler_count > 0)
		CHECK_SYS(close(fillers[--filler_count]));
	return 0;
}

static const struct order orders[] = {
	{"stats", snapshot},
	{"process", process},
	{"worker", worker},
	{"number", number},
	{"state", state},
	{"draining", draining},
	{"stop", stop},
	{"idle", idle},
	{"crash", crash},
	{"stick", stick},
	{"fill", fill},
	{"unfill", unfill},
};

static int answer(struct hark_conn *conn, const char *line)
{
	if (strcmp(line, "ping") == 0)
		return hark_conn_printf(conn, "pong\n");
	for (size_t i = 0; i < COUNT(orders); i++)
		if (strcmp(line, orders[i].word) == 0)
			return hark_conn_printf(
				conn, "%lld\n", orders[i].carry_out(conn));
	harness_fail(__FILE__, __LINE__, "cannot obey '%s'", line);
}

void obey(struct hark_conn *conn, void *ctx)
{
	long long result;
	char *line;

	(void)ctx;
	tell(ENTERED, (long long)hark_conn_number(conn));
	while ((result = hark_conn_read_line(conn, &line, NULL, 0)) > 0) {
		bool then_idle = strcmp(line, "idle") == 0;

		if (strcmp(line, "quit") == 0)
			break;
		result = answer(conn, line);
		if (result < 0)
			break;
		if (then_idle) {
			hark_conn_idle(conn, true);
			tell(IDLE, 0);
		}
	}
	tell(LEFT, result);
}
