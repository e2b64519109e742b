/* SPDX-License-Identifier: MIT
 *
 * What the server does, as lines of the log; and telling whoever asked when it is ready.
 */
#ifndef HARK_COMMAND_EVENTS_H
#define HARK_COMMAND_EVENTS_H

#include "control.h"

struct events {
	const struct setup *setup;
	const struct hark_server *server;
	struct control control;
	size_t listening; /* listeners that have been told */
};

/* As struct hark_server_options wants it, ctx is a struct events. */
void events_tell(const struct hark_server_event *event, void *ctx);

#endif
