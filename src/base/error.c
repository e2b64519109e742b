/* SPDX-License-Identifier: MIT
 *
 * Filling a struct hark_error.  Not here: the sentence (error_text.c), what to advise
 * (hints.c).
 *
 * Floor 1.  Asks nobody, allocates nothing, cannot fail.
 */
#include "base/error.h"

#include <string.h>

/*
 * Copies what fits; the tail is lost.  A struct hark_error has no length for its subject,
 * so a NUL in the middle is kept as C0 80, the overlong form that no valid UTF-8 contains:
 * text from outside stays a C string, and error_text.c shows \x00 where the NUL was.
 */
static void copy_subject(char *to, size_t size, const char *from, size_t length)
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		size_t need = from[i] ? 1 : 2;

		if (size - 1 - used < need)
			break;
		if (from[i]) {
			to[used++] = from[i];
		} else {
			to[used++] = (char)0xc0;
			to[used++] = (char)0x80;
		}
	}
	to[used] = '\0';
}

/* The copy is made aside: addr and subject may be those of the very same error. */
int hark__fail(struct hark_error *err, const struct hark__facts *facts)
{
	struct hark_error made;

	if (!err)
		return facts->code;
	memset(&made, 0, sizeof(made)); /* holes too: an error may be sent to others */
	made.code = facts->code;
	made.step = (int)facts->step;
	made.cause = (int)facts->cause;
	made.resolver_code = facts->resolver_code;
	made.limit = facts->limit;
	if (facts->addr)
		memcpy(&made.addr, facts->addr, sizeof(made.addr));
	if (facts->option)
		copy_subject(made.option, sizeof(made.option), facts->option,
			strlen(facts->option));
	if (facts->subject)
		copy_subject(made.subject, sizeof(made.subject), facts->subject,
			facts->subject_length ? facts->subject_length
					      : strlen(facts->subject));
	memcpy(err, &made, sizeof(made));
	return facts->code;
}
