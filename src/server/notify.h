/* SPDX-License-Identifier: MIT
 *
 * What the server tells a service manager by itself, with .notify: from the process that
 * hark_server_run was called in, and from no other.  Floor 4.
 */
#ifndef HARK_SERVER_NOTIFY_H
#define HARK_SERVER_NOTIFY_H

#include <hark_server.h>
#include <pthread.h>

enum { HARK__STATUS_MAX = 160 };

struct hark__notifier {
	_Atomic pid_t owner; /* who tells; 0: nobody */
	int fd;              /* to the manager; -1: it has gone */
	int timer;           /* attended; -1: none */
	bool is_given, watched, owed, told_trouble;
	pthread_mutex_t
		lock;      /* of what follows, and of .owed: events come from threads */
	const char *phase; /* "READY=1\n" …; "": nothing yet */
	char status[HARK__STATUS_MAX]; /* as it was said last */
};

/* Before anything is told.  What fails is told, and serving goes on. */
void hark__notify_begin(struct hark_server *server);
void hark__notify_end(struct hark_server *server);

/* In a process that was forked: the copy is closed. */
void hark__notify_let_go(const struct hark_server *server);

/* Each event passes here, in whatever process and thread. */
void hark__notify_event(struct hark_server *server, int kind);

/* Around the reading of the rules. */
void hark__notify_reloading(struct hark_server *server);
void hark__notify_reloaded(struct hark_server *server);

/*
 * From now on the service is that process, and this one tells no more, its own end least of
 * all: to be called before the stop begins.
 */
void hark__notify_main_pid(struct hark_server *server, pid_t pid);

/* Back again: that process has ended before it could be the service. */
void hark__notify_stay(struct hark_server *server);

#endif
