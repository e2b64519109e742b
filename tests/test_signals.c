/* SPDX-License-Identifier: MIT
 *
 * SIGINT and SIGTERM end a loop that was asked to mind them; whoever had them before has
 * them after.
 */
#include "loopback.h"

#include "sys/sys.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>

/* ------------------------------------------------------------------------ whole server */

/*
 * A port that nobody else will be given, though a server may still listen on it: with
 * SO_REUSEADDR two may be bound while not both listen.
 */
static int reserve_port(void)
{
	struct net_addr any = net_ip("127.0.0.1", 0);
	int fd, one = 1;

	CHECK_SYS(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK_SYS(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	CHECK_SYS(bind(fd, &any.sa.any, any.length));
	return fd;
}

/* Serves a client for as long as it likes: one byte each way. */
static void serve(int fd, const struct hark_addr *peer, void *ctx)
{
	char byte;

	(void)peer, (void)ctx;
	CHECK_INT(hark_read(fd, &byte, 1, 5000, NULL), ==, 1);
	CHECK_OK(hark_write(fd, &byte, 1, 5000, NULL));
	CHECK_OK(hark_close(fd, NULL));
}

/* As a main() would: nothing but the call, and its result as the exit status. */
static pid_t start_server(unsigned port, enum hark_toggle mind_signals)
{
	struct hark_loop_options options = {.mind_signals = mind_signals};
	char text[32];
	pid_t pid;

	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	CHECK_SYS(pid = fork());
	if (pid > 0)
		return pid;
	_exit(hark_tcp_server_loop(text, serve, NULL, NULL, &options, NULL) == 0 ? 0
										 : 1);
}

static int client_of(unsigned port)
{
	int fd;

	WAIT_UNTIL((fd = net_try_connect(net_ip("127.0.0.1", port))) >= 0);
	return fd;
}

static void check_served_and_close(int client)
{
	char text[8];

	net_send(client, "a");
	CHECK_INT(net_read_all(client, text, sizeof(text)), ==, 1);
	net_close(client);
}

/*
 * The server is busy with the first client when the signal comes, the others wait in its
 * queue.  Once kill(2) has returned the signal is there, before the server reads on.
 */
static void check_ends_cleanly(int number)
{
	enum { CLIENTS = 6 };
	int reserved = reserve_port(), client[CLIENTS], status;
	unsigned port = net_port(reserved);
	pid_t pid = start_server(port, HARK_ON);

	check_served_and_close(client_of(port)); /* now its loop runs */
	for (int i = 0; i < CLIENTS; i++)
		client[i] = client_of(port);
	CHECK_SYS(kill(pid, number));
	for (int i = 0; i < CLIENTS; i++)
		check_served_and_close(client[i]);
	CHECK_SYS(waitpid(pid, &status, 0));
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), ==, 0);
	CHECK_ERR(net_try_connect(net_ip("127.0.0.1", port)), -ECONNREFUSED);
	net_close(reserved);
}

/* W4 */
TEST(sigterm, "SIGTERM ends the server cleanly: the queue is served, the status is 0")
{
	check_ends_cleanly(SIGTERM);
}

/* W4 */
TEST(sigint, "so does SIGINT")
{
	check_ends_cleanly(SIGINT);
}

/* W4 X4: nobody is there, it just waits */
TEST(idle, "a server that waits for clients is ended, too")
{
	int reserved = reserve_port(), status;
	unsigned port = net_port(reserved);
	pid_t pid = start_server(port, HARK_ON);

	check_served_and_close(client_of(port));
	CHECK_SYS(kill(pid, SIGTERM));
	CHECK_SYS(waitpid(pid, &status, 0));
	CHECK_INT(status, ==, 0);
	net_close(reserved);
}

static void check_killed(enum hark_toggle mind_signals)
{
	int reserved = reserve_port(), status;
	unsigned port = net_port(reserved);
	pid_t pid = start_server(port, mind_signals);

	check_served_and_close(client_of(port));
	CHECK_SYS(kill(pid, SIGTERM));
	CHECK_SYS(waitpid(pid, &status, 0));
	CHECK(WIFSIGNALED(status));
	CHECK_INT(WTERMSIG(status), ==, SIGTERM);
	net_close(reserved);
}

/* W4 */
TEST(not_asked, "not asked to mind signals, the library leaves them alone")
{
	check_killed(HARK_DEFAULT);
	check_killed(HARK_OFF);
}

/* -------------------------------------------------------------------- in this process */

struct run {
	struct hark_listener listener;
	struct hark_loop_options options;
	int served;
	int raise_at[2]; /* the handler's calls in which a signal comes */
};

static struct run begin(void)
{
	return (struct run){.listener = open_tcp(), .options.mind_signals = HARK_ON};
}

static void raise_in_time(int fd, const struct hark_addr *peer, void *ctx)
{
	struct run *run = ctx;

	(void)peer;
	CHECK_OK(hark_close(fd, NULL));
	run->served++;
	for (int i = 0; i < 2; i++)
		if (run->served == run->raise_at[i])
			CHECK_SYS(raise(i ? SIGINT : SIGTERM));
}

static int loop(struct run *run, struct hark_error *err)
{
	return hark_accept_loop(
		&run->listener, 1, raise_in_time, run, &run->options, err);
}

static void check_served(int raise_at, int again_at, int wanted)
{
	struct run run = begin();
	int client[8];

	for (int i = 0; i < 8; i++)
		client[i] = dial(&run.listener);
	run.raise_at[0] = raise_at;
	run.raise_at[1] = again_at;
	CHECK_ERR(loop(&run, NULL), 0);
	CHECK_INT(run.served, ==, wanted);
	CHECK_INT(net_queue(run.listener.fd), ==, 8 - wanted);
	for (int i = 0; i < 8; i++)
		net_close(client[i]);
	close_listener(&run.listener);
}

/* W4 */
TEST(second_signal, "a second signal ends the loop at once, the queue stays as it is")
{
	check_served(1, 0, 8);
	check_served(1, 3, 3);
	check_served(2, 3, 3);
	check_served(3, 3, 8); /* both before the loop looked: that is one */
}

/* W4 X4 */
TEST(signal_after_wake, "a signal ends at once a loop that its wake descriptor stopped")
{
	struct run run = begin();
	int client[4];

	for (int i = 0; i < 4; i++)
		client[i] = dial(&run.listener);
	CHECK_OK(run.options.wake_fd = hark_wake_create(NULL));
	CHECK_OK(hark_wake(run.options.wake_fd));
	run.raise_at[0] = 2;
	CHECK_ERR(loop(&run, NULL), 0);
	CHECK_INT(run.served, ==, 2);
	for (int i = 0; i < 4; i++)
		net_close(client[i]);
	net_close(run.options.wake_fd);
	close_listener(&run.listener);
}

static void do_nothing(int number)
{
	(void)number;
}

static void check_same(const struct sigaction *a, const struct sigaction *b)
{
	CHECK(a->sa_handler == b->sa_handler);
	CHECK_INT(a->sa_flags, ==, b->sa_flags);
	CHECK_INT(sigismember(&a->sa_mask, SIGUSR1), ==,
		sigismember(&b->sa_mask, SIGUSR1));
}

/* One ignored, one with a handler, flags and a mask. */
static void set_dispositions(struct sigaction *on_int, struct sigaction *on_term)
{
	struct sigaction ignored = {.sa_handler = SIG_IGN};
	struct sigaction handled = {
		.sa_handler = do_nothing, .sa_flags = SA_RESTART | SA_NODEFER};

	CHECK_SYS(sigaddset(&handled.sa_mask, SIGUSR1));
	CHECK_SYS(sigaction(SIGINT, &ignored, NULL));
	CHECK_SYS(sigaction(SIGTERM, &handled, NULL));
	CHECK_SYS(sigaction(SIGINT, NULL, on_int));
	CHECK_SYS(sigaction(SIGTERM, NULL, on_term));
}

static void check_dispositions(
	const struct sigaction *on_int, const struct sigaction *on_term)
{
	struct sigaction now;

	CHECK_SYS(sigaction(SIGINT, NULL, &now));
	check_same(&now, on_int);
	CHECK_SYS(sigaction(SIGTERM, NULL, &now));
	check_same(&now, on_term);
}

/* W4 */
TEST(restored, "afterwards the signals are whose they were before")
{
	struct sigaction on_int, on_term;

	set_dispositions(&on_int, &on_term);
	check_served(1, 0, 8);
	check_dispositions(&on_int, &on_term);
	check_served(1, 2, 2);
	check_dispositions(&on_int, &on_term);
}

static void *looping(void *run)
{
	CHECK_ERR(loop(run, NULL), 0);
	return NULL;
}

static bool minded(void)
{
	struct sigaction now;

	CHECK_SYS(sigaction(SIGTERM, NULL, &now));
	return now.sa_handler != SIG_DFL;
}

/* W4 */
TEST(second_taker, "a second loop cannot mind them: EBUSY, and the first goes on")
{
	struct run first = begin(), second = begin();
	struct hark_error err = {0};
	char text[HARK_ERROR_TEXT_MAX];
	pthread_t thread;

	REQUIRE(!getenv("HARK_EMULATED") || sizeof(void *) == 8,
		"an emulator of 32 bits takes a thread for another");
	thread = start(looping, &first);
	WAIT_UNTIL(minded());
	CHECK_ERR(loop(&second, &err), -EBUSY);
	CHECK_INT(err.code, ==, -EBUSY);
	CHECK_INT(err.step, ==, HARK_STEP_SIGNAL);
	CHECK_INT(err.cause, ==, HARK_CAUSE_SIGNALS_TAKEN);
	CHECK_INT(hark_error_text(&err, text, sizeof(text)), >, 0);
	CHECK(minded());
	CHECK_SYS(kill(getpid(), SIGTERM));
	join(thread);
	CHECK(!minded());
	close_listener(&first.listener);
	close_listener(&second.listener);
	check_served(1, 0, 8); /* the slot is free again */
}

static int sigactions, fail_at;

static int fail_one(enum hark__call call)
{
	if (call != HARK__CALL_SIGACTION)
		return 0;
	return ++sigactions == fail_at ? -EINVAL : 0;
}

/* W4 */
TEST(not_taken, "a signal that cannot be taken is an error, and nothing is changed")
{
	struct sigaction on_int, on_term;
	struct run run = begin();
	struct hark_error err;

	set_dispositions(&on_int, &on_term);
	for (fail_at = 1; fail_at <= 2; fail_at++) {
		sigactions = 0;
		hark__fault = fail_one;
		CHECK_ERR(loop(&run, &err), -EINVAL);
		hark__fault = NULL;
		CHECK_INT(err.step, ==, HARK_STEP_SIGNAL);
		check_dispositions(&on_int, &on_term);
	}
	close_listener(&run.listener);
	check_served(1, 0, 8);
}

static int no_eventfd(enum hark__call call)
{
	return call == HARK__CALL_EVENTFD ? -EMFILE : 0;
}

/* W4 P4 */
TEST(no_descriptor, "without a descriptor to wake there is no minding: an error")
{
	struct run run = begin();
	struct hark_error err;

	hark__fault = no_eventfd;
	CHECK_ERR(loop(&run, &err), -EMFILE);
	hark__fault = NULL;
	CHECK_INT(err.step, ==, HARK_STEP_WAIT);
	CHECK(!minded());
	close_listener(&run.listener);
}

/* A handler that forks, as the classic server does; its child is told to end. */
static void fork_and_kill(int fd, const struct hark_addr *peer, void *ctx)
{
	struct run *run = ctx;
	int status;
	pid_t pid;
	char byte;

	(void)peer;
	CHECK_SYS(pid = fork());
	if (pid == 0) {
		(void)hark_read(fd, &byte, 1, -1, NULL); /* until it is killed */
		_exit(0);
	}
	CHECK_SYS(kill(pid, SIGTERM));
	CHECK_SYS(waitpid(pid, &status, 0));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	CHECK_OK(hark_close(fd, NULL));
	if (++run->served == 2)
		CHECK_OK(hark_wake(run->options.wake_fd));
}

/* W4 S1: the child shares the eventfd with its parent */
TEST(forked_child,
	"a signal to a child that the handler forked does not stop its parent")
{
	struct run run = begin();
	int client[2] = {dial(&run.listener), dial(&run.listener)};

	run.options.stop = HARK_STOP_AT_ONCE;
	CHECK_OK(run.options.wake_fd = hark_wake_create(NULL));
	CHECK_ERR(hark_accept_loop(
			  &run.listener, 1, fork_and_kill, &run, &run.options, NULL),
		0);
	CHECK_INT(run.served, ==, 2);
	net_close(client[0]);
	net_close(client[1]);
	net_close(run.options.wake_fd);
	close_listener(&run.listener);
}

/* A child that is a server itself; its parent's signals are none of its business. */
static void fork_a_server(int fd, const struct hark_addr *peer, void *ctx)
{
	struct run *run = ctx, own;
	int status;
	pid_t pid;

	(void)peer;
	CHECK_OK(hark_close(fd, NULL));
	CHECK_SYS(pid = fork());
	if (pid == 0) {
		own = begin();
		net_close(dial(&own.listener));
		own.raise_at[0] = 1;
		_exit(loop(&own, NULL) == 0 && own.served == 1 ? 0 : 1);
	}
	CHECK_SYS(waitpid(pid, &status, 0));
	CHECK_INT(status, ==, 0);
	run->served++;
	CHECK_OK(hark_wake(run->options.wake_fd));
}

/* W4 S1 */
TEST(forked_taker, "and such a child may mind signals itself")
{
	struct run run = begin();
	int client = dial(&run.listener);

	CHECK_OK(run.options.wake_fd = hark_wake_create(NULL));
	CHECK_ERR(hark_accept_loop(
			  &run.listener, 1, fork_a_server, &run, &run.options, NULL),
		0);
	CHECK_INT(run.served, ==, 1);
	CHECK(!minded());
	net_close(client);
	net_close(run.options.wake_fd);
	close_listener(&run.listener);
}

static bool is_own(int number)
{
	struct sigaction now;

	CHECK_SYS(sigaction(number, NULL, &now));
	return now.sa_handler == do_nothing;
}

/* A child that sets handlers of its own, and then minds signals for a while. */
static void fork_with_own_handlers(int fd, const struct hark_addr *peer, void *ctx)
{
	struct run *run = ctx, own;
	int status;
	pid_t pid;

	(void)peer;
	CHECK_OK(hark_close(fd, NULL));
	CHECK_SYS(pid = fork());
	if (pid == 0) {
		CHECK(signal(SIGINT, do_nothing) != SIG_ERR);
		if (run->served == 0) {
			CHECK_SYS(signal(SIGTERM, do_nothing) == SIG_ERR ? -1 : 0);
			own = begin();
			net_close(dial(&own.listener));
			own.raise_at[0] = 1;
			CHECK_ERR(loop(&own, NULL), 0);
			_exit(is_own(SIGTERM) && is_own(SIGINT) ? 0 : 1);
		}
		CHECK_SYS(raise(SIGTERM)); /* which was ignored before */
		_exit(is_own(SIGINT) ? 0 : 2);
	}
	CHECK_SYS(waitpid(pid, &status, 0));
	CHECK_INT(status, ==, 0);
	if (++run->served == 2)
		CHECK_OK(hark_wake(run->options.wake_fd));
}

/* W4 S1: what the parent had is given back only where the child has not set its own */
TEST(forked_handlers, "and keeps the handlers that it has set since")
{
	struct run run = begin();
	int client[2] = {dial(&run.listener), dial(&run.listener)};

	CHECK(signal(SIGTERM, SIG_IGN) != SIG_ERR);
	run.options.stop = HARK_STOP_AT_ONCE;
	CHECK_OK(run.options.wake_fd = hark_wake_create(NULL));
	CHECK_ERR(hark_accept_loop(&run.listener, 1, fork_with_own_handlers, &run,
			  &run.options, NULL),
		0);
	CHECK_INT(run.served, ==, 2);
	net_close(client[0]);
	net_close(client[1]);
	net_close(run.options.wake_fd);
	close_listener(&run.listener);
}
