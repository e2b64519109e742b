/* SPDX-License-Identifier: MIT
 *
 * The table of clients' addresses (hosts.h).
 * Not here: keys and their hash (host_key.c).
 *
 * Floor 4.  A connection has a place; a place names two entries, that of the address and
 * that of the prefix.  An entry counts its places.  When it has none any more it is free
 * at once, or, if it has a rate to remember, idle: in a queue, and the oldest is taken when
 * an entry is wanted.  There are two entries a place and IDLE_MOST besides, so one can
 * always be had.
 *
 * A process may be killed between any two instructions, with the table locked.  So:
 *
 *   - What is true is in the places and in the keys and levels of entries.  Counts, chains,
 *     queue and lists of what is free follow from it, and whoever finds that an owner of
 *     the lock died makes them anew (repair).
 *   - What is true changes by one store of a word each time, its commit: a place by
 *     .owner, an entry by .key.kind, a level by .current.  What the word stands for is
 *     written before and, as long as it stands for it, not touched.
 *   - fence() keeps the compiler from moving stores across a commit.  The processor need
 *     not be told: the lock orders what other processes see.
 *
 * Numbers of places and entries begin with 1; 0 is none, which zeroed memory is full of.
 * The arrays are used from their start on, so memory that is never needed is never touched.
 */
#include "server/hosts.h"

#include "server/host_key.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

enum { IDLE_MOST = 8192 };

/*
 * How far an address has filled its bucket, and when that was reckoned.  Every connection
 * adds rate_ms, every millisecond takes away rate; there is room for rate_burst of them.
 * So all of it is exact in whole numbers, below 2^62.
 */
struct level {
	int64_t filled;
	int64_t at_ms;
};

struct entry {
	struct hark__host_key key; /* .kind NONE: free */
	struct level level[2];     /* of addresses; the one that counts is … */
	uint32_t current;          /* … this */
	uint32_t places;
	uint32_t next;         /* in its chain, or in the list of free ones */
	uint32_t newer, older; /* while idle */
};

struct place {
	uint32_t owner;           /* holder + 1; 0: free */
	uint32_t address, prefix; /* entries; 0: not counted */
	uint32_t next;            /* free */
};

struct hark__hosts {
	pthread_mutex_t mutex;
	struct hark__hosts_limits limits;
	uint64_t seed;
	struct entry *entry; /* [0] is none */
	struct place *place; /* [0] is none */
	uint32_t *chain;     /* first entries */
	uint32_t chain_mask;
	uint32_t entry_most, place_most;
	uint32_t entry_used, place_used; /* those behind were never touched */
	uint32_t free_entry, free_place;
	uint32_t newest, oldest; /* idle entries */
	unsigned repairs;
};

static void fence(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/* ------------------------------------------------------------------------------ chains */

static uint32_t *chain_of(struct hark__hosts *hosts, const struct hark__host_key *key)
{
	return &hosts->chain[hark__host_hash(key, hosts->seed) & hosts->chain_mask];
}

static uint32_t find(struct hark__hosts *hosts, const struct hark__host_key *key)
{
	uint32_t i = *chain_of(hosts, key);

	while (i && !hark__host_same(&hosts->entry[i].key, key))
		i = hosts->entry[i].next;
	return i;
}

static void chain(struct hark__hosts *hosts, uint32_t i)
{
	uint32_t *first = chain_of(hosts, &hosts->entry[i].key);

	hosts->entry[i].next = *first;
	*first = i;
}

static void unchain(struct hark__hosts *hosts, uint32_t i)
{
	uint32_t *link = chain_of(hosts, &hosts->entry[i].key);

	while (*link != i)
		link = &hosts->entry[*link].next;
	*link = hosts->entry[i].next;
}

/* -------------------------------------------------------------------------------- idle */

static void enqueue(struct hark__hosts *hosts, uint32_t i)
{
	hosts->entry[i].newer = 0;
	hosts->entry[i].older = hosts->newest;
	if (hosts->newest)
		hosts->entry[hosts->newest].newer = i;
	else
		hosts->oldest = i;
	hosts->newest = i;
}

static void dequeue(struct hark__hosts *hosts, uint32_t i)
{
	uint32_t newer = hosts->entry[i].newer, older = hosts->entry[i].older;

	if (newer)
		hosts->entry[newer].older = older;
	else
		hosts->newest = older;
	if (older)
		hosts->entry[older].newer = newer;
	else
		hosts->oldest = newer;
}

/* ----------------------------------------------------------------------------- entries */

static void add_free_entry(struct hark__hosts *hosts, uint32_t i)
{
	hosts->entry[i].next = hosts->free_entry;
	hosts->free_entry = i;
}

static void free_entry(struct hark__hosts *hosts, uint32_t i)
{
	unchain(hosts, i);
	hosts->entry[i].key.kind = HARK__HOST_NONE; /* commits */
	fence();
	add_free_entry(hosts, i);
}

static bool has_rate(const struct hark__hosts *hosts, const struct entry *entry)
{
	return hosts->limits.rate > 0 &&
	       (entry->key.kind == HARK__HOST_V4 || entry->key.kind == HARK__HOST_V6);
}

/* One that is free, that was never used, or that was idle longest: there always is. */
static uint32_t take_entry(struct hark__hosts *hosts)
{
	uint32_t oldest = hosts->oldest, i;

	if (!hosts->free_entry && hosts->entry_used == hosts->entry_most) {
		dequeue(hosts, oldest);
		free_entry(hosts, oldest);
	}
	i = hosts->free_entry;
	if (i)
		hosts->free_entry = hosts->entry[i].next;
	else
		i = ++hosts->entry_used;
	return i;
}

static uint32_t make_entry(struct hark__hosts *hosts, const struct hark__host_key *key)
{
	uint32_t i = take_entry(hosts);
	struct entry *entry = &hosts->entry[i];

	fence();
	entry->key.high = key->high;
	entry->key.low = key->low;
	entry->key.scope = key->scope;
	entry->level[0] = (struct level){0, INT64_MIN};
	entry->current = 0;
	entry->places = 0;
	fence();
	entry->key.kind = key->kind; /* commits */
	fence();
	chain(hosts, i);
	return i;
}

/* Counts one more; i may be 0 when it is to be made, which nobody else's entry suffers. */
static uint32_t hold(
	struct hark__hosts *hosts, uint32_t i, const struct hark__host_key *key)
{
	if (!i)
		i = make_entry(hosts, key);
	else if (hosts->entry[i].places == 0)
		dequeue(hosts, i);
	hosts->entry[i].places++;
	return i;
}

static void let_go(struct hark__hosts *hosts, uint32_t i)
{
	if (!i || --hosts->entry[i].places > 0)
		return;
	if (has_rate(hosts, &hosts->entry[i]))
		enqueue(hosts, i);
	else
		free_entry(hosts, i);
}

/* ------------------------------------------------------------------------------- rates */

/* Time that went back, between two processes that looked at the clock, stood still. */
static struct level level_at(
	const struct hark__hosts *hosts, uint32_t i, int64_t now_ms)
{
	const struct entry *entry = &hosts->entry[i];
	struct level level = {0, now_ms};
	uint64_t passed;

	if (!i || entry->level[entry->current].filled == 0)
		return level;
	level = entry->level[entry->current];
	if (now_ms <= level.at_ms)
		return level;
	passed = (uint64_t)now_ms - (uint64_t)level.at_ms;
	if (passed > (uint64_t)(level.filled / hosts->limits.rate))
		level.filled = 0;
	else
		level.filled -= (int64_t)passed * hosts->limits.rate;
	level.at_ms = now_ms;
	return level;
}

static bool is_too_fast(const struct hark__hosts *hosts, uint32_t i, int64_t now_ms)
{
	int64_t room = ((int64_t)hosts->limits.rate_burst - 1) * hosts->limits.rate_ms;

	return hosts->limits.rate > 0 && level_at(hosts, i, now_ms).filled > room;
}

static void fill(struct hark__hosts *hosts, uint32_t i, int64_t now_ms)
{
	struct entry *entry = &hosts->entry[i];
	uint32_t other = entry->current ^ 1;
	struct level level;

	if (hosts->limits.rate <= 0)
		return;
	level = level_at(hosts, i, now_ms);
	level.filled += hosts->limits.rate_ms;
	entry->level[other] = level;
	fence();
	entry->current = other; /* commits */
	fence();
}

/* ------------------------------------------------------------------------------ places */

static void add_free_place(struct hark__hosts *hosts, uint32_t number)
{
	hosts->place[number].next = hosts->free_place;
	hosts->free_place = number;
}

static uint32_t take_place(struct hark__hosts *hosts)
{
	uint32_t number = hosts->free_place;

	if (number)
		hosts->free_place = hosts->place[number].next;
	else
		number = ++hosts->place_used;
	return number;
}

static bool is_full(const struct hark__hosts *hosts)
{
	return !hosts->free_place && hosts->place_used == hosts->place_most;
}

static void give_back(struct hark__hosts *hosts, uint32_t number)
{
	struct place *place = &hosts->place[number];

	place->owner = 0; /* commits */
	fence();
	let_go(hosts, place->address);
	let_go(hosts, place->prefix);
	add_free_place(hosts, number);
}

/* ------------------------------------------------------------------- an owner that died */

static void repair_places(struct hark__hosts *hosts)
{
	hosts->free_place = 0;
	for (uint32_t i = hosts->place_used; i > 0; i--) {
		const struct place *place = &hosts->place[i];

		if (place->owner) {
			hosts->entry[place->address].places++;
			hosts->entry[place->prefix].places++;
		} else {
			add_free_place(hosts, i);
		}
	}
}

static void repair_entry(struct hark__hosts *hosts, uint32_t i)
{
	struct entry *entry = &hosts->entry[i];
	bool is_idle = entry->key.kind != HARK__HOST_NONE && entry->places == 0;

	if (is_idle && !has_rate(hosts, entry)) {
		entry->key.kind = HARK__HOST_NONE;
		is_idle = false;
	}
	if (entry->key.kind == HARK__HOST_NONE)
		add_free_entry(hosts, i);
	else
		chain(hosts, i);
	if (is_idle)
		enqueue(hosts, i);
}

/*
 * All that follows from places, keys and levels is made anew, so it does not matter in what
 * state it was, nor whether we die over it.  Idle entries lose their order; which of them
 * is the oldest is of little weight.
 */
static void repair(struct hark__hosts *hosts)
{
	hosts->repairs++;
	hosts->newest = hosts->oldest = hosts->free_entry = 0;
	for (uint32_t i = 0; i <= hosts->chain_mask; i++)
		hosts->chain[i] = 0;
	for (uint32_t i = 0; i <= hosts->entry_used; i++)
		hosts->entry[i].places = 0;
	repair_places(hosts);
	for (uint32_t i = 1; i <= hosts->entry_used; i++)
		repair_entry(hosts, i);
}

/* Of all errors of a lock like this, there is only the one. */
static void lock(struct hark__hosts *hosts)
{
	if (pthread_mutex_lock(&hosts->mutex) != EOWNERDEAD)
		return;
	repair(hosts);
	(void)pthread_mutex_consistent(&hosts->mutex); /* it is ours, and it was not */
}

static void unlock(struct hark__hosts *hosts)
{
	(void)pthread_mutex_unlock(&hosts->mutex); /* it is ours */
}

/* ------------------------------------------------------------------------ what it is for */

bool hark__hosts_wanted(const struct hark__hosts_limits *limits)
{
	return limits->per_address > 0 || limits->per_prefix > 0 || limits->rate > 0;
}

static uint32_t places_for(int connections)
{
	if (connections < 1)
		return 1;
	return connections < HARK__HOSTS_MOST ? (uint32_t)connections
					      : HARK__HOSTS_MOST;
}

static uint32_t entries_for(uint32_t places)
{
	return 2 * places + IDLE_MOST;
}

/* A power of two, so that chains have hardly more than one entry. */
static uint32_t chains_for(uint32_t entries)
{
	uint32_t chains = IDLE_MOST;

	while (chains < entries)
		chains *= 2;
	return chains;
}

size_t hark__hosts_bytes(int connections)
{
	uint32_t places = places_for(connections), entries = entries_for(places);

	return sizeof(struct hark__hosts) +
	       ((size_t)entries + 1) * sizeof(struct entry) +
	       ((size_t)places + 1) * sizeof(struct place) +
	       (size_t)chains_for(entries) * sizeof(uint32_t);
}

static int make_mutex(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attributes;
	int code;

	code = pthread_mutexattr_init(&attributes);
	if (code != 0)
		return -code;
	code = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	if (code == 0)
		code = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	if (code == 0)
		code = pthread_mutex_init(mutex, &attributes);
	(void)pthread_mutexattr_destroy(&attributes); /* nothing in it can fail */
	return -code;
}

struct hark__hosts *hark__hosts_make(void *memory,
	const struct hark__hosts_limits *limits, int connections, uint64_t seed)
{
	struct hark__hosts *hosts = memory;
	uint32_t places = places_for(connections), entries = entries_for(places);

	if (make_mutex(&hosts->mutex) < 0)
		return NULL;
	hosts->limits = *limits;
	hosts->seed = seed;
	hosts->entry = (struct entry *)(hosts + 1);
	hosts->place = (struct place *)(hosts->entry + entries + 1);
	hosts->chain = (uint32_t *)(hosts->place + places + 1);
	hosts->chain_mask = chains_for(entries) - 1;
	hosts->entry_most = entries;
	hosts->place_most = places;
	return hosts;
}

/* A client that knocks. */
struct visit {
	struct hark__host_key host, net; /* .kind NONE: not counted */
	uint32_t address, prefix;        /* their entries, if there are any */
	int64_t now_ms;
};

static struct visit visit_of(
	const struct hark__hosts *hosts, const struct hark_addr *peer, int64_t now_ms)
{
	struct visit visit = {.host = hark__host_of(peer), .now_ms = now_ms};

	if (hosts->limits.per_prefix > 0)
		visit.net = hark__prefix_of(
			visit.host, hosts->limits.prefix_v4, hosts->limits.prefix_v6);
	return visit;
}

/* There is an entry, and it has as many as it may. */
static bool has_all(const struct hark__hosts *hosts, uint32_t i, int limit)
{
	return i && limit > 0 && hosts->entry[i].places >= (uint32_t)limit;
}

/* 0, or what hark__hosts_enter says. */
static int judge(struct hark__hosts *hosts, const struct visit *visit)
{
	if (has_all(hosts, visit->address, hosts->limits.per_address))
		return -1 - HARK_REFUSED_PER_ADDRESS;
	if (has_all(hosts, visit->prefix, hosts->limits.per_prefix))
		return -1 - HARK_REFUSED_PER_PREFIX;
	if (is_too_fast(hosts, visit->address, visit->now_ms))
		return -1 - HARK_REFUSED_RATE;
	return is_full(hosts) ? -1 - HARK_REFUSED_RESOURCES : 0;
}

static void look_up(struct hark__hosts *hosts, struct visit *visit)
{
	if (visit->host.kind)
		visit->address = find(hosts, &visit->host);
	if (visit->net.kind)
		visit->prefix = find(hosts, &visit->net);
}

/* Both entries are held before the place says so: neither can be taken for the other. */
static uint32_t settle(struct hark__hosts *hosts, struct visit *visit, int holder)
{
	uint32_t number = take_place(hosts);
	struct place *place = &hosts->place[number];

	if (visit->host.kind)
		visit->address = hold(hosts, visit->address, &visit->host);
	if (visit->net.kind)
		visit->prefix = hold(hosts, visit->prefix, &visit->net);
	if (visit->address)
		fill(hosts, visit->address, visit->now_ms);
	place->address = visit->address;
	place->prefix = visit->prefix;
	fence();
	place->owner = (uint32_t)holder + 1; /* commits */
	fence();
	return number;
}

int hark__hosts_enter(struct hark__hosts *hosts, int holder,
	const struct hark_addr *peer, int64_t now_ms, unsigned *from_address)
{
	struct visit visit = visit_of(hosts, peer, now_ms);
	int result;

	lock(hosts);
	look_up(hosts, &visit);
	result = judge(hosts, &visit);
	if (result == 0)
		result = (int)settle(hosts, &visit, holder);
	if (from_address)
		*from_address = visit.address ? hosts->entry[visit.address].places : 0;
	unlock(hosts);
	return result;
}

void hark__hosts_leave(struct hark__hosts *hosts, int place)
{
	lock(hosts);
	if (place > 0 && (uint32_t)place <= hosts->place_used &&
		hosts->place[place].owner)
		give_back(hosts, (uint32_t)place);
	unlock(hosts);
}

void hark__hosts_forget(struct hark__hosts *hosts, int holder)
{
	lock(hosts);
	for (uint32_t i = 1; i <= hosts->place_used; i++)
		if (hosts->place[i].owner == (uint32_t)holder + 1)
			give_back(hosts, i);
	unlock(hosts);
}

unsigned hark__hosts_repairs(const struct hark__hosts *hosts)
{
	return hosts->repairs;
}
