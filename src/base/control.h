// SPDX-License-Identifier: ISC
// Which code points must reach no terminal, log or JSON reader as they are, since they move the cursor, change the
// terminal or the order of what is read. One rule for the output filter (ui/filter.h) and the log (os/log.h). Layer:
// base. Source: Unicode's C0, C1 and Bidi_Control.
#ifndef MMS_BASE_CONTROL_H
#define MMS_BASE_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

// True for C0 controls but newline and tab, DEL, C1 controls (U+0080-9F), the bidi marks and controls U+061C, U+200E-F,
// U+202A-E, U+2066-9, and the separators U+2028-9. All are below U+10000.
bool control_is_dangerous(uint32_t point);

#endif
