/* SPDX-License-Identifier: MIT
 *
 * The options of a listening socket, each one asked back from the kernel, on the
 * listener and on what it accepts; and what happens when the kernel lacks or refuses
 * one.  Not here: what they may say (test_option_value_internal.c), the hook (test_hook.c).
 *
 * The file under test is included and not linked: its table is static, and this test
 * has to fail when a row or a field is added that it does not know.
 */
#include "socket/option.c"

#include "faults.h"
#include "harness.h"
#include "ipv6.h"
#include "net.h"
#include "sandbox.h"

#include <net/if.h>
#include <poll.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { OPTION_BIND_TO_INDEX = 62 };

/* ------------------------------------------------------------------------ the table */

static int ask(int fd, int level, int number)
{
	int value = -1;
	socklen_t length = sizeof(value);

	CHECK_SYS(getsockopt(fd, level, number, &value, &length));
	return value;
}

static int ask_congestion(int fd, int level, int number)
{
	char name[16] = "";
	socklen_t length = sizeof(name);

	CHECK_SYS(getsockopt(fd, level, number, name, &length));
	return strncmp(name, "reno", sizeof(name)) == 0;
}

static int ask_linger(int fd, int level, int number)
{
	struct linger value = {0, 0};
	socklen_t length = sizeof(value);

	CHECK_SYS(getsockopt(fd, level, number, &value, &length));
	return value.l_onoff ? value.l_linger : -1;
}

/* Linux stores twice what was asked for: its own records count, too (socket(7)). */
enum { BUFFER_BYTES = 16384, BUFFER_STORED = 2 * BUFFER_BYTES };

/* One field of the options, set to what is not the default, and where it must show. */
struct sample {
	const char *name;
	struct hark_listen_options options;
	int level;
	int number;
	int expected;
	unsigned on;        /* families in which it is set on the listener */
	unsigned inherited; /* and those whose connections have it from there */
	int (*ask)(int fd, int level, int number);
};

static const struct sample samples[] = {
	{"reuse_address", {.reuse_address = HARK_OFF}, SOL_SOCKET, SO_REUSEADDR, 0, IP,
		IP, ask},
	{"reuse_port", {.reuse_port = HARK_ON}, SOL_SOCKET, SO_REUSEPORT, 1, IP, IP,
		ask},
	{"ipv6_only", {.ipv6_only = HARK_ON}, IPPROTO_IPV6, IPV6_V6ONLY, 1, INET6,
		INET6, ask},
	{"free_bind", {.free_bind = HARK_ON}, IPPROTO_IP, IP_FREEBIND, 1, IP, IP, ask},
	{"device", {.device = "lo"}, SOL_SOCKET, OPTION_BIND_TO_INDEX, 1, IP, IP, ask},
	{"mark", {.mark = 0x1234}, SOL_SOCKET, SO_MARK, 0x1234, IP, IP, ask},
	{"no_delay", {.no_delay = HARK_OFF}, IPPROTO_TCP, TCP_NODELAY, 0, IP, IP, ask},
	{"keep_alive", {.keep_alive = HARK_ON}, SOL_SOCKET, SO_KEEPALIVE, 1, IP, IP,
		ask},
	{"keep_alive_idle_s", {.keep_alive_idle_s = 33}, IPPROTO_TCP, TCP_KEEPIDLE, 33,
		IP, IP, ask},
	{"keep_alive_interval_s", {.keep_alive_interval_s = 34}, IPPROTO_TCP,
		TCP_KEEPINTVL, 34, IP, IP, ask},
	{"keep_alive_count", {.keep_alive_count = 5}, IPPROTO_TCP, TCP_KEEPCNT, 5, IP,
		IP, ask},
	{"user_timeout_ms", {.user_timeout_ms = 4321}, IPPROTO_TCP, TCP_USER_TIMEOUT,
		4321, IP, IP, ask},
	{"linger", {.linger = HARK_ON, .linger_s = 7}, SOL_SOCKET, SO_LINGER, 7, ANY,
		IP, ask_linger},
	{"receive_buffer_bytes", {.receive_buffer_bytes = BUFFER_BYTES}, SOL_SOCKET,
		SO_RCVBUF, BUFFER_STORED, ANY, IP, ask},
	{"send_buffer_bytes", {.send_buffer_bytes = BUFFER_BYTES}, SOL_SOCKET,
		SO_SNDBUF, BUFFER_STORED, ANY, IP, ask},
	{"congestion", {.congestion = "reno"}, IPPROTO_TCP, TCP_CONGESTION, 1, IP, IP,
		ask_congestion},
	{"defer_accept_s", {.defer_accept_s = 3}, IPPROTO_TCP, TCP_DEFER_ACCEPT, 3, IP,
		0, ask},
	{"fast_open_queue", {.fast_open_queue = 7}, IPPROTO_TCP, TCP_FASTOPEN, 7, IP, 0,
		ask},
};

/* What needs a test, and is no row that is set: the tests that show it are named. */
static const char *const elsewhere[] = {
	"mptcp",      /* test_option_value_internal.c: multipath */
	"linger_s",   /* linger */
	"unix_chown", /* test_unix_path.c */
	"lenient",    /* test_set.c */
};

static bool is_sampled(const char *name)
{
	for (size_t i = 0; i < COUNT(samples); i++)
		if (strcmp(samples[i].name, name) == 0)
			return true;
	return false;
}

static bool is_elsewhere(const char *name)
{
	for (size_t i = 0; i < COUNT(elsewhere); i++)
		if (strcmp(elsewhere[i], name) == 0)
			return true;
	return false;
}

/* C2 */
TEST(every_row, "every row of the table is known to this test, and no other")
{
	for (size_t i = 0; i < ROWS; i++)
		if (!is_sampled(rows[i].name))
			harness_fail(__FILE__, __LINE__, "the row '%s' has no test",
				rows[i].name);
	for (size_t i = 0; i < UNSET_ROWS; i++)
		if (!is_elsewhere(unset_rows[i].name))
			harness_fail(__FILE__, __LINE__, "the row '%s' has no test",
				unset_rows[i].name);
	CHECK_INT(ROWS, ==, COUNT(samples));
	CHECK_INT(UNSET_ROWS, ==, COUNT(elsewhere));
}

/* Where a field is; in the order of the struct. */
#define MEMBER(field)                                                    \
	{                                                                \
#field, offsetof(struct hark_listen_options, field),     \
			sizeof(((struct hark_listen_options *)0)->field) \
	}

/* C2: a field without a row would be accepted and dropped in silence */
TEST(every_field, "every field of the struct is known to this test: there is no gap")
{
	static const struct {
		const char *name;
		size_t offset, size;
	} members[] = {MEMBER(backlog), MEMBER(reuse_address), MEMBER(reuse_port),
		MEMBER(ipv6_only), MEMBER(free_bind), MEMBER(mptcp), MEMBER(device),
		MEMBER(mark), MEMBER(no_delay), MEMBER(keep_alive),
		MEMBER(keep_alive_idle_s), MEMBER(keep_alive_interval_s),
		MEMBER(keep_alive_count), MEMBER(user_timeout_ms), MEMBER(linger),
		MEMBER(linger_s), MEMBER(receive_buffer_bytes),
		MEMBER(send_buffer_bytes), MEMBER(congestion), MEMBER(defer_accept_s),
		MEMBER(fast_open_queue), MEMBER(unix_mode), MEMBER(unix_chown),
		MEMBER(unix_uid), MEMBER(unix_gid), MEMBER(lenient), MEMBER(missing),
		MEMBER(on_notice), MEMBER(notice_ctx), MEMBER(before_bind),
		MEMBER(before_bind_ctx), MEMBER(reserved)};
	size_t end = 0;

	for (size_t i = 0; i < COUNT(members); i++) {
		size_t unit = members[i].size < 8 ? members[i].size : alignof(void *);

		if (strcmp(members[i].name, "reserved") == 0)
			unit = alignof(uint64_t);
		/* a hole of less than the next field's alignment is the compiler's */
		if (members[i].offset != (end + unit - 1) / unit * unit)
			harness_fail(__FILE__, __LINE__, "a field before '%s'?",
				members[i].name);
		end = members[i].offset + members[i].size;
	}
	CHECK_INT(end, ==, sizeof(struct hark_listen_options));
}

/* ------------------------------------------------------ on the listener, and behind */

static const struct place {
	const char *text;
	unsigned bit;
} places[] = {{"127.0.0.1:0", INET}, {"[::1]:0", INET6}, {"unix:@…", LOCAL}};

static int open_at(struct hark_listener *listener, const struct place *place,
	const struct hark_listen_options *options, struct hark_error *err)
{
	struct hark_addr addr;
	char text[64];

	if (place->bit == LOCAL)
		(void)snprintf(
			text, sizeof(text), "unix:@hark-option-%d", (int)getpid());
	else
		(void)snprintf(text, sizeof(text), "%s", place->text);
	CHECK_OK(hark_addr_parse(&addr, text, NULL));
	return hark_listener_open(listener, &addr, options, err);
}

/* A connection through the listener, accepted by hark, as a server would have it. */
static int serve_one(const struct hark_listener *listener, int *client)
{
	int fd;

	*client = net_connect_to(&listener->addr.u.any, listener->addr.length);
	net_send(*client, "x");
	fd = hark_accept_wait(listener->fd, NULL, left_ms(deadline_ms(5000)), 0, NULL);
	CHECK_OK(fd);
	return fd;
}

/* SO_MARK is for the network's administrators. */
static bool is_permitted(const struct sample *sample)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1, done;

	CHECK_SYS(fd);
	done = setsockopt(fd, SOL_SOCKET, SO_MARK, &one, sizeof(one));
	net_close(fd);
	return done == 0 || strcmp(sample->name, "mark") != 0;
}

static void check_sample(const struct sample *sample, const struct place *place)
{
	struct hark_listener listener;
	struct hark_error err;
	int client, fd, opened = open_at(&listener, place, &sample->options, &err);

	if (opened < 0)
		harness_fail(__FILE__, __LINE__, "%s at %s: %s", sample->name,
			place->text, errno_name(opened));
	if (sample->on & place->bit)
		CHECK_INT(sample->ask(listener.fd, sample->level, sample->number), ==,
			sample->expected);
	fd = serve_one(&listener, &client);
	if (sample->inherited & place->bit)
		CHECK_INT(sample->ask(fd, sample->level, sample->number), ==,
			sample->expected);
	net_close(fd);
	net_close(client);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}

/* The kernel's own answer must differ, or setting nothing would pass as well. */
static void check_differs(const struct sample *sample, const struct place *place)
{
	int families[] = {[INET] = AF_INET, [INET6] = AF_INET6, [LOCAL] = AF_UNIX};
	int fd = hark_socket(families[place->bit], NULL, NULL);

	CHECK_OK(fd);
	if (sample->ask(fd, sample->level, sample->number) == sample->expected)
		NOTE("%s: the default of this system is %d already", sample->name,
			sample->expected);
	net_close(fd);
}

/* C2 */
TEST(set_and_inherited, "each option is set on the listener, and connections have it")
{
	for (size_t i = 0; i < COUNT(samples); i++)
		for (size_t j = 0; j < COUNT(places); j++) {
			if (places[j].bit == INET6 && !has_ipv6())
				continue;
			if (!is_permitted(&samples[i])) {
				NOTE("%s: not permitted here", samples[i].name);
				continue;
			}
			if (samples[i].on & places[j].bit)
				check_differs(&samples[i], &places[j]);
			check_sample(&samples[i], &places[j]);
		}
}

/* C2 */
TEST(keep_alive_by_numbers,
	"any number of keep-alive turns it on, unless it is said off")
{
	static const struct hark_listen_options numbers[] = {{.keep_alive_idle_s = 33},
		{.keep_alive_interval_s = 34}, {.keep_alive_count = 5}};

	for (size_t i = 0; i < COUNT(numbers); i++) {
		struct hark_listen_options options = numbers[i];
		int fd = hark_socket(AF_INET, &options, NULL);

		CHECK_OK(fd);
		CHECK_INT(ask(fd, SOL_SOCKET, SO_KEEPALIVE), ==, 1);
		net_close(fd);
		options.keep_alive = HARK_OFF;
		fd = hark_socket(AF_INET, &options, NULL);
		CHECK_OK(fd);
		CHECK_INT(ask(fd, SOL_SOCKET, SO_KEEPALIVE), ==, 0);
		net_close(fd);
	}
}

/* C2 E1: not ours to change, and not to be taken for an option that is missing */
TEST(not_permitted,
	"without the privilege for it an option fails by name, notice or not")
{
	struct hark_listen_options options = {
		.mark = 1, .missing = HARK_MISSING_NOTICE};
	struct hark_error err;

	REQUIRE(!getenv("HARK_EMULATED"), "an emulator does not pass SO_MARK on");
	if (is_permitted(&samples[5]))
		become_nobody();
	CHECK_STR(samples[5].name, "mark");
	CHECK_ERR(hark_socket(AF_INET, &options, &err), -EPERM);
	CHECK_INT(err.step, ==, HARK_STEP_OPTION);
	CHECK_INT(err.cause, ==, HARK_CAUSE_NONE);
	CHECK_STR(err.option, "mark");
}

/* C2 E1 */
TEST(no_such_device, "a device that does not exist is an error, and is named")
{
	struct hark_listen_options options = {
		.device = "hark-none", .missing = HARK_MISSING_NOTICE};
	struct hark_error err;

	CHECK_ERR(hark_socket(AF_INET, &options, &err), -ENODEV);
	CHECK_INT(err.step, ==, HARK_STEP_OPTION);
	CHECK_STR(err.option, "device");
	CHECK_STR(err.subject, "hark-none");
}

/* -------------------------------------------------------------------------- missing */
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

/* C2 E1: from the kernel itself, which has no such module */
TEST(missing_fails, "an option that this kernel lacks fails the call and is named")
{
	struct hark_listen_options options = {.congestion = "hark-nonesuch"};
	struct hark_listener listener = {0};
	struct hark_error err;

	for (size_t i = 0; i < 2; i++) {
		memset(&err, 0, sizeof(err));
		if (places[i].bit == INET6 && !has_ipv6())
			continue;
		CHECK_ERR(open_at(&listener, &places[i], &options, &err), -ENOENT);
		CHECK_INT(err.step, ==, HARK_STEP_OPTION);
		CHECK_INT(err.cause, ==, HARK_CAUSE_UNSUPPORTED);
		CHECK_STR(err.option, "congestion");
	}
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
}

/* C2 */
TEST(missing_noticed, "or is told, and the call goes on with all the others")
{
	struct hark_listen_options options = {.congestion = "hark-nonesuch",
		.fast_open_queue = 3,
		.missing = HARK_MISSING_NOTICE,
		.on_notice = on_notice,
		.notice_ctx = &told};
	struct hark_listener listener;
	struct hark_error err, before;

	memset(&err, 0xa5, sizeof(err));
	before = err;
	CHECK_OK(open_at(&listener, &places[0], &options, &err));
	CHECK_INT(memcmp(&err, &before, sizeof(err)), ==, 0);
	CHECK_INT(told.count, ==, 1);
	CHECK_INT(told.last.code, ==, -ENOENT);
	CHECK_INT(told.last.step, ==, HARK_STEP_OPTION);
	CHECK_INT(told.last.cause, ==, HARK_CAUSE_UNSUPPORTED);
	CHECK_STR(told.last.option, "congestion");
	CHECK_INT(ask(listener.fd, IPPROTO_TCP, TCP_FASTOPEN), ==, 3);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
	options.on_notice = NULL; /* nobody to tell: it still goes on */
	CHECK_OK(open_at(&listener, &places[0], &options, NULL));
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}

/*
 * Which of the calls of hark_socket sets this option: the one whose failure names it.
 */
static int find_call(const struct sample *sample, int family, int code,
	const struct hark_listen_options *options, struct hark_error *err)
{
	for (int nth = 1; nth <= (int)ROWS; nth++) {
		int fd;

		let_fail(HARK__CALL_SETSOCKOPT, nth, code);
		fd = hark_socket(family, options, err);
		if (fd >= 0)
			net_close(fd);
		else if (strcmp(err->option, sample->name) == 0)
			return nth;
	}
	harness_fail(__FILE__, __LINE__, "no failure of setsockopt named '%s'",
		sample->name);
}

static void check_missing(const struct sample *sample, int code)
{
	int family = sample->on & INET ? AF_INET : AF_INET6;
	struct hark_listen_options options = sample->options;
	struct hark_error err = {0};
	int fd, nth = find_call(sample, family, code, &options, &err);

	CHECK_INT(err.code, ==, code);
	CHECK_INT(err.step, ==, HARK_STEP_OPTION);
	CHECK_INT(err.cause, ==, HARK_CAUSE_UNSUPPORTED);
	options.missing = HARK_MISSING_NOTICE;
	options.on_notice = on_notice;
	options.notice_ctx = &told;
	told.count = 0;
	let_fail(HARK__CALL_SETSOCKOPT, nth, code);
	fd = hark_socket(family, &options, &err);
	CHECK_OK(fd);
	CHECK_INT(told.count, ==, 1);
	CHECK_STR(told.last.option, sample->name);
	CHECK_INT(told.last.code, ==, code);
	net_close(fd);
}

static void check_refused(const struct sample *sample)
{
	int family = sample->on & INET ? AF_INET : AF_INET6;
	struct hark_listen_options options = sample->options;
	struct hark_error err = {0};

	options.missing = HARK_MISSING_NOTICE;
	options.on_notice = on_notice;
	options.notice_ctx = &told;
	told.count = 0;
	(void)find_call(sample, family, -EDOM, &options, &err);
	CHECK_INT(err.code, ==, -EDOM);
	CHECK_INT(err.step, ==, HARK_STEP_OPTION);
	CHECK_INT(err.cause, ==, HARK_CAUSE_NONE);
	CHECK_INT(told.count, ==, 0);
}

/* C2 E1 */
TEST(each_missing,
	"each option, when the kernel lacks it, is an error or a notice by name")
{
	static const int lacking[] = {-ENOPROTOOPT, -EOPNOTSUPP, -ENOENT};

	for (size_t i = 0; i < COUNT(samples); i++) {
		if (!is_permitted(&samples[i]))
			continue;
		for (size_t j = 0; j < COUNT(lacking); j++)
			check_missing(&samples[i], lacking[j]);
	}
}

/* C2 E1 */
TEST(each_refused,
	"each option, when the kernel refuses it, is an error, never a notice")
{
	for (size_t i = 0; i < COUNT(samples); i++)
		if (is_permitted(&samples[i]))
			check_refused(&samples[i]);
}
