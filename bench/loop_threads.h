/* SPDX-License-Identifier: MIT
 *
 * For the hand-written servers with threads (loop_thread.c, loop_pool.c): the first
 * thread takes SIGTERM; the others have it blocked, and are interrupted by SIGUSR1.
 */
#ifndef LOOP_THREADS_H
#define LOOP_THREADS_H

#include "loop.h"

#include <pthread.h>

enum { STACK_BYTES = 256 * 1024 }; /* the engine's default */

static inline void interrupted(int signal_number)
{
	(void)signal_number;
}

/* Before any thread is made, so that all inherit the mask. */
static inline void block_stop(sigset_t *stop_signal)
{
	(void)sigemptyset(stop_signal); /* none of these can fail */
	(void)sigaddset(stop_signal, SIGTERM);
	(void)pthread_sigmask(SIG_BLOCK, stop_signal, NULL);
	on_signal(SIGUSR1, interrupted);
}

static inline void wait_for_stop(const sigset_t *stop_signal)
{
	int signal_number;

	(void)sigwait(stop_signal, &signal_number); /* a set that is valid */
	stopping = true;
	hurry(listener);
}

static inline int start_thread(
	pthread_t *thread, int detached, void *(*run)(void *), void *arg)
{
	pthread_attr_t attributes;
	int failed;

	(void)pthread_attr_init(&attributes); /* on Linux these cannot fail */
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	(void)pthread_attr_setdetachstate(&attributes, detached);
	failed = pthread_create(thread, &attributes, run, arg);
	(void)pthread_attr_destroy(&attributes);
	return failed;
}

#endif /* LOOP_THREADS_H */
