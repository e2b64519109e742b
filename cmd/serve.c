/* SPDX-License-Identifier: MIT
 *
 * hark serve: from the words of the command line to a server that is ready.  What it is
 * told is checked before anything is opened; addresses are opened before privileges go;
 * server.c does the serving.
 */
#include "check.h"
#include "command.h"
#include "control.h"
#include "os.h"
#include "privileges.h"
#include "program.h"
#include "report.h"
#include "server.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int bad_usage(const char *what, const char *word, const char *advice)
{
	complain_of(what, word, advice);
	return EXIT_USAGE;
}

/* ------------------------------------------------------------------------ the words */

/* The first "--", or argc: behind it the words belong to the program. */
static int find_separator(int argc, char **argv)
{
	int i = 1;

	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	return i;
}

/* -1: go on.  Else the exit code. */
static int parse(
	int argc, char **argv, struct serve_options *options, struct words *words)
{
	int separator = find_separator(argc, argv);
	int operands = options_parse(&serve_table, separator, argv, options);

	if (operands < 0)
		return ~operands;
	words->addresses = argv + 1;
	words->address_count = operands;
	words->program = argv + separator + (separator < argc);
	words->program_count = (int)(argv + argc - words->program);
	return -1;
}

/* ----------------------------------------------------------------------- the surroundings */

/* Our predecessor has told who waited there, and closed it: see is_ready() in events.c. */
static int check_notify_fd(int fd)
{
	int open = fd < 0 || hark_is_successor() ? 0 : os_is_open(fd);
	char word[16], advice[80];

	(void)snprintf(word, sizeof(word), "%d", fd);
	if (fd == STDERR_FILENO)
		return bad_usage("cannot use --notify-fd", word,
			"it is standard error, of the programs too");
	if (open >= 0)
		return 0;
	(void)snprintf(advice, sizeof(advice),
		"no such descriptor was open at the start (%s)", hark_errno_name(open));
	return bad_usage("cannot use --notify-fd", word, advice);
}

/* What there is to serve, and as whom. */
struct plan {
	const struct words *words;
	const struct privileges *privileges;
	char path[PROGRAM_PATH_MAX]; /* of the program */
};

static int find_program(struct plan *plan)
{
	if (plan->words->program_count == 0)
		return 0;
	return program_find(plan->words->program[0], plan->path);
}

static int drop_and_find(void *ctx)
{
	struct plan *plan = ctx;
	int failed = privileges_drop(plan->privileges);

	return failed ? failed : find_program(plan);
}

/*
 * Before anything is opened, since afterwards a path could not be removed any more: whether
 * the privileges can be given up, and the program be run by who we are then.  In a process
 * that ends with the answer.
 */
static int try_out(struct plan *plan)
{
	char advice[64];
	int done;

	if (!plan->privileges->changes_group && !plan->privileges->root)
		return find_program(plan);
	done = os_try(drop_and_find, plan);
	if (done >= 0)
		return done;
	(void)snprintf(advice, sizeof(advice), "no process for it (%s)",
		hark_errno_name(done));
	complain_of("cannot try out the", "privileges", advice);
	return EXIT_LATER;
}

/* ------------------------------------------------------------------------------- open */

static void notice(const struct hark_error *notice, void *ctx)
{
	(void)ctx;
	report_error("going on", notice);
}

/*
 * "fd:0" has left its number.  Who passes a listener as inetd does may have put it on 1 as
 * well, where it would stay open when we stop listening.
 */
static void free_standard_descriptors(void)
{
	struct hark_listener copy;

	if (hark_listener_adopt(&copy, STDOUT_FILENO, NULL) == 0)
		(void)hark_listener_close_now(&copy, NULL); /* of a copy */
	(void)os_plug_standard_descriptors();               /* as in main() */
}

static int open_one(struct setup *setup, const char *address)
{
	struct hark_listen_options listen = {
		.backlog = setup->options.backlog, .on_notice = notice};
	struct hark_listener_set *set = &setup->set;
	size_t before = set->count;
	struct hark_error err;

	if (hark_listener_set_add(set, address, &listen, &err) < 0)
		return complain_error(&err);
	report_left_out(set);
	for (size_t i = before; i < set->count; i++)
		setup->names[i] = address;
	return 0;
}

static int open_all(struct setup *setup, const struct words *words)
{
	for (int i = 0; i < words->address_count; i++) {
		int failed = open_one(setup, words->addresses[i]);

		if (failed)
			return failed;
		setup->ports[i] = hark_addr_port(&setup->set.verdict[0].addr);
	}
	setup->address_count = words->address_count;
	free_standard_descriptors();
	return 0;
}

/* For its owner alone, whatever the umask says. */
static int open_control(struct setup *setup)
{
	const struct hark_listen_options listen = {
		.unix_mode = CONTROL_MODE, .on_notice = notice};
	struct hark_error err;

	if (!setup->options.control)
		return 0;
	(void)snprintf(setup->control_name, sizeof(setup->control_name), "unix:%s",
		setup->options.control); /* longer is refused */
	if (hark_listener_set_add(&setup->control, setup->control_name, &listen, &err) <
		0)
		return complain_error(&err);
	return 0;
}

/* One of the listeners would be closed. */
static int check_notify_fd_again(const struct setup *setup)
{
	char word[16];

	(void)snprintf(word, sizeof(word), "%d", setup->options.notify_fd);
	for (size_t i = 0; i < setup->set.count; i++)
		if (setup->set.listener[i].fd == setup->options.notify_fd)
			return bad_usage("cannot use --notify-fd", word,
				"a listening socket has that number");
	return 0;
}

/*
 * The service manager, where there is one: under another root, or as somebody else, there
 * might be no way to it any more; else the server finds it by itself, and again if it was
 * restarted.  The clients need not suffer for what is wrong with it.
 */
static void open_manager(struct setup *setup, const struct privileges *privileges)
{
	struct hark_error err;

	if (!privileges->root && !privileges->user && !privileges->changes_group)
		return;
	setup->manager_fd = hark_notify_open(&err);
	if (setup->manager_fd < 0)
		report_error("going on", &err);
}

static int serve(struct setup *setup, struct plan *plan)
{
	int failed = open_all(setup, plan->words);

	if (!failed)
		failed = open_control(setup);
	if (!failed)
		open_manager(setup, plan->privileges);
	if (!failed)
		failed = check_notify_fd_again(setup);
	tzset(); /* for --daytime: the zones may be outside of the new root */
	if (!failed)
		failed = drop_and_find(plan);
	if (failed)
		return failed;
	if (plan->words->program_count > 0) {
		setup->argv = plan->words->program;
		setup->path = plan->path;
	}
	return server_run(setup);
}

/* The descriptors that addresses name are in this as well: a program gets none of them. */
static void shut_out(void)
{
	os_ignore_log_signals();
	(void)os_free_signals(); /* cannot fail; and if, only Ctrl-C is lost */
	(void)os_close_on_exec(
		STDERR_FILENO + 1); /* what cannot be marked was closed */
}

static enum verbosity verbosity_of(const struct serve_options *options)
{
	return options->quiet     ? TELL_ERRORS
	       : options->verbose ? TELL_CLIENTS
				  : TELL_EVENTS;
}

/* In order, until one of them has failed. */
static int prepare(
	struct setup *setup, struct plan *plan, struct privileges *privileges)
{
	struct serve_options *options = &setup->options;
	int failed = check_words(options, plan->words);

	if (!failed && options->proxy)
		failed = proxy_read(&setup->proxy, options->proxy);
	if (!failed)
		failed = check_notify_fd(options->notify_fd);
	if (!failed)
		failed = privileges_find(privileges, options);
	return failed ? failed : try_out(plan);
}

/* Or because it never got so far. */
static void close_all(struct setup *setup)
{
	struct hark_error err;

	if (hark_listener_set_close_now(&setup->set, &err) < 0)
		report_error("while closing", &err);
	if (hark_listener_set_close_now(&setup->control, &err) < 0)
		report_error("while closing", &err);
	if (setup->manager_fd > 0)
		(void)hark_close(setup->manager_fd, NULL); /* nothing is unsent */
}

int serve_command(int argc, char **argv)
{
	static struct setup setup = {.options = SERVE_OPTIONS_DEFAULT};
	static struct privileges privileges;
	static struct plan plan;
	static struct words words;
	int done = parse(argc, argv, &setup.options, &words);

	if (done >= 0)
		return done;
	report_set(verbosity_of(&setup.options));
	plan.words = &words;
	plan.privileges = &privileges;
	done = prepare(&setup, &plan, &privileges);
	if (done)
		return done;
	shut_out();
	done = serve(&setup, &plan);
	close_all(&setup);
	return done;
}
