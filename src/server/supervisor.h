/* SPDX-License-Identifier: MIT
 *
 * The supervisor: starts the workers, replaces those that die or retire, and sees to it
 * that all of them end.  It serves nobody itself.  Floor 4.
 */
#ifndef HARK_SERVER_SUPERVISOR_H
#define HARK_SERVER_SUPERVISOR_H

#include "server/server.h"

/* Until it was stopped and every worker has ended; or all of them were given up. */
int hark__supervise(struct hark_server *server, struct hark_error *err);

#endif
