/* SPDX-License-Identifier: MIT
 *
 * The variables that tell a successor what it was left, a line each.  Whatever they say, a
 * descriptor is there once, above the standard ones, and has a name that is told alike.
 */
#include "must.h"
#include "socket/handed.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hark__handed handed, again;

static void check_listener(const struct hark__handed_listener *left)
{
	const struct hark_listener listener = {
		.origin = left->made ? HARK_ORIGIN_MADE : HARK_ORIGIN_ADOPTED,
		.fd = left->fd,
		.unix_device = left->device,
		.unix_inode = left->inode};
	char text[HARK__HANDED_TEXT_MAX];
	const char *bad;
	int length = hark__handed_print(text, &listener, left->name);

	MUST(left->name[0] != '\0' && !left->taken);
	MUST(length > 0 && (size_t)length == strlen(text));
	MUST(hark__handed_parse(&again, text, "3", "", &bad) == 0 || left->fd == 3);
	if (left->fd == 3)
		return;
	MUST(again.count == 1 && again.listener[0].fd == left->fd);
	MUST(again.listener[0].made == left->made);
	MUST(again.listener[0].device == left->device);
	MUST(again.listener[0].inode == left->inode);
	MUST(strcmp(again.listener[0].name, left->name) == 0);
}

static void check_numbers(void)
{
	int fd[HARK__HANDED_MAX + HARK__ANCESTORS_MAX + 1];
	size_t count = 0;

	fd[count++] = handed.link_fd;
	for (size_t i = 0; i < handed.count; i++)
		fd[count++] = handed.listener[i].fd;
	for (size_t i = 0; i < handed.ancestor_count; i++)
		fd[count++] = handed.ancestor[i];
	for (size_t i = 0; i < count; i++) {
		MUST(fd[i] > 2);
		for (size_t j = 0; j < i; j++)
			MUST(fd[i] != fd[j]);
	}
}

/* Cuts a line off; NULL when there is no more. */
static char *next_line(char **rest)
{
	char *line = *rest, *end = line ? strchr(line, '\n') : NULL;

	if (end)
		*end = '\0';
	*rest = end ? end + 1 : NULL;
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text, *listeners, *link;
	const char *bad = NULL;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	listeners = next_line(&rest);
	link = next_line(&rest);
	if (hark__handed_parse(&handed, listeners, link, next_line(&rest), &bad) == 0) {
		check_numbers();
		for (size_t i = 0; i < handed.count; i++)
			check_listener(&handed.listener[i]);
	} else {
		MUST(bad && !strncmp(bad, "HARK_HANDED", 11));
	}
	free(text);
	return 0;
}
