/* SPDX-License-Identifier: MIT
 *
 * Attending; see attend.h.  Floor 4.
 *
 * Invariant: one thread at a time uses it, that of hark_server_run once the server runs.
 */
#include "server/attend.h"

#include "base/error.h"
#include "server/server.h"
#include "socket/create.h"
#include "sys/sys.h"

#include <errno.h>

enum { EVENTS = 16 };

int hark__attend_make(struct hark__attending *attending, struct hark_error *err)
{
	attending->fd = hark__above_stdio(sys_epoll());
	if (attending->fd >= 0)
		return 0;
	return HARK__FAIL(err, .step = HARK_STEP_WAIT, .code = attending->fd,
		.limit = hark__descriptor_limit(attending->fd));
}

void hark__attend_unmake(struct hark__attending *attending)
{
	if (attending->fd >= 0)
		(void)sys_close(attending->fd); /* an epoll instance */
	attending->fd = -1;
}

static struct hark__attended *place_of(struct hark__attending *attending, int fd)
{
	for (size_t i = 0; i < HARK__ATTENDED; i++)
		if (attending->attended[i].attend && attending->attended[i].fd == fd)
			return &attending->attended[i];
	return NULL;
}

/* Those of the application's come first, then the engine's own. */
static struct hark__attended *free_place(struct hark__attending *attending, bool own)
{
	size_t first = own ? HARK_ATTEND_MAX : 0;
	size_t end = own ? HARK__ATTENDED : HARK_ATTEND_MAX;

	for (size_t i = first; i < end; i++)
		if (!attending->attended[i].attend)
			return &attending->attended[i];
	return NULL;
}

static int refuse(
	int code, enum hark_cause cause, long long limit, struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_SERVE, .code = code, .cause = cause,
		.option = "attend", .limit = limit);
}

int hark__attend(struct hark__attending *attending, int fd, hark_attendant *attend,
	void *ctx, bool own, struct hark_error *err)
{
	struct hark__attended *place = free_place(attending, own);
	int done;

	if (!place)
		return refuse(-E2BIG, HARK_CAUSE_TOO_MANY, HARK_ATTEND_MAX, err);
	done = sys_epoll_add(
		attending->fd, fd, (uint64_t)(place - attending->attended));
	if (done < 0)
		return HARK__FAIL(err, .step = HARK_STEP_WAIT, .code = done);
	*place = (struct hark__attended){attend, fd, ctx};
	return 0;
}

int hark__attend_no_more(struct hark__attending *attending, int fd)
{
	struct hark__attended *place = place_of(attending, fd);

	if (!place)
		return -ENOENT;
	sys_epoll_remove(attending->fd, fd);
	*place = (struct hark__attended){0};
	return 0;
}

void hark__attend_look(struct hark__attending *attending)
{
	struct sys_event events[EVENTS];
	int count = sys_epoll_wait(attending->fd, events, EVENTS, 0);

	for (int i = 0; i < count; i++) {
		const struct hark__attended *place =
			&attending->attended[events[i].data];

		if (place->attend) /* else one before it has taken it away */
			place->attend(place->fd, place->ctx);
	}
}

void hark__attend_let_go(const struct hark__attending *attending)
{
	for (size_t i = 0; i < HARK_ATTEND_MAX; i++)
		if (attending->attended[i].attend)
			(void)sys_close(attending->attended[i].fd); /* a copy */
	(void)sys_close(attending->fd); /* an epoll instance */
}

/* ------------------------------------------------------------------- the application's */

int hark_server_attend(struct hark_server *server, int fd, hark_attendant *attend,
	void *ctx, struct hark_error *err)
{
	if (!attend)
		return refuse(-EINVAL, HARK_CAUSE_NONE, 0, err);
	return hark__attend(&server->attending, fd, attend, ctx, false, err);
}

int hark_server_attend_no_more(struct hark_server *server, int fd)
{
	return hark__attend_no_more(&server->attending, fd);
}
