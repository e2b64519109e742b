/* SPDX-License-Identifier: MIT
 *
 * Listen: let clients in, say what became of the backlog, and keep the kernel from
 * choosing another port than the caller's.  Floor 2.
 */
#include "socket/listen.h"
#include "base/error.h"
#include "socket/inspect.h"
#include "socket/limits.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

int hark__set_nonblocking(int fd)
{
	int flags = sys_get_flags(fd);

	if (flags < 0 || (flags & O_NONBLOCK))
		return flags < 0 ? flags : 0;
	return sys_set_flags(fd, flags | O_NONBLOCK);
}

static int fail(const struct hark_addr *addr, int code, enum hark_cause cause,
	struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_LISTEN, .code = code, .cause = cause,
		.addr = addr);
}

/* A Unix name that is empty, or port 0: listen(2) would invent the latter. */
static bool is_bound(const struct hark_addr *addr)
{
	if (hark_addr_family(addr) == AF_UNIX)
		return addr->length > offsetof(struct sockaddr_un, sun_path);
	return hark_addr_port(addr) > 0;
}

/*
 * A socket that listened on a port of the kernel's choice and was shut down has lost it,
 * though getsockname still tells it, and listen(2) would draw another.  Binding it to its
 * old port takes that back; on a socket that still has its port it fails with EINVAL and
 * changes nothing.  (EACCES comes first where the port is privileged: never the kernel's
 * choice, so never lost; EPERM is a sandbox, which forbids to bind once more.)
 */
static int keep_port(int fd, const struct hark_addr *addr, struct hark_error *err)
{
	int bound;

	if (hark_addr_family(addr) == AF_UNIX)
		return 0;
	bound = sys_bind(fd, &addr->u.any, addr->length);
	if (bound == -EADDRINUSE)
		return fail(addr, bound, HARK_CAUSE_PORT_TAKEN, err);
	if (bound < 0 && bound != -EINVAL && bound != -EACCES && bound != -EPERM)
		return fail(addr, bound, HARK_CAUSE_NONE, err);
	return 0;
}

static int prepare(int fd, struct hark_addr *addr, struct hark_error *err)
{
	int asked = hark__local_addr(fd, addr);
	int listening;

	if (asked < 0)
		return fail(NULL, asked, HARK_CAUSE_NONE, err);
	if (!is_bound(addr))
		return fail(NULL, -EINVAL, HARK_CAUSE_NOT_BOUND, err);
	listening = hark__is_listening(fd);
	if (listening < 0)
		return fail(addr, listening, HARK_CAUSE_NONE, err);
	return listening ? 0 : keep_port(fd, addr, err);
}

/* What the kernel took: TCP says it; Unix sockets do not, but obey the same ceiling. */
struct hark_backlog hark__backlog(int fd, int requested)
{
	struct hark_backlog backlog = {requested, hark__backlog_ceiling(), -1};
	struct tcp_info info;
	int wanted = requested > 0 ? requested : INT_MAX;

	if (hark__tcp_info(fd, &info) == 0 && info.tcpi_state == TCP_LISTEN)
		backlog.effective = (int)info.tcpi_sacked;
	else if (requested >= 0 && backlog.ceiling >= 0)
		backlog.effective = wanted < backlog.ceiling ? wanted : backlog.ceiling;
	return backlog;
}

int hark_listen(
	int fd, int backlog, struct hark_backlog *result, struct hark_error *err)
{
	struct hark_addr addr;
	int done;

	if (backlog < 0)
		return HARK__FAIL(err, .step = HARK_STEP_LISTEN, .code = -EINVAL,
			.cause = HARK_CAUSE_NEGATIVE, .limit = backlog,
			.option = "backlog");
	done = prepare(fd, &addr, err);
	if (done < 0)
		return done;
	done = hark__set_nonblocking(fd);
	if (done == 0)
		done = sys_listen(fd, backlog ? backlog : INT_MAX);
	if (done < 0)
		return fail(&addr, done, HARK_CAUSE_NONE, err);
	if (result)
		*result = hark__backlog(fd, backlog);
	return 0;
}
