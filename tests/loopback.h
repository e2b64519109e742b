/* SPDX-License-Identifier: MIT
 *
 * hark's listeners on this host, and plain clients of theirs, for tests.
 *
 * Not here: clients of anything else (net.h).
 */
#ifndef TESTS_LOOPBACK_H
#define TESTS_LOOPBACK_H

#include "harness.h"
#include "net.h"

#include <hark.h>

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* "127.0.0.1:0", "[::1]:0", "unix:@name" */
static inline struct hark_listener open_listener_with(
	const char *text, const struct hark_listen_options *options)
{
	struct hark_listener listener = {0};
	struct hark_addr addr;

	CHECK_OK(hark_addr_parse(&addr, text, NULL));
	CHECK_OK(hark_listener_open(&listener, &addr, options, NULL));
	return listener;
}

static inline struct hark_listener open_listener(const char *text)
{
	return open_listener_with(text, NULL);
}

static inline struct hark_listener open_tcp(void)
{
	return open_listener("127.0.0.1:0");
}

/* In the test's own directory. */
static inline struct hark_listener open_unix(void)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "unix:%s/socket", temp_directory());
	return open_listener(text);
}

static inline struct net_addr where(const struct hark_listener *listener)
{
	struct net_addr addr = {.length = listener->addr.length};

	memcpy(&addr.sa, &listener->addr.u, listener->addr.length);
	return addr;
}

static inline int dial(const struct hark_listener *listener)
{
	return net_connect(where(listener));
}

static inline void close_listener(struct hark_listener *listener)
{
	CHECK_OK(hark_listener_close_now(listener, NULL));
}

/* The two ends of one connection. */
struct ends {
	int server;
	int client;
};

static inline struct ends meet(const struct hark_listener *listener)
{
	struct ends ends = {.client = dial(listener)};

	ends.server = hark_accept_wait(listener->fd, NULL, 5000, 0, NULL);
	CHECK_OK(ends.server);
	return ends;
}

static inline struct ends tcp_ends(void)
{
	struct hark_listener listener = open_tcp();
	struct ends ends = meet(&listener);

	close_listener(&listener);
	return ends;
}

static inline bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Writes an error as no call does, to see afterwards that it was left alone. */
static inline void stamp(struct hark_error *err)
{
	memset(err, 0x5a, sizeof(*err));
}

static inline bool is_stamped(const struct hark_error *err)
{
	const unsigned char *byte = (const unsigned char *)err;

	for (size_t i = 0; i < sizeof(*err); i++)
		if (byte[i] != 0x5a)
			return false;
	return true;
}

static inline pthread_t start(void *(*body)(void *), void *ctx)
{
	pthread_t thread;

	CHECK_INT(pthread_create(&thread, NULL, body, ctx), ==, 0);
	return thread;
}

static inline void join(pthread_t thread)
{
	CHECK_INT(pthread_join(thread, NULL), ==, 0);
}

#endif
