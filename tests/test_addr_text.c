/*
 * Addresses as text: what hark_addr_text and hark_addr_host_text write. Reading them back
 * is endpoint's.
 */
#include "harness.h"

#include <hark.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_AT offsetof(struct sockaddr_un, sun_path)

struct text {
	char at[HARK_ADDR_TEXT_MAX];
};

static struct text text_of(const struct hark_addr *addr)
{
	struct text text;

	CHECK_INT(hark_addr_text(addr, text.at, sizeof(text.at)), ==, strlen(text.at));
	return text;
}

static struct text host_text_of(const struct hark_addr *addr)
{
	struct text text;

	CHECK_INT(hark_addr_host_text(addr, text.at, sizeof(text.at)), ==,
		strlen(text.at));
	return text;
}

static struct hark_addr ipv4(const char *host, int port)
{
	struct hark_addr addr = {.length = sizeof(addr.u.in)};

	addr.u.in.sin_family = AF_INET;
	addr.u.in.sin_port = htons((uint16_t)port);
	CHECK_INT(inet_pton(AF_INET, host, &addr.u.in.sin_addr), ==, 1);
	return addr;
}

static struct hark_addr ipv6(const char *host, uint32_t scope, int port)
{
	struct hark_addr addr = {.length = sizeof(addr.u.in6)};

	addr.u.in6.sin6_family = AF_INET6;
	addr.u.in6.sin6_port = htons((uint16_t)port);
	addr.u.in6.sin6_scope_id = scope;
	CHECK_INT(inet_pton(AF_INET6, host, &addr.u.in6.sin6_addr), ==, 1);
	return addr;
}

/* The length is that of the name alone, or more: the kernel's may be. */
static struct hark_addr local(const char *name, size_t length)
{
	struct hark_addr addr = {.length = (uint32_t)(PATH_AT + length)};

	addr.u.un.sun_family = AF_UNIX;
	memcpy(addr.u.un.sun_path, name,
		length < sizeof(addr.u.un.sun_path) ? length
						    : sizeof(addr.u.un.sun_path));
	return addr;
}

/* A4 */
TEST(writes_ipv4, "an IPv4 address is a dotted quad, a colon and the port")
{
	struct hark_addr addr = ipv4("127.0.0.1", 80);

	CHECK_STR(text_of(&addr).at, "127.0.0.1:80");
	CHECK_STR(host_text_of(&addr).at, "127.0.0.1");
	addr = ipv4("255.255.255.255", 65535);
	CHECK_STR(text_of(&addr).at, "255.255.255.255:65535");
	addr = ipv4("0.0.0.0", 0);
	CHECK_STR(text_of(&addr).at, "0.0.0.0:0");
}

/* A4; RFC 5952 sections 4 and 5 */
TEST(writes_ipv6_canonically, "an IPv6 address is written as RFC 5952 wants it")
{
	static const struct {
		const char *given, *wanted;
	} rows[] = {
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"2001:0DB8::0001", "2001:db8::1"},
		{"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"1:0:0:2::", "1:0:0:2::"},
		{"1:0:0:2:0:0:3:4", "1::2:0:0:3:4"},
		{"0:0:1:0:0:0:0:0", "0:0:1::"},
		{"0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1"},
		{"0:0:0:1:1:1:1:1", "::1:1:1:1:1"},
		{"1:1:1:1:1:1:0:0", "1:1:1:1:1:1::"},
		{"0:1:1:1:1:1:1:0", "0:1:1:1:1:1:1:0"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"::ffff:1.2.3.4", "::ffff:1.2.3.4"},
		{"::ffff:0:0", "::ffff:0.0.0.0"},
		{"::1.2.3.4", "::102:304"}, /* glibc's inet_ntop: ::1.2.3.4 */
		{"64:ff9b::1.2.3.4", "64:ff9b::102:304"},
		{"::ffff:0:1.2.3.4", "::ffff:0:102:304"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hark_addr addr = ipv6(rows[i].given, 0, 443);
		struct text wanted;

		CHECK_STR(host_text_of(&addr).at, rows[i].wanted);
		(void)snprintf(
			wanted.at, sizeof(wanted.at), "[%s]:443", rows[i].wanted);
		CHECK_STR(text_of(&addr).at, wanted.at);
	}
}

#ifdef __GLIBC__
static const bool inet_ntop_obeys = true;
#else /* musl's shortens the last of two equal runs when the first begins the address */
static const bool inet_ntop_obeys = false;
#endif

/* ::a.b.c.d is left out: glibc writes it as dotted. A4; RFC 5952 section 4.2.3 */
TEST(writes_all_patterns,
	"all patterns of zero groups are written as inet_ntop(3) does")
{
	for (unsigned pattern = 0; pattern < 256; pattern++) {
		struct hark_addr addr = ipv6("::", 0, 1), back;
		char wanted[INET6_ADDRSTRLEN];

		for (int i = 0; i < 8; i++)
			if (pattern & 1u << i)
				addr.u.in6.sin6_addr.s6_addr[2 * i + 1] = 0xa;
		back = ipv6(host_text_of(&addr).at, 0, 1);
		CHECK_INT(memcmp(&back, &addr, sizeof(addr)), ==, 0);
		if (!inet_ntop_obeys || (pattern & 0x3f) == 0)
			continue;
		CHECK(inet_ntop(AF_INET6, &addr.u.in6.sin6_addr, wanted,
			      sizeof(wanted)) != NULL);
		CHECK_STR(host_text_of(&addr).at, wanted);
	}
}

/* A4 */
TEST(keeps_the_scope,
	"a scope is its interface's name, or its number where it has none")
{
	unsigned index = if_nametoindex("lo");
	struct hark_addr addr;

	addr = ipv6("fe80::1", 2147483600, 80);
	CHECK_STR(text_of(&addr).at, "[fe80::1%2147483600]:80");
	CHECK_STR(host_text_of(&addr).at, "fe80::1%2147483600");
	addr = ipv6("fe80::1", 4294967295u, 80);
	CHECK_STR(text_of(&addr).at, "[fe80::1%4294967295]:80");
	REQUIRE(index > 0, "no interface lo");
	addr = ipv6("fe80::1", index, 80);
	CHECK_STR(text_of(&addr).at, "[fe80::1%lo]:80");
	CHECK_STR(host_text_of(&addr).at, "fe80::1%lo");
}

/* A4 */
TEST(writes_unix_paths, "a Unix path is readable, its odd bytes escaped")
{
	struct hark_addr addr = local("/run/x", 6);

	CHECK_STR(text_of(&addr).at, "unix:/run/x");
	CHECK_STR(host_text_of(&addr).at, "unix:/run/x");
	addr = local("/run/x", 7); /* the kernel counts the NUL */
	CHECK_STR(text_of(&addr).at, "unix:/run/x");
	addr = local("/a b'c", 6);
	CHECK_STR(text_of(&addr).at, "unix:/a b'c");
	addr = local("/a\n\x1b[2J\\\x7f\xc3\xa4", 11);
	CHECK_STR(text_of(&addr).at, "unix:/a\\x0a\\x1b[2J\\x5c\\x7f\\xc3\\xa4");
}

/* A4; unix(7): a path of 108 bytes has no NUL, and its length counts one */
TEST(writes_the_longest_path, "a path without room for its NUL is written whole")
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	struct hark_addr addr;

	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	for (size_t length = 107; length <= 109; length++) {
		addr = local(path, length);
		CHECK_INT(strlen(text_of(&addr).at), ==,
			strlen("unix:") + (length < 108 ? length : 108));
	}
}

/* A4 */
TEST(writes_abstract_names, "an abstract name is @ and all of its bytes, NULs too")
{
	struct hark_addr addr = local("\0name", 5);

	CHECK_STR(text_of(&addr).at, "unix:@name");
	addr = local("\0a\0b\0", 5);
	CHECK_STR(text_of(&addr).at, "unix:@a\\x00b\\x00");
	addr = local("\0\0", 2);
	CHECK_STR(text_of(&addr).at, "unix:@\\x00");
	addr = local("@name", 5); /* a file of that name, not the abstract one */
	CHECK_STR(text_of(&addr).at, "unix:\\x40name");
}

/* A4 */
TEST(writes_what_has_no_name,
	"unnamed sockets, no address and foreign ones have a text")
{
	struct hark_addr addr = local("", 0);

	CHECK_STR(text_of(&addr).at, "unix:");
	addr = local("", 1);
	CHECK_STR(text_of(&addr).at, "unix:");
	addr = (struct hark_addr){.length = 0};
	CHECK_STR(text_of(&addr).at, "-");
	CHECK_STR(host_text_of(&addr).at, "-");
	addr = ipv4("127.0.0.1", 80);
	addr.length = 1;
	CHECK_STR(text_of(&addr).at, "-");
	addr.length = 4; /* too short for its family */
	CHECK_STR(text_of(&addr).at, "-");
	addr.length = 16;
	addr.u.any.sa_family = AF_VSOCK;
	CHECK_STR(text_of(&addr).at, "af:40");
}

/* A4 N7: a peer may choose its name, and the length is the kernel's */
TEST(fits_whatever_it_is, "any bytes as an address give printable text that fits")
{
	for (unsigned length = 0; length < 300; length++)
		for (unsigned family = 0; family < 12; family++) {
			struct hark_addr addr;
			struct text text;

			memset(&addr, (int)(length * 7 + 129), sizeof(addr));
			addr.length = length;
			addr.u.any.sa_family = (sa_family_t)family;
			text = text_of(&addr);
			CHECK_INT(strlen(text.at), <, sizeof(text.at));
			for (const char *byte = text.at; *byte; byte++)
				CHECK(*byte >= ' ' && *byte < 0x7f);
		}
}

/* A4 */
TEST(cuts_like_snprintf, "in a small buffer the text is cut, and its length still told")
{
	struct hark_addr addr = ipv6("fe80::1", 2147483600, 80);
	struct text whole = text_of(&addr);
	size_t length = strlen(whole.at);

	CHECK_INT(hark_addr_text(&addr, NULL, 0), ==, length);
	CHECK_INT(hark_addr_host_text(&addr, NULL, 0), ==, length - 5);
	for (size_t size = 1; size <= length + 2; size++) {
		char text[64];
		size_t kept = size - 1 < length ? size - 1 : length;

		memset(text, '#', sizeof(text));
		CHECK_INT(hark_addr_text(&addr, text, size), ==, length);
		CHECK_INT(strlen(text), ==, kept);
		CHECK(memcmp(text, whole.at, kept) == 0);
		CHECK_INT(text[size], ==, '#');
	}
}
