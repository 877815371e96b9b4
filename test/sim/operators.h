// SPDX-License-Identifier: ISC
// The operators of the simulated server, at its socket: who asks for a change of the users, for a list, says nonsense or half of it,
// is slow, leaves. Held: who is told "done" finds it in effect; who asked is answered, unless the server dies; nobody is sent away
// before the time. Their draws are their own, so that runs do not change with them.
#ifndef MMS_SIM_OPERATORS_H
#define MMS_SIM_OPERATORS_H

#include "world.h"

void operators_begin(uint64_t seed);

// The server's process has gone, and all connections with it.
void operators_gone(void);

// The users file has changed: perhaps an operator's request comes with it, as if it had changed it. False: it does not.
bool operators_ask(void);

// What they do by now, and when they do more.
void operators_run(void);
struct mtime operators_deadline(void); // see operators_run

// Orders of the server: an edit is about to be made; bytes for one; the end of a connection.
void operators_edit(const struct server_order *order);
void operators_tell(const struct server_order *order); // see operators_edit
void operators_part(const struct server_order *order); // see operators_edit

#endif
