/* SPDX-License-Identifier: MIT
 *
 * A crew: a fixed number of threads that take turns at accepting, and each serve what they
 * accepted.  (Leader and followers; Stevens: prethreaded, with a mutex around accept.)
 * Floor 4.
 */
#ifndef HARK_SERVER_CREW_H
#define HARK_SERVER_CREW_H

#include "server/worker.h"

/* Until accepting has ended, or the cut has come.  Threads may still serve then. */
int hark__crew_serve(struct hark__worker *worker, int threads, struct hark_error *err);

#endif
