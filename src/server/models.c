/* SPDX-License-Identifier: MIT
 *
 * The table of the models, and their names.  Floor 4.
 */
#include "server/model.h"

#include <errno.h>
#include <string.h>

static const struct hark__model *const models[] = {
	[HARK_MODEL_SERIAL] = &hark__model_serial,
	[HARK_MODEL_FORK] = &hark__model_fork,
	[HARK_MODEL_THREAD] = &hark__model_thread,
	[HARK_MODEL_POOL] = &hark__model_pool,
	[HARK_MODEL_SPAWN] = &hark__model_spawn,
};
enum { MODELS = sizeof(models) / sizeof(models[0]) };

const struct hark__model *hark__model_of(enum hark_model model)
{
	return (unsigned)model < MODELS ? models[model] : NULL;
}

int hark__model_most(
	const struct hark__model *model, const struct hark_server_options *options)
{
	return model->most ? model->most(options) : options->max_connections;
}

const char *hark_model_name(enum hark_model model)
{
	const struct hark__model *found = hark__model_of(model);

	return found ? found->name : model == HARK_MODEL_FIBER ? "fiber" : NULL;
}

static bool has_name(enum hark_model model, const char *name)
{
	const char *own = hark_model_name(model);

	return own && strcmp(own, name) == 0;
}

int hark_model_parse(const char *name)
{
	for (int i = HARK_MODEL_SERIAL; i <= HARK_MODEL_FIBER; i++)
		if (has_name((enum hark_model)i, name))
			return i;
	return -EINVAL;
}
