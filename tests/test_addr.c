/* SPDX-License-Identifier: MIT
 *
 * Addresses as values: from system calls, compared, asked what they are.
 */
#include "harness.h"

#include <hark.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define UNIX_START offsetof(struct sockaddr_un, sun_path)

static struct hark_addr from_text(const char *text)
{
	struct hark_addr addr;

	CHECK_OK(hark_addr_parse(&addr, text, NULL));
	return addr;
}

static void check_text(const struct hark_addr *addr, const char *wanted)
{
	char text[HARK_ADDR_TEXT_MAX];

	(void)hark_addr_text(addr, text, sizeof(text));
	CHECK_STR(text, wanted);
}

/* ------------------------------------------------------------------ from a sockaddr */

/* A5 */
TEST(takes_ipv4, "an IPv4 address is taken from a sockaddr, in its exact length")
{
	struct sockaddr_storage storage;
	struct sockaddr_in *in = (struct sockaddr_in *)&storage;
	struct hark_addr addr;

	memset(&storage, 0xa5, sizeof(storage));
	in->sin_family = AF_INET;
	in->sin_port = htons(4481);
	in->sin_addr.s_addr = htonl(0xc0000201);
	CHECK_OK(hark_addr_from_sockaddr(
		&addr, (struct sockaddr *)&storage, sizeof(storage), NULL));
	CHECK_INT(addr.length, ==, sizeof(*in));
	CHECK_INT(addr.u.in.sin_zero[7], ==, 0);
	check_text(&addr, "192.0.2.1:4481");
	CHECK_OK(hark_addr_from_sockaddr(
		&addr, (struct sockaddr *)&storage, sizeof(*in), NULL));
	check_text(&addr, "192.0.2.1:4481");
}

/* A5 */
TEST(takes_ipv6, "an IPv6 address keeps its scope and loses its flow label")
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
		.sin6_port = htons(80),
		.sin6_flowinfo = 7,
		.sin6_scope_id = 9};
	struct hark_addr addr;

	CHECK_INT(inet_pton(AF_INET6, "fe80::1", &in6.sin6_addr), ==, 1);
	CHECK_OK(hark_addr_from_sockaddr(
		&addr, (struct sockaddr *)&in6, sizeof(in6), NULL));
	CHECK_INT(addr.length, ==, sizeof(in6));
	CHECK_INT(addr.u.in6.sin6_scope_id, ==, 9);
	CHECK_INT(addr.u.in6.sin6_flowinfo, ==, 0);
	CHECK_INT(hark_addr_port(&addr), ==, 80);
}

static struct hark_addr from_unix(const char *bytes, size_t count, size_t length)
{
	struct {
		struct sockaddr_un un;
		char behind[32];
	} big;
	struct hark_addr addr;

	memset(&big, 0xa5, sizeof(big));
	big.un.sun_family = AF_UNIX;
	memcpy(big.un.sun_path, bytes, count);
	CHECK_OK(hark_addr_from_sockaddr(
		&addr, (struct sockaddr *)&big, (socklen_t)length, NULL));
	return addr;
}

/* A5: the length says what is in a Unix address; unix(7) */
TEST(takes_unix, "Unix paths, abstract and unnamed addresses are told apart")
{
	struct hark_addr addr = from_unix("", 0, UNIX_START);

	CHECK_INT(addr.length, ==, UNIX_START);
	check_text(&addr, "unix:");
	addr = from_unix("/run/x", 7, UNIX_START + 7);
	CHECK_INT(addr.length, ==, UNIX_START + 7);
	check_text(&addr, "unix:/run/x");
	addr = from_unix("\0name", 5, UNIX_START + 5);
	CHECK_INT(addr.length, ==, UNIX_START + 5);
	check_text(&addr, "unix:@name");
}

/* A5 */
TEST(unix_path_without_nul, "a path is the same with and without its NUL")
{
	struct hark_addr with = from_unix("/run/x", 7, UNIX_START + 7);
	struct hark_addr without = from_unix("/run/x", 6, UNIX_START + 6);
	struct hark_addr padded = from_unix("/run/x", 7, sizeof(struct sockaddr_un));

	CHECK_INT(hark_addr_compare(&with, &without), ==, 0);
	CHECK_INT(hark_addr_compare(&with, &padded), ==, 0);
}

/* A5: the kernel reports 111 for a path of 108 bytes */
TEST(unix_path_of_108_bytes, "a path that fills sun_path stays within the struct")
{
	struct hark_addr addr;
	char path[108];
	char text[HARK_ADDR_TEXT_MAX];

	memset(path, 'p', sizeof(path));
	addr = from_unix(path, sizeof(path), UNIX_START + sizeof(path) + 1);
	CHECK_INT(addr.length, ==, sizeof(struct sockaddr_un));
	CHECK_INT(hark_addr_text(&addr, text, sizeof(text)), ==,
		strlen("unix:") + sizeof(path));
}

static int take(const void *sa, socklen_t length)
{
	struct hark_addr addr = {.length = 7};
	struct hark_error err = {0};
	int code = hark_addr_from_sockaddr(&addr, sa, length, &err);

	CHECK_INT(err.code, ==, code);
	if (code < 0)
		CHECK_INT(addr.length, ==, 7);
	return code;
}

/* A5 */
TEST(refuses_misfits, "a length that does not fit the family is refused")
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_storage un = {.ss_family = AF_UNIX};
	struct sockaddr_storage other = {.ss_family = AF_NETLINK};

	CHECK_ERR(take(&in, sizeof(in) - 1), -EINVAL);
	CHECK_ERR(take(&in, sizeof(sa_family_t)), -EINVAL);
	CHECK_ERR(take(&in, 1), -EINVAL);
	CHECK_ERR(take(&in, 0), -EINVAL);
	CHECK_ERR(take(&in6, sizeof(in6) - 1), -EINVAL);
	CHECK_ERR(take(&in6, sizeof(in)), -EINVAL);
	CHECK_ERR(take(&un, sizeof(struct sockaddr_un) + 2), -EINVAL);
	CHECK_ERR(take(&other, sizeof(other)), -EAFNOSUPPORT);
	CHECK_ERR(take(NULL, 0), -EINVAL);
}

/* ------------------------------------------------------------------------ its parts */

/* A5 */
TEST(family_and_port, "family and port are as given; Unix addresses have no port")
{
	struct hark_addr ip4 = from_text("127.0.0.1:80"),
			 ip6 = from_text("[::1]:65535");
	struct hark_addr un = from_text("unix:@x"), none = {0};

	CHECK_INT(hark_addr_family(&ip4), ==, AF_INET);
	CHECK_INT(hark_addr_family(&ip6), ==, AF_INET6);
	CHECK_INT(hark_addr_family(&un), ==, AF_UNIX);
	CHECK_INT(hark_addr_family(&none), ==, AF_UNSPEC);
	CHECK_INT(hark_addr_port(&ip4), ==, 80);
	CHECK_INT(hark_addr_port(&ip6), ==, 65535);
	CHECK_ERR(hark_addr_port(&un), -EAFNOSUPPORT);
	CHECK_ERR(hark_addr_port(&none), -EAFNOSUPPORT);
}

/* A5 */
TEST(set_port, "a port can be set, 0 to 65535, where the family has one")
{
	struct hark_addr ip4 = from_text("127.0.0.1:80"), ip6 = from_text("[::1]:80");
	struct hark_addr un = from_text("unix:@x");

	CHECK_OK(hark_addr_set_port(&ip4, 65535));
	check_text(&ip4, "127.0.0.1:65535");
	CHECK_OK(hark_addr_set_port(&ip6, 0));
	check_text(&ip6, "[::1]:0");
	CHECK_ERR(hark_addr_set_port(&ip4, 65536), -ERANGE);
	CHECK_ERR(hark_addr_set_port(&ip4, -1), -ERANGE);
	check_text(&ip4, "127.0.0.1:65535");
	CHECK_ERR(hark_addr_set_port(&un, 80), -EAFNOSUPPORT);
	check_text(&un, "unix:@x");
}

/* ----------------------------------------------------------------------- comparison */

static int by_value(const void *a, const void *b)
{
	return hark_addr_compare(a, b);
}

/* A5 */
TEST(order, "addresses sort by family, host, scope and port")
{
	static const char *const sorted[] = {"unix:@a", "unix:@b", "unix:@aa",
		"unix:/a", "10.0.0.1:2", "10.0.0.1:80", "10.0.0.2:1", "192.0.2.1:1",
		"[::1]:2", "[::1]:80", "[::ffff:10.0.0.1]:1", "[fe80::1%lo]:1"};
	struct hark_addr addrs[COUNT(sorted)];

	for (size_t i = 0; i < COUNT(sorted); i++)
		addrs[COUNT(sorted) - 1 - i] = from_text(sorted[i]);
	qsort(addrs, COUNT(addrs), sizeof(addrs[0]), by_value);
	for (size_t i = 0; i < COUNT(sorted); i++)
		check_text(&addrs[i], sorted[i]);
}

static int sign(int number)
{
	return (number > 0) - (number < 0);
}

/* A5 */
TEST(order_is_consistent, "comparing is antisymmetric, and 0 for equal values alone")
{
	static const char *const texts[] = {"unix:@a", "unix:/a", "unix:@aa",
		"10.0.0.1:2", "10.0.0.1:80", "192.0.2.1:2", "[::1]:2",
		"[::ffff:10.0.0.1]:2", "[fe80::1%lo]:1"};

	for (size_t i = 0; i < COUNT(texts); i++)
		for (size_t j = 0; j < COUNT(texts); j++) {
			struct hark_addr a = from_text(texts[i]);
			struct hark_addr b = from_text(texts[j]);

			CHECK_INT(sign(hark_addr_compare(&a, &b)), ==,
				-sign(hark_addr_compare(&b, &a)));
			CHECK_INT(hark_addr_compare(&a, &b) == 0, ==, i == j);
		}
}

/* A5 */
TEST(scopes_differ, "one address on two links is two addresses, in the order of links")
{
	struct hark_addr a = from_text("[fe80::1%lo]:1"), b = a;

	b.u.in6.sin6_scope_id++;
	CHECK_INT(hark_addr_compare(&a, &b), <, 0);
	CHECK(!hark_addr_same_host(&a, &b));
	b = a;
	b.u.in6.sin6_flowinfo = 7;
	CHECK_INT(hark_addr_compare(&a, &b), ==, 0);
}

static bool same_host(const char *a, const char *b)
{
	struct hark_addr first = from_text(a), second = from_text(b);
	bool same = hark_addr_same_host(&first, &second);

	CHECK_INT(hark_addr_same_host(&second, &first), ==, same);
	return same;
}

/* A5 */
TEST(same_host, "the same host whatever the port, and in its mapped form")
{
	struct hark_addr none = {0};

	CHECK(same_host("127.0.0.1:1", "127.0.0.1:2"));
	CHECK(!same_host("127.0.0.1:1", "127.0.0.2:1"));
	CHECK(same_host("[2001:db8::1]:1", "[2001:db8::1]:2"));
	CHECK(!same_host("[2001:db8::1]:1", "[2001:db8::2]:1"));
	CHECK(same_host("192.0.2.1:1", "[::ffff:192.0.2.1]:2"));
	CHECK(!same_host("127.0.0.1:1", "[::1]:1"));
	CHECK(same_host("unix:@a", "unix:/b"));
	CHECK(!same_host("unix:@a", "127.0.0.1:1"));
	CHECK(!hark_addr_same_host(&none, &none));
}

/* ----------------------------------------------------------------------- predicates */

enum { LOOPBACK = 1, PRIVATE = 2, LINK_LOCAL = 4, UNSPECIFIED = 8, MULTICAST = 16 };

static int what_it_is(const struct hark_addr *addr)
{
	return (hark_addr_is_loopback(addr) ? LOOPBACK : 0) |
	       (hark_addr_is_private(addr) ? PRIVATE : 0) |
	       (hark_addr_is_link_local(addr) ? LINK_LOCAL : 0) |
	       (hark_addr_is_unspecified(addr) ? UNSPECIFIED : 0) |
	       (hark_addr_is_multicast(addr) ? MULTICAST : 0);
}

static const struct {
	const char *text;
	int wanted;
} ip4_properties[] = {
	{"127.0.0.0", LOOPBACK},
	{"127.255.255.255", LOOPBACK},
	{"126.255.255.255", 0},
	{"128.0.0.0", 0},
	{"0.0.0.0", UNSPECIFIED},
	{"0.0.0.1", 0},
	{"10.0.0.0", PRIVATE},
	{"10.255.255.255", PRIVATE},
	{"9.255.255.255", 0},
	{"11.0.0.0", 0},
	{"172.15.255.255", 0},
	{"172.16.0.0", PRIVATE},
	{"172.31.255.255", PRIVATE},
	{"172.32.0.0", 0},
	{"192.167.255.255", 0},
	{"192.168.0.0", PRIVATE},
	{"192.168.255.255", PRIVATE},
	{"192.169.0.0", 0},
	{"169.253.255.255", 0},
	{"169.254.0.0", LINK_LOCAL},
	{"169.254.255.255", LINK_LOCAL},
	{"169.255.0.0", 0},
	{"223.255.255.255", 0},
	{"224.0.0.0", MULTICAST},
	{"239.255.255.255", MULTICAST},
	{"240.0.0.0", 0},
	{"255.255.255.255", 0},
};

/* A5 */
TEST(ip4_properties, "IPv4 properties begin and end where their blocks do, mapped too")
{
	for (size_t i = 0; i < COUNT(ip4_properties); i++) {
		char text[64];
		struct hark_addr addr, mapped;

		(void)snprintf(text, sizeof(text), "%s:80", ip4_properties[i].text);
		addr = from_text(text);
		(void)snprintf(
			text, sizeof(text), "[::ffff:%s]:80", ip4_properties[i].text);
		mapped = from_text(text);
		if (what_it_is(&addr) != ip4_properties[i].wanted)
			NOTE("of %s", ip4_properties[i].text);
		CHECK_INT(what_it_is(&addr), ==, ip4_properties[i].wanted);
		CHECK_INT(what_it_is(&mapped), ==, ip4_properties[i].wanted);
		CHECK(!hark_addr_is_v4_mapped(&addr));
		CHECK(hark_addr_is_v4_mapped(&mapped));
	}
}

/* A5 */
TEST(ip6_properties, "IPv6 properties begin and end where their blocks do")
{
	static const struct {
		const char *text;
		int wanted;
	} table[] = {
		{"[::]:80", UNSPECIFIED},
		{"[::1]:80", LOOPBACK},
		{"[::2]:80", 0},
		{"[1::1]:80", 0},
		{"[::127.0.0.1]:80", 0},
		{"[fbff:ffff::]:80", 0},
		{"[fc00::]:80", PRIVATE},
		{"[fdff:ffff::1]:80", PRIVATE},
		{"[fe00::]:80", 0},
		{"[fe7f:ffff::]:80", 0},
		{"[fe80::%lo]:80", LINK_LOCAL},
		{"[febf:ffff::1%lo]:80", LINK_LOCAL},
		{"[fec0::]:80", 0},
		{"[feff:ffff::]:80", 0},
		{"[ff00::]:80", MULTICAST},
		{"[ff02::1]:80", MULTICAST},
		{"[2001:db8::1]:80", 0},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct hark_addr addr = from_text(table[i].text);

		if (what_it_is(&addr) != table[i].wanted)
			NOTE("of %s", table[i].text);
		CHECK_INT(what_it_is(&addr), ==, table[i].wanted);
		CHECK(!hark_addr_is_v4_mapped(&addr));
	}
}

/* A5 */
TEST(unix_has_no_properties, "Unix addresses and none at all are none of these")
{
	struct hark_addr un = from_text("unix:/run/x"), none = {0};

	CHECK_INT(what_it_is(&un), ==, 0);
	CHECK_INT(what_it_is(&none), ==, 0);
	CHECK(!hark_addr_is_v4_mapped(&un));
	CHECK(!hark_addr_is_v4_mapped(&none));
}

/* ------------------------------------------------------------------- unmap and dial */

static void check_unmapped(const char *text, const char *wanted)
{
	struct hark_addr addr = from_text(text);

	hark_addr_unmap(&addr);
	check_text(&addr, wanted);
}

/* A5 */
TEST(unmap, "a mapped address becomes IPv4 with its port, others stay")
{
	struct hark_addr addr = from_text("[::ffff:192.0.2.1]:4481");
	struct hark_addr plain = from_text("192.0.2.1:4481");

	hark_addr_unmap(&addr);
	CHECK_INT(hark_addr_compare(&addr, &plain), ==, 0);
	CHECK_INT(addr.length, ==, sizeof(struct sockaddr_in));
	check_unmapped("192.0.2.1:80", "192.0.2.1:80");
	check_unmapped("[2001:db8::1]:80", "[2001:db8::1]:80");
	check_unmapped("[::192.0.2.1]:80", "[::c000:201]:80");
	check_unmapped("unix:/run/x", "unix:/run/x");
}

/* A6 */
TEST(to_dial, "a client here dials loopback for the unspecified address")
{
	static const struct {
		const char *listening, *dial;
	} table[] = {
		{"0.0.0.0:80", "127.0.0.1:80"},
		{"[::]:80", "[::1]:80"},
		{"[::ffff:0.0.0.0]:80", "[::ffff:127.0.0.1]:80"},
		{"127.0.0.2:80", "127.0.0.2:80"},
		{"192.0.2.1:80", "192.0.2.1:80"},
		{"[2001:db8::1]:80", "[2001:db8::1]:80"},
		{"[fe80::1%lo]:80", "[fe80::1%lo]:80"},
		{"unix:/run/x", "unix:/run/x"},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct hark_addr addr = from_text(table[i].listening);
		struct hark_addr dial;

		hark_addr_to_dial(&dial, &addr);
		check_text(&dial, table[i].dial);
		hark_addr_to_dial(&addr, &addr);
		check_text(&addr, table[i].dial);
	}
}
