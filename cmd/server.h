/* SPDX-License-Identifier: MIT
 *
 * What `hark serve` serves, once all of it is known and open; and serving it.
 */
#ifndef HARK_COMMAND_SERVER_H
#define HARK_COMMAND_SERVER_H

#include "proxy.h"
#include "serve_options.h"

#include <hark_server.h>

enum { ADDRESSES_MAX = HARK_SET_MAX };

struct setup {
	struct serve_options options;
	struct hark_listener_set set;
	const char
		*names[HARK_SET_MAX]; /* of each listener, the ADDRESS that meant it */
	int ports[ADDRESSES_MAX];     /* of each ADDRESS; -1: it has none */
	int address_count;

	char **argv;      /* of the program, or NULL … */
	const char *path; /* … and where it is */
	struct proxy proxy;
	struct hark_listener_set control; /* one, or none */
	char control_name[sizeof("unix:") + 255];
	struct hark_successor successor;
	int manager_fd; /* hark_notify_open's, from before the privileges go, or 0 */
};

/* Which one that is. */
enum hark_model server_model(const struct setup *setup);

/* Until a signal; the exit code. */
int server_run(struct setup *setup);

#endif
