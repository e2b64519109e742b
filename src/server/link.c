/* SPDX-License-Identifier: MIT
 *
 * The words of a hot restart; see link.h.  Floor 4.
 */
#include "server/link.h"

#include "socket/create.h"
#include "sys/sys.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

static const char ready[] = "ready ", go[] = "go";

int hark__link_make(int ends[2])
{
	int done = sys_socketpair(ends);

	if (done < 0)
		return done;
	ends[0] = hark__above_stdio(ends[0]);
	ends[1] = hark__above_stdio(ends[1]);
	if (ends[0] >= 0 && ends[1] >= 0)
		return 0;
	done = ends[0] < 0 ? ends[0] : ends[1];
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			(void)sys_close(ends[i]); /* nothing was said */
	return done;
}

static int say(int fd, const char *text, size_t length)
{
	ssize_t sent = sys_send(fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);

	return sent < 0 ? (int)sent : 0; /* a message is sent whole */
}

int hark__link_say_ready(int fd, const struct hark__handed *handed)
{
	char text[HARK__LINK_TEXT_MAX];
	size_t length = sizeof(ready) - 1;

	memcpy(text, ready, length);
	for (size_t i = 0; i < handed->count; i++)
		text[length++] = handed->listener[i].taken ? '1' : '0';
	return say(fd, text, length);
}

int hark__link_say_go(int fd)
{
	return say(fd, go, sizeof(go) - 1);
}

/* Its length; 0: nothing yet. */
static int hear(int fd, char text[HARK__LINK_TEXT_MAX])
{
	ssize_t got;

	do {
		got = sys_recv(fd, text, HARK__LINK_TEXT_MAX, MSG_DONTWAIT);
	} while (got == -EINTR);
	if (got == -EAGAIN)
		return 0;
	return got == 0 ? -EPIPE : (int)got;
}

static bool begins(const char *text, int length, const char *word, size_t word_length)
{
	return (size_t)length >= word_length && memcmp(text, word, word_length) == 0;
}

int hark__link_hear_ready(int fd, bool *taken, size_t count)
{
	char text[HARK__LINK_TEXT_MAX];
	const size_t before = sizeof(ready) - 1;
	int length = hear(fd, text);

	if (length <= 0)
		return length;
	if (!begins(text, length, ready, before) || (size_t)length != before + count)
		return -EPROTO;
	for (size_t i = 0; i < count; i++)
		taken[i] = text[before + i] == '1';
	return 1;
}

int hark__link_hear_go(int fd)
{
	char text[HARK__LINK_TEXT_MAX];
	int length = hear(fd, text);

	if (length <= 0)
		return length;
	return begins(text, length, go, sizeof(go) - 1) ? 1 : -EPROTO;
}

bool hark__link_has_ended(int fd)
{
	struct pollfd look = {fd, 0, 0};

	return sys_poll(&look, 1, 0) > 0 && (look.revents & (POLLHUP | POLLERR));
}
