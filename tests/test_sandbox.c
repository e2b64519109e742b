/* The odd places that tests ask for are what they are said to be. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "leftovers.h"
#include "net.h"
#include "sandbox.h"

TEST(own_network, "a network of one's own has loopback and nobody else's ports")
{
	int outside = net_listen(net_ip("127.0.0.1", 0), 1), inside;
	struct net_addr addr = net_local(outside);

	enter_network();
	CHECK_INT(net_try_connect(addr), ==, -ECONNREFUSED);
	inside = net_listen(addr, 1);
	net_close(net_connect(addr));
	CHECK_INT(net_queue(inside), ==, 1);
	CHECK_INT(net_queue(outside), ==, 0);
	net_close(inside);
	net_close(outside);
}

static int read_number(int fd)
{
	char text[32] = "";

	CHECK_INT(pread(fd, text, sizeof(text) - 1, 0), >, 0);
	return atoi(text);
}

/* What is open already shows the network that it was opened in. */
TEST(sysctls, "a sysctl is written in the new network alone")
{
	int before = open("/proc/sys/net/core/somaxconn", O_RDONLY | O_CLOEXEC), fd;
	long host;

	REQUIRE(before >= 0, "cannot read somaxconn: %s", errno_name(errno));
	host = read_sysctl("net.core.somaxconn");
	enter_network();
	write_sysctl("net.core.somaxconn", "7");
	write_sysctl("net.ipv4.ip_local_port_range", "40000 40099");
	CHECK_INT(read_sysctl("net.core.somaxconn"), ==, 7);
	CHECK_INT(read_number(before), ==, host);
	CHECK_SYS(close(before));
	fd = net_listen(net_ip("127.0.0.1", 0), 100);
	CHECK_INT(net_port(fd), >=, 40000);
	CHECK_INT(net_port(fd), <, 40100);
	net_close(fd);
}

TEST(no_ipv6, "IPv6 can be switched off in it")
{
	struct net_addr addr = net_ip("::1", 0);
	int fd;

	enter_network();
	write_sysctl("net.ipv6.conf.all.disable_ipv6", "1");
	CHECK_SYS(fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK_INT(bind(fd, &addr.sa.any, addr.length), ==, -1);
	CHECK_INT(errno, ==, EADDRNOTAVAIL);
	CHECK_SYS(close(fd));
}

/* The way that leads through a user namespace. */
TEST(unprivileged_network, "without privileges there may be a network, too")
{
	if (geteuid() == 0)
		become_nobody();
	enter_network();
	CHECK_INT(getuid(), ==, 0);
	write_sysctl("net.ipv4.ip_unprivileged_port_start", "80");
	CHECK_INT(read_sysctl("net.ipv4.ip_unprivileged_port_start"), ==, 80);
}

TEST(nobody, "nobody has no rights, cannot become root again, and sees its descriptors")
{
	struct net_addr addr = net_ip("127.0.0.1", 80);
	int fd;

	REQUIRE(geteuid() == 0, "needs root");
	enter_network();
	become_nobody();
	CHECK_INT(getuid(), ==, 65534);
	CHECK_INT(setuid(0), ==, -1);
	CHECK_SYS(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK_INT(bind(fd, &addr.sa.any, addr.length), ==, -1);
	CHECK_INT(errno, ==, EACCES);
	CHECK_SYS(close(fd));
	CHECK_INT(open_descriptors(), >=, 3);
}
