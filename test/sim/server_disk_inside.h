// SPDX-License-Identifier: ISC
// What the files of the simulated store share; private to server_disk*.c.
#ifndef MMS_SIM_SERVER_DISK_INSIDE_H
#define MMS_SIM_SERVER_DISK_INSIDE_H

#include "server_disk.h"
#include "server_disk_check.h"

// --- server_disk_mailbox.c ---

// The lowest and the highest cursor of a user's devices. False: there are none, and both are 0.
bool disk_cursors(const struct server_disk *disk, int64_t user_id, uint64_t *low, uint64_t *high);

// All devices of a user have its rows up to this one: they leave the mailbox.
void disk_remove_rows(struct server_disk *disk, int64_t user_id, uint64_t up_to);

// A row leaves its mailbox before all have it: the devices that lack it get the gap.
void disk_drop_row(struct server_disk *disk, struct disk_row *row);

// Whose part of a mailbox a row of a room takes: theirs all together.
enum { DISK_SHARE_ROOMS = -1 };

// Whether a mailbox has room for a text of this sender, or of rooms.
bool disk_has_quota(const struct server_disk *disk, const struct disk_user *user, int64_t sender_id, size_t text_bytes);

// How many rows no device of a user has.
uint64_t disk_untaken(const struct server_disk *disk, const struct disk_user *user);

// Puts a row into a user's mailbox: all but `row`, `commit` and what says when is filled in. Good until the next.
struct disk_row *disk_put_row(struct server_disk *disk, struct disk_user *user, const struct disk_row *row);

// Something was taken from a mailbox, or comes where nothing waits.
void disk_note(const struct server_disk *disk, struct disk_user *user);

// From now on that is noted.
void disk_begin_notes(const struct server_disk *disk, struct disk_user *user);

// A mailbox beyond its bound loses its oldest rows that some device has, if there are any.
void disk_shed(struct server_disk *disk, const struct disk_user *user);

// A device has more than it had.
void disk_move(struct server_disk *disk, const struct storage_move *move);

// --- server_disk_people.c ---

enum storage_verdict disk_enroll(struct server_disk *disk, const struct storage_enroll *enroll);

// A user who was absent for long goes, and with it its mailbox and its devices.
void disk_forget_user(struct server_disk *disk, struct disk_user *user);

// --- server_disk_room.c ---

struct disk_room *disk_room_find(struct server_disk *disk, const struct name *name, bool *is_taken);
struct disk_room *disk_room_get(struct server_disk *disk, int64_t room_id);

// Makes one without members. NULL: there are too many, or the user made too many.
struct disk_room *disk_room_make(struct server_disk *disk, const struct storage_change *change);

// A name more for a room.
void disk_room_name(struct server_disk *disk, int64_t room_id, const struct name *name);

// The room is one no more.
void disk_room_go(struct server_disk *disk, struct disk_room *room);

uint32_t disk_room_members(const struct server_disk *disk, int64_t room_id);

// Where a pair stands; the second makes one that is not so.
struct disk_pair *disk_pair_find(struct disk_pair *pairs, uint32_t count, int64_t of_id, int64_t user_id);
struct disk_pair *disk_pair_put(struct disk_pair *pairs, uint32_t *count, int64_t of_id, int64_t user_id);

void disk_enter(struct server_disk *disk, const struct disk_room *room, int64_t user_id, const struct name *name,
		const struct storage_mark *stamp);
void disk_leave(struct server_disk *disk, const struct disk_room *room, int64_t user_id);

// Takes a user who is forgotten out of all rooms, which say so, and out of all blocks.
void disk_forget_in_rooms(struct server_disk *disk, struct disk_user *user, const struct name *name);

// What is kept of rooms no longer.
void disk_clean_rooms(struct server_disk *disk);

// --- server_disk_line.c ---

// Writes a line into a room: all but commit, row, and when it is; its places go to `places`. Returns how many.
uint32_t disk_post(struct server_disk *disk, struct disk_room *room, const struct disk_line *said, const uint8_t *text,
		   struct storage_place *places);

// Takes the next commit number for a change that writes nothing.
void disk_note_change(struct server_disk *disk, const struct disk_line *said);

// Whether it stands in a mailbox.
bool disk_line_has_place(const struct server_disk *disk, const struct disk_line *line);

struct disk_line *disk_line_of_id(struct server_disk *disk, int64_t sender_id, const struct uuid *id);

// The result of a line that is held, of a change or a message to a room; a message's places, as far as they are there, into `places`.
struct storage_result disk_repeat_line(const struct server_disk *disk, const struct disk_line *line, const uint8_t *digest,
				       struct storage_place *places);

// --- server_disk_change.c ---

// Judges a change whose id is not held and that was not refused before.
struct storage_result disk_change(struct server_disk *disk, const struct storage_op *op, struct storage_place *places);

// Whether a stamp is one of the present start that was not given yet.
bool disk_is_forged(const struct server_disk *disk, const struct storage_mark *stamp);

// --- server_disk_list.c ---

void disk_answer_list(const struct server_disk *disk, struct storage_question *question, uint32_t rows_max);

#endif
