/* SPDX-License-Identifier: MIT
 *
 * Quiescing listeners: from the last client who is let in to the close.
 * Not here: how new clients are kept out (quiesce_gate.c).  Floor 2.
 *
 * A handshake in progress can only become a client in the queue, or end; so when first
 * nobody is half-way and then nobody in the queue, nobody comes any more.  The other order
 * would miss who changed between the two looks.
 */
#include "socket/quiesce.h"

#include "base/clock.h"
#include "base/error.h"
#include "socket/diag.h"
#include "socket/gates.h"
#include "socket/inspect.h"
#include "socket/listener.h"
#include "sys/sys.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

enum {
	DEADLINE_MS = 10000,
	GRACE_MS = 2,     /* for what had passed the gate when it was closed */
	COOKIE_MS = 1000, /* for the last steps of handshakes that are in no table */
	BLIND_MS = 500,   /* where nobody tells who is half-way: more than most take */
	FIRST_LOOK_MS = 2,
	LAST_LOOK_MS = 20
};

const char *hark_quiesce_method_name(enum hark_quiesce_method method)
{
	static const char *const names[HARK_QUIESCE_COUNT] = {
		[HARK_QUIESCE_BEST] = "best",
		[HARK_QUIESCE_SHARED] = "shared",
		[HARK_QUIESCE_STEERED] = "steered",
		[HARK_QUIESCE_GHOST] = "ghost",
		[HARK_QUIESCE_FILTER] = "filter",
		[HARK_QUIESCE_SHUTDOWN] = "shutdown",
		[HARK_QUIESCE_UNTIL_EMPTY] = "until empty",
		[HARK_QUIESCE_MIGRATED] = "migrated",
	};

	return (unsigned)method < HARK_QUIESCE_COUNT ? names[method] : NULL;
}

static int method_of(const struct hark_quiesce *quiesce, size_t i)
{
	return quiesce->gate[i].method;
}

/* A gate that leaves handshakes in progress alone. */
static bool is_gated(const struct hark_quiesce *quiesce, size_t i)
{
	int method = method_of(quiesce, i);

	return method == HARK_QUIESCE_STEERED || method == HARK_QUIESCE_GHOST ||
	       method == HARK_QUIESCE_FILTER;
}

static bool has_queue(const struct hark_quiesce *quiesce, size_t i)
{
	return is_gated(quiesce, i) ||
	       method_of(quiesce, i) == HARK_QUIESCE_UNTIL_EMPTY ||
	       method_of(quiesce, i) == HARK_QUIESCE_MIGRATED;
}

/* -------------------------------------------------------------------------- who is there */

static bool same_place(const struct hark_quiesce *quiesce, size_t i, size_t j)
{
	return hark_addr_compare(
		       &quiesce->listeners[i].addr, &quiesce->listeners[j].addr) == 0;
}

/* Members of a group share an address, and are told of together. */
static bool is_counted(const struct hark_quiesce *quiesce, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (is_gated(quiesce, j) && same_place(quiesce, i, j))
			return true;
	return false;
}

static void remember(uint64_t inode, uint32_t peer, void *ctx)
{
	struct hark_quiesce *quiesce = ctx;

	(void)inode;
	if (quiesce->peer_count < HARK_QUIESCE_PEERS)
		quiesce->peer[quiesce->peer_count] = peer;
	quiesce->peer_count++;
}

static bool is_remembered(const struct hark_quiesce *quiesce, uint32_t peer)
{
	for (unsigned i = 0; i < quiesce->peer_count; i++)
		if (quiesce->peer[i] == peer)
			return true;
	return false;
}

/* Beside a successor only those count who were there before it; of too many, all. */
static void count_known(uint64_t inode, uint32_t peer, void *ctx)
{
	struct hark_quiesce *quiesce = ctx;

	(void)inode;
	if (quiesce->peer_count > HARK_QUIESCE_PEERS || is_remembered(quiesce, peer))
		quiesce->now_half_open++;
}

static void count_any(uint64_t inode, uint32_t peer, void *ctx)
{
	struct hark_quiesce *quiesce = ctx;

	(void)inode, (void)peer;
	quiesce->now_half_open++;
}

/* Negative: nobody tells. */
static int look_for_half_open(struct hark_quiesce *quiesce, hark__diag_entry *steered,
	hark__diag_entry *others)
{
	int found = 0;

	quiesce->now_half_open = 0;
	for (size_t i = 0; i < quiesce->count && found >= 0; i++) {
		bool steers = method_of(quiesce, i) == HARK_QUIESCE_STEERED;

		if (is_gated(quiesce, i) && !is_counted(quiesce, i))
			found = hark__diag_half_open(quiesce->diag_fd,
				&quiesce->listeners[i].addr, steers ? steered : others,
				quiesce);
	}
	return found < 0 ? found : 0;
}

static unsigned queue_of(const struct hark_listener *listener, uint32_t *drops)
{
	struct hark_queue queue;

	if (hark_queue_read(listener->fd, &queue, sizeof(queue), NULL) < 0)
		return 0;
	if (drops)
		*drops = queue.drops;
	return queue.length;
}

static unsigned queues(const struct hark_quiesce *quiesce)
{
	unsigned length = 0;

	for (size_t i = 0; i < quiesce->count; i++)
		if (has_queue(quiesce, i))
			length += queue_of(&quiesce->listeners[i], NULL);
	return length;
}

/* -------------------------------------------------------------------------------- begin */

static int refuse(int code, enum hark_cause cause, const char *option, long long value,
	struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = code, .cause = cause,
		.option = option, .limit = value);
}

static int check(size_t count, const struct hark_quiesce_options *options,
	struct hark_error *err)
{
	if (count > HARK_SET_MAX)
		return HARK__FAIL(err, .step = HARK_STEP_QUIESCE, .code = -E2BIG,
			.cause = HARK_CAUSE_TOO_MANY, .limit = HARK_SET_MAX);
	if ((unsigned)options->method >= HARK_QUIESCE_COUNT ||
		options->method == HARK_QUIESCE_SHUTDOWN)
		return refuse(-EINVAL, HARK_CAUSE_BAD_VALUE, "method",
			(long long)options->method, err);
	if (options->deadline_ms < -1)
		return refuse(-EINVAL, HARK_CAUSE_BAD_VALUE, "deadline_ms",
			options->deadline_ms, err);
	if (options->successor_fd < 0 ||
		(options->method == HARK_QUIESCE_STEERED && options->successor_fd == 0))
		return refuse(-EINVAL, HARK_CAUSE_BAD_VALUE, "successor_fd",
			options->successor_fd, err);
	for (size_t i = 0; i < sizeof(options->reserved) / sizeof(uint64_t); i++)
		if (options->reserved[i])
			return refuse(-EINVAL, HARK_CAUSE_RESERVED, "reserved", 0, err);
	return 0;
}

static void open_all(struct hark_quiesce *quiesce, size_t count)
{
	while (count-- > 0)
		(void)hark__gate_open(quiesce, count, NULL); /* what can be */
}

/* Unix listeners last: they cannot be taken back. */
static int close_gates(struct hark_quiesce *quiesce,
	const struct hark_quiesce_options *options, bool unix_ones,
	struct hark_error *err)
{
	for (size_t i = 0; i < quiesce->count; i++) {
		const struct hark_addr *addr = &quiesce->listeners[i].addr;
		int done;

		if ((hark_addr_family(addr) == AF_UNIX) != unix_ones)
			continue;
		done = hark__gate_close(quiesce, i, options, err);
		if (done < 0) {
			open_all(quiesce, quiesce->count);
			return done;
		}
	}
	return 0;
}

/*
 * Who is there when the gates are closed.  One who gets from the handshake into the queue
 * between the looks is seen in both: then they are taken once more.
 */
static void take_stock(struct hark_quiesce *quiesce)
{
	enum { TRIES = 4 };
	unsigned before;
	int looked;

	for (size_t i = 0; i < quiesce->count; i++)
		if (has_queue(quiesce, i))
			(void)queue_of(&quiesce->listeners[i], &quiesce->gate[i].drops);
	for (int i = 0; i < TRIES; i++) {
		before = queues(quiesce);
		quiesce->peer_count = 0;
		looked = look_for_half_open(quiesce, count_any, count_any);
		quiesce->queued = queues(quiesce);
		if (looked < 0 || before == quiesce->queued)
			break;
	}
	if (looked < 0 && quiesce->fallback_code == 0)
		quiesce->fallback_code = looked;
	quiesce->half_open = looked < 0 ? 0 : quiesce->now_half_open;
}

int hark_quiesce_begin(struct hark_quiesce *quiesce, struct hark_listener *listeners,
	size_t count, const struct hark_quiesce_options *options,
	struct hark_error *err)
{
	static const struct hark_quiesce_options defaults;
	int done;

	options = options ? options : &defaults;
	done = check(count, options, err);
	if (done < 0)
		return done;
	memset(quiesce, 0, sizeof(*quiesce));
	quiesce->listeners = listeners;
	quiesce->count = count;
	quiesce->diag_fd = hark__diag_open(); /* negative: who asks it is told why */
	done = close_gates(quiesce, options, false, err);
	if (done == 0)
		done = close_gates(quiesce, options, true, err);
	if (done < 0) {
		if (quiesce->diag_fd >= 0)
			(void)sys_close(quiesce->diag_fd); /* a netlink socket */
		return done;
	}
	quiesce->began_ms = hark__now_ms();
	quiesce->deadline_ms = hark__deadline(
		options->deadline_ms ? options->deadline_ms : DEADLINE_MS);
	take_stock(quiesce);
	return 0;
}

/* -------------------------------------------------------------------------------- check */

static int end(struct hark_quiesce *quiesce, bool timed_out)
{
	quiesce->done = 1;
	quiesce->timed_out = timed_out;
	return 1;
}

static bool any_gated(const struct hark_quiesce *quiesce)
{
	for (size_t i = 0; i < quiesce->count; i++)
		if (is_gated(quiesce, i))
			return true;
	return false;
}

/*
 * What is steered away is remembered once, when nothing from before can still be on its way
 * to this listener.
 */
static int look_half_way(struct hark_quiesce *quiesce, int64_t since_ms)
{
	int looked;

	if (!any_gated(quiesce))
		return 0;
	if (since_ms < GRACE_MS || (quiesce->cookies && since_ms < COOKIE_MS))
		return 1;
	if (quiesce->successor_fd > 0 && quiesce->peer_count == 0) {
		looked = look_for_half_open(quiesce, remember, count_any);
		quiesce->now_half_open += quiesce->peer_count;
	} else {
		looked = look_for_half_open(quiesce, count_known, count_any);
	}
	if (looked < 0)
		return since_ms < BLIND_MS;
	return quiesce->now_half_open > 0;
}

int hark_quiesce_check(struct hark_quiesce *quiesce, struct hark_error *err)
{
	int half_way;

	(void)err; /* nothing fails that would not be over by the deadline */
	if (quiesce->done)
		return 1;
	half_way = look_half_way(quiesce, hark__now_ms() - quiesce->began_ms);
	quiesce->now_queued = queues(quiesce);
	if (!half_way && quiesce->now_queued == 0)
		return end(quiesce, false);
	if (hark__left_ms(quiesce->deadline_ms) == 0)
		return end(quiesce, true);
	return 0;
}

/* -------------------------------------------------------------------------------- accept */

void hark__quiesce_accepted(struct hark_quiesce *quiesce, unsigned count)
{
	quiesce->accepted += count;
}

static int take(struct hark_quiesce *quiesce, size_t i, int connection)
{
	if (method_of(quiesce, i) == HARK_QUIESCE_FILTER)
		(void)hark__unfilter(connection); /* -ENOENT: it came before the gate */
	if (method_of(quiesce, i) == HARK_QUIESCE_SHUTDOWN)
		quiesce->accepted_unix++;
	else
		quiesce->accepted++;
	quiesce->next = (unsigned)((i + 1) % quiesce->count);
	return connection;
}

/* A Unix listener that was shut down says so when its queue is empty. */
static bool is_over(struct hark_quiesce *quiesce, size_t i, int code)
{
	if (method_of(quiesce, i) != HARK_QUIESCE_SHUTDOWN || code != -EINVAL)
		return false;
	quiesce->gate[i].over = 1;
	return true;
}

/* One turn: -EAGAIN when there is nobody anywhere. */
static int accept_any(
	struct hark_quiesce *quiesce, struct hark_addr *peer, struct hark_error *err)
{
	struct hark_error why;

	for (size_t n = 0; n < quiesce->count; n++) {
		size_t i = (quiesce->next + n) % quiesce->count;
		int got;

		if (method_of(quiesce, i) == HARK_QUIESCE_SHARED ||
			quiesce->gate[i].over)
			continue;
		got = hark_accept_try(quiesce->listeners[i].fd, peer, &why);
		if (got >= 0)
			return take(quiesce, i, got);
		if (got == -EAGAIN || is_over(quiesce, i, got))
			continue;
		if (err)
			*err = why;
		return got;
	}
	return -EAGAIN;
}

/* Until somebody has come, or it is time to look who is half-way. */
static int wait_a_moment(struct hark_quiesce *quiesce, int wake_fd, int look_ms)
{
	struct pollfd fds[HARK_SET_MAX + 1];
	int left_ms = hark__left_ms(quiesce->deadline_ms);
	nfds_t count = 0;

	fds[count++] = (struct pollfd){wake_fd > 0 ? wake_fd : -1, POLLIN, 0};
	for (size_t i = 0; i < quiesce->count; i++)
		if (method_of(quiesce, i) != HARK_QUIESCE_SHARED &&
			!quiesce->gate[i].over)
			fds[count++] =
				(struct pollfd){quiesce->listeners[i].fd, POLLIN, 0};
	if (left_ms >= 0 && left_ms < look_ms)
		look_ms = left_ms;
	(void)sys_poll(fds, count, look_ms); /* failed: look anyway */
	return fds[0].revents ? -ECANCELED : 0;
}

int hark_quiesce_accept(struct hark_quiesce *quiesce, struct hark_addr *peer,
	int wake_fd, struct hark_error *err)
{
	int look_ms = FIRST_LOOK_MS, got;

	for (;;) {
		got = accept_any(quiesce, peer, err);
		if (got != -EAGAIN)
			return got;
		if (hark_quiesce_check(quiesce, err) != 0)
			return -ESHUTDOWN;
		got = wait_a_moment(quiesce, wake_fd, look_ms);
		if (got < 0)
			return got;
		look_ms = look_ms * 2 < LAST_LOOK_MS ? look_ms * 2 : LAST_LOOK_MS;
	}
}

/* -------------------------------------------------------------------------------- report */

/* As the report has them: a migration loses as few as a steering. */
static int rank(int method)
{
	return method == HARK_QUIESCE_MIGRATED ? 2 * HARK_QUIESCE_SHARED + 1
					       : 2 * method;
}

static int weakest(const struct hark_quiesce *quiesce)
{
	int method = HARK_QUIESCE_BEST;

	for (size_t i = 0; i < quiesce->count; i++)
		if (rank(method_of(quiesce, i)) > rank(method))
			method = method_of(quiesce, i);
	return method;
}

/* Who came although nobody had seen him half-way slipped in while the gate closed. */
static struct hark_quiesce_report report_of(const struct hark_quiesce *quiesce)
{
	unsigned beyond = quiesce->accepted > quiesce->queued
				  ? quiesce->accepted - quiesce->queued
				  : 0;
	unsigned half_open = beyond < quiesce->half_open ? beyond : quiesce->half_open;
	unsigned gone = quiesce->half_open - half_open;
	int64_t end_ms = quiesce->ended_ms ? quiesce->ended_ms : hark__now_ms();

	return (struct hark_quiesce_report){.method = weakest(quiesce),
		.fallback_code = quiesce->fallback_code,
		.queued = quiesce->accepted - half_open + quiesce->accepted_unix,
		.half_open = half_open,
		.expired = gone > quiesce->now_half_open ? gone - quiesce->now_half_open
							 : 0,
		.held_off = quiesce->held_off,
		.lost = quiesce->lost,
		.now_queued = quiesce->now_queued,
		.now_half_open = quiesce->now_half_open,
		.timed_out = quiesce->timed_out,
		.duration_ms = hark__clamp_ms(end_ms - quiesce->began_ms)};
}

int hark_quiesce_report(const struct hark_quiesce *quiesce,
	struct hark_quiesce_report *report, size_t size)
{
	struct hark_quiesce_report full = report_of(quiesce);

	if (size < sizeof(int))
		return -EINVAL;
	memset(report, 0, size); /* a newer caller's further fields */
	memcpy(report, &full, size < sizeof(full) ? size : sizeof(full));
	return 0;
}

/* ----------------------------------------------------------------------- undo and close */

static void forget(struct hark_quiesce *quiesce)
{
	if (quiesce->diag_fd >= 0)
		(void)sys_close(quiesce->diag_fd); /* a netlink socket */
	quiesce->diag_fd = -1;
	quiesce->count = 0;
}

int hark_quiesce_undo(struct hark_quiesce *quiesce, struct hark_error *err)
{
	int first = 0;

	for (size_t i = 0; i < quiesce->count; i++) {
		int done = hark__gate_open(quiesce, i, first ? NULL : err);

		first = first ? first : done;
	}
	if (first == 0)
		forget(quiesce);
	return first;
}

static void count_the_end(struct hark_quiesce *quiesce)
{
	for (size_t i = 0; i < quiesce->count; i++) {
		uint32_t drops = quiesce->gate[i].drops;

		if (!has_queue(quiesce, i))
			continue;
		if (method_of(quiesce, i) == HARK_QUIESCE_MIGRATED)
			continue; /* who has come since is passed on */
		quiesce->lost += queue_of(&quiesce->listeners[i], &drops);
		if (method_of(quiesce, i) == HARK_QUIESCE_FILTER)
			quiesce->held_off += drops - quiesce->gate[i].drops;
	}
	quiesce->ended_ms = hark__now_ms();
}

int hark_quiesce_close(struct hark_quiesce *quiesce, struct hark_quiesce_report *report,
	size_t size, struct hark_error *err)
{
	int told = 0, closed;

	count_the_end(quiesce);
	if (report)
		told = hark_quiesce_report(quiesce, report, size);
	closed = hark__listeners_close_now(
		quiesce->listeners, quiesce->count, told < 0 ? NULL : err);
	if (quiesce->successor_fd > 0) /* its number has changed: as the kernel likes */
		(void)hark__unsteer(quiesce->successor_fd);
	forget(quiesce);
	return told < 0 ? told : closed;
}
