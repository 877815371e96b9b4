// SPDX-License-Identifier: ISC
// Keys out of terminal bytes; the contract is in keys.h.
#include "ui/keys.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

enum { ESCAPE = 0x1b, RUBOUT = 0x7f };

#define CONTROL(letter) ((letter) & 0x1f)

static enum key_kind edit(struct key *key, uint32_t first, uint32_t second)
{
	*key = (struct key){{first, second}, second == 0 ? 1 : 2};
	return KEY_EDIT;
}

// The sequences of xterm, VT and the Linux console for the keys that move and delete.
static enum key_kind known_sequence(const char *sequence, size_t bytes, struct key *key)
{
	static const struct {
		const char *sequence;
		enum key_kind kind;
		uint8_t first;
		uint8_t second;
	} known[] = {
		{"[A", KEY_EDIT, CONTROL('P'), 0},     {"OA", KEY_EDIT, CONTROL('P'), 0}, // up
		{"[B", KEY_EDIT, CONTROL('N'), 0},     {"OB", KEY_EDIT, CONTROL('N'), 0}, // down
		{"[C", KEY_EDIT, CONTROL('F'), 0},     {"OC", KEY_EDIT, CONTROL('F'), 0}, // right
		{"[D", KEY_EDIT, CONTROL('B'), 0},     {"OD", KEY_EDIT, CONTROL('B'), 0}, // left
		{"[H", KEY_EDIT, CONTROL('A'), 0},     {"OH", KEY_EDIT, CONTROL('A'), 0}, // home
		{"[1~", KEY_EDIT, CONTROL('A'), 0},    {"[7~", KEY_EDIT, CONTROL('A'), 0},
		{"[F", KEY_EDIT, CONTROL('E'), 0},     {"OF", KEY_EDIT, CONTROL('E'), 0}, // end
		{"[4~", KEY_EDIT, CONTROL('E'), 0},    {"[8~", KEY_EDIT, CONTROL('E'), 0},
		{"[1;5C", KEY_EDIT, ESCAPE, 'f'},      {"[1;5D", KEY_EDIT, ESCAPE, 'b'}, // a word on, a word back
		{"[1;3C", KEY_EDIT, ESCAPE, 'f'},      {"[1;3D", KEY_EDIT, ESCAPE, 'b'},
		{"[3~", KEY_DELETE, 0, 0},             {"OM", KEY_ENTER, 0, 0}, // delete; enter of the number pad
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strlen(known[i].sequence) != bytes || memcmp(known[i].sequence, sequence, bytes) != 0)
			continue;
		return known[i].kind == KEY_EDIT ? edit(key, known[i].first, known[i].second) : known[i].kind;
	}
	return KEY_REFUSED;
}

// Escape and one character: the word commands of the editor. Its command prompt (Alt-x) would wait for more keys.
static enum key_kind alt(uint8_t byte, struct key *key)
{
	const bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
	if ((is_letter && byte != 'x' && byte != 'X') || byte == RUBOUT || byte == CONTROL('H'))
		return edit(key, ESCAPE, byte);
	return KEY_REFUSED;
}

// `byte` is the newest one of the pending bytes, which begin with escape.
static enum key_kind step_sequence(struct keys *keys, uint8_t byte, struct key *key)
{
	const size_t bytes = keys->pending_bytes;
	if (bytes == 1)
		return KEY_NONE;
	if (byte == ESCAPE) {
		keys->pending_bytes = 1;
		return KEY_NONE;
	}
	const uint8_t second = keys->pending[1];
	if (second != '[' && second != 'O')
		return alt(second, key);
	if (bytes == 2)
		return KEY_NONE;
	if (second == '[') {
		const bool is_function_key = bytes == 3 && byte == '['; // Linux console: one more follows
		if (is_function_key || (byte >= 0x20 && byte < 0x40))
			return KEY_NONE;
	}
	if (bytes > KEYS_PENDING_BYTES)
		return KEY_REFUSED;
	return known_sequence((const char *)keys->pending + 1, bytes - 1, key);
}

static enum key_kind step_control(uint8_t byte, struct key *key)
{
	switch (byte) {
	case '\r':
	case '\n':
		return KEY_ENTER;
	case CONTROL('D'):
		return KEY_END;
	case CONTROL('V'): // these two would wait for another key
	case CONTROL('X'):
		return KEY_REFUSED;
	default:
		return edit(key, byte, 0);
	}
}

// The bytes a character takes that begins with `byte`; 0: none does.
static size_t length_of(uint8_t byte)
{
	if (byte < 0xc2 || byte > 0xf4)
		return 0;
	return byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
}

static enum key_kind step_character(const struct keys *keys, struct key *key)
{
	const size_t length = length_of(keys->pending[0]);
	if (length == 0)
		return KEY_REFUSED;
	if (keys->pending_bytes < length)
		return KEY_NONE;
	*key = (struct key){{0, 0}, 1};
	return utf8_decode(keys->pending, length, &key->point[0]) == length ? KEY_TEXT : KEY_REFUSED;
}

static enum key_kind step(struct keys *keys, uint8_t byte, struct key *key)
{
	const uint8_t first = keys->pending[0];
	if (first == ESCAPE)
		return step_sequence(keys, byte, key);
	if (first >= 0x80)
		return step_character(keys, key);
	if ((first < 0x20 && first != '\t') || first == RUBOUT)
		return step_control(first, key);
	*key = (struct key){{first, 0}, 1};
	return KEY_TEXT;
}

enum key_kind keys_step(struct keys *keys, uint8_t byte, struct key *key)
{
	assert(keys->pending_bytes == 0 || keys->pending[0] >= 0x80 || keys->pending[0] == ESCAPE);
	// A character broken off: what is lost is not worth a bell if a good key follows.
	if (keys->pending_bytes > 0 && keys->pending[0] >= 0x80 && (byte & 0xc0) != 0x80)
		keys->pending_bytes = 0;
	if (keys->pending_bytes < KEYS_PENDING_BYTES)
		keys->pending[keys->pending_bytes] = byte;
	keys->pending_bytes++;
	const enum key_kind kind = step(keys, byte, key);
	if (kind != KEY_NONE)
		keys->pending_bytes = 0;
	return kind;
}
