/* SPDX-License-Identifier: MIT
 *
 * Asking sock_diag; see diag.h.  The words of its protocol are laid down here, as the
 * kernel's linux/inet_diag.h has them, since not every libc comes with those headers.
 * Floor 2.
 *
 * Invariant: one question at a time on a socket, and its answer is read to the end.
 */
#include "socket/diag.h"

#include "socket/create.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

#ifndef AF_NETLINK
#define AF_NETLINK 16
#endif

enum {
	SOCK_DIAG_PROTOCOL = 4,
	BY_FAMILY = 20, /* message types */
	ERROR = 2,
	DONE = 3,
	REQUEST_DUMP = 0x301, /* NLM_F_REQUEST | NLM_F_DUMP */
	STATE_SYN_RECV = 3,   /* TCP states, as bits of .states */
	STATE_LISTEN = 10,
	ANSWER_BYTES = 16384, /* more than a message of the kernel's has */
	ANSWERS = 4096        /* messages, until something is wrong */
};

struct header {
	uint32_t length;
	uint16_t type, flags;
	uint32_t sequence, pid;
};

struct socket_id {
	uint16_t local_port, peer_port; /* network order, as the addresses */
	uint32_t local[4], peer[4];
	uint32_t interface, cookie[2];
};

struct question {
	struct header header;
	uint8_t family, protocol, extensions, pad;
	uint32_t states;
	struct socket_id id;
};

struct answer {
	uint8_t family, state, timer, retransmits;
	struct socket_id id;
	uint32_t expires, receive_queue, write_queue, uid, inode;
};

_Static_assert(sizeof(struct question) == 72 && sizeof(struct answer) == 72,
	"the kernel's sizes");

/* Whom to tell of whom. */
struct search {
	const struct hark_addr *local;
	bool exact; /* else a wildcard takes every local address */
	hark__diag_entry *entry;
	void *ctx;
	int found;
};

int hark__diag_open(void)
{
	return hark__above_stdio(
		sys_socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, SOCK_DIAG_PROTOCOL));
}

static uint16_t port_of(const struct hark_addr *addr)
{
	return addr->u.any.sa_family == AF_INET ? addr->u.in.sin_port
						: addr->u.in6.sin6_port;
}

static int ask(int diag_fd, const struct hark_addr *local, int state)
{
	struct question question = {
		.header = {sizeof(question), BY_FAMILY, REQUEST_DUMP, 1, 0},
		.family = (uint8_t)local->u.any.sa_family,
		.protocol = IPPROTO_TCP,
		.states = 1U << state,
		.id = {.local_port = port_of(local)}};
	ssize_t sent = sys_send(diag_fd, &question, sizeof(question), 0);

	return sent < 0 ? (int)sent : 0;
}

static bool is_local(const struct search *search, const struct socket_id *id)
{
	const struct hark_addr *local = search->local;
	bool v4 = local->u.any.sa_family == AF_INET;

	if (id->local_port != port_of(local))
		return false;
	if (!search->exact && hark_addr_is_unspecified(local))
		return true;
	return v4 ? id->local[0] == local->u.in.sin_addr.s_addr
		  : !memcmp(id->local, &local->u.in6.sin6_addr, sizeof(id->local));
}

/* FNV-1a: two clients with one number are one in a million pairs, and cost a moment. */
static uint32_t number_of(const struct socket_id *id)
{
	const unsigned char *bytes = (const unsigned char *)id->peer;
	uint32_t number = 2166136261U ^ id->peer_port;

	for (size_t i = 0; i < sizeof(id->peer); i++)
		number = (number ^ bytes[i]) * 16777619U;
	return number;
}

static void look_at(struct search *search, const unsigned char *data)
{
	struct answer answer;

	memcpy(&answer, data, sizeof(answer));
	if (!is_local(search, &answer.id))
		return;
	search->found++;
	if (search->entry)
		search->entry(answer.inode, number_of(&answer.id), search->ctx);
}

static int error_in(const unsigned char *data, size_t size)
{
	int32_t code = -EPROTO;

	if (size >= sizeof(code))
		memcpy(&code, data, sizeof(code));
	return code < 0 ? code : -EPROTO;
}

/* One datagram of several messages.  1: that was the last.  0: more come.  Or an error. */
static int read_messages(struct search *search, const unsigned char *data, size_t size)
{
	while (size >= sizeof(struct header)) {
		struct header header;
		size_t body = sizeof(header);

		memcpy(&header, data, sizeof(header));
		if (header.length < body || header.length > size)
			return -EPROTO;
		if (header.type == DONE)
			return 1;
		if (header.type == ERROR)
			return error_in(data + body, header.length - body);
		if (header.type == BY_FAMILY &&
			header.length >= body + sizeof(struct answer))
			look_at(search, data + body);
		body = (header.length + 3U) & ~(size_t)3;
		if (body > size)
			return 0;
		data += body;
		size -= body;
	}
	return 0;
}

static int read_all(int diag_fd, struct search *search)
{
	unsigned char data[ANSWER_BYTES];

	for (int i = 0; i < ANSWERS; i++) {
		ssize_t got = sys_recv(diag_fd, data, sizeof(data), MSG_TRUNC);
		int done;

		if (got == -EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? (int)got : -EPROTO;
		if ((size_t)got > sizeof(data))
			return -EMSGSIZE;
		done = read_messages(search, data, (size_t)got);
		if (done != 0)
			return done < 0 ? done : search->found;
	}
	return -EPROTO;
}

static int find(int diag_fd, struct search *search, int state)
{
	int asked = diag_fd < 0 ? diag_fd : ask(diag_fd, search->local, state);

	return asked < 0 ? asked : read_all(diag_fd, search);
}

int hark__diag_half_open(
	int diag_fd, const struct hark_addr *local, hark__diag_entry *entry, void *ctx)
{
	return find(diag_fd,
		&(struct search){.local = local, .entry = entry, .ctx = ctx},
		STATE_SYN_RECV);
}

int hark__diag_listeners(
	int diag_fd, const struct hark_addr *local, hark__diag_entry *entry, void *ctx)
{
	return find(diag_fd,
		&(struct search){
			.local = local, .exact = true, .entry = entry, .ctx = ctx},
		STATE_LISTEN);
}
