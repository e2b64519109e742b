/* SPDX-License-Identifier: MIT
 *
 * Adopting: a descriptor from outside may be anything, so it is looked at before it is
 * used, and changed only when all is well.  Floor 2.
 */
#include "socket/adopt.h"

#include "base/error.h"
#include "socket/create.h"
#include "socket/inspect.h"
#include "socket/leftover.h"
#include "socket/listen.h"
#include "socket/option.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int fail(int fd, int code, enum hark_cause cause, struct hark_error *err)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "fd:%d", fd); /* it fits */
	return HARK__FAIL(err, .step = HARK_STEP_ADOPT, .code = code, .cause = cause,
		.subject = name);
}

static int check_stream(int fd, struct hark_error *err)
{
	int type = 0;
	int asked = hark__get_int(fd, SOL_SOCKET, SO_TYPE, &type);

	if (asked == -ENOTSOCK)
		return fail(fd, asked, HARK_CAUSE_NOT_A_SOCKET, err);
	if (asked < 0)
		return fail(fd, asked, HARK_CAUSE_NONE, err);
	if (type != SOCK_STREAM)
		return fail(fd, -EPROTOTYPE, HARK_CAUSE_NOT_STREAM, err);
	return 0;
}

static int check_listening(int fd, struct hark_error *err)
{
	int listening = hark__is_listening(fd);

	if (listening < 0)
		return fail(fd, listening, HARK_CAUSE_NONE, err);
	if (listening == 0)
		return fail(fd, -EINVAL, HARK_CAUSE_NOT_LISTENING, err);
	return 0;
}

/* Listeners of AF_VSOCK and others are streams, too. */
static int learn_addr(int fd, struct hark_addr *addr, struct hark_error *err)
{
	int asked = hark__local_addr(fd, addr);

	if (asked < 0)
		return fail(fd, asked, HARK_CAUSE_NONE, err);
	if (!hark__known_family(hark_addr_family(addr)))
		return fail(fd, -EAFNOSUPPORT, HARK_CAUSE_NONE, err);
	return 0;
}

static int check(int fd, struct hark_addr *addr, struct hark_error *err)
{
	int checked = check_stream(fd, err);

	if (checked == 0)
		checked = check_listening(fd, err);
	if (checked == 0)
		checked = learn_addr(fd, addr, err);
	if (checked == 0 && hark__is_ghost(fd, hark_addr_family(addr)))
		return fail(fd, -ENODEV, HARK_CAUSE_NO_DEVICE, err);
	return checked;
}

int hark__adopt_check(int fd, struct hark_error *err)
{
	struct hark_addr addr;

	return check(fd, &addr, err);
}

/* Standard input is not to become what is opened next: above it, as all that is ours. */
static int place_of(int fd)
{
	int above = fd;

	if (fd <= STDERR_FILENO)
		above = sys_dup_above(fd, STDERR_FILENO + 1);
	return above == -EINVAL ? -EMFILE : above; /* see hark__above_stdio */
}

/* The flags come last: of a refusal nobody who shares the socket is to notice. */
static int take(int fd, int place, const struct hark_addr *addr,
	const struct hark_listen_options *options, struct hark_error *err)
{
	int done = options ? hark__leftovers_set(place, addr, options, err) : 0;

	if (done < 0)
		return done;
	done = hark__set_nonblocking(place);
	if (done == 0)
		done = sys_set_close_on_exec(place);
	return done < 0 ? fail(fd, done, HARK_CAUSE_NONE, err) : 0;
}

int hark__adopt(struct hark_listener *listener, int fd, enum hark_origin origin,
	const struct hark_listen_options *options, struct hark_error *err)
{
	struct hark_addr addr;
	int done = check(fd, &addr, err), place;

	memset(listener, 0, sizeof(*listener));
	if (done < 0)
		return done;
	place = place_of(fd);
	if (place < 0)
		return fail(fd, place, HARK_CAUSE_NONE, err);
	done = take(fd, place, &addr, options, err);
	if (place != fd)
		(void)sys_close(done < 0 ? place : fd); /* the other is a copy */
	if (done < 0)
		return done;
	*listener = (struct hark_listener){
		.origin = (int)origin,
		.fd = place,
		.owner = sys_getpid(),
		.addr = addr,
		.backlog = hark__backlog(place, -1),
	};
	return 0;
}

int hark_listener_adopt(struct hark_listener *listener, int fd, struct hark_error *err)
{
	return hark__adopt(listener, fd, HARK_ORIGIN_ADOPTED, hark__options(NULL), err);
}
