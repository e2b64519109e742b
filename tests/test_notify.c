/* SPDX-License-Identifier: MIT
 *
 * Telling a service manager: what arrives, when nobody asked, and what a malformed
 * environment says.  Not here: what the engine tells by itself (contract_notify.c).
 */
#include "faults.h"
#include "foreign.h"
#include "manager.h"

static void expect_message(int fd, const char *text)
{
	CHECK_STR(manager_hear(fd), text);
}

/* D2 */
TEST(path, "the manager's socket, a path, gets the message as it is")
{
	int manager = manager_open(manager_path());
	struct hark_error err;

	stamp(&err);
	CHECK_INT(hark_notify("READY=1\nSTATUS=two ready", &err), ==, 1);
	CHECK(is_stamped(&err));
	expect_message(manager, "READY=1\nSTATUS=two ready");
	CHECK(!manager_has(manager));
	CHECK_STR(getenv("NOTIFY_SOCKET"), manager_path());
	net_close(manager);
}

/* D2 */
TEST(abstract, "and so does an abstract one")
{
	char name[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int manager;

	(void)snprintf(name, sizeof(name), "@%s/notify", temp_directory());
	manager = manager_open(name);
	CHECK_INT(hark_notify("STOPPING=1", NULL), ==, 1);
	expect_message(manager, "STOPPING=1");
	net_close(manager);
}

/* D2: as many bytes as an address holds, with no room for a NUL */
TEST(longest, "the longest abstract name is the longest")
{
	char name[] =
		"@0123456789012345678901234567890123456789012345678901234567890123"
		"456789012345678901234567890123456789012345";
	int manager;

	(void)snprintf(name + 1, 21, "%020d", (int)getpid());
	name[21] = '.';
	CHECK_INT(strlen(name), ==, sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
	manager = manager_open(name);
	CHECK_INT(hark_notify("READY=1", NULL), ==, 1);
	expect_message(manager, "READY=1");
	net_close(manager);
}

/* D2 */
TEST(nobody, "where nobody asked, nobody is told, and that is no error")
{
	struct hark_error err;

	CHECK_SYS(unsetenv("NOTIFY_SOCKET"));
	stamp(&err);
	CHECK_INT(hark_notify("READY=1", &err), ==, 0);
	CHECK_INT(hark_notify_open(&err), ==, 0);
	CHECK(is_stamped(&err));
}

static void check_refused(const char *value, int code, enum hark_cause cause)
{
	struct hark_error err = {0};

	CHECK_SYS(setenv("NOTIFY_SOCKET", value, 1));
	CHECK_ERR(hark_notify("READY=1", &err), code);
	CHECK_INT(err.step, ==, HARK_STEP_ENVIRONMENT);
	CHECK_INT(err.code, ==, code);
	CHECK_INT(err.cause, ==, cause);
	CHECK_STR(err.option, "NOTIFY_SOCKET");
	CHECK_STR(err.subject, value);
}

/* A2 D2 E1 */
TEST(bad, "what is neither a path from the root nor abstract is refused")
{
	static const char *const bad[] = {
		"", "/", "@", "run/notify", "./notify", "unix:/run/notify", " /run/x"};
	char longer[120];

	for (size_t i = 0; i < COUNT(bad); i++)
		check_refused(bad[i], -EINVAL, HARK_CAUSE_BAD_VARIABLE);
	check_refused("vsock:2:1234", -EAFNOSUPPORT, HARK_CAUSE_BAD_VARIABLE);
	check_refused("vsock-stream:2:1", -EAFNOSUPPORT, HARK_CAUSE_BAD_VARIABLE);
	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	longer[108] = '\0';
	check_refused(longer, -ENAMETOOLONG, HARK_CAUSE_BAD_VARIABLE);
	longer[107] = '\0'; /* fits, and is not there */
	check_refused(longer, -ENOENT, HARK_CAUSE_NONE);
}

/* D2 E1 E4 */
TEST(gone, "a manager that has gone is told as such")
{
	int manager = manager_open(manager_path());
	char text[HARK_ERROR_TEXT_MAX];
	struct hark_error err;

	net_close(manager);
	check_refused(manager_path(), -ECONNREFUSED, HARK_CAUSE_NONE);
	CHECK_ERR(hark_notify("READY=1", &err), -ECONNREFUSED);
	(void)hark_error_text(&err, text, sizeof(text));
	CHECK_CONTAINS(text, "NOTIFY_SOCKET");
	CHECK_CONTAINS(text, "ECONNREFUSED");
}

/* As full as it gets. */
static void fill(int fd)
{
	while (send(fd, "X=1", 3, MSG_DONTWAIT) == 3)
		;
	CHECK_INT(errno, ==, EAGAIN);
}

static int poll_in_vain(enum hark__call call)
{
	return call == HARK__CALL_POLL ? -EINVAL : 0;
}

/* D2 E1 */
TEST(full, "a manager that is behind is waited for")
{
	int manager = manager_open(manager_path()), fd = hark_notify_open(NULL);

	CHECK_INT(fd, >, STDERR_FILENO);
	CHECK(is_close_on_exec(fd));
	CHECK(is_non_blocking(fd));
	fill(fd);
	hark__fault = poll_in_vain; /* it would have waited */
	check_refused(manager_path(), -EINVAL, HARK_CAUSE_NONE);
	hark__fault = NULL;
	while (manager_has(manager))
		CHECK_STR(manager_hear(manager), "X=1");
	CHECK_INT(hark_notify("READY=1", NULL), ==, 1);
	expect_message(manager, "READY=1");
	net_close(manager);
	net_close(fd);
}

/* D2: for who changes root before it is ready */
TEST(opened, "a socket that was opened before reaches the manager by itself")
{
	int manager = manager_open(manager_path()), fd = hark_notify_open(NULL);

	CHECK_INT(fd, >, STDERR_FILENO);
	CHECK_SYS(unlink(manager_path()));
	CHECK_ERR(hark_notify("READY=1", NULL), -ENOENT);
	CHECK_INT(send(fd, "READY=1", 7, 0), ==, 7);
	expect_message(manager, "READY=1");
	net_close(manager);
	net_close(fd);
}

/* ---------------------------------------------------------------------------- watchdog */

static void say(const char *usec, const char *pid)
{
	CHECK_SYS(usec ? setenv("WATCHDOG_USEC", usec, 1) : unsetenv("WATCHDOG_USEC"));
	CHECK_SYS(pid ? setenv("WATCHDOG_PID", pid, 1) : unsetenv("WATCHDOG_PID"));
}

/* D2 */
TEST(watchdog, "how often it wants to hear us is in milliseconds, rounded up")
{
	struct text own = text_of("", (int)getpid()),
		    other = text_of("", (int)getppid());
	struct hark_error err;

	stamp(&err);
	say(NULL, NULL);
	CHECK_INT(hark_watchdog_ms(&err), ==, 0);
	say(NULL, own.at);
	CHECK_INT(hark_watchdog_ms(&err), ==, 0);
	say("30000000", own.at);
	CHECK_INT(hark_watchdog_ms(&err), ==, 30000);
	say("30000000", NULL); /* whoever it is */
	CHECK_INT(hark_watchdog_ms(&err), ==, 30000);
	say("30000000", other.at);
	CHECK_INT(hark_watchdog_ms(&err), ==, 0);
	say("1", own.at);
	CHECK_INT(hark_watchdog_ms(&err), ==, 1);
	say("1001", own.at);
	CHECK_INT(hark_watchdog_ms(&err), ==, 2);
	say("999999999999999999", own.at);
	CHECK_INT(hark_watchdog_ms(&err), ==, INT32_MAX);
	CHECK(is_stamped(&err));
}

static void check_variable(const char *name, const char *value)
{
	struct hark_error err = {0};

	CHECK_ERR(hark_watchdog_ms(&err), -EINVAL);
	CHECK_INT(err.step, ==, HARK_STEP_ENVIRONMENT);
	CHECK_INT(err.cause, ==, HARK_CAUSE_BAD_VARIABLE);
	CHECK_STR(err.option, name);
	CHECK_STR(err.subject, value);
}

/* A2 D2 E1 */
TEST(bad_watchdog, "its variables are decimal numbers above zero, and nothing else")
{
	static const char *const bad[] = {"", "0", "-1", "+1", " 1", "1 ", "1\n", "0x1",
		"1.0", "abc", "18446744073709551615", "99999999999999999999"};

	for (size_t i = 0; i < COUNT(bad); i++) {
		say(bad[i], NULL);
		check_variable("WATCHDOG_USEC", bad[i]);
		say("1000000", bad[i]);
		check_variable("WATCHDOG_PID", bad[i]);
	}
	say("1000000", "4294967297");
	check_variable("WATCHDOG_PID", "4294967297");
}
