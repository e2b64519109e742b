/*
 * The fault sweep: create, bind, listen.
 */
#include "sweep_scenarios.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "net.h"

static int fd;

static void no_socket(void)
{
	fd = -1;
}

static void close_fd(void)
{
	if (fd >= 0)
		net_close(fd);
}

/* ---------------------------------------------------------------------------- socket */

static long long plain_socket(struct hark_error *err)
{
	return fd = CALLED(hark_socket)(AF_INET, NULL, err);
}

const struct scenario sweep_socket = {
	.prepare = no_socket,
	.body = plain_socket,
	.clean = close_fd,
	.reaches = REACHES(SOCKET) | REACHES(SETSOCKOPT),
};

/* A socket that falls on descriptor 0 is moved. */
const struct scenario sweep_socket_on_stdin = {
	.prepare = no_socket,
	.body = plain_socket,
	.clean = close_fd,
	.reaches =
		REACHES(SOCKET) | REACHES(SETSOCKOPT) | REACHES(DUP) | REACHES(CLOSE),
	.exceptions =
		{
			{HARK__CALL_DUP, EINVAL, 1, -EMFILE},
			{HARK__CALL_CLOSE, ANY, 0, 0},
		},
	.stdin_is_free = true,
};

/* The limit is asked for when it was met. */
const struct scenario sweep_socket_at_limit = {
	.prepare = no_socket,
	.body = plain_socket,
	.clean = close_fd,
	.reaches = REACHES(SOCKET) | REACHES(GETRLIMIT),
	.given = {HARK__CALL_SOCKET, EMFILE, 1, 0},
	.expects = -EMFILE,
};

static int notices;
static struct hark_listen_options all_options = {
	.backlog = 5,
	.reuse_address = HARK_OFF,
	.reuse_port = HARK_ON,
	.ipv6_only = HARK_ON,
	.free_bind = HARK_ON,
	.device = "lo",
	.no_delay = HARK_ON,
	.keep_alive_idle_s = 60,
	.keep_alive_interval_s = 10,
	.keep_alive_count = 5,
	.user_timeout_ms = 30000,
	.linger = HARK_ON,
	.linger_s = 1,
	.receive_buffer_bytes = 65536,
	.send_buffer_bytes = 65536,
	.congestion = "reno",
	.defer_accept_s = 1,
	.fast_open_queue = 5,
};

static void count_notice(const struct hark_error *notice, void *ctx)
{
	(void)ctx;
	CHECK_INT(notice->step, ==, HARK_STEP_OPTION);
	CHECK_INT(notice->cause, ==, HARK_CAUSE_UNSUPPORTED);
	CHECK(notice->option[0]);
	notices++;
}

/* SO_MARK and, before Linux 5.7, SO_BINDTODEVICE need a privilege. */
static void ask_for_privileged_options(void)
{
	struct net_addr any = net_ip("127.0.0.1", 0);
	int probe = net_listen(any, 1), mark = 1;

	all_options.mark = 0;
	if (setsockopt(probe, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0)
		all_options.mark = 1;
	if (setsockopt(probe, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2) < 0)
		all_options.device = NULL;
	net_close(probe);
}

static void no_socket_with_options(void)
{
	sweep_require_ipv6();
	ask_for_privileged_options();
	no_socket();
	notices = 0;
}

static long long optional_socket(struct hark_error *err)
{
	all_options.mptcp = HARK_OFF;
	all_options.missing = HARK_MISSING_FAILS;
	return fd = CALLED(hark_socket)(AF_INET6, &all_options, err);
}

/* C2: an option that was asked for is set, or the call fails. */
const struct scenario sweep_socket_options = {
	.prepare = no_socket_with_options,
	.body = optional_socket,
	.clean = close_fd,
	.reaches = REACHES(SOCKET) | REACHES(SETSOCKOPT),
};

static long long noticed_socket(struct hark_error *err)
{
	all_options.mptcp = HARK_ON;
	all_options.missing = HARK_MISSING_NOTICE;
	all_options.on_notice = count_notice;
	return fd = CALLED(hark_socket)(AF_INET, &all_options, err);
}

/* Each option that was passed over was told, unless another failed the whole. */
static void check_notices(long long result)
{
	if (result >= 0)
		CHECK_INT(notices, >=, sweep_injected());
}

const struct scenario sweep_socket_notices = {
	.prepare = no_socket_with_options,
	.body = noticed_socket,
	.check = check_notices,
	.clean = close_fd,
	.reaches = REACHES(SOCKET) | REACHES(SETSOCKOPT),
	.exceptions =
		{
			{HARK__CALL_SOCKET, EPROTONOSUPPORT, 1, 0},
			{HARK__CALL_SOCKET, EINVAL, 1, 0},
			{HARK__CALL_SETSOCKOPT, ENOPROTOOPT, 0, 0},
			{HARK__CALL_SETSOCKOPT, EOPNOTSUPP, 0, 0},
			{HARK__CALL_SETSOCKOPT, ENOENT, 0, 0},
		},
};

/* ------------------------------------------------------------------------------ bind */

static struct hark_addr address;

static void new_socket(int family, int flags)
{
	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	CHECK_SYS(fd);
}

static void unbound_ipv4(void)
{
	CHECK_OK(hark_addr_from_ip(&address, "127.0.0.2", 0, NULL));
	new_socket(AF_INET, 0);
}

static long long bind_it(struct hark_error *err)
{
	return CALLED(hark_bind)(fd, &address, err);
}

static void check_bound(long long result)
{
	CHECK_INT(result >= 0, ==, net_port(fd) != 0);
}

/* B2: 127.0.0.2 could be a broadcast address, as far as its number tells. */
const struct scenario sweep_bind = {
	.prepare = unbound_ipv4,
	.body = bind_it,
	.check = check_bound,
	.clean = close_fd,
	.reaches = REACHES(SOCKET) | REACHES(CONNECT) | REACHES(CLOSE) | REACHES(BIND),
	.exceptions =
		{
			{HARK__CALL_SOCKET, ANY, 0, 0}, /* no probe: bind decides */
			{HARK__CALL_CONNECT, EACCES, 0, -EINVAL}, /* it is one */
			{HARK__CALL_CONNECT, ANY, 0, 0},
			{HARK__CALL_CLOSE, ANY, 0, 0},
		},
};

static void unbound_any(void)
{
	CHECK_OK(hark_addr_from_ip(&address, "0.0.0.0", 0, NULL));
	new_socket(AF_INET, 0);
}

/* The lowest unprivileged port is asked for when permission was missing. */
const struct scenario sweep_bind_refused = {
	.prepare = unbound_any,
	.body = bind_it,
	.clean = close_fd,
	.reaches = REACHES(BIND) | REACHES(OPEN) | REACHES(READ) | REACHES(CLOSE),
	.given = {HARK__CALL_BIND, EACCES, 1, 0},
	.expects = -EACCES,
};

static void unbound_unix(void)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "unix:%s/s", temp_directory());
	CHECK_OK(hark_addr_parse(&address, text, NULL));
	new_socket(AF_UNIX, 0);
}

static void close_unix(void)
{
	(void)unlink(address.u.un.sun_path); /* not there if bind failed */
	close_fd();
}

const struct scenario sweep_bind_unix = {
	.prepare = unbound_unix,
	.body = bind_it,
	.clean = close_unix,
	.reaches = REACHES(BIND),
};

/* ---------------------------------------------------------------------------- listen */

static struct hark_backlog backlog;

static void bound_ipv4(void)
{
	unbound_ipv4();
	CHECK_SYS(bind(fd, &address.u.any, address.length));
	memset(&backlog, 0xa5, sizeof(backlog));
}

static long long listen_on_it(struct hark_error *err)
{
	return CALLED(hark_listen)(fd, 7, &backlog, err);
}

static int is_listening(void)
{
	int value = -1;
	socklen_t length = sizeof(value);

	CHECK_SYS(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length));
	return value;
}

/* L1: listening is non-blocking, and what cannot be learnt is -1 and no guess. */
static void check_listening(long long result)
{
	CHECK_INT(is_listening(), ==, result >= 0);
	if (result < 0)
		return;
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK_INT(backlog.requested, ==, 7);
	CHECK(backlog.ceiling == -1 || backlog.ceiling > 0);
	CHECK(backlog.effective == 7);
}

const struct scenario sweep_listen = {
	.prepare = bound_ipv4,
	.body = listen_on_it,
	.check = check_listening,
	.clean = close_fd,
	.reaches = REACHES(GETSOCKNAME) | REACHES(GETSOCKOPT) | REACHES(BIND) |
		   REACHES(GETFL) | REACHES(SETFL) | REACHES(LISTEN) | REACHES(OPEN) |
		   REACHES(READ) | REACHES(CLOSE),
	.exceptions =
		{
			KEEPS_PORT(1),
			{HARK__CALL_GETSOCKOPT, ANY, 2, 0}, /* TCP_INFO */
			{HARK__CALL_OPEN, ANY, 1, 0},       /* somaxconn */
			{HARK__CALL_READ, ANY, 1, 0},
			{HARK__CALL_CLOSE, ANY, 1, 0},
		},
};

static void listening_ipv4(void)
{
	bound_ipv4();
	CHECK_SYS(fcntl(fd, F_SETFL, O_NONBLOCK));
	CHECK_SYS(listen(fd, 3));
}

static void check_listening_still(long long result)
{
	CHECK_INT(is_listening(), ==, 1);
	if (result >= 0)
		CHECK_INT(backlog.effective, ==, 7);
}

/* L2: resizing a live queue. */
const struct scenario sweep_listen_again = {
	.prepare = listening_ipv4,
	.body = listen_on_it,
	.check = check_listening_still,
	.clean = close_fd,
	.reaches = REACHES(GETSOCKNAME) | REACHES(GETSOCKOPT) | REACHES(GETFL) |
		   REACHES(LISTEN) | REACHES(OPEN) | REACHES(READ) | REACHES(CLOSE),
	.exceptions =
		{
			{HARK__CALL_GETSOCKOPT, ANY, 2, 0},
			{HARK__CALL_OPEN, ANY, 1, 0},
			{HARK__CALL_READ, ANY, 1, 0},
			{HARK__CALL_CLOSE, ANY, 1, 0},
		},
};
