/* SPDX-License-Identifier: MIT
 *
 * A running server, with every system call of every model failed at every place: it goes on
 * and serves the next client, or ends and says why; never with a signal, never in silence;
 * and neither a process nor a thread, a descriptor or memory is left.
 *
 * Each run is a process: clients talk to it, and SIGTERM ends it.  A run without faults
 * tells how many calls of each kind there are to fail, in whichever of its processes.
 *
 * Not here: create, listen and the calls of a handler one by one (sweep_server.c,
 * sweep_conn.c).
 */
#include "faulted.h"
#include "harness.h"
#include "net.h"
#include "sweep.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	NTH_MAX = 12, /* quick; all of them with HARK_TEST_FULL */
	NTH_FULL = 40,
	NTH_SLOW = 3,    /* where a process costs a second */
	UNREAD = 100000, /* more than a handler's buffer and one read of lingering */
	TOLD_MS = 200,   /* to be told of a stop; or a call failed that tells */
	END_MS = 20000,  /* of a run; far more than any takes */
	WRONG_MAX = 20,  /* then the rest is not told */
};

static struct faulted *shared;
static const struct faulted_kind *kind;
static int wrongs;

__attribute__((format(printf, 1, 2))) static void wrong(const char *format, ...)
{
	char what[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args); /* cut short is fine */
	va_end(args);
	NOTE("%s with %d workers, %s says %s at call %d: %s",
		hark_model_name(kind->model), kind->workers,
		sweep_lists[shared->call].text,
		shared->code ? hark_errno_name(shared->code) : "nothing", shared->nth,
		what);
	if (++wrongs == WRONG_MAX)
		harness_fail(__FILE__, __LINE__, "so many are enough");
}

/* ---------------------------------------------------------------------------- clients */

/* A client that has said its word, and more that nobody will read; -1: refused. */
static int say(const char *word, size_t more)
{
	static const char unread[UNREAD];
	int client = net_try_connect(net_ip("127.0.0.1", shared->port));

	if (client < 0)
		return -1;
	(void)!send(client, word, strlen(word), MSG_NOSIGNAL); /* it may be reset */
	(void)!send(client, unread, more, MSG_NOSIGNAL | MSG_DONTWAIT);
	return client;
}

/* Whether it read its own word, and then the end. */
static bool is_answered(int client, const char *word)
{
	char text[32];
	ssize_t got = client < 0 ? -1 : net_read_all(client, text, sizeof(text));

	if (got == -ETIMEDOUT)
		wrong("a client of '%.*s' got no answer", (int)strlen(word) - 1, word);
	return got == (ssize_t)strlen(word) && strcmp(text, word) == 0;
}

static void hang_up(int client)
{
	if (client >= 0)
		net_close(client);
}

/*
 * Whoever comes after the fault is served, if the server goes on; before it everybody is.
 * Who meets it may be reset.
 */
struct talk {
	bool served; /* so far as they had to be */
	int lingers, stays;
};

static void judge_client(struct talk *talk, bool answered, bool met)
{
	if (!answered && (met || !shared->injected))
		talk->served = false;
}

static void talk_to_end(struct talk *talk, const char *word)
{
	bool met = shared->injected;
	int client = say(word, 0);

	if (client >= 0)
		(void)shutdown(client, SHUT_WR); /* likewise */
	judge_client(talk, is_answered(client, word), met);
	hang_up(client);
}

/* Reads its answer, and the end, but does not hang up. */
static void begin_to_linger(struct talk *talk)
{
	bool met = shared->injected;

	talk->lingers = -1;
	if (kind->model == HARK_MODEL_SPAWN)
		return;
	talk->lingers = say("linger\n", UNREAD);
	judge_client(talk, is_answered(talk->lingers, "linger\n"), met);
}

/* A program would go on after the server's end, and not be told of it. */
static void begin_to_stay(struct talk *talk, const char *word)
{
	bool met = shared->injected;
	char text[32];

	talk->stays = -1;
	if (kind->model == HARK_MODEL_SPAWN)
		return;
	talk->stays = say(word, 0);
	judge_client(talk,
		talk->stays >= 0 && net_read(talk->stays, text, sizeof(text),
					    strlen(word)) == (ssize_t)strlen(word),
		met);
}

static struct talk begin_talk(void)
{
	struct talk talk = {.served = true};

	talk_to_end(&talk, "all\n");
	begin_to_linger(&talk);
	talk_to_end(&talk, "more\n");
	hang_up(talk.lingers);
	begin_to_stay(&talk, kind->way == CUTS ? "stay\n" : "idle\n");
	return talk;
}

/* ------------------------------------------------------------------------------- a run */

static bool is_readable(int fd, int ms)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};

	return poll(&readable, 1, left_ms(deadline_ms(ms))) == 1;
}

/* Open in every process of the server: its end is the end of all of them. */
static void await_end(pid_t pid, int held)
{
	char nothing;

	if (!is_readable(held, END_MS)) {
		wrong("it does not end");
		(void)kill(pid, SIGKILL);
		return;
	}
	CHECK_INT(read(held, &nothing, 1), ==, 0);
}

/* Who stays hears of it, and hangs up; if not, a little later. */
static void end_talk(const struct talk *talk)
{
	if (talk->stays >= 0)
		(void)is_readable(talk->stays, TOLD_MS);
	hang_up(talk->stays);
}

/* The signal's own write may be the one that fails: then it takes a second. */
static void stop(pid_t pid, int held, const struct talk *talk)
{
	shared->armed = true;
	(void)kill(pid, SIGTERM); /* or it has ended by itself */
	end_talk(talk);
	if (shared->code && shared->call == HARK__CALL_WRITE &&
		!is_readable(held, TOLD_MS))
		(void)kill(pid, SIGTERM);
	await_end(pid, held);
}

static void judge_failure(void)
{
	if (!shared->injected)
		wrong("it failed without a fault: %s", shared->text);
	else if (shared->err_code != shared->run ||
		 strncmp(shared->text, "cannot ", 7) != 0 ||
		 strpbrk(shared->text, "?\n") ||
		 !strstr(shared->text, hark_errno_name(shared->code)))
		wrong("it says %d: '%s'", shared->run, shared->text);
}

static void judge_stats(const struct hark_server_stats *stats)
{
	uint64_t ended = stats->lost;

	for (int i = 0; i < HARK_ENDED_COUNT; i++)
		ended += stats->ended[i];
	if (stats->open || stats->lingering || stats->stuck)
		wrong("%d open, %d lingering, %d stuck at the end", (int)stats->open,
			(int)stats->lingering, (int)stats->stuck);
	if (stats->accepted != ended)
		wrong("%d accepted, %d ended", (int)stats->accepted, (int)ended);
}

static void judge(int status, bool served)
{
	if (WIFSIGNALED(status)) {
		wrong("it died by signal %d", WTERMSIG(status));
		return;
	}
	if (WEXITSTATUS(status) != 0)
		wrong("its exit code is %d", WEXITSTATUS(status));
	if (!shared->ended)
		return;
	if (shared->run < 0)
		judge_failure();
	else if (!served)
		wrong("it went on, and a client was not served");
	if (shared->destroyed != 0)
		wrong("destroy says %d", shared->destroyed);
	if (*shared->left)
		wrong("left behind:\n%s", shared->left);
	if (shared->crash)
		wrong("a process of it died by signal %d", shared->crash);
	if (shared->failed > shared->told)
		wrong("%d workers ended, and %d said why", shared->failed,
			shared->told);
	if (shared->mute)
		wrong("%d events without a reason", shared->mute);
	judge_stats(&shared->stats);
}

static void begin(enum hark__call call, int nth, int code)
{
	memset((void *)shared, 0, sizeof(*shared));
	shared->call = call;
	shared->nth = nth;
	shared->code = code;
	shared->armed = kind->way != CUTS;
}

static void run(enum hark__call call, int nth, int code)
{
	int onward = net_listen(net_ip("127.0.0.1", 0), 8), held, status;
	struct talk talk;
	char byte;
	pid_t pid;

	begin(call, nth, code);
	shared->onward = net_port(onward);
	pid = faulted_start(shared, kind, &held);
	CHECK(is_readable(held, END_MS));
	CHECK_INT(read(held, &byte, 1), ==, 1);
	talk = begin_talk();
	stop(pid, held, &talk);
	CHECK_INT(waitpid(pid, &status, 0), ==, pid);
	net_close(held);
	net_close(onward);
	judge(status, talk.served);
}

/* ---------------------------------------------------------------------------- the sweep */

static bool is_full(void)
{
	const char *full = getenv("HARK_TEST_FULL");

	return full && *full == '1';
}

static int most_nth(void)
{
	if (is_full())
		return NTH_FULL;
	if (getenv("HARK_VALGRIND"))
		return 1;
	return getenv("HARK_TEST_SLOWNESS") ? NTH_SLOW : NTH_MAX;
}

/* What says that somebody has gone who is there leads astray. */
static bool is_lie(enum hark__call call, int code)
{
	return call == HARK__CALL_SHUTDOWN && code == ENOTCONN;
}

static int count_codes(enum hark__call call)
{
	int count = 0;

	while (count < SWEEP_CODES && sweep_lists[call].codes[count])
		count++;
	return count;
}

/* In the quick setting each call has another errno of its list. */
static int sweep_site(enum hark__call call, int nth)
{
	const int *codes = sweep_lists[call].codes;
	int count = count_codes(call), injected = 0;

	for (int i = 0; i < count; i++) {
		if ((!is_full() && i != nth % count) || is_lie(call, codes[i]))
			continue;
		run(call, nth, -codes[i]);
		injected += shared->injected;
	}
	return injected;
}

static void sweep_server(
	const struct faulted_kind *which, const enum hark__call *reaches)
{
	int seen[HARK__CALL_COUNT], injected = 0, sites = 0;

	REQUIRE(!getenv("HARK_EMULATED"), "an emulator may wait for ever in a process "
					  "that was forked beside threads");
	kind = which;
	shared = faulted_make();
	run(HARK__CALL_POLL, 0, 0);
	for (int call = 0; call < HARK__CALL_COUNT; call++)
		seen[call] = shared->seen[call];
	for (; *reaches != HARK__CALL_COUNT; reaches++)
		if (seen[*reaches] == 0)
			wrong("%s was not reached", sweep_lists[*reaches].text);
	for (int call = 0; call < HARK__CALL_COUNT; call++)
		for (int nth = 1; nth <= seen[call] && nth <= most_nth(); nth++) {
			injected += sweep_site((enum hark__call)call, nth);
			sites++;
		}
	NOTE("%d faults injected at %d sites", injected, sites);
	CHECK_INT(wrongs, ==, 0);
	/* No two runs are quite the same: threads take turns, and some calls are not made
	 * the next time; and where a call never says so, nothing is injected. */
	CHECK_INT(injected, >=, sites / 3);
	CHECK_SYS(munmap(shared, sizeof(*shared)));
}

/* What each model reaches, whether there are workers or not. */
#define IN_EVERY                                                                       \
	HARK__CALL_ACCEPT, HARK__CALL_POLL, HARK__CALL_CLOSE, HARK__CALL_GETSOCKOPT,   \
		HARK__CALL_READ, HARK__CALL_WRITE, HARK__CALL_OPEN, HARK__CALL_SOCKET, \
		HARK__CALL_SIGACTION, HARK__CALL_EPOLL, HARK__CALL_EPOLL_ADD,          \
		HARK__CALL_EPOLL_WAIT, HARK__CALL_TIMER
#define IN_HANDLERS                                                                   \
	HARK__CALL_RECV, HARK__CALL_SETSOCKOPT, HARK__CALL_SEND, HARK__CALL_SENDFILE, \
		HARK__CALL_CONNECT, HARK__CALL_SHUTDOWN, HARK__CALL_GETFL,            \
		HARK__CALL_SETFL, HARK__CALL_GETSOCKNAME
#define IN_WORKERS \
	HARK__CALL_FORK, HARK__CALL_WAIT, HARK__CALL_PIDFD, HARK__CALL_AFFINITY
#define OF_THREADS HARK__CALL_THREAD, HARK__CALL_TIMER_SET

#define SERVER_TEST(name, sentence, model_, workers_, way_, ...)  \
	TEST(name, sentence ", with faults", .timeout_s = 280)    \
	{                                                         \
		static const struct faulted_kind this = {         \
			HARK_MODEL_##model_, (workers_), (way_)}; \
		static const enum hark__call reaches[] = {        \
			__VA_ARGS__, HARK__CALL_COUNT};           \
		sweep_server(&this, reaches);                     \
	}

/* N5 S1 */
SERVER_TEST(serial, "one after another", SERIAL, 0, PLAIN, IN_EVERY, IN_HANDLERS,
	OF_THREADS)
SERVER_TEST(forks, "a process each", FORK, 0, PLAIN, IN_EVERY, IN_HANDLERS,
	HARK__CALL_FORK, HARK__CALL_WAIT, HARK__CALL_PIDFD)
SERVER_TEST(
	threads, "a thread each", THREAD, 0, PLAIN, IN_EVERY, IN_HANDLERS, OF_THREADS)
SERVER_TEST(
	pool, "a pool of threads", POOL, 0, PLAIN, IN_EVERY, IN_HANDLERS, OF_THREADS)
SERVER_TEST(spawns, "a program each", SPAWN, 0, PLAIN, IN_EVERY, HARK__CALL_SPAWN,
	HARK__CALL_WAIT, HARK__CALL_PIDFD)
SERVER_TEST(prepares, "a program each that is prepared", SPAWN, 0, PREPARES, IN_EVERY,
	HARK__CALL_SPAWN, HARK__CALL_WAIT, HARK__CALL_PIDFD)

/* N5 S1 S4 */
SERVER_TEST(serial_workers, "workers, one after another", SERIAL, 2, PLAIN, IN_EVERY,
	IN_HANDLERS, OF_THREADS, IN_WORKERS)
SERVER_TEST(forks_workers, "workers, a process each", FORK, 2, PLAIN, IN_EVERY,
	IN_HANDLERS, IN_WORKERS)
SERVER_TEST(threads_workers, "workers, a thread each", THREAD, 2, PLAIN, IN_EVERY,
	IN_HANDLERS, OF_THREADS, IN_WORKERS)
SERVER_TEST(pool_workers, "workers, a pool of threads", POOL, 2, PLAIN, IN_EVERY,
	IN_HANDLERS, OF_THREADS, IN_WORKERS)
SERVER_TEST(spawns_workers, "workers, a program each", SPAWN, 2, PLAIN, IN_EVERY,
	HARK__CALL_SPAWN, IN_WORKERS)

/* N5 S4 */
SERVER_TEST(recycles_threads, "workers that are replaced, a thread each", THREAD, 2,
	RECYCLES, IN_EVERY, IN_HANDLERS, OF_THREADS, IN_WORKERS)
SERVER_TEST(recycles_forks, "workers that are replaced, a process each", FORK, 2,
	RECYCLES, IN_EVERY, IN_HANDLERS, IN_WORKERS)
SERVER_TEST(recycles_spawns, "workers that are replaced, a program each", SPAWN, 2,
	RECYCLES, IN_EVERY, HARK__CALL_SPAWN, IN_WORKERS)

/* N5 S5 */
#define AT_THE_CUT HARK__CALL_POLL, HARK__CALL_WRITE, HARK__CALL_CLOSE
SERVER_TEST(cuts_serial, "a cut, one after another", SERIAL, 0, CUTS, AT_THE_CUT)
SERVER_TEST(
	cuts_forks, "a cut, a process each", FORK, 0, CUTS, AT_THE_CUT, HARK__CALL_WAIT)
SERVER_TEST(cuts_threads, "a cut, a thread each", THREAD, 0, CUTS, AT_THE_CUT)
SERVER_TEST(cuts_pool, "a cut, a pool of threads", POOL, 0, CUTS, AT_THE_CUT)
SERVER_TEST(cuts_forks_workers, "a cut, workers, a process each", FORK, 2, CUTS,
	AT_THE_CUT, HARK__CALL_WAIT)
SERVER_TEST(cuts_threads_workers, "a cut, workers, a thread each", THREAD, 2, CUTS,
	AT_THE_CUT, HARK__CALL_WAIT)
