/* SPDX-License-Identifier: MIT
 *
 * A server of the engine at moments that are rare: processes that die between two steps,
 * calls that meet.  Each server runs in a thread of the test, and its processes share a page
 * with it.
 */
#include "harness.h"
#include "net.h"

#include <hark_server.h>

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of the thread sanitizer: workers begin threads, and were forked by one of the test's. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "die_after_fork=0";
}

enum { KINDS = HARK_EVENT_FAILED + 1 };

/* What the processes of a server and its test know of each other. */
struct page {
	_Atomic int told[KINDS];  /* events, by their kind */
	_Atomic int first[KINDS]; /* the how manieth event was the first of its kind */
	_Atomic int events;
	_Atomic unsigned open;  /* as the last DRAINED or the first FULL told it */
	_Atomic int worker;     /* the last that was started */
	_Atomic int status;     /* of the last that ended */
	_Atomic int entered;    /* handlers … */
	_Atomic int process;    /* … and of the last its process */
	_Atomic bool may_leave; /* what held() waits for */
	_Atomic int done;       /* whatever a test counts */
};

struct stage {
	struct hark_server *server;
	struct page *page;
	void (*also)(struct stage *stage, const struct hark_server_event *event);
	pthread_t thread;
	_Atomic pid_t workers[2]; /* the first two */
	const char *text; /* the address; NULL: a port that the kernel chooses */
	struct net_addr at;
	int result; /* of hark_server_run */
};

static void note(const struct hark_server_event *event, void *ctx)
{
	struct stage *stage = ctx;
	struct page *page = stage->page;
	int nth = ++page->events, none = 0;

	(void)atomic_compare_exchange_strong(&page->first[event->kind], &none, nth);
	page->told[event->kind]++;
	if (event->kind == HARK_EVENT_DRAINED)
		page->open = event->open;
	if (event->kind == HARK_EVENT_WORKER_STARTED)
		page->worker = event->pid;
	if (event->kind == HARK_EVENT_WORKER_ENDED)
		page->status = event->status;
	if (stage->also)
		stage->also(stage, event);
}

static void *run(void *ctx)
{
	struct stage *stage = ctx;

	stage->result = hark_server_run(stage->server, NULL);
	return NULL;
}

static void set_up(
	struct stage *stage, struct hark_server_options options, hark_handler *handler)
{
	stage->page = mmap(NULL, sizeof(*stage->page), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(stage->page != MAP_FAILED);
	options.on_event = note;
	options.event_ctx = stage;
	stage->server = hark_server_create(&options, handler, stage, NULL);
	CHECK(stage->server != NULL);
	CHECK_OK(hark_server_listen(
		stage->server, stage->text ? stage->text : "127.0.0.1:0", NULL, NULL));
	stage->at = net_local(hark_server_listener(stage->server, 0)->fd);
}

static void begin(struct stage *stage)
{
	CHECK_INT(pthread_create(&stage->thread, NULL, run, stage), ==, 0);
}

static void wait_for_end(struct stage *stage)
{
	CHECK_INT(pthread_join(stage->thread, NULL), ==, 0);
	CHECK_OK(stage->result);
	WAIT_UNTIL(hark_server_destroy(stage->server) == 0);
	CHECK_SYS(munmap(stage->page, sizeof(*stage->page)));
}

static void stop(struct stage *stage)
{
	CHECK_OK(hark_server_stop(stage->server));
	wait_for_end(stage);
}

static struct hark_server_stats stats_of(const struct stage *stage)
{
	struct hark_server_stats stats;

	CHECK_OK(hark_server_snapshot(stage->server, &stats, sizeof(stats)));
	return stats;
}

/* Echoes until the client's end. */
static void echo(struct hark_conn *conn, void *ctx)
{
	struct stage *stage = ctx;
	const void *data;
	ssize_t n;

	stage->page->process = getpid();
	stage->page->entered++;
	while ((n = hark_conn_receive(conn, &data)) > 0)
		if (hark_conn_write(conn, data, (size_t)n) < 0)
			return;
}

/* A client who is being served. */
static int meet(const struct stage *stage)
{
	int client = net_connect(stage->at);
	char word[2];

	net_send(client, "!");
	CHECK_INT(net_read(client, word, sizeof(word), 1), ==, 1);
	return client;
}

/* One who says nothing any more: waits for the end of the other side. */
static void part(int client)
{
	char rest[16];

	CHECK_SYS(shutdown(client, SHUT_WR));
	CHECK_INT(net_read_all(client, rest, sizeof(rest)), ==, 0);
	net_close(client);
}

/* ---------------------------------------------------------- processes that die at the end */

static void die_while_telling(
	struct stage *stage, const struct hark_server_event *event)
{
	if (event->kind == HARK_EVENT_CLOSED && stage->page->done++ == 0)
		(void)kill(getpid(), SIGKILL);
}

TEST(dies_while_it_tells, /* S4 S8 */
	"a handler's process that dies while it tells of its end leaves no place taken")
{
	struct stage stage = {.also = die_while_telling};

	set_up(&stage,
		(struct hark_server_options){.model = HARK_MODEL_FORK,
			.max_connections = 1,
			.max_per_address = 1},
		echo);
	begin(&stage);
	part(meet(&stage));
	part(meet(&stage));
	WAIT_UNTIL(stats_of(&stage).open == 0);
	CHECK_INT(stats_of(&stage).accepted, ==, 2);
	stop(&stage);
}

/* Keeps on past the end of its parent, as a process does that has changed its user. */
static void outlive(struct hark_conn *conn, void *ctx)
{
	(void)prctl(PR_SET_PDEATHSIG, 0);
	echo(conn, ctx);
}

TEST(outlives_its_worker, /* S4 S8 */
	"a handler's process that outlives its worker takes nothing from the next one")
{
	struct stage stage = {0};
	int client, worker, orphan;

	set_up(&stage,
		(struct hark_server_options){
			.model = HARK_MODEL_FORK, .workers = 1, .max_per_address = 2},
		outlive);
	begin(&stage);
	client = meet(&stage);
	worker = stage.page->worker;
	orphan = stage.page->process;
	CHECK_SYS(kill(worker, SIGKILL));
	WAIT_UNTIL(stage.page->told[HARK_EVENT_WORKER_STARTED] == 2);
	CHECK_INT(stats_of(&stage).lost, ==, 1);
	part(client);
	CHECK_INT(waitpid(orphan, NULL, 0), ==, orphan); /* we are its reaper */
	CHECK_INT(stats_of(&stage).open, ==, 0);
	part(meet(&stage));
	WAIT_UNTIL(stats_of(&stage).open == 0);
	stop(&stage);
}

/* ------------------------------------------------------------------------------ counting */

static void note_full(struct stage *stage, const struct hark_server_event *event)
{
	if (event->kind == HARK_EVENT_FULL && stage->page->told[event->kind] == 1)
		stage->page->open = (unsigned)stats_of(stage).open;
}

TEST(reserved_is_not_served, /* S4 S7 */
	"FULL is told when the last place is taken, not when workers wait for clients")
{
	struct stage stage = {.also = note_full};
	int clients[2];

	set_up(&stage, (struct hark_server_options){.workers = 2, .max_connections = 2},
		echo);
	begin(&stage);
	clients[0] = meet(&stage);
	clients[1] = meet(&stage);
	WAIT_UNTIL(stage.page->open != 0);
	CHECK_INT(stage.page->open, ==, 2);
	part(clients[0]);
	part(clients[1]);
	stop(&stage);
}

/* ------------------------------------------------------------------------- replacements */

static void write_rules(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	CHECK(file != NULL);
	CHECK(fputs(text, file) >= 0);
	CHECK_INT(fclose(file), ==, 0);
}

static void reload_at_its_end(
	struct stage *stage, const struct hark_server_event *event)
{
	if (event->kind == HARK_EVENT_WORKER_ENDED && stage->page->done++ == 0)
		(void)hark_server_reload(stage->server);
}

TEST(reloads_between_workers, /* S4 */
	"rules that changed while a worker was replaced are those of the next one")
{
	struct stage stage = {.also = reload_at_its_end};
	char path[256];
	int client;

	(void)snprintf(path, sizeof(path), "%s/rules", temp_directory());
	write_rules(path, "default deny\n");
	set_up(&stage, (struct hark_server_options){.workers = 1, .rules_file = path},
		echo);
	begin(&stage);
	WAIT_UNTIL(stage.page->worker != 0);
	write_rules(path, "allow 127.0.0.1\n");
	CHECK_SYS(kill(stage.page->worker, SIGKILL));
	WAIT_UNTIL(stage.page->told[HARK_EVENT_WORKER_STARTED] == 2);
	client = meet(&stage);
	part(client);
	stop(&stage);
}

TEST(retires_when_it_can_be_replaced, /* S1 S8 */
	"a worker is used up only when another can take its place")
{
	enum { CLIENTS = 7 };
	struct stage stage = {0};
	int clients[CLIENTS];

	set_up(&stage,
		(struct hark_server_options){
			.workers = 1, .recycle_after = 1, .drain_ms = -1},
		echo);
	begin(&stage);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = meet(&stage);
	for (int i = 0; i < CLIENTS; i++)
		part(clients[i]);
	stop(&stage);
}

static void until_told(struct hark_conn *conn, void *ctx)
{
	const void *data;

	echo(conn, ctx);
	while (hark_conn_receive(conn, &data) > 0)
		continue;
}

static void check_retirement(enum hark_model model)
{
	struct stage stage = {0};
	int client, worker;
	char rest[16];

	set_up(&stage,
		(struct hark_server_options){.model = model,
			.workers = 2,
			.threads = model == HARK_MODEL_POOL ? 2 : 0,
			.drain_ms = 50,
			.mind_signals = HARK_ON},
		until_told);
	begin(&stage);
	client = meet(&stage);
	worker = stage.page->process;
	CHECK_SYS(kill(worker, SIGTERM));
	WAIT_UNTIL(stage.page->told[HARK_EVENT_WORKER_ENDED] == 1);
	(void)net_read_all(client, rest, sizeof(rest));
	net_close(client);
	CHECK_INT(stats_of(&stage).ended[HARK_ENDED_CUT], ==, 1);
	CHECK_INT(stats_of(&stage).stuck, ==, 0);
	CHECK_OK(hark_server_stop(stage.server));
	CHECK_INT(pthread_join(stage.thread, NULL), ==, 0);
	CHECK_INT(stage.page->open, ==, 0); /* nobody was cut by this drain */
	CHECK_OK(hark_server_destroy(stage.server));
	CHECK_SYS(munmap(stage.page, sizeof(*stage.page)));
}

TEST(cut_by_retirement, /* S5 S7 */
	"who was cut when a worker retired is neither stuck nor counted by the last "
	"drain")
{
	static const enum hark_model models[] = {
		HARK_MODEL_THREAD, HARK_MODEL_POOL, HARK_MODEL_SERIAL};

	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
		check_retirement(models[i]);
}

/* ------------------------------------------------------------------------ from a handler */

static void leave_a_copy(struct hark_conn *conn, void *ctx)
{
	struct stage *stage = ctx;
	const void *data;

	if (hark_conn_receive(conn, &data) <= 0 || hark_conn_write(conn, "!", 1) < 0)
		return;
	if (*(const char *)data != 'f' || fork() != 0)
		return;
	while (!stage->page->may_leave)
		(void)poll(NULL, 0, 1);
	_exit(0);
}

/* Over all epoll instances of this process. */
static int count_watched(void)
{
	char path[64], line[256];
	int count = 0;

	for (int fd = 3; fd < 64; fd++) {
		FILE *file;

		(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file))
			count += strncmp(line, "tfd:", 4) == 0;
		if (file)
			CHECK_INT(fclose(file), ==, 0);
	}
	return count;
}

static int ask(const struct stage *stage, const char *word)
{
	int client = net_connect(stage->at);
	char text[2];

	net_send(client, word);
	CHECK_INT(net_read(client, text, sizeof(text), 1), ==, 1);
	return client;
}

TEST(copies_in_children, /* S2 S8 */
	"a child of a handler that keeps descriptors keeps nobody busy")
{
	struct stage stage = {0};
	int lingers, forks, watched;

	set_up(&stage, (struct hark_server_options){0}, leave_a_copy);
	begin(&stage);
	WAIT_UNTIL(hark_server_state(stage.server) == HARK_SERVER_SERVING);
	watched = count_watched();
	REQUIRE(watched > 0, "this kernel does not list what epoll watches");
	lingers = ask(&stage, "x");
	WAIT_UNTIL(stats_of(&stage).lingering == 1);
	forks = ask(&stage, "f");
	WAIT_UNTIL(stats_of(&stage).lingering == 2);
	part(lingers);
	part(forks);
	WAIT_UNTIL(stats_of(&stage).lingering == 0);
	CHECK_INT(count_watched(), ==, watched);
	stage.page->may_leave = true;
	CHECK(waitpid(-1, NULL, 0) > 0);
	stop(&stage);
}

/* --------------------------------------------------------------------------- from a hook */

static void stop_at_listening(
	struct stage *stage, const struct hark_server_event *event)
{
	if (event->kind == HARK_EVENT_LISTENING)
		(void)hark_server_stop(stage->server);
}

TEST(stopped_before_it_serves, /* S5 S7 */
	"a stop before the first client comes after SERVING in what is told, in any "
	"model")
{
	static const enum hark_model models[] = {
		HARK_MODEL_SERIAL, HARK_MODEL_FORK, HARK_MODEL_THREAD, HARK_MODEL_POOL};

	for (int i = 0; i < 40; i++) {
		struct stage stage = {.also = stop_at_listening};
		const _Atomic int *first;

		set_up(&stage,
			(struct hark_server_options){
				.model = models[i % 4], .workers = i / 4 % 2},
			echo);
		begin(&stage);
		CHECK_INT(pthread_join(stage.thread, NULL), ==, 0);
		first = stage.page->first;
		CHECK_INT(first[HARK_EVENT_LISTENING], <, first[HARK_EVENT_SERVING]);
		CHECK_INT(first[HARK_EVENT_SERVING], <, first[HARK_EVENT_QUIESCING]);
		CHECK_INT(first[HARK_EVENT_QUIESCING], <, first[HARK_EVENT_DRAINING]);
		CHECK_INT(first[HARK_EVENT_DRAINING], <, first[HARK_EVENT_DRAINED]);
		CHECK_OK(hark_server_destroy(stage.server));
		CHECK_SYS(munmap(stage.page, sizeof(*stage.page)));
	}
}

/* ------------------------------------------------------------------------ Unix listeners */

/* In the worker, between poll(2) and accept(2). */
static void hold_reloaded(struct stage *stage, const struct hark_server_event *event)
{
	if (event->kind == HARK_EVENT_WORKER_STARTED)
		stage->workers[stage->page->told[event->kind] % 2] = event->pid;
	if (event->kind != HARK_EVENT_RELOADED)
		return;
	stage->page->done++;
	while (!stage->page->may_leave)
		(void)poll(NULL, 0, 1);
}

static void send_both(const struct stage *stage, int signal)
{
	for (int i = 0; i < 2; i++) {
		CHECK_SYS(kill(stage->workers[i], signal));
		if (signal == SIGSTOP)
			CHECK_SYS(waitpid(stage->workers[i], NULL, WUNTRACED));
	}
}

TEST(shut_down_by_a_stop, /* S5 */
	"a worker whose Unix listener the stop has shut down ends as one that was "
	"stopped")
{
	char path[256], text[280];
	struct stage stage = {.also = hold_reloaded, .text = text};
	int client, stolen;

	(void)snprintf(path, sizeof(path), "%s/rules", temp_directory());
	(void)snprintf(text, sizeof(text), "unix:%s/socket", temp_directory());
	write_rules(path, "default allow\n");
	set_up(&stage, (struct hark_server_options){.workers = 2, .rules_file = path},
		echo);
	begin(&stage);
	WAIT_UNTIL(stage.workers[0] != 0 && stage.workers[1] != 0);
	for (int i = 0; i < 40; i++) /* until both have begun, as a rule */
		part(meet(&stage));
	send_both(&stage, SIGSTOP);
	CHECK_OK(hark_server_reload(stage.server));
	client = net_connect(stage.at);
	send_both(&stage, SIGCONT);
	WAIT_UNTIL(stage.page->done == 2);
	CHECK_SYS(
		stolen = accept(hark_server_listener(stage.server, 0)->fd, NULL, NULL));
	CHECK_OK(hark_server_stop(stage.server));
	WAIT_UNTIL(stage.page->told[HARK_EVENT_QUIESCING] == 1);
	stage.page->may_leave = true;
	CHECK_INT(pthread_join(stage.thread, NULL), ==, 0);
	CHECK_INT(stage.page->told[HARK_EVENT_FAILED], ==, 0);
	net_close(client);
	net_close(stolen);
	CHECK_OK(hark_server_destroy(stage.server));
	CHECK_SYS(munmap(stage.page, sizeof(*stage.page)));
}

/* ---------------------------------------------------------------------- calls that meet */

struct twice {
	struct hark_server *server;
	pthread_barrier_t both;
	_Atomic int busy;
};

static void *run_at_once(void *ctx)
{
	struct twice *twice = ctx;
	int done;

	(void)pthread_barrier_wait(&twice->both);
	done = hark_server_run(twice->server, NULL);
	if (done == -EBUSY)
		twice->busy++;
	else
		CHECK_OK(done);
	return NULL;
}

TEST(run_by_two, /* S1 */
	"of two threads that run a server at once one runs it, and the other is told "
	"-EBUSY")
{
	for (int i = 0; i < 200; i++) {
		struct twice twice = {0};
		pthread_t thread[2];

		twice.server = hark_server_create(NULL, echo, NULL, NULL);
		CHECK(twice.server != NULL);
		CHECK_OK(hark_server_listen(twice.server, "127.0.0.1:0", NULL, NULL));
		CHECK_OK(hark_server_stop(twice.server));
		CHECK_INT(pthread_barrier_init(&twice.both, NULL, 2), ==, 0);
		for (int j = 0; j < 2; j++)
			CHECK_INT(pthread_create(&thread[j], NULL, run_at_once, &twice),
				==, 0);
		for (int j = 0; j < 2; j++)
			CHECK_INT(pthread_join(thread[j], NULL), ==, 0);
		CHECK_INT(twice.busy, ==, 1);
		CHECK_INT(pthread_barrier_destroy(&twice.both), ==, 0);
		CHECK_OK(hark_server_destroy(twice.server));
	}
}

/* ------------------------------------------------------------ what a child has open */

static int count_open(const char *kind)
{
	char path[64], target[64];
	int count = 0;

	for (int fd = 0; fd < 256; fd++) {
		ssize_t length;

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		length = readlink(path, target, sizeof(target) - 1);
		target[length < 0 ? 0 : length] = '\0';
		count += strstr(target, kind) != NULL;
	}
	return count;
}

static void count_sets(struct hark_conn *conn, void *ctx)
{
	struct stage *stage = ctx;

	stage->page->done = 1 + count_open("eventpoll");
	echo(conn, ctx);
}

TEST(epoll_sets_of_a_child, /* S8 */
	"a handler's process has none of the epoll sets that its worker waits with")
{
	struct stage stage = {0};

	set_up(&stage,
		(struct hark_server_options){.model = HARK_MODEL_FORK, .workers = 2},
		count_sets);
	begin(&stage);
	part(meet(&stage));
	CHECK_INT(stage.page->done, ==, 1);
	stop(&stage);
}

/* ------------------------------------------------------------------- SIGCHLD is ignored */

TEST(without_statuses, /* S7 S8 */
	"where the application ignores SIGCHLD, what a dead worker had is lost all the "
	"same")
{
	struct stage stage = {0};
	int client;
	char rest[16];

	CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	set_up(&stage,
		(struct hark_server_options){.model = HARK_MODEL_FORK, .workers = 1},
		echo);
	begin(&stage);
	part(meet(&stage));
	WAIT_UNTIL(stats_of(&stage).ended[HARK_ENDED_RETURNED] == 1);
	client = meet(&stage);
	CHECK_SYS(kill(stage.page->worker, SIGKILL));
	WAIT_UNTIL(stage.page->told[HARK_EVENT_WORKER_STARTED] == 2);
	CHECK_INT(stats_of(&stage).lost, ==, 1);
	CHECK_INT(stats_of(&stage).ended[HARK_ENDED_CUT], ==, 0);
	(void)net_read_all(client, rest, sizeof(rest));
	net_close(client);
	part(meet(&stage));
	stop(&stage);
}

/* ------------------------------------------------------------- an application that forks */

enum { COPIES = 40 };

static pid_t copies[COPIES];

static void *fork_copies(void *ctx)
{
	struct stage *stage = ctx;

	for (int i = 0; i < COPIES; i++) {
		CHECK_SYS(copies[i] = fork());
		if (copies[i] == 0) {
			while (!stage->page->may_leave)
				(void)poll(NULL, 0, 10);
			_exit(0);
		}
		(void)poll(NULL, 0, 1);
	}
	stage->page->done = 1;
	return NULL;
}

/* Emulators and sanitizers make a fork(2) of it; see sys/spawn.c. */
static bool vfork_shares(void)
{
	volatile bool shared = false;
	pid_t pid = vfork();

	if (pid == 0) {
		shared = true;
		_exit(0);
	}
	CHECK_INT(waitpid(pid, NULL, 0), ==, pid);
	return shared;
}

TEST(forks_beside_programs, /* S1 S8 */
	"an application that forks by itself holds up no program that is started "
	"meanwhile")
{
	static char name[] = "echo", word[] = "!", *const argv[] = {name, word, NULL};
	const struct hark_program program = {.path = "/bin/echo", .argv = argv};
	struct stage stage = {0};
	pthread_t forker;
	char text[8];

	REQUIRE(vfork_shares(), "vfork(2) is a fork(2) here");
	set_up(&stage,
		(struct hark_server_options){
			.model = HARK_MODEL_SPAWN, .program = &program},
		NULL);
	begin(&stage);
	CHECK_INT(pthread_create(&forker, NULL, fork_copies, &stage), ==, 0);
	while (!stage.page->done) {
		int client = net_begin_connect(stage.at); /* nothing to interrupt */

		CHECK_INT(net_read(client, text, sizeof(text), 2), ==, 2);
		net_close(client);
	}
	CHECK_INT(pthread_join(forker, NULL), ==, 0);
	stage.page->may_leave = true;
	for (int i = 0; i < COPIES; i++)
		CHECK_SYS(waitpid(copies[i], NULL, 0));
	stop(&stage);
}

/* ------------------------------------------------------------------------- who lingers */

TEST(lingers_for_the_next, /* S1 S4 */
	"processes that linger make room: nobody is refused for them, however many "
	"they are")
{
	enum { CLIENTS = 6 };
	struct stage stage = {0};
	int clients[CLIENTS];

	set_up(&stage,
		(struct hark_server_options){
			.model = HARK_MODEL_FORK, .max_connections = 1},
		leave_a_copy);
	begin(&stage);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = ask(&stage, "x");
	for (int i = 0; i < CLIENTS; i++)
		part(clients[i]);
	CHECK_INT(stats_of(&stage).refused[HARK_REFUSED_RESOURCES], ==, 0);
	stop(&stage);
}

TEST(ends_once, /* S7 S8 */
	"a worker that dies while it tells of an end has not lost that conversation as "
	"well")
{
	struct stage stage = {.also = die_while_telling};
	struct hark_server_stats stats;
	int client;

	set_up(&stage, (struct hark_server_options){.workers = 1}, echo);
	begin(&stage);
	client = meet(&stage);
	CHECK_SYS(shutdown(client, SHUT_WR)); /* the worker may have a copy */
	WAIT_UNTIL(stage.page->told[HARK_EVENT_WORKER_STARTED] == 2);
	stats = stats_of(&stage);
	CHECK_INT(stats.accepted, ==, 1);
	CHECK_INT(stats.ended[HARK_ENDED_RETURNED], ==, 1);
	CHECK_INT(stats.lost, ==, 0);
	CHECK_INT(stats.open, ==, 0);
	net_close(client);
	stop(&stage);
}
