/* SPDX-License-Identifier: MIT
 *
 * Which gate a listener gets in a quiesce, and taking it back.  Floor 2.
 *
 * Invariant: only a listener that this process made is touched; and where a gate cannot be
 * closed, the listener is as it was.
 */
#include "socket/quiesce.h"

#include "base/error.h"
#include "socket/diag.h"
#include "socket/gates.h"
#include "socket/inspect.h"
#include "socket/limits.h"
#include "socket/listener.h"
#include "sys/sys.h"

#include <errno.h>
#include <netinet/tcp.h>

/* SYN-ACKs again, until a client that has vanished is given up: 3 seconds. */
enum { FEW_RETRIES = 1 };

static int fail(const struct hark_listener *listener, int code, enum hark_cause cause,
	struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_QUIESCE, .code = code, .cause = cause,
		.addr = &listener->addr);
}

static bool has(int fd, int level, int option)
{
	int value = 0;

	return hark__get_int(fd, level, option, &value) == 0 && value != 0;
}

/* ------------------------------------------------------------------------------- groups */

/* Listeners at the same address, of which some may be among the given ones. */
struct group {
	const struct hark_quiesce *quiesce;
	int given, others;
};

static bool is_given(const struct hark_quiesce *quiesce, uint64_t inode)
{
	struct sys_file file;

	for (size_t i = 0; i < quiesce->count; i++)
		if (sys_fstat(quiesce->listeners[i].fd, &file) == 0 &&
			(uint32_t)file.inode == (uint32_t)inode)
			return true;
	return false;
}

static void count_member(uint64_t inode, uint32_t peer, void *ctx)
{
	struct group *group = ctx;

	(void)peer;
	if (is_given(group->quiesce, inode))
		group->given++;
	else
		group->others++;
}

/* Of its SO_REUSEPORT group; a listener without it is a group of its own. */
static int count_group(const struct hark_quiesce *quiesce,
	const struct hark_listener *listener, struct group *group)
{
	int found;

	*group = (struct group){quiesce, 1, 0};
	if (!has(listener->fd, SOL_SOCKET, SO_REUSEPORT))
		return 0;
	group->given = 0;
	found = hark__diag_listeners(
		quiesce->diag_fd, &listener->addr, count_member, group);
	return found < 0 ? found : 0;
}

/* ------------------------------------------------------------------------------- methods */

/* The youngest of a group has its last number. */
static int steer(struct hark_quiesce *quiesce, const struct hark_listener *listener,
	int successor_fd, struct hark_error *err)
{
	struct group group;
	int done = count_group(quiesce, listener, &group);

	if (done < 0)
		return fail(listener, done, HARK_CAUSE_NONE, err);
	if (group.others == 0 || !has(successor_fd, SOL_SOCKET, SO_REUSEPORT))
		return fail(listener, -EINVAL, HARK_CAUSE_NOT_IN_GROUP, err);
	done = hark__steer(listener->fd, (unsigned)(group.given + group.others - 1));
	if (done < 0)
		return fail(listener, done, HARK_CAUSE_NONE, err);
	quiesce->successor_fd = successor_fd;
	return 0;
}

/* Where others of the group go on, a ghost's new clients would be left without a word. */
static int ghost(struct hark_quiesce *quiesce, const struct hark_listener *listener,
	struct hark_error *err)
{
	struct group group;
	int done = count_group(quiesce, listener, &group);

	if (done < 0)
		return fail(listener, done, HARK_CAUSE_NONE, err);
	if (group.others > 0)
		return fail(listener, -EADDRINUSE, HARK_CAUSE_OTHER_MEMBERS, err);
	done = hark__ghost(listener->fd);
	return done < 0 ? fail(listener, done, HARK_CAUSE_NONE, err) : 0;
}

static int filter(const struct hark_listener *listener, struct hark_error *err)
{
	int done = hark__filter(listener->fd);

	return done < 0 ? fail(listener, done, HARK_CAUSE_NONE, err) : 0;
}

/* Nothing is done to it: at its close the others get whoever was not accepted. */
static int migrate(struct hark_quiesce *quiesce, const struct hark_listener *listener,
	struct hark_error *err)
{
	struct group group;
	int done = count_group(quiesce, listener, &group);

	if (done < 0)
		return fail(listener, done, HARK_CAUSE_NONE, err);
	if (group.others == 0)
		return fail(listener, -EINVAL, HARK_CAUSE_NOT_IN_GROUP, err);
	return hark__migrates()
		       ? 0
		       : fail(listener, -EOPNOTSUPP, HARK_CAUSE_NO_MIGRATION, err);
}

static int apply(struct hark_quiesce *quiesce, const struct hark_listener *listener,
	int method, int successor_fd, struct hark_error *err)
{
	switch (method) {
	case HARK_QUIESCE_STEERED:
		return steer(quiesce, listener, successor_fd, err);
	case HARK_QUIESCE_GHOST:
		return ghost(quiesce, listener, err);
	case HARK_QUIESCE_FILTER:
		return filter(listener, err);
	case HARK_QUIESCE_MIGRATED:
		return migrate(quiesce, listener, err);
	default:
		return 0;
	}
}

/* A client that has vanished is not waited for longer than it takes to be sure. */
static void hurry(struct hark_quiesce_gate *gate, int fd)
{
	int few = FEW_RETRIES;

	gate->retries = 0;
	if (hark__get_int(fd, IPPROTO_TCP, TCP_SYNCNT, &gate->retries) == 0 &&
		gate->retries > few)
		(void)sys_setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &few,
			sizeof(few)); /* then a minute, or the deadline */
}

static int close_tcp(struct hark_quiesce *quiesce, size_t i, int method,
	int successor_fd, struct hark_error *err)
{
	const struct hark_listener *listener = &quiesce->listeners[i];
	struct hark_quiesce_gate *gate = &quiesce->gate[i];
	int done = apply(quiesce, listener, method, successor_fd, err);

	if (done < 0)
		return done;
	gate->method = method;
	if (method != HARK_QUIESCE_UNTIL_EMPTY && method != HARK_QUIESCE_MIGRATED)
		hurry(gate, listener->fd);
	return 0;
}

/* ------------------------------------------------------------------------------- choosing */

static void count_one(uint64_t inode, uint32_t peer, void *ctx)
{
	unsigned *count = ctx;

	(void)inode, (void)peer;
	(*count)++;
}

/*
 * The kernel answers with SYN cookies (net.ipv4.tcp_syncookies) while as many are half-way
 * as the backlog.  Those clients are in no table, and a ghost resets them.
 */
static bool sends_cookies(
	const struct hark_quiesce *quiesce, const struct hark_listener *listener)
{
	unsigned count = 0;

	if (hark__diag_half_open(quiesce->diag_fd, &listener->addr, count_one, &count) <
		0)
		return false;
	return count > 0 && (long long)count >= listener->backlog.effective;
}

/* A filter lets the last step of such a handshake in, where it is permitted. */
static bool close_with_cookies(struct hark_quiesce *quiesce, size_t i)
{
	int done;

	if (!sends_cookies(quiesce, &quiesce->listeners[i]))
		return false;
	done = close_tcp(quiesce, i, HARK_QUIESCE_FILTER, 0, NULL);
	if (done < 0 && !quiesce->fallback_code)
		quiesce->fallback_code = done;
	quiesce->cookies |= done == 0;
	return done == 0;
}

static int close_beside_others(struct hark_quiesce *quiesce, size_t i)
{
	if (close_tcp(quiesce, i, HARK_QUIESCE_MIGRATED, 0, NULL) == 0)
		return 0;
	return close_tcp(quiesce, i, HARK_QUIESCE_UNTIL_EMPTY, 0, NULL);
}

static int close_best(struct hark_quiesce *quiesce, size_t i,
	const struct hark_quiesce_options *options)
{
	int method =
		options->successor_fd > 0 ? HARK_QUIESCE_STEERED : HARK_QUIESCE_GHOST;
	int done;

	if (has(quiesce->listeners[i].fd, IPPROTO_TCP, TCP_DEFER_ACCEPT)) {
		quiesce->fallback_code = -EINVAL;
		method = HARK_QUIESCE_UNTIL_EMPTY;
	}
	if (method == HARK_QUIESCE_GHOST && close_with_cookies(quiesce, i))
		return 0;
	for (;; method++) {
		if (method == HARK_QUIESCE_SHUTDOWN)
			method = HARK_QUIESCE_UNTIL_EMPTY;
		done = close_tcp(quiesce, i, method, options->successor_fd, NULL);
		if (done == 0 || method == HARK_QUIESCE_UNTIL_EMPTY)
			return done;
		if (!quiesce->fallback_code)
			quiesce->fallback_code = done;
		if (done == -EADDRINUSE) /* a filter would starve them, as a ghost */
			return close_beside_others(quiesce, i);
	}
}

static int close_as_told(struct hark_quiesce *quiesce, size_t i,
	const struct hark_quiesce_options *options, struct hark_error *err)
{
	const struct hark_listener *listener = &quiesce->listeners[i];

	if (options->method != HARK_QUIESCE_UNTIL_EMPTY &&
		has(listener->fd, IPPROTO_TCP, TCP_DEFER_ACCEPT))
		return fail(listener, -EINVAL, HARK_CAUSE_DEFERS_ACCEPT, err);
	return close_tcp(quiesce, i, (int)options->method, options->successor_fd, err);
}

static int close_unix(struct hark_quiesce *quiesce, size_t i, struct hark_error *err)
{
	const struct hark_listener *listener = &quiesce->listeners[i];
	int done = sys_shutdown(listener->fd, SHUT_RD);

	if (done < 0)
		return fail(listener, done, HARK_CAUSE_NONE, err);
	quiesce->gate[i].method = HARK_QUIESCE_SHUTDOWN;
	return 0;
}

static bool is_shared(const struct hark_listener *listener,
	const struct hark_quiesce_options *options)
{
	return options->shared == HARK_ON || options->method == HARK_QUIESCE_SHARED ||
	       !hark__is_ours(listener);
}

int hark__gate_close(struct hark_quiesce *quiesce, size_t i,
	const struct hark_quiesce_options *options, struct hark_error *err)
{
	const struct hark_listener *listener = &quiesce->listeners[i];

	if (is_shared(listener, options)) {
		quiesce->gate[i].method = HARK_QUIESCE_SHARED;
		return 0;
	}
	if (hark_addr_family(&listener->addr) == AF_UNIX)
		return close_unix(quiesce, i, err);
	if (options->method == HARK_QUIESCE_BEST)
		return close_best(quiesce, i, options);
	return close_as_told(quiesce, i, options, err);
}

/* ------------------------------------------------------------------------------- opening */

static int open_gate(const struct hark_listener *listener, int method)
{
	switch (method) {
	case HARK_QUIESCE_STEERED:
		return hark__unsteer(listener->fd);
	case HARK_QUIESCE_GHOST:
		return hark__unghost(listener->fd);
	case HARK_QUIESCE_FILTER:
		return hark__unfilter(listener->fd);
	case HARK_QUIESCE_SHUTDOWN:
		return -EOPNOTSUPP;
	default:
		return 0;
	}
}

int hark__gate_open(struct hark_quiesce *quiesce, size_t i, struct hark_error *err)
{
	const struct hark_listener *listener = &quiesce->listeners[i];
	struct hark_quiesce_gate *gate = &quiesce->gate[i];
	int done = open_gate(listener, gate->method);

	if (done < 0)
		return fail(listener, done,
			gate->method == HARK_QUIESCE_SHUTDOWN ? HARK_CAUSE_FOR_GOOD
							      : HARK_CAUSE_NONE,
			err);
	if (gate->retries > FEW_RETRIES)
		(void)sys_setsockopt(listener->fd, IPPROTO_TCP, TCP_SYNCNT,
			&gate->retries, sizeof(gate->retries)); /* as few as it has */
	*gate = (struct hark_quiesce_gate){0};
	return 0;
}
