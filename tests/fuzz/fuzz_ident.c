/* SPDX-License-Identifier: MIT
 *
 * The answer of a client's host to ident (RFC 1413): whatever it sends, either there is no
 * user in it, or one that is printable and fits.
 */
#include "lookup.h"
#include "must.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_user(const char *user, size_t size)
{
	size_t length = strnlen(user, size);

	MUST(length > 0 && length < size);
	for (size_t i = 0; i < length; i++)
		MUST(user[i] >= ' ' && user[i] <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char large[256], small[4];
	bool in_large, in_small;

	memset(large, 'L', sizeof(large));
	memset(small, 'S', sizeof(small));
	in_large = lookup_read_ident(
		(const char *)data, size, 6193, 23, large, sizeof(large));
	in_small = lookup_read_ident(
		(const char *)data, size, 6193, 23, small, sizeof(small));
	MUST(in_large == in_small);
	if (!in_large)
		return 0;
	check_user(large, sizeof(large));
	check_user(small, sizeof(small));
	MUST(!strncmp(large, small, strlen(small)));
	return 0;
}
