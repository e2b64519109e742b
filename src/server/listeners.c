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
#include <stdlib.h>
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

/* Milliseconds; -1: not known, or no whole number of them. */
static long long patience_of(const struct hark_listener *listener)
{
	struct timeval moment = {0};
	socklen_t length = sizeof(moment);

	if (sys_getsockopt(listener->fd, SOL_SOCKET, SO_RCVTIMEO, &moment, &length) <
			0 ||
		moment.tv_usec % 1000 != 0)
		return -1;
	return (long long)moment.tv_sec * 1000 + moment.tv_usec / 1000;
}

bool hark__are_patient(const struct hark_server *server, int ms)
{
	for (size_t i = 0; i < server->count; i++)
		if (patience_of(&server->listener[i]) != ms)
			return false;
	return true;
}

/* Each new one has the name; or none is there. */
static int name_them(struct hark_server *server, const struct hark_listener_set *set,
	const char *name, struct hark_error *err)
{
	for (size_t i = server->count; i < set->count; i++) {
		server->name[i] = strdup(name);
		if (server->name[i])
			continue;
		while (i-- > server->count)
			free(server->name[i]);
		return HARK__FAIL(err, .step = HARK_STEP_SERVE, .code = -ENOMEM);
	}
	return 0;
}

int hark_server_listen(struct hark_server *server, const char *text,
	const struct hark_listen_options *options, struct hark_error *err)
{
	struct hark_listener_set set;
	int added, named;

	if (has_begun(server))
		return hark__busy("listen", err);
	memcpy(set.listener, server->listener, sizeof(set.listener));
	set.count = server->count;
	set.verdict_count = 0;
	added = add_listeners(server, &set, text, options, err);
	if (added < 0)
		return added;
	named = name_them(server, &set, text, err);
	if (named < 0) {
		(void)hark__listeners_close_now(
			&set.listener[server->count], set.count - server->count, NULL);
		return named;
	}
	memcpy(server->listener, set.listener, sizeof(set.listener));
	server->count = set.count;
	return added;
}

static int refuse_name(const char *name, struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_ADOPT, .code = -EINVAL,
		.cause = *name ? HARK_CAUSE_TOO_LONG : HARK_CAUSE_EMPTY,
		.subject = name, .limit = *name ? HARK__HANDED_NAME_MAX - 1 : 0);
}

/* 0: the listener can be taken, and *copy is its name. */
static int check_named(const struct hark_listener *listener, const char *name,
	size_t count, size_t most, char **copy, struct hark_error *err)
{
	if (listener->origin == HARK_ORIGIN_NONE)
		return HARK__FAIL(err, .step = HARK_STEP_ADOPT, .code = -EINVAL,
			.cause = HARK_CAUSE_NOT_LISTENING);
	if (count == most)
		return HARK__FAIL(err, .step = HARK_STEP_ADOPT, .code = -E2BIG,
			.cause = HARK_CAUSE_TOO_MANY, .limit = (long long)most);
	if (*name == '\0' || strlen(name) >= HARK__HANDED_NAME_MAX)
		return refuse_name(name, err);
	*copy = strdup(name);
	if (!*copy)
		return HARK__FAIL(err, .step = HARK_STEP_SERVE, .code = -ENOMEM);
	return 0;
}

int hark_server_adopt_as(struct hark_server *server, struct hark_listener *listener,
	const char *name, struct hark_error *err)
{
	char *copy = NULL;
	int done;

	if (has_begun(server))
		return hark__busy("adopt", err);
	done = check_named(listener, name, server->count, HARK_SET_MAX, &copy, err);
	if (done < 0)
		return done;
	server->name[server->count] = copy;
	server->listener[server->count++] = *listener;
	*listener = (struct hark_listener){0};
	return 0;
}

int hark_server_adopt(struct hark_server *server, struct hark_listener *listener,
	struct hark_error *err)
{
	char name[HARK_ADDR_TEXT_MAX] = "none";

	if (listener->origin != HARK_ORIGIN_NONE)
		(void)hark_addr_text(&listener->addr, name, sizeof(name)); /* it fits */
	return hark_server_adopt_as(server, listener, name, err);
}

int hark_server_hand_down(struct hark_server *server, struct hark_listener *listener,
	const char *name, struct hark_error *err)
{
	struct hark__handover *handover = &server->handover;
	char *copy = NULL;
	int done;

	if (has_begun(server))
		return hark__busy("hand_down", err);
	done = check_named(
		listener, name, handover->kept_count, HARK_HAND_DOWN_MAX, &copy, err);
	if (done < 0)
		return done;
	handover->kept[handover->kept_count].name = copy;
	handover->kept[handover->kept_count++].listener = listener;
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
