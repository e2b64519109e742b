/* SPDX-License-Identifier: MIT
 *
 * The hook between create and bind, for the option that hark forgot.
 */
#include "faults.h"
#include "harness.h"
#include "loopback.h"

#include <netinet/tcp.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const places[] = {"127.0.0.1:0", "unix:@hark-hook"};

static int open_at(struct hark_listener *listener, const char *text,
	const struct hark_listen_options *options, struct hark_error *err)
{
	struct hark_addr addr;

	CHECK_OK(hark_addr_parse(&addr, text, NULL));
	return hark_listener_open(listener, &addr, options, err);
}

static int ask(int fd, int level, int number)
{
	int value = -1;
	socklen_t length = sizeof(value);

	CHECK_SYS(getsockopt(fd, level, number, &value, &length));
	return value;
}

struct hook {
	int calls;
	int result;
	unsigned port_then; /* the hook comes before bind */
	struct hark_addr addr;
};

static int hook(int fd, const struct hark_addr *addr, void *ctx)
{
	struct hook *seen = ctx;
	int one = 1;

	seen->calls++;
	seen->addr = *addr;
	if (hark_addr_family(addr) == AF_INET)
		seen->port_then = net_port(fd);
	CHECK_INT(ask(fd, SOL_SOCKET, SO_ACCEPTCONN), ==, 0);
	if (hark_addr_family(addr) != AF_UNIX)
		CHECK_SYS(setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one)));
	return seen->result;
}

/* C3: 192.0.2.0/24 is for documentation (RFC 5737), so no address of this host */
TEST(hook_before_bind,
	"the hook comes between create and bind, and what it sets counts")
{
	struct hook seen = {.result = 0};
	struct hark_listen_options options = {
		.before_bind = hook, .before_bind_ctx = &seen};
	struct hark_listener listener;
	struct hark_addr addr;

	CHECK_OK(hark_addr_parse(&addr, "192.0.2.7:0", NULL));
	CHECK_OK(hark_listener_open(&listener, &addr, &options, NULL));
	CHECK_INT(seen.calls, ==, 1);
	CHECK_INT(seen.port_then, ==, 0);
	CHECK_INT(hark_addr_compare(&seen.addr, &addr), ==, 0);
	CHECK_INT(hark_addr_port(&listener.addr), >, 0);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}

/* C3: the options come first, so that a hook may overrule them */
static int overrule(int fd, const struct hark_addr *addr, void *ctx)
{
	int zero = 0;

	(void)addr, (void)ctx;
	CHECK_INT(ask(fd, IPPROTO_TCP, TCP_NODELAY), ==, 1);
	CHECK_SYS(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &zero, sizeof(zero)));
	return 1; /* no error either */
}

TEST(hook_overrules, "the hook finds the options set, and has the last word")
{
	struct hark_listen_options options = {.before_bind = overrule};
	struct hark_listener listener;

	CHECK_OK(open_at(&listener, places[0], &options, NULL));
	CHECK_INT(ask(listener.fd, IPPROTO_TCP, TCP_NODELAY), ==, 0);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}

/* C3 E1 */
TEST(hook_refuses, "a hook that says no ends it: its code comes back, nothing is left")
{
	struct hook seen = {.result = -ECANCELED};
	struct hark_listen_options options = {
		.before_bind = hook, .before_bind_ctx = &seen};
	struct hark_listener listener;
	struct hark_error err;

	count_calls(HARK__CALL_BIND);
	for (size_t i = 0; i < COUNT(places); i++) {
		CHECK_ERR(open_at(&listener, places[i], &options, &err), -ECANCELED);
		CHECK_INT(err.step, ==, HARK_STEP_OPTION);
		CHECK_INT(err.cause, ==, HARK_CAUSE_HOOK);
		CHECK_INT(err.code, ==, -ECANCELED);
		CHECK_INT(hark_addr_compare(&err.addr, &seen.addr), ==, 0);
	}
	CHECK_INT(seen.calls, ==, (int)COUNT(places));
	CHECK_INT(calls_seen(), ==, 0);
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
}

/* C3 B4 */
TEST(hook_in_a_set, "in a set the hook is called for each address")
{
	struct hook seen = {.result = 0};
	struct hark_listen_options options = {
		.before_bind = hook, .before_bind_ctx = &seen};
	struct hark_listener_set set = {0};
	int added = hark_listener_set_add(&set, "localhost:0", &options, NULL);

	CHECK_INT(added, >=, 1);
	CHECK_INT(seen.calls, >=, added); /* once more for each port drawn in vain */
	CHECK_OK(hark_listener_set_close_now(&set, NULL));
}

/* C3: nor by hark_socket, which does not know the address */
TEST(hook_not_by_socket, "creating a socket alone does not call the hook")
{
	struct hook seen = {.result = -EPERM};
	struct hark_listen_options options = {
		.before_bind = hook, .before_bind_ctx = &seen};
	int fd = hark_socket(AF_INET, &options, NULL);

	CHECK_OK(fd);
	CHECK_INT(seen.calls, ==, 0);
	net_close(fd);
}
