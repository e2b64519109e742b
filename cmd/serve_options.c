/* SPDX-License-Identifier: MIT
 *
 * The options of `hark serve`, once: the parser, --help, hark-serve(1) and the completions
 * come from here.  Data only.
 */
#include "serve_options.h"

#include <limits.h>

#define AT(field) offsetof(struct serve_options, field)

static const char *const usage[] = {
	"usage: hark serve [OPTION...] ADDRESS... -- PROGRAM [ARGUMENT...]",
	"       hark serve [OPTION...] ADDRESS... --echo|--discard|--daytime|--chargen",
	"       hark serve [OPTION...] ADDRESS... --proxy ADDRESS",
	"       hark [OPTION...] ADDRESS... -- PROGRAM [ARGUMENT...]",
	NULL,
};

static const char *const after[] = {
	"Each client gets a PROGRAM of its own, with the socket as its standard input "
	"and",
	"output and who it is in the environment: TCPREMOTEIP, TCPREMOTEPORT and "
	"others.",
	"",
	"An ADDRESS is 4481 or *:4481 (IPv4 and IPv6), 127.0.0.1:4481, [::1]:4481,",
	"localhost:4481, HOST:SERVICE, unix:/path, unix:@abstract, fd:N, activation or",
	"activation:NAME.",
	"",
	"SIGTERM and SIGINT end it: whoever waits in the queue is served, programs go "
	"on.",
	"Clients half-way through the handshake are let in, with Linux 5.7.  Exit "
	"codes:",
	"0, 100 (do not retry), 111 (may work later).  Manual: hark-serve(1).",
	NULL,
};

static const struct option_row rows[] = {
	{OPTION_HEADING, .name = "Built-in services, instead of a program"},
	{OPTION_CHOICE, 0, "echo", NULL, AT(service), SERVICE_ECHO, 0,
		"send back what a client sends (RFC 862)", NULL},
	{OPTION_CHOICE, 0, "discard", NULL, AT(service), SERVICE_DISCARD, 0,
		"read what a client sends, and nothing else (RFC 863)", NULL},
	{OPTION_CHOICE, 0, "daytime", NULL, AT(service), SERVICE_DAYTIME, 0,
		"send the date and time, and end (RFC 867)", NULL},
	{OPTION_CHOICE, 0, "chargen", NULL, AT(service), SERVICE_CHARGEN, 0,
		"send lines of characters until the client ends (RFC 864)", NULL},
	{OPTION_TEXT, 0, "proxy", "ADDRESS", AT(proxy), 0, 0,
		"connect each client to that address, and pass on what both send",
		"Connect each client to that\n.Ar ADDRESS ,\nand pass on what both "
		"send, their ends and their resets.\nA name is resolved for each "
		"client, and its addresses are tried in turn for 10 seconds each; "
		"where none answers the client is reset.\nThe forms are those below, "
		"but for\n.Li fd:\nand\n.Li activation ;\n.Li 4481\nis that port of "
		"this host."},

	{OPTION_HEADING, .name = "How many"},
	{OPTION_NUMBER, 'c', "connections", "N", AT(connections), 1, 1000000,
		"serve N clients at once, others wait in the queue; 256 programs, or "
		"4000 conversations of a built-in service",
		"Serve\n.Ar N\nclients at once, 1 to 1000000; a built-in service has a "
		"thread or process a client and at most 30000.\nOthers wait in the "
		"queue until one ends.\nThe default is 256 programs, or 4000 "
		"conversations of a built-in service; 256 with\n.Fl -model Li fork ,\n"
		"and as many as can run with\n.Li serial\nand\n.Li pool ."},
	{OPTION_TEXT, 0, "overload", "wait|refuse|gate", AT(overload_name), 0, 0,
		"what becomes of clients above that: they wait in the queue, the "
		"default, or are refused, by us or by the kernel",
		"What becomes of clients above that.\nWith\n.Li wait ,\nthe default, "
		"they wait in the queue; with\n.Li refuse\nthey are accepted and "
		"ended at once: with a reset, or with what\n.Fl -refusal\nsays.\nWith"
		"\n.Li gate\nthe kernel refuses them, as where nobody listens, until "
		"there is room; who was faster waits, as clients of a Unix socket do.\n"
		"That takes Linux 5.7 and\n.Dv CAP_NET_RAW\nas long as it serves, and "
		"no listener that somebody else has made."},
	{OPTION_NUMBER, 'C', "per-address", "N", AT(per_address), 1, 1000000,
		"of these, N from one address; others from there are refused",
		"Of these, serve\n.Ar N\nfrom one address.\nOthers from there are "
		"refused likewise.\nClients of a Unix socket have no address and are "
		"not counted."},
	{OPTION_NUMBER, 0, "per-prefix", "N", AT(per_prefix), 1, 1000000,
		"and N from one network, an IPv4 /24 or an IPv6 /48",
		"And serve\n.Ar N\nfrom one network: the addresses that have the first "
		"24 bits in common, of IPv6 48.\nOthers from there are refused "
		"likewise."},
	{OPTION_TEXT, 0, "rate", "N[/SECONDS]", AT(rate), 0, 0,
		"let N new connections of one address in each second, or in so many "
		"seconds; the rest is reset",
		"Let\n.Ar N\nnew connections of one address in each second, or in "
		"each so many seconds, and as many at once.\nThe rest is reset."},
	{OPTION_TEXT, 0, "refusal", "TEXT", AT(refusal), 0, 0,
		"what a refused client reads before its end; else it is reset",
		"What a client that is refused reads before its end, with a line end "
		"added; but not whom\n.Fl -rate\nor\n.Fl -rules\nrefuses.\nWithout it "
		"the client is reset."},
	{OPTION_TEXT, 0, "rules", "FILE", AT(rules), 0, 0,
		"who may come in, by address, hark_rules(5); read again at SIGHUP",
		"Who may come in, by address; the format is that of\n.Xr hark_rules 5 "
		".\nOthers are reset.\nThe file is read once the privileges are given "
		"up, and again at\n.Dv SIGHUP ;\none with a mistake changes nothing "
		"then, and a line tells of it."},
	{OPTION_NUMBER, 'b', "backlog", "N", AT(backlog), 0, 999999999,
		"let N clients wait to be accepted; 0, the default: the most that the "
		"system allows (net.core.somaxconn)",
		"Let\n.Ar N\nconnections wait to be accepted, one more to be exact; a "
		"number from 0 to 999999999.\n0, the default, is the most that the "
		"system "
		"allows,\n.Va net.core.somaxconn .\nA larger number is cut to that, "
		"and "
		"the line that tells the address says so."},

	{OPTION_HEADING, .name = "How they are served"},
	{OPTION_TEXT, 0, "model", "serial|fork|thread|pool", AT(model_name), 0, 0,
		"how a built-in service runs; thread is the default",
		"How a built-in service runs:\n.Li serial ,\none client after the "
		"other;\n.Li fork ,\na process a client;\n.Li thread ,\na thread a "
		"client, the default; or\n.Li pool ,\nas many threads as\n.Fl "
		"-threads\n"
		"says, which is how many are served at once.\n.Xr hark_models 7\n"
		"compares them.\nA program always has a process of its own\n.Pq Li "
		"spawn ."},
	{OPTION_NUMBER, 0, "threads", "N", AT(threads), 1, 4096,
		"of --model pool, in each process; the default is 16", NULL},
	{OPTION_NUMBER, 0, "workers", "N", AT(workers), 1, 256,
		"serve in N processes, which are replaced when they die",
		"Serve in\n.Ar N\nprocesses, which are replaced when they die, so "
		"that the others go on.\nLimits hold over all of them."},
	{OPTION_NUMBER, 0, "recycle", "N", AT(recycle), 1, 1000000000,
		"replace a worker after N connections",
		"Replace each of the\n.Fl -workers\nafter so many connections; it "
		"ends when those it has do."},
	{OPTION_NUMBER, 0, "timeout", "SECONDS", AT(timeout_s), 1, 1000000,
		"end a conversation of a built-in service in which nothing moved for "
		"so long",
		"End a conversation of a built-in service in which nothing moved for "
		"so long.\nWithout it a silent client may stay, and one that does not "
		"read is given a minute."},
	{OPTION_NUMBER, 0, "drain", "SECONDS", AT(drain_s), 0, 1000000,
		"at the end, wait so long for conversations; 5, or for programs 0",
		"At the end, wait so long for conversations that go on.\nThen those of "
		"a built-in service are cut, and programs left to go on.\nThe default "
		"is 5, for programs 0."},
	{OPTION_NUMBER, 0, "lame-duck", "SECONDS", AT(lame_duck_s), 1, 1000000,
		"told to stop, accept so long as before, so that others hear of it",
		"Told to stop, go on accepting so long as before, so that whoever "
		"sends "
		"clients here hears of it first.\nA second signal ends it at once."},
	{OPTION_TEXT, 0, "quiesce", "best|ghost|filter|shared|until-empty",
		AT(quiesce_name), 0, 0,
		"at the end, how new clients are kept out while who is half-way gets "
		"in; best is the default",
		"At the end, how new clients are kept out while those in the queue and "
		"half-way through the handshake are let in.\nWith\n.Li ghost\nnew "
		"clients are refused at once; it takes Linux 5.7.\nWith\n.Li "
		"filter\nthey hear nothing and try again after a second, which is for "
		"a successor that opens the same address then; it takes\n.Dv "
		"CAP_NET_ADMIN .\nWith\n.Li shared\nnothing is done but to close, "
		"which is for listeners that others go on with; where nobody does, who "
		"waits is reset.\nWith\n.Li until-empty\nthe queue is emptied, and "
		"who is half-way is reset.\n.Li best ,\nthe default, is ghost or else "
		"filter or else until-empty; listeners that hark was given are only "
		"ever closed.\nA method that cannot be had then is told of, and the "
		"queue is emptied.\n.Xr hark_quiesce 3\nhas "
		"the conditions of each."},

	{OPTION_HEADING, .name = "While it runs, and hot restart at SIGUSR2"},
	{OPTION_TEXT, 0, "control", "PATH", AT(control), 0, 0,
		"a socket for 'hark status', 'hark restart' and 'hark stop'",
		"Listen at a Unix socket for\n.Xr hark-stop 1 ,\n.Cm hark restart\n"
		"and\n.Cm hark status .\nOnly the user that\n.Nm hark\nis started by "
		"may connect to it\n.Pq mode 0600 ,\nand may do all of that."},
	{OPTION_TEXT, 0, "successor", "FILE", AT(successor), 0, 0,
		"what a restart runs; else this program again, with the same words",
		"At a restart, run\n.Ar FILE\nwithout any words, in place of the path "
		"that\n.Nm hark\nwas executed by: a script, say, that executes it with "
		"the options of the day, this one among them."},
	{OPTION_NUMBER, 0, "upgrade-timeout", "SECONDS", AT(upgrade_timeout_s), 1,
		1000000, "how long a successor may take until it is ready; 30",
		"How long a successor may take until it is ready, before it is killed "
		"and this server goes on.\nThe default is 30."},
	{OPTION_NUMBER, 0, "generations", "N", AT(generations), 2, 16,
		"alive at once, those that still drain included; 4",
		"How many generations may be alive at once: those that serve their "
		"last conversations, this one and a successor.\nMore than so many "
		"are not begun.\nThe default is 4."},

	{OPTION_HEADING, .name = "Programs"},
	{OPTION_LIST, 'e', "env", "NAME=VALUE", AT(set), 0, 0,
		"set a variable in the environment of programs; may be repeated",
		"Set a variable in the environment of programs.\nMay be given up to 64 "
		"times.\nWhat tells about the connection cannot be set."},
	{OPTION_FLAG, 0, "clear-env", NULL, AT(clear_environment), 0, 0,
		"leave them nothing of our own environment but PATH",
		"Leave programs nothing of the environment of\n.Nm hark\nitself but\n"
		".Ev PATH ;\nwhat\n.Fl -env\nsets and what tells about the connection "
		"is "
		"added."},
	{OPTION_TEXT, 'B', "banner", "TEXT", AT(banner), 0, 0,
		"send a line before the program starts",
		"Send\n.Ar TEXT\nand a line end (CR LF) before the program starts; at "
		"most 1000 bytes."},
	{OPTION_FLAG, 0, "names", NULL, AT(names), 0, 0,
		"look up names: TCPREMOTEHOST, TCPLOCALHOST",
		"Ask the resolver for the names of both addresses, which may take "
		"long.\nThe new process asks, so nobody else waits for it.\nA name "
		"that "
		"does not resolve to the address again is not believed."},
	{OPTION_TEXT, 'l', "local-name", "NAME", AT(local_name), 0, 0,
		"what TCPLOCALHOST is, without asking",
		"What\n.Ev TCPLOCALHOST\nis, without asking anybody."},
	{OPTION_FLAG, 0, "ident", NULL, AT(ident), 0, 0,
		"ask the client's host who that is: TCPREMOTEINFO (RFC 1413)",
		"Ask port 113 of the client's host whose connection this is (RFC "
		"1413), "
		"for at most 10 seconds.\nThe new process asks.\nThe answer is "
		"whatever "
		"that host likes to say."},
	{OPTION_FLAG, 'w', "wait", NULL, AT(wait), 0, 0,
		"at the end, wait for the programs, however long",
		"At the end, exit when the last program has.\nA second signal ends the "
		"waiting, and not the programs."},

	{OPTION_HEADING, .name = "Privileges, given up once the addresses are open"},
	{OPTION_TEXT, 'u', "user", "USER", AT(user), 0, 0,
		"become that user, by name or number, with the group and the "
		"supplementary groups of the user",
		"Become that user, by name or number.\nThe group and the supplementary "
		"groups "
		"are those that the user has in the user and group databases; a number "
		"that is nobody's takes its own value as its group and has no others."},
	{OPTION_TEXT, 'g', "group", "GROUP", AT(group), 0, 0, "have that group instead",
		"Have that group instead, by name or number.\nWithout\n.Fl -user\nand\n"
		".Fl -groups\nall supplementary groups go."},
	{OPTION_TEXT, 'G', "groups", "GROUP,...", AT(groups), 0, 0,
		"have these supplementary groups instead; '' is none",
		"Have these supplementary groups instead, by name or number, with "
		"commas "
		"between them.\nThe empty text is none."},
	{OPTION_TEXT, 0, "chroot", "DIRECTORY", AT(chroot), 0, 0,
		"make that directory the root",
		"Make that directory the root, before the user changes.\nThe program "
		"and "
		"what it needs must be in there."},

	{OPTION_HEADING, .name = "When it is ready"},
	{OPTION_FLAG, '1', "print-port", NULL, AT(print_port), 0, 0,
		"print the port of each ADDRESS, a line each, then end standard output",
		"Once clients are served, print the port of each\n.Ar address ,\na "
		"line "
		"each (empty for a Unix socket), and end standard output.\nThis is how "
		"to "
		"learn what the kernel chose for port 0."},
	{OPTION_NUMBER, 0, "notify-fd", "N", AT(notify_fd), 1, INT_MAX,
		"write a newline to descriptor N, then close it",
		"Once clients are served, write a newline to descriptor\n.Ar N\nand "
		"close "
		"it, as s6 and its like want it."},

	{OPTION_HEADING, .name = "What is told on standard error"},
	{OPTION_FLAG, 'q', "quiet", NULL, AT(quiet), 0, 0, "nothing but errors", NULL},
	{OPTION_FLAG, 'v', "verbose", NULL, AT(verbose), 0, 0,
		"each client: from where, and how its conversation ended, after how "
		"long; and each worker",
		NULL},
	{OPTION_HELP, 'h', "help", NULL, 0, 0, 0, "this text",
		"Say what there is, on standard output."},
	{OPTION_HEADING, .name = NULL},
};

const struct option_table serve_table = {
	.command = "serve",
	.summary = "put a program, or a built-in service, on a port",
	.usage = usage,
	.after = after,
	.rows = rows,
	.values = "localhost:4481 *:4481 127.0.0.1:0 unix: activation",
};
