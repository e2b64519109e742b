/* SPDX-License-Identifier: MIT
 *
 * Bind: one address to one socket; each way in which it fails, with its facts; and what
 * the kernel would let pass, but no listener wants.  Not here: Unix paths
 * (test_unix_path.c), several addresses (test_set.c).
 */
#include "faults.h"
#include "harness.h"
#include "ipv6.h"
#include "net.h"
#include "sandbox.h"

#include <hark.h>

#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ------------------------------------------------------------------------ addresses */

static struct hark_addr ip(const char *host, unsigned port)
{
	struct hark_addr addr;

	CHECK_OK(hark_addr_from_ip(&addr, host, (int)port, NULL));
	return addr;
}

/*
 * Binds a socket of that family; what failed left it open and unbound, and is closed.
 */
static int try_bind(int family, const struct hark_addr *addr, struct hark_error *err)
{
	int fd = hark_socket(family, NULL, NULL), bound;

	CHECK_OK(fd);
	bound = hark_bind(fd, addr, err);
	if (bound < 0 && family != AF_UNIX)
		CHECK_INT(net_port(fd), ==, 0);
	net_close(fd);
	return bound;
}

static int bind_ip(int family, const char *host, unsigned port)
{
	struct hark_addr addr = ip(host, port);

	return try_bind(family, &addr, NULL);
}

static void check_facts(const struct hark_error *err, int code, enum hark_cause cause,
	const struct hark_addr *addr, long long limit)
{
	CHECK_INT(err->step, ==, HARK_STEP_BIND);
	CHECK_INT(err->code, ==, code);
	CHECK_INT(err->cause, ==, cause);
	CHECK_INT(hark_addr_compare(&err->addr, addr), ==, 0);
	CHECK_INT(err->limit, ==, limit);
	CHECK_INT(err->resolver_code, ==, 0);
}

static void check_refusal(
	int family, const char *host, unsigned port, int code, enum hark_cause cause)
{
	struct hark_addr addr = ip(host, port);
	struct hark_error err;
	int bound;

	memset(&err, 0xa5, sizeof(err));
	bound = try_bind(family, &addr, &err);
	if (bound != code)
		harness_fail(__FILE__, __LINE__, "binding %s gave %s and not %s", host,
			bound < 0 ? errno_name(bound) : "a success", errno_name(code));
	check_facts(&err, code, cause, &addr, 0);
	CHECK_ERR(try_bind(family, &addr, NULL), code);
}

/* -------------------------------------------------------------------------- success */

/* B1 E1 */
TEST(binds, "a free address is bound, the error is left alone")
{
	unsigned port = net_free_port("127.0.0.1");
	struct hark_addr addr = ip("127.0.0.1", port), local;
	struct hark_error err, before;
	int fd = hark_socket(AF_INET, NULL, NULL);

	memset(&err, 0xa5, sizeof(err));
	before = err;
	CHECK_OK(fd);
	CHECK_INT(hark_bind(fd, &addr, &err), ==, 0);
	CHECK_INT(memcmp(&err, &before, sizeof(err)), ==, 0);
	CHECK_INT(net_port(fd), ==, port);
	CHECK_OK(hark_local_addr(fd, &local, NULL));
	CHECK_INT(hark_addr_compare(&local, &addr), ==, 0);
	net_close(fd);
}

/* B1: all of 127/8 is this host, and needs no configuring */
TEST(binds_any_loopback, "any address of this host, and port 0 is the kernel's choice")
{
	static const char *const hosts[] = {
		"127.0.0.1", "127.1.2.3", "127.0.0.255", "127.255.255.253", "0.0.0.0"};

	for (size_t i = 0; i < COUNT(hosts); i++) {
		struct hark_addr addr = ip(hosts[i], 0);
		int fd = hark_socket(AF_INET, NULL, NULL);

		CHECK_OK(fd);
		CHECK_OK(hark_bind(fd, &addr, NULL));
		CHECK_INT(net_port(fd), >, 0);
		net_close(fd);
	}
}

/* B1 */
TEST(binds_ipv6, "addresses of IPv6, and IPv4 in its mapped form")
{
	static const char *const hosts[] = {"::", "::1", "::ffff:127.0.0.1"};

	REQUIRE(has_ipv6(), "needs IPv6");
	for (size_t i = 0; i < COUNT(hosts); i++) {
		struct hark_addr addr = ip(hosts[i], 0);
		int fd = hark_socket(AF_INET6, NULL, NULL);

		CHECK_OK(fd);
		CHECK_OK(hark_bind(fd, &addr, NULL));
		CHECK_INT(net_port(fd), >, 0);
		net_close(fd);
	}
}

/* ------------------------------------------------------------------------- failures */

/* B1 E1 */
TEST(in_use, "an address that another listens on is in use")
{
	int holder = net_listen(net_ip("127.0.0.1", 0), 1);
	unsigned port = net_port(holder);

	check_refusal(AF_INET, "127.0.0.1", port, -EADDRINUSE, HARK_CAUSE_NONE);
	check_refusal(AF_INET, "0.0.0.0", port, -EADDRINUSE, HARK_CAUSE_NONE);
	CHECK_OK(bind_ip(AF_INET, "127.0.0.2", port));
	net_close(holder);
	CHECK_OK(bind_ip(AF_INET, "127.0.0.1", port));
}

/* B1: one dual-stack socket holds both families */
TEST(in_use_dual_stack, "[::] for both families and 0.0.0.0 exclude each other")
{
	int holder = net_listen(net_ip("0.0.0.0", 0), 1);
	unsigned port = net_port(holder);

	REQUIRE(has_ipv6(), "needs IPv6");
	check_refusal(AF_INET6, "::", port, -EADDRINUSE, HARK_CAUSE_NONE);
	net_close(holder);
	CHECK_OK(bind_ip(AF_INET6, "::", port));
}

/* B1: addresses for documentation (RFC 5737, RFC 3849) are no host's */
TEST(not_local, "an address that this host has not is not available")
{
	enter_network(); /* some test machines have such an address all the same */
	check_refusal(AF_INET, "192.0.2.1", 0, -EADDRNOTAVAIL, HARK_CAUSE_NONE);
	check_refusal(AF_INET, "198.51.100.2", 0, -EADDRNOTAVAIL, HARK_CAUSE_NONE);
	check_refusal(AF_INET, "0.0.0.1", 0, -EADDRNOTAVAIL, HARK_CAUSE_NONE);
	REQUIRE(has_ipv6(), "needs IPv6");
	check_refusal(AF_INET6, "2001:db8::1", 0, -EADDRNOTAVAIL, HARK_CAUSE_NONE);
}

/* B1 E1 E2 */
TEST(permission, "low ports need a privilege, and the first free one is told")
{
	long start = read_sysctl("net.ipv4.ip_unprivileged_port_start");
	struct hark_addr addr = ip("127.0.0.1", (unsigned)(start > 1 ? start - 1 : 1));
	char text[HARK_ERROR_TEXT_MAX];
	struct hark_error err;

	REQUIRE(start > 1, "here anybody may bind any port");
	if (geteuid() == 0)
		become_nobody();
	CHECK_ERR(try_bind(AF_INET, &addr, &err), -EACCES);
	check_facts(&err, -EACCES, HARK_CAUSE_NONE, &addr, start);
	(void)hark_error_text(&err, text, sizeof(text));
	CHECK_CONTAINS(text, "CAP_NET_BIND_SERVICE");
	addr = ip("::ffff:127.0.0.1", (unsigned)start - 1);
	if (has_ipv6()) {
		CHECK_ERR(try_bind(AF_INET6, &addr, &err), -EACCES);
		check_facts(&err, -EACCES, HARK_CAUSE_NONE, &addr, start);
	}
}

/* B1 E1: in a network of its own, so that the limit is not that of the header file */
TEST(permission_limit, "the limit is that of this network namespace")
{
	struct hark_addr addr = ip("127.0.0.1", 4999);
	struct hark_error err;

	REQUIRE(geteuid() == 0, "needs root, to give it up");
	enter_network();
	write_sysctl("net.ipv4.ip_unprivileged_port_start", "5000");
	become_nobody();
	CHECK_ERR(try_bind(AF_INET, &addr, &err), -EACCES);
	check_facts(&err, -EACCES, HARK_CAUSE_NONE, &addr, 5000);
	addr = ip("127.0.0.1", 5000);
	CHECK_OK(try_bind(AF_INET, &addr, NULL));
}

/* B1 E1 */
TEST(wrong_family, "an address of another family than the socket's is refused")
{
	struct hark_addr unix_addr;

	CHECK_OK(hark_addr_parse(&unix_addr, "unix:@hark-test-of-bind", NULL));
	check_refusal(AF_INET, "::1", 0, -EAFNOSUPPORT, HARK_CAUSE_NONE);
	check_refusal(AF_UNIX, "127.0.0.1", 0, -EINVAL, HARK_CAUSE_NONE);
	/*
	 * inet6_bind() looks at the length first, and says of this that it is too short
	 */
	check_refusal(AF_INET6, "127.0.0.1", 0, -EINVAL, HARK_CAUSE_NONE);
	CHECK_ERR(try_bind(AF_INET, &unix_addr, NULL), -EAFNOSUPPORT);
}

/* B1 E2: its number means little to people, and was not what they wrote */
TEST(names_scope, "an address with an interface is shown with that one's name")
{
	char line[HARK_ERROR_TEXT_MAX];
	struct hark_error err;
	struct hark_addr addr;
	int fd;

	REQUIRE(if_nametoindex("lo") > 0, "needs an interface lo");
	fd = hark_socket(AF_INET6, NULL, NULL);
	REQUIRE(fd >= 0, "needs IPv6");
	CHECK_OK(hark_addr_parse(&addr, "[fe80::4481%lo]:4481", NULL));
	CHECK_ERR(hark_bind(fd, &addr, &err), -EADDRNOTAVAIL);
	(void)hark_error_text(&err, line, sizeof(line)); /* fits */
	CHECK_CONTAINS(line, "cannot bind '[fe80::4481%lo]:4481': ");
	net_close(fd);
}

/* B1: fe80::/64 is on every link, so an address of it means nothing without one */
TEST(bad_scope, "a link-local address wants the scope of an interface that is there")
{
	struct hark_addr addr = ip("fe80::1%lo", 0);
	struct hark_error err;

	REQUIRE(has_ipv6(), "needs IPv6");
	addr.u.in6.sin6_scope_id = 0;
	CHECK_ERR(try_bind(AF_INET6, &addr, &err), -EINVAL);
	check_facts(&err, -EINVAL, HARK_CAUSE_NONE, &addr, 0);
	addr.u.in6.sin6_scope_id = 999999;
	CHECK_ERR(try_bind(AF_INET6, &addr, &err), -ENODEV);
	check_facts(&err, -ENODEV, HARK_CAUSE_NONE, &addr, 0);
	addr.u.in6.sin6_scope_id = if_nametoindex("lo");
	CHECK_ERR(try_bind(AF_INET6, &addr, &err), -EADDRNOTAVAIL);
	check_facts(&err, -EADDRNOTAVAIL, HARK_CAUSE_NONE, &addr, 0);
}

/* B1 E1 */
TEST(twice, "a socket is bound once")
{
	struct hark_addr addr = ip("127.0.0.1", 0);
	struct hark_error err;
	int fd = hark_socket(AF_INET, NULL, NULL);
	unsigned port;

	CHECK_OK(fd);
	CHECK_OK(hark_bind(fd, &addr, NULL));
	port = net_port(fd);
	CHECK_ERR(hark_bind(fd, &addr, &err), -EINVAL);
	check_facts(&err, -EINVAL, HARK_CAUSE_NONE, &addr, 0);
	CHECK_INT(net_port(fd), ==, port);
	net_close(fd);
}

/* B1 E1 */
TEST(no_socket, "what is no socket, not open, or no address is told as it is")
{
	struct hark_addr addr = ip("127.0.0.1", 0), none = {.length = 0};
	struct hark_error err;
	int pipe_fds[2];

	CHECK_SYS(pipe(pipe_fds));
	CHECK_ERR(hark_bind(pipe_fds[0], &addr, &err), -ENOTSOCK);
	check_facts(&err, -ENOTSOCK, HARK_CAUSE_NONE, &addr, 0);
	net_close(pipe_fds[0]);
	net_close(pipe_fds[1]);
	CHECK_ERR(hark_bind(pipe_fds[0], &addr, &err), -EBADF);
	CHECK_ERR(hark_bind(-1, &addr, NULL), -EBADF);
	CHECK_ERR(try_bind(AF_INET, &none, &err), -EINVAL);
	CHECK_INT(err.addr.length, ==, 0);
}

/* B1 E1: the facts are the same when a listener is opened in one step */
TEST(by_listener, "opening a listener fails with the same facts and leaves nothing")
{
	int holder = net_listen(net_ip("127.0.0.1", 0), 1);
	struct hark_addr addr = ip("127.0.0.1", net_port(holder));
	struct hark_listener listener;
	struct hark_error err;

	memset(&listener, 0xa5, sizeof(listener));
	CHECK_ERR(hark_listener_open(&listener, &addr, NULL, &err), -EADDRINUSE);
	check_facts(&err, -EADDRINUSE, HARK_CAUSE_NONE, &addr, 0);
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
	CHECK_OK(hark_listener_close_now(&listener, NULL)); /* nothing to close */
	addr = ip("0.0.0.1", 0);
	CHECK_ERR(hark_listener_open(&listener, &addr, NULL, &err), -EADDRNOTAVAIL);
	check_facts(&err, -EADDRNOTAVAIL, HARK_CAUSE_NONE, &addr, 0);
	addr = ip("127.255.255.255", 0);
	CHECK_ERR(hark_listener_open(&listener, &addr, NULL, &err), -EINVAL);
	check_facts(&err, -EINVAL, HARK_CAUSE_BROADCAST, &addr, 0);
	net_close(holder);
}

/* ------------------------------------------------------------------ groups of hosts */

/* B2 */
TEST(multicast, "multicast addresses are refused, with the reason")
{
	static const char *const hosts[] = {
		"224.0.0.1", "224.0.0.0", "239.255.255.255", "232.1.2.3"};
	static const char *const ipv6_hosts[] = {"ff05::2", "ff0e::1",
		"::ffff:224.0.0.1", "::ffff:239.255.255.255", "ff02::1"};

	for (size_t i = 0; i < COUNT(hosts); i++)
		check_refusal(AF_INET, hosts[i], 4481, -EINVAL, HARK_CAUSE_MULTICAST);
	REQUIRE(has_ipv6(), "needs IPv6");
	for (size_t i = 0; i < COUNT(ipv6_hosts); i++)
		check_refusal(
			AF_INET6, ipv6_hosts[i], 4481, -EINVAL, HARK_CAUSE_MULTICAST);
}

/* B2: the broadcast address of 127/8 is on every host */
TEST(broadcast, "broadcast addresses are refused, with the reason, in either form")
{
	check_refusal(AF_INET, "255.255.255.255", 4481, -EINVAL, HARK_CAUSE_BROADCAST);
	check_refusal(AF_INET, "127.255.255.255", 4481, -EINVAL, HARK_CAUSE_BROADCAST);
	check_refusal(AF_INET, "127.255.255.255", 0, -EINVAL, HARK_CAUSE_BROADCAST);
	REQUIRE(has_ipv6(), "needs IPv6");
	check_refusal(AF_INET6, "::ffff:255.255.255.255", 4481, -EINVAL,
		HARK_CAUSE_BROADCAST);
	check_refusal(AF_INET6, "::ffff:127.255.255.255", 4481, -EINVAL,
		HARK_CAUSE_BROADCAST);
}

/* Gives lo a further address, as ifconfig(8) does; alias: "lo:1". */
static void set_address(const char *alias, unsigned long call, const char *address)
{
	struct net_addr addr = net_ip(address, 0);
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK_SYS(fd);
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", alias);
	memcpy(&request.ifr_addr, &addr.sa.any, sizeof(request.ifr_addr));
	CHECK_SYS(ioctl(fd, call, &request));
	net_close(fd);
}

/* B2 */
TEST(broadcast_of_a_subnet, "so is that of a subnet, and only that")
{
	enter_network();
	set_address("lo:1", SIOCSIFADDR, "10.77.0.1");
	set_address("lo:1", SIOCSIFNETMASK, "255.255.255.128");
	set_address("lo:1", SIOCSIFBRDADDR, "10.77.0.127");
	check_refusal(AF_INET, "10.77.0.127", 4481, -EINVAL, HARK_CAUSE_BROADCAST);
	CHECK_OK(bind_ip(AF_INET, "10.77.0.1", 0));
	set_address("lo:2", SIOCSIFADDR, "10.77.0.63");
	CHECK_OK(bind_ip(AF_INET, "10.77.0.63", 0));
}

/* B2: another mask, and the very same address is a host's */
TEST(no_broadcast, "an address that ends like a broadcast one, and is a host, is bound")
{
	enter_network();
	set_address("lo:1", SIOCSIFADDR, "10.77.0.255");
	set_address("lo:1", SIOCSIFNETMASK, "255.255.0.0");
	CHECK_OK(bind_ip(AF_INET, "10.77.0.255", 0));
	CHECK_OK(bind_ip(AF_INET, "127.0.0.255", 0));
}

/* B2: the administrator may choose any address for it */
TEST(broadcast_chosen, "a broadcast address that was set by hand is one, too")
{
	enter_network();
	set_address("lo:1", SIOCSIFADDR, "10.77.0.1");
	set_address("lo:1", SIOCSIFNETMASK, "255.255.255.0");
	set_address("lo:1", SIOCSIFBRDADDR, "10.77.0.100");
	check_refusal(AF_INET, "10.77.0.100", 4481, -EINVAL, HARK_CAUSE_BROADCAST);
}

/* B2: the probe is no reason to fail */
TEST(cannot_ask, "when it cannot be asked what an address is, bind decides")
{
	struct hark_addr addr = ip("127.0.0.3", 0);
	int fd = hark_socket(AF_INET, NULL, NULL);

	CHECK_OK(fd);
	let_fail(HARK__CALL_SOCKET, 1, -EMFILE);
	CHECK_OK(hark_bind(fd, &addr, NULL));
	CHECK_INT(calls_seen(), ==, 1);
	net_close(fd);
}
