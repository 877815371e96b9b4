// SPDX-License-Identifier: ISC
// Bytes from a terminal into whole keys, so that the line editor never has to wait in the middle of one, and so that
// what a terminal answers by itself (colours, positions, versions, mouse, focus) never becomes part of a line. Layer:
// ui, pure. Source: ECMA-48, 5th edition, section 5, for the form of control functions and control strings; xterm's
// control sequences for what stands in them; the Linux console and the older mouse, which keep to neither, in keys.c.
// Bytes may come split over any number of calls. There are no timers: what ends a sequence are its bytes alone.
#ifndef MMS_UI_KEYS_H
#define MMS_UI_KEYS_H

#include <stddef.h>
#include <stdint.h>

enum key_kind {
	KEY_NONE,        // nothing yet, the key is not complete
	KEY_TEXT,        // point[0] is to be inserted
	KEY_EDIT,        // point[0 .. count) is an editing key: a control character, or escape and a character
	KEY_ENTER,       // the line is complete; in a paste, a newline
	KEY_END,         // Ctrl-D: end of input on an empty line, otherwise it deletes to the right
	KEY_DELETE,      // deletes to the right, also on an empty line
	KEY_PASTE_BEGIN, // what follows was pasted, up to KEY_PASTE_END (bracketed paste, private mode 2004)
	KEY_PASTE_END,
	KEY_ANSWER,      // the terminal has said something by itself: nothing to do
	KEY_REFUSED,     // not a key we know, or not UTF-8: ring the bell
};

struct key {
	uint32_t point[2];
	size_t count;
};

enum {
	KEYS_PENDING_BYTES = 8,         // kept of a sequence; the longest one we know has 6
	KEYS_SEQUENCE_BYTES_MAX = 256,  // of a control sequence; longer: given up with a bell, what follows is typed
	KEYS_STRING_BYTES_MAX = 65536,  // of a control string; likewise
};

enum keys_state {
	KEYS_GROUND,       // between keys
	KEYS_CHARACTER,    // in a character of UTF-8
	KEYS_ESCAPE,       // behind escape
	KEYS_INTERMEDIATE, // behind escape and a byte from 0x20 to 0x2f: one from 0x30 on ends it
	KEYS_CONTROL,      // in a control sequence (CSI): one from 0x40 on ends it
	KEYS_SHIFT,        // behind SS3, as a control sequence
	KEYS_STRING,       // in a control string (APC, DCS, OSC, PM, SOS): ST ends it, and so does any control
	KEYS_BLIND,        // a known number of bytes follows, whatever they are
};

// An empty struct, {0}, is the start.
struct keys {
	enum keys_state state;
	uint8_t pending[KEYS_PENDING_BYTES]; // the character, or the sequence without its introducer
	size_t pending_bytes;                // of it so far; may run beyond the array
	size_t following;                    // bytes that belong to what has begun: KEYS_BLIND, a character in a string
	enum key_kind blind;                 // what the end of KEYS_BLIND is
};

// Takes one byte; `*key` is set for KEY_TEXT and KEY_EDIT. A byte that breaks off a character or sequence and cannot
// belong to one begins the next; a control (Enter too) that breaks one off is refused, so that no line is sent that has
// lost its middle. A lone escape takes one key with it; one that is followed by [ O P X ] ^ or _ takes what follows as
// long as that may be a sequence, at the most until the next control.
enum key_kind keys_step(struct keys *keys, uint8_t byte, struct key *key);

#endif
