// SPDX-License-Identifier: ISC
// The calls about rooms and their members: JOIN, ADD, LEAVE (doc/protocol.md section 6.11), ROOMS and MEMBERS (section 6.12).
// Layer: msg, pure; contract as in call.h. Names of rooms stand here without their '#'.
#ifndef MMS_MSG_CALL_ROOM_H
#define MMS_MSG_CALL_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/message.h"
#include "base/name.h"
#include "msg/call_change.h"
#include "msg/call_page.h"

struct call_join {
	struct call_change change;
	bool may_create; // where there is none it is made, with the next two
	bool is_private;
	bool is_without_history;
	struct name room;
};

struct call_add {
	struct call_change change;
	struct name room;
	struct name user;
};

struct call_leave {
	struct call_change change;
	struct name room;
	struct name user; // empty: oneself
};

struct call_rooms {
	bool is_mine_only; // those that one is or was a member of
	struct name after; // empty: from the beginning
};

struct call_room {
	bool is_member;
	bool is_owner;
	bool is_private;
	bool is_without_history;
	struct room_id id;
	uint64_t from_row;   // the first that one may have; 0: one was never a member
	uint64_t newest_row; // the last that one may have; from_row or more, 0 with it
	uint32_t member_count;
	struct name name;
};

struct call_members {
	struct name room;
	struct name after; // empty: from the beginning
};

struct call_member {
	bool is_online;
	bool is_owner;
	struct name name;
};

size_t call_join_encode(const struct call_join *join, uint8_t *body);                                      // section 6.11
enum mms_err call_join_decode(struct call_join *join, const uint8_t *body, size_t bytes) MUST_CHECK;       // section 6.11
size_t call_add_encode(const struct call_add *add, uint8_t *body);                                         // section 6.11
enum mms_err call_add_decode(struct call_add *add, const uint8_t *body, size_t bytes) MUST_CHECK;          // section 6.11
size_t call_leave_encode(const struct call_leave *leave, uint8_t *body);                                   // section 6.11
enum mms_err call_leave_decode(struct call_leave *leave, const uint8_t *body, size_t bytes) MUST_CHECK;    // section 6.11
size_t call_rooms_encode(const struct call_rooms *rooms, uint8_t *body);                                   // section 6.12
enum mms_err call_rooms_decode(struct call_rooms *rooms, const uint8_t *body, size_t bytes) MUST_CHECK;    // section 6.12
size_t call_members_encode(const struct call_members *members, uint8_t *body);                             // section 6.12
enum mms_err call_members_decode(struct call_members *members, const uint8_t *body, size_t bytes) MUST_CHECK; // 6.12

// Pages (call_page.h), in the order of names. MMS_E_BAD also for a page that does not go on behind `after`.
bool call_rooms_add(struct call_page *page, const struct call_room *room);
// Ends a page of rooms instead of call_page_end. `is_behind` as in struct call_list.
size_t call_rooms_end(struct call_page *page, bool has_more, bool is_behind);
enum mms_err call_rooms_ok_decode(struct call_list *list, const struct name *after, const uint8_t *body, size_t bytes) MUST_CHECK;
bool call_rooms_read(struct call_list *list, struct call_room *room); // false: none is left
bool call_members_add(struct call_page *page, const struct call_member *member);
enum mms_err call_members_ok_decode(struct call_list *list, const struct name *after, const uint8_t *body, size_t bytes) MUST_CHECK;
bool call_members_read(struct call_list *list, struct call_member *member); // false: none is left

#endif
