/*
 * The engine of the fault sweep: one run, what is judged after it, and all the runs.
 *
 * Not here: what each call may say (sweep_faults.c), the scenarios (sweep_*.c).
 *
 * While a body runs, no descriptor number stays free below the highest one in use: holes are
 * stopped up before, and each number that the library closes is taken again at once, as
 * another thread would. So a descriptor that is closed twice takes one of those stoppers
 * away, and is seen.
 */
#include "sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

enum {
	NUMBERS = 120,  /* descriptors below this are watched */
	STOPPER = 150,  /* what stops up a hole is a copy of this one */
	STOPPERS = 512, /* closes in one body */
	FILES = 16,
	MOST_SITES = 1000, /* calls of one kind in one body */
	FUNCTIONS = 128
};

/* ------------------------------------------------------------------------ the ledger */

static struct ledger {
	struct sweep_total total;
	char functions[FUNCTIONS][48];
} * ledger;

/* Before any test's process is forked, so that all of them write to the same. */
__attribute__((constructor)) static void open_ledger(void)
{
	void *memory = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	ledger = memory;
}

struct sweep_total sweep_total(void)
{
	return ledger->total;
}

bool sweep_function_was_called(const char *name)
{
	for (int i = 0; i < FUNCTIONS; i++)
		if (strcmp(ledger->functions[i], name) == 0)
			return true;
	return false;
}

void sweep_note_function(const char *name)
{
	size_t length = strlen(name) + 1;

	for (int i = 0; i < FUNCTIONS; i++) {
		if (strcmp(ledger->functions[i], name) == 0)
			return;
		if (ledger->functions[i][0])
			continue;
		CHECK(length <= sizeof(ledger->functions[i]));
		memcpy(ledger->functions[i], name, length);
		return;
	}
	CHECK(!"the ledger has room for all functions");
}

/* --------------------------------------------------------------------- descriptors, files */

/* What the process has open, and what is in the test's directory. */
struct state {
	struct {
		dev_t device;
		ino_t inode; /* 0: not open */
	} fd[NUMBERS];
	int files;
	struct {
		char name[32];
		ino_t inode;
	} file[FILES];
};

static void look_at_directory(struct state *state)
{
	DIR *directory = opendir(temp_directory());
	struct dirent *entry;

	state->files = 0;
	CHECK(directory);
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		CHECK_INT(state->files, <, FILES);
		(void)snprintf(state->file[state->files].name,
			sizeof(state->file[0].name), "%.31s", entry->d_name);
		state->file[state->files++].inode = entry->d_ino;
	}
	(void)closedir(directory); /* only read from */
}

static void look(struct state *state)
{
	struct stat st;

	look_at_directory(state);
	for (int fd = 0; fd < NUMBERS; fd++) {
		bool is_open = fstat(fd, &st) == 0;

		state->fd[fd].device = is_open ? st.st_dev : 0;
		state->fd[fd].inode = is_open ? st.st_ino : 0;
	}
}

static bool had_file(const struct state *before, const struct state *after, int file)
{
	for (int i = 0; i < before->files; i++)
		if (before->file[i].inode == after->file[file].inode &&
			strcmp(before->file[i].name, after->file[file].name) == 0)
			return true;
	return false;
}

static bool same_fd(const struct state *before, const struct state *after, int fd)
{
	return before->fd[fd].inode == after->fd[fd].inode &&
	       before->fd[fd].device == after->fd[fd].device;
}

/* --------------------------------------------------------------------------- one run */

struct fault {
	enum hark__call call;
	int code; /* 0: none */
	int nth;
	bool for_ever;
};

static struct run {
	const struct scenario *scenario;
	struct fault fault;
	int called[HARK__CALL_COUNT];
	int injected;
	bool given_came_first;
	int stoppers, stopper[STOPPERS];
	struct stat stopper_file;
	bool excused
		[SWEEP_EXCEPTIONS]; /* exceptions that took place in this scenario */
} now;

int sweep_injected(void)
{
	return now.injected;
}

bool sweep_was_told(enum hark__call call, int code)
{
	return now.injected && now.fault.call == call && now.fault.code == code;
}

/* Fails, and says in which run. */
__attribute__((format(printf, 1, 2))) static _Noreturn void wrong(
	const char *format, ...)
{
	const struct fault *fault = &now.fault;
	char what[1024], where[128] = "without a fault";
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args); /* cut short is fine */
	va_end(args);
	if (fault->code)
		(void)snprintf(where, sizeof(where), "%s says %s at call %d%s",
			sweep_lists[fault->call].text, hark_errno_name(fault->code),
			fault->nth, fault->for_ever ? " and from there on" : "");
	(void)harness_checked(false);
	harness_fail(__FILE__, __LINE__, "%s: %s", where, what);
}

/* Takes the lowest free number. */
static int stop_up(void)
{
	int lowest = now.scenario->stdin_is_free ? STDIN_FILENO + 1 : 0;
	int fd = fcntl(STOPPER, F_DUPFD_CLOEXEC, lowest);

	if (fd < 0 || now.stoppers == STOPPERS)
		wrong("no room for a stopper: %s", errno_name(errno));
	now.stopper[now.stoppers++] = fd;
	return fd;
}

static bool is_given(enum hark__call call)
{
	const struct exception *given = &now.scenario->given;

	return given->code && given->call == call &&
	       (given->nth == 0 || given->nth == now.called[call]);
}

static bool is_due(enum hark__call call)
{
	const struct fault *fault = &now.fault;

	if (!fault->code || call != fault->call || now.called[call] < fault->nth)
		return false;
	return fault->for_ever ? now.injected < sweep_most(call, fault->code)
			       : now.called[call] == fault->nth;
}

/* A server's threads may be there (sweep_conn.c), and have no part in it. */
static _Thread_local bool runs_bodies;

static void set_fault(int (*fault)(enum hark__call call))
{
	__atomic_store_n(&hark__fault, fault, __ATOMIC_RELEASE);
}

static int inject(enum hark__call call)
{
	int code = 0;

	if (!runs_bodies)
		return 0;
	now.called[call]++;
	if (is_given(call)) {
		code = now.scenario->given.code;
	} else if (is_due(call)) {
		code = now.fault.code;
		now.injected++;
	}
	if (is_given(call) && now.scenario->given.nth && now.injected == 0)
		now.given_came_first = true;
	if (call == HARK__CALL_CLOSE)
		(void)stop_up();
	return -code;
}

static void arm(void)
{
	int highest = 0;

	for (int fd = 0; fd < NUMBERS; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			highest = fd;
	now.stoppers = now.injected = 0;
	now.given_came_first = false;
	memset(now.called, 0, sizeof(now.called));
	while (stop_up() < highest)
		;
	if (now.scenario->stdin_is_free)
		(void)close(STDIN_FILENO); /* may be closed from the beginning */
	runs_bodies = true;
	set_fault(inject);
}

static void disarm(void)
{
	struct stat st;

	set_fault(NULL);
	while (now.stoppers > 0) {
		int fd = now.stopper[--now.stoppers];

		if (fstat(fd, &st) < 0 || st.st_ino != now.stopper_file.st_ino ||
			st.st_dev != now.stopper_file.st_dev)
			wrong("descriptor %d was closed twice", fd);
		CHECK_SYS(close(fd));
	}
}

/* What arm() took away. */
static void restore_stdin(void)
{
	if (!now.scenario->stdin_is_free)
		return;
	if (fcntl(STDIN_FILENO, F_GETFD) >= 0)
		wrong("descriptor 0 was left open");
	CHECK_INT(open("/dev/null", O_RDWR), ==, STDIN_FILENO);
}

/* ------------------------------------------------------------------------ what is right */

static bool is_result(long long result)
{
	return result == now.scenario->results[0] || result == now.scenario->results[1];
}

/* Looks for an exception that allows this end. */
static bool is_excused(long long result)
{
	const struct exception *list = now.scenario->exceptions;

	for (int i = 0; i < SWEEP_EXCEPTIONS && list[i].code; i++) {
		if (list[i].call != now.fault.call ||
			(list[i].code != ANY && list[i].code != now.fault.code) ||
			(list[i].nth && list[i].nth != now.fault.nth) ||
			(list[i].result ? result != list[i].result : result < 0))
			continue;
		now.excused[i] = true;
		return true;
	}
	return false;
}

static void judge_result(long long result)
{
	long long expects = now.scenario->expects;
	bool as_ever = expects ? result == expects : result >= 0;

	if (now.injected == 0) {
		if (!as_ever)
			wrong("the body says %lld (%s)", result, errno_name(result));
		return;
	}
	if (expects < 0 && as_ever)
		return;
	if (expects < 0 && now.given_came_first)
		wrong("the body says %lld, and not what came first", result);
	if (result == -(long long)now.fault.code)
		return;
	if (!is_excused(result))
		wrong("the body says %lld%s%s, which is no listed exception", result,
			result < 0 ? " " : "",
			result < 0 ? hark_errno_name((int)result) : "");
}

static void judge_text(const struct hark_error *err)
{
	char text[HARK_ERROR_TEXT_MAX];
	size_t length = hark_error_text(err, text, sizeof(text));

	if (length >= sizeof(text) || strpbrk(text, "?\n") ||
		strncmp(text, "cannot ", 7) != 0)
		wrong("the error reads '%s'", text);
	if (!err->resolver_code && !strstr(text, hark_errno_name(err->code)))
		wrong("the error lacks %s: '%s'", hark_errno_name(err->code), text);
}

/* The steps that may be named after a fault of its own are known; else any but none. */
static void judge_error(const struct hark_error *err, long long result)
{
	int code = hark_error_exit_code(err);
	unsigned steps = ~0u;

	if (now.injected && result == -(long long)now.fault.code &&
		result != now.scenario->expects)
		steps = sweep_lists[now.fault.call].steps;
	if (err->code != result)
		wrong("the result is %lld, err.code %d", result, err->code);
	if (err->step <= 0 || err->step >= HARK_STEP_COUNT || !(steps >> err->step & 1))
		wrong("err.step is %d", err->step);
	if (code != 100 && code != 111)
		wrong("the exit code is %d", code);
	judge_text(err);
}

static void judge_err(const struct hark_error *err, long long result)
{
	struct hark_error untouched;

	memset(&untouched, 0xa5, sizeof(untouched));
	if (now.scenario->without_error ||
		memcmp(err, &untouched, sizeof(untouched)) == 0) {
		if (result < 0 && !now.scenario->without_error && !is_result(result))
			wrong("the body says %lld, and err nothing", result);
		return;
	}
	if (result >= 0)
		wrong("the body succeeded and wrote to err");
	judge_error(err, result); /* also a result that is a failure this time */
}

/* After a failure everything is as it was; what a success opened is born as promised. */
static void judge_state(const struct state *before, long long result)
{
	static struct state after;
	bool same_fds = result < 0 && !now.scenario->releases;

	look(&after);
	if (now.scenario->stdin_is_free && after.fd[STDIN_FILENO].inode &&
		!now.scenario->may_stay_low)
		wrong("descriptor 0 was given away");
	for (int fd = 0; fd < NUMBERS; fd++) {
		if (same_fd(before, &after, fd) ||
			(fd == STDIN_FILENO && now.scenario->stdin_is_free))
			continue;
		if (same_fds)
			wrong("descriptor %d was left open, closed or replaced", fd);
		if (!before->fd[fd].inode &&
			(fd <= STDERR_FILENO || !(fcntl(fd, F_GETFD) & FD_CLOEXEC)))
			wrong("descriptor %d is not close-on-exec, or too low", fd);
	}
	for (int i = 0; i < after.files; i++)
		if (result < 0 && !now.scenario->may_leave_file &&
			!had_file(before, &after, i))
			wrong("the file '%s' was left", after.file[i].name);
}

static void judge_clean(const struct state *before)
{
	static struct state after;

	look(&after);
	for (int fd = 0; fd < NUMBERS; fd++)
		if (!same_fd(before, &after, fd) &&
			!(fd == STDIN_FILENO && now.scenario->stdin_is_free))
			wrong("descriptor %d was left open or closed", fd);
	if (after.files != before->files)
		wrong("%d files were there before, %d are now", before->files,
			after.files);
}

static void run(bool with_err)
{
	static struct state before, ready;
	const struct scenario *scenario = now.scenario;
	struct hark_error err;
	long long result;

	look(&before);
	if (scenario->prepare)
		scenario->prepare();
	look(&ready);
	memset(&err, 0xa5, sizeof(err));
	arm();
	result = scenario->body(with_err ? &err : NULL);
	disarm();
	judge_result(result);
	if (with_err)
		judge_err(&err, result);
	judge_state(&ready, result);
	if (scenario->check)
		scenario->check(result);
	if (scenario->clean)
		scenario->clean();
	restore_stdin();
	judge_clean(&before);
}

/* -------------------------------------------------------------------------- all the runs */

static void run_without_fault(void)
{
	now.fault.code = 0;
	run(true);
}

/* Also that the scenario says what it reaches, no more and no less. */
static uint64_t run_first(void)
{
	uint64_t reached = 0, declared = now.scenario->reaches;

	run_without_fault();
	for (int call = 0; call < HARK__CALL_COUNT; call++) {
		uint64_t bit = UINT64_C(1) << call;

		if (now.called[call])
			reached |= bit;
		if ((reached & bit) != (declared & bit))
			wrong("the scenario %s %s",
				declared & bit ? "never reached" : "also reached",
				sweep_lists[call].text);
	}
	return reached;
}

/* How many faults there were; 0: the run ended untouched. */
static int run_faulted(struct fault fault, bool with_err)
{
	int injected;

	now.fault = fault;
	run(with_err);
	injected = now.injected;
	ledger->total.injected += injected;
	ledger->total.injected_at[fault.call] += injected;
	if (injected)
		run_without_fault();
	return injected;
}

static long sweep_code(enum hark__call call, int code, bool for_ever, bool with_err)
{
	struct fault fault = {call, code, 1, for_ever};
	int injected, sites = now.scenario->sites ? now.scenario->sites : MOST_SITES;
	long total = 0;

	for (; fault.nth <= sites; fault.nth++) {
		injected = run_faulted(fault, with_err);
		if (injected == 0)
			return total;
		total += injected;
	}
	if (sites == MOST_SITES)
		wrong("the body never came to its end untouched");
	return total;
}

static long sweep_call(enum hark__call call)
{
	const int *codes = sweep_lists[call].codes;
	long total = sweep_code(call, codes[0], false, false); /* err may be NULL */

	for (int i = 0; i < SWEEP_CODES && codes[i]; i++) {
		total += sweep_code(call, codes[i], false, true);
		total += sweep_code(call, codes[i], true, true);
	}
	return total;
}

static void judge_exceptions(void)
{
	const struct exception *list = now.scenario->exceptions;

	now.fault.code = 0;
	for (int i = 0; i < SWEEP_EXCEPTIONS && list[i].code; i++)
		if (!now.excused[i])
			wrong("exception %d, %s with %s, never took place", i,
				sweep_lists[list[i].call].text,
				list[i].code == ANY ? "any errno"
						    : hark_errno_name(list[i].code));
}

static void make_stopper(void)
{
	int fds[2];

	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	CHECK_INT(fcntl(fds[0], F_DUPFD_CLOEXEC, STOPPER), ==, STOPPER);
	CHECK_SYS(close(fds[0]));
	CHECK_SYS(close(fds[1]));
	CHECK_SYS(fstat(STOPPER, &now.stopper_file));
}

void sweep(const struct scenario *scenario)
{
	long total = 0;
	uint64_t reached;
	int kinds = 0;

	ledger->total.begun++;
	REQUIRE(!getenv("HARK_EMULATED"),
		"an emulator lacks socket options that the sweep fails one by one");
	now.scenario = scenario;
	make_stopper();
	reached = run_first();
	if (scenario->sweeps)
		reached &= scenario->sweeps;
	for (int call = 0; call < HARK__CALL_COUNT; call++) {
		if (!(reached >> call & 1))
			continue;
		total += sweep_call(call);
		kinds++;
	}
	judge_exceptions();
	CHECK_SYS(close(STOPPER));
	NOTE("%ld injections in %d kinds of call", total, kinds);
	ledger->total.ended++;
}
