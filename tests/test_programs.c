/* SPDX-License-Identifier: MIT
 *
 * hark serve with programs, when things go wrong: clients that reset, processes that cannot
 * be made, descriptors that run out.  No place is lost, and no process left.
 *
 * Not here: what a program finds (sh/program.sh), how it ends (sh/program_end.sh).
 */
#include "served.h"

#include <limits.h>

static int connect_to(unsigned port)
{
	return net_connect(net_ip("127.0.0.1", port));
}

static void check_all_served(const int *client, int count)
{
	for (int i = 0; i < count; i++) {
		CHECK(converse(client[i]));
		net_close(client[i]);
	}
}

/* So many conversations at once: each place is there to be used. */
static void check_places(unsigned port, int count)
{
	int client[32];

	for (int i = 0; i < count; i++)
		client[i] = connect_to(port);
	for (int i = 0; i < count; i++)
		net_send(client[i], "x");
	for (int i = 0; i < count; i++) {
		char text[8];

		CHECK_INT(net_read(client[i], text, sizeof(text), 1), ==, 1);
	}
	for (int i = 0; i < count; i++)
		net_close(client[i]);
}

/* Once the programs have ended, so does the server, and leaves nobody. */
static void stop(struct served *served)
{
	WAIT_UNTIL(served_children(served) == 0);
	CHECK_INT(served_stop(served), ==, 0);
}

/* ------------------------------------------------------------------------- many of them */

enum { CROWDS = 10, EACH = 150, PLACES = 20, RESETS_EVERY = 15 };

/* A process of clients, one after the other; every fifteenth resets. */
static void be_a_crowd(unsigned port)
{
	int client;

	for (int i = 1; i <= EACH; i++) {
		client = connect_to(port);
		if (i % RESETS_EVERY == 0) {
			net_send(client, "x");
			net_reset(client);
			continue;
		}
		CHECK(converse(client));
		net_close(client);
	}
}

/* K1 P4 */
TEST(many, "of 1,500 conversations, 100 reset by the client, nothing is left behind",
	.timeout_s = 120)
{
	static const char *const words[] = {
		"hark", "-q", "-1", "-c20", "127.0.0.1:0", "--", "cat", NULL};
	struct served served = serve(words, NULL);
	unsigned port = served_port(&served);
	int descriptors = served_descriptors(&served), status;
	pid_t crowd[CROWDS];

	for (int i = 0; i < CROWDS; i++) {
		CHECK_SYS(crowd[i] = fork());
		if (crowd[i] == 0) {
			be_a_crowd(port);
			_exit(0);
		}
	}
	for (int i = 0; i < CROWDS; i++) {
		CHECK_SYS(waitpid(crowd[i], &status, 0));
		CHECK_INT(status, ==, 0);
	}
	WAIT_UNTIL(served_children(&served) == 0);
	if (!getenv("HARK_EMULATED")) /* whose emulator has some of its own */
		WAIT_UNTIL(served_descriptors(&served) == descriptors);
	check_places(port, PLACES);
	stop(&served);
	CHECK(!strstr(served.log, "hark: ")); /* cat(1) complains of those who reset */
}

/* --------------------------------------------------------------------- no process to be had */

static int refusals, code;

/* The first so many programs cannot be started. */
static int refuse_to_start(enum hark__call call)
{
	return call == HARK__CALL_SPAWN && refusals-- > 0 ? code : 0;
}

static struct served serve_three(int most, int with)
{
	static const char *const words[] = {
		"hark", "-1", "-c3", "127.0.0.1:0", "--", "cat", NULL};
	static const struct faults faults = {.in_library = refuse_to_start};

	refusals = most;
	code = with;
	return serve(words, &faults);
}

/* K1: a process limit that was reached for a moment */
TEST(forks_fail,
	"three forks that fail at a limit of three cost no client and no place")
{
	struct served served = serve_three(3, -EAGAIN);
	unsigned port = served_port(&served);
	int client[3];

	for (int i = 0; i < 3; i++)
		client[i] = connect_to(port);
	check_all_served(client, 3);
	check_places(port, 3);
	stop(&served);
	CHECK_CONTAINS(served.log, "cannot start the program '");
	CHECK_CONTAINS(served.log, "(EAGAIN)");
	CHECK_CONTAINS(served.log, "ulimit -u");
}

/* K1: it lasts, and the server is told to end, twice */
TEST(forks_never,
	"a server without processes ends when it is told to, and resets its client")
{
	struct served served = serve_three(INT_MAX, -EAGAIN);
	int client = connect_to(served_port(&served));
	char text[8];

	served_wait_log(&served, "trying again for 127.0.0.1:");
	CHECK_SYS(kill(served.pid, SIGTERM));
	served_wait_log(&served, "stopping");
	CHECK_INT(served_stop(&served), ==, 0);
	CHECK_INT(net_read_all(client, text, sizeof(text)), ==, -ECONNRESET);
	net_close(client);
}

/* K1: a program that went away after the start */
TEST(execs_fail,
	"three programs that cannot be executed reset three clients, and no more")
{
	struct served served = serve_three(3, -ENOENT);
	unsigned port = served_port(&served);
	char text[8];

	for (int i = 0; i < 3; i++) {
		int client = connect_to(port);

		CHECK_INT(net_read_all(client, text, sizeof(text)), ==, -ECONNRESET);
		net_close(client);
	}
	check_places(port, 3);
	stop(&served);
	CHECK_CONTAINS(served.log, "(ENOENT); reset the client 127.0.0.1:");
}

/* K1: for real, and told with its reason */
TEST(exec_really_fails, "why a program could not be executed is known")
{
	char program[256];
	const char *const words[] = {"hark", "-1", "127.0.0.1:0", "--", program, NULL};
	struct served served;
	unsigned port;
	char text[8];
	int client;

	(void)snprintf(program, sizeof(program), "%s/cat", temp_directory());
	CHECK_SYS(symlink("/bin/cat", program));
	served = serve(words, NULL);
	port = served_port(&served);
	CHECK_SYS(unlink(program));
	client = connect_to(port);
	CHECK_INT(net_read_all(client, text, sizeof(text)), ==, -ECONNRESET);
	net_close(client);
	CHECK_SYS(symlink("/bin/cat", program));
	client = connect_to(port);
	CHECK(converse(client));
	net_close(client);
	stop(&served);
	CHECK_CONTAINS(served.log, "cannot start the program '");
	CHECK_CONTAINS(served.log, "(ENOENT); reset the client");
}

/* --------------------------------------------------------------------- no descriptor to be had */

static long long until_ms;

static int out_of_descriptors(enum hark__call call)
{
	return call == HARK__CALL_ACCEPT && now_ms() < until_ms ? -EMFILE : 0;
}

static int count_lines(const char *text)
{
	int count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

/* P4: the spinning itself is test_exhausted.c's */
TEST(no_descriptors,
	"without descriptors for two seconds the clients wait, told in few lines")
{
	enum { CLIENTS = 10 };
	static const char *const words[] = {
		"hark", "-1", "127.0.0.1:0", "--", "cat", NULL};
	static const struct faults faults = {.in_library = out_of_descriptors};
	struct served served;
	int client[CLIENTS];
	unsigned port;

	until_ms = now_ms() + 2000;
	served = serve(words, &faults);
	port = served_port(&served);
	for (int i = 0; i < CLIENTS; i++)
		client[i] = connect_to(port);
	check_all_served(client, CLIENTS);
	stop(&served);
	CHECK_CONTAINS(
		served.log, "paused, the clients wait in the queue: cannot accept");
	CHECK_CONTAINS(served.log, "EMFILE");
	/* beside "listening" and "stopping", and perhaps one about programs that go on */
	CHECK_INT(count_lines(served.log), <=, 3 + 3);
}

/* ------------------------------------------------------------------------------- signals */

/* Children that the kernel reaps would never free their place. */
TEST(ignored, "an inherited SIGCHLD that is ignored costs no place")
{
	static const char *const words[] = {
		"hark", "-q", "-1", "-c1", "127.0.0.1:0", "--", "cat", NULL};
	struct served served;
	unsigned port;

	CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	served = serve(words, NULL);
	CHECK(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
	port = served_port(&served);
	for (int i = 0; i < 3; i++)
		check_places(port, 1);
	stop(&served);
}

/* The program of a client that stays is the server's to reap until it ends. */
TEST(goes_on, "a conversation outlives the server")
{
	static const char *const words[] = {
		"hark", "-1", "127.0.0.1:0", "--", "cat", NULL};
	struct served served;
	char text[8];
	int client;

	REQUIRE(!getenv("HARK_EMULATED"), "an emulator keeps orphans to itself");
	served = serve(words, NULL);
	client = connect_to(served_port(&served));
	net_send(client, "x");
	CHECK_INT(net_read(client, text, sizeof(text), 1), ==, 1);
	CHECK_INT(served_stop(&served), ==, 0);
	CHECK_CONTAINS(served.log, "leaving 1 program to go on");
	CHECK(converse(client));
	net_close(client);
	CHECK_SYS(wait(NULL)); /* it is ours now */
}
