/* SPDX-License-Identifier: MIT
 *
 * Two hosts with a line between them: two network namespaces, a TUN device each, and this
 * process that carries packets from one to the other, late, and not all of them.  So
 * handshakes take time, which on loopback they never do.
 *
 * usage: link DELAY_MS LOSS_PERCENT SCRIPT SCRIPT
 *
 * Each script is run by sh(1) in a host of its own, where the device is called wire0 and
 * has no address yet.  Ends when both have; the exit code is that of the first that failed.
 * 77: this system has no such line, as a line on standard error tells.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SET_TUN   0x400454caUL /* TUNSETIFF */
#define TUN_PLAIN 0x1001       /* IFF_TUN | IFF_NO_PI: packets and nothing else */

enum { PACKET_BYTES = 2048, QUEUE = 16384, SKIPPED = 77 };

struct packet {
	long long due_ms;
	size_t size;
	unsigned char bytes[PACKET_BYTES];
};

/* One way. */
struct lane {
	int from, to;
	struct packet *packet; /* QUEUE of them, a ring */
	unsigned first, count;
};

static int delay_ms, loss_percent;

static _Noreturn void die(const char *what, int code)
{
	fprintf(stderr, "link: %s: %s\n", what, strerror(errno));
	exit(code);
}

static long long now_ms(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
		die("clock_gettime", 1);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The same each time: a failure can be seen again. */
static bool is_lost(void)
{
	static uint32_t state = 4481;

	state = state * 1664525U + 1013904223U;
	return (int)((state >> 16) % 100) < loss_percent;
}

/* ------------------------------------------------------------------------------ the line */

/* What does not fit is lost as well, as on any line. */
static void take(struct lane *lane)
{
	struct packet *packet;
	ssize_t got;

	for (;;) {
		packet = &lane->packet[(lane->first + lane->count) % QUEUE];
		got = read(lane->from, packet->bytes, PACKET_BYTES);
		if (got <= 0)
			return;
		if (lane->count == QUEUE || is_lost())
			continue;
		packet->size = (size_t)got;
		packet->due_ms = now_ms() + delay_ms;
		lane->count++;
	}
}

/* Until the next is due, -1: there is none. */
static int deliver(struct lane *lane)
{
	long long now = now_ms();

	while (lane->count > 0) {
		struct packet *packet = &lane->packet[lane->first];

		if (packet->due_ms > now)
			return (int)(packet->due_ms - now);
		(void)!write(lane->to, packet->bytes, packet->size); /* or lost */
		lane->first = (lane->first + 1) % QUEUE;
		lane->count--;
	}
	return -1;
}

static int earlier(int a, int b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

/* ------------------------------------------------------------------------------ the hosts */

static int open_device(void)
{
	struct ifreq request = {.ifr_name = "wire0", .ifr_flags = TUN_PLAIN};
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		die("needs a network namespace", SKIPPED);
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || ioctl(fd, SET_TUN, &request) < 0)
		die("needs a TUN device", SKIPPED);
	return fd;
}

/* In the namespace that we are in; it ends with us. */
static pid_t run(const char *script)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork", 1);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)execl("/bin/sh", "sh", "-c", script, (char *)NULL);
	die("/bin/sh", 1);
}

/* False: it has not ended. */
static bool has_ended(pid_t *pid, int *code)
{
	int status;

	if (*pid > 0 && waitpid(*pid, &status, WNOHANG) == *pid) {
		*pid = 0;
		if (*code == 0)
			*code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	}
	return *pid == 0;
}

/* Both are looked at. */
static bool still_run(pid_t pid[2], int *code)
{
	bool first = has_ended(&pid[0], code), second = has_ended(&pid[1], code);

	return !first || !second;
}

static struct lane make_lane(int from, int to)
{
	struct lane lane = {
		.from = from, .to = to, .packet = calloc(QUEUE, sizeof(*lane.packet))};

	if (!lane.packet)
		die("memory", 1);
	return lane;
}

int main(int argc, char **argv)
{
	struct lane there, back;
	int device[2], code = 0;
	pid_t pid[2];

	if (argc != 5) {
		fprintf(stderr, "usage: link DELAY_MS LOSS_PERCENT SCRIPT SCRIPT\n");
		return 1;
	}
	delay_ms = atoi(argv[1]);
	loss_percent = atoi(argv[2]);
	for (int i = 0; i < 2; i++) {
		device[i] = open_device();
		pid[i] = run(argv[3 + i]);
	}
	there = make_lane(device[0], device[1]);
	back = make_lane(device[1], device[0]);
	while (still_run(pid, &code)) {
		struct pollfd fds[2] = {{device[0], POLLIN, 0}, {device[1], POLLIN, 0}};
		int next = earlier(deliver(&there), deliver(&back));

		(void)poll(fds, 2, next < 0 || next > 20 ? 20 : next); /* or early */
		take(&there);
		take(&back);
	}
	return code;
}
