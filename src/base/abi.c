/* SPDX-License-Identifier: MIT
 *
 * The sizes of the public structs, frozen: a program that was compiled against an older
 * header must fit a newer library.  A new field takes from the reserved tail.  Floor 1.
 */
#include <hark.h>
#include <hark_server.h>

/* On the LP64 machines; the others differ in padding alone. */
#define FROZEN(type, size) \
	_Static_assert(sizeof(void *) != 8 || sizeof(struct type) == (size), #type)

FROZEN(hark_addr, 116);
FROZEN(hark_error, 472);
FROZEN(hark_endpoint, 464);
FROZEN(hark_cidr, 24);
FROZEN(hark_listen_options, 184);
FROZEN(hark_backlog, 12);
FROZEN(hark_listener, 176);
FROZEN(hark_verdict, 132);
FROZEN(hark_listener_set, 9872);
FROZEN(hark_linger_options, 32);
FROZEN(hark_quiesce_options, 48);
FROZEN(hark_quiesce_report, 80);
FROZEN(hark_quiesce, 1704);
FROZEN(hark_queue, 12);
FROZEN(hark_nofile, 16);
FROZEN(hark_loop_counters, 56);
FROZEN(hark_loop_event, 16);
FROZEN(hark_loop_options, 112);
FROZEN(hark_server_options, 240);
FROZEN(hark_server_event, 96);
FROZEN(hark_server_stats, 952);
FROZEN(hark_histogram, 256);
FROZEN(hark_program, 88);
FROZEN(hark_successor, 64);
