/* SPDX-License-Identifier: MIT
 *
 * The command's system calls; see os.h.
 *
 * Invariant: a wrapper does one thing and turns errno into a result.
 */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef HARK_FAULTS
int (*os_fault)(enum os_call call);

static int fault(enum os_call call)
{
	return os_fault ? os_fault(call) : 0;
}
#else
static inline int fault(enum os_call call)
{
	(void)call;
	return 0;
}
#endif

static int result(int value)
{
	return value < 0 ? -errno : value;
}

static ssize_t result_size(ssize_t value)
{
	return value < 0 ? -errno : value;
}

/* The injected failure of CALL if there is one, else what REAL returns. */
#define TRY(call, real)                              \
	do {                                         \
		int refused = fault(OS_CALL_##call); \
		return refused ? refused : (real);   \
	} while (0)

/* ---------------------------------------------------------------- descriptors and files */

static int os_open(const char *path, int flags)
{
	TRY(OPEN, result(open(path, flags | O_CLOEXEC)));
}

static int os_dup2(int fd, int to)
{
	TRY(DUP2, result(dup2(fd, to)));
}

/* An eventfd takes no text, and has none to give. */
static int open_plug(void)
{
	int fd = open("/dev/null", O_RDWR);

	return result(fd < 0 ? eventfd(0, EFD_NONBLOCK) : fd);
}

static int os_plug(void)
{
	TRY(OPEN, open_plug());
}

int os_plug_standard_descriptors(void)
{
	int fd;

	do {
		fd = os_plug();
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd); /* one too many */
	return fd < 0 ? fd : 0;
}

/* Linux 5.11 has the flag, 5.9 the call. */
static int mark_range(int lowest)
{
	enum { CLOSE_ON_EXEC = 1 << 2 };

	return result((int)syscall(SYS_close_range, lowest, ~0U, CLOSE_ON_EXEC));
}

enum { DESCRIPTORS_MAX = 65536 };

static int mark_each(int lowest)
{
	struct rlimit limit;
	int most = DESCRIPTORS_MAX;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < (rlim_t)most)
		most = (int)limit.rlim_cur;
	for (int fd = lowest; fd < most; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* most of them are not open */
	return 0;
}

static int mark_close_on_exec(int lowest)
{
	TRY(CLOEXEC, mark_range(lowest));
}

int os_close_on_exec(int lowest)
{
	int marked = mark_close_on_exec(lowest);

	return marked < 0 ? mark_each(lowest) : marked;
}

int os_end_output(void)
{
	int fd = os_plug();
	int moved;

	if (fd < 0)
		return fd;
	moved = os_dup2(fd, STDOUT_FILENO);
	(void)close(fd); /* a copy of it is open */
	return moved < 0 ? moved : 0;
}

ssize_t os_write(int fd, const void *data, size_t size)
{
	TRY(WRITE, result_size(write(fd, data, size)));
}

int os_is_open(int fd)
{
	TRY(GETFD, result(fcntl(fd, F_GETFD)));
}

static int kind_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode)   ? OS_FILE_REGULAR
	       : S_ISDIR(st.st_mode) ? OS_FILE_DIRECTORY
				     : OS_FILE_OTHER;
}

int os_file(const char *path)
{
	TRY(STAT, kind_of(path));
}

/* By the effective user, who is it that will execute. */
int os_may_execute(const char *path)
{
	TRY(ACCESS, result(faccessat(AT_FDCWD, path, X_OK, AT_EACCESS)));
}

static ssize_t os_read(int fd, void *data, size_t size)
{
	TRY(READ, result_size(read(fd, data, size)));
}

ssize_t os_read_start(const char *path, void *data, size_t size)
{
	int fd = os_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	ssize_t got;

	if (fd < 0)
		return fd;
	got = os_read(fd, data, size);
	(void)close(fd); /* only read */
	return got;
}

ssize_t os_send_now(int fd, const void *data, size_t size)
{
	TRY(SEND, result_size(send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL)));
}

ssize_t os_receive_now(int fd, void *data, size_t size)
{
	TRY(RECEIVE, result_size(recv(fd, data, size, MSG_DONTWAIT)));
}

static int need_descriptors(rlim_t most)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	if (limit.rlim_cur >= most)
		return 0;
	limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
	return result(setrlimit(RLIMIT_NOFILE, &limit));
}

int os_need_descriptors(unsigned most)
{
	TRY(LIMIT, need_descriptors(most));
}

/* ---------------------------------------------------------------------------- the network */

static int name_of(const struct hark_addr *addr, char *name, size_t size)
{
	int failed = getnameinfo(&addr->u.any, addr->length, name, (socklen_t)size,
		NULL, 0, NI_NAMEREQD);

	return failed ? -ENOENT : 0;
}

int os_name_of(const struct hark_addr *addr, char *name, size_t size)
{
	TRY(NAME, name_of(addr, name, size));
}

static int finish_connect(int fd, int timeout_ms)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	socklen_t length = sizeof(int);
	int error = 0;

	if (poll(&ready, 1, timeout_ms) <= 0)
		return -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		return -errno;
	return -error;
}

static int connect_from(
	const struct hark_addr *local, const struct hark_addr *remote, int timeout_ms)
{
	int fd = socket(
		remote->u.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int done;

	if (fd < 0)
		return -errno;
	done = local ? result(bind(fd, &local->u.any, local->length)) : 0;
	if (done == 0)
		done = result(connect(fd, &remote->u.any, remote->length));
	if (done == -EINPROGRESS)
		done = finish_connect(fd, timeout_ms);
	if (done == 0)
		return fd;
	(void)close(fd); /* never connected */
	return done;
}

int os_connect_from(
	const struct hark_addr *local, const struct hark_addr *remote, int timeout_ms)
{
	TRY(CONNECT, connect_from(local, remote, timeout_ms));
}

int os_connect(const struct hark_addr *remote, int timeout_ms)
{
	TRY(CONNECT, connect_from(NULL, remote, timeout_ms));
}

/* ----------------------------------------------------------------- time and processes */

const char *os_executed(void)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): as getauxval(3) has it */
	return (const char *)getauxval(AT_EXECFN);
}

int64_t os_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void os_ignore_log_signals(void)
{
	(void)signal(SIGPIPE, SIG_IGN); /* fails only for what is no signal */
	(void)signal(SIGXFSZ, SIG_IGN);
}

/* Under an inherited SIG_IGN the kernel reaps, and nobody learns how a child ended. */
static int free_signals(void)
{
	sigset_t ours;

	(void)signal(SIGCHLD, SIG_DFL); /* none of these can fail */
	(void)sigemptyset(&ours);
	(void)sigaddset(&ours, SIGINT);
	(void)sigaddset(&ours, SIGTERM);
	(void)sigaddset(&ours, SIGHUP);
	return result(sigprocmask(SIG_UNBLOCK, &ours, NULL));
}

int os_free_signals(void)
{
	TRY(SIGMASK, free_signals());
}

static int in_child(int (*what)(void *), void *ctx)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(what(ctx));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}

int os_try(int (*what)(void *ctx), void *ctx)
{
	TRY(FORK, in_child(what, ctx));
}

/* -------------------------------------------------------------------------- privileges */

/* What a database that has no such entry leaves in errno; 0, or why it did not work. */
static int not_found(int code)
{
	return code == 0 || code == ENOENT || code == ESRCH ? 0 : -code;
}

static int find_user(const char *name, uid_t *uid, gid_t *gid)
{
	const struct passwd *found;

	errno = 0;
	found = getpwnam(name);
	if (!found)
		return not_found(errno);
	*uid = found->pw_uid;
	*gid = found->pw_gid;
	return 1;
}

int os_user(const char *name, uid_t *uid, gid_t *gid)
{
	TRY(USER, find_user(name, uid, gid));
}

static int find_user_of(uid_t uid, char *name, size_t size, gid_t *gid)
{
	const struct passwd *found;

	errno = 0;
	found = getpwuid(uid);
	if (!found)
		return not_found(errno);
	*gid = found->pw_gid;
	return snprintf(name, size, "%s", found->pw_name) < (int)size ? 1 : -E2BIG;
}

int os_user_of(uid_t uid, char *name, size_t size, gid_t *gid)
{
	TRY(USER, find_user_of(uid, name, size, gid));
}

static int find_group(const char *name, gid_t *gid)
{
	const struct group *found;

	errno = 0;
	found = getgrnam(name);
	if (!found)
		return not_found(errno);
	*gid = found->gr_gid;
	return 1;
}

int os_group(const char *name, gid_t *gid)
{
	TRY(GROUP, find_group(name, gid));
}

static int groups_of(const char *name, gid_t gid, gid_t *groups, int most)
{
	int count = most;

	return getgrouplist(name, gid, groups, &count) < 0 ? -E2BIG : count;
}

int os_groups_of(const char *name, gid_t gid, gid_t *groups, int most)
{
	TRY(GROUPS_OF, groups_of(name, gid, groups, most));
}

static int change_root(const char *directory)
{
	return chroot(directory) < 0 || chdir("/") < 0 ? -errno : 0;
}

int os_chroot(const char *directory)
{
	TRY(CHROOT, change_root(directory));
}

static bool is_among(gid_t group, const gid_t *groups, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (groups[i] == group)
			return true;
	return false;
}

static bool are_among(
	const gid_t *some, size_t some_count, const gid_t *groups, size_t count)
{
	for (size_t i = 0; i < some_count; i++)
		if (!is_among(some[i], groups, count))
			return false;
	return true;
}

bool os_has_groups(const gid_t *groups, size_t count)
{
	gid_t ours[OS_GROUPS_MAX];
	int got = getgroups(OS_GROUPS_MAX, ours); /* of more: no */

	return got >= 0 && are_among(groups, count, ours, (size_t)got) &&
	       are_among(ours, (size_t)got, groups, count);
}

int os_set_groups(const gid_t *groups, size_t count)
{
	TRY(SETGROUPS, result(setgroups(count, groups)));
}

int os_set_gid(gid_t gid)
{
	TRY(SETGID, result(setresgid(gid, gid, gid)));
}

int os_set_uid(uid_t uid)
{
	TRY(SETUID, result(setresuid(uid, uid, uid)));
}

uid_t os_uid(void)
{
	return geteuid();
}

gid_t os_gid(void)
{
	return getegid();
}
