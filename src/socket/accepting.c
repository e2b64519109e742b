/* SPDX-License-Identifier: MIT
 *
 * Accepting from many listeners, one connection a call; see accepting.h.
 * Not here: what pressure means (pressure.c), which errors mean what (accept.c).
 *
 * Floor 2.  Invariants: one accept a ready listener a round, so that a busy listener does
 * not starve a quiet one, and so that a stop is seen between any two connections; no
 * heap; while descriptors are out nothing is thrown away unless SHED was chosen.
 */
#include "socket/accepting.h"

#include "base/clock.h"
#include "base/error.h"
#include "socket/accept.h"
#include "socket/create.h"
#include "socket/crowd.h"
#include "socket/listener.h"
#include "socket/pressure.h"
#include "socket/signals.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

enum { STOP_MS = 5000, HASTE_MOST = 8, HASTE_REST = 16 };

/* --------------------------------------------------------------- counters and events */

#define COUNT(accepting, field) \
	count((accepting), offsetof(struct hark_loop_counters, field))

static void count(struct hark__accepting *accepting, size_t offset)
{
	const struct hark_loop_options *options = accepting->options;
	unsigned long *counter;

	if (!options->counters || offset + sizeof(*counter) > options->counters_size)
		return;
	counter = (unsigned long *)(void *)((char *)options->counters + offset);
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

static void tell(struct hark__accepting *accepting, const struct hark_loop_event *event)
{
	if (accepting->options->on_event)
		accepting->options->on_event(event, accepting->options->event_ctx);
}

static void tell_pressure(struct hark__accepting *accepting)
{
	struct hark_loop_event event = {0};

	switch (hark__pressure_tell(
		&accepting->pressure, hark__now_ms(), &event.paused_ms)) {
	case HARK__TELL_PAUSED:
		event.kind = HARK_LOOP_PAUSED;
		event.error = &accepting->trouble;
		break;
	case HARK__TELL_RESUMED:
		event.kind = HARK_LOOP_RESUMED;
		break;
	case HARK__TELL_NOTHING:
		return;
	}
	tell(accepting, &event);
}

static void hit(struct hark__accepting *accepting, int fd, int code)
{
	(void)hark__accept_fail(fd, code, &accepting->trouble); /* told by the event */
	hark__pressure_hit(&accepting->pressure, hark__now_ms());
}

static bool pauses(const struct hark__accepting *accepting)
{
	return hark__pressure_pauses(&accepting->pressure, hark__now_ms());
}

/* The caller's own limit: until its event the clients wait in the queue. */
static bool is_held(const struct hark__accepting *accepting)
{
	const struct hark_loop_options *options = accepting->options;

	return options->may_accept && !options->may_accept(options->may_accept_ctx);
}

/* Something of the caller's ended, and may have freed what ran out: try at once. */
static void tell_readable(struct hark__accepting *accepting)
{
	if (!accepting->fds[HARK__WAKE_EVENT].revents)
		return;
	accepting->look_all = true;
	tell(accepting, &(struct hark_loop_event){.kind = HARK_LOOP_READABLE});
	hark__pressure_ease(&accepting->pressure);
}

/* ------------------------------------------------------------------------------- shed */

/* Any descriptor will do; a Unix socket needs no file. */
static void open_reserve(struct hark__accepting *accepting)
{
	if (accepting->options->pressure == HARK_PRESSURE_SHED &&
		accepting->reserve < 0)
		accepting->reserve = hark__above_stdio(
			sys_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static void close_reserve(struct hark__accepting *accepting)
{
	if (accepting->reserve >= 0)
		(void)sys_close(accepting->reserve); /* an unused socket */
	accepting->reserve = -1;
}

/* Linux looks for a free number before it looks for a client. */
static bool is_nobody_there(int fd)
{
	struct pollfd listener = {fd, POLLIN, 0};

	return sys_poll(&listener, 1, 0) == 0;
}

/*
 * Gives up the reserve to accept one client and reset it.  Another thread may take the
 * free place first; then this is pressure like any other.
 */
static bool shed_one(struct hark__accepting *accepting, int fd)
{
	int connection;

	if (accepting->reserve < 0)
		return false;
	if (is_nobody_there(fd)) /* the reserve is kept for who comes */
		return true;
	close_reserve(accepting);
	connection = hark__accept_once(fd, NULL);
	if (connection >= 0) {
		(void)hark_close_reset(connection, NULL); /* released in any case */
		COUNT(accepting, shed);
	}
	open_reserve(accepting);
	return connection >= 0 || hark_accept_classify(connection) == HARK_ACCEPT_EMPTY;
}

static void exhausted(struct hark__accepting *accepting, int fd, int code)
{
	COUNT(accepting, exhausted);
	hit(accepting, fd, code);
	if (shed_one(accepting, fd))
		hark__pressure_ease(&accepting->pressure); /* told, but no pause */
	else
		open_reserve(accepting);
}

/* ----------------------------------------------------------------------------- accept */

/* What a turn comes to. */
enum { NOBODY, SOMETHING, CONNECTION };

static void served(struct hark__accepting *accepting)
{
	hark__crowd_served(accepting);
	COUNT(accepting, accepted);
	accepting->passed = 0;
	hark__pressure_ease(&accepting->pressure);
}

static void consider_haste(struct hark__accepting *accepting, int fd)
{
	struct hark__haste *haste = &accepting->haste;

	if (!haste->allowed || haste->rest > 0) {
		haste->rest -= haste->rest > 0;
		return;
	}
	haste->fd = fd;
	haste->done = 0;
}

/* What is wrong, but with that one connection, is found again by the next round. */
static bool accept_at_once(
	struct hark__accepting *accepting, int *connection, struct hark_addr *peer)
{
	struct hark__haste *haste = &accepting->haste;

	if (haste->fd < 0 || accepting->stopping || accepting->quit ||
		haste->done++ >= HASTE_MOST || is_held(accepting)) {
		haste->fd = -1;
		return false;
	}
	*connection = hark__accept_once(haste->fd, peer);
	if (*connection >= 0) {
		served(accepting);
		return true;
	}
	if (hark_accept_classify(*connection) == HARK_ACCEPT_NEXT)
		COUNT(accepting, failed);
	haste->fd = -1;
	haste->rest = HASTE_REST;
	return false;
}

/* Some of these errors do not take the connection off the queue, and would come for ever. */
static void pass_over(struct hark__accepting *accepting, int fd, int code)
{
	COUNT(accepting, failed);
	if (++accepting->passed >= HARK__ACCEPT_TRIES)
		hit(accepting, fd, code);
}

/* poll(2) says it along with the rest; epoll does not where it wakes one of many. */
static bool was_shut_down(
	const struct hark__accepting *accepting, const struct pollfd *ready)
{
	struct pollfd again = {ready->fd, POLLRDHUP, 0};

	if (accepting->epoll_fd < 0)
		return hark__was_shut_down(ready->revents);
	return sys_poll(&again, 1, 0) > 0 && hark__was_shut_down(again.revents);
}

/* Its queue is empty for good: it would be readable ever after. */
static void drop(struct hark__accepting *accepting, const struct pollfd *ready)
{
	struct pollfd *place = &accepting->fds[ready - accepting->fds];

	hark__crowd_drop(accepting, place->fd);
	*place = (struct pollfd){.fd = -1};
}

static bool quiesces(const struct hark__accepting *accepting)
{
	return accepting->quiesces && *accepting->quiesces;
}

/* In the midst of a round: the next one sees why. */
static bool must_look_up(struct hark__accepting *accepting)
{
	return sys_poll(accepting->fds, HARK__WAKERS, 0) > 0;
}

/* Readable and nobody there: taken by another process, or for ever (a Unix shutdown). */
static int nobody(struct hark__accepting *accepting, const struct pollfd *ready,
	struct hark_error *err)
{
	if (accepting->stopping)
		return NOBODY;
	if (was_shut_down(accepting, ready)) {
		if (quiesces(accepting)) {
			drop(accepting, ready);
			return NOBODY;
		}
		if (must_look_up(accepting)) /* a stop, by another process */
			return NOBODY;
		return hark__accept_fail(ready->fd, -EINVAL, err);
	}
	COUNT(accepting, stolen);
	hark__pressure_ease(&accepting->pressure);
	return NOBODY;
}

/* Negative: this listener is broken. */
static int accept_one(struct hark__accepting *accepting, const struct pollfd *ready,
	int *connection, struct hark_addr *peer, struct hark_error *err)
{
	int got = hark__accept_once(ready->fd, peer);

	if (got >= 0) {
		*connection = got;
		served(accepting);
		consider_haste(accepting, ready->fd);
		return CONNECTION;
	}
	switch (hark_accept_classify(got)) {
	case HARK_ACCEPT_EMPTY:
		return nobody(accepting, ready, err);
	case HARK_ACCEPT_NEXT:
		pass_over(accepting, ready->fd, got);
		return SOMETHING; /* off the queue, as a rule: look again */
	case HARK_ACCEPT_AGAIN:
		return SOMETHING;
	case HARK_ACCEPT_EXHAUSTED:
		exhausted(accepting, ready->fd, got);
		return SOMETHING;
	case HARK_ACCEPT_UNKNOWN:
		COUNT(accepting, unknown);
		hit(accepting, ready->fd, got);
		return SOMETHING;
	case HARK_ACCEPT_BROKEN:
		break;
	}
	return hark__accept_fail(ready->fd, got, err);
}

/* The listener that has its turn i places after the first. */
static size_t after_first(const struct hark__accepting *accepting, size_t i)
{
	size_t turn = accepting->first + i;

	return turn < accepting->count ? turn : turn - accepting->count;
}

/* The next one begins with whom this one did not come to. */
static int end_round(struct hark__accepting *accepting, size_t first)
{
	accepting->first = first;
	accepting->round.on = false;
	return 0;
}

/* One listener has its turn; what accept_one says, and NOBODY too when it ends the round. */
static int take_turn(struct hark__accepting *accepting, size_t turn, int *connection,
	struct hark_addr *peer, struct hark_error *err)
{
	const struct pollfd *ready = &accepting->fds[HARK__WAKERS + turn];
	int got = NOBODY;

	if (ready->revents && ready->fd >= 0)
		got = accept_one(accepting, ready, connection, peer, err);
	if (got > NOBODY)
		accepting->round.busy = true;
	if (got == SOMETHING && pauses(accepting)) {
		COUNT(accepting, pauses);
		return end_round(accepting, turn);
	}
	return got;
}

/*
 * One accept for each listener that is ready, another one first each round; ends early
 * under pressure, and then begins with whom it failed, and at the caller's limit.
 * 1: a connection.  0: the round is over.
 */
static int go_round(struct hark__accepting *accepting, int *connection,
	struct hark_addr *peer, struct hark_error *err)
{
	struct hark__round *round = &accepting->round;

	while (round->on && round->next < accepting->count) {
		size_t turn = after_first(accepting, round->next);
		int got;

		if (accepting->fds[HARK__WAKERS + turn].revents && round->busy &&
			(is_held(accepting) || must_look_up(accepting)))
			return end_round(accepting, turn);
		round->next++;
		got = take_turn(accepting, turn, connection, peer, err);
		if (got < 0 || got == CONNECTION)
			return got < 0 ? got : 1;
	}
	return round->on ? end_round(accepting, after_first(accepting, 1)) : 0;
}

/* ------------------------------------------------------------------------------- stop */

/*
 * shutdown(2) of the reading side of a Unix listener refuses new clients at once and keeps
 * the queue, so its end can be waited for.  It acts on the socket in every process, so it
 * is only done to what this process made.
 */
static void refuse_unix_clients(const struct hark_listener *listeners, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (hark_addr_family(&listeners[i].addr) == AF_UNIX &&
			hark__is_ours(&listeners[i]))
			(void)sys_shutdown(
				listeners[i].fd, SHUT_RD); /* bounded anyway */
}

static void begin_stop(struct hark__accepting *accepting)
{
	int stop_ms =
		accepting->options->stop_ms ? accepting->options->stop_ms : STOP_MS;

	if (accepting->signal_fd)
		(void)hark_wake_clear(
			accepting->signal_fd); /* so that a second one counts */
	tell(accepting, &(struct hark_loop_event){.kind = HARK_LOOP_STOPPING});
	accepting->stopping = true;
	accepting->stop_deadline = hark__deadline(stop_ms);
	accepting->fds[HARK__WAKE_CALLER].fd =
		-1;                 /* the caller's to clear; it stays readable */
	hark__crowd_end(accepting); /* which would go on seeing it */
	if (accepting->options->stop == HARK_STOP_CLOSING)
		refuse_unix_clients(accepting->listeners, accepting->count);
}

/* True when the loop ends at once. */
static bool woken(struct hark__accepting *accepting)
{
	if (!accepting->fds[HARK__WAKE_CALLER].revents &&
		!accepting->fds[HARK__WAKE_SIGNAL].revents)
		return false;
	if (accepting->stopping) /* a second signal */
		return true;
	begin_stop(accepting);
	return accepting->options->stop == HARK_STOP_AT_ONCE;
}

/* ------------------------------------------------------------------------------- wait */

static int wait_ms(const struct hark__accepting *accepting, bool pause, int64_t now_ms)
{
	int next_ms = hark__pressure_left_ms(&accepting->pressure, now_ms);
	int left_ms;

	if (!accepting->stopping)
		return next_ms;
	if (!pause)
		return 0; /* whoever is not there now is not waited for */
	left_ms = hark__left_ms(accepting->stop_deadline);
	return next_ms >= 0 && next_ms < left_ms ? next_ms : left_ms;
}

/* Not known of a Unix listener that was shut down, which is always readable. */
static bool somebody_waits(struct hark__accepting *accepting)
{
	return sys_poll(accepting->fds + HARK__WAKERS, accepting->count, 0) != 0;
}

/*
 * In a pause the listeners, which are readable, are not looked at.  Whether there is one,
 * and how long, is decided at one moment: a pause that ended between two looks at the clock
 * would be taken for one without end.
 */
static int wait_round(struct hark__accepting *accepting, bool pause, int64_t now_ms)
{
	nfds_t watched = HARK__WAKERS + (pause ? 0 : accepting->count);
	int timeout_ms = wait_ms(accepting, pause, now_ms);
	int ready;

	if (accepting->epoll_fd >= 0 && !pause && !accepting->look_all)
		return hark__crowd_wait(accepting, timeout_ms);
	accepting->look_all = accepting->look_all && pause;
	ready = sys_poll(accepting->fds, watched, timeout_ms);
	if (ready <= 0 || pause)
		for (nfds_t i = ready > 0 ? HARK__WAKERS : 0;
			i < HARK__WAKERS + accepting->count; i++)
			accepting->fds[i].revents = 0;
	return ready;
}

/* 1: the round is on.  0: there will be no more. */
static int begin_round(struct hark__accepting *accepting, struct hark_error *err)
{
	int64_t now_ms = hark__now_ms();
	bool held = is_held(accepting);
	bool pause = held || hark__pressure_pauses(&accepting->pressure, now_ms);
	int ready;

	accepting->round =
		(struct hark__round){.stopping = accepting->stopping, .pause = pause};
	if (accepting->stopping && held && !somebody_waits(accepting))
		return 0;
	ready = wait_round(accepting, pause, now_ms);
	if (ready == -EINTR)
		return 1; /* time has passed: decide anew */
	if (ready < 0)
		return HARK__FAIL(err, .step = HARK_STEP_WAIT, .code = ready);
	tell_readable(accepting);
	if (accepting->quit || woken(accepting))
		return 0;
	if (!pause)
		open_reserve(accepting); /* again, where it was stolen */
	accepting->round.on = true;
	return 1;
}

/* After a stop the queues are looked at once, and until nobody was there. */
static bool is_last_round(const struct hark__accepting *accepting)
{
	const struct hark__round *round = &accepting->round;

	if (!round->stopping)
		return false;
	return (!round->busy && !round->pause) ||
	       !hark__left_ms(accepting->stop_deadline);
}

int hark__accepting_next(struct hark__accepting *accepting, int *connection,
	struct hark_addr *peer, struct hark_error *err)
{
	int got;

	if (!accepting->started)
		tell(accepting, &(struct hark_loop_event){.kind = HARK_LOOP_STARTED});
	accepting->started = true;
	for (;;) {
		if (accepting->round.on) {
			got = accepting->round.pause
				      ? end_round(accepting, accepting->first)
				      : go_round(accepting, connection, peer, err);
			if (got != 0)
				return got;
			tell_pressure(accepting);
			if (is_last_round(accepting))
				return 0;
		}
		if (accept_at_once(accepting, connection, peer))
			return 1;
		got = begin_round(accepting, err);
		if (got <= 0)
			return got;
	}
}

/* ----------------------------------------------------------------------- begin and end */

static void set_up(struct hark__accepting *accepting)
{
	int wake_fd = accepting->options->wake_fd;
	int event_fd = accepting->options->event_fd;

	accepting->fds[HARK__WAKE_CALLER] =
		(struct pollfd){wake_fd ? wake_fd : -1, POLLIN, 0};
	accepting->fds[HARK__WAKE_SIGNAL] = (struct pollfd){-1, POLLIN, 0};
	accepting->fds[HARK__WAKE_EVENT] =
		(struct pollfd){event_fd ? event_fd : -1, POLLIN, 0};
	for (size_t i = 0; i < accepting->count; i++)
		accepting->fds[HARK__WAKERS + i] = (struct pollfd){
			accepting->listeners[i].fd, POLLIN | POLLRDHUP, 0};
	accepting->reserve = accepting->haste.fd = -1;
	open_reserve(accepting);
}

static int take_signals(struct hark__accepting *accepting, struct hark_error *err)
{
	int fd, taken;

	if (accepting->options->mind_signals != HARK_ON)
		return 0;
	fd = hark_wake_create(err);
	if (fd < 0)
		return fd;
	taken = hark__signals_take(fd, err);
	if (taken < 0) {
		(void)sys_close(fd); /* an unused eventfd */
		return taken;
	}
	accepting->signal_fd = accepting->fds[HARK__WAKE_SIGNAL].fd = fd;
	return 0;
}

static void release_signals(struct hark__accepting *accepting)
{
	if (!accepting->signal_fd)
		return;
	hark__signals_release();
	(void)sys_close(accepting->signal_fd); /* an eventfd */
}

int hark__accepting_begin(struct hark__accepting *accepting, struct hark_error *err)
{
	int taken;

	set_up(accepting);
	taken = take_signals(accepting, err);
	if (taken < 0)
		close_reserve(accepting);
	else
		hark__crowd_begin(accepting);
	return taken;
}

void hark__accepting_end(struct hark__accepting *accepting)
{
	hark__crowd_end(accepting);
	release_signals(accepting);
	close_reserve(accepting);
}
