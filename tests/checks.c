/*
 * Assertions: what a failed one says (both values always, and a name for an errno), and
 * the deadlines of those that wait.
 *
 * Not here: what failing does to the test (harness.c).
 *
 * The names of errno values are listed here a second time on purpose: tests compare
 * them with the library's, and musl has no strerrorname_np().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness.h"

const char *errno_name(long long code)
{
#define E(name)             \
	{                   \
		name, #name \
	}
	static const struct {
		int code;
		const char *name;
	} known[] = {E(EPERM), E(ENOENT), E(ESRCH), E(EINTR), E(EIO), E(ENXIO),
		E(E2BIG), E(ENOEXEC), E(EBADF), E(ECHILD), E(EAGAIN), E(ENOMEM),
		E(EACCES), E(EFAULT), E(EBUSY), E(EEXIST), E(ENODEV), E(ENOTDIR),
		E(EISDIR), E(EINVAL), E(ENFILE), E(EMFILE), E(ENOTTY), E(ETXTBSY),
		E(EFBIG), E(ENOSPC), E(ESPIPE), E(EROFS), E(EPIPE), E(ERANGE),
		E(ENAMETOOLONG), E(ENOSYS), E(ENOTEMPTY), E(ELOOP), E(ENONET),
		E(EPROTO), E(EOVERFLOW), E(EILSEQ), E(ENOTSOCK), E(EDESTADDRREQ),
		E(EMSGSIZE), E(EPROTOTYPE), E(ENOPROTOOPT), E(EPROTONOSUPPORT),
		E(EOPNOTSUPP), E(EAFNOSUPPORT), E(EADDRINUSE), E(EADDRNOTAVAIL),
		E(ENETDOWN), E(ENETUNREACH), E(ECONNABORTED), E(ECONNRESET), E(ENOBUFS),
		E(EISCONN), E(ENOTCONN), E(ESHUTDOWN), E(ETIMEDOUT), E(ECONNREFUSED),
		E(EHOSTDOWN), E(EHOSTUNREACH), E(EALREADY), E(EINPROGRESS),
		E(ECANCELED), E(EUSERS)};
#undef E

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].code == code || known[i].code == -code)
			return known[i].name;
	return "?";
}

struct value {
	char text[48];
};

/* -98 (-EADDRINUSE); but -1 is rarely meant as -EPERM. */
static struct value print_value(long long number)
{
	struct value value;

	if (number < -1 && *errno_name(number) != '?')
		(void)snprintf(value.text, sizeof(value.text), "%lld (-%s)", number,
			errno_name(number));
	else
		(void)snprintf(value.text, sizeof(value.text), "%lld", number);
	return value;
}

void harness_fail_int(const char *file, int line, const char *text, long long actual,
	const char *op, const char *expected_text, long long expected)
{
	harness_fail(file, line, "%s is %s, expected %s %s, which is %s", text,
		print_value(actual).text, op, expected_text,
		print_value(expected).text);
}

void harness_check_str(const char *file, int line, const char *text, const char *actual,
	const char *expected)
{
	bool same =
		actual && expected ? strcmp(actual, expected) == 0 : actual == expected;

	if (!harness_checked(same))
		harness_fail(file, line,
			"%s is not as expected\nactual:   %s%s%s\n"
			"expected: %s%s%s",
			text, actual ? "'" : "", actual ? actual : "NULL",
			actual ? "'" : "", expected ? "'" : "",
			expected ? expected : "NULL", expected ? "'" : "");
}

void harness_check_contains(const char *file, int line, const char *text,
	const char *actual, const char *part)
{
	if (!harness_checked(actual && strstr(actual, part)))
		harness_fail(file, line,
			"%s lacks a part\nactual:   '%s'\nlacks:    '%s'", text,
			actual ? actual : "(NULL)", part);
}

void harness_check_ok(const char *file, int line, const char *text, long long result)
{
	if (!harness_checked(result >= 0))
		harness_fail(file, line, "%s failed: %lld (-%s)", text, result,
			errno_name(result));
}

void harness_check_err(
	const char *file, int line, const char *text, long long result, int code)
{
	if (!harness_checked(result == code))
		harness_fail(file, line, "%s is %s, expected %d (-%s)", text,
			print_value(result).text, code, errno_name(code));
}

void harness_check_sys(const char *file, int line, const char *text, long long result)
{
	int code = errno;

	if (!harness_checked(result >= 0))
		harness_fail(file, line, "%s failed: errno is %d (%s)", text, code,
			errno_name(code));
}

static int slowness(void)
{
	const char *text = getenv("HARK_TEST_SLOWNESS");
	int factor = text ? atoi(text) : 1;

	return factor > 1 ? factor : 1;
}

long long now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail on Linux */
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

long long deadline_ms(int ms)
{
	return now_ms() + (long long)ms * slowness();
}

int left_ms(long long deadline)
{
	long long left = deadline - now_ms();

	return left > 0 ? (int)left : 0;
}

void harness_ask_again(
	const char *file, int line, const char *condition, long long deadline)
{
	if (left_ms(deadline) == 0)
		harness_fail(file, line, "'%s' did not come true", condition);
	(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}
