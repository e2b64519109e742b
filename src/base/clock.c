/* SPDX-License-Identifier: MIT
 *
 * Deadlines; see clock.h.  Floor 1.
 */
#include "base/clock.h"

#include "sys/sys.h"

#include <limits.h>

int64_t hark__now_ms(void)
{
	return sys_monotonic_ms();
}

int64_t hark__deadline(int timeout_ms)
{
	return timeout_ms < 0 ? HARK__NEVER : hark__now_ms() + timeout_ms;
}

int hark__clamp_ms(int64_t ms)
{
	return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

int hark__left_ms(int64_t deadline)
{
	if (deadline == HARK__NEVER)
		return -1;
	return hark__clamp_ms(deadline - hark__now_ms());
}
