/* SPDX-License-Identifier: MIT
 *
 * Taking over listening sockets by systemd's protocol: which, by what name, and what a
 * malformed environment says.  Not here: what is checked of each (test_adopt.c).
 */
#include "foreign.h"

#include <stdlib.h>
#include <sys/wait.h>

enum { FIRST = 3, PASSED_MAX = HARK_SET_MAX + 1 };

/*
 * Descriptors that stood where the passed ones go; who runs the test may have left
 * some.
 */
static int kept[PASSED_MAX];

static void pass_at(int at, int fd)
{
	CHECK_INT(fd, !=, at);
	CHECK_SYS(dup2(fd, at));
	net_close(fd);
}

/* Puts listeners on 3 and up, as they are after exec; for stop_passing() at the end. */
static void pass_listeners(int count)
{
	int listeners[PASSED_MAX];

	for (int i = 0; i < PASSED_MAX; i++) {
		kept[i] = fcntl(FIRST + i, F_DUPFD_CLOEXEC, 200);
		if (kept[i] >= 0)
			net_close(FIRST + i);
	}
	for (int i = 0; i < count; i++) {
		int fd = foreign_listener();

		listeners[i] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
		CHECK_SYS(listeners[i]);
		net_close(fd);
	}
	for (int i = 0; i < count; i++)
		pass_at(FIRST + i, listeners[i]);
}

static void stop_passing(void)
{
	for (int i = 0; i < PASSED_MAX; i++) {
		if (is_open(FIRST + i))
			net_close(FIRST + i);
		if (kept[i] < 0)
			continue;
		CHECK_SYS(dup2(kept[i], FIRST + i));
		net_close(kept[i]);
	}
}

static void set_variable(const char *name, const char *value)
{
	CHECK_SYS(value ? setenv(name, value, 1) : unsetenv(name));
}

static void say(const char *pid, const char *fds, const char *names)
{
	set_variable("LISTEN_PID", pid);
	set_variable("LISTEN_FDS", fds);
	set_variable("LISTEN_FDNAMES", names);
}

static const char *own_pid(void)
{
	static struct text pid;

	pid = text_of("", (int)getpid());
	return pid.at;
}

static int add(struct hark_listener_set *set, const char *text, struct hark_error *err)
{
	return hark_listener_set_add(set, text, NULL, err);
}

/*
 * Lets go of the listeners without closing them, so that they can be taken once more.
 */
static void forget(struct hark_listener_set *set)
{
	memset(set, 0, sizeof(*set));
}

/* A1 D2 */
TEST(activation, "'activation' is all that were passed")
{
	struct hark_listener_set set = {0};
	struct hark_error err;

	pass_listeners(3);
	say(own_pid(), "3", NULL);
	stamp(&err);
	CHECK_INT(add(&set, "activation", &err), ==, 3);
	CHECK(is_stamped(&err));
	CHECK_INT(set.count, ==, 3);
	for (size_t i = 0; i < 3; i++) {
		struct hark_listener *listener = &set.listener[i];
		struct ends ends = meet(listener);

		CHECK_INT(listener->fd, ==, FIRST + (int)i);
		CHECK_INT(listener->origin, ==, HARK_ORIGIN_INHERITED);
		CHECK_INT(listener->backlog.requested, ==, -1);
		CHECK(is_close_on_exec(listener->fd));
		CHECK(is_non_blocking(listener->fd));
		net_close(ends.client);
		net_close(ends.server);
	}
	CHECK_OK(hark_listener_set_close_now(&set, NULL));
	stop_passing();
}

/* A1 D2 */
TEST(by_name, "'activation:NAME' is those of that name")
{
	static const struct {
		const char *names, *text;
		int count, first_fd;
	} table[] = {
		{"web:admin:web", "activation", 3, 3},
		{"web:admin:web", "activation:web", 2, 3},
		{"web:admin:web", "activation:admin", 1, 4},
		{"web:admin:web", "activation:adm", -ENOENT, 0},
		{"web:admin:web", "activation:administrator", -ENOENT, 0},
		{"web", "activation:web", 1, 3},
		{"web", "activation", 3, 3},
		{"::admin", "activation:admin", 1, 5},
		{"a:b:c:d:e", "activation:c", 1, 5},
		{"a:b:c:d:e", "activation:d", -ENOENT, 0},
		{"", "activation:web", -ENOENT, 0},
		{"", "activation", 3, 3},
		{NULL, "activation:web", -ENOENT, 0},
	};

	pass_listeners(3);
	for (size_t i = 0; i < COUNT(table); i++) {
		struct hark_listener_set set = {0};
		struct hark_error err = {0};

		say(own_pid(), "3", table[i].names);
		CHECK_INT(add(&set, table[i].text, &err), ==, table[i].count);
		if (table[i].count > 0) {
			CHECK_INT(set.listener[0].fd, ==, table[i].first_fd);
			forget(&set);
			continue;
		}
		CHECK_INT(err.step, ==, HARK_STEP_ENVIRONMENT);
		CHECK_INT(err.cause, ==, HARK_CAUSE_NO_SUCH_NAME);
		CHECK_STR(err.option, "LISTEN_FDNAMES");
		CHECK_STR(err.subject, table[i].text + strlen("activation:"));
		CHECK_INT(set.count, ==, 0);
	}
	stop_passing();
}

/* A1 D2: the variables are not ours to unset, and threads may be reading them */
TEST(environment, "the environment stays as it is")
{
	struct hark_listener_set set = {0};

	pass_listeners(1);
	say(own_pid(), "1", "web");
	CHECK_INT(add(&set, "activation", NULL), ==, 1);
	CHECK_STR(getenv("LISTEN_PID"), own_pid());
	CHECK_STR(getenv("LISTEN_FDS"), "1");
	CHECK_STR(getenv("LISTEN_FDNAMES"), "web");
	CHECK_OK(hark_listener_set_close_now(&set, NULL));
	stop_passing();
}

static void check_environment(
	const char *variable, const char *value, int code, enum hark_cause cause)
{
	struct hark_listener_set set = {0};
	struct hark_error err;

	memset(&err, 0xa5, sizeof(err));
	CHECK_ERR(add(&set, "activation", &err), code);
	CHECK_INT(err.step, ==, HARK_STEP_ENVIRONMENT);
	CHECK_INT(err.code, ==, code);
	CHECK_INT(err.cause, ==, cause);
	CHECK_STR(err.option, variable);
	CHECK_STR(err.subject, value);
	CHECK_INT(set.count, ==, 0);
	CHECK(is_untouched(FIRST));
}

/* A1 D2 E1 */
TEST(not_activated, "when nothing was passed, or to another process, it says so")
{
	struct text other = text_of("", (int)getppid());

	pass_listeners(1);
	say(NULL, NULL, NULL);
	check_environment("LISTEN_PID", "", -ENOENT, HARK_CAUSE_NOT_ACTIVATED);
	say(NULL, "1", NULL);
	check_environment("LISTEN_PID", "", -ENOENT, HARK_CAUSE_NOT_ACTIVATED);
	say(own_pid(), NULL, NULL);
	check_environment("LISTEN_FDS", "", -ENOENT, HARK_CAUSE_NOT_ACTIVATED);
	say(other.at, "1", NULL);
	check_environment("LISTEN_PID", other.at, -ENOENT, HARK_CAUSE_NOT_ACTIVATED);
	stop_passing();
}

/* A1 D2 E1 */
TEST(forked, "a child that inherits the variables has not been passed anything")
{
	int status;
	pid_t child;

	pass_listeners(1);
	say(own_pid(), "1", NULL);
	child = fork();
	CHECK_SYS(child);
	if (child == 0) {
		struct hark_listener_set set = {0};

		_exit(add(&set, "activation", NULL) == -ENOENT ? 0 : 1);
	}
	CHECK_INT(waitpid(child, &status, 0), ==, child);
	CHECK_INT(status, ==, 0);
	stop_passing();
}

/* A1 A2 D2 E1 */
TEST(bad_pid, "LISTEN_PID is a decimal number above zero, and nothing else")
{
	static const char *const bad[] = {"", "0", "-1", "+1", " 1", "1 ", "1\n", "0x1",
		"1.0", "abc", "99999999999999999999", "4294967297", "2147483648"};
	char wrapped[32];

	pass_listeners(1);
	for (size_t i = 0; i < COUNT(bad); i++) {
		say(bad[i], "1", NULL);
		check_environment(
			"LISTEN_PID", bad[i], -EINVAL, HARK_CAUSE_BAD_VARIABLE);
	}
	/* our own and 2^32, which would come out right if it wrapped round */
	(void)snprintf(wrapped, sizeof(wrapped), "%lld", 4294967296LL + getpid());
	say(wrapped, "1", NULL);
	check_environment("LISTEN_PID", wrapped, -EINVAL, HARK_CAUSE_BAD_VARIABLE);
	stop_passing();
}

/* A1 A2 D2 E1 */
TEST(bad_fds, "LISTEN_FDS is a decimal number from 1 to a bound, and nothing else")
{
	static const char *const bad[] = {"", "0", "-1", "+1", " 1", "1 ", "1\n", "0x1",
		"1.0", "one", "1025", "99999999999999999999", "4294967297",
		"2147483648"};

	pass_listeners(1);
	for (size_t i = 0; i < COUNT(bad); i++) {
		say(own_pid(), bad[i], NULL);
		check_environment(
			"LISTEN_FDS", bad[i], -EINVAL, HARK_CAUSE_BAD_VARIABLE);
	}
	stop_passing();
}

/* A1 D2 E1 */
TEST(bad_descriptor,
	"one that is no listening stream socket is named, and none is taken")
{
	struct hark_listener_set set = {0};
	struct hark_error err;
	int datagram;

	pass_listeners(2);
	say(own_pid(), "3", NULL); /* the third is not there */
	CHECK_ERR(add(&set, "activation", &err), -EBADF);
	CHECK_INT(err.step, ==, HARK_STEP_ADOPT);
	CHECK_STR(err.subject, "fd:5");
	CHECK_INT(set.count, ==, 0);
	datagram = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK_INT(datagram, ==, 5);
	CHECK_ERR(add(&set, "activation", &err), -EPROTOTYPE);
	CHECK_INT(err.cause, ==, HARK_CAUSE_NOT_STREAM);
	CHECK_STR(err.subject, "fd:5");
	CHECK_INT(set.count, ==, 0);
	for (int fd = 3; fd <= 5; fd++)
		CHECK(is_open(fd));
	stop_passing();
}

/* A1 D2: another name's descriptor is another's business */
TEST(unnamed_is_not_asked, "what is asked for by name does not depend on the others")
{
	struct hark_listener_set set = {0};

	pass_listeners(2);
	net_close(FIRST);
	say(own_pid(), "2", "gone:web");
	CHECK_INT(add(&set, "activation:web", NULL), ==, 1);
	CHECK_INT(set.listener[0].fd, ==, FIRST + 1);
	CHECK_OK(hark_listener_set_close_now(&set, NULL));
	stop_passing();
}

/* A1 D2 W2 E1 */
TEST(too_many, "more than fit in the set are refused, and it stays as it was")
{
	static struct hark_listener_set set;
	struct hark_error err;

	pass_listeners(PASSED_MAX);
	say(own_pid(), text_of("", PASSED_MAX).at, NULL);
	CHECK_ERR(add(&set, "activation", &err), -E2BIG);
	CHECK_INT(err.cause, ==, HARK_CAUSE_TOO_MANY);
	CHECK_INT(err.limit, ==, HARK_SET_MAX);
	CHECK_INT(set.count, ==, 0);
	say(own_pid(), "2", NULL);
	set.count = HARK_SET_MAX - 1; /* room for one */
	CHECK_ERR(add(&set, "activation", NULL), -E2BIG);
	set.count = 0;
	for (int i = 0; i < PASSED_MAX; i++)
		CHECK_INT(fcntl(FIRST + i, F_GETFL) & O_NONBLOCK, ==, 0);
	say(own_pid(), text_of("", HARK_SET_MAX).at, NULL);
	CHECK_INT(add(&set, "activation", NULL), ==, HARK_SET_MAX);
	CHECK_INT(set.count, ==, HARK_SET_MAX);
	CHECK_OK(hark_listener_set_close_now(&set, NULL));
	stop_passing();
}

/* A1 W2 X4: else each would be closed twice, the second time perhaps another's */
TEST(twice, "asked for twice, they are in the set once")
{
	struct hark_listener_set set = {0};

	pass_listeners(2);
	say(own_pid(), "2", "web:admin");
	CHECK_INT(add(&set, "activation:web", NULL), ==, 1);
	CHECK_INT(add(&set, "activation", NULL), ==, 1);
	CHECK_INT(add(&set, "activation", NULL), ==, 0);
	CHECK_INT(add(&set, "fd:3", NULL), ==, 0);
	CHECK_INT(set.count, ==, 2);
	CHECK_OK(hark_listener_set_close_now(&set, NULL));
	stop_passing();
}

/* A1 D2: a path that systemd made is systemd's, and outlives us */
TEST(inherited_path, "a passed Unix listener's path is left alone")
{
	struct hark_listener_set set = {0};
	char path[108];

	(void)snprintf(path, sizeof(path), "%s/socket", temp_directory());
	pass_listeners(0);
	CHECK_INT(net_listen(net_unix(path), 1), ==, FIRST);
	say(own_pid(), "1", NULL);
	CHECK_INT(add(&set, "activation", NULL), ==, 1);
	CHECK_OK(hark_listener_set_close_now(&set, NULL));
	CHECK_SYS(access(path, F_OK));
	stop_passing();
}
