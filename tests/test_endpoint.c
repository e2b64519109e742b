/* SPDX-License-Identifier: MIT
 *
 * The text forms of an address: what each means, and what each refusal says.
 */
#include "harness.h"

#include <hark.h>

#include "sys/sys.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define LINE_MAX_BYTES 1024

/* ----------------------------------------------------------------- what it may mean */

/* One line that says all that an endpoint holds, so that tables can be read. */
static void describe(const struct hark_endpoint *endpoint, char *line, size_t size)
{
	static const char *const kinds[] = {
		"?", "every", "address", "name", "unix", "descriptor", "activation"};
	char addr[HARK_ADDR_TEXT_MAX];

	(void)hark_addr_text(&endpoint->addr, addr, sizeof(addr));
	(void)snprintf(line, size, "%s port=%d fd=%d addr=%s host=%s service=%s",
		kinds[endpoint->kind], endpoint->port, endpoint->fd, addr,
		endpoint->host, endpoint->service);
}

struct meaning {
	const char *text;
	const char *wanted;
};

static void check_meanings(const struct meaning *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct hark_endpoint endpoint = {0};
		char line[LINE_MAX_BYTES], got[2 * LINE_MAX_BYTES];
		char wanted[2 * LINE_MAX_BYTES];
		struct hark_error err;

		if (hark_endpoint_parse(&endpoint, table[i].text, &err) < 0)
			(void)hark_error_text(&err, line, sizeof(line));
		else
			describe(&endpoint, line, sizeof(line));
		(void)snprintf(got, sizeof(got), "'%s': %s", table[i].text, line);
		(void)snprintf(wanted, sizeof(wanted), "'%s': %s", table[i].text,
			table[i].wanted);
		CHECK_STR(got, wanted);
	}
}

/* A1 */
TEST(every_address, "a port alone, or behind : or *:, means every address")
{
	static const struct meaning table[] = {
		{"4481", "every port=4481 fd=-1 addr=- host= service="},
		{":4481", "every port=4481 fd=-1 addr=- host= service="},
		{"*:4481", "every port=4481 fd=-1 addr=- host= service="},
		{"0", "every port=0 fd=-1 addr=- host= service="},
		{":0", "every port=0 fd=-1 addr=- host= service="},
		{"1", "every port=1 fd=-1 addr=- host= service="},
		{"65535", "every port=65535 fd=-1 addr=- host= service="},
		{"*:65535", "every port=65535 fd=-1 addr=- host= service="},
		{"08080", "every port=8080 fd=-1 addr=- host= service="},
		{"00000", "every port=0 fd=-1 addr=- host= service="},
	};

	check_meanings(table, COUNT(table));
}

/* A1 A4 */
TEST(one_address, "a numeric host and a port are one address, its text canonical")
{
	static const struct meaning table[] = {
		{"127.0.0.1:4481",
			"address port=4481 fd=-1 addr=127.0.0.1:4481 host= service="},
		{"0.0.0.0:0", "address port=0 fd=-1 addr=0.0.0.0:0 host= service="},
		{"255.255.255.255:65535",
			"address port=65535 fd=-1 addr=255.255.255.255:65535 "
			"host= service="},
		{"[::1]:4481",
			"address port=4481 fd=-1 addr=[::1]:4481 host= service="},
		{"[::]:80", "address port=80 fd=-1 addr=[::]:80 host= service="},
		{"[2001:0DB8:0:0:0:0:0:1]:80",
			"address port=80 fd=-1 addr=[2001:db8::1]:80 host= service="},
		{"[1:2:3:4:5:6:7:8]:80",
			"address port=80 fd=-1 addr=[1:2:3:4:5:6:7:8]:80 "
			"host= service="},
		{"[::ffff:192.0.2.1]:80",
			"address port=80 fd=-1 addr=[::ffff:192.0.2.1]:80 "
			"host= service="},
		{"[fe80::1%lo]:4481", "address port=4481 fd=-1 addr=[fe80::1%lo]:4481 "
				      "host= service="},
		{"[ff02::1%lo]:1",
			"address port=1 fd=-1 addr=[ff02::1%lo]:1 host= service="},
		{"[ff02::1]:1", "address port=1 fd=-1 addr=[ff02::1]:1 host= service="},
	};

	check_meanings(table, COUNT(table));
}

/* A1: lo has index 1 in every network namespace, unless it was renamed or made again */
TEST(scope_by_number, "a scope may be the number of an interface")
{
	unsigned int index = if_nametoindex("lo");
	struct hark_endpoint endpoint;
	struct hark_error err;
	char text[64];

	(void)snprintf(text, sizeof(text), "[fe80::1%%%u]:80", index);
	CHECK_OK(hark_endpoint_parse(&endpoint, text, &err));
	CHECK_INT(endpoint.addr.u.in6.sin6_scope_id, ==, index);
}

/* A1 */
TEST(names, "a host name stays a name, and is not resolved")
{
	static const struct meaning table[] = {
		{"localhost:4481",
			"name port=4481 fd=-1 addr=- host=localhost service="},
		{"example.com:0", "name port=0 fd=-1 addr=- host=example.com service="},
		{"Example.COM.:80",
			"name port=80 fd=-1 addr=- host=Example.COM. service="},
		{"_x._tcp.a:80", "name port=80 fd=-1 addr=- host=_x._tcp.a service="},
		{"xn--gre-6ka8i.example:80",
			"name port=80 fd=-1 addr=- host=xn--gre-6ka8i.example "
			"service="},
		{"3com.com:80", "name port=80 fd=-1 addr=- host=3com.com service="},
		{"1.2.3.a:80", "name port=80 fd=-1 addr=- host=1.2.3.a service="},
		{"0x7g:80", "name port=80 fd=-1 addr=- host=0x7g service="},
		{"a:80", "name port=80 fd=-1 addr=- host=a service="},
		{"UNIX:80", "name port=80 fd=-1 addr=- host=UNIX service="},
		{"activation.example:80",
			"name port=80 fd=-1 addr=- host=activation.example service="},
	};

	check_meanings(table, COUNT(table));
}

/* A1: whatever the host is, the resolver must be asked for the service */
TEST(services, "a service by name keeps its host as text, whatever it is")
{
	static const struct meaning table[] = {
		{"example.com:http",
			"name port=-1 fd=-1 addr=- host=example.com service=http"},
		{"localhost:iso-tsap",
			"name port=-1 fd=-1 addr=- host=localhost service=iso-tsap"},
		{":http", "name port=-1 fd=-1 addr=- host= service=http"},
		{"*:http", "name port=-1 fd=-1 addr=- host= service=http"},
		{"*:z39-50", "name port=-1 fd=-1 addr=- host= service=z39-50"},
		{"127.0.0.1:http",
			"name port=-1 fd=-1 addr=- host=127.0.0.1 service=http"},
		{"[::1]:http", "name port=-1 fd=-1 addr=- host=::1 service=http"},
		{"[fe80::1%lo]:http",
			"name port=-1 fd=-1 addr=- host=fe80::1%lo service=http"},
	};

	check_meanings(table, COUNT(table));
}

/* A1 A4 */
TEST(unix_names, "unix: takes absolute, relative and abstract names")
{
	static const struct meaning table[] = {
		{"unix:/run/x", "unix port=-1 fd=-1 addr=unix:/run/x host= service="},
		{"unix:x", "unix port=-1 fd=-1 addr=unix:x host= service="},
		{"unix:./@x", "unix port=-1 fd=-1 addr=unix:./@x host= service="},
		{"unix:/a b:c", "unix port=-1 fd=-1 addr=unix:/a b:c host= service="},
		{"unix:@x", "unix port=-1 fd=-1 addr=unix:@x host= service="},
		{"unix:@@", "unix port=-1 fd=-1 addr=unix:@@ host= service="},
		{"unix:/\xc3\xbc",
			"unix port=-1 fd=-1 addr=unix:/\\xc3\\xbc host= service="},
	};

	check_meanings(table, COUNT(table));
}

/* A1: the length that bind(2) is told covers a path's NUL, and no byte behind a name */
TEST(unix_lengths, "a Unix address's length covers what bind(2) must see")
{
	struct hark_addr addr;
	struct hark_error err;
	size_t start = offsetof(struct sockaddr_un, sun_path);

	CHECK_OK(hark_addr_parse(&addr, "unix:/run/x", &err));
	CHECK_INT(addr.length, ==, start + sizeof("/run/x"));
	CHECK_INT(addr.u.un.sun_path[0], ==, '/');
	CHECK_OK(hark_addr_parse(&addr, "unix:@name", &err));
	CHECK_INT(addr.length, ==, start + 1 + strlen("name"));
	CHECK_INT(addr.u.un.sun_path[0], ==, '\0');
	CHECK_INT(addr.u.un.sun_path[1], ==, 'n');
}

/* A1 */
TEST(inherited_sockets, "fd: and activation name sockets that exist already")
{
	static const struct meaning table[] = {
		{"fd:0", "descriptor port=-1 fd=0 addr=- host= service="},
		{"fd:3", "descriptor port=-1 fd=3 addr=- host= service="},
		{"fd:1048575", "descriptor port=-1 fd=1048575 addr=- host= service="},
		{"activation", "activation port=-1 fd=-1 addr=- host= service="},
		{"activation:http",
			"activation port=-1 fd=-1 addr=- host=http service="},
		{"activation:a b", "activation port=-1 fd=-1 addr=- host=a b service="},
	};

	check_meanings(table, COUNT(table));
}

/* ------------------------------------------------------------------ what is refused */

struct refusal {
	const char *text;
	int code;
	enum hark_cause cause;
};

static void check_refused(
	const char *text, size_t length, int code, enum hark_cause cause)
{
	struct hark_endpoint endpoint = {.kind = -7};
	struct hark_error err = {0};
	char got[LINE_MAX_BYTES], wanted[LINE_MAX_BYTES], sentence[HARK_ERROR_TEXT_MAX];
	int result = hark_endpoint_parse_n(&endpoint, text, length, &err);

	(void)snprintf(got, sizeof(got), "'%.*s': %s, cause %d", (int)length, text,
		hark_errno_name(result), err.cause);
	(void)snprintf(wanted, sizeof(wanted), "'%.*s': %s, cause %d", (int)length,
		text, hark_errno_name(code), (int)cause);
	CHECK_STR(got, wanted);
	CHECK_INT(err.code, ==, result);
	CHECK_INT(err.step, ==, HARK_STEP_PARSE);
	CHECK_INT(err.resolver_code, ==, 0);
	CHECK_INT(endpoint.kind, ==, -7);
	CHECK_INT(hark_error_text(&err, sentence, sizeof(sentence)), >, 0);
	CHECK(!strchr(sentence, '\n'));
}

static void check_all_refused(const struct refusal *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_refused(table[i].text, strlen(table[i].text), table[i].code,
			table[i].cause);
}

/* A2 */
TEST(ports_that_are_none, "a port is decimal digits up to 65535 and nothing else")
{
	static const struct refusal table[] = {
		{"65536", -ERANGE, HARK_CAUSE_PORT_RANGE},
		{":65536", -ERANGE, HARK_CAUSE_PORT_RANGE},
		{"70000", -ERANGE, HARK_CAUSE_PORT_RANGE},
		{"localhost:70000", -ERANGE, HARK_CAUSE_PORT_RANGE},
		{"127.0.0.1:70000", -ERANGE, HARK_CAUSE_PORT_RANGE},
		{"[::1]:70000", -ERANGE, HARK_CAUSE_PORT_RANGE},
		{"100000", -ERANGE, HARK_CAUSE_PORT_RANGE},
		{"4294967376", -ERANGE, HARK_CAUSE_PORT_RANGE},
		{"*:18446744073709551696", -ERANGE, HARK_CAUSE_PORT_RANGE},
		{"+80", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{":+80", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{"-1", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{"localhost:-1", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{" 80", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{"80 ", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{"localhost: 80", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{"localhost:80 ", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{"0x50", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{"0X50", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{"*:0x50", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{"*:80a", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{"*:8,080", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{"*:80.0", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{"*:1e3", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{"*:３", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{"*:http!", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{"*:a_b", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{"localhost:80:90", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{"127.0.0.1::80", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
		{"http://localhost:80", -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL},
	};

	check_all_refused(table, COUNT(table));
}

/* A1 A2 */
TEST(missing_ports, "a host without a port is refused as such")
{
	static const struct refusal table[] = {
		{"127.0.0.1", -EINVAL, HARK_CAUSE_NO_PORT},
		{"127.0.0.1:", -EINVAL, HARK_CAUSE_NO_PORT},
		{"localhost", -EINVAL, HARK_CAUSE_NO_PORT},
		{"localhost:", -EINVAL, HARK_CAUSE_NO_PORT},
		{"http", -EINVAL, HARK_CAUSE_NO_PORT},
		{"80a", -EINVAL, HARK_CAUSE_NO_PORT},
		{"[::1]", -EINVAL, HARK_CAUSE_NO_PORT},
		{"[::1]:", -EINVAL, HARK_CAUSE_NO_PORT},
		{"[::1]80", -EINVAL, HARK_CAUSE_NO_PORT},
		{"*", -EINVAL, HARK_CAUSE_NO_PORT},
		{"*:", -EINVAL, HARK_CAUSE_NO_PORT},
		{":", -EINVAL, HARK_CAUSE_NO_PORT},
	};

	check_all_refused(table, COUNT(table));
}

/* A2 */
TEST(hosts_in_numbers_that_are_no_quads, "a host in numbers is a strict dotted quad")
{
	static const struct refusal table[] = {
		{"010.0.0.1:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"10.0.0.01:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"00.0.0.0:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"127.1:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"127.1", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"127.0.1:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"0:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"0x7f.0.0.1:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"127.0.0.0x1:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"0x7f000001:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"0X7F000001:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"0x:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"2130706433:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"1.2.3.4.5:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"256.0.0.1:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"1.2.3.256:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"1.2.3.1000:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"1.2.3.4294967300:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"1..2.3:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{".1.2.3:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"127.0.0.1.:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{" 127.0.0.1:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"-127.0.0.1:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"a.1:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
	};

	check_all_refused(table, COUNT(table));
}

/* A1 A2 */
TEST(ipv6_texts_that_are_none, "IPv6 is strict and stands in brackets")
{
	static const struct refusal table[] = {
		{"::1", -EINVAL, HARK_CAUSE_NEEDS_BRACKETS},
		{"::1:80", -EINVAL, HARK_CAUSE_NEEDS_BRACKETS},
		{"::", -EINVAL, HARK_CAUSE_NEEDS_BRACKETS},
		{"2001:db8::1:80", -EINVAL, HARK_CAUSE_NEEDS_BRACKETS},
		{"::ffff:127.0.0.1:80", -EINVAL, HARK_CAUSE_NEEDS_BRACKETS},
		{"fe80::1%lo:80", -EINVAL, HARK_CAUSE_NEEDS_BRACKETS},
		{"[]:80", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"[", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"[::1", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"[::1:80", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"[:::1]:80", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"[1::2::3]:80", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"[1:2:3:4:5:6:7]:80", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"[1:2:3:4:5:6:7:8:9]:80", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"[::12345]:80", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"[::g]:80", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"[ ::1]:80", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"[127.0.0.1]:80", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"[localhost]:80", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"[::ffff:010.0.0.1]:80", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"[::ffff:1.2.3]:80", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"[::ffff:1.2.3.0x4]:80", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"[::1/128]:80", -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]:80", -EINVAL,
			HARK_CAUSE_BAD_IPV6},
	};

	check_all_refused(table, COUNT(table));
}

/* A2 B1 */
TEST(scopes_that_are_none,
	"a scope is an interface of this host, where it has a meaning")
{
	static const struct refusal table[] = {
		{"[fe80::1]:80", -EINVAL, HARK_CAUSE_BAD_SCOPE},
		{"[febf::1]:80", -EINVAL, HARK_CAUSE_BAD_SCOPE},
		{"[fe80::1%]:80", -EINVAL, HARK_CAUSE_BAD_SCOPE},
		{"[::1%lo]:80", -EINVAL, HARK_CAUSE_BAD_SCOPE},
		{"[2001:db8::1%lo]:80", -EINVAL, HARK_CAUSE_BAD_SCOPE},
		{"[fe80::1%no-such-if]:80", -ENODEV, HARK_CAUSE_BAD_SCOPE},
		{"[fe80::1%sixteen-letters-]:80", -ENODEV, HARK_CAUSE_BAD_SCOPE},
		{"[fe80::1%lo%lo]:80", -ENODEV, HARK_CAUSE_BAD_SCOPE},
		{"[fe80::1%0]:80", -ENODEV, HARK_CAUSE_BAD_SCOPE},
		{"[fe80::1%-1]:80", -ENODEV, HARK_CAUSE_BAD_SCOPE},
		{"[fe80::1%2147483647]:80", -ENODEV, HARK_CAUSE_BAD_SCOPE},
		{"[fe80::1%4294967297]:80", -ENODEV, HARK_CAUSE_BAD_SCOPE},
		{"[fe80::1%no-such-if]:http", -ENODEV, HARK_CAUSE_BAD_SCOPE},
	};

	check_all_refused(table, COUNT(table));
}

static enum hark__call failing;

static int out_of_descriptors(enum hark__call call)
{
	return call == failing ? -EMFILE : 0;
}

/* A1 N5: that the interface could not be looked up does not say that it is missing */
TEST(scope_cannot_be_asked,
	"an interface that could not be looked up is not called missing")
{
	static const char by_name[] = "[fe80::1%lo]:80", by_number[] = "[fe80::1%1]:80";

	hark__fault = out_of_descriptors;
	failing = HARK__CALL_NAMETOINDEX;
	check_refused(by_name, strlen(by_name), -EMFILE, HARK_CAUSE_NONE);
	failing = HARK__CALL_INDEXTONAME;
	check_refused(by_number, strlen(by_number), -EMFILE, HARK_CAUSE_NONE);
}

/* A2 */
TEST(host_names_that_are_none, "a host name has letters, digits, - and _ in labels")
{
	static const struct refusal table[] = {
		{"a..b:80", -EINVAL, HARK_CAUSE_BAD_HOST},
		{".a:80", -EINVAL, HARK_CAUSE_BAD_HOST},
		{".:80", -EINVAL, HARK_CAUSE_BAD_HOST},
		{"a.b..:80", -EINVAL, HARK_CAUSE_BAD_HOST},
		{"-a:80", -EINVAL, HARK_CAUSE_BAD_HOST},
		{"a-:80", -EINVAL, HARK_CAUSE_BAD_HOST},
		{"a.-b.c:80", -EINVAL, HARK_CAUSE_BAD_HOST},
		{"a b:80", -EINVAL, HARK_CAUSE_BAD_HOST},
		{"größe.example:80", -EINVAL, HARK_CAUSE_BAD_HOST},
		{"１２３", -EINVAL, HARK_CAUSE_BAD_HOST},
		{"１２３:80", -EINVAL, HARK_CAUSE_BAD_HOST},
		{"user@host:80", -EINVAL, HARK_CAUSE_BAD_HOST},
		{"/run/x", -EINVAL, HARK_CAUSE_BAD_HOST},
		{"**:80", -EINVAL, HARK_CAUSE_BAD_HOST},
		{"*.example:80", -EINVAL, HARK_CAUSE_BAD_HOST},
		{"$(id):80", -EINVAL, HARK_CAUSE_BAD_HOST},
	};

	check_all_refused(table, COUNT(table));
}

/* A1 A2 */
TEST(other_forms_refused, "unix:, fd: and activation: refuse what they cannot mean")
{
	static const struct refusal table[] = {
		{"", -EINVAL, HARK_CAUSE_EMPTY},
		{"unix:", -EINVAL, HARK_CAUSE_EMPTY},
		{"unix:@", -EINVAL, HARK_CAUSE_EMPTY},
		{"activation:", -EINVAL, HARK_CAUSE_EMPTY},
		{"activation:a:b", -EINVAL, HARK_CAUSE_NO_SUCH_NAME},
		{"activation:\xc3\xbc", -EINVAL, HARK_CAUSE_NO_SUCH_NAME},
		{"fd:", -EINVAL, HARK_CAUSE_BAD_DESCRIPTOR},
		{"fd:-1", -EINVAL, HARK_CAUSE_BAD_DESCRIPTOR},
		{"fd:+3", -EINVAL, HARK_CAUSE_BAD_DESCRIPTOR},
		{"fd: 3", -EINVAL, HARK_CAUSE_BAD_DESCRIPTOR},
		{"fd:03", -EINVAL, HARK_CAUSE_BAD_DESCRIPTOR},
		{"fd:0x3", -EINVAL, HARK_CAUSE_BAD_DESCRIPTOR},
		{"fd:3a", -EINVAL, HARK_CAUSE_BAD_DESCRIPTOR},
		{"fd:1048576", -EINVAL, HARK_CAUSE_BAD_DESCRIPTOR},
		{"fd:4294967299", -EINVAL, HARK_CAUSE_BAD_DESCRIPTOR},
		{"fd:stdin", -EINVAL, HARK_CAUSE_BAD_DESCRIPTOR},
	};

	check_all_refused(table, COUNT(table));
}

/* A2 */
TEST(control_bytes, "control bytes and NULs are refused wherever they stand")
{
	static const char *const texts[] = {"127.0.0.1:80\n", "127.0.0.1\n:80", "\n80",
		"80\r", "\t80", "unix:/run/x\n", "unix:@\x1b[2J", "activation:a\nb",
		"fd:3\n", "localhost:http\n", "unix:/\x7f"};
	static const char with_nul[] = "127.0.0.1\0.example:80";
	static const char path_with_nul[] = "unix:/run/x\0y";
	static const char nul_last[] = "80";

	for (size_t i = 0; i < COUNT(texts); i++)
		check_refused(
			texts[i], strlen(texts[i]), -EINVAL, HARK_CAUSE_CONTROL_BYTE);
	check_refused(with_nul, sizeof(with_nul) - 1, -EINVAL, HARK_CAUSE_CONTROL_BYTE);
	check_refused(path_with_nul, sizeof(path_with_nul) - 1, -EINVAL,
		HARK_CAUSE_CONTROL_BYTE);
	check_refused(nul_last, sizeof(nul_last), -EINVAL, HARK_CAUSE_CONTROL_BYTE);
}

/* --------------------------------------------------------------------------- bounds */

/* `before`, `count` times `filler` (in labels of 63 where it has dots), `behind` */
struct bound {
	const char *before, *behind;
	size_t longest;
	long long limit;
	bool labels;
};

static size_t build(char *text, const struct bound *bound, size_t count)
{
	size_t length = strlen(bound->before);

	memcpy(text, bound->before, length);
	for (size_t i = 0; i < count; i++)
		text[length++] = bound->labels && i % 64 == 63 ? '.' : 'a';
	memcpy(text + length, bound->behind, strlen(bound->behind) + 1);
	return length + strlen(bound->behind);
}

/* A2 N7 */
TEST(lengths_at_their_bounds,
	"names are taken at their longest and refused one byte later")
{
	static const struct bound bounds[] = {
		{"", ":80", 253, 253, true},
		{"", ".:80", 253, 253, true},
		{"*:", "", 63, 63, false},
		{"unix:/", "", 106, 107, false},
		{"unix:@", "", 107, 107, false},
		{"activation:", "", 255, 255, false},
	};

	for (size_t i = 0; i < COUNT(bounds); i++) {
		struct hark_endpoint endpoint;
		struct hark_error err = {0};
		char text[600];

		(void)build(text, &bounds[i], bounds[i].longest);
		CHECK_OK(hark_endpoint_parse(&endpoint, text, &err));
		check_refused(text, build(text, &bounds[i], bounds[i].longest + 1),
			-ENAMETOOLONG, HARK_CAUSE_TOO_LONG);
		(void)hark_endpoint_parse(&endpoint, text, &err);
		CHECK_INT(err.limit, ==, bounds[i].limit);
	}
}

/* A2 N7: 512 bytes are looked at and refused for what they are, 513 are not */
TEST(the_whole_text_is_bounded, "a text above 512 bytes is refused unread")
{
	static const struct bound whole = {"", "", 0, 0, true};
	struct hark_endpoint endpoint;
	struct hark_error err;
	char text[600], sentence[HARK_ERROR_TEXT_MAX];

	check_refused(
		text, build(text, &whole, 512), -ENAMETOOLONG, HARK_CAUSE_TOO_LONG);
	(void)build(text, &whole, 512);
	text[511] = '\n';
	check_refused(text, 512, -EINVAL, HARK_CAUSE_CONTROL_BYTE);
	(void)build(text, &whole, 513);
	text[512] = '\n';
	CHECK_ERR(hark_endpoint_parse(&endpoint, text, &err), -ENAMETOOLONG);
	CHECK_INT(err.cause, ==, HARK_CAUSE_TOO_LONG);
	CHECK_INT(err.limit, ==, 512);
	CHECK_INT(
		hark_error_text(&err, sentence, sizeof(sentence)), <, sizeof(sentence));
}

/* A2: a label of a name has at most 63 bytes */
TEST(a_label_is_bounded, "a label of a host name has at most 63 bytes")
{
	static const struct bound label = {"", ".example:80", 63, 0, false};
	struct hark_endpoint endpoint;
	struct hark_error err;
	char text[600];

	(void)build(text, &label, 63);
	CHECK_OK(hark_endpoint_parse(&endpoint, text, &err));
	check_refused(text, build(text, &label, 64), -EINVAL, HARK_CAUSE_BAD_HOST);
}

/* A2: reading stops at the given length, whatever stands behind it */
TEST(no_nul_is_needed, "a text ends at the length that was given")
{
	struct hark_endpoint endpoint;
	struct hark_error err;

	CHECK_OK(hark_endpoint_parse_n(&endpoint, "127.0.0.1:8080", 12, &err));
	CHECK_INT(endpoint.port, ==, 80);
	CHECK_OK(hark_endpoint_parse_n(&endpoint, "unix:/ab", 7, &err));
	CHECK_STR(endpoint.addr.u.un.sun_path, "/a");
	CHECK_ERR(hark_endpoint_parse_n(&endpoint, "4481", 0, &err), -EINVAL);
	CHECK_INT(err.cause, ==, HARK_CAUSE_EMPTY);
	CHECK_STR(err.subject, "");
}

/* A2 E1 */
TEST(the_error_holds_the_text, "a refusal names the text")
{
	struct hark_endpoint endpoint;
	struct hark_error err;
	char sentence[HARK_ERROR_TEXT_MAX];

	CHECK_ERR(hark_endpoint_parse(&endpoint, "localhost:70000", &err), -ERANGE);
	CHECK_STR(err.subject, "localhost:70000");
	(void)hark_error_text(&err, sentence, sizeof(sentence));
	CHECK_CONTAINS(sentence, "'localhost:70000'");
	CHECK_ERR(hark_endpoint_parse(&endpoint, "x\n:80", NULL), -EINVAL);
	CHECK_ERR(hark_endpoint_parse(&endpoint, NULL, &err), -EINVAL);
	CHECK_INT(err.cause, ==, HARK_CAUSE_EMPTY);
}

/* ---------------------------------------------------------------------- one address */

/* A1 */
TEST(addr_parse_wants_one_address,
	"hark_addr_parse wants one address, not a name or a port")
{
	static const struct refusal table[] = {
		{"4481", -EINVAL, HARK_CAUSE_NOT_ONE_ADDRESS},
		{"*:4481", -EINVAL, HARK_CAUSE_NOT_ONE_ADDRESS},
		{"localhost:4481", -EINVAL, HARK_CAUSE_NOT_ONE_ADDRESS},
		{"127.0.0.1:http", -EINVAL, HARK_CAUSE_NOT_ONE_ADDRESS},
		{"fd:3", -EINVAL, HARK_CAUSE_NOT_ONE_ADDRESS},
		{"activation", -EINVAL, HARK_CAUSE_NOT_ONE_ADDRESS},
		{"127.1:80", -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"", -EINVAL, HARK_CAUSE_EMPTY},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct hark_addr addr = {.length = 7};
		struct hark_error err;

		CHECK_ERR(hark_addr_parse(&addr, table[i].text, &err), table[i].code);
		CHECK_INT(err.cause, ==, table[i].cause);
		CHECK_STR(err.subject, table[i].text);
		CHECK_INT(addr.length, ==, 7);
	}
}

/* A1 A4: the text of an address means that address again */
TEST(text_reads_back, "the text of an address means that address")
{
	static const char *const texts[] = {"0.0.0.0:0", "127.0.0.1:80",
		"255.255.255.255:65535", "[::]:0", "[::1]:65535", "[2001:db8::1]:80",
		"[1:0:0:2::3]:80", "[::ffff:192.0.2.1]:80", "[::1.2.3.4]:80",
		"[fe80::1%lo]:80", "unix:/run/x", "unix:x", "unix:@x"};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct hark_addr addr, again;
		struct hark_error err;
		char first[HARK_ADDR_TEXT_MAX], second[HARK_ADDR_TEXT_MAX];

		CHECK_OK(hark_addr_parse(&addr, texts[i], &err));
		(void)hark_addr_text(&addr, first, sizeof(first));
		CHECK_OK(hark_addr_parse(&again, first, &err));
		CHECK_INT(hark_addr_compare(&addr, &again), ==, 0);
		(void)hark_addr_text(&again, second, sizeof(second));
		CHECK_STR(first, second);
	}
}

/* A1 A2 */
TEST(addr_from_ip, "hark_addr_from_ip takes hosts without brackets")
{
	static const struct meaning table[] = {
		{"127.0.0.1", "127.0.0.1:4481"},
		{"0.0.0.0", "0.0.0.0:4481"},
		{"::1", "[::1]:4481"},
		{"::", "[::]:4481"},
		{"fe80::1%lo", "[fe80::1%lo]:4481"},
		{"::ffff:10.0.0.1", "[::ffff:10.0.0.1]:4481"},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		char text[HARK_ADDR_TEXT_MAX];
		struct hark_addr addr;
		struct hark_error err;

		CHECK_OK(hark_addr_from_ip(&addr, table[i].text, 4481, &err));
		(void)hark_addr_text(&addr, text, sizeof(text));
		CHECK_STR(text, table[i].wanted);
	}
}

/* A2 */
TEST(addr_from_ip_refuses, "hark_addr_from_ip is as strict")
{
	static const struct {
		const char *host;
		int port, code;
		enum hark_cause cause;
	} table[] = {
		{"127.1", 80, -EINVAL, HARK_CAUSE_NOT_DOTTED_QUAD},
		{"127.0.0.1 ", 80, -EINVAL, HARK_CAUSE_NOT_ONE_ADDRESS},
		{"localhost", 80, -EINVAL, HARK_CAUSE_NOT_ONE_ADDRESS},
		{"[::1]", 80, -EINVAL, HARK_CAUSE_BAD_IPV6},
		{"fe80::1", 80, -EINVAL, HARK_CAUSE_BAD_SCOPE},
		{"::1%lo", 80, -EINVAL, HARK_CAUSE_BAD_SCOPE},
		{"", 80, -EINVAL, HARK_CAUSE_EMPTY},
		{"::1\n", 80, -EINVAL, HARK_CAUSE_CONTROL_BYTE},
		{"127.0.0.1", -1, -ERANGE, HARK_CAUSE_PORT_RANGE},
		{"127.0.0.1", 65536, -ERANGE, HARK_CAUSE_PORT_RANGE},
		{"::1", 70000, -ERANGE, HARK_CAUSE_PORT_RANGE},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct hark_addr addr = {.length = 7};
		struct hark_error err;

		CHECK_ERR(hark_addr_from_ip(&addr, table[i].host, table[i].port, &err),
			table[i].code);
		CHECK_INT(err.cause, ==, table[i].cause);
		CHECK_INT(addr.length, ==, 7);
	}
}
