// SPDX-License-Identifier: ISC
// Taking a typed line apart; the contract is in command.h.
#include "ui/command.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

static bool is_blank(char letter)
{
	return letter == ' ' || letter == '\t';
}

static void skip_blanks(struct command_span *rest)
{
	while (rest->bytes > 0 && is_blank(*rest->text)) {
		rest->text++;
		rest->bytes--;
	}
}

// The next word, cut off the front of `rest`; empty at the end of the line.
static struct command_span take_word(struct command_span *rest)
{
	skip_blanks(rest);
	struct command_span word = {rest->text, 0};
	while (rest->bytes > 0 && !is_blank(*rest->text)) {
		rest->text++;
		rest->bytes--;
		word.bytes++;
	}
	return word;
}

// ASCII only, whatever the locale says about letters.
static bool is_word(struct command_span word, const char *command)
{
	if (word.bytes != strlen(command))
		return false;
	for (size_t i = 0; i < word.bytes; i++) {
		const char letter = word.text[i];
		const char folded = letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
		if (folded != command[i])
			return false;
	}
	return true;
}

static enum command_kind kind_of(struct command_span word)
{
	static const struct {
		const char *word;
		enum command_kind kind;
	} known[] = {{"help", COMMAND_HELP},       {"signin", COMMAND_SIGNIN}, {"whoison", COMMAND_WHO},    {"send", COMMAND_SEND},
		     {"signout", COMMAND_SIGNOUT}, {"quit", COMMAND_QUIT},     {"rooms", COMMAND_ROOMS},    {"join", COMMAND_JOIN},
		     {"leave", COMMAND_LEAVE},     {"add", COMMAND_ADD},       {"remove", COMMAND_REMOVE},  {"block", COMMAND_BLOCK},
		     {"unblock", COMMAND_UNBLOCK}};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (is_word(word, known[i].word))
			return known[i].kind;
	return COMMAND_UNKNOWN;
}

static enum command_fault fail_at(struct command *command, struct command_span word, enum command_fault fault)
{
	if (word.bytes == 0)
		return COMMAND_FAULT_NO_NAME;
	command->word = word;
	return fault;
}

static enum command_fault take_name(struct command *command, struct name *name, struct command_span *rest)
{
	const struct command_span word = take_word(rest);
	return name_parse(name, word.text, word.bytes) ? COMMAND_FAULT_NONE : fail_at(command, word, COMMAND_FAULT_NOT_A_NAME);
}

static bool is_room(struct command_span word)
{
	return word.bytes > 0 && *word.text == '#';
}

static enum command_fault take_room(struct command *command, struct command_span *rest)
{
	const struct command_span word = take_word(rest);
	return is_room(word) && message_to_parse(&command->to, word.text, word.bytes) ? COMMAND_FAULT_NONE
										     : fail_at(command, word, COMMAND_FAULT_NOT_A_ROOM);
}

// A user or a room.
static enum command_fault take_to(struct command *command, struct command_span *rest)
{
	struct command_span after = *rest;
	return is_room(take_word(&after)) ? take_room(command, rest) : take_name(command, &command->to.name, rest);
}

static enum command_fault take_end(struct command *command, struct command_span *rest)
{
	const struct command_span word = take_word(rest);
	if (word.bytes == 0)
		return COMMAND_FAULT_NONE;
	command->word = word;
	return COMMAND_FAULT_SURPLUS;
}

static enum command_fault take_pattern(struct command *command, struct command_span *rest)
{
	struct command_span after = *rest;
	const struct command_span word = take_word(&after);
	if (word.bytes == 0)
		return COMMAND_FAULT_NONE;
	if (is_room(word)) {
		const enum command_fault fault = take_room(command, rest);
		return fault == COMMAND_FAULT_NONE ? take_end(command, rest) : fault;
	}
	if (!name_pattern_parse(&command->pattern, word.text, word.bytes)) {
		command->word = word;
		return COMMAND_FAULT_NOT_A_PATTERN;
	}
	command->has_pattern = true;
	return take_end(command, &after);
}

static enum command_fault take_signin(struct command *command, struct command_span *rest)
{
	const enum command_fault fault = take_name(command, &command->to.name, rest);
	if (fault != COMMAND_FAULT_NONE)
		return fault;
	skip_blanks(rest);
	while (rest->bytes > 0 && is_blank(rest->text[rest->bytes - 1]))
		rest->bytes--;
	if (rest->bytes > 0)
		command->invite = *rest;
	return COMMAND_FAULT_NONE;
}

static enum command_fault take_send(struct command *command, struct command_span *rest)
{
	const enum command_fault fault = take_to(command, rest);
	if (fault != COMMAND_FAULT_NONE)
		return fault;
	struct command_span beyond = *rest;
	skip_blanks(&beyond);
	if (beyond.bytes == 0)
		return COMMAND_FAULT_NO_TEXT;
	assert(is_blank(*rest->text)); // take_word stopped there
	command->text = (struct command_span){rest->text + 1, rest->bytes - 1};
	if (command->text.bytes > TEXT_BYTES_MAX)
		return COMMAND_FAULT_TOO_LONG;
	return utf8_is_message(command->text.text, command->text.bytes) ? COMMAND_FAULT_NONE : COMMAND_FAULT_NOT_UTF8;
}

static enum command_fault take_join(struct command *command, struct command_span *rest)
{
	const enum command_fault fault = take_room(command, rest);
	if (fault != COMMAND_FAULT_NONE)
		return fault;
	for (;;) {
		struct command_span after = *rest;
		const struct command_span word = take_word(&after);
		if (is_word(word, "private"))
			command->is_private = true;
		else if (is_word(word, "nohistory"))
			command->is_without_history = true;
		else
			return take_end(command, rest);
		*rest = after;
	}
}

static enum command_fault take_other(struct command *command, struct command_span *rest)
{
	enum command_fault fault = take_name(command, &command->other, rest);
	if (fault == COMMAND_FAULT_NONE)
		fault = take_room(command, rest);
	return fault == COMMAND_FAULT_NONE ? take_end(command, rest) : fault;
}

static enum command_fault take_blocked(struct command *command, struct command_span *rest)
{
	struct command_span after = *rest;
	if (command->kind == COMMAND_BLOCK && take_word(&after).bytes == 0)
		return COMMAND_FAULT_NONE;
	const enum command_fault fault = take_name(command, &command->to.name, rest);
	return fault == COMMAND_FAULT_NONE ? take_end(command, rest) : fault;
}

static enum command_fault take_left(struct command *command, struct command_span *rest)
{
	const enum command_fault fault = take_room(command, rest);
	return fault == COMMAND_FAULT_NONE ? take_end(command, rest) : fault;
}

static enum command_fault take_rest(struct command *command, struct command_span *rest)
{
	switch (command->kind) {
	case COMMAND_SIGNIN:
		return take_signin(command, rest);
	case COMMAND_SEND:
		return take_send(command, rest);
	case COMMAND_WHO:
		return take_pattern(command, rest);
	case COMMAND_JOIN:
		return take_join(command, rest);
	case COMMAND_LEAVE:
		return take_left(command, rest);
	case COMMAND_ADD:
	case COMMAND_REMOVE:
		return take_other(command, rest);
	case COMMAND_BLOCK:
	case COMMAND_UNBLOCK:
		return take_blocked(command, rest);
	case COMMAND_SIGNOUT:
	case COMMAND_QUIT:
	case COMMAND_ROOMS:
		return take_end(command, rest);
	case COMMAND_HELP:
		command->is_more = is_word(take_word(rest), "more");
		return COMMAND_FAULT_NONE;
	case COMMAND_NONE:
	case COMMAND_UNKNOWN:
		return COMMAND_FAULT_NONE;
	}
	assert(false);
	return COMMAND_FAULT_NONE;
}

void command_parse(const char *line, size_t bytes, struct command *command)
{
	assert(line != NULL || bytes == 0);
	*command = (struct command){.kind = COMMAND_NONE, .fault = COMMAND_FAULT_NONE};
	if (bytes > 0 && line[bytes - 1] == '\r')
		bytes--;
	struct command_span rest = {line, bytes};
	const struct command_span word = take_word(&rest);
	if (word.bytes == 0)
		return;
	command->kind = kind_of(word);
	if (command->kind == COMMAND_UNKNOWN)
		command->word = word;
	command->fault = take_rest(command, &rest);
	const size_t bytes_before_text = command->text.text != NULL ? (size_t)(command->text.text - line) : bytes;
	if (memchr(line, '\n', bytes_before_text) != NULL)
		*command = (struct command){.kind = command->kind, .fault = COMMAND_FAULT_LINES};
}
