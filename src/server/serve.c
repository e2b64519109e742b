/* SPDX-License-Identifier: MIT
 *
 * A server in one call.  Floor 4.
 */
#include <hark_server.h>

int hark_serve(const char *text, hark_handler *handler, void *ctx,
	const struct hark_server_options *options, struct hark_error *err)
{
	static const struct hark_server_options usual = {.mind_signals = HARK_ON};
	struct hark_error mine;
	struct hark_server *server;
	int done;

	if (!err)
		err = &mine; /* what is returned is in it */
	server = hark_server_create(options ? options : &usual, handler, ctx, err);
	if (!server)
		return err->code;
	done = hark_server_listen(server, text, NULL, err);
	if (done >= 0)
		done = hark_server_run(server, err);
	(void)hark_server_destroy(server); /* stuck handlers keep it, and its memory */
	return done;
}
