// SPDX-License-Identifier: ISC
// Dangerous code points; the contract is in control.h.
#include "base/control.h"

bool control_is_dangerous(uint32_t point)
{
	if (point < 0x20)
		return point != '\n' && point != '\t';
	return (point >= 0x7f && point <= 0x9f) || point == 0x061c || point == 0x200e || point == 0x200f ||
	       (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}
