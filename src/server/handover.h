/* SPDX-License-Identifier: MIT
 *
 * A hot restart: as predecessor, which starts a successor, waits until it is ready, and
 * leaves its listeners to it; and as successor, which says that it is ready and waits until
 * they are its own.  In the process, and thread, that runs the server.  Floor 4.
 */
#ifndef HARK_SERVER_HANDOVER_H
#define HARK_SERVER_HANDOVER_H

#include "socket/handed.h"

#include <hark_server.h>

struct hark__handover {
	int asked_fd; /* an eventfd: hark_server_upgrade; in every process */

	/* Of the application's, and no listeners of the server's. */
	struct hark__kept {
		struct hark_listener *listener;
		char *name;
	} kept[HARK_HAND_DOWN_MAX];
	size_t kept_count;

	/* The predecessor's: of one that was started; .pid 0: none. */
	pid_t pid;
	int pidfd;    /* -1: it could not be had */
	int link_fd;  /* our end: open until we end, once it has taken over */
	int timer_fd; /* until it must be ready */
	int cause;    /* of its end, enum hark_cause, if we know it: it was killed */
	bool done;    /* it serves, and we are to end */
	bool all;     /* it has taken every listener */

	/* The successor's: sockets that have ended when those before us have. */
	int ancestor[HARK__ANCESTORS_MAX];
	size_t ancestor_count;
};

/* From now on it is attended to, if there is a .successor. */
int hark__handover_attend(struct hark_server *server, struct hark_error *err);

/* A successor that is not ready is killed, since we stop. */
void hark__handover_stop(struct hark_server *server);

/* The server has ended, and nothing stays open. */
void hark__handover_end(struct hark_server *server);

/* In a process that was forked: copies are closed, so that our end is seen. */
void hark__handover_let_go(const struct hark_server *server);

/* heir.c: starts it with the other end of the link; its number, or a negative errno. */
pid_t hark__heir_start(struct hark_server *server, int link_fd);

/* The ith of those that are handed over, and by what name; NULL past the last. */
struct hark_listener *hark__heirloom(
	struct hark_server *server, size_t i, const char **name);

/*
 * succession.c: where a predecessor has started us, says that we are ready, and returns 1
 * when we are to serve; 0: we were told to stop before that.
 */
int hark__succeed(struct hark_server *server, struct hark_error *err);

#endif
