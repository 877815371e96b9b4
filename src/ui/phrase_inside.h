// SPDX-License-Identifier: ISC
// What the files of sentences share; nobody else includes this. Layer: ui.
#ifndef MMS_UI_PHRASE_INSIDE_H
#define MMS_UI_PHRASE_INSIDE_H

#include "base/message.h"
#include "ui/filter.h"
#include "ui/phrase.h"

// Writes our own words.
void phrase_put(const struct phrase_out *out, const char *text);

// Writes what is not ours. Filters piece by piece, cutting between characters, so that no buffer for the whole is needed.
void phrase_put_filtered(const struct phrase_out *out, const char *text, size_t bytes, enum filter_mode mode);

// Writes a word somebody typed, as one line and with an end in sight.
void phrase_put_word(const struct phrase_out *out, const char *word, size_t bytes);

// Writes the name of a user, or of a room with its '#'.
void phrase_put_to(const struct phrase_out *out, const struct message_to *to);

#endif
