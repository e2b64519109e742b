/* SPDX-License-Identifier: MIT
 *
 * The server whose calls fail: options that reach as many kinds of call as there are, a
 * handler that does the same, and the account at its end.
 */
#include "faulted.h"

#include "harness.h"
#include "leftovers.h"
#include "net.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long what has ended may take to be gone. */
enum { GONE_MS = 3000, STAY_MS = 60000, CUT_MS = 30 };

static struct faulted *plan;

static int meet(enum hark__call call)
{
	int count;

	if (!plan->armed)
		return 0;
	count = 1 + plan->seen[call]++;
	if (!plan->code || call != plan->call || count != plan->nth)
		return 0;
	plan->injected = 1;
	return plan->code;
}

struct faulted *faulted_make(void)
{
	void *memory = mmap(NULL, sizeof(struct faulted), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(memory != MAP_FAILED);
	return memory;
}

/* ---------------------------------------------------------------------------- handler */

static struct hark_server *server;
static int file;

/* Results that are no failures have no error. */
static void check_error(const struct hark_conn *conn, int result)
{
	if (result < 0 && result != -ESHUTDOWN && result != -ETIMEDOUT)
		CHECK_INT(hark_conn_error(conn)->code, ==, result);
}

/* To the test, which never accepts: being in its queue is enough. */
static void call_onward(struct hark_conn *conn)
{
	struct hark_addr to;
	char text[32];
	int fd;

	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", plan->onward);
	CHECK_OK(hark_addr_parse(&to, text, NULL));
	fd = hark_conn_connect(conn, &to, 5000);
	check_error(conn, fd);
	if (fd >= 0)
		CHECK_SYS(close(fd));
}

/* Once round the engine. */
static int do_all(struct hark_conn *conn, size_t length)
{
	CHECK(hark_conn_local_addr(conn) != NULL);
	(void)hark_server_pause(server); /* words of memory, and a wake that may fail */
	(void)hark_server_resume(server);
	(void)hark_server_reload(server);
	(void)hark_conn_sleep(conn, 1); /* if not, so be it */
	call_onward(conn);
	return hark_conn_send_file(conn, file, 0, length);
}

/* Until the stop, or until the cut. */
static int stay(struct hark_conn *conn, bool idle)
{
	struct pollfd fd = {hark_conn_fd(conn), POLLIN, 0};
	int done;

	hark_conn_idle(conn, idle);
	done = idle ? hark_conn_poll(conn, &fd, 1, STAY_MS)
		    : hark_conn_sleep(conn, STAY_MS);
	return done < 0 ? done : 0; /* or the client has hung up */
}

/* Says again what was said first; with what comes behind it nobody is concerned. */
static int answer(struct hark_conn *conn)
{
	const char *line;
	const void *data;
	ssize_t length = hark_conn_read_until(conn, '\n', &data, 0);
	char word;
	int done;

	if (length <= 0)
		return (int)length;
	line = data;
	word = *line;
	if (word == 'a')
		return do_all(conn, (size_t)length);
	done = hark_conn_write(conn, line, (size_t)length);
	return done == 0 && (word == 'i' || word == 's') ? stay(conn, word == 'i')
							 : done;
}

static void handle(struct hark_conn *conn, void *ctx)
{
	(void)ctx;
	check_error(conn, answer(conn));
}

static bool owes_reason(const struct hark_server_event *event)
{
	return event->kind == HARK_EVENT_FAILED || event->kind == HARK_EVENT_HELD ||
	       (event->kind == HARK_EVENT_REFUSED &&
		       event->reason == HARK_REFUSED_RESOURCES);
}

static void note_event(const struct hark_server_event *event, void *ctx)
{
	char text[HARK_ERROR_TEXT_MAX];

	(void)ctx;
	if (WIFSIGNALED(event->status) && WTERMSIG(event->status) != SIGKILL)
		plan->crash = WTERMSIG(event->status);
	if (event->kind == HARK_EVENT_WORKER_ENDED && WIFEXITED(event->status))
		plan->failed += WEXITSTATUS(event->status) != 0;
	plan->told += event->kind == HARK_EVENT_FAILED;
	if (!owes_reason(event))
		return;
	if (!event->error || event->error->code >= 0 ||
		hark_error_text(event->error, text, sizeof(text)) >= sizeof(text) ||
		strncmp(text, "cannot ", 7) != 0)
		plan->mute++;
}

/* ------------------------------------------------------------------------------- start */

static int prepare(struct hark_environment *env, const struct hark_addr *peer,
	const struct hark_addr *local, void *ctx)
{
	(void)peer, (void)local, (void)ctx;
	return hark_environment_set(env, "TCPREMOTEHOST", "somebody");
}

static const char *write_file(const char *name, const char *text)
{
	static char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", temp_directory(), name);
	CHECK_SYS(fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
	CHECK_INT(write(fd, text, strlen(text)), ==, (long long)strlen(text));
	CHECK_SYS(close(fd));
	return path;
}

static void create(const struct faulted_kind *kind)
{
	static char name[] = "cat", *argv[] = {name, NULL}, *envp[] = {NULL};
	static struct hark_program program;
	struct hark_server_options options = {.model = kind->model,
		.workers = kind->workers,
		.threads = kind->model == HARK_MODEL_POOL ? 2 : 0,
		.max_connections = 8,
		.max_per_address = 8,
		.drain_ms = kind->way == CUTS ? CUT_MS : 5000,
		.recycle_after = kind->way == RECYCLES,
		.mind_signals = HARK_ON,
		.pin_cpus = kind->workers ? HARK_ON : HARK_OFF,
		.histograms = HARK_ON,
		.pressure = HARK_PRESSURE_SHED,
		.on_event = note_event};
	bool spawns = kind->model == HARK_MODEL_SPAWN;

	program = (struct hark_program){.path = "/bin/cat",
		.argv = argv,
		.envp = envp,
		.prepare = kind->way == PREPARES ? prepare : NULL};
	options.program = spawns ? &program : NULL;
	CHECK_SYS(file = open(write_file("file", "all\n"), O_RDONLY | O_CLOEXEC));
	options.rules_file = write_file("rules", "allow 127.0.0.1\n");
	server = hark_server_create(&options, spawns ? NULL : handle, NULL, NULL);
	CHECK(server != NULL);
	CHECK_INT(hark_server_listen(server, "127.0.0.1:0", NULL, NULL), ==, 1);
	plan->port = net_port(hark_server_listener(server, 0)->fd);
}

/* ----------------------------------------------------------------------------- account */

static int count_threads(void)
{
	DIR *directory = opendir("/proc/self/task");
	int count = -2; /* "." and ".." */

	CHECK(directory != NULL);
	while (readdir(directory))
		count++;
	(void)closedir(directory); /* only read from */
	return count;
}

static void *do_nothing(void *ctx)
{
	return ctx;
}

/* A sanitizer has threads of its own, some of them from the first thread on. */
static int count_usual_threads(void)
{
	pthread_t thread;

	CHECK_INT(pthread_create(&thread, NULL, do_nothing, NULL), ==, 0);
	CHECK_INT(pthread_join(thread, NULL), ==, 0);
	return count_threads();
}

static void add(const char *what, int number)
{
	size_t used = strlen(plan->left);

	(void)snprintf(
		plan->left + used, sizeof(plan->left) - used, "%s: %d\n", what, number);
}

/* A thread that was detached says that it has ended a little before it is gone. */
static void look_for_threads(int before)
{
	long long deadline = deadline_ms(GONE_MS);

	while (count_threads() > before && left_ms(deadline) > 0)
		(void)poll(NULL, 0, 1);
	if (count_threads() > before)
		add("threads", count_threads());
}

/* Whose worker died first is nobody's child but this process's, its reaper. */
static void look_for_children(bool orphans)
{
	long long deadline = deadline_ms(orphans ? GONE_MS : 0);
	pid_t pid;
	int status;

	do {
		pid = waitpid(-1, &status, WNOHANG);
		if (pid > 0 && !orphans)
			add("not waited for", (int)pid);
		if (pid == 0)
			(void)poll(NULL, 0, 1);
	} while (pid > 0 || (pid == 0 && left_ms(deadline) > 0));
	if (pid == 0)
		add("children that run", 1);
}

static void give_account(int threads, const struct descriptors *before, bool orphans)
{
	size_t used;

	look_for_threads(threads);
	look_for_children(orphans);
	used = strlen(plan->left);
	(void)descriptors_compare(before, plan->left + used, sizeof(plan->left) - used);
	plan->ended = true;
}

static void run(void)
{
	struct hark_error err = {0};

	hark__fault = meet;
	plan->run = hark_server_run(server, &err);
	hark__fault = NULL;
	plan->err_code = err.code;
	if (plan->run < 0)
		(void)hark_error_text(&err, plan->text, sizeof(plan->text));
	CHECK_OK(hark_server_snapshot(server, &plan->stats, sizeof(plan->stats)));
	hark__fault = meet;
	plan->destroyed = hark_server_destroy(server);
	hark__fault = NULL;
}

/* exit() and not _exit(): sanitizers look for leaks in there. */
static _Noreturn void be_server(const struct faulted_kind *kind, int held)
{
	static struct descriptors before;
	int threads = count_usual_threads();

	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	CHECK(signal(SIGTERM, SIG_IGN) != SIG_ERR); /* before, and after its run */
	CHECK_INT(descriptors_list(&before), >, 0);
	create(kind);
	CHECK_INT(write(held, "", 1), ==, 1);
	run();
	CHECK_SYS(close(file));
	give_account(threads, &before, kind->workers > 0);
	exit(0);
}

pid_t faulted_start(struct faulted *shared, const struct faulted_kind *kind, int *held)
{
	int fds[2];
	pid_t pid;

	plan = shared;
	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	CHECK_SYS(pid = fork());
	if (pid == 0) {
		CHECK_SYS(close(fds[0]));
		be_server(kind, fds[1]);
	}
	CHECK_SYS(close(fds[1]));
	*held = fds[0];
	return pid;
}
