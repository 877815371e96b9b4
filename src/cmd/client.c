// SPDX-License-Identifier: ISC
int cmd_client(int argc, char **argv);
int cmd_client(int argc, char **argv) { (void)argc; (void)argv; return 1; }
