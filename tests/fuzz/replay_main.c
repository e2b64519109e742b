/* SPDX-License-Identifier: MIT
 *
 * Runs a fuzz target over inputs that are known already: every file of a directory, one
 * TAP line each. What libFuzzer is without the looking for new ones, for any compiler.
 *
 * An input that the target cannot bear ends the program, as it does under libFuzzer: the
 * last line says which one was being read.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { INPUT_MAX_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The exact size goes on the heap, so that a sanitizer sees a read past the end. */
static int replay(const char *directory, const char *name)
{
	static uint8_t input[INPUT_MAX_BYTES];
	char path[4096];
	uint8_t *exact;
	size_t size;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "rb");
	if (!file)
		return -1;
	size = fread(input, 1, sizeof(input), file);
	(void)fclose(file); /* only read: nothing can be lost */
	exact = malloc(size ? size : 1);
	if (!exact)
		return -1;
	for (size_t i = 0; i < size; i++)
		exact[i] = input[i];
	(void)LLVMFuzzerTestOneInput(exact, size); /* always 0 by libFuzzer's rules */
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent **inputs;
	int count, failed = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 100;
	}
	count = scandir(argv[1], &inputs, is_input, alphasort);
	if (count <= 0) {
		printf("Bail out! no inputs in '%s'\n", argv[1]);
		return 1;
	}
	printf("1..%d\n", count);
	for (int i = 0; i < count; i++) {
		const char *name = inputs[i]->d_name;
		int result;

		printf("# %s\n", name);
		(void)fflush(stdout); /* seen even if the target does not return */
		result = replay(argv[1], name);
		printf("%sok %d - %s\n", result < 0 ? "not " : "", i + 1, name);
		failed |= result < 0;
		free(inputs[i]);
	}
	free(inputs);
	return failed;
}
