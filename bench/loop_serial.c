/* SPDX-License-Identifier: MIT
 *
 * A hand-written echo server: one connection after another.
 *
 *	loop_serial PORT
 */
#define _GNU_SOURCE
#include "loop_alone.h"

int main(int argc, char **argv)
{
	struct client client;

	if (argc != 2) {
		fputs("usage: loop_serial PORT\n", stderr);
		return 100;
	}
	open_listener(argv[1]);
	on_signal(SIGTERM, stop);
	while (next_client(&client))
		serve_alone(&client);
	return 0;
}
