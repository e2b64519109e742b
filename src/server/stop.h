/* SPDX-License-Identifier: MIT
 *
 * The first half of a stop, in the process that runs the server: the lame duck, then the
 * quiesce of its listeners, until nobody can come any more.  Then whoever accepts is told,
 * by closing_fd, to accept who is left and to close.  Floor 4.
 */
#ifndef HARK_SERVER_STOP_H
#define HARK_SERVER_STOP_H

#include "server/server.h"

/* How long it may take, INT_MAX for ever. */
int hark__quiesce_ms(const struct hark_server *server);

/* From now on a stop is attended to.  0 or a negative errno, and then nothing is. */
int hark__stop_attend(struct hark_server *server, struct hark_error *err);
void hark__stop_attend_no_more(struct hark_server *server);

/* A stop was seen: told, and the gates are closed, by whoever sees it first. */
void hark__quiesce_begin(struct hark_server *server);

/* The listeners are closed, and how it went is in *report. */
void hark__quiesce_end(struct hark_server *server, struct hark_quiesce_report *report);

#endif
