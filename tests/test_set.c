/* SPDX-License-Identifier: MIT
 *
 * Several listeners: what a text means, a verdict for each address, all or nothing or
 * what could be opened, duplicates, room.  Not here: the search for a port that all of
 * them can have (test_shared_port.c), a family that is off (test_family_off.c).
 */
#include "faults.h"
#include "ipv6.h"
#include "names.h"
#include "sandbox.h"
#include "sets.h"

#include "leftovers.h"

/* ------------------------------------------------------------------ what texts mean */

/* W2 A1 B4 */
TEST(both_families,
	"a port alone is one listener a family, on one port, [::] without IPv4")
{
	static const char *const texts[] = {"0", ":0", "*:0", "localhost:0"};

	REQUIRE(has_ipv6(), "needs IPv6");
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct hark_listener_set set = {0};
		struct hark_error err;

		stamp(&err);
		CHECK_INT(add(&set, texts[i], NULL, &err), ==, 2);
		CHECK(is_stamped(&err));
		CHECK_INT(set.count, ==, 2);
		CHECK_INT(set.verdict_count, ==, 2);
		check_open(&set, 0);
		check_open(&set, 1);
		CHECK_INT(hark_addr_family(&set.listener[0].addr), ==, AF_INET);
		CHECK_INT(hark_addr_family(&set.listener[1].addr), ==, AF_INET6);
		CHECK_INT(port_of(&set, 0), >, 0);
		CHECK_INT(port_of(&set, 0), ==, port_of(&set, 1));
		CHECK(is_ipv6_only(set.listener[1].fd));
		for (size_t j = 0; j < 2; j++)
			CHECK_INT(hark_addr_compare(
					  &set.verdict[j].addr, &set.listener[j].addr),
				==, 0);
		close_set(&set);
	}
}

/* W2 */
TEST(both_serve, "both families are served on that port")
{
	struct hark_listener_set set = {0};
	int client, port;

	REQUIRE(has_ipv6(), "needs IPv6");
	CHECK_INT(add(&set, "*:0", NULL, NULL), ==, 2);
	port = port_of(&set, 0);
	client = net_connect(net_ip("127.0.0.1", (unsigned)port));
	net_wait_queue(set.listener[0].fd, 1);
	CHECK_INT(net_queue(set.listener[1].fd), ==, 0);
	net_close(client);
	client = net_connect(net_ip("::1", (unsigned)port));
	net_wait_queue(set.listener[1].fd, 1);
	net_close(client);
	close_set(&set);
}

/* W2 */
TEST(chosen_port, "with a port of one's own it is that one for both")
{
	struct hark_listener_set set = {0};
	int port = (int)net_free_port("127.0.0.1");

	REQUIRE(has_ipv6(), "needs IPv6");
	CHECK_INT(add_port(&set, "localhost", port, NULL, NULL), ==, 2);
	CHECK_INT(port_of(&set, 0), ==, port);
	CHECK_INT(port_of(&set, 1), ==, port);
	check_serves(&set);
	close_set(&set);
}

/* W2 */
TEST(grows, "a set grows by any form of address, the verdicts are those of the last")
{
	struct hark_listener_set set = {0};
	char text[128];

	(void)snprintf(text, sizeof(text), "unix:%s/socket", temp_directory());
	CHECK_INT(add(&set, "127.0.0.1:0", NULL, NULL), ==, 1);
	CHECK_INT(add(&set, text, NULL, NULL), ==, 1);
	CHECK_INT(add(&set, "127.0.0.2:0", NULL, NULL), ==, 1);
	CHECK_INT(set.count, ==, 3);
	CHECK_INT(set.verdict_count, ==, 1);
	check_open(&set, 0);
	CHECK_INT(
		hark_addr_compare(&set.verdict[0].addr, &set.listener[2].addr), ==, 0);
	CHECK_INT(hark_addr_family(&set.listener[1].addr), ==, AF_UNIX);
	check_serves(&set);
	close_set(&set);
	CHECK_ERR(access(text + strlen("unix:"), F_OK), -1);
}

/* W2: else a port of IPv4 would be taken by it as well */
TEST(ipv6_only, "in a set IPv6 is for itself, unless it is said otherwise")
{
	struct hark_listen_options options = {.ipv6_only = HARK_OFF};
	struct hark_listener_set set = {0};

	REQUIRE(has_ipv6(), "needs IPv6");
	CHECK_INT(add(&set, "[::]:0", NULL, NULL), ==, 1);
	CHECK_INT(add(&set, "[::]:0", &options, NULL), ==, 1);
	CHECK(is_ipv6_only(set.listener[0].fd));
	CHECK(!is_ipv6_only(set.listener[1].fd));
	close_set(&set);
}

static void check_host(const struct hark_addr *addr, const char *wanted)
{
	char host[HARK_ADDR_TEXT_MAX];

	(void)hark_addr_host_text(addr, host, sizeof(host)); /* fits */
	CHECK_STR(host, wanted);
}

/* W2 B4: a socket for IPv6 alone cannot be bound to it */
TEST(mapped, "an IPv4 address in IPv6 form is opened as IPv4, once")
{
	struct hark_listener_set set = {0};
	int port;

	REQUIRE(has_ipv6(), "needs IPv6");
	CHECK_INT(add(&set, "[::ffff:127.0.0.1]:0", NULL, NULL), ==, 1);
	check_open(&set, 0);
	check_host(&set.verdict[0].addr, "127.0.0.1");
	check_host(&set.listener[0].addr, "127.0.0.1");
	port = port_of(&set, 0);
	CHECK_INT(add_port(&set, "127.0.0.1", port, NULL, NULL), ==, 0);
	CHECK_INT(add_port(&set, "[::ffff:127.0.0.1]", port, NULL, NULL), ==, 0);
	meant = (const char *const[]){"::ffff:127.0.0.2", "127.0.0.2", "::1", NULL};
	CHECK_INT(add(&set, "names.test:0", NULL, NULL), ==, 2);
	CHECK_INT(set.verdict_count, ==, 2);
	check_host(&set.verdict[0].addr, "127.0.0.2");
	check_host(&set.verdict[1].addr, "::1");
	check_serves(&set);
	close_set(&set);
}

/* W2 */
TEST(mapped_dual_stack, "for both families the IPv6 form is what was asked for")
{
	struct hark_listen_options options = {.ipv6_only = HARK_OFF};
	struct hark_listener_set set = {0};

	REQUIRE(has_ipv6(), "needs IPv6");
	CHECK_INT(add(&set, "[::ffff:127.0.0.1]:0", &options, NULL), ==, 1);
	check_host(&set.listener[0].addr, "::ffff:127.0.0.1");
	close_set(&set);
}

/* Who is in the way is told, and that trying again is no use. */
static void check_overlap(
	const struct hark_error *err, const char *host, const char *other, int port)
{
	char line[HARK_ERROR_TEXT_MAX], wanted[256];

	CHECK_INT(err->code, ==, -EADDRINUSE);
	CHECK_INT(err->cause, ==, HARK_CAUSE_OVERLAP);
	(void)hark_error_text(err, line, sizeof(line)); /* fits */
	(void)snprintf(wanted, sizeof(wanted),
		" '%s:%d': it overlaps '%s:%d', which this program holds already "
		"(EADDRINUSE);",
		host, port, other, port);
	CHECK_CONTAINS(line, wanted);
	CHECK_INT(hark_error_exit_code(err), ==, 100);
}

/* W2 B4: said otherwise, [::] wants both families of a port that 0.0.0.0 has */
TEST(dual_stack_conflict, "[::] for both families does not stand beside 0.0.0.0")
{
	struct hark_listen_options options = {.ipv6_only = HARK_OFF};
	struct hark_listener_set set = {0};
	int port = (int)net_free_port("127.0.0.1");
	struct hark_error err;

	REQUIRE(has_ipv6(), "needs IPv6");
	CHECK_ERR(add_port(&set, "*", port, &options, &err), -EADDRINUSE);
	CHECK_INT(err.step, ==, HARK_STEP_LISTEN);
	check_overlap(&err, "[::]", "0.0.0.0", port);
	CHECK_INT(set.count, ==, 0);
	check_open(&set, 0); /* it would have been */
	/* with SO_REUSEADDR two may be bound, of which one may listen */
	check_verdict(&set, 1, HARK_OUTCOME_IN_USE, HARK_STEP_LISTEN, -EADDRINUSE);
}

/* W2 B4: no port will do, so it is no use to draw another */
TEST(dual_stack_port_zero, "whatever the port, and that is found at the first")
{
	struct hark_listen_options options = {.ipv6_only = HARK_OFF};
	struct hark_listener_set set = {0};
	int before = open_descriptors();
	struct hark_error err;

	REQUIRE(has_ipv6(), "needs IPv6");
	count_calls(HARK__CALL_LISTEN);
	CHECK_ERR(add(&set, "*:0", &options, &err), -EADDRINUSE);
	CHECK_INT(calls_seen(), ==, 2);
	check_overlap(&err, "[::]", "0.0.0.0", hark_addr_port(&err.addr));
	CHECK_INT(open_descriptors(), ==, before);
	options.lenient = HARK_ON; /* then one of the two is enough */
	CHECK_INT(add(&set, "*:0", &options, NULL), ==, 1);
	close_set(&set);
}

/* ------------------------------------------------------------------------- overlaps */

/* W2 B1 E2 E4: it said that another socket held it, and ss would show which */
TEST(overlap,
	"an address that overlaps one in the set is told from one that others hold")
{
	static const struct {
		const char *first, *second, *host, *other;
	} table[] = {
		{"127.0.0.1", "*", "0.0.0.0", "127.0.0.1"},
		{"127.0.0.1", "0.0.0.0", "0.0.0.0", "127.0.0.1"},
		{"0.0.0.0", "127.0.0.1", "127.0.0.1", "0.0.0.0"},
		{"[::1]", "[::]", "[::]", "[::1]"},
		{"[::]", "[::1]", "[::1]", "[::]"},
		{"*", "localhost", "127.0.0.1", "0.0.0.0"},
	};

	REQUIRE(has_ipv6(), "needs IPv6");
	for (size_t i = 0; i < COUNT(table); i++) {
		struct hark_listener_set set = {0};
		struct hark_error err;
		size_t before;
		int port;

		CHECK_OK(add_port(&set, table[i].first, 0, NULL, NULL));
		port = port_of(&set, 0);
		before = set.count;
		CHECK_ERR(
			add_port(&set, table[i].second, port, NULL, &err), -EADDRINUSE);
		check_overlap(&err, table[i].host, table[i].other, port);
		CHECK_INT(set.count, ==, before);
		check_serves(&set);
		close_set(&set);
	}
}

/* W2 B4: the option of an earlier call, which the socket alone knows */
TEST(overlap_dual_stack, "a dual-stack [::] overlaps IPv4, one for IPv6 does not")
{
	struct hark_listen_options options = {.ipv6_only = HARK_OFF};
	struct hark_listener_set set = {0};
	struct hark_error err;
	int port, holder;

	REQUIRE(has_ipv6(), "needs IPv6");
	CHECK_INT(add(&set, "[::]:0", &options, NULL), ==, 1);
	port = port_of(&set, 0);
	CHECK_ERR(add_port(&set, "127.0.0.1", port, NULL, &err), -EADDRINUSE);
	check_overlap(&err, "127.0.0.1", "[::]", port);
	close_set(&set);
	CHECK_INT(add(&set, "[::]:0", NULL, NULL), ==, 1);
	port = port_of(&set, 0);
	holder = net_listen(net_ip("127.0.0.1", (unsigned)port), 1);
	CHECK_ERR(add_port(&set, "127.0.0.1", port, NULL, &err), -EADDRINUSE);
	CHECK_INT(err.cause, ==, HARK_CAUSE_NONE);
	CHECK_INT(hark_error_exit_code(&err), ==, 111);
	net_close(holder);
	CHECK_INT(add_port(&set, "127.0.0.1", port, NULL, NULL), ==, 1);
	close_set(&set);
}

/* W2 C2: sockets that share a port do overlap, so somebody else was in the way */
TEST(overlap_shared, "with reuse_port nothing is said of our own")
{
	struct hark_listen_options options = {.reuse_port = HARK_ON};
	struct hark_listener_set set = {0};
	struct hark_error err;
	int port, holder;

	CHECK_INT(add(&set, "127.0.0.1:0", &options, NULL), ==, 1);
	port = port_of(&set, 0);
	holder = net_listen(net_ip("127.0.0.2", (unsigned)port), 1);
	CHECK_ERR(add_port(&set, "0.0.0.0", port, &options, &err), -EADDRINUSE);
	CHECK_INT(err.cause, ==, HARK_CAUSE_NONE);
	net_close(holder);
	CHECK_INT(add_port(&set, "0.0.0.0", port, &options, NULL), ==, 1);
	close_set(&set);
}

/* ------------------------------------------------------------------------- verdicts */

static const char *const mixed[] = {
	"127.0.0.1", "127.0.0.2", "192.0.2.1", "127.255.255.255", "127.0.0.3", NULL};

static void check_mixed(const struct hark_listener_set *set)
{
	CHECK_INT(set->verdict_count, ==, 5);
	check_open(set, 0);
	check_verdict(set, 1, HARK_OUTCOME_IN_USE, HARK_STEP_BIND, -EADDRINUSE);
	check_verdict(set, 2, HARK_OUTCOME_NOT_LOCAL, HARK_STEP_BIND, -EADDRNOTAVAIL);
	check_verdict(set, 3, HARK_OUTCOME_FAILED, HARK_STEP_BIND, -EINVAL);
	check_open(set, 4);
	for (size_t i = 0; i < 5; i++) {
		char host[HARK_ADDR_TEXT_MAX];

		(void)hark_addr_host_text(&set->verdict[i].addr, host, sizeof(host));
		CHECK_STR(host, mixed[i]);
	}
}

/* B4 W2 E1 */
TEST(strict, "strict: a verdict for each, the first failure, and nothing open")
{
	struct hark_listener_set set = {0};
	struct hark_error err;
	int holder, port, before;

	enter_network();
	meant = mixed;
	holder = net_listen(net_ip("127.0.0.2", 0), 1);
	port = (int)net_port(holder);
	before = open_descriptors();
	count_calls(HARK__CALL_LISTEN);
	CHECK_ERR(add_port(&set, "mixed.test", port, NULL, &err), -EADDRINUSE);
	CHECK_INT(
		calls_seen(), ==, 0); /* so that no client was let in and thrown out */
	CHECK_INT(open_descriptors(), ==, before);
	CHECK_INT(set.count, ==, 0);
	check_mixed(&set);
	CHECK_INT(err.step, ==, HARK_STEP_BIND);
	CHECK_INT(err.code, ==, -EADDRINUSE);
	CHECK_INT(hark_addr_compare(&err.addr, &set.verdict[1].addr), ==, 0);
	CHECK_ERR(net_try_connect(net_ip("127.0.0.1", (unsigned)port)), -ECONNREFUSED);
	net_close(holder);
}

/* B4 W2 */
TEST(lenient, "lenient: what could be opened, with a verdict for each")
{
	struct hark_listen_options options = {.lenient = HARK_ON};
	struct hark_listener_set set = {0};
	struct hark_error err;
	int holder, port, before;

	enter_network();
	meant = mixed;
	holder = net_listen(net_ip("127.0.0.2", 0), 1);
	port = (int)net_port(holder);
	before = open_descriptors();
	stamp(&err);
	CHECK_INT(add_port(&set, "mixed.test", port, &options, &err), ==, 2);
	CHECK(is_stamped(&err));
	CHECK_INT(open_descriptors(), ==, before + 2);
	CHECK_INT(set.count, ==, 2);
	check_mixed(&set);
	CHECK_INT(
		hark_addr_compare(&set.listener[1].addr, &set.verdict[4].addr), ==, 0);
	check_serves(&set);
	close_set(&set);
	net_close(holder);
}

/* B4: all of one kind, and with port 0 */
TEST(lenient_port_zero, "lenient with port 0: those that open share a port")
{
	struct hark_listen_options options = {.lenient = HARK_ON};
	struct hark_listener_set set = {0};

	enter_network();
	meant = mixed;
	CHECK_INT(add(&set, "mixed.test:0", &options, NULL), ==, 3);
	CHECK_INT(port_of(&set, 0), ==, port_of(&set, 1));
	CHECK_INT(port_of(&set, 0), ==, port_of(&set, 2));
	check_verdict(&set, 2, HARK_OUTCOME_NOT_LOCAL, HARK_STEP_BIND, -EADDRNOTAVAIL);
	check_serves(&set);
	close_set(&set);
}

/* B4: the first address need not be the one that the port is drawn for */
TEST(first_not_local, "where the first address fails the port is drawn for the next")
{
	static const char *const names[] = {
		"192.0.2.1", "127.0.0.1", "127.0.0.2", NULL};
	struct hark_listen_options options = {.lenient = HARK_ON};
	struct hark_listener_set set = {0};

	enter_network();
	meant = names;
	CHECK_INT(add(&set, "names.test:0", &options, NULL), ==, 2);
	CHECK_INT(port_of(&set, 0), ==, port_of(&set, 1));
	close_set(&set);
	CHECK_ERR(add(&set, "names.test:0", NULL, NULL), -EADDRNOTAVAIL);
	CHECK_INT(set.count, ==, 0);
}

/* B4 E1 */
TEST(lenient_nothing,
	"lenient: one at least, else the first failure and that all failed")
{
	static const char *const names[] = {"192.0.2.1", "127.255.255.255", NULL};
	struct hark_listen_options options = {.lenient = HARK_ON};
	struct hark_listener_set set = {0};
	struct hark_error err;

	enter_network();
	meant = names;
	CHECK_ERR(add(&set, "names.test:4481", &options, &err), -EADDRNOTAVAIL);
	CHECK_INT(set.count, ==, 0);
	CHECK_INT(err.code, ==, -EADDRNOTAVAIL);
	CHECK_INT(hark_addr_compare(&err.addr, &set.verdict[0].addr), ==, 0);
	CHECK_INT(err.cause, ==, HARK_CAUSE_ALL_FAILED);
}

/* B4: at listen, as at bind */
TEST(fails_at_listen, "a failure at listen undoes what listened already")
{
	struct hark_listener_set set = {0};
	int before = open_descriptors();
	struct hark_error err;

	meant = (const char *const[]){"127.0.0.1", "127.0.0.2", "127.0.0.3", NULL};
	let_fail(HARK__CALL_LISTEN, 2, -ENOBUFS);
	CHECK_ERR(add(&set, "names.test:0", NULL, &err), -ENOBUFS);
	CHECK_INT(open_descriptors(), ==, before);
	CHECK_INT(set.count, ==, 0);
	CHECK_INT(err.step, ==, HARK_STEP_LISTEN);
	check_open(&set, 0);
	check_verdict(&set, 1, HARK_OUTCOME_FAILED, HARK_STEP_LISTEN, -ENOBUFS);
}

/* W2 B4 */
TEST(stays_as_it_was, "what was in the set before a failure stays and serves")
{
	struct hark_listener_set set = {0};
	int holder = net_listen(net_ip("127.0.0.1", 0), 1);

	CHECK_INT(add(&set, "127.0.0.1:0", NULL, NULL), ==, 1);
	CHECK_ERR(add_port(&set, "127.0.0.1", (int)net_port(holder), NULL, NULL),
		-EADDRINUSE);
	CHECK_INT(set.count, ==, 1);
	check_serves(&set);
	close_set(&set);
	net_close(holder);
}

/* W2: verdicts of an earlier call would be taken for this one's */
TEST(no_old_verdicts, "a text that cannot be read leaves no verdicts of another")
{
	struct hark_listen_options bad = {.reserved = {1}};
	struct hark_listener_set set = {0};

	CHECK_INT(add(&set, "127.0.0.1:0", NULL, NULL), ==, 1);
	CHECK_ERR(add(&set, "127.0.0.1:65536", NULL, NULL), -ERANGE);
	CHECK_INT(set.verdict_count, ==, 0);
	CHECK_INT(add(&set, "127.0.0.1:0", NULL, NULL), ==, 1);
	CHECK_ERR(add(&set, "127.0.0.1:0", &bad, NULL), -EINVAL);
	CHECK_INT(set.verdict_count, ==, 0);
	CHECK_INT(add(&set, "127.0.0.1:0", NULL, NULL), ==, 1);
	CHECK_ERR(add(&set, "none.test:0", NULL, NULL), -ENOENT);
	CHECK_INT(set.verdict_count, ==, 0);
	CHECK_INT(set.count, ==, 3);
	close_set(&set);
}

/* ----------------------------------------------------------------------- duplicates */

/* B4 W2 */
TEST(duplicates, "an address that the set has counts once")
{
	struct hark_listener_set set = {0};
	struct hark_error err;
	int port;

	stamp(&err);
	CHECK_INT(add(&set, "127.0.0.1:0", NULL, NULL), ==, 1);
	port = port_of(&set, 0);
	CHECK_INT(add_port(&set, "127.0.0.1", port, NULL, &err), ==, 0);
	CHECK(is_stamped(&err));
	CHECK_INT(set.count, ==, 1);
	check_verdict(&set, 0, HARK_OUTCOME_DUPLICATE, HARK_STEP_NONE, 0);
	meant = (const char *const[]){"127.0.0.2", "127.0.0.1", NULL};
	CHECK_INT(add_port(&set, "names.test", port, NULL, NULL), ==, 1);
	check_open(&set, 0);
	check_verdict(&set, 1, HARK_OUTCOME_DUPLICATE, HARK_STEP_NONE, 0);
	check_serves(&set);
	close_set(&set);
}

/* B4 W2 */
TEST(duplicates_in_a_name, "and one that a name means twice, too")
{
	struct hark_listener_set set = {0};

	meant = (const char *const[]){"127.0.0.2", "127.0.0.2", "127.0.0.2", NULL};
	CHECK_INT(add(&set, "names.test:0", NULL, NULL), ==, 1);
	CHECK_INT(set.verdict_count, ==, 1);
	close_set(&set);
}

/* B4: getsockname(2) may say more of a Unix name than was asked for */
TEST(duplicate_paths, "so with Unix names")
{
	struct hark_listener_set set = {0};
	char path[128], name[64];

	(void)snprintf(path, sizeof(path), "unix:%s/socket", temp_directory());
	(void)snprintf(name, sizeof(name), "unix:@hark-set-%d", (int)getpid());
	CHECK_INT(add(&set, path, NULL, NULL), ==, 1);
	CHECK_INT(add(&set, name, NULL, NULL), ==, 1);
	CHECK_INT(add(&set, path, NULL, NULL), ==, 0);
	CHECK_INT(add(&set, name, NULL, NULL), ==, 0);
	CHECK_INT(set.count, ==, 2);
	check_serves(&set);
	close_set(&set);
}

/* W2 */
TEST(port_zero_twice, "port 0 is another port each time, no duplicate")
{
	struct hark_listener_set set = {0};

	CHECK_INT(add(&set, "127.0.0.1:0", NULL, NULL), ==, 1);
	CHECK_INT(add(&set, "127.0.0.1:0", NULL, NULL), ==, 1);
	CHECK_INT(port_of(&set, 0), !=, port_of(&set, 1));
	close_set(&set);
}

/* B4 */
TEST(duplicate_and_failure, "a failure beside a duplicate leaves what was there alone")
{
	struct hark_listener_set set = {0};

	enter_network();
	CHECK_INT(add(&set, "127.0.0.1:0", NULL, NULL), ==, 1);
	meant = (const char *const[]){"127.0.0.1", "192.0.2.1", NULL};
	CHECK_ERR(add_port(&set, "names.test", port_of(&set, 0), NULL, NULL),
		-EADDRNOTAVAIL);
	check_verdict(&set, 0, HARK_OUTCOME_DUPLICATE, HARK_STEP_NONE, 0);
	CHECK_INT(set.count, ==, 1);
	check_serves(&set);
	close_set(&set);
}

/* W2 X4: it would be closed twice, the second time perhaps as somebody else's */
TEST(duplicate_descriptor, "a descriptor that the set has counts once")
{
	int fd = net_listen(net_ip("127.0.0.1", 0), 1);
	struct hark_listener_set set = {0};
	char text[16];

	(void)snprintf(text, sizeof(text), "fd:%d", fd);
	CHECK_INT(add(&set, text, NULL, NULL), ==, 1);
	check_open(&set, 0);
	CHECK_INT(add(&set, text, NULL, NULL), ==, 0);
	check_verdict(&set, 0, HARK_OUTCOME_DUPLICATE, HARK_STEP_NONE, 0);
	CHECK_INT(
		hark_addr_compare(&set.verdict[0].addr, &set.listener[0].addr), ==, 0);
	CHECK_INT(set.count, ==, 1);
	check_serves(&set);
	close_set(&set);
}

/* ----------------------------------------------------------------------------- room */

/* W2 E1 E4 */
TEST(full, "a set that is full takes no more, and stays as it was")
{
	static struct hark_listener_set set;
	struct hark_error err;
	int before = open_descriptors();

	for (int i = 0; i < HARK_SET_MAX - 1; i++)
		CHECK_INT(add(&set, "127.0.0.1:0", NULL, NULL), ==, 1);
	CHECK_ERR(add(&set, "*:0", NULL, &err), -E2BIG); /* room for one only */
	CHECK_INT(err.cause, ==, HARK_CAUSE_TOO_MANY);
	CHECK_INT(err.limit, ==, HARK_SET_MAX);
	CHECK_STR(err.subject, "*:0");
	CHECK_INT(set.count, ==, HARK_SET_MAX - 1);
	CHECK_INT(add(&set, "127.0.0.1:0", NULL, NULL), ==, 1);
	memset(&err, 0, sizeof(err));
	CHECK_ERR(add(&set, "127.0.0.1:0", NULL, &err), -E2BIG);
	CHECK_INT(err.cause, ==, HARK_CAUSE_TOO_MANY);
	CHECK_INT(set.count, ==, HARK_SET_MAX);
	CHECK_INT(open_descriptors(), ==, before + HARK_SET_MAX);
	check_serves(&set);
	close_set(&set);
}

/* W2 A3 */
TEST(name_too_big,
	"a name with more addresses than fit is an error before any is opened")
{
	static const char *names[HARK_SET_MAX + 2];
	static char texts[HARK_SET_MAX + 1][32];
	static struct hark_listener_set set;
	struct hark_error err;

	for (int i = 0; i <= HARK_SET_MAX; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "127.0.1.%d", i + 1);
		names[i] = texts[i];
	}
	meant = names;
	count_calls(HARK__CALL_BIND);
	CHECK_ERR(add(&set, "many.test:0", NULL, &err), -E2BIG);
	CHECK_INT(err.cause, ==, HARK_CAUSE_TOO_MANY);
	CHECK_INT(calls_seen(), ==, 0);
	names[HARK_SET_MAX] = NULL;
	CHECK_INT(add(&set, "many.test:0", NULL, NULL), ==, HARK_SET_MAX);
	for (size_t i = 1; i < set.count; i++)
		CHECK_INT(port_of(&set, i), ==, port_of(&set, 0));
	close_set(&set);
}

/* -------------------------------------------------------------------------- closing */

/* W2 X4 */
TEST(closing, "closing a set closes each, twice is fine, and the first error is told")
{
	struct hark_listener_set set = {0};
	struct hark_error err;
	int before = open_descriptors();

	CHECK_INT(add(&set, "127.0.0.1:0", NULL, NULL), ==, 1);
	CHECK_INT(add(&set, "127.0.0.1:0", NULL, NULL), ==, 1);
	CHECK_INT(add(&set, "127.0.0.1:0", NULL, NULL), ==, 1);
	let_fail(HARK__CALL_CLOSE, 2, -EIO);
	stamp(&err);
	CHECK_ERR(hark_listener_set_close_now(&set, &err), -EIO);
	CHECK_INT(err.step, ==, HARK_STEP_CLOSE);
	CHECK_INT(err.code, ==, -EIO);
	CHECK_INT(set.count, ==, 0);
	CHECK_INT(open_descriptors(), ==, before);
	CHECK_INT(hark_listener_set_close_now(&set, NULL), ==, 0);
}
