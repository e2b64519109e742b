/* SPDX-License-Identifier: MIT
 *
 * Processes a connection, from start to end; see children.h.  Floor 4.
 *
 * Invariant: a place with a pid is one conversation on the board, unless its process has
 * said in .left that it gave that back itself.
 */
#include "server/children.h"

#include "server/watch.h"
#include "server/worker.h"
#include "sys/sys.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static size_t bytes_for(int room)
{
	return (size_t)room * (sizeof(struct hark__child) + 1);
}

/* In shared memory all of it: after a fork nobody's writing copies a page of it. */
int hark__children_make(struct hark__children *children, int room)
{
	int done;

	*children = (struct hark__children){.free_place = -1};
	if (room == 0)
		return 0;
	done = sys_map_shared(bytes_for(room), &children->shared);
	if (done < 0)
		return done;
	children->place = children->shared;
	children->left = (void *)(children->place + room);
	children->room = room;
	return 0;
}

void hark__children_unmake(struct hark__children *children)
{
	if (children->room == 0)
		return;
	sys_unmap(children->shared, bytes_for(children->room));
	children->room = 0;
}

void hark__children_drop(struct hark__worker *worker, int place)
{
	struct hark__children *children = &worker->children;

	children->place[place].pid = 0;
	children->place[place].next_free = children->free_place;
	children->free_place = place;
}

/* Without a descriptor it is asked for at each tick. */
static void watch(struct hark__worker *worker, int place)
{
	struct hark__child *child = &worker->children.place[place];

	child->pidfd = sys_pidfd_open(child->pid);
	if (child->pidfd >= 0 && hark__watch_child(worker, child->pidfd, place) == 0)
		return;
	if (child->pidfd >= 0)
		(void)sys_close(child->pidfd); /* of a process; not watched */
	child->pidfd = -1;
	worker->children.unwatched++;
	hark__watch_tick_more(worker);
}

static void unwatch(struct hark__worker *worker, struct hark__child *child)
{
	if (child->pidfd >= 0) {
		hark__watch_no_more(worker, child->pidfd);
		(void)sys_close(child->pidfd); /* of a process that has ended */
		return;
	}
	worker->children.unwatched--;
	hark__watch_tick_less(worker);
}

void hark__children_started(struct hark__worker *worker, int place, pid_t pid)
{
	worker->children.place[place].pid = pid;
	worker->children.count++;
	watch(worker, place);
}

/* ------------------------------------------------------------------------------- ends */

static void tell_ended(
	struct hark__worker *worker, const struct hark__child *child, int status)
{
	enum hark_ending ending = worker->cut   ? HARK_ENDED_CUT
				  : status == 0 ? HARK_ENDED_RETURNED
						: HARK_ENDED_CRASHED;

	hark__conn_ended(worker, &child->arrival,
		&(struct hark_server_event){.reason = (int)ending,
			.pid = child->pid,
			.status = status,
			.local = child->local.length ? &child->local : NULL});
}

/* What the process did not do itself. */
static void forget(struct hark__worker *worker, int place, int status)
{
	struct hark__child *child = &worker->children.place[place];
	enum hark__left left = (enum hark__left)worker->children.left[place];

	if (left == HARK__LEFT_LINGERING)
		worker->row->lingering--;
	if (left == HARK__LEFT_NOTHING)
		tell_ended(worker, child, status);
	if (left == HARK__LEFT_NOTHING || left == HARK__LEFT_TOLD)
		hark__gate_leave(worker, &child->arrival);
	unwatch(worker, child);
	worker->children.count--;
	hark__children_drop(worker, place);
}

static void wait_for(struct hark__worker *worker, int place, bool block)
{
	struct hark__child *child = &worker->children.place[place];
	int status = 0;
	pid_t ended;

	if (child->pid == 0)
		return;
	ended = sys_wait(child->pid, &status, block);
	if (ended == 0)
		return; /* it runs */
	if (ended < 0 && ended != -ECHILD)
		return;                /* asked again at the next look */
	forget(worker, place, status); /* ECHILD: SIGCHLD is ignored, it is gone */
}

/* ------------------------------------------------------------------------------- room */

/* The oldest that has left so much; -1: none. */
static int find(const struct hark__children *children, enum hark__left left)
{
	int oldest = -1;

	for (int i = 0; i < children->touched; i++)
		if (children->left[i] == (char)left &&
			(oldest < 0 || children->place[i].arrival.number <
					       children->place[oldest].arrival.number))
			oldest = i;
	return oldest;
}

/*
 * There are twice as many places as conversations, so at least a half has none any more:
 * these have ended and were not seen yet, or they linger, and the time of whoever does
 * longest is over now (as in linger.c), or they are at their exit.
 */
static void make_room(struct hark__worker *worker)
{
	struct hark__children *children = &worker->children;
	int oldest;

	for (int i = 0; i < children->touched; i++)
		wait_for(worker, i, false);
	if (children->free_place >= 0)
		return;
	oldest = find(children, HARK__LEFT_LINGERING);
	if (oldest >= 0)
		sys_kill(children->place[oldest].pid, SIGKILL);
	else
		oldest = find(children, HARK__LEFT_PLACES);
	if (oldest >= 0)
		wait_for(worker, oldest, true);
}

int hark__children_take(
	struct hark__worker *worker, const struct hark__arrival *arrival)
{
	struct hark__children *children = &worker->children;
	int place;

	if (children->free_place < 0 && children->touched == children->room)
		make_room(worker);
	place = children->free_place;
	if (place < 0 && children->touched == children->room)
		return -EAGAIN; /* they cannot be waited for */
	if (place >= 0)
		children->free_place = children->place[place].next_free;
	else
		place = children->touched++;
	children->place[place] = (struct hark__child){.pidfd = -1, .arrival = *arrival};
	children->left[place] = 0;
	return place;
}

void hark__children_look(struct hark__worker *worker, int place)
{
	wait_for(worker, place, false);
}

void hark__children_tick(struct hark__worker *worker)
{
	struct hark__children *children = &worker->children;

	for (int i = 0; children->unwatched > 0 && i < children->touched; i++)
		if (children->place[i].pid != 0 && children->place[i].pidfd < 0)
			wait_for(worker, i, false);
}

unsigned hark__children_kill(struct hark__worker *worker, enum hark__left left)
{
	struct hark__children *children = &worker->children;
	unsigned killed = 0;

	for (int i = 0; i < children->touched; i++)
		if (children->place[i].pid != 0 && children->left[i] == (char)left) {
			sys_kill(children->place[i].pid, SIGKILL);
			wait_for(worker, i, true);
			killed++;
		}
	return killed;
}

void hark__children_forget(struct hark__children *children)
{
	for (int i = 0; i < children->touched; i++)
		if (children->place[i].pid != 0 && children->place[i].pidfd >= 0)
			(void)sys_close(children->place[i].pidfd); /* a copy */
}
