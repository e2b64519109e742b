/* SPDX-License-Identifier: MIT
 *
 * Many who accept from one listener, threads, processes and loops: each client is served
 * once, and to find that another was quicker is no error.
 */
#include "loopback.h"

#include "sys/sys.h"

#include <stdatomic.h>
#include <sys/wait.h>

/* Serves until it is woken; returns how many. Any other result fails the test. */
static int serve_until_woken(int listener, int wake_fd)
{
	int served = 0, fd;

	for (;;) {
		fd = hark_accept_wait(listener, NULL, -1, wake_fd, NULL);
		if (fd == -ECANCELED)
			return served;
		CHECK_OK(fd);
		CHECK_OK(hark_write(fd, "x", 1, 5000, NULL));
		CHECK_OK(hark_close(fd, NULL));
		served++;
	}
}

/* Each must get exactly one byte: who was served twice, or never, is seen. */
static void visit(const struct hark_listener *listener, int clients)
{
	enum { AT_ONCE = 20 };
	int client[AT_ONCE];
	char text[8];

	for (int done = 0; done < clients; done += AT_ONCE) {
		for (int i = 0; i < AT_ONCE; i++)
			client[i] = dial(listener);
		for (int i = 0; i < AT_ONCE; i++) {
			CHECK_INT(net_read_all(client[i], text, sizeof(text)), ==, 1);
			net_close(client[i]);
		}
	}
}

struct crew {
	int listener;
	int wake_fd;
	atomic_int served;
};

static void *work(void *ctx)
{
	struct crew *crew = ctx;

	atomic_fetch_add(
		&crew->served, serve_until_woken(crew->listener, crew->wake_fd));
	return NULL;
}

/* P5 */
TEST(threads, "four threads accept from one listener: each client is served once")
{
	enum { THREADS = 4, CLIENTS = 400 };
	struct hark_listener listener = open_tcp();
	struct crew crew = {listener.fd, hark_wake_create(NULL), 0};
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		thread[i] = start(work, &crew);
	visit(&listener, CLIENTS);
	CHECK_OK(hark_wake(crew.wake_fd));
	for (int i = 0; i < THREADS; i++)
		join(thread[i]);
	CHECK_INT(atomic_load(&crew.served), ==, CLIENTS);
	net_close(crew.wake_fd);
	close_listener(&listener);
}

/* P5 */
TEST(processes, "three processes accept from one listener: each client is served once")
{
	enum { PROCESSES = 3, CLIENTS = 120 };
	struct hark_listener listener = open_tcp();
	int wake_fd = hark_wake_create(NULL), served = 0, status;
	pid_t pid[PROCESSES];

	for (int i = 0; i < PROCESSES; i++) {
		CHECK_SYS(pid[i] = fork());
		if (pid[i] == 0)
			_exit(serve_until_woken(listener.fd, wake_fd));
	}
	visit(&listener, CLIENTS);
	CHECK_OK(hark_wake(wake_fd));
	for (int i = 0; i < PROCESSES; i++) {
		CHECK_SYS(waitpid(pid[i], &status, 0));
		CHECK(WIFEXITED(status));
		served += WEXITSTATUS(status);
	}
	CHECK_INT(served, ==, CLIENTS);
	net_close(wake_fd);
	close_listener(&listener);
}

static atomic_int thefts;

/* The client is there, but this time another process was quicker. */
static int steal_three_times(enum hark__call call)
{
	if (call != HARK__CALL_ACCEPT || atomic_load(&thefts) == 3)
		return 0;
	atomic_fetch_add(&thefts, 1);
	return -EAGAIN;
}

/* P5 */
TEST(stolen, "ready, and nobody there: another took it, and the wait goes on")
{
	struct hark_listener listener = open_tcp();
	int client = dial(&listener), fd;
	struct hark_error err;

	stamp(&err);
	hark__fault = steal_three_times;
	CHECK_OK(fd = hark_accept_wait(listener.fd, NULL, 5000, 0, &err));
	CHECK_INT(atomic_load(&thefts), ==, 3);
	CHECK(is_stamped(&err));
	net_close(fd);
	net_close(client);
	close_listener(&listener);
}

struct loop {
	struct hark_listener listener;
	struct hark_loop_options options;
	struct hark_loop_counters counters;
};

static void greet(int fd, const struct hark_addr *peer, void *ctx)
{
	(void)peer, (void)ctx;
	CHECK_OK(hark_write(fd, "x", 1, 5000, NULL));
	CHECK_OK(hark_close(fd, NULL));
}

static void *run_loop(void *ctx)
{
	struct loop *loop = ctx;

	loop->options.counters = &loop->counters;
	loop->options.counters_size = sizeof(loop->counters);
	CHECK_ERR(
		hark_accept_loop(&loop->listener, 1, greet, NULL, &loop->options, NULL),
		0);
	return NULL;
}

/* W3 P5: some are woken for nothing, and that is only counted */
TEST(loops, "three loops on one listener: each client is served once")
{
	enum { LOOPS = 3, CLIENTS = 300 };
	struct hark_listener listener = open_tcp();
	int wake_fd = hark_wake_create(NULL);
	unsigned long accepted = 0, failed = 0;
	struct loop loop[LOOPS];
	pthread_t thread[LOOPS];

	for (int i = 0; i < LOOPS; i++) {
		loop[i] =
			(struct loop){.listener = listener, .options.wake_fd = wake_fd};
		thread[i] = start(run_loop, &loop[i]);
	}
	visit(&listener, CLIENTS);
	CHECK_OK(hark_wake(wake_fd));
	for (int i = 0; i < LOOPS; i++) {
		join(thread[i]);
		accepted += loop[i].counters.accepted;
		failed += loop[i].counters.failed + loop[i].counters.exhausted +
			  loop[i].counters.unknown;
	}
	CHECK_INT(accepted, ==, CLIENTS);
	CHECK_INT(failed, ==, 0);
	net_close(wake_fd);
	close_listener(&listener);
}

/* W3 P5: the same theft, in a loop */
TEST(loop_stolen, "a loop counts what others took, and goes on")
{
	struct loop loop = {.listener = open_tcp()};
	int client = dial(&loop.listener);
	pthread_t thread;
	char text[8];

	hark__fault = steal_three_times;
	CHECK_OK(loop.options.wake_fd = hark_wake_create(NULL));
	thread = start(run_loop, &loop);
	CHECK_INT(net_read_all(client, text, sizeof(text)), ==, 1);
	CHECK_OK(hark_wake(loop.options.wake_fd));
	join(thread);
	CHECK_INT(loop.counters.stolen, ==, 3);
	CHECK_INT(loop.counters.accepted, ==, 1);
	CHECK_INT(loop.counters.pauses, ==, 0);
	net_close(client);
	net_close(loop.options.wake_fd);
	close_listener(&loop.listener);
}
