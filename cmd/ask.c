/* SPDX-License-Identifier: MIT
 *
 * hark stop, hark restart, hark status: a question to a running server (control.h), its
 * lines on standard output, and what came of it as the exit code.
 */
#include "ask_options.h"
#include "command.h"
#include "os.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ASK_MS = 10000 };

/* What has come, up to a line that is not complete. */
struct answer {
	int fd;
	size_t used;
	char text[4096];
	bool ok, failed;
};

/* --------------------------------------------------------------------------- the server */

static int refuse(const char *path, int code)
{
	char advice[128];
	bool gone = code == -ENOENT || code == -ECONNREFUSED || code == -EAGAIN;

	(void)snprintf(advice, sizeof(advice), "%s (%s)",
		gone ? "no server answers there; is it the path of its --control?"
		: code == -EACCES || code == -EPERM ? "its permissions say who may"
						    : "see connect(2)",
		hark_errno_name(code));
	complain_of("cannot ask at", path, advice);
	return gone ? EXIT_LATER : EXIT_USAGE;
}

/* 0 and answer->fd, or the exit code. */
static int ask(struct answer *answer, const char *path, const char *question)
{
	char name[256];
	struct hark_addr addr;
	struct hark_error err;

	(void)snprintf(name, sizeof(name), "unix:%s", path); /* longer is refused */
	if (hark_addr_parse(&addr, name, &err) < 0)
		return complain_error(&err);
	answer->fd = os_connect(&addr, ASK_MS);
	if (answer->fd < 0)
		return refuse(path, answer->fd);
	if (hark_write(answer->fd, question, strlen(question), ASK_MS, &err) < 0)
		return complain_error(&err);
	return 0;
}

/* ----------------------------------------------------------------------------- its lines */

static void take_line(struct answer *answer, char *line)
{
	static const char failed[] = "failed: ";

	if (!strcmp(line, "ok")) {
		answer->ok = true;
	} else if (!strncmp(line, failed, sizeof(failed) - 1)) {
		answer->failed = true;
		fprintf(stderr, "hark: %s\n", line + sizeof(failed) - 1);
	} else {
		puts(line);
		(void)fflush(stdout); /* a failure stays, and finish_output tells */
	}
}

/* All that are complete; one that is longer than any of ours is cut in two. */
static void take_lines(struct answer *answer)
{
	char *line = answer->text, *end;

	while ((end = memchr(
			line, '\n', answer->used - (size_t)(line - answer->text)))) {
		*end = '\0';
		take_line(answer, line);
		line = end + 1;
	}
	answer->used -= (size_t)(line - answer->text);
	memmove(answer->text, line, answer->used);
	if (answer->used == sizeof(answer->text))
		answer->used = 0;
}

/* Until the end of the stream: as long as the server needs. */
static int hear(struct answer *answer)
{
	struct hark_error err;
	ssize_t got;

	for (;;) {
		got = hark_read(answer->fd, answer->text + answer->used,
			sizeof(answer->text) - answer->used, -1, &err);
		if (got == -ECONNRESET)
			return 0;
		if (got < 0)
			return complain_error(&err);
		if (got == 0)
			return 0;
		answer->used += (size_t)got;
		take_lines(answer);
	}
}

static int outcome(const struct answer *answer, const char *path)
{
	if (answer->failed)
		return EXIT_LATER;
	if (answer->ok)
		return finish_output();
	complain_of("no whole answer at", path, "the server ended, or was too busy");
	return EXIT_LATER;
}

/* ------------------------------------------------------------------------------ commands */

static int parse(const struct option_table *table, int argc, char **argv,
	struct ask_options *options)
{
	int operands = options_parse(table, argc, argv, options);

	if (operands < 0)
		return ~operands;
	if (operands > 0) {
		complain_of("too much is", argv[1], "only options are expected");
		return EXIT_USAGE;
	}
	if (!options->control) {
		complain("which server? '--control PATH' names its control socket");
		return EXIT_USAGE;
	}
	return -1;
}

static int run(
	const struct option_table *table, const char *question, int argc, char **argv)
{
	static struct answer answer;
	struct ask_options options = {0};
	int done = parse(table, argc, argv, &options);

	if (done >= 0)
		return done;
	done = ask(&answer, options.control, options.json ? "status json\n" : question);
	if (done == 0)
		done = hear(&answer);
	if (answer.fd > 0)
		(void)hark_close(answer.fd, NULL); /* all was said */
	return done ? done : outcome(&answer, options.control);
}

int stop_command(int argc, char **argv)
{
	return run(&stop_table, "stop\n", argc, argv);
}

int restart_command(int argc, char **argv)
{
	return run(&restart_table, "restart\n", argc, argv);
}

int status_command(int argc, char **argv)
{
	return run(&status_table, "status\n", argc, argv);
}
