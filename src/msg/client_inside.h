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

// Forgets every session and stops the transport.
void client_stop(struct client *client);

// Asks for a page of users, from `first` of this generation, or from the beginning with 0 and 0.
void client_ask_who(struct client *client, uint32_t generation, uint32_t first, struct mtime now);

// What is wanted on a session that has just been signed in on: submissions, WHO, SIGNOUT.
void client_begin(struct client *client, struct mtime now);

// A re-offer found no room at the server: to be made again in a while.
void client_defer_reoffer(struct client *client, struct mtime now);

// What is queued again is submitted as soon as nothing is in flight.
void client_make_reoffers(struct client *client, struct mtime now);

// The storage failed.
void client_break(struct client *client);

#endif
