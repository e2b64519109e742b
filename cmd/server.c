/* SPDX-License-Identifier: MIT
 *
 * The server that the options describe; see server.h.
 */
#include "server.h"

#include "command.h"
#include "events.h"
#include "lookup.h"
#include "os.h"
#include "report.h"
#include "services.h"
#include "upgrade.h"
#include "variables.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* At the end, and when all was said: how long a client may go on sending. */
enum { LINGER_MS = 2000, LINGER_IDLE_MS = 500 };

/* Where nothing else was said: programs go on by themselves, conversations end soon. */
enum { LEAVE_AT_ONCE_MS = 1, FINISH_MS = 5000 };

/* One a program, as many as the engine runs by itself, and some for the rest. */
enum { USUAL_PROGRAMS = 256, SOME_DESCRIPTORS = 64 };

/* Everything that a server's options point to: as long as it is there. */
struct parts {
	struct hark_program program;
	struct lookup lookup;
	struct events events;
	char banner[1024], refusal[1024];
};

/* ---------------------------------------------------------------------------- options */

static int drain_ms(const struct setup *setup)
{
	const struct serve_options *options = &setup->options;

	if (options->wait)
		return -1;
	if (options->drain_s > 0)
		return options->drain_s * 1000;
	if (options->drain_s == 0 || setup->path)
		return LEAVE_AT_ONCE_MS;
	return FINISH_MS;
}

static enum hark_overload overload(const struct serve_options *options)
{
	if (options->overload == OVERLOAD_GATE)
		return HARK_OVERLOAD_GATE;
	if (options->overload != OVERLOAD_REFUSE)
		return HARK_OVERLOAD_WAIT;
	return options->refusal ? HARK_OVERLOAD_MESSAGE : HARK_OVERLOAD_RESET;
}

enum hark_model server_model(const struct setup *setup)
{
	if (setup->path)
		return HARK_MODEL_SPAWN;
	return setup->options.model ? (enum hark_model)setup->options.model
				    : HARK_MODEL_THREAD;
}

/* As lines of the network, which end with CR LF. */
static const char *line_of(const char *text, char *line, size_t size)
{
	if (!text)
		return NULL;
	(void)snprintf(line, size, "%s\r\n", text); /* it was looked at: it fits */
	return line;
}

/* False: no memory. */
static bool fill_program(struct parts *parts, const struct setup *setup)
{
	const struct serve_options *options = &setup->options;

	parts->lookup = (struct lookup){.names = options->names,
		.ident = options->ident,
		.local_name = !options->local_name};
	parts->program = (struct hark_program){.path = setup->path,
		.argv = setup->argv,
		.envp = variables_make(
			environ, options->clear_environment, &options->set),
		.local_name = options->local_name,
		.banner =
			line_of(options->banner, parts->banner, sizeof(parts->banner)),
		.prepare = options->names || options->ident ? lookup_names : NULL,
		.prepare_ctx = &parts->lookup};
	return parts->program.envp != NULL;
}

static struct hark_server_options options_of(
	struct parts *parts, const struct setup *setup)
{
	const struct serve_options *options = &setup->options;
	int silence_ms = options->timeout_s * 1000;

	return (struct hark_server_options){.model = server_model(setup),
		.workers = options->workers,
		.threads = options->threads,
		.max_connections = options->connections,
		.overload = overload(options),
		.refusal = line_of(
			options->refusal, parts->refusal, sizeof(parts->refusal)),
		.max_per_address = options->per_address,
		.max_per_prefix = options->per_prefix,
		.rate = options->rate_count,
		.rate_ms = options->rate_ms,
		.rules_file = options->rules,
		.read_timeout_ms = silence_ms,
		.write_timeout_ms = silence_ms,
		.drain_ms = drain_ms(setup),
		.idle_grace_ms = 1, /* services.c has its own */
		.lame_duck_ms = options->lame_duck_s * 1000,
		.quiesce = (enum hark_quiesce_method)options->quiesce,
		.linger = {.timeout_ms = LINGER_MS, .idle_ms = LINGER_IDLE_MS},
		.mind_signals = HARK_ON,
		.recycle_after = options->recycle,
		.on_event = events_tell,
		.event_ctx = &parts->events,
		/* if NOTIFY_SOCKET is set, and was not told of already */
		.notify = setup->manager_fd < 0 ? HARK_OFF : HARK_ON,
		.notify_fd = setup->manager_fd < 0 ? 0 : setup->manager_fd,
		.successor = &setup->successor,
		.program = setup->path ? &parts->program : NULL};
}

/*
 * A built-in service has a descriptor a client, or two; a program is watched by one.  What
 * programs inherit stays as it is as long as it is enough.
 */
static void raise_descriptors(const struct setup *setup)
{
	int most = setup->options.connections ? setup->options.connections
					      : USUAL_PROGRAMS;

	if (setup->path) /* else fewer are served */
		(void)os_need_descriptors((unsigned)most + SOME_DESCRIPTORS);
	else
		(void)hark_nofile_raise(NULL, NULL, NULL); /* likewise */
}

/* --------------------------------------------------------------------------------- run */

static hark_handler *handler_of(const struct setup *setup)
{
	if (setup->path)
		return NULL;
	return setup->options.proxy ? proxy_serve
				    : service_of((enum service)setup->options.service);
}

/* By the words that they were opened by: a successor has the same. */
static int adopt_all(
	struct hark_server *server, struct setup *setup, struct hark_error *err)
{
	struct hark_listener_set *set = &setup->set;
	int done = 0;

	for (size_t i = 0; i < set->count && done == 0; i++)
		done = hark_server_adopt_as(
			server, &set->listener[i], setup->names[i], err);
	if (done == 0)
		set->count = 0;
	return done;
}

static int run(struct parts *parts, struct setup *setup, struct hark_error *err)
{
	struct hark_server_options options = options_of(parts, setup);
	struct hark_server *server =
		hark_server_create(&options, handler_of(setup), &setup->proxy, err);
	int done;

	if (!server)
		return err->code;
	parts->events = (struct events){.setup = setup, .server = server};
	raise_descriptors(setup);
	done = adopt_all(server, setup, err);
	if (done == 0)
		done = control_begin(&parts->events.control, server, setup, err);
	if (done == 0)
		done = hark_server_run(server, err);
	(void)hark_server_destroy(server); /* handlers that are stuck end with us */
	return done;
}

int server_run(struct setup *setup)
{
	static struct parts parts; /* handlers that are stuck use it until the exit */
	struct hark_error err;

	if (setup->path && !fill_program(&parts, setup)) {
		complain("out of memory for the environment");
		return EXIT_LATER;
	}
	setup->successor = upgrade_successor(&setup->options);
	setup->proxy.timeout_ms =
		setup->options.timeout_s ? setup->options.timeout_s * 1000 : -1;
	return run(&parts, setup, &err) < 0 ? complain_error(&err) : EXIT_FINE;
}
