/*
 * Clients played packet by packet, behind a TUN device of the test's own network: so a
 * handshake can be stopped half-way, which loopback never shows.
 *
 * What the system does not permit skips the test, with the reason.
 */
#ifndef TESTS_WIRE_H
#define TESTS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The server's addresses on the wire; clients have the next one up. */
#define WIRE_IPV4 "10.81.0.1"
#define WIRE_IPV6 "fd81::1"

/* Skips where nobody tells who is half-way: emulators, which know of no ghosts either. */
void require_sock_diag(void);

/* Enters a network with the wire in it; closed by the caller. */
int wire_open(void);

struct wire_client {
	int wire;
	int family; /* AF_INET, AF_INET6 */
	uint16_t port, server_port;
	uint32_t sent, received; /* the next sequence numbers */
};

/* The first packet of a handshake leaves, no answer is waited for. */
struct wire_client wire_call(int wire, int family, unsigned port, unsigned server_port);

/* The same, and the server's SYN-ACK has come: half-way. */
struct wire_client wire_half_way(
	int wire, int family, unsigned port, unsigned server_port);

/* The last packet of the handshake, with that text behind it. */
void wire_complete(struct wire_client *client, const char *text);

/* A whole handshake. */
struct wire_client wire_connect(
	int wire, int family, unsigned port, unsigned server_port);

/* What comes next for that client: flags of TCP; 0: nothing within that time. */
enum { WIRE_FIN = 1, WIRE_SYN = 2, WIRE_RST = 4, WIRE_PSH = 8, WIRE_ACK = 16 };
int wire_hear(struct wire_client *client, int within_ms);

#endif
