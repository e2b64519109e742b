/* SPDX-License-Identifier: MIT
 *
 * The server itself: what all its processes have from before they were forked.  Floor 4.
 */
#ifndef HARK_SERVER_SERVER_H
#define HARK_SERVER_SERVER_H

#include "server/attend.h"
#include "server/board.h"
#include "server/environment.h"
#include "server/handover.h"
#include "server/hosts.h"
#include "server/notify.h"

#include <hark_server.h>
#include <pthread.h>

struct hark__model;
struct hark__rules;
struct hark__worker;

struct hark_server {
	struct hark_server_options options; /* every default filled in */
	hark_handler *handler;
	void *ctx;
	const struct hark__model *model;

	struct hark_listener listener[HARK_SET_MAX];
	char *name[HARK_SET_MAX]; /* by which a successor takes it; ours */
	size_t count;

	struct hark__board *board;
	struct hark__hosts *hosts; /* NULL: nobody counts addresses */
	void *hosts_memory;
	size_t hosts_bytes;

	struct hark__inherited inherited; /* SPAWN: what programs find … */
	void *inherited_memory;           /* … in here */

	/* Eventfds that every process has, written once and never read. */
	int stop_fd;    /* readable from the stop on */
	int lame_fd;    /* readable from the request on, where the stop comes later */
	int closing_fd; /* readable when nobody new can come: who accepts ends */
	int cut_fd;     /* readable when what still goes on is to end at once */
	/* And one that is read: something of a worker's that its supervisor minds. */
	int notice_fd;
	int overload_fd; /* likewise: places were taken, or are free; see overload.h */

	struct hark__attending attending; /* of the process that runs it */
	struct hark__notifier notifier;   /* likewise */
	struct hark__handover handover;   /* likewise */

	struct hark__worker *worker; /* of the process that serves, or NULL */
	/* Each process has its own, from before the fork, and reads them again itself. */
	struct hark__rules *rules;
	pthread_rwlock_t rules_lock;
	unsigned reloads; /* that this process has heard of */

	/* Of the process that runs it; see stop.c. */
	struct hark_quiesce quiesce;
	uint64_t came_in;       /* clients, until it began */
	int look_fd;            /* a timer; -1: no stop is attended to */
	int overload_suspended; /* so often: see overload.h */
	bool stopping;          /* the stop was seen … */
	bool quiesces;          /* … the gates are closed … */
	bool closing;           /* … and who accepts was told to end */

	_Atomic bool running;
	bool closed; /* the listeners, in this process */
	/* Connections inherit from them all how long recv(2) may wait: as conversations
	 * have it, or as programs have it, who know nothing of it. */
	bool patient, endless;
};

/* A stop was asked for: conversations that are idle end. */
static inline bool hark__stops(const struct hark_server *server)
{
	return atomic_load_explicit(&server->board->stops, memory_order_acquire);
}

/* When what still goes on is cut: HARK__NEVER before a stop. */
int64_t hark__cut_ms(const struct hark_server *server);

/* A stop, unless there was one: for those who find out at the same time. */
void hark__stop_once(struct hark_server *server);

/* Who runs it has died: nobody else would close the gates, or say that it is time. */
void hark__orphaned(struct hark_server *server);

/* From now on everything ends at once, in every process. */
void hark__cut(struct hark_server *server);

/*
 * Reads the rules again if that was asked for since: 1.  0: it was not.  Negative: it was,
 * and they stay as they were.  One thread at a time.
 */
int hark__reload(struct hark_server *server, struct hark_error *err);

/*
 * All that serving needs is there: 1, and it is told, when a predecessor lets us, if there
 * is one.  0: we were told to stop before.  After this failures cost clients.
 */
int hark__begin(struct hark_server *server, struct hark_error *err);

/* It runs, or has run; .option: the call that comes too late. */
int hark__busy(const char *option, struct hark_error *err);

/* Whether connections inherit from all listeners, those that others made included, that
 * recv(2) waits so long. */
bool hark__are_patient(const struct hark_server *server, int ms);

/*
 * This process's copies; what goes wrong is told.  How many clients were in the queues of
 * those that this process made.
 */
unsigned hark__close_listeners(struct hark_server *server);

void hark__set_state(struct hark_server *server, enum hark_server_state state);

void hark__tell(struct hark_server *server, const struct hark_server_event *event);

#define HARK__TELL(server, ...) \
	hark__tell((server), &(struct hark_server_event){__VA_ARGS__})

#endif
