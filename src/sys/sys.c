/* SPDX-License-Identifier: MIT
 *
 * The system calls; see sys.h.  Floor 0.
 *
 * Invariant: a wrapper makes exactly one call and turns errno into a result.  Only close
 * acts although a fault is injected: Linux releases the descriptor even when close(2)
 * reports an error.
 */
#define _FILE_OFFSET_BITS 64 /* lstat on 32 bits: inodes above 2^32 */

#include "sys/sys.h"

#include "sys/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef HARK_FAULTS
int (*hark__fault)(enum hark__call call);
#endif

static ssize_t result_size(ssize_t value)
{
	return value < 0 ? -errno : value;
}

int sys_socket(int family, int type, int protocol)
{
	SYS__TRY(SOCKET, sys__result(socket(family, type, protocol)));
}

int sys_socketpair(int fds[2])
{
	SYS__TRY(SOCKETPAIR,
		sys__result(socketpair(AF_UNIX,
			SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds)));
}

int sys_bind(int fd, const struct sockaddr *addr, socklen_t length)
{
	SYS__TRY(BIND, sys__result(bind(fd, addr, length)));
}

int sys_listen(int fd, int backlog)
{
	SYS__TRY(LISTEN, sys__result(listen(fd, backlog)));
}

int sys_accept4(int fd, struct sockaddr *addr, socklen_t *length, int flags)
{
	SYS__TRY(ACCEPT, sys__result(accept4(fd, addr, length, flags)));
}

int sys_connect(int fd, const struct sockaddr *addr, socklen_t length)
{
	SYS__TRY(CONNECT, sys__result(connect(fd, addr, length)));
}

int sys_shutdown(int fd, int how)
{
	SYS__TRY(SHUTDOWN, sys__result(shutdown(fd, how)));
}

int sys_close(int fd)
{
	int closed = sys__result(close(fd));
	int refused = closed < 0 ? 0 : sys__fault(HARK__CALL_CLOSE);

	return refused ? refused : closed;
}

int sys_getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
	SYS__TRY(GETSOCKOPT, sys__result(getsockopt(fd, level, option, value, length)));
}

int sys_setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	SYS__TRY(SETSOCKOPT, sys__result(setsockopt(fd, level, option, value, length)));
}

int sys_getsockname(int fd, struct sockaddr *addr, socklen_t *length)
{
	SYS__TRY(GETSOCKNAME, sys__result(getsockname(fd, addr, length)));
}

int sys_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	SYS__TRY(POLL, sys__result(poll(fds, count, timeout_ms)));
}

ssize_t sys_recv(int fd, void *data, size_t size, int flags)
{
	SYS__TRY(RECV, result_size(recv(fd, data, size, flags)));
}

ssize_t sys_send(int fd, const void *data, size_t size, int flags)
{
	SYS__TRY(SEND, result_size(send(fd, data, size, flags)));
}

ssize_t sys_sendmsg(int fd, const struct msghdr *message, int flags)
{
	SYS__TRY(SENDMSG, result_size(sendmsg(fd, message, flags)));
}

ssize_t sys_recvmsg(int fd, struct msghdr *message, int flags)
{
	SYS__TRY(RECVMSG, result_size(recvmsg(fd, message, flags)));
}

ssize_t sys_read(int fd, void *data, size_t size)
{
	SYS__TRY(READ, result_size(read(fd, data, size)));
}

ssize_t sys_write(int fd, const void *data, size_t size)
{
	SYS__TRY(WRITE, result_size(write(fd, data, size)));
}

int sys_open(const char *path, int flags)
{
	SYS__TRY(OPEN, sys__result(open(path, flags | O_CLOEXEC)));
}

int sys_dup_above(int fd, int lowest)
{
	SYS__TRY(DUP, sys__result(fcntl(fd, F_DUPFD_CLOEXEC, lowest)));
}

int sys_get_flags(int fd)
{
	SYS__TRY(GETFL, sys__result(fcntl(fd, F_GETFL)));
}

int sys_set_flags(int fd, int flags)
{
	SYS__TRY(SETFL, sys__result(fcntl(fd, F_SETFL, flags)));
}

int sys_set_close_on_exec(int fd)
{
	SYS__TRY(SETFD, sys__result(fcntl(fd, F_SETFD, FD_CLOEXEC)));
}

static int tell(const struct stat *st, struct sys_file *file)
{
	file->mode = st->st_mode;
	file->device = st->st_dev;
	file->inode = st->st_ino;
	return 0;
}

static int look(const char *path, struct sys_file *file)
{
	struct stat st;

	return lstat(path, &st) < 0 ? -errno : tell(&st, file);
}

int sys_lstat(const char *path, struct sys_file *file)
{
	SYS__TRY(LSTAT, look(path, file));
}

static int look_at(int fd, struct sys_file *file)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? -errno : tell(&st, file);
}

int sys_fstat(int fd, struct sys_file *file)
{
	SYS__TRY(FSTAT, look_at(fd, file));
}

int sys_unlink(const char *path)
{
	SYS__TRY(UNLINK, sys__result(unlink(path)));
}

int sys_fchmod(int fd, mode_t mode)
{
	SYS__TRY(FCHMOD, sys__result(fchmod(fd, mode)));
}

int sys_chmod(const char *path, mode_t mode)
{
	SYS__TRY(CHMOD, sys__result(chmod(path, mode)));
}

int sys_chown_fd(int fd, uid_t uid, gid_t gid)
{
	SYS__TRY(CHOWN, sys__result(fchownat(fd, "", uid, gid, AT_EMPTY_PATH)));
}

int sys_flock(int fd, int operation)
{
	SYS__TRY(FLOCK, sys__result(flock(fd, operation)));
}

int sys_eventfd(void)
{
	SYS__TRY(EVENTFD, sys__result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
}

int sys_sigaction(int signal, const struct sigaction *act, struct sigaction *old)
{
	SYS__TRY(SIGACTION, sys__result(sigaction(signal, act, old)));
}

int sys_getrlimit_nofile(struct rlimit *limit)
{
	SYS__TRY(GETRLIMIT, sys__result(getrlimit(RLIMIT_NOFILE, limit)));
}

int sys_setrlimit_nofile(const struct rlimit *limit)
{
	SYS__TRY(SETRLIMIT, sys__result(setrlimit(RLIMIT_NOFILE, limit)));
}

void sys_raise(int signal)
{
	(void)raise(signal); /* fails only for numbers that are no signal */
}

pid_t sys_getpid(void)
{
	return getpid();
}

int64_t sys_monotonic_ms(void)
{
	struct timespec now;

	/* Cannot fail for this clock and a valid pointer. */
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t sys_monotonic_us(void)
{
	struct timespec now;

	/* Cannot fail for this clock and a valid pointer. */
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int resolve(const char *host, const char *service, const struct addrinfo *hints,
	struct addrinfo **list, int *code)
{
	int failure = getaddrinfo(host, service, hints, list);

	*code = failure == EAI_SYSTEM ? -errno : 0;
	return failure;
}

/* An injected fault is a negative errno, and so arrives as EAI_SYSTEM does. */
int sys_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
	struct addrinfo **list, int *code)
{
	*code = sys__fault(HARK__CALL_GETADDRINFO);
	if (*code)
		return EAI_SYSTEM;
	return resolve(host, service, hints, list, code);
}

void sys_freeaddrinfo(struct addrinfo *list)
{
	freeaddrinfo(list);
}

static int index_of(const char *name)
{
	unsigned index = if_nametoindex(name);

	return index ? (int)index : -errno;
}

int sys_if_nametoindex(const char *name)
{
	SYS__TRY(NAMETOINDEX, index_of(name));
}

int sys_if_indextoname(unsigned index, char name[16])
{
	SYS__TRY(INDEXTONAME, if_indextoname(index, name) ? 0 : -errno);
}
