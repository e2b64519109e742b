/* SPDX-License-Identifier: MIT
 *
 * Deadlines on the monotonic clock, in milliseconds.  Floor 1.
 */
#ifndef HARK_BASE_CLOCK_H
#define HARK_BASE_CLOCK_H

#include <stdint.h>

#define HARK__NEVER INT64_MAX

int64_t hark__now_ms(void);

/* The moment timeout_ms from now; a negative timeout never comes. */
int64_t hark__deadline(int timeout_ms);

/* What is left of it, as poll(2) wants it: -1 for ever, 0 when it has passed. */
int hark__left_ms(int64_t deadline);

/* As poll(2) and events have it: from 0 to INT_MAX, which is not quite 25 days. */
int hark__clamp_ms(int64_t ms);

static inline int64_t hark__earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

#endif
