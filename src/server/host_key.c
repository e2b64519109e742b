/* SPDX-License-Identifier: MIT
 *
 * Keys of addresses and prefixes, and their hash (host_key.h).
 *
 * Floor 4.  The hash is SipHash-2-4 (Aumasson and Bernstein, 2012) over the words of the
 * key: a client of IPv6 may choose 64 bits of its address and more, and with a hash that it
 * can compute it would choose those that fall into one chain.
 */
#include "server/host_key.h"

#include <string.h>

static uint64_t word_at(const unsigned char *bytes)
{
	uint64_t word = 0;

	for (int i = 0; i < 8; i++)
		word = word << 8 | bytes[i];
	return word;
}

struct hark__host_key hark__host_of(const struct hark_addr *peer)
{
	struct hark__host_key key = {0};
	struct hark_addr plain = *peer;
	const unsigned char *bytes = plain.u.in6.sin6_addr.s6_addr;

	hark_addr_unmap(&plain);
	switch (hark_addr_family(&plain)) {
	case AF_INET:
		key.kind = HARK__HOST_V4;
		key.high = (uint64_t)ntohl(plain.u.in.sin_addr.s_addr) << 32;
		break;
	case AF_INET6:
		key.kind = HARK__HOST_V6;
		key.high = word_at(bytes);
		key.low = word_at(bytes + 8);
		key.scope = plain.u.in6.sin6_scope_id;
		break;
	default:
		break;
	}
	return key;
}

/* The leading bits of a word. */
static uint64_t leading(int bits)
{
	if (bits <= 0)
		return 0;
	return bits >= 64 ? UINT64_MAX : UINT64_MAX << (64 - bits);
}

struct hark__host_key hark__prefix_of(struct hark__host_key host, int v4, int v6)
{
	bool is_v4 = host.kind == HARK__HOST_V4;
	int bits = is_v4 ? v4 : v6;
	struct hark__host_key key = {0};

	if (host.kind == HARK__HOST_NONE)
		return key;
	key.kind = is_v4 ? HARK__PREFIX_V4 : HARK__PREFIX_V6;
	key.high = host.high & leading(bits);
	key.low = host.low & leading(bits - 64);
	return key;
}

bool hark__host_same(const struct hark__host_key *a, const struct hark__host_key *b)
{
	return a->high == b->high && a->low == b->low && a->scope == b->scope &&
	       a->kind == b->kind;
}

struct state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotated(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static void stir(struct state *s, int rounds)
{
	while (rounds-- > 0) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotated(s->v1, 13) ^ s->v0;
		s->v3 = rotated(s->v3, 16) ^ s->v2;
		s->v0 = rotated(s->v0, 32);
		s->v2 += s->v1;
		s->v0 += s->v3;
		s->v1 = rotated(s->v1, 17) ^ s->v2;
		s->v3 = rotated(s->v3, 21) ^ s->v0;
		s->v2 = rotated(s->v2, 32);
	}
}

static void take(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	stir(s, 2);
	s->v0 ^= word;
}

/* The second half of SipHash's key is made of the first: 64 bits are enough here. */
uint64_t hark__host_hash(const struct hark__host_key *key, uint64_t seed)
{
	enum { KEY_BYTES = 24 };
	uint64_t other = rotated(seed, 29) ^ 0x9e3779b97f4a7c15;
	struct state s = {
		seed ^ 0x736f6d6570736575,
		other ^ 0x646f72616e646f6d,
		seed ^ 0x6c7967656e657261,
		other ^ 0x7465646279746573,
	};

	take(&s, key->high);
	take(&s, key->low);
	take(&s, (uint64_t)key->scope << 32 | key->kind);
	take(&s, (uint64_t)KEY_BYTES << 56);
	s.v2 ^= 0xff;
	stir(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
