/* SPDX-License-Identifier: MIT
 *
 * Filling a struct hark_error: once, where the failure is seen, before any clean-up.
 * Not here: turning it into text (error_text.c) and what to advise (hints.c).
 * Floor 1.
 */
#ifndef HARK_BASE_ERROR_H
#define HARK_BASE_ERROR_H

#include <hark.h>

/* What is known at the place of the failure; the rest zero. */
struct hark__facts {
	enum hark_step step;
	int code; /* negative errno */
	enum hark_cause cause;
	int resolver_code;
	long long limit;
	const struct hark_addr *addr;
	const char *option;
	const char *subject;   /* text from outside */
	size_t subject_length; /* 0: subject ends with a NUL */
};

/* Writes the facts to err, if there is one, and returns facts->code. */
int hark__fail(struct hark_error *err, const struct hark__facts *facts);

#define HARK__FAIL(err, ...) hark__fail((err), &(struct hark__facts){__VA_ARGS__})

#endif
