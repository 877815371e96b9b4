// SPDX-License-Identifier: ISC
// The people of a run: users, their names and the lives of these, and their devices.
#ifndef MMS_SIM_PEOPLE_H
#define MMS_SIM_PEOPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/name.h"
#include "base/users.h"

// Draws the users and devices of world.options.
void people_settle(void);

// The user of one line of the users file; -1: none.
int people_of_line(const struct name *name, const uint8_t life[USER_LIFE_BYTES]);

// Who has a user's name in the users file now; -1: nobody.
int people_holder(uint8_t user);

// Gives a user's name to somebody else, who has another life, an invite and a device. The profile of that device; -1: there is no
// room for more people, or the user is hostile.
int people_pass_name_on(uint8_t user);

// Removes a user from the users file, or brings it back with the life it had, in place of whoever has its name. A name that may be
// claimed does not come back from somebody else: that one's devices could claim it.
void people_change(uint8_t user);

#endif
