// SPDX-License-Identifier: ISC
// What stands in the rooms of the simulated store, and ids of changes. The contract is in server_disk_inside.h.
#include <assert.h>
#include <string.h>

#include "report.h"
#include "server_disk_inside.h"

enum { DAY_SECONDS = 24 * 60 * 60 };

bool disk_line_has_place(const struct server_disk *disk, const struct disk_line *line)
{
	for (uint32_t i = 0; i < disk->row_count; i++)
		if (disk->row[i].in_mailbox && disk->row[i].room_id != 0 && disk->row[i].commit == line->commit)
			return true;
	return false;
}

// Lines that nothing refers to make room for new ones.
static void compact(struct server_disk *disk)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < disk->line_count; i++)
		if (disk->line[i].is_id_held || disk->line[i].is_kept || disk_line_has_place(disk, &disk->line[i]))
			disk->line[kept++] = disk->line[i];
	disk->line_count = kept;
}

static struct disk_line *add_line(struct server_disk *disk, const struct disk_line *said)
{
	if (disk->line_count == LINES_MAX)
		compact(disk);
	assert(disk->line_count < LINES_MAX);
	struct disk_line *line = &disk->line[disk->line_count++];
	*line = *said;
	line->commit = disk->commit_next++;
	line->is_id_held = said->sender_id != 0;
	line->kept_at = disk->seconds;
	line->kept_ran = server_disk_check_ran(disk->seconds);
	return line;
}

void disk_note_change(struct server_disk *disk, const struct disk_line *said)
{
	server_disk_check_changed(disk, add_line(disk, said));
}

// Whether a member gets it into the mailbox: devices take what comes, and the rooms' share has room. The own going comes in any case.
static bool can_have(const struct server_disk *disk, const struct disk_user *user, const struct disk_line *line, bool is_own_going)
{
	const bool is_away = disk_untaken(disk, user) > 0 && disk->seconds - user->noted_at >= ROOM_AWAY_DAYS * DAY_SECONDS;
	if (is_own_going)
		return true;
	if (is_away)
		report_sight(SIGHT_MEMBER_AWAY);
	else if (!disk_has_quota(disk, user, DISK_SHARE_ROOMS, line->text_bytes))
		report_sight(SIGHT_MEMBER_FULL);
	return !is_away && disk_has_quota(disk, user, DISK_SHARE_ROOMS, line->text_bytes);
}

static void place(struct server_disk *disk, const struct disk_line *line, const struct disk_pair *member,
		  struct storage_place *places, uint32_t *count)
{
	struct disk_user *user = &disk->user[server_disk_user(disk, member->user_id)];
	if (!can_have(disk, user, line, line->going_id == member->user_id))
		return;
	places[(*count)++] = (struct storage_place){.user_id = user->user_id, .row_before = user->row_newest};
	disk_put_row(disk, user, &(struct disk_row){
		.row = line->commit,
		.commit = line->commit,
		.message = line->message,
		.room_id = line->room_id,
		.room_row = line->room_row,
		.is_silent = message_kind_is_server(line->kind) || line->sender_id == member->user_id,
		.is_going = line->going_id == member->user_id,
		.sender_id = line->sender_id,
		.id = line->id,
		.sender = line->sender,
		.accepted_at = line->accepted_at,
		.kind = line->kind,
		.form = line->form,
		.text_bytes = line->text_bytes,
		.text = line->text,
	});
}

uint32_t disk_post(struct server_disk *disk, struct disk_room *room, const struct disk_line *said, const uint8_t *text,
		   struct storage_place *places)
{
	uint32_t count = 0;
	assert(!disk->bounds.is_apart); // a row of a room is the same number in all mailboxes
	struct disk_line *line = add_line(disk, said);
	line->room_id = room->room_id;
	line->room_row = ++room->row_last;
	line->is_kept = true;
	disk->newest_at = line->accepted_at;
	server_disk_check_posted(disk, line, text);
	// In the order of joining, which is nobody's business but makes the places comparable.
	for (uint64_t since = 0;;) {
		const struct disk_pair *next = NULL;
		for (uint32_t i = 0; i < disk->member_count; i++) {
			const struct disk_pair *pair = &disk->member[i];
			if (pair->user_id != 0 && pair->is_so && pair->of_id == room->room_id && pair->since > since &&
			    (next == NULL || pair->since < next->since))
				next = pair;
		}
		if (next == NULL)
			return count;
		place(disk, line, next, places, &count);
		since = next->since;
	}
}

struct disk_line *disk_line_of_id(struct server_disk *disk, int64_t sender_id, const struct uuid *id)
{
	for (uint32_t i = disk->line_count; i-- > 0;)
		if (disk->line[i].is_id_held && disk->line[i].sender_id == sender_id &&
		    memcmp(disk->line[i].id.bytes, id->bytes, ID_BYTES) == 0)
			return &disk->line[i];
	return NULL;
}

struct storage_result disk_repeat_line(const struct server_disk *disk, const struct disk_line *line, const uint8_t *digest,
				       struct storage_place *places)
{
	if (memcmp(line->digest, digest, DIGEST_BYTES) != 0)
		return (struct storage_result){.verdict = VERDICT_ID_MISUSED};
	report_sight(SIGHT_RESUBMITTED);
	struct storage_result result = {.verdict = VERDICT_REPEAT, .was_online = line->was_online, .stamp = line->stamp};
	if (line->room_row == 0)
		return result;
	// Of a change too: where its batch was repeated whole, nobody was told yet.
	result.row = line->commit;
	for (uint32_t i = 0; i < disk->row_count; i++)
		if (disk->row[i].in_mailbox && disk->row[i].room_id != 0 && disk->row[i].commit == line->commit)
			places[result.place_count++] = (struct storage_place){disk->row[i].recipient_id, UINT64_MAX, false};
	return result;
}
