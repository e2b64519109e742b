/* SPDX-License-Identifier: MIT
 *
 * Blocks of addresses: reading them, and whether an address is in one.
 * Not here: what to do with those that are (rules).
 * Floor 2.
 *
 * Invariants: bits of .base behind .prefix are zero; a block of mapped IPv4 addresses
 * is kept as the IPv4 block that it means, since addresses are unmapped before they are
 * compared: a client gets the same answer through a dual-stack socket as through an
 * IPv4 one, and "::/0" does not let every IPv4 client in.
 */
#include "socket/ip_text.h"

#include <errno.h>
#include <string.h>

#define MAPPED_BITS 96 /* ::ffff:0:0/96 */

/* The first `bits` bits of both are the same. */
static bool same_start(const unsigned char *a, const unsigned char *b, int bits)
{
	size_t whole = (size_t)bits / 8;
	unsigned int rest = (unsigned int)bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static bool zero_behind(const unsigned char *base, int prefix, int bits)
{
	for (int i = prefix; i < bits; i++)
		if (base[i / 8] & (0x80 >> (i % 8)))
			return false;
	return true;
}

static int family_bits(int family)
{
	return family == AF_INET ? 32 : family == AF_INET6 ? 128 : -1;
}

static int read_base(
	struct hark_cidr *cidr, struct hark__text host, struct hark__refusal *why)
{
	struct in6_addr ip6;
	struct in_addr ip4;
	int code;

	/* a block is of every link */
	if (hark__text_find(host, '%'))
		return hark__refuse(why, -EINVAL, HARK_CAUSE_BAD_SCOPE, 0);
	if (hark__text_find(host, ':')) {
		code = hark__read_ipv6(host, &ip6, why);
		if (code == 0)
			memcpy(cidr->base, &ip6, sizeof(ip6));
		cidr->family = AF_INET6;
		return code;
	}
	code = hark__read_ipv4(host, &ip4, why);
	if (code == 0)
		memcpy(cidr->base, &ip4, sizeof(ip4));
	cidr->family = AF_INET;
	return code;
}

static int read_prefix(
	struct hark_cidr *cidr, struct hark__text digits, struct hark__refusal *why)
{
	long long prefix;

	if (hark__read_number(digits, 3, family_bits(cidr->family), &prefix) < 0 ||
		(digits.length > 1 && digits.at[0] == '0'))
		return hark__refuse(why, -EINVAL, HARK_CAUSE_BAD_PREFIX, 0);
	cidr->prefix = (int)prefix;
	return 0;
}

static bool is_mapped(const struct hark_cidr *cidr)
{
	static const unsigned char mapped[16] = {[10] = 0xff, [11] = 0xff};

	return cidr->family == AF_INET6 && cidr->prefix >= MAPPED_BITS &&
	       same_start(cidr->base, mapped, MAPPED_BITS);
}

static void unmap(struct hark_cidr *cidr)
{
	struct hark_cidr ip4 = {AF_INET, cidr->prefix - MAPPED_BITS, {0}};

	memcpy(ip4.base, cidr->base + MAPPED_BITS / 8, 4);
	*cidr = ip4;
}

static int read_cidr(
	struct hark_cidr *cidr, struct hark__text text, struct hark__refusal *why)
{
	const char *slash = hark__text_find(text, '/');
	struct hark__text host = slash ? hark__text_before(text, slash) : text;
	int bits, code;

	code = hark__check_text(text, why);
	if (code == 0)
		code = read_base(cidr, host, why);
	if (code < 0)
		return code;
	bits = family_bits(cidr->family);
	cidr->prefix = bits;
	if (slash)
		code = read_prefix(cidr, hark__text_after(text, host.length + 1), why);
	if (code < 0)
		return code;
	if (!zero_behind(cidr->base, cidr->prefix, bits))
		return hark__refuse(why, -EINVAL, HARK_CAUSE_HOST_BITS, 0);
	if (is_mapped(cidr))
		unmap(cidr);
	return 0;
}

int hark_cidr_parse(struct hark_cidr *cidr, const char *text, struct hark_error *err)
{
	struct hark__text given = hark__text_of(text);
	struct hark_cidr found = {0};
	struct hark__refusal why;

	if (read_cidr(&found, given, &why) < 0)
		return hark__refused(err, given, &why);
	*cidr = found;
	return 0;
}

bool hark_cidr_match(const struct hark_cidr *cidr, const struct hark_addr *addr)
{
	struct hark_addr plain = *addr;
	const void *ip = &plain.u.in6.sin6_addr;

	hark_addr_unmap(&plain);
	if (cidr->family != hark_addr_family(&plain))
		return false;
	if (cidr->prefix < 0 || cidr->prefix > family_bits(cidr->family))
		return false; /* no block of ours */
	if (cidr->family == AF_INET)
		ip = &plain.u.in.sin_addr;
	return same_start(ip, cidr->base, cidr->prefix);
}
