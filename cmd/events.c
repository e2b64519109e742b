/* SPDX-License-Identifier: MIT
 *
 * The lines of the log; see events.h.
 *
 * Threads and processes of the server tell at once: each line is one write, and what is
 * told seldom is told so by each process.
 */
#include "events.h"

#include "command.h"
#include "os.h"
#include "program.h"
#include "report.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool serves_programs(const struct events *events)
{
	return events->setup->path != NULL;
}

/* ------------------------------------------------------------------------------ ready */

/* The number stays taken: what is opened next must not become standard output. */
static void end_output(void)
{
	if (os_end_output() < 0)
		complain("cannot end standard output; its reader may wait for more");
}

static void print_ports(const struct setup *setup)
{
	for (int i = 0; i < setup->address_count; i++) {
		if (setup->ports[i] >= 0)
			printf("%d", setup->ports[i]);
		printf("\n");
	}
	(void)finish_output(); /* complains; the clients need not suffer for it */
	end_output();
}

static void notify(int fd)
{
	if (os_write(fd, "\n", 1) != 1)
		report(TELL_ERRORS, "cannot write to --notify-fd %d", fd);
	if (fd == STDOUT_FILENO)
		end_output();
	else
		(void)hark_close(fd, NULL); /* released in any case */
}

static void is_ready(const struct events *events)
{
	const struct serve_options *options = &events->setup->options;
	const struct hark_listener *listener;

	for (size_t i = 0; (listener = hark_server_listener(events->server, i)); i++)
		report_listening(listener);
	if (options->print_port)
		print_ports(events->setup);
	if (options->notify_fd >= 0 && !hark_is_successor())
		notify(options->notify_fd);
}

/*
 * Signals are minded from the first of these on.  With workers it is told after the last,
 * before there are any: they would keep open what readers wait for the end of.
 */
static void listening(struct events *events)
{
	events->listening++;
	if (events->setup->options.workers &&
		!hark_server_listener(events->server, events->listening))
		is_ready(events);
}

/* ----------------------------------------------------------------------- conversations */

/* A program by its process, others by their number. */
static void name_it(const struct events *events, const struct hark_server_event *event,
	char who[32])
{
	if (serves_programs(events))
		(void)snprintf(who, 32, "%d", (int)event->pid);
	else
		(void)snprintf(who, 32, "#%llu", (unsigned long long)event->number);
}

static void tell_begin(
	const struct events *events, const struct hark_server_event *event)
{
	char who[32], from[HARK_ADDR_TEXT_MAX], at[HARK_ADDR_TEXT_MAX];

	if (!report_tells(TELL_CLIENTS))
		return;
	name_it(events, event, who);
	(void)hark_addr_text(event->peer, from, sizeof(from)); /* both fit */
	(void)hark_addr_text(event->local, at, sizeof(at));
	report(TELL_CLIENTS, "begin %s, from %s to %s, %u of %u", who, from, at,
		event->open, event->limit);
}

static void how_it_ended(const struct events *events,
	const struct hark_server_event *event, char how[32])
{
	static const char *const words[HARK_ENDED_COUNT] = {
		[HARK_ENDED_RETURNED] = "closed",
		[HARK_ENDED_TIMED_OUT] = "timed out",
		[HARK_ENDED_RESET] = "reset by the client",
		[HARK_ENDED_DRAINED] = "told to end",
		[HARK_ENDED_CUT] = "cut",
		[HARK_ENDED_RELEASED] = "released",
		[HARK_ENDED_LEFT] = "left to go on"};

	if (serves_programs(events) || event->reason == HARK_ENDED_CRASHED)
		report_how_ended(event->status, how);
	else
		(void)snprintf(how, 32, "%s", words[event->reason]);
}

static void tell_end(const struct events *events, const struct hark_server_event *event)
{
	char who[32], from[HARK_ADDR_TEXT_MAX], how[32];

	if (!report_tells(TELL_CLIENTS))
		return;
	name_it(events, event, who);
	(void)hark_addr_text(event->peer, from, sizeof(from)); /* it fits */
	how_it_ended(events, event, how);
	report(TELL_CLIENTS, "end %s, from %s, %s, %.3f s, %u of %u", who, from, how,
		event->duration_ms / 1000.0, event->open ? event->open - 1 : 0,
		event->limit);
}

/* -------------------------------------------------------------------------- too many */

static void tell_full(const struct hark_server_event *event)
{
	static _Atomic int64_t told_ms;

	if (report_is_due(&told_ms, os_now_ms()))
		report(TELL_EVENTS,
			"%u %s served, the most (--connections); others wait in the "
			"queue",
			event->limit, event->limit == 1 ? "client is" : "clients are");
}

static void why_refused(const struct events *events,
	const struct hark_server_event *event, char why[80])
{
	const struct serve_options *options = &events->setup->options;

	if (event->reason == HARK_REFUSED_PER_ADDRESS)
		(void)snprintf(why, 80, "%d from there are served already",
			options->per_address);
	else if (event->reason == HARK_REFUSED_PER_PREFIX)
		(void)snprintf(why, 80, "%d from that network are served already",
			options->per_prefix);
	else if (event->reason == HARK_REFUSED_RATE)
		(void)snprintf(why, 80, "more new ones from there than --rate %s",
			options->rate);
	else if (event->reason == HARK_REFUSED_RULE)
		(void)snprintf(why, 80, "a rule of --rules says so");
	else
		(void)snprintf(why, 80, "%u are served, the most (--connections)",
			event->limit);
}

static void tell_failed_start(const struct events *events,
	const struct hark_server_event *event, const char *so)
{
	static _Atomic int64_t told_ms;
	char client[HARK_ADDR_TEXT_MAX], advice[HARK_ADDR_TEXT_MAX + 256];
	int code = event->error ? event->error->code : 0;

	if (!report_is_due(&told_ms, os_now_ms()))
		return;
	(void)hark_addr_text(event->peer, client, sizeof(client)); /* it fits */
	if (serves_programs(events)) {
		(void)snprintf(advice, sizeof(advice), "%s (%s); %s %s",
			program_advice(code), hark_errno_name(code), so, client);
		complain_of("cannot start the program", events->setup->path, advice);
		return;
	}
	(void)snprintf(advice, sizeof(advice),
		"'ulimit -u' and the memory of this machine limit them (%s)",
		hark_errno_name(code));
	complain_of("out of threads, processes or memory: refused the client", client,
		advice);
}

static void tell_refused(
	const struct events *events, const struct hark_server_event *event)
{
	static _Atomic int64_t told_ms;
	char client[HARK_ADDR_TEXT_MAX], why[80];

	if (event->reason == HARK_REFUSED_RESOURCES) {
		tell_failed_start(events, event,
			events->setup->options.refusal ? "refused the client"
						       : "reset the client");
		return;
	}
	if (!report_tells(TELL_CLIENTS) && !report_is_due(&told_ms, os_now_ms()))
		return;
	(void)hark_addr_text(event->peer, client, sizeof(client)); /* it fits */
	why_refused(events, event, why);
	report(TELL_EVENTS, "refused %s: %s", client, why);
}

/* ---------------------------------------------------------------------------- workers */

/* One that retires ends with 0, and another has taken its place. */
static void tell_worker_ended(const struct hark_server_event *event)
{
	char how[32];

	report_how_ended(event->status, how);
	report(event->status ? TELL_EVENTS : TELL_CLIENTS, "worker %d ended, %s",
		(int)event->pid, how);
}

static void tell_given_up(const struct hark_server_event *event)
{
	char how[32];

	report_how_ended(event->status, how);
	report(TELL_ERRORS,
		"a worker ended again and again at its start, %s; it is not "
		"started any more",
		how);
}

static void tell_reloaded(
	const struct events *events, const struct hark_server_event *event)
{
	if (event->error)
		report_error("the rules stay as they were", event->error);
	else
		report(TELL_EVENTS, "read the rules again from %s",
			events->setup->options.rules);
}

/* ---------------------------------------------------------------------------- the end */

static const char *plural(unsigned count)
{
	return count == 1 ? "" : "s";
}

static void draining(const struct events *events, const struct hark_server_event *event)
{
	if (event->queued > 0)
		report(TELL_EVENTS, "reset %u %s still in the queue", event->queued,
			event->queued == 1 ? "client that was" : "clients that were");
	if (event->quiesce && event->quiesce->method)
		report(TELL_CLIENTS,
			"closed (%s) after %d ms: %u served from the "
			"queue, %u from half-way, %u lost",
			hark_quiesce_method_name(
				(enum hark_quiesce_method)event->quiesce->method),
			event->quiesce->duration_ms, event->quiesce->queued,
			event->quiesce->half_open, event->quiesce->lost);
	if (event->open > 0 && events->setup->options.wait)
		report(TELL_EVENTS, "waiting for %u program%s to end", event->open,
			plural(event->open));
}

static void drained(const struct events *events, const struct hark_server_event *event)
{
	if (event->open == 0)
		return;
	if (serves_programs(events))
		report(TELL_EVENTS, "leaving %u program%s to go on", event->open,
			plural(event->open));
	else
		report(TELL_EVENTS, "cut %u conversation%s that did not end",
			event->open, plural(event->open));
}

/* A prepared program that could not be run has a client. */
static void tell_failed(
	const struct events *events, const struct hark_server_event *event)
{
	if (event->peer)
		tell_failed_start(events, event, "reset the client");
	else
		report_error(event->error->step == HARK_STEP_CLOSE ? "while closing"
								   : "going on",
			event->error);
}

/* ---------------------------------------------------------------------------- upgrades */

static void tell_upgrade_failed(const struct hark_server_event *event)
{
	char how[32];

	report_error("no hot restart, going on", event->error);
	if (event->error->cause != HARK_CAUSE_ENDED_EARLY)
		return;
	report_how_ended(event->status, how);
	report(TELL_ERRORS, "the successor, process %d, ended: %s", (int)event->pid,
		how);
}

static void tell_upgrade(const struct hark_server_event *event)
{
	if (event->kind == HARK_EVENT_UPGRADING)
		report(TELL_EVENTS, "started the successor, process %d",
			(int)event->pid);
	else if (event->kind == HARK_EVENT_UPGRADED)
		report(TELL_EVENTS, "process %d has taken over", (int)event->pid);
	else
		tell_upgrade_failed(event);
}

/* Of the server, and not of a client. */
static void tell_life(
	const struct events *events, const struct hark_server_event *event)
{
	switch (event->kind) {
	case HARK_EVENT_RELOADED:
		tell_reloaded(events, event);
		break;
	case HARK_EVENT_LAME_DUCK:
		report(TELL_EVENTS, "told to stop, accepting for %d s yet",
			events->setup->options.lame_duck_s);
		break;
	case HARK_EVENT_QUIESCING:
		report(TELL_EVENTS, "stopping");
		break;
	case HARK_EVENT_DRAINING:
		draining(events, event);
		break;
	case HARK_EVENT_DRAINED:
		drained(events, event);
		break;
	case HARK_EVENT_WORKER_STARTED:
		report(TELL_CLIENTS, "worker %d started", (int)event->pid);
		break;
	case HARK_EVENT_WORKER_ENDED:
		tell_worker_ended(event);
		break;
	case HARK_EVENT_WORKER_GIVEN_UP:
		tell_given_up(event);
		break;
	case HARK_EVENT_UPGRADING:
	case HARK_EVENT_UPGRADED:
	case HARK_EVENT_UPGRADE_FAILED:
		tell_upgrade(event);
		break;
	default:
		break;
	}
}

void events_tell(const struct hark_server_event *event, void *ctx)
{
	struct events *events = ctx;

	control_tell(&events->control, event);
	switch (event->kind) {
	case HARK_EVENT_LISTENING:
		listening(events);
		break;
	case HARK_EVENT_SERVING: /* not before: whoever reads it may send signals */
		if (!events->setup->options.workers)
			is_ready(events);
		break;
	case HARK_EVENT_ACCEPTED:
		tell_begin(events, event);
		break;
	case HARK_EVENT_REFUSED:
		tell_refused(events, event);
		break;
	case HARK_EVENT_CLOSED:
		tell_end(events, event);
		break;
	case HARK_EVENT_FULL:
		tell_full(event);
		break;
	case HARK_EVENT_PAUSED: /* for want of something: nobody else pauses it */
		report_error("paused, the clients wait in the queue", event->error);
		break;
	case HARK_EVENT_RESUMED:
		report(TELL_EVENTS, "accepting again after %.1f s",
			event->duration_ms / 1000.0);
		break;
	case HARK_EVENT_HELD:
		tell_failed_start(events, event, "trying again for");
		break;
	case HARK_EVENT_FAILED:
		tell_failed(events, event);
		break;
	default:
		tell_life(events, event);
		break;
	}
}
