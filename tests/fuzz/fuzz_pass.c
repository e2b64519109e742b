/* SPDX-License-Identifier: MIT
 *
 * A message that should carry a listener: after a byte that says how long its name is, the
 * name and the control data.  Whatever they say, every descriptor is found once, and a name
 * is printable and fits.
 */
#include "must.h"
#include "socket/pass.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *data, size_t length)
{
	char name[64];
	int done;

	memset(name, 'x', sizeof(name));
	done = hark__passed_name(data, length, name, sizeof(name));
	MUST(done <= 0);
	if (done < 0)
		return;
	MUST(strnlen(name, sizeof(name)) < sizeof(name));
	MUST(strlen(name) <= length && !memcmp(name, data, strlen(name)));
	for (const char *at = name; *at; at++)
		MUST((unsigned char)*at >= ' ' && *at != 0x7f);
}

/* On the heap and of its very size, so that a read past its end is seen. */
static void check_control(const uint8_t *data, size_t size)
{
	struct hark__passed passed;
	void *control = malloc(size ? size : 1);
	struct msghdr message = {.msg_control = control, .msg_controllen = size};

	if (!control)
		return;
	if (size)
		memcpy(control, data, size);
	memset(&passed, 0xff, sizeof(passed));
	hark__passed_read(&passed, &message);
	MUST(passed.count <= HARK__PASSED_MAX);
	MUST(passed.sockets <= passed.count);
	MUST(passed.count * sizeof(int) <= size);
	free(control);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t length = size ? data[0] : 0;

	if (size == 0)
		return 0;
	length = length < size - 1 ? length : size - 1;
	check_name((const char *)data + 1, length);
	check_control(data + 1 + length, size - 1 - length);
	return 0;
}
