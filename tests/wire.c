/*
 * A TUN device, and TCP by hand on it; see wire.h.
 *
 * The numbers of linux/if_tun.h and the request of linux/ipv6.h are laid down here: not
 * every libc comes with the kernel's headers.
 */
#include "wire.h"

#include "harness.h"
#include "net.h"
#include "sandbox.h"

#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SET_TUN   0x400454caUL /* TUNSETIFF */
#define TUN_PLAIN 0x1001       /* IFF_TUN | IFF_NO_PI: packets and nothing else */
#define NAME      "wire0"

enum { IPV4_BYTES = 20, IPV6_BYTES = 40, TCP_BYTES = 20, PACKET_BYTES = 2048 };

struct ipv6_request { /* struct in6_ifreq */
	struct in6_addr addr;
	uint32_t prefix_bits;
	int index;
};

/* ------------------------------------------------------------------------------ device */

static void give_ipv4(int fd, const char *ip, unsigned long what)
{
	struct ifreq request = {.ifr_name = NAME};
	struct net_addr addr = net_ip(ip, 0);

	memcpy(&request.ifr_addr, &addr.sa.ipv4, sizeof(addr.sa.ipv4));
	CHECK_SYS(ioctl(fd, what, &request));
}

static void give_ipv6(void)
{
	struct ipv6_request request = {
		.prefix_bits = 64, .index = (int)if_nametoindex(NAME)};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	request.addr = net_ip(WIRE_IPV6, 0).sa.ipv6.sin6_addr;
	CHECK_SYS(fd);
	CHECK_SYS(ioctl(fd, SIOCSIFADDR, &request));
	net_close(fd);
}

/* An address of IPv6 is given by a thread of the kernel's, a moment later. */
static bool has_ipv6_addr(void)
{
	struct net_addr addr = net_ip(WIRE_IPV6, 0);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int bound = bind(fd, &addr.sa.any, addr.length);

	net_close(fd);
	return bound == 0;
}

static void bring_up(void)
{
	struct ifreq request = {.ifr_name = NAME};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK_SYS(fd);
	give_ipv4(fd, WIRE_IPV4, SIOCSIFADDR);
	give_ipv4(fd, "255.255.255.0", SIOCSIFNETMASK);
	CHECK_SYS(ioctl(fd, SIOCGIFFLAGS, &request));
	request.ifr_flags |= IFF_UP;
	CHECK_SYS(ioctl(fd, SIOCSIFFLAGS, &request));
	net_close(fd);
}

/* Who is half-way is asked of it. */
void require_sock_diag(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 4);

	REQUIRE(fd >= 0, "needs sock_diag(7): %s", errno_name(errno));
	net_close(fd);
}

int wire_open(void)
{
	struct ifreq request = {.ifr_name = NAME, .ifr_flags = TUN_PLAIN};
	int wire;

	require_sock_diag();
	enter_network();
	wire = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (wire < 0)
		SKIP("needs /dev/net/tun: %s", errno_name(errno));
	if (ioctl(wire, SET_TUN, &request) < 0)
		SKIP("cannot make a TUN device: %s", errno_name(errno));
	if (if_nametoindex(NAME) == 0)
		SKIP("an emulator made no TUN device");
	write_sysctl("net.ipv6.conf." NAME ".accept_dad", "0");
	bring_up();
	give_ipv6();
	WAIT_UNTIL(has_ipv6_addr());
	return wire;
}

/* ----------------------------------------------------------------------------- packets */

static void put16(unsigned char *at, unsigned value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
}

static void put32(unsigned char *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static unsigned get16(const unsigned char *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static uint32_t get32(const unsigned char *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* RFC 1071, over an even number of bytes; the rest is padded with a zero. */
static uint32_t add_up(uint32_t sum, const unsigned char *data, size_t size)
{
	for (size_t i = 0; i + 1 < size; i += 2)
		sum += get16(data + i);
	return size % 2 ? sum + ((uint32_t)data[size - 1] << 8) : sum;
}

static unsigned fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static size_t ip_bytes(int family)
{
	return family == AF_INET ? IPV4_BYTES : IPV6_BYTES;
}

/* From the client to the server; the pseudo-header's sum for what follows. */
static uint32_t put_ipv4(unsigned char *packet, size_t tcp_size)
{
	static const unsigned char from[4] = {10, 81, 0, 2}, to[4] = {10, 81, 0, 1};

	packet[0] = 0x45;
	put16(packet + 2, (unsigned)(IPV4_BYTES + tcp_size));
	packet[8] = 64; /* hops */
	packet[9] = IPPROTO_TCP;
	memcpy(packet + 12, from, sizeof(from));
	memcpy(packet + 16, to, sizeof(to));
	put16(packet + 10, fold(add_up(0, packet, IPV4_BYTES)));
	return add_up(0, packet + 12, 8) + IPPROTO_TCP + (uint32_t)tcp_size;
}

static uint32_t put_ipv6(unsigned char *packet, size_t tcp_size)
{
	packet[0] = 0x60;
	put16(packet + 4, (unsigned)tcp_size);
	packet[6] = IPPROTO_TCP;
	packet[7] = 64;
	packet[8] = packet[24] = 0xfd;
	packet[9] = packet[25] = 0x81;
	packet[23] = 2;
	packet[39] = 1;
	return add_up(0, packet + 8, 32) + IPPROTO_TCP + (uint32_t)tcp_size;
}

static void put(struct wire_client *client, int flags, const char *text)
{
	unsigned char packet[PACKET_BYTES] = {0};
	size_t start = ip_bytes(client->family), size = TCP_BYTES + strlen(text);
	unsigned char *tcp = packet + start;
	uint32_t sum = client->family == AF_INET ? put_ipv4(packet, size)
						 : put_ipv6(packet, size);

	put16(tcp, client->port);
	put16(tcp + 2, client->server_port);
	put32(tcp + 4, client->sent);
	put32(tcp + 8, flags & WIRE_ACK ? client->received : 0);
	tcp[12] = TCP_BYTES / 4 << 4;
	tcp[13] = (unsigned char)flags;
	put16(tcp + 14, 65535); /* window */
	memcpy(tcp + TCP_BYTES, text, strlen(text));
	put16(tcp + 16, fold(add_up(sum, tcp, size)));
	CHECK_SYS(write(client->wire, packet, start + size));
	client->sent += (uint32_t)strlen(text) + (flags & WIRE_SYN ? 1 : 0);
}

/* Flags of a packet that is for the client, else 0: there is other traffic. */
static int read_flags(
	struct wire_client *client, const unsigned char *packet, size_t size)
{
	size_t start = ip_bytes(client->family);
	const unsigned char *tcp = packet + start;
	int family = packet[0] >> 4 == 4 ? AF_INET : AF_INET6;

	if (family != client->family || size < start + TCP_BYTES)
		return 0;
	if (packet[family == AF_INET ? 9 : 6] != IPPROTO_TCP)
		return 0;
	if (get16(tcp + 2) != client->port || get16(tcp) != client->server_port)
		return 0;
	if (tcp[13] & WIRE_SYN)
		client->received = get32(tcp + 4) + 1;
	return tcp[13];
}

int wire_hear(struct wire_client *client, int within_ms)
{
	struct pollfd fds = {client->wire, POLLIN, 0};
	long long deadline = deadline_ms(within_ms);
	unsigned char packet[PACKET_BYTES];

	while (poll(&fds, 1, left_ms(deadline)) > 0) {
		ssize_t got = read(client->wire, packet, sizeof(packet));
		int flags = got > 0 ? read_flags(client, packet, (size_t)got) : 0;

		if (flags)
			return flags;
	}
	return 0;
}

/* ----------------------------------------------------------------------------- clients */

struct wire_client wire_call(int wire, int family, unsigned port, unsigned server_port)
{
	struct wire_client client = {.wire = wire,
		.family = family,
		.port = (uint16_t)port,
		.server_port = (uint16_t)server_port,
		.sent = 1000000 + port};

	put(&client, WIRE_SYN, "");
	return client;
}

struct wire_client wire_half_way(
	int wire, int family, unsigned port, unsigned server_port)
{
	struct wire_client client = wire_call(wire, family, port, server_port);

	CHECK_INT(wire_hear(&client, 5000), ==, WIRE_SYN | WIRE_ACK);
	return client;
}

void wire_complete(struct wire_client *client, const char *text)
{
	put(client, WIRE_ACK, text);
}

struct wire_client wire_connect(
	int wire, int family, unsigned port, unsigned server_port)
{
	struct wire_client client = wire_half_way(wire, family, port, server_port);

	wire_complete(&client, "");
	return client;
}
