/* SPDX-License-Identifier: MIT
 *
 * Starting a program; see spawn.h.  Floor 0.
 *
 * Invariants: the new process of a vfork(2) shares the memory of its parent, so it writes
 * to nothing but what the parent left for it, and calls only what is async-signal-safe; no
 * signal handler of the parent's ever runs in it.
 */
#include "sys/spawn.h"

#include "sys/fault.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* -------------------------------------------------------------------- the new process */

/* Decimal digits, without what stdio may do to a parent whose memory this is. */
static void write_pid(char *text, pid_t pid)
{
	char digits[SYS_PID_TEXT_MAX];
	int count = 0;

	do {
		digits[count++] = (char)('0' + pid % 10);
		pid /= 10;
	} while (pid > 0);
	while (count > 0)
		*text++ = digits[--count];
	*text = '\0';
}

static bool is_successor(const struct sys_program *program)
{
	return program->fd < 0;
}

static bool is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/*
 * Handlers would be reset by the exec as well, but act on the memory of the parent until
 * then; and what the server ignores, a program does not expect to be ignored.  A successor
 * does: of nohup(1), say.
 */
static void free_signals(const struct sys_program *program)
{
	const struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		if (!is_successor(program) || !is_ignored(number))
			(void)sigaction(number, &action, NULL); /* refused where so */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int take_connection(int fd)
{
	return dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0 ? -errno : 0;
}

/* A group of its own for a program, since Ctrl-C is for the server, and its successor. */
static int be_a_child(const struct sys_program *program)
{
	if (!is_successor(program))
		(void)setpgid(0, 0); /* of a process that was just born: cannot fail */
	free_signals(program);
	return is_successor(program) ? 0 : take_connection(program->fd);
}

enum { DESCRIPTORS_MAX = 65536, LOWEST = STDERR_FILENO + 1 };

static int most_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > DESCRIPTORS_MAX)
		return DESCRIPTORS_MAX;
	return (int)limit.rlim_cur;
}

/*
 * Whatever else is open ends at the exec: ours is close-on-exec, but the application may
 * have some that are not.  Linux 5.11 has the flag, 5.9 the call.
 */
static void close_at_exec(void)
{
	enum { CLOSE_ON_EXEC = 1 << 2 };
	int most;

	if (syscall(SYS_close_range, LOWEST, ~0U, CLOSE_ON_EXEC) == 0)
		return;
	most = most_descriptors();
	for (int fd = LOWEST; fd < most; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* most of them are not open */
}

static void close_now(void)
{
	int most;

	if (syscall(SYS_close_range, LOWEST, ~0U, 0) == 0)
		return;
	most = most_descriptors();
	for (int fd = LOWEST; fd < most; fd++)
		(void)close(fd); /* likewise */
}

static int keep_open(const struct sys_program *program)
{
	for (size_t i = 0; i < program->kept_count; i++)
		if (fcntl(program->kept[i], F_SETFD, 0) < 0)
			return -errno;
	return 0;
}

/* Only returns when it failed. */
static int execute(const struct sys_program *program)
{
	if (program->own_pid)
		write_pid(program->own_pid, getpid());
	(void)execve(program->path, program->argv, program->envp);
	return -errno;
}

static void block_signals(sigset_t *before)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, before); /* cannot fail */
}

static void restore_signals(const sigset_t *before)
{
	(void)pthread_sigmask(SIG_SETMASK, before, NULL); /* cannot fail */
}

/* --------------------------------------------------------------------- waiting for exec */

/* The reason of an exec that failed; 0: the pipe was closed by one that did not. */
static int read_report(int fd)
{
	int code = 0;
	ssize_t got;

	do {
		got = read(fd, &code, sizeof(code));
	} while (got < 0 && errno == EINTR);
	return got == sizeof(code) ? code : 0;
}

/* A copy above the standard descriptors, where a number is below; negative errno. */
static int move_up(int fd)
{
	int moved = fd;

	if (fd < LOWEST) {
		moved = sys__result(fcntl(fd, F_DUPFD_CLOEXEC, LOWEST));
		(void)close(fd); /* a copy is open, or it is of no use */
	}
	return moved;
}

/* The connection goes to the standard descriptors, even where they were closed. */
static int open_report(int report[2])
{
	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	report[0] = move_up(report[0]);
	report[1] = move_up(report[1]);
	if (report[0] >= 0 && report[1] >= 0)
		return 0;
	(void)close(report[0]); /* one of them is none */
	(void)close(report[1]);
	return -EMFILE;
}

/* What the new process writes into shared memory: whether it went to its exec, or why not. */
enum { NOT_SHARED = 1 };

/*
 * vfork(2): the parent's memory is not copied, and it waits until the exec.  Signals are
 * blocked, since their handlers would run in the new process too.  Emulators and sanitizers
 * make a fork(2) of it; then *fate stays NOT_SHARED, and the reason of a failure comes by
 * the pipe.
 */
static pid_t start_here(
	const struct sys_program *program, const int report[2], volatile int *fate)
{
	sigset_t before;
	pid_t pid;
	int code;

	block_signals(&before);
	/* NOLINTBEGIN(clang-analyzer-*): the calls that POSIX allows, and Linux more */
	pid = vfork();
	if (pid == 0) {
		*fate = code = be_a_child(program);
		close_at_exec();
		if (code == 0)
			*fate = code = keep_open(program);
		if (code == 0)
			*fate = code = execute(program);
		(void)!write(report[1], &code, sizeof(code)); /* nobody to tell */
		_exit(127);
	}
	/* NOLINTEND(clang-analyzer-*) */
	code = errno;
	restore_signals(&before);
	return pid < 0 ? -code : pid;
}

/*
 * The pipe is not read where the answer is known: a process that another thread has forked
 * meanwhile may have a copy of its writing end, and keep it open for long.
 */
static pid_t start_and_wait(const struct sys_program *program)
{
	volatile int fate = NOT_SHARED;
	int report[2] = {-1, -1}, code;
	pid_t pid;

	code = open_report(report);
	if (code < 0)
		return code;
	pid = start_here(program, report, &fate);
	(void)close(report[1]);
	code = pid < 0 ? 0 : fate == NOT_SHARED ? read_report(report[0]) : fate;
	(void)close(report[0]);
	if (code == 0)
		return pid;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) /* it has ended */
		continue;
	return code;
}

/* --------------------------------------------------------------------- with preparation */

/*
 * A process that may wait for name servers must not keep the listeners open: who serves next
 * could not have them, and clients would wait for nobody.
 */
static _Noreturn void prepare_and_execute(const struct sys_program *program)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};
	int code = be_a_child(program);

	close_now();
	if (code == 0 && program->prepare(program->ctx) >= 0)
		code = execute(program);
	(void)setsockopt(STDIN_FILENO, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (code < 0)
		program->failed(code, program->ctx);
	_exit(111);
}

static pid_t fork_and_prepare(const struct sys_program *program)
{
	sigset_t before;
	pid_t pid;

	block_signals(&before);
	pid = fork();
	if (pid == 0)
		prepare_and_execute(program);
	pid = sys__result(pid);
	restore_signals(&before);
	return pid;
}

static pid_t spawn(const struct sys_program *program)
{
	return program->prepare ? fork_and_prepare(program) : start_and_wait(program);
}

pid_t sys_spawn(const struct sys_program *program)
{
	SYS__TRY(SPAWN, spawn(program));
}

uid_t sys_geteuid(void)
{
	return geteuid();
}

gid_t sys_getegid(void)
{
	return getegid();
}
