/* SPDX-License-Identifier: MIT
 *
 * A command's options as one table, from which come the parser, --help, the manual's list
 * and the completions of three shells (tools/gen_options.c).
 */
#ifndef HARK_COMMAND_OPTIONS_H
#define HARK_COMMAND_OPTIONS_H

#include <stddef.h>

enum option_kind {
	OPTION_HEADING, /* no option: what the rows below are about */
	OPTION_FLAG,    /* sets a bool */
	OPTION_CHOICE, /* sets an int to .least; a second choice of the same int is refused */
	OPTION_NUMBER, /* an int from .least to .most */
	OPTION_TEXT,   /* a const char * */
	OPTION_LIST,   /* a struct option_list: may be given several times */
	OPTION_HELP
};

enum { OPTION_LIST_MAX = 64 };

struct option_list {
	int count;
	const char *text[OPTION_LIST_MAX];
};

struct option_row {
	enum option_kind kind;
	char letter;          /* '\0': none */
	const char *name;     /* long, without its dashes; of a heading: its text */
	const char *argument; /* what stands for the value, "N"; NULL: it takes none */
	size_t offset;        /* where in the result it goes */
	int least, most;
	const char *help;   /* a sentence without capital and full stop, for --help */
	const char *manual; /* mdoc(7); NULL: the help will do */
};

struct option_table {
	const char *command;           /* "serve" */
	const char *summary;           /* what it does, in one line */
	const char *const *usage;      /* lines, ends with NULL */
	const char *const *after;      /* lines below the options, ends with NULL */
	const struct option_row *rows; /* ends with a row whose name is NULL */
	const char *values; /* the words of operands that a shell may complete */
};

/*
 * Reads the words behind argv[0] into *result, which starts as the defaults; those that are
 * no options are moved to argv[1] and on.  Returns how many, or, when there is nothing more
 * to do, the exit code as ~code (negative).
 */
int options_parse(
	const struct option_table *table, int argc, char **argv, void *result);

/* On standard output. */
void options_print_help(const struct option_table *table);

/* The name of the table's option that is nearest to a word, or NULL when none is near. */
const char *options_nearest(const struct option_table *table, const char *word);

/* How many letters must be changed, added, left out or swapped to make a of b. */
size_t options_distance(const char *a, const char *b);

#endif
