/* SPDX-License-Identifier: MIT
 *
 * Every system call of the command that the library does not make for it: one thin wrapper
 * each, which returns the result or a negative errno.  Not here: what they are for.
 *
 * os.c is compiled a second time with HARK_FAULTS for the tests; then every call that can
 * fail asks os_fault first.  Whoever adds one adds it to OS_CALLS, and the sweep over the
 * command's start will fail until something reaches it.
 */
#ifndef HARK_COMMAND_OS_H
#define HARK_COMMAND_OS_H

#include <hark.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OS_CALLS(X)                  \
	X(OPEN, "open")              \
	X(READ, "read")              \
	X(WRITE, "write")            \
	X(DUP2, "dup2")              \
	X(CLOEXEC, "close_range")    \
	X(GETFD, "fcntl(F_GETFD)")   \
	X(STAT, "stat")              \
	X(ACCESS, "access")          \
	X(SIGMASK, "sigprocmask")    \
	X(FORK, "fork")              \
	X(USER, "getpwnam")          \
	X(GROUP, "getgrnam")         \
	X(GROUPS_OF, "getgrouplist") \
	X(CHROOT, "chroot")          \
	X(SETGROUPS, "setgroups")    \
	X(SETGID, "setresgid")       \
	X(SETUID, "setresuid")       \
	X(SEND, "send")              \
	X(RECEIVE, "recv")           \
	X(LIMIT, "setrlimit")        \
	X(NAME, "getnameinfo")       \
	X(CONNECT, "connect")

#define OS_CALL_ENUM(name, text) OS_CALL_##name,
enum os_call { OS_CALLS(OS_CALL_ENUM) OS_CALL_COUNT };

/* With HARK_FAULTS only: 0 lets the call through, a negative errno is its result. */
extern int (*os_fault)(enum os_call call);

/* ---------------------------------------------------------------- descriptors and files */

/*
 * Fills 0, 1 and 2 where they are closed, with /dev/null or, where there is none, with
 * something that takes and gives nothing; so that no socket gets such a number, and programs
 * have a 2.
 */
int os_plug_standard_descriptors(void);
/* Whatever we were started with, above 2, ends at the exec of a program. */
int os_close_on_exec(int lowest);
/* Descriptor 1 becomes such a plug: whoever reads our output sees its end. */
int os_end_output(void);
ssize_t os_write(int fd, const void *data, size_t size);
int os_is_open(int fd);

enum os_file { OS_FILE_OTHER, OS_FILE_REGULAR, OS_FILE_DIRECTORY };
int os_file(const char *path); /* enum os_file */
int os_may_execute(const char *path);
/* The beginning of a file; how many bytes. */
ssize_t os_read_start(const char *path, void *data, size_t size);

/* The name of an address, by the resolver; -ENOENT when it has none. */
int os_name_of(const struct hark_addr *addr, char *name, size_t size);
/* A connection between these two, non-blocking; or -ETIMEDOUT. */
int os_connect_from(
	const struct hark_addr *local, const struct hark_addr *remote, int timeout_ms);

int os_connect(const struct hark_addr *remote, int timeout_ms); /* likewise */

/* As much as fits, or is there, at once; never waiting. */
ssize_t os_send_now(int fd, const void *data, size_t size);
ssize_t os_receive_now(int fd, void *data, size_t size);

/* Where fewer may be open, so many from now on, as far as that may be. */
int os_need_descriptors(unsigned most);

/* ----------------------------------------------------------------- time and processes */

int64_t os_now_ms(void); /* monotonic */

/* The path that this process was executed by; NULL: the system does not tell. */
const char *os_executed(void);

/* A reader of our log who leaves, and a log that is as large as it may be, end nobody. */
void os_ignore_log_signals(void);
/*
 * Those that end us are let in, whoever blocked them before we were executed; and ends of
 * children are told, whoever ignored them.
 */
int os_free_signals(void);

/* Does something in a process of its own, which changes nothing here; what it returned. */
int os_try(int (*what)(void *ctx), void *ctx);

/* -------------------------------------------------------------------------- privileges */

enum { OS_GROUPS_MAX = 256 };

struct os_identity {
	uid_t uid;
	gid_t gid;
	int group_count;
	gid_t groups[OS_GROUPS_MAX];
};

/* 1 and the user's numbers; 0: there is no such user. */
int os_user(const char *name, uid_t *uid, gid_t *gid);
/* The other way round. */
int os_user_of(uid_t uid, char *name, size_t size, gid_t *gid);
int os_group(const char *name, gid_t *gid);
/* The groups of that user; their number, or -E2BIG. */
int os_groups_of(const char *name, gid_t gid, gid_t *groups, int most);
int os_chroot(const char *directory);
int os_set_groups(const gid_t *groups, size_t count);
int os_set_gid(gid_t gid);
int os_set_uid(uid_t uid);

uid_t os_uid(void);
bool os_has_groups(
	const gid_t *groups, size_t count); /* these, in any order, no other */
gid_t os_gid(void);

#endif
