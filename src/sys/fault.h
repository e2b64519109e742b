/* SPDX-License-Identifier: MIT
 *
 * For the files of this floor alone: how a call is made to fail in the tests' build, and
 * how errno becomes a result.
 */
#ifndef HARK_SYS_FAULT_H
#define HARK_SYS_FAULT_H

#include "sys/sys.h"

#include <errno.h>

static inline int sys__fault(enum hark__call call)
{
#ifdef HARK_FAULTS
	int (*fault)(enum hark__call) = __atomic_load_n(&hark__fault, __ATOMIC_ACQUIRE);

	return fault ? fault(call) : 0;
#else
	(void)call;
	return 0;
#endif
}

static inline int sys__result(int value)
{
	return value < 0 ? -errno : value;
}

/* The injected failure of CALL if there is one, else what REAL returns. */
#define SYS__TRY(call, real)                                 \
	do {                                                 \
		int refused = sys__fault(HARK__CALL_##call); \
		return refused ? refused : (real);           \
	} while (0)

#endif
