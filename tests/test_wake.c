/* SPDX-License-Identifier: MIT
 *
 * Waking whoever waits: threads, loops, processes; from anywhere, and any number of times.
 */
#include "loopback.h"

#include "sys/sys.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* -------------------------------------------------------------------- who is woken */

static atomic_int waiting;

/* A wait was begun, or is just about to be: to wake it earlier or later is the same. */
static int count_waits(enum hark__call call)
{
	if (call == HARK__CALL_POLL)
		atomic_fetch_add(&waiting, 1);
	return 0;
}

struct waiter {
	struct hark_listener listener[3];
	int wake_fd;
};

static struct waiter open_all(void)
{
	struct waiter all = {.listener = {open_tcp(), open_tcp(), open_unix()}};

	CHECK_OK(all.wake_fd = hark_wake_create(NULL));
	hark__fault = count_waits;
	return all;
}

static void close_all(struct waiter *all)
{
	for (int i = 0; i < 3; i++)
		close_listener(&all->listener[i]);
	net_close(all->wake_fd);
}

static void *wait_to_accept(void *ctx)
{
	struct waiter *all = ctx;
	struct hark_error err;

	stamp(&err);
	CHECK_ERR(hark_accept_wait(all->listener[0].fd, NULL, -1, all->wake_fd, &err),
		-ECANCELED);
	CHECK(is_stamped(&err));
	return NULL;
}

static void never(int fd, const struct hark_addr *peer, void *ctx)
{
	(void)fd, (void)peer, (void)ctx;
	harness_fail(__FILE__, __LINE__, "there was no client");
}

static void *wait_in_loop(void *ctx)
{
	struct waiter *all = ctx;
	struct hark_loop_options options = {.wake_fd = all->wake_fd};
	struct hark_error err;

	stamp(&err);
	CHECK_ERR(hark_accept_loop(all->listener, 3, never, NULL, &options, &err), 0);
	CHECK(is_stamped(&err));
	return NULL;
}

/* X4 P1 */
TEST(thread, "a thread that waits in accept is woken")
{
	struct waiter all = open_all();
	pthread_t thread = start(wait_to_accept, &all);

	WAIT_UNTIL(atomic_load(&waiting) == 1);
	CHECK_OK(hark_wake(all.wake_fd));
	join(thread);
	close_all(&all);
}

/* X4 W3 */
TEST(loop, "a loop over several listeners is woken")
{
	struct waiter all = open_all();
	pthread_t thread = start(wait_in_loop, &all);

	WAIT_UNTIL(atomic_load(&waiting) == 1);
	CHECK_OK(hark_wake(all.wake_fd));
	join(thread);
	close_all(&all);
}

/* X4: nobody takes the waking away from the others */
TEST(everybody, "one call wakes every thread and every loop that waits on it")
{
	enum { THREADS = 6 };
	struct waiter all = open_all();
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		thread[i] = start(i % 2 ? wait_in_loop : wait_to_accept, &all);
	WAIT_UNTIL(atomic_load(&waiting) == THREADS);
	CHECK_OK(hark_wake(all.wake_fd));
	for (int i = 0; i < THREADS; i++)
		join(thread[i]);
	close_all(&all);
}

/* X4: after fork(2) the descriptor is the same eventfd */
TEST(processes, "and every process that a fork made")
{
	struct waiter all = open_all();
	int status;
	pid_t pid[2];

	for (int i = 0; i < 2; i++) {
		CHECK_SYS(pid[i] = fork());
		if (pid[i] == 0) {
			(void)(i ? wait_in_loop(&all) : wait_to_accept(&all));
			_exit(0);
		}
	}
	CHECK_OK(hark_wake(all.wake_fd));
	for (int i = 0; i < 2; i++) {
		CHECK_SYS(waitpid(pid[i], &status, 0));
		CHECK_INT(status, ==, 0);
	}
	close_all(&all);
}

/* --------------------------------------------------------------------- from where */

static int to_wake;
static atomic_int handled;

static void wake_it(int number)
{
	(void)number;
	(void)hark_wake(to_wake); /* seen by who waits */
	atomic_fetch_add(&handled, 1);
}

/* The thread sanitizer makes a thread's record of signals at its first blocking call, and
 * one that comes in the middle of that is lost.  So this call is not the one under test. */
static void *wait_to_be_interrupted(void *ctx)
{
	CHECK_SYS(poll(NULL, 0, 0));
	return wait_to_accept(ctx);
}

/* X4 */
TEST(signal_handler, "a signal handler may wake, also the thread that it interrupts")
{
	struct sigaction action = {.sa_handler = wake_it};
	struct waiter all = open_all();
	pthread_t thread;

	to_wake = all.wake_fd;
	CHECK_SYS(sigaction(SIGUSR1, &action, NULL));
	CHECK_SYS(raise(SIGUSR1));
	(void)wait_to_accept(&all);
	CHECK_OK(hark_wake_clear(all.wake_fd));
	thread = start(wait_to_be_interrupted, &all);
	WAIT_UNTIL(atomic_load(&waiting) == 2);
	CHECK_INT(pthread_kill(thread, SIGUSR1), ==, 0);
	WAIT_UNTIL(atomic_load(&handled) == 2);
	join(thread);
	close_all(&all);
}

/* -------------------------------------------------------------------- how many times */

/* X4 */
TEST(many_times, "waking is for good, however often, until it is cleared")
{
	struct hark_listener listener = open_tcp();
	int wake_fd = hark_wake_create(NULL);

	for (int i = 0; i < 10000; i++)
		CHECK_OK(hark_wake(wake_fd));
	for (int i = 0; i < 3; i++)
		CHECK_ERR(hark_accept_wait(listener.fd, NULL, -1, wake_fd, NULL),
			-ECANCELED);
	CHECK_ERR(hark_wake_clear(wake_fd), 0);
	CHECK_ERR(hark_accept_wait(listener.fd, NULL, 0, wake_fd, NULL), -ETIMEDOUT);
	CHECK_ERR(hark_wake_clear(wake_fd), 0); /* twice is fine */
	CHECK_OK(hark_wake(wake_fd));
	CHECK_ERR(hark_accept_wait(listener.fd, NULL, 0, wake_fd, NULL), -ECANCELED);
	net_close(wake_fd);
	close_listener(&listener);
}

/* X4: the kernel's counter is full then, and write(2) says EAGAIN */
TEST(full, "waking more often than can be counted is no error and does not block")
{
	const uint64_t most = UINT64_MAX - 1;
	int wake_fd = hark_wake_create(NULL);

	CHECK_SYS(write(wake_fd, &most, sizeof(most)));
	CHECK_ERR(hark_wake(wake_fd), 0);
	CHECK_ERR(hark_wake(wake_fd), 0);
	CHECK_ERR(hark_accept_wait(wake_fd, NULL, -1, wake_fd, NULL), -ECANCELED);
	CHECK_ERR(hark_wake_clear(wake_fd), 0);
	net_close(wake_fd);
}

/* X4 P5 */
TEST(client_stays, "who is woken takes no client, who was cleared does")
{
	struct hark_listener listener = open_tcp();
	int wake_fd = hark_wake_create(NULL), client = dial(&listener), fd;
	struct hark_addr peer = {.length = 7};

	CHECK_OK(hark_wake(wake_fd));
	CHECK_ERR(
		hark_accept_wait(listener.fd, &peer, 5000, wake_fd, NULL), -ECANCELED);
	CHECK_ERR(hark_accept_wait(listener.fd, &peer, 0, wake_fd, NULL), -ECANCELED);
	CHECK_INT(peer.length, ==, 7);
	CHECK_INT(net_queue(listener.fd), ==, 1);
	CHECK_OK(hark_wake_clear(wake_fd));
	CHECK_OK(fd = hark_accept_wait(listener.fd, &peer, 5000, wake_fd, NULL));
	CHECK_INT(hark_addr_port(&peer), ==, net_port(client));
	net_close(fd);
	net_close(client);
	net_close(wake_fd);
	close_listener(&listener);
}

/* ----------------------------------------------------------------------- the descriptor */

/* X4 P2 */
TEST(descriptor, "the wake descriptor is close-on-exec, non-blocking, and above 2")
{
	int wake_fd = hark_wake_create(NULL);

	CHECK_INT(wake_fd, >, 2);
	CHECK_INT(fcntl(wake_fd, F_GETFD), ==, FD_CLOEXEC);
	CHECK_INT(fcntl(wake_fd, F_GETFL) & O_NONBLOCK, ==, O_NONBLOCK);
	CHECK_OK(hark_close(wake_fd, NULL));
	CHECK(!is_open(wake_fd));
	CHECK_ERR(hark_wake(wake_fd), -EBADF);
	CHECK_ERR(hark_wake_clear(wake_fd), -EBADF);
	CHECK_ERR(hark_wake(-1), -EBADF);
}

/* X4 P4 */
TEST(no_descriptor, "when there is none left, the error says how many there may be")
{
	struct rlimit limit, full;
	struct hark_error err;
	int next;

	CHECK_SYS(next = dup(STDIN_FILENO));
	net_close(next);
	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	full = limit;
	full.rlim_cur = (rlim_t)next;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &full));
	CHECK_ERR(hark_wake_create(&err), -EMFILE);
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_INT(err.code, ==, -EMFILE);
	CHECK_INT(err.step, ==, HARK_STEP_WAIT);
	CHECK_INT(err.limit, ==, next);
}

static int refuse(enum hark__call call)
{
	return call == HARK__CALL_READ || call == HARK__CALL_WRITE ? -EIO : 0;
}

/* X4 */
TEST(refused, "what write(2) and read(2) refuse is the result")
{
	int wake_fd = hark_wake_create(NULL);

	hark__fault = refuse;
	CHECK_ERR(hark_wake(wake_fd), -EIO);
	CHECK_ERR(hark_wake_clear(wake_fd), -EIO);
	hark__fault = NULL;
	net_close(wake_fd);
}
