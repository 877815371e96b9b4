// SPDX-License-Identifier: ISC
// `mms user`: who may use a server. A server that runs is asked over its operator's socket; else the users file is changed.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "cmd/cmd.h"
#include "cmd/data.h"
#include "cmd/exit.h"
#include "cmd/operator_call.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/user_list.h"
#include "cmd/users_change.h"
#include "crypto/base64url.h"
#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "node/operator.h"
#include "os/clock.h"
#include "os/paths.h"
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
	struct operator_request request;
	bool is_running; // a server took it
	bool had_life;   // the server's database knows an earlier user of the name
	char code_secret[INVITE_CODE_TEXT_BYTES];
	struct reason why;
};

// An action that changes the users. `prepare` and `finish` return the exit status and have told what went wrong; NULL: nothing is
// to be prepared.
struct action {
	const struct options_command *command;
	enum operator_verb verb;
	int (*prepare)(struct job *job); // fills in the request
	int (*finish)(struct job *job);  // tells the user what comes next
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

static int begin(struct job *job, const struct options_command *command, enum operator_verb verb, const char *name)
{
	*job = (struct job){.command = command, .request = {.verb = verb}};
	if (name != NULL && !name_parse(&job->request.name, name, strlen(name)))
		return fail_with(job, EXIT_BAD_TEXT, "\"%.60s\" is not a name; it has 1 to 32 of A-Z a-z 0-9 . _ -",
				 name);
	const enum mms_err err = data_choose(&job->paths, given.data, given.users, &job->why);
	return err == MMS_OK ? EXIT_DONE : fail(job, err == MMS_E_BAD ? EXIT_USAGE : exit_of_data(err));
}

// Has the server do it that runs on the data directory. Who names a file alone means that file.
static int ask_server(struct job *job, void (*each)(void *context, const struct operator_line *line), void *context)
{
	if (given.users != NULL && given.data == NULL)
		return EXIT_DONE;
	if (given.users != NULL)
		paths_resolve(job->paths.users.text, job->request.users, sizeof job->request.users);
	const struct operator_reply reply = operator_call(job->paths.data.text, &job->request, each, context, &job->why);
	job->is_running = reply.is_there;
	job->had_life = reply.is_known;
	return reply.status == EXIT_DONE ? EXIT_DONE : fail(job, reply.status);
}

// The life of the user who had the name last, as far as the server's database knows. No database: nobody had.
static enum mms_err find_life(struct job *job, uint8_t life[USER_LIFE_BYTES])
{
	struct server_store *store = NULL;
	enum mms_err err = server_store_open_readonly(job->paths.database.text, &store, &job->why);
	if (err != MMS_OK)
		return err;
	err = server_store_life_find(store, &job->request.name, life);
	if (err == MMS_E_MISSING)
		snprintf(job->why.text, sizeof job->why.text,
			 "the server's database %.300s knows no %s; without --same it is a new user", job->paths.database.text,
			 job->request.name.text);
	else if (err != MMS_OK)
		job->why = *server_store_reason(store);
	server_store_close(store);
	return err;
}

// Without a server that could say it, the database does.
static int choose_life(struct job *job)
{
	uint8_t known[USER_LIFE_BYTES];
	const enum mms_err err = find_life(job, known);
	job->had_life = err == MMS_OK;
	if (!job->request.is_same)
		return EXIT_DONE;
	if (err != MMS_OK)
		return fail(job, err == MMS_E_MISSING ? EXIT_NO_USER : exit_of_data(err));
	memcpy(job->request.life, known, sizeof job->request.life);
	return EXIT_DONE;
}

// Changes the file itself: no server runs that would.
static int change_file(struct job *job)
{
	int status = job->request.verb == OPERATOR_USER_ADD ? choose_life(job) : EXIT_DONE;
	if (status != EXIT_DONE)
		return status;
	status = users_change(&job->request, &job->paths, USERS_CHANGE_WAITS, &job->why);
	return status == EXIT_DONE ? EXIT_DONE : fail(job, status);
}

static int run(const struct action *action, int argc, char **argv)
{
	struct options_words words;
	struct job job = {0};
	int status;
	if (!options_begin(action->command, argc, argv, &words, &status))
		return status;
	status = begin(&job, action->command, action->verb, words.word[0]);
	if (status == EXIT_DONE && words.count > 1 &&
	    !base64url_decode(words.word[1], strlen(words.word[1]), job.request.fingerprint.bytes, FINGERPRINT_BYTES))
		status = fail_with(&job, EXIT_BAD_TEXT,
				   "\"%.60s\" is not a fingerprint; \"mms user list\" shows its 43 letters",
				   words.word[1]);
	if (status == EXIT_DONE && action->prepare != NULL)
		status = action->prepare(&job);
	if (status == EXIT_DONE)
		status = ask_server(&job, NULL, NULL);
	if (status == EXIT_DONE && !job.is_running)
		status = change_file(&job);
	if (status == EXIT_DONE)
		status = action->finish(&job);
	crypto_wipe(job.code_secret, sizeof job.code_secret);
	return status;
}

static int tell_effect(struct job *job)
{
	(void)printer_line(PRINTER_ERR, job->is_running
		? "The running server has it in effect."
		: "A server that is running reads the file again when told so: kill -HUP and its process id.");
	return EXIT_DONE;
}

// Fails where it can be known before anything is changed that the code would go nowhere.
static int make_code(struct job *job)
{
	if (!standard_can_put(&job->why))
		return fail(job, EXIT_IO);
	uint8_t random_secret[INVITE_CODE_BYTES];
	const struct rng rng = random_rng();
	struct user_invite *made = &job->request.invite;
	rng_fill(&rng, random_secret, sizeof random_secret);
	base64url_encode(random_secret, sizeof random_secret, job->code_secret);
	hash_invite_code(job->code_secret, strlen(job->code_secret), made->hash);
	made->expires_at.ms = clock_wall().ms + (int64_t)given.days * MS_PER_DAY;
	job->request.has_invite = true;
	crypto_wipe(random_secret, sizeof random_secret);
	return EXIT_DONE;
}

// The code goes to standard output alone, so that a script can take it; it is shown only after the file holds its hash.
static int show_code(struct job *job)
{
	const char *name = job->request.name.text;
	(void)printer_line(PRINTER_OUT, "%s", job->code_secret);
	if (output_flush(job->command->name) != EXIT_DONE)
		return fail_with(job, EXIT_IO,
				 "the users were changed, but nobody knows the code that %s now has: make another one in its place "
				 "with \"mms user invite --replace %s\"", name, name);
	char expiry[DATE_TEXT_BYTES];
	date_format_s(job->request.invite.expires_at, expiry);
	(void)printer_line(PRINTER_ERR,
		"With this code one device of %s can join until %s: \"signin %s CODE\" in mms client, or "
		"MMS_INVITE=CODE before another command.", name, expiry, name);
	return tell_effect(job);
}

// A user is new unless the operator says otherwise: whoever gets the code must not get the mail of who had the name before.
static int prepare_add(struct job *job)
{
	const struct rng rng = random_rng();
	job->request.is_same = given.is_same;
	if (!given.is_same)
		rng_fill(&rng, job->request.life, sizeof job->request.life);
	return given.is_plain ? EXIT_DONE : make_code(job);
}

static void tell_life(const struct job *job)
{
	const char *name = job->request.name.text;
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
		"started with --open-claims.", job->request.name.text);
	return tell_effect(job);
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
		.summary = "Adds a user and writes the code with which one device can join, once.",
		.items = items, .item_count = COUNT_OF(items),
	};
	static const struct action action = {&command, OPERATOR_USER_ADD, prepare_add, finish_add};
	return run(&action, argc, argv);
}

static int prepare_invite(struct job *job)
{
	job->request.is_alone = given.is_alone;
	return make_code(job);
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
	static const struct action action = {&command, OPERATOR_USER_INVITE, prepare_invite, show_code};
	return run(&action, argc, argv);
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
	static const struct action action = {&command, OPERATOR_USER_REVOKE, NULL, tell_effect};
	return run(&action, argc, argv);
}

static int remove_user(int argc, char **argv)
{
	static const struct options_item items[] = {DATA_ITEM, USERS_ITEM};
	static const struct options_command command = {
		.name = "mms user remove", .positionals = "NAME", .positional_min = 1, .positional_max = 1,
		.summary = "Removes a user; the server deletes mail and devices 30 days later.",
		.items = items, .item_count = COUNT_OF(items),
	};
	static const struct action action = {&command, OPERATOR_USER_REMOVE, NULL, tell_effect};
	return run(&action, argc, argv);
}

static int list(int argc, char **argv)
{
	static const struct options_item items[] = {DATA_ITEM, USERS_ITEM};
	static const struct options_command command = {
		.name = "mms user list", .positionals = "",
		.summary = "Lists the users, and the devices that the server of the data directory knows.",
		.notes = "Each line is NAME, a tab, and one of: plain (the first device may claim the name);\n"
			 "invite until EXPIRY; device FINGERPRINT since DATE; revoke FINGERPRINT;\n"
			 "suspended FINGERPRINT since DATE (a device of a name that is gone from the file).\n",
		.items = items, .item_count = COUNT_OF(items),
	};
	struct options_words words;
	struct user_list list = {0};
	struct job job = {0};
	int status;
	if (!options_begin(&command, argc, argv, &words, &status))
		return status;
	status = begin(&job, &command, OPERATOR_USER_LIST, NULL);
	if (status == EXIT_DONE)
		status = ask_server(&job, user_list_take_line, &list);
	if (status == EXIT_DONE) {
		status = job.is_running ? user_list_heard(&list, &job.why) : user_list_read(&list, &job.paths, &job.why);
		if (job.why.text[0] != 0)
			fail(&job, status);
	}
	user_list_clear(&list);
	return status;
}

int cmd_user(int argc, char **argv)
{
	static const struct options_action actions[] = {
		{"add", add}, {"invite", invite}, {"revoke", revoke}, {"list", list}, {"remove", remove_user}};
	static const struct options_command command = {
		.name = "mms user", .positionals = "add|invite|revoke|list|remove [OPTION]... [NAME [FINGERPRINT]]",
		.positional_max = 1,
		.summary = "Changes who may use a server, at once where it runs; \"mms user add --help\" tells more about one action.",
	};
	return options_act(&command, actions, COUNT_OF(actions), argc, argv);
}
