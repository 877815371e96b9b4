// SPDX-License-Identifier: ISC
// Bytes from a terminal into whole keys, so that the line editor never has to wait in the middle of one. Layer: ui,
// pure. Cursor keys become the control characters that do the same; sequences nobody asked for are swallowed whole, so
// that no part of them ends up in a message.
#ifndef MMS_UI_KEYS_H
#define MMS_UI_KEYS_H

#include <stddef.h>
#include <stdint.h>

enum key_kind {
	KEY_NONE,    // nothing yet, the key is not complete
	KEY_TEXT,    // point[0] is to be inserted
	KEY_EDIT,    // point[0 .. count) is an editing key: a control character, or escape and a character
	KEY_ENTER,   // the line is complete
	KEY_END,     // Ctrl-D: end of input on an empty line, otherwise it deletes to the right
	KEY_DELETE,  // deletes to the right, also on an empty line
	KEY_REFUSED, // not a key we know, or not UTF-8: ring the bell
};

struct key {
	uint32_t point[2];
	size_t count;
};

enum { KEYS_PENDING_BYTES = 8 }; // the longest sequence we know has 6; of longer ones only the end is waited for

// An empty struct, {0}, is the start.
struct keys {
	uint8_t pending[KEYS_PENDING_BYTES];
	size_t pending_bytes; // may run beyond the array, while an unknown sequence is swallowed
};

// Takes one byte; `*key` is set for KEY_TEXT and KEY_EDIT. A byte that breaks off a character or sequence begins the
// next.
enum key_kind keys_step(struct keys *keys, uint8_t byte, struct key *key);

#endif
