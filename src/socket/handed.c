/* SPDX-License-Identifier: MIT
 *
 * Reading what a predecessor has left; see handed.h.  Floor 2.
 *
 * Invariants: the environment is outside input, so a value is taken whole or not at all;
 * and a listener is changed in nothing, since its predecessor goes on with it if we fail.
 */
#include "socket/handed.h"

#include "base/error.h"
#include "socket/adopt.h"
#include "socket/inspect.h"
#include "socket/ip_text.h"
#include "sys/sys.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------- words */

/* Up to the separator or the end; the rest stays in *text. */
static struct hark__text cut(struct hark__text *text, char separator)
{
	const char *end = hark__text_find(*text, separator);
	struct hark__text word = *text;

	if (end)
		word.length = (size_t)(end - text->at);
	*text = hark__text_after(*text, word.length + (end != NULL));
	return word;
}

/* Longer than others that come from outside, of which hark__text_of takes so much. */
static struct hark__text whole(const char *value)
{
	return (struct hark__text){value ? value : "", value ? strlen(value) : 0};
}

static int read_fd(struct hark__text word)
{
	long long number;

	if (hark__read_number(word, 10, INT_MAX, &number) < 0 ||
		number <= STDERR_FILENO)
		return -EINVAL;
	return (int)number;
}

static int digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -EINVAL;
}

static int read_hex(struct hark__text word, uint64_t *number)
{
	*number = 0;
	if (word.length == 0 || word.length > 16)
		return -EINVAL;
	for (size_t i = 0; i < word.length; i++) {
		int digit = digit_of(word.at[i]);

		if (digit < 0)
			return digit;
		*number = *number << 4 | (uint64_t)digit;
	}
	return 0;
}

static bool prints(unsigned char c)
{
	return c > ' ' && c < 127 && c != '%';
}

/* The byte that the text begins with, and its length there; never a NUL. */
static int read_byte(struct hark__text text, size_t *length)
{
	int high, low;

	*length = 1;
	if (prints((unsigned char)*text.at))
		return (unsigned char)*text.at;
	if (*text.at != '%' || text.length < 3)
		return -EINVAL;
	*length = 3;
	high = digit_of(text.at[1]);
	low = digit_of(text.at[2]);
	return high < 0 || low < 0 || high + low == 0 ? -EINVAL : high << 4 | low;
}

static int read_name(struct hark__text word, char name[HARK__HANDED_NAME_MAX])
{
	size_t used = 0, length;

	while (word.length > 0 && used < HARK__HANDED_NAME_MAX - 1) {
		int byte = read_byte(word, &length);

		if (byte < 0)
			return byte;
		name[used++] = (char)byte;
		word = hark__text_after(word, length);
	}
	name[used] = '\0';
	return used > 0 && word.length == 0 ? 0 : -EINVAL;
}

/* ------------------------------------------------------------------------------- values */

static bool is_known(const struct hark__handed *handed, int fd)
{
	for (size_t i = 0; i < handed->count; i++)
		if (handed->listener[i].fd == fd)
			return true;
	for (size_t i = 0; i < handed->ancestor_count; i++)
		if (handed->ancestor[i] == fd)
			return true;
	return handed->link_fd == fd;
}

static int read_listener(
	struct hark__text entry, struct hark__handed_listener *listener)
{
	struct hark__text fd = cut(&entry, ':'), kind = cut(&entry, ':');
	struct hark__text device = cut(&entry, ':'), inode = cut(&entry, ':');

	listener->fd = read_fd(fd);
	listener->made = hark__text_is(kind, "m");
	listener->taken = false;
	if (listener->fd < 0 || (!listener->made && !hark__text_is(kind, "s")) ||
		read_hex(device, &listener->device) < 0 ||
		read_hex(inode, &listener->inode) < 0)
		return -EINVAL;
	return read_name(entry, listener->name);
}

static int read_listeners(struct hark__handed *handed, const char *value)
{
	struct hark__text rest = whole(value);

	while (rest.length > 0) {
		struct hark__handed_listener *next = &handed->listener[handed->count];

		if (handed->count == HARK__HANDED_MAX ||
			read_listener(cut(&rest, ' '), next) < 0 ||
			is_known(handed, next->fd))
			return -EINVAL;
		handed->count++;
	}
	return 0;
}

static int read_ancestors(struct hark__handed *handed, const char *value)
{
	struct hark__text rest = whole(value);

	while (rest.length > 0) {
		int fd = read_fd(cut(&rest, ' '));

		if (fd < 0 || handed->ancestor_count == HARK__ANCESTORS_MAX ||
			is_known(handed, fd))
			return -EINVAL;
		handed->ancestor[handed->ancestor_count++] = fd;
	}
	return 0;
}

int hark__handed_parse(struct hark__handed *handed, const char *listeners,
	const char *link, const char *ancestors, const char **bad)
{
	handed->count = handed->ancestor_count = 0;
	*bad = "HARK_HANDED_LINK";
	handed->link_fd = read_fd(whole(link));
	if (handed->link_fd < 0)
		return -EINVAL;
	*bad = "HARK_HANDED";
	if (read_listeners(handed, listeners) < 0)
		return -EINVAL;
	*bad = "HARK_HANDED_ANCESTORS";
	return read_ancestors(handed, ancestors);
}

/* ----------------------------------------------------------------------------- printing */

static char *print_byte(char *at, unsigned char byte)
{
	if (prints(byte))
		*at++ = (char)byte;
	else
		at += snprintf(at, 4, "%%%02x", byte); /* three */
	return at;
}

int hark__handed_print(char text[HARK__HANDED_TEXT_MAX],
	const struct hark_listener *listener, const char *name)
{
	bool made = listener->origin == HARK_ORIGIN_MADE;
	char *at = text;

	if (strlen(name) >= HARK__HANDED_NAME_MAX)
		return -E2BIG;
	at += snprintf(text, 64, "%d:%c:%llx:%llx:", listener->fd, made ? 'm' : 's',
		(unsigned long long)listener->unix_device,
		(unsigned long long)listener->unix_inode); /* they fit */
	for (; *name; name++)
		at = print_byte(at, (unsigned char)*name);
	*at = '\0';
	return (int)(at - text);
}

/* ------------------------------------------------------------------------- this process's */

static int fail(const char *variable, struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_ENVIRONMENT, .code = -EINVAL,
		.cause = HARK_CAUSE_BAD_VARIABLE, .option = variable,
		.subject = getenv(variable));
}

static bool is_for(const char *pid)
{
	return pid && hark__to_number(pid, 10, INT_MAX) == sys_getpid();
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct hark__handed ours;
static const char *bad_variable; /* NULL: all is well … */
static pid_t reader;             /* … for this process; 0: nothing was left to it */

static void read_ours(void)
{
	if (!is_for(getenv("HARK_HANDED_PID")))
		return;
	reader = sys_getpid();
	if (hark__handed_parse(&ours, getenv("HARK_HANDED"), getenv("HARK_HANDED_LINK"),
		    getenv("HARK_HANDED_ANCESTORS"), &bad_variable) == 0)
		bad_variable = NULL;
}

int hark__handed(struct hark__handed **handed, struct hark_error *err)
{
	(void)pthread_once(&once, read_ours); /* cannot fail */
	if (reader == 0 || reader != sys_getpid())
		return 0;
	if (bad_variable)
		return fail(bad_variable, err);
	*handed = &ours;
	return 1;
}

bool hark_is_successor(void)
{
	struct hark__handed *handed;

	return hark__handed(&handed, NULL) != 0;
}

/* ------------------------------------------------------------------------------- taking */

/* Those that are chosen, and their addresses. */
struct choice {
	struct hark__handed_listener *listener[HARK_SET_MAX];
	struct hark_addr addr[HARK_SET_MAX];
	size_t count;
};

static bool is_chosen(const struct choice *choice, const struct hark_addr *addr)
{
	for (size_t i = 0; i < choice->count; i++)
		if (hark_addr_compare(&choice->addr[i], addr) == 0)
			return true;
	return false;
}

static int choose(struct choice *choice, struct hark__handed_listener *listener,
	size_t max, struct hark_error *err)
{
	struct hark_addr addr;
	int done = hark__adopt_check(listener->fd, err);

	if (done < 0)
		return done;
	done = hark__local_addr(listener->fd, &addr);
	if (done < 0)
		return HARK__FAIL(err, .step = HARK_STEP_ADOPT, .code = done,
			.subject = listener->name);
	if (is_chosen(choice, &addr))
		return 0;
	if (choice->count == max)
		return HARK__FAIL(err, .step = HARK_STEP_ADOPT, .code = -E2BIG,
			.cause = HARK_CAUSE_TOO_MANY, .limit = HARK_SET_MAX,
			.subject = listener->name);
	choice->listener[choice->count] = listener;
	choice->addr[choice->count++] = addr;
	return 0;
}

/* What connections inherit was set straight by who opened it: no options. */
static int take(struct hark__handed_listener *from, struct hark_listener *listener,
	struct hark_error *err)
{
	int done = hark__adopt(listener, from->fd,
		from->made ? HARK_ORIGIN_HANDED_OVER : HARK_ORIGIN_INHERITED, NULL,
		err);

	if (done < 0)
		return done;
	listener->unix_device = from->device;
	listener->unix_inode = from->inode;
	from->taken = true;
	return 0;
}

int hark__handed_take(struct hark__handed *handed, const char *name,
	struct hark_listener *listeners, size_t max, struct hark_error *err)
{
	struct choice choice = {.count = 0};
	int done = 0;

	for (size_t i = 0; i < handed->count && done == 0; i++)
		if (!handed->listener[i].taken &&
			strcmp(handed->listener[i].name, name) == 0)
			done = choose(&choice, &handed->listener[i], max, err);
	for (size_t i = 0; i < choice.count && done == 0; i++)
		done = take(choice.listener[i], &listeners[i], err);
	return done < 0 ? done : (int)choice.count;
}
