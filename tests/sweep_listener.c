/*
 * The fault sweep: TCP listeners, one at a time; and the wrapper that makes one.
 */
#include "sweep_scenarios.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "net.h"

static struct hark_listener listener;
static struct hark_addr address;
static int fd; /* to be adopted */

#define OPENS_LISTENER                                                        \
	(REACHES(SOCKET) | REACHES(SETSOCKOPT) | REACHES(BIND) |              \
		REACHES(GETSOCKNAME) | REACHES(GETSOCKOPT) | REACHES(GETFL) | \
		REACHES(LISTEN) | REACHES(OPEN) | REACHES(READ) | REACHES(CLOSE))

/*
 * Without these a listener is opened all the same: TCP_INFO and the ceiling of the backlog
 * (then it is told as unknown).
 */
#define OPENS_WITHOUT                                                        \
	{HARK__CALL_GETSOCKOPT, ANY, 2, 0}, {HARK__CALL_OPEN, ANY, 1, 0},    \
		{HARK__CALL_READ, ANY, 1, 0}, {HARK__CALL_CLOSE, ANY, 0, 0}, \
		KEEPS_PORT(2)

static void none_at(const char *where)
{
	memset(&listener, 0, sizeof(listener));
	CHECK_OK(hark_addr_parse(&address, where, NULL));
}

static long long open_it(struct hark_error *err)
{
	return CALLED(hark_listener_open)(&listener, &address, NULL, err);
}

static void close_it(void)
{
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}

static void check_open(long long result)
{
	if (result < 0) {
		CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
		return;
	}
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_MADE);
	CHECK_INT(hark_addr_port(&listener.addr), ==, (int)net_port(listener.fd));
	CHECK_INT(hark_addr_port(&listener.addr), >, 0);
}

static void none_ipv4(void)
{
	none_at("127.0.0.2:0");
}

/* 127.0.0.2 is probed for a broadcast address; the listener's socket is the first. */
const struct scenario sweep_open_ipv4 = {
	.prepare = none_ipv4,
	.body = open_it,
	.check = check_open,
	.clean = close_it,
	.reaches = OPENS_LISTENER | REACHES(CONNECT),
	.exceptions =
		{
			{HARK__CALL_SOCKET, ANY, 2, 0},
			{HARK__CALL_CONNECT, EACCES, 1, -EINVAL},
			{HARK__CALL_CONNECT, ANY, 1, 0},
			OPENS_WITHOUT,
		},
};

void sweep_require_ipv6(void)
{
	struct net_addr here = net_ip("::1", 0);
	int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int bound = probe < 0 ? -1 : bind(probe, &here.sa.any, here.length);

	if (probe >= 0)
		net_close(probe);
	REQUIRE(bound == 0, "this host has no IPv6");
}

static void none_ipv6(void)
{
	sweep_require_ipv6();
	none_at("[::1]:0");
}

const struct scenario sweep_open_ipv6 = {
	.prepare = none_ipv6,
	.body = open_it,
	.check = check_open,
	.clean = close_it,
	.reaches = OPENS_LISTENER,
	.exceptions = {OPENS_WITHOUT},
};

/* C1: every socket on the way falls on descriptor 0, and none stays there. */
const struct scenario sweep_open_on_stdin = {
	.prepare = none_ipv6,
	.body = open_it,
	.check = check_open,
	.clean = close_it,
	.reaches = OPENS_LISTENER | REACHES(DUP),
	.exceptions =
		{
			{HARK__CALL_DUP, EINVAL, 1, -EMFILE},
			{HARK__CALL_DUP, ANY, 2, 0}, /* the ceiling's file */
			OPENS_WITHOUT,
		},
	.stdin_is_free = true,
};

/* E1 L3: on the way out another call fails, and what failed first is told. */
const struct scenario sweep_open_refused = {
	.prepare = none_ipv4,
	.body = open_it,
	.check = check_open,
	.clean = close_it,
	.reaches = REACHES(SOCKET) | REACHES(SETSOCKOPT) | REACHES(CONNECT) |
		   REACHES(BIND) | REACHES(GETSOCKNAME) | REACHES(GETSOCKOPT) |
		   REACHES(GETFL) | REACHES(LISTEN) | REACHES(CLOSE),
	.exceptions = {{HARK__CALL_CONNECT, EACCES, 1, -EINVAL}},
	.given = {HARK__CALL_LISTEN, EADDRINUSE, 1, 0},
	.expects = -EADDRINUSE,
};

/* ----------------------------------------------------------------------------- adopt */

static void strange_listener(void)
{
	fd = net_listen(net_ip("127.0.0.1", 0), 3);
	memset(&listener, 0, sizeof(listener));
}

static long long adopt(struct hark_error *err)
{
	return CALLED(hark_listener_adopt)(&listener, fd, err);
}

/* It is the listener's on success alone. */
static void check_adopted(long long result)
{
	CHECK_INT(listener.origin, ==,
		result < 0 ? HARK_ORIGIN_NONE : HARK_ORIGIN_ADOPTED);
	if (result >= 0)
		CHECK_INT(listener.fd, ==, fd);
}

static void close_adopted(void)
{
	if (listener.origin == HARK_ORIGIN_NONE)
		net_close(fd);
	else
		close_it();
}

#define ADOPTS                                                                    \
	(REACHES(GETSOCKOPT) | REACHES(GETSOCKNAME) | REACHES(GETFL) |            \
		REACHES(SETFL) | REACHES(SETFD) | REACHES(OPEN) | REACHES(READ) | \
		REACHES(CLOSE))
#define ADOPTS_WITHOUT                                                    \
	{HARK__CALL_GETSOCKOPT, ANY, 3, 0}, {HARK__CALL_OPEN, ANY, 1, 0}, \
		{HARK__CALL_READ, ANY, 1, 0},                             \
	{                                                                 \
		HARK__CALL_CLOSE, ANY, 1, 0                               \
	}

const struct scenario sweep_adopt = {
	.prepare = strange_listener,
	.body = adopt,
	.check = check_adopted,
	.clean = close_adopted,
	.reaches = ADOPTS | REACHES(SETSOCKOPT),
	.exceptions = {ADOPTS_WITHOUT, {HARK__CALL_GETSOCKOPT, ANY, 4, 0},
		{HARK__CALL_GETSOCKOPT, ANY, 5, 0}, /* the backlog */
		{HARK__CALL_SETSOCKOPT, ENOPROTOOPT, 0, 0},
		{HARK__CALL_SETSOCKOPT, EOPNOTSUPP, 0, 0},
		{HARK__CALL_SETSOCKOPT, ENOENT, 0, 0},
		{HARK__CALL_SETSOCKOPT, ANY, 7, 0}}, /* no_delay */
};

/* On standard input, say: it is moved above. */
static void strange_stdin(void)
{
	int made;

	net_close(STDIN_FILENO);
	made = net_listen(net_ip("127.0.0.1", 0), 3);
	CHECK_INT(made, ==, STDIN_FILENO);
	fd = made;
	memset(&listener, 0, sizeof(listener));
}

static void check_moved(long long result)
{
	CHECK_INT(listener.origin, ==,
		result < 0 ? HARK_ORIGIN_NONE : HARK_ORIGIN_ADOPTED);
	if (result >= 0)
		CHECK_INT(listener.fd, >, STDERR_FILENO);
}

/* As it was before. */
static void plug_stdin(void)
{
	close_adopted();
	CHECK_INT(open("/dev/null", O_RDONLY), ==, STDIN_FILENO);
}

const struct scenario sweep_adopt_stdin = {
	.prepare = strange_stdin,
	.body = adopt,
	.check = check_moved,
	.clean = plug_stdin,
	.reaches = ADOPTS | REACHES(SETSOCKOPT) | REACHES(DUP),
	.sweeps = REACHES(DUP) | REACHES(SETFL) | REACHES(SETFD) | REACHES(CLOSE),
	.exceptions = {{HARK__CALL_CLOSE, ANY, 0, 0},
		{HARK__CALL_DUP, EINVAL, 0, -EMFILE}},
	.releases = true,
};

static void strange_unix_listener(void)
{
	char name[128];

	(void)snprintf(name, sizeof(name), "@%s/adopt", temp_directory());
	fd = net_listen(net_unix(name), 3);
	memset(&listener, 0, sizeof(listener));
}

const struct scenario sweep_adopt_unix = {
	.prepare = strange_unix_listener,
	.body = adopt,
	.check = check_adopted,
	.clean = close_adopted,
	.reaches = ADOPTS,
	.exceptions = {ADOPTS_WITHOUT},
};

/* ----------------------------------------------------------------------------- close */

static void own_listener(void)
{
	none_ipv4();
	CHECK_OK(hark_listener_open(&listener, &address, NULL, NULL));
	fd = listener.fd;
}

/* Twice is fine. */
static long long close_twice(struct hark_error *err)
{
	int closed = CALLED(hark_listener_close_now)(&listener, err);
	int again = hark_listener_close_now(&listener, NULL);

	CHECK_INT(again, ==, 0);
	return closed;
}

static void check_closed(long long result)
{
	(void)result;
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
	CHECK_INT(fcntl(fd, F_GETFD), ==, -1);
}

const struct scenario sweep_close_now = {
	.prepare = own_listener,
	.body = close_twice,
	.check = check_closed,
	.reaches = REACHES(CLOSE),
	.exceptions = {{HARK__CALL_CLOSE, EINTR, 1, 0}},
	.releases = true,
};

/* -------------------------------------------------------------------------- wrappers */

static long long serve_every(struct hark_error *err)
{
	return CALLED(hark_tcp_server)(&listener, "0", NULL, err);
}

const struct scenario sweep_tcp_server = {
	.prepare = none_ipv6,
	.body = serve_every,
	.check = check_open,
	.clean = close_it,
	.reaches = OPENS_LISTENER,
	.exceptions =
		{
			{HARK__CALL_SOCKET, EAFNOSUPPORT, 1, 0}, /* no IPv6: IPv4 */
			OPENS_WITHOUT,
		},
};

static long long serve_name(struct hark_error *err)
{
	return CALLED(hark_tcp_server)(&listener, "localhost:0", NULL, err);
}

/* What fails for its first address may work for the second. */
const struct scenario sweep_tcp_server_name = {
	.prepare = none_ipv6,
	.body = serve_name,
	.check = check_open,
	.clean = close_it,
	.reaches = OPENS_LISTENER,
	.exceptions =
		{
			{HARK__CALL_SOCKET, ANY, 0, 0},
			{HARK__CALL_SETSOCKOPT, ANY, 0, 0},
			{HARK__CALL_BIND, ANY, 0, 0},
			{HARK__CALL_GETSOCKNAME, ANY, 0, 0},
			{HARK__CALL_GETSOCKOPT, ANY, 0, 0},
			{HARK__CALL_GETFL, ANY, 0, 0},
			{HARK__CALL_LISTEN, ANY, 0, 0},
			{HARK__CALL_OPEN, ANY, 0, 0},
			{HARK__CALL_READ, ANY, 0, 0},
			{HARK__CALL_CLOSE, ANY, 0, 0},
		},
};
