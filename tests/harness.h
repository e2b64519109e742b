/*
 * What every test program includes: how to write a test, and what it may assert.
 *
 *	#include "harness.h"
 *
 *	TEST(refuses_port_65536, "a port above 65535 is refused")  // A2, in a comment
 *	{
 *		CHECK_ERR(parse("127.0.0.1:65536"), -EINVAL);
 *	}
 *
 * Link with the harness; main() is in there. Each test runs in a process of its own, in
 * its own process group, and fails when
 *	an assertion fails, in it or in a thread or process that it made;
 *	it crashes, or ends the process itself, or outlives its time limit (20 s);
 *	it leaves descriptors open that were not, or closed that were open;
 *	it leaves a child behind, running or not waited for, grandchildren included;
 *	it asserts nothing.
 * Then whatever it started is killed and its directory removed.
 *
 *	./test_x                run all         ./test_x NAME...  run these
 *	./test_x --list         names and sentences
 *	HARK_TEST_NOFORK=1      run one test in this very process, for a debugger: no
 *				limit of time, a failed assertion aborts
 *	HARK_TEST_SLOWNESS=10   multiply every limit and deadline (valgrind, qemu)
 *
 * The output is TAP 13. What a test writes to stdout goes to stderr instead, so that
 * nothing gets between. Time limits are off while a debugger is attached.
 *
 * No part of this uses hark: it has to work when hark does not.
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

/* What stands in TEST()'s brackets after the identifier: a sentence, then .field = … */
struct test {
	const char *sentence; /* what is so when the test passes */
	int timeout_s;        /* 0: 20 seconds */
	bool hidden;          /* runs only when named */
	const char *name;     /* from here on filled by TEST() */
	const char *file;
	int line;
	void (*body)(void);
	struct test *next;
};

#define TEST(id, ...)                                                                  \
	static void test_##id(void);                                                   \
	__attribute__((constructor)) static void register_##id(void)                   \
	{                                                                              \
		static struct test test = {__VA_ARGS__, .name = #id, .file = __FILE__, \
			.line = __LINE__, .body = test_##id};                          \
		harness_register(&test);                                               \
	}                                                                              \
	static void test_##id(void)

/*
 * Each of these ends the test when it does not hold, from any thread or forked child.
 */
#define CHECK(condition)                                                               \
	do {                                                                           \
		if (!harness_checked(condition))                                       \
			harness_fail(__FILE__, __LINE__, "'%s' is false", #condition); \
	} while (0)

/* CHECK_INT(queue.length, ==, 3), with any comparison; both values are printed. */
#define CHECK_INT(actual, op, expected)                                             \
	do {                                                                        \
		const long long actual_ = (actual), expected_ = (expected);         \
		if (!harness_checked(actual_ op expected_))                         \
			harness_fail_int(__FILE__, __LINE__, #actual, actual_, #op, \
				#expected, expected_);                              \
	} while (0)

#define CHECK_STR(actual, expected) \
	harness_check_str(__FILE__, __LINE__, #actual, (actual), (expected))

#define CHECK_CONTAINS(text, part) \
	harness_check_contains(__FILE__, __LINE__, #text, (text), (part))

/*
 * For calls that return a negative errno, as hark's do: any success, one exact failure.
 */
#define CHECK_OK(call) harness_check_ok(__FILE__, __LINE__, #call, (call))
#define CHECK_ERR(call, code) \
	harness_check_err(__FILE__, __LINE__, #call, (call), (code))

/* For calls that return -1 and set errno, as POSIX's do. */
#define CHECK_SYS(call) harness_check_sys(__FILE__, __LINE__, #call, (call))

/* What cannot be shown here is skipped, with the reason: SKIP("needs IPv6"). */
#define SKIP(...) harness_skip(__VA_ARGS__)
#define REQUIRE(condition, ...)            \
	do {                               \
		if (!(condition))          \
			SKIP(__VA_ARGS__); \
	} while (0)

/* A line for whoever reads the output; shown when the test passes, too. */
#define NOTE(...) harness_note(__VA_ARGS__)

/*
 * Waits for what no descriptor announces: asks again until it is so, or fails at last.
 */
#define WAIT_UNTIL(condition) WAIT_UNTIL_MS(condition, 5000)
#define WAIT_UNTIL_MS(condition, ms)                                                  \
	do {                                                                          \
		const long long deadline_ = deadline_ms(ms);                          \
		while (!harness_checked(condition))                                   \
			harness_ask_again(__FILE__, __LINE__, #condition, deadline_); \
	} while (0)

/*
 * Deadlines on the monotonic clock. deadline_ms() is that many milliseconds from now,
 * more when HARK_TEST_SLOWNESS says so; left_ms() is never negative.
 */
long long now_ms(void);
long long deadline_ms(int ms);
int left_ms(long long deadline);

/*
 * A directory for this test, the same at each call, mode 0700; removed with all it
 * holds.
 */
const char *temp_directory(void);

/* The test that runs, for a body that several tests share. */
const struct test *harness_test(void);

/* "EADDRINUSE" for EADDRINUSE and for -EADDRINUSE; "?" for what is not in the list. */
const char *errno_name(long long code);

/* What the macros call, and helpers that have to fail or skip. */
void harness_register(struct test *test);
bool harness_checked(bool holds);
void harness_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void harness_skip(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
_Noreturn void harness_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
_Noreturn void harness_fail_int(const char *file, int line, const char *text,
	long long actual, const char *op, const char *expected_text,
	long long expected);
void harness_check_str(const char *file, int line, const char *text, const char *actual,
	const char *expected);
void harness_check_contains(const char *file, int line, const char *text,
	const char *actual, const char *part);
void harness_check_ok(const char *file, int line, const char *text, long long result);
void harness_check_err(
	const char *file, int line, const char *text, long long result, int code);
void harness_check_sys(const char *file, int line, const char *text, long long result);
void harness_ask_again(
	const char *file, int line, const char *condition, long long deadline);

/* The runner itself: main() is no more than this. Its result is the exit status. */
int harness_main(int argc, char **argv);

#endif
