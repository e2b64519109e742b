/* SPDX-License-Identifier: MIT
 *
 * The system calls of the server engine: processes, threads, shared memory, and waiting
 * for many things at once; see sys.h.  Floor 0.
 *
 * Invariant: as in sys.c, a wrapper does one thing and turns errno into a result.
 */
#define _FILE_OFFSET_BITS 64 /* sendfile on 32 bits: files above 2 GiB */

#include "sys/sys.h"

#include "sys/fault.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* ----------------------------------------------------------------------------- memory */

static int map_shared(size_t bytes, void **memory)
{
	void *mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mapped == MAP_FAILED)
		return -errno;
	*memory = mapped;
	return 0;
}

int sys_map_shared(size_t bytes, void **memory)
{
	SYS__TRY(MAP, map_shared(bytes, memory));
}

void sys_unmap(void *memory, size_t bytes)
{
	(void)munmap(memory, bytes); /* fails only for what was not mapped */
}

void sys_make_read_only(void *memory, size_t bytes)
{
	(void)mprotect(memory, bytes, PROT_READ); /* or a mistake may do harm */
}

uint64_t sys_random(void)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) == sizeof(number))
		return number;
	return (uint64_t)sys_monotonic_us() ^ (uint64_t)getpid() << 40;
}

/* -------------------------------------------------------------------------- processes */

pid_t sys_fork(void)
{
	SYS__TRY(FORK, sys__result(fork()));
}

/* The signal goes to who is forked while this thread of the parent lives. */
static pid_t fork_bound(void)
{
	pid_t parent = getpid(), child = fork();

	if (child != 0)
		return child < 0 ? -errno : child;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail for a signal */
	if (getppid() != parent)
		_exit(0);
	return 0;
}

pid_t sys_fork_bound(void)
{
	SYS__TRY(FORK, fork_bound());
}

_Noreturn void sys_exit(int code)
{
	_exit(code);
}

static pid_t wait_for(pid_t pid, int *status, bool block)
{
	pid_t ended;

	do {
		ended = waitpid(pid, status, block ? 0 : WNOHANG);
	} while (ended < 0 && errno == EINTR);
	return ended < 0 ? -errno : ended;
}

pid_t sys_wait(pid_t pid, int *status, bool block)
{
	SYS__TRY(WAIT, wait_for(pid, status, block));
}

int sys_pidfd_open(pid_t pid)
{
	SYS__TRY(PIDFD, sys__result((int)syscall(SYS_pidfd_open, pid, 0)));
}

pid_t sys_getppid(void)
{
	return getppid();
}

void sys_kill(pid_t pid, int signal)
{
	(void)kill(pid, signal); /* it may have gone */
}

/* ---------------------------------------------------------------------------- threads */

static int detached(size_t stack_bytes, void *(*run)(void *), void *ctx)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int done = pthread_attr_init(&attributes);

	if (done != 0)
		return -done;
	(void)pthread_attr_setdetachstate(
		&attributes, PTHREAD_CREATE_DETACHED); /* a legal value */
	done = pthread_attr_setstacksize(&attributes, stack_bytes);
	done = done ? -done : -pthread_create(&thread, &attributes, run, ctx);
	(void)pthread_attr_destroy(&attributes); /* cannot fail on Linux */
	return done;
}

int sys_thread(size_t stack_bytes, void *(*run)(void *), void *ctx)
{
	SYS__TRY(THREAD, detached(stack_bytes, run, ctx));
}

static int pin(unsigned nth)
{
	cpu_set_t allowed, one;
	unsigned seen = 0, count;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return -errno;
	count = (unsigned)CPU_COUNT(&allowed);
	CPU_ZERO(&one);
	for (size_t i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &allowed) && seen++ == nth % count)
			CPU_SET(i, &one);
	return sys__result(sched_setaffinity(0, sizeof(one), &one));
}

int sys_pin(unsigned cpu)
{
	SYS__TRY(AFFINITY, pin(cpu));
}

/* ---------------------------------------------------------------------------- waiting */

int sys_epoll(void)
{
	SYS__TRY(EPOLL, sys__result(epoll_create1(EPOLL_CLOEXEC)));
}

static int add(int epoll, int fd, uint64_t data, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u64 = data};

	return sys__result(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

int sys_epoll_add(int epoll, int fd, uint64_t data)
{
	SYS__TRY(EPOLL_ADD, add(epoll, fd, data, EPOLLIN | EPOLLRDHUP));
}

int sys_epoll_add_one_of_many(int epoll, int fd, uint64_t data)
{
	SYS__TRY(EPOLL_ADD, add(epoll, fd, data, EPOLLIN | EPOLLEXCLUSIVE));
}

void sys_epoll_remove(int epoll, int fd)
{
	(void)epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL); /* it is there */
}

static int look(int epoll, struct sys_event *events, int most, int timeout_ms)
{
	struct epoll_event seen[16];
	int count = epoll_wait(epoll, seen, most < 16 ? most : 16, timeout_ms);

	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++)
		events[i].data = seen[i].data.u64;
	return count;
}

int sys_epoll_wait(int epoll, struct sys_event *events, int most, int timeout_ms)
{
	SYS__TRY(EPOLL_WAIT, look(epoll, events, most, timeout_ms));
}

int sys_timer(void)
{
	SYS__TRY(TIMER, sys__result(timerfd_create(
				CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)));
}

static int set_timer(int timer, int every_ms)
{
	struct timespec every = {
		.tv_sec = every_ms / 1000, .tv_nsec = every_ms % 1000 * 1000000L};
	struct itimerspec spec = {.it_interval = every, .it_value = every};

	return sys__result(timerfd_settime(timer, 0, &spec, NULL));
}

int sys_timer_set(int timer, int every_ms)
{
	SYS__TRY(TIMER_SET, set_timer(timer, every_ms));
}

/* ------------------------------------------------------------------------------- files */

int sys_count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = -3; /* ".", ".." and the directory itself */

	if (!directory)
		return -1;
	while (readdir(directory))
		count++;
	(void)closedir(directory); /* read only */
	return count;
}

/*
 * sendfile(2) has no MSG_NOSIGNAL.  SIGPIPE goes to the thread that wrote, so it is enough
 * to block it here, and to take away what came; one that was pending before is not ours.
 */
static ssize_t send_quietly(int to, int from, off_t offset, size_t bytes)
{
	static const struct timespec now;
	sigset_t pipe_only, before, pending;
	ssize_t sent;
	bool was_pending;

	(void)sigemptyset(&pipe_only); /* cannot fail, as those below */
	(void)sigaddset(&pipe_only, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	(void)sigpending(&pending);
	was_pending = sigismember(&pending, SIGPIPE) == 1;
	sent = sendfile(to, from, &offset, bytes);
	sent = sent < 0 ? -errno : sent;
	if (sent == -EPIPE && !was_pending)
		(void)sigtimedwait(&pipe_only, NULL, &now); /* ignored: none came */
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return sent;
}

ssize_t sys_sendfile(int to, int from, int64_t offset, size_t bytes)
{
	SYS__TRY(SENDFILE, send_quietly(to, from, (off_t)offset, bytes));
}
