/* SPDX-License-Identifier: MIT
 *
 * The status of a server; see status.h.
 *
 * Both forms have the same words in the same order: "refused.rate" of the one is "rate" in
 * the object "refused" of the other.
 */
#include "status.h"

#include <string.h>
#include <unistd.h>

/* Where it is written, and how. */
struct page {
	FILE *stream;
	bool json;
	const char *group; /* of the words to come, or NULL */
	bool first;        /* nothing was written in this group yet */
};

/* ------------------------------------------------------------------------------- words */

/* Addresses come from outside: bytes that do not print are \xNN, as in the log. */
static void put_escaped(const struct page *page, const char *text)
{
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < ' ' || byte > '~')
			fprintf(page->stream, "%s\\x%02x", page->json ? "\\" : "",
				byte);
		else if (page->json && (byte == '"' || byte == '\\'))
			fprintf(page->stream, "\\%c", byte);
		else
			fputc(byte, page->stream);
	}
}

static void put_name(struct page *page, const char *name)
{
	char whole[64];

	if (page->json) {
		fprintf(page->stream, "%s\"%s\":", page->first ? "" : ",", name);
	} else {
		(void)snprintf(whole, sizeof(whole), "%s%s%s",
			page->group ? page->group : "", page->group ? "." : "",
			name); /* ours: it fits */
		fprintf(page->stream, "%-22s ", whole);
	}
	page->first = false;
}

static void end_word(const struct page *page)
{
	if (!page->json)
		fputc('\n', page->stream);
}

static void put_text(struct page *page, const char *name, const char *text)
{
	put_name(page, name);
	if (page->json)
		fputc('"', page->stream);
	put_escaped(page, text);
	if (page->json)
		fputc('"', page->stream);
	end_word(page);
}

static void put_number(struct page *page, const char *name, long long number)
{
	put_name(page, name);
	fprintf(page->stream, "%lld", number);
	end_word(page);
}

static void begin_group(struct page *page, const char *name)
{
	if (page->json) {
		put_name(page, name);
		fputc('{', page->stream);
	}
	page->group = name;
	page->first = true;
}

static void end_group(struct page *page)
{
	if (page->json)
		fputc('}', page->stream);
	page->group = NULL;
	page->first = false;
}

/* ------------------------------------------------------------------------------ contents */

static const char *state_name(int state)
{
	static const char *const names[] = {[HARK_SERVER_OPENING] = "opening",
		[HARK_SERVER_SERVING] = "serving",
		[HARK_SERVER_PAUSED] = "paused",
		[HARK_SERVER_QUIESCING] = "quiescing",
		[HARK_SERVER_DRAINING] = "draining",
		[HARK_SERVER_ENDED] = "ended",
		[HARK_SERVER_LAME_DUCK] = "lame duck"};

	return names[state];
}

static void put_counters(struct page *page, const char *group, const char *const *names,
	size_t count, const uint64_t *values)
{
	begin_group(page, group);
	for (size_t i = 0; i < count; i++)
		put_number(page, names[i], (long long)values[i]);
	end_group(page);
}

static void put_stats(struct page *page, const struct hark_server_stats *stats)
{
	static const char *const refused[HARK_REFUSED_COUNT] = {
		[HARK_REFUSED_FULL] = "full",
		[HARK_REFUSED_PER_ADDRESS] = "per_address",
		[HARK_REFUSED_PER_PREFIX] = "per_prefix",
		[HARK_REFUSED_RATE] = "rate",
		[HARK_REFUSED_RULE] = "rule",
		[HARK_REFUSED_RESOURCES] = "resources"};
	static const char *const ended[HARK_ENDED_COUNT] = {
		[HARK_ENDED_RETURNED] = "returned",
		[HARK_ENDED_TIMED_OUT] = "timed_out",
		[HARK_ENDED_RESET] = "reset",
		[HARK_ENDED_DRAINED] = "drained",
		[HARK_ENDED_CUT] = "cut",
		[HARK_ENDED_RELEASED] = "released",
		[HARK_ENDED_CRASHED] = "crashed",
		[HARK_ENDED_LEFT] = "left"};

	put_number(page, "workers", stats->workers);
	put_number(page, "connected", (long long)stats->open);
	put_number(page, "lingering", (long long)stats->lingering);
	put_number(page, "accepted", (long long)stats->accepted);
	put_counters(page, "refused", refused, HARK_REFUSED_COUNT, stats->refused);
	put_counters(page, "ended", ended, HARK_ENDED_COUNT, stats->ended);
	put_number(page, "lost", (long long)stats->lost);
	put_number(page, "restarts", (long long)stats->restarts);
	put_number(page, "failed", (long long)stats->failed);
	put_number(page, "exhausted", (long long)stats->exhausted);
	put_number(page, "bytes_in", (long long)stats->bytes_in);
	put_number(page, "bytes_out", (long long)stats->bytes_out);
	put_number(page, "descriptors", (long long)stats->descriptors);
	put_number(page, "descriptor_limit", (long long)stats->descriptor_limit);
}

/* -1 where the system does not tell: of a Unix listener, say. */
static void put_listener(struct page *page, const struct hark_listener *listener)
{
	char text[HARK_ADDR_TEXT_MAX];
	struct hark_queue queue;
	bool known = hark_queue_read(listener->fd, &queue, sizeof(queue), NULL) == 0;

	(void)hark_addr_text(&listener->addr, text, sizeof(text)); /* it fits */
	put_text(page, "address", text);
	put_number(page, "queue", known ? (long long)queue.length : -1);
	put_number(page, "backlog", known ? (long long)queue.backlog : -1);
}

static void put_listeners(struct page *page, const struct hark_server *server)
{
	const struct hark_listener *listener;

	if (page->json)
		fputs(",\"listeners\":[", page->stream);
	for (size_t i = 0; (listener = hark_server_listener(server, i)); i++) {
		if (page->json && i > 0)
			fputc(',', page->stream);
		if (page->json)
			fputc('{', page->stream);
		page->group = "listener";
		page->first = true;
		put_listener(page, listener);
		if (page->json)
			fputc('}', page->stream);
	}
	if (page->json)
		fputc(']', page->stream);
}

void status_print(FILE *stream, bool json, const struct setup *setup,
	struct hark_server *server, int64_t up_ms)
{
	struct page page = {.stream = stream, .json = json, .first = true};
	struct hark_server_stats stats = {0};

	(void)hark_server_snapshot(
		server, &stats, sizeof(stats)); /* the size is right */
	if (json)
		fputc('{', stream);
	put_text(&page, "version", hark_version());
	put_number(&page, "process", getpid());
	put_text(&page, "state", state_name(stats.state));
	put_number(&page, "up_seconds", (long long)up_ms / 1000);
	put_text(&page, "model", hark_model_name(server_model(setup)));
	put_stats(&page, &stats);
	put_listeners(&page, server);
	if (json)
		fputs("}\n", stream);
}
