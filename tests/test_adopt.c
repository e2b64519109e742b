/* SPDX-License-Identifier: MIT
 *
 * Taking over a listening socket by its number: what is checked, what is changed, and
 * that a refusal changes nothing.  Not here: systemd's protocol (test_activation.c).
 */
#include "faults.h"
#include "foreign.h"

#include <sys/wait.h>

/* A1 L1 E1 */
TEST(takes,
	"a listening stream socket becomes the listener's, with what is known of it")
{
	int fd = foreign_listener();
	struct hark_listener listener;
	unsigned port = net_port(fd);
	struct hark_error err;
	struct ends ends;

	require_tcp_info();
	memset(&listener, 0xa5, sizeof(listener));
	stamp(&err);
	CHECK_INT(hark_listener_adopt(&listener, fd, &err), ==, 0);
	CHECK(is_stamped(&err));
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_ADOPTED);
	CHECK_INT(listener.fd, ==, fd);
	CHECK_INT(hark_addr_port(&listener.addr), ==, port);
	CHECK_INT(listener.backlog.requested, ==, -1);
	CHECK_INT(listener.backlog.effective, ==, 7);
	for (size_t i = 0; i < COUNT(listener.reserved); i++)
		CHECK_INT(listener.reserved[i], ==, 0);
	CHECK(is_close_on_exec(fd));
	CHECK(is_non_blocking(fd));
	ends = meet(&listener);
	net_close(ends.client);
	net_close(ends.server);
	close_listener(&listener);
	CHECK(!is_open(fd));
}

/* A1 X4: the flag is the open file's, not the descriptor's */
TEST(others_see_it,
	"other holders of the socket find it non-blocking, as the header says")
{
	int fd = foreign_listener(), copy = dup(fd), status;
	struct hark_listener listener;
	pid_t child;

	CHECK_SYS(copy);
	CHECK_OK(hark_listener_adopt(&listener, fd, NULL));
	CHECK(is_non_blocking(copy));
	CHECK(!is_close_on_exec(copy)); /* which is each descriptor's own */
	child = fork();
	CHECK_SYS(child);
	if (child == 0)
		_exit(is_non_blocking(copy) && accept(copy, NULL, NULL) < 0 &&
					errno == EAGAIN
				? 0
				: 1);
	CHECK_INT(waitpid(child, &status, 0), ==, child);
	CHECK_INT(status, ==, 0);
	close_listener(&listener);
	net_close(copy);
}

/* A1: who waits in the queue is of no concern */
TEST(with_clients, "clients that wait already are served")
{
	int fd = foreign_listener(), client = net_connect(net_local(fd)), served;
	struct hark_listener listener;

	net_send(client, "x");
	net_wait_queue(fd, 1);
	CHECK_OK(hark_listener_adopt(&listener, fd, NULL));
	served = hark_accept_try(listener.fd, NULL, NULL);
	CHECK_OK(served);
	net_close(served);
	net_close(client);
	close_listener(&listener);
}

/* A1 B3 */
TEST(unix_path, "a Unix path that another made is left to the other")
{
	struct hark_listener listener;
	char path[108];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/socket", temp_directory());
	fd = net_listen(net_unix(path), 3);
	CHECK_OK(hark_listener_adopt(&listener, fd, NULL));
	CHECK_INT(hark_addr_family(&listener.addr), ==, AF_UNIX);
	CHECK_INT(listener.unix_inode, ==, 0);
	CHECK_INT(listener.backlog.requested, ==, -1);
	CHECK_INT(listener.backlog.effective, ==, -1); /* Unix sockets do not tell */
	close_listener(&listener);
	CHECK_SYS(access(path, F_OK));
}

static void check_refused(int fd, int code, enum hark_cause cause)
{
	struct hark_listener listener;
	struct hark_error err;
	int flags = fcntl(fd, F_GETFL), descriptor_flags = fcntl(fd, F_GETFD);

	memset(&err, 0xa5, sizeof(err));
	memset(&listener, 0xa5, sizeof(listener));
	CHECK_ERR(hark_listener_adopt(&listener, fd, &err), code);
	CHECK_INT(err.step, ==, HARK_STEP_ADOPT);
	CHECK_INT(err.code, ==, code);
	CHECK_INT(err.cause, ==, cause);
	CHECK_STR(err.subject, text_of("fd:", fd).at);
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
	CHECK_INT(fcntl(fd, F_GETFL), ==, flags);
	CHECK_INT(fcntl(fd, F_GETFD), ==, descriptor_flags);
}

/* A1 E1 */
TEST(refuses, "what is no listening stream socket is refused, and stays as it was")
{
	int sockets[2], pipe_fds[2], fd;

	CHECK_SYS(pipe(pipe_fds));
	check_refused(pipe_fds[0], -ENOTSOCK, HARK_CAUSE_NOT_A_SOCKET);
	net_close(pipe_fds[0]);
	net_close(pipe_fds[1]);

	fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK_SYS(fd);
	check_refused(fd, -EPROTOTYPE, HARK_CAUSE_NOT_STREAM);
	net_close(fd);
	CHECK_SYS(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	check_refused(sockets[0], -EPROTOTYPE, HARK_CAUSE_NOT_STREAM);
	net_close(sockets[0]);
	net_close(sockets[1]);

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	check_refused(sockets[0], -EINVAL, HARK_CAUSE_NOT_LISTENING);
	net_close(sockets[0]);
	net_close(sockets[1]);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_SYS(fd);
	check_refused(fd, -EINVAL, HARK_CAUSE_NOT_LISTENING);
	net_close(fd);
}

/* A1 E1 */
TEST(refuses_connection, "a connection is no listener, nor is one that was shut down")
{
	int fd = foreign_listener(), client = net_connect(net_local(fd));

	check_refused(client, -EINVAL, HARK_CAUSE_NOT_LISTENING);
	net_close(client);
	CHECK_SYS(shutdown(fd, SHUT_RDWR));
	check_refused(fd, -EINVAL, HARK_CAUSE_NOT_LISTENING);
	net_close(fd);
}

/* A1 E1 */
TEST(not_open, "a number that is not open is refused")
{
	int fd = dup(STDERR_FILENO);

	CHECK_SYS(fd);
	net_close(fd);
	check_refused(fd, -EBADF, HARK_CAUSE_NONE);
	check_refused(-1, -EBADF, HARK_CAUSE_NONE);
	check_refused(INT32_MAX, -EBADF, HARK_CAUSE_NONE);
}

/* A1 E1 */
TEST(half_way,
	"a failure half-way leaves the descriptor open, the caller's, and unchanged")
{
	static const struct {
		enum hark__call call;
		int nth;
	} faults[] = {{HARK__CALL_GETSOCKOPT, 1}, {HARK__CALL_GETSOCKOPT, 2},
		{HARK__CALL_GETSOCKNAME, 1}, {HARK__CALL_GETFL, 1},
		{HARK__CALL_SETFL, 1}};
	int fd = foreign_listener();

	for (size_t i = 0; i < COUNT(faults); i++) {
		let_fail(faults[i].call, faults[i].nth, -EIO);
		check_refused(fd, -EIO, HARK_CAUSE_NONE);
		CHECK(is_untouched(fd));
	}
	net_close(fd);
}

/* A1 */
TEST(by_text, "in a set it is 'fd:' and its number")
{
	int fd = foreign_listener(), pipe_fds[2];
	struct hark_listener_set set = {0};
	struct hark_error err;

	CHECK_INT(
		hark_listener_set_add(&set, text_of("fd:", fd).at, NULL, NULL), ==, 1);
	CHECK_INT(set.count, ==, 1);
	CHECK_INT(set.listener[0].fd, ==, fd);
	CHECK_INT(set.listener[0].origin, ==, HARK_ORIGIN_ADOPTED);
	CHECK_SYS(pipe(pipe_fds));
	CHECK_ERR(
		hark_listener_set_add(&set, text_of("fd:", pipe_fds[0]).at, NULL, &err),
		-ENOTSOCK);
	CHECK_INT(err.cause, ==, HARK_CAUSE_NOT_A_SOCKET);
	CHECK_INT(set.count, ==, 1);
	net_close(pipe_fds[0]);
	net_close(pipe_fds[1]);
	CHECK_OK(hark_listener_set_close_now(&set, NULL));
	CHECK(!is_open(fd));
}
