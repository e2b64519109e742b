/* SPDX-License-Identifier: MIT
 *
 * Telling a service manager; see notify.h.  Not here: the protocol (socket/manager.c).
 * Floor 4.
 *
 * What is told is a level and no edge: the phase that the server is in, its status.  So a
 * message that a busy manager has no room for is owed, not lost, and nobody waits for it
 * but at a hand-over, where the manager would take the end of this process for that of the
 * service.
 */
#include "server/notify.h"

#include "base/error.h"
#include "server/server.h"
#include "socket/create.h"
#include "socket/manager.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Between looks at the counters, if the manager has no shorter patience. */
enum { STATUS_MS = 5000, MESSAGE_MAX = 320 };

static const char ready[] = "READY=1\n", stopping[] = "STOPPING=1\n";
static const char nothing[] = "";

static bool is_ours(const struct hark_server *server)
{
	return server->notifier.owner != 0 && server->notifier.owner == sys_getpid();
}

static void tell_trouble(struct hark_server *server, const struct hark_error *why)
{
	HARK__TELL(server, .kind = HARK_EVENT_FAILED, .error = why);
}

/* ---------------------------------------------------------------------------- messages */

static const char *state_of(const struct hark_server *server)
{
	enum hark_server_state state = hark_server_state(server);

	if (state == HARK_SERVER_SERVING)
		return "serving";
	if (state == HARK_SERVER_PAUSED)
		return "paused";
	return hark__stops(server) ? "stopping" : "starting";
}

static void write_status(const struct hark_server *server, char text[HARK__STATUS_MAX])
{
	struct hark_server_stats stats = {0};

	hark__board_sum(server->board, &stats);
	(void)snprintf(text, HARK__STATUS_MAX,
		"STATUS=%s: %llu connected, %llu accepted, %llu refused\n",
		state_of(server), (unsigned long long)stats.open,
		(unsigned long long)stats.accepted,
		(unsigned long long)hark__board_refused(&stats)); /* fits */
}

/* The manager may have been restarted; a way that was given cannot be found again. */
static int send_again(struct hark__notifier *notifier, const char *text)
{
	if (notifier->is_given)
		return -ECONNREFUSED;
	if (notifier->fd >= 0)
		(void)sys_close(notifier->fd); /* a datagram socket: nothing unsent */
	notifier->fd = hark_notify_open(NULL);
	if (notifier->fd > 0)
		return hark__notify_send(notifier->fd, text);
	notifier->fd = -1;
	return -ECONNREFUSED;
}

static int send_it(struct hark__notifier *notifier, const char *text)
{
	int sent = notifier->fd < 0 ? -ECONNREFUSED
				    : hark__notify_send(notifier->fd, text);

	return sent == -ECONNREFUSED ? send_again(notifier, text) : sent;
}

/* What goes first, and what has changed since; under the lock. */
static int say(struct hark_server *server, const char *first)
{
	struct hark__notifier *notifier = &server->notifier;
	char text[MESSAGE_MAX], status[HARK__STATUS_MAX];
	bool changed;
	int sent;

	write_status(server, status);
	changed = strcmp(status, notifier->status) != 0;
	(void)snprintf(text, sizeof(text), "%s%s%s", first,
		notifier->owed ? notifier->phase : "",
		changed ? status : ""); /* fits */
	if (*text == '\0')
		return 0;
	sent = send_it(notifier, text);
	if (sent < 0)
		return sent;
	notifier->owed = false;
	memcpy(notifier->status, status, sizeof(status));
	return 0;
}

/* Once: a manager that has gone for good would be told of for ever. */
static void look_at(struct hark_server *server, int sent)
{
	struct hark__notifier *notifier = &server->notifier;
	struct hark_error why;

	if (sent == 0 || sent == -EAGAIN || notifier->told_trouble)
		return;
	notifier->told_trouble = true;
	(void)HARK__FAIL(&why, .step = HARK_STEP_ENVIRONMENT, .code = sent,
		.option = "NOTIFY_SOCKET"); /* told */
	tell_trouble(server, &why);
}

static void enter(struct hark_server *server, const char *phase)
{
	struct hark__notifier *notifier = &server->notifier;
	int sent = 0;

	(void)pthread_mutex_lock(&notifier->lock); /* ours alone */
	if (phase != notifier->phase && notifier->phase != stopping) {
		notifier->phase = phase;
		notifier->owed = true;
		sent = say(server, nothing);
	}
	(void)pthread_mutex_unlock(&notifier->lock);
	look_at(server, sent);
}

/* Where the loop is that everything hangs on: one that hangs does not come here. */
static void beat(int timer, void *ctx)
{
	struct hark_server *server = ctx;
	struct hark__notifier *notifier = &server->notifier;
	uint64_t times;
	int sent;

	if (sys_read(timer, &times, sizeof(times)) < 0 || !is_ours(server))
		return;
	(void)pthread_mutex_lock(&notifier->lock); /* ours alone */
	sent = say(server, notifier->watched ? "WATCHDOG=1\n" : nothing);
	(void)pthread_mutex_unlock(&notifier->lock);
	look_at(server, sent);
}

/* ------------------------------------------------------------------------ what happens */

void hark__notify_event(struct hark_server *server, int kind)
{
	switch (kind) {
	case HARK_EVENT_ACCEPTED: /* often, and no change of phase */
	case HARK_EVENT_REFUSED:
	case HARK_EVENT_CLOSED:
	case HARK_EVENT_FAILED: /* ours, perhaps */
		return;
	default:
		break;
	}
	if (!is_ours(server))
		return;
	if (kind == HARK_EVENT_SERVING)
		enter(server, ready);
	else if (hark__stops(server))
		enter(server, stopping);
}

/* The time is the manager's proof that this answers its wish, and none before it. */
void hark__notify_reloading(struct hark_server *server)
{
	struct hark__notifier *notifier = &server->notifier;
	char text[80];
	int sent = 0;

	if (!is_ours(server))
		return;
	(void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld\n",
		(long long)sys_monotonic_us());    /* it fits */
	(void)pthread_mutex_lock(&notifier->lock); /* ours alone */
	if (notifier->phase == ready && !notifier->owed) {
		sent = send_it(notifier, text);
		notifier->owed = sent == 0; /* that it is over */
	}
	(void)pthread_mutex_unlock(&notifier->lock);
	look_at(server, sent);
}

void hark__notify_reloaded(struct hark_server *server)
{
	int sent;

	if (!is_ours(server))
		return;
	(void)pthread_mutex_lock(&server->notifier.lock); /* ours alone */
	sent = say(server, nothing);
	(void)pthread_mutex_unlock(&server->notifier.lock);
	look_at(server, sent);
}

/* Who owns it is told who the service is, and owns it then, if anybody does. */
static void tell_main_pid(struct hark_server *server, pid_t pid, pid_t owner)
{
	struct hark__notifier *notifier = &server->notifier;
	char text[80];
	int sent = -ECONNREFUSED;

	(void)pthread_mutex_lock(&notifier->lock); /* ours alone */
	(void)snprintf(text, sizeof(text), "%sMAINPID=%d\n",
		notifier->owed ? notifier->phase : "", (int)pid); /* it fits */
	if (notifier->fd >= 0)
		sent = hark__notify_send_in_time(notifier->fd, text);
	if (sent == -ECONNREFUSED)
		sent = send_again(notifier, text);
	notifier->owner = owner;
	(void)pthread_mutex_unlock(&notifier->lock);
	look_at(server, sent);
}

void hark__notify_main_pid(struct hark_server *server, pid_t pid)
{
	if (is_ours(server))
		tell_main_pid(server, pid, 0);
}

void hark__notify_stay(struct hark_server *server)
{
	if (server->notifier.phase)
		tell_main_pid(server, sys_getpid(), sys_getpid());
}

/* ----------------------------------------------------------------------- begin and end */

static int open_way(struct hark_server *server, struct hark_error *err)
{
	int given = server->options.notify_fd;

	server->notifier.is_given = given != 0;
	return given ? given : hark_notify_open(err);
}

/* Without it the manager is told of phases all the same. */
static int begin_beat(struct hark_server *server, struct hark_error *err)
{
	struct hark__notifier *notifier = &server->notifier;
	int every = hark_watchdog_ms(err), done;

	notifier->watched = every > 0;
	if (every < 0)
		return every;
	every = every == 0 || every > 2 * STATUS_MS ? 2 * STATUS_MS : every;
	notifier->timer = hark__above_stdio(sys_timer());
	if (notifier->timer < 0)
		return HARK__FAIL(err, .step = HARK_STEP_WAIT, .code = notifier->timer);
	done = sys_timer_set(notifier->timer, every > 1 ? every / 2 : 1);
	if (done < 0)
		(void)HARK__FAIL(err, .step = HARK_STEP_WAIT, .code = done);
	else
		done = hark__attend(
			&server->attending, notifier->timer, beat, server, true, err);
	if (done == 0)
		return 0;
	(void)sys_close(notifier->timer); /* a timer */
	notifier->timer = -1;
	return done;
}

void hark__notify_begin(struct hark_server *server)
{
	struct hark__notifier *notifier = &server->notifier;
	struct hark_error why;
	int fd;

	if (server->options.notify != HARK_ON)
		return;
	fd = open_way(server, &why);
	if (fd < 0)
		tell_trouble(server, &why);
	if (fd <= 0)
		return;
	(void)pthread_mutex_init(&notifier->lock, NULL); /* cannot fail on Linux */
	notifier->fd = fd;
	notifier->timer = -1;
	notifier->phase = nothing;
	notifier->owner = sys_getpid();
	if (begin_beat(server, &why) < 0)
		tell_trouble(server, &why);
}

static void close_way(const struct hark__notifier *notifier)
{
	if (notifier->fd >= 0 && !notifier->is_given)
		(void)sys_close(notifier->fd); /* a datagram socket */
}

void hark__notify_end(struct hark_server *server)
{
	struct hark__notifier *notifier = &server->notifier;

	if (!notifier->phase) /* never begun */
		return;
	if (notifier->timer >= 0) {
		(void)hark__attend_no_more(
			&server->attending, notifier->timer); /* it is there */
		(void)sys_close(notifier->timer);             /* a timer */
	}
	close_way(notifier);
	notifier->owner = 0;
	notifier->phase = NULL;
}

void hark__notify_let_go(const struct hark_server *server)
{
	if (server->notifier.phase)
		close_way(&server->notifier);
}
