/* SPDX-License-Identifier: MIT
 *
 * HARK_OVERLOAD_GATE: while all places are taken the kernel refuses new clients, as where
 * nobody listens.  Floor 4.
 */
#ifndef HARK_SERVER_OVERLOAD_H
#define HARK_SERVER_OVERLOAD_H

#include "server/server.h"

/* From now on it is attended to, where that is wanted.  Refused where a gate could not be
 * opened again, or would act on others. */
int hark__overload_attend(struct hark_server *server, struct hark_error *err);
void hark__overload_attend_no_more(struct hark_server *server);

/* The gate is open until hark__overload_resume: others look at the sockets. */
void hark__overload_suspend(struct hark_server *server);
void hark__overload_resume(struct hark_server *server);

#endif
