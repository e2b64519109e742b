/* SPDX-License-Identifier: MIT
 *
 * One system call of hark's that fails, or all of a kind counted, for tests; by the
 * seam in sys/sys.h.
 *
 * Not here: failing each call in turn (sweep.h), faults that depend on more than a
 * number.
 */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include "sys/sys.h"

#include <stdatomic.h>

static struct {
	enum hark__call call;
	int nth;
	int code;
	atomic_int seen;
} fault_plan;

static inline int fault_by_plan(enum hark__call call)
{
	if (call != fault_plan.call)
		return 0;
	return atomic_fetch_add(&fault_plan.seen, 1) + 1 == fault_plan.nth
		       ? fault_plan.code
		       : 0;
}

/* From now on the nth of these calls fails with that negative errno; the first is 1. */
static inline void let_fail(enum hark__call call, int nth, int code)
{
	fault_plan.call = call;
	fault_plan.nth = nth;
	fault_plan.code = code;
	fault_plan.seen = 0;
	hark__fault = fault_by_plan;
}

static inline void count_calls(enum hark__call call)
{
	let_fail(call, 0, 0);
}

/* How many there were since. */
static inline int calls_seen(void)
{
	return fault_plan.seen;
}

#endif
