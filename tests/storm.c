/* SPDX-License-Identifier: MIT
 *
 * A storm of clients: each connects, asks, reads the answer, closes, and begins again, for
 * as long as standard input is open.  What became of them all is one line at the end:
 *
 *	served N refused N reset N short N wrong N silent N
 *
 * usage: storm CLIENTS IP PORT | storm CLIENTS PATH
 *
 * Clients of an IPv4 loopback address have many addresses, so that ports last.  Not here:
 * what happens to the server meanwhile (sh/upgrade.sh).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 4096, ASKED = 64, PATIENCE_S = 20, EVENTS = 256 };

struct client {
	int fd; /* -1: none */
	bool asked;
	size_t answered;
	long long began; /* seconds */
	char text[ASKED + 1];
};

static struct {
	unsigned long long served, refused, reset, cut, wrong, silent;
} count;

static union {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
} to;
static socklen_t to_length;
static struct client client[MOST];
static int clients, epoll_fd;
static unsigned long long begun;

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static long long now_ms(void)
{
	struct timespec at;

	if (clock_gettime(CLOCK_MONOTONIC, &at) < 0)
		die("clock_gettime");
	return (long long)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static long long now(void)
{
	return now_ms() / 1000;
}

/* 127.1.x.y, each in turn. */
static void bind_somewhere(int fd)
{
	static uint32_t next;
	const int on = 1;
	struct sockaddr_in from = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0x7f010001U + next++ % 60000)};

	if (to.any.sa_family != AF_INET || ntohl(to.in.sin_addr.s_addr) >> 24 != 127)
		return;
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0)
		die("bind");
}

static void count_error(int code)
{
	if (code == ECONNREFUSED)
		count.refused++;
	else if (code == ECONNRESET || code == EPIPE)
		count.reset++;
	else
		count.wrong++;
}

static void end(struct client *one)
{
	(void)close(one->fd);
	one->fd = -1;
}

static void fail(struct client *one, int code)
{
	count_error(code);
	end(one);
}

static void watch(const struct client *one, int operation, uint32_t events)
{
	struct epoll_event event = {
		.events = events, .data.u64 = (uint64_t)(one - client)};

	if (epoll_ctl(epoll_fd, operation, one->fd, &event) < 0)
		die("epoll_ctl");
}

/* A Unix socket whose queue is full says EAGAIN: it is tried again with the next round. */
static void begin(struct client *one)
{
	one->fd =
		socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (one->fd < 0)
		die("socket");
	bind_somewhere(one->fd);
	one->asked = false;
	one->answered = 0;
	one->began = now();
	(void)snprintf(one->text, sizeof(one->text), "%0*llu", ASKED,
		(unsigned long long)begun++);
	if (connect(one->fd, &to.any, to_length) < 0 && errno != EINPROGRESS) {
		if (errno == EAGAIN)
			end(one);
		else
			fail(one, errno);
		return;
	}
	watch(one, EPOLL_CTL_ADD, EPOLLOUT);
}

static void ask(struct client *one)
{
	ssize_t sent = send(one->fd, one->text, ASKED, MSG_NOSIGNAL);

	if (sent < 0) {
		fail(one, errno);
	} else {
		one->asked = true;
		watch(one, EPOLL_CTL_MOD, EPOLLIN);
	}
}

static void hear(struct client *one)
{
	char text[ASKED + 1];
	ssize_t got = recv(one->fd, text, sizeof(text), 0);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got < 0) {
		fail(one, errno);
		return;
	}
	if (got == 0) {
		count.cut++;
		end(one);
		return;
	}
	if ((size_t)got > ASKED - one->answered ||
		memcmp(text, one->text + one->answered, (size_t)got) != 0) {
		count.wrong++;
		end(one);
		return;
	}
	one->answered += (size_t)got;
	if (one->answered == ASKED) {
		count.served++;
		end(one);
	}
}

static bool is_over(void)
{
	char byte;
	ssize_t got = read(STDIN_FILENO, &byte, 1);

	return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

/* One a millisecond at first, so that they do not march in step. */
static int begin_all(bool over)
{
	static long long first_ms;
	long long late = now() - PATIENCE_S;
	int open = 0;

	if (first_ms == 0)
		first_ms = now_ms();
	for (int i = 0; i < clients && i <= now_ms() - first_ms; i++) {
		if (client[i].fd >= 0 && client[i].began < late) {
			count.silent++;
			end(&client[i]);
		}
		if (client[i].fd < 0 && !over)
			begin(&client[i]);
		open += client[i].fd >= 0;
	}
	return open;
}

static void storm(void)
{
	struct epoll_event events[EVENTS];
	bool over = false;

	while (begin_all(over) > 0 || !over) {
		int ready = epoll_wait(epoll_fd, events, EVENTS, 1);

		for (int i = 0; i < ready; i++) {
			struct client *one = &client[events[i].data.u64];

			if (one->asked)
				hear(one);
			else
				ask(one);
		}
		over = over || is_over();
	}
}

static bool read_address(int argc, char **argv)
{
	unsigned short port = argc > 3 ? (unsigned short)atoi(argv[3]) : 0;

	if (argc == 3 && strlen(argv[2]) < sizeof(to.un.sun_path)) {
		to.un.sun_family = AF_UNIX;
		memcpy(to.un.sun_path, argv[2], strlen(argv[2]) + 1);
		to_length = sizeof(to.un);
		return true;
	}
	to_length = sizeof(to.in);
	to.in.sin_family = AF_INET;
	to.in.sin_port = htons(port);
	if (argc == 4 && inet_pton(AF_INET, argv[2], &to.in.sin_addr) == 1)
		return true;
	to_length = sizeof(to.in6);
	to.in6 = (struct sockaddr_in6){
		.sin6_family = AF_INET6, .sin6_port = htons(port)};
	return argc == 4 && inet_pton(AF_INET6, argv[2], &to.in6.sin6_addr) == 1;
}

int main(int argc, char **argv)
{
	clients = argc > 1 ? atoi(argv[1]) : 0;
	if (clients < 1 || clients > MOST || !read_address(argc, argv)) {
		fprintf(stderr, "usage: storm CLIENTS IP PORT | storm CLIENTS PATH\n");
		return 1;
	}
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0 || fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK) < 0)
		die("epoll_create1, fcntl");
	for (int i = 0; i < clients; i++)
		client[i].fd = -1;
	storm();
	printf("served %llu refused %llu reset %llu short %llu wrong %llu silent "
	       "%llu\n",
		count.served, count.refused, count.reset, count.cut, count.wrong,
		count.silent);
	return 0;
}
