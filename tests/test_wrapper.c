/* SPDX-License-Identifier: MIT
 *
 * The wrappers that make one listener, or all that a text means, in one call; and the
 * limit of descriptors, raised.  Not here: loops (test_accept_loop.c), what a set does
 * with many addresses (test_set.c).
 */
#include "faults.h"
#include "harness.h"
#include "ipv6.h"
#include "loopback.h"
#include "sandbox.h"

#include <sys/resource.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static unsigned port_of(const struct hark_listener *listener)
{
	int port = hark_addr_port(&listener->addr);

	CHECK_INT(port, >, 0);
	return (unsigned)port;
}

static int family_of(const struct hark_listener *listener)
{
	return hark_addr_family(&listener->addr);
}

/* Accepts the client that dials that address, and returns how hark shows it. */
static struct hark_addr peer_from(const struct hark_listener *listener, const char *ip)
{
	int client = net_connect(net_ip(ip, port_of(listener))), fd;
	struct hark_addr peer;

	fd = hark_accept_wait(listener->fd, &peer, left_ms(deadline_ms(5000)), 0, NULL);
	CHECK_OK(fd);
	net_close(fd);
	net_close(client);
	return peer;
}

/* ----------------------------------------------------------------------- tcp_server */

/* W1 E1 */
TEST(one_address, "one address, created, bound and listening in one call")
{
	struct hark_listen_options options = {.backlog = 5};
	struct hark_listener listener;
	struct hark_error err;

	memset(&listener, 0xa5, sizeof(listener));
	stamp(&err);
	CHECK_INT(hark_tcp_server(&listener, "127.0.0.1:0", &options, &err), ==, 0);
	CHECK(is_stamped(&err));
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_MADE);
	CHECK_INT(listener.fd, >, 2);
	CHECK_INT(listener.owner, ==, getpid());
	for (size_t i = 0; i < COUNT(listener.reserved); i++)
		CHECK_INT(listener.reserved[i], ==, 0);
	CHECK_INT(listener.unix_inode, ==, 0);
	CHECK_INT(listener.backlog.effective, ==, 5);
	CHECK_INT(net_port(listener.fd), ==, port_of(&listener));
	(void)peer_from(&listener, "127.0.0.1");
	CHECK_OK(hark_listener_close_now(&listener, &err));
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
	CHECK_OK(hark_listener_close_now(&listener, &err));
	CHECK(is_stamped(&err));
}

/* W1 A1 A5 */
TEST(dual_stack, "a port alone is one socket that serves both families")
{
	static const char *const texts[] = {"0", ":0", "*:0"};

	REQUIRE(has_ipv6(), "needs IPv6");
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct hark_listener listener;
		struct hark_addr peer;

		CHECK_OK(hark_tcp_server(&listener, texts[i], NULL, NULL));
		CHECK_INT(family_of(&listener), ==, AF_INET6);
		CHECK(hark_addr_is_unspecified(&listener.addr));
		peer = peer_from(&listener, "::1");
		CHECK(!hark_addr_is_v4_mapped(&peer));
		CHECK(hark_addr_is_loopback(&peer));
		peer = peer_from(&listener, "127.0.0.1");
		CHECK(hark_addr_is_v4_mapped(&peer));
		CHECK(hark_addr_is_loopback(&peer));
		close_listener(&listener);
	}
}

/* W1 C2 */
TEST(dual_stack_always, "whatever net.ipv6.bindv6only says")
{
	struct hark_listener listener;

	enter_network();
	REQUIRE(has_ipv6(), "needs IPv6");
	write_sysctl("net.ipv6.bindv6only", "1");
	CHECK_OK(hark_tcp_server(&listener, "*:0", NULL, NULL));
	(void)peer_from(&listener, "127.0.0.1");
	(void)peer_from(&listener, "::1");
	close_listener(&listener);
}

/* W1 C2 */
TEST(ipv6_only, "unless IPv6 alone was asked for")
{
	struct hark_listen_options options = {.ipv6_only = HARK_ON};
	struct hark_listener listener;

	REQUIRE(has_ipv6(), "needs IPv6");
	CHECK_OK(hark_tcp_server(&listener, "*:0", &options, NULL));
	CHECK_ERR(net_try_connect(net_ip("127.0.0.1", port_of(&listener))),
		-ECONNREFUSED);
	(void)peer_from(&listener, "::1");
	close_listener(&listener);
}

/* W1 A1 E1 */
TEST(no_ipv6, "on a kernel without IPv6 it is 0.0.0.0")
{
	struct hark_listener listener;
	struct hark_error err;

	stamp(&err);
	let_fail(HARK__CALL_SOCKET, 1, -EAFNOSUPPORT);
	CHECK_OK(hark_tcp_server(&listener, "*:0", NULL, &err));
	CHECK(is_stamped(&err));
	CHECK_INT(family_of(&listener), ==, AF_INET);
	CHECK(hark_addr_is_unspecified(&listener.addr));
	(void)peer_from(&listener, "127.0.0.1");
	close_listener(&listener);
}

/* W1 A1: [::] can be bound there, and serves IPv4 */
TEST(ipv6_off, "and where IPv6 is turned off, IPv4 is served all the same")
{
	struct hark_listener listener;

	enter_network();
	write_sysctl("net.ipv6.conf.all.disable_ipv6", "1");
	write_sysctl("net.ipv6.conf.lo.disable_ipv6", "1");
	CHECK_OK(hark_tcp_server(&listener, "*:0", NULL, NULL));
	(void)peer_from(&listener, "127.0.0.1");
	close_listener(&listener);
	CHECK_OK(hark_tcp_server(&listener, "localhost:0", NULL, NULL));
	(void)peer_from(&listener, "127.0.0.1");
	close_listener(&listener);
}

static int no_sockets(enum hark__call call)
{
	return call == HARK__CALL_SOCKET ? -EAFNOSUPPORT : 0;
}

/* W1 E1 */
TEST(no_family, "without either it fails, and says of which address")
{
	struct hark_listener listener;
	struct hark_error err;

	hark__fault = no_sockets;
	CHECK_ERR(hark_tcp_server(&listener, "*:0", NULL, &err), -EAFNOSUPPORT);
	CHECK_INT(err.step, ==, HARK_STEP_SOCKET);
	CHECK_INT(err.code, ==, -EAFNOSUPPORT);
}

/* W1 E1: IPv4 alone, beside another's IPv4, would be half of what was asked for */
TEST(no_half, "a port that one family has not is no reason for less than both")
{
	int holder = net_listen(net_ip("0.0.0.0", 0), 1);
	struct hark_listener listener = {0};
	struct hark_error err;
	char text[16];

	REQUIRE(has_ipv6(), "needs IPv6");
	(void)snprintf(text, sizeof(text), "*:%u", net_port(holder));
	CHECK_ERR(hark_tcp_server(&listener, text, NULL, &err), -EADDRINUSE);
	CHECK_INT(err.step, ==, HARK_STEP_BIND);
	CHECK_INT(hark_addr_port(&err.addr), ==, net_port(holder));
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
	net_close(holder);
	CHECK_OK(hark_tcp_server(&listener, text, NULL, NULL));
	close_listener(&listener);
}

/* W1 */
TEST(name, "a name is the first of its addresses that can be opened")
{
	int holder = net_listen(net_ip("127.0.0.1", 0), 1), other;
	unsigned port = net_port(holder);
	struct hark_listener listener;
	struct hark_error err;
	char text[32];

	CHECK_OK(hark_tcp_server(&listener, "localhost:0", NULL, NULL));
	CHECK_INT(family_of(&listener), ==, AF_INET);
	close_listener(&listener);
	REQUIRE(has_ipv6(), "needs IPv6");
	(void)snprintf(text, sizeof(text), "localhost:%u", port);
	stamp(&err);
	CHECK_OK(hark_tcp_server(&listener, text, NULL, &err));
	CHECK(is_stamped(&err));
	CHECK_INT(family_of(&listener), ==, AF_INET6);
	CHECK_INT(port_of(&listener), ==, port);
	close_listener(&listener);
	other = net_listen(net_ip("::1", port), 1);
	CHECK_ERR(hark_tcp_server(&listener, text, NULL, &err), -EADDRINUSE);
	CHECK_INT(hark_addr_family(&err.addr), ==, AF_INET); /* the first's reason */
	net_close(other);
	net_close(holder);
}

/* W1 E1 E4 */
TEST(not_tcp, "what is no TCP address is refused, before anything is opened")
{
	static const char *const texts[] = {"unix:/tmp/hark-none", "unix:@hark-none",
		"fd:0", "activation", "activation:web"};
	struct hark_listener listener = {0};
	struct hark_listener_set set;
	struct hark_error err;

	count_calls(HARK__CALL_SOCKET);
	for (size_t i = 0; i < COUNT(texts); i++) {
		CHECK_ERR(hark_tcp_server(&listener, texts[i], NULL, &err), -EINVAL);
		CHECK_INT(err.step, ==, HARK_STEP_PARSE);
		CHECK_INT(err.cause, ==, HARK_CAUSE_NOT_TCP);
		CHECK_STR(err.subject, texts[i]);
		memset(&err, 0, sizeof(err));
		CHECK_ERR(hark_tcp_server_sockets(&set, texts[i], NULL, &err), -EINVAL);
		CHECK_INT(err.cause, ==, HARK_CAUSE_NOT_TCP);
		CHECK_INT(set.count, ==, 0);
	}
	CHECK_INT(calls_seen(), ==, 0);
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
}

/* W1 A2 E4 */
TEST(bad_text, "nor does a text that means nothing open anything")
{
	static const char *const texts[] = {"", "127.0.0.1", "127.0.0.1:65536",
		"::1:80", "unix:", "127.1:80", "-1", "[::1]"};
	struct hark_listener listener;
	struct hark_listener_set set;

	count_calls(HARK__CALL_SOCKET);
	for (size_t i = 0; i < COUNT(texts); i++) {
		memset(&listener, 0xa5, sizeof(listener));
		CHECK_INT(hark_tcp_server(&listener, texts[i], NULL, NULL), <, 0);
		CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
		CHECK_INT(hark_tcp_server_sockets(&set, texts[i], NULL, NULL), <, 0);
		CHECK_INT(set.count, ==, 0);
		memset(&listener, 0xa5, sizeof(listener));
		CHECK_INT(hark_unix_server(&listener, texts[i], NULL, NULL), <, 0);
		CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
	}
	CHECK_INT(calls_seen(), ==, 0);
}

/* --------------------------------------------------------------- tcp_server_sockets */

/* W2: the set is the caller's, and need not have been cleared */
TEST(sockets, "all that a text means, in a set that need not be clear")
{
	struct hark_listener_set set;
	struct hark_error err;
	int added;

	memset(&set, 0xa5, sizeof(set));
	stamp(&err);
	added = hark_tcp_server_sockets(&set, "localhost:0", NULL, &err);
	CHECK_INT(added, ==, has_ipv6() ? 2 : 1);
	CHECK(is_stamped(&err));
	CHECK_INT(set.count, ==, added);
	CHECK_INT(set.verdict_count, ==, 2);
	for (size_t i = 0; i < set.count; i++)
		CHECK_INT(port_of(&set.listener[i]), ==, port_of(&set.listener[0]));
	CHECK_OK(hark_listener_set_close_now(&set, NULL));
}

/* W2 E1 */
TEST(sockets_fail, "on failure the set is empty, and has the verdicts")
{
	int holder = net_listen(net_ip("127.0.0.1", 0), 1);
	struct hark_listener_set set;
	char text[32];

	memset(&set, 0xa5, sizeof(set));
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", net_port(holder));
	CHECK_ERR(hark_tcp_server_sockets(&set, text, NULL, NULL), -EADDRINUSE);
	CHECK_INT(set.count, ==, 0);
	CHECK_INT(set.verdict_count, ==, 1);
	CHECK_INT(set.verdict[0].outcome, ==, HARK_OUTCOME_IN_USE);
	net_close(holder);
}

/* ---------------------------------------------------------------------- unix_server */

/* W1 B3 */
TEST(unix_server, "a Unix listener in one call, by path or by abstract name")
{
	char texts[2][128];

	(void)snprintf(texts[0], sizeof(texts[0]), "unix:%s/socket", temp_directory());
	(void)snprintf(
		texts[1], sizeof(texts[1]), "unix:@hark-wrapper-%d", (int)getpid());
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct hark_listener listener;
		struct hark_error err;
		struct ends ends;

		stamp(&err);
		CHECK_OK(hark_unix_server(&listener, texts[i], NULL, &err));
		CHECK(is_stamped(&err));
		CHECK_INT(family_of(&listener), ==, AF_UNIX);
		ends = meet(&listener);
		net_close(ends.client);
		net_close(ends.server);
		CHECK_ERR(hark_unix_server(
				  &(struct hark_listener){0}, texts[i], NULL, NULL),
			-EADDRINUSE);
		close_listener(&listener);
		CHECK_OK(hark_unix_server(&listener, texts[i], NULL, NULL));
		close_listener(&listener);
	}
}

/* W1 E1 E4 */
TEST(not_unix, "what is no Unix address is refused, before anything is opened")
{
	static const char *const texts[] = {"0", "*:0", "127.0.0.1:0", "[::1]:0",
		"localhost:0", "fd:0", "activation"};
	struct hark_listener listener;
	struct hark_error err;

	count_calls(HARK__CALL_SOCKET);
	for (size_t i = 0; i < COUNT(texts); i++) {
		CHECK_ERR(hark_unix_server(&listener, texts[i], NULL, &err), -EINVAL);
		CHECK_INT(err.step, ==, HARK_STEP_PARSE);
		CHECK_INT(err.cause, ==, HARK_CAUSE_NOT_UNIX);
		CHECK_STR(err.subject, texts[i]);
	}
	CHECK_INT(calls_seen(), ==, 0);
}

/* ---------------------------------------------------------------------- descriptors */

static void set_limits(rlim_t soft, rlim_t hard)
{
	struct rlimit limit = {soft, hard};

	if (setrlimit(RLIMIT_NOFILE, &limit) < 0) /* valgrind keeps some for itself */
		SKIP("cannot lower the limits: %s", errno_name(errno));
}

static void check_limits(rlim_t soft, rlim_t hard)
{
	struct rlimit limit;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	CHECK_INT(limit.rlim_cur, ==, soft);
	CHECK_INT(limit.rlim_max, ==, hard);
}

/* The highest descriptor that can be had. */
static bool can_open(int fd)
{
	int copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, fd);

	if (copy < 0)
		return false;
	net_close(copy);
	return true;
}

/* W5 E1 */
TEST(raise, "the soft limit becomes the hard one, which stays; both are told twice")
{
	struct hark_nofile before, after, now;
	struct hark_error err;

	set_limits(150, 200);
	stamp(&err);
	CHECK_OK(hark_nofile_read(&now, &err));
	CHECK_INT(now.soft, ==, 150);
	CHECK_INT(now.hard, ==, 200);
	check_limits(150, 200); /* reading changes nothing */
	CHECK(!can_open(199));
	CHECK_INT(hark_nofile_raise(&before, &after, &err), ==, 0);
	CHECK(is_stamped(&err));
	CHECK_INT(before.soft, ==, 150);
	CHECK_INT(before.hard, ==, 200);
	CHECK_INT(after.soft, ==, 200);
	CHECK_INT(after.hard, ==, 200);
	check_limits(200, 200);
	CHECK(can_open(199));
	CHECK(!can_open(200));
}

/* W5: no privilege is needed */
TEST(raise_as_nobody, "anybody may")
{
	struct hark_nofile before, after;

	set_limits(150, 200);
	if (geteuid() == 0)
		become_nobody();
	CHECK_OK(hark_nofile_raise(&before, &after, NULL));
	CHECK_INT(before.soft, ==, 150);
	CHECK_INT(after.soft, ==, 200);
	check_limits(200, 200);
}

/* W5 */
TEST(raise_again, "raised already, nothing is done; who does not ask is not told")
{
	struct hark_nofile after;

	set_limits(150, 200);
	CHECK_OK(hark_nofile_raise(NULL, NULL, NULL));
	check_limits(200, 200);
	count_calls(HARK__CALL_SETRLIMIT);
	CHECK_OK(hark_nofile_raise(NULL, &after, NULL));
	CHECK_INT(after.soft, ==, 200);
	CHECK_INT(calls_seen(), ==, 0);
}

/* W5 E1 */
TEST(raise_fails,
	"a failure tells the limit that was wanted, and reports are left alone")
{
	struct hark_nofile before = {1, 2}, after = {3, 4};
	struct hark_error err;

	set_limits(150, 200);
	let_fail(HARK__CALL_SETRLIMIT, 1, -EPERM);
	CHECK_ERR(hark_nofile_raise(&before, &after, &err), -EPERM);
	CHECK_INT(err.step, ==, HARK_STEP_LIMIT);
	CHECK_INT(err.code, ==, -EPERM);
	CHECK_INT(err.limit, ==, 200);
	CHECK_STR(err.option, "RLIMIT_NOFILE");
	let_fail(HARK__CALL_GETRLIMIT, 1, -EFAULT);
	CHECK_ERR(hark_nofile_raise(&before, &after, &err), -EFAULT);
	CHECK_INT(err.step, ==, HARK_STEP_LIMIT);
	let_fail(HARK__CALL_GETRLIMIT, 1, -EFAULT);
	CHECK_ERR(hark_nofile_read(&before, &err), -EFAULT);
	CHECK_INT(err.step, ==, HARK_STEP_LIMIT);
	CHECK_INT(before.soft + before.hard + after.soft + after.hard, ==, 10);
	check_limits(150, 200);
}
