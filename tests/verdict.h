/*
 * What the process of a test tells the runner: memory that both see. For the runner;
 * tests write to it through harness.h.
 *
 * Whoever decides first, by failing, skipping or passing, has decided, be it a thread
 * or a forked child; and nothing that was said is lost in a crash. A pipe in its place
 * would be a descriptor for the test to trip over.
 */
#ifndef TESTS_VERDICT_H
#define TESTS_VERDICT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

enum outcome { RUNNING, PASSED, FAILED, SKIPPED };

struct verdict {
	_Atomic int outcome;
	atomic_bool asserted;
	char because[4096]; /* of who decided: a failure, or why it was skipped */
	atomic_size_t noted;
	char notes[16384];
	char directory[96]; /* temp_directory(), for the runner to remove */
};

/* One for the whole run; NULL when there is no memory for it. */
struct verdict *verdict_make(void);

/* In the process that a test's body runs in; in_process: no fork, a failure aborts. */
void verdict_begin(bool in_process);
bool verdict_is_of_this_process(void);
bool verdict_decide(enum outcome outcome);

/* Prints what was said as TAP comments; removes the directory. */
void verdict_print(const struct verdict *verdict);
void verdict_clean(const struct verdict *verdict);

#endif
