/* SPDX-License-Identifier: MIT
 *
 * The start of `hark serve`, with every system call failed at every place: it serves all the
 * same, or ends with 100 or 111 and one line that names the errno; never with a signal, never
 * in silence; and leaves neither a Unix socket nor a process behind.
 *
 * Each run is a process: it starts, and if it becomes ready a client talks to it and SIGTERM
 * ends it.  A run without faults tells how many calls of each kind there are to fail.
 */
#include "served.h"

#include <hark.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { NTH_MAX = 12 };

/* Shared with the process that runs: what it was told, and what it did. */
struct plan {
	bool in_library;
	int call, nth, code;
	int injected;
	int seen_command[OS_CALL_COUNT], seen_library[HARK__CALL_COUNT];
};

static struct plan *plan;

static int meet(bool in_library, int call, int *seen)
{
	int count = __atomic_add_fetch(seen, 1, __ATOMIC_RELAXED);

	if (in_library != plan->in_library || call != plan->call || count != plan->nth)
		return 0;
	plan->injected = 1;
	return plan->code;
}

static int in_command(enum os_call call)
{
	return meet(false, (int)call, &plan->seen_command[call]);
}

static int in_library(enum hark__call call)
{
	return meet(true, (int)call, &plan->seen_library[call]);
}

/* ------------------------------------------------------------------------------ a run */

static char unix_path[128], unix_word[160];

static const char *const programs[] = {"hark", "-1", "-C9", "--notify-fd=50",
	"127.0.0.1:0", unix_word, "--", "cat", NULL};
static const char *const as_root[] = {"hark", "-1", "-u65534", "-gnogroup",
	"-Gnogroup,12345", "--chroot=/", "127.0.0.1:0", unix_word, "--", "cat", NULL};
static const char *const as_user[] = {
	"hark", "-1", "-unobody", "-v", "--names", "127.0.0.1:0", "--", "cat", NULL};
static const char *const services[] = {
	"hark", "-1", "-v", "--echo", "127.0.0.1:0", unix_word, NULL};
static char rules_path[128];
static const char *const workers[] = {"hark", "-1", "-v", "--workers", "2", "--rules",
	rules_path, "--echo", "127.0.0.1:0", unix_word, NULL};
static char target[32];
static const char *const proxy[] = {
	"hark", "-1", "-v", "--proxy", target, "127.0.0.1:0", unix_word, NULL};

/* Whatever becomes of it: a client that is reset, or not served, has been told. */
static void talk(struct net_addr to)
{
	char text[16];
	int client = net_try_connect(to);

	if (client < 0)
		return;
	(void)!send(client, "ohai\n", 5, MSG_NOSIGNAL); /* it may be reset */
	(void)shutdown(client, SHUT_WR);
	(void)net_read_all(client, text, sizeof(text));
	net_close(client);
}

/* Without these it must not serve: clients would find more rights than was meant. */
static bool is_vital(void)
{
	return plan->injected && !plan->in_library &&
	       (plan->call == OS_CALL_CHROOT || plan->call == OS_CALL_SETGROUPS ||
		       plan->call == OS_CALL_SETGID ||
		       plan->call == OS_CALL_GROUPS_OF ||
		       (plan->call == OS_CALL_SETUID && plan->nth == 1));
}

static void check_end(const struct served *served, int code)
{
	char name[32];

	if (is_vital())
		CHECK_INT(code, !=, 0);
	if (code == 0)
		return;
	NOTE("%s %d %s: exit code %d", plan->in_library ? "library" : "command",
		plan->call, errno_name(plan->code), code);
	CHECK(code == 100 || code == 111);
	CHECK(plan->injected);
	(void)snprintf(name, sizeof(name), "(%s)", errno_name(plan->code));
	CHECK_CONTAINS(served->log, "hark: ");
	CHECK_CONTAINS(served->log, name);
}

/* A path stays where only the removing failed, and is told then. */
static void check_path(const struct served *served)
{
	if (access(unix_path, F_OK) < 0)
		return;
	CHECK(plan->injected && plan->in_library);
	CHECK_CONTAINS(served->log, "while closing: ");
	CHECK_CONTAINS(served->log, errno_name(plan->code));
	CHECK_SYS(unlink(unix_path));
}

static pid_t target_pid; /* 0: there is none */

/* Programs that outlived the server are ours to wait for. */
static void wait_for_programs(void)
{
	while (!target_pid && wait(NULL) > 0)
		continue;
	if (!target_pid)
		CHECK_INT(errno, ==, ECHILD);
}

static void run(const char *const *words)
{
	static const struct faults faults = {in_command, in_library};
	struct served served;
	unsigned port;
	int code;

	memset(plan->seen_command, 0, sizeof(plan->seen_command));
	memset(plan->seen_library, 0, sizeof(plan->seen_library));
	plan->injected = 0;
	served = serve(words, &faults);
	port = served_port(&served);
	if (port) {
		talk(net_ip("127.0.0.1", port));
		talk(net_unix(unix_path));
		(void)kill(served.pid, SIGTERM); /* or it has ended by itself */
	} else if (!plan->injected) {
		harness_fail(__FILE__, __LINE__, "it did not start");
	} else {
		(void)kill(served.pid, SIGTERM); /* ready, but could not say so */
	}
	code = served_end(&served);
	wait_for_programs();
	check_end(&served, code);
	check_path(&served);
}

/* ---------------------------------------------------------------------------- the sweep */

/* What Linux may say to such calls, one that passes and one that does not. */
static const int codes[] = {-EMFILE, -ENOMEM, -EIO, -EPERM, -EINTR};

/*
 * Of the library's calls: those of the start; the rest is the library's own sweep.  An
 * eventfd that cannot be written or a wait that fails is a broken kernel.
 */
static bool is_swept(bool library, int call, int code)
{
	if (!library)
		return true;
	return call != HARK__CALL_POLL && call != HARK__CALL_FLOCK &&
	       call != HARK__CALL_WRITE && call != HARK__CALL_READ && code != -EINTR;
}

/* Where a process costs a second, one errno of each call must do. */
static size_t count_codes(void)
{
	return getenv("HARK_VALGRIND") || getenv("HARK_EMULATED")
		       ? 1
		       : sizeof(codes) / sizeof(codes[0]);
}

static int sweep_call(const char *const *words, bool library, int call, int times)
{
	size_t count = count_codes();
	int injected = 0;

	for (int nth = 1; nth <= times && nth <= NTH_MAX; nth++)
		for (size_t i = 0; i < count; i++) {
			if (!is_swept(library, call, codes[i]))
				continue;
			plan->in_library = library;
			plan->call = call;
			plan->nth = nth;
			plan->code = codes[i];
			run(words);
			injected += plan->injected;
		}
	return injected;
}

static void begin(void)
{
	plan = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(plan != MAP_FAILED);
	(void)snprintf(unix_path, sizeof(unix_path), "%s/sock", temp_directory());
	(void)snprintf(unix_word, sizeof(unix_word), "unix:%s", unix_path);
}

static void sweep(const char *const *words, const enum os_call *reaches, size_t count)
{
	int command[OS_CALL_COUNT], library[HARK__CALL_COUNT], injected = 0;

	plan->nth = 0;
	run(words);
	memcpy(command, plan->seen_command, sizeof(command));
	memcpy(library, plan->seen_library, sizeof(library));
	for (size_t i = 0; i < count; i++)
		if (command[reaches[i]] == 0)
			harness_fail(__FILE__, __LINE__, "call %d was not reached",
				(int)reaches[i]);
	for (int call = 0; call < OS_CALL_COUNT; call++)
		injected += sweep_call(words, false, call, command[call]);
	for (int call = 0; call < HARK__CALL_COUNT; call++)
		injected += sweep_call(words, true, call, library[call]);
	NOTE("%d faults injected", injected);
	CHECK_INT(injected, >=, 10 * (int)count_codes());
	CHECK_SYS(munmap(plan, sizeof(*plan)));
}

#define SWEEP(words, reaches) \
	sweep((words), (reaches), sizeof(reaches) / sizeof((reaches)[0]))

/* N5 E4 K1 */
TEST(programs, "a start with programs survives or explains every failing call",
	.timeout_s = 240)
{
	static const enum os_call reaches[] = {OS_CALL_OPEN, OS_CALL_WRITE,
		OS_CALL_DUP2, OS_CALL_CLOEXEC, OS_CALL_SIGMASK, OS_CALL_STAT,
		OS_CALL_ACCESS, OS_CALL_READ, OS_CALL_LIMIT};

	begin();
	SWEEP(programs, reaches);
}

/* N5 E4 K2: every privilege is given up, or nothing is served */
TEST(privileges, "and one that gives up privileges", .timeout_s = 240)
{
	static const enum os_call reaches[] = {OS_CALL_USER, OS_CALL_GROUP,
		OS_CALL_CHROOT, OS_CALL_SETGROUPS, OS_CALL_SETGID, OS_CALL_SETUID};

	REQUIRE(geteuid() == 0, "needs root, to become somebody else");
	CHECK_SYS(chmod(temp_directory(), 0777)); /* the path is nobody's to remove */
	begin();
	SWEEP(as_root, reaches);
}

/* N5 E4 K2 */
TEST(user, "and one that becomes a user by name, and looks up names", .timeout_s = 240)
{
	static const enum os_call reaches[] = {
		OS_CALL_USER, OS_CALL_GROUPS_OF, OS_CALL_FORK, OS_CALL_SETUID};

	REQUIRE(geteuid() == 0, "needs root, to become somebody else");
	begin();
	SWEEP(as_user, reaches);
}

/* N5 E4 K1 */
TEST(services, "and one with a built-in service", .timeout_s = 240)
{
	static const enum os_call reaches[] = {OS_CALL_OPEN, OS_CALL_DUP2};

	REQUIRE(!getenv("HARK_EMULATED"), "an emulator may wait for ever in a process "
					  "that was forked beside threads");
	begin();
	SWEEP(services, reaches);
}

/* N5 E4 S1 S4: one that dies at birth is replaced */
TEST(workers, "and one with workers and rules", .timeout_s = 240)
{
	static const enum os_call reaches[] = {OS_CALL_OPEN, OS_CALL_DUP2};
	int file;

	REQUIRE(!getenv("HARK_EMULATED"), "an emulator may wait for ever in a process "
					  "that was forked beside threads");
	begin();
	(void)snprintf(rules_path, sizeof(rules_path), "%s/rules", temp_directory());
	CHECK_SYS(file = open(rules_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	CHECK_INT(write(file, "allow 127.0.0.1\n", 16), ==, 16);
	CHECK_SYS(close(file));
	SWEEP(workers, reaches);
}

/* What the proxy goes to: it says everything back, to one after the other. */
static pid_t serve_target(void)
{
	int listener = net_listen(net_ip("127.0.0.1", 0), 8), client;
	char text[16];
	ssize_t got;
	pid_t pid;

	(void)snprintf(target, sizeof(target), "127.0.0.1:%u", net_port(listener));
	CHECK_SYS(pid = fork());
	while (pid == 0) {
		client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		got = net_read_all(client, text, sizeof(text));
		if (got > 0)
			(void)!send(client, text, (size_t)got, MSG_NOSIGNAL);
		net_close(client);
	}
	net_close(listener);
	return pid;
}

/* N5 E4 K1 */
TEST(proxies, "and one that is a proxy", .timeout_s = 240)
{
	static const enum os_call reaches[] = {OS_CALL_SEND, OS_CALL_RECEIVE};

	REQUIRE(!getenv("HARK_EMULATED"), "an emulator may wait for ever in a process "
					  "that was forked beside threads");
	begin();
	target_pid = serve_target();
	SWEEP(proxy, reaches);
	CHECK_SYS(kill(target_pid, SIGKILL));
	CHECK_SYS(waitpid(target_pid, NULL, 0));
}
