// SPDX-License-Identifier: ISC
// `mms check`: reads whole databases, which no other command does unless the last end was not in order.
#include "cmd/cmd.h"
#include "cmd/exit.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "store/store_check.h"
#include "ui/printer.h"

enum { FILES_MAX = 1000 };

int cmd_check(int argc, char **argv)
{
	const struct options_command command = {
		.name = "mms check",
		.positionals = "FILE...",
		.positional_min = 1,
		.positional_max = FILES_MAX,
		.summary = "Reads all of each database FILE, a server's server.db or a profile of a client, and says whether it is "
			   "sound. Works beside a running server or client, and changes nothing.",
	};
	struct options_words words;
	struct reason why;
	int worst = EXIT_DONE;
	if (!options_begin(&command, argc, argv, &words, &worst))
		return worst;
	for (size_t i = 0; i < words.count; i++) {
		const enum mms_err err = store_check(words.word[i], &why);
		if (err == MMS_OK) {
			(void)printer_line(PRINTER_OUT, "%s is sound", words.word[i]);
			continue;
		}
		(void)printer_line(PRINTER_ERR, "mms check: %s", why.text);
		worst = exit_of_data(err);
	}
	const int status = output_flush("mms check");
	return worst == EXIT_DONE ? status : worst;
}
