/* SPDX-License-Identifier: MIT
 *
 * The lines of `hark serve`; see report.h.
 */
#include "report.h"

#include "command.h"

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>

static enum verbosity level = TELL_EVENTS;

void report_set(enum verbosity verbosity)
{
	level = verbosity;
}

bool report_tells(enum verbosity what)
{
	return what <= level;
}

void report(enum verbosity what, const char *format, ...)
{
	va_list list;

	if (!report_tells(what))
		return;
	va_start(list, format);
	flockfile(stderr);
	fputs("hark: ", stderr);
	/* The analyzer does not follow va_start in a file that is not its first.
	 * NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
	vfprintf(stderr, format, list);
	fputc('\n', stderr);
	funlockfile(stderr);
	va_end(list);
}

void report_error(const char *before, const struct hark_error *err)
{
	flockfile(stderr);
	fprintf(stderr, "hark: %s: ", before);
	hark_error_print(stderr, err);
	funlockfile(stderr);
}

void report_listening(const struct hark_listener *listener)
{
	const struct hark_backlog *backlog = &listener->backlog;
	char text[HARK_ADDR_TEXT_MAX], queue[96] = "", cut[96] = "";

	(void)hark_addr_text(&listener->addr, text, sizeof(text)); /* it fits */
	if (backlog->effective >= 0)
		(void)snprintf(
			queue, sizeof(queue), ", backlog %d", backlog->effective);
	if (backlog->requested > backlog->effective && backlog->effective >= 0)
		(void)snprintf(cut, sizeof(cut),
			" (asked for %d; net.core.somaxconn allows %d)",
			backlog->requested, backlog->ceiling);
	report(TELL_EVENTS, "listening on %s%s%s", text, queue, cut);
}

void report_left_out(const struct hark_listener_set *set)
{
	char text[HARK_ADDR_TEXT_MAX];

	for (size_t i = 0; i < set->verdict_count; i++) {
		const struct hark_addr *addr = &set->verdict[i].addr;

		if (set->verdict[i].outcome != HARK_OUTCOME_FAMILY_OFF)
			continue;
		(void)hark_addr_text(addr, text, sizeof(text)); /* it fits */
		report(TELL_EVENTS, "not listening on %s: this host has no %s", text,
			hark_addr_family(addr) == AF_INET6 ? "IPv6" : "IPv4");
	}
}

bool report_is_due(_Atomic int64_t *last_ms, int64_t now_ms)
{
	int64_t last = *last_ms;

	if (last && now_ms - last < 1000)
		return false;
	return atomic_compare_exchange_strong(last_ms, &last, now_ms);
}

#define NAMED(signal) [signal] = #signal

static const char *const signal_names[] = {NAMED(SIGHUP), NAMED(SIGINT), NAMED(SIGQUIT),
	NAMED(SIGILL), NAMED(SIGTRAP), NAMED(SIGABRT), NAMED(SIGBUS), NAMED(SIGFPE),
	NAMED(SIGKILL), NAMED(SIGUSR1), NAMED(SIGSEGV), NAMED(SIGUSR2), NAMED(SIGPIPE),
	NAMED(SIGALRM), NAMED(SIGTERM), NAMED(SIGXCPU), NAMED(SIGXFSZ),
	NAMED(SIGVTALRM), NAMED(SIGPROF), NAMED(SIGIO), NAMED(SIGPWR), NAMED(SIGSYS)};

void report_how_ended(int status, char text[32])
{
	size_t number = (size_t)WTERMSIG(status);

	if (WIFEXITED(status))
		(void)snprintf(text, 32, "exit code %d", WEXITSTATUS(status));
	else if (number < sizeof(signal_names) / sizeof(signal_names[0]) &&
		 signal_names[number])
		(void)snprintf(text, 32, "signal %s", signal_names[number]);
	else
		(void)snprintf(text, 32, "signal %zu", number);
}
