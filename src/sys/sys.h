/* SPDX-License-Identifier: MIT
 *
 * Every call that leaves the process: one thin wrapper each, which returns the result or
 * a negative errno, and nothing else.  Not here: retries, defaults, meaning.
 *
 * sys.c is compiled a second time with HARK_FAULTS for the tests; then every call that
 * can fail asks hark__fault first.  Whoever adds one adds it to HARK__CALLS, and the fault sweep will
 * fail until a test reaches it.
 *
 * Floor 0.
 */
#ifndef HARK_SYS_SYS_H
#define HARK_SYS_SYS_H

#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>

#define HARK__CALLS(X)                   \
	X(SOCKET, "socket")              \
	X(SOCKETPAIR, "socketpair")      \
	X(BIND, "bind")                  \
	X(LISTEN, "listen")              \
	X(ACCEPT, "accept4")             \
	X(CONNECT, "connect")            \
	X(SHUTDOWN, "shutdown")          \
	X(CLOSE, "close")                \
	X(GETSOCKOPT, "getsockopt")      \
	X(SETSOCKOPT, "setsockopt")      \
	X(GETSOCKNAME, "getsockname")    \
	X(POLL, "poll")                  \
	X(RECV, "recv")                  \
	X(SEND, "send")                  \
	X(SENDMSG, "sendmsg")            \
	X(RECVMSG, "recvmsg")            \
	X(READ, "read")                  \
	X(WRITE, "write")                \
	X(OPEN, "open")                  \
	X(DUP, "fcntl(F_DUPFD_CLOEXEC)") \
	X(GETFL, "fcntl(F_GETFL)")       \
	X(SETFL, "fcntl(F_SETFL)")       \
	X(SETFD, "fcntl(F_SETFD)")       \
	X(LSTAT, "lstat")                \
	X(FSTAT, "fstat")                \
	X(UNLINK, "unlink")              \
	X(FCHMOD, "fchmod")              \
	X(CHMOD, "chmod")                \
	X(CHOWN, "fchownat")             \
	X(FLOCK, "flock")                \
	X(EVENTFD, "eventfd")            \
	X(SIGACTION, "sigaction")        \
	X(SPAWN, "vfork and execve")     \
	X(MAP, "mmap")                   \
	X(FORK, "fork")                  \
	X(WAIT, "waitpid")               \
	X(PIDFD, "pidfd_open")           \
	X(THREAD, "pthread_create")      \
	X(EPOLL, "epoll_create1")        \
	X(EPOLL_ADD, "epoll_ctl")        \
	X(EPOLL_WAIT, "epoll_wait")      \
	X(TIMER, "timerfd_create")       \
	X(TIMER_SET, "timerfd_settime")  \
	X(SENDFILE, "sendfile")          \
	X(AFFINITY, "sched_setaffinity") \
	X(GETRLIMIT, "getrlimit")        \
	X(SETRLIMIT, "setrlimit")        \
	X(GETADDRINFO, "getaddrinfo")    \
	X(NAMETOINDEX, "if_nametoindex") \
	X(INDEXTONAME, "if_indextoname")

#define HARK__CALL_ENUM(name, text) HARK__CALL_##name,
enum hark__call { HARK__CALLS(HARK__CALL_ENUM) HARK__CALL_COUNT };

/*
 * With HARK_FAULTS only: asked before each call (after it for close, which releases the
 * descriptor whatever it says).  0 lets it through, a negative errno is its result.
 */
extern int (*hark__fault)(enum hark__call call);

int sys_socket(int family, int type, int protocol);
int sys_socketpair(int fds[2]); /* Unix, keeps messages apart; as sys_eventfd */
int sys_bind(int fd, const struct sockaddr *addr, socklen_t length);
int sys_listen(int fd, int backlog);
int sys_accept4(int fd, struct sockaddr *addr, socklen_t *length, int flags);
int sys_connect(int fd, const struct sockaddr *addr, socklen_t length);
int sys_shutdown(int fd, int how);
int sys_close(int fd);
int sys_getsockopt(int fd, int level, int option, void *value, socklen_t *length);
int sys_setsockopt(int fd, int level, int option, const void *value, socklen_t length);
int sys_getsockname(int fd, struct sockaddr *addr, socklen_t *length);
int sys_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
ssize_t sys_recv(int fd, void *data, size_t size, int flags);
ssize_t sys_send(int fd, const void *data, size_t size, int flags);
ssize_t sys_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t sys_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t sys_read(int fd, void *data, size_t size);
ssize_t sys_write(int fd, const void *data, size_t size);
int sys_open(const char *path, int flags);
int sys_dup_above(int fd, int lowest); /* close-on-exec */
int sys_get_flags(int fd);
int sys_set_flags(int fd, int flags);
int sys_set_close_on_exec(int fd);

/* What a path is, as lstat(2) sees it. */
struct sys_file {
	mode_t mode;
	uint64_t device;
	uint64_t inode;
};
int sys_lstat(const char *path, struct sys_file *file);
int sys_fstat(int fd, struct sys_file *file);
int sys_unlink(const char *path);
int sys_fchmod(int fd, mode_t mode);
int sys_chmod(const char *path, mode_t mode);
int sys_chown_fd(int fd, uid_t uid, gid_t gid); /* O_PATH will do */
int sys_flock(int fd, int operation);

int sys_eventfd(void); /* non-blocking, close-on-exec */
int sys_sigaction(int signal, const struct sigaction *act, struct sigaction *old);
int sys_count_descriptors(void); /* open in this process; -1: /proc does not tell */
int sys_getrlimit_nofile(struct rlimit *limit);
int sys_setrlimit_nofile(const struct rlimit *limit);
void sys_raise(int signal);
pid_t sys_getpid(void);
int64_t sys_monotonic_ms(void);

int64_t sys_monotonic_us(void);

/* Zeroed, shared with processes forked later. */
int sys_map_shared(size_t bytes, void **memory);
void sys_unmap(void *memory, size_t bytes);
void sys_make_read_only(void *memory, size_t bytes); /* in this process */
uint64_t sys_random(
	void); /* from the kernel; where it has none yet, the clock and the pid */

/*
 * A copy of this process: 0 in the copy.  The second ends with its parent, by SIGKILL, even
 * if that has gone before it could say so.
 */
pid_t sys_fork(void);
pid_t sys_fork_bound(void);
_Noreturn void sys_exit(int code); /* nothing flushed, no handlers called */
pid_t sys_wait(pid_t pid, int *status, bool block); /* 0: it runs */
int sys_pidfd_open(pid_t pid);                      /* Linux 5.3 */
pid_t sys_getppid(void);
void sys_kill(pid_t pid, int signal);

int sys_thread(size_t stack_bytes, void *(*run)(void *), void *ctx); /* detached */
int sys_pin(unsigned cpu); /* the calling thread, on the nth that it may use */

int sys_epoll(void);
int sys_epoll_add(int epoll, int fd, uint64_t data); /* readable, and its end */
/* Of those who wait for one and the same, not all are woken (EPOLLEXCLUSIVE, Linux 4.5). */
int sys_epoll_add_one_of_many(int epoll, int fd, uint64_t data);
void sys_epoll_remove(int epoll, int fd);

struct sys_event {
	uint64_t data;
};
int sys_epoll_wait(int epoll, struct sys_event *events, int most, int timeout_ms);
int sys_timer(void);                        /* a timerfd; non-blocking */
int sys_timer_set(int timer, int every_ms); /* 0: off */
/* SIGPIPE, which sendfile(2) may raise, is held off meanwhile. */
ssize_t sys_sendfile(int to, int from, int64_t offset, size_t bytes);

/* Returns 0 or an EAI_ code; with EAI_SYSTEM *code is a negative errno, else 0. */
int sys_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
	struct addrinfo **list, int *code);
void sys_freeaddrinfo(struct addrinfo *list);
int sys_if_nametoindex(const char *name);
int sys_if_indextoname(unsigned index, char name[16]);

#endif
