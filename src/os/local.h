// SPDX-License-Identifier: ISC
// A socket in a directory, for processes of this machine (AF_UNIX, a stream). Layer: os. The directory may have any path: one that
// does not fit a socket's address is reached through a descriptor of the directory.
//
// Who may connect is what the socket's mode says: its owner, and the directory's group where that may write into the directory.
#ifndef MMS_OS_LOCAL_H
#define MMS_OS_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

// Listens at `name` in `folder`, in place of a socket that another process has left there: the caller holds a lock that says that
// none runs. The socket is the directory's owner's. MMS_E_FORMAT: something else stands there, untouched. Other errors as in
// os/file.h. `*fd` does not block; the caller closes it.
enum mms_err local_listen(const char *folder, const char *name, int *fd, struct reason *why) MUST_CHECK;

// Takes the next connection, which does not block; `*user` is who connected. False: none waits, or there is no descriptor for it.
bool local_accept(int listener, int *fd, uid_t *user);

// Removes the socket that local_listen has made.
void local_remove(const char *folder, const char *name);

// Connects to it. MMS_E_MISSING: nobody listens there. MMS_E_DENIED: this user may not. `*fd` blocks, each time for at most
// `wait_s` seconds; the caller closes it.
enum mms_err local_connect(const char *folder, const char *name, int wait_s, int *fd, struct reason *why) MUST_CHECK;

// Sends what can be sent now. Returns its bytes; 0: it cannot take any now; -1: the connection is over.
ssize_t local_send(int fd, const void *data, size_t bytes);

// Receives what is there. Returns its bytes; 0: nothing is; -1: nothing comes any more.
ssize_t local_recv(int fd, void *data, size_t bytes);

#endif
