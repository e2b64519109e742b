/*
 * Errors inside: how the facts are filled in, the table of names, and the table of hints,
 * which must be complete, since hark_errors(7) is printed from it. Includes internals:
 * no program can reach a row of a table.
 */
#include "addresses.h"
#include "harness.h"

#include "base/errname.h"
#include "base/error.h"
#include "base/hints.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* musl has none: then the numbers alone are checked. */
extern const char *strerrorname_np(int code) __attribute__((weak));

struct line {
	char at[HARK_ERROR_TEXT_MAX];
};

static struct line line_of(const struct hark_error *error)
{
	struct line line;

	CHECK_INT(hark_error_text(error, line.at, sizeof(line.at)), <, sizeof(line.at));
	return line;
}

static struct line line_from(struct hark__facts facts)
{
	struct hark_error error;

	CHECK_ERR(hark__fail(&error, &facts), facts.code);
	return line_of(&error);
}

#define LINE(...) line_from((struct hark__facts){__VA_ARGS__}).at

/* ------------------------------------------------------------------------- the facts */

/* E1 */
TEST(keeps_the_facts, "an error keeps the facts and forgets those of an earlier one")
{
	struct hark_addr addr = ipv4("192.0.2.1", 80);
	struct hark_error error;

	memset(&error, 0x5a, sizeof(error));
	CHECK_ERR(HARK__FAIL(&error, .step = HARK_STEP_BIND, .code = -EACCES,
			  .addr = &addr, .limit = 1024, .option = "mark",
			  .subject = "http"),
		-EACCES);
	CHECK_INT(error.code, ==, -EACCES);
	CHECK_INT(error.step, ==, HARK_STEP_BIND);
	CHECK_INT(error.cause, ==, HARK_CAUSE_NONE);
	CHECK_INT(error.resolver_code, ==, 0);
	CHECK_INT(error.limit, ==, 1024);
	CHECK_INT(memcmp(&error.addr, &addr, sizeof(addr)), ==, 0);
	CHECK_STR(error.option, "mark");
	CHECK_STR(error.subject, "http");

	CHECK_ERR(HARK__FAIL(&error, .step = HARK_STEP_READ, .code = -EIO), -EIO);
	CHECK_INT(error.addr.length, ==, 0);
	CHECK_INT(error.limit, ==, 0);
	CHECK_STR(error.option, "");
	CHECK_STR(error.subject, "");
}

/* E1 */
TEST(takes_no_error, "without an error struct the code is returned all the same")
{
	CHECK_ERR(HARK__FAIL(NULL, .step = HARK_STEP_BIND, .code = -EACCES), -EACCES);
}

/* E1: what is on a socket's error may be passed on with another step */
TEST(takes_its_own_facts, "an error may be filled from its own address and subject")
{
	struct hark_error error = {.addr = ipv4("192.0.2.1", 80), .subject = "http"};

	CHECK_ERR(HARK__FAIL(&error, .code = -EIO, .addr = &error.addr,
			  .subject = error.subject),
		-EIO);
	CHECK_STR(error.subject, "http");
	CHECK_INT(ntohs(error.addr.u.in.sin_port), ==, 80);
}

/* E1 N7 */
TEST(cuts_long_subjects, "a long subject or option loses its tail, never its NUL")
{
	char text[600];
	struct hark_error error;

	for (size_t length = 0; length < sizeof(text); length++) {
		size_t kept = length < sizeof(error.subject) - 1
				      ? length
				      : sizeof(error.subject) - 1;
		size_t kept_option = length < sizeof(error.option) - 1
					     ? length
					     : sizeof(error.option) - 1;

		memset(text, 'x', length);
		text[length] = '\0';
		(void)HARK__FAIL(&error, .code = -EINVAL, .subject = text,
			.option = text); /* checked below */
		CHECK_INT(strlen(error.subject), ==, kept);
		CHECK_INT(strlen(error.option), ==, kept_option);
	}
}

/* A2 E1: the length counts, since a NUL may be what is wrong */
TEST(shows_nul_bytes, "a NUL within a subject is kept and shown")
{
	CHECK_STR(LINE(.step = HARK_STEP_PARSE, .code = -EINVAL,
			  .cause = HARK_CAUSE_CONTROL_BYTE, .subject = "a\0b\0",
			  .subject_length = 4),
		"cannot read address 'a\\x00b\\x00': there is a control byte in it "
		"(EINVAL); take out the newline, tab or NUL (shown as \\xNN)");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_PARSE, .code = -EINVAL,
			       .subject = "no NUL behind", .subject_length = 2),
		"'no':");
}

/* A NUL takes two bytes in the struct: no half of it may be left at the end. E1 N7 */
TEST(cuts_between_nul_bytes, "a subject of NULs is cut between two of them")
{
	static const char nuls[400];
	struct hark_error error;

	for (size_t before = 0; before < 2; before++) {
		char text[400] = "x";

		memcpy(text + before, nuls, sizeof(text) - before);
		(void)HARK__FAIL(&error, .step = HARK_STEP_PARSE, .code = -EINVAL,
			.subject = text, .subject_length = sizeof(text)); /* see line */
		CHECK(!strstr(line_of(&error).at, "\\xc0"));
		CHECK_CONTAINS(line_of(&error).at, "\\x00\\x00':");
	}
}

/* ------------------------------------------------------------------------- the names */

/* E2 */
TEST(names_every_errno, "every errno of Linux has its name, and words of its own")
{
	for (int code = 1; code <= EHWPOISON; code++) {
		const char *name = hark_errno_name(code);

		if (strerrorname_np)
			CHECK_STR(name,
				strerrorname_np(code) ? strerrorname_np(code) : "E?");
		CHECK_INT(*name, ==, 'E');
		CHECK((hark__errno_words(-code) != NULL) == (strcmp(name, "E?") != 0));
	}
}

/* Linux has left out 41 and 58 (aliases elsewhere); all the others have names. E2 */
TEST(has_all_numbers, "no number up to the last errno is forgotten")
{
	int unnamed = 0;

	for (int code = 1; code <= EHWPOISON; code++)
		unnamed += hark__errno_words(code) == NULL;
	REQUIRE(EHWPOISON == 133, "this processor has other numbers");
	CHECK_INT(unnamed, ==, 2);
}

/* ------------------------------------------------------------------------- the hints */

/* E2 */
TEST(has_a_hint_for_each_step, "every step has a remedy of its own for any errno")
{
	for (int step = 1; step < HARK_STEP_COUNT; step++) {
		struct hark_error error = {.code = -EXFULL, .step = step};
		const struct hark__hint *hint = hark__hint(&error);

		CHECK_INT(hint->step, ==, step);
		CHECK_INT(strlen(hint->remedy), >, 5);
	}
}

/* E2 */
TEST(has_a_hint_for_each_cause, "every cause has words and a remedy, at whatever step")
{
	for (int cause = 1; cause < HARK_CAUSE_COUNT; cause++)
		for (int step = 0; step < HARK_STEP_COUNT; step++) {
			struct hark_error error = {
				.code = -EINVAL, .step = step, .cause = cause};
			const struct hark__hint *hint = hark__hint(&error);

			CHECK_INT(hint->cause, ==, cause);
			CHECK(hint->words != NULL);
			CHECK_INT(strlen(hint->words), >, 5);
			CHECK_INT(strlen(hint->remedy), >, 5);
		}
}

/* A3 E2 */
TEST(has_a_hint_for_each_resolver_code,
	"every EAI_ code of the C library has its words")
{
	for (int code = -110; code < 0; code++) {
		struct hark_error error = {
			.code = -EIO, .step = HARK_STEP_RESOLVE, .resolver_code = code};

		if (strcmp(hark__resolver_name(code), "EAI_?") != 0)
			CHECK_INT(hark__hint(&error)->resolver_code, ==, code);
	}
}

/* An error that the row is meant for. */
static struct hark_error error_for(const struct hark__hint *hint)
{
	struct hark_error error = {.code = hint->code ? -hint->code : -EXFULL,
		.step = hint->step,
		.cause = hint->cause,
		.resolver_code = hint->resolver_code};

	if (hint->option)
		(void)snprintf(error.option, sizeof(error.option), "%s", hint->option);
	switch (hint->when) {
	case HARK__WHEN_LIMIT:
		error.limit = 64;
		break;
	case HARK__WHEN_IP:
		error.addr = ipv4("192.0.2.1", 80);
		break;
	case HARK__WHEN_IPV6:
		error.addr = ipv6("2001:db8::1", 80);
		break;
	case HARK__WHEN_UNIX:
		error.addr = local("/x", 2);
		break;
	case HARK__WHEN_ABSTRACT:
		error.addr = local("\0x", 2);
		break;
	case HARK__WHEN_PORT_ZERO:
		error.addr = ipv4("192.0.2.1", 0);
		break;
	case HARK__WHEN_PORT_LOW:
		error.addr = ipv4("192.0.2.1", 80);
		error.limit = 81;
		break;
	case HARK__WHEN_PORT_HIGH:
		error.addr = ipv4("192.0.2.1", 80);
		error.limit = 80;
		break;
	case HARK__WHEN_NO_SCOPE:
		error.addr = ipv6("fe80::1", 80);
		break;
	case HARK__WHEN_MAPPED:
		error.addr = ipv6("::ffff:192.0.2.1", 80);
		break;
	case HARK__WHEN_SUBJECT:
		(void)snprintf(error.subject, sizeof(error.subject), "x");
		break;
	case HARK__WHEN_UNIX_TEXT:
		(void)snprintf(error.subject, sizeof(error.subject), "unix:");
		break;
	case HARK__WHEN_ACTIVATION_TEXT:
		(void)snprintf(error.subject, sizeof(error.subject), "activation:");
		break;
	default:
		break;
	}
	return error;
}

/* E2: a row that another one always beats would be a lie in the manual */
TEST(finds_every_hint, "every row of the table is found by the failure it is for")
{
	const struct hark__hint *hint;
	size_t i;

	for (i = 0; (hint = hark__hint_at(i)); i++) {
		struct hark_error error = error_for(hint);

		if (hark__hint(&error) != hint)
			NOTE("row %zu: %s", i, line_of(&error).at);
		CHECK(hark__hint(&error) == hint);
	}
	CHECK_INT(i, >, 150);
}

/* E2 */
TEST(writes_hints_in_style, "words and remedies are one line without a full stop")
{
	const struct hark__hint *hint;

	for (size_t i = 0; (hint = hark__hint_at(i)); i++) {
		const char *texts[] = {hint->words ? hint->words : "-", hint->remedy};

		for (size_t j = 0; j < 2; j++) {
			size_t length = strlen(texts[j]);

			CHECK_INT(length, <, 200);
			CHECK(!strchr(texts[j], '\n') && !strstr(texts[j], "  "));
			CHECK(!strchr(".?! ", texts[j][length - 1]));
		}
	}
}
