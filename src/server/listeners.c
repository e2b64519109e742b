/* SPDX-License-Identifier: MIT
 *
 * The listeners of a server: opened or adopted before it runs, closed at its end.  Not
 * here: what they are in a stop (stop.c).  Floor 4.
 */
#include "base/error.h"
#include "server/conn.h"
#include "server/server.h"
#include "socket/listener.h"
#include "socket/option.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

int hark__busy(const char *option, struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_SERVE, .code = -EBUSY,
		.cause = HARK_CAUSE_RUNS_ALREADY, .option = option);
}

static bool has_begun(const struct hark_server *server)
{
	return server->running || server->board->state != HARK_SERVER_OPENING;
}

static int be_patient(int fd, const struct hark_addr *addr, void *ctx)
{
	const struct hark_listen_options *given = ctx;

	if (hark_addr_family(addr) != AF_UNIX) /* failed: each connection does it */
		(void)hark__set_moment(fd, SO_RCVTIMEO, HARK__CONN_PATIENCE_MS);
	if (!given->before_bind)
		return 0;
	return given->before_bind(fd, addr, given->before_bind_ctx);
}

/*
 * How long recv(2) waits (conn_blocking.c) is inherited from a TCP listener, which spares
 * each connection a call; set before the first client can come.
 */
static int add_listeners(struct hark_server *server, struct hark_listener_set *set,
	const char *text, const struct hark_listen_options *options,
	struct hark_error *err)
{
	struct hark_listen_options given = {0}, ours;

	if (options)
		given = *options;
	ours = given;
	if (server->handler) {
		ours.before_bind = be_patient;
		ours.before_bind_ctx = &given;
	}
	return hark_listener_set_add(set, text, &ours, err);
}

bool hark__are_patient(const struct hark_server *server)
{
	struct timeval moment = {0};
	socklen_t length = sizeof(moment);

	for (size_t i = 0; i < server->count; i++)
		if (sys_getsockopt(server->listener[i].fd, SOL_SOCKET, SO_RCVTIMEO,
			    &moment, &length) < 0 ||
			moment.tv_sec != 0 ||
			moment.tv_usec != HARK__CONN_PATIENCE_MS * 1000)
			return false;
	return true;
}

int hark_server_listen(struct hark_server *server, const char *text,
	const struct hark_listen_options *options, struct hark_error *err)
{
	struct hark_listener_set set;
	int added;

	if (has_begun(server))
		return hark__busy("listen", err);
	memcpy(set.listener, server->listener, sizeof(set.listener));
	set.count = server->count;
	set.verdict_count = 0;
	added = add_listeners(server, &set, text, options, err);
	if (added < 0)
		return added;
	memcpy(server->listener, set.listener, sizeof(set.listener));
	server->count = set.count;
	return added;
}

int hark_server_adopt(struct hark_server *server, struct hark_listener *listener,
	struct hark_error *err)
{
	if (has_begun(server))
		return hark__busy("adopt", err);
	if (listener->origin == HARK_ORIGIN_NONE)
		return HARK__FAIL(err, .step = HARK_STEP_ADOPT, .code = -EINVAL,
			.cause = HARK_CAUSE_NOT_LISTENING);
	if (server->count == HARK_SET_MAX)
		return HARK__FAIL(err, .step = HARK_STEP_ADOPT, .code = -E2BIG,
			.cause = HARK_CAUSE_TOO_MANY, .limit = HARK_SET_MAX);
	server->listener[server->count++] = *listener;
	*listener = (struct hark_listener){0};
	return 0;
}

const struct hark_listener *hark_server_listener(
	const struct hark_server *server, size_t i)
{
	return i < server->count ? &server->listener[i] : NULL;
}

static unsigned queue_of(const struct hark_listener *listener)
{
	struct hark_queue queue;

	if (!hark__is_ours(listener) ||
		hark_queue_read(listener->fd, &queue, sizeof(queue), NULL) < 0)
		return 0;
	return queue.length;
}

unsigned hark__close_listeners(struct hark_server *server)
{
	struct hark_error why;
	unsigned queued = 0;

	for (size_t i = 0; i < server->count && !server->closed; i++) {
		queued += queue_of(&server->listener[i]);
		if (hark_listener_close_now(&server->listener[i], &why) < 0)
			HARK__TELL(server, .kind = HARK_EVENT_FAILED,
				.pid = sys_getpid(), .error = &why);
	}
	server->closed = true;
	return queued;
}
