/*
 * The other side, for tests: addresses, clients, listeners and queues by plain POSIX
 * calls.
 *
 * Not here: network namespaces (sandbox.c).
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "harness.h"
#include "net.h"

enum { PATIENCE_MS = 5000 };

#define FAIL(...) harness_fail(__FILE__, __LINE__, __VA_ARGS__)

/* Fails with errno, unless the result is a success. */
static int sure(int result, const char *call)
{
	if (result < 0)
		FAIL("%s failed: %s", call, errno_name(errno));
	return result;
}

struct net_addr net_ip(const char *ip, unsigned port)
{
	struct net_addr addr = {.length = sizeof(addr.sa.ipv4)};

	if (inet_pton(AF_INET, ip, &addr.sa.ipv4.sin_addr) == 1) {
		addr.sa.ipv4.sin_family = AF_INET;
		addr.sa.ipv4.sin_port = htons((uint16_t)port);
		return addr;
	}
	addr = (struct net_addr){.length = sizeof(addr.sa.ipv6)};
	if (inet_pton(AF_INET6, ip, &addr.sa.ipv6.sin6_addr) != 1)
		FAIL("'%s' is no address in numbers", ip);
	addr.sa.ipv6.sin6_family = AF_INET6;
	addr.sa.ipv6.sin6_port = htons((uint16_t)port);
	return addr;
}

/* An abstract name is all bytes up to the length: no terminating zero belongs to it. */
struct net_addr net_unix(const char *path)
{
	struct net_addr addr = {.sa.path.sun_family = AF_UNIX};
	bool abstract = *path == '@';
	size_t length = strlen(path);

	if (length >= sizeof(addr.sa.path.sun_path))
		FAIL("'%s' is too long for the path of a socket", path);
	memcpy(addr.sa.path.sun_path + abstract, path + abstract, length - abstract);
	addr.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length +
				  !abstract);
	return addr;
}

struct net_addr net_local(int fd)
{
	struct net_addr addr = {.length = sizeof(addr.sa)};

	(void)sure(getsockname(fd, &addr.sa.any, &addr.length), "getsockname");
	return addr;
}

unsigned net_port(int fd)
{
	struct net_addr addr = net_local(fd);

	if (addr.sa.any.sa_family == AF_INET)
		return ntohs(addr.sa.ipv4.sin_port);
	if (addr.sa.any.sa_family == AF_INET6)
		return ntohs(addr.sa.ipv6.sin6_port);
	FAIL("a socket of family %d has no port", addr.sa.any.sa_family);
}

static int new_socket(const struct sockaddr *addr, int flags)
{
	return sure(socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0),
		"socket");
}

/* Without SO_REUSEADDR: the port must not be shared with another, not even bound. */
unsigned net_free_port(const char *ip)
{
	struct net_addr addr = net_ip(ip, 0);
	int fd = new_socket(&addr.sa.any, 0);
	unsigned port;

	(void)sure(bind(fd, &addr.sa.any, addr.length), "bind");
	port = net_port(fd);
	net_close(fd);
	return port;
}

int net_listen(struct net_addr at, int backlog)
{
	int fd = new_socket(&at.sa.any, 0), one = 1;

	(void)sure(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)),
		"setsockopt SO_REUSEADDR");
	(void)sure(bind(fd, &at.sa.any, at.length), "bind");
	(void)sure(listen(fd, backlog), "listen");
	return fd;
}

/* Linux: 0 takes the limit off again. */
static void limit_sending(int fd, int ms)
{
	struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	(void)sure(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)),
		"setsockopt SO_SNDTIMEO");
}

/*
 * SO_SNDTIMEO bounds a blocking connect(2) in both families. poll(2) would not do: a
 * Unix socket that finds the queue full is not told when there is room.
 */
static int connect_in_time(const struct sockaddr *to, socklen_t length)
{
	int fd = new_socket(to, 0), code;

	limit_sending(fd, left_ms(deadline_ms(PATIENCE_MS)));
	if (connect(fd, to, length) == 0) {
		limit_sending(fd, 0);
		return fd;
	}
	code = errno;
	net_close(fd);
	return code == EINPROGRESS || code == EAGAIN ? -ETIMEDOUT : -code;
}

int net_connect_to(const struct sockaddr *to, socklen_t length)
{
	int fd = connect_in_time(to, length);

	if (fd < 0)
		FAIL("cannot connect: %s", errno_name(fd));
	return fd;
}

int net_connect(struct net_addr to)
{
	return net_connect_to(&to.sa.any, to.length);
}

int net_try_connect(struct net_addr to)
{
	return connect_in_time(&to.sa.any, to.length);
}

int net_begin_connect(struct net_addr to)
{
	int fd = new_socket(&to.sa.any, SOCK_NONBLOCK);

	if (connect(fd, &to.sa.any, to.length) < 0 && errno != EINPROGRESS)
		FAIL("cannot begin to connect: %s", errno_name(errno));
	return fd;
}

void net_close(int fd)
{
	(void)sure(close(fd), "close");
}

void net_reset(int fd)
{
	struct linger reset = {.l_onoff = 1};

	(void)sure(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)),
		"setsockopt SO_LINGER");
	net_close(fd);
}

void require_tcp_info(void)
{
	int listener = net_listen(net_ip("127.0.0.1", 0), 1);

	(void)net_queue(listener);
	net_close(listener);
}

/*
 * Of a listener, tcpi_unacked is the length of the accept queue, tcpi_sacked its limit.
 */
int net_queue(int listener)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);

	(void)sure(getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &length),
		"getsockopt TCP_INFO");
	if (length < offsetof(struct tcp_info, tcpi_last_ack_sent))
		SKIP("TCP_INFO is cut short here: an emulator?");
	if (info.tcpi_state != TCP_LISTEN)
		FAIL("descriptor %d does not listen", listener);
	return (int)info.tcpi_unacked;
}

void net_wait_queue(int listener, int n)
{
	WAIT_UNTIL(net_queue(listener) == n);
}

void net_send(int fd, const char *text)
{
	size_t left = strlen(text);
	ssize_t n;

	limit_sending(fd, left_ms(deadline_ms(PATIENCE_MS)));
	for (; left; text += n, left -= (size_t)n) {
		n = send(fd, text, left, MSG_NOSIGNAL);
		if (n < 0)
			FAIL("cannot send: %s", errno_name(errno));
	}
	limit_sending(fd, 0);
}

/* One recv(), for which there is time until the deadline. */
static ssize_t read_some(int fd, char *text, size_t size, long long deadline)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	ssize_t n;

	for (;;) {
		n = poll(&ready, 1, left_ms(deadline));
		if (n == 0)
			return -ETIMEDOUT;
		if (n > 0)
			n = recv(fd, text, size, MSG_DONTWAIT);
		if (n >= 0)
			return n;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}

ssize_t net_read(int fd, char *text, size_t size, size_t wanted)
{
	long long deadline = deadline_ms(PATIENCE_MS);
	size_t done = 0;
	ssize_t n;

	while (done < wanted) {
		if (done + 1 >= size)
			FAIL("more than %zu bytes came", size - 1);
		n = read_some(fd, text + done,
			wanted < size ? wanted - done : size - 1 - done, deadline);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	text[done] = '\0';
	return (ssize_t)done;
}

ssize_t net_read_all(int fd, char *text, size_t size)
{
	return net_read(fd, text, size, SIZE_MAX);
}
