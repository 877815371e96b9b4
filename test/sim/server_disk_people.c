// SPDX-License-Identifier: ISC
// Users, devices and invites of the simulated store. The contract is in server_disk.h and server_disk_inside.h.
#include <assert.h>
#include <string.h>

#include "report.h"
#include "server_disk_inside.h"

uint8_t server_disk_user(const struct server_disk *disk, int64_t user_id)
{
	uint8_t user = 0;
	while (user < DISK_USERS_MAX && (user_id == 0 || disk->user[user].user_id != user_id))
		user++;
	return user;
}

const struct disk_device *server_disk_device(const struct server_disk *disk, const uint8_t key[STORAGE_KEY_BYTES])
{
	for (uint32_t i = 0; i < disk->device_count; i++)
		if (disk->device[i].held.device_id != 0 && memcmp(disk->device[i].key, key, STORAGE_KEY_BYTES) == 0)
			return &disk->device[i];
	return NULL;
}

// --- users ---

static int64_t user_id_of(struct server_disk *disk, int user, const struct name *name)
{
	assert(user >= 0 && user < DISK_USERS_MAX);
	struct disk_user *known = &disk->user[user];
	if (known->user_id == 0)
		known->user_id = disk->user_id_next++;
	known->is_absent = false;
	known->name = *name;
	return known->user_id;
}

static uint32_t revoke(struct server_disk *disk, int64_t user_id, const uint8_t *fingerprint, int64_t *removed)
{
	uint32_t count = 0;
	uint64_t low;
	uint64_t high;
	for (uint32_t i = 0; i < disk->device_count; i++) {
		struct disk_device *device = &disk->device[i];
		if (device->held.device_id == 0 || device->held.user_id != user_id ||
		    memcmp(device->fingerprint, fingerprint, STORAGE_KEY_BYTES) != 0)
			continue;
		removed[count++] = device->held.device_id;
		device->held.device_id = 0;
		if (disk_cursors(disk, user_id, &low, &high))
			disk_remove_rows(disk, user_id, low);
	}
	return count;
}

static void sort(int64_t *ids, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++)
		for (uint32_t k = i; k > 0 && ids[k - 1] > ids[k]; k--) {
			const int64_t id = ids[k];
			ids[k] = ids[k - 1];
			ids[k - 1] = id;
		}
}

static bool is_on_a_line(const struct users_table *table, const uint8_t *hash)
{
	for (uint32_t i = 0; i < table->invite_count; i++)
		if (memcmp(table->invite[i].hash, hash, STORAGE_KEY_BYTES) == 0)
			return true;
	return false;
}

static void forget_invites(struct server_disk *disk, const struct users_table *table)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < disk->spent_count; i++)
		if (is_on_a_line(table, disk->spent[i]))
			memmove(disk->spent[kept++], disk->spent[i], STORAGE_KEY_BYTES);
	disk->spent_count = kept;
}

// Absent or not, a user keeps what it has.
static void check_owned(const struct server_disk *disk)
{
	for (uint32_t i = 0; i < disk->row_count; i++)
		if (disk->row[i].in_mailbox && server_disk_user(disk, disk->row[i].recipient_id) == DISK_USERS_MAX)
			report_failure("message %u stands in the mailbox of nobody", disk->row[i].message);
	for (uint32_t i = 0; i < disk->device_count; i++)
		if (disk->device[i].held.device_id != 0 &&
		    server_disk_user(disk, disk->device[i].held.user_id) == DISK_USERS_MAX)
			report_failure("a device is nobody's");
}

uint32_t server_disk_sync_users(struct server_disk *disk, struct users_table *table, int64_t seconds, int64_t *removed)
{
	bool is_present[DISK_USERS_MAX] = {false};
	uint32_t count = 0;
	disk->seconds = seconds > disk->seconds ? seconds : disk->seconds;
	for (uint32_t i = 0; i < table->user_count; i++) {
		struct user_entry *entry = &table->user[i];
		const int user = server_disk_check_place(&entry->name, entry->life);
		entry->user_id = user_id_of(disk, user, &entry->name);
		is_present[user] = true;
		for (uint32_t r = 0; r < entry->revoke_count; r++)
			count += revoke(disk, entry->user_id, table->revoke[entry->revoke_first + r].bytes, removed + count);
	}
	for (int user = 0; user < DISK_USERS_MAX; user++) {
		if (is_present[user] || disk->user[user].user_id == 0 || disk->user[user].is_absent)
			continue;
		disk->user[user].is_absent = true;
		disk->user[user].absent_since = disk->seconds;
		disk->user[user].absent_ran = server_disk_check_ran(disk->seconds);
	}
	sort(removed, count);
	forget_invites(disk, table);
	server_disk_check_synced(disk, table);
	check_owned(disk);
	return count;
}

void disk_forget_user(struct server_disk *disk, struct disk_user *user)
{
	server_disk_check_kept("an absent user", user->absent_ran, RETENTION_DAYS);
	disk_forget_in_rooms(disk, user, &user->name);
	for (uint32_t i = 0; i < disk->row_count; i++)
		if (disk->row[i].recipient_id == user->user_id)
			disk->row[i].in_mailbox = false;
	for (uint32_t i = 0; i < disk->device_count; i++)
		if (disk->device[i].held.user_id == user->user_id)
			disk->device[i].held.device_id = 0;
	*user = (struct disk_user){0};
	report_sight(SIGHT_USER_EXPIRED);
}

// --- devices ---

static uint32_t count_devices(const struct server_disk *disk, int64_t user_id)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < disk->device_count; i++)
		count += disk->device[i].held.device_id != 0 && disk->device[i].held.user_id == user_id;
	return count;
}

static bool is_spent(const struct server_disk *disk, const uint8_t *hash)
{
	for (uint32_t i = 0; i < disk->spent_count; i++)
		if (memcmp(disk->spent[i], hash, STORAGE_KEY_BYTES) == 0)
			return true;
	return false;
}

// Before the oldest row held for the user, else before the next one.
static uint64_t first_cursor(const struct server_disk *disk, const struct disk_user *user)
{
	for (uint32_t i = 0; i < disk->row_count; i++)
		if (disk->row[i].in_mailbox && disk->row[i].recipient_id == user->user_id)
			return disk->row[i].row - 1;
	return disk->bounds.is_apart ? user->row_newest : disk->commit_next - 1;
}

enum storage_verdict disk_enroll(struct server_disk *disk, const struct storage_enroll *enroll)
{
	const struct disk_device *known = server_disk_device(disk, enroll->key);
	const uint8_t user = server_disk_user(disk, enroll->user_id);
	if (known != NULL && known->held.user_id == enroll->user_id)
		return VERDICT_ENROLLED;
	const uint32_t count = count_devices(disk, enroll->user_id);
	const bool is_free = enroll->has_invite ? !is_spent(disk, enroll->invite_hash) : count == 0;
	if (known != NULL || user == DISK_USERS_MAX || !is_free || count >= DEVICES_PER_USER_MAX)
		return VERDICT_NOT_ENROLLED;
	const uint64_t cursor = first_cursor(disk, &disk->user[user]);
	server_disk_check_enrolled(disk, enroll, cursor);
	uint32_t place = 0;
	while (place < disk->device_count && disk->device[place].held.device_id != 0)
		place++;
	disk->device_count += place == disk->device_count;
	assert(disk->device_count <= DISK_DEVICES_MAX);
	struct disk_device *device = &disk->device[place];
	*device = (struct disk_device){.held = {.device_id = disk->user_id_next++,
						.user_id = enroll->user_id,
						.cursor = cursor}};
	memcpy(device->key, enroll->key, STORAGE_KEY_BYTES);
	memcpy(device->fingerprint, enroll->fingerprint, STORAGE_KEY_BYTES);
	device->seen_row = disk->user[server_disk_user(disk, enroll->user_id)].taken_row;
	report_sight(enroll->has_invite ? SIGHT_INVITED : SIGHT_CLAIMED);
	if (!enroll->has_invite)
		return VERDICT_ENROLLED;
	assert(disk->spent_count < SPENT_MAX);
	memcpy(disk->spent[disk->spent_count++], enroll->invite_hash, STORAGE_KEY_BYTES);
	return VERDICT_ENROLLED;
}
