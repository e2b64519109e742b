/* SPDX-License-Identifier: MIT
 *
 * SIGINT and SIGTERM as something to wait for.  Floor 2.
 *
 * The one slot of global state in the library: a signal handler has no argument, so one
 * taker a process, and a second one is told so.
 */
#ifndef HARK_SOCKET_SIGNALS_H
#define HARK_SOCKET_SIGNALS_H

#include <hark.h>

/* From now on each of the two signals wakes wake_fd.  -EBUSY when somebody has them. */
int hark__signals_take(int wake_fd, struct hark_error *err);

/*
 * From now on each of them, SIGHUP, and SIGUSR2 where `upgrades`, is told in the signal
 * handler, which may do what is allowed there.  -EBUSY likewise.
 */
typedef void hark__signal_told(int number, void *ctx);
int hark__signals_take_all(
	hark__signal_told *whom, void *ctx, bool upgrades, struct hark_error *err);

/*
 * In a process that was forked for one conversation: the signals, which a terminal or a
 * service manager sends to all, are its parent's to mind, and do nothing here.
 */
void hark__signals_leave_to_parent(void);

/* As they were before. */
void hark__signals_release(void);

#endif
