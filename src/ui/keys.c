// SPDX-License-Identifier: ISC
// Keys out of terminal bytes; the contract is in keys.h.
#include "ui/keys.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

enum { ESCAPE = 0x1b, RUBOUT = 0x7f, C1_FIRST = 0x80, C1_LAST = 0x9f, C1_ST = 0x9c };

#define CONTROL(letter) ((letter) & 0x1f)

static enum key_kind edit(struct key *key, uint32_t first, uint32_t second)
{
	*key = (struct key){{first, second}, second == 0 ? 1 : 2};
	return KEY_EDIT;
}

static enum key_kind begin(struct keys *keys, enum keys_state state)
{
	keys->state = state;
	keys->pending_bytes = 0;
	keys->following = 0;
	return KEY_NONE;
}

static enum key_kind finish(struct keys *keys, enum key_kind kind)
{
	(void)begin(keys, KEYS_GROUND);
	return kind;
}

// The sequences of xterm, VT and the Linux console for the keys that move and delete, and the marks around a paste.
// KEY_REFUSED: none of them.
static enum key_kind known_sequence(char introducer, const uint8_t *sequence, size_t bytes, struct key *key)
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
		{"[200~", KEY_PASTE_BEGIN, 0, 0},      {"[201~", KEY_PASTE_END, 0, 0},
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		const char *rest = known[i].sequence + 1;
		if (known[i].sequence[0] != introducer || strlen(rest) != bytes || memcmp(rest, sequence, bytes) != 0)
			continue;
		return known[i].kind == KEY_EDIT ? edit(key, known[i].first, known[i].second) : known[i].kind;
	}
	return KEY_REFUSED;
}

// Whether a control sequence that is no key of ours is one that terminals send without anybody having typed it.
static bool is_answer(const uint8_t *sequence, size_t bytes)
{
	const bool is_private = sequence[0] >= '<' && sequence[0] <= '?'; // answers to questions, the mouse
	const uint8_t final = sequence[bytes - 1];
	if (is_private)
		return true;
	// Position, attributes, status, window, modes; and without parameters: focus gained and lost.
	return strchr("Rcnty", final) != NULL || (bytes == 1 && (final == 'I' || final == 'O'));
}

// Escape and one character: the word commands of the editor. Its command prompt (Alt-x) would wait for more keys.
static enum key_kind alt(uint8_t byte, struct key *key)
{
	const bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
	if ((is_letter && byte != 'x') || byte == RUBOUT || byte == CONTROL('H'))
		return edit(key, ESCAPE, byte);
	return KEY_REFUSED;
}

// Behind escape, or a C1 control (`byte` is then the letter that stands for it in 7 bits).
static enum key_kind step_escape(struct keys *keys, uint8_t byte, struct key *key)
{
	if (byte == '[')
		return begin(keys, KEYS_CONTROL);
	if (byte == 'O')
		return begin(keys, KEYS_SHIFT);
	if (strchr("PX]^_", byte) != NULL && byte != 0)
		return begin(keys, KEYS_STRING);
	if (byte == '\\')
		return finish(keys, KEY_ANSWER); // ST: the end of a string
	if (byte >= 0x20 && byte < 0x30)
		return begin(keys, KEYS_INTERMEDIATE);
	return finish(keys, alt(byte, key));
}

// Notes a byte of a sequence. False: there are too many.
static bool note(struct keys *keys, uint8_t byte, size_t bytes_max)
{
	if (keys->pending_bytes < KEYS_PENDING_BYTES)
		keys->pending[keys->pending_bytes] = byte;
	return ++keys->pending_bytes <= bytes_max;
}

static enum key_kind begin_blind(struct keys *keys, size_t bytes, enum key_kind kind)
{
	(void)begin(keys, KEYS_BLIND);
	keys->following = bytes;
	keys->blind = kind;
	return KEY_NONE;
}

static enum key_kind step_control_sequence(struct keys *keys, uint8_t byte, struct key *key)
{
	enum { MOUSE_BYTES = 3 };
	if (byte < 0x20 || byte == RUBOUT || !note(keys, byte, KEYS_SEQUENCE_BYTES_MAX))
		return finish(keys, KEY_REFUSED);
	if (byte < 0x40)
		return KEY_NONE;
	const size_t bytes = keys->pending_bytes;
	if (keys->state == KEYS_CONTROL && bytes == 1 && byte == '[')
		return begin_blind(keys, 1, KEY_REFUSED); // a function key of the Linux console
	if (keys->state == KEYS_CONTROL && bytes == 1 && byte == 'M')
		return begin_blind(keys, MOUSE_BYTES, KEY_ANSWER); // xterm's first mouse: button, column, row
	enum key_kind kind = KEY_REFUSED;
	const bool is_whole = bytes <= KEYS_PENDING_BYTES;
	if (is_whole)
		kind = known_sequence(keys->state == KEYS_CONTROL ? '[' : 'O', keys->pending, bytes, key);
	// Of a long one the beginning and the end are known.
	const uint8_t ends[2] = {keys->pending[0], byte};
	if (kind == KEY_REFUSED && keys->state == KEYS_CONTROL &&
	    (is_whole ? is_answer(keys->pending, bytes) : is_answer(ends, sizeof ends)))
		kind = KEY_ANSWER;
	return finish(keys, kind);
}

// In UTF-8 the byte of the C1 control ST may also be a part of a character.
static enum key_kind step_string(struct keys *keys, uint8_t byte)
{
	const bool is_first = keys->following == 0;
	const bool is_c1 = keys->pending[0] == 0xc2 && keys->following == 1 && byte == C1_ST;
	if (byte < 0x20)
		return finish(keys, byte == CONTROL('G') ? KEY_ANSWER : KEY_REFUSED); // BEL ends xterm's strings
	if ((is_first && byte == C1_ST) || is_c1)
		return finish(keys, KEY_ANSWER);
	if (++keys->pending_bytes > KEYS_STRING_BYTES_MAX)
		return finish(keys, KEY_REFUSED);
	keys->pending[0] = byte;
	if (byte >= 0xc2 && byte <= 0xf4)
		keys->following = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
	else
		keys->following = byte >= 0x80 && byte < 0xc0 && !is_first ? keys->following - 1 : 0;
	return KEY_NONE;
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

// A C1 control, in 8 bits or as a character, is escape and a letter in 7.
static enum key_kind step_c1(struct keys *keys, uint32_t point, struct key *key)
{
	const uint8_t letter = (uint8_t)(point - C1_FIRST + '@');
	if (strchr("[O\\PX]^_", letter) == NULL)
		return finish(keys, KEY_REFUSED);
	return step_escape(keys, letter, key);
}

static enum key_kind step_character(struct keys *keys, uint8_t byte, struct key *key)
{
	keys->pending[keys->pending_bytes++] = byte;
	const size_t length = length_of(keys->pending[0]);
	if (keys->pending_bytes < length)
		return KEY_NONE;
	*key = (struct key){{0, 0}, 1};
	if (utf8_decode(keys->pending, length, &key->point[0]) != length)
		return finish(keys, KEY_REFUSED);
	if (key->point[0] <= C1_LAST)
		return step_c1(keys, key->point[0], key);
	return finish(keys, KEY_TEXT);
}

static enum key_kind step_ground(struct keys *keys, uint8_t byte, struct key *key)
{
	if (byte == ESCAPE)
		return begin(keys, KEYS_ESCAPE);
	if (byte >= C1_FIRST && byte <= C1_LAST)
		return step_c1(keys, byte, key);
	if (byte >= 0x80) {
		(void)begin(keys, KEYS_CHARACTER);
		return length_of(byte) == 0 ? finish(keys, KEY_REFUSED) : step_character(keys, byte, key);
	}
	if ((byte < 0x20 && byte != '\t') || byte == RUBOUT)
		return step_control(byte, key);
	*key = (struct key){{byte, 0}, 1};
	return KEY_TEXT;
}

// Whether the byte cannot belong to what has begun: that is lost, without a bell if a good key follows.
static bool breaks_off(const struct keys *keys, uint8_t byte)
{
	switch (keys->state) {
	case KEYS_CHARACTER:
		return (byte & 0xc0) != 0x80;
	case KEYS_ESCAPE:
	case KEYS_INTERMEDIATE:
	case KEYS_CONTROL:
	case KEYS_SHIFT:
		return byte >= 0x80;
	case KEYS_GROUND:
	case KEYS_STRING:
	case KEYS_BLIND:
		break;
	}
	return false;
}

enum key_kind keys_step(struct keys *keys, uint8_t byte, struct key *key)
{
	if (breaks_off(keys, byte) || (byte == ESCAPE && keys->state != KEYS_GROUND))
		(void)begin(keys, KEYS_GROUND);
	switch (keys->state) {
	case KEYS_GROUND:
		return step_ground(keys, byte, key);
	case KEYS_CHARACTER:
		return step_character(keys, byte, key);
	case KEYS_ESCAPE:
		return step_escape(keys, byte, key);
	case KEYS_INTERMEDIATE:
		if (byte >= 0x20 && byte < 0x30 && note(keys, byte, KEYS_SEQUENCE_BYTES_MAX))
			return KEY_NONE;
		return finish(keys, KEY_REFUSED);
	case KEYS_CONTROL:
	case KEYS_SHIFT:
		return step_control_sequence(keys, byte, key);
	case KEYS_STRING:
		return step_string(keys, byte);
	case KEYS_BLIND:
		if (byte < 0x20)
			return finish(keys, KEY_REFUSED);
		return --keys->following == 0 ? finish(keys, keys->blind) : KEY_NONE;
	}
	assert(false);
	return KEY_REFUSED;
}
