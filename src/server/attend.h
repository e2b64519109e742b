/* SPDX-License-Identifier: MIT
 *
 * What a server attends to beside serving: descriptors of the application's, and of the
 * engine's own, in the process and thread that hark_server_run was called in.  One epoll
 * instance, which whoever waits there sees as one descriptor.  Floor 4.
 */
#ifndef HARK_SERVER_ATTEND_H
#define HARK_SERVER_ATTEND_H

#include <hark_server.h>

enum { HARK__ATTENDED = HARK_ATTEND_MAX + 8 /* the engine's own */ };

struct hark__attending {
	int fd; /* the epoll instance; -1: none */
	struct hark__attended {
		hark_attendant *attend; /* NULL: a free place */
		int fd;
		void *ctx;
	} attended[HARK__ATTENDED];
};

/* 0 or a negative errno; then nothing is open. */
int hark__attend_make(struct hark__attending *attending, struct hark_error *err);
void hark__attend_unmake(struct hark__attending *attending);

/* As hark_server_attend, and for the engine's own. */
int hark__attend(struct hark__attending *attending, int fd, hark_attendant *attend,
	void *ctx, bool own, struct hark_error *err);
int hark__attend_no_more(struct hark__attending *attending, int fd);

/* Calls for each that is ready; never waits. */
void hark__attend_look(struct hark__attending *attending);

/* In a process that was forked: copies of the application's are closed, so that their ends
 * are seen. */
void hark__attend_let_go(const struct hark__attending *attending);

#endif
