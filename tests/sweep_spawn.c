/*
 * The fault sweep: starting a program, by the seam itself.
 */
#include "sweep_scenarios.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "net.h"
#include "sys/spawn.h"

static int pair[2];

static void make_pair(void)
{
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
}

static long long spawn(struct hark_error *err)
{
	static char name[] = "true", *argv[] = {name, NULL}, *envp[] = {NULL};
	const struct sys_program program = {
		.path = "/bin/true", .argv = argv, .envp = envp, .fd = pair[0]};

	(void)err;
	return sys_spawn(&program);
}

static void check_end(long long result)
{
	int status;

	if (result < 0)
		return;
	CHECK_INT(waitpid((pid_t)result, &status, 0), ==, result);
	CHECK_INT(status, ==, 0);
}

static void close_pair(void)
{
	net_close(pair[0]);
	net_close(pair[1]);
}

const struct scenario sweep_spawn = {
	.prepare = make_pair,
	.body = spawn,
	.check = check_end,
	.clean = close_pair,
	.reaches = REACHES(SPAWN),
	.without_error = true,
};
