/* SPDX-License-Identifier: MIT
 *
 * What a fuzz target asserts: an input for which it is not so ends the program, and is kept.
 */
#ifndef TESTS_FUZZ_MUST_H
#define TESTS_FUZZ_MUST_H

#include <stdlib.h>

#define MUST(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

#endif
