/* SPDX-License-Identifier: MIT
 *
 * Handing over to a successor; see handover.h.  Not here: what it is left, and how it is
 * started (heir.c), its side (succession.c), the words between the two (link.c).
 *
 * Invariant: a successor accepts nobody before it hears "go" from us, so until then it may
 * be killed at any moment, and we go on as if it had never been; and who was to be killed
 * never hears it.  tools/model/handover.pml proves that nobody is lost so.  Floor 4.
 */
#include "server/handover.h"

#include "base/error.h"
#include "server/link.h"
#include "server/overload.h"
#include "server/server.h"
#include "socket/create.h"
#include "sys/sys.h"

#include <errno.h>
#include <signal.h>

enum { READY_MS = 30000, GENERATIONS = 4 };

static int ready_ms(const struct hark_server *server)
{
	int ms = server->options.successor->ready_ms;

	return ms ? ms : READY_MS;
}

struct hark_listener *hark__heirloom(
	struct hark_server *server, size_t i, const char **name)
{
	const struct hark__handover *handover = &server->handover;

	*name = i < server->count ? server->name[i] : NULL;
	if (i < server->count)
		return &server->listener[i];
	i -= server->count;
	if (i >= handover->kept_count)
		return NULL;
	*name = handover->kept[i].name;
	return handover->kept[i].listener;
}

/* ----------------------------------------------------------------------------- failures */

/* Fields of the error; of one that was started also its number and status. */
static void tell_failed(struct hark_server *server, pid_t pid, int status, int code,
	enum hark_cause cause, long long limit)
{
	struct hark_error why;

	(void)HARK__FAIL(&why, .step = HARK_STEP_UPGRADE, .code = code, .cause = cause,
		.limit = limit, .subject = server->options.successor->path); /* told */
	HARK__TELL(server, .kind = HARK_EVENT_UPGRADE_FAILED, .pid = pid,
		.status = status, .error = &why);
}

static void refuse(
	struct hark_server *server, int code, enum hark_cause cause, long long limit)
{
	tell_failed(server, 0, 0, code, cause, limit);
}

static void close_one(struct hark_server *server, int *fd)
{
	if (*fd < 0)
		return;
	(void)hark__attend_no_more(&server->attending, *fd); /* or never */
	(void)sys_close(*fd); /* a timer, a socket of ours, of a process */
	*fd = -1;
}

static void close_all(struct hark_server *server)
{
	close_one(server, &server->handover.pidfd);
	close_one(server, &server->handover.link_fd);
	close_one(server, &server->handover.timer_fd);
}

/* ----------------------------------------------------------------------- its early end */

static int code_of(int cause)
{
	switch (cause) {
	case HARK_CAUSE_NOT_READY:
		return -ETIMEDOUT;
	case HARK_CAUSE_STOPS:
		return -ESHUTDOWN;
	default:
		return -ECHILD;
	}
}

static void ended(struct hark_server *server, int status)
{
	struct hark__handover *handover = &server->handover;
	int cause = handover->cause ? handover->cause : HARK_CAUSE_ENDED_EARLY;
	pid_t pid = handover->pid;

	close_all(server);
	handover->pid = 0;
	hark__overload_resume(server);
	tell_failed(server, pid, status, code_of(cause), (enum hark_cause)cause,
		cause == HARK_CAUSE_NOT_READY ? ready_ms(server) : 0);
}

/* True: it has, and nothing is left of it.  Where SIGCHLD is ignored nobody knows how. */
static bool look_whether_ended(struct hark_server *server, bool block)
{
	int status = 0;
	pid_t gone = sys_wait(server->handover.pid, &status, block);

	if (gone == 0 || (gone < 0 && gone != -ECHILD))
		return false;
	ended(server, status);
	return true;
}

/*
 * It does not run any more, whatever it was about to say.  Its end comes by the pidfd; if
 * there is none it is waited for: that is soon.
 */
static void kill_it(struct hark_server *server, enum hark_cause cause)
{
	struct hark__handover *handover = &server->handover;

	if (!handover->cause)
		handover->cause = (int)cause;
	close_one(server, &handover->link_fd);
	close_one(server, &handover->timer_fd);
	sys_kill(handover->pid, SIGKILL);
	if (handover->pidfd < 0)
		(void)look_whether_ended(server, true); /* it was killed */
}

/* ----------------------------------------------------------------------------- over to it */

/* Nobody but the successor accepts, or touches the sockets, from now on. */
static void leave_to_it(struct hark_server *server, const bool *taken)
{
	struct hark__handover *handover = &server->handover;
	struct hark_listener *listener;
	const char *name;

	handover->done = handover->all = true;
	for (size_t i = 0; (listener = hark__heirloom(server, i, &name)); i++) {
		if (taken[i] && listener->origin == HARK_ORIGIN_MADE)
			listener->origin = HARK_ORIGIN_HANDED_OVER;
		handover->all = handover->all && (taken[i] || i >= server->count);
	}
}

/* The manager is told before: it would take our end for that of the service. */
static void hand_over(struct hark_server *server, const bool *taken)
{
	struct hark__handover *handover = &server->handover;

	hark__notify_main_pid(server, handover->pid);
	if (hark__link_say_go(handover->link_fd) < 0) {
		hark__notify_stay(server);
		kill_it(server, HARK_CAUSE_ENDED_EARLY);
		return;
	}
	leave_to_it(server, taken);
	(void)hark__attend_no_more(&server->attending, handover->link_fd); /* it is */
	close_one(server, &handover->pidfd);
	close_one(server, &handover->timer_fd);
	HARK__TELL(server, .kind = HARK_EVENT_UPGRADED, .pid = handover->pid);
	hark__stop_once(server);
}

static size_t count_heirlooms(const struct hark_server *server)
{
	return server->count + server->handover.kept_count;
}

static void on_link(int fd, void *ctx)
{
	struct hark_server *server = ctx;
	bool taken[HARK__HANDED_MAX] = {false};
	int heard = hark__link_hear_ready(fd, taken, count_heirlooms(server));

	if (heard == 0)
		return;
	if (heard < 0)
		kill_it(server, HARK_CAUSE_ENDED_EARLY);
	else if (!look_whether_ended(server, false))
		hand_over(server, taken);
}

static void on_end(int fd, void *ctx)
{
	(void)fd;
	(void)look_whether_ended(ctx, false); /* else it is asked for nothing */
}

static void on_time(int fd, void *ctx)
{
	struct hark_server *server = ctx;
	uint64_t times;

	if (sys_read(fd, &times, sizeof(times)) > 0)
		kill_it(server, HARK_CAUSE_NOT_READY);
}

/* ----------------------------------------------------------------------------- starting */

/* Those before us who still live; ends that were seen are closed. */
static size_t count_ancestors(struct hark__handover *handover)
{
	size_t alive = 0;

	for (size_t i = 0; i < handover->ancestor_count; i++) {
		int fd = handover->ancestor[i];

		if (hark__link_has_ended(fd))
			(void)sys_close(fd); /* nothing is sent by it */
		else
			handover->ancestor[alive++] = fd;
	}
	handover->ancestor_count = alive;
	return alive;
}

static bool is_full(struct hark_server *server)
{
	int most = server->options.successor->max_generations;
	size_t alive = count_ancestors(&server->handover) + 1;

	if (alive < (size_t)(most ? most : GENERATIONS))
		return false;
	refuse(server, -EAGAIN, HARK_CAUSE_GENERATIONS, (long long)alive);
	return true;
}

static int attend_to(struct hark_server *server, int fd, hark_attendant *attend)
{
	return hark__attend(&server->attending, fd, attend, server, true, NULL);
}

/* A pidfd that cannot be had is done without: the link tells its end as well. */
static int attend_to_it(struct hark_server *server)
{
	struct hark__handover *handover = &server->handover;
	int done = attend_to(server, handover->link_fd, on_link);

	if (done == 0)
		done = attend_to(server, handover->timer_fd, on_time);
	if (done == 0)
		done = sys_timer_set(handover->timer_fd, ready_ms(server));
	handover->pidfd = hark__above_stdio(sys_pidfd_open(handover->pid));
	if (handover->pidfd >= 0 && attend_to(server, handover->pidfd, on_end) < 0)
		close_one(server, &handover->pidfd);
	return done;
}

static pid_t start_it(struct hark_server *server)
{
	struct hark__handover *handover = &server->handover;
	int ends[2], done = hark__link_make(ends);

	if (done < 0)
		return done;
	handover->link_fd = ends[0];
	handover->timer_fd = hark__above_stdio(sys_timer());
	handover->pid = handover->timer_fd < 0 ? handover->timer_fd
					       : hark__heir_start(server, ends[1]);
	(void)sys_close(ends[1]); /* it has a copy */
	return handover->pid;
}

static void begin(struct hark_server *server)
{
	struct hark__handover *handover = &server->handover;
	pid_t pid;

	hark__overload_suspend(server); /* it looks at the listeners */
	pid = start_it(server);
	if (pid < 0) {
		close_all(server);
		handover->pid = 0;
		hark__overload_resume(server);
		refuse(server, pid, HARK_CAUSE_NONE, 0);
		return;
	}
	handover->cause = HARK_CAUSE_NONE;
	HARK__TELL(server, .kind = HARK_EVENT_UPGRADING, .pid = pid);
	if (attend_to_it(server) < 0) /* it would not be heard */
		kill_it(server, HARK_CAUSE_NOT_READY);
}

static void on_asked(int fd, void *ctx)
{
	struct hark_server *server = ctx;

	(void)hark_wake_clear(fd); /* an eventfd */
	if (server->stopping || server->board->lame || hark__stops(server))
		refuse(server, -ESHUTDOWN, HARK_CAUSE_STOPS, 0);
	else if (server->handover.pid)
		refuse(server, -EBUSY, HARK_CAUSE_UPGRADES, 0);
	else if (!is_full(server))
		begin(server);
}

int hark_server_upgrade(struct hark_server *server)
{
	if (!server->options.successor)
		return -EINVAL;
	return hark_wake(server->handover.asked_fd);
}

/* -------------------------------------------------------------------------- begin and end */

int hark__handover_attend(struct hark_server *server, struct hark_error *err)
{
	struct hark__handover *handover = &server->handover;

	handover->pidfd = handover->link_fd = handover->timer_fd = -1;
	if (!server->options.successor)
		return 0;
	return hark__attend(
		&server->attending, handover->asked_fd, on_asked, server, true, err);
}

void hark__handover_stop(struct hark_server *server)
{
	if (server->handover.pid && !server->handover.done)
		kill_it(server, HARK_CAUSE_STOPS);
}

void hark__handover_end(struct hark_server *server)
{
	struct hark__handover *handover = &server->handover;

	hark__handover_stop(server);
	if (handover->pid && !handover->done)
		(void)look_whether_ended(server, true); /* it was killed */
	for (size_t i = 0; i < handover->ancestor_count; i++)
		(void)sys_close(handover->ancestor[i]); /* nothing is sent by it */
	handover->ancestor_count = 0;
	(void)hark__attend_no_more(
		&server->attending, handover->asked_fd); /* or never */
}

void hark__handover_let_go(const struct hark_server *server)
{
	const struct hark__handover *handover = &server->handover;
	const int fds[] = {handover->pidfd, handover->link_fd, handover->timer_fd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)sys_close(fds[i]); /* copies */
	for (size_t i = 0; i < handover->ancestor_count; i++)
		(void)sys_close(handover->ancestor[i]); /* likewise */
}
