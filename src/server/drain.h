/* SPDX-License-Identifier: MIT
 *
 * The drain: when a process accepts nobody any more, its conversations end, or are cut when
 * their time is over.  Floor 4.
 */
#ifndef HARK_SERVER_DRAIN_H
#define HARK_SERVER_DRAIN_H

#include "server/worker.h"

/* Closes the listeners, and returns when nothing goes on, or nothing more can be done. */
void hark__drain(struct hark__worker *worker);

#endif
