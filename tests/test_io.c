/* SPDX-License-Identifier: MIT
 *
 * hark_read and hark_write: time limits, slow peers, signals, and the end of the stream; on
 * blocking and on non-blocking descriptors.
 */
#include "loopback.h"

#include "sys/sys.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

enum { PATIENCE_MS = 5000, BULK_BYTES = 4 << 20 };

static char bulk[BULK_BYTES];

static void fill_bulk(void)
{
	for (size_t i = 0; i < sizeof(bulk); i++)
		bulk[i] = (char)(i * 2654435761u >> 24);
}

static void set_nonblocking(int fd)
{
	CHECK_SYS(fcntl(fd, F_SETFL, O_NONBLOCK));
}

/* A connection of each kind: blocking or not, TCP or Unix. */
static struct ends ends_of_kind(int kind)
{
	struct hark_listener listener = kind & 2 ? open_unix() : open_tcp();
	struct ends ends = meet(&listener);

	if (kind & 1)
		set_nonblocking(ends.server);
	close_listener(&listener);
	return ends;
}

enum { KINDS = 4 };

static void close_both(struct ends ends)
{
	net_close(ends.server);
	net_close(ends.client);
}

/* --------------------------------------------------------------------------------- read */

static void check_reads(int fd, const char *wanted, int timeout_ms)
{
	char text[64] = "";

	CHECK_INT(hark_read(fd, text, sizeof(text) - 1, timeout_ms, NULL), ==,
		strlen(wanted));
	CHECK_STR(text, wanted);
}

/* P5 */
TEST(read, "reading gives what is there, and 0 at the end of the stream")
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct ends ends = ends_of_kind(kind);
		char text[8];

		net_send(ends.client, "hello");
		check_reads(ends.server, "hello", PATIENCE_MS);
		net_send(ends.client, "you");
		check_reads(ends.server, "you", -1);
		CHECK_SYS(shutdown(ends.client, SHUT_WR));
		CHECK_INT(hark_read(ends.server, text, 8, PATIENCE_MS, NULL), ==, 0);
		CHECK_INT(hark_read(ends.server, text, 8, 0, NULL), ==, 0);
		CHECK_INT(hark_read(ends.server, text, 8, -1, NULL), ==, 0);
		close_both(ends);
	}
}

/* P1 */
TEST(read_timeout,
	"nothing came in time: a result, and the next read is as good as new")
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct ends ends = ends_of_kind(kind);
		long long began = now_ms();
		int flags = fcntl(ends.server, F_GETFL);
		struct hark_error err;
		char text[8];

		stamp(&err);
		CHECK_ERR(hark_read(ends.server, text, 8, 0, &err), -ETIMEDOUT);
		CHECK_ERR(hark_read(ends.server, text, 8, 40, &err), -ETIMEDOUT);
		CHECK_INT(now_ms() - began, >=, 40);
		CHECK(is_stamped(&err));
		net_send(ends.client, "late");
		check_reads(ends.server, "late", PATIENCE_MS);
		CHECK_INT(fcntl(ends.server, F_GETFL), ==, flags);
		close_both(ends);
	}
}

/* X1 */
TEST(read_reset, "a reset is an error, with the step")
{
	struct ends ends = tcp_ends();
	struct hark_error err = {0};
	char text[8];

	net_reset(ends.client);
	CHECK_ERR(hark_read(ends.server, text, 8, PATIENCE_MS, &err), -ECONNRESET);
	CHECK_INT(err.code, ==, -ECONNRESET);
	CHECK_INT(err.step, ==, HARK_STEP_READ);
	net_close(ends.server);
}

static atomic_int polls;

static int count_polls(enum hark__call call)
{
	if (call == HARK__CALL_POLL)
		atomic_fetch_add(&polls, 1);
	return 0;
}

static void do_nothing(int number)
{
	(void)number;
}

static void *read_blocking(void *fd)
{
	check_reads(*(int *)fd, "at last", -1);
	return NULL;
}

/* P1 */
TEST(read_signals, "reading goes on after signals")
{
	struct sigaction action = {.sa_handler = do_nothing}; /* no SA_RESTART */
	struct ends ends = tcp_ends();
	pthread_t thread;

	hark__fault = count_polls;
	CHECK_SYS(sigaction(SIGUSR1, &action, NULL));
	thread = start(read_blocking, &ends.server);
	WAIT_UNTIL(atomic_load(&polls) >= 1);
	WAIT_UNTIL(pthread_kill(thread, SIGUSR1) == 0 && atomic_load(&polls) >= 5);
	net_send(ends.client, "at last");
	join(thread);
	close_both(ends);
}

/* Signals that come faster than the deadline must not push it away. */
static void check_deadline_holds(int (*io)(int fd), int fd)
{
	struct sigaction action = {.sa_handler = do_nothing};
	struct itimerval every = {{0, 20000}, {0, 20000}};

	CHECK_SYS(sigaction(SIGALRM, &action, NULL));
	CHECK_SYS(setitimer(ITIMER_REAL, &every, NULL));
	CHECK_ERR(io(fd), -ETIMEDOUT);
	CHECK_SYS(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL));
}

static int read_a_while(int fd)
{
	char byte;

	return (int)hark_read(fd, &byte, 1, 200, NULL);
}

static int write_a_while(int fd)
{
	int code = 0;

	while (code == 0)
		code = hark_write(fd, bulk, sizeof(bulk), 200, NULL);
	return code;
}

/* P1 */
TEST(signals_and_deadline, "signals do not put off the deadline")
{
	struct ends ends = tcp_ends();

	check_deadline_holds(read_a_while, ends.server);
	check_deadline_holds(write_a_while, ends.server);
	close_both(ends);
}

/* -------------------------------------------------------------------------------- write */

struct reader {
	int fd;
	size_t piece; /* bytes at a time */
	size_t got;
};

/* Reads to the end of the stream, slowly, and compares. */
static void *read_slowly(void *ctx)
{
	struct reader *reader = ctx;
	char text[65536];
	ssize_t n;

	while ((n = recv(reader->fd, text, reader->piece, 0)) > 0) {
		CHECK_INT(reader->got + (size_t)n, <=, sizeof(bulk));
		CHECK_INT(memcmp(text, bulk + reader->got, (size_t)n), ==, 0);
		reader->got += (size_t)n;
		(void)sched_yield();
	}
	CHECK_INT(n, ==, 0);
	return NULL;
}

/* X1: more than all the buffers on the way hold */
TEST(write, "all of it is written, to however slow a reader, in order and once")
{
	fill_bulk();
	for (int kind = 0; kind < KINDS; kind++) {
		struct ends ends = ends_of_kind(kind);
		struct reader reader = {.fd = ends.client, .piece = 3001};
		pthread_t thread = start(read_slowly, &reader);
		int flags = fcntl(ends.server, F_GETFL);
		struct hark_error err;

		stamp(&err);
		CHECK_ERR(hark_write(ends.server, bulk, sizeof(bulk), -1, &err), 0);
		CHECK(is_stamped(&err));
		CHECK_INT(fcntl(ends.server, F_GETFL), ==, flags);
		CHECK_OK(hark_close(ends.server, NULL));
		join(thread);
		CHECK_INT(reader.got, ==, sizeof(bulk));
		net_close(ends.client);
	}
}

/* X1 */
TEST(write_timeout, "nobody reads: writing ends at its deadline, as a result")
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct ends ends = ends_of_kind(kind);
		struct hark_error err;
		long long began;
		int code = 0;

		stamp(&err);
		while (code == 0) {
			began = now_ms();
			code = hark_write(ends.server, bulk, sizeof(bulk), 40, &err);
		}
		CHECK_ERR(code, -ETIMEDOUT);
		CHECK_INT(now_ms() - began, >=, 40);
		do
			code = hark_write(ends.server, bulk, sizeof(bulk), 0, &err);
		while (code == 0); /* there may be some room again */
		CHECK_ERR(code, -ETIMEDOUT);
		CHECK(is_stamped(&err));
		close_both(ends);
	}
}

struct sipper {
	int fd;
	atomic_bool stop;
};

/* Never so slow that nothing moves, and never done. */
static void *sip(void *ctx)
{
	struct sipper *sipper = ctx;
	char text[4096];

	while (!atomic_load(&sipper->stop)) {
		(void)recv(sipper->fd, text, sizeof(text), MSG_DONTWAIT);
		(void)poll(NULL, 0, 2);
	}
	return NULL;
}

/* X1: 4 KB each 2 ms is two seconds for what is left over; the deadline is shorter */
TEST(write_whole, "the deadline is for the whole, not for each piece that is taken")
{
	struct ends ends = tcp_ends();
	struct sipper sipper = {.fd = ends.client};
	pthread_t thread = start(sip, &sipper);
	int code = 0;

	for (int i = 0; i < 100 && code == 0; i++)
		code = hark_write(ends.server, bulk, sizeof(bulk), 300, NULL);
	CHECK_ERR(code, -ETIMEDOUT);
	atomic_store(&sipper.stop, true);
	join(thread);
	close_both(ends);
}

/* X2: the test would end by the signal, were there one */
TEST(write_gone, "a reader that ends in the middle is an error, and no SIGPIPE")
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct ends ends = ends_of_kind(kind);
		struct hark_error err = {0};
		int code;

		net_close(ends.client);
		do
			code = hark_write(
				ends.server, bulk, sizeof(bulk), PATIENCE_MS, &err);
		while (code == 0);
		CHECK(code == -EPIPE || code == -ECONNRESET);
		CHECK_INT(err.code, ==, code);
		CHECK_INT(err.step, ==, HARK_STEP_WRITE);
		net_close(ends.server);
	}
}

/* X1 */
TEST(write_nothing, "writing nothing is no error, and sends nothing")
{
	struct ends ends = tcp_ends();
	char text[8];

	CHECK_ERR(hark_write(ends.server, "", 0, 0, NULL), 0);
	CHECK_ERR(hark_write(ends.server, NULL, 0, -1, NULL), 0);
	CHECK_OK(hark_write(ends.server, "x", 1, 0, NULL));
	CHECK_INT(net_read(ends.client, text, sizeof(text), 1), ==, 1);
	close_both(ends);
}

/* ------------------------------------------------------------------------------- errors */

/* P1 X1 */
TEST(no_connection, "what cannot be read or written is said, with the step")
{
	struct hark_error err = {0};
	int ends[2], fd;
	char byte;

	CHECK_SYS(pipe2(ends, O_CLOEXEC));
	net_close(ends[0]);
	net_close(ends[1]);
	CHECK_ERR(hark_read(ends[0], &byte, 1, -1, &err), -EBADF);
	CHECK_INT(err.step, ==, HARK_STEP_READ);
	CHECK_ERR(hark_write(ends[0], "x", 1, -1, &err), -EBADF);
	CHECK_INT(err.step, ==, HARK_STEP_WRITE);
	CHECK_ERR(hark_read(-1, &byte, 1, -1, NULL), -EBADF);
	CHECK_ERR(hark_write(-1, "x", 1, -1, NULL), -EBADF);
	CHECK_SYS(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK_ERR(hark_read(fd, &byte, 1, -1, NULL), -ENOTCONN);
	CHECK_ERR(hark_write(fd, "x", 1, -1, NULL), -EPIPE);
	net_close(fd);
}

static enum hark__call failing;
static int failure, failures;

static int fail_some(enum hark__call call)
{
	if (call != failing || failures == 0)
		return 0;
	failures--;
	return failure;
}

static void fail_next(enum hark__call call, int code, int times)
{
	failing = call;
	failure = code;
	failures = times;
	hark__fault = fail_some;
}

/* P1 */
TEST(interrupted, "interrupted calls are made again, and are no error")
{
	struct ends ends = tcp_ends();
	char text[8];

	fail_next(HARK__CALL_SEND, -EINTR, 5);
	CHECK_OK(hark_write(ends.server, "x", 1, PATIENCE_MS, NULL));
	CHECK_INT(failures, ==, 0);
	fail_next(HARK__CALL_SEND, -EAGAIN, 5);
	CHECK_OK(hark_write(ends.server, "y", 1, PATIENCE_MS, NULL));
	CHECK_INT(failures, ==, 0);
	CHECK_INT(net_read(ends.client, text, sizeof(text), 2), ==, 2);
	CHECK_STR(text, "xy");
	net_send(ends.client, "a");
	fail_next(HARK__CALL_RECV, -EINTR, 5);
	check_reads(ends.server, "a", PATIENCE_MS);
	CHECK_INT(failures, ==, 0);
	net_send(ends.client, "b");
	fail_next(HARK__CALL_RECV, -EAGAIN, 5);
	check_reads(ends.server, "b", PATIENCE_MS);
	CHECK_INT(failures, ==, 0);
	hark__fault = NULL;
	close_both(ends);
}

/* P1 */
TEST(no_wait, "when there is no waiting, that is an error")
{
	struct ends ends = tcp_ends();
	struct hark_error err = {0};
	char byte;
	int code = 0;

	fail_next(HARK__CALL_POLL, -ENOMEM, INT_MAX);
	CHECK_ERR(hark_read(ends.server, &byte, 1, PATIENCE_MS, &err), -ENOMEM);
	CHECK_INT(err.step, ==, HARK_STEP_WAIT);
	while (code == 0)
		code = hark_write(ends.server, bulk, sizeof(bulk), PATIENCE_MS, &err);
	CHECK_ERR(code, -ENOMEM);
	CHECK_INT(err.code, ==, -ENOMEM);
	hark__fault = NULL;
	close_both(ends);
}
