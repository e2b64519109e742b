/*
 * Odd places to test in: network namespaces, another user.
 *
 * A file below /proc/sys/net belongs to the network of the process that opens it,
 * whatever was mounted where: so it is opened after entering, never kept. (Kernel: the
 * tables are looked up through current->nsproxy; test_sandbox.c shows it.)
 */
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "sandbox.h"

#define FAIL(...) harness_fail(__FILE__, __LINE__, __VA_ARGS__)

enum { NOBODY = 65534 };

static bool own_network;

/* Returns 0 or a negative errno: one write(2) takes all or nothing in /proc. */
static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), result = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		result = -errno;
	(void)close(fd); /* written already, or not */
	return result;
}

static void map_to_root(uid_t uid, gid_t gid)
{
	char users[32], groups[32];

	(void)snprintf(users, sizeof(users), "0 %u 1", (unsigned)uid);
	(void)snprintf(groups, sizeof(groups), "0 %u 1", (unsigned)gid);
	if (write_file("/proc/self/setgroups", "deny") < 0 ||
		write_file("/proc/self/gid_map", groups) < 0 ||
		write_file("/proc/self/uid_map", users) < 0)
		SKIP("cannot map users in a user namespace");
}

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		FAIL("socket failed: %s", errno_name(errno));
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		FAIL("SIOCGIFFLAGS failed: %s", errno_name(errno));
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		FAIL("SIOCSIFFLAGS failed: %s", errno_name(errno));
	(void)close(fd); /* held nothing */
}

void enter_network(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWNET) < 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
			SKIP("needs a network namespace: unshare gave %s",
				errno_name(errno));
		map_to_root(uid, gid);
	}
	own_network = true;
	loopback_up();
}

static void sysctl_path(char *path, size_t size, const char *name)
{
	(void)snprintf(path, size, "/proc/sys/%s", name);
	for (path += strlen("/proc/sys/"); *path; path++)
		if (*path == '.')
			*path = '/';
}

void write_sysctl(const char *name, const char *value)
{
	char path[128];
	int result;

	if (!own_network || strncmp(name, "net.", 4) != 0)
		FAIL("'%s' is the host's: enter_network() first", name);
	sysctl_path(path, sizeof(path), name);
	result = write_file(path, value);
	if (result == -EINVAL)
		FAIL("sysctl %s does not take '%s'", name, value);
	if (result < 0)
		SKIP("cannot write sysctl %s: %s", name, errno_name(result));
}

long read_sysctl(const char *name)
{
	char path[128];
	FILE *file;
	long value;
	int n;

	sysctl_path(path, sizeof(path), name);
	file = fopen(path, "re");
	if (!file)
		SKIP("cannot read sysctl %s: %s", name, errno_name(errno));
	n = fscanf(file, "%ld", &value);
	(void)fclose(file); /* only read from */
	if (n != 1)
		FAIL("sysctl %s is no number", name);
	return value;
}

/*
 * Leaving uid 0 for good empties the capability sets. It also makes /proc/self
 * unreadable for this process, with which descriptors are counted: PR_SET_DUMPABLE
 * undoes that.
 */
void become_nobody(void)
{
	REQUIRE(geteuid() == 0, "needs root, to become somebody else");
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		setresuid(NOBODY, NOBODY, NOBODY) < 0)
		SKIP("cannot become nobody: %s", errno_name(errno));
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		FAIL("PR_SET_DUMPABLE failed: %s", errno_name(errno));
}
