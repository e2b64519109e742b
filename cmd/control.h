/* SPDX-License-Identifier: MIT
 *
 * The control socket of a running server, by which `hark stop`, `restart` and `status` find
 * it.  Who may connect to its path may do all that: the file's permissions are the key.
 *
 * A line is asked: "status", "status json", "stop" or "restart".  Lines are answered, the
 * last of which is "ok", or "failed: " and why; then the end of the stream follows, after
 * "stop" with that of the process.
 */
#ifndef HARK_COMMAND_CONTROL_H
#define HARK_COMMAND_CONTROL_H

#include "server.h"

enum { CONTROL_ASKERS = 8, CONTROL_LINE_MAX = 32, CONTROL_MODE = 0600 };

struct control {
	struct hark_server *server; /* NULL: there is no control socket */
	const struct setup *setup;
	struct hark_listener *listener;
	int64_t began_ms;
	struct asker {
		int fd; /* 0: a free place */
		enum { ASKS, AWAITS_STOP, AWAITS_RESTART } wants;
		size_t used;
		char line[CONTROL_LINE_MAX];
	} asker[CONTROL_ASKERS];
	size_t next; /* whose place is taken where all are */
};

/* Before the server runs.  0 or a negative errno. */
int control_begin(struct control *control, struct hark_server *server,
	struct setup *setup, struct hark_error *err);

/* Each event passes here as well. */
void control_tell(struct control *control, const struct hark_server_event *event);

#endif
