/* SPDX-License-Identifier: MIT
 *
 * What a server tells a service manager that comes and goes, and at a hand-over; from the
 * inside, since nothing but an upgrade hands over.  The rest: contract_notify.c.
 */
#include "faults.h"
#include "foreign.h"
#include "manager.h"

#include "server/server.h"

#include <hark_server.h>
#include <pthread.h>
#include <sys/eventfd.h>

static struct hark_server *server;
static pthread_t thread;
static int order_fd; /* attended: what is written to it is a process */
static atomic_int failed, stopping;

static void greet(struct hark_conn *conn, void *ctx)
{
	(void)conn, (void)ctx;
}

enum { TAKEN_BACK = 4482 };

static void count_failed(const struct hark_server_event *event, void *ctx)
{
	(void)ctx;
	failed += event->kind == HARK_EVENT_FAILED;
	stopping += event->kind == HARK_EVENT_QUIESCING;
}

static void hand_over(int fd, void *ctx)
{
	uint64_t pid;

	(void)ctx;
	if (read(fd, &pid, sizeof(pid)) == sizeof(pid))
		hark__notify_main_pid(server, (pid_t)pid);
	if (pid == TAKEN_BACK)
		hark__notify_stay(server);
}

static void *run(void *ctx)
{
	(void)ctx;
	CHECK_OK(hark_server_run(server, NULL));
	return NULL;
}

static int asked(void)
{
	CHECK_SYS(setenv("WATCHDOG_USEC", "100000", 1));
	CHECK_SYS(unsetenv("WATCHDOG_PID"));
	return manager_open(manager_path());
}

/* Its threads are of this process, and so are its descriptors. */
static void begin(int notify_fd)
{
	struct hark_server_options options = {
		.notify = HARK_ON, .notify_fd = notify_fd, .on_event = count_failed};

	failed = stopping = 0;
	server = hark_server_create(&options, greet, NULL, NULL);
	CHECK(server != NULL);
	CHECK_INT(hark_server_listen(server, "127.0.0.1:0", NULL, NULL), ==, 1);
	order_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	CHECK_SYS(order_fd);
	CHECK_OK(hark_server_attend(server, order_fd, hand_over, NULL, NULL));
	CHECK_INT(pthread_create(&thread, NULL, run, NULL), ==, 0);
}

static void finish(void)
{
	CHECK_OK(hark_server_stop(server));
	CHECK_INT(pthread_join(thread, NULL), ==, 0);
	CHECK_OK(hark_server_destroy(server));
	net_close(order_fd);
}

/* D2 */
TEST(again, "a manager that was restarted is found again")
{
	int manager = asked();

	begin(0);
	(void)manager_hear_line(manager, "READY=1");
	net_close(manager);
	CHECK_SYS(unlink(manager_path()));
	manager = manager_open(manager_path());
	(void)manager_hear_line(manager, "WATCHDOG=1");
	finish();
	(void)manager_hear_line(manager, "STOPPING=1");
	net_close(manager);
}

/* D2 E1: it would fill the log */
TEST(gone, "one that has gone for good is told of once")
{
	int manager = asked(), before;

	count_calls(HARK__CALL_READ);
	begin(0);
	(void)manager_hear_line(manager, "READY=1");
	net_close(manager);
	CHECK_SYS(unlink(manager_path()));
	WAIT_UNTIL(failed == 1);
	before = calls_seen();
	WAIT_UNTIL(calls_seen() >= before + 3); /* beats */
	finish();
	hark__fault = NULL;
	CHECK_INT(failed, ==, 1);
}

/* D2: for who changes root before he serves */
TEST(given, "a way that was opened before is gone, and stays the caller's")
{
	int manager = asked(), way = hark_notify_open(NULL);

	CHECK_SYS(unlink(manager_path()));
	begin(way);
	(void)manager_hear_line(manager, "READY=1");
	finish();
	(void)manager_hear_line(manager, "STOPPING=1");
	CHECK_INT(failed, ==, 0);
	CHECK_INT(send(way, "X=1", 3, 0), ==, 3);
	net_close(manager);
	net_close(way);
}

/* D2: such a way cannot be found again */
TEST(given_gone, "and where it ends, that is told once, and it serves")
{
	int manager = asked(), way = hark_notify_open(NULL);

	begin(way);
	(void)manager_hear_line(manager, "READY=1");
	net_close(manager);
	WAIT_UNTIL(failed == 1);
	finish();
	CHECK_INT(failed, ==, 1);
	net_close(way);
}

/* D1 D2: that it stops would be taken for the end of the service */
TEST(main_pid, "who hands over tells who it is now, and then no more")
{
	const uint64_t pid = 4481;
	int manager = asked();

	begin(0);
	(void)manager_hear_line(manager, "READY=1");
	CHECK_INT(write(order_fd, &pid, sizeof(pid)), ==, sizeof(pid));
	CHECK(!manager_has_line(
		manager_hear_line(manager, "MAINPID=4481"), "STOPPING=1"));
	finish();
	CHECK_INT(stopping, ==, 1);
	CHECK(!manager_has(manager));
	CHECK_INT(failed, ==, 0);
	net_close(manager);
}

/* D1 D2: the successor has died before it could hear of it */
TEST(main_pid_back, "who takes it back is told of as before")
{
	const uint64_t pid = TAKEN_BACK;
	int manager = asked();
	char own[32];

	begin(0);
	(void)manager_hear_line(manager, "READY=1");
	CHECK_INT(write(order_fd, &pid, sizeof(pid)), ==, sizeof(pid));
	(void)manager_hear_line(manager, "MAINPID=4482");
	(void)snprintf(own, sizeof(own), "MAINPID=%d", (int)getpid());
	(void)manager_hear_line(manager, own);
	finish();
	(void)manager_hear_line(manager, "STOPPING=1");
	CHECK_INT(failed, ==, 0);
	net_close(manager);
}

/* As full as it gets; how many that were. */
static int fill(int fd)
{
	int count = 0;

	while (send(fd, "X=1", 3, MSG_DONTWAIT) == 3)
		count++;
	CHECK_INT(errno, ==, EAGAIN);
	return count;
}

/* D1 D2: for this one alone the server waits */
TEST(main_pid_behind, "a manager that is behind hears of the hand-over")
{
	const uint64_t pid = 4481;
	int manager = asked(), fd = hark_notify_open(NULL), before;

	begin(0);
	(void)manager_hear_line(manager, "READY=1");
	before = fill(fd);
	CHECK_INT(write(order_fd, &pid, sizeof(pid)), ==, sizeof(pid));
	while (before > 0)
		before -= !strcmp(manager_hear(manager), "X=1");
	(void)manager_hear_line(manager, "MAINPID=4481");
	finish();
	CHECK_INT(failed, ==, 0);
	net_close(manager);
	net_close(fd);
}

/* D2 E1 */
TEST(no_timer, "without a timer the manager is told of phases all the same")
{
	/* the first timers, and entries in sets, are those of the stop and the worker */
	static const struct {
		enum hark__call call;
		int nth;
	} calls[] = {{HARK__CALL_TIMER, 3}, {HARK__CALL_TIMER_SET, 1},
		{HARK__CALL_EPOLL_ADD, 9}};

	for (size_t i = 0; i < COUNT(calls); i++) {
		int manager = asked();

		let_fail(calls[i].call, calls[i].nth, -ENOMEM);
		begin(0);
		CHECK_CONTAINS(manager_hear(manager), "READY=1");
		finish();
		hark__fault = NULL;
		CHECK_CONTAINS(manager_hear(manager), "STOPPING=1");
		CHECK_INT(failed, ==, 1);
		net_close(manager);
		CHECK_SYS(unlink(manager_path()));
	}
}

/* A2 D2 E1 */
TEST(bad_watchdog, "a WATCHDOG_USEC that makes no sense is told, and it serves")
{
	int manager = asked();

	CHECK_SYS(setenv("WATCHDOG_USEC", "often", 1));
	begin(0);
	(void)manager_hear_line(manager, "READY=1");
	finish();
	CHECK_INT(failed, ==, 1);
	net_close(manager);
}
