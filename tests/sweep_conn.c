/*
 * The fault sweep: what a handler may call, each by itself.
 *
 * The server runs in threads of its own, which wait: its handler has lent the connection to
 * the body, and all of them make no call until it comes back.
 */
#include "sweep_scenarios.h"

#include <fcntl.h>
#include <hark_server.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "net.h"

enum { STACK_BYTES = 256 * 1024 };

static struct hark_server *server;
static struct hark_conn *conn;
static sem_t lent, given_back;
static pthread_t runner;
static int client, onward, file, opened;

static void lend(struct hark_conn *mine, void *ctx)
{
	(void)ctx;
	conn = mine;
	CHECK_SYS(sem_post(&lent));
	while (sem_wait(&given_back) < 0)
		CHECK_INT(errno, ==, EINTR);
}

static void *run(void *ctx)
{
	(void)ctx;
	CHECK_OK(hark_server_run(server, NULL));
	return NULL;
}

/* Serial: its two threads wait while the connection is lent. */
static void begin_with(const char *text)
{
	static const struct hark_server_options options = {.model = HARK_MODEL_SERIAL};

	server = hark_server_create(&options, lend, NULL, NULL);
	CHECK(server != NULL);
	CHECK_INT(hark_server_listen(server, "127.0.0.1:0", NULL, NULL), ==, 1);
	CHECK_SYS(sem_init(&lent, 0, 0));
	CHECK_SYS(sem_init(&given_back, 0, 0));
	client = net_connect(net_local(hark_server_listener(server, 0)->fd));
	net_send(client, text);
	CHECK_INT(pthread_create(&runner, NULL, run, NULL), ==, 0);
	while (sem_wait(&lent) < 0)
		CHECK_INT(errno, ==, EINTR);
	onward = file = opened = -1;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		net_close(fd);
}

static void end(void)
{
	net_close(client);
	close_if_open(onward);
	close_if_open(file);
	close_if_open(opened);
	CHECK_SYS(sem_post(&given_back));
	CHECK_OK(hark_server_stop(server));
	CHECK_INT(pthread_join(runner, NULL), ==, 0);
	CHECK_OK(hark_server_destroy(server));
}

static void silent_client(void)
{
	begin_with("");
}

/* What went wrong stands in the connection, and nowhere else. */
static long long tell(long long result, struct hark_error *err)
{
	const struct hark_error *why = CALLED(hark_conn_error)(conn);

	if (result < 0 && err && why->code == result)
		*err = *why;
	return result;
}

/* -------------------------------------------------------------------------------- reading */

static void talking_client(void)
{
	begin_with("one\ntwo\nthree");
}

/* The first of them has it all in the buffer. */
static long long read_all(struct hark_error *err)
{
	const void *data;
	char *line, two[2];
	ssize_t got = CALLED(hark_conn_peek)(conn, &data, 13);

	if (got < 0)
		return tell(got, err);
	CALLED(hark_conn_skip)(conn, 1);
	CHECK_INT(CALLED(hark_conn_ahead)(conn), ==, 12);
	CHECK_INT(CALLED(hark_conn_read_until)(conn, '\n', &data, 0), ==, 3);
	CHECK_INT(CALLED(hark_conn_read_line)(conn, &line, NULL, 0), ==, 4);
	CHECK_STR(line, "two");
	CHECK_INT(CALLED(hark_conn_read)(conn, two, sizeof(two)), ==, 2);
	CHECK_INT(CALLED(hark_conn_receive)(conn, &data), ==, 3);
	CHECK_INT(memcmp(data, "ree", 3), ==, 0);
	return 0;
}

/* A kernel that gave up on the client is a client that is gone. */
#define READS                                                            \
	{HARK__CALL_RECV, EAGAIN, 0, 0}, {HARK__CALL_RECV, EINTR, 0, 0}, \
	{                                                                \
		HARK__CALL_RECV, ETIMEDOUT, 0, -ECONNRESET               \
	}

const struct scenario sweep_conn_read = {
	.prepare = talking_client,
	.body = read_all,
	.clean = end,
	.reaches = REACHES(RECV),
	.exceptions = {READS},
};

static long long read_late(struct hark_error *err)
{
	char text[8];

	CALLED(hark_conn_set_read_timeout)(conn, 1);
	return tell(hark_conn_read(conn, text, sizeof(text)), err);
}

const struct scenario sweep_conn_read_late = {
	.prepare = silent_client,
	.body = read_late,
	.clean = end,
	.reaches = REACHES(RECV) | REACHES(POLL),
	.exceptions = {{HARK__CALL_RECV, ETIMEDOUT, 0, -ECONNRESET}},
	.expects = -ETIMEDOUT,
	.results = {-ETIMEDOUT},
};

/* ------------------------------------------------------------------------------- writing */

__attribute__((format(printf, 1, 2))) static int print(const char *format, ...)
{
	va_list args;
	int done;

	va_start(args, format);
	done = CALLED(hark_conn_vprintf)(conn, format, args);
	va_end(args);
	return done;
}

static long long write_all(struct hark_error *err)
{
	int done = CALLED(hark_conn_write)(conn, "one", 3);

	if (done == 0)
		done = CALLED(hark_conn_printf)(conn, "%s", "two");
	if (done == 0)
		done = print("%d", 3);
	return tell(done, err);
}

const struct scenario sweep_conn_write = {
	.prepare = silent_client,
	.body = write_all,
	.clean = end,
	.reaches = REACHES(SEND),
	.exceptions =
		{
			{HARK__CALL_SEND, EAGAIN, 0, 0},
			{HARK__CALL_SEND, EINTR, 0, 0},
			{HARK__CALL_SEND, ETIMEDOUT, 0, -ECONNRESET},
		},
};

static void have_file(void)
{
	char path[256];

	silent_client();
	(void)snprintf(path, sizeof(path), "%s/.file", temp_directory());
	CHECK_SYS(file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
	CHECK_INT(write(file, "text", 4), ==, 4);
}

static long long send_file(struct hark_error *err)
{
	return tell(CALLED(hark_conn_send_file)(conn, file, 1, 3), err);
}

const struct scenario sweep_conn_send_file = {
	.prepare = have_file,
	.body = send_file,
	.clean = end,
	.reaches = REACHES(SETSOCKOPT) | REACHES(POLL) | REACHES(SENDFILE),
	.exceptions =
		{
			{HARK__CALL_SENDFILE, EAGAIN, 0, 0},
			{HARK__CALL_SENDFILE, EINTR, 0, 0},
			{HARK__CALL_SENDFILE, ETIMEDOUT, 0, -ECONNRESET},
			{HARK__CALL_POLL, EINTR, 0, 0},
		},
};

/* ------------------------------------------------------------------------------- waiting */

static long long wait_for_room(struct hark_error *err)
{
	struct pollfd fd = {CALLED(hark_conn_fd)(conn), POLLOUT, 0};
	int ready = CALLED(hark_conn_poll)(conn, &fd, 1, 1000);

	return ready < 0 ? tell(ready, err)
			 : tell(CALLED(hark_conn_sleep)(conn, 1), err);
}

const struct scenario sweep_conn_wait = {
	.prepare = silent_client,
	.body = wait_for_room,
	.clean = end,
	.reaches = REACHES(POLL),
	.exceptions = {{HARK__CALL_POLL, EINTR, 0, 0}},
};

static void have_onward(void)
{
	silent_client();
	onward = net_listen(net_ip("127.0.0.1", 0), 64);
}

static long long call_onward(struct hark_error *err)
{
	struct net_addr to = net_local(onward);
	struct hark_addr addr;

	CHECK_OK(hark_addr_from_sockaddr(&addr, &to.sa.any, to.length, NULL));
	opened = CALLED(hark_conn_connect)(conn, &addr, 1000);
	return tell(opened, err);
}

const struct scenario sweep_conn_connect = {
	.prepare = have_onward,
	.body = call_onward,
	.clean = end,
	.reaches = REACHES(SOCKET) | REACHES(SETSOCKOPT) | REACHES(CONNECT) |
		   REACHES(POLL) | REACHES(GETSOCKOPT) | REACHES(GETFL) |
		   REACHES(SETFL),
	.exceptions =
		{
			{HARK__CALL_SETSOCKOPT, ANY, 0, 0}, /* TCP_NODELAY */
			{HARK__CALL_CONNECT, EINPROGRESS, 1, 0},
			{HARK__CALL_CONNECT, EINTR, 1, 0},
			{HARK__CALL_POLL, EINTR, 0, 0},
		},
	.results = {-ETIMEDOUT},
};

/* --------------------------------------------------------------------------------- ways out */

static long long half_close(struct hark_error *err)
{
	return tell(CALLED(hark_conn_close_write)(conn), err);
}

const struct scenario sweep_conn_close_write = {
	.prepare = silent_client,
	.body = half_close,
	.clean = end,
	.reaches = REACHES(SHUTDOWN),
	.exceptions = {{HARK__CALL_SHUTDOWN, ENOTCONN, 1, 0}},
};

static long long release(struct hark_error *err)
{
	opened = CALLED(hark_conn_release)(conn, NULL, NULL);
	return tell(opened, err);
}

const struct scenario sweep_conn_release = {
	.prepare = silent_client,
	.body = release,
	.clean = end,
	.reaches = REACHES(SETSOCKOPT) | REACHES(GETSOCKNAME),
	.exceptions = {{HARK__CALL_GETSOCKNAME, ANY, 0, 0}}, /* "no address" */
};

static long long reset(struct hark_error *err)
{
	char text[8];

	(void)err;
	CALLED(hark_conn_abort)(conn);
	CHECK_INT(hark_conn_read(conn, text, sizeof(text)), ==, -ECONNRESET);
	return 0;
}

/* It is released in any case. */
const struct scenario sweep_conn_abort = {
	.prepare = silent_client,
	.body = reset,
	.clean = end,
	.reaches = REACHES(SETSOCKOPT) | REACHES(CLOSE) | REACHES(GETSOCKNAME),
	.exceptions = {{HARK__CALL_SETSOCKOPT, ANY, 0, 0},
		{HARK__CALL_GETSOCKNAME, ANY, 0, 0}, {HARK__CALL_CLOSE, ANY, 0, 0}},
	.releases = true,
};

/* ------------------------------------------------------------------------------ who it is */

static void set_all(void)
{
	CALLED(hark_conn_set_write_timeout)(conn, 1000);
	CALLED(hark_conn_set_deadline)(conn, -1);
	CALLED(hark_conn_idle)(conn, true);
	CALLED(hark_conn_close_with)(conn, HARK_CLOSE_AT_ONCE);
	CALLED(hark_conn_set_user)(conn, server);
	CHECK(CALLED(hark_conn_user)(conn) == server);
	CHECK(!CALLED(hark_conn_draining)(conn));
}

/* What cannot be had is told as "no address" and by a negative number. */
static long long ask(struct hark_error *err)
{
	const struct hark_addr *local = CALLED(hark_conn_local_addr)(conn);
	int waited_ms = CALLED(hark_conn_queue_wait_ms)(conn);

	(void)err;
	set_all();
	CHECK(local != NULL);
	CHECK_INT(CALLED(hark_conn_number)(conn), ==, 1);
	CHECK_INT(hark_addr_family(CALLED(hark_conn_peer_addr)(conn)), ==, AF_INET);
	if (sweep_injected() == 0)
		CHECK_INT(waited_ms, >=, 0);
	return 0;
}

const struct scenario sweep_conn_ask = {
	.prepare = silent_client,
	.body = ask,
	.clean = end,
	.reaches = REACHES(GETSOCKNAME) | REACHES(GETSOCKOPT),
	.exceptions = {{HARK__CALL_GETSOCKNAME, ANY, 0, 0},
		{HARK__CALL_GETSOCKOPT, ANY, 0, 0}},
};
