// SPDX-License-Identifier: ISC
// What the files of msg/client share among themselves; nobody else includes this. Layer: msg.
#ifndef MMS_MSG_CLIENT_INSIDE_H
#define MMS_MSG_CLIENT_INSIDE_H

#include "msg/client.h"

// Makes a call on a session and notes when. False: no room, or the session is over.
bool client_make_call(struct client *client, uint32_t slot, uint8_t kind, const void *body, size_t bytes, uint64_t tag,
		      struct mtime now);

// Tells the owner something that has no further fields.
void client_tell(struct client *client, enum client_told_type type);

// Forgets every session and stops the transport; `stop` is told when what was gathered before is durable.
void client_stop(struct client *client, const struct client_told *stop);

// Tells it, if that is so now.
void client_tell_stop(struct client *client);

// The mark that SIGNIN shows is known: it goes out on each session that waits for it.
void client_sign_in(struct client *client, const struct storage_mark *mark, struct mtime now);

// The present session is used from now on: for submissions, WHO, SIGNOUT.
void client_begin(struct client *client, struct mtime now);

// Makes the calls that are wanted and found no room before.
void client_go_on(struct client *client, struct mtime now);

// --- client_people.c ---

// One writes with this one: it is watched, if that is wanted.
void client_people_note(struct client *client, const struct name *name);

// A session is used from now on.
void client_people_begin(struct client *client, struct mtime now);

// Asks for the people who are due. When there are some: client_people_deadline; MTIME_NEVER: never. Must: there is a present session.
void client_people_go_on(struct client *client, struct mtime now);
struct mtime client_people_deadline(const struct client *client); // see client_people_go_on

// A WATCH was answered.
void client_people_answered(struct client *client, uint8_t status, const uint8_t *body, size_t bytes, uint64_t ask_number,
			    struct mtime now);

// A NOTICE PRESENCE came. False: it is none.
bool client_people_noticed(struct client *client, uint32_t slot, const uint8_t *body, size_t bytes);

// --- client_batch.c ---

// Puts an entry into the transcript; the call `number` is answered when it is there. Must: client_has_room.
void client_put(struct client *client, uint32_t slot, uint32_t number, const struct transcript_row *row);

// Notes a verdict; it is told when it is durable. Must: client_has_room.
void client_put_verdict(struct client *client, const struct client_told *verdict);

// Keeps the mark of an acceptance on this session. Must: client_has_room, also for a verdict.
void client_put_mark(struct client *client, uint32_t slot, const struct storage_mark *mark);

// The session is signed in on. It is used, and told, when everything accepted is queued again, if that must be. Must:
// client_has_room.
void client_put_signin(struct client *client, uint32_t slot, const struct call_signin_ok *ok);

// A session is over: nothing that is gathered is answered on it.
void client_forget_session(struct client *client, uint32_t slot);

// What the server says of a room. Must: client_has_room.
void client_put_room(struct client *client, const struct client_op_room *room);

// ROOMS_BEGIN or ROOMS_END of the listing with this tag. Must: client_has_room.
void client_put_rooms_bound(struct client *client, enum client_op_kind bound, uint32_t tag);

// --- client_rooms.c ---

// On a session that is used from now on.
void client_begin_rooms(struct client *client);

// The user has come into a room, or left one: the list is asked for anew.
void client_rooms_changed(struct client *client);

// Makes the calls that are due.
void client_rooms_go_on(struct client *client, struct mtime now);

// When client_rooms_go_on has something to do though nothing happened.
struct mtime client_rooms_deadline(const struct client *client);

// A delivery came.
void client_delivered(struct client *client, struct mtime now);

// The answers to its calls.
void client_rooms_answered(struct client *client, uint8_t status, const uint8_t *body, size_t bytes, uint64_t tag);
void client_history_answered(struct client *client, uint8_t status, const uint8_t *body, size_t bytes, uint64_t tag); // ..

// The end of the listing with this tag is durable.
void client_rooms_known(struct client *client, uint32_t tag);

// Rows of a room may be missing. What answers of HISTORY brought is durable.
void client_look_for_hole(struct client *client);
void client_hole_stored(struct client *client); // see client_look_for_hole

// Whether the storage is to be asked for a hole, and its answer.
bool client_is_hole_wanted(const struct client *client);
void client_hole_learned(struct client *client, const struct client_hole *hole); // see client_is_hole_wanted

// --- client_list.c ---

// A session is used from now on: a list that is wanted begins anew.
void client_list_begin(struct client *client);

// Asks for the page that is due. Must: there is a present session.
void client_list_go_on(struct client *client, struct mtime now);

// Whether the answer to a call with this tag is a page of a list that was asked for; no submission and no other listing has it.
bool client_is_list(uint8_t kind, uint64_t tag);

// Such an answer, on the present session.
void client_list_answered(struct client *client, uint8_t status, const uint8_t *body, size_t bytes, uint64_t tag, struct mtime now);

// --- client_outbox.c ---

// The outbox is to be read for the present session, from where that has submitted; a page that was asked for before is void.
void client_read_from_start(struct client *client);

// Whether nothing is on its way that would be offered again.
bool client_may_reoffer(const struct client *client);

// The outbox is read again from its oldest message. Must: client_may_reoffer, on a present session.
void client_reoffer_again(struct client *client);

// A re-offer found no room at the server: to be made again in a while.
void client_defer_reoffer(struct client *client, struct mtime now);

// What is queued again is submitted as soon as nothing is in flight.
void client_make_reoffers(struct client *client, struct mtime now);

// The storage failed.
void client_break(struct client *client);

#endif
