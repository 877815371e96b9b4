// SPDX-License-Identifier: ISC
// Changes to a users file; the contract is in users_change.h.
#include "cmd/users_change.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/exit.h"
#include "cmd/users_file.h"
#include "os/clock.h"
#include "os/directory.h"
#include "os/failure.h"
#include "os/file.h"
#include "os/lock.h"
#include "store/users_edit.h"

enum { LOOK_MS = 20 }; // between two tries to get the lock

// A change on its way; zeroed: nothing is held.
struct change {
	const struct operator_request *request;
	const struct data_paths *paths;
	struct lock lock;
	struct users_file file; // empty when it does not exist yet
	struct reason *why;
};

static int load(struct change *change)
{
	const enum mms_err err = users_file_load(&change->file, change->paths->users.text, change->why);
	return err == MMS_OK ? EXIT_DONE : exit_of_users_file(err);
}

static enum mms_err take_lock_soon(struct change *change)
{
	const struct mtime end = mtime_add_ms(clock_monotonic(), (int64_t)USERS_CHANGE_WAIT_S * 1000);
	enum mms_err err;
	while ((err = lock_take(&change->lock, change->paths->users_lock.text, change->why)) == MMS_E_BUSY &&
	       !mtime_is_due(end, clock_monotonic()))
		nanosleep(&(struct timespec){.tv_nsec = (long)LOOK_MS * 1000 * 1000}, NULL);
	return err;
}

static int take_lock(struct change *change, enum users_change_wait wait)
{
	const enum mms_err err = wait == USERS_CHANGE_WAITS
					 ? lock_take_blocking(&change->lock, change->paths->users_lock.text, change->why)
					 : take_lock_soon(change);
	if (err != MMS_E_BUSY)
		return err == MMS_OK ? EXIT_DONE : exit_of_data(err);
	failure_say(change->why, "another command keeps %.400s locked; try again", change->paths->users.text);
	return EXIT_LATER;
}

// Loads the file under the lock. Looks first without it, so that no lock file appears beside a file that is not there.
static int load_locked(struct change *change, enum users_change_wait wait)
{
	int status = load(change);
	if (status != EXIT_DONE)
		return status;
	users_file_clear(&change->file);
	status = take_lock(change, wait);
	return status == EXIT_DONE ? load(change) : status;
}

// The same, but a file that is missing is an empty one, and its directory is made.
static int load_or_create_locked(struct change *change, enum users_change_wait wait)
{
	enum mms_err err = directory_make(change->paths->users_folder.text, 0700, change->why);
	const int status = err == MMS_OK ? take_lock(change, wait) : exit_of_data(err);
	if (status != EXIT_DONE)
		return status;
	err = users_file_load(&change->file, change->paths->users.text, change->why);
	return err == MMS_OK || err == MMS_E_MISSING ? EXIT_DONE : exit_of_users_file(err);
}

static const char *text_of(const struct change *change)
{
	return change->file.text != NULL ? change->file.text : "";
}

// --- the edits: each returns the exit status; an edit that is untouched: nothing is to be done ---

static int fail_missing(const struct change *change)
{
	failure_say(change->why, "no such user: %s is not in %.400s; \"mms user list\" shows who is",
		    change->request->name.text, change->paths->users.text);
	return EXIT_NO_USER;
}

static int make_add(const struct change *change, struct users_edit *edit)
{
	static const uint8_t none[USER_LIFE_BYTES]; // a line written by hand
	const struct operator_request *request = change->request;
	const uint8_t *life = memcmp(request->life, none, sizeof none) == 0 ? NULL : request->life;
	const struct user_invite *invite = request->has_invite ? &request->invite : NULL;
	if (users_edit_add(text_of(change), change->file.bytes, &request->name, life, invite, edit) == MMS_OK)
		return EXIT_DONE;
	failure_say(change->why, "%s is in %.400s already; \"mms user invite %s\" lets another device join", request->name.text,
		    change->paths->users.text, request->name.text);
	return EXIT_CANT_CREATE;
}

static int make_invite(const struct change *change, struct users_edit *edit)
{
	const struct operator_request *request = change->request;
	const enum mms_err err = users_edit_invite(text_of(change), change->file.bytes, &request->name, &request->invite,
						   request->is_alone, clock_wall(), edit);
	if (err == MMS_E_MISSING)
		return fail_missing(change);
	if (err == MMS_OK)
		return EXIT_DONE;
	failure_say(change->why,
		    "the line of %s in %.400s is full, it may hold %d invites and %d bytes; --replace drops the invites before",
		    request->name.text, change->paths->users.text, INVITES_PER_USER_MAX, USERS_LINE_BYTES_MAX);
	return EXIT_CANT_CREATE;
}

static int make_revoke(const struct change *change, struct users_edit *edit)
{
	const struct operator_request *request = change->request;
	const enum mms_err err =
		users_edit_revoke(text_of(change), change->file.bytes, &request->name, &request->fingerprint, edit);
	if (err == MMS_E_MISSING)
		return fail_missing(change);
	if (err != MMS_E_FULL)
		return EXIT_DONE; // revoked already is revoked
	failure_say(change->why,
		    "the line of %s in %.400s is full, it may hold %d revoked devices and %d bytes; remove the oldest by hand",
		    request->name.text, change->paths->users.text, REVOKES_PER_USER_MAX, USERS_LINE_BYTES_MAX);
	return EXIT_CANT_CREATE;
}

static int make_remove(const struct change *change, struct users_edit *edit)
{
	const enum mms_err err = users_edit_remove(text_of(change), change->file.bytes, &change->request->name, edit);
	return err == MMS_OK ? EXIT_DONE : fail_missing(change);
}

static int make_edit(const struct change *change, struct users_edit *edit)
{
	switch (change->request->verb) {
	case OPERATOR_USER_ADD:
		return make_add(change, edit);
	case OPERATOR_USER_INVITE:
		return make_invite(change, edit);
	case OPERATOR_USER_REVOKE:
		return make_revoke(change, edit);
	case OPERATOR_USER_REMOVE:
		return make_remove(change, edit);
	default:
		assert(change->request->verb == OPERATOR_USER_LIST);
		return EXIT_DONE;
	}
}

static int write_edit(const struct change *change, const struct users_edit *edit)
{
	const char *path = change->paths->users.text;
	const size_t bytes = users_edit_bytes(change->file.bytes, edit);
	if (bytes > USERS_FILE_BYTES_MAX) {
		failure_say(change->why, "%.400s would grow beyond 64 MiB; remove users first", path);
		return EXIT_CANT_CREATE;
	}
	char *edited = malloc(bytes + 1);
	if (edited == NULL) {
		failure_say(change->why, "cannot edit %.400s: not enough memory; end other programs", path);
		return EXIT_CANT_CREATE;
	}
	users_edit_apply(text_of(change), change->file.bytes, edit, edited);
	const enum mms_err err = file_replace(path, edited, bytes, 0600, change->why);
	free(edited);
	return err == MMS_OK ? EXIT_DONE : exit_of_data(err);
}

int users_change(const struct operator_request *request, const struct data_paths *paths, enum users_change_wait wait,
		 struct reason *why)
{
	struct change change = {.request = request, .paths = paths, .why = why};
	struct users_edit edit = {0};
	const bool may_create = request->verb == OPERATOR_USER_ADD && wait == USERS_CHANGE_WAITS;
	int status = may_create ? load_or_create_locked(&change, wait) : load_locked(&change, wait);
	if (status == EXIT_DONE)
		status = make_edit(&change, &edit);
	if (status == EXIT_DONE && edit.removed_bytes + edit.inserted_bytes > 0)
		status = write_edit(&change, &edit);
	users_file_clear(&change.file);
	lock_release(&change.lock);
	return status;
}
