/* SPDX-License-Identifier: MIT
 *
 * Accepting a connection: waiting for it or not, what comes with it, in which order.
 *
 * Not here: errors of accept(2) (test_accept_class.c), many who accept from one listener
 * (test_accept_shared.c), being woken (test_wake.c).
 */
#include "ipv6.h"
#include "loopback.h"

#include "sys/sys.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

/* ------------------------------------------------------------------- to wait or not to */

/* P1 */
TEST(try_finds_nobody, "would block is a result: error and peer stay untouched")
{
	struct hark_listener listener = open_tcp();
	struct hark_addr peer = {.length = 7};
	struct hark_error err;

	stamp(&err);
	CHECK_ERR(hark_accept_try(listener.fd, &peer, &err), -EAGAIN);
	CHECK(is_stamped(&err));
	CHECK_INT(peer.length, ==, 7);
	close_listener(&listener);
}

/* P1 */
TEST(deadline, "accept with a deadline ends at it, and not before")
{
	struct hark_listener listener = open_tcp();
	struct hark_error err;
	long long began = now_ms();

	stamp(&err);
	CHECK_ERR(hark_accept_wait(listener.fd, NULL, 60, 0, &err), -ETIMEDOUT);
	CHECK_INT(now_ms() - began, >=, 60);
	CHECK_ERR(hark_accept_wait(listener.fd, NULL, 0, 0, &err), -ETIMEDOUT);
	CHECK(is_stamped(&err));
	close_listener(&listener);
}

static void check_accepts(int fd, int client)
{
	char text[8];

	CHECK_OK(fd);
	CHECK_OK(hark_write(fd, "hi", 2, 5000, NULL));
	CHECK_OK(hark_close(fd, NULL));
	CHECK_INT(net_read_all(client, text, sizeof(text)), ==, 2);
	CHECK_STR(text, "hi");
	net_close(client);
}

/* P1 */
TEST(somebody_is_there, "each way of accepting takes a client that waits already")
{
	struct hark_listener listener = open_tcp();
	struct hark_error err;
	int client;

	stamp(&err);
	client = dial(&listener);
	check_accepts(hark_accept_try(listener.fd, NULL, &err), client);
	client = dial(&listener);
	check_accepts(hark_accept_wait(listener.fd, NULL, 0, 0, &err), client);
	client = dial(&listener);
	check_accepts(hark_accept_wait(listener.fd, NULL, -1, 0, &err), client);
	client = dial(&listener);
	check_accepts(hark_accept(listener.fd, NULL, &err), client);
	CHECK(is_stamped(&err));
	close_listener(&listener);
}

/* P1 */
TEST(blocking, "the connection is a blocking descriptor, its listener is not")
{
	struct hark_listener listener = open_tcp();
	struct ends ends = meet(&listener);

	CHECK_INT(fcntl(listener.fd, F_GETFL) & O_NONBLOCK, ==, O_NONBLOCK);
	CHECK_INT(fcntl(ends.server, F_GETFL) & O_NONBLOCK, ==, 0);
	CHECK(ends.server != listener.fd);
	net_close(ends.client);
	CHECK_OK(hark_close(ends.server, NULL));
	close_listener(&listener);
}

static atomic_int polls;

static int count_polls(enum hark__call call)
{
	if (call == HARK__CALL_POLL)
		atomic_fetch_add(&polls, 1);
	return 0;
}

static void do_nothing(int number)
{
	(void)number;
}

static void *accept_blocking(void *listener)
{
	int fd = hark_accept(((struct hark_listener *)listener)->fd, NULL, NULL);

	CHECK_OK(fd);
	CHECK_OK(hark_write(fd, "hi", 2, 5000, NULL));
	CHECK_OK(hark_close(fd, NULL));
	return NULL;
}

/* P1: each poll(2) that was interrupted is followed by another */
TEST(signals, "a blocking accept goes on after signals")
{
	struct sigaction action = {.sa_handler = do_nothing}; /* no SA_RESTART */
	struct hark_listener listener = open_tcp();
	pthread_t thread;
	char text[8];
	int client;

	hark__fault = count_polls;
	CHECK_SYS(sigaction(SIGUSR1, &action, NULL));
	thread = start(accept_blocking, &listener);
	WAIT_UNTIL(atomic_load(&polls) >= 1);
	WAIT_UNTIL(pthread_kill(thread, SIGUSR1) == 0 && atomic_load(&polls) >= 5);
	client = dial(&listener);
	CHECK_INT(net_read_all(client, text, sizeof(text)), ==, 2);
	join(thread);
	net_close(client);
	close_listener(&listener);
}

/* P1: an interrupted wait does not begin anew */
TEST(signals_and_deadline, "signals do not put off the deadline")
{
	struct hark_listener listener = open_tcp();
	struct sigaction action = {.sa_handler = do_nothing};
	struct itimerval every = {
		.it_interval.tv_usec = 20000, .it_value.tv_usec = 20000};

	CHECK_SYS(sigaction(SIGALRM, &action, NULL));
	CHECK_SYS(setitimer(ITIMER_REAL, &every, NULL));
	CHECK_ERR(hark_accept_wait(listener.fd, NULL, 200, 0, NULL), -ETIMEDOUT);
	CHECK_SYS(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL));
	close_listener(&listener);
}

static void check_refused(int fd, int code)
{
	struct hark_error err = {0};

	CHECK_ERR(hark_accept_try(fd, NULL, &err), code);
	CHECK_INT(err.code, ==, code);
	CHECK_INT(err.step, ==, HARK_STEP_ACCEPT);
	err = (struct hark_error){0};
	CHECK_ERR(hark_accept_wait(fd, NULL, -1, 0, &err), code);
	CHECK_INT(err.code, ==, code);
	CHECK_ERR(hark_accept(fd, NULL, NULL), code);
}

/* P1 P3 */
TEST(no_listener, "what cannot be accepted from is said, and not waited for")
{
	int ends[2], fd;

	CHECK_SYS(pipe2(ends, O_CLOEXEC));
	CHECK_SYS(write(ends[1], "x", 1)); /* ready, else there is reason to wait */
	check_refused(ends[0], -ENOTSOCK);
	net_close(ends[0]);
	net_close(ends[1]);
	check_refused(ends[0], -EBADF);
	check_refused(-1, -EBADF);
	CHECK_SYS(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	check_refused(fd, -EINVAL);
	net_close(fd);
}

/* ------------------------------------------------------------------------ descriptors */

/* True when a program that this process executes finds descriptor fd open. */
static bool survives_exec(int fd)
{
	char script[64];
	pid_t pid;
	int status;

	(void)snprintf(script, sizeof(script), "[ -e /proc/self/fd/%d ]", fd);
	CHECK_SYS(pid = fork());
	if (pid == 0) {
		(void)execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	CHECK_SYS(waitpid(pid, &status, 0));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
	return WEXITSTATUS(status) == 0;
}

/* P2; the copy shows that the program can see at all */
TEST(close_on_exec, "an executed program inherits neither connection nor listener")
{
	struct hark_listener listener = open_tcp();
	struct ends ends = meet(&listener);
	int copy, wake_fd = hark_wake_create(NULL);

	CHECK_OK(wake_fd);
	CHECK_SYS(copy = fcntl(ends.server, F_DUPFD, 3));
	CHECK(survives_exec(copy));
	CHECK(!survives_exec(ends.server));
	CHECK(!survives_exec(listener.fd));
	CHECK(!survives_exec(wake_fd));
	net_close(copy);
	net_close(wake_fd);
	net_close(ends.client);
	net_close(ends.server);
	close_listener(&listener);
}

static void run_in_child(void (*body)(struct hark_listener *))
{
	struct hark_listener listener = open_tcp();
	int status;
	pid_t pid;

	CHECK_SYS(pid = fork());
	if (pid == 0) {
		body(&listener);
		_exit(0);
	}
	CHECK_SYS(waitpid(pid, &status, 0));
	CHECK_INT(status, ==, 0);
	close_listener(&listener);
}

static void accept_without_stdio(struct hark_listener *listener)
{
	int client[3], server[3];

	for (int i = 0; i < 3; i++)
		client[i] = dial(listener);
	for (int i = 0; i <= 2; i++)
		net_close(i);
	for (int i = 0; i < 3; i++) {
		server[i] = hark_accept_try(listener->fd, NULL, NULL);
		CHECK_INT(server[i], >, 2);
		CHECK(fcntl(server[i], F_GETFD) == FD_CLOEXEC);
		check_accepts(server[i], client[i]);
	}
	for (int i = 0; i <= 2; i++)
		CHECK(!is_open(i));
}

/* P2: else what a library prints to stderr is sent to a client */
TEST(stdio_closed, "a connection is never descriptor 0, 1 or 2")
{
	run_in_child(accept_without_stdio);
}

static void all_ways_without_stdio(struct hark_listener *listener)
{
	int client[2] = {dial(listener), dial(listener)}, server[2], wake_fd;
	struct hark_listener other;

	net_close(STDIN_FILENO);
	server[0] = hark_accept_wait(listener->fd, NULL, 5000, 0, NULL);
	server[1] = hark_accept(listener->fd, NULL, NULL);
	for (int i = 0; i < 2; i++) {
		CHECK_INT(server[i], >, 2);
		check_accepts(server[i], client[i]);
	}
	other = open_tcp();
	CHECK_INT(other.fd, >, 2);
	wake_fd = hark_wake_create(NULL);
	CHECK_INT(wake_fd, >, 2);
}

/* P2 */
TEST(stdin_closed, "nor is a listener or a wake descriptor, whoever makes it")
{
	run_in_child(all_ways_without_stdio);
}

/* Lowers the limit until only numbers below 3 could still be given out. */
static void fill_all_but_stdio(void)
{
	struct rlimit limit;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	for (limit.rlim_cur = 3; is_open((int)limit.rlim_cur);)
		limit.rlim_cur++;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
}

static void accept_when_full(struct hark_listener *listener)
{
	int client = dial(listener);

	net_close(STDIN_FILENO);
	fill_all_but_stdio();
	check_accepts(hark_accept_try(listener->fd, NULL, NULL), client);
}

/* P2 P4: accept(2) has taken it off the queue by then */
TEST(stdio_closed_and_full,
	"only if there is no other number left, rather than be lost")
{
	run_in_child(accept_when_full);
}

/* -------------------------------------------------------------------------- addresses */

static void check_same(const struct hark_addr *a, const struct net_addr *b)
{
	struct hark_addr other;
	char text[2][HARK_ADDR_TEXT_MAX];

	CHECK_OK(hark_addr_from_sockaddr(&other, &b->sa.any, b->length, NULL));
	(void)hark_addr_text(a, text[0], sizeof(text[0]));
	(void)hark_addr_text(&other, text[1], sizeof(text[1]));
	CHECK_STR(text[0], text[1]);
	CHECK_INT(hark_addr_compare(a, &other), ==, 0);
}

static void check_addresses(const char *listen_on, int family)
{
	struct hark_listener listener = open_listener(listen_on);
	struct hark_addr peer, local;
	struct net_addr far, near;
	int client = dial(&listener), fd;

	CHECK_OK(fd = hark_accept_try(listener.fd, &peer, NULL));
	far = net_local(client);
	near = net_local(fd);
	check_same(&peer, &far);
	CHECK_OK(hark_local_addr(fd, &local, NULL));
	check_same(&local, &near);
	CHECK_INT(hark_addr_compare(&local, &listener.addr), ==, 0);
	CHECK_INT(hark_addr_family(&peer), ==, family);
	CHECK_INT(hark_addr_family(&local), ==, family);
	net_close(client);
	net_close(fd);
	close_listener(&listener);
}

/* P1 P6 */
TEST(addresses_ipv4, "peer and local address of an IPv4 connection are known")
{
	check_addresses("127.0.0.1:0", AF_INET);
}

/* P1 P6 */
TEST(addresses_ipv6, "peer and local address of an IPv6 connection are known")
{
	REQUIRE(has_ipv6(), "needs ::1");
	check_addresses("[::1]:0", AF_INET6);
}

/* P1 P6: a client of a Unix socket has a name only if it bound one */
TEST(addresses_unix, "a Unix client is unnamed, or has the name that it bound")
{
	struct hark_listener listener = open_unix();
	struct net_addr to = where(&listener), name;
	char path[128], text[HARK_ADDR_TEXT_MAX], wanted[160];
	struct hark_addr peer;
	int client = dial(&listener), fd;

	CHECK_OK(fd = hark_accept_try(listener.fd, &peer, NULL));
	(void)hark_addr_text(&peer, text, sizeof(text));
	CHECK_STR(text, "unix:");
	net_close(client);
	net_close(fd);
	(void)snprintf(path, sizeof(path), "%s/client", temp_directory());
	(void)snprintf(wanted, sizeof(wanted), "unix:%s", path);
	name = net_unix(path);
	CHECK_SYS(client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK_SYS(bind(client, &name.sa.any, name.length));
	CHECK_SYS(connect(client, &to.sa.any, to.length));
	CHECK_OK(fd = hark_accept_try(listener.fd, &peer, NULL));
	(void)hark_addr_text(&peer, text, sizeof(text));
	CHECK_STR(text, wanted);
	net_close(client);
	net_close(fd);
	close_listener(&listener);
}

/* P1 P6: getpeername(2) fails by then */
TEST(peer_of_the_dead, "the peer of a client that has reset already is known")
{
	struct hark_listener listener = open_tcp();
	struct sockaddr_storage late;
	socklen_t length = sizeof(late);
	struct hark_addr peer;
	struct net_addr name;
	int client = dial(&listener), fd;

	name = net_local(client);
	net_wait_queue(listener.fd, 1);
	net_reset(client);
	CHECK_OK(fd = hark_accept_try(listener.fd, &peer, NULL));
	check_same(&peer, &name);
	CHECK(getpeername(fd, (struct sockaddr *)&late, &length) < 0);
	CHECK_INT(errno, ==, ENOTCONN);
	net_close(fd);
	close_listener(&listener);
}

/* P6: bounds that hold however slow the machine is; a timer tick is 10 ms at most */
TEST(queue_wait, "how long a connection waited in the queue is known")
{
	enum { WAITED_MS = 100, TICK_MS = 12 };
	struct hark_listener listener = open_tcp();
	long long began = now_ms();
	int client = dial(&listener), fd, waited;

	require_tcp_info();
	CHECK_SYS(poll(NULL, 0, WAITED_MS));
	CHECK_OK(fd = hark_accept_try(listener.fd, NULL, NULL));
	CHECK_OK(waited = hark_queue_wait_ms(fd, NULL));
	CHECK_INT(waited, >=, WAITED_MS - TICK_MS);
	CHECK_INT(waited, <=, now_ms() - began + TICK_MS);
	net_close(client);
	net_close(fd);
	close_listener(&listener);
}

/* P6 */
TEST(queue_wait_unix, "for a Unix connection the wait is unknown, and said to be")
{
	struct hark_listener listener = open_unix();
	struct ends ends = meet(&listener);
	struct hark_error err = {0};

	CHECK_ERR(hark_queue_wait_ms(ends.server, &err), -EOPNOTSUPP);
	CHECK_INT(err.step, ==, HARK_STEP_INSPECT);
	net_close(ends.client);
	net_close(ends.server);
	close_listener(&listener);
}

/* --------------------------------------------------------------------- before accept */

/* P5 */
TEST(data_before, "data and end sent before accept are read after it")
{
	struct hark_listener listener = open_tcp();
	int client = dial(&listener), fd;
	char text[16];

	net_send(client, "early");
	net_close(client);
	CHECK_OK(fd = hark_accept_try(listener.fd, NULL, NULL));
	CHECK_INT(hark_read(fd, text, sizeof(text), 5000, NULL), ==, 5);
	CHECK_INT(memcmp(text, "early", 5), ==, 0);
	CHECK_INT(hark_read(fd, text, sizeof(text), 5000, NULL), ==, 0);
	net_close(fd);
	close_listener(&listener);
}

/* P5 */
TEST(data_before_unix, "also over a Unix socket")
{
	struct hark_listener listener = open_unix();
	int client = dial(&listener), fd;
	char text[16];

	net_send(client, "early");
	net_close(client);
	CHECK_OK(fd = hark_accept_try(listener.fd, NULL, NULL));
	CHECK_INT(hark_read(fd, text, sizeof(text), 5000, NULL), ==, 5);
	CHECK_INT(hark_read(fd, text, sizeof(text), 5000, NULL), ==, 0);
	net_close(fd);
	close_listener(&listener);
}

/* P5 P3: on Linux a reset before accept is no error of accept */
TEST(data_before_reset, "a client that sent data and reset: the data, then the reset")
{
	struct hark_listener listener = open_tcp();
	int client = dial(&listener), fd, waiting = 0;
	char text[16];

	net_send(client, "early");
	net_reset(client);
	CHECK_OK(fd = hark_accept_try(listener.fd, NULL, NULL));
	CHECK_SYS(ioctl(fd, FIONREAD, &waiting));
	CHECK_INT(waiting, ==, 5);
	CHECK_INT(hark_read(fd, text, sizeof(text), 5000, NULL), ==, 5);
	CHECK_ERR(hark_read(fd, text, sizeof(text), 5000, NULL), -ECONNRESET);
	CHECK_INT(hark_read(fd, text, sizeof(text), 5000, NULL), ==, 0);
	net_close(fd);
	close_listener(&listener);
}

/* P5 */
TEST(order, "fifty clients are accepted in the order of their arrival")
{
	enum { CLIENTS = 50 };
	struct hark_listener listener = open_tcp();
	int client[CLIENTS], fd;
	struct hark_addr peer;

	for (int i = 0; i < CLIENTS; i++)
		client[i] = dial(&listener);
	for (int i = 0; i < CLIENTS; i++) {
		CHECK_OK(fd = hark_accept_try(listener.fd, &peer, NULL));
		CHECK_INT(hark_addr_port(&peer), ==, net_port(client[i]));
		net_close(fd);
		net_close(client[i]);
	}
	close_listener(&listener);
}

/* P5 */
TEST(order_unix, "also those of a Unix socket")
{
	enum { CLIENTS = 50 };
	struct hark_listener listener = open_unix();
	int client[CLIENTS], fd;
	char name[16], got[16];

	for (int i = 0; i < CLIENTS; i++) {
		client[i] = dial(&listener);
		(void)snprintf(name, sizeof(name), "%03d", i);
		net_send(client[i], name);
	}
	for (int i = 0; i < CLIENTS; i++) {
		CHECK_OK(fd = hark_accept_try(listener.fd, NULL, NULL));
		(void)snprintf(name, sizeof(name), "%03d", i);
		CHECK_INT(net_read(fd, got, sizeof(got), 3), ==, 3);
		CHECK_STR(got, name);
		net_close(fd);
		net_close(client[i]);
	}
	close_listener(&listener);
}
