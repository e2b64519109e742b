/* SPDX-License-Identifier: MIT
 *
 * Blocks of addresses: what is one, and what is in one.
 */
#include "harness.h"

#include <hark.h>

#include <errno.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A5 */
TEST(blocks, "a block has a family, a prefix and the bits that count")
{
	static const struct {
		const char *text;
		struct hark_cidr wanted;
	} table[] = {
		{"10.0.0.0/8", {AF_INET, 8, {10}}},
		{"172.16.0.0/12", {AF_INET, 12, {172, 16}}},
		{"0.0.0.0/0", {AF_INET, 0, {0}}},
		{"128.0.0.0/1", {AF_INET, 1, {128}}},
		{"192.0.2.1", {AF_INET, 32, {192, 0, 2, 1}}},
		{"192.0.2.1/32", {AF_INET, 32, {192, 0, 2, 1}}},
		{"192.0.2.0/31", {AF_INET, 31, {192, 0, 2}}},
		{"::/0", {AF_INET6, 0, {0}}},
		{"fc00::/7", {AF_INET6, 7, {0xfc}}},
		{"fe80::/10", {AF_INET6, 10, {0xfe, 0x80}}},
		{"::1", {AF_INET6, 128, {[15] = 1}}},
		{"::1/128", {AF_INET6, 128, {[15] = 1}}},
		{"::fffe:0:0/95", {AF_INET6, 95, {[10] = 0xff, [11] = 0xfe}}},
		{"::ffff:10.0.0.0/104", {AF_INET, 8, {10}}},
		{"::ffff:0:0/96", {AF_INET, 0, {0}}},
		{"::ffff:192.0.2.1", {AF_INET, 32, {192, 0, 2, 1}}},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct hark_cidr cidr = {0};

		CHECK_OK(hark_cidr_parse(&cidr, table[i].text, NULL));
		if (memcmp(&cidr, &table[i].wanted, sizeof(cidr)) != 0)
			NOTE("of '%s'", table[i].text);
		CHECK_INT(cidr.family, ==, table[i].wanted.family);
		CHECK_INT(cidr.prefix, ==, table[i].wanted.prefix);
		CHECK(memcmp(cidr.base, table[i].wanted.base, sizeof(cidr.base)) == 0);
	}
}

struct refusal {
	const char *text;
	int code;
	enum hark_cause cause;
};

static void check_refused(const struct refusal *refusal)
{
	struct hark_cidr cidr = {.prefix = -7};
	struct hark_error err = {0};
	char text[HARK_ERROR_TEXT_MAX];
	int code = hark_cidr_parse(&cidr, refusal->text, &err);

	if (code != refusal->code || err.cause != (int)refusal->cause)
		NOTE("of '%s'", refusal->text ? refusal->text : "(null)");
	CHECK_ERR(code, refusal->code);
	CHECK_ERR(hark_cidr_parse(&cidr, refusal->text, NULL), refusal->code);
	CHECK_INT(err.code, ==, refusal->code);
	CHECK_INT(err.step, ==, HARK_STEP_PARSE);
	CHECK_INT(err.cause, ==, refusal->cause);
	CHECK_INT(cidr.prefix, ==, -7);
	CHECK_INT(hark_error_text(&err, text, sizeof(text)), >, 0);
}

/* A2 A5 */
TEST(prefixes_that_are_none, "a prefix is digits, no more than the family has bits")
{
	static const struct refusal table[] = {
		{"10.0.0.0/", -EINVAL, HARK_CAUSE_BAD_PREFIX},
		{"10.0.0.0/33", -EINVAL, HARK_CAUSE_BAD_PREFIX},
		{"10.0.0.0/128", -EINVAL, HARK_CAUSE_BAD_PREFIX},
		{"::/129", -EINVAL, HARK_CAUSE_BAD_PREFIX},
		{"::/4294967296", -EINVAL, HARK_CAUSE_BAD_PREFIX},
		{"10.0.0.0/-8", -EINVAL, HARK_CAUSE_BAD_PREFIX},
		{"10.0.0.0/+8", -EINVAL, HARK_CAUSE_BAD_PREFIX},
		{"10.0.0.0/ 8", -EINVAL, HARK_CAUSE_BAD_PREFIX},
		{"10.0.0.0/08", -EINVAL, HARK_CAUSE_BAD_PREFIX},
		{"10.0.0.0/0x8", -EINVAL, HARK_CAUSE_BAD_PREFIX},
		{"10.0.0.0/8/8", -EINVAL, HARK_CAUSE_BAD_PREFIX},
		{"10.0.0.0/255.0.0.0", -EINVAL, HARK_CAUSE_BAD_PREFIX},
	};

	for (size_t i = 0; i < COUNT(table); i++)
		check_refused(&table[i]);
}

/* A5 */
TEST(host_bits, "bits behind the prefix are refused, not ignored")
{
	static const struct refusal table[] = {
		{"10.0.0.1/8", -EINVAL, HARK_CAUSE_HOST_BITS},
		{"10.0.0.0/6", -EINVAL, HARK_CAUSE_HOST_BITS},
		{"192.0.2.1/31", -EINVAL, HARK_CAUSE_HOST_BITS},
		{"0.0.0.1/0", -EINVAL, HARK_CAUSE_HOST_BITS},
		{"128.0.0.0/0", -EINVAL, HARK_CAUSE_HOST_BITS},
		{"fe80::1/10", -EINVAL, HARK_CAUSE_HOST_BITS},
		{"fe80::/8", -EINVAL, HARK_CAUSE_HOST_BITS},
		{"::1/127", -EINVAL, HARK_CAUSE_HOST_BITS},
		{"::ffff:10.0.0.1/104", -EINVAL, HARK_CAUSE_HOST_BITS},
		{"::ffff:0:0/95", -EINVAL, HARK_CAUSE_HOST_BITS},
	};

	for (size_t i = 0; i < COUNT(table); i++)
		check_refused(&table[i]);
}

/* A2 A5 N7 */
TEST(addresses_that_are_none, "the address of a block is as strict as any other")
{
	char long_text[600];
	const struct refusal table[] = {
		{"", -EINVAL, HARK_CAUSE_EMPTY},
		{NULL, -EINVAL, HARK_CAUSE_EMPTY},
		{"10/8", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"10.0.0/8", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"010.0.0.0/8", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"0x0a.0.0.0/8", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"/8", -EINVAL, HARK_CAUSE_NOT_ONE_ADDRESS},
		{"localhost/8", -EINVAL, HARK_CAUSE_NOT_ONE_ADDRESS},
		{"*/0", -EINVAL, HARK_CAUSE_NOT_ONE_ADDRESS},
		{"[::1]/128", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"::1:/64", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"1:2:3/64", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"fe80::1%lo/128", -EINVAL, HARK_CAUSE_BAD_SCOPE},
		{"10.0.0.0/8\n", -EINVAL, HARK_CAUSE_CONTROL_BYTE},
		{long_text, -ENAMETOOLONG, HARK_CAUSE_TOO_LONG},
	};

	memset(long_text, '1', sizeof(long_text));
	long_text[513] = '\0';
	for (size_t i = 0; i < COUNT(table); i++)
		check_refused(&table[i]);
}

static bool is_in(const char *block, const char *text)
{
	struct hark_cidr cidr;
	struct hark_addr addr;

	CHECK_OK(hark_cidr_parse(&cidr, block, NULL));
	CHECK_OK(hark_addr_parse(&addr, text, NULL));
	return hark_cidr_match(&cidr, &addr);
}

/* A5 */
TEST(match_ipv4, "a block begins at its first address and ends at its last")
{
	CHECK(is_in("10.0.0.0/8", "10.0.0.0:1"));
	CHECK(is_in("10.0.0.0/8", "10.255.255.255:1"));
	CHECK(!is_in("10.0.0.0/8", "9.255.255.255:1"));
	CHECK(!is_in("10.0.0.0/8", "11.0.0.0:1"));
	CHECK(is_in("172.16.0.0/12", "172.31.255.255:1"));
	CHECK(!is_in("172.16.0.0/12", "172.32.0.0:1"));
	CHECK(is_in("192.0.2.1", "192.0.2.1:1"));
	CHECK(!is_in("192.0.2.1", "192.0.2.0:1"));
	CHECK(is_in("0.0.0.0/0", "255.255.255.255:1"));
}

/* A5 */
TEST(match_ipv6, "IPv6 blocks likewise, whatever the scope")
{
	CHECK(is_in("fc00::/7", "[fdff::1]:1"));
	CHECK(!is_in("fc00::/7", "[fe00::1]:1"));
	CHECK(is_in("fe80::/10", "[fe80::1%lo]:1"));
	CHECK(is_in("::1", "[::1]:1"));
	CHECK(!is_in("::1", "[::]:1"));
	CHECK(is_in("2001:db8::/33", "[2001:db8:7fff::1]:1"));
	CHECK(!is_in("2001:db8::/33", "[2001:db8:8000::1]:1"));
	CHECK(is_in("::/0", "[2001:db8::1]:1"));
}

/* A5: one answer to a client, be it through a dual-stack socket or an IPv4 one */
TEST(match_mapped, "IPv4 in its mapped form is in IPv4 blocks, and in no other")
{
	CHECK(is_in("10.0.0.0/8", "[::ffff:10.1.2.3]:1"));
	CHECK(!is_in("10.0.0.0/8", "[::ffff:11.1.2.3]:1"));
	CHECK(is_in("::ffff:10.0.0.0/104", "10.1.2.3:1"));
	CHECK(is_in("::ffff:10.0.0.0/104", "[::ffff:10.1.2.3]:1"));
	CHECK(!is_in("::/0", "[::ffff:10.1.2.3]:1"));
	CHECK(!is_in("::/0", "10.1.2.3:1"));
	CHECK(!is_in("0.0.0.0/0", "[2001:db8::1]:1"));
}

/* A5 */
TEST(match_nothing,
	"what has no IP address is in no block, nor is anything in no block")
{
	struct hark_cidr none = {0}, broken = {AF_INET, 33, {127, 0, 0, 1}};
	struct hark_addr no_addr = {0}, addr;
	struct hark_cidr all;

	CHECK(!is_in("0.0.0.0/0", "unix:/run/x"));
	CHECK(!is_in("::/0", "unix:@x"));
	CHECK_OK(hark_addr_parse(&addr, "127.0.0.1:1", NULL));
	CHECK_OK(hark_cidr_parse(&all, "0.0.0.0/0", NULL));
	CHECK(!hark_cidr_match(&all, &no_addr));
	CHECK(!hark_cidr_match(&none, &addr));
	CHECK(!hark_cidr_match(&none, &no_addr));
	CHECK(!hark_cidr_match(&broken, &addr));
	broken.prefix = -1;
	CHECK(!hark_cidr_match(&broken, &addr));
}
