/* SPDX-License-Identifier: MIT
 *
 * What whoever had a listener before left on it: what connections find of it after it was
 * taken over.  Not here: what is checked before (test_adopt.c).
 */
#include "foreign.h"

#include <linux/filter.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62 /* Linux 5.1 */
#endif

enum { NO_SUCH_INTERFACE = 0x7ffffff0 };

static void set_int(int fd, int level, int option, int value)
{
	CHECK_SYS(setsockopt(fd, level, option, &value, sizeof(value)));
}

static int get_int(int fd, int level, int option)
{
	int value = -1;
	socklen_t length = sizeof(value);

	CHECK_SYS(getsockopt(fd, level, option, &value, &length));
	return value;
}

static void set_time(int fd, int option)
{
	struct timeval time = {1, 500000};

	CHECK_SYS(setsockopt(fd, SOL_SOCKET, option, &time, sizeof(time)));
}

static bool is_for_ever(int fd, int option)
{
	struct timeval time = {9, 9};
	socklen_t length = sizeof(time);

	CHECK_SYS(getsockopt(fd, SOL_SOCKET, option, &time, &length));
	return time.tv_sec == 0 && time.tv_usec == 0;
}

static struct linger linger_of(int fd)
{
	struct linger linger = {-1, -1};
	socklen_t length = sizeof(linger);

	CHECK_SYS(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length));
	return linger;
}

static void leave_all(int fd)
{
	struct linger linger = {1, 7};

	set_time(fd, SO_RCVTIMEO);
	set_time(fd, SO_SNDTIMEO);
	CHECK_SYS(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	set_int(fd, SOL_SOCKET, SO_RCVLOWAT, 100);
	set_int(fd, SOL_SOCKET, SO_OOBINLINE, 1);
	set_int(fd, IPPROTO_TCP, TCP_CORK, 1);
}

static void check_straight(int fd)
{
	CHECK(is_for_ever(fd, SO_RCVTIMEO));
	CHECK(is_for_ever(fd, SO_SNDTIMEO));
	CHECK_INT(linger_of(fd).l_onoff, ==, 0);
	CHECK_INT(get_int(fd, SOL_SOCKET, SO_RCVLOWAT), ==, 1);
	CHECK_INT(get_int(fd, SOL_SOCKET, SO_OOBINLINE), ==, 0);
	CHECK_INT(get_int(fd, IPPROTO_TCP, TCP_CORK), ==, 0);
	CHECK_INT(get_int(fd, IPPROTO_TCP, TCP_NODELAY), ==, 1);
}

/* D2: recv(2) of a program would say EAGAIN, close(2) would wait */
TEST(straight, "what surprises who serves is set straight before it is inherited")
{
	int fd = foreign_listener();
	struct hark_listener listener;
	struct ends ends;

	leave_all(fd);
	CHECK_OK(hark_listener_adopt(&listener, fd, NULL));
	ends = meet(&listener);
	check_straight(listener.fd);
	check_straight(ends.server);
	net_close(ends.client);
	net_close(ends.server);
	close_listener(&listener);
}

static void add(struct hark_listener_set *set, int fd,
	const struct hark_listen_options *options)
{
	CHECK_INT(hark_listener_set_add(set, text_of("fd:", fd).at, options, NULL), ==,
		1);
}

/* A1 D2: by its number, too */
TEST(by_number, "and so it is by 'fd:'")
{
	struct hark_listener_set set = {0};
	int fd = foreign_listener();

	leave_all(fd);
	add(&set, fd, NULL);
	check_straight(fd);
	CHECK_OK(hark_listener_set_close_now(&set, NULL));
}

/* D2: systemd.socket(5) has settings for them */
TEST(administrator, "what an administrator may have asked for stays")
{
	struct hark_listener listener;
	int fd = foreign_listener(), defer, buffer;

	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, 33);
	set_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5);
	set_int(fd, SOL_SOCKET, SO_RCVBUF, 20000);
	defer = get_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT);
	buffer = get_int(fd, SOL_SOCKET, SO_RCVBUF);
	CHECK_INT(defer, >, 0);
	CHECK_OK(hark_listener_adopt(&listener, fd, NULL));
	CHECK_INT(get_int(fd, SOL_SOCKET, SO_KEEPALIVE), ==, 1);
	CHECK_INT(get_int(fd, IPPROTO_TCP, TCP_KEEPIDLE), ==, 33);
	CHECK_INT(get_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT), ==, defer);
	CHECK_INT(get_int(fd, SOL_SOCKET, SO_RCVBUF), ==, buffer);
	close_listener(&listener);
}

/* C2 D2 */
TEST(caller, "what the caller asks for counts")
{
	struct hark_listen_options options = {.no_delay = HARK_OFF,
		.keep_alive_idle_s = 44,
		.linger = HARK_ON,
		.linger_s = 3,
		.reuse_port = HARK_ON}; /* before bind: it is too late */
	struct hark_listener_set set = {0};
	int fd = foreign_listener();

	leave_all(fd);
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	add(&set, fd, &options);
	CHECK_INT(get_int(fd, IPPROTO_TCP, TCP_NODELAY), ==, 0);
	CHECK_INT(get_int(fd, SOL_SOCKET, SO_KEEPALIVE), ==, 1);
	CHECK_INT(get_int(fd, IPPROTO_TCP, TCP_KEEPIDLE), ==, 44);
	CHECK_INT(linger_of(fd).l_onoff, ==, 1);
	CHECK_INT(linger_of(fd).l_linger, ==, 3);
	CHECK(is_for_ever(fd, SO_RCVTIMEO));
	CHECK_INT(get_int(fd, SOL_SOCKET, SO_REUSEPORT), ==, 0);
	CHECK_OK(hark_listener_set_close_now(&set, NULL));
}

static void keep_notice(const struct hark_error *notice, void *ctx)
{
	struct hark_error *kept = ctx;

	CHECK_INT(kept->code, ==, 0);
	*kept = *notice;
}

/* How many instructions; 0: an emulator may not tell. */
static int filter_of(int fd)
{
	socklen_t count = 0;
	char unused;

	if (getsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &unused, &count) < 0)
		return 0;
	return (int)count;
}

/* D2 E4: it may be a firewall's, or what another forgot */
TEST(filter, "a filter is told, and stays")
{
	struct sock_filter pass[] = {{BPF_RET | BPF_K, 0, 0, 0xffff}};
	struct sock_fprog program = {1, pass};
	struct hark_error notice = {0};
	struct hark_listen_options options = {
		.on_notice = keep_notice, .notice_ctx = &notice};
	struct hark_listener_set set = {0};
	char text[HARK_ERROR_TEXT_MAX];
	int fd = foreign_listener();

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		SKIP("a filter may not be attached here (%s)", errno_name(errno));
	if (filter_of(fd) != 1)
		SKIP("this system does not tell of filters");
	add(&set, fd, &options);
	CHECK_INT(notice.step, ==, HARK_STEP_ADOPT);
	CHECK_INT(notice.cause, ==, HARK_CAUSE_FILTERED);
	CHECK_INT(notice.limit, ==, 1);
	CHECK_INT(hark_addr_port(&notice.addr), ==, net_port(fd));
	(void)hark_error_text(&notice, text, sizeof(text));
	CHECK_CONTAINS(text, "filter");
	CHECK_INT(filter_of(fd), ==, 1);
	CHECK_OK(hark_listener_set_close_now(&set, NULL));
}

/* D2 */
TEST(no_filter, "without one nothing is told")
{
	struct hark_error notice = {0};
	struct hark_listen_options options = {
		.on_notice = keep_notice, .notice_ctx = &notice};
	struct hark_listener_set set = {0};

	add(&set, foreign_listener(), &options);
	CHECK_INT(notice.code, ==, 0);
	CHECK_OK(hark_listener_set_close_now(&set, NULL));
}

/* D0 D2 E1: no client can come, and nobody would know why */
TEST(ghost, "one that is bound to an interface that is no more is refused")
{
	int fd = foreign_listener(), index = NO_SUCH_INTERFACE;
	struct hark_listener listener;
	struct hark_error err = {0};

	if (setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof(index)) < 0)
		SKIP("it cannot be bound to an interface here (%s)", errno_name(errno));
	CHECK_ERR(hark_listener_adopt(&listener, fd, &err), -ENODEV);
	CHECK_INT(err.step, ==, HARK_STEP_ADOPT);
	CHECK_INT(err.cause, ==, HARK_CAUSE_NO_DEVICE);
	CHECK_STR(err.subject, text_of("fd:", fd).at);
	CHECK(is_untouched(fd));
	net_close(fd);
}

/* A1 D2: as s6 and inetd pass it */
TEST(standard_input, "one on descriptor 0 is moved above the standard ones")
{
	int plug = dup(STDIN_FILENO), fd = foreign_listener();
	struct hark_listener listener;
	struct ends ends;

	CHECK_SYS(plug);
	CHECK_SYS(dup2(fd, STDIN_FILENO));
	net_close(fd);
	CHECK_OK(hark_listener_adopt(&listener, STDIN_FILENO, NULL));
	CHECK_INT(listener.fd, >, STDERR_FILENO);
	CHECK(!is_open(STDIN_FILENO));
	CHECK(is_close_on_exec(listener.fd));
	CHECK(is_non_blocking(listener.fd));
	ends = meet(&listener);
	net_close(ends.client);
	net_close(ends.server);
	close_listener(&listener);
	CHECK_SYS(dup2(plug, STDIN_FILENO));
	net_close(plug);
}

/* D2 */
TEST(unix_sockets, "a Unix listener has nothing to leave")
{
	struct hark_listener listener;
	char path[108];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/socket", temp_directory());
	fd = net_listen(net_unix(path), 3);
	set_time(fd, SO_RCVTIMEO);
	CHECK_OK(hark_listener_adopt(&listener, fd, NULL));
	CHECK(!is_for_ever(fd, SO_RCVTIMEO)); /* connections do not inherit it */
	close_listener(&listener);
}
