/* SPDX-License-Identifier: MIT
 *
 * One listener: opening it for an address, closing it.
 * Not here: adopting one (adopt.c), several at once (group.c, set.c), clients (accept.c).
 *
 * Floor 2.  Invariant: a call that fails leaves neither descriptor nor file behind, and
 * only the process that made a Unix path removes it.
 */
#include "socket/listener.h"

#include "base/error.h"
#include "socket/bind.h"
#include "socket/inspect.h"
#include "socket/listen.h"
#include "socket/option.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

static int call_hook(int fd, const struct hark_addr *addr,
	const struct hark_listen_options *options, struct hark_error *err)
{
	int said = 0;

	if (options->before_bind)
		said = options->before_bind(fd, addr, options->before_bind_ctx);
	if (said >= 0)
		return 0;
	return HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = said,
		.cause = HARK_CAUSE_HOOK, .option = "before_bind", .addr = addr);
}

/* An abstract name has no file: who thinks that he protects it must know. */
static int bind_plain(int fd, const struct hark_addr *addr,
	const struct hark_listen_options *options, struct hark_error *err)
{
	const char *option = options->unix_mode ? "unix_mode" : "unix_chown";

	if (hark_addr_family(addr) == AF_UNIX &&
		(options->unix_mode || options->unix_chown == HARK_ON))
		return HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = -EOPNOTSUPP,
			.option = option, .addr = addr);
	return hark_bind(fd, addr, err);
}

static int bind_any(struct hark__bound *bound, const struct hark_addr *addr,
	const struct hark_listen_options *options, struct hark_error *err)
{
	int lock;

	if (!hark__is_unix_path(addr))
		return bind_plain(bound->fd, addr, options, err);
	lock = hark__path_lock(addr, err);
	if (lock < HARK__NO_LOCK)
		return lock;
	bound->lock = lock;
	return hark__path_bind(bound->fd, addr, lock, options, &bound->identity, err);
}

static int learn_addr(struct hark__bound *bound, struct hark_error *err)
{
	struct hark_addr addr;
	int asked = hark__local_addr(bound->fd, &addr);

	if (asked < 0)
		return hark__bind_fail(&bound->addr, asked, HARK_CAUSE_NONE, err);
	bound->addr = addr;
	return 0;
}

int hark__bound_open(struct hark__bound *bound, const struct hark_addr *addr,
	const struct hark_listen_options *options, struct hark_error *err)
{
	int done;

	*bound = (struct hark__bound){.fd = -1, .lock = HARK__NO_LOCK, .addr = *addr};
	if (!hark__addr_fits(addr))
		return hark__bind_fail(NULL, -EINVAL, HARK_CAUSE_NONE, err);
	bound->fd = hark_socket(hark_addr_family(addr), options, err);
	if (bound->fd < 0)
		return bound->fd;
	done = call_hook(bound->fd, addr, options, err);
	if (done == 0)
		done = bind_any(bound, addr, options, err);
	if (done == 0)
		done = learn_addr(bound, err);
	if (done < 0)
		hark__bound_drop(bound);
	return done;
}

static void unlock(struct hark__bound *bound)
{
	hark__path_unlock(bound->lock);
	bound->lock = HARK__NO_LOCK;
}

int hark__bound_listen(struct hark__bound *bound, struct hark_listener *listener,
	const struct hark_listen_options *options, struct hark_error *err)
{
	struct hark_backlog backlog;
	int listening = hark_listen(bound->fd, options->backlog, &backlog, err);

	if (listening < 0)
		return listening;
	unlock(bound);
	*listener = (struct hark_listener){
		.origin = HARK_ORIGIN_MADE,
		.fd = bound->fd,
		.owner = sys_getpid(),
		.unix_device = bound->identity.device,
		.unix_inode = bound->identity.inode,
		.addr = bound->addr,
		.backlog = backlog,
	};
	bound->fd = -1;
	return 0;
}

void hark__bound_drop(struct hark__bound *bound)
{
	if (bound->identity.inode)
		(void)hark__path_remove(&bound->addr, &bound->identity); /* ours */
	if (bound->fd >= 0)
		(void)sys_close(bound->fd); /* never connected */
	bound->fd = -1;
	unlock(bound);
}

int hark_listener_open(struct hark_listener *listener, const struct hark_addr *addr,
	const struct hark_listen_options *options, struct hark_error *err)
{
	struct hark__bound bound;
	int done;

	memset(listener, 0,
		sizeof(*listener)); /* so that closing it after a failure is fine */
	options = hark__options(options);
	done = hark__bound_open(&bound, addr, options, err);
	if (done < 0)
		return done;
	done = hark__bound_listen(&bound, listener, options, err);
	if (done < 0)
		hark__bound_drop(&bound);
	return done;
}

/* ------------------------------------------------------------------------------ close */

bool hark__is_ours(const struct hark_listener *listener)
{
	return listener->origin == HARK_ORIGIN_MADE && listener->owner == sys_getpid();
}

static bool owns_path(const struct hark_listener *listener)
{
	return listener->unix_inode != 0 && hark__is_ours(listener);
}

/*
 * The path goes first: while we still listen, nobody takes the file for a stale one.  One
 * that refuses new clients already looks stale, hence the lock; without it, all the same.
 */
static int remove_own_path(const struct hark_listener *listener)
{
	struct hark__path_identity identity = {
		listener->unix_device, listener->unix_inode};
	int lock, removed;

	if (!owns_path(listener))
		return 0;
	lock = hark__path_lock(&listener->addr, NULL);
	removed = hark__path_remove(&listener->addr, &identity);
	hark__path_unlock(lock);
	return removed;
}

int hark_listener_close_now(struct hark_listener *listener, struct hark_error *err)
{
	int removed, closed;

	if (listener->origin == HARK_ORIGIN_NONE)
		return 0;
	removed = remove_own_path(listener);
	closed = hark_close(listener->fd, NULL);
	if (removed == 0)
		removed = closed;
	if (removed < 0)
		(void)HARK__FAIL(err, .step = HARK_STEP_CLOSE, .code = removed,
			.addr = &listener->addr); /* returned below */
	memset(listener, 0, sizeof(*listener));
	return removed;
}

int hark__listeners_close_now(
	struct hark_listener *listeners, size_t count, struct hark_error *err)
{
	int first = 0;

	for (size_t i = 0; i < count; i++) {
		int closed = hark_listener_close_now(&listeners[i], first ? NULL : err);

		first = first ? first : closed;
	}
	return first;
}
