/* SPDX-License-Identifier: MIT
 *
 * The accept queue, seen: how many wait, how many may, how many were dropped, and how
 * long one has waited.  Not here: resizing it (test_listen.c).
 */
#include "faults.h"
#include "harness.h"
#include "ipv6.h"
#include "loopback.h"
#include "sandbox.h"

#include <netinet/tcp.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Time stamps of TCP count ticks of the kernel's timer: 1 to 10 ms each. */
enum { WAITING = 5, WAIT_MS = 300, TICKS_MS = 20 };

static struct hark_listener open_with_backlog(const char *text, int backlog)
{
	struct hark_listen_options options = {.backlog = backlog};

	require_tcp_info();
	return open_listener_with(text, &options);
}

static struct hark_queue queue_of(const struct hark_listener *listener)
{
	struct hark_queue queue;
	struct hark_error err;

	memset(&queue, 0xa5, sizeof(queue));
	stamp(&err);
	CHECK_INT(hark_queue_read(listener->fd, &queue, sizeof(queue), &err), ==, 0);
	CHECK(is_stamped(&err));
	return queue;
}

/* ----------------------------------------------------------------------- its length */

static void check_counts(const char *text)
{
	struct hark_listener listener = open_with_backlog(text, 8);
	int clients[WAITING];

	CHECK_INT(queue_of(&listener).length, ==, 0);
	CHECK_INT(queue_of(&listener).backlog, ==, 8);
	CHECK_INT(queue_of(&listener).drops, ==, 0);
	for (int i = 0; i < WAITING; i++) {
		clients[i] = dial(&listener);
		WAIT_UNTIL(queue_of(&listener).length == (uint32_t)i + 1);
	}
	for (int i = 0; i < WAITING; i++) {
		int fd = hark_accept_try(listener.fd, NULL, NULL);

		CHECK_OK(fd);
		CHECK_INT(queue_of(&listener).length, ==, WAITING - 1 - i);
		net_close(fd);
		net_close(clients[i]);
	}
	CHECK_INT(queue_of(&listener).backlog, ==, 8);
	CHECK_INT(queue_of(&listener).drops, ==, 0);
	close_listener(&listener);
}

/* Q1 */
TEST(length, "as many as wait, one by one, in and out")
{
	check_counts("127.0.0.1:0");
	if (has_ipv6())
		check_counts("[::1]:0");
}

/* Q1: they take room until they are accepted */
TEST(dead_ones, "clients that have gone count as long as they are not accepted")
{
	struct hark_listener listener = open_with_backlog("127.0.0.1:0", 8);
	int reset = dial(&listener), ended = dial(&listener);

	WAIT_UNTIL(queue_of(&listener).length == 2);
	net_reset(reset);
	net_close(ended);
	CHECK_INT(queue_of(&listener).length, ==, 2);
	for (int i = 0; i < 2; i++)
		net_close(hark_accept_try(listener.fd, NULL, NULL));
	CHECK_INT(queue_of(&listener).length, ==, 0);
	close_listener(&listener);
}

/* Q1 L2 */
TEST(backlog, "the backlog is what the kernel took, also when it is resized")
{
	struct hark_listener listener = open_with_backlog("127.0.0.1:0", 0);

	CHECK_INT(queue_of(&listener).backlog, ==, read_sysctl("net.core.somaxconn"));
	CHECK_OK(hark_listen(listener.fd, 3, NULL, NULL));
	CHECK_INT(queue_of(&listener).backlog, ==, 3);
	close_listener(&listener);
}

/*
 * Q1: backlog + 1 may wait; the SYN of one more is dropped in silence (KERNEL: tcp_v4)
 */
TEST(drops, "who found it full is counted, and comes in when there is room")
{
	struct hark_listener listener = open_with_backlog("127.0.0.1:0", 1);
	int inside[2] = {dial(&listener), dial(&listener)}, outside, fd;

	WAIT_UNTIL(queue_of(&listener).length == 2);
	CHECK_INT(queue_of(&listener).drops, ==, 0);
	outside = net_begin_connect(where(&listener));
	WAIT_UNTIL(queue_of(&listener).drops > 0);
	CHECK_INT(queue_of(&listener).length, ==, 2);
	for (int i = 0; i < 2; i++) {
		net_close(hark_accept_try(listener.fd, NULL, NULL));
		net_close(inside[i]);
	}
	fd = hark_accept_wait(listener.fd, NULL, left_ms(deadline_ms(5000)), 0, NULL);
	CHECK_OK(fd);
	CHECK_INT(queue_of(&listener).drops, >, 0); /* since creation */
	net_close(fd);
	net_close(outside);
	close_listener(&listener);
}

/* ------------------------------------------------------------------ how it is asked */

/* Q1: an older program has a shorter struct, a newer one a longer */
TEST(sizes, "no more is written than the caller has room for, and the rest is zero")
{
	struct hark_listener listener = open_with_backlog("127.0.0.1:0", 6);
	struct {
		struct hark_queue queue;
		unsigned char more[16];
	} longer;
	uint32_t shorter[2] = {77, 88};

	CHECK_OK(hark_queue_read(
		listener.fd, (struct hark_queue *)(void *)shorter, 4, NULL));
	CHECK_INT(shorter[0], ==, 0);
	CHECK_INT(shorter[1], ==, 88);
	memset(&longer, 0xa5, sizeof(longer));
	CHECK_OK(hark_queue_read(listener.fd, &longer.queue, sizeof(longer), NULL));
	CHECK_INT(longer.queue.backlog, ==, 6);
	for (size_t i = 0; i < sizeof(longer.more); i++)
		CHECK_INT(longer.more[i], ==, 0);
	close_listener(&listener);
}

static void check_refused(int fd, int code, enum hark_cause cause)
{
	struct hark_queue queue = {7, 8, 9};
	struct hark_error err;

	memset(&err, 0xa5, sizeof(err));
	CHECK_ERR(hark_queue_read(fd, &queue, sizeof(queue), &err), code);
	CHECK_INT(err.step, ==, HARK_STEP_INSPECT);
	CHECK_INT(err.code, ==, code);
	CHECK_INT(err.cause, ==, cause);
	CHECK_INT(queue.length + queue.backlog + queue.drops, ==, 24);
}

/* Q1 E1 */
TEST(no_queue, "what has no such queue says so, and the report is left alone")
{
	struct hark_listener listener = open_unix();
	struct ends ends = tcp_ends();
	int pipe_fds[2], fd = hark_socket(AF_INET, NULL, NULL);

	require_tcp_info();
	check_refused(listener.fd, -EOPNOTSUPP, HARK_CAUSE_NONE);
	close_listener(&listener);
	check_refused(ends.server, -EINVAL, HARK_CAUSE_NOT_LISTENING);
	check_refused(ends.client, -EINVAL, HARK_CAUSE_NOT_LISTENING);
	net_close(ends.server);
	net_close(ends.client);
	check_refused(fd, -EINVAL, HARK_CAUSE_NOT_LISTENING);
	net_close(fd);
	CHECK_SYS(pipe(pipe_fds));
	check_refused(pipe_fds[0], -ENOTSOCK, HARK_CAUSE_NONE);
	net_close(pipe_fds[0]);
	net_close(pipe_fds[1]);
	check_refused(pipe_fds[0], -EBADF, HARK_CAUSE_NONE);
}

/* Q1 E1 */
TEST(asked_in_vain, "a kernel that will not say is told as it is")
{
	struct hark_listener listener = open_tcp();

	require_tcp_info();
	let_fail(HARK__CALL_GETSOCKOPT, 1, -EPERM);
	check_refused(listener.fd, -EPERM, HARK_CAUSE_NONE);
	let_fail(HARK__CALL_GETSOCKOPT, 2, -ENOPROTOOPT); /* SO_MEMINFO: Linux 4.12 */
	check_refused(listener.fd, -ENOPROTOOPT, HARK_CAUSE_NONE);
	close_listener(&listener);
}

/* Q1 L1: zeros are not the truth */
TEST(cut_short, "where the kernel's answer is cut short, nothing is made up")
{
	struct hark_listener listener = open_tcp();
	struct hark_queue queue;
	struct tcp_info info;
	socklen_t length = sizeof(info);

	CHECK_SYS(getsockopt(listener.fd, IPPROTO_TCP, TCP_INFO, &info, &length));
	REQUIRE(length < offsetof(struct tcp_info, tcpi_last_ack_sent),
		"TCP_INFO is whole here: no emulator");
	CHECK_ERR(
		hark_queue_read(listener.fd, &queue, sizeof(queue), NULL), -EOPNOTSUPP);
	CHECK_ERR(hark_queue_wait_ms(listener.fd, NULL), -EOPNOTSUPP);
	CHECK_INT(listener.backlog.effective, ==, listener.backlog.ceiling);
	close_listener(&listener);
}

/* -------------------------------------------------------------- how long one waited */

/* One client that has waited for at least that long, and its time by our own clock. */
struct waiter {
	struct ends ends;
	long long began;
};

static struct waiter keep_waiting(const struct hark_listener *listener, int ms)
{
	struct waiter waiter = {.began = now_ms()};
	long long in_queue;

	waiter.ends.client = dial(listener);
	net_wait_queue(listener->fd, 1);
	in_queue = now_ms();
	WAIT_UNTIL(now_ms() - in_queue >= ms);
	waiter.ends.server = hark_accept_try(listener->fd, NULL, NULL);
	CHECK_OK(waiter.ends.server);
	return waiter;
}

static void close_ends(const struct ends *ends)
{
	net_close(ends->client);
	net_close(ends->server);
}

static void check_waited(const char *text)
{
	struct hark_listener listener = open_listener(text);
	struct waiter waiter = keep_waiting(&listener, WAIT_MS);
	struct hark_error err;
	int waited;

	stamp(&err);
	waited = hark_queue_wait_ms(waiter.ends.server, &err);
	CHECK(is_stamped(&err));
	CHECK_INT(waited, >=, WAIT_MS - TICKS_MS);
	CHECK_INT(waited, <=, now_ms() - waiter.began + TICKS_MS);
	close_ends(&waiter.ends);
	close_listener(&listener);
}

/* P6 Q1 */
TEST(waited, "a client that waited is known to have waited, and for how long")
{
	check_waited("127.0.0.1:0");
	if (has_ipv6())
		check_waited("[::1]:0");
}

/* P6 */
TEST(not_waited, "and one that was accepted at once, that it did not")
{
	struct hark_listener listener = open_tcp();
	struct waiter waiter = keep_waiting(&listener, 0);
	int waited = hark_queue_wait_ms(waiter.ends.server, NULL);

	CHECK_INT(waited, >=, 0);
	CHECK_INT(waited, <=, now_ms() - waiter.began + TICKS_MS);
	close_ends(&waiter.ends);
	close_listener(&listener);
}

/* P6: what the client sends has no part in it, what we send resets it */
TEST(before_the_first_write, "it is the time until the first write, not the first read")
{
	struct hark_listener listener = open_tcp();
	struct waiter waiter = keep_waiting(&listener, WAIT_MS);
	char text[8];
	long long written;

	net_send(waiter.ends.client, "x");
	CHECK_INT(net_read(waiter.ends.server, text, sizeof(text), 1), ==, 1);
	CHECK_INT(hark_queue_wait_ms(waiter.ends.server, NULL), >=, WAIT_MS - TICKS_MS);
	written = now_ms();
	CHECK_OK(hark_write(waiter.ends.server, "y", 1, 1000, NULL));
	CHECK_INT(hark_queue_wait_ms(waiter.ends.server, NULL), <=,
		now_ms() - written + TICKS_MS);
	close_ends(&waiter.ends);
	close_listener(&listener);
}

/* P6: who has gone may be asked about all the same */
TEST(gone, "it is known of a client that has gone meanwhile")
{
	struct hark_listener listener = open_tcp();
	struct waiter waiter = keep_waiting(&listener, WAIT_MS);

	net_close(waiter.ends.client);
	CHECK_INT(hark_queue_wait_ms(waiter.ends.server, NULL), >=, WAIT_MS - TICKS_MS);
	net_close(waiter.ends.server);
	close_listener(&listener);
}

/* P6 E1 */
TEST(unknown, "of Unix sockets it is unknown, and of what is no socket")
{
	struct hark_listener listener = open_unix();
	struct ends ends = meet(&listener);
	struct hark_error err;
	int pipe_fds[2];

	memset(&err, 0xa5, sizeof(err));
	CHECK_ERR(hark_queue_wait_ms(ends.server, &err), -EOPNOTSUPP);
	CHECK_INT(err.step, ==, HARK_STEP_INSPECT);
	CHECK_INT(err.code, ==, -EOPNOTSUPP);
	close_ends(&ends);
	close_listener(&listener);
	CHECK_SYS(pipe(pipe_fds));
	CHECK_ERR(hark_queue_wait_ms(pipe_fds[0], NULL), -ENOTSOCK);
	net_close(pipe_fds[0]);
	net_close(pipe_fds[1]);
	CHECK_ERR(hark_queue_wait_ms(pipe_fds[0], NULL), -EBADF);
}

/*
 * P6: many servers listen on all addresses, and one may want to know which was called
 */
TEST(local_address, "the address that the client called is known")
{
	static const char *const called[] = {"127.0.0.1", "127.0.0.2", "127.1.2.3"};
	struct hark_listener listener = open_listener("0.0.0.0:0");
	struct hark_error err;

	for (size_t i = 0; i < COUNT(called); i++) {
		struct ends ends = {.client = net_connect(
					    net_ip(called[i], net_port(listener.fd)))};
		char host[HARK_ADDR_TEXT_MAX];
		struct hark_addr local;

		ends.server = hark_accept_wait(
			listener.fd, NULL, left_ms(deadline_ms(5000)), 0, NULL);
		CHECK_OK(ends.server);
		stamp(&err);
		CHECK_OK(hark_local_addr(ends.server, &local, &err));
		CHECK(is_stamped(&err));
		(void)hark_addr_host_text(&local, host, sizeof(host));
		CHECK_STR(host, called[i]);
		CHECK_INT(hark_addr_port(&local), ==, net_port(listener.fd));
		close_ends(&ends);
	}
	close_listener(&listener);
	CHECK_ERR(hark_local_addr(-1, &(struct hark_addr){0}, &err), -EBADF);
	CHECK_INT(err.step, ==, HARK_STEP_INSPECT);
}
