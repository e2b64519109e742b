/* SPDX-License-Identifier: MIT
 *
 * The successor's side of a hot restart, with the predecessor played by the test: when it
 * serves, when the listeners are its own, and what becomes of it when calls fail.
 *
 * Not here: real predecessors and successors (sh/upgrade.sh), one that fails (sweep_server.c),
 * what the variables may say (test_handed_internal.c).
 */
#include "faults.h"
#include "harness.h"
#include "net.h"
#include "paths.h"

#include "server/link.h"
#include "server/server.h"

#include <errno.h>
#include <hark_server.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct hark_server *server;
static int served, told_to_stop_at;

static void handle(struct hark_conn *conn, void *ctx)
{
	(void)conn, (void)ctx;
}

static void told(const struct hark_server_event *event, void *ctx)
{
	(void)ctx;
	if (event->kind != HARK_EVENT_SERVING)
		return;
	served++;
	CHECK_OK(hark_server_stop(server));
}

static void set_number(const char *name, int number)
{
	char value[16];

	(void)snprintf(value, sizeof(value), "%d", number);
	CHECK_SYS(setenv(name, value, 1));
}

static struct text socket_path;
static char name[128];

/* The end of the link that is the predecessor's. */
static int leave_listener(void)
{
	struct stat file;
	char text[512];
	int ends[2], fd;

	socket_path = in_directory("socket");
	(void)snprintf(name, sizeof(name), "unix:%s", socket_path.at);
	fd = net_listen(net_unix(socket_path.at), 5);
	CHECK_SYS(stat(socket_path.at, &file));
	CHECK_OK(hark__link_make(ends));
	(void)snprintf(text, sizeof(text), "%d:m:%llx:%llx:%s", fd,
		(unsigned long long)file.st_dev, (unsigned long long)file.st_ino, name);
	CHECK_SYS(setenv("HARK_HANDED", text, 1));
	CHECK_SYS(unsetenv("HARK_HANDED_ANCESTORS"));
	set_number("HARK_HANDED_PID", (int)getpid());
	set_number("HARK_HANDED_LINK", ends[1]);
	return ends[0];
}

static int succeed_and_run(void)
{
	static char word[] = "x", *argv[] = {word, NULL};
	static const struct hark_successor successor = {
		.path = "/bin/false", .argv = argv};
	const struct hark_server_options options = {
		.model = HARK_MODEL_FORK, .successor = &successor, .on_event = told};
	struct hark_error err;
	int done;

	server = hark_server_create(&options, handle, NULL, &err);
	if (!server)
		return err.code;
	done = hark_server_listen(server, name, NULL, &err);
	if (done > 0 && told_to_stop_at)
		CHECK_OK(hark_server_stop(server));
	if (done > 0)
		done = hark_server_run(server, &err);
	CHECK_OK(hark_server_destroy(server));
	return done;
}

static void says_ready(int predecessor)
{
	bool taken[1] = {false};

	CHECK_INT(hark__link_hear_ready(predecessor, taken, 1), ==, 1);
	CHECK(taken[0]);
}

/* D1 X5 */
TEST(goes, "a successor that is let in owns what it was left")
{
	int predecessor = leave_listener();

	CHECK_OK(hark__link_say_go(predecessor));
	CHECK_OK(succeed_and_run());
	CHECK_INT(served, ==, 1);
	says_ready(predecessor);
	CHECK_INT(hark__link_has_ended(predecessor), ==, true);
	CHECK(!exists(socket_path.at)); /* as its own */
	net_close(predecessor);
}

/* D1: nobody else could */
TEST(orphan, "one whose predecessor has died serves all the same")
{
	net_close(leave_listener());
	CHECK_OK(succeed_and_run());
	CHECK_INT(served, ==, 1);
	CHECK(!exists(socket_path.at));
}

/* D1: the predecessor goes on with it */
TEST(stopped, "one that is stopped before it is let in never serves")
{
	int predecessor = leave_listener();

	told_to_stop_at = 1;
	CHECK_OK(succeed_and_run());
	CHECK_INT(served, ==, 0);
	says_ready(predecessor);
	CHECK_INT(hark__link_say_go(predecessor), <,
		0); /* so the predecessor learns it */
	CHECK(exists(socket_path.at));
	net_close(predecessor);
	CHECK_SYS(unlink(socket_path.at));
}

/* D1: the predecessor has stopped by now, and nobody else would serve the queue */
TEST(stopped_late, "one that is stopped when it was let in serves who is there")
{
	int predecessor = leave_listener();

	CHECK_OK(hark__link_say_go(predecessor));
	told_to_stop_at = 1;
	CHECK_OK(succeed_and_run());
	CHECK_INT(served, ==, 1);
	CHECK(!exists(socket_path.at));
	net_close(predecessor);
}

/* D1: and leaves neither descriptor nor process, which the harness sees */
TEST(no_second, "a second server of the process takes part in nothing")
{
	int predecessor = leave_listener();

	CHECK_OK(hark__link_say_go(predecessor));
	CHECK_OK(succeed_and_run());
	(void)snprintf(name, sizeof(name), "127.0.0.1:0");
	CHECK_OK(succeed_and_run());
	CHECK_INT(served, ==, 2);
	net_close(predecessor);
}

/* ------------------------------------------------------------------------------- faults */

/* In a process of its own: what was left is read once.  Whether the fault took place. */
static bool run_with_fault(enum hark__call call, int nth, int code)
{
	int predecessor, status;
	pid_t pid = fork();

	CHECK_SYS(pid);
	if (pid == 0) {
		int done;

		predecessor = leave_listener();
		CHECK_OK(hark__link_say_go(predecessor));
		let_fail(call, nth, code);
		done = succeed_and_run();
		hark__fault = NULL;
		/* It owns the path where it got so far; or it ends, and does not. */
		_exit((served ? !exists(socket_path.at)
			      : done < 0 && exists(socket_path.at))
				? calls_seen() >= nth
				: 99);
	}
	CHECK_INT(waitpid(pid, &status, 0), ==, pid);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), <, 2);
	(void)unlink(socket_path.at); /* it may be there */
	return WEXITSTATUS(status) == 1;
}

/* D1: with the queue to whoever goes on */
TEST(faults, "whatever call fails, a successor serves or has touched nothing")
{
	static const struct {
		enum hark__call call;
		int code;
	} faults[] = {{HARK__CALL_POLL, -ENOMEM}, {HARK__CALL_POLL, -EINTR},
		{HARK__CALL_RECV, -ECONNRESET}, {HARK__CALL_RECV, -EAGAIN},
		{HARK__CALL_SEND, -EPIPE}, {HARK__CALL_SETFD, -EIO},
		{HARK__CALL_EPOLL_ADD, -ENOMEM}, {HARK__CALL_TIMER, -EMFILE},
		{HARK__CALL_GETSOCKOPT, -ENOMEM}};
	int met = 0;

	socket_path = in_directory("socket");
	for (size_t i = 0; i < COUNT(faults); i++)
		for (int nth = 1; nth <= 4; nth++)
			met += run_with_fault(faults[i].call, nth, faults[i].code);
	CHECK_INT(met, >=, 20);
}
