// SPDX-License-Identifier: ISC
// The contract is in store_sights.h. It looks into the server to see who is still there.
#include "store_sights.h"

#include <string.h>

#include "report.h"
#include "world.h"

static struct {
	bool has_moves[DISK_LANES_MAX]; // the lane's last batch found no room, and had moves
	uint64_t told_row[DISK_USERS_MAX]; // the newest row of each mailbox that was told
} sights;

void store_sights_begin(void)
{
	memset(sights.has_moves, 0, sizeof sights.has_moves);
	for (int user = 0; user < DISK_USERS_MAX; user++)
		sights.told_row[user] = world.disk.user[user].row_newest;
}

void store_sights_append(uint32_t lane, const struct storage_batch *batch)
{
	if (sights.has_moves[lane] && batch->move_count > 0)
		report_sight(SIGHT_MOVES_AGAIN);
	sights.has_moves[lane] = false;
}

static bool is_session_over(uint32_t slot, uint64_t session)
{
	const struct server_peer *peer = &world.server.node.server.peer[slot];
	return peer->session != session || peer->state == PEER_NONE || peer->state == PEER_GONE;
}

static bool is_anybody(uint64_t session)
{
	const struct server *server = &world.server.node.server;
	for (uint32_t i = 0; i < server->peer_capacity; i++)
		if (server->peer[i].session == session && !is_session_over(i, session))
			return true;
	return false;
}

// Rows that are told, and whether lower ones are still to be told.
static void look_at_rows(const struct storage_batch *batch, size_t number)
{
	const struct storage_op *op = &batch->ops[number];
	const struct storage_result *result = &batch->results[number];
	const uint8_t user = server_disk_user(&world.disk, op->submit.recipient_id);
	if (result->verdict != VERDICT_NEW || user == DISK_USERS_MAX)
		return;
	if (batch->places[result->place_first].row_before > sights.told_row[user])
		report_sight(SIGHT_ROW_AHEAD);
	if (result->row > sights.told_row[user])
		sights.told_row[user] = result->row;
}

static void look_at_batch(const struct store_told *told)
{
	const struct storage_batch *batch = told->batch;
	for (size_t i = 0; i < batch->op_count; i++) {
		if (!is_anybody(batch->ops[i].session))
			report_sight(SIGHT_TOLD_TO_NOBODY);
		if (batch->ops[i].kind == STORAGE_SUBMIT)
			look_at_rows(batch, i);
	}
	if (told->appended.is_kept)
		return;
	sights.has_moves[told->lane] = batch->move_count > 0;
	report_sight(SIGHT_COMMIT_FULL);
	for (size_t i = 0; i < batch->op_count; i++)
		if (batch->results[i].verdict == VERDICT_REPEAT)
			report_sight(SIGHT_ROLLED_BACK_REPEAT);
}

static void look_at_answer(const struct storage_question *question)
{
	const struct server *server = &world.server.node.server;
	bool is_over = false;
	for (uint32_t i = 0; question->kind == QUESTION_SIGNIN && i < server->joining_fresh_count; i++)
		is_over |= &server->joining[i].question == question &&
			   is_session_over(server->joining[i].slot, server->joining[i].session);
	for (uint32_t i = 0; question->kind == QUESTION_PAGE && i < server->page_fresh_count; i++)
		is_over |= &server->page[i].question == question &&
			   is_session_over(server->page[i].slot, server->page[i].session);
	if (is_over)
		report_sight(SIGHT_ANSWERED_TO_NOBODY);
	const uint8_t user = server_disk_user(&world.disk, question->user_id);
	if (question->kind == QUESTION_PAGE && user < DISK_USERS_MAX &&
	    question->has.row_newest < world.disk.user[user].row_newest)
		report_sight(SIGHT_PAGE_OVERTAKEN);
}

static void look_at_sync(const struct store_told *told)
{
	const struct server *server = &world.server.node.server;
	for (uint32_t i = 0; i < told->removed_count; i++)
		for (uint32_t slot = 0; slot < server->peer_capacity; slot++)
			if (server->peer[slot].state == PEER_SIGNED_IN && server->peer[slot].device_id == told->removed[i])
				report_sight(SIGHT_SHUT_OUT);
}

void store_sights_look(const struct store_told *told)
{
	if (told->is_broken)
		report_sight(told->kind == JOB_ASK ? SIGHT_READ_FAILED : SIGHT_COMMIT_FAILED);
	else if (told->kind == JOB_APPEND)
		look_at_batch(told);
	else if (told->kind == JOB_ASK)
		look_at_answer(told->question);
	else if (told->kind == JOB_SYNC)
		look_at_sync(told);
}
