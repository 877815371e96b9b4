// SPDX-License-Identifier: ISC
// A store on a disk that can fail, the script it goes through, and the model it is held against: what explore.h needs
// of the server's store and of the client's alike. A world is one struct that begins with `struct world`; without an
// open store it is copied by memcpy, and the copy goes on from the same moment.
#ifndef MMS_TEST_WORLD_H
#define MMS_TEST_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/name.h"
#include "base/uuid.h"

enum { WORLD_USERS = 4, WORLD_LONG_TEXTS = 1000000 }; // from this serial number on every text has the full size
enum { WORLD_PATH_BYTES = 512, COMPLAINT_BYTES = 1024 };

struct world_kind;

struct world {
	const struct world_kind *kind;
	uint64_t seed;
	char path[WORLD_PATH_BYTES];
	struct reason why;               // of the last call that failed
	char complaint[COMPLAINT_BYTES]; // the first broken promise; empty: none
};

struct world_kind {
	const char *name;
	size_t world_bytes;
	uint32_t step_count;

	// Makes a world with an empty disk before its first step.
	void (*init)(struct world *world, uint64_t seed, const char *directory);

	// Opens the store as the program does at its start, and closes it; a closed one is accepted.
	enum mms_err (*open)(struct world *world);
	void (*close)(struct world *world);
	bool (*is_open)(const struct world *world);

	// Performs a step of the script. MMS_OK: it came as the model says. Otherwise the store was in trouble, and
	// `check` finds out what became of the step. A broken contract is a complaint.
	enum mms_err (*step)(struct world *world, uint32_t index);

	// Performs what a program does first after opening. The same.
	enum mms_err (*begin)(struct world *world);

	// What a step does, in a word, for people.
	const char *(*step_name)(uint32_t index);

	// Compares all that the store knows with the model; without faults. After a failure the model takes the side
	// that the store took.
	void (*check)(struct world *world);

	// Whether the store may be used after a call failed with `err`.
	bool (*is_usable_after)(enum mms_err err);

	// Checks that a store that may not be used any more refuses.
	void (*check_broken)(struct world *world);
};

extern const struct world_kind server_world_kind;
extern const struct world_kind server_log_world_kind; // so much mail that the log is copied inside a commit
extern const struct world_kind room_world_kind; // rooms and blocks in the server's store
extern const struct world_kind client_world_kind;

// Notes what is wrong, unless something was before.
void world_complain(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

// What message `serial` is made of; no two are the same. Returns the text's bytes.
struct uuid world_id(uint32_t serial);
uint16_t world_text(uint32_t serial, uint8_t text[TEXT_BYTES_MAX]);

// The name of a user, in capitals when it `is_loud`.
struct name world_name(unsigned user, bool is_loud);

// Runs SQL text that gives one number, or -1.
struct sqlite3;
int64_t world_number(struct sqlite3 *db, const char *sql);

// Complains unless SQLite finds the whole file, indexes too, in order.
void world_check_integrity(struct world *world, struct sqlite3 *db);

#endif
