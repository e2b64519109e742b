/* SPDX-License-Identifier: MIT
 *
 * Prints from the command's tables of options what else must agree with them: the lists in
 * the manual, and completions for three shells.
 *
 *	gen_options man serve man/hark-serve.1.in > hark-serve.1
 *	gen_options bash | zsh | fish
 *
 * In a page, the line `.\" OPTIONS` is where the list goes.  Runs on the machine that
 * builds.  What the value of an option may be is told by its name in the table: USER,
 * GROUP, DIRECTORY, FILE, PATH, or words with bars between them.
 */
#include "../cmd/commands.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *what, const char *word)
{
	fprintf(stderr, "gen_options: %s '%s'\n", what, word);
	exit(1);
}

static int is_option(const struct option_row *row)
{
	return row->kind != OPTION_HEADING;
}

static int takes(const struct option_row *row, const char *argument)
{
	return row->argument && !strncmp(row->argument, argument, strlen(argument));
}

static int takes_a_path(const struct option_row *row)
{
	return takes(row, "FILE") || takes(row, "PATH");
}

/* "wait|refuse" */
static int takes_a_word(const struct option_row *row)
{
	return row->argument && strchr(row->argument, '|');
}

static void print_words(const struct option_row *row)
{
	for (const char *at = row->argument; *at; at++)
		putchar(*at == '|' ? ' ' : *at);
}

/* ------------------------------------------------------------------------- the manual */

/* A sentence; a period or quote at the beginning of a line would be a request to mdoc. */
static void print_sentence(const char *text)
{
	if (*text == '.' || *text == '\'')
		printf("\\&");
	printf("%c%s.\n", toupper((unsigned char)*text), text + 1);
}

static void print_item(const struct option_row *row)
{
	printf(".It ");
	if (row->letter)
		printf("Fl %c , ", row->letter);
	printf("Fl -%s", row->name);
	if (row->argument)
		printf(" Ar %s", row->argument);
	printf("\n");
	if (row->manual)
		printf("%s\n", row->manual);
	else
		print_sentence(row->help);
}

static void print_list(const struct option_table *table)
{
	int open = 0;

	for (const struct option_row *row = table->rows; row->name; row++) {
		if (!is_option(row)) {
			printf("%s.Ss %s\n.Bl -tag -width Ds\n", open ? ".El\n" : "",
				row->name);
			open = 1;
		} else {
			print_item(row);
		}
	}
	if (open)
		printf(".El\n");
}

static const struct option_table *table_of(const char *command)
{
	for (size_t i = 0; command_tables[i]; i++)
		if (!strcmp(command_tables[i]->command, command))
			return command_tables[i];
	die("no such command:", command);
	return NULL;
}

static void print_page(const char *command, const char *path)
{
	const struct option_table *table = table_of(command);
	FILE *page = fopen(path, "r");
	char line[1024];
	int found = 0;

	if (!page)
		die("cannot read", path);
	while (fgets(line, sizeof(line), page)) {
		if (strcmp(line, ".\\\" OPTIONS\n") != 0) {
			fputs(line, stdout);
			continue;
		}
		print_list(table);
		found++;
	}
	fclose(page);
	if (found != 1)
		die("not one place for the options in", path);
}

/* ------------------------------------------------------------------------------- bash */

static void print_flags(const struct option_table *table, int with_argument)
{
	for (const struct option_row *row = table->rows; row->name; row++) {
		if (!is_option(row) || (with_argument && !row->argument))
			continue;
		if (row->letter)
			printf("-%c ", row->letter);
		printf("--%s ", row->name);
	}
}

static int has_any(const struct option_table *table, const char *argument)
{
	for (const struct option_row *row = table->rows; row->name; row++)
		if (is_option(row) && takes(row, argument))
			return 1;
	return 0;
}

/* A pattern of bash's for the options that take such a value. */
static void print_case(
	const struct option_table *table, const char *argument, const char *completes)
{
	const char *between = "";

	if (!has_any(table, argument))
		return;
	printf("\t\t");
	for (const struct option_row *row = table->rows; row->name; row++) {
		if (!is_option(row) || !takes(row, argument))
			continue;
		if (row->letter)
			printf("%s-%c", between, row->letter), between = " | ";
		printf("%s--%s", between, row->name);
		between = " | ";
	}
	printf(") COMPREPLY=($(compgen %s -- \"$cur\")); return ;;\n", completes);
}

static void print_word_cases(const struct option_table *table)
{
	for (const struct option_row *row = table->rows; row->name; row++) {
		if (!is_option(row) || !takes_a_word(row))
			continue;
		printf("\t\t--%s) COMPREPLY=($(compgen -W '", row->name);
		print_words(row);
		printf("' -- \"$cur\")); return ;;\n");
	}
}

static void print_no_completion(const struct option_table *table)
{
	const char *between = "";

	printf("\t\t");
	for (const struct option_row *row = table->rows; row->name; row++) {
		if (!is_option(row) || !row->argument)
			continue;
		if (row->letter)
			printf("%s-%c", between, row->letter), between = " | ";
		printf("%s--%s", between, row->name);
		between = " | ";
	}
	printf(") return ;;\n");
}

static void print_bash_command(const struct option_table *table)
{
	printf("_hark_%s()\n{\n\tlocal cur=$1 prev=$2\n\tcase $prev in\n",
		table->command);
	print_case(table, "USER", "-u");
	print_case(table, "GROUP", "-g");
	print_case(table, "DIRECTORY", "-d");
	print_case(table, "FILE", "-f");
	print_case(table, "PATH", "-f");
	print_word_cases(table);
	print_no_completion(table);
	printf("\tesac\n\tcase $cur in\n\t-*) COMPREPLY=($(compgen -W '");
	print_flags(table, 0);
	printf("%s' -- \"$cur\")) ;;\n\t*) COMPREPLY=($(compgen -W '%s' -- \"$cur\")) "
	       ";;\n"
	       "\tesac\n}\n\n",
		*table->values ? "--" : "", table->values); /* then a program */
}

static void print_bash(void)
{
	printf("# Completion of hark for bash. Generated; do not edit.\n"
	       "# shellcheck shell=bash disable=SC2207,SC2221,SC2222\n\n");
	for (size_t i = 0; command_tables[i]; i++)
		print_bash_command(command_tables[i]);
	printf("_hark()\n{\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev= word i\n"
	       "\t[ \"$COMP_CWORD\" -eq 0 ] || prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	       "\tCOMPREPLY=()\n"
	       "\t# behind the separator: a program and its arguments\n"
	       "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	       "\t\tword=${COMP_WORDS[i]}\n"
	       "\t\t[ \"$word\" = -- ] || continue\n"
	       "\t\tif [ $((i + 1)) -eq \"$COMP_CWORD\" ]; then\n"
	       "\t\t\tCOMPREPLY=($(compgen -c -- \"$cur\"))\n"
	       "\t\telse\n"
	       "\t\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
	       "\t\tfi\n"
	       "\t\treturn\n"
	       "\tdone\n"
	       "\tif [ \"$COMP_CWORD\" -le 1 ]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W '");
	for (size_t i = 0; command_tables[i]; i++)
		printf("%s ", command_tables[i]->command);
	printf("--help --version' -- \"$cur\"))\n\t\treturn\n\tfi\n\tcase "
	       "${COMP_WORDS[1]} in\n");
	for (size_t i = 0; command_tables[i]; i++)
		printf("\t%s) _hark_%s \"$cur\" \"$prev\" ;;\n",
			command_tables[i]->command, command_tables[i]->command);
	printf("\t*) _hark_serve \"$cur\" \"$prev\" ;;\n\tesac\n}\n\ncomplete -F _hark "
	       "hark\n");
}

/* -------------------------------------------------------------------------------- zsh */

/* Within single quotes and brackets. */
static void print_zsh_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			printf("'\\''");
		else if (*text == '[' || *text == ']' || *text == ':')
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

static const char *zsh_action(const struct option_row *row)
{
	return takes(row, "USER")        ? "_users"
	       : takes(row, "GROUP")     ? "_groups"
	       : takes(row, "DIRECTORY") ? "_directories"
	       : takes_a_path(row)       ? "_files"
					 : "";
}

static void print_zsh_action(const struct option_row *row)
{
	if (!takes_a_word(row)) {
		printf("%s", zsh_action(row));
		return;
	}
	putchar('(');
	print_words(row);
	putchar(')');
}

static void print_zsh_row(const struct option_row *row)
{
	const char *many = row->kind == OPTION_LIST ? "*" : "";

	printf("\t\t");
	if (row->letter && row->kind == OPTION_LIST)
		printf("'*'{-%c,--%s}'[", row->letter, row->name);
	else if (row->letter)
		printf("'(-%c --%s)'{-%c,--%s}'[", row->letter, row->name, row->letter,
			row->name);
	else
		printf("'%s--%s[", many, row->name);
	print_zsh_text(row->help);
	printf("]");
	if (row->argument) {
		printf(":");
		print_zsh_text(row->argument);
		printf(":");
		print_zsh_action(row);
	}
	printf("' \\\n");
}

static void print_zsh(void)
{
	printf("#compdef hark\n# Completion of hark for zsh. Generated; do not "
	       "edit.\n\n");
	for (size_t i = 0; command_tables[i]; i++) {
		const struct option_table *table = command_tables[i];

		printf("_hark_%s()\n{\n\t_arguments -s \\\n", table->command);
		for (const struct option_row *row = table->rows; row->name; row++)
			if (is_option(row))
				print_zsh_row(row);
		printf("\t\t'*:%s:(%s)'\n}\n\n", *table->values ? "address" : "nothing",
			table->values);
	}
	printf("_hark()\n{\n"
	       "\tlocal i\n"
	       "\t# behind the separator: a program and its arguments\n"
	       "\tfor ((i = 2; i < CURRENT; i++)); do\n"
	       "\t\tif [[ ${words[i]} == -- ]]; then\n"
	       "\t\t\tshift $i words\n"
	       "\t\t\t((CURRENT -= i))\n"
	       "\t\t\t_normal\n"
	       "\t\t\treturn\n"
	       "\t\tfi\n"
	       "\tdone\n"
	       "\tif ((CURRENT == 2)); then\n"
	       "\t\tlocal -a commands=(\n");
	for (size_t i = 0; command_tables[i]; i++) {
		printf("\t\t\t'%s:", command_tables[i]->command);
		print_zsh_text(command_tables[i]->summary);
		printf("'\n");
	}
	printf("\t\t)\n\t\t_describe command commands\n\t\treturn\n\tfi\n"
	       "\tcase ${words[2]} in\n");
	for (size_t i = 0; command_tables[i]; i++)
		printf("\t%s) shift words; ((CURRENT--)); _hark_%s ;;\n",
			command_tables[i]->command, command_tables[i]->command);
	printf("\t*) _hark_serve ;;\n\tesac\n}\n\n_hark \"$@\"\n");
}

/* ------------------------------------------------------------------------------- fish */

static void print_fish_text(const char *text)
{
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('\'');
}

static void print_fish_row(
	const struct option_table *table, const struct option_row *row)
{
	printf("complete -c hark -n '__hark_in %s' -l %s", table->command, row->name);
	if (row->letter)
		printf(" -s %c", row->letter);
	if (takes(row, "DIRECTORY"))
		printf(" -x -a '(__fish_complete_directories)'");
	else if (takes(row, "USER"))
		printf(" -x -a '(__fish_complete_users)'");
	else if (takes(row, "GROUP"))
		printf(" -x -a '(__fish_complete_groups)'");
	else if (takes_a_path(row))
		printf(" -r -F");
	else if (takes_a_word(row))
		printf(" -x -a '"), print_words(row), printf("'");
	else if (row->argument)
		printf(" -x");
	printf(" -d ");
	print_fish_text(row->help);
	printf("\n");
}

static void print_fish(void)
{
	printf("# Completion of hark for fish. Generated; do not edit.\n\n"
	       "# behind the separator: a program and its arguments\n"
	       "function __hark_program\n"
	       "\tcontains -- -- (commandline -opc)\n"
	       "end\n\n"
	       "function __hark_in\n"
	       "\tnot __hark_program; and __fish_seen_subcommand_from $argv\n"
	       "end\n\n"
	       "function __hark_first\n"
	       "\ttest (count (commandline -opc)) = 1\n"
	       "end\n\n"
	       "complete -c hark -f\n"
	       "complete -c hark -n __hark_program -F "
	       "-a '(__fish_complete_command)'\n"
	       "complete -c hark -n __hark_first -l help -s h -d 'what there is'\n"
	       "complete -c hark -n __hark_first -l version -s V -d 'the version'\n");
	for (size_t i = 0; command_tables[i]; i++) {
		const struct option_table *table = command_tables[i];

		printf("complete -c hark -n __hark_first -a %s -d ", table->command);
		print_fish_text(table->summary);
		printf("\n");
		if (*table->values)
			printf("complete -c hark -n '__hark_in %s' -a '%s'\n",
				table->command, table->values);
		for (const struct option_row *row = table->rows; row->name; row++)
			if (is_option(row))
				print_fish_row(table, row);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "man") && argc == 4)
		print_page(argv[2], argv[3]);
	else if (!strcmp(what, "bash"))
		print_bash();
	else if (!strcmp(what, "zsh"))
		print_zsh();
	else if (!strcmp(what, "fish"))
		print_fish();
	else
		die("usage: gen_options man COMMAND PAGE | bash | zsh | fish, not",
			what);
	return fflush(stdout) == 0 ? 0 : 1;
}
