// SPDX-License-Identifier: ISC
// `mms room`: the rooms of a server, changed and listed by the server that runs, over its operator's socket.
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/data.h"
#include "cmd/exit.h"
#include "cmd/operator_call.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "node/operator.h"
#include "ui/printer.h"

// What the options said.
static struct {
	const char *data;
	bool is_private;
	bool has_no_history;
} given;

#define DATA_ITEM \
	{.name = "data", .letter = 'd', .argument = "DATA", .text = &given.data, \
	 .help = "data directory of the server that runs (default: mms/server in the XDG state directory)"}
#define COUNT_OF(items) (sizeof(items) / sizeof(items)[0])

// One action on its way.
struct job {
	const struct options_command *command;
	struct data_paths paths;
	struct operator_request request;
	struct operator_reply reply;
	struct reason why;
};

__attribute__((format(printf, 3, 4))) static int fail(const struct job *job, int status, const char *format, ...)
{
	char text[REASON_TEXT_BYTES + 64];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	(void)printer_line(PRINTER_ERR, "%s: %s", job->command->name, text);
	return status;
}

// A room's name, with '#' or without.
static int take_room(const struct job *job, struct name *room, const char *word)
{
	const char *text = word[0] == '#' ? word + 1 : word;
	if (name_parse(room, text, strlen(text)))
		return EXIT_DONE;
	return fail(job, EXIT_BAD_TEXT, "\"%.60s\" is not a room; one has 1 to 32 of A-Z a-z 0-9 . _ -, with or without # in front", word);
}

static int take_name(const struct job *job, struct name *name, const char *word)
{
	if (name_parse(name, word, strlen(word)))
		return EXIT_DONE;
	return fail(job, EXIT_BAD_TEXT, "\"%.60s\" is not a name; it has 1 to 32 of A-Z a-z 0-9 . _ -", word);
}

// Takes the command line into the request: at first a room, then what stands behind it.
static int begin(struct job *job, const struct options_words *words)
{
	int status = EXIT_DONE;
	if (words->count > 0)
		status = take_room(job, &job->request.room, words->word[0]);
	if (status == EXIT_DONE && words->count > 1)
		status = job->request.verb == OPERATOR_ROOM_RENAME ? take_room(job, &job->request.to, words->word[1])
								   : take_name(job, &job->request.name, words->word[1]);
	if (status != EXIT_DONE)
		return status;
	const enum mms_err err = data_choose(&job->paths, given.data, NULL, &job->why);
	return err == MMS_OK ? EXIT_DONE : fail(job, err == MMS_E_BAD ? EXIT_USAGE : exit_of_data(err), "%s", job->why.text);
}

static int ask(struct job *job, void (*each)(void *context, const struct operator_line *line))
{
	job->reply = operator_call(job->paths.data.text, &job->request, each, NULL, &job->why);
	if (!job->reply.is_there)
		return fail(job, EXIT_UNREACHABLE,
			    "no server runs on %.300s, and rooms are changed by the server that runs: start it, or choose its data "
			    "directory with -d", job->paths.data.text);
	return job->reply.status == EXIT_DONE ? EXIT_DONE : fail(job, job->reply.status, "%s", job->why.text);
}

static int run(const struct options_command *command, enum operator_verb verb, int argc, char **argv,
	       void (*each)(void *context, const struct operator_line *line), void (*finish)(const struct job *job))
{
	struct options_words words;
	struct job job = {.command = command, .request = {.verb = verb}};
	int status;
	if (!options_begin(command, argc, argv, &words, &status))
		return status;
	job.request.is_private = given.is_private;
	job.request.has_no_history = given.has_no_history;
	status = begin(&job, &words);
	if (status == EXIT_DONE)
		status = ask(&job, each);
	if (status != EXIT_DONE)
		return status;
	if (finish != NULL)
		finish(&job);
	return output_flush(command->name);
}

// "1 member", "12 members".
static const char *members(uint32_t count)
{
	static char text[32];
	snprintf(text, sizeof text, "%" PRIu32 " member%s", count, count == 1 ? "" : "s");
	return text;
}

// --- make, add, remove, rename, delete: a sentence on standard error ---

static void tell_made(const struct job *job)
{
	(void)printer_line(PRINTER_ERR, "#%s is there, and nobody is in it yet.", job->request.room.text);
}

static int make(int argc, char **argv)
{
	static const struct options_item items[] = {
		DATA_ITEM,
		{.name = "private", .flag = &given.is_private,
		 .help = "only who is in it knows of it, and only its owner or you can add somebody"},
		{.name = "no-history", .flag = &given.has_no_history, .help = "who comes in sees nothing of what was said before"},
	};
	static const struct options_command command = {
		.name = "mms room make", .positionals = "ROOM", .positional_min = 1, .positional_max = 1,
		.summary = "Makes a room, which stays when nobody is in it. Its owner is who comes into it first.",
		.items = items, .item_count = COUNT_OF(items),
	};
	return run(&command, OPERATOR_ROOM_MAKE, argc, argv, NULL, tell_made);
}

static void tell_added(const struct job *job)
{
	const char *name = job->request.name.text;
	const char *room = job->request.room.text;
	if (job->reply.is_already)
		(void)printer_line(PRINTER_ERR, "%s is in #%s already.", name, room);
	else
		(void)printer_line(PRINTER_ERR, "%s is in #%s, which has %s.", name, room, members(job->reply.member_count));
}

static int add(int argc, char **argv)
{
	static const struct options_item items[] = {DATA_ITEM};
	static const struct options_command command = {
		.name = "mms room add", .positionals = "ROOM USER", .positional_min = 2, .positional_max = 2,
		.summary = "Brings a user into a room.", .items = items, .item_count = COUNT_OF(items),
	};
	return run(&command, OPERATOR_ROOM_ADD, argc, argv, NULL, tell_added);
}

static void tell_removed(const struct job *job)
{
	const char *name = job->request.name.text;
	const char *room = job->request.room.text;
	if (job->reply.is_already)
		(void)printer_line(PRINTER_ERR, "%s is not in #%s, nothing was done.", name, room);
	else
		(void)printer_line(PRINTER_ERR, "%s is no longer in #%s, which has %s.", name, room, members(job->reply.member_count));
}

static int remove_member(int argc, char **argv)
{
	static const struct options_item items[] = {DATA_ITEM};
	static const struct options_command command = {
		.name = "mms room remove", .positionals = "ROOM USER", .positional_min = 2, .positional_max = 2,
		.summary = "Puts a user out of a room. An owner hands it over to whoever has been in it longest.",
		.items = items, .item_count = COUNT_OF(items),
	};
	return run(&command, OPERATOR_ROOM_REMOVE, argc, argv, NULL, tell_removed);
}

static void tell_renamed(const struct job *job)
{
	if (job->reply.is_already)
		(void)printer_line(PRINTER_ERR, "#%s is its name already.", job->request.to.text);
	else
		(void)printer_line(PRINTER_ERR, "#%s is now called #%s; its old name leads to it too.", job->request.room.text,
				   job->request.to.text);
}

static int rename_room(int argc, char **argv)
{
	static const struct options_item items[] = {DATA_ITEM};
	static const struct options_command command = {
		.name = "mms room rename", .positionals = "ROOM NEW", .positional_min = 2, .positional_max = 2,
		.summary = "Gives a room another name. Its members are told, and its old name goes on leading to it.",
		.items = items, .item_count = COUNT_OF(items),
	};
	return run(&command, OPERATOR_ROOM_RENAME, argc, argv, NULL, tell_renamed);
}

static void tell_deleted(const struct job *job)
{
	(void)printer_line(PRINTER_ERR, "#%s is gone; it had %s. Its name can be given again in %d days.", job->request.room.text,
			   members(job->reply.member_count), ROOM_NAME_DAYS);
}

static int delete_room(int argc, char **argv)
{
	static const struct options_item items[] = {DATA_ITEM};
	static const struct options_command command = {
		.name = "mms room delete", .positionals = "ROOM", .positional_min = 1, .positional_max = 1,
		.summary = "Ends a room, whoever is in it, and asks nothing. What a device has of it stays there.",
		.items = items, .item_count = COUNT_OF(items),
	};
	return run(&command, OPERATOR_ROOM_DELETE, argc, argv, NULL, tell_deleted);
}

// --- list ---

static void show(void *context, const struct operator_line *line)
{
	struct storage_room room;
	struct storage_member member;
	(void)context;
	if (operator_line_is(line, OPERATOR_KEY_ROOM) && operator_room_read(&room, line->value, line->value_bytes)) {
		char name[1 + NAME_BUFFER_BYTES];
		char what[64];
		snprintf(name, sizeof name, "#%s", room.room.name.text);
		snprintf(what, sizeof what, "%s, %s%s", members(room.member_count), room.is_private ? "private" : "open",
			 room.has_no_history ? ", no history" : "");
		(void)printer_fields(PRINTER_OUT, name, what);
	} else if (operator_line_is(line, OPERATOR_KEY_MEMBER) && operator_member_read(&member, line->value, line->value_bytes)) {
		(void)printer_fields(PRINTER_OUT, member.name.text, member.is_owner ? "owner" : "member");
	}
}

static int list(int argc, char **argv)
{
	static const struct options_item items[] = {DATA_ITEM};
	static const struct options_command command = {
		.name = "mms room list", .positionals = "[ROOM]", .positional_max = 1,
		.summary = "Lists all rooms of the server, private ones too; or who is in a room.",
		.notes = "Each line is #ROOM, a tab, and \"N members, open\" or \"N members, private\", with \", no history\" where\n"
			 "newcomers see nothing of before.\n"
			 "Of a room each line is NAME, a tab, and owner or member. Both are in the order of names.\n",
		.items = items, .item_count = COUNT_OF(items),
	};
	return run(&command, OPERATOR_ROOM_LIST, argc, argv, show, NULL);
}

int cmd_room(int argc, char **argv)
{
	static const struct options_action actions[] = {{"list", list},		   {"make", make},
							{"add", add},		   {"remove", remove_member},
							{"rename", rename_room}, {"delete", delete_room}};
	static const struct options_command command = {
		.name = "mms room", .positionals = "list|make|add|remove|rename|delete [OPTION]... [ROOM [USER|NEW]]",
		.positional_max = 1,
		.summary = "Lists and changes the rooms of a server that runs; \"mms room make --help\" tells more about one action.",
		.notes = "A room's name may stand with # in front, which a shell wants quoted, or without.\n",
	};
	return options_act(&command, actions, COUNT_OF(actions), argc, argv);
}
