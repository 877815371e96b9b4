// SPDX-License-Identifier: ISC
// What the simulated store tells of what happens to it. In the simulator it is held against the truth of the run
// (server_disk_check.c); where the store stands alone, beside the real one, there is less to say.
#ifndef MMS_SIM_SERVER_DISK_CHECK_H
#define MMS_SIM_SERVER_DISK_CHECK_H

#include "server_disk.h"

// The world's user whose line this is.
int server_disk_check_place(const struct name *name, const uint8_t life[STORAGE_LIFE_BYTES]);

// The line of a user of the world.
void server_disk_check_line(uint8_t user, struct name *name, uint8_t life[STORAGE_LIFE_BYTES]);

// Seconds that the server had run in all its lives when store time was this.
int64_t server_disk_check_ran(int64_t seconds);

// A message was accepted for a user of the world as a row, which is filled in but for `message` and `text`, and
// is not in the mailbox yet.
void server_disk_check_accepted(const struct server_disk *disk, struct disk_row *row, uint8_t recipient, const uint8_t *text);

// A row was put into the mailbox of a user of the world.
void server_disk_check_placed(const struct server_disk *disk, const struct disk_row *row, uint8_t user);

// A line was written into a room; it is filled in but for `message` and `text`, and stands in no mailbox yet.
void server_disk_check_posted(const struct server_disk *disk, struct disk_line *line, const uint8_t *text);

// A change was accepted that wrote nothing; the same.
void server_disk_check_changed(const struct server_disk *disk, struct disk_line *line);

// A message or a change is refused for the first time.
void server_disk_check_refused(const struct server_disk *disk, const struct storage_op *op, enum storage_verdict verdict);

// A row left its mailbox.
void server_disk_check_removed(const struct server_disk *disk, const struct disk_row *row);

// A device is owed a gap for a row, or has to ask for it, if it is of a room.
void server_disk_check_owed(const struct disk_device *device, const struct disk_row *row);

// A cursor rises from where it is.
void server_disk_check_move(const struct server_disk *disk, const struct disk_device *device, uint64_t to);

// A gap counts as told.
void server_disk_check_gap_told(const struct disk_device *device);

// A device is enrolled, now, and starts behind this row.
void server_disk_check_enrolled(const struct server_disk *disk, const struct storage_enroll *enroll, uint64_t cursor);

// Users were synced: spent invites that stand on no line were forgotten.
void server_disk_check_synced(const struct server_disk *disk, const struct users_table *table);

// Something is removed that is kept for so many days.
void server_disk_check_kept(const char *what, int64_t since_ran, int days);

#endif
