/*
 * The harness proves itself: tests that are bad on purpose, and what is said of each.
 *
 * The bad ones are hidden. They run when named, here by a second runner in a forked
 * process, whose output is read; by hand: ./test_harness bad_crash
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "leftovers.h"

/* Whoever of a second run is still alive holds the writing end of this. */
static int witness[2] = {-1, -1};

/* The next runner inherits the worst signals that a parent can leave. */
static bool hostile_signals;

struct run {
	pid_t pid;
	int output; /* its stdout */
	int status;
	char text[16384];
};

static void spoil_signals(void)
{
	sigset_t all;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_IGN);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
}

static _Noreturn void be_the_runner(int output, const char *const *names)
{
	char *argv[8] = {(char[]){"test_harness"}};
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC), n = 1;

	for (; *names; names++)
		argv[n++] = strdup(*names);
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* else, some rubbish */
	if (dup2(output, STDOUT_FILENO) < 0 || dup2(nowhere, STDERR_FILENO) < 0)
		_exit(90);
	(void)close(output);
	(void)close(nowhere);
	if (witness[0] >= 0)
		(void)close(witness[0]);
	if (hostile_signals)
		spoil_signals();
	n = harness_main(n, argv);
	(void)fflush(stdout);
	_exit(n);
}

static struct run start(const char *const *names)
{
	struct run run = {0};
	int ends[2];

	CHECK_SYS(pipe2(ends, O_CLOEXEC));
	CHECK_SYS(run.pid = fork());
	if (run.pid == 0)
		be_the_runner(ends[1], names);
	CHECK_SYS(close(ends[1]));
	run.output = ends[0];
	return run;
}

/* Reading to the end also shows that nobody of the run is left with its stdout. */
static void finish(struct run *run)
{
	size_t used = 0;
	ssize_t n;

	do {
		n = read(run->output, run->text + used, sizeof(run->text) - 1 - used);
		CHECK_SYS(n);
		used += (size_t)n;
	} while (n);
	CHECK_SYS(close(run->output));
	CHECK_INT(waitpid(run->pid, &run->status, 0), ==, run->pid);
}

static struct run run_tests(const char *const *names)
{
	struct run run = start(names);

	finish(&run);
	return run;
}

/* One bad test: its exit status, and each of the parts in what was said of it. */
static void expect(const char *name, int status, const char *const *parts)
{
	struct run run = run_tests((const char *const[]){name, NULL});

	for (; *parts; parts++)
		CHECK_CONTAINS(run.text, *parts);
	CHECK(WIFEXITED(run.status));
	CHECK_INT(WEXITSTATUS(run.status), ==, status);
}

#define EXPECT_FAILURE(name, ...) \
	expect(name, 1, (const char *const[]){"not ok 1 - ", __VA_ARGS__, NULL})

static void open_witness(void)
{
	CHECK_SYS(pipe2(witness, O_CLOEXEC));
}

static void expect_all_dead(void)
{
	char byte;

	CHECK_SYS(close(witness[1]));
	CHECK_INT(read(witness[0], &byte, 1), ==, 0);
	CHECK_SYS(close(witness[0]));
}

/* Assertions. */

static int three(void)
{
	return 3;
}

TEST(bad_int, "three is four", .hidden = true)
{
	CHECK_INT(three(), ==, 2 + 2);
}

TEST(failed_comparison, "a failed comparison shows place, text and both values")
{
	EXPECT_FAILURE("bad_int", "three is four\n",
		"test_harness.c:", "three() is 3, expected == 2 + 2, which is 4");
}

TEST(bad_err, "the wrong error", .hidden = true)
{
	CHECK_ERR(-EADDRINUSE, -EACCES);
}

TEST(bad_ok, "no success", .hidden = true)
{
	CHECK_OK(-ECONNRESET);
}

TEST(bad_sys, "no success of POSIX's", .hidden = true)
{
	CHECK_SYS(fcntl(-1, F_GETFD));
}

TEST(failed_calls, "a failed call is shown with the names of its errors")
{
	EXPECT_FAILURE("bad_err", "EADDRINUSE", "expected", "EACCES");
	EXPECT_FAILURE("bad_ok", "-ECONNRESET failed: ", "(-ECONNRESET)");
	EXPECT_FAILURE("bad_sys", "fcntl(-1, F_GETFD) failed", "EBADF");
}

TEST(bad_str, "other text", .hidden = true)
{
	CHECK_STR("one\r\nnot ok 7 - faked", "two");
}

TEST(bad_contains, "a part that is not there", .hidden = true)
{
	CHECK_CONTAINS("hay", "needle");
}

TEST(failed_texts, "texts that differ are shown as comments, unprintable bytes in hex")
{
	EXPECT_FAILURE("bad_str", "actual:   'one\\x0d\n# not ok 7 - faked'\n",
		"# expected: 'two'");
	EXPECT_FAILURE("bad_contains", "'hay'", "'needle'");
}

TEST(bad_nothing, "asserts nothing", .hidden = true)
{
}

TEST(nothing_asserted, "a test that asserts nothing fails")
{
	EXPECT_FAILURE("bad_nothing", "asserted nothing");
}

TEST(bad_wait, "a condition that never comes", .hidden = true)
{
	WAIT_UNTIL_MS(three() == 4, 20);
}

TEST(waiting_in_vain, "waiting for a condition ends")
{
	EXPECT_FAILURE("bad_wait", "'three() == 4' did not come true");
}

static void *fail_here(void *arg)
{
	CHECK_STR(arg, "said by a thread");
	return NULL;
}

TEST(bad_thread, "a thread of the test fails", .hidden = true)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, fail_here, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
}

TEST(bad_fork, "a child of the test fails", .hidden = true)
{
	pid_t pid = fork();

	CHECK_SYS(pid);
	if (pid == 0)
		CHECK_INT(1, ==, 2);
	(void)pause(); /* as a parent would that waits for its child's word */
}

TEST(failed_elsewhere, "a failure in a thread or forked child fails the test at once")
{
	EXPECT_FAILURE("bad_thread", "arg is not as expected", "NULL");
	EXPECT_FAILURE("bad_fork", "1 is 1, expected == 2");
}

/* Ways to end. */

TEST(good, "nothing is wrong", .hidden = true)
{
	CHECK(true);
}

TEST(bad_crash, "crashes", .hidden = true)
{
	(void)signal(SIGSEGV, SIG_DFL); /* sanitizers would exit instead */
	CHECK(raise(SIGSEGV) == 0);
}

TEST(bad_abort, "aborts", .hidden = true)
{
	abort();
}

TEST(bad_exit, "exits", .hidden = true)
{
	_exit(0);
}

TEST(crashes, "a crash is named by its signal")
{
	EXPECT_FAILURE("bad_crash", "killed by SIGSEGV");
	EXPECT_FAILURE("bad_abort", "killed by SIGABRT");
}

TEST(exits, "a test that ends its process has not passed")
{
	EXPECT_FAILURE("bad_exit", "ended in the middle of the test, with status 0");
}

/* In _exit's place: what LeakSanitizer and valgrind do. */
static void exit_7(void)
{
	_exit(7);
}

TEST(bad_late, "fails in an exit handler", .hidden = true)
{
	CHECK(atexit(exit_7) == 0);
}

TEST(late_exits, "a test that exit handlers end badly has not passed")
{
	EXPECT_FAILURE("bad_late", "passed, but", "status 7");
}

TEST(going_on, "after a crash the next test runs")
{
	struct run run = run_tests((const char *const[]){"good", "bad_crash", NULL});

	CHECK_CONTAINS(run.text, "TAP version 13\n1..2\nok 1 - nothing is wrong\n");
	CHECK_CONTAINS(run.text, "not ok 2 - crashes\n");
	run = run_tests((const char *const[]){"bad_nothing", "bad_crash", NULL});
	CHECK_CONTAINS(run.text, "not ok 1 - ");
	CHECK_CONTAINS(run.text, "not ok 2 - ");
}

static pid_t fork_idler(void)
{
	pid_t pid = fork();

	CHECK_SYS(pid);
	if (pid == 0) {
		(void)alarm(60); /* should all else fail */
		(void)pause();
		_exit(0);
	}
	return pid;
}

/*
 * In a session of its own no signal to the group reaches it; but its orphans find us.
 */
static void fork_daemon(void)
{
	pid_t pid = fork();

	CHECK_SYS(pid);
	if (pid == 0) {
		CHECK_SYS(setsid());
		(void)fork_idler();
		_exit(0);
	}
	CHECK_INT(waitpid(pid, NULL, 0), ==, pid);
}

TEST(bad_hang, "hangs, and all it started", .timeout_s = 1, .hidden = true)
{
	(void)fork_idler();
	(void)pause();
}

TEST(hangs, "a test that hangs is ended, with all its processes")
{
	CHECK_SYS(unsetenv("HARK_TEST_SLOWNESS"));
	open_witness();
	EXPECT_FAILURE("bad_hang", "timed out after 1 s");
	expect_all_dead();
}

TEST(slow, "shows how long a second may take", .hidden = true)
{
	long long start = now_ms();

	CHECK_INT(deadline_ms(1000), >=, start);
	NOTE("a second is %lld s", (deadline_ms(1000) - start) / 1000);
}

TEST(slowness, "HARK_TEST_SLOWNESS multiplies deadlines, and notes are shown")
{
	CHECK_SYS(setenv("HARK_TEST_SLOWNESS", "30", 1));
	expect("slow", 0, (const char *const[]){"\n# a second is 30 s\n", NULL});
}

TEST(skips, "skips itself", .hidden = true)
{
	REQUIRE(three() == 4, "needs %s to be four", "three");
}

TEST(skipping, "a skipped test is no failure and says why")
{
	expect("skips", 0,
		(const char *const[]){"\nok 1 - skips itself # SKIP "
				      "needs three to be four\n",
			NULL});
}

/* Leftovers. */

TEST(bad_open, "leaks a descriptor", .hidden = true)
{
	CHECK_SYS(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

TEST(bad_close, "closes what is not its own", .hidden = true)
{
	CHECK_SYS(close(STDIN_FILENO));
}

TEST(bad_replace, "puts another in a descriptor's place", .hidden = true)
{
	CHECK_SYS(close(STDIN_FILENO));
	CHECK_INT(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), ==, STDIN_FILENO);
}

TEST(bad_open_limited, "leaks a descriptor, the last there is", .hidden = true)
{
	struct rlimit limit;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = (rlim_t)open("/dev/null", O_RDONLY | O_CLOEXEC) + 1;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_INT(open("/dev/null", O_RDONLY | O_CLOEXEC), ==, -1);
}

TEST(descriptors, "descriptors left open, closed or replaced are listed")
{
	EXPECT_FAILURE("bad_open", "left open: /dev/null", "1 descriptors");
	EXPECT_FAILURE("bad_open_limited", "left open: /dev/null", "1 descriptors");
	EXPECT_FAILURE("bad_close", "descriptor 0 was closed: ");
	EXPECT_FAILURE("bad_replace", "descriptor 0 left open: socket:[", ", was ");
}

TEST(counting, "descriptors are counted")
{
	int count = open_descriptors(), ends[2];

	CHECK_SYS(pipe2(ends, O_CLOEXEC));
	CHECK_INT(open_descriptors(), ==, count + 2);
	CHECK_SYS(close(ends[0]));
	CHECK_SYS(close(ends[1]));
	CHECK_INT(open_descriptors(), ==, count);
}

TEST(bad_child, "leaves a child", .hidden = true)
{
	CHECK_SYS(fork_idler());
}

TEST(bad_zombie, "does not wait for a child", .hidden = true)
{
	siginfo_t info;
	pid_t pid = fork();

	CHECK_SYS(pid);
	if (pid == 0)
		_exit(3);
	CHECK_SYS(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
}

TEST(bad_daemon, "leaves a grandchild in another session", .hidden = true)
{
	fork_daemon();
}

TEST(children, "children left behind are told, and ended")
{
	open_witness();
	EXPECT_FAILURE("bad_child", "left running", "1 children");
	EXPECT_FAILURE("bad_zombie", "not waited for: exit status 3", "1 children");
	expect_all_dead();
}

TEST(bad_hang_daemon, "hangs, with a daemon", .timeout_s = 1, .hidden = true)
{
	fork_daemon();
	(void)pause();
}

TEST(daemons, "what left the group and the session is told and ended as well")
{
	CHECK_SYS(unsetenv("HARK_TEST_SLOWNESS"));
	REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0,
		"no PR_SET_CHILD_SUBREAPER: an emulator?");
	open_witness();
	EXPECT_FAILURE("bad_daemon", "left running", "1 children");
	EXPECT_FAILURE("bad_hang_daemon", "timed out");
	expect_all_dead();
}

TEST(bad_return, "a forked child comes back", .hidden = true)
{
	pid_t pid = fork();

	CHECK_SYS(pid);
	if (pid > 0)
		CHECK_INT(waitpid(pid, NULL, 0), ==, pid);
}

TEST(coming_back, "a forked child that returns from the test is found out")
{
	EXPECT_FAILURE("bad_return", "a forked child came back");
}

TEST(bad_directory, "crashes with files lying about", .hidden = true)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/below", temp_directory());
	CHECK_SYS(mkdir(path, 0700));
	(void)snprintf(path, sizeof(path), "%s/below/file", temp_directory());
	CHECK_SYS(fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	CHECK_SYS(close(fd));
	CHECK_INT(access(path, F_OK), ==, 0);
	NOTE("%s", path);
	(void)raise(SIGKILL);
}

TEST(directories, "a test's directory is removed, with all in it, even after a crash")
{
	struct run run = run_tests((const char *const[]){"bad_directory", NULL});
	char *path = strstr(run.text, "# /"), *end;

	CHECK(path);
	end = strstr(path, "/below/file\n");
	CHECK(end);
	CHECK_CONTAINS(run.text, "killed by SIGKILL");
	*end = '\0';
	CHECK_INT(access(path + 2, F_OK), ==, -1);
	CHECK_INT(errno, ==, ENOENT);
}

/* The runner. */

static int times(const char *text, const char *part)
{
	int n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

TEST(loud, "prints what looks like a result", .hidden = true)
{
	printf("ok 99 - not a result");
	CHECK_INT(three(), ==, 3);
}

TEST(output, "stdout holds TAP alone, each line once")
{
	struct run run = run_tests((const char *const[]){"good", "loud", NULL});

	CHECK_STR(run.text, "TAP version 13\n1..2\nok 1 - nothing is wrong\n"
			    "ok 2 - prints what looks like a result\n");
}

TEST(bad_pipe, "writes to a pipe that nobody reads", .hidden = true)
{
	int ends[2];

	CHECK_SYS(pipe2(ends, O_CLOEXEC));
	CHECK_SYS(close(ends[0]));
	CHECK_INT(write(ends[1], "", 1), ==, -1);
	CHECK_SYS(close(ends[1]));
}

TEST(signals, "a test has its signals as new, whatever the runner ignores or blocks")
{
	hostile_signals = true;
	EXPECT_FAILURE("bad_pipe", "killed by SIGPIPE");
}

TEST(unknown, "a name that no test has is an error")
{
	struct run run = run_tests((const char *const[]){"good", "godo", NULL});

	CHECK_STR(run.text, "");
	CHECK_INT(WEXITSTATUS(run.status), ==, 2);
}

TEST(listing, "--list tells names and sentences")
{
	struct run run = run_tests((const char *const[]){"--list", NULL});

	CHECK_CONTAINS(run.text, "\nlisting ");
	CHECK_CONTAINS(run.text, "--list tells names and sentences\n");
	CHECK_INT(times(run.text, "nothing is wrong (only when named)\n"), ==, 1);
}

TEST(endless, "tells that it runs, and hangs", .hidden = true)
{
	(void)fork_idler();
	CHECK_INT(write(witness[1], "!", 1), ==, 1);
	(void)pause();
}

TEST(interrupted, "a runner that is told to end takes its tests with it")
{
	struct run run;
	char byte;

	open_witness();
	run = start((const char *const[]){"endless", NULL});
	CHECK_INT(read(witness[0], &byte, 1), ==, 1);
	CHECK_SYS(kill(run.pid, SIGTERM));
	finish(&run);
	CHECK_CONTAINS(run.text, "Bail out! SIGTERM\n");
	CHECK_INT(WEXITSTATUS(run.status), ==, 128 + SIGTERM);
	expect_all_dead();
}

TEST(without_fork, "HARK_TEST_NOFORK runs a test in the runner's own process")
{
	struct run run;

	CHECK_SYS(setenv("HARK_TEST_NOFORK", "1", 1));
	run = run_tests((const char *const[]){"good", NULL});
	CHECK_CONTAINS(run.text, "# passed\n");
	CHECK_INT(run.status, ==, 0);
	run = run_tests((const char *const[]){"skips", NULL});
	CHECK_CONTAINS(run.text, "# needs three to be four\n");
	CHECK_INT(run.status, ==, 0);
	run = run_tests((const char *const[]){"bad_int", NULL});
	CHECK(WIFSIGNALED(run.status));
	CHECK_INT(WTERMSIG(run.status), ==, SIGABRT);
}
