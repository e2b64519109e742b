/* SPDX-License-Identifier: MIT
 *
 * A host without IPv6, turned off or never there: no error, unless it was asked for by
 * name.
 */
#include "faults.h"
#include "ipv6.h"
#include "names.h"
#include "sandbox.h"
#include "sets.h"

static void turn_ipv6_off(void)
{
	enter_network();
	write_sysctl("net.ipv6.conf.all.disable_ipv6", "1");
	write_sysctl("net.ipv6.conf.lo.disable_ipv6", "1");
	CHECK(!has_ipv6());
}

/* W2 B4: bind to [::] succeeds even so, and serves IPv6 once it is turned on */
TEST(ipv6_off, "a host whose IPv6 is turned off is no error: families are a verdict")
{
	struct hark_listener_set set = {0};
	struct hark_error err;
	int added;

	turn_ipv6_off();
	stamp(&err);
	added = add(&set, "*:0", NULL, &err);
	CHECK_INT(added, >=, 1);
	CHECK_INT(set.count, ==, added);
	CHECK_INT(hark_addr_family(&set.listener[0].addr), ==, AF_INET);
	close_set(&set);
	CHECK_INT(add(&set, "localhost:0", NULL, &err), ==, 1);
	check_open(&set, 0);
	check_verdict(&set, 1, HARK_OUTCOME_FAMILY_OFF, HARK_STEP_BIND, -EADDRNOTAVAIL);
	CHECK_INT(hark_addr_family(&set.verdict[1].addr), ==, AF_INET6);
	CHECK(is_stamped(&err));
	check_serves(&set);
	close_set(&set);
}

/* W2 E1 */
TEST(ipv6_off_by_name, "but an IPv6 address that was asked for by name is one")
{
	struct hark_listener_set set = {0};
	struct hark_error err;

	turn_ipv6_off();
	CHECK_ERR(add(&set, "[::1]:0", NULL, &err), -EADDRNOTAVAIL);
	check_verdict(&set, 0, HARK_OUTCOME_NOT_LOCAL, HARK_STEP_BIND, -EADDRNOTAVAIL);
	CHECK_INT(err.code, ==, -EADDRNOTAVAIL);
	CHECK_INT(set.count, ==, 0);
}

/* W2 E1 */
TEST(only_ipv6_off, "and so is a name that has no address of another family")
{
	struct hark_listener_set set = {0};
	struct hark_error err;

	turn_ipv6_off();
	meant = (const char *const[]){"::1", "2001:db8::1", NULL};
	CHECK_ERR(add(&set, "names.test:0", NULL, &err), -EADDRNOTAVAIL);
	CHECK_INT(err.cause, ==, HARK_CAUSE_FAMILY_OFF);
	check_verdict(&set, 0, HARK_OUTCOME_FAMILY_OFF, HARK_STEP_BIND, -EADDRNOTAVAIL);
	check_verdict(&set, 1, HARK_OUTCOME_FAMILY_OFF, HARK_STEP_BIND, -EADDRNOTAVAIL);
}

/* B4: with IPv6 on, the same code says something else of the address */
TEST(not_local_is_not_off, "an address of IPv6 that is not here does not turn IPv6 off")
{
	struct hark_listener_set set = {0};

	enter_network();
	REQUIRE(has_ipv6(), "needs IPv6");
	meant = (const char *const[]){"127.0.0.1", "2001:db8::1", NULL};
	CHECK_ERR(add(&set, "names.test:0", NULL, NULL), -EADDRNOTAVAIL);
	check_verdict(&set, 1, HARK_OUTCOME_NOT_LOCAL, HARK_STEP_BIND, -EADDRNOTAVAIL);
}

/* W2: a kernel that was started with ipv6.disable=1 says so when the socket is made */
TEST(no_ipv6_at_all, "a kernel without IPv6 likewise, at create")
{
	struct hark_listener_set set = {0};
	struct hark_error err;

	let_fail(HARK__CALL_SOCKET, 2, -EAFNOSUPPORT);
	CHECK_INT(add(&set, "*:0", NULL, NULL), ==, 1);
	check_open(&set, 0);
	check_verdict(
		&set, 1, HARK_OUTCOME_FAMILY_OFF, HARK_STEP_SOCKET, -EAFNOSUPPORT);
	check_serves(&set);
	close_set(&set);
	let_fail(HARK__CALL_SOCKET, 1, -EAFNOSUPPORT);
	CHECK_ERR(add(&set, "[::]:0", NULL, &err), -EAFNOSUPPORT);
	check_verdict(&set, 0, HARK_OUTCOME_FAILED, HARK_STEP_SOCKET, -EAFNOSUPPORT);
	CHECK_INT(err.step, ==, HARK_STEP_SOCKET);
}

static int no_sockets(enum hark__call call)
{
	return call == HARK__CALL_SOCKET ? -EAFNOSUPPORT : 0;
}

/* W2 E1 */
TEST(no_family_at_all, "with both families off there is an error that says so")
{
	struct hark_listener_set set = {0};
	struct hark_error err;

	hark__fault = no_sockets;
	CHECK_ERR(add(&set, "*:0", NULL, &err), -EAFNOSUPPORT);
	CHECK_INT(err.cause, ==, HARK_CAUSE_FAMILY_OFF);
	CHECK_INT(err.code, ==, -EAFNOSUPPORT);
	CHECK_INT(set.count, ==, 0);
	CHECK_INT(set.verdict_count, ==, 2);
}

/* B4: the question whether there is IPv6 fails for want of a descriptor */
TEST(cannot_ask, "what cannot be asked is not taken for a family that is off")
{
	struct hark_listener_set set = {0};

	turn_ipv6_off();
	let_fail(HARK__CALL_SOCKET, 3, -EMFILE); /* one an address, then the question */
	CHECK_ERR(add(&set, "localhost:0", NULL, NULL), -EADDRNOTAVAIL);
	CHECK_INT(calls_seen(), ==, 3);
	check_verdict(&set, 1, HARK_OUTCOME_NOT_LOCAL, HARK_STEP_BIND, -EADDRNOTAVAIL);
}
