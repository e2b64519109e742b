/* SPDX-License-Identifier: MIT
 *
 * The processes that a serving process has started for its connections, and their ends.
 * Watched by descriptors of theirs (pidfd_open(2), Linux 5.3), so that no signal handler
 * and no waiting for "any child" comes in the way of the application's own.  Floor 4.
 *
 * Only whoever accepts, and later drains, may call what is here.
 */
#ifndef HARK_SERVER_CHILDREN_H
#define HARK_SERVER_CHILDREN_H

#include "server/gate.h"

#include <hark_server.h>
#include <stdatomic.h>

struct hark__child {
	pid_t pid; /* 0: a free place */
	int pidfd; /* -1: it could not be had, so it is asked for at each tick */
	int next_free;
	struct hark__arrival arrival;
	struct hark_addr local; /* as the programs' CLOSED event tells it */
};

/* What a process has given back by itself, so that its parent must not do it again. */
enum hark__left {
	HARK__LEFT_NOTHING,
	HARK__LEFT_TOLD,     /* nothing, but of its end it has told */
	HARK__LEFT_PLACES,   /* in the tables */
	HARK__LEFT_LINGERING /* likewise; and it counts as lingering */
};

struct hark__children {
	int room;  /* places; 0: this model has no children */
	int count; /* that run */
	int touched, free_place;
	int unwatched;             /* have no pidfd */
	void *shared;              /* memory for … */
	struct hark__child *place; /* … these, and … */
	_Atomic char *left; /* … one each: enum hark__left, said by the child */
};

int hark__children_make(struct hark__children *children, int room);
void hark__children_unmake(struct hark__children *children);

/* A place for a child that is about to be started; one that lingers may end for it. */
int hark__children_take(
	struct hark__worker *worker, const struct hark__arrival *arrival);
/* It runs. */
void hark__children_started(struct hark__worker *worker, int place, pid_t pid);
/* It could not be started. */
void hark__children_drop(struct hark__worker *worker, int place);

/* This one may have ended. */
void hark__children_look(struct hark__worker *worker, int place);
/* Those that have no pidfd. */
void hark__children_tick(struct hark__worker *worker);

/* SIGKILL to all that have given back so much, and waits for their ends.  How many. */
unsigned hark__children_kill(struct hark__worker *worker, enum hark__left left);

/* They go on, or are not this process's: nobody waits for them. */
void hark__children_forget(struct hark__children *children);

#endif
