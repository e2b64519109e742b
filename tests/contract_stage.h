/* SPDX-License-Identifier: MIT
 *
 * The memory that a test and the server under it share. For contract_*.c that carry the
 * suite; promises use the functions of contract.h.
 */
#ifndef TESTS_CONTRACT_STAGE_H
#define TESTS_CONTRACT_STAGE_H

#include "contract.h"

enum { LOG_MAX = 16384, EVENTS = 32 };

struct stage {
	atomic_size_t claimed; /* records, whole or about to be */
	atomic_int turns;
	atomic_llong numbers[SHARED_NUMBERS];
	atomic_ullong events[EVENTS]; /* how many of each kind */
	int wake_fd;                  /* written after each record */
	int gate[2];
	int listeners;
	struct hark_addr at[LISTENERS];
	int result; /* of run */
	struct hark_error error;
	struct hark_server_stats stats;
	struct record log[LOG_MAX];
};

/* In the server's processes: theirs. */
extern struct stage *stage;

#endif
