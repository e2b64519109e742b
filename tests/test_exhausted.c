/* SPDX-License-Identifier: MIT
 *
 * hark_accept_loop without descriptors or memory: it waits without spinning, says so once,
 * loses nobody; or sheds, where it was told to.  Injected, and for real.
 *
 * Not here: the bookkeeping alone (test_pressure_internal.c).
 */
#include "loopback.h"
#include "sandbox.h"

#include "sys/sys.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { CLIENTS_MAX = 64 };

struct run {
	struct hark_listener listener;
	struct hark_loop_options options;
	struct hark_loop_counters counters;
	int served, wake_at; /* the handler's n-th call stops the loop */
	int paused, resumed, wake_at_resume; /* events */
	int code, lasted_ms;                 /* as they said */
	int held[CLIENTS_MAX];               /* connections that the handler keeps */
};

static void on_event(const struct hark_loop_event *event, void *ctx)
{
	struct run *run = ctx;

	if (event->kind == HARK_LOOP_PAUSED) {
		CHECK(event->error != NULL);
		CHECK_INT(event->error->step, ==, HARK_STEP_ACCEPT);
		run->code = event->error->code;
		run->paused++;
	}
	if (event->kind == HARK_LOOP_RESUMED) {
		CHECK_INT(run->resumed, <, run->paused);
		run->lasted_ms = event->paused_ms;
		run->resumed++;
		if (run->wake_at_resume)
			CHECK_OK(hark_wake(run->options.wake_fd));
	}
}

static void begin(struct run *run)
{
	*run = (struct run){.listener = open_tcp()};
	run->options.wake_fd = hark_wake_create(NULL);
	CHECK_OK(run->options.wake_fd);
	run->options.counters = &run->counters;
	run->options.counters_size = sizeof(run->counters);
	run->options.on_event = on_event;
	run->options.event_ctx = run;
}

static void end(struct run *run)
{
	net_close(run->options.wake_fd);
	close_listener(&run->listener);
}

static void serve(int fd, const struct hark_addr *peer, void *ctx)
{
	struct run *run = ctx;

	(void)peer;
	CHECK_OK(hark_write(fd, "x", 1, 5000, NULL));
	CHECK_OK(hark_close(fd, NULL));
	if (++run->served == run->wake_at)
		CHECK_OK(hark_wake(run->options.wake_fd));
}

static void loop(struct run *run, hark_accept_handler *handler)
{
	struct hark_error err;

	stamp(&err);
	CHECK_ERR(
		hark_accept_loop(&run->listener, 1, handler, run, &run->options, &err),
		0);
	CHECK(is_stamped(&err));
}

static void check_served_and_close(int client)
{
	char text[8];

	CHECK_INT(net_read_all(client, text, sizeof(text)), ==, 1);
	net_close(client);
}

/* --------------------------------------------------------------------------- injected */

static struct {
	int code;
	long long until_ms;
	atomic_int accepts, polls;
} injected;

static int inject(enum hark__call call)
{
	if (call == HARK__CALL_POLL)
		atomic_fetch_add(&injected.polls, 1);
	if (call != HARK__CALL_ACCEPT)
		return 0;
	atomic_fetch_add(&injected.accepts, 1);
	return now_ms() < injected.until_ms ? injected.code : 0;
}

static void fail_for(int ms, int code)
{
	injected.code = code;
	injected.until_ms = now_ms() + ms;
	hark__fault = inject;
}

/* P4: two seconds hold 5 + 10 + 20 + 40 + 80 ms and then at most twenty times 100 ms */
TEST(two_seconds, "out of descriptors for two seconds: no spinning, no flood of events")
{
	enum { CLIENTS = 10, TRIES = 5 + 20 };
	int client[CLIENTS];
	struct run run;

	begin(&run);
	for (int i = 0; i < CLIENTS; i++)
		client[i] = dial(&run.listener);
	run.wake_at = CLIENTS;
	fail_for(2000, -EMFILE);
	loop(&run, serve);
	CHECK_INT(run.served, ==, CLIENTS);
	CHECK_INT(run.paused, ==, 1);
	CHECK_INT(run.resumed, <=, 1);
	CHECK_INT(run.code, ==, -EMFILE);
	CHECK_INT(run.counters.exhausted, >=, 2);
	CHECK_INT(run.counters.exhausted, <=, TRIES);
	CHECK_INT(run.counters.pauses, ==, run.counters.exhausted);
	CHECK_INT(atomic_load(&injected.accepts), <=, TRIES + CLIENTS + 1);
	CHECK_INT(atomic_load(&injected.polls), <=, 2 * TRIES + CLIENTS + 2);
	for (int i = 0; i < CLIENTS; i++)
		check_served_and_close(client[i]);
	end(&run);
}

/* P4 P3 */
TEST(each_code, "whatever ran out, the client waits and is served")
{
	static const int codes[] = {-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM};
	struct run run;
	int client;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		begin(&run);
		client = dial(&run.listener);
		run.wake_at = 1;
		fail_for(60, codes[i]);
		loop(&run, serve);
		CHECK_INT(run.code, ==, codes[i]);
		CHECK_INT(run.paused, ==, 1);
		CHECK_INT(run.counters.pauses, ==, run.counters.exhausted);
		check_served_and_close(client);
		end(&run);
	}
}

/* P4 */
TEST(resumed,
	"a quiet second after the last trouble the episode is over, and that is told")
{
	struct run run;
	int client;

	begin(&run);
	client = dial(&run.listener);
	run.wake_at_resume = 1;
	fail_for(200, -ENFILE);
	loop(&run, serve);
	CHECK_INT(run.served, ==, 1);
	CHECK_INT(run.paused, ==, 1);
	CHECK_INT(run.resumed, ==, 1);
	CHECK_INT(run.lasted_ms, >=, 75); /* 5 + 10 + 20 + 40 ms: the fifth try */
	check_served_and_close(client);
	end(&run);
}

/* Descriptors for one at a time: after each connection one is missing. */
static int fail_every_other(enum hark__call call)
{
	if (call != HARK__CALL_ACCEPT)
		return 0;
	return atomic_fetch_add(&injected.accepts, 1) % 2 ? -EMFILE : 0;
}

static int from_second;

static void serve_and_tell(int fd, const struct hark_addr *peer, void *ctx)
{
	const struct run *run = ctx;
	struct hark_addr local;

	CHECK_OK(hark_local_addr(fd, &local, NULL));
	if (run->served < 10)
		from_second += hark_addr_compare(&local, &run->listener.addr) != 0;
	serve(fd, peer, ctx);
}

/* P4 W3: the shortage must not always hit the same; and each success makes waits short */
TEST(fair, "when descriptors come one by one, they go to all listeners by turns")
{
	enum { CLIENTS = 60 };
	struct hark_listener both[2];
	long long deadline;
	struct run run;
	int client[CLIENTS];

	begin(&run);
	both[0] = run.listener;
	both[1] = open_tcp();
	for (int i = 0; i < CLIENTS; i++)
		client[i] = dial(&both[i % 2]);
	run.wake_at = CLIENTS;
	hark__fault = fail_every_other;
	deadline = deadline_ms(4000); /* 60 times 5 ms; but 60 times 100 ms is more */
	CHECK_ERR(
		hark_accept_loop(both, 2, serve_and_tell, &run, &run.options, NULL), 0);
	CHECK_INT(left_ms(deadline), >, 0);
	hark__fault = NULL;
	CHECK_INT(from_second, >=, 3);
	CHECK_INT(from_second, <=, 7);
	CHECK_INT(run.paused, ==, 1);
	for (int i = 0; i < CLIENTS; i++)
		check_served_and_close(client[i]);
	close_listener(&both[1]);
	end(&run);
}

static int listening;

/* By the time that the loop may try again, another process has accepted the client. */
static int lose_it(enum hark__call call)
{
	int fd;

	if (call == HARK__CALL_POLL)
		atomic_fetch_add(&injected.polls, 1);
	if (call != HARK__CALL_ACCEPT)
		return 0;
	CHECK_SYS(fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC));
	net_close(fd);
	return injected.code;
}

static void check_lost_to_another(int code)
{
	struct run run;
	int client;

	begin(&run);
	client = dial(&run.listener);
	listening = run.listener.fd;
	run.wake_at_resume = 1;
	injected.code = code;
	atomic_store(&injected.polls, 0);
	hark__fault = lose_it;
	loop(&run, serve);
	hark__fault = NULL;
	CHECK_INT(run.served, ==, 0);
	CHECK_INT(run.resumed, ==, 1);
	CHECK_INT(atomic_load(&injected.polls), <=, 6);
	net_close(client);
	end(&run);
}

/* P4 P5: nothing is left to succeed with, and the episode ends all the same */
TEST(taken_meanwhile,
	"trouble with a client that another process takes: no spinning after")
{
	check_lost_to_another(-EMFILE);
	check_lost_to_another(-EIO); /* P3: unknown, but off the queue */
}

static void *wake_at_pause(void *ctx)
{
	struct run *run = ctx;

	WAIT_UNTIL(atomic_load(&injected.accepts) >= 8);
	CHECK_OK(hark_wake(run->options.wake_fd));
	return NULL;
}

/* P4 X4 */
TEST(stop_in_pause, "a pause does not keep a loop from stopping at once")
{
	pthread_t thread;
	struct run run;
	int client, fd;

	begin(&run);
	client = dial(&run.listener);
	run.options.stop = HARK_STOP_AT_ONCE;
	fail_for(60000, -EMFILE);
	thread = start(wake_at_pause, &run);
	loop(&run, serve);
	join(thread);
	hark__fault = NULL;
	CHECK_OK(fd = hark_accept_try(run.listener.fd, NULL, NULL));
	net_close(fd);
	net_close(client);
	end(&run);
}

/* P4 W3 */
TEST(stop_while_out,
	"told to stop when empty, it waits for descriptors, but only so long")
{
	struct run run;
	int client, fd;
	long long began = now_ms();

	begin(&run);
	client = dial(&run.listener);
	run.options.stop_ms = 150;
	CHECK_OK(hark_wake(run.options.wake_fd));
	fail_for(60000, -EMFILE);
	loop(&run, serve);
	hark__fault = NULL;
	CHECK_INT(now_ms() - began, >=, 150);
	CHECK_INT(run.counters.exhausted, >=, 2);
	CHECK_INT(run.served, ==, 0);
	CHECK_OK(fd = hark_accept_try(run.listener.fd, NULL, NULL));
	net_close(fd);
	fail_for(50, -EMFILE);
	client = (net_close(client), dial(&run.listener));
	run.options.stop_ms = 0;
	loop(&run, serve);
	CHECK_INT(run.served, ==, 1);
	check_served_and_close(client);
	end(&run);
}

/* --------------------------------------------------------------------------- for real */

/*
 * Lowers the limit until exactly `wanted` descriptors can still be opened.  Valgrind does not
 * pass the limit on: it lets accept(2) succeed, closes the connection and says EMFILE.
 */
static void leave_free(int wanted)
{
	struct rlimit limit;
	int fd = 0;

	REQUIRE(!getenv("HARK_VALGRIND"),
		"under valgrind a failed accept loses clients");
	for (; wanted > 0; fd++)
		wanted -= !is_open(fd);
	while (is_open(fd))
		fd++;
	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = (rlim_t)fd;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
}

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool open;
} door = {.mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};

static void open_door(const struct hark_loop_event *event, void *ctx)
{
	on_event(event, ctx);
	if (event->kind != HARK_LOOP_PAUSED)
		return;
	(void)pthread_mutex_lock(&door.mutex); /* cannot fail: not recursive */
	door.open = true;
	(void)pthread_cond_broadcast(&door.cond);
	(void)pthread_mutex_unlock(&door.mutex);
}

/* Holds its connection until descriptors have run out, and a while longer. */
static void *hold(void *ctx)
{
	int fd = (int)(intptr_t)ctx;

	(void)pthread_mutex_lock(&door.mutex);
	while (!door.open)
		(void)pthread_cond_wait(&door.cond, &door.mutex);
	(void)pthread_mutex_unlock(&door.mutex);
	(void)poll(NULL, 0, 10);
	CHECK_OK(hark_write(fd, "x", 1, 5000, NULL));
	CHECK_OK(hark_close(fd, NULL));
	return NULL;
}

static pthread_t holder[CLIENTS_MAX];

static void hold_in_thread(int fd, const struct hark_addr *peer, void *ctx)
{
	struct run *run = ctx;

	(void)peer;
	holder[run->served] = start(hold, (void *)(intptr_t)fd);
	if (++run->served == run->wake_at)
		CHECK_OK(hark_wake(run->options.wake_fd));
}

/*
 * P4: forty clients, and descriptors for a few of them at a time.  A loop that spins makes
 * a hundred calls a millisecond; this one waits 5 ms at least after a call that failed.
 */
TEST(few_descriptors, "with descriptors for sixteen, forty clients are all served")
{
	enum { CLIENTS = 40, FREE = 16 };
	int client[CLIENTS];
	long long began_ms;
	struct run run;

	begin(&run);
	run.options.on_event = open_door;
	run.wake_at = CLIENTS;
	for (int i = 0; i < CLIENTS; i++)
		client[i] = dial(&run.listener);
	leave_free(FREE);
	fail_for(0, 0);
	began_ms = now_ms();
	loop(&run, hold_in_thread);
	CHECK_INT(injected.polls, <=, now_ms() - began_ms + 4 * CLIENTS);
	CHECK_INT(injected.accepts, <=, now_ms() - began_ms + 4 * CLIENTS);
	for (int i = 0; i < CLIENTS; i++) {
		join(holder[i]);
		check_served_and_close(client[i]);
	}
	CHECK_INT(run.served, ==, CLIENTS);
	CHECK_INT(run.code, ==, -EMFILE);
	CHECK_INT(run.counters.exhausted, >=, 1);
	CHECK_INT(run.paused, >=, 1);
	CHECK_INT(run.paused + run.resumed, <=, 3);
	end(&run);
}

/* ------------------------------------------------------------------------------- shed */

static void keep(int fd, const struct hark_addr *peer, void *ctx)
{
	struct run *run = ctx;

	(void)peer;
	__atomic_store_n(&run->held[run->served], fd, __ATOMIC_RELEASE);
	CHECK_OK(hark_write(fd, "x", 1, 5000, NULL));
	if (++run->served == run->wake_at)
		CHECK_OK(hark_wake(run->options.wake_fd));
}

static int held(const struct run *run, int i)
{
	return __atomic_load_n(&run->held[i], __ATOMIC_ACQUIRE);
}

static void *keeping_loop(void *run)
{
	loop(run, keep);
	return NULL;
}

static void check_greeted(int client)
{
	char text[8];

	CHECK_INT(net_read(client, text, sizeof(text), 1), ==, 1);
}

static void check_reset(int client)
{
	char text[8];

	CHECK_ERR(net_read(client, text, sizeof(text), 1), -ECONNRESET);
}

/* A socket while there are descriptors, to connect when there are none. */
static int new_socket(void)
{
	int fd;

	CHECK_SYS(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	return fd;
}

static int dial_from(int fd, const struct hark_listener *listener)
{
	CHECK_SYS(connect(fd, &listener->addr.u.any, listener->addr.length));
	return fd;
}

/* P4: one of the three places that are free is the reserve; no client is closed meanwhile */
TEST(shed, "shedding, clients beyond the limit learn it at once; and service resumes")
{
	int client[6], late[2] = {new_socket(), new_socket()};
	pthread_t thread;
	struct run run;

	begin(&run);
	run.options.pressure = HARK_PRESSURE_SHED;
	for (int i = 0; i < 6; i++)
		client[i] = dial(&run.listener);
	leave_free(3);
	run.wake_at = 3;
	thread = start(keeping_loop, &run);
	check_greeted(client[0]);
	check_greeted(client[1]);
	for (int i = 2; i < 6; i++)
		check_reset(client[i]);
	check_reset(dial_from(late[0], &run.listener));
	net_close(held(&run, 0));
	check_greeted(dial_from(late[1], &run.listener));
	join(thread);
	CHECK_INT(run.counters.accepted, ==, 3);
	CHECK_INT(run.counters.shed, ==, 5);
	CHECK_INT(run.counters.exhausted, ==, 5);
	CHECK_INT(run.counters.pauses, ==, 0);
	CHECK_INT(run.paused, ==, 1);
	for (int i = 1; i < 3; i++)
		net_close(run.held[i]);
	for (int i = 0; i < 6; i++)
		net_close(client[i]);
	net_close(late[0]);
	net_close(late[1]);
	end(&run);
}

static atomic_int thief = -1;

/* The place that the reserve leaves is taken before the client can have it. */
static int steal_the_reserve(enum hark__call call)
{
	if (call == HARK__CALL_CLOSE && atomic_load(&thief) < 0)
		atomic_store(&thief, fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
	return 0;
}

static unsigned long read_counter(const unsigned long *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* P4 */
TEST(stolen_reserve, "a stolen reserve means waiting, until there is a reserve again")
{
	int client[3];
	pthread_t thread;
	struct run run;

	begin(&run);
	run.options.pressure = HARK_PRESSURE_SHED;
	for (int i = 0; i < 3; i++)
		client[i] = dial(&run.listener);
	leave_free(2);
	hark__fault = steal_the_reserve;
	thread = start(keeping_loop, &run);
	check_greeted(client[0]);
	WAIT_UNTIL(read_counter(&run.counters.pauses) >= 2);
	CHECK_INT(atomic_load(&thief), >=, 0);
	CHECK_INT(read_counter(&run.counters.shed), ==, 0);
	CHECK_INT(net_queue(run.listener.fd), ==, 2);
	net_close(atomic_load(&thief));
	check_reset(client[1]);
	check_reset(client[2]);
	CHECK_OK(hark_wake(run.options.wake_fd));
	join(thread);
	hark__fault = NULL;
	CHECK_INT(run.counters.shed, ==, 2);
	CHECK_INT(run.served, ==, 1);
	net_close(run.held[0]);
	for (int i = 0; i < 3; i++)
		net_close(client[i]);
	end(&run);
}

/* P4: the default loses nobody; here the same shortage, and the same clients */
TEST(pause, "pausing, clients beyond the limit wait, and are served when others end")
{
	int client[6];
	pthread_t thread;
	struct run run;

	begin(&run);
	for (int i = 0; i < 6; i++)
		client[i] = dial(&run.listener);
	leave_free(2);
	run.wake_at = 6;
	thread = start(keeping_loop, &run);
	for (int i = 0; i < 6; i++) {
		check_greeted(client[i]);
		if (i == 1)
			WAIT_UNTIL(read_counter(&run.counters.pauses) >= 2);
		if (i > 0)
			net_close(held(&run, i - 1));
	}
	join(thread);
	CHECK_INT(run.counters.shed, ==, 0);
	CHECK_INT(run.paused, ==, 1);
	net_close(run.held[5]);
	for (int i = 0; i < 6; i++)
		net_close(client[i]);
	end(&run);
}
