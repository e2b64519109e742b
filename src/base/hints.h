/* SPDX-License-Identifier: MIT
 *
 * What a failure means and what to do about it: a table over step, cause, errno, resolver
 * code, option, and what the facts say.  hark_error_text takes a line from it,
 * hark_errors(7) is printed from it (tools/gen_errors.c).
 * Not here: names of errors (errname.h), filling the words in (error_text.c), and anything
 * that would have to be asked: who holds a port, which limit holds now.
 * Floor 1.
 */
#ifndef HARK_BASE_HINTS_H
#define HARK_BASE_HINTS_H

#include <hark.h>

/* What else must be so for a row to hold. */
enum hark__when {
	HARK__ALWAYS = 0,
	HARK__WHEN_LIMIT, /* the limit is known */
	HARK__WHEN_IP,
	HARK__WHEN_IPV6,
	HARK__WHEN_UNIX,
	HARK__WHEN_ABSTRACT,
	HARK__WHEN_PORT_ZERO,
	HARK__WHEN_PORT_LOW,  /* below the limit */
	HARK__WHEN_PORT_HIGH, /* not below it */
	HARK__WHEN_NO_SCOPE,  /* link-local IPv6 without its interface */
	HARK__WHEN_MAPPED,    /* IPv4 in the form of IPv6 */
	HARK__WHEN_SUBJECT,   /* a text was given */
	HARK__WHEN_UNIX_TEXT, /* one that begins with unix: */
	HARK__WHEN_ACTIVATION_TEXT,
	HARK__WHEN_COUNT
};

/*
 * A zero field matches everything.  `words` is what is wrong, `remedy` what to do, `more`
 * a paragraph for the manual.  In the first two stand {limit}, {option}, {port},
 * {subject}, {errno} (the words of the errno) and {version}, filled from the facts.
 */
struct hark__hint {
	int step;
	int cause;
	int code; /* positive errno */
	int resolver_code;
	int when;
	const char *option;
	const char *words; /* NULL: those of the errno */
	const char *remedy;
	const char *more; /* NULL: nothing to add */
};

/* Ends with a row whose remedy is NULL. */
extern const struct hark__hint hark__hints_address[];
extern const struct hark__hint hark__hints_listener[];
extern const struct hark__hint hark__hints_rules[];
extern const struct hark__hint hark__hints_server[];
extern const struct hark__hint hark__hints_quiesce[];
extern const struct hark__hint hark__hints_upgrade[];
extern const struct hark__hint hark__hints_connection[];

/*
 * The row that fits best; among equals, the first.  A cause decides, better with its own
 * step and errno; then the resolver's code; then option, errno and step together.  Every
 * step has a row of its own, so there is always one.
 */
const struct hark__hint *hark__hint(const struct hark_error *error);

/* How well a row fits, for the tests: -1 not at all. */
int hark__hint_score(const struct hark__hint *hint, const struct hark_error *error);

/* All rows in the order of the manual: NULL when index is beyond the last. */
const struct hark__hint *hark__hint_at(size_t index);

#endif
