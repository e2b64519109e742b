/* SPDX-License-Identifier: MIT
 *
 * One connection after another.  In a thread of its own, the same for all of them, so that
 * hark_server_run returns on time though a handler does not.  Floor 4.
 */
#include "server/crew.h"
#include "server/model.h"

static int most(const struct hark_server_options *options)
{
	(void)options;
	return 1;
}

static int serve(struct hark__worker *worker, struct hark_error *err)
{
	return hark__crew_serve(worker, 1, err);
}

const struct hark__model hark__model_serial = {.name = "serial",
	.has_threads = true,
	.has_crew = true,
	.most = most,
	.serve = serve};
