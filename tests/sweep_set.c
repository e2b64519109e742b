/*
 * The fault sweep: sets of listeners, which are opened together or not at all; and the
 * wrappers that use them.
 */
#include "sweep_scenarios.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "net.h"

static struct hark_listener_set set;
static struct hark_listen_options options;
static char text[320];
static size_t had; /* listeners in the set before */

static void no_set(const char *what)
{
	memset(&set, 0, sizeof(set));
	memset(&options, 0, sizeof(options));
	had = 0;
	if (what != text)
		(void)snprintf(text, sizeof(text), "%s", what);
}

static long long add(struct hark_error *err)
{
	return CALLED(hark_listener_set_add)(&set, text, &options, err);
}

static void close_set(void)
{
	CHECK_OK(hark_listener_set_close_now(&set, NULL));
}

/* B4: all or nothing, and a verdict that agrees. */
static void check_strict(long long result)
{
	if (result < 0) {
		CHECK_INT(set.count, ==, had);
		return;
	}
	CHECK_INT(set.count, ==, had + (size_t)result);
	for (size_t i = had; i < set.count; i++) {
		CHECK_INT(set.listener[i].origin, !=, HARK_ORIGIN_NONE);
		CHECK_SYS(fcntl(set.listener[i].fd, F_GETFD));
	}
}

static void check_tcp(long long result)
{
	check_strict(result);
	for (size_t i = had; i < set.count; i++)
		CHECK_INT(hark_addr_port(&set.listener[i].addr), ==,
			(int)net_port(set.listener[i].fd));
}

/* With port 0 all share one. */
static void check_shared(long long result)
{
	check_tcp(result);
	for (size_t i = 1; i < set.count; i++)
		CHECK_INT(hark_addr_port(&set.listener[i].addr), ==,
			hark_addr_port(&set.listener[0].addr));
}

#define OPENS_SET                                                             \
	(REACHES(SOCKET) | REACHES(SETSOCKOPT) | REACHES(BIND) |              \
		REACHES(GETSOCKNAME) | REACHES(GETSOCKOPT) | REACHES(GETFL) | \
		REACHES(LISTEN) | REACHES(OPEN) | REACHES(READ) | REACHES(CLOSE))

/* Two sockets: TCP_INFO is asked second and fourth, their ports taken back after both. */
#define OPENS_TWO_WITHOUT                                                       \
	{HARK__CALL_GETSOCKOPT, ANY, 2, 0}, {HARK__CALL_GETSOCKOPT, ANY, 4, 0}, \
		{HARK__CALL_OPEN, ANY, 0, 0}, {HARK__CALL_READ, ANY, 0, 0},     \
		{HARK__CALL_CLOSE, ANY, 0, 0}, KEEPS_PORT(3), KEEPS_PORT(4)

/* Another port is drawn when the second cannot have it, or listen says that it is taken. */
#define DRAWS_AGAIN                                                               \
	{HARK__CALL_BIND, EADDRINUSE, 2, 0}, {HARK__CALL_BIND, EADDRINUSE, 3, 0}, \
		{HARK__CALL_BIND, EADDRINUSE, 4, 0},                              \
	{                                                                         \
		HARK__CALL_LISTEN, EADDRINUSE, 0, 0                               \
	}

/* One that this host has not at all, not even its loopback address. */
#define FAMILY_MAY_BE_OFF                            \
	{HARK__CALL_SOCKET, EAFNOSUPPORT, 0, 0},     \
	{                                            \
		HARK__CALL_BIND, EADDRNOTAVAIL, 4, 0 \
	}

static void every(void)
{
	sweep_require_ipv6();
	no_set("0");
}

const struct scenario sweep_set_every = {
	.prepare = every,
	.body = add,
	.check = check_shared,
	.clean = close_set,
	.reaches = OPENS_SET,
	.exceptions =
		{
			FAMILY_MAY_BE_OFF,
			DRAWS_AGAIN,
			OPENS_TWO_WITHOUT,
		},
};

static void every_lenient(void)
{
	every();
	options.lenient = HARK_ON;
}

/* One of the two is enough, whatever happened to the other. */
const struct scenario sweep_set_every_lenient = {
	.prepare = every_lenient,
	.body = add,
	.check = check_shared,
	.clean = close_set,
	.reaches = OPENS_SET,
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

static void localhost(void)
{
	sweep_require_ipv6();
	no_set("localhost:0");
}

const struct scenario sweep_set_localhost = {
	.prepare = localhost,
	.body = add,
	.check = check_shared,
	.clean = close_set,
	.reaches = OPENS_SET,
	.exceptions =
		{
			FAMILY_MAY_BE_OFF,
			DRAWS_AGAIN,
			OPENS_TWO_WITHOUT,
		},
};

/* B4: both are bound and the first listens when the second's listen fails. */
const struct scenario sweep_set_half_open = {
	.prepare = localhost,
	.body = add,
	.check = check_strict,
	.clean = close_set,
	.reaches = OPENS_SET,
	.exceptions =
		{
			FAMILY_MAY_BE_OFF, /* and then only one of them listens */
			/* another port is drawn, and the given fault is over */
			{HARK__CALL_LISTEN, EADDRINUSE, 1, 0},
		},
	.given = {HARK__CALL_LISTEN, ENOBUFS, 2, 0},
	.expects = -ENOBUFS,
};

/* Each port that is drawn turns out to be taken: the search ends. */
const struct scenario sweep_set_no_port = {
	.prepare = every,
	.body = add,
	.check = check_strict,
	.clean = close_set,
	.reaches = REACHES(SOCKET) | REACHES(SETSOCKOPT) | REACHES(BIND) |
		   REACHES(GETSOCKNAME) | REACHES(GETSOCKOPT) | REACHES(GETFL) |
		   REACHES(LISTEN) | REACHES(CLOSE),
	.sites = 6, /* two draws */
	.given = {HARK__CALL_LISTEN, EADDRINUSE, 0, 0},
	.expects = -EADDRINUSE,
};

static void named(void)
{
	char where[300];

	(void)snprintf(where, sizeof(where), "%s:0", sweep_hosts_name());
	no_set(where);
}

const struct scenario sweep_set_name = {
	.prepare = named,
	.body = add,
	.check = check_shared,
	.clean = close_set,
	.reaches = OPENS_SET | REACHES(GETADDRINFO),
	.exceptions =
		{
			KEEPS_PORT(2),
			{HARK__CALL_BIND, EADDRINUSE, 2, 0},
			{HARK__CALL_LISTEN, EADDRINUSE, 1, 0},
			{HARK__CALL_GETSOCKOPT, ANY, 2, 0},
			{HARK__CALL_OPEN, ANY, 0, 0},
			{HARK__CALL_READ, ANY, 0, 0},
			{HARK__CALL_CLOSE, ANY, 0, 0},
		},
};

static void unix_path(void)
{
	char where[128];

	(void)snprintf(where, sizeof(where), "unix:%s/set", temp_directory());
	no_set(where);
}

const struct scenario sweep_set_unix = {
	.prepare = unix_path,
	.body = add,
	.check = check_strict,
	.clean = close_set,
	.reaches = (OPENS_SET & ~REACHES(SETSOCKOPT)) | REACHES(FLOCK) | REACHES(FSTAT),
	.exceptions =
		{
			{HARK__CALL_BIND, EADDRINUSE, 1, 0},
			{HARK__CALL_OPEN, EACCES, 1, 0},
			{HARK__CALL_OPEN, EPERM, 1, 0},
			{HARK__CALL_FLOCK, ANY, 0, 0},
			{HARK__CALL_GETSOCKOPT, ANY, 2, 0},
			{HARK__CALL_OPEN, ANY, 3, 0},
			{HARK__CALL_READ, ANY, 1, 0},
			{HARK__CALL_CLOSE, ANY, 0, 0},
		},
};

/* ------------------------------------------------------------- descriptors that we get */

static int given_fd[2];

static void descriptor(void)
{
	char where[64];

	given_fd[0] = net_listen(net_ip("127.0.0.1", 0), 3);
	given_fd[1] = -1;
	(void)snprintf(where, sizeof(where), "fd:%d", given_fd[0]);
	no_set(where);
}

/* Theirs, unless a set has them. */
static void close_given(void)
{
	bool taken = set.count > 0;

	close_set();
	for (int i = 0; i < 2 && !taken; i++)
		if (given_fd[i] >= 0)
			net_close(given_fd[i]);
}

#define ADOPTS                                                                    \
	(REACHES(GETSOCKOPT) | REACHES(GETSOCKNAME) | REACHES(GETFL) |            \
		REACHES(SETFL) | REACHES(SETFD) | REACHES(OPEN) | REACHES(READ) | \
		REACHES(CLOSE) | REACHES(SETSOCKOPT))
/*
 * All are looked at first, by three questions each. When one is taken these come again, and
 * it is asked for a filter and the backlog. What is answered without a failure is what the
 * third and the last two ask, and an option that there is not.
 */
#define ANSWERS_NOT(nth)                           \
	{                                          \
		HARK__CALL_GETSOCKOPT, ANY, nth, 0 \
	}
#define ADOPTS_WITHOUT                                                                \
	{HARK__CALL_OPEN, ANY, 0, 0}, {HARK__CALL_READ, ANY, 0, 0},                   \
		{HARK__CALL_CLOSE, ANY, 0, 0}, {HARK__CALL_SETSOCKOPT, ENOENT, 0, 0}, \
		{HARK__CALL_SETSOCKOPT, ENOPROTOOPT, 0, 0},                           \
		{HARK__CALL_SETSOCKOPT, EOPNOTSUPP, 0, 0},                            \
	{                                                                             \
		HARK__CALL_SETSOCKOPT, ANY, 7, 0                                      \
	}

const struct scenario sweep_set_descriptor = {
	.prepare = descriptor,
	.body = add,
	.check = check_strict,
	.clean = close_given,
	.reaches = ADOPTS,
	.exceptions = {ADOPTS_WITHOUT, ANSWERS_NOT(3), ANSWERS_NOT(6), ANSWERS_NOT(7),
		ANSWERS_NOT(8)},
};

static void set_number(const char *name, int value)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", value);
	CHECK_SYS(setenv(name, number, 1));
}

/* D2: they are passed as 3 and 4, which nobody must hold. */
static void activation(void)
{
	for (int i = 0; i < 2; i++) {
		int fd = net_listen(net_ip("127.0.0.1", 0), 3);

		given_fd[i] = 3 + i;
		if (fd == given_fd[i])
			continue;
		REQUIRE(fcntl(given_fd[i], F_GETFD) < 0, "descriptor %d is in use",
			given_fd[i]);
		CHECK_SYS(dup2(fd, given_fd[i]));
		net_close(fd);
	}
	set_number("LISTEN_PID", getpid());
	set_number("LISTEN_FDS", 2);
	CHECK_SYS(setenv("LISTEN_FDNAMES", "one:two", 1));
	no_set("activation");
}

const struct scenario sweep_set_activation = {
	.prepare = activation,
	.body = add,
	.check = check_strict,
	.clean = close_given,
	.reaches = ADOPTS,
	.exceptions =
		{
			ADOPTS_WITHOUT,
			{HARK__CALL_SETSOCKOPT, ANY, 14, 0},
			ANSWERS_NOT(3),
			ANSWERS_NOT(6),
			ANSWERS_NOT(9),
			ANSWERS_NOT(10),
			ANSWERS_NOT(11),
			ANSWERS_NOT(14),
			ANSWERS_NOT(15),
			ANSWERS_NOT(16),
		},
};

/* --------------------------------------------------------------------- a set that has some */

static void grown(void)
{
	every();
	CHECK_INT(hark_listener_set_add(&set, "0", NULL, NULL), ==, 2);
	had = 2;
}

static void check_grown(long long result)
{
	check_tcp(result);
	for (size_t i = 0; i < had; i++)
		CHECK_SYS(fcntl(set.listener[i].fd, F_GETFD));
}

const struct scenario sweep_set_grows = {
	.prepare = grown,
	.body = add,
	.check = check_grown,
	.clean = close_set,
	.reaches = OPENS_SET,
	.exceptions =
		{
			FAMILY_MAY_BE_OFF,
			DRAWS_AGAIN,
			OPENS_TWO_WITHOUT,
		},
};

static void of_three(void)
{
	unix_path();
	CHECK_INT(hark_listener_set_add(&set, text, NULL, NULL), ==, 1);
	CHECK_INT(hark_listener_set_add(&set, "127.0.0.1:0", NULL, NULL), ==, 1);
	CHECK_INT(hark_listener_set_add(&set, "127.0.0.1:0", NULL, NULL), ==, 1);
}

static long long close_all(struct hark_error *err)
{
	return CALLED(hark_listener_set_close_now)(&set, err);
}

static void check_empty(long long result)
{
	(void)result;
	CHECK_INT(set.count, ==, 0);
}

static void remove_path(void)
{
	(void)unlink(text + strlen("unix:")); /* there only if that was refused */
}

const struct scenario sweep_set_close = {
	.prepare = of_three,
	.body = close_all,
	.check = check_empty,
	.clean = remove_path,
	.reaches = REACHES(CLOSE) | REACHES(LSTAT) | REACHES(UNLINK) | REACHES(OPEN) |
		   REACHES(FLOCK),
	.exceptions =
		{
			{HARK__CALL_OPEN, ANY, 1, 0}, /* the lock for the path */
			{HARK__CALL_FLOCK, ANY, 0, 0},
			{HARK__CALL_CLOSE, ANY, 1, 0},
			{HARK__CALL_CLOSE, EINTR, 0, 0},
			{HARK__CALL_LSTAT, ENOENT, 0, 0},
			{HARK__CALL_UNLINK, ENOENT, 0, 0},
		},
	.releases = true,
};

/* -------------------------------------------------------------------------- wrappers */

static long long open_sockets(struct hark_error *err)
{
	return CALLED(hark_tcp_server_sockets)(&set, text, &options, err);
}

const struct scenario sweep_sockets = {
	.prepare = localhost,
	.body = open_sockets,
	.check = check_shared,
	.clean = close_set,
	.reaches = OPENS_SET,
	.exceptions =
		{
			FAMILY_MAY_BE_OFF,
			DRAWS_AGAIN,
			OPENS_TWO_WITHOUT,
		},
};

static int listening_fd, wake_fd, served;

/* The loop is told to stop before it begins. */
static void server(void)
{
	no_set("127.0.0.1:0");
	listening_fd = -1;
	served = 0;
	wake_fd = hark_wake_create(NULL);
	CHECK_OK(hark_wake(wake_fd));
}

static void serve(int fd, const struct hark_addr *peer, void *ctx)
{
	(void)ctx;
	CHECK_INT(hark_addr_family(peer), ==, AF_INET);
	served++;
	net_close(fd);
}

static int learn_socket(int fd, const struct hark_addr *addr, void *ctx)
{
	(void)addr, (void)ctx;
	listening_fd = fd;
	return 0;
}

/* Now somebody listens: a client that is gone before it is accepted. */
static void come_and_go(const struct hark_loop_event *event, void *ctx)
{
	(void)ctx;
	if (event->kind != HARK_LOOP_STOPPING)
		return;
	net_close(net_connect(net_local(listening_fd)));
	net_wait_queue(listening_fd, 1);
}

static long long serve_in_one_call(struct hark_error *err)
{
	struct hark_loop_options loop = {.wake_fd = wake_fd, .on_event = come_and_go};

	options.before_bind = learn_socket;
	return CALLED(hark_tcp_server_loop)(text, serve, NULL, &options, &loop, err);
}

/* Who connected before the end is served, unless accept saw nobody. */
static void check_served(long long result)
{
	if (result >= 0 && !sweep_was_told(HARK__CALL_ACCEPT, EAGAIN))
		CHECK_INT(served, ==, 1);
}

static void close_wake(void)
{
	net_close(wake_fd);
}

const struct scenario sweep_server_loop = {
	.prepare = server,
	.body = serve_in_one_call,
	.check = check_served,
	.clean = close_wake,
	.reaches = OPENS_SET | REACHES(POLL) | REACHES(ACCEPT),
	.exceptions =
		{
			{HARK__CALL_GETSOCKOPT, ANY, 2, 0},
			KEEPS_PORT(2),
			{HARK__CALL_BIND, EADDRINUSE, 2, 0}, /* draws again */
			{HARK__CALL_LISTEN, EADDRINUSE, 1, 0},
			{HARK__CALL_OPEN, ANY, 0, 0},
			{HARK__CALL_READ, ANY, 0, 0},
			{HARK__CALL_CLOSE, ANY, 0, 0},
			{HARK__CALL_POLL, EINTR, 0, 0},
			{HARK__CALL_ACCEPT, ANY, 0, 0},
		},
};
