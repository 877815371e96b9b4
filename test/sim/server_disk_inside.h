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

// Whether a mailbox has room for a text of this sender.
bool disk_has_quota(const struct server_disk *disk, const struct disk_user *user, int64_t sender_id, size_t text_bytes);

// A mailbox beyond its bound loses its oldest rows that some device has, if there are any.
void disk_shed(struct server_disk *disk, const struct disk_user *user);

// A device has more than it had.
void disk_move(struct server_disk *disk, const struct storage_move *move);

// --- server_disk_people.c ---

enum storage_verdict disk_enroll(struct server_disk *disk, const struct storage_enroll *enroll);

// A user who was absent for long goes, and with it its mailbox and its devices.
void disk_forget_user(struct server_disk *disk, struct disk_user *user);

#endif
