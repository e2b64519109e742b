/*
 * The other side, for tests: sockets by plain POSIX calls and not through hark, so that
 * the library is compared with the kernel and not with itself.
 *
 * What cannot be done fails the test, unless it says that it returns a negative errno.
 * Nothing waits longer than five seconds (more with HARK_TEST_SLOWNESS). Nothing raises
 * SIGPIPE.
 */
#ifndef TESTS_NET_H
#define TESTS_NET_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

struct net_addr {
	socklen_t length;
	union {
		struct sockaddr any;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
		struct sockaddr_un path;
		struct sockaddr_storage room;
	} sa;
};

/*
 * An address by number ("127.0.0.1", "::1"), or of a Unix socket ("@name" is abstract).
 */
struct net_addr net_ip(const char *ip, unsigned port);
struct net_addr net_unix(const char *path);

/* What a socket is bound to, and its port in host order. */
struct net_addr net_local(int fd);
unsigned net_port(int fd);

/* A port that was free a moment ago. */
unsigned net_free_port(const char *ip);

/* A listener that is not hark's: to hold a port, to be adopted. */
int net_listen(struct net_addr at, int backlog);

/* A connected client, blocking. The second returns the negative errno of a refusal. */
int net_connect(struct net_addr to);
int net_try_connect(struct net_addr to);

/* The same for an address that somebody else made. */
int net_connect_to(const struct sockaddr *to, socklen_t length);

/* A client whose handshake has begun and may never be done: non-blocking. */
int net_begin_connect(struct net_addr to);

/* Closes; the second by a reset (RST), whatever is unsent. */
void net_close(int fd);
void net_reset(int fd);

/* How many connections wait in the queue of a TCP listener; waits until there are n. */
int net_queue(int listener);
void net_wait_queue(int listener, int n);
/* Skips the test where the queue cannot be asked for: some emulators. */
void require_tcp_info(void);

/* All of the text, or the test fails. */
void net_send(int fd, const char *text);

/*
 * Reads until there are `wanted` bytes or the end of the stream, and puts a '\0' after
 * them, for which size must have room. Returns their number or a negative errno
 * (-ECONNRESET, -ETIMEDOUT). The second reads to the end.
 */
ssize_t net_read(int fd, char *text, size_t size, size_t wanted);
ssize_t net_read_all(int fd, char *text, size_t size);

#endif
