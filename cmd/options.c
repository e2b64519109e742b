/* SPDX-License-Identifier: MIT
 *
 * Options by a table; see options.h.  getopt_long(3) takes the words apart; what it calls
 * '?' is looked at here, so that a complaint quotes the word and tells the nearest option.
 */
#include "options.h"

#include "command.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 64, LONGEST_WORD = 48, HELP_COLUMN = 26, HELP_WIDTH = 78 };

/* getopt_long(3) returns this plus the number of the row, or says that it is no option. */
enum { ROW = 256, OPERAND = 1 };

static size_t count_rows(const struct option_row *rows)
{
	size_t count = 0;

	while (rows[count].name)
		count++;
	return count;
}

/* ---------------------------------------------------------------------- nearest word */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Three rows of the table of distances are enough, swaps of neighbours included. */
size_t options_distance(const char *a, const char *b)
{
	size_t rows[3][LONGEST_WORD + 1], length = strlen(b);
	size_t *before = rows[0], *above = rows[1], *row = rows[2], *free_row;

	if (length > LONGEST_WORD || strlen(a) > LONGEST_WORD)
		return SIZE_MAX;
	for (size_t j = 0; j <= length; j++)
		before[j] = above[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		row[0] = i;
		for (size_t j = 1; j <= length; j++) {
			row[j] = least(above[j], row[j - 1]) + 1;
			row[j] = least(row[j], above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
				a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		free_row = before;
		before = above;
		above = row;
		row = free_row;
	}
	return above[length];
}

const char *options_nearest(const struct option_table *table, const char *word)
{
	const char *nearest = NULL;
	size_t distance, shortest = 3; /* beyond that it is another word */

	for (const struct option_row *row = table->rows; row->name; row++) {
		if (row->kind == OPTION_HEADING)
			continue;
		distance = options_distance(word, row->name);
		if (distance >= shortest || distance >= strlen(row->name))
			continue;
		shortest = distance;
		nearest = row->name;
	}
	return nearest;
}

/* ------------------------------------------------------------------------- complaints */

static int refuse(const struct option_table *table, const char *what, const char *word)
{
	char advice[128];

	(void)snprintf(advice, sizeof(advice), "try 'hark %s --help'", table->command);
	complain_of(what, word, advice);
	return ~EXIT_USAGE;
}

/* "--ehco=x" without what is not its name. */
static void bare_name(const char *word, char name[LONGEST_WORD + 1])
{
	size_t length;

	word += strspn(word, "-");
	length = least(strcspn(word, "="), LONGEST_WORD);
	memcpy(name, word, length);
	name[length] = '\0';
}

/* An option may be cut short, but not so that it means several. */
static int count_beginning(const struct option_row *rows, const char *name)
{
	int count = 0;

	for (; rows->name; rows++)
		count += rows->kind != OPTION_HEADING &&
			 !strncmp(rows->name, name, strlen(name));
	return count;
}

static int refuse_unknown(const struct option_table *table, const char *word)
{
	char name[LONGEST_WORD + 1], advice[160];
	const char *nearest;

	bare_name(word, name);
	if (count_beginning(table->rows, name) > 1)
		return refuse(table, "ambiguous option", word);
	nearest = options_nearest(table, name);
	if (!nearest)
		return refuse(table, "unknown option", word);
	(void)snprintf(advice, sizeof(advice),
		"did you mean '--%s'? try 'hark %s --help'", nearest, table->command);
	complain_of("unknown option", word, advice);
	return ~EXIT_USAGE;
}

static int refuse_number(const struct option_row *row, const char *text)
{
	char what[64], advice[80];

	(void)snprintf(what, sizeof(what), "cannot use the value of --%s,", row->name);
	(void)snprintf(advice, sizeof(advice), "it takes a number from %d to %d",
		row->least, row->most);
	complain_of(what, text, advice);
	return ~EXIT_USAGE;
}

static int refuse_second(
	const struct option_table *table, const struct option_row *row, int chosen)
{
	const struct option_row *first = table->rows;
	char word[LONGEST_WORD + 3], advice[80];

	while (first->kind != OPTION_CHOICE || first->offset != row->offset ||
		first->least != chosen)
		first++;
	(void)snprintf(word, sizeof(word), "--%s", row->name);
	(void)snprintf(advice, sizeof(advice), "--%s was chosen already", first->name);
	complain_of("cannot add the option", word, advice);
	return ~EXIT_USAGE;
}

static int refuse_more(const struct option_row *row, const char *text)
{
	char what[64], advice[48];

	(void)snprintf(what, sizeof(what), "too many times --%s, at", row->name);
	(void)snprintf(advice, sizeof(advice), "%d are the most", OPTION_LIST_MAX);
	complain_of(what, text, advice);
	return ~EXIT_USAGE;
}

/*
 * What getopt_long(3) stumbled on: the letter or row is in optopt where it is known, the
 * word before optind else (or at optind, within a bundle of letters).
 */
static int refuse_word(const struct option_table *table, char **argv, int found)
{
	const char *word = argv[optind - 1];
	char letter[3] = {'-', (char)optopt, '\0'};

	if (found == ':' && optopt >= ROW) {
		char name[LONGEST_WORD + 3];

		(void)snprintf(
			name, sizeof(name), "--%s", table->rows[optopt - ROW].name);
		return refuse(table, "an argument is missing for option", name);
	}
	if (found == ':')
		return refuse(table, "an argument is missing for option", letter);
	if (optopt >= ROW)
		return refuse(table, "no argument goes with option", word);
	if (optopt)
		return refuse(table, "unknown option", letter);
	return refuse_unknown(table, word);
}

/* ----------------------------------------------------------------------------- values */

/* Decimal digits only, as everywhere. */
static bool read_number(const char *text, int least_value, int most, int *value)
{
	size_t digits = strspn(text, "0123456789");
	long long number;

	if (digits == 0 || digits > 10 || text[digits])
		return false;
	number = atoll(text);
	if (number < least_value || number > most)
		return false;
	*value = (int)number;
	return true;
}

static void *field(void *result, const struct option_row *row)
{
	return (char *)result + row->offset;
}

static int take_choice(
	const struct option_table *table, const struct option_row *row, int *chosen)
{
	if (*chosen && *chosen != row->least)
		return refuse_second(table, row, *chosen);
	*chosen = row->least;
	return 0;
}

static int take_item(const struct option_row *row, struct option_list *list)
{
	if (list->count == OPTION_LIST_MAX)
		return refuse_more(row, optarg);
	list->text[list->count++] = optarg;
	return 0;
}

static int take(
	const struct option_table *table, const struct option_row *row, void *result)
{
	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)field(result, row) = true;
		return 0;
	case OPTION_CHOICE:
		return take_choice(table, row, field(result, row));
	case OPTION_NUMBER:
		return read_number(optarg, row->least, row->most, field(result, row))
			       ? 0
			       : refuse_number(row, optarg);
	case OPTION_TEXT:
		*(const char **)field(result, row) = optarg;
		return 0;
	case OPTION_LIST:
		return take_item(row, field(result, row));
	case OPTION_HELP:
		options_print_help(table);
		return ~finish_output();
	case OPTION_HEADING:
		break;
	}
	return 0;
}

/* ------------------------------------------------------------------------------ parse */

/* The letters and the names as getopt_long(3) wants them. */
struct getopt_form {
	char letters[3 + 2 * ROWS_MAX];
	struct option names[ROWS_MAX + 1];
};

static void to_getopt(const struct option_row *rows, struct getopt_form *form)
{
	size_t letter = 0, name = 0;

	form->letters[letter++] = '-'; /* operands in their place, whatever */
	form->letters[letter++] =
		':'; /* POSIXLY_CORRECT; a missing argument told apart */
	for (size_t i = 0; rows[i].name; i++) {
		int argument = rows[i].argument ? required_argument : no_argument;

		if (rows[i].kind == OPTION_HEADING)
			continue;
		form->names[name++] =
			(struct option){rows[i].name, argument, NULL, ROW + (int)i};
		if (!rows[i].letter)
			continue;
		form->letters[letter++] = rows[i].letter;
		if (rows[i].argument)
			form->letters[letter++] = ':';
	}
	form->letters[letter] = '\0';
	form->names[name] = (struct option){NULL, 0, NULL, 0};
}

static const struct option_row *find(const struct option_row *rows, int found)
{
	if (found >= ROW)
		return &rows[found - ROW];
	while (rows->letter != found)
		rows++;
	return rows;
}

int options_parse(const struct option_table *table, int argc, char **argv, void *result)
{
	struct getopt_form form;
	int found, taken, operands = 0;

	if (count_rows(table->rows) > ROWS_MAX)
		abort(); /* a table that no test has seen */
	to_getopt(table->rows, &form);
	opterr = 0;
	optind = 0; /* from the start, whoever parsed before */
	while ((found = getopt_long(argc, argv, form.letters, form.names, NULL)) !=
		-1) {
		if (found == '?' || found == ':')
			return refuse_word(table, argv, found);
		if (found == OPERAND) {
			argv[++operands] =
				optarg; /* in the place of a word that was read */
			continue;
		}
		taken = take(table, find(table->rows, found), result);
		if (taken < 0)
			return taken;
	}
	return operands;
}

/* ------------------------------------------------------------------------------- help */

/* Words of a text from the help column on, at most so wide. */
static void print_wrapped(const char *text)
{
	size_t column = HELP_COLUMN, length;

	while (*text) {
		length = strcspn(text, " ");
		if (column > HELP_COLUMN && column + 1 + length > HELP_WIDTH) {
			printf("\n%*s", HELP_COLUMN, "");
			column = HELP_COLUMN;
		}
		if (column > HELP_COLUMN)
			column += (size_t)printf(" ");
		column += (size_t)printf("%.*s", (int)length, text);
		text += length;
		text += strspn(text, " ");
	}
	printf("\n");
}

static void print_row(const struct option_row *row)
{
	char left[80], letter[8] = "    ";

	if (row->letter)
		(void)snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	(void)snprintf(left, sizeof(left), "  %s--%s%s%s", letter, row->name,
		row->argument ? " " : "", row->argument ? row->argument : "");
	if (strlen(left) + 2 > HELP_COLUMN)
		printf("%s\n%*s", left, HELP_COLUMN, "");
	else
		printf("%-*s", HELP_COLUMN, left);
	print_wrapped(row->help);
}

static void print_lines(const char *const *lines)
{
	for (; *lines; lines++)
		printf("%s\n", *lines);
}

void options_print_help(const struct option_table *table)
{
	print_lines(table->usage);
	for (const struct option_row *row = table->rows; row->name; row++) {
		if (row->kind == OPTION_HEADING)
			printf("\n%s\n", row->name);
		else
			print_row(row);
	}
	printf("\n");
	print_lines(table->after);
}
