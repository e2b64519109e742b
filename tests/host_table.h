/* SPDX-License-Identifier: MIT
 *
 * A table of clients' addresses for tests of it, and what is asked of one again and again.
 * Whoever includes it has included server/hosts.h before: that is for the tests alone that
 * look inside.
 */
#ifndef TESTS_HOST_TABLE_H
#define TESTS_HOST_TABLE_H

#include "addresses.h"
#include "harness.h"

#include <sys/mman.h>
#include <unistd.h>

enum {
	BY_ADDRESS = -1 - HARK_REFUSED_PER_ADDRESS,
	BY_PREFIX = -1 - HARK_REFUSED_PER_PREFIX,
	BY_RATE = -1 - HARK_REFUSED_RATE,
	NO_PLACE = -1 - HARK_REFUSED_RESOURCES
};

/* Idle entries beside two a connection (hosts.c). */
enum { IDLE_MOST = 8192 };

struct table {
	struct hark__hosts *hosts;
	void *memory;
	size_t mapped;
};

/* The table ends where a page begins that may not be touched. */
static inline struct table open_table(
	const struct hark__hosts_limits *limits, int connections)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = hark__hosts_bytes(connections);
	size_t whole = (bytes + page - 1) / page * page;
	struct table table = {.mapped = whole + page};
	char *memory = mmap(NULL, table.mapped, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(memory != MAP_FAILED);
	CHECK_SYS(mprotect(memory + whole, page, PROT_NONE));
	table.memory = memory;
	memory += (whole - bytes) / 16 * 16;
	table.hosts = hark__hosts_make(memory, limits, connections, 4481);
	CHECK(table.hosts != NULL);
	return table;
}

static inline void close_table(struct table *table)
{
	CHECK_SYS(munmap(table->memory, table->mapped));
}

static inline int enter(const struct table *table, struct hark_addr peer)
{
	return hark__hosts_enter(table->hosts, 0, &peer, 0, NULL);
}

/* How many connections it has: asked by one more, which leaves again. */
static inline int count_of(const struct table *table, struct hark_addr peer)
{
	unsigned count = 0;
	int place = hark__hosts_enter(table->hosts, 1023, &peer, 0, &count);

	if (place < 0)
		return (int)count;
	hark__hosts_leave(table->hosts, place);
	return (int)count - 1;
}

/* How many places are left: taken by clients that are not counted, and given back. */
static inline int places_left(const struct table *table)
{
	struct hark_addr client = local("", 0);
	int count = 0;

	while (hark__hosts_enter(table->hosts, 1023, &client, 0, NULL) > 0)
		count++;
	hark__hosts_forget(table->hosts, 1023);
	return count;
}

static inline struct hark_addr ipv4_number(uint32_t number)
{
	struct hark_addr addr = ipv4("0.0.0.0", 1);

	addr.u.in.sin_addr.s_addr = htonl(number);
	return addr;
}

#endif
