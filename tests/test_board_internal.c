/* SPDX-License-Identifier: MIT
 *
 * The board of a server, looked at while it is written.
 */
#include "harness.h"

#include "server/board.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct looking {
	struct hark__board *board;
	_Atomic bool ends;
	unsigned most; /* that were open at once */
};

static void *look(void *ctx)
{
	struct looking *looking = ctx;

	while (!looking->ends) {
		unsigned open = hark__board_open(looking->board, false);

		if (open > looking->most)
			looking->most = open;
	}
	return NULL;
}

TEST(reserved_and_given_back, /* S7 */
	"what is only reserved is never counted, whenever one looks")
{
	struct looking looking = {0};
	struct hark__row *row;
	pthread_t looker;

	CHECK_OK(hark__board_make(&looking.board, 1, NULL));
	row = hark__board_take_row(looking.board);
	CHECK_INT(pthread_create(&looker, NULL, look, &looking), ==, 0);
	for (int i = 0; i < 1000000; i++) {
		CHECK(hark__board_reserve_or_wait(looking.board, row, 1));
		CHECK(!hark__board_enter(looking.board, row, 1));
		hark__board_unreserve(looking.board, row);
	}
	looking.ends = true;
	CHECK_INT(pthread_join(looker, NULL), ==, 0);
	CHECK_INT(looking.most, ==, 0);
	CHECK(hark__board_reserve_or_wait(looking.board, row, 1));
	hark__board_use_reserved(looking.board, row, 1);
	CHECK_INT(hark__board_open(looking.board, false), ==, 1);
	hark__board_leave(looking.board, row);
	hark__board_unmake(looking.board);
}

static void *wake(void *ctx)
{
	struct looking *looking = ctx;

	while (!looking->ends)
		hark__board_wake_all(looking->board);
	return NULL;
}

/* Descriptor 0 is an eventfd here: nobody may write to it. */
static void take_back_with_input(int input)
{
	struct looking looking = {0};
	struct hark__row *row;
	pthread_t waker;

	CHECK_INT(dup2(input, STDIN_FILENO), ==, STDIN_FILENO);
	CHECK_OK(hark__board_make(&looking.board, 1, NULL));
	CHECK_INT(pthread_create(&waker, NULL, wake, &looking), ==, 0);
	for (int i = 0; i < 100000; i++) {
		row = hark__board_take_row(looking.board);
		CHECK_INT(hark__board_take_back(looking.board, row), ==, 0);
	}
	looking.ends = true;
	CHECK_INT(pthread_join(waker, NULL), ==, 0);
	_exit(0);
}

TEST(woken_while_taken_back, /* S8 */
	"a row that is taken back while others wake it has its own descriptor all the "
	"time")
{
	struct pollfd input = {.events = POLLIN};
	int status;
	pid_t pid;

	CHECK_SYS(input.fd = eventfd(0, EFD_CLOEXEC));
	CHECK_SYS(pid = fork());
	if (pid == 0)
		take_back_with_input(input.fd);
	CHECK_INT(waitpid(pid, &status, 0), ==, pid);
	CHECK_INT(status, ==, 0);
	CHECK_INT(poll(&input, 1, 0), ==, 0);
	CHECK_SYS(close(input.fd));
}
