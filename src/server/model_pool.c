/* SPDX-License-Identifier: MIT
 *
 * The pool: a fixed number of threads, a connection each at a time.  Who finds all of them
 * busy waits in the queue.  Floor 4.
 */
#include "server/crew.h"
#include "server/model.h"

static int most(const struct hark_server_options *options)
{
	return options->threads;
}

static int serve(struct hark__worker *worker, struct hark_error *err)
{
	return hark__crew_serve(worker, worker->server->options.threads, err);
}

const struct hark__model hark__model_pool = {.name = "pool",
	.has_threads = true,
	.has_crew = true,
	.most = most,
	.serve = serve};
