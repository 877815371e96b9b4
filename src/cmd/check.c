// SPDX-License-Identifier: ISC
// `mms check`: reads whole databases, which no other command does: a server's, profiles, or files by their names.
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/data.h"
#include "cmd/exit.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/pins.h"
#include "cmd/profile.h"
#include "cmd/values.h"
#include "os/directory.h"
#include "store/store_check.h"
#include "ui/printer.h"

enum { FILES_MAX = 1000 };

struct check {
	const char *data;
	const char *server;
	uint64_t port;
	const char *user;
	const char *state;
	struct file_path folder; // of the profiles
	size_t checked_count;
	int worst; // exit status
};

static void fail(struct check *check, int status, const struct reason *why)
{
	(void)printer_line(PRINTER_ERR, "mms check: %s", why->text);
	check->worst = status;
}

static int status_of(enum mms_err err)
{
	return err == MMS_E_MISSING || err == MMS_E_DENIED ? EXIT_NO_INPUT : exit_of_data(err);
}

static void check_file(struct check *check, const char *path)
{
	struct reason why;
	const enum mms_err err = store_check(path, &why);
	check->checked_count++;
	if (err == MMS_OK)
		(void)printer_line(PRINTER_OUT, "%s is sound", path);
	else
		fail(check, status_of(err), &why);
}

static void check_server(struct check *check)
{
	struct data_paths paths;
	struct reason why;
	const enum mms_err err = data_choose(&paths, check->data, NULL, &why);
	if (err == MMS_OK)
		check_file(check, paths.database.text);
	else
		fail(check, err == MMS_E_BAD ? EXIT_USAGE : status_of(err), &why);
}

// Which server it is, by its pin.
static enum mms_err find_fingerprint(const char *state, struct server_address *address, struct reason *why)
{
	uint8_t key[NOISE_KEY_BYTES];
	char server[PINS_SERVER_TEXT_BYTES];
	const enum mms_err err = pins_find(state, address, key, why);
	if (err == MMS_OK)
		address->fingerprint = hash_fingerprint(key);
	if (err != MMS_E_MISSING)
		return err;
	pins_server_text(address, server);
	snprintf(why->text, sizeof why->text,
		 "nobody has signed in at %s from here; name the server with -s, or its state with --state", server);
	return err;
}

// Chooses the folder of the profiles at the server that the options name. Returns EXIT_DONE, or the exit status.
static int choose_folder(struct check *check, struct reason *why)
{
	struct server_address address;
	struct file_path state;
	if (server_address_choose(&address, check->server, (uint16_t)check->port, why) != MMS_OK)
		return EXIT_USAGE;
	enum mms_err err = paths_state(&state, check->state, why);
	if (err == MMS_OK && !address.has_fingerprint)
		err = find_fingerprint(state.text, &address, why);
	if (err == MMS_OK)
		err = profile_folder(&check->folder, state.text, &address.fingerprint, why);
	return err == MMS_OK ? EXIT_DONE : status_of(err);
}

static void check_profile_at(void *context, const char *file)
{
	struct check *check = context;
	struct file_path path;
	struct reason why;
	struct name name;
	if (!profile_is_database(file, &name))
		return;
	const enum mms_err err = paths_join(&path, check->folder.text, file, &why);
	if (err == MMS_OK)
		check_file(check, path.text);
	else
		fail(check, status_of(err), &why);
}

// The profile of one user, or all there are.
static void check_profiles(struct check *check)
{
	struct file_path path;
	struct reason why;
	struct name name;
	const char *user = environment_or(check->user, "MMS_USER", NULL);
	int status = choose_folder(check, &why);
	enum mms_err err = MMS_OK;
	if (status == EXIT_DONE && user != NULL) {
		if (!name_parse(&name, user, strlen(user))) {
			snprintf(why.text, sizeof why.text, VALUES_NOT_A_NAME, user);
			status = EXIT_USAGE;
		} else if ((err = profile_database(&path, check->folder.text, &name, &why)) == MMS_OK) {
			check_file(check, path.text);
		}
	} else if (status == EXIT_DONE) {
		err = directory_each(check->folder.text, check_profile_at, check, &why);
		if (err == MMS_E_MISSING || (err == MMS_OK && check->checked_count == 0)) {
			err = MMS_E_MISSING;
			snprintf(why.text, sizeof why.text, "there is no profile in %s: name the server with -s, or its state with --state",
				 check->folder.text);
		}
	}
	if (status == EXIT_DONE && err != MMS_OK)
		status = status_of(err);
	if (status != EXIT_DONE)
		fail(check, status, &why);
}

int cmd_check(int argc, char **argv)
{
	struct check check = {.worst = EXIT_DONE};
	struct options_words words;
	int status;
	const struct options_item items[] = {
		{.name = "data", .letter = 'd', .argument = "DATA", .text = &check.data,
		 .help = "check the server of this data directory (default: mms/server in the XDG state directory)"},
		{.name = "user", .letter = 'a', .argument = "USER", .text = &check.user,
		 .help = "check the profile of USER (default: MMS_USER, or all who sign in there from here)"},
		{.name = "server", .letter = 's', .argument = "HOST[:PORT]", .text = &check.server,
		 .help = "at this server, also HOST#FINGERPRINT (default: MMS_SERVER, or 127.0.0.1:1060)"},
		{.name = "port", .letter = 'p', .argument = "PORT", .number = &check.port, .min = 1, .max = 65535,
		 .help = "its UDP port (default 1060)"},
		{.name = "state", .argument = "DIR", .text = &check.state,
		 .help = "where keys and messages are kept (default: mms in the XDG state directory)"},
	};
	const struct options_command command = {
		.name = "mms check",
		.positionals = "[FILE]...",
		.positional_max = FILES_MAX,
		.summary = "Reads a whole database and says whether it is sound: the server's; with -a, -s, -p or --state a profile; or "
			   "each FILE, a server.db or a profile. Works beside a running server or client, and changes nothing.",
		.items = items,
		.item_count = sizeof items / sizeof items[0],
	};
	if (!options_begin(&command, argc, argv, &words, &status))
		return status;
	const bool is_profile = check.user != NULL || check.server != NULL || check.port != 0 || check.state != NULL;
	if ((check.data != NULL) + is_profile + (words.count > 0) > 1)
		return options_fail(&command, "one thing at a time: a server with -d, a profile with -a, or files");
	if (is_profile)
		check_profiles(&check);
	else if (words.count == 0)
		check_server(&check);
	for (size_t i = 0; i < words.count; i++)
		check_file(&check, words.word[i]);
	status = output_flush("mms check");
	return check.worst == EXIT_DONE ? status : check.worst;
}
