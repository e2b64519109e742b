/* SPDX-License-Identifier: MIT
 *
 * Ending a connection, or one half of it: what the client sees, and what becomes of the
 * copies of a descriptor that dup(2) and fork(2) make.
 *
 * Not here: the lingering close (test_lingering.c).
 */
#include "loopback.h"

#include "sys/sys.h"

#include <poll.h>
#include <sys/wait.h>

enum { PATIENCE_MS = 5000 };

static void close_both(struct ends ends)
{
	net_close(ends.server);
	net_close(ends.client);
}

/* Nothing came before it: neither data nor the end of the stream. */
static void check_next_is(int fd, const char *wanted)
{
	char text[64];

	CHECK_INT(net_read(fd, text, sizeof(text), strlen(wanted)), ==, strlen(wanted));
	CHECK_STR(text, wanted);
}

static void check_end(int fd)
{
	char text[8];

	CHECK_INT(net_read(fd, text, sizeof(text), 1), ==, 0);
}

static void check_reset(int fd)
{
	char text[8];

	CHECK_ERR(net_read(fd, text, sizeof(text), 1), -ECONNRESET);
}

static void check_server_reads(int fd, const char *wanted)
{
	char text[64] = "";

	CHECK_INT(hark_read(fd, text, sizeof(text) - 1, PATIENCE_MS, NULL), ==,
		strlen(wanted));
	CHECK_STR(text, wanted);
}

/* ---------------------------------------------------------------------- this side's half */

/* X1 X2 */
TEST(close_write, "the client reads the end of the stream, and may still send")
{
	struct ends ends = tcp_ends();
	struct hark_error err = {0};

	CHECK_OK(hark_write(ends.server, "bye", 3, PATIENCE_MS, NULL));
	CHECK_ERR(hark_close_write(ends.server, &err), 0);
	check_next_is(ends.client, "bye");
	check_end(ends.client);
	net_send(ends.client, "more");
	check_server_reads(ends.server, "more");
	CHECK_ERR(hark_write(ends.server, "x", 1, PATIENCE_MS, &err), -EPIPE);
	CHECK_INT(err.step, ==, HARK_STEP_WRITE);
	CHECK(is_open(ends.server));
	close_both(ends);
}

/* X1: shutdown(2) of the reading half sends nothing, and Linux goes on receiving */
TEST(close_read, "the client is told nothing; reads find the end, and later data")
{
	struct ends ends = tcp_ends();
	char text[8];

	net_send(ends.client, "1");
	check_server_reads(ends.server, "1");
	CHECK_ERR(hark_close_read(ends.server, NULL), 0);
	CHECK_INT(hark_read(ends.server, text, 1, PATIENCE_MS, NULL), ==, 0);
	net_send(ends.client, "later");
	WAIT_UNTIL(recv(ends.server, text, 5, MSG_PEEK | MSG_DONTWAIT) == 5);
	check_server_reads(ends.server, "later");
	CHECK_OK(hark_write(ends.server, "still here", 10, PATIENCE_MS, NULL));
	check_next_is(ends.client, "still here");
	CHECK(is_open(ends.server));
	close_both(ends);
}

/* X1: what had arrived is not lost by it */
TEST(close_read_late, "what came before the reading half was closed can be read after")
{
	struct ends ends = tcp_ends();
	char text[8];

	net_send(ends.client, "early");
	WAIT_UNTIL(recv(ends.server, text, 5, MSG_PEEK | MSG_DONTWAIT) == 5);
	CHECK_ERR(hark_close_read(ends.server, NULL), 0);
	check_server_reads(ends.server, "early");
	CHECK_INT(hark_read(ends.server, text, 1, PATIENCE_MS, NULL), ==, 0);
	close_both(ends);
}

/* X1 X2 */
TEST(shutdown,
	"both halves: the client reads the end, writing is EPIPE, reading the end")
{
	struct ends ends = tcp_ends();
	char text[8];

	CHECK_ERR(hark_shutdown(ends.server, NULL), 0);
	check_end(ends.client);
	CHECK_INT(hark_read(ends.server, text, 1, PATIENCE_MS, NULL), ==, 0);
	CHECK_ERR(hark_write(ends.server, "x", 1, PATIENCE_MS, NULL), -EPIPE);
	CHECK(is_open(ends.server));
	close_both(ends);
}

static void check_all_three(int fd)
{
	struct hark_error err;

	stamp(&err);
	for (int i = 0; i < 2; i++) {
		CHECK_ERR(hark_close_write(fd, &err), 0);
		CHECK_ERR(hark_close_read(fd, &err), 0);
		CHECK_ERR(hark_shutdown(fd, &err), 0);
	}
	CHECK(is_stamped(&err));
	CHECK(is_open(fd));
}

/* X2 */
TEST(twice, "half-closing twice, in any order, is no error")
{
	struct ends ends = tcp_ends();

	check_all_three(ends.server);
	check_end(ends.client);
	close_both(ends);
}

/* X2: shutdown(2) says ENOTCONN then */
TEST(peer_gone, "nor is half-closing when the peer has gone")
{
	struct ends ends = tcp_ends();
	struct pollfd gone = {.fd = ends.server, .events = POLLIN};

	net_close(ends.client);
	check_all_three(ends.server);
	net_close(ends.server);
	ends = tcp_ends();
	gone.fd = ends.server;
	net_reset(ends.client);
	CHECK_INT(poll(&gone, 1, PATIENCE_MS), ==, 1);
	CHECK(gone.revents & POLLHUP);
	check_all_three(ends.server);
	net_close(ends.server);
}

/* X2: the test would end by the signal, were there one */
TEST(no_sigpipe, "writing to a peer that has gone is an error, and never SIGPIPE")
{
	struct ends ends = tcp_ends();
	struct hark_error err = {0};
	char text[8];
	int code;

	net_reset(ends.client);
	CHECK_ERR(hark_read(ends.server, text, 1, PATIENCE_MS, &err), -ECONNRESET);
	for (int i = 0; i < 3; i++) {
		code = hark_write(ends.server, "x", 1, PATIENCE_MS, &err);
		CHECK_ERR(code, -EPIPE);
		CHECK_INT(err.code, ==, -EPIPE);
	}
	net_close(ends.server);
}

/* X1: to a reset that nobody read yet, send(2) says ECONNRESET once */
TEST(write_finds_reset,
	"the first write after a reset may be told of it, the next is EPIPE")
{
	struct ends ends = tcp_ends();
	struct pollfd gone = {.fd = ends.server, .events = POLLIN};

	net_reset(ends.client);
	CHECK_INT(poll(&gone, 1, PATIENCE_MS), ==, 1);
	CHECK_ERR(hark_write(ends.server, "x", 1, PATIENCE_MS, NULL), -ECONNRESET);
	CHECK_ERR(hark_write(ends.server, "x", 1, PATIENCE_MS, NULL), -EPIPE);
	net_close(ends.server);
}

/* X1 X2 */
TEST(unix_ends, "the same over a Unix socket")
{
	struct hark_listener listener = open_unix();
	struct ends ends = meet(&listener);

	CHECK_ERR(hark_close_write(ends.server, NULL), 0);
	check_end(ends.client);
	net_send(ends.client, "more");
	check_server_reads(ends.server, "more");
	CHECK_ERR(hark_write(ends.server, "x", 1, PATIENCE_MS, NULL), -EPIPE);
	net_close(ends.client);
	check_all_three(ends.server);
	net_close(ends.server);
	close_listener(&listener);
}

/* X1 */
TEST(no_socket, "what is no open socket is an error that names the step")
{
	struct hark_error err = {0};
	int pipes[2];

	CHECK_SYS(pipe2(pipes, O_CLOEXEC));
	CHECK_ERR(hark_close_write(pipes[0], &err), -ENOTSOCK);
	CHECK_INT(err.code, ==, -ENOTSOCK);
	CHECK_INT(err.step, ==, HARK_STEP_SHUTDOWN);
	net_close(pipes[0]);
	net_close(pipes[1]);
	CHECK_ERR(hark_close_read(pipes[0], &err), -EBADF);
	CHECK_ERR(hark_shutdown(pipes[0], NULL), -EBADF);
	err = (struct hark_error){0};
	CHECK_ERR(hark_close(pipes[0], &err), -EBADF);
	CHECK_INT(err.step, ==, HARK_STEP_CLOSE);
	CHECK_ERR(hark_close_reset(pipes[0], &err), -EBADF);
}

/* -------------------------------------------------------------------------------- close */

/* X1 */
TEST(close, "close ends both halves, and releases the descriptor")
{
	struct ends ends = tcp_ends();

	CHECK_OK(hark_write(ends.server, "bye", 3, PATIENCE_MS, NULL));
	CHECK_ERR(hark_close(ends.server, NULL), 0);
	CHECK(!is_open(ends.server));
	check_next_is(ends.client, "bye");
	check_end(ends.client);
	net_close(ends.client);
}

/* X1 */
TEST(reset, "a reset is told at once, and releases the descriptor")
{
	struct ends ends = tcp_ends();

	CHECK_ERR(hark_close_reset(ends.server, NULL), 0);
	CHECK(!is_open(ends.server));
	check_reset(ends.client);
	net_close(ends.client);
}

/* X1: the kernel resets on its own when something was not read */
TEST(unread, "closing with unread input is a reset for the client")
{
	struct ends ends = tcp_ends();
	char text[8];

	net_send(ends.client, "ignored");
	WAIT_UNTIL(recv(ends.server, text, 7, MSG_PEEK | MSG_DONTWAIT) == 7);
	CHECK_ERR(hark_close(ends.server, NULL), 0);
	check_reset(ends.client);
	net_close(ends.client);
}

static int fail_close(enum hark__call call)
{
	return call == HARK__CALL_CLOSE ? -EINTR : 0;
}

static int fail_close_badly(enum hark__call call)
{
	return call == HARK__CALL_CLOSE ? -EIO : 0;
}

/* X1: Linux has released it by then; to close again would hit another's */
TEST(interrupted,
	"an interrupted close is done; another error is told, and it is done, too")
{
	struct ends ends = tcp_ends(), more = tcp_ends();
	struct hark_error err;

	stamp(&err);
	hark__fault = fail_close;
	CHECK_ERR(hark_close(ends.server, &err), 0);
	CHECK(is_stamped(&err));
	CHECK(!is_open(ends.server));
	CHECK_ERR(hark_close_reset(ends.client, &err), 0);
	CHECK(!is_open(ends.client));
	hark__fault = fail_close_badly;
	CHECK_ERR(hark_close(more.server, &err), -EIO);
	CHECK_INT(err.code, ==, -EIO);
	CHECK_INT(err.step, ==, HARK_STEP_CLOSE);
	CHECK(!is_open(more.server));
	CHECK_ERR(hark_close_reset(more.client, &err), -EIO);
	CHECK(!is_open(more.client));
}

static int fail_option(enum hark__call call)
{
	return call == HARK__CALL_SETSOCKOPT ? -ENOBUFS : 0;
}

/* X1 */
TEST(reset_refused,
	"a reset that the kernel refuses releases the descriptor all the same")
{
	struct ends ends = tcp_ends();
	struct hark_error err = {0};

	hark__fault = fail_option;
	CHECK_ERR(hark_close_reset(ends.server, &err), -ENOBUFS);
	hark__fault = NULL;
	CHECK_INT(err.step, ==, HARK_STEP_OPTION);
	CHECK_STR(err.option, "linger");
	CHECK(!is_open(ends.server));
	check_end(ends.client);
	net_close(ends.client);
}

/* ----------------------------------------------------------------------- copies by dup(2) */

static int copy_of(int fd)
{
	int copy;

	CHECK_SYS(copy = fcntl(fd, F_DUPFD_CLOEXEC, 3));
	return copy;
}

/* X2 */
TEST(dup_shutdown, "half-closing one copy half-closes all, and releases none")
{
	struct ends ends = tcp_ends();
	int copy = copy_of(ends.server);

	CHECK_ERR(hark_close_write(copy, NULL), 0);
	check_end(ends.client);
	CHECK_ERR(hark_write(ends.server, "x", 1, PATIENCE_MS, NULL), -EPIPE);
	CHECK_ERR(hark_write(copy, "x", 1, PATIENCE_MS, NULL), -EPIPE);
	net_send(ends.client, "more");
	check_server_reads(ends.server, "more");
	net_close(copy);
	close_both(ends);
}

/* X2: shutdown(2), and not close(2), is what makes sure that the client sees the end */
TEST(dup_shutdown_both,
	"shutting down one copy ends the connection though the other is open")
{
	struct ends ends = tcp_ends();
	int copy = copy_of(ends.server);
	char text[8];

	CHECK_ERR(hark_shutdown(copy, NULL), 0);
	net_close(copy);
	check_end(ends.client);
	CHECK_INT(hark_read(ends.server, text, 1, PATIENCE_MS, NULL), ==, 0);
	close_both(ends);
}

/* X2 */
TEST(dup_close, "closing one copy sends nothing; the end goes out with the last")
{
	struct ends ends = tcp_ends();
	int copy = copy_of(ends.server);

	CHECK_ERR(hark_close(ends.server, NULL), 0);
	CHECK(!is_open(ends.server));
	CHECK_OK(hark_write(copy, "still here", 10, PATIENCE_MS, NULL));
	check_next_is(ends.client, "still here");
	net_send(ends.client, "so am I");
	check_server_reads(copy, "so am I");
	CHECK_ERR(hark_close(copy, NULL), 0);
	check_end(ends.client);
	net_close(ends.client);
}

/* X1 X2 */
TEST(dup_reset, "a reset goes out with the last copy, whoever asked for it")
{
	struct ends ends = tcp_ends();
	int copy = copy_of(ends.server);

	CHECK_ERR(hark_close_reset(ends.server, NULL), 0);
	CHECK(!is_open(ends.server));
	CHECK_OK(hark_write(copy, "still here", 10, PATIENCE_MS, NULL));
	check_next_is(ends.client, "still here");
	net_send(ends.client, "so am I");
	check_server_reads(copy, "so am I");
	CHECK_ERR(hark_close(copy, NULL), 0);
	check_reset(ends.client);
	net_close(ends.client);
}

/* ---------------------------------------------------------------------- copies by fork(2) */

/* A child that holds a copy, does `act` to it, and then waits to be let go. */
struct child {
	pid_t pid;
	int let_go;
};

static struct child fork_holder(struct ends ends, int (*act)(int, struct hark_error *))
{
	struct child child;
	int done[2], go[2];
	char byte;

	CHECK_SYS(pipe2(done, O_CLOEXEC));
	CHECK_SYS(pipe2(go, O_CLOEXEC));
	CHECK_SYS(child.pid = fork());
	if (child.pid == 0) {
		net_close(ends.client);
		net_close(go[1]);
		if (act)
			CHECK_ERR(act(ends.server, NULL), 0);
		CHECK_SYS(write(done[1], "x", 1));
		(void)!read(go[0], &byte, 1); /* ends when the parent closes */
		_exit(0);
	}
	net_close(done[1]);
	net_close(go[0]);
	CHECK_INT(read(done[0], &byte, 1), ==, 1);
	net_close(done[0]);
	child.let_go = go[1];
	return child;
}

static void let_go(struct child child)
{
	int status;

	net_close(child.let_go);
	CHECK_SYS(waitpid(child.pid, &status, 0));
	CHECK_INT(status, ==, 0);
}

/* X2 */
TEST(fork_shutdown, "half-closing in a child half-closes the parent's copy")
{
	struct ends ends = tcp_ends();
	struct child child = fork_holder(ends, hark_close_write);

	check_end(ends.client);
	CHECK_ERR(hark_write(ends.server, "x", 1, PATIENCE_MS, NULL), -EPIPE);
	net_send(ends.client, "more");
	check_server_reads(ends.server, "more");
	let_go(child);
	close_both(ends);
}

/* X2 */
TEST(fork_shutdown_parent, "and half-closing in the parent half-closes the child's")
{
	struct ends ends = tcp_ends();
	struct child child = fork_holder(ends, NULL);

	CHECK_ERR(hark_shutdown(ends.server, NULL), 0);
	check_end(ends.client);
	let_go(child);
	close_both(ends);
}

/* X2 */
TEST(fork_close, "closing in a child leaves the parent's copy as it was")
{
	struct ends ends = tcp_ends();
	struct child child = fork_holder(ends, hark_close);

	CHECK_OK(hark_write(ends.server, "still here", 10, PATIENCE_MS, NULL));
	check_next_is(ends.client, "still here");
	net_send(ends.client, "so am I");
	check_server_reads(ends.server, "so am I");
	CHECK_ERR(hark_close(ends.server, NULL), 0);
	check_end(ends.client);
	let_go(child);
	net_close(ends.client);
}

/* X2: the classic mistake of servers that fork */
TEST(fork_keeps, "the end goes out when the child that keeps a copy ends")
{
	struct ends ends = tcp_ends();
	struct child child = fork_holder(ends, NULL);
	struct pollfd client = {.fd = ends.client, .events = POLLIN};

	CHECK_ERR(hark_close(ends.server, NULL), 0);
	CHECK_INT(poll(&client, 1, 50), ==, 0);
	net_send(ends.client, "is anybody there?"); /* no reset: the socket lives */
	CHECK_INT(poll(&client, 1, 50), ==, 0);
	let_go(child);
	check_reset(ends.client); /* for what the child did not read */
	net_close(ends.client);
	ends = tcp_ends();
	child = fork_holder(ends, NULL);
	CHECK_ERR(hark_close(ends.server, NULL), 0);
	let_go(child);
	check_end(ends.client);
	net_close(ends.client);
}

/* X1 X2 */
TEST(fork_reset, "a reset that a child asked for goes out with the parent's copy")
{
	struct ends ends = tcp_ends();
	struct child child = fork_holder(ends, hark_close_reset);

	let_go(child);
	CHECK_OK(hark_write(ends.server, "still here", 10, PATIENCE_MS, NULL));
	check_next_is(ends.client, "still here");
	CHECK_ERR(hark_close(ends.server, NULL), 0);
	check_reset(ends.client);
	net_close(ends.client);
}
