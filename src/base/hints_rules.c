/* SPDX-License-Identifier: MIT
 *
 * Hints on the rules of who may come in (hints.h).  What is wrong with a block is mostly
 * told in the words of hints_address.c.  Floor 1.
 */
#include "base/hints.h"

#include <errno.h>

#define RULES .step = HARK_STEP_RULES

const struct hark__hint hark__hints_rules[] = {
	{RULES, .remedy = "check the file; hark_rules(5) tells what is in it",
		.more = "A server that cannot read its rules does not start; one that "
			"runs already keeps those that it has."},
	{RULES, .code = ENOENT,
		.remedy = "correct the name, or create the file: an empty one lets "
			  "everybody in",
		.more = "A relative name is looked for where the server was started."},
	{RULES, .code = ENXIO, .words = "it is a socket, not a file",
		.remedy = "name a regular file",
		.more = "Or a device that is not there."},
	{RULES, .cause = HARK_CAUSE_NOT_A_FILE, .words = "it is not a regular file",
		.remedy = "name a regular file",
		.more = "A FIFO would be waited for until somebody wrote to it, and "
			"meanwhile nobody would be served."},
	{RULES, .cause = HARK_CAUSE_FILE_TOO_LONG,
		.words = "the file is longer than {limit} bytes",
		.remedy = "check that it is the right one, or write larger blocks",
		.more = "So that no file can take all memory."},
	{RULES, .cause = HARK_CAUSE_TOO_MANY,
		.words = "there are more than {limit} rules",
		.remedy = "write larger blocks in place of small ones",
		.more = "Whole lists of addresses are for the packet filter (nft(8)), "
			"which drops clients before they are connected."},
	{RULES, .cause = HARK_CAUSE_LINE_TOO_LONG,
		.words = "the line is longer than {limit} bytes",
		.remedy = "break a long comment into lines; a rule has a line of its "
			  "own",
		.more = "Often it is another kind of file."},
	{RULES, .cause = HARK_CAUSE_CONTROL_BYTE,
		.words = "there is a control byte in the line",
		.remedy = "take it out (shown as \\xNN); a line ends with a newline "
			  "alone, without a carriage return",
		.more = "Only newlines and tabs are allowed. A carriage return (\\x0d) "
			"comes from editors of other systems."},
	{RULES, .cause = HARK_CAUSE_BAD_RULE, .words = "this is no rule",
		.remedy = "a rule is \"allow BLOCK\" or \"deny BLOCK\", and once "
			  "\"default allow\" or \"default deny\"",
		.more = "In lower case; a comment begins with a number sign (#). A "
			"line that was passed over might be the one that was to keep "
			"somebody out."},
	{RULES, .cause = HARK_CAUSE_BEHIND_RULE,
		.words = "something stands behind the rule",
		.remedy = "write one rule a line, and a comment behind a blank and a "
			  "number sign (#)",
		.more = "Settings of a rule may come to stand there. A library that "
			"does not know them must not pass over them."},
	{RULES, .cause = HARK_CAUSE_RULE_TWICE, .words = "line {limit} says it already",
		.remedy = "take out one of the two lines",
		.more = "The order of lines means nothing, so of two lines on the same "
			"block, or of two defaults, neither can be the last word."},
	{RULES, .cause = HARK_CAUSE_NOT_ONE_ADDRESS,
		.words = "what it names is not numeric",
		.remedy = "write addresses as in 192.0.2.1 or 2001:db8::1, blocks as "
			  "in 10.0.0.0/8",
		.more = "Names are not looked up: the answer may change, and comes "
			"from whoever runs the name servers of the client."},
	{RULES, .cause = HARK_CAUSE_BAD_IPV6, .words = "it is not an IPv6 address",
		.remedy = "write it as in ::1 or 2001:db8::/32, without brackets",
		.more = "Eight groups of up to four hexadecimal digits, one run of "
			"zeros as a double colon (RFC 4291 section 2.2)."},
	{RULES, .cause = HARK_CAUSE_BAD_SCOPE, .code = EINVAL,
		.words = "a block has no scope",
		.remedy = "leave out the percent sign and the interface",
		.more = "A block holds on every link; fe80::/10 is all link-local "
			"addresses of all of them."},
	{.remedy = NULL},
};
