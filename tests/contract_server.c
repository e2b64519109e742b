/* SPDX-License-Identifier: MIT
 *
 * The server under test, from both sides: its process, and the test's hold on it.
 *
 * Invariants: whatever a process of the server tells is in the memory that it shares with
 * the test before the eventfd is written, so that a process killed at any point leaves at
 * most one record that stays incomplete; hear() passes over those. tell() may be called
 * from signal handlers. Only the test holds the writing end of the gate: when it closes it,
 * or dies, nobody waits there any longer.
 */
#include "contract_stage.h"
#include "leftovers.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { PATIENCE_MS = 10000, LOOK_AGAIN_MS = 100 };

struct stage *stage; /* of this process and all that come of it */

static struct hark_server *server_here;

struct hark_server *served(void)
{
	return server_here;
}

void destroyed_already(void)
{
	server_here = NULL;
}

/* ------------------------------------------------------------- the server's process */

static void write_record(const struct record *what)
{
	size_t nth = atomic_fetch_add(&stage->claimed, 1);
	struct record *record = &stage->log[nth];

	if (nth >= LOG_MAX)
		return; /* the test that misses it fails */
	memcpy(&record->word, &what->word,
		sizeof(*what) - offsetof(struct record, word));
	record->nth = nth;
	record->at_ms = now_ms();
	record->by = getpid();
	atomic_store(&record->whole, true);
	/* When nobody reads it any more it may be full: fine. */
	if (write(stage->wake_fd, &(uint64_t){1}, sizeof(uint64_t)) < 0)
		return;
}

void tell(int word, long long value)
{
	int code = errno;

	write_record(&(struct record){.word = word, .value = value});
	errno = code;
}

static void note_event(const struct hark_server_event *event, void *ctx)
{
	const struct setup *setup = ctx;
	struct record record = {.word = EVENT(event->kind), .event = *event};

	atomic_fetch_add(&stage->events[event->kind % EVENTS], 1);
	if (event->peer)
		record.peer = *event->peer;
	if (event->local)
		record.local = *event->local;
	record.error = event->error ? event->error->code : 0;
	record.event.peer = record.event.local = NULL; /* valid during the call only */
	record.event.error = NULL;
	if (event->quiesce)
		record.quiesce = *event->quiesce;
	record.event.quiesce = NULL;
	write_record(&record);
	if (setup->on_event)
		setup->on_event(event);
}

static int command_signal(void)
{
	return SIGRTMIN + 2;
}

static void obey_command(int number, siginfo_t *info, void *context)
{
	int code = errno, what = info->si_value.sival_int;

	(void)number, (void)context;
	tell(TOLD_TO, what);
	if (what == STOP)
		CHECK_OK(hark_server_stop(server_here));
	else if (what == PAUSE)
		CHECK_OK(hark_server_pause(server_here));
	else if (what == RESUME)
		CHECK_OK(hark_server_resume(server_here));
	else if (what == RELOAD)
		CHECK_OK(hark_server_reload(server_here));
	errno = code;
}

static void mind_commands(bool on)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART};

	action.sa_sigaction = obey_command;
	if (!on) {
		action.sa_flags = 0;
		action.sa_handler = SIG_IGN;
	}
	/* The thread sanitizer's record of signals is made at the first call that blocks;
	 * a command that comes at this moment interrupts it, which is fine. */
	(void)poll(NULL, 0, 0);
	CHECK_SYS(sigaction(command_signal(), &action, NULL));
}

static struct hark_server_options options_of(const struct setup *setup)
{
	struct hark_server_options options = setup->options;
	static char name[] = "sh", option[] = "-c", text[] = "exec cat 2>/dev/null";
	static char *const words[] = {name, option, text, NULL};
	static const struct hark_program cat = {.path = "/bin/sh", .argv = words};

	options.model = combination().model;
	options.workers = combination().workers;
	options.on_event = note_event;
	options.event_ctx = (void *)(uintptr_t)setup; /* const: only read */
	if (options.model == HARK_MODEL_POOL && !options.threads)
		options.threads = POOL_THREADS;
	if (options.model != HARK_MODEL_SPAWN)
		options.program = NULL;
	else if (!options.program)
		options.program = &cat;
	return options;
}

static void listen_all(const struct setup *setup)
{
	const struct hark_listener *listener;
	struct hark_error err;

	for (size_t i = 0; i < LISTENERS; i++) {
		const char *text = setup->listen[i];

		if (!text && i > 0)
			break;
		if (hark_server_listen(server_here, text ? text : "127.0.0.1:0",
			    setup->listen_options, &err) < 0) {
			hark_error_print(stderr, &err);
			CHECK_OK(err.code);
		}
	}
	for (size_t i = 0; (listener = hark_server_listener(server_here, i)); i++) {
		CHECK_INT(i, <, LISTENERS);
		stage->at[i] = listener->addr;
		stage->listeners = (int)i + 1;
	}
}

void take_stats(void)
{
	CHECK_OK(
		hark_server_snapshot(server_here, &stage->stats, sizeof(stage->stats)));
}

static void run_server(const struct setup *setup)
{
	struct hark_server_options options = options_of(setup);
	struct hark_error err = {0};
	bool spawn = options.model == HARK_MODEL_SPAWN;

	server_here = hark_server_create(
		&options, spawn ? NULL : setup->handler, stage, &err);
	if (!server_here)
		hark_error_print(stderr, &err);
	CHECK(server_here != NULL);
	listen_all(setup);
	mind_commands(true);
	tell(READY, 0);
	if (setup->before_run)
		setup->before_run();
	stage->result = hark_server_run(server_here, &stage->error);
	mind_commands(false);
	if (!setup->after_run)
		take_stats();
	tell(RETURNED, stage->result);
	if (setup->after_run)
		setup->after_run();
	CHECK_OK(hark_server_destroy(server_here));
}

/* exit() and not _exit(): LeakSanitizer does its work in there. */
static _Noreturn void be_server(const struct setup *setup)
{
	static struct descriptors before;
	static char text[2048];
	static struct setup copy;
	int left;

	copy = *setup;
	CHECK_SYS(close(stage->gate[1]));
	if (copy.own_group)
		CHECK_SYS(setpgid(0, 0));
	CHECK_SYS(setrlimit(RLIMIT_CORE, &(struct rlimit){0}));
	CHECK_INT(descriptors_list(&before), >, 0);
	run_server(&copy);
	left = children_left(text, sizeof(text));
	left += descriptors_compare(&before, text, sizeof(text));
	if (left)
		harness_fail(__FILE__, __LINE__, "the server left behind:\n%s", text);
	exit(0);
}

void wait_at_gate(void)
{
	ssize_t got;
	char byte;

	do
		got = read(stage->gate[0], &byte, 1);
	while (got < 0 && errno == EINTR);
}

int gate_fd(void)
{
	return stage->gate[0];
}

int next_turn(void)
{
	return atomic_fetch_add(&stage->turns, 1) + 1;
}

atomic_llong *shared_number(int i)
{
	return &stage->numbers[i];
}

/* --------------------------------------------------------------- the test's process */

static struct stage *make_stage(void)
{
	void *memory = mmap(NULL, sizeof(struct stage), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct stage *made = memory;

	CHECK(memory != MAP_FAILED);
	CHECK_SYS(made->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	CHECK_SYS(pipe2(made->gate, O_CLOEXEC));
	return made;
}

struct server *serve(const struct setup *setup)
{
	struct server *server = calloc(1, sizeof(*server));

	CHECK(server != NULL);
	server->heard = calloc(LOG_MAX, sizeof(*server->heard));
	CHECK(server->heard != NULL);
	server->stage = stage = make_stage();
	CHECK_SYS(server->pid = fork());
	if (server->pid == 0) {
		free(server->heard);
		free(server); /* the test's alone */
		be_server(setup);
	}
	if (setup->own_group)
		(void)setpgid(server->pid, server->pid); /* whoever is first */
	(void)hear(server, READY);
	for (int i = 0; i < stage->listeners; i++) {
		server->at[i].length = stage->at[i].length;
		memcpy(&server->at[i].sa, &stage->at[i].u, stage->at[i].length);
	}
	return server;
}

/*
 * To the first thread, which runs the server and waits in poll(2). Another may be so new
 * that the thread sanitizer has no record of its signals yet, or wait for a lock: then one
 * is lost, or kept for long.
 */
static void give(const struct server *server, enum command what)
{
	siginfo_t info = {.si_signo = command_signal(), .si_code = SI_QUEUE};

	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_int = (int)what;
	CHECK_SYS(syscall(SYS_rt_tgsigqueueinfo, server->pid, server->pid,
		command_signal(), &info));
}

void send_signal(pid_t whom, int number)
{
	if (whom > 0)
		CHECK_SYS(syscall(SYS_tgkill, whom, whom, number));
	else
		CHECK_SYS(kill(whom, number));
}

void command(struct server *server, enum command what)
{
	int before = told_times(server, TOLD_TO);

	give(server, what);
	WAIT_UNTIL(told_times(server, TOLD_TO) > before);
}

void hear_times(struct server *server, int word, int times)
{
	while (times-- > 0)
		(void)hear(server, word);
}

/* Those who are on their way find the pause when they come, and tell. */
void wait_for_all(struct server *server)
{
	command(server, PAUSE);
	hear_times(server, EVENT(HARK_EVENT_PAUSED), serving_processes());
	command(server, RESUME);
	hear_times(server, EVENT(HARK_EVENT_RESUMED), serving_processes());
}

static size_t told(const struct server *server)
{
	size_t claimed = atomic_load(&server->stage->claimed);

	return claimed < LOG_MAX ? claimed : LOG_MAX;
}

static bool says(const struct record *record, int word)
{
	return atomic_load(&record->whole) && record->word == word;
}

static const struct record *next_unheard(struct server *server, int word)
{
	size_t count = told(server), i = server->heard_up_to;

	while (i < count && server->heard[i])
		i++;
	server->heard_up_to = i;
	for (; i < count; i++)
		if (!server->heard[i] && says(&server->stage->log[i], word)) {
			server->heard[i] = true;
			return &server->stage->log[i];
		}
	return NULL;
}

/* Not waited for yet: its number stays its own. */
static bool has_ended(const struct server *server)
{
	siginfo_t info = {0};

	CHECK_SYS(waitid(P_PID, (id_t)server->pid, &info, WEXITED | WNOHANG | WNOWAIT));
	return info.si_pid == server->pid;
}

static void wait_for_more(struct server *server, long long deadline)
{
	struct pollfd waits = {.fd = server->stage->wake_fd, .events = POLLIN};
	int left = left_ms(deadline);
	uint64_t count;

	(void)poll(&waits, 1, left < LOOK_AGAIN_MS ? left : LOOK_AGAIN_MS);
	if (read(server->stage->wake_fd, &count, sizeof(count)) < 0)
		return; /* nothing yet, or not announced for its teller was killed */
}

const struct record *hear(struct server *server, int word)
{
	long long deadline = deadline_ms(PATIENCE_MS);
	const struct record *record;
	bool ended = false;

	while (!(record = next_unheard(server, word))) {
		if (ended || left_ms(deadline) == 0)
			harness_fail(__FILE__, __LINE__,
				"the server has not told word %d (event %d)%s", word,
				word - EVENT(0), ended ? ", and has ended" : "");
		ended = has_ended(server); /* before the last look */
		if (!ended)
			wait_for_more(server, deadline);
	}
	return record;
}

long long hear_value(struct server *server, int word)
{
	return hear(server, word)->value;
}

int ending(struct server *server)
{
	return hear(server, EVENT(HARK_EVENT_CLOSED))->event.reason;
}

const struct record *told_nth(const struct server *server, int word, int nth)
{
	for (size_t i = 0; i < told(server); i++)
		if (says(&server->stage->log[i], word) && nth-- == 0)
			return &server->stage->log[i];
	return NULL;
}

int told_times(const struct server *server, int word)
{
	int times = 0;

	for (size_t i = 0; i < told(server); i++)
		times += says(&server->stage->log[i], word);
	return times;
}

void open_gate(struct server *server, int times)
{
	while (times-- > 0)
		CHECK_INT(write(server->stage->gate[1], "x", 1), ==, 1);
}

atomic_llong *test_number(struct server *server, int i)
{
	return &server->stage->numbers[i];
}

const struct hark_server_stats *stats(const struct server *server)
{
	return &server->stage->stats;
}

const struct hark_error *run_error(const struct server *server)
{
	return &server->stage->error;
}

/* ---------------------------------------------------------------------- its end */

void wait_run(struct server *server)
{
	WAIT_UNTIL_MS(told_times(server, RETURNED) > 0 || has_ended(server), 30000);
	CHECK_INT(told_times(server, RETURNED), ==, 1);
}

static void release(struct server *server)
{
	CHECK_SYS(close(server->stage->wake_fd));
	CHECK_SYS(close(server->stage->gate[0]));
	CHECK_SYS(close(server->stage->gate[1]));
	CHECK_SYS(munmap(server->stage, sizeof(*server->stage)));
	free(server->heard);
	free(server);
}

static int wait_process(struct server *server)
{
	int status;

	WAIT_UNTIL_MS(has_ended(server), PATIENCE_MS);
	CHECK_SYS(waitpid(server->pid, &status, 0));
	return status;
}

/* What came of processes that were killed is a child of the test, and ends by itself. */
static void wait_for_orphans(void)
{
	long long deadline = deadline_ms(PATIENCE_MS);
	pid_t pid;

	do {
		pid = waitpid(-1, NULL, WNOHANG | __WALL);
		if (pid == 0) /* no descriptor tells of all of them */
			CHECK_INT(poll(NULL, 0, 1), ==, 0);
		if (left_ms(deadline) == 0)
			return; /* the runner says which it is */
	} while (pid >= 0);
}

static uint64_t sum(const uint64_t *counts, size_t count)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += counts[i];
	return total;
}

static uint64_t events(const struct server *server, int kind)
{
	return atomic_load(&server->stage->events[kind]);
}

/* Q2 S7: all that came in has ended, and each counter agrees with its event */
static void check_sums(const struct server *server)
{
	const struct hark_server_stats *counted = stats(server);
	uint64_t ended = sum(counted->ended, HARK_ENDED_COUNT);
	uint64_t refused = sum(counted->refused, HARK_REFUSED_COUNT);
	uint64_t gone, unsure;

	CHECK_INT(counted->state, ==, HARK_SERVER_ENDED);
	CHECK_INT(counted->workers, ==, 0);
	CHECK_INT(counted->lingering, ==, 0);
	gone = ended + counted->lost + counted->open;
	/* Killed between two instructions, one is in two counters, or in none. */
	unsure = counted->lost ? counted->restarts : 0;
	CHECK_INT(counted->accepted + unsure, >=, gone);
	CHECK_INT(counted->accepted, <=, gone + counted->stuck + unsure);
	if (combination().model != HARK_MODEL_SPAWN) /* which leaves them alone */
		CHECK_INT(counted->open, <=, counted->stuck);
	if (server->stage->result == 0)
		CHECK_INT(events(server, HARK_EVENT_LISTENING), ==,
			server->stage->listeners);
	if (counted->lost || counted->stuck)
		return; /* who was killed told nothing more */
	CHECK_INT(events(server, HARK_EVENT_ACCEPTED), ==, counted->accepted);
	CHECK_INT(events(server, HARK_EVENT_CLOSED), <=, ended);
	if (combination().model != HARK_MODEL_SPAWN)
		CHECK_INT(events(server, HARK_EVENT_CLOSED), ==, ended);
	CHECK_INT(events(server, HARK_EVENT_REFUSED), ==, refused);
}

void end_with(struct server *server, int result)
{
	int status;

	if (!told_times(server, RETURNED))
		give(server, STOP);
	wait_run(server);
	CHECK_INT(server->stage->result, ==, result);
	CHECK_SYS(close(server->stage->gate[1])); /* nobody waits there any longer */
	CHECK_SYS(server->stage->gate[1] = dup(server->stage->gate[0]));
	status = wait_process(server);
	CHECK_INT(status, ==, 0);
	wait_for_orphans();
	check_sums(server);
	release(server);
}

void end(struct server *server)
{
	end_with(server, 0);
}

void end_killed(struct server *server)
{
	CHECK_INT(WTERMSIG(wait_process(server)), ==, SIGKILL);
	wait_for_orphans();
	release(server);
}
