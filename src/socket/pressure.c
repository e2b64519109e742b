/* SPDX-License-Identifier: MIT
 *
 * Pressure; see pressure.h.  Floor 2.
 */
#include "socket/pressure.h"

#include "base/clock.h"

enum {
	FIRST_WAIT_MS = 5,
	LONGEST_WAIT_MS = 100,
	QUIET_MS = 1000,
	TELL_EVERY_MS = 1000
};

void hark__pressure_hit(struct hark__pressure *pressure, int64_t now_ms)
{
	int doubled = pressure->wait_ms * 2;

	if (!pressure->open)
		pressure->began_ms = now_ms;
	pressure->open = true;
	pressure->trouble_ms = now_ms;
	pressure->wait_ms = doubled == 0                ? FIRST_WAIT_MS
			    : doubled < LONGEST_WAIT_MS ? doubled
							: LONGEST_WAIT_MS;
	pressure->try_ms = now_ms + pressure->wait_ms;
}

bool hark__pressure_pauses(const struct hark__pressure *pressure, int64_t now_ms)
{
	return pressure->wait_ms != 0 && now_ms < pressure->try_ms;
}

void hark__pressure_ease(struct hark__pressure *pressure)
{
	pressure->wait_ms = 0;
}

static bool is_over(const struct hark__pressure *pressure, int64_t now_ms)
{
	return now_ms - pressure->trouble_ms >= QUIET_MS;
}

enum hark__tell hark__pressure_tell(
	struct hark__pressure *pressure, int64_t now_ms, int *lasted_ms)
{
	if (!pressure->open || now_ms < pressure->next_tell_ms)
		return HARK__TELL_NOTHING;
	if (!pressure->told) {
		pressure->told = true;
		pressure->next_tell_ms = now_ms + TELL_EVERY_MS;
		return HARK__TELL_PAUSED;
	}
	if (!is_over(pressure, now_ms))
		return HARK__TELL_NOTHING;
	*lasted_ms = hark__clamp_ms(pressure->trouble_ms - pressure->began_ms);
	pressure->open = pressure->told = false;
	pressure->wait_ms = 0;
	pressure->next_tell_ms = now_ms + TELL_EVERY_MS;
	return HARK__TELL_RESUMED;
}

static int64_t later(int64_t a, int64_t b)
{
	return a < b ? b : a;
}

int hark__pressure_left_ms(const struct hark__pressure *pressure, int64_t now_ms)
{
	int64_t tell_ms = pressure->next_tell_ms;

	if (!pressure->open)
		return -1;
	if (pressure->told)
		tell_ms = later(tell_ms, pressure->trouble_ms + QUIET_MS);
	if (hark__pressure_pauses(pressure, now_ms))
		tell_ms = hark__earlier(tell_ms, pressure->try_ms);
	return hark__clamp_ms(tell_ms - now_ms);
}
