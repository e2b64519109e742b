/* SPDX-License-Identifier: MIT
 *
 * The gates; see gates.h.  The numbers and the two shapes of a classic BPF program are the
 * kernel's (asm-generic/socket.h, linux/filter.h), which not every libc has.  Floor 2.
 */
#include "socket/gates.h"

#include "sys/sys.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#ifndef SO_ATTACH_FILTER
#define SO_ATTACH_FILTER 26
#endif
#ifndef SO_DETACH_FILTER
#define SO_DETACH_FILTER 27
#endif
#ifndef SO_ATTACH_REUSEPORT_CBPF
#define SO_ATTACH_REUSEPORT_CBPF 51
#endif
#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62 /* Linux 5.1 */
#endif
#ifndef SO_DETACH_REUSEPORT_BPF
#define SO_DETACH_REUSEPORT_BPF 68 /* Linux 5.3 */
#endif

struct instruction {
	uint16_t code;
	uint8_t if_true, if_false;
	uint32_t value;
};

struct program {
	uint16_t length;
	const struct instruction *instructions;
};

enum {
	LOAD_BYTE = 0x30, /* BPF_LD | BPF_B | BPF_ABS */
	AND = 0x54,       /* BPF_ALU | BPF_AND | BPF_K */
	IF_EQUAL = 0x15,  /* BPF_JMP | BPF_JEQ | BPF_K */
	RETURN = 0x06,    /* BPF_RET | BPF_K */
	TCP_FLAGS = 13, /* the byte of the TCP header, which a listener's filter sees */
	SYN = 0x02,
	SYN_ACK = 0x12
};

static int set_int(int fd, int option, int value)
{
	return sys_setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value));
}

static int attach(
	int fd, int option, const struct instruction *instructions, unsigned length)
{
	struct program program;

	memset(&program, 0, sizeof(program)); /* what lies between the fields as well */
	program.length = (uint16_t)length;
	program.instructions = instructions;
	return sys_setsockopt(fd, SOL_SOCKET, option, &program, sizeof(program));
}

/* ------------------------------------------------------------------------------- ghost */

/* The last that an interface can have are the least likely ones. */
static int absent_index(void)
{
	enum { HIGHEST = 0x7ffffff0, TRIES = 16 };
	char name[16];

	for (int i = 0; i < TRIES; i++)
		if (sys_if_indextoname((unsigned)(HIGHEST - i), name) < 0)
			return HIGHEST - i;
	return -EADDRINUSE;
}

int hark__ghost(int fd)
{
	int index = absent_index();

	return index < 0 ? index : set_int(fd, SO_BINDTOIFINDEX, index);
}

int hark__unghost(int fd)
{
	return set_int(fd, SO_BINDTOIFINDEX, 0);
}

/* Tried on a socket that nobody else has: the privilege, and what a sandbox says of it. */
int hark__may_unghost(void)
{
	int fd = sys_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int done;

	if (fd < 0)
		return fd;
	done = hark__ghost(fd);
	if (done == 0)
		done = hark__unghost(fd);
	(void)sys_close(fd); /* it was never bound */
	return done;
}

/* ------------------------------------------------------------------------------ filter */

int hark__filter(int fd)
{
	static const struct instruction drop_syns[] = {
		{LOAD_BYTE, 0, 0, TCP_FLAGS},
		{AND, 0, 0, SYN_ACK},
		{IF_EQUAL, 0, 1, SYN},
		{RETURN, 0, 0, 0},
		{RETURN, 0, 0, UINT32_MAX},
	};

	return attach(fd, SO_ATTACH_FILTER, drop_syns,
		sizeof(drop_syns) / sizeof(drop_syns[0]));
}

int hark__unfilter(int fd)
{
	return set_int(fd, SO_DETACH_FILTER, 0);
}

/* ------------------------------------------------------------------------------- steer */

int hark__steer(int fd, unsigned member)
{
	const struct instruction always[] = {{RETURN, 0, 0, member}};

	return attach(fd, SO_ATTACH_REUSEPORT_CBPF, always, 1);
}

int hark__unsteer(int fd)
{
	return set_int(fd, SO_DETACH_REUSEPORT_BPF, 0);
}
