/* SPDX-License-Identifier: MIT
 *
 * Create: a stream socket with its options, born close-on-exec and non-blocking, never on
 * descriptor 0, 1 or 2.  Floor 2.
 */
#include "socket/create.h"

#include "base/error.h"
#include "socket/option.h"
#include "sys/sys.h"

#include <errno.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262 /* Linux 5.6 */
#endif

int hark__above_stdio(int fd)
{
	int above;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	above = sys_dup_above(fd, STDERR_FILENO + 1);
	if (above == -EINVAL) /* fcntl(2): the limit is so low that none could be */
		above = -EMFILE;
	(void)sys_close(fd); /* a fresh descriptor: nothing to lose */
	return above;
}

long long hark__descriptor_limit(int code)
{
	struct rlimit limit;

	if (code != -EMFILE || sys_getrlimit_nofile(&limit) < 0)
		return 0;
	return (long long)limit.rlim_cur;
}

int hark__socket_above(int family, int type)
{
	return hark__above_stdio(sys_socket(family, type | SOCK_CLOEXEC, 0));
}

int hark__open_above(const char *path, int flags)
{
	return hark__above_stdio(sys_open(path, flags));
}

static int open_socket(int family, int protocol)
{
	int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

	return hark__above_stdio(sys_socket(family, type, protocol));
}

/* Kernels without it, or with net.mptcp.enabled=0, say one of these. */
static bool mptcp_missing(int code)
{
	return code == -EPROTONOSUPPORT || code == -ENOPROTOOPT || code == -EINVAL;
}

static int open_mptcp(
	int family, const struct hark_listen_options *options, struct hark_error *err)
{
	int fd = open_socket(family, IPPROTO_MPTCP);
	int missing;

	if (fd >= 0 || !mptcp_missing(fd))
		return fd;
	missing = hark__option_missing(options, "mptcp", NULL, fd, err);
	return missing < 0 ? missing : open_socket(family, 0);
}

static int open_any(
	int family, const struct hark_listen_options *options, struct hark_error *err)
{
	struct hark_error missing = {.code = 0};
	int fd;

	if (options->mptcp == HARK_ON && family != AF_UNIX)
		fd = open_mptcp(family, options, &missing);
	else
		fd = open_socket(family, 0);
	if (fd >= 0)
		return fd;
	if (missing.code && err)
		*err = missing;
	if (missing.code)
		return fd;
	return HARK__FAIL(err, .step = HARK_STEP_SOCKET, .code = fd,
		.limit = hark__descriptor_limit(fd));
}

bool hark__known_family(int family)
{
	return family == AF_INET || family == AF_INET6 || family == AF_UNIX;
}

int hark_socket(
	int family, const struct hark_listen_options *options, struct hark_error *err)
{
	int fd, set;

	options = hark__options(options);
	set = hark__options_check(options, err);
	if (set < 0)
		return set;
	if (!hark__known_family(family))
		return HARK__FAIL(err, .step = HARK_STEP_SOCKET, .code = -EAFNOSUPPORT,
			.limit = family);
	fd = open_any(family, options, err);
	if (fd < 0)
		return fd;
	set = hark__options_set(fd, family, options, err);
	if (set < 0) {
		(void)sys_close(fd); /* the option's failure is what counts */
		return set;
	}
	return fd;
}
