/* SPDX-License-Identifier: MIT
 *
 * Hints on the text of addresses and on names (hints.h): parse, resolve.  Floor 1.
 */
#include "base/hints.h"

#include <errno.h>
#include <netdb.h>

#define PARSE   .step = HARK_STEP_PARSE
#define RESOLVE .step = HARK_STEP_RESOLVE

const struct hark__hint hark__hints_address[] = {
	{PARSE, .remedy = "write a port, host:port, [ipv6]:port or unix:/path",
		.more = "The forms of an address are in hark(7)."},
	{PARSE, .cause = HARK_CAUSE_EMPTY, .words = "there is nothing in it",
		.remedy = "write a port, host:port, [ipv6]:port or unix:/path",
		.more = "Mostly a variable that is not set."},
	{PARSE, .cause = HARK_CAUSE_EMPTY, .when = HARK__WHEN_UNIX_TEXT,
		.words = "there is neither path nor name in it",
		.remedy = "write a path, as in unix:/run/hark.sock, or an abstract "
			  "name, as in unix:@hark",
		.more = "A Unix address that is empty lets the kernel choose a name "
			"that no client knows (unix(7), autobind)."},
	{PARSE, .cause = HARK_CAUSE_EMPTY, .when = HARK__WHEN_ACTIVATION_TEXT,
		.words = "there is no name in it",
		.remedy = "write the name of a socket that was passed, as in "
			  "activation:web, or activation alone for all of them",
		.more = "The names are those of FileDescriptorName= in socket units of "
			"systemd (LISTEN_FDNAMES)."},
	{PARSE, .cause = HARK_CAUSE_TOO_LONG, .words = "longer than {limit} bytes",
		.remedy = "use a shorter one",
		.more = "A Unix path has 107 bytes in Linux: put the socket into a "
			"directory with a short path, such as one below /run. A host "
			"name has 253 bytes (RFC 1035), a service name 63."},
	{PARSE, .cause = HARK_CAUSE_CONTROL_BYTE,
		.words = "there is a control byte in it",
		.remedy = "take out the newline, tab or NUL (shown as \\xNN)",
		.more = "Such a byte mostly comes from a file or a variable that was "
			"read with its newline. No host, port or path that people type "
			"has one, and in a log it would forge lines."},
	{PARSE, .cause = HARK_CAUSE_NO_PORT, .words = "it has no port",
		.remedy = "add one, as in localhost:4481 or [::1]:4481",
		.more = "A host alone is no address of a socket. Port 0 lets the "
			"kernel choose a free one."},
	{PARSE, .cause = HARK_CAUSE_PORT_NOT_DECIMAL,
		.words = "the port is not a decimal number",
		.remedy = "write digits only, as in 4481, or the name of a service",
		.more = "No sign, no space, no hexadecimal. A service name begins with "
			"a letter and has letters, digits and hyphens; /etc/services "
			"lists them."},
	{PARSE, .cause = HARK_CAUSE_PORT_RANGE, .words = "the port is out of range",
		.remedy = "ports are 0 to 65535",
		.more = "A port has 16 bits. C libraries differ on larger numbers: "
			"some wrap them round without a word, 70000 to 4464, so hark "
			"reads ports itself."},
	{PARSE, .cause = HARK_CAUSE_NOT_DOTTED_QUAD,
		.words = "its host is numeric, but no dotted quad",
		.remedy = "write four numbers from 0 to 255 without leading zeros, as "
			  "in 127.0.0.1",
		.more = "Octal, hexadecimal and short forms (010.0.0.1, 0x7f.1, 127.1) "
			"are refused: programs disagree on what they mean, and a rule "
			"that one reads otherwise than another lets people through."},
	{PARSE, .cause = HARK_CAUSE_BAD_IPV6,
		.words = "its host is not an IPv6 address",
		.remedy = "write it as in [::1]:4481 or [2001:db8::1]:4481",
		.more = "Eight groups of up to four hexadecimal digits, one run of "
			"zeros as a double colon (RFC 4291 section 2.2)."},
	{PARSE, .cause = HARK_CAUSE_NEEDS_BRACKETS,
		.words = "an IPv6 address needs brackets here",
		.remedy = "put them around it, as in [::1]:4481",
		.more = "Without brackets nobody can tell the last group from the "
			"port."},
	{PARSE, .cause = HARK_CAUSE_BAD_SCOPE, .code = EINVAL,
		.words = "a link-local address needs its interface, others have none",
		.remedy = "write it as in [fe80::1%eth0]:4481",
		.more = "Addresses of fe80::/10 mean something on one link only; an "
			"interface after the percent sign says on which (RFC 4007)."},
	{PARSE, .cause = HARK_CAUSE_BAD_SCOPE, .code = ENODEV,
		.words = "its scope is no interface of this host",
		.remedy = "`ip link` lists the interfaces",
		.more = "What stands after the percent sign is the name or the number "
			"of an interface in this network namespace."},
	{PARSE, .cause = HARK_CAUSE_BAD_HOST, .words = "its host cannot be a host name",
		.remedy = "use letters, digits, hyphens and dots; labels have 1 to 63 "
			  "bytes",
		.more = "RFC 1123 section 2.1. Underscores are let pass, as people use "
			"them. An international name is written in its xn-- form."},
	{PARSE, .cause = HARK_CAUSE_BAD_DESCRIPTOR,
		.words = "what stands after fd: is no descriptor's number",
		.remedy = "write it in decimal digits, as in fd:3",
		.more = "It names a listening socket that this process inherited."},
	{PARSE, .cause = HARK_CAUSE_BAD_PREFIX, .words = "its prefix length is wrong",
		.remedy = "0 to 32 for IPv4, 0 to 128 for IPv6, in decimal digits",
		.more = "The number after the slash says how many leading bits count."},
	{PARSE, .cause = HARK_CAUSE_HOST_BITS,
		.words = "bits are set behind its prefix",
		.remedy = "clear them, or write a longer prefix (or none, for one "
			  "address)",
		.more = "10.0.0.1/8 may be meant as 10.0.0.0/8 or as 10.0.0.1/32. In "
			"an access rule the difference matters, so hark does not "
			"guess."},
	{PARSE, .cause = HARK_CAUSE_NOT_ONE_ADDRESS,
		.words = "one numeric address is wanted here",
		.remedy = "write it as in 127.0.0.1:4481, [::1]:4481 or unix:/path; a "
			  "block "
			  "as in 10.0.0.0/8",
		.more = "Names and forms that mean several addresses must be resolved "
			"first: hark_endpoint_resolve."},
	{PARSE, .cause = HARK_CAUSE_NOT_TCP, .words = "a TCP address is wanted here",
		.remedy = "write a port, host:port or [ipv6]:port",
		.more = "Unix addresses, descriptors and activation have calls of "
			"their own; hark_listener_set_add takes every form."},
	{PARSE, .cause = HARK_CAUSE_NO_SUCH_NAME,
		.words = "no socket can have that name",
		.remedy = "leave out the colon, and what is not ASCII",
		.more = "What stands after activation: is a FileDescriptorName= of "
			"systemd (systemd.socket(5)), which allows neither: in "
			"LISTEN_FDNAMES colons stand between the names."},
	{PARSE, .cause = HARK_CAUSE_NOT_UNIX, .words = "a Unix address is wanted here",
		.remedy = "write it as in unix:/run/hark.sock or unix:@name",
		.more = "unix:/path is a file, unix:@name an abstract name (unix(7))."},
	{PARSE, .code = ENODEV, .words = "its scope is no interface of this host",
		.remedy = "`ip link` lists the interfaces",
		.more = "As HARK_CAUSE_BAD_SCOPE."},

	{RESOLVE,
		.remedy = "check the spelling, and that this host can resolve other "
			  "names",
		.more = "getent ahosts NAME asks the same resolver."},
	{RESOLVE, .cause = HARK_CAUSE_TOO_MANY,
		.words = "it means more addresses than the {limit} that fit",
		.remedy = "name fewer, or one of them by number",
		.more = "A name may have any number of addresses. Choosing some in "
			"silence would leave clients of the others without a server."},
	{RESOLVE, .resolver_code = EAI_NONAME, .words = "no such host",
		.remedy = "check the spelling, /etc/hosts and the name servers in "
			  "/etc/resolv.conf",
		.more = "The resolver was asked and says that the name does not exist. "
			"A name without a dot is also tried with the search domains."},
	{RESOLVE, .resolver_code = EAI_NODATA,
		.words = "the host has neither an IPv4 nor an IPv6 address",
		.remedy = "check the records of that name (A, AAAA)",
		.more = "The name exists, but for other purposes, such as mail."},
	{RESOLVE, .resolver_code = EAI_ADDRFAMILY,
		.words = "the host has no address of the family that was asked for",
		.remedy = "check the records of that name (A, AAAA)",
		.more = "Most hosts have IPv4, many have no IPv6."},
	{RESOLVE, .resolver_code = EAI_AGAIN,
		.words = "no name server answered in time",
		.remedy = "try again; if it stays so, check the network and "
			  "/etc/resolv.conf",
		.more = "Whether the name exists is not known. At boot it may be too "
			"early: order the service after the network, or listen on "
			"numeric addresses, which need no resolver."},
	{RESOLVE, .resolver_code = EAI_FAIL, .words = "the name server failed for good",
		.remedy = "ask another one (/etc/resolv.conf), or whoever runs the "
			  "domain",
		.more = "A server answered, but refused, or its data is broken; DNSSEC "
			"validation that fails looks like this too."},
	{RESOLVE, .resolver_code = EAI_SERVICE, .words = "no such service",
		.remedy = "write the port as a number, or add it to /etc/services",
		.more = "What stands after the colon is a name, and no TCP service has "
			"it. Small systems have no /etc/services at all."},
	{RESOLVE, .resolver_code = EAI_MEMORY, .words = "the resolver is out of memory",
		.remedy = "try again when memory is free",
		.more = "The resolver is the only thing under hark's life cycle that "
			"allocates."},
	{RESOLVE, .resolver_code = EAI_SYSTEM,
		.words = "the resolver met a system error: {errno}",
		.remedy = "check that /etc/hosts, /etc/resolv.conf and /etc/services "
			  "can be read",
		.more = "The second name in parentheses is the errno. EMFILE means "
			"that the resolver had no descriptor to ask with."},
	{RESOLVE, .resolver_code = EAI_IDN_ENCODE,
		.words = "the name cannot be encoded for the name servers",
		.remedy = "write an international name in its xn-- form",
		.more = "How names beyond ASCII are encoded depends on the C library "
			"and the locale."},
	{RESOLVE, .resolver_code = EAI_OVERFLOW, .words = "a name is too long",
		.remedy = "use a shorter one",
		.more = "Host names have at most 253 bytes."},
	{RESOLVE, .resolver_code = EAI_FAMILY,
		.words = "the resolver does not know the address family",
		.remedy = "use a numeric address",
		.more = "hark asks for both families at once, so this points to a C "
			"library without IPv6."},
	{RESOLVE, .resolver_code = EAI_SOCKTYPE,
		.words = "the resolver does not know stream sockets",
		.remedy = "use a numeric address and port",
		.more = "hark asks for stream sockets only; a C library that refuses "
			"them is broken."},
	{RESOLVE, .resolver_code = EAI_BADFLAGS,
		.words = "the resolver does not know a flag",
		.remedy = "use a numeric address",
		.more = "hark uses none but those of POSIX; a C library that refuses "
			"them is broken."},
	{RESOLVE, .resolver_code = EAI_INTR, .words = "the resolver was interrupted",
		.remedy = "try again", .more = "By a signal."},
	{RESOLVE, .resolver_code = EAI_INPROGRESS,
		.words = "the resolver is at it still", .remedy = "try again",
		.more = "Of the asynchronous resolver only."},
	{RESOLVE, .resolver_code = EAI_CANCELED, .words = "the question was cancelled",
		.remedy = "try again", .more = "Of the asynchronous resolver only."},
	{RESOLVE, .resolver_code = EAI_NOTCANCELED,
		.words = "the question could not be cancelled", .remedy = "try again",
		.more = "Of the asynchronous resolver only."},
	{RESOLVE, .resolver_code = EAI_ALLDONE, .words = "all questions were answered",
		.remedy = "ask again", .more = "Of the asynchronous resolver only."},
	{RESOLVE, .code = ENOENT, .words = "no such host or service",
		.remedy = "check the spelling, /etc/hosts and the name servers in "
			  "/etc/resolv.conf",
		.more = "The resolver's own code, where there is one, says which."},
	{RESOLVE, .code = EAGAIN, .words = "no name server answered in time",
		.remedy = "try again; if it stays so, check the network and "
			  "/etc/resolv.conf",
		.more = "As EAI_AGAIN."},
	{.remedy = NULL},
};
