/* SPDX-License-Identifier: MIT
 *
 * From what a text means to addresses.  Needs no network: what would ask a name server
 * is only asked for a name that no server may know.
 */
#include "harness.h"

#include <hark.h>

#include "sys/sys.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ADDRS_MAX 8

static int resolve(
	const char *text, struct hark_addr *addrs, size_t max, struct hark_error *err)
{
	struct hark_endpoint endpoint;

	CHECK_OK(hark_endpoint_parse(&endpoint, text, err));
	return hark_endpoint_resolve(&endpoint, addrs, max, err);
}

/* "a b c" */
static void check_resolves(const char *text, const char *wanted)
{
	struct hark_addr addrs[ADDRS_MAX];
	struct hark_error err;
	char got[ADDRS_MAX * HARK_ADDR_TEXT_MAX] = "";
	int count = resolve(text, addrs, ADDRS_MAX, &err);

	CHECK_OK(count);
	for (int i = 0; i < count; i++) {
		size_t used = strlen(got);

		if (i > 0)
			got[used++] = ' ';
		(void)hark_addr_text(&addrs[i], got + used, sizeof(got) - used);
	}
	CHECK_STR(got, wanted);
}

static int calls_of_the_resolver;

static int no_resolver(enum hark__call call)
{
	if (call != HARK__CALL_GETADDRINFO)
		return 0;
	calls_of_the_resolver++;
	return -ENOMEM;
}

/* A1 A3 */
TEST(without_the_resolver, "numbers, every address and localhost ask nobody")
{
	hark__fault = no_resolver;
	check_resolves("4481", "0.0.0.0:4481 [::]:4481");
	check_resolves("*:0", "0.0.0.0:0 [::]:0");
	check_resolves("127.0.0.1:80", "127.0.0.1:80");
	check_resolves("[::1]:80", "[::1]:80");
	check_resolves("[fe80::1%lo]:80", "[fe80::1%lo]:80");
	check_resolves("unix:/run/x", "unix:/run/x");
	check_resolves("unix:@x", "unix:@x");
	check_resolves("localhost:80", "127.0.0.1:80 [::1]:80");
	CHECK_INT(calls_of_the_resolver, ==, 0);
}

/* A1: RFC 6761 section 6.3 */
TEST(localhost, "all names below localhost are this host, whatever their case")
{
	hark__fault = no_resolver;
	check_resolves("LocalHost:80", "127.0.0.1:80 [::1]:80");
	check_resolves("localhost.:80", "127.0.0.1:80 [::1]:80");
	check_resolves("a.localhost:80", "127.0.0.1:80 [::1]:80");
	check_resolves("a.b.LOCALHOST.:65535", "127.0.0.1:65535 [::1]:65535");
	CHECK_INT(calls_of_the_resolver, ==, 0);
}

/* A1: names that only look like it go the way of all names */
TEST(not_localhost, "a name that merely contains localhost is asked for")
{
	static const char *const texts[] = {"xlocalhost:80", "localhost.example:80",
		"localhos:80", "my-localhost:80"};
	struct hark_addr addrs[ADDRS_MAX];
	struct hark_error err;

	hark__fault = no_resolver;
	for (size_t i = 0; i < COUNT(texts); i++) {
		CHECK_ERR(resolve(texts[i], addrs, ADDRS_MAX, &err), -ENOMEM);
		CHECK_INT(calls_of_the_resolver, ==, i + 1);
	}
}

/* A3: the errno of EAI_SYSTEM is the result, the resolver's code stands beside it */
TEST(system_errors, "an errno from within the resolver is kept as such")
{
	struct hark_addr addrs[ADDRS_MAX];
	struct hark_error err;

	hark__fault = no_resolver;
	CHECK_ERR(resolve("host.invalid:80", addrs, ADDRS_MAX, &err), -ENOMEM);
	CHECK_INT(err.code, ==, -ENOMEM);
	CHECK_INT(err.step, ==, HARK_STEP_RESOLVE);
	CHECK_INT(err.resolver_code, ==, EAI_SYSTEM);
	CHECK_STR(err.subject, "host.invalid:80");
	CHECK_ERR(resolve("127.0.0.1:http", addrs, ADDRS_MAX, &err), -ENOMEM);
	CHECK_INT(err.resolver_code, ==, EAI_SYSTEM);
	CHECK_STR(err.subject, "127.0.0.1:http");
	CHECK_ERR(resolve("[::1]:http", addrs, ADDRS_MAX, &err), -ENOMEM);
	CHECK_STR(err.subject, "[::1]:http");
}

/* A3: RFC 6761 section 6.4: .invalid never exists; without a name server, try again */
TEST(unknown_host, "a host that does not exist fails with the resolver's code",
	.timeout_s = 60)
{
	struct hark_addr addrs[ADDRS_MAX];
	struct hark_error err = {0};
	int code = resolve("nowhere.invalid:80", addrs, ADDRS_MAX, &err);
	char text[HARK_ERROR_TEXT_MAX];

	NOTE("%s, resolver %d", errno_name(code), err.resolver_code);
	CHECK(code == -ENOENT || code == -EAGAIN || code == -EIO);
	CHECK_INT(err.code, ==, code);
	CHECK_INT(err.step, ==, HARK_STEP_RESOLVE);
	CHECK_INT(err.resolver_code, !=, 0);
	CHECK_STR(err.subject, "nowhere.invalid:80");
	(void)hark_error_text(&err, text, sizeof(text));
	CHECK_CONTAINS(text, "'nowhere.invalid:80'");
}

/* A3 */
TEST(unknown_service, "a service that does not exist fails with the resolver's code")
{
	struct hark_addr addrs[ADDRS_MAX];
	struct hark_error err;

	CHECK_ERR(
		resolve("localhost:no-such-service", addrs, ADDRS_MAX, &err), -ENOENT);
	CHECK_INT(err.step, ==, HARK_STEP_RESOLVE);
	CHECK_INT(err.resolver_code, !=, 0);
	CHECK_STR(err.subject, "localhost:no-such-service");
}

/* A1 A3 */
TEST(services, "a service by name has its port at every kind of host")
{
	REQUIRE(getservbyname("http", "tcp"), "no service 'http' in /etc/services");
	check_resolves("localhost:http", "127.0.0.1:80 [::1]:80");
	check_resolves("127.0.0.1:http", "127.0.0.1:80");
	check_resolves("[::1]:http", "[::1]:80");
	check_resolves("[fe80::1%lo]:http", "[fe80::1%lo]:80");
	check_resolves("*:http", "0.0.0.0:80 [::]:80");
	check_resolves(":http", "0.0.0.0:80 [::]:80");
}

/* N7 */
TEST(too_many, "more addresses than fit are an error, and none is written behind")
{
	struct hark_addr addrs[ADDRS_MAX] = {{.length = 7}, {.length = 7}};
	struct hark_error err;

	CHECK_ERR(resolve("4481", addrs, 1, &err), -E2BIG);
	CHECK_INT(err.cause, ==, HARK_CAUSE_TOO_MANY);
	CHECK_INT(err.limit, ==, 1);
	CHECK_INT(addrs[1].length, ==, 7);
	CHECK_ERR(resolve("localhost:80", addrs, 1, &err), -E2BIG);
	CHECK_STR(err.subject, "localhost:80");
	CHECK_ERR(resolve("127.0.0.1:80", NULL, 0, &err), -E2BIG);
	CHECK_OK(resolve("127.0.0.1:80", addrs, 1, &err));
	CHECK_OK(resolve("4481", addrs, 2, &err));
}

/* A1 */
TEST(not_to_be_resolved, "sockets that exist have nothing to be resolved")
{
	struct hark_addr addrs[ADDRS_MAX];
	struct hark_error err;

	CHECK_ERR(resolve("fd:3", addrs, ADDRS_MAX, &err), -EINVAL);
	CHECK_INT(err.cause, ==, HARK_CAUSE_NOT_TCP);
	CHECK_ERR(resolve("activation:http", addrs, ADDRS_MAX, &err), -EINVAL);
	CHECK_INT(err.step, ==, HARK_STEP_RESOLVE);
}

/* A2: an endpoint that was filled by hand is no way round the parser */
TEST(by_hand, "an endpoint that was filled by hand is held to the same rules")
{
	struct hark_endpoint name = {
		HARK_ENDPOINT_NAME, .port = 70000, .host = "a.invalid"};
	struct hark_endpoint quad = {HARK_ENDPOINT_NAME, .port = 80, .host = "127.1"};
	struct hark_addr addrs[ADDRS_MAX];
	struct hark_error err;

	hark__fault = no_resolver;
	CHECK_ERR(hark_endpoint_resolve(&name, addrs, ADDRS_MAX, &err), -ERANGE);
	CHECK_INT(err.cause, ==, HARK_CAUSE_PORT_RANGE);
	name.port = -1;
	CHECK_ERR(hark_endpoint_resolve(&name, addrs, ADDRS_MAX, &err), -ERANGE);
	CHECK_ERR(hark_endpoint_resolve(&quad, addrs, ADDRS_MAX, &err), -EINVAL);
	CHECK_INT(err.cause, ==, HARK_CAUSE_NOT_DOTTED_QUAD);
	CHECK_INT(calls_of_the_resolver, ==, 0);
}
