/* SPDX-License-Identifier: MIT
 *
 * `hark serve` in a process of its own, with its system calls at the test's mercy, and
 * clients for it.
 */
#ifndef TESTS_SERVED_H
#define TESTS_SERVED_H

#include "harness.h"
#include "net.h"

#include "os.h"
#include "sys/sys.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int hark_main(int argc, char **argv);

/* An open descriptor that a test may give to --notify-fd; who reads the port reads no more. */
enum { WORDS_MAX = 40, SERVED_NOTIFY_FD = 50 };

struct served {
	pid_t pid;
	int ready;      /* its standard output: the port of --print-port */
	char log[4096]; /* what it said, once it has ended */
};

/* Faults are set in the child alone. */
struct faults {
	int (*in_command)(enum os_call call);
	int (*in_library)(enum hark__call call);
};

static inline void log_path(char path[256])
{
	(void)snprintf(path, 256, "%s/log", temp_directory());
}

static inline _Noreturn void be_served(
	const char *const *words, const struct faults *faults, int out)
{
	char path[256], *argv[WORDS_MAX + 1], text[WORDS_MAX][128];
	int argc = 0, log;

	log_path(path);
	log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (log < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0 ||
		dup2(out, SERVED_NOTIFY_FD) < 0)
		_exit(99);
	for (; words[argc]; argc++) {
		(void)snprintf(text[argc], sizeof(text[argc]), "%s", words[argc]);
		argv[argc] = text[argc];
	}
	argv[argc] = NULL;
	os_fault = faults ? faults->in_command : NULL;
	hark__fault = faults ? faults->in_library : NULL;
	argc = hark_main(argc, argv);
	(void)fflush(NULL); /* nobody reads more than there is */
	_exit(argc);
}

static inline struct served serve(const char *const *words, const struct faults *faults)
{
	struct served served;
	int out[2];

	CHECK_SYS(pipe2(out, O_CLOEXEC));
	CHECK_SYS(served.pid = fork());
	if (served.pid == 0)
		be_served(words, faults, out[1]);
	CHECK_SYS(close(out[1]));
	served.ready = out[0];
	return served;
}

/* The port, once it is served; 0 when the server has ended instead. */
static inline unsigned served_port(struct served *served)
{
	struct pollfd readable = {.fd = served->ready, .events = POLLIN};
	long long deadline = deadline_ms(10000);
	char text[16] = "";
	size_t used = 0;
	ssize_t got;

	while (used < sizeof(text) - 1 && !strchr(text, '\n')) {
		CHECK_INT(poll(&readable, 1, left_ms(deadline)), ==, 1);
		CHECK_SYS(got = read(served->ready, text + used, 1));
		if (got == 0)
			break;
		text[++used] = '\0';
	}
	return (unsigned)atoi(text);
}

/* What it has said so far. */
static inline const char *served_read_log(struct served *served)
{
	char path[256];
	int file;
	ssize_t got;

	log_path(path);
	CHECK_SYS(file = open(path, O_RDONLY | O_CLOEXEC));
	CHECK_SYS(got = read(file, served->log, sizeof(served->log) - 1));
	served->log[got] = '\0';
	CHECK_SYS(close(file));
	return served->log;
}

static inline void served_wait_log(struct served *served, const char *part)
{
	WAIT_UNTIL(strstr(served_read_log(served), part));
}

/* Waits for its end; the exit code, or minus the signal. */
static inline int served_end(struct served *served)
{
	int status;

	CHECK_SYS(waitpid(served->pid, &status, 0));
	CHECK_SYS(close(served->ready));
	(void)served_read_log(served);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline int served_stop(struct served *served)
{
	CHECK_SYS(kill(served->pid, SIGTERM));
	return served_end(served);
}

static inline int count_entries(const char *directory)
{
	DIR *entries = opendir(directory);
	int count = 0;

	CHECK(entries != NULL);
	while (readdir(entries))
		count++;
	CHECK_SYS(closedir(entries));
	return count;
}

static inline int served_descriptors(const struct served *served)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)served->pid);
	return count_entries(path);
}

/* Running and not waited for; the first thread made them all. */
static inline int served_children(const struct served *served)
{
	char path[64], text[4096] = "";
	int file, count = 0;
	ssize_t got;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
		(int)served->pid, (int)served->pid);
	file = open(path, O_RDONLY | O_CLOEXEC);
	REQUIRE(file >= 0, "this kernel does not list children");
	CHECK_SYS(got = read(file, text, sizeof(text) - 1));
	CHECK_SYS(close(file));
	for (ssize_t i = 0; i < got; i++)
		count += text[i] == ' ';
	return count;
}

/* Says something and reads it back to the end; false when it was not so. */
static inline bool converse(int client)
{
	char text[16];

	return send(client, "ohai\n", 5, MSG_NOSIGNAL) == 5 &&
	       shutdown(client, SHUT_WR) == 0 &&
	       net_read_all(client, text, sizeof(text)) == 5 && !strcmp(text, "ohai\n");
}

#endif
