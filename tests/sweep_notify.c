/*
 * The fault sweep: telling a service manager.
 */
#include "sweep_scenarios.h"

#include "harness.h"
#include "manager.h"

static int manager, told_fd;

static void asked(void)
{
	manager = manager_open(manager_path());
	told_fd = 0;
	CHECK_SYS(setenv("WATCHDOG_USEC", "2000000", 1));
	CHECK_SYS(unsetenv("WATCHDOG_PID"));
}

static void no_more(void)
{
	if (told_fd > 0)
		net_close(told_fd);
	net_close(manager);
	CHECK_SYS(unlink(manager_path()));
}

static long long notify(struct hark_error *err)
{
	return CALLED(hark_notify)("READY=1", err);
}

/* Told once, or not at all. */
static void check_told(long long result)
{
	CHECK(result == 1 || result < 0);
	if (result == 1)
		CHECK_STR(manager_hear(manager), "READY=1");
	CHECK(!manager_has(manager));
}

#define SENDS_ON                             \
	{HARK__CALL_SEND, EAGAIN, 0, 0},     \
	{                                    \
		HARK__CALL_SEND, EINTR, 0, 0 \
	}

const struct scenario sweep_notify = {
	.prepare = asked,
	.body = notify,
	.check = check_told,
	.clean = no_more,
	.reaches = REACHES(SOCKET) | REACHES(CONNECT) | REACHES(SEND) | REACHES(CLOSE),
	.exceptions = {SENDS_ON, {HARK__CALL_CLOSE, ANY, 0, 0}},
};

const struct scenario sweep_notify_waits = {
	.prepare = asked,
	.body = notify,
	.check = check_told,
	.clean = no_more,
	.reaches = REACHES(SOCKET) | REACHES(CONNECT) | REACHES(SEND) | REACHES(POLL) |
		   REACHES(CLOSE),
	.exceptions = {SENDS_ON, {HARK__CALL_POLL, EINTR, 0, 0},
		{HARK__CALL_CLOSE, ANY, 0, 0}},
	.given = {HARK__CALL_SEND, EAGAIN, 1, 0},
};

static long long open_it(struct hark_error *err)
{
	return told_fd = CALLED(hark_notify_open)(err);
}

const struct scenario sweep_notify_open_on_stdin = {
	.prepare = asked,
	.body = open_it,
	.clean = no_more,
	.reaches = REACHES(SOCKET) | REACHES(DUP) | REACHES(CONNECT) | REACHES(CLOSE),
	.exceptions = {{HARK__CALL_CLOSE, ANY, 0, 0},
		{HARK__CALL_DUP, EINVAL, 0, -EMFILE}},
	.stdin_is_free = true,
};

static long long watchdog(struct hark_error *err)
{
	int every = CALLED(hark_watchdog_ms)(err);

	CHECK_INT(every, ==, 2000);
	return every;
}

const struct scenario sweep_watchdog = {
	.prepare = asked,
	.body = watchdog,
	.clean = no_more,
	.reaches = 0,
};
