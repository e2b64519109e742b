/* SPDX-License-Identifier: MIT
 *
 * Telling the service manager, inside the library.  Floor 2.
 */
#ifndef HARK_SOCKET_MANAGER_H
#define HARK_SOCKET_MANAGER_H

#include <hark.h>

/* The address that NOTIFY_SOCKET's value means: 0, or why not. */
int hark__notify_addr(struct hark_addr *addr, const char *value);

/*
 * What WATCHDOG_USEC and WATCHDOG_PID (NULL: not set) ask of the process `self`: the
 * milliseconds; 0: nothing.  Negative: *bad is the one that makes no sense.
 */
int hark__watchdog_read(
	const char *usec, const char *pid, pid_t self, const char **bad);

/* One message, without waiting: 0 or a negative errno. */
int hark__notify_send(int fd, const char *state);
/* The same for a manager that is behind: -ETIMEDOUT in the end. */
int hark__notify_send_in_time(int fd, const char *state);

#endif
