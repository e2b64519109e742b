/* SPDX-License-Identifier: MIT
 *
 * Minding signals; see signals.h.  Floor 2.
 */
#include "socket/signals.h"

#include "base/error.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

/* The first two by all; which more, whoever is told of each says: the others stay as they
 * are. */
static const int minded[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR2};
enum { MINDED = sizeof(minded) / sizeof(minded[0]), STOPS = 2, RELOADS, UPGRADES };

/*
 * The slot: who took it, and the descriptor to wake, in one word, so that a process that
 * was forked in between never sees half of it.  0 is free.
 */
static _Atomic uint64_t slot;
static atomic_int inside; /* handlers that may hold the descriptor's number */
static struct sigaction before[MINDED];
static atomic_size_t taken; /* of them */

/* Who is told; set before the slot, and while it is taken. */
static hark__signal_told *_Atomic told;
static void *_Atomic told_ctx;

static uint64_t slot_of(pid_t pid, int fd)
{
	return (uint64_t)(uint32_t)pid << 32 | (uint32_t)fd;
}

static bool is_ours(uint64_t word)
{
	return (pid_t)(word >> 32) == sys_getpid();
}

static void restore(size_t i)
{
	(void)sys_sigaction(minded[i], &before[i], NULL); /* worked before */
}

static void on_signal(int number);

/* A child that was forked has our handlers, unless it has set others since. */
static void restore_inherited(void)
{
	struct sigaction now;

	for (size_t i = 0; i < MINDED && i < taken; i++)
		if (sys_sigaction(minded[i], NULL, &now) == 0 &&
			now.sa_handler == on_signal)
			restore(i);
}

/*
 * A child that was forked inherits the handler, but the loop is its parent's: there the
 * signal does what it did before.
 */
static void on_signal(int number)
{
	int saved = errno;
	hark__signal_told *whom;
	uint64_t word;

	atomic_fetch_add(&inside, 1);
	word = atomic_load(&slot);
	if (word != 0 && is_ours(word)) {
		whom = told;
		if (whom)
			whom(number, told_ctx);
		else
			(void)hark_wake((int)(uint32_t)word); /* nothing else to do */
	} else if (word != 0) {
		restore_inherited();
		sys_raise(number); /* held back until this returns */
	}
	atomic_fetch_sub(&inside, 1);
	errno = saved;
}

/* True for the one who gets it.  What a forked child finds of its parent's is free. */
static bool take_slot(int wake_fd)
{
	uint64_t found = atomic_load(&slot);
	bool inherited = found != 0 && !is_ours(found);

	if (found != 0 && !inherited)
		return false;
	if (inherited) {
		restore_inherited();
		atomic_store(&inside, 0);
	}
	return atomic_compare_exchange_strong(
		&slot, &found, slot_of(sys_getpid(), wake_fd));
}

/* The caller closes the descriptor next: wait for a handler in another thread. */
static void free_slot(void)
{
	atomic_store(&slot, 0);
	while (atomic_load(&inside) > 0)
		(void)sys_poll(NULL, 0, 1); /* a pause: early is fine */
}

static int take(struct hark_error *err)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	int set;

	(void)sigemptyset(&action.sa_mask); /* cannot fail */
	for (size_t i = 0; i < MINDED && i < taken; i++) {
		set = sys_sigaction(minded[i], &action, &before[i]);
		if (set == 0)
			continue;
		while (i-- > 0)
			restore(i);
		free_slot();
		return HARK__FAIL(err, .step = HARK_STEP_SIGNAL, .code = set);
	}
	return 0;
}

static int taken_already(struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_SIGNAL, .code = -EBUSY,
		.cause = HARK_CAUSE_SIGNALS_TAKEN);
}

int hark__signals_take(int wake_fd, struct hark_error *err)
{
	if (!take_slot(wake_fd))
		return taken_already(err);
	told = (hark__signal_told *)0;
	taken = STOPS;
	return take(err);
}

/* Nobody's handler runs before take(): the slot alone does nothing. */
int hark__signals_take_all(
	hark__signal_told *whom, void *ctx, bool upgrades, struct hark_error *err)
{
	if (!take_slot(0))
		return taken_already(err);
	told = whom;
	told_ctx = ctx;
	taken = upgrades ? UPGRADES : RELOADS;
	return take(err);
}

void hark__signals_release(void)
{
	for (size_t i = 0; i < MINDED && i < taken; i++)
		restore(i);
	free_slot();
}

static void heed_nothing(int number, void *ctx)
{
	(void)number, (void)ctx;
}

/* Not ignored: that would be inherited by programs that the handler runs. */
void hark__signals_leave_to_parent(void)
{
	uint64_t found = atomic_load(&slot);

	if (found == 0 || is_ours(found))
		return;
	told = heed_nothing;
	atomic_store(&inside, 0);
	atomic_store(&slot, slot_of(sys_getpid(), 0));
}
