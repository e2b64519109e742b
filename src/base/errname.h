/* SPDX-License-Identifier: MIT
 *
 * The errors of Linux and of the resolver by name, in our own words, so that a message is
 * the same in every locale and with every C library.
 * Not here: what an error means at a step of the life cycle, and what to do (hints.h).
 * Floor 1.  hark_errno_name is in hark.h.
 */
#ifndef HARK_BASE_ERRNAME_H
#define HARK_BASE_ERRNAME_H

#include <stdbool.h>
#include <stddef.h>

/* Either sign, as in hark_errno_name.  NULL for a number that Linux has not. */
const char *hark__errno_words(int code);

/* Whether the same call may succeed later with nobody changing what it asks for. */
bool hark__errno_may_pass(int code);
bool hark__resolver_may_pass(int resolver_code);

/* "EAI_NONAME"; "EAI_?" for a number that nobody documented. */
const char *hark__resolver_name(int resolver_code);

/* The numbers there are, for the manual: 0 when index is beyond the last. */
int hark__errno_at(size_t index);

#endif
