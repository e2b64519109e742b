/* SPDX-License-Identifier: MIT
 *
 * Watching; see watch.h.  Floor 4.
 */
#include "server/watch.h"

#include "base/error.h"
#include "server/model.h"
#include "socket/create.h"
#include "sys/sys.h"

#include <errno.h>

enum { TICK_MS = 100, EVENTS = 16 };

enum kind { TICK = 1, ROOM, PARENT, CUT, LINGERER, CHILD, ATTENDED };

static uint64_t key(enum kind kind, int place)
{
	return (uint64_t)kind << 32 | (uint32_t)place;
}

static int watch(struct hark__worker *worker, int fd, enum kind kind, int place)
{
	return sys_epoll_add(worker->watch_fd, fd, key(kind, place));
}

int hark__watch_linger(struct hark__worker *worker, int fd, int place)
{
	return watch(worker, fd, LINGERER, place);
}

int hark__watch_child(struct hark__worker *worker, int pidfd, int place)
{
	return watch(worker, pidfd, CHILD, place);
}

int hark__watch_attended(struct hark__worker *worker)
{
	if (!hark__worker_is_alone(worker))
		return 0;
	return watch(worker, worker->server->attending.fd, ATTENDED, 0);
}

void hark__watch_no_more(struct hark__worker *worker, int fd)
{
	sys_epoll_remove(worker->watch_fd, fd);
}

/* ------------------------------------------------------------------------------- ticks */

void hark__watch_tick_more(struct hark__worker *worker)
{
	(void)pthread_mutex_lock(&worker->tick_lock);
	if (worker->tick_users++ == 0)
		(void)sys_timer_set(worker->tick_fd, TICK_MS); /* then it ends late */
	(void)pthread_mutex_unlock(&worker->tick_lock);
}

void hark__watch_tick_less(struct hark__worker *worker)
{
	(void)pthread_mutex_lock(&worker->tick_lock);
	if (--worker->tick_users == 0)
		(void)sys_timer_set(worker->tick_fd, 0); /* at most it ticks on */
	(void)pthread_mutex_unlock(&worker->tick_lock);
}

static void tick(struct hark__worker *worker)
{
	uint64_t times;

	(void)sys_read(worker->tick_fd, &times, sizeof(times)); /* or it was stopped */
	hark__linger_tick(worker);
	hark__children_tick(worker);
}

/* -------------------------------------------------------------------------------- look */

/* Our supervisor has died: nobody else would tell us to end. */
static void orphaned(struct hark__worker *worker)
{
	sys_epoll_remove(worker->watch_fd, worker->parent_fd);
	hark__orphaned(worker->server);
}

static void react(struct hark__worker *worker, uint64_t data)
{
	int place = (int)(uint32_t)data;

	switch ((enum kind)(data >> 32)) {
	case TICK:
		tick(worker);
		break;
	case ROOM:
		(void)hark_wake_clear(worker->row->room_fd); /* an eventfd */
		break;
	case PARENT:
		orphaned(worker);
		break;
	case CUT: /* it stays readable; whoever accepts is not to go on */
		sys_epoll_remove(worker->watch_fd, worker->server->cut_fd);
		worker->accepting.quit = true;
		break;
	case LINGERER:
		hark__linger_read(worker, place);
		break;
	case CHILD:
		hark__children_look(worker, place);
		break;
	case ATTENDED:
		hark__attend_look(&worker->server->attending);
		break;
	}
}

void hark__watch_look(struct hark__worker *worker)
{
	struct sys_event events[EVENTS];
	int count = sys_epoll_wait(worker->watch_fd, events, EVENTS, 0);

	for (int i = 0; i < count; i++)
		react(worker, events[i].data);
}

/* ---------------------------------------------------------------------- make and unmake */

static int fail(int code, struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_WAIT, .code = code,
		.limit = hark__descriptor_limit(code));
}

static int add_all(struct hark__worker *worker)
{
	int done = watch(worker, worker->tick_fd, TICK, 0);

	if (done == 0)
		done = watch(worker, worker->row->room_fd, ROOM, 0);
	if (done == 0)
		done = watch(worker, worker->server->cut_fd, CUT, 0);
	if (done == 0 && worker->parent_fd >= 0)
		done = watch(worker, worker->parent_fd, PARENT, 0);
	if (done == 0 && !worker->server->model->has_crew)
		done = hark__watch_attended(worker);
	return done;
}

int hark__watch_make(struct hark__worker *worker, struct hark_error *err)
{
	int done;

	(void)pthread_mutex_init(&worker->tick_lock, NULL); /* cannot fail on Linux */
	worker->watch_fd = hark__above_stdio(sys_epoll());
	if (worker->watch_fd < 0)
		return fail(worker->watch_fd, err);
	worker->tick_fd = hark__above_stdio(sys_timer());
	if (worker->tick_fd < 0) {
		(void)sys_close(worker->watch_fd); /* nothing is in it */
		return fail(worker->tick_fd, err);
	}
	done = add_all(worker);
	if (done == 0)
		return 0;
	hark__watch_unmake(worker);
	return fail(done, err);
}

void hark__watch_unmake(struct hark__worker *worker)
{
	(void)sys_close(worker->tick_fd);  /* a timer */
	(void)sys_close(worker->watch_fd); /* an epoll instance */
}
