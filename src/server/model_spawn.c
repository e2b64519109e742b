/* SPDX-License-Identifier: MIT
 *
 * A program a connection, instead of a handler.  Floor 4.
 *
 * Where no process can be had for a client it is held and tried again, and nobody else is
 * accepted meanwhile: they wait in the queue, where nothing of this process is spent on them.
 */
#include "base/clock.h"
#include "base/error.h"
#include "server/model.h"
#include "socket/inspect.h"
#include "sys/spawn.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

enum { USUAL = 256 };

/* How long one client is kept waiting for what may pass, and between the tries. */
enum { PATIENCE_MS = 5000, FIRST_WAIT_MS = 5, LONGEST_WAIT_MS = 100, TELL_MS = 1000 };

/* One connection on its way to its program. */
struct start {
	struct hark__worker *worker;
	const struct hark__arrival *arrival;
	struct hark_addr local; /* .length 0: not known, the client is gone */
	struct hark_environment env;
};

static const struct hark_program *program_of(const struct start *start)
{
	return start->worker->server->options.program;
}

static void fill_error(const struct start *start, int code, struct hark_error *why)
{
	(void)HARK__FAIL(why, .step = HARK_STEP_SPAWN, .code = code,
		.subject = program_of(start)->path); /* told by an event */
}

/* -------------------------------------------------------------------- in the new process */

static int prepare(void *ctx)
{
	struct start *start = ctx;
	const struct hark_program *program = program_of(start);

	return program->prepare(&start->env, &start->arrival->peer, &start->local,
		program->prepare_ctx);
}

/* Nobody else learns why. */
static void prepared_in_vain(int code, void *ctx)
{
	const struct start *start = ctx;
	struct hark_error why;

	fill_error(start, code, &why);
	HARK__TELL(start->worker->server, .kind = HARK_EVENT_FAILED,
		.number = start->arrival->number, .pid = sys_getpid(),
		.peer = &start->arrival->peer, .local = &start->local, .error = &why);
}

/* ---------------------------------------------------------------------------- starting */

static pid_t try_to_start(struct start *start)
{
	const struct hark_program *program = program_of(start);

	return sys_spawn(&(struct sys_program){.path = program->path,
		.argv = program->argv,
		.envp = start->env.envp,
		.fd = start->arrival->fd,
		.own_pid = start->env.own_pid,
		.prepare = program->prepare ? prepare : NULL,
		.failed = prepared_in_vain,
		.ctx = start});
}

static bool may_pass(pid_t code)
{
	return code == -EAGAIN || code == -ENOMEM || code == -EMFILE ||
	       code == -ENFILE || code == -ETXTBSY;
}

static void tell_held(const struct start *start, int code)
{
	struct hark__worker *worker = start->worker;
	int64_t now_ms = hark__now_ms();
	struct hark_error why;

	if (now_ms < worker->spawning.tell_held_ms)
		return;
	worker->spawning.tell_held_ms = now_ms + TELL_MS;
	fill_error(start, code, &why);
	HARK__TELL(worker->server, .kind = HARK_EVENT_HELD,
		.number = start->arrival->number, .peer = &start->arrival->peer,
		.local = &start->local, .error = &why);
}

/* Until something has happened, a program's end above all; false: the cut has come. */
static bool wait_a_little(struct hark__worker *worker, int wait_ms)
{
	struct pollfd fds[2] = {
		{worker->watch_fd, POLLIN, 0}, {worker->server->cut_fd, POLLIN, 0}};

	(void)sys_poll(fds, 2, wait_ms); /* failed: it is tried again the sooner */
	hark__worker_look_around(worker);
	return !fds[1].revents;
}

static pid_t hold(struct start *start, pid_t code)
{
	int64_t until = hark__deadline(PATIENCE_MS);
	int wait_ms = FIRST_WAIT_MS;

	while (may_pass(code) && hark__left_ms(until) > 0) {
		tell_held(start, code);
		if (!wait_a_little(start->worker, wait_ms))
			break;
		wait_ms = 2 * wait_ms < LONGEST_WAIT_MS ? 2 * wait_ms : LONGEST_WAIT_MS;
		code = try_to_start(start);
	}
	return code;
}

static void began(const struct start *start, int place, pid_t pid)
{
	struct hark__worker *worker = start->worker;
	const struct hark__arrival *arrival = start->arrival;

	(void)hark_close(arrival->fd, NULL); /* the program has it */
	worker->children.place[place].local = start->local;
	hark__children_started(worker, place, pid);
	if (worker->server->options.on_event)
		HARK__TELL(worker->server, .kind = HARK_EVENT_ACCEPTED,
			.number = arrival->number, .pid = pid,
			.open = hark__board_open(worker->server->board, false),
			.limit = (unsigned)worker->server->options.max_connections,
			.from_address = arrival->from_address, .peer = &arrival->peer,
			.local = &start->local);
}

/* As far as it goes out at once; the program will see the end of who is gone. */
static void send_banner(const char *banner, int fd)
{
	if (banner)
		(void)sys_send(fd, banner, strlen(banner), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* A listener that a server of handlers has left to us is theirs still, if we should fail. */
static void find_out(struct start *start)
{
	const struct hark__arrival *arrival = start->arrival;

	if (!start->worker->server->endless)
		(void)hark__set_moment(
			arrival->fd, SO_RCVTIMEO, 0); /* or its reads time out */

	if (hark__local_addr(arrival->fd, &start->local) < 0)
		start->local.length = 0;
	hark_addr_unmap(&start->local);
	hark__environment_fill(&start->env, &start->worker->server->inherited,
		&arrival->peer, &start->local, arrival->from_address, arrival->fd);
}

static void take(struct hark__worker *worker, const struct hark__arrival *arrival)
{
	struct start start = {.worker = worker, .arrival = arrival};
	int place = hark__children_take(worker, arrival);
	pid_t pid = place;
	struct hark_error why;

	if (place >= 0) {
		find_out(&start);
		send_banner(program_of(&start)->banner, arrival->fd);
		pid = hold(&start, try_to_start(&start));
	}
	if (pid > 0) {
		began(&start, place, pid);
		return;
	}
	if (place >= 0)
		hark__children_drop(worker, place);
	fill_error(&start, pid, &why);
	hark__gate_turn_away(worker, arrival, &why);
}

/* ------------------------------------------------------------------------------- model */

static int bad(const char *option, struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = -EINVAL,
		.cause = HARK_CAUSE_BAD_VALUE, .option = option);
}

static int check(const struct hark_server_options *options, struct hark_error *err)
{
	const struct hark_program *program = options->program;

	if (!program)
		return bad("program", err);
	if (!program->path || !strchr(program->path, '/'))
		return bad("program.path", err);
	if (!program->argv || !program->argv[0])
		return bad("program.argv", err);
	for (size_t i = 0; i < sizeof(program->reserved) / sizeof(uint64_t); i++)
		if (program->reserved[i])
			return HARK__FAIL(err, .step = HARK_STEP_OPTION,
				.code = -EINVAL, .cause = HARK_CAUSE_RESERVED,
				.option = "program.reserved");
	return 0;
}

static int serve(struct hark__worker *worker, struct hark_error *err)
{
	return hark__worker_each(worker, take, err);
}

const struct hark__model hark__model_spawn = {.name = "spawn",
	.has_children = true,
	.usual = USUAL,
	.check = check,
	.serve = serve};
