// SPDX-License-Identifier: ISC
// Joins ui/printer.h, which knows what may be printed, to os/standard.h, which knows how it is written. Layer: cmd.
#ifndef MMS_CMD_OUTPUT_H
#define MMS_CMD_OUTPUT_H

// Has the printer write by os/standard.h. Must be called before anything is printed.
void output_open(void);

// Writes out what was printed on standard output. Returns EXIT_DONE, or the exit status of a command whose output nobody gets:
// EXIT_NO_READER, EXIT_INTERRUPTED or EXIT_LATER without a word, or EXIT_IO, told on standard error in the name of
// `command` ("mms who"). From then on it stays so.
int output_flush(const char *command);

#endif
