/*
 * The runner: a process for each test, a limit on its time, a line of TAP for its end.
 *
 * Not here: what a test says (verdict.c), what a failed assertion says (checks.c), what
 * counts as a leftover (leftovers.c).
 *
 * Only the runner writes to stdout, and only after a test has ended: a line of TAP is
 * never printed twice after a fork, nor torn. It has one thread.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "leftovers.h"
#include "verdict.h"

enum { DEFAULT_TIMEOUT_S = 20 };

static struct test *first_test;
static const struct test *running; /* in the process of a test */
static struct verdict *verdict;

const struct test *harness_test(void)
{
	return running;
}

/* In the order of the source, which link-time optimisation does not keep. */
static bool comes_first(const struct test *a, const struct test *b)
{
	int order = strcmp(a->file, b->file);

	return order ? order < 0 : a->line <= b->line;
}

void harness_register(struct test *test)
{
	struct test **link = &first_test;

	while (*link && comes_first(*link, test))
		link = &(*link)->next;
	test->next = *link;
	*link = test;
}

/* The test's process, from birth to exit. */

static void default_signals(void)
{
	static const int numbers[] = {SIGPIPE, SIGCHLD, SIGINT, SIGTERM, SIGHUP};
	sigset_t none;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		(void)signal(numbers[i], SIG_DFL); /* valid numbers */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void fail_for_leftovers(
	const struct test *test, const struct descriptors *before)
{
	static char text[2048];
	int children = children_left(text, sizeof(text));
	int descriptors = descriptors_compare(before, text, sizeof(text));

	if (children || descriptors)
		harness_fail(test->file, test->line,
			"left behind: %d children, "
			"%d descriptors\n%s",
			children, descriptors, text);
}

/* exit() and not _exit(): LeakSanitizer and coverage do their work in there. */
static _Noreturn void run_body(const struct test *test)
{
	static struct descriptors before;

	if (descriptors_list(&before) < 0)
		harness_skip("cannot list descriptors: is /proc there?");
	running = test;
	test->body();
	if (!verdict_is_of_this_process())
		harness_fail(test->file, test->line,
			"a forked child came back out of the test");
	fail_for_leftovers(test, &before);
	if (!atomic_load(&verdict->asserted))
		harness_fail(test->file, test->line, "the test asserted nothing");
	(void)verdict_decide(PASSED); /* unless a thread failed just now */
	exit(0);
}

static _Noreturn void be_the_test(const struct test *test)
{
	(void)setpgid(0, 0); /* the runner does the same: whoever is first */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); /* if not, less is found */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* if not, it outlives us */
	default_signals();
	(void)dup2(STDERR_FILENO, STDOUT_FILENO); /* if not, TAP parsers see more */
	verdict_begin(false);
	run_body(test);
}

/* The runner's side. */

static const char *signal_name(int number)
{
#define S(name)             \
	{                   \
		name, #name \
	}
	static const struct {
		int number;
		const char *name;
	} known[] = {S(SIGSEGV), S(SIGABRT), S(SIGBUS), S(SIGFPE), S(SIGILL),
		S(SIGPIPE), S(SIGKILL), S(SIGTERM), S(SIGALRM), S(SIGTRAP), S(SIGSYS),
		S(SIGUSR1), S(SIGUSR2), S(SIGXCPU), S(SIGHUP), S(SIGINT), S(SIGQUIT)};
#undef S

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].number == number)
			return known[i].name;
	return strsignal(number);
}

static int read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	FILE *file;
	size_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	(void)fclose(file); /* only read from */
	return (int)n;
}

static bool is_traced(pid_t pid)
{
	char status[2048];
	const char *tracer;

	if (read_proc(pid, "status", status, sizeof(status)) < 0)
		return false;
	tracer = strstr(status, "TracerPid:");
	return tracer && atoi(tracer + strlen("TracerPid:")) != 0;
}

static void kill_group(pid_t pid)
{
	(void)kill(-pid, SIGKILL); /* its processes may all be gone */
	(void)kill(pid, SIGKILL);  /* should it have left its group */
}

static _Noreturn void bail_out(pid_t pid, int number)
{
	kill_group(pid);
	children_kill();
	verdict_clean(verdict);
	printf("Bail out! %s\n", signal_name(number));
	(void)fflush(stdout); /* nobody is left to be told */
	_exit(128 + number);
}

/* Asked while it still hangs: a test that waits for ever mostly does so in one call. */
static void note_time_out(const struct test *test, pid_t pid, long long ms)
{
	char place[64] = "";
	bool waits = read_proc(pid, "wchan", place, sizeof(place)) > 0 && *place != '0';

	harness_note("%s:%d: timed out after %lld s%s%s%s", test->file, test->line,
		ms / 1000, waits ? ", waiting in the kernel's " : "",
		waits ? place : "", waits ? "()" : "");
}

/*
 * The signals of prepare_to_wait() are blocked, so that an end between the two calls is
 * not missed. The zombie is left, to keep its number from others until its group is
 * killed.
 */
static bool ends_in_time(pid_t pid, long long deadline)
{
	struct timespec rest;
	siginfo_t info;
	sigset_t set;
	int left, number;

	(void)sigprocmask(SIG_BLOCK, NULL, &set); /* asks only */
	for (;;) {
		info.si_pid = 0;
		(void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
		if (info.si_pid == pid)
			return true;
		left = left_ms(deadline);
		if (left == 0 && !is_traced(pid) && !is_traced(getpid()))
			return false;
		left = left ? left : 1000; /* ask the debugger again in a second */
		rest.tv_sec = left / 1000;
		rest.tv_nsec = left % 1000 * 1000000L;
		number = sigtimedwait(&set, NULL, &rest);
		if (number == SIGINT || number == SIGTERM || number == SIGHUP)
			bail_out(pid, number);
	}
}

/* What ended a test that decided nothing itself, or ended badly after it had. */
static void note_end(const struct test *test, int status)
{
	bool passed = atomic_load(&verdict->outcome) == PASSED;

	if (WIFSIGNALED(status))
		harness_note("%s:%d: killed by %s%s", test->file, test->line,
			signal_name(WTERMSIG(status)),
			passed ? ", after its last assertion" : "");
	else if (!passed)
		harness_note("%s:%d: ended in the middle of the test, with status %d",
			test->file, test->line, WEXITSTATUS(status));
	else
		harness_note("%s:%d: passed, but exit handlers, a sanitizer or "
			     "valgrind ended it with status %d",
			test->file, test->line, WEXITSTATUS(status));
}

/* Passing takes both: the body's last word, and an end that no checking tool spoilt. */
static bool judge(const struct test *test, int status, bool in_time)
{
	int outcome = atomic_load(&verdict->outcome);

	if (outcome == FAILED || outcome == SKIPPED)
		return outcome == SKIPPED;
	if (outcome == PASSED && in_time && status == 0)
		return true;
	if (in_time)
		note_end(test, status);
	return false;
}

static void print_result(const struct test *test, int number, bool passed)
{
	printf("%sok %d - %s", passed ? "" : "not ", number, test->sentence);
	if (atomic_load(&verdict->outcome) == SKIPPED)
		printf(" # SKIP %s", verdict->because);
	printf("\n");
	if (!passed)
		printf("# test %s, %s:%d\n", test->name, test->file, test->line);
	verdict_print(verdict);
	(void)fflush(
		stdout); /* before the next fork; a closed stdout is its reader's */
}

static bool run_forked(const struct test *test, int number)
{
	int limit_s = test->timeout_s ? test->timeout_s : DEFAULT_TIMEOUT_S, status = 0;
	long long start, deadline;
	bool in_time, passed;
	pid_t pid;

	memset(verdict, 0, sizeof(*verdict));
	start = now_ms();
	deadline = deadline_ms(limit_s * 1000);
	pid = fork();
	if (pid == 0)
		be_the_test(test);
	if (pid < 0) {
		harness_note("cannot fork: %s", errno_name(errno));
		print_result(test, number, false);
		return false;
	}
	(void)setpgid(pid, pid); /* the test does the same: whoever is first */
	in_time = ends_in_time(pid, deadline);
	if (!in_time)
		note_time_out(test, pid, deadline - start);
	kill_group(pid);
	(void)waitpid(pid, &status, 0);
	children_kill();
	passed = judge(test, status, in_time);
	verdict_clean(verdict);
	print_result(test, number, passed);
	return passed;
}

static int list(void)
{
	for (const struct test *test = first_test; test; test = test->next)
		printf("%-32s %s%s\n", test->name, test->sentence,
			test->hidden ? " (only when named)" : "");
	return 0;
}

static bool is_chosen(const struct test *test, char *const *names)
{
	if (!*names)
		return !test->hidden;
	for (; *names; names++)
		if (strcmp(*names, test->name) == 0)
			return true;
	return false;
}

/* A name that no test has is an error: a renamed test must not pass by not running. */
static bool all_known(char *const *names)
{
	for (; *names; names++) {
		const struct test *test = first_test;

		while (test && strcmp(test->name, *names) != 0)
			test = test->next;
		if (!test) {
			fprintf(stderr, "no test '%s'; --list shows all\n", *names);
			return false;
		}
	}
	return true;
}

/* Runs on every way out but a crash. */
static void report_in_process(void)
{
	int outcome = atomic_load(&verdict->outcome);

	if (!verdict_is_of_this_process())
		return;
	verdict_clean(verdict);
	verdict_print(verdict);
	printf("# %s\n", outcome == PASSED    ? "passed"
			 : outcome == SKIPPED ? verdict->because
					      : "ended in the middle of the test");
}

static int run_in_process(char *const *names)
{
	for (const struct test *test = first_test; test; test = test->next) {
		if (!is_chosen(test, names))
			continue;
		printf("# in this process: %s\n", test->name);
		verdict_begin(true);
		(void)atexit(report_in_process); /* if not, it ends without a word */
		run_body(test);
	}
	return 2;
}

static void prepare_to_wait(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
	(void)signal(SIGCHLD, SIG_DFL); /* ignored, it would take our children away */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); /* if not, less is killed */
}

static int run_all(char *const *names)
{
	int count = 0, number = 0, failed = 0;

	for (const struct test *test = first_test; test; test = test->next)
		count += is_chosen(test, names);
	prepare_to_wait();
	printf("TAP version 13\n1..%d\n", count);
	(void)fflush(stdout); /* before the first fork */
	for (const struct test *test = first_test; test; test = test->next)
		if (is_chosen(test, names))
			failed += !run_forked(test, ++number);
	return failed ? 1 : 0;
}

int harness_main(int argc, char **argv)
{
	char *const *names = argv + (argc > 0);

	if (*names && strcmp(*names, "--list") == 0)
		return list();
	if (!all_known(names))
		return 2;
	verdict = verdict_make();
	if (!verdict) {
		fprintf(stderr, "no memory to run tests in\n");
		return 2;
	}
	return getenv("HARK_TEST_NOFORK") ? run_in_process(names) : run_all(names);
}

int main(int argc, char **argv)
{
	return harness_main(argc, argv);
}
