/* SPDX-License-Identifier: MIT
 *
 * hark: the command.  Finds the subcommand and hands over; each has a file of its own.
 */
#include "command.h"
#include "commands.h"
#include "os.h"
#include "upgrade.h"

#include <hark.h>
#include <stdio.h>
#include <string.h>

#ifdef HARK_FAULTS /* a function among others, for tests */
#define main hark_main
int hark_main(int argc, char **argv);
#endif

enum { NAME_COLUMN = 8 };

static const struct {
	const struct option_table *table;
	int (*run)(int argc, char **argv);
} runs[] = {
	{&serve_table, serve_command},
	{&status_table, status_command},
	{&restart_table, restart_command},
	{&stop_table, stop_command},
};

static void print_help(void)
{
	printf("usage: hark COMMAND [ARGUMENT...]\n"
	       "       hark [OPTION...] ADDRESS... -- PROGRAM [ARGUMENT...]\n\n");
	for (size_t i = 0; command_tables[i]; i++)
		printf("  hark %-*s %s\n", NAME_COLUMN, command_tables[i]->command,
			command_tables[i]->summary);
	printf("\n"
	       "  hark COMMAND --help   what a command takes\n"
	       "  hark --version\n\n"
	       "Manual: hark(1), hark(7), hark_errors(7)\n");
}

static bool is(const char *word, const char *either, const char *other)
{
	return !strcmp(word, either) || !strcmp(word, other);
}

/* "hark 4481 -- cat" and "hark -v 4481 --echo" are "hark serve ...". */
static bool means_serve(int argc, char **argv)
{
	struct hark_endpoint endpoint;

	if (argc > 1 && (argv[1][0] == '-' ||
				hark_endpoint_parse(&endpoint, argv[1], NULL) == 0))
		return true;
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--"))
			return true;
	return false;
}

/* What a word that is no address was probably meant to be. */
static const char *nearest_command(const char *word)
{
	struct hark_endpoint endpoint;

	if (*word == '\0' || *word == '-' ||
		hark_endpoint_parse(&endpoint, word, NULL) == 0)
		return NULL;
	for (size_t i = 0; command_tables[i]; i++)
		if (options_distance(word, command_tables[i]->command) < 3)
			return command_tables[i]->command;
	return NULL;
}

static int refuse_near(const char *word, const char *nearest)
{
	char advice[64];

	(void)snprintf(advice, sizeof(advice), "did you mean '%s'? try 'hark --help'",
		nearest);
	complain_of("unknown command", word, advice);
	return EXIT_USAGE;
}

static int refuse(const char *word)
{
	if (*word == '\0')
		complain("no command given; try 'hark --help'");
	else
		complain_of("unknown command", word, "try 'hark --help'");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static char line[4096]; /* musl buffers nothing without it */
	const char *word = argc > 1 ? argv[1] : "";

	(void)os_plug_standard_descriptors(); /* out of descriptors: told by who needs one */
	(void)setvbuf(stderr, line, _IOLBF, sizeof(line)); /* a line is one write */
	(void)setvbuf(stdout, NULL, _IOFBF, BUFSIZ); /* and fails in finish_output */
	if (!upgrade_remember_words(argv)) {
		complain("out of memory");
		return EXIT_LATER;
	}
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
		if (!strcmp(word, runs[i].table->command))
			return runs[i].run(argc - 1, argv + 1);
	if (is(word, "--help", "-h")) {
		print_help();
		return finish_output();
	}
	if (is(word, "--version", "-V")) {
		printf("hark %s\n", hark_version());
		return finish_output();
	}
	if (nearest_command(word))
		return refuse_near(word, nearest_command(word));
	if (means_serve(argc, argv))
		return serve_command(argc, argv);
	return refuse(word);
}
