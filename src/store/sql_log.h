// SPDX-License-Identifier: ISC
// The files that SQLite is given: the system's own, but that what is written to a log is gathered. SQLite writes a page of the
// log by two system calls; a commit so takes one for all of its pages. Layer: store; private to this folder.
//
// A log's bytes reach the system with the sync that makes them a commit, and before anything is read. So another process sees
// every commit as ever; what it does not see yet belongs to none.
#ifndef MMS_STORE_SQL_LOG_H
#define MMS_STORE_SQL_LOG_H

// The name of this file system for sqlite3_open_v2; NULL: SQLite has no memory. Made with the first call, over what is SQLite's
// default then, and the same for the whole process; not from two threads at a time.
const char *sql_log_vfs(void);

#endif
