/* SPDX-License-Identifier: MIT
 *
 * The facts of a failure as one line:
 *
 *	cannot <step> '<what>': <words> (<name>); <remedy>
 *
 * Not here: what the words and the remedy are (hints.c), finding out more (that asks the
 * kernel, and may fail or lie by then).
 *
 * Floor 1.  Invariants: a function of the facts alone; printable ASCII on one line of less
 * than HARK_ERROR_TEXT_MAX bytes, whatever the struct holds, so it may have come from
 * somewhere else.
 */
#include "base/addr_text.h"
#include "base/errname.h"
#include "base/hints.h"
#include "base/line.h"

#include <netdb.h>
#include <stdbool.h>
#include <string.h>

/* What the verb is about, in the order in which the facts are tried. */
enum about { NOTHING, OPTION, SUBJECT, ADDR };

struct phrase {
	const char *alone; /* "listen" */
	const char *with;  /* "listen on", before the thing in quotes */
	enum about about[2];
};

static const struct phrase phrases[HARK_STEP_COUNT] = {
	[HARK_STEP_NONE] = {"go on", "go on with", {ADDR, SUBJECT}},
	[HARK_STEP_PARSE] = {"read address", "read address", {SUBJECT}},
	[HARK_STEP_RESOLVE] = {"resolve", "resolve", {SUBJECT, ADDR}},
	[HARK_STEP_SOCKET] = {"create a socket", "create a socket for",
		{ADDR, SUBJECT}},
	[HARK_STEP_OPTION] = {"set an option", "set option", {OPTION}},
	[HARK_STEP_BIND] = {"bind", "bind", {ADDR, SUBJECT}},
	[HARK_STEP_LISTEN] = {"listen", "listen on", {ADDR, SUBJECT}},
	[HARK_STEP_ADOPT] = {"adopt the socket", "adopt", {SUBJECT, ADDR}},
	[HARK_STEP_ACCEPT] = {"accept", "accept on", {ADDR, SUBJECT}},
	[HARK_STEP_WAIT] = {"wait", "wait for", {ADDR, SUBJECT}},
	[HARK_STEP_READ] = {"read", "read from", {ADDR, SUBJECT}},
	[HARK_STEP_WRITE] = {"write", "write to", {ADDR, SUBJECT}},
	[HARK_STEP_SHUTDOWN] = {"shut down", "shut down", {ADDR, SUBJECT}},
	[HARK_STEP_CLOSE] = {"close", "close", {ADDR, SUBJECT}},
	[HARK_STEP_INSPECT] = {"inspect the socket", "inspect", {ADDR, SUBJECT}},
	[HARK_STEP_LIMIT] = {"read or raise the descriptor limit", "read or raise",
		{OPTION}},
	[HARK_STEP_SIGNAL] = {"take the signals", "take the signals of", {SUBJECT}},
	[HARK_STEP_ENVIRONMENT] = {"use what was passed", "use", {OPTION, SUBJECT}},
	[HARK_STEP_RULES] = {"read the rules", "read the rules at", {SUBJECT}},
	[HARK_STEP_SERVE] = {"serve", "serve:", {OPTION}},
	[HARK_STEP_CONNECT] = {"connect", "connect to", {ADDR, SUBJECT}},
	[HARK_STEP_SPAWN] = {"start the program", "start the program", {SUBJECT}},
	[HARK_STEP_QUIESCE] = {"quiesce", "quiesce", {ADDR, SUBJECT}},
	[HARK_STEP_UPGRADE] = {"hand over", "hand over to", {SUBJECT}},
};

static const struct phrase *phrase_of(const struct hark_error *error)
{
	bool known = error->step >= 0 && error->step < HARK_STEP_COUNT;

	return &phrases[known ? error->step : HARK_STEP_NONE];
}

/*
 * The NUL bytes of a subject come as C0 80 (error.c).  The rest, and a struct from
 * elsewhere that lacks the terminating NUL, as it is.
 */
static void add_foreign(struct hark__line *line, const char *bytes, size_t size)
{
	size_t length = strnlen(bytes, size);
	size_t done = 0;

	for (size_t i = 0; i + 1 < length; i++) {
		if ((unsigned char)bytes[i] != 0xc0 ||
			(unsigned char)bytes[i + 1] != 0x80)
			continue;
		hark__line_escaped(line, bytes + done, i - done, '\'');
		hark__line_escaped(line, "", 1, '\'');
		done = i + 2;
		i++;
	}
	hark__line_escaped(line, bytes + done, length - done, '\'');
}

static void add_addr(struct hark__line *line, const struct hark_error *error)
{
	/* the interface's name would have to be asked for, and may be another by now */
	hark__addr_add(
		line, &error->addr, HARK__ADDR_QUOTED | HARK__ADDR_NUMERIC_SCOPE);
}

static bool is_known(const struct hark_error *error, enum about about)
{
	switch (about) {
	case OPTION:
		return error->option[0] != '\0';
	case SUBJECT: /* an empty text is a text */
		return error->subject[0] != '\0' || error->step == HARK_STEP_PARSE;
	case ADDR:
		return error->addr.length > 0;
	default:
		return false;
	}
}

static void add_quoted(
	struct hark__line *line, const struct hark_error *error, enum about about)
{
	hark__line_add(line, " '");
	if (about == OPTION)
		add_foreign(line, error->option, sizeof(error->option));
	else if (about == SUBJECT)
		add_foreign(line, error->subject, sizeof(error->subject));
	else
		add_addr(line, error);
	hark__line_byte(line, '\'');
}

/* "set option 'congestion' to 'bbr' on '127.0.0.1:80'", as far as is known. */
static void add_option_details(struct hark__line *line, const struct hark_error *error)
{
	if (is_known(error, SUBJECT)) {
		hark__line_add(line, " to");
		add_quoted(line, error, SUBJECT);
	}
	if (is_known(error, ADDR)) {
		hark__line_add(line, " on");
		add_quoted(line, error, ADDR);
	}
}

/* The subject is the address itself, with the interface's name as it was then. */
static bool subject_names_scope(const struct hark_error *error)
{
	char start[64]; /* "[fe80::1%" */
	struct hark__line line = {.text = start, .size = sizeof(start)};

	if (hark__addr_family(&error->addr) != AF_INET6 ||
		!error->addr.u.in6.sin6_scope_id)
		return false;
	hark__line_byte(&line, '[');
	hark__addr_add(
		&line, &error->addr, HARK__ADDR_HOST_ONLY | HARK__ADDR_NUMERIC_SCOPE);
	(void)hark__line_end(&line); /* what counts fits */
	return strncmp(error->subject, start, strcspn(start, "%") + 1) == 0;
}

static void add_attempt(struct hark__line *line, const struct hark_error *error)
{
	const struct phrase *phrase = phrase_of(error);
	enum about about = phrase->about[0];

	if (!is_known(error, about) || (about == ADDR && subject_names_scope(error)))
		about = phrase->about[1];
	hark__line_add(line, "cannot ");
	if (is_known(error, about)) {
		hark__line_add(line, phrase->with);
		add_quoted(line, error, about);
	} else {
		hark__line_add(line, phrase->alone);
	}
	if (error->step == HARK_STEP_OPTION)
		add_option_details(line, error);
}

static void add_errno_words(struct hark__line *line, const struct hark_error *error)
{
	const char *words = hark__errno_words(error->code);

	if (words) {
		hark__line_add(line, words);
		return;
	}
	hark__line_add(line, "error ");
	hark__line_number(
		line, error->code < 0 ? -(long long)error->code : error->code);
}

/* It may stand in quotes before: twice in full would not fit. */
static void add_start_of_subject(
	struct hark__line *line, const struct hark_error *error)
{
	enum { SHOWN_BYTES = 48 };

	add_foreign(line, error->subject, SHOWN_BYTES);
	if (strnlen(error->subject, sizeof(error->subject)) > SHOWN_BYTES)
		hark__line_add(line, "...");
}

/* False when name, of that length, is none that is filled in. */
static bool fill(struct hark__line *line, const struct hark_error *error,
	const char *name, size_t length)
{
	if (length == 5 && memcmp(name, "limit", length) == 0)
		hark__line_number(line, error->limit);
	else if (length == 4 && memcmp(name, "port", length) == 0)
		hark__line_number(line, hark__addr_port(&error->addr));
	else if (length == 5 && memcmp(name, "errno", length) == 0)
		add_errno_words(line, error);
	else if (length == 6 && memcmp(name, "option", length) == 0)
		add_foreign(line, error->option, sizeof(error->option));
	else if (length == 7 && memcmp(name, "subject", length) == 0)
		add_start_of_subject(line, error);
	else if (length == 7 && memcmp(name, "version", length) == 0)
		hark__line_add(line, hark_version());
	else
		return false;
	return true;
}

static void add_filled(
	struct hark__line *line, const struct hark_error *error, const char *text)
{
	while (*text) {
		const char *end = *text == '{' ? strchr(text, '}') : NULL;

		if (end && fill(line, error, text + 1, (size_t)(end - text) - 1))
			text = end + 1;
		else
			hark__line_byte(line, *text++);
	}
}

/* EAI_SYSTEM says nothing without the errno beside it. */
static void add_name(struct hark__line *line, const struct hark_error *error)
{
	hark__line_add(line, " (");
	if (error->resolver_code)
		hark__line_add(line, hark__resolver_name(error->resolver_code));
	if (error->resolver_code == EAI_SYSTEM)
		hark__line_add(line, ", ");
	if (!error->resolver_code || error->resolver_code == EAI_SYSTEM)
		hark__line_add(line, hark_errno_name(error->code));
	hark__line_byte(line, ')');
}

size_t hark_error_text(const struct hark_error *error, char *text, size_t size)
{
	struct hark__line line = {.text = text, .size = size};
	const struct hark__hint *hint;

	if (!error || error->code == 0) {
		hark__line_add(&line, "no error");
		return hark__line_end(&line);
	}
	hint = hark__hint(error);
	add_attempt(&line, error);
	hark__line_add(&line, ": ");
	if (hint->words)
		add_filled(&line, error, hint->words);
	else
		add_errno_words(&line, error);
	add_name(&line, error);
	hark__line_add(&line, "; ");
	add_filled(&line, error, hint->remedy);
	return hark__line_end(&line);
}

/* One fwrite of the whole: on an unbuffered stream, stderr, that is one write(2). */
void hark_error_print(FILE *stream, const struct hark_error *error)
{
	char text[HARK_ERROR_TEXT_MAX + 1];
	size_t length = hark_error_text(error, text, HARK_ERROR_TEXT_MAX);

	if (length >= HARK_ERROR_TEXT_MAX)
		length = HARK_ERROR_TEXT_MAX - 1;
	text[length++] = '\n';
	(void)fwrite(text, 1, length, stream); /* where else could we complain? */
}

/* The exit codes of tcpserver and its relatives. */
int hark_error_exit_code(const struct hark_error *error)
{
	enum { DO_NOT_RETRY = 100, MAY_WORK_LATER = 111 };
	bool passes;

	if (!error || error->code == 0)
		return MAY_WORK_LATER;
	if (error->cause == HARK_CAUSE_OVERLAP)
		return DO_NOT_RETRY; /* nobody but the caller is in the way */
	if (error->resolver_code && error->resolver_code != EAI_SYSTEM)
		passes = hark__resolver_may_pass(error->resolver_code);
	else
		passes = hark__errno_may_pass(error->code);
	return passes ? MAY_WORK_LATER : DO_NOT_RETRY;
}
