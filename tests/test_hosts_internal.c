/*
 * The table of clients' addresses: what it counts, whom it refuses, and that it holds
 * whatever clients do.  Includes internals: a server has one table, in memory that its
 * workers share.
 */
#include "server/host_key.h"
#include "server/hosts.h"

#include "harness.h"
#include "host_table.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

/* --------------------------------------------------------------------------- the counts */

/* S4 */
TEST(wanted, "a table is wanted where there is a limit")
{
	struct hark__hosts_limits none = {
		.prefix_v4 = 24, .prefix_v6 = 48, .rate_ms = 1000, .rate_burst = 5};
	struct hark__hosts_limits address = none, prefix = none, rate = none;

	address.per_address = prefix.per_prefix = rate.rate = 1;
	CHECK(!hark__hosts_wanted(&none));
	CHECK(hark__hosts_wanted(&address));
	CHECK(hark__hosts_wanted(&prefix));
	CHECK(hark__hosts_wanted(&rate));
}

/* S4 */
TEST(per_address, "an address has as many connections as it may, others have theirs")
{
	struct hark__hosts_limits limits = {.per_address = 2};
	struct table table = open_table(&limits, 10);
	struct hark_addr one = ipv4("192.0.2.1", 1), port = ipv4("192.0.2.1", 2);
	struct hark_addr mapped = ipv6("::ffff:192.0.2.1", 3), v6 = ipv6("::1", 1);
	unsigned count = 7;
	int first, second;

	CHECK_INT(first = hark__hosts_enter(table.hosts, 0, &one, 0, &count), >, 0);
	CHECK_INT(count, ==, 1);
	CHECK_INT(second = hark__hosts_enter(table.hosts, 1, &mapped, 0, &count), >, 0);
	CHECK_INT(count, ==, 2);
	CHECK_INT(second, !=, first);
	CHECK_INT(hark__hosts_enter(table.hosts, 0, &port, 0, &count), ==, BY_ADDRESS);
	CHECK_INT(count, ==, 2);
	CHECK_INT(hark__hosts_enter(table.hosts, 0, &v6, 0, &count), >, 0);
	CHECK_INT(count, ==, 1);
	hark__hosts_leave(table.hosts, first);
	CHECK_INT(count_of(&table, one), ==, 1);
	CHECK_INT(enter(&table, port), >, 0);
	CHECK_INT(enter(&table, one), ==, BY_ADDRESS);
	close_table(&table);
}

/* S4 */
TEST(per_prefix, "so has a prefix, of either family, with the bits that were said")
{
	struct hark__hosts_limits limits = {
		.per_prefix = 2, .prefix_v4 = 25, .prefix_v6 = 65};
	struct table table = open_table(&limits, 100);
	unsigned count = 7;
	struct hark_addr third = ipv4("192.0.2.127", 1);
	int place;

	CHECK_INT(place = enter(&table, ipv4("192.0.2.0", 1)), >, 0);
	CHECK_INT(enter(&table, ipv6("::ffff:192.0.2.1", 1)), >, 0);
	CHECK_INT(hark__hosts_enter(table.hosts, 0, &third, 0, &count), ==, BY_PREFIX);
	CHECK_INT(count, ==, 0);
	CHECK_INT(enter(&table, ipv4("192.0.2.128", 1)), >, 0);
	CHECK_INT(enter(&table, ipv4("192.0.3.1", 1)), >, 0);
	hark__hosts_leave(table.hosts, place);
	CHECK_INT(hark__hosts_enter(table.hosts, 0, &third, 0, &count), >, 0);
	CHECK_INT(count, ==, 1);

	CHECK_INT(enter(&table, ipv6("2001:db8::", 1)), >, 0);
	CHECK_INT(enter(&table, ipv6("2001:db8::7fff:ffff:ffff:ffff", 1)), >, 0);
	CHECK_INT(enter(&table, ipv6("2001:db8::1", 1)), ==, BY_PREFIX);
	CHECK_INT(enter(&table, ipv6("2001:db8::8000:0:0:0", 1)), >, 0);
	CHECK_INT(enter(&table, ipv6("2001:db8:0:1::", 1)), >, 0);
	close_table(&table);
}

/* S4: as hark_addr_same_host sees it */
TEST(links, "the same link-local address on two links is two hosts")
{
	struct hark__hosts_limits limits = {.per_address = 1};
	struct table table = open_table(&limits, 10);
	struct hark_addr one = ipv6("fe80::1", 1), other = one;

	one.u.in6.sin6_scope_id = 1;
	other.u.in6.sin6_scope_id = 2;
	CHECK_INT(enter(&table, one), >, 0);
	CHECK_INT(enter(&table, one), ==, BY_ADDRESS);
	CHECK_INT(enter(&table, other), >, 0);
	CHECK(!hark_addr_same_host(&one, &other));
	close_table(&table);
}

/* S4 N7 */
TEST(places, "places are as many as connections; clients without address take one")
{
	struct hark__hosts_limits limits = {
		.per_address = 1, .per_prefix = 1, .prefix_v4 = 1, .prefix_v6 = 1};
	struct table table = open_table(&limits, 3);
	struct hark_addr path = local("/run/x", 6), none = {0};
	unsigned count = 7;
	int place;

	CHECK_INT(place = hark__hosts_enter(table.hosts, 0, &path, 0, &count), >, 0);
	CHECK_INT(count, ==, 0);
	CHECK_INT(enter(&table, path), >, 0);
	CHECK_INT(enter(&table, none), >, 0);
	CHECK_INT(enter(&table, path), ==, NO_PLACE);
	CHECK_INT(enter(&table, ipv4("192.0.2.1", 1)), ==, NO_PLACE);
	hark__hosts_leave(table.hosts, place);
	CHECK_INT(enter(&table, ipv4("192.0.2.1", 1)), ==, place);
	close_table(&table);
}

/* S4 S8 */
TEST(forgets, "what a process had is given back when it is gone, and nobody else's")
{
	struct hark__hosts_limits limits = {
		.per_address = 4, .per_prefix = 9, .prefix_v4 = 8, .prefix_v6 = 8};
	struct table table = open_table(&limits, 8);
	struct hark_addr one = ipv4("192.0.2.1", 1), two = ipv4("192.0.2.2", 1);
	int kept;

	for (int holder = 0; holder < 2; holder++) {
		CHECK_INT(hark__hosts_enter(table.hosts, holder * 1023, &one, 0, NULL),
			>, 0);
		CHECK_INT(hark__hosts_enter(table.hosts, holder * 1023, &one, 0, NULL),
			>, 0);
		CHECK_INT(kept = hark__hosts_enter(
				  table.hosts, holder * 1023, &two, 0, NULL),
			>, 0);
	}
	CHECK_INT(enter(&table, one), ==, BY_ADDRESS);
	hark__hosts_forget(table.hosts, 0);
	hark__hosts_forget(table.hosts, 0);
	hark__hosts_forget(table.hosts, 7);
	hark__hosts_leave(table.hosts, kept);
	/* twice, and places that there are not: nothing happens */
	hark__hosts_leave(table.hosts, kept);
	hark__hosts_leave(table.hosts, 0);
	hark__hosts_leave(table.hosts, -1);
	hark__hosts_leave(table.hosts, 9);
	hark__hosts_leave(table.hosts, INT_MAX);
	for (int i = 0; i < 2; i++)
		CHECK_INT(hark__hosts_enter(table.hosts, 0, &one, 0, NULL), >, 0);
	CHECK_INT(enter(&table, one), ==, BY_ADDRESS);
	CHECK_INT(places_left(&table), ==, 4);
	close_table(&table);
}

/* N7 */
TEST(sizes, "the memory grows with the connections, to a limit, and none are too few")
{
	size_t last = 0;

	for (int i = 1; i < 1 << 25; i *= 2) {
		CHECK_INT(hark__hosts_bytes(i), >, last);
		last = hark__hosts_bytes(i);
	}
	CHECK_INT(hark__hosts_bytes(INT_MAX), ==, hark__hosts_bytes(HARK__HOSTS_MOST));
	CHECK_INT(hark__hosts_bytes(0), ==, hark__hosts_bytes(1));
	CHECK_INT(hark__hosts_bytes(INT_MIN), ==, hark__hosts_bytes(1));
}

/* ---------------------------------------------------------------------------- the rates */

static int knock(const struct table *table, int64_t now_ms)
{
	struct hark_addr peer = ipv4("192.0.2.1", 1);
	int place = hark__hosts_enter(table->hosts, 0, &peer, now_ms, NULL);

	if (place < 0)
		return place;
	hark__hosts_leave(table->hosts, place);
	return 0;
}

/* S4 */
TEST(rate, "so many at once, then one each so often; who is refused loses nothing")
{
	struct hark__hosts_limits limits = {
		.rate = 3, .rate_ms = 1000, .rate_burst = 5};
	struct table table = open_table(&limits, 10);
	int64_t now = 1000000;

	for (int i = 0; i < 5; i++)
		CHECK_INT(knock(&table, now), ==, 0);
	/* one a third of a second: after 334 ms, 667 ms, 1,000 ms */
	for (int64_t t = now; t < now + 334; t++)
		CHECK_INT(knock(&table, t), ==, BY_RATE);
	CHECK_INT(knock(&table, now + 334), ==, 0);
	CHECK_INT(knock(&table, now + 666), ==, BY_RATE);
	CHECK_INT(knock(&table, now + 667), ==, 0);
	CHECK_INT(knock(&table, now + 999), ==, BY_RATE);
	CHECK_INT(knock(&table, now + 1000), ==, 0);
	CHECK_INT(knock(&table, now + 1000), ==, BY_RATE);
	/* never more than the burst is saved up */
	now += 100000000;
	for (int i = 0; i < 5; i++)
		CHECK_INT(knock(&table, now), ==, 0);
	CHECK_INT(knock(&table, now), ==, BY_RATE);
	close_table(&table);
}

/* S4 */
TEST(clock_back, "a clock that another process read earlier gives nothing for free")
{
	struct hark__hosts_limits limits = {.rate = 1, .rate_ms = 10, .rate_burst = 1};
	struct table table = open_table(&limits, 10);

	CHECK_INT(knock(&table, 1000), ==, 0);
	for (int i = 0; i < 5; i++) {
		CHECK_INT(knock(&table, 500), ==, BY_RATE);
		CHECK_INT(knock(&table, 1009), ==, BY_RATE);
	}
	CHECK_INT(knock(&table, 1010), ==, 0);
	close_table(&table);
}

/* S4 N7 */
TEST(extreme_rates, "the largest numbers there can be overflow nowhere")
{
	struct hark__hosts_limits slow = {
		.rate = 1, .rate_ms = INT_MAX, .rate_burst = 2};
	struct hark__hosts_limits most = {
		.rate = INT_MAX, .rate_ms = INT_MAX, .rate_burst = INT_MAX};
	struct hark__hosts_limits fast = {
		.rate = INT_MAX, .rate_ms = 1, .rate_burst = 1};
	struct table table = open_table(&slow, 2);

	CHECK_INT(knock(&table, INT64_MIN), ==, 0);
	CHECK_INT(knock(&table, INT64_MIN), ==, 0);
	CHECK_INT(knock(&table, INT64_MIN + INT_MAX - 1), ==, BY_RATE);
	CHECK_INT(knock(&table, INT64_MIN + INT_MAX), ==, 0);
	CHECK_INT(knock(&table, INT64_MAX), ==, 0);
	CHECK_INT(knock(&table, INT64_MAX), ==, 0);
	CHECK_INT(knock(&table, INT64_MAX), ==, BY_RATE);
	close_table(&table);
	table = open_table(&most, 2);
	for (int i = 0; i < 1000; i++)
		CHECK_INT(knock(&table, i), ==, 0);
	close_table(&table);
	table = open_table(&fast, 2);
	CHECK_INT(knock(&table, 0), ==, 0);
	CHECK_INT(knock(&table, 0), ==, BY_RATE);
	CHECK_INT(knock(&table, 1), ==, 0);
	close_table(&table);
}

/* S4: the counts come first, and a refusal of theirs takes nothing from the rate */
TEST(refused_otherwise, "a client that is refused by a count keeps its rate")
{
	struct hark__hosts_limits limits = {
		.per_address = 1, .rate = 1, .rate_ms = 1000, .rate_burst = 2};
	struct table table = open_table(&limits, 3);
	struct hark_addr path = local("/x", 2);
	int place;

	CHECK_INT(place = enter(&table, ipv4("192.0.2.1", 1)), >, 0);
	for (int i = 0; i < 10; i++)
		CHECK_INT(enter(&table, ipv4("192.0.2.1", 1)), ==, BY_ADDRESS);
	hark__hosts_leave(table.hosts, place);
	for (int i = 0; i < 3; i++)
		CHECK_INT(enter(&table, path), >, 0);
	for (int i = 0; i < 10; i++)
		CHECK_INT(enter(&table, ipv4("192.0.2.1", 1)), ==, NO_PLACE);
	hark__hosts_forget(table.hosts, 0);
	CHECK_INT(knock(&table, 0), ==, 0);
	CHECK_INT(knock(&table, 0), ==, BY_RATE);
	close_table(&table);
}

/* -------------------------------------------------------------------------- many hosts */

/* S4 N7 */
TEST(evicts,
	"addresses without number displace the idle, oldest first, and nobody else",
	.timeout_s = 60)
{
	enum { OPEN = 50, MANY = 40000 };
	struct hark__hosts_limits limits = {.per_address = 1,
		.per_prefix = OPEN + 1,
		.prefix_v4 = 8,
		.prefix_v6 = 8,
		.rate = 1,
		.rate_ms = INT_MAX,
		.rate_burst = 1};
	struct table table = open_table(&limits, OPEN + 1);
	int place, entries = 2 * (OPEN + 1) + IDLE_MOST;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < OPEN; i++)
		CHECK_INT(enter(&table, ipv4_number(1 << 24 | i)), >, 0);
	for (uint32_t i = 0; i < MANY; i++) {
		CHECK_INT(place = enter(&table, ipv4_number(2 << 24 | i)), >, 0);
		hark__hosts_leave(table.hosts, place);
	}
	/* who is connected is known still */
	for (uint32_t i = 0; i < OPEN; i++)
		CHECK_INT(enter(&table, ipv4_number(1 << 24 | i)), ==, BY_ADDRESS);
	/* the latest idle ones are, too; the others are not */
	while (kept < MANY &&
		enter(&table, ipv4_number(2 << 24 | (MANY - 1 - kept))) == BY_RATE)
		kept++;
	CHECK_INT(kept, ==, entries - OPEN - 2); /* two prefixes were in use */
	CHECK_INT(hark__hosts_repairs(table.hosts), ==, 0);
	close_table(&table);
}

/* S4 N7 */
TEST(no_rate, "without a rate nothing is kept of those that left")
{
	enum { MANY = 30000 };
	struct hark__hosts_limits limits = {
		.per_address = 1, .per_prefix = 1, .prefix_v4 = 24, .prefix_v6 = 48};
	struct table table = open_table(&limits, 2);
	size_t page = (size_t)sysconf(_SC_PAGESIZE), resident = 0;
	unsigned char in_core[4096];
	int place;

	for (uint32_t i = 0; i < MANY; i++) {
		CHECK_INT(place = enter(&table, ipv4_number(i)), >, 0);
		CHECK_INT(enter(&table, ipv4_number(i)), ==, BY_ADDRESS);
		hark__hosts_leave(table.hosts, place);
	}
	CHECK_INT(table.mapped / page, <, sizeof(in_core));
	CHECK_SYS(mincore(table.memory, table.mapped - page, in_core));
	for (size_t i = 0; i < table.mapped / page - 1; i++)
		resident += in_core[i] & 1;
	/* the chains, and hardly any entries */
	CHECK_INT(resident * page, <, 2 * 65536 + 4 * page);
	close_table(&table);
}

/* S4 N7 */
TEST(hash, "neighbours are spread evenly, and otherwise with another seed")
{
	enum { CHAINS = 16384 };
	static unsigned char chain[2][CHAINS];
	int longest = 0, same = 0;

	for (uint32_t i = 0; i < CHAINS; i++) {
		struct hark_addr v4 = ipv4_number(i), v6 = ipv6("2001:db8::", 1);
		struct hark__host_key key = hark__host_of(&v4);
		uint64_t hash = hark__host_hash(&key, 1);

		same += hash % CHAINS == hark__host_hash(&key, 2) % CHAINS;
		chain[0][hash % CHAINS]++;
		v6.u.in6.sin6_addr.s6_addr[15] = (uint8_t)i;
		v6.u.in6.sin6_addr.s6_addr[7] = (uint8_t)(i >> 8);
		key = hark__host_of(&v6);
		chain[1][hark__host_hash(&key, 1) % CHAINS]++;
	}
	for (int i = 0; i < CHAINS; i++)
		for (int family = 0; family < 2; family++)
			if (chain[family][i] > longest)
				longest = chain[family][i];
	CHECK_INT(longest, >, 2);
	CHECK_INT(longest, <, 12);
	CHECK_INT(same, <, 12);
}

/* S4 */
TEST(prefixes, "a prefix is the leading bits, whatever number of them is said")
{
	struct hark_addr v4 = ipv4("255.255.255.255", 1);
	struct hark_addr v6 = ipv6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1);
	struct hark__host_key host4 = hark__host_of(&v4), host6 = hark__host_of(&v6);

	for (int bits = -5; bits < 140; bits++) {
		struct hark__host_key key4 = hark__prefix_of(host4, bits, 7);
		struct hark__host_key key6 = hark__prefix_of(host6, 7, bits);
		int set4 = bits < 0 ? 0 : bits > 32 ? 32 : bits;
		int set6 = bits < 0 ? 0 : bits > 128 ? 128 : bits;

		CHECK_INT(__builtin_popcountll(key4.high), ==, set4);
		CHECK_INT(key4.low, ==, 0);
		CHECK_INT(__builtin_popcountll(key6.high), ==, set6 < 64 ? set6 : 64);
		CHECK_INT(
			__builtin_popcountll(key6.low), ==, set6 < 64 ? 0 : set6 - 64);
		CHECK(!hark__host_same(&key4, &host4));
		CHECK(!hark__host_same(&key6, &host6));
	}
}

/* ------------------------------------------------------------------- against a model */

enum { ADDRESSES = 12, PLACES = 20 };

struct model {
	int place[PLACES], address[PLACES]; /* what is open */
	int open;
	int count[ADDRESSES];
	double level[ADDRESSES]; /* in connections */
	int64_t at_ms[ADDRESSES];
};

static const struct hark__hosts_limits model_limits = {.per_address = 4,
	.per_prefix = 8,
	.prefix_v4 = 30,
	.prefix_v6 = 48,
	.rate = 1,
	.rate_ms = 128, /* so that the model is exact */
	.rate_burst = 6};

static int model_prefix_count(const struct model *model, int address)
{
	int count = 0;

	for (int i = 0; i < ADDRESSES; i++)
		if (i / 4 == address / 4)
			count += model->count[i];
	return count;
}

static int model_verdict(struct model *model, int address, int64_t now_ms)
{
	double *level = &model->level[address];

	*level -= (double)(now_ms - model->at_ms[address]) / 128;
	if (*level < 0)
		*level = 0;
	model->at_ms[address] = now_ms;
	if (model->count[address] >= 4)
		return BY_ADDRESS;
	if (model_prefix_count(model, address) >= 8)
		return BY_PREFIX;
	if (*level > 5)
		return BY_RATE;
	return model->open == PLACES ? NO_PLACE : 0;
}

static int model_enter(
	struct model *model, struct table *table, int address, int64_t now_ms)
{
	struct hark_addr peer = ipv4_number(0xc0000200 + (uint32_t)address);
	int wanted = model_verdict(model, address, now_ms);
	unsigned count;
	int place = hark__hosts_enter(table->hosts, 3, &peer, now_ms, &count);

	if (wanted < 0) {
		CHECK_INT(place, ==, wanted);
	} else {
		CHECK_INT(place, >, 0);
		model->place[model->open] = place;
		model->address[model->open++] = address;
		model->count[address]++;
		model->level[address] += 1;
	}
	CHECK_INT(count, ==, model->count[address]);
	return wanted;
}

static void model_leave(struct model *model, struct table *table, int i)
{
	hark__hosts_leave(table->hosts, model->place[i]);
	model->count[model->address[i]]--;
	model->open--;
	model->place[i] = model->place[model->open];
	model->address[i] = model->address[model->open];
}

/* S4 */
TEST(model, "random comings and goings are judged as a plain list of them says")
{
	struct table table = open_table(&model_limits, PLACES);
	struct model model = {0};
	int seen[8] = {0};
	int64_t now_ms = 0;

	srand(4481);
	for (int i = 0; i < 200000; i++) {
		now_ms += rand() % 12;
		if (rand() % 9 < 4 && model.open > 0)
			model_leave(&model, &table, rand() % model.open);
		else
			seen[-model_enter(
				&model, &table, rand() % ADDRESSES, now_ms)]++;
	}
	CHECK_INT(seen[0], >, 1000);
	CHECK_INT(seen[-BY_ADDRESS], >, 1000);
	CHECK_INT(seen[-BY_PREFIX], >, 1000);
	CHECK_INT(seen[-BY_RATE], >, 1000);
	CHECK_INT(seen[-NO_PLACE], >, 100);
	close_table(&table);
}
