/* SPDX-License-Identifier: MIT
 *
 * Port 0 for several addresses: one port of the kernel's choice for all of them, found
 * even where it is the last one, in a bounded number of tries.
 */
#include "faults.h"
#include "ipv6.h"
#include "names.h"
#include "sandbox.h"
#include "sets.h"

#include "leftovers.h"

enum { FIRST_PORT = 40000, PORTS = 4 };

/*
 * A network whose ephemeral ports are four; the first `held` are taken, for IPv6 alone.
 */
static void four_ports(int held, int holders[PORTS])
{
	int one = 1;

	enter_network();
	REQUIRE(has_ipv6(), "needs IPv6");
	write_sysctl("net.ipv4.ip_local_port_range", "40000 40003");
	for (int i = 0; i < held; i++) {
		struct net_addr addr = net_ip("::", (unsigned)(FIRST_PORT + i));

		holders[i] = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
		CHECK_SYS(holders[i]);
		CHECK_SYS(setsockopt(
			holders[i], IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)));
		CHECK_SYS(bind(holders[i], &addr.sa.any, addr.length));
		CHECK_SYS(listen(holders[i], 1));
	}
}

static void close_all(const int fds[], int count)
{
	for (int i = 0; i < count; i++)
		net_close(fds[i]);
}

/* W2: losers are kept while it is drawn again, else one port may be drawn for ever */
TEST(last_port, "of four ports, three held for IPv6, both families get the fourth")
{
	static const char *const texts[] = {"*:0", "localhost:0"};
	int holders[PORTS], before;

	four_ports(PORTS - 1, holders);
	before = open_descriptors();
	for (size_t i = 0; i < 20; i++) {
		struct hark_listener_set set = {0};

		CHECK_INT(add(&set, texts[i % 2], NULL, NULL), ==, 2);
		CHECK_INT(port_of(&set, 0), ==, FIRST_PORT + PORTS - 1);
		CHECK_INT(port_of(&set, 1), ==, FIRST_PORT + PORTS - 1);
		CHECK_INT(open_descriptors(), ==, before + 2);
		check_open(&set, 0);
		check_open(&set, 1);
		close_set(&set);
	}
	close_all(holders, PORTS - 1);
}

/* W2 E1 */
TEST(no_common_port,
	"with all four held it fails after trying all, and nothing is open")
{
	int holders[PORTS], before;
	struct hark_listener_set set = {0};
	char text[HARK_ERROR_TEXT_MAX];
	struct hark_error err;

	four_ports(PORTS, holders);
	before = open_descriptors();
	for (int i = 0; i < 5; i++) {
		memset(&err, 0, sizeof(err));
		CHECK_ERR(add(&set, "*:0", NULL, &err), -EADDRINUSE);
		CHECK_INT(err.cause, ==, HARK_CAUSE_NO_COMMON_PORT);
		CHECK_INT(err.step, ==, HARK_STEP_BIND);
		CHECK_INT(err.code, ==, -EADDRINUSE);
		CHECK_INT(err.limit, ==, PORTS);
		CHECK_INT(set.count, ==, 0);
		CHECK_INT(open_descriptors(), ==, before);
	}
	(void)hark_error_text(&err, text, sizeof(text));
	CHECK_CONTAINS(text, "in 4 tries");
	close_all(holders, PORTS);
	CHECK_INT(add(&set, "*:0", NULL, NULL), ==, 2);
	close_set(&set);
}

/* W2 B4: there is an outcome for each address, whatever the reason */
TEST(no_common_port_verdicts, "and each address has a verdict all the same")
{
	int holders[PORTS];
	struct hark_listener_set set = {0};

	four_ports(PORTS, holders);
	meant = (const char *const[]){"127.0.0.1", "::1", "127.0.0.2", NULL};
	CHECK_ERR(add(&set, "names.test:0", NULL, NULL), -EADDRINUSE);
	CHECK_INT(set.verdict_count, ==, 3);
	for (size_t i = 0; i < 3; i++) {
		CHECK_INT(set.verdict[i].outcome, >=, HARK_OUTCOME_OPEN);
		CHECK_INT(set.verdict[i].outcome, <=, HARK_OUTCOME_UNTRIED);
		CHECK_INT(hark_addr_port(&set.verdict[i].addr), ==, 0);
	}
	close_all(holders, PORTS);
}

/* W2: no port for the first, and no draw: that is another failure */
TEST(no_port_at_all, "where the first finds no port at all, that is what it says")
{
	struct hark_listener_set set = {0};
	struct hark_error err;
	int holders[PORTS];

	four_ports(0, holders);
	for (int i = 0; i < PORTS; i++)
		holders[i] =
			net_listen(net_ip("0.0.0.0", (unsigned)(FIRST_PORT + i)), 1);
	CHECK_ERR(add(&set, "*:0", NULL, &err), -EADDRINUSE);
	CHECK_INT(err.cause, ==, HARK_CAUSE_NONE);
	CHECK_INT(err.step, ==, HARK_STEP_BIND);
	CHECK_INT(set.count, ==, 0);
	close_all(holders, PORTS);
}

/* W2 L3: somebody may take it between the two */
TEST(lost_at_listen, "a port that is lost between bind and listen is drawn again, too")
{
	struct hark_listener_set set = {0};
	int before = open_descriptors();

	REQUIRE(has_ipv6(), "needs IPv6");
	let_fail(HARK__CALL_LISTEN, 2, -EADDRINUSE);
	CHECK_INT(add(&set, "*:0", NULL, NULL), ==, 2);
	CHECK_INT(port_of(&set, 0), ==, port_of(&set, 1));
	CHECK_INT(open_descriptors(), ==, before + 2);
	check_open(&set, 0);
	check_open(&set, 1);
	check_serves(&set);
	close_set(&set);
}

/* W2 L3 B4 */
TEST(lost_at_first_listen, "and if the first of them loses it, likewise")
{
	struct hark_listener_set set = {0};
	int before = open_descriptors();

	REQUIRE(has_ipv6(), "needs IPv6");
	let_fail(HARK__CALL_LISTEN, 1, -EADDRINUSE);
	CHECK_INT(add(&set, "*:0", NULL, NULL), ==, 2);
	CHECK_INT(port_of(&set, 0), ==, port_of(&set, 1));
	CHECK_INT(open_descriptors(), ==, before + 2);
	check_serves(&set);
	close_set(&set);
}
