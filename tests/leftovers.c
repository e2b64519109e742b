/*
 * What a test may leave behind: open descriptors and child processes.
 *
 * Not here: when to look (harness.c).
 *
 * Descriptors are compared before and after, in the process of the test, because
 * valgrind, qemu and sanitizers hold some of their own. Number and target both count:
 * closing one descriptor and leaking another at the same number is found, if it is
 * another file.
 *
 * Children are whatever waitpid() knows. The runner makes itself and each test the
 * reaper of orphans (PR_SET_CHILD_SUBREAPER), so that grandchildren and daemons are
 * children in the end.
 */
#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "leftovers.h"

__attribute__((format(printf, 3, 4))) static void append(
	char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text + used, size - used, format, args); /* cut short is fine */
	va_end(args);
}

static void read_target(int dir, const char *name, struct descriptor *found)
{
	ssize_t n = readlinkat(dir, name, found->what, sizeof(found->what) - 1);

	found->what[n < 0 ? 0 : n] = '\0';
	found->fd = atoi(name);
}

int descriptors_list(struct descriptors *list)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	list->count = 0;
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(dir))
			continue;
		if (list->count < DESCRIPTORS_KEPT)
			read_target(dirfd(dir), entry->d_name, &list->at[list->count]);
		list->count++;
	}
	(void)closedir(dir); /* only read from */
	return list->count;
}

int open_descriptors(void)
{
	struct descriptors list;
	int count = descriptors_list(&list);

	if (count < 0)
		harness_fail(__FILE__, __LINE__, "cannot list descriptors: %s",
			errno_name(count));
	return count;
}

static const char *target_of(const struct descriptors *list, int fd)
{
	for (int i = 0; i < list->count && i < DESCRIPTORS_KEPT; i++)
		if (list->at[i].fd == fd)
			return list->at[i].what;
	return NULL;
}

/*
 * A test that lowered its limit to see EMFILE must still be able to open the listing.
 */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit); /* the listing will tell */
	}
}

int descriptors_compare(const struct descriptors *before, char *text, size_t size)
{
	static struct descriptors after;
	const char *was;
	int differences = 0, result;

	raise_limit();
	result = descriptors_list(&after);
	if (result < 0) {
		append(text, size, "cannot list descriptors: %s\n", errno_name(result));
		return 1;
	}
	for (int i = 0; i < after.count && i < DESCRIPTORS_KEPT; i++) {
		was = target_of(before, after.at[i].fd);
		if (was && strcmp(was, after.at[i].what) == 0)
			continue;
		append(text, size, "descriptor %d left open: %s%s%s\n", after.at[i].fd,
			after.at[i].what, was ? ", was " : "", was ? was : "");
		differences++;
	}
	for (int i = 0; i < before->count && i < DESCRIPTORS_KEPT; i++) {
		if (target_of(&after, before->at[i].fd))
			continue;
		append(text, size, "descriptor %d was closed: %s\n", before->at[i].fd,
			before->at[i].what);
		differences++;
	}
	return differences;
}

/* Calls act on each child of this thread, zombies included; how many there were. */
static int each_child(void (*act)(pid_t, char *, size_t), char *text, size_t size)
{
	FILE *file = fopen("/proc/thread-self/children", "re");
	int pid, count = 0;

	if (!file)
		return 0;
	for (; fscanf(file, "%d", &pid) == 1; count++)
		act(pid, text, size);
	(void)fclose(file); /* only read from */
	return count;
}

static void describe_child(pid_t pid, char *text, size_t size)
{
	char path[64], name[32] = "?";
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%31s", name) != 1)
			name[0] = '\0';
		(void)fclose(file); /* only read from */
	}
	append(text, size, "child %d left running: %s\n", (int)pid, name);
}

int children_left(char *text, size_t size)
{
	int count = 0, listed, status;
	pid_t pid;

	for (; (pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0; count++)
		append(text, size, "child %d not waited for: %s %d\n", (int)pid,
			WIFSIGNALED(status) ? "signal" : "exit status",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	if (pid < 0)
		return count;
	listed = each_child(describe_child, text, size);
	if (!listed)
		append(text, size, "children left running\n");
	return count + (listed ? listed : 1);
}

static void kill_child(pid_t pid, char *text, size_t size)
{
	(void)text, (void)size;
	(void)kill(pid, SIGKILL); /* a zombie does not mind */
}

/* Waits for one at a time: its own children become ours, and are seen the next time. */
void children_kill(void)
{
	while (each_child(kill_child, NULL, 0) > 0)
		if (waitpid(-1, NULL, __WALL) < 0)
			return;
}
