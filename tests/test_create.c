/* SPDX-License-Identifier: MIT
 *
 * Create: what kind of socket it is, from birth, and on which descriptor; what a
 * failure tells and leaves.  Not here: options (test_option_internal.c).
 */
#include "faults.h"
#include "harness.h"
#include "net.h"

#include <hark.h>

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const int families[] = {AF_INET, AF_INET6, AF_UNIX};

static int get_int(int fd, int option)
{
	int value = -1;
	socklen_t length = sizeof(value);

	CHECK_SYS(getsockopt(fd, SOL_SOCKET, option, &value, &length));
	return value;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* ---------------------------------------------------------------------------- birth */

/* C1 */
TEST(kind, "a stream socket of the family, close-on-exec and non-blocking from birth")
{
	for (size_t i = 0; i < COUNT(families); i++) {
		int fd = hark_socket(families[i], NULL, NULL);

		CHECK_OK(fd);
		CHECK_INT(get_int(fd, SO_DOMAIN), ==, families[i]);
		CHECK_INT(get_int(fd, SO_TYPE), ==, SOCK_STREAM);
		CHECK_INT(get_int(fd, SO_ACCEPTCONN), ==, 0);
		CHECK_INT(fcntl(fd, F_GETFD) & FD_CLOEXEC, !=, 0);
		CHECK_INT(fcntl(fd, F_GETFL) & O_NONBLOCK, !=, 0);
		net_close(fd);
	}
}

/* C1: what is set after socket(2) has returned is too late for another thread's fork */
TEST(no_second_step, "no further call makes it so: there is no moment between")
{
	for (size_t i = 0; i < COUNT(families); i++) {
		int fd;

		let_fail(HARK__CALL_SETFD, 1, -EIO);
		fd = hark_socket(families[i], NULL, NULL);
		CHECK_OK(fd);
		CHECK_INT(calls_seen(), ==, 0);
		let_fail(HARK__CALL_SETFL, 1, -EIO);
		net_close(fd);
		fd = hark_socket(families[i], NULL, NULL);
		CHECK_OK(fd);
		CHECK_INT(calls_seen(), ==, 0);
		net_close(fd);
	}
}

/* A program that does not know of it finds nothing open. */
static int count_in_program(void)
{
	int status;
	pid_t child = fork();

	CHECK_SYS(child);
	if (child == 0) {
		/* three, and the one that ls reads the directory with */
		execl("/bin/sh", "sh", "-c",
			"exec 2>/dev/null; set -- $(ls /proc/self/fd); exit $#",
			(char *)NULL);
		_exit(255);
	}
	CHECK_INT(waitpid(child, &status, 0), ==, child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) != 255);
	return WEXITSTATUS(status);
}

/* C1 */
TEST(not_inherited, "a program that is executed has none of hark's sockets")
{
	int before = count_in_program();
	int stream = hark_socket(AF_INET, NULL, NULL);
	struct hark_listener listener;

	CHECK_OK(stream);
	CHECK_OK(hark_tcp_server(&listener, "127.0.0.1:0", NULL, NULL));
	CHECK_INT(count_in_program(), ==, before);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
	net_close(stream);
}

/* --------------------------------------------------------------- never on 0, 1 or 2 */

enum { STDIO = 3 };

/*
 * Closes those of the three that the bits say; gives back what restore_stdio() needs.
 */
static void close_stdio(int which, int kept[STDIO])
{
	for (int fd = 0; fd < STDIO; fd++) {
		kept[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
		CHECK_SYS(kept[fd]);
		if (which & 1 << fd)
			net_close(fd);
	}
}

static void restore_stdio(const int kept[STDIO])
{
	for (int fd = 0; fd < STDIO; fd++) {
		CHECK_SYS(dup2(kept[fd], fd));
		net_close(kept[fd]);
	}
}

static void check_still_closed(int which)
{
	for (int fd = 0; fd < STDIO; fd++)
		CHECK_INT(is_open(fd), ==, !(which & 1 << fd));
}

/* C1 */
TEST(never_on_stdio, "never on 0, 1 or 2, whichever of them are closed")
{
	for (int which = 0; which < 8; which++)
		for (size_t i = 0; i < COUNT(families); i++) {
			int kept[STDIO], fd;

			close_stdio(which, kept);
			fd = hark_socket(families[i], NULL, NULL);
			CHECK_INT(fd, >=, STDIO);
			CHECK_INT(fcntl(fd, F_GETFD) & FD_CLOEXEC, !=, 0);
			CHECK_INT(fcntl(fd, F_GETFL) & O_NONBLOCK, !=, 0);
			check_still_closed(which);
			net_close(fd);
			restore_stdio(kept);
		}
}

/* C1 B3 W2 */
TEST(listeners_never_on_stdio, "nor is any listener, nor what opening one takes")
{
	const char *directory = temp_directory();
	struct hark_listener_set set = {0};
	char text[HARK_ADDR_TEXT_MAX];
	int kept[STDIO];

	(void)snprintf(text, sizeof(text), "unix:%s/socket", directory);
	close_stdio(7, kept);
	CHECK_INT(hark_listener_set_add(&set, "*:0", NULL, NULL), >=, 1);
	CHECK_INT(hark_listener_set_add(&set, text, NULL, NULL), ==, 1);
	for (size_t i = 0; i < set.count; i++)
		CHECK_INT(set.listener[i].fd, >=, STDIO);
	check_still_closed(7);
	CHECK_OK(hark_listener_set_close_now(&set, NULL));
	check_still_closed(7);
	restore_stdio(kept);
}

/* C1 E1 */
TEST(no_room_above_stdio, "no descriptor above 2 to be had: an error, and nothing open")
{
	struct hark_error err;
	int kept[STDIO];

	close_stdio(7, kept);
	let_fail(HARK__CALL_DUP, 1, -EMFILE);
	CHECK_ERR(hark_socket(AF_INET, NULL, &err), -EMFILE);
	CHECK_INT(calls_seen(), ==, 1);
	check_still_closed(7);
	CHECK_INT(err.step, ==, HARK_STEP_SOCKET);
	CHECK_INT(err.code, ==, -EMFILE);
	restore_stdio(kept);
}

/* ------------------------------------------------------------------------- failures */

/* C1 E1 */
TEST(bad_family,
	"a family that hark does not know is refused before the kernel is asked")
{
	static const int bad[] = {AF_UNSPEC, AF_PACKET, AF_NETLINK, -1, 12345};
	struct hark_error err;

	let_fail(HARK__CALL_SOCKET, 1, -EIO);
	for (size_t i = 0; i < COUNT(bad); i++) {
		memset(&err, 0, sizeof(err));
		CHECK_ERR(hark_socket(bad[i], NULL, &err), -EAFNOSUPPORT);
		CHECK_INT(err.step, ==, HARK_STEP_SOCKET);
		CHECK_INT(err.code, ==, -EAFNOSUPPORT);
		CHECK_INT(err.limit, ==, bad[i]);
		CHECK_ERR(hark_socket(bad[i], NULL, NULL), -EAFNOSUPPORT);
	}
	CHECK_INT(calls_seen(), ==, 0);
}

/* C1 E1: a struct that was never filled, or not by hark */
TEST(no_address, "a listener for what is no address is refused, and creates nothing")
{
	static const struct hark_addr none, too_long = {.length = sizeof(none.u) + 1};
	struct hark_listener listener;
	struct hark_error err;

	count_calls(HARK__CALL_SOCKET);
	CHECK_ERR(hark_listener_open(&listener, &none, NULL, &err), -EAFNOSUPPORT);
	CHECK_INT(err.step, ==, HARK_STEP_SOCKET);
	CHECK_INT(err.addr.length, ==, 0);
	CHECK_ERR(hark_listener_open(&listener, &too_long, NULL, &err), -EINVAL);
	CHECK_INT(err.addr.length, ==, 0);
	CHECK_INT(calls_seen(), ==, 0);
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
}

/* E1 */
TEST(refused_by_kernel, "what the kernel says comes back, with the step")
{
	static const int codes[] = {
		-EAFNOSUPPORT, -ENFILE, -ENOBUFS, -ENOMEM, -EACCES, -EPERM};
	struct hark_error err;

	for (size_t i = 0; i < COUNT(codes); i++) {
		memset(&err, 0xa5, sizeof(err));
		let_fail(HARK__CALL_SOCKET, 1, codes[i]);
		CHECK_ERR(hark_socket(AF_INET6, NULL, &err), codes[i]);
		CHECK_INT(err.code, ==, codes[i]);
		CHECK_INT(err.step, ==, HARK_STEP_SOCKET);
		CHECK_INT(err.cause, ==, HARK_CAUSE_NONE);
		CHECK_INT(err.addr.length, ==, 0);
		CHECK_INT(err.limit, ==, 0);
		CHECK_STR(err.option, "");
		CHECK_STR(err.subject, "");
	}
}

/* E1 W5 */
TEST(out_of_descriptors, "out of descriptors: the limit is told")
{
	struct rlimit limit;
	struct hark_error err;
	int lowest = dup(STDERR_FILENO);

	CHECK_SYS(lowest);
	net_close(lowest);
	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = (rlim_t)lowest;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_ERR(hark_socket(AF_INET, NULL, &err), -EMFILE);
	CHECK_INT(err.limit, ==, lowest);
	CHECK_INT(err.step, ==, HARK_STEP_SOCKET);
}

/* E1 */
TEST(error_untouched, "success leaves the error alone, and so does none at all")
{
	struct hark_error err, before;

	memset(&err, 0xa5, sizeof(err));
	before = err;
	for (size_t i = 0; i < COUNT(families); i++) {
		int fd = hark_socket(families[i], NULL, &err);

		CHECK_OK(fd);
		net_close(fd);
	}
	CHECK_INT(memcmp(&err, &before, sizeof(err)), ==, 0);
}
