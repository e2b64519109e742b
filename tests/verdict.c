/*
 * What the process of a test tells the runner: notes, a failure, a reason to skip.
 *
 * Not here: what counts as passed in the end (harness.c), what failed assertions say
 * (checks.c).
 *
 * Everything that writes here may be called from any thread and from forked children.
 */
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "verdict.h"

static struct verdict *shared;
static pid_t test_pid; /* the process that runs the test's body */
static bool without_fork;

struct verdict *verdict_make(void)
{
	void *memory = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	shared = memory == MAP_FAILED ? NULL : memory;
	return shared;
}

void verdict_begin(bool in_process)
{
	test_pid = getpid();
	without_fork = in_process;
}

bool verdict_is_of_this_process(void)
{
	return getpid() == test_pid;
}

bool verdict_decide(enum outcome outcome)
{
	int running = RUNNING;

	return atomic_compare_exchange_strong(&shared->outcome, &running, outcome);
}

bool harness_checked(bool holds)
{
	atomic_store_explicit(&shared->asserted, true, memory_order_relaxed);
	return holds;
}

void harness_note(const char *format, ...)
{
	char line[1024];
	va_list args;
	size_t at, length;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line) - 1, format, args); /* cut short is fine */
	va_end(args);
	length = strlen(line);
	line[length++] = '\n';
	at = atomic_fetch_add(&shared->noted, length);
	if (at + length <= sizeof(shared->notes))
		memcpy(shared->notes + at, line, length);
}

/*
 * The end of a test, once something is decided. If another thread or process was first,
 * it gets time to finish what it has to say before this one takes the process away.
 */
static _Noreturn void end_test(bool first)
{
	if (!first)
		sleep(1);
	if (without_fork && verdict_is_of_this_process())
		exit(0);
	if (!verdict_is_of_this_process())
		(void)kill(test_pid, SIGKILL); /* if not permitted: its time limit */
	_exit(1);
}

void harness_skip(const char *format, ...)
{
	bool first = verdict_decide(SKIPPED);
	va_list args;

	va_start(args, format);
	if (first)
		(void)vsnprintf(shared->because, sizeof(shared->because), format, args);
	va_end(args);
	end_test(first);
}

void harness_fail(const char *file, int line, const char *format, ...)
{
	bool first = verdict_decide(FAILED);
	char *because = shared->because;
	va_list args;
	int n;

	va_start(args, format);
	if (first) {
		n = snprintf(because, sizeof(shared->because), "%s:%d: ", file, line);
		(void)vsnprintf(because + n, sizeof(shared->because) - (size_t)n,
			format, args); /* cut short is fine */
	}
	va_end(args);
	if (without_fork) {
		fprintf(stderr, "%s\n", because);
		abort();
	}
	end_test(first);
}

const char *temp_directory(void)
{
	const char *parent = getenv("TMPDIR");
	char *path = shared->directory;

	if (*path)
		return path;
	if (!parent || strlen(parent) > 60) /* a socket's path has but 108 bytes */
		parent = "/tmp";
	(void)snprintf(path, sizeof(shared->directory), "%s/hark-XXXXXX", parent);
	if (!mkdtemp(path)) {
		*path = '\0';
		harness_fail(__FILE__, __LINE__, "cannot make a directory in '%s': %s",
			parent, errno_name(errno));
	}
	return path;
}

static int remove_entry(
	const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status, (void)type, (void)where;
	(void)remove(path); /* the directory that stays will tell */
	return 0;
}

void verdict_clean(const struct verdict *verdict)
{
	if (!*verdict->directory)
		return;
	(void)nftw(verdict->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	if (access(verdict->directory, F_OK) == 0)
		harness_note("cannot remove '%s'", verdict->directory);
}

/* Unprintable bytes are shown as \xNN: the text may hold what came over a socket. */
static void print_text(const char *text, size_t size)
{
	bool line_start = true;

	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\0') /* where a note is missing */
			continue;
		if (line_start)
			printf("# ");
		line_start = c == '\n';
		if ((c < ' ' && c != '\n' && c != '\t') || c == 127)
			printf("\\x%02x", c);
		else
			(void)putchar(c);
	}
	if (!line_start)
		(void)putchar('\n');
}

void verdict_print(const struct verdict *verdict)
{
	size_t noted = atomic_load(&verdict->noted), size = sizeof(verdict->notes);

	if (atomic_load(&verdict->outcome) == FAILED)
		print_text(verdict->because, strlen(verdict->because));
	print_text(verdict->notes, noted < size ? noted : size);
}
