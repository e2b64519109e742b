/* SPDX-License-Identifier: MIT
 *
 * Waiting, with a deadline and a way to be woken; see wait.h.  Also the wake descriptor
 * itself.  Floor 2.
 *
 * close(2) does not wake a thread that waits on the descriptor, and shutdown(2) of a
 * listener resets its queue; so whoever waits here can wait on a second descriptor.
 */
#include "socket/wait.h"

#include "base/clock.h"
#include "base/error.h"
#include "socket/create.h"
#include "sys/sys.h"

#include <errno.h>

int hark__wait(int fd, short events, int wake_fd, int64_t deadline)
{
	struct pollfd fds[2] = {{.fd = fd, .events = events},
		{.fd = wake_fd ? wake_fd : -1, .events = POLLIN}};
	int ready;

	do {
		ready = sys_poll(fds, 2, hark__left_ms(deadline));
	} while (ready == -EINTR);
	if (ready < 0)
		return ready;
	if (fds[1].revents)
		return -ECANCELED;
	return ready == 0 ? -ETIMEDOUT : fds[0].revents;
}

int hark_wake_create(struct hark_error *err)
{
	int fd = hark__above_stdio(sys_eventfd());

	if (fd < 0)
		return HARK__FAIL(err, .step = HARK_STEP_WAIT, .code = fd,
			.limit = hark__descriptor_limit(fd));
	return fd;
}

int hark_wake(int wake_fd)
{
	const uint64_t one = 1;
	ssize_t written;

	do {
		written = sys_write(wake_fd, &one, sizeof(one));
	} while (written == -EINTR);
	/* EAGAIN: it has been woken 2^64 - 2 times, and that is awake. */
	return written < 0 && written != -EAGAIN ? (int)written : 0;
}

int hark_wake_clear(int wake_fd)
{
	uint64_t count;
	ssize_t got = sys_read(wake_fd, &count, sizeof(count));

	return got < 0 && got != -EAGAIN ? (int)got : 0;
}
