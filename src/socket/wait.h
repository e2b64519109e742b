/* SPDX-License-Identifier: MIT
 *
 * Waiting for one descriptor, and for the one that wakes the waiter.  Floor 2.
 */
#ifndef HARK_SOCKET_WAIT_H
#define HARK_SOCKET_WAIT_H

#include <stdint.h>

/*
 * Waits until `events` (or an error) are there, and returns what poll(2) saw of them.
 * -ETIMEDOUT at the deadline; -ECANCELED when wake_fd (0 = none) turned readable, even if
 * both are ready; other negative errno.  Goes on after signals.
 */
int hark__wait(int fd, short events, int wake_fd, int64_t deadline);

#endif
