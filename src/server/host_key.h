/* SPDX-License-Identifier: MIT
 *
 * What connections are counted by: a client's address, or the prefix that it is in.
 * Not here: counting (hosts.h).
 * Floor 4.
 */
#ifndef HARK_SERVER_HOST_KEY_H
#define HARK_SERVER_HOST_KEY_H

#include <hark.h>

enum hark__host_kind {
	HARK__HOST_NONE = 0, /* no key: a client without IP address */
	HARK__HOST_V4,
	HARK__HOST_V6,
	HARK__PREFIX_V4,
	HARK__PREFIX_V6
};

struct hark__host_key {
	uint64_t
		high; /* the leading bits of the address; those that do not count zero */
	uint64_t low;
	uint32_t
		scope; /* the same link-local address on another link is another host */
	uint32_t kind; /* enum hark__host_kind */
};

/* IPv4 within IPv6 is IPv4. */
struct hark__host_key hark__host_of(const struct hark_addr *peer);
/* Of a host's key; bits outside 0–32 or 0–128 are all or none of them. */
struct hark__host_key hark__prefix_of(struct hark__host_key host, int v4, int v6);

bool hark__host_same(const struct hark__host_key *a, const struct hark__host_key *b);

/* Cannot be told in advance without the seed. */
uint64_t hark__host_hash(const struct hark__host_key *key, uint64_t seed);

#endif
