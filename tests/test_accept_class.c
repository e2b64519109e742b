/* SPDX-License-Identifier: MIT
 *
 * The one table of accept(2)'s errors: every row of it, in the table, in hark_accept_try and
 * in hark_accept_loop.  The errors are injected, for most of them cannot be provoked.
 */
#include "loopback.h"

#include "sys/sys.h"

#include <limits.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* As SPEC's P3 has it: not a copy of the library's table, but what it must say. */
static const struct row {
	int code;
	enum hark_accept_class what;
} rows[] = {
	{EAGAIN, HARK_ACCEPT_EMPTY},
	{EWOULDBLOCK, HARK_ACCEPT_EMPTY},
	{ECONNABORTED, HARK_ACCEPT_NEXT},
	{EPROTO, HARK_ACCEPT_NEXT},
	{EPERM, HARK_ACCEPT_NEXT},
	{ENETDOWN, HARK_ACCEPT_NEXT},
	{ENETUNREACH, HARK_ACCEPT_NEXT},
	{EHOSTDOWN, HARK_ACCEPT_NEXT},
	{EHOSTUNREACH, HARK_ACCEPT_NEXT},
	{ENONET, HARK_ACCEPT_NEXT},
	{ENOPROTOOPT, HARK_ACCEPT_NEXT},
	{EOPNOTSUPP, HARK_ACCEPT_NEXT},
	{EINTR, HARK_ACCEPT_AGAIN},
	{EMFILE, HARK_ACCEPT_EXHAUSTED},
	{ENFILE, HARK_ACCEPT_EXHAUSTED},
	{ENOBUFS, HARK_ACCEPT_EXHAUSTED},
	{ENOMEM, HARK_ACCEPT_EXHAUSTED},
	{EBADF, HARK_ACCEPT_BROKEN},
	{EINVAL, HARK_ACCEPT_BROKEN},
	{ENOTSOCK, HARK_ACCEPT_BROKEN},
	/* a few that nobody documented for accept(2) */
	{EIO, HARK_ACCEPT_UNKNOWN},
	{EFAULT, HARK_ACCEPT_UNKNOWN},
	{ETIMEDOUT, HARK_ACCEPT_UNKNOWN},
	{ECONNRESET, HARK_ACCEPT_UNKNOWN},
	{ESOCKTNOSUPPORT, HARK_ACCEPT_UNKNOWN},
	{EHWPOISON, HARK_ACCEPT_UNKNOWN},
	{EHWPOISON + 1, HARK_ACCEPT_UNKNOWN},
	{4095, HARK_ACCEPT_UNKNOWN},
};

static enum hark_accept_class wanted(int code)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].code == code)
			return rows[i].what;
	return HARK_ACCEPT_UNKNOWN;
}

/* ---------------------------------------------------------------------- the injection */

static struct {
	int code;  /* of the next calls of accept4(2), negative */
	int left;  /* how many of them fail */
	int calls; /* how many there were */
} injected;

static int inject(enum hark__call call)
{
	if (call != HARK__CALL_ACCEPT)
		return 0;
	injected.calls++;
	if (injected.left == 0)
		return 0;
	injected.left--;
	return injected.code;
}

static void fail_next(int code, int times)
{
	injected.code = -code;
	injected.left = times;
	injected.calls = 0;
	hark__fault = inject;
}

/* -------------------------------------------------------------------------- the table */

/* P3 */
TEST(table, "each errno is of the class that it should be, and of no other")
{
	for (int code = 1; code < 4096; code++)
		CHECK_INT(hark_accept_classify(-code), ==, wanted(code));
}

/* P3 */
TEST(table_nonsense, "what is no errno is unknown")
{
	static const int codes[] = {0, 1, EAGAIN, EINVAL, -4096, INT_MAX, INT_MIN + 1};

	for (size_t i = 0; i < COUNT(codes); i++)
		CHECK_INT(hark_accept_classify(codes[i]), ==, HARK_ACCEPT_UNKNOWN);
}

/* -------------------------------------------------------------------- hark_accept_try */

static void check_try(const struct hark_listener *listener, const struct row *row)
{
	int client = dial(listener), fd;
	struct hark_error err;

	stamp(&err);
	fail_next(row->code, 1);
	fd = hark_accept_try(listener->fd, NULL, &err);
	switch (row->what) {
	case HARK_ACCEPT_NEXT:
	case HARK_ACCEPT_AGAIN:
		CHECK_OK(fd);
		CHECK_INT(injected.calls, ==, 2);
		CHECK(is_stamped(&err));
		break;
	case HARK_ACCEPT_EMPTY:
		CHECK_ERR(fd, -row->code);
		CHECK(is_stamped(&err));
		break;
	default:
		CHECK_ERR(fd, -row->code);
		CHECK_INT(err.code, ==, -row->code);
		CHECK_INT(err.step, ==, HARK_STEP_ACCEPT);
		CHECK_INT(hark_addr_port(&err.addr), ==, net_port(listener->fd));
	}
	if (fd < 0)
		CHECK_OK(fd = hark_accept_try(listener->fd, NULL, NULL));
	net_close(fd);
	net_close(client);
}

/* P3 P1: whatever happens, the client that waits is not lost by it */
TEST(try, "hark_accept_try goes on or ends as the table says, for each row")
{
	struct hark_listener listener = open_tcp();

	for (size_t i = 0; i < COUNT(rows); i++)
		check_try(&listener, &rows[i]);
	close_listener(&listener);
}

/* P3 */
TEST(try_facts, "the error says what ran out, or that the listener was shut down")
{
	struct hark_listener listener = open_tcp();
	char text[HARK_ERROR_TEXT_MAX];
	struct hark_error err;

	fail_next(EMFILE, 1);
	CHECK_ERR(hark_accept_try(listener.fd, NULL, &err), -EMFILE);
	CHECK_INT(err.limit, >, 0);
	(void)hark_error_text(&err, text, sizeof(text));
	CHECK_CONTAINS(text, "EMFILE");
	fail_next(EINVAL, 1);
	CHECK_ERR(hark_accept_try(listener.fd, NULL, &err), -EINVAL);
	CHECK_INT(err.cause, ==, HARK_CAUSE_SHUT_DOWN);
	close_listener(&listener);
}

static void check_row_of_sixteen(const struct hark_listener *listener, int code)
{
	int client = dial(listener), fd;
	struct hark_error err;

	stamp(&err);
	fail_next(code, 15);
	CHECK_OK(fd = hark_accept_try(listener->fd, NULL, &err));
	CHECK_INT(injected.calls, ==, 16);
	CHECK(is_stamped(&err));
	net_close(fd);
	net_close(client);
	client = dial(listener);
	fail_next(code, 16);
	CHECK_ERR(hark_accept_try(listener->fd, NULL, &err), -code);
	CHECK_INT(injected.calls, ==, 16);
	CHECK_INT(err.code, ==, -code);
	CHECK_OK(fd = hark_accept_try(listener->fd, NULL, NULL));
	net_close(fd);
	net_close(client);
}

/* P3: some of them do not take the connection off the queue, and come for ever */
TEST(try_sixteen,
	"fifteen failed connections in a row are passed over, sixteen are not")
{
	struct hark_listener listener = open_tcp();

	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].what == HARK_ACCEPT_NEXT ||
			rows[i].what == HARK_ACCEPT_AGAIN)
			check_row_of_sixteen(&listener, rows[i].code);
	close_listener(&listener);
}

/* P3 P1 */
TEST(wait, "hark_accept_wait and hark_accept end for the same errors")
{
	struct hark_listener listener = open_tcp();
	int client = dial(&listener), fd;
	struct hark_error err;

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].what < HARK_ACCEPT_EXHAUSTED)
			continue;
		fail_next(rows[i].code, 1);
		CHECK_ERR(hark_accept_wait(listener.fd, NULL, 5000, 0, &err),
			-rows[i].code);
		CHECK_INT(err.code, ==, -rows[i].code);
		fail_next(rows[i].code, 1);
		CHECK_ERR(hark_accept(listener.fd, NULL, &err), -rows[i].code);
	}
	CHECK_OK(fd = hark_accept(listener.fd, NULL, NULL));
	net_close(fd);
	net_close(client);
	close_listener(&listener);
}

/* ------------------------------------------------------------------- hark_accept_loop */

struct run {
	struct hark_listener listener;
	struct hark_loop_counters counters;
	int wake_fd;
	int wanted; /* connections, then the loop is stopped */
	int served;
};

static void serve(int fd, const struct hark_addr *peer, void *ctx)
{
	struct run *run = ctx;

	(void)peer;
	CHECK_OK(hark_close(fd, NULL));
	if (++run->served == run->wanted)
		CHECK_OK(hark_wake(run->wake_fd));
}

static int loop(struct run *run, struct hark_error *err)
{
	struct hark_loop_options options = {.wake_fd = run->wake_fd,
		.counters = &run->counters,
		.counters_size = sizeof(run->counters)};

	return hark_accept_loop(&run->listener, 1, serve, run, &options, err);
}

static struct run begin(int wanted)
{
	return (struct run){.listener = open_tcp(),
		.wake_fd = hark_wake_create(NULL),
		.wanted = wanted};
}

static void end(struct run *run)
{
	net_close(run->wake_fd);
	close_listener(&run->listener);
}

static void check_counters(const struct hark_loop_counters *got, const struct row *row)
{
	enum hark_accept_class what = row->what;
	bool exhausted = what == HARK_ACCEPT_EXHAUSTED;
	bool unknown = what == HARK_ACCEPT_UNKNOWN;

	CHECK_INT(got->failed, ==, what == HARK_ACCEPT_NEXT);
	CHECK_INT(got->stolen, ==, what == HARK_ACCEPT_EMPTY);
	CHECK_INT(got->exhausted, ==, exhausted);
	CHECK_INT(got->unknown, ==, unknown);
	CHECK_INT(got->pauses, ==, exhausted || unknown);
	CHECK_INT(got->accepted, ==, what != HARK_ACCEPT_BROKEN);
	CHECK_INT(got->shed, ==, 0);
}

static void check_loop(const struct row *row)
{
	struct run run = begin(1);
	int client = dial(&run.listener), done;
	struct hark_error err;
	char text[8];

	stamp(&err);
	fail_next(row->code, 1);
	done = loop(&run, &err);
	if (row->what == HARK_ACCEPT_BROKEN) {
		CHECK_ERR(done, -row->code);
		CHECK_INT(err.code, ==, -row->code);
		CHECK_INT(err.step, ==, HARK_STEP_ACCEPT);
		CHECK_INT(net_queue(run.listener.fd), ==, 1);
	} else {
		CHECK_ERR(done, 0);
		CHECK(is_stamped(&err));
		CHECK_INT(net_read_all(client, text, sizeof(text)), ==, 0);
	}
	check_counters(&run.counters, row);
	net_close(client);
	end(&run);
}

/* P3 P4 W3 */
TEST(loop, "hark_accept_loop goes on or ends as the table says, for each row")
{
	for (size_t i = 0; i < COUNT(rows); i++)
		check_loop(&rows[i]);
}

static void check_loop_of(int times, unsigned long pauses, int code)
{
	struct run run = begin(1);
	int client = dial(&run.listener);

	fail_next(code, times);
	CHECK_ERR(loop(&run, NULL), 0);
	CHECK_INT(run.counters.failed, ==, times);
	CHECK_INT(run.counters.pauses, ==, pauses);
	CHECK_INT(run.counters.accepted, ==, 1);
	net_close(client);
	end(&run);
}

/* P3 P4 */
TEST(loop_sixteen,
	"from sixteen failed connections in a row on the loop pauses each time")
{
	check_loop_of(15, 0, ECONNABORTED);
	check_loop_of(16, 1, ECONNABORTED);
	check_loop_of(18, 3, EPROTO);
}

/* The first ten, then a success, then ten more. */
static int fail_between(enum hark__call call)
{
	if (call != HARK__CALL_ACCEPT)
		return 0;
	injected.calls++;
	return injected.calls % 11 == 0 ? 0 : -ECONNABORTED;
}

/* P3 */
TEST(loop_not_in_a_row, "a connection that comes through begins the count anew")
{
	struct run run = begin(4);
	int client[4];

	for (int i = 0; i < 4; i++)
		client[i] = dial(&run.listener);
	hark__fault = fail_between;
	CHECK_ERR(loop(&run, NULL), 0);
	hark__fault = NULL;
	CHECK_INT(run.counters.accepted, ==, 4);
	CHECK_INT(run.counters.failed, >=, 40);
	CHECK_INT(run.counters.pauses, ==, 0);
	for (int i = 0; i < 4; i++)
		net_close(client[i]);
	end(&run);
}

/* P3: interrupted for ever is the kernel's affair, but it must not be counted as failed */
TEST(loop_interrupted,
	"a loop that is interrupted twenty times goes on without a pause")
{
	struct run run = begin(1);
	int client = dial(&run.listener);

	fail_next(EINTR, 20);
	CHECK_ERR(loop(&run, NULL), 0);
	CHECK_INT(run.counters.failed, ==, 0);
	CHECK_INT(run.counters.pauses, ==, 0);
	CHECK_INT(run.counters.accepted, ==, 1);
	net_close(client);
	end(&run);
}

/* P3 W3: one listener of two is broken */
TEST(loop_broken, "a broken listener ends the loop, and the other keeps its queue")
{
	struct hark_listener both[2] = {open_tcp(), open_tcp()};
	struct run run = {.wanted = 1};
	int client = dial(&both[0]), other = dial(&both[1]), fd;
	struct hark_error err;

	fail_next(ENOTSOCK, 1);
	CHECK_ERR(hark_accept_loop(both, 2, serve, &run, NULL, &err), -ENOTSOCK);
	CHECK_INT(err.step, ==, HARK_STEP_ACCEPT);
	CHECK_INT(run.served, ==, 0);
	for (int i = 0; i < 2; i++) {
		CHECK_OK(fd = hark_accept_try(both[i].fd, NULL, NULL));
		net_close(fd);
		close_listener(&both[i]);
	}
	net_close(client);
	net_close(other);
}
