/*
 * Rules of who may come in: what a file may say, what is wrong with one, and which rule
 * holds for whom.  Includes internals: the file is read when a server runs, and what is
 * decided then has no face of its own.
 */
#include "addresses.h"
#include "faults.h"
#include "harness.h"

#include "server/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct hark__rules *rules_of(const char *text)
{
	struct hark__rules *rules = NULL;
	struct hark_error err;
	char line[HARK_ERROR_TEXT_MAX];

	if (hark__rules_parse(&rules, "rules", text, strlen(text), &err) < 0) {
		(void)hark_error_text(&err, line, sizeof(line)); /* it fits */
		harness_fail(__FILE__, __LINE__, "%s", line);
	}
	CHECK(rules != NULL);
	return rules;
}

static struct hark_addr peer_of(const char *host)
{
	return strchr(host, ':') ? ipv6(host, 1024) : ipv4(host, 1024);
}

static void check_verdict(const char *text, const char *host, bool allowed)
{
	struct hark__rules *rules = rules_of(text);
	struct hark_addr peer = peer_of(host);

	if (hark__rules_allow(rules, &peer) != allowed)
		NOTE("'%s' under '%s'", host, text);
	CHECK(hark__rules_allow(rules, &peer) == allowed);
	hark__rules_free(rules);
}

/* ------------------------------------------------------------------------ who may come */

/* S4 */
TEST(verdicts, "the rule with the longest prefix holds, in whatever order they stand")
{
	static const struct {
		const char *text, *host;
		bool allowed;
	} table[] = {
		{"", "192.0.2.1", true},
		{"default deny", "192.0.2.1", false},
		{"default allow\n", "::1", true},
		{"deny 192.0.2.1", "192.0.2.1", false},
		{"deny 192.0.2.1", "192.0.2.2", true},
		{"deny 192.0.2.1/32", "192.0.2.0", true},
		{"deny 0.0.0.0/0", "255.255.255.255", false},
		{"deny 0.0.0.0/0", "::1", true},
		{"deny ::/0", "2001:db8::1", false},
		{"deny ::/0", "10.0.0.1", true},
		{"deny ::1/128", "::1", false},
		{"deny ::1/128", "::2", true},
		{"deny 2001:db8::/127", "2001:db8::1", false},
		{"deny 2001:db8::/127", "2001:db8::2", true},
		{"deny 128.0.0.0/1", "127.255.255.255", true},
		{"deny 128.0.0.0/1", "128.0.0.0", false},
		{"deny 10.0.0.0/8\nallow 10.1.0.0/16\ndeny 10.1.2.3", "10.2.0.1",
			false},
		{"deny 10.0.0.0/8\nallow 10.1.0.0/16\ndeny 10.1.2.3", "10.1.0.1", true},
		{"deny 10.1.2.3\nallow 10.1.0.0/16\ndeny 10.0.0.0/8", "10.1.2.3",
			false},
		{"allow 10.1.0.0/16\ndeny 10.0.0.0/8\ndefault allow", "10.1.2.3", true},
		{"default deny\nallow 10.0.0.0/8", "11.0.0.0", false},
		{"allow 10.0.0.0/8\ndefault deny", "10.255.255.255", true},
		{"allow 0.0.0.0/0\ndefault deny", "1.2.3.4", true},
		{"allow 0.0.0.0/0\ndefault deny", "::1", false},
		/* IPv4 in the form of IPv6 is IPv4, of the client and in the rule */
		{"deny 10.0.0.0/8", "::ffff:10.0.0.1", false},
		{"deny ::ffff:10.0.0.0/104", "10.0.0.1", false},
		{"deny ::/0", "::ffff:10.0.0.1", true},
	};

	for (size_t i = 0; i < COUNT(table); i++)
		check_verdict(table[i].text, table[i].host, table[i].allowed);
}

/* S4 */
TEST(layout, "blanks, comments, empty lines and a missing last newline mean nothing")
{
	static const char *const texts[] = {
		"deny 10.0.0.0/8",
		"  deny\t 10.0.0.0/8 \t\n\n",
		"# who stays out\n\n \t\ndeny 10.0.0.0/8 # the office\n#end",
		"deny 10.0.0.0/8\t#no blank behind it\n# default deny\n",
		"# caf\xc3\xa9 '\x80\xff'\ndeny 10.0.0.0/8",
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		check_verdict(texts[i], "10.0.0.1", false);
		check_verdict(texts[i], "11.0.0.1", true);
	}
}

/* S4 */
TEST(no_ip, "without rules all may come in, and clients of Unix sockets with any")
{
	struct hark__rules *rules = rules_of("default deny\ndeny ::/0");
	struct hark_addr ip = ipv4("192.0.2.1", 1), path = local("/run/x", 6);
	struct hark_addr none = {0};

	CHECK(hark__rules_allow(NULL, &ip));
	CHECK(!hark__rules_allow(rules, &ip));
	CHECK(hark__rules_allow(rules, &path));
	CHECK(hark__rules_allow(rules, &none));
	hark__rules_free(rules);
	hark__rules_free(NULL);
}

/* ------------------------------------------------------------------- against a model */

enum { FEW = 40 };

struct model {
	struct hark_cidr block[FEW];
	bool allow[FEW];
	int count;
	char text[FEW * 64];
};

static bool has_block(const struct model *model, const struct hark_cidr *block)
{
	for (int i = 0; i < model->count; i++)
		if (memcmp(&model->block[i], block, sizeof(*block)) == 0)
			return true;
	return false;
}

/* All addresses have a few bits that differ, so that blocks hold one another. */
static void random_host(char *host, size_t size)
{
	if (rand() % 2)
		(void)snprintf(host, size, "%d.0.%d.%d", rand() % 2 * 128,
			rand() % 2 * 64, rand() % 8);
	else
		(void)snprintf(host, size, "2001:db%d::%d:%x", rand() % 4, rand() % 2,
			rand() % 8);
}

static void add_random(struct model *model)
{
	struct hark_cidr block = {0};
	char host[40], text[60];
	size_t used = strlen(model->text);

	random_host(host, sizeof(host));
	(void)snprintf(text, sizeof(text), "%s/%d", host, rand() % 129);
	if (hark_cidr_parse(&block, text, NULL) < 0 || has_block(model, &block))
		return;
	model->allow[model->count] = rand() % 2;
	(void)snprintf(model->text + used, sizeof(model->text) - used, "%s %s\n",
		model->allow[model->count] ? "allow" : "deny", text);
	model->block[model->count++] = block;
}

static bool model_allows(const struct model *model, const struct hark_addr *peer)
{
	int longest = -1;
	bool allow = true;

	for (int i = 0; i < model->count; i++)
		if (model->block[i].prefix > longest &&
			hark_cidr_match(&model->block[i], peer)) {
			longest = model->block[i].prefix;
			allow = model->allow[i];
		}
	return allow;
}

/* S4 */
TEST(model, "random rules say what a walk through all of their blocks says")
{
	int asked = 0, denied = 0;

	srand(4481);
	for (int round = 0; round < 200; round++) {
		struct model model = {0};
		struct hark__rules *rules;

		for (int i = 0; i < 400 && model.count < FEW; i++)
			add_random(&model);
		rules = rules_of(model.text);
		for (int i = 0; i < 100; i++) {
			char host[40];
			struct hark_addr peer;

			random_host(host, sizeof(host));
			peer = peer_of(host);
			CHECK(hark__rules_allow(rules, &peer) ==
				model_allows(&model, &peer));
			denied += !hark__rules_allow(rules, &peer);
			asked++;
		}
		hark__rules_free(rules);
	}
	CHECK_INT(asked, ==, 20000);
	CHECK_INT(denied, >, 2000);
	CHECK_INT(denied, <, 18000);
}

/* ---------------------------------------------------------------------- what is wrong */

struct line {
	char at[HARK_ERROR_TEXT_MAX];
};

/* What is said of text that must be refused. */
static struct line refusal_n(
	const char *name, const char *text, size_t length, int code)
{
	struct hark__rules *rules =
		(struct hark__rules *)&code; /* must stay as it is */
	struct hark_error err = {0};
	struct line line;

	CHECK_ERR(hark__rules_parse(&rules, name, text, length, &err), code);
	CHECK(rules == (struct hark__rules *)&code);
	CHECK_INT(err.code, ==, code);
	CHECK_INT(err.step, ==, HARK_STEP_RULES);
	CHECK_INT(hark_error_text(&err, line.at, sizeof(line.at)), <, sizeof(line.at));
	CHECK_ERR(hark__rules_parse(&rules, name, text, length, NULL), code);
	return line;
}

static struct line refusal(const char *text)
{
	return refusal_n("/etc/rules", text, strlen(text), -EINVAL);
}

#define NO_RULE                                                          \
	"this is no rule (EINVAL); a rule is \"allow BLOCK\" or \"deny " \
	"BLOCK\", and once \"default allow\" or \"default deny\""

/* S4 E2 N7 */
TEST(no_rules, "a line that is no rule is shown, with its file and number")
{
	static const struct {
		const char *text, *shown;
	} table[] = {
		{"\n#x\npermit 10.0.0.0/8", "3: permit 10.0.0.0/8"},
		{"10.0.0.0/8", "1: 10.0.0.0/8"},
		{"allow", "1: allow"},
		{"deny # 10.0.0.0/8\n", "1: deny # 10.0.0.0/8"},
		{"Deny 10.0.0.0/8", "1: Deny 10.0.0.0/8"},
		{"denyy 10.0.0.0/8", "1: denyy 10.0.0.0/8"},
		{"den 10.0.0.0/8", "1: den 10.0.0.0/8"},
		{"default", "1: default"},
		{"default 10.0.0.0/8", "1: default 10.0.0.0/8"},
		{"allow 10.0.0.0/8\n\xef\xbb\xbf\x61llow ::1",
			"2: \\xef\\xbb\\xbfallow ::1"},
		{"it's # so", "1: it\\x27s # so"},
		{"x y z", "1: x y z"},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		char wanted[512];

		(void)snprintf(wanted, sizeof(wanted),
			"cannot read the rules at '/etc/rules:%s': " NO_RULE,
			table[i].shown);
		CHECK_STR(refusal(table[i].text).at, wanted);
	}
}

/* S4 E2 */
TEST(behind_rule, "what stands behind a rule is refused, not passed over")
{
	static const char *const texts[] = {
		"deny 10.0.0.0/8 ::1",
		"allow ::1 limit=3",
		"default deny all",
		"deny 10.0.0.0/33 x",
		"allow ::1 x#y # z",
	};

	for (size_t i = 0; i < COUNT(texts); i++)
		CHECK_CONTAINS(refusal(texts[i]).at,
			"': something stands behind the rule (EINVAL); write one rule "
			"a line, and a comment behind a blank and a number sign (#)");
	CHECK_CONTAINS(refusal(texts[1]).at, "'/etc/rules:1: allow ::1 limit=3'");
}

/* S4 E2 */
TEST(bad_blocks, "what is wrong with a block is said of the line that it stands in")
{
	static const struct {
		const char *text, *said;
	} table[] = {
		{"deny 10.0.0.1/8", "bits are set behind its prefix (EINVAL); clear"},
		{"deny 10.0.0.0/33", "its prefix length is wrong (EINVAL); 0 to 32"},
		{"deny 10.0.0.0/", "its prefix length is wrong (EINVAL)"},
		{"deny 10.0.0.0/8#x", "its prefix length is wrong (EINVAL)"},
		{"deny ::/129", "its prefix length is wrong (EINVAL)"},
		{"deny 10.0.0", "its host is numeric, but no dotted quad (EINVAL)"},
		{"deny localhost",
			"what it names is not numeric (EINVAL); write addresses as in "
			"192.0.2.1 or 2001:db8::1, blocks as in 10.0.0.0/8"},
		{"deny all", "what it names is not numeric (EINVAL)"},
		{"deny [::1]",
			"it is not an IPv6 address (EINVAL); write it as in ::1 "},
		{"deny fe80::1%lo", "a block has no scope (EINVAL); leave out the "},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		char start[128];
		struct line line = refusal(table[i].text);

		(void)snprintf(start, sizeof(start),
			"cannot read the rules at '/etc/rules:1: %s': ", table[i].text);
		CHECK(strncmp(line.at, start, strlen(start)) == 0);
		CHECK_CONTAINS(line.at, table[i].said);
	}
}

/* S4 E2 */
TEST(twice,
	"two rules on one block, or two defaults, are refused; both lines are named")
{
	static const struct {
		const char *text;
		const char *shown;
		int first;
	} table[] = {
		{"deny 10.0.0.0/8\n\nallow 10.0.0.0/8", "3: allow 10.0.0.0/8", 1},
		{"deny ::1\ndeny ::1/128 # x", "2: deny ::1/128 # x", 1},
		{"\ndeny ::ffff:10.0.0.0/104\ndeny 10.0.0.0/8", "3: deny 10.0.0.0/8",
			2},
		{"default deny\n#\ndefault deny", "3: default deny", 1},
		/* of several the one that stands first, and of three the second */
		{"deny ::1\ndeny ::2\ndeny 10.0.0.0/8\ndeny 10.0.0.0/8\ndeny ::1",
			"4: deny 10.0.0.0/8", 3},
		{"deny ::1\ndeny ::1\ndeny ::1", "2: deny ::1", 1},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		char wanted[256];

		(void)snprintf(wanted, sizeof(wanted),
			"cannot read the rules at '/etc/rules:%s': line %d says it "
			"already (EINVAL); take out one of the two lines",
			table[i].shown, table[i].first);
		CHECK_STR(refusal(table[i].text).at, wanted);
	}
}

/* S4 N7 */
TEST(control_bytes, "NUL and control bytes are refused in rules and in comments")
{
	for (int byte = 0; byte < 256; byte++) {
		char rule[] = "deny ::1\n# ?";
		struct hark__rules *rules = NULL;

		rule[sizeof(rule) - 2] = (char)byte;
		if (byte == '\t' || byte == '\n' || (byte >= ' ' && byte != 0x7f)) {
			CHECK_OK(hark__rules_parse(
				&rules, "x", rule, sizeof(rule) - 1, NULL));
			hark__rules_free(rules);
			continue;
		}
		CHECK_CONTAINS(refusal_n("x", rule, sizeof(rule) - 1, -EINVAL).at,
			"': there is a control byte in the line (EINVAL); take it out");
	}
	CHECK_CONTAINS(refusal("deny ::1\r\n").at, "'/etc/rules:1: deny ::1\\x0d'");
	CHECK_CONTAINS(
		refusal_n("x", "deny\0::1", 8, -EINVAL).at, "'x:1: deny\\x00::1'");
}

/* S4 N7 */
TEST(long_lines,
	"a line has 1,024 bytes at most, and of a longer one the start is shown")
{
	char text[1100];
	struct hark__rules *rules;
	struct line line;

	memset(text, 'x', sizeof(text));
	text[0] = '#';
	text[1024] = '\n';
	CHECK_OK(hark__rules_parse(&rules, "x", text, 1025, NULL));
	hark__rules_free(rules);
	text[1024] = 'x';
	line = refusal_n("x", text, 1025, -EINVAL);
	CHECK_CONTAINS(line.at, "cannot read the rules at 'x:1: #xxxxxxx");
	CHECK_CONTAINS(line.at, "': the line is longer than 1024 bytes (EINVAL); ");
	memcpy(text, "deny ", 5); /* the longest block that is looked at is shorter */
	CHECK_CONTAINS(refusal_n("x", text, 1024, -ENAMETOOLONG).at,
		"': longer than 512 bytes (ENAMETOOLONG)");
}

/* S4 E2 N7 */
TEST(long_names, "of a long path the end is shown, so that line and number are, too")
{
	char name[3000];

	memset(name, 'd', sizeof(name));
	memcpy(name + sizeof(name) - 12, "/hosts.rules", 12);
	name[sizeof(name) - 1] = '\0';
	CHECK_CONTAINS(refusal_n(name, "\nno", 3, -EINVAL).at,
		"ddd/hosts.rule:2: no': this is no rule");
	CHECK_CONTAINS(refusal_n(name, "\nno", 3, -EINVAL).at, "at '...ddd");
}

/* -------------------------------------------------------------------------- many rules */

static size_t write_many(char *text, int count)
{
	size_t used = 0;

	for (int i = 0; i < count; i++)
		used += (size_t)sprintf(text + used, "%s 10.%d.%d.%d\n",
			i % 3 ? "deny" : "allow", i >> 16, i >> 8 & 255, i & 255);
	return used;
}

/* S4 N7 */
TEST(many, "100,000 rules are read and each is found; one more is refused",
	.timeout_s = 60)
{
	enum { MOST = HARK__RULES_MOST };
	char *text = malloc((MOST + 1) * 24);
	struct hark__rules *rules = NULL;
	size_t length;

	CHECK(text != NULL);
	length = write_many(text, MOST);
	CHECK_OK(hark__rules_parse(&rules, "many", text, length, NULL));
	for (int i = 0; i < MOST + 1000; i++) {
		struct hark_addr peer = ipv4("10.0.0.0", 1);

		peer.u.in.sin_addr.s_addr = htonl((uint32_t)(10 << 24 | i));
		CHECK(hark__rules_allow(rules, &peer) == (i >= MOST || i % 3 == 0));
	}
	hark__rules_free(rules);
	length = write_many(text, MOST + 1);
	CHECK_STR(refusal_n("many", text, length, -E2BIG).at,
		"cannot read the rules at 'many:100001: deny 10.1.134.160': there are "
		"more than 100000 rules (E2BIG); write larger blocks in place of small "
		"ones");
	free(text);
}

/* S4 */
TEST(all_prefixes, "every prefix length of both families at once: the longest holds")
{
	struct hark__rules *rules;
	char text[8192];
	size_t used = 0;

	for (int i = 0; i <= 32; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
			"%s 0.0.0.0/%d\n", i % 2 ? "deny" : "allow", i);
	for (int i = 0; i <= 128; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s ::/%d\n",
			i % 2 ? "deny" : "allow", i);
	rules = rules_of(text);
	for (int bit = 0; bit < 32; bit++) { /* the first bit that is set */
		struct hark_addr peer = ipv4("0.0.0.0", 1);

		peer.u.in.sin_addr.s_addr = htonl(UINT32_C(0x80000000) >> bit);
		CHECK(hark__rules_allow(rules, &peer) == (bit % 2 == 0));
	}
	for (int bit = 0; bit < 128; bit++) {
		struct hark_addr peer = ipv6("::", 1);

		if (bit >= 80 && bit < 96) /* it would be near to the mapped ones */
			continue;
		peer.u.in6.sin6_addr.s6_addr[bit / 8] = (uint8_t)(0x80 >> bit % 8);
		CHECK(hark__rules_allow(rules, &peer) == (bit % 2 == 0));
	}
	hark__rules_free(rules);
}

/* ------------------------------------------------------------------------------ files */

struct path {
	char at[256];
};

static struct path path_of(const char *name)
{
	struct path path;

	(void)snprintf(path.at, sizeof(path.at), "%s/%s", temp_directory(), name);
	return path;
}

static struct path file_with(const void *bytes, size_t length)
{
	struct path path = path_of("rules");
	FILE *file = fopen(path.at, "wb");

	CHECK(file != NULL);
	CHECK_INT(fwrite(bytes, 1, length, file), ==, length);
	CHECK_INT(fclose(file), ==, 0);
	return path;
}

/* How it ends, and what is said of it behind the path. */
static struct line unreadable(struct path path, int code)
{
	struct hark__rules *rules =
		(struct hark__rules *)&code; /* must stay as it is */
	struct hark_error err = {0};
	struct line line, rest;
	char start[300];

	CHECK_ERR(hark__rules_read(&rules, path.at, &err), code);
	CHECK(rules == (struct hark__rules *)&code);
	CHECK_INT(err.step, ==, HARK_STEP_RULES);
	(void)hark_error_text(&err, line.at, sizeof(line.at)); /* it fits */
	(void)snprintf(start, sizeof(start), "cannot read the rules at '%s", path.at);
	CHECK(strncmp(line.at, start, strlen(start)) == 0);
	(void)snprintf(rest.at, sizeof(rest.at), "%s", line.at + strlen(start));
	return rest;
}

/* S4 */
TEST(reads_file, "a file is read to its end")
{
	static const char text[] = "default deny\nallow 127.0.0.0/8\n";
	struct path path = file_with(text, sizeof(text) - 1);
	struct hark_addr near = ipv4("127.0.0.1", 1), far = ipv4("192.0.2.1", 1);
	struct hark__rules *rules = NULL;

	CHECK_OK(hark__rules_read(&rules, path.at, NULL));
	CHECK(hark__rules_allow(rules, &near));
	CHECK(!hark__rules_allow(rules, &far));
	hark__rules_free(rules);
	path = file_with("", 0);
	CHECK_OK(hark__rules_read(&rules, path.at, NULL));
	CHECK(hark__rules_allow(rules, &far));
	hark__rules_free(rules);
}

/* S4 E2 */
TEST(mistake_in_file, "a mistake in a file is shown with the file's name")
{
	CHECK_STR(unreadable(file_with("\ndeny 10.0.0.0/33\n", 18), -EINVAL).at,
		":2: deny 10.0.0.0/33': its prefix length is wrong (EINVAL); 0 to 32 "
		"for IPv4, 0 to 128 for IPv6, in decimal digits");
}

/* S4 N7 */
TEST(no_files, "what is no regular file is refused, and not waited for")
{
	struct path fifo = path_of("fifo"), directory = path_of("directory");

	CHECK_SYS(mkfifo(fifo.at, 0600));
	CHECK_SYS(mkdir(directory.at, 0700));
	CHECK_STR(unreadable(fifo, -EINVAL).at,
		"': it is not a regular file (EINVAL); name a regular file");
	CHECK_CONTAINS(unreadable(directory, -EISDIR).at, "it is not a regular file");
	CHECK_CONTAINS(unreadable((struct path){"/dev/null"}, -EINVAL).at,
		"it is not a regular file");
	CHECK_CONTAINS(unreadable(path_of("absent"), -ENOENT).at,
		"': no such file or directory (ENOENT); correct the name, or create");
}

/* S4 N7 */
TEST(big_files, "a file of 8 MiB is read, and one of a byte more refused",
	.timeout_s = 60)
{
	enum { MOST = HARK__RULES_FILE_BYTES };
	char *text = malloc(MOST + 1);
	struct hark__rules *rules = NULL;

	CHECK(text != NULL);
	memset(text, '\n', MOST + 1);
	CHECK_OK(hark__rules_read(&rules, file_with(text, MOST).at, NULL));
	hark__rules_free(rules);
	CHECK_STR(unreadable(file_with(text, MOST + 1), -EFBIG).at,
		"': the file is longer than 8388608 bytes (EFBIG); check that it is "
		"the right one, or write larger blocks");
	free(text);
}

/* S4 E1 */
TEST(failing_calls, "a call that fails is told, and nothing is left open")
{
	struct path path = file_with("default deny\n", 13);
	struct hark__rules *rules = NULL;

	let_fail(HARK__CALL_OPEN, 1, -EACCES);
	CHECK_CONTAINS(unreadable(path, -EACCES).at, "': permission denied (EACCES); ");
	let_fail(HARK__CALL_FSTAT, 1, -EIO);
	CHECK_CONTAINS(unreadable(path, -EIO).at, "(EIO); ");
	for (int nth = 1; nth <= 2; nth++) {
		let_fail(HARK__CALL_READ, nth, -EIO);
		CHECK_CONTAINS(unreadable(path, -EIO).at, "(EIO); ");
		let_fail(HARK__CALL_READ, nth, -EINTR);
		CHECK_OK(hark__rules_read(&rules, path.at, NULL));
		hark__rules_free(rules);
	}
	let_fail(HARK__CALL_CLOSE, 1, -EIO);
	CHECK_OK(hark__rules_read(&rules, path.at, NULL));
	hark__rules_free(rules);
}
