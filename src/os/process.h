// SPDX-License-Identifier: ISC
// What a process inherits from whoever started it, made the same for every command. Layer: os.
// What it finds beyond that (dispositions of SIGINT, SIGTERM and SIGHUP) is os/signals.h's to judge.
#ifndef MMS_OS_PROCESS_H
#define MMS_OS_PROCESS_H

#include <stdbool.h>

// Must be called first in main, once. Afterwards
//   - descriptors 0 to 2 are open, so that no file or socket of ours becomes one of them. Where one was closed, standard
//     input is at its end, standard output fails as if it were still closed (EBADF), standard error swallows;
//   - none of them is a terminal in non-blocking mode, which another program can leave behind: such a terminal is opened
//     anew, without a change for that program. Pipes stay as they are (os/standard.h waits for them);
//   - no signal is blocked, and SIGPIPE and SIGXFSZ are ignored: a reader that goes is an error of the write (EPIPE), and so
//     is a limit of file sizes (ulimit -f), which is then a full disk (EFBIG), in every command.
// False: /dev/null cannot be opened, and something is missing of this.
bool process_start(void);

#endif
