/*
 * The table of clients' addresses under many processes: it survives those that are killed
 * over it, wherever they were.  Includes internals: a server has one table, in memory that
 * its workers share.
 */
#include "server/hosts.h"

#include "harness.h"
#include "host_table.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

/* --------------------------------------------------------- processes that are killed */

enum { WORKERS = 4, HELD = 6, CROWD = 5, KILLS = 20 };

/* What the workers say of themselves, where all can read it. */
struct ledger {
	atomic_bool over;
	atomic_long calls;
	atomic_int held[WORKERS][CROWD]; /* at the end, by address */
};

/* Two of IPv4, and three of IPv6 in one prefix. */
static struct hark_addr of_crowd(int i)
{
	struct hark_addr v6 = ipv6("2001:db8::", 1);

	v6.u.in6.sin6_addr.s6_addr[15] = (uint8_t)i;
	return i % 2 ? ipv4_number(0xc0000200 + (uint32_t)i) : v6;
}

struct worker {
	struct table *table;
	struct ledger *ledger;
	int number;
	unsigned dice;
	int place[HELD], address[HELD];
	int open;
};

static int roll(struct worker *worker, int sides)
{
	worker->dice = worker->dice * 1103515245 + 12345;
	return (int)((worker->dice >> 16) % (unsigned)sides);
}

static void work_a_bit(struct worker *worker)
{
	int i = roll(worker, HELD);
	int address = roll(worker, CROWD);
	struct hark_addr peer = of_crowd(address);
	int place;

	if (i < worker->open) {
		hark__hosts_leave(worker->table->hosts, worker->place[i]);
		worker->open--;
		worker->place[i] = worker->place[worker->open];
		worker->address[i] = worker->address[worker->open];
		return;
	}
	place = hark__hosts_enter(worker->table->hosts, worker->number, &peer, 0, NULL);
	if (place > 0) {
		worker->place[worker->open] = place;
		worker->address[worker->open++] = address;
	}
}

static void work(struct worker *worker)
{
	while (!atomic_load(&worker->ledger->over)) {
		work_a_bit(worker);
		atomic_fetch_add(&worker->ledger->calls, 1);
	}
	for (int i = 0; i < worker->open; i++)
		atomic_fetch_add(
			&worker->ledger->held[worker->number][worker->address[i]], 1);
}

static pid_t start_worker(
	struct table *table, struct ledger *ledger, int number, int life)
{
	struct worker worker = {.table = table,
		.ledger = ledger,
		.number = number,
		.dice = (unsigned)(life * WORKERS + number)};
	pid_t pid;

	CHECK_SYS(pid = fork());
	if (pid == 0) {
		work(&worker);
		_exit(0);
	}
	return pid;
}

static void await_calls(struct ledger *ledger, long more)
{
	long before = atomic_load(&ledger->calls);

	WAIT_UNTIL_MS(atomic_load(&ledger->calls) >= before + more, 10000);
}

/* Every count is what those who live say that they hold. */
static void check_held(struct table *table, struct ledger *ledger, int room)
{
	int all = 0;

	for (int address = 0; address < CROWD; address++) {
		int held = 0;

		for (int i = 0; i < WORKERS; i++)
			held += atomic_load(&ledger->held[i][address]);
		CHECK_INT(count_of(table, of_crowd(address)), ==, held);
		all += held;
	}
	CHECK_INT(places_left(table), ==, room - all);
}

/* Nobody has anything any more, and of each address and prefix as many may come again. */
static void check_empty(struct table *table, int places, int per_address)
{
	CHECK_INT(places_left(table), ==, places);
	for (int i = 0; i < CROWD; i++) {
		for (int n = 0; n < per_address; n++)
			CHECK_INT(enter(table, of_crowd(i)), >, 0);
		CHECK_INT(enter(table, of_crowd(i)), ==, BY_ADDRESS);
		hark__hosts_forget(table->hosts, 0);
	}
	/* all entries can be had, and each once */
	for (uint32_t i = 0; i < 2 * IDLE_MOST; i++) {
		int place = enter(table, ipv4_number(i << 8));

		CHECK_INT(place, >, 0);
		hark__hosts_leave(table->hosts, place);
	}
	CHECK_INT(places_left(table), ==, places);
}

static struct ledger *open_ledger(void)
{
	struct ledger *ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(ledger != MAP_FAILED);
	return ledger;
}

static void end_worker(pid_t pid, int signal)
{
	int status;

	if (signal)
		CHECK_SYS(kill(pid, signal));
	CHECK_SYS(waitpid(pid, &status, 0));
	if (signal)
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == signal);
	else
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static const struct hark__hosts_limits crowd_limits = {.per_address = 9,
	.per_prefix = 12,
	.prefix_v4 = 24,
	.prefix_v6 = 48,
	.rate = 1000,
	.rate_ms = 1,
	.rate_burst = INT_MAX};

/* S4 S8 */
TEST(killed, "twenty workers are killed at work, and every count is right afterwards",
	.timeout_s = 120)
{
	enum { ROOM = WORKERS * HELD };
	struct table table = open_table(&crowd_limits, ROOM);
	struct ledger *ledger = open_ledger();
	pid_t pid[WORKERS];

	srand(4481);
	for (int i = 0; i < WORKERS; i++)
		pid[i] = start_worker(&table, ledger, i, 0);
	for (int i = 0; i < KILLS; i++) {
		int number = rand() % WORKERS;

		await_calls(ledger, 1000 + rand() % 5000);
		end_worker(pid[number], SIGKILL);
		hark__hosts_forget(table.hosts, number);
		pid[number] = start_worker(&table, ledger, number, i + 1);
	}
	await_calls(ledger, 1000);
	atomic_store(&ledger->over, true);
	for (int i = 0; i < WORKERS; i++)
		end_worker(pid[i], 0);
	NOTE("%ld calls, %u of those killed had the lock", atomic_load(&ledger->calls),
		hark__hosts_repairs(table.hosts));
	check_held(&table, ledger, ROOM);
	for (int i = 0; i < WORKERS; i++)
		hark__hosts_forget(table.hosts, i);
	check_empty(&table, ROOM, 9);
	CHECK_SYS(munmap(ledger, sizeof(*ledger)));
	close_table(&table);
}

/* S4 */
TEST(threads, "threads of one process share the table, and every count is right")
{
	enum { ROOM = WORKERS * HELD };
	struct table table = open_table(&crowd_limits, ROOM);
	struct ledger *ledger = open_ledger();
	struct worker worker[WORKERS];
	pthread_t thread[WORKERS];

	for (int i = 0; i < WORKERS; i++) {
		worker[i] = (struct worker){.table = &table,
			.ledger = ledger,
			.number = i,
			.dice = (unsigned)i};
		CHECK_INT(pthread_create(&thread[i], NULL,
				  (void *(*)(void *))(void (*)(void))work, &worker[i]),
			==, 0);
	}
	await_calls(ledger, 20000);
	atomic_store(&ledger->over, true);
	for (int i = 0; i < WORKERS; i++)
		CHECK_INT(pthread_join(thread[i], NULL), ==, 0);
	check_held(&table, ledger, ROOM);
	for (int i = 0; i < WORKERS; i++)
		hark__hosts_forget(table.hosts, i);
	check_empty(&table, ROOM, 9);
	CHECK_SYS(munmap(ledger, sizeof(*ledger)));
	close_table(&table);
}

/* ------------------------------------------------------ killed at every sort of moment */

/*
 * All that can happen in the table: entries made, displaced, idle, held again, freed, places
 * given back one by one.  Number 1 does it while number 2 has a connection of one of the
 * addresses.
 */
enum { DEEDS = 8, RATED = DEEDS };

static void act(struct table *table, int deed, int place[3])
{
	static const int address[] = {0, 1, 2, 0, 0, 1, 0, 0, 0};
	struct hark_addr peer = of_crowd(address[deed]);

	switch (deed) {
	case 3:
	case 4:
		hark__hosts_leave(table->hosts, place[4 - deed]);
		break;
	case 7:
		hark__hosts_forget(table->hosts, 1);
		break;
	case RATED:
		place[0] = hark__hosts_enter(table->hosts, 1, &peer, 1300, NULL);
		break;
	default:
		place[deed % 3] = hark__hosts_enter(table->hosts, 1, &peer, 0, NULL);
	}
}

/* A process that stops before one of the deeds, for its parent to lead it through. */
static pid_t start_led(struct table *table, int led)
{
	int status, place[3];
	pid_t pid;

	CHECK_SYS(pid = fork());
	if (pid == 0) {
		for (int deed = 0; deed < led; deed++)
			act(table, deed, place);
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(77);
		(void)raise(SIGSTOP); /* cannot fail for a process of its own */
		act(table, led, place);
		(void)raise(SIGSTOP);
		_exit(0);
	}
	CHECK_SYS(waitpid(pid, &status, 0));
	REQUIRE(WIFSTOPPED(status), "processes may not be traced here");
	return pid;
}

/* One instruction more; false when the deed is done. */
static bool step(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0) {
		end_worker(pid, SIGKILL);
		SKIP("processes cannot be led step by step here");
	}
	CHECK_SYS(waitpid(pid, &status, 0));
	CHECK(WIFSTOPPED(status));
	return WSTOPSIG(status) != SIGSTOP;
}

/* With as few entries as there may be, or so many that the next displaces one. */
static struct table open_led(bool full)
{
	struct hark__hosts_limits limits = crowd_limits;
	struct hark_addr shared = of_crowd(1);
	struct table table;

	limits.per_address = 2;
	limits.per_prefix = 3;
	table = open_table(&limits, 4);
	for (uint32_t i = 0; full && i < IDLE_MOST + 8; i++) {
		int place = enter(&table, ipv4_number(i << 8));

		CHECK_INT(place, >, 0);
		hark__hosts_leave(table.hosts, place);
	}
	CHECK_INT(hark__hosts_enter(table.hosts, 2, &shared, 0, NULL), >, 0);
	return table;
}

/* What number 1 has is whole, and can be given back; what number 2 has is not touched. */
static void check_led(struct table *table)
{
	int held = 0;

	for (int i = 0; i < CROWD; i++)
		held += count_of(table, of_crowd(i));
	CHECK_INT(places_left(table), ==, 4 - held);
	hark__hosts_forget(table->hosts, 1);
	for (int i = 0; i < CROWD; i++)
		CHECK_INT(count_of(table, of_crowd(i)), ==, i == 1);
	CHECK_INT(places_left(table), ==, 3);
	for (int i = 0; i < CROWD; i += 2)
		CHECK_INT(enter(table, of_crowd(i)), >, 0);
	CHECK_INT(enter(table, of_crowd(0)), ==, BY_PREFIX);
	hark__hosts_forget(table->hosts, 0);
}

/* A lock of the table's kind whose owner has died. */
static pthread_mutex_t dead_mutex(void)
{
	pthread_mutex_t copy,
		*mutex = mmap(NULL, sizeof(*mutex), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attributes;
	pid_t pid;

	CHECK(mutex != MAP_FAILED);
	CHECK_INT(pthread_mutexattr_init(&attributes), ==, 0);
	CHECK_INT(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), ==,
		0);
	CHECK_INT(
		pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), ==, 0);
	CHECK_INT(pthread_mutex_init(mutex, &attributes), ==, 0);
	CHECK_INT(pthread_mutexattr_destroy(&attributes), ==, 0);
	CHECK_SYS(pid = fork());
	if (pid == 0)
		_exit(pthread_mutex_lock(mutex));
	end_worker(pid, 0);
	memcpy(&copy, mutex, sizeof(copy));
	CHECK_SYS(munmap(mutex, sizeof(*mutex)));
	return copy;
}

/*
 * Leads a process through a deed.  At each instruction the table is taken as it is, with a
 * lock whose owner is dead (it is what the table begins with), put in order and tried, and
 * then restored.  How many instructions there were.
 */
static int check_each_moment(
	struct table table, int deed, void (*check)(struct table *))
{
	enum { TOO_MANY = 100000 };
	size_t bytes = hark__hosts_bytes(4);
	pthread_mutex_t dead = dead_mutex();
	char *saved = malloc(bytes);
	pid_t pid = start_led(&table, deed);
	int steps = 0;

	CHECK(saved != NULL);
	while (step(pid) && steps < TOO_MANY) {
		memcpy(saved, table.hosts, bytes);
		memcpy(table.hosts, &dead, sizeof(dead));
		check(&table);
		CHECK_INT(hark__hosts_repairs(table.hosts), ==, 1);
		memcpy(table.hosts, saved, bytes);
		steps++;
	}
	end_worker(pid, SIGKILL);
	check(&table);
	free(saved);
	close_table(&table);
	/* where a step ends exclusive access, no lock is ever taken */
	REQUIRE(steps < TOO_MANY, "a lock cannot be taken step by step here");
	return steps;
}

/* Under the thread sanitizer an instruction of ours is a hundred of its own. */
#if defined(__SANITIZE_THREAD__)
#define IS_TOO_SLOW true
#else
#define IS_TOO_SLOW false
#endif

static void need_stepping(void)
{
	REQUIRE(!getenv("HARK_EMULATED") && !getenv("HARK_VALGRIND") && !IS_TOO_SLOW,
		"a process cannot be led step by step there");
}

/* S4 S8: the order of writes, shown wherever it may be interrupted */
TEST(each_moment, "at each instruction the table is such that it can be put in order",
	.timeout_s = 240)
{
	int steps = 0;

	need_stepping();
	for (int deed = 0; deed < DEEDS; deed++)
		steps += check_each_moment(open_led(false), deed, check_led);
	NOTE("%d instructions", steps);
	CHECK_INT(steps, >, 1000);
}

/* S4 S8 */
TEST(each_moment_full, "so it is while an idle address is displaced", .timeout_s = 240)
{
	need_stepping();
	CHECK_INT(check_each_moment(open_led(true), 0, check_led), >, 100);
}

/* Two connections at 0 ms and, or not yet, a third at 1,300 ms. */
static void check_rated(struct table *table)
{
	struct hark_addr peer = of_crowd(0);

	CHECK_INT(hark__hosts_enter(table->hosts, 2, &peer, 999, NULL), ==, BY_RATE);
	CHECK_INT(hark__hosts_enter(table->hosts, 2, &peer, 2000, NULL), >, 0);
}

/* S4 S8 */
TEST(each_moment_rate,
	"of a rate at no instruction anything is lost, or given for free",
	.timeout_s = 240)
{
	struct hark__hosts_limits limits = {
		.rate = 1, .rate_ms = 1000, .rate_burst = 2};
	struct table table;

	need_stepping();
	table = open_table(&limits, 4);
	CHECK_INT(enter(&table, of_crowd(0)), >, 0);
	CHECK_INT(enter(&table, of_crowd(0)), >, 0);
	CHECK_INT(check_each_moment(table, RATED, check_rated), >, 100);
}

/* False when the deed is done by then.  Adds 1 where the table was locked. */
static bool check_killed_after(int deed, int most, unsigned *locked)
{
	struct table table = open_led(false);
	pid_t pid = start_led(&table, deed);
	int steps = 0;

	while (steps < most && step(pid))
		steps++;
	end_worker(pid, SIGKILL);
	check_led(&table);
	*locked += hark__hosts_repairs(table.hosts);
	hark__hosts_forget(table.hosts, 2);
	check_empty(&table, 4, 2);
	close_table(&table);
	return steps == most;
}

/* S4 S8: as it really happens; the kernel hands the lock on */
TEST(killed_midway, "killed in the middle of a call, it leaves the table right",
	.timeout_s = 60)
{
	enum { EVERY = 300 };
	unsigned locked = 0;
	int moments = 0;

	need_stepping();
	for (int deed = 0; deed < DEEDS; deed++)
		for (int most = EVERY; check_killed_after(deed, most, &locked);
			most += EVERY)
			moments++;
	NOTE("at %u of %d moments the table was locked", locked, moments);
	CHECK_INT(locked, >, DEEDS);
}
