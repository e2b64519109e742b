/* SPDX-License-Identifier: MIT
 *
 * Answering at the control socket; see control.h.
 *
 * All of it happens in the thread that runs the server, which may not block: a question is
 * short, an answer fits into the socket, and who does not read it loses it.  Who says
 * nothing keeps nobody else out: the next one takes the place.
 */
#include "control.h"

#include "os.h"
#include "report.h"
#include "status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------ answers */

static void drop(struct control *control, struct asker *asker)
{
	(void)hark_server_attend_no_more(control->server, asker->fd); /* it is */
	(void)hark_close(asker->fd, NULL); /* what was said is in the socket */
	*asker = (struct asker){0};
}

static void say(const struct asker *asker, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void say(const struct asker *asker, const char *format, ...)
{
	char text[HARK_ERROR_TEXT_MAX + 64];
	va_list args;
	int length;

	va_start(args, format);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it was started above */
	length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)os_send_now(asker->fd, text, (size_t)length); /* or it has gone */
}

static void answer(struct control *control, struct asker *asker, const char *text)
{
	say(asker, "%s\n", text);
	drop(control, asker);
}

/* ---------------------------------------------------------------------------- questions */

static void tell_status(struct control *control, struct asker *asker, bool json)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	if (!stream) {
		answer(control, asker, "failed: out of memory");
		return;
	}
	status_print(stream, json, control->setup, control->server,
		os_now_ms() - control->began_ms);
	fputs("ok\n", stream);
	if (fclose(stream) == 0)
		(void)os_send_now(asker->fd, text, size); /* or it has gone */
	free(text);
	drop(control, asker);
}

static void obey(struct control *control, struct asker *asker)
{
	if (!strcmp(asker->line, "status")) {
		tell_status(control, asker, false);
	} else if (!strcmp(asker->line, "status json")) {
		tell_status(control, asker, true);
	} else if (!strcmp(asker->line, "stop")) {
		asker->wants = AWAITS_STOP;
		(void)hark_server_stop(control->server); /* an eventfd of ours */
	} else if (!strcmp(asker->line, "restart")) {
		asker->wants = AWAITS_RESTART;
		(void)hark_server_upgrade(control->server); /* likewise */
	} else {
		answer(control, asker, "failed: this server knows no such word");
	}
}

static struct asker *asker_of(struct control *control, int fd)
{
	for (size_t i = 0; i < CONTROL_ASKERS; i++)
		if (control->asker[i].fd == fd)
			return &control->asker[i];
	return NULL;
}

/* A line that is too long is none of ours; who waits says nothing more. */
static void on_asker(int fd, void *ctx)
{
	struct control *control = ctx;
	struct asker *asker = asker_of(control, fd);
	ssize_t got;
	char *end;

	if (!asker)
		return; /* it was dropped */
	got = os_receive_now(
		fd, asker->line + asker->used, sizeof(asker->line) - asker->used);
	if (got == -EAGAIN || got == -EINTR)
		return;
	if (got <= 0 || asker->wants != ASKS) {
		drop(control, asker);
		return;
	}
	asker->used += (size_t)got;
	end = memchr(asker->line, '\n', asker->used);
	if (end) {
		*end = '\0';
		obey(control, asker);
	} else if (asker->used == sizeof(asker->line)) {
		drop(control, asker);
	}
}

/* ------------------------------------------------------------------------------ clients */

/* The next in turn that has not asked yet, or the next in turn. */
static struct asker *next_to_drop(struct control *control)
{
	size_t first = control->next++;

	for (size_t i = 0; i < CONTROL_ASKERS; i++) {
		struct asker *asker = &control->asker[(first + i) % CONTROL_ASKERS];

		if (asker->wants == ASKS)
			return asker;
	}
	return &control->asker[first % CONTROL_ASKERS];
}

static struct asker *place(struct control *control)
{
	struct asker *asker = asker_of(control, 0);

	if (asker)
		return asker;
	asker = next_to_drop(control);
	drop(control, asker);
	return asker;
}

static void on_listener(int fd, void *ctx)
{
	struct control *control = ctx;
	int client = hark_accept_try(fd, NULL, NULL);
	struct asker *asker;

	if (client < 0)
		return;
	asker = place(control);
	asker->fd = client;
	if (hark_server_attend(control->server, client, on_asker, control, NULL) < 0)
		answer(control, asker, "failed: out of memory");
}

int control_begin(struct control *control, struct hark_server *server,
	struct setup *setup, struct hark_error *err)
{
	struct hark_listener *listener = &setup->control.listener[0];
	int done;

	if (setup->control.count == 0)
		return 0;
	*control = (struct control){.server = server,
		.setup = setup,
		.listener = listener,
		.began_ms = os_now_ms()};
	done = hark_server_hand_down(server, listener, setup->control_name, err);
	if (done < 0)
		return done;
	return hark_server_attend(server, listener->fd, on_listener, control, err);
}

/* ------------------------------------------------------------------------------- events */

static void answer_all(struct control *control, int wants, const char *text)
{
	for (size_t i = 0; i < CONTROL_ASKERS; i++)
		if (control->asker[i].fd && (int)control->asker[i].wants == wants)
			answer(control, &control->asker[i], text);
}

/* The successor answers from now on; who has asked already is answered here. */
static void upgraded(struct control *control, const struct hark_server_event *event)
{
	char text[64];

	(void)hark_server_attend_no_more(
		control->server, control->listener->fd); /* it is */
	(void)snprintf(
		text, sizeof(text), "process %d has taken over\nok", (int)event->pid);
	answer_all(control, AWAITS_RESTART, text);
}

static void upgrade_failed(
	struct control *control, const struct hark_server_event *event)
{
	char text[HARK_ERROR_TEXT_MAX + 64], why[HARK_ERROR_TEXT_MAX], how[32] = "";

	(void)hark_error_text(event->error, why, sizeof(why)); /* or it is cut */
	if (event->error->cause == HARK_CAUSE_ENDED_EARLY)
		report_how_ended(event->status, how);
	(void)snprintf(
		text, sizeof(text), "failed: %s%s%s", why, *how ? "; " : "", how);
	answer_all(control, AWAITS_RESTART, text);
}

/* Each who waits for the end reads how it goes. */
static void tell_stopping(struct control *control, const char *line)
{
	for (size_t i = 0; i < CONTROL_ASKERS; i++)
		if (control->asker[i].fd && control->asker[i].wants == AWAITS_STOP)
			say(&control->asker[i], "%s\n", line);
}

static void closed(struct control *control, const struct hark_server_event *event)
{
	char line[200];

	if (!event->quiesce || !event->quiesce->method)
		return;
	(void)snprintf(line, sizeof(line),
		"closed (%s) after %d ms: %u served from the queue, %u from half-way, "
		"%u lost; %u go on",
		hark_quiesce_method_name(
			(enum hark_quiesce_method)event->quiesce->method),
		event->quiesce->duration_ms, event->quiesce->queued,
		event->quiesce->half_open, event->quiesce->lost, event->open);
	tell_stopping(control, line);
}

static void drained(struct control *control, const struct hark_server_event *event)
{
	char line[80];

	(void)snprintf(line, sizeof(line), "%u did not end%s", event->open,
		control->setup->path ? ", and are left to go on" : " in time");
	if (event->open > 0)
		tell_stopping(control, line);
	tell_stopping(control, "ok"); /* the end of the stream is that of the process */
}

/* Those below are told in the thread that runs the server. */
void control_tell(struct control *control, const struct hark_server_event *event)
{
	if (!control->server)
		return;
	switch (event->kind) {
	case HARK_EVENT_UPGRADED:
		upgraded(control, event);
		break;
	case HARK_EVENT_UPGRADE_FAILED:
		upgrade_failed(control, event);
		break;
	case HARK_EVENT_DRAINING:
		closed(control, event);
		break;
	case HARK_EVENT_DRAINED:
		drained(control, event);
		break;
	default:
		break;
	}
}
