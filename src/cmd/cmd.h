// SPDX-License-Identifier: ISC
// The subcommands of `mms`, one file each. Layer: cmd.
// Each takes the command line from its own name on (argv[0] is "send"), and returns the exit status (cmd/exit.h).
#ifndef MMS_CMD_CMD_H
#define MMS_CMD_CMD_H

#define MMS_VERSION "0.1.0"

int cmd_server(int argc, char **argv); // `mms server`: src/cmd/server.c
int cmd_client(int argc, char **argv); // `mms client`: src/cmd/client.c
int cmd_send(int argc, char **argv);   // `mms send`: src/cmd/send.c
int cmd_listen(int argc, char **argv); // `mms listen`: src/cmd/listen.c
int cmd_who(int argc, char **argv);    // `mms who`: src/cmd/who.c
int cmd_user(int argc, char **argv);   // `mms user`: src/cmd/user.c
int cmd_room(int argc, char **argv);   // `mms room`: src/cmd/room.c
int cmd_check(int argc, char **argv);  // `mms check`: src/cmd/check.c
int cmd_bench(int argc, char **argv);  // `mms bench`: src/cmd/bench.c

#endif
