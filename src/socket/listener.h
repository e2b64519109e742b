/* SPDX-License-Identifier: MIT
 *
 * Opening a listener in two halves, for those who must do something between them (several
 * listeners that share a port).  Floor 2.
 */
#ifndef HARK_SOCKET_LISTENER_H
#define HARK_SOCKET_LISTENER_H

#include "socket/unix_path.h"

#include <hark.h>

/* A socket that is bound and does not listen yet. */
struct hark__bound {
	int fd;
	int lock;              /* on the directory of a Unix path, or -1 */
	struct hark_addr addr; /* with the real port */
	struct hark__path_identity identity;
};

int hark__bound_open(struct hark__bound *bound, const struct hark_addr *addr,
	const struct hark_listen_options *options, struct hark_error *err);

/* Makes it a listener, which then owns the descriptor; on failure it stays bound. */
int hark__bound_listen(struct hark__bound *bound, struct hark_listener *listener,
	const struct hark_listen_options *options, struct hark_error *err);

/* As if it had never been. */
void hark__bound_drop(struct hark__bound *bound);

/* Made by this process: only then may something be done to the socket itself. */
bool hark__is_ours(const struct hark_listener *listener);

/* hark_listener_close_now for each, whatever becomes of the others.  The first error. */
int hark__listeners_close_now(
	struct hark_listener *listeners, size_t count, struct hark_error *err);

#endif
