/* SPDX-License-Identifier: MIT
 *
 * Rules by blocks of addresses: from text, and the one that holds for a client (rules.h).
 * Not here: the file (rules_file.c), what a block is (socket/cidr.c).
 *
 * Floor 4.  Invariants: the rules are sorted by family, longest prefix first, then base, so
 * those of one prefix length are neighbours, a group; no block is there twice.  A client is
 * looked for in each group of its family: some 162 searches at the very most, however many
 * rules there are.
 */
#include "server/rules.h"

#include "base/error.h"
#include "base/line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS_MOST = 33 + 129 }; /* /0 to /32, /0 to /128 */

struct rule {
	unsigned char base[16];
	uint8_t family; /* AF_INET, AF_INET6 */
	uint8_t prefix;
	bool allow;
	uint32_t line; /* where it stands */
};

/* The rules of one family and prefix length. */
struct group {
	int family;
	int prefix;
	size_t start;
	size_t count;
};

struct hark__rules {
	bool allow; /* who is in no block */
	size_t group_count;
	struct group group[GROUPS_MOST];
	size_t count;
	size_t room;
	struct rule rule[];
};

/* A part of the text. */
struct piece {
	const char *at;
	size_t length;
};

struct reading {
	const char *name;
	struct piece left;     /* the text behind the line */
	struct piece line;     /* without its newline and, once checked, its comment */
	struct piece given;    /* the line as it stands there */
	uint32_t number;       /* of the line, from 1 */
	uint32_t default_line; /* 0: none yet */
	struct hark__rules *rules;
	struct hark_error *err;
};

/* ---------------------------------------------------------------------- what is wrong */

/* The end of a long path says more than its start, and the line must fit behind it. */
static void add_name(struct hark__line *line, const char *name)
{
	enum { NAME_BYTES = 120 };
	size_t length = strlen(name);

	if (length > NAME_BYTES) {
		hark__line_add(line, "...");
		name += length - NAME_BYTES;
	}
	hark__line_add(line, name);
}

/* The subject is "FILE:12: deny 10.0.0.0/33", as much of it as fits. */
static int refuse(
	const struct reading *reading, int code, enum hark_cause cause, long long limit)
{
	char subject[sizeof(reading->err->subject)];
	struct hark__line line = {.text = subject, .size = sizeof(subject)};
	struct piece given = reading->given;

	add_name(&line, reading->name);
	hark__line_byte(&line, ':');
	hark__line_number(&line, reading->number);
	hark__line_add(&line, ": ");
	for (size_t i = 0; i < given.length && line.length < line.size; i++)
		hark__line_byte(&line, given.at[i]);
	if (line.length >= line.size)
		line.length = line.size - 1;
	(void)hark__line_end(&line); /* its length counts: there may be NULs */
	return HARK__FAIL(reading->err, .step = HARK_STEP_RULES, .code = code,
		.cause = cause, .limit = limit, .subject = subject,
		.subject_length = line.length);
}

/* ------------------------------------------------------------------------------ lines */

static bool next_line(struct reading *reading)
{
	struct piece *left = &reading->left;
	const char *end;
	size_t length;

	if (left->length == 0)
		return false;
	end = memchr(left->at, '\n', left->length);
	length = end ? (size_t)(end - left->at) : left->length;
	reading->given = (struct piece){left->at, length};
	reading->line = reading->given;
	reading->number++;
	left->at += length + (end ? 1 : 0);
	left->length -= length + (end ? 1 : 0);
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* A comment may have any bytes but those that forge lines in a log or on a terminal. */
static int check_line(struct reading *reading)
{
	struct piece *line = &reading->line;
	size_t end = line->length;

	if (line->length > HARK__RULES_LINE_BYTES)
		return refuse(reading, -EINVAL, HARK_CAUSE_LINE_TOO_LONG,
			HARK__RULES_LINE_BYTES);
	for (size_t i = 0; i < line->length; i++) {
		unsigned char c = (unsigned char)line->at[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return refuse(reading, -EINVAL, HARK_CAUSE_CONTROL_BYTE, 0);
		if (c == '#' && end == line->length &&
			(i == 0 || is_blank(line->at[i - 1])))
			end = i;
	}
	line->length = end;
	return 0;
}

/* Takes the next word off the line; an empty one: there is none. */
static struct piece next_word(struct piece *line)
{
	size_t start = 0, end;

	while (start < line->length && is_blank(line->at[start]))
		start++;
	for (end = start; end < line->length && !is_blank(line->at[end]);)
		end++;
	struct piece word = {line->at + start, end - start};

	line->at += end;
	line->length -= end;
	return word;
}

static bool is(struct piece word, const char *wanted)
{
	return word.length == strlen(wanted) &&
	       memcmp(word.at, wanted, word.length) == 0;
}

/* False when it says neither. */
static bool read_verdict(struct piece word, bool *allow)
{
	*allow = is(word, "allow");
	return *allow || is(word, "deny");
}

/* -------------------------------------------------------------------------- the rules */

static struct hark__rules *with_room(struct hark__rules *rules, size_t room)
{
	struct hark__rules *more =
		realloc(rules, sizeof(*rules) + room * sizeof(rules->rule[0]));

	if (more)
		more->room = room;
	return more;
}

static int add_rule(struct reading *reading, const struct hark_cidr *block, bool allow)
{
	struct hark__rules *rules = reading->rules;
	struct rule *rule;

	if (rules->count == HARK__RULES_MOST)
		return refuse(reading, -E2BIG, HARK_CAUSE_TOO_MANY, HARK__RULES_MOST);
	if (rules->count == rules->room)
		rules = with_room(rules, 2 * rules->room);
	if (!rules)
		return refuse(reading, -ENOMEM, HARK_CAUSE_NONE, 0);
	reading->rules = rules;
	rule = &rules->rule[rules->count++];
	memcpy(rule->base, block->base, sizeof(rule->base));
	rule->family = (uint8_t)block->family;
	rule->prefix = (uint8_t)block->prefix;
	rule->allow = allow;
	rule->line = reading->number;
	return 0;
}

/* Why it is no block is told as of a rule, with the whole line. */
static int read_block(
	struct reading *reading, struct piece word, struct hark_cidr *block)
{
	char text[HARK__RULES_LINE_BYTES + 1];
	struct hark_error why;

	if (word.length == 0)
		return refuse(reading, -EINVAL, HARK_CAUSE_BAD_RULE, 0);
	memcpy(text, word.at, word.length); /* the line was not too long */
	text[word.length] = '\0';
	if (hark_cidr_parse(block, text, &why) < 0)
		return refuse(reading, why.code, (enum hark_cause)why.cause, why.limit);
	return 0;
}

static int read_default(struct reading *reading, struct piece word)
{
	bool allow;

	if (!read_verdict(word, &allow))
		return refuse(reading, -EINVAL, HARK_CAUSE_BAD_RULE, 0);
	if (reading->default_line)
		return refuse(
			reading, -EINVAL, HARK_CAUSE_RULE_TWICE, reading->default_line);
	reading->default_line = reading->number;
	reading->rules->allow = allow;
	return 0;
}

static int read_line(struct reading *reading)
{
	struct piece first, second, third;
	struct hark_cidr block = {0};
	bool allow = false;
	int code;

	code = check_line(reading);
	if (code < 0)
		return code;
	first = next_word(&reading->line);
	second = next_word(&reading->line);
	third = next_word(&reading->line);
	if (first.length == 0)
		return 0;
	if (!is(first, "default") && !read_verdict(first, &allow))
		return refuse(reading, -EINVAL, HARK_CAUSE_BAD_RULE, 0);
	/* a place for settings to come: to pass over them would be to guess */
	if (third.length > 0)
		return refuse(reading, -EINVAL, HARK_CAUSE_BEHIND_RULE, 0);
	if (is(first, "default"))
		return read_default(reading, second);
	code = read_block(reading, second, &block);
	return code < 0 ? code : add_rule(reading, &block, allow);
}

/* --------------------------------------------------------------------------- in order */

static int by_block(const struct rule *a, const struct rule *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if (a->prefix != b->prefix)
		return a->prefix > b->prefix ? -1 : 1;
	return memcmp(a->base, b->base, sizeof(a->base));
}

static int compare(const void *one, const void *other)
{
	const struct rule *a = one, *b = other;
	int order = by_block(a, b);

	return order ? order : a->line < b->line ? -1 : 1;
}

/* Goes through the text again: only now it is known which line has to be shown. */
static int refuse_twice(
	struct reading *reading, struct piece text, uint32_t first, uint32_t second)
{
	reading->left = text;
	reading->number = 0;
	while (reading->number < second && next_line(reading))
		;
	return refuse(reading, -EINVAL, HARK_CAUSE_RULE_TWICE, first);
}

/* Of several the one that stands first in the file. */
static int check_twice(struct reading *reading, struct piece text)
{
	const struct hark__rules *rules = reading->rules;
	uint32_t first = 0, second = 0;

	for (size_t i = 1; i < rules->count; i++) {
		const struct rule *a = &rules->rule[i - 1], *b = &rules->rule[i];

		if (by_block(a, b) == 0 && (!second || b->line < second)) {
			first = a->line;
			second = b->line;
		}
	}
	return second ? refuse_twice(reading, text, first, second) : 0;
}

static void make_groups(struct hark__rules *rules)
{
	struct group *group = NULL;

	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->rule[i];

		if (!group || group->family != rule->family ||
			group->prefix != rule->prefix) {
			group = &rules->group[rules->group_count++];
			*group = (struct group){rule->family, rule->prefix, i, 0};
		}
		group->count++;
	}
}

static struct hark__rules *no_rules(void)
{
	enum { ROOM_AT_FIRST = 32 };
	struct hark__rules *rules = with_room(NULL, ROOM_AT_FIRST);

	if (!rules)
		return NULL;
	rules->allow = true;
	rules->group_count = 0;
	rules->count = 0;
	return rules;
}

int hark__rules_parse(struct hark__rules **rules, const char *name, const char *text,
	size_t length, struct hark_error *err)
{
	struct piece whole = {text, length};
	struct reading reading = {.name = name, .left = whole, .err = err};
	int code = 0;

	reading.rules = no_rules();
	if (!reading.rules)
		return HARK__FAIL(
			err, .step = HARK_STEP_RULES, .code = -ENOMEM, .subject = name);
	while (code == 0 && next_line(&reading))
		code = read_line(&reading);
	if (code < 0)
		goto free_rules;
	qsort(reading.rules->rule, reading.rules->count, sizeof(struct rule), compare);
	code = check_twice(&reading, whole);
	if (code < 0)
		goto free_rules;
	make_groups(reading.rules);
	*rules = reading.rules;
	return 0;

free_rules:
	hark__rules_free(reading.rules);
	return code;
}

void hark__rules_free(struct hark__rules *rules)
{
	free(rules);
}

/* ----------------------------------------------------------------------- asking them */

static void keep_bits(unsigned char *base, int prefix)
{
	for (int i = 0; i < 16; i++) {
		int left = prefix - 8 * i;

		if (left <= 0)
			base[i] = 0;
		else if (left < 8)
			base[i] &= (unsigned char)(0xff << (8 - left));
	}
}

static const struct rule *find_in(const struct hark__rules *rules,
	const struct group *group, const unsigned char *address)
{
	size_t low = group->start, high = group->start + group->count;
	unsigned char base[16];

	memcpy(base, address, sizeof(base));
	keep_bits(base, group->prefix);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(base, rules->rule[middle].base, sizeof(base));

		if (order == 0)
			return &rules->rule[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* False when it has none. */
static bool ip_of(const struct hark_addr *peer, int *family, unsigned char address[16])
{
	struct hark_addr plain = *peer;

	hark_addr_unmap(&plain);
	*family = hark_addr_family(&plain);
	memset(address, 0, 16);
	if (*family == AF_INET)
		memcpy(address, &plain.u.in.sin_addr, 4);
	else if (*family == AF_INET6)
		memcpy(address, &plain.u.in6.sin6_addr, 16);
	else
		return false;
	return true;
}

/* The groups of a family stand longest prefix first, so the first rule found is the one. */
bool hark__rules_allow(const struct hark__rules *rules, const struct hark_addr *peer)
{
	unsigned char address[16];
	int family;

	if (!rules || !ip_of(peer, &family, address))
		return true;
	for (size_t i = 0; i < rules->group_count; i++) {
		const struct group *group = &rules->group[i];
		const struct rule *rule = NULL;

		if (group->family == family)
			rule = find_in(rules, group, address);
		if (rule)
			return rule->allow;
	}
	return rules->allow;
}
