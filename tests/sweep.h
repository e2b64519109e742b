/*
 * The fault sweep: every system call of the library, failed at every place with every errno
 * on its list.
 *
 * A scenario is prepared, its body runs with one fault, what the body left is judged, and
 * everything is cleaned; then the same without the fault, which must work. That is repeated
 * for each kind of call, each errno of it, at the first call, the second ..., once and from
 * there on, until a run ends untouched. After a fault there are but two ends: the body fails
 * with that very errno, or one of the exceptions that the scenario lists took place.
 * Neither descriptors nor files may be left, nor anything of the caller's be lost.
 *
 * Each sweep runs in the process of its test; what all of them reached together is kept for
 * sweep_total(), so that a sweep that tested nothing does not pass.
 */
#ifndef TESTS_SWEEP_H
#define TESTS_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include <hark.h>

#include "sys/sys.h"

#define ANY (-1) /* every errno on the list of that call */

/*
 * What a body may do about a fault but fail with it. One that never took place fails the
 * scenario, so the lists hold nothing but what was seen.
 */
struct exception {
	enum hark__call call;
	int code;   /* positive; ANY */
	int nth;    /* which call of that kind in the body; 0: whichever */
	int result; /* 0: the body succeeds all the same; else a negative errno */
};

enum { SWEEP_EXCEPTIONS = 40 };

struct scenario {
	void (*prepare)(void); /* before each run; may SKIP */
	/*
	 * Calls hark and nothing else, by CALLED(function)(...). What it opened and did not
	 * close is in the scenario's variables. >= 0 or a negative errno.
	 */
	long long (*body)(struct hark_error *err);
	void (*check)(long long result); /* the state behind the result, before clean */
	void (*clean)(void); /* releases all that is open, whoever opened it */

	uint64_t
		reaches; /* the kinds of call that a run without faults makes, no other */
	struct exception exceptions[SWEEP_EXCEPTIONS]; /* up to the first of code 0 */

	uint64_t sweeps; /* of these kinds alone; 0: of all that it reaches */
	int sites; /* of a body that repeats itself: the first so many calls of a kind */

	/* A fault that is always there: what happens on the way out of a failure. */
	struct exception given; /* nth: 1 or more; .result is not used */
	long long
		expects; /* without further faults: 0 = success; or a negative errno */

	int results[2];     /* negative codes that are no failure: err stays as it is */
	bool without_error; /* the function has no struct hark_error */
	bool releases;      /* the body closes a descriptor of the caller's */
	bool stdin_is_free; /* descriptor 0 is what the kernel gives away next */
	bool may_stay_low;  /* and a success may leave it there */
	bool may_leave_file; /* when the fault is in the clean-up itself */
};

#define REACHES(call) (UINT64_C(1) << HARK__CALL_##call)

/*
 * The bind that takes a lost port back, as the nth: on a socket that has its port EINVAL is
 * the rule, and two others come before it.
 */
#define KEEPS_PORT(nth)                                                       \
	{HARK__CALL_BIND, EINVAL, nth, 0}, {HARK__CALL_BIND, EACCES, nth, 0}, \
	{                                                                     \
		HARK__CALL_BIND, EPERM, nth, 0                                \
	}

/* In a body: notes that this function was put to the test. */
#define CALLED(function) (sweep_note_function(#function), function)
void sweep_note_function(const char *name);

/* Runs it all; a line with the number of injections, or the test fails. */
void sweep(const struct scenario *scenario);

/* How many faults the body that just ended has met, without the given one. */
int sweep_injected(void);

/* Whether that call said that code to it. */
bool sweep_was_told(enum hark__call call, int code);

/* The table of the calls' lists (sweep_faults.c). */
enum { SWEEP_CODES = 28 };
struct sweep_list {
	const char *text;
	unsigned steps; /* of enum hark_step, a bit each, that an error may name */
	int codes[SWEEP_CODES];
};
extern const struct sweep_list sweep_lists[HARK__CALL_COUNT];

/* How often "from there on" fails that call before it lets the library through. */
int sweep_most(enum hark__call call, int code);

/* Of all sweeps so far, in whatever process of this program. */
struct sweep_total {
	int begun, ended; /* scenarios; a difference was skipped, or has failed */
	long injected;
	long injected_at[HARK__CALL_COUNT];
};
struct sweep_total sweep_total(void);
bool sweep_function_was_called(const char *name);

#endif
