// SPDX-License-Identifier: ISC
// The contract is in acceptance.h.
#include "acceptance.h"

int acceptance_measure(void)
{
	return 0;
}
