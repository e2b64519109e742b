/* SPDX-License-Identifier: MIT
 *
 * Listeners that are passed over a Unix socket: that they serve, what else may come instead,
 * and that nothing of it stays open.
 */
#include "foreign.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { WAIT_MS = 5000 };

static int way[2];

static void open_way(int type)
{
	CHECK_SYS(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, way));
}

static void close_way(void)
{
	net_close(way[0]);
	net_close(way[1]);
}

static struct hark_listener own_listener(void)
{
	struct hark_listener listener;
	struct hark_addr addr;

	CHECK_OK(hark_addr_parse(&addr, "127.0.0.1:0", NULL));
	CHECK_OK(hark_listener_open(&listener, &addr, NULL, NULL));
	return listener;
}

static void send_own(const char *name)
{
	struct hark_listener listener = own_listener();

	CHECK_OK(hark_listener_send(way[0], &listener, name, WAIT_MS, NULL));
	CHECK(is_open(listener.fd));
	close_listener(&listener);
}

static void check_serves(struct hark_listener *listener)
{
	struct ends ends = meet(listener);

	net_close(ends.client);
	net_close(ends.server);
	close_listener(listener);
}

/* D3 */
TEST(passes, "one that was passed serves, is ours, and has its name")
{
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};

	for (size_t i = 0; i < COUNT(types); i++) {
		struct hark_listener listener;
		struct hark_error err;
		char name[256];

		stamp(&err);
		open_way(types[i]);
		send_own("localhost:4481");
		CHECK_INT(hark_listener_receive(
				  way[1], &listener, name, sizeof(name), WAIT_MS, &err),
			==, 1);
		CHECK(is_stamped(&err));
		CHECK_STR(name, "localhost:4481");
		CHECK_INT(listener.origin, ==, HARK_ORIGIN_ADOPTED);
		CHECK_INT(listener.fd, >, STDERR_FILENO);
		CHECK(is_close_on_exec(listener.fd));
		CHECK(is_non_blocking(listener.fd));
		check_serves(&listener);
		close_way();
	}
}

/* D3: a stream has no bounds of messages, but for descriptors */
TEST(several, "several in a row come one by one, each with its name")
{
	static const char *const names[] = {"one", "", "three", "unix:/run/\xc3\xbc"};
	struct hark_listener listener;
	char name[256];

	open_way(SOCK_STREAM);
	for (size_t i = 0; i < COUNT(names); i++)
		send_own(names[i]);
	for (size_t i = 0; i < COUNT(names); i++) {
		CHECK_INT(hark_listener_receive(
				  way[1], &listener, name, sizeof(name), WAIT_MS, NULL),
			==, 1);
		CHECK_STR(name, names[i]);
		check_serves(&listener);
	}
	close_way();
}

/* D3: to another process, who serves when the first has gone */
TEST(other_process, "another process serves with it, and nobody is lost in between")
{
	struct hark_listener listener = own_listener();
	struct net_addr at = net_local(listener.fd);
	int status, client;
	pid_t child;

	open_way(SOCK_STREAM);
	CHECK_SYS(child = fork());
	if (child == 0) {
		struct hark_listener passed;
		int served;

		close_listener(&listener); /* a copy by fork */
		if (hark_listener_receive(way[1], &passed, NULL, 0, WAIT_MS, NULL) != 1)
			_exit(1);
		served = hark_accept_wait(passed.fd, NULL, WAIT_MS, 0, NULL);
		_exit(served < 0 || hark_write(served, "ohai", 4, WAIT_MS, NULL) < 0);
	}
	client = net_connect(at); /* in the queue */
	CHECK_OK(hark_listener_send(way[0], &listener, "x", WAIT_MS, NULL));
	close_listener(&listener);
	CHECK_INT(waitpid(child, &status, 0), ==, child);
	CHECK_INT(status, ==, 0);
	net_close(client);
	close_way();
}

/* D3 */
TEST(nothing_comes, "the end, and nothing in time, are results")
{
	struct hark_listener listener;
	struct hark_error err;

	stamp(&err);
	open_way(SOCK_STREAM);
	CHECK_INT(hark_listener_receive(way[1], &listener, NULL, 0, 1, &err), ==,
		-ETIMEDOUT);
	net_close(way[0]);
	CHECK_INT(hark_listener_receive(way[1], &listener, NULL, 0, WAIT_MS, &err), ==,
		0);
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
	CHECK(is_stamped(&err));
	net_close(way[1]);
}

/* D3: nobody reads */
TEST(full, "sending waits as long as it was told")
{
	struct hark_listener listener = own_listener();
	struct hark_error err;
	int sent;

	stamp(&err);
	open_way(SOCK_SEQPACKET);
	do
		sent = hark_listener_send(way[0], &listener, "x", 1, &err);
	while (sent == 0);
	if (sent == -ETOOMANYREFS) /* of descriptors on their way, before it is full */
		NOTE("this user may not have so many on their way");
	else
		CHECK_INT(sent, ==, -ETIMEDOUT);
	CHECK_INT(is_stamped(&err), ==, sent == -ETIMEDOUT);
	close_way();
	close_listener(&listener);
}

/* As anybody could: that data, and these descriptors. */
static void send_raw(const char *data, size_t length, const int *fds, size_t count)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(253 * sizeof(int))];
	} control;
	struct iovec iov = {(char *)(uintptr_t)data, length};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	memset(&control, 0, sizeof(control));
	if (count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	}
	CHECK_INT(sendmsg(way[0], &message, MSG_NOSIGNAL), ==, (long long)length);
}

/* That nothing of it stays open, the harness sees. */
static void check_refused(int code, enum hark_cause cause, long long limit)
{
	struct hark_listener listener;
	struct hark_error err = {0};
	char name[16];

	memset(&listener, 0xa5, sizeof(listener));
	CHECK_ERR(hark_listener_receive(
			  way[1], &listener, name, sizeof(name), WAIT_MS, &err),
		code);
	CHECK_INT(err.step, ==, HARK_STEP_ADOPT);
	CHECK_INT(err.cause, ==, cause);
	CHECK_INT(err.limit, ==, limit);
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
}

/* A1 D3 E1 */
TEST(refused, "what is not one listening socket is refused, and all of it closed")
{
	int fds[200], listener = foreign_listener(); /* musl sends no 253 */
	int datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (size_t i = 0; i < COUNT(fds); i++)
		fds[i] = listener;
	open_way(SOCK_SEQPACKET);
	send_raw("x", 1, NULL, 0);
	check_refused(-EBADMSG, HARK_CAUSE_NOT_ONE_SOCKET, 0);
	send_raw("x", 1, fds, 2);
	check_refused(-EBADMSG, HARK_CAUSE_NOT_ONE_SOCKET, 2);
	send_raw("x", 1, fds, COUNT(fds));
	check_refused(-EBADMSG, HARK_CAUSE_NOT_ONE_SOCKET, COUNT(fds));
	send_raw("x", 1, &datagram, 1);
	check_refused(-EPROTOTYPE, HARK_CAUSE_NOT_STREAM, 0);
	send_raw("x", 1, &way[0], 1);
	check_refused(-EPROTOTYPE, HARK_CAUSE_NOT_STREAM, 0);
	send_raw("a\nb", 3, fds, 1);
	check_refused(-EBADMSG, HARK_CAUSE_CONTROL_BYTE, 0);
	send_raw("0123456789abcdef", 16, fds, 1);
	check_refused(-ENAMETOOLONG, HARK_CAUSE_TOO_LONG, 15);
	net_close(listener);
	net_close(datagram);
	close_way();
}

/* D3 E1 */
TEST(cut, "a message whose name was cut is refused, and what came with it closed")
{
	int fd = foreign_listener();
	char data[300];

	open_way(SOCK_SEQPACKET);
	memset(data, 'x', sizeof(data));
	send_raw(data, sizeof(data), &fd, 1);
	check_refused(-EMSGSIZE, HARK_CAUSE_CUT, 0);
	net_close(fd);
	close_way();
}

/* D3 E1: the kernel drops those that it has no number for */
TEST(out_of_descriptors, "and so is one that not all descriptors came with")
{
	int fd = foreign_listener(), fds[2] = {fd, fd};
	struct rlimit before, low;

	REQUIRE(!getenv("HARK_VALGRIND"), "valgrind has a limit of its own");
	open_way(SOCK_SEQPACKET);
	send_raw("x", 1, fds, COUNT(fds));
	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &before));
	low = before;
	low.rlim_cur = (rlim_t)fcntl(fd, F_DUPFD_CLOEXEC, 0) + 1; /* room for one */
	net_close((int)low.rlim_cur - 1);
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &low));
	check_refused(-EMSGSIZE, HARK_CAUSE_CUT, 0);
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &before));
	net_close(fd);
	close_way();
}

/* D3: some senders say a byte, and no name */
TEST(foreign, "one from a sender that knows no names is taken")
{
	int fd = foreign_listener();
	struct hark_listener listener;
	char name[16];

	open_way(SOCK_STREAM);
	send_raw("", 1, &fd, 1);
	CHECK_INT(hark_listener_receive(
			  way[1], &listener, name, sizeof(name), WAIT_MS, NULL),
		==, 1);
	CHECK_STR(name, "");
	net_close(fd);
	check_serves(&listener);
	close_way();
}

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76 /* Linux 6.5 */
#endif

/* D3: who asked for more than a listener with each message gets no more by it */
TEST(more, "credentials and a pidfd that come with it are no hindrance")
{
	struct hark_listener listener;
	int on = 1;

	open_way(SOCK_STREAM);
	CHECK_SYS(setsockopt(way[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	if (setsockopt(way[1], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on)) < 0)
		NOTE("this kernel passes no pidfd");
	send_own("x");
	CHECK_INT(hark_listener_receive(way[1], &listener, NULL, 0, WAIT_MS, NULL), ==,
		1);
	check_serves(&listener);
	close_way();
}

/* D3 E1: the kernel would drop the descriptor in silence */
TEST(not_unix, "a way that is no Unix socket is refused")
{
	struct hark_listener listener = own_listener(), none;
	struct ends ends = meet(&listener);
	struct hark_error err = {0};

	CHECK_ERR(hark_listener_send(ends.server, &listener, "x", WAIT_MS, &err),
		-EOPNOTSUPP);
	CHECK_STR(err.option, "SCM_RIGHTS");
	CHECK_ERR(hark_listener_receive(ends.server, &none, NULL, 0, WAIT_MS, NULL),
		-EOPNOTSUPP);
	net_close(ends.client);
	net_close(ends.server);
	close_listener(&listener);
}

/* A2 D3 E1 */
TEST(names, "a name that no message carries is refused before it is sent")
{
	struct hark_listener listener = own_listener();
	char longer[300];

	open_way(SOCK_SEQPACKET);
	memset(longer, 'x', sizeof(longer));
	longer[256] = '\0';
	CHECK_ERR(hark_listener_send(way[0], &listener, longer, WAIT_MS, NULL),
		-ENAMETOOLONG);
	CHECK_ERR(
		hark_listener_send(way[0], &listener, "a\nb", WAIT_MS, NULL), -EINVAL);
	longer[255] = '\0';
	CHECK_OK(hark_listener_send(way[0], &listener, longer, WAIT_MS, NULL));
	close_listener(&listener);
	CHECK_INT(hark_listener_receive(
			  way[1], &listener, longer, sizeof(longer), WAIT_MS, NULL),
		==, 1);
	CHECK_INT(strlen(longer), ==, 255);
	close_listener(&listener);
	close_way();
}

/* D3 E1 */
TEST(gone, "who is not there cannot be passed anything, and no signal comes")
{
	struct hark_listener listener = own_listener();
	struct hark_error err = {0};

	open_way(SOCK_STREAM);
	net_close(way[1]);
	CHECK_ERR(hark_listener_send(way[0], &listener, "x", WAIT_MS, &err), -EPIPE);
	CHECK_INT(err.step, ==, HARK_STEP_WRITE);
	net_close(way[0]);
	close_listener(&listener);
}
