/* SPDX-License-Identifier: MIT
 *
 * What the options of a listening socket may say: three states, ranges, nothing
 * reserved; and multipath TCP, which is no option of a socket but another protocol.
 *
 * The file under test is included and not linked: its table is static, and each toggle
 * in it is tried.
 */
#include "socket/option.c"

#include "faults.h"
#include "harness.h"
#include "loopback.h"
#include "sandbox.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { PROTOCOL_MPTCP = 262 };

/* --------------------------------------------------------------------- three states */

static int ask(int fd, int level, int number)
{
	int value = -1;
	socklen_t length = sizeof(value);

	CHECK_SYS(getsockopt(fd, level, number, &value, &length));
	return value;
}

static int ask_linger(int fd, int level, int number)
{
	struct linger value = {0, 0};
	socklen_t length = sizeof(value);

	CHECK_SYS(getsockopt(fd, level, number, &value, &length));
	return value.l_onoff ? value.l_linger : -1;
}

struct state {
	const char *name;
	size_t offset;
	int family, level, number;
	int fallback;
};

#define STATE(field) #field, offsetof(struct hark_listen_options, field)

static const struct state states[] = {
	{STATE(reuse_address), AF_INET, SOL_SOCKET, SO_REUSEADDR, 1},
	{STATE(reuse_port), AF_INET, SOL_SOCKET, SO_REUSEPORT, 0},
	{STATE(ipv6_only), AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, 0},
	{STATE(free_bind), AF_INET, IPPROTO_IP, IP_FREEBIND, 0},
	{STATE(no_delay), AF_INET, IPPROTO_TCP, TCP_NODELAY, 1},
	{STATE(keep_alive), AF_INET, SOL_SOCKET, SO_KEEPALIVE, 0},
};

static int state_with(const struct state *state, enum hark_toggle said)
{
	struct hark_listen_options options = {0};
	int fd, value;

	memcpy((char *)&options + state->offset, &said, sizeof(said));
	fd = hark_socket(state->family, &options, NULL);
	CHECK_OK(fd);
	value = ask(fd, state->level, state->number);
	net_close(fd);
	return value;
}

/* C2 */
TEST(three_states, "default, on and off are three things")
{
	for (size_t i = 0; i < COUNT(states); i++) {
		CHECK_INT(state_with(&states[i], HARK_DEFAULT), ==, states[i].fallback);
		CHECK_INT(state_with(&states[i], HARK_ON), ==, 1);
		CHECK_INT(state_with(&states[i], HARK_OFF), ==, 0);
	}
}

/* C2 */
TEST(no_options, "no options at all are the defaults")
{
	static const struct hark_listen_options zero;
	int fd = hark_socket(AF_INET6, NULL, NULL);
	int other = hark_socket(AF_INET6, &zero, NULL);

	CHECK_OK(fd);
	CHECK_OK(other);
	for (size_t i = 0; i < COUNT(states); i++) {
		CHECK_INT(ask(fd, states[i].level, states[i].number), ==,
			states[i].fallback);
		CHECK_INT(ask(other, states[i].level, states[i].number), ==,
			states[i].fallback);
	}
	net_close(fd);
	net_close(other);
}

/* C2: linger off is not the same as saying nothing, for a hook may have set it */
TEST(linger_off, "linger off is off, whatever its seconds")
{
	struct hark_listen_options options = {.linger = HARK_OFF, .linger_s = 9};
	int fd = hark_socket(AF_INET, &options, NULL);

	CHECK_OK(fd);
	CHECK_INT(ask_linger(fd, SOL_SOCKET, SO_LINGER), ==, -1);
	net_close(fd);
}

/* C2: the kernel's default is a sysctl, which must not decide what "*:80" means */
TEST(bindv6only, "net.ipv6.bindv6only does not change what a program means")
{
	enter_network();
	write_sysctl("net.ipv6.bindv6only", "1");
	CHECK_INT(state_with(&states[2], HARK_DEFAULT), ==, 0);
	CHECK_INT(state_with(&states[2], HARK_ON), ==, 1);
	write_sysctl("net.ipv6.bindv6only", "0");
	CHECK_INT(state_with(&states[2], HARK_DEFAULT), ==, 0);
	CHECK_INT(state_with(&states[2], HARK_ON), ==, 1);
}

/* --------------------------------------------------------------------------- ranges */

static void check_range(struct hark_listen_options *options, const char *name,
	bool good, long long value)
{
	struct hark_error err = {0};
	int checked;

	count_calls(HARK__CALL_SOCKET);
	checked = good ? hark__options_check(options, &err)
		       : hark_socket(AF_INET, options, &err);
	if (checked != (good ? 0 : -EINVAL))
		harness_fail(__FILE__, __LINE__, "%s = %lld: %s", name, value,
			checked ? errno_name(checked) : "accepted");
	CHECK_INT(calls_seen(), ==, 0); /* a bad struct opens nothing */
	if (good)
		return;
	CHECK_INT(err.step, ==, HARK_STEP_OPTION);
	CHECK_INT(err.cause, ==, HARK_CAUSE_BAD_VALUE);
	CHECK_STR(err.option, name);
	CHECK_INT(err.limit, ==, value);
}

#define RANGE(field, most) #field, offsetof(struct hark_listen_options, field), most

static const struct {
	const char *name;
	size_t offset;
	int most;
} ranges[] = {
	{RANGE(keep_alive_idle_s, 32767)},
	{RANGE(keep_alive_interval_s, 32767)},
	{RANGE(keep_alive_count, 127)},
	{RANGE(user_timeout_ms, MAX_INT)},
	{RANGE(linger_s, 65535)},
	{RANGE(receive_buffer_bytes, MAX_INT)},
	{RANGE(send_buffer_bytes, MAX_INT)},
	{RANGE(defer_accept_s, MAX_INT)},
	{RANGE(fast_open_queue, MAX_INT)},
};

static void check_number(size_t i, int value, bool good)
{
	struct hark_listen_options options = {0};

	memcpy((char *)&options + ranges[i].offset, &value, sizeof(value));
	check_range(&options, ranges[i].name, good, value);
}

/* C2 E4 */
TEST(numbers, "numbers out of range are refused by name, the last in range is not")
{
	for (size_t i = 0; i < COUNT(ranges); i++) {
		check_number(i, 0, true);
		check_number(i, 1, true);
		check_number(i, ranges[i].most, true);
		if (ranges[i].most < MAX_INT)
			check_number(i, ranges[i].most + 1, false);
		check_number(i, -1, false);
		check_number(i, -MAX_INT - 1, false);
	}
}

/* C2 */
TEST(largest, "the kernel takes the largest of what hark lets through")
{
	struct hark_listen_options options = {.keep_alive_idle_s = 32767,
		.keep_alive_interval_s = 32767,
		.keep_alive_count = 127,
		.user_timeout_ms = MAX_INT,
		.linger = HARK_ON,
		.linger_s = 65535,
		.receive_buffer_bytes = MAX_INT,
		.send_buffer_bytes = MAX_INT,
		.defer_accept_s = MAX_INT,
		.fast_open_queue = MAX_INT};
	int fd = hark_socket(AF_INET, &options, NULL);

	CHECK_OK(fd);
	CHECK_INT(ask(fd, IPPROTO_TCP, TCP_KEEPIDLE), ==, 32767);
	CHECK_INT(ask(fd, IPPROTO_TCP, TCP_KEEPINTVL), ==, 32767);
	CHECK_INT(ask(fd, IPPROTO_TCP, TCP_KEEPCNT), ==, 127);
	CHECK_INT(ask(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), ==, MAX_INT);
	CHECK_INT(ask_linger(fd, SOL_SOCKET, SO_LINGER), ==, 65535);
	net_close(fd);
}

static bool may_mark(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, done;

	CHECK_SYS(fd);
	done = setsockopt(fd, SOL_SOCKET, SO_MARK, &one, sizeof(one));
	net_close(fd);
	return done == 0;
}

/* C2 */
TEST(mark_unsigned, "a mark is unsigned: all of its 32 bits are good")
{
	struct hark_listen_options options = {.mark = UINT32_MAX};
	int fd;

	CHECK_OK(hark__options_check(&options, NULL));
	REQUIRE(may_mark(), "needs CAP_NET_ADMIN");
	fd = hark_socket(AF_INET, &options, NULL);
	CHECK_OK(fd);
	CHECK_INT((uint32_t)ask(fd, SOL_SOCKET, SO_MARK), ==, UINT32_MAX);
	net_close(fd);
}

static void check_toggle(const struct row *row, int value, bool good)
{
	struct hark_listen_options options = {0};

	memcpy((char *)&options + row->offset, &value, sizeof(value));
	check_range(&options, row->name, good, value);
}

/* C2 */
TEST(toggles, "a toggle is one of three: 'true' from elsewhere is refused by name")
{
	for (size_t i = 0; i < ROWS + UNSET_ROWS; i++) {
		const struct row *row = i < ROWS ? &rows[i] : &unset_rows[i - ROWS];

		if (row->type != TOGGLE && row->type != LINGER)
			continue;
		check_toggle(row, HARK_DEFAULT, true);
		check_toggle(row, HARK_ON, true);
		check_toggle(row, HARK_OFF, true);
		check_toggle(row, HARK_OFF + 1, false);
	}
}

/* C2 */
TEST(texts, "texts have 1 to 15 bytes, as the kernel's names do")
{
	static const char longest[] = "123456789012345", longer[] = "1234567890123456";

	check_range(
		&(struct hark_listen_options){.device = longest}, "device", true, 0);
	check_range(
		&(struct hark_listen_options){.device = longer}, "device", false, 0);
	check_range(&(struct hark_listen_options){.device = ""}, "device", false, 0);
	check_range(&(struct hark_listen_options){.congestion = longest}, "congestion",
		true, 0);
	check_range(&(struct hark_listen_options){.congestion = longer}, "congestion",
		false, 0);
	check_range(&(struct hark_listen_options){.congestion = ""}, "congestion",
		false, 0);
}

/* C2 */
TEST(modes, "a mode is permission bits alone, and so on for what is no socket option")
{
	check_range(&(struct hark_listen_options){.unix_mode = 0777}, "unix_mode", true,
		0777);
	check_range(&(struct hark_listen_options){.unix_mode = 01000}, "unix_mode",
		false, 01000);
	check_range(&(struct hark_listen_options){.unix_mode = 04755}, "unix_mode",
		false, 04755);
	check_range(&(struct hark_listen_options){.missing = HARK_MISSING_NOTICE},
		"missing", true, 1);
	check_range(&(struct hark_listen_options){.missing = (enum hark_missing)(
							  HARK_MISSING_NOTICE + 1)},
		"missing", false, 2);
}

/* C2 L1 */
TEST(negative_backlog, "a negative backlog opens nothing")
{
	struct hark_listen_options options = {.backlog = -1};
	struct hark_error err;

	count_calls(HARK__CALL_SOCKET);
	CHECK_ERR(hark_socket(AF_INET, &options, &err), -EINVAL);
	CHECK_INT(err.cause, ==, HARK_CAUSE_NEGATIVE);
	CHECK_INT(err.limit, ==, -1);
	CHECK_STR(err.option, "backlog");
	CHECK_INT(calls_seen(), ==, 0);
}

/* C2: a newer program asks for what this library does not know */
TEST(reserved, "a reserved field that is not zero is refused, whatever call it goes to")
{
	struct hark_listen_options zero = {0};

	for (size_t i = 0; i < COUNT(zero.reserved); i++) {
		struct hark_listen_options options = {0};
		struct hark_listener listener;
		struct hark_listener_set set = {0};
		struct hark_error err;

		options.reserved[i] = (uint64_t)1 << (i * 16);
		count_calls(HARK__CALL_SOCKET);
		CHECK_ERR(hark_socket(AF_INET, &options, &err), -EINVAL);
		CHECK_INT(err.step, ==, HARK_STEP_OPTION);
		CHECK_INT(err.cause, ==, HARK_CAUSE_RESERVED);
		CHECK_STR(err.option, "reserved");
		CHECK_ERR(hark_unix_server(&listener, "unix:@hark", &options, NULL),
			-EINVAL);
		CHECK_ERR(hark_tcp_server(&listener, "0", &options, NULL), -EINVAL);
		CHECK_ERR(hark_listener_set_add(&set, "0", &options, &err), -EINVAL);
		CHECK_INT(err.cause, ==, HARK_CAUSE_RESERVED);
		CHECK_ERR(hark_listener_set_add(&set, "fd:0", &options, &err), -EINVAL);
		CHECK_INT(err.cause, ==, HARK_CAUSE_RESERVED);
		CHECK_INT(calls_seen(), ==, 0);
	}
}

/* ------------------------------------------------------------------------ multipath */

static int protocol_of(int fd)
{
	return ask(fd, SOL_SOCKET, SO_PROTOCOL);
}

/* C2 */
TEST(multipath, "mptcp gives a multipath socket, which plain clients can use")
{
	struct hark_listen_options options = {.mptcp = HARK_ON};
	struct hark_listener listener;
	struct hark_error err = {0};
	int opened = hark_tcp_server(&listener, "127.0.0.1:0", &options, &err);
	struct ends ends;

	if (opened < 0 && err.cause == HARK_CAUSE_UNSUPPORTED)
		SKIP("this kernel has no multipath TCP");
	CHECK_OK(opened);
	CHECK_INT(protocol_of(listener.fd), ==, PROTOCOL_MPTCP);
	CHECK_INT(ask(listener.fd, IPPROTO_TCP, TCP_NODELAY), ==, 1);
	ends = meet(&listener);
	net_close(ends.server);
	net_close(ends.client);
	close_listener(&listener);
}

static struct notices {
	int count;
	struct hark_error last;
} told;

static void on_notice(const struct hark_error *notice, void *ctx)
{
	struct notices *notices = ctx;

	notices->count++;
	notices->last = *notice;
}

static const int multipath_missing[] = {-EPROTONOSUPPORT, -ENOPROTOOPT, -EINVAL};

/* C2 E1 */
TEST(multipath_missing, "without multipath the call fails and names it, or goes on")
{
	struct hark_listen_options options = {.mptcp = HARK_ON};
	struct hark_error err;
	int fd;

	for (size_t i = 0; i < COUNT(multipath_missing); i++) {
		int code = multipath_missing[i];

		options.missing = HARK_MISSING_FAILS;
		let_fail(HARK__CALL_SOCKET, 1, code);
		CHECK_ERR(hark_socket(AF_INET, &options, &err), code);
		CHECK_INT(calls_seen(), ==, 1);
		CHECK_INT(err.step, ==, HARK_STEP_OPTION);
		CHECK_INT(err.cause, ==, HARK_CAUSE_UNSUPPORTED);
		CHECK_STR(err.option, "mptcp");

		told.count = 0;
		options.missing = HARK_MISSING_NOTICE;
		options.on_notice = on_notice;
		options.notice_ctx = &told;
		let_fail(HARK__CALL_SOCKET, 1, code);
		fd = hark_socket(AF_INET, &options, &err);
		CHECK_OK(fd);
		CHECK_INT(protocol_of(fd), ==, IPPROTO_TCP);
		CHECK_INT(told.count, ==, 1);
		CHECK_STR(told.last.option, "mptcp");
		CHECK_INT(told.last.code, ==, code);
		net_close(fd);
	}
}

/* C2 E1 */
TEST(multipath_other, "other failures are not taken for a missing multipath TCP")
{
	struct hark_listen_options options = {.mptcp = HARK_ON,
		.missing = HARK_MISSING_NOTICE,
		.on_notice = on_notice,
		.notice_ctx = &told};
	struct hark_error err;
	int fd;

	let_fail(HARK__CALL_SOCKET, 1, -ENOBUFS);
	CHECK_ERR(hark_socket(AF_INET, &options, &err), -ENOBUFS);
	CHECK_INT(err.step, ==, HARK_STEP_SOCKET);
	count_calls(HARK__CALL_SOCKET);
	fd = hark_socket(AF_UNIX, &options, &err); /* no meaning there */
	CHECK_OK(fd);
	net_close(fd);
	CHECK_INT(told.count, ==, 0);
}
