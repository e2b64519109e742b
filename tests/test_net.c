/* The tests' own sockets do what the tests that use them rely on. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "net.h"

/* A client and the server's side of its connection. */
static void connect_pair(struct net_addr at, int *listener, int *client, int *server)
{
	*listener = net_listen(at, 8);
	*client = net_connect(net_local(*listener));
	CHECK_SYS(*server = accept4(*listener, NULL, NULL, SOCK_CLOEXEC));
}

static void close_three(int one, int two, int three)
{
	net_close(one);
	net_close(two);
	net_close(three);
}

static void talk(struct net_addr at)
{
	int listener, client, server;
	char text[32];

	connect_pair(at, &listener, &client, &server);
	CHECK_INT(fcntl(client, F_GETFL) & O_NONBLOCK, ==, 0);
	net_send(client, "ohai");
	CHECK_INT(net_read(server, text, sizeof(text), 2), ==, 2);
	CHECK_STR(text, "oh");
	CHECK_SYS(shutdown(client, SHUT_WR));
	CHECK_INT(net_read_all(server, text, sizeof(text)), ==, 2);
	CHECK_STR(text, "ai");
	CHECK_INT(net_read_all(server, text, sizeof(text)), ==, 0);
	close_three(listener, client, server);
}

TEST(ipv4, "a client talks over IPv4")
{
	talk(net_ip("127.0.0.1", 0));
}

TEST(ipv6, "a client talks over IPv6")
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct net_addr addr = net_ip("::1", 0);

	REQUIRE(fd >= 0 && bind(fd, &addr.sa.any, addr.length) == 0, "needs IPv6");
	net_close(fd);
	talk(addr);
}

TEST(unix_path, "a client talks over a Unix socket, by path and by abstract name")
{
	char name[128];

	(void)snprintf(name, sizeof(name), "%s/socket", temp_directory());
	talk(net_unix(name));
	CHECK_INT(access(name, F_OK), ==, 0);
	(void)snprintf(name, sizeof(name), "@hark-test-%d", (int)getpid());
	talk(net_unix(name));
	CHECK_INT(access(name, F_OK), ==, -1);
}

TEST(refused, "nobody listens on a free port: connecting is refused")
{
	unsigned port = net_free_port("127.0.0.1");

	CHECK_INT(port, >, 0);
	CHECK_INT(net_try_connect(net_ip("127.0.0.1", port)), ==, -ECONNREFUSED);
}

TEST(reset, "a reset is read as ECONNRESET, a close as the end of the stream")
{
	int listener, client, server;
	char text[8];

	connect_pair(net_ip("127.0.0.1", 0), &listener, &client, &server);
	net_reset(client);
	CHECK_INT(net_read_all(server, text, sizeof(text)), ==, -ECONNRESET);
	net_close(server);
	net_close(listener);

	connect_pair(net_ip("127.0.0.1", 0), &listener, &client, &server);
	net_close(client);
	CHECK_INT(net_read_all(server, text, sizeof(text)), ==, 0);
	net_close(server);
	net_close(listener);
}

TEST(queue, "the queue of a listener is counted, and waited for")
{
	int listener = net_listen(net_ip("127.0.0.1", 0), 8), client[3];

	CHECK_INT(net_queue(listener), ==, 0);
	for (int i = 0; i < 3; i++)
		client[i] = net_connect(net_local(listener));
	net_wait_queue(listener, 3);
	close_three(client[0], client[1], client[2]);
	CHECK_INT(net_queue(listener), ==, 3); /* a client that left is still in it */
	net_close(listener);
}

/* listen(0) takes one; no answer comes to the second's SYN (no refusal either). */
TEST(begin, "a connection may be begun that is not accepted into the queue")
{
	int listener = net_listen(net_ip("127.0.0.1", 0), 0);
	int first = net_connect(net_local(listener));
	int second;
	struct pollfd done;

	net_wait_queue(listener, 1);
	second = net_begin_connect(net_local(listener));
	done = (struct pollfd){.fd = second, .events = POLLOUT};
	CHECK_INT(poll(&done, 1, 50), ==, 0);
	CHECK_INT(net_queue(listener), ==, 1);
	close_three(listener, first, second);
}
