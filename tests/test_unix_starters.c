/* SPDX-License-Identifier: MIT
 *
 * Who starts on a Unix path at the same time as others, and who removes it: one wins,
 * the others learn of it, and nothing but one's own is removed.
 */
#include "faults.h"
#include "paths.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>

enum { STARTERS = 24, ROUNDS = 50 };

/* -------------------------------------------------------------------- many starters */

struct report {
	int code;
	int cause;
};

static int open_and_report(const char *path, int to, struct hark_listener *listener)
{
	struct hark_error err = {.code = 0};
	struct report report = {.code = open_at(listener, path, NULL, &err)};

	report.cause = err.cause;
	CHECK_INT(write(to, &report, sizeof(report)), ==, sizeof(report));
	return report.code;
}

/* Three pipes, of which the end of the stream is the signal. */
struct race {
	int go[2], hold[2], reports[2];
};

static _Noreturn void start(const char *path, const struct race *race)
{
	struct hark_listener listener;
	char none;

	net_close(race->go[1]);
	net_close(race->hold[1]);
	net_close(race->reports[0]);
	CHECK_INT(read(race->go[0], &none, 1), ==, 0);
	if (open_and_report(path, race->reports[1], &listener) == 0) {
		CHECK_INT(read(race->hold[0], &none, 1), ==, 0);
		CHECK_OK(hark_listener_close_now(&listener, NULL));
	}
	_exit(0);
}

static void race_begin(struct race *race, const char *const *paths)
{
	CHECK_SYS(pipe(race->go));
	CHECK_SYS(pipe(race->hold));
	CHECK_SYS(pipe(race->reports));
	for (int i = 0; i < STARTERS; i++) {
		pid_t child = fork();

		CHECK_SYS(child);
		if (child == 0)
			start(paths[i], race);
	}
	net_close(race->go[0]);
	net_close(race->hold[0]);
	net_close(race->reports[1]);
	net_close(race->go[1]); /* now */
}

/*
 * A loser meets the winner, or gives up waiting for the lock on a very slow machine: a
 * server by any other name it does not meet.
 */
static int count_winners(const struct race *race)
{
	struct report report;
	int winners = 0;

	for (int i = 0; i < STARTERS; i++) {
		CHECK_INT(read(race->reports[0], &report, sizeof(report)), ==,
			sizeof(report));
		if (report.code == 0) {
			winners++;
			continue;
		}
		if (report.cause == HARK_CAUSE_PATH_LOCKED)
			CHECK_ERR(report.code, -EBUSY);
		else
			CHECK_ERR(report.code, -EADDRINUSE);
		if (report.cause != HARK_CAUSE_PATH_LOCKED)
			CHECK_INT(report.cause, ==, HARK_CAUSE_LIVE_SERVER);
	}
	return winners;
}

static void race_end(const struct race *race)
{
	int status;

	net_close(race->hold[1]);
	net_close(race->reports[0]);
	for (int i = 0; i < STARTERS; i++) {
		CHECK_SYS(waitpid(-1, &status, 0));
		CHECK_INT(status, ==, 0);
	}
}

/* B3 */
TEST(starters,
	"of two dozen processes that start at once on a stale path exactly one wins",
	.timeout_s = 100)
{
	struct text path = in_directory("socket");
	const char *paths[STARTERS];
	struct race race;

	for (int i = 0; i < STARTERS; i++)
		paths[i] = path.at;
	for (int i = 0; i < ROUNDS; i++) {
		make_stale(path.at);
		race_begin(&race, paths);
		CHECK_INT(count_winners(&race), ==, 1);
		net_close(net_connect(net_unix(path.at)));
		race_end(&race);
		CHECK(!exists(path.at));
	}
}

/*
 * B3: the lock is the directory's, so they wait for each other, and no longer than
 * needed
 */
TEST(starters_apart, "processes that start on paths of one directory do not lose by it")
{
	static struct text names[STARTERS];
	const char *paths[STARTERS];
	struct race race;

	REQUIRE(!getenv("HARK_VALGRIND"),
		"two dozen take longer there than the second that each waits");
	for (int i = 0; i < STARTERS; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "socket%d", i);
		names[i] = in_directory(name);
		make_stale(names[i].at);
		paths[i] = names[i].at;
	}
	race_begin(&race, paths);
	CHECK_INT(count_winners(&race), ==, STARTERS);
	race_end(&race);
}

/* ------------------------------------------------------------------------- the lock */

static int lock_directory(void)
{
	int fd = open(temp_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK_SYS(fd);
	CHECK_SYS(flock(fd, LOCK_EX | LOCK_NB));
	return fd;
}

/* B3 E1: anybody who can read the directory could hold it for ever */
TEST(locked, "a directory that another holds is waited for a second, no longer")
{
	struct text path = in_directory("socket");
	struct hark_listener listener = {0};
	int lock = lock_directory();
	long long began = now_ms();
	struct hark_error err;

	CHECK_ERR(open_at(&listener, path.at, NULL, &err), -EBUSY);
	CHECK_INT(now_ms() - began, >=, 900);
	CHECK_INT(err.step, ==, HARK_STEP_BIND);
	CHECK_INT(err.cause, ==, HARK_CAUSE_PATH_LOCKED);
	CHECK_INT(err.code, ==, -EBUSY);
	CHECK(!exists(path.at));
	net_close(lock);
	CHECK_OK(open_at(&listener, path.at, NULL, NULL));
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}

static void *open_elsewhere(void *path)
{
	static struct hark_listener listener;

	CHECK_OK(open_at(&listener, path, NULL, NULL));
	return &listener;
}

/* B3 */
TEST(unlocked_in_time, "who waits for it goes on when it is free")
{
	struct text path = in_directory("socket");
	int lock = lock_directory();
	pthread_t thread;
	void *listener;

	count_calls(HARK__CALL_FLOCK);
	CHECK_INT(pthread_create(&thread, NULL, open_elsewhere, path.at), ==, 0);
	WAIT_UNTIL(calls_seen() >= 2);
	CHECK(!exists(path.at));
	net_close(lock);
	CHECK_INT(pthread_join(thread, &listener), ==, 0);
	check_serves(listener, path.at);
	CHECK_OK(hark_listener_close_now(listener, NULL));
}

/* B3 */
TEST(lock_released, "once it listens, or has failed, the directory is free")
{
	struct text path = in_directory("socket"), file = in_directory("file");
	struct hark_listener listener;

	CHECK_OK(open_at(&listener, path.at, NULL, NULL));
	net_close(lock_directory());
	CHECK_ERR(
		open_at(&(struct hark_listener){0}, path.at, NULL, NULL), -EADDRINUSE);
	net_close(lock_directory());
	make_file(file.at);
	CHECK_ERR(open_at(&(struct hark_listener){0}, file.at, NULL, NULL), -EEXIST);
	net_close(lock_directory());
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}

static int hold[2];

/*
 * Another thread of a program may fork at any time, and its child holds what we hold.
 */
static int fork_at_listen(enum hark__call call)
{
	char none;
	pid_t child;

	if (call != HARK__CALL_LISTEN)
		return 0;
	child = fork();
	CHECK_SYS(child);
	if (child == 0) {
		net_close(hold[1]);
		_exit(read(hold[0], &none, 1) == 0 ? 0 : 1);
	}
	return 0;
}

/* B3 */
TEST(lock_forked, "and is so though a child was forked while it was locked")
{
	struct text path = in_directory("socket");
	struct hark_listener listener;
	int status;

	CHECK_SYS(pipe(hold));
	hark__fault = fork_at_listen;
	CHECK_OK(open_at(&listener, path.at, NULL, NULL));
	net_close(lock_directory());
	net_close(hold[0]);
	net_close(hold[1]);
	CHECK_SYS(waitpid(-1, &status, 0));
	CHECK_INT(status, ==, 0);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}

/* B3: a file system without locks, a signal */
TEST(lock_elsewhere, "without locks a fresh path is made, but nothing is replaced")
{
	struct text path = in_directory("socket");
	struct hark_listener listener;

	let_fail(HARK__CALL_FLOCK, 1, -ENOLCK);
	CHECK_OK(open_at(&listener, path.at, NULL, NULL));
	CHECK_OK(hark_listener_close_now(&listener, NULL));
	make_stale(path.at);
	let_fail(HARK__CALL_FLOCK, 1, -ENOLCK);
	CHECK_ERR(open_at(&listener, path.at, NULL, NULL), -EADDRINUSE);
	CHECK(exists(path.at));
	let_fail(HARK__CALL_FLOCK, 1, -EINTR);
	CHECK_OK(open_at(&listener, path.at, NULL, NULL));
	CHECK_INT(calls_seen(), >=, 2);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}

/* -------------------------------------------------------------------------- removal */

/* B3 */
TEST(only_ours, "closing leaves a path that is another file by now")
{
	struct text path = in_directory("socket");
	struct hark_listener listener;
	int server;

	CHECK_OK(open_at(&listener, path.at, NULL, NULL));
	CHECK_SYS(unlink(path.at));
	make_file(path.at);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
	CHECK(exists(path.at));
	CHECK_SYS(unlink(path.at));

	CHECK_OK(open_at(&listener, path.at, NULL, NULL));
	CHECK_SYS(unlink(path.at));
	server = net_listen(net_unix(path.at), 1);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
	net_close(net_connect(net_unix(path.at)));
	net_close(server);
}

static struct text foreign, target;

/* The second open looks at what bind made; somebody is faster. */
static int replace_before_look(enum hark__call call)
{
	static int opens;

	if (call == HARK__CALL_OPEN && ++opens == 2)
		CHECK_SYS(rename(foreign.at, target.at));
	return 0;
}

/* B3: only what was looked at is removed */
TEST(replaced_meanwhile, "a file that another puts there at that moment stays")
{
	struct hark_listener listener;
	struct hark_error err;

	target = in_directory("socket");
	foreign = in_directory("precious");
	make_file(foreign.at);
	hark__fault = replace_before_look;
	CHECK_ERR(open_at(&listener, target.at, NULL, &err), -EEXIST);
	hark__fault = NULL;
	CHECK_INT(err.cause, ==, HARK_CAUSE_NOT_A_SOCKET);
	CHECK(exists(target.at));
	CHECK_SYS(unlink(target.at));
}

/* B3 X4 */
TEST(gone_already, "closing is fine with a path that has gone, or its directory")
{
	struct text path = in_directory("below/socket"), below = in_directory("below");
	struct hark_listener listener;

	CHECK_SYS(mkdir(below.at, 0777));
	CHECK_OK(open_at(&listener, path.at, NULL, NULL));
	CHECK_SYS(unlink(path.at));
	CHECK_OK(hark_listener_close_now(&listener, NULL));
	CHECK_OK(open_at(&listener, path.at, NULL, NULL));
	CHECK_SYS(unlink(path.at));
	CHECK_SYS(rmdir(below.at));
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}

/* B3 E1 */
TEST(cannot_remove, "a path that cannot be removed is told, the descriptor is closed")
{
	struct text path = in_directory("socket");
	struct hark_listener listener;
	struct hark_error err;

	CHECK_OK(open_at(&listener, path.at, NULL, NULL));
	let_fail(HARK__CALL_UNLINK, 1, -EACCES);
	CHECK_ERR(hark_listener_close_now(&listener, &err), -EACCES);
	CHECK_INT(err.step, ==, HARK_STEP_CLOSE);
	CHECK_INT(err.code, ==, -EACCES);
	CHECK_INT(hark_addr_family(&err.addr), ==, AF_UNIX);
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
	CHECK_ERR(net_try_connect(net_unix(path.at)), -ECONNREFUSED);
}

/* B3 */
TEST(forked_child, "a forked child's close leaves the path to its parent")
{
	struct text path = in_directory("socket");
	struct hark_listener listener;
	int status;
	pid_t child;

	CHECK_OK(open_at(&listener, path.at, NULL, NULL));
	child = fork();
	CHECK_SYS(child);
	if (child == 0)
		_exit(hark_listener_close_now(&listener, NULL) == 0 &&
					listener.origin == HARK_ORIGIN_NONE
				? 0
				: 1);
	CHECK_INT(waitpid(child, &status, 0), ==, child);
	CHECK_INT(status, ==, 0);
	CHECK(exists(path.at));
	check_serves(&listener, path.at);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
	CHECK(!exists(path.at));
}

/* B3 E1: whatever fails, and wherever */
TEST(failure_leaves_nothing, "a call that fails leaves neither file nor descriptor")
{
	static const struct {
		enum hark__call call;
		int nth, step;
	} faults[] = {{HARK__CALL_SOCKET, 1, HARK_STEP_SOCKET},
		{HARK__CALL_FCHMOD, 1, HARK_STEP_OPTION},
		{HARK__CALL_BIND, 1, HARK_STEP_BIND},
		{HARK__CALL_OPEN, 2, HARK_STEP_BIND},
		{HARK__CALL_FSTAT, 1, HARK_STEP_BIND},
		{HARK__CALL_CHMOD, 1, HARK_STEP_OPTION},
		{HARK__CALL_CHOWN, 1, HARK_STEP_OPTION},
		{HARK__CALL_GETSOCKNAME, 1, HARK_STEP_BIND},
		{HARK__CALL_GETSOCKNAME, 2, HARK_STEP_LISTEN},
		{HARK__CALL_LISTEN, 1, HARK_STEP_LISTEN}};
	struct hark_listen_options options = {.unix_mode = 0600,
		.unix_chown = HARK_ON,
		.unix_uid = (uid_t)-1,
		.unix_gid = (gid_t)-1};
	struct text path = in_directory("socket");
	struct hark_listener listener;
	struct hark_error err;

	(void)umask(0777); /* so that the mode has to be set a second time */
	for (size_t i = 0; i < COUNT(faults); i++) {
		let_fail(faults[i].call, faults[i].nth, -EIO);
		memset(&listener, 0xa5, sizeof(listener));
		CHECK_ERR(open_at(&listener, path.at, &options, &err), -EIO);
		CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
		CHECK_INT(err.code, ==, -EIO);
		CHECK_INT(err.step, ==, faults[i].step);
		CHECK(!exists(path.at));
		net_close(lock_directory());
	}
}
