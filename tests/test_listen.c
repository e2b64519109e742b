/* SPDX-License-Identifier: MIT
 *
 * Listen: what becomes of a backlog, live resizing, and never another port than the
 * caller's.  Not here: the queue while clients wait (test_queue.c).
 */
#include "faults.h"
#include "harness.h"
#include "ipv6.h"
#include "net.h"
#include "sandbox.h"

#include <hark.h>

#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
	PORTS_TRIED = 20
}; /* a port drawn anew is the old one by chance, but not always */

/* -------------------------------------------------------------------------- sockets */

static int bound_to(const char *text)
{
	struct hark_addr addr;
	int fd;

	CHECK_OK(hark_addr_parse(&addr, text, NULL));
	fd = hark_socket(hark_addr_family(&addr), NULL, NULL);
	CHECK_OK(fd);
	CHECK_OK(hark_bind(fd, &addr, NULL));
	return fd;
}

static int somaxconn(void)
{
	return (int)read_sysctl("net.core.somaxconn");
}

/* What the kernel took, asked past hark. */
static int kernel_backlog(int fd)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);

	require_tcp_info();
	CHECK_SYS(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length));
	CHECK_INT(info.tcpi_state, ==, TCP_LISTEN);
	return (int)info.tcpi_sacked;
}

static bool is_listening(int fd)
{
	int value = 0;
	socklen_t length = sizeof(value);

	CHECK_SYS(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length));
	return value;
}

/* -------------------------------------------------------------------------- backlog */

static void check_backlog(int fd, int requested, int effective)
{
	struct hark_backlog backlog = {-2, -2, -2};

	CHECK_INT(hark_listen(fd, requested, &backlog, NULL), ==, 0);
	CHECK_INT(backlog.requested, ==, requested);
	CHECK_INT(backlog.ceiling, ==, somaxconn());
	CHECK_INT(backlog.effective, ==, effective);
	CHECK_INT(kernel_backlog(fd), ==, effective);
}

/* L1 */
TEST(backlog, "0 is the most, more than the ceiling works, and all three are told")
{
	int most = somaxconn();
	int requests[] = {0, 1, 2, 100000, INT_MAX, most - 1, most, most + 1};

	for (size_t i = 0; i < COUNT(requests); i++) {
		int fd = bound_to("127.0.0.1:0"), asked = requests[i];

		if (asked >= 0)
			check_backlog(
				fd, asked, asked == 0 || asked > most ? most : asked);
		net_close(fd);
	}
}

/* L1 */
TEST(backlog_ipv6, "and so it is with IPv6")
{
	int fd;

	REQUIRE(has_ipv6(), "needs IPv6");
	fd = bound_to("[::1]:0");
	check_backlog(fd, 0, somaxconn());
	check_backlog(fd, 3, 3);
	net_close(fd);
}

/* L1: Unix sockets do not tell, but obey the same ceiling: see admits_one_more */
TEST(backlog_unix, "and with Unix sockets, as far as they tell")
{
	struct hark_backlog backlog;
	char name[64];
	int fd;

	(void)snprintf(name, sizeof(name), "unix:@hark-listen-%d", (int)getpid());
	fd = bound_to(name);
	CHECK_OK(hark_listen(fd, 0, &backlog, NULL));
	CHECK_INT(backlog.requested, ==, 0);
	CHECK_INT(backlog.ceiling, ==, somaxconn());
	CHECK_INT(backlog.effective, ==, somaxconn());
	CHECK_OK(hark_listen(fd, 7, &backlog, NULL));
	CHECK_INT(backlog.effective, ==, 7);
	CHECK_OK(hark_listen(fd, INT_MAX, &backlog, NULL));
	CHECK_INT(backlog.requested, ==, INT_MAX);
	CHECK_INT(backlog.effective, ==, somaxconn());
	net_close(fd);
}

/* How many clients a Unix listener that nobody accepts from lets in. */
static int count_admitted(const struct net_addr *addr, int clients[], int most)
{
	int admitted = 0;

	while (admitted < most) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		CHECK_SYS(fd);
		if (connect(fd, &addr->sa.any, addr->length) < 0) {
			net_close(fd);
			return admitted;
		}
		clients[admitted++] = fd;
	}
	return admitted;
}

/* L1 */
TEST(admits_one_more,
	"of an effective backlog of n, n + 1 may wait: what is said is so")
{
	int clients[16], fd, admitted;
	struct hark_backlog backlog;
	struct net_addr addr;
	char name[64];

	enter_network();
	write_sysctl("net.core.somaxconn", "5");
	(void)snprintf(name, sizeof(name), "unix:@hark-listen-%d", (int)getpid());
	fd = bound_to(name);
	CHECK_OK(hark_listen(fd, 0, &backlog, NULL));
	CHECK_INT(backlog.ceiling, ==, 5);
	CHECK_INT(backlog.effective, ==, 5);
	addr = net_local(fd);
	admitted = count_admitted(&addr, clients, COUNT(clients));
	CHECK_INT(admitted, ==, backlog.effective + 1);
	while (admitted > 0)
		net_close(clients[--admitted]);
	net_close(fd);
}

/* L1 E1 */
TEST(negative, "a negative backlog is an error, and the socket does not listen")
{
	static const int bad[] = {-1, -4096, INT_MIN};
	int fd = bound_to("127.0.0.1:0");
	struct hark_backlog backlog = {7, 8, 9};
	struct hark_error err;

	for (size_t i = 0; i < COUNT(bad); i++) {
		memset(&err, 0xa5, sizeof(err));
		CHECK_ERR(hark_listen(fd, bad[i], &backlog, &err), -EINVAL);
		CHECK_INT(err.code, ==, -EINVAL);
		CHECK_INT(err.step, ==, HARK_STEP_LISTEN);
		CHECK_INT(err.cause, ==, HARK_CAUSE_NEGATIVE);
		CHECK_INT(err.limit, ==, bad[i]);
		CHECK_INT(backlog.requested + backlog.ceiling + backlog.effective, ==,
			24);
		CHECK(!is_listening(fd));
	}
	net_close(fd);
}

/* L1: read at run time, of this network namespace; listening again picks it up */
TEST(ceiling_now, "the ceiling is that of this moment and of this network namespace")
{
	int fd;

	enter_network();
	write_sysctl("net.core.somaxconn", "7");
	fd = bound_to("127.0.0.1:0");
	check_backlog(fd, 0, 7);
	check_backlog(fd, 100, 7);
	write_sysctl("net.core.somaxconn", "5000");
	CHECK_INT(kernel_backlog(fd), ==, 7); /* not before it listens again */
	check_backlog(fd, 0, 5000);
	check_backlog(fd, 100, 100);
	write_sysctl("net.core.somaxconn", "3");
	check_backlog(fd, 0, 3);
	net_close(fd);
}

/* L1: in a chroot without /proc, say */
TEST(ceiling_unreadable, "where the ceiling cannot be read it is -1, the rest is true")
{
	int fd = bound_to("127.0.0.1:0");
	struct hark_backlog backlog;

	require_tcp_info();
	let_fail(HARK__CALL_OPEN, 1, -ENOENT);
	CHECK_OK(hark_listen(fd, 9, &backlog, NULL));
	CHECK_INT(calls_seen(), ==, 1);
	CHECK_INT(backlog.requested, ==, 9);
	CHECK_INT(backlog.ceiling, ==, -1);
	CHECK_INT(backlog.effective, ==, 9);
	let_fail(HARK__CALL_OPEN, 1, -ENOENT);
	CHECK_OK(hark_listen(fd, 0, &backlog, NULL));
	CHECK_INT(backlog.ceiling, ==, -1);
	CHECK_INT(backlog.effective, ==, somaxconn());
	net_close(fd);
}

/* L1 */
TEST(by_options, "a listener that is opened keeps what became of its backlog")
{
	struct hark_listen_options options = {.backlog = 11};
	struct hark_listener listener;

	CHECK_OK(hark_tcp_server(&listener, "127.0.0.1:0", &options, NULL));
	CHECK_INT(listener.backlog.requested, ==, 11);
	CHECK_INT(listener.backlog.ceiling, ==, somaxconn());
	CHECK_INT(listener.backlog.effective, ==, 11);
	CHECK_INT(kernel_backlog(listener.fd), ==, 11);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
	CHECK_OK(hark_tcp_server(&listener, "127.0.0.1:0", NULL, NULL));
	CHECK_INT(listener.backlog.requested, ==, 0);
	CHECK_INT(listener.backlog.effective, ==, somaxconn());
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}

/* L1 E1 */
TEST(no_result, "who does not ask is not told; the error is left alone")
{
	int fd = bound_to("127.0.0.1:0");
	struct hark_error err, before;

	memset(&err, 0xa5, sizeof(err));
	before = err;
	CHECK_INT(hark_listen(fd, 5, NULL, &err), ==, 0);
	CHECK_INT(memcmp(&err, &before, sizeof(err)), ==, 0);
	CHECK_INT(kernel_backlog(fd), ==, 5);
	net_close(fd);
}

/* -------------------------------------------------------------------- live resizing */

enum { WAITING = 5 };

static void check_all_there(int listener, int clients[])
{
	for (int i = 0; i < WAITING; i++) {
		char text[16], wanted[16];
		int fd = hark_accept_try(listener, NULL, NULL);

		CHECK_OK(fd);
		(void)snprintf(wanted, sizeof(wanted), "%d", i);
		CHECK_INT(net_read(fd, text, sizeof(text), 1), ==, 1);
		CHECK_STR(text, wanted);
		net_close(fd);
		net_close(clients[i]);
	}
}

/* L2: also below the number of those that wait */
TEST(resize, "listening again resizes the queue, and nobody in it is lost")
{
	static const int sizes[] = {1, 64, 2, 0, 3};
	int fd = bound_to("127.0.0.1:0"), clients[WAITING];

	CHECK_OK(hark_listen(fd, 16, NULL, NULL));
	for (int i = 0; i < WAITING; i++) {
		char text[16];

		clients[i] = net_connect(net_local(fd));
		(void)snprintf(text, sizeof(text), "%d", i);
		net_send(clients[i], text);
	}
	net_wait_queue(fd, WAITING);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		check_backlog(fd, sizes[i], sizes[i] ? sizes[i] : somaxconn());
		CHECK_INT(net_queue(fd), ==, WAITING);
	}
	check_all_there(fd, clients);
	net_close(fd);
}

/* L2: a client that found the queue full comes in at its next try (RFC 6298: 1 s) */
TEST(resize_lets_in, "growing a full queue lets in who was kept out")
{
	int fd = bound_to("127.0.0.1:0"), inside[2], outside;
	struct hark_queue queue;

	CHECK_OK(hark_listen(fd, 1, NULL, NULL));
	inside[0] = net_connect(net_local(fd));
	inside[1] = net_connect(net_local(fd));
	net_wait_queue(fd, 2);
	outside = net_begin_connect(net_local(fd));
	WAIT_UNTIL(hark_queue_read(fd, &queue, sizeof(queue), NULL) == 0 &&
		   queue.drops > 0);
	CHECK_INT(net_queue(fd), ==, 2);
	CHECK_OK(hark_listen(fd, 8, NULL, NULL));
	net_wait_queue(fd, 3);
	net_close(inside[0]);
	net_close(inside[1]);
	net_close(outside);
	net_close(fd);
}

/* ------------------------------------------------------------------------ not bound */

static void check_not_bound(int family)
{
	int fd = hark_socket(family, NULL, NULL);
	struct hark_error err;

	CHECK_OK(fd);
	memset(&err, 0xa5, sizeof(err));
	count_calls(HARK__CALL_LISTEN);
	CHECK_ERR(hark_listen(fd, 0, NULL, &err), -EINVAL);
	CHECK_INT(calls_seen(), ==, 0);
	CHECK_INT(err.step, ==, HARK_STEP_LISTEN);
	CHECK_INT(err.cause, ==, HARK_CAUSE_NOT_BOUND);
	CHECK_INT(err.code, ==, -EINVAL);
	CHECK(!is_listening(fd));
	if (family != AF_UNIX)
		CHECK_INT(net_port(fd), ==, 0);
	net_close(fd);
}

/* L2 E1 */
TEST(not_bound, "a socket without a name does not listen: the port would be random")
{
	check_not_bound(AF_INET);
	check_not_bound(AF_UNIX);
	check_not_bound(AF_INET6);
}

/* E1 */
TEST(no_listener, "what cannot listen is told as it is")
{
	struct net_addr any = net_ip("127.0.0.1", 0);
	int datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), pipe_fds[2];
	struct hark_error err;

	CHECK_SYS(datagram);
	CHECK_SYS(bind(datagram, &any.sa.any, any.length));
	CHECK_ERR(hark_listen(datagram, 0, NULL, &err), -EOPNOTSUPP);
	CHECK_INT(err.step, ==, HARK_STEP_LISTEN);
	CHECK_INT(err.code, ==, -EOPNOTSUPP);
	net_close(datagram);
	CHECK_SYS(pipe(pipe_fds));
	CHECK_ERR(hark_listen(pipe_fds[1], 0, NULL, &err), -ENOTSOCK);
	CHECK_INT(err.code, ==, -ENOTSOCK);
	CHECK_INT(err.step, ==, HARK_STEP_LISTEN);
	net_close(pipe_fds[0]);
	net_close(pipe_fds[1]);
	CHECK_ERR(hark_listen(pipe_fds[1], 0, NULL, &err), -EBADF);
	CHECK_INT(err.step, ==, HARK_STEP_LISTEN);
}

/* E1: whoever is connected has a port, and does not listen */
TEST(connected, "a connection does not listen")
{
	int listener = net_listen(net_ip("127.0.0.1", 0), 1);
	int client = net_connect(net_local(listener));
	unsigned port = net_port(client);
	struct hark_error err;

	CHECK_ERR(hark_listen(client, 0, NULL, &err), -EINVAL);
	CHECK_INT(err.step, ==, HARK_STEP_LISTEN);
	CHECK_INT(net_port(client), ==, port);
	net_close(client);
	net_close(listener);
}

/* X4: the accept calls rely on it */
TEST(non_blocking, "what listens is non-blocking, whoever made the socket")
{
	struct net_addr any = net_ip("127.0.0.1", 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_SYS(fd);
	CHECK_SYS(bind(fd, &any.sa.any, any.length));
	CHECK_INT(fcntl(fd, F_GETFL) & O_NONBLOCK, ==, 0);
	CHECK_OK(hark_listen(fd, 0, NULL, NULL));
	CHECK_INT(fcntl(fd, F_GETFL) & O_NONBLOCK, !=, 0);
	net_close(fd);
}

/* --------------------------------------------------------------------------- in use */

/* Everything behind "(EADDRINUSE); ": why, and what to do. */
static const char *explanation(const struct hark_error *err, char *text, size_t size)
{
	const char *rest;

	(void)hark_error_text(err, text, size);
	CHECK_CONTAINS(text, "EADDRINUSE");
	rest = strchr(text, ';');
	CHECK(rest);
	return rest;
}

/* L3 E1: SO_REUSEADDR lets both bind as long as neither listens (KERNEL: inet_csk) */
TEST(in_use,
	"of two that are bound to one address, the second to listen learns it then")
{
	char one[HARK_ERROR_TEXT_MAX], other[HARK_ERROR_TEXT_MAX], text[64];
	int first = bound_to("127.0.0.1:0"), second, third;
	struct hark_error at_listen, at_bind;
	struct hark_addr addr;

	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", net_port(first));
	second = bound_to(text);
	CHECK_OK(hark_listen(first, 0, NULL, NULL));
	memset(&at_listen, 0, sizeof(at_listen));
	CHECK_ERR(hark_listen(second, 0, NULL, &at_listen), -EADDRINUSE);
	CHECK_INT(at_listen.step, ==, HARK_STEP_LISTEN);
	CHECK_INT(at_listen.code, ==, -EADDRINUSE);
	CHECK_INT(at_listen.cause, ==, HARK_CAUSE_NONE);
	CHECK_OK(hark_addr_parse(&addr, text, NULL));
	CHECK_INT(hark_addr_compare(&at_listen.addr, &addr), ==, 0);
	CHECK(!is_listening(second));

	third = hark_socket(AF_INET, NULL, NULL);
	CHECK_ERR(hark_bind(third, &addr, &at_bind), -EADDRINUSE);
	CHECK_CONTAINS(explanation(&at_listen, one, sizeof(one)), "ss -tanp");
	CHECK_CONTAINS(explanation(&at_bind, other, sizeof(other)), "ss -tanp");
	CHECK_INT(hark_error_exit_code(&at_listen), ==, hark_error_exit_code(&at_bind));
	net_close(third);

	net_close(
		first); /* and the retry is the same: it works once the other is gone */
	CHECK_OK(hark_listen(second, 0, NULL, NULL));
	net_close(second);
}

/* ------------------------------------------------------------------------ shut down */

static void check_reachable(int fd)
{
	int client = net_connect(net_local(fd)), served;

	served = hark_accept_wait(fd, NULL, left_ms(deadline_ms(5000)), 0, NULL);
	CHECK_OK(served);
	net_close(served);
	net_close(client);
}

static void check_comes_back(const char *text)
{
	int fd = bound_to(text);
	unsigned port = net_port(fd);

	CHECK_OK(hark_listen(fd, 0, NULL, NULL));
	CHECK_SYS(shutdown(fd, SHUT_RDWR));
	CHECK(!is_listening(fd));
	CHECK_OK(hark_listen(fd, 0, NULL, NULL));
	CHECK(is_listening(fd));
	CHECK_INT(net_port(fd), ==, port);
	check_reachable(fd);
	net_close(fd);
}

/* L4: as the kernel leaves it, listen(2) would draw another port */
TEST(comes_back,
	"a listener on a port of the kernel's choice comes back on the same port")
{
	for (int i = 0; i < PORTS_TRIED; i++)
		check_comes_back("127.0.0.1:0");
	if (has_ipv6())
		check_comes_back("[::1]:0");
	check_comes_back("0.0.0.0:0");
}

/* L4 */
TEST(comes_back_chosen, "so does one on a port of its own choice, which it never lost")
{
	char text[64];

	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", net_free_port("127.0.0.1"));
	check_comes_back(text);
}

/* L4 E1 */
TEST(port_taken, "if another has taken the port it fails, and works when that has gone")
{
	int fd = bound_to("127.0.0.1:0"), thief;
	unsigned port = net_port(fd);
	struct hark_error err;

	CHECK_OK(hark_listen(fd, 0, NULL, NULL));
	CHECK_SYS(shutdown(fd, SHUT_RDWR));
	thief = net_listen(net_ip("127.0.0.1", port), 1);
	for (int i = 0; i < 3; i++) {
		memset(&err, 0, sizeof(err));
		CHECK_ERR(hark_listen(fd, 0, NULL, &err), -EADDRINUSE);
		CHECK_INT(err.step, ==, HARK_STEP_LISTEN);
		CHECK_INT(err.cause, ==, HARK_CAUSE_PORT_TAKEN);
		CHECK_INT(hark_addr_port(&err.addr), ==, port);
		CHECK(!is_listening(fd));
	}
	net_close(thief);
	CHECK_OK(hark_listen(fd, 0, NULL, NULL));
	CHECK_INT(net_port(fd), ==, port);
	check_reachable(fd);
	net_close(fd);
}

/* L4: the address may go while the socket is shut down; its port is lost then, too */
TEST(address_gone,
	"if its address has gone it fails, and never listens on another port")
{
	int fd, done;
	unsigned port;

	enter_network();
	REQUIRE(has_ipv6(), "needs IPv6");
	fd = bound_to("[::1]:0");
	port = net_port(fd);
	CHECK_OK(hark_listen(fd, 0, NULL, NULL));
	CHECK_SYS(shutdown(fd, SHUT_RDWR));
	write_sysctl("net.ipv6.conf.lo.disable_ipv6", "1");
	done = hark_listen(fd, 0, NULL, NULL);
	if (done == 0)
		CHECK_INT(net_port(fd), ==, port);
	CHECK_ERR(done, -EADDRNOTAVAIL);
	net_close(fd);
}

/* L4: whatever else the kernel may say when asked for the port once more */
TEST(port_refused, "if it cannot have its port back it fails, and listens on no other")
{
	static const int codes[] = {-ENOMEM, -ENOBUFS, -EADDRNOTAVAIL};

	for (size_t i = 0; i < COUNT(codes); i++) {
		int fd = bound_to("127.0.0.1:0"), done;
		unsigned port = net_port(fd);

		CHECK_OK(hark_listen(fd, 0, NULL, NULL));
		CHECK_SYS(shutdown(fd, SHUT_RDWR));
		let_fail(HARK__CALL_BIND, 1, codes[i]);
		done = hark_listen(fd, 0, NULL, NULL);
		if (done == 0)
			CHECK_INT(net_port(fd), ==, port);
		CHECK_ERR(done, codes[i]);
		net_close(fd);
	}
}

/* L4: where the port is privileged it was the caller's choice, and was never lost */
TEST(low_port,
	"one on a privileged port comes back, though it could not be bound again")
{
	int fd;

	REQUIRE(geteuid() == 0, "needs root, to give it up");
	enter_network();
	fd = bound_to("127.0.0.1:80");
	CHECK_OK(hark_listen(fd, 0, NULL, NULL));
	CHECK_SYS(shutdown(fd, SHUT_RDWR));
	become_nobody();
	CHECK_OK(hark_listen(fd, 0, NULL, NULL));
	CHECK_INT(net_port(fd), ==, 80);
	check_reachable(fd);
	net_close(fd);
}

/* L4 */
TEST(accept_says_so, "accept on a listener that was shut down says that it was")
{
	struct hark_listener listener;
	char text[HARK_ERROR_TEXT_MAX];
	struct hark_error err;

	CHECK_OK(hark_tcp_server(&listener, "127.0.0.1:0", NULL, NULL));
	CHECK_SYS(shutdown(listener.fd, SHUT_RD));
	CHECK_ERR(hark_accept_try(listener.fd, NULL, &err), -EINVAL);
	CHECK_INT(err.step, ==, HARK_STEP_ACCEPT);
	CHECK_INT(err.cause, ==, HARK_CAUSE_SHUT_DOWN);
	(void)hark_error_text(&err, text, sizeof(text));
	CHECK_CONTAINS(text, "shut down");
	CHECK_ERR(hark_accept(listener.fd, NULL, &err), -EINVAL);
	CHECK_INT(err.cause, ==, HARK_CAUSE_SHUT_DOWN);
	CHECK_OK(hark_listen(listener.fd, 0, NULL, NULL));
	check_reachable(listener.fd);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}
