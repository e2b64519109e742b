/* SPDX-License-Identifier: MIT
 *
 * Prints hark_errors(7) in mdoc(7) from the table of hints, so that the page and the lines
 * that programs print cannot differ:
 *
 *	cc -std=c17 -D_GNU_SOURCE -Iinclude -Isrc -o gen_errors tools/gen_errors.c \
 *		src/base/errname.c src/base/hints.c src/base/hints_*.c
 *	./gen_errors > hark_errors.7
 *
 * Runs on the machine that builds.  Exits 1 when the table has what it cannot name.
 */
#include "base/errname.h"
#include "base/hints.h"

#include <hark.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 78 };

/* -------------------------------------------------------------------------- the names */

static const struct {
	const char *heading;
	const char *says; /* how its lines begin */
} steps[HARK_STEP_COUNT] = {
	[HARK_STEP_PARSE] = {"Reading the text of an address", "cannot read address"},
	[HARK_STEP_RESOLVE] = {"Resolving names", "cannot resolve"},
	[HARK_STEP_SOCKET] = {"Create", "cannot create a socket"},
	[HARK_STEP_OPTION] = {"Options", "cannot set option"},
	[HARK_STEP_BIND] = {"Bind", "cannot bind"},
	[HARK_STEP_LISTEN] = {"Listen", "cannot listen"},
	[HARK_STEP_ADOPT] = {"Adopting a socket", "cannot adopt"},
	[HARK_STEP_ACCEPT] = {"Accept", "cannot accept"},
	[HARK_STEP_WAIT] = {"Waiting for readiness", "cannot wait"},
	[HARK_STEP_READ] = {"Read", "cannot read"},
	[HARK_STEP_WRITE] = {"Write", "cannot write"},
	[HARK_STEP_SHUTDOWN] = {"Shutdown", "cannot shut down"},
	[HARK_STEP_CLOSE] = {"Close", "cannot close"},
	[HARK_STEP_INSPECT] = {"Asking a socket about itself", "cannot inspect"},
	[HARK_STEP_LIMIT] = {"Descriptor limits", "cannot read or raise"},
	[HARK_STEP_SIGNAL] = {"Signals", "cannot take the signals"},
	[HARK_STEP_ENVIRONMENT] = {"Environment and activation", "cannot use"},
	[HARK_STEP_RULES] = {"Rules of who may come in", "cannot read the rules"},
	[HARK_STEP_SERVE] = {"The server", "cannot serve"},
	[HARK_STEP_CONNECT] = {"Connecting onward", "cannot connect"},
	[HARK_STEP_SPAWN] = {"Programs", "cannot start the program"},
	[HARK_STEP_QUIESCE] = {"Quiesce", "cannot quiesce"},
	[HARK_STEP_UPGRADE] = {"Upgrade", "cannot hand over to"},
};

#define CAUSE(name) [HARK_CAUSE_##name] = "HARK_CAUSE_" #name

static const char *const causes[HARK_CAUSE_COUNT] = {
	CAUSE(EMPTY),
	CAUSE(TOO_LONG),
	CAUSE(CONTROL_BYTE),
	CAUSE(NO_PORT),
	CAUSE(PORT_NOT_DECIMAL),
	CAUSE(PORT_RANGE),
	CAUSE(NOT_DOTTED_QUAD),
	CAUSE(BAD_IPV6),
	CAUSE(NEEDS_BRACKETS),
	CAUSE(BAD_SCOPE),
	CAUSE(BAD_HOST),
	CAUSE(BAD_DESCRIPTOR),
	CAUSE(BAD_PREFIX),
	CAUSE(HOST_BITS),
	CAUSE(NOT_ONE_ADDRESS),
	CAUSE(NOT_TCP),
	CAUSE(NOT_UNIX),
	CAUSE(TOO_MANY),
	CAUSE(MULTICAST),
	CAUSE(BROADCAST),
	CAUSE(LIVE_SERVER),
	CAUSE(NOT_A_SOCKET),
	CAUSE(PATH_LOCKED),
	CAUSE(NOT_BOUND),
	CAUSE(NEGATIVE),
	CAUSE(PORT_TAKEN),
	CAUSE(NO_COMMON_PORT),
	CAUSE(ALL_FAILED),
	CAUSE(FAMILY_OFF),
	CAUSE(NOT_OURS),
	CAUSE(SHUT_DOWN),
	CAUSE(NOT_STREAM),
	CAUSE(NOT_LISTENING),
	CAUSE(BAD_VALUE),
	CAUSE(RESERVED),
	CAUSE(UNSUPPORTED),
	CAUSE(SIGNALS_TAKEN),
	CAUSE(BAD_VARIABLE),
	CAUSE(NOT_ACTIVATED),
	CAUSE(NO_SUCH_NAME),
	CAUSE(PEER_SILENT),
	CAUSE(HOOK),
	CAUSE(NOT_TO_US),
	CAUSE(OVERLAP),
	CAUSE(BAD_RULE),
	CAUSE(BEHIND_RULE),
	CAUSE(RULE_TWICE),
	CAUSE(LINE_TOO_LONG),
	CAUSE(FILE_TOO_LONG),
	CAUSE(NOT_A_FILE),
	CAUSE(NO_MODEL),
	CAUSE(MISFIT),
	CAUSE(RUNS_ALREADY),
	CAUSE(NO_LISTENER),
	CAUSE(NO_DEVICE),
	CAUSE(FILTERED),
	CAUSE(NOT_ONE_SOCKET),
	CAUSE(CUT),
	CAUSE(WORKERS_DIED),
	CAUSE(DEFERS_ACCEPT),
	CAUSE(NOT_IN_GROUP),
	CAUSE(OTHER_MEMBERS),
	CAUSE(FOR_GOOD),
	CAUSE(UPGRADES),
	CAUSE(STOPS),
	CAUSE(GENERATIONS),
	CAUSE(ENDED_EARLY),
	CAUSE(NOT_READY),
	CAUSE(NO_MIGRATION),
	CAUSE(NO_GATE),
	CAUSE(NOT_MADE),
	CAUSE(HAS_DEVICE),
};

static const char *const conditions[HARK__WHEN_COUNT] = {
	[HARK__WHEN_LIMIT] = "limit known",
	[HARK__WHEN_IP] = "IP address",
	[HARK__WHEN_IPV6] = "IPv6 address",
	[HARK__WHEN_UNIX] = "Unix address",
	[HARK__WHEN_ABSTRACT] = "abstract Unix address",
	[HARK__WHEN_PORT_ZERO] = "port 0",
	[HARK__WHEN_PORT_LOW] = "port below the limit",
	[HARK__WHEN_PORT_HIGH] = "port not below the limit",
	[HARK__WHEN_NO_SCOPE] = "link-local without interface",
	[HARK__WHEN_MAPPED] = "IPv4 in the form of IPv6",
	[HARK__WHEN_SUBJECT] = "text given",
	[HARK__WHEN_UNIX_TEXT] = "unix:",
	[HARK__WHEN_ACTIVATION_TEXT] = "activation:",
};

/* Every enumerator has its name here: a new one must not come out as "(null)". */
static bool names_are_complete(void)
{
	for (int i = 1; i < HARK_STEP_COUNT; i++)
		if (!steps[i].heading)
			return false;
	for (int i = 1; i < HARK_CAUSE_COUNT; i++)
		if (!causes[i])
			return false;
	for (int i = 1; i < HARK__WHEN_COUNT; i++)
		if (!conditions[i])
			return false;
	return true;
}

/* --------------------------------------------------------------------------- the text */

/* {fact} in italics, `command` in bold, which may span words; NULL: the byte as it is. */
static const char *escape(char byte, bool *bold)
{
	switch (byte) {
	case '`':
		*bold = !*bold;
		return *bold ? "\\fB" : "\\fR";
	case '{':
		return "\\fI";
	case '}':
		return *bold ? "\\fB" : "\\fR";
	case '\\':
		return "\\e";
	case '\'':
		return "\\(aq";
	case '-':
		return "\\-";
	default:
		return NULL;
	}
}

/* With its escapes. */
static size_t width_of(const char *word, size_t length, bool bold)
{
	size_t width = 0;

	for (size_t i = 0; i < length; i++) {
		const char *escaped = escape(word[i], &bold);

		width += escaped ? strlen(escaped) : 1;
	}
	return width;
}

static void print_word(const char *word, size_t length, bool *bold)
{
	if (*word == '.')
		fputs("\\&", stdout);
	for (size_t i = 0; i < length; i++) {
		const char *escaped = escape(word[i], bold);

		if (escaped)
			fputs(escaped, stdout);
		else
			putchar(word[i]);
	}
}

/* Fills lines; mdoc wants a new one after each sentence. */
static void print_text(const char *text)
{
	size_t column = 0;
	bool bold = false;

	while (*text) {
		size_t length = strcspn(text, " ");
		size_t width = width_of(text, length, bold);

		if (column > 0 && column + 1 + width > COLUMNS) {
			putchar('\n');
			column = 0;
		} else if (column > 0) {
			putchar(' ');
			column++;
		}
		print_word(text, length, &bold);
		column += width;
		if (text[length - 1] == '.')
			column = COLUMNS;
		text += length + strspn(text + length, " ");
	}
	putchar('\n');
}

/* ------------------------------------------------------------------------ the entries */

static void print_tag(const struct hark__hint *hint)
{
	fputs(".It", stdout);
	if (hint->cause)
		printf(" Dv %s", causes[hint->cause]);
	else if (hint->resolver_code)
		printf(" Er %s", hark__resolver_name(hint->resolver_code));
	else if (hint->code)
		printf(" Er %s", hark_errno_name(hint->code));
	else
		fputs(" No anything else", stdout);
	if (hint->cause && hint->code)
		printf(" Pq Er %s", hark_errno_name(hint->code));
	if (hint->option)
		printf(" Pq option %s", hint->option);
	if (hint->when)
		printf(" Pq %s", conditions[hint->when]);
	putchar('\n');
}

static void print_hint(const struct hark__hint *hint)
{
	const char *words = hint->words;
	char line[1024];

	if (!words && hint->code)
		words = hark__errno_words(hint->code);
	print_tag(hint);
	(void)snprintf(
		line, sizeof(line), "%s; %s.", words ? words : "{errno}", hint->remedy);
	print_text(line);
	if (hint->more) {
		puts(".Pp");
		print_text(hint->more);
	}
}

/* A step's rows, what is left ("anything else") behind what is named. */
static void print_step(int step, const char *heading, const char *says)
{
	const struct hark__hint *hint;

	printf(".Ss %s\n", heading);
	if (says)
		printf("The lines begin with\n.Dq %s .\n", says);
	puts(".Bl -tag -width Ds");
	for (int rest = 0; rest <= 1; rest++)
		for (size_t i = 0; (hint = hark__hint_at(i)); i++) {
			bool named = hint->cause || hint->code || hint->resolver_code;

			if (hint->step == step && named == !rest)
				print_hint(hint);
		}
	puts(".El");
}

static const char introduction[] =
	".Dd November 23, 2026\n"
	".Dt HARK_ERRORS 7\n"
	".Os\n"
	".Sh NAME\n"
	".Nm hark_errors\n"
	".Nd what the errors of hark mean and what to do about them\n"
	".Sh DESCRIPTION\n"
	"An error of the library\n"
	".Xr hark 3\n"
	"and of the command\n"
	".Xr hark 1\n"
	"is one line:\n"
	".Bd -ragged -offset indent\n"
	"cannot\n"
	".Ar step\n"
	"\\(aq\\c\n"
	".Ar what Ns \\(aq:\n"
	".Ar words\n"
	".Pq Ar name ;\n"
	".Ar remedy\n"
	".Ed\n"
	".Bl -tag -width remedy\n"
	".It Ar step\n"
	"The step of a socket\\(aqs life that failed.\n"
	"The sections below are in their order.\n"
	".It Ar what\n"
	"The address, or the text as it was given, or the option.\n"
	"Bytes that are not printable ASCII, and quotes and backslashes, are shown as\n"
	".Li \\exNN ,\n"
	"so one error is always one line.\n"
	"The scope of an IPv6 address is shown by number.\n"
	".It Ar words\n"
	"What is wrong, the same in every locale and with every C library.\n"
	".It Ar name\n"
	"The\n"
	".Va errno\n"
	"that the call returned, negated, or the code of the resolver\n"
	".Pq Li EAI_\\&... .\n"
	".It Ar remedy\n"
	"What to do, from the facts as they were at the failure.\n"
	".El\n"
	".Pp\n"
	"In a program, the same facts are in\n"
	".Vt struct hark_error :\n"
	".Va step ,\n"
	".Va code ,\n"
	".Va cause\n"
	"(where hark itself found more than an\n"
	".Va errno\n"
	"says, one of\n"
	".Dv HARK_CAUSE_\\&... ) ,\n"
	".Va resolver_code ,\n"
	".Va limit ,\n"
	".Va addr ,\n"
	".Va option ,\n"
	".Va subject .\n"
	"In the entries below,\n"
	".Ar limit ,\n"
	".Ar port\n"
	"and others in that type stand for them.\n"
	".Pp\n"
	"Of several entries that fit, the most particular one is used: cause before\n"
	".Va errno ,\n"
	"and what holds for the step before what holds for all.\n"
	".Sh STEP BY STEP\n";

/* ----------------------------------------------------------------------- the exit codes */

/* An alias has a row of its own where its number differs (EDEADLOCK). */
static bool is_alias(size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (hark__errno_at(i) == hark__errno_at(index))
			return true;
	return false;
}

static void print_passing(void)
{
	int code;

	puts(".Bd -ragged -compact");
	for (size_t i = 0; (code = hark__errno_at(i)); i++)
		if (hark__errno_may_pass(code) && !is_alias(i))
			printf(".Er %s ,\n", hark_errno_name(code));
	puts(".Ed");
}

static void print_exit_codes(void)
{
	fputs(".Sh EXIT STATUS\n"
	      "A command that ends because of an error says by its exit status whether "
	      "it\n"
	      "is of use to start it again\n"
	      ".Pq Fn hark_error_exit_code :\n"
	      ".Bl -tag -width Ds\n"
	      ".It 100\n"
	      "Do not retry: somebody must change something first.\n"
	      "Bad input, missing permission, unknown hosts, what the kernel lacks.\n"
	      ".It 111\n"
	      "May work later:\n",
		stdout);
	print_passing();
	fputs("and the resolver\\(aqs\n"
	      ".Er EAI_AGAIN\n"
	      "and\n"
	      ".Er EAI_MEMORY .\n"
	      ".El\n"
	      ".Sh SEE ALSO\n"
	      ".Xr hark 1 ,\n"
	      ".Xr errno 3 ,\n"
	      ".Xr getaddrinfo 3 ,\n"
	      ".Xr hark 3 ,\n"
	      ".Xr hark_error 3 ,\n"
	      ".Xr hark_rules 5 ,\n"
	      ".Xr hark 7 ,\n"
	      ".Xr ip 7 ,\n"
	      ".Xr tcp 7 ,\n"
	      ".Xr unix 7\n",
		stdout);
}

int main(void)
{
	if (!names_are_complete()) {
		fputs("gen_errors: a step, cause or condition has no name here\n",
			stderr);
		return 1;
	}
	fputs(introduction, stdout);
	for (int step = 1; step < HARK_STEP_COUNT; step++)
		print_step(step, steps[step].heading, steps[step].says);
	print_step(HARK_STEP_NONE, "\\&At any step", NULL);
	print_exit_codes();
	return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
