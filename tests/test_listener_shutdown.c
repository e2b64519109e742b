/* SPDX-License-Identifier: MIT
 *
 * A listener that somebody shut down, or closed, under those who accept from it: they are
 * told, and they do not spin.
 */
#include "loopback.h"

#include "sys/sys.h"

#include <stdatomic.h>
#include <sys/syscall.h>

enum { PATIENCE_MS = 5000 };

/* As the errors of a shut-down listener must look. */
static void check_says_shut_down(const struct hark_error *err)
{
	char text[HARK_ERROR_TEXT_MAX];

	CHECK_INT(err->code, ==, -EINVAL);
	CHECK_INT(err->step, ==, HARK_STEP_ACCEPT);
	CHECK_INT(err->cause, ==, HARK_CAUSE_SHUT_DOWN);
	(void)hark_error_text(err, text, sizeof(text));
	CHECK_CONTAINS(text, "shut down");
}

static atomic_int accepts, polls;

static int count_calls(enum hark__call call)
{
	if (call == HARK__CALL_ACCEPT)
		atomic_fetch_add(&accepts, 1);
	if (call == HARK__CALL_POLL)
		atomic_fetch_add(&polls, 1);
	return 0;
}

static void never(int fd, const struct hark_addr *peer, void *ctx)
{
	(void)fd, (void)peer, (void)ctx;
	harness_fail(__FILE__, __LINE__, "there was no client");
}

/* L4 P3 */
TEST(tcp, "accepting from a TCP listener that was shut down says so, each way")
{
	struct hark_listener listener = open_tcp();
	struct hark_error err = {0};

	CHECK_SYS(shutdown(listener.fd, SHUT_RD));
	CHECK_ERR(hark_accept_try(listener.fd, NULL, &err), -EINVAL);
	check_says_shut_down(&err);
	err = (struct hark_error){0};
	CHECK_ERR(hark_accept_wait(listener.fd, NULL, PATIENCE_MS, 0, &err), -EINVAL);
	check_says_shut_down(&err);
	err = (struct hark_error){0};
	CHECK_ERR(hark_accept(listener.fd, NULL, &err), -EINVAL);
	check_says_shut_down(&err);
	close_listener(&listener);
}

/* L4 P3 W3 */
TEST(tcp_loop, "a loop over it ends with that reason, and does not spin")
{
	struct hark_listener both[2] = {open_tcp(), open_tcp()};
	struct hark_error err = {0};

	hark__fault = count_calls;
	CHECK_SYS(shutdown(both[1].fd, SHUT_RD));
	CHECK_ERR(hark_accept_loop(both, 2, never, NULL, NULL, &err), -EINVAL);
	check_says_shut_down(&err);
	CHECK_INT(hark_addr_compare(&err.addr, &both[1].addr), ==, 0);
	CHECK_INT(atomic_load(&accepts), <=, 2);
	CHECK_INT(atomic_load(&polls), <=, 2);
	close_listener(&both[0]);
	close_listener(&both[1]);
}

struct waiter {
	struct hark_listener listener;
	int wake_fd;
	_Atomic pid_t tid;
	int result;
	struct hark_error err;
};

static void *wait_to_accept(void *ctx)
{
	struct waiter *waiter = ctx;

	atomic_store(&waiter->tid, (pid_t)syscall(SYS_gettid));
	waiter->result = hark_accept_wait(
		waiter->listener.fd, NULL, -1, waiter->wake_fd, &waiter->err);
	return NULL;
}

static void *wait_in_loop(void *ctx)
{
	struct waiter *waiter = ctx;
	struct hark_loop_options options = {
		.wake_fd = waiter->wake_fd, .stop = HARK_STOP_AT_ONCE};

	atomic_store(&waiter->tid, (pid_t)syscall(SYS_gettid));
	waiter->result = hark_accept_loop(
		&waiter->listener, 1, never, NULL, &options, &waiter->err);
	return NULL;
}

/* Asleep: the third field of its stat is S. */
static bool sleeps(pid_t tid)
{
	char path[64], text[256] = "", *end;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	(void)!fread(text, 1, sizeof(text) - 1, file); /* then it has no state */
	(void)fclose(file);                            /* only read from */
	end = strrchr(text, ')');
	return end && end[1] == ' ' && end[2] == 'S';
}

/* In its poll(2), as far as anybody can tell. */
static pthread_t start_waiting(void *(*body)(void *), struct waiter *waiter)
{
	pthread_t thread;

	hark__fault = count_calls;
	thread = start(body, waiter);
	WAIT_UNTIL(atomic_load(&polls) >= 1 && sleeps(atomic_load(&waiter->tid)));
	return thread;
}

static struct waiter new_waiter(struct hark_listener listener)
{
	struct waiter waiter = {.listener = listener};

	CHECK_OK(waiter.wake_fd = hark_wake_create(NULL));
	atomic_store(&polls, 0);
	atomic_store(&accepts, 0);
	return waiter;
}

static void check_shutdown_tells(void *(*body)(void *), struct hark_listener listener)
{
	struct waiter waiter = new_waiter(listener);
	pthread_t thread = start_waiting(body, &waiter);

	CHECK_SYS(shutdown(listener.fd, SHUT_RD));
	join(thread);
	CHECK_ERR(waiter.result, -EINVAL);
	check_says_shut_down(&waiter.err);
	CHECK_INT(atomic_load(&accepts), <=, 2);
	CHECK_INT(atomic_load(&polls), <=, 3);
	net_close(waiter.wake_fd);
	close_listener(&listener);
}

/* L4 X4 */
TEST(while_waiting, "who waits already is told when the listener is shut down")
{
	check_shutdown_tells(wait_to_accept, open_tcp());
	check_shutdown_tells(wait_in_loop, open_tcp());
}

/* L4 X4 X5: poll(2) says POLLRDHUP, and accept(2) EAGAIN for ever */
TEST(while_waiting_unix, "also at a Unix listener, where accept itself would not tell")
{
	check_shutdown_tells(wait_to_accept, open_unix());
	check_shutdown_tells(wait_in_loop, open_unix());
}

/* X5 L4 P5 */
TEST(unix_queue, "what waits at a Unix listener that was shut down is accepted first")
{
	struct hark_listener listener = open_unix();
	int client[3], fd;
	struct hark_error err = {0};

	for (int i = 0; i < 3; i++)
		client[i] = dial(&listener);
	CHECK_SYS(shutdown(listener.fd, SHUT_RD));
	CHECK_ERR(net_try_connect(where(&listener)), -ECONNREFUSED);
	for (int i = 0; i < 3; i++) {
		CHECK_OK(fd = hark_accept_wait(listener.fd, NULL, 0, 0, &err));
		CHECK_OK(hark_close(fd, NULL));
		net_close(client[i]);
	}
	CHECK_ERR(hark_accept_wait(listener.fd, NULL, -1, 0, &err), -EINVAL);
	check_says_shut_down(&err);
	CHECK_ERR(hark_accept(listener.fd, NULL, &err), -EINVAL);
	close_listener(&listener);
}

/* L4: accept4(2) says EAGAIN, and only poll(2) can tell */
TEST(unix_try, "hark_accept_try tells of a shut-down Unix listener, too")
{
	struct hark_listener listener = open_unix();
	struct hark_error err = {0};

	CHECK_SYS(shutdown(listener.fd, SHUT_RD));
	CHECK_ERR(hark_accept_try(listener.fd, NULL, &err), -EINVAL);
	check_says_shut_down(&err);
	close_listener(&listener);
}

static void count(int fd, const struct hark_addr *peer, void *ctx)
{
	(void)peer;
	CHECK_OK(hark_close(fd, NULL));
	++*(int *)ctx;
}

/* X5 L4 W3 */
TEST(unix_loop, "a loop serves what waits there, and ends with that reason")
{
	struct hark_listener listener = open_unix();
	struct hark_error err = {0};
	int client[5], served = 0;

	for (int i = 0; i < 5; i++)
		client[i] = dial(&listener);
	CHECK_SYS(shutdown(listener.fd, SHUT_RD));
	hark__fault = count_calls;
	CHECK_ERR(hark_accept_loop(&listener, 1, count, &served, NULL, &err), -EINVAL);
	check_says_shut_down(&err);
	CHECK_INT(served, ==, 5);
	CHECK_INT(atomic_load(&accepts), ==, 6);
	for (int i = 0; i < 5; i++)
		net_close(client[i]);
	close_listener(&listener);
}

/* X5: nothing happens; it is no way to stop anything */
TEST(writing_half, "shutting down the writing half of a listener changes nothing")
{
	struct hark_listener listener[2] = {open_tcp(), open_unix()};
	struct ends ends;

	for (int i = 0; i < 2; i++) {
		CHECK_ERR(hark_close_write(listener[i].fd, NULL), 0);
		ends = meet(&listener[i]);
		net_close(ends.client);
		net_close(ends.server);
		close_listener(&listener[i]);
	}
}

/* L4 L2: a port that the kernel chose would be another one now */
TEST(listen_again, "listening again brings it back on its own port")
{
	struct hark_listener listener = open_tcp();
	struct ends ends;

	for (int i = 0; i < 5; i++) {
		CHECK_SYS(shutdown(listener.fd, SHUT_RD));
		CHECK_OK(hark_listen(listener.fd, 0, NULL, NULL));
		CHECK_INT(net_port(listener.fd), ==, hark_addr_port(&listener.addr));
		ends = meet(&listener);
		CHECK_OK(hark_close_reset(ends.server, NULL));
		net_close(ends.client);
	}
	close_listener(&listener);
}

static void check_close_tells_nobody(void *(*body)(void *), int wanted)
{
	struct hark_listener listener = open_tcp();
	struct waiter waiter = new_waiter(listener);
	pthread_t thread = start_waiting(body, &waiter);

	CHECK_OK(hark_close(listener.fd, NULL));
	CHECK(sleeps(atomic_load(&waiter.tid)));
	CHECK_OK(hark_wake(waiter.wake_fd));
	join(thread);
	CHECK_ERR(waiter.result, wanted); /* and not: bad descriptor */
	net_close(waiter.wake_fd);
}

/* X4 L4: close(2) does not end a poll(2) or an accept(2) of another thread */
TEST(close_tells_nobody, "closing a listener wakes nobody, waking does")
{
	check_close_tells_nobody(wait_to_accept, -ECANCELED);
	check_close_tells_nobody(wait_in_loop, 0);
}
