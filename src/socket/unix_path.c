/* SPDX-License-Identifier: MIT
 *
 * The path of a Unix-domain listener.  The kernel never removes it, so a server that died
 * leaves a file that stops the next one (EADDRINUSE).  Such a file is replaced when it is
 * a socket and connecting to it is refused; a live server's file is not, and nothing that
 * is no socket.
 *
 * Two starters could find the same stale file, and the slower one would remove the live
 * file of the faster; a starter that has bound but does not listen yet looks stale too.
 * So bind and listen happen under a lock on the directory, which needs no file of its own
 * and goes with the process.
 *
 * Floor 2.  Invariant: a path is only removed while it is the file that was looked at.
 */
#include "socket/unix_path.h"

#include "base/clock.h"
#include "base/error.h"
#include "socket/bind.h"
#include "socket/create.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { LOCK_WAIT_MS = 1000, LOCK_POLL_MS = 10 };

bool hark__is_unix_path(const struct hark_addr *addr)
{
	return hark_addr_family(addr) == AF_UNIX &&
	       addr->length > offsetof(struct sockaddr_un, sun_path) &&
	       addr->u.un.sun_path[0] != '\0';
}

/* The kernel ends a path at the end of sun_path if there is no NUL; calls here need one. */
struct path {
	char text[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
};

static struct path path_of(const struct hark_addr *addr)
{
	struct path path = {{0}};
	size_t length = addr->length - offsetof(struct sockaddr_un, sun_path);

	if (length > sizeof(addr->u.un.sun_path))
		length = sizeof(addr->u.un.sun_path);
	memcpy(path.text, addr->u.un.sun_path, length);
	return path;
}

static struct path directory_of(const struct hark_addr *addr)
{
	struct path path = path_of(addr);
	char *slash = strrchr(path.text, '/');

	if (!slash)
		memcpy(path.text, ".", 2);
	else
		slash[slash == path.text] = '\0';
	return path;
}

/* ------------------------------------------------------------------------- the lock */

static int fail(const struct hark_addr *addr, int code, enum hark_cause cause,
	struct hark_error *err)
{
	return hark__bind_fail(addr, code, cause, err);
}

/* flock(2) without a limit could wait for ever: anybody who can read it may lock it. */
static int lock_within(int fd, int64_t deadline)
{
	int locked = sys_flock(fd, LOCK_EX | LOCK_NB);

	while ((locked == -EWOULDBLOCK || locked == -EINTR) &&
		hark__left_ms(deadline)) {
		(void)sys_poll(NULL, 0, LOCK_POLL_MS); /* a pause: early is fine */
		locked = sys_flock(fd, LOCK_EX | LOCK_NB);
	}
	return locked;
}

int hark__path_lock(const struct hark_addr *addr, struct hark_error *err)
{
	struct path directory = directory_of(addr);
	int fd = hark__open_above(directory.text, O_RDONLY | O_DIRECTORY);
	int locked;

	if (fd == -EACCES || fd == -EPERM)
		return HARK__NO_LOCK; /* it may be writable all the same */
	if (fd < 0)
		return fail(addr, fd, HARK_CAUSE_NONE, err);
	locked = lock_within(fd, hark__deadline(LOCK_WAIT_MS));
	if (locked == 0)
		return fd;
	(void)sys_close(fd); /* nothing was written */
	if (locked == -EWOULDBLOCK || locked == -EINTR)
		return fail(addr, -EBUSY, HARK_CAUSE_PATH_LOCKED, err);
	return HARK__NO_LOCK; /* a file system without locks */
}

/* --------------------------------------------------------------- stale, live or other */

static bool same_file(
	const struct sys_file *file, const struct hark__path_identity *identity)
{
	return file->device == identity->device && file->inode == identity->inode;
}

/* EAGAIN: its queue is full.  EPROTOTYPE: a datagram socket. */
static bool is_alive(int connected)
{
	return connected == 0 || connected == -EAGAIN || connected == -EPROTOTYPE;
}

/*
 * 0 when connecting was refused: nobody listens there.  -ENOENT: it has gone meanwhile.
 * Else why the path stays.
 */
static int probe(const struct hark_addr *addr, enum hark_cause *cause)
{
	int fd = hark__socket_above(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK);
	int connected;

	if (fd < 0)
		return fd;
	connected = sys_connect(fd, &addr->u.any, addr->length);
	(void)sys_close(fd); /* a live server sees a client that says nothing */
	if (is_alive(connected))
		*cause = HARK_CAUSE_LIVE_SERVER;
	if (connected == -EACCES || connected == -EPERM)
		*cause = HARK_CAUSE_NOT_TO_US; /* whoever may not ask must not guess */
	if (connected == -ECONNREFUSED)
		return 0;
	return connected == -ENOENT ? -ENOENT : -EADDRINUSE;
}

/*
 * The identity of a stale socket file, or the reason to leave it alone.  All zero: there is
 * no file any more, for a server that ends removes its path without a lock.
 */
static int find_stale(const struct hark_addr *addr, struct hark__path_identity *stale,
	struct hark_error *err)
{
	enum hark_cause cause = HARK_CAUSE_NONE;
	struct path path = path_of(addr);
	struct sys_file file;
	int found = sys_lstat(path.text, &file);

	*stale = (struct hark__path_identity){0};
	if (found == 0 && !S_ISSOCK(file.mode))
		return fail(addr, -EEXIST, HARK_CAUSE_NOT_A_SOCKET, err);
	if (found == 0)
		found = probe(addr, &cause);
	if (found == -ENOENT)
		return 0;
	if (found < 0)
		return fail(addr, found, cause, err);
	*stale = (struct hark__path_identity){file.device, file.inode};
	return 0;
}

void hark__path_unlock(int lock)
{
	if (lock < 0)
		return;
	(void)sys_flock(
		lock, LOCK_UN); /* a fork meanwhile holds a copy: close is not enough */
	(void)sys_close(lock);  /* read only */
}

int hark__path_remove(
	const struct hark_addr *addr, const struct hark__path_identity *identity)
{
	struct path path = path_of(addr);
	struct sys_file file;
	int found = sys_lstat(path.text, &file);

	if (found == 0 && same_file(&file, identity))
		found = sys_unlink(path.text);
	return found == -ENOENT ? 0 : found; /* somebody else removed it */
}

/* ------------------------------------------------------------------------------- bind */

/* Without the lock, what looks stale may be a starter's that does not listen yet. */
static int bind_over_stale(
	int fd, const struct hark_addr *addr, int lock, struct hark_error *err)
{
	struct hark__path_identity stale;
	int done = find_stale(addr, &stale, err);

	if (done < 0)
		return done;
	if (lock < 0 && stale.inode)
		return fail(addr, -EADDRINUSE, HARK_CAUSE_NONE, err);
	done = hark__path_remove(addr, &stale);
	if (done == -EPERM || done == -EACCES)
		return fail(addr, done, HARK_CAUSE_NOT_OURS, err);
	if (done == 0)
		done = sys_bind(fd, &addr->u.any, addr->length);
	return done < 0 ? fail(addr, done, HARK_CAUSE_NONE, err) : 0;
}

static int bind_path(
	int fd, const struct hark_addr *addr, int lock, struct hark_error *err)
{
	int bound = sys_bind(fd, &addr->u.any, addr->length);

	if (bound == -EADDRINUSE)
		return bind_over_stale(fd, addr, lock, err);
	return bound < 0 ? fail(addr, bound, HARK_CAUSE_NONE, err) : 0;
}

static int option_failed(const struct hark_addr *addr, const char *option, int code,
	struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = code, .option = option,
		.addr = addr);
}

/*
 * The mode again if bind took the umask off.  By way of /proc, which leads to the very file
 * that is open: by its path, whoever may write to the directory could lead us elsewhere.
 */
static int set_mode(int file, mode_t now, mode_t mode)
{
	char path[32];

	if (mode == 0 || (now & 0777) == mode)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file); /* it fits */
	return sys_chmod(path, mode);
}

/* The owner last, while we may still change the mode. */
static int set_ownership(int file, const struct sys_file *made,
	const struct hark_addr *addr, const struct hark_listen_options *options,
	struct hark_error *err)
{
	int done = set_mode(file, made->mode, options->unix_mode);

	if (done < 0)
		return option_failed(addr, "unix_mode", done, err);
	if (options->unix_chown == HARK_ON)
		done = sys_chown_fd(file, options->unix_uid, options->unix_gid);
	if (done < 0)
		return option_failed(addr, "unix_chown", done, err);
	return 0;
}

/* The file that bind made, or what somebody put in its place. */
static int identify(int file, const struct hark_addr *addr, struct sys_file *made,
	struct hark__path_identity *identity, struct hark_error *err)
{
	int found = sys_fstat(file, made);

	if (found < 0)
		return fail(addr, found, HARK_CAUSE_NONE, err);
	if (!S_ISSOCK(made->mode))
		return fail(addr, -EEXIST, HARK_CAUSE_NOT_A_SOCKET, err);
	*identity = (struct hark__path_identity){made->device, made->inode};
	return 0;
}

/* Bind made it a moment ago; what is no socket was put there by somebody since. */
static void remove_made(const char *path)
{
	struct sys_file file;

	if (sys_lstat(path, &file) == 0 && S_ISSOCK(file.mode))
		(void)sys_unlink(path); /* the failure before is what counts */
}

static int finish(const struct hark_addr *addr,
	const struct hark_listen_options *options, struct hark__path_identity *identity,
	struct hark_error *err)
{
	struct path path = path_of(addr);
	struct sys_file made = {0};
	int file = hark__open_above(path.text, O_PATH | O_NOFOLLOW);
	int done;

	if (file < 0)
		done = fail(addr, file, HARK_CAUSE_NONE, err);
	else
		done = identify(file, addr, &made, identity, err);
	if (done < 0)
		remove_made(path.text);
	else
		done = set_ownership(file, &made, addr, options, err);
	if (file >= 0)
		(void)sys_close(file); /* O_PATH: nothing was opened */
	return done;
}

int hark__path_bind(int fd, const struct hark_addr *addr, int lock,
	const struct hark_listen_options *options, struct hark__path_identity *identity,
	struct hark_error *err)
{
	int done = 0;

	/* The mode of the unbound socket is what bind gives the file: never too open. */
	if (options->unix_mode)
		done = sys_fchmod(fd, options->unix_mode);
	if (done < 0)
		return option_failed(addr, "unix_mode", done, err);
	done = bind_path(fd, addr, lock, err);
	return done < 0 ? done : finish(addr, options, identity, err);
}
