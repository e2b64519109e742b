/* SPDX-License-Identifier: MIT
 *
 * The parts of the command that can be tried alone: options by a table, what they mean
 * together, the environment that programs inherit, what ident answers.
 *
 * Not here: the command as a whole (sh/), its start with faults (test_command_start.c).
 */
#include "harness.h"

#include "check.h"
#include "lookup.h"
#include "proxy.h"
#include "serve_options.h"
#include "variables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---------------------------------------------------------------------------- options */

/* K7 */
TEST(distance,
	"the distance of two words counts letters changed, added, left out, swapped")
{
	CHECK_INT(options_distance("echo", "echo"), ==, 0);
	CHECK_INT(options_distance("ehco", "echo"), ==, 1);
	CHECK_INT(options_distance("eco", "echo"), ==, 1);
	CHECK_INT(options_distance("eccho", "echo"), ==, 1);
	CHECK_INT(options_distance("exho", "echo"), ==, 1);
	CHECK_INT(options_distance("", "echo"), ==, 4);
	CHECK_INT(options_distance("abcd", "wxyz"), ==, 4);
	CHECK_INT(options_distance("xonnections", "connections"), ==, 1);
}

/* K7 E4: a word of any length is answered */
TEST(nearest, "the nearest option is found, and none where none is near")
{
	char longest[1000];

	CHECK_STR(options_nearest(&serve_table, "xonnection"), "connections");
	CHECK_STR(options_nearest(&serve_table, "user"), "user");
	CHECK_STR(options_nearest(&serve_table, "backlock"), "backlog");
	CHECK(options_nearest(&serve_table, "frobnicate") == NULL);
	CHECK(options_nearest(&serve_table, "") == NULL);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	CHECK(options_nearest(&serve_table, longest) == NULL);
}

static int parse(struct serve_options *options, const char *line)
{
	static char text[512];
	static char *argv[32], name[] = "serve";
	int argc = 1;

	*options = (struct serve_options)SERVE_OPTIONS_DEFAULT;
	(void)snprintf(text, sizeof(text), "%s", line);
	argv[0] = name;
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	return options_parse(&serve_table, argc, argv, options);
}

/* K7 */
TEST(values, "each kind of option takes its value, before and behind the addresses")
{
	struct serve_options options;

	CHECK_INT(parse(&options, "-c 7 0 --backlog=12 -e A=1 --env B=2 -1vw"), ==, 1);
	CHECK_INT(options.connections, ==, 7);
	CHECK_INT(options.backlog, ==, 12);
	CHECK_INT(options.set.count, ==, 2);
	CHECK_STR(options.set.text[1], "B=2");
	CHECK(options.print_port && options.verbose && options.wait);
	CHECK(!options.quiet);
	CHECK_INT(options.notify_fd, ==, -1);
	CHECK_INT(parse(&options, "--echo --echo 0"), ==, 1);
	CHECK_INT(options.service, ==, SERVICE_ECHO);
}

/* K7 E4 */
TEST(refused, "what is wrong is refused with exit code 100")
{
	static const char *const lines[] = {"-c 0", "-c 1000001", "-c -1", "-c 0x10",
		"-c 99999999999999999999", "-c", "--backlog", "-b ''", "--echo=1", "-Z",
		"--frob", "--echo --discard", "-vZ", "--b"};
	struct serve_options options;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		CHECK_INT(parse(&options, lines[i]), ==, ~100);
}

/* N7 */
TEST(list_bounded, "an option that may be repeated may not be for ever")
{
	static char *argv[2 * OPTION_LIST_MAX + 4];
	static char name[] = "serve", option[] = "-e", item[] = "A=1", more[] = "-eB=1";
	struct serve_options options = SERVE_OPTIONS_DEFAULT;
	int argc = 0;

	argv[argc++] = name;
	for (int i = 0; i < OPTION_LIST_MAX; i++) {
		argv[argc++] = option;
		argv[argc++] = item;
	}
	CHECK_INT(options_parse(&serve_table, argc, argv, &options), ==, 0);
	argv[argc++] = more;
	options = (struct serve_options)SERVE_OPTIONS_DEFAULT;
	CHECK_INT(options_parse(&serve_table, argc, argv, &options), ==, ~100);
}

/* --------------------------------------------------------------------------- together */

/* As the whole command line would be, with an address, for --echo or for a program. */
static int check(const char *line, bool program)
{
	static char address[] = "127.0.0.1:0", word[] = "cat";
	static char *addresses[] = {address, NULL}, *argv[] = {word, NULL};
	struct words words = {.addresses = addresses,
		.address_count = 1,
		.program = argv,
		.program_count = program};
	struct serve_options options;

	CHECK_INT(parse(&options, line), ==, 0);
	if (!program && !options.proxy)
		options.service = SERVICE_ECHO;
	return check_words(&options, &words);
}

/* K2 S1 S4 */
TEST(values_of_words, "options that are words are read as what they mean")
{
	struct serve_options options;
	struct words words = {
		.addresses = (char *[]){(char[]){"0"}, NULL}, .address_count = 1};

	CHECK_INT(parse(&options, "--echo --model pool --rate 10/60 --overload refuse "
				  "--drain 0"),
		==, 0);
	CHECK_INT(check_words(&options, &words), ==, 0);
	CHECK_INT(options.model, ==, HARK_MODEL_POOL);
	CHECK_INT(options.rate_count, ==, 10);
	CHECK_INT(options.rate_ms, ==, 60000);
	CHECK_INT(options.overload, ==, OVERLOAD_REFUSE);
	CHECK_INT(options.drain_s, ==, 0);
	CHECK_INT(parse(&options, "--echo --rate 1000000"), ==, 0);
	CHECK_INT(check_words(&options, &words), ==, 0);
	CHECK_INT(options.model, ==, 0);
	CHECK_INT(options.rate_count, ==, 1000000);
	CHECK_INT(options.rate_ms, ==, 1000);
	CHECK_INT(options.overload, ==, OVERLOAD_WAIT);
	CHECK_INT(options.drain_s, ==, -1);
}

/* K7 E4 N7 */
TEST(words_refused, "words that mean nothing, or nothing together, are refused")
{
	static const char *const with_echo[] = {"--model spawn", "--model threads",
		"--model fiber", "--rate 0", "--rate 1/0", "--rate 1000001",
		"--rate 1/", "--rate /1", "--rate 1/86401", "--rate -1", "--rate 1x",
		"--rate 1/1/1", "--rate 99999999999", "--overload", "--overload reset",
		"--threads 4", "--threads 4 --model fork", "--recycle 5", "--wait",
		"--banner x", "--refusal x", "--refusal x --rate 1", "-c 30001"};
	static const char *const with_program[] = {"--model thread", "--model pool",
		"--threads 4", "--timeout 5", "--wait --drain 5", "--recycle 5",
		"-q -v"};
	struct serve_options options;

	for (size_t i = 0; i < sizeof(with_echo) / sizeof(with_echo[0]); i++) {
		if (parse(&options, with_echo[i]) < 0)
			continue; /* refused even before */
		CHECK_INT(check(with_echo[i], false), ==, 100);
	}
	for (size_t i = 0; i < sizeof(with_program) / sizeof(with_program[0]); i++)
		CHECK_INT(check(with_program[i], true), ==, 100);
	CHECK_INT(
		check("--model spawn --workers 2 --recycle 5 --drain 5", true), ==, 0);
	CHECK_INT(check("--overload refuse --refusal x", true), ==, 0);
	CHECK_INT(check("--per-prefix 3 --refusal x", true), ==, 0);
	CHECK_INT(check("--proxy 127.0.0.1:1 --timeout 5", false), ==, 0);
}

/* K1: what the address of a proxy may be; the name is not looked up yet */
TEST(proxy_addresses, "a proxy's address is one to go to")
{
	static const char *const good[] = {"127.0.0.1:1", "[::1]:1", "4481", "*:4481",
		"localhost:http", "no-such-host.invalid:1", "unix:/x", "unix:@x"};
	static const char *const bad[] = {"", "fd:3", "activation", "127.0.0.1:0", "0",
		"127.0.0.1", "127.0.0.1:65536", "unix:", "localhost:"};
	struct proxy proxy;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK_INT(proxy_read(&proxy, good[i]), ==, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_INT(proxy_read(&proxy, bad[i]), ==, 100);
}

/* ------------------------------------------------------------------------ environment */

static const char *value(char *const *envp, const char *name)
{
	size_t length = strlen(name);

	for (; *envp; envp++)
		if (!strncmp(*envp, name, length) && (*envp)[length] == '=')
			return *envp + length + 1;
	return "";
}

/* K2 */
TEST(variables, "programs inherit what we have, or PATH alone, and what --env sets")
{
	char *own[] = {
		(char[]){"PATH=/bin"}, (char[]){"A=old"}, (char[]){"C=kept"}, NULL};
	struct option_list set = {.count = 3, .text = {"A=new", "B=added", "B=again"}};
	char **envp = variables_make(own, false, &set);

	CHECK(envp != NULL);
	CHECK_STR(value(envp, "PATH"), "/bin");
	CHECK_STR(value(envp, "A"), "new");
	CHECK_STR(value(envp, "B"), "again");
	CHECK_STR(value(envp, "C"), "kept");
	CHECK(envp[4] == NULL);
	free(envp);
	envp = variables_make(own, true, &set);
	CHECK(envp != NULL);
	CHECK_STR(envp[0], "PATH=/bin");
	CHECK_STR(value(envp, "A"), "new");
	CHECK(envp[3] == NULL);
	free(envp);
}

/* ------------------------------------------------------------------------------ ident */

static const char *ident(const char *answer)
{
	static char user[16];

	user[0] = '\0';
	return lookup_read_ident(answer, strlen(answer), 6193, 23, user, sizeof(user))
		       ? user
		       : NULL;
}

/* K1: RFC 1413 */
TEST(ident, "the answers of ident are read as the RFC has them, and not otherwise")
{
	CHECK_STR(ident("6193, 23 : USERID : UNIX : stjohns\r\n"), "stjohns");
	CHECK_STR(ident("6193,23:USERID:OTHER:x y:z\r\n"), "x y:z");
	CHECK_STR(ident("6193 , 23 : USERID : UNIX : a\x01\xff\r\n"), "a??");
	CHECK_STR(ident("6193, 23 : USERID : UNIX : abcdefghijklmnopqrstuvwxyz"),
		"abcdefghijklmno");
	CHECK(!ident("6193, 23 : ERROR : NO-USER\r\n"));
	CHECK(!ident("6193, 24 : USERID : UNIX : stjohns\r\n"));
	CHECK(!ident("6192, 23 : USERID : UNIX : stjohns\r\n"));
	CHECK(!ident("6193, 23 : USERID : UNIX\r\n"));
	CHECK(!ident("6193, 23 : USERID : UNIX :\r\n"));
	CHECK(!ident("-6193, 23 : USERID : UNIX : x\r\n"));
	CHECK(!ident("\r\n6193, 23 : USERID : UNIX : stjohns\r\n"));
	CHECK(!ident(""));
}
