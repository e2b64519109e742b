/* SPDX-License-Identifier: MIT
 *
 * Out of descriptors or memory: how long to wait, when to tell.  The bookkeeping alone, on a
 * clock of the test's; with real sockets it is test_exhausted.c.
 */
#include "harness.h"

#include "socket/pressure.h"

#include <limits.h>

/* P4 */
TEST(waits, "each pause is twice the one before, from 5 to 100 ms")
{
	static const int waits[] = {5, 10, 20, 40, 80, 100, 100, 100};
	struct hark__pressure pressure = {0};
	int64_t now = 123456;

	CHECK(!hark__pressure_pauses(&pressure, now));
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		hark__pressure_hit(&pressure, now);
		CHECK(hark__pressure_pauses(&pressure, now));
		CHECK(hark__pressure_pauses(&pressure, now + waits[i] - 1));
		CHECK(!hark__pressure_pauses(&pressure, now + waits[i]));
		now += waits[i];
	}
}

/* P4 */
TEST(ease, "a success ends the pause, and the next one is short again")
{
	struct hark__pressure pressure = {0};

	for (int i = 0; i < 10; i++)
		hark__pressure_hit(&pressure, 1000);
	hark__pressure_ease(&pressure);
	CHECK(!hark__pressure_pauses(&pressure, 1000));
	hark__pressure_hit(&pressure, 1000);
	CHECK(hark__pressure_pauses(&pressure, 1004));
	CHECK(!hark__pressure_pauses(&pressure, 1005));
}

/* P4 */
TEST(quiet, "without trouble there is nothing to tell and nothing to wait for")
{
	struct hark__pressure pressure = {0};
	int lasted = -7;

	CHECK_INT(hark__pressure_left_ms(&pressure, 5000), ==, -1);
	CHECK_INT(
		hark__pressure_tell(&pressure, 5000, &lasted), ==, HARK__TELL_NOTHING);
	hark__pressure_ease(&pressure);
	CHECK_INT(hark__pressure_left_ms(&pressure, 5000), ==, -1);
	CHECK_INT(lasted, ==, -7);
}

/* P4 */
TEST(episode, "an episode is told at its first trouble and after a quiet second")
{
	struct hark__pressure pressure = {0};
	int lasted = -7;

	hark__pressure_hit(&pressure, 5000);
	CHECK_INT(hark__pressure_tell(&pressure, 5000, &lasted), ==, HARK__TELL_PAUSED);
	CHECK_INT(
		hark__pressure_tell(&pressure, 5000, &lasted), ==, HARK__TELL_NOTHING);
	hark__pressure_hit(&pressure, 5700);
	hark__pressure_ease(&pressure);
	CHECK_INT(hark__pressure_left_ms(&pressure, 5700), ==, 1000);
	CHECK_INT(
		hark__pressure_tell(&pressure, 6699, &lasted), ==, HARK__TELL_NOTHING);
	CHECK_INT(lasted, ==, -7);
	CHECK_INT(
		hark__pressure_tell(&pressure, 6700, &lasted), ==, HARK__TELL_RESUMED);
	CHECK_INT(lasted, ==, 700);
	CHECK_INT(
		hark__pressure_tell(&pressure, 9999, &lasted), ==, HARK__TELL_NOTHING);
	CHECK_INT(hark__pressure_left_ms(&pressure, 9999), ==, -1);
}

/* P4: every connection that ends lets one in, fifty times a second for a minute */
TEST(flicker, "shortage that flickers is one episode")
{
	struct hark__pressure pressure = {0};
	int paused = 0, lasted = 0;

	for (int64_t now = 0; now < 60000; now += 20) {
		hark__pressure_hit(&pressure, now);
		if (hark__pressure_tell(&pressure, now, &lasted) != HARK__TELL_NOTHING)
			paused++;
		hark__pressure_ease(&pressure);
	}
	CHECK_INT(paused, ==, 1);
	CHECK_INT(
		hark__pressure_tell(&pressure, 60980, &lasted), ==, HARK__TELL_RESUMED);
	CHECK_INT(lasted, ==, 59980);
}

/* P4 */
TEST(next_episode, "an episode right after another is told a second later")
{
	struct hark__pressure pressure = {0};
	int lasted;

	hark__pressure_hit(&pressure, 0);
	CHECK_INT(hark__pressure_tell(&pressure, 0, &lasted), ==, HARK__TELL_PAUSED);
	hark__pressure_ease(&pressure);
	CHECK_INT(
		hark__pressure_tell(&pressure, 1000, &lasted), ==, HARK__TELL_RESUMED);
	hark__pressure_hit(&pressure, 1001);
	hark__pressure_ease(&pressure);
	CHECK_INT(
		hark__pressure_tell(&pressure, 1001, &lasted), ==, HARK__TELL_NOTHING);
	CHECK_INT(hark__pressure_left_ms(&pressure, 1001), ==, 999);
	CHECK_INT(hark__pressure_tell(&pressure, 2000, &lasted), ==, HARK__TELL_PAUSED);
	CHECK_INT(hark__pressure_left_ms(&pressure, 2000), ==, 1000);
	CHECK_INT(
		hark__pressure_tell(&pressure, 3000, &lasted), ==, HARK__TELL_RESUMED);
	CHECK_INT(lasted, ==, 0);
}

/* P4: the client that nobody could accept was accepted by another process */
TEST(not_eased, "trouble that nobody eased is over after a quiet second, too")
{
	struct hark__pressure pressure = {0};
	int lasted;

	for (int i = 0; i < 6; i++)
		hark__pressure_hit(&pressure, 0);
	CHECK_INT(hark__pressure_tell(&pressure, 0, &lasted), ==, HARK__TELL_PAUSED);
	CHECK_INT(hark__pressure_left_ms(&pressure, 0), ==, 100);
	CHECK_INT(hark__pressure_left_ms(&pressure, 100), ==, 900);
	CHECK_INT(
		hark__pressure_tell(&pressure, 1000, &lasted), ==, HARK__TELL_RESUMED);
	CHECK_INT(hark__pressure_left_ms(&pressure, 1000), ==, -1);
	hark__pressure_hit(&pressure, 5000);
	CHECK(!hark__pressure_pauses(&pressure, 5005));
}

/* P4 */
TEST(left, "the wait ends with the pause, or when there is something to tell")
{
	struct hark__pressure pressure = {0};
	int lasted;

	hark__pressure_hit(&pressure, 0);
	CHECK_INT(hark__pressure_left_ms(&pressure, 0), ==, 0); /* to tell */
	CHECK_INT(hark__pressure_tell(&pressure, 0, &lasted), ==, HARK__TELL_PAUSED);
	CHECK_INT(hark__pressure_left_ms(&pressure, 0), ==, 5);
	CHECK_INT(hark__pressure_left_ms(&pressure, 3), ==, 2);
	CHECK_INT(hark__pressure_left_ms(&pressure, 5), ==, 995);
	hark__pressure_ease(&pressure);
	CHECK_INT(hark__pressure_left_ms(&pressure, 0), ==, 1000);
	CHECK_INT(hark__pressure_left_ms(&pressure, 5000), ==, 0);
}

static unsigned next_random(unsigned *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 16;
}

/*
 * What loop.c does with it, at random: hits, successes and silence.  After each step there
 * is either a time to wait or something to tell: a loop that neither waits nor tells spins.
 */
static void simulate(unsigned seed)
{
	struct hark__pressure pressure = {0};
	enum hark__tell told, last = HARK__TELL_RESUMED;
	int64_t now = 0, last_ms = -1000;
	unsigned random = seed;
	int lasted;

	for (int step = 0; step < 3000; step++) {
		if (hark__pressure_pauses(&pressure, now) || next_random(&random) % 4)
			now += next_random(&random) % (step % 500 < 250 ? 40 : 900);
		else if (next_random(&random) % 2)
			hark__pressure_hit(&pressure, now);
		else
			hark__pressure_ease(&pressure);
		told = hark__pressure_tell(&pressure, now, &lasted);
		if (told != HARK__TELL_NOTHING) {
			CHECK_INT(told, !=, last);
			CHECK_INT(now - last_ms, >=, 1000);
			last = told;
			last_ms = now;
		}
		CHECK_INT(hark__pressure_left_ms(&pressure, now), !=, 0);
	}
}

/* P4 */
TEST(random, "whatever comes: told by turns, at most once a second, and never spinning")
{
	for (unsigned seed = 0; seed < 200; seed++)
		simulate(seed);
}

/* P4: it is an int in the event */
TEST(very_long, "an episode of months is told as the longest that there is room for")
{
	struct hark__pressure pressure = {0};
	int lasted = 0;
	int64_t months = (int64_t)INT_MAX * 4;

	hark__pressure_hit(&pressure, 0);
	CHECK_INT(hark__pressure_tell(&pressure, 0, &lasted), ==, HARK__TELL_PAUSED);
	hark__pressure_hit(&pressure, months);
	hark__pressure_ease(&pressure);
	CHECK_INT(hark__pressure_tell(&pressure, months + 1000, &lasted), ==,
		HARK__TELL_RESUMED);
	CHECK_INT(lasted, ==, INT_MAX);
}
