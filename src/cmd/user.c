// SPDX-License-Identifier: ISC
// `mms user`: edits the users file of a server, atomically and under a lock. The server itself never writes it.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "cmd/cmd.h"
#include "cmd/data.h"
#include "cmd/exit.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/user_list.h"
#include "cmd/users_file.h"
#include "crypto/base64url.h"
#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "store/users_edit.h"
#include "os/clock.h"
#include "os/directory.h"
#include "os/file.h"
#include "os/lock.h"
#include "os/random.h"
#include "os/standard.h"
#include "store/server_store.h"
#include "ui/printer.h"

#define MS_PER_DAY (INT64_C(86400) * 1000)

// What the options said.
static struct {
	const char *data;
	const char *users;
	bool is_plain;
	bool is_same;
	bool is_alone;
	uint64_t days;
} given = {.days = 7};

#define DATA_ITEM \
	{.name = "data", .letter = 'd', .argument = "DATA", .text = &given.data, \
	 .help = "data directory of the server (default: mms/server in the XDG state directory)"}
#define USERS_ITEM \
	{.name = "users", .letter = 'u', .argument = "USERS", .text = &given.users, \
	 .help = "users file (default: users in the data directory)"}
#define DAYS_ITEM \
	{.name = "days", .argument = "N", .number = &given.days, .min = 1, .max = 365, \
	 .help = "how long the code can be used, 1 to 365 (default 7)"}
#define COUNT_OF(items) (sizeof(items) / sizeof(items)[0])

// One action on its way; zeroed: nothing is held.
struct job {
	const struct options_command *command;
	struct data_paths paths;
	struct lock lock;
	struct users_file file; // empty when it does not exist yet
	struct name name;
	uint8_t life[USER_LIFE_BYTES];
	bool had_life; // the server's database knows an earlier user of the name
	struct user_invite invite;
	char code_secret[INVITE_CODE_TEXT_BYTES];
	struct fingerprint fingerprint;
	struct reason why;
};

// An action that edits the file. `make` and `finish` return the exit status and have told what went wrong.
struct action {
	const struct options_command *command;
	bool may_create;                                       // a missing file is an empty one
	int (*make)(struct job *job, struct users_edit *edit); // fills in the edit; untouched: nothing is to be done
	int (*finish)(struct job *job);                        // tells the user what comes next
};

static int fail(const struct job *job, int status)
{
	(void)printer_line(PRINTER_ERR, "%s: %s", job->command->name, job->why.text);
	return status;
}

__attribute__((format(printf, 3, 4))) static int fail_with(struct job *job, int status, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(job->why.text, sizeof job->why.text, format, arguments);
	va_end(arguments);
	return fail(job, status);
}

static void clear(struct job *job)
{
	crypto_wipe(job->code_secret, sizeof job->code_secret);
	users_file_clear(&job->file);
	lock_release(&job->lock);
}

static int begin(struct job *job, const struct options_command *command, const char *name)
{
	*job = (struct job){.command = command};
	if (name != NULL && !name_parse(&job->name, name, strlen(name)))
		return fail_with(job, EXIT_BAD_TEXT, "\"%.60s\" is not a name; it has 1 to 32 of A-Z a-z 0-9 . _ -",
				 name);
	const enum mms_err err = data_choose(&job->paths, given.data, given.users, &job->why);
	return err == MMS_OK ? EXIT_DONE : fail(job, err == MMS_E_BAD ? EXIT_USAGE : exit_of_data(err));
}

static int load(struct job *job)
{
	const enum mms_err err = users_file_load(&job->file, job->paths.users.text, &job->why);
	return err == MMS_OK ? EXIT_DONE : fail(job, exit_of_users_file(err));
}

// Loads the file under the lock. Looks first without it, so that no lock file appears beside a file that is not there.
static int load_locked(struct job *job)
{
	const int status = load(job);
	if (status != EXIT_DONE)
		return status;
	users_file_clear(&job->file);
	const enum mms_err err = lock_take_blocking(&job->lock, job->paths.users_lock.text, &job->why);
	return err == MMS_OK ? load(job) : fail(job, exit_of_data(err));
}

// The same, but a file that is missing is an empty one, and its directory is made.
static int load_or_create_locked(struct job *job)
{
	enum mms_err err = directory_make(job->paths.users_folder.text, 0700, &job->why);
	if (err == MMS_OK)
		err = lock_take_blocking(&job->lock, job->paths.users_lock.text, &job->why);
	if (err != MMS_OK)
		return fail(job, exit_of_data(err));
	err = users_file_load(&job->file, job->paths.users.text, &job->why);
	return err == MMS_OK || err == MMS_E_MISSING ? EXIT_DONE : fail(job, exit_of_users_file(err));
}

static const char *text_of(const struct job *job)
{
	return job->file.text != NULL ? job->file.text : "";
}

static int write_edit(struct job *job, const struct users_edit *edit)
{
	const char *path = job->paths.users.text;
	const size_t bytes = users_edit_bytes(job->file.bytes, edit);
	if (bytes > USERS_FILE_BYTES_MAX)
		return fail_with(job, EXIT_CANT_CREATE, "%.400s would grow beyond 64 MiB; remove users first", path);
	char *edited = malloc(bytes + 1);
	if (edited == NULL)
		return fail_with(job, EXIT_CANT_CREATE, "cannot edit %.400s: not enough memory; end other programs",
				 path);
	users_edit_apply(text_of(job), job->file.bytes, edit, edited);
	const enum mms_err err = file_replace(path, edited, bytes, 0600, &job->why);
	free(edited);
	return err == MMS_OK ? EXIT_DONE : fail(job, exit_of_data(err));
}

static int run(const struct action *action, int argc, char **argv)
{
	struct options_words words;
	struct job job = {0};
	int status;
	if (!options_begin(action->command, argc, argv, &words, &status))
		return status;
	status = begin(&job, action->command, words.word[0]);
	if (status != EXIT_DONE)
		goto out;
	if (words.count > 1 && !base64url_decode(words.word[1], strlen(words.word[1]), job.fingerprint.bytes,
						 sizeof job.fingerprint.bytes)) {
		status = fail_with(&job, EXIT_BAD_TEXT,
				   "\"%.60s\" is not a fingerprint; \"mms user list\" shows its 43 letters",
				   words.word[1]);
		goto out;
	}
	status = action->may_create ? load_or_create_locked(&job) : load_locked(&job);
	if (status != EXIT_DONE)
		goto out;
	struct users_edit edit = {0};
	status = action->make(&job, &edit);
	if (status == EXIT_DONE && edit.removed_bytes + edit.inserted_bytes > 0)
		status = write_edit(&job, &edit);
	if (status == EXIT_DONE)
		status = action->finish(&job);
out:
	clear(&job);
	return status;
}

static int fail_missing(struct job *job)
{
	return fail_with(job, EXIT_NO_USER, "no such user: %s is not in %.400s; \"mms user list\" shows who is",
			 job->name.text, job->paths.users.text);
}

static int tell_reload(struct job *job)
{
	(void)job;
	(void)printer_line(PRINTER_ERR, "A server that is running reads the file again when told so: kill -HUP and its process id.");
	return EXIT_DONE;
}

// Fails where it can be known before anything is changed that the code would go nowhere.
static int make_code(struct job *job)
{
	if (!standard_can_put(&job->why))
		return fail(job, EXIT_IO);
	uint8_t random_secret[INVITE_CODE_BYTES];
	const struct rng rng = random_rng();
	rng_fill(&rng, random_secret, sizeof random_secret);
	base64url_encode(random_secret, sizeof random_secret, job->code_secret);
	hash_invite_code(job->code_secret, strlen(job->code_secret), job->invite.hash);
	job->invite.expires_at.ms = clock_wall().ms + (int64_t)given.days * MS_PER_DAY;
	crypto_wipe(random_secret, sizeof random_secret);
	return EXIT_DONE;
}

// The code goes to standard output alone, so that a script can take it; it is shown only after the file holds its hash.
static int show_code(struct job *job)
{
	const char *name = job->name.text;
	(void)printer_line(PRINTER_OUT, "%s", job->code_secret);
	if (output_flush(job->command->name) != EXIT_DONE)
		return fail_with(job, EXIT_IO,
				 "%.300s was changed, but nobody knows the code it now has for %s: make another one in its place "
				 "with \"mms user invite --replace %s\"", job->paths.users.text, name, name);
	char expiry[DATE_TEXT_BYTES];
	date_format_s(job->invite.expires_at, expiry);
	(void)printer_line(PRINTER_ERR,
		"With this code one device of %s can join until %s: \"signin %s CODE\" in mms client, or "
		"MMS_INVITE=CODE before another command.", name, expiry, name);
	return tell_reload(job);
}

// The life of the user who had the name last, as far as the server knows. No database: nobody had.
static enum mms_err find_life(struct job *job, uint8_t life[USER_LIFE_BYTES])
{
	struct server_store *store = NULL;
	enum mms_err err = server_store_open_readonly(job->paths.database.text, &store, &job->why);
	if (err != MMS_OK)
		return err;
	err = server_store_life_find(store, &job->name, life);
	if (err == MMS_E_MISSING)
		snprintf(job->why.text, sizeof job->why.text,
			 "the server's database %.300s knows no %s; without --same it is a new user", job->paths.database.text,
			 job->name.text);
	else if (err != MMS_OK)
		job->why = *server_store_reason(store);
	server_store_close(store);
	return err;
}

// A user is new unless the operator says otherwise: whoever gets the code must not get the mail of who had the name before.
static int choose_life(struct job *job)
{
	uint8_t known[USER_LIFE_BYTES];
	const struct rng rng = random_rng();
	const enum mms_err err = find_life(job, known);
	job->had_life = err == MMS_OK;
	if (given.is_same && err != MMS_OK)
		return fail(job, err == MMS_E_MISSING ? EXIT_NO_USER : exit_of_data(err));
	if (given.is_same)
		memcpy(job->life, known, sizeof job->life);
	else
		rng_fill(&rng, job->life, sizeof job->life);
	return EXIT_DONE;
}

static int make_add(struct job *job, struct users_edit *edit)
{
	static const uint8_t none[USER_LIFE_BYTES]; // a line written by hand
	int status = choose_life(job);
	if (status == EXIT_DONE && !given.is_plain)
		status = make_code(job);
	if (status != EXIT_DONE)
		return status;
	const uint8_t *life = memcmp(job->life, none, sizeof none) == 0 ? NULL : job->life;
	if (users_edit_add(text_of(job), job->file.bytes, &job->name, life, given.is_plain ? NULL : &job->invite, edit) ==
	    MMS_OK)
		return EXIT_DONE;
	return fail_with(job, EXIT_CANT_CREATE,
			 "%s is in %.400s already; \"mms user invite %s\" lets another device join", job->name.text,
			 job->paths.users.text, job->name.text);
}

static void tell_life(const struct job *job)
{
	const char *name = job->name.text;
	if (given.is_same)
		(void)printer_line(PRINTER_ERR, "The same %s as before: mail and devices are %s's again.", name, name);
	else if (job->had_life)
		(void)printer_line(PRINTER_ERR,
			"A new user: mail and devices of the %s before stay with that one, and go 30 days after it was "
			"removed. To bring it back instead: \"mms user remove %s\", then \"mms user add --same %s\".",
			name, name, name);
}

static int finish_add(struct job *job)
{
	tell_life(job);
	if (!given.is_plain)
		return show_code(job);
	(void)printer_line(PRINTER_ERR,
		"The first device that signs in as %s becomes theirs, if the server listens on loopback only or was "
		"started with --open-claims.", job->name.text);
	return tell_reload(job);
}

static int add(int argc, char **argv)
{
	static const struct options_item items[] = {
		DATA_ITEM, USERS_ITEM, DAYS_ITEM,
		{.name = "plain", .flag = &given.is_plain,
		 .help = "no code: the first device to sign in, where the server allows such claims"},
		{.name = "same", .flag = &given.is_same,
		 .help = "the user who had the name last, with mail and devices, as the server's database knows it"},
	};
	static const struct options_command command = {
		.name = "mms user add", .positionals = "NAME", .positional_min = 1, .positional_max = 1,
		.summary = "Adds a user to the users file and writes the code with which one device can join, once.",
		.items = items, .item_count = COUNT_OF(items),
	};
	static const struct action action = {&command, true, make_add, finish_add};
	return run(&action, argc, argv);
}

static int make_invite(struct job *job, struct users_edit *edit)
{
	const int status = make_code(job);
	if (status != EXIT_DONE)
		return status;
	const enum mms_err err = users_edit_invite(text_of(job), job->file.bytes, &job->name, &job->invite,
						   given.is_alone, clock_wall(), edit);
	if (err == MMS_E_MISSING)
		return fail_missing(job);
	if (err != MMS_OK)
		return fail_with(job, EXIT_CANT_CREATE,
				 "the line of %s in %.400s is full, it may hold %d invites and %d bytes; --replace "
				 "drops the invites before", job->name.text, job->paths.users.text,
				 INVITES_PER_USER_MAX, USERS_LINE_BYTES_MAX);
	return EXIT_DONE;
}

static int invite(int argc, char **argv)
{
	static const struct options_item items[] = {
		DATA_ITEM, USERS_ITEM, DAYS_ITEM,
		{.name = "replace", .flag = &given.is_alone, .help = "make all earlier codes of this user worthless"},
	};
	static const struct options_command command = {
		.name = "mms user invite", .positionals = "NAME", .positional_min = 1, .positional_max = 1,
		.summary = "Writes another code with which one more device of a user can join, once.",
		.items = items, .item_count = COUNT_OF(items),
	};
	static const struct action action = {&command, false, make_invite, show_code};
	return run(&action, argc, argv);
}

static int make_revoke(struct job *job, struct users_edit *edit)
{
	const enum mms_err err =
		users_edit_revoke(text_of(job), job->file.bytes, &job->name, &job->fingerprint, edit);
	if (err == MMS_E_MISSING)
		return fail_missing(job);
	if (err == MMS_E_FULL)
		return fail_with(job, EXIT_CANT_CREATE,
				 "the line of %s in %.400s is full, it may hold %d revoked devices and %d bytes; "
				 "remove the oldest by hand", job->name.text, job->paths.users.text,
				 REVOKES_PER_USER_MAX, USERS_LINE_BYTES_MAX);
	return EXIT_DONE; // revoked already is revoked
}

static int revoke(int argc, char **argv)
{
	static const struct options_item items[] = {DATA_ITEM, USERS_ITEM};
	static const struct options_command command = {
		.name = "mms user revoke", .positionals = "NAME FINGERPRINT", .positional_min = 2, .positional_max = 2,
		.summary = "Removes one device of a user, for ever. \"mms user list\" shows the fingerprints.",
		.notes = "A fingerprint that begins with - stands behind --.\n",
		.items = items, .item_count = COUNT_OF(items),
	};
	static const struct action action = {&command, false, make_revoke, tell_reload};
	return run(&action, argc, argv);
}

static int make_remove(struct job *job, struct users_edit *edit)
{
	const enum mms_err err = users_edit_remove(text_of(job), job->file.bytes, &job->name, edit);
	return err == MMS_OK ? EXIT_DONE : fail_missing(job);
}

static int remove_user(int argc, char **argv)
{
	static const struct options_item items[] = {DATA_ITEM, USERS_ITEM};
	static const struct options_command command = {
		.name = "mms user remove", .positionals = "NAME", .positional_min = 1, .positional_max = 1,
		.summary = "Removes a user from the users file; the server deletes mail and devices 30 days later.",
		.items = items, .item_count = COUNT_OF(items),
	};
	static const struct action action = {&command, false, make_remove, tell_reload};
	return run(&action, argc, argv);
}

static int list(int argc, char **argv)
{
	static const struct options_item items[] = {DATA_ITEM, USERS_ITEM};
	static const struct options_command command = {
		.name = "mms user list", .positionals = "",
		.summary = "Lists the users file, and the devices that the server of the data directory knows.",
		.notes = "Each line is NAME, a tab, and one of: plain (the first device may claim the name);\n"
			 "invite until EXPIRY; device FINGERPRINT since DATE; revoke FINGERPRINT;\n"
			 "suspended FINGERPRINT since DATE (a device of a name that is gone from the file).\n",
		.items = items, .item_count = COUNT_OF(items),
	};
	struct options_words words;
	struct job job = {0};
	int status;
	if (!options_begin(&command, argc, argv, &words, &status))
		return status;
	status = begin(&job, &command, NULL);
	if (status == EXIT_DONE)
		status = load(&job);
	if (status != EXIT_DONE)
		goto out;
	status = user_list(&job.file.table, &job.paths, &job.why);
	if (job.why.text[0] != 0)
		fail(&job, status);
out:
	clear(&job);
	return status;
}

int cmd_user(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*function)(int argc, char **argv);
	} actions[] = {{"add", add}, {"invite", invite}, {"revoke", revoke}, {"list", list}, {"remove", remove_user}};
	static const struct options_command command = {
		.name = "mms user", .positionals = "add|invite|revoke|list|remove [OPTION]... [NAME [FINGERPRINT]]",
		.positional_max = 1,
		.summary = "Edits the users file of a server; \"mms user add --help\" tells more about one action.",
	};
	struct options_words words;
	char what[128];
	int status;
	for (size_t i = 0; argc > 1 && i < COUNT_OF(actions); i++)
		if (strcmp(argv[1], actions[i].name) == 0)
			return actions[i].function(argc - 1, argv + 1);
	if (!options_begin(&command, argc, argv, &words, &status))
		return status;
	if (words.count == 0)
		return options_fail(&command, "an action is missing");
	snprintf(what, sizeof what, "unknown action \"%.60s\"", words.word[0]);
	return options_fail(&command, what);
}
