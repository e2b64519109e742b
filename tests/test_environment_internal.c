/* SPDX-License-Identifier: MIT
 *
 * The environment of a program: what it inherits, what it knows of its connection, and what
 * may be set besides.
 */
#include "harness.h"

#include "server/environment.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct hark_environment env;
static struct hark__inherited inherited;
static void *memory;

static struct hark_addr at(const char *text)
{
	struct hark_addr addr;

	CHECK_OK(hark_addr_parse(&addr, text, NULL));
	return addr;
}

static void inherit(const struct hark_program *program)
{
	size_t bytes = hark__inherited_bytes(program);

	memory = malloc(bytes);
	CHECK(memory != NULL);
	hark__inherit(&inherited, program, memory, bytes);
}

static void fill(const char *peer, const char *local, unsigned from_address)
{
	struct hark_addr client = at(peer), ours = at(local);

	hark__environment_fill(&env, &inherited, &client, &ours, from_address, -1);
}

/* NULL: it is not there.  At most once, in any case. */
static const char *value(const char *name)
{
	size_t length = strlen(name), count = 0;
	const char *found = NULL;

	for (; env.envp[count]; count++) {
		if (strncmp(env.envp[count], name, length) != 0 ||
			env.envp[count][length] != '=')
			continue;
		CHECK(found == NULL);
		found = env.envp[count] + length + 1;
	}
	CHECK_INT(count, ==, (long long)env.count);
	return found;
}

#define CHECK_UNSET(name) CHECK(value(name) == NULL)

static char *own[] = {(char[]){"PATH=/bin"}, (char[]){"TCPREMOTEINFO=root"},
	(char[]){"TCPREMOTEIP=1.1.1.1"}, (char[]){"TCP6REMOTEIP=::"},
	(char[]){"LISTEN_FDS=3"}, (char[]){"UNIXREMOTEEUID=0"},
	(char[]){"NOTIFY_SOCKET=/run"}, (char[]){"WATCHDOG_USEC=1"},
	(char[]){"PROTOCOL=kept"}, (char[]){"TCPX=kept"}, NULL};

/* K1: what a server above us said is not believed, what is unknown is removed */
TEST(values, "the environment has this connection's values or none")
{
	const struct hark_program program = {.envp = own};

	inherit(&program);
	fill("[fe80::1%lo]:99", "127.0.0.1:80", 3);
	CHECK_STR(value("PROTO"), "TCP");
	CHECK_STR(value("TCPLOCALIP"), "127.0.0.1");
	CHECK_STR(value("TCPLOCALPORT"), "80");
	CHECK_STR(value("TCPREMOTEIP"), "fe80::1%lo");
	CHECK_STR(value("TCPREMOTEPORT"), "99");
	CHECK_STR(value("TCPCONNNUM"), "3");
	CHECK_STR(value("PROTOCOL"), "kept");
	CHECK_STR(value("TCPX"), "kept");
	CHECK_STR(value("PATH"), "/bin");
	CHECK_UNSET("TCPLOCALHOST");
	CHECK_UNSET("TCPREMOTEINFO");
	CHECK_UNSET("TCP6REMOTEIP");
	CHECK_UNSET("LISTEN_FDS");
	CHECK_UNSET("NOTIFY_SOCKET");
	CHECK_UNSET("WATCHDOG_USEC");
	CHECK_UNSET("UNIXREMOTEEUID");
	free(memory);
}

/* K1: one after the other, in the same place */
TEST(next, "the next connection has nothing of the one before")
{
	const struct hark_program program = {.envp = own, .local_name = "www.example"};

	inherit(&program);
	fill("127.0.0.1:1", "127.0.0.1:80", 1);
	CHECK_OK(hark_environment_set(&env, "TCPREMOTEINFO", "somebody"));
	CHECK_STR(value("TCPLOCALHOST"), "www.example");
	fill("127.0.0.1:2", "127.0.0.1:80", 2);
	CHECK_UNSET("TCPREMOTEINFO");
	CHECK_STR(value("TCPREMOTEPORT"), "2");
	free(memory);
}

/* K1: as ucspi-unix has it */
TEST(unix, "a Unix connection has the variables of ucspi-unix")
{
	const struct hark_program program = {.envp = own};
	struct hark_addr client = {
		.length = sizeof(sa_family_t), .u.any.sa_family = AF_UNIX};
	struct hark_addr ours = at("unix:@name");
	int pair[2];
	char pid[32];

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	inherit(&program);
	hark__environment_fill(&env, &inherited, &client, &ours, 0, pair[0]);
	CHECK_STR(value("PROTO"), "UNIX");
	CHECK_STR(value("UNIXLOCALPATH"), "@name");
	CHECK_UNSET("UNIXREMOTEPATH");
	CHECK_UNSET("TCPCONNNUM");
	CHECK_INT(atoll(value("UNIXLOCALUID")), ==, geteuid());
	CHECK_INT(atoll(value("UNIXREMOTEEUID")), ==, geteuid());
	CHECK_INT(atoll(value("UNIXREMOTEPID")), ==, getpid());
	CHECK(env.own_pid == value("UNIXLOCALPID"));
	CHECK_INT(strlen(env.own_pid), ==, 11); /* room for any */
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	CHECK_INT(strlen(pid), <=, 11);
	CHECK_SYS(close(pair[0]));
	CHECK_SYS(close(pair[1]));
	free(memory);
}

/* K1: for what looks up names */
TEST(set, "a variable can be set, replaced and unset, whoever set it")
{
	const struct hark_program program = {.envp = own};

	inherit(&program);
	fill("127.0.0.1:1", "127.0.0.1:80", 1);
	CHECK_OK(hark_environment_set(&env, "TCPREMOTEHOST", "client.example"));
	CHECK_OK(hark_environment_set(&env, "TCPREMOTEHOST", "other.example"));
	CHECK_STR(value("TCPREMOTEHOST"), "other.example");
	CHECK_OK(hark_environment_set(&env, "PATH", ""));
	CHECK_STR(value("PATH"), "");
	CHECK_OK(hark_environment_set(&env, "PROTO", NULL));
	CHECK_UNSET("PROTO");
	CHECK_OK(hark_environment_set(&env, "PROTO", NULL));
	CHECK_OK(hark_environment_set(&env, "TCPX", NULL));
	CHECK_UNSET("TCPX");
	CHECK_STR(value("PROTOCOL"), "kept");
	CHECK_ERR(hark_environment_set(&env, "", "x"), -EINVAL);
	CHECK_ERR(hark_environment_set(&env, "A=B", "x"), -EINVAL);
	CHECK_ERR(hark_environment_set(&env, NULL, "x"), -EINVAL);
	free(memory);
}

/* N7 */
TEST(bounded, "what does not fit the environment is left out whole, and told")
{
	static char huge[HARK__ENVIRONMENT_BYTES + 1];
	char *none[] = {NULL}, name[256], number[8];
	const struct hark_program program = {.envp = none, .local_name = huge};
	int set = 0;

	memset(huge, 'h', sizeof(huge) - 1);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	inherit(&program);
	fill("127.0.0.1:1", "127.0.0.1:80", 1);
	CHECK_UNSET("TCPLOCALHOST");
	CHECK_ERR(hark_environment_set(&env, "TCPREMOTEHOST", huge), -ENOMEM);
	CHECK_UNSET("TCPREMOTEHOST");
	CHECK_OK(hark_environment_set(&env, "TCPREMOTEINFO", name));
	CHECK_STR(value("TCPREMOTEINFO"), name);
	for (; set < 2 * HARK__VARIABLES_MAX; set++) {
		(void)snprintf(number, sizeof(number), "V%d", set);
		if (hark_environment_set(&env, number, "") < 0)
			break;
	}
	CHECK_INT(env.count, ==, HARK__VARIABLES_MAX);
	CHECK_ERR(hark_environment_set(&env, "MORE", ""), -ENOMEM);
	CHECK_OK(hark_environment_set(&env, "V0", "still"));
	CHECK_STR(value("V0"), "still");
	free(memory);
}

/* N7: another thread may set a variable meanwhile */
TEST(grown, "what is inherited ends where its memory does")
{
	char *few[] = {(char[]){"A=1"}, (char[]){"B=2"}, NULL};
	const struct hark_program before = {.envp = few};
	size_t bytes = hark__inherited_bytes(&before);
	const struct hark_program after = {.envp = own};

	memory = malloc(bytes);
	CHECK(memory != NULL);
	hark__inherit(&inherited, &after, memory, bytes);
	CHECK_INT(inherited.count, ==, 2);
	free(memory);
}

/* K1 */
TEST(ours, "where nothing else was said, the environment is the server's own")
{
	const struct hark_program program = {0};

	CHECK_SYS(setenv("KEPT", "two words", 1));
	CHECK_SYS(setenv("TCPREMOTEIP", "1.1.1.1", 1));
	inherit(&program);
	fill("127.0.0.1:1", "127.0.0.1:80", 1);
	CHECK_STR(value("KEPT"), "two words");
	CHECK_STR(value("TCPREMOTEIP"), "127.0.0.1");
	free(memory);
}
