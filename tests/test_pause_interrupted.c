/* SPDX-License-Identifier: MIT
 *
 * A pause of hark_accept_loop that a signal interrupts in its last moment: then it is over,
 * and the loop tries again.
 *
 * Not here: pauses without signals (test_exhausted.c).
 */
#include "loopback.h"

#include "sys/sys.h"

#include <poll.h>

enum { TRIES = 20, LONGER_THAN_A_PAUSE_MS = 110 };

static int tries, wake_fd;
static bool pausing;

/* Out of descriptors, and each pause is interrupted when its time is just over. */
static int interrupt_late(enum hark__call call)
{
	if (call == HARK__CALL_ACCEPT) {
		pausing = true;
		if (++tries == TRIES)
			CHECK_OK(hark_wake(wake_fd));
		return -EMFILE;
	}
	if (call != HARK__CALL_POLL || !pausing)
		return 0;
	pausing = false;
	(void)poll(NULL, 0, LONGER_THAN_A_PAUSE_MS);
	return -EINTR;
}

static void never_called(int fd, const struct hark_addr *peer, void *ctx)
{
	(void)peer;
	(void)ctx;
	CHECK(fd < 0);
}

/* P4: a loop that waited for the next second each time would need twenty of them */
TEST(interrupted, "a pause whose end a signal hides is over all the same",
	.timeout_s = 10)
{
	struct hark_listener listener = open_tcp();
	struct hark_loop_options options = {.stop = HARK_STOP_AT_ONCE};
	int client = dial(&listener);

	options.wake_fd = wake_fd = hark_wake_create(NULL);
	CHECK_OK(wake_fd);
	hark__fault = interrupt_late;
	CHECK_ERR(
		hark_accept_loop(&listener, 1, never_called, NULL, &options, NULL), 0);
	hark__fault = NULL;
	CHECK_INT(tries, ==, TRIES);
	net_close(client);
	net_close(wake_fd);
	close_listener(&listener);
}
