/* SPDX-License-Identifier: MIT
 *
 * Starting a program for a connection, by the seam alone: what it finds, and what is told
 * when it cannot be started.
 *
 * Not here: its environment (test_environment_internal.c), failing calls (sweep_spawn.c).
 */
#include "harness.h"
#include "net.h"

#include "sys/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *no_environment[] = {NULL};

/* A connection whose one end is the program's; the other is returned. */
static int pair_with(int *fd)
{
	int listener = net_listen(net_ip("127.0.0.1", 0), 1);
	int client = net_connect(net_local(listener));

	CHECK_SYS(*fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	net_close(listener);
	return client;
}

static void on_signal(int number)
{
	(void)number;
}

static int wait_for(pid_t pid)
{
	int status;

	CHECK_INT(waitpid(pid, &status, 0), ==, pid);
	return status;
}

/* What sh says that runs the text, and how it ended. */
static const char *output_of(char *text, int *status)
{
	static char said[4096];
	static char name[] = "sh", option[] = "-c";
	char *argv[] = {name, option, text, NULL};
	struct sys_program program = {
		.path = "/bin/sh", .argv = argv, .envp = no_environment};
	int client = pair_with(&program.fd);
	pid_t pid = sys_spawn(&program);

	CHECK_INT(pid, >, 0);
	net_close(program.fd);
	CHECK_INT(net_read_all(client, said, sizeof(said)), >=, 0);
	net_close(client);
	*status = wait_for(pid);
	return said;
}

/* K1 S1 */
TEST(talks, "a program talks to the client by its standard input and output")
{
	static char name[] = "cat", *argv[] = {name, NULL};
	struct sys_program program = {
		.path = "/bin/cat", .argv = argv, .envp = no_environment};
	int client = pair_with(&program.fd);
	pid_t pid;
	char text[16];

	CHECK_INT(pid = sys_spawn(&program), >, 0);
	net_close(program.fd);
	net_send(client, "ohai\n");
	CHECK_SYS(shutdown(client, SHUT_WR));
	CHECK_INT(net_read_all(client, text, sizeof(text)), ==, 5);
	CHECK_STR(text, "ohai\n");
	net_close(client);
	CHECK_INT(wait_for(pid), ==, 0);
}

/* K1: whatever the application has open, and did not mark */
TEST(descriptors, "a program has the descriptors 0, 1 and 2, and no other")
{
	static char text[] = "i=0; while [ $i -lt 300 ]; do "
			     "if [ -h /proc/$$/fd/$i ]; then echo $i; fi; "
			     "i=$((i + 1)); done";
	int open_one, status;

	CHECK_SYS(open_one = open("/dev/null", O_RDONLY)); /* without O_CLOEXEC */
	CHECK_SYS(dup2(open_one, 290));
	CHECK_STR(output_of(text, &status), "0\n1\n2\n");
	CHECK_INT(status, ==, 0);
	CHECK_INT(fcntl(290, F_GETFD), ==, 0); /* here it is as it was */
	CHECK_SYS(close(290));
	CHECK_SYS(close(open_one));
}

/* K1: as they were, that is, with numbers below 3 for the connection and the report */
TEST(closed, "a program can be started while the standard descriptors are closed")
{
	static char text[] = "cat; echo done";
	static char name[] = "sh", option[] = "-c",
		    *argv[] = {name, option, text, NULL};
	struct sys_program program = {
		.path = "/bin/sh", .argv = argv, .envp = no_environment};
	int client = pair_with(&program.fd), was_in, was_out, missing;
	char said[16];
	pid_t pid;

	CHECK_SYS(was_in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 100));
	CHECK_SYS(was_out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 100));
	CHECK_SYS(close(STDIN_FILENO));
	CHECK_SYS(close(STDOUT_FILENO));
	pid = sys_spawn(&program);
	program.path = "/nowhere/sh";
	missing = sys_spawn(&program);
	CHECK_SYS(dup2(was_in, STDIN_FILENO));
	CHECK_SYS(dup2(was_out, STDOUT_FILENO));
	CHECK_SYS(close(was_in));
	CHECK_SYS(close(was_out));
	CHECK_INT(pid, >, 0);
	CHECK_ERR(missing, -ENOENT);
	net_close(program.fd);
	CHECK_SYS(shutdown(client, SHUT_WR));
	CHECK_INT(net_read_all(client, said, sizeof(said)), ==, 5);
	net_close(client);
	CHECK_INT(wait_for(pid), ==, 0);
}

static void handle(int number)
{
	(void)number;
}

/* The hexadecimal number behind that name in /proc/PID/status. */
static unsigned long long signals(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	CHECK(at != NULL);
	return strtoull(at + strlen(name), NULL, 16);
}

/* K1: "default signal dispositions", whatever the application did */
TEST(signals_are_default, "a program has no signal blocked, ignored or caught")
{
	static char text[] = "exec cat /proc/self/status";
	const char *said;
	sigset_t some, now;
	int status;

	CHECK(signal(SIGHUP, SIG_IGN) != SIG_ERR);
	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	CHECK(signal(SIGUSR1, handle) != SIG_ERR);
	CHECK(signal(SIGRTMIN, SIG_IGN) != SIG_ERR);
	CHECK_SYS(sigemptyset(&some));
	CHECK_SYS(sigaddset(&some, SIGTERM));
	CHECK_SYS(sigprocmask(SIG_BLOCK, &some, NULL));
	said = output_of(text, &status);
	CHECK_INT(status, ==, 0);
	CHECK_INT(signals(said, "SigBlk:\t"), ==, 0);
	CHECK_INT(signals(said, "SigCgt:\t"), ==, 0);
	/* an emulator and glibc keep real-time signals for themselves */
	CHECK_INT(signals(said, "SigIgn:\t") & 0x7fffffff, ==, 0);
	CHECK(signal(SIGUSR1, SIG_DFL) == handle); /* here all is as it was */
	CHECK(signal(SIGHUP, SIG_DFL) == SIG_IGN);
	CHECK_SYS(sigprocmask(SIG_UNBLOCK, &some, &now));
	CHECK_INT(sigismember(&now, SIGTERM), ==, 1);
	CHECK_INT(sigismember(&now, SIGINT), ==, 0);
}

/* K1: Ctrl-C at the server's terminal is for the server */
TEST(group, "a program has a process group of its own")
{
	static char text[] =
		"read -r pid name state parent group rest </proc/self/stat; "
		"echo $((pid == group))";
	int status;

	CHECK_STR(output_of(text, &status), "1\n");
}

/* K1: for what UNIXLOCALPID is */
TEST(own_pid, "where a program's own process number belongs, it stands")
{
	static char variable[] = "WHO=000000000000", text[] = "echo $(($WHO == $$))";
	static char name[] = "sh", option[] = "-c",
		    *argv[] = {name, option, text, NULL};
	char *envp[] = {variable, NULL}, said[16];
	struct sys_program program = {
		.path = "/bin/sh", .argv = argv, .envp = envp, .own_pid = variable + 4};
	int client = pair_with(&program.fd);
	pid_t pid = sys_spawn(&program);

	CHECK_INT(pid, >, 0);
	net_close(program.fd);
	CHECK_INT(net_read_all(client, said, sizeof(said)), ==, 2);
	CHECK_STR(said, "1\n");
	net_close(client);
	CHECK_INT(wait_for(pid), ==, 0);
}

/* D1: in a group of its own it would miss what the terminal sends to the server */
TEST(successor, "a successor keeps what it is left, our group and ignored signals")
{
	static char text[] = "exec >/proc/$$/fd/290; i=0; while [ $i -lt 300 ]; do "
			     "if [ -h /proc/$$/fd/$i ]; then printf '%s ' $i; fi; "
			     "i=$((i + 1)); done; "
			     "set -- $(cat /proc/$$/stat); printf '%s ' $5; "
			     "kill -HUP $$; kill -USR1 $$; echo no";
	static char name[] = "sh", option[] = "-c",
		    *argv[] = {name, option, text, NULL};
	const int kept[] = {290};
	struct sys_program program = {.path = "/bin/sh",
		.argv = argv,
		.envp = no_environment,
		.fd = -1,
		.kept = kept,
		.kept_count = 1};
	char said[64], expected[64];
	int ends[2], status;
	FILE *said_by;
	pid_t pid;

	CHECK_SYS(pipe(ends));
	CHECK_SYS(dup3(ends[1], 290, O_CLOEXEC));
	CHECK(signal(SIGHUP, SIG_IGN) != SIG_ERR);
	CHECK(signal(SIGUSR1, on_signal) != SIG_ERR);
	pid = sys_spawn(&program);
	CHECK(signal(SIGHUP, SIG_DFL) != SIG_ERR);
	CHECK(signal(SIGUSR1, SIG_DFL) != SIG_ERR);
	CHECK_INT(pid, >, 0);
	CHECK_SYS(close(ends[1]));
	CHECK_INT(fcntl(290, F_GETFD), ==, FD_CLOEXEC); /* here it is as it was */
	CHECK_SYS(close(290));
	said_by = fdopen(ends[0], "r");
	CHECK(said_by != NULL);
	CHECK(fgets(said, sizeof(said), said_by));
	(void)snprintf(expected, sizeof(expected), "0 1 2 290 %d ", (int)getpgrp());
	CHECK_STR(said, expected);
	status = wait_for(pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
	CHECK(fclose(said_by) == 0);
}

static void make_file(char path[256], const char *text, mode_t mode)
{
	int fd;

	(void)snprintf(path, 256, "%s/program", temp_directory());
	CHECK_SYS(fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
	CHECK_INT(write(fd, text, strlen(text)), ==, (long long)strlen(text));
	CHECK_SYS(close(fd));
	CHECK_SYS(chmod(path, mode));
}

/* K1: and leaves neither process nor descriptor, which the harness sees */
TEST(fails,
	"why a program could not be executed is told, and the client is still there")
{
	static char name[] = "x", *argv[] = {name, NULL};
	char path[256], text[16];
	struct sys_program program = {.argv = argv, .envp = no_environment};
	int client = pair_with(&program.fd);

	program.path = "/nowhere/x";
	CHECK_ERR(sys_spawn(&program), -ENOENT);
	program.path = "/";
	CHECK_ERR(sys_spawn(&program), -EACCES);
	program.path = path;
	make_file(path, "plain text\n", 0700);
	CHECK_ERR(sys_spawn(&program), -ENOEXEC);
	if (!getenv("HARK_VALGRIND")) { /* which looks by itself, and dies of it */
		make_file(path, "#!/nowhere/interpreter\n", 0700);
		CHECK_ERR(sys_spawn(&program), -ENOENT);
	}
	CHECK_INT(write(program.fd, "x", 1), ==, 1);
	CHECK_INT(net_read(client, text, sizeof(text), 1), ==, 1);
	net_close(program.fd);
	net_close(client);
}

/* -------------------------------------------------------------------------- preparation */

static char variable[32] = "SAID=nothing";

static int set_variable(void *ctx)
{
	struct stat st;

	for (int fd = 3; fd < 1024; fd++)
		if (fstat(fd, &st) == 0)
			return -EMFILE;
	(void)snprintf(variable, sizeof(variable), "SAID=%s", (const char *)ctx);
	return 0;
}

static int give_up(void *ctx)
{
	(void)ctx;
	return -EIO;
}

static void tell(int code, void *ctx)
{
	(void)ctx;
	if (code != -ENOENT)
		_exit(1);
}

static void must_not_tell(int code, void *ctx)
{
	(void)code, (void)ctx;
	_exit(2);
}

/* K1 */
TEST(prepares,
	"a process prepares its program with the connection and nothing else open")
{
	static char text[] = "echo $SAID", name[] = "sh", option[] = "-c",
		    word[] = "yes";
	char *argv[] = {name, option, text, NULL}, *envp[] = {variable, NULL}, said[16];
	struct sys_program program = {.path = "/bin/sh",
		.argv = argv,
		.envp = envp,
		.prepare = set_variable,
		.failed = must_not_tell,
		.ctx = word};
	int client = pair_with(&program.fd);
	pid_t pid = sys_spawn(&program);

	CHECK_INT(pid, >, 0);
	net_close(program.fd);
	CHECK_INT(net_read_all(client, said, sizeof(said)), ==, 4);
	CHECK_STR(said, "yes\n");
	CHECK_STR(variable, "SAID=nothing"); /* here */
	net_close(client);
	CHECK_INT(wait_for(pid), ==, 0);
}

static void check_prepared_end(int (*prepare)(void *), void (*failed)(int, void *))
{
	static char name[] = "x", *argv[] = {name, NULL}, word[] = "yes";
	struct sys_program program = {.path = "/nowhere/x",
		.argv = argv,
		.envp = no_environment,
		.prepare = prepare,
		.failed = failed,
		.ctx = word};
	int client = pair_with(&program.fd), status;
	pid_t pid = sys_spawn(&program);
	char text[16];

	CHECK_INT(pid, >, 0);
	net_close(program.fd);
	CHECK_INT(net_read_all(client, text, sizeof(text)), ==, -ECONNRESET);
	net_close(client);
	status = wait_for(pid);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), ==, 111);
}

/* K1: there is nobody else to tell it */
TEST(prepared_in_vain, "a prepared program that cannot be executed resets its client")
{
	check_prepared_end(set_variable, tell);
}

TEST(not_prepared,
	"a preparation that fails resets the client, and is the one to say why")
{
	check_prepared_end(give_up, must_not_tell);
}
