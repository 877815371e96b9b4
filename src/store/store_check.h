// SPDX-License-Identifier: ISC
// A look at a whole database of either kind, on request. Layer: store.
#ifndef MMS_STORE_STORE_CHECK_H
#define MMS_STORE_STORE_CHECK_H

#include "base/err.h"
#include "base/name.h"

// Reads all of the database at `path`, a server's or a client's, also while others use it; nothing is written. MMS_E_FORMAT:
// damaged, or not a database of ours. MMS_E_VERSION: one of another version. MMS_E_MISSING: no such file. MMS_E_DENIED,
// MMS_E_BUSY, MMS_E_IO. On error `why` says what to do.
enum mms_err store_check(const char *path, struct reason *why) MUST_CHECK;

#endif
