/* SPDX-License-Identifier: MIT
 *
 * What the hand-written echo servers beside the engine share (loop_serial.c, loop_fork.c,
 * loop_thread.c, loop_pool.c, loop_prefork.c): the listener, the conversation, its end.
 * Each of them keeps the promises of the engine's that cost something a connection, in
 * the cheapest way that we know:
 *
 * peer		accept4(2) tells it; nobody asks again.
 * timeouts	SO_RCVTIMEO and SO_SNDTIMEO of the listener: what it accepts inherits
 *		them, so they cost no system call a connection, and no poll(2) a recv(2).
 * careful close	A client whose end was not read is lingered for: close(2) with input
 *		unread would be a reset that may destroy the tail of the answer.
 * stop		SIGTERM: who is in the queue is served, whoever waits for a client is
 *		woken and ends his conversation.  See hurry() for how without a poll(2).
 *
 * Not here, and not free: limits and rules by address, counters, events, a drain with a
 * deadline, several listeners.  Uses nothing of hark.
 */
#ifndef LOOP_H
#define LOOP_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
	TIMEOUT_S = 30,
	LINGER_MS = 30000,
	LINGER_IDLE_MS = 5000,
	PRESSURE_MS = 10,
	BUFFER_BYTES = 16384, /* what the engine lends its handlers */
};

struct client {
	int fd;
	struct sockaddr_storage peer;
};

static int listener;
static atomic_bool stopping; /* without a lock, so signal handlers may use it */

_Noreturn static inline void die(const char *what)
{
	perror(what);
	exit(111);
}

static inline int number(const char *text, int least, int most)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end || value < least || value > most) {
		fprintf(stderr, "'%s' is not a number from %d to %d\n", text, least,
			most);
		exit(100);
	}
	return (int)value;
}

/* ------------------------------------------------------------------------- the stop */

/*
 * From now on nobody waits on fd: accept(2) and recv(2) return what there is, then EAGAIN.
 * One who waits already is to be interrupted by a signal besides.  Together they leave no
 * gap: a signal that comes just before the wait is forgotten, the option is not.
 */
static inline void hurry(int fd)
{
	struct timeval at_once = {.tv_sec = 0, .tv_usec = 1};

	/* May fail where the connection ended meanwhile: then nobody waits on it. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &at_once, sizeof(at_once));
}

/* Without SA_RESTART: whoever waits is to be interrupted. */
static inline void on_signal(int signal_number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_NOCLDSTOP};

	(void)sigaction(signal_number, &action, NULL); /* a signal that there is */
}

/* ----------------------------------------------------------------------- the listener */

static inline void open_listener(const char *port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)number(port, 1, 65535))};
	struct timeval timeout = {.tv_sec = TIMEOUT_S};
	int on = 1;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 ||
		setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &timeout,
			sizeof(timeout)) < 0 ||
		setsockopt(listener, SOL_SOCKET, SO_SNDTIMEO, &timeout,
			sizeof(timeout)) < 0 ||
		bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		listen(listener, SOMAXCONN) < 0)
		die("listen");
}

static inline bool out_of_something(int code)
{
	return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

/* Waits in accept(2) itself, which wakes one waiter a client.  False: stopped, and the
 * queue is empty. */
static inline bool next_client(struct client *client)
{
	for (;;) {
		socklen_t length = sizeof(client->peer);

		client->fd = accept4(listener, (struct sockaddr *)&client->peer,
			&length, SOCK_CLOEXEC);
		if (client->fd >= 0)
			return true;
		if (errno == EAGAIN && stopping)
			return false;
		if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK)
			die("accept");
		if (out_of_something(errno)) /* the client waits in the queue */
			(void)poll(NULL, 0, PRESSURE_MS); /* however long it took */
	}
}

/* ------------------------------------------------------------------- the conversation */

static inline ssize_t receive(int fd, char *data, size_t size)
{
	ssize_t got;

	do {
		got = recv(fd, data, size, 0);
	} while (got < 0 && errno == EINTR);
	return got;
}

static inline bool send_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			return false;
		if (sent > 0) {
			data += sent;
			size -= (size_t)sent;
		}
	}
	return true;
}

static inline int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Until the client's end, or a bound.  No second buffer: the stack of a thread that ends is
 * kept by libc for 16 KiB only, and what is beyond would be a page fault each time. */
static inline void discard(int fd, char *nowhere, size_t size)
{
	int64_t deadline_ms = now_ms() + LINGER_MS;

	while (now_ms() < deadline_ms) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		int found = poll(&ready, 1, LINGER_IDLE_MS);
		ssize_t got;

		if (found == 0 || (found < 0 && errno != EINTR))
			return;
		got = recv(fd, nowhere, size, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
			return;
	}
}

/* The echo, and the end of the connection. */
static inline void serve(const struct client *client)
{
	char data[BUFFER_BYTES];
	ssize_t got;

	while ((got = receive(client->fd, data, sizeof(data))) > 0)
		if (!send_all(client->fd, data, (size_t)got))
			break;
	if (got != 0 && shutdown(client->fd, SHUT_WR) == 0)
		discard(client->fd, data, sizeof(data));
	(void)close(client->fd); /* Linux releases it whatever it returns */
}

#endif /* LOOP_H */
