/* SPDX-License-Identifier: MIT
 *
 * The lingering close: the tail of an answer arrives though the request was not read to its
 * end, where a plain close loses it; and nobody can keep it waiting for ever.
 *
 * How the loss is made certain: the client's receive buffer is small, so most of the answer
 * is still in the server's send queue when it closes, and a reset drops that queue.
 */
#include "loopback.h"

#include "sys/sys.h"

#include <poll.h>
#include <stdatomic.h>

enum {
	PATIENCE_MS = 5000,
	REQUEST_BYTES = 1 << 20,
	HEAD_BYTES = 1024, /* what the server reads of it */
	ANSWER_BYTES = 256 * 1024,
	BUFFER_BYTES =
		212992 /* the most that everybody may ask for; the kernel doubles */
};

static char request[REQUEST_BYTES];
static char answer[ANSWER_BYTES];

/* A pattern in which a hole or a repetition shows. */
static void fill_answer(void)
{
	for (size_t i = 0; i < sizeof(answer); i++)
		answer[i] = (char)(i * 2654435761u >> 24);
}

static struct hark_listener open_roomy(void)
{
	struct hark_listen_options options = {.send_buffer_bytes = BUFFER_BYTES};

	fill_answer();
	return open_listener_with("127.0.0.1:0", &options);
}

static struct ends meet_small(const struct hark_listener *listener)
{
	struct net_addr to = where(listener);
	struct ends ends;
	int small = 4096;

	CHECK_SYS(ends.client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK_SYS(
		setsockopt(ends.client, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	CHECK_SYS(connect(ends.client, &to.sa.any, to.length));
	CHECK_OK(ends.server =
			 hark_accept_wait(listener->fd, NULL, PATIENCE_MS, 0, NULL));
	return ends;
}

/* Reads the head of the request and answers, without a look at the rest. */
static void answer_early(int fd)
{
	char head[HEAD_BYTES];

	for (size_t got = 0; got < sizeof(head);) {
		ssize_t n = hark_read(
			fd, head + got, sizeof(head) - got, PATIENCE_MS, NULL);

		CHECK_INT(n, >, 0);
		got += (size_t)n;
	}
	CHECK_OK(hark_write(fd, answer, sizeof(answer), PATIENCE_MS, NULL));
}

/* How much of the answer came, and in *end how it ended: 0 or a negative errno. */
static size_t read_answer(int client, ssize_t *end)
{
	static _Thread_local char got[ANSWER_BYTES + 1]; /* room to see the end */
	struct pollfd ready = {.fd = client, .events = POLLIN};
	size_t done = 0;

	for (;;) {
		CHECK_INT(poll(&ready, 1, PATIENCE_MS), ==, 1);
		*end = recv(client, got + done, sizeof(got) - done, 0);
		if (*end < 0)
			*end = -errno;
		if (*end <= 0)
			break;
		done += (size_t)*end;
		CHECK_INT(done, <=, ANSWER_BYTES);
	}
	CHECK_INT(memcmp(got, answer, done), ==, 0);
	return done;
}

/* ------------------------------------------------------------------------ with and without */

/* X1: what the lingering close is for */
TEST(plain_close_loses, "a plain close with unread input loses the tail of the answer")
{
	struct hark_listener listener = open_roomy();
	struct ends ends;
	size_t came;
	ssize_t end;

	for (int round = 0; round < 20; round++) {
		ends = meet_small(&listener);
		CHECK_OK(hark_write(ends.client, request, 2 * (size_t)HEAD_BYTES,
			PATIENCE_MS, NULL));
		WAIT_UNTIL(recv(ends.server, request, 2 * HEAD_BYTES,
				   MSG_PEEK | MSG_DONTWAIT) == 2 * HEAD_BYTES);
		answer_early(ends.server);
		CHECK_OK(hark_close(ends.server, NULL));
		came = read_answer(ends.client, &end);
		CHECK_INT(came, <, ANSWER_BYTES);
		CHECK_ERR(end, -ECONNRESET);
		net_close(ends.client);
	}
	close_listener(&listener);
}

/* Uploads all of its request before it reads a byte of the answer, as many clients do. */
static void *upload(void *ctx)
{
	int client = *(int *)ctx;
	size_t came;
	ssize_t end;

	CHECK_OK(hark_write(client, request, sizeof(request), 4 * PATIENCE_MS, NULL));
	came = read_answer(client, &end);
	CHECK_INT(came, ==, ANSWER_BYTES);
	CHECK_INT(end, ==, 0);
	net_close(client);
	return NULL;
}

/* X1 */
TEST(arrives_whole, "with a lingering close the whole answer arrives, in every round",
	.timeout_s = 60)
{
	struct hark_listener listener = open_roomy();
	struct ends ends;
	pthread_t client;

	for (int round = 0; round < 40; round++) {
		ends = meet_small(&listener);
		client = start(upload, &ends.client);
		answer_early(ends.server);
		CHECK_ERR(hark_close_lingering(ends.server, NULL, NULL), 0);
		CHECK(!is_open(ends.server));
		join(client);
	}
	close_listener(&listener);
}

/* X1: the very case that a plain close loses */
TEST(same_case, "and where a plain close loses it every time")
{
	struct hark_listener listener = open_roomy();
	struct ends ends;
	pthread_t client;

	for (int round = 0; round < 20; round++) {
		ends = meet_small(&listener);
		CHECK_OK(hark_write(ends.client, request, HEAD_BYTES, PATIENCE_MS,
			NULL)); /* the rest comes from the thread, while we linger */
		answer_early(ends.server);
		client = start(upload, &ends.client);
		CHECK_ERR(hark_close_lingering(ends.server, NULL, NULL), 0);
		join(client);
	}
	close_listener(&listener);
}

/* X1 */
TEST(end_first,
	"the end of the stream is sent first: the client needs not close to see it")
{
	struct ends ends = tcp_ends();
	struct hark_linger_options options = {.timeout_ms = 50};
	char text[16];

	net_send(ends.client, "unread");
	CHECK_OK(hark_write(ends.server, "answer", 6, PATIENCE_MS, NULL));
	CHECK_ERR(hark_close_lingering(ends.server, &options, NULL), -ETIMEDOUT);
	CHECK_INT(net_read_all(ends.client, text, sizeof(text)), ==, 6);
	CHECK_STR(text, "answer");
	net_close(ends.client);
}

/* X1 */
TEST(unix_socket, "the same over a Unix socket")
{
	struct hark_listener listener = open_unix();
	struct ends ends = meet(&listener);
	char text[16];

	net_send(ends.client, "unread");
	CHECK_SYS(shutdown(ends.client, SHUT_WR));
	CHECK_OK(hark_write(ends.server, "answer", 6, PATIENCE_MS, NULL));
	CHECK_ERR(hark_close_lingering(ends.server, NULL, NULL), 0);
	CHECK(!is_open(ends.server));
	CHECK_INT(net_read_all(ends.client, text, sizeof(text)), ==, 6);
	net_close(ends.client);
	close_listener(&listener);
}

/* ------------------------------------------------------------------------------- bounds */

/* A bound is a result, not an error; and the descriptor is released in any case. */
static void check_linger(
	struct ends ends, struct hark_linger_options options, int wanted)
{
	struct hark_error err;

	stamp(&err);
	CHECK_ERR(hark_close_lingering(ends.server, &options, &err), wanted);
	CHECK(is_stamped(&err));
	CHECK(!is_open(ends.server));
}

/* X1 */
TEST(timeout, "a client that stays is waited for until the time is over")
{
	struct ends ends = tcp_ends();
	long long began = now_ms();

	check_linger(ends, (struct hark_linger_options){.timeout_ms = 80}, -ETIMEDOUT);
	CHECK_INT(now_ms() - began, >=, 80);
	net_close(ends.client);
}

/* X1: else the test outlives its own limit */
TEST(idle, "a client that says nothing is waited for no longer than idle_ms")
{
	struct ends ends = tcp_ends();
	long long began = now_ms();

	check_linger(ends,
		(struct hark_linger_options){.timeout_ms = 3600000, .idle_ms = 80},
		-ETIMEDOUT);
	CHECK_INT(now_ms() - began, >=, 80);
	net_close(ends.client);
}

struct sender {
	int fd;
	int pause_ms; /* between bytes; 0: as fast as it goes, in large pieces */
	atomic_bool stop;
};

static void *send_on(void *ctx)
{
	struct sender *sender = ctx;
	size_t size = sender->pause_ms ? 1 : sizeof(request);
	ssize_t n;

	do {
		n = send(sender->fd, request, size, MSG_NOSIGNAL);
		if (sender->pause_ms)
			(void)poll(NULL, 0, sender->pause_ms);
	} while (n >= 0 && !atomic_load(&sender->stop));
	return NULL;
}

/* X1: a byte now and then keeps it from being idle, but not for ever */
TEST(trickle, "a client that trickles cannot hold it longer than timeout_ms")
{
	struct ends ends = tcp_ends();
	struct sender sender = {.fd = ends.client, .pause_ms = 5};
	pthread_t thread = start(send_on, &sender);

	check_linger(ends,
		(struct hark_linger_options){.timeout_ms = 300, .idle_ms = 60000},
		-ETIMEDOUT);
	atomic_store(&sender.stop, true);
	join(thread);
	net_close(ends.client);
}

static atomic_int pieces;

/* A slow machine: each piece takes a while, and the next is always there. */
static int read_slowly(enum hark__call call)
{
	if (call != HARK__CALL_RECV)
		return 0;
	atomic_fetch_add(&pieces, 1);
	(void)poll(NULL, 0, 20);
	return 0;
}

/* X1: poll(2) never finds nothing, so the time must be looked at for itself */
TEST(torrent, "nor can a client that never pauses")
{
	struct ends ends = tcp_ends();
	struct sender sender = {.fd = ends.client};
	pthread_t thread = start(send_on, &sender);

	hark__fault = read_slowly;
	check_linger(ends, (struct hark_linger_options){.timeout_ms = 100}, -ETIMEDOUT);
	hark__fault = NULL;
	CHECK_INT(pieces, <=, 6);
	join(thread); /* by EPIPE or ECONNRESET */
	net_close(ends.client);
}

/* X1 */
TEST(endless, "a client that never stops sending is cut off at max_bytes")
{
	struct ends ends = tcp_ends();
	struct sender sender = {.fd = ends.client};
	pthread_t thread = start(send_on, &sender);

	check_linger(
		ends, (struct hark_linger_options){.max_bytes = 4 << 20}, -EMSGSIZE);
	join(thread); /* by EPIPE or ECONNRESET */
	net_close(ends.client);
}

/* X1 */
TEST(less_than_max, "what stays below max_bytes is read to its end")
{
	struct ends ends = tcp_ends();

	CHECK_OK(hark_write(ends.client, request, 50000, PATIENCE_MS, NULL));
	net_close(ends.client);
	check_linger(ends, (struct hark_linger_options){.max_bytes = 50001}, 0);
	ends = tcp_ends();
	CHECK_OK(hark_write(ends.client, request, 50000, PATIENCE_MS, NULL));
	net_close(ends.client);
	check_linger(ends, (struct hark_linger_options){.max_bytes = 49999}, -EMSGSIZE);
}

/* X1 */
TEST(client_reset, "a client that resets ends it")
{
	struct ends ends = tcp_ends();
	struct pollfd gone = {.fd = ends.server, .events = POLLIN};

	net_reset(ends.client);
	CHECK_INT(poll(&gone, 1, PATIENCE_MS), ==, 1);
	check_linger(ends, (struct hark_linger_options){0}, -ECONNRESET);
}

/* X1 */
TEST(client_gone, "a client that has ended already is not waited for")
{
	struct ends ends = tcp_ends();

	net_close(ends.client);
	check_linger(ends, (struct hark_linger_options){0}, 0);
}

/* X1 X2 */
TEST(half_closed_before, "a connection whose writing half is closed lingers as well")
{
	struct ends ends = tcp_ends();
	char text[8];

	CHECK_OK(hark_close_write(ends.server, NULL));
	CHECK_INT(net_read_all(ends.client, text, sizeof(text)), ==, 0);
	net_send(ends.client, "late");
	net_close(ends.client);
	check_linger(ends, (struct hark_linger_options){0}, 0);
}

/* ------------------------------------------------------------------------------- errors */

static void check_option(
	struct hark_linger_options options, const char *name, int cause)
{
	struct ends ends = tcp_ends();
	struct hark_error err = {0};

	CHECK_ERR(hark_close_lingering(ends.server, &options, &err), -EINVAL);
	CHECK_INT(err.step, ==, HARK_STEP_OPTION);
	CHECK_INT(err.cause, ==, cause);
	CHECK_STR(err.option, name);
	CHECK(!is_open(ends.server));
	net_close(ends.client);
}

/* X1 */
TEST(options, "an option that makes no sense is refused; the descriptor is released")
{
	check_option((struct hark_linger_options){.timeout_ms = -1}, "timeout_ms",
		HARK_CAUSE_BAD_VALUE);
	check_option((struct hark_linger_options){.idle_ms = -1}, "idle_ms",
		HARK_CAUSE_BAD_VALUE);
	check_option((struct hark_linger_options){.reserved = {0, 1}}, "reserved",
		HARK_CAUSE_RESERVED);
}

/* X1 */
TEST(no_socket, "what is no socket cannot linger; it is released, too")
{
	struct hark_error err = {0};
	int ends[2];

	CHECK_SYS(pipe2(ends, O_CLOEXEC));
	CHECK_ERR(hark_close_lingering(ends[0], NULL, &err), -ENOTSOCK);
	CHECK_INT(err.code, ==, -ENOTSOCK);
	CHECK_INT(err.step, ==, HARK_STEP_SHUTDOWN);
	CHECK(!is_open(ends[0]));
	net_close(ends[1]);
	CHECK_ERR(hark_close_lingering(ends[0], NULL, NULL), -EBADF);
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

static void check_failing(enum hark__call call, int code, int times, int wanted)
{
	struct ends ends = tcp_ends();
	struct hark_error err = {0};

	net_send(ends.client, "unread");
	net_close(ends.client);
	failing = call;
	failure = code;
	failures = times;
	hark__fault = fail_some;
	CHECK_ERR(hark_close_lingering(ends.server, NULL, &err), wanted);
	hark__fault = NULL;
	CHECK_INT(err.code, ==, wanted);
	CHECK(!is_open(ends.server));
}

/* X1 */
TEST(failures,
	"interrupted it goes on; other errors are told; it is released in any case")
{
	check_failing(HARK__CALL_RECV, -EINTR, 3, 0);
	check_failing(HARK__CALL_RECV, -EAGAIN, 3, 0);
	check_failing(HARK__CALL_POLL, -EINTR, 3, 0);
	check_failing(HARK__CALL_RECV, -EHOSTUNREACH, 1, -EHOSTUNREACH);
	check_failing(HARK__CALL_POLL, -ENOMEM, 1, -ENOMEM);
	check_failing(HARK__CALL_SHUTDOWN, -EIO, 1, -EIO);
	check_failing(HARK__CALL_CLOSE, -EIO, 1, -EIO);
	check_failing(HARK__CALL_CLOSE, -EINTR, 1, 0);
}
