/* SPDX-License-Identifier: MIT
 *
 * What a predecessor has left: the variables that tell of it, and the listeners.
 *
 * Not here: who leaves it, and the hand-over itself (test_handover.c).
 */
#include "faults.h"
#include "harness.h"
#include "net.h"
#include "paths.h"

#include "socket/handed.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct hark__handed handed;

static int parse(const char *listeners, const char *link, const char *ancestors)
{
	const char *bad;

	return hark__handed_parse(&handed, listeners, link, ancestors, &bad);
}

/* D1 */
TEST(reads, "listeners, the way to the predecessor and those before it are read")
{
	CHECK_INT(parse("7:m:1f:ffffffffffffffff:127.0.0.1:80 8:s:0:0:/a%20b%25", "9",
			  "10 11"),
		==, 0);
	CHECK_INT(handed.link_fd, ==, 9);
	CHECK_INT(handed.ancestor_count, ==, 2);
	CHECK_INT(handed.ancestor[1], ==, 11);
	CHECK_INT(handed.count, ==, 2);
	CHECK_INT(handed.listener[0].fd, ==, 7);
	CHECK(handed.listener[0].made && !handed.listener[1].made);
	CHECK(handed.listener[0].device == 31);
	CHECK(handed.listener[0].inode == UINT64_MAX);
	CHECK_STR(handed.listener[0].name, "127.0.0.1:80");
	CHECK_STR(handed.listener[1].name, "/a b%");
	CHECK_INT(parse("", "9", NULL), ==, 0);
	CHECK_INT(handed.count, ==, 0);
}

/* D1 and errors: none is taken for what it is not */
TEST(refuses, "values that make no sense are refused whole, and by name")
{
	static const struct {
		const char *listeners, *link, *ancestors, *bad;
	} given[] = {{"", NULL, "", "HARK_HANDED_LINK"},
		{"", "", "", "HARK_HANDED_LINK"}, {"", "2", "", "HARK_HANDED_LINK"},
		{"", "-9", "", "HARK_HANDED_LINK"},
		{"", "2147483648", "", "HARK_HANDED_LINK"},
		{"", "99999999999999999999", "", "HARK_HANDED_LINK"},
		{"7", "9", "", "HARK_HANDED"}, {"7:m:0:0:", "9", "", "HARK_HANDED"},
		{"7:x:0:0:a", "9", "", "HARK_HANDED"},
		{"7::0:0:a", "9", "", "HARK_HANDED"},
		{"7:m:0:a", "9", "", "HARK_HANDED"},
		{"7:m:0:g:a", "9", "", "HARK_HANDED"},
		{"7:m::0:a", "9", "", "HARK_HANDED"},
		{"7:m:0:10000000000000000:a", "9", "", "HARK_HANDED"},
		{"1:m:0:0:a", "9", "", "HARK_HANDED"},
		{"9:m:0:0:a", "9", "", "HARK_HANDED"},
		{"7:m:0:0:a 7:m:0:0:b", "9", "", "HARK_HANDED"},
		{"7:m:0:0:a  8:m:0:0:b", "9", "", "HARK_HANDED"},
		{"7:m:0:0:a%", "9", "", "HARK_HANDED"},
		{"7:m:0:0:a%0", "9", "", "HARK_HANDED"},
		{"7:m:0:0:%00", "9", "", "HARK_HANDED"},
		{"7:m:0:0:%XX", "9", "", "HARK_HANDED"},
		{"7:m:0:0:a\tb", "9", "", "HARK_HANDED"},
		{"7:m:0:0:a", "9", "7", "HARK_HANDED_ANCESTORS"},
		{"7:m:0:0:a", "9", "8 8", "HARK_HANDED_ANCESTORS"},
		{"7:m:0:0:a", "9", "8,10", "HARK_HANDED_ANCESTORS"},
		{"7:m:0:0:a", "9", "20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36",
			"HARK_HANDED_ANCESTORS"}};
	const char *bad;

	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		CHECK_INT(hark__handed_parse(&handed, given[i].listeners, given[i].link,
				  given[i].ancestors, &bad),
			==, -EINVAL);
		CHECK_STR(bad, given[i].bad);
	}
}

/* D1: bounded */
TEST(many, "as many listeners as there may be are read, and none more")
{
	char text[64 * HARK__HANDED_MAX];
	size_t used = 0;

	for (int i = 0; i < HARK__HANDED_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
			"%s%d:m:0:0:x", i ? " " : "", 100 + i);
	CHECK_INT(parse(text, "9", ""), ==, 0);
	CHECK_INT(handed.count, ==, HARK__HANDED_MAX);
	(void)snprintf(text + used, sizeof(text) - used, " 99:m:0:0:x");
	CHECK_ERR(parse(text, "9", ""), -EINVAL);
}

/* D1 */
TEST(names, "any name comes back as it was, but for one that is too long")
{
	char name[HARK__HANDED_NAME_MAX + 1], text[HARK__HANDED_TEXT_MAX];
	struct hark_listener listener = {.origin = HARK_ORIGIN_MADE,
		.fd = 5,
		.unix_device = 0x1234,
		.unix_inode = UINT64_MAX};

	for (size_t i = 0; i < HARK__HANDED_NAME_MAX; i++)
		name[i] = (char)(i % 255 + 1);
	name[HARK__HANDED_NAME_MAX] = '\0';
	CHECK_ERR(hark__handed_print(text, &listener, name), -E2BIG);
	name[HARK__HANDED_NAME_MAX - 1] = '\0';
	CHECK_INT(
		hark__handed_print(text, &listener, name), ==, (long long)strlen(text));
	CHECK_INT(parse(text, "9", ""), ==, 0);
	CHECK_INT(handed.count, ==, 1);
	CHECK_STR(handed.listener[0].name, name);
	CHECK(handed.listener[0].made);
	CHECK(handed.listener[0].device == 0x1234);
	CHECK(handed.listener[0].inode == UINT64_MAX);
	memset(name, '\n', HARK__HANDED_NAME_MAX - 1);
	listener.origin = HARK_ORIGIN_ADOPTED;
	CHECK_INT(hark__handed_print(text, &listener, name), >, 0);
	CHECK_INT(parse(text, "9", ""), ==, 0);
	CHECK(!handed.listener[0].made);
}

/* -------------------------------------------------------------------- in a successor */

static void set_variable(const char *name, const char *format, ...)
	__attribute__((__format__(__printf__, 2, 3)));
static void set_variable(const char *name, const char *format, ...)
{
	char value[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	CHECK_SYS(setenv(name, value, 1));
}

/* As if this process had been started by a predecessor; before the library looks. */
static void succeed(const char *listeners)
{
	set_variable("HARK_HANDED_PID", "%d", (int)getpid());
	set_variable("HARK_HANDED_LINK", "999");
	set_variable("HARK_HANDED", "%s", listeners);
}

static int listener_at(const char *ip)
{
	return net_listen(net_ip(ip, 0), 5);
}

static int add(struct hark_listener_set *set, const char *text)
{
	struct hark_error err;
	int added = hark_listener_set_add(set, text, NULL, &err);

	if (added < 0)
		hark_error_print(stdout, &err);
	return added;
}

static void close_set(struct hark_listener_set *set)
{
	struct hark_error err;

	CHECK_INT(hark_listener_set_close_now(set, &err), ==, 0);
}

/* D1: and in the order in which they were opened */
TEST(takes, "a text takes the listeners that its predecessor has opened by it, once")
{
	int one = listener_at("127.0.0.1"), two = listener_at("127.0.0.2");
	int other = listener_at("127.0.0.3");
	struct hark_listener_set set = {0};
	char text[256];

	(void)snprintf(text, sizeof(text),
		"%d:m:0:0:localhost:0 %d:m:0:0:localhost:0 %d:s:0:0:fd:3", one, two,
		other);
	succeed(text);
	CHECK_INT(add(&set, "localhost:0"), ==, 2);
	CHECK_INT(set.verdict_count, ==, 2);
	CHECK_INT(set.verdict[1].outcome, ==, HARK_OUTCOME_OPEN);
	CHECK_INT(set.listener[0].fd, ==, one);
	CHECK_INT(set.listener[1].fd, ==, two);
	CHECK_INT(set.listener[0].origin, ==, HARK_ORIGIN_HANDED_OVER);
	CHECK_INT(add(&set, "fd:3"), ==, 1);
	CHECK_INT(set.listener[2].fd, ==, other);
	CHECK_INT(set.listener[2].origin, ==, HARK_ORIGIN_INHERITED);
	CHECK_INT(fcntl(other, F_GETFD), ==, FD_CLOEXEC);
	CHECK_INT(add(&set, "127.0.0.1:0"), ==, 1); /* opened: nobody had that */
	CHECK_INT(set.listener[3].origin, ==, HARK_ORIGIN_MADE);
	close_set(&set);
}

/* D1: each is a queue of its own */
TEST(group, "of several at one address each call takes one")
{
	const struct hark_listen_options options = {.reuse_port = HARK_ON};
	struct hark_listener one, two;
	struct hark_listener_set set = {0};
	struct hark_addr addr;
	char text[256];

	CHECK_INT(hark_addr_parse(&addr, "127.0.0.1:0", NULL), ==, 0);
	CHECK_INT(hark_listener_open(&one, &addr, &options, NULL), ==, 0);
	CHECK_INT(hark_listener_open(&two, &one.addr, &options, NULL), ==, 0);
	(void)snprintf(text, sizeof(text), "%d:m:0:0::80 %d:m:0:0::80", one.fd, two.fd);
	succeed(text);
	CHECK_INT(add(&set, ":80"), ==, 1);
	CHECK_INT(set.listener[0].fd, ==, one.fd);
	CHECK_INT(add(&set, ":80"), ==, 1);
	CHECK_INT(set.listener[1].fd, ==, two.fd);
	close_set(&set);
}

/* X5 D1: until the predecessor says that it is ours */
TEST(path, "the file of a Unix path stays when one who was left it closes it")
{
	struct text path = in_directory("socket");
	char name[128], text[256];
	struct hark_listener_set set = {0};
	struct stat file;
	int fd;

	fd = net_listen(net_unix(path.at), 5);
	CHECK_SYS(stat(path.at, &file));
	(void)snprintf(name, sizeof(name), "unix:%s", path.at);
	(void)snprintf(text, sizeof(text), "%d:m:%llx:%llx:%s", fd,
		(unsigned long long)file.st_dev, (unsigned long long)file.st_ino, name);
	succeed(text);
	CHECK_INT(add(&set, name), ==, 1);
	CHECK(set.listener[0].unix_inode == file.st_ino);
	close_set(&set);
	CHECK_SYS(unlink(path.at));
}

/* D1 */
TEST(not_ours, "what was meant for another process is not taken")
{
	int fd = listener_at("127.0.0.1");
	struct hark_listener_set set = {0};
	char text[64];

	(void)snprintf(text, sizeof(text), "%d:m:0:0:127.0.0.1:0", fd);
	succeed(text);
	set_variable("HARK_HANDED_PID", "%d", (int)getppid());
	CHECK_INT(add(&set, "127.0.0.1:0"), ==, 1);
	CHECK_INT(set.listener[0].fd, !=, fd);
	close_set(&set);
	net_close(fd);
}

/* D1 and errors */
TEST(broken, "a value that is broken fails, and says which")
{
	struct hark_listener_set set = {0};
	struct hark_error err;

	succeed("7:m:frob");
	CHECK_ERR(hark_listener_set_add(&set, "127.0.0.1:0", NULL, &err), -EINVAL);
	CHECK_STR(err.option, "HARK_HANDED");
	CHECK_STR(err.subject, "7:m:frob");
	CHECK_INT(set.count, ==, 0);
}

/* D1 and errors: a descriptor may be anything */
TEST(no_listener, "what is no listener is refused")
{
	struct hark_listener_set set = {0};
	struct hark_error err;
	char text[64];
	int fd;

	CHECK_SYS(fd = open("/dev/null", O_RDONLY | O_CLOEXEC));
	(void)snprintf(text, sizeof(text), "%d:m:0:0::80", fd);
	succeed(text);
	CHECK_ERR(hark_listener_set_add(&set, ":80", NULL, &err), -ENOTSOCK);
	CHECK_INT(set.count, ==, 0);
	CHECK_SYS(close(fd));
}

/* Whether it failed, and then left things as they were. */
static bool take_with_fault(int fd, enum hark__call call, int nth)
{
	struct hark_listener listener = {0};
	struct hark_error err;
	int taken;

	handed.count = 1;
	handed.listener[0] =
		(struct hark__handed_listener){.fd = fd, .made = true, .name = "here"};
	let_fail(call, nth, -EIO);
	taken = hark__handed_take(&handed, "here", &listener, 1, &err);
	hark__fault = NULL;
	CHECK_INT(handed.listener[0].taken, ==, taken == 1);
	CHECK_INT(listener.origin, ==,
		taken == 1 ? HARK_ORIGIN_HANDED_OVER : HARK_ORIGIN_NONE);
	if (taken < 0)
		CHECK_INT(err.code, ==, -EIO);
	if (taken < 0)
		CHECK_INT(fcntl(fd, F_GETFD), ==, 0);
	CHECK_SYS(fcntl(fd, F_SETFD, 0));
	CHECK_SYS(fcntl(fd, F_SETFL, 0));
	return taken < 0;
}

/* D1: its predecessor goes on with it */
TEST(faults, "whatever call fails, what was not taken is as it was")
{
	static const enum hark__call calls[] = {HARK__CALL_GETSOCKOPT,
		HARK__CALL_GETSOCKNAME, HARK__CALL_GETFL, HARK__CALL_SETFL,
		HARK__CALL_SETFD, HARK__CALL_OPEN, HARK__CALL_READ};
	int fd = listener_at("127.0.0.1"), failed = 0;

	CHECK_SYS(fcntl(fd, F_SETFD, 0));
	for (size_t i = 0; i < COUNT(calls); i++)
		for (int nth = 1; nth <= 8; nth++)
			failed += take_with_fault(fd, calls[i], nth);
	CHECK_INT(failed, ==, 10);
	net_close(fd);
}
