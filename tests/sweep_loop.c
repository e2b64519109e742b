/*
 * The fault sweep: the accept loop, which goes on through nearly everything.
 */
#include "sweep_scenarios.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "harness.h"
#include "net.h"

enum { CLIENTS = 2 };

static struct hark_listener listener;
static struct hark_loop_options options;
static struct hark_loop_counters counters;
static int client[CLIENTS], served, paused;

/* Not by hark, whose write may be the one that fails: then the loop would never end. */
static void wake_loop(void)
{
	const uint64_t one = 1;

	CHECK_INT(write(options.wake_fd, &one, sizeof(one)), ==, sizeof(one));
}

static void note_event(const struct hark_loop_event *event, void *ctx)
{
	(void)ctx;
	if (event->kind != HARK_LOOP_PAUSED)
		return;
	CHECK_INT(event->error->code, <, 0);
	paused++;
}

static void listen_at(const char *text, int clients)
{
	struct hark_addr address;

	CHECK_OK(hark_addr_parse(&address, text, NULL));
	CHECK_OK(hark_listener_open(&listener, &address, NULL, NULL));
	for (int i = 0; i < CLIENTS; i++)
		client[i] = i < clients ? net_connect(net_local(listener.fd)) : -1;
	memset(&counters, 0, sizeof(counters));
	served = paused = 0;
	options = (struct hark_loop_options){
		.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.on_event = note_event,
		.counters = &counters,
		.counters_size = sizeof(counters),
	};
	CHECK_SYS(options.wake_fd);
}

static void one_client(void)
{
	listen_at("127.0.0.1:0", 1);
	net_wait_queue(listener.fd, 1);
}

static void serve(int fd, const struct hark_addr *peer, void *ctx)
{
	(void)ctx;
	CHECK_INT(hark_addr_family(peer), ==, AF_INET);
	net_close(fd);
	served++;
	wake_loop();
}

static long long loop(struct hark_error *err)
{
	return CALLED(hark_accept_loop)(&listener, 1, serve, NULL, &options, err);
}

static void clean(void)
{
	CHECK_OK(hark_listener_close_now(&listener, NULL));
	net_close(options.wake_fd);
	for (int i = 0; i < CLIENTS; i++)
		if (client[i] >= 0)
			net_close(client[i]);
}

/* P3 P4: whatever accept said, the client in the queue was served, and all was counted. */
static void check_served(long long result)
{
	unsigned long troubles = counters.failed + counters.stolen +
				 counters.exhausted + counters.unknown;

	if (result < 0)
		return;
	CHECK_INT(served, ==, 1);
	CHECK_INT(counters.accepted, ==, 1);
	CHECK_INT(troubles, <=, sweep_injected());
	CHECK_INT(counters.pauses > 0, ==, paused > 0);
}

/* All but the three that mean a broken listener: those end it. */
#define GOES_ON                                                                        \
	{HARK__CALL_ACCEPT, EAGAIN, 0, 0}, {HARK__CALL_ACCEPT, EINTR, 0, 0},           \
		{HARK__CALL_ACCEPT, ECONNABORTED, 0, 0},                               \
		{HARK__CALL_ACCEPT, EPROTO, 0, 0}, {HARK__CALL_ACCEPT, EPERM, 0, 0},   \
		{HARK__CALL_ACCEPT, ENETDOWN, 0, 0},                                   \
		{HARK__CALL_ACCEPT, ENETUNREACH, 0, 0},                                \
		{HARK__CALL_ACCEPT, EHOSTDOWN, 0, 0},                                  \
		{HARK__CALL_ACCEPT, EHOSTUNREACH, 0, 0},                               \
		{HARK__CALL_ACCEPT, ENONET, 0, 0},                                     \
		{HARK__CALL_ACCEPT, ENOPROTOOPT, 0, 0},                                \
		{HARK__CALL_ACCEPT, EOPNOTSUPP, 0, 0},                                 \
		{HARK__CALL_ACCEPT, EMFILE, 0, 0}, {HARK__CALL_ACCEPT, ENFILE, 0, 0},  \
		{HARK__CALL_ACCEPT, ENOBUFS, 0, 0}, {HARK__CALL_ACCEPT, ENOMEM, 0, 0}, \
		{HARK__CALL_ACCEPT, ENOSR, 0, 0},                                      \
		{HARK__CALL_ACCEPT, ESOCKTNOSUPPORT, 0, 0},                            \
		{HARK__CALL_ACCEPT, EPROTONOSUPPORT, 0, 0},                            \
		{HARK__CALL_ACCEPT, ETIMEDOUT, 0, 0},                                  \
		{HARK__CALL_ACCEPT, ESTALE, 0, 0},                                     \
	{                                                                              \
		HARK__CALL_POLL, EINTR, 0, 0                                           \
	}

/* One that is told to stop believes accept that nobody is there. */
static void check_served_or_empty(long long result)
{
	if (!sweep_was_told(HARK__CALL_ACCEPT, EAGAIN))
		check_served(result);
}

const struct scenario sweep_loop = {
	.prepare = one_client,
	.body = loop,
	.check = check_served,
	.clean = clean,
	.reaches = REACHES(POLL) | REACHES(ACCEPT),
	.exceptions = {GOES_ON},
};

static void one_client_and_stop(void)
{
	one_client();
	wake_loop();
}

/* Told to stop before it began, it accepts until the queue is empty. */
const struct scenario sweep_loop_stopping = {
	.prepare = one_client_and_stop,
	.body = loop,
	.check = check_served_or_empty,
	.clean = clean,
	.reaches = REACHES(POLL) | REACHES(ACCEPT),
	.exceptions = {GOES_ON},
};

/* ---------------------------------------------------------------------------- signals */

static void two_clients_and_signals(void)
{
	listen_at("127.0.0.1:0", 2);
	net_wait_queue(listener.fd, 2);
	options.mind_signals = HARK_ON;
}

/* Should the signal's own write fail, the second client ends the loop. */
static void serve_and_raise(int fd, const struct hark_addr *peer, void *ctx)
{
	(void)peer, (void)ctx;
	net_close(fd);
	if (++served == 1)
		CHECK_INT(raise(SIGTERM), ==, 0);
	else
		wake_loop();
}

static long long loop_with_signals(struct hark_error *err)
{
	return CALLED(hark_accept_loop)(
		&listener, 1, serve_and_raise, NULL, &options, err);
}

/* The handlers of before are back, unless it was that call that failed. */
static void check_signals(long long result)
{
	struct sigaction action;

	CHECK_SYS(sigaction(SIGTERM, NULL, &action));
	if (sweep_injected() == 0 || result < 0)
		CHECK(action.sa_handler == SIG_DFL);
	if (result >= 0 && !sweep_was_told(HARK__CALL_ACCEPT, EAGAIN))
		CHECK_INT(served, ==, 2);
}

static void clean_signals(void)
{
	CHECK(signal(SIGTERM, SIG_DFL) != SIG_ERR);
	CHECK(signal(SIGINT, SIG_DFL) != SIG_ERR);
	clean();
}

const struct scenario sweep_loop_signals = {
	.prepare = two_clients_and_signals,
	.body = loop_with_signals,
	.check = check_signals,
	.clean = clean_signals,
	.reaches = REACHES(POLL) | REACHES(ACCEPT) | REACHES(EVENTFD) |
		   REACHES(SIGACTION) | REACHES(READ) | REACHES(WRITE) | REACHES(CLOSE),
	.exceptions =
		{
			GOES_ON,
			{HARK__CALL_SIGACTION, ANY, 3, 0}, /* as before */
			{HARK__CALL_SIGACTION, ANY, 4, 0},
			{HARK__CALL_READ, ANY, 1, 0},
			{HARK__CALL_WRITE, ANY, 1, 0},
			{HARK__CALL_CLOSE, ANY, 0, 0},
		},
};

/* ------------------------------------------------------------------------------- Unix */

static void unix_client(void)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "unix:@%s/loop", temp_directory());
	listen_at(text, 1);
	options.stop = HARK_STOP_CLOSING;
	wake_loop();
}

static void serve_unix(int fd, const struct hark_addr *peer, void *ctx)
{
	(void)peer, (void)ctx;
	net_close(fd);
	served++;
}

static long long loop_unix(struct hark_error *err)
{
	return CALLED(hark_accept_loop)(&listener, 1, serve_unix, NULL, &options, err);
}

/* X5 */
const struct scenario sweep_loop_unix = {
	.prepare = unix_client,
	.body = loop_unix,
	.check = check_served_or_empty,
	.clean = clean,
	.reaches = REACHES(POLL) | REACHES(ACCEPT) | REACHES(SHUTDOWN),
	.exceptions = {GOES_ON, {HARK__CALL_SHUTDOWN, ANY, 1, 0}},
};

/* --------------------------------------------------------------------------- pressure */

/* The first accept has just said EMFILE: until the queue is empty. */
static void stop_when_paused(const struct hark_loop_event *event, void *ctx)
{
	note_event(event, ctx);
	if (event->kind == HARK_LOOP_PAUSED)
		wake_loop();
}

static void two_clients_and_reserve(void)
{
	listen_at("127.0.0.1:0", 2);
	net_wait_queue(listener.fd, 2);
	options.pressure = HARK_PRESSURE_SHED;
	options.on_event = stop_when_paused;
}

/* One is shed and one served; without a reserve, both are served in the end. */
static void serve_rest(int fd, const struct hark_addr *peer, void *ctx)
{
	(void)peer, (void)ctx;
	net_close(fd);
	served++;
}

static long long loop_shedding(struct hark_error *err)
{
	return CALLED(hark_accept_loop)(&listener, 1, serve_rest, NULL, &options, err);
}

static void check_shed(long long result)
{
	if (result < 0)
		return;
	CHECK_INT(counters.accepted, ==, served);
	if (!sweep_was_told(HARK__CALL_ACCEPT, EAGAIN))
		CHECK_INT(counters.accepted + counters.shed, ==, 2);
	CHECK_INT(counters.exhausted, >=, 1);
}

/* P4 */
const struct scenario sweep_loop_shedding = {
	.prepare = two_clients_and_reserve,
	.body = loop_shedding,
	.check = check_shed,
	.clean = clean,
	.reaches = REACHES(POLL) | REACHES(ACCEPT) | REACHES(SOCKET) | REACHES(CLOSE) |
		   REACHES(SETSOCKOPT) | REACHES(GETSOCKNAME) | REACHES(GETRLIMIT),
	.exceptions =
		{
			GOES_ON,
			{HARK__CALL_POLL, ANY, 2, 0}, /* whether anybody is there */
			{HARK__CALL_SOCKET, ANY, 0, 0},
			{HARK__CALL_CLOSE, ANY, 0, 0},
			{HARK__CALL_SETSOCKOPT, ANY, 0, 0},
			{HARK__CALL_GETSOCKNAME, ANY, 0, 0},
			{HARK__CALL_GETRLIMIT, ANY, 0, 0},
		},
	.given = {HARK__CALL_ACCEPT, EMFILE, 1, 0},
};

static void check_paused(long long result)
{
	if (result < 0)
		return;
	CHECK_INT(served, ==, 1);
	CHECK_INT(counters.exhausted, >=, 1);
	CHECK_INT(counters.pauses, >=, 1);
	CHECK_INT(paused, ==, 1); /* told once, however often */
}

const struct scenario sweep_loop_exhausted = {
	.prepare = one_client,
	.body = loop,
	.check = check_paused,
	.clean = clean,
	.reaches = REACHES(POLL) | REACHES(ACCEPT) | REACHES(GETSOCKNAME) |
		   REACHES(GETRLIMIT),
	.sweeps = REACHES(POLL) | REACHES(GETSOCKNAME) | REACHES(GETRLIMIT),
	.exceptions =
		{
			{HARK__CALL_POLL, EINTR, 0, 0},
			{HARK__CALL_GETSOCKNAME, ANY, 0, 0},
			{HARK__CALL_GETRLIMIT, ANY, 0, 0},
		},
	.given = {HARK__CALL_ACCEPT, EMFILE, 1, 0},
};
