/* SPDX-License-Identifier: MIT
 *
 * A file of rules: whatever is read, either it is refused with an error that can be shown
 * and names the file, or it is rules that give the same answer for a client of IPv4 in
 * either form, and let a client without address in.
 */
#include "must.h"

#include "server/rules.h"

#include <hark.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refused(int result, const struct hark_error *err)
{
	char text[HARK_ERROR_TEXT_MAX];
	size_t length = hark_error_text(err, text, sizeof(text));

	MUST(err->code == result && err->step == HARK_STEP_RULES);
	MUST(err->cause != HARK_CAUSE_NONE || err->code == -ENOMEM);
	MUST(strncmp(err->subject, "rules:", 6) == 0);
	MUST(length > 0 && length < sizeof(text) && strlen(text) == length);
	for (size_t i = 0; i < length; i++)
		MUST(text[i] >= ' ' && text[i] <= '~');
}

static struct hark_addr v4_of(const unsigned char *bytes)
{
	struct hark_addr addr = {.length = sizeof(addr.u.in)};

	addr.u.in.sin_family = AF_INET;
	memcpy(&addr.u.in.sin_addr, bytes, 4);
	return addr;
}

static struct hark_addr v6_of(const unsigned char *bytes)
{
	struct hark_addr addr = {.length = sizeof(addr.u.in6)};

	addr.u.in6.sin6_family = AF_INET6;
	memcpy(&addr.u.in6.sin6_addr, bytes, 16);
	return addr;
}

/* Clients out of the text itself: as good as any. */
static void check_rules(
	const struct hark__rules *rules, const uint8_t *data, size_t size)
{
	unsigned char bytes[16] = {[10] = 0xff, [11] = 0xff};
	struct hark_addr v4, mapped, v6, none = {0};

	MUST(hark__rules_allow(rules, &none));
	for (size_t i = 0; i < 16 && i + 4 <= size; i++) {
		memcpy(bytes + 12, data + i, 4);
		v4 = v4_of(bytes + 12);
		mapped = v6_of(bytes);
		MUST(hark__rules_allow(rules, &v4) ==
			hark__rules_allow(rules, &mapped));
	}
	if (size < 16)
		return;
	v6 = v6_of(data);
	(void)hark__rules_allow(rules, &v6); /* either: it must end */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hark__rules *rules = NULL;
	struct hark_error err;
	int result;

	result = hark__rules_parse(&rules, "rules", (const char *)data, size, &err);
	if (result < 0) {
		MUST(!rules);
		check_refused(result, &err);
	} else {
		MUST(rules);
		check_rules(rules, data, size);
	}
	hark__rules_free(rules);
	return 0;
}
