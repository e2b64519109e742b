/* SPDX-License-Identifier: MIT
 *
 * A block of addresses: whatever is read, either it is refused with an error that can
 * be shown, or it is a block where each bit of an address decides or does not, as the
 * prefix says, and whose own text means it again.
 */
#include "must.h"

#include <hark.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refused(int result, const struct hark_error *err)
{
	char text[HARK_ERROR_TEXT_MAX];
	size_t length = hark_error_text(err, text, sizeof(text));

	MUST(err->code == result && err->step == HARK_STEP_PARSE);
	MUST(err->cause != HARK_CAUSE_NONE);
	MUST(length > 0 && length < sizeof(text) && strlen(text) == length);
	for (size_t i = 0; i < length; i++)
		MUST(text[i] >= ' ' && text[i] <= '~');
}

static struct hark_addr address_of(int family, const unsigned char *bytes)
{
	struct hark_addr addr;
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_in in = {.sin_family = AF_INET};
	const void *sa = &in;

	memcpy(&in6.sin6_addr, bytes, sizeof(in6.sin6_addr));
	memcpy(&in.sin_addr, bytes, sizeof(in.sin_addr));
	if (family == AF_INET6)
		sa = &in6;
	MUST(hark_addr_from_sockaddr(&addr, sa,
		     family == AF_INET6 ? sizeof(in6) : sizeof(in), NULL) == 0);
	return addr;
}

/* The address that differs from the block's first in one bit. */
static struct hark_addr with_bit_changed(const struct hark_cidr *cidr, int bit)
{
	unsigned char bytes[16];

	memcpy(bytes, cidr->base, sizeof(bytes));
	bytes[bit / 8] ^= (unsigned char)(0x80 >> (bit % 8));
	return address_of(cidr->family, bytes);
}

/* Every bit of an address decides, or does not, as the prefix says. */
static void check_every_bit(const struct hark_cidr *cidr, int bits)
{
	for (int bit = 0; bit < bits; bit++) {
		struct hark_addr addr = with_bit_changed(cidr, bit);

		/* IPv4 in disguise: not of this family */
		if (hark_addr_is_v4_mapped(&addr))
			MUST(!hark_cidr_match(cidr, &addr));
		else
			MUST(hark_cidr_match(cidr, &addr) == (bit >= cidr->prefix));
	}
}

static void check_text_reads_back(
	const struct hark_cidr *cidr, const struct hark_addr *first)
{
	char text[HARK_ADDR_TEXT_MAX + 8];
	struct hark_cidr again;
	size_t length = hark_addr_host_text(first, text, sizeof(text));

	MUST(length > 0 && length < HARK_ADDR_TEXT_MAX);
	(void)snprintf(text + length, sizeof(text) - length, "/%d", cidr->prefix);
	MUST(hark_cidr_parse(&again, text, NULL) == 0);
	MUST(again.family == cidr->family && again.prefix == cidr->prefix);
	MUST(memcmp(again.base, cidr->base, sizeof(again.base)) == 0);
}

static void check_block(const struct hark_cidr *cidr)
{
	int bits = cidr->family == AF_INET6 ? 128 : 32;
	struct hark_addr first = address_of(cidr->family, cidr->base);

	MUST(cidr->family == AF_INET || cidr->family == AF_INET6);
	MUST(cidr->prefix >= 0 && cidr->prefix <= bits);
	MUST(hark_cidr_match(cidr, &first));
	check_every_bit(cidr, bits);
	check_text_reads_back(cidr, &first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hark_cidr cidr;
	struct hark_error err;
	char *text = malloc(size + 1); /* exact, so that reading on is seen */
	int result;

	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	result = hark_cidr_parse(&cidr, text, &err);
	if (result < 0)
		check_refused(result, &err);
	else
		check_block(&cidr);
	free(text);
	return 0;
}
